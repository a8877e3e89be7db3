"""Properties of cumulative incidences."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from numpy.testing import assert_allclose
from properties.generators import Cohort, cohorts, run

from survmodel import CumulativeIncidence, KaplanMeier, Outcome

CAUSES = {1: "relapse", 2: "death"}


def with_causes(cohort: Cohort) -> Outcome:
    """Give every event one of two causes."""
    cause = cohort.random.integers(1, 3, cohort.n)
    return Outcome(cohort.time, np.where(cohort.event == 1, cause, 0), cohort.entry, causes=CAUSES)


def survival(outcome: Outcome, group: np.ndarray) -> pd.DataFrame:
    return KaplanMeier().fit(outcome, by=group).tidy().set_index(["group", "time"])


@run
@given(cohorts())
def test_12_risks_add_up(cohort: Cohort) -> None:
    """12. The incidences of all causes and the survival without any event add up to 1, in every group."""
    outcome = with_causes(cohort)
    table = CumulativeIncidence().fit(outcome, by=cohort.group).tidy()
    total = table.groupby(["group", "time"], sort=False)["estimate"].sum()
    free = survival(outcome.any_event(), cohort.group)["estimate"]
    assert_allclose(total + free.loc[total.index], 1.0, rtol=0, atol=1e-12)


@run
@given(cohorts())
def test_12_one_cause(cohort: Cohort) -> None:
    """12. With one cause the incidence is 1 - S."""
    table = CumulativeIncidence().fit(cohort.outcome, by=cohort.group).tidy().set_index(["group", "time"])
    curve = survival(cohort.outcome, cohort.group)
    assert_allclose(table["estimate"], 1 - curve["estimate"].loc[table.index], rtol=0, atol=1e-12)


@run
@given(cohorts())
def test_12_censoring_the_others_overstates(cohort: Cohort) -> None:
    """12. The incidence of a cause is at most 1 - S of that cause, the other one censored."""
    outcome = with_causes(cohort)
    table = CumulativeIncidence().fit(outcome, by=cohort.group).tidy()
    for code, label in CAUSES.items():
        incidence = table[table["level"] == label].set_index(["group", "time"])["estimate"]
        wrong = 1 - survival(outcome.cause_specific(code), cohort.group)["estimate"]
        assert (incidence <= wrong.loc[incidence.index] + 1e-12).all()
