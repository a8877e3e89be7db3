"""Delimited text files: comma, semicolon, tab.

The file is read once, as bytes: what is parsed is what is hashed. Only declared columns enter the table. Problems of
the file as a whole (encoding, quotes, header, ragged rows) come first; when there are none, the cells of every column
are read and all their problems are reported together.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from survmodel.data.cells import Place, read_column
from survmodel.data.columns import Column
from survmodel.data.findings import Finding, FindingsError
from survmodel.errors import closest
from survmodel.formatting import count_noun

LARGEST_FILE = 500_000_000
DELIMITERS = {";": "';'", "\t": "a tab", "|": "'|'", ",": "','"}
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file that was read without an error.

    Attributes
    ----------
    name : str
        Name of the file.
    table : pandas.DataFrame
        The declared columns, one row for each patient.
    missing : tuple of (str, int)
        Missing cells of each declared column.
    n_undeclared : int
        Columns that were left out because they are not declared.
    sha256 : str
        Hash of the bytes that were read.
    size : int
        Number of bytes.
    lines : tuple of int
        Line of the file on which each row begins.
    notes : tuple of str
        What the reader of the report may want to know.
    """

    name: str
    table: pd.DataFrame
    missing: tuple[tuple[str, int], ...]
    n_undeclared: int
    sha256: str
    size: int
    lines: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Grid:
    header: list[str]
    rows: list[list[str]]
    lines: tuple[int, ...]


def read_delimited(
    path: Path, columns: Sequence[Column], *, delimiter: str = ",", encoding: str = "utf-8", decimal: str = "."
) -> FileRead:
    """Read the declared columns of a delimited text file.

    Parameters
    ----------
    path : pathlib.Path
        The file; its first line names the columns.
    columns : sequence of Column
        What is declared.
    delimiter : str
        One character between cells.
    encoding : str
        Of the text; a byte-order mark overrides it.
    decimal : {".", ","}
        Decimal mark.

    Returns
    -------
    FileRead
        The table, with missing values counted.

    Raises
    ------
    FindingsError
        With every problem that was found.
    OSError
        When the file cannot be read.
    """
    name = path.name
    size = path.stat().st_size
    if size > LARGEST_FILE:
        _refuse("D009", name, f"the file has {size / 1e6:.0f} MB", f"at most {LARGEST_FILE // 10**6} MB", "split it")
    data = path.read_bytes()
    notes: list[str] = []
    text = _decode(data, name, encoding, notes)
    grid = _read_grid(text, name, delimiter)
    _check_header(grid, name, columns, delimiter)
    table, missing = _read_cells(grid, name, columns, decimal)
    n_undeclared = len(grid.header) - len(columns)
    if n_undeclared:
        columns_left = count_noun(n_undeclared, "column")
        notes.append(f"Left out: {columns_left} of {name} that the study file does not declare.")
    digest = hashlib.sha256(data).hexdigest()
    return FileRead(name, table, missing, n_undeclared, digest, len(data), grid.lines, tuple(notes))


def _refuse(code: str, name: str, problem: str, expected: str, remedy: str, row: int = 0) -> None:
    rows = (row,) if row else ()
    raise FindingsError([Finding(code, problem, name, rows, len(rows), 0, "", expected, remedy)])


def _decode(data: bytes, name: str, encoding: str, notes: list[str]) -> str:
    if not data.strip():
        _refuse("D001", name, "the file is empty", "a header line and one line for each patient", "check the export")
    marked = _MARKS.get(data[:2], "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else "")
    if marked and marked != encoding and marked != "utf-8-sig":
        notes.append(f"{name} was read as {marked}, which its byte-order mark declares.")
    try:
        text = data.decode(marked or encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{data[error.start]:02X} at line {line} is not {marked or encoding}"
        remedy = 'set encoding in [data], for example encoding = "cp1252" for a file from an older Excel'
        _refuse("D003", name, byte, "", remedy, line)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        _refuse("D004", name, "the file holds a NUL character", "plain text", "export the file again", line)
    return text


def _read_grid(text: str, name: str, delimiter: str) -> _Grid:
    """Split the text into rows, each with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1
    try:
        for row in reader:
            rows.append(row)
            lines.append(start)
            start = reader.line_num + 1
    except csv.Error:
        problem = "a quotation mark is not closed, or text follows a closing one"
        _refuse("D005", name, problem, "", "close or double the quotation mark that begins on this line", start)
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
        lines.pop()
    if not rows:
        _refuse("D001", name, "the file is empty", "a header line and one line for each patient", "check the export")
    return _Grid(rows[0], rows[1:], tuple(lines[1:]))


def _check_header(grid: _Grid, name: str, columns: Sequence[Column], delimiter: str) -> None:
    """Refuse a header that cannot be right, and rows that do not fit it, all at once."""
    header = grid.header
    if len(header) == 1 and len(columns) > 1:
        for other, shown in DELIMITERS.items():
            if other != delimiter and other in header[0]:
                remedy = f'set delimiter = "{other if other != chr(9) else chr(92) + "t"}" in [data]'
                _refuse("D006", name, f"only one column found, the delimiter looks like {shown}",
                        f"cells separated by {DELIMITERS.get(delimiter, repr(delimiter))}", remedy, 1)  # fmt: skip
    findings = _look_at_names(header, name, columns)
    if not grid.rows:
        findings.append(Finding("D002", "the file has a header and no rows", name, remedy="check the export"))
    place = Place(name, grid.lines)
    blank = [i for i, row in enumerate(grid.rows) if not any(cell.strip() for cell in row)]
    if blank:
        findings.append(place.find("D011", "", "the row is blank", blank, remedy="remove blank rows"))
    ragged = [i for i, row in enumerate(grid.rows) if len(row) != len(header) and any(cell.strip() for cell in row)]
    if ragged:
        counts = sorted({len(grid.rows[i]) for i in ragged})
        problem = f"the row has {', '.join(map(str, counts[:4]))} cells"
        remedy = "put quotation marks around cells that hold the delimiter, or add what is missing"
        expected = f"{len(header)} cells, as in the header"
        findings.append(place.find("D008", "", problem, ragged, expected=expected, remedy=remedy))
    if findings:
        raise FindingsError(findings)


def _look_at_names(header: Sequence[str], name: str, columns: Sequence[Column]) -> list[Finding]:
    declared = [column.name for column in columns]
    absent = [column for column in declared if column not in header]
    if len(absent) == len(declared):
        # The first line may hold a patient: nothing of it is shown.
        problem = "the first line names none of the declared columns"
        return [Finding("D007", problem, name, (1,), 1, 0, expected="a header line", remedy="add the header line")]
    findings = []
    for heading, count in Counter(header).items():
        if count > 1 and heading.strip():
            problem = f"the header has this name {count} times"
            findings.append(Finding("D010", problem, name, (1,), 1, 0, heading, remedy="rename the columns"))
    for column in absent:
        near = closest(column, [heading for heading in header if heading.strip()])
        problem = "the file has no such column"
        findings.append(Finding("D007", problem, name, column=column, remedy=near))
    return findings


def _read_cells(
    grid: _Grid, name: str, columns: Sequence[Column], decimal: str
) -> tuple[pd.DataFrame, tuple[tuple[str, int], ...]]:
    place = Place(name, grid.lines)
    cells = list(zip(*grid.rows, strict=True))
    series, findings = [], []
    for column in columns:
        values, problems = read_column(column, cells[grid.header.index(column.name)], place, decimal)
        series.append(values)
        findings += problems
    if findings:
        raise FindingsError(findings)
    missing = tuple((str(values.name), int(values.isna().sum())) for values in series)
    return pd.concat(series, axis=1), missing
