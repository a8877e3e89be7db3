"""Delimited text files: comma, semicolon, tab.

The file is read once, as bytes: what is parsed is what is hashed. Only declared columns enter the table. Problems of
the file as a whole (encoding, quotes, header, ragged rows) come first; when there are none, the cells of every column
are read and all their problems are reported together.
"""

from __future__ import annotations

import hashlib
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
    refuse_by_size,
)
from survmodel.data.text_rows import decode_text, refuse_other_delimiter, split_rows


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
    rows, lines = split_rows(decode_text(data, name, encoding, notes), name, delimiter)
    grid = Grid(rows[0], rows[1:], tuple(lines[1:]))
    place = Place(name, grid.lines, table)
    heading = _check_header(grid, columns, delimiter, place)
    cells, missing, problems = read_cells(grid, heading, columns, decimal, dates, place)
    notes += note_left_out(heading, name)
    digest = hashlib.sha256(data).hexdigest()
    findings = (*heading.findings, *problems, *look_for_cut(grid.lines[-1], place))
    return FileRead(name, cells, missing, heading.n_undeclared, digest, len(data), place, tuple(notes), findings)


def _check_header(grid: Grid, columns: Sequence[Column], delimiter: str, place: Place) -> Heading:
    """Refuse a header that cannot be right, and rows that do not fit it, all at once."""
    if len(columns) > 1:
        refuse_other_delimiter(grid.header, place.file, delimiter)
    return check_rows(grid, columns, place)
