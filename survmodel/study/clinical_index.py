"""The column of the published survival of each patient's index group, and what may be wrong with it.

Groups of two indices are not comparable: high risk in one disease is not high risk in another. What can be compared is
the survival that was published for them at one horizon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from survmodel.data.columns import Column
from survmodel.errors import ConfigError, closest, list_values
from survmodel.formatting import level_text
from survmodel.markers.indices import ALL
from survmodel.models.formula import Formula, parse_formula
from survmodel.models.formula_grammar import Atom, Call
from survmodel.study.settings import StudySettings
from survmodel.study.settings_index import CLINICAL_INDEX, ClinicalIndexEntry

LEVELS = ("category", "text", "integer")
REMEDY = (
    f"write published_risk({CLINICAL_INDEX}) for one slope, or within({CLINICAL_INDEX}, GROUP) for one in each group"
)


def index_column(settings: StudySettings) -> Column:
    """Describe the column that is made of the declared indices.

    Parameters
    ----------
    settings : StudySettings
        A study that declares some.

    Returns
    -------
    Column
        A number of baseline.
    """
    at = next(iter(published_entries(settings).values())).at
    return Column(CLINICAL_INDEX, "number", f"clinical index (published survival at {at})")


def published_entries(settings: StudySettings) -> dict[str, ClinicalIndexEntry]:
    """List the declared indices whose groups have a published survival.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Returns
    -------
    dict of str to ClinicalIndexEntry
        By disease group or entity.
    """
    return {name: entry for name, entry in settings.clinical_index.items() if entry.survival}


def declarations_of(settings: StudySettings, table: pd.DataFrame, groups: tuple[str | None, str | None]) -> pd.Series:
    """Tell which declaration is about each patient: that of the entity, else that of the disease group.

    Parameters
    ----------
    settings : StudySettings
        The declared indices.
    table : pandas.DataFrame
        Patients.
    groups : tuple of (str or None, str or None)
        Columns of the disease group and of the entity.

    Returns
    -------
    pandas.Series
        Its name, "" where there is none.
    """
    found = pd.Series("", index=table.index, dtype=object)
    for name in groups:
        if name is not None and name in table:
            own = texts_of(table[name])
            found = own.where(own.isin(list(settings.clinical_index)), found)
    return found


def published_survival(
    settings: StudySettings, table: pd.DataFrame, groups: tuple[str | None, str | None]
) -> pd.Series:
    """Look up the published survival of each patient.

    Parameters
    ----------
    settings : StudySettings
        The declared indices.
    table : pandas.DataFrame
        Patients, with their index groups.
    groups : tuple of (str or None, str or None)
        Columns of the disease group and of the entity.

    Returns
    -------
    pandas.Series
        Probabilities; missing where the group, its index or the published survival is not known.
    """
    found = pd.Series(np.nan, index=table.index, name=CLINICAL_INDEX)
    declared = declarations_of(settings, table, groups)
    for name, entry in published_entries(settings).items():
        if entry.column in table:
            inside = (declared == name).to_numpy()
            found[inside] = texts_of(table[entry.column])[inside].map(entry.survival).astype(float)
    return found


def texts_of(values: pd.Series) -> pd.Series:
    """Write levels as texts.

    Parameters
    ----------
    values : pandas.Series
        A column of levels.

    Returns
    -------
    pandas.Series
        Texts, "" where a value is missing.
    """
    return pd.Series(
        ["" if missing else level_text(value) for value, missing in zip(values.tolist(), values.isna(), strict=True)],
        index=values.index, dtype=object,
    )  # fmt: skip


def problems_of_index(
    settings: StudySettings, columns: Mapping[str, Column], group: str | None, entity: str | None
) -> Iterator[str]:
    """Look for declarations of indices that do not fit, and for formulas that pool an index on its own scale.

    Parameters
    ----------
    settings : StudySettings
        The study.
    columns : mapping of str to Column
        Every column that it may name.
    group, entity : str or None
        Columns of the disease group and of the entity.

    Yields
    ------
    str
        One problem, beginning with its key.
    """
    if not settings.clinical_index:
        return
    if CLINICAL_INDEX in settings.column:
        yield f"column.{CLINICAL_INDEX}: the name is that of the column made of [clinical_index]; choose another"
    if group is None:
        yield "clinical_index: belongs to disease groups; name their column in [groups]"
    horizons = {entry.days: entry.at for entry in published_entries(settings).values()}
    if len(horizons) > 1:
        remedy = "give survival, horizon and source of the same one in each"
        found = list_values(list(horizons.values()))
        yield f"clinical_index: survival at one horizon can be compared, found {found}; {remedy}"
    for disease, entry in settings.clinical_index.items():
        key = f"clinical_index.{disease}"
        known = [label for name in (group, entity) for label in _labels(columns.get(name or ""))]
        if _labels(columns.get(group or "")) and disease not in known:
            yield f"{key}: {disease!r} is no level of {group!r} or of the entity; {closest(disease, known)}"
        if entry.index is None:
            yield from _problems_of_entry(key, entry, columns)
        elif entry.survival and set(entry.survival) != set(ALL[entry.index].groups):
            levels = list_values(list(ALL[entry.index].groups))
            yield f"{key}.survival: must name the groups of the index, {levels}"
    for name, model in settings.model.items():
        yield from _problems_of_formula(f"model.{name}.formula", model.formula, (group, entity))


def _problems_of_entry(key: str, entry: ClinicalIndexEntry, columns: Mapping[str, Column]) -> Iterator[str]:
    column = columns.get(entry.column)
    if column is None or column.name == CLINICAL_INDEX:
        yield f"{key}.column: no column {entry.column!r} is declared; {closest(entry.column, columns)}"
        return
    if column.type not in LEVELS:
        allowed = ", ".join(sorted(LEVELS))
        yield f"{key}.column: column {entry.column!r} is of type {column.type}; allowed: {allowed}"
        return
    labels = _labels(column)
    for level in entry.survival if labels else ():
        if level not in labels:
            yield f"{key}.survival: {level!r} is no level of {entry.column!r}; {closest(level, labels)}"


def _labels(column: Column | None) -> tuple[str, ...]:
    return () if column is None else tuple(dict.fromkeys(label for _, label in column.levels))


def _problems_of_formula(key: str, text: str, groups: tuple[str | None, ...]) -> Iterator[str]:
    try:
        formula = parse_formula(text)
    except ConfigError:
        # The formula itself is looked at elsewhere.
        return
    if _is_pooled(formula, groups):
        yield f"{key}: {CLINICAL_INDEX} would be one slope for different indices on a scale of probabilities; {REMEDY}"


def _is_pooled(formula: Formula, groups: tuple[str | None, ...]) -> bool:
    """Tell whether a formula uses the index as it is: neither as published risk nor within disease groups."""

    def fits(atom: Atom) -> bool:
        if not isinstance(atom, Call):
            return False
        own = atom.function == "within" and atom.columns[1].name in groups
        return own or atom.function == "published_risk"

    used = [atom for atom in (*formula.atoms, *formula.offsets) if CLINICAL_INDEX in {one.name for one in atom.columns}]
    return not all(fits(atom) for atom in used)


def describe_index(settings: StudySettings, labels: Mapping[str, str]) -> str:
    """Say in the methods which indices stand behind the column, at which horizon and from where.

    Parameters
    ----------
    settings : StudySettings
        The study.
    labels : mapping of str to str
        Label of each column.

    Returns
    -------
    str
        Sentences, "" where no model uses the column.
    """
    used = any(CLINICAL_INDEX in parse_formula(model.formula).variables for model in settings.model.values())
    if not published_entries(settings) or not used:
        return ""
    at = next(iter(published_entries(settings).values())).at
    each = [
        f"{disease}, {labels.get(entry.column) or entry.column} ({entry.source.rstrip('.')}: "
        + ", ".join(f"{level} {survival:g}" for level, survival in entry.survival.items())
        + ")"
        for disease, entry in published_entries(settings).items()
    ]
    return f"Clinical index: survival at {at} as published for the patient's index group: {'; '.join(each)}."
