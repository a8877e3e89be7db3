"""The steps of a study, by name: each computes one result, and the failure of one leaves the others alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.cohort import ALL_PATIENTS
from survmodel.models.cumulative_incidence import CumulativeIncidence
from survmodel.models.description import Description, describe
from survmodel.models.follow_up import follow_up
from survmodel.models.formula import parse_formula
from survmodel.models.gray import GrayTest, gray_test
from survmodel.models.kaplan_meier import KaplanMeier
from survmodel.models.logrank import logrank_test
from survmodel.outcome.landmark_endpoint import by_landmark
from survmodel.outcome.response import Outcome
from survmodel.performance.precision import Precision, precision
from survmodel.report.answers import Answer
from survmodel.report.contents import CurvePart, EndpointPart, IncidencePart, LandmarkPart, MissingPart, ModelPart
from survmodel.report.sensitivity_contents import AnyFit
from survmodel.study.added_value_steps import added_value_part
from survmodel.study.comparison_steps import comparison_parts
from survmodel.study.cutpoint_steps import cutpoint_parts
from survmodel.study.endpoint_specs import dated_endpoint, endpoint_title
from survmodel.study.forest_steps import forest_part
from survmodel.study.imputation_steps import impute
from survmodel.study.intercurrent_steps import events_between
from survmodel.study.known_columns import further_columns, group_columns, model_strata
from survmodel.study.left_out_steps import left_out_parts
from survmodel.study.model_steps import marker_part, model_part
from survmodel.study.preparation import Prepared
from survmodel.study.sensitivity_steps import sensitivity_parts
from survmodel.study.settings import CurveEntry
from survmodel.study.step_parts import (
    EndpointSteps,
    Progress,
    Rows,
    attempt,
    begin_endpoint,
    list_levels,
    name_groups,
    silent,
)
from survmodel.study.timing import LATER_ROLES

Counts: TypeAlias = "tuple[tuple[str, int], ...]"

#: What curves measure where events compete.
ANY_EVENT = "freedom from any event"
#: Code of the first competing event of an outcome.
COMPETING = 2


def run_steps(prepared: Prepared, progress: Progress = silent) -> tuple[EndpointPart, ...]:
    """Compute everything that the study asks for.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    progress : callable
        Is told the name of each step before it begins.

    Returns
    -------
    tuple of EndpointPart
        In the order of the study file.
    """
    return tuple(_endpoint_part(name, prepared, progress) for name in prepared.study.settings.endpoint)


def describe_patients(prepared: Prepared, progress: Progress = silent) -> tuple[Answer[Description] | None, str]:
    """Describe the patients of the first endpoint by disease group.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    progress : callable
        As in `run_steps`.

    Returns
    -------
    answer : Answer of Description, or None
        Columns known at baseline; those of the scans' making and those that define the set are left out. None when
        there are none.
    analysis_set : str
        Name of the set that is described.
    """
    settings, cohort = prepared.study.settings, prepared.cohort
    set_name = settings.set_of(next(iter(settings.endpoint)))
    table = cohort.table.loc[cohort.sets[set_name][0]]
    group, _ = group_columns(settings)
    further = further_columns(settings)
    shown = list(settings.report.table_one) or [
        one.name
        for one in cohort.fields
        if one.role in {"baseline", "marker"}
        and one.name != group
        and one.name not in further
        and (settings.data.is_plain or _varies(table[one.name]))
    ]
    if not shown:
        return None, set_name
    undefined = {name: mask.loc[table.index] for name, mask in prepared.data.undefined.items()}
    by = group if group in table else None
    compute = lambda: describe(table, by, columns=shown, undefined=undefined)  # noqa: E731
    return attempt("description", compute, progress), set_name


def _varies(column: pd.Series) -> bool:
    """Leave out what is the same for everybody in the set, such as untreated, and counts of what the reads tell."""
    return column.nunique(dropna=False) > 1 and not str(column.name).endswith("_negative")


def _endpoint_part(name: str, prepared: Prepared, progress: Progress) -> EndpointPart:
    settings = prepared.study.settings
    set_name = settings.set_of(name)
    part = begin_endpoint(name, prepared, progress)
    declared, entry, of_any = part.analysis.outcome, settings.endpoint[name], part.of_any
    competes = declared.causes is not None
    curves = [curve for curve in settings.curve if curve.endpoint == name]
    dates = dated_endpoint(name, entry, settings) if entry.is_dated else None
    labels = prepared.study.labels
    causes = _count_causes(declared)
    chosen = settings.analysis_set.get(set_name)
    asked = {key: model for key, model in settings.model.items() if model.endpoint == name}
    imputed = impute(part)
    models = tuple(model_part(key, model, part, imputed) for key, model in asked.items() if not model.is_forest)
    by_group, undefined = _count_missing(part)
    title = endpoint_title(name, entry)
    return EndpointPart(
        name=name,
        title=title,
        label=ANY_EVENT if competes else title,
        event_label=declared.endpoint,
        horizons=entry.horizons,
        outcome=of_any,
        follow_up=part.attempt(f"follow_up/{name}", lambda: follow_up(of_any)),
        curves=tuple(_curve_part(curve, part) for curve in curves),
        incidence=tuple(_incidence_parts(curves, part)) if competes else (),
        models=models,
        forests=tuple(forest_part(key, model, part) for key, model in asked.items() if model.is_forest),
        comparisons=tuple(comparison_parts(part, imputed)),
        added_value=added_value_part(part, imputed),
        cutpoints=tuple(cutpoint_parts(part)),
        left_out=tuple(left_out_parts(part)),
        sensitivity=tuple(sensitivity_parts(part, _as_declared(models))),
        causes=causes,
        warnings=tuple(f"no patient had the competing event {label}" for label, count in causes[1:] if not count),
        precision=part.attempt(f"precision/{name}", lambda: _precision(part, models)),
        markers=tuple(marker_part(marker, part) for marker in settings.marker),
        missing=by_group[0].columns,
        missing_by_group=by_group,
        undefined=undefined,
        analysis_set="" if set_name == ALL_PATIENTS else (chosen.label if chosen and chosen.label else set_name),
        time_zero=labels[dates.origin] if dates else "",
        censored_at=labels[dates.censor] if dates else "",
        first_of=tuple(event.label for event in entry.first),
        landmark=_landmark_part(part),
        imputation=None if imputed is None else imputed.shown,
        between=events_between(part),
    )


def _as_declared(models: Sequence[ModelPart]) -> dict[str, AnyFit]:
    """Give what is printed of each Cox model: pooled where values are imputed."""
    return {model.name: model.fit if model.pooled is None else model.pooled.fit for model in models}


def _landmark_part(part: EndpointSteps) -> LandmarkPart | None:
    """Count who is lost up to the landmark, among those of the analysis set."""
    settings, cohort = part.prepared.study.settings, part.prepared.cohort
    at = settings.endpoint[part.name].landmark
    if at is None:
        return None
    inside = cohort.sets[settings.set_of(part.name)][0]
    unit = part.of_any.unit or ""
    tail = f" {by_landmark(at, unit)}"
    lost = {
        reason.removesuffix(tail): int(inside[list(positions)].sum())
        for reason, positions in cohort.endpoints[part.name].dropped
        if reason.endswith(tail)
    }
    return LandmarkPart(at, unit, tuple((reason, n) for reason, n in lost.items() if n))


def _count_causes(outcome: Outcome) -> tuple[tuple[str, int], ...]:
    return tuple((label, int((outcome.event == code).sum())) for code, label in (outcome.causes or {}).items())


def _count_missing(part: EndpointSteps) -> tuple[tuple[MissingPart, ...], Counts]:
    """Count, in the columns that the analyses use, values that are missing and those that cannot exist.

    Of missing values all patients come first, then each disease group.
    """
    settings, undefined = part.prepared.study.settings, part.prepared.data.undefined
    used: dict[str, None] = {}
    for curve in settings.curve:
        used |= {curve.by: None} if curve.endpoint == part.name and curve.by is not None else {}
    used |= dict.fromkeys(marker.name for marker in settings.marker)
    for model in settings.model.values():
        if model.endpoint == part.name:
            used |= dict.fromkeys((*parse_formula(model.formula).variables, *model_strata(model, settings)))
    if settings.data.is_plain:
        roles = {one.name: one.role for one in part.prepared.cohort.fields}
        known = {str(name): None for name in part.table.columns if roles.get(str(name)) not in LATER_ROLES}
        used = known | used
    missing, absent = {}, []
    for name in used:
        gone = part.table[name].isna()
        if name in undefined:
            no_lesion = gone & undefined[name].loc[part.table.index]
            gone &= ~no_lesion
            absent += [(name, int(no_lesion.sum()))] if no_lesion.any() else []
        missing[name] = gone.to_numpy()
    everybody = ("", np.arange(len(part.table)))
    groups = [] if part.group is None else list_levels(part.group)
    return tuple(_missing_part(label, rows, missing) for label, rows in (everybody, *groups)), tuple(absent)


def _missing_part(group: str, rows: Rows, missing: Mapping[str, npt.NDArray[np.bool_]]) -> MissingPart:
    counts = tuple((name, int(gone[rows].sum())) for name, gone in missing.items())
    lacking = np.zeros(rows.size, dtype=bool)
    for gone in missing.values():
        lacking |= gone[rows]
    return MissingPart(group, rows.size, int((~lacking).sum()), counts)


def _precision(part: EndpointSteps, models: Sequence[ModelPart]) -> Precision:
    """Tell what the events of interest can show; whom a competing event took away is not waited for."""
    group, entity = part.group, part.entity
    potential = part.prepared.potential.get(part.name)
    if potential is not None:
        potential = potential.loc[part.table.index].astype(float).where(part.analysis.outcome.event < COMPETING)
    return precision(
        part.of_one,
        None if group is None else name_groups(group),
        strata=None if entity is None else name_groups(entity),
        potential=potential,
        n_parameters=max((len(model.fit.result.beta) for model in models if model.fit.result), default=0) or None,
    )


def _comparable(groups: pd.Series) -> tuple[Rows, tuple[str, ...]]:
    """Select the patients whose group has others in it, and name the groups of one patient."""
    levels = list(list_levels(groups))
    several = [inside for _, inside in levels if inside.size > 1]
    rows = np.sort(np.concatenate(several)) if several else np.empty(0, dtype=np.int64)
    return rows, tuple(level for level, inside in levels if inside.size == 1)


def _incidence_parts(curves: Sequence[CurveEntry], part: EndpointSteps) -> Iterator[IncidencePart]:
    """Estimate the cumulative incidence of each event, in all patients and by the factors of the curves."""
    declared = part.analysis.outcome
    whole = part.attempt(f"incidence/{part.name}", lambda: CumulativeIncidence().fit(declared))
    yield IncidencePart("", "", whole)
    for by in dict.fromkeys(curve.by for curve in curves if curve.by is not None):
        groups = part.table[by]
        rows, _ = _comparable(groups)
        used = groups.iloc[rows]
        compute = partial(CumulativeIncidence().fit, declared.take(rows), by=used)
        label = part.prepared.study.labels[by]
        fit = part.attempt(f"incidence/{part.name}/{by}", compute)
        strata, strata_label = _within(by, rows, part)
        tests = () if fit.result is None else tuple(_gray_tests(by, declared.take(rows), used, strata, part))
        yield IncidencePart(by, label, fit, tests=tests, strata_label=strata_label)


def _gray_tests(
    by: str, outcome: Outcome, groups: pd.Series, strata: pd.Series | None, part: EndpointSteps
) -> Iterator[Answer[GrayTest]]:
    """Compare the groups by Gray's test of every event that any of their patients had."""
    for code in sorted(outcome.causes or {1: ""}):
        step = f"gray/{part.name}/{by}/{code}"
        if outcome.entry is not None:
            yield Answer(step, None, "Gray's test does not allow for patients who enter late", withheld=True)
            return
        if (outcome.event == code).any():
            yield part.attempt(step, partial(gray_test, outcome, groups, cause=code, strata=strata))


def _within(by: str, rows: Rows, part: EndpointSteps) -> tuple[pd.Series | None, str]:
    """Give the strata within which groups are compared, and the label of their column; none where there is no need."""
    group_name, entity_name = group_columns(part.prepared.study.settings)
    # Diseases differ in their course: what is compared over several of them is compared within entities.
    if part.entity is None or entity_name is None or by in {group_name, entity_name}:
        return None, ""
    return name_groups(part.entity).iloc[rows], part.prepared.study.labels[entity_name]


def _curve_part(curve: CurveEntry, part: EndpointSteps) -> CurvePart:
    step = "/".join(word for word in (curve.endpoint, curve.by) if word)
    spec = KaplanMeier(conf_type=curve.conf_type)
    if curve.by is None:
        return CurvePart("", "", part.attempt(f"curve/{step}", lambda: spec.fit(part.of_any)), None)
    groups = part.table[curve.by]
    rows, alone = _comparable(groups)
    if not rows.size:
        reason = "no group has more than one patient"
        return CurvePart(curve.by, part.prepared.study.labels[curve.by], Answer(f"curve/{step}", None, reason), None)
    used, by = part.of_any.take(rows), groups.iloc[rows]
    strata, strata_label = _within(curve.by, rows, part)
    return CurvePart(
        by=curve.by,
        label=part.prepared.study.labels[curve.by],
        fit=part.attempt(f"curve/{step}", lambda: spec.fit(used, by=by)),
        test=part.attempt(f"logrank/{step}", lambda: logrank_test(used, by, strata=strata)),
        n_left_out=int(groups.isna().sum()),
        alone=alone,
        strata_label=strata_label,
    )
