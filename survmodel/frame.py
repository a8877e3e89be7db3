"""Tables of other libraries at the door: polars and pyarrow become pandas, which everything behind it works on."""

from __future__ import annotations

from typing import Any

import pandas as pd

from survmodel.errors import DataError

_REMEDY = "pass a pandas DataFrame, a polars DataFrame or a pyarrow Table"


def as_frame(table: object, name: str = "table") -> pd.DataFrame:
    """Take a table of any of the libraries that people use.

    Parameters
    ----------
    table : pandas.DataFrame, polars.DataFrame or pyarrow.Table
        One row for each patient or interval.
    name : str
        What to call it in messages.

    Returns
    -------
    pandas.DataFrame
        A pandas table as it is. Of any other the rows are numbered from 0; whole numbers with a missing value become
        floats, an enumeration becomes a categorical in its order, and a categorical without a declared order becomes
        text. Missing stays missing.

    Raises
    ------
    DataError
        For what is no table, or a table that is not computed yet.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [50, 60]})
    >>> as_frame(table) is table
    True
    >>> as_frame([50, 60])
    Traceback (most recent call last):
        ...
    survmodel.errors.DataError: the table is no table: found a list. Pass a pandas DataFrame, a polars DataFrame or a
    pyarrow Table.
    """
    if isinstance(table, pd.DataFrame):
        return table
    try:
        # It comes with scikit-learn and takes a moment to load: only for those who bring such a table.
        import narwhals
    except ImportError:
        remedy = "pass a pandas DataFrame, or install narwhals"
        raise DataError(f"the {name} is no pandas table", f"found a {type(table).__name__}", remedy) from None
    try:
        frame: Any = narwhals.from_native(table, eager_only=True)
    except TypeError:
        if callable(getattr(table, "collect", None)):
            raise DataError(f"the {name} is not computed yet", remedy="call its collect() first") from None
        raise DataError(f"the {name} is no table", f"found a {type(table).__name__}", _REMEDY) from None
    columns = {str(series.name): _as_series(series, narwhals) for series in frame.iter_columns()}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _as_series(series: Any, narwhals: Any) -> pd.Series:  # noqa: ANN401 - typed by another library
    values, kind = series.to_list(), series.dtype
    if isinstance(kind, narwhals.Enum):
        return pd.Series(pd.Categorical(values, list(kind.categories)))
    if isinstance(kind, narwhals.Categorical | narwhals.String):
        return pd.Series(values, dtype=object)
    if isinstance(kind, narwhals.Date | narwhals.Datetime):
        return pd.Series(pd.to_datetime(pd.Series(values, dtype=object)))
    if isinstance(kind, narwhals.Boolean):
        return pd.Series(values, dtype="boolean" if None in values else bool)
    if kind.is_integer() and None not in values:
        return pd.Series(values, dtype="int64")
    if kind.is_numeric():
        return pd.Series([None if value is None else float(value) for value in values], dtype="float64")
    return pd.Series(values, dtype=object)
