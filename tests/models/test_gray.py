"""Gray's test: second routes, invariances, size, and what it refuses; R's numbers stand in tests/reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import ConfigError, DataError, EndpointError, FitError, Outcome, gray_test, logrank_test
from survmodel.models.gray import GrayTest

CAUSES = {1: "relapse", 2: "death"}
run = settings(deadline=None, max_examples=60)
OUTCOMES = st.integers(0, 10_000)


def cohort(seed: int, n: int = 40, groups: int = 3) -> tuple[Outcome, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    # few distinct times, so that events of both causes and censorings are tied
    outcome = Outcome(random.integers(1, 12, n), random.choice([0, 1, 2], n), causes=CAUSES)
    return outcome, random.integers(0, groups, n), random.integers(0, 2, n)


def attempt(outcome: Outcome, by: object, **options: object) -> GrayTest | None:
    try:
        return gray_test(outcome, by, **options)  # type: ignore[arg-type]
    except FitError:
        return None


def close(one: GrayTest | None, other: GrayTest | None) -> None:
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert one.df == other.df
        assert one.statistic == pytest.approx(other.statistic, rel=1e-9, abs=1e-10)


@run
@given(OUTCOMES)
def test_with_one_cause_observed_and_expected_are_those_of_the_logrank_test(seed):
    outcome, group, stratum = cohort(seed)
    single = Outcome(outcome.time, outcome.event > 0)
    gray, logrank = gray_test(single, group, strata=stratum), logrank_test(single, group, strata=stratum)
    np.testing.assert_allclose(gray.observed, logrank.observed, rtol=1e-12)
    np.testing.assert_allclose(gray.expected, logrank.expected, rtol=1e-10)


def test_with_one_cause_and_many_rows_the_statistic_is_near_the_logrank_statistic():
    random = np.random.default_rng(4)
    group = random.integers(0, 2, 4000)
    # the two variances agree only where there is no difference: this one is estimated under the hypothesis
    single = Outcome(random.exponential(1, 4000), random.random(4000) < 0.8)
    gray, logrank = gray_test(single, group), logrank_test(single, group)
    assert gray.statistic == pytest.approx(logrank.statistic, rel=0.02)


@run
@given(OUTCOMES, st.sampled_from([0.0, 1.0, -0.5]))
def test_rows_in_another_order_another_unit_of_time_and_other_labels_change_nothing(seed, rho):
    outcome, group, stratum = cohort(seed)
    plain = attempt(outcome, group, strata=stratum, rho=rho)
    order = np.random.default_rng(seed).permutation(outcome.n)
    close(plain, attempt(outcome.take(order), group[order], strata=stratum[order], rho=rho))
    months = Outcome(outcome.time * 30.4375, outcome.event, causes=CAUSES)
    close(plain, attempt(months, group, strata=stratum, rho=rho))
    close(plain, attempt(outcome, np.array(["z", "a", "m"])[group], strata=stratum, rho=rho))


@run
@given(OUTCOMES)
def test_scores_and_covariances_add_up_to_nothing(seed):
    outcome, group, stratum = cohort(seed)
    test = attempt(outcome, group, strata=stratum, cause=2)
    if test is not None:
        assert test.observed.sum() == pytest.approx(test.expected.sum(), rel=1e-10)
        np.testing.assert_allclose(test.covariance.sum(axis=1), 0, atol=1e-8)
        assert test.n_event.sum() == (outcome.event == 2).sum()
        assert 0 <= test.p_value <= 1


@run
@given(OUTCOMES)
def test_one_stratum_is_no_stratum_and_equal_groups_do_not_differ(seed):
    outcome, group, _ = cohort(seed)
    close(attempt(outcome, group), attempt(outcome, group, strata=["all"] * outcome.n))
    twice = outcome.take(np.tile(np.arange(outcome.n), 2))
    test = attempt(twice, np.repeat(["a", "b"], outcome.n))
    if test is not None:
        assert test.statistic == pytest.approx(0, abs=1e-12)


def test_a_group_gone_before_the_first_event_costs_no_degree_of_freedom():
    outcome, group, _ = cohort(1)
    more = Outcome(np.append(outcome.time, [0.5, 0.5]), np.append(outcome.event, [0, 0]), causes=CAUSES)
    close(gray_test(outcome, group), gray_test(more, np.append(group, [9, 9])))


def test_higher_hazard_and_equal_risk_are_told_apart():
    # In group b death without relapse takes patients away early: fewer relapse, though their hazard is the same.
    random = np.random.default_rng(11)
    n = 1500
    group = np.repeat(["a", "b"], n)
    relapse = random.exponential(1.0, 2 * n)
    death = random.exponential(np.where(group == "b", 0.33, 10.0))
    outcome = Outcome(np.minimum(relapse, death), np.where(relapse < death, 1, 2), causes=CAUSES)
    assert gray_test(outcome, group).p_value < 1e-6
    assert logrank_test(outcome.cause_specific(1), group).p_value > 0.01


def test_size_under_the_hypothesis():
    """1,000 cohorts of 100 without a difference: p-values below .05 in .05 +- .0145, and near uniform."""
    random = np.random.default_rng(20240)
    p_values = []
    for _ in range(1000):
        time = random.exponential(1.0, 100)
        censored = random.uniform(0, 4, 100)
        event = np.where(censored < time, 0, random.choice([1, 2], 100, p=[0.6, 0.4]))
        outcome = Outcome(np.minimum(time, censored), event, causes=CAUSES)
        p_values.append(gray_test(outcome, np.arange(100) % 2).p_value)
    p = np.sort(p_values)
    assert abs((p < 0.05).mean() - 0.05) <= 0.0145
    assert np.abs(p - (np.arange(1000) + 0.5) / 1000).max() < 0.0515  # Kolmogorov's distance at the 1 % level


def test_what_cannot_be_tested_is_refused_as_by_the_logrank_test():
    outcome, group, _ = cohort(2)
    with pytest.raises(DataError, match="there is only one group"):
        gray_test(outcome, ["a"] * outcome.n)
    with pytest.raises(DataError, match="by has rows without a group"):
        gray_test(outcome, pd.Series(group, dtype=float).replace(0.0, np.nan))
    with pytest.raises(FitError, match="there are no events"):
        gray_test(Outcome([1, 2, 3, 4], [2, 0, 2, 0], causes=CAUSES), list("abab"))
    with pytest.raises(FitError, match="no event time has two groups at risk"):
        gray_test(Outcome([1, 2, 3, 4], [1, 1, 2, 1], causes=CAUSES), list("aabb"), strata=list("aabb"))
    with pytest.raises(ConfigError, match=r"cause 3 is no cause.*1 \(relapse\), 2 \(death\)"):
        gray_test(outcome, group, cause=3)
    for cause in ("relapse", [1], True, None):
        with pytest.raises(ConfigError, match="is no cause of the outcome"):
            gray_test(outcome, group, cause=cause)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="rho"):
        gray_test(outcome, group, rho=float("nan"))
    with pytest.raises(EndpointError, match=r"late entry.*1 row with a late entry.*cause_specific"):
        gray_test(Outcome([3, 4, 5], [1, 2, 1], [0, 2, 0], causes=CAUSES), list("aab"))
    with pytest.raises(DataError, match="not an Outcome"):
        gray_test(group, group)  # type: ignore[arg-type]


def test_what_is_shown():
    outcome, group, stratum = cohort(3)
    test = gray_test(outcome, group, strata=stratum, rho=1)
    assert test.tidy().columns.tolist() == ["group", "n", "n_event", "observed", "expected"]
    glance = test.glance().iloc[0]
    assert (glance["cause"], glance["n_strata"], glance["rho"]) == ("relapse", 2, 1)
    assert glance["n_competing"] == (outcome.event == 2).sum()
    assert repr(test).startswith("Gray's test (relapse, rho 1, 2 strata): chi-squared ")
