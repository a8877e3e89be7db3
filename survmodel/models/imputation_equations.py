"""Which regressions fill in which cells: one for each column and disease, or one for all where a disease is small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.kernels.imputation import CONSTANT, LEVELS, NUMBER, ORDERED, Coding, Equations
from survmodel.models.imputation_columns import Variable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: A disease with fewer observed values of a column has no equation of its own.
FEWEST_OBSERVED = 20
#: Nor has one with fewer observed values for each coefficient.
OBSERVED_PER_COEFFICIENT = 2


@dataclass(frozen=True, slots=True, eq=False)
class CodedRows:
    """Rows as numbers.

    Attributes
    ----------
    variables : tuple of Variable
        Columns.
    state : ndarray, shape (n, n_columns)
        Numbers and places of levels; NaN where missing or not applicable.
    applies : ndarray of bool, shape (n, n_columns)
        Cells that mean anything.
    group : ndarray of int64, shape (n,)
        Disease of each row.
    labels : tuple of str
        Diseases.
    within : int
        Column of the disease, -1 without one.
    """

    variables: tuple[Variable, ...]
    state: Floats
    applies: Bools
    group: Ints
    labels: tuple[str, ...]
    within: int

    @property
    def holes(self) -> Bools:
        """Cells that are missing though they apply, shape (n, n_columns)."""
        return np.isnan(self.state) & self.applies

    def take(self, rows: Ints) -> CodedRows:
        """Select rows."""
        return CodedRows(
            self.variables, self.state[rows], self.applies[rows], self.group[rows], self.labels, self.within
        )

    def coding(self, ahead: int) -> Coding:
        """Lay the columns out in a design that has others ahead of them."""
        widths = [variable.width for variable in self.variables]
        return Coding(
            first=ahead + np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int64),
            levels=np.array([len(variable.levels) for variable in self.variables], dtype=np.int64),
            centre=np.array([variable.centre for variable in self.variables]),
            scale=np.array([variable.scale for variable in self.variables]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Equation:
    """A regression of one column in some rows.

    Attributes
    ----------
    kind : int
        NUMBER, LEVELS, ORDERED or CONSTANT of the kernel.
    target : int
        Column that it fills in.
    groups : tuple of int
        Diseases whose rows it fills in.
    rows, holes : ndarray of int64
        Rows that it is fitted to, and that it fills in.
    predictors : ndarray of int64
        Columns of the design.
    levels : ndarray of int64
        Places of the levels that occur.
    start : ndarray
        Where the estimates begin.
    shift : float
        Added to what is imputed.
    pooled : bool
        Whether it is fitted to all diseases for want of rows in one.
    """

    kind: int
    target: int
    groups: tuple[int, ...]
    rows: Ints
    holes: Ints
    predictors: Ints
    levels: Ints
    start: Floats
    shift: float
    pooled: bool


def lay_out(rows: CodedRows, ahead: Floats) -> Floats:
    """Build the design: columns of the outcome, then those of the variables; 0 where nothing is known.

    Parameters
    ----------
    rows : CodedRows
        The rows.
    ahead : ndarray, shape (n, k)
        Columns of the outcome.

    Returns
    -------
    ndarray, shape (n, k + columns)
        C-contiguous.
    """
    first, columns = ahead.shape[1], range(len(rows.variables))
    design = np.zeros((len(rows.state), first + sum(variable.width for variable in rows.variables)))
    design[:, :first] = ahead
    for column in columns:
        first = lay_out_column(rows, column, first, design)
    return design


def lay_out_column(rows: CodedRows, column: int, first: int, design: Floats) -> int:
    """Write a column into the design from `first` on, and give the place after it."""
    variable, values = rows.variables[column], rows.state[:, column]
    if len(variable.levels) <= 2:
        scaled = (values - variable.centre) / variable.scale
        design[:, first] = np.where(np.isnan(scaled), 0.0, scaled)
    else:
        design[:, first : first + variable.width] = values[:, np.newaxis] == np.arange(1, variable.width + 1)
    return first + variable.width


def build_equations(
    rows: CodedRows, ahead: int, targets: Iterable[int], delta: Mapping[int, float], holes: Bools
) -> list[Equation]:
    """Choose the regressions of columns.

    Parameters
    ----------
    rows : CodedRows
        Rows that are learnt from.
    ahead : int
        Columns of the outcome in the design.
    targets : iterable of int
        Columns to be filled in.
    delta : mapping of int to float
        What is added to imputed values of a column.
    holes : ndarray of bool, shape (n, n_columns)
        Cells to be filled in; regressions are fitted to the others that apply.

    Returns
    -------
    list of Equation
        In the order of columns.
    """
    equations = []
    for target in targets:
        applies, shift = rows.applies[:, target], delta.get(target, 0.0)
        everywhere = _predictors(rows, ahead, target, applies)
        short = []
        for group in range(len(rows.labels)):
            inside = applies & (rows.group == group)
            known = inside & ~holes[:, target]
            predictors = _predictors(rows, ahead, target, inside, but=rows.within)
            needed = max(FEWEST_OBSERVED, OBSERVED_PER_COEFFICIENT * (predictors.size + 1))
            if len(rows.labels) == 1:
                needed = 1
            if known.sum() < needed:
                short.append(group)
            else:
                filled = inside & holes[:, target]
                equations.append(_equation(rows, target, (group,), known, filled, predictors, shift, pooled=False))
        if short:
            known, filled = applies & ~holes[:, target], applies & holes[:, target] & np.isin(rows.group, short)
            equations.append(_equation(rows, target, tuple(short), known, filled, everywhere, shift, pooled=True))
    return equations


def _predictors(rows: CodedRows, ahead: int, target: int, inside: Bools, but: int = -1) -> Ints:
    """List the columns of the design that predict a column: those that apply to all rows concerned."""
    first, found = ahead, list(range(ahead))
    everywhere: Bools = np.all(rows.applies[inside], axis=0)
    for column, variable in enumerate(rows.variables):
        if column not in (target, but) and everywhere[column]:
            found += range(first, first + variable.width)
        first += variable.width
    return np.array(found, dtype=np.int64)


def _equation(
    rows: CodedRows, target: int, groups: tuple[int, ...], known: Bools, filled: Bools, predictors: Ints, shift: float,
    *, pooled: bool,
) -> Equation:  # fmt: skip
    values = rows.state[known, target]
    kind, levels, start = rows.variables[target].kind, np.empty(0, dtype=np.int64), np.zeros(predictors.size + 1)
    different = np.unique(values)
    if different.size == 1:
        kind, start = CONSTANT, np.empty(0)
    elif kind != NUMBER:
        kind = kind if different.size > 2 else LEVELS
        levels = different.astype(np.int64)
        if kind == ORDERED:
            reached = np.cumsum([(values == level).mean() for level in levels])[:-1]
            start = np.concatenate([np.log(reached / (1 - reached)), np.zeros(predictors.size)])
        else:
            start = np.zeros((levels.size - 1) * (predictors.size + 1))
    return Equation(
        kind, target, groups, np.flatnonzero(known), np.flatnonzero(filled), predictors, levels, start, shift, pooled
    )


def pack(equations: Sequence[Equation]) -> Equations:
    """Put equations into the arrays of the kernel.

    Parameters
    ----------
    equations : sequence of Equation
        In order.

    Returns
    -------
    Equations
        Their arrays.
    """
    return Equations(
        kind=np.array([one.kind for one in equations], dtype=np.int64),
        target=np.array([one.target for one in equations], dtype=np.int64),
        rows=_join([one.rows for one in equations]),
        row_bounds=_bounds([one.rows.size for one in equations]),
        holes=_join([one.holes for one in equations]),
        hole_bounds=_bounds([one.holes.size for one in equations]),
        predictors=_join([one.predictors for one in equations]),
        predictor_bounds=_bounds([one.predictors.size for one in equations]),
        levels=_join([one.levels for one in equations]),
        level_bounds=_bounds([one.levels.size for one in equations]),
        parameter_bounds=_bounds([one.start.size for one in equations]),
        shift=np.array([one.shift for one in equations], dtype=np.float64),
    )


def _join(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts]).astype(np.int64)


def _bounds(sizes: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
