"""What a report says of models that were validated together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from survmodel.errors import list_values
from survmodel.formatting import format_estimate, format_interval, format_number
from survmodel.naming import percent_level
from survmodel.performance.scoring import HARRELL
from survmodel.performance.validation_result import Validation
from survmodel.report import sentences
from survmodel.report.contents import EndpointPart
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.performance_tables import models_performance_table, performance_table
from survmodel.report.validation_contents import ComparisonPart
from survmodel.report.validation_sections import all_models
from survmodel.table import Table


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
        yield TableBlock(_with_note(table, part), "_".join(("performance", *one.names)))


def performance_blocks(part: EndpointPart) -> Iterator[Block]:
    """Show every measure of each model of an endpoint that was validated.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Yields
    ------
    Block
        One table; nothing where nothing was validated.
    """
    found = [
        (model.label, model.validation.result)
        for model in all_models(part)
        if model.validation is not None and model.validation.result is not None
    ]
    if not found:
        return
    kind = ", by models that count competing events as censored" if part.causes else ""
    caption = f"Performance in other patients, {part.title}{kind}."
    table = _with_note(models_performance_table(found, caption), part)
    yield TableBlock(table, f"validated_{part.name}")


def _with_note(table: Table, part: EndpointPart) -> Table:
    """Say whose values are scored where models stand behind an imputation."""
    if part.imputation is None:
        return table
    note = (
        "Behind an imputation, also for apparent values, patients are completed without their outcome and their "
        "predictions are means over the completed tables."
    )
    return replace(table, footnotes=(*table.footnotes, note))


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
