"""Trees of a forest: the split against a brute-force log-rank test, conservation of events, a tree worked by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from survmodel.kernels.forest_draws import draw_all
from survmodel.kernels.forest_reading import find_leaves
from survmodel.kernels.forest_trees import LEAF, GrowthRules, Trees
from survmodel.models.grown_trees import CodedColumn, code_column, code_level, grow, place_times

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


def leaves_of(tree: Trees, values: Floats, unordered: bool = False) -> npt.NDArray[np.int32]:
    of_columns = np.full(values.shape[1], unordered)
    return find_leaves(tree, values, of_columns, np.empty((0, len(values)), np.int32))[0]


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
    chosen = brute_force(time, event, leaves_of(tree, values) == 1)
    best = max(brute_force(time, event, column <= cut) for column in values.T for cut in np.unique(column)[:-1])
    assert chosen == pytest.approx(best, rel=1e-6)


def test_a_tree_worked_by_hand() -> None:
    r"""Six rows, deaths at 1, 2, 3 (two), one censored at 2.5 and at 4.

    With x = 1 for the rows that die at 1 and 2, the log-rank table is

    ====  ===  ===  ======  ========  ====================
    time   d    Y    Y_left  expected  variance
    1      1    6    2       1/3       1 * 1/3 * 2/3 = 2/9
    2      1    5    1       1/5       1 * 1/5 * 4/5 = 4/25
    3      2    3    0       0         0
    ====  ===  ===  ======  ========  ====================

    so that U = 2 - 8/15 = 22/15 and V = 86/225: chi-square 484/86. The left leaf has the hazard steps 1/2, 1; the
    right one 2/3 at the third event time. Mortality sums the hazard over the event times 1, 2, 3: 1/2 * 3 + 1 * 2 = 3.5
    and 2/3.
    """
    time, event = np.array([1.0, 2.0, 2.5, 3.0, 3.0, 4.0]), np.array([True, True, False, True, True, False])
    x = np.array([[1.0], [1.0], [0.0], [0.0], [0.0], [0.0]])
    tree = grow_one([code_column(-x[:, 0], 10)], time, event, rules(6))
    assert brute_force(time, event, x[:, 0] == 1) == pytest.approx(484 / 86)
    assert tree.feature.tolist() == [0, LEAF, LEAF]
    assert tree.cut[0] == -0.5
    assert tree.mortality.tolist() == pytest.approx([0, 3.5, 2 / 3])
    steps = [
        tree.hazard_step[first : first + n].tolist() for first, n in zip(tree.first_step, tree.n_steps, strict=True)
    ]
    assert [*steps[1], *steps[2]] == pytest.approx([1 / 2, 1, 2 / 3])
    assert tree.step_place[tree.first_step[2]] == 2


@pytest.mark.parametrize("seed", range(5))
def test_events_are_conserved(seed: int) -> None:
    """The hazard of a leaf, summed over its drawn rows at their own times, is the number of their events."""
    time, event, random = sample(seed, 120)
    values = random.normal(size=(120, 3))
    columns = [code_column(column, 65535) for column in values.T]
    state = np.array([99 + seed], dtype=np.uint64)
    asked = rules(120, least_rows=4, most_depth=50, mtry=2, replace=True)
    tree = grow_one(columns, time, event, asked, state=99 + seed)
    drawn = draw_all(state, 120, True, np.empty(0), 120)[0]
    leaves = leaves_of(tree, values)
    event_times, _ = place_times(time, event)
    for leaf in np.unique(leaves):
        part = slice(tree.first_step[leaf], tree.first_step[leaf] + tree.n_steps[leaf])
        at, step = event_times[tree.step_place[part]], tree.hazard_step[part]
        inside = leaves == leaf
        hazard = np.array([step[at <= own].sum() for own in time[inside]])
        assert (drawn[inside] * hazard).sum() == pytest.approx((drawn * event)[inside].sum())
        assert drawn[inside].sum() >= 4


def test_an_unordered_factor_is_cut_by_event_rate() -> None:
    """The chosen levels give the largest statistic of all cuts along observed over expected events of the root."""
    time, event, random = sample(3, 200)
    level = random.integers(0, 6, 200).astype(float)
    time = np.sort(time)
    tree = grow_one([code_level(level, 6)], time, event, rules(200), unordered=[True])
    left = leaves_of(tree, level[:, np.newaxis], unordered=True) == 1
    deaths = np.unique(time[event])
    step = np.array([(event & (time == t)).sum() / (time >= t).sum() for t in deaths])
    hazard = np.array([step[deaths <= own].sum() for own in time])
    rate = [event[level == k].sum() / hazard[level == k].sum() for k in range(6)]
    best = max(brute_force(time, event, np.isin(level, np.argsort(rate)[:m])) for m in range(1, 6))
    assert brute_force(time, event, left) == pytest.approx(best, rel=1e-6)
    # Not always the best of all sets of levels, but never better than that.
    every = max(
        brute_force(time, event, np.isin(level, some)) for m in range(1, 4) for some in combinations(range(6), m)
    )
    assert best <= every * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_missing_values_go_to_the_better_side(seed: int) -> None:
    time, event, random = sample(seed, 80)
    x = np.where(random.random(80) < 0.3, np.nan, random.normal(size=80))
    tree = grow_one([code_column(x, 65535)], time, event, rules(80))
    left = leaves_of(tree, x[:, np.newaxis]) == 1
    known, missing = np.unique(x[~np.isnan(x)]), np.isnan(x)
    cuts = [np.less_equal(x, cut, where=~missing, out=np.zeros(80, bool)) for cut in known]
    best = max(brute_force(time, event, cut | (missing & goes)) for cut in cuts for goes in (False, True))
    assert brute_force(time, event, left) == pytest.approx(best, rel=1e-6)


def test_leaves_are_as_large_as_asked() -> None:
    time, event, random = sample(1, 300)
    values = random.normal(size=(300, 2))
    columns = [code_column(column, 65535) for column in values.T]
    asked = rules(300, least_rows=10, least_events=4, most_depth=50)
    tree = grow_one(columns, time, event, asked)
    leaves = leaves_of(tree, values)
    for leaf in np.unique(leaves):
        assert (leaves == leaf).sum() >= 10
        assert event[leaves == leaf].sum() >= 4
    shallow = grow_one(columns, time, event, asked._replace(most_depth=2))
    assert shallow.feature.size <= 7


@pytest.mark.parametrize("seed", range(4))
def test_random_cuts_are_among_the_cuts(seed: int) -> None:
    """One random cut gives some cut of the column; as many as there are rows nearly always give the best."""
    time, event, random = sample(seed, 60)
    x = random.normal(size=60)
    columns = [code_column(x, 65535)]
    best = max(brute_force(time, event, x <= cut) for cut in np.sort(x)[:-1])
    found = []
    for n_cuts in (1, 600):
        tree = grow_one(columns, time, event, rules(60, random_cuts=n_cuts), state=seed + 1)
        left = leaves_of(tree, x[:, np.newaxis]) == 1
        assert 0 < left.sum() < 60
        found.append(brute_force(time, event, left))
    assert found[0] <= best * (1 + 1e-9)
    assert found[1] == pytest.approx(best, rel=1e-6)


def test_a_threshold_lies_halfway_between_neighbours() -> None:
    time, event = np.arange(1.0, 9.0), np.ones(8, dtype=bool)
    x = np.array([9.0, 8.5, 8.0, 7.0, 3.0, 2.0, 1.5, 1.0])
    tree = grow_one([code_column(x, 65535)], time, event, rules(8))
    below, above = x[x <= tree.cut[0]].max(), x[x > tree.cut[0]].min()
    assert tree.cut[0] == (below + above) / 2
    near = np.nextafter(1.0, 2.0)
    close = grow_one([code_column(np.repeat([1.0, near], 4)[::-1], 65535)], time, event, rules(8))
    assert 1.0 <= close.cut[0] < near


def test_draws() -> None:
    """With replacement as many as asked, without it none twice; by weight in proportion."""
    states = np.random.SeedSequence(3).generate_state(2000, np.uint64)
    assert (draw_all(states, 30, True, np.empty(0), 30).sum(axis=1) == 30).all()
    without = draw_all(states, 19, False, np.empty(0), 30)
    assert (without.sum(axis=1) == 19).all()
    assert without.max() == 1
    # Each row is drawn in 19 of 30 trees: 5 standard errors of a share of 2,000.
    assert np.abs(without.mean(axis=0) - 19 / 30).max() < 5 * np.sqrt(19 / 30 * 11 / 30 / 2000)
    weighted = draw_all(states, 30, True, np.cumsum([1.0, 3.0, 0.0, 6.0]), 4).sum(axis=0) / 60_000
    assert weighted == pytest.approx([0.1, 0.3, 0.0, 0.6], abs=5 * np.sqrt(0.25 / 60_000))
