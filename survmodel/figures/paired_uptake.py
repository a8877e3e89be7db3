"""Two tracers in the same patients: a line for each patient from one to the other, with quartiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.ticker import NullFormatter, NullLocator

from survmodel.errors import ConfigError, DataError, SurvmodelError, closest
from survmodel.figures.color_key import draw_color_key
from survmodel.figures.lettering import shorten, text_width, wrap
from survmodel.figures.page import EDGE, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.style import JournalStyle, StudyFigure, current_style, mix_with_white, style_settings
from survmodel.figures.ticks import even_ticks, log_ticks
from survmodel.figures.uptake_data import ValueAxis, quartiles, value_axis
from survmodel.formatting import count_noun, format_count, format_estimate, format_p_equation
from survmodel.performance.paired_uptake import paired_uptake
from survmodel.performance.pairs_of_numbers import read_pairs
from survmodel.table import one_line

Floats = npt.NDArray[np.float64]

HIGHER, LOWER, SAME = "#BB5566", "#004488", "#777777"
#: Where the two tracers stand between the ends of a panel.
_PLACES = (0.24, 0.76)


@dataclass(frozen=True, slots=True, eq=False)
class _Panel:
    """The pairs of a group.

    Attributes
    ----------
    name : str
        Level of the group, "" for all patients.
    first, second : ndarray, shape (n,)
        Values of the tracers.
    n_missing : int
        Patients who lack one.
    """

    name: str
    first: Floats
    second: Floats
    n_missing: int


def draw_paired_uptake(
    table: pd.DataFrame,
    first: str,
    second: str,
    *,
    group: str | None = None,
    labels: Mapping[str, str] | None = None,
    log: bool = True,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw a value of two tracers in the same patients: a line for each patient, boxes at quartiles.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each patient. Who lacks one of the values has no line; the figure says how many.
    first, second : str
        Columns of the two tracers.
    group : str, optional
        Column of the disease group: a panel for each level.
    labels : mapping of str to str, optional
        What to show for columns and levels; ``"value"`` names the axis.
    log : bool
        Whether the axis is logarithmic, and the tracers are compared by a ratio.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after the comparison.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (every pair) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `table` lacks a column, or the width has no room for the groups.
    DataError
        For values that are no finite numbers or, on a log axis, not above 0, and when nobody has both.

    Examples
    --------
    >>> table = pd.DataFrame({"cxcr4": [8.0, 6, 4, 9], "fdg": [4.0, 3, 5, None]})
    >>> draw_paired_uptake(table, "cxcr4", "fdg").alt_text
    'cxcr4 and fdg in 3 patients: cxcr4 higher in 2, lower in 1.'
    """
    panels = _read(table, first, second, group, log=log)
    style, known = current_style(), known_labels(labels)
    names = known.get(first, first), known.get(second, second)
    with style_settings(style):
        page, axis = _lay_out(style, check_width(width_mm, style), panels, known, log=log)
        width = page.width / len(panels)
        for number, panel in enumerate(panels):
            _draw_panel(page, panel, axis, (number * width, width), number + 1)
        below = _draw_names(page, panels, width, names)
        above = _draw_groups(page, panels, width, known, group)
        entries = [(HIGHER, f"{names[0]} higher"), (LOWER, f"{names[1]} higher")]
        above = draw_color_key(page, entries, above)
        lines = page.wrap_note(" ".join([*_notes(panels, known, group, log=log), note]))
        page.fit_height(page.draw_title(title, above), page.draw_note(lines, below))
    figure = page.figure
    figure.source_data = pd.DataFrame(
        [(panel.name, float(a), float(b)) for panel in panels for a, b in zip(panel.first, panel.second, strict=True)],
        columns=["group", first, second],
    )
    figure.caption = one_line(title) or one_line(f"{names[0]} and {names[1]} in the same patients")
    up = sum(int((panel.first > panel.second).sum()) for panel in panels)
    down = sum(int((panel.first < panel.second).sum()) for panel in panels)
    n = sum(panel.first.size for panel in panels)
    figure.alt_text = (
        f"{spoken(names[0])} and {spoken(names[1])} in {count_noun(n, 'patient')}: {spoken(names[0])} higher in {up}, "
        f"lower in {down}."
    )
    return figure


def _read(table: pd.DataFrame, first: str, second: str, group: str | None, *, log: bool) -> list[_Panel]:
    found: object = table
    if not isinstance(found, pd.DataFrame):
        remedy = "pass a DataFrame with one row for each patient"
        raise ConfigError("draw_paired_uptake draws a table of patients", f"found {type(found).__name__}", remedy)
    for name in (first, second, *([] if group is None else [group])):
        if name not in table:
            raise ConfigError(f"the table has no column {name!r}", remedy=closest(name, map(str, table.columns)))
    if group is None:
        return [_panel("", table, first, second, log=log)]
    levels = table[group].dropna()
    order = levels.cat.categories if isinstance(levels.dtype, pd.CategoricalDtype) else sorted(levels.unique())
    inside = [(str(level), table[(table[group] == level).fillna(value=False).to_numpy(dtype=bool)]) for level in order]
    some = [(name, rows) for name, rows in inside if rows[[first, second]].notna().all(axis=1).any()]
    if not some:
        raise DataError("no patient with a group has both values")
    return [_panel(name, rows, first, second, log=log) for name, rows in some]


def _panel(name: str, table: pd.DataFrame, first: str, second: str, *, log: bool) -> _Panel:
    a, b, missing = read_pairs(table[first], table[second], (first, second), positive=log)
    return _Panel(name, a, b, missing)


def _lay_out(
    style: JournalStyle, width_mm: float, panels: list[_Panel], known: Mapping[str, str], *, log: bool
) -> tuple[Page, ValueAxis]:
    values = np.concatenate([np.concatenate([panel.first, panel.second]) for panel in panels])
    height, size = 170.0, style.font_size
    axis = value_axis(values, log=log, strip=0.0, height=height)
    ticks = log_ticks(axis.low, axis.high, 8) if axis.log else even_ticks(axis.low, axis.high)
    left = EDGE + 1.2 * size + 7.5 + max((text_width(text, size) for _, text in ticks), default=0.0)
    page = Page.lay_out(style, width_mm, left=left, right=EDGE, height=height)
    if page.width / len(panels) < 7.0 * size:
        raise ConfigError(
            f"{count_noun(len(panels), 'group')} have no room side by side",
            remedy="draw a wider figure, or without groups",
        )
    axes = page.axes
    axes.set_yscale("log" if axis.log else "linear")
    axes.set_xlim(0.0, page.width)
    axes.set_ylim(axis.low, axis.high)
    axes.set_xticks([])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks([value for value, _ in ticks], [text for _, text in ticks])
    axes.set_ylabel(shorten(shown_name(known.get("value", "value")), height, size))
    return page, axis


def _draw_panel(page: Page, panel: _Panel, axis: ValueAxis, room: tuple[float, float], number: int) -> None:
    start, width = room
    x = [start + share * width for share in _PLACES]
    for a, b in zip(panel.first, panel.second, strict=True):
        color = HIGHER if a > b else LOWER if a < b else SAME
        page.axes.plot(x, [a, b], color=mix_with_white(color, 0.55), linewidth=0.5, zorder=2, gid=f"pair-{number}")
    for values, place, aside in ((panel.first, x[0], -1.0), (panel.second, x[1], 1.0)):
        page.axes.plot(
            np.full(values.size, place), values, linestyle="none", marker="o", markersize=2.2, color="#333333",
            markeredgewidth=0, zorder=3, gid=f"points-{number}",
        )  # fmt: skip
        if values.size > 1:
            low, median, high = axis.value(axis.place(quartiles(values))).tolist()
            ends = sorted((place + aside * 4.0, place + aside * 11.0))
            left, right = ends
            page.axes.plot(
                [left, right, right, left, left], [low, low, high, high, low], color="#000000", linewidth=0.6,
                solid_joinstyle="miter", zorder=4, gid=f"quartiles-{number}",
            )  # fmt: skip
            page.axes.plot(
                [left, right], [median] * 2, color="#000000", linewidth=1.6, zorder=4.2, gid=f"median-{number}"
            )
    if number > 1:
        page.axes.axvline(start, color="#bbbbbb", linewidth=0.5, zorder=0.8, gid=f"divider-{number}")


def _draw_names(page: Page, panels: list[_Panel], width: float, names: tuple[str, str]) -> float:
    size, lowest = page.size, 0.0
    for number, panel in enumerate(panels):
        for share, name in zip(_PLACES, names, strict=True):
            lines = wrap(shown_name(name), 0.5 * width - 3.0, size, most=3)
            for place, line in enumerate(lines):
                page.axes.text(
                    (number + share) * width, -3.5 - 1.2 * size * place, line, transform=page.corner, ha="center",
                    va="top", gid=f"tracer-{number + 1}",
                )  # fmt: skip
            lowest = max(lowest, 3.5 + 1.2 * size * len(lines))
        page.axes.text(
            (number + 0.5) * width, -lowest - 2.0, f"n = {format_count(panel.first.size)}", transform=page.corner,
            ha="center", va="top", gid=f"n-{number + 1}",
        )  # fmt: skip
    return lowest + 2.0 + 1.2 * size


def _draw_groups(page: Page, panels: list[_Panel], width: float, known: Mapping[str, str], group: str | None) -> float:
    if group is None:
        return 0.0
    most = 0
    for number, panel in enumerate(panels):
        text = known.get(f"{group}[{panel.name}]", known.get(panel.name, panel.name))
        lines = wrap(shown_name(text), width - 4.0, page.size, most=2)
        most = max(most, len(lines))
        for up, line in enumerate(reversed(lines)):
            page.axes.text(
                (number + 0.5) * width, page.height + 4.0 + 1.2 * page.size * up, line, transform=page.corner,
                ha="center", gid=f"group-{number + 1}",
            )  # fmt: skip
    return 4.0 + 1.2 * page.size * most


def _notes(panels: list[_Panel], known: Mapping[str, str], group: str | None, *, log: bool) -> list[str]:
    parts = ["Lines: patients. Boxes: quartiles with median."]
    for panel in panels:
        try:
            found = paired_uptake(panel.first, panel.second, log=log, names=("first", "second")).tidy()
        except SurvmodelError:
            continue
        what = "Ratio of geometric means" if log else "Mean difference"
        text = known.get(f"{group}[{panel.name}]", known.get(panel.name, panel.name))
        who = f", {text}" if panel.name else ""
        estimate, low, high = (float(found.iloc[0][key]) for key in ("estimate", "conf_low", "conf_high"))
        ranks = format_p_equation(float(found.iloc[1]["p_value"]))
        parts.append(f"{what}{who}: {format_estimate(estimate, low, high)}, signed-rank test {ranks}.")
    missing = sum(panel.n_missing for panel in panels)
    if missing:
        parts.append(f"Not shown: {count_noun(missing, 'patient')} without both values.")
    return parts
