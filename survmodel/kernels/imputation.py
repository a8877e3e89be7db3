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


@kernel(allocates=False)
def sort_together(keys: Floats, values: Floats, other_keys: Floats, other_values: Floats) -> None:
    """Sort keys by merging runs, values with them; equal keys stay as they stand. The others are room of their size."""
    n, width = keys.shape[0], 1
    while width < n:
        for start in range(0, n, 2 * width):
            middle, end = min(start + width, n), min(start + 2 * width, n)
            left, right = start, middle
            for place in range(start, end):
                if left < middle and (right >= end or keys[left] <= keys[right]):
                    other_keys[place], other_values[place] = keys[left], values[left]
                    left += 1
                else:
                    other_keys[place], other_values[place] = keys[right], values[right]
                    right += 1
        for place in range(n):
            keys[place], values[place] = other_keys[place], other_values[place]
        width *= 2


@kernel()
def fit_number(
    design: Floats, centre: float, scale: float, rows: Ints, predictors: Ints, normals: Floats, chi_squared: float,
    shuffling: Floats, estimate: Floats, drawn: Floats, fitted: Floats, values: Floats,
) -> None:  # fmt: skip
    """Fit the regression of a number, draw coefficients, and put donors in the order of their fitted values."""
    n, p = rows.shape[0], predictors.shape[0]
    x, y, seen, order = np.empty((p + 1, n)), np.empty(n), np.empty(n), np.arange(n)
    # Rows with equal fitted values come in random order, so that all of them are donors.
    for i in range(n - 1, 0, -1):
        other = min(int(shuffling[i] * (i + 1)), i)
        order[i], order[other] = order[other], order[i]
    for i in range(n):
        row = rows[order[i]]
        x[0, i] = 1.0
        for j in range(p):
            x[j + 1, i] = design[row, predictors[j]]
        seen[i] = values[order[i]]
        y[i] = (seen[i] - centre) / scale
    draw_linear(x, y, normals, chi_squared, estimate, drawn, fitted)
    for i in range(n):
        values[i] = seen[i]
    sort_together(fitted, values, y, seen)


@kernel()
def fit_levels(
    design: Floats, values: Floats, rows: Ints, predictors: Ints, levels: Ints, ordinal: bool, normals: Floats,
    estimate: Floats, drawn: Floats,
) -> None:  # fmt: skip
    """Fit the regression of levels to rows and pseudo-rows, and draw coefficients."""
    n, p, k = rows.shape[0], predictors.shape[0], levels.shape[0]
    pseudo = 2 * p * k
    x, y, weight = np.empty((p + 1, n + pseudo)), np.empty(n + pseudo, dtype=np.int64), np.empty(n + pseudo)
    for i in range(n + pseudo):
        x[0, i] = 1.0
        weight[i] = 1.0 if i < n else (p + 1) / pseudo
    for i in range(n):
        for j in range(p):
            x[j + 1, i] = design[rows[i], predictors[j]]
        y[i] = 0
        for level in range(k):
            y[i] = level if levels[level] == int(values[i]) else y[i]
    for j in range(p):
        mean, spread, least, most = 0.0, 0.0, np.inf, -np.inf
        for i in range(n):
            mean += x[j + 1, i] / n
            least, most = min(least, x[j + 1, i]), max(most, x[j + 1, i])
        for i in range(n):
            spread += (x[j + 1, i] - mean) ** 2 / max(n - 1, 1)
        for i in range(n, n + pseudo):
            x[j + 1, i] = mean
        for place in range(2 * k):
            side = 0.5 if place % 2 == 0 else -0.5
            x[j + 1, n + 2 * k * j + place] = min(max(mean + side * np.sqrt(spread), least), most)
            y[n + 2 * k * j + place] = place // 2
    draw_levels(x, y, weight, k, ordinal, normals, estimate, drawn)


@kernel()
def run_cycles(
    state: Floats, design: Floats, coding: Coding, equations: Equations, normals: Floats, chi_squared: Floats,
    shuffling: Floats, uniforms: Floats, donors: int, learnt: Learnt, kept: Floats,
) -> None:  # fmt: skip
    """Run as many cycles as there are rows of draws: fit each equation in turn, and fill in its holes.

    Random numbers of a cycle: ``normals`` one for each coefficient, ``chi_squared`` one for each equation,
    ``shuffling`` one for each row that an equation is fitted to, ``uniforms`` one for each hole. ``kept`` receives the
    imputed values of each cycle in the order of holes, ``learnt`` what the last one learnt.
    """
    n_equations = equations.kind.shape[0]
    row, room = np.empty(design.shape[1] + 1), np.empty(equations.levels.shape[0] + 1)
    for turn in range(normals.shape[0] * n_equations):
        cycle, e = turn // n_equations, turn % n_equations
        kind, column = equations.kind[e], equations.target[e]
        low, high = equations.row_bounds[e], equations.row_bounds[e + 1]
        first, last = equations.hole_bounds[e], equations.hole_bounds[e + 1]
        begin, end = equations.parameter_bounds[e], equations.parameter_bounds[e + 1]
        rows = equations.rows[low:high]
        predictors = equations.predictors[equations.predictor_bounds[e] : equations.predictor_bounds[e + 1]]
        levels = equations.levels[equations.level_bounds[e] : equations.level_bounds[e + 1]]
        drawn, fitted, values = learnt.drawn[begin:end], learnt.fitted[low:high], learnt.values[low:high]
        for i in range(rows.shape[0]):
            values[i] = state[rows[i], column]
        if kind == NUMBER:
            fit_number(
                design, coding.centre[column], coding.scale[column], rows, predictors, normals[cycle, begin:end],
                chi_squared[cycle, e], shuffling[cycle, low:high], learnt.estimates[begin:end], drawn, fitted, values,
            )  # fmt: skip
        elif kind != CONSTANT:
            fit_levels(
                design, values, rows, predictors, levels, kind == ORDERED, normals[cycle, begin:end],
                learnt.estimates[begin:end], drawn,
            )  # fmt: skip
        x = row[: predictors.shape[0] + 1]
        for place in range(first, last):
            i = equations.holes[place]
            read_row(design, i, predictors, x)
            value = draw_value(
                x, kind, levels, drawn, fitted, values, donors, equations.shift[e], uniforms[cycle, place], room
            )
            state[i, column] = value
            kept[cycle, place] = value
            set_value(design, i, column, value, coding)


@kernel(allocates=False)
def draw_value(
    x: Floats, kind: int, levels: Ints, drawn: Floats, fitted: Floats, values: Floats, donors: int, shift: float,
    uniform: float, room: Floats,
) -> float:  # fmt: skip
    """Draw the value of one row by what an equation has learnt."""
    if kind == CONSTANT:
        return float(values[0])
    if kind == NUMBER:
        target = 0.0
        for j in range(x.shape[0]):
            target += x[j] * drawn[j]
        return float(values[pick_donor(fitted, target, donors, uniform)]) + shift
    return float(levels[pick_level(x, drawn, levels.shape[0], kind == ORDERED, shift, uniform, room)])


@kernel()
def complete_new(
    state: Floats, design: Floats, coding: Coding, equations: Equations, learnt: Learnt, donors: int, of_row: Ints,
    missing: npt.NDArray[np.bool_], uniforms: Floats,
) -> None:  # fmt: skip
    """Fill in the holes of new rows by equations learnt before, each row by itself.

    ``of_row`` (rows, columns) names the equation, ``uniforms`` (rows, cycles + 1, columns) are the draws: the first
    cycle takes any observed value.
    """
    row, room = np.empty(design.shape[1] + 1), np.empty(equations.levels.shape[0] + 1)
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
                    x = row[: predictors.shape[0] + 1]
                    read_row(design, i, predictors, x)
                    value = draw_value(
                        x, equations.kind[e], levels, learnt.drawn[begin:end], learnt.fitted[low:high],
                        learnt.values[low:high], donors, equations.shift[e], uniform, room,
                    )  # fmt: skip
                state[i, column] = value
                set_value(design, i, column, value, coding)
