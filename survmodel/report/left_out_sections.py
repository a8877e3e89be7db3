"""The section on models in groups that they had not seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from survmodel.formatting import MISSING, count_noun, format_count, format_estimate
from survmodel.naming import begin
from survmodel.performance.leave_group_out import AVERAGE, GroupValidation
from survmodel.performance.scoring import HARRELL, SLOPE
from survmodel.report import sentences
from survmodel.report.contents import EndpointPart
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.left_out_contents import LeftOutPart
from survmodel.table import Table


def left_out_blocks(part: EndpointPart) -> Iterator[Block]:
    """Show C of each model in each group that was left out.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Yields
    ------
    Block
        A table for each set of models, or why there is none.
    """
    for number, one in enumerate(part.left_out, start=1):
        found = one.answer.result
        what = f"Models with each {one.column} left out"
        if found is None:
            if one.answer.withheld:
                yield Paragraph(f"{what}: not printed: {one.answer.reason}.")
            else:
                yield Paragraph(sentences.not_estimable(what, one.answer.reason), "missing")
            continue
        name = f"left_out_{part.name}" if number == 1 else f"left_out_{part.name}_{number}"
        yield TableBlock(_table(found, one, part), name)


def _table(found: GroupValidation, one: LeftOutPart, part: EndpointPart) -> Table:
    tidy = found.tidy()
    rows = []
    for group in dict.fromkeys(tidy["group"]):
        for model, label in one.labels.items():
            own = tidy[(tidy["group"] == group) & (tidy["model"] == model)].set_index("measure")
            if HARRELL not in own.index:
                continue
            c = own.loc[HARRELL]
            shown = "Average" if group == AVERAGE else str(group)
            counts = [format_count(int(c["n"])), format_count(int(c["n_event"]))]
            rows.append([shown, label, *counts, _limits(own, HARRELL, 3), _limits(own, SLOPE, 2)])
    notes = [
        "Each model was fitted to the other groups and scored in this one; pairs are of one disease group and stratum. "
        "The average weighs C by usable pairs; how far the groups lie apart tells more. Slope 1: the index separates "
        "patients of the group as strongly as those from whom it was learnt.",
        "Limits: other patients of the same group.",
    ]
    if one.n_unknown:
        notes.append(f"{count_noun(one.n_unknown, 'patient')} without a group or with a missing value left out.")
    notes += [f"{begin(text)}." for text in found.warnings]
    header = [begin(one.column), "Model", "Patients", "Events", "C (95% limits)", "Calibration slope (95% limits)"]
    caption = f"{part.title}: models in groups that they had not seen."
    return Table(header, rows, begin(caption), tuple(notes), left=2)


def _limits(own: pd.DataFrame, measure: str, decimals: int) -> str:
    """Write a measure of one model in one group; a group may have no slope, and an average has none."""
    if measure not in own.index:
        return MISSING
    columns = ["estimate", "conf_low", "conf_high"]
    estimate, low, high = own[columns].to_numpy(dtype=np.float64)[own.index.get_loc(measure)].tolist()
    return MISSING if np.isnan(estimate) else format_estimate(estimate, low, high, decimals)
