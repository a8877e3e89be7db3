"""Two numbers of each patient, read together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.errors import ConfigError, DataError, name_rows
from survmodel.performance.delong import read_together

Floats = npt.NDArray[np.float64]


def read_pairs(
    a: object, b: object, names: tuple[str, str], *, positive: bool = False, counts: bool = False
) -> tuple[Floats, Floats, int]:
    """Read two columns of the same patients and leave out who lacks one.

    Parameters
    ----------
    a, b : Series or array_like, shape (n,)
        Numbers.
    names : tuple of (str, str)
        What to call them.
    positive, counts : bool
        Whether they must be above 0, and whether they must be whole and not below 0.

    Returns
    -------
    a, b : ndarray
        Numbers of patients who have both.
    n_missing : int
        Patients left out.

    Raises
    ------
    DataError
        For other numbers, rows that do not agree, and no patient with both.
    ConfigError
        For one name for two columns.

    Examples
    --------
    >>> read_pairs([1, 2, None], [3, 4, 5], ("A", "B"))[2]
    1
    """
    if names[0] == names[1]:
        raise ConfigError("the two columns have one name", remedy='give names=("CXCR4", "FDG")')
    columns = read_together({names[0]: a, names[1]: b})
    for column, name in zip(columns.T, names, strict=True):
        if np.isinf(column).any():
            raise DataError(f"{name!r} is infinite", f"in {name_rows(np.isinf(column))}", "correct it, or leave it out")
        if positive and (column <= 0).any():
            raise DataError(
                f"{name!r} is not above 0, and has no logarithm",
                f"in {name_rows(column <= 0)}",
                "compare differences with log=False, or correct it",
            )
        wrong = (column < 0) | (column != np.floor(column)) & ~np.isnan(column)
        if counts and wrong.any():
            raise DataError(f"{name!r} is no count", f"in {name_rows(wrong)}", "give whole numbers from 0")
    known = ~np.isnan(columns).any(axis=1)
    if not known.any():
        raise DataError("no patient has both values", f"{known.size} rows")
    return columns[known, 0], columns[known, 1], int((~known).sum())
