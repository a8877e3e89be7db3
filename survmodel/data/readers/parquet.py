"""Parquet files: typed columns become the text cells that the same table would hold as CSV.

Rows are counted as in such a CSV file: the names of the columns are row 1.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from survmodel.data.columns import Column
from survmodel.data.dates import DateRule
from survmodel.data.findings import Finding, FindingsError, Place, refuse
from survmodel.data.readers.header import Grid
from survmodel.data.readers.reading import (
    LARGEST_FILE,
    FileRead,
    check_rows,
    note_left_out,
    read_cells,
    refuse_by_size,
    truths_are_upper,
    write_cell,
)
from survmodel.errors import ConfigError


def scan_parquet(
    path: Path,
    columns: Sequence[Column],
    *,
    decimal: str = ".",
    dates: DateRule | None = None,
    table: str = "",
) -> FileRead:
    """Read the declared columns of a Parquet file and keep the problems of cells as findings.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    columns : sequence of Column
        What is declared.
    decimal : {".", ","}
        Decimal mark of numbers that are written as text.
    dates : DateRule, optional
        How dates are written that are text.
    table : str
        Name of the canonical table, for the findings.

    Returns
    -------
    FileRead
        A cell that could not be read is missing, and an error among the findings says so.

    Raises
    ------
    ConfigError
        When pyarrow is not installed.
    FindingsError
        When the file as a whole cannot be read.
    OSError
        When the file cannot be opened.
    """
    name, rule = path.name, dates or DateRule()
    refuse_by_size(name, path.stat().st_size)
    data = path.read_bytes()
    found, without_text = _cells(data, name)
    upper = truths_are_upper(columns)
    texts = [[write_cell(cell, decimal, rule, upper=upper) for cell in cells] for _, cells in found]
    rows = [list(row) for row in zip(*texts, strict=True)]
    grid = Grid([heading for heading, _ in found], rows, tuple(range(2, len(rows) + 2)))
    place = Place(name, grid.lines, table)
    heading = check_rows(grid, columns, place)
    unread = [(column, without_text[at]) for column, at in heading.positions.items() if at in without_text]
    if unread:
        remedy = "write one plain value in each cell"
        raise FindingsError(
            [Finding("D078", problem, name, column=one, remedy=remedy, table=table) for one, problem in unread]
        )
    series, missing, problems = read_cells(grid, heading, columns, decimal, rule, place)
    digest = hashlib.sha256(data).hexdigest()
    notes = note_left_out(heading, name)
    findings = (*heading.findings, *problems)
    return FileRead(name, series, missing, heading.n_undeclared, digest, len(data), place, notes, findings)


def _cells(data: bytes, name: str) -> tuple[list[tuple[str, list[object]]], dict[int, str]]:
    """Take the columns with their names, and tell which hold values that have no text, and why."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        remedy = "install it with the extra: pip install 'survmodel[parquet]', or save the table as CSV"
        raise ConfigError(f"{name} is a Parquet file, and pyarrow is not installed", remedy=remedy) from None
    if not data.strip():
        refuse("D001", name, "the file is empty", "a Parquet file", "check the export")
    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        _look_at_size(file.metadata, name)
        table = file.read()
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError):
        remedy = "give a file of another kind its own ending, or export the table again"
        refuse("D070", name, "the file is no Parquet file, or it is damaged", "", remedy)
    found, without_text = list[tuple[str, list[object]]](), dict[int, str]()
    for i, field in enumerate(table.schema):
        cells: list[object] = [None] * table.num_rows
        if _has_no_text(pyarrow.types, field.type):
            without_text[i] = "a column of lists, records or bytes"
        else:
            try:
                cells = table.column(i).to_pylist()
            except (pyarrow.ArrowException, ValueError, OverflowError, KeyError):
                # What is not declared may hold anything; an unknown time zone is a KeyError.
                without_text[i] = "dates beyond the calendar, a time zone that is not known, or damaged texts"
        found.append((field.name, cells))
    return found, without_text


def _look_at_size(metadata: Any, name: str) -> None:  # noqa: ANN401 - pyarrow has no types
    declared = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if declared > LARGEST_FILE:
        most = f"at most {LARGEST_FILE // 10**6} MB"
        refuse("D072", name, f"the file unpacks to {declared / 1e6:.0f} MB", most, "split it")


def _has_no_text(types: Any, kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    kind = kind.value_type if types.is_dictionary(kind) else kind
    binary = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    return bool(types.is_nested(kind) or binary)
