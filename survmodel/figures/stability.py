"""The stability plot: risks of each patient by models of resamples, over the risk by the model itself.

Both axes have the same scale. A line for each patient goes from the lower to the upper end of the risks by the models
of resamples; on the diagonal a resample predicts what the model itself does.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection

from survmodel.errors import ConfigError
from survmodel.figures.calibration_data import ENDS
from survmodel.figures.lettering import clean_text, shorten, text_width
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, check_width, known_labels
from survmodel.figures.placement import keep_apart
from survmodel.figures.style import StudyFigure, current_style, group_look, mix_with_white, style_settings
from survmodel.figures.ticks import even_ticks
from survmodel.formatting import count_noun, format_number, format_significant
from survmodel.performance.stability import PredictionStability
from survmodel.table import one_line

#: Points that a side of the square has at most.
LARGEST_SIDE = 235.0
_GREY = "#777777"


def draw_stability(
    result: PredictionStability,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw the risks of each patient by models of resamples over the risk by the model itself.

    Parameters
    ----------
    result : PredictionStability
        As from ``sm.prediction_stability(original, by_resample)``.
    labels : mapping of str to str, optional
        ``"risk"`` and ``"risk by resample"`` name the axes.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after what is drawn.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (the band of each patient, and MAPE) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `result` is something else, or the width makes no sense.

    Examples
    --------
    >>> from survmodel.performance.stability import prediction_stability
    >>> original = np.array([0.2, 0.5, 0.8])
    >>> result = prediction_stability(original, original + np.linspace(-0.1, 0.1, 21)[:, None])
    >>> draw_stability(result).alt_text.split(":")[0]
    'Predicted risks of 3 patients by the models of 21 resamples'
    """
    if not isinstance(result, PredictionStability):
        raise ConfigError(
            "draw_stability draws the stability of predictions",
            f"found {type(result).__name__}",
            "pass sm.prediction_stability(original, by_resample)",
        )
    style, known = current_style(), known_labels(labels)
    most = float(max(result.original.max(), result.upper.max()))
    top = next((end for end in ENDS if most <= end), 1.0)
    with style_settings(style):
        ticks = [(place / 100, f"{text}%") for place, text in even_ticks(0.0, 100 * top, 6)]
        page = _lay_out(ticks, check_width(width_mm, style))
        _draw_axes(page, ticks, top, known)
        _draw_patients(page, result, top)
        page.axes.text(4.0, page.height + 0.7 * page.size, _write_mape(result), transform=page.corner, gid="mape")
        lines = page.wrap_note(" ".join([*_notes(result), note]))
        below = page.draw_note(lines, page.axis_block)
        page.fit_height(page.draw_title(title, 1.9 * page.size), below)
    figure = page.figure
    figure.source_data = _table(result)
    figure.caption = one_line(title) or "Stability of predicted risk"
    figure.alt_text = _alt_text(result)
    return figure


def _lay_out(ticks: list[tuple[float, str]], width_mm: float) -> Page:
    style = current_style()
    size, full = style.font_size, width_mm * POINTS_PER_MM
    left = EDGE + 1.2 * size + 2.5 + max(text_width(text, size) for _, text in ticks) + 5.0
    last = EDGE + max(2.0, text_width(ticks[-1][1], size) / 2)
    side = min(LARGEST_SIDE, full - left - last)
    return Page.lay_out(style, width_mm, left=left, right=full - left - side, height=side)


def _draw_axes(page: Page, ticks: list[tuple[float, str]], top: float, known: Mapping[str, str]) -> None:
    axes, size = page.axes, page.size
    axes.set_xlim(0.0, top)
    axes.set_ylim(0.0, top)
    middles = [place / top * page.width for place, _ in ticks]
    kept = keep_apart(middles, [text_width(text, size) for _, text in ticks], 3.0)
    axes.set_xticks([ticks[place][0] for place in kept], [ticks[place][1] for place in kept])
    axes.set_yticks([place for place, _ in ticks], [text for _, text in ticks])
    axes.set_xlabel(shorten(clean_text(known.get("risk", "Predicted risk")), page.width, size))
    axes.set_ylabel(shorten(clean_text(known.get("risk by resample", "Predicted risk in resamples")), page.width, size))


def _draw_patients(page: Page, result: PredictionStability, top: float) -> None:
    axes, color = page.axes, group_look(0).color
    order = np.argsort(result.original, kind="stable")
    ends = [[(result.original[i], result.lower[i]), (result.original[i], result.upper[i])] for i in order]
    lines = LineCollection(ends, colors=mix_with_white(color, 0.45), linewidths=0.8, zorder=1)
    lines.set_gid("bands")
    axes.add_collection(lines)
    axes.plot([0.0, top], [0.0, top], color=_GREY, linewidth=0.6, linestyle=(0, (4.0, 2.0)), zorder=2, gid="same")


def _write_mape(result: PredictionStability) -> str:
    return f"MAPE {format_number(result.mape, 3)}"


def _notes(result: PredictionStability) -> list[str]:
    level = format_significant(100 * result.conf_level)
    used = count_noun(result.asked - result.failed, "resample")
    parts = [
        f"{count_noun(result.original.size, 'patient')}, {used}.",
        f"Lines: middle {level}% of the risks of a patient by the models of resamples.",
        "Dashed line: the risk by the model itself. MAPE: mean absolute difference from it.",
    ]
    return [*parts, *(f"{one[0].upper()}{one[1:]}." for one in result.notes)]


def _alt_text(result: PredictionStability) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    used = count_noun(result.asked - result.failed, "resample")
    width = format_number(100 * float((result.upper - result.lower).mean()), 1)
    return (
        f"Predicted risks of {count_noun(result.original.size, 'patient')} by the models of {used}: "
        f"{_write_mape(result)}, the middle {format_significant(100 * result.conf_level)}% of the risks of a patient "
        f"{width} percentage points wide on average."
    )


def _table(result: PredictionStability) -> pd.DataFrame:
    bands = result.tidy().assign(measure="patient")
    overall = pd.DataFrame([{"measure": "MAPE", "estimate": result.mape}])
    table = pd.concat([bands, overall], ignore_index=True)
    return table[["measure", *(name for name in table.columns if name != "measure")]]
