"""A study under another decision: what an entry of ``[[sensitivity]]`` changes in the settings, and in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from survmodel.errors import DataError, closest, list_values
from survmodel.models.formula import parse_formula
from survmodel.models.formula_grammar import Call
from survmodel.models.formula_grammar import Column as FormulaColumn
from survmodel.study.known_columns import segmentation_rules
from survmodel.study.settings import DIAGNOSIS, StudySettings
from survmodel.study.settings_data import AnalysisSetEntry, MarkerEntry
from survmodel.study.settings_sensitivity import OF_DATES, ReadsEntry, SensitivityEntry

#: Name of the analysis set that a filter makes.
FILTERED = "sensitivity"


def vary(settings: StudySettings, entry: SensitivityEntry) -> StudySettings:
    """Decide otherwise what an entry says.

    Parameters
    ----------
    settings : StudySettings
        As declared.
    entry : SensitivityEntry
        What is changed.

    Returns
    -------
    StudySettings
        Without sensitivity analyses of its own, and nothing of it checked anew.
    """
    name = model_of(entry, settings)
    model = settings.model[name]
    endpoint = settings.endpoint[model.endpoint]
    changes: dict[str, object] = {"sensitivity": ()}
    dates = {key: getattr(entry, key) for key in OF_DATES if getattr(entry, key)}
    if entry.filter is not None:
        chosen = settings.analysis_set.get(settings.set_of(model.endpoint))
        rules = {} if chosen is None else dict(_rules_of(chosen))
        filtered = AnalysisSetEntry(include={**rules, entry.filter: entry.name}, label=entry.name)
        changes["analysis_set"] = {**settings.analysis_set, FILTERED: filtered}
        dates["analysis_set"] = FILTERED
    if dates:
        changes["endpoint"] = {**settings.endpoint, model.endpoint: endpoint.model_copy(update=dates)}
    if entry.segmentation is not None:
        formula = model.formula
        for column in parse_formula(formula).variables:
            new, old = FormulaColumn(resegmented(column, entry, settings)).label, re.escape(column)
            formula = re.sub(rf"`{old}`|(?<![\w.`]){old}(?![\w.`])", new, formula)
        changes["model"] = {**settings.model, name: model.model_copy(update={"formula": formula})}
        changes["marker"] = tuple(_remeasured(entry, settings))
    if entry.read is not None:
        changes["reads"] = ReadsEntry(decides=entry.read)
    return settings.model_copy(update=changes)


def _remeasured(entry: SensitivityEntry, settings: StudySettings) -> Iterator[MarkerEntry]:
    """Let the primary marker be that of the other rule; what stands among the markers already is not listed twice."""
    primary = settings.primary_marker
    new = None if primary is None else resegmented(primary.name, entry, settings)
    for marker in settings.marker:
        if marker is primary:
            yield marker.model_copy(update={"name": new})
        elif marker.name != new:
            yield marker


def _rules_of(chosen: AnalysisSetEntry) -> dict[str, str]:
    include = chosen.include
    if isinstance(include, dict):
        return include
    texts = (include,) if isinstance(include, str) else include
    return {text: text for text in texts}


def model_of(entry: SensitivityEntry, settings: StudySettings) -> str:
    """Name the model that a sensitivity analysis is about.

    Parameters
    ----------
    entry : SensitivityEntry
        The analysis.
    settings : StudySettings
        The study.

    Returns
    -------
    str
        Its own, else the larger one of the declared pair, else the only Cox model with the primary marker.

    Raises
    ------
    DataError
        When none is declared, or several could be meant.
    """
    if entry.model is not None:
        return entry.model
    if settings.added_value is not None:
        return settings.added_value.full
    primary = settings.primary_marker
    holding = [
        name
        for name, model in settings.model.items()
        if primary is not None and not model.is_forest and primary.name in parse_formula(model.formula).variables
    ]
    if len(holding) != 1:
        found = f"{list_values(holding)} hold the primary marker" if holding else "no Cox model holds a primary marker"
        raise DataError("it is not clear which model is meant", found, 'name it: model = "..."')
    return holding[0]


def marker_columns(name: str, settings: StudySettings) -> tuple[str, ...]:
    """Name the columns whose hazard ratios a sensitivity analysis shows.

    Parameters
    ----------
    name : str
        The model.
    settings : StudySettings
        The study.

    Returns
    -------
    tuple of str
        What the larger model of the declared pair adds; in another model the declared markers, else every column.
    """
    variables = parse_formula(settings.model[name].formula).variables
    pair = settings.added_value
    if pair is not None and pair.full == name:
        base = parse_formula(settings.model[pair.base].formula).variables
        return tuple(one for one in variables if one not in base)
    markers = tuple(one.name for one in settings.marker if one.name in variables)
    return markers or tuple(variables)


def resegmented(column: str, entry: SensitivityEntry, settings: StudySettings) -> str:
    """Name a column as it is called under the segmentation rule of an entry.

    Parameters
    ----------
    column : str
        A column of the model.
    entry : SensitivityEntry
        The analysis.
    settings : StudySettings
        Knows the rules.

    Returns
    -------
    str
        The same name where the column depends on no rule, or the entry keeps it.
    """
    if entry.segmentation is None:
        return column
    rules = sorted(segmentation_rules(settings), key=len, reverse=True)
    own = next((rule for rule in rules if column.endswith(f"_{rule}")), None)
    return column if own is None else f"{column.removesuffix(own)}{entry.segmentation}"


def in_words(entry: SensitivityEntry, labels: Mapping[str, str]) -> str:
    """Say what is decided otherwise.

    Parameters
    ----------
    entry : SensitivityEntry
        The analysis.
    labels : mapping of str to str
        How columns are called.

    Returns
    -------
    str
        For example ``"only cxcr4_scanner == 'A'"``.

    Examples
    --------
    >>> in_words(SensitivityEntry(name="a", filter="ecog <= 1", read="reader_1"), {})
    'only ecog <= 1; read by reader 1'
    """
    words = []
    if entry.filter is not None:
        words.append(f"only {entry.filter}")
    if entry.origin is not None:
        late = ", under observation from the scan" if entry.origin == DIAGNOSIS else ""
        words.append(f"time zero: {labels.get(entry.origin, entry.origin)}{late}")
    if entry.censor is not None:
        words.append(f"censored at: {labels.get(entry.censor, entry.censor)}")
    if entry.censor_at:
        also = [labels.get(column, column) for column in entry.censor_at]
        words.append(f"also censored at: {list_values(also)}")
    if entry.segmentation is not None:
        words.append(f"segmentation {entry.segmentation}")
    if entry.read is not None:
        words.append(f"read by {entry.read.replace('_', ' ')}")
    return "; ".join(words)


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
    for number, entry in enumerate(settings.sensitivity, start=1):
        key = f"sensitivity[{number}]"
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
    endpoint = settings.endpoint.get(model.endpoint)
    dated = [part for part in OF_DATES if getattr(entry, part)]
    if dated and endpoint is not None and not endpoint.is_dated:
        yield f"{key}.{dated[0]}: the endpoint {model.endpoint!r} is not made of dates"
    if entry.read is not None and "reads" not in settings.data.files:
        yield f"{key}.read: no file of reads is given under [data]"
    if entry.segmentation is not None:
        rules = segmentation_rules(settings)
        if entry.segmentation not in rules:
            yield f"{key}.segmentation: {entry.segmentation!r} is not a rule; {closest(entry.segmentation, rules)}"
        elif all(resegmented(one, entry, settings) == one for one in parse_formula(model.formula).variables):
            yield f"{key}.segmentation: no column of the model {name!r} depends on a rule, or it is the same"
