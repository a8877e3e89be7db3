"""The columns of a forest: numbers and whole factors, where a regression has a 0/1 column for each level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, FitError, list_values
from survmodel.frame import as_frame
from survmodel.kernels.forest_trees import MOST_LEVELS
from survmodel.models.formula import Design, Formula
from survmodel.models.formula_coding import Levels

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Kind = Literal["number", "ordered", "unordered"]


@dataclass(frozen=True, slots=True)
class ForestColumn:
    """One column that a split may use.

    Attributes
    ----------
    name : str
        Name of the term.
    variables : tuple of str
        Columns of the table that it is made of.
    kind : {"number", "ordered", "unordered"}
        Levels of an ordered factor are cut in their order, those of another in that of their event rate in the node.
    levels : tuple of str
        Of a factor, in order.
    places : tuple of int
        Columns of the design matrix that it stands for.
    """

    name: str
    variables: tuple[str, ...]
    kind: Kind
    levels: tuple[str, ...]
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ForestColumns:
    """What was learnt about the columns of a forest.

    Attributes
    ----------
    design : Design
        Levels and what else the formula learnt.
    columns : tuple of ForestColumn
        The columns, in the order of the formula.
    gaps : bool
        Whether values may be missing.
    """

    design: Design
    columns: tuple[ForestColumn, ...]
    gaps: bool

    @property
    def unordered(self) -> Bools:
        """Unordered factors, shape (p,)."""
        return np.array([column.kind == "unordered" for column in self.columns], dtype=bool)

    def values(self, table: pd.DataFrame) -> Floats:
        """Read a table: numbers as they are, factors as numbers of levels from 0 on, NaN where missing.

        Parameters
        ----------
        table : pandas.DataFrame, or a table of polars or pyarrow
            Columns of the formula.

        Returns
        -------
        ndarray, shape (n, p)
            Row by row.

        Raises
        ------
        ConfigError
            For absent columns.
        DataError
            For levels that were not learnt, infinite values, and missing ones unless `gaps`.
        """
        table = as_frame(table)
        matrix = self.design.matrix(table, gaps=self.gaps)
        values = np.empty((len(table), len(self.columns)))
        for place, column in enumerate(self.columns):
            block = matrix[:, column.places]
            values[:, place] = block[:, 0] if column.kind == "number" else _level_numbers(column, block, self.design)
        return values

    def to_json(self) -> dict[str, Any]:
        """Give all that was learnt as values that JSON can hold."""
        return {
            "design": self.design.to_json(),
            "columns": [asdict(column) for column in self.columns],
            "gaps": self.gaps,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ForestColumns:
        """Rebuild what `to_json` gave.

        Raises
        ------
        ConfigError
            When it is not understood.
        """
        try:
            columns = tuple(
                ForestColumn(
                    one["name"], tuple(one["variables"]), one["kind"], tuple(one["levels"]), tuple(one["places"])
                )
                for one in stored["columns"]
            )
            return cls(Design.from_json(stored["design"]), columns, bool(stored["gaps"]))
        except (LookupError, TypeError, AttributeError) as error:
            raise ConfigError("the stored columns are not understood", str(error), "store the forest again") from error


def _level_numbers(column: ForestColumn, block: Floats, design: Design) -> Floats:
    """Turn the 0/1 columns of a factor into the number of the level; rows of zeros have the reference."""
    shown = [column.levels.index(design.columns[place].level) for place in column.places]
    reference = column.levels.index(design.columns[column.places[0]].reference)
    return reference + block @ (np.array(shown, dtype=np.float64) - reference)


def learn_columns(formula: Formula, table: pd.DataFrame, *, gaps: bool, whole_factors: bool) -> ForestColumns:
    """Learn the columns of a forest.

    Parameters
    ----------
    formula : Formula
        Its terms.
    table : pandas.DataFrame
        Analysed rows.
    gaps : bool
        Whether values may be missing.
    whole_factors : bool
        Whether a factor is one column, else one 0/1 column for each level but the reference.

    Returns
    -------
    ForestColumns
        What reads any later table.

    Raises
    ------
    DataError
        When a column cannot be coded.
    FitError
        For an unordered factor of more than 64 levels.
    """
    design = formula.learn(table, gaps=gaps)
    codings = dict(zip(formula.atoms, design.codings, strict=True))
    columns = []
    for term, (label, places) in zip(formula.terms, design.terms, strict=True):
        coding = codings[term.factors[0]] if len(term.factors) == 1 else None
        if whole_factors and isinstance(coding, Levels):
            columns.append(ForestColumn(label, (coding.variable,), _factor_kind(table, coding), coding.levels, places))
            continue
        for place in places:
            own = design.columns[place]
            variables = tuple(dict.fromkeys([*own.variable.split(":"), *own.depends]))
            columns.append(ForestColumn(own.term, variables, "number", (), (place,)))
    return ForestColumns(design, tuple(columns), gaps)


def _factor_kind(table: pd.DataFrame, coding: Levels) -> Kind:
    dtype = table[coding.variable].dtype
    if isinstance(dtype, pd.CategoricalDtype) and dtype.ordered:
        return "ordered"
    if len(coding.levels) > MOST_LEVELS:
        raise FitError(
            f"{coding.variable} has {len(coding.levels)} levels, and a forest takes {MOST_LEVELS}",
            remedy="merge rare levels, or give it as an ordered category",
        )
    return "unordered"


def refuse_constant(columns: ForestColumns, values: Floats) -> None:
    """Refuse columns that have one value only.

    Parameters
    ----------
    columns : ForestColumns
        The columns.
    values : ndarray, shape (n, p)
        Analysed rows.

    Raises
    ------
    FitError
        Naming the columns; a value here and there missing elsewhere is no other value.
    DataError
        For a column without any value.
    """
    constant = []
    for column, own in zip(columns.columns, values.T, strict=True):
        known = own[~np.isnan(own)]
        if not known.size:
            raise DataError(f"{column.name} has no value in any row", remedy="leave it out of the formula")
        if known.min() == known.max():
            constant.append(column.name)
    if constant:
        raise FitError(
            f"{list_values(constant)} {'is' if len(constant) == 1 else 'are'} constant",
            f"in all {values.shape[0]} analysed rows",
            "leave it out of the formula",
        )
