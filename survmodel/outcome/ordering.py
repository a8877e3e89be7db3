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
    # A hash of values stands for them: columns of any kind are compared in one way, and identifiers are not kept.
    texts = table.astype(object).where(table.notna(), "").map(str).assign(**{"": ""})
    content = pd.util.hash_pandas_object(texts, index=False).to_numpy()
    return np.lexsort((content, layers, entry, outcome.event, outcome.time)).astype(np.int64)
