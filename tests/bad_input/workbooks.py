"""Workbooks of the plain study, with cells of every kind that a spreadsheet has."""

import io
import re
import zipfile
from pathlib import Path

from bad_input.study_files import plain_rows, write_plain
from openpyxl import Workbook
from openpyxl.utils import get_column_letter

SHEET = '[data]\npatients = { path = "patients.xlsx", sheet = "patients" }\n'
#: Letter of each column of the plain table.
LETTERS = {name: get_column_letter(i + 1) for i, name in enumerate(plain_rows()[0])}
TEXT = ("id", "site", "sex")


def typed(rows):
    """Cells as a spreadsheet holds them: numbers are numbers."""
    header = rows[0]
    return [
        header,
        *([cell if name in TEXT else float(cell) for name, cell in zip(header, row, strict=True)] for row in rows[1:]),
    ]


def book(cells=None, *, rows=None, sheets=("patients",), change=None, n=40):
    """The bytes of a workbook; `cells` are by address, `change` gets the sheet itself."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    for name in sheets:
        sheet = workbook.create_sheet(name)
        for row in typed(plain_rows(n)) if rows is None else rows:
            sheet.append(row)
        for address, value in (cells or {}).items():
            sheet[address] = value
        if change is not None:
            change(sheet)
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def with_xml(content, pattern, replacement):
    """A workbook with the XML of its first sheet changed; the pattern is found exactly once."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                text, count = re.subn(pattern, replacement, part.decode())
                assert count == 1, count
                part = text.encode()
            new.writestr(name, part)
    return out.getvalue()


def write_book(folder: Path, content=None, *, data=SHEET, name="patients.xlsx", **study):
    """The study file beside a workbook, and no CSV file."""
    path = write_plain(folder, data=data, **study)
    (folder / "patients.csv").unlink()
    (folder / name).write_bytes(book() if content is None else content)
    return path
