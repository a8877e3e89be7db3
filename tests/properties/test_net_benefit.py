"""Properties of net benefit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from properties.generators import Cohort, cohorts, run

from survmodel import FitError, KaplanMeier, decision_curve
from survmodel.performance.decision_curve import DecisionCurve


def curve_of(cohort: Cohort, thresholds: list[float]) -> tuple[DecisionCurve, float] | None:
    """Decision curve at the median time of a risk that lies between 0 and 1, or None without an event by then."""
    time = float(np.median(cohort.time))
    risk = 1 / (1 + np.exp(-(cohort.table["age"].to_numpy() - 60) / 10))
    try:
        return decision_curve(cohort.outcome, risk, time, thresholds, sample="test"), time
    except FitError as error:
        if error.problem != "no event happened up to the last time":
            raise
    return None


@run
@given(cohorts(smallest=2, late=False, events=st.sampled_from([0.4, 0.7, 1.0])))
def test_43_treating_all_at_threshold_zero(cohort: Cohort) -> None:
    """43a. The net benefit of treating all goes to the risk of all when the threshold goes to 0."""
    found = curve_of(cohort, [1e-12])
    if found is not None:
        result, time = found
        risk = 1 - KaplanMeier().fit(cohort.outcome).at([time])["estimate"].iloc[0]
        assert_allclose(result.estimate[1, 0], risk, rtol=1e-9, atol=1e-11)
        assert_allclose(result.observed, risk, rtol=1e-12, atol=1e-14)


@run
@given(cohorts(smallest=2, late=False, events=st.just(1.0)))
def test_43_no_model_gains_more_than_the_prevalence(cohort: Cohort) -> None:
    """43b. Uncensored, the net benefit of a model is at most the prevalence; at the ends it treats all or none."""
    found = curve_of(cohort, [1e-9, 0.1, 0.3, 0.5, 0.7, 1 - 1e-9])
    if found is not None:
        result, _ = found
        assert (result.estimate[2] <= result.observed + 1e-12).all()
        assert_allclose(result.estimate[2, 0], result.estimate[1, 0], rtol=1e-9)
        assert result.estimate[2, -1] == 0
