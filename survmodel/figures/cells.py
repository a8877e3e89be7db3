"""A grid of coloured cells with names at its left and below it: correlations, regions of patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from survmodel.errors import ConfigError
from survmodel.figures.lettering import text_width, wrap
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, shown_name
from survmodel.figures.style import JournalStyle
from survmodel.formatting import count_noun, format_significant

#: Share of the page that names at the left may take, and points that names below may be long.
NAMES_SHARE, LONGEST_BELOW = 0.34, 90.0
#: Least width of a cell in font sizes.
LEAST_CELL = 1.15


@dataclass(frozen=True, slots=True)
class CellGrid:
    """Where the cells of a grid stand, in points from the lower left corner of the axes.

    Attributes
    ----------
    page : Page
        The page; its axes count points.
    n_rows, n_columns : int
        Cells.
    width, height : float
        Of a cell.
    """

    page: Page
    n_rows: int
    n_columns: int
    width: float
    height: float

    def middle(self, row: int, column: int) -> tuple[float, float]:
        """Give the middle of a cell.

        Parameters
        ----------
        row, column : int
            From 0; row 0 is the top one.

        Returns
        -------
        tuple of (float, float)
            Points.
        """
        return (column + 0.5) * self.width, self.page.height - (row + 0.5) * self.height


def lay_out_cells(
    style: JournalStyle, width_mm: float, rows: Sequence[str], n_rows: int, n_columns: int, height: float
) -> CellGrid:
    """Lay out a page with a grid.

    Parameters
    ----------
    style : JournalStyle
        Sizes and type.
    width_mm : float
        Width of the page.
    rows : sequence of str
        Names at the left: of each row, or of the block at the foot of the grid.
    n_rows, n_columns : int
        Cells.
    height : float
        Points of a row.

    Returns
    -------
    CellGrid
        Its axes count points and have no frame.

    Raises
    ------
    ConfigError
        When there is no room for the columns.
    """
    full = width_mm * POINTS_PER_MM
    widest = max(min(text_width(shown_name(name), style.font_size), NAMES_SHARE * full) for name in rows)
    page = Page.lay_out(style, width_mm, left=EDGE + widest + 5.0, right=EDGE, height=n_rows * height)
    width = page.width / n_columns
    if width < LEAST_CELL * style.font_size:
        raise ConfigError(
            f"{count_noun(n_columns, 'column')} have no room side by side",
            f"{format_significant(width_mm, 3)} mm for all",
            "draw a wider figure, or fewer columns",
        )
    axes = page.axes
    axes.set_xlim(0.0, page.width)
    axes.set_ylim(0.0, page.height)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return CellGrid(page, n_rows, n_columns, width, height)


def name_columns(grid: CellGrid, names: Sequence[str], below: float) -> float:
    """Write the names of columns upright below the grid.

    Parameters
    ----------
    grid : CellGrid
        The grid.
    names : sequence of str
        Of each column.
    below : float
        Points used below the axes so far.

    Returns
    -------
    float
        Points used below the axes now.
    """
    page, size = grid.page, grid.page.size
    most = max(min(int((grid.width - 1.0) / (1.2 * size)), 3), 1)
    longest = 0.0
    for column, name in enumerate(names):
        lines = wrap(shown_name(name), LONGEST_BELOW, size, most=most)
        longest = max(longest, *(text_width(line, size) for line in lines))
        first = grid.middle(0, column)[0] - 0.6 * size * (len(lines) - 1)
        for place, line in enumerate(lines):
            page.axes.text(
                first + 1.2 * size * place, -below - 3.5, line, transform=page.corner, rotation=90, ha="center",
                va="top", gid=f"column-{column + 1}",
            )  # fmt: skip
    return below + 3.5 + longest


def name_rows_of(grid: CellGrid, names: Sequence[str]) -> None:
    """Write the names of rows at the left of the grid.

    Parameters
    ----------
    grid : CellGrid
        The grid.
    names : sequence of str
        Of each row, the top one first.
    """
    page, size = grid.page, grid.page.size
    most = max(int(grid.height / (1.2 * size)), 1)
    for row, name in enumerate(names):
        lines = wrap(shown_name(name), page.left - EDGE - 4.0, size, most=most)
        middle = grid.middle(row, 0)[1] + 0.6 * size * (len(lines) - 1)
        for place, line in enumerate(lines):
            page.axes.text(
                page.edge, middle - 1.2 * size * place, line, transform=page.corner, va="center_baseline",
                gid=f"row-{row + 1}",
            )  # fmt: skip
