r"""Uptake of a patient from the lesions of the baseline scans, by tracer and segmentation rule.

With lesions *j* of volume :math:`v_j` and mean uptake :math:`m_j` under one segmentation rule,

==========================  ==========================================================================================
``cxcr4_suvmax``            largest SUVmax of any lesion; the same for ``suvpeak``
``cxcr4_lesions``           number of distinct lesions
``cxcr4_mtv_41pct``         volume under the rule, :math:`\sum_j v_j` [mL]
``cxcr4_tlu_41pct``         total lesion uptake under the rule, :math:`\sum_j m_j v_j` [SUV mL]
``cxcr4_suvmean_41pct``     volume-weighted mean, total uptake over volume [SUV]
``cxcr4_negative``          1 where the scan was read and holds no lesion
==========================  ==========================================================================================

A read-negative scan is a *structural zero*: its volume, total uptake and count are 0, its SUVs are undefined. A scan
that was not made, or not read, is *missing*: everything is. A sum over lesions of which one lacks its value is missing,
never the sum of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.errors import DataError, list_values
from survmodel.formatting import count_noun

TRACERS = ("cxcr4", "fdg")
BASELINE = "baseline"
#: Reads in the order in which they decide whether a scan is negative.
READERS = ("consensus", "reader_1", "reader_2")


@dataclass(frozen=True, slots=True)
class Marker:
    """What a column of uptake holds.

    Attributes
    ----------
    name, label, unit : str
        Column, how it is shown, its unit.
    tracer : str
        Tracer of the scan.
    segmentation : str
        Rule that delineated the lesions, "" where the metric does not depend on it.
    """

    name: str
    label: str
    unit: str
    tracer: str
    segmentation: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Uptake:
    """Patient-level uptake.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each patient, in the order given; index is the patient id.
    markers : tuple of Marker
        What the columns hold.
    notes : tuple of str
        Counts that the reader should know.
    """

    table: pd.DataFrame
    markers: tuple[Marker, ...]
    notes: tuple[str, ...] = ()


def patient_uptake(
    patients: pd.Series, scans: pd.DataFrame, lesions: pd.DataFrame, reads: pd.DataFrame | None = None
) -> Uptake:
    """Compute the uptake of every patient from lesion rows.

    Parameters
    ----------
    patients : pandas.Series
        Patient ids, one for each row of the result.
    scans : pandas.DataFrame
        Columns scan_id, patient_id, tracer and, if there is one, scan_role; only baseline scans count.
    lesions : pandas.DataFrame
        Columns scan_id, lesion_id, segmentation, suvmax and, where measured, suvpeak, suvmean, volume_ml. A lesion may
        stand in several rows, one for each segmentation rule.
    reads : pandas.DataFrame, optional
        Columns scan_id, reader, result. Without reads a scan without lesions counts as negative, and a note says so.

    Returns
    -------
    Uptake
        Markers of the tracers that have scans.

    Raises
    ------
    DataError
        For two baseline scans of one tracer in one patient, and lesions of scans that do not exist.

    Examples
    --------
    >>> scans = pd.DataFrame({"scan_id": ["s1"], "patient_id": ["a"], "tracer": ["cxcr4"]})
    >>> lesions = pd.DataFrame({
    ...     "scan_id": ["s1", "s1"], "lesion_id": ["1", "2"], "segmentation": ["41pct", "41pct"],
    ...     "suvmax": [8.0, 5.0], "suvmean": [4.0, 3.0], "volume_ml": [10.0, 30.0],
    ... })
    >>> uptake = patient_uptake(pd.Series(["a", "b"]), scans, lesions)
    >>> uptake.table.loc["a", ["cxcr4_suvmax", "cxcr4_mtv_41pct", "cxcr4_tlu_41pct", "cxcr4_suvmean_41pct"]].tolist()
    [8.0, 40.0, 130.0, 3.25]
    """
    baseline = _baseline_scans(scans)
    unknown = ~lesions["scan_id"].isin(scans["scan_id"])
    if unknown.any():
        raise DataError(
            f"{count_noun(int(unknown.sum()), 'lesion')} of scans that do not exist", remedy="check scan_id"
        )
    negative, notes = _negative_scans(baseline, lesions, reads)
    table = pd.DataFrame(index=pd.Index(patients.astype(str), name="patient_id"))
    markers: list[Marker] = []
    for tracer in TRACERS:
        own = baseline[baseline["tracer"].astype(str) == tracer]
        if own.empty:
            continue
        by_patient = own.set_index("patient_id")["scan_id"].reindex(table.index)
        inside = lesions[lesions["scan_id"].isin(own["scan_id"])]
        for marker, by_scan, zero in _metrics(tracer, inside):
            values = by_patient.map(by_scan.astype(float)).astype(float)
            table[marker.name] = values.mask(by_patient.isin(negative), zero)
            markers.append(marker)
        has_lesions = by_patient.isin(inside["scan_id"])
        flag = np.where(by_patient.isin(negative), 1.0, np.where(has_lesions, 0.0, np.nan))
        table[f"{tracer}_negative"] = flag
        markers.append(Marker(f"{tracer}_negative", f"{_name(tracer)} scan without lesions", "", tracer))
    return Uptake(table, tuple(markers), tuple(notes))


def _baseline_scans(scans: pd.DataFrame) -> pd.DataFrame:
    chosen = scans
    if "scan_role" in scans:
        role = scans["scan_role"].astype(object)
        chosen = scans[role.isna() | (role == BASELINE)]
    twice = chosen.duplicated(["patient_id", "tracer"])
    if twice.any():
        tracers = sorted(set(chosen.loc[twice, "tracer"].astype(str)))
        raise DataError(
            f"{count_noun(int(twice.sum()), 'patient')} with two baseline scans of one tracer",
            f"tracers {list_values(tracers)}",
            "mark the others as interim or end in scan_role",
        )
    return chosen


def _negative_scans(
    baseline: pd.DataFrame, lesions: pd.DataFrame, reads: pd.DataFrame | None
) -> tuple[set[str], list[str]]:
    """Find the scans that were read and hold no lesion."""
    empty = baseline.loc[~baseline["scan_id"].isin(lesions["scan_id"]), "scan_id"]
    if empty.empty:
        return set(), []
    scans = count_noun(len(empty), "baseline scan")
    if reads is None:
        return set(empty), [f"{scans} without lesions, taken as negative because there are no reads"]
    result = _deciding_read(reads).reindex(empty)
    negative = set(empty[(result == "negative").to_numpy()])
    open_reads = len(empty) - len(negative)
    notes = [f"{count_noun(len(negative), 'scan')} read as negative: volume, total uptake and count 0, SUVs undefined"]
    if open_reads:
        notes.append(f"{count_noun(open_reads, 'scan')} without lesions and not read as negative: uptake missing")
    return negative, notes


def _deciding_read(reads: pd.DataFrame) -> pd.Series:
    """Take the consensus of each scan, else the first reader's call, else the second's."""
    order = reads["reader"].astype(str).map({reader: place for place, reader in enumerate(READERS)})
    ordered = reads.assign(_order=order).sort_values("_order", kind="stable")
    return ordered.drop_duplicates("scan_id").set_index("scan_id")["result"].astype(object)


def _metrics(tracer: str, lesions: pd.DataFrame) -> Iterator[tuple[Marker, pd.Series, float]]:
    """Yield each marker with its value by scan and its value on a negative scan."""
    name = _name(tracer)
    for metric, label in (("suvmax", "SUVmax"), ("suvpeak", "SUVpeak")):
        if metric in lesions:
            yield Marker(f"{tracer}_{metric}", f"{name} {label}", "SUV", tracer), _largest(lesions, metric), np.nan
    count = lesions.groupby("scan_id")["lesion_id"].nunique()
    yield Marker(f"{tracer}_lesions", f"{name} lesions", "", tracer), count, 0.0
    if not {"volume_ml", "segmentation"} <= set(lesions.columns):
        return
    rules = lesions["segmentation"].astype(object)
    for rule in sorted(str(one) for one in rules.dropna().unique()):
        yield from _volumes(tracer, str(rule), lesions[rules == rule])


def _volumes(tracer: str, rule: str, lesions: pd.DataFrame) -> Iterator[tuple[Marker, pd.Series, float]]:
    name = _name(tracer)
    volume = _sum(lesions, lesions["volume_ml"])
    yield Marker(f"{tracer}_mtv_{rule}", f"{name} volume ({rule})", "mL", tracer, rule), volume, 0.0
    if "suvmean" not in lesions:
        return
    total = _sum(lesions, lesions["suvmean"] * lesions["volume_ml"])
    yield Marker(f"{tracer}_tlu_{rule}", f"{name} total uptake ({rule})", "SUV mL", tracer, rule), total, 0.0
    mean = total / volume.where(volume > 0)
    yield Marker(f"{tracer}_suvmean_{rule}", f"{name} SUVmean ({rule})", "SUV", tracer, rule), mean, np.nan


def _largest(lesions: pd.DataFrame, metric: str) -> pd.Series:
    """Largest value of each scan; missing when any lesion lacks it in all of its rows."""
    by_lesion = lesions.groupby(["scan_id", "lesion_id"])[metric].max()
    largest = by_lesion.groupby("scan_id").agg(lambda values: values.max() if values.notna().all() else np.nan)
    return pd.Series(largest)


def _sum(lesions: pd.DataFrame, values: pd.Series) -> pd.Series:
    """Sum of each scan; missing when any lesion lacks its value."""
    return values.groupby(lesions["scan_id"]).agg(lambda parts: parts.sum(skipna=False))


def _name(tracer: str) -> str:
    return tracer.upper()
