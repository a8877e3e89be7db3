"""What every kind of file becomes: a grid of text cells, whose header, rows and cells pass the same checks."""

from __future__ import annotations

import datetime
import decimal as decimals
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from survmodel.data.cells import read_column
from survmodel.data.columns import Column
from survmodel.data.dates import ISO, DateRule
from survmodel.data.findings import Finding, FindingsError, Place, refuse
from survmodel.data.readers.header import Grid, Heading, look_at_rows, match_header
from survmodel.formatting import count_noun

LARGEST_FILE = 500_000_000
#: Last rows of a sheet, of today and of Excel before 2007: a table that ends there may have been cut off.
ROW_LIMITS = (1_048_576, 65_536)
#: A float holds whole numbers below this exactly.
_WHOLE = 1e15


@dataclass(frozen=True, slots=True)
class FilePart:
    """One of several files that make a table together.

    Attributes
    ----------
    name : str
        How messages call it.
    path : pathlib.Path
        Where it lies; the name of a file may be that of a patient, so that the path is never shown.
    sha256 : str
        Hash of the bytes that were read.
    size, n_rows : int
        Number of bytes and of rows.
    """

    name: str
    path: Path = field(repr=False)
    sha256: str
    size: int
    n_rows: int


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
    parts : tuple of FilePart
        The files, where the table is made of several.
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
    parts: tuple[FilePart, ...] = ()

    @property
    def lines(self) -> tuple[int, ...]:
        """Line of the file on which each row begins."""
        return self.place.lines


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


def note_left_out(heading: Heading, shown: str) -> tuple[str, ...]:
    """Tell how many columns were left out.

    Parameters
    ----------
    heading : Heading
        Of the file.
    shown : str
        How the file is called.

    Returns
    -------
    tuple of str
        One note, or none.
    """
    if not heading.n_undeclared:
        return ()
    left = count_noun(heading.n_undeclared, "column")
    return (f"Left out: {left} of {shown} that the study file does not declare.",)


def look_for_cut(last_row: int, place: Place) -> Iterator[Finding]:
    """Find a table that ends where a spreadsheet ends, and may have been cut off there.

    Parameters
    ----------
    last_row : int
        Of the file; the header is row 1.
    place : Place
        For the finding.

    Yields
    ------
    Finding
        A warning, or nothing.
    """
    if last_row in ROW_LIMITS:
        remedy = "compare the number of patients with the source, and export from it as CSV"
        problem = f"the table ends at row {last_row}, the last one that a spreadsheet holds, and may be cut off"
        yield Finding("D077", problem, place.file, remedy=remedy, severity="warning", table=place.table)


def truths_are_upper(columns: Sequence[Column]) -> bool:
    """Tell whether the study declares truth values as a spreadsheet shows them.

    Parameters
    ----------
    columns : sequence of Column
        What is declared.

    Returns
    -------
    bool
        Whether a level has the code TRUE.
    """
    return any(code == "TRUE" for column in columns for code, _ in column.levels)


def write_cell(cell: object, decimal: str, rule: DateRule, *, upper: bool) -> str:
    """Write a typed cell as the text that a file would hold.

    Parameters
    ----------
    cell : object
        What a workbook or a typed column holds; None is an empty cell.
    decimal : {".", ","}
        Decimal mark of the file.
    rule : DateRule
        How its dates are declared.
    upper : bool
        Write truth values as TRUE and FALSE.

    Returns
    -------
    str
        Whole numbers are written without a decimal mark.

    Examples
    --------
    >>> [write_cell(cell, ".", DateRule(), upper=False) for cell in (7.0, "007", 0.5, True, None)]
    ['7', '007', '0.5', 'true', '']
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        text = "true" if cell else "false"
        return text.upper() if upper else text
    if isinstance(cell, decimals.Decimal):
        return f"{cell:f}".replace(".", decimal)
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        whole = cell.is_integer() and abs(cell) < _WHOLE
        return str(int(cell)) if whole else repr(cell).replace(".", decimal)
    if isinstance(cell, datetime.date):
        return _write_date(cell, rule)
    return str(cell)


def _write_date(cell: datetime.date, rule: DateRule) -> str:
    # A date is no guess: it is written as the file declares its dates.
    day = cell.strftime(rule.format or ISO)
    if not isinstance(cell, datetime.datetime) or cell.time() == datetime.time():
        return day
    zone = cell.strftime("%z") if cell.tzinfo is not None else ""
    return f"{day} {cell.time().isoformat('seconds')}{zone}"
