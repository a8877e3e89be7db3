"""What every kind of file becomes: a grid of text cells, whose header, rows and cells pass the same checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import pandas as pd

from survmodel.data.cells import read_column
from survmodel.data.columns import Column
from survmodel.data.dates import DateRule
from survmodel.data.findings import Finding, FindingsError, Place
from survmodel.data.readers.header import Grid, Heading, look_at_rows, match_header

LARGEST_FILE = 500_000_000


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file that was read.

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
    place : Place
        Line of the file on which each row begins.
    notes : tuple of str
        What the reader of the report may want to know.
    findings : tuple of Finding
        Errors of cells, warnings and notes.
    """

    name: str
    table: pd.DataFrame
    missing: tuple[tuple[str, int], ...]
    n_undeclared: int
    sha256: str
    size: int
    place: Place
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def lines(self) -> tuple[int, ...]:
        """Line of the file on which each row begins."""
        return self.place.lines


def refuse(code: str, name: str, problem: str, expected: str, remedy: str, row: int = 0) -> NoReturn:
    """Refuse a file as a whole.

    Parameters
    ----------
    code, name, problem, expected, remedy : str
        As in `Finding`.
    row : int
        Line of the file, 0 for none.

    Raises
    ------
    FindingsError
        Always.
    """
    rows = (row,) if row else ()
    raise FindingsError([Finding(code, problem, name, rows, len(rows), 0, "", expected, remedy)])


def refuse_by_size(name: str, size: int) -> None:
    """Refuse a file that is too large to read.

    Parameters
    ----------
    name : str
        Of the file.
    size : int
        In bytes.

    Raises
    ------
    FindingsError
        When there are too many of them.
    """
    if size > LARGEST_FILE:
        refuse("D009", name, f"the file has {size / 1e6:.0f} MB", f"at most {LARGEST_FILE // 10**6} MB", "split it")


def check_rows(grid: Grid, columns: Sequence[Column], place: Place) -> Heading:
    """Refuse a header that cannot be right, and rows that do not fit it, all at once.

    Parameters
    ----------
    grid : Grid
        The file.
    columns : sequence of Column
        What is declared.
    place : Place
        For messages.

    Returns
    -------
    Heading
        Where the columns stand, with warnings and notes.

    Raises
    ------
    FindingsError
        With every error of the header and of the rows.
    """
    heading = match_header(grid, columns, place)
    findings = [finding for finding in heading.findings if finding.severity == "error"]
    if not any(finding.code == "D007" and not finding.column for finding in findings):
        findings += look_at_rows(grid, columns, heading, place)
    if findings:
        raise FindingsError(findings)
    return heading


def read_cells(
    grid: Grid, heading: Heading, columns: Sequence[Column], decimal: str, dates: DateRule | None, place: Place
) -> tuple[pd.DataFrame, tuple[tuple[str, int], ...], list[Finding]]:
    """Read the cells of every column by its declared type.

    Parameters
    ----------
    grid, heading, columns, place
        The file, where its columns stand, what is declared, and a place for messages.
    decimal : {".", ","}
        Decimal mark.
    dates : DateRule, optional
        How the dates are written.

    Returns
    -------
    table : pandas.DataFrame
        The declared columns.
    missing : tuple of (str, int)
        Missing cells of each column.
    findings : list of Finding
        Every problem of every column.
    """
    cells = list(zip(*grid.rows, strict=True))
    nothing = ("",) * len(grid.rows)
    series, findings = [], []
    for column in columns:
        at = heading.positions.get(column.name)
        values, problems = read_column(column, nothing if at is None else cells[at], place, decimal, dates)
        series.append(values)
        findings += problems
    missing = tuple((str(values.name), int(values.isna().sum())) for values in series)
    return pd.concat(series, axis=1), missing, findings
