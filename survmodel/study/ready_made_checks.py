"""Ready-made times and events that an outcome cannot be built from, named by line of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.findings import Finding
from survmodel.errors import list_values
from survmodel.formatting import format_significant
from survmodel.study.endpoint_specs import competing_codes
from survmodel.study.gathering import Gathered
from survmodel.study.places import ColumnPlaces
from survmodel.study.settings import EndpointEntry

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
        Missing or negative times, missing or undeclared event codes, entries at or after the end, and warnings about
        times that may be wrong.
    """
    asked = [column for column in (endpoint.time, endpoint.event, endpoint.entry) if column is not None]
    absent = [column for column in asked if column not in data.outcome_columns]
    if absent:
        remedy = "bring the file or the column that holds it"
        problem = f"no value in any file, and [endpoint.{name}] needs it"
        yield from (Finding("D033", problem, column=column, remedy=remedy) for column in absent)
        return
    frame = data.outcome_columns.iloc[followed]
    look = _Look(name, endpoint, data.places, followed)
    time, event = frame[str(endpoint.time)], frame[str(endpoint.event)]
    for column, values in ((endpoint.time, time), (endpoint.event, event)):
        problem = f"missing, and needed by endpoint {name}"
        yield from look.find("D040", str(column), problem, values.isna(), remedy=UNKNOWN_OUTCOME)
    remedy = "follow-up cannot be negative: are the two dates swapped?"
    problem = f"negative, smallest {format_significant(float(time.min()))}"
    yield from look.find("D041", str(endpoint.time), problem, time < 0, expected="0 or more", remedy=remedy)
    yield from _look_at_codes(look, event)
    if endpoint.entry is not None:
        yield from _look_at_entry(look, frame[endpoint.entry], time)


@dataclass(frozen=True, slots=True)
class _Look:
    """An endpoint, and where its patients stand in the files."""

    name: str
    endpoint: EndpointEntry
    places: ColumnPlaces
    followed: Rows

    def find(
        self, code: str, column: str, problem: str, where: pd.Series, *, expected: str = "", remedy: str = ""
    ) -> list[Finding]:
        patients = self.followed[np.flatnonzero(where.to_numpy(dtype=bool, na_value=False))]
        if not patients.size:
            return []
        return self.places.find(code, column, problem, patients, expected=expected, remedy=remedy)


def _look_at_codes(look: _Look, event: pd.Series) -> Iterator[Finding]:
    endpoint, name = look.endpoint, str(look.endpoint.event)
    found = list(event.dropna().unique())
    key = f"[endpoint.{look.name}]"
    if endpoint.event_value is not None:
        if not set(endpoint.event_value) & set(found):
            asked = list_values([repr(code) for code in endpoint.event_value])
            problem = f"event_value {asked} does not occur, found {list_values(sorted(map(str, found)))}"
            file = look.places.columns[name][0].file
            yield Finding("D043", problem, file, column=name, remedy=f"correct event_value in {key}")
        else:
            yield from _look_for_undeclared(look, event)
        return
    problem = f"event codes {list_values(sorted(map(str, found)))}"
    remedy = f"say in {key} which value is the event, for example event_value = {_example(found)}"
    strange = event.notna() & ~event.isin([0, 1])
    yield from look.find("D042", name, problem, strange, expected="0 for censored, 1 for the event", remedy=remedy)


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
        problem = f"event codes {list_values(sorted(map(str, others)))}, of which endpoint {look.name} says nothing"
        expected = "0 for censored, or a declared event" if numbers else "one level for censored, or a declared event"
        remedy = f"name them in [endpoint.{look.name}] under event_value or under competing, or correct them"
        yield from look.find("D042", str(endpoint.event), problem, event.isin(others), expected=expected, remedy=remedy)


def _example(found: list[object]) -> str:
    last = max(found, key=str)
    return repr(last) if isinstance(last, str) else format_significant(float(str(last)))


def _look_at_entry(look: _Look, entry: pd.Series, time: pd.Series) -> Iterator[Finding]:
    name = str(look.endpoint.entry)
    problem = "missing; unknown is not the same as 0"
    yield from look.find("D044", name, problem, entry.isna(), remedy=UNKNOWN_OUTCOME)
    problem = "entry is at or after the end of follow-up"
    yield from look.find("D045", name, problem, entry >= time, remedy="check the two columns")
