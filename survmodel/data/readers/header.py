"""The first line of a delimited file: which heading is which column, and rows that are no rows.

Headings of the data schema are matched by name or alias, whatever their case and the blanks around them; columns of a
study file letter for letter. A column of row numbers that a program wrote beside the data is dropped with a note.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from survmodel.data.columns import Column
from survmodel.data.findings import Finding, Place
from survmodel.errors import closest

_INDEX_HEADING = re.compile(r"Unnamed: 0|index|row\.?names?|", re.IGNORECASE)
_TOTALS = frozenset({
    "mean", "average", "median", "total", "totals", "sum", "sd", "std", "n", "count", "min", "max", "minimum",
    "maximum", "mittelwert", "summe", "gesamt", "anzahl",
})  # fmt: skip
#: A second header line names at least this many columns.
NAMED_TWICE = 2


@dataclass(frozen=True, slots=True)
class Grid:
    """A file cut into cells.

    Parameters
    ----------
    header : list of str
        Its first line.
    rows : list of list of str
        The others.
    lines : tuple of int
        Line of the file on which each row begins.
    """

    header: list[str]
    rows: list[list[str]]
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """What a header says.

    Parameters
    ----------
    positions : mapping of str to int
        Where each column stands; a column that may be absent and is absent is not in it.
    n_undeclared : int
        Headings that belong to no column.
    findings : tuple of Finding
        Errors of the header, and notes.
    """

    positions: Mapping[str, int]
    n_undeclared: int
    findings: tuple[Finding, ...]


def match_header(grid: Grid, columns: Sequence[Column], place: Place) -> Heading:
    """Find the columns in the header.

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
        Positions, and everything that is wrong with the header.
    """
    header = grid.header
    exact = {column.name: header.index(column.name) for column in columns if column.name in header}
    free = {i: heading.strip().casefold() for i, heading in enumerate(header) if i not in exact.values()}
    positions, findings = dict(exact), list[Finding]()
    for column in columns:
        if column.name in positions:
            continue
        found = [i for i, heading in free.items() if heading in _names(column)]
        if len(found) > 1:
            problem = "two headings of the file mean this column"
            findings.append(Finding("D013", problem, place.file, (1,), 1, 0, column.name, table=place.table,
                                    remedy="keep one of them, or give it the name of the column"))  # fmt: skip
        elif found:
            # Taken from what is declared, so that nothing of the file stands in the note.
            alias = next(name for name in (column.name, *column.aliases) if name.casefold() == free[found[0]])
            positions[column.name] = found[0]
            findings.append(Finding("D012", f"read from the heading {alias!r}", place.file, (1,), 1, 0, column.name,
                                    severity="note", table=place.table))  # fmt: skip
    clashing = {finding.column for finding in findings if finding.code == "D013"}
    left = [column for column in columns if column.name not in positions and column.name not in clashing]
    findings += _look_at_repeated(header, positions, place)
    findings += _look_at_absent(left, header, place, any_found=bool(positions or clashing))
    taken = set(positions.values())
    index = _index_column(grid, taken)
    if index:
        findings.append(Finding("D014", "a column of row numbers was left out", place.file, (1,), 1, 0,
                                severity="note", table=place.table))  # fmt: skip
    return Heading(positions, len(header) - len(taken) - index, tuple(findings))


def _names(column: Column) -> set[str]:
    names = {alias.casefold() for alias in column.aliases}
    return names | {column.name.casefold()} if column.declared_in == "schema" else names


def _look_at_absent(
    absent: Sequence[Column], header: Sequence[str], place: Place, *, any_found: bool
) -> Iterator[Finding]:
    if not any_found:
        # The first line may hold a patient: nothing of it is shown.
        problem = "the first line names none of the declared columns"
        yield Finding("D007", problem, place.file, (1,), 1, 0, expected="a header line",
                      remedy="remove what stands above the header line, or add the header line",
                      table=place.table)  # fmt: skip
        return
    for column in absent:
        if not column.optional:
            near = closest(column.name, [heading for heading in header if heading.strip()])
            yield Finding("D007", "the file has no such column", place.file, column=column.name, remedy=near,
                          table=place.table)  # fmt: skip


def _look_at_repeated(header: Sequence[str], positions: Mapping[str, int], place: Place) -> Iterator[Finding]:
    if not positions:
        return
    for heading, count in Counter(header).items():
        if count > 1 and heading.strip():
            yield Finding("D010", f"the header has this name {count} times", place.file, (1,), 1, 0, heading,
                          remedy="rename the columns", table=place.table)  # fmt: skip


def _index_column(grid: Grid, taken: set[int]) -> bool:
    """Tell whether the first column only counts the rows."""
    if not grid.header or 0 in taken or not _INDEX_HEADING.fullmatch(grid.header[0].strip()):
        return False
    numbers = [row[0].strip() for row in grid.rows if len(row) == len(grid.header)]
    return any(numbers == [str(i + first) for i in range(len(numbers))] for first in (0, 1)) and bool(numbers)


def look_at_rows(grid: Grid, columns: Sequence[Column], heading: Heading, place: Place) -> Iterator[Finding]:
    """Find what cannot be a row of data: blank and ragged rows, a second header line, totals below the data.

    Parameters
    ----------
    grid : Grid
        The file.
    columns : sequence of Column
        What is declared.
    heading : Heading
        Where the columns stand.
    place : Place
        For messages.

    Yields
    ------
    Finding
        Errors.
    """
    header, rows = grid.header, grid.rows
    if not rows:
        remedy = "check the export, or fill the table below its headings"
        yield Finding("D002", "the file has a header and no rows", place.file, remedy=remedy, table=place.table)
    blank = [i for i, row in enumerate(rows) if not any(cell.strip() for cell in row)]
    if blank:
        yield place.find("D011", "", "the row is blank", blank, remedy="remove blank rows")
    ragged = [i for i, row in enumerate(rows) if len(row) != len(header) and any(cell.strip() for cell in row)]
    if ragged:
        counts = sorted({len(rows[i]) for i in ragged})
        problem = f"the row has {', '.join(map(str, counts[:4]))} cells"
        remedy = "put quotation marks around cells that hold the delimiter, or add what is missing"
        yield place.find("D008", "", problem, ragged, expected=f"{len(header)} cells, as in the header", remedy=remedy)
        return
    yield from _look_at_layout(grid, columns, heading, place)


def _look_at_layout(grid: Grid, columns: Sequence[Column], heading: Heading, place: Place) -> Iterator[Finding]:
    rows, positions = grid.rows, heading.positions
    if rows and _is_second_header(rows[0], columns, positions):
        remedy = "keep one header line and remove the other"
        yield place.find("D015", "", "looks like a second header line", [0], remedy=remedy)
    identifiers = [positions[column.name] for column in columns if column.is_identifier and column.name in positions]
    totals = [i for i, row in enumerate(rows) if _is_total(row, identifiers)]
    # Only at the end: a patient may well be called N.
    totals = [i for i in totals if set(range(i, len(rows))) <= set(totals)]
    if totals:
        yield place.find("D017", "", "a row of totals, not a patient", totals, remedy="remove the rows below the data")
    index = {0} if any(finding.code == "D014" for finding in heading.findings) else set()
    for i, name in enumerate(grid.header):
        if not name.strip() and i not in index and any(row[i].strip() for row in rows if len(row) > i):
            problem = f"column {i + 1} has cells and no heading"
            yield Finding("D016", problem, place.file, (1,), 1, 0, table=place.table,
                          remedy="write a heading over each column, without merged cells")  # fmt: skip


def _is_second_header(row: Sequence[str], columns: Sequence[Column], positions: Mapping[str, int]) -> bool:
    """Tell whether the cells repeat names, labels or units of their columns."""
    named = 0
    for column in columns:
        i = positions.get(column.name)
        if i is None or i >= len(row):
            continue
        words = {column.name, column.label, column.unit, f"[{column.unit}]", f"({column.unit})", *column.aliases}
        cell = row[i].strip().casefold()
        codes = {code.casefold() for code, _ in column.levels}
        named += bool(cell) and cell not in codes and cell in {word.casefold() for word in words}
    return named >= NAMED_TWICE


def _is_total(row: Sequence[str], identifiers: Sequence[int]) -> bool:
    first = next((cell for cell in row if cell.strip()), "")
    words = {first, *(row[i] for i in identifiers if i < len(row))}
    return any(word.strip().rstrip(":.").casefold() in _TOTALS for word in words)
