"""The hazard-ratio plot: ratios with limits on a log axis that is symmetric around 1, between columns of text.

What is drawn comes as rows from :mod:`survmodel.figures.hazard_ratios_data`, and where each text stands from
:mod:`survmodel.figures.ratio_columns`. The vertical axis counts points, so that rows are as high as their text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT

from survmodel.figures.hazard_ratios_data import Ratio, RatioModel, RatioRow, Source, ratio_rows, read_models
from survmodel.figures.lettering import clean_text, shorten, text_width
from survmodel.figures.page import EDGE, NOTE_COLOR, POINTS_PER_MM, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.placement import keep_apart
from survmodel.figures.ratio_axis import RatioAxis, ratio_axis
from survmodel.figures.ratio_columns import LABEL_LEADING, PlacedColumn, PlacedRow, Plan, make_plan
from survmodel.figures.style import StudyFigure, current_style, group_look, style_settings
from survmodel.formatting import count_noun, format_count, format_significant
from survmodel.models.cox_fit import CoxFit
from survmodel.table import one_line

#: Markers of models, with the colours of groups.
MARKERS = ("s", "o", "D", "^", "v", "P", "X", "p")

#: Rows that are read out to those who cannot see the figure.
MOST_SPOKEN = 12

LINE_COLOR = "#666666"
_KEY = 9.0


def draw_hazard_ratios(
    fits: CoxFit | pd.DataFrame | Mapping[str, Source],
    *,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    conf_level: float = 0.95,
    axis_end: float | None = None,
    note: str = "",
    title: str = "",
    width_mm: float | None = None,
) -> StudyFigure:
    """Draw hazard ratios with their limits beside the numbers.

    Levels stand under the name of their factor, the reference level first with an open square at 1. The log axis is
    symmetric around 1 and ends at the first of 1.25, 1.5, 2, 4, 10, 25 and 100 that holds all estimates and limits;
    where that is beyond 10, at 10 or at the first that holds the estimates, and limits beyond it are cut, with an
    arrow. Where the page is narrow the columns of patients and events become one, then the p-values go, then the
    counts; the names and the ratios always stay.

    Parameters
    ----------
    fits : CoxFit, DataFrame, or mapping of str to CoxFit, sequence of CoxFit or DataFrame
        A Cox model; its table ``fit.hazard_ratios()``, which may have columns n and n_event too; or these by the name
        of the model, to be shown side by side. A sequence of models has one name, as for terms that were fitted alone.
    labels : mapping of str to str, optional
        What to show for a column, for a term (``"sex[male]"``) or for a level; ``"hazard_ratio"``, ``"lower"`` and
        ``"higher"`` name the axis and its two directions.
    units : mapping of str to str, optional
        Unit of each numeric column.
    conf_level : float
        Coverage of the limits of a table; a fit knows its own.
    axis_end : float, optional
        Where the axis shall end, above 1; it begins at the inverse.
    note : str
        Text under the figure, after the counts and the legend of the marks.
    title : str
        Heading; journals put it in the legend.
    width_mm : float, optional
        Width in print; one column of the journal style without it.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (the rows of all models with counts and reference levels) and
        ``alt_text``.

    Raises
    ------
    ConfigError
        For what is no Cox model or table of hazard ratios, a table without rows, limits of different coverage, or
        numbers that make no sense.

    Examples
    --------
    >>> import pandas as pd
    >>> from survmodel import CoxPH, Outcome
    >>> table = pd.DataFrame({"age": [50, 60, 55, 70, 65, 58]})
    >>> fit = CoxPH("age").fit(table, Outcome([9, 4, 8, 2, 7, 5], [1, 1, 0, 1, 1, 1]))
    >>> draw_hazard_ratios(fit, labels={"age": "Age"}, units={"age": "years"}).alt_text
    'Hazard ratios with 95% confidence limits, 6 patients, 5 events: Age, per year 1.20 (0.97 to 1.50).'
    """
    style = current_style()
    known = known_labels(labels)
    models = read_models(fits, conf_level)
    rows = ratio_rows(models, known, units)
    axis = ratio_axis(rows, axis_end)
    with style_settings(style):
        width = check_width(width_mm, style)
        plan = make_plan(rows, models[0].conf_level, style.font_size, width * POINTS_PER_MM - 2 * EDGE)
        page = Page.lay_out(style, width, left=plan.left + EDGE, right=plan.right + EDGE, height=plan.height)
        _draw_axis(page, axis, known)
        for number, (row, placed) in enumerate(zip(rows, plan.rows, strict=True), start=1):
            _draw_row(page, row, placed, axis, number)
        _draw_texts(page, plan)
        below = _draw_directions(page, known)
        below = page.draw_note(page.wrap_note(_note(models, rows, axis, note)), below)
        above = _draw_header(page, plan)
        above = _draw_key(page, [model.name for model in models], above) if len(models) > 1 else above
        page.fit_height(page.draw_title(title, above), below)
    figure = page.figure
    figure.source_data = pd.concat([model.table for model in models], ignore_index=True)
    figure.caption = one_line(title) or "Hazard ratios"
    figure.alt_text = _alt_text(models, rows)
    return figure


def _draw_axis(page: Page, axis: RatioAxis, known: Mapping[str, str]) -> None:
    axes = page.axes
    axes.set_xscale("log")
    axes.set_xlim(1 / axis.end, axis.end)
    axes.set_ylim(0, page.height)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    ticks = next(ticks for ticks in axis.ticks if _fit_ticks(page, axis, ticks) or len(ticks) == 1)
    axes.set_xticks(ticks, [_write_tick(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.plot([1, 1], [0, page.height], color=LINE_COLOR, linewidth=0.6, zorder=1, gid="no-effect")
    name = clean_text(known.get("hazard_ratio", "Hazard ratio (log scale)"))
    axes.set_xlabel(shorten(name, page.width + 2 * min(_room_beside(page)), page.size))


def _write_tick(tick: float) -> str:
    return format_significant(tick, 2 if tick < 1 else 3)


def _fit_ticks(page: Page, axis: RatioAxis, ticks: Sequence[float]) -> bool:
    """Tell whether the labels of ticks have room beside each other."""
    middles = [(0.5 + 0.5 * math.log(tick) / math.log(axis.end)) * page.width for tick in ticks]
    widths = [text_width(_write_tick(tick), page.size) for tick in ticks]
    return len(keep_apart(middles, widths, 3.0)) == len(ticks)


def _room_beside(page: Page) -> tuple[float, float]:
    """Give the room left and right of the axes."""
    return page.left - EDGE, page.full_width + EDGE - page.left - page.width


def _draw_row(page: Page, row: RatioRow, placed: PlacedRow, axis: RatioAxis, number: int) -> None:
    for ratio, height in zip(row.lines, placed.lines, strict=True):
        name = f"{number}-{ratio.model + 1}"
        if ratio.is_reference:
            page.axes.plot(
                [1], [height], marker="s", markersize=4.2, markerfacecolor="white", markeredgecolor=NOTE_COLOR,
                markeredgewidth=0.8, linestyle="none", zorder=3, gid=f"reference-{name}",
            )  # fmt: skip
        elif ratio.exists:
            _draw_ratio(page, ratio, height, axis, name)


def _draw_ratio(page: Page, ratio: Ratio, height: float, axis: RatioAxis, name: str) -> None:
    axes, color = page.axes, group_look(ratio.model).color
    low, high = ratio.limits or (ratio.estimate, ratio.estimate)
    if ratio.limits:
        ends = [min(max(end, 1 / axis.end), axis.end) for end in ratio.limits]
        axes.plot(ends, [height, height], color=color, linewidth=1.0, zorder=2, gid=f"limits-{name}")
    for side, marker, end, cut in (
        ("low", CARETLEFT, 1 / axis.end, axis.is_below(low) or axis.is_below(ratio.estimate)),
        ("high", CARETRIGHT, axis.end, axis.is_above(high) or axis.is_above(ratio.estimate)),
    ):
        if cut:
            axes.plot(
                [end], [height], marker=marker, markersize=4.5, color=color, markeredgewidth=0, linestyle="none",
                clip_on=False, zorder=2, gid=f"arrow-{side}-{name}",
            )  # fmt: skip
    if not axis.is_below(ratio.estimate) and not axis.is_above(ratio.estimate):
        axes.plot(
            [ratio.estimate], [height], marker=MARKERS[ratio.model % len(MARKERS)], markersize=4.2, color=color,
            markeredgewidth=0, linestyle="none", clip_on=False, zorder=3, gid=f"estimate-{name}",
        )  # fmt: skip


def _draw_texts(page: Page, plan: Plan) -> None:
    """Write names and numbers beside the axis, on the height of their rows."""
    lift = 0.36 * page.size
    for number, row in enumerate(plan.rows, start=1):
        top = row.middle + (len(row.label) - 1) / 2 * LABEL_LEADING * page.size
        for place, line in enumerate(row.label):
            height = top - place * LABEL_LEADING * page.size - lift
            page.axes.text(
                page.edge + row.indent, height, line, transform=page.beside_ticks, gid=f"label-{number}-{place + 1}"
            )
        for placed in plan.columns:
            cell = placed.column.cells[number - 1]
            heights = row.lines if len(cell) == len(row.lines) else (row.middle,)
            for place, (text, middle) in enumerate(zip(cell, heights, strict=False), start=1):
                page.axes.text(
                    placed.place, middle - lift, text, ha=_side(placed), transform=page.beside_ticks,
                    gid=f"{placed.column.name}-{number}-{place}",
                )  # fmt: skip


def _side(placed: PlacedColumn) -> str:
    return "right" if placed.column.to_the_right else "left"


def _draw_header(page: Page, plan: Plan) -> float:
    """Write the names of the columns over a rule; gives the points used above the axes."""
    height = page.height + 0.6 * page.size
    page.axes.add_artist(
        Line2D(
            [page.edge, page.edge + page.full_width], [page.height, page.height], color="#000000", linewidth=0.6,
            transform=page.corner, clip_on=False, gid="rule",
        )
    )  # fmt: skip
    for placed in plan.columns:
        page.axes.text(
            placed.place, height, placed.column.header, ha=_side(placed), transform=page.corner,
            gid=f"header-{placed.column.name}",
        )  # fmt: skip
    return 1.5 * page.size


def _draw_key(page: Page, names: Sequence[str], above: float) -> float:
    """Show the marker of each model above the columns, in as many lines as they need."""
    size, room = page.size, page.full_width - _KEY
    texts = [shorten(shown_name(name), room, size) for name in names]
    places, line, used = [], 0, 0.0
    for text in texts:
        width = _KEY + text_width(text, size)
        if used and used + width > page.full_width:
            line, used = line + 1, 0.0
        places.append((line, used))
        used += width + 2 * size
    for number, (text, (row, place)) in enumerate(zip(texts, places, strict=True), start=1):
        height = page.height + above + (0.5 + 1.3 * (line - row)) * size
        color, marker = group_look(number - 1).color, MARKERS[(number - 1) % len(MARKERS)]
        left = page.edge + place
        page.axes.add_artist(
            Line2D(
                [left + 2.5], [height + 0.36 * size], color=color, marker=marker, markersize=4.2, markeredgewidth=0,
                linestyle="none", transform=page.corner, clip_on=False, gid=f"key-{number}",
            )
        )  # fmt: skip
        page.axes.text(left + _KEY, height, text, transform=page.corner, gid=f"key-text-{number}")
    return above + (0.5 + 1.3 * (line + 1)) * size


def _draw_directions(page: Page, known: Mapping[str, str]) -> float:
    """Say under the axis which side means what; gives the points used below the axes."""
    down, middle = page.axis_block + 0.8 * page.size, page.width / 2
    left, right = _room_beside(page)
    lower = clean_text(f"← {known.get('lower', 'lower hazard')}")
    higher = clean_text(f"{known.get('higher', 'higher hazard')} →")
    for side, text, place, ha, room in (
        ("lower", lower, middle - 3.0, "right", left + middle - 3.0),
        ("higher", higher, middle + 3.0, "left", right + middle - 3.0),
    ):
        page.axes.text(
            place, -down, shorten(text, room, page.size), ha=ha, transform=page.corner, gid=f"direction-{side}"
        )
    return down + 0.3 * page.size


def _note(models: Sequence[RatioModel], rows: Sequence[RatioRow], axis: RatioAxis, note: str) -> str:
    ratios = [ratio for row in rows for ratio in row.ratios if not ratio.is_reference]
    parts = [_write_counts(models)]
    level = format_significant(100 * models[0].conf_level)
    robust = ", from robust standard errors" if any(fit.robust for model in models for fit in model.fits) else ""
    parts.append(f"Lines: {level}% confidence limits{robust}.")
    if any(ratio.is_reference for row in rows for ratio in row.ratios):
        parts.append("Open squares: reference levels.")
    if any(axis.is_cut(ratio) for ratio in ratios):
        parts.append("Arrows: beyond the axis.")
    return " ".join(part for part in [*parts, note] if part)


def _write_counts(models: Sequence[RatioModel]) -> str:
    """Say how many patients and events the models have, once when all have the same."""
    counts = [_count(model) for model in models]
    if not any(counts):
        return ""
    if len(set(counts)) == 1:
        return f"{'Each model: ' if len(models) > 1 else ''}{counts[0]}."
    parts = [
        f"{spoken(model.name)}: {count or 'counts not known'}" for model, count in zip(models, counts, strict=True)
    ]
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _count(model: RatioModel) -> str:
    """Say how many patients and events a model has; a range for several models under one name."""
    if not model.fits:
        return ""
    texts = []
    for counts, noun in (
        ([fit.n for fit in model.fits], "patient"),
        ([fit.n_event for fit in model.fits], "event"),
    ):
        few, many = min(counts), max(counts)
        start = f"{format_count(few)} to " if few < many else ""
        texts.append(start + count_noun(many, noun))
    return ", ".join(texts)


def _alt_text(models: Sequence[RatioModel], rows: Sequence[RatioRow]) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    level = format_significant(100 * models[0].conf_level)
    if len(models) == 1:
        counts = _count(models[0])
        start = f"Hazard ratios with {level}% confidence limits" + (f", {counts}" if counts else "")
    else:
        named = [f"{spoken(model.name)}" + (f" ({_count(model)})" if model.fits else "") for model in models]
        start = f"Hazard ratios of {len(models)} models with {level}% confidence limits, {', '.join(named)}"
    parts, heading, reference = [], "", ""
    for row in rows:
        if not row.ratios:
            heading, reference = spoken(row.label), ""
        elif all(ratio.is_reference for ratio in row.ratios):
            reference = f" vs {spoken(row.label)}"
        else:
            name = f"{heading}, {spoken(row.label)}{reference}" if row.is_level else spoken(row.label)
            parts.append(f"{name} {' and '.join(ratio.text for ratio in row.ratios)}")
    more = len(parts) - MOST_SPOKEN
    end = f"; and {count_noun(more, 'more row')}" if more > 0 else ""
    return f"{start}: {'; '.join(parts[:MOST_SPOKEN])}{end}."
