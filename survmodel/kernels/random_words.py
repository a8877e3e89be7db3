r"""Random numbers inside kernels.

They come from SplitMix64 (Steele, Lea and Flood 2014), whose whole state is one 64-bit word: what is drawn depends on
that word alone, whoever draws it and whatever was drawn before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
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
def draw_units(states: Words, bounds: Ints, members: Ints, unit: Ints, drawn: Ints, counts: Ints) -> None:
    """Draw units with replacement within their strata, as many as each has, and count their rows.

    Parameters
    ----------
    states : ndarray of uint64, shape (b,)
        State of each draw.
    bounds : ndarray of int64, shape (n_strata + 1,)
        Where each stratum begins and ends in `members`.
    members : ndarray of int64, shape (n_units,)
        Units by stratum.
    unit : ndarray of int64, shape (n,)
        Unit of each row.
    drawn : ndarray of int64, shape (n_units,)
        Room for how often each unit was drawn.
    counts : ndarray of int64, shape (b, n)
        Written: how often each row counts in each draw.
    """
    for draw in range(states.shape[0]):
        drawn[:] = 0
        state = states[draw]
        for stratum in range(bounds.shape[0] - 1):
            size = bounds[stratum + 1] - bounds[stratum]
            for _ in range(size):
                state, place = draw_below(state, size)
                drawn[members[bounds[stratum] + place]] += 1
        for row in range(unit.shape[0]):
            counts[draw, row] = drawn[unit[row]]
