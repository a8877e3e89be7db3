"""Endpoints against the data: times and event codes that an outcome cannot be built from, named by line of the file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from survmodel.data.cells import Place
from survmodel.data.findings import Finding, FindingsError
from survmodel.data.readers.delimited import FileRead
from survmodel.errors import SurvmodelError, list_values
from survmodel.formatting import format_significant
from survmodel.outcome.ready_made import ReadyMadeEndpoint
from survmodel.outcome.response import Outcome
from survmodel.study.config import Study
from survmodel.study.settings import EndpointEntry

UNKNOWN_OUTCOME = "find the value, or leave the patient out on purpose and report it"


def build_outcomes(study: Study, file: FileRead) -> dict[str, Outcome]:
    """Build the outcome of every endpoint, or report everything that prevents it.

    Parameters
    ----------
    study : Study
        Which columns hold what.
    file : FileRead
        The checked columns.

    Returns
    -------
    dict of str to Outcome
        By name of the endpoint.

    Raises
    ------
    FindingsError
        For missing or negative times, missing or undeclared event codes, and entries at or after exit.
    """
    outcomes: dict[str, Outcome] = {}
    findings: list[Finding] = []
    for name, endpoint in study.settings.endpoint.items():
        found = list(_look_at_endpoint(name, endpoint, file))
        findings += found
        if found:
            continue
        try:
            outcomes[name] = _build(name, endpoint, file.table, study.labels)
        except SurvmodelError as error:
            problem = f"endpoint {name}: {error.problem}" + (f", {error.found}" if error.found else "")
            findings.append(
                Finding("D049", f"{problem} (rows counted from the first patient)", file.name, remedy=error.remedy)
            )
    if findings:
        raise FindingsError(list(dict.fromkeys(findings)))
    return outcomes


def _build(name: str, endpoint: EndpointEntry, table: pd.DataFrame, labels: dict[str, str]) -> Outcome:
    what = endpoint.event_label or labels[endpoint.event]
    if endpoint.competing:
        ready = ReadyMadeEndpoint(
            name,
            endpoint.label,
            endpoint.time,
            endpoint.event,
            list(endpoint.event_value or ()),
            _competing_codes(endpoint, table[endpoint.event]),
            endpoint.entry,
            endpoint.unit,
            endpoint.horizons,
            event_label=what,
        )
        return ready.apply(table).outcome
    return Outcome.from_table(
        table,
        time=endpoint.time,
        event=endpoint.event,
        entry=endpoint.entry,
        event_value=endpoint.event_value,
        unit=endpoint.unit,
        endpoint=what,
    )


def _competing_codes(endpoint: EndpointEntry, event: pd.Series) -> dict[object, str]:
    """Give the competing codes as the column holds them: a key of TOML is a text, even where it is a number."""
    numbers = not isinstance(event.dtype, pd.CategoricalDtype)
    return {int(code) if numbers else code: label for code, label in endpoint.competing.items()}


def _look_at_endpoint(name: str, endpoint: EndpointEntry, file: FileRead) -> Iterator[Finding]:
    place = Place(file.name, file.lines)
    time, event = file.table[endpoint.time], file.table[endpoint.event]
    for column, values in ((endpoint.time, time), (endpoint.event, event)):
        missing = np.flatnonzero(values.isna())
        if missing.size:
            yield place.find("D040", column, f"missing, and needed by endpoint {name}", missing, remedy=UNKNOWN_OUTCOME)
    negative = np.flatnonzero(time < 0)
    if negative.size:
        problem = f"negative, smallest {format_significant(float(time.min()))}"
        remedy = "follow-up cannot be negative: are the two dates swapped?"
        yield place.find("D041", endpoint.time, problem, negative, expected="0 or more", remedy=remedy)
    yield from _look_at_codes(name, endpoint, event, place)
    if endpoint.entry is not None:
        yield from _look_at_entry(endpoint.entry, file.table[endpoint.entry], time, place)


def _look_at_codes(name: str, endpoint: EndpointEntry, event: pd.Series, place: Place) -> Iterator[Finding]:
    found = list(event.dropna().unique())
    key = f"[endpoint.{name}]"
    if endpoint.event_value is not None:
        if not set(endpoint.event_value) & set(found):
            asked = list_values([repr(code) for code in endpoint.event_value])
            problem = f"event_value {asked} does not occur, found {list_values(sorted(map(str, found)))}"
            yield Finding("D043", problem, place.file, column=endpoint.event, remedy=f"correct event_value in {key}")
        else:
            yield from _look_for_undeclared(name, endpoint, event, place)
        return
    strange = np.flatnonzero(event.notna() & ~event.isin([0, 1]))
    if strange.size:
        problem = f"event codes {list_values(sorted(map(str, found)))}"
        remedy = f"say in {key} which value is the event, for example event_value = {_example(found)}"
        yield place.find(
            "D042", endpoint.event, problem, strange, expected="0 for censored, 1 for the event", remedy=remedy
        )


def _look_for_undeclared(name: str, endpoint: EndpointEntry, event: pd.Series, place: Place) -> Iterator[Finding]:
    """Find codes that are neither an event nor censored: 0 is censored, or the one other value there is."""
    declared = {*(endpoint.event_value or ()), *_competing_codes(endpoint, event)}
    others = [code for code in event.dropna().unique() if code not in declared]
    numbers = not isinstance(event.dtype, pd.CategoricalDtype)
    if numbers and (0 in others or endpoint.competing):
        others = [code for code in others if code != 0]
    elif len(others) == 1:
        return
    if others:
        rows = np.flatnonzero(event.isin(others))
        problem = f"event codes {list_values(sorted(map(str, others)))}, of which endpoint {name} says nothing"
        expected = "0 for censored, or a declared event" if numbers else "one level for censored, or a declared event"
        remedy = f"name them in [endpoint.{name}] under event_value or under competing, or correct them"
        yield place.find("D042", endpoint.event, problem, rows, expected=expected, remedy=remedy)


def _example(found: list[object]) -> str:
    last = max(found, key=str)
    return repr(last) if isinstance(last, str) else format_significant(float(str(last)))


def _look_at_entry(column: str, entry: pd.Series, time: pd.Series, place: Place) -> Iterator[Finding]:
    missing = np.flatnonzero(entry.isna())
    if missing.size:
        yield place.find("D044", column, "missing; unknown is not the same as 0", missing, remedy=UNKNOWN_OUTCOME)
    late = np.flatnonzero(entry >= time)
    if late.size:
        yield place.find(
            "D045", column, "entry is at or after the end of follow-up", late, remedy="check the two columns"
        )
