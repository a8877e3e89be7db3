"""From results and settings to what a report says: labels, flows, the question, what was accepted, the small print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from survmodel.cohort import ALL_PATIENTS
from survmodel.models.description import Description
from survmodel.report.answers import Answer
from survmodel.report.contents import EndpointPart, FlowPart, Question, StudyContents
from survmodel.study.clinical_index import describe_index
from survmodel.study.config import Study
from survmodel.study.endpoint_specs import endpoint_title
from survmodel.study.known_columns import group_columns
from survmodel.study.manifest import versions
from survmodel.study.preparation import Prepared
from survmodel.study.question_lock import history_of


def gather_contents(
    prepared: Prepared, parts: Sequence[EndpointPart], description: tuple[Answer[Description] | None, str]
) -> StudyContents:
    """Bring together everything that a report says.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    parts : sequence of EndpointPart
        The results.
    description : tuple of (Answer of Description or None, str)
        Who the patients are, and in which set.

    Returns
    -------
    StudyContents
        Without figures.
    """
    study, data = prepared.study, prepared.data
    settings, columns = study.settings, study.columns
    group, _ = group_columns(settings)
    answer, set_name = description
    labels = study.labels | prepared.cohort.labels
    return StudyContents(
        title=settings.report.title or settings.title,
        source=settings.source,
        n=len(data.table) + sum(step.n_removed for step in data.excluded),
        endpoints=tuple(parts),
        labels=labels,
        units={name: column.unit for name, column in columns.items() if column.unit},
        group_label=labels[group] if group is not None and group in data.table else "",
        flows=tuple(_flows(prepared)),
        description=answer,
        described="" if set_name == ALL_PATIENTS else _label(study, set_name),
        question=_question(prepared),
        waived=tuple((str(one.finding), one.reason) for one in prepared.waived),
        findings=tuple((one.severity, str(one)) for one in prepared.findings),
        cut_sources=tuple(
            (entry.label or name, entry.cut_source)
            for name, entry in settings.column.items()
            if entry.cut_source and any(curve.by == name for curve in settings.curve)
        ),
        clinical_index=describe_index(settings, labels),
        synthetic=study.is_synthetic,
        notes=tuple(dict.fromkeys((*data.notes, *(note for part in parts for note in part.outcome.notes)))),
        footer=tuple(_footer(prepared)),
    )


def _label(study: Study, set_name: str) -> str:
    chosen = study.settings.analysis_set.get(set_name)
    return chosen.label if chosen is not None and chosen.label else set_name


def _flows(prepared: Prepared) -> Iterator[FlowPart]:
    """Tell how patients reach each declared set, and each endpoint that loses more of them."""
    study, cohort = prepared.study, prepared.cohort
    n_start = len(cohort.table) + sum(step.n_removed for step in prepared.data.excluded)
    names = list(study.settings.analysis_set) or [ALL_PATIENTS]
    for name in names:
        label = "All patients" if name == ALL_PATIENTS else f"Analysis set: {_label(study, name)}"
        steps = tuple((step.reason, step.n_removed, step.n_left) for step in cohort.sets[name][1])
        yield FlowPart(name, label, n_start, steps, is_declared=name != ALL_PATIENTS)
    for name, entry in study.settings.endpoint.items():
        set_name = study.settings.set_of(name)
        flow = cohort.analysis(name, set_name).flow
        more = tuple((step.reason, step.n_removed, step.n_left) for step in flow[len(cohort.sets[set_name][1]) :])
        if more:
            whom = "all patients" if set_name == ALL_PATIENTS else f"those in the set {_label(study, set_name)}"
            title = f"{endpoint_title(name, entry)}, of {whom}"
            yield FlowPart(name, title, n_start, more)


def _question(prepared: Prepared) -> Question | None:
    lock = prepared.cohort.lock
    if lock is None:
        return None
    label = prepared.cohort.labels.get(lock.marker, lock.marker)
    scale = "" if lock.transform in {"", "none"} else f" ({lock.transform})"
    models = tuple(text for text in (lock.base, lock.full) if text)
    question = Question(f"{label}{scale}", lock.endpoint, models, lock.sha256)
    history = history_of(prepared.study.settings, prepared.study.locks)
    if history is None:
        return question
    changes = tuple(str(change) for change in history.changes)
    return replace(question, locked_on=history.dates, changes=changes, is_late=history.is_late)


def _footer(prepared: Prepared) -> Iterator[str]:
    study, software = prepared.study, versions()
    packages = ", ".join(f"{name} {number}" for name, number in software.items() if name not in {"survmodel", "python"})
    yield f"Made by survmodel {software['survmodel']} with Python {software['python']}, {packages}."
    yield f"Seed {study.settings.seed}. Study file {study.file}, SHA-256 {study.sha256}."
    # Several tables may stand in one file: in an export.
    yield from dict.fromkeys(f"Data file {file.name}, SHA-256 {file.sha256}." for file in prepared.data.files)
