r"""Growth of survival trees: rows are drawn, and nodes are split by the log-rank statistic until a side would be small.

A node keeps its rows in order of time, so that none sorts by time again. Rows with a missing value are tried on both
sides of every cut, and stay on the better one. The levels of an unordered factor are put in order of their event rate
in the node, observed over expected events, and then cut like numbers.

A leaf keeps the steps of its Nelson-Aalen hazard, :math:`d_k / Y_k`, and its *mortality*, the hazard summed over the
event times of the cohort (Ishwaran et al. 2008). The hazard of a leaf summed over its own drawn rows, each at its own
time, is the number of their events: events are conserved.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.forest_draws import draw_rows
from survmodel.kernels.forest_node import NodeRows, NodeTimes, describe_node, room_for_node
from survmodel.kernels.forest_split import (
    FEW_CODES,
    MISSING,
    SplitRoom,
    best_cut,
    code_range,
    cut_statistic,
    next_code,
    order_by_code,
    room_for_split,
)
from survmodel.kernels.random_words import Truth, Whole, draw_below

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Codes = npt.NDArray[np.uint16]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

#: An unordered factor has at most so many levels: one bit for each.
MOST_LEVELS = 64
LEAF = -1


class GrowingRows(NamedTuple):
    """The rows that a forest is grown on, in order of time.

    Attributes
    ----------
    codes : ndarray of uint16, shape (p, n)
        Rank of each value among those of its column, the level of a factor, or MISSING.
    lowest, highest : ndarray
        Least and largest value of each code, column after column.
    begin : ndarray of int64, shape (p,)
        Where the values of each column begin.
    unordered : ndarray of bool, shape (p,)
        Whether a column is an unordered factor.
    place : ndarray of int32, shape (n,)
        Last event time of the cohort at which each row was at risk; see :func:`forest_node.describe_node`.
    event : ndarray, shape (n,)
        1 with the event.
    times_left : ndarray, shape (n_times,)
        How many event times of the cohort are no earlier than each.
    """

    codes: Codes
    lowest: Floats
    highest: Floats
    begin: Ints
    unordered: Bools
    place: Ints32
    event: Floats
    times_left: Floats


class GrowthRules(NamedTuple):
    """How trees are grown.

    Attributes
    ----------
    mtry : int
        Columns tried at a split, and more while all are constant in the node.
    least_rows, least_events : int
        Of a leaf, rows counted as often as they were drawn.
    most_depth : int
        Splits above a leaf.
    random_cuts : int
        Cuts tried of each column, drawn at random; 0 tries all.
    n_draws : int
        Rows drawn for a tree.
    replace : bool
        Whether a row may be drawn again.
    """

    mtry: int
    least_rows: int
    least_events: int
    most_depth: int
    random_cuts: int
    n_draws: int
    replace: bool


class Trees(NamedTuple):
    """Trees, node after node; the root of a tree is its first node.

    Attributes
    ----------
    node_bounds : ndarray of int64, shape (n_trees + 1,)
        First node of each tree, and the number of all nodes.
    feature : ndarray of int32, shape (n_nodes,)
        Column of the split, LEAF in a leaf.
    cut : ndarray, shape (n_nodes,)
        Values up to this go left.
    left_levels : ndarray of uint64, shape (n_nodes,) or (0,)
        Levels of an unordered factor that go left, one bit for each; empty where there are no such columns.
    left : ndarray of int32, shape (n_nodes,)
        Left child, counted from the root; the right one follows it.
    missing_left : ndarray of bool, shape (n_nodes,)
        Where a missing value goes.
    mortality : ndarray, shape (n_nodes,)
        Of a leaf; 0 elsewhere.
    first_step : ndarray of int64, shape (n_nodes,)
        First step of the hazard of a leaf.
    n_steps : ndarray of int32, shape (n_nodes,)
        How many there are; 0 above the leaves.
    step_place : ndarray of int32, shape (n_steps,)
        Event time of the cohort at which the hazard steps.
    hazard_step : ndarray, shape (n_steps,)
        By how much.
    """

    node_bounds: Ints
    feature: Ints32
    cut: Floats
    left_levels: Words
    left: Ints32
    missing_left: Bools
    mortality: Floats
    first_step: Ints
    n_steps: Ints32
    step_place: Ints32
    hazard_step: Floats


class _Split(NamedTuple):
    """The best split found so far; `feature` is LEAF where there is none."""

    statistic: float
    feature: Whole
    cut: float
    left_levels: np.uint64
    missing_left: Truth


class _Room(NamedTuple):
    """Arrays that all nodes of all trees use in turn.

    Attributes
    ----------
    rows, times, search
        Of the node at hand.
    drawn : ndarray of int32, shape (n,)
        How often the tree drew each row.
    members : ndarray of int32, shape (n,)
        Drawn rows, those of a node side by side in order of time.
    spare, code : ndarray of int32, shape (n,)
        Rows on the right, and codes of the column at hand.
    columns : ndarray of int32, shape (p,)
        Columns, those not yet tried first.
    rank : ndarray of int32, shape (MOST_LEVELS,)
        Of each level in the node at hand.
    rate : ndarray, shape (2 * MOST_LEVELS,)
        Observed over expected events of each level, and the expected ones.
    waiting : ndarray of int64, shape (most_nodes, 4)
        Nodes to be worked off: number in the tree, first row, row after the last, depth.
    """

    rows: NodeRows
    times: NodeTimes
    search: SplitRoom
    drawn: Ints32
    members: Ints32
    spare: Ints32
    code: Ints32
    columns: Ints32
    rank: Ints32
    rate: Floats
    waiting: npt.NDArray[np.int64]


@kernel(allocates=False)
def _no_split() -> _Split:
    """Give what stands for no split."""
    return _Split(0.0, np.int64(LEAF), 0.0, np.uint64(0), np.bool_(False))


@kernel(allocates=False)
def _rank_levels(code: Ints32, m: Whole, rows: NodeRows, rank: Ints32, rate: Floats) -> None:
    """Put the levels of a node in order of observed over expected events and replace codes by these ranks.

    The rank of a level without rows is -1; a missing value keeps its code.
    """
    rank[:] = -1
    rate[:] = 0.0
    for i in range(m):
        if code[i] != MISSING:
            rank[code[i]] = 0
            rate[code[i]] += rows.drawn[i] * rows.event[i]
            rate[MOST_LEVELS + code[i]] += rows.drawn[i] * (rows.event[i] - rows.residual[i])
    for level in range(MOST_LEVELS):
        if rate[MOST_LEVELS + level] > 0.0:
            rate[level] /= rate[MOST_LEVELS + level]
    for level in range(MOST_LEVELS):
        for other in range(level):
            if rank[level] >= 0 and rank[other] >= 0:
                # Of two levels with the same rate the first in the order of levels comes first.
                if rate[other] <= rate[level]:
                    rank[level] += 1
                else:
                    rank[other] += 1
    for i in range(m):
        if code[i] != MISSING:
            code[i] = rank[code[i]]


@kernel(allocates=False)
def _missing_first(search: SplitRoom, m: Whole, n_missing: Whole) -> None:
    """Move the missing values, which are last in the order, to its beginning."""
    for i in range(n_missing):
        search.spare[i] = search.key[m - n_missing + i]
    for i in range(m - n_missing):
        search.spare[n_missing + i] = search.key[i]
    for i in range(m):
        search.key[i] = search.spare[i]


@kernel(allocates=False)
def _search_all(
    m: Whole, n_missing: Whole, size: tuple[float, float, Whole], least: tuple[float, float], room: _Room
) -> tuple[float, Whole, Whole, Truth]:
    """Try every cut of the column at hand.

    Gives the statistic (-1 for a constant column), the largest code on the left, the least on the right, and whether
    missing values go left.
    """
    search, totals = room.search, (size[0], size[1])
    low, high = code_range(room.code, m)
    if low == high:
        return -1.0, low, high, low > high
    if high - low < FEW_CODES:
        best = 0.0
        for cut in range(low, high):
            statistic = cut_statistic(room.code, cut, m, room.rows, room.times, size[2], totals, least, search)
            if statistic > best:
                best, low = statistic, cut
        return best, low, next_code(room.code, m, low, high), low > high
    order_by_code(room.code, m, low, high, search)
    none: Whole = np.int64(0)
    best, missing_first = 0.0, none
    for first_cut in (none, n_missing):
        # First missing values stay right, then they go left before all others.
        if first_cut > 0:
            _missing_first(search, m, n_missing)
        found, position = best_cut(first_cut, m, room.rows, room.times, size[2], totals, least, search)
        if found > best:
            best, missing_first = found, first_cut
            low, high = search.key[position - 1] >> 32, search.key[position] >> 32
        if n_missing == 0:
            break
    return best, low, high, missing_first > 0


@kernel(allocates=False)
def _search_some(
    state: np.uint64, n_cuts: Whole, m: Whole, size: tuple[float, float, Whole], least: tuple[float, float], room: _Room
) -> tuple[np.uint64, float, Whole, Whole, Truth]:
    """Try cuts at the values of rows drawn at random; missing values go right. Gives what `_search_all` gives."""
    code, totals = room.code, (size[0], size[1])
    lowest, highest = code_range(code, m)
    if lowest == highest:
        return state, -1.0, lowest, highest, False
    best, low = 0.0, lowest
    for _ in range(n_cuts):
        state, drawn = draw_below(state, m)
        cut = np.int64(code[drawn])
        if cut < highest:
            statistic = cut_statistic(code, cut, m, room.rows, room.times, size[2], totals, least, room.search)
            if statistic > best:
                best, low = statistic, cut
    return state, best, low, next_code(code, m, low, highest), False


@kernel(allocates=False)
def _levels_up_to(rank: Ints32, highest: Whole) -> np.uint64:
    """Mark the levels of a node whose rank is at most `highest`."""
    levels = np.uint64(0)
    for level in range(MOST_LEVELS):
        if 0 <= rank[level] <= highest:
            levels |= np.uint64(1) << np.uint64(level)
    return levels


@kernel(allocates=False)
def _between(data: GrowingRows, feature: Whole, low: Whole, high: Whole) -> float:
    """Give the value halfway between two codes, or the lower where no number lies between; all are below a missing."""
    if high == MISSING:
        return np.inf
    below, above = data.highest[data.begin[feature] + low], data.lowest[data.begin[feature] + high]
    middle: float = below / 2.0 + above / 2.0
    if not below <= middle < above:
        middle = below
    return middle


@kernel(allocates=False)
def _best_split(
    state: np.uint64,
    members: Ints32,
    data: GrowingRows,
    rules: GrowthRules,
    size: tuple[float, float, Whole],
    room: _Room,
) -> tuple[np.uint64, _Split]:
    """Draw `mtry` columns, and more while all are constant in the node, and find the best cut among theirs."""
    m, least = members.shape[0], (float(rules.least_rows), float(rules.least_events))
    best = _no_split()
    n_varying, n_columns = np.int64(0), room.columns.shape[0]
    untried = n_columns
    while untried > 0 and (n_columns - untried < rules.mtry or n_varying == 0):
        state, drawn = draw_below(state, untried)
        untried -= 1
        feature = np.int64(room.columns[drawn])
        room.columns[drawn], room.columns[untried] = room.columns[untried], feature
        values, n_missing = data.codes[feature], np.int64(0)
        for i in range(m):
            room.code[i] = values[members[i]]
            n_missing += 1 if room.code[i] == MISSING else 0
        if data.unordered[feature]:
            _rank_levels(room.code, m, room.rows, room.rank, room.rate)
        if rules.random_cuts > 0:
            state, found, low, high, missing_left = _search_some(state, rules.random_cuts, m, size, least, room)
        else:
            found, low, high, missing_left = _search_all(m, n_missing, size, least, room)
        n_varying += 1 if found >= 0.0 else 0
        if found > best.statistic:
            if data.unordered[feature]:
                best = _Split(found, feature, 0.0, _levels_up_to(room.rank, low), missing_left)
            else:
                best = _Split(found, feature, _between(data, feature, low, high), np.uint64(0), missing_left)
    return state, best


@kernel(allocates=False)
def _partition(members: Ints32, split: _Split, data: GrowingRows, spare: Ints32) -> tuple[Whole, Whole, np.uint64]:
    """Part the rows of a node, each side in order of time.

    Gives how many are on the left, how many values are missing, and the levels of an unordered factor in the node.
    """
    values, begin, unordered = data.codes[split.feature], data.begin[split.feature], data.unordered[split.feature]
    n_left, n_right, n_missing, seen = np.int64(0), np.int64(0), np.int64(0), np.uint64(0)
    for i in range(members.shape[0]):
        row = members[i]
        code = np.int64(values[row])
        if code == MISSING:
            n_missing += 1
            goes_left = split.missing_left
        elif unordered:
            level = np.uint64(1) << np.uint64(code)
            seen |= level
            goes_left = split.left_levels & level != np.uint64(0)
        else:
            goes_left = data.highest[begin + code] <= split.cut
        if goes_left:
            members[n_left] = row
            n_left += 1
        else:
            spare[n_right] = row
            n_right += 1
    for i in range(n_right):
        members[n_left + i] = spare[i]
    return n_left, n_missing, seen


@kernel(allocates=False)
def _write_leaf(
    trees: Trees, node: Whole, n_steps: Whole, times: NodeTimes, n_times: Whole, times_left: Floats
) -> Whole:
    """Keep the hazard of a leaf and its mortality; gives the number of all steps so far."""
    mortality = 0.0
    trees.first_step[node], trees.n_steps[node] = n_steps, n_times
    for k in range(n_times):
        trees.step_place[n_steps + k] = times.place[k]
        trees.hazard_step[n_steps + k] = times.hazard_step[k]
        mortality += times.hazard_step[k] * times_left[times.place[k]]
    trees.mortality[node] = mortality
    return n_steps + n_times


@kernel(allocates=False)
def _write_split(trees: Trees, node: Whole, split: _Split, left: Whole, missing_left: Truth, levels: np.uint64) -> None:
    """Keep a split, or mark a leaf; `levels` are those that go left."""
    trees.feature[node], trees.cut[node] = split.feature, split.cut
    trees.left[node], trees.missing_left[node] = left, missing_left
    trees.mortality[node], trees.first_step[node], trees.n_steps[node] = 0.0, 0, 0
    if trees.left_levels.shape[0] > 0:
        trees.left_levels[node] = levels


@kernel(allocates=False)
def _draw_members(state: np.uint64, rules: GrowthRules, cumulative: Floats, room: _Room) -> tuple[np.uint64, Whole]:
    """Draw the rows of a tree and list them in order of time; gives their number."""
    for feature in range(room.columns.shape[0]):
        room.columns[feature] = feature
    state = draw_rows(state, rules.n_draws, rules.replace, cumulative, room.drawn)
    m = np.int64(0)
    for row in range(room.drawn.shape[0]):
        if room.drawn[row] > 0:
            room.members[m] = row
            m += 1
    return state, m


@kernel(allocates=False)
def _grow(
    states: Words, data: GrowingRows, rules: GrowthRules, cumulative: Floats, trees: Trees, room: _Room
) -> tuple[Whole, Whole]:
    """Grow trees one behind the other; gives the number of all nodes and of all steps."""
    waiting = room.waiting
    root: Whole = np.int64(0)
    n_steps: Whole = np.int64(0)
    for tree in range(states.shape[0]):
        trees.node_bounds[tree] = root
        state, m = _draw_members(states[tree], rules, cumulative, room)
        waiting[0, 0], waiting[0, 1], waiting[0, 2], waiting[0, 3] = 0, 0, m, 0
        n_waiting, n_nodes = np.int64(1), np.int64(1)
        while n_waiting > 0:
            n_waiting -= 1
            node, begin = waiting[n_waiting, 0], waiting[n_waiting, 1]
            end, depth = waiting[n_waiting, 2], waiting[n_waiting, 3]
            members = room.members[begin:end]
            size = describe_node(members, data.place, data.event, room.drawn, room.rows, room.times)
            split = _no_split()
            large = size[0] >= 2 * rules.least_rows and size[1] >= max(2 * rules.least_events, 1)
            if large and depth < rules.most_depth:
                state, split = _best_split(state, members, data, rules, size, room)
            if split.feature == LEAF:
                _write_split(trees, root + node, split, np.int64(0), np.bool_(False), np.uint64(0))
                n_steps = _write_leaf(trees, root + node, n_steps, room.times, size[2], data.times_left)
                continue
            n_left, n_missing, seen = _partition(members, split, data, room.spare)
            # What the node has not seen, a missing value or a level, goes with the most.
            most_left = 2 * n_left >= end - begin
            levels = split.left_levels | (~seen if most_left else np.uint64(0))
            _write_split(trees, root + node, split, n_nodes, split.missing_left if n_missing > 0 else most_left, levels)
            for side in range(2):
                waiting[n_waiting, 0] = n_nodes + side
                waiting[n_waiting, 1] = begin if side == 0 else begin + n_left
                waiting[n_waiting, 2] = begin + n_left if side == 0 else end
                waiting[n_waiting, 3] = depth + 1
                n_waiting += 1
            n_nodes += 2
        root += n_nodes
    trees.node_bounds[states.shape[0]] = root
    return root, n_steps


def grow_trees(
    states: Words, data: GrowingRows, rules: GrowthRules, cumulative: Floats, most_nodes: int, most_steps: int
) -> Trees:
    """Grow trees, one for each state.

    Parameters
    ----------
    states : ndarray of uint64, shape (n_trees,)
        State of each tree; nothing else tells trees apart.
    data : GrowingRows
        Rows in order of time.
    rules : GrowthRules
        How to grow.
    cumulative : ndarray, shape (n,) or (0,)
        As in :func:`forest_draws.draw_rows`.
    most_nodes, most_steps : int
        Bounds for one tree.

    Returns
    -------
    Trees
        In the order of the states.
    """
    n, n_times = data.event.size, data.times_left.size
    nodes, steps = states.size * most_nodes, states.size * most_steps
    trees = Trees(
        node_bounds=np.empty(states.size + 1, dtype=np.int64),
        feature=np.empty(nodes, dtype=np.int32),
        cut=np.empty(nodes),
        left_levels=np.empty(nodes if data.unordered.any() else 0, dtype=np.uint64),
        left=np.empty(nodes, dtype=np.int32),
        missing_left=np.empty(nodes, dtype=np.bool_),
        mortality=np.empty(nodes),
        first_step=np.empty(nodes, dtype=np.int64),
        n_steps=np.empty(nodes, dtype=np.int32),
        step_place=np.empty(steps, dtype=np.int32),
        hazard_step=np.empty(steps),
    )
    rows, times = room_for_node(n, n_times)
    room = _Room(
        rows=rows,
        times=times,
        search=room_for_split(n, n_times),
        drawn=np.empty(n, dtype=np.int32),
        members=np.empty(n, dtype=np.int32),
        spare=np.empty(n, dtype=np.int32),
        code=np.empty(n, dtype=np.int32),
        columns=np.empty(data.codes.shape[0], dtype=np.int32),
        rank=np.empty(MOST_LEVELS, dtype=np.int32),
        rate=np.empty(2 * MOST_LEVELS),
        waiting=np.empty((most_nodes, 4), dtype=np.int64),
    )
    n_nodes, n_steps = _grow(states, data, rules, cumulative, trees, room)
    # A copy gives back the room that was not needed.
    of_nodes = [field[:n_nodes].copy() for field in trees[1:-2]]
    of_steps = [field[:n_steps].copy() for field in trees[-2:]]
    return Trees._make([trees.node_bounds, *of_nodes, *of_steps])
