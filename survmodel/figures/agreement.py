"""Agreement of two measurements: one against the other, and their ratio against their mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, NullLocator

from survmodel.errors import ConfigError, DataError
from survmodel.figures.lettering import shorten, text_width
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.style import StudyFigure, current_style, style_settings
from survmodel.figures.ticks import Tick, even_ticks, log_ticks
from survmodel.formatting import count_noun, format_estimate, format_percent, format_significant
from survmodel.performance.limits_of_agreement import LimitsOfAgreement, limits_of_agreement
from survmodel.performance.pairs_of_numbers import read_pairs
from survmodel.table import one_line

Floats = npt.NDArray[np.float64]

_POINT, _LINE = "#004488", "#BB5566"


def draw_agreement(
    first: object,
    second: object,
    *,
    names: tuple[str, str] = ("A", "B"),
    log: bool = True,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw two measurements of the same patients against each other, and the limits of agreement of Bland and Altman.

    Parameters
    ----------
    first, second : Series or array_like, shape (n,)
        Measurements. Patients who lack one are left out and counted.
    names : tuple of (str, str)
        What to call them.
    log : bool
        Whether axes are logarithmic and the second panel shows ratios, which needs values above 0; differences
        otherwise.
    labels : mapping of str to str, optional
        What to show for the names.
    width_mm : float, optional
        Width in print; two columns of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after the limits.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (every pair with its mean and ratio or difference) and ``alt_text``.

    Raises
    ------
    ConfigError
        When the width has no room for two panels.
    DataError
        As for `limits_of_agreement`.

    References
    ----------
    Bland JM, Altman DG (1999). Stat Methods Med Res 8:135-160.

    Examples
    --------
    >>> figure = draw_agreement([8.0, 6, 4, 9, 5], [4.0, 3, 5, 4, 6], names=("CXCR4", "FDG"))
    >>> figure.alt_text.split(":")[0]
    'CXCR4 against FDG in 5 patients, and their ratio against their geometric mean'
    """
    a, b, missing = read_pairs(first, second, names, positive=log)
    if a.size < 3 or (a.min() == a.max() and b.min() == b.max()):
        raise DataError("a plot of agreement needs three patients whose values differ", f"found {a.size}")
    found = limits_of_agreement(a, b, log=log, names=names)
    style, known = current_style(), known_labels(labels)
    shown = known.get(names[0], names[0]), known.get(names[1], names[1])
    mean, apart = (np.sqrt(a * b), a / b) if log else ((a + b) / 2, a - b)
    with style_settings(style):
        width = check_width(style.double_mm if width_mm is None else width_mm, style)
        page, other = _lay_out(width, (a, b, apart), log=log)
        _draw_pairs(page, a, b, shown, log=log)
        _draw_limits(page, other, mean, apart, found, shown)
        lines = page.wrap_note(" ".join([_note(found, a.size, missing), note]))
        page.fit_height(page.draw_title(title, 0.0), page.draw_note(lines, page.axis_block))
        _place(page, other)
    figure = page.figure
    figure.source_data = pd.DataFrame({names[0]: a, names[1]: b, "mean": mean, "ratio" if log else "difference": apart})
    figure.caption = one_line(title) or one_line(f"Agreement of {shown[0]} and {shown[1]}")
    middle, low, high = (format_significant(float(value), 3) for value in found.estimates[:, 0])
    what, of = ("ratio", "geometric mean") if log else ("difference", "mean")
    figure.alt_text = (
        f"{spoken(shown[0])} against {spoken(shown[1])} in {count_noun(a.size, 'patient')}, and their {what} against "
        f"their {of}: mean {what} {middle}, limits of agreement {low} to {high}."
    )
    return figure


def _ticks(low: float, high: float, *, log: bool) -> list[Tick]:
    return log_ticks(low, high, 6) if log else even_ticks(low, high, 5)


def _ends(values: Floats, *, log: bool) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if log:
        more = max(high / low, 1.5) ** 0.06
        return low / more, high * more
    more = 0.06 * max(high - low, 1e-9 * max(abs(high), 1.0))
    return low - more, high + more


def _lay_out(width_mm: float, values: tuple[Floats, Floats, Floats], *, log: bool) -> tuple[Page, Axes]:
    style = current_style()
    size, full = style.font_size, width_mm * POINTS_PER_MM
    both = _ends(np.concatenate(values[:2]), log=log)
    wide = [
        max((text_width(text, size) for _, text in _ticks(*ends, log=log)), default=0.0)
        for ends in (both, _ends(values[2], log=log))
    ]
    left = EDGE + 1.2 * size + 7.5 + wide[0]
    gap = 1.2 * size + 14.0 + wide[1]
    panel = (full - left - gap - EDGE) / 2
    if panel < 9.0 * size:
        raise ConfigError("two panels have no room side by side", remedy="draw a wider figure")
    page = Page.lay_out(style, width_mm, left=left, right=EDGE + gap + panel, height=min(panel, 190.0))
    other = page.figure.add_axes((0.6, 0.1, 0.3, 0.8))
    return page, other


def _place(page: Page, other: Axes) -> None:
    """Put the second panel beside the first, as high and as wide."""
    first = page.axes.get_position()
    full = page.full_width + 2 * EDGE
    start = (full - EDGE) / full - first.width
    other.set_position((start, first.y0, first.width, first.height))


def _scale(axes: Axes, ends: tuple[tuple[float, float], tuple[float, float]], *, log: tuple[bool, bool]) -> None:
    for axis, (low, high), is_log in ((axes.xaxis, ends[0], log[0]), (axes.yaxis, ends[1], log[1])):
        (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log" if is_log else "linear")
        (axes.set_xlim if axis is axes.xaxis else axes.set_ylim)(low, high)
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
        ticks = _ticks(low, high, log=is_log)
        axis.set_ticks([value for value, _ in ticks], [text for _, text in ticks])


def _draw_pairs(page: Page, a: Floats, b: Floats, names: tuple[str, str], *, log: bool) -> None:
    ends = _ends(np.concatenate([a, b]), log=log)
    _scale(page.axes, (ends, ends), log=(log, log))
    page.axes.plot(ends, ends, color="#444444", linewidth=0.7, linestyle=(0, (4.0, 2.0)), zorder=1, gid="identity")
    page.axes.plot(
        b, a, linestyle="none", marker="o", markersize=2.6, color=_POINT, markeredgewidth=0, zorder=2, gid="pairs"
    )
    page.axes.set_xlabel(shorten(shown_name(names[1]), page.width, page.size))
    page.axes.set_ylabel(shorten(shown_name(names[0]), page.height, page.size))


def _draw_limits(
    page: Page, axes: Axes, mean: Floats, apart: Floats, found: LimitsOfAgreement, names: tuple[str, str]
) -> None:
    estimates = np.asarray(found.estimates[:, 0], dtype=np.float64)
    up = _ends(np.concatenate([apart, estimates, [1.0 if found.log else 0.0]]), log=found.log)
    _scale(axes, (_ends(mean, log=found.log), up), log=(found.log, found.log))
    axes.axhline(1.0 if found.log else 0.0, color="#999999", linewidth=0.6, zorder=1, gid="equal")
    for place, value in enumerate(estimates):
        style = "solid" if place == 0 else (0, (4.0, 2.0))
        axes.axhline(value, color=_LINE, linewidth=0.9, linestyle=style, zorder=1.5, gid=f"limit-{place + 1}")
    axes.plot(
        mean,
        apart,
        linestyle="none",
        marker="o",
        markersize=2.6,
        color=_POINT,
        markeredgewidth=0,
        zorder=2,
        gid="apart",
    )
    of, sign = ("Geometric mean", "/") if found.log else ("Mean", "−")
    axes.set_xlabel(shorten(f"{of} of both", page.width, page.size))
    axes.set_ylabel(shorten(f"{shown_name(names[0])} {sign} {shown_name(names[1])}", page.height, page.size))


def _note(found: LimitsOfAgreement, n: int, missing: int) -> str:
    table = found.tidy()
    what = "ratio" if found.log else "difference"
    texts = [
        format_estimate(float(row["estimate"]), float(row["conf_low"]), float(row["conf_high"]))
        for row in table.to_dict("records")[:3]
    ]
    parts = [
        f"{count_noun(n, 'patient')}. Mean {what} {texts[0]}; {format_percent(found.coverage, 0)} limits of agreement "
        f"{texts[1]} and {texts[2]}. Left: dashed where both are equal."
    ]
    if missing:
        parts.append(f"{count_noun(missing, 'patient')} without both left out.")
    return " ".join(parts)
