"""The section on models of response."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

from survmodel.formatting import count_noun, format_count, format_number, format_p, format_p_equation, format_ratio
from survmodel.models.response_model import ResponseFit
from survmodel.naming import begin, describe_term_in_table, label_of
from survmodel.report import sentences
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.response_contents import ResponsePart
from survmodel.table import Table


def response_blocks(
    parts: tuple[ResponsePart, ...], labels: Mapping[str, str], units: Mapping[str, str]
) -> Iterator[Block]:
    """Show odds ratios of each model.

    Parameters
    ----------
    parts : tuple of ResponsePart
        The models.
    labels, units : mapping of str to str
        Of columns.

    Yields
    ------
    Block
        A table for each model, or why there is none.
    """
    for part in parts:
        if part.answer.result is None:
            yield Paragraph(sentences.not_estimable(f"Model of {part.outcome}", part.answer.reason), "missing")
            continue
        yield TableBlock(_table(part, part.answer.result, labels, units), f"response_{part.name}")
        for warning in part.answer.result.warnings:
            yield Paragraph(f"{begin(warning)}.", "warning")


def _table(part: ResponsePart, found: ResponseFit, labels: Mapping[str, str], units: Mapping[str, str]) -> Table:
    rows = [
        [
            _name(r, labels, units),
            format_ratio(r["estimate"], r["conf_low"], r["conf_high"]),
            format_p(r["p_value"]),
        ]
        for r in found.odds_ratios().to_dict("records")
    ]
    statistic, df, p = found.likelihood_ratio
    counted = ", ".join(f"{level} {format_count(n)}" for level, n in zip(found.levels, found.counts, strict=True))
    kind = "Proportional odds" if found.is_ordinal else "Logistic regression"
    missing = found.n_missing - part.n_left
    notes = [
        f"{kind}, odds of a better response: {counted}. All columns together: likelihood ratio "
        f"{format_number(statistic)} on {df} df, {format_p_equation(p)}. Limits: Wald.",
        f"{count_noun(part.n_assessed, 'patient')} assessed, {count_noun(part.n_left, 'patient')} not assessed or not "
        f"evaluable{f', {missing} with a missing value in a column' if missing > 0 else ''}: those are left out.",
        "Response is known only when it is assessed; curves by response begin at a landmark.",
    ]
    whom = f", {part.described} set" if part.described else ""
    caption = f"{begin(part.label or part.outcome)}{whom}."
    return Table(["", "Odds ratio (95% limits)", "p"], rows, caption, tuple(notes))


def _name(row: Mapping[Hashable, object], labels: Mapping[str, str], units: Mapping[str, str]) -> str:
    variable, level = str(row["variable"]), str(row["level"] or "")
    if level:
        return f"{begin(label_of(variable, labels))}: {level}, against {row['reference']}"
    return begin(describe_term_in_table(str(row["term"]), variable, labels, units))
