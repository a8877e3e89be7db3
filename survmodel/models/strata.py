"""Strata of a model: combinations of columns, numbered once and found again at prediction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, list_values, name_rows
from survmodel.formatting import level_text
from survmodel.outcome.checks import check_columns
from survmodel.outcome.groups import Groups

Ints = npt.NDArray[np.int64]


def read_strata(table: pd.DataFrame, columns: tuple[str, ...]) -> Groups:
    """Give every combination of levels that occurs a number.

    Parameters
    ----------
    table : pandas.DataFrame
        Complete rows.
    columns : tuple of str
        Strata columns; none gives one stratum labelled "".

    Returns
    -------
    Groups
        Codes by numeric, then alphabetical order of the labels.
    """
    if not columns:
        return Groups(np.zeros(len(table), dtype=np.int64), ("",))
    labels = stratum_labels(table, columns)
    order = sorted(set(labels), key=_natural)
    number = {label: code for code, label in enumerate(order)}
    return Groups(np.array([number[label] for label in labels], dtype=np.int64), tuple(order))


def stratum_codes(table: pd.DataFrame, columns: tuple[str, ...], known: tuple[str, ...]) -> Ints:
    """Find the stratum of every row among those of a fit.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows to predict for.
    columns : tuple of str
        Strata columns.
    known : tuple of str
        Labels of the fit's strata.

    Returns
    -------
    ndarray of int64, shape (n,)
        Position in `known`.

    Raises
    ------
    DataError
        For absent columns and strata that the fit has not seen.
    """
    check_columns(table, columns)
    number = {label: code for code, label in enumerate(known)}
    codes = np.array([number.get(label, -1) for label in stratum_labels(table, columns)], dtype=np.int64)
    if (codes < 0).any():
        raise DataError(
            f"{list_values(columns)} has strata that the model has not seen",
            f"in {name_rows(codes < 0)}",
            "a stratum without a baseline hazard has no prediction",
        )
    return codes


def stratum_labels(table: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """Write the stratum of every row as text.

    Parameters
    ----------
    table : pandas.DataFrame
        Holds the columns.
    columns : tuple of str
        Strata columns.

    Returns
    -------
    list of str
        Levels joined by ", "; whole numbers without a decimal point.
    """
    if not columns:
        return [""] * len(table)
    parts = [[level_text(value) for value in table[name]] for name in columns]
    return [", ".join(levels) for levels in zip(*parts, strict=True)]


def _natural(label: str) -> tuple[int, float, str]:
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def look_at_strata(died: npt.NDArray[np.bool_], codes: Ints, n_strata: int) -> list[str]:
    """Warn of strata that say nothing because nobody in them has the event.

    Parameters
    ----------
    died : ndarray of bool, shape (n,)
        Events.
    codes : ndarray of int64, shape (n,)
        Stratum of each row.
    n_strata : int
        Number of strata; one alone is no stratification.

    Returns
    -------
    list of str
        One sentence, or none.
    """
    if n_strata == 1:
        return []
    silent = int((np.bincount(codes, weights=died, minlength=n_strata) == 0).sum())
    return [f"{silent} of {n_strata} strata have no event and say nothing"] if silent else []
