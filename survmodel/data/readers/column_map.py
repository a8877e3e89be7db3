r"""Tables of any program by a column map: a small TOML file that says which heading is which column, in which unit.

Programs such as MIM, syngo.via and Hermes word their headings by workflow and language, so that nothing is guessed: the
map is written once for a workflow, and every unit in it is confirmed by a person. Regions are named by glob patterns
(``*``, ``?``, ``[ab]``), of which the first that fits counts; whatever the text, they need no long search.

>>> text = '[columns]\nsuvmax = { from = "SUV max", unit = "g/ml" }'
>>> parse_column_map(text.encode(), "mim.toml").columns
(MappedColumn(name='suvmax', heading='SUV max', unit='g/ml'),)
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from survmodel.data.dates import compile_format
from survmodel.data.readers.lesion_layout import ExportReader, ExportText, Layout, Source, need_heading, split_table
from survmodel.data.uptake_units import KINDS, explain_unit, find_factor, list_units
from survmodel.errors import ConfigError, closest

#: Canonical columns that a map may fill; the scan is found by its patient and day.
MAPPED = ("lesion_id", "region", "lesion_type", "segmentation", *KINDS)
#: Stands for the unit in a suggested map, until a person names it.
UNCONFIRMED = "CONFIRM"
SECTIONS = ("scan", "columns", "regions")
SCAN_KEYS = ("patient_from", "patient_from_file_name", "date_from", "date_format")
#: Longest file, pattern and name that are looked at.
LARGEST_MAP, LONGEST_PATTERN, LONGEST_NAME = 100_000, 100, 200


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A canonical column in an export.

    Parameters
    ----------
    name : str
        Of the data schema.
    heading : str
        In the export.
    unit : str
        Of its numbers; "" for a text.
    """

    name: str
    heading: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """What a column map says.

    Parameters
    ----------
    columns : tuple of MappedColumn
        Columns by heading.
    regions : tuple of (str, str)
        Glob pattern for the name of a lesion, and its region; the first that fits counts.
    patient_from, date_from : str
        Headings of what names the patient, and of the day of the scan; "" for none.
    date_format : str, optional
        How days are written; year-month-day without it.
    patient_from_file_name : bool
        Whether the name of the file, without its ending, names the patient.
    """

    columns: tuple[MappedColumn, ...] = ()
    regions: tuple[tuple[str, str], ...] = ()
    patient_from: str = ""
    date_from: str = ""
    date_format: str | None = None
    patient_from_file_name: bool = False


def parse_column_map(content: bytes, name: str) -> ColumnMap:
    """Read a column map.

    Parameters
    ----------
    content : bytes
        TOML.
    name : str
        Of the file, for messages.

    Returns
    -------
    ColumnMap
        Checked, every unit confirmed.

    Raises
    ------
    ConfigError
        With every problem of the map.
    """
    if len(content) > LARGEST_MAP:
        raise ConfigError(f"{name}: a column map has at most {LARGEST_MAP} bytes", f"{len(content)} bytes")
    try:
        found = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        # Not only what tomllib raises: Python reads no whole number of more than 4,300 digits.
        raise ConfigError(f"{name}: the column map is no TOML", str(error)) from None
    problems = [
        *_unknown(found, SECTIONS, "section"),
        *(f"[{key}] must be a section" for key in SECTIONS if not isinstance(found.get(key, {}), dict)),
    ]
    if not problems:
        scan, columns, regions = (found.get(key, {}) for key in SECTIONS)
        problems = [*_look_at_scan(scan), *_look_at_columns(columns), *look_at_regions(regions)]
    if problems:
        raise ConfigError(f"{name}: " + "; ".join(problems), remedy="correct the column map")
    return ColumnMap(
        tuple(MappedColumn(key, entry["from"], entry.get("unit", "")) for key, entry in columns.items()),
        tuple(regions.items()),
        scan.get("patient_from", ""),
        scan.get("date_from", ""),
        scan.get("date_format"),
        scan.get("patient_from_file_name", False),
    )


def _unknown(found: Mapping[str, object], known: Sequence[str], what: str) -> Iterator[str]:
    for key in found:
        if key not in known:
            yield f"no {what} {key[:40]!r}; {closest(key, known)}"


def _look_at_scan(scan: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown(scan, SCAN_KEYS, "key of [scan]")
    for key, value in scan.items():
        wanted = bool if key == "patient_from_file_name" else str
        if key in SCAN_KEYS and (not isinstance(value, wanted) or value == ""):
            yield f"scan.{key} must be {'true or false' if wanted is bool else 'a text'}"
        elif key == "date_format":
            try:
                compile_format(value)
            except ValueError as error:
                yield f"scan.date_format: {error}"
    if "patient_from" in scan and scan.get("patient_from_file_name"):
        yield "scan.patient_from and scan.patient_from_file_name exclude each other"
    if "date_format" in scan and "date_from" not in scan:
        yield "scan.date_format needs scan.date_from"


def _look_at_columns(columns: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown(columns, MAPPED, "column of lesions")
    for key, entry in columns.items():
        if key not in MAPPED:
            continue
        texts = isinstance(entry, dict) and all(isinstance(value, str) and value for value in entry.values())
        if not texts or not {"from"} <= set(entry) <= {"from", "unit"}:
            yield f'columns.{key} must be written as {{ from = "heading", unit = "SUV" }}'
        elif key in KINDS:
            yield from _look_at_unit(key, entry.get("unit", ""))
        elif "unit" in entry:
            yield f"columns.{key} is a text and has no unit"


def _look_at_unit(key: str, unit: str) -> Iterator[str]:
    kind = KINDS[key]
    if unit == UNCONFIRMED:
        yield f'columns.{key}: the unit is not confirmed; look it up in the program and write it for "{UNCONFIRMED}"'
    elif find_factor(kind, unit) is None:
        yield f"columns.{key}: {explain_unit(unit)}; known: {list_units(kind)}"


def look_at_regions(regions: Mapping[str, Any]) -> Iterator[str]:
    """Find what cannot be a map of regions.

    Parameters
    ----------
    regions : mapping of str to str
        Region by glob pattern.

    Yields
    ------
    str
        One problem.

    Examples
    --------
    >>> list(look_at_regions({"*hum*": "humerus", "": "spleen"}))
    ["regions: the pattern '' must have 1 to 100 characters"]
    """
    for pattern, region in regions.items():
        if not 0 < len(pattern) <= LONGEST_PATTERN:
            yield f"regions: the pattern {pattern[:40]!r} must have 1 to {LONGEST_PATTERN} characters"
        if not isinstance(region, str) or not region.strip():
            yield f"regions: the region of the pattern {pattern[:40]!r} must be a text"


def find_region(name: str, regions: Sequence[tuple[str, str]]) -> str | None:
    """Name the region of a lesion.

    Parameters
    ----------
    name : str
        Of the lesion or label, as the export has it.
    regions : sequence of (str, str)
        Glob pattern and region; case does not matter.

    Returns
    -------
    str or None
        Of the first pattern that fits; None where none does.

    Examples
    --------
    >>> find_region("Hum_left_2", [("*lung*", "lung"), ("hum*", "humerus")])
    'humerus'
    """
    bare = name[:LONGEST_NAME].casefold()
    return next((region for pattern, region in regions if fnmatchcase(bare, pattern.casefold())), None)


def apply_column_map(export: ExportText, layout: Layout, columns: ColumnMap) -> Layout:
    """Let a map say where columns stand, before what the reader of a program found.

    Parameters
    ----------
    export : ExportText
        The file.
    layout : Layout
        What the reader found.
    columns : ColumnMap
        The map.

    Returns
    -------
    Layout
        With the columns of the map.

    Raises
    ------
    FindingsError
        For a heading of the map that the export does not have.
    """
    mapped = {one.name: Source(need_heading(export, one.heading), one.unit) for one in columns.columns}
    moved = {"suvmean", "volume_ml"} & set(mapped)
    changes: dict[str, Any] = {"columns": {**layout.columns, **mapped}}
    if columns.patient_from:
        changes["patient"] = need_heading(export, columns.patient_from)
    if columns.date_from:
        changes |= {"day": need_heading(export, columns.date_from), "day_format": columns.date_format}
    if moved:
        # The total of the program belongs to the columns that it found itself.
        changes |= {"total": None, "total_volume": None}
    return replace(layout, **changes)


COLUMN_MAP = ExportReader(split_table, lambda _: Layout({}))
