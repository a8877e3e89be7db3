"""What every reader of a PET export gives: rows of canonical lesion columns as text, in the units of the schema.

A reader of a format says where each column stands (`Layout`); everything else is the same for all of them: rows that
are none, units, coordinates, volumes in mm3, and total uptake that must be mean times volume. Names of patients are
matched with the scans and go no further: they are in no message, no table and no result.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from survmodel.data.findings import Finding, FindingsError, Place
from survmodel.data.readers.header import Grid, Heading, look_at_rows
from survmodel.data.readers.lesion_layout import COORDINATES, ExportText, Layout, Source, bare_name
from survmodel.data.uptake_units import KINDS, UNNAMED, Kind, bare_unit, explain_unit, find_factor, list_units

#: Total uptake and mean times volume that differ by more than this, relative to the product, are told.
TOTAL_TOLERANCE = 0.02
_PLAIN = {
    ".": re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,2})?"),
    ",": re.compile(r"[+-]?[0-9]{1,40}(?:,[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,2})?"),
}
#: Brackets around the three numbers of a point.
_BRACKETS = "()[]{}<> "


@dataclass(frozen=True, slots=True)
class LesionRows:
    """Lesions of an export.

    Attributes
    ----------
    cells : mapping of str to tuple of str
        Text of every canonical column that the export has, numbers in the units of the schema and with the decimal
        mark of the file.
    patients : tuple of str
        What names the patient of each row; never shown.
    days : tuple of str
        Date of the scan of each row, "" where the export has none.
    regions : tuple of str
        Name that tells the region of each row.
    lines : tuple of int
        Line of the file of each row.
    layout : Layout
        Where they stood.
    findings : tuple of Finding
        Warnings and notes, and errors of rows.
    notes : tuple of str
        What the reader of the report should know.
    """

    cells: Mapping[str, tuple[str, ...]]
    patients: tuple[str, ...] = field(repr=False)
    days: tuple[str, ...] = field(repr=False)
    regions: tuple[str, ...]
    lines: tuple[int, ...]
    layout: Layout
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def read_rows(export: ExportText, layout: Layout, *, decimal: str = ".", uptake_unit: str = "") -> LesionRows:
    """Read the lesions of an export.

    Parameters
    ----------
    export : ExportText
        The file.
    layout : Layout
        Where everything stands.
    decimal : {".", ","}
        Decimal mark.
    uptake_unit : str
        Unit of the uptake that the study confirms, for an export that names none.

    Returns
    -------
    LesionRows
        One for each row of the export that is not the copy of another one.

    Raises
    ------
    FindingsError
        For rows that do not fit the header, and units that are refused.
    """
    place = export.place
    findings = list(look_at_rows(Grid(export.header, export.rows, export.lines), (), Heading({}, 0, ()), place))
    headings = [cell.strip() for cell in export.header]
    again = [i for i, row in enumerate(export.rows) if [cell.strip() for cell in row] == headings]
    if again:
        findings.append(place.find("D015", "", "the header stands there a second time", again, remedy="remove the row"))
    factors, refused = _find_factors(layout, export, uptake_unit)
    findings += refused
    if findings:
        raise FindingsError(findings)
    kept, found = _drop_copies(export, layout, place)
    rows = [export.rows[i] for i in kept]
    cells = {name: _read_cells(rows, source, factors.get(name), decimal) for name, source in layout.columns.items()}
    place = export.place_of(tuple(export.lines[i] for i in kept))
    found += _look_at_totals(rows, layout, decimal, place)
    named = layout.columns["lesion_id"].at if layout.region is None else layout.region
    return LesionRows(
        cells,
        tuple(bare_name(_cell(row, layout.patient, layout.patient_text)) for row in rows),
        tuple(_cell(row, layout.day, layout.day_text).strip() for row in rows),
        tuple(bare_name(row[named]) for row in rows),
        place.lines,
        layout,
        tuple(found),
        layout.notes,
    )


def _cell(row: Sequence[str], at: int | None, otherwise: str) -> str:
    return otherwise if at is None else row[at]


def _find_factors(layout: Layout, export: ExportText, uptake_unit: str) -> tuple[dict[str, Decimal], list[Finding]]:
    """Find what each column is multiplied with, and the units that are none of it."""
    units = {name: source.unit for name, source in layout.columns.items() if name in KINDS}
    named = next((unit for name, unit in units.items() if KINDS[name] == "uptake" and not _is_unnamed(unit)), "")
    factors: dict[str, Decimal] = {}
    findings = []
    for name, unit in units.items():
        kind = KINDS[name]
        # One image has one unit: a column without it is in that of the columns beside it.
        known = (named or uptake_unit) if kind == "uptake" and _is_unnamed(unit) else unit
        factor = find_factor(kind, known)
        if factor is None:
            findings.append(_refuse_unit(export, name, kind, known, layout.columns[name].at))
        else:
            factors[name] = factor
    return factors, findings


def _is_unnamed(unit: str) -> bool:
    return bare_unit(unit) in UNNAMED


def _refuse_unit(export: ExportText, name: str, kind: Kind, unit: str, at: int) -> Finding:
    if not _is_unnamed(unit):
        remedy = "export the PET image in SUV by body weight" if kind == "uptake" else "export it in another unit"
    elif kind == "uptake":
        remedy = 'confirm it with uptake_unit = "SUV" in the study file'
    else:
        remedy = "name the unit in a column map"
    heading = export.header[at].strip()
    return Finding(
        "D191", f"{name}: {explain_unit(unit)}", export.name, (1,), 1, 0, heading,
        f"one of {list_units(kind)}", remedy,
    )  # fmt: skip


def _drop_copies(export: ExportText, layout: Layout, place: Place) -> tuple[list[int], list[Finding]]:
    """Keep the first of rows that agree in every cell, where the program appends to its file; refuse two values."""
    if not layout.drop_repeated:
        return list(range(len(export.rows))), []
    lesion = layout.columns["lesion_id"].at
    whole: dict[tuple[str, ...], int] = {}
    keys: dict[tuple[str, ...], int] = {}
    copies, conflicts = list[int](), list[int]()
    for i, row in enumerate(export.rows):
        cells = tuple(cell.strip() for cell in row)
        key = tuple(cells[at] for at in (layout.patient, layout.day, lesion) if at is not None)
        if cells in whole:
            copies.append(i)
        elif key in keys:
            conflicts += [j for j in (keys[key], i) if j not in conflicts]
        whole.setdefault(cells, i)
        keys.setdefault(key, i)
    findings = []
    if copies:
        problem = "the row is the copy of another one, from a second run of the program, and is left out"
        findings.append(place.find("D194", "", problem, copies, severity="note"))
    if conflicts:
        remedy = "delete the rows of the run that is not meant"
        findings.append(place.find("D193", "", "two values of one lesion of a scan", sorted(conflicts), remedy=remedy))
    gone = set(copies)
    return [i for i in range(len(export.rows)) if i not in gone], findings


def _read_cells(rows: Sequence[Sequence[str]], source: Source, factor: Decimal | None, decimal: str) -> tuple[str, ...]:
    if factor is None:
        return tuple(bare_name(row[source.at]) for row in rows)
    texts = (row[source.at].strip() for row in rows)
    if source.part is not None:
        texts = (_take_part(text, source.part, decimal) for text in texts)
    return tuple(_scale(text, factor, decimal) for text in texts)


def _take_part(text: str, part: int, decimal: str) -> str:
    """Take one number of a point such as ``(1, 2, 3)``; a text that is none is left for the check of the cells."""
    inside = text.strip(_BRACKETS)
    mark = ";" if ";" in inside else "," if decimal == "." and "," in inside else None
    numbers = [number.strip() for number in inside.split(mark)]
    return numbers[part] if len(numbers) == len(COORDINATES) else text


def _scale(text: str, factor: Decimal, decimal: str) -> str:
    """Multiply exactly; what is no number stays, so that the check of the cells tells it."""
    if text.casefold() == "nan":
        return ""
    if factor == 1 or not _PLAIN[decimal].fullmatch(text):
        return text
    return str(Decimal(text.replace(",", ".")) * factor).replace(".", decimal)


def _look_at_totals(rows: Sequence[Sequence[str]], layout: Layout, decimal: str, place: Place) -> Iterator[Finding]:
    """Compare total uptake with mean times volume."""
    mean, volume = layout.columns.get("suvmean"), layout.total_volume or layout.columns.get("volume_ml")
    if layout.total is None or mean is None or volume is None:
        return
    scale = find_factor("volume", volume.unit)
    if scale is None:
        return
    apart = []
    for i, row in enumerate(rows):
        product = _number(row[mean.at], decimal) * _number(row[volume.at], decimal) * float(scale)
        total = _number(row[layout.total.at], decimal)
        if abs(total - product) > TOTAL_TOLERANCE * abs(product):
            apart.append(i)
    if apart:
        remedy = "look whether mean, volume and total are of the same region and in the units that the heading names"
        problem = "the total uptake of the export is not mean times volume, within 2 %"
        yield place.find("D195", "suvmean", problem, apart, remedy=remedy, severity="warning")


def _number(text: str, decimal: str) -> float:
    bare = text.strip()
    return float(bare.replace(decimal, ".")) if _PLAIN[decimal].fullmatch(bare) else math.nan
