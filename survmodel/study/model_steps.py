"""Markers one at a time, and Cox models with what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from survmodel.errors import FitError
from survmodel.models.cox import CoxPH
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_tests import proportional_hazards_test
from survmodel.models.formula import parse_formula
from survmodel.performance.discrimination import Concordance, concordance
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.report.contents import LevelCount, MarkerPart, ModelPart
from survmodel.report.imputation_contents import PooledModel
from survmodel.study.imputation_steps import Analysed, Imputed, pool_model
from survmodel.study.known_columns import group_columns, model_strata
from survmodel.study.settings_data import MarkerEntry
from survmodel.study.settings_models import ModelEntry
from survmodel.study.step_parts import (
    EndpointSteps,
    Rows,
    after,
    list_levels,
    too_few_events,
    withhold,
)
from survmodel.study.validation_steps import REFITS, ValidatedModel, validate_cox


def marker_part(marker: MarkerEntry, part: EndpointSteps) -> MarkerPart:
    """Fit a marker alone, in all patients with entities as strata and in each disease group.

    Parameters
    ----------
    marker : MarkerEntry
        The marker and its scale.
    part : EndpointSteps
        The endpoint.

    Returns
    -------
    MarkerPart
        Its hazard ratios, or why there are none.
    """
    entity = group_columns(part.prepared.study.settings)[1]
    strata = (entity,) if entity is not None and entity in part.table else ()
    rows = np.arange(len(part.table))
    fits = [_marker_fit(marker, strata, "", rows, part)]
    group = part.group
    if group is not None:
        for level, inside in list_levels(group):
            fits.append(_marker_fit(marker, strata, level, inside, part))
    return MarkerPart(marker.name, marker.role, marker.term, tuple(fits), tuple(_by_entity(marker, part)))


def _by_entity(marker: MarkerEntry, part: EndpointSteps) -> Iterator[GroupAnswer[CoxFit]]:
    """Fit the marker in each entity, but where the entity is all that its disease group holds."""
    entities, group = part.entity, part.group
    if entities is None:
        return
    for level, rows in list_levels(entities):
        alone = group is not None and entities.loc[(group == group.iloc[rows[0]]).to_numpy()].nunique() == 1
        if not alone:
            yield _marker_fit(marker, (), level, rows, part)


def _marker_fit(
    marker: MarkerEntry, strata: Sequence[str], group: str, rows: Rows, part: EndpointSteps
) -> GroupAnswer[CoxFit]:
    usable = rows[part.table[marker.name].iloc[rows].notna().to_numpy()]
    n_event = int(part.of_one.take(usable).n_event) if usable.size else 0
    step = "/".join(word for word in ("marker", part.name, marker.name, group) if word)

    def fit() -> CoxFit:
        if not usable.size:
            raise FitError("nobody has a value of the marker")
        return CoxPH(marker.term, strata=strata or None).fit(part.table.iloc[usable], part.of_one.take(usable))

    reason = too_few_events(n_event, part.least.hazard_ratio, "hazard_ratio")
    if group and reason:
        # Groups are small: what would not be printed is not computed either.
        return GroupAnswer(group, usable.size, n_event, Answer(step, None, reason, withheld=True))
    return GroupAnswer(group, usable.size, n_event, withhold(part.attempt(step, fit), reason))


def model_part(name: str, model: ModelEntry, part: EndpointSteps, imputed: Imputed | None = None) -> ModelPart:
    """Fit a Cox model, each of its terms alone, and check it.

    Parameters
    ----------
    name : str
        Name of the model.
    model : ModelEntry
        Its formula and strata.
    part : EndpointSteps
        The endpoint.
    imputed : Imputed, optional
        Its completed tables: what is printed first is then pooled over them, and complete cases stand beside it.

    Returns
    -------
    ModelPart
        The fits, the test of proportional hazards, and C within strata and disease groups.
    """
    whole = part.attempt(f"cox/{name}", lambda: _fit(model.formula, model, part))
    done = whole.result
    n_event = 0 if done is None else done.n_event
    fit = withhold(whole, too_few_events(n_event, part.least.hazard_ratio, "hazard_ratio"))
    terms = [atom.label for atom in parse_formula(model.formula).atoms]
    univariable = tuple((term, _univariable(name, term, model, part)) for term in terms if len(terms) > 1)
    within = after(fit, f"concordance/{name}", lambda found: _concordance(found, part), part)
    pooled, validated = _validated(name, model, fit.result, part, imputed)
    return ModelPart(
        name=name,
        label=model.label or f"model {name}",
        formula=model.formula,
        ties=model.ties,
        penalty=model.penalty or "",
        strata=model_strata(model, part.prepared.study.settings),
        fit=fit,
        proportional_hazards=after(fit, f"proportional_hazards/{name}", proportional_hazards_test, part),
        concordance=withhold(within, too_few_events(n_event, part.least.performance, "performance")),
        univariable=univariable,
        counts=() if fit.result is None else tuple(_count_levels(fit.result)),
        concordance_by_group=() if fit.result is None else tuple(_concordance_by_group(name, fit.result, part)),
        undefined=() if fit.result is None else _count_undefined(fit.result, part),
        validation=None if validated is None else validated.optimism,
        calibrations=() if validated is None else validated.calibrations,
        risk_groups=None if validated is None else validated.risk_groups,
        stability=None if validated is None else validated.stability,
        pooled=pooled,
    )


def _validated(
    name: str, model: ModelEntry, fit: CoxFit | None, part: EndpointSteps, imputed: Imputed | None
) -> tuple[PooledModel | None, ValidatedModel | None]:
    """Pool a model over completed tables where there are any, and validate it together with the imputation."""
    spec, settings = cox_spec(model.formula, model, part), part.prepared.study.settings.validation
    if imputed is None:
        whom = None if fit is None else Analysed(fit.rows, fit.outcome, fit.data.stratum)
        return None, None if whom is None else validate_cox(name, model, spec, whom, part, settings.repeats)
    pooled, whom = pool_model(name, model.formula, spec, imputed)
    often = settings.imputed_repeats
    if whom is None:
        return pooled, None
    behind = imputed.behind(spec)
    return pooled, validate_cox(name, model, behind, whom, imputed.part, often, min(often, REFITS))


def _fit(formula: str, model: ModelEntry, part: EndpointSteps) -> CoxFit:
    return cox_spec(formula, model, part).fit(part.table, part.of_one)


def cox_spec(formula: str, model: ModelEntry, part: EndpointSteps) -> CoxPH:
    """Make the specification of a Cox model.

    Parameters
    ----------
    formula : str
        Its formula, or one of its terms.
    model : ModelEntry
        What the study file says of it.
    part : EndpointSteps
        The endpoint.

    Returns
    -------
    CoxPH
        With the references of the columns, strata, ties and penalty.
    """
    columns = part.prepared.study.columns
    used = parse_formula(formula).mains
    references = {name: columns[name].reference for name in used if columns[name].reference is not None}
    strata = model_strata(model, part.prepared.study.settings)
    return CoxPH(formula, strata=strata or None, ties=model.ties, penalty=model.penalty, reference=references or None)


def _univariable(name: str, term: str, model: ModelEntry, part: EndpointSteps) -> Answer[CoxFit]:
    answer = part.attempt(f"cox/{name}/{term}", lambda: _fit(term, model, part))
    n_event = 0 if answer.result is None else answer.result.n_event
    return withhold(answer, too_few_events(n_event, part.least.hazard_ratio, "hazard_ratio"))


def _concordance(fit: CoxFit, part: EndpointSteps) -> Concordance:
    """Compare patients of one stratum and one disease group only."""
    analysed = part.table.iloc[fit.rows]
    layers = part.layers(fit.rows, fit.data.stratum)
    return concordance(fit.outcome, fit.prognostic_index(analysed), strata=layers)


def _concordance_by_group(name: str, fit: CoxFit, part: EndpointSteps) -> Iterator[GroupAnswer[Concordance]]:
    group = part.group
    if group is None:
        return
    analysed = part.table.iloc[fit.rows]
    index = np.asarray(fit.prognostic_index(analysed))
    for level, rows in list_levels(group.iloc[fit.rows]):
        own = fit.outcome.take(rows)
        step = f"concordance/{name}/{level}"
        strata = fit.data.stratum[rows]
        compute = lambda own=own, rows=rows, strata=strata: concordance(own, index[rows], strata=strata)  # noqa: E731
        reason = too_few_events(own.n_event, part.least.performance, "performance")
        if reason:
            yield GroupAnswer(level, own.n, own.n_event, Answer(step, None, reason, withheld=True))
        else:
            yield GroupAnswer(level, own.n, own.n_event, part.attempt(step, compute))


def _count_levels(fit: CoxFit) -> Iterator[LevelCount]:
    events = fit.outcome.died
    for name in fit.columns.columns:
        column = fit.columns[name]
        if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != bool:
            yield LevelCount(str(name), "", len(column), int(events.sum()))
            continue
        for level, rows in list_levels(column):
            yield LevelCount(str(name), level, rows.size, int(events[rows].sum()))


def _count_undefined(fit: CoxFit, part: EndpointSteps) -> tuple[tuple[str, int], ...]:
    """Count, among the patients left out, those whose value does not exist because the scan shows no lesion."""
    gone = np.setdiff1d(np.arange(len(part.table)), fit.rows)
    undefined = part.prepared.data.undefined
    found = []
    for name in parse_formula(fit.design.formula.text).variables:
        if name in undefined:
            mask = undefined[name].loc[part.table.index].to_numpy()[gone]
            if mask.any():
                found.append((name, int(mask.sum())))
    return tuple(found)
