"""Contrasts between two values of a column, all other columns held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, closest, list_values
from survmodel.formatting import format_significant
from survmodel.models.formula import Design


@dataclass(frozen=True, slots=True, eq=False)
class ContrastRows:
    """Contrasts as differences of design rows.

    Attributes
    ----------
    labels : pandas.DataFrame
        Columns term, variable, level (to), reference (from).
    steps : ndarray, shape (k, p)
        Design row at the second value minus that at the first.
    """

    labels: pd.DataFrame
    steps: npt.NDArray[np.float64]


def contrast_rows(
    design: Design, columns: pd.DataFrame, contrasts: Mapping[str, Sequence[object]], at: Mapping[str, object]
) -> ContrastRows:
    """Build the contrasts.

    Parameters
    ----------
    design : Design
        Of the fit.
    columns : pandas.DataFrame
        Analysed rows of the columns of the formula; the columns that are not compared are held at their median, or at
        their most frequent value.
    contrasts : mapping of str to (from, to)
        Columns and the two values to compare.
    at : mapping
        Values that replace the typical ones.

    Returns
    -------
    ContrastRows
        One for each column in `contrasts`.

    Raises
    ------
    ConfigError
        For unknown columns, pairs that are not pairs, and interactions whose other column is not in `at`.
    """
    labels, steps = [], []
    typical = {str(name): _typical(columns[name]) for name in columns.columns}
    for name in (*contrasts, *at):
        if name not in typical:
            raise ConfigError(f"{name!r} is not a column of the model", closest(name, typical))
    for name, pair in contrasts.items():
        if isinstance(pair, str) or len(pair) != 2:
            raise ConfigError(f"the contrast of {name!r} needs two values", remedy="give them as (from, to)")
        _refuse_open_interaction(design, name, at)
        held = {**typical, **at}
        rows = pd.DataFrame([{**held, name: value} for value in pair])
        matrix = design.matrix(rows)
        steps.append(matrix[1] - matrix[0] + 0.0)
        start, end = (_text(value) for value in pair)
        labels.append([f"{name} {end} vs {start}", name, end, start])
    header = ["term", "variable", "level", "reference"]
    return ContrastRows(pd.DataFrame(labels, columns=header, dtype=object), np.array(steps))


def effect_rows(
    design: Design,
    columns: pd.DataFrame,
    name: str,
    reference: float,
    values: npt.NDArray[np.float64],
    at: Mapping[str, object] | None = None,
) -> npt.NDArray[np.float64]:
    """Give the design row at each value of a numeric column minus that at a reference, all other columns held.

    Parameters
    ----------
    design : Design
        Of the fit.
    columns : pandas.DataFrame
        Analysed rows of the columns of the formula.
    name : str
        The column.
    reference : float
        Value that the others are compared with.
    values : ndarray, shape (k,)
        Values of the column.
    at : mapping, optional
        Values of other columns, needed where the effect depends on them.

    Returns
    -------
    ndarray, shape (k, p)
        Differences of design rows.

    Raises
    ------
    ConfigError
        For a column whose effect depends on another that is not in `at`, and for names in `at` that the model lacks.
    """
    _refuse_open_interaction(design, name, at or {})
    typical = {str(one): _typical(columns[one]) for one in columns.columns}
    for other in at or {}:
        if other not in typical:
            raise ConfigError(f"{other!r} is not a column of the model", closest(other, typical))
    typical |= at or {}
    matrix = design.matrix(pd.DataFrame([{**typical, name: value} for value in (reference, *values)]))
    steps: npt.NDArray[np.float64] = matrix[1:] - matrix[0] + 0.0
    return steps


def refuse_no_number(columns: pd.DataFrame, name: str) -> None:
    """Refuse a column that the model lacks, or that has no values between two others.

    Parameters
    ----------
    columns : pandas.DataFrame
        Analysed rows of the columns of the formula.
    name : str
        The column.

    Raises
    ------
    ConfigError
        For a column that is none of the model's, or no number.
    """
    if name not in columns:
        raise ConfigError(f"{name!r} is not a column of the model", closest(name, list(map(str, columns.columns))))
    if not pd.api.types.is_numeric_dtype(columns[name]) or columns[name].dtype == bool:
        raise ConfigError(f"{name!r} is no number", remedy="use hazard_ratios() for a factor")


def _refuse_open_interaction(design: Design, name: str, at: Mapping[str, object]) -> None:
    partners: set[str] = set()
    for column in design.columns:
        parts = {*column.variable.split(":"), *column.depends}
        if name in parts:
            partners |= parts - {name}
    open_partners = sorted(partners - set(at))
    if open_partners:
        raise ConfigError(
            f"the effect of {name!r} depends on {list_values(open_partners)}",
            remedy="say at which value, for example at={" + f"{open_partners[0]!r}: ..." + "}",
        )


def _typical(column: pd.Series) -> object:
    numeric = pd.api.types.is_numeric_dtype(column) and column.nunique() > 2
    return float(column.median()) if numeric else column.mode().iloc[0]


def _text(value: object) -> str:
    return format_significant(float(value), 6) if isinstance(value, int | float | np.number) else str(value)
