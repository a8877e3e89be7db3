"""The Kaplan-Meier figure: step curves with limits, censoring marks and the numbers at risk under the time axis.

What is drawn comes as arrays from :mod:`survmodel.figures.kaplan_meier_data`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from survmodel.errors import ConfigError
from survmodel.figures.kaplan_meier_data import CurveData, KmPlotData, km_plot_data
from survmodel.figures.page import check_width, known_labels, spoken
from survmodel.figures.step_curves import (
    StepNames,
    around_axes,
    draw_at_risk,
    draw_axes,
    draw_bands,
    draw_curve,
    draw_key,
    lay_out,
)
from survmodel.figures.style import StudyFigure, current_style, group_look, style_settings
from survmodel.formatting import NOT_REACHED, count_noun, format_count, format_number, format_significant
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.table import one_line


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
    known = known_labels(labels)
    names = _names(fit, data, known, percent=percent)
    with style_settings(style):
        page = lay_out(data, names, style, check_width(width_mm, style), at_risk=at_risk)
        draw_axes(page, data, names, _levels(percent=percent))
        if limits:
            draw_bands(page.axes, data)
        for position, curve in enumerate(data.curves):
            draw_curve(page.axes, curve, position)
            if censor_marks:
                _draw_censor_marks(page.axes, curve, position)
        below = draw_at_risk(page, data, names) if at_risk else page.axis_block
        lines = page.wrap_note(_note(fit, data, note, limits=limits, censor_marks=censor_marks))
        below = page.draw_note(lines, below)
        if median:
            _draw_medians(page.axes, data)
        above = draw_key(page, names, annotation, data.covered(limits=limits, medians=median))
        above = page.draw_title(title, above)
        page.fit_height(above, below)
    figure = page.figure
    figure.source_data = fit.tidy()
    figure.at_risk_data = data.at_risk_table()
    figure.caption = one_line(title) or "Kaplan-Meier curves"
    figure.alt_text = _alt_text(fit, data, [spoken(name) for name in _group_names(fit, known)])
    return figure


def _names(fit: KaplanMeierFit, data: KmPlotData, known: Mapping[str, str], *, percent: bool) -> StepNames:
    groups = _group_names(fit, known)
    unit = f" ({fit.unit})" if fit.unit else ""
    survival = known.get("survival", "Survival (%)" if percent else "Survival probability")
    return StepNames.of(data, curves=groups, groups=groups, time=known.get("time", f"Time{unit}"), height=survival)


def _group_names(fit: KaplanMeierFit, known: Mapping[str, str]) -> list[str]:
    return [known.get(group, group or "All") for group in fit.groups]


def _levels(*, percent: bool) -> list[tuple[float, str]]:
    levels = np.linspace(0, 1, 6)
    return [(level, format_number(100 * level, 0) if percent else format_number(level, 1)) for level in levels]


def _draw_censor_marks(axes: Axes, curve: CurveData, position: int) -> None:
    (marks,) = axes.plot(
        curve.censor_time, curve.censor_survival, color=group_look(position).color, linestyle="none", marker="|",
        markersize=4.0, markeredgewidth=0.6, zorder=3.5,
    )  # fmt: skip
    marks.set_gid(f"censored-{position + 1}")
    marks.set_clip_box(around_axes(axes))


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


def _alt_text(fit: KaplanMeierFit, data: KmPlotData, names: Sequence[str]) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    unit = f" {spoken(fit.unit)}" if fit.unit else ""
    parts = []
    for curve, name in zip(data.curves, names, strict=True):
        median = format_significant(curve.median) + unit if np.isfinite(curve.median) else NOT_REACHED
        parts.append(f"{name} (n = {format_count(curve.n)}, {count_noun(curve.n_event, 'event')}, median {median})")
    curves = "curve" if len(parts) == 1 else f"curves of {len(parts)} groups"
    return f"Kaplan-Meier {curves}, survival free of {spoken(fit.endpoint)}: {'; '.join(parts)}."
