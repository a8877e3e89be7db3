"""Properties of Cox models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from properties.generators import Cohort, fit_cox, make_cohort, regression_cohorts, run

from survmodel import CoxPH, DataError, Outcome, Ridge
from survmodel.models.cox_fit import CoxFit

TIES = st.sampled_from(["efron", "breslow"])
COHORTS = regression_cohorts()


def both(a: CoxFit | None, b: CoxFit | None) -> bool:
    """Both exist; it is an error when only one does."""
    assert (a is None) == (b is None)
    return a is not None


def fit_plain(cohort: Cohort, ties: str, formula: str = "age + male + suv", **options: object) -> CoxFit | None:
    table = cohort.table.assign(stratum=cohort.stratum, weight=cohort.weight)
    return fit_cox(CoxPH(formula, ties=ties, strata="stratum"), table, cohort.outcome, **options)


def test_the_cohorts_can_be_fitted() -> None:
    """Most random cohorts have estimates, or else the properties say nothing."""
    cohorts = [make_cohort(seed, 30 + seed, "whole", 0.5, late=seed % 2 == 0, groups=3, strata=3) for seed in range(60)]
    fits = [fit_plain(cohort, "efron") for cohort in cohorts]
    assert np.mean([fit is not None for fit in fits]) > 0.9


@run
@given(COHORTS, TIES, st.integers(0, 2**16))
def test_07_counts_are_copies(cohort: Cohort, ties: str, seed: int) -> None:
    """7. A count is so many rows."""
    counts = np.random.default_rng(seed).integers(0, 4, cohort.n)
    counted = fit_plain(cohort, ties, freq=counts)
    rows = np.repeat(np.arange(cohort.n), counts)
    table = cohort.table.assign(stratum=cohort.stratum).iloc[rows].reset_index(drop=True)
    copied = fit_cox(CoxPH("age + male + suv", ties=ties, strata="stratum"), table, cohort.outcome.take(rows))
    if both(counted, copied):
        assert_allclose(counted.maximum.loglik, copied.maximum.loglik, rtol=1e-12)
        assert_allclose(counted.beta, copied.beta, rtol=1e-6, atol=1e-8)
        assert_allclose(counted.beta_covariance, copied.beta_covariance, rtol=1e-6, atol=1e-12)
        assert counted.n == copied.n
        assert counted.n_event == copied.n_event
        assert_allclose(counted.glance()["bic"], copied.glance()["bic"], rtol=1e-10)


@run
@given(COHORTS, TIES)
def test_08_entry_at_zero(cohort: Cohort, ties: str) -> None:
    """8. Entry at 0 equals no entry."""
    late = Outcome(cohort.time, cohort.event, np.zeros(cohort.n))
    plain = Outcome(cohort.time, cohort.event)
    a, b = (fit_cox(CoxPH("age + male", ties=ties), cohort.table, outcome) for outcome in (late, plain))
    if both(a, b):
        assert_allclose(a.beta, b.beta, rtol=1e-9, atol=1e-12)
        assert_allclose(a.maximum.loglik, b.maximum.loglik, rtol=1e-13)


@run
@given(COHORTS, TIES, st.sampled_from([(1e6, 1e8), (1e-6, 0.0), (-3.0, 40.0), (1e12, 0.0), (1.0, 1e6)]))
def test_24_shift_and_scale(cohort: Cohort, ties: str, change: tuple[float, float]) -> None:
    """24. A shifted and scaled covariate gives the same model."""
    factor, shift = change
    moved = cohort.table.assign(age=cohort.table["age"] * factor + shift)
    model = CoxPH("age + male", ties=ties)
    a, b = (fit_cox(model, table, cohort.outcome) for table in (cohort.table, moved))
    if both(a, b):
        assert_allclose(b.beta * [factor, 1], a.beta, rtol=1e-6, atol=1e-9)
        assert_allclose(b.maximum.loglik, a.maximum.loglik, rtol=1e-11)
        assert_allclose(
            b.prognostic_index(moved) - b.beta[0] * shift, a.prognostic_index(cohort.table), rtol=1e-6, atol=1e-4
        )


@run
@given(COHORTS, TIES)
def test_25_reference_level(cohort: Cohort, ties: str) -> None:
    """25. Another reference level leaves the fit, the contrasts and the likelihood ratio."""
    table = cohort.table.assign(stage=cohort.group)
    levels = sorted(set(cohort.group))
    if len(levels) < 3:
        return
    fits = [
        fit_cox(CoxPH("stage + age", ties=ties, reference={"stage": level}), table, cohort.outcome) for level in levels
    ]
    if all(fit is None for fit in fits):
        return
    for other in fits[1:]:
        assert both(fits[0], other)
        assert_allclose(other.maximum.loglik, fits[0].maximum.loglik, rtol=1e-11)
        for quantity in ("lr_statistic", "score_statistic", "wald_statistic"):
            assert_allclose(other.glance()[quantity], fits[0].glance()[quantity], rtol=1e-6, atol=1e-9)
        ratios = [fit.hazard_ratios(contrasts={"stage": (levels[0], levels[2])}) for fit in (fits[0], other)]
        assert_allclose(ratios[1][["estimate", "std_error"]], ratios[0][["estimate", "std_error"]], rtol=1e-6)


@run
@given(COHORTS, TIES)
def test_26_column_order(cohort: Cohort, ties: str) -> None:
    """26. The order of columns does not matter."""
    a, b = (fit_plain(cohort, ties, formula) for formula in ("age + male + suv", "suv + age + male"))
    if both(a, b):
        assert_allclose(b.coefficients[a.coefficients.index], a.coefficients, rtol=1e-7, atol=1e-9)
        assert_allclose(b.maximum.loglik, a.maximum.loglik, rtol=1e-12)


@run
@given(COHORTS, TIES, st.booleans())
def test_27_residual_sums(cohort: Cohort, ties: str, weighted: bool) -> None:
    """27. Martingale residuals add up to 0; so do the columns of Schoenfeld and score residuals (weighted)."""
    weight = cohort.weight if weighted else np.ones(cohort.n)
    fit = fit_plain(cohort, ties, weights=weight)
    if fit is None:
        return
    x = fit.design.matrix(cohort.table)
    size = np.abs(x - x.mean(axis=0)).sum(axis=0)
    assert abs(weight @ fit.residuals("martingale")["estimate"]) < 1e-9 * cohort.n
    score = fit.residuals("score")[list(fit.design.names)].to_numpy()
    assert (np.abs(weight @ score) < 1e-7 * size).all()
    schoenfeld = fit.residuals("schoenfeld")
    deaths = weight[schoenfeld["row"] - 1]
    assert (np.abs(deaths @ schoenfeld[list(fit.design.names)].to_numpy()) < 1e-7 * size).all()


@run
@given(COHORTS, TIES, st.sampled_from([2, 5]))
def test_28_weights(cohort: Cohort, ties: str, factor: int) -> None:
    """28. Weights of 1 are none; c times them leaves beta and the robust error, divides the model's by sqrt(c)."""
    plain, ones = fit_plain(cohort, ties), fit_plain(cohort, ties, weights=np.ones(cohort.n))
    if both(plain, ones):
        assert_array_equal(plain.beta, ones.beta)
        assert_array_equal(plain.beta_covariance, ones.beta_covariance)
    weight = cohort.weight + 0.1
    one, more = fit_plain(cohort, ties, weights=weight), fit_plain(cohort, ties, weights=weight * factor)
    if both(one, more):
        assert one.robust
        assert_allclose(more.beta, one.beta, rtol=1e-6, atol=1e-8)
        assert_allclose(more.beta_covariance, one.beta_covariance, rtol=1e-5, atol=1e-12)
        assert_allclose(more.maximum.covariance * factor, one.maximum.covariance, rtol=1e-6, atol=1e-12)


@run
@given(COHORTS, TIES)
def test_29_each_row_its_own_cluster(cohort: Cohort, ties: str) -> None:
    """29. A cluster for each row is the robust error."""
    table = cohort.table.assign(row=np.arange(cohort.n)[::-1])
    clustered = fit_cox(CoxPH("age + male", cluster="row", ties=ties), table, cohort.outcome)
    if clustered is not None:
        dfbeta = clustered.residuals("dfbeta")[["age", "male"]].to_numpy()
        assert_allclose(clustered.covariance, dfbeta.T @ dfbeta, rtol=1e-9, atol=1e-15)


@run
@given(regression_cohorts(late=True), TIES)
def test_30_useless_intervals(cohort: Cohort, ties: str) -> None:
    """30. Intervals without an event inside change nothing."""
    outcome = cohort.outcome
    if not outcome.n_event:
        return
    early = outcome.time[outcome.event == 1].min()
    extra = 5
    longer = Outcome(
        np.concatenate([outcome.time, np.full(extra, early * 0.9)]),
        np.concatenate([outcome.event, np.zeros(extra, int)]),
        np.concatenate([outcome.entry, np.full(extra, early * 0.1)]),
    )
    table = pd.concat([cohort.table, cohort.table.iloc[:extra] * 1], ignore_index=True)
    model = CoxPH("age + male", ties=ties)
    a, b = fit_cox(model, cohort.table, outcome), fit_cox(model, table, longer)
    if both(a, b):
        assert_allclose(b.beta, a.beta, rtol=1e-7, atol=1e-9)
        assert_allclose(b.maximum.loglik, a.maximum.loglik, rtol=1e-12)


@run
@given(COHORTS, TIES)
def test_31_more_columns(cohort: Cohort, ties: str) -> None:
    """31. A column of pure noise never lowers the log-likelihood."""
    small, large = fit_plain(cohort, ties, "age + male"), fit_plain(cohort, ties, "age + male + lp")
    if small is not None and large is not None:
        assert large.maximum.loglik >= small.maximum.loglik - 1e-9


@run
@given(COHORTS, TIES)
def test_32_strata_of_one(cohort: Cohort, ties: str) -> None:
    """32. Strata of one person contribute nothing."""
    table = cohort.table.assign(stratum=cohort.stratum)
    alone = cohort.table.iloc[:4].assign(stratum=[90, 91, 92, 93])
    outcome = cohort.outcome
    entry = None if outcome.entry is None else np.concatenate([outcome.entry, np.zeros(4)])
    longer = Outcome(np.concatenate([outcome.time, [5.0] * 4]), np.concatenate([outcome.event, [1] * 4]), entry)
    model = CoxPH("age + male", strata="stratum", ties=ties)
    a = fit_cox(model, table, Outcome(outcome.time, outcome.event, outcome.entry))
    b = fit_cox(model, pd.concat([table, alone], ignore_index=True), longer)
    if both(a, b):
        assert_allclose(b.beta, a.beta, rtol=1e-7, atol=1e-9)
        assert_allclose(b.maximum.loglik, a.maximum.loglik, rtol=1e-12)


@run
@given(COHORTS, TIES)
def test_33_ridge_limits(cohort: Cohort, ties: str) -> None:
    """33. A penalty towards 0 gives the maximum-likelihood estimate, a large one gives 0."""
    formula = "age + male"
    free = fit_cox(CoxPH(formula, ties=ties), cohort.table, cohort.outcome)
    if free is None:
        return
    weak, strong = (
        CoxPH(formula, ties=ties, penalty=Ridge(theta)).fit(cohort.table, cohort.outcome) for theta in (1e-10, 1e12)
    )
    assert_allclose(weak.beta, free.beta, rtol=1e-6, atol=1e-8)
    assert_allclose(weak.glance()["lr_df"], [2], rtol=1e-6)
    assert np.abs(strong.beta).max() < 1e-6
    assert float(strong.glance()["lr_df"].iloc[0]) < 1e-3


@run
@given(COHORTS, TIES)
def test_35_index_of_the_training_rows(cohort: Cohort, ties: str) -> None:
    """35. The index of the training rows is covariates times coefficients, and its hazards give the events."""
    fit = fit_plain(cohort, ties, "age + male + suv + offset(lp)")
    if fit is None:
        return
    table = cohort.table.assign(stratum=cohort.stratum)
    index = fit.prognostic_index(table)
    by_hand = sum(fit.coefficients[name] * table[name] for name in ("age", "male", "suv")) + table["lp"]
    assert_allclose(index, by_hand, rtol=1e-10)
    if ties == "breslow" and cohort.entry is None:
        times = np.unique(cohort.outcome.time)
        survival = fit.predict_survival(table, times)
        own = survival[np.arange(cohort.n), np.searchsorted(times, cohort.outcome.time)]
        expected = cohort.event - fit.residuals("martingale")["estimate"]
        assert_allclose(-np.log(own), expected, rtol=1e-6, atol=1e-9)


@run
@given(COHORTS, TIES)
def test_36_predicted_survival(cohort: Cohort, ties: str) -> None:
    """36. Predicted survival lies in [0, 1] and falls with time and with the index."""
    fit = fit_plain(cohort, ties)
    if fit is None:
        return
    table = cohort.table.assign(stratum=cohort.stratum)
    times = np.linspace(0, cohort.time.max() * 1.05, 23)
    survival = fit.predict_survival(table, times)
    known = ~np.isnan(survival)
    assert ((survival >= 0) & (survival <= 1))[known].all()
    assert (survival[:, 0] == 1).all()
    with np.errstate(invalid="ignore"):
        assert not (np.diff(survival, axis=1) > 0).any()
    assert_allclose((survival + fit.predict_risk(table, times))[known], 1, rtol=1e-12)
    index = fit.prognostic_index(table)
    for stratum in set(cohort.stratum):
        inside = np.flatnonzero(cohort.stratum == stratum)
        ordered = survival[inside[np.argsort(index[inside])]]
        last = cohort.time[inside].max()
        assert_array_equal(np.isnan(ordered), np.broadcast_to(times > last * (1 + 1e-9), ordered.shape))
        assert not (np.diff(ordered, axis=0) > 1e-12).any()


@run
@given(COHORTS)
def test_37_columns_by_name(cohort: Cohort) -> None:
    """37. Prediction finds columns by name: order and further ones do not matter, a missing one is an error."""
    fit = fit_plain(cohort, "efron")
    if fit is None:
        return
    table = cohort.table.assign(stratum=cohort.stratum)
    turned = table[list(table.columns[::-1])].assign(further=1)
    assert_array_equal(fit.prognostic_index(turned), fit.prognostic_index(table))
    assert_array_equal(fit.predict_risk(turned, [5.0]), fit.predict_risk(table, [5.0]))
    for name in ("age", "stratum"):
        with pytest.raises(DataError, match=name):
            fit.predict_risk(table.drop(columns=name), [5.0])


@run
@given(COHORTS, st.sampled_from(["age + constant", "age + age_copy", "age + male + age_copy"]))
def test_useless_columns_are_refused(cohort: Cohort, formula: str) -> None:
    """A constant column and a copy of another are refused, never fitted."""
    assert fit_cox(CoxPH(formula), cohort.table, cohort.outcome) is None
