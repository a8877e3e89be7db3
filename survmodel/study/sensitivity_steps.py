"""The declared question under other decisions: the settings are varied, and everything after them is done again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from survmodel.data.findings import FindingsError
from survmodel.errors import SurvmodelError
from survmodel.report.answers import Answer
from survmodel.report.sensitivity_contents import AnyFit, SensitivityPart, SensitivityRow
from survmodel.study.config import Study
from survmodel.study.imputation_steps import impute, pool_whole
from survmodel.study.model_steps import cox_spec
from survmodel.study.preparation import prepare
from survmodel.study.sensitivity_variation import (
    each_left_out,
    entries_of,
    in_words,
    marker_columns,
    model_of,
    resegmented,
    vary,
)
from survmodel.study.settings_sensitivity import SensitivityEntry
from survmodel.study.step_parts import EndpointSteps, begin_endpoint, too_few_events, withhold


def sensitivity_parts(part: EndpointSteps, declared: Mapping[str, AnyFit]) -> Iterator[SensitivityPart]:
    """Ask the question of an endpoint again under each decision that the study lists.

    Parameters
    ----------
    part : EndpointSteps
        The endpoint.
    declared : mapping of str to Answer
        Its Cox models as declared, pooled where values are imputed.

    Yields
    ------
    SensitivityPart
        One for each model that is asked about, the declared analysis first.
    """
    study = part.prepared.study
    settings, labels = study.settings, study.labels | part.prepared.cohort.labels
    asked: dict[str, list[SensitivityEntry]] = {}
    for entry in entries_of(settings).values():
        name = model_of(entry, settings)
        if settings.model[name].endpoint == part.name:
            asked.setdefault(name, []).append(entry)
    for name, entries in asked.items():
        columns = marker_columns(name, settings)
        rows = [SensitivityRow("", "", declared[name], columns)]
        for entry in entries:
            rows += list(_rows(entry, name, columns, part))
        pair = settings.added_value
        declared_name = pair.marker_label if pair is not None and pair.full == name else ""
        marker = declared_name or " and ".join(labels.get(column, column) for column in columns)
        yield SensitivityPart(name, settings.model[name].label or f"model {name}", marker, tuple(rows))


def _rows(
    entry: SensitivityEntry, name: str, columns: tuple[str, ...], part: EndpointSteps
) -> Iterator[SensitivityRow]:
    """Give one row, or one for each group that is left out."""
    if entry.leave_out is None:
        yield _row(entry, name, columns, part)
        return
    try:
        single = list(each_left_out(entry, part.table[entry.leave_out]))
    except SurvmodelError as error:
        words = in_words(entry, part.prepared.study.labels)
        yield SensitivityRow(entry.name, words, Answer(f"sensitivity/{entry.name}", None, str(error)), columns)
        return
    yield from (_row(one, name, columns, part) for one in single)


def _row(entry: SensitivityEntry, name: str, columns: tuple[str, ...], part: EndpointSteps) -> SensitivityRow:
    study, step = part.prepared.study, f"sensitivity/{entry.name}"
    part.progress(step)
    own = {column: resegmented(column, entry, study.settings) for column in columns}
    answer: AnyFit
    try:
        answer = _fit(replace(study, settings=vary(study.settings, entry)), name, step, part)
    except SurvmodelError as error:
        answer = Answer(step, None, _first_reason(error))
    return SensitivityRow(entry.name, in_words(entry, study.labels), answer, tuple(own.values()))


def _first_reason(error: SurvmodelError) -> str:
    """Say why in one line: a table has no room for every finding."""
    if isinstance(error, FindingsError):
        return error.findings[0].problem
    return str(error).split("\n", 1)[0]


def _fit(study: Study, name: str, step: str, part: EndpointSteps) -> AnyFit:
    model = study.settings.model[name]
    varied = begin_endpoint(part.name, prepare(study), part.progress)
    few = too_few_events(varied.of_one.n_event, varied.least.hazard_ratio, "hazard_ratio")
    if few:
        # what would not be printed is not computed either
        return Answer(step, None, few, withheld=True)
    imputed = impute(varied)
    spec = cox_spec(model.formula, model, varied)
    least = varied.least.hazard_ratio
    if imputed is not None:
        pooled = pool_whole(step, spec, imputed)
        n_event = 0 if pooled.result is None else pooled.result.fits[0].n_event
        return withhold(pooled, too_few_events(n_event, least, "hazard_ratio"))
    alone = varied.attempt(step, lambda: spec.fit(varied.table, varied.of_one))
    n_event = 0 if alone.result is None else alone.result.n_event
    return withhold(alone, too_few_events(n_event, least, "hazard_ratio"))
