"""The figure of cumulative incidence: the risk of an event among competing ones, rising from 0, by group or by cause.

What is drawn comes as arrays from :mod:`survmodel.figures.cumulative_incidence_data`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from survmodel.errors import ConfigError
from survmodel.figures.cumulative_incidence_data import IncidencePlotData, incidence_plot_data
from survmodel.figures.lettering import LONGEST_LABEL, text_width
from survmodel.figures.page import Page, check_width, known_labels, spoken
from survmodel.figures.step_curves import StepNames, draw_at_risk, draw_axes, draw_bands, draw_curve, draw_key, lay_out
from survmodel.figures.style import StudyFigure, current_style, style_settings
from survmodel.formatting import count_noun, format_count, format_number, format_significant
from survmodel.models.cumulative_incidence import CumulativeIncidenceFit
from survmodel.table import one_line


def draw_cumulative_incidence(  # noqa: PLR0913 - one option for each part of the figure
    fit: CumulativeIncidenceFit,
    *,
    cause: str | int | None = None,
    labels: Mapping[str, str] | None = None,
    times: Sequence[float] | None = None,
    at_risk: bool = True,
    limits: bool = True,
    annotation: str = "",
    note: str = "",
    title: str = "",
    width_mm: float | None = None,
) -> StudyFigure:
    """Draw curves of cumulative incidence with the numbers at risk.

    The vertical axis begins at 0. It ends at the first of 0.05, 0.1, 0.2, 0.3, 0.4 and 0.5 that no value drawn exceeds
    (upper limits among them when they are drawn), else at 1; where it ends before 1 a line under the figure says so.

    Parameters
    ----------
    fit : CumulativeIncidenceFit
        The curves.
    cause : str or int, optional
        Label or code of the event to draw. Without it: the event of interest (code 1) when there are groups, and all
        causes, each with a look of its own, when there is one group.
    labels : mapping of str to str, optional
        What to show for the level of a group or for a cause; ``"time"`` and ``"incidence"`` name the axes. Other keys
        are not used.
    times : sequence of float, optional
        Ticks of the time axis, on which the numbers at risk are counted; chosen for the unit of time without it.
        Where numbers would run into each other some are left out of the figure, not of its data.
    at_risk : bool
        Show the numbers at risk (of any event).
    limits : bool
        Show pointwise confidence limits as bands.
    annotation : str
        Text for an empty place of the axes, for example the p-value of a test; may have several lines.
    note : str
        Text under the figure, after the type of the limits and the competing events.
    title : str
        Heading; journals put it in the legend.
    width_mm : float, optional
        Width in print; one column of the journal style without it.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (the rows of ``fit.tidy()`` that are drawn), ``at_risk_data`` and
        ``alt_text``.

    Raises
    ------
    ConfigError
        When `fit` holds no curves of cumulative incidence or not the cause, or the width makes no sense.
    EndpointError
        When `times` are not numbers from 0 up.

    Examples
    --------
    >>> from survmodel import CumulativeIncidence, Outcome
    >>> outcome = Outcome([2, 4, 5, 7, 9], [1, 2, 0, 1, 0], unit="months", causes={1: "relapse", 2: "death"})
    >>> draw_cumulative_incidence(CumulativeIncidence().fit(outcome), cause="relapse").alt_text
    'Cumulative incidence of relapse: All (n = 5, 2 events, 0.50 at 8 months).'
    """
    if not isinstance(fit, CumulativeIncidenceFit):
        raise ConfigError(
            "draw_cumulative_incidence draws curves of cumulative incidence",
            f"found {type(fit).__name__}",
            "pass sm.CumulativeIncidence().fit(outcome)",
        )
    style = current_style()
    data = incidence_plot_data(fit, cause, times, limits=limits)
    known = known_labels(labels)
    names = _names(fit, data, known)
    levels = _write_levels(data)
    with style_settings(style):
        widest = max((text for _, text in levels), key=len)
        page = lay_out(data, names, style, check_width(width_mm, style), at_risk=at_risk, widest=widest)
        fitting, event = _fit_name(page, names, data, known)
        draw_axes(page, data, fitting, levels)
        if limits:
            draw_bands(page.axes, data)
        for position, curve in enumerate(data.curves):
            draw_curve(page.axes, curve, position)
        below = draw_at_risk(page, data, names) if at_risk else page.axis_block
        below = page.draw_note(page.wrap_note(event + _note(fit, data, known, note, limits=limits)), below)
        above = draw_key(page, names, annotation, data.covered_by_curves(limits=limits))
        above = page.draw_title(title, above)
        page.fit_height(above, below)
    figure = page.figure
    tidy = fit.tidy()
    figure.source_data = tidy[tidy["level"].isin(data.causes)].reset_index(drop=True)
    figure.at_risk_data = data.at_risk_table()
    figure.caption = one_line(title) or _subject(data, known)
    figure.alt_text = _alt_text(fit, data, known)
    return figure


def _subject(data: IncidencePlotData, known: Mapping[str, str]) -> str:
    """Name what the curves are about."""
    causes = data.causes
    return "Cumulative incidence" + (f" of {known.get(causes[0], causes[0])}" if len(causes) == 1 else "")


def _curve_names(data: IncidencePlotData, known: Mapping[str, str]) -> list[str]:
    """Name the curves by what tells them apart: the groups, or the causes of one group."""
    if len(data.causes) > 1:
        return [known.get(curve.cause, curve.cause) for curve in data.curves]
    return [known.get(curve.group, curve.group or "All") for curve in data.curves]


def _names(fit: CumulativeIncidenceFit, data: IncidencePlotData, known: Mapping[str, str]) -> StepNames:
    unit = f" ({fit.unit})" if fit.unit else ""
    return StepNames.of(
        data,
        curves=_curve_names(data, known),
        groups=[known.get(group.group, group.group or "All") for group in data.groups],
        time=known.get("time", f"Time{unit}"),
        height=known.get("incidence", _subject(data, known)),
    )


def _fit_name(page: Page, names: StepNames, data: IncidencePlotData, known: Mapping[str, str]) -> tuple[StepNames, str]:
    """Leave a cause that is too long for the name of the axis to the note, where it is not cut."""
    own = "incidence" in known or len(data.causes) > 1
    if own or text_width(names.height[:LONGEST_LABEL], page.size) <= page.height:
        return names, ""
    cause = known.get(data.causes[0], data.causes[0])
    return replace(names, height="Cumulative incidence"), f"Event: {cause}. "


def _write_levels(data: IncidencePlotData) -> list[tuple[float, str]]:
    digits = 1 if data.levels[1] > 0.09 else 2
    return [(float(level), format_number(level, digits)) for level in data.levels]


def _note(
    fit: CumulativeIncidenceFit, data: IncidencePlotData, known: Mapping[str, str], note: str, *, limits: bool
) -> str:
    parts = ["Aalen-Johansen estimates."]
    if limits:
        level = format_significant(100 * fit.conf_level)
        parts.append(f"Bands: pointwise {level}% confidence limits ({fit.conf_type}).")
    if data.competing:
        others = ", ".join(known.get(cause, cause) for cause in data.competing)
        parts.append(f"Competing {'event' if len(data.competing) == 1 else 'events'}: {others}.")
    if data.top < 1:
        parts.append(f"The vertical axis ends at {format_significant(data.top)}, not at 1.")
    return " ".join([*parts, note])


def _alt_text(fit: CumulativeIncidenceFit, data: IncidencePlotData, known: Mapping[str, str]) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    time = data.common_time
    at = f"at {format_significant(time)}" + (f" {spoken(fit.unit)}" if fit.unit else "")
    parts = []
    for curve, name in zip(data.curves, _curve_names(data, known), strict=True):
        place = np.searchsorted(curve.time, time, side="right") - 1
        counts = f"n = {format_count(curve.n)}, {count_noun(curve.n_event, 'event')}"
        parts.append(f"{spoken(name)} ({counts}, {format_number(curve.height[place], 2)} {at})")
    several = f" in {len(data.groups)} groups" if len(data.groups) > 1 else ""
    several = f" of {len(data.causes)} causes" if len(data.causes) > 1 else several
    return f"{spoken(_subject(data, known))}{several}: {'; '.join(parts)}."
