"""The key of a figure and a short text, in an empty place of the axes or above them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.transforms import Transform

from survmodel.figures.lettering import shorten, text_width, wrap
from survmodel.figures.placement import Floats, free_place
from survmodel.figures.style import POINTS_PER_INCH, group_look

#: Share of the axes that a text inside them may be wide.
WIDEST = 0.62

#: Points between the axes or curves and a text.
_GAP = 4.0
_HANDLE = 2.6
_LEADING = 1.25


@dataclass(frozen=True, slots=True)
class Key:
    """What explains the curves of a figure.

    Parameters
    ----------
    names : sequence of str
        Cleaned names of the groups in the order of their looks; none without a key.
    annotation : str
        Any text, "" for none.
    axes : matplotlib Axes
        Where curves are drawn.
    size : float
        Font size in points.
    width, height : float
        Size of the axes in points.
    corner : matplotlib Transform
        From points off the lower left corner of the axes to places on the page.
    """

    names: Sequence[str]
    annotation: str
    axes: Axes
    size: float
    width: float
    height: float
    corner: Transform

    def draw(self, covered: Floats) -> float:
        """Draw the key and the text where nothing is covered: together, apart, or above the axes.

        Parameters
        ----------
        covered : ndarray, shape (n_boxes, 4)
            Boxes that curves cover, as shares of the axes.

        Returns
        -------
        float
            Points used above the axes.
        """
        lines = wrap(self.annotation, WIDEST * self.width, self.size, most=6)
        text = self._text_size(lines)
        legend = self._legend(1, WIDEST * self.width) if self.names else None
        if legend is None:
            return self._draw_text(lines, self._find(text, covered)) if lines else 0.0
        key = self._legend_size(legend)
        both = (max(key[0], text[0]), key[1] + (_GAP + text[1] if lines else 0.0))
        place = self._find(both, covered)
        if place is not None:
            legend.set_bbox_to_anchor((place[0], place[1] + both[1] - key[1]), transform=self.corner)
            return self._draw_text(lines, place) if lines else 0.0
        place = self._find(key, covered)
        if place is not None:
            legend.set_bbox_to_anchor(place, transform=self.corner)
            used = np.array([[place[0], place[1], place[0] + key[0], place[1] + key[1]]])
            covered = np.concatenate([covered, used / [self.width, self.height, self.width, self.height]])
        above = self._draw_text(lines, self._find(text, covered)) if lines else 0.0
        return above if place is not None else self._draw_above(above)

    def _find(self, size: tuple[float, float], covered: Floats) -> tuple[float, float] | None:
        """Find a free place, in points from the corner."""
        share = (size[0] / self.width, size[1] / self.height)
        place = free_place(share, covered, (_GAP / self.width, _GAP / self.height))
        return None if place is None else (place[0] * self.width, place[1] * self.height)

    def _legend(self, columns: int, room: float) -> Legend:
        size = self.size
        looks = [group_look(position) for position in range(len(self.names))]
        handles = [Line2D([], [], color=look.color, linestyle=look.line_style) for look in looks]
        # matplotlib leaves out labels that begin with an underscore: the texts are set afterwards.
        legend = self.axes.legend(
            handles, [""] * len(handles), loc="lower left", ncols=columns, frameon=False, borderpad=0.0,
            borderaxespad=0.0, handlelength=_HANDLE, handletextpad=0.6, labelspacing=0.3, columnspacing=1.4,
        )  # fmt: skip
        for text, name in zip(legend.get_texts(), self.names, strict=True):
            text.set_text(shorten(name, room - (_HANDLE + 0.6) * size, size))
        return legend

    def _legend_size(self, legend: Legend) -> tuple[float, float]:
        box = legend.get_window_extent()
        points = POINTS_PER_INCH / self.axes.figure.dpi
        return box.width * points, box.height * points

    def _text_size(self, lines: Sequence[str]) -> tuple[float, float]:
        width = max((text_width(line, self.size) for line in lines), default=0.0)
        return width, (_LEADING * (len(lines) - 1) + 0.95) * self.size

    def _draw_text(self, lines: Sequence[str], place: tuple[float, float] | None) -> float:
        above = 0.0
        if place is None:
            place = (0.0, self.height + _GAP)
            above = _GAP + self._text_size(lines)[1]
        # Baselines lie a little above the lower edge, for the letters that reach below.
        for row, line in enumerate(reversed(lines)):
            height = place[1] + (0.2 + _LEADING * row) * self.size
            self.axes.text(place[0], height, line, transform=self.corner, gid="annotation")
        return above

    def _draw_above(self, above: float) -> float:
        widest = max(text_width(name[:400], self.size) for name in self.names) + (_HANDLE + 2.0) * self.size
        columns = int(min(max(self.width // widest, 1), len(self.names)))
        legend = self._legend(columns, self.width / columns - 1.4 * self.size)
        legend.set_bbox_to_anchor((0.0, self.height + above + _GAP), transform=self.corner)
        return above + _GAP + self._legend_size(legend)[1]
