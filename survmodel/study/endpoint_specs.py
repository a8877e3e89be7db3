"""From the endpoints of a study file to specs that are applied to a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, cast

import pandas as pd

from survmodel.formatting import format_significant
from survmodel.outcome.endpoints import EVENT_COLUMNS, Endpoint
from survmodel.outcome.first_event import FirstEventEndpoint
from survmodel.outcome.intercurrent import rearrange
from survmodel.outcome.landmark_endpoint import LandmarkEndpoint
from survmodel.outcome.ready_made import ReadyMadeEndpoint
from survmodel.study.settings import DIAGNOSIS, SCAN_DATE, EndpointEntry, StudySettings

DEFAULT_UNIT = "months"
LAST_CONTACT, LAST_ASSESSMENT = "last_contact_date", "last_assessment_date"
#: Events that are seen at visits; who had none of them is free of them until the last visit.
SEEN_AT_VISITS = {"progression", "relapse"}


def dated_endpoint(name: str, entry: EndpointEntry, settings: StudySettings) -> Endpoint:
    """Make the spec of an endpoint of dates.

    Parameters
    ----------
    name : str
        Its name.
    entry : EndpointEntry
        What the study file says of it.
    settings : StudySettings
        The study.

    Returns
    -------
    Endpoint
        Without ``censor``, observation ends at the last assessment where an event is seen at visits, else at the last
        contact. Without ``origin``, time begins at the baseline CXCR4 scan.

    Raises
    ------
    ConfigError
        When an event has no column, or a column two parts to play.
    """
    columns = dict(entry.columns)
    named = tuple(entry.competing)
    known = {**EVENT_COLUMNS, **columns}
    events, competing, censor_at = rearrange(entry.events, named, entry.censor_at, entry.intercurrent, known)
    seen = SEEN_AT_VISITS & {*events, *competing}
    censor = entry.censor or (LAST_ASSESSMENT if seen else LAST_CONTACT)
    spec = Endpoint(
        name,
        entry.label,
        entry.origin or SCAN_DATE,
        events,
        competing,
        censor,
        censor_at,
        cast(Literal["days", "months", "years"], entry.unit or DEFAULT_UNIT),
        entry.horizons,
        entry.entry or _entry_of(entry, settings),
        settings.data_lock,
        columns,
    )
    return replace(spec, visit_gap_days=None) if censor == LAST_CONTACT else spec


def _entry_of(entry: EndpointEntry, settings: StudySettings) -> str | None:
    """Tell when observation begins of patients whose time counts from diagnosis: nobody could die before the scan."""
    return SCAN_DATE if entry.origin == DIAGNOSIS and "scans" in settings.data.files else None


def ready_made_endpoint(
    name: str, entry: EndpointEntry, labels: Mapping[str, str], event: pd.Series
) -> ReadyMadeEndpoint:
    """Make the spec of an endpoint of ready-made times.

    Parameters
    ----------
    name : str
        Its name.
    entry : EndpointEntry
        What the study file says of it.
    labels : mapping of str to str
        Label of each column.
    event : pandas.Series
        The column of events: whether it holds numbers or texts.

    Returns
    -------
    ReadyMadeEndpoint
        The spec.
    """
    return ReadyMadeEndpoint(
        name,
        entry.label,
        str(entry.time),
        str(entry.event),
        None if entry.event_value is None else list(entry.event_value),
        competing_codes(entry, event),
        entry.entry,
        entry.unit,
        entry.horizons,
        event_label=entry.event_label or labels[str(entry.event)],
    )


def first_event_endpoint(name: str, entry: EndpointEntry) -> FirstEventEndpoint:
    """Make the spec of an endpoint that is the first of several ready-made events.

    Parameters
    ----------
    name : str
        Its name.
    entry : EndpointEntry
        What the study file says of it.

    Returns
    -------
    FirstEventEndpoint
        The spec.
    """
    events = [event.to_event() for event in entry.first]
    return FirstEventEndpoint(name, entry.label, str(entry.time), events, entry.entry, entry.unit, entry.horizons)


def endpoint_spec(
    name: str, settings: StudySettings, labels: Mapping[str, str], outcome_columns: pd.DataFrame
) -> Endpoint | FirstEventEndpoint | ReadyMadeEndpoint | LandmarkEndpoint:
    """Make the spec of an endpoint of any kind.

    Parameters
    ----------
    name : str
        Its name.
    settings : StudySettings
        The study.
    labels : mapping of str to str
        Label of each column.
    outcome_columns : pandas.DataFrame
        Dates, times and events.

    Returns
    -------
    Endpoint, FirstEventEndpoint, ReadyMadeEndpoint or LandmarkEndpoint
        What makes the outcome.
    """
    entry = settings.endpoint[name]
    spec: Endpoint | FirstEventEndpoint | ReadyMadeEndpoint
    if entry.is_dated:
        spec = dated_endpoint(name, entry, settings)
    elif entry.first:
        spec = first_event_endpoint(name, entry)
    else:
        spec = ready_made_endpoint(name, entry, labels, outcome_columns[str(entry.event)])
    return spec if entry.landmark is None else LandmarkEndpoint(spec, entry.landmark)


def endpoint_title(name: str, entry: EndpointEntry) -> str:
    """Name an endpoint in headings, tables and figures.

    Parameters
    ----------
    name : str
        Its name in the study file.
    entry : EndpointEntry
        What the study file says of it.

    Returns
    -------
    str
        Its label, and the landmark from which time counts, for example "overall survival from the landmark at 60 days".
    """
    title = entry.label or name
    if entry.landmark is None:
        return title
    unit = entry.unit or DEFAULT_UNIT
    return f"{title} from the landmark at {format_significant(entry.landmark, 6)} {unit}"


def competing_codes(entry: EndpointEntry, event: pd.Series) -> dict[object, str]:
    """Give the competing codes as the column holds them: a key of TOML is a text, even where it is a number.

    Parameters
    ----------
    entry : EndpointEntry
        The endpoint.
    event : pandas.Series
        The column of events.

    Returns
    -------
    dict of object to str
        Code and label.
    """
    numbers = pd.api.types.is_numeric_dtype(event.dtype)
    return {int(code) if numbers else code: label for code, label in entry.competing_codes.items()}
