"""Rows of a table that a model can use: those without a missing value in the columns it needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, list_values
from survmodel.models.formula import Formula
from survmodel.models.formula_coding import check_used_columns, missing_values
from survmodel.outcome.checks import check_columns

Missing = tuple[tuple[str, int], ...]


def find_complete_rows(
    formulas: Sequence[Formula], others: Sequence[str], table: pd.DataFrame, finite: Collection[str] = ()
) -> tuple[npt.NDArray[np.bool_], Missing]:
    """Mark the rows without a missing value, and count the missing values of each column.

    Parameters
    ----------
    formulas : sequence of Formula
        What is modelled.
    others : sequence of str
        Columns needed beside them, such as strata.
    table : pandas.DataFrame
        All rows.
    finite : collection of str
        Columns known to hold finite numbers, which are not read again.

    Returns
    -------
    kept : ndarray of bool, shape (n,)
        True where nothing is missing.
    missing : tuple of (str, int)
        Missing values of each column that has some.

    Raises
    ------
    ConfigError
        For columns that the table lacks.
    """
    needed: dict[str, None] = {}
    for formula in formulas:
        formula.check_columns(map(str, table.columns))
        check_used_columns(table, formula.variables)
        needed |= dict.fromkeys(formula.variables)
    check_columns(table, list(others))
    needed |= dict.fromkeys(others)
    kept = np.ones(len(table), dtype=bool)
    counts = []
    for name in needed:
        if name not in finite and (missing := missing_values(table[name])).any():
            counts.append((str(name), int(missing.sum())))
            kept &= ~missing
    return kept, tuple(counts)


def list_missing(missing: Missing) -> str:
    """Say how many values each column lacks.

    Parameters
    ----------
    missing : tuple of (str, int)
        Missing values by column.

    Returns
    -------
    str
        Empty when nothing is missing.

    Examples
    --------
    >>> list_missing((("age", 3),))
    'missing values in age (3 rows)'
    """
    return "missing values in " + list_values([f"{name} ({count} rows)" for name, count in missing]) if missing else ""


def refuse_no_rows(rows: npt.NDArray[np.int64], missing: Missing) -> None:
    """Refuse a fit to no rows at all.

    Parameters
    ----------
    rows : ndarray of int64
        Rows that can be used.
    missing : tuple of (str, int)
        Missing values by column.

    Raises
    ------
    DataError
        When no row is left.
    """
    if rows.size == 0:
        raise DataError("no complete row is left", list_missing(missing), "fill in, impute, or leave columns out")


def refuse_missing_for_draws(missing: Missing) -> None:
    """Refuse rows with missing values where the same rows are to be drawn again and again.

    Parameters
    ----------
    missing : tuple of (str, int)
        Missing values by column.

    Raises
    ------
    DataError
        When any value is missing.
    """
    if missing:
        raise DataError(
            "rows with missing values cannot be drawn again", list_missing(missing), "take complete rows first"
        )
