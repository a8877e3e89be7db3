"""Dates by their declared format: nothing is guessed, and no value of a date ever stands in a message.

A format is written with ``%Y``, ``%m`` and ``%d``, once each, and the separators ``/ - .`` or a blank. Day, month and
year are read by a regular expression of this module: neither the locale nor the clock has a say.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.columns import Column
from survmodel.data.findings import Finding, Place, Severity
from survmodel.errors import ConfigError, list_values

ISO = "%Y-%m-%d"
#: Dates that data bases write for "unknown": year, month, day.
PLACEHOLDERS = frozenset({(1900, 1, 1), (1111, 11, 11), (9999, 12, 31)})
FIRST_YEAR, LAST_YEAR = 1900, 2199
LONGEST_DATE = 60

_PARTS = {"%Y": "(?P<year>[0-9]{4})", "%m": "(?P<month>[0-9]{1,2})", "%d": "(?P<day>[0-9]{1,2})"}
_TIMED = re.compile(
    r"(?P<day>.{6,20}?)[T ]\s?(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)\s?(?:[AaPp]\.?[Mm]\.?)?\s?"
    r"(?P<zone>Z|UTC|GMT|CES?T|[+-][0-9]{2}:?[0-9]{2})?"
)
_SERIAL = re.compile(r"(?P<days>[0-9]{5})(?P<hours>[.,][0-9]{1,12})?")
_PARTIAL = re.compile(
    r"[0-9]{4}|[0-9]{4}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{4}|[0-9]{4}[-/.](?:[0-9]{1,2}|[A-Za-z?]{1,3}|-)[-/.](?:00|[A-Za-z?]{1,3}|-)"
    r"|(?:00|[A-Za-z?]{1,3})[-/.](?:[0-9]{1,2}|[A-Za-z?]{1,3})[-/.][0-9]{4}"
)
_SHORT_YEAR = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2}")
_OTHER = (
    re.compile(r"(?P<first>[0-9]{1,2})(?P<mark>[-/. ])(?P<second>[0-9]{1,2})(?P=mark)[0-9]{4}"),
    re.compile(r"[0-9]{4}(?P<mark>[-/. ])[0-9]{1,2}(?P=mark)[0-9]{1,2}"),
    re.compile(r"(?:19|20)[0-9]{6}"),
)
_SAME_ZONE = {"Z": "+0000", "UTC": "+0000", "GMT": "+0000"}


@dataclass(frozen=True, slots=True)
class DateRule:
    """How the dates of a file are written.

    Parameters
    ----------
    format : str, optional
        Such as ``"%d.%m.%Y"``; without it, dates must be written as in ISO 8601, year-month-day.
    excel : {1900, 1904}, optional
        Take five-digit numbers for serial dates of a spreadsheet with this date system.
    lock : datetime.date, optional
        No date of the data may be later.

    Raises
    ------
    ConfigError
        For a format that does not say year, month and day, or an unknown date system.
    """

    format: str | None = None
    excel: Literal[1900, 1904] | None = None
    lock: datetime.date | None = None
    layout: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layout", compile_format(self.format or ISO))
        if self.excel not in {None, 1900, 1904}:
            raise ConfigError("excel_dates must be 1900 or 1904", f"{self.excel!r}")


def compile_format(text: str) -> re.Pattern[str]:
    """Turn a date format into a regular expression.

    Parameters
    ----------
    text : str
        Such as ``"%d.%m.%Y"``.

    Returns
    -------
    re.Pattern
        With the groups ``year``, ``month`` and ``day``.

    Raises
    ------
    ConfigError
        When the format holds anything but the three directives and separators.

    Examples
    --------
    >>> compile_format("%d.%m.%Y").fullmatch("3.4.2016")["month"]
    '4'
    """
    pieces = re.findall(r"%.|.", text, re.DOTALL)
    directives = [piece for piece in pieces if piece.startswith("%")]
    marks = [piece for piece in pieces if not piece.startswith("%")]
    if sorted(directives) != ["%Y", "%d", "%m"] or any(mark not in "/-. " for mark in marks):
        remedy = 'write %Y, %m and %d once each, with / - . between them, for example "%d.%m.%Y"'
        raise ConfigError(f"date format {text!r} is not understood", remedy=remedy)
    # Without separators only the full width tells the parts from each other.
    parts = {key: part if marks else part.replace("1,2", "2") for key, part in _PARTS.items()}
    return re.compile("".join(parts.get(piece, re.escape(piece)) for piece in pieces))


@dataclass(slots=True)
class _Sorted:
    """Positions of the cells of a column by what they turned out to be."""

    days: list[datetime.date | None]
    kinds: dict[str, list[int]]
    others: list[str]
    zones: set[str]

    def add(self, kind: str, position: int) -> None:
        self.kinds.setdefault(kind, []).append(position)


def read_dates(
    column: Column, cells: Sequence[str], missing: npt.NDArray[np.bool_], place: Place, rule: DateRule
) -> tuple[pd.Series, list[Finding]]:
    """Read the cells of a column of dates.

    Parameters
    ----------
    column : Column
        The declaration.
    cells : sequence of str, shape (n,)
        Text of every row.
    missing : numpy.ndarray of bool, shape (n,)
        Cells that mean "missing".
    place : Place
        For messages.
    rule : DateRule
        How the dates are written.

    Returns
    -------
    series : pandas.Series
        ``datetime64[ns]``; NaT where a cell is missing or cannot be read.
    findings : list of Finding
        Every problem of the column.
    """
    found = _Sorted([None] * len(cells), {}, [], set())
    for position, cell in enumerate(cells):
        if not missing[position]:
            _sort_cell(cell.strip(), position, found, rule)
    findings = [_find(kind, where, column, place) for kind, where in found.kinds.items() if kind in _KINDS]
    findings += _other_layouts(found, column, place, rule)
    findings += _hours(found, column, place)
    findings.sort(key=lambda finding: finding.code)
    values = np.array([np.datetime64(day or "NaT", "D") for day in found.days], dtype="datetime64[ns]")
    return pd.Series(values, name=column.name), findings


def _sort_cell(text: str, position: int, found: _Sorted, rule: DateRule) -> None:
    timed = _TIMED.fullmatch(text) if len(text) <= LONGEST_DATE else None
    if timed is not None and not rule.layout.fullmatch(text):
        text = timed["day"].strip()
        zone = timed["zone"] or ""
        found.zones.add(_SAME_ZONE.get(zone, zone.replace(":", "")))
        found.add("hours", position)
    kind, day = _read_day(text, rule)
    found.days[position] = day
    found.add(kind, position)
    if kind == "other":
        found.others.append(text)
    if day is not None and rule.lock is not None and day > rule.lock:
        found.add("late", position)


def _read_day(text: str, rule: DateRule) -> tuple[str, datetime.date | None]:
    """Read one date, or say what it is instead."""
    match = rule.layout.fullmatch(text)
    if match is not None:
        return _build(int(match["year"]), int(match["month"]), int(match["day"]))
    serial = _SERIAL.fullmatch(text)
    if serial is not None:
        if rule.excel is None:
            return "serial", None
        origin = datetime.date(1899, 12, 30) if rule.excel == 1900 else datetime.date(1904, 1, 1)
        return "converted", origin + datetime.timedelta(days=int(serial["days"]))
    return _name_strange(text), None


def _build(year: int, month: int, day: int) -> tuple[str, datetime.date | None]:
    if (year, month, day) in PLACEHOLDERS:
        return "placeholder", None
    if month == 0 or day == 0:
        return "partial", None
    try:
        date = datetime.date(year, month, day)
    except ValueError:
        return "impossible", None
    return ("date", date) if FIRST_YEAR <= year <= LAST_YEAR else ("year", None)


def _name_strange(text: str) -> str:
    if len(text) > LONGEST_DATE:
        return "no date"
    if any(other.fullmatch(text) for other in _OTHER):
        # An unknown day is written as 00 in any order of the parts.
        return "partial" if _PARTIAL.fullmatch(text) else "other"
    if _SHORT_YEAR.fullmatch(text):
        return "short year"
    return "partial" if _PARTIAL.fullmatch(text) else "no date"


_IN_FULL = "a full date: day, month and a year of four digits"
#: Kind of cell: code, problem, what was expected, remedy, severity.
_KINDS: dict[str, tuple[str, str, str, str, Severity]] = {
    "short year": ("D052", "a year of two digits", _IN_FULL, "write the century", "error"),
    "serial": (
        "D053", "a five-digit number, which may be the serial date of a spreadsheet", _IN_FULL,
        "export the column as text, or declare excel_dates = 1900 (1904 for files from an old Macintosh)", "error",
    ),
    "converted": ("D053", "the serial date of a spreadsheet, converted as declared", "", "", "warning"),
    "impossible": (
        "D054", "a day that the calendar does not have", "", "correct the cells; are day and month swapped?", "error",
    ),
    "year": ("D054", f"a year before {FIRST_YEAR} or after {LAST_YEAR}", "", "correct the cells", "error"),
    "late": ("D055", "a date after the data lock", "", "correct the cells, or data_lock", "error"),
    "placeholder": (
        "D056", "looks like a placeholder for an unknown date, read as missing", "", "leave unknown dates empty",
        "warning",
    ),
    "partial": (
        "D059", "a part of the date is unknown", _IN_FULL,
        "decide on a rule, such as the middle of the month, write the date and report the rule", "error",
    ),
    "no date": ("D060", "not a date", "digits and separators in the declared format", "correct the cells", "error"),
}  # fmt: skip


def _find(kind: str, where: Sequence[int], column: Column, place: Place) -> Finding:
    code, problem, expected, remedy, severity = _KINDS[kind]
    if kind == "placeholder" and column.required:
        problem, severity = "looks like a placeholder for an unknown date, and every row needs the date", "error"
        remedy = "find the date, or leave the row out on purpose and report it"
    return place.find(code, column.name, problem, where, expected=expected, remedy=remedy, severity=severity)


def _hours(found: _Sorted, column: Column, place: Place) -> Iterator[Finding]:
    where = found.kinds.get("hours", [])
    if len(found.zones) > 1:
        remedy = "write all dates in the time zone of the hospital"
        yield place.find("D058", column.name, "the time zones differ between rows", where, remedy=remedy)
    elif where:
        yield place.find("D057", column.name, "the time of day was left out", where, severity="note")


def _other_layouts(found: _Sorted, column: Column, place: Place, rule: DateRule) -> Iterator[Finding]:
    """Tell a column in one other format, which must be declared, from a column of mixed formats."""
    where = found.kinds.get("other", [])
    if not where:
        return
    candidates = _candidates(found.others)
    n_read = sum(len(found.kinds.get(kind, ())) for kind in ("date", "placeholder", "impossible", "year"))
    if n_read or not candidates:
        problem, remedy = "dates in more than one format", "write all dates of the column in one format"
        yield place.find("D051", column.name, problem, where, expected=_expected(rule), remedy=remedy)
        return
    shown = list_values([f'date_format = "{candidate}"' for candidate in candidates])
    problem = "not written in the declared format" if rule.format else "format needed"
    if len(candidates) > 1:
        problem, remedy = f"{problem}: no cell tells day from month", f"declare one of {shown}"
    else:
        remedy = f"if it holds for the whole file, declare {shown}"
    yield place.find("D050", column.name, problem, where, expected=_expected(rule), remedy=remedy)


def _expected(rule: DateRule) -> str:
    return f"the format {rule.format}" if rule.format else "year-month-day as in ISO 8601, or a declared format"


def _candidates(texts: Sequence[str]) -> list[str]:
    """List the formats that fit all cells of a column; none when no single format does."""
    shape = next(other for other in _OTHER if other.fullmatch(texts[0]))
    matches = [match for match in map(shape.fullmatch, texts) if match is not None]
    if len(matches) < len(texts):
        return []
    if shape is _OTHER[2]:
        return ["%Y%m%d"]
    marks = {match["mark"] for match in matches}
    if len(marks) > 1:
        return []
    (mark,) = marks
    if shape is _OTHER[1]:
        return [f"%Y{mark}%m{mark}%d"]
    orders = []
    if all(int(match["second"]) <= 12 for match in matches):
        orders.append(f"%d{mark}%m{mark}%Y")
    if all(int(match["first"]) <= 12 for match in matches):
        orders.append(f"%m{mark}%d{mark}%Y")
    return orders
