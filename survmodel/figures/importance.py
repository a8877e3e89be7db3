"""The importance plot: what a forest loses without each of its columns, from the most important, beside the numbers.

What is drawn comes as arrays from :mod:`survmodel.figures.importance_data`. The vertical axis counts points, so that
rows are as high as their text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT

from survmodel.figures.importance_data import ImportancePlotData, importance_plot_data
from survmodel.figures.lettering import clean_text, shorten, text_width, wrap
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.placement import keep_apart
from survmodel.figures.style import StudyFigure, current_style, group_look, style_settings
from survmodel.figures.ticks import Tick, even_ticks
from survmodel.formatting import count_noun, format_number, format_significant, level_text
from survmodel.result import Result
from survmodel.table import one_line

#: Rows that are read out to those who cannot see the figure.
MOST_SPOKEN = 12

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


def draw_importance(
    result: Result,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw the permutation importance of the columns of a forest, the most important first, beside the numbers.

    Points right of the line at 0 are columns without which the forest ranks its patients worse. Limits that reach far
    beyond the estimates are cut, with an arrow.

    Parameters
    ----------
    result : Result
        As from ``sm.permutation_importance(fit, table, outcome)``.
    labels : mapping of str to str, optional
        What to show for a column; ``"decrease of C"`` names the axis.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after the counts and the legend of the marks.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (the rows in the order shown) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `result` has no such rows, or the width makes no sense.

    Examples
    --------
    >>> from survmodel.models.forest_importance import ForestImportance
    >>> importance = ForestImportance(("age", "stage"), np.array([[0.01, 0.03], [0.1, 0.1]]), 0.7, 90, 40)
    >>> draw_importance(importance, labels={"age": "Age"}).alt_text
    'Decrease of out-of-bag C when a column is permuted: stage 0.100; Age 0.020.'
    """
    style = current_style()
    data = importance_plot_data(result)
    known = known_labels(labels)
    names = [known.get(level_text(name), name) for name in data.variables]
    with style_settings(style):
        width = check_width(width_mm, style)
        plan = _make_plan(data, names, style.font_size, width * POINTS_PER_MM - 2 * EDGE)
        page = Page.lay_out(style, width, left=plan.left + EDGE, right=plan.right + EDGE, height=plan.height)
        _draw_axis(page, data, known)
        for place, height in enumerate(plan.middles):
            _draw_row(page, data, place, height)
        _draw_texts(page, plan)
        below = page.draw_note(page.wrap_note(" ".join([*_notes(data), note])), page.axis_block)
        page.fit_height(page.draw_title(title, 1.7 * page.size), below)
    figure = page.figure
    figure.source_data = data.table
    figure.caption = one_line(title) or "Importance of the columns of a forest"
    figure.alt_text = _alt_text(data, names)
    return figure


def _make_plan(data: ImportancePlotData, names: Sequence[str], size: float, full: float) -> _Plan:
    """Place rows and texts; the limits beside the numbers go where the page is too narrow for them."""
    shown = [shown_name(name) for name in names]
    widest = max(text_width(name[:200], size) for name in shown) + 0.5
    for with_limits in (True, False):
        numbers = [data.write(place, limits=with_limits) for place in range(len(names))]
        header = _header(data) if with_limits and data.has_limits else "Decrease"
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


def _header(data: ImportancePlotData) -> str:
    level = "" if math.isnan(data.conf_level) else f"{format_significant(100 * data.conf_level)}% "
    return f"Decrease ({level}limits)"


def _ticks(data: ImportancePlotData, page: Page) -> list[Tick]:
    """Choose as many ticks as have room beside each other."""
    ticks: list[Tick] = []
    for most in (7, 5, 4, 3, 2):
        ticks = even_ticks(data.start, data.end, most)
        middles = [(value - data.start) / (data.end - data.start) * page.width for value, _ in ticks]
        widths = [text_width(text, page.size) for _, text in ticks]
        if len(keep_apart(middles, widths, 5.0)) == len(ticks):
            return ticks
    # One that is always there and always true.
    return [(0.0, "0")]


def _draw_axis(page: Page, data: ImportancePlotData, known: Mapping[str, str]) -> None:
    axes = page.axes
    axes.set_xlim(data.start, data.end)
    axes.set_ylim(0.0, page.height)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    ticks = _ticks(data, page)
    axes.set_xticks([value for value, _ in ticks], [text for _, text in ticks])
    axes.plot([0.0, 0.0], [0.0, page.height], color=_LINE_COLOR, linewidth=0.6, zorder=1, gid="zero")
    name = clean_text(known.get("decrease of C", "Decrease of out-of-bag C"))
    beside = min(page.left - EDGE, page.full_width + EDGE - page.left - page.width)
    axes.set_xlabel(shorten(name, page.width + 2 * beside, page.size))


def _draw_row(page: Page, data: ImportancePlotData, place: int, height: float) -> None:
    value, low, high = (float(part[place]) for part in (data.estimate, data.low, data.high))
    axes, color, number = page.axes, group_look(0).color, place + 1
    if math.isnan(value):
        return
    if not math.isnan(low):
        ends = [min(max(end, data.start), data.end) for end in (low, high)]
        axes.plot(ends, [height, height], color=color, linewidth=1.0, zorder=2, gid=f"limits-{number}")
    for side, marker, end, cut in (
        ("low", CARETLEFT, data.start, low < data.start),
        ("high", CARETRIGHT, data.end, high > data.end),
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


def _notes(data: ImportancePlotData) -> list[str]:
    facts = data.facts
    parts = ["Decrease of C when the column is permuted; right of 0 the forest does worse without it."]
    counts = [count_noun(facts[name], noun) for name, noun in (("n", "patient"), ("n_event", "event")) if name in facts]
    if "concordance" in facts:
        counts.append(f"out-of-bag C {format_number(facts['concordance'], 3)} with nothing permuted")
    parts += [f"{', '.join(counts)}."] if counts else []
    if data.has_limits:
        level = "" if math.isnan(data.conf_level) else f"{format_significant(100 * data.conf_level)}% "
        # Without this readers would take the limits for those of the permuting.
        drawn = facts.get("subsamples", 0.0)
        of = f" of drawing other patients ({count_noun(drawn, 'subsample')})" if drawn else ""
        parts.append(f"Lines: {level}limits{of}.")
    if data.clipped:
        parts.append("Arrows: beyond the axis.")
    return parts


def _alt_text(data: ImportancePlotData, names: Sequence[str]) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    rows = [f"{spoken(name)} {data.write(place, limits=True)}" for place, name in enumerate(names)]
    more = len(rows) - MOST_SPOKEN
    end = f"; and {count_noun(more, 'more row')}" if more > 0 else ""
    return f"Decrease of out-of-bag C when a column is permuted: {'; '.join(rows[:MOST_SPOKEN])}{end}."
