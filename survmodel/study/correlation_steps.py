"""Uptake of both tracers against laboratory values, age and burden, and uptake of lesions against their size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from survmodel.data.canonical import baseline_scans
from survmodel.markers.segmenters import first_segmentation
from survmodel.markers.uptake import TRACERS
from survmodel.performance.correlations import RankCorrelations, SizeDependence, rank_correlations, size_dependence
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.study.known_columns import segmentation_rules
from survmodel.study.preparation import Prepared
from survmodel.study.step_parts import Progress, Rows, attempt_possible, list_levels

#: What uptake is set against, where a study has it.
AGAINST = ("age_years", "hemoglobin", "ldh_uln", "b2_microglobulin_uln", "ki67", "albumin", "calcium")
#: Uptake and burden of a scan; volumes follow under the first rule that the data hold.
METRICS, BY_RULE = ("suvmax", "lesions"), ("mtv", "tlu")
#: Fewer patients of a group than this have no correlations of their own.
FEWEST = 10


def correlation_answers(
    table: pd.DataFrame, group: str | None, prepared: Prepared, progress: Progress
) -> Iterator[GroupAnswer[RankCorrelations]]:
    """Correlate the uptake of both tracers with what a study knows of its patients, and with the volume.

    Parameters
    ----------
    table : pandas.DataFrame
        Patients who are compared.
    group : str or None
        Column of the disease group.
    prepared : Prepared
        Data and settings.
    progress : callable
        Is told the name of each step before it begins.

    Yields
    ------
    GroupAnswer of RankCorrelations
        All patients, then each disease group of at least 10; nothing without uptake or anything to set it against.
    """
    rules = [rule for rule in segmentation_rules(prepared.study.settings) if f"cxcr4_mtv_{rule}" in table]
    by_rule = [f"{metric}_{rules[0]}" for metric in BY_RULE] if rules else []
    names = [f"{tracer}_{metric}" for tracer in TRACERS for metric in (*METRICS, *by_rule)]
    uptake = [name for name in names if name in table and table[name].notna().any()]
    burden = [f"{tracer}_mtv_{rules[0]}" for tracer in TRACERS] if rules else []
    against = [name for name in (*AGAINST, *burden) if name in table and _is_number(table[name])]
    if not uptake or not against:
        return
    everybody: list[tuple[str, Rows]] = [("", np.arange(len(table)))]
    groups = list(list_levels(table[group])) if group is not None and group in table else []
    for label, rows in (*everybody, *groups):
        if label and len(rows) < FEWEST:
            continue
        own = table.iloc[rows]
        step = "/".join(word for word in ("tracers/correlations", label) if word)
        compute = partial(_correlate, own[uptake].astype(float), own[against].astype(float))
        answer = attempt_possible(step, compute, progress)
        if not label and (answer.result is None or answer.result.tidy()["estimate"].isna().all()):
            return
        yield GroupAnswer(label, len(rows), 0, answer)


def _correlate(uptake: pd.DataFrame, against: pd.DataFrame) -> RankCorrelations:
    """Correlate, and leave what could not be correlated to the dashes of the table."""
    return replace(rank_correlations(uptake, against), warnings=())


def _size(**columns: Any) -> SizeDependence:  # noqa: ANN401 - the columns of a public call
    """Correlate, and leave the warning to the sentence of the report."""
    return replace(size_dependence(**columns), warnings=())


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and bool(values.notna().any())


def size_answers(
    table: pd.DataFrame, prepared: Prepared, progress: Progress
) -> Iterator[tuple[str, Answer[SizeDependence]]]:
    """Correlate SUVmax of lesions with their volume, for each tracer.

    Parameters
    ----------
    table : pandas.DataFrame
        Patients who are compared.
    prepared : Prepared
        Data and settings.
    progress : callable
        Is told the name of each step before it begins.

    Yields
    ------
    tuple of (str, Answer of SizeDependence)
        Tracer, and its lesions under one segmentation rule.
    """
    tables = prepared.data.tables
    if not {"scans", "lesions"} <= set(tables):
        return
    scans = baseline_scans(tables["scans"])
    scans = scans[scans["patient_id"].astype(str).isin(map(str, table.index))]
    lesions, _ = first_segmentation(tables["lesions"])
    for tracer in TRACERS:
        own = scans[scans["tracer"].astype(str) == tracer].set_index("scan_id")["patient_id"].astype(str)
        inside = lesions[lesions["scan_id"].isin(own.index)]
        rule = inside["segmentation"].astype(str)
        inside = inside[rule == rule.iloc[0]] if len(inside) else inside
        if inside[["suvmax", "volume_ml"]].notna().all(axis=1).sum() == 0:
            continue
        compute = partial(
            _size, uptake=inside["suvmax"].reset_index(drop=True), volume=inside["volume_ml"].reset_index(drop=True),
            patient=inside["scan_id"].map(own).reset_index(drop=True), seed=prepared.study.settings.seed,
        )  # fmt: skip
        yield tracer.upper(), attempt_possible(f"tracers/size/{tracer}", compute, progress)
