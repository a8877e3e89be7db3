"""From a checked study file to its cohort: data are read, sets chosen, the question locked, then outcomes are made.

Findings about endpoints are named by file and line as all others are, and are accepted in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from survmodel.cohort import Cohort, EndpointSpec, MarkerLock, assemble, select_patients
from survmodel.data.findings import Finding, FindingsError, Severity
from survmodel.data.row_filter import RowFilter
from survmodel.data.waivers import Waived, apply_waivers
from survmodel.errors import DataError, EndpointError, list_values
from survmodel.models.formula import parse_formula
from survmodel.outcome.endpoints import UNITS, Endpoint
from survmodel.study.age_checks import look_at_ages
from survmodel.study.config import Study, read_study
from survmodel.study.endpoint_specs import dated_endpoint, endpoint_spec
from survmodel.study.file_errors import StudyFileError
from survmodel.study.gathering import Gathered, gather
from survmodel.study.imputation_plan import look_at_imputations
from survmodel.study.index_checks import look_at_index
from survmodel.study.known_columns import GROUP, group_columns, model_strata
from survmodel.study.predictor_checks import look_at_predictors
from survmodel.study.reached_checks import look_at_reached
from survmodel.study.ready_made_checks import look_at_ready_made
from survmodel.study.settings import StudySettings
from survmodel.study.settings_index import INDEX_GROUP, INDEX_NAME

#: Said beside the event of an outcome of patients who do not exist.
SYNTHETIC = "SYNTHETIC data"
#: Findings of an endpoint that say what a finding of the files has said of the same patient already.
TWINS = {
    "E032": "D122", "E033": "D127", "E034": "D126", "E035": "D124", "E036": "D125", "E042": "D055", "E043": "D056",
    "E044": "D057", "E046": "D128", "E047": "D123", "E048": "D129",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A study that is ready to be analysed.

    Attributes
    ----------
    study : Study
        What was asked for.
    cohort : Cohort
        Patients, markers and outcomes.
    data : Gathered
        Where they come from.
    findings : tuple of Finding
        Warnings and notes that nobody waived.
    waived : tuple of Waived
        What the study accepts, with its reasons.
    potential : mapping of str to pandas.Series
        For each endpoint of dates, the time from origin to the data lock, with the rows of the cohort.
    """

    study: Study
    cohort: Cohort
    data: Gathered
    findings: tuple[Finding, ...] = ()
    waived: tuple[Waived, ...] = ()
    potential: Mapping[str, pd.Series] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StudyCheck:
    """What a check of a study and its data has found.

    Attributes
    ----------
    findings : tuple of Finding
        Errors, warnings and notes; identifiers and dates are never shown.
    """

    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the study can be run."""
        return not any(finding.severity == "error" for finding in self.findings)

    def __repr__(self) -> str:
        head = "the study can be run" if self.ok else "the study cannot be run"
        return "\n".join([head, *(f"{finding.severity}: {finding}" for finding in self.findings)])


def check_study(path: str | Path) -> StudyCheck:
    """Check a study file and its data without analysing them.

    Parameters
    ----------
    path : str or pathlib.Path
        The study file.

    Returns
    -------
    StudyCheck
        Every finding; nothing is written.

    Raises
    ------
    StudyFileError
        When the study file itself is not understood.
    OSError
        When a file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from survmodel.study.example import write_example
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check = check_study(write_example(folder))
    >>> check.ok, [finding.code for finding in check.findings]
    (True, ['D105', 'D131', 'D205', 'D205', 'D205', 'D205', 'D200', 'D200', 'E034'])
    """
    try:
        return StudyCheck(prepare(read_study(path)).findings)
    except FindingsError as error:
        return StudyCheck(error.findings)


def build_cohort(study: Study | str | Path) -> Cohort:
    """Build the cohort of a study.

    Parameters
    ----------
    study : Study or path
        What `read_study` gave, or the study file.

    Returns
    -------
    Cohort
        ``.table``, ``.outcome("pfs")``, ``.analysis("pfs", "prognostic")``.

    Raises
    ------
    StudyFileError
        When the study file is not understood.
    FindingsError
        When the data cannot be what they claim to be.
    OSError
        When a file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from survmodel.study.example import write_example
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cohort = build_cohort(write_example(folder))
    >>> [(step.reason, step.n_left) for step in cohort.analysis("pfs", "prognostic").flow][:2]
    [('disease not confirmed', 50), ('treated before the scan', 49)]
    """
    prepared = prepare(study if isinstance(study, Study) else read_study(study))
    return mark_synthetic(prepared.cohort) if prepared.study.is_synthetic else prepared.cohort


def mark_synthetic(cohort: Cohort) -> Cohort:
    """Let every outcome of a cohort say that nobody in it exists, so that all that is made from it says so too.

    Parameters
    ----------
    cohort : Cohort
        SYNTHETIC patients.

    Returns
    -------
    Cohort
        The same numbers; the event of each outcome is told with the words.
    """
    marked = {}
    for name, result in cohort.endpoints.items():
        marked[name] = replace(result, outcome=result.outcome.remark(SYNTHETIC), label=f"{result.label} ({SYNTHETIC})")
    return replace(cohort, endpoints=marked, notes=(f"{SYNTHETIC}: nobody in this cohort exists", *cohort.notes))


def prepare(study: Study) -> Prepared:
    """Read and check the data of a study, and join them with the outcomes.

    Parameters
    ----------
    study : Study
        What is declared.

    Returns
    -------
    Prepared
        Ready for the steps.

    Raises
    ------
    FindingsError
        With every error that the study does not waive.
    OSError
        When a file cannot be read.
    """
    data = gather(study)
    for look in (_look_for_columns, _look_for_nobody, _look_at_times, look_at_reached):
        problems = list(dict.fromkeys(look(study, data)))
        if problems:
            raise FindingsError(problems)
    try:
        cohort = _assemble(study, data)
    except (EndpointError, DataError) as error:
        problem = error.problem + (f", {error.found}" if error.found else "")
        raise FindingsError([Finding("D049", problem, remedy=error.remedy)]) from None
    found = [*data.findings, *_look_at_endpoints(cohort, data), *look_at_predictors(study, data, cohort)]
    found += [*look_at_index(study, data, cohort), *look_at_imputations(study, data, cohort)]
    found += look_at_ages(study, cohort)
    findings, waived = apply_waivers(found, study.waivers)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise FindingsError(errors)
    _refuse_pooled_index(study, cohort)
    return Prepared(study, cohort, data, findings, waived, _potential(study, data))


def _assemble(study: Study, data: Gathered) -> Cohort:
    settings = study.settings
    endpoints: dict[str, EndpointSpec] = {
        name: endpoint_spec(name, settings, study.labels, data.outcome_columns) for name in settings.endpoint
    }
    return assemble(
        data.table,
        data.fields,
        endpoints,
        outcome_columns=data.outcome_columns,
        sets={name: chosen.include for name, chosen in settings.analysis_set.items()},
        follow_up_set={name: settings.set_of(name) for name in endpoints},
        excluded=data.excluded,
        lock=marker_lock(study),
        notes=data.notes,
        on_error="collect",
    )


def marker_lock(study: Study) -> MarkerLock | None:
    """Fix the question of a study before its outcomes are seen.

    Parameters
    ----------
    study : Study
        What is declared.

    Returns
    -------
    MarkerLock or None
        Primary marker with its transformation, its endpoint (the first one without a choice), and the two models that
        ``[added_value]`` names; without it the models of that endpoint without and with the marker, where there is one
        of each. None without a primary marker.
    """
    primary = study.settings.primary_marker
    if primary is None:
        return None
    endpoint = primary.endpoint or next(iter(study.settings.endpoint))
    cox = [model for model in study.settings.model.values() if not model.is_forest]
    models = [model.formula for model in cox if model.endpoint == endpoint]
    with_marker = [text for text in models if primary.name in parse_formula(text).variables]
    without = [text for text in models if text not in with_marker]
    base, full = (without[0], with_marker[0]) if len(without) == len(with_marker) == 1 else ("", "")
    pair = study.settings.added_value
    if pair is not None:
        base, full = (study.settings.model[name].formula for name in (pair.base, pair.full))
    return MarkerLock(primary.name, endpoint, base, full, primary.transform)


def _look_for_columns(study: Study, data: Gathered) -> Iterator[Finding]:
    """Look for columns that an analysis needs and that no file fills."""
    keys: dict[str, str] = {}
    for name, key in _needed_columns(study.settings):
        keys.setdefault(name, key)
    for name, key in keys.items():
        if name not in data.table:
            remedy = "bring the file or the column, or leave the analysis out"
            yield Finding("D033", f"no value in any file, and {key} needs it", column=name, remedy=remedy)


def _needed_columns(settings: StudySettings) -> Iterator[tuple[str, str]]:
    """Walk through the columns of all analyses, each with the part of the study file that names it."""
    for key, name in zip(("column", "entity"), group_columns(settings), strict=True):
        if name is not None:
            yield name, f"[groups] {key}"
    yield from ((one.column, f"[clinical_index.{key}]") for key, one in settings.clinical_index.items())
    for key, chosen in settings.analysis_set.items():
        yield from ((name, f"[analysis_set.{key}]") for text in chosen.include for name in RowFilter(text).columns)
    yield from ((marker.name, "[[marker]]") for marker in settings.marker)
    yield from ((curve.by, "[[curve]]") for curve in settings.curve if curve.by is not None)
    yield from ((name, "[report] table_one") for name in settings.report.table_one)
    for key, model in settings.model.items():
        used = (*parse_formula(model.formula).variables, *model_strata(model, settings))
        yield from ((name, f"[model.{key}]") for name in used)


def _look_at_times(study: Study, data: Gathered) -> Iterator[Finding]:
    """Check the ready-made times of those who are followed up, and that dates are there at all."""
    settings = study.settings
    for name, entry in settings.endpoint.items():
        if entry.is_dated:
            spec = dated_endpoint(name, entry, settings)
            asked = (spec.origin, spec.entry, spec.censor, *spec.event_columns.values(), *spec.censor_at)
            for column in (one for one in asked if one is not None):
                if column not in data.outcome_columns:
                    remedy = "bring the file that holds it"
                    yield Finding("D033", f"no file holds it, and [endpoint.{name}] needs it", column=column,
                                  remedy=remedy)  # fmt: skip
            continue
        chosen = settings.analysis_set.get(settings.set_of(name))
        inside = np.ones(len(data.table), dtype=bool)
        if chosen is not None:
            inside, _ = select_patients(data.table, chosen.include, ())
        yield from look_at_ready_made(name, entry, data, np.flatnonzero(inside))


def _look_at_endpoints(cohort: Cohort, data: Gathered) -> Iterator[Finding]:
    """Name the findings of the endpoints by line, each once, unless the files have told it already."""
    told: dict[str, set[int]] = {code: set() for code in TWINS.values()}
    for finding in data.findings:
        if finding.code in told:
            told[finding.code] |= data.places.patients_at(finding)
    seen: dict[tuple[str, str, str, str, Severity], set[int]] = {}
    for result in cohort.endpoints.values():
        for one in result.audit:
            key = (one.code, one.column, one.problem, one.remedy, one.severity)
            new = set(one.positions) - told.get(TWINS.get(one.code, ""), set())
            if one.positions and not new:
                continue
            seen.setdefault(key, set()).update(new)
    for (code, column, problem, remedy, severity), patients in seen.items():
        if patients:
            yield from data.places.find(code, column, problem, patients, remedy=remedy, severity=severity)
        else:
            yield Finding(code, problem, column=column, remedy=remedy, severity=severity)


def _refuse_pooled_index(study: Study, cohort: Cohort) -> None:
    """Refuse one slope for the groups of several clinical indices: high risk is not the same risk in two diseases."""
    problems = []
    for name, model in study.settings.model.items():
        if INDEX_GROUP not in parse_formula(model.formula).variables or study.settings.data.is_plain:
            continue
        table = cohort.analysis(model.endpoint, study.settings.set_of(model.endpoint)).table
        kinds = table[INDEX_NAME if INDEX_NAME in table else GROUP].dropna().unique()
        if len(kinds) > 1:
            problems.append(
                f"model.{name}.formula: {INDEX_GROUP} would be one slope for {list_values(sorted(map(str, kinds)))}; "
                "declare the survival published for each index in [clinical_index] and write "
                "published_risk(clinical_index), or analyse one index at a time with an analysis set"
            )
    if problems:
        raise StudyFileError(study.file, problems)


def _look_for_nobody(study: Study, data: Gathered) -> Iterator[Finding]:
    for name, chosen in study.settings.analysis_set.items():
        inside, steps = select_patients(data.table, chosen.include, data.excluded)
        if not inside.any():
            last = f"; the last left: {steps[-1].reason}" if steps else ""
            remedy = "check the rules of the set and the columns they name"
            yield Finding("D046", f"nobody is left in the analysis set {name}{last}", remedy=remedy)


def _potential(study: Study, data: Gathered) -> dict[str, pd.Series]:
    lock = study.settings.data_lock
    found = {}
    for name, entry in study.settings.endpoint.items():
        if lock is not None and entry.is_dated:
            spec: Endpoint = dated_endpoint(name, entry, study.settings)
            days = (pd.Timestamp(lock) - data.outcome_columns[spec.origin]).dt.days
            found[name] = days / UNITS[spec.unit] - (entry.landmark or 0)
    return found
