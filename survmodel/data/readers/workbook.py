"""A workbook before it is read: whether it is one, how large it claims to be, and what the cells of a sheet hide.

The reader of cells gives nothing for a formula without a value and for an error such as #N/A, and lays a sheet out in
memory as one rectangle. Both are looked up in the XML of the sheet first, which is read as a stream.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import IO, Any
from xml.etree import ElementTree
from xml.parsers import expat

from survmodel.data.findings import refuse

#: Declared size of everything in a workbook, and how many times smaller it may be packed when it is large.
LARGEST_CONTENT, LARGEST_RATIO, SMALL_CONTENT = 500_000_000, 100, 20_000_000
#: Cells of the rectangle that a sheet spans.
MOST_CELLS = 50_000_000
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
_OLDER = b"\xd0\xcf\x11\xe0"
_SAVE = "open it in the spreadsheet program and save it anew as .xlsx without a password"


class BadSheetError(Exception):
    """A sheet whose XML is not what a workbook holds."""


@dataclass(slots=True)
class SheetFacts:
    """What the XML of a sheet tells beside its values; rows and columns are counted from 1.

    Attributes
    ----------
    formulas : set of (int, int)
        Row and column of cells that a formula has computed.
    unvalued : set of (int, int)
        Those of formulas without a computed value.
    errors : set of (int, int)
        Those of errors such as #N/A.
    n_rows, n_columns : int
        Last row and column with content.
    last_row, last_column : int
        Last row and column of any cell.
    """

    formulas: set[tuple[int, int]] = field(default_factory=set)
    unvalued: set[tuple[int, int]] = field(default_factory=set)
    errors: set[tuple[int, int]] = field(default_factory=set)
    n_rows: int = 0
    n_columns: int = 0
    last_row: int = 0
    last_column: int = 0


def column_letter(number: int) -> str:
    """Give the letter of a column.

    Parameters
    ----------
    number : int
        The first is 1.

    Returns
    -------
    str
        As a spreadsheet shows it.

    Examples
    --------
    >>> column_letter(3), column_letter(28)
    ('C', 'AB')
    """
    letters = ""
    while number > 0:
        number, place = divmod(number - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters


def open_archive(data: bytes, name: str) -> zipfile.ZipFile:
    """Open a workbook as the archive that it is, after a look at what it claims to hold.

    Parameters
    ----------
    data : bytes
        The file.
    name : str
        Its name, for messages.

    Returns
    -------
    zipfile.ZipFile
        Every part of it is as long as it says.

    Raises
    ------
    FindingsError
        When it is no workbook, locked with a password, of an older kind, damaged, or out of all size.
    """
    if not data.strip():
        refuse("D001", name, "the file is empty", "a workbook with a header row", "check the export")
    if data.startswith(_OLDER):
        locked = "EncryptedPackage".encode("utf-16-le") in data
        kind = "the workbook is locked with a password" if locked else "the workbook is of the older kind .xls"
        refuse("D070", name, kind, "", _SAVE)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        remedy = "give a text file the ending .csv, or export the workbook again"
        refuse("D070", name, "the file is no workbook, whatever its name says", "", remedy)
    parts = archive.infolist()
    _look_at_size(name, sum(part.file_size for part in parts), sum(part.compress_size for part in parts))
    try:
        damaged = any(part.flag_bits & 1 for part in parts) or archive.testzip() is not None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OSError):
        damaged = True
    if damaged:
        refuse("D070", name, "the workbook is damaged", "", _SAVE)
    return archive


def _look_at_size(name: str, declared: int, packed: int) -> None:
    bomb = declared > SMALL_CONTENT and declared > LARGEST_RATIO * packed
    if bomb or declared > LARGEST_CONTENT:
        refuse(
            "D072", name, f"the workbook unpacks to {declared / 1e6:.0f} MB",
            f"at most {LARGEST_CONTENT // 10**6} MB, and at most {LARGEST_RATIO} times its size",
            "save the sheet in a workbook of its own",
        )  # fmt: skip


def look_at_sheet(archive: zipfile.ZipFile, sheet: str) -> SheetFacts:
    """Read what the cells of a sheet are.

    Parameters
    ----------
    archive : zipfile.ZipFile
        The workbook.
    sheet : str
        Name of the sheet.

    Returns
    -------
    SheetFacts
        Formulas, errors, and how far the sheet goes.

    Raises
    ------
    BadSheetError
        When the sheet is not found or its XML is not well-formed.
    """
    try:
        with archive.open(_part_of(archive, sheet)) as stream:
            return _Scan().read(stream)
    except (KeyError, StopIteration, ValueError, expat.ExpatError, ElementTree.ParseError) as error:
        raise BadSheetError from error


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """Find the part of the archive that holds a sheet."""
    book = _tree(archive.read("xl/workbook.xml"))
    found = next(node for node in book.iter() if node.tag.endswith("}sheet") and node.attrib.get("name") == sheet)
    # The namespace of the mark depends on the flavour of the format.
    mark = next(value for key, value in found.attrib.items() if key.endswith("}id"))
    relations = _tree(archive.read("xl/_rels/workbook.xml.rels"))
    target = next(node.attrib["Target"] for node in relations.iter() if node.attrib.get("Id") == mark)
    return posixpath.normpath(posixpath.join("xl", target)) if not target.startswith("/") else target[1:]


def _tree(content: bytes) -> ElementTree.Element:
    # Entities need a document type, which no workbook has.
    if b"<!DOCTYPE" in content:
        raise ValueError("document type")
    return ElementTree.fromstring(content)


class _Scan:
    """One pass over the XML of a sheet."""

    def __init__(self) -> None:
        self.facts = SheetFacts()
        self.row = self.column = 0
        self.kind = ""
        self.formula = self.valued = self.inside = False
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse

    def read(self, stream: IO[bytes]) -> SheetFacts:
        self.parser.ParseFile(stream)
        return self.facts

    def _refuse(self, *_: Any) -> None:  # noqa: ANN401 - as expat calls it
        raise ValueError("document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        if tag == "c":
            self.column += 1
            if "r" in attributes:
                self.row, self.column = _position(attributes["r"])
            self.kind = attributes.get("t", "n")
            self.formula = self.valued = False
        elif tag == "row":
            self.row, self.column = int(attributes.get("r", self.row + 1)), 0
        elif tag == "f":
            self.formula = True
        elif tag in {"v", "t"}:
            self.inside = True

    def _text(self, text: str) -> None:
        if self.inside and text:
            self.valued = True

    def _end(self, name: str) -> None:
        tag = name.rpartition(" ")[2]
        if tag in {"v", "t"}:
            self.inside = False
        elif tag == "c":
            self._close_cell()

    def _close_cell(self) -> None:
        facts, at = self.facts, (self.row, self.column)
        if not (0 < self.row <= LAST_ROW and 0 < self.column <= LAST_COLUMN):
            raise ValueError("a cell outside any sheet")
        facts.last_row, facts.last_column = max(facts.last_row, self.row), max(facts.last_column, self.column)
        # A formula whose result is an empty text has a value, which is empty.
        unvalued = self.formula and not self.valued and self.kind != "str"
        if self.kind == "e" and self.valued:
            facts.errors.add(at)
        elif self.formula:
            (facts.unvalued if unvalued else facts.formulas).add(at)
        if self.valued or unvalued:
            facts.n_rows, facts.n_columns = max(facts.n_rows, self.row), max(facts.n_columns, self.column)


def _position(address: str) -> tuple[int, int]:
    """Read the address of a cell, such as C7."""
    letters = address.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter.upper()) - ord("A") + 1
    return int(address[len(letters) :]), column
