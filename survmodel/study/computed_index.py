"""Clinical indices that are computed from the columns of a study, for the patients of their disease.

A missing input bounds an index, and a patient has a group where the bounds agree; the group is missing otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from survmodel.data.columns import Column, Role
from survmodel.data.findings import Finding
from survmodel.data.quantities import look_up_quantity
from survmodel.errors import ConfigError, DataError, SurvmodelError, closest
from survmodel.formatting import count_noun
from survmodel.markers.indices import ALL, ClinicalIndex, IndexResult
from survmodel.markers.indices.checks import AGE, is_marker
from survmodel.markers.indices.contract import STAGE, STAGE_CT
from survmodel.markers.indices.inputs import Number
from survmodel.study.clinical_index import declarations_of
from survmodel.study.places import ColumnPlaces
from survmodel.study.settings import StudySettings
from survmodel.study.settings_index import ClinicalIndexEntry, group_name

Groups = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True, eq=False)
class ComputedIndices:
    """Indices of the patients of a study.

    Attributes
    ----------
    table : pandas.DataFrame
        Value and group of each index, one row for each patient; missing in patients of other diseases.
    findings : tuple of Finding
        D183 for patients of whom an index cannot be computed.
    notes : tuple of str
        How many patients have no group, and what is not certain about a rule or a column.
    """

    table: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = field(default=())


def computed_entries(settings: StudySettings) -> dict[str, list[tuple[str, ClinicalIndexEntry]]]:
    """List the indices that a study computes, each with the diseases that it is computed for.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Returns
    -------
    dict of str to list of (str, ClinicalIndexEntry)
        By name of the index.
    """
    found: dict[str, list[tuple[str, ClinicalIndexEntry]]] = {}
    for disease, entry in settings.clinical_index.items():
        if entry.index is not None:
            found.setdefault(entry.index, []).append((disease, entry))
    return found


def computed_columns(settings: StudySettings) -> Iterator[Column]:
    """Describe the columns of the indices that a study computes.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Yields
    ------
    Column
        Value, then groups, lowest risk first. Those that grade CXCR4 PET are markers.
    """
    for key, entries in computed_entries(settings).items():
        index = ALL[key]
        marker = any(is_marker(name) for _, entry in entries for name in sources_of(index, entry).values())
        role: Role = "marker" if marker else "baseline"
        yield Column(key, "number", f"{index.short} ({index.measure})", role=role)
        levels = tuple((level, level) for level in index.groups)
        yield Column(group_name(key), "category", index.short, role=role, levels=levels)


def sources_of(index: ClinicalIndex, entry: ClinicalIndexEntry) -> dict[str, str]:
    """Name the column of each input.

    Parameters
    ----------
    index : ClinicalIndex
        The index.
    entry : ClinicalIndexEntry
        What the study says about it.

    Returns
    -------
    dict of str to str
        Those that the study says it does not have are left out.
    """
    names = {one.name: entry.columns.get(one.name, one.name) for one in index.inputs}
    if STAGE in names and STAGE not in entry.columns:
        names[STAGE] = entry.stage or STAGE_CT
    return {name: column for name, column in names.items() if name not in entry.without}


def problems_of_computed(settings: StudySettings, columns: Mapping[str, Column]) -> Iterator[str]:
    """Look for indices that cannot be computed from the columns of a study.

    Parameters
    ----------
    settings : StudySettings
        The study.
    columns : mapping of str to Column
        Every column that it may name.

    Yields
    ------
    str
        One problem, beginning with its key.
    """
    for key, entries in computed_entries(settings).items():
        index = ALL[key]
        taken = [name for name in (key, group_name(key)) if name in settings.column]
        for name in taken:
            yield f"column.{name}: the name is that of a column made by [clinical_index]; choose another"
        if len({(entry.stage, str(entry.columns), entry.without) for _, entry in entries}) > 1:
            names = ", ".join(disease for disease, _ in entries)
            yield f"clinical_index: {key} is one column, and {names} take it from different inputs"
        for disease, entry in entries:
            yield from _problems_of_inputs(f"clinical_index.{disease}", index, entry, columns)


def _problems_of_inputs(
    place: str, index: ClinicalIndex, entry: ClinicalIndexEntry, columns: Mapping[str, Column]
) -> Iterator[str]:
    inputs = [one.name for one in index.inputs]
    for name in entry.without:
        if name not in inputs:
            yield f"{place}.without: {index.short} has no input {name!r}; {closest(name, inputs)}"
    for name, column in sources_of(index, entry).items():
        if column not in columns:
            what = "" if name == column else f", its {name}"
            remedy = f'declare it, name another in columns, or write without = ["{name}"]'
            yield f"{place}.index: {index.short} needs the column {column!r}{what}; {remedy}"
    try:
        _call(index, entry, _frame(index, entry, pd.DataFrame()), columns)
    except ConfigError as error:
        yield f"{place}.index: {error}"
    except SurvmodelError:
        # what a file holds is looked at when it is read
        return


def compute_indices(
    settings: StudySettings, table: pd.DataFrame, groups: Groups, columns: Mapping[str, Column], places: ColumnPlaces
) -> ComputedIndices:
    """Compute the indices of a study.

    Parameters
    ----------
    settings : StudySettings
        The study.
    table : pandas.DataFrame
        Patients.
    groups : tuple of (str or None, str or None)
        Columns of the disease group and of the entity.
    columns : mapping of str to Column
        Declared columns, by whose units numbers are converted.
    places : ColumnPlaces
        Where patients stand in the files.

    Returns
    -------
    ComputedIndices
        The columns, with what stood in the way.
    """
    declared = declarations_of(settings, table, groups)
    made = pd.DataFrame(index=table.index)
    findings: list[Finding] = []
    notes: list[str] = []
    for key, entries in computed_entries(settings).items():
        inside = declared.isin([disease for disease, _ in entries]).to_numpy(dtype=bool)
        index, entry = ALL[key], entries[0][1]
        compute = _computer(index, entry, columns)
        rows = np.flatnonzero(inside)
        problems: dict[str, list[int]] = {}
        result = None
        try:
            result = compute(table.iloc[rows])
        except DataError as error:
            problems = _find_rows(compute, table, rows) or {str(error): rows.tolist()}
            wrong = {row for each in problems.values() for row in each}
            rows = np.array([row for row in rows if row not in wrong], dtype=np.int64)
            result = compute(table.iloc[rows]) if rows.size else None
        for problem, bad in problems.items():
            findings += places.find("D183", key, problem, bad, remedy="correct the cells, or set the patients aside")
        _put(made, index, rows, result)
        notes += _notes(index, result)
    return ComputedIndices(made, tuple(findings), tuple(notes))


def recompute(
    settings: StudySettings, key: str, groups: Groups, columns: Mapping[str, Column]
) -> Callable[[pd.DataFrame], ComputedIndices]:
    """Give the function that computes one index anew from completed rows.

    Parameters
    ----------
    settings : StudySettings
        The study.
    key : str
        Name of the index.
    groups : tuple of (str or None, str or None)
        Columns of the disease group and of the entity.
    columns : mapping of str to Column
        Declared columns.

    Returns
    -------
    callable
        From a table to its index.
    """
    entries = computed_entries(settings)[key]
    compute = _computer(ALL[key], entries[0][1], columns)

    def anew(table: pd.DataFrame) -> ComputedIndices:
        inside = declarations_of(settings, table, groups).isin([disease for disease, _ in entries])
        rows = np.flatnonzero(inside.to_numpy(dtype=bool))
        made = pd.DataFrame(index=table.index)
        _put(made, ALL[key], rows, compute(table.iloc[rows]) if rows.size else None)
        return ComputedIndices(made)

    return anew


def _computer(
    index: ClinicalIndex, entry: ClinicalIndexEntry, columns: Mapping[str, Column]
) -> Callable[[pd.DataFrame], IndexResult]:
    return lambda table: _call(index, entry, _frame(index, entry, table), columns)


def _frame(index: ClinicalIndex, entry: ClinicalIndexEntry, table: pd.DataFrame) -> pd.DataFrame:
    """Take the inputs by their own names; one that nobody has is missing."""
    sources = sources_of(index, entry)
    shown = pd.DataFrame(index=table.index)
    for one in index.inputs:
        column = sources.get(one.name, "")
        shown[column or one.name] = table[column] if column in table else np.full(len(table), np.nan)
    if AGE in table and AGE not in shown:
        # whom an index was made for is looked at whether or not age is an input
        shown[AGE] = table[AGE]
    return shown


def _call(
    index: ClinicalIndex, entry: ClinicalIndexEntry, table: pd.DataFrame, columns: Mapping[str, Column]
) -> IndexResult:
    sources = sources_of(index, entry)
    numbers = {one.name: one for one in index.inputs if isinstance(one, Number)}
    units = {}
    for name, column in sources.items():
        declared = columns[column].unit if column in columns else ""
        if name in numbers and declared and declared != numbers[name].unit and look_up_quantity(name) is not None:
            units[name] = declared
    named = {name: column for name, column in sources.items() if name != STAGE and name != column}
    stage = sources.get(STAGE, STAGE) if any(one.name == STAGE for one in index.inputs) else STAGE_CT
    return index(table, stage=stage, columns=named, units=units, unverified=entry.unverified)


def _find_rows(
    compute: Callable[[pd.DataFrame], IndexResult], table: pd.DataFrame, rows: Sequence[int] | np.ndarray
) -> dict[str, list[int]]:
    """Find the patients whose values an index refuses, by the problem."""
    found: dict[str, list[int]] = {}
    for row in rows:
        try:
            compute(table.iloc[[row]])
        except DataError as error:
            found.setdefault(error.problem, []).append(int(row))
    return found


def _put(made: pd.DataFrame, index: ClinicalIndex, rows: np.ndarray, result: IndexResult | None) -> None:
    values, codes = np.full(len(made), np.nan), np.full(len(made), -1)
    if result is not None:
        values[rows] = result.value.to_numpy()
        codes[rows] = result.group.cat.codes.to_numpy()
    made[index.key] = values
    levels = pd.Categorical.from_codes(list(codes), categories=pd.Index(index.groups), ordered=True)
    made[group_name(index.key)] = pd.Series(levels, index=made.index)


def _notes(index: ClinicalIndex, result: IndexResult | None) -> Iterator[str]:
    if result is None:
        return
    unknown, n = int(result.group.isna().sum()), len(result.labels)
    partly = int(((result.n_missing > 0) & result.group.notna().to_numpy()).sum())
    said = f"{index.short} of {count_noun(n, 'patient')} ({index.citation.rstrip('.')})"
    if unknown:
        said += f"; {unknown} without a group, because missing inputs leave it open"
    if partly:
        said += f"; {partly} with a group although an input is missing"
    yield said
    yield from (f"{index.short}: {warning}" for warning in result.warnings)
