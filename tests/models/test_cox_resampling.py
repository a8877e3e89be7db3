"""Counts equal replication, for any counts; the fast and the general way give the same index."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import ConfigError, CoxPH, DataError, FitError, Outcome, Ridge, example_cohort, validate
from survmodel.models.contract import Resampler
from survmodel.models.cox_likelihood import refuse_runaway
from survmodel.models.row_resampling import RowResampler
from survmodel.resampling import bootstrap_counts, read_units


def cohort(seed: int = 1, n: int = 90, *, late: bool = False) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame({
        "age": random.normal(60, 10, n),
        "sex": random.choice(["f", "m"], n),
        "entity": random.choice(["MM", "CLL", "MCL"], n),
    })  # fmt: skip
    # whole months: ties, so that Efron's and Breslow's ways differ
    time = np.ceil(random.exponential(20 / np.exp(0.03 * (table["age"] - 60)))) + 1
    entry = random.integers(0, 2, n).astype(float) if late else None
    return table, Outcome(time, random.random(n) < 0.7, entry, unit="months")


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("penalty", [None, Ridge(2.0)])
@pytest.mark.parametrize("strata", [None, "entity"])
@pytest.mark.parametrize("late", [False, True])
def test_fast_equals_general(ties: str, penalty: Ridge | None, strata: str | None, late: bool) -> None:
    table, outcome = cohort(late=late)
    spec = CoxPH("age + sex", strata=strata, ties=ties, penalty=penalty, reference={"sex": "f"})
    fast, general = spec.resampler(table, outcome), RowResampler(spec, table, outcome)
    assert isinstance(fast, Resampler)
    for counts in bootstrap_counts(read_units(outcome.n, strata=table["entity"]), 5, 8):
        assert fast.index(counts) == pytest.approx(general.index(counts), abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=90, max_size=90))
def test_any_counts(counts: list[int]) -> None:
    table, outcome = cohort()
    spec = CoxPH("age", ties="efron")
    fast, general = spec.resampler(table, outcome), RowResampler(spec, table, outcome)
    asked = np.array(counts)
    try:
        expected = general.index(asked)
    except (FitError, DataError):
        with pytest.raises((FitError, DataError)):
            fast.index(asked)
        return
    assert fast.index(asked) == pytest.approx(expected, abs=1e-7)


def test_counts_of_one_are_the_fit() -> None:
    table, outcome = cohort()
    spec = CoxPH("age + sex")
    index = spec.resampler(table, outcome).index(np.ones(outcome.n, dtype=np.int64))
    assert index == pytest.approx(spec.fit(table, outcome).prognostic_index(table), abs=1e-12)


def test_failures_are_those_of_a_fit() -> None:
    table, outcome = cohort()
    resampler = CoxPH("age + sex").resampler(table, outcome)
    nobody = np.where(outcome.event == 1, 0, 1)
    with pytest.raises(FitError, match="no events"):
        resampler.index(nobody)
    women = np.where(table["sex"] == "f", 1, 0)
    with pytest.raises(FitError, match="constant"):
        resampler.index(women)


def test_missing_values_are_refused() -> None:
    table, outcome = cohort()
    table.loc[0, "age"] = np.nan
    with pytest.raises(DataError, match="cannot be drawn again"):
        CoxPH("age").resampler(table, outcome)


def test_effect_curve_is_the_contrast() -> None:
    table, outcome = cohort()
    fit = CoxPH("log2(age) + sex").fit(table, outcome)
    curve = fit.effect_curve("age", 55.0, points=7)
    assert curve["level"].iloc[[0, -1]].tolist() == [table["age"].min(), table["age"].max()]
    for _, row in curve.iterrows():
        same = fit.hazard_ratios(contrasts={"age": (55.0, row["level"])}).iloc[0]
        for name in ("estimate", "std_error", "conf_low", "conf_high"):
            assert row[name] == pytest.approx(same[name], rel=1e-12)
    assert fit.effect_curve("age")["reference"].iloc[0] == table["age"].median()
    factor = CoxPH("sex").fit(table, outcome)
    with pytest.raises(ConfigError, match="no number"):
        factor.effect_curve("sex")
    with pytest.raises(ConfigError, match="not a column"):
        factor.effect_curve("age")


def test_a_resample_whose_hazards_go_beyond_floats_counts_as_failed() -> None:
    # So few events in so many strata: in some resamples the covariates order all of them.
    analysis = example_cohort().analysis("pfs", "prognostic")
    measured = analysis.table[["fdg_suvmax", "cxcr4_suvmax"]].notna().all(axis=1)
    spec = CoxPH("age_years + log2(fdg_suvmax) + log2(cxcr4_suvmax)", strata="entity")
    found = validate(spec, analysis.table[measured], analysis.outcome.take(measured), repeats=100)
    (scores,) = found.scores.values()
    assert 80 <= scores.used < scores.asked == 100
    assert "has no maximum" in scores.failures[0][0]


@pytest.mark.parametrize("beta", [[90.0, -1.0], [np.nan, 0.0]])
def test_information_beyond_floats_names_the_column_that_ran_away(beta: list[float]) -> None:
    with pytest.raises(FitError, match=r"has no maximum.*separation by age \((higher|lower) hazard\)\.") as caught:
        refuse_runaway(np.array(beta), np.full((2, 2), np.nan), np.eye(2), ("age", "sex"))
    assert "sex" not in caught.value.found


def test_a_step_that_is_far_too_long_is_halved_until_it_helps() -> None:
    """Two of three first deaths carry a rare mark: from 0 Newton's method lands where nearly nothing is known.

    R's coxph runs out of iterations here at a log-likelihood of -107 (survival 3.5-3); that of the maximum is higher.
    """
    random = np.random.default_rng(3)
    marker = random.normal(size=(60, 2))[:, 0]
    random.choice(["lymphoma", "myeloma"], 60)
    time, censor = random.exponential(20 * np.exp(-marker)), random.uniform(5, 60, 60)
    table = pd.DataFrame({"marker": marker, "rare": (np.arange(60) < 3).astype(float)})
    outcome = Outcome(np.ceil(np.minimum(time, censor)), (time <= censor).astype(int))
    found = 0
    for counts in bootstrap_counts(read_units(60), 60, 1):
        rows = np.repeat(np.arange(60), counts)
        try:
            fit = CoxPH("marker + rare").fit(table.iloc[rows], outcome.take(rows))
        except FitError:
            continue
        best = fit.glance()["loglik"].iloc[0]
        tied = (outcome.take(rows).time[table.iloc[rows]["rare"] == 1] == 1).sum()
        found += int(tied == 2 and counts[0] == 2)
        assert fit.maximum.score_size < 1e-9
        assert best >= fit.glance()["loglik_null"].iloc[0]
    assert found > 0
