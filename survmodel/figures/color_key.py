"""A key of colours: small squares with names, in lines above the axes."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.patches import Rectangle

from survmodel.figures.lettering import shorten, text_width
from survmodel.figures.page import Page, shown_name

_GAP, _SIDE = 10.0, 0.8


def draw_color_key(page: Page, entries: Sequence[tuple[str, str]], above: float) -> float:
    """Draw squares with names above what is there, as many in a line as the page has room for.

    Parameters
    ----------
    page : Page
        The page.
    entries : sequence of (str, str)
        Colour and name of each.
    above : float
        Points used above the axes so far.

    Returns
    -------
    float
        Points used above the axes now.
    """
    size, side = page.size, _SIDE * page.size
    lines: list[list[tuple[float, str, str]]] = [[]]
    x = 0.0
    for color, name in entries:
        text = shorten(shown_name(name), page.full_width - side - 3.0, size)
        wide = side + 3.0 + text_width(text, size)
        if lines[-1] and x + wide > page.full_width:
            lines.append([])
            x = 0.0
        lines[-1].append((x, color, text))
        x += wide + _GAP
    for up, line in enumerate(reversed(lines)):
        base = page.height + above + 4.0 + 1.35 * size * up
        for start, color, text in line:
            corner = (page.edge + start, base - 0.05 * size)
            page.axes.add_patch(
                Rectangle(
                    corner, side, side, transform=page.corner, clip_on=False, facecolor=color, edgecolor="#444444",
                    linewidth=0.4, gid="key-color",
                )
            )  # fmt: skip
            page.axes.text(page.edge + start + side + 3.0, base, text, transform=page.corner, gid="key")
    return above + 4.0 + 1.35 * size * len(lines)
