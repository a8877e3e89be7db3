"""Trees of a forest: the split against a brute-force log-rank test, conservation of events, a tree worked by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from survmodel.kernels.forest_reading import find_leaves
from survmodel.kernels.forest_trees import GrowthRules, Trees
from survmodel.models.grown_trees import CodedColumn, code_column, grow, place_times

Floats = npt.NDArray[np.float64]


def rules(n: int, **given: int) -> GrowthRules:
    plain = GrowthRules(mtry=9, least_rows=1, least_events=0, most_depth=1, random_cuts=0, n_draws=n, replace=False)
    return plain._replace(**given)


def grow_one(
    columns: list[CodedColumn], time: Floats, event: npt.NDArray[np.bool_], asked: GrowthRules, **given: object
) -> Trees:
    """Grow one tree on all rows, which must be in order of time."""
    event_times, place = place_times(time, event)
    unordered = np.array(given.get("unordered", [False] * len(columns)))
    states = np.array([given.get("state", 5)], dtype=np.uint64)
    return grow(columns, unordered, place, event, event_times.size, rules=asked, cumulative=np.empty(0), states=states)


def brute_force(time: Floats, event: npt.NDArray[np.bool_], left: npt.NDArray[np.bool_]) -> float:
    """Compute the log-rank chi-square of two groups from the two-by-two table of each event time."""
    score, variance = 0.0, 0.0
    for t in np.unique(time[event]):
        at_risk, died = time >= t, event & (time == t)
        y, d, y_left = at_risk.sum(), died.sum(), (at_risk & left).sum()
        score += (died & left).sum() - d * y_left / y
        if y > 1:
            variance += d * (y - d) / (y - 1) * (y_left / y) * (1 - y_left / y)
    return score**2 / variance if variance > 1e-9 else 0.0


def sample(seed: int, n: int, ties: bool = True) -> tuple[Floats, npt.NDArray[np.bool_], np.random.Generator]:
    random = np.random.default_rng(seed)
    time = np.sort(np.ceil(random.exponential(6, n)) if ties else random.exponential(6, n))
    return time, random.random(n) < 0.6, random


def split_of(tree: Trees, columns: list[CodedColumn], values: Floats, unordered: list[bool]) -> npt.NDArray[np.bool_]:
    leaves = find_leaves(tree, values, np.array(unordered), np.empty((0, len(values)), np.int32))[0]
    return leaves == 1


@pytest.mark.parametrize("n", [8, 30, 150, 1500])
@pytest.mark.parametrize("seed", range(6))
def test_the_cut_has_the_largest_logrank_statistic(n: int, seed: int) -> None:
    """Among all cuts of all columns, by the test written out; 1,500 rows without ties need the Fenwick trees."""
    time, event, random = sample(seed, n, ties=n < 1000)
    values = np.column_stack([random.normal(size=n), random.integers(0, 3, n), np.round(random.normal(size=n), 1)])
    if n >= 1000:
        values = values[:, [2]]
    columns = [code_column(column, 65535) for column in values.T]
    tree = grow_one(columns, time, event, rules(n))
    chosen = brute_force(time, event, split_of(tree, columns, values, [False] * len(columns)))
    best = max(brute_force(time, event, column <= cut) for column in values.T for cut in np.unique(column)[:-1])
    assert chosen == pytest.approx(best, rel=1e-6)
