"""A study under another decision: what an entry of ``[[sensitivity]]`` changes in the settings, and in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pandas as pd

from survmodel.errors import DataError, list_values
from survmodel.formatting import count_noun
from survmodel.models.formula import parse_formula
from survmodel.models.formula_grammar import Column as FormulaColumn
from survmodel.outcome.first_ending import in_words as in_event_words
from survmodel.outcome.intercurrent import RULES
from survmodel.outcome.standard_endpoints import STANDARD_ENDPOINTS
from survmodel.study.known_columns import segmentation_rules
from survmodel.study.settings import DIAGNOSIS, StudySettings
from survmodel.study.settings_data import AnalysisSetEntry, MarkerEntry
from survmodel.study.settings_sensitivity import OF_DATES, ReadsEntry, SensitivityEntry

#: Name of the analysis set that a filter makes.
FILTERED = "sensitivity"
#: More groups than this are no stratum that is left out in turn.
MOST_LEFT_OUT = 12


def entries_of(settings: StudySettings) -> dict[str, SensitivityEntry]:
    """List the sensitivity analyses of a study: those that it declares, then the variants of its standard endpoints.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Returns
    -------
    dict of str to SensitivityEntry
        By the key of the study file that asks for it. A variant that is what the endpoint decides anyway is none. A
        variant is about the model of the question where that has the endpoint, else about the only Cox model that has
        it; with several of them its ``model`` is empty, which `model_of` refuses.
    """
    found = {f"sensitivity[{number}]": entry for number, entry in enumerate(settings.sensitivity, start=1)}
    for name, endpoint in settings.endpoint.items():
        if not endpoint.variants or endpoint.kind is None:
            continue
        asked = _model_of_question(settings)
        own = [key for key, one in settings.model.items() if one.endpoint == name and not one.is_forest]
        model = asked if asked in own else own[0] if len(own) == 1 else None
        for title, rules in STANDARD_ENDPOINTS[endpoint.kind].variants:
            if any(endpoint.intercurrent.get(event) != rule for event, rule in rules.items()):
                entry = SensitivityEntry(name=f"{endpoint.label}, {title}", model=model, intercurrent=dict(rules))
                found[f"endpoint.{name}.variants ({title})"] = entry
    return found


def _model_of_question(settings: StudySettings) -> str | None:
    try:
        return model_of(SensitivityEntry(name="question", filter="any"), settings)
    except DataError:
        return None


def each_left_out(entry: SensitivityEntry, groups: pd.Series) -> Iterator[SensitivityEntry]:
    """Make one analysis for each group that is left out.

    Parameters
    ----------
    entry : SensitivityEntry
        With ``leave_out``, or without, which is given back.
    groups : pandas.Series
        Group of each patient of the endpoint.

    Yields
    ------
    SensitivityEntry
        Each with a filter; patients without a group are in none of them.

    Raises
    ------
    DataError
        For a single group, for more than `MOST_LEFT_OUT` of them, and for a name that no filter can hold.

    Examples
    --------
    >>> entry = SensitivityEntry(name="each", leave_out="scanner")
    >>> [one.filter for one in each_left_out(entry, pd.Series(["A", "B", "A"]))]
    ["scanner != 'A'", "scanner != 'B'"]
    """
    levels = sorted(map(str, groups.dropna().unique()))
    if not 2 <= len(levels) <= MOST_LEFT_OUT:
        found = f"{entry.leave_out} has {count_noun(len(levels), 'level')}"
        raise DataError("groups can be left out in turn where there are 2 to 12 of them", found)
    for level in levels:
        mark = '"' if "'" in level else "'"
        if mark in level:
            raise DataError("a level has both kinds of quotation marks", f"in {entry.leave_out}", "rename it")
        also = f"({entry.filter}) and " if entry.filter else ""
        condition = f"{also}{FormulaColumn(str(entry.leave_out)).label} != {mark}{level}{mark}"
        changes = {"name": f"{entry.name}: without {level}", "filter": condition, "leave_out": None}
        yield entry.model_copy(update=changes)


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
    settings = alone(settings)
    endpoint = settings.endpoint[model.endpoint]
    changes: dict[str, object] = {}
    dates = {key: getattr(entry, key) for key in OF_DATES if getattr(entry, key)}
    if entry.filter is not None:
        chosen = settings.analysis_set.get(settings.set_of(model.endpoint))
        rules = {} if chosen is None else dict(_rules_of(chosen))
        filtered = AnalysisSetEntry(include={**rules, entry.filter: entry.name}, label=entry.name)
        changes["analysis_set"] = {**settings.analysis_set, FILTERED: filtered}
        dates["analysis_set"] = FILTERED
    if entry.intercurrent:
        dates["intercurrent"] = {**endpoint.intercurrent, **entry.intercurrent}
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


def alone(settings: StudySettings) -> StudySettings:
    """Leave the sensitivity analyses out.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Returns
    -------
    StudySettings
        The question as declared, and nothing varied.
    """
    plain = {name: entry.model_copy(update={"variants": False}) for name, entry in settings.endpoint.items()}
    return settings.model_copy(update={"sensitivity": (), "endpoint": plain})


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
    if entry.leave_out is not None:
        words.append(f"each {labels.get(entry.leave_out, entry.leave_out)} left out in turn")
    if entry.origin is not None:
        late = ", under observation from the scan" if entry.origin == DIAGNOSIS else ""
        words.append(f"time zero: {labels.get(entry.origin, entry.origin)}{late}")
    if entry.censor is not None:
        words.append(f"censored at: {labels.get(entry.censor, entry.censor)}")
    if entry.censor_at:
        also = [labels.get(column, column) for column in entry.censor_at]
        words.append(f"also censored at: {list_values(also)}")
    words += [f"{in_event_words(event)}: {RULES[rule]}" for event, rule in entry.intercurrent.items()]
    if entry.segmentation is not None:
        words.append(f"segmentation {entry.segmentation}")
    if entry.read is not None:
        words.append(f"read by {entry.read.replace('_', ' ')}")
    return "; ".join(words)
