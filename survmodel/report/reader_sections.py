"""The section on readers: how far they agree, how far measurements repeat, and what that does to a hazard ratio."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

from survmodel.formatting import (
    MISSING,
    format_count,
    format_estimate,
    format_interval,
    format_number,
    format_percent,
    format_ratio,
)
from survmodel.naming import begin
from survmodel.performance.agreement import Kappa
from survmodel.performance.attenuation import ASSUMPTIONS, Attenuation
from survmodel.report import sentences
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.imaging_contents import ReaderPart, ReadersOfTracer
from survmodel.table import Table


def reader_blocks(part: ReaderPart) -> Iterator[Block]:
    """Show what the readers agree on.

    Parameters
    ----------
    part : ReaderPart
        The readers.

    Yields
    ------
    Block
        A table of both readers for each tracer, one of kappa, one of repeated measurement.
    """
    if part.reads:
        yield TableBlock(_kappa_table(part.reads), "readers_kappa")
        for one in part.reads:
            if one.kappa.result is not None:
                yield TableBlock(_square(one.tracer, one.kappa.result), f"readers_{one.tracer.lower()}")
    if part.repeats:
        yield TableBlock(_repeats_table(part), "readers_repeats")
    if part.attenuation is not None:
        found = part.attenuation.result
        what = f"Hazard ratio of {part.marker} corrected for measurement error"
        if found is None:
            yield Paragraph(sentences.not_estimable(what, part.attenuation.reason), "missing")
        else:
            yield Paragraph(_attenuation_sentence(part.marker, found))


def _kappa_table(reads: tuple[ReadersOfTracer, ...]) -> Table:
    rows, notes = [], []
    for one in reads:
        share, kappa = one.agreement.result, one.kappa.result
        cells = [MISSING, MISSING]
        if share is not None:
            limits = format_interval(100 * share.conf_low, 100 * share.conf_high, 1)
            cells = [f"{format_percent(share.estimate)} ({limits})", format_count(share.n)]
        value = MISSING if kappa is None else format_estimate(kappa.estimate, kappa.conf_low, kappa.conf_high, 3)
        rows.append([one.tracer, cells[1], cells[0], value])
        if kappa is None:
            notes.append(f"{MISSING} {one.tracer}: {one.kappa.reason.rstrip('.')}.")
        notes += [] if kappa is None else [f"{one.tracer}: {text}." for text in kappa.warnings]
    notes.append(
        "Baseline scans that both readers read. Levels: negative, indeterminate, positive; kappa is not weighted. "
        "Limits of the agreement: Wilson; of kappa: Fleiss, Cohen and Everitt."
    )
    header = ["Tracer", "Scans", "Read alike (95% limits, %)", "Cohen's kappa (95% limits)"]
    return Table(header, rows, "Agreement of the two readers before consensus.", tuple(notes))


def _square(tracer: str, kappa: Kappa) -> Table:
    table = kappa.table
    rows = [[level, *map(format_count, table.counts[place].tolist())] for place, level in enumerate(table.levels)]
    caption = f"{tracer} scans by the first reader (rows) and the second (columns)."
    return Table([" \\ ".join(kappa.names), *table.levels], rows, caption)


def _repeats_table(part: ReaderPart) -> Table:
    rows, notes = [], []
    for one in part.repeats:
        found = one.answer.result
        scale = one.scale or "as measured"
        if found is None:
            rows.append([begin(one.label), one.between, scale, MISSING, MISSING])
            notes.append(f"{MISSING} {one.label}, {one.between}: {one.answer.reason.rstrip('.')}.")
            continue
        value = format_estimate(found.estimate, found.conf_low, found.conf_high, 3)
        rows.append([begin(one.label), one.between, scale, format_count(found.n), value])
    notes.append(
        "ICC(2,1): readers or rules drawn from many, absolute agreement, so that one that always gives more counts as "
        "disagreement; limits from F (Shrout and Fleiss). Patients with a value above 0 by all."
    )
    header = ["Metric", "Between", "Scale", "Patients", "ICC(2,1) (95% limits)"]
    return Table(header, rows, "Repeated measurement of the same baseline scans.", tuple(notes), left=3)


def _attenuation_sentence(marker: str, found: Attenuation) -> str:
    shown = [
        format_ratio(exp(row["estimate"]), exp(row["conf_low"]), exp(row["conf_high"]))
        for row in found.tidy().to_dict("records")
    ]
    warnings = "".join(f" {text}." for text in found.warnings)
    return (
        f"Measurement error draws a hazard ratio towards 1. Hazard ratio of {marker} alone: {shown[0]} as observed, "
        f"{shown[1]} if it were measured without error (reliability {format_number(found.icc, 3)}, Prentice 1982). "
        f"Assumed: {ASSUMPTIONS}.{warnings}"
    )
