"""Models validated together: the same patients, the same resamples, paired differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from survmodel.models.contract import Model
from survmodel.models.strata import stratum_labels
from survmodel.performance.resampled_scores import is_fixed
from survmodel.performance.validation import validate
from survmodel.performance.validation_result import Validation
from survmodel.report.answers import Answer
from survmodel.report.validation_contents import ComparisonPart
from survmodel.study.forest_steps import forest_spec
from survmodel.study.imputation_steps import Imputed
from survmodel.study.model_steps import cox_spec
from survmodel.study.settings_models import ModelEntry
from survmodel.study.step_parts import EndpointSteps, too_few_events, withhold
from survmodel.study.validation_steps import scored_horizons


def comparison_parts(part: EndpointSteps, imputed: Imputed | None = None) -> Iterator[ComparisonPart]:
    """Validate the models of an endpoint that the study file compares.

    Parameters
    ----------
    part : EndpointSteps
        The endpoint.
    imputed : Imputed, optional
        Its completed tables: each model is then validated together with the imputation.

    Yields
    ------
    ComparisonPart
        Withheld where too few events speak for it.
    """
    settings = part.prepared.study.settings
    for names in settings.validation.compare:
        models = {name: settings.model[name] for name in names}
        if next(iter(models.values())).endpoint != part.name:
            continue
        found = part.attempt(f"comparison/{'/'.join(names)}", lambda models=models: _validate(models, part, imputed))  # type: ignore[misc]
        n_event = 0 if found.result is None else found.result.n_event
        labels = tuple(model.label or f"model {name}" for name, model in models.items())
        answer: Answer[Validation] = withhold(found, too_few_events(n_event, part.least.performance, "performance"))
        yield ComparisonPart(names, labels, answer)


def _validate(models: Mapping[str, ModelEntry], part: EndpointSteps, imputed: Imputed | None) -> Validation:
    settings = part.prepared.study.settings
    specs: dict[str, Model] = {}
    for name, model in models.items():
        specs[name] = (
            forest_spec(model, part, settings.seed) if model.is_forest else cox_spec(model.formula, model, part)
        )
    layers, repeats = name_layers(specs, part), settings.validation.repeats
    if imputed is not None:
        specs = {name: imputed.behind(spec) for name, spec in specs.items()}
        part, repeats = imputed.part, settings.validation.imputed_repeats
    often = settings.validation
    return validate(
        specs,
        part.table,
        part.of_one,
        horizons=scored_horizons(part, part.of_one),
        repeats=repeats if all(map(is_fixed, specs.values())) else often.forest_repeats,
        folds=often.folds,
        strata=layers,
        seed=settings.seed,
    )


def name_layers(specs: Mapping[str, Model], part: EndpointSteps) -> pd.Series:
    """Name the layer of every patient: disease group, and strata of the models.

    Parameters
    ----------
    specs : mapping of str to Model
        The models.
    part : EndpointSteps
        The endpoint.

    Returns
    -------
    pandas.Series
        Label of each patient.
    """
    layers = part.layers(np.arange(len(part.table)))
    columns = dict.fromkeys(name for spec in specs.values() for name in getattr(spec, "strata_columns", ()))
    labels = stratum_labels(part.table, tuple(columns))
    return layers + " " + pd.Series(labels, index=layers.index)
