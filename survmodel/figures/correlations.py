"""The heat-map of rank correlations: a number in every cell, coloured by its sign and size."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from survmodel.errors import ConfigError
from survmodel.figures.cells import lay_out_cells, name_columns, name_rows_of
from survmodel.figures.page import check_width, known_labels, shown_name, spoken
from survmodel.figures.style import StudyFigure, current_style, mix_with_white, style_settings
from survmodel.formatting import MISSING, count_noun, format_number
from survmodel.performance.correlations import RankCorrelations
from survmodel.table import one_line

#: A row of the table for each pair of columns.
Cells = dict[tuple[str, str], dict[Hashable, Any]]

POSITIVE, NEGATIVE, NOTHING = "#BB5566", "#004488", "#eeeeee"
#: Adjusted p-values below this are set in bold.
MARKED = 0.05


def draw_correlations(
    result: RankCorrelations,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw rank correlations as a heat-map with a number in every cell.

    Parameters
    ----------
    result : RankCorrelations
        As from ``sm.rank_correlations(markers, labs)``.
    labels : mapping of str to str, optional
        What to show for columns.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after what the numbers are.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (the rows of ``tidy()``) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `result` is something else, or the width has no room for the columns.

    Examples
    --------
    >>> from survmodel import rank_correlations
    >>> import pandas as pd
    >>> markers = pd.DataFrame({"suv": [3.0, 5, 8, 4, 9, 7]})
    >>> labs = pd.DataFrame({"ldh": [1.0, 2, 4, 3, 6, 5], "age": [60.0, 50, 70, 40, 65, 55]})
    >>> draw_correlations(rank_correlations(markers, labs)).alt_text
    'Rank correlations: suv with ldh 0.89, with age 0.60.'
    """
    found: object = result
    if not isinstance(found, RankCorrelations):
        remedy = "pass sm.rank_correlations(markers, labs)"
        raise ConfigError("draw_correlations draws rank correlations", f"found {type(found).__name__}", remedy)
    style, known = current_style(), known_labels(labels)
    tidy = result.tidy()
    cells: Cells = {(str(r["variable"]), str(r["reference"])): r for r in tidy.to_dict("records")}
    names = [known.get(name, name) for name in result.rows]
    columns = [known.get(name, name) for name in result.columns]
    with style_settings(style):
        grid = lay_out_cells(
            style, check_width(width_mm, style), names, len(names), len(columns), 2.4 * style.font_size
        )
        for row, first in enumerate(result.rows):
            for column, second in enumerate(result.columns):
                cell = cells.get((first, second), cells.get((second, first)))
                _draw_cell(
                    grid.page.axes, grid.middle(row, column), (grid.width, grid.height), cell, is_same=first == second
                )
        name_rows_of(grid, names)
        below = name_columns(grid, columns, 0.0)
        page = grid.page
        lines = page.wrap_note(" ".join([_note(result), note]))
        page.fit_height(page.draw_title(title, 0.0), page.draw_note(lines, below))
    figure = page.figure
    figure.source_data = tidy
    figure.caption = one_line(title) or "Rank correlations"
    figure.alt_text = f"Rank correlations: {_told(result, cells, known)}."
    return figure


def _draw_cell(
    axes: Axes,
    middle: tuple[float, float],
    size: tuple[float, float],
    cell: Mapping[Hashable, Any] | None,
    *,
    is_same: bool,
) -> None:
    """Draw one cell; that of a column with itself stays empty."""
    x, y = middle
    width, height = size
    rho = np.nan if cell is None or is_same else float(cell["estimate"])
    color = NOTHING if np.isnan(rho) else mix_with_white(POSITIVE if rho > 0 else NEGATIVE, abs(rho))
    axes.add_patch(
        Rectangle(
            (x - width / 2, y - height / 2),
            width,
            height,
            facecolor=color,
            edgecolor="white",
            linewidth=0.8,
            gid="cell",
        )
    )
    if is_same:
        return
    dark = float(np.dot(to_rgb(color), (0.299, 0.587, 0.114))) < 0.55
    bold = cell is not None and float(cell["p_adjusted"]) < MARKED
    axes.text(
        x, y, MISSING if np.isnan(rho) else format_number(rho), ha="center", va="center_baseline",
        color="white" if dark else "black", fontweight="bold" if bold else "normal", gid="rho",
    )  # fmt: skip


def _note(result: RankCorrelations) -> str:
    tidy = result.tidy()
    counts = tidy.loc[tidy["estimate"].notna(), "n"]
    text = "Spearman's rho. Bold: p below 0.05, adjusted over all pairs by Benjamini and Hochberg."
    if counts.empty:
        return text
    low, high = int(counts.min()), int(counts.max())
    whom = count_noun(high, "patient") if low == high else f"{low} to {count_noun(high, 'patient')}"
    return f"{text} {whom} in a pair."


def _told(result: RankCorrelations, cells: Cells, known: Mapping[str, str]) -> str:
    parts = []
    for first in result.rows:
        own = [
            f"with {spoken(known.get(second, second))} {format_number(float(cells[(first, second)]['estimate']))}"
            for second in result.columns
            if (first, second) in cells and not np.isnan(float(cells[(first, second)]["estimate"]))
        ]
        if own:
            parts.append(f"{spoken(known.get(first, shown_name(first)))} {', '.join(own)}")
    return "; ".join(parts) or "none could be computed"
