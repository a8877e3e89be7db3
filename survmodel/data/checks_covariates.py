"""Numbers that stand for something else: codes for "missing", ages that are none, and no uptake at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.canonical import CanonicalTables
from survmodel.data.columns import Column
from survmodel.data.findings import Finding, Place
from survmodel.formatting import format_significant

#: Numbers that tables use for "missing".
SENTINELS = (-9999.0, -999.0, -99.0, -9.0, -1.0, 99.0, 999.0, 9999.0, 99999.0)
#: Such a number is suspect when it is so many times the largest other value: an age of 99 is no code.
FAR_ABOVE = 4.0
#: Fewest other values that tell what is usual in a column.
VALUES_TO_JUDGE = 5
#: Oldest patient, and years that are years of birth and no ages.
OLDEST, BIRTH_YEARS = 120.0, (1880.0, 2100.0)
#: Where nobody else is younger than this, an age of 0 is none.
ADULT = 10.0
_UPTAKE = frozenset({"suv", "suvmax", "suvmean", "suvpeak"})
_NO_UPTAKE = frozenset({"log", "ln", "z", "score", "delta", "change", "difference", "index", "volume"})
_AGE = frozenset({"age", "alter"})
_NO_YEARS = frozenset({"day", "days", "week", "weeks", "month", "months", "decade", "decades", "log", "score", "z"})
_YEARS = frozenset({"", "year", "years", "yr", "yrs", "y", "a"})


def check_covariates(tables: CanonicalTables) -> Iterator[Finding]:
    """Find codes for "missing" and impossible ages in the columns of patients and of their follow-up."""
    for name in ("patients", "follow_up"):
        if name in tables.tables:
            columns = [column for column in tables.columns(name) if column.name in tables.tables[name]]
            yield from find_strange_numbers(columns, tables.tables[name], tables.places[name])


def find_strange_numbers(columns: Sequence[Column], table: pd.DataFrame, place: Place) -> Iterator[Finding]:
    """Find codes for "missing" among measured values, and ages that are none.

    Parameters
    ----------
    columns : sequence of Column
        Numbers that are no outcome are looked at.
    table : pandas.DataFrame
        Their values.
    place : Place
        Where the table stands.

    Yields
    ------
    Finding
        A warning D153 for each column with such codes, an error D154 for one with impossible ages, a warning D141 for
        one with SUVs of 0 or below.
    """
    for column in columns:
        if column.type not in {"number", "integer"} or column.role == "outcome" or column.is_private:
            continue
        values = _within_range(column, table[column.name].to_numpy(dtype=np.float64, na_value=np.nan))
        if is_age(column, values):
            yield from _find_ages(column, values, place)
            continue
        yield from _find_codes(column, values, place)
        if column.declared_in == "study":
            yield from _find_uptake(column, values, place)


def _within_range(column: Column, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Set values aside that a finding about the range has named already."""
    if column.range is None:
        return values
    low, high = column.range
    return np.where((values >= low) & (values <= high), values, np.nan)


def _find_codes(column: Column, values: npt.NDArray[np.float64], place: Place) -> Iterator[Finding]:
    codes = suspect_codes(values)
    if codes:
        shown = ", ".join(format_significant(code, 6) for code in codes)
        remedy = "leave the cells empty where the value is not known"
        if column.declared_in == "study":
            texts = ", ".join(f'"{format_significant(code, 6)}"' for code in codes)
            remedy = f"if it means missing, set missing = [{texts}] in [column.{column.name}]"
        yield place.find(
            "D153", column.name, f"far from all other values, may stand for missing, found {shown}",
            np.flatnonzero(np.isin(values, codes)), remedy=remedy, severity="warning",
        )  # fmt: skip


def _find_uptake(column: Column, values: npt.NDArray[np.float64], place: Place) -> Iterator[Finding]:
    """Find SUVs of 0 or below in a column of a study; the tables of the schema have a check of their own."""
    words = set(re.findall(r"[a-z]+", f"{column.name} {column.label} {column.unit}"[:300].casefold()))
    # What may stand for missing is told as such.
    where = np.flatnonzero((values <= 0) & ~np.isin(values, suspect_codes(values)))
    if words & _UPTAKE and not words & _NO_UPTAKE and where.size:
        remedy = "if the scan shows no lesion, or nothing was measured, leave the cell empty: 0 is no uptake"
        yield place.find("D141", column.name, "an SUV of 0 or below", where, remedy=remedy, severity="warning")


def suspect_codes(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Tell which usual codes for "missing" stand among values that they cannot belong to.

    Parameters
    ----------
    values : ndarray of float64
        A column; NaN is missing.

    Returns
    -------
    tuple of float
        Negative codes where no other value is negative, and those far above the largest other value.

    Examples
    --------
    >>> suspect_codes(np.array([3.1, 4.5, 2.2, 8.0, 5.1, 99.0]))
    (99.0,)
    >>> suspect_codes(np.array([61.0, 70.0, 44.0, 81.0, 58.0, 99.0]))
    ()
    """
    others = values[~np.isin(values, SENTINELS) & np.isfinite(values)]
    if others.size < VALUES_TO_JUDGE:
        return ()
    low, high = others.min(), others.max()
    found = [code for code in SENTINELS if (code < 0 <= low) or (code > 0 and 0 < FAR_ABOVE * high < code)]
    return tuple(code for code in found if (values == code).any())


def is_age(column: Column, values: npt.NDArray[np.float64]) -> bool:
    """Tell whether a column holds ages in years.

    Parameters
    ----------
    column : Column
        Its name, label and unit.
    values : ndarray of float64
        Ages without a unit may be months or days; the usual one of them is then no age in years.

    Returns
    -------
    bool
        Whether it does.
    """
    words = set(re.findall(r"[a-z]+", f"{column.name} {column.label}"[:300].casefold()))
    if not words & _AGE or words & _NO_YEARS or column.unit.strip().casefold() not in _YEARS:
        return False
    known = values[np.isfinite(values)]
    middle = float(np.median(known)) if known.size else 0.0
    # Standardized ages lie around 0.
    return bool(column.unit.strip()) or 1 <= middle <= OLDEST or BIRTH_YEARS[0] <= middle <= BIRTH_YEARS[1]


def _find_ages(column: Column, values: npt.NDArray[np.float64], place: Place) -> Iterator[Finding]:
    born = (values >= BIRTH_YEARS[0]) & (values <= BIRTH_YEARS[1])
    if born.any():
        problem, remedy = "a year of birth in a column of ages", "write the age, in years"
        yield place.find("D154", column.name, problem, np.flatnonzero(born), remedy=remedy)
    wrong = ((values < 0) | (values > OLDEST)) & ~born
    others = values[np.isfinite(values) & (values != 0)]
    if others.size >= VALUES_TO_JUDGE and others[(others > 0)].min(initial=np.inf) >= ADULT:
        wrong |= values == 0
    if wrong.any():
        found = ", ".join(format_significant(value, 6) for value in np.unique(values[wrong])[:5])
        yield place.find(
            "D154", column.name, f"no age of a patient in years, found {found}", np.flatnonzero(wrong),
            expected=f"0 to {OLDEST:.0f} years", remedy="correct the cells, or leave them empty; for ages in months or "
            "days declare the unit",
        )  # fmt: skip
