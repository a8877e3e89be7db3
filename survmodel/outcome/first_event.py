"""Endpoints whose time is that of the first of several events, each with a time of its own in the table.

Every patient is observed until a last time. The earliest event ends the observation before it; of events at one time
the one that is listed first counts. Findings have the codes of :mod:`survmodel.outcome.ready_made`, and this one:

====  =======  ======================================================================
E019  note     another event at the same time as the one that counts
====  =======  ======================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, name_rows
from survmodel.frame import as_frame
from survmodel.outcome.checks import check_columns
from survmodel.outcome.dates_audit import AuditFinding
from survmodel.outcome.endpoint_result import EndpointResult, OnError, problems_of_horizons, refuse
from survmodel.outcome.first_ending import CENSORED
from survmodel.outcome.reading import read_codes, read_times
from survmodel.outcome.ready_made import count_row, look_at_times, read_marks
from survmodel.outcome.response import TIE_TOLERANCE, Outcome
from survmodel.result import frozen, join_warnings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """One of the events of which the first counts.

    Parameters
    ----------
    label : str
        What happened.
    time : str, optional
        Column of its time; without `event` a missing time means that it did not happen. Left out, it happened when the
        observation ended.
    event : str, optional
        Column that says whether it happened.
    event_value : object or list, optional
        The value of `event` that means that it did; 1 without it, and 0 that it did not.
    competing : bool
        Whether it is kept apart from the event of interest.

    Examples
    --------
    >>> relapse = TimedEvent("relapse", time="relapse_day")
    >>> relapse.times(pd.DataFrame({"relapse_day": [40.0, None]}), np.array([90.0, 80.0]))[0].tolist()
    [40.0, nan]
    """

    label: str
    time: str | None = None
    event: str | None = None
    event_value: object = None
    competing: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it is read from."""
        return tuple(name for name in (self.time, self.event) if name is not None)

    def times(self, table: pd.DataFrame, end: Floats) -> tuple[Floats, list[AuditFinding]]:
        """Read when it happened.

        Parameters
        ----------
        table : pandas.DataFrame
            One row for each patient.
        end : ndarray, shape (n,)
            End of observation.

        Returns
        -------
        times : ndarray, shape (n,)
            NaN where it did not happen.
        audit : list of AuditFinding
            A declared value that nobody has.

        Raises
        ------
        DataError
            When an event is marked and has no time, and for what is no event code and no time.
        """
        if self.event is None:
            happened, audit = table[str(self.time)].notna().to_numpy(), list[AuditFinding]()
        else:
            marks, audit = table[self.event], []
            if self.event_value is not None:
                marks, audit = read_marks(marks, self.event_value, None, self.event)
            happened = read_codes(marks, None) == 1
        if self.time is None:
            return np.where(happened, end, np.nan), audit
        lacking = happened & table[self.time].isna().to_numpy()
        if lacking.any():
            raise DataError(
                f"{self.label} happened and has no time", f"in {name_rows(lacking)} of {self.time}",
                "find the time, or leave the patient out on purpose",
            )  # fmt: skip
        times = np.full(len(table), np.nan)
        if happened.any():
            times[happened] = read_times(table[self.time][happened], self.time)
        return times, audit


@dataclass(frozen=True, slots=True)
class FirstEventEndpoint:
    """The first of several events, each with its own time.

    Parameters
    ----------
    name, label : str
        Short name, and how the endpoint is called in sentences.
    time : str
        Column of the time at which observation ended, for every patient.
    events : sequence of TimedEvent
        Of events at one time the one that stands first here counts. Those that do not compete are together the event
        of interest.
    entry : str, optional
        Column of times at which observation began.
    unit : str, optional
        Unit of time.
    horizons : sequence of float
        Times at which the endpoint is reported.

    Examples
    --------
    >>> table = pd.DataFrame({"days": [90, 80, 70], "dead": [1, 1, 0], "relapse_day": [40.0, None, None]})
    >>> events = [TimedEvent("relapse", time="relapse_day"), TimedEvent("death", event="dead", competing=True)]
    >>> outcome = FirstEventEndpoint("cir", "", "days", events, unit="days").apply(table).outcome
    >>> outcome.time.tolist(), outcome.event.tolist()
    ([40.0, 80.0, 70.0], [1, 2, 0])
    """

    name: str
    label: str
    time: str
    events: Sequence[TimedEvent]
    entry: str | None = None
    unit: str | None = None
    horizons: Sequence[float] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "horizons", tuple(self.horizons))
        object.__setattr__(self, "events", tuple(self.events))
        problems = [*problems_of_horizons(self.horizons), *problems_of_events(self.events)]
        refuse(self.name, problems)

    @property
    def causes(self) -> dict[int, str]:
        """Name of each event code: 1 is the event of interest, the competing ones follow."""
        what = " or ".join(event.label for event in self.events if not event.competing)
        return {1: what} | {2 + k: one.label for k, one in enumerate(one for one in self.events if one.competing)}

    @property
    def codes(self) -> tuple[int, ...]:
        """Code of each event in the order of the list."""
        of_label = {label: code for code, label in self.causes.items()}
        return tuple(of_label[event.label] if event.competing else 1 for event in self.events)

    def apply(self, table: pd.DataFrame, on_error: OnError = "raise") -> EndpointResult:  # noqa: ARG002
        """Make the outcome of a table.

        Parameters
        ----------
        table : pandas.DataFrame
            One row for each patient.
        on_error : {"raise", "collect"}
            As for `Endpoint`; a time that cannot be read stops both.

        Returns
        -------
        EndpointResult
            All rows; ``dropped`` is empty.

        Raises
        ------
        DataError
            When an event happened after the end of observation, and as for :meth:`Outcome.from_table`.
        """
        table = as_frame(table)
        asked = [self.time, self.entry, *(name for event in self.events for name in event.columns)]
        check_columns(table, [name for name in asked if name is not None])
        end = read_times(table[self.time], self.time)
        time, first, same, audit = self._find_first(table, end)
        codes = np.array([*self.codes, 0])[first]  # position -1 is the last: censored
        causes = self.causes
        outcome = Outcome(
            pd.Series(time, index=table.index),
            pd.Series(codes, index=table.index),
            None if self.entry is None else table[self.entry],
            unit=self.unit,
            endpoint=causes[1],
            causes=causes if len(causes) > 1 else None,
        )
        audit += look_at_times(outcome, self.time)
        return EndpointResult(
            name=self.name,
            label=self.label or self.name,
            outcome=outcome,
            rows=frozen(np.arange(outcome.n), np.int64),
            dropped=(),
            audit=tuple(audit),
            counts=self._count(first, same),
            horizons=tuple(self.horizons),
            conventions="first of several events; of events at one time the one listed first",
            warnings=join_warnings([str(one) for one in audit if one.severity != "note"], outcome.warnings),
        )

    def _find_first(self, table: pd.DataFrame, end: Floats) -> tuple[Floats, Ints, Bools, list[AuditFinding]]:
        """Find time and place of the first event, -1 where there is none, and who had another one at the same time."""
        times, audit = self._read_times(table, end)
        earliest = times.min(axis=1)
        happened = np.isfinite(earliest)
        # Times that differ by float rounding only are one time.
        at_once = (times <= earliest[:, None] + TIE_TOLERANCE * float(end.mean())) & happened[:, None]
        first = np.where(happened, at_once.argmax(axis=1), -1)
        codes = np.array(self.codes)
        kinds = np.sum([at_once[:, codes == code].any(axis=1) for code in np.unique(codes)], axis=0)
        if (kinds > 1).any():
            problem = "two events at one time; the one that the endpoint lists first counts"
            rows = tuple(map(int, np.flatnonzero(kinds > 1)))
            audit.append(AuditFinding("E019", "note", self.time, problem, rows, of=len(table)))
        return np.where(happened, earliest, end), first, at_once.sum(axis=1) > 1, audit

    def _read_times(self, table: pd.DataFrame, end: Floats) -> tuple[Floats, list[AuditFinding]]:
        """Read the time of every event, one column each, infinite where it did not happen."""
        audit: list[AuditFinding] = []
        columns = []
        for event in self.events:
            times, told = event.times(table, end)
            audit += told
            late = times > end + TIE_TOLERANCE * float(end.mean())
            if late.any():
                raise DataError(
                    f"{event.label} after the end of observation", f"in {name_rows(late)} of {event.time}",
                    f"correct {event.time} or {self.time}",
                )  # fmt: skip
            if np.isnan(times).all() and not told:
                problem = f"nobody had the event {event.label!r}"
                audit.append(AuditFinding("E015", "warning", event.columns[0], problem, remedy="check how it is coded"))
            columns.append(np.where(np.isnan(times), np.inf, times))
        return np.column_stack(columns), audit

    def _count(self, first: Ints, same: Bools) -> pd.DataFrame:
        rows = [
            count_row(event.label, code, int((first == place).sum()), int((same & (first == place)).sum()))
            for place, (event, code) in enumerate(zip(self.events, self.codes, strict=True))
        ]
        return pd.DataFrame([*rows, count_row(CENSORED, 0, int((first < 0).sum()))])


def problems_of_events(events: Sequence[TimedEvent]) -> list[str]:
    """Check that several events can make one endpoint.

    Parameters
    ----------
    events : sequence of TimedEvent
        What is declared.

    Returns
    -------
    list of str
        Empty when they can.
    """
    problems = [
        f"event {number} needs event, or time, or both"
        for number, event in enumerate(events, start=1)
        if not event.columns
    ]
    problems += [
        f"event {number} has an event_value and no event that it is a value of"
        for number, event in enumerate(events, start=1)
        if event.event is None and event.event_value is not None
    ]
    if all(event.competing for event in events):
        problems.append("every event is competing: one of them must be the event of interest")
    labels = [event.label for event in events]
    if len(set(labels)) < len(labels):
        problems.append("two events have the same label")
    marks = [event.event or event.time for event in events if event.columns]
    problems += [
        f"column {name!r} tells of two events; several codes of one column are event_value and competing"
        for name in dict.fromkeys(marks)
        if marks.count(name) > 1
    ]
    return problems
