"""A workbook to type the tables of a study into: drop-downs, limits and explanations, made of the data schema.

Each sheet of a table is read as it is: the names of the columns stand in its first row, and no other cell is written.
What a cell takes belongs to the whole column: a sheet has no cells below its headings until somebody fills them.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from survmodel.data.codebook import describe_field
from survmodel.data.entry_rules import (
    CODES_SHEET,
    FIRST_ROW,
    LAST_ROW,
    LONGEST_LIST,
    EntryRule,
    code_choices,
    entry_rule,
)
from survmodel.data.readers.workbook import column_letter
from survmodel.data.schema import Field, Schema, TableSchema

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import Cell
    from openpyxl.worksheet.datavalidation import DataValidation
    from openpyxl.worksheet.worksheet import Worksheet

ENTRY_WORKBOOK = "entry.xlsx"
READ_ME_SHEET = "read me"
CODES_HEADER = ("table", "column", "code", "meaning", "group")
INTRODUCTION = (
    "Each of the sheets below is one table. Fill those that the study has, from row 2 on and without blank rows.",
    "Row 1 holds the names of the columns: leave it as it is. Point at a name to read what the column means.",
    "A bold name on a coloured cell: every row needs a value. Leave any other cell empty when the value is not known.",
    "Use study pseudonyms, never names or hospital numbers. Identifiers are text: 007 is not 7.",
    "Write dates as 2024-01-31.",
    f"Choose codes from the list that opens in the cell. The sheet {CODES_SHEET} says what each code means.",
    "Enter values, no formulas. Do not merge cells, and add no totals below a table.",
    "Cells that are pasted over lose their lists and limits. survmodel check study.toml checks every cell again.",
)
SWITCH = (
    "In the study file, under [data], name the workbook and the sheet of each table that you fill, as below.",
    'The path begins where the study file lies: write "data/entry.xlsx" when the workbook is in the folder data.',
)
#: A fill that is also seen in print, and a bold name for those who do not tell colours apart.
REQUIRED_FILL, OTHER_FILL = "FFD966", "EDEDED"
WIDEST, NARROWEST, DATE_WIDTH = 40, 10, 12
#: Texts that a spreadsheet would take for a formula when somebody opens the cell and closes it again.
FORMULA_STARTS = ("=", "+", "-", "@")
#: The first day that a zip archive can hold: a workbook holds no time at which it was made.
NO_TIME = datetime.datetime(1980, 1, 1)


def write_entry_workbook(schema: Schema) -> bytes:
    """Write an empty workbook with a sheet for every table.

    Parameters
    ----------
    schema : Schema
        The canonical tables.

    Returns
    -------
    bytes
        The file; the same schema gives the same bytes.

    Examples
    --------
    >>> import io
    >>> from openpyxl import load_workbook
    >>> from survmodel.data.schema import load_schema
    >>> book = load_workbook(io.BytesIO(write_entry_workbook(load_schema())))
    >>> book.sheetnames[:3], book.sheetnames[-1], book["reads"]["A1"].value
    (['read me', 'patients', 'scans'], 'codes', 'scan_id')
    """
    from openpyxl import Workbook

    book = Workbook()
    book.properties.creator = "survmodel"
    book.properties.created = NO_TIME
    _write_read_me(book.active, schema)
    first_codes = _write_codes(book, schema)
    for table in schema.tables:
        # The codes come last for the reader, whatever the order in which sheets are made.
        _write_table(book.create_sheet(table.name, len(book.sheetnames) - 1), table, first_codes)
    for sheet in book.worksheets:
        # Printed, a table is as wide as the page and not torn over several.
        sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
    out = io.BytesIO()
    book.save(out)
    return _without_times(out.getvalue())


def _write_read_me(sheet: Worksheet, schema: Schema) -> None:
    from openpyxl.styles import Alignment

    sheet.title = READ_ME_SHEET
    sheet.sheet_view.showGridLines = False
    _put(sheet, 1, 1, "How to fill this workbook", bold=True, size=14)
    row = 3
    for text in INTRODUCTION:
        _put(sheet, row, 1, text).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=2)
        # Merged cells do not grow with their text.
        sheet.row_dimensions[row].height = 16 * (1 + len(text) // 105)
        row += 1
    row += 1
    _put_header(sheet, row, ("sheet", "what a row is"))
    for table in schema.tables:
        row += 1
        _put(sheet, row, 1, table.name)
        _put(sheet, row, 2, table.description)
    row += 1
    for text in SWITCH:
        row += 1
        _put(sheet, row, 1, text)
    for table in schema.tables:
        row += 1
        _put(
            sheet, row, 1, f'{table.name} = {{ path = "{ENTRY_WORKBOOK}", sheet = "{table.name}" }}', font="Courier New"
        )
    sheet.column_dimensions["A"].width = 18
    sheet.column_dimensions["B"].width = 92


def _write_codes(book: Workbook, schema: Schema) -> dict[tuple[str, str], int]:
    """Write the sheet of codes, and tell on which row the codes of each column begin."""
    sheet = book.create_sheet(CODES_SHEET)
    _put_header(sheet, 1, CODES_HEADER)
    first, row = dict[tuple[str, str], int](), 2
    widths = [len(name) for name in CODES_HEADER]
    for table in schema.tables:
        for field in table.fields:
            first[table.name, field.name] = row
            for level in code_choices(field):
                cells = (table.name, field.name, level.value, level.label, level.group)
                for at, text in enumerate(cells):
                    _put(sheet, row, at + 1, text).number_format = "@"
                widths = [max(width, len(text)) for width, text in zip(widths, cells, strict=True)]
                row += 1
    for at, width in enumerate(widths):
        sheet.column_dimensions[column_letter(at + 1)].width = min(max(width + 2, NARROWEST), WIDEST)
    sheet.freeze_panes = "A2"
    return first


def _write_table(sheet: Worksheet, table: TableSchema, first_codes: dict[tuple[str, str], int]) -> None:
    others = {key.field: key.table for key in table.foreign_keys}
    for at, field in enumerate(table.fields, start=1):
        letter = column_letter(at)
        heading = _put(
            sheet, 1, at, field.name, bold=field.required, fill=REQUIRED_FILL if field.required else OTHER_FILL
        )
        _explain(heading, field, others.get(field.name, ""))
        column = sheet.column_dimensions[letter]
        column.width = _width(field)
        if field.type == "date":
            column.number_format = "yyyy-mm-dd"
        elif field.type not in {"number", "integer"}:
            # 007 stays 007, and a code that looks like a number or a day stays the code.
            column.number_format = "@"
        rule = entry_rule(field, letter, first_codes[table.name, field.name])
        if rule is not None:
            sheet.add_data_validation(_validation(rule, letter))
    # The first column names the row: it stays in sight with the headings.
    sheet.freeze_panes = "B2"


def _validation(rule: EntryRule, letter: str) -> DataValidation:
    from openpyxl.worksheet.datavalidation import DataValidation

    return DataValidation(
        type=rule.kind,
        operator=rule.operator or None,
        formula1=rule.first,
        formula2=rule.second or None,
        # Empty cells are for the reader to judge: a row is typed one cell after the other.
        allowBlank=True,
        showErrorMessage=True,
        errorStyle=rule.severity,
        errorTitle=rule.title,
        error=rule.message,
        sqref=f"{letter}{FIRST_ROW}:{letter}{LAST_ROW}",
    )


def _explain(heading: Cell, field: Field, other: str) -> None:
    """Say what a column is in a comment on its heading."""
    from openpyxl.comments import Comment

    lines = [_sentence(field.title)]
    if field.range is not None:
        lines.append(f"Values: {describe_field(field)[3]}.")
    elif field.unit:
        lines.append(f"Unit: {field.unit}.")
    if field.type == "date":
        lines.append("A date, written as 2024-01-31.")
    if code_choices(field):
        codes = ", ".join(level.value for level in code_choices(field))
        named = f"Codes: {codes}." if len(codes) <= LONGEST_LIST else "Choose from the list."
        lines.append(f"{named} See the sheet {CODES_SHEET}.")
    if field.unique:
        lines.append("Every value occurs once.")
    if other:
        lines.append(f"Must occur on the sheet {other}.")
    if field.description:
        lines.append(_sentence(field.description))
    if field.phi:
        lines.append("Tells who a patient is.")
    lines.append("Every row needs a value." if field.required else "Leave it empty where it is not known.")
    n_lines = sum(1 + len(line) // 45 for line in lines)
    heading.comment = Comment("\n".join(lines), "survmodel", height=20 * (n_lines + 1), width=320)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _width(field: Field) -> int:
    codes = [len(level.value) for level in code_choices(field)]
    longest = max([len(field.name), DATE_WIDTH if field.type == "date" else 0, *codes])
    # Room for the mark of the comment and the arrow of the list.
    return min(max(longest + 3, NARROWEST), WIDEST)


def _put_header(sheet: Worksheet, row: int, names: tuple[str, ...]) -> None:
    for at, name in enumerate(names, start=1):
        _put(sheet, row, at, name, bold=True, fill=OTHER_FILL)


def _put(
    sheet: Worksheet, row: int, column: int, text: str, *, bold: bool = False, size: int = 11, fill: str = "",
    font: str = "Calibri",
) -> Cell:  # fmt: skip
    """Write a text that stays a text, whatever it begins with."""
    from openpyxl.styles import Font, PatternFill

    cell = sheet.cell(row, column)
    cell.value = text
    if text:
        cell.data_type = "s"
    cell.font = Font(name=font, size=size, bold=bold)
    if fill:
        cell.fill = PatternFill("solid", fgColor=fill)
    if text.startswith(FORMULA_STARTS):
        cell.quotePrefix = True
    return cell


def _without_times(content: bytes) -> bytes:
    """Pack the workbook anew, so that neither the clock nor the computer leaves a mark in it.

    The parts are not compressed, and their XML is in canonical form: libraries of other versions compress and write it
    in other ways.
    """
    stamp = NO_TIME.strftime("%Y-%m-%dT%H:%M:%SZ")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            part = ElementTree.canonicalize(old.read(name).decode())
            if name == "docProps/core.xml":
                part = re.sub("(<dcterms:modified[^>]*>)[^<]*", rf"\g<1>{stamp}", part)
            entry = zipfile.ZipInfo(name, NO_TIME.timetuple()[:6])
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            new.writestr(entry, part)
    return out.getvalue()
