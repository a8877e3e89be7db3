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
from collections.abc import Sequence
from pathlib import Path

from survmodel.data.columns import Column
from survmodel.data.dates import DateRule
from survmodel.data.findings import Place
from survmodel.data.readers.header import Grid, Heading
from survmodel.data.readers.reading import (
    FileRead,
    check_rows,
    look_for_cut,
    note_left_out,
    read_cells,
    refuse,
    refuse_by_size,
)

DELIMITERS = {";": "';'", "\t": "a tab", "|": "'|'", ",": "','"}
#: First bytes of workbooks: zipped (xlsx, ods) and of older kind (xls).
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def scan_delimited(
    path: Path,
    columns: Sequence[Column],
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    decimal: str = ".",
    dates: DateRule | None = None,
    table: str = "",
) -> FileRead:
    """Read the declared columns and keep the problems of cells as findings, so that some of them can be waived.

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
    dates : DateRule, optional
        How the dates are written.
    table : str
        Name of the canonical table, for the findings.

    Returns
    -------
    FileRead
        A cell that could not be read is missing, and an error among the findings says so.

    Raises
    ------
    FindingsError
        When the file as a whole cannot be read.
    OSError
        When the file cannot be opened.
    """
    name = path.name
    size = path.stat().st_size
    refuse_by_size(name, size)
    data = path.read_bytes()
    notes: list[str] = []
    text = _decode(data, name, encoding, notes)
    grid = _read_grid(text, name, delimiter)
    place = Place(name, grid.lines, table)
    heading = _check_header(grid, columns, delimiter, place)
    cells, missing, problems = read_cells(grid, heading, columns, decimal, dates, place)
    notes += note_left_out(heading, name)
    digest = hashlib.sha256(data).hexdigest()
    findings = (*heading.findings, *problems, *look_for_cut(grid.lines[-1], place))
    return FileRead(name, cells, missing, heading.n_undeclared, digest, len(data), place, tuple(notes), findings)


def _decode(data: bytes, name: str, encoding: str, notes: list[str]) -> str:
    if not data.strip():
        refuse("D001", name, "the file is empty", "a header line and one line for each patient", "check the export")
    if data.startswith(WORKBOOKS):
        remedy = "give the name of a workbook the ending .xlsx, or save the sheet as CSV"
        refuse("D003", name, "the file is a spreadsheet workbook", "delimited text", remedy)
    if encoding == "utf-16" and not data.startswith(tuple(_MARKS)):
        encoding = _utf_16_without_mark(data) or encoding
    marked = _MARKS.get(data[:2], "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else "")
    if marked and marked != encoding and marked != "utf-8-sig":
        notes.append(f"{name} was read as {marked}, which its byte-order mark declares.")
    try:
        text = data.decode(marked or encoding)
    except UnicodeDecodeError as error:
        # Decoded first: in UTF-16 the byte of a line feed is also a half of other characters.
        line = data[: error.start].decode(marked or encoding, "ignore").count("\n") + 1
        _refuse_undeclared_utf_16(data, name, marked or encoding)
        byte = f"byte 0x{data[error.start]:02X} at line {line} is not {marked or encoding}"
        remedy = (
            'set encoding in [data], for example encoding = "cp1252" for a file from an older Excel, '
            '"gb18030" for one from a Chinese system'
        )
        refuse("D003", name, byte, "", remedy, line)
    if "\0" in text:
        _refuse_undeclared_utf_16(data, name, marked or encoding)
        line = text.count("\n", 0, text.index("\0")) + 1
        refuse("D004", name, "the file holds a NUL character", "plain text", "export the file again", line)
    return text


def _utf_16_without_mark(data: bytes) -> str:
    """Name the order of bytes of UTF-16 text without a mark, "" for any other text.

    Delimiters, digits and ends of lines have a zero byte in UTF-16, always on the same side.
    """
    sides = {"utf-16-be": data[::2].count(0), "utf-16-le": data[1::2].count(0)}
    order = max(sides, key=lambda side: sides[side])
    zeros = sum(sides.values())
    return order if zeros > 3 and 20 * zeros >= len(data) and 10 * sides[order] >= 9 * zeros else ""


def _refuse_undeclared_utf_16(data: bytes, name: str, encoding: str) -> None:
    if encoding.startswith("utf-16") or not _utf_16_without_mark(data):
        return
    remedy = 'set encoding = "utf-16" in [data], or export the file as UTF-8'
    refuse("D003", name, "the text is UTF-16 without a byte-order mark", "", remedy)


def _read_grid(text: str, name: str, delimiter: str) -> Grid:
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
        refuse("D005", name, problem, "", "close or double the quotation mark that begins on this line", start)
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
        lines.pop()
    if not rows:
        refuse("D001", name, "the file is empty", "a header line and one line for each patient", "check the export")
    return Grid(rows[0], rows[1:], tuple(lines[1:]))


def _check_header(grid: Grid, columns: Sequence[Column], delimiter: str, place: Place) -> Heading:
    """Refuse a header that cannot be right, and rows that do not fit it, all at once."""
    header = grid.header
    if len(header) == 1 and len(columns) > 1:
        for other, shown in DELIMITERS.items():
            if other != delimiter and other in header[0]:
                remedy = f'set delimiter = "{other if other != chr(9) else chr(92) + "t"}" in [data]'
                refuse("D006", place.file, f"only one column found, the delimiter looks like {shown}",
                        f"cells separated by {DELIMITERS.get(delimiter, repr(delimiter))}", remedy, 1)  # fmt: skip
    return check_rows(grid, columns, place)
