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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.errors import DataError, list_values
from survmodel.formatting import count_noun

TRACERS = ("cxcr4", "fdg")
BASELINE = "baseline"
#: Label and unit of each metric of a scan, and of each that depends on the segmentation rule.
METRICS = {"suvmax": ("SUVmax", "SUV"), "suvpeak": ("SUVpeak", "SUV"), "lesions": ("lesions", "")}
RULE_METRICS = {"mtv": ("volume", "mL"), "tlu": ("total uptake", "SUV mL"), "suvmean": ("SUVmean", "SUV")}
#: Metrics that a scan without lesions does not have; of the others its value is 0.
UNDEFINED_WITHOUT_LESIONS = ("suvmax", "suvpeak", "suvmean")
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


def possible_markers(rules: Sequence[str]) -> tuple[Marker, ...]:
    """List every marker that `patient_uptake` can make.

    Parameters
    ----------
    rules : sequence of str
        Segmentation rules that lesions may have been delineated by.

    Returns
    -------
    tuple of Marker
        By tracer.

    Examples
    --------
    >>> [marker.name for marker in possible_markers(["41pct"]) if marker.tracer == "fdg"][:4]
    ['fdg_suvmax', 'fdg_suvpeak', 'fdg_lesions', 'fdg_mtv_41pct']
    """
    markers: list[Marker] = []
    for tracer in TRACERS:
        markers += [_define(tracer, metric) for metric in METRICS]
        markers += [_define(tracer, metric, rule) for rule in rules for metric in RULE_METRICS]
        markers.append(_define_negative(tracer))
    return tuple(markers)


def _define(tracer: str, metric: str, rule: str = "") -> Marker:
    label, unit = RULE_METRICS[metric] if rule else METRICS[metric]
    name = "_".join(word for word in (tracer, metric, rule) if word)
    return Marker(name, f"{tracer.upper()} {label}" + (f" ({rule})" if rule else ""), unit, tracer, rule)


def _define_negative(tracer: str) -> Marker:
    return Marker(f"{tracer}_negative", f"{tracer.upper()} scan without lesions", "", tracer)


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
        for metric, rule, by_scan in _metrics(inside):
            marker = _define(tracer, metric, rule)
            values = by_patient.map(by_scan.astype(float)).astype(float)
            zero = np.nan if metric in UNDEFINED_WITHOUT_LESIONS else 0.0
            table[marker.name] = values.mask(by_patient.isin(negative), zero)
            markers.append(marker)
        has_lesions = by_patient.isin(inside["scan_id"])
        flag = np.where(by_patient.isin(negative), 1.0, np.where(has_lesions, 0.0, np.nan))
        table[f"{tracer}_negative"] = flag
        markers.append(_define_negative(tracer))
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
    result = deciding_read(reads).reindex(empty)
    negative = set(empty[(result == "negative").to_numpy()])
    open_reads = len(empty) - len(negative)
    notes = [f"{count_noun(len(negative), 'scan')} read as negative: volume, total uptake and count 0, SUVs undefined"]
    if open_reads:
        notes.append(f"{count_noun(open_reads, 'scan')} without lesions and not read as negative: uptake missing")
    return negative, notes


def deciding_read(reads: pd.DataFrame) -> pd.Series:
    """Take the consensus of each scan, else the first reader's call, else the second's.

    Parameters
    ----------
    reads : pandas.DataFrame
        Columns scan_id, reader and result.

    Returns
    -------
    pandas.Series
        Result by scan.
    """
    order = reads["reader"].astype(str).map({reader: place for place, reader in enumerate(READERS)})
    ordered = reads.assign(_order=order).sort_values("_order", kind="stable")
    return ordered.drop_duplicates("scan_id").set_index("scan_id")["result"].astype(object)


def _metrics(lesions: pd.DataFrame) -> Iterator[tuple[str, str, pd.Series]]:
    """Yield each metric, its segmentation rule, and its value by scan."""
    for metric in ("suvmax", "suvpeak"):
        if metric in lesions:
            yield metric, "", _largest(lesions, metric)
    yield "lesions", "", lesions.groupby("scan_id")["lesion_id"].nunique()
    if not {"volume_ml", "segmentation"} <= set(lesions.columns):
        return
    rules = lesions["segmentation"].astype(object)
    for rule in sorted(str(one) for one in rules.dropna().unique()):
        inside = lesions[rules == rule]
        volume = _sum(inside, inside["volume_ml"])
        yield "mtv", rule, volume
        if "suvmean" in inside:
            total = _sum(inside, inside["suvmean"] * inside["volume_ml"])
            yield "tlu", rule, total
            yield "suvmean", rule, total / volume.where(volume > 0)


def _largest(lesions: pd.DataFrame, metric: str) -> pd.Series:
    """Largest value of each scan; missing when any lesion lacks it in all of its rows."""
    by_lesion = lesions.groupby(["scan_id", "lesion_id"])[metric].max()
    largest = by_lesion.groupby("scan_id").agg(lambda values: values.max() if values.notna().all() else np.nan)
    return pd.Series(largest)


def _sum(lesions: pd.DataFrame, values: pd.Series) -> pd.Series:
    """Sum of each scan; missing when any lesion lacks its value."""
    return values.groupby(lesions["scan_id"]).agg(lambda parts: parts.sum(skipna=False))
