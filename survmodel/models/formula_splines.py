r"""Restricted cubic splines in a formula: ``rcs(x)`` and ``rcs(x, 3)`` to ``rcs(x, 7)``.

A spline of x with knots :math:`t_1 < \dots < t_K` is cubic between the outer knots and linear beyond them. It has the
column x itself, named as x is, and the columns ``x'``, ``x''``, ... for j = 1 to K - 2:

.. math::
    \frac{(x - t_j)_+^3 - (x - t_{K-1})_+^3 \frac{t_K - t_j}{t_K - t_{K-1}}
          + (x - t_K)_+^3 \frac{t_{K-1} - t_j}{t_K - t_{K-1}}}{(t_K - t_1)^2}

as R's rcs has them: in units of x, so that the model without them is the linear one. Knots are quantiles (type 7) of
the analysed rows at Harrell's positions, and are stored; a resample learns its own. As in Hmisc, with fewer than 100
values the outer knots are the fifth smallest and the fifth largest value, and where a share of 5% or more lies on an
end of the range, and none inside it, the outer knot is the value next to that end.

References: Harrell FE (2015), Regression Modeling Strategies, 2nd ed., section 2.4.6; R packages rms 6.5, Hmisc 4.8.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, list_values
from survmodel.formatting import count_noun, format_significant
from survmodel.models.formula_coding import (
    Coding,
    DesignColumn,
    Function,
    Learnt,
    Numeric,
    is_numeric_inner,
    learn_inner,
)
from survmodel.models.formula_grammar import Call

Floats: TypeAlias = npt.NDArray[np.float64]

FEWEST_KNOTS, MOST_KNOTS = 3, 7
#: Without a number a spline has 3 knots below this many rows, 4 from there on.
ROWS_FOR_FOUR = 30
#: With fewer events than this the bends of a spline are mostly chance.
EVENTS_FOR_SPLINES = 60
#: Distinct values below which a curve is drawn through the values themselves.
FEWEST_VALUES = 5
#: Rows from which outer knots are quantiles; with fewer they are the fifth value from either end.
ROWS_FOR_QUANTILES = 100
#: Knots closer than this share of their width are one: nothing bends between them.
COINCIDE = 1e-12
#: Share of the values at an end of the range from which the outer knot is the value next to it.
HEAVY_END = 0.05


@dataclass(frozen=True, slots=True)
class Spline:
    """A numeric column, or a transformed one, as a restricted cubic spline."""

    kind: ClassVar[str] = "spline"
    learns_numbers: ClassVar[bool] = True
    variable: str
    function: str
    knots: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse knots that a damaged store may hold."""
        if len(self.knots) < FEWEST_KNOTS or not all(a < b for a, b in itertools.pairwise(self.knots)):
            raise ValueError("the knots of a spline ascend")

    @property
    def columns(self) -> tuple[DesignColumn, ...]:
        """The linear column and those that bend it: x, x', x''."""
        (linear,) = self._inner.columns
        bent = (DesignColumn(linear.term + "'" * j, self.variable) for j in range(1, len(self.knots) - 1))
        return (linear, *bent)

    @property
    def _inner(self) -> Numeric:
        return Numeric(self.variable, self.function)

    def apply(self, table: pd.DataFrame) -> Floats:
        """Code a table, shape (n, number of knots - 1)."""
        return spline_columns(self._inner.apply(table)[:, 0], self.knots)


class RestrictedCubicSpline:
    """The function ``rcs(x, knots)``."""

    usage = "rcs(column), rcs(column, 3) to rcs(column, 7) or, say, rcs(log2(column), 3)"

    def check(self, call: Call) -> str:
        """Accept a column, as it is or transformed, and a whole number of knots."""
        if not is_numeric_inner(call.inner) or call.keywords or len(call.extras) > 1:
            return "rcs() takes one numeric column, as it is or transformed, and a number of knots"
        asked = call.extras[0] if call.extras else FEWEST_KNOTS
        if not isinstance(asked, float | int) or asked not in range(FEWEST_KNOTS, MOST_KNOTS + 1):
            return f"a spline has {FEWEST_KNOTS} to {MOST_KNOTS} knots"
        return ""

    def learn(self, call: Call, table: pd.DataFrame, _declared: str | None) -> Learnt:
        """Place the knots on the rows."""
        inner = learn_inner(call.inner, table)
        values = inner.apply(table)[:, 0]
        default = FEWEST_KNOTS if values.size < ROWS_FOR_FOUR else FEWEST_KNOTS + 1
        asked = int(call.extras[0]) if call.extras else default  # type: ignore[arg-type]
        knots = place_knots(values, asked, call.inner.label)
        shown = ", ".join(format_significant(knot) for knot in knots)
        return Spline(inner.variable, inner.function, knots), (f"{call.label}: knots at {shown}",)


SPLINE_FUNCTIONS: dict[str, Function] = {"rcs": RestrictedCubicSpline()}
SPLINE_CODINGS: dict[str, type[Coding]] = {"spline": Spline}


def look_at_splines(codings: Iterable[Coding], events: float) -> list[str]:
    """Warn of splines that bend to chance.

    Parameters
    ----------
    codings : iterable of Coding
        Of a design.
    events : float
        Events that the model is fitted to.

    Returns
    -------
    list of str
        At most one warning.
    """
    names = [coding.variable for coding in codings if isinstance(coding, Spline)]
    if not names or events >= EVENTS_FOR_SPLINES:
        return []
    return [
        f"{events:g} events for a spline of {list_values(names)}: below {EVENTS_FOR_SPLINES} its bends are mostly "
        "chance; consider log2 of the column, or a straight line"
    ]


def spline_columns(x: Floats, knots: tuple[float, ...]) -> Floats:
    """Compute the columns of a spline.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Values.
    knots : tuple of float
        Ascending, 3 or more.

    Returns
    -------
    ndarray, shape (n, number of knots - 1)
        The values, and the columns that bend them.

    Examples
    --------
    >>> spline_columns(np.array([0.0, 1.0, 2.0, 3.0]), (0.0, 1.0, 2.0))[:, 1]
    array([0.  , 0.25, 1.5 , 3.  ])
    """
    *first, before, last = knots
    width, gap = last - knots[0], last - before
    found = np.empty((x.size, len(knots) - 1))
    found[:, 0] = x
    # Cubes of the share of the width: those of large numbers would cancel each other.
    at_before, at_last = (np.maximum((x - knot) / width, 0) ** 3 for knot in (before, last))
    for j, knot in enumerate(first, start=1):
        cube = np.maximum((x - knot) / width, 0) ** 3
        found[:, j] = width * (cube - at_before * ((last - knot) / gap) + at_last * ((before - knot) / gap))
    return found


def place_knots(values: Floats, n_knots: int, name: str) -> tuple[float, ...]:
    """Place the knots of a spline on observed values.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite values.
    n_knots : int
        Knots, 3 to 7.
    name : str
        What the values are of, for messages.

    Returns
    -------
    tuple of float
        Ascending knots.

    Raises
    ------
    DataError
        With fewer than five distinct values, or fewer inside the range than knots, or when knots coincide.

    Examples
    --------
    >>> place_knots(np.arange(201.0), 3, "age")
    (20.0, 100.0, 180.0)
    """
    distinct, counts = np.unique(values, return_counts=True)
    inside = distinct.size - 2
    if distinct.size < FEWEST_VALUES or inside < n_knots:
        raise DataError(
            f"{name} has {count_noun(distinct.size, 'distinct value')}, too few for a spline with {n_knots} knots",
            remedy=_remedy(name, min(inside, n_knots - 1) if distinct.size >= FEWEST_VALUES else 0),
        )
    if inside == n_knots:
        return tuple(distinct[1:-1].tolist())
    knots = np.unique(_quantile_knots(np.sort(values), n_knots, distinct, counts / values.size))
    if knots.size < n_knots or np.diff(knots).min() < COINCIDE * np.ptp(knots):
        raise DataError(
            f"knots of the spline of {name} coincide: many rows have the same value",
            f"{knots.size} different knots of {n_knots}",
            remedy=_remedy(name, n_knots - 1),
        )
    return tuple(knots.tolist())


def _remedy(name: str, fewer: int) -> str:
    """Say what to write instead."""
    spline = f"rcs({name}, {FEWEST_KNOTS}) or " if fewer >= FEWEST_KNOTS else ""
    return f"write {spline}{name} alone, whose effect is linear"


def _quantile_knots(values: Floats, n_knots: int, distinct: Floats, share: Floats) -> list[float]:
    """Place knots at quantiles of sorted values, the outer ones apart where the ends need it."""
    low: list[float] = []
    high: list[float] = []
    if share[1:-1].max() < HEAVY_END:
        if share[0] >= HEAVY_END:
            low = [float(distinct[1])]
            values = values[values > low[0]]
        if share[-1] >= HEAVY_END:
            high = [float(distinct[-2])]
            values = values[values < high[0]]
    rest = n_knots - len(low) - len(high)
    if rest == 1:
        return [*low, float(np.median(values)), *high]
    outer = 0.1 if n_knots == FEWEST_KNOTS else 0.025 if n_knots == MOST_KNOTS else 0.05
    # Two are left where one end of three is settled: the middle and the upper end, as Hmisc has it for either end.
    begin = 0.5 if rest == 2 else outer
    found = np.quantile(values, np.linspace(begin, 1 - outer, rest)).tolist()
    if values.size < ROWS_FOR_QUANTILES:
        if not low:
            found[0] = float(values[min(4, values.size - 1)])
        if not high:
            found[-1] = float(values[max(values.size - 5, 0)])
    return [*low, *found, *high]
