"""What a document is made of, before any writer: a title, sections, and blocks of facts, prose, tables and figures.

Blocks hold text and images only. Nothing is escaped here: each writer escapes for its own format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from survmodel.table import Table


@dataclass(frozen=True, slots=True)
class Facts:
    """Short statements under a name each.

    Parameters
    ----------
    items : tuple of (str, str)
        Name and statement.
    """

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Prose.

    Parameters
    ----------
    text : str
        Sentences.
    kind : {"", "warning", "missing", "note"}
        "warning" for what the reader must know, "missing" for what could not be estimated, "note" for small print.
    """

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table.

    Parameters
    ----------
    table : Table
        Cells, caption and footnotes.
    name : str
        Stem of the file that holds it.
    """

    table: Table
    name: str


@dataclass(frozen=True, slots=True)
class FigureBlock:
    """A figure.

    Parameters
    ----------
    image : bytes
        The picture.
    media_type : str
        For example ``"image/svg+xml"``.
    alt_text : str
        What the figure shows, for a reader who cannot see it.
    caption : str
        What stands below it.
    name : str
        Stem of the files that hold it.
    """

    image: bytes
    media_type: str
    alt_text: str
    caption: str
    name: str


Block: TypeAlias = Facts | Paragraph | TableBlock | FigureBlock


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it.

    Parameters
    ----------
    heading : str
        Text of the heading.
    blocks : tuple of Block
        In reading order.
    """

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report.

    Parameters
    ----------
    title : str
        First line.
    opening : tuple of Block
        What stands before the first heading.
    sections : tuple of Section
        In reading order.
    footer : tuple of str
        Small print at the end, one line each.
    language : str
        Language tag.

    Examples
    --------
    >>> report = Document("Report", (Paragraph("One."),), (Section("Results", (Paragraph("Two."),)),))
    >>> [block.text for block in report.blocks()]
    ['One.', 'Two.']
    """

    title: str
    opening: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()
    footer: tuple[str, ...] = ()
    language: str = "en"

    def blocks(self) -> Iterator[Block]:
        """Walk through every block in reading order.

        Yields
        ------
        Block
            Of the opening, then of each section.
        """
        yield from self.opening
        for section in self.sections:
            yield from section.blocks
