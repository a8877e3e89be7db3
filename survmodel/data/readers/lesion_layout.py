"""What a reader of a PET program says about an export: its cells, and where each canonical column stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from survmodel.data.findings import Finding, FindingsError, Place
from survmodel.data.text_rows import refuse_other_delimiter, split_rows
from survmodel.errors import closest

COORDINATES = ("x_mm", "y_mm", "z_mm")


@dataclass(frozen=True, slots=True)
class ExportText:
    """The text of an export, cut into cells.

    Parameters
    ----------
    name : str
        How messages call the file.
    header : list of str
        Headings.
    rows : list of list of str
        The rows of the table.
    lines : tuple of int
        Line of the file on which each row begins.
    remarks : tuple of tuple of str
        Rows below or above the table that belong to it, such as totals of the whole scan.
    start : int
        Lines of the files before this one, where several are read as one table; `lines` count from there.
    """

    name: str
    header: list[str]
    rows: list[list[str]]
    lines: tuple[int, ...]
    remarks: tuple[tuple[str, ...], ...] = ()
    start: int = 0

    @property
    def place(self) -> Place:
        """For findings."""
        return self.place_of(self.lines)

    def place_of(self, lines: tuple[int, ...]) -> Place:
        """Name some of the rows.

        Parameters
        ----------
        lines : tuple of int
            Of these rows.

        Returns
        -------
        Place
            For findings.
        """
        return Place(self.name, lines, parts=((self.name, self.start),))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a canonical column stands.

    Parameters
    ----------
    at : int
        Position in the header.
    unit : str
        As the export or the column map names it; "" where nothing does.
    part : int, optional
        Which of the three numbers of a point; None for a cell that holds one number.
    """

    at: int
    unit: str = ""
    part: int | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands in an export.

    Parameters
    ----------
    columns : mapping of str to Source
        By canonical column of the lesions.
    patient : int, optional
        Position of what names the patient; None where `patient_text` does.
    day : int, optional
        Position of the date of the scan.
    region : int, optional
        Position of the name that tells the region, where it is not the one of the lesion.
    total : Source, optional
        Total uptake of the lesion, by which mean and volume are checked.
    total_volume : Source, optional
        Volume that the total was made with, where it is not the one of `columns`.
    patient_text, day_text : str
        For all rows, where the export names them once.
    day_format : str, optional
        How its dates are written; year-month-day without it.
    segmentation : str
        Rule that the export itself names.
    drop_repeated : bool
        Whether the program appends to its file, so that the same row may stand in it twice.
    notes : tuple of str
        What the reader of the report should know.
    """

    columns: Mapping[str, Source]
    patient: int | None = None
    day: int | None = None
    region: int | None = None
    total: Source | None = None
    total_volume: Source | None = None
    patient_text: str = ""
    day_text: str = ""
    day_format: str | None = None
    segmentation: str = ""
    drop_repeated: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportReader:
    """How exports of one program are read.

    Parameters
    ----------
    split : callable
        From the text, its name and the delimiter to an `ExportText`.
    lay_out : callable
        From an `ExportText` to its `Layout`; raises FindingsError for a header that is not of the program.
    """

    split: Callable[[str, str, str], ExportText]
    lay_out: Callable[[ExportText], Layout]


def split_table(text: str, name: str, delimiter: str) -> ExportText:
    """Cut an export into cells whose first line is the header, as most programs write it.

    Parameters
    ----------
    text : str
        Of the file.
    name : str
        For messages.
    delimiter : str
        One character between cells.

    Returns
    -------
    ExportText
        The file.

    Raises
    ------
    FindingsError
        For a quotation mark that is not closed, or another delimiter.
    """
    rows, lines = split_rows(text, name, delimiter)
    refuse_other_delimiter(rows[0], name, delimiter)
    return ExportText(name, rows[0], rows[1:], tuple(lines[1:]))


def bare_name(text: str) -> str:
    """Write a name of a patient or region as it was before a program protected it.

    Parameters
    ----------
    text : str
        Of a cell: LIFEx puts an apostrophe before names, DICOM leaves empty components of a name behind it.

    Returns
    -------
    str
        The name alone.

    Examples
    --------
    >>> bare_name("'P-001^^^ ")
    'P-001'
    """
    return text.strip().removeprefix("'").rstrip("^ ").strip()


def find_heading(export: ExportText, wanted: str) -> int | None:
    """Find a column by its heading, whatever its case and the blanks around it.

    Parameters
    ----------
    export : ExportText
        The file.
    wanted : str
        Its heading.

    Returns
    -------
    int or None
        Position.

    Raises
    ------
    FindingsError
        When two columns have the heading.
    """
    bare = wanted.strip().casefold()
    found = [i for i, heading in enumerate(export.header) if heading.strip().casefold() == bare]
    if len(found) > 1:
        refuse_header(export, "D010", f"the header has this name {len(found)} times", "export the file again", wanted)
    return found[0] if found else None


def need_heading(export: ExportText, wanted: str) -> int:
    """Find a column that must be there.

    Parameters
    ----------
    export : ExportText
        The file.
    wanted : str
        Its heading.

    Returns
    -------
    int
        Position.

    Raises
    ------
    FindingsError
        When two columns have the heading, or none has it.
    """
    found = find_heading(export, wanted)
    if found is None:
        refuse_absent(export, wanted)
    return found


def refuse_absent(export: ExportText, wanted: str) -> NoReturn:
    """Refuse an export for a column that it does not have.

    Parameters
    ----------
    export : ExportText
        The file.
    wanted : str
        Heading of the column.

    Raises
    ------
    FindingsError
        Always; with the headings that are nearly the wanted one, and no other: the first line may hold a patient.
    """
    near = closest(wanted, [heading for heading in export.header if heading.strip()])
    remedy = (
        near if near.startswith("did you mean") else "look whether the first line holds the headings of the program"
    )
    refuse_header(export, "D190", "the export has no such column", remedy, wanted)


def refuse_header(export: ExportText, code: str, problem: str, remedy: str, column: str = "") -> NoReturn:
    """Refuse an export for its header.

    Parameters
    ----------
    export : ExportText
        The file.
    code, problem, remedy, column : str
        As in `Finding`.

    Raises
    ------
    FindingsError
        Always.
    """
    raise FindingsError([Finding(code, problem, export.name, (1,), 1, 0, column, remedy=remedy)])
