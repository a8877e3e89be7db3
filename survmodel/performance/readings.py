"""Readings of a test: yes, no, a third state that is neither, or missing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, name_rows

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NO, YES, INDETERMINATE, MISSING = 0, 1, 2, -1
_CODES = {"no": NO, "yes": YES, "indeterminate": INDETERMINATE, "0": NO, "1": YES}


def read_readings(values: object, name: str, *, third_state: bool = True) -> Ints:
    """Read a column of readings.

    Parameters
    ----------
    values : Series or array_like, shape (n,)
        1, True or "yes"; 0, False or "no"; "indeterminate"; None or NaN where missing.
    name : str
        What to call it in messages.
    third_state : bool
        Whether a reading may be indeterminate.

    Returns
    -------
    ndarray of int, shape (n,)
        YES, NO, INDETERMINATE or MISSING.

    Raises
    ------
    DataError
        For other values.

    Examples
    --------
    >>> read_readings([1, "no", None, "indeterminate"], "A").tolist()
    [1, 0, -1, 2]
    """
    column = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=object)  # type: ignore[call-overload]
    codes = np.array([_code(value) for value in column], dtype=np.int64)
    wrong = (codes == -2) | ((codes == INDETERMINATE) & (not third_state))
    if wrong.any():
        allowed = 'yes, no or "indeterminate"' if third_state else "yes and no"
        raise DataError(f"{name} has other values than {allowed}", f"in {name_rows(wrong)}", "code yes as 1, no as 0")
    return codes


def read_clusters(cluster: object, n: int) -> Ints | None:
    """Read whose row each row is.

    Parameters
    ----------
    cluster : Series or array_like, shape (n,), or None
        Patient of each row; None where rows are patients.
    n : int
        Rows of the tests.

    Returns
    -------
    ndarray of int, shape (n,), or None
        A code for each patient.

    Raises
    ------
    DataError
        For another number of rows, and a row without a patient.

    Examples
    --------
    >>> read_clusters(["a", "b", "a"], 3).tolist()
    [0, 1, 0]
    """
    if cluster is None:
        return None
    labels = pd.Series(np.asarray(cluster, dtype=np.object_))
    if labels.size != n:
        raise DataError("cluster and tests differ in length", f"{labels.size} and {n} rows")
    if labels.isna().any():
        raise DataError("a row has no patient", remedy="leave it out on purpose, or say whose it is")
    codes: Ints = np.asarray(pd.factorize(labels)[0], dtype=np.int64)
    return codes


def _code(value: object) -> int:
    if pd.isna(value):  # type: ignore[call-overload]
        return MISSING
    if isinstance(value, bool | np.bool_ | int | float | np.number):
        return int(value) if value in (0, 1) else -2
    return _CODES.get(str(value).strip().lower(), -2)
