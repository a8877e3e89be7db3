"""A table as a reader sees it: formatted cells, a header, footnotes, and writers for text and HTML.

A `Table` holds text only; numbers have passed through :mod:`survmodel.formatting` before. Everything a user typed is
escaped where it is written, never where it is read.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a header.

    Parameters
    ----------
    header : sequence of str
        Column headings.
    rows : sequence of sequence of str
        Cells, one for each heading. A row whose other cells are all empty is a section heading.
    caption : str
        What the table shows.
    footnotes : sequence of str
        What the reader must know: conventions, abbreviations, why a cell is missing.
    left : int
        How many columns from the left are text; the others are numbers, aligned right.

    Raises
    ------
    ValueError
        When a row has another number of cells than the header.

    Examples
    --------
    >>> print(Table(["group", "n"], [["low", "12"], ["high", "9"]]))
    group   n
    low    12
    high    9
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    footnotes: tuple[str, ...] = ()
    left: int = 1

    def __init__(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        caption: str = "",
        footnotes: Sequence[str] = (),
        left: int = 1,
    ) -> None:
        values = {
            "header": tuple(str(cell) for cell in header),
            "rows": tuple(tuple(str(cell) for cell in row) for row in rows),
            "caption": caption,
            "footnotes": tuple(note for note in footnotes if note),
            "left": left,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        wrong = [number for number, row in enumerate(self.rows, start=1) if len(row) != len(self.header)]
        if wrong:
            raise ValueError(f"table rows {wrong} do not have {len(self.header)} cells")

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()

    def with_caption(self, caption: str) -> Table:
        """Give the table another caption.

        Parameters
        ----------
        caption : str
            What the table shows.

        Returns
        -------
        Table
            A new table.
        """
        return Table(self.header, self.rows, caption, self.footnotes, self.left)

    def to_text(self) -> str:
        """Write the table in columns for a terminal.

        Returns
        -------
        str
            Caption, header, rows and footnotes.
        """
        lines = [tuple(one_line(cell) for cell in row) for row in (self.header, *self.rows)]
        widths = [max(display_width(line[j]) for line in lines) for j in range(len(self.header))]
        body = []
        for line in lines:
            if is_section(line):
                body.append(line[0])
                continue
            cells = [_pad(cell, widths[j], right=j >= self.left) for j, cell in enumerate(line)]
            body.append("  ".join(cells).rstrip())
        caption = [one_line(self.caption)] if self.caption else []
        return "\n".join([*caption, *body, *(one_line(note) for note in self.footnotes)])

    def to_html(self) -> str:
        """Write the table as an HTML fragment with scoped headings; every text is escaped.

        Returns
        -------
        str
            A ``<table>`` element, in a ``<figure>`` with its footnotes when there are some.
        """
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        head = "".join(f'<th scope="col"{self._css(j)}>{escape(cell)}</th>' for j, cell in enumerate(self.header))
        body = "".join(f"<tr>{self._html_row(row)}</tr>" for row in self.rows)
        inside = f"{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        table = f'<table style="border-collapse:collapse">{inside}</table>'
        if not self.footnotes:
            return table
        notes = "<br>".join(escape(note) for note in self.footnotes)
        return f'<figure class="table">{table}<figcaption>{notes}</figcaption></figure>'

    def _html_row(self, row: tuple[str, ...]) -> str:
        first = escape(row[0])
        if is_section(row):
            return f'<th scope="rowgroup" colspan="{len(row)}"{_css("left")}>{first}</th>'
        heading = f'<th scope="row"{_css("left", "font-weight:normal")}>{first}</th>'
        return heading + "".join(f"<td{self._css(j)}>{escape(cell)}</td>" for j, cell in enumerate(row[1:], start=1))

    def _css(self, column: int) -> str:
        return _css("left" if column < self.left else "right")


def _css(side: str, *more: str) -> str:
    return f' style="{";".join([f"text-align:{side}", "padding:0.1em 0.6em", *more])}"'


def is_section(row: Sequence[str]) -> bool:
    """Tell whether a row is a section heading: its first cell has text and no other has.

    Parameters
    ----------
    row : sequence of str
        Cells.

    Returns
    -------
    bool
        Always False in a table of one column.
    """
    return len(row) > 1 and bool(row[0]) and not any(row[1:])


def escape(text: str) -> str:
    """Escape text for HTML and show control characters as the replacement character.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Text that an HTML reader shows as it is.

    Examples
    --------
    >>> escape("<img src=x>")
    '&lt;img src=x&gt;'
    """
    return html.escape("".join(_visible(character) for character in str(text)))


def one_line(text: str) -> str:
    """Put text on one line, control characters and direction overrides made visible.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text without line breaks.
    """
    return "".join(_visible(character) for character in " ".join(str(text).split("\n")))


def _visible(character: str) -> str:
    if character in "\n\t":
        return " "
    return "\ufffd" if unicodedata.category(character) in {"Cc", "Cf", "Cs"} else character


def display_width(text: str) -> int:
    """Count terminal columns: East Asian wide characters take two, combining marks none.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    int
        Columns.
    """
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(bool(unicodedata.combining(character)) for character in text)


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - display_width(text))
    return space + text if right else text + space
