"""The effect plot: the hazard ratio over the range of a numeric covariate, against one of its values.

What is drawn comes as arrays from :mod:`survmodel.figures.effect_data`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, NullLocator

from survmodel.figures.effect_data import EffectPlotData, effect_plot_data
from survmodel.figures.hazard_ratios_data import write_ratio
from survmodel.figures.lettering import clean_text, shorten, text_width
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.placement import keep_apart
from survmodel.figures.style import JournalStyle, StudyFigure, current_style, group_look, mix_with_white, style_settings
from survmodel.figures.ticks import Tick, even_ticks, ratio_ticks
from survmodel.formatting import MISSING, count_noun, format_significant
from survmodel.table import one_line

NOT_ESTIMABLE = "not estimable"

#: Points that a tick of the rug is high.
_RUG = 4.0

_GREY = "#777777"


def draw_effect(
    curve: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    unit: str = "",
    observed: object = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw the hazard ratio of a numeric covariate over its range, relative to a reference value.

    The axis of the hazard ratio is logarithmic and symmetric about 1; where nothing lies on one side of 1, that side is
    short. Limits beyond a hazard ratio of 16 (or, where hazard ratios are larger than 4, beyond their square) leave the
    axes, and a line under the figure says so.

    Parameters
    ----------
    curve : pandas.DataFrame
        Hazard ratios as from ``CoxFit.effect_curve(column, reference)``: columns variable, level (value of the
        covariate), reference, estimate, std_error (log scale), conf_low, conf_high. What is NaN is not drawn.
    labels : mapping of str to str, optional
        What to show for the covariate; ``"hazard ratio"`` names the other axis. Other keys are not used.
    unit : str
        Unit of the covariate.
    observed : Series or array_like, optional
        Observed values of the covariate, drawn as ticks on its axis; missing ones are left out.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after what reference and band are; for example how the covariate entered the model.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (the curve and the observed values) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `curve` is no such table of one covariate, or the width makes no sense.
    DataError
        When `observed` holds anything but numbers.

    Examples
    --------
    >>> curve = pd.DataFrame({"variable": "age", "level": [50.0, 60.0, 70.0], "reference": 60.0,
    ...     "estimate": [0.5, 1.0, 2.0], "std_error": [0.1, 0.0, 0.1],
    ...     "conf_low": [0.41, 1.0, 1.64], "conf_high": [0.61, 1.0, 2.43]})
    >>> draw_effect(curve, unit="years").alt_text
    'Hazard ratio by age against 60 years: 0.50 (0.41 to 0.61) at 50 years, 2.00 (1.64 to 2.43) at 70 years.'
    """
    style = current_style()
    data = effect_plot_data(curve, observed)
    known = known_labels(labels)
    name = known.get(data.variable, data.variable)
    with style_settings(style):
        page = _lay_out(data, style, check_width(width_mm, style))
        _draw_axes(page, data, shown_name(f"{name} ({unit})" if unit else name), known)
        _draw_curve(page.axes, data)
        _draw_rug(page, data)
        lines = page.wrap_note(" ".join([*_notes(data, unit), note]))
        below = page.draw_note(lines, page.axis_block)
        page.fit_height(page.draw_title(title, 0.0), below)
    figure = page.figure
    figure.source_data = data.table()
    figure.caption = one_line(title) or f"Hazard ratio by {one_line(name)}"
    figure.alt_text = _alt_text(data, spoken(name), unit)
    return figure


def _with_unit(value: float, unit: str) -> str:
    return f"{format_significant(value)} {one_line(unit)}".strip()


def _lay_out(data: EffectPlotData, style: JournalStyle, width_mm: float) -> Page:
    size, full = style.font_size, width_mm * POINTS_PER_MM
    widest = max(text_width(text, size) for _, text in ratio_ticks(data.bottom, data.top))
    left = EDGE + 1.2 * size + 2.5 + widest + 5.0
    last = text_width(_level_ticks(data, 6)[-1][1], size) / 2
    # A wide figure of one curve needs no more height than one of half its width.
    return Page.lay_out(
        style, width_mm, left=left, right=EDGE + max(2.0, last - 4.0), height=min(0.33 * full + 72.0, 190.0)
    )


def _level_ticks(data: EffectPlotData, most: int) -> list[Tick]:
    return even_ticks(data.start, data.end, most) or [(data.start, format_significant(data.start))]


def _draw_axes(page: Page, data: EffectPlotData, name: str, known: Mapping[str, str]) -> None:
    axes, size = page.axes, page.size
    span = data.end - data.start
    # A few points of margin keep the ends of the curve and the rug off the frame.
    margin = span * 5.0 / (page.width - 10.0) if span > 0 else max(abs(data.start), 1.0) * 0.1
    axes.set_yscale("log")
    axes.set_xlim(data.start - margin, data.end + margin)
    axes.set_ylim(data.bottom, data.top)
    ticks = _level_ticks(data, 9 if page.width > 300 else 6)
    places = [(value - data.start + margin) / (span + 2 * margin) * page.width for value, _ in ticks]
    kept = keep_apart(places, [text_width(text, size) for _, text in ticks], 4.0)
    axes.set_xticks([ticks[place][0] for place in kept], [ticks[place][1] for place in kept])
    ratios = ratio_ticks(data.bottom, data.top)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks([value for value, _ in ratios], [text for _, text in ratios])
    axes.set_xlabel(shorten(name, page.width, size))
    axes.set_ylabel(shorten(clean_text(known.get("hazard ratio", "Hazard ratio")), page.height, size))


def _draw_curve(axes: Axes, data: EffectPlotData) -> None:
    look = group_look(0)
    axes.axhline(1.0, color=_GREY, linewidth=0.6, linestyle=(0, (4.0, 2.0)), zorder=1.6, gid="no-effect")
    if not data.estimable:
        axes.text(0.5, 0.7, NOT_ESTIMABLE, transform=axes.transAxes, ha="center", gid="not-estimable")
        return
    low, high = data.band()
    if data.has_band:
        band = axes.fill_between(data.level, low, high, color=mix_with_white(look.color, 0.16), linewidth=0, zorder=1)
        band.set_gid("band")
        for limit, gid in ((low, "band-low"), (high, "band-high")):
            axes.plot(data.level, limit, color=look.edge, linewidth=0.4, zorder=1.5, gid=gid)
    axes.plot(data.level, data.ratio, color=look.color, zorder=3, gid="curve")
    _draw_lone(axes, data, low, high)
    if data.shows_reference:
        axes.plot(
            [data.reference], [1.0], color=look.color, linestyle="none", marker="o", markersize=4.0,
            markerfacecolor="white", markeredgewidth=0.9, zorder=4, gid="reference",
        )  # fmt: skip


def _draw_lone(axes: Axes, data: EffectPlotData, low: np.ndarray, high: np.ndarray) -> None:
    """Draw what has no neighbour as points and upright lines: a curve or band of one value cannot be seen."""
    color, points, lines = group_look(0).color, data.lone_ratios, data.lone_limits
    if points.any():
        axes.plot(
            data.level[points], data.ratio[points], color=color, linestyle="none", marker="s", markersize=3.0,
            zorder=3.5, gid="curve-points",
        )  # fmt: skip
    if lines.any():
        limits = axes.vlines(data.level[lines], low[lines], high[lines], color=color, linewidth=0.8, zorder=3.2)
        limits.set_gid("point-limits")


def _draw_rug(page: Page, data: EffectPlotData) -> None:
    if data.observed.size:
        (rug,) = page.axes.plot(
            data.observed, np.full(data.observed.size, _RUG / 2 + 0.5), color="#000000", linestyle="none", marker="|",
            markersize=_RUG, markeredgewidth=0.35, transform=page.under_ticks, zorder=2.5,
        )  # fmt: skip
        rug.set_gid("rug")


def _notes(data: EffectPlotData, unit: str) -> list[str]:
    outside = "" if data.shows_reference else ", outside the range shown"
    parts = [f"Reference (hazard ratio 1): {_with_unit(data.reference, unit)}{outside}."]
    if data.has_band:
        parts.append(_name_limits(data))
    elif data.estimable:
        parts.append("Confidence limits: not estimable.")
    if data.estimable and np.isnan(data.low if data.has_band else data.ratio).any():
        parts.append("Gaps: not estimable.")
    if data.observed.size:
        parts.append(f"Ticks on the axis: {count_noun(data.observed.size, 'observed value')}.")
    return parts


def _name_limits(data: EffectPlotData) -> str:
    """Say what the limits look like, how wide they are, and whether all of them are seen."""
    alone = int(data.lone_limits.sum())
    band, lines = int(np.isfinite(data.low).sum()) > alone, "line" if alone == 1 else "lines"
    shape = (f"Band and {lines}" if alone else "Band") if band else lines.capitalize()
    pointwise = "pointwise " if data.level.size > 1 else ""
    level = "" if math.isnan(data.conf_level) else f"{format_significant(100 * data.conf_level)}% "
    beyond = ", in part beyond the axis" if data.clipped else ""
    return f"{shape}: {pointwise}{level}confidence limits{beyond}."


def _alt_text(data: EffectPlotData, name: str, unit: str) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    said = spoken(unit) if unit else ""
    start = f"Hazard ratio by {name} against {_with_unit(data.reference, said)}: "
    there = np.flatnonzero(np.isfinite(data.ratio) & (data.level != data.reference))
    ends: Sequence[int] = [int(place) for place in dict.fromkeys((*there[:1], *there[-1:]))]
    if not ends:
        return f"{start}{'1' if data.estimable else NOT_ESTIMABLE}."
    parts = []
    for place in ends:
        ratio = write_ratio(data.ratio[place], data.low[place], data.high[place])
        shown = ratio.replace(f"({MISSING})", "(limits not estimable)")
        parts.append(f"{shown} at {_with_unit(data.level[place], said)}")
    return f"{start}{', '.join(parts)}."
