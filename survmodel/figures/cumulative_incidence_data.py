"""What a figure of cumulative incidence shows, as arrays: the curves chosen, their bands, the end of the axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from survmodel.errors import ConfigError, closest, list_values
from survmodel.figures.step_data import Floats, StepData, StepPlotData, band_corners, choose_ticks
from survmodel.formatting import level_text
from survmodel.models.cumulative_incidence import CumulativeIncidenceFit, IncidenceCurve
from survmodel.models.limits import survival_limits
from survmodel.result import frozen

#: Ends of the vertical axis below 1, with the steps between its ticks.
SHORT_AXES = ((0.05, 0.01), (0.1, 0.02), (0.2, 0.05), (0.3, 0.1), (0.4, 0.1), (0.5, 0.1))
WHOLE_AXIS = (1.0, 0.2)


@dataclass(frozen=True, slots=True, eq=False)
class IncidenceData(StepData):
    """What is drawn of one cause in one group; `n_event` counts the events of the cause.

    Attributes
    ----------
    cause : str
        The event.
    """

    cause: str


@dataclass(frozen=True, slots=True, eq=False)
class IncidencePlotData(StepPlotData):
    """What a figure of cumulative incidence shows.

    Attributes
    ----------
    curves : tuple of IncidenceData
        One for each group, or for each cause of a single group.
    levels : ndarray
        Ticks of the vertical axis.
    competing : tuple of str
        Causes that are not drawn.
    """

    curves: tuple[IncidenceData, ...]
    levels: Floats
    competing: tuple[str, ...]

    @property
    def causes(self) -> tuple[str, ...]:
        """Causes that are drawn."""
        return tuple(dict.fromkeys(curve.cause for curve in self.curves))

    @property
    def common_time(self) -> float:
        """The last tick that every curve reaches; the end of the shortest curve when none but 0 does."""
        shortest = min(curve.last for curve in self.curves)
        reached = self.ticks[(self.ticks > 0) & (self.ticks <= shortest)]
        return float(reached[-1]) if reached.size else shortest


def incidence_plot_data(
    fit: CumulativeIncidenceFit, cause: object = None, times: Sequence[float] | None = None, *, limits: bool = True
) -> IncidencePlotData:
    """Take from a fit what its figure shows.

    Parameters
    ----------
    fit : CumulativeIncidenceFit
        The curves.
    cause : str or int, optional
        Label or code of the event; without it the first of several groups, and all causes of a single group.
    times : sequence of float, optional
        Ticks of the time axis; chosen for the unit of time without it.
    limits : bool
        Whether bands are drawn, for which the axis then makes room.

    Returns
    -------
    IncidencePlotData
        Arrays that cannot be written to.

    Raises
    ------
    ConfigError
        For a cause that the fit does not have.

    Examples
    --------
    >>> from survmodel import CumulativeIncidence, Outcome
    >>> outcome = Outcome([2, 4, 5, 7, 9], [1, 2, 0, 1, 0], causes={1: "relapse", 2: "death"})
    >>> data = incidence_plot_data(CumulativeIncidence().fit(outcome), "death")
    >>> data.curves[0].height.round(2).tolist(), data.competing
    ([0.0, 0.0, 0.2, 0.2, 0.2, 0.2], ('relapse',))
    """
    ticks, end = choose_ticks(max(float(curve.time[-1]) for curve in fit.curves), fit.unit, times)
    names = [name for name, _ in fit.n_event]
    places = _find_places(names, cause, one_group=len(fit.groups) == 1)
    # Curves stand group by group, in each by the code of the cause.
    chosen = [curve for number, curve in enumerate(fit.curves) if number % len(names) in places]
    curves = tuple(_curve_data(fit, curve, ticks) for curve in chosen)
    top, levels = incidence_axis(_highest(curves, limits=limits))
    competing = tuple(name for place, name in enumerate(names) if place not in places)
    return IncidencePlotData(curves, ticks, end, top, levels, competing)


def _find_places(names: Sequence[str], cause: object, *, one_group: bool) -> tuple[int, ...]:
    """Find the causes to draw, by their places."""
    if cause is None:
        return tuple(range(len(names))) if one_group else (0,)
    text = level_text(cause)
    if text in names:
        return (names.index(text),)
    codes = [str(code) for code in range(1, len(names) + 1)]
    if text in codes:
        return (codes.index(text),)
    remedy = closest(text, names)
    if remedy.startswith("known"):
        remedy = "give one of " + list_values([f"{name} ({code})" for name, code in zip(names, codes, strict=True)])
    raise ConfigError(f"the fit has no cause {text!r}", remedy=remedy)


def _curve_data(fit: CumulativeIncidenceFit, curve: IncidenceCurve, ticks: Floats) -> IncidenceData:
    # Before the first row nothing has happened: the upper limit is the exact one, as that of a survival of 1.
    low, _ = survival_limits(np.ones(1), np.zeros(1), curve.n_risk[:1], fit.conf_type, fit.conf_level)
    start = (np.where(np.isnan(low), np.nan, 0.0), 1 - low)
    band_low, band_high = band_corners(start, curve.conf_low, curve.conf_high)
    time = np.concatenate([[0.0], curve.time])
    return IncidenceData(
        group=curve.group,
        n=curve.n,
        n_event=float(curve.n_event.sum()),
        time=frozen(time),
        height=frozen(np.concatenate([[0.0], curve.estimate])),
        band_time=frozen(np.repeat(time, 2)[1:-1]),
        band_low=band_low,
        band_high=band_high,
        at_risk=frozen(curve.at_risk(ticks)),
        cause=curve.cause,
    )


def _highest(curves: Sequence[IncidenceData], *, limits: bool) -> float:
    heights = [curve.height for curve in curves] + [curve.band_high for curve in curves if limits]
    return float(np.nanmax(np.concatenate(heights)))


def incidence_axis(highest: float) -> tuple[float, Floats]:
    """Choose the end of the vertical axis and its ticks.

    The axis ends at the first of 0.05, 0.1, 0.2, 0.3, 0.4 and 0.5 that is not below the largest value drawn (an upper
    limit where limits are drawn), and at 1 when that is above 0.5 or when there is nothing but 0.

    Parameters
    ----------
    highest : float
        Largest value drawn.

    Returns
    -------
    tuple of (float, ndarray)
        End of the axis, and ticks from 0.

    Examples
    --------
    >>> top, ticks = incidence_axis(0.23)
    >>> top, ticks.round(1).tolist()
    (0.3, [0.0, 0.1, 0.2, 0.3])
    """
    fitting = [axis for axis in SHORT_AXES if 0 < highest <= axis[0]]
    top, step = fitting[0] if fitting else WHOLE_AXIS
    return top, frozen(np.linspace(0.0, top, round(top / step) + 1))
