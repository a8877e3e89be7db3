"""The decision curve: net benefit of models over thresholds of risk, beside treating all and treating none.

The axis of net benefit ends a little below 0, where no strategy is worth having: the line of treating all, which falls
far below, is cut off there.
"""

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
from survmodel.formatting import count_noun, format_number, format_percent, format_significant
from survmodel.naming import percent_level
from survmodel.performance.decision_curve import APPARENT, TREAT_ALL, TREAT_NONE, DecisionCurve
from survmodel.result import Result
from survmodel.table import one_line

Floats = npt.NDArray[np.float64]

#: Up to so many thresholds are marked by points.
MOST_POINTS = 15
#: Models that are read out to those who cannot see the figure.
MOST_SPOKEN = 3
#: The axis goes on below 0 by this share of its length above it, or further where a model does, but not beyond.
_BELOW, _DEEPEST = 0.12, 0.5
_SHORTEST = 0.02
_GREY = "#777777"


def draw_decision_curve(
    result: Result,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw net benefit over thresholds, a curve for each model, with treating all and treating none.

    The limits of a single model are drawn as a band; those of several stand in the source data. With strata the curves
    are those of all patients.

    Parameters
    ----------
    result : Result
        As from ``sm.decision_curve(outcome, risk, horizon, thresholds)``.
    labels : mapping of str to str, optional
        What to show for models and for the endpoint; ``"threshold"`` and ``"net benefit"`` name the axes.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after the counts and the legend of the lines.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (net benefits with limits) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `result` is no decision curve, or the width makes no sense.

    Examples
    --------
    >>> from survmodel.outcome.response import Outcome
    >>> from survmodel.performance.decision_curve import decision_curve
    >>> outcome = Outcome([1, 2, 3, 4, 5], [1, 1, 0, 1, 0], unit="years")
    >>> result = decision_curve(outcome, [0.9, 0.6, 0.7, 0.2, 0.1], 3.5, [0.3, 0.5], sample="test")
    >>> draw_decision_curve(result).alt_text.split(":")[0]
    'Decision curve at 3.5 years (test), 5 patients, thresholds of risk 30.0% to 50.0%'
    """
    if not isinstance(result, DecisionCurve):
        raise ConfigError(
            "draw_decision_curve draws decision curves",
            f"found {type(result).__name__}",
            "pass sm.decision_curve(outcome, risk, horizon, thresholds)",
        )
    style, known = current_style(), known_labels(labels)
    with style_settings(style):
        page = _lay_out(result, style, check_width(width_mm, style))
        _draw_axes(page, result, known)
        _draw_curves(page, result)
        above = _draw_key(page, result, known)
        below = page.draw_note(page.wrap_note(" ".join([*_notes(result, known), note])), page.axis_block)
        page.fit_height(page.draw_title(title, above), below)
    figure = page.figure
    table = result.tidy()
    drawn = table[table["group"] == ""].reset_index(drop=True)
    figure.source_data = drawn.assign(endpoint=one_line(result.endpoint), sample=one_line(result.sample))
    figure.caption = one_line(title) or f"Decision curve at {_horizon(result)}"
    figure.alt_text = _alt_text(result, known)
    return figure


def _models(result: DecisionCurve) -> list[int]:
    """Give the places of the models among the strategies."""
    return [place for place, name in enumerate(result.strategies) if name not in (TREAT_ALL, TREAT_NONE)]


def _limits(result: DecisionCurve, place: int) -> tuple[Floats, Floats]:
    table = result.tidy()
    own = table[(table["group"] == "") & (table["model"] == result.strategies[place])]
    return own["conf_low"].to_numpy(), own["conf_high"].to_numpy()


def _ends(result: DecisionCurve) -> tuple[float, float]:
    """Give the ends of the axis of net benefit."""
    models = _models(result)
    highest = [float(result.estimate[1:].max())]
    if len(models) == 1:
        highest.append(float(_limits(result, models[0])[1].max()))
    top = max(1.06 * max(highest), _SHORTEST)
    lowest = float(result.estimate[models].min())
    return max(min(1.1 * lowest, -_BELOW * top), -_DEEPEST * top), top


def _lay_out(result: DecisionCurve, style: JournalStyle, width_mm: float) -> Page:
    size = style.font_size
    widest = max(text_width(text, size) for _, text in even_ticks(*_ends(result), 6))
    left = EDGE + 1.2 * size + 2.5 + widest + 5.0
    height = min(0.33 * width_mm * POINTS_PER_MM + 72.0, 190.0)
    return Page.lay_out(style, width_mm, left=left, right=EDGE + 12.0, height=height)


def _threshold_ticks(result: DecisionCurve) -> list[Tick]:
    start, end = 100 * float(result.thresholds[0]), 100 * float(result.thresholds[-1])
    return [(place / 100, f"{text}%") for place, text in even_ticks(start, end, 6)]


def _draw_axes(page: Page, result: DecisionCurve, known: Mapping[str, str]) -> None:
    axes, size = page.axes, page.size
    start, end = float(result.thresholds[0]), float(result.thresholds[-1])
    margin = 0.02 * (end - start) if end > start else 0.05
    axes.set_xlim(start - margin, end + margin)
    axes.set_ylim(*_ends(result))
    span = end - start + 2 * margin
    ticks = _threshold_ticks(result)
    middles = [(place - start + margin) / span * page.width for place, _ in ticks]
    kept = keep_apart(middles, [text_width(text, size) for _, text in ticks], 4.0)
    axes.set_xticks([ticks[place][0] for place in kept], [ticks[place][1] for place in kept])
    benefits = even_ticks(*_ends(result), 6)
    axes.set_yticks([value for value, _ in benefits], [text for _, text in benefits])
    at = clean_text(f"{known.get('threshold', 'Threshold of predicted risk')} at {_horizon(result)}")
    axes.set_xlabel(shorten(at, page.width, size))
    axes.set_ylabel(shorten(clean_text(known.get("net benefit", "Net benefit")), page.height, size))


def _draw_curves(page: Page, result: DecisionCurve) -> None:
    axes, at, models = page.axes, result.thresholds, _models(result)
    marker = "o" if at.size <= MOST_POINTS else "none"
    axes.axhline(0.0, color=_GREY, linewidth=0.6, zorder=1, gid="treat-none")
    axes.plot(
        at, result.estimate[result.strategies.index(TREAT_ALL)], color=_GREY, linewidth=1.0, linestyle=(0, (4.0, 2.0)),
        marker=marker, markersize=2.5, markeredgewidth=0, zorder=2, gid="treat-all",
    )  # fmt: skip
    if len(models) == 1:
        low, high = _limits(result, models[0])
        tint = mix_with_white(group_look(0).color, 0.16)
        if at.size > 1:
            axes.fill_between(at, low, high, color=tint, linewidth=0, zorder=0).set_gid("limits")
        else:
            axes.vlines(at, low, high, color=group_look(0).color, linewidth=0.8, zorder=2).set_gid("limits")
    for number, place in enumerate(models):
        look = group_look(number)
        axes.plot(
            at, result.estimate[place], color=look.color, linestyle=look.line_style, marker=marker, markersize=3.5,
            markeredgewidth=0, zorder=3, gid=f"curve-{number + 1}",
        )  # fmt: skip


def _draw_key(page: Page, result: DecisionCurve, known: Mapping[str, str]) -> float:
    """Name the models above the axes, where no curve can be in the way."""
    names = [shown_name(known.get(result.strategies[place], result.strategies[place])) for place in _models(result)]
    if names == ["model"]:
        return 0.0
    key = Key(names, "", page.axes, page.size, page.width, page.height, page.corner)
    return key.draw(np.array([[0.0, 0.0, 1.0, 1.0]]))


def _horizon(result: DecisionCurve) -> str:
    unit = one_line(result.unit)
    return f"{format_significant(result.horizon)} {unit.removesuffix('s') if result.horizon == 1 else unit}".strip()


def _notes(result: DecisionCurve, known: Mapping[str, str]) -> list[str]:
    endpoint, sample = spoken(known.get(result.endpoint, result.endpoint)).strip(), spoken(result.sample).strip()
    parts = [f"Endpoint: {endpoint}."] if endpoint else []
    parts.append(f"{count_noun(result.n, 'patient')}, {count_noun(result.n_event, 'event')} by {_horizon(result)}.")
    parts.append(f"Predictions: {sample}." if sample else "Whose predictions these are is not said.")
    if sample.lower() == APPARENT:
        parts.append("Apparent curves are too good.")
    if result.n_strata > 1:
        parts.append(f"Observed risks within {result.n_strata} strata.")
    everybody = float(result.estimate[result.strategies.index(TREAT_ALL)].max())
    shown = everybody >= _ends(result)[0]
    parts.append("Grey dashed line: treat all." if shown else "Treat all: below the axis.")
    parts.append("Line at 0: treat none.")
    if len(_models(result)) == 1:
        shape = "Band" if result.thresholds.size > 1 else "Line"
        parts.append(f"{shape}: {percent_level(result.conf_level)} confidence limits.")
    return [*parts, "Net benefit in true positives for each patient."]


def _alt_text(result: DecisionCurve, known: Mapping[str, str]) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    sample = f" ({spoken(result.sample)})" if one_line(result.sample) else ""
    ends = sorted({0, result.thresholds.size - 1})
    reach = " to ".join(format_percent(float(result.thresholds[k])) for k in ends)
    start = f"Decision curve at {spoken(_horizon(result))}{sample}, {count_noun(result.n, 'patient')}, "
    start += f"{'thresholds' if len(ends) > 1 else 'threshold'} of risk {reach}"
    models = _models(result)
    parts = []
    for place in [*models[:MOST_SPOKEN], result.strategies.index(TREAT_ALL)]:
        name = result.strategies[place]
        values = " and ".join(format_number(float(result.estimate[place, k]), 3) for k in ends)
        parts.append(f"{spoken(known.get(name, name))} {values}")
    more = len(models) - MOST_SPOKEN
    end = f"; and {count_noun(more, 'more model')}" if more > 0 else ""
    return f"{start}: net benefit {'at the ends ' if len(ends) > 1 else ''}{', '.join(parts)}, treat none 0{end}."
