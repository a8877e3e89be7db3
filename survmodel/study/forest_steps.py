"""Random survival forests of a study: what they say out of bag, and what the events allow to print."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from survmodel.models.forest_importance import ForestImportance, permutation_importance
from survmodel.models.survival_forest import RandomSurvivalForest
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.performance.calibration import Calibration
from survmodel.performance.discrimination import Concordance, concordance
from survmodel.performance.out_of_fold import AssignedGroups
from survmodel.performance.validation import Validation, validate
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.report.validation_contents import ForestPart, RiskGroupPart
from survmodel.study.settings_models import ModelEntry, RiskGroupsEntry
from survmodel.study.step_parts import EndpointSteps, Rows, after, list_levels, too_few_events, withhold
from survmodel.study.validation_steps import (
    OUT_OF_BAG,
    calibrate_known,
    describe_cuts,
    disease_of,
    refuse_risk,
    risk_group_part,
)

#: How often a column is shuffled to find its importance.
SHUFFLES = 10


def forest_part(name: str, model: ModelEntry, part: EndpointSteps) -> ForestPart:
    """Grow a forest and read it out of bag.

    Parameters
    ----------
    name : str
        Name of the model.
    model : ModelEntry
        Formula and settings.
    part : EndpointSteps
        The endpoint.

    Returns
    -------
    ForestPart
        C, its .632+ estimate and calibration are not computed below ``min_events.performance``; below
        ``min_events.forest`` the forest is exploratory, without risk groups.
    """
    seed = part.prepared.study.settings.seed
    spec = RandomSurvivalForest(model.formula, n_trees=model.n_trees, mtry=model.mtry, min_leaf=model.min_leaf,
                                seed=seed)  # fmt: skip
    fit = part.attempt(f"forest/{name}", lambda: spec.fit(part.table, part.of_one))
    n_event = 0 if fit.result is None else fit.result.n_event
    few = too_few_events(n_event, part.least.performance, "performance") if fit.result is not None else ""
    exploratory = too_few_events(n_event, part.least.forest, "forest") if fit.result is not None else ""
    within = after(fit, f"concordance/{name}", lambda found: _concordance(found, part), part)
    importance = after(fit, f"importance/{name}", partial(_importance, part=part, seed=seed), part)
    step = f"validation/{name}"
    if few:
        validation: Answer[Validation] = Answer(step, None, few, withheld=True)
    else:
        validation = after(fit, step, partial(_validate, spec=spec, part=part), part)
    done = fit.result
    return ForestPart(
        name=name,
        label=model.label or f"forest {name}",
        formula=model.formula,
        fit=fit,
        concordance=withhold(within, few),
        importance=importance,
        validation=validation,
        concordance_by_group=() if done is None else tuple(_by_group(name, done, part)),
        calibrations=() if done is None or few else tuple(_calibrations(name, done, part)),
        risk_groups=None if done is None else _risk_groups(name, model.risk_groups, exploratory, done, part),
        exploratory=exploratory,
    )


def _seen(fit: SurvivalForestFit) -> Rows:
    """Rows of the fit with an out-of-bag index."""
    return np.flatnonzero(np.isfinite(fit.oob_index))


def _concordance(fit: SurvivalForestFit, part: EndpointSteps) -> Concordance:
    """Compare patients of one disease group only."""
    seen = _seen(fit)
    layers = part.layers(fit.rows).iloc[seen]
    return concordance(fit.outcome.take(seen), fit.oob_index[seen], strata=layers)


def _importance(fit: SurvivalForestFit, part: EndpointSteps, seed: int) -> ForestImportance:
    strata = part.layers(np.arange(len(part.table)))
    return permutation_importance(fit, part.table, part.of_one, strata=strata, repeats=SHUFFLES, seed=seed)


def _validate(fit: SurvivalForestFit, spec: RandomSurvivalForest, part: EndpointSteps) -> Validation:
    settings = part.prepared.study.settings
    return validate(
        spec,
        part.table.iloc[fit.rows],
        fit.outcome,
        repeats=settings.validation.forest_repeats,
        strata=part.layers(fit.rows),
        seed=settings.seed,
    )


def _by_group(name: str, fit: SurvivalForestFit, part: EndpointSteps) -> Iterator[GroupAnswer[Concordance]]:
    group, seen = part.group, _seen(fit)
    if group is None:
        return
    for level, inside in list_levels(group.iloc[fit.rows[seen]]):
        own = fit.outcome.take(seen[inside])
        step = f"concordance/{name}/{level}"
        reason = too_few_events(own.n_event, part.least.performance, "performance")
        if reason:
            yield GroupAnswer(level, own.n, own.n_event, Answer(step, None, reason, withheld=True))
        else:
            compute = partial(concordance, own, fit.oob_index[seen[inside]])
            yield GroupAnswer(level, own.n, own.n_event, part.attempt(step, compute))


def _calibrations(name: str, fit: SurvivalForestFit, part: EndpointSteps) -> Iterator[Answer[Calibration]]:
    if part.analysis.outcome.causes is not None:
        return
    for time in part.horizons:
        if time <= fit.outcome.time.max():
            risk = fit.oob_risk([time])[:, 0]
            compute = partial(calibrate_known, fit.outcome, risk, time, OUT_OF_BAG)
            yield part.attempt(f"calibration/{name}/{time:g}", compute)


def _risk_groups(
    name: str, asked: RiskGroupsEntry | None, exploratory: str, fit: SurvivalForestFit, part: EndpointSteps
) -> RiskGroupPart | None:
    if asked is None:
        return None
    within, inside = disease_of(fit.rows, part)
    origin = describe_cuts(asked, inside, part.analysis.outcome.unit)
    assigned_by = "the trees that had not drawn that patient"
    if exploratory:
        return RiskGroupPart(origin, assigned_by, Answer(f"risk_groups/{name}", None, exploratory, withheld=True))

    def assign() -> AssignedGroups:
        refuse_risk(asked, fit.outcome, part)
        index = fit.oob_index if asked.on == "index" else fit.oob_risk([asked.horizon or 0.0])[:, 0]
        known = np.flatnonzero(np.isfinite(index))
        layers = None if asked.on == "risk" or within is None else within.iloc[known]
        assigned = asked.spec.fit(index[known], layers).assign(index[known], layers)
        codes = np.full(fit.n, -1)
        codes[known] = assigned.codes
        groups = pd.Categorical.from_codes(codes.tolist(), categories=assigned.categories, ordered=True)
        return AssignedGroups(pd.Series(groups, index=part.table.index[fit.rows]))

    return risk_group_part(name, fit.rows, assign, origin, assigned_by, part)
