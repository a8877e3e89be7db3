r"""Permutation of columns out of bag: what trees say of rows they never drew once these have exchanged some values.

Row *i* of the :math:`m_b` rows that tree *b* never drew takes the values of row :math:`\pi_b(i)` in some columns, for a
random permutation :math:`\pi_b` of these rows. Its mortality out of bag is then

.. math::
    M^{*}(x_i) = \frac{1}{B_i} \sum_{b:\, i \notin b} M_{\ell_b(x_i^{\pi_b})},

with the :math:`B_i` trees that never drew it; importance is C of :math:`M` less that of :math:`M^{*}`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.forest_reading import leaf_of
from survmodel.kernels.forest_trees import Trees
from survmodel.kernels.random_words import Truth, Whole, draw_below, next_word

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]


@kernel(allocates=False)
def _uses(trees: Trees, tree: Whole, block: Ints) -> Truth:
    """Tell whether any split of a tree is on a column of the block."""
    for node in range(trees.node_bounds[tree], trees.node_bounds[tree + 1]):
        for feature in block:
            if trees.feature[node] == feature:
                return True
    return False


@kernel()
def sum_shuffled(
    trees: Trees,
    states: Words,
    values: Floats,
    unordered: Bools,
    drawn: Ints32,
    block: Ints,
    words: Words,
    total: Floats,
) -> None:
    """Add the mortality of rows out of bag after their values in some columns were exchanged, tree after tree.

    Parameters
    ----------
    trees : Trees
        Grown trees.
    states : ndarray of uint64, shape (n_trees,)
        The random word of each tree.
    values : ndarray, shape (n, p)
        The rows of the forest.
    unordered : ndarray of bool, shape (p,)
        Unordered factors.
    drawn : ndarray of int32, shape (n_trees, n)
        How often each tree drew each row.
    block : ndarray of int64
        Columns that move together.
    words : ndarray of uint64, shape (repeats,)
        A random word for each repeat.
    total : ndarray, shape (repeats, n)
        Changed: sums.
    """
    n = values.shape[0]
    outside, order, row = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(values.shape[1])
    for tree in range(states.shape[0]):
        m = np.int64(0)
        for i in range(n):
            if drawn[tree, i] == 0:
                outside[m] = i
                m += 1
        used = _uses(trees, tree, block)
        for repeat in range(words.shape[0]):
            state, _ = next_word(states[tree] ^ words[repeat])
            for i in range(m):
                order[i] = outside[i]
            # The shuffle of Fisher and Yates, from the end.
            for i in range(m - 1, 0, -1):
                state, j = draw_below(state, i + 1)
                order[i], order[j] = order[j], order[i]
            for i in range(m):
                for feature in range(values.shape[1]):
                    row[feature] = values[outside[i], feature]
                if used:
                    for feature in block:
                        row[feature] = values[order[i], feature]
                total[repeat, outside[i]] += trees.mortality[leaf_of(trees, tree, row, unordered)]
