"""What a forest needs of an engine: indices and curves, of any rows or of its own rows from trees that never drew them.

Rows of a forest stand in the order in which its trees know them. *Unseen* means out of bag: a row counts only with the
trees that drew neither it nor a copy of it, and has NaN where there are none. Copies are rows that hold the same, as in
a bootstrap sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]

#: A grid of more event times than this is thinned to so many.
GRID = 200


class ForestEngine(Protocol):
    """Grown trees of any make."""

    @property
    def event_times(self) -> Floats:
        """Times at which a curve may step, ascending."""
        ...

    @property
    def last_time(self) -> float:
        """Longest follow-up; nothing is said beyond it."""
        ...

    def mortality(self, values: Floats, *, unseen: bool = False) -> Floats:
        """Average the mortality of each row's leaves, shape (n,); higher = worse."""
        ...

    def curves(self, values: Floats, times: Floats, *, unseen: bool = False) -> tuple[Floats, Floats]:
        """Average Nelson-Aalen hazard and Kaplan-Meier survival of each row's leaves, each (n, n_times)."""
        ...

    def draws(self) -> Counts:
        """Tell how often each tree drew each row of the forest, shape (n_trees, n)."""
        ...

    def shuffled_mortality(self, values: Floats, blocks: Sequence[Sequence[int]], repeats: int, seed: int) -> Floats:
        """Average unseen mortality with the columns of a block exchanged among the unseen rows of each tree.

        Shape (n_blocks, repeats, n); the values of a block move together.
        """
        ...


def choose_grid(event_times: Floats) -> Floats:
    """Thin event times to a grid.

    Parameters
    ----------
    event_times : ndarray, shape (n_times,)
        Ascending.

    Returns
    -------
    ndarray
        All of them up to 200, else 200 of them, equally far apart in rank, the last among them.

    Examples
    --------
    >>> choose_grid(np.arange(1.0, 401.0))[[0, 1, -1]]
    array([  2.,   4., 400.])
    """
    n = event_times.size
    if n <= GRID:
        return event_times
    return event_times[np.ceil(np.arange(1, GRID + 1) * n / GRID).astype(np.int64) - 1]


def after_follow_up(curves: Floats, times: Floats, last_time: float) -> Floats:
    """Say nothing of times beyond the longest follow-up.

    Parameters
    ----------
    curves : ndarray, shape (n, n_times)
        Changed.
    times : ndarray, shape (n_times,)
        Times.
    last_time : float
        Longest follow-up.

    Returns
    -------
    ndarray, shape (n, n_times)
        The same array, NaN beyond the follow-up.
    """
    curves[:, times > last_time] = np.nan
    return curves
