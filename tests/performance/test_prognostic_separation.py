"""Royston and Sauerbrei's D and Gonen and Heller's K by their definitions, within strata, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from survmodel import ConfigError, CoxPH, DataError, EndpointError, FitError, Outcome, gonen_heller, royston_d
from survmodel.performance.prognostic_separation import POOLED


def sample(n: int = 150, seed: int = 1, slope: float = 1.0) -> tuple[Outcome, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    time, censor = random.exponential(6 * np.exp(-slope * x)), random.uniform(1, 20, n)
    return Outcome(np.minimum(time, censor), time <= censor), x


def test_d_of_a_normal_index_is_its_spread_times_kappa() -> None:
    """The halves of a normal index of slope .8 lie .8 sqrt(8/pi) apart; beside noise of variance pi^2/6."""
    outcome, x = sample(6000, slope=0.8)
    d, r2 = royston_d(outcome, x).values
    assert d.estimate == pytest.approx(0.8 * math.sqrt(8 / math.pi), abs=3 * d.std_error)
    assert r2.conf_low < 0.64 / (0.64 + math.pi**2 / 6) < r2.conf_high
    assert math.isnan(r2.std_error)


def test_only_the_order_of_the_index_matters_to_d() -> None:
    outcome, x = sample()
    assert royston_d(outcome, np.exp(x)).values == royston_d(outcome, x).values
    scores = np.argsort(np.argsort(x)) + 1.0
    assert royston_d(outcome, scores).estimate == royston_d(outcome, x).estimate


def test_an_index_that_misleads_explains_nothing() -> None:
    outcome, x = sample()
    right, wrong = royston_d(outcome, x), royston_d(outcome, -x)
    assert wrong.estimate == pytest.approx(-right.estimate, rel=1e-9)
    assert wrong.values[1].estimate == wrong.values[1].conf_low == 0
    assert wrong.warnings[-1].startswith("the index orders the patients the wrong way")
    assert not right.warnings
    assert "R2_D" in repr(right)


def test_k_is_the_mean_over_pairs() -> None:
    outcome, x = sample(40)
    x = np.round(x, 1)
    group = np.where(np.arange(40) < 15, "a", "b")
    chance = [
        (group[i] == group[j], 1 / (1 + math.exp(-abs(x[i] - x[j]))))
        for i in range(40) for j in range(i)
    ]  # fmt: skip
    found = gonen_heller(outcome, x, strata=group)
    assert found.estimate == pytest.approx(np.mean([k for same, k in chance if same]), rel=1e-12)
    assert found.values[1].measure.endswith(POOLED)
    assert found.values[1].estimate == pytest.approx(np.mean([k for _, k in chance]), rel=1e-12)
    assert gonen_heller(outcome, x - 300).estimate == pytest.approx(found.values[1].estimate, rel=1e-12)
    far = gonen_heller(outcome, np.where(x > 0, 700.0, -700.0))
    assert 0.5 < far.estimate < 1
    assert np.isfinite(far.std_error)


def test_within_strata_what_is_between_them_does_not_count() -> None:
    outcome, x = sample(400)
    group = np.where(np.arange(400) % 2 == 0, "ill", "well")
    shifted = Outcome(outcome.time * np.where(group == "ill", 0.05, 1), outcome.event)
    index = x / 4 + np.where(group == "ill", 3.0, 0.0)
    for measure in (royston_d, gonen_heller):
        both = measure(shifted, index, strata=group)
        alone = measure(outcome, x / 4, strata=group)
        assert both.estimate == pytest.approx(alone.estimate, rel=1e-9)
        pooled = [one for one in both.values if one.measure.endswith(POOLED)]
        assert pooled[0].estimate > both.estimate + 0.05
        assert both.n_strata == 2
        assert "includes differences between strata" in repr(both)
    with pytest.raises(FitError, match="one value within every stratum"):
        royston_d(outcome, (group == "ill").astype(float), strata=group)


def test_the_error_of_k_is_its_spread_over_samples() -> None:
    """Of 300 samples of 150 with two columns fitted in each: the mean error is the standard deviation, within 12 %.

    Though the error knows of the slope of the index only, and not of the direction of the coefficients.
    """
    random = np.random.default_rng(3)
    found = []
    for _ in range(300):
        table = pd.DataFrame({"x": random.normal(size=150), "z": random.integers(0, 2, 150)})
        time = random.exponential(6 * np.exp(-0.7 * table["x"] - 0.5 * table["z"]))
        censor = random.uniform(1, 20, 150)
        outcome = Outcome(np.minimum(time, censor), time <= censor)
        one = gonen_heller(outcome, CoxPH("x + z").fit(table, outcome).prognostic_index(table))
        assert not one.warnings
        found.append((one.estimate, one.std_error))
    values, errors = np.array(found).T
    assert errors.mean() == pytest.approx(values.std(), rel=0.12)


def test_limits_hold_the_truth() -> None:
    """In 400 samples of 150 limits of D hold slope times kappa, and those of K the mean over 2,000 other patients."""
    x = np.random.default_rng(1).normal(size=2000)
    k = gonen_heller(Outcome(np.arange(2000) + 1.0, np.ones(2000)), 0.8 * x).estimate
    hit = np.zeros(2)
    for seed in range(400):
        outcome, x = sample(seed=seed, slope=0.8)
        d = royston_d(outcome, x).values[0]
        table = pd.DataFrame({"x": x})
        one = gonen_heller(outcome, CoxPH("x").fit(table, outcome).prognostic_index(table)).values[0]
        hit += [d.conf_low <= 0.8 * math.sqrt(8 / math.pi) <= d.conf_high, one.conf_low <= k <= one.conf_high]
    assert (hit / 400 >= 0.93).all()
    assert (hit / 400 <= 0.97).all()


@pytest.mark.parametrize("kind", ["values of their own", "ties", "strata"])
def test_the_error_of_d_counts_that_the_scores_come_from_the_rows(kind: str) -> None:
    """By the jackknife of the whole, ranks too; the error of the Cox model, which R gives, is smaller."""
    outcome, x = sample(200, seed=5, slope=1.2)
    x = np.round(x) if kind == "ties" else x
    group = np.where(np.arange(200) % 3 == 0, "a", "b") if kind == "strata" else np.full(200, "all")
    left = [np.delete(np.arange(200), row) for row in range(200)]
    again = np.array([royston_d(outcome.take(rows), x[rows], strata=group[rows]).estimate for rows in left])
    jackknife = math.sqrt(199 / 200 * ((again - again.mean()) ** 2).sum())
    found, given = (royston_d(outcome, x, strata=group, errors=errors) for errors in ("influence", "model"))
    assert found.std_error == pytest.approx(jackknife, rel=0.07)
    assert given.std_error < 0.95 * found.std_error
    assert given.estimate == found.estimate
    assert "scores given" in given.conventions
    assert "scores estimated" in found.conventions


def test_a_slope_that_is_not_one_is_told() -> None:
    outcome, x = sample()
    found = gonen_heller(outcome, 5 * x)
    assert "the slope of the index in these rows is 0." in found.warnings[-1]
    assert found.values[0].conf_high <= 1
    flat = gonen_heller(outcome, x / 1000)
    assert flat.values[0].conf_low == 0.5


def test_row_labels_and_refusals() -> None:
    outcome, x = sample()
    with pytest.raises(ConfigError, match="errors 'modell' are not known"):
        royston_d(outcome, x, errors="modell")
    labels = pd.Index([f"p{k}" for k in range(150)])
    named = Outcome(pd.Series(outcome.time, labels), pd.Series(outcome.event, labels))
    assert royston_d(named, pd.Series(x, labels)).estimate == royston_d(outcome, x).estimate
    for measure in (royston_d, gonen_heller):
        with pytest.raises(FitError, match="one value"):
            measure(outcome, np.ones(150))
        with pytest.raises(DataError, match="missing or infinite"):
            measure(outcome, np.where(x > 1, np.nan, x))
        with pytest.raises(DataError):
            measure(named, pd.Series(x))
        competing = Outcome([1, 2, 3], [1, 2, 0], causes={1: "relapse", 2: "death"})
        with pytest.raises(EndpointError, match="competing"):
            measure(competing, [1, 2, 3])
