"""What a plot of uptake shows, as arrays: the values of a marker by disease group and entity, quartiles, the axis."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, closest, name_rows
from survmodel.formatting import level_text
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Column of the patients of a group whose entity is missing.
NOT_STATED = "not stated"

#: No axis can be drawn for amounts beyond this or, other than 0, below its inverse.
LARGEST = 1e100

#: A log axis is at least this many times as high at its top as at its bottom.
_SHORTEST_LOG = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class UptakeColumn:
    """The patients above one place of the horizontal axis.

    Attributes
    ----------
    group, entity : str
        Level of the disease group; that of the entity, "" where patients are shown by group only.
    values : ndarray, shape (n,)
        Values of the marker, ascending, those missing left out.
    n_missing : int
        Patients without a value.
    """

    group: str
    entity: str
    values: Floats
    n_missing: int

    @property
    def n(self) -> int:
        """Number of patients with a value."""
        return int(self.values.size)

    @property
    def quartiles(self) -> Floats | None:
        """Quartile 1, median and quartile 3 by linear interpolation (type 7); None below two patients."""
        return quartiles(self.values) if self.n > 1 else None


@dataclass(frozen=True, slots=True, eq=False)
class UptakePlotData:
    """What a plot of uptake shows.

    Attributes
    ----------
    columns : tuple of UptakeColumn
        By level of the group and, within it, by level of the entity.
    n_without_group : int
        Patients who are not shown, because their group is missing.
    """

    columns: tuple[UptakeColumn, ...]
    n_without_group: int

    @property
    def groups(self) -> tuple[str, ...]:
        """Levels of the group, in order."""
        return tuple(dict.fromkeys(column.group for column in self.columns))

    @property
    def values(self) -> Floats:
        """Every value that is shown."""
        return np.concatenate([column.values for column in self.columns])

    @property
    def n_missing(self) -> int:
        """Patients of the groups shown who have no value."""
        return sum(column.n_missing for column in self.columns)

    def of_group(self, group: str) -> list[UptakeColumn]:
        """Give the columns of a group.

        Parameters
        ----------
        group : str
            A level.

        Returns
        -------
        list of UptakeColumn
            In order.
        """
        return [column for column in self.columns if column.group == group]

    def group_values(self, group: str) -> Floats:
        """Give the values of a group, whatever the entity.

        Parameters
        ----------
        group : str
            A level.

        Returns
        -------
        ndarray
            Ascending.
        """
        return np.sort(np.concatenate([column.values for column in self.of_group(group)]))

    def table(self) -> pd.DataFrame:
        """Give every number that is drawn.

        Returns
        -------
        pandas.DataFrame
            Columns measure ("patient" for the value of one; "n", "no value", "quartile 1", "median", "quartile 3" of a
            column; "group median"), group, entity, value.
        """
        rows: list[tuple[str, str, str, float]] = []
        for group in self.groups:
            inside = self.of_group(group)
            for column in inside:
                rows += [("patient", group, column.entity, float(value)) for value in column.values]
                numbers = {"n": float(column.n), "no value": float(column.n_missing)}
                if column.quartiles is not None:
                    numbers.update(zip(("quartile 1", "median", "quartile 3"), column.quartiles.tolist(), strict=True))
                rows += [(measure, group, column.entity, value) for measure, value in numbers.items()]
            middle = self.group_median(group)
            rows += [] if middle is None else [("group median", group, "", middle)]
        return pd.DataFrame(rows, columns=["measure", "group", "entity", "value"])

    def group_median(self, group: str) -> float | None:
        """Give the median of a group that has several columns with values.

        Parameters
        ----------
        group : str
            A level.

        Returns
        -------
        float or None
            None where one column says it all.
        """
        filled = sum(column.n > 0 for column in self.of_group(group))
        return float(np.median(self.group_values(group))) if filled > 1 else None


def quartiles(values: Floats) -> Floats:
    """Give quartile 1, median and quartile 3 by linear interpolation of the order statistics (type 7).

    Parameters
    ----------
    values : ndarray
        At least one value, none missing.

    Returns
    -------
    ndarray, shape (3,)
        The quartiles.

    Examples
    --------
    >>> quartiles(np.array([1.0, 2.0, 3.0, 4.0])).tolist()
    [1.75, 2.5, 3.25]
    """
    return np.asarray(np.quantile(values, (0.25, 0.5, 0.75), method="linear"), dtype=np.float64)


def uptake_plot_data(table: pd.DataFrame, marker: str, group: str, entity: str | None = None) -> UptakePlotData:
    """Take from a table of patients what a plot of uptake shows.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each patient.
    marker, group : str
        Columns of the marker and of the disease group.
    entity : str, optional
        Column of the entity.

    Returns
    -------
    UptakePlotData
        Groups and entities in category order for a Categorical, by number for numbers, else in alphabetical order.

    Raises
    ------
    ConfigError
        When `table` is no table with these columns.
    DataError
        When the marker holds anything but finite numbers, a level is a date or a list, or nobody has a group.

    Examples
    --------
    >>> table = pd.DataFrame({"suv": [3.0, 9.0, None, 5.0], "group": ["b", "b", "a", "a"]})
    >>> data = uptake_plot_data(table, "suv", "group")
    >>> [(column.group, column.values.tolist(), column.n_missing) for column in data.columns]
    [('a', [5.0], 1), ('b', [3.0, 9.0], 0)]
    """
    values = _read_marker(marker, _column(table, marker))
    group_codes, group_levels = _read_levels(group, _column(table, group))
    if not group_levels:
        raise DataError(f"{group} has no level", "every row is missing" if len(table) else "the table has no rows")
    nobody: tuple[Integers, list[str]] = np.zeros(len(table), dtype=np.int64), [""]
    codes, levels = nobody if entity is None else _read_levels(entity, _column(table, entity))
    columns = []
    for place, level in enumerate(group_levels):
        inside = group_codes == place
        for code in [*range(len(levels)), -1]:
            here = values[inside & (codes == code)]
            known = np.sort(here[~np.isnan(here)])
            if here.size:
                name = levels[code] if code >= 0 else NOT_STATED
                columns.append(UptakeColumn(level, name, frozen(known), int(here.size - known.size)))
    return UptakePlotData(tuple(columns), int((group_codes < 0).sum()))


def _column(table: object, name: str) -> pd.Series:
    if not isinstance(table, pd.DataFrame):
        remedy = "pass a DataFrame with one row for each patient"
        raise ConfigError("draw_uptake draws a table of patients", f"found {type(table).__name__}", remedy)
    if name not in table.columns:
        raise ConfigError(f"the table has no column {name!r}", remedy=closest(str(name), map(str, table.columns)))
    column: object = table[name]
    if not isinstance(column, pd.Series):
        raise ConfigError(f"the table has several columns {name!r}", remedy="rename them, or select one")
    return column


def _read_marker(name: str, series: pd.Series) -> Floats:
    remedy = "name a column of numbers, for example cxcr4_suvmax"
    if series.dtype.kind in "mM":
        raise DataError(f"{name} holds dates or durations", remedy=remedy)
    try:
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} holds values that are no numbers", remedy=remedy) from error
    amounts = np.abs(values)
    wrong = (amounts > LARGEST) | ((amounts > 0) & (amounts < 1 / LARGEST))
    if wrong.any():
        found = f"in {name_rows(wrong)}"
        raise DataError(f"{name} holds values that no axis can show, infinite for example", found, "make them missing")
    return np.asarray(values, dtype=np.float64)


def _read_levels(name: str, series: pd.Series) -> tuple[Integers, list[str]]:
    """Give the level of every row as its place in the order of levels that occur, -1 where it is missing."""
    missing = series.isna().to_numpy()
    known = series[~missing]
    if not all(isinstance(value, Hashable) for value in known):
        raise DataError(f"{name} holds lists or other objects", remedy="give each patient one level")
    values = list(dict.fromkeys(known))
    if any(isinstance(value, date | timedelta | np.datetime64 | np.timedelta64 | pd.Period) for value in values):
        raise DataError(f"{name} holds dates or durations, which are never shown", remedy="name a column of levels")
    if isinstance(series.dtype, pd.CategoricalDtype):
        values = [value for value in series.cat.categories if value in set(values)]
    else:
        try:
            values.sort()
        except TypeError:  # numbers beside texts
            values.sort(key=str)
    levels = list(dict.fromkeys(level_text(value) for value in values))
    place = {text: code for code, text in enumerate(levels)}
    codes = np.full(len(series), -1, dtype=np.int64)
    codes[~missing] = [place[level_text(value)] for value in known]
    return codes, levels


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """The axis of a marker, in points above its lower end.

    Attributes
    ----------
    low, high : float
        Values at the lower end (above the strip, where there is one) and at the upper end.
    strip : float
        Height in points of the strip below a log axis for values of 0 or less, 0 without one.
    height : float
        Height in points, with the strip.
    log : bool
        Whether the scale is logarithmic.
    """

    low: float
    high: float
    strip: float
    height: float
    log: bool

    @property
    def middle(self) -> float:
        """Points from the bottom to the middle of the strip."""
        return self.strip / 2

    def place(self, values: npt.ArrayLike) -> Floats:
        """Give the places of values.

        Parameters
        ----------
        values : array_like
            Values of the marker.

        Returns
        -------
        ndarray
            Points above the bottom; on a log axis the middle of the strip for 0 and less.
        """
        numbers = np.asarray(values, dtype=np.float64)
        if not self.log:
            return np.asarray((numbers - self.low) / (self.high - self.low) * self.height, dtype=np.float64)
        positive = numbers > 0
        share = np.log(np.where(positive, numbers, self.low) / self.low) / math.log(self.high / self.low)
        return np.where(positive, self.strip + share * (self.height - self.strip), self.middle)

    def value(self, points: npt.ArrayLike) -> Floats:
        """Give the values that stand at places, also within the strip.

        Parameters
        ----------
        points : array_like
            Points above the bottom.

        Returns
        -------
        ndarray
            Values on the scale of the axis.
        """
        share = (np.asarray(points, dtype=np.float64) - self.strip) / (self.height - self.strip)
        if not self.log:
            return np.asarray(self.low + share * (self.high - self.low), dtype=np.float64)
        return np.asarray(self.low * (self.high / self.low) ** share, dtype=np.float64)


def value_axis(values: Floats, *, log: bool, strip: float, height: float, margin: float = 4.0) -> ValueAxis:
    """Choose the ends of the axis of a marker.

    Parameters
    ----------
    values : ndarray
        Every value shown.
    log : bool
        Whether a log scale is asked for; values of which none is above 0 get an even one.
    strip, height : float
        Points for values of 0 or less on a log axis, if there are any, and for the whole axis.
    margin : float
        Points left free beyond the lowest and the highest value.

    Returns
    -------
    ValueAxis
        The axis.

    Examples
    --------
    >>> axis = value_axis(np.array([1.0, 100.0]), log=True, strip=10, height=108)
    >>> axis.strip, axis.place([1.0, 10.0, 100.0]).round(9).tolist()
    (0.0, [4.0, 54.0, 104.0])
    """
    positive = values[values > 0]
    if log and positive.size:
        below = strip if positive.size < values.size else 0.0
        low, high = math.log(positive.min()), math.log(positive.max())
        more = max((math.log(_SHORTEST_LOG) - (high - low)) / 2, 0.0)
        free = (high - low + 2 * more) * margin / (height - below - 2 * margin)
        return ValueAxis(math.exp(low - more - free), math.exp(high + more + free), below, height, log=True)
    if not values.size:
        return ValueAxis(0.0, 1.0, 0.0, height, log=False)
    low, high = float(values.min()), float(values.max())
    # An even axis of amounts starts at 0 unless that would squeeze all of them into its upper half.
    low = 0.0 if 0 <= low <= 0.5 * high else low
    more = 0.5 * max(abs(high), 1.0) if high - low <= 1e-9 * max(abs(high), abs(low)) else 0.0
    free = (high - low + 2 * more) * margin / (height - 2 * margin)
    return ValueAxis(low - more - free, high + more + free, 0.0, height, log=False)


def swarm(places: Floats, diameter: float, half: float) -> Floats:
    """Move points sideways, as little as puts them beside each other; nothing is drawn by lot.

    Parameters
    ----------
    places : ndarray, shape (n,)
        Heights of the points, ascending.
    diameter : float
        Distance at which two points do not touch, in the same unit.
    half : float
        Largest distance from the middle. Points that need more are moved together and overlap.

    Returns
    -------
    ndarray, shape (n,)
        Distances from the middle.

    Examples
    --------
    >>> swarm(np.array([0.0, 0.0, 0.0, 9.0]), 2.0, 5.0).tolist()
    [0.0, 2.0, -2.0, 0.0]
    """
    offsets = np.zeros(places.size)
    start = 0
    for point, place in enumerate(places):
        while place - places[start] >= diameter:
            start += 1
        near = offsets[start:point]
        reach = np.sqrt(np.maximum(diameter**2 - (place - places[start:point]) ** 2, 0.0))
        tried = np.concatenate([[0.0], near + reach, near - reach])
        # A hair of slack, so that rounding does not keep a point from the place beside its neighbour.
        free = (np.abs(tried[:, None] - near[None, :]) >= reach[None, :] - 1e-9).all(axis=1)
        offsets[point] = min(tried[free], key=_nearest_first)
    widest = float(np.abs(offsets).max(initial=0.0))
    return offsets * (half / widest) if widest > half else offsets


def _nearest_first(offset: float) -> tuple[float, bool]:
    return round(abs(float(offset)), 6), offset < 0


def rows_of(n: int, diameter: float, half: float, most: int) -> tuple[Floats, Floats]:
    """Arrange points of one value in rows.

    Parameters
    ----------
    n : int
        Number of points.
    diameter, half : float
        Distance of two points; largest distance from the middle.
    most : int
        Largest number of rows; beyond it points overlap.

    Returns
    -------
    tuple of ndarray, shape (n,)
        Distances from the middle, to the side and upwards.

    Examples
    --------
    >>> [part.tolist() for part in rows_of(3, 2.0, 1.5, 2)]
    [[-1.0, 1.0, 0.0], [1.0, 1.0, -1.0]]
    """
    per_row = max(int(2 * half / diameter) + 1, math.ceil(n / most))
    row, place = np.divmod(np.arange(n), per_row)
    in_row = np.bincount(row, minlength=1)[row]
    step = min(diameter, 2 * half / max(per_row - 1, 1))
    height = (int(row.max(initial=0)) / 2 - row) * diameter
    return (place - (in_row - 1) / 2) * step, height.astype(np.float64)


def spread(width: float, counts: Sequence[int], needs: Sequence[float], gap: float) -> tuple[Floats, Floats, float]:
    """Share the width among blocks of columns; a block is as wide as its columns, or as its name needs.

    Parameters
    ----------
    width : float
        Width of all.
    counts, needs : sequence
        Columns of each block, and its least width.
    gap : float
        Distance between blocks; half of it stays free at both ends.

    Returns
    -------
    tuple
        Left edges of the blocks, their widths, and the least distance between two columns.

    Examples
    --------
    >>> left, wide, pitch = spread(110, [3, 1], [0, 40], 5)
    >>> left.round(6).tolist(), wide.round(6).tolist(), round(pitch, 6)
    ([2.5, 67.5], [60.0, 40.0], 20.0)
    """
    number, least = np.asarray(counts, dtype=np.float64), np.asarray(needs, dtype=np.float64)
    room = width - gap * number.size
    low, high = 0.0, room / number.sum()
    for _ in range(60):
        pitch = (low + high) / 2
        low, high = (pitch, high) if np.maximum(number * pitch, least).sum() <= room else (low, pitch)
    wide = np.maximum(number * low, least)
    left = gap / 2 + np.concatenate([[0.0], np.cumsum(wide + gap)[:-1]])
    return left, wide, float(low)
