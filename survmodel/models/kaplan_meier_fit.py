"""Fitted Kaplan-Meier curves: tables, quantiles, fixed times, restricted means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, EndpointError, list_values
from survmodel.formatting import NOT_REACHED, count_noun, format_count, format_significant
from survmodel.kernels.kaplan_meier import ProductLimit
from survmodel.models.limits import survival_limits
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]

#: A curve within this distance of a level lies on it.
ON_THE_LEVEL = np.sqrt(np.finfo(float).eps)


@dataclass(frozen=True, slots=True, eq=False)
class AtRisk:
    """Counts the rows at risk at any time: those with ``entry < t <= time``.

    Attributes
    ----------
    exits, entries : ndarray, ascending
        Exit and entry times; no entries when nobody enters late.
    staying, coming : ndarray, one longer
        Sum of weights of the rows from each place on.
    """

    exits: Floats
    entries: Floats
    staying: Floats
    coming: Floats

    @classmethod
    def build(cls, time: Floats, weight: Floats, entry: Floats, entry_weight: Floats) -> AtRisk:
        """Sum the weights from the end; times and entries come in ascending order."""
        staying = np.concatenate([np.cumsum(weight[::-1])[::-1], [0.0]])
        coming = np.concatenate([np.cumsum(entry_weight[::-1])[::-1], [0.0]])
        return cls(frozen(time), frozen(entry), frozen(staying), frozen(coming))

    def __call__(self, times: npt.ArrayLike) -> Floats:
        """Count at each time, shape (n_times,); at time 0 those who are there when time begins, as R does."""
        asked = np.asarray(times, dtype=float)
        not_left = self.staying[np.searchsorted(self.exits, asked)]
        counts: Floats = not_left - self.coming[np.searchsorted(self.entries, asked)]
        return np.where(asked == 0, not_left - self.coming[np.searchsorted(self.entries, 0.0, side="right")], counts)

    def just_after(self, times: npt.ArrayLike) -> Floats:
        """Count just after each time, shape (n_times,): those with ``entry <= t < time``."""
        asked = np.asarray(times, dtype=float)
        not_left = self.staying[np.searchsorted(self.exits, asked, side="right")]
        counts: Floats = not_left - self.coming[np.searchsorted(self.entries, asked, side="right")]
        return counts


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The curve of one group; arrays have shape (n_times,).

    Attributes
    ----------
    group : str
        Label, "" when there is one group only.
    n : float
        Rows, or sum of weights.
    steps : ProductLimit
        Times, counts, survival, variance of log survival, hazard.
    std_error, conf_low, conf_high : ndarray
        Standard error of S(t) and its limits.
    at_risk : AtRisk
        Counts the rows at risk at any time.
    """

    group: str
    n: float
    steps: ProductLimit
    std_error: Floats
    conf_low: Floats
    conf_high: Floats
    at_risk: AtRisk

    @property
    def last(self) -> float:
        """Longest follow-up of the group."""
        return float(self.steps.time[-1])

    def step_before(self, times: Floats) -> npt.NDArray[np.int64]:
        """Find the last step at or before each time, -1 before the first."""
        place = np.searchsorted(self.steps.time, times, side="right")
        steps: npt.NDArray[np.int64] = place.astype(np.int64) - 1
        return steps


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KaplanMeierFit(Result):
    """Survival curves by group.

    Attributes
    ----------
    curves : tuple of Curve
        One for each group, in group order.
    conf_type, conf_level, unit, endpoint : str, float, str, str
        Conventions and labels.
    n, n_event : int
        Rows used and their events.
    robust, weighted : bool
        Whether standard errors are jackknife, whether weights were given.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    curves: tuple[Curve, ...]
    conf_type: str
    conf_level: float
    unit: str
    endpoint: str
    n: int
    n_event: int
    robust: bool
    weighted: bool
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Labels of the groups in order."""
        return tuple(curve.group for curve in self.curves)

    def tidy(self) -> pd.DataFrame:
        """Give the curves, one row for each group and distinct exit time.

        Returns
        -------
        pandas.DataFrame
            Columns group, time, n_risk, n_event, n_censor, estimate (survival), std_error, conf_low, conf_high.
        """
        return pd.concat([_tidy_curve(curve) for curve in self.curves], ignore_index=True)

    def glance(self) -> pd.DataFrame:
        """Give what describes the curves as a whole, in one row.

        Returns
        -------
        pandas.DataFrame
            Counts and conventions.
        """
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_group": len(self.curves),
            "endpoint": self.endpoint,
            "unit": self.unit,
            "conf_type": self.conf_type,
            "conf_level": self.conf_level,
            "std_error_type": "infinitesimal jackknife" if self.robust else "Greenwood",
            "conventions": "right-continuous step, missing beyond follow-up; at risk: entry < t <= time; limits exact "
            "where S = 1, none where S = 0; quantiles: middle of a flat; hazard: sum of d/n",
        }
        return pd.DataFrame([row])

    def quantile(self, p: float | Sequence[float] = 0.5) -> pd.DataFrame:
        """Estimate times by which a share of the patients has had the event.

        Parameters
        ----------
        p : float or sequence of float
            Shares between 0 and 1; 0.5 gives the median.

        Returns
        -------
        pandas.DataFrame
            Columns group, probability, estimate (a time), conf_low, conf_high; NaN where not reached. Limits invert the
            pointwise limits of the curve (Brookmeyer and Crowley 1982).

        Raises
        ------
        EndpointError
            When a share is not between 0 and 1.
        """
        shares = np.atleast_1d(np.asarray(p, dtype=float))
        if not ((shares > 0) & (shares < 1)).all():
            raise EndpointError("quantiles need shares between 0 and 1", f"found {list_values(list(shares))}")
        rows = []
        for curve in self.curves:
            happened = curve.steps.survival < 1
            for share in shares:
                times = [
                    crossing_time(curve.steps.time, level, share)
                    for level in (
                        curve.steps.survival,
                        np.where(happened, curve.conf_low, 1.0),
                        np.where(happened, curve.conf_high, 1.0),
                    )
                ]
                rows.append([curve.group, share, *times])
        return pd.DataFrame(rows, columns=["group", "probability", "estimate", "conf_low", "conf_high"])

    def at(self, times: float | Sequence[float], *, extend: bool = False) -> pd.DataFrame:
        """Read the curves at fixed times.

        Parameters
        ----------
        times : float or sequence of float
            Times, at least 0, in the unit of the outcome.
        extend : bool
            Carry the last value forward beyond a group's longest follow-up, where it is missing otherwise.

        Returns
        -------
        pandas.DataFrame
            Columns group, time, n_risk (at risk at the time), n_event (events up to and at it), estimate, std_error,
            conf_low, conf_high.
        """
        asked = check_times(times)
        return pd.concat([self._read(curve, asked, extend=extend) for curve in self.curves], ignore_index=True)

    def _read(self, curve: Curve, asked: Floats, *, extend: bool) -> pd.DataFrame:
        place = curve.step_before(asked)
        beyond = (asked > curve.last) & (not extend)
        n_risk = curve.at_risk(asked)
        exact = survival_limits(np.ones(asked.size), np.zeros(asked.size), n_risk, self.conf_type, self.conf_level)
        steps = curve.steps
        nothing_yet = (place < 0) | (steps.survival[place] == 1)
        columns = {
            "n_event": np.where(place < 0, 0.0, np.cumsum(steps.n_event)[place]),
            "estimate": np.where(place < 0, 1.0, steps.survival[place]),
            "std_error": np.where(place < 0, 0.0, curve.std_error[place]),
            "conf_low": np.where(nothing_yet, exact[0], curve.conf_low[place]),
            "conf_high": np.where(nothing_yet, exact[1], curve.conf_high[place]),
        }
        table = pd.DataFrame({"group": curve.group, "time": asked, "n_risk": n_risk, **columns})
        table.loc[beyond, ["estimate", "std_error", "conf_low", "conf_high"]] = np.nan
        return table

    def conditional(self, given: float, times: float | Sequence[float]) -> pd.DataFrame:
        """Estimate survival of those who have lived to a time: S(t) / S(given).

        Parameters
        ----------
        given : float
            Time that was reached, at least 0.
        times : float or sequence of float
            Times from `given` on, counted from the origin.

        Returns
        -------
        pandas.DataFrame
            Columns group, given, time, n_risk (at risk just after `given`), estimate, std_error, conf_low, conf_high;
            missing beyond the follow-up of a group, and where nobody of it lives to `given`.

        Raises
        ------
        ConfigError
            For weights that are not counts: their errors do not add up over time.
        EndpointError
            For a time before `given`, or negative or missing ones.

        References
        ----------
        Zabor EC, Gonen M, Chapman PB, Panageas KS (2013). Cancer Epidemiol Biomarkers Prev 22:1497-1502.
        """
        if self.robust:
            raise ConfigError("weighted curves have no conditional survival", remedy="leave the weights out")
        start, asked = float(check_times(given)[0]), check_times(times)
        if (asked < start).any():
            raise EndpointError(f"a time lies before {start:g}, which was reached", remedy="ask for later times")
        return pd.concat([self._read_from(curve, start, asked) for curve in self.curves], ignore_index=True)

    def _read_from(self, curve: Curve, given: float, asked: Floats) -> pd.DataFrame:
        steps = curve.steps
        first, places = curve.step_before(np.array([given]))[0], curve.step_before(asked)
        before = (steps.survival[first], steps.greenwood[first]) if first >= 0 else (1.0, 0.0)
        n_risk = float(curve.at_risk.just_after(given))
        survival = np.where(places < 0, 1.0, steps.survival[places])
        spread = np.where(places < 0, 0.0, steps.greenwood[places])
        usable = (asked <= curve.last) & (before[0] > 0) & (n_risk > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            estimate = np.where(usable, survival / before[0], np.nan)
            # Where nobody is left the variance of the logarithm is infinite and that of S is 0.
            error = np.where(survival > 0, estimate * np.sqrt(np.maximum(spread - before[1], 0)), 0.0)
        error = np.where(usable, error, np.nan)
        low, high = survival_limits(estimate, error, np.full(asked.size, n_risk), self.conf_type, self.conf_level)
        return pd.DataFrame({
            "group": curve.group, "given": given, "time": asked, "n_risk": n_risk, "estimate": estimate,
            "std_error": error, "conf_low": low, "conf_high": high,
        })  # fmt: skip

    def rmst(self, horizon: float) -> pd.DataFrame:
        """Estimate the restricted mean survival time: the area under each curve up to a horizon.

        Parameters
        ----------
        horizon : float
            Upper end of the area, above 0, no longer than any group's follow-up unless its curve has reached 0.

        Returns
        -------
        pandas.DataFrame
            Columns group, horizon, estimate, std_error, conf_low, conf_high (normal limits).

        Raises
        ------
        EndpointError
            When the horizon lies beyond a group's last follow-up; names the largest valid one.

        References
        ----------
        Royston P, Parmar MKB (2013). BMC Med Res Methodol 13:152.
        """
        largest = min(np.inf if curve.steps.survival[-1] == 0 else curve.last for curve in self.curves)
        if not 0 < horizon <= largest:
            raise EndpointError(
                f"the horizon {horizon:g} is not within the follow-up of every group",
                remedy=f"choose a horizon above 0 and at most {format_significant(largest, 6)}",
            )
        z = normal_quantile(self.conf_level)
        rows = []
        for curve in self.curves:
            area, error = _area(curve, horizon)
            rows.append([curve.group, horizon, area, error, area - z * error, area + z * error])
        return pd.DataFrame(rows, columns=["group", "horizon", "estimate", "std_error", "conf_low", "conf_high"])

    def cumulative_hazard(self) -> pd.DataFrame:
        """Estimate the cumulative hazard by Nelson and Aalen, the sum of d/n.

        Returns
        -------
        pandas.DataFrame
            Columns group, time, estimate, std_error.
        """
        tables = [
            pd.DataFrame({
                "group": curve.group,
                "time": curve.steps.time,
                "estimate": curve.steps.hazard,
                "std_error": np.sqrt(curve.steps.hazard_variance),
            })
            for curve in self.curves
        ]  # fmt: skip
        return pd.concat(tables, ignore_index=True)

    def _display(self) -> Display:
        medians = self.quantile(0.5)
        rows = []
        for curve, median in zip(self.curves, medians.itertuples(), strict=True):
            times = [NOT_REACHED if np.isnan(t) else format_significant(t) for t in median[3:6]]
            events = format_count(float(curve.steps.n_event.sum()))
            rows.append([curve.group or "all", format_count(curve.n), events, times[0], f"{times[1]} to {times[2]}"])
        percent = f"{100 * self.conf_level:g}%"
        unit = f" ({self.unit})" if self.unit else ""
        table = Table(["group", "n", "events", f"median{unit}", f"{percent} limits"], rows)
        note = f"{percent} limits: {self.conf_type}; standard error: "
        note += "infinitesimal jackknife" if self.robust else "Greenwood"
        title = f"Kaplan-Meier estimate, endpoint {self.endpoint}, {count_noun(self.n, 'row')}"
        return Display(title, (table,), (note, *self.notes), "sm.draw_km(fit)")


def check_times(times: float | Sequence[float] | Floats) -> Floats:
    """Refuse times that are missing, negative or infinite.

    Parameters
    ----------
    times : float or sequence of float
        Times at which something is read.

    Returns
    -------
    ndarray, shape (n_times,)
        The times.

    Raises
    ------
    EndpointError
        When a time is not a number from 0 up.
    """
    asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if asked.ndim != 1 or not (np.isfinite(asked) & (asked >= 0)).all():
        raise EndpointError("times must be numbers from 0 up", f"found {list_values(list(np.ravel(asked)))}")
    return asked


def crossing_time(time: Floats, survival: Floats, share: float) -> float:
    """Find when a survival curve (or a limit of it) falls to ``1 - share``; the midpoint where it lies flat there.

    Parameters
    ----------
    time, survival : ndarray, shape (n_times,)
        Steps of the curve, NaN where it does not exist.
    share : float
        Share with the event.

    Returns
    -------
    float
        A time; NaN when the curve does not come down to the level, or lies above it to the end.
    """
    level = np.concatenate([[0.0], 1 - survival])
    x = np.concatenate([[0.0], time])
    exists = ~np.isnan(level)
    level, x = level[exists], x[exists]
    fresh = np.concatenate([[True], level[1:] != level[:-1]])
    level, x = level[fresh], x[fresh]
    ascending = np.argsort(level, kind="stable")
    level, x = level[ascending], x[ascending]
    reach = np.searchsorted(level, share - ON_THE_LEVEL)
    leave = np.searchsorted(level, share + ON_THE_LEVEL)
    if reach == level.size:
        return np.nan
    if leave == level.size:
        flat_to_the_end = exists[-1] and level[-1] == level[reach]
        return float((x[reach] + time[-1]) / 2) if flat_to_the_end else np.nan
    return float((x[reach] + x[leave]) / 2)


def _tidy_curve(curve: Curve) -> pd.DataFrame:
    steps = curve.steps
    return pd.DataFrame(
        {
            "group": curve.group,
            "time": steps.time,
            "n_risk": steps.n_risk,
            "n_event": steps.n_event,
            "n_censor": steps.n_censor,
            "estimate": steps.survival,
            "std_error": curve.std_error,
            "conf_low": curve.conf_low,
            "conf_high": curve.conf_high,
        }
    )


def _area(curve: Curve, horizon: float) -> tuple[float, float]:
    r"""Area under the curve and its standard error, :math:`\sum_u A(u)^2\, \Delta Q(u)` with A the area after u."""
    time, survival = curve.steps.time, curve.steps.survival
    inside = time <= horizon
    ends = np.concatenate([[0.0], time[inside], [horizon]])
    heights = np.concatenate([[1.0], survival[inside]])
    pieces = heights * np.diff(ends)
    after = np.concatenate([np.cumsum(pieces[::-1])[::-1][1:], [0.0]])[: inside.sum()]
    alive = survival[inside] > 0
    log_variance = np.square(curve.std_error[inside][alive] / survival[inside][alive])
    jumps = np.diff(np.concatenate([[0.0], log_variance]))
    return float(pieces.sum()), float(np.sqrt(np.sum(after[alive] ** 2 * jumps)))
