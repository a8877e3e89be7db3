"""What follows a scan: changes of management, and adverse events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from survmodel.data.canonical import baseline_scans
from survmodel.data.schema import load_schema
from survmodel.markers.uptake import TRACERS
from survmodel.performance.adverse_events import worst_grades
from survmodel.performance.proportions import proportion
from survmodel.report.imaging_contents import ManagementOfGroup, SafetyOfTracer, TermCount
from survmodel.study.known_columns import group_columns
from survmodel.study.preparation import Prepared
from survmodel.study.step_parts import Progress, Rows, attempt_possible, list_levels, silent

MANAGEMENT, NO_CHANGE = "management_change", "none"


def management_parts(
    prepared: Prepared, patients: Sequence[str], progress: Progress = silent
) -> Iterator[ManagementOfGroup]:
    """Count changes of management after CXCR4 PET, in all patients and by disease group.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    patients : sequence of str
        Who was scanned.
    progress : callable
        Is told the name of each step before it begins.

    Yields
    ------
    ManagementOfGroup
        Nobody where the change was not asked for.
    """
    table = prepared.cohort.table.loc[list(patients)]
    if MANAGEMENT not in table or table[MANAGEMENT].isna().all() or prepared.study.settings.data.is_plain:
        return
    levels = {one.value: one.label for one in load_schema().table("patients").field(MANAGEMENT).categories}
    group = group_columns(prepared.study.settings)[0]
    everybody: list[tuple[str, Rows]] = [("", np.arange(len(table)))]
    groups = list(list_levels(table[group])) if group is not None and group in table else []
    for label, rows in (*everybody, *groups):
        found = table[MANAGEMENT].iloc[rows].astype(object)
        known = found.dropna()
        if known.empty:
            continue
        shares = []
        for name, codes in [
            ("any change", set(levels) - {NO_CHANGE}),
            *((text, {code}) for code, text in levels.items()),
        ]:
            step = "/".join(word for word in ("management", label, name) if word)
            count = partial(proportion, int(known.isin(codes).sum()), len(known), label=name)
            shares.append(attempt_possible(step, count, progress))
        yield ManagementOfGroup(label, len(known), len(found) - len(known), tuple(shares))


def safety_parts(prepared: Prepared, progress: Progress = silent) -> Iterator[SafetyOfTracer]:
    """Count adverse events after the baseline scans of each tracer, by injected activity.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    progress : callable
        Is told the name of each step before it begins.

    Yields
    ------
    SafetyOfTracer
        A tracer without a scan has none. A scan without a row had no event.
    """
    tables = prepared.data.tables
    if not {"scans", "adverse_events"} <= set(tables):
        return
    events, scans = tables["adverse_events"], tables["scans"]
    base = baseline_scans(scans)
    base = base[base["patient_id"].isin(prepared.cohort.table.index)]
    for tracer in TRACERS:
        own = base[base["tracer"].astype(str) == tracer]
        if own.empty:
            continue
        inside = events[events["scan_id"].isin(own["scan_id"])]
        worst = inside.groupby("scan_id")["grade"].max()
        grade = own["scan_id"].map(worst).fillna(0).astype(float)
        later = scans[(scans["tracer"].astype(str) == tracer) & ~scans["scan_id"].isin(own["scan_id"])]
        compute = partial(worst_grades, grade.reset_index(drop=True), own["injected_mbq"].reset_index(drop=True))
        yield SafetyOfTracer(
            tracer.upper(),
            attempt_possible(f"safety/{tracer}", compute, progress),
            tuple(_terms(inside)),
            len(own),
            int(events["scan_id"].isin(later["scan_id"]).sum()),
        )


def _terms(events: pd.DataFrame) -> Iterator[TermCount]:
    """Count the scans after which a term was reported, by its worst grade; spellings that differ by case are one."""
    rows = events.assign(term=events["term"].astype(str).str.strip())
    rows = rows.assign(key=rows["term"].str.casefold(), related=rows["related"].astype(object) == True)  # noqa: E712 - may be missing
    for _, own in rows.groupby("key", sort=True):
        by_scan = own.groupby("scan_id").agg(grade=("grade", "max"), related=("related", "any"))
        counts = np.bincount(by_scan["grade"].to_numpy(dtype=np.int64), minlength=6)[1:]
        yield TermCount(min(own["term"]), tuple(counts.tolist()), int(by_scan["related"].sum()))
