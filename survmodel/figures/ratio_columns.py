"""Where the texts of a hazard-ratio plot stand: columns left and right of the axis, rows as high as their text.

Lengths are in points. Heights count from the lower edge of the axes, places from left to right from their left edge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from survmodel.figures.hazard_ratios_data import Ratio, RatioRow
from survmodel.figures.lettering import text_width, wrap
from survmodel.figures.page import shown_name
from survmodel.formatting import MISSING, format_count, format_p, format_significant

#: Which columns stand left and right of the axis: the first choice that leaves room for the axis.
CHOICES = (
    (("n", "events"), ("ratio", "p")),
    (("events-of-n",), ("ratio", "p")),
    (("events-of-n",), ("ratio",)),
    ((), ("ratio",)),
)

#: Points that the axis needs, and that it gets when nothing can go any more.
ROOM_FOR_AXIS = 58.0
LEAST_AXIS = 40.0

#: Shares of the page that names may take: they are broken into more lines before a column goes.
NAMES_SHARES = (0.34, 0.27)

#: Most lines of a name, and points that names get at least.
MOST_LINES = 3
LEAST_NAMES = 30.0

_GAP = 7.5
_AXIS_GAP = 8.0
_INDENT = 7.0
_LEADING = 1.35

#: From one line of a name to the next, in font sizes.
LABEL_LEADING = 1.2
_BETWEEN = 0.5
_WITHIN = 0.25


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of text.

    Attributes
    ----------
    name, header : str
        What it is called in the file and in the figure.
    cells : tuple of tuple of str
        For each row one text for all its lines, one for each line, or none.
    to_the_right : bool
        Whether texts end at the same place, as numbers do, instead of beginning there.
    """

    name: str
    header: str
    cells: tuple[tuple[str, ...], ...]
    to_the_right: bool = True

    def width(self, size: float) -> float:
        """Measure the widest text at a font size."""
        return max(text_width(text, size) for text in (self.header, *(text for cell in self.cells for text in cell)))


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A column in its place.

    Attributes
    ----------
    column : TextColumn
        The column.
    place : float
        Where its texts begin, or end when they are aligned to the right.
    """

    column: TextColumn
    place: float


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row in its place.

    Attributes
    ----------
    label : tuple of str
        Lines of its name.
    indent : float
        How far the name is indented.
    middle : float
        Height of its middle.
    lines : tuple of float
        Heights of its ratios.
    """

    label: tuple[str, ...]
    indent: float
    middle: float
    lines: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows and columns in their places.

    Attributes
    ----------
    left, right : float
        Points that texts need left and right of the axes.
    height : float
        Height of the axes.
    rows : tuple of PlacedRow
        From the top.
    columns : tuple of PlacedColumn
        Columns that are shown.
    """

    left: float
    right: float
    height: float
    rows: tuple[PlacedRow, ...]
    columns: tuple[PlacedColumn, ...]


def make_plan(rows: Sequence[RatioRow], conf_level: float, size: float, full: float) -> Plan:
    """Choose the columns for which there is room, and place rows and columns.

    Parameters
    ----------
    rows : sequence of RatioRow
        What is shown.
    conf_level : float
        Coverage of the limits.
    size : float
        Font size.
    full : float
        Width between the edges of the page.

    Returns
    -------
    Plan
        The axis has what is left between the columns.
    """
    known = {column.name: column for column in _columns(rows, conf_level)}
    names = [(shown_name(row.label), _INDENT if row.is_level else 0.0) for row in rows]
    left, right, room = _choose(known, names, size, full)
    # Broken into lines names may need less than they were given.
    wrapped = [tuple(wrap(name, room - indent, size, most=MOST_LINES)) for name, indent in names]
    room = max(_widest(label, size) + indent for label, (_, indent) in zip(wrapped, names, strict=True))
    placed, height = _place_rows(rows, wrapped, [indent for _, indent in names], size)
    axis = full - room - _room(left, size) - _room(right, size) + _GAP - 2 * _AXIS_GAP
    return Plan(
        left=room + _room(left, size) + _AXIS_GAP,
        right=_room(right, size) - _GAP + _AXIS_GAP,
        height=height,
        rows=placed,
        columns=(*_place_left(left, size), *_place_right(right, size, axis)),
    )


def _choose(
    known: Mapping[str, TextColumn], names: Sequence[tuple[str, float]], size: float, full: float
) -> tuple[list[TextColumn], list[TextColumn], float]:
    """Choose the columns left and right of the axis and the room for names."""
    widest = max(text_width(name[:200], size) + indent for name, indent in names) + 0.5
    for left_names, right_names in CHOICES:
        left = [known[name] for name in left_names if name in known]
        right = [known[name] for name in right_names if name in known]
        free = full - _room(left, size) - _room(right, size) + _GAP - 2 * _AXIS_GAP
        for share in NAMES_SHARES:
            room = min(widest, share * full)
            if free - room >= ROOM_FOR_AXIS:
                return left, right, room
    return left, right, max(min(room, free - LEAST_AXIS), LEAST_NAMES)


def _widest(lines: Sequence[str], size: float) -> float:
    return max((text_width(line, size) for line in lines), default=0.0)


def _columns(rows: Sequence[RatioRow], conf_level: float) -> Iterator[TextColumn]:
    """Write the columns for which there are numbers."""
    ratios = [ratio for row in rows for ratio in row.ratios]
    if any(not math.isnan(ratio.n + ratio.n_event) for ratio in ratios):
        yield TextColumn("n", "n", _cells(rows, lambda ratio: _count(ratio.n)))
        yield TextColumn("events", "Events", _cells(rows, lambda ratio: _count(ratio.n_event)))
        yield TextColumn("events-of-n", "Events/n", _cells(rows, _both_counts))
    header = f"HR ({format_significant(100 * conf_level)}% CI)"
    yield TextColumn(
        "ratio", header, tuple(tuple(ratio.text for ratio in row.lines) for row in rows), to_the_right=False
    )
    if any(not math.isnan(ratio.p_value) for ratio in ratios):
        yield TextColumn("p", "p", tuple(tuple(_p(ratio) for ratio in row.lines) for row in rows))


def _cells(rows: Sequence[RatioRow], write: Callable[[Ratio], str]) -> tuple[tuple[str, ...], ...]:
    """Write the counts of each row, once where all its lines have the same."""
    cells = [tuple(write(ratio) for ratio in row.lines) for row in rows]
    return tuple(texts[:1] if len(set(texts)) == 1 else texts for texts in cells)


def _count(count: float) -> str:
    return "" if math.isnan(count) else format_count(count)


def _both_counts(ratio: Ratio) -> str:
    texts = [_count(ratio.n_event) or MISSING, _count(ratio.n) or MISSING]
    return "" if texts == [MISSING, MISSING] else "/".join(texts)


def _p(ratio: Ratio) -> str:
    return "" if math.isnan(ratio.p_value) or not ratio.exists else format_p(ratio.p_value)


def _room(columns: Sequence[TextColumn], size: float) -> float:
    return sum(_GAP + column.width(size) for column in columns)


def _place_left(columns: Sequence[TextColumn], size: float) -> Iterator[PlacedColumn]:
    edge = -_AXIS_GAP
    for column in reversed(columns):
        yield PlacedColumn(column, edge)
        edge -= column.width(size) + _GAP


def _place_right(columns: Sequence[TextColumn], size: float, axis: float) -> Iterator[PlacedColumn]:
    edge = axis + _AXIS_GAP
    for column in columns:
        width = column.width(size)
        yield PlacedColumn(column, edge + (width if column.to_the_right else 0.0))
        edge += width + _GAP


def _place_rows(
    rows: Sequence[RatioRow], labels: Sequence[tuple[str, ...]], indents: Sequence[float], size: float
) -> tuple[tuple[PlacedRow, ...], float]:
    """Place rows from the top; a new column of the data, and a row of several lines, stand a little apart."""
    leading = _LEADING * size
    heights = [
        max(leading * max(len(row.lines), 1), (LABEL_LEADING * len(label) + 0.15) * size)
        for row, label in zip(rows, labels, strict=True)
    ]
    apart = [_WITHIN * size]
    for before, row in pairwise(rows):
        several = len(before.lines) > 1 or len(row.lines) > 1
        apart.append((_BETWEEN if row.starts else _WITHIN if several else 0.0) * size)
    total = top = sum(heights) + sum(apart) + _BETWEEN * size
    placed = []
    for row, label, indent, height, space in zip(rows, labels, indents, heights, apart, strict=True):
        top -= space
        middle, count = top - height / 2, len(row.lines)
        lines = tuple(middle + ((count - 1) / 2 - line) * leading for line in range(count))
        placed.append(PlacedRow(label, indent, middle, lines))
        top -= height
    return tuple(placed), total
