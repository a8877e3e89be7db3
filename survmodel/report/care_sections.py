"""What follows a scan: the section on changes of management, and the tables of adverse events."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.formatting import MISSING, count_noun, format_count, format_interval, format_percent
from survmodel.naming import begin
from survmodel.performance.proportions import Proportion
from survmodel.report import sentences
from survmodel.report.answers import Answer
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.imaging_contents import ManagementOfGroup, SafetyOfTracer
from survmodel.table import Table


def management_table(groups: tuple[ManagementOfGroup, ...], group_label: str) -> TableBlock:
    """Show how often the plan was changed after CXCR4 PET.

    Parameters
    ----------
    groups : tuple of ManagementOfGroup
        All patients first.
    group_label : str
        Label of the disease group.

    Returns
    -------
    TableBlock
        One row for each group, one column for each kind of change.
    """
    names = [one.result.label for one in groups[0].shares if one.result is not None]
    rows = [[one.group or "All", format_count(one.n), *map(_share, one.shares)] for one in groups]
    notes = ["The plan after the scan was known against the plan before it. Limits: Wilson, 95%."]
    if groups[0].n_missing:
        notes.append(f"{count_noun(groups[0].n_missing, 'patient')} left out, for whom nothing is said.")
    header = [begin(group_label) or "Group", "Patients", *map(begin, names)]
    caption = "Change of management after CXCR4 PET: patients, share and limits."
    return TableBlock(Table(header, rows, caption, tuple(notes)), "management")


def _share(answer: Answer[Proportion]) -> str:
    found = answer.result
    if found is None:
        return MISSING
    limits = format_interval(100 * found.conf_low, 100 * found.conf_high, 1)
    return f"{format_count(found.n_yes)}, {format_percent(found.estimate)} ({limits})"


def safety_blocks(tracers: tuple[SafetyOfTracer, ...]) -> Iterator[Block]:
    """Show the adverse events after scans.

    Parameters
    ----------
    tracers : tuple of SafetyOfTracer
        By tracer.

    Yields
    ------
    Block
        For each tracer the worst grades by injected activity, then the terms.
    """
    for one in tracers:
        found = one.worst.result
        scans = f"{count_noun(one.n_scans, 'baseline scan')} with {one.tracer}"
        if found is None:
            what = f"Adverse events by injected activity of {one.tracer}"
            yield Paragraph(sentences.not_estimable(what, one.worst.reason), "missing")
        else:
            table = found.to_table()
            notes = [f"{note}." for note in table.footnotes]
            notes.append("A scan without an adverse event counts as grade 0; grades by CTCAE, whatever the cause.")
            if one.n_later:
                notes.append(f"Not among them: {count_noun(one.n_later, 'event')} after later scans.")
            caption = f"Adverse events after {scans}, by injected activity."
            shown = Table(table.header, table.rows, caption, tuple(notes))
            yield TableBlock(shown, f"safety_{one.tracer.lower()}")
        if one.terms:
            yield TableBlock(_terms(one, scans), f"safety_terms_{one.tracer.lower()}")
        else:
            yield Paragraph(f"No adverse event was reported after {scans}.")


def _terms(one: SafetyOfTracer, scans: str) -> Table:
    rows = [[begin(term.name), *map(format_count, term.counts), format_count(term.n_related)] for term in one.terms]
    header = ["Term", *(f"Grade {grade}" for grade in range(1, 6)), "Related to the tracer"]
    note = "Scans by the worst grade of the term; related: said so of at least one event."
    return Table(header, rows, f"Adverse events after {scans}, by term.", (note,))
