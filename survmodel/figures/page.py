"""The page of a figure: axes of a fixed size in points with room around them for texts, a title and a note.

Everything outside the axes is placed in points from their lower left corner, so it stays where it is whatever is done
to the figure later. A figure is laid out once for its width; what is drawn above and below the axes is added up, and
:meth:`Page.fit_height` then gives the page the height it needs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.transforms import (
    Affine2D,
    BboxTransformTo,
    ScaledTranslation,
    Transform,
    blended_transform_factory,
)

from survmodel.errors import ConfigError
from survmodel.figures.lettering import ELLIPSIS, clean_text, wrap
from survmodel.figures.style import MM_PER_INCH, POINTS_PER_INCH, JournalStyle, StudyFigure
from survmodel.formatting import format_significant, level_text
from survmodel.table import one_line

#: Widths of a figure that make sense in print, in millimetres.
WIDTHS_MM = (50.0, 500.0)

POINTS_PER_MM = POINTS_PER_INCH / MM_PER_INCH

#: Points left free at each edge of the page.
EDGE = 2.0

#: Colour of what explains a figure and is none of its data.
NOTE_COLOR = "#444444"

_LONGEST_SPOKEN = 80


@dataclass(frozen=True, slots=True)
class Page:
    """A figure, its axes and their sizes in points.

    Attributes
    ----------
    figure : StudyFigure
        The figure.
    axes : matplotlib Axes
        Where the data are drawn.
    corner : matplotlib Transform
        From points off the lower left corner of the axes to places on the page.
    left : float
        Points between the left edge of the page and the axes.
    width, height : float
        Size of the axes in points.

    Examples
    --------
    >>> from survmodel.figures.style import current_style
    >>> page = Page.lay_out(current_style(), 85, left=30, right=10)
    >>> page.fit_height(above=0.0, below=page.draw_note(["All patients."], page.axis_block))
    >>> round(page.figure.get_figwidth() * 25.4), round(page.width)
    (85, 201)
    """

    figure: StudyFigure
    axes: Axes
    corner: Transform
    left: float
    width: float
    height: float

    @classmethod
    def lay_out(
        cls, style: JournalStyle, width_mm: float, *, left: float, right: float, height: float | None = None
    ) -> Page:
        """Make a figure with one pair of axes.

        Parameters
        ----------
        style : JournalStyle
            Sizes and type.
        width_mm : float
            Width in print.
        left, right : float
            Points between the edges of the page and the axes.
        height : float, optional
            Height of the axes in points; one that suits curves without it.

        Returns
        -------
        Page
            A page that is as high as axes with one line of tick labels and a name need.
        """
        width = width_mm * POINTS_PER_MM - left - right
        figure = StudyFigure(style, width_mm, width_mm)
        axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
        to_inches = Affine2D().scale(1 / POINTS_PER_INCH) + figure.dpi_scale_trans
        corner = to_inches + ScaledTranslation(0, 0, BboxTransformTo(axes.bbox))
        page = cls(figure, axes, corner, left, width, 0.33 * width + 72.0 if height is None else height)
        page.fit_height(0.0, page.axis_block)
        return page

    @property
    def size(self) -> float:
        """Font size."""
        return self.figure.style.font_size

    @property
    def full_width(self) -> float:
        """Width between the edges of the page, in points."""
        return self.figure.get_figwidth() * POINTS_PER_INCH - 2 * EDGE

    @property
    def axis_block(self) -> float:
        """Points that tick labels and the name of the horizontal axis need below the axes."""
        return 2.3 * self.size + 8.0

    @property
    def edge(self) -> float:
        """Left edge of the page, in points from the corner of the axes."""
        return EDGE - self.left

    @property
    def under_ticks(self) -> Transform:
        """From units of the horizontal axis and points above the corner to places on the page."""
        return blended_transform_factory(self.axes.transData, self.corner)

    @property
    def beside_ticks(self) -> Transform:
        """From points right of the corner and units of the vertical axis to places on the page."""
        return blended_transform_factory(self.corner, self.axes.transData)

    def fit_height(self, above: float, below: float) -> None:
        """Give the page the height that axes and texts need.

        Parameters
        ----------
        above, below : float
            Points used above and below the axes.
        """
        top = above + EDGE + 0.5 * self.size
        height = top + self.height + below + EDGE
        full = self.full_width + 2 * EDGE
        self.figure.set_size_inches(full / POINTS_PER_INCH, height / POINTS_PER_INCH)
        self.axes.set_position((self.left / full, (below + EDGE) / height, self.width / full, self.height / height))

    def wrap_note(self, text: str) -> list[str]:
        """Break a note into lines as wide as the page.

        Parameters
        ----------
        text : str
            Any text.

        Returns
        -------
        list of str
            Lines for :meth:`draw_note`, none for empty text.
        """
        return wrap(text, self.full_width, self.size)

    def draw_note(self, lines: Sequence[str], below: float) -> float:
        """Write lines across the page, below what is there.

        Parameters
        ----------
        lines : sequence of str
            Cleaned lines that fit, as from :meth:`wrap_note`.
        below : float
            Points used below the axes so far.

        Returns
        -------
        float
            Points used below the axes now.
        """
        below += 0.45 * self.size if lines else 0.0
        for line in lines:
            below += 1.25 * self.size
            self.axes.text(self.edge, -below, line, transform=self.corner, color=NOTE_COLOR, gid="note")
        return below + (0.3 * self.size if lines else 0.0)

    def draw_title(self, title: str, above: float) -> float:
        """Write a title in bold across the page, above what is there.

        Parameters
        ----------
        title : str
            Any text; three lines are shown at most.
        above : float
            Points used above the axes so far.

        Returns
        -------
        float
            Points used above the axes now.
        """
        lines = wrap(title, self.full_width, self.size, most=3, bold=True)
        start = self.height + above + 0.9 * self.size
        for place, line in enumerate(reversed(lines)):
            height = start + 1.25 * self.size * place
            self.axes.text(self.edge, height, line, transform=self.corner, fontweight="bold", gid="title")
        return above + (1.25 * self.size * len(lines) + 0.6 * self.size if lines else 0.0)


def check_width(width_mm: float | None, style: JournalStyle) -> float:
    """Check the width of a figure.

    Parameters
    ----------
    width_mm : float or None
        Width in print; None stands for one column of the journal.
    style : JournalStyle
        Sizes of the journal.

    Returns
    -------
    float
        Width in millimetres.

    Raises
    ------
    ConfigError
        When the width makes no sense in print.

    Examples
    --------
    >>> from survmodel.figures.style import current_style
    >>> check_width(None, current_style())
    85.0
    """
    width = style.single_mm if width_mm is None else float(width_mm)
    if not WIDTHS_MM[0] <= width <= WIDTHS_MM[1]:
        raise ConfigError(
            f"width_mm is {format_significant(width)}",
            remedy=f"give the width in print in millimetres, {WIDTHS_MM[0]:.0f} to {WIDTHS_MM[1]:.0f}",
        )
    return width


def known_labels(labels: Mapping[str, str] | None) -> dict[str, str]:
    """Read the labels that a user gave, so that 1, 1.0 and "1" name the same level.

    Parameters
    ----------
    labels : mapping of str to str or None
        What to show for columns and levels.

    Returns
    -------
    dict of str to str
        Labels by :func:`survmodel.formatting.level_text`, not cleaned yet.

    Examples
    --------
    >>> known_labels({1.0: "men"})
    {'1': 'men'}
    """
    return {level_text(key): str(value) for key, value in (labels or {}).items()}


def shown_name(text: object) -> str:
    """Clean a name for drawing; nothing at all becomes "(blank)".

    Parameters
    ----------
    text : object
        Name of a group, a level or a column.

    Returns
    -------
    str
        Text on one line that the fonts can show.

    Examples
    --------
    >>> shown_name("high risk"), shown_name(" ")
    ('high risk', '(blank)')
    """
    return clean_text(text) or "(blank)"


def spoken(text: object) -> str:
    """Put text on one line of at most 80 signs for the description of a figure, without code points that are no signs.

    Parameters
    ----------
    text : object
        Any text.

    Returns
    -------
    str
        What is said to those who cannot see the figure.

    Examples
    --------
    >>> spoken("high risk"), len(spoken("long " * 40))
    ('high risk', 80)
    """
    line = "".join(sign for sign in one_line(str(text)) if unicodedata.category(sign) != "Cn")
    return line if len(line) <= _LONGEST_SPOKEN else line[: _LONGEST_SPOKEN - 1] + ELLIPSIS
