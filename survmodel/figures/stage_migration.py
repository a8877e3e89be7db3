"""The alluvial plot of stages: how patients move from the stage of one method to that of another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from survmodel.errors import ConfigError
from survmodel.figures.color_key import draw_color_key
from survmodel.figures.lettering import shorten, text_width
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.style import JournalStyle, StudyFigure, current_style, mix_with_white, style_settings
from survmodel.formatting import count_noun, format_count, format_p_equation
from survmodel.performance.stage_migration import StageMigration
from survmodel.table import one_line

UP, DOWN, SAME = mix_with_white("#BB5566", 0.75), mix_with_white("#DDAA33", 0.75), "#d5d5d5"
#: Height of all patients, points between stages, width of a stack.
_PATIENTS, _GAP, _STACK = 150.0, 5.0, 9.0

Floats = npt.NDArray[np.float64]


def draw_stage_migration(
    result: StageMigration,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw how patients move between stages: bands from the first method at the left to the second at the right.

    Parameters
    ----------
    result : StageMigration
        As from ``sm.stage_migration(stage_ct, stage_cxcr4, names=("CT", "CXCR4 PET"))``.
    labels : mapping of str to str, optional
        What to show for stages and methods.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after counts and tests.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (patients of each band) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `result` is something else.

    Examples
    --------
    >>> from survmodel import stage_migration
    >>> moved = stage_migration([1, 1, 2, 2, 3], [1, 2, 3, 2, 3], names=("CT", "PET"))
    >>> draw_stage_migration(moved).alt_text
    'Stages of 5 patients by CT and by PET: 2 higher by PET, 0 lower, 3 the same.'
    """
    found: object = result
    if not isinstance(found, StageMigration):
        remedy = "pass sm.stage_migration(stage_a, stage_b)"
        raise ConfigError("draw_stage_migration draws a stage migration", f"found {type(found).__name__}", remedy)
    style, known = current_style(), known_labels(labels)
    counts = np.asarray(result.table.counts, dtype=np.float64)
    levels = [known.get(level, level) for level in result.table.levels]
    methods = [known.get(name, name) for name in result.names]
    with style_settings(style):
        page, names = _lay_out(style, check_width(width_mm, style), levels)
        per = _PATIENTS / counts.sum()
        tops = [_stack(page, counts.sum(axis=1), per), _stack(page, counts.sum(axis=0), per)]
        _draw_bands(page, counts, per, tops)
        for side, totals in enumerate((counts.sum(axis=1), counts.sum(axis=0))):
            _draw_stack(page, side, tops[side], totals * per, names, totals)
        for side, name in enumerate(methods):
            text = shorten(shown_name(name), page.width / 2, page.size)
            page.axes.text(
                0.0 if side == 0 else page.width, page.height + 3.0, text, transform=page.corner,
                ha="left" if side == 0 else "right", fontweight="bold", gid=f"method-{side + 1}",
            )  # fmt: skip
        entries = [(UP, f"higher by {methods[1]}"), (SAME, "the same"), (DOWN, f"lower by {methods[1]}")]
        above = draw_color_key(page, entries, 3.0 + 1.3 * page.size)
        lines = page.wrap_note(" ".join([_note(result), note]))
        page.fit_height(page.draw_title(title, above), page.draw_note(lines, 2.0))
    figure = page.figure
    figure.source_data = _bands(result)
    figure.caption = one_line(title) or one_line(f"Stage by {methods[0]} and by {methods[1]}")
    same = result.table.n - result.n_up - result.n_down
    figure.alt_text = (
        f"Stages of {count_noun(result.table.n, 'patient')} by {spoken(methods[0])} and by {spoken(methods[1])}: "
        f"{result.n_up} higher by {spoken(methods[1])}, {result.n_down} lower, {same} the same."
    )
    return figure


def _lay_out(style: JournalStyle, width_mm: float, levels: list[str]) -> tuple[Page, list[str]]:
    size = style.font_size
    room = 0.26 * width_mm * POINTS_PER_MM
    names = [shorten(shown_name(level), room - 24.0, size) for level in levels]
    wide = EDGE + max(text_width(f"{name} (888)", size) for name in names) + 4.0
    page = Page.lay_out(style, width_mm, left=wide, right=wide, height=_PATIENTS + _GAP * max(len(levels) - 1, 0))
    axes = page.axes
    axes.set_xlim(0.0, page.width)
    axes.set_ylim(0.0, page.height)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return page, names


def _stack(page: Page, totals: Floats, per: float) -> Floats:
    """Give the top of each stage, the lowest stage at the top; stages without patients take no gap."""
    tops, top = [], page.height
    for total in totals:
        tops.append(top)
        top -= total * per + (_GAP if total else 0.0)
    return np.asarray(tops)


def _draw_bands(page: Page, counts: Floats, per: float, tops: list[Floats]) -> None:
    left, right = tops[0].copy(), tops[1].copy()
    start, end = _STACK, page.width - _STACK
    for first in range(len(counts)):
        for second in range(len(counts)):
            thick = counts[first, second] * per
            if not thick:
                continue
            color = SAME if first == second else UP if second > first else DOWN
            a, b = left[first], right[second]
            middle = (start + end) / 2
            vertices = [
                (start, a), (middle, a), (middle, b), (end, b), (end, b - thick), (middle, b - thick),
                (middle, a - thick), (start, a - thick), (start, a),
            ]  # fmt: skip
            codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
            page.axes.add_patch(
                PathPatch(
                    Path(vertices, codes), facecolor=color, edgecolor="white", linewidth=0.4,
                    zorder=1 if first == second else 2, gid=f"band-{first + 1}-{second + 1}",
                )
            )  # fmt: skip
            left[first] -= thick
            right[second] -= thick
            if thick >= 1.15 * page.size:
                # at the left end bands are apart, in the middle they cross
                page.axes.text(
                    start + 4.0, a - thick / 2, format_count(int(counts[first, second])), va="center_baseline",
                    zorder=4, gid="band-count",
                )  # fmt: skip


def _draw_stack(page: Page, side: int, tops: Floats, heights: Floats, names: list[str], totals: Floats) -> None:
    x = 0.0 if side == 0 else page.width - _STACK
    lowest = np.inf
    for place, (top, height) in enumerate(zip(tops, heights, strict=True)):
        if not height:
            continue
        page.axes.add_patch(
            Rectangle((x, top - height), _STACK, height, facecolor="#444444", linewidth=0, zorder=3,
                      gid=f"stage-{side + 1}-{place + 1}")
        )  # fmt: skip
        # thin stages would put their names on top of each other
        middle = min(top - height / 2, lowest - 1.2 * page.size)
        lowest = middle
        page.axes.text(
            -4.0 if side == 0 else page.width + 4.0, middle, f"{names[place]} ({format_count(int(totals[place]))})",
            transform=page.corner, ha="right" if side == 0 else "left", va="center_baseline",
            gid=f"name-{side + 1}-{place + 1}",
        )  # fmt: skip


def _note(result: StageMigration) -> str:
    parts = [
        f"{count_noun(result.table.n, 'patient')}: {result.n_up} higher, {result.n_down} lower by {result.names[1]}, "
        f"exact sign test {format_p_equation(result.sign_p)}."
    ]
    if not np.isnan(result.bowker[2]):
        parts.append(f"Bowker's test of symmetry {format_p_equation(result.bowker[2])}.")
    if result.table.n_missing:
        parts.append(f"{count_noun(result.table.n_missing, 'patient')} without both stages left out.")
    return " ".join(parts)


def _bands(result: StageMigration) -> pd.DataFrame:
    levels = result.table.levels
    rows = [
        (levels[i], levels[j], int(count), "same" if i == j else "higher" if j > i else "lower")
        for (i, j), count in np.ndenumerate(result.table.counts)
        if count
    ]
    return pd.DataFrame(rows, columns=[f"stage by {result.names[0]}", f"stage by {result.names[1]}", "n", "move"])
