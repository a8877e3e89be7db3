"""What a study file refers to: columns, endpoints, sets and files that must exist and fit."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from survmodel.data.columns import Column
from survmodel.data.row_filter import RowFilter
from survmodel.data.schema import load_schema
from survmodel.errors import ConfigError, closest, list_values
from survmodel.markers.aggregates import PART
from survmodel.markers.labs import possible_labs
from survmodel.models.formula import parse_formula
from survmodel.study.clinical_index import problems_of_index
from survmodel.study.computed_index import problems_of_computed
from survmodel.study.endpoint_specs import dated_endpoint
from survmodel.study.known_columns import FACTORS, GROUPS, NUMBERS, group_columns, known_columns
from survmodel.study.sensitivity_checks import problems_of_sensitivity
from survmodel.study.sensitivity_variation import alone, entries_of, vary
from survmodel.study.settings import EndpointEntry, StudySettings
from survmodel.study.settings_first import FirstEventEntry
from survmodel.study.settings_models import ModelEntry
from survmodel.study.settings_response import levels_of
from survmodel.study.timing import LATER_ROLES, look_at_timing, problems_of_timing

_WHOLE = re.compile(r"-?[1-9][0-9]{0,14}|0")
_BAD_NAME = re.compile(r"[\x00-\x1f\x7f]")
_CODE = re.compile(r"[DE][0-9]{3}")
LONGEST_SHOWN = 200

Columns = Mapping[str, Column]


def look_at_references(settings: StudySettings) -> Iterator[str]:
    """Look for names that point nowhere, or at something that does not fit.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Yields
    ------
    str
        One problem, beginning with its key.
    """
    columns = known_columns(settings)
    yield from _look_at_columns(settings, columns)
    for key, name in zip(("column", "entity"), group_columns(settings), strict=True):
        if name is not None:
            yield from _points_at(f"groups.{key}", name, columns, ("category", "text"))
    for name, chosen in settings.analysis_set.items():
        for text in chosen.include:
            yield from _look_at_filter(f"analysis_set.{name}.include", text, columns)
    for name, endpoint in settings.endpoint.items():
        yield from _look_at_endpoint(f"endpoint.{name}", name, endpoint, settings, columns)
    yield from problems_of_index(settings, columns, *group_columns(settings))
    yield from problems_of_computed(settings, columns)
    yield from _look_at_markers(settings, columns)
    yield from _look_at_analyses(settings, columns)
    yield from look_at_timing(settings, columns)
    if settings.reads.decides != "consensus" and "reads" not in settings.data.files:
        yield "reads.decides: no file of reads is given under [data]"
    yield from _look_at_sensitivity(settings)
    yield from _look_at_responses(settings, columns)
    for number, waiver in enumerate(settings.waive, start=1):
        if not _CODE.fullmatch(waiver.code):
            yield f"waive[{number}].code: {waiver.code!r} is no code of a finding, such as D126"
        if waiver.table is not None:
            yield from _declared(f"waive[{number}].table", "table", waiver.table, settings.data.files)


def _look_at_analyses(settings: StudySettings, columns: Columns) -> Iterator[str]:
    for number, curve in enumerate(settings.curve, start=1):
        yield from _declared(f"curve[{number}].endpoint", "endpoint", curve.endpoint, settings.endpoint)
        if curve.by is not None:
            yield from _points_at(f"curve[{number}].by", curve.by, columns, FACTORS)
    for name in settings.report.table_one:
        known = [one.name for one in columns.values() if one.role not in {"identifier", "outcome"}]
        yield from _declared("report.table_one", "column", name, known)
    for name, model in settings.model.items():
        yield from _declared(f"model.{name}.endpoint", "endpoint", model.endpoint, settings.endpoint)
        yield from _look_at_model(f"model.{name}", model, settings, columns)
    yield from _look_at_added_value(settings)
    yield from _look_at_cutpoints(settings, columns)
    for number, name in enumerate(settings.missing.columns, start=1):
        key = f"missing.columns[{number}]"
        yield from _points_at(key, name, columns, (*NUMBERS, *FACTORS))
        if name in columns and columns[name].role in LATER_ROLES:
            yield f"{key}: column {name!r} has the role {columns[name].role} and predicts no baseline value"
    yield from _look_at_validation(settings, columns)


def _look_at_responses(settings: StudySettings, columns: Columns) -> Iterator[str]:
    """Look whether outcomes are known only later, and predictors before."""
    for number, entry in enumerate(settings.response, start=1):
        key = f"response[{number}]"
        yield from _points_at(f"{key}.outcome", entry.outcome, columns, GROUPS)
        column = columns.get(entry.outcome)
        if column is not None and column.role not in LATER_ROLES:
            yield f"{key}.outcome: column {entry.outcome!r} has the role {column.role}; a response is post_baseline"
        levels = levels_of(entry)
        if not levels:
            yield f"{key}.levels: name the levels of {entry.outcome!r} from worst to best"
        elif entry.at_least is not None and entry.at_least not in levels[1:]:
            yield f"{key}.at_least: {entry.at_least!r} is not one of {list_values(levels[1:])}"
        if entry.analysis_set is not None:
            yield from _declared(f"{key}.analysis_set", "analysis set", entry.analysis_set, settings.analysis_set)
        try:
            formula = parse_formula(entry.formula)
            formula.check_columns(columns)
        except ConfigError as error:
            yield f"{key}.formula: {error}"
            continue
        for name in formula.variables:
            if name in columns and columns[name].role in LATER_ROLES:
                yield f"{key}.formula: column {name!r} has the role {columns[name].role} and predicts no response"


def _look_at_validation(settings: StudySettings, columns: Columns) -> Iterator[str]:
    if settings.validation.leave_out is not None:
        yield from _points_at("validation.leave_out", settings.validation.leave_out, columns, GROUPS)
    for number, names in enumerate(settings.validation.compare, start=1):
        key = f"validation.compare[{number}]"
        for name in names:
            yield from _declared(key, "model", name, settings.model)
        endpoints = sorted({settings.model[name].endpoint for name in names if name in settings.model})
        if len(endpoints) > 1:
            yield f"{key}: models of different endpoints cannot be compared, found {list_values(endpoints)}"


def _look_at_cutpoints(settings: StudySettings, columns: Columns) -> Iterator[str]:
    for number, cut in enumerate(settings.cutpoint, start=1):
        yield from _declared(f"cutpoint[{number}].endpoint", "endpoint", cut.endpoint, settings.endpoint)
        yield from _points_at(f"cutpoint[{number}].marker", cut.marker, columns, NUMBERS)


def _look_at_added_value(settings: StudySettings) -> Iterator[str]:
    entry = settings.added_value
    if entry is None:
        return
    for key, name in (("base", entry.base), ("full", entry.full)):
        yield from _declared(f"added_value.{key}", "model", name, settings.model)
    if entry.base not in settings.model or entry.full not in settings.model:
        return
    base, full = settings.model[entry.base], settings.model[entry.full]
    if base.endpoint != full.endpoint:
        yield f"added_value: the two models have the endpoints {base.endpoint!r} and {full.endpoint!r}"
    if base.is_forest or full.is_forest:
        yield "added_value: a forest has no likelihood; name two Cox models, and compare the forest under [validation]"
    primary = settings.primary_marker
    # the second part of a two-part coding is the marker too
    held = {name.replace(PART, "") for name in parse_formula(full.formula).variables}
    if primary is not None and primary.name.replace(PART, "") not in held:
        yield f"added_value.full: the model {entry.full!r} does not hold the primary marker {primary.name!r}"


def _look_at_sensitivity(settings: StudySettings) -> Iterator[str]:
    """Look at each variation as at a study of its own; what the study itself has is told once."""
    problems = list(problems_of_sensitivity(settings))
    yield from problems
    entries = {} if problems else entries_of(settings)
    own = set(look_at_references(alone(settings))) if entries else set()
    for key, entry in entries.items():
        if entry.leave_out is not None:
            yield from _points_at(f"{key}.leave_out", entry.leave_out, known_columns(settings), GROUPS)
        for problem in look_at_references(vary(settings, entry)):
            if problem not in own:
                yield f"{key}: {problem}"


def _look_at_columns(settings: StudySettings, columns: Columns) -> Iterator[str]:
    files, schema = settings.data.files, load_schema()
    if settings.labs is not None and "labs" not in files:
        yield "labs: no file of labs is given under [data]"
    made = {one.name for one in possible_labs(settings.lab_rule)} if "labs" in files else set()
    for name, entry in settings.column.items():
        if _BAD_NAME.search(name):
            yield f"column {name!r}: names hold no control characters"
        if entry.source is not None:
            yield from _points_at(f"column.{name}.from", entry.source, columns, NUMBERS)
        elif entry.table not in files:
            yield f"column.{name}.table: no file of {entry.table} is given under [data]"
        elif not settings.data.is_plain and entry.type == "identifier":
            yield f"column.{name}.type: the data schema names the identifiers of its tables already"
        if settings.data.is_plain:
            continue
        if any(name == field.name for table in schema.tables if table.name in files for field in table.fields):
            yield f"column.{name}: the data schema declares it already; leave the declaration out"
        elif name in made:
            yield f"column.{name}: it is made of the laboratory table; give the declared column another name"


def _look_at_filter(key: str, text: str, columns: Columns) -> Iterator[str]:
    usable = [name for name, column in columns.items() if column.role not in {"identifier", "outcome"}]
    try:
        RowFilter(text).check_columns(usable)
    except ConfigError as error:
        yield f"{key}: {error}"


def _look_at_endpoint(
    key: str, name: str, endpoint: EndpointEntry, settings: StudySettings, columns: Columns
) -> Iterator[str]:
    if endpoint.analysis_set not in {None, "all"}:
        yield from _declared(f"{key}.analysis_set", "analysis set", str(endpoint.analysis_set), settings.analysis_set)
    if endpoint.is_dated:
        yield from _look_at_dates(key, name, endpoint, settings, columns)
        return
    yield from _points_at(f"{key}.time", str(endpoint.time), columns, NUMBERS)
    if endpoint.event is not None:
        yield from _look_at_event(key, endpoint, settings, columns)
    for number, event in enumerate(endpoint.first, start=1):
        part = f"{key}.first[{number}]"
        if event.time is not None:
            yield from _points_at(f"{part}.time", event.time, columns, NUMBERS)
        if event.event is not None:
            yield from _look_at_event(part, event, settings, columns)
    if endpoint.entry is not None:
        yield from _points_at(f"{key}.entry", endpoint.entry, columns, NUMBERS)


def _look_at_dates(
    key: str, name: str, endpoint: EndpointEntry, settings: StudySettings, columns: Columns
) -> Iterator[str]:
    try:
        spec = dated_endpoint(name, endpoint, settings)
    except ConfigError as error:
        yield f"{key}: {error}"
        return
    places = {"origin": spec.origin, "censor": spec.censor, "entry": spec.entry}
    for part, column in places.items():
        if column is not None:
            yield from _points_at(f"{key}.{part}", column, columns, ("date",))
    for event, column in spec.event_columns.items():
        yield from _points_at(f"{key}.columns.{event}", column, columns, ("date",))
    for column in spec.censor_at:
        yield from _points_at(f"{key}.censor_at", column, columns, ("date",))


def _look_at_event(
    key: str, endpoint: EndpointEntry | FirstEventEntry, settings: StudySettings, columns: Columns
) -> Iterator[str]:
    """Check that the codes of events can stand in their column: whole numbers, or labels of levels."""
    yield from _points_at(f"{key}.event", str(endpoint.event), columns, ("integer", "category", "text"))
    column = columns.get(str(endpoint.event))
    if column is None:
        return
    declared = settings.column.get(column.name)
    if declared is not None and declared.source is not None:
        yield f"{key}.event: column {endpoint.event!r} is cut from a number and cannot hold events"
    elif column.type == "category":
        levels = tuple(dict.fromkeys(label for _, label in column.levels))
        for part, code in _codes_of(endpoint):
            if code not in levels:
                yield f"{key}.{part}: {code!r} is not the label of a level; {closest(str(code), levels)}"
    elif column.type == "integer":
        for part, code in _codes_of(endpoint):
            if not (isinstance(code, int) if part == "event_value" else _WHOLE.fullmatch(str(code))):
                yield f"{key}.{part}: column {endpoint.event!r} holds whole numbers, found {code!r}"
            elif isinstance(endpoint, EndpointEntry) and endpoint.competing and str(code) == "0":
                yield f"{key}.{part}: 0 means censored where events compete"


def _codes_of(endpoint: EndpointEntry | FirstEventEntry) -> Iterator[tuple[str, int | str]]:
    yield from (("event_value", code) for code in endpoint.event_value or ())
    if isinstance(endpoint, EndpointEntry):
        yield from (("competing", code) for code in endpoint.competing_codes)


def _look_at_markers(settings: StudySettings, columns: Columns) -> Iterator[str]:
    seen: set[str] = set()
    n_primary = 0
    for number, marker in enumerate(settings.marker, start=1):
        key = f"marker[{number}]"
        yield from _points_at(f"{key}.name", marker.name, columns, NUMBERS)
        column = columns.get(marker.name)
        if column is not None and column.role != "marker":
            yield f"{key}.name: column {marker.name!r} has the role {column.role}, not marker"
        if marker.name in seen:
            yield f"{key}.name: {marker.name!r} is a marker already"
        seen.add(marker.name)
        if marker.endpoint is not None:
            yield from _declared(f"{key}.endpoint", "endpoint", marker.endpoint, settings.endpoint)
        n_primary += marker.role == "primary"
    if n_primary > 1:
        yield f"marker: {n_primary} markers are primary; a study has one question"


def _look_at_model(key: str, model: ModelEntry, settings: StudySettings, columns: Columns) -> Iterator[str]:
    for name in model.strata or ():
        yield from _points_at(f"{key}.strata", name, columns, ("category", "text", "boolean"))
    try:
        formula = parse_formula(model.formula)
        formula.check_columns(columns)
    except ConfigError as error:
        yield f"{key}.formula: {error}"
        return
    for name in formula.variables:
        yield from problems_of_timing(f"{key}.formula", name, model.endpoint, settings, columns)


def _declared(key: str, what: str, name: str, known: Collection[str]) -> Iterator[str]:
    if name not in known:
        yield f"{key}: no {what} {name!r} is declared; {closest(name, known)}"


def _points_at(key: str, name: str, columns: Columns, types: Collection[str]) -> Iterator[str]:
    column = columns.get(name)
    if column is None:
        yield f"{key}: no column {name!r} is declared; {closest(name, columns)}"
    elif column.type not in types:
        yield f"{key}: column {name!r} is of type {column.type}; allowed: {', '.join(sorted(types))}"


def look_at_files(folder: Path, settings: StudySettings) -> Iterator[str]:
    """Look for data files that do not exist, lie outside the folder of the study, or lack the table they belong to.

    Parameters
    ----------
    folder : pathlib.Path
        Where the study file lies.
    settings : StudySettings
        The study.

    Yields
    ------
    str
        One problem, beginning with its key.
    """
    files = settings.data.files
    for name, entry in files.items():
        if name != "lesions" or settings.data.lesions is None:
            yield from look_at_path(folder, f"data.{name}.path", entry.path)
    yield from _look_at_lesions(folder, settings)
    for table in load_schema().tables:
        for key in table.foreign_keys if table.name in files else ():
            if key.table not in files:
                yield f"data.{table.name}: its rows belong to {key.table}, of which no file is given"


def _look_at_lesions(folder: Path, settings: StudySettings) -> Iterator[str]:
    """Look at every export of the lesions and its column map; an export may be a folder."""
    entries = settings.data.lesion_files
    for number, entry in enumerate(entries, start=1):
        key = "data.lesions" + (f"[{number}]" if isinstance(settings.data.lesions, tuple) else "")
        yield from look_at_path(folder, f"{key}.path", entry.path, may_be_folder=entry.reader is not None)
        if entry.column_map is not None:
            yield from look_at_path(folder, f"{key}.column_map", entry.column_map)


def look_at_path(folder: Path, key: str, text: str, *, may_be_folder: bool = False) -> Iterator[str]:
    """Look for a file that does not exist or lies outside the folder of the study.

    Parameters
    ----------
    folder : pathlib.Path
        Where the study file lies.
    key, text : str
        What names the file, and the path.
    may_be_folder : bool
        Whether a folder will do.

    Yields
    ------
    str
        One problem, beginning with its key.
    """
    parts = PurePosixPath(text.replace("\\", "/")).parts
    outside = PurePosixPath(text).is_absolute() or PureWindowsPath(text).drive or PureWindowsPath(text).root
    if _BAD_NAME.search(text):
        yield f"{key}: the path holds a control character"
    elif outside or ".." in parts:
        yield f"{key}: must be relative to the study file and stay inside its folder, found {text!r}"
    else:
        try:
            yield from _look_at_place(folder, key, text, may_be_folder=may_be_folder)
        except (OSError, RuntimeError):
            # Links that lead in a circle, and names that no file system takes.
            yield f"{key}: no file can have the path {_cut(text)}"


def _look_at_place(folder: Path, key: str, text: str, *, may_be_folder: bool) -> Iterator[str]:
    path = folder / text
    if not path.resolve().is_relative_to(folder):
        yield f"{key}: {text!r} is a link that leads out of the folder of the study file"
    elif not path.is_file() and not (may_be_folder and path.is_dir()):
        place = path.parent
        names = [one.name for one in sorted(place.iterdir()) if one.is_file()] if place.is_dir() else []
        near = closest(PurePosixPath(text).name, names) if names else ""
        yield f"{key}: no such file {_cut(text)}" + (f"; {near}" if near.startswith("did") else "")


def _cut(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}..."
