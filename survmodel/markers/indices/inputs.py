"""What clinical indices take in: numbers with a unit and a plausible range, yes or no, and ordered levels.

Every input knows its best and its worst value. An index evaluated at the best values of what is missing, and again at
the worst ones, is bounded by the two: no published rule here gets better when one of its inputs gets worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.quantities import find_quantity, look_up_quantity
from survmodel.errors import ConfigError, DataError, list_values, name_rows
from survmodel.formatting import format_significant

Floats = npt.NDArray[np.float64]
#: Fewest values whose median tells a unit.
VALUES_FOR_MEDIAN = 5
SET_MISSING = "correct them, or set them missing"
_ANSWERS = {True: 1.0, False: 0.0, "yes": 1.0, "no": 0.0}


@dataclass(frozen=True, slots=True)
class Number:
    """A number with a unit.

    Parameters
    ----------
    name, label, unit : str
        Column, how it is called, and the unit of its cuts; "" for a count.
    low, high : float
        Plausible range, ends included. A missing value lies inside it.
    falling : bool
        Whether risk rises as the number falls.
    whole : bool
        Whether it is a count or a grade.
    hint : str
        What to do about a number out of range, where another unit does not explain it.
    best_at, worst_at : float, optional
        Where the best and the worst value lie, if not at the ends of the range.
    usual_median : tuple of float, optional
        A median of patients outside of it brings a warning: each number may be plausible, and the unit is not.

    Examples
    --------
    >>> Number("karnofsky", "Karnofsky performance status", "%", 0, 100, falling=True).worst
    0
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    falling: bool = False
    whole: bool = False
    hint: str = ""
    best_at: float | None = None
    worst_at: float | None = None
    usual_median: tuple[float, float] | None = None

    @property
    def best(self) -> float:
        """The value of the lowest risk."""
        if self.best_at is not None:
            return self.best_at
        return self.high if self.falling else self.low

    @property
    def worst(self) -> float:
        """The value of the highest risk."""
        if self.worst_at is not None:
            return self.worst_at
        return self.low if self.falling else self.high

    def read(self, values: pd.Series, unit: str = "") -> Floats:
        """Read a column.

        Parameters
        ----------
        values : pandas.Series
            Numbers, NaN where missing.
        unit : str
            Unit of the column, if not that of the input.

        Returns
        -------
        ndarray of float, shape (n,)
            In the unit of the input.

        Raises
        ------
        DataError
            For text, for numbers that are not plausible, and for fractions of what is counted.
        ConfigError
            For a unit in which the quantity does not come.
        """
        numbers = self._convert(_as_floats(values), unit)
        known = ~np.isnan(numbers)
        outside = known & ~((numbers >= self.low) & (numbers <= self.high))
        if outside.any():
            span = f"{format_significant(self.low)} to {format_significant(self.high)}"
            found = f"{name_rows(outside)}, as {format_significant(float(numbers[outside][0]))}"
            problem = f"column {values.name!r} is not plausible as {self.label}{self._in_unit()} ({span})"
            raise DataError(problem, found, self._remedy(float(numbers[outside][0])))
        broken = known & (numbers != np.round(numbers)) & self.whole
        if broken.any():
            raise DataError(f"column {values.name!r} is not whole as {self.label}", name_rows(broken), SET_MISSING)
        self._check_median(numbers[known], values.name)
        return numbers

    def _in_unit(self) -> str:
        return f" in {self.unit}" if self.unit else ""

    def _convert(self, numbers: Floats, unit: str) -> Floats:
        if not unit or unit == self.unit:
            return numbers
        quantity = look_up_quantity(self.name)
        if quantity is None:
            raise ConfigError(f"{self.label} cannot be converted from {unit!r}", remedy=f"give it in {self.unit}")
        return quantity.convert(numbers, unit, self.unit)

    def _remedy(self, number: float, *, median: bool = False) -> str:
        """Name the unit that explains a number; else the hint."""
        quantity = look_up_quantity(self.name)
        units = [] if quantity is None else list(quantity.units_that_explain(number, median=median))
        if units:
            return f"in {units[0].name} it would be plausible: say units={{{self.name!r}: {units[0].name!r}}}"
        return self.hint or SET_MISSING

    def doubt(self, numbers: Floats) -> str:
        """Say what is unusual about a column that was read.

        Parameters
        ----------
        numbers : ndarray of float, shape (n,)
            In the unit of the input.

        Returns
        -------
        str
            A sentence, "" where nothing is.
        """
        known = numbers[~np.isnan(numbers)]
        if self.usual_median is None or known.size < VALUES_FOR_MEDIAN:
            return ""
        median, (low, high) = float(np.median(known)), self.usual_median
        if low <= median <= high:
            return ""
        span = f"{format_significant(low)} to {format_significant(high)}"
        found = f"{format_significant(median)} {self.unit}"
        return f"The median of {self.label} is {found}, where {span} is usual: check its unit"

    def _check_median(self, known: Floats, column: object) -> None:
        """Refuse a column that only another unit explains, although each of its numbers is plausible."""
        if self.unit == "%" and known.size >= VALUES_FOR_MEDIAN and 0 < known.max() <= 1:
            problem = f"column {column!r} holds shares, and {self.label} is in %"
            raise DataError(problem, f"the largest is {format_significant(float(known.max()))}", "multiply it by 100")
        quantity = look_up_quantity(self.name)
        if quantity is None or known.size < VALUES_FOR_MEDIAN:
            return
        median = float(np.median(known))
        low, high = quantity.typical_median
        if not low <= median <= high and any(quantity.units_that_explain(median, median=True)):
            problem = f"the median of column {column!r} is not plausible as {self.label}{self._in_unit()}"
            raise DataError(problem, format_significant(median), self._remedy(median, median=True))


@dataclass(frozen=True, slots=True)
class YesNo:
    """A finding that is present or not.

    Parameters
    ----------
    name, label : str
        Column and how it is called.
    favourable : bool
        Whether its presence lowers the risk.
    """

    name: str
    label: str
    favourable: bool = False

    @property
    def best(self) -> float:
        """The value of the lowest risk."""
        return 1.0 if self.favourable else 0.0

    @property
    def worst(self) -> float:
        """The value of the highest risk."""
        return 0.0 if self.favourable else 1.0

    def read(self, values: pd.Series, unit: str = "") -> Floats:
        """Read a column.

        Parameters
        ----------
        values : pandas.Series
            True or False, 1 or 0, "yes" or "no"; missing where not known.
        unit : str
            A finding has none.

        Returns
        -------
        ndarray of float, shape (n,)
            1 for yes.

        Raises
        ------
        DataError
            For anything else.
        """
        return _look_up(values, self.label, _ANSWERS, unit, "write True or False")


@dataclass(frozen=True, slots=True)
class Level:
    """One of several ordered levels.

    Parameters
    ----------
    name, label : str
        Column and how it is called.
    levels : tuple of str
        Lowest risk first; coded 0, 1, 2.
    """

    name: str
    label: str
    levels: tuple[str, ...]

    @property
    def best(self) -> float:
        """The value of the lowest risk."""
        return 0.0

    @property
    def worst(self) -> float:
        """The value of the highest risk."""
        return float(len(self.levels) - 1)

    def read(self, values: pd.Series, unit: str = "") -> Floats:
        """Read a column.

        Parameters
        ----------
        values : pandas.Series
            Levels, missing where not known.
        unit : str
            A level has none.

        Returns
        -------
        ndarray of float, shape (n,)
            Place among the levels, from 0.

        Raises
        ------
        DataError
            For an unknown level.
        """
        codes = {level: float(place) for place, level in enumerate(self.levels)}
        return _look_up(values, self.label, codes, unit, f"the levels are {list_values(self.levels)}")


Input = Number | YesNo | Level


def lab(name: str, *, falling: bool = False) -> Number:
    """Make an input of a laboratory quantity, in the unit and the plausible range of the data schema.

    Parameters
    ----------
    name : str
        Quantity.
    falling : bool
        Whether risk rises as it falls.

    Returns
    -------
    Number
        The input.

    Examples
    --------
    >>> lab("hemoglobin", falling=True).unit
    'g/dL'
    """
    quantity = find_quantity(name)
    return Number(quantity.name, quantity.title, quantity.unit, *quantity.plausible, falling=falling)


def times_limit(name: str) -> Number:
    """Make an input of a laboratory quantity as a multiple of the laboratory's upper limit of normal.

    Parameters
    ----------
    name : str
        Quantity.

    Returns
    -------
    Number
        The input; its column ends in ``_uln``.

    Examples
    --------
    >>> times_limit("ldh").name
    'ldh_uln'
    """
    title = find_quantity(name).title
    hint = f"it is a multiple, not the limit itself: divide {title} by the upper limit of its laboratory"
    # No patient has 90 times the limit, and no laboratory has so low a limit of LDH.
    return Number(f"{name}_uln", title, "multiples of the upper limit of normal", 0.1, 90.0, hint=hint)


def _as_floats(values: pd.Series) -> Floats:
    if pd.api.types.is_bool_dtype(values.dtype):
        raise DataError(f"column {values.name!r} is true or false", remedy="give numbers")
    numbers = pd.to_numeric(values.astype(object), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    text = np.array([isinstance(value, str) for value in values.tolist()], dtype=bool) | (
        np.isnan(numbers) & values.notna().to_numpy()
    )
    if text.any():
        raise DataError(f"column {values.name!r} holds text", name_rows(text), "give numbers, NaN where missing")
    return numbers


def _look_up(
    values: pd.Series, label: str, codes: dict[object, float] | dict[str, float], unit: str, remedy: str
) -> Floats:
    if unit:
        raise ConfigError(f"{label} has no unit", f"found {unit!r}", "leave it out of units")
    missing = values.isna().to_numpy()
    found = [np.nan if gone else codes.get(value, -1.0) for value, gone in zip(values.tolist(), missing, strict=True)]
    numbers = np.array(found, dtype=np.float64)
    unknown = numbers == -1.0
    if unknown.any():
        raise DataError(f"column {values.name!r} does not say {label}", name_rows(unknown), remedy)
    return numbers
