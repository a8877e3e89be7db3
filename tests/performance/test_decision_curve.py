"""Net benefit by its definition, within strata, with its errors and limits, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    CumulativeIncidence,
    DataError,
    EndpointError,
    FitError,
    KaplanMeier,
    Outcome,
    decision_curve,
)
from survmodel.performance.decision_curve import DecisionCurve
from survmodel.performance.observed_risk import observe_risk

THRESHOLDS = [0.2, 0.4, 0.6]


def sample(n: int = 120, seed: int = 1, kinds: int = 1) -> tuple[Outcome, np.ndarray]:
    """Rows with tied times, and risks by 4."""
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    time, censor = random.exponential(6 * np.exp(-x)), random.uniform(2, 14, n)
    event = (time <= censor) * random.integers(1, kinds + 1, n)
    causes = None if kinds == 1 else {1: "relapse", 2: "death"}
    risk = 1 - np.exp(-4 / 6 * np.exp(x))
    return Outcome(np.ceil(np.minimum(time, censor) * 2) / 2, event, causes=causes), risk


@pytest.mark.parametrize("kinds", [1, 2])
def test_the_definition_from_curves_of_those_at_or_above_the_threshold(kinds: int) -> None:
    outcome, risk = sample(kinds=kinds)
    risk = np.round(risk, 1)
    result = decision_curve(outcome, risk, 4, THRESHOLDS, sample="test")
    for k, threshold in enumerate(THRESHOLDS):
        high = np.flatnonzero(risk >= threshold)
        some = outcome.take(high)
        if kinds == 1:
            happened = 1 - KaplanMeier().fit(some).at([4])["estimate"].iloc[0]
        else:
            happened = CumulativeIncidence().fit(some).at([4])["estimate"].iloc[0]
        share = high.size / 120
        expected = share * happened - share * (1 - happened) * threshold / (1 - threshold)
        assert result.estimate[2, k] == pytest.approx(expected, rel=1e-12)
        assert result.parts[0].n_treated[2, k] == high.size
    assert (result.estimate[0] == 0).all()
    assert (result.std_error[0] == 0).all()
    assert result.strategies == ("treat none", "treat all", "model")


@pytest.mark.parametrize("kinds", [1, 2])
def test_what_rows_contribute_are_derivatives_by_their_weights(kinds: int) -> None:
    outcome, _ = sample(40, seed=2, kinds=kinds)

    def risk_of(weight: np.ndarray, horizon: float) -> float:
        survival, risk = 1.0, 0.0
        for step in np.unique(outcome.time[outcome.time <= horizon]):
            here, left = outcome.time == step, weight[outcome.time >= step].sum()
            risk += survival * weight[here & (outcome.event == 1)].sum() / left
            survival *= 1 - weight[here & (outcome.event > 0)].sum() / left
        return risk

    for horizon in (0.2, 2.0, 4.0, 13.0):
        found = observe_risk(outcome, np.arange(40), horizon)
        assert found.risk == pytest.approx(risk_of(np.ones(40), horizon), rel=1e-12)
        for row in range(40):
            more, less = np.ones(40), np.ones(40)
            more[row] += 1e-6
            less[row] -= 1e-6
            slope = (risk_of(more, horizon) - risk_of(less, horizon)) / 2e-6
            assert found.influence[row] == pytest.approx(slope, abs=1e-8)


def test_the_error_of_treating_all_is_that_of_the_curve() -> None:
    outcome, risk = sample()
    result = decision_curve(outcome, risk, 4, 0.5, sample="test")
    curve = KaplanMeier().fit(outcome).at([4]).iloc[0]
    assert result.std_error[1, 0] == pytest.approx(2 * curve["std_error"] * np.sqrt(120 / 119), rel=1e-6)
    assert result.observed == pytest.approx(1 - curve["estimate"], rel=1e-12)


def test_strata_count_by_their_rows_and_stand_alone() -> None:
    outcome, risk = sample(240, seed=4)
    group = np.where(np.arange(240) % 4 == 0, "a", "b")
    both = decision_curve(outcome, risk, 4, THRESHOLDS, strata=group, sample="test")
    total = np.zeros((3, 3))
    for label, share in (("a", 0.25), ("b", 0.75)):
        rows = np.flatnonzero(group == label)
        alone = decision_curve(outcome.take(rows), risk[rows], 4, THRESHOLDS, sample="test")
        (part,) = (one for one in both.parts if one.group == label)
        assert part.estimate == pytest.approx(alone.estimate, rel=1e-12)
        assert part.std_error == pytest.approx(alone.std_error, rel=1e-12)
        total += share * alone.estimate
    assert both.estimate == pytest.approx(total, rel=1e-12)
    assert both.tidy()["group"].unique().tolist() == ["", "a", "b"]
    assert "within 2 strata" in repr(both)


def test_errors_within_strata_are_those_of_the_jackknife() -> None:
    outcome, risk = sample(160, seed=6)
    group = np.where(np.arange(160) % 4 == 0, "a", "b")
    risks = {"a": risk, "b": np.sqrt(risk)}

    def all_of(rows: np.ndarray) -> np.ndarray:
        kept = {name: one[rows] for name, one in risks.items()}
        found = decision_curve(outcome.take(rows), kept, 4, THRESHOLDS, strata=group[rows], sample="test")
        return np.vstack([found.estimate, found.compared.estimate])

    again = np.array([all_of(np.delete(np.arange(160), row)) for row in range(160)])
    jackknife = np.sqrt(159 / 160 * ((again - again.mean(axis=0)) ** 2).sum(axis=0))
    found = decision_curve(outcome, risks, 4, THRESHOLDS, strata=group, sample="test")
    errors = np.vstack([found.std_error, found.compared.std_error])
    assert errors == pytest.approx(jackknife, rel=0.03)


def test_errors_count_the_shares_of_strata_that_differ() -> None:
    """Hardly anybody of one stratum has the event by 4 and nearly everybody of the other."""
    outcome, risk = sample(160, seed=6)
    group = np.where(np.arange(160) % 4 == 0, "a", "b")
    event = np.where(group == "a", outcome.event * (np.arange(160) % 5 == 0), 1)
    apart = Outcome(np.where(group == "a", outcome.time + 3, outcome.time / 3), event)

    def score(rows: np.ndarray) -> DecisionCurve:
        return decision_curve(apart.take(rows), risk[rows], 4, [0.1, 0.3], strata=group[rows], sample="test")

    found = score(np.arange(160))
    again = np.array([score(np.delete(np.arange(160), row)).estimate for row in range(160)])
    jackknife = np.sqrt(159 / 160 * ((again - again.mean(axis=0)) ** 2).sum(axis=0))
    assert (found.parts[2].estimate[1] - found.parts[1].estimate[1] > 0.7).all()
    assert found.std_error == pytest.approx(jackknife, rel=0.02)


def test_differences_stand_against_treating_all_and_earlier_models() -> None:
    outcome, risk = sample()
    result = decision_curve(outcome, {"base": risk, "full": risk**2}, 4, THRESHOLDS, sample="test")
    table = result.differences()
    pairs = list(zip(table["model"], table["reference"], strict=True))[::3]
    assert pairs == [("base", "treat all"), ("full", "treat all"), ("full", "base")]
    assert table["threshold"].tolist() == THRESHOLDS * 3
    assert table["estimate"].to_numpy()[6:] == pytest.approx(result.estimate[3] - result.estimate[2], abs=1e-15)


def test_limits_hold_the_truth() -> None:
    """In 600 samples limits of net benefit and of its gain over treating all hold the truth in 93 to 97 %."""
    random = np.random.default_rng(11)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        x = random.normal(size=n)
        return random.exponential(6 * np.exp(-x)), 1 - np.exp(-4 / 6 * np.exp(0.7 * x))

    time, risk = draw(400_000)
    truth = [((risk >= p) & (time <= 4)).mean() - ((risk >= p) & (time > 4)).mean() * p / (1 - p) for p in THRESHOLDS]
    treat = [(time <= 4).mean() - (time > 4).mean() * p / (1 - p) for p in THRESHOLDS]
    hit = np.zeros((2, 3))
    for _ in range(600):
        time, risk = draw(300)
        censor = random.uniform(1, 12, 300)
        outcome = Outcome(np.minimum(time, censor), time <= censor)
        found = decision_curve(outcome, risk, 4, THRESHOLDS, sample="test")
        hit[0] += np.abs(found.estimate[2] - truth) <= 1.959964 * found.std_error[2]
        gain = np.subtract(truth, treat)
        hit[1] += np.abs(found.compared.estimate[0] - gain) <= 1.959964 * found.compared.std_error[0]
    assert (hit / 600 >= 0.93).all()
    assert (hit / 600 <= 0.97).all()


def test_apparent_curves_are_said_to_be_too_good() -> None:
    outcome, risk = sample()
    apparent = decision_curve(outcome, risk, 4, THRESHOLDS, sample="apparent")
    assert any("too good" in warning for warning in apparent.warnings)
    silent = decision_curve(outcome, risk, 4, THRESHOLDS)
    assert not silent.warnings
    assert any("say in sample=" in note for note in silent.notes)
    honest = decision_curve(outcome, risk, 4, THRESHOLDS, sample="out of fold")
    assert not honest.warnings + honest.notes
    assert "out of fold" in repr(honest)
    assert set(honest.tidy()["sample"]) == {"out of fold"}


def test_treated_rows_without_follow_up_are_told_and_none_treated_is_zero() -> None:
    outcome = Outcome([1, 2, 3, 6, 7, 8], [1, 0, 0, 1, 0, 1])
    result = decision_curve(outcome, [0.9, 0.8, 0.8, 0.3, 0.2, 0.1], 5, [0.28, 0.5, 0.95], sample="test")
    assert any("model: from the threshold 50.0% on" in note for note in result.notes)
    # one of four, or of three, at risk has the event at 1, and nobody another by 5
    assert result.estimate[2].tolist() == pytest.approx([4 / 6 * (1 / 4 - 3 / 4 * 7 / 18), 3 / 6 * (1 / 3 - 2 / 3), 0])
    assert result.std_error[2, 2] == 0
    assert result.parts[0].n_treated[2].tolist() == [4, 3, 0]


def test_thresholds_are_put_in_order() -> None:
    outcome, risk = sample()
    result = decision_curve(outcome, risk, 4, [0.6, 0.2, 0.4, 0.2], sample="test")
    assert result.thresholds.tolist() == THRESHOLDS
    assert "6 of 50 thresholds" in repr(decision_curve(outcome, risk, 4, np.linspace(0.1, 0.6, 50)))


def test_refusals() -> None:
    outcome, risk = sample()
    for wrong in ([0.0, 0.5], 1.0, [0.2, np.nan], [-0.1]):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            decision_curve(outcome, risk, 4, wrong)
    with pytest.raises(ConfigError, match="found none"):
        decision_curve(outcome, risk, 4, [])
    with pytest.raises(ConfigError, match="not numbers"):
        decision_curve(outcome, risk, 4, ["low"])
    with pytest.raises(EndpointError, match="within the follow-up"):
        decision_curve(outcome, risk, 99, 0.2)
    with pytest.raises(FitError, match="no event"):
        decision_curve(outcome, risk, 0.01, 0.2)
    with pytest.raises(DataError, match="no probability"):
        decision_curve(outcome, 3 * risk, 4, 0.2)
    with pytest.raises(DataError, match="missing"):
        decision_curve(outcome, np.where(risk > 0.5, np.nan, risk), 4, 0.2)
    for name in ("treat all", "treat none"):
        with pytest.raises(ConfigError, match=name):
            decision_curve(outcome, {name: risk}, 4, 0.2)
    late = Outcome(outcome.time + 1, outcome.event, np.full(120, 0.5))
    with pytest.raises(FitError, match="late entry"):
        decision_curve(late, risk, 4, 0.2)
    with pytest.raises(DataError, match="outcome"):
        decision_curve(pd.DataFrame({"x": risk}), risk, 4, 0.2)
