"""Markers of a study that measure the same: which of them go up and down together, and which model holds several."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from survmodel.cohort import ALL_PATIENTS
from survmodel.markers.aggregates import PART
from survmodel.models.formula import parse_formula
from survmodel.performance.marker_families import MarkerFamilies, marker_families
from survmodel.report.family_contents import FamilyPart
from survmodel.study.preparation import Prepared
from survmodel.study.step_parts import Progress, attempt_possible, silent


def family_part(prepared: Prepared, progress: Progress = silent) -> FamilyPart | None:
    """Group the markers that the study declares or puts into a model.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    progress : callable
        Is told the name of each step before it begins.

    Returns
    -------
    FamilyPart or None
        None with fewer than two markers.
    """
    settings = prepared.study.settings
    of_models = {name: _markers_of(model.formula, prepared) for name, model in settings.model.items()}
    declared = [_whole(marker.name) for marker in settings.marker]
    wanted = dict.fromkeys([*declared, *(one for markers in of_models.values() for one in markers)])
    table = _patients(prepared)
    names = [name for name in wanted if name in table and _is_number(table[name])]
    if len(names) < 2:
        return None
    primary = settings.primary_marker
    prefer = [] if primary is None else [_whole(primary.name)]
    answer = attempt_possible("markers/families", lambda: _group(table[names].astype(float), prefer), progress)
    labels = {name: prepared.study.labels.get(name, name) for name in names}
    crowded = []
    for name, model in settings.model.items():
        groups = () if answer.result is None else answer.result.together(of_models[name])
        crowded += [(model.label or f"model {name}", tuple(labels[one] for one in group)) for group in groups]
    return FamilyPart(answer, labels, tuple(crowded))


def _group(table: pd.DataFrame, prefer: list[str]) -> MarkerFamilies:
    """Group markers; one that could not be compared is of a family of its own, which the table shows."""
    found = marker_families(table, prefer=prefer)
    return replace(found, warnings=())


def _markers_of(formula: str, prepared: Prepared) -> list[str]:
    """List the markers of a formula; the two parts of a coding are one marker."""
    names = dict.fromkeys(_whole(name) for name in parse_formula(formula).variables)
    columns = prepared.study.columns
    return [name for name in names if name in columns and columns[name].role == "marker"]


def _whole(name: str) -> str:
    return name.removesuffix(PART)


def _is_number(values: pd.Series) -> bool:
    """Pass over marks of yes and no, such as that of a scan without lesions, which is a part of every metric of it."""
    return pd.api.types.is_numeric_dtype(values) and values.nunique() > 2


def _patients(prepared: Prepared) -> pd.DataFrame:
    """Choose the patients in whom markers are compared: those of the first endpoint's analysis set."""
    cohort, settings = prepared.cohort, prepared.study.settings
    first = next(iter(settings.endpoint), None)
    name = ALL_PATIENTS if first is None else settings.set_of(first)
    return cohort.table.loc[cohort.sets[name][0]] if name in cohort.sets else cohort.table
