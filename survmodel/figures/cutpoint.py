"""The cut-point profile: the standardised log-rank statistic at every cut, and where the cut falls in resamples.

The profile is a step curve over the marker, since nothing changes between two values. What would be significant at a
single cut lies well below what the best of all cuts has to exceed; that line comes from the permutations.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from survmodel.errors import ConfigError
from survmodel.figures.lettering import clean_text, shorten, text_width
from survmodel.figures.page import EDGE, POINTS_PER_MM, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.placement import keep_apart
from survmodel.figures.style import StudyFigure, current_style, group_look, mix_with_white, style_settings
from survmodel.figures.ticks import even_ticks
from survmodel.formatting import count_noun, format_count, format_number, format_p_equation, format_percent
from survmodel.models.cutpoint import MaximallySelectedLogrank
from survmodel.models.cutpoint_bootstrap import BootstrapCutpoint
from survmodel.table import one_line

#: Share of the axis that the most frequent cut of the resamples takes.
TALLEST = 0.3
_GREY = "#777777"


def draw_cutpoint(
    result: MaximallySelectedLogrank,
    bootstrap: BootstrapCutpoint | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw the statistic at every cut of a marker, the value it has to exceed, and the cuts of resamples.

    Parameters
    ----------
    result : MaximallySelectedLogrank
        As from ``sm.maximally_selected_logrank(outcome, marker)``.
    bootstrap : BootstrapCutpoint, optional
        As from ``sm.bootstrap_cutpoint(outcome, marker)``: bars at the foot of the axes.
    labels : mapping of str to str, optional
        What to show for the marker; ``"statistic"`` names the other axis.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after what is drawn.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (profile, and shares of the resamples) and ``alt_text``.

    Raises
    ------
    ConfigError
        When the results are something else or of two markers, or the width makes no sense.

    Examples
    --------
    >>> from survmodel.models.cutpoint import maximally_selected_logrank
    >>> from survmodel.outcome.response import Outcome
    >>> random = np.random.default_rng(1)
    >>> suv = pd.Series(random.lognormal(2.0, 0.5, size=60), name="suvmax")
    >>> result = maximally_selected_logrank(Outcome(random.exponential(10.0 / suv), np.ones(60)), suv, permutations=999)
    >>> draw_cutpoint(result).alt_text.split(":")[0]
    'Standardised log-rank statistic at 49 cuts of suvmax'
    """
    if not isinstance(result, MaximallySelectedLogrank) or not isinstance(bootstrap, BootstrapCutpoint | None):
        raise ConfigError(
            "draw_cutpoint draws the search for a cut",
            f"found {type(result).__name__} and {type(bootstrap).__name__}",
            "pass sm.maximally_selected_logrank(outcome, marker) and sm.bootstrap_cutpoint(outcome, marker)",
        )
    if bootstrap is not None and bootstrap.term != result.term:
        raise ConfigError(f"the results are of two markers, {result.term!r} and {bootstrap.term!r}")
    style, known = current_style(), known_labels(labels)
    with style_settings(style):
        page = _lay_out(result, check_width(width_mm, style))
        _draw_axes(page, result, known)
        _draw_profile(page, result)
        if bootstrap is not None:
            _draw_resamples(page, result, bootstrap)
        page.axes.text(4.0, page.height + 0.7 * page.size, _write_cut(result), transform=page.corner, gid="cut-text")
        below = page.draw_note(page.wrap_note(" ".join([*_notes(result, bootstrap), note])), page.axis_block)
        page.fit_height(page.draw_title(title, 1.9 * page.size), below)
    figure = page.figure
    figure.source_data = _table(result, bootstrap)
    figure.caption = one_line(title) or f"Cut-point profile of {one_line(known.get(result.term, result.term))}"
    figure.alt_text = _alt_text(result, bootstrap, known)
    return figure


def _reach(result: MaximallySelectedLogrank) -> tuple[float, float]:
    """Give the ends of the axis of the statistic: 0 and what is drawn lie inside."""
    high = max(float(result.profile.max()), result.critical if np.isfinite(result.critical) else 0.0, 0.0)
    low = min(float(result.profile.min()), 0.0)
    if low < 0 and np.isfinite(result.critical):
        low = min(low, -result.critical)
    return 1.1 * low, 1.1 * max(high, 0.5)


def _lay_out(result: MaximallySelectedLogrank, width_mm: float) -> Page:
    style = current_style()
    widest = max(text_width(text, style.font_size) for _, text in even_ticks(*_reach(result), 6))
    left = EDGE + 1.2 * style.font_size + 2.5 + widest + 5.0
    height = min(0.33 * width_mm * POINTS_PER_MM + 72.0, 190.0)
    return Page.lay_out(style, width_mm, left=left, right=EDGE + 10.0, height=height)


def _draw_axes(page: Page, result: MaximallySelectedLogrank, known: Mapping[str, str]) -> None:
    axes, size = page.axes, page.size
    low, high = float(result.cuts[0]), float(result.cuts[-1])
    margin = 0.03 * (high - low) if high > low else 0.5
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(*_reach(result))
    ticks = even_ticks(low, high, 6)
    middles = [(place - low + margin) / (high - low + 2 * margin) * page.width for place, _ in ticks]
    kept = keep_apart(middles, [text_width(text, size) for _, text in ticks], 4.0)
    axes.set_xticks([ticks[place][0] for place in kept], [ticks[place][1] for place in kept])
    upright = even_ticks(*_reach(result), 6)
    axes.set_yticks([place for place, _ in upright], [text for _, text in upright])
    name = shown_name(known.get(result.term, result.term))
    axes.set_xlabel(shorten(clean_text(f"Cut of {name}"), page.width, size))
    axes.set_ylabel(shorten(clean_text(known.get("statistic", "Standardised statistic")), page.height, size))


def _draw_profile(page: Page, result: MaximallySelectedLogrank) -> None:
    axes, color = page.axes, group_look(0).color
    axes.axhline(0.0, color=_GREY, linewidth=0.6, zorder=1, gid="no-difference")
    if np.isfinite(result.critical):
        for sign in (1.0, -1.0):
            if axes.get_ylim()[0] <= sign * result.critical <= axes.get_ylim()[1]:
                axes.axhline(
                    sign * result.critical, color=_GREY, linewidth=0.8, linestyle=(0, (4.0, 2.0)), zorder=1
                ).set_gid("critical")
    axes.step(result.cuts, result.profile, where="post", color=color, linewidth=1.2, zorder=3, gid="profile")
    axes.axvline(result.cutpoint, color=color, linewidth=0.8, linestyle=(0, (1.0, 1.5)), zorder=2, gid="cut")


def _draw_resamples(page: Page, result: MaximallySelectedLogrank, bootstrap: BootstrapCutpoint) -> None:
    """Draw the share of the resamples that chose each cut, from the foot of the axes upwards."""
    found = bootstrap.tidy()
    inside = found[(found["cutpoint"] >= result.cuts[0]) & (found["cutpoint"] <= result.cuts[-1])]
    if inside.empty:
        return
    low, high = page.axes.get_ylim()
    heights = inside["probability"] / found["probability"].max() * TALLEST * (high - low)
    tint = mix_with_white(group_look(1).color, 0.55)
    lines = page.axes.vlines(inside["cutpoint"], low, low + heights, color=tint, linewidth=1.6, zorder=0)
    lines.set_gid("resamples")


def _write_cut(result: MaximallySelectedLogrank) -> str:
    return f"Best cut {format_number(result.cutpoint, 2)}, {format_p_equation(result.p_value)}"


def _notes(result: MaximallySelectedLogrank, bootstrap: BootstrapCutpoint | None) -> list[str]:
    parts = [f"{count_noun(result.n, 'patient')}, {count_noun(result.n_event, 'event')}."]
    if result.n_strata > 1:
        parts.append(f"Scores within {result.n_strata} strata.")
    parts.append("Above 0: higher values are worse. Dotted line: the best cut.")
    if np.isfinite(result.critical):
        draws = format_count(result.permutations)
        parts.append(f"Dashed lines: what the best of all cuts exceeds in one of twenty of {draws} permutations.")
    if bootstrap is not None:
        used = int(np.isfinite(bootstrap.by_resample).sum())
        parts.append(f"Bars: how often each cut was the best in {format_count(used)} resamples.")
        parts.append(f"On average {format_percent(bootstrap.agreement, 0)} of the patients keep their side.")
    ratios = result.hazard_ratios().set_index("measure")["estimate"]
    shown = ", ".join(
        f"{str(name).removeprefix('at the cut, ')} {format_number(value)}" for name, value in ratios.items()
    )
    return [*parts, f"Hazard ratios: {shown}."]


def _alt_text(result: MaximallySelectedLogrank, bootstrap: BootstrapCutpoint | None, known: Mapping[str, str]) -> str:
    """Describe the figure in one sentence for those who cannot see it."""
    name = spoken(known.get(result.term, result.term))
    text = f"Standardised log-rank statistic at {count_noun(result.cuts.size, 'cut')} of {name}: largest "
    text += f"{format_number(result.statistic, 2)} at {format_number(result.cutpoint, 2)}"
    if np.isfinite(result.critical):
        text += f", where chance exceeds {format_number(result.critical, 2)} once in twenty"
    if bootstrap is not None:
        low, high = format_number(bootstrap.conf_low, 2), format_number(bootstrap.conf_high, 2)
        text += f"; {format_percent(bootstrap.conf_level, 0)} of the cuts of resamples lie from {low} to {high}"
    return f"{text}."


def _table(result: MaximallySelectedLogrank, bootstrap: BootstrapCutpoint | None) -> pd.DataFrame:
    profile = result.tidy().assign(measure="profile")
    if bootstrap is None:
        return profile
    return pd.concat([profile, bootstrap.tidy().assign(measure="resamples")], ignore_index=True)
