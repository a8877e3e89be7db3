"""Laboratory values in a unit that they are not in: unknown units, numbers that only another unit explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.canonical import CanonicalTables
from survmodel.data.columns import Column
from survmodel.data.findings import Finding, Place
from survmodel.data.quantities import OF_LIMIT, Quantity, is_of_limit, look_up_quantity
from survmodel.errors import list_values
from survmodel.formatting import format_significant

#: Fewest values whose median says something.
VALUES_FOR_MEDIAN = 5
#: Smallest and largest multiple of an upper limit that a patient has.
MULTIPLES = (0.05, 50.0)

Bools = npt.NDArray[np.bool_]


def check_labs(tables: CanonicalTables) -> Iterator[Finding]:
    """Find values in unknown units, numbers that only another unit explains, and two values of a test on one day."""
    labs, place = tables.tables["labs"], tables.places["labs"]
    tests = labs["test"].astype(object)
    for name in dict.fromkeys(tests.dropna()):
        quantity = look_up_quantity(name)
        if quantity is not None:
            yield from _look_at_test(quantity, labs, (tests == name).to_numpy(), place)
    yield from _look_at_same_day(labs, place)


def _look_at_test(quantity: Quantity, labs: pd.DataFrame, rows: Bools, place: Place) -> Iterator[Finding]:
    units = labs["unit"].fillna("").astype(str)
    values = labs["value"].to_numpy(dtype=float, na_value=np.nan)
    unknown: list[int] = []
    for unit in dict.fromkeys(units[rows]):
        where = rows & (units == unit).to_numpy()
        known = quantity.find_unit(unit)
        if known is not None:
            yield from look_at_numbers(quantity, known.name, values, where, ("value", place))
            yield from _look_at_limits(quantity, known.name, labs, where, place)
        elif is_of_limit(unit) and quantity.upper_limit is not None:
            yield from _look_at_multiples(quantity, values, where, place)
        elif unit.strip():
            unknown += np.flatnonzero(where).tolist()
    if unknown:
        names = [one.name for one in quantity.units] + ([OF_LIMIT] if quantity.upper_limit is not None else [])
        yield place.find(
            "D170", "unit", f"a unit in which {quantity.title} does not come", sorted(unknown),
            expected=f"one of {list_values(names)}", remedy="write the unit of the laboratory, or convert the value",
        )  # fmt: skip


def _look_at_multiples(
    quantity: Quantity, values: npt.NDArray[np.float64], where: Bools, place: Place
) -> Iterator[Finding]:
    """Find numbers that are no multiple of an upper limit, but the value itself."""
    low, high = MULTIPLES
    strange = np.flatnonzero(where & ((values < low) | (values > high)))
    if strange.size:
        found = _extremes(values[strange])
        yield place.find(
            "D171", "value", f"no multiple of the upper limit of {quantity.title}{found}", strange,
            expected=f"{format_significant(low, 3)} to {format_significant(high, 3)} {OF_LIMIT}",
            remedy="correct the unit, or the cells; accept the rows with a waiver if the numbers are true",
        )  # fmt: skip


def _look_at_limits(quantity: Quantity, unit: str, labs: pd.DataFrame, where: Bools, place: Place) -> Iterator[Finding]:
    """Find upper limits of normal that no laboratory has in this unit."""
    if quantity.upper_limit is None:
        return
    limits = quantity.convert(labs["uln"].to_numpy(dtype=float, na_value=np.nan), unit, quantity.unit)
    low, high = quantity.upper_limit
    strange = np.flatnonzero(where & ((limits < low) | (limits > high)))
    if strange.size:
        expected = f"{format_significant(low, 6)} to {format_significant(high, 6)} {quantity.unit}"
        remedy = "is the limit in another unit than the value, or that of another test?"
        problem = f"an upper limit of {quantity.title} that no laboratory has"
        yield place.find("D173", "uln", problem, strange, expected=expected, remedy=remedy, severity="warning")


def look_at_numbers(
    quantity: Quantity, unit: str, values: npt.NDArray[np.float64], where: Bools, at: tuple[str, Place]
) -> Iterator[Finding]:
    """Find numbers that a patient cannot have in a unit, and say which unit would explain them.

    Parameters
    ----------
    quantity : Quantity
        What is measured.
    unit : str
        Unit that is declared; one of the quantity.
    values : numpy.ndarray, shape (n,)
        In that unit.
    where : numpy.ndarray of bool, shape (n,)
        Rows to look at.
    at : tuple of (str, Place)
        Column, and where it stands.

    Yields
    ------
    Finding
        D171, an error, where another unit explains the numbers; D172, a warning, where none does.
    """
    column, place = at
    factor = quantity.factor(unit, quantity.unit)
    implausible = [i for i in np.flatnonzero(where) if not quantity.is_plausible(values[i] * factor)]
    explained: dict[str, list[int]] = {}
    unexplained = []
    for i in implausible:
        units = [one.name for one in quantity.units_that_explain(values[i])]
        if units:
            explained.setdefault(units[0], []).append(int(i))
        else:
            unexplained.append(int(i))
    for other, rows in explained.items():
        yield _other_unit(quantity, unit, other, values[rows], rows, at)
    present = values[where & ~np.isnan(values)]
    if not explained and present.size >= VALUES_FOR_MEDIAN:
        yield from _look_at_median(quantity, unit, values, where, at)
    if unexplained:
        low, high = (format_significant(quantity.convert(x, quantity.unit, unit), 3) for x in quantity.plausible)
        yield place.find(
            "D172", column, f"implausible for {quantity.title}{_extremes(values[unexplained])}", unexplained,
            expected=f"{low} to {high} {unit}", remedy="look at the cells again", severity="warning",
        )  # fmt: skip


def _look_at_median(
    quantity: Quantity, unit: str, values: npt.NDArray[np.float64], where: Bools, at: tuple[str, Place]
) -> Iterator[Finding]:
    """Find a whole column in another unit, of which each number alone would be possible."""
    median = float(np.nanmedian(values[where]))
    low, high = quantity.typical_median
    if low <= median * quantity.factor(unit, quantity.unit) <= high:
        return
    others = [one.name for one in quantity.units_that_explain(median, median=True)]
    if others:
        rows = np.flatnonzero(where & ~np.isnan(values)).tolist()
        yield _other_unit(quantity, unit, others[0], values[rows], rows, at)


def _other_unit(
    quantity: Quantity, unit: str, other: str, values: npt.NDArray[np.float64], rows: Sequence[int],
    at: tuple[str, Place],
) -> Finding:  # fmt: skip
    column, place = at
    factor = quantity.factor(other, unit)
    times = (
        f"times {format_significant(factor, 4)}" if factor >= 1 else f"divided by {format_significant(1 / factor, 4)}"
    )
    problem = f"implausible for {quantity.title} in {unit}, and plausible in {other}{_extremes(values)}"
    return place.find(
        "D171", column, problem, rows,
        expected=f"a number in {other}, {times}, is one in {unit}",
        remedy="correct the unit, or the cells; accept the rows with a waiver if the numbers are true",
    )  # fmt: skip


def _extremes(values: npt.NDArray[np.float64]) -> str:
    ends = sorted({float(values.min()), float(values.max())})
    return f", found {' to '.join(format_significant(value, 6) for value in ends)}"


def find_implausible(columns: Sequence[Column], table: pd.DataFrame, place: Place) -> Iterator[Finding]:
    """Find numbers of declared columns that only another unit explains.

    Parameters
    ----------
    columns : sequence of Column
        Those of a laboratory quantity are looked at: by their declaration, or because they have its name and one of its
        units.
    table : pandas.DataFrame
        Their values, in the unit of the column.
    place : Place
        Where the table stands.

    Yields
    ------
    Finding
        D171 and D172; numbers are told in the unit of the file.
    """
    for column in columns:
        if column.type not in {"number", "integer"} or column.role == "outcome":
            continue
        quantity = look_up_quantity(column.quantity or column.name)
        if quantity is None or quantity.find_unit(column.unit) is None:
            continue
        unit = column.unit_in_file or column.unit
        values = table[column.name].to_numpy(dtype=float, na_value=np.nan)
        in_file = quantity.convert(values, column.unit, unit)
        yield from look_at_numbers(quantity, unit, in_file, np.ones(len(values), dtype=bool), (column.name, place))


def check_units_of_columns(tables: CanonicalTables) -> Iterator[Finding]:
    """Find numbers of columns beside the schema that only another unit explains."""
    for name, columns in tables.extra.items():
        if name in tables.tables:
            yield from find_implausible(columns, tables.tables[name], tables.places[name])


def _look_at_same_day(labs: pd.DataFrame, place: Place) -> Iterator[Finding]:
    """Find two samples of a test on one day whose values differ."""
    key = ["patient_id", "test", "lab_date"]
    known = labs.loc[labs[key].notna().all(axis=1)]
    written = known.groupby(key, observed=True)
    differ = (written["value"].transform("nunique") > 1) | (
        known["unit"].fillna("").groupby([known[name] for name in key], observed=True).transform("nunique") > 1
    )
    where = np.flatnonzero(labs.index.isin(known.index[differ]))
    if where.size:
        problem = "two different values of a test on one day"
        remedy = "keep the one that counts; with a waiver the value of the patient is missing"
        yield place.find("D174", "value", problem, where, remedy=remedy)
