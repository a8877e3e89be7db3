r"""One cycle of chained equations, and the completion of new rows by equations learnt before.

A column after another is filled in from all others by its equations, each for some rows (those of a disease): the
regression is fitted to the rows in which the column is observed, its coefficients are drawn, and the missing values
are drawn given them (:mod:`survmodel.kernels.imputation_draws`). The table stands twice: ``state`` holds numbers and
places of levels, ``design`` what enters regressions, centred and scaled numbers and 0/1 columns of levels. Nothing here
is random: all draws come in as arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.imputation_draws import draw_levels, draw_linear, pick_donor, pick_level

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NUMBER, LEVELS, ORDERED, CONSTANT = 0, 1, 2, 3


class Coding(NamedTuple):
    """How columns of the state enter the design, one entry for each column of the state.

    ``first`` is the first of its columns in the design, ``levels`` the number of its levels (0 for a number), of which
    the first has no column; a number, or one of two values, enters as ``(value - centre) / scale``.
    """

    first: Ints
    levels: Ints
    centre: Floats
    scale: Floats


class Equations(NamedTuple):
    """Regressions in the order of the cycle; bounds have one entry more than there are equations.

    ``target`` is the column of the state; ``rows`` those that the regression is fitted to, ``holes`` those filled in;
    ``predictors`` columns of the design; ``levels`` places of the levels that occur; ``parameters`` bounds of the
    coefficients; ``shift`` is added to imputed numbers, or to the log odds of the second of two levels.
    """

    kind: Ints
    target: Ints
    rows: Ints
    row_bounds: Ints
    holes: Ints
    hole_bounds: Ints
    predictors: Ints
    predictor_bounds: Ints
    levels: Ints
    level_bounds: Ints
    parameter_bounds: Ints
    shift: Floats


class Draws(NamedTuple):
    """Random numbers of a cycle.

    ``normals`` one for each coefficient, ``chi_squared`` one for each equation, ``shuffling`` one for each row that an
    equation is fitted to, ``uniforms`` one for each hole.
    """

    normals: Floats
    chi_squared: Floats
    shuffling: Floats
    uniforms: Floats


class Learnt(NamedTuple):
    """What equations have learnt: estimates and draws of their coefficients, and donors by ascending fitted value.

    ``fitted`` and ``values`` have an entry for each row that an equation is fitted to.
    """

    estimates: Floats
    drawn: Floats
    fitted: Floats
    values: Floats


@kernel(allocates=False)
def set_value(design: Floats, row: int, column: int, value: float, coding: Coding) -> None:
    """Write a value of the state into the design."""
    first, levels = coding.first[column], coding.levels[column]
    if levels <= 2:
        design[row, first] = (value - coding.centre[column]) / coding.scale[column]
        return
    for level in range(1, levels):
        design[row, first + level - 1] = 1.0 if int(value) == level else 0.0


@kernel(allocates=False)
def read_row(design: Floats, row: int, predictors: Ints, out: Floats) -> None:
    """Write 1 and the predictors of a row."""
    out[0] = 1.0
    for j in range(predictors.shape[0]):
        out[j + 1] = design[row, predictors[j]]


@kernel()
def fit_number(
    design: Floats, target: Floats, centre: float, scale: float, rows: Ints, predictors: Ints, draws: Floats,
    chi_squared: float, shuffling: Floats, estimate: Floats, drawn: Floats, fitted: Floats, values: Floats,
) -> None:  # fmt: skip
    """Fit the regression of a number, draw coefficients, and put donors in the order of their fitted values."""
    n, p = rows.shape[0], predictors.shape[0]
    x, y, order = np.empty((p + 1, n)), np.empty(n), np.arange(n)
    # Rows with equal fitted values come in random order, so that all of them are donors.
    for i in range(n - 1, 0, -1):
        other = min(int(shuffling[i] * (i + 1)), i)
        order[i], order[other] = order[other], order[i]
    for i in range(n):
        row = rows[order[i]]
        x[0, i] = 1.0
        for j in range(p):
            x[j + 1, i] = design[row, predictors[j]]
        y[i] = (target[row] - centre) / scale
    found = np.empty(n)
    draw_linear(x, y, draws, chi_squared, estimate, drawn, found)
    place = np.argsort(found, kind="mergesort")
    for i in range(n):
        fitted[i] = found[place[i]]
        values[i] = target[rows[order[place[i]]]]


@kernel()
def fit_levels(
    design: Floats, target: Floats, rows: Ints, predictors: Ints, levels: Ints, ordinal: bool, normals: Floats,
    estimate: Floats, drawn: Floats,
) -> None:  # fmt: skip
    """Fit the regression of levels to rows and pseudo-rows, and draw coefficients."""
    n, p, k = rows.shape[0], predictors.shape[0], levels.shape[0]
    pseudo = 2 * p * k
    x, y, weight = np.empty((p + 1, n + pseudo)), np.empty(n + pseudo, dtype=np.int64), np.ones(n + pseudo)
    x[0] = 1.0
    for i in range(n):
        for j in range(p):
            x[j + 1, i] = design[rows[i], predictors[j]]
        y[i] = np.searchsorted(levels, int(target[rows[i]]))
    for j in range(p):
        mean, spread, least, most = 0.0, 0.0, np.inf, -np.inf
        for i in range(n):
            mean += x[j + 1, i] / n
            least, most = min(least, x[j + 1, i]), max(most, x[j + 1, i])
        for i in range(n):
            spread += (x[j + 1, i] - mean) ** 2 / max(n - 1, 1)
        x[j + 1, n:] = mean
        for place in range(2 * k):
            side = 0.5 if place % 2 == 0 else -0.5
            x[j + 1, n + 2 * k * j + place] = min(max(mean + side * np.sqrt(spread), least), most)
            y[n + 2 * k * j + place] = place // 2
    weight[n:] = (p + 1) / max(pseudo, 1)
    draw_levels(x, y, weight, k, ordinal, normals, estimate, drawn)


@kernel()
def run_cycle(
    state: Floats, design: Floats, coding: Coding, equations: Equations, draws: Draws, donors: int, learnt: Learnt
) -> None:
    """Fit every equation in turn, fill in its holes, and keep what was learnt."""
    widest = design.shape[1] + 1
    room = np.empty(widest)
    for e in range(equations.kind.shape[0]):
        kind, column = equations.kind[e], equations.target[e]
        rows = equations.rows[equations.row_bounds[e] : equations.row_bounds[e + 1]]
        holes = equations.holes[equations.hole_bounds[e] : equations.hole_bounds[e + 1]]
        predictors = equations.predictors[equations.predictor_bounds[e] : equations.predictor_bounds[e + 1]]
        levels = equations.levels[equations.level_bounds[e] : equations.level_bounds[e + 1]]
        begin, end = equations.parameter_bounds[e], equations.parameter_bounds[e + 1]
        estimate, drawn, normals = learnt.estimates[begin:end], learnt.drawn[begin:end], draws.normals[begin:end]
        fitted = learnt.fitted[equations.row_bounds[e] : equations.row_bounds[e + 1]]
        values = learnt.values[equations.row_bounds[e] : equations.row_bounds[e + 1]]
        uniforms = draws.uniforms[equations.hole_bounds[e] : equations.hole_bounds[e + 1]]
        if kind == NUMBER:
            shuffling = draws.shuffling[equations.row_bounds[e] : equations.row_bounds[e + 1]]
            fit_number(
                design, state[:, column], coding.centre[column], coding.scale[column], rows, predictors, normals,
                draws.chi_squared[e], shuffling, estimate, drawn, fitted, values,
            )  # fmt: skip
        elif kind == CONSTANT:
            values[:] = state[rows[0], column]
        else:
            for i in range(rows.shape[0]):
                values[i] = state[rows[i], column]
            fit_levels(design, state[:, column], rows, predictors, levels, kind == ORDERED, normals, estimate, drawn)
        x = room[: predictors.shape[0] + 1]
        for i in range(holes.shape[0]):
            read_row(design, holes[i], predictors, x)
            value = draw_value(x, kind, levels, drawn, fitted, values, donors, equations.shift[e], uniforms[i])
            state[holes[i], column] = value
            set_value(design, holes[i], column, value, coding)


@kernel(allocates=False)
def draw_value(
    x: Floats, kind: int, levels: Ints, drawn: Floats, fitted: Floats, values: Floats, donors: int, shift: float,
    uniform: float,
) -> float:  # fmt: skip
    """Draw the value of one row by what an equation has learnt."""
    if kind == CONSTANT:
        return float(values[0])
    if kind == NUMBER:
        target = 0.0
        for j in range(x.shape[0]):
            target += x[j] * drawn[j]
        return float(values[pick_donor(fitted, target, donors, uniform)]) + shift
    return float(levels[pick_level(x, drawn, levels.shape[0], kind == ORDERED, shift, uniform)])


@kernel()
def complete_new(
    state: Floats, design: Floats, coding: Coding, equations: Equations, learnt: Learnt, donors: int, of_row: Ints,
    missing: npt.NDArray[np.bool_], uniforms: Floats,
) -> None:  # fmt: skip
    """Fill in the holes of new rows by equations learnt before, each row by itself.

    ``of_row`` (rows, columns) names the equation, ``uniforms`` (rows, cycles + 1, columns) are the draws: the first
    cycle takes any observed value.
    """
    room = np.empty(design.shape[1] + 1)
    cycles, p = uniforms.shape[1], missing.shape[1]
    for i in range(missing.shape[0]):
        for cycle in range(cycles):
            for column in range(p):
                if not missing[i, column]:
                    continue
                e = of_row[i, column]
                begin, end = equations.parameter_bounds[e], equations.parameter_bounds[e + 1]
                low, high = equations.row_bounds[e], equations.row_bounds[e + 1]
                predictors = equations.predictors[equations.predictor_bounds[e] : equations.predictor_bounds[e + 1]]
                levels = equations.levels[equations.level_bounds[e] : equations.level_bounds[e + 1]]
                uniform = uniforms[i, cycle, column]
                if cycle == 0:
                    value = learnt.values[low + min(int(uniform * (high - low)), high - low - 1)]
                else:
                    x = room[: predictors.shape[0] + 1]
                    read_row(design, i, predictors, x)
                    value = draw_value(
                        x, equations.kind[e], levels, learnt.drawn[begin:end], learnt.fitted[low:high],
                        learnt.values[low:high], donors, equations.shift[e], uniform,
                    )  # fmt: skip
                state[i, column] = value
                set_value(design, i, column, value, coding)


@kernel()
def run_cycles(
    state: Floats, design: Floats, coding: Coding, equations: Equations, normals: Floats, chi_squared: Floats,
    shuffling: Floats, uniforms: Floats, donors: int, learnt: Learnt, kept: Floats,
) -> None:  # fmt: skip
    """Run as many cycles as there are rows of draws, and keep the imputed values of each, in the order of holes."""
    for cycle in range(normals.shape[0]):
        draws = Draws(normals[cycle], chi_squared[cycle], shuffling[cycle], uniforms[cycle])
        run_cycle(state, design, coding, equations, draws, donors, learnt)
        for e in range(equations.kind.shape[0]):
            for place in range(equations.hole_bounds[e], equations.hole_bounds[e + 1]):
                kept[cycle, place] = state[equations.holes[place], equations.target[e]]
