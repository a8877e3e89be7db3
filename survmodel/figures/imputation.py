"""Two looks at an imputation: how the chains went, and imputed beside observed values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, closest
from survmodel.figures.key import Key
from survmodel.figures.lettering import clean_text, shorten, text_width
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.placement import keep_apart
from survmodel.figures.style import JournalStyle, StudyFigure, current_style, group_look, mix_with_white, style_settings
from survmodel.figures.ticks import Tick, even_ticks
from survmodel.formatting import count_noun, format_significant, level_text
from survmodel.models.imputation_fit import FittedImputation
from survmodel.result import Result
from survmodel.table import one_line

Floats = npt.NDArray[np.float64]
Show = Literal["chain", "values"]
NAMES = ("observed", "imputed")


def draw_imputation(
    imputed: Result,
    column: str,
    *,
    show: Show = "chain",
    labels: Mapping[str, str] | None = None,
    unit: str = "",
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw the mean of the imputed values over the cycles of each chain, or imputed beside observed values.

    Chains that have run long enough cross one another and show no trend. Imputed and observed values may differ where
    the rows without a value differ in what is known of them.

    Parameters
    ----------
    imputed : Result
        As from ``sm.MultipleImputation().fit(table, outcome)``.
    column : str
        A column with missing values.
    show : {"chain", "values"}
        Means by cycle; or the share of values up to each number, of levels the share of each.
    labels : mapping of str to str, optional
        What to show for the column and its levels.
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
        A matplotlib figure with ``source_data`` and ``alt_text``.

    Raises
    ------
    ConfigError
        When `imputed` is no imputation, nothing of the column was imputed, or the width makes no sense.

    Examples
    --------
    >>> from survmodel import MultipleImputation, Outcome
    >>> random = np.random.default_rng(4)
    >>> table = pd.DataFrame({"x": random.normal(size=60), "z": random.normal(size=60)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(60))
    >>> table.loc[::4, "x"] = np.nan
    >>> draw_imputation(MultipleImputation(m=5).fit(table, outcome), "x").alt_text
    'Mean of the imputed values of x over 10 cycles, 5 chains.'
    """
    if not isinstance(imputed, FittedImputation):
        remedy = "pass sm.MultipleImputation().fit(table, outcome)"
        raise ConfigError("draw_imputation draws an imputation", f"found {type(imputed).__name__}", remedy)
    drawn = imputed.imputed_values()
    if column not in drawn:
        raise ConfigError(f"nothing of {column!r} was imputed", remedy=closest(str(column), map(str, drawn)))
    if show not in ("chain", "values"):
        raise ConfigError(f"show {show!r} is not known", remedy="use 'chain' or 'values'")
    style, known = current_style(), known_labels(labels)
    name = known.get(level_text(column), column)
    axis = f"{name} ({unit})" if unit else name
    with style_settings(style):
        if show == "chain":
            page, above = _draw_chain(drawn[column], axis, style, check_width(width_mm, style)), 0.0
            data = imputed.chain[imputed.chain["column"] == column].reset_index(drop=True)
            said = f"Mean of the imputed values of {spoken(name)} over {count_noun(drawn[column].shape[1], 'cycle')}, "
            said += f"{count_noun(imputed.m, 'chain')}."
            told = f"One line for each of {count_noun(imputed.m, 'imputation')}."
        else:
            page, above, data = _draw_values(imputed, column, axis, known, style, check_width(width_mm, style))
            said = f"Observed and imputed values of {spoken(name)}, {count_noun(imputed.m, 'imputation')}."
            told = f"{count_noun(drawn[column].shape[2], 'value')} imputed, {count_noun(imputed.m, 'time')} each."
        below = page.draw_note(page.wrap_note(" ".join(part for part in (told, note) if part)), page.axis_block)
        page.fit_height(page.draw_title(title, above), below)
    figure = page.figure
    figure.source_data = data
    figure.caption = one_line(title) or f"Imputation of {one_line(name)}"
    figure.alt_text = said
    return figure


def _lay_out(style: JournalStyle, width_mm: float, ticks: list[Tick]) -> Page:
    widest = max((text_width(text, style.font_size) for _, text in ticks), default=0.0)
    left = EDGE + 1.2 * style.font_size + 2.5 + widest + 5.0
    height = min(0.33 * width_mm * POINTS_PER_MM + 72.0, 190.0)
    return Page.lay_out(style, width_mm, left=left, right=EDGE + 12.0, height=height)


def _widen(low: float, high: float) -> tuple[float, float]:
    margin = 0.06 * (high - low) if high > low else 0.1 * max(abs(low), 1.0)
    return low - margin, high + margin


def _set_ticks(page: Page, ticks: list[Tick], low: float, high: float) -> None:
    """Put ticks under the axes, as many as have room."""
    page.axes.set_xlim(low, high)
    middles = [(value - low) / (high - low) * page.width for value, _ in ticks]
    kept = keep_apart(middles, [text_width(text, page.size) for _, text in ticks], 4.0)
    page.axes.set_xticks([ticks[place][0] for place in kept], [ticks[place][1] for place in kept])


def _draw_chain(values: Floats, name: str, style: JournalStyle, width_mm: float) -> Page:
    means = values.mean(axis=2)
    low, high = _widen(float(means.min()), float(means.max()))
    ticks = even_ticks(low, high, 6) or [(float(means[0, 0]), format_significant(float(means[0, 0])))]
    page = _lay_out(style, width_mm, ticks)
    cycles = np.arange(1, means.shape[1] + 1)
    numbers = sorted({round(place) for place in np.linspace(1, cycles.size, min(cycles.size, 6))})
    _set_ticks(page, [(float(one), str(one)) for one in numbers], *_widen(1.0, float(cycles.size)))
    page.axes.set_ylim(low, high)
    page.axes.set_yticks([value for value, _ in ticks], [text for _, text in ticks])
    page.axes.set_xlabel("Cycle")
    page.axes.set_ylabel(shorten(clean_text(f"Mean of imputed {name}"), page.height, page.size))
    marker = "o" if cycles.size == 1 else ""
    for number, one in enumerate(means):
        page.axes.plot(
            cycles, one, color=mix_with_white(group_look(0).color, 0.6), linewidth=0.7, marker=marker, markersize=3.0,
            gid=f"chain-{number + 1}",
        )  # fmt: skip
    return page


def _draw_values(
    imputed: FittedImputation, column: str, name: str, known: Mapping[str, str], style: JournalStyle, width_mm: float
) -> tuple[Page, float, pd.DataFrame]:
    place = imputed.reader.names.index(column)
    variable, state = imputed.rows.variables[place], imputed.rows.state[:, place]
    parts = [np.sort(state[~np.isnan(state)]), *np.sort(imputed.imputed_values()[column][:, -1], axis=1)]
    ticks = even_ticks(0.0, 100.0, 6)
    page = _lay_out(style, width_mm, ticks)
    axes, room = page.axes, page.width / max(len(variable.levels), 1) - 4.0
    if variable.levels:
        shown = [shown_name(known.get(level_text(one), level_text(one))) for one in variable.levels]
        under = [(float(at), shorten(text, room, page.size)) for at, text in enumerate(shown)]
        _set_ticks(page, under, -0.5, len(shown) - 0.5)
    else:
        low, high = _widen(min(float(one[0]) for one in parts), max(float(one[-1]) for one in parts))
        _set_ticks(page, even_ticks(low, high, 6), low, high)
    axes.set_ylim(0.0, 104.0)
    axes.set_yticks([value for value, _ in ticks], [text for _, text in ticks])
    axes.set_xlabel(shorten(shown_name(name), page.width, page.size))
    axes.set_ylabel(shorten("Share, %" if variable.levels else "Share up to the value, %", page.height, page.size))
    tables = []
    for number, values in enumerate(parts):
        look, is_imputed = group_look(min(number, 1)), number > 0
        gid = f"imputed-{number}" if is_imputed else "observed"
        color, thick = (mix_with_white(look.color, 0.6), 0.7) if is_imputed else (look.color, 1.6)
        if variable.levels:
            at = np.arange(len(variable.levels), dtype=np.float64)
            share = 100 * np.array([(values == level).mean() for level in at])
            size = 3.0 if is_imputed else 6.0
            axes.plot(
                at + 0.12 * is_imputed, share, color=color, linestyle="none", marker="o", markersize=size,
                markeredgewidth=0, zorder=3 + is_imputed, gid=gid,
            )  # fmt: skip
        else:
            at, share = values, 100 * np.arange(1, values.size + 1) / values.size
            axes.step(
                at, share, where="post", color=color, linestyle=look.line_style, linewidth=thick, zorder=3 - is_imputed,
                gid=gid,
            )  # fmt: skip
        group = NAMES[is_imputed]
        tables.append(pd.DataFrame({"group": group, "imputation": number, "value": at, "estimate": share / 100}))
    key = Key([*NAMES], "", axes, page.size, page.width, page.height, page.corner)
    return page, key.draw(np.array([[0.0, 0.0, 1.0, 1.0]])), pd.concat(tables, ignore_index=True)
