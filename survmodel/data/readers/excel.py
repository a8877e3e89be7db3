"""Sheets of Excel workbooks: every cell becomes the text that the same table would hold as CSV.

What a CSV file cannot hold is found first: formulas, with and without a computed value, errors such as #N/A, merged
cells, a sheet that ends at the last row that a spreadsheet has. Findings name the sheet and the cell.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, ZipError

from survmodel.data.columns import Column
from survmodel.data.dates import DateRule
from survmodel.data.findings import Finding, FindingsError, Place, refuse
from survmodel.data.readers.header import Grid, Heading
from survmodel.data.readers.reading import (
    FileRead,
    check_rows,
    look_for_cut,
    note_left_out,
    read_cells,
    refuse_by_size,
    truths_are_upper,
    write_cell,
)
from survmodel.data.readers.workbook import (
    MOST_CELLS,
    BadSheetError,
    SheetFacts,
    column_letter,
    look_at_sheet,
    open_archive,
)
from survmodel.errors import closest, list_values
from survmodel.formatting import count_noun

#: What stands in a cell while rows are looked at, so that a cell without a readable value is not taken for a blank one.
_UNREADABLE = "#"

Cell = object


def scan_workbook(
    path: Path,
    columns: Sequence[Column],
    *,
    sheet: str | None = None,
    decimal: str = ".",
    dates: DateRule | None = None,
    table: str = "",
) -> FileRead:
    """Read the declared columns of a sheet and keep the problems of cells as findings, as `scan_delimited` does.

    Parameters
    ----------
    path : pathlib.Path
        The workbook; the first row of the sheet names the columns.
    columns : sequence of Column
        What is declared.
    sheet : str, optional
        Name of the sheet; needed when there are several.
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
    FindingsError
        When the workbook or the sheet as a whole cannot be read.
    OSError
        When the file cannot be opened.
    """
    name = path.name
    refuse_by_size(name, path.stat().st_size)
    data = path.read_bytes()
    chosen, facts, cells = _open(data, name, sheet)
    shown = f"{name}[{chosen.name}]"
    rule = dates or DateRule()
    grid = _lay_out(cells, facts, shown, columns, decimal, rule)
    place = Place(shown, grid.lines, table)
    heading = _check(grid, columns, place, chosen.merged_cell_ranges or [])
    letters = {column: column_letter(at + 1) for column, at in heading.positions.items()}
    place = replace(place, letters=letters)
    problems = list(_hidden(facts, heading, place))
    series, missing, found = read_cells(_emptied(grid, facts), heading, columns, decimal, rule, place)
    problems += _not_said_twice(found, problems)
    problems += look_for_cut(facts.n_rows, place)
    notes = note_left_out(heading, shown)
    findings = (*_with_cells(heading.findings, letters), *problems)
    digest = hashlib.sha256(data).hexdigest()
    return FileRead(name, series, missing, heading.n_undeclared, digest, len(data), place, notes, findings)


def _open(data: bytes, name: str, sheet: str | None) -> tuple[CalamineSheet, SheetFacts, list[list[Cell]]]:
    """Find the sheet and take its cells, from the first row and column on."""
    archive = open_archive(data, name)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = [one.name for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
        wanted = _choose(names, sheet, name)
        facts = _look(archive, wanted, name)
        chosen = book.get_sheet_by_name(wanted)
        return chosen, facts, _take_cells(chosen, f"{name}[{wanted}]")
    except (CalamineError, ZipError, BadSheetError):
        remedy = "open it in Excel and save it anew as .xlsx, or save the sheet as CSV"
        refuse("D070", name, "the workbook is damaged, or of a kind that is not known", "", remedy)


def _take_cells(sheet: CalamineSheet, shown: str) -> list[list[Cell]]:
    try:
        return [list(row) for row in sheet.to_python(skip_empty_area=False)]
    except BaseException as error:
        # The reader's own panic is no Exception, and its class cannot be imported.
        if not isinstance(error, OverflowError) and type(error).__name__ != "PanicException":
            raise
        problem = "a cell that is formatted as a date or a time holds a number that is none"
        refuse("D070", shown, problem, "", "correct the number, or give its cell the format of a number")


def _choose(names: Sequence[str], sheet: str | None, name: str) -> str:
    if sheet is None and len(names) == 1:
        return names[0]
    if sheet is None:
        remedy = f'name one inside the braces of the file, such as sheet = "{names[0]}"' if names else "check the file"
        refuse("D071", name, f"the workbook has {count_noun(len(names), 'sheet')}: {list_values(names)}", "", remedy)
    if sheet not in names:
        refuse("D071", name, f"the workbook has no sheet {sheet!r}", "", closest(sheet, names))
    return sheet


def _look(archive: zipfile.ZipFile, sheet: str, name: str) -> SheetFacts:
    facts = look_at_sheet(archive, sheet)
    if facts.last_row * facts.last_column > MOST_CELLS:
        span = f"{facts.last_row} rows and {facts.last_column} columns"
        remedy = "delete the cells far below and to the right of the table, or save the sheet as CSV"
        refuse("D072", f"{name}[{sheet}]", f"the sheet spans {span}", f"at most {MOST_CELLS} cells", remedy)
    return facts


def _lay_out(
    cells: list[list[Cell]], facts: SheetFacts, shown: str, columns: Sequence[Column], decimal: str, rule: DateRule
) -> Grid:
    """Write every cell as text; blank rows and columns at the end are left out."""
    upper = truths_are_upper(columns)
    rows = [[write_cell(cell, decimal, rule, upper=upper) for cell in row] for row in cells]
    width = max([facts.n_columns, *map(len, rows)])
    rows += [[] for _ in range(facts.n_rows - len(rows))]
    rows = [row + [""] * (width - len(row)) for row in rows]
    for row, column in facts.errors | facts.unvalued:
        rows[row - 1][column - 1] = _UNREADABLE
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    if not rows:
        refuse("D001", shown, "the sheet is empty", "a header row and one row for each patient", "check the sheet")
    used = max(i + 1 for row in rows for i, cell in enumerate(row) if cell.strip())
    rows = [row[:used] for row in rows]
    return Grid(rows[0], rows[1:], tuple(range(2, len(rows) + 1)))


def _check(
    grid: Grid, columns: Sequence[Column], place: Place, merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> Heading:
    """Refuse merged cells together with whatever else is wrong with header and rows."""
    found = list(_merged(merged, grid, place, range(len(grid.header)), header=True))
    try:
        heading = check_rows(grid, columns, place)
    except FindingsError as error:
        letters = {name: column_letter(i + 1) for i, name in reversed(list(enumerate(grid.header)))}
        raise FindingsError([*found, *_with_cells(error.findings, letters)]) from None
    found += _merged(merged, grid, place, heading.positions.values(), header=False)
    if found:
        raise FindingsError(found)
    return heading


def _merged(
    merged: Sequence[tuple[tuple[int, int], tuple[int, int]]],
    grid: Grid,
    place: Place,
    columns: Iterable[int],
    *,
    header: bool,
) -> Iterator[Finding]:
    wanted = set(columns)
    for (top, left), (bottom, right) in merged:
        if (top == 0) is header and top <= len(grid.rows) and wanted & set(range(left, right + 1)):
            span = f"{column_letter(left + 1)}{top + 1}:{column_letter(right + 1)}{bottom + 1}"
            problem = f"merged cells {span} {'in the header' if header else 'among the data'}"
            remedy = "unmerge the cells, and write into each one what it means"
            yield Finding("D076", problem, place.file, (top + 1,), 1, 0, remedy=remedy, table=place.table)


def _with_cells(findings: Iterable[Finding], letters: dict[str, str]) -> Iterator[Finding]:
    """Name the cells of findings about a heading."""
    for finding in findings:
        yield replace(finding, letter=letters.get(finding.column, "")) if finding.rows else finding


def _hidden(facts: SheetFacts, heading: Heading, place: Place) -> Iterator[Finding]:
    """Find formulas and errors in the declared columns."""
    enter = "enter the value itself, or leave the cell empty where it is not known"
    for column, at in heading.positions.items():
        rows = {
            kind: sorted(row - 2 for row, i in cells if i == at + 1 and 0 <= row - 2 < len(place.lines))
            for kind, cells in (("D073", facts.formulas), ("D074", facts.unvalued), ("D075", facts.errors))
        }
        if rows["D073"]:
            yield place.find("D073", column, "formulas, read as the values that they had when the file was saved",
                             rows["D073"], severity="warning")  # fmt: skip
        if rows["D074"]:
            remedy = "open the file in a spreadsheet program and save it, so that the formulas are computed"
            yield place.find("D074", column, "formulas without a value", rows["D074"], remedy=remedy)
        if rows["D075"]:
            yield place.find("D075", column, "an error of the spreadsheet, such as #N/A", rows["D075"], remedy=enter)


def _emptied(grid: Grid, facts: SheetFacts) -> Grid:
    """Leave cells without a readable value empty: they have a finding already."""
    rows = [list(row) for row in grid.rows]
    for row, column in facts.errors | facts.unvalued:
        if 0 <= row - 2 < len(rows) and column <= len(rows[row - 2]):
            rows[row - 2][column - 1] = ""
    return replace(grid, rows=rows)


def _not_said_twice(found: Iterable[Finding], problems: Sequence[Finding]) -> Iterator[Finding]:
    """Leave out what is missing only because its cell holds an error or a formula without a value."""
    known = {(one.column, row) for one in problems if one.severity == "error" for row in one.rows}
    for finding in found:
        if finding.code not in {"D030", "D032"} or not {(finding.column, row) for row in finding.rows} <= known:
            yield finding
