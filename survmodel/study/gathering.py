"""From the files of a study to one row for each patient: covariates and markers on one side, outcomes on the other.

A plain study is one table of declared columns. Any other study is the canonical tables, whose lesions and reads become
columns of the patient. Identifiers are the row labels and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.cohort import Field, FlowStep
from survmodel.data.canonical import CanonicalTables, SourceFile, baseline_scans, origin_dates
from survmodel.data.checks import check_plain, check_tables
from survmodel.data.columns import Column, add_cuts
from survmodel.data.dates import DateRule
from survmodel.data.findings import Finding, FindingsError, Place
from survmodel.data.privacy import look_at_extra_columns
from survmodel.data.readers.any_file import scan_file
from survmodel.data.tables import scan_tables
from survmodel.data.waivers import FlowRow, count_excluded, exclude_patients, keep_rows, split_waived
from survmodel.errors import ConfigError
from survmodel.formatting import count_noun
from survmodel.markers.acquisition import acquisition_facts, names_of
from survmodel.markers.end_of_treatment import MRD, EndFacts, end_facts
from survmodel.markers.further import further_markers
from survmodel.markers.labs import patient_labs
from survmodel.markers.scans import scan_facts
from survmodel.markers.segmenters import first_segmentation
from survmodel.markers.uptake import READERS, TRACERS, UNDEFINED_WITHOUT_LESIONS, patient_uptake
from survmodel.study.clinical_index import published_entries, published_survival
from survmodel.study.computed_index import compute_indices
from survmodel.study.config import Study
from survmodel.study.known_columns import FIRST_TREATMENT, group_columns
from survmodel.study.places import ColumnPlaces
from survmodel.study.settings_index import CLINICAL_INDEX

#: What is recorded beside treatments and is none.
WATCHING = "watch_and_wait"
#: Columns that do not exist on a scan without lesions begin with these.
WITHOUT_LESIONS = (*UNDEFINED_WITHOUT_LESIONS, "tbr", "cov", "dmax", "sdmax", "fdg_suv")


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Patients as the files give them.

    Attributes
    ----------
    table : pandas.DataFrame
        Covariates and markers, one row for each patient; index is the study pseudonym.
    fields : tuple of Field
        What its columns are.
    outcome_columns : pandas.DataFrame
        Dates, times and events, with the rows of `table`.
    places : ColumnPlaces
        File and line of each patient in each outcome column.
    excluded : tuple of FlowStep
        Patients whom the study sets aside.
    findings : tuple of Finding
        Everything that was found, errors and waived rows included.
    files : tuple of SourceFile
        What was read.
    undefined : mapping of str to pandas.Series of bool
        For each marker, where it does not exist because the scan shows no lesion; such a value is not missing.
    notes : tuple of str
        What the reader may want to know.
    tables : mapping of str to pandas.DataFrame
        The canonical tables without what tells who a patient is; empty for a plain study.
    """

    table: pd.DataFrame
    fields: tuple[Field, ...]
    outcome_columns: pd.DataFrame
    places: ColumnPlaces
    excluded: tuple[FlowStep, ...]
    findings: tuple[Finding, ...]
    files: tuple[SourceFile, ...]
    undefined: Mapping[str, pd.Series] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def gather(study: Study) -> Gathered:
    """Read, check and join the files of a study.

    Parameters
    ----------
    study : Study
        What is declared.

    Returns
    -------
    Gathered
        Errors that the study waives are among its findings.

    Raises
    ------
    FindingsError
        For errors of the files that the study does not waive.
    OSError
        When a file cannot be opened.
    """
    return _gather_plain(study) if study.settings.data.is_plain else _gather_canonical(study)


def _gather_plain(study: Study) -> Gathered:
    file, columns = study.files["patients"], study.extra.get("patients", ())
    read = scan_file(file, columns, DateRule(file.date_format, file.excel_dates, study.settings.data_lock))
    table, place = read.table, read.place
    findings = (*read.findings, *look_at_extra_columns(columns, table, place), *check_plain(columns, table, place))
    names = next((column.name for column in columns if column.is_identifier), None)
    if names is None and study.exclusions:
        raise ConfigError("exclude names patients, and no column is declared as the identifier")
    flow: tuple[FlowRow, ...] = ()
    if names is not None:
        flow = count_excluded(table[names], study.exclusions, place, names)
        keep = ~table[names].isin({one.patient_id for one in study.exclusions}).to_numpy()
        place, findings = keep_rows(place, findings, keep)
        table = table.loc[keep]
        findings = _raise_errors(study, findings)
        table = table.set_index(pd.Index(table[names].astype(str), name=names))
    else:
        findings = _raise_errors(study, findings)
    entries = {endpoint.entry for endpoint in study.settings.endpoint.values()}
    own = [column for column in columns if _is_known_at_baseline(column)]
    outcome = [one.name for one in columns if (one not in own and not one.is_identifier) or one.name in entries]
    rows = np.arange(len(table))
    return _join(
        study,
        table[[column.name for column in own]],
        own,
        table[outcome],
        ColumnPlaces({name: (place, rows) for name in outcome}, (place, rows)),
        flow,
        findings,
        (SourceFile("patients", read.name, read.sha256, read.size, len(read.table)),),
        notes=read.notes,
    )


def _is_known_at_baseline(column: Column) -> bool:
    return column.role not in {"outcome", "identifier"} and column.type not in {"date", "identifier"}


def _raise_errors(study: Study, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Stop at errors that are not waived, all of them together."""
    kept = tuple(findings)
    left, _, _ = split_waived(kept, study.waivers)
    errors = [finding for finding in left if finding.severity == "error"]
    if errors:
        raise FindingsError(errors)
    return kept


def _gather_canonical(study: Study) -> Gathered:
    rules = study.settings.labs
    read = scan_tables(
        study.files, extra=study.extra, data_lock=study.settings.data_lock,
        lab_limits=None if rules is None else rules.limits,
    )  # fmt: skip
    kept, flow = exclude_patients(read, study.exclusions)
    findings = _raise_errors(study, (*kept.findings, *check_tables(kept, windows=study.settings.acquisition.windows)))
    canonical = kept.without_phi()
    patients = canonical.tables["patients"]
    patients = patients.set_index(pd.Index(patients["patient_id"].astype(str), name="patient_id"))
    found = [column for column in canonical.columns("patients") if column.name in patients and not column.is_identifier]
    own = [column for column in found if _is_known_at_baseline(column)]
    entries = {endpoint.entry for endpoint in study.settings.endpoint.values()}
    outcome = [column for column in found if column not in own or column.name in entries]
    made = _made_of_tables(study, canonical, list(patients.index))
    own += made.columns
    table = patients[[column.name for column in own if column not in made.columns]].join(made.table)
    notes = [*canonical.notes, *_notes_of_unused(canonical, made), *made.notes]
    dates, places = _outcome_columns(canonical, patients, outcome, made.end)
    undefined = _undefined(made.table)
    joined = _join(study, table, own, dates, places, flow, findings, canonical.files, undefined, notes)
    return replace(joined, tables=canonical.tables)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """Columns of the patient that are made of tables with several rows for each."""

    table: pd.DataFrame
    columns: list[Column]
    notes: list[str]
    end: EndFacts


def _made_of_tables(study: Study, canonical: CanonicalTables, patients: list[str]) -> _Made:
    """Make reads, uptake and laboratory values at the baseline scan columns of the patient."""
    tables = canonical.tables
    decider = study.settings.reads.decides
    reads = tables.get("reads")
    if reads is not None and decider != READERS[0]:
        reads = reads[reads["reader"].astype(str) == decider]
    table = pd.DataFrame(index=pd.Index(patients, name="patient_id"))
    columns: list[Column] = []
    notes: list[str] = []
    if "scans" in tables:
        facts = scan_facts(patients, tables["scans"], reads)
        columns += [study.columns[fact.name] for fact in facts.facts if fact.name in study.columns]
        table = table.join(facts.table)
        notes += facts.notes
        made = acquisition_facts(
            table.index, tables["scans"], study.settings.acquisition.windows,
            diagnosis=_days_of(tables["patients"], "diagnosis_date"), treatment=_first_treatment(tables),
        )  # fmt: skip
        columns += [study.columns[fact.name] for fact in names_of(made)]
        table = table.join(made)
    if "lesions" in tables:
        lesions, told = first_segmentation(tables["lesions"])
        notes += told
        uptake = patient_uptake(pd.Series(patients), tables["scans"], lesions, reads)
        columns += [Column(one.name, "number", one.label, one.unit, "marker") for one in uptake.markers]
        table = table.join(uptake.table)
        notes += uptake.notes
        further = further_markers(uptake.table, tables["scans"], lesions, reads)
        columns += [study.columns[name] for name in further.table.columns]
        table = table.join(further.table)
        notes += further.notes
    end = EndFacts(pd.DataFrame(index=table.index), pd.DataFrame(index=table.index), {})
    if "scans" in tables:
        days = study.settings.mrd.days
        end = end_facts(patients, tables["scans"], reads, tables.get("assessments"), days=days)
        columns += [study.columns[str(name)] for name in end.table.columns]
        table = table.join(end.table)
        notes += end.notes
    if {"scans", "labs"} <= set(tables):
        labs = patient_labs(patients, origin_dates(tables["scans"]), tables["labs"], study.settings.lab_rule)
        columns += [Column(one.name, "number", one.label, one.unit) for one in labs.columns]
        table = table.join(labs.table)
        notes += labs.notes
    return _Made(table, columns, notes, end)


def _notes_of_unused(tables: CanonicalTables, made: _Made) -> list[str]:
    if "assessments" not in tables.tables or MRD in made.table:
        return []
    return ["assessments: no residual disease near an end-of-treatment scan, nothing else of them is analysed"]


def _days_of(table: pd.DataFrame, column: str) -> pd.Series | None:
    return table.set_index("patient_id")[column] if column in table and table[column].notna().any() else None


def _first_treatment(tables: Mapping[str, pd.DataFrame]) -> pd.Series | None:
    """Give the day on which the first treatment of each patient began; watching is none."""
    if "therapy" not in tables:
        return None
    therapy = tables["therapy"]
    treated = therapy[therapy["kind"].astype(object) != WATCHING] if "kind" in therapy else therapy
    return treated.groupby("patient_id")["therapy_date"].min()


def _undefined(uptake: pd.DataFrame) -> dict[str, pd.Series]:
    """Mark the metrics that do not exist because the scan of their tracer shows no lesion."""
    found = {}
    for tracer in TRACERS:
        if f"{tracer}_negative" in uptake:
            negative = uptake[f"{tracer}_negative"] == 1
            for name in uptake.columns:
                if any(str(name).startswith(f"{tracer}_{metric}") for metric in WITHOUT_LESIONS):
                    found[str(name)] = negative
    return found


def _outcome_columns(
    tables: CanonicalTables, patients: pd.DataFrame, own: Sequence[Column], end: EndFacts
) -> tuple[pd.DataFrame, ColumnPlaces]:
    """Collect follow-up and the dates at which time may begin, one row for each patient."""
    frame = pd.DataFrame(index=patients.index)
    origin = (tables.places["patients"], np.arange(len(patients)))
    places: dict[str, tuple[Place, npt.NDArray[np.int64]]] = {}
    for column in own:
        frame[column.name] = patients[column.name]
        places[column.name] = origin
    if "follow_up" in tables.tables:
        follow_up = tables.tables["follow_up"].set_index("patient_id")
        rows = follow_up.index.get_indexer(frame.index)
        for name in follow_up.columns:
            frame[name] = follow_up[name].reindex(frame.index)
            places[str(name)] = (tables.places["follow_up"], rows)
    scans = baseline_scans(tables.tables["scans"]) if "scans" in tables.tables else pd.DataFrame({"tracer": []})
    for tracer in TRACERS:
        mine = scans.loc[scans["tracer"].astype(str) == tracer]
        if not mine.empty:
            position = pd.Series(mine.index, index=mine["patient_id"]).reindex(frame.index)
            frame[f"{tracer}_scan_date"] = mine.set_index("patient_id")["scan_date"].reindex(frame.index)
            places[f"{tracer}_scan_date"] = (tables.places["scans"], position.fillna(-1).to_numpy(np.int64))
    for name, rows in end.scan_rows.items():
        frame[name] = end.dates[name]
        places[name] = (tables.places["scans"], rows)
    therapy = tables.tables.get("therapy")
    if therapy is not None:
        first = therapy.sort_values("therapy_date", kind="stable").drop_duplicates("patient_id")
        position = pd.Series(first.index, index=first["patient_id"]).reindex(frame.index)
        frame[FIRST_TREATMENT] = first.set_index("patient_id")["therapy_date"].reindex(frame.index)
        places[FIRST_TREATMENT] = (tables.places["therapy"], position.fillna(-1).to_numpy(np.int64))
    return frame, ColumnPlaces(places, origin)


def _join(  # noqa: PLR0913 - what the two kinds of study have in common
    study: Study,
    table: pd.DataFrame,
    columns: Sequence[Column],
    outcome_columns: pd.DataFrame,
    places: ColumnPlaces,
    flow: Sequence[FlowRow],
    findings: Sequence[Finding],
    files: tuple[SourceFile, ...],
    undefined: Mapping[str, pd.Series] | None = None,
    notes: Sequence[str] = (),
) -> Gathered:
    """Add the factors made from numbers, and leave out columns that no file fills."""
    empty = [column.name for column in columns if table[column.name].isna().all()]
    cuts = [cut for cut in study.cuts if cut.source in table and cut.source not in empty]
    whole = add_cuts(table, cuts).drop(columns=empty)
    reached = [one for one in study.reached if one.source in outcome_columns or one.source in table]
    for one in reached:
        whole[one.name] = one.apply((outcome_columns if one.source in outcome_columns else table)[one.source])
    declared, groups = study.columns, group_columns(study.settings)
    indices = compute_indices(study.settings, whole, groups, declared, places)
    made = [str(name) for name in indices.table]
    whole = whole.join(indices.table)
    findings = _raise_errors(study, (*findings, *indices.findings))
    if published_entries(study.settings):
        made.append(CLINICAL_INDEX)
        whole[CLINICAL_INDEX] = published_survival(study.settings, whole, groups)
    shown = [column for column in columns if column.name not in empty]
    shown += [declared[name] for name in [*(cut.name for cut in cuts), *(one.name for one in reached), *made]]
    fields = tuple(Field(one.name, one.role, one.label or one.name, one.unit) for one in shown)
    masks = {name: mask for name, mask in (undefined or {}).items() if name in whole}
    masks |= {cut.name: masks[cut.source] for cut in cuts if cut.source in masks}
    steps = tuple(FlowStep(f"set aside: {row.reason}", row.n_patients, row.n_left) for row in flow)
    of_study = [name for name in empty if name in study.settings.column]
    notes = [*notes, *indices.notes, *(f"column {name} has no value and is left out" for name in of_study)]
    if len(empty) > len(of_study):
        notes.append(f"{count_noun(len(empty) - len(of_study), 'column')} of the data schema without a value")
    return Gathered(
        whole, fields, outcome_columns, places, steps, tuple(findings), files, masks, tuple(dict.fromkeys(notes))
    )
