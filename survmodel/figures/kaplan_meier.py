"""The Kaplan-Meier figure: step curves with limits, censoring marks and the numbers at risk under the time axis.

What is drawn comes as arrays from :mod:`survmodel.figures.kaplan_meier_data`. Everything outside the axes is placed in
points from their lower left corner, and the numbers at risk in units of time from left to right: they stay under their
ticks whatever is done to the figure later.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import (
    Affine2D,
    Bbox,
    BboxTransformTo,
    ScaledTranslation,
    Transform,
    TransformedBbox,
    blended_transform_factory,
)

from survmodel.errors import ConfigError
from survmodel.figures.kaplan_meier_data import CurveData, KmPlotData, km_plot_data
from survmodel.figures.key import Key
from survmodel.figures.lettering import ELLIPSIS, clean_text, shorten, text_width, wrap
from survmodel.figures.placement import keep_apart
from survmodel.figures.style import (
    MM_PER_INCH,
    POINTS_PER_INCH,
    JournalStyle,
    StudyFigure,
    current_style,
    group_look,
    mix_with_white,
    multiply_colors,
    style_settings,
)
from survmodel.formatting import NOT_REACHED, count_noun, format_count, format_number, format_significant, level_text
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.table import one_line

#: Widths of a figure that make sense in print, in millimetres.
WIDTHS_MM = (50.0, 500.0)

_POINTS_PER_MM = POINTS_PER_INCH / MM_PER_INCH
_EDGE = 2.0
_KEY = 12.0
_GAP = 3.5
_BEFORE = 6.5
_LONGEST_SPOKEN = 80
_NOTE_COLOR = "#444444"


def draw_km(  # noqa: PLR0913 - one option for each part of the figure
    fit: KaplanMeierFit,
    *,
    labels: Mapping[str, str] | None = None,
    times: Sequence[float] | None = None,
    at_risk: bool = True,
    limits: bool = True,
    censor_marks: bool = True,
    median: bool = False,
    percent: bool = False,
    annotation: str = "",
    note: str = "",
    title: str = "",
    width_mm: float | None = None,
) -> StudyFigure:
    """Draw Kaplan-Meier curves with the numbers at risk.

    Parameters
    ----------
    fit : KaplanMeierFit
        The curves.
    labels : mapping of str to str, optional
        What to show for the level of a group; ``"time"`` and ``"survival"`` name the axes. Other keys are not used.
    times : sequence of float, optional
        Ticks of the time axis, on which the numbers at risk are counted; chosen for the unit of time without it.
        Where numbers would run into each other some are left out of the figure, not of its data.
    at_risk : bool
        Show the numbers at risk.
    limits : bool
        Show pointwise confidence limits as bands.
    censor_marks : bool
        Mark censored rows on the curves.
    median : bool
        Show the median of every group that reaches it.
    percent : bool
        Label the survival axis in percent.
    annotation : str
        Text for an empty place of the axes, for example the p-value of a test; may have several lines.
    note : str
        Text under the figure, after the type of the limits.
    title : str
        Heading; journals put it in the legend.
    width_mm : float, optional
        Width in print; one column of the journal style without it.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (``fit.tidy()``), ``at_risk_data`` and ``alt_text``.

    Raises
    ------
    ConfigError
        When `fit` holds no Kaplan-Meier curves or the width makes no sense.
    EndpointError
        When `times` are not numbers from 0 up.

    Examples
    --------
    >>> from survmodel import KaplanMeier, Outcome
    >>> fit = KaplanMeier().fit(Outcome([6, 7, 10, 15], [1, 0, 1, 1], unit="months", endpoint="death"))
    >>> draw_km(fit).alt_text
    'Kaplan-Meier curve, survival free of death: All (n = 4, 3 events, median 10 months).'
    """
    if not isinstance(fit, KaplanMeierFit):
        raise ConfigError(
            "draw_km draws Kaplan-Meier curves", f"found {type(fit).__name__}", "pass sm.KaplanMeier().fit(outcome)"
        )
    style = current_style()
    data = km_plot_data(fit, times)
    names = _Names.of(fit, data, labels or {}, percent=percent)
    with style_settings(style):
        page = _Page.lay_out(data, names, style, _check_width(width_mm, style), at_risk=at_risk)
        _draw_axes(page, data, names, percent=percent)
        if limits:
            _draw_bands(page.axes, data)
        for position, curve in enumerate(data.curves):
            _draw_curve(page.axes, curve, position, censor_marks=censor_marks)
        below = _draw_at_risk(page, data, names) if at_risk else page.axis_block
        lines = wrap(_note(fit, data, note, limits=limits, censor_marks=censor_marks), page.full_width, style.font_size)
        below = _draw_note(page, lines, below)
        if median:
            _draw_medians(page.axes, data)
        shown = names.groups if len(names.groups) > 1 else ()
        key = Key(shown, annotation, page.axes, page.size, page.width, page.height, page.corner)
        above = key.draw(data.covered(limits=limits, medians=median))
        above = _draw_title(page, title, above)
        page.fit_height(above, below)
    figure = page.figure
    figure.source_data = fit.tidy()
    figure.at_risk_data = data.at_risk_table()
    figure.caption = one_line(title) or "Kaplan-Meier curves"
    figure.alt_text = _alt_text(fit, data, names)
    return figure


def _check_width(width_mm: float | None, style: JournalStyle) -> float:
    width = style.single_mm if width_mm is None else float(width_mm)
    if not WIDTHS_MM[0] <= width <= WIDTHS_MM[1]:
        raise ConfigError(
            f"width_mm is {format_significant(width)}",
            remedy=f"give the width in print in millimetres, {WIDTHS_MM[0]:.0f} to {WIDTHS_MM[1]:.0f}",
        )
    return width


@dataclass(frozen=True, slots=True)
class _Names:
    """What is written: cleaned names of groups and axes, numbers at risk as text; spoken names for who cannot see."""

    groups: tuple[str, ...]
    spoken: tuple[str, ...]
    time: str
    survival: str
    ticks: tuple[str, ...]
    counts: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, fit: KaplanMeierFit, data: KmPlotData, labels: Mapping[str, str], *, percent: bool) -> _Names:
        known = {level_text(key): str(value) for key, value in labels.items()}
        unit = f" ({fit.unit})" if fit.unit else ""
        groups = [known.get(group, group or "All") for group in fit.groups]
        return cls(
            groups=tuple(clean_text(group) or "(blank)" for group in groups),
            spoken=tuple(_spoken(group) for group in groups),
            time=clean_text(known.get("time", f"Time{unit}")),
            survival=clean_text(known.get("survival", "Survival (%)" if percent else "Survival probability")),
            ticks=tuple(format_significant(tick, 6) for tick in data.ticks),
            counts=tuple(tuple(format_count(count) for count in curve.at_risk) for curve in data.curves),
        )


@dataclass(frozen=True, slots=True)
class _Page:
    """The figure, its axes and their sizes in points.

    ``corner`` turns points from the lower left corner of the axes into places on the page.
    """

    figure: StudyFigure
    axes: Axes
    corner: Transform
    left: float
    width: float
    height: float

    @classmethod
    def lay_out(cls, data: KmPlotData, names: _Names, style: JournalStyle, width_mm: float, *, at_risk: bool) -> _Page:
        size, full = style.font_size, width_mm * _POINTS_PER_MM
        left = _EDGE + 1.2 * size + 2.5 + text_width("100", size) + 5.0
        right = _EDGE + 2.0
        half = text_width(names.ticks[-1], size) / 2
        if at_risk:
            half = max(half, *(text_width(row[-1], size) / 2 for row in names.counts))
            first = max(text_width(row[0], size) / 2 for row in names.counts)
            left = max(left, _EDGE + _row_width(names, size, full) + _BEFORE + first)
        right += max(half - (full - left - right) * (1 - data.ticks[-1] / data.end), 0.0)
        width = full - left - right
        figure = StudyFigure(style, width_mm, width_mm)
        axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
        to_inches = Affine2D().scale(1 / POINTS_PER_INCH) + figure.dpi_scale_trans
        corner = to_inches + ScaledTranslation(0, 0, BboxTransformTo(axes.bbox))
        page = cls(figure, axes, corner, left, width, 0.33 * width + 72.0)
        page.fit_height(0.0, page.axis_block)
        return page

    @property
    def size(self) -> float:
        """Font size."""
        return self.figure.style.font_size

    @property
    def full_width(self) -> float:
        """Width between the edges of the page."""
        return self.figure.get_figwidth() * POINTS_PER_INCH - 2 * _EDGE

    @property
    def axis_block(self) -> float:
        """Room for tick labels and the name of the time axis."""
        return 2.3 * self.size + 8.0

    @property
    def under_ticks(self) -> Transform:
        """From units of time and points to places on the page."""
        return blended_transform_factory(self.axes.transData, self.corner)

    def fit_height(self, above: float, below: float) -> None:
        """Give the page the height that axes and texts need."""
        top = above + _EDGE + 0.5 * self.size
        height = top + self.height + below + _EDGE
        full = self.full_width + 2 * _EDGE
        self.figure.set_size_inches(full / POINTS_PER_INCH, height / POINTS_PER_INCH)
        self.axes.set_position((self.left / full, (below + _EDGE) / height, self.width / full, self.height / height))


def _row_width(names: _Names, size: float, full: float) -> float:
    """Room for the key and name of a group left of the numbers at risk; one group alone needs none."""
    if len(names.groups) == 1:
        return 0.0
    return _KEY + _GAP + min(max(text_width(name[:80], size) for name in names.groups), 0.26 * full)


def _draw_axes(page: _Page, data: KmPlotData, names: _Names, *, percent: bool) -> None:
    axes, size = page.axes, page.size
    axes.set_xlim(0, data.end)
    axes.set_ylim(0, 1)
    levels = np.linspace(0, 1, 6)
    axes.set_yticks(levels, [format_number(100 * v, 0) if percent else format_number(v, 1) for v in levels])
    kept = _kept_ticks(page, data, names)
    axes.set_xticks(data.ticks, [tick if i in kept else "" for i, tick in enumerate(names.ticks)])
    axes.set_xlabel(shorten(names.time, page.width, size))
    axes.set_ylabel(shorten(names.survival, page.height, size))


def _kept_ticks(page: _Page, data: KmPlotData, names: _Names) -> list[int]:
    """Choose the ticks whose label and numbers at risk do not run into those of the tick before."""
    columns = zip(names.ticks, *names.counts, strict=True)
    widths = [max(text_width(text, page.size) for text in column) for column in columns]
    return keep_apart(list(data.ticks / data.end * page.width), widths, 1.5)


def _draw_bands(axes: Axes, data: KmPlotData) -> None:
    """Draw bands behind the curves; where they overlap in the colour that transparent ones would give."""
    share = 0.16 if len(data.curves) <= 2 else 0.1
    tints = [mix_with_white(group_look(position).color, share) for position in range(len(data.curves))]
    for layer in data.band_layers():
        color = multiply_colors([tints[position] for position in layer.groups])
        band = axes.fill_between(layer.time, layer.low, layer.high, color=color, linewidth=0, zorder=1)
        band.set_gid("band-" + "-".join(str(position + 1) for position in layer.groups))
    for position, curve in enumerate(data.curves):
        for limit in (curve.band_low, curve.band_high):
            axes.plot(curve.band_time, limit, color=group_look(position).edge, linewidth=0.4, zorder=1.5)


def _draw_curve(axes: Axes, curve: CurveData, position: int, *, censor_marks: bool) -> None:
    look, number = group_look(position), position + 1
    # Half of a line's width lies outside the axes at S = 1 and at time 0: clip a little further out.
    around = TransformedBbox(Bbox([[-0.01, -0.02], [1.02, 1.02]]), axes.transAxes)
    (line,) = axes.plot(
        curve.time, curve.survival, color=look.color, linestyle=look.line_style, drawstyle="steps-post", zorder=3
    )
    line.set_gid(f"curve-{number}")
    line.set_clip_box(around)
    if censor_marks:
        (marks,) = axes.plot(
            curve.censor_time, curve.censor_survival, color=look.color, linestyle="none", marker="|", markersize=4.0,
            markeredgewidth=0.6, zorder=3.5,
        )  # fmt: skip
        marks.set_gid(f"censored-{number}")
        marks.set_clip_box(around)


def _draw_medians(axes: Axes, data: KmPlotData) -> None:
    for left, low, right, high in data.median_rays():
        axes.plot(
            [left, right],
            [low, high],
            color="#666666",
            linewidth=0.6,
            linestyle=(0, (3.0, 2.0)),
            zorder=2.0,
            gid="median",
        )


def _draw_at_risk(page: _Page, data: KmPlotData, names: _Names) -> float:
    """Write the numbers at risk under their ticks; gives how far down they reach."""
    axes, size, left = page.axes, page.size, _EDGE - page.left
    pitch = 1.3 * size
    down = page.axis_block + 1.0 * size
    axes.text(left, -down, "Number at risk", transform=page.corner, gid="at-risk-title")
    room = page.left - _EDGE - _KEY - _GAP - _BEFORE + 0.1 - max(text_width(row[0], size) / 2 for row in names.counts)
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


def _note(fit: KaplanMeierFit, data: KmPlotData, note: str, *, limits: bool, censor_marks: bool) -> str:
    parts = []
    if limits:
        level = format_significant(100 * fit.conf_level)
        parts.append(f"Bands: pointwise {level}% confidence limits ({fit.conf_type}).")
    if censor_marks and any(curve.censor_time.size for curve in data.curves):
        parts.append("Vertical marks: censored.")
    if fit.weighted:
        parts.append("Weighted: numbers at risk are sums of weights.")
    return " ".join([*parts, note])


def _draw_note(page: _Page, lines: Sequence[str], below: float) -> float:
    below += 0.45 * page.size if lines else 0.0
    for line in lines:
        below += 1.25 * page.size
        page.axes.text(_EDGE - page.left, -below, line, transform=page.corner, color=_NOTE_COLOR, gid="note")
    return below + (0.3 * page.size if lines else 0.0)


def _draw_title(page: _Page, title: str, above: float) -> float:
    lines = wrap(title, page.full_width, page.size, most=3, bold=True)
    start = page.height + above + 0.9 * page.size
    for place, line in enumerate(reversed(lines)):
        height = start + 1.25 * page.size * place
        page.axes.text(_EDGE - page.left, height, line, transform=page.corner, fontweight="bold", gid="title")
    return above + (1.25 * page.size * len(lines) + 0.6 * page.size if lines else 0.0)


def _alt_text(fit: KaplanMeierFit, data: KmPlotData, names: _Names) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    unit = f" {_spoken(fit.unit)}" if fit.unit else ""
    parts = []
    for curve, name in zip(data.curves, names.spoken, strict=True):
        median = format_significant(curve.median) + unit if np.isfinite(curve.median) else NOT_REACHED
        parts.append(f"{name} (n = {format_count(curve.n)}, {count_noun(curve.n_event, 'event')}, median {median})")
    curves = "curve" if len(parts) == 1 else f"curves of {len(parts)} groups"
    return f"Kaplan-Meier {curves}, survival free of {_spoken(fit.endpoint)}: {'; '.join(parts)}."


def _spoken(text: str) -> str:
    """Put text on one line of at most 80 signs, without code points that are no signs."""
    line = "".join(sign for sign in one_line(text) if unicodedata.category(sign) != "Cn")
    return line if len(line) <= _LONGEST_SPOKEN else line[: _LONGEST_SPOKEN - 1] + ELLIPSIS
