"""The section on regions and lesions: what each tracer is worth in a region, and which of them shows a lesion."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.formatting import MISSING, count_noun, format_count, format_estimate, format_p
from survmodel.naming import begin
from survmodel.performance.paired_accuracy import PairedAccuracy
from survmodel.performance.paired_positivity import PairedPositivity
from survmodel.report import sentences
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.imaging_contents import LesionsOfGroup, RegionPart
from survmodel.report.tracer_sections import accuracy_table
from survmodel.table import Table


def region_blocks(part: RegionPart, group_label: str) -> Iterator[Block]:
    """Show both tracers region by region and lesion by lesion.

    Parameters
    ----------
    part : RegionPart
        The regions.
    group_label : str
        Label of the disease group.

    Yields
    ------
    Block
        Accuracy where regions have a reference, else positivity; then the lesions.
    """
    if part.accuracy is not None or part.positivity is not None:
        counts = f"{count_noun(part.n_regions, 'region')} of {count_noun(part.n_patients, 'patient')}"
        yield Paragraph(
            f"Reads by region: {counts}, without those whose two scans lie too many days apart. Regions of a patient "
            "are alike: limits and tests count patients and not regions."
        )
    if part.accuracy is not None:
        yield from _accuracy(part.accuracy.result, part.accuracy.reason)
    if part.positivity is not None:
        yield from _positivity(part.positivity.result, part.positivity.reason)
    if part.lesions:
        yield TableBlock(_lesion_table(part.lesions, group_label), "region_lesions")


def _accuracy(found: PairedAccuracy | None, reason: str) -> Iterator[Block]:
    if found is None:
        yield Paragraph(sentences.not_estimable("Accuracy by region", reason), "missing")
        return
    caption = "Accuracy of both tracers by region, against the reference of each region."
    yield TableBlock(accuracy_table(found, caption, "regions"), "region_accuracy")
    for warning in found.warnings:
        yield Paragraph(begin(warning.rstrip(".")) + ".", "warning")


def _positivity(found: PairedPositivity | None, reason: str) -> Iterator[Block]:
    if found is None:
        yield Paragraph(sentences.not_estimable("Positivity by region", reason), "missing")
        return
    table, square = found.tidy(), found.test
    rows = [
        [f"Positive by {name}", format_count(row["n"]), format_estimate(*_limits(row), 3), ""]
        for name, (_, row) in zip(square.names, table.iloc[:2].iterrows(), strict=True)
    ]
    change = table.iloc[2]
    rows.append(["Difference", format_count(change["n"]), format_estimate(*_limits(change), 3),
                 format_p(float(change["p_value"]))])  # fmt: skip
    notes = [
        f"Positive by both {square.both}, by {square.names[0]} only {square.first_only}, by {square.names[1]} only "
        f"{square.second_only}, by neither {square.neither}.",
        "No region has a reference: this is positivity, and says nothing of who is right.",
        begin(f"{found.conventions}."),
    ]
    left = ((found.n_indeterminate, "indeterminate"), (found.n_missing, "read on one scan only"))
    notes += [f"{count_noun(n, 'region')} left out, {why}." for n, why in left if n]
    header = ["", "Regions", "Estimate (95% limits)", "p"]
    yield TableBlock(Table(header, rows, "Positivity of both tracers by region.", tuple(notes)), "region_positivity")


def _limits(row: object) -> tuple[float, float, float]:
    estimate, low, high = (float(row[name]) for name in ("estimate", "conf_low", "conf_high"))  # type: ignore[index]
    return estimate, low, high


def _lesion_table(lesions: tuple[LesionsOfGroup, ...], group_label: str) -> Table:
    rows, notes = [], []
    for one in lesions:
        counts = [format_count(count) for count in (one.n, one.both, one.cxcr4_only, one.fdg_only)]
        share = MISSING
        if one.share.result is not None:
            share = format_estimate(*_limits(one.share.result.tidy().iloc[0]), 3)
        else:
            notes.append(f"{MISSING} {one.group or 'All'}: {one.share.reason.rstrip('.')}.")
        rows.append([one.group or "All", *counts, share])
    notes.append(
        "Lesions of the two baseline scans, matched one to one within regions by their centroids, else by region. "
        "Limits: percentiles of draws of patients."
    )
    header = [begin(group_label) or "Group", "Patients", "On both scans", "CXCR4 PET only", "FDG PET only",
              "Share on CXCR4 PET only (95% limits)"]  # fmt: skip
    return Table(header, rows, "Lesions that both tracers show, or only one.", tuple(notes))
