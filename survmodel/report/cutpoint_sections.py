"""The section on searched cut-points: the continuous effect first, then the cut with what keeps it honest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from survmodel.formatting import (
    count_noun,
    format_count,
    format_interval,
    format_number,
    format_p,
    format_p_equation,
    format_percent,
    format_ratio,
)
from survmodel.models.cutpoint import METHODS, MaximallySelectedLogrank
from survmodel.models.cutpoint_bootstrap import BootstrapCutpoint
from survmodel.naming import begin, percent_level
from survmodel.report import sentences
from survmodel.report.contents import EndpointPart
from survmodel.report.cutpoint_contents import CutpointPart
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.table import Table

#: Why a searched cut is shown at all, and with what.
EXPLORATORY = (
    "Cut-points searched in the same patients are exploratory: the best of many cuts looks good by chance. The p-value "
    "knows of the search, the hazard ratio is given shrunken and cross-validated beside the one found, and the "
    "continuous effect, which no cut can choose, comes first. No model of this report uses such a cut."
)


def cutpoint_blocks(part: EndpointPart) -> Iterator[Block]:
    """Show the searches of an endpoint.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Yields
    ------
    Block
        For each marker a sentence, the profile and a table, or why there are none.
    """
    yield Paragraph(EXPLORATORY)
    for one in part.cutpoints:
        found, stable = one.search.result, one.stability.result
        if found is None:
            yield Paragraph(sentences.not_estimable(f"The cut of {one.label}", one.search.reason), "missing")
            continue
        yield Paragraph(_sentence(one, found, stable))
        if one.figure is not None:
            yield one.figure
        caption = f"Cut-point of {one.label}, {part.title}.{sentences.cause_specific_note(part)}"
        yield TableBlock(cutpoint_table(found, stable, caption=caption), f"cutpoint_{part.name}_{one.marker}")


def _sentence(one: CutpointPart, found: MaximallySelectedLogrank, stable: BootstrapCutpoint | None) -> str:
    first = found.hazard_ratios().iloc[0]
    ratio = format_ratio(first["estimate"], first["conf_low"], first["conf_high"])
    text = f"Continuous effect of {one.label}: hazard ratio {ratio} for one standard deviation, "
    text += f"{format_p_equation(first['p_value'])}. The best of {format_count(found.cuts.size)} cuts is "
    text += f"{format_number(found.cutpoint)} ({format_p_equation(found.p_value)} by {METHODS[found.method]})"
    if stable is not None:
        limits = format_interval(stable.conf_low, stable.conf_high)
        text += (
            f"; in resamples it falls between {limits}, and {format_percent(stable.agreement)} of the patients keep "
        )
        text += "their side"
    return f"{text}."


def cutpoint_table(
    found: MaximallySelectedLogrank, stable: BootstrapCutpoint | None = None, *, caption: str = ""
) -> Table:
    """Tabulate a searched cut-point with what belongs to it.

    Parameters
    ----------
    found : MaximallySelectedLogrank
        The search.
    stable : BootstrapCutpoint, optional
        The same search in resamples.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        Continuous effect, cut, hazard ratios at the cut, stability.
    """
    rows = []
    for number, one in enumerate(found.hazard_ratios().to_dict("records")):
        limited = np.isfinite(one["conf_low"])
        shown = format_number(one["estimate"])
        if limited:
            shown = format_ratio(one["estimate"], one["conf_low"], one["conf_high"])
        rows.append([f"Hazard ratio, {one['measure']}", shown, "" if number else format_p(one["p_value"])])
        if not number:
            rows.append(["Best cut (patients above it against the others)", format_number(found.cutpoint), ""])
            rows.append(["Largest standardised statistic", format_number(found.statistic), format_p(found.p_value)])
    if stable is not None:
        level = percent_level(stable.conf_level)
        rows.append([f"Cuts of resamples, {level}", format_interval(stable.conf_low, stable.conf_high), ""])
        rows.append(["Patients on the same side in resamples", format_percent(stable.agreement), ""])
        rows.append(["Resamples of the same direction", format_percent(stable.same_direction), ""])
    notes = [
        f"{count_noun(found.n, 'patient')}, {count_noun(found.n_event, 'event')}"
        + (f", scores within {found.n_strata} strata." if found.n_strata > 1 else "."),
        f"{begin(found.conventions)}.",
        "Limits of the hazard ratio at the cut as found ignore the search.",
    ]
    if found.n_missing:
        notes.append(f"{count_noun(found.n_missing, 'patient')} without the marker left out.")
    return Table(["", "Estimate (95% limits)", "p"], rows, caption, tuple(notes))
