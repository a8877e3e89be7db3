"""A copy of the columns that a model uses: whatever happens to the table afterwards, the fit keeps its data."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.models.formula import Design, Formula
from survmodel.models.formula_coding import check_used_columns
from survmodel.outcome.checks import check_columns

Floats = npt.NDArray[np.float64]

#: Rows that are copied together: few enough to stay in the fast memory where a table holds its values row by row.
ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class OwnColumns:
    """Columns of a table, copied.

    Attributes
    ----------
    frame : pandas.DataFrame
        The columns, with the labels of the table.
    numbers : ndarray, shape (k, n)
        Those of type float64, one in each row; the frame shows this same array.
    names : tuple of str
        Their names.
    finite : frozenset of str
        Those of them without a missing or infinite value.
    """

    frame: pd.DataFrame
    numbers: Floats
    names: tuple[str, ...]
    finite: frozenset[str]

    def take(self, rows: npt.NDArray[np.int64]) -> OwnColumns:
        """Choose rows by position; all of them in their order cost nothing."""
        if rows.size == len(self.frame):
            return self
        return copy_columns(self.frame.iloc[rows], list(self.frame.columns))

    def matrix(self, design: Design) -> Floats:
        """Code the columns, shape (n, p): the numbers themselves where the design takes them as they are."""
        return self.numbers.T if design.plain_columns == self.names else design.matrix(self.frame)


def read_columns(table: pd.DataFrame, formula: Formula, others: Sequence[str] = ()) -> OwnColumns:
    """Copy the columns that a model uses.

    Parameters
    ----------
    table : pandas.DataFrame
        All rows.
    formula : Formula
        What is modelled.
    others : sequence of str
        Columns needed beside it, such as strata.

    Returns
    -------
    OwnColumns
        The copy.

    Raises
    ------
    ConfigError
        For columns of the formula that the table lacks.
    DataError
        For other columns that it lacks, and for columns of one name.
    """
    formula.check_columns(map(str, table.columns))
    check_used_columns(table, formula.variables)
    check_columns(table, list(others))
    return copy_columns(table, list(dict.fromkeys([*formula.variables, *others])))


def copy_columns(table: pd.DataFrame, names: Sequence[str]) -> OwnColumns:
    """Copy columns, those of type float64 into one array.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    names : sequence of str
        Columns that it has.

    Returns
    -------
    OwnColumns
        The copy.

    Examples
    --------
    >>> own = copy_columns(pd.DataFrame({"age": [60.0, 70.0], "sex": ["f", "m"]}), ["sex", "age"])
    >>> own.names, own.numbers.tolist()
    (('age',), [[60.0, 70.0]])
    """
    given = {name: table[name] for name in names}
    floats = {name: values.to_numpy() for name, values in given.items() if values.dtype == np.float64}
    numbers = np.empty((len(floats), len(table)))
    for start in range(0, len(table), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        for row, values in zip(numbers, floats.values(), strict=True):
            row[part] = values[part]
    # One value that is missing or infinite makes the sum so. That of huge numbers may be infinite too: then the column
    # counts as one that has to be looked at.
    with np.errstate(over="ignore", invalid="ignore"):
        sums = numbers.sum(axis=1)
    finite = frozenset(itertools.compress(floats, np.isfinite(sums)))
    if len(floats) == len(names):
        frame = pd.DataFrame(numbers.T, index=table.index, columns=np.array(names, dtype=object), copy=False)
        return OwnColumns(frame, numbers, tuple(floats), finite)
    rows = dict(zip(floats, numbers, strict=True))
    columns = {name: rows[name] if name in rows else values.copy() for name, values in given.items()}
    return OwnColumns(pd.DataFrame(columns, index=table.index, copy=False), numbers, tuple(floats), finite)
