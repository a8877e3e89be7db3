"""The lesions of a study from the exports of PET programs: one program or several, one file or a folder of them.

An export names the patient, and perhaps the day of the scan; the scan itself is looked up among the scans of the study,
by patient, tracer and day, or the baseline scan of the tracer. A name that is no patient of the study is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from survmodel.data.canonical import baseline_scans
from survmodel.data.columns import Column
from survmodel.data.dates import DateRule, read_dates
from survmodel.data.findings import Finding, FindingsError, Place
from survmodel.data.readers.column_map import COLUMN_MAP, ColumnMap, apply_column_map, find_region, parse_column_map
from survmodel.data.readers.folder import check_same_header, list_files
from survmodel.data.readers.header import Grid, Heading
from survmodel.data.readers.lesion_layout import ExportReader, ExportText, Layout, refuse_header
from survmodel.data.readers.lesion_rows import LesionRows, read_rows
from survmodel.data.readers.lifex import LIFEX
from survmodel.data.readers.ohif import OHIF
from survmodel.data.readers.pmod import PMOD
from survmodel.data.readers.pyradiomics import PYRADIOMICS
from survmodel.data.readers.reading import FilePart, FileRead, read_cells, refuse_by_size
from survmodel.data.readers.slicer import SLICER
from survmodel.data.text_rows import decode_text
from survmodel.errors import ConfigError

READERS: dict[str, ExportReader] = {
    "lifex": LIFEX, "pmod": PMOD, "ohif": OHIF, "slicer": SLICER, "pyradiomics": PYRADIOMICS,
    "column_map": COLUMN_MAP,
}  # fmt: skip
SCAN = "scan_id"


@dataclass(frozen=True, slots=True)
class LesionExport:
    """An export of lesions and what the study says about it.

    Parameters
    ----------
    path : pathlib.Path
        The file, or a folder of files with one header.
    reader : str
        Program that wrote it, a key of `READERS`.
    tracer : {"cxcr4", "fdg"}
        Tracer of the scans that it is of.
    segmentation : str
        Rule that delineated the lesions; "" where the export names it.
    uptake_unit : str
        Unit of the uptake that the study confirms, for an export that names none.
    column_map : pathlib.Path, optional
        TOML file that says where columns stand, and names regions.
    regions : tuple of (str, str)
        Glob pattern for the name of a lesion and its region, the first that fits; without a map of regions they are
        missing.
    date_format : str, optional
        How the export writes days, where no column map says it.
    delimiter, encoding, decimal : str
        How the text is written.
    """

    path: Path
    reader: str
    tracer: str
    segmentation: str = ""
    uptake_unit: str = ""
    column_map: Path | None = None
    regions: tuple[tuple[str, str], ...] = ()
    date_format: str | None = None
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."


#: How a day stands in DICOM.
_DICOM_DAY = "%Y%m%d"
_DAY = Column("date of the scan", "date", optional=True)


@dataclass(frozen=True, slots=True)
class _File:
    """One file of an export, and its column map."""

    export: LesionExport
    name: str
    path: Path
    columns: ColumnMap


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A file with its rows."""

    file: _File
    text: ExportText
    rows: LesionRows
    table: pd.DataFrame
    findings: list[Finding]
    part: FilePart
    n_lines: int


def scan_lesion_exports(
    exports: Sequence[LesionExport],
    columns: Sequence[Column],
    scans: pd.DataFrame,
    *,
    dates: DateRule | None = None,
    table: str = "lesions",
) -> FileRead:
    """Read the lesions of a study and keep the problems of cells as findings.

    Parameters
    ----------
    exports : sequence of LesionExport
        Where they stand; at least one.
    columns : sequence of Column
        Columns of the canonical table.
    scans : pandas.DataFrame
        Columns scan_id, patient_id, tracer, scan_role, scan_date and, if there is one, suv_type.
    dates : DateRule, optional
        Its data lock is heeded.
    table : str
        Name of the canonical table.

    Returns
    -------
    FileRead
        Rows of several files are counted through, as if the files stood below each other.

    Raises
    ------
    FindingsError
        For files that cannot be read, and headers and units that are refused, all of them together.
    OSError
        When a file cannot be opened.
    """
    rule = dates or DateRule()
    read, maps = _read_files(exports, columns, rule, table)
    findings = [finding for one in read for finding in one.findings]
    found = [_find_scans(one, scans, rule) for one in read]
    findings += [finding for _, several in found for finding in several]
    whole = pd.concat([one.table for one in read], ignore_index=True)
    whole[SCAN] = np.array([scan for scans_of_file, _ in found for scan in scans_of_file], dtype=object)
    # A study may accept, row by row, that lesions of others stand in an export: they are no rows of the table.
    keep = whole[SCAN].notna().to_numpy()
    whole = whole.loc[keep].reset_index(drop=True)
    lines = [line for one in read for line in one.rows.lines]
    name = " + ".join(dict.fromkeys(export.path.name for export in exports))
    parts = tuple((one.text.name, one.text.start) for one in read)
    place = Place(name, tuple(line for line, kept in zip(lines, keep, strict=True) if kept), table, parts=parts)
    pieces = (*(one.part for one in read), *maps)
    return FileRead(
        name,
        whole,
        tuple((str(column), int(whole[column].isna().sum())) for column in whole),
        0,
        _hash_parts(pieces),
        sum(part.size for part in pieces),
        place,
        tuple(dict.fromkeys(note for one in read for note in one.rows.notes)),
        tuple(replace(one, table=table, file=name if one.rows else one.file) for one in findings),
        pieces,
    )


def _read_files(
    exports: Sequence[LesionExport], columns: Sequence[Column], rule: DateRule, table: str
) -> tuple[list[_Read], list[FilePart]]:
    """Read every file and every column map; the problems of all files are told together."""
    read: list[_Read] = []
    maps: list[FilePart] = []
    unreadable: list[Finding] = []
    for export in exports:
        columns_of_export, part = _read_map(export)
        maps += [one for one in part if one not in maps]
        headers: list[list[str]] = []
        try:
            files = list_files(export.path)
        except FindingsError as error:
            unreadable += error.findings
            continue
        for name, path in files:
            start = sum(one.n_lines for one in read)
            try:
                one = _read_file(_File(export, name, path, columns_of_export), columns, rule, start, table)
                check_same_header(name, one.text.header, headers)
            except FindingsError as error:
                unreadable += error.findings
                continue
            read.append(one)
    if unreadable:
        raise FindingsError([replace(finding, table=table) for finding in unreadable])
    return read, maps


def _read_map(export: LesionExport) -> tuple[ColumnMap, list[FilePart]]:
    if export.column_map is None:
        return ColumnMap(regions=export.regions), []
    place = export.column_map
    content = place.read_bytes()
    found = parse_column_map(content, place.name)
    if found.regions and export.regions:
        raise ConfigError(f"regions stand in the study file and in {place.name}", remedy="keep one of them")
    part = FilePart(place.name, place, hashlib.sha256(content).hexdigest(), len(content), 0)
    return replace(found, regions=found.regions or export.regions), [part]


def _hash_parts(parts: Sequence[FilePart]) -> str:
    """Hash one file, or the hashes of several."""
    if len(parts) == 1:
        return parts[0].sha256
    return hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest()


def _read_file(file: _File, columns: Sequence[Column], dates: DateRule, start: int, table: str) -> _Read:
    export, name = file.export, file.name
    size = file.path.stat().st_size
    refuse_by_size(name, size)
    data = file.path.read_bytes()
    notes: list[str] = []
    content = decode_text(data, name, export.encoding, notes)
    reader = READERS[export.reader]
    text = reader.split(content, name, export.delimiter)
    text = replace(text, start=start, lines=tuple(start + line for line in text.lines))
    layout = apply_column_map(text, reader.lay_out(text), file.columns)
    if file.columns.patient_from_file_name:
        layout = replace(layout, patient=None, patient_text=file.path.stem)
    _look_for_columns(text, layout)
    rows = read_rows(text, layout, decimal=export.decimal, uptake_unit=export.uptake_unit)
    rule = _segmentation(export, layout, text)
    place = replace(text.place_of(rows.lines), table=table)
    regions, told = _name_regions(file, rows, place)
    cells = {**rows.cells, **regions, "segmentation": rows.cells.get("segmentation") or (rule,) * len(rows.lines)}
    grid = Grid(list(cells), [list(row) for row in zip(*cells.values(), strict=True)], rows.lines)
    declared = [column for column in columns if column.name != SCAN]
    heading = Heading({one.name: grid.header.index(one.name) for one in declared if one.name in cells}, 0, ())
    frame, _, problems = read_cells(grid, heading, declared, export.decimal, dates, place)
    frame.insert(list(one.name for one in columns).index(SCAN), SCAN, pd.Series([None] * len(frame), dtype=object))
    part = FilePart(name, file.path, hashlib.sha256(data).hexdigest(), size, len(frame))
    rows = replace(rows, notes=(*notes, *(f"{export.path.name}: {note}" for note in rows.notes)))
    return _Read(file, text, rows, frame, [*rows.findings, *told, *problems], part, content.count("\n") + 1)


def _look_for_columns(text: ExportText, layout: Layout) -> None:
    """Refuse an export of which nobody knows the patients, or what its lesions are called, or their uptake."""
    if layout.patient is None and not layout.patient_text:
        remedy = "say where it stands in a column map: patient_from under [scan]"
        refuse_header(text, "D190", "no column names the patient", remedy)
    for name in ("lesion_id", "suvmax"):
        if name not in layout.columns:
            remedy = f'say where it stands in a column map: {name} = {{ from = "heading" }} under [columns]'
            refuse_header(text, "D190", f"no column holds {name}", remedy, name)


def _name_regions(file: _File, rows: LesionRows, place: Place) -> tuple[dict[str, tuple[str, ...]], list[Finding]]:
    """Name the region of each lesion by the map; a name that no pattern fits is an error, not another region."""
    regions = file.columns.regions
    if not regions:
        return {}, []
    found = [find_region(name, regions) for name in rows.regions]
    left = [i for i, region in enumerate(found) if region is None]
    findings = []
    if left:
        remedy = 'add a pattern to regions; "*" = "other" fits every name'
        findings.append(place.find("D196", "region", "no pattern fits the name of the lesion", left, remedy=remedy))
    return {"region": tuple(region or "" for region in found)}, findings


def _segmentation(export: LesionExport, layout: Layout, text: ExportText) -> str:
    """Take the rule of the study, or the one that the export names; two different ones are an error."""
    if "segmentation" in layout.columns:
        if export.segmentation:
            problem = "the segmentation rule stands in the export and in the study file"
            refuse_header(text, "D190", problem, "leave it out of the study file", "segmentation")
        return ""
    if not (export.segmentation or layout.segmentation):
        problem = "the export does not name the rule that delineated the lesions"
        refuse_header(text, "D190", problem, 'name it, such as segmentation = "41pct" in the study file')
    if layout.segmentation and export.segmentation not in {"", layout.segmentation}:
        problem = f"the export names the segmentation rule {layout.segmentation}, the study file another one"
        refuse_header(
            text, "D190", problem, "correct segmentation in the study file, or export with the rule that is meant"
        )
    return export.segmentation or layout.segmentation


def _find_scans(read: _Read, scans: pd.DataFrame, dates: DateRule) -> tuple[list[str | None], list[Finding]]:
    """Find the scan of each row by patient, tracer and day, or the baseline scan of the tracer."""
    rows, layout = read.rows, read.rows.layout
    place = read.text.place_of(rows.lines)
    own = scans[scans["tracer"].astype(object) == read.file.export.tracer]
    missing = np.array([not day for day in rows.days], dtype=bool)
    declared = layout.day_format or read.file.export.date_format
    layout_of_days = declared or (_DICOM_DAY if _are_dicom(rows.days) else None)
    days, findings = read_dates(_DAY, rows.days, missing, place, DateRule(layout_of_days, lock=dates.lock))
    baseline = _scans_by(baseline_scans(own), ["patient_id"])
    dated = _scans_by(own, ["patient_id", "scan_date"])
    chosen: list[str | None] = []
    unknown, undecided = list[int](), list[int]()
    for i, (patient, day) in enumerate(zip(rows.patients, days, strict=True)):
        found = baseline.get((patient,), []) if missing[i] else dated.get((patient, day), [])
        chosen.append(found[0] if len(found) == 1 else None)
        # A day that could not be read has a finding of its own.
        if len(found) != 1 and (missing[i] or not pd.isna(day)):
            (undecided if found else unknown).append(i)
    shown = read.file.export.tracer.upper()
    if unknown:
        problem = f"no {shown} scan of the study has the patient of the row" + ("" if missing.all() else " and its day")
        remedy = "write patient_id in scans as the export names the patient, or leave the rows out of the export"
        findings.append(place.find("D192", "", problem, unknown, remedy=remedy))
    if undecided:
        problem = f"several {shown} scans of the study have the patient of the row"
        remedy = "name the day of the scan by a column map, or mark the other scans as interim or end in scan_role"
        findings.append(place.find("D192", "", problem, undecided, remedy=remedy))
    return chosen, [*findings, *_look_at_normalisation(chosen, own, place)]


def _look_at_normalisation(chosen: Sequence[str | None], scans: pd.DataFrame, place: Place) -> Iterator[Finding]:
    """Find lesions in SUV by body weight of scans that are said to be in SUV by lean body mass."""
    if "suv_type" not in scans:
        return
    lean = set(scans.loc[(scans["suv_type"].astype(object) == "lbm").to_numpy(), SCAN])
    where = [i for i, scan in enumerate(chosen) if scan in lean]
    if where:
        problem = "the export is in SUV by body weight, and scans says that the scan is in SUV by lean body mass"
        yield place.find("D198", "", problem, where, remedy="correct suv_type in scans")


def _scans_by(scans: pd.DataFrame, keys: list[str]) -> dict[tuple[object, ...], list[str]]:
    found: dict[tuple[object, ...], list[str]] = {}
    for *key, scan in scans[[*keys, SCAN]].astype(object).itertuples(index=False):
        found.setdefault(tuple(key), []).append(str(scan))
    return found


def _are_dicom(days: Sequence[str]) -> bool:
    filled = [day for day in days if day]
    return bool(filled) and all(len(day) == len("20240229") and day.isdecimal() for day in filled)
