"""The value that the marker adds, as the study declares it."""

from __future__ import annotations

from survmodel.models.contract import Model
from survmodel.models.formula import parse_formula
from survmodel.performance.added_value import AddedValue, Decision, added_value
from survmodel.report.added_value_contents import AddedValuePart
from survmodel.study.comparison_steps import name_layers
from survmodel.study.endpoint_specs import endpoint_title
from survmodel.study.imputation_steps import Imputed
from survmodel.study.model_steps import cox_spec
from survmodel.study.settings_added import AddedValueEntry
from survmodel.study.step_parts import EndpointSteps


def added_value_part(part: EndpointSteps, imputed: Imputed | None = None) -> AddedValuePart | None:
    """Compare the declared pair of models, where it belongs to the endpoint.

    Parameters
    ----------
    part : EndpointSteps
        The endpoint.
    imputed : Imputed, optional
        Its completed tables: both models are then fitted and validated together with the imputation.

    Returns
    -------
    AddedValuePart or None
        The comparison with its claim. With few events the claim says so itself.
    """
    settings = part.prepared.study.settings
    entry = settings.added_value
    if entry is None or settings.model[entry.full].endpoint != part.name:
        return None
    models = settings.model[entry.base], settings.model[entry.full]
    labels = models[0].label or f"model {entry.base}", models[1].label or f"model {entry.full}"
    marker = _marker_label(entry, part)
    answer = part.attempt(f"added_value/{entry.base}/{entry.full}", lambda: _compare(entry, marker, part, imputed))
    return AddedValuePart((entry.base, entry.full), labels, marker, answer)


def _compare(entry: AddedValueEntry, marker: str, part: EndpointSteps, imputed: Imputed | None) -> AddedValue:
    settings = part.prepared.study.settings
    models = settings.model[entry.base], settings.model[entry.full]
    specs: list[Model] = [cox_spec(model.formula, model, part) for model in models]
    layers = name_layers(dict(zip(("base", "full"), specs, strict=True)), part)
    repeats = entry.repeats or settings.validation.repeats
    if imputed is not None:
        specs = [imputed.behind(spec) for spec in specs]
        part, repeats = imputed.part, entry.repeats or settings.validation.imputed_repeats
    last = float(part.of_one.time.max())
    competes = part.analysis.outcome.causes is not None
    # the risk of a cause-specific model is none where events compete
    horizons = () if competes else tuple(time for time in part.horizons if time < last)
    decision = None
    if entry.horizon is not None and not competes:
        decision = Decision(entry.action, entry.thresholds, entry.horizon)
        horizons = tuple(sorted({*horizons, entry.horizon}))
    entity = part.entity
    return added_value(
        specs[0],
        specs[1],
        part.table,
        part.of_one,
        horizons=horizons,
        repeats=repeats,
        seed=settings.seed,
        strata=layers,
        entity=None if entity is None else str(entity.name),
        smallest_useful=entry.smallest_useful_hazard_ratio,
        decision=decision,
        names=(models[0].label or f"model {entry.base}", marker),
        endpoint=endpoint_title(part.name, settings.endpoint[part.name]),
    )


def _marker_label(entry: AddedValueEntry, part: EndpointSteps) -> str:
    """Name what was added: as declared, else the labels of the added columns."""
    if entry.marker_label:
        return entry.marker_label
    settings, labels = part.prepared.study.settings, part.prepared.study.labels | part.prepared.cohort.labels
    base, full = (parse_formula(settings.model[name].formula).variables for name in (entry.base, entry.full))
    added = [labels.get(name, name) for name in full if name not in base]
    return " and ".join(added) or settings.model[entry.full].label or entry.full
