"""The waterfall of change: a bar for each patient, from the largest rise to the largest fall."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.markers import CARETUP

from survmodel.errors import ConfigError
from survmodel.figures.color_key import draw_color_key
from survmodel.figures.lettering import shorten, text_width
from survmodel.figures.page import EDGE, Page, check_width, known_labels, shown_name
from survmodel.figures.style import StudyFigure, current_style, style_settings
from survmodel.figures.ticks import even_ticks
from survmodel.formatting import count_noun, format_significant
from survmodel.markers.change import NOT_EVALUABLE, PROGRESSION, RESPONSE, STABLE, UptakeChange
from survmodel.table import one_line

COLORS = {RESPONSE: "#004488", STABLE: "#bbbbbb", PROGRESSION: "#BB5566"}
NAMES = {RESPONSE: "response", STABLE: "stable", PROGRESSION: "progression"}
#: Rises beyond this are cut, and marked: they would leave no room for the others.
MOST = 150.0


def draw_uptake_change(
    result: UptakeChange,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw the change of uptake of every patient as a waterfall, with the boundaries of response and progression.

    Parameters
    ----------
    result : UptakeChange
        As from ``sm.uptake_change(baseline, later)``.
    labels : mapping of str to str, optional
        What to show for a category; ``"change"`` names the axis.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after the counts.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (changes in the order shown) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `result` is something else, or nobody could be evaluated.

    Examples
    --------
    >>> from survmodel import uptake_change
    >>> draw_uptake_change(uptake_change([10.0, 8.0, 5.0], [4.0, 8.0, 9.0])).alt_text
    'Change of uptake in 3 patients, from +80% to -60%: 1 response, 1 stable, 1 progression.'
    """
    found: object = result
    if not isinstance(found, UptakeChange):
        remedy = "pass sm.uptake_change(baseline, later)"
        raise ConfigError("draw_uptake_change draws a change of uptake", f"found {type(found).__name__}", remedy)
    known_rows = np.flatnonzero(~np.isnan(result.percent))
    if not known_rows.size:
        raise ConfigError("nobody could be evaluated", remedy="give baselines above 0 and later values")
    order = known_rows[np.argsort(-result.percent[known_rows], kind="stable")]
    percent, category = result.percent[order], [result.category[place] for place in order]
    style, known = current_style(), known_labels(labels)
    with style_settings(style):
        shown = np.minimum(percent, MOST)
        low = min(float(shown.min()), result.response) - 6.0
        high = max(float(shown.max()), result.progression) + 6.0
        ticks = [(value, f"{value:+.0f}" if value else "0") for value, _ in even_ticks(low, high)]
        left = EDGE + 1.2 * style.font_size + 7.5 + max(text_width(text, style.font_size) for _, text in ticks)
        page = Page.lay_out(style, check_width(width_mm, style), left=left, right=EDGE, height=150.0)
        _draw_bars(page, percent, category, result, (low, high))
        page.axes.set_yticks([value for value, _ in ticks], [text for _, text in ticks])
        page.axes.set_ylabel(shorten(shown_name(known.get("change", "Change, %")), page.height, page.size))
        counts = {name: category.count(name) for name in COLORS}
        entries = [
            (COLORS[name], f"{known.get(name, NAMES[name])} ({count})") for name, count in counts.items() if count
        ]
        above = draw_color_key(page, entries, 0.0)
        lines = page.wrap_note(" ".join([_note(result, percent), note]))
        page.fit_height(page.draw_title(title, above), page.draw_note(lines, 3.0))
    figure = page.figure
    figure.source_data = pd.DataFrame(
        {"place": np.arange(order.size) + 1, "change_percent": percent, "category": category}
    )
    figure.caption = one_line(title) or "Change of uptake"
    told = ", ".join(f"{count} {NAMES[name]}" for name, count in counts.items() if count)
    ends = f"from {percent[0]:+.0f}% to {percent[-1]:+.0f}%"
    figure.alt_text = f"Change of uptake in {count_noun(order.size, 'patient')}, {ends}: {told}."
    return figure


def _draw_bars(
    page: Page, percent: np.ndarray, category: list[str], result: UptakeChange, ends: tuple[float, float]
) -> None:
    axes, shown = page.axes, np.minimum(percent, MOST)
    axes.set_xlim(0.4, percent.size + 0.6)
    axes.set_ylim(*ends)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    places = np.arange(percent.size) + 1.0
    for name, color in COLORS.items():
        own = np.array([one == name for one in category])
        if own.any():
            bars = axes.bar(places[own], shown[own], width=0.82, color=color, linewidth=0, zorder=2)
            for bar in bars:
                bar.set_gid(f"bar-{name}")
    for value, name in ((result.response, "response"), (result.progression, "progression")):
        axes.axhline(value, color="#444444", linewidth=0.7, linestyle=(0, (4.0, 2.0)), zorder=1, gid=f"boundary-{name}")
    axes.axhline(0.0, color="#000000", linewidth=0.6, zorder=3, gid="zero")
    cut = percent > MOST
    if cut.any():
        axes.plot(
            places[cut], np.full(int(cut.sum()), MOST + 2.5), linestyle="none", marker=CARETUP, markersize=3.0,
            color="#000000", clip_on=False, zorder=4, gid="cut",
        )  # fmt: skip


def _note(result: UptakeChange, percent: np.ndarray) -> str:
    low, high = (format_significant(value) for value in (result.response, result.progression))
    parts = [f"Bars: patients. Dashed: {low}% and +{high}%, which count as reached."]
    if (percent > MOST).any():
        parts.append(f"Arrows: rises of more than {MOST:.0f}%, the largest {percent[0]:+.0f}%.")
    missing = result.category.count(NOT_EVALUABLE)
    if missing:
        parts.append(f"{count_noun(missing, 'patient')} not evaluable.")
    return " ".join(parts)
