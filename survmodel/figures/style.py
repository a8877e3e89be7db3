"""How figures look: sizes and type of a journal, colours with line styles, and a figure that keeps its own settings.

A style is chosen for a block of code (``with journal_style("jnm"):``) or stays "generic". It is handed to matplotlib
only while a figure is drawn or saved: the settings of the session are the same afterwards, and they do not reach the
figure. Colours are opaque, because EPS drops transparency, and every colour has a line style of its own, so that curves
can be told apart in grey print.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from survmodel.errors import ConfigError, closest
from survmodel.figures.lettering import FONT_FAMILIES, register_fonts

MM_PER_INCH = 25.4
POINTS_PER_INCH = 72.0

#: Resolution on screen; saved files have that of the style.
SCREEN_DPI = 200

LineStyle = Literal["solid"] | tuple[float, tuple[float, ...]]

#: Paul Tol's high-contrast colours and black, then four more that stay apart for colour-blind readers.
COLORS = ("#004488", "#BB5566", "#DDAA33", "#000000", "#117733", "#88CCEE", "#AA4499", "#777777")
LINE_STYLES: tuple[LineStyle, ...] = (
    "solid",
    (0, (4.0, 1.5)),
    (0, (1.2, 1.2)),
    (0, (5.0, 1.4, 1.2, 1.4)),
    (0, (8.0, 2.0)),
    (0, (4.0, 1.2, 1.2, 1.2, 1.2, 1.2)),
    (0, (2.2, 1.0)),
    (0, (1.2, 2.4)),
)


@dataclass(frozen=True, slots=True)
class JournalStyle:
    """Sizes and type of figures.

    Parameters
    ----------
    name : str
        Short name.
    font_size : float
        Size of all text, in points at print width.
    single_mm, double_mm : float
        Width of a figure over one column and over two.
    line_width : float
        Width of curves, in points.
    dpi : int
        Resolution of saved pixel images.
    checked : bool
        Whether the numbers were read in the journal's own instructions.
    font_families : tuple of str
        Fonts in order of preference.
    """

    name: str
    font_size: float = 7.0
    single_mm: float = 85.0
    double_mm: float = 174.0
    line_width: float = 1.1
    dpi: int = 600
    checked: bool = False
    font_families: tuple[str, ...] = FONT_FAMILIES


#: Styles by name. None was checked against instructions to authors, so "jnm" has the generic sizes.
PRESETS: Mapping[str, JournalStyle] = MappingProxyType({
    "generic": JournalStyle("generic"),
    "jnm": JournalStyle("jnm"),
    "springer": JournalStyle("springer", font_size=8.0, single_mm=84.0),
})  # fmt: skip

_CURRENT: ContextVar[JournalStyle] = ContextVar("survmodel_journal_style", default=PRESETS["generic"])

#: Two threads that change the settings of the session at once would leave one's settings behind.
_SETTINGS = threading.RLock()


def current_style() -> JournalStyle:
    """Give the style in force.

    Returns
    -------
    JournalStyle
        That of the innermost ``with journal_style(...)``, else "generic".

    Examples
    --------
    >>> current_style().name
    'generic'
    """
    return _CURRENT.get()


@contextmanager
def journal_style(name: str | JournalStyle) -> Iterator[JournalStyle]:
    """Draw the figures of a block in the style of a journal.

    Parameters
    ----------
    name : str or JournalStyle
        Name of a preset, or a style of your own.

    Yields
    ------
    JournalStyle
        The style.

    Raises
    ------
    ConfigError
        For a name that is not known.

    Examples
    --------
    >>> with journal_style("springer") as style:
    ...     style.single_mm, current_style().name
    (84.0, 'springer')
    """
    if not isinstance(name, JournalStyle) and name not in PRESETS:
        raise ConfigError(f"the journal style {name!r} is not known", remedy=closest(str(name), PRESETS))
    token = _CURRENT.set(name if isinstance(name, JournalStyle) else PRESETS[name])
    try:
        yield _CURRENT.get()
    finally:
        _CURRENT.reset(token)


@dataclass(frozen=True, slots=True)
class GroupLook:
    """Colour and line style of one group.

    Attributes
    ----------
    color : str
        Of the curve.
    line_style : str or tuple
        Of the curve.
    edge : str
        Opaque colour of the borders of a band behind the curve.
    """

    color: str
    line_style: LineStyle
    edge: str


def group_look(position: int) -> GroupLook:
    """Give the look of a group.

    Parameters
    ----------
    position : int
        Place of the group, from 0. Beyond eight groups colours come again with other line styles.

    Returns
    -------
    GroupLook
        Colours and line style.

    Examples
    --------
    >>> group_look(0).color, group_look(1).color
    ('#004488', '#BB5566')
    """
    turn, place = divmod(position, len(COLORS))
    color = COLORS[place]
    style = LINE_STYLES[(place + 3 * turn) % len(LINE_STYLES)]
    return GroupLook(color, style, mix_with_white(color, 0.4))


def mix_with_white(color: str, share: float) -> str:
    """Mix a colour with white.

    Parameters
    ----------
    color : str
        A colour.
    share : float
        Share of the colour, 0 to 1.

    Returns
    -------
    str
        An opaque colour.

    Examples
    --------
    >>> mix_with_white("#004488", 0.16)
    '#d6e1ec'
    """
    red, green, blue = (1 - share * (1 - part) for part in to_rgb(color))
    return to_hex((red, green, blue))


def multiply_colors(colors: Sequence[str]) -> str:
    """Mix colours as transparent layers over each other do.

    Parameters
    ----------
    colors : sequence of str
        Colours.

    Returns
    -------
    str
        An opaque colour, the darker the more layers there are.

    Examples
    --------
    >>> multiply_colors(["#d6e1ec", "#f4e4e5"])
    '#cdc9d4'
    """
    red, green, blue = np.prod([to_rgb(color) for color in colors], axis=0)
    return to_hex((red, green, blue))


def settings(style: JournalStyle) -> dict[str, Any]:
    """Give matplotlib's settings for a style.

    Parameters
    ----------
    style : JournalStyle
        The style.

    Returns
    -------
    dict
        Names and values for ``matplotlib.rc_context``.
    """
    thin = 0.6
    ticks = {f"{axis}tick.{name}": value for axis in "xy" for name, value in _TICKS.items()}
    return {
        "font.family": list(style.font_families),
        "font.size": style.font_size,
        **{f"{part}.labelsize": style.font_size for part in ("axes", "xtick", "ytick")},
        "axes.titlesize": style.font_size,
        "legend.fontsize": style.font_size,
        # What a user typed is shown as typed: a dollar sign is no formula.
        "text.parse_math": False,
        "text.hinting": "none",
        "text.usetex": False,
        "axes.unicode_minus": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": thin,
        "axes.labelpad": 2.5,
        **ticks,
        "lines.linewidth": style.line_width,
        "lines.solid_capstyle": "butt",
        "lines.dash_capstyle": "butt",
        "figure.dpi": SCREEN_DPI,
        "savefig.dpi": style.dpi,
        "savefig.bbox": None,
        # TrueType in PDF and EPS and text in SVG: an editor of the journal can change them.
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "survmodel",
    }


_TICKS: Mapping[str, object] = {"major.width": 0.6, "major.size": 2.5, "major.pad": 2.0, "direction": "out"}

#: Settings of the session that are none of a figure's.
_LEFT_ALONE = ("backend", "interactive", "toolbar", "webagg", "keymap", "date.epoch", "timezone", "docstring", "tk.")


@contextmanager
def style_settings(style: JournalStyle) -> Iterator[None]:
    """Apply a style while something is drawn or saved, whatever the settings of the session are.

    Parameters
    ----------
    style : JournalStyle
        The style.

    Yields
    ------
    None
        The settings of the session come back afterwards.
    """
    register_fonts()
    with _SETTINGS, mpl.rc_context():
        session: Any = mpl.rcParams
        session.update({name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith(_LEFT_ALONE)})
        session.update(settings(style))
        yield


class StudyFigure(Figure):
    """A matplotlib figure that keeps its style, the numbers it shows and a description for those who cannot see it.

    It is an ordinary figure that you can alter, made without pyplot: nothing is shown twice in a notebook, and nothing
    has to be closed.

    Parameters
    ----------
    style : JournalStyle
        Applied whenever the figure is drawn.
    width_mm, height_mm : float
        Size in print.

    Attributes
    ----------
    source_data : pandas.DataFrame
        The numbers that are drawn.
    at_risk_data : pandas.DataFrame or None
        The table of numbers at risk, where there is one.
    caption : str
        What the figure shows, in a few words.
    alt_text : str
        What the figure shows, in one sentence.
    """

    def __init__(self, style: JournalStyle, width_mm: float, height_mm: float) -> None:
        self.style = style
        self.source_data = pd.DataFrame()
        self.at_risk_data: pd.DataFrame | None = None
        self.caption = ""
        self.alt_text = ""
        super().__init__(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), dpi=SCREEN_DPI, facecolor="white")
        FigureCanvasAgg(self)

    def draw(self, renderer: RendererBase) -> None:
        """Draw with the style of the figure.

        Parameters
        ----------
        renderer : matplotlib renderer
            What draws.
        """
        with style_settings(self.style):
            super().draw(renderer)

    def savefig(self, fname: Any, **options: Any) -> None:  # noqa: ANN401
        """Save as matplotlib does, with the style of the figure; :func:`survmodel.save_figure` does more.

        Parameters
        ----------
        fname : path or file
            Where to.
        **options
            As for :meth:`matplotlib.figure.Figure.savefig`.
        """
        with style_settings(self.style):
            super().savefig(fname, **options)

    def _repr_png_(self) -> bytes:
        picture = BytesIO()
        self.savefig(picture, format="png", dpi=SCREEN_DPI, metadata={"Software": None})
        return picture.getvalue()
