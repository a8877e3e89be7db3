"""Properties of log-rank tests, of concordance and of AUC(t)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from properties.generators import Cohort, cohorts, fit_cox, regression_cohorts, run

from survmodel import (
    CoxPH,
    DataError,
    EndpointError,
    FitError,
    Outcome,
    concordance,
    logrank_test,
    pairwise_logrank,
    time_dependent_auc,
)
from survmodel.models.logrank import LogrankTest
from survmodel.performance.discrimination import Concordance
from survmodel.performance.time_dependent_auc import TimeDependentAUC

OPTIONS = st.sampled_from(
    [{}, {"rho": 1.0}, {"gamma": 1.0}, {"rho": 0.5, "gamma": 0.5}, {"weighting": "gehan"}, {"weighting": "tarone-ware"},
     {"weighting": "peto-peto"}, {"weighting": "modified-peto"}]
)  # fmt: skip
NOT_COMPARABLE = {"there is only one group", "there are no events", "no event time has two groups at risk"}
COMPARABLE = cohorts(smallest=4, events=st.sampled_from([0.3, 0.7, 1.0]))


def run_test(outcome: Outcome, group: object, **options: object) -> LogrankTest | None:
    """Test, or None where the groups cannot be compared: one group, no event, no event time with two of them."""
    try:
        return logrank_test(outcome, group, **options)  # type: ignore[arg-type]
    except (FitError, DataError) as error:
        if error.problem not in NOT_COMPARABLE:
            raise
        return None


def close(a: LogrankTest | None, b: LogrankTest | None, rtol: float = 1e-9) -> None:
    assert (a is None) == (b is None)
    if a is not None and b is not None:
        assert a.df == b.df
        assert_allclose(a.statistic, b.statistic, rtol=rtol, atol=1e-10)
        assert_allclose(a.p_value, b.p_value, rtol=1e-6, atol=1e-10)


@run
@given(COMPARABLE, OPTIONS)
def test_14_observed_and_expected(cohort: Cohort, options: dict[str, object]) -> None:
    """14. Observed and expected events have one sum; so has every row of the covariance, 0."""
    test = run_test(cohort.outcome, cohort.group, strata=cohort.stratum, **options)
    if test is not None:
        assert_allclose(test.observed.sum(), test.expected.sum(), rtol=1e-10, atol=1e-12)
        assert_allclose(test.covariance.sum(axis=1), 0, atol=1e-10 * max(1.0, np.abs(test.covariance).max()))
        assert test.statistic >= 0
        assert 0 <= test.p_value <= 1
        assert 1 <= test.df < len(test.groups)


@run
@given(COMPARABLE, OPTIONS)
def test_15_only_order_of_times(cohort: Cohort, options: dict[str, object]) -> None:
    """15. A transformation of time that keeps the order keeps chi-squared."""
    outcome = cohort.outcome
    entry = outcome.entry
    values = np.unique(outcome.time if entry is None else np.concatenate([outcome.time, entry]))
    rank = {value: 3.0 + i + 0.1 * i**2 for i, value in enumerate(values)}
    warped = Outcome(
        [rank[t] for t in outcome.time], outcome.event, None if entry is None else [rank[t] for t in entry]
    )
    close(
        run_test(outcome, cohort.group, strata=cohort.stratum, **options),
        run_test(warped, cohort.group, strata=cohort.stratum, **options),
        rtol=1e-10,
    )


@run
@given(COMPARABLE, OPTIONS)
def test_16_labels(cohort: Cohort, options: dict[str, object]) -> None:
    """16. Swapping labels keeps chi-squared."""
    labels = sorted(set(cohort.group))
    new = dict(zip(labels, cohort.random.permutation(labels), strict=True))
    close(
        run_test(cohort.outcome, cohort.group, **options),
        run_test(cohort.outcome, [new[g] for g in cohort.group], **options),
    )


@run
@given(cohorts(), OPTIONS)
def test_17_identical_groups(cohort: Cohort, options: dict[str, object]) -> None:
    """17. Two identical groups: chi-squared 0, p 1."""
    outcome = cohort.outcome.take(np.tile(np.arange(cohort.n), 2))
    test = run_test(outcome, np.repeat(["a", "b"], cohort.n), **options)
    if test is not None:
        assert test.statistic == pytest.approx(0, abs=1e-15)
        assert test.p_value == pytest.approx(1, abs=1e-6)


@run
@given(regression_cohorts(("exponential",)))
def test_18_logrank_is_a_score_test(cohort: Cohort) -> None:
    """18. Without ties the log-rank test is the Cox score test at beta = 0 (1e-8)."""
    table = cohort.table.assign(group=cohort.group, stratum=cohort.stratum)
    fit = fit_cox(CoxPH("group", strata="stratum"), table, cohort.outcome)
    test = run_test(cohort.outcome, cohort.group, strata=cohort.stratum)
    if fit is not None and test is not None and fit.beta.size == test.df:
        assert_allclose(fit.maximum.score_statistic, test.statistic, rtol=1e-8)


@run
@given(COMPARABLE, OPTIONS, st.integers(1, 5))
def test_19_group_gone_before_the_first_event(cohort: Cohort, options: dict[str, object], n_new: int) -> None:
    """19. A group censored before the first event changes neither chi-squared nor degrees of freedom."""
    outcome = cohort.outcome
    if not outcome.n_event:
        return
    early = outcome.time[outcome.event == 1].min() / 2
    entry = None if outcome.entry is None else np.concatenate([outcome.entry, np.zeros(n_new)])
    more = Outcome(
        np.concatenate([outcome.time, np.full(n_new, early)]),
        np.concatenate([outcome.event, np.zeros(n_new, int)]),
        entry,
    )
    group = np.concatenate([cohort.group, ["new"] * n_new])
    close(run_test(outcome, cohort.group, **options), run_test(more, group, **options))


@run
@given(COMPARABLE, OPTIONS)
def test_20_one_stratum(cohort: Cohort, options: dict[str, object]) -> None:
    """20. One stratum is no stratum."""
    plain = run_test(cohort.outcome, cohort.group, **options)
    strata = run_test(cohort.outcome, cohort.group, strata=["all"] * cohort.n, **options)
    assert (plain is None) == (strata is None)
    if plain is not None and strata is not None:
        assert plain.statistic == strata.statistic
        assert_array_equal(plain.expected, strata.expected)


@run
@given(COMPARABLE)
def test_21_adjusted_p_values(cohort: Cohort) -> None:
    """21. Raw p <= Benjamini-Hochberg <= Holm <= Bonferroni."""
    if len(set(cohort.group)) < 2:
        return
    p = {
        name: pairwise_logrank(cohort.outcome, cohort.group, adjust=name).tidy()["p_adjusted"].to_numpy()
        for name in ("none", "fdr", "holm", "bonferroni")
    }
    slack = 1e-12
    for smaller, larger in (("none", "fdr"), ("fdr", "holm"), ("holm", "bonferroni")):
        known = ~np.isnan(p[smaller])
        assert_array_equal(known, ~np.isnan(p[larger]))
        assert (p[smaller][known] <= p[larger][known] + slack).all()


def c_index(cohort: Cohort, index: np.ndarray, **options: object) -> Concordance | None:
    try:
        return concordance(cohort.outcome, index, **options)  # type: ignore[arg-type]
    except FitError:
        return None


@run
@given(COMPARABLE, st.booleans())
def test_39_concordance(cohort: Cohort, tied: bool) -> None:
    """39a. C(x) + C(-x) = 1 with tied scores counted one half; C does not change under monotone maps."""
    index = cohort.table["age"].to_numpy()
    index = np.round(index, -1) if tied else index
    options = {"strata": cohort.stratum, "weights": cohort.weight}
    plain, turned, mapped = (c_index(cohort, x, **options) for x in (index, -index, np.exp(index / 50)))
    if plain is None or turned is None or mapped is None:
        assert plain is turned is mapped is None
        return
    assert_allclose(plain.estimate + turned.estimate, 1, rtol=1e-12)
    assert_allclose(plain.std_error, turned.std_error, rtol=1e-9, atol=1e-12)
    assert plain.estimate == mapped.estimate
    assert plain.std_error == mapped.std_error


@run
@given(cohorts(smallest=3, events=st.just(1.0)))
def test_39_uno_without_censoring(cohort: Cohort) -> None:
    """39b. Without censoring Uno's C is Harrell's."""
    index = cohort.table["suv"].to_numpy()
    harrell, uno = c_index(cohort, index), c_index(cohort, index, method="uno")
    assert (harrell is None) == (uno is None)
    if harrell is not None and uno is not None:
        assert_allclose(uno.estimate, harrell.estimate, rtol=1e-12)
        assert_allclose(uno.std_error, harrell.std_error, rtol=1e-9, atol=1e-14)


SCORED = cohorts(smallest=4, late=False, events=st.sampled_from([0.4, 0.7, 1.0]))
NOT_SCORED = {"no stratum has both a case and a control", "no event happened up to the last time"}


def auc(cohort: Cohort, index: np.ndarray, **options: object) -> TimeDependentAUC | None:
    """AUC at the median time, or None where it does not exist: nobody has the event by then, or is followed further."""
    time = float(np.median(cohort.time))
    try:
        return time_dependent_auc(cohort.outcome, index, time, **options)  # type: ignore[arg-type]
    except FitError as error:
        if error.problem not in NOT_SCORED:
            raise
    except EndpointError as error:
        if not error.problem.startswith("nobody was followed beyond"):
            raise
    return None


@run
@given(SCORED, st.booleans())
def test_39_auc_turns_round(cohort: Cohort, tied: bool) -> None:
    """39c. AUC(x) + AUC(-x) = 1 with tied risks counted one half."""
    index = cohort.table["age"].to_numpy()
    index = np.round(index, -1) if tied else index
    plain, turned = (auc(cohort, x, strata=cohort.stratum) for x in (index, -index))
    assert (plain is None) == (turned is None)
    if plain is not None and turned is not None:
        assert_allclose(plain.estimate + turned.estimate, 1, rtol=1e-12)
        assert_allclose(plain.std_error, turned.std_error, rtol=1e-7, atol=1e-12)


@run
@given(SCORED, st.booleans())
def test_40_auc_under_monotone_maps(cohort: Cohort, tied: bool) -> None:
    """40. AUC(t) does not change under monotone maps; it is 1/2 for one value and 1 for the order of times."""
    index = cohort.table["age"].to_numpy()
    index = np.round(index, -1) if tied else index
    plain, mapped = auc(cohort, index, strata=cohort.stratum), auc(cohort, np.exp(index / 50), strata=cohort.stratum)
    assert (plain is None) == (mapped is None)
    if plain is None or mapped is None:
        return
    assert_array_equal(plain.estimate, mapped.estimate)
    assert_array_equal(plain.std_error, mapped.std_error)
    flat, best = auc(cohort, np.zeros(cohort.n)), auc(cohort, -cohort.outcome.time)
    if flat is not None and best is not None:
        assert_allclose(flat.estimate, 0.5, rtol=1e-12)
        assert_allclose(best.estimate, 1.0, rtol=1e-12)
