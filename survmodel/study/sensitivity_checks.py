"""What a sensitivity analysis cannot change, found before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.errors import DataError, SurvmodelError, closest
from survmodel.models.formula import parse_formula
from survmodel.models.formula_grammar import Call
from survmodel.study.endpoint_specs import dated_endpoint
from survmodel.study.known_columns import segmentation_rules
from survmodel.study.sensitivity_variation import entries_of, marker_columns, model_of, resegmented, vary
from survmodel.study.settings import StudySettings
from survmodel.study.settings_sensitivity import OF_DATES, SensitivityEntry


def problems_of_sensitivity(settings: StudySettings) -> Iterator[str]:
    """Look for what a sensitivity analysis cannot change.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Yields
    ------
    str
        One problem, beginning with its key.
    """
    seen: set[str] = set()
    for key, entry in entries_of(settings).items():
        if entry.name in seen:
            yield f"{key}.name: {entry.name!r} is taken already"
        seen.add(entry.name)
        try:
            name = model_of(entry, settings)
        except DataError as error:
            yield f"{key}: {error}"
            continue
        if name not in settings.model:
            yield f"{key}.model: no model {name!r}; {closest(name, settings.model)}"
            continue
        yield from _problems_of_one(key, entry, name, settings)


def _problems_of_one(key: str, entry: SensitivityEntry, name: str, settings: StudySettings) -> Iterator[str]:
    model = settings.model[name]
    if model.is_forest:
        yield f"{key}.model: {name!r} is a forest, which has no hazard ratio"
        return
    columns = marker_columns(name, settings)
    if not columns:
        yield f"{key}.model: {name!r} has no column whose hazard ratio could be shown"
    for atom in parse_formula(model.formula).atoms:
        if isinstance(atom, Call) and atom.function == "rcs" and {one.name for one in atom.columns} & set(columns):
            yield f"{key}.model: {atom.label} has no single hazard ratio; name a model with the marker on one scale"
    yield from _problems_of_dates(key, entry, name, settings)
    if entry.read is not None and "reads" not in settings.data.files:
        yield f"{key}.read: no file of reads is given under [data]"
    if entry.segmentation is not None:
        rules = segmentation_rules(settings)
        if entry.segmentation not in rules:
            yield f"{key}.segmentation: {entry.segmentation!r} is not a rule; {closest(entry.segmentation, rules)}"
        elif all(resegmented(one, entry, settings) == one for one in parse_formula(model.formula).variables):
            yield f"{key}.segmentation: no column of the model {name!r} depends on a rule, or it is the same"


def _problems_of_dates(key: str, entry: SensitivityEntry, name: str, settings: StudySettings) -> Iterator[str]:
    """Look whether there are dates to be decided about, and make the endpoint where rules change its events."""
    of_model = settings.model[name].endpoint
    endpoint = settings.endpoint.get(of_model)
    dated = [part for part in OF_DATES if getattr(entry, part)]
    if not dated or endpoint is None:
        return
    if not endpoint.is_dated:
        yield f"{key}.{dated[0]}: the endpoint {of_model!r} is not made of dates"
    elif entry.intercurrent:
        try:
            dated_endpoint(of_model, vary(settings, entry).endpoint[of_model], settings)
        except SurvmodelError as error:
            yield f"{key}.intercurrent: {error}"
