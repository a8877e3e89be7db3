"""Text in figures: the shipped fonts, what they can show, and how much of it fits.

Figures are set in Liberation Sans, which has the widths of Arial and travels with the package, so that a figure looks
the same on every machine. DejaVu Sans, which travels with matplotlib, stands in for signs that Liberation Sans lacks.
What neither can show becomes a box.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from survmodel.table import one_line

FONT_FOLDER = Path(__file__).parent / "fonts"
FONT_FILES = ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "LiberationSans-Italic.ttf")
FONT_FAMILIES = ("Liberation Sans", "DejaVu Sans")
BOX = "□"
ELLIPSIS = "…"

#: No label is longer than this many signs, whatever the room.
LONGEST_LABEL = 400

#: Resolution of the renderer that measures text, high enough for widths to a tenth of a point.
_RULER_DPI = 720


@cache
def register_fonts() -> None:
    """Make the shipped fonts known to matplotlib, once, ahead of other copies of the same family."""
    fonts = font_manager.fontManager.ttflist
    before = len(fonts)
    for name in FONT_FILES:
        font_manager.fontManager.addfont(FONT_FOLDER / name)
    fonts[:] = fonts[before:] + fonts[:before]


@cache
def _known_signs() -> frozenset[int]:
    """Code points that the regular faces of both families have."""
    register_fonts()
    files = [font_manager.findfont(FontProperties(family=[family])) for family in FONT_FAMILIES]
    return frozenset().union(*(font_manager.get_font(file).get_charmap() for file in files))


def clean_text(text: object) -> str:
    r"""Put text on one line and replace what the fonts cannot show by boxes.

    Parameters
    ----------
    text : object
        Any text, for example a group label.

    Returns
    -------
    str
        Text that can be drawn. Invisible signs (direction marks, joiners, accents without a glyph) are left out.

    Examples
    --------
    >>> clean_text("line one\nline two"), clean_text("risk \u9ad8")
    ('line one line two', 'risk □')
    """
    known = _known_signs()
    shown = "".join(sign for sign in str(text) if unicodedata.category(sign) != "Cf")
    signs = (sign if ord(sign) in known else _stand_in(sign) for sign in one_line(shown))
    return "".join(signs).strip()


def _stand_in(sign: str) -> str:
    return "" if unicodedata.category(sign).startswith("M") else BOX


@cache
def _ruler() -> RendererAgg:
    return RendererAgg(8, 8, _RULER_DPI)  # type: ignore[no-untyped-call]


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Measure a line of text.

    Parameters
    ----------
    text : str
        Cleaned text.
    size : float
        Font size in points.
    bold : bool
        Whether it is set in bold.

    Returns
    -------
    float
        Width in points.
    """
    register_fonts()
    font = FontProperties(family=list(FONT_FAMILIES), size=size, weight="bold" if bold else "normal")
    width, _, _ = _ruler().get_text_width_height_descent(text, font, ismath=False)  # type: ignore[no-untyped-call]
    return float(width) * 72 / _RULER_DPI


def shorten(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Cut a line of text to the room there is, with an ellipsis.

    Parameters
    ----------
    text : str
        Cleaned text.
    room : float
        Width in points.
    size : float
        Font size in points.
    bold : bool
        Whether it is set in bold.

    Returns
    -------
    str
        The text itself where it fits.

    Examples
    --------
    >>> shorten("low", 50, 7), len(shorten("x" * 5000, 50, 7)) < 20
    ('low', True)
    """
    if len(text) <= LONGEST_LABEL and text_width(text, size, bold=bold) <= room:
        return text
    low, high = 0, min(len(text), LONGEST_LABEL)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(text[:middle].rstrip() + ELLIPSIS, size, bold=bold) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + ELLIPSIS


def wrap(text: str, room: float, size: float, *, most: int = 8, bold: bool = False) -> list[str]:
    """Break text into lines at its blanks.

    Parameters
    ----------
    text : str
        Any text; its own line breaks are kept.
    room : float
        Width in points.
    size : float
        Font size in points.
    most : int
        Largest number of lines; what does not fit is cut with an ellipsis.
    bold : bool
        Whether it is set in bold.

    Returns
    -------
    list of str
        Lines, none for empty text.

    Examples
    --------
    >>> wrap("one two three", 25, 7)
    ['one two', 'three']
    """
    lines: list[str] = []
    for paragraph in str(text).splitlines():
        line = ""
        for word in clean_text(paragraph).split():
            longer = f"{line} {word}".strip()
            # Beyond the longest label no line is measured: it cannot fit.
            fits = len(longer) <= LONGEST_LABEL and text_width(longer, size, bold=bold) <= room
            if line and not fits:
                lines.append(line)
                longer = word
            line = longer
            if len(lines) > most:
                break
        lines += [line] if line else []
    if len(lines) > most:
        end = shorten(lines[most - 1], room - text_width(ELLIPSIS, size, bold=bold), size, bold=bold)
        lines = [*lines[: most - 1], end.removesuffix(ELLIPSIS) + ELLIPSIS]
    return [shorten(line, room, size, bold=bold) for line in lines]
