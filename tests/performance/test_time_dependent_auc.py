"""AUC(t) by its definition, within strata and pooled, with its errors and limits, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    DataError,
    EndpointError,
    FitError,
    Outcome,
    brier_score,
    concordance,
    integrated_brier_score,
)
from survmodel import time_dependent_auc as auc
from survmodel.performance.time_dependent_auc import POOLED

TIMES = [2.0, 4.0, 6.0]


def sample(n: int = 80, seed: int = 1, kinds: int = 1) -> tuple[Outcome, np.ndarray]:
    """Rows with tied times, and an index of which several rows have the same value."""
    random = np.random.default_rng(seed)
    x = np.round(random.normal(size=n), 1)
    time, censor = random.exponential(6 * np.exp(-x)), random.uniform(1, 14, n)
    event = (time <= censor) * random.integers(1, kinds + 1, n)
    causes = None if kinds == 1 else {1: "relapse", 2: "death"}
    return Outcome(np.ceil(np.minimum(time, censor) * 2) / 2, event, causes=causes), x


def g_of(outcome: Outcome, weight: np.ndarray, time: float, *, before: bool) -> float:
    """The curve of censoring of rows with weights by its definition, deaths leaving first."""
    left = 1.0
    for step in np.unique(outcome.time[outcome.event == 0]):
        if step < time or (step == time and not before):
            gone = weight[(outcome.time == step) & (outcome.event == 0)].sum()
            left *= 1 - gone / (weight[outcome.time > step].sum() + gone)
    return left


def by_definition(outcome: Outcome, x: np.ndarray, time: float, weight: np.ndarray | None = None) -> float:
    """Pair by pair; a weight says how often a row stands there."""
    w = np.ones(outcome.n) if weight is None else weight
    here = g_of(outcome, w, time, before=False)
    own = np.array([g_of(outcome, w, t, before=True) for t in outcome.time])
    case = np.where((outcome.time <= time) & (outcome.event == 1), w / own, 0)
    control = np.where(outcome.time > time, w / here, np.where(outcome.event > 1, w / own, 0))
    right = (x[:, None] > x) + (x[:, None] == x) / 2
    return float(case @ right @ control / (case.sum() * control.sum()))


@pytest.mark.parametrize("kinds", [1, 2])
def test_the_definition_pair_by_pair(kinds: int) -> None:
    outcome, x = sample(kinds=kinds)
    expected = [by_definition(outcome, x, time) for time in TIMES]
    assert auc(outcome, x, TIMES).estimate[0] == pytest.approx(expected, rel=1e-12)
    # a column for each time may order the rows in another way each time
    columns = np.column_stack([x, -x, np.sin(7 * x)])
    expected = [by_definition(outcome, columns[:, k], time) for k, time in enumerate(TIMES)]
    assert auc(outcome, columns, TIMES).estimate[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kinds", [1, 2])
def test_errors_are_derivatives_by_the_weights_of_rows(kinds: int) -> None:
    """The influence of a row is the derivative by its weight, of G too; at tied times as elsewhere.

    But for one in Y at risk: the derivative divides by those who stay, the martingale by those at risk.
    """
    outcome, x = sample(40, seed=3, kinds=kinds)
    step = 1e-5

    def derivative(of: Callable[[np.ndarray], float], row: int) -> float:
        more, less = np.ones(40), np.ones(40)
        more[row] += step
        less[row] -= step
        return (of(more) - of(less)) / (2 * step)

    found = auc(outcome, {"x": x, "other": np.cos(9 * x)}, TIMES)
    for place, time in enumerate(TIMES):
        both = np.array([
            [derivative(lambda w, i=index, t=time: by_definition(outcome, i, t, w), row) for row in range(40)]
            for index in (x, np.cos(9 * x))
        ])  # fmt: skip
        expected = np.sqrt((both**2).sum(axis=1) * 40 / 39)
        assert found.std_error[:, place] == pytest.approx(expected, rel=5e-4)
        difference = np.sqrt(((both[1] - both[0]) ** 2).sum() * 40 / 39)
        assert found.compared.std_error[0, place] == pytest.approx(difference, rel=5e-4)


def grouped(n: int = 240, seed: int = 5) -> tuple[Outcome, np.ndarray, np.ndarray]:
    outcome, x = sample(n, seed=seed)
    return outcome, x, np.where(np.arange(n) % 4 == 0, "a", "b")


def test_strata_count_by_their_rows_and_stand_alone() -> None:
    outcome, x, group = grouped()
    tidy = auc(outcome, x, TIMES, strata=group).tidy()
    assert tidy["measure"].unique().tolist() == ["AUC", POOLED]
    within = tidy[(tidy["measure"] == "AUC") & (tidy["group"] == "")]["estimate"].to_numpy()
    alone = []
    for label in ("a", "b"):
        rows = np.flatnonzero(group == label)
        one = auc(outcome.take(rows), x[rows], TIMES)
        own = tidy[tidy["group"] == label]
        assert own["estimate"].to_numpy() == pytest.approx(one.estimate[0], rel=1e-12)
        assert own["std_error"].to_numpy() == pytest.approx(one.std_error[0], rel=1e-12)
        assert (own["n"] == rows.size).all()
        alone.append(one.estimate[0])
    assert within == pytest.approx(0.25 * alone[0] + 0.75 * alone[1], rel=1e-12)


def test_errors_within_strata_are_those_of_the_jackknife() -> None:
    """The whole of it: weights, shares of the strata, and a curve of censoring that a small stratum shares."""
    outcome, x, _ = grouped(200)
    group = np.where(np.arange(200) < 14, "small", np.where(np.arange(200) < 90, "a", "b"))
    found = auc(outcome, x, TIMES, strata=group)
    assert any("pooled censoring distribution: small" in note for note in found.notes)
    left = [np.delete(np.arange(200), row) for row in range(200)]
    again = np.array([
        [part.estimate[0] for part in auc(outcome.take(rows), x[rows], TIMES, strata=group[rows]).parts]
        for rows in left
    ])  # fmt: skip
    jackknife = np.sqrt(199 / 200 * ((again - again.mean(axis=0)) ** 2).sum(axis=0))
    # the jackknife of 14 rows is too wide itself
    for place in (0, 1, 2, 4):
        assert found.parts[place].std_error[0] == pytest.approx(jackknife[place], rel=0.04)


def test_errors_count_the_shares_of_strata_that_differ() -> None:
    """The index is right in one stratum and wrong in the other: how many rows each has moves the mean most of all."""
    outcome, x, group = grouped(200)
    x = np.where(group == "a", -2 * outcome.time - x, 2 * outcome.time + x)
    found = auc(outcome, x, TIMES, strata=group)
    assert (np.abs(found.parts[1].estimate - found.parts[2].estimate) > 0.7).all()
    left = [np.delete(np.arange(200), row) for row in range(200)]
    again = np.array([auc(outcome.take(rows), x[rows], TIMES, strata=group[rows]).estimate[0] for rows in left])
    jackknife = np.sqrt(199 / 200 * ((again - again.mean(axis=0)) ** 2).sum(axis=0))
    assert found.std_error[0] == pytest.approx(jackknife, rel=0.03)


def test_an_index_of_the_disease_only_is_worth_nothing_within() -> None:
    outcome, x, _ = grouped()
    group = np.where(x > 0, "ill", "well")
    found = auc(outcome, (x > 0).astype(float), TIMES, strata=group)
    assert found.estimate == pytest.approx(0.5, abs=1e-12)
    assert (found.parts[-1].estimate > 0.6).all()
    assert "includes differences between strata" in repr(found)
    assert "pooled" in repr(found)


def test_a_stratum_without_cases_is_left_out_and_named() -> None:
    outcome, x = sample(60)
    group = np.where(outcome.time >= 4, "late", "early")
    mixed = np.where(np.arange(60) % 3 == 0, "mixed", group)
    found = auc(outcome, x, [2, 6], strata=mixed)
    assert "no case or no control at 2, left out there: late" in found.notes
    assert "no case or no control at 6, left out there: early" in found.notes
    tidy = found.tidy()
    by_label = tidy[tidy["measure"] == "AUC"].set_index(["group", "horizon"])["estimate"].sort_index()
    assert np.isnan(by_label["late", 2])
    assert "—" in repr(found)
    rows = np.isin(mixed, ["mixed", "early"])
    parts = [by_label[label, 2] * (mixed == label).sum() for label in ("mixed", "early")]
    assert found.estimate[0, 0] == pytest.approx(sum(parts) / rows.sum(), rel=1e-12)
    with pytest.raises(FitError, match="no stratum has both a case and a control"):
        auc(outcome, x, 2, strata=np.where(outcome.time <= 2, "a", "b"))


@pytest.mark.parametrize("measure", ["auc", "brier", "uno"])
def test_the_censoring_of_other_rows_within_their_strata(measure: str) -> None:
    """The scored rows as their own source, in another order, give the same numbers; a stratum absent is pooled."""
    outcome, x, group = grouped()
    index = np.random.default_rng(2).permutation(240)

    def score(**options: object) -> tuple[float, tuple[str, ...]]:
        if measure == "auc":
            result = auc(outcome, x, 4, **options)
            return float(result.estimate[0, 0]), result.notes
        if measure == "brier":
            scored = brier_score(outcome, 1 / (1 + np.exp(-x)), 4, **options)
            return float(scored.estimate[0, 0]), scored.notes
        c = concordance(outcome, x, method="uno", horizon=4, **options)
        return c.estimate, c.notes

    own, _ = score(strata=group)
    others = {"strata": group, "censoring": outcome.take(index)}
    again, notes = score(**others, censoring_strata=group[index])
    assert again == pytest.approx(own, rel=1e-12)
    assert not notes
    pooled, _ = score(**others)
    assert abs(pooled - own) > 1e-6
    renamed = np.where(group == "a", "elsewhere", "b")
    mixed, notes = score(**others, censoring_strata=renamed[index])
    assert min(abs(mixed - own), abs(mixed - pooled)) > 1e-8
    assert any(note.endswith("pooled censoring distribution: a") for note in notes)
    with pytest.raises(ConfigError, match="without strata"):
        score(censoring=outcome, censoring_strata=group)
    with pytest.raises(ConfigError, match="without censoring"):
        score(strata=group, censoring_strata=group)


def test_a_curve_of_other_rows_counts_as_known() -> None:
    """The order of the other rows makes no difference to the errors, for none of them is a scored one."""
    outcome, x, group = grouped()
    index = np.random.default_rng(3).permutation(240)
    there = auc(outcome, x, TIMES, strata=group, censoring=outcome, censoring_strata=group)
    again = auc(outcome, x, TIMES, strata=group, censoring=outcome.take(index), censoring_strata=group[index])
    for one, other in zip(there.parts, again.parts, strict=True):
        assert one.std_error == pytest.approx(other.std_error, rel=1e-12)
    assert (np.abs(there.std_error / auc(outcome, x, TIMES, strata=group).std_error - 1) > 1e-6).any()


@pytest.mark.parametrize("other", [False, True])
def test_a_stratum_that_was_not_followed_to_the_horizon_shares_the_pooled_curve(other: bool) -> None:
    outcome, x, group = grouped(600)
    # of stratum a nobody is seen after 3, where an event is the last
    short = np.minimum(outcome.time, np.where(group == "a", 3.0, np.inf))
    event = np.where((group == "a") & (outcome.time > 3), other, outcome.event)
    source = Outcome(short, event)
    options = {"censoring": source, "censoring_strata": group} if other else {}
    scored = outcome if other else source
    for horizon in (2.5, 4.0):
        found = auc(scored, x, horizon, strata=group, **options)
        assert any("pooled censoring distribution: a" in note for note in found.notes) == (horizon > 3)
    if other:
        c = concordance(outcome, x, method="uno", horizon=4, strata=group, **options)
        assert any("not followed up to it; pooled censoring distribution: a" in note for note in c.notes)


def test_differences_are_of_all_pairs_and_no_test_of_nested_models() -> None:
    outcome, x = sample()
    found = auc(outcome, {"a": x, "b": np.cos(x), "c": x}, TIMES)
    table = found.differences()
    assert list(zip(table["model"], table["reference"], strict=True))[::3] == [("b", "a"), ("c", "a"), ("c", "b")]
    assert table["estimate"].to_numpy()[:3] == pytest.approx(found.estimate[1] - found.estimate[0], abs=1e-15)
    same = table[(table["model"] == "c") & (table["reference"] == "a")]
    assert (same[["estimate", "std_error"]] == 0).all().all()
    assert same["p_value"].isna().all()
    assert "no test of nested models" in found.glance()["conventions"].iloc[0]
    assert "b less a" in repr(found)
    scores = brier_score(outcome, {"a": np.full((80, 1), 0.5), "b": np.full((80, 1), 0.4)}, 4)
    whole = integrated_brier_score(outcome, {"a": np.full((80, 2), 0.5), "b": np.full((80, 2), 0.4)}, [2, 4])
    assert whole.differences()["estimate"][0] == pytest.approx(np.diff(whole.estimate[:2, 0])[0], rel=1e-12)
    assert whole.differences()["measure"][0] == "integrated Brier score"
    gap = scores.differences().iloc[0]
    assert gap["estimate"] == pytest.approx(scores.estimate[1, 0] - scores.estimate[0, 0], rel=1e-12)
    assert gap["reference"] == "a"


def test_the_difference_of_brier_scores_is_paired() -> None:
    """By the jackknife of the difference itself."""
    outcome, x = sample(120, seed=9)
    first, second = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(-x / 3))

    def differ(rows: np.ndarray) -> np.ndarray:
        return brier_score(outcome.take(rows), {"a": first[rows], "b": second[rows]}, 4).differences()["estimate"]

    again = np.array([differ(np.delete(np.arange(120), row)) for row in range(120)])
    jackknife = np.sqrt(119 / 120 * ((again - again.mean()) ** 2).sum())
    error = brier_score(outcome, {"a": first, "b": second}, 4).differences()["std_error"].iloc[0]
    assert error == pytest.approx(jackknife, rel=0.03)


def test_refusals() -> None:
    outcome, x = sample()
    late = Outcome(outcome.time + 1, outcome.event, np.full(80, 0.5))
    with pytest.raises(FitError, match=r"AUC\(t\) knows no late entry"):
        auc(late, x, TIMES)
    with pytest.raises(EndpointError, match="within the follow-up"):
        auc(outcome, x, [2, 99])
    with pytest.raises(EndpointError, match="within the follow-up"):
        auc(outcome, x, [])
    with pytest.raises(DataError, match="missing"):
        auc(outcome, np.where(x > 1, np.nan, x), TIMES)
    with pytest.raises(DataError, match="shape"):
        auc(outcome, np.column_stack([x, x]), TIMES)
    for wrong in (np.full(80, "high"), [[1, 2], [3]]):
        with pytest.raises(DataError):
            auc(outcome, wrong, TIMES)
    with pytest.raises(EndpointError, match="comes from were not followed up to the horizon"):
        auc(outcome, x, TIMES, censoring=outcome.take(np.flatnonzero(outcome.time < 4)))
    with pytest.raises(DataError):
        auc(outcome, x[:-1], TIMES)
    with pytest.raises(ConfigError, match="no risk"):
        auc(outcome, {}, TIMES)
    with pytest.raises(DataError, match="outcome"):
        auc(pd.DataFrame({"x": x}), x, TIMES)
