"""An order of patients that is theirs and not the file's, so that a draw does not depend on how rows were sorted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.outcome.response import Outcome

Ints = npt.NDArray[np.int64]


def canonical_order(table: pd.DataFrame, outcome: Outcome, codes: Ints | None = None) -> Ints:
    """Order rows by what they hold: time, event, entry, then the values of all columns.

    Parameters
    ----------
    table : pandas.DataFrame
        The rows; their labels do not matter.
    outcome : Outcome
        Their outcome.
    codes : ndarray of int64, shape (n,), optional
        Group of each row, numbered by level.

    Returns
    -------
    ndarray of int64, shape (n,)
        Row positions in order: the same patients in another order of rows give the same sequence of patients. Rows
        that hold the same stay as they stand, and are exchangeable.

    Examples
    --------
    >>> table = pd.DataFrame({"x": [3, 1, 2]})
    >>> canonical_order(table, Outcome([5, 9, 5], [1, 0, 1])).size
    3
    """
    entry = np.zeros(outcome.n) if outcome.entry is None else outcome.entry
    layers = np.zeros(outcome.n, dtype=np.int64) if codes is None else codes
    keys = (layers, entry, outcome.event, outcome.time)
    order = np.lexsort(keys)
    same = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    tied = order[np.append(same, False) | np.append(False, same)]
    if not tied.size or not len(table.columns):
        return order.astype(np.int64)
    # only those that cannot be told apart by their outcome are looked at, column by column in order of their names
    rank = np.zeros(outcome.n, dtype=np.int64)
    drawn = table.iloc[tied]
    columns = [_plain(values) for _, values in sorted(drawn.items(), key=lambda item: str(item[0]))]
    rank[tied[np.lexsort(columns[::-1])]] = np.arange(tied.size)
    return np.lexsort((rank, *keys)).astype(np.int64)


def _plain(values: pd.Series) -> np.ndarray:
    """Give numbers as doubles, and anything else as text, a missing value as none."""
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0
    return np.array([str(value) for value in values.astype(object).where(values.notna(), "")])
