"""Tables that open a report: what so few events can show, and how patients reached the analysis."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from survmodel.formatting import MISSING, count_noun, format_count, format_number, format_significant
from survmodel.naming import INDENT, begin
from survmodel.performance.precision import (
    EVENTS_EXPECTED,
    HALF_WIDTH,
    PER_PARAMETER,
    PER_SD,
    TWO_GROUPS,
    Precision,
)
from survmodel.report.contents import EndpointPart, FlowPart
from survmodel.table import Table

#: Measures of precision in the order of their columns, with heading and decimals.
MEASURES = (
    (EVENTS_EXPECTED, "Expected at data lock", 1),
    (PER_SD, "Smallest HR, per SD", 2),
    (TWO_GROUPS, "Smallest HR, two groups", 2),
    (HALF_WIDTH, "C, half-width", 2),
)


def precision_table(parts: Sequence[EndpointPart], group_label: str = "", notes: Sequence[str] = ()) -> Table:
    """Say what so many events can show.

    Parameters
    ----------
    parts : sequence of EndpointPart
        Endpoints; those without numbers are left out.
    group_label : str
        Label of the disease group.
    notes : sequence of str
        Further footnotes.

    Returns
    -------
    Table
        For each endpoint a row for all patients and one for each group.
    """
    found = [(part, part.precision.result) for part in parts if part.precision and part.precision.result]
    tidies = [precision.tidy() for _, precision in found]
    shown = [
        (measure, head, digits)
        for measure, head, digits in MEASURES
        if any((tidy["measure"] == measure).any() for tidy in tidies)
    ]
    rows: list[list[str]] = []
    for (part, _), tidy in zip(found, tidies, strict=True):
        if len(found) > 1:
            rows.append([begin(part.title), *[""] * (2 + len(shown))])
        for group, own in tidy.groupby("group", sort=False):
            first = own.iloc[0]
            estimates = dict(zip(own["measure"], own["estimate"], strict=True))
            cells = [_cell(estimates.get(measure), digits) for measure, _, digits in shown]
            name = INDENT + (str(group) or "All") if len(found) > 1 or group else "All"
            rows.append([name, format_count(first["n"]), format_count(first["n_event"]), *cells])
    header = [begin(group_label), "Patients", "Events", *(head for _, head, _ in shown)]
    caption = "What the events of this study can show."
    return Table(header, rows, caption, (*_notes(found, group_label), *notes))


def _cell(value: float | None, digits: int) -> str:
    return MISSING if value is None or pd.isna(value) else format_number(value, digits)


def _notes(found: Sequence[tuple[EndpointPart, Precision]], group_label: str) -> list[str]:
    if not found:
        return []
    first = found[0][1]
    power, alpha, level = (format_significant(100 * share) for share in (first.power, first.alpha, 1 - first.alpha))
    notes = [
        f"Smallest HR: hazard ratio above 1 that a two-sided test at {alpha}% finds with {power}% power (Hsieh and "
        "Lavori per standard deviation, Schoenfeld for two equal groups), for a covariate unrelated to the others; "
        "where most patients have the event the power is some points lower.",
        f"C: half-width of the {level}% limits around 0.5 that C of an index that tells nothing has in these patients"
        f"{', pairs within entities' if group_label else ''}.",
    ]
    measures = {measure for _, precision in found for measure in precision.tidy()["measure"]}
    if EVENTS_EXPECTED in measures:
        notes.append(
            "Expected: events if everybody censored before the data lock were followed to it, at a constant rate "
            "within each group."
        )
    for part, precision in found:
        tidy = precision.tidy()
        each = tidy.loc[tidy["measure"] == PER_PARAMETER, "estimate"]
        if len(each) and precision.n_parameters:
            notes.append(
                f"{begin(part.title)}, largest model: {format_number(float(each.iloc[0]), 1)} events for each of "
                f"{count_noun(precision.n_parameters, 'parameter')}."
            )
    if any(precision.reasons for _, precision in found):
        notes.append(f"{MISSING}: not estimable: no event, or no pair of patients that can be compared.")
    return notes


def flow_table(flows: Sequence[FlowPart], n_start: int, notes: Sequence[str] = ()) -> Table:
    """Say how patients reached each analysis.

    Parameters
    ----------
    flows : sequence of FlowPart
        One for each analysis set or endpoint.
    n_start : int
        Patients in the files.
    notes : sequence of str
        Footnotes: what was found in the data and accepted.

    Returns
    -------
    Table
        A section for each analysis, a row for each reason.
    """
    rows = [["In the files", "", format_count(n_start)]]
    for flow in flows:
        rows.append([begin(flow.label), "", ""])
        rows += [[INDENT + begin(why), format_count(gone), format_count(left)] for why, gone, left in flow.steps]
        if not flow.steps:
            rows.append([f"{INDENT}Nobody leaves", format_count(0), format_count(flow.n_end)])
    return Table(["", "Patients leaving", "Patients staying"], rows, "Flow of patients.", notes)
