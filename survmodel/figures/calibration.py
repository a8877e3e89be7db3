"""The calibration plot: observed against predicted risk at a horizon, with the spread of the predicted risks.

What is drawn comes as arrays from :mod:`survmodel.figures.calibration_data`. Both axes have the same scale. The
vertical one goes on below 0 for the histogram, which stands on the horizontal axis and has a scale of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.lines import Line2D

from survmodel.figures.calibration_data import (
    NOT_ESTIMABLE,
    CalibrationPlotData,
    calibration_plot_data,
    calibration_table,
)
from survmodel.figures.lettering import clean_text, shorten, text_width
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.placement import keep_apart
from survmodel.figures.style import JournalStyle, StudyFigure, current_style, group_look, mix_with_white, style_settings
from survmodel.figures.ticks import even_ticks
from survmodel.formatting import (
    MISSING,
    count_noun,
    format_count,
    format_interval,
    format_number,
    format_percent,
    format_significant,
)
from survmodel.performance.calibration import Calibration
from survmodel.performance.calibration_curve import ICI
from survmodel.performance.calibration_measures import SLOPE
from survmodel.table import one_line

#: Points that a side of the square has at most, and what stays for the table of groups beside it.
LARGEST_SIDE = 235.0
ROOM_BESIDE = 190.0

#: Height of the histogram as a share of the side, with the room above it.
_STRIP = 0.16
_HISTOGRAM = 0.13

#: Columns of the table of groups, those that go first where the page is narrow last.
_CHOICES = (
    ("group", "n", "events", "predicted", "observed"),
    ("group", "n", "predicted", "observed"),
    ("n", "predicted", "observed"),
    ("n", "observed"),
)
_GAP = 9.0
_LEADING = 1.35
_GREY = "#777777"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table of groups."""

    name: str
    header: str
    cells: tuple[str, ...]

    def width(self, size: float) -> float:
        return max(text_width(text, size) for text in (self.header, *self.cells))


def draw_calibration(
    result: Calibration,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw observed against predicted risk: groups and smooth curve with limits, and the table of groups.

    On the diagonal as much happens as was predicted; above it more. Bars on the horizontal axis show how many patients
    have which predicted risk, those with the event in a darker shade. The table of groups stands beside the axes where
    the page is wide, else under them.

    Parameters
    ----------
    result : Calibration
        As from ``sm.calibration(outcome, risk, horizon)``.
    labels : mapping of str to str, optional
        What to show for the endpoint and for groups; ``"predicted risk"`` and ``"observed risk"`` name the axes.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after the counts and the legend of the marks.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (groups, observed/expected ratio and histogram) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `result` is no calibration, or the width makes no sense.

    Examples
    --------
    >>> from survmodel.outcome.response import Outcome
    >>> from survmodel.performance.calibration import calibration
    >>> outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 0, 1, 0, 1, 0], unit="years")
    >>> risk = [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    >>> figure = draw_calibration(calibration(outcome, risk, horizon=4, groups=2, sample="out of fold"))
    >>> figure.alt_text.split(":")[0]
    'Calibration of the predicted risk at 4 years (out of fold), 8 patients in 2 groups'
    """
    style = current_style()
    data = calibration_plot_data(result)
    known = known_labels(labels)
    with style_settings(style):
        page, columns, beside = _lay_out(result, data, known, check_width(width_mm, style), style)
        _draw_axes(page, data, known, _horizon(result))
        _draw_curve(page, data)
        _draw_groups(page, data)
        _draw_histogram(page, data)
        below = page.axis_block
        depth = _draw_table(page, columns, beside=beside, below=below)
        below = max(below, depth)
        below = page.draw_note(page.wrap_note(" ".join([*_notes(result, data, known), note])), below)
        page.fit_height(page.draw_title(title, _draw_ratio(page, result)), below)
    figure = page.figure
    figure.source_data = calibration_table(result, data)
    figure.caption = one_line(title) or f"Calibration at {_horizon(result)}"
    figure.alt_text = _alt_text(result, data)
    return figure


def _horizon(result: Calibration) -> str:
    unit = one_line(result.unit)
    return f"{format_significant(result.horizon)} {unit.removesuffix('s') if result.horizon == 1 else unit}".strip()


def _lay_out(
    result: Calibration, data: CalibrationPlotData, known: Mapping[str, str], width_mm: float, style: JournalStyle
) -> tuple[Page, list[_Column], bool]:
    """Make the page; the square is as wide as it may be, beside the table of groups where there is room for both."""
    size, full = style.font_size, width_mm * POINTS_PER_MM
    labels = [text for _, text in _ticks(data)]
    left = EDGE + 1.2 * size + 2.5 + max(text_width(text, size) for text in labels) + 5.0
    last = EDGE + max(2.0, text_width(labels[-1], size) / 2)
    columns = _columns(result, data, known, size)
    wide = _fitting(columns, full, size)
    needed = sum(column.width(size) + _GAP for column in wide) + 1.5 * size + EDGE
    side = min(LARGEST_SIDE, full - left - needed)
    height = (1.0 + _STRIP) * side
    beside = side >= ROOM_BESIDE and (len(data.group) + 1) * _LEADING * size <= height
    if not beside:
        side = min(LARGEST_SIDE, full - left - last)
        height = (1.0 + _STRIP) * side
    page = Page.lay_out(style, width_mm, left=left, right=full - left - side, height=height)
    return page, wide if beside else _fitting(columns, full - 2 * EDGE, size), beside


def _ticks(data: CalibrationPlotData) -> list[tuple[float, str]]:
    """Choose ticks in percent at places that are shares."""
    return [(place / 100, f"{text}%") for place, text in even_ticks(0.0, 100 * data.top, 6)]


def _columns(
    result: Calibration, data: CalibrationPlotData, known: Mapping[str, str], size: float
) -> dict[str, _Column]:
    """Write the table of groups, in percent."""
    names = tuple(shorten(shown_name(known.get(name, name)), 60.0, size) for name in data.group)
    level = format_significant(100 * result.conf_level)
    places = range(len(names))
    return {
        column.name: column
        for column in (
            _Column("group", "Group", names),
            _Column("n", "n", tuple(format_count(n) for n in data.n)),
            _Column("events", "Events", tuple(format_count(n) for n in data.n_event)),
            _Column("predicted", "Predicted, %", tuple(map(data.write_expected, places))),
            _Column("observed", f"Observed, % ({level}% CI)", tuple(map(data.write_observed, places))),
        )
    }


def _fitting(columns: Mapping[str, _Column], room: float, size: float) -> list[_Column]:
    """Choose the columns for which there is room."""
    for names in _CHOICES:
        chosen = [columns[name] for name in names]
        if sum(column.width(size) for column in chosen) + _GAP * (len(chosen) - 1) <= room:
            break
    return chosen


def _draw_axes(page: Page, data: CalibrationPlotData, known: Mapping[str, str], horizon: str) -> None:
    axes, size = page.axes, page.size
    axes.set_xlim(0.0, data.top)
    axes.set_ylim(-_STRIP * data.top, data.top)
    axes.spines["left"].set_bounds(0.0, data.top)
    ticks = _ticks(data)
    middles = [place / data.top * page.width for place, _ in ticks]
    kept = keep_apart(middles, [text_width(text, size) for _, text in ticks], 3.0)
    axes.set_xticks([ticks[place][0] for place in kept], [ticks[place][1] for place in kept])
    axes.set_yticks([place for place, _ in ticks], [text for _, text in ticks])
    predicted = clean_text(f"{known.get('predicted risk', 'Predicted risk')} at {horizon}")
    observed = clean_text(f"{known.get('observed risk', 'Observed risk')} at {horizon}")
    axes.set_xlabel(shorten(predicted, page.width, size))
    # In the middle of what the axis counts, not of the strip below it.
    axes.set_ylabel(shorten(observed, page.width, size), y=(0.5 + _STRIP) / (1 + _STRIP))


def _draw_curve(page: Page, data: CalibrationPlotData) -> None:
    """Draw the smooth curve over its band; what lies beyond the square is cut."""
    if not data.at.size:
        return
    axes, color = page.axes, group_look(0).color
    if np.isfinite(data.smooth_low).all():
        low, high = (np.clip(side, 0.0, data.top) for side in (data.smooth_low, data.smooth_high))
        band = axes.fill_between(data.at, low, high, color=mix_with_white(color, 0.16), linewidth=0, zorder=0.5)
        band.set_gid("smooth-limits")
    axes.plot(data.at, data.smooth, color=color, linewidth=1.0, solid_capstyle="butt", zorder=1.5, gid="smooth")


def _draw_groups(page: Page, data: CalibrationPlotData) -> None:
    axes, color = page.axes, group_look(0).color
    axes.plot(
        [0.0, data.top], [0.0, data.top], color=_GREY, linewidth=0.6, linestyle=(0, (4.0, 2.0)), zorder=1, gid="ideal"
    )
    if not data.estimable:
        axes.text(0.3, 0.8, NOT_ESTIMABLE, transform=axes.transAxes, ha="center", gid="not-estimable")
    for place in np.flatnonzero(np.isfinite(data.observed)):
        risk, number = data.expected[place], int(place) + 1
        if not math.isnan(data.low[place]):
            ends = [min(max(float(end), 0.0), data.top) for end in (data.low[place], data.high[place])]
            axes.plot([risk, risk], ends, color=color, linewidth=1.0, clip_on=False, zorder=2, gid=f"limits-{number}")
        axes.plot(
            [risk], [data.observed[place]], color=color, marker="o", markersize=4.5, markeredgewidth=0,
            linestyle="none", clip_on=False, zorder=3, gid=f"group-{number}",
        )  # fmt: skip


def _draw_histogram(page: Page, data: CalibrationPlotData) -> None:
    if not data.counts.any():
        return
    low = -_STRIP * data.top
    color = group_look(0).color
    tallest = _HISTOGRAM * data.top / data.counts.max()
    for name, counts, shade in (("class", data.counts, mix_with_white(color, 0.3)), ("event", data.happened, color)):
        for number in np.flatnonzero(counts):
            start, end = data.edges[number], data.edges[number + 1]
            height = tallest * counts[number]
            for bar in page.axes.bar(start, height, end - start, low, align="edge", color=shade, linewidth=0):
                bar.set_gid(f"{name}-{int(number) + 1}")


def _draw_table(page: Page, columns: Sequence[_Column], *, beside: bool, below: float) -> float:
    """Write the table of groups beside the axes or below them; gives the points used below the axes."""
    size, leading = page.size, _LEADING * page.size
    widths = [column.width(size) for column in columns]
    gap = _GAP
    if beside:
        start, top = page.width + 1.5 * size + _GAP, page.height - size
    else:
        free = page.full_width - sum(widths)
        gap = min(free / max(len(columns) - 1, 1), 2.6 * _GAP)
        start, top = page.edge, -(below + 1.2 * size)
    end = start + sum(widths) + gap * (len(columns) - 1)
    page.axes.add_artist(
        Line2D(
            [start, end], [top - 0.45 * size] * 2, color="#000000", linewidth=0.6, transform=page.corner,
            clip_on=False, gid="rule",
        )
    )  # fmt: skip
    for column, width in zip(columns, widths, strict=True):
        # Numbers end at the same place; names, and estimates with their limits, begin at the same.
        left = column.name in {"group", "observed"}
        place, side = (start, "left") if left else (start + width, "right")
        for row, text in enumerate((column.header, *column.cells)):
            height = top - row * leading - (0.3 * size if row else 0.0)
            gid = f"cell-{column.name}-{row}" if row else f"header-{column.name}"
            page.axes.text(place, height, text, ha=side, transform=page.corner, gid=gid)
        start += width + gap
    return below if beside else -(top - len(columns[0].cells) * leading - 0.6 * size)


def _draw_ratio(page: Page, result: Calibration) -> float:
    """Write observed/expected, slope and ICI above the axes; gives the points used above them."""
    lines = [("ici", _write_ici(result)), ("slope", _write_slope(result)), ("observed-expected", _write_ratio(result))]
    shown = [(gid, text) for gid, text in lines if text]
    for place, (gid, text) in enumerate(shown):
        height = page.height + (0.7 + 1.25 * place) * page.size
        page.axes.text(4.0, height, text, transform=page.corner, gid=gid)
    return (0.65 + 1.25 * len(shown)) * page.size


def _write_ratio(result: Calibration) -> str:
    if not math.isfinite(result.o_e):
        return f"O/E {NOT_ESTIMABLE}"
    if not (math.isfinite(result.o_e_low) and math.isfinite(result.o_e_high)):
        return f"O/E {format_number(result.o_e)} (limits {NOT_ESTIMABLE})"
    limits = format_interval(result.o_e_low, result.o_e_high)
    return f"O/E {format_number(result.o_e)} ({format_significant(100 * result.conf_level)}% CI {limits})"


def _write_slope(result: Calibration) -> str:
    """Write the slope, "" where there is none."""
    return _write_measure(result, SLOPE, SLOPE.capitalize(), 2)


def _write_ici(result: Calibration) -> str:
    """Write the mean distance of predicted risks from the curve, "" where there is none."""
    return _write_measure(result, ICI, ICI, 3)


def _write_measure(result: Calibration, measure: str, name: str, digits: int) -> str:
    estimate, low, high = result.read(measure)
    if not math.isfinite(estimate):
        return ""
    shown = f"{name} {format_number(estimate, digits)}"
    if not (math.isfinite(low) and math.isfinite(high)):
        return shown
    return f"{shown} ({format_interval(low, high, digits)})"


def _notes(result: Calibration, data: CalibrationPlotData, known: Mapping[str, str]) -> list[str]:
    level = format_significant(100 * result.conf_level)
    endpoint, sample = spoken(known.get(result.endpoint, result.endpoint)).strip(), spoken(result.sample).strip()
    parts = [f"Endpoint: {endpoint}."] if endpoint else []
    parts.append(f"{count_noun(result.n, 'patient')}, {count_noun(result.n_event, 'event')} by {_horizon(result)}.")
    parts += [f"Predictions: {sample}."] if sample else []
    limits = "" if np.isnan(data.low).all() else f" with {level}% confidence limits"
    if data.estimable:
        parts.append(f"Points: groups of predicted risk{limits}.")
    if (np.isnan(data.low) & ~np.isnan(data.observed)).any():
        parts.append(f"{MISSING}: limits {NOT_ESTIMABLE}.")
    parts += _curve_notes(result, data, level)
    parts.append("Dashed line: observed as predicted. O/E: observed over mean predicted risk.")
    if _write_slope(result):
        parts.append("Slope below 1: predictions too far apart.")
    if _write_ici(result):
        parts.append("ICI: mean distance from the curve.")
    if len(result.strata) > 1:
        parts.append(f"O/E, slope and curve: within {len(result.strata)} strata.")
    if data.counts.any():
        dark = ", dark with the event" if data.happened.any() else ""
        parts.append(f"Bars: patients by predicted risk{dark}, tallest {format_count(float(data.counts.max()))}.")
    return parts


def _curve_notes(result: Calibration, data: CalibrationPlotData, level: str) -> list[str]:
    """Say what the curve is and where its limits come from."""
    if not data.at.size:
        return []
    used = result.repeats - result.failed
    band = f", {level}% limits of {count_noun(used, 'resample')}" if np.isfinite(data.smooth_low).all() else ""
    return [f"Curve: {result.smoother}{band}."]


def _alt_text(result: Calibration, data: CalibrationPlotData) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    sample = f" ({spoken(result.sample)})" if one_line(result.sample) else ""
    start = (
        f"Calibration of the predicted risk at {spoken(_horizon(result))}{sample}, "
        f"{count_noun(result.n, 'patient')} in {count_noun(len(data.group), 'group')}"
    )
    parts = []
    for place in dict.fromkeys((0, len(data.group) - 1)):
        seen, predicted = data.observed[place], format_percent(float(data.expected[place]))
        risk = NOT_ESTIMABLE if math.isnan(seen) else format_percent(float(seen))
        which = "" if len(data.group) == 1 else " in the first group" if place == 0 else " in the last"
        parts.append(f"observed risk {risk} where {predicted} was predicted{which}")
    ratio = _write_ratio(result).replace("O/E", "observed/expected")
    slope, ici = _write_slope(result).replace("Slope", "slope"), _write_ici(result)
    return f"{start}: {', '.join(part for part in (ratio, slope, ici, *parts) if part)}."
