"""The rows that a tree is grown on: they depend on the tree's word alone, whatever was grown before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.random_words import Truth, Whole, Words, draw_below, next_word

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]


@kernel(allocates=False)
def draw_rows(state: np.uint64, n_draws: Whole, replace: Truth, cumulative: Floats, counts: Counts) -> np.uint64:
    """Draw the rows of a tree.

    Parameters
    ----------
    state : uint64
        State of the tree.
    n_draws : int
        How many are drawn, without replacement at most all.
    replace : bool
        Whether a row may be drawn again.
    cumulative : ndarray, shape (n,) or (0,)
        Running sum of the weights by which rows are drawn with replacement; empty where all have the same.
    counts : ndarray of int32, shape (n,)
        Written: how often each row was drawn.

    Returns
    -------
    uint64
        The next state.
    """
    n = counts.shape[0]
    counts[:] = 0
    if not replace:
        # Selection sampling: each row in turn, by the share that is still wanted of those that are left.
        wanted = n_draws
        for row in range(n):
            state, place = draw_below(state, n - row)
            if place < wanted:
                counts[row] = 1
                wanted -= 1
    elif cumulative.shape[0] == 0:
        for _ in range(n_draws):
            state, place = draw_below(state, n)
            counts[place] += 1
    else:
        total = cumulative[n - 1]
        for _ in range(n_draws):
            state, word = next_word(state)
            share = total * (np.float64(word >> np.uint64(11)) / 9007199254740992.0)
            low, high = 0, n - 1
            while low < high:
                middle = (low + high) // 2
                if cumulative[middle] > share:
                    high = middle
                else:
                    low = middle + 1
            counts[low] += 1
    return state


@kernel()
def draw_all(states: Words, n_draws: Whole, replace: Truth, cumulative: Floats, n: Whole) -> Counts:
    """Draw the rows of several trees again.

    Parameters
    ----------
    states : ndarray of uint64, shape (n_trees,)
        State of each tree.
    n_draws, replace, cumulative
        As in :func:`draw_rows`.
    n : int
        Rows.

    Returns
    -------
    ndarray of int32, shape (n_trees, n)
        How often each tree drew each row.
    """
    counts = np.empty((states.shape[0], n), dtype=np.int32)
    for tree in range(states.shape[0]):
        draw_rows(states[tree], n_draws, replace, cumulative, counts[tree])
    return counts
