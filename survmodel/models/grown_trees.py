"""The trees of a forest, grown and read by our own kernels.

A tree is known by one random word, from which its rows are drawn: the same word gives the same tree, in any thread and
in a forest of any size. What a tree drew is drawn again when it is needed and is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.kernels.forest_draws import draw_all
from survmodel.kernels.forest_reading import find_leaves, sum_curves, sum_mortality
from survmodel.kernels.forest_shuffling import sum_shuffled
from survmodel.kernels.forest_split import MISSING
from survmodel.kernels.forest_trees import LEAF, GrowingRows, GrowthRules, Trees, grow_trees
from survmodel.models.forest_engine import after_follow_up, choose_grid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

#: Above so many rows values are binned and event times are put on a grid.
MANY_ROWS = 100_000
MANY_BINS = 255
#: Codes are 16-bit numbers of which the largest stands for a missing value.
MOST_CODES = MISSING
#: Leaves of rows that are held together, so that memory does not grow with the forest.
LEAVES_AT_ONCE = 250_000


class Sampling(NamedTuple):
    """How the rows of a tree are drawn.

    Attributes
    ----------
    n_draws : int
        Rows of a tree.
    replace : bool
        Whether a row may be drawn again.
    cumulative : ndarray, shape (n,) or (0,)
        Running sum of case weights; empty where all rows have the same.
    """

    n_draws: int
    replace: bool
    cumulative: Floats


@dataclass(frozen=True, slots=True, eq=False)
class GrownTrees:
    """Grown trees, an engine of a forest; see :class:`~survmodel.models.forest_engine.ForestEngine`.

    Attributes
    ----------
    trees : Trees
        Splits and leaves.
    event_times : ndarray, shape (n_times,)
        Times at which leaves may step.
    last_time : float
        Longest follow-up.
    unordered : ndarray of bool, shape (p,)
        Unordered factors.
    states : ndarray of uint64, shape (n_trees,)
        The random word of each tree.
    sampling : Sampling
        How rows were drawn.
    first_copy : ndarray of int64, shape (n_different,)
        First row of each set of copies, which stand side by side.
    n_rows : int
        Rows it was grown on.
    """

    trees: Trees
    event_times: Floats
    last_time: float
    unordered: Bools
    states: Words
    sampling: Sampling
    first_copy: Ints
    n_rows: int

    def mortality(self, values: Floats, *, unseen: bool = False) -> Floats:
        """Average the mortality of each row's leaves, shape (n,); higher = worse."""
        total, n_trees = np.zeros(values.shape[0]), np.zeros(values.shape[0])
        for trees, states in self._parts(values.shape[0]):
            drawn = self._drawn(states, values.shape[0], unseen=unseen)
            sum_mortality(trees, find_leaves(trees, values, self.unordered, drawn), total, n_trees)
        with np.errstate(invalid="ignore"):
            average: Floats = total / n_trees
        return average

    def curves(self, values: Floats, times: Floats, *, unseen: bool = False) -> tuple[Floats, Floats]:
        """Average Nelson-Aalen hazard and Kaplan-Meier survival of each row's leaves, each (n, n_times)."""
        order = np.argsort(times, kind="stable")
        places = np.searchsorted(self.event_times, times[order], side="right").astype(np.int64) - 1
        hazard, survival = np.zeros((2, values.shape[0], times.size))
        n_trees = np.zeros(values.shape[0])
        for trees, states in self._parts(values.shape[0]):
            drawn = self._drawn(states, values.shape[0], unseen=unseen)
            leaves = find_leaves(trees, values, self.unordered, drawn)
            sum_curves(trees, leaves, places, hazard, survival, n_trees)
        place = np.argsort(order, kind="stable")
        with np.errstate(invalid="ignore"):
            averages = [(total / n_trees[:, np.newaxis])[:, place] for total in (hazard, survival)]
        first, second = (after_follow_up(one, times, self.last_time) for one in averages)
        return first, second

    def shuffled_mortality(self, values: Floats, blocks: Sequence[Sequence[int]], repeats: int, seed: int) -> Floats:
        """Average unseen mortality with the columns of a block exchanged among the unseen rows of each tree.

        Shape (n_blocks, repeats, n); the values of a block move together.
        """
        words = np.random.SeedSequence(seed).generate_state(len(blocks) * repeats, np.uint64).reshape(-1, repeats)
        total, n_trees = np.zeros((len(blocks), repeats, values.shape[0])), np.zeros(values.shape[0])
        for trees, states in self._parts(values.shape[0]):
            drawn = self._drawn(states, values.shape[0], unseen=True)
            n_trees += (drawn == 0).sum(axis=0)
            for block, columns in enumerate(blocks):
                moved = np.array(columns, dtype=np.int64)
                sum_shuffled(trees, states, values, self.unordered, drawn, moved, words[block], total[block])
        with np.errstate(invalid="ignore"):
            average: Floats = total / n_trees
        return average

    def draws(self) -> Counts:
        """Tell how often each tree drew each row of the forest, shape (n_trees, n)."""
        return draw_all(self.states, *self.sampling, self.n_rows)

    def _parts(self, n_rows: int) -> list[tuple[Trees, Words]]:
        """Take the trees a few at a time."""
        starts = [*range(0, self.states.size, max(1, LEAVES_AT_ONCE // max(n_rows, 1))), self.states.size]
        bounds = self.trees.node_bounds
        return [
            (self.trees._replace(node_bounds=bounds[begin : end + 1]), self.states[begin:end])
            for begin, end in pairwise(starts)
        ]

    def _drawn(self, states: Words, n_rows: int, *, unseen: bool) -> Counts:
        """Tell how often each tree drew each row or a copy of it; empty where all trees count."""
        if not unseen:
            return np.empty((0, n_rows), dtype=np.int32)
        drawn = draw_all(states, *self.sampling, self.n_rows)
        if self.first_copy.size == self.n_rows:
            return drawn
        copies = np.diff(self.first_copy, append=self.n_rows)
        return np.repeat(np.add.reduceat(drawn, self.first_copy, axis=1), copies, axis=1).astype(np.int32)


class CodedColumn(NamedTuple):
    """Values as codes in their order, and the least and largest value of each code."""

    codes: npt.NDArray[np.uint16]
    lowest: Floats
    highest: Floats


def code_column(values: Floats, most: int) -> CodedColumn:
    """Rank the values of a column, in bins of equal numbers of rows where there are too many.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Values; NaN where missing.
    most : int
        Most codes.

    Returns
    -------
    CodedColumn
        Codes from 0 on.

    Examples
    --------
    >>> code_column(np.array([2.0, 7.0, np.nan, 2.0]), 10).codes.tolist()
    [0, 1, 65535, 0]
    >>> code_column(np.array([1.0, 2.0, 3.0, 9.0]), 2).highest.tolist()
    [2.0, 9.0]
    """
    codes = np.full(values.size, MISSING, dtype=np.uint16)
    known = ~np.isnan(values)
    different, inverse, rows = np.unique(values[known], return_inverse=True, return_counts=True)
    if different.size <= most:
        codes[known] = inverse
        return CodedColumn(codes, different, different)
    # A value belongs to the bin in which its last row lies.
    bins = np.ceil(np.cumsum(rows) * (most / rows.sum())).astype(np.int64) - 1
    first = np.flatnonzero(np.diff(bins, prepend=-1))
    number = np.cumsum(np.diff(bins, prepend=-1) > 0) - 1
    codes[known] = number[inverse]
    return CodedColumn(codes, different[first], different[np.append(first[1:], different.size) - 1])


def code_level(values: Floats, n_levels: int) -> CodedColumn:
    """Take the numbers of levels as codes.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Numbers of levels; NaN where missing.
    n_levels : int
        Levels.

    Returns
    -------
    CodedColumn
        Codes from 0 on.
    """
    codes = np.where(np.isnan(values), MISSING, values).astype(np.uint16)
    levels = np.arange(n_levels, dtype=np.float64)
    return CodedColumn(codes, levels, levels)


def place_times(time: Floats, event: Bools) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Place rows among the event times; above 100,000 rows events move up to the next time of a grid.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Times.
    event : ndarray of bool, shape (n,)
        Events.

    Returns
    -------
    event_times : ndarray, shape (n_times,)
        Times at which leaves may step.
    place : ndarray of int32, shape (n,)
        The last of them at which each row was at risk, that of an event its own; -1 where there is none.
    """
    event_times = np.unique(time[event])
    if time.size > MANY_ROWS:
        event_times = choose_grid(event_times)
    own = np.searchsorted(event_times, time, side="left")
    last = np.searchsorted(event_times, time, side="right") - 1
    return event_times, np.where(event, own, last).astype(np.int32)


def grow(
    columns: Iterable[CodedColumn],
    unordered: Bools,
    place: npt.NDArray[np.int32],
    event: Bools,
    n_times: int,
    *,
    rules: GrowthRules,
    cumulative: Floats,
    states: Words,
    n_jobs: int = 1,
) -> Trees:
    """Grow trees, in several threads where they are asked for: the answer does not depend on how many.

    Parameters
    ----------
    columns : iterable of CodedColumn
        Rows in order of `place`.
    unordered : ndarray of bool, shape (p,)
        Unordered factors.
    place : ndarray of int32, shape (n,)
        From :func:`place_times`, ascending.
    event : ndarray of bool, shape (n,)
        Events.
    n_times : int
        Event times.
    rules : GrowthRules
        How to grow.
    cumulative : ndarray, shape (n,) or (0,)
        Running sum of case weights.
    states : ndarray of uint64, shape (n_trees,)
        A random word for each tree.
    n_jobs : int
        Threads.

    Returns
    -------
    Trees
        In the order of `states`.

    Raises
    ------
    FitError
        When no tree has a split.
    """
    codes, lowest, highest, begin = _stack(columns, unordered.size, event.size)
    data = GrowingRows(
        codes=codes,
        lowest=lowest,
        highest=highest,
        begin=begin,
        unordered=unordered,
        place=place,
        event=event.astype(np.float64),
        times_left=np.arange(n_times, 0, -1, dtype=np.float64),
    )
    most_leaves = max(1, min(rules.n_draws // rules.least_rows, event.size, 2 ** min(rules.most_depth, 60)))
    bounds = (2 * most_leaves - 1, min(int(event.sum()), rules.n_draws))
    blocks = np.array_split(states, min(max(1, n_jobs), states.size))
    if len(blocks) == 1:
        grown = [grow_trees(states, data, rules, cumulative, *bounds)]
    else:
        from joblib import Parallel, delayed

        threads = Parallel(n_jobs=n_jobs, prefer="threads")
        grown = threads(delayed(grow_trees)(block, data, rules, cumulative, *bounds) for block in blocks)
    trees = _join(grown)
    if (trees.feature == LEAF).all():
        raise FitError(
            "no tree could be split",
            f"leaves need {rules.least_rows} rows and {rules.least_events} events",
            "use smaller leaves, fewer events in a leaf, or more rows",
        )
    return trees


def _stack(columns: Iterable[CodedColumn], p: int, n: int) -> tuple[npt.NDArray[np.uint16], Floats, Floats, Ints]:
    """Put columns one behind the other, each as it comes: codes, least and largest values, and where each begins."""
    codes, lowest, highest = np.empty((p, n), dtype=np.uint16), [], []
    for place, column in enumerate(columns):
        codes[place] = column.codes
        lowest.append(column.lowest)
        highest.append(column.highest)
    begin = np.cumsum([0, *(part.size for part in lowest[:-1])], dtype=np.int64)
    # Where no column is in bins the two are the same, and stand once.
    exact = all(low is high for low, high in zip(lowest, highest, strict=True))
    low = np.concatenate(lowest)
    return codes, low, low if exact else np.concatenate(highest), begin


def _join(parts: Sequence[Trees]) -> Trees:
    """Put trees grown apart one behind the other."""
    if len(parts) == 1:
        return parts[0]
    nodes = np.cumsum([0, *(part.feature.size for part in parts[:-1])])
    steps = np.cumsum([0, *(part.hazard_step.size for part in parts[:-1])])
    joined = Trees(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))
    node_bounds = [part.node_bounds[:-1] + shift for part, shift in zip(parts, nodes, strict=True)]
    first_step = [
        np.where(part.feature == LEAF, part.first_step + shift, 0) for part, shift in zip(parts, steps, strict=True)
    ]
    return joined._replace(
        node_bounds=np.concatenate([*node_bounds, [joined.feature.size]]).astype(np.int64),
        first_step=np.concatenate(first_step),
    )
