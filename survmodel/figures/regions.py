"""The heat-map of regions: what each tracer shows in every patient and region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import ListedColormap

from survmodel.errors import ConfigError, DataError, list_values
from survmodel.figures.cells import CellGrid, lay_out_cells, name_columns
from survmodel.figures.color_key import draw_color_key
from survmodel.figures.page import check_width, known_labels, spoken
from survmodel.figures.style import StudyFigure, current_style, style_settings
from survmodel.formatting import count_noun, format_count
from survmodel.table import one_line

Codes = npt.NDArray[np.int64]

#: What a region shows, in the order of the key, with colours that differ in brightness too.
STATES = ("both", "CXCR4 only", "FDG only", "neither", "not read")
COLORS = ("#004488", "#BB5566", "#DDAA33", "#dddddd", "#ffffff")
#: Counts below each region.
COUNTED = STATES[:3]


def draw_regions(
    table: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw what two tracers show in every region: a row for each patient, a column for each region.

    Patients have no names: they stand sorted by how many regions both tracers show, then by those of one tracer alone.

    Parameters
    ----------
    table : pandas.DataFrame, shape (patients, regions)
        "both", "CXCR4 only", "FDG only" or "neither"; a missing cell, or "not read", was not read by both.
    labels : mapping of str to str, optional
        What to show for regions.
    width_mm : float, optional
        Width in print; two columns of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after the counts.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (counts of each region) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `table` is no table, or the width has no room for the regions.
    DataError
        For other words in a cell, and a table without rows or regions.

    Examples
    --------
    >>> table = pd.DataFrame({"neck": ["both", "CXCR4 only"], "spleen": ["neither", None]})
    >>> draw_regions(table).alt_text
    'Regions of 2 patients: neck both 1, CXCR4 only 1, FDG only 0; spleen both 0, CXCR4 only 0, FDG only 0.'
    """
    codes = _read(table)
    style, known = current_style(), known_labels(labels)
    counts = pd.DataFrame(
        [[int((column == place).sum()) for place in range(len(STATES))] for column in codes.T],
        columns=list(STATES), index=[str(name) for name in table.columns],
    )  # fmt: skip
    order = np.argsort(-counts[list(COUNTED)].sum(axis=1).to_numpy(), kind="stable")
    counts, codes = counts.iloc[order], codes[:, order]
    codes = codes[_sort(codes)]
    names = [known.get(name, name) for name in counts.index]
    with style_settings(style):
        width = check_width(style.double_mm if width_mm is None else width_mm, style)
        height = float(np.clip(190.0 / len(codes), 1.4, 9.0))
        grid = lay_out_cells(style, width, COUNTED, len(codes), len(names), height)
        page = grid.page
        x = np.arange(len(names) + 1) * grid.width
        y = page.height - np.arange(len(codes) + 1) * grid.height
        page.axes.pcolormesh(
            x, y, codes, cmap=ListedColormap(list(COLORS)), vmin=-0.5, vmax=len(STATES) - 0.5, edgecolors="white",
            linewidth=0.3 if height > 3 else 0.1, gid="cells",
        )  # fmt: skip
        page.axes.text(
            page.edge, page.height, format_count(len(codes)), transform=page.corner, va="top", gid="patients"
        )
        page.axes.text(
            page.edge, page.height - 1.25 * page.size, "patients" if len(codes) > 1 else "patient",
            transform=page.corner, va="top", gid="patients",
        )  # fmt: skip
        below = name_columns(grid, names, _draw_counts(grid, counts))
        entries = [(COLORS[place], STATES[place]) for place in np.unique(codes).tolist()]
        above = draw_color_key(page, entries, 0.0)
        lines = page.wrap_note(" ".join(["Rows: patients, without order of inclusion. Numbers: patients.", note]))
        page.fit_height(page.draw_title(title, above), page.draw_note(lines, below))
    figure = page.figure
    figure.source_data = counts.rename_axis("region").reset_index()
    figure.caption = one_line(title) or "Regions by tracer"
    told = "; ".join(
        f"{spoken(name)} {', '.join(f'{state} {row[state]}' for state in COUNTED)}"
        for name, (_, row) in zip(names, counts.iterrows(), strict=True)
    )
    figure.alt_text = f"Regions of {count_noun(len(codes), 'patient')}: {told}."
    return figure


def _read(table: pd.DataFrame) -> Codes:
    found: object = table
    if not isinstance(found, pd.DataFrame):
        raise ConfigError("draw_regions draws a table of patients and regions", f"found {type(found).__name__}")
    if table.empty:
        raise DataError("no patient has a region", remedy="give rows for patients and columns for regions")
    cells = table.astype(object).where(table.notna(), STATES[-1])
    wrong = sorted({str(value) for value in pd.unique(cells.to_numpy().ravel())} - set(STATES))
    if wrong:
        raise DataError("a region is none of the states", f"found {list_values(wrong)}", f"write {list_values(STATES)}")
    place = {state: number for number, state in enumerate(STATES)}
    return np.array([[place[value] for value in row] for row in cells.to_numpy()], dtype=np.int64)


def _sort(codes: Codes) -> Codes:
    """Put patients with most regions of both tracers first, then those with most of one."""
    counts = np.column_stack([(codes == place).sum(axis=1) for place in range(len(COUNTED))])
    keys = [codes.T[place] for place in range(codes.shape[1] - 1, -1, -1)]
    return np.lexsort((*keys, -counts[:, 2], -counts[:, 1], -counts[:, 0])).astype(np.int64)


def _draw_counts(grid: CellGrid, counts: pd.DataFrame) -> float:
    """Write how many patients each region has of each state, in rows below the grid."""
    page, size = grid.page, grid.page.size
    for row, state in enumerate(COUNTED):
        middle = -4.0 - 1.3 * size * (row + 0.5)
        page.axes.text(page.edge, middle, state, transform=page.corner, va="center_baseline", gid="counted")
        for column, count in enumerate(counts[state]):
            page.axes.text(
                grid.middle(0, column)[0], middle, format_count(int(count)), transform=page.corner, ha="center",
                va="center_baseline", gid=f"count-{row + 1}-{column + 1}",
            )  # fmt: skip
    return 4.0 + 1.3 * size * len(COUNTED)


def region_states(cxcr4: pd.DataFrame, fdg: pd.DataFrame) -> pd.DataFrame:
    """Put the reads of two tracers together, region by region.

    Parameters
    ----------
    cxcr4, fdg : pandas.DataFrame, shape (patients, regions)
        True where the tracer shows the region, False where not, missing where it was not read.

    Returns
    -------
    pandas.DataFrame
        Words as `draw_regions` reads them; only patients and regions of both tables.

    Examples
    --------
    >>> cxcr4 = pd.DataFrame({"neck": [True, False]})
    >>> region_states(cxcr4, pd.DataFrame({"neck": [False, False]}))["neck"].tolist()
    ['CXCR4 only', 'neither']
    """
    rows = [one for one in cxcr4.index if one in fdg.index]
    columns: Sequence[str] = [str(one) for one in cxcr4.columns if one in fdg.columns]
    first, second = (one.loc[rows, columns].astype("boolean") for one in (cxcr4, fdg))
    states = pd.DataFrame(STATES[-1], index=rows, columns=list(columns), dtype=object)
    known = first.notna() & second.notna()
    for state, one, other in zip(STATES[:4], (True, True, False, False), (True, False, True, False), strict=True):
        states = states.mask((known & (first == one) & (second == other)).fillna(value=False).astype(bool), state)
    return states
