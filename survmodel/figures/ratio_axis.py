"""The axis of hazard ratios: logarithmic, symmetric around 1, with ticks that read well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from survmodel.errors import ConfigError
from survmodel.figures.hazard_ratios_data import Ratio, RatioRow

#: Ends of the axis with the ticks from 1 up, and those that are left where room is short; below 1 stand the inverses.
AXES: tuple[tuple[float, tuple[float, ...], tuple[float, ...]], ...] = (
    (1.25, (1.1, 1.25), (1.25,)),
    (1.5, (1.25, 1.5), (1.5,)),
    (2, (1.5, 2), (2,)),
    (4, (2, 4), (4,)),
    (10, (2, 5, 10), (10,)),
    (25, (5, 25), (25,)),
    (100, (10, 100), (100,)),
)

#: Limits beyond this and its inverse may be cut, unless an estimate needs the room.
CUT_BEYOND = 10.0


@dataclass(frozen=True, slots=True)
class RatioAxis:
    """A log axis that is symmetric around 1.

    Attributes
    ----------
    end : float
        Right end; the left end is its inverse.
    ticks : tuple of tuple of float
        Ticks that may be shown: all, or fewer where room is short.
    """

    end: float
    ticks: tuple[tuple[float, ...], ...]

    def is_below(self, ratio: float) -> bool:
        """Tell whether a ratio lies beyond the left end, allowing for rounding."""
        return ratio * self.end < 1 - 1e-9

    def is_above(self, ratio: float) -> bool:
        """Tell whether a ratio lies beyond the right end, allowing for rounding."""
        return ratio > self.end * (1 + 1e-9)

    def is_cut(self, ratio: Ratio) -> bool:
        """Tell whether an estimate or a limit lies beyond an end."""
        drawn = (ratio.estimate, *(ratio.limits or ())) if ratio.exists else ()
        return any(self.is_below(number) or self.is_above(number) for number in drawn)


def ratio_axis(rows: Sequence[RatioRow], end: float | None = None) -> RatioAxis:
    """Choose a log axis that is symmetric around 1.

    It ends at the first of 1.25, 1.5, 2, 4, 10, 25 and 100 that holds all estimates and limits. Where that is beyond
    10, it ends at 10, or at the first that holds the estimates: limits beyond it are cut and get an arrow. Estimates
    beyond 100 get one too.

    Parameters
    ----------
    rows : sequence of RatioRow
        What is shown.
    end : float, optional
        Where the axis shall end, instead.

    Returns
    -------
    RatioAxis
        End and ticks.

    Raises
    ------
    ConfigError
        When `end` is no number above 1.

    Examples
    --------
    >>> ratio = Ratio(0, False, 1.5, 0.6, 3.8, 0.4, 80, 30)
    >>> axis = ratio_axis([RatioRow("Age, per year", (ratio,))])
    >>> axis.end, axis.ticks[0]
    (4, (0.25, 0.5, 1.0, 2, 4))
    """
    if end is not None:
        if not 1 < end < math.inf:
            raise ConfigError(f"axis_end is {end:g}", remedy="give a number above 1; the axis begins at its inverse")
        _, ticks, few = next((axis for axis in AXES if axis[0] >= end), AXES[-1])
        inside = tuple(tick for tick in ticks if tick <= end * (1 + 1e-9))
        return RatioAxis(float(end), (_mirror(inside), _mirror(few if few[-1] <= end else inside[-1:]), (1.0,)))
    ratios = [ratio for row in rows for ratio in row.ratios if ratio.exists]
    estimates = [_distance(ratio.estimate) for ratio in ratios]
    limits = [_distance(limit) for ratio in ratios for limit in ratio.limits or ()]
    cut = max(CUT_BEYOND, _smallest_axis(max(estimates, default=1.0)))
    chosen = min(_smallest_axis(max([*estimates, *limits], default=1.0)), cut)
    _, ticks, few = next(axis for axis in AXES if axis[0] == chosen)
    return RatioAxis(chosen, (_mirror(ticks), _mirror(few), (1.0,)))


def _distance(ratio: float) -> float:
    """How many times a ratio is away from 1, in either direction."""
    return max(ratio, 1 / ratio) if ratio > 0 else math.inf


def _smallest_axis(largest: float) -> float:
    return next((axis[0] for axis in AXES if axis[0] >= largest), AXES[-1][0])


def _mirror(ticks: Sequence[float]) -> tuple[float, ...]:
    return (*(1 / tick for tick in reversed(ticks)), 1.0, *ticks)
