"""Columns of an imputation model as numbers: what each holds, which cells are missing, and which do not apply.

A number stays a number; levels, and numbers of which only two values occur, become places 0, 1, ... in a stated order:
that of a categorical, else ascending. Nothing here depends on the order of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, closest, list_values, name_rows
from survmodel.formatting import level_text
from survmodel.kernels.imputation import LEVELS, NUMBER, ORDERED
from survmodel.models.formula_coding import missing_values

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

KINDS = {"pmm": NUMBER, "logistic": LEVELS, "multinomial": LEVELS, "ordinal": ORDERED}
#: More levels than this have no multinomial regression in cohorts of some hundreds.
MOST_LEVELS = 20
#: Text of which a larger share of values is distinct names rows.
MOST_DISTINCT = 0.5
NUMBERS = {"integer", "floating", "mixed-integer-float", "decimal"}


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A column of the imputation model.

    Attributes
    ----------
    name : str
        Column.
    kind : int
        NUMBER, LEVELS or ORDERED of the kernel.
    levels : tuple
        Values in order; () for a number.
    numeric : bool
        Whether the column holds numbers.
    centre, scale : float
        Mean and standard deviation of the observed values, or of the places of levels.
    """

    name: str
    kind: int
    levels: tuple[Any, ...]
    numeric: bool
    centre: float
    scale: float

    @property
    def width(self) -> int:
        """Columns of the design."""
        return max(len(self.levels) - 1, 1)

    @property
    def method(self) -> str:
        """How its missing values are imputed."""
        if self.kind == NUMBER:
            return "predictive mean matching"
        if len(self.levels) <= 2:
            return "logistic regression"
        return "proportional odds" if self.kind == ORDERED else "multinomial regression"

    def encode(self, values: pd.Series) -> Floats:
        """Turn values into numbers, NaN where missing.

        Parameters
        ----------
        values : pandas.Series
            Values of the column.

        Returns
        -------
        ndarray, shape (n,)
            Numbers, or places of levels; a number beside two known values keeps its distance from them.

        Raises
        ------
        DataError
            For infinite values, text where a number is meant, and levels never seen.
        """
        missing = missing_values(values)
        if self.numeric:
            numbers = read_numbers(values, self.name)
            if not self.levels:
                return numbers
            apart = float(self.levels[-1]) - float(self.levels[0])
            return (numbers - float(self.levels[0])) / (apart if apart else 1.0)
        places = pd.Index(self.levels, dtype=object).get_indexer(pd.Index(values.astype(object)))
        unseen = (places < 0) & ~missing
        if unseen.any():
            raise DataError(
                f"{self.name} has a level that the training rows do not have",
                f"in {name_rows(unseen)}",
                f"known levels: {list_values([level_text(level) for level in self.levels])}; merge rare levels first",
            )
        return np.where(missing, np.nan, places)

    def decode(self, codes: Floats) -> npt.NDArray[Any]:
        """Turn numbers back into values.

        Parameters
        ----------
        codes : ndarray, shape (k,)
            As `encode` gives them.

        Returns
        -------
        ndarray, shape (k,)
            Values of the column.
        """
        if self.kind == NUMBER:
            return codes
        levels = np.empty(len(self.levels), dtype=object)
        levels[:] = self.levels
        return levels[codes.astype(np.int64)]


def read_numbers(values: pd.Series, name: str) -> Floats:
    """Take the numbers of a column, NaN where missing.

    Parameters
    ----------
    values : pandas.Series
        Numbers of any type.
    name : str
        What to call it.

    Returns
    -------
    ndarray, shape (n,)
        A copy.

    Raises
    ------
    DataError
        For infinite values, and for text.
    """
    missing = missing_values(values)
    try:
        numbers = np.full(len(values), np.nan)
        numbers[~missing] = values[~missing].to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} holds text where numbers are meant", remedy="read it as a number first") from None
    if np.isinf(numbers).any():
        raise DataError(f"{name} is infinite", f"in {name_rows(np.isinf(numbers))}", "correct it, or leave it empty")
    return numbers


def learn_variable(values: pd.Series, name: str, applies: Bools, method: str | None = None) -> Variable:
    """Find out what a column holds.

    Parameters
    ----------
    values : pandas.Series
        Values of the column.
    name : str
        Its name.
    applies : ndarray of bool, shape (n,)
        Rows in which it means anything.
    method : {"pmm", "logistic", "multinomial", "ordinal"}, optional
        How it is to be imputed; by its type without it.

    Returns
    -------
    Variable
        Its coding.

    Raises
    ------
    DataError
        For a column without values, dates, identifiers, too many levels, infinite values.
    ConfigError
        For a method that the column cannot have.
    """
    known = applies & ~missing_values(values)
    if not known.any():
        raise DataError(f"{name} has no value", "all are missing", "leave it out of columns=")
    categories = values.dtype.categories if isinstance(values.dtype, pd.CategoricalDtype) else None
    numeric = categories is None and _holds_numbers(values, name)
    levels: tuple[Any, ...]
    if numeric:
        numbers = read_numbers(values, name)[known]
        found = np.unique(numbers)
        levels = tuple(found.tolist()) if found.size <= 2 and method != "pmm" else ()
    else:
        present = pd.Index(values[known].unique())
        levels = tuple(one for one in categories if one in present) if categories is not None else _sorted(present)
        _refuse_names(levels, int(known.sum()), name)
    ordered = categories is not None and bool(values.dtype.ordered)  # type: ignore[union-attr]
    kind = _kind(name, levels, method, ordered=ordered)
    variable = Variable(name, kind, levels, numeric, 0.0, 1.0)
    # Sorted, so that the sums do not depend on the order of rows.
    codes = np.sort(variable.encode(values[known]))
    spread = float(codes.std(ddof=1)) if codes.size > 1 else 0.0
    return Variable(name, kind, levels, numeric, float(codes.mean()), spread if spread > 0 else 1.0)


def _holds_numbers(values: pd.Series, name: str) -> bool:
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in NUMBERS:
        return True
    if kind in ("string", "boolean"):
        return False
    raise DataError(
        f"{name} holds {kind} values, neither numbers nor levels",
        remedy="leave it out of columns=, or compute a number",
    )


def _sorted(present: pd.Index) -> tuple[Any, ...]:
    return tuple(sorted(present.tolist(), key=lambda one: (isinstance(one, str), one)))


def _refuse_names(levels: tuple[Any, ...], n: int, name: str) -> None:
    """Refuse text that names rows, and more levels than a regression bears."""
    if len(levels) > MOST_LEVELS or (len(levels) > 4 and len(levels) > MOST_DISTINCT * n):
        raise DataError(
            f"{name} has {len(levels)} levels in {n} rows",
            remedy="an identifier or free text is no variable: leave it out of columns=, or merge levels",
        )


def _kind(name: str, levels: tuple[Any, ...], method: str | None, *, ordered: bool) -> int:
    if method is None:
        return NUMBER if not levels else ORDERED if ordered and len(levels) > 2 else LEVELS
    if method not in KINDS:
        raise ConfigError(f"the method {method!r} of {name} is not known", remedy=closest(str(method), KINDS))
    if (method == "pmm") != (not levels):
        what = "levels" if levels else "numbers"
        raise ConfigError(f"{name} holds {what} and cannot be imputed by {method!r}", remedy="leave its method out")
    if method == "logistic" and len(levels) > 2:
        raise ConfigError(f"{name} has {len(levels)} levels, too many for 'logistic'", remedy="use 'multinomial'")
    return KINDS[method] if len(levels) > 2 else (LEVELS if levels else NUMBER)


def find_applicable(
    table: pd.DataFrame, names: tuple[str, ...], applies: Mapping[str, tuple[str, tuple[Any, ...]]]
) -> Bools:
    """Mark the cells that mean anything.

    Parameters
    ----------
    table : pandas.DataFrame
        The rows.
    names : tuple of str
        Columns of the imputation model.
    applies : mapping of str to (str, tuple)
        For a column, the column that tells and its values for which it applies.

    Returns
    -------
    ndarray of bool, shape (n, n_columns)
        True where the column applies.

    Raises
    ------
    DataError
        Where it is not known whether a column applies.
    """
    marks = np.ones((len(table), len(names)), dtype=bool)
    for name, (teller, values) in applies.items():
        told = table[teller]
        unknown = missing_values(told)
        if unknown.any():
            raise DataError(
                f"{teller} is missing, and tells whether {name} applies", f"in {name_rows(unknown)}", "fill it in"
            )
        if name in names:
            marks[:, names.index(name)] = told.isin(list(values)).to_numpy(dtype=bool)
    return marks
