"""The alternative engine of a forest: trees grown by scikit-survival and read by us, against which ours are checked.

A leaf holds the Nelson-Aalen cumulative hazard and the Kaplan-Meier curve of its rows. Its *mortality* is the
cumulative hazard summed over the event times of the whole cohort. Factors enter as 0/1 columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from survmodel.models.forest_engine import after_follow_up
from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
#: scikit-survival reads covariates as 32-bit numbers.
Covariates = npt.NDArray[np.float32]

_HAZARD, _SURVIVAL = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class ScikitTrees:
    """A forest of scikit-survival, an engine of ours; see :class:`~survmodel.models.forest_engine.ForestEngine`.

    Attributes
    ----------
    forest : sksurv.ensemble.RandomSurvivalForest
        The grown forest.
    event_times : ndarray, shape (n_times,)
        Event times of the cohort.
    """

    forest: Any
    event_times: Floats

    @property
    def last_time(self) -> float:
        """Longest follow-up."""
        return float(self.forest.unique_times_[-1])

    def mortality(self, values: Floats, *, unseen: bool = False) -> Floats:
        """Average the mortality of each row's leaves, shape (n,); higher = worse."""
        return self._average(_covariates(values), _mortality, unseen=unseen)

    def curves(self, values: Floats, times: Floats, *, unseen: bool = False) -> tuple[Floats, Floats]:
        """Average Nelson-Aalen hazard and Kaplan-Meier survival of each row's leaves, each (n, n_times)."""
        x = _covariates(values)
        hazard = self._average(x, lambda tree: _curves(tree, times, _HAZARD), unseen=unseen)
        survival = self._average(x, lambda tree: _curves(tree, times, _SURVIVAL), unseen=unseen)
        return after_follow_up(hazard, times, self.last_time), after_follow_up(survival, times, self.last_time)

    def draws(self) -> Counts:
        """Tell how often each tree drew each row of the forest, shape (n_trees, n)."""
        drawn = self.forest.estimators_samples_
        return np.array([np.bincount(rows, minlength=len(drawn[0])) for rows in drawn], dtype=np.int32)

    def shuffled_mortality(self, values: Floats, blocks: Sequence[Sequence[int]], repeats: int, seed: int) -> Floats:
        """Average unseen mortality with the columns of a block exchanged among the unseen rows of each tree."""
        x, random = _covariates(values), np.random.default_rng(seed)
        total, n_trees = np.zeros((len(blocks), repeats, x.shape[0])), np.zeros(x.shape[0])
        for tree, outside in self._out_of_bag():
            of_node, rows = _mortality(tree), x[outside]
            n_trees[outside] += 1
            split_on = set(tree.tree_.feature.tolist())
            untouched = of_node[tree.tree_.apply(rows)]
            for block, columns in enumerate(blocks):
                for repeat in range(repeats):
                    order = random.permutation(outside.size)
                    # A column that no split uses changes nothing; it is drawn for all the same, so that draws agree.
                    if split_on.isdisjoint(columns):
                        total[block, repeat, outside] += untouched
                        continue
                    shuffled = rows.copy()
                    shuffled[:, list(columns)] = rows[order][:, list(columns)]
                    total[block, repeat, outside] += of_node[tree.tree_.apply(shuffled)]
        with np.errstate(invalid="ignore"):
            average: Floats = total / n_trees
        return average

    def _average(self, x: Covariates, read: Callable[[Any], Floats], *, unseen: bool) -> Floats:
        """Average what a row's leaves hold over all trees, or over those that did not draw the row."""
        everybody = np.arange(x.shape[0])
        trees = self._out_of_bag() if unseen else ((tree, everybody) for tree in self.forest.estimators_)
        n_trees = np.zeros(x.shape[0])
        total = np.zeros((x.shape[0], *read(self.forest.estimators_[0]).shape[1:]))
        for tree, rows in trees:
            total[rows] += read(tree)[tree.tree_.apply(x[rows])]
            n_trees[rows] += 1
        with np.errstate(invalid="ignore"):
            average: Floats = (total.T / n_trees).T
        return average

    def _out_of_bag(self) -> Iterator[tuple[Any, Ints]]:
        """Walk through the trees with the rows that each did not draw."""
        for tree, drawn in zip(self.forest.estimators_, self.draws(), strict=True):
            yield tree, np.flatnonzero(drawn == 0)


def grow_scikit(values: Floats, outcome: Outcome, *, n_trees: int, mtry: int, min_leaf: int, seed: int) -> ScikitTrees:
    """Grow the trees.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        Design matrix.
    outcome : Outcome
        Its rows, without late entry.
    n_trees, mtry, min_leaf, seed : int
        Trees, columns tried at a split, least rows of a leaf, seed.

    Returns
    -------
    ScikitTrees
        The grown forest.
    """
    from sksurv.ensemble import RandomSurvivalForest as Engine
    from sksurv.util import Surv

    engine = Engine(
        n_estimators=n_trees,
        max_features=mtry,
        min_samples_leaf=min_leaf,
        min_samples_split=2 * min_leaf,
        random_state=seed,
        n_jobs=1,
    )
    engine.fit(_covariates(values), Surv.from_arrays(outcome.died, outcome.time))
    return ScikitTrees(engine, np.unique(outcome.time[outcome.died]))


def _covariates(values: Floats) -> Covariates:
    return np.ascontiguousarray(values, dtype=np.float32)


def _mortality(tree: Any) -> Floats:  # noqa: ANN401
    """Sum the cumulative hazard of every node over the event times of the cohort."""
    summed: Floats = tree.tree_.value[:, tree.is_event_time_, _HAZARD].sum(axis=1)
    return summed


def _curves(tree: Any, times: Floats, which: int) -> Floats:  # noqa: ANN401
    """Read a curve of every node at times; before the first time of the cohort nothing has happened."""
    place = np.searchsorted(tree.unique_times_, times, side="right") - 1
    before = 1.0 if which == _SURVIVAL else 0.0
    curves: Floats = np.where(place >= 0, tree.tree_.value[:, np.maximum(place, 0), which], before)
    return curves
