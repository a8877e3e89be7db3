"""Rows around zero, drawn: names at the left, points with limits on one axis, numbers at the right.

The vertical axis counts points, so that rows are as high as their text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT

from survmodel.figures.lettering import clean_text, shorten, text_width, wrap
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, shown_name
from survmodel.figures.placement import keep_apart
from survmodel.figures.style import current_style, group_look
from survmodel.figures.ticks import Tick, even_ticks
from survmodel.figures.zero_rows_data import ZeroRows
from survmodel.formatting import format_significant

#: Points that the axis needs beside the numbers with their limits, and share of the page that names may take.
ROOM_FOR_AXIS = 58.0
NAMES_SHARE = 0.34

#: Most lines of a name.
MOST_LINES = 3

_AXIS_GAP = 8.0
_ROW = 1.5
_LEADING = 1.2
_LINE_COLOR = "#666666"


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where rows and texts stand, in points from the lower left corner of the axes."""

    left: float
    right: float
    height: float
    names: tuple[tuple[str, ...], ...]
    middles: tuple[float, ...]
    numbers: tuple[str, ...]
    header: str


def draw_zero_rows(rows: ZeroRows, names: Sequence[str], width_mm: float, *, number: str, axis: str) -> Page:
    """Lay out a page and draw rows on it.

    Parameters
    ----------
    rows : ZeroRows
        Estimates and limits.
    names : sequence of str
        Name of each row.
    width_mm : float
        Width of the page.
    number : str
        Heading of the numbers, such as ``"Decrease"``.
    axis : str
        Name of the axis.

    Returns
    -------
    Page
        With room for a title and a note.
    """
    style = current_style()
    plan = _make_plan(rows, names, style.font_size, width_mm * POINTS_PER_MM - 2 * EDGE, number)
    page = Page.lay_out(style, width_mm, left=plan.left + EDGE, right=plan.right + EDGE, height=plan.height)
    _draw_axis(page, rows, axis)
    for place, height in enumerate(plan.middles):
        _draw_row(page, rows, place, height)
    _draw_texts(page, plan)
    return page


def limits_note(rows: ZeroRows, of: str = "") -> list[str]:
    """Say what lines and arrows are.

    Parameters
    ----------
    rows : ZeroRows
        What is drawn.
    of : str
        What the limits are of, beginning with a space.

    Returns
    -------
    list of str
        Sentences; none without limits.
    """
    if not rows.has_limits:
        return []
    level = "" if math.isnan(rows.conf_level) else f"{format_significant(100 * rows.conf_level)}% "
    return [f"Lines: {level}limits{of}.", *(["Arrows: beyond the axis."] if rows.clipped else [])]


def _make_plan(rows: ZeroRows, names: Sequence[str], size: float, full: float, number: str) -> _Plan:
    """Place rows and texts; the limits beside the numbers go where the page is too narrow for them."""
    shown = [shown_name(name) for name in names]
    widest = max(text_width(name[:200], size) for name in shown) + 0.5
    for with_limits in (True, False):
        numbers = [rows.write(place, limits=with_limits) for place in range(len(names))]
        header = _header(rows, number) if with_limits and rows.has_limits else number
        right = max(text_width(text, size) for text in (header, *numbers)) + _AXIS_GAP
        room = min(widest, NAMES_SHARE * full)
        if full - room - right - _AXIS_GAP >= ROOM_FOR_AXIS:
            break
    wrapped = [tuple(wrap(name, room, size, most=MOST_LINES)) for name in shown]
    # Broken into lines names may need less than they were given.
    room = max(text_width(line, size) for lines in wrapped for line in lines)
    heights = [(_ROW + _LEADING * (len(lines) - 1)) * size for lines in wrapped]
    total = sum(heights) + 0.6 * size
    tops = total - 0.3 * size - np.cumsum([0.0, *heights[:-1]])
    middles = tuple(float(top - height / 2) for top, height in zip(tops, heights, strict=True))
    return _Plan(room + _AXIS_GAP, right, total, tuple(wrapped), middles, tuple(numbers), header)


def _header(rows: ZeroRows, number: str) -> str:
    level = "" if math.isnan(rows.conf_level) else f"{format_significant(100 * rows.conf_level)}% "
    return f"{number} ({level}limits)"


def _ticks(rows: ZeroRows, page: Page) -> list[Tick]:
    """Choose as many ticks as have room beside each other."""
    ticks: list[Tick] = []
    for most in (7, 5, 4, 3, 2):
        ticks = even_ticks(rows.start, rows.end, most)
        middles = [(value - rows.start) / (rows.end - rows.start) * page.width for value, _ in ticks]
        widths = [text_width(text, page.size) for _, text in ticks]
        if len(keep_apart(middles, widths, 5.0)) == len(ticks):
            return ticks
    # One that is always there and always true.
    return [(0.0, "0")]


def _draw_axis(page: Page, rows: ZeroRows, name: str) -> None:
    axes = page.axes
    axes.set_xlim(rows.start, rows.end)
    axes.set_ylim(0.0, page.height)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    ticks = _ticks(rows, page)
    axes.set_xticks([value for value, _ in ticks], [text for _, text in ticks])
    axes.plot([0.0, 0.0], [0.0, page.height], color=_LINE_COLOR, linewidth=0.6, zorder=1, gid="zero")
    beside = min(page.left - EDGE, page.full_width + EDGE - page.left - page.width)
    axes.set_xlabel(shorten(clean_text(name), page.width + 2 * beside, page.size))


def _draw_row(page: Page, rows: ZeroRows, place: int, height: float) -> None:
    value, low, high = (float(part[place]) for part in (rows.estimate, rows.low, rows.high))
    axes, color, number = page.axes, group_look(0).color, place + 1
    if math.isnan(value):
        return
    if not math.isnan(low):
        ends = [min(max(end, rows.start), rows.end) for end in (low, high)]
        axes.plot(ends, [height, height], color=color, linewidth=1.0, zorder=2, gid=f"limits-{number}")
    for side, marker, end, cut in (
        ("low", CARETLEFT, rows.start, low < rows.start),
        ("high", CARETRIGHT, rows.end, high > rows.end),
    ):
        if cut:
            axes.plot(
                [end], [height], marker=marker, markersize=4.5, color=color, markeredgewidth=0, linestyle="none",
                clip_on=False, zorder=2, gid=f"arrow-{side}-{number}",
            )  # fmt: skip
    axes.plot(
        [value], [height], marker="o", markersize=4.5, color=color, markeredgewidth=0, linestyle="none", zorder=3,
        gid=f"estimate-{number}",
    )  # fmt: skip


def _draw_texts(page: Page, plan: _Plan) -> None:
    """Write names and numbers beside the axis, on the height of their rows, and the header of the numbers."""
    axes, size = page.axes, page.size
    lift = 0.36 * size
    for number, (lines, middle) in enumerate(zip(plan.names, plan.middles, strict=True), start=1):
        top = middle + (len(lines) - 1) / 2 * _LEADING * size
        for line, text in enumerate(lines):
            height = top - line * _LEADING * size - lift
            axes.text(page.edge, height, text, transform=page.beside_ticks, gid=f"label-{number}-{line + 1}")
        axes.text(
            page.width + _AXIS_GAP, middle - lift, plan.numbers[number - 1], transform=page.beside_ticks,
            gid=f"number-{number}",
        )  # fmt: skip
    axes.text(page.width + _AXIS_GAP, page.height + 0.6 * size, plan.header, transform=page.corner, gid="header-number")
    axes.add_artist(
        Line2D(
            [page.edge, page.edge + page.full_width], [page.height, page.height], color="#000000", linewidth=0.6,
            transform=page.corner, clip_on=False, gid="rule",
        )
    )  # fmt: skip
