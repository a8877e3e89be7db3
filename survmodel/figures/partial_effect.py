"""The partial-effect plot: what a model predicts on average over the values of a column, one curve for each time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from survmodel.errors import ConfigError
from survmodel.figures.key import Key
from survmodel.figures.lettering import clean_text, shorten, text_width
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.placement import keep_apart
from survmodel.figures.style import JournalStyle, StudyFigure, current_style, group_look, mix_with_white, style_settings
from survmodel.figures.ticks import Tick, even_ticks
from survmodel.formatting import count_noun, format_percent, format_significant, level_text
from survmodel.models.forest_effect import PartialEffect, value_text
from survmodel.result import Result
from survmodel.table import one_line

Floats = npt.NDArray[np.float64]

NOT_ESTIMABLE = "not estimable"
#: The axis of risk is at least this long, so that small differences do not look large.
SHORTEST_AXIS = 0.1
#: Times that are read out to those who cannot see the figure.
MOST_SPOKEN = 3


def draw_partial_effect(
    effect: Result,
    *,
    labels: Mapping[str, str] | None = None,
    unit: str = "",
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw the mean predicted risk over the values of a column, a curve for each time.

    With a single time the quartiles of the rows are drawn too: a band behind a number, lines at the levels of a factor.

    Parameters
    ----------
    effect : Result
        As from ``sm.partial_effect(fit, table, column, times)``.
    labels : mapping of str to str, optional
        What to show for the column and its levels; ``"risk"`` names the other axis.
    unit : str
        Unit of the column.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after what is drawn.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (risks of ``effect.tidy()``) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `effect` is no partial effect, or the width makes no sense.

    Examples
    --------
    >>> effect = PartialEffect("age", (50.0, 70.0), np.array([5.0]), np.array([[0.2], [0.4]]),
    ...     np.array([[0.1], [0.3]]), np.array([[0.3], [0.5]]), n=80, unit="years")
    >>> draw_partial_effect(effect, labels={"age": "Age"}, unit="years").alt_text
    'Mean predicted risk by Age: at 5 years 20.0% at 50 years, 40.0% at 70 years.'
    """
    if not isinstance(effect, PartialEffect):
        remedy = "pass sm.partial_effect(fit, table, column, times)"
        raise ConfigError("draw_partial_effect draws a partial effect", f"found {type(effect).__name__}", remedy)
    style, known = current_style(), known_labels(labels)
    name = known.get(level_text(effect.column), effect.column)
    with style_settings(style):
        page = _lay_out(effect, style, check_width(width_mm, style))
        _draw_axes(page, effect, shown_name(f"{name} ({unit})" if unit else name), known)
        for number in range(effect.times.size):
            _draw_curve(page, effect, number)
        above = _draw_key(page, effect)
        below = page.draw_note(page.wrap_note(" ".join([*_notes(effect), note])), page.axis_block)
        page.fit_height(page.draw_title(title, above), below)
    figure = page.figure
    table = effect.tidy()
    figure.source_data = table[table["measure"] == "risk"].reset_index(drop=True)
    figure.caption = one_line(title) or f"Mean predicted risk by {one_line(name)}"
    figure.alt_text = _alt_text(effect, spoken(name), unit, known)
    return figure


def _places(effect: PartialEffect) -> tuple[Floats, bool]:
    """Give the places of the values on the axis, and whether they are numbers."""
    numeric = all(isinstance(one, int | float | np.number) and not isinstance(one, bool) for one in effect.values)
    return np.array(effect.values if numeric else range(len(effect.values)), dtype=np.float64), numeric


def _top(effect: PartialEffect) -> float:
    """Give the end of the axis of risk."""
    drawn = [effect.risk, effect.upper] if effect.times.size == 1 else [effect.risk]
    highest = max((float(one[np.isfinite(one)].max(initial=0.0)) for one in drawn), default=0.0)
    return min(max(1.08 * highest, SHORTEST_AXIS), 1.0)


def _risk_ticks(effect: PartialEffect) -> list[Tick]:
    return [(value / 100, text) for value, text in even_ticks(0.0, 100 * _top(effect), 6)]


def _lay_out(effect: PartialEffect, style: JournalStyle, width_mm: float) -> Page:
    size = style.font_size
    widest = max(text_width(text, size) for _, text in _risk_ticks(effect))
    left = EDGE + 1.2 * size + 2.5 + widest + 5.0
    height = min(0.33 * width_mm * POINTS_PER_MM + 72.0, 190.0)
    return Page.lay_out(style, width_mm, left=left, right=EDGE + 12.0, height=height)


def _draw_axes(page: Page, effect: PartialEffect, name: str, known: Mapping[str, str]) -> None:
    axes, size = page.axes, page.size
    places, numeric = _places(effect)
    start, end = float(places.min()), float(places.max())
    if numeric:
        margin = 0.04 * (end - start) if end > start else max(abs(start), 1.0) * 0.1
        ticks = even_ticks(start, end, 6) or [(start, format_significant(start))]
    else:
        margin, room = 0.5, page.width / len(places) - 4.0
        shown = [shown_name(known.get(level_text(one), level_text(one))) for one in effect.values]
        ticks = [(place, shorten(text, room, size)) for place, text in zip(places.tolist(), shown, strict=True)]
    axes.set_xlim(start - margin, end + margin)
    axes.set_ylim(0.0, _top(effect))
    span = end - start + 2 * margin
    middles = [(value - start + margin) / span * page.width for value, _ in ticks]
    kept = keep_apart(middles, [text_width(text, size) for _, text in ticks], 4.0)
    axes.set_xticks([ticks[place][0] for place in kept], [ticks[place][1] for place in kept])
    risks = _risk_ticks(effect)
    axes.set_yticks([value for value, _ in risks], [text for _, text in risks])
    axes.set_xlabel(shorten(name, page.width, size))
    axes.set_ylabel(shorten(clean_text(known.get("risk", "Mean predicted risk, %")), page.height, size))


def _draw_curve(page: Page, effect: PartialEffect, number: int) -> None:
    axes, look = page.axes, group_look(number)
    places, numeric = _places(effect)
    order = np.argsort(places, kind="stable")
    at, risk = places[order], effect.risk[order, number]
    if np.isnan(risk).all():
        if effect.times.size == 1:
            axes.text(0.5, 0.5, NOT_ESTIMABLE, transform=axes.transAxes, ha="center", gid="not-estimable")
        return
    if effect.times.size == 1:
        low, high = effect.lower[order, number], effect.upper[order, number]
        if numeric and at.size > 1:
            band = axes.fill_between(at, low, high, color=mix_with_white(look.color, 0.16), linewidth=0, zorder=1)
            band.set_gid("quartiles")
        else:
            axes.vlines(at, low, high, color=look.color, linewidth=0.8, zorder=2).set_gid("quartiles")
    # Between levels a line means nothing, but it tells the times apart.
    joined = numeric or effect.times.size > 1
    axes.plot(
        at, risk, color=look.color, linestyle=look.line_style if joined else "none", marker="o", markersize=3.5,
        markeredgewidth=0, zorder=3, gid=f"curve-{number + 1}",
    )  # fmt: skip


def _time_text(effect: PartialEffect, number: int) -> str:
    return f"{format_significant(effect.times[number])} {effect.unit or ''}".strip()


def _draw_key(page: Page, effect: PartialEffect) -> float:
    """Name the times above the axes, where no curve can be in the way."""
    if effect.times.size == 1:
        return 0.0
    names = [shown_name(_time_text(effect, number)) for number in range(effect.times.size)]
    key = Key(names, "", page.axes, page.size, page.width, page.height, page.corner)
    return key.draw(np.array([[0.0, 0.0, 1.0, 1.0]]))


def _notes(effect: PartialEffect) -> list[str]:
    at = f" at {_time_text(effect, 0)}" if effect.times.size == 1 else ""
    parts = [f"Mean risk{at} predicted for {count_noun(effect.n, 'patient')}, each value given to all of them."]
    if effect.times.size == 1 and not np.isnan(effect.risk).all():
        shape = "Band" if _places(effect)[1] and len(effect.values) > 1 else "Lines"
        parts.append(f"{shape}: quartiles of the patients.")
    if np.isnan(effect.risk).any() and effect.times.size > 1:
        parts.append("Nothing is said beyond the longest follow-up.")
    return [*parts, "A description of the model, not of what a change would do."]


def _alt_text(effect: PartialEffect, name: str, unit: str, known: Mapping[str, str]) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    said = f" {spoken(unit)}" if unit else ""
    ends = sorted({0, len(effect.values) - 1})
    parts = []
    for number in range(min(effect.times.size, MOST_SPOKEN)):
        values = []
        for place in ends:
            risk = float(effect.risk[place, number])
            level = value_text(effect.values[place])
            text = NOT_ESTIMABLE if np.isnan(risk) else format_percent(risk)
            values.append(f"{text} at {spoken(known.get(level, level))}{said}")
        parts.append(f"at {spoken(_time_text(effect, number))} {', '.join(values)}")
    more = effect.times.size - MOST_SPOKEN
    end = f"; and {count_noun(more, 'more time')}" if more > 0 else ""
    return f"Mean predicted risk by {name}: {'; '.join(parts)}{end}."
