"""Bytes to rows of text cells: the same care for every delimited file, be it data or a data dictionary."""

from __future__ import annotations

import codecs
import csv
import io

from survmodel.data.findings import refuse

#: First bytes of workbooks: zipped (xlsx, ods) and of older kind (xls).
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
DELIMITERS = {";": "';'", "\t": "a tab", "|": "'|'", ",": "','"}
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def decode_text(data: bytes, name: str, encoding: str, notes: list[str]) -> str:
    r"""Decode a file.

    Parameters
    ----------
    data : bytes
        What it holds.
    name : str
        Of the file, for messages.
    encoding : str
        As declared; a byte-order mark overrides it.
    notes : list of str
        Takes a note where the mark did so.

    Returns
    -------
    str
        The text without the mark.

    Raises
    ------
    FindingsError
        For an empty file, a workbook, a byte of another encoding, a NUL character.

    Examples
    --------
    >>> decode_text(b"\xef\xbb\xbfid,age\n", "patients.csv", "utf-8", [])
    'id,age\n'
    """
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


def split_rows(text: str, name: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    r"""Split a text into rows, each with the line on which it begins.

    Parameters
    ----------
    text : str
        At least a header line.
    name : str
        Of the file, for messages.
    delimiter : str
        One character between cells.

    Returns
    -------
    rows : list of list of str
        Cells, the header first; blank rows at the end are left out.
    lines : list of int
        Line of the file on which each row begins.

    Raises
    ------
    FindingsError
        For a quotation mark that is not closed, or when every row is blank.

    Examples
    --------
    >>> split_rows('id,name\n1,"a\nb"\n2,c\n', "patients.csv", ",")
    ([['id', 'name'], ['1', 'a\nb'], ['2', 'c']], [1, 2, 4])
    """
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
    return rows, lines


def refuse_other_delimiter(header: list[str], name: str, delimiter: str) -> None:
    """Refuse a file of one column whose heading holds another delimiter.

    Parameters
    ----------
    header : list of str
        First row.
    name : str
        Of the file.
    delimiter : str
        By which it was split.

    Raises
    ------
    FindingsError
        When that seems to be the wrong one.
    """
    for other, shown in DELIMITERS.items():
        if len(header) == 1 and other != delimiter and other in header[0]:
            remedy = f'set delimiter = "{other if other != chr(9) else chr(92) + "t"}" in [data]'
            refuse("D006", name, f"only one column found, the delimiter looks like {shown}",
                    f"cells separated by {DELIMITERS.get(delimiter, repr(delimiter))}", remedy, 1)  # fmt: skip
