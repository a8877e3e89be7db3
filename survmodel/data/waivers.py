"""What a study accepts on purpose: findings that are waived row by row, patients who are set aside.

Both are declared with a reason, and both stand in the flow of the study. A waiver takes away only the rows it names, so
that a new row with the same problem still stops the run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.canonical import CanonicalTables
from survmodel.data.findings import Finding, FindingsError, Place
from survmodel.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Waiver:
    """A finding that the study accepts.

    Parameters
    ----------
    code : str
        Its code.
    rows : tuple of int
        Lines of the file, the header is line 1; empty for a finding that names no rows.
    reason : str
        Why; it is printed.
    table : str, optional
        The table, when two have the same finding.

    Raises
    ------
    ConfigError
        Without a reason.

    Examples
    --------
    >>> late = Finding("D126", "last contact before death", "follow_up.csv", (4, 9), 2, 50, severity="warning")
    >>> remaining, waived = apply_waivers([late], [Waiver("D126", (9,), "confirmed by telephone")])
    >>> print(remaining[0])
    D126 follow_up.csv row 4 (1 of 50): last contact before death.
    """

    code: str
    rows: tuple[int, ...]
    reason: str
    table: str | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ConfigError(f"the waiver of {self.code} has no reason", remedy="say why the finding is accepted")


@dataclass(frozen=True, slots=True)
class Waived:
    """Rows of a finding that were waived.

    Attributes
    ----------
    finding : Finding
        The finding with the waived rows only.
    reason : str
        Why.
    """

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A patient whom the study sets aside.

    Parameters
    ----------
    patient_id : str
        Letter for letter as in the file; never shown.
    reason : str
        Why; it is printed.

    Raises
    ------
    ConfigError
        Without a reason.
    """

    patient_id: str = field(repr=False)
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ConfigError("an exclusion has no reason", remedy="say why the patient is set aside")


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One line of the flow of patients.

    Attributes
    ----------
    reason : str
        Why patients left.
    n_patients : int
        How many.
    n_left : int
        How many patients remain after it.
    """

    reason: str
    n_patients: int
    n_left: int


def apply_waivers(
    findings: Iterable[Finding], waivers: Sequence[Waiver]
) -> tuple[tuple[Finding, ...], tuple[Waived, ...]]:
    """Take the waived rows out of the findings.

    Parameters
    ----------
    findings : iterable of Finding
        Of reading and of the checks together.
    waivers : sequence of Waiver
        What the study accepts.

    Returns
    -------
    remaining : tuple of Finding
        Every finding that still has rows, and one error for each row that a waiver names without need.
    waived : tuple of Waived
        What was taken away.
    """
    remaining, waived, used = split_waived(findings, waivers)
    idle = [_unused(waiver, rows) for waiver, rows in zip(waivers, used, strict=True) if _is_idle(waiver, rows)]
    return (*remaining, *idle), waived


def split_waived(
    findings: Iterable[Finding], waivers: Sequence[Waiver]
) -> tuple[tuple[Finding, ...], tuple[Waived, ...], tuple[frozenset[int], ...]]:
    """Cut findings in what remains and what is waived.

    Parameters
    ----------
    findings : iterable of Finding
        Some of the findings of a study.
    waivers : sequence of Waiver
        What it accepts.

    Returns
    -------
    remaining : tuple of Finding
        Findings that still have rows.
    waived : tuple of Waived
        What was taken away.
    used : tuple of frozenset of int
        For each waiver, the rows that it took; 0 for a finding without rows.
    """
    remaining: list[Finding] = []
    waived: list[Waived] = []
    used: list[set[int]] = [set() for _ in waivers]
    for finding in findings:
        left: Finding | None = finding
        for i, waiver in enumerate(waivers):
            if left is None or not _concerns(waiver, left):
                continue
            taken, left = _split(left, set(waiver.rows))
            if taken is not None:
                used[i] |= set(taken.rows) or {0}
                waived.append(Waived(taken, waiver.reason))
        if left is not None:
            remaining.append(left)
    return tuple(remaining), tuple(waived), tuple(map(frozenset, used))


def _concerns(waiver: Waiver, finding: Finding) -> bool:
    return waiver.code == finding.code and waiver.table in {None, finding.table}


def _split(finding: Finding, rows: Collection[int]) -> tuple[Finding | None, Finding | None]:
    """Cut a finding in the waived rows and the others."""
    if not finding.rows:
        return (None, finding) if rows else (finding, None)
    taken = tuple(row for row in finding.rows if row in rows)
    kept = tuple(row for row in finding.rows if row not in rows)
    n_left = finding.n_rows - len(taken)
    return (
        replace(finding, rows=taken, n_rows=len(taken)) if taken else None,
        replace(finding, rows=kept, n_rows=n_left) if n_left else None,
    )


def _is_idle(waiver: Waiver, used: Collection[int]) -> bool:
    return bool(set(waiver.rows) - set(used)) if waiver.rows else not used


def _unused(waiver: Waiver, used: Collection[int]) -> Finding:
    rows = tuple(row for row in waiver.rows if row not in used)
    place = f" of {waiver.table}" if waiver.table else ""
    problem = f"a waiver of {waiver.code}{place} finds nothing to waive"
    remedy = "remove the waiver, or correct its code, table and rows; the rows are lines of the file"
    return Finding("D150", problem, rows=rows, n_rows=len(rows), remedy=remedy)


def exclude_patients(
    tables: CanonicalTables, exclusions: Sequence[Exclusion]
) -> tuple[CanonicalTables, tuple[FlowRow, ...]]:
    """Set patients aside, with everything that belongs to them.

    Parameters
    ----------
    tables : CanonicalTables
        What was read.
    exclusions : sequence of Exclusion
        Patients and reasons.

    Returns
    -------
    tables : CanonicalTables
        Without them; rows keep their order and lines.
    flow : tuple of FlowRow
        One line for each reason, in the order of the exclusions.

    Raises
    ------
    FindingsError
        When an exclusion names a patient who is not in the data, or names one twice.
    """
    patients = tables.tables["patients"]["patient_id"]
    flow = count_excluded(patients, exclusions, tables.places["patients"])
    gone = {exclusion.patient_id for exclusion in exclusions}
    scans = tables.tables.get("scans")
    scans_gone = set() if scans is None else set(scans.loc[scans["patient_id"].isin(gone), "scan_id"])
    kept_tables, kept_places, findings = {}, {}, tables.findings
    for name, table in tables.tables.items():
        key, lost = ("patient_id", gone) if "patient_id" in table else ("scan_id", scans_gone)
        keep = ~table[key].isin(lost).to_numpy()
        kept_tables[name] = table.loc[keep].reset_index(drop=True)
        kept_places[name], findings = keep_rows(tables.places[name], findings, keep)
    return replace(tables, tables=kept_tables, places=kept_places, findings=findings), flow


def keep_rows(
    place: Place, findings: Iterable[Finding], keep: npt.NDArray[np.bool_]
) -> tuple[Place, tuple[Finding, ...]]:
    """Forget rows of a file, with what was found in them.

    Parameters
    ----------
    place : Place
        The file and the line of each row.
    findings : iterable of Finding
        Of any file.
    keep : ndarray of bool
        Which rows stay.

    Returns
    -------
    place : Place
        Of the rows that stay; lines are those of the file.
    findings : tuple of Finding
        Without the other rows of this file.
    """
    lines = tuple(line for line, kept in zip(place.lines, keep, strict=True) if kept)
    gone = set(place.lines) - set(lines)
    left = []
    for finding in findings:
        here = finding.table == place.table and finding.file == place.file
        remaining = _split(finding, gone)[1] if here and finding.rows else finding
        if remaining is not None:
            left.append(remaining)
    return replace(place, lines=lines), tuple(left)


def count_excluded(
    ids: pd.Series, exclusions: Sequence[Exclusion], place: Place, column: str = "patient_id"
) -> tuple[FlowRow, ...]:
    """Count the patients whom a study sets aside.

    Parameters
    ----------
    ids : pandas.Series
        Identifiers, one for each patient.
    exclusions : sequence of Exclusion
        Patients and reasons.
    place : Place
        Where the patients stand.
    column : str
        The column of identifiers.

    Returns
    -------
    tuple of FlowRow
        One line for each reason, in the order of the exclusions.

    Raises
    ------
    FindingsError
        When an exclusion names a patient who is not in the data, or names one twice.
    """
    _look_at_exclusions(exclusions, set(ids), place, column)
    flow, left = [], len(ids)
    for reason in dict.fromkeys(exclusion.reason for exclusion in exclusions):
        n = sum(exclusion.reason == reason for exclusion in exclusions)
        left -= n
        flow.append(FlowRow(reason, n, left))
    return tuple(flow)


def _look_at_exclusions(exclusions: Sequence[Exclusion], known: Collection[str], place: Place, column: str) -> None:
    findings, seen = [], set[str]()
    for number, exclusion in enumerate(exclusions, start=1):
        head = f"exclusion {number} ({exclusion.reason})"
        if exclusion.patient_id not in known:
            remedy = "identifiers are compared letter for letter, with blanks, case and leading zeros"
            findings.append(Finding("D151", f"{head} names no patient of the data", place.file, column=column,
                                    remedy=remedy, table=place.table))  # fmt: skip
        elif exclusion.patient_id in seen:
            findings.append(Finding("D151", f"{head} names a patient who is excluded already", place.file,
                                    column=column, remedy="keep one reason", table=place.table))  # fmt: skip
        seen.add(exclusion.patient_id)
    if findings:
        raise FindingsError(findings)
