r"""Random numbers inside kernels, and the rows that a tree is grown on.

Numbers come from SplitMix64 (Steele, Lea and Flood 2014), whose whole state is one 64-bit word: a tree depends on its
word alone, whoever grows it and whatever was grown before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int32]
#: Kernels make no difference between numbers of Python and of numpy.
Whole = int | np.int64
Truth = bool | np.bool_


@kernel(allocates=False)
def next_word(state: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Step the generator.

    Parameters
    ----------
    state : uint64
        State.

    Returns
    -------
    state, word : uint64
        The next state, and 64 random bits.
    """
    state = state + np.uint64(0x9E3779B97F4A7C15)
    word = state
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state, word ^ (word >> np.uint64(31))


@kernel(allocates=False)
def draw_below(state: np.uint64, n: Whole) -> tuple[np.uint64, Whole]:
    """Draw a whole number from 0 to n - 1, n below 2^32; no number is favoured by more than n / 2^32.

    Parameters
    ----------
    state : uint64
        State.
    n : int
        How many numbers there are.

    Returns
    -------
    state : uint64
        The next state.
    drawn : int
        The number.
    """
    state, word = next_word(state)
    return state, np.int64(((word >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


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
