"""What a Kaplan-Meier figure shows, as arrays: steps, bands, censoring marks, numbers at risk on the ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from survmodel.figures.step_data import Floats, StepData, StepPlotData, band_corners, choose_ticks
from survmodel.models.kaplan_meier_fit import Curve, KaplanMeierFit
from survmodel.models.limits import survival_limits
from survmodel.result import frozen


@dataclass(frozen=True, slots=True, eq=False)
class CurveData(StepData):
    """What is drawn of one group.

    Attributes
    ----------
    median : float
        Median time; NaN when not reached.
    censor_time, censor_survival : ndarray
        Where marks for censored rows stand: at S(t).
    """

    median: float
    censor_time: Floats
    censor_survival: Floats

    @property
    def survival(self) -> Floats:
        """Heights of the curve, from 1 at time 0, shape (n_steps + 1,)."""
        return self.height


@dataclass(frozen=True, slots=True, eq=False)
class KmPlotData(StepPlotData):
    """What a Kaplan-Meier figure shows.

    Attributes
    ----------
    curves : tuple of CurveData
        One for each group.
    """

    curves: tuple[CurveData, ...]

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
        rays = np.reshape(self.median_rays() if medians else [], (-1, 4)) / [self.end, 1, self.end, 1]
        return np.concatenate([self.covered_by_curves(limits=limits), rays])


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
    ticks, end = choose_ticks(max(curve.last for curve in fit.curves), fit.unit, times)
    medians = fit.quantile(0.5)["estimate"].to_numpy(dtype=np.float64)
    curves = tuple(_curve_data(fit, curve, ticks, median) for curve, median in zip(fit.curves, medians, strict=True))
    return KmPlotData(curves, ticks, end, 1.0)


def _curve_data(fit: KaplanMeierFit, curve: Curve, ticks: Floats, median: float) -> CurveData:
    steps = curve.steps
    # Before the first row nothing has happened, and the limits are the exact ones.
    start = survival_limits(np.ones(1), np.zeros(1), steps.n_risk[:1], fit.conf_type, fit.conf_level)
    band_low, band_high = band_corners(start, curve.conf_low, curve.conf_high)
    time = np.concatenate([[0.0], steps.time])
    censored = steps.n_censor > 0
    return CurveData(
        group=curve.group,
        n=curve.n,
        n_event=float(steps.n_event.sum()),
        time=frozen(time),
        height=frozen(np.concatenate([[1.0], steps.survival])),
        band_time=frozen(np.repeat(time, 2)[1:-1]),
        band_low=band_low,
        band_high=band_high,
        at_risk=frozen(curve.at_risk(ticks)),
        median=float(median),
        censor_time=frozen(steps.time[censored]),
        censor_survival=frozen(steps.survival[censored]),
    )
