"""Every column that a study may name: declared ones, those of the data schema, and those that are made of scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from survmodel.data.columns import Column, ColumnType, LimitRule, Role
from survmodel.data.schema import load_schema
from survmodel.markers.acquisition import ACQUISITION_FACTS, TO_TREATMENT, AcquisitionFact
from survmodel.markers.end_of_treatment import (
    DATE_LABELS,
    KNOWN_DATE,
    LABELS,
    MRD,
    MRD_PET,
    NOT_EVALUABLE,
    RESPONSE_END,
    RESPONSES,
    RESULTS,
    SCAN_DATE_AT_END,
    STATES,
)
from survmodel.markers.further import possible_further, possible_later
from survmodel.markers.labs import possible_labs
from survmodel.markers.patterns import PATTERN, PATTERNS
from survmodel.markers.scans import INTERVAL, SCAN_FACTS, ScanFact
from survmodel.markers.uptake import TRACERS, Marker, possible_markers
from survmodel.models.formula import parse_formula
from survmodel.study.clinical_index import index_column, published_entries
from survmodel.study.computed_index import computed_columns
from survmodel.study.settings import StudySettings
from survmodel.study.settings_data import ColumnEntry
from survmodel.study.settings_index import CLINICAL_INDEX
from survmodel.study.settings_models import ModelEntry

GROUP, ENTITY = "disease_group", "entity"
FIRST_TREATMENT = "first_treatment_date"
NUMBERS = ("number", "integer")
FACTORS = ("category", "boolean")
#: Types of columns whose levels may be left out in turn.
GROUPS = ("category", "text")


def declared_columns(settings: StudySettings, table: str = "patients") -> tuple[Column, ...]:
    """Give the columns that the study declares for a table, in order.

    Parameters
    ----------
    settings : StudySettings
        The study.
    table : str
        Name of the canonical table.

    Returns
    -------
    tuple of Column
        Factors cut from numbers are not among them. Times and events of endpoints are outcomes, whatever the role they
        are declared with; in a plain table they need no declaration.
    """
    found = {
        name: _column(name, entry)
        for name, entry in settings.column.items()
        if entry.source is None and entry.table == table
    }
    for endpoint in settings.endpoint.values():
        for name in (*endpoint.time_columns, *endpoint.event_columns):
            if name in found and not found[name].is_identifier:
                found[name] = replace(found[name], role="outcome")
    if settings.data.is_plain and table == "patients":
        for name, column in _columns_of_endpoints(settings).items():
            if name not in settings.column:
                found.setdefault(name, column)
    return tuple(found.values())


def known_columns(settings: StudySettings) -> dict[str, Column]:
    """List the columns of a study.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Returns
    -------
    dict of str to Column
        By name.
    """
    found: dict[str, Column] = {}
    if not settings.data.is_plain:
        for one in _canonical_columns(settings):
            found[one.name] = one
    for table in ("patients", "follow_up"):
        for column in declared_columns(settings, table):
            found[column.name] = _with_role(column, table)
    for name, entry in settings.column.items():
        if entry.source is not None:
            source = found.get(entry.source)
            role: Role = "baseline" if source is None else source.role
            if entry.reached_by is not None:
                role = "post_baseline"
            found[name] = Column(
                name, "category", entry.label or name, "", role, levels=_levels(entry.level_labels),
                reference=entry.reference,
            )  # fmt: skip
    for column in computed_columns(settings):
        found.setdefault(column.name, column)
    if published_entries(settings):
        found.setdefault(CLINICAL_INDEX, index_column(settings))
    return found


def group_columns(settings: StudySettings) -> tuple[str | None, str | None]:
    """Name the columns of the disease group and of the entity.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Returns
    -------
    tuple of (str or None, str or None)
        Those of ``[groups]``, else those of the data schema; None in a plain study that names none.
    """
    groups, plain = settings.groups, settings.data.is_plain
    return groups.column or (None if plain else GROUP), groups.entity or (None if plain else ENTITY)


def model_strata(model: ModelEntry, settings: StudySettings) -> tuple[str, ...]:
    """Name the strata of a model: its own, else the entities, since diseases differ in their baseline hazard.

    Parameters
    ----------
    model : ModelEntry
        The model.
    settings : StudySettings
        The study.

    Returns
    -------
    tuple of str
        None of them where the disease group or the entity is a term of the formula, the study has no entities, or the
        model is a forest.
    """
    if model.is_forest:
        return ()
    if model.strata is not None:
        return model.strata
    group, entity = group_columns(settings)
    used = parse_formula(model.formula).mains
    return () if entity is None or group in used or entity in used else (entity,)


def _canonical_columns(settings: StudySettings) -> list[Column]:
    schema, files = load_schema(), settings.data.files
    found: list[Column] = []
    for table in ("patients", "follow_up"):
        for column in schema.table(table).columns if table in files else ():
            if not column.phi and column.name not in {one.name for one in found}:
                found.append(_with_role(column, table))
    if "scans" in files:
        found += [
            Column(f"{tracer}_scan_date", "date", f"date of the {tracer.upper()} scan", role="outcome")
            for tracer in TRACERS
        ]
        calls = tuple(level.value for level in schema.table("reads").field("result").categories)
        found += [_of_fact(fact, calls) for fact in SCAN_FACTS if fact.role != "marker" or "reads" in files]
        found += [_of_acquisition(one) for one in ACQUISITION_FACTS if "therapy" in files or not one.needs_therapy]
        found += _end_columns(set(files))
    if {"scans", "lesions"} <= set(files):
        rules = segmentation_rules(settings)
        found += [Column(one.name, "number", one.label, one.unit, "marker") for one in possible_markers(rules)]
        found += [_of_marker(one) for one in possible_further(rules)]
        found += [Column(one.name, "number", one.label, one.unit, "post_baseline") for one in possible_later(rules)]
    if {"scans", "labs"} <= set(files):
        found += [Column(one.name, "number", one.label, one.unit) for one in possible_labs(settings.lab_rule)]
    if "therapy" in files:
        found.append(Column(FIRST_TREATMENT, "date", "date of the first treatment", role="outcome"))
    return found


def _of_acquisition(fact: AcquisitionFact) -> Column:
    """Make a column of how scans were made; how long treatment took to begin is known only later."""
    role: Role = "post_baseline" if fact.name.endswith(TO_TREATMENT) else "acquisition"
    return Column(fact.name, fact.type, fact.label, fact.unit, role)


def _end_columns(files: set[str]) -> list[Column]:
    """List what may be known at the end of treatment: reads, residual disease, and the days on which they are known."""
    calls = _levels([*RESULTS, "indeterminate"])
    found = [Column(SCAN_DATE_AT_END, "date", DATE_LABELS[SCAN_DATE_AT_END], role="outcome")]
    if "reads" in files:
        names = [f"{tracer}_end_read" for tracer in TRACERS]
        found += [Column(name, "category", LABELS[name], role="post_baseline", levels=calls) for name in names]
    if "assessments" in files:
        responses = _levels([*RESPONSES, NOT_EVALUABLE])
        found.append(Column(RESPONSE_END, "category", LABELS[RESPONSE_END], role="post_baseline", levels=responses))
        found.append(Column(MRD, "category", LABELS[MRD], role="post_baseline", levels=_levels(RESULTS)))
    if {"reads", "assessments"} <= files:
        found.append(Column(MRD_PET, "category", LABELS[MRD_PET], role="post_baseline", levels=_levels(STATES)))
        found.append(Column(KNOWN_DATE, "date", DATE_LABELS[KNOWN_DATE], role="outcome"))
    return found


def _of_marker(marker: Marker) -> Column:
    if marker.name != PATTERN:
        return Column(marker.name, "number", marker.label, marker.unit, "marker")
    return Column(marker.name, "category", marker.label, role="marker", levels=tuple((name, name) for name in PATTERNS))


def further_columns(settings: StudySettings) -> frozenset[str]:
    """Name the columns of uptake that stand in a description only where the study asks for them.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Returns
    -------
    frozenset of str
        Ratios, aggregates, dissemination, and what both tracers show together.
    """
    rules = segmentation_rules(settings)
    return frozenset(one.name for one in (*possible_further(rules), *possible_later(rules)))


def segmentation_rules(settings: StudySettings) -> tuple[str, ...]:
    """List the rules under which volumes and uptakes may have been measured.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Returns
    -------
    tuple of str
        As the data schema names them; none where no lesions are read.
    """
    if "lesions" not in settings.data.files:
        return ()
    return tuple(level.value for level in load_schema().table("lesions").field("segmentation").categories)


def _of_fact(fact: ScanFact, calls: Sequence[str]) -> Column:
    if fact.role == "marker":
        return Column(fact.name, "category", fact.label, role="marker", levels=_levels(calls))
    return Column(fact.name, "number" if fact.name == INTERVAL else "text", fact.label, fact.unit, "acquisition")


def _levels(labels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((label, label) for label in labels)


def _with_role(column: Column, table: str) -> Column:
    """Keep dates and follow-up away from the predictors, whatever else they are."""
    return replace(column, role="outcome") if table == "follow_up" or column.type == "date" else column


def _column(name: str, entry: ColumnEntry) -> Column:
    role: Role = "identifier" if entry.type == "identifier" else entry.role
    return Column(
        name, entry.type or "text", entry.label or name, entry.unit, role, entry.missing, tuple(entry.levels.items()),
        entry.range, entry.reference, quantity=entry.quantity or "", unit_in_file=entry.unit_in_file or "",
        limits=LimitRule(entry.below_limit, entry.above_limit, entry.limit_of_detection),
    )  # fmt: skip


def _columns_of_endpoints(settings: StudySettings) -> dict[str, Column]:
    """Declare the times and events of ready-made endpoints as numbers and codes."""
    found: dict[str, Column] = {}
    for endpoint in settings.endpoint.values():
        for name in (*endpoint.time_columns, endpoint.entry):
            if name is not None and not endpoint.is_dated:
                found[name] = Column(name, "number", name, endpoint.unit or "", "outcome")
        for name, codes in endpoint.event_columns.items():
            texts = any(isinstance(code, str) for code in codes or ())
            kind: ColumnType = "text" if texts else "integer"
            found[name] = Column(name, kind, name, "", "outcome")
    return found
