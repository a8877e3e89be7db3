"""What a report says of models that were validated together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from survmodel.errors import list_values
from survmodel.formatting import format_estimate, format_interval, format_number
from survmodel.naming import percent_level
from survmodel.performance.scoring import HARRELL
from survmodel.performance.validation_result import Validation
from survmodel.report import sentences
from survmodel.report.contents import EndpointPart
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.performance_tables import performance_table
from survmodel.report.validation_contents import ComparisonPart


def comparison_blocks(part: EndpointPart) -> Iterator[Block]:
    """Show the comparisons of an endpoint.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Yields
    ------
    Block
        For each comparison a sentence and the table of performance, or why there is none.
    """
    for one in part.comparisons:
        answer, what = one.validation, f"Comparison of {list_values(list(one.labels))}"
        if answer.result is None:
            if answer.withheld:
                yield Paragraph(f"{what}: not printed: {answer.reason}.")
            else:
                yield Paragraph(sentences.not_estimable(what, answer.reason), "missing")
            continue
        yield Paragraph(_sentence(one, answer.result))
        labels = dict(zip(one.names, one.labels, strict=True))
        caption = f"Performance of {list_values(list(one.labels))}, {part.title}.{sentences.cause_specific_note(part)}"
        table = performance_table(answer.result, labels=labels, caption=caption)
        yield TableBlock(table, "_".join(("performance", *one.names)))


def _sentence(one: ComparisonPart, found: Validation) -> str:
    """Say C of each model and, of two, the difference."""
    parts = []
    for name, label in zip(one.names, one.labels, strict=True):
        scores = found.scores[name].concordance
        limited = np.isfinite(scores.conf_low)
        shown = (
            format_estimate(scores.corrected, scores.conf_low, scores.conf_high, 3)
            if limited
            else format_number(scores.corrected, 3)
        )
        parts.append(f"{shown} for {label}")
    text = f"In other patients of this kind Harrell's C would be about {list_values(parts)}"
    differences = found.differences()
    asked = differences[(differences["measure"] == HARRELL) & (differences["sample"] == "corrected")]
    if len(asked) == 1:
        row = asked.iloc[0]
        limits = format_interval(row["conf_low"], row["conf_high"], 3)
        level = percent_level(found.conf_level)
        text += f"; the difference, {one.labels[0]} less {one.labels[1]}, "
        text += f"{format_number(row['estimate'], 3)} ({level} limits {limits})"
    return f"{text}."
