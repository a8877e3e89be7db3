"""The table of sensitivity analyses: one row each, beside the declared analysis."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from survmodel.formatting import MISSING, count_noun, format_count, format_number, format_ratio
from survmodel.report import sentences
from survmodel.report.contents import EndpointPart
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.sensitivity_contents import SensitivityPart, SensitivityRow
from survmodel.table import Table

DECLARED = "As declared"


def sensitivity_blocks(part: EndpointPart) -> Iterator[Block]:
    """Show the question under other decisions.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Yields
    ------
    Block
        A sentence and a table for each model.
    """
    for one in part.sensitivity:
        yield Paragraph(sensitivity_sentence(one))
        note = sentences.cause_specific_note(part)
        caption = f"Sensitivity analyses: hazard ratio of {one.marker} in {one.label}, {part.title}.{note}"
        yield TableBlock(sensitivity_table(one, caption), f"sensitivity_{one.model}")


def sensitivity_sentence(part: SensitivityPart) -> str:
    """Say how far the hazard ratio depends on the decisions.

    Parameters
    ----------
    part : SensitivityPart
        The analyses.

    Returns
    -------
    str
        The range over the analyses; without a p-value, for none of them is the question.
    """
    others = [row for row in part.rows if row.name]
    asked = f"The question was asked again under {count_noun(len(others), 'other decision')}"
    single = [_single(row) for row in others]
    found = [value for value in single if np.isfinite(value)]
    declared = _single(part.rows[0])
    if not found or not np.isfinite(declared):
        return f"{asked}."
    low, high = format_number(min(found)), format_number(max(found))
    reach = f"was {low}" if low == high else f"ranged from {low} to {high}"
    lacking = sum(1 for row in others if row.answer.result is None)
    tail = f"; {count_noun(lacking, 'analysis', 'analyses')} could not be made or printed" if lacking else ""
    return f"{asked}: the hazard ratio of {part.marker} {reach}, against {format_number(declared)} as declared{tail}."


def _single(row: SensitivityRow) -> float:
    ratios = row.ratios()
    return float(ratios["estimate"].iloc[0]) if len(ratios) == 1 else np.nan


def sensitivity_table(part: SensitivityPart, caption: str = "") -> Table:
    """Tabulate the analyses.

    Parameters
    ----------
    part : SensitivityPart
        The analyses.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        Patients, events and hazard ratio of each; a reason stands in a footnote.
    """
    rows, notes = [], []
    for row in part.rows:
        name, change = row.name or DECLARED, row.change
        ratios = row.ratios()
        if not len(ratios):
            rows.append([name, change, "", "", MISSING])
            notes.append(f"{MISSING} {name}: {row.answer.reason}")
            continue
        counts = [format_count(count) for count in row.counts]
        for place, one in enumerate(ratios.to_dict("records")):
            ratio = format_ratio(one["estimate"], one["conf_low"], one["conf_high"])
            ratio += f" ({one['term']})" if len(ratios) > 1 else ""
            rows.append([name, change, *counts, ratio] if place == 0 else ["", "", "", "", ratio])
    notes.append("Patients and events: those who have every column of the model.")
    return Table(["Analysis", "Decided otherwise", "Patients", "Events", "Hazard ratio (95% CI)"], rows, caption,
                 tuple(notes))  # fmt: skip
