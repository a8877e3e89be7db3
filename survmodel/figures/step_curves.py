"""Drawing step curves: the page, the axes, bands, lines, and the numbers at risk under the time axis.

The numbers at risk are placed in units of time from left to right and in points below the axes: they stay under their
ticks whatever is done to the figure later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox, TransformedBbox

from survmodel.figures.key import Key
from survmodel.figures.lettering import clean_text, shorten, text_width
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, shown_name
from survmodel.figures.placement import keep_apart
from survmodel.figures.step_data import Floats, StepData, StepPlotData
from survmodel.figures.style import JournalStyle, group_look, mix_with_white, multiply_colors
from survmodel.formatting import format_count, format_significant

_KEY = 12.0
_GAP = 3.5
_BEFORE = 6.5


@dataclass(frozen=True, slots=True)
class StepNames:
    """What is written in a figure of step curves, cleaned for drawing.

    Attributes
    ----------
    curves : tuple of str
        Names in the key.
    groups : tuple of str
        Names beside the numbers at risk.
    time, height : str
        Names of the axes.
    ticks : tuple of str
        Ticks of the time axis.
    counts : tuple of tuple of str
        Numbers at risk of each group on each tick.
    """

    curves: tuple[str, ...]
    groups: tuple[str, ...]
    time: str
    height: str
    ticks: tuple[str, ...]
    counts: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls, data: StepPlotData, *, curves: Sequence[str], groups: Sequence[str], time: str, height: str
    ) -> StepNames:
        """Clean the names and write the numbers.

        Parameters
        ----------
        data : StepPlotData
            What is drawn.
        curves, groups : sequence of str
            Names of the curves, and of the groups that have numbers at risk.
        time, height : str
            Names of the axes.

        Returns
        -------
        StepNames
            Text on one line each.
        """
        return cls(
            curves=tuple(shown_name(name) for name in curves),
            groups=tuple(shown_name(name) for name in groups),
            time=clean_text(time),
            height=clean_text(height),
            ticks=tuple(format_significant(tick, 6) for tick in data.ticks),
            counts=tuple(tuple(format_count(count) for count in group.at_risk) for group in data.groups),
        )


def lay_out(
    data: StepPlotData,
    names: StepNames,
    style: JournalStyle,
    width_mm: float,
    *,
    at_risk: bool,
    widest: str = "100",
) -> Page:
    """Make a page on which names and numbers at risk find room left of the axes and right of the last tick.

    Parameters
    ----------
    data : StepPlotData
        What is drawn.
    names : StepNames
        What is written.
    style : JournalStyle
        Sizes and type.
    width_mm : float
        Width in print.
    at_risk : bool
        Whether the numbers at risk are shown.
    widest : str
        Widest tick label of the vertical axis.

    Returns
    -------
    Page
        A page without anything drawn.
    """
    size, full = style.font_size, width_mm * POINTS_PER_MM
    left = EDGE + 1.2 * size + 2.5 + text_width(widest, size) + 5.0
    right = EDGE + 2.0
    half = text_width(names.ticks[-1], size) / 2
    if at_risk:
        half = max(half, *(text_width(row[-1], size) / 2 for row in names.counts))
        first = max(text_width(row[0], size) / 2 for row in names.counts)
        left = max(left, EDGE + _row_width(names, size, full) + _BEFORE + first)
    right += max(half - (full - left - right) * (1 - data.ticks[-1] / data.end), 0.0)
    return Page.lay_out(style, width_mm, left=left, right=right)


def _row_width(names: StepNames, size: float, full: float) -> float:
    """Room for the key and name of a group left of the numbers at risk; one group alone needs none."""
    if len(names.groups) == 1:
        return 0.0
    return _KEY + _GAP + min(max(text_width(name[:80], size) for name in names.groups), 0.26 * full)


def draw_axes(page: Page, data: StepPlotData, names: StepNames, levels: Sequence[tuple[float, str]]) -> None:
    """Give the axes their limits, ticks and names.

    Parameters
    ----------
    page : Page
        The page.
    data : StepPlotData
        What is drawn.
    names : StepNames
        What is written.
    levels : sequence of (float, str)
        Ticks of the vertical axis with their labels.
    """
    axes, size = page.axes, page.size
    axes.set_xlim(0, data.end)
    axes.set_ylim(0, data.top)
    axes.set_yticks([level for level, _ in levels], [text for _, text in levels])
    kept = _kept_ticks(page, data, names)
    axes.set_xticks(data.ticks, [tick if i in kept else "" for i, tick in enumerate(names.ticks)])
    axes.set_xlabel(shorten(names.time, page.width, size))
    axes.set_ylabel(shorten(names.height, page.height, size))


def _kept_ticks(page: Page, data: StepPlotData, names: StepNames) -> list[int]:
    """Choose the ticks whose label and numbers at risk do not run into those of the tick before."""
    columns = zip(names.ticks, *names.counts, strict=True)
    widths = [max(text_width(text, page.size) for text in column) for column in columns]
    return keep_apart(list(data.ticks / data.end * page.width), widths, 1.5)


def draw_bands(axes: Axes, data: StepPlotData) -> None:
    """Draw bands behind the curves; where they overlap in the colour that transparent ones would give.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to.
    data : StepPlotData
        What is drawn.
    """
    share = 0.16 if len(data.curves) <= 2 else 0.1
    tints = [mix_with_white(group_look(position).color, share) for position in range(len(data.curves))]
    for layer in data.band_layers():
        color = multiply_colors([tints[position] for position in layer.groups])
        band = axes.fill_between(layer.time, layer.low, layer.high, color=color, linewidth=0, zorder=1)
        band.set_gid("band-" + "-".join(str(position + 1) for position in layer.groups))
    for position, curve in enumerate(data.curves):
        for limit in (curve.band_low, curve.band_high):
            axes.plot(curve.band_time, limit, color=group_look(position).edge, linewidth=0.4, zorder=1.5)


def around_axes(axes: Axes) -> TransformedBbox:
    """Give a box a little larger than the axes: half of a line's width lies outside them at their edges.

    Parameters
    ----------
    axes : matplotlib Axes
        The axes.

    Returns
    -------
    matplotlib TransformedBbox
        What to clip curves with.
    """
    return TransformedBbox(Bbox([[-0.01, -0.02], [1.02, 1.02]]), axes.transAxes)


def draw_curve(axes: Axes, curve: StepData, position: int) -> None:
    """Draw the line of a curve.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to.
    curve : StepData
        Its corners.
    position : int
        Place of its look, from 0.
    """
    look = group_look(position)
    (line,) = axes.plot(
        curve.time, curve.height, color=look.color, linestyle=look.line_style, drawstyle="steps-post", zorder=3
    )
    line.set_gid(f"curve-{position + 1}")
    line.set_clip_box(around_axes(axes))


def draw_at_risk(page: Page, data: StepPlotData, names: StepNames) -> float:
    """Write the numbers at risk under their ticks.

    Parameters
    ----------
    page : Page
        The page.
    data : StepPlotData
        What is drawn.
    names : StepNames
        What is written.

    Returns
    -------
    float
        Points used below the axes.
    """
    axes, size, left = page.axes, page.size, page.edge
    pitch = 1.3 * size
    down = page.axis_block + 1.0 * size
    axes.text(left, -down, "Number at risk", transform=page.corner, gid="at-risk-title")
    room = page.left - EDGE - _KEY - _GAP - _BEFORE + 0.1 - max(text_width(row[0], size) / 2 for row in names.counts)
    kept = _kept_ticks(page, data, names)
    for position, (name, row) in enumerate(zip(names.groups, names.counts, strict=True)):
        down += pitch
        number = position + 1
        if len(names.groups) > 1:
            look = group_look(position)
            middle = -down + 0.35 * size
            axes.add_artist(
                Line2D(
                    [left, left + _KEY], [middle, middle], color=look.color, linestyle=look.line_style,
                    transform=page.corner, clip_on=False, gid=f"at-risk-key-{number}",
                )
            )  # fmt: skip
            text = shorten(name, room, size)
            axes.text(left + _KEY + _GAP, -down, text, transform=page.corner, gid=f"at-risk-label-{number}")
        for place in kept:
            axes.text(
                data.ticks[place], -down, row[place], ha="center", transform=page.under_ticks,
                gid=f"at-risk-{number}-{place + 1}",
            )  # fmt: skip
    return down + 0.3 * size


def draw_key(page: Page, names: StepNames, annotation: str, covered: Floats) -> float:
    """Draw the key of several curves and a short text where nothing is covered, or above the axes.

    Parameters
    ----------
    page : Page
        The page.
    names : StepNames
        What is written.
    annotation : str
        Any text, "" for none.
    covered : ndarray, shape (n_boxes, 4)
        Boxes that curves cover, as shares of the axes.

    Returns
    -------
    float
        Points used above the axes.
    """
    shown = names.curves if len(names.curves) > 1 else ()
    return Key(shown, annotation, page.axes, page.size, page.width, page.height, page.corner).draw(covered)
