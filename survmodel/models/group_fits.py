"""A marker in each group: the model refitted without what is constant there, and one slope against own slopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, SurvmodelError, closest
from survmodel.models.cox import CoxPH
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_tests import LikelihoodRatioTest, likelihood_ratio_test
from survmodel.models.firth import profile_curve
from survmodel.models.formula import Formula, parse_formula
from survmodel.models.formula_coding import count_levels, learn_coding, read_levels
from survmodel.models.formula_grammar import Atom, Call, Term
from survmodel.models.group_likelihood import GroupLikelihood, NormalLikelihood, ProfileLikelihood
from survmodel.outcome.response import Outcome
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

#: A group with fewer events enters by the profile of its penalised likelihood.
EVENTS_FOR_NORMAL = 10
#: How far, in standard errors, and at how many values a profile is followed.
PROFILE_REACH, PROFILE_VALUES = 8.0, 97


@dataclass(frozen=True, slots=True, eq=False)
class GroupEffect:
    """The effect of the marker in one group.

    Attributes
    ----------
    group : str
        Label.
    n, n_event : int
        Analysed rows and their events.
    likelihood : GroupLikelihood or None
        What they say; None where the effect is not estimable.
    conf_low, conf_high : float
        Limits of the own estimate.
    reason : str
        Why there is no estimate, "" where there is one.
    dropped : tuple of str
        Terms that are constant in the group.
    """

    group: str
    n: int
    n_event: int
    likelihood: GroupLikelihood | None = None
    conf_low: float = np.nan
    conf_high: float = np.nan
    reason: str = ""
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class GroupData:
    """Complete rows and what is fitted to them.

    Attributes
    ----------
    spec, formula, marker : CoxPH, Formula, Atom
        The model, and the term whose effect is asked for.
    table, outcome, weight : pandas.DataFrame, Outcome, ndarray
        The rows and their case weights.
    by : str
        Column of the groups.
    """

    spec: CoxPH
    formula: Formula
    marker: Atom
    table: pd.DataFrame
    outcome: Outcome
    weight: Floats
    by: str

    def only(self, rows: Ints) -> GroupData:
        """Take some of the rows."""
        return replace(self, table=self.table.iloc[rows], outcome=self.outcome.take(rows), weight=self.weight[rows])

    def fit(self, spec: CoxPH, table: pd.DataFrame | None = None) -> CoxFit:
        """Fit a model to the rows, or to another table of the same rows."""
        return spec.fit(
            self.table if table is None else table, self.outcome, None if (self.weight == 1).all() else self.weight
        )


def find_marker(formula: Formula, marker: str) -> Atom:
    """Find the term of the marker, by its text or by its column.

    Parameters
    ----------
    formula : Formula
        The model.
    marker : str
        What is asked for.

    Returns
    -------
    Column or Call
        The term.

    Raises
    ------
    ConfigError
        When it is none of the terms, or several.
    """
    asked = parse_formula(marker)
    wanted = asked.atoms[0].label if len(asked.terms) == 1 else marker
    found = [atom for atom in formula.atoms if atom.label == wanted]
    found = found or [atom for atom in formula.atoms if atom.columns[0].label == wanted]
    if len(found) != 1:
        labels = [atom.label for atom in formula.atoms]
        problem = "is no term of the formula" if not found else "stands in several terms of the formula"
        raise ConfigError(f"the marker {marker!r} {problem}", remedy=closest(wanted, labels))
    return found[0]


def refuse_several_slopes(data: GroupData) -> None:
    """Refuse a marker that is a factor or has a slope in each group already.

    Parameters
    ----------
    data : GroupData
        All complete rows.

    Raises
    ------
    ConfigError
        When the marker has several columns, or one of a level.
    """
    coding, _ = learn_coding(data.marker, data.table, {})
    if len(coding.columns) != 1 or coding.columns[0].level:
        raise ConfigError(
            f"the marker {data.marker.label} is a factor, or has a slope in each group",
            remedy="choose a term with one slope, such as log2(cxcr4_suvmax)",
        )


def split_rows(table: pd.DataFrame, by: str) -> list[tuple[str, Bools]]:
    """Split rows by the levels of a column.

    Parameters
    ----------
    table : pandas.DataFrame
        Complete rows.
    by : str
        Column of the groups.

    Returns
    -------
    list of (str, ndarray of bool)
        Levels with rows, in order, and the mask of each.

    Raises
    ------
    DataError
        With one level only.
    """
    known, counts = count_levels(table, by)
    levels = [level for level in known if counts[level]]
    if len(levels) < 2:
        raise DataError(f"{by} has one level only", remedy="there is nothing to compare: fit the model itself")
    texts = read_levels(table, by, levels)
    return [(level, texts == level) for level in levels]


def _constant_atoms(data: GroupData) -> set[Atom]:
    """Find the terms that have one value in all rows, and that of the groups itself."""
    found: set[Atom] = set()
    for atom in data.formula.atoms:
        alone = not isinstance(atom, Call) or atom.function == "factor"
        if alone and atom.columns[0].name == data.by:
            found.add(atom)
            continue
        name = atom.columns[0].name
        if alone and data.table[name].nunique() < 2:
            found.add(atom)
        elif not alone and len(atom.columns) == 1:
            coded = learn_coding(atom, data.table, {})[0].apply(data.table)
            if (np.ptp(coded, axis=0) == 0).all():
                found.add(atom)
    return found


def _without(terms: Sequence[Term], gone: set[Atom]) -> list[str]:
    return [term.label for term in terms if not gone & set(term.factors)]


def _refuse_interaction(data: GroupData, gone: set[Atom]) -> None:
    others = [term for term in data.formula.terms if len(term.factors) > 1 and data.marker in term.factors]
    open_terms = [term.label for term in others if not gone & set(term.factors)]
    if open_terms:
        raise ConfigError(
            f"the effect of {data.marker.label} differs within groups: {open_terms[0]}",
            remedy="leave the interaction out, or choose its column as the groups",
        )


def _reference(data: GroupData, formula: str) -> CoxPH:
    """Give the model of a formula; references of terms that it lost, or of levels without rows, do not apply."""
    used = parse_formula(formula).mains
    reference = {
        name: level
        for name, level in (data.spec.reference or {}).items()
        if name in used and str(level) in set(map(str, data.table[name].tolist()))
    }
    return replace(data.spec, formula=formula, reference=reference or None)


def fit_group(group: str, data: GroupData) -> GroupEffect:
    """Fit the model in one group; what cannot be estimated is listed with its reason.

    Parameters
    ----------
    group : str
        Label.
    data : GroupData
        Its rows.

    Returns
    -------
    GroupEffect
        The effect, or why there is none.

    Raises
    ------
    ConfigError
        When the effect differs within the group.
    """
    n, n_event = data.outcome.n, int(data.outcome.died.sum())
    empty = GroupEffect(group, n, n_event)
    if not n_event:
        return replace(empty, reason="no events")
    gone = _constant_atoms(data)
    if data.marker in gone:
        return replace(empty, reason="the marker is constant")
    _refuse_interaction(data, gone)
    offsets = [call.label for call in data.formula.offsets]
    spec = _reference(data, " + ".join([*_without(data.formula.terms, gone), *offsets]))
    dropped = tuple(atom.label for atom in data.formula.atoms if atom in gone and atom.columns[0].name != data.by)
    few = n_event < EVENTS_FOR_NORMAL
    try:
        fit = data.fit(replace(spec, penalty="firth") if few else spec)
        place = _place(fit, data.marker)
        likelihood = _profile(fit, place) if few else _normal(fit, place)
        row = fit.tidy().iloc[place]
    except SurvmodelError as error:
        return replace(empty, reason=error.problem, dropped=dropped)
    return replace(
        empty,
        likelihood=likelihood,
        conf_low=float(row["conf_low"]),
        conf_high=float(row["conf_high"]),
        dropped=dropped,
    )


def _place(fit: CoxFit, marker: Atom) -> int:
    """Find the column of the marker in the design."""
    return next(places[0] for label, places in fit.design.terms if label == marker.label)


def _normal(fit: CoxFit, place: int) -> NormalLikelihood:
    return NormalLikelihood(float(fit.beta[place]), float(np.sqrt(fit.beta_covariance[place, place])))


def _profile(fit: CoxFit, place: int) -> ProfileLikelihood:
    centre, error = float(fit.beta[place]), float(np.sqrt(fit.beta_covariance[place, place]))
    values = centre + error * np.linspace(-PROFILE_REACH, PROFILE_REACH, PROFILE_VALUES)
    logliks = profile_curve(fit.data, fit.ordered, fit.maximum, place, values)
    return ProfileLikelihood(centre, error, frozen(values), frozen(logliks))


def compare_slopes(data: GroupData, levels: Sequence[tuple[str, Bools]]) -> tuple[LikelihoodRatioTest | None, str]:
    """Test one slope against own slopes in the rows of the groups that say something of it, groups as strata.

    Parameters
    ----------
    data : GroupData
        All complete rows.
    levels : sequence of (str, ndarray of bool)
        Groups.

    Returns
    -------
    tuple of (LikelihoodRatioTest or None, str)
        The test, or why there is none.
    """
    inside_all = [data.only(np.flatnonzero(inside)) for _, inside in levels]
    constant = [_constant_atoms(one) for one in inside_all]
    useful = [
        inside
        for (_, inside), one, gone in zip(levels, inside_all, constant, strict=True)
        if one.outcome.died.any() and data.marker not in gone
    ]
    if len(useful) < 2:
        return None, "fewer than two groups with events and different values of the marker"
    rows = np.flatnonzero(np.logical_or.reduce(useful))
    kept = data.only(rows)
    gone = set.intersection(*constant)
    try:
        values = learn_coding(data.marker, kept.table, {})[0].apply(kept.table)[:, 0]
        own = {f"marker in group {place}": values * inside[rows] for place, inside in enumerate(useful[1:], start=2)}
        table = kept.table.assign(**{"marker in all groups": values}, **own)
        others = [term.label for term in data.formula.terms if not (gone | {data.marker}) & set(term.factors)]
        others += [call.label for call in data.formula.offsets]
        strata = tuple(dict.fromkeys([*data.spec.strata_columns, data.by]))
        fits = []
        for names in ([], list(own)):
            text = " + ".join([*(f"`{name}`" for name in ("marker in all groups", *names)), *others])
            fits.append(kept.fit(replace(_reference(kept, text), strata=strata, cluster=None), table))
        return likelihood_ratio_test(*fits), ""
    except SurvmodelError as error:
        return None, error.problem
