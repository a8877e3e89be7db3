"""The columns of a table described by group, as for the first table of a paper: medians with quartiles, and counts.

Differences between groups are described and not tested. A value that cannot exist, such as the uptake of a lesion on
a scan that shows none, is counted as undefined and not as missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, closest, list_values, name_rows
from survmodel.formatting import count_noun, format_count, format_significant, level_text
from survmodel.frame import as_frame
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Kind = Literal["number", "yes", "levels"]

#: Measures of a number and the share of values below each.
QUANTILES = {"median": 0.5, "q1": 0.25, "q3": 0.75, "minimum": 0.0, "maximum": 1.0}
#: The level of a truth value that is counted.
YES = "yes"
QUANTILE_CONVENTION = "quantiles interpolate linearly between ordered values (R type 7, numpy linear)"
TEST_CONVENTION = "baseline differences are described, not tested"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Description(Result):
    """Columns of a table by group.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns group, variable, level, measure, estimate, n.
    groups : tuple of (str, int)
        Groups with their patients: "" for all patients, then the levels of `by`.
    kinds : tuple of (str, str)
        Variables in order with what they are: "number", "yes" (a truth value) or "levels".
    by : str
        Name of the grouping column, "" without one.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    table: pd.DataFrame
    groups: tuple[tuple[str, int], ...]
    kinds: tuple[tuple[str, Kind], ...]
    by: str
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the numbers, one row for each group, variable, level and measure.

        Returns
        -------
        pandas.DataFrame
            Columns group, variable, level, measure, estimate, n. The measures of a number are median, q1, q3, minimum
            and maximum with n values; of a level its count among n patients with a value; of every variable the number
            missing (and undefined) among the n patients of the group.
        """
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Give the counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            Columns n (patients), n_groups (levels of `by`, 0 without it), conventions.
        """
        row = {
            "n": self.groups[0][1],
            "n_groups": len(self.groups) - 1,
            "conventions": f"{QUANTILE_CONVENTION}; n of a count is the patients with a value; undefined is not "
            f"missing; {TEST_CONVENTION}",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows: dict[tuple[str, str, str], list[str]] = {}
        for one in self.table.to_dict("records"):
            show = format_significant if one["measure"] in QUANTILES else format_count
            key = (str(one["variable"]), str(one["level"]), str(one["measure"]))
            rows.setdefault(key, []).append(show(one["estimate"]))
        header = ["variable", "level", "measure", *(f"{name or 'all'} (n = {n})" for name, n in self.groups)]
        body = Table(header, [[*key, *cells] for key, cells in rows.items()], left=3)
        by = f" by {self.by or 'group'}" if len(self.groups) > 1 else ""
        notes = f"{QUANTILE_CONVENTION}; {TEST_CONVENTION}"
        return Display(f"{count_noun(self.groups[0][1], 'patient')}{by}", (body,), (notes, *self.notes))


@dataclass(frozen=True, slots=True, eq=False)
class _Variable:
    """A column as numbers: its values, or the positions of its levels; NaN where it has none, shape (n,)."""

    name: str
    kind: Kind
    values: Floats
    levels: tuple[str, ...]
    undefined: Mask | None


def describe(
    table: pd.DataFrame,
    by: str | pd.Series | None = None,
    *,
    columns: Sequence[str] | None = None,
    undefined: Mapping[str, pd.Series] | None = None,
) -> Description:
    """Describe columns by group: numbers by median and quartiles, all others by the count of each level.

    Parameters
    ----------
    table : pandas.DataFrame, or a table of polars or pyarrow
        One row for each patient.
    by : str or Series, optional
        Groups: a column, which is then not described, or a Series with the row labels of the table.
    columns : sequence of str, optional
        What to describe, in order; all columns without it.
    undefined : mapping of str to Series of bool, optional
        By column, True for patients whose value cannot exist. Counted apart from missing values where there is none.

    Returns
    -------
    Description
        All patients as group "", then each level of `by`: in category order for a Categorical, by number for numbers,
        else in alphabetical order. Levels of text stand by falling count, those of a Categorical in its order; of truth
        values only "yes" is counted.

    Raises
    ------
    DataError
        For a table without rows, a column that it lacks or has twice, dates, infinite numbers, empty texts, and rows of
        `by` or `undefined` that are not those of the table.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [50, 60, 70, 85], "entity": ["MCL", "MZL", "MZL", "MZL"]})
    >>> tidy = describe(table, by="entity").tidy()
    >>> tidy[tidy["measure"] == "median"][["group", "estimate", "n"]].to_dict("list")
    {'group': ['', 'MCL', 'MZL'], 'estimate': [65.0, 50.0, 70.0], 'n': [4, 1, 3]}
    """
    table = as_frame(table)
    if not len(table):
        raise DataError("the table has no rows", remedy="check the filter that selected them")
    series = _columns_by_name(table)
    warnings: list[str] = []
    grouping, by_name = _find_grouping(series, table, by)
    groups, notes = _read_groups(grouping, by_name, len(table), warnings)
    names = _choose(series, columns, by_name if isinstance(by, str) else None)
    masks = {str(name): mask for name, mask in (undefined or {}).items()}
    _check_known(series, masks)
    variables = [_read_variable(name, series[name], masks.get(name), warnings) for name in names]
    rows = [
        (group, variable.name, *measure)
        for group, inside in groups
        for variable in variables
        for measure in _measure(variable, inside)
    ]
    return Description(
        table=pd.DataFrame(rows, columns=["group", "variable", "level", "measure", "estimate", "n"]),
        groups=tuple((group, int(inside.sum())) for group, inside in groups),
        kinds=tuple((variable.name, variable.kind) for variable in variables),
        by=by_name,
        warnings=tuple(warnings),
        notes=tuple(notes),
    )


def _measure(variable: _Variable, inside: Mask) -> Iterator[tuple[str, str, float, int]]:
    """Give level, measure, estimate and n of a variable in one group."""
    values = variable.values[inside]
    present = values[~np.isnan(values)]
    if variable.kind == "number":
        points = np.quantile(present, list(QUANTILES.values())) if present.size else np.full(len(QUANTILES), np.nan)
        for measure, point in zip(QUANTILES, points, strict=True):
            yield "", measure, float(point), int(present.size)
    for code, level in enumerate(variable.levels):
        yield level, "count", float((present == code).sum()), int(present.size)
    n = int(values.size)
    n_undefined = 0 if variable.undefined is None else int(variable.undefined[inside].sum())
    yield "", "missing", float(n - present.size - n_undefined), n
    if variable.undefined is not None:
        yield "", "undefined", float(n_undefined), n


def _columns_by_name(table: pd.DataFrame) -> dict[str, pd.Series]:
    names = pd.Index([str(name) for name in table.columns])
    if names.has_duplicates:
        twice = list(dict.fromkeys(names[names.duplicated()]))
        raise DataError("the table has more than one column of a name", list_values(twice), "rename one of them")
    return {name: table.iloc[:, place] for place, name in enumerate(names)}


def _check_known(series: Mapping[str, object], names: Sequence[str] | Mapping[str, object]) -> None:
    for name in names:
        if name not in series:
            raise DataError(f"the table has no column {name!r}", closest(name, series))


def _choose(series: Mapping[str, object], columns: Sequence[str] | None, left_out: str | None) -> list[str]:
    if isinstance(columns, str):
        raise DataError(f"columns is the text {columns!r}", remedy=f"pass a list, columns=[{columns!r}]")
    names = list(series) if columns is None else [str(name) for name in columns]
    _check_known(series, names)
    if len(set(names)) < len(names):
        raise DataError("columns names a column twice", remedy="name each column once")
    chosen = [name for name in names if name != left_out]
    if not chosen:
        raise DataError("there is no column to describe", remedy="name at least one beside the grouping column")
    return chosen


def _find_grouping(
    series: Mapping[str, pd.Series], table: pd.DataFrame, by: str | pd.Series | None
) -> tuple[pd.Series | None, str]:
    if by is None:
        return None, ""
    if isinstance(by, str):
        _check_known(series, [by])
        return series[by], by
    _check_rows(by, table.index, "by")
    return by, "" if by.name is None else str(by.name)


def _check_rows(values: object, index: pd.Index, name: str) -> None:
    """Refuse what is no Series, or one whose labels are not those of the table in the same order."""
    if not isinstance(values, pd.Series):
        raise DataError(f"{name} is no Series", remedy="pass a Series with the row labels of the table")
    if values.index.equals(index):
        return
    same = sorted(map(str, values.index)) == sorted(map(str, index))
    raise DataError(
        f"the row labels of {name} are not those of the table",
        "the same labels stand in another order" if same else "some labels differ",
        "put the rows in one order first, for example values.loc[table.index]",
    )


def _read_groups(
    by: pd.Series | None, name: str, n: int, warnings: list[str]
) -> tuple[list[tuple[str, Mask]], list[str]]:
    groups = [("", np.ones(n, dtype=bool))]
    if by is None:
        return groups, []
    called = repr(name) if name else "by"
    codes, levels = _read_levels(called, by, falling=False)
    groups += [(level, codes == code) for code, level in enumerate(levels)]
    alone = int(np.isnan(codes).sum())
    if alone:
        verb = "is" if alone == 1 else "are"
        without = f"{count_noun(alone, 'patient')} without a value of {called}"
        warnings.append(f"{without} {verb} counted among all patients and in no group")
    notes = []
    if isinstance(by.dtype, pd.CategoricalDtype):
        empty = [level for level in map(level_text, by.cat.categories) if level not in levels]
        notes = [f"{called}: level {level!r} has no patients" for level in empty]
    return groups, notes


def _read_variable(name: str, series: pd.Series, mask: pd.Series | None, warnings: list[str]) -> _Variable:
    called = f"column {name!r}"
    kind, values, levels = _read_values(called, series)
    if mask is None:
        return _Variable(name, kind, values, levels, None)
    marked = _read_mask(mask, series.index, f"undefined[{name!r}]")
    kept = int((marked & ~np.isnan(values)).sum())
    if kept:
        verb = "has" if kept == 1 else "have"
        warnings.append(f"{count_noun(kept, 'patient')} marked as undefined in {name!r} {verb} a value, which is used")
    return _Variable(name, kind, values, levels, marked & np.isnan(values))


def _read_values(called: str, series: pd.Series) -> tuple[Kind, Floats, tuple[str, ...]]:
    if _is_truth(series):
        missing = series.isna().to_numpy(dtype=bool)
        codes = np.full(len(series), np.nan)
        # Levels are counted by position: "yes" is the first, and "no", at 1, is counted in n alone.
        codes[~missing] = np.where(series[~missing].to_numpy(dtype=bool), 0.0, 1.0)
        return "yes", codes, (YES,)
    if series.dtype.kind in "iuf":
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        if np.isinf(values).any():
            raise DataError(f"{called} has infinite numbers", f"in {name_rows(np.isinf(values))}", "make them missing")
        return "number", values, ()
    return "levels", *_read_levels(called, series, falling=True)


def _is_truth(series: pd.Series) -> bool:
    """Tell a column of truth values, also one that holds them as objects because some are missing."""
    if isinstance(series.dtype, pd.CategoricalDtype) or series.dtype.kind == "b":
        return series.dtype.kind == "b"
    present = series.dropna()
    return series.dtype.kind == "O" and len(present) > 0 and all(isinstance(one, bool | np.bool_) for one in present)


def _read_mask(mask: pd.Series, index: pd.Index, called: str) -> Mask:
    _check_rows(mask, index, called)
    missing = mask.isna().to_numpy(dtype=bool)
    if not _is_truth(mask) or missing.any():
        found = f"in {name_rows(missing)} it is missing" if missing.any() else ""
        raise DataError(f"{called} is not True or False for every patient", found, "fill in the missing ones")
    return mask.to_numpy(dtype=bool)


def _read_levels(called: str, series: pd.Series, *, falling: bool) -> tuple[Floats, tuple[str, ...]]:
    """Write the levels of a column as text and every row as the position of its level, NaN where it has none.

    The order is that of the categories, else by falling count and name, else by value.
    """
    _refuse_dates(called, series)
    missing = series.isna().to_numpy(dtype=bool)
    values: dict[str, object] = {}
    rows: list[str] = []
    for value in series.to_numpy(dtype=object)[~missing]:
        text = _level(called, value)
        if values.setdefault(text, value) != value:
            raise DataError(
                f"{called} has two levels that are the same once written as text",
                remedy="write the level in one way, for example all as numbers or all as text",
            )
        rows.append(text)
    if isinstance(series.dtype, pd.CategoricalDtype):
        order = [text for text in dict.fromkeys(map(level_text, series.cat.categories)) if text in values]
    elif falling:
        counts = Counter(rows)
        order = sorted(values, key=lambda text: (-counts[text], text))
    else:
        order = _by_value(values)
    place = {text: float(code) for code, text in enumerate(order)}
    codes = np.full(len(series), np.nan)
    codes[~missing] = [place[text] for text in rows]
    return codes, tuple(order)


def _level(called: str, value: object) -> str:
    if not isinstance(value, Hashable):
        raise DataError(f"{called} holds lists or other objects", remedy="give each patient one number or text")
    if isinstance(value, float | np.floating) and np.isinf(value):
        raise DataError(f"{called} has infinite numbers", remedy="make them missing")
    text = level_text(value)
    if not text.strip():
        raise DataError(f"{called} has an empty text", remedy="make it missing (None), or give the level a name")
    return text


def _by_value(values: Mapping[str, object]) -> list[str]:
    try:
        return sorted(values, key=lambda text: values[text])  # type: ignore[arg-type,return-value]
    except TypeError:  # numbers beside texts
        return sorted(values)


def _refuse_dates(called: str, series: pd.Series) -> None:
    dtype = series.dtype
    pool = series.cat.categories if isinstance(dtype, pd.CategoricalDtype) else series.dropna()
    dates = date | timedelta | np.datetime64 | np.timedelta64 | pd.Period
    # An interval of dates, as a cut of a date column gives, shows them as well.
    found = any(isinstance(getattr(value, "left", value), dates) for value in pool)
    if found or dtype.kind in "Mm" or isinstance(dtype, pd.PeriodDtype):
        raise DataError(
            f"{called} holds dates or durations, which are never shown",
            remedy="leave it out, or describe the time between two dates as a number in a unit",
        )
