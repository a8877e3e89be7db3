"""The day on which the observation of a patient ends, and with which event.

The first event ends the observation. On one day the event that stands first in the list is taken, and the list has
death last: a progression found on the day of death is a progression. Without an event observation ends on the day of
censoring, on a further day of censoring that comes earlier, or at the data lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.formatting import format_count

Dates = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DEATH = "death"
AT_LOCK = "the data lock"
CENSORED = "censored"


class DateColumn(NamedTuple):
    """A column of days; `name` is the event it dates, or what the column is for."""

    name: str
    column: str
    days: Dates


@dataclass(frozen=True, slots=True, eq=False)
class PatientDates:
    """Everything that an endpoint reads of a table, one element for each row.

    Attributes
    ----------
    origin, censor : DateColumn
        Day 0, and the last day of observation of those without an event.
    events : tuple of DateColumn
        Events and competing events; of those on one day the one that stands first here is taken.
    further : tuple of DateColumn
        Days at which observation ends in any case.
    entry : DateColumn or None
        Day on which observation begins.
    lock : numpy.datetime64 or None
        Data lock.
    status : ndarray of object, shape (n,), or None
        Vital status.
    visit_gap_days : int or None
        Longest time between a last visit and a death that hides no progression; None when `censor` is no visit.
    """

    origin: DateColumn
    events: tuple[DateColumn, ...]
    censor: DateColumn
    further: tuple[DateColumn, ...] = ()
    entry: DateColumn | None = None
    lock: np.datetime64 | None = None
    status: npt.NDArray[np.object_] | None = None
    visit_gap_days: int | None = None

    @property
    def columns(self) -> tuple[DateColumn, ...]:
        """Every column of dates."""
        entry = () if self.entry is None else (self.entry,)
        return (self.origin, *entry, *self.events, self.censor, *self.further)

    @property
    def inside(self) -> Mask:
        """True for rows with an origin; the others are not in this endpoint."""
        return ~np.isnat(self.origin.days)

    @property
    def start(self) -> Dates:
        """Day from which a row is observed."""
        return self.origin.days if self.entry is None else np.fmax(self.origin.days, self.entry.days)

    @property
    def death(self) -> DateColumn | None:
        """The dates of death, if the endpoint reads them."""
        return next((event for event in self.events if event.name == DEATH), None)


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """How the observation of every row ends.

    Attributes
    ----------
    day : ndarray of datetime64[D], shape (n,)
        Last day; NaT where nothing says it.
    first : ndarray of int64, shape (n,)
        Position of the event among ``PatientDates.events``, -1 where the row is censored.
    how : ndarray of object, shape (n,)
        Column that gave the day, or "the data lock".
    stopped : ndarray of bool, shape (n,)
        True where a further censoring date comes before the event.
    """

    day: Dates
    first: Ints
    how: npt.NDArray[np.object_]
    stopped: Mask

    @property
    def counted(self) -> Mask:
        """True where the row ends with an event."""
        mask: Mask = self.first >= 0
        return mask


def find_ending(dates: PatientDates) -> Ending:
    """Find the last day of every row: the first event, or the day of censoring.

    Parameters
    ----------
    dates : PatientDates
        The columns.

    Returns
    -------
    Ending
        An event counts unless a further censoring date or the data lock comes before it. It counts after the
        censoring date too: whoever had it was observed until then.
    """
    days = np.stack([event.days for event in dates.events])
    event_day = np.fmin.reduce(days)
    censor = dates.censor.days
    how = np.full(censor.size, dates.censor.column, dtype=object)
    limit, further = censor, np.full(censor.size, np.datetime64("NaT", "D"), dtype="datetime64[D]")
    for column in dates.further:
        how[(column.days < limit) | (np.isnat(limit) & ~np.isnat(column.days))] = column.column
        limit, further = np.fmin(limit, column.days), np.fmin(further, column.days)
    stopped = further < event_day
    counted = ~np.isnat(event_day) & ~stopped
    if dates.lock is not None:
        # Whoever had the event after the lock was without it at the lock.
        late = counted & (event_day > dates.lock)
        counted &= ~late
        locked = late | (limit > dates.lock)
        limit = np.where(locked, dates.lock, limit)
        how[locked] = AT_LOCK
    first = np.where(counted, np.argmax(days == event_day, axis=0), -1)
    return Ending(np.where(counted, event_day, limit), first, how, stopped)


def count_endings(dates: PatientDates, ending: Ending, roles: Mapping[str, str], rows: Ints) -> pd.DataFrame:
    """Count what came first.

    Parameters
    ----------
    dates, ending : PatientDates, Ending
        The columns and what was made of them.
    roles : mapping of str to str
        "event" or "competing" by name of the event.
    rows : ndarray of int64
        Rows to count.

    Returns
    -------
    pandas.DataFrame
        Columns level (name of the event, or "censored"), role, n, same_day (of them with another event on that day)
        and detail (which were put behind, or what ended the observation).
    """
    day, first, how = ending.day[rows], ending.first[rows], ending.how[rows]
    records: list[dict[str, object]] = []
    for position, event in enumerate(dates.events):
        mine = first == position
        # Of one day the event that stands first was taken, so that the others stand behind it.
        behind = {other.name: mine & (other.days[rows] == day) for other in dates.events[position + 1 :]}
        tied = np.any(list(behind.values()), axis=0) if behind else np.zeros(mine.size, dtype=bool)
        detail = [
            f"{format_count(float(mask.sum()))} on the day of {in_words(name)}, put before it"
            for name, mask in behind.items()
            if mask.any()
        ]
        records.append(_count(event.name, roles[event.name], mine, tied, detail))
    censored = first < 0
    columns, counts = np.unique(how[censored].astype(str), return_counts=True)
    detail = [f"{format_count(float(n))} at {column}" for column, n in zip(columns, counts, strict=True)]
    records.append(_count(CENSORED, CENSORED, censored, np.zeros(censored.size, dtype=bool), detail))
    return pd.DataFrame(records)


def _count(level: str, role: str, mine: Mask, tied: Mask, detail: list[str]) -> dict[str, object]:
    return {
        "level": level, "role": role, "n": int(mine.sum()), "same_day": int(tied.sum()), "detail": "; ".join(detail)
    }  # fmt: skip


def days_between(earlier: Dates, later: Dates) -> Floats:
    """Count the days from one date to another.

    Parameters
    ----------
    earlier, later : ndarray of datetime64[D], shape (n,)
        The dates.

    Returns
    -------
    ndarray of float64, shape (n,)
        Negative when they are swapped, NaN where one is missing.

    Examples
    --------
    >>> days_between(np.array(["2016-02-28"], "datetime64[D]"), np.array(["2016-03-01"], "datetime64[D]")).tolist()
    [2.0]
    """
    span = later - earlier
    return np.where(np.isnat(span), np.nan, span.astype(np.float64))


def in_words(name: str) -> str:
    """Write the name of an event as words.

    Parameters
    ----------
    name : str
        For example ``"new_treatment"``.

    Returns
    -------
    str
        For example ``"new treatment"``.
    """
    return name.replace("_", " ")
