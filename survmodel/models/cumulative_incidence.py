"""Cumulative incidence of competing events by Aalen and Johansen, by group, with limits.

One minus a Kaplan-Meier curve that censors the competing events overstates the risk of each: here the risks of all
causes and the chance of none add up to 1. Ties are exact; the standard error is the infinitesimal jackknife, by
patient; limits are log-log unless asked otherwise. Before the first event of a cause its upper limit is exact, as where
a survival curve is 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.formatting import count_noun, format_count, format_interval, format_number
from survmodel.kernels.aalen_johansen import aalen_johansen
from survmodel.kernels.kaplan_meier import ProductLimit, product_limit
from survmodel.models.kaplan_meier_fit import AtRisk, check_times
from survmodel.models.late_entry import look_at_risk_set
from survmodel.models.limits import ConfType, check_limits, survival_limits
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class IncidenceCurve:
    """Cumulative incidence of one cause in one group; arrays have shape (n_times,).

    Attributes
    ----------
    group, cause : str
        Labels.
    n : int
        Rows of the group.
    time, n_risk, n_event, n_censor : ndarray
        Distinct exit times, rows at risk just before, events of the cause, censorings.
    estimate, std_error, conf_low, conf_high : ndarray
        Incidence just after the time, with its limits.
    at_risk : AtRisk
        Counts the rows at risk at any time.
    """

    group: str
    cause: str
    n: int
    time: Floats
    n_risk: Floats
    n_event: Floats
    n_censor: Floats
    estimate: Floats
    std_error: Floats
    conf_low: Floats
    conf_high: Floats
    at_risk: AtRisk


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CumulativeIncidenceFit(Result):
    """Cumulative incidence by group and cause.

    Attributes
    ----------
    curves : tuple of IncidenceCurve
        In group order, causes in the order of their codes.
    conf_type, conf_level, unit, endpoint : str, float, str, str
        Conventions and labels.
    n : int
        Rows used.
    n_event : tuple of (str, int)
        Events of each cause.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    curves: tuple[IncidenceCurve, ...]
    conf_type: str
    conf_level: float
    unit: str
    endpoint: str
    n: int
    n_event: tuple[tuple[str, int], ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Labels of the groups in order."""
        return tuple(dict.fromkeys(curve.group for curve in self.curves))

    @property
    def causes(self) -> tuple[str, ...]:
        """Labels of the causes in order."""
        return tuple(dict.fromkeys(curve.cause for curve in self.curves))

    def tidy(self) -> pd.DataFrame:
        """Give the curves, one row for each group, cause and distinct exit time.

        Returns
        -------
        pandas.DataFrame
            Columns group, level (the cause), time, n_risk, n_event (of the cause), n_censor, estimate, std_error,
            conf_low, conf_high.
        """
        columns = ("time", "n_risk", "n_event", "n_censor", "estimate", "std_error", "conf_low", "conf_high")
        tables = [
            pd.DataFrame(
                {"group": curve.group, "level": curve.cause, **{name: getattr(curve, name) for name in columns}}
            )
            for curve in self.curves
        ]
        return pd.concat(tables, ignore_index=True)

    def glance(self) -> pd.DataFrame:
        """Give what describes the curves as a whole, in one row.

        Returns
        -------
        pandas.DataFrame
            Counts and conventions.
        """
        row = {
            "n": self.n,
            "n_event": sum(count for _, count in self.n_event),
            "n_group": len(self.groups),
            "n_cause": len(self.causes),
            "endpoint": self.endpoint,
            "unit": self.unit,
            "conf_type": self.conf_type,
            "conf_level": self.conf_level,
            "conventions": "Aalen-Johansen, ties exact, missing beyond follow-up; infinitesimal-jackknife se; at risk: "
            "entry < t <= time",
        }
        return pd.DataFrame([row])

    def at(self, times: float | Sequence[float]) -> pd.DataFrame:
        """Read the curves at fixed times.

        Parameters
        ----------
        times : float or sequence of float
            Times, at least 0, in the unit of the outcome.

        Returns
        -------
        pandas.DataFrame
            Columns group, level (the cause), time, n_risk (at risk at the time), n_event (of the cause, up to and at
            it), estimate, std_error, conf_low, conf_high; NaN beyond the last follow-up of the group.

        Raises
        ------
        EndpointError
            When a time is not a number from 0 up.
        """
        asked = check_times(times)
        return pd.concat([self._read(curve, asked) for curve in self.curves], ignore_index=True)

    def _read(self, curve: IncidenceCurve, asked: Floats) -> pd.DataFrame:
        place = np.searchsorted(curve.time, asked, side="right") - 1
        before = place < 0
        n_risk = curve.at_risk(asked)
        estimate = np.where(before, 0.0, curve.estimate[place])
        std_error = np.where(before, 0.0, curve.std_error[place])
        # Before the first event of the cause the limits go with those at risk at the time that is asked for.
        low, high = _limits(estimate, std_error, n_risk, self.conf_type, self.conf_level)
        happened = estimate > 0
        table = pd.DataFrame({
            "group": curve.group,
            "level": curve.cause,
            "time": asked,
            "n_risk": n_risk,
            "n_event": np.where(before, 0.0, np.cumsum(curve.n_event)[place]),
            "estimate": estimate,
            "std_error": std_error,
            "conf_low": np.where(happened, curve.conf_low[place], low),
            "conf_high": np.where(happened, curve.conf_high[place], high),
        })  # fmt: skip
        table.loc[asked > curve.time[-1], ["estimate", "std_error", "conf_low", "conf_high"]] = np.nan
        return table

    def _display(self) -> Display:
        rows = []
        for curve in self.curves:
            limits = format_interval(curve.conf_low[-1], curve.conf_high[-1], 3)
            events = format_count(float(curve.n_event.sum()))
            last = format_number(curve.estimate[-1], 3)
            rows.append([curve.group or "all", curve.cause, format_count(curve.n), events, last, limits])
        percent = f"{100 * self.conf_level:g}%"
        header = ["group", "cause", "n", "events", "incidence at the last time", f"{percent} limits"]
        note = f"{percent} limits: {self.conf_type}; standard error: infinitesimal jackknife"
        unit = f", time in {self.unit}" if self.unit else ""
        title = f"Cumulative incidence (Aalen-Johansen), {count_noun(self.n, 'row')}{unit}"
        return Display(title, (Table(header, rows, left=2),), (note, *self.notes))


@dataclass(frozen=True, slots=True)
class CumulativeIncidence:
    """Cumulative incidence of each of several competing events.

    Parameters
    ----------
    conf_type : {"log-log", "log", "plain", "logit", "arcsin"}
        Transformation of the pointwise limits.
    conf_level : float
        Coverage of the limits.

    References
    ----------
    Aalen OO, Johansen S (1978). Scand J Stat 5:141-150.

    Examples
    --------
    >>> from survmodel import CumulativeIncidence, Outcome
    >>> outcome = Outcome([2, 4, 5, 7, 9], [1, 2, 0, 1, 0], causes={1: "relapse", 2: "death"})
    >>> CumulativeIncidence().fit(outcome).at(8)["estimate"].round(3).tolist()
    [0.5, 0.2]
    """

    conf_type: ConfType = "log-log"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_limits(self.conf_type, self.conf_level)

    def fit(self, outcome: Outcome, by: object = None) -> CumulativeIncidenceFit:
        """Estimate the curves.

        Parameters
        ----------
        outcome : Outcome
            Times and events; each code above 0 is a cause. With one cause the incidence is one minus Kaplan-Meier.
        by : Series or array_like, shape (n,), optional
            Groups, one curve of each cause in each.

        Returns
        -------
        CumulativeIncidenceFit
            The curves.

        Raises
        ------
        DataError
            When rows or groups do not fit the outcome.
        """
        groups = read_groups(outcome, by)
        causes = outcome.causes or {1: outcome.endpoint}
        curves: list[IncidenceCurve] = []
        late: list[str] = []
        for code, label in enumerate(groups.labels):
            rows = np.flatnonzero(groups.codes == code)
            own = self._curves(outcome.take(rows), label, causes)
            late += _look_at_entries(own, label, outcome.unit or "")
            curves += own
        return CumulativeIncidenceFit(
            curves=tuple(curves),
            conf_type=self.conf_type,
            conf_level=self.conf_level,
            unit=outcome.unit or "",
            endpoint=outcome.endpoint,
            n=outcome.n,
            n_event=tuple((name, int((outcome.event == code).sum())) for code, name in causes.items()),
            warnings=join_warnings(outcome.warnings, _look_for_absent(curves), late),
            notes=join_warnings(groups.notes, outcome.notes),
        )

    def _curves(self, outcome: Outcome, label: str, causes: Mapping[int, str]) -> list[IncidenceCurve]:
        any_event = outcome.event > 0
        order = np.lexsort((~any_event, outcome.time))
        time, ones = outcome.time[order], np.ones(outcome.n)
        entry, entry_weight = np.empty(0), np.empty(0)
        if outcome.entry is not None:
            entry, entry_weight = np.sort(outcome.entry), ones
        steps = product_limit(time, any_event[order], ones, entry, entry_weight)
        at_risk = AtRisk.build(time, ones, entry, entry_weight)
        return [self._curve(outcome, label, code, name, steps, at_risk) for code, name in causes.items()]

    def _curve(
        self, outcome: Outcome, label: str, code: int, name: str, steps: ProductLimit, at_risk: AtRisk
    ) -> IncidenceCurve:
        patient = np.arange(outcome.n) if outcome.id is None else outcome.id
        together = np.argsort(patient, kind="stable")
        leaves = np.searchsorted(steps.time, outcome.time).astype(np.int64)
        enters = np.full(outcome.n, -1, dtype=np.int64)
        if outcome.entry is not None:
            enters = np.searchsorted(steps.time, outcome.entry, side="right").astype(np.int64) - 1
        mine = outcome.event == code
        events = np.bincount(leaves[mine], minlength=steps.time.size).astype(np.float64)
        found = aalen_johansen(
            steps.n_risk, steps.n_event, steps.survival, events, leaves[together], enters[together],
            (outcome.event > 0)[together], mine[together], patient[together].astype(np.int64),
        )  # fmt: skip
        std_error = np.sqrt(found.variance)
        low, high = _limits(found.estimate, std_error, steps.n_risk, self.conf_type, self.conf_level)
        return IncidenceCurve(
            group=label,
            cause=name,
            n=outcome.n,
            time=frozen(steps.time),
            n_risk=frozen(steps.n_risk),
            n_event=frozen(events),
            n_censor=frozen(steps.n_censor),
            estimate=frozen(found.estimate),
            std_error=frozen(std_error),
            conf_low=frozen(low),
            conf_high=frozen(high),
            at_risk=at_risk,
        )


def _limits(
    incidence: Floats, std_error: Floats, n_risk: Floats, conf_type: str, conf_level: float
) -> tuple[Floats, Floats]:
    """Give the limits of incidences; where nothing has happened they mirror those of a survival of 1."""
    inside = (incidence > 0) & (incidence < 1)
    probability, error = np.where(inside, incidence, 1.0), np.where(inside, std_error, 0.0)
    low, high = survival_limits(probability, error, n_risk, conf_type, conf_level)
    nothing = incidence == 0
    high_of_none = 1 - low
    return np.where(nothing, np.where(np.isnan(low), np.nan, 0.0), np.where(inside, low, np.nan)), np.where(
        nothing, high_of_none, np.where(inside, high, np.nan)
    )


def _look_at_entries(curves: Sequence[IncidenceCurve], label: str, unit: str) -> list[str]:
    """Warn of a risk set that late entry leaves small or empty; it is the same for all causes of a group."""
    first = curves[0]
    n_event = np.sum([curve.n_event for curve in curves], axis=0)
    name = f"group {label!r}" if label else "the cohort"
    return look_at_risk_set(name, first.time, first.n_risk, n_event, first.at_risk, unit)


def _look_for_absent(curves: Sequence[IncidenceCurve]) -> list[str]:
    return [
        f"no event of cause {curve.cause!r}" + (f" in group {curve.group!r}" if curve.group else "")
        for curve in curves
        if not curve.n_event.any()
    ]
