"""Dates that contradict each other: birth, diagnosis, treatment, scans, progression, death and last contact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.canonical import CanonicalTables, baseline_scans, origin_dates
from survmodel.data.findings import Finding, Severity

#: Most days between the two baseline scans of a patient.
DAYS_BETWEEN_TRACERS = 14
CHECK_BOTH = "correct the one that is wrong"


def _find(
    tables: CanonicalTables, place: tuple[str, str], code: str, problem: str, where: npt.ArrayLike,
    remedy: str = CHECK_BOTH, severity: Severity = "error",
) -> Iterator[Finding]:  # fmt: skip
    """Make a finding for the rows of a mask, none for an empty one."""
    table, column = place
    positions = np.flatnonzero(np.asarray(where, dtype=bool))
    if positions.size:
        yield tables.places[table].find(code, column, problem, positions, remedy=remedy, severity=severity)


def _of_follow_up(tables: CanonicalTables, patients: pd.Series, column: str) -> pd.Series:
    """Bring a date of follow-up to other rows of the same patients; of a repeated patient the first."""
    follow_up = tables.tables["follow_up"].drop_duplicates("patient_id").set_index("patient_id")
    return patients.map(follow_up[column])


def check_birth_and_diagnosis(tables: CanonicalTables) -> Iterator[Finding]:
    """Find patients who were diagnosed before they were born."""
    patients = tables.tables["patients"]
    if "birth_date" not in patients:
        return
    where = patients["birth_date"] > patients["diagnosis_date"]
    yield from _find(tables, ("patients", "diagnosis_date"), "D120", "diagnosis before birth", where)


def check_diagnosis_before_scan(tables: CanonicalTables) -> Iterator[Finding]:
    """Find diagnoses after the baseline scan, and births after it.

    A patient who was scanned as suspected disease may get the diagnosis afterwards: that is a warning.
    """
    patients = tables.tables["patients"]
    origin = patients["patient_id"].map(origin_dates(tables.tables["scans"]))
    late = patients["diagnosis_date"] > origin
    suspected = patients["suspected"].fillna(value=False).astype(bool)
    place, problem = ("patients", "diagnosis_date"), "diagnosis after the baseline scan"
    remedy = "correct the one that is wrong, or set suspected for a patient scanned before the diagnosis"
    yield from _find(tables, place, "D121", problem, late & ~suspected, remedy)
    remedy = "the interval from diagnosis to scan will be missing"
    yield from _find(tables, place, "D121", problem + " of suspected disease", late & suspected, remedy, "warning")
    if "birth_date" in patients:
        born = patients["birth_date"] > origin
        yield from _find(tables, ("patients", "birth_date"), "D120", "birth after the baseline scan", born)


def check_scans_in_follow_up(tables: CanonicalTables) -> Iterator[Finding]:
    """Find scans after death, and baseline scans after the last contact."""
    scans = tables.tables["scans"]
    place = ("scans", "scan_date")
    dead = scans["scan_date"] > _of_follow_up(tables, scans["patient_id"], "death_date")
    yield from _find(tables, place, "D122", "scan after death", dead, "are the two dates swapped?")
    gone = scans["scan_date"] > _of_follow_up(tables, scans["patient_id"], "last_contact_date")
    baseline = scans.index.isin(baseline_scans(scans).index)
    yield from _find(tables, place, "D123", "baseline scan after the last contact", gone & baseline & ~dead)


def check_vital_status(tables: CanonicalTables) -> Iterator[Finding]:
    """Find vital status and date of death that contradict each other."""
    follow_up = tables.tables["follow_up"]
    status, died = follow_up["vital_status"], follow_up["death_date"].notna()
    place = ("follow_up", "vital_status")
    where = died & status.isin(["alive", "lost"])
    yield from _find(tables, place, "D124", "a date of death, and a status other than dead", where)
    where = ~died & (status == "dead")
    remedy = "find the date; a death without a date has no time"
    yield from _find(tables, ("follow_up", "death_date"), "D125", "dead, and no date of death", where, remedy)


def check_last_contact(tables: CanonicalTables) -> Iterator[Finding]:
    """Find last contacts before a death or a progression."""
    follow_up = tables.tables["follow_up"]
    last = follow_up["last_contact_date"]
    where = (last < follow_up["death_date"]) | (last < follow_up["progression_date"])
    problem = "last contact before progression or death"
    remedy = "the later day is used; correct the dates if they are wrong"
    yield from _find(tables, ("follow_up", "last_contact_date"), "D126", problem, where, remedy, "warning")


def check_death_after_progression(tables: CanonicalTables) -> Iterator[Finding]:
    """Find progressions after death."""
    follow_up = tables.tables["follow_up"]
    where = follow_up["death_date"] < follow_up["progression_date"]
    remedy = "are the two dates swapped?"
    yield from _find(tables, ("follow_up", "progression_date"), "D127", "progression after death", where, remedy)


def check_progression_after_scan(tables: CanonicalTables) -> Iterator[Finding]:
    """Find progressions on the day of the baseline scan or before it: the scan cannot predict them."""
    follow_up = tables.tables["follow_up"]
    origin = follow_up["patient_id"].map(origin_dates(tables.tables["scans"]))
    place = ("follow_up", "progression_date")
    same = follow_up["progression_date"] == origin
    remedy = "is it the finding of the scan itself? It counts as an event at time 0"
    yield from _find(tables, place, "D128", "progression on the day of the baseline scan", same, remedy, "warning")
    before = follow_up["progression_date"] < origin
    remedy = "correct the one that is wrong; a scan after progression is no baseline, use a landmark"
    yield from _find(tables, place, "D129", "progression before the baseline scan", before, remedy)


def check_untreated(tables: CanonicalTables) -> Iterator[Finding]:
    """Find treatment before the baseline scan of patients who are declared untreated."""
    patients, therapy = tables.tables["patients"], tables.tables["therapy"]
    untreated = patients.loc[patients["untreated"].fillna(value=False).astype(bool), "patient_id"]
    origin = therapy["patient_id"].map(origin_dates(tables.tables["scans"]))
    early = (therapy["therapy_date"] < origin) & (therapy["kind"] != "watch_and_wait")
    where = early & therapy["patient_id"].isin(untreated)
    problem = "treatment before the baseline scan of a patient who is declared untreated"
    yield from _find(tables, ("therapy", "therapy_date"), "D130", problem, where, severity="warning")


def check_interval_between_tracers(tables: CanonicalTables) -> Iterator[Finding]:
    """Find patients whose baseline scans of the two tracers lie more than 14 days apart."""
    scans = tables.tables["scans"]
    baseline = baseline_scans(scans)
    first = {
        tracer: baseline.loc[baseline["tracer"] == tracer].groupby("patient_id")["scan_date"].min()
        for tracer in ("cxcr4", "fdg")
    }
    apart = (first["cxcr4"] - first["fdg"]).dt.days.abs() > DAYS_BETWEEN_TRACERS
    far = set(apart.index[apart])
    where = scans.index.isin(baseline.index) & scans["patient_id"].isin(far).to_numpy()
    problem = f"the baseline scans of the two tracers are more than {DAYS_BETWEEN_TRACERS} days apart"
    remedy = "the pair is not eligible for paired comparisons; correct the dates if they are wrong"
    yield from _find(tables, ("scans", "scan_date"), "D131", problem, where, remedy, "warning")
