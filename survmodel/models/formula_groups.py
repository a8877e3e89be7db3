"""Functions of the formula language for columns whose meaning differs between diseases.

``within(x, group)`` gives x a slope of its own in each group. ``within_entity_z(x)`` measures x in standard deviations
from the mean of the patient's entity, learnt from the analysed rows. ``published_risk(x)`` puts clinical indices of
several diseases on the one scale on which they can share a slope: log(-log S) of the survival S that was published for
the patient's risk group, which under proportional hazards is the log cumulative hazard.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, FitError, list_values, name_rows
from survmodel.formatting import count_noun
from survmodel.models.formula_coding import (
    MANY_LEVELS,
    Coding,
    DesignColumn,
    Function,
    Learnt,
    Numeric,
    count_levels,
    is_numeric_inner,
    learn_inner,
    read_levels,
)
from survmodel.models.formula_grammar import Atom, Call, Column

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

#: A mean and a standard deviation of fewer rows than this say little of an entity.
LEAST_ROWS_OF_ENTITY = 5
#: The column of entities where a formula names none.
ENTITY = "entity"


@dataclass(frozen=True, slots=True)
class WithinGroups:
    """A numeric column with a slope in each group: k columns, each 0 outside its group."""

    kind: ClassVar[str] = "within"
    learns_numbers: ClassVar[bool] = False
    variable: str
    function: str
    group: str
    levels: tuple[str, ...]

    @property
    def inner(self) -> Numeric:
        """The column inside."""
        return Numeric(self.variable, self.function)

    @property
    def columns(self) -> tuple[DesignColumn, ...]:
        """The columns, in the order of the groups."""
        name = f"{self.inner.columns[0].term} within {Column(self.group).label}"
        return tuple(DesignColumn(f"{name}[{level}]", self.variable, depends=(self.group,)) for level in self.levels)

    def apply(self, table: pd.DataFrame) -> Floats:
        """Code a table, shape (n, number of groups)."""
        of_group = read_levels(table, self.group, self.levels)[:, np.newaxis] == np.array(self.levels, dtype=object)
        coded: Floats = of_group * self.inner.apply(table)
        return coded


@dataclass(frozen=True, slots=True)
class WithinEntityZ:
    """A numeric column in standard deviations from the mean of the entity."""

    kind: ClassVar[str] = "within_entity_z"
    learns_numbers: ClassVar[bool] = True
    variable: str
    function: str
    by: str
    levels: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @property
    def columns(self) -> tuple[DesignColumn, ...]:
        """The one column."""
        inner = Numeric(self.variable, self.function).columns[0].term
        by = "" if self.by == ENTITY else f", by={Column(self.by).label}"
        return (DesignColumn(f"within_entity_z({inner}{by})", self.variable, depends=(self.by,)),)

    def apply(self, table: pd.DataFrame) -> Floats:
        """Code a table, shape (n, 1)."""
        place = {level: at for at, level in enumerate(self.levels)}
        at = [place[level] for level in read_levels(table, self.by, self.levels)]
        values = Numeric(self.variable, self.function).apply(table)[:, 0]
        coded: Floats = (values - np.array(self.means)[at]) / np.array(self.deviations)[at]
        return coded[:, np.newaxis]


@dataclass(frozen=True, slots=True)
class PublishedRisk:
    """Log(-log S): of a column of probabilities, or of a factor whose levels have a survival each."""

    kind: ClassVar[str] = "published_risk"
    learns_numbers: ClassVar[bool] = False
    variable: str
    levels: tuple[str, ...] = ()
    survival: tuple[float, ...] = ()

    @property
    def columns(self) -> tuple[DesignColumn, ...]:
        """The one column; higher = worse."""
        return (DesignColumn(f"published_risk({Column(self.variable).label})", self.variable),)

    def apply(self, table: pd.DataFrame) -> Floats:
        """Code a table, shape (n, 1)."""
        if self.levels:
            known = dict(zip(self.levels, self.survival, strict=True))
            values = np.array([known[level] for level in read_levels(table, self.variable, self.levels)])
        else:
            values = Numeric(self.variable).apply(table)[:, 0]
            _refuse_no_probabilities(values, self.variable)
        risk: Floats = np.log(-np.log(values))
        return risk[:, np.newaxis]


class Within:
    """The function ``within(x, group)``."""

    usage = "within(column, group), where column may be transformed, as in within(log2(x), group)"

    def check(self, call: Call) -> str:
        """Accept a numeric column and the column of the group."""
        if not is_numeric_inner(call.inner):
            return "within() takes a numeric column, as it is or transformed"
        if call.keywords or len(call.extras) != 1 or not isinstance(call.extras[0], Column):
            return "within() takes a column and the column of its groups"
        return "within() needs two different columns" if call.extras[0] == call.columns[0] else ""

    def learn(self, call: Call, table: pd.DataFrame, _declared: str | None) -> Learnt:
        """Learn the groups; a slope needs values that differ."""
        x, group = call.columns
        if pd.api.types.is_string_dtype(table[x.name]) or isinstance(table[x.name].dtype, pd.CategoricalDtype):
            remedy = f"write factor({x.label}) + factor({group.label}) + factor({x.label}):factor({group.label})"
            raise DataError(f"within() takes numbers, and {x.name} holds levels", remedy=remedy)
        values = learn_inner(call.inner, table).apply(table)[:, 0]
        levels = _levels_with_rows(table, group.name)
        texts = read_levels(table, group.name, levels)
        constant = [level for level in levels if np.ptp(values[texts == level]) == 0]
        if constant:
            raise DataError(
                f"{x.name} is constant within {group.name} {_list_levels(constant)}: a slope cannot be estimated there",
                remedy="merge these groups with others by a column of your own, or leave them out of the rows",
            )
        return WithinGroups(x.name, _function_of(call.inner), group.name, levels), ()


class StandardiseWithinEntity:
    """The function ``within_entity_z(x)``."""

    usage = "within_entity_z(column) or, say, within_entity_z(log2(column), by=group)"

    def check(self, call: Call) -> str:
        """Accept a numeric column, and the keyword by with a column."""
        if not is_numeric_inner(call.inner) or call.extras:
            return "within_entity_z() takes one numeric column, as it is or transformed, and by= as keyword"
        unknown = [name for name, _ in call.keywords if name != "by"]
        if unknown:
            return f"within_entity_z() has no keyword {unknown[0]}"
        if any(not isinstance(value, Column) for _, value in call.keywords):
            return "by names a column, without quotes"
        return "within_entity_z() needs two different columns" if len(set(call.columns)) != len(call.columns) else ""

    def learn(self, call: Call, table: pd.DataFrame, _declared: str | None) -> Learnt:
        """Learn mean and standard deviation (n - 1) of each entity."""
        x, by = complete_call(call).columns
        values = learn_inner(call.inner, table).apply(table)[:, 0]
        levels = _levels_with_rows(table, by.name)
        texts = read_levels(table, by.name, levels)
        inside = [values[texts == level] for level in levels]
        self._refuse_small(x.name, by.name, levels, inside)
        means = tuple(math.fsum(own) / own.size for own in inside)
        deviations = tuple(
            math.sqrt(math.fsum((own - mean) ** 2) / (own.size - 1)) for own, mean in zip(inside, means, strict=True)
        )
        return WithinEntityZ(x.name, _function_of(call.inner), by.name, levels, means, deviations), ()

    def _refuse_small(self, name: str, by: str, levels: Sequence[str], inside: Sequence[Floats]) -> None:
        pairs = list(zip(levels, inside, strict=True))
        few = [f"{level!r} ({count_noun(own.size, 'row')})" for level, own in pairs if own.size < LEAST_ROWS_OF_ENTITY]
        remedy = (
            "merge entities by a declared map into a column of your own and name it with by=, or leave the function out"
        )
        if few:
            raise DataError(
                f"{name} cannot be standardised within {by}: fewer than {LEAST_ROWS_OF_ENTITY} rows",
                _cut_list(few),
                remedy,
            )
        constant = [f"{level!r} ({count_noun(own.size, 'row')})" for level, own in pairs if np.ptp(own) == 0]
        if constant:
            problem = f"{name} cannot be standardised within {by}: all values of a level are equal"
            raise DataError(problem, _cut_list(constant), remedy)


class PublishedRiskOf:
    """The function ``published_risk(x)``."""

    usage = "published_risk(column of survival probabilities) or published_risk(factor, survival=[.95, .80, .55])"

    def check(self, call: Call) -> str:
        """Accept a column, and the keyword survival with probabilities that fall."""
        if not isinstance(call.inner, Column) or call.extras:
            return "published_risk() takes one column, and the survival of its levels by keyword"
        unknown = [name for name, _ in call.keywords if name != "survival"]
        if unknown:
            return f"published_risk() has no keyword {unknown[0]}"
        given = [value for _, value in call.keywords]
        return "" if not given else _problem_of_survival(given[0])

    def learn(self, call: Call, table: pd.DataFrame, _declared: str | None) -> Learnt:
        """Read the levels in order of risk, or check that the column holds probabilities."""
        (column,) = call.columns
        survival = dict(call.keywords).get("survival")
        if not isinstance(survival, tuple):
            if isinstance(table[column.name].dtype, pd.CategoricalDtype):
                problem = f"{column.name} holds levels, and their published survival is not given"
                raise DataError(problem, remedy="write published_risk(column, survival=[...]), lowest risk first")
            coding = PublishedRisk(column.name)
            coding.apply(table)
            return coding, ()
        if not isinstance(table[column.name].dtype, pd.CategoricalDtype):
            remedy = "make it a pandas.Categorical whose categories stand in order of risk, lowest first"
            raise DataError(f"the levels of {column.name} have no declared order", remedy=remedy)
        levels, _ = count_levels(table, column.name)
        if len(levels) != len(survival):
            raise DataError(
                f"{column.name} has {count_noun(len(levels), 'level')} and survival has {len(survival)}",
                f"levels, lowest risk first: {_list_levels(levels)}",
                "give the published survival of each level, in this order",
            )
        pairs = ", ".join(f"{level}={value:g}" for level, value in zip(levels, survival, strict=True))
        note = f"{column.name}: published survival {pairs}"
        return PublishedRisk(column.name, tuple(levels), survival), (note,)


GROUP_FUNCTIONS: dict[str, Function] = {
    "within": Within(),
    "within_entity_z": StandardiseWithinEntity(),
    "published_risk": PublishedRiskOf(),
}
GROUP_CODINGS: dict[str, type[Coding]] = {
    "within": WithinGroups,
    "within_entity_z": WithinEntityZ,
    "published_risk": PublishedRisk,
}


def complete_call(atom: Atom) -> Atom:
    """Write out the column of entities of a call that leaves it to the default.

    Parameters
    ----------
    atom : Column or Call
        What a term is made of.

    Returns
    -------
    Column or Call
        The same, with ``by=entity`` where it stood for nothing.

    Examples
    --------
    >>> complete_call(Call("within_entity_z", Column("suv"))).label
    'within_entity_z(suv, by=entity)'
    """
    if isinstance(atom, Call) and atom.function == "within_entity_z" and not atom.keywords:
        return Call(atom.function, atom.inner, atom.extras, (("by", Column(ENTITY, atom.at)),), atom.at)
    return atom


def look_at_groups(
    codings: Sequence[Coding],
    mains: Sequence[str],
    table: pd.DataFrame,
    died: Bools,
    stratum: npt.NDArray[np.int64] | None = None,
) -> list[str]:
    """Refuse slopes of groups without events, and warn where groups would share a baseline hazard.

    Parameters
    ----------
    codings : sequence of Coding
        Of a design.
    mains : sequence of str
        Columns that are terms of the formula themselves.
    table : pandas.DataFrame
        Analysed rows.
    died : ndarray of bool, shape (n,)
        Which of them had the event.
    stratum : ndarray of int64, shape (n,), optional
        Code of the stratum of each, where the model has strata.

    Returns
    -------
    list of str
        Warnings.

    Raises
    ------
    FitError
        When a group of ``within(x, group)`` has no event.
    """
    warnings = []
    for coding in codings:
        if not isinstance(coding, WithinGroups):
            continue
        texts = read_levels(table, coding.group, coding.levels)
        empty = [level for level in coding.levels if not died[texts == level].any()]
        if empty:
            raise FitError(
                f"the slope of {coding.variable} within {coding.group} {_list_levels(empty)} cannot be estimated: no "
                "events",
                remedy="merge these groups with others by a column of your own, or leave them out of the rows",
            )
        layers = np.zeros(died.size, dtype=np.int64) if stratum is None else stratum
        # An entity as stratum has one disease group: then no two groups share a baseline hazard.
        shared = any(len(set(texts[layers == one])) > 1 for one in np.unique(layers))
        if shared and coding.group not in mains:
            warnings.append(
                f"{coding.variable} has a slope for each {coding.group}, and all of them share a baseline hazard: "
                f"put {coding.group} among the strata, or into the formula"
            )
    return warnings


def _refuse_no_probabilities(values: Floats, name: str) -> None:
    large, outside = values > 1, (values <= 0) | (values >= 1)
    if large.any():
        raise DataError(
            f"published_risk({Column(name).label}) needs survival probabilities",
            name_rows(large),
            "give probabilities, not percentages",
        )
    if outside.any():
        raise DataError(
            f"published_risk({Column(name).label}) needs survival probabilities between 0 and 1",
            name_rows(outside),
            "a published survival of exactly 0 or 1 has no logarithm: take one of another horizon",
        )


def _problem_of_survival(value: object) -> str:
    if not isinstance(value, tuple) or len(value) < 2:
        return "survival is a list of probabilities, one for each level, lowest risk first"
    if any(one > 1 for one in value):
        return "survival holds probabilities, not percentages"
    if any(not 0 < one < 1 for one in value):
        return "survival holds probabilities between 0 and 1, and neither of the two"
    if any(later >= earlier for earlier, later in itertools.pairwise(value)):
        return "survival must fall from level to level, lowest risk first"
    return ""


def _levels_with_rows(table: pd.DataFrame, name: str) -> tuple[str, ...]:
    known, counts = count_levels(table, name)
    return tuple(level for level in known if counts[level])


def _function_of(atom: Atom) -> str:
    return atom.function if isinstance(atom, Call) else ""


def _list_levels(levels: Sequence[str]) -> str:
    return _cut_list([repr(level) for level in levels])


def _cut_list(shown: Sequence[str]) -> str:
    """List levels; many of them may identify persons and are counted."""
    return list_values(list(shown)) if len(shown) <= MANY_LEVELS else f"{len(shown)} levels"
