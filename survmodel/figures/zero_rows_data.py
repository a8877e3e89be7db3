"""Rows around zero, as arrays: estimates with limits on one axis, for differences and decreases alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.formatting import format_interval, format_number

Floats = npt.NDArray[np.float64]

NOT_ESTIMABLE = "not estimable"

#: The axis is at least this long, so that rows that all matter nothing do not look far apart.
SHORTEST_AXIS = 0.02

#: Limits stretch the axis by this many times the span of the estimates on each side at most.
LONGEST_LIMITS = 1.5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ZeroRows:
    """Estimates around zero.

    Attributes
    ----------
    estimate, low, high : ndarray, shape (n_rows,)
        Estimates and limits; NaN where they do not exist.
    start, end : float
        Ends of the axis, with 0 between them.
    conf_level : float
        Coverage of the limits, NaN where the result does not say.
    """

    estimate: Floats
    low: Floats
    high: Floats
    start: float
    end: float
    conf_level: float

    @property
    def has_limits(self) -> bool:
        """Whether there are limits to draw."""
        return bool((~np.isnan(self.low)).any())

    @property
    def clipped(self) -> bool:
        """Whether limits reach beyond the axis."""
        return bool((self.low < self.start).any() or (self.high > self.end).any())

    def write(self, place: int, *, limits: bool) -> str:
        """Write the number of a row.

        Parameters
        ----------
        place : int
            Place of the row, from 0.
        limits : bool
            Whether its limits stand beside it, where they exist.

        Returns
        -------
        str
            Three decimals, four where no estimate reaches 0.01.
        """
        value, low, high = (float(part[place]) for part in (self.estimate, self.low, self.high))
        if math.isnan(value):
            return NOT_ESTIMABLE
        digits = 4 if np.nanmax(np.abs(self.estimate)) < 0.01 else 3
        text = format_number(value, digits)
        return text if not limits or math.isnan(low) else f"{text} ({format_interval(low, high, digits)})"


def limit_axis(estimate: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Choose the ends of the axis: 0, all estimates, and limits that are not far from them.

    Parameters
    ----------
    estimate, low, high : ndarray of float64, shape (n_rows,)
        What is drawn; NaN where it does not exist.

    Returns
    -------
    tuple of (float, float)
        Start and end, 0 between them.

    Examples
    --------
    >>> start, end = limit_axis(np.array([0.1]), np.array([-50.0]), np.array([0.2]))
    >>> -0.2 < start < -0.1, 0.2 < end < 0.3
    (True, True)
    """
    drawn = np.concatenate([estimate[~np.isnan(estimate)], [0.0]])
    first, last = float(drawn.min()), float(drawn.max())
    reach = LONGEST_LIMITS * max(last - first, SHORTEST_AXIS)
    limits = np.concatenate([low, high])
    limits = np.clip(limits[~np.isnan(limits)], first - reach, last + reach)
    first, last = float(limits.min(initial=first)), float(limits.max(initial=last))
    lacking = max(SHORTEST_AXIS - (last - first), 0.0)
    margin = 0.05 * max(last - first, SHORTEST_AXIS)
    return first - margin - 0.25 * lacking, last + margin + 0.75 * lacking
