"""The importance plot: what a forest loses without each of its columns, from the most important, beside the numbers.

What is drawn comes as arrays from :mod:`survmodel.figures.importance_data`. The vertical axis counts points, so that
rows are as high as their text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from survmodel.figures.importance_data import ImportancePlotData, importance_plot_data
from survmodel.figures.page import check_width, known_labels, spoken
from survmodel.figures.style import StudyFigure, current_style, style_settings
from survmodel.figures.zero_rows import draw_zero_rows, limits_note
from survmodel.formatting import count_noun, format_number, level_text
from survmodel.result import Result
from survmodel.table import one_line

#: Rows that are read out to those who cannot see the figure.
MOST_SPOKEN = 12


def draw_importance(
    result: Result,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw the permutation importance of the columns of a forest, the most important first, beside the numbers.

    Points right of the line at 0 are columns without which the forest ranks its patients worse. Limits that reach far
    beyond the estimates are cut, with an arrow.

    Parameters
    ----------
    result : Result
        As from ``sm.permutation_importance(fit, table, outcome)``.
    labels : mapping of str to str, optional
        What to show for a column; ``"decrease of C"`` names the axis.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after the counts and the legend of the marks.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (the rows in the order shown) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `result` has no such rows, or the width makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> from survmodel.models.forest_importance import ForestImportance
    >>> importance = ForestImportance(("age", "stage"), np.array([[0.01, 0.03], [0.1, 0.1]]), 0.7, 90, 40)
    >>> draw_importance(importance, labels={"age": "Age"}).alt_text
    'Decrease of out-of-bag C when a column is permuted: stage 0.100; Age 0.020.'
    """
    style = current_style()
    data = importance_plot_data(result)
    known = known_labels(labels)
    names = [known.get(level_text(name), name) for name in data.variables]
    with style_settings(style):
        axis = known.get("decrease of C", "Decrease of out-of-bag C")
        page = draw_zero_rows(data, names, check_width(width_mm, style), number="Decrease", axis=axis)
        below = page.draw_note(page.wrap_note(" ".join([*_notes(data), note])), page.axis_block)
        page.fit_height(page.draw_title(title, 1.7 * page.size), below)
    figure = page.figure
    figure.source_data = data.table
    figure.caption = one_line(title) or "Importance of the columns of a forest"
    figure.alt_text = _alt_text(data, names)
    return figure


def _notes(data: ImportancePlotData) -> list[str]:
    facts = data.facts
    parts = ["Decrease of C when the column is permuted; right of 0 the forest does worse without it."]
    counts = [count_noun(facts[name], noun) for name, noun in (("n", "patient"), ("n_event", "event")) if name in facts]
    if "concordance" in facts:
        counts.append(f"out-of-bag C {format_number(facts['concordance'], 3)} with nothing permuted")
    parts += [f"{', '.join(counts)}."] if counts else []
    # Without this readers would take the limits for those of the permuting.
    drawn = facts.get("subsamples", 0.0)
    of = f" of drawing other patients ({count_noun(drawn, 'subsample')})" if drawn else ""
    parts += limits_note(data, of)
    return parts


def _alt_text(data: ImportancePlotData, names: Sequence[str]) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    rows = [f"{spoken(name)} {data.write(place, limits=True)}" for place, name in enumerate(names)]
    more = len(rows) - MOST_SPOKEN
    end = f"; and {count_noun(more, 'more row')}" if more > 0 else ""
    return f"Decrease of out-of-bag C when a column is permuted: {'; '.join(rows[:MOST_SPOKEN])}{end}."
