"""The section on the two tracers: accuracy against the reference, stages, uptake and lesions of the same patients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from survmodel.formatting import (
    MISSING,
    count_noun,
    format_count,
    format_number,
    format_p,
    format_p_equation,
    format_percent,
)
from survmodel.naming import begin
from survmodel.performance.delong import DeLongTest
from survmodel.performance.paired_accuracy import PairedAccuracy
from survmodel.performance.stage_migration import StageMigration
from survmodel.report import sentences
from survmodel.report.answers import Answer
from survmodel.report.correlation_sections import correlation_blocks
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.entity_uptake_sections import entity_table
from survmodel.report.tracer_contents import TracerPart
from survmodel.table import Table

#: Measures of accuracy that the table shows, and the samples that follow the headline.
MEASURES = ("sensitivity", "specificity", "PPV", "NPV", "accuracy")
CASES = ("best case", "worst case")


def tracer_blocks(part: TracerPart, group_label: str, labels: Mapping[str, str] | None = None) -> Iterator[Block]:
    """Show what the tracers show.

    Parameters
    ----------
    part : TracerPart
        The comparison.
    group_label : str
        Label of the disease group.
    labels : mapping of str to str, optional
        Labels of columns.

    Yields
    ------
    Block
        Sentences, tables and figures.
    """
    whom = f", {part.label} set" if part.label else ""
    of = f" of the {part.label} set" if part.label else ""
    text = f"The tracers are compared in {count_noun(part.n, 'patient')}{of}"
    apart = (
        f"; {count_noun(part.n_apart, 'patient')} left out, whose scans lie too many days apart" if part.n_apart else ""
    )
    yield Paragraph(f"{text}{apart}.")
    if part.accuracy is not None:
        yield from _accuracy(part, whom)
    if part.areas is not None:
        yield _areas(part.areas)
    for one in part.migrations:
        yield from _stages(one)
        if one.result is not None:
            yield from _figure(part, f"tracer_stages_{one.result.names[0].lower()}")
    if part.uptake:
        yield TableBlock(_uptake_table(part, whom, group_label), "tracer_uptake")
        yield from (*_figure(part, "tracer_uptake"), *_figure(part, "tracer_agreement"))
    if part.entities:
        yield TableBlock(entity_table(part.entities, whom), "tracer_entities")
    if part.lesions is not None and part.lesions.result is not None:
        yield Paragraph(_lesions_sentence(part.lesions.result.tidy()))
    elif part.lesions is not None:
        yield Paragraph(sentences.not_estimable("Number of lesions by tracer", part.lesions.reason), "missing")
    yield from _lesion_blocks(part, whom, group_label)
    yield from correlation_blocks(part, labels or {})
    yield from _figure(part, "tracer_correlations")


def _lesion_blocks(part: TracerPart, whom: str, group_label: str) -> Iterator[Block]:
    """Show patterns, regions, and how uptake changed until later scans."""
    if part.patterns:
        yield TableBlock(_pattern_table(part, whom, group_label), "tracer_patterns")
    yield from _figure(part, "tracer_regions")
    for name in part.figures:
        if name.startswith("tracer_change_"):
            yield from _figure(part, name)


def _figure(part: TracerPart, name: str) -> Iterator[Block]:
    if name in part.figures:
        yield part.figures[name]


def _accuracy(part: TracerPart, whom: str) -> Iterator[Block]:
    answer = part.accuracy
    found = None if answer is None else answer.result
    if answer is None or found is None:
        reason = "" if answer is None else answer.reason
        yield Paragraph(sentences.not_estimable("Accuracy of the two tracers", reason), "missing")
        return
    caption = f"Accuracy of the reads of both tracers against the reference ({part.reference}){whom}."
    yield TableBlock(accuracy_table(found, caption, "patients"), "tracer_accuracy")
    for warning in found.warnings:
        yield Paragraph(begin(warning.rstrip(".")) + ".", "warning")


def accuracy_table(found: PairedAccuracy, caption: str, counted: str) -> Table:
    """Show the accuracy of two tests side by side.

    Parameters
    ----------
    found : PairedAccuracy
        Patients, or regions within patients.
    caption : str
        What the table is of.
    counted : str
        What a row of the data is: "patients" or "regions".

    Returns
    -------
    Table
        Measures by test, their differences, best and worst case; how many were verified stands below.
    """
    table = found.tidy()
    own = table[table["sample"] == str(table["sample"].iloc[0])]
    rows = [_accuracy_row(measure, own, found.names) for measure in MEASURES]
    for case in CASES:
        inside = table[table["sample"] == case]
        for measure in MEASURES[:2] if len(inside) else ():
            cells = [_estimate(inside, measure, name) for name in found.names]
            rows.append([f"{begin(measure)}, {case}", *cells, "", ""])
    header = ["", *found.names, f"{found.names[0]} less {found.names[1]} (95% limits)", "p"]
    seen = found.glance().iloc[0]
    notes = [begin(f"{seen['conventions']!s}."),
             f"Verified by the reference: {format_count(seen['n_verified'])} of {format_count(seen['n'])} {counted} "
             f"with both reads, {format_percent(found.verification)}.",
             f"Rows without a case: verified {counted} with a read of yes or no on both scans; an indeterminate read "
             "counts as right in the best case and as wrong in the worst."]  # fmt: skip
    return Table(header, rows, caption, tuple(notes))


def _accuracy_row(measure: str, table: pd.DataFrame, names: tuple[str, str]) -> list[str]:
    cells = [_estimate(table, measure, name) for name in names]
    change = table[table["contrast"].notna() & (table["measure"] == measure)]
    if not len(change):
        return [begin(measure), *cells, MISSING, ""]
    one = change.iloc[0]
    return [begin(measure), *cells, _with_limits(one), format_p(float(one["p_value"]))]


def _estimate(table: pd.DataFrame, measure: str, name: str) -> str:
    own = table[(table["model"] == name) & (table["measure"] == measure)]
    return f"{_with_limits(own.iloc[0])}, n = {format_count(own.iloc[0]['n'])}" if len(own) else MISSING


def _with_limits(one: pd.Series, digits: int = 3) -> str:
    estimate, low, high = (float(one[name]) for name in ("estimate", "conf_low", "conf_high"))
    shown = format_number(estimate, digits)
    if not np.isfinite([low, high]).all():
        return shown
    return f"{shown} ({format_number(low, digits)} to {format_number(high, digits)})"


def _areas(answer: Answer[DeLongTest]) -> Paragraph:
    """Tell how well SUVmax of each tracer tells patients with the disease from those without."""
    found, what = answer.result, "Area under the ROC curve of SUVmax"
    if found is None:
        return Paragraph(sentences.not_estimable(what, answer.reason), "missing")
    table = found.tidy()
    one, other, change = (_with_limits(table.iloc[place]) for place in range(3))
    return Paragraph(
        f"{what} against the reference, in {count_noun(found.n_positive, 'patient')} with and {found.n_negative} "
        f"without the disease: {found.names[0]} {one}, {found.names[1]} {other}; difference {change}, DeLong's test "
        f"{format_p_equation(found.p_value)}. A scan without lesions has no SUVmax and ranks below all others."
    )


def _stages(answer: Answer[StageMigration]) -> Iterator[Block]:
    found = answer.result
    if found is None:
        yield Paragraph(sentences.not_estimable("Stages by tracer", answer.reason), "missing")
        return
    first, second = found.names
    levels, counts = found.table.levels, found.table.counts
    rows = [[level, *map(format_count, counts[place].tolist())] for place, level in enumerate(levels)]
    total = int(counts.sum())
    notes = [
        f"Of {count_noun(total, 'patient')} with both stages {found.n_up} are higher by {second} and {found.n_down} "
        f"lower; exact sign test {format_p_equation(found.sign_p)}.",
        f"Bowker's test of symmetry {format_p_equation(found.bowker[2])}; Stuart-Maxwell test of equal margins "
        f"{format_p_equation(found.stuart_maxwell[2])}.",
    ]
    if found.table.n_missing:
        notes.append(f"{count_noun(found.table.n_missing, 'patient')} left out for want of a stage.")
    caption = f"Stage by {first} (rows) and by {second} (columns), patients with the disease."
    yield TableBlock(
        Table([f"{first} \\ {second}", *levels], rows, caption, tuple(notes)), f"tracer_stages_{first.lower()}"
    )


def _uptake_table(part: TracerPart, whom: str, group_label: str) -> Table:
    rows, notes = [], []
    for one in part.uptake:
        name = one.group or "All"
        if one.answer.result is None:
            rows.append([name, format_count(one.n), MISSING, MISSING, ""])
            notes.append(f"{MISSING} {name}: {one.answer.reason}.")
            continue
        table = one.answer.result.tidy()
        means, ranks = (table.iloc[place] for place in (0, 1))
        rows.append([name, format_count(one.n), _with_limits(means, 2), _with_limits(ranks, 2),
                     format_p(float(ranks["p_value"]))])  # fmt: skip
    header = [begin(group_label) or "Group", "Patients with both", "Ratio of geometric means (95% limits)",
              "Hodges-Lehmann ratio (95% limits)", "p"]  # fmt: skip
    notes.append("CXCR4 SUVmax over FDG SUVmax of the same patient, hottest lesion of each scan; p: signed-rank test.")
    return Table(header, rows, f"SUVmax of the two tracers{whom}.", tuple(notes))


def _lesions_sentence(table: pd.DataFrame) -> str:
    ratio, difference = (table.iloc[place] for place in (0, 1))
    n = count_noun(int(ratio["n"]), "patient")
    return (
        f"Lesions in {n}: CXCR4 PET shows {_with_limits(ratio, 2)} times as many as FDG PET (ratio of means, 95% "
        f"limits by bootstrap of patients); signed-rank test {format_p_equation(float(difference['p_value']))}."
    )


def _pattern_table(part: TracerPart, whom: str, group_label: str) -> Table:
    names = [name for name, _ in part.patterns[0][1]]
    rows = [[label or "All", *(format_count(count) for _, count in counts)] for label, counts in part.patterns]
    notes = (
        "Concordant: the same lesions on both scans. Dominant: lesions that only this tracer shows, and none that only "
        "the other shows. Discordant: both kinds.",
    )
    return Table(
        [begin(group_label) or "Group", *map(begin, names)], rows, f"Patterns of the two tracers{whom}.", notes
    )
