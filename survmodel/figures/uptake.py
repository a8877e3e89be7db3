"""The plot of uptake: the values of a marker in every patient, by disease group and by entity.

What is drawn comes as arrays from :mod:`survmodel.figures.uptake_data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.ticker import NullFormatter, NullLocator

from survmodel.errors import ConfigError
from survmodel.figures.lettering import shorten, text_width, wrap
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.style import JournalStyle, StudyFigure, current_style, group_look, mix_with_white, style_settings
from survmodel.figures.ticks import Tick, even_ticks, log_ticks
from survmodel.figures.uptake_data import (
    NOT_STATED,
    Floats,
    UptakeColumn,
    UptakePlotData,
    ValueAxis,
    quartiles,
    rows_of,
    spread,
    swarm,
    uptake_plot_data,
    value_axis,
)
from survmodel.formatting import count_noun, format_count, format_significant
from survmodel.naming import level_label
from survmodel.table import one_line

ROWS = ("n", "no value")

#: Points between groups of entities.
_GAP = 8.0

#: Rows of points in the strip of values that a log axis cannot show.
_STRIP_ROWS = 3

#: Points that a name standing upright may be long.
_LONGEST_UPRIGHT = 92.0

_LIGHT = "#bbbbbb"
_STRIP_COLOR = "#eeeeee"


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where columns stand, in points from the left end of the axes.

    Attributes
    ----------
    middle : ndarray
        Of each column.
    left, right : ndarray
        Ends of each block: of a group where entities are shown, else of a column.
    pitch : float
        Least distance between two columns.
    dot : float
        Diameter of a point.
    names : tuple of tuple of str
        Lines of the name under each column.
    upright : bool
        Whether names stand upright.
    """

    middle: Floats
    left: Floats
    right: Floats
    pitch: float
    dot: float
    names: tuple[tuple[str, ...], ...]
    upright: bool

    @property
    def half(self) -> float:
        """Points that patients may stand away from the middle of their column."""
        return 0.46 * self.pitch - self.dot / 2


def draw_uptake(  # noqa: PLR0913 - options by name
    table: pd.DataFrame,
    marker: str,
    group: str,
    *,
    entity: str | None = None,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    log: bool = True,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw the values of a marker by disease group and, within it, by entity: every patient, medians and quartiles.

    Points lie side by side where values are alike; where there is no room they overlap. Quartiles (type 7) are drawn
    from two patients on. Under each column stand the number of patients with a value and of those without, be it that
    nothing was measured or that there was no lesion. A log axis has no place for 0: such values, and those below 0,
    stand in a grey strip under the axis. Values of which none is above 0 get an even axis.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each patient.
    marker, group : str
        Columns of the marker and of the disease group. Patients without a group are not shown; a line says how many.
    entity : str, optional
        Column of the entity. Patients without one have a column of their own.
    labels : mapping of str to str, optional
        What to show for columns and for levels (``{"DLBCL": "diffuse large B-cell lymphoma"}`` or, for a level of one
        column, ``{"entity[DLBCL]": ...}``).
    units : mapping of str to str, optional
        Units of columns.
    log : bool
        Whether the axis of the marker is logarithmic.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after what points and boxes are.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (every value, counts, quartiles) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `table` is no table with these columns, or the width is too small for the columns.
    DataError
        When the marker holds anything but finite numbers, or nobody has a group.

    Examples
    --------
    >>> table = pd.DataFrame({"suv": [4.0, 9.0, 6.0, None, 12.0], "group": ["lymphoma"] * 3 + ["myeloma"] * 2})
    >>> draw_uptake(table, "suv", "group", labels={"suv": "SUVmax"}).alt_text
    'SUVmax by group in 4 patients, 1 more without a value: median 6 (quartiles 5 to 7.5) in lymphoma (n = 3), 12 in
    myeloma (n = 1).'
    """
    style = current_style()
    data = uptake_plot_data(table, marker, group, entity)
    known = known_labels(labels)
    name, unit = known.get(marker) or marker, (units or {}).get(marker) or ""
    with style_settings(style):
        page, axis, columns = _lay_out(data, style, check_width(width_mm, style), known, (group, entity), log=log)
        _draw_axes(page, axis, shown_name(f"{name} ({unit})" if unit else name), page.width)
        _draw_patients(page, data, axis, columns)
        above = _draw_groups(page, data, axis, columns, known, group) if entity is not None else 0.0
        below = _draw_counts(page, data, columns, _draw_names(page, columns))
        lines = page.wrap_note(" ".join([*_notes(data, axis), note]))
        page.fit_height(page.draw_title(title, above), page.draw_note(lines, below))
    figure = page.figure
    figure.source_data = data.table()
    by = " and ".join(known.get(column) or column for column in (group, entity) if column is not None)
    figure.caption = one_line(title) or one_line(f"{name} by {by}")
    figure.alt_text = _alt_text(data, spoken(name), unit, spoken(by), [_level(known, group, g) for g in data.groups])
    return figure


def _level(known: Mapping[str, str], column: str, level: str) -> str:
    return level_label(f"{column}[{level}]", level, known)


def _lay_out(
    data: UptakePlotData,
    style: JournalStyle,
    width_mm: float,
    known: Mapping[str, str],
    by: tuple[str, str | None],
    *,
    log: bool,
) -> tuple[Page, ValueAxis, _Columns]:
    size, full = style.font_size, width_mm * POINTS_PER_MM
    height = min(0.33 * full + 72.0, 190.0)
    axis = value_axis(data.values, log=log, strip=2.6 * _STRIP_ROWS + 5.0, height=height)
    widest = max((text_width(text, size) for _, text in _ticks(axis, data)), default=0.0)
    beside = EDGE + max(text_width(row, size) for row in ROWS) + 3.0
    left = max(EDGE + 1.2 * size + 2.5 + widest + 5.0, beside)
    page = Page.lay_out(style, width_mm, left=left, right=EDGE, height=height)
    return page, axis, _place_columns(data, page, known, by)


def _ticks(axis: ValueAxis, data: UptakePlotData) -> list[Tick]:
    if not axis.log:
        ticks = even_ticks(axis.low, axis.high) if data.values.size else []
        # Amounts beyond a million, or that small, would be rows of zeros.
        plain = axis.high - axis.low > 1e-3 and max(abs(axis.low), abs(axis.high)) < 1e6
        return ticks if plain else [(value, format_significant(value)) for value, _ in ticks]
    ticks = log_ticks(axis.low, axis.high, 8)
    if not axis.strip:
        return ticks
    # A tick just above the strip would touch the one of the strip.
    high = [(value, text) for value, text in ticks if axis.place(value) >= axis.middle + 9.5]
    return [(float(axis.value(axis.middle)), "0" if float(data.values.min()) == 0 else "≤ 0"), *high]


def _place_columns(data: UptakePlotData, page: Page, known: Mapping[str, str], by: tuple[str, str | None]) -> _Columns:
    """Share the width among columns and break their names into lines, upright ones where the room is short."""
    group, entity = by
    if entity is None:
        texts = [_level(known, group, column.group) for column in data.columns]
        blocks, needs, gap = [1] * len(texts), [0.0] * len(texts), 0.0
    else:
        texts = [
            column.entity if column.entity == NOT_STATED else _level(known, entity, column.entity)
            for column in data.columns
        ]
        blocks = [len(data.of_group(level)) for level in data.groups]
        words = [shown_name(_level(known, group, level))[:60].split() for level in data.groups]
        longest = [max(text_width(word, page.size) for word in word_list) + 2.0 for word_list in words]
        needs, gap = [min(width, 0.17 * page.width) for width in longest], _GAP
    # Blocks that need more than there is leave no room for columns, which is refused below.
    left, wide, pitch = spread(page.width, blocks, needs, gap)
    if pitch < 1.25 * page.size:
        raise ConfigError(
            f"{count_noun(len(texts), 'column')} of patients have no room side by side",
            f"{format_significant(page.full_width / POINTS_PER_MM, 3)} mm for all",
            "draw a wider figure, by group only, or join rare levels to one",
        )
    within = zip(left, wide, blocks, strict=True)
    middle = np.concatenate([start + room * (np.arange(count) + 0.5) / count for start, room, count in within])
    names, upright = _break_names(texts, middle, pitch, page.size, page.width)
    return _Columns(middle, left, left + wide, pitch, 3.0 if pitch > 30 else 2.4, names, upright)


def _break_names(
    texts: list[str], middle: Floats, pitch: float, size: float, width: float
) -> tuple[tuple[tuple[str, ...], ...], bool]:
    cleaned = [shown_name(text) for text in texts]
    # A long word may reach into the room of a neighbour with a short name.
    rooms = [max(pitch - 3.0, *(text_width(word, size) for word in text[:60].split())) for text in cleaned]
    flat = [wrap(text, min(room, 2.0 * pitch), size) for text, room in zip(cleaned, rooms, strict=True)]
    halves = np.array([max(text_width(line, size) for line in lines) for lines in flat]) / 2
    apart = (
        bool((np.diff(middle) >= halves[1:] + halves[:-1] + 3.0).all()) and middle[-1] + halves[-1] <= width + EDGE / 2
    )
    if apart and max(rooms) <= 2.0 * pitch and max(len(lines) for lines in flat) <= 4:
        return tuple(map(tuple, flat)), False
    most = max(min(int((pitch - 1.0) / (1.2 * size)), 3), 1)
    return tuple(tuple(wrap(text, _LONGEST_UPRIGHT, size, most=most)) for text in cleaned), True


def _draw_axes(page: Page, axis: ValueAxis, name: str, width: float) -> None:
    axes = page.axes
    axes.set_yscale("log" if axis.log else "linear")
    axes.set_xlim(0.0, width)
    axes.set_ylim(float(axis.value(0.0)), axis.high)
    axes.set_xticks([])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel(shorten(name, page.height, page.size))


def _draw_patients(page: Page, data: UptakePlotData, axis: ValueAxis, columns: _Columns) -> None:
    axes = page.axes
    ticks = _ticks(axis, data)
    axes.set_yticks([value for value, _ in ticks], [text for _, text in ticks])
    if axis.strip:
        top = float(axis.value(axis.strip))
        axes.axhspan(float(axis.value(0.0)), top, facecolor=_STRIP_COLOR, linewidth=0, zorder=0.5, gid="strip")
        axes.spines["left"].set_bounds(top, axis.high)
    if not data.values.size:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", gid="no-values")
    groups = data.groups
    for place, (column, middle) in enumerate(zip(data.columns, columns.middle, strict=True), start=1):
        _draw_column(page, column, axis, columns, float(middle), (place, groups.index(column.group)))


def _draw_column(
    page: Page, column: UptakeColumn, axis: ValueAxis, columns: _Columns, middle: float, number: tuple[int, int]
) -> None:
    """Draw the patients of a column, then their quartiles over them."""
    place, group = number
    look = group_look(group)
    aside, up = _scatter(column.values, axis, columns)
    if column.n:
        page.axes.plot(
            middle + aside, up, linestyle="none", marker="o", markersize=columns.dot, color="#444444",
            markerfacecolor=mix_with_white(look.color, 0.45), markeredgewidth=0.35, zorder=2, clip_on=False,
            gid=f"points-{place}",
        )  # fmt: skip
    if column.quartiles is None:
        return
    low, median, high = axis.value(axis.place(column.quartiles)).tolist()
    half = min(0.36 * columns.pitch, 12.0)
    left, right = middle - half, middle + half
    page.axes.plot(
        [left, right, right, left, left], [low, low, high, high, low], color="#000000", linewidth=0.6, zorder=3,
        solid_joinstyle="miter", clip_on=False, gid=f"quartiles-{place}",
    )  # fmt: skip
    page.axes.plot(
        [left, right], [median] * 2, color="#000000", linewidth=1.6, zorder=3.2, clip_on=False, gid=f"median-{place}"
    )


def _scatter(values: Floats, axis: ValueAxis, columns: _Columns) -> tuple[Floats, Floats]:
    """Give the distance of points from the middle of their column, and their heights as values of the axis."""
    distance = columns.dot + 0.3
    low = values[values <= 0] if axis.log else values[:0]
    rest = values[low.size :]
    aside, up = rows_of(low.size, min(distance, 2.6), columns.half, _STRIP_ROWS)
    beside = swarm(axis.place(rest), distance, columns.half)
    return np.concatenate([aside, beside]), np.concatenate([axis.value(axis.middle + up), rest])


def _draw_groups(
    page: Page, data: UptakePlotData, axis: ValueAxis, columns: _Columns, known: Mapping[str, str], group: str
) -> float:
    """Name each group above its entities and draw its median across them; give the points used above the axes."""
    axes, size, lines = page.axes, page.size, 0
    for place, level in enumerate(data.groups, start=1):
        left, right = float(columns.left[place - 1]), float(columns.right[place - 1])
        name = wrap(shown_name(_level(known, group, level)), right - left + 2.0, size, most=3)
        lines = max(lines, len(name))
        axes.plot(
            [left, right], [page.height + 3.0] * 2, transform=page.corner, clip_on=False, linewidth=1.6,
            color=group_look(place - 1).color, gid=f"group-line-{place}",
        )  # fmt: skip
        for up, line in enumerate(reversed(name)):
            axes.text(
                (left + right) / 2, page.height + 6.5 + 1.2 * size * up, line, transform=page.corner, ha="center",
                gid=f"group-{place}",
            )  # fmt: skip
        if place > 1:
            axes.axvline(left - _GAP / 2, color=_LIGHT, linewidth=0.5, zorder=0.8, gid=f"divider-{place}")
        middle = data.group_median(level)
        if middle is not None:
            height = float(axis.value(axis.place(middle)))
            axes.plot(
                [left, right], [height] * 2, color=group_look(place - 1).color, linewidth=0.8, zorder=1.5,
                linestyle=(0, (4.0, 2.0)), gid=f"group-median-{place}",
            )  # fmt: skip
    return 6.5 + 1.2 * size * lines


def _draw_names(page: Page, columns: _Columns) -> float:
    """Write the names under the columns and give the points used below the axes."""
    size, start = page.size, 3.5
    longest = 0.0
    for place, (name, middle) in enumerate(zip(columns.names, columns.middle, strict=True), start=1):
        if columns.upright:
            longest = max(longest, *(text_width(line, size) for line in name))
            first = float(middle) - 0.6 * size * (len(name) - 1)
            spots = [(first + 1.2 * size * number, -start) for number in range(len(name))]
        else:
            longest = max(longest, 1.2 * size * len(name))
            spots = [(float(middle), -start - 1.2 * size * number) for number in range(len(name))]
        for (x, y), line in zip(spots, name, strict=True):
            page.axes.text(
                x, y, line, transform=page.corner, rotation=90 if columns.upright else 0, ha="center", va="top",
                gid=f"column-{place}",
            )  # fmt: skip
    return start + longest


def _draw_counts(page: Page, data: UptakePlotData, columns: _Columns, below: float) -> float:
    """Write the numbers of patients with and without a value; turned where columns are narrower than a number."""
    size = page.size
    numbers = [(format_count(column.n), format_count(column.n_missing)) for column in data.columns]
    widest = max(text_width(text, size) for pair in numbers for text in pair)
    turned = widest + 2.5 > columns.pitch
    height = (widest if turned else size) + 2.5
    below += 3.0
    for row, name in enumerate(ROWS):
        middle = -below - height * (row + 0.5)
        page.axes.text(page.edge, middle, name, transform=page.corner, va="center_baseline", gid=f"row-{row + 1}")
        for place, (pair, x) in enumerate(zip(numbers, columns.middle, strict=True), start=1):
            page.axes.text(
                float(x), middle, pair[row], transform=page.corner, ha="center", rotation=90 if turned else 0,
                va="center" if turned else "center_baseline", gid=f"count-{row + 1}-{place}",
            )  # fmt: skip
    return below + height * len(ROWS)


def _notes(data: UptakePlotData, axis: ValueAxis) -> list[str]:
    parts = ["Points: patients."]
    if any(column.quartiles is not None for column in data.columns):
        parts.append("Boxes: quartiles with median.")
    if any(data.group_median(level) is not None for level in data.groups):
        parts.append("Dashed lines: median of the group.")
    if axis.strip:
        values = data.values
        low, negative = int((values <= 0).sum()), bool((values < 0).any())
        parts.append(f"Grey strip: {count_noun(low, 'value')} of 0{' or less' if negative else ''}.")
    if data.n_missing:
        parts.append("No value: not measured or no lesion.")
    if data.n_without_group:
        parts.append(f"Not shown: {count_noun(data.n_without_group, 'patient')} without a group.")
    return parts


def _alt_text(data: UptakePlotData, name: str, unit: str, by: str, levels: list[str]) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    n = int(data.values.size)
    lacking = f", {format_count(data.n_missing)} more without a value" if data.n_missing else ""
    parts = []
    said = f" {spoken(unit)}" if unit else ""
    for level, shown in zip(data.groups, levels, strict=True):
        values = data.group_values(level)
        if not values.size:
            parts.append(f"no value in {spoken(shown)}")
            continue
        low, median, high = (format_significant(number, 3) for number in quartiles(values))
        spread_out = f" (quartiles {low} to {high})" if values.size > 1 else ""
        first = "" if parts else "median "
        parts.append(f"{first}{median}{said}{spread_out} in {spoken(shown)} (n = {format_count(values.size)})")
    return f"{name} by {by} in {count_noun(n, 'patient')}{lacking}: {', '.join(parts)}."
