"""Exact ties against sums over all sets, conditional logistic regression, and replicated rows."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api
from scipy.optimize import minimize

from survmodel import ConfigError, CoxPH, FitError, Outcome, likelihood_ratio_test, proportional_hazards_test
from survmodel.models.exact_ties import MOST_DEATHS


def cohort(n: int = 24, seed: int = 5, late: bool = False) -> tuple[pd.DataFrame, Outcome]:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"x": rng.normal(size=n), "z": rng.integers(0, 2, n), "site": rng.integers(0, 2, n)})
    time = rng.integers(2, 6, n)
    entry = rng.integers(0, 2, n) if late else None
    return table, Outcome(time, rng.random(n) < 0.7, entry=entry)


def by_all_sets(table: pd.DataFrame, outcome: Outcome, beta: np.ndarray) -> float:
    """The definition: every set of as many rows at risk, written out."""
    eta = table[["x", "z"]].to_numpy() @ beta
    entry = np.zeros(outcome.n) if outcome.entry is None else outcome.entry
    total = 0.0
    for u in np.unique(outcome.time[outcome.died]):
        dead = np.flatnonzero((outcome.time == u) & outcome.died)
        at_risk = np.flatnonzero((outcome.time >= u) & (entry < u))
        sets = itertools.combinations(at_risk, dead.size)
        total += eta[dead].sum() - np.log(sum(np.exp(eta[list(one)].sum()) for one in sets))
    return total


@pytest.mark.parametrize("late", [False, True])
def test_all_sets_written_out(late: bool) -> None:
    table, outcome = cohort(n=14, late=late)
    fit = CoxPH("x + z", ties="exact").fit(table, outcome)
    assert fit.maximum.loglik == pytest.approx(by_all_sets(table, outcome, fit.beta), rel=1e-12)
    assert fit.maximum.loglik_null == pytest.approx(by_all_sets(table, outcome, np.zeros(2)), rel=1e-12)
    found = minimize(lambda beta: -by_all_sets(table, outcome, beta), np.zeros(2), tol=1e-12)
    assert fit.beta == pytest.approx(found.x, abs=1e-5)


def test_matched_sets_are_a_conditional_logistic_regression() -> None:
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"x": rng.normal(size=120), "group": np.repeat(np.arange(20), 6)})
    event = rng.random(120) < 1 / (1 + np.exp(-table["x"]))
    fit = CoxPH("x", strata="group", ties="exact").fit(table, Outcome(np.ones(120), event))
    logit = statsmodels.api.ConditionalLogit(event.astype(int), table[["x"]], groups=table["group"])
    # Its own search stops early: its likelihood and score are asked for at the maximum found here.
    assert fit.maximum.loglik == pytest.approx(logit.loglike(fit.beta), rel=1e-12)
    assert np.abs(logit.score(fit.beta)) < 1e-7


def test_counts_are_replicated_rows() -> None:
    table, outcome = cohort()
    freq = np.random.default_rng(1).integers(0, 3, outcome.n)
    rows = np.repeat(np.arange(outcome.n), freq)
    spec = CoxPH("x + z", strata="site", ties="exact")
    counted = spec.fit(table, outcome, freq=freq)
    repeated = spec.fit(table.iloc[rows].reset_index(drop=True), outcome.take(rows))
    assert counted.beta == pytest.approx(repeated.beta, rel=1e-10)
    assert counted.maximum.loglik == pytest.approx(repeated.maximum.loglik, rel=1e-12)
    drawn = spec.resampler(table, outcome).coefficients(freq)
    assert drawn == pytest.approx(repeated.beta, rel=1e-10)


def test_without_ties_all_methods_agree() -> None:
    table, _ = cohort()
    outcome = Outcome(np.arange(1, 25), np.arange(24) % 3 > 0)
    fits = [CoxPH("x + z", ties=ties).fit(table, outcome) for ties in ("efron", "breslow", "exact")]
    for fit in fits[:2]:
        assert fits[2].beta == pytest.approx(fit.beta, rel=1e-9)
        assert fits[2].maximum.loglik == pytest.approx(fit.maximum.loglik, rel=1e-12)
        assert fits[2].beta_covariance == pytest.approx(fit.beta_covariance, rel=1e-9)


def test_many_rows_stay_within_floats() -> None:
    """The number of sets, about 10^181, would be lost in no time; halves with equal covariates give a log of it."""
    n, d = 600, 300
    table = pd.DataFrame({"x": np.tile([0.0, 1.0], n // 2)})
    event = np.repeat([True, False], n // 2)
    fit = CoxPH("x", ties="exact").fit(table, Outcome(np.ones(n), event))
    assert fit.beta == pytest.approx([0.0], abs=1e-12)
    terms = np.log(np.arange(1, n + 1))
    assert fit.maximum.loglik == pytest.approx(-(terms.sum() - 2 * terms[:d].sum()), rel=1e-12)


def test_a_likelihood_without_a_maximum_is_refused() -> None:
    """Therneau's first example: the exact likelihood rises for ever."""
    table = pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]})
    outcome = Outcome([1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1])
    with pytest.raises(FitError, match=r"no maximum.*x \(higher hazard\)"):
        CoxPH("x", ties="exact").fit(table, outcome)


def test_what_exact_ties_cannot_do() -> None:
    table, outcome = cohort()
    with pytest.raises(ConfigError, match="exact ties take no penalty"):
        CoxPH("x", ties="exact", penalty="firth")
    with pytest.raises(ConfigError, match="exact ties take no penalty and no clusters"):
        CoxPH("x", ties="exact", cluster="site")
    with pytest.raises(ConfigError, match="exact ties take no weights"):
        CoxPH("x", ties="exact").fit(table, outcome, weights=np.full(outcome.n, 2.0))
    fit = CoxPH("x", ties="exact").fit(table, outcome)
    with pytest.raises(FitError, match="no test of proportional hazards"):
        proportional_hazards_test(fit)
    with pytest.raises(FitError, match="no profile limits for exact ties"):
        fit.profile_limits()
    many = MOST_DEATHS + 1
    crowd = pd.DataFrame({"x": np.arange(2.0 * many) % 7})
    with pytest.raises(FitError, match=f"{many} deaths at one time are too many"):
        CoxPH("x", ties="exact").fit(crowd, Outcome(np.ones(2 * many), np.repeat([True, False], many)))


def test_conventions_are_said() -> None:
    table, outcome = cohort()
    row = CoxPH("x", ties="exact").fit(table, outcome).glance().iloc[0]
    assert row["ties"] == "exact"
    assert row["conventions"].startswith("Exact ties, Breslow baseline")


def test_terms_are_tested_in_the_exact_likelihood() -> None:
    table, outcome = cohort()
    small, large = CoxPH("x", ties="exact").fit(table, outcome), CoxPH("x + z", ties="exact").fit(table, outcome)
    tests = large.term_tests("likelihood-ratio").set_index("term")
    assert tests.loc["z", "statistic"] == pytest.approx(likelihood_ratio_test(small, large).statistic, rel=1e-9)
