"""The report of total metabolic tumour volume of the OHIF viewer: one row for each segment, then totals of the scan.

The report names no unit of its volumes, and versions of the viewer differ. Its own total, which is in millilitres, says
which one it is: the segments must add up to it in mL or in mm3, and a report in which they do neither is refused. The
threshold with which the segments were made is part of the report too.

References
----------
Ziegler E, Urban T, Brown D, et al. Open Health Imaging Foundation viewer: an extensible open-source framework for
building web-based imaging applications to support cancer research. JCO Clin Cancer Inform 2020;4:336-345.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from survmodel.data.readers.lesion_layout import ExportReader, ExportText, Layout, Source, refuse_header
from survmodel.data.text_rows import refuse_other_delimiter, split_rows

#: Headings of several versions, without case and signs, the surest first.
HEADINGS = {
    "suvmax": ("suvmax", "maxvalue", "max"),
    "suvpeak": ("suvpeak", "peakvalue"),
    "suvmean": ("suvmean", "meanvalue", "mean"),
    "suv_sd": ("suvstd", "stdvalue", "stddev"),
    "volume_ml": ("volume",),
}
LESION, REGION, PATIENT, DAY = ("id", "label"), ("label",), ("patientid",), ("studydate",)
TOTAL = ("lesionglycolysis", "lesionglyoclysisstats")
KNOWN = frozenset(name for names in (*HEADINGS.values(), LESION, REGION, PATIENT, DAY, TOTAL) for name in names)
TOTAL_VOLUME, THRESHOLD = "totalmetabolictumorvolume", "thresholdconfiguration"
#: Segments add up to the total of the report within this share of it; the total is rounded.
SHARE = 0.02
#: Rule of the data schema by strategy and threshold of the viewer.
RULES = {
    ("roistat", 0.41): "41pct", ("roistat", 0.5): "50pct",
    ("range", 2.5): "fixed2.5", ("range", 3.0): "fixed3", ("range", 4.0): "fixed4",
}  # fmt: skip


def split_ohif(text: str, name: str, delimiter: str) -> ExportText:
    """Cut a report into its table and the totals below it.

    Parameters
    ----------
    text : str
        Of the file.
    name : str
        For messages.
    delimiter : str
        One character between cells.

    Returns
    -------
    ExportText
        The table ends at the first blank line; the rows below it are remarks.

    Raises
    ------
    FindingsError
        For a quotation mark that is not closed, or another delimiter.
    """
    rows, lines = split_rows(text, name, delimiter)
    refuse_other_delimiter(rows[0], name, delimiter)
    end = next((i for i, row in enumerate(rows) if not any(cell.strip() for cell in row)), len(rows))
    remarks = tuple(tuple(cell.strip() for cell in row) for row in rows[end:] if any(cell.strip() for cell in row))
    return ExportText(name, rows[0], rows[1:end], tuple(lines[1:end]), remarks)


def lay_out_ohif(export: ExportText) -> Layout:
    """Find the columns of the report.

    Parameters
    ----------
    export : ExportText
        The file.

    Returns
    -------
    Layout
        With the unit of the volumes by the total of the report, and the rule of its threshold.

    Raises
    ------
    FindingsError
        For a report of another program, and for volumes that do not add up to the total.
    """
    places: dict[str, int] = {}
    for i, heading in enumerate(export.header):
        bare = _bare(heading).removeprefix("namedstats")
        if bare in places and bare in KNOWN:
            refuse_header(export, "D010", "the header has this name 2 times", "export the report again", heading)
        places.setdefault(bare, i)
    columns = {name: _find(places, names) for name, names in HEADINGS.items()}
    lesion = _find(places, LESION)
    if lesion is None or columns["suvmax"] is None:
        problem = "the header names no segment, or no maximum of its uptake"
        refuse_header(export, "D190", problem, "export the report with its segment statistics")
    facts = {_bare(row[0]): row[1:] for row in export.remarks}
    found = {"lesion_id": lesion, **{name: source for name, source in columns.items() if source is not None}}
    if "volume_ml" in found:
        unit = _unit_of_volumes(export, found["volume_ml"].at, facts)
        found["volume_ml"] = Source(found["volume_ml"].at, unit)
    patient, day, region = (_find(places, names) for names in (PATIENT, DAY, REGION))
    return Layout(
        found,
        None if patient is None else patient.at,
        None if day is None else day.at,
        None if region is None else region.at,
        total=_find(places, TOTAL),
        total_volume=None,
        patient_text=_first(facts.get("patientid", ())),
        day_text=_first(facts.get("studydate", ())),
        segmentation=_rule(facts.get(THRESHOLD, ())),
    )


def _bare(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _find(places: Mapping[str, int], names: Sequence[str]) -> Source | None:
    """Find a column; one whose heading says SUV is in that unit."""
    name = next((name for name in names if name in places), None)
    return None if name is None else Source(places[name], "SUV" if name.startswith("suv") else "")


def _first(cells: Sequence[str]) -> str:
    return cells[0] if cells else ""


def _unit_of_volumes(export: ExportText, at: int, facts: Mapping[str, Sequence[str]]) -> str:
    """Tell the unit by the total of the report, which is in mL."""
    total = _number(facts.get(TOTAL_VOLUME, ()))
    if math.isnan(total) or total <= 0:
        problem = "the report has no total metabolic tumour volume, by which the unit of its volumes is told"
        refuse_header(export, "D191", problem, "export the whole report, or read it with a column map", "volume")
    volumes = sum(_number([row[at]]) for row in export.rows if len(row) > at)
    for unit, factor in (("mL", 1.0), ("mm3", 1000.0)):
        if abs(volumes - factor * total) <= SHARE * factor * total:
            return unit
    problem = "the volumes of the segments add up to the total of the report neither in mL nor in mm3"
    refuse_header(export, "D191", problem, "recompute the total in the viewer and export the report again", "volume")


def _number(cells: Sequence[str]) -> float:
    """Read the last cell, which stands behind the name of the value."""
    try:
        number = float(cells[-1].strip())
    except (IndexError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _rule(cells: Sequence[str]) -> str:
    """Name the rule of the threshold; "" for one that the data schema does not have."""
    pairs = {_bare(key): value for key, value in zip(cells[::2], cells[1::2], strict=False)}
    strategy = _bare(pairs.get("strategy", ""))
    keys = ("weight",) if strategy == "roistat" else ("ptlower", "minvalue")
    threshold = next((_number([pairs[key]]) for key in keys if key in pairs), math.nan)
    return RULES.get((strategy, threshold), "")


OHIF = ExportReader(split_ohif, lay_out_ohif)
