"""Endpoints: which dates begin, end and censor the observation of a patient, and what that makes of a table.

An `Endpoint` reads dates; a `ReadyMadeEndpoint` reads times that somebody computed before. Both are applied to a table
with one row for each patient and give an `EndpointResult`. Time is whole days divided by the length of the unit. The
first event ends the observation, and of two events on one day death comes last; an event on the day of the origin
stays at time 0. Overall survival is never censored at a new therapy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import EndpointError, closest, list_values
from survmodel.formatting import format_significant
from survmodel.frame import as_frame
from survmodel.outcome.dates_audit import AuditFinding, EndpointAuditError, audit_dates, read_dates
from survmodel.outcome.endpoint_result import EndpointResult, OnError, problems_of_horizons, refuse
from survmodel.outcome.first_ending import (
    CENSORED,
    DEATH,
    DateColumn,
    Ending,
    PatientDates,
    count_endings,
    days_between,
    find_ending,
    in_words,
)  # fmt: skip
from survmodel.outcome.ready_made import ReadyMadeEndpoint
from survmodel.outcome.response import Outcome
from survmodel.result import frozen, join_warnings

__all__ = [
    "DAYS_PER_MONTH", "DAYS_PER_YEAR", "EVENT_COLUMNS", "AuditFinding", "Endpoint", "EndpointAuditError",
    "EndpointResult", "ReadyMadeEndpoint",
]  # fmt: skip

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
UNITS = {"days": 1.0, "months": DAYS_PER_MONTH, "years": DAYS_PER_YEAR}
#: Two visits three months apart; a death later than this after the last visit may hide a progression.
TWO_VISITS = 183

#: Column that dates each event. A relapse is a progression after remission: follow-up has one date for both.
EVENT_COLUMNS = {
    "death": "death_date",
    "progression": "progression_date",
    "relapse": "progression_date",
    "new_treatment": "new_treatment_date",
    "transplant": "transplant_date",
}

CONVENTIONS = f"first event, death last of one day; a month is {format_significant(DAYS_PER_MONTH, 6)} days"

Unit = Literal["days", "months", "years"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint made of dates.

    Parameters
    ----------
    name : str
        Short name, for example ``"pfs"``.
    label : str
        How it is called in sentences; the name without it.
    origin : str
        Column of the dates at which time is 0. A patient without one is not in this endpoint.
    events : sequence of str
        Events that end the observation and count, for example ``("progression", "death")``.
    competing : sequence of str
        Events that end the observation and compete.
    censor : str
        Column of the last date of observation of those without an event: the last visit, or the last contact.
    censor_at : sequence of str
        Columns of dates at which observation ends in any case; an event after one of them does not count.
    unit : {"days", "months", "years"}
        Unit of time; a month is 30.4375 days.
    horizons : sequence of float
        Times at which the endpoint is reported.
    entry : str, optional
        Column of dates at which observation begins, when it is later than the origin (left truncation).
    data_lock : datetime.date, optional
        Last day of the data. A later date is an error; events after it are censored at it.
    columns : mapping of str to str
        Column of an event, where it is not that of `EVENT_COLUMNS`.
    visit_gap_days : int or None
        A death later than this after the last visit is flagged where another event could have been missed. None says
        that `censor` is the last contact and not a visit.
    status : str
        Column of the vital status ("dead", "alive"), which is compared with the dates when the table has it.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "scan": ["2016-02-29", "2015-01-31"], "progression_date": [None, "2015-07-31"],
    ...     "death_date": ["2017-02-28", None], "last_visit": ["2017-02-28", "2018-01-31"],
    ... }).apply(pd.to_datetime)
    >>> pfs = Endpoint("pfs", origin="scan", events=["progression", "death"], censor="last_visit", unit="days")
    >>> pfs.apply(table).outcome.time.tolist()
    [365.0, 181.0]
    """

    name: str
    label: str = ""
    origin: str = "cxcr4_scan_date"
    events: Sequence[str] = ()
    competing: Sequence[str] = ()
    censor: str = "last_contact_date"
    censor_at: Sequence[str] = ()
    unit: Unit = "months"
    horizons: Sequence[float] = ()
    entry: str | None = None
    data_lock: date | None = None
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    visit_gap_days: int | None = TWO_VISITS
    status: str = "vital_status"

    def __post_init__(self) -> None:
        for key in ("events", "competing", "censor_at", "horizons"):
            value = getattr(self, key)
            object.__setattr__(self, key, (value,) if isinstance(value, str) else tuple(value))
        object.__setattr__(self, "columns", dict(self.columns))
        refuse(self.name, [*_problems_of_events(self), *_problems_of_settings(self)])

    def apply(self, table: pd.DataFrame, on_error: OnError = "raise") -> EndpointResult:
        """Make the outcome of a table.

        Parameters
        ----------
        table : pandas.DataFrame, or a table of polars or pyarrow
            One row for each patient, with columns of dates (datetime64).
        on_error : {"raise", "collect"}
            What errors of the dates do: stop, all of them at once, or stand in the result, whose outcome then leaves
            out the rows that have no usable time.

        Returns
        -------
        EndpointResult
            Outcome, rows kept and left out, findings and counts.

        Raises
        ------
        EndpointAuditError
            When the dates contradict each other; its ``audit`` has every finding.
        EndpointError
            When no row is left.
        DataError
            When a column is missing or holds no dates.
        """
        table = as_frame(table)
        dates, notes = self._read(table)
        ending = find_ending(dates)
        found, unusable = audit_dates(dates, ending)
        audit = (*found, *notes)
        outside = tuple(int(row) for row in np.flatnonzero(~dates.inside))
        dropped = (((f"no {self.origin}", outside),) if outside else ()) + unusable
        left_out = [row for _, positions in dropped for row in positions]
        rows = np.setdiff1d(np.arange(len(table)), left_out)
        wrong = any(finding.severity == "error" for finding in audit)
        if wrong and (on_error != "collect" or not rows.size):
            raise EndpointAuditError(self.name, audit)
        if not rows.size:
            raise EndpointError(
                f"no row of the table is in endpoint {self.name!r}",
                f"none of {len(table)} has a date in {self.origin}",
                "check the column and the rows that were selected",
            )
        roles = dict.fromkeys(self.events, "event") | dict.fromkeys(self.competing, "competing")
        outcome = self._outcome(dates, ending, rows, table.index[rows])
        told = [str(finding) for finding in audit if finding.severity != "note"]
        return EndpointResult(
            name=self.name,
            label=self.label or self.name,
            outcome=outcome,
            rows=frozen(rows, np.int64),
            dropped=dropped,
            audit=audit,
            counts=count_endings(dates, ending, roles, rows),
            horizons=tuple(self.horizons),
            conventions=CONVENTIONS,
            warnings=join_warnings(told, outcome.warnings),
        )

    @property
    def event_columns(self) -> dict[str, str]:
        """Column of every event, in the order in which events of one day are taken: death last."""
        names = sorted([*self.events, *self.competing], key=lambda name: name == DEATH)
        known = {**EVENT_COLUMNS, **self.columns}
        return {name: known[name] for name in names}

    def _read(self, table: pd.DataFrame) -> tuple[PatientDates, list[AuditFinding]]:
        events = self.event_columns
        entry = [] if self.entry is None else [self.entry]
        days, notes = read_dates(table, [self.origin, *entry, *events.values(), self.censor, *self.censor_at])
        event_of = {column: name for name, column in EVENT_COLUMNS.items() if name != "relapse"}
        lock = self.data_lock
        return PatientDates(
            origin=DateColumn("origin", self.origin, days[self.origin]),
            events=tuple(DateColumn(name, column, days[column]) for name, column in events.items()),
            censor=DateColumn(CENSORED, self.censor, days[self.censor]),
            further=tuple(DateColumn(event_of.get(column, column), column, days[column]) for column in self.censor_at),
            entry=None if self.entry is None else DateColumn("entry", self.entry, days[self.entry]),
            lock=None if lock is None else np.datetime64(date(lock.year, lock.month, lock.day)),
            status=table[self.status].to_numpy(dtype=object) if self.status in table.columns else None,
            visit_gap_days=self.visit_gap_days,
        ), notes

    def _outcome(self, dates: PatientDates, ending: Ending, rows: npt.NDArray[np.int64], labels: pd.Index) -> Outcome:
        size = UNITS[self.unit]
        code_of = {name: 1 for name in self.events} | {name: 2 + k for k, name in enumerate(self.competing)}
        codes = np.array([*(code_of[event.name] for event in dates.events), 0])  # position -1 is the last: censored
        time = days_between(dates.origin.days, ending.day)[rows] / size
        entry = None
        if dates.entry is not None:
            entry = pd.Series(days_between(dates.origin.days, dates.entry.days)[rows] / size, index=labels)
        what = " or ".join(in_words(name) for name in self.events)
        causes = {1: what} | {2 + k: in_words(name) for k, name in enumerate(self.competing)}
        return Outcome(
            pd.Series(time, index=labels),
            pd.Series(codes[ending.first[rows]], index=labels),
            entry,
            unit=self.unit,
            endpoint=what,
            causes=causes if self.competing else None,
        )


def _problems_of_events(endpoint: Endpoint) -> list[str]:
    names = [*endpoint.events, *endpoint.competing]
    known = {**EVENT_COLUMNS, **endpoint.columns}
    problems = [] if endpoint.events else ["events is empty"]
    problems += [f"no column dates the event {name!r}; {closest(name, known)}" for name in names if name not in known]
    if problems:
        return problems
    roles = [endpoint.origin, endpoint.censor, *(known[name] for name in names), *endpoint.censor_at]
    roles += [] if endpoint.entry is None else [endpoint.entry]
    twice = [column for column, count in Counter(roles).items() if count > 1]
    if twice:
        problems.append(f"{list_values(twice)} has two parts to play")
    if names == [DEATH] and known["new_treatment"] in roles:
        problems.append("survival is not censored at a new therapy: those who need one are not like the others")
    return problems


def _problems_of_settings(endpoint: Endpoint) -> list[str]:
    problems = problems_of_horizons(endpoint.horizons)
    if endpoint.unit not in UNITS:
        problems.append(f"unit {endpoint.unit!r} is not one of {list_values(list(UNITS))}")
    lock: object = endpoint.data_lock
    if lock is not None and not isinstance(lock, date):
        problems.append("data_lock must be a datetime.date")
    if endpoint.visit_gap_days is not None and not endpoint.visit_gap_days > 0:
        problems.append("visit_gap_days must be above 0, or None")
    return problems
