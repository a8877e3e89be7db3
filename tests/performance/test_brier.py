"""The Brier score by its definition, within strata, with its errors, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from survmodel import (
    ConfigError,
    DataError,
    EndpointError,
    FitError,
    KaplanMeier,
    Outcome,
    brier_score,
    integrated_brier_score,
)
from survmodel.performance import brier


def sample(n: int = 60, seed: int = 1, kinds: int = 1) -> tuple[Outcome, np.ndarray]:
    """Rows with tied times, and risks at 2, 4 and 6 of a model that knows something."""
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    time, censor = random.exponential(6 * np.exp(-x)), random.uniform(1, 14, n)
    event = (time <= censor) * random.integers(1, kinds + 1, n)
    risk = 1 - np.exp(-np.array([2.0, 4.0, 6.0]) / 6 * np.exp(x)[:, np.newaxis])
    causes = None if kinds == 1 else {1: "relapse", 2: "death"}
    return Outcome(np.ceil(np.minimum(time, censor) * 2) / 2, event, causes=causes), risk


def g_of(outcome: Outcome, time: float, *, before: bool) -> float:
    """The curve of censoring by its definition, deaths leaving first."""
    left = 1.0
    for step in np.unique(outcome.time[outcome.event == 0]):
        if step < time or (step == time and not before):
            here = outcome.time == step
            at_risk = (outcome.time > step).sum() + (here & (outcome.event == 0)).sum()
            left *= 1 - (here & (outcome.event == 0)).sum() / at_risk
    return left


def by_definition(outcome: Outcome, risk: np.ndarray, time: float) -> float:
    total = 0.0
    for own, last, event in zip(risk, outcome.time, outcome.event, strict=True):
        if last <= time and event == 1:
            total += (1 - own) ** 2 / g_of(outcome, last, before=True)
        elif last <= time and event > 1:
            total += own**2 / g_of(outcome, last, before=True)
        elif last > time:
            total += own**2 / g_of(outcome, time, before=False)
    return total / outcome.n


@pytest.mark.parametrize("kinds", [1, 2])
def test_the_definition_row_by_row(kinds: int) -> None:
    outcome, risk = sample(kinds=kinds)
    result = brier_score(outcome, risk, [2, 4, 6])
    expected = [by_definition(outcome, risk[:, k], time) for k, time in enumerate((2, 4, 6))]
    assert result.estimate[0] == pytest.approx(expected, rel=1e-12)
    assert result.ipa[0] == pytest.approx(1 - result.estimate[0] / result.estimate[1], rel=1e-12)
    assert (result.ipa[1] == 0).all()


def test_the_null_model_is_the_marginal_curve_of_the_stratum() -> None:
    outcome, risk = sample(80)
    group = np.where(np.arange(80) % 3 == 0, "a", "b")
    result = brier_score(outcome, risk, [2, 4, 6], strata=group)
    curve = KaplanMeier().fit(outcome, by=group).at([2, 4, 6]).pivot(index="group", columns="time", values="estimate")
    null = 1 - curve.loc[group].to_numpy()
    again = brier_score(outcome, null, [2, 4, 6], strata=group)
    assert again.estimate[0] == pytest.approx(result.estimate[1], rel=1e-12)
    assert again.ipa[0] == pytest.approx(0, abs=1e-12)


def test_strata_count_by_their_rows() -> None:
    """A score within strata is the mean of theirs, weighted by n."""
    outcome, risk = sample(200, seed=4)
    group = np.where(np.arange(200) % 4 == 0, "a", "b")
    both = brier_score(outcome, risk, [2, 4, 6], strata=group)
    parts = [brier_score(outcome.take(rows), risk[rows], [2, 4, 6]) for rows in
             (np.flatnonzero(group == "a"), np.flatnonzero(group == "b"))]  # fmt: skip
    assert both.estimate == pytest.approx(0.25 * parts[0].estimate + 0.75 * parts[1].estimate, rel=1e-12)
    assert not both.notes


def test_a_stratum_with_few_censorings_shares_the_pooled_curve() -> None:
    outcome, risk = sample(60)
    group = np.where(np.arange(60) < 6, "small", "large")
    result = brier_score(outcome, risk, [2, 4, 6], strata=group)
    assert any("pooled censoring distribution: small" in note for note in result.notes)


def test_errors_are_the_spread_over_samples() -> None:
    """400 samples of 120: the mean estimated error is the standard deviation of the scores, within 10 %."""
    found = []
    for seed in range(400):
        outcome, risk = sample(120, seed=seed)
        one = brier_score(outcome, risk[:, 1], 4)
        whole = integrated_brier_score(outcome, risk, [2, 4, 6])
        values = [(r.estimate[0, 0], r.std_error[0, 0], r.ipa[0, 0], r.ipa_std_error[0, 0]) for r in (one, whole)]
        found.append(np.ravel(values))
    scores = np.array(found).reshape(400, 4, 2)
    ratio = scores[:, :, 1].mean(axis=0) / scores[:, :, 0].std(axis=0)
    assert ratio == pytest.approx(1, abs=0.1)


def test_errors_at_tied_times_are_those_of_the_jackknife() -> None:
    outcome, risk = sample(150, seed=3)
    left = [np.delete(np.arange(150), row) for row in range(150)]
    again = np.array([brier_score(outcome.take(rows), risk[rows], [2, 4, 6]).estimate[0] for rows in left])
    jackknife = np.sqrt(149 / 150 * ((again - again.mean(axis=0)) ** 2).sum(axis=0))
    assert brier_score(outcome, risk, [2, 4, 6]).std_error[0] == pytest.approx(jackknife, rel=0.01)


def test_a_few_times_at_once_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, risk = sample()
    at_once = integrated_brier_score(outcome, {"a": risk}, [2, 4, 6], horizon=7)
    monkeypatch.setattr(brier, "AT_ONCE", 1)
    assert integrated_brier_score(outcome, {"a": risk}, [2, 4, 6], horizon=7).std_error == pytest.approx(
        at_once.std_error, rel=1e-12
    )
    assert at_once.tidy()["model"].tolist() == ["a", "a", "null model"]
    assert at_once.tidy()["measure"].tolist() == ["integrated Brier score", "IPA", "integrated Brier score"]
    assert "IPA" in repr(at_once)


def test_refusals() -> None:
    outcome, risk = sample()
    late = Outcome(outcome.time + 1, outcome.event, np.full(60, 0.5))
    with pytest.raises(FitError, match="late entry"):
        brier_score(late, risk, [2, 4, 6])
    with pytest.raises(EndpointError, match="within the follow-up"):
        brier_score(outcome, risk, [2, 4, 99])
    with pytest.raises(DataError, match="no probability"):
        brier_score(outcome, risk * 2, [2, 4, 6])
    with pytest.raises(DataError, match="missing"):
        brier_score(outcome, np.where(risk > 0.9, np.nan, risk), [2, 4, 6])
    with pytest.raises(DataError, match="shape"):
        brier_score(outcome, risk, [2, 4])
    with pytest.raises(ConfigError, match="ascend"):
        integrated_brier_score(outcome, risk, [2, 6, 4])
    with pytest.raises(ConfigError, match="null model"):
        brier_score(outcome, {"null model": risk}, [2, 4, 6])
    censored_last = Outcome([1, 2, 3], [1, 1, 0])
    with pytest.raises(EndpointError, match="nobody was followed beyond 3"):
        brier_score(censored_last, [0.5, 0.5, 0.5], 3)
