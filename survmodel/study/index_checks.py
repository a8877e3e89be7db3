"""Patients of a model with the clinical index whose group or level has no published survival."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from survmodel.cohort import Cohort
from survmodel.data.findings import Finding
from survmodel.errors import DataError, list_values
from survmodel.models.formula import parse_formula
from survmodel.study.clinical_index import declarations_of, texts_of
from survmodel.study.config import Study
from survmodel.study.gathering import Gathered
from survmodel.study.known_columns import group_columns
from survmodel.study.settings_index import CLINICAL_INDEX, INDEX_GROUP, INDEX_NAME


def look_at_index(study: Study, data: Gathered, cohort: Cohort) -> Iterator[Finding]:
    """Look for patients of a model with the index whose group, level or index has no published survival.

    Parameters
    ----------
    study : Study
        Its indices and models.
    data : Gathered
        The patients with their places in the files.
    cohort : Cohort
        The patients with their outcomes.

    Yields
    ------
    Finding
        D180, D181 and D182, errors.
    """
    settings, table, groups = study.settings, data.table, group_columns(study.settings)
    inside = _patients_of_models(study, data, cohort)
    declared = declarations_of(settings, table, groups).to_numpy()
    group = groups[0]
    if group is not None and group in table:
        diseases = texts_of(table[group]).to_numpy()
        without = inside & (declared == "") & (diseases != "")
        for disease in dict.fromkeys(diseases[without].tolist()):
            remedy = f"declare [clinical_index.{disease}], or leave these patients out by the analysis set"
            problem = f"a model uses {CLINICAL_INDEX}, and {disease} has no clinical index with a published survival"
            yield from data.places.find("D181", group, problem, _where(without & (diseases == disease)), remedy=remedy)
    for name, entry in settings.clinical_index.items():
        if entry.column not in table:
            continue
        mine = inside & (declared == name)
        levels = texts_of(table[entry.column]).to_numpy()
        odd = mine & (levels != "") & ~np.isin(levels, list(entry.survival))
        remedy = f"add the level to survival of [clinical_index.{name}], or correct the cell"
        problem = f"a level without a published survival in [clinical_index.{name}]"
        yield from data.places.find("D180", entry.column, problem, _where(odd), remedy=remedy)
        if entry.column == INDEX_GROUP and INDEX_NAME in table:
            yield from _several_indices(data, name, mine)


def _several_indices(data: Gathered, name: str, mine: npt.NDArray[np.bool_]) -> Iterator[Finding]:
    """Find patients of several indices that share a declaration: high risk is not the same risk in two indices."""
    indices = texts_of(data.table[INDEX_NAME]).to_numpy()
    kinds = sorted(set(indices[mine & (indices != "")].tolist()))
    if len(kinds) > 1:
        problem = f"[clinical_index.{name}] is one published survival for the indices {list_values(kinds)}"
        remedy = "declare the survival of each index under its entity, such as [clinical_index.MCL]"
        yield from data.places.find("D182", INDEX_NAME, problem, _where(mine & (indices != "")), remedy=remedy)


def _patients_of_models(study: Study, data: Gathered, cohort: Cohort) -> npt.NDArray[np.bool_]:
    """Mark the patients of the models that use the index."""
    inside = np.zeros(len(data.table), dtype=bool)
    for model in study.settings.model.values() if study.settings.clinical_index else ():
        if CLINICAL_INDEX not in parse_formula(model.formula).variables:
            continue
        try:
            analysis = cohort.analysis(model.endpoint, study.settings.set_of(model.endpoint))
        except DataError:
            # Nobody has the endpoint: its steps say so.
            continue
        inside[data.table.index.get_indexer(analysis.table.index)] = True
    return inside


def _where(mask: npt.NDArray[np.bool_]) -> list[int]:
    found: list[int] = np.flatnonzero(mask).tolist()
    return found
