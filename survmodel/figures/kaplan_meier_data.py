"""What a Kaplan-Meier figure shows, as arrays: steps, bands, censoring marks, numbers at risk on the ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError
from survmodel.models.kaplan_meier_fit import Curve, KaplanMeierFit, check_times
from survmodel.models.limits import survival_limits
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
class CurveData:
    """What is drawn of one group.

    Attributes
    ----------
    group : str
        Level of the group.
    n, n_event, median : float
        Rows, events and median time; NaN when not reached.
    time, survival : ndarray, shape (n_steps + 1,)
        Corners of the step curve (step at the right: post), from (0, 1) to the last follow-up.
    band_time, band_low, band_high : ndarray, shape (2 * n_steps,)
        Corners of the band, two for each step; NaN where a limit does not exist.
    censor_time, censor_survival : ndarray
        Where marks for censored rows stand: at S(t).
    at_risk : ndarray, shape (n_ticks,)
        Number at risk on each tick, counted with ``entry < t <= time``.
    """

    group: str
    n: float
    n_event: float
    median: float
    time: Floats
    survival: Floats
    band_time: Floats
    band_low: Floats
    band_high: Floats
    censor_time: Floats
    censor_survival: Floats
    at_risk: Floats

    @property
    def last(self) -> float:
        """Last follow-up of the group, where its curve ends."""
        return float(self.time[-1])


@dataclass(frozen=True, slots=True, eq=False)
class BandLayer:
    """The area where the bands of some groups lie over each other.

    Attributes
    ----------
    groups : tuple of int
        Places of the groups.
    time, low, high : ndarray
        Corners of the area; NaN where it is empty.
    """

    groups: tuple[int, ...]
    time: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class KmPlotData:
    """What a Kaplan-Meier figure shows.

    Attributes
    ----------
    curves : tuple of CurveData
        One for each group.
    ticks : ndarray, shape (n_ticks,)
        Ticks of the time axis, on which the numbers at risk are counted.
    end : float
        Right end of the time axis.
    """

    curves: tuple[CurveData, ...]
    ticks: Floats
    end: float

    def at_risk_table(self) -> pd.DataFrame:
        """Give the numbers at risk.

        Returns
        -------
        pandas.DataFrame
            Columns group, time, n_risk.
        """
        tables = [
            pd.DataFrame({"group": curve.group, "time": self.ticks, "n_risk": curve.at_risk}) for curve in self.curves
        ]
        return pd.concat(tables, ignore_index=True)

    def band_layers(self) -> list[BandLayer]:
        """Give the bands and the areas in which they overlap, in the order of painting.

        Returns
        -------
        list of BandLayer
            Bands of one group first; overlaps only up to four groups.
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

    def median_rays(self) -> list[tuple[float, float, float, float]]:
        """Give the lines from the axes to the medians that are reached: left, lower, right, upper end."""
        reached = [curve.median for curve in self.curves if np.isfinite(curve.median)]
        across = [(0.0, 0.5, max(reached), 0.5)] if reached else []
        return [*across, *((time, 0.0, time, 0.5) for time in reached)]

    def covered(self, *, limits: bool, medians: bool = False) -> Floats:
        """Give the boxes that curves, bands and lines to the medians cover.

        Parameters
        ----------
        limits : bool
            Whether bands are drawn.
        medians : bool
            Whether lines to the medians are drawn.

        Returns
        -------
        ndarray, shape (n_boxes, 4)
            Left, lower, right, upper edge, as shares of the axes.
        """
        boxes = []
        for curve in self.curves:
            low, high = np.minimum(curve.survival[:-1], curve.survival[1:]), curve.survival[:-1]
            if limits:
                low, high = np.fmin(low, curve.band_low[::2]), np.fmax(high, curve.band_high[::2])
            boxes.append(np.column_stack([curve.time[:-1] / self.end, low, curve.time[1:] / self.end, high]))
        rays = np.reshape(self.median_rays() if medians else [], (-1, 4)) / [self.end, 1, self.end, 1]
        return np.concatenate([*boxes, rays])


def km_plot_data(fit: KaplanMeierFit, times: Sequence[float] | None = None) -> KmPlotData:
    """Take from a fit what its figure shows.

    Parameters
    ----------
    fit : KaplanMeierFit
        The curves.
    times : sequence of float, optional
        Ticks of the time axis; chosen for the unit of time without it.

    Returns
    -------
    KmPlotData
        Arrays that cannot be written to.

    Examples
    --------
    >>> from survmodel import KaplanMeier, Outcome
    >>> fit = KaplanMeier().fit(Outcome([6, 7, 10, 15], [1, 0, 1, 1], unit="months"))
    >>> data = km_plot_data(fit, times=[0, 7, 12])
    >>> data.curves[0].at_risk.tolist(), data.curves[0].survival.tolist()
    ([4.0, 3.0, 1.0], [1.0, 0.75, 0.75, 0.375, 0.0])
    """
    last = max(curve.last for curve in fit.curves)
    ticks = time_ticks(last, fit.unit) if times is None else np.unique(check_times(times))
    if ticks.size == 0:
        raise ConfigError("times is empty", remedy="give the ticks of the time axis, or leave times out")
    medians = fit.quantile(0.5)["estimate"].to_numpy(dtype=np.float64)
    curves = tuple(_curve_data(fit, curve, ticks, median) for curve, median in zip(fit.curves, medians, strict=True))
    return KmPlotData(curves, frozen(ticks), max(last * 1.02, float(ticks[-1])) or 1.0)


def _curve_data(fit: KaplanMeierFit, curve: Curve, ticks: Floats, median: float) -> CurveData:
    steps = curve.steps
    # Before the first row nothing has happened, and the limits are the exact ones.
    start = survival_limits(np.ones(1), np.zeros(1), steps.n_risk[:1], fit.conf_type, fit.conf_level)
    low, high = (np.concatenate([first, limit[:-1]]) for first, limit in zip(start, _limits(curve), strict=True))
    time = np.concatenate([[0.0], steps.time])
    censored = steps.n_censor > 0
    return CurveData(
        group=curve.group,
        n=curve.n,
        n_event=float(steps.n_event.sum()),
        median=float(median),
        time=frozen(time),
        survival=frozen(np.concatenate([[1.0], steps.survival])),
        band_time=frozen(np.repeat(time, 2)[1:-1]),
        band_low=frozen(np.repeat(low, 2)),
        band_high=frozen(np.repeat(high, 2)),
        censor_time=frozen(steps.time[censored]),
        censor_survival=frozen(steps.survival[censored]),
        at_risk=frozen(curve.at_risk(ticks)),
    )


def _on_grid(layer: BandLayer, grid: Floats) -> tuple[Floats, Floats]:
    """Read a band between neighbours of a grid that has all its corners; NaN beyond its end."""
    place = np.searchsorted(layer.time[::2], grid[:-1], side="right") - 1
    beyond = grid[:-1] >= layer.time[-1]
    low, high = layer.low[::2][place], layer.high[::2][place]
    return np.where(beyond, np.nan, low), np.where(beyond, np.nan, high)


def _limits(curve: Curve) -> tuple[Floats, Floats]:
    exists = np.isfinite(curve.conf_low) & np.isfinite(curve.conf_high)
    return np.where(exists, curve.conf_low, np.nan), np.where(exists, curve.conf_high, np.nan)


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
