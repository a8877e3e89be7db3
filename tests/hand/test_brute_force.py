"""The kernels against loops over rows, on small random data with ties, strata, entry times, counts and weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hand.brute_force import Rows, count_pairs, gradient, log_likelihood

from survmodel import CoxPH, Outcome, concordance

SEEDS = range(12)


def make_rows(seed: int, *, late: bool, strata: bool, weighted: bool) -> Rows:
    rng = np.random.default_rng([seed, late, strata, weighted])
    n = int(rng.integers(26, 40))
    time = rng.integers(2, 9, n).astype(float)
    entry = np.floor(rng.uniform(0, time)) if late else np.full(n, -np.inf)
    entry = np.where(entry >= time, time - 1, entry)
    return Rows(
        time=time.tolist(),
        event=rng.integers(0, 5, n).clip(max=1).tolist(),
        x=np.column_stack([rng.normal(size=n).round(1), rng.integers(0, 2, n)]).tolist(),
        entry=entry.tolist(),
        stratum=(rng.integers(0, 3, n) if strata else np.zeros(n, int)).tolist(),
        weight=(rng.integers(1, 8, n) / 4 if weighted else np.ones(n)).tolist(),
        offset=rng.normal(scale=0.2, size=n).round(2).tolist(),
    )


def table_of(rows: Rows) -> pd.DataFrame:
    x = np.array(rows.x)
    return pd.DataFrame({"x": x[:, 0], "z": x[:, 1], "o": rows.offset, "s": rows.stratum})


def outcome_of(rows: Rows) -> Outcome:
    entry = None if np.isinf(rows.entry[0]) else rows.entry
    return Outcome(rows.time, rows.event, entry)


def fit_of(rows: Rows, ties: str, counts: list[int] | None = None) -> tuple[object, Rows]:
    model = CoxPH("x + z + offset(o)", strata="s", ties=ties)
    fit = model.fit(table_of(rows), outcome_of(rows), weights=rows.weight, freq=counts)
    return fit, rows if counts is None else rows.replicated(counts)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("strata", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", SEEDS[:4])
class TestLikelihood:
    def test_value_score_and_information(self, seed: int, weighted: bool, strata: bool, late: bool, ties: str) -> None:
        rows = make_rows(seed, late=late, strata=strata, weighted=weighted)
        fit, _ = fit_of(rows, ties)
        maximum = fit.maximum
        assert maximum.loglik_null == pytest.approx(log_likelihood(rows, [0, 0], ties), rel=1e-12)
        assert maximum.loglik == pytest.approx(log_likelihood(rows, fit.beta, ties), rel=1e-12)
        assert np.abs(gradient(rows, fit.beta, ties)).max() < 1e-6
        steps = 1e-4 * np.eye(2)
        curvature = [
            (gradient(rows, fit.beta - step, ties) - gradient(rows, fit.beta + step, ties)) / 2e-4 for step in steps
        ]
        np.testing.assert_allclose(maximum.information, curvature, rtol=2e-4, atol=2e-4)
        start = [(gradient(rows, -step, ties) - gradient(rows, step, ties)) / 2e-4 for step in steps]
        score = gradient(rows, [0, 0], ties)
        assert maximum.score_statistic == pytest.approx(score @ np.linalg.solve(start, score), rel=1e-4)

    def test_counts_are_replicated_rows(self, seed: int, weighted: bool, strata: bool, late: bool, ties: str) -> None:
        rows = make_rows(seed, late=late, strata=strata, weighted=weighted)
        counts = np.random.default_rng(seed).integers(0, 4, rows.n).tolist()
        fit, replicated = fit_of(rows, ties, counts)
        if weighted:
            # one tied death of count 2 and weight w is two deaths of weight w
            assert fit.n == replicated.n
        assert fit.maximum.loglik_null == pytest.approx(log_likelihood(replicated, [0, 0], ties), rel=1e-12)
        assert fit.maximum.loglik == pytest.approx(log_likelihood(replicated, fit.beta, ties), rel=1e-12)
        assert np.abs(gradient(replicated, fit.beta, ties)).max() < 1e-6


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("strata", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_concordance_pairs(seed: int, weighted: bool, strata: bool, late: bool) -> None:
    rows = make_rows(seed, late=late, strata=strata, weighted=weighted)
    index = np.round([x[0] for x in rows.x]).tolist()
    pairs = count_pairs(rows.time, rows.event, index, rows.entry, rows.stratum, rows.weight)
    got = concordance(outcome_of(rows), index, strata=rows.stratum, weights=rows.weight)
    for name in ("concordant", "discordant", "tied_index", "tied_time", "tied_both"):
        assert getattr(got, name) == pytest.approx(getattr(pairs, name), rel=1e-12, abs=1e-12), name
    usable = pairs.concordant + pairs.discordant + pairs.tied_index
    assert got.estimate == pytest.approx((pairs.concordant + pairs.tied_index / 2) / usable, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS[:4])
@pytest.mark.parametrize("late", [False, True])
def test_concordance_influence_is_a_derivative(seed: int, late: bool) -> None:
    """The standard error is that of the infinitesimal jackknife: slopes of C in the weights."""
    rows = make_rows(seed, late=late, strata=True, weighted=True)
    outcome, index = outcome_of(rows), [x[0] for x in rows.x]
    got = concordance(outcome, index, strata=rows.stratum, weights=rows.weight)
    slopes = []
    for i in range(rows.n):
        ends = []
        for step in (1e-5, -1e-5):
            weight = np.array(rows.weight)
            weight[i] *= 1 + step
            ends.append(concordance(outcome, index, strata=rows.stratum, weights=weight).estimate)
        slopes.append((ends[0] - ends[1]) / 2e-5)
    np.testing.assert_allclose(got.influence, slopes, atol=1e-8)
    assert got.std_error == pytest.approx(np.sqrt(np.sum(np.square(slopes))), rel=1e-5)
