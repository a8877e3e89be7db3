"""The section on the value that a marker adds: the claim first, then the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from survmodel.errors import list_values
from survmodel.formatting import (
    MISSING,
    count_noun,
    format_interval,
    format_number,
    format_p,
    format_percent,
    format_ratio,
)
from survmodel.naming import INDENT, begin, duration, name_term, percent_level
from survmodel.performance.added_value import AddedValue
from survmodel.performance.nested_test import SIMULATED
from survmodel.performance.validation_result import ENOUGH_FOR_LIMITS
from survmodel.report import sentences
from survmodel.report.added_value_contents import AddedValuePart
from survmodel.report.contents import EndpointPart
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.table import Table

#: What the four levels mean, printed under every claim.
MEANING = (
    "Levels of a claim: supported, inconclusive, no useful value, not assessable. A claim is about these two models, "
    "this endpoint and this marker, which were fixed before the outcomes were joined; it says nothing of treatment."
)

CHANGED = "The question was changed after its lock: this claim is of the changed question, and exploratory."


def added_value_blocks(
    part: EndpointPart, added: AddedValuePart, columns: Mapping[str, str], *, changed: bool = False
) -> Iterator[Block]:
    """Show the claim and its numbers.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.
    added : AddedValuePart
        The comparison.
    columns : mapping of str to str
        Label of each column.
    changed : bool
        Whether the question was changed after it had been locked.

    Yields
    ------
    Block
        The claim, its table and figures, or why there are none.
    """
    found, what = added.answer.result, f"Added value of {added.marker}"
    if found is None:
        yield Paragraph(sentences.not_estimable(what, added.answer.reason), "missing")
        return
    yield Paragraph(f"{found.claim.sentence} Level of the claim: {found.claim.level}.")
    if changed:
        yield Paragraph(CHANGED, "warning")
    yield Paragraph(_test_sentence(found, added))
    caption = f"{begin(what)} to {added.labels[0]}, {part.title}.{sentences.cause_specific_note(part)}"
    table = added_value_table(found, labels=added.labels, caption=caption, columns=columns)
    yield TableBlock(table, "_".join(("added_value", *added.names)))
    yield from added.figures
    if found.action:
        text = f"Net benefit was compared for the declared action: {found.action}."
        yield Paragraph(text)
    yield Paragraph(MEANING)


def _test_sentence(found: AddedValue, added: AddedValuePart) -> str:
    test = found.test
    if test.reason:
        return f"There is no likelihood ratio test: {test.reason}."
    how = " (its distribution simulated under the smaller model, as events are few)" if test.method == SIMULATED else ""
    text = f"The larger model, {added.labels[1]}, was tested against {added.labels[0]} by the likelihood ratio{how}, "
    text += f"on the {count_noun(found.n, 'patient')} who have all its columns"
    text += f"; {count_noun(found.n_missing, 'patient')} lack one" if found.n_missing else ""
    if np.isfinite(found.adequacy):
        text += f". {format_percent(found.new_information)} of the larger model's likelihood ratio is new information"
    return f"{text}. Changes of measures are corrected on the same resamples and have no p-value."


def added_value_table(
    found: AddedValue,
    *,
    labels: tuple[str, str] = ("base", "full"),
    caption: str = "",
    columns: Mapping[str, str] | None = None,
) -> Table:
    """Tabulate what a larger model adds to a smaller one.

    Parameters
    ----------
    found : AddedValue
        As from ``sm.added_value(...)``.
    labels : tuple of (str, str)
        The smaller and the larger model.
    caption : str
        What the table shows.
    columns : mapping of str to str, optional
        Label of each column.

    Returns
    -------
    Table
        Likelihood ratios, new information, hazard ratios of the added columns, and each measure of both models with its
        change.
    """
    test = found.test
    rows = [
        ["Likelihood ratio", *(format_number(value, 2) for value in (test.lr_base, test.lr_full, test.statistic)),
         format_p(test.p_value)],
        ["Degrees of freedom", *(_whole(value) for value in (test.df_base, test.df_full, test.df)), ""],
        ["Fraction of new information", "", "", format_percent(found.new_information), ""],
    ]  # fmt: skip
    for one in found.effect.to_dict("records"):
        ratio = format_ratio(one["estimate"], one["conf_low"], one["conf_high"])
        rows.append([f"Hazard ratio, {name_term(str(one['term']), columns)}", "", ratio, "", ""])
    rows += _measure_rows(found)
    level = percent_level(found.conf_level)
    header = ["", begin(labels[0]), begin(labels[1]), f"Added ({level} limits)", "p"]
    return Table(header, rows, caption, tuple(_notes(found)))


def _measure_rows(found: AddedValue) -> list[list[str]]:
    values, changes = found.validation.tidy(), found.differences()
    changes = changes[changes["sample"] == "corrected"]
    rows = []
    for one in changes.to_dict("records"):
        at = "" if np.isnan(one["horizon"]) else f" at {duration(one['horizon'], found.validation.unit)}"
        own = [_corrected(values, model, one["measure"], one["horizon"]) for model in ("base", "full")]
        change = MISSING
        if own == [MISSING, MISSING]:
            continue
        if np.isfinite(one["estimate"]):
            change = f"{format_number(one['estimate'], 3)} ({format_interval(one['conf_low'], one['conf_high'], 3)})"
        rows.append([f"{begin(str(one['measure']))}{at}, corrected", *own, change, ""])
    if found.decision is not None:
        rows += _benefit_rows(found)
    return rows


def _corrected(values: pd.DataFrame, model: str, measure: object, horizon: float) -> str:
    at = values["horizon"].isna() if np.isnan(horizon) else values["horizon"] == horizon
    own = values[(values["model"] == model) & (values["measure"] == measure) & (values["sample"] == "corrected") & at]
    return format_number(float(own["estimate"].iloc[0]), 3) if len(own) else MISSING


def _benefit_rows(found: AddedValue) -> list[list[str]]:
    if found.decision is None:
        return []
    table = found.decision.tidy()
    shown = table[table["group"] == ""].pivot_table(index="threshold", columns="model", values="estimate", sort=False)
    rows = [["Net benefit out of fold, threshold", "", "", "", ""]]
    for threshold, one in shown.iterrows():
        values = [float(one["base"]), float(one["full"])]
        cells = [format_number(value, 3) for value in (*values, values[1] - values[0])]
        rows.append([f"{INDENT}{format_percent(float(threshold))}", *cells, ""])  # type: ignore[arg-type]
    return rows


def _whole(value: float) -> str:
    return format_number(value, 0) if np.isfinite(value) else MISSING


def _notes(found: AddedValue) -> Iterator[str]:
    yield f"{count_noun(found.n, 'patient')}, {count_noun(found.n_event, 'event')}."
    if found.test.method:
        yield f"p of the likelihood ratio: {found.test.method}."
    if not np.isfinite(found.adequacy):
        yield "Fraction of new information: not estimable unless both likelihood ratios exceed their df."
    used = int(found.validation.glance().iloc[0]["used"])
    yield f"Corrected by {found.validation.method}, {used:,} resamples; a fall of the Brier score is a gain."
    values = found.validation.tidy()
    lacking = values[(values["sample"] == "corrected") & values["estimate"].isna()]
    if len(lacking):
        yield f"Not estimable within these strata: {list_values(list(dict.fromkeys(lacking['measure'])))}."
    if found.n < ENOUGH_FOR_LIMITS:
        yield f"Limits only describe below {ENOUGH_FOR_LIMITS} patients."
