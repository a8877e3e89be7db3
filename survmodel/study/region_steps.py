"""Regions and lesions of both tracers: accuracy where regions have a reference, else positivity; which shows more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from survmodel.data.canonical import baseline_scans
from survmodel.markers.uptake import TRACERS
from survmodel.performance.paired_accuracy import PairedAccuracy, paired_accuracy
from survmodel.performance.paired_positivity import PairedPositivity, paired_positivity
from survmodel.performance.paired_uptake import PairedValues, paired_counts
from survmodel.report.answers import Answer
from survmodel.report.imaging_contents import LesionsOfGroup, RegionPart
from survmodel.study.known_columns import group_columns
from survmodel.study.preparation import Prepared
from survmodel.study.step_parts import Progress, Rows, attempt_possible, list_levels, silent
from survmodel.study.tracer_steps import CODES, NAMES

#: Lesions of a patient on both scans, on CXCR4 PET only and on FDG PET only.
LESIONS = ("lesions_both", "lesions_cxcr4_only", "lesions_fdg_only")


def region_part(prepared: Prepared, patients: Sequence[str], progress: Progress = silent) -> RegionPart | None:
    """Compare the tracers region by region and lesion by lesion.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    patients : sequence of str
        Who is compared.
    progress : callable
        Is told the name of each step before it begins.

    Returns
    -------
    RegionPart or None
        None where there are neither regions nor matched lesions.
    """
    table = prepared.cohort.table.loc[list(patients)]
    lesions = tuple(_lesions(table, group_columns(prepared.study.settings)[0], prepared, progress))
    tables = prepared.data.tables
    regions = _side_by_side(tables["scans"], tables["region_reads"], patients) if "region_reads" in tables else None
    if regions is None or not regions[list(TRACERS)].notna().all(axis=1).any():
        return RegionPart(lesions=lesions) if lesions else None
    calls = [regions[tracer].map(CODES) for tracer in TRACERS]
    seed, whose = prepared.study.settings.seed, regions["patient_id"]
    truth = regions["reference"].map({"positive": 1.0, "negative": 0.0}).astype(float)
    part = RegionPart(lesions=lesions, n_regions=len(regions), n_patients=int(whose.nunique()))
    if truth.notna().any():
        accuracy: Answer[PairedAccuracy] = attempt_possible(
            "regions/accuracy",
            lambda: paired_accuracy(truth, *calls, names=NAMES, cluster=whose, seed=seed),
            progress,
        )
        return replace(part, accuracy=accuracy)
    positivity: Answer[PairedPositivity] = attempt_possible(
        "regions/positivity", lambda: paired_positivity(*calls, names=NAMES, cluster=whose, seed=seed), progress
    )
    return replace(part, positivity=positivity)


def _side_by_side(scans: pd.DataFrame, reads: pd.DataFrame, patients: Sequence[str]) -> pd.DataFrame:
    """Give each region of a patient one row: both reads, and the reference, with whichever read it stands."""
    base = baseline_scans(scans)
    known = base[base["patient_id"].isin(patients)].set_index("scan_id")[["patient_id", "tracer"]].astype(str)
    rows = reads.join(known, on="scan_id", how="inner").astype({"region": str, "result": object, "reference": object})
    key = ["patient_id", "region"]
    wide = rows.pivot(index=key, columns="tracer", values="result").reindex(columns=list(TRACERS))
    return wide.join(rows.groupby(key)["reference"].first()).reset_index()


def _lesions(
    table: pd.DataFrame, group: str | None, prepared: Prepared, progress: Progress
) -> Iterator[LesionsOfGroup]:
    if not set(LESIONS) <= set(table.columns):
        return
    everybody: list[tuple[str, Rows]] = [("", np.arange(len(table)))]
    groups = list(list_levels(table[group])) if group is not None and group in table else []
    for label, rows in (*everybody, *groups):
        counts = table[list(LESIONS)].iloc[rows].astype(float).dropna()
        if not counts.to_numpy().any():
            continue
        both, first, second = (int(counts[name].sum()) for name in LESIONS)
        step = "/".join(word for word in ("regions/lesions", label) if word)
        share = partial(_share, counts[LESIONS[1]], counts.sum(axis=1), prepared.study.settings.seed)
        yield LesionsOfGroup(label, len(counts), both, first, second, attempt_possible(step, share, progress))


def _share(alone: pd.Series, every: pd.Series, seed: int) -> PairedValues:
    """Give the share of lesions that CXCR4 PET alone shows, with patients drawn with replacement."""
    found = paired_counts(alone, every, names=("CXCR4 only", "all"), seed=seed)
    # The test of ranks compares a part with its whole, which says nothing; neither do its warnings.
    share = found.rows[0] | {"measure": "share on CXCR4 PET only"}
    return replace(found, rows=(share,), warnings=())
