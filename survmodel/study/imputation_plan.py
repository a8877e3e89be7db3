"""What is imputed for the models of an endpoint: which columns, in whom, and what is computed anew from them.

All models of an endpoint share one imputation, so that they are compared on the same completed tables. Its columns are
those of their formulas and the ones that ``[missing] columns`` adds; in the place of a factor that is cut from a number
stands the number, in that of the clinical index the index groups, and both are computed anew from completed rows.

A value that cannot exist is not missing: an SUV where the scan shows no lesion, and a column of which a disease has no
value at all, such as the index of another disease, are never imputed there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.cohort import Analysis, Cohort
from survmodel.data.findings import Finding
from survmodel.errors import DataError
from survmodel.markers.indices import ALL
from survmodel.models.formula import parse_formula
from survmodel.models.imputation import FEWEST_IMPUTATIONS, MultipleImputation
from survmodel.models.imputation_table import RowByRow
from survmodel.study.clinical_index import declarations_of, published_entries, published_survival
from survmodel.study.computed_index import computed_entries, recompute, sources_of
from survmodel.study.config import Study
from survmodel.study.gathering import Gathered
from survmodel.study.known_columns import group_columns, model_strata
from survmodel.study.settings_index import CLINICAL_INDEX, group_name
from survmodel.study.timing import LATER_ROLES

Bools = npt.NDArray[np.bool_]
Derive = Callable[[pd.DataFrame], Any]

WITHIN = "within which values are imputed"
#: Stands for a disease group that is not known.
NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True, eq=False)
class ImputationPlan:
    """How missing values of the patients of an endpoint are imputed.

    Attributes
    ----------
    spec : MultipleImputation
        The imputation.
    table : pandas.DataFrame
        Columns of the models and of the imputation, with those that say in whom a column applies.
    missing : tuple of (str, int)
        Columns that are imputed, and how many values of each.
    not_applicable : tuple of (str, int)
        Columns that do not apply to some patients, and to how many.
    derived : tuple of str
        Columns that are computed anew.
    n_incomplete : int
        Patients of whom a value is imputed.
    """

    spec: MultipleImputation
    table: pd.DataFrame
    missing: tuple[tuple[str, int], ...]
    not_applicable: tuple[tuple[str, int], ...]
    derived: tuple[str, ...]
    n_incomplete: int


def imputations_needed(n_incomplete: int, n: int) -> int:
    """Give the fewest imputations: 20, or the percentage of incomplete patients where that is more.

    Parameters
    ----------
    n_incomplete, n : int
        Patients of whom a value is imputed, and all.

    Returns
    -------
    int
        At least 20.

    Examples
    --------
    >>> imputations_needed(12, 60), imputations_needed(31, 60)
    (20, 52)
    """
    return max(FEWEST_IMPUTATIONS, int(np.ceil(100 * n_incomplete / max(n, 1) - 1e-9)))


def plan_imputation(study: Study, data: Gathered, analysis: Analysis, endpoint: str) -> ImputationPlan | None:
    """Plan the imputation of an endpoint.

    Parameters
    ----------
    study : Study
        Its models, and what it does about missing values.
    data : Gathered
        Where values cannot exist.
    analysis : Analysis
        The patients of the endpoint.
    endpoint : str
        Its name.

    Returns
    -------
    ImputationPlan or None
        None where the study does not impute, the endpoint has no model, or nothing of its models is missing.
    """
    settings = study.settings
    models = [model for model in settings.model.values() if model.endpoint == endpoint]
    if settings.missing.method != "multiple_imputation" or not models:
        return None
    strata = dict.fromkeys(name for model in models for name in model_strata(model, settings))
    used = dict.fromkeys(name for model in models for name in parse_formula(model.formula).variables)
    found = _Columns(study, data, analysis.table)
    found.add_all(used)
    asked = set(found.names)
    found.add_all(settings.missing.columns)
    table, groups = analysis.table, group_columns(settings)
    whole = [name for name in (*groups, *strata, *used, *found.names, *found.derive) if name in table]
    shown = table[list(dict.fromkeys(whole))].copy()
    within = None
    if groups[0] is not None and groups[0] in table:
        known = table[groups[0]].astype(object)
        shown[WITHIN] = known.where(known.notna(), NOT_KNOWN).astype(str)
        within = WITHIN
    marks = {name: found.applies(name, shown, within) for name in found.names}
    names = tuple(name for name, mark in marks.items() if (mark & table[name].notna().to_numpy()).any())
    holes = {name: table[name].isna().to_numpy() & marks[name] for name in names}
    if not any(hole.any() for name, hole in holes.items() if name in asked):
        return None
    applies = {}
    for name in names:
        if not marks[name].all():
            shown[f"{name} applies"] = np.where(marks[name], "yes", "no")
            applies[name] = (f"{name} applies", ("yes",))
    n_incomplete = int(np.logical_or.reduce(list(holes.values())).sum())
    # One number for all: resamples would else choose their own.
    m = settings.missing.m or imputations_needed(n_incomplete, len(table))
    spec = MultipleImputation(
        columns=names, m=m, iterations=settings.missing.iterations, within=within,
        applies=applies or None, derive=found.derive or None, seed=settings.seed,
    )  # fmt: skip
    return ImputationPlan(
        spec=spec,
        table=shown,
        missing=tuple((name, int(hole.sum())) for name, hole in holes.items() if hole.any()),
        not_applicable=tuple((name, int((~marks[name]).sum())) for name in applies),
        derived=tuple(found.derive),
        n_incomplete=n_incomplete,
    )


class _Columns:
    """Collects the columns of an imputation, and what is computed from them."""

    def __init__(self, study: Study, data: Gathered, table: pd.DataFrame) -> None:
        self._study, self._data, self._table = study, data, table
        self._cuts = {cut.name: cut for cut in study.cuts}
        self._index: dict[str, list[str]] = {}
        self._computed = {name: key for key in computed_entries(study.settings) for name in (key, group_name(key))}
        self.names: dict[str, None] = {}
        self.derive: dict[str, Derive] = {}

    def add_all(self, names: Iterable[str]) -> None:
        """Add columns, or what they are made of."""
        for name in names:
            self._add(name)

    def _add(self, name: str) -> None:
        known = self._study.columns.get(name)
        if name not in self._table or (known is not None and known.role in LATER_ROLES):
            # What is known only later is no baseline value, and is not made up.
            return
        if name in self._cuts and self._cuts[name].source in self._table:
            cut = self._cuts[name]
            self.derive[name] = RowByRow(lambda table: cut.apply(table[cut.source]))
            self._add(cut.source)
        elif name == CLINICAL_INDEX:
            settings, groups = self._study.settings, group_columns(self._study.settings)
            for disease, entry in published_entries(settings).items():
                self._index.setdefault(entry.column, []).append(disease)
                self._add(entry.column)
            # after the indices themselves, which may be computed anew too
            self.derive[name] = RowByRow(lambda table: published_survival(settings, table, groups))
        elif name in self._computed:
            self._add_computed(name)
        else:
            self.names[name] = None

    def _add_computed(self, name: str) -> None:
        """Add the inputs of an index, of which its value and its groups are computed anew."""
        settings, groups = self._study.settings, group_columns(self._study.settings)
        key = self._computed[name]
        for _, entry in computed_entries(settings)[key]:
            for source in sources_of(ALL[key], entry).values():
                self._add(source)
        anew = recompute(settings, key, groups, self._study.columns)
        self.derive[name] = RowByRow(lambda table: anew(table).table[name])

    def applies(self, name: str, table: pd.DataFrame, within: str | None) -> Bools:
        """Tell in whom a column means anything."""
        values = self._table[name]
        marks: Bools = np.ones(len(values), dtype=bool)
        if name in self._data.undefined:
            marks &= ~self._data.undefined[name].reindex(values.index).to_numpy(dtype=bool)
        if name in self._index:
            settings = self._study.settings
            declared = declarations_of(settings, self._table, group_columns(settings))
            marks &= declared.isin(self._index[name]).to_numpy(dtype=bool)
        if within is not None:
            known = values.notna().groupby(table[within].to_numpy()).transform("any")
            marks &= known.to_numpy(dtype=bool)
        return marks


def look_at_imputations(study: Study, data: Gathered, cohort: Cohort) -> Iterator[Finding]:
    """Refuse fewer imputations than limits need, which would change with the seed.

    Parameters
    ----------
    study : Study
        What is declared.
    data : Gathered
        Where values cannot exist.
    cohort : Cohort
        The patients with their outcomes.

    Yields
    ------
    Finding
        D165.
    """
    m = study.settings.missing.m
    for name in () if m is None else study.settings.endpoint:
        try:
            analysis = cohort.analysis(name, study.settings.set_of(name))
        except DataError:
            # Nobody has the endpoint: its steps say so.
            continue
        plan = plan_imputation(study, data, analysis, name)
        needed = 0 if plan is None else imputations_needed(plan.n_incomplete, len(plan.table))
        if plan is not None and m is not None and m < needed:
            yield Finding(
                "D165",
                f"{m} imputations, and {plan.n_incomplete} of {len(plan.table)} patients of {name} lack a value",
                study.file,
                expected=f"at least {needed}, the percentage of incomplete patients",
                remedy=f"write m = {needed} in [missing], or leave m out",
            )
