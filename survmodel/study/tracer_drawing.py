"""Figures of the two tracers of a study: pairs, agreement, stages, regions, correlations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from survmodel.data.canonical import baseline_scans
from survmodel.errors import SurvmodelError
from survmodel.markers.segmenters import first_segmentation
from survmodel.markers.uptake import TRACERS
from survmodel.naming import begin
from survmodel.report.document import FigureBlock
from survmodel.report.tracer_contents import TracerPart
from survmodel.study.known_columns import group_columns, segmentation_rules
from survmodel.study.preparation import Prepared
from survmodel.study.tracer_steps import SUVMAX, compared_table

if TYPE_CHECKING:
    from survmodel.figures.style import StudyFigure

Keep = Callable[["StudyFigure", str, str], FigureBlock]

#: Widths of figures of one panel, and of several.
NARROW_MM, WIDE_MM = 120.0, 174.0
#: More regions than this are no columns of a figure, fewer patients no rows.
MOST_REGIONS, FEWEST_PATIENTS = 40, 2
#: Fewer changes than this are no waterfall.
FEWEST_CHANGES = 3


def draw_tracers(part: TracerPart, prepared: Prepared, keep: Keep, stamp: str) -> TracerPart:
    """Draw what the comparison of tracers shows.

    Parameters
    ----------
    part : TracerPart
        The comparison.
    prepared : Prepared
        Patients and settings.
    keep : callable
        Writes the files of a figure, and gives its block.
    stamp : str
        What every figure says in plain sight.

    Returns
    -------
    TracerPart
        With its figures by name.
    """
    labels = prepared.study.labels | prepared.cohort.labels
    figures = {}
    for name, caption, figure in _figures(part, prepared, labels, stamp):
        figures[name] = keep(figure, name, caption)
    return replace(part, figures=figures)


def _figures(
    part: TracerPart, prepared: Prepared, labels: Mapping[str, str], stamp: str
) -> Iterator[tuple[str, str, StudyFigure]]:
    table = compared_table(prepared)
    if any(one.answer.result is not None for one in part.uptake):
        yield from _pairs(table, prepared, labels, stamp)
    yield from _stages(part, stamp)
    yield from _regions(table, prepared, stamp)
    yield from _changes(table, prepared, labels, stamp)
    yield from _correlations(part, labels, stamp)


def _pairs(
    table: pd.DataFrame, prepared: Prepared, labels: Mapping[str, str], stamp: str
) -> Iterator[tuple[str, str, StudyFigure]]:
    from survmodel.figures.agreement import draw_agreement
    from survmodel.figures.paired_uptake import draw_paired_uptake

    first, second = SUVMAX
    both = table[[first, second]].notna().all(axis=1)
    group = group_columns(prepared.study.settings)[0]
    several = group is not None and group in table and table.loc[both, group].nunique() > 1
    shown = {"value": "SUVmax", first: "CXCR4", second: "FDG"}
    try:
        figure = draw_paired_uptake(
            table, first, second, group=group if several else None, labels={**labels, **shown}, title=stamp,
            width_mm=WIDE_MM if several else NARROW_MM,
        )  # fmt: skip
        yield "tracer_uptake", "SUVmax of the hottest lesion on both scans of each patient.", figure
        figure = draw_agreement(
            table[first].astype(float), table[second].astype(float), names=("CXCR4 SUVmax", "FDG SUVmax"), title=stamp,
            width_mm=WIDE_MM,
        )  # fmt: skip
        yield "tracer_agreement", "SUVmax of both tracers, and their ratio with limits of agreement.", figure
    except SurvmodelError:
        # too few patients, or an SUV of 0: the table says so
        return


def _stages(part: TracerPart, stamp: str) -> Iterator[tuple[str, str, StudyFigure]]:
    from survmodel.figures.stage_migration import draw_stage_migration

    for answer in part.migrations:
        if answer.result is None:
            continue
        other, own = answer.result.names
        figure = draw_stage_migration(answer.result, title=stamp, width_mm=NARROW_MM)
        yield f"tracer_stages_{other.lower()}", f"Stage by {other} and by {own}, patients with the disease.", figure


def _regions(table: pd.DataFrame, prepared: Prepared, stamp: str) -> Iterator[tuple[str, str, StudyFigure]]:
    from survmodel.figures.regions import draw_regions, region_states

    shown = _shown_regions(table, prepared)
    if shown is None:
        return
    states = region_states(*shown[:2])
    if states.shape[0] < FEWEST_PATIENTS or not 1 <= states.shape[1] <= MOST_REGIONS:
        return
    names = {str(region): str(region).replace("_", " ") for region in states}
    figure = draw_regions(states, labels=names, title=stamp, width_mm=WIDE_MM)
    yield "tracer_regions", f"Regions by tracer, {shown[2]}: each row a patient.", figure


def _shown_regions(table: pd.DataFrame, prepared: Prepared) -> tuple[pd.DataFrame, pd.DataFrame, str] | None:
    """Tell which regions each tracer shows: by the reads of regions, else by where lesions lie."""
    tables = prepared.data.tables
    if "scans" not in tables:
        return None
    scans = baseline_scans(tables["scans"])
    scans = scans[scans["patient_id"].astype(str).isin(map(str, table.index))].astype({"patient_id": str})
    if "region_reads" in tables:
        rows = tables["region_reads"][["scan_id", "region", "result"]].astype({"region": str, "result": object})
        rows = rows[rows["result"].isin(["positive", "negative"])]
        source, value = "as read", rows["result"] == "positive"
    elif "lesions" in tables and "region" in tables["lesions"]:
        rows = first_segmentation(tables["lesions"])[0][["scan_id", "region"]].dropna().astype({"region": str})
        source, value = "with a lesion", pd.Series(data=True, index=rows.index)
    else:
        return None
    rows = rows.assign(value=value).merge(scans[["scan_id", "patient_id", "tracer"]], on="scan_id")
    regions = sorted(rows["region"].unique())
    found = []
    for tracer in TRACERS:
        own = rows[rows["tracer"].astype(str) == tracer]
        wide = own.pivot_table(index="patient_id", columns="region", values="value", aggfunc="max")
        wide = wide.reindex(columns=regions).astype("boolean")
        if source == "with a lesion":
            scanned = scans.loc[scans["tracer"].astype(str) == tracer, "patient_id"].unique()
            wide = wide.reindex(index=sorted(scanned)).fillna(value=False)
        found.append(wide)
    return found[0], found[1], source


def _changes(
    table: pd.DataFrame, prepared: Prepared, labels: Mapping[str, str], stamp: str
) -> Iterator[tuple[str, str, StudyFigure]]:
    """Draw each change of uptake to a later scan that is known of some patients."""
    from survmodel.figures.uptake_change import draw_uptake_change
    from survmodel.markers.change import possible_changes, uptake_change

    for marker in possible_changes(segmentation_rules(prepared.study.settings)):
        known = table[marker.name].dropna().astype(float) if marker.name in table else pd.Series(dtype=float)
        if len(known) < FEWEST_CHANGES:
            continue
        change = uptake_change(np.full(len(known), 100.0), 100.0 + known.to_numpy())
        figure = draw_uptake_change(change, title=stamp, width_mm=NARROW_MM)
        label = begin(labels.get(marker.name, marker.label))
        yield f"tracer_change_{marker.name}", f"{label}: each bar a patient.", figure


def _correlations(part: TracerPart, labels: Mapping[str, str], stamp: str) -> Iterator[tuple[str, str, StudyFigure]]:
    from survmodel.figures.correlations import draw_correlations

    for one in part.correlations:
        if one.answer.result is not None and not one.group:
            figure = draw_correlations(one.answer.result, labels=labels, title=stamp, width_mm=WIDE_MM)
            yield "tracer_correlations", "Rank correlations of uptake, all diseases together.", figure
