"""The section on PET and residual disease in the marrow at the end of treatment."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.formatting import (
    count_noun,
    format_count,
    format_estimate,
    format_interval,
    format_p_equation,
    format_percent,
)
from survmodel.naming import begin
from survmodel.performance.agreement import Kappa
from survmodel.performance.paired_positivity import PairedPositivity
from survmodel.report import sentences
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.imaging_contents import MrdOfTracer, MrdPart
from survmodel.table import Table


def mrd_blocks(part: MrdPart) -> Iterator[Block]:
    """Show PET beside residual disease.

    Parameters
    ----------
    part : MrdPart
        Both at the end of treatment.

    Yields
    ------
    Block
        A two-by-two table for each tracer, and how many patients are negative by both.
    """
    near = f"within {count_noun(part.days, 'day')}"
    for one in part.tracers:
        found = one.positivity.result
        if found is None:
            what = f"{one.tracer} PET and residual disease"
            yield Paragraph(sentences.not_estimable(what, one.positivity.reason), "missing")
            continue
        yield TableBlock(_table(one, found, near), f"mrd_{one.tracer.lower()}")
    if part.states:
        counts = ", ".join(f"{name} {count}" for name, count in part.states)
        yield Paragraph(
            f"CXCR4 PET and residual disease: {counts}. Both are known only after treatment: they group patients from "
            "the day on which they are known on, and never from baseline."
        )


def _table(one: MrdOfTracer, found: PairedPositivity, near: str) -> Table:
    test = found.test
    pet, marrow = test.names
    rows = [
        [f"{pet} positive", format_count(test.both), format_count(test.first_only)],
        [f"{pet} negative", format_count(test.second_only), format_count(test.neither)],
    ]
    notes = []
    for name, (share, low, high) in zip(test.names, found.shares, strict=True):
        limits = format_interval(100 * low, 100 * high, 1)
        notes.append(f"Positive by {name}: {format_percent(share)} (95% limits {limits}) of {format_count(test.n)}.")
    notes.append(
        f"Difference {format_estimate(*found.difference, 3)}, McNemar {test.method} {format_p_equation(found.p_value)}."
    )
    notes.append(_kappa(one.kappa.result, one.kappa.reason))
    if found.n_indeterminate:
        notes.append(f"{count_noun(found.n_indeterminate, 'patient')} left out: the scan is indeterminate.")
    notes.append("Limits: Wilson; of the difference: Tango. Neither test is the truth of the other.")
    caption = f"{pet} and residual disease in the marrow (MRD) {near} of the end-of-treatment scan."
    return Table(["", f"{marrow} positive", f"{marrow} negative"], rows, caption, tuple(notes))


def _kappa(found: Kappa | None, reason: str) -> str:
    if found is None:
        return begin(sentences.not_estimable("kappa", reason))
    return f"Cohen's kappa {format_estimate(found.estimate, found.conf_low, found.conf_high, 3)}."
