"""What figures of step curves share, as arrays: corners of curves and bands, overlaps, numbers at risk, ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]

#: Most ticks that are chosen for a time axis.
MOST_TICKS = 7

#: Up to this many groups the overlaps of bands are told apart.
MOST_MIXED = 4

#: Steps between ticks that read well, by unit of time. A year has 365 days here, as readers count.
TICK_STEPS = {
    "day": (1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825, 3650, 7300),
    "week": (1, 2, 4, 8, 13, 26, 52, 104, 156, 260, 520),
    "month": (1, 2, 3, 6, 12, 24, 36, 60, 120, 240),
    "year": (1, 2, 5, 10, 20),
}


@dataclass(frozen=True, slots=True, eq=False)
class StepData:
    """What is drawn of one curve.

    Attributes
    ----------
    group : str
        Level of the group.
    n, n_event : float
        Rows and events.
    time, height : ndarray, shape (n_steps + 1,)
        Corners of the step curve (step at the right: post), from time 0 to the last follow-up.
    band_time, band_low, band_high : ndarray, shape (2 * n_steps,)
        Corners of the band, two for each step; NaN where a limit does not exist.
    at_risk : ndarray, shape (n_ticks,)
        Number at risk on each tick, counted with ``entry < t <= time``.
    """

    group: str
    n: float
    n_event: float
    time: Floats
    height: Floats
    band_time: Floats
    band_low: Floats
    band_high: Floats
    at_risk: Floats

    @property
    def last(self) -> float:
        """Last follow-up of the group, where its curve ends."""
        return float(self.time[-1])


@dataclass(frozen=True, slots=True, eq=False)
class BandLayer:
    """The area where the bands of some curves lie over each other.

    Attributes
    ----------
    groups : tuple of int
        Places of the curves.
    time, low, high : ndarray
        Corners of the area; NaN where it is empty.
    """

    groups: tuple[int, ...]
    time: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class StepPlotData:
    """What a figure of step curves shows.

    Attributes
    ----------
    curves : tuple of StepData
        In the order of their looks.
    ticks : ndarray, shape (n_ticks,)
        Ticks of the time axis, on which the numbers at risk are counted.
    end, top : float
        Right end of the time axis and upper end of the vertical axis; both begin at 0.
    """

    curves: tuple[StepData, ...]
    ticks: Floats
    end: float
    top: float

    @property
    def groups(self) -> tuple[StepData, ...]:
        """A curve of each group: the causes of one group have the same numbers at risk."""
        return tuple({curve.group: curve for curve in self.curves}.values())

    def at_risk_table(self) -> pd.DataFrame:
        """Give the numbers at risk.

        Returns
        -------
        pandas.DataFrame
            Columns group, time, n_risk.
        """
        tables = [
            pd.DataFrame({"group": curve.group, "time": self.ticks, "n_risk": curve.at_risk}) for curve in self.groups
        ]
        return pd.concat(tables, ignore_index=True)

    def band_layers(self) -> list[BandLayer]:
        """Give the bands and the areas in which they overlap, in the order of painting.

        Returns
        -------
        list of BandLayer
            Bands of one curve first; overlaps only up to four curves.
        """
        singles = [
            BandLayer((position,), curve.band_time, curve.band_low, curve.band_high)
            for position, curve in enumerate(self.curves)
        ]
        if len(singles) > MOST_MIXED:
            return singles
        grid = np.unique(np.concatenate([layer.time for layer in singles]))
        read = [_on_grid(layer, grid) for layer in singles]
        layers = singles
        for size in range(2, len(singles) + 1):
            for chosen in combinations(range(len(singles)), size):
                low = np.maximum.reduce([read[position][0] for position in chosen])
                high = np.minimum.reduce([read[position][1] for position in chosen])
                empty = ~(low < high)
                if not empty.all():
                    low[empty] = high[empty] = np.nan
                    corners = np.repeat(grid, 2)[1:-1]
                    layers = [*layers, BandLayer(chosen, corners, np.repeat(low, 2), np.repeat(high, 2))]
        return layers

    def covered_by_curves(self, *, limits: bool) -> Floats:
        """Give the boxes that curves and bands cover.

        Parameters
        ----------
        limits : bool
            Whether bands are drawn.

        Returns
        -------
        ndarray, shape (n_boxes, 4)
            Left, lower, right, upper edge, as shares of the axes.
        """
        boxes = []
        for curve in self.curves:
            low = np.minimum(curve.height[:-1], curve.height[1:])
            high = np.maximum(curve.height[:-1], curve.height[1:])
            if limits:
                low, high = np.fmin(low, curve.band_low[::2]), np.fmax(high, curve.band_high[::2])
            boxes.append(np.column_stack([curve.time[:-1], low, curve.time[1:], high]))
        boxes_in_units: Floats = np.concatenate(boxes)
        return boxes_in_units / [self.end, self.top, self.end, self.top]


def band_corners(start: tuple[Floats, Floats], low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Turn limits at the times of steps into corners of a band.

    Parameters
    ----------
    start : tuple of ndarray, shape (1,)
        Lower and upper limit before the first step.
    low, high : ndarray, shape (n_steps,)
        Limits just after each step.

    Returns
    -------
    tuple of ndarray, shape (2 * n_steps,)
        Lower and upper corners, two for each step; NaN where one of the two limits does not exist.
    """
    exists = np.isfinite(low) & np.isfinite(high)
    lower, upper = (
        np.concatenate([first, np.where(exists, limit, np.nan)[:-1]])
        for first, limit in zip(start, (low, high), strict=True)
    )
    return frozen(np.repeat(lower, 2)), frozen(np.repeat(upper, 2))


def _on_grid(layer: BandLayer, grid: Floats) -> tuple[Floats, Floats]:
    """Read a band between neighbours of a grid that has all its corners; NaN beyond its end."""
    place = np.searchsorted(layer.time[::2], grid[:-1], side="right") - 1
    beyond = grid[:-1] >= layer.time[-1]
    low, high = layer.low[::2][place], layer.high[::2][place]
    return np.where(beyond, np.nan, low), np.where(beyond, np.nan, high)


def choose_ticks(last: float, unit: str, times: Sequence[float] | None) -> tuple[Floats, float]:
    """Take the ticks of a time axis that were asked for, or choose them, and say where the axis ends.

    Parameters
    ----------
    last : float
        Longest follow-up.
    unit : str
        Unit of time.
    times : sequence of float or None
        Ticks asked for.

    Returns
    -------
    tuple of (ndarray, float)
        Ticks, and the right end of the axis.

    Raises
    ------
    ConfigError
        When no ticks are asked for.
    EndpointError
        When `times` are not numbers from 0 up.
    """
    ticks = time_ticks(last, unit) if times is None else np.unique(check_times(times))
    if ticks.size == 0:
        raise ConfigError("times is empty", remedy="give the ticks of the time axis, or leave times out")
    return frozen(ticks), max(last * 1.02, float(ticks[-1])) or 1.0


def time_ticks(last: float, unit: str) -> Floats:
    """Choose ticks for a time axis.

    Parameters
    ----------
    last : float
        Longest follow-up.
    unit : str
        Unit of time; ticks of days, weeks, months and years fall on the steps a reader expects.

    Returns
    -------
    ndarray
        At most seven ticks from 0.

    Examples
    --------
    >>> time_ticks(75.0, "months").tolist()
    [0.0, 12.0, 24.0, 36.0, 48.0, 60.0, 72.0]
    """
    if last <= 0:
        return np.zeros(1)
    known = TICK_STEPS.get(unit.strip().lower().removesuffix("s"), ())
    decade = 10.0 ** np.floor(np.log10(last) - 1)
    plain = [decade * factor for factor in (1, 2, 5, 10, 20, 50)]
    steps = [step for step in known if 2 * step <= last and last / step < MOST_TICKS] or plain
    step = next(step for step in steps if last / step < MOST_TICKS)
    return np.asarray(step * np.arange(int(last / step) + 1), dtype=np.float64)
