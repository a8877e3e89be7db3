"""Dates of patients: read strictly, and checked against each other.

What is found has a code. The number is the class of the problem and keeps its meaning; errors stop an endpoint,
warnings and notes travel with it:

====  ========  ====================================================================================================
E004  error     neither an event nor a censoring date
E026  error     observation begins on or after its last day
E027  error     no date on which observation begins
E032  error     death before the origin
E033  error     another event after death
E034  warning   event after the censoring date; the event counts (a note for a death soon after the last visit)
E035  error     a date of death, and the status says alive
E036  error     dead without a date (a warning where an earlier event ends the observation)
E042  error     a date after the data lock
E043  warning   a date that may stand for "unknown"
E044  note      hours of a date left out
E046  warning   event on the day of the origin, kept at time 0
E047  error     observation ends, or begins, before the origin
E048  error     progression, or another event that is not death, before the origin
E119  warning   death so long after the last visit that a progression may have been missed
E120  warning   last visit or contact after death
====  ========  ====================================================================================================

Positions count from 0; messages name rows from 1. No message holds a date.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from survmodel.errors import DataError, EndpointError, closest, list_values, name_rows
from survmodel.formatting import count_noun, format_count
from survmodel.outcome.first_ending import DEATH, Dates, Ending, Mask, PatientDates, days_between, in_words

Severity = Literal["error", "warning", "note"]

DEAD, ALIVE = "dead", "alive"
PLACEHOLDERS = np.array(["1111-11-11", "1900-01-01", "9999-12-31"], dtype="datetime64[D]")


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing that the dates of an endpoint say and a reader must know.

    Parameters
    ----------
    code : str
        Class of the problem, as listed in :mod:`survmodel.outcome.dates_audit`.
    severity : {"error", "warning", "note"}
        An error stops the endpoint.
    column : str
        Name of the column.
    problem : str
        What is wrong, in one sentence without a full stop.
    positions : tuple of int
        Rows of the table, counted from 0.
    remedy : str
        What to do about it.
    of : int
        Rows of the table.

    Examples
    --------
    >>> print(AuditFinding("E033", "error", "progression_date", "progression after death", (3, 16), "correct it", 125))
    E033 progression_date rows 4, 17 (2 of 125): progression after death. Correct it.
    """

    code: str
    severity: Severity
    column: str
    problem: str
    positions: tuple[int, ...] = ()
    remedy: str = ""
    of: int = 0

    def __str__(self) -> str:
        """Write the finding as one line."""
        where = f" {self.where}" if self.positions else ""
        remedy = f" {self.remedy[:1].upper()}{self.remedy[1:].removesuffix('.')}." if self.remedy else ""
        return f"{self.code} {self.column}{where}: {self.problem}.{remedy}"

    @property
    def where(self) -> str:
        """The rows in words, at most five of them, with their count."""
        mask = np.zeros(max(self.of, max(self.positions, default=-1) + 1), dtype=bool)
        mask[list(self.positions)] = True
        return name_rows(mask)


class EndpointAuditError(EndpointError):
    """The errors among the findings of an endpoint, all of them together.

    Parameters
    ----------
    endpoint : str
        Name of the endpoint.
    audit : sequence of AuditFinding
        Everything that was found, with at least one error.

    Attributes
    ----------
    endpoint : str
        Name of the endpoint.
    audit : tuple of AuditFinding
        Everything that was found; warnings and notes are not in the text.
    """

    def __init__(self, endpoint: str, audit: Sequence[AuditFinding]) -> None:
        self.endpoint = endpoint
        self.audit = tuple(audit)
        errors = [finding for finding in self.audit if finding.severity == "error"]
        head = f"the dates of endpoint {endpoint!r} have {count_noun(len(errors), 'problem')}"
        lines = "".join(f"\n  {finding}" for finding in errors)
        super().__init__(head, lines)
        self.args = (f"{head}:{lines}",)

    def __reduce__(self) -> tuple[type[EndpointAuditError], tuple[str, tuple[AuditFinding, ...]]]:  # type: ignore[override]
        """Rebuild from the findings."""
        return type(self), (self.endpoint, self.audit)


class Audit(NamedTuple):
    """What was found, and which rows have no time because of it, each named once."""

    findings: tuple[AuditFinding, ...]
    unusable: tuple[tuple[str, tuple[int, ...]], ...]


def read_dates(table: pd.DataFrame, names: Sequence[str]) -> tuple[dict[str, Dates], list[AuditFinding]]:
    """Read columns of dates as whole days.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each patient.
    names : sequence of str
        Columns of type datetime64 without a time zone; a column without any value may have any type.

    Returns
    -------
    days : dict of str to ndarray of datetime64[D]
        By column, NaT where the date is missing.
    notes : list of AuditFinding
        Columns whose hours were left out.

    Raises
    ------
    DataError
        For columns that the table lacks or has twice, and columns that hold no dates.
    """
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise DataError(
            f"the table has no column {list_values([repr(name) for name in missing])}",
            remedy=closest(missing[0], map(str, table.columns)),
        )
    wrong = [name for name in names if not _holds_dates(table[name])]
    if wrong:
        raise DataError(
            f"{list_values(wrong)} {'holds' if len(wrong) == 1 else 'hold'} no dates, or dates with a time zone, or "
            "stands twice in the table",
            remedy='convert by the format of the file, for example pandas.to_datetime(column, format="%Y-%m-%d")',
        )
    days: dict[str, Dates] = {}
    notes = []
    for name in names:
        if table[name].isna().all():
            days[name] = np.full(len(table), np.datetime64("NaT", "D"), dtype="datetime64[D]")
            continue
        values = table[name].to_numpy()
        days[name] = values.astype("datetime64[D]")
        hours = ~np.isnat(values) & (days[name] != values)
        if hours.any():
            notes.append(AuditFinding("E044", "note", name, "hours left out", _positions(hours), of=len(table)))
    return days, notes


def _holds_dates(column: pd.Series | pd.DataFrame) -> bool:
    if isinstance(column, pd.DataFrame):
        return False
    return isinstance(column.dtype, np.dtype) and (column.dtype.kind == "M" or bool(column.isna().all()))


class _Flag(NamedTuple):
    code: str
    severity: Severity
    column: str
    problem: str
    mask: Mask
    remedy: str
    unusable: bool = False


def audit_dates(dates: PatientDates, ending: Ending) -> Audit:
    """Check the dates of an endpoint against each other.

    Parameters
    ----------
    dates : PatientDates
        The columns. Rows without an origin are not looked at.
    ending : Ending
        What :func:`survmodel.outcome.first_ending.find_ending` made of them.

    Returns
    -------
    Audit
        Findings, errors first, and rows without a usable time.
    """
    inside = dates.inside
    findings, unusable = [], []
    settled = ~inside
    for check in _CHECKS:
        for flag in check(dates, ending):
            mask = flag.mask & inside
            if not mask.any():
                continue
            findings.append(AuditFinding(*flag[:4], _positions(mask), flag.remedy, mask.size))
            if flag.unusable and (mask & ~settled).any():
                unusable.append((flag.problem, _positions(mask & ~settled)))
                settled = settled | mask
    order = ("error", "warning", "note")
    return Audit(tuple(sorted(findings, key=lambda one: order.index(one.severity))), tuple(unusable))


def _positions(mask: Mask) -> tuple[int, ...]:
    return tuple(int(position) for position in np.flatnonzero(mask))


def _look_at_values(dates: PatientDates, _: Ending) -> Iterator[_Flag]:
    """Look for dates after the lock and dates that mean "unknown"."""
    for part in dates.columns:
        if dates.lock is not None:
            yield _Flag(
                "E042", "error", part.column, "a date after the data lock", part.days > dates.lock,
                "correct the date or the data lock; events after the lock are censored at it",
                unusable=part is dates.origin,
            )  # fmt: skip
        yield _Flag(
            "E043", "warning", part.column, "a date that may stand for 'unknown'", np.isin(part.days, PLACEHOLDERS),
            "leave unknown dates empty",
        )  # fmt: skip


_TOO_LATE = (
    "time 0 must come before the event that it should predict: check the dates, choose another origin or a landmark, "
    "or leave the patient out"
)


def _look_before_the_origin(dates: PatientDates, ending: Ending) -> Iterator[_Flag]:
    begins = "the origin" if dates.entry is None else "observation begins"
    for event in dates.events:
        is_death = event.name == DEATH
        yield _Flag(
            "E032" if is_death else "E048", "error", event.column, f"{in_words(event.name)} before {begins}",
            event.days < dates.start,
            f"check it against {dates.origin.column}: the two may be swapped" if is_death else _TOO_LATE, unusable=True,
        )  # fmt: skip
    for column in (dates.censor, *dates.further):
        ends = (ending.how == column.column) & ~ending.counted & (ending.day < dates.origin.days)
        yield _Flag(
            "E047", "error", column.column, "observation ends before the origin", ends,
            f"check it against {dates.origin.column}", unusable=True,
        )  # fmt: skip


def _look_at_entry(dates: PatientDates, ending: Ending) -> Iterator[_Flag]:
    if dates.entry is None:
        return
    column, entry = dates.entry.column, dates.entry.days
    early = ending.day < dates.origin.days
    for event in dates.events:
        early |= event.days < dates.start
    yield _Flag(
        "E027", "error", column, "no date on which observation begins", np.isnat(entry),
        "0 and unknown are not the same: find the date, or leave the patient out on purpose", unusable=True,
    )  # fmt: skip
    yield _Flag(
        "E047", "error", column, "observation begins before the origin", entry < dates.origin.days,
        "check the two dates; without late entry leave entry out", unusable=True,
    )  # fmt: skip
    yield _Flag(
        "E026", "error", column, "observation begins on or after its last day", (entry >= ending.day) & ~early,
        "a patient is under observation from entry to exit: check the dates", unusable=True,
    )  # fmt: skip


def _look_at_death(dates: PatientDates, ending: Ending) -> Iterator[_Flag]:
    death = dates.death
    if death is None:
        return
    for other in (*dates.events, *dates.further):
        yield _Flag(
            "E033", "error", other.column, f"{in_words(other.name)} after death", other.days > death.days,
            f"check it against {death.column}; the earlier date would count",
        )  # fmt: skip
    yield _Flag(
        "E120", "warning", dates.censor.column, "observation goes on after death", dates.censor.days > death.days,
        f"check it against {death.column}, which counts",
    )  # fmt: skip
    if dates.status is None:
        return
    no_date, dead = np.isnat(death.days), dates.status == DEAD
    yield _Flag(
        "E035", "error", death.column, "a date of death, and the status says alive",
        ~no_date & (dates.status == ALIVE), "correct one of the two",
    )  # fmt: skip
    ended = ending.counted | ending.stopped
    yield _Flag(
        "E036", "error", death.column, "dead without a date", dead & no_date & ~ended,
        "find the date: a death cannot be censored", unusable=True,
    )  # fmt: skip
    yield _Flag(
        "E036", "warning", death.column, "dead without a date; observation ended before", dead & no_date & ended,
        "find the date: other endpoints need it",
    )  # fmt: skip


def _look_at_censoring(dates: PatientDates, ending: Ending) -> Iterator[_Flag]:
    censor = dates.censor.column
    yield _Flag(
        "E004", "error", censor, "neither an event nor a censoring date", np.isnat(ending.day),
        "find the last day of observation, or leave the patient out on purpose", unusable=True,
    )  # fmt: skip
    beyond = days_between(dates.censor.days, ending.day)
    several = len(dates.events) > 1
    for position, event in enumerate(dates.events):
        first, word = ending.first == position, in_words(event.name)
        visits = several and event.name == DEATH and dates.visit_gap_days is not None
        gap = float(dates.visit_gap_days or 0) if visits else 0.0
        yield _Flag(
            "E034", "warning", event.column, f"{word} after {censor}; it counts", first & (beyond > 0) & (not visits),
            f"observation is extended to the event: check {censor}",
        )  # fmt: skip
        yield _Flag(
            "E119", "warning", event.column, f"{word} more than {format_count(gap)} days after {censor}; it counts",
            first & (beyond > gap) & visits, "an earlier event may have been missed: report a sensitivity analysis",
        )  # fmt: skip
        yield _Flag(
            "E034", "note", event.column, f"{word} after {censor}; it counts",
            first & (beyond > 0) & (beyond <= gap) & visits, "",
        )  # fmt: skip
        yield _Flag(
            "E046", "warning", event.column, f"{word} on the day of the origin; kept at time 0",
            first & (ending.day == dates.origin.days) & (dates.entry is None),
            "parametric models cannot use time 0: check the dates",
        )  # fmt: skip


_CHECKS = (_look_before_the_origin, _look_at_entry, _look_at_death, _look_at_censoring, _look_at_values)
