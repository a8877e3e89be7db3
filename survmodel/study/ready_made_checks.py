"""Ready-made times and events that an outcome cannot be built from, named by line of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.findings import Finding
from survmodel.errors import list_values
from survmodel.formatting import count_noun, format_significant
from survmodel.outcome.reading import LARGEST_TIME
from survmodel.outcome.response import TIE_TOLERANCE
from survmodel.study.endpoint_specs import competing_codes
from survmodel.study.gathering import Gathered
from survmodel.study.places import ColumnPlaces
from survmodel.study.settings import EndpointEntry
from survmodel.study.settings_first import FirstEventEntry

#: More distinct values than this are no codes of events, and may be identifiers.
MOST_CODES = 8
#: Numbers of three digits and dates may name a person.
_PERSONAL = re.compile(r"[0-9]{3}|[0-9][-/.][0-9]|@")
UNKNOWN_OUTCOME = "find the value, or leave the patient out on purpose and report it"

Rows = npt.NDArray[np.int64]


def look_at_ready_made(name: str, endpoint: EndpointEntry, data: Gathered, followed: Rows) -> Iterator[Finding]:
    """Look for times and events that an outcome cannot be built from.

    Parameters
    ----------
    name : str
        Name of the endpoint.
    endpoint : EndpointEntry
        Its columns and codes.
    data : Gathered
        The patients.
    followed : ndarray of int64
        Positions of those who are followed up; the others may lack an outcome.

    Yields
    ------
    Finding
        Missing, negative or endless times, missing or undeclared event codes, entries at or after the end, and, of
        several events, one without its time or after the end of observation: errors.
    """
    absent = [
        column
        for column in (*endpoint.time_columns, *endpoint.event_columns, endpoint.entry)
        if column is not None and column not in data.outcome_columns
    ]
    if absent:
        remedy = "bring the file or the column that holds it"
        problem = f"no value in any file, and [endpoint.{name}] needs it"
        yield from (Finding("D033", problem, column=column, remedy=remedy) for column in absent)
        return
    frame = data.outcome_columns.iloc[followed]
    look = _Look(name, endpoint, data.places, followed)
    time = frame[str(endpoint.time)]
    yield from look.find("D040", str(endpoint.time), look.missing, time.isna(), remedy=UNKNOWN_OUTCOME)
    yield from _look_at_size(look, str(endpoint.time), time)
    first = [time]
    for number, event in enumerate(endpoint.first, start=1):
        yield from _look_at_one_of_several(replace(look, endpoint=_alone(event, endpoint), number=number), frame, time)
        first.append(_time_of(event, frame, time))
    if endpoint.event is not None:
        yield from _look_at_events(look, frame[endpoint.event])
    if endpoint.entry is not None:
        yield from _look_at_size(look, endpoint.entry, frame[endpoint.entry])
        yield from _look_at_entry(look, frame[endpoint.entry], pd.concat(first, axis=1).min(axis=1))


@dataclass(frozen=True, slots=True)
class _Look:
    """An endpoint, or one of the events of which it is the first, and where its patients stand in the files."""

    name: str
    endpoint: EndpointEntry
    places: ColumnPlaces
    followed: Rows
    number: int = 0

    @property
    def key(self) -> str:
        """Where the study file declares it."""
        return f"first[{self.number}] of [endpoint.{self.name}]" if self.number else f"[endpoint.{self.name}]"

    @property
    def missing(self) -> str:
        """What a missing time or event is called."""
        return f"missing, and needed by endpoint {self.name}"

    def find(
        self, code: str, column: str, problem: str, where: pd.Series, *, expected: str = "", remedy: str = ""
    ) -> list[Finding]:
        patients = self.followed[np.flatnonzero(where.to_numpy(dtype=bool, na_value=False))]
        if not patients.size:
            return []
        return self.places.find(code, column, problem, patients, expected=expected, remedy=remedy)


def _look_at_size(look: _Look, name: str, times: pd.Series) -> Iterator[Finding]:
    remedy = "follow-up cannot be negative: are the two dates swapped?"
    problem = f"negative, smallest {format_significant(float(times.min()))}"
    yield from look.find("D041", name, problem, times < 0, expected="0 or more", remedy=remedy)
    problem = f"a time beyond any follow-up, largest {format_significant(float(times.max()))}"
    remedy = f"correct the cells; times are in {look.endpoint.unit}, and an unknown time is left out on purpose"
    yield from look.find("D047", name, problem, times > LARGEST_TIME, remedy=remedy)


def _alone(event: FirstEventEntry, endpoint: EndpointEntry) -> EndpointEntry:
    """Take one of several events for an endpoint of its own, which its codes and times are checked like."""
    own = {"time": event.time or endpoint.time, "event": event.event or event.time, "event_label": event.label}
    return endpoint.model_copy(update={**own, "event_value": event.event_value, "first": (), "entry": None})


def _time_of(event: FirstEventEntry, frame: pd.DataFrame, end: pd.Series) -> pd.Series:
    """Give the time of an event, missing where it did not happen."""
    time = end if event.time is None else frame[event.time]
    return time if event.event is None else time.where(frame[event.event].isin(event.event_value or (1,)))


def _look_at_one_of_several(look: _Look, frame: pd.DataFrame, end: pd.Series) -> Iterator[Finding]:
    """Check marks and times of an event, and that it happened under observation."""
    event, name = look.endpoint, str(look.endpoint.time)
    time = frame[name]
    happened = time.notna()
    if event.event != event.time:
        marks = frame[str(event.event)]
        yield from _look_at_events(look, marks)
        happened = marks.isin(event.event_value or (1,))
    if time is end or name == end.name:
        return
    yield from _look_at_size(look, name, time)
    problem = f"missing, and {event.event} says that {event.event_label} happened"
    yield from look.find("D035", name, problem, happened & time.isna(), remedy=UNKNOWN_OUTCOME)
    # Times that differ by float rounding only are one time.
    late = happened & (time > end + TIE_TOLERANCE * float(end.mean()))
    problem = f"{event.event_label} after the end of observation in {end.name}"
    remedy = f"correct {name} or {end.name}: nothing is seen of a patient after the end of observation"
    yield from look.find("D034", name, problem, late, remedy=remedy)


def _look_at_events(look: _Look, event: pd.Series) -> Iterator[Finding]:
    yield from look.find("D040", str(event.name), look.missing, event.isna(), remedy=UNKNOWN_OUTCOME)
    yield from _look_at_codes(look, event)


def _look_at_codes(look: _Look, event: pd.Series) -> Iterator[Finding]:
    endpoint, name, key = look.endpoint, str(look.endpoint.event), look.key
    found = list(event.dropna().unique())
    if endpoint.event_value is not None:
        others = set(found) - set(competing_codes(endpoint, event))
        # One other value is censored: nobody had the event, which the outcome says itself.
        if not set(endpoint.event_value) & others and len(others) > 1:
            asked = list_values([repr(code) for code in endpoint.event_value])
            problem = f"event_value {asked} does not occur, found {_list_codes(found, event)}"
            file = look.places.columns[name][0].file
            yield Finding("D043", problem, file, column=name, remedy=f"correct event_value in {key}")
        else:
            yield from _look_for_undeclared(look, event)
        return
    problem, strange = f"event codes {_list_codes(found, event)}", event.notna() & ~event.isin([0, 1])
    if not _may_be_shown(found, event):
        remedy = f"is it the column of events? Say in {key} which value is the event, by event_value"
    elif found == [1]:
        problem = "every event code is 1: everybody had the event, or nobody in a coding of 1 and 2"
        remedy, strange = f"say in {key} which it is: event_value = 1, or event_value = 2", event.notna()
    elif {0, 1} <= set(found):
        remedy = _how_to_settle(sorted(set(found) - {0, 1}), look)
    else:
        remedy = f"say in {key} which value is the event, for example event_value = {_example(found)}"
    yield from look.find("D042", name, problem, strange, expected="0 for censored, 1 for the event", remedy=remedy)


def _how_to_settle(strange: list[object], look: _Look) -> str:
    """Say what to do about codes beside 0 and 1, of which none may be guessed to be the event."""
    if not strange:
        return ""
    code = _as_text(strange[0])
    competes = f' and competing = {{ "{code}" = "its name" }} for an event that competes'
    other = "event_value = [1, ...] for every code that means it" if look.number else f"event_value = 1{competes}"
    return (
        f"correct the cells, or say in {look.key} what {code} is: event_value = {code} for the event, or {other}; "
        f"a code for unknown belongs in missing of [column.{look.endpoint.event}]"
    )


def _look_for_undeclared(look: _Look, event: pd.Series) -> Iterator[Finding]:
    """Find codes that are neither an event nor censored: 0 is censored, or the one other value there is."""
    endpoint = look.endpoint
    declared = {*(endpoint.event_value or ()), *competing_codes(endpoint, event)}
    others = [code for code in event.dropna().unique() if code not in declared]
    numbers = pd.api.types.is_numeric_dtype(event.dtype)
    if numbers and (0 in others or endpoint.competing):
        others = [code for code in others if code != 0]
    elif len(others) == 1:
        return
    if others:
        problem = f"event codes {_list_codes(others, event)}, of which endpoint {look.name} says nothing"
        expected = "0 for censored, or a declared event" if numbers else "one level for censored, or a declared event"
        keys = "event_value" if look.number else "event_value or under competing"
        remedy = f"name them in {look.key} under {keys}, or correct them"
        yield from look.find("D042", str(endpoint.event), problem, event.isin(others), expected=expected, remedy=remedy)


def _example(found: list[object]) -> str:
    if all(isinstance(code, str) for code in found):
        return " or event_value = ".join(repr(code) for code in sorted(map(str, found))[:4])
    return _as_text(max(found, key=str))


def _as_text(code: object) -> str:
    """Write a code as the file has it: a column with missing cells holds 2 as 2.0."""
    return format_significant(float(code), 15) if isinstance(code, int | float | np.number) else str(code)


def _list_codes(codes: Sequence[object], event: pd.Series) -> str:
    if not _may_be_shown(codes, event):
        return f"({count_noun(len(codes), 'different value')}, not shown, since they may name persons)"
    return list_values(sorted(map(_as_text, codes)))


def _may_be_shown(codes: Sequence[object], event: pd.Series) -> bool:
    """Tell whether codes can be codes: few, short, and, as texts, each of several patients."""
    texts = [_as_text(code) for code in codes]
    if any(_PERSONAL.search(text) for text in texts) or len(texts) > MOST_CODES:
        return False
    words = any(isinstance(code, str) for code in codes)
    return not words or 2 * event.nunique() <= max(event.notna().sum(), 4)


def _look_at_entry(look: _Look, entry: pd.Series, time: pd.Series) -> Iterator[Finding]:
    name = str(look.endpoint.entry)
    problem = "missing; unknown is not the same as 0"
    yield from look.find("D044", name, problem, entry.isna(), remedy=UNKNOWN_OUTCOME)
    problem = "entry is at or after the end of follow-up"
    # Times that differ by float rounding only are one time.
    fuzz = TIE_TOLERANCE * float(pd.concat([entry, time]).mean())
    yield from look.find("D045", name, problem, entry >= time - fuzz, remedy="check the two columns")
