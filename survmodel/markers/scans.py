"""What is known of the baseline scans of a patient beside uptake: the read, the scanner, the days between tracers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from survmodel.data.canonical import baseline_scans
from survmodel.formatting import count_noun
from survmodel.markers.uptake import READERS, TRACERS, deciding_read

INTERVAL = "scan_interval_days"


@dataclass(frozen=True, slots=True)
class ScanFact:
    """What a column says of the scans.

    Attributes
    ----------
    name, label, unit : str
        Column, how it is shown, its unit.
    role : {"marker", "acquisition"}
        A read is a marker, the rest is how a scan was made.
    """

    name: str
    label: str
    unit: str = ""
    role: str = "acquisition"


#: Every column that `scan_facts` can make.
SCAN_FACTS = (
    *(ScanFact(f"{tracer}_read", f"{tracer.upper()} read", role="marker") for tracer in TRACERS),
    *(ScanFact(f"{tracer}_scanner", f"scanner of the {tracer.upper()} scan") for tracer in TRACERS),
    ScanFact(INTERVAL, "days between the two scans", "days"),
)


@dataclass(frozen=True, slots=True, eq=False)
class ScanFacts:
    """Reads, scanners and intervals by patient.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each patient, in the order given; a column only where something is known.
    facts : tuple of ScanFact
        What its columns say.
    notes : tuple of str
        Counts that the reader should know.
    """

    table: pd.DataFrame
    facts: tuple[ScanFact, ...]
    notes: tuple[str, ...] = ()


def scan_facts(patients: Sequence[str], scans: pd.DataFrame, reads: pd.DataFrame | None = None) -> ScanFacts:
    """Collect what is known of the baseline scans.

    Parameters
    ----------
    patients : sequence of str
        Patient ids, one for each row of the result.
    scans : pandas.DataFrame
        The canonical table; one baseline scan for each patient and tracer.
    reads : pandas.DataFrame, optional
        The canonical table. The consensus decides, else the first reader, else the second; indeterminate is a state of
        its own.

    Returns
    -------
    ScanFacts
        No dates: only the days between the scans.

    Examples
    --------
    >>> scans = pd.DataFrame({
    ...     "scan_id": ["c1", "f1"], "patient_id": ["a", "a"], "tracer": ["cxcr4", "fdg"], "scanner": ["A", "B"],
    ...     "scan_role": ["baseline"] * 2, "scan_date": pd.to_datetime(["2024-05-02", "2024-04-25"]),
    ... })
    >>> scan_facts(["a"], scans).table.iloc[0].to_dict()
    {'cxcr4_scanner': 'A', 'fdg_scanner': 'B', 'scan_interval_days': 7.0}
    """
    table = pd.DataFrame(index=pd.Index(list(patients), name="patient_id"))
    chosen = baseline_scans(scans)
    own = {tracer: chosen[chosen["tracer"].astype(str) == tracer].set_index("patient_id") for tracer in TRACERS}
    own = {tracer: rows for tracer, rows in own.items() if not rows.empty}
    notes = []
    if reads is not None:
        result = deciding_read(reads)
        levels = reads["result"].cat.categories if isinstance(reads["result"].dtype, pd.CategoricalDtype) else None
        for tracer, rows in own.items():
            calls = rows["scan_id"].map(result).reindex(table.index)
            table[f"{tracer}_read"] = pd.Categorical(calls, categories=levels)
            notes += _no_consensus(tracer, rows, reads)
    for tracer, rows in own.items():
        if rows["scanner"].notna().any():
            table[f"{tracer}_scanner"] = rows["scanner"].reindex(table.index)
    if len(own) == len(TRACERS):
        first, second = (own[tracer]["scan_date"].reindex(table.index) for tracer in TRACERS)
        table[INTERVAL] = (first - second).dt.days.abs().astype(float)
    return ScanFacts(table, tuple(fact for fact in SCAN_FACTS if fact.name in table), tuple(notes))


def _no_consensus(tracer: str, scans: pd.DataFrame, reads: pd.DataFrame) -> list[str]:
    agreed = reads.loc[reads["reader"].astype(str) == READERS[0], "scan_id"]
    alone = scans["scan_id"].isin(reads["scan_id"]) & ~scans["scan_id"].isin(agreed)
    if not alone.any():
        return []
    return [f"{count_noun(int(alone.sum()), f'{tracer.upper()} scan')} without a consensus: one reader decides"]
