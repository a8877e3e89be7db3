"""Random survival forests of a study: what they say out of bag, and what the events allow to print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from survmodel.errors import FitError
from survmodel.models.forest_importance import ForestImportance, permutation_importance
from survmodel.models.survival_forest import RandomSurvivalForest
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.performance.discrimination import Concordance, concordance
from survmodel.performance.forest_against_cox import FOREST, ForestAgainstCox, compare_with_cox
from survmodel.performance.forest_brier import OutOfBagBrier, oob_brier
from survmodel.performance.out_of_fold import OutOfFold
from survmodel.performance.validation import BESIDE, validate
from survmodel.performance.validation_result import Validation
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.report.validation_contents import ForestPart, RiskGroupPart
from survmodel.study.settings_models import ModelEntry, RiskGroupsEntry
from survmodel.study.step_parts import EndpointSteps, Rows, after, list_levels, too_few_events, withhold
from survmodel.study.validation_steps import (
    calibrate_unseen,
    describe_cuts,
    disease_of,
    group_unseen,
    times_of,
    within_follow_up,
)

#: How often a column is shuffled to find its importance.
SHUFFLES = 10
#: Forests grown on half of the patients each, to find the limits of importance; few, as each costs as much as a forest.
SUBSAMPLES = 30
NO_RISK = "a forest that censors other events gives no risk where events compete"


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
    spec = forest_spec(model, part, seed)
    fit = part.attempt(f"forest/{name}", lambda: spec.fit(part.table, part.of_one))
    n_event = 0 if fit.result is None else fit.result.n_event
    few = too_few_events(n_event, part.least.performance, "performance") if fit.result is not None else ""
    exploratory = too_few_events(n_event, part.least.forest, "forest") if fit.result is not None else ""
    within = after(fit, f"concordance/{name}", lambda found: _concordance(found, part), part)
    importance = after(fit, f"importance/{name}", partial(_importance, part=part, seed=seed), part)
    brier = after(fit, f"brier/{name}", lambda found: _brier(found, part), part)
    compared, validation = _validation(
        name, fit, few, partial(_compare, spec=spec, asked=model.risk_groups, part=part), part
    )
    done, unseen = fit.result, _unseen(validation)
    horizons = () if done is None or few or part.analysis.outcome.causes is not None else within_follow_up(part, done)
    diseases = None if done is None else disease_of(done.rows, part)[0]
    return ForestPart(
        name=name,
        label=model.label or f"forest {name}",
        formula=model.formula,
        fit=fit,
        concordance=withhold(within, few),
        importance=importance,
        validation=validation,
        brier=withhold(brier, few or (NO_RISK if part.analysis.outcome.causes is not None else "")),
        against_cox=compared,
        concordance_by_group=() if done is None else tuple(_by_group(name, done, part)),
        calibrations=tuple(calibrate_unseen(name, time, unseen, diseases, part) for time in horizons),
        risk_groups=None if done is None else _risk_groups(name, model.risk_groups, exploratory, done, unseen, part),
        exploratory=exploratory,
    )


def forest_spec(model: ModelEntry, part: EndpointSteps, seed: int) -> RandomSurvivalForest:
    """Make the specification of a forest; a tuning compares patients of one disease group where all have one.

    Parameters
    ----------
    model : ModelEntry
        What the study file says of it.
    part : EndpointSteps
        The endpoint.
    seed : int
        Of its trees.

    Returns
    -------
    RandomSurvivalForest
        With its settings.
    """
    spec = RandomSurvivalForest(model.formula, seed=seed, **model.forest_settings)
    group = part.group
    if spec.tuning is None or group is None or group.isna().any():
        return spec
    return replace(spec, tuning=replace(spec.tuning, strata=str(group.name)))


def _unseen(validation: Answer[Validation]) -> Answer[OutOfFold]:
    """Take the out-of-fold predictions that the validation made."""
    if validation.result is None:
        return Answer(validation.step, None, validation.reason, validation.withheld)
    (found,) = validation.result.out_of_fold.values()
    return Answer(validation.step, found)


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
    measure = partial(permutation_importance, fit, part.table, part.of_one, strata=strata, repeats=SHUFFLES, seed=seed)
    try:
        return measure(subsamples=SUBSAMPLES)
    except FitError as error:
        # Half of few patients may not bear the forest; its importance is known all the same, without limits.
        found = measure(limits=None)
        return replace(found, warnings=(*found.warnings, f"no limits of importance: {error}"))


def _brier(fit: SurvivalForestFit, part: EndpointSteps) -> OutOfBagBrier:
    """Score out-of-bag risks at the horizons up to which the score is integrated, and integrated."""
    layers = part.layers(fit.rows)
    whole = oob_brier(fit, strata=layers)
    times = [time for time in part.horizons if time <= whole.horizon]
    return oob_brier(fit, times, strata=layers) if times else whole


def _validation(
    name: str,
    fit: Answer[SurvivalForestFit],
    few: str,
    compare: Callable[[SurvivalForestFit], ForestAgainstCox],
    part: EndpointSteps,
) -> tuple[Answer[ForestAgainstCox], Answer[Validation]]:
    """Compare with a Cox model, and take the validation of the forest out of that."""
    against, alone = f"forest_against_cox/{name}", f"validation/{name}"
    if few:
        return Answer(against, None, few, withheld=True), Answer(alone, None, few, withheld=True)
    found = after(fit, against, compare, part)
    if found.result is None:
        return found, Answer(alone, None, found.reason, found.withheld)
    shared = found.result.validation
    own = replace(shared, scores={FOREST: shared.scores[FOREST]}, out_of_fold={FOREST: shared.out_of_fold[FOREST]})
    return found, Answer(alone, own)


def _compare(
    fit: SurvivalForestFit, spec: RandomSurvivalForest, asked: RiskGroupsEntry | None, part: EndpointSteps
) -> ForestAgainstCox:
    settings = part.prepared.study.settings
    table, outcome, layers = part.table.iloc[fit.rows], fit.outcome, part.layers(fit.rows)
    shared: dict[str, Any] = {
        "repeats": settings.validation.forest_repeats, "folds": settings.validation.folds,
        "horizons": times_of(part, outcome, asked), "strata": layers, "seed": settings.seed,
    }  # fmt: skip
    found = compare_with_cox(spec, table, outcome, **shared)
    if len(found.validation.rows) == fit.n:
        return found
    # a Cox model leaves out rows that the forest keeps: the forest is validated on all of its own
    return replace(found, validation=validate({FOREST: spec}, table, outcome, **shared))


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


def _risk_groups(
    name: str,
    asked: RiskGroupsEntry | None,
    exploratory: str,
    fit: SurvivalForestFit,
    unseen: Answer[OutOfFold],
    part: EndpointSteps,
) -> RiskGroupPart | None:
    if asked is None:
        return None
    if exploratory:
        _, inside = disease_of(fit.rows, part)
        origin = describe_cuts(asked, inside, part.analysis.outcome.unit)
        return RiskGroupPart(origin, "", Answer(f"risk_groups/{name}", None, exploratory, withheld=True))
    return group_unseen(name, asked, unseen, fit, None, BESIDE, part)
