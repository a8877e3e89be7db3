r"""Reading survival trees: the leaf of a row, and averages over trees of what the leaves hold.

With the leaf :math:`\ell_b(x)` of a row in tree *b*, the Nelson-Aalen hazard :math:`H_\ell` and the Kaplan-Meier curve
:math:`S_\ell` of a leaf, and the event times :math:`t_k` of the cohort, a forest of *B* trees says

.. math::
    H(t \mid x) = \frac1B \sum_b H_{\ell_b(x)}(t), \qquad S(t \mid x) = \frac1B \sum_b S_{\ell_b(x)}(t), \qquad
    M(x) = \sum_k H(t_k \mid x),

the last being ensemble mortality (Ishwaran et al. 2008). A tree can pass over the rows that it drew: what remains is
*out of bag*. Sums run over trees in their order, so that the number of threads changes no bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.forest_trees import LEAF, Trees
from survmodel.kernels.random_words import Whole

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

PASSED_OVER = -1


@kernel(allocates=False)
def leaf_of(trees: Trees, tree: Whole, values: Floats, unordered: Bools) -> Whole:
    """Follow a row from the root to its leaf.

    Parameters
    ----------
    trees : Trees
        Grown trees.
    tree : int
        Which of them.
    values : ndarray, shape (p,)
        The row: numbers, levels of factors from 0 on, NaN where missing.
    unordered : ndarray of bool, shape (p,)
        Unordered factors.

    Returns
    -------
    int
        Number of the leaf among all nodes.
    """
    root = trees.node_bounds[tree]
    node: Whole = root
    while trees.feature[node] != LEAF:
        feature = trees.feature[node]
        value = values[feature]
        if np.isnan(value):
            goes_left = trees.missing_left[node]
        elif unordered[feature]:
            goes_left = (trees.left_levels[node] >> np.uint64(value)) & np.uint64(1) != np.uint64(0)
        else:
            goes_left = value <= trees.cut[node]
        node = root + trees.left[node] + (0 if goes_left else 1)
    return node


@kernel()
def find_leaves(trees: Trees, values: Floats, unordered: Bools, drawn: Ints32) -> Ints32:
    """Find the leaf of each row in each tree.

    Parameters
    ----------
    trees : Trees
        Grown trees.
    values : ndarray, shape (n, p)
        Rows.
    unordered : ndarray of bool, shape (p,)
        Unordered factors.
    drawn : ndarray of int32, shape (n_trees, n) or (0, n)
        How often each tree drew each row: a tree passes over a row that it drew. Empty: over none.

    Returns
    -------
    ndarray of int32, shape (n_trees, n)
        Numbers of leaves among all nodes, PASSED_OVER where there is none.
    """
    n_trees, n = trees.node_bounds.shape[0] - 1, values.shape[0]
    leaves = np.empty((n_trees, n), dtype=np.int32)
    for tree in range(n_trees):
        for row in range(n):
            leaves[tree, row] = PASSED_OVER
            if drawn.shape[0] == 0 or drawn[tree, row] == 0:
                leaves[tree, row] = leaf_of(trees, tree, values[row], unordered)
    return leaves


@kernel(allocates=False)
def sum_mortality(trees: Trees, leaves: Ints32, total: Floats, n_trees: Floats) -> None:
    """Add the mortality of each row's leaves, tree after tree.

    Parameters
    ----------
    trees : Trees
        Grown trees.
    leaves : ndarray of int32, shape (n_trees, n)
        From :func:`find_leaves`.
    total, n_trees : ndarray, shape (n,)
        Changed: sums, and how many trees count.
    """
    for tree in range(leaves.shape[0]):
        for row in range(leaves.shape[1]):
            if leaves[tree, row] != PASSED_OVER:
                total[row] += trees.mortality[leaves[tree, row]]
                n_trees[row] += 1.0


@kernel(allocates=False)
def _leaf_curves(trees: Trees, tree: Whole, places: Ints, hazard: Floats, survival: Floats) -> None:
    """Read the Nelson-Aalen hazard and the Kaplan-Meier curve of every leaf of a tree at places of event times."""
    root = trees.node_bounds[tree]
    for node in range(root, trees.node_bounds[tree + 1]):
        step, last = trees.first_step[node], trees.first_step[node] + trees.n_steps[node]
        so_far, alive = 0.0, 1.0
        for k in range(places.shape[0]):
            while step < last and trees.step_place[step] <= places[k]:
                so_far += trees.hazard_step[step]
                alive *= 1.0 - trees.hazard_step[step]
                step += 1
            hazard[node - root, k], survival[node - root, k] = so_far, alive


@kernel()
def sum_curves(
    trees: Trees,
    leaves: Ints32,
    places: Ints,
    hazard: Floats,
    survival: Floats,
    n_trees: Floats,
) -> None:
    """Add the cumulative hazard and the survival of each row's leaves, tree after tree.

    Parameters
    ----------
    trees, leaves
        As in :func:`sum_mortality`.
    places : ndarray of int64, shape (n_asked,)
        Ascending: the last event time of the cohort at or before each time asked for, -1 before the first.
    hazard, survival : ndarray, shape (n, n_asked)
        Changed: sums.
    n_trees : ndarray, shape (n,)
        Changed: how many trees count.
    """
    most = 0
    for tree in range(leaves.shape[0]):
        most = max(most, trees.node_bounds[tree + 1] - trees.node_bounds[tree])
    of_hazard, of_survival = np.empty((most, places.shape[0])), np.empty((most, places.shape[0]))
    for tree in range(leaves.shape[0]):
        _leaf_curves(trees, tree, places, of_hazard, of_survival)
        for row in range(leaves.shape[1]):
            if leaves[tree, row] != PASSED_OVER:
                leaf = leaves[tree, row] - trees.node_bounds[tree]
                for k in range(places.shape[0]):
                    hazard[row, k] += of_hazard[leaf, k]
                    survival[row, k] += of_survival[leaf, k]
                n_trees[row] += 1.0
