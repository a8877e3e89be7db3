"""The trees of a forest, grown by scikit-survival and read by us: leaves, mortality of a leaf, who was out of bag.

A leaf holds the Nelson-Aalen cumulative hazard and the Kaplan-Meier curve of its rows. Its *mortality* is the
cumulative hazard summed over the event times of the whole cohort: the number of events expected if everybody were like
the patients of the leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: scikit-survival reads covariates as 32-bit numbers.
Covariates = npt.NDArray[np.float32]

_HAZARD, _SURVIVAL = 0, 1


def grow(x: Covariates, outcome: Outcome, *, n_trees: int, mtry: int, min_leaf: int, seed: int) -> Any:  # noqa: ANN401
    """Grow the trees.

    Parameters
    ----------
    x : ndarray of float32, shape (n, p)
        Design matrix.
    outcome : Outcome
        Its rows, without late entry.
    n_trees, mtry, min_leaf, seed : int
        Trees, columns tried at a split, least rows of a leaf, seed.

    Returns
    -------
    sksurv.ensemble.RandomSurvivalForest
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
    return engine.fit(x, Surv.from_arrays(outcome.event == 1, outcome.time))


def index_of(engine: Any, x: Covariates) -> Floats:  # noqa: ANN401
    """Average the mortality of a row's leaves over all trees.

    Parameters
    ----------
    engine : sksurv.ensemble.RandomSurvivalForest
        A grown forest.
    x : ndarray of float32, shape (n, p)
        Rows to predict for.

    Returns
    -------
    ndarray, shape (n,)
        Ensemble mortality, higher = worse.
    """
    return _average(engine, x, mortality)


def survival_of(engine: Any, x: Covariates, times: Floats) -> Floats:  # noqa: ANN401
    """Average the Kaplan-Meier curves of a row's leaves over all trees.

    Parameters
    ----------
    engine : sksurv.ensemble.RandomSurvivalForest
        A grown forest.
    x : ndarray of float32, shape (n, p)
        Rows to predict for.
    times : ndarray, shape (n_times,)
        Times at which the curves are read.

    Returns
    -------
    ndarray, shape (n, n_times)
        Survival; NaN beyond the longest follow-up.
    """
    return _until_last(engine, _average(engine, x, lambda tree: _curves(tree, times)), times)


def out_of_bag_index(engine: Any, x: Covariates) -> Floats:  # noqa: ANN401
    """Average the mortality of a row's leaves over the trees that did not draw it.

    Parameters
    ----------
    engine : sksurv.ensemble.RandomSurvivalForest
        A grown forest.
    x : ndarray of float32, shape (n, p)
        The rows it was grown on.

    Returns
    -------
    ndarray, shape (n,)
        Ensemble mortality; NaN for a row that every tree drew.
    """
    return _average(engine, x, mortality, unseen=True)


def out_of_bag_survival(engine: Any, x: Covariates, times: Floats) -> Floats:  # noqa: ANN401
    """Average the Kaplan-Meier curves of a row's leaves over the trees that did not draw it.

    Parameters
    ----------
    engine : sksurv.ensemble.RandomSurvivalForest
        A grown forest.
    x : ndarray of float32, shape (n, p)
        The rows it was grown on.
    times : ndarray, shape (n_times,)
        Times at which the curves are read.

    Returns
    -------
    ndarray, shape (n, n_times)
        Survival; NaN beyond the longest follow-up and for a row that every tree drew.
    """
    return _until_last(engine, _average(engine, x, lambda tree: _curves(tree, times), unseen=True), times)


def _average(engine: Any, x: Covariates, read: Callable[[Any], Floats], *, unseen: bool = False) -> Floats:  # noqa: ANN401
    """Average what a row's leaves hold over all trees, or over those that did not draw the row."""
    everybody = np.arange(x.shape[0])
    trees = out_of_bag(engine) if unseen else ((tree, everybody) for tree in engine.estimators_)
    n_trees = np.zeros(x.shape[0])
    total = np.zeros((x.shape[0], *read(engine.estimators_[0]).shape[1:]))
    for tree, rows in trees:
        total[rows] += read(tree)[tree.tree_.apply(x[rows])]
        n_trees[rows] += 1
    with np.errstate(invalid="ignore"):
        average: Floats = (total.T / n_trees).T
    return average


def out_of_bag(engine: Any) -> Iterator[tuple[Any, Ints]]:  # noqa: ANN401
    """Walk through the trees with the rows that each did not draw.

    Parameters
    ----------
    engine : sksurv.ensemble.RandomSurvivalForest
        A grown forest.

    Yields
    ------
    tuple of (tree, ndarray of int64)
        A tree and the positions of its out-of-bag rows.
    """
    for tree, drawn in zip(engine.estimators_, engine.estimators_samples_, strict=True):
        inside = np.zeros(len(drawn), dtype=bool)
        inside[drawn] = True
        yield tree, np.flatnonzero(~inside)


def mortality(tree: Any) -> Floats:  # noqa: ANN401
    """Sum the cumulative hazard of every node over the event times of the cohort.

    Parameters
    ----------
    tree : sksurv.tree.SurvivalTree
        A grown tree.

    Returns
    -------
    ndarray, shape (n_nodes,)
        Mortality, higher = worse.
    """
    summed: Floats = tree.tree_.value[:, tree.is_event_time_, _HAZARD].sum(axis=1)
    return summed


def _curves(tree: Any, times: Floats) -> Floats:  # noqa: ANN401
    """Read the Kaplan-Meier curve of every node at times; 1 before the first time of the cohort."""
    place = np.searchsorted(tree.unique_times_, times, side="right") - 1
    curves: Floats = np.where(place >= 0, tree.tree_.value[:, np.maximum(place, 0), _SURVIVAL], 1.0)
    return curves


def _until_last(engine: Any, survival: Floats, times: Floats) -> Floats:  # noqa: ANN401
    survival[:, times > engine.unique_times_[-1]] = np.nan
    return survival
