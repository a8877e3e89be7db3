"""What is wrong with a data file: findings with a code, a place, and a way out, all reported together.

A finding names rows by the line of the file (the header is line 1) and columns by name; of a sheet of a workbook it
names the cells. It never holds the value of an
identifier or a date. The codes are listed in ``data_schema/README.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from survmodel.errors import ROWS_SHOWN, DataError
from survmodel.formatting import count_noun

Severity = Literal["error", "warning", "note"]

#: A finding keeps this many line numbers; its count tells the rest.
ROWS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of one file.

    Parameters
    ----------
    code : str
        Which kind of problem, for example ``"D021"``; a code keeps its meaning for ever.
    problem : str
        What is wrong, in one sentence without a full stop.
    file : str
        Name of the file, without folders; "" when the problem is not one of a file.
    rows : tuple of int
        Lines of the file, the first hundred of them.
    n_rows, of : int
        How many rows have the problem, and out of how many.
    column : str
        Name of the column.
    expected, remedy : str
        What should stand there, and what to do.
    severity : {"error", "warning", "note"}
        An error stops the run.
    table : str
        Name of the canonical table, "" for a file that is none.
    letter : str
        Letter of the column in a sheet, "" for a file without sheets.

    Examples
    --------
    >>> print(Finding("D021", "not a number", "patients.csv", (4, 17), 2, 125, "age", remedy="correct the cells"))
    D021 patients.csv:age rows 4, 17 (2 of 125): not a number. Correct the cells.
    >>> print(Finding("D021", "not a number", "patients.xlsx[all]", (4, 17), 2, 125, "age", letter="C"))
    D021 patients.xlsx[all]!C4, C17 (2 of 125), column age: not a number.
    """

    code: str
    problem: str
    file: str = ""
    rows: tuple[int, ...] = ()
    n_rows: int = 0
    of: int = 0
    column: str = ""
    expected: str = ""
    remedy: str = ""
    severity: Severity = "error"
    table: str = ""
    letter: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """Addresses of the cells in their sheet; none for a file without sheets."""
        return tuple(f"{self.letter}{row}" for row in self.rows) if self.letter else ()

    def __str__(self) -> str:
        """Write the finding as one line."""
        if self.cells:
            head = f"{self.code} {self.file}!{self._where(self.cells)}, column {self.column}"
        else:
            place = ":".join(part for part in (self.file, self.column) if part)
            rows = f"{'row' if self.n_rows == 1 else 'rows'} {self._where(self.rows)}" if self.rows else ""
            head = " ".join(part for part in (self.code, place, rows) if part)
        sentences = [part[:1].upper() + part[1:] for part in (self.expected, self.remedy) if part]
        return f"{head}: " + " ".join(_stop(part) for part in (self.problem, *sentences))

    def _where(self, places: Sequence[object]) -> str:
        shown = ", ".join(map(str, places[:ROWS_SHOWN]))
        dots = ", ..." if self.n_rows > ROWS_SHOWN else ""
        count = f" ({self.n_rows} of {self.of})" if self.of else ""
        return f"{shown}{dots}{count}"

    def to_record(self) -> dict[str, object]:
        """Give the finding as what JSON can hold.

        Returns
        -------
        dict
            Every field, and the whole sentence as ``message``.
        """
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.file,
            "table": self.table,
            "column": self.column,
            "rows": list(self.rows),
            "cells": list(self.cells),
            "n_rows": self.n_rows,
            "of": self.of,
            "problem": self.problem,
            "expected": self.expected,
            "remedy": self.remedy,
            "message": str(self),
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table stands: its file, the line of each row.

    Parameters
    ----------
    file : str
        Name of the file.
    lines : tuple of int
        Line of each row.
    table : str
        Name of the canonical table, "" for a file that is none.
    letters : mapping of str to str
        Letter of each column in a sheet; none for a file without sheets.
    parts : tuple of (str, int)
        Files that make the table together and the lines of the files before each; rows are counted through them.

    Examples
    --------
    >>> print(Place("patients.csv", (2, 3, 5)).find("D021", "age", "not a number", [2]))
    D021 patients.csv:age row 5 (1 of 3): not a number.
    >>> print(Place("two files", (2, 3, 6), parts=(("a.csv", 0), ("b.csv", 4))).find("D021", "suvmax", "bad", [2]))
    D021 two files:suvmax row 6 (1 of 3): bad. Row 6 is line 2 of b.csv.
    """

    file: str
    lines: tuple[int, ...]
    table: str = ""
    letters: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[tuple[str, int], ...] = ()

    def find(
        self,
        code: str,
        column: str,
        problem: str,
        where: Iterable[int],
        *,
        expected: str = "",
        remedy: str = "",
        severity: Severity = "error",
    ) -> Finding:
        """Make a finding for rows of the table.

        Parameters
        ----------
        code, column, problem : str
            As in `Finding`.
        where : iterable of int
            Positions of the rows, the first is 0.
        expected, remedy, severity : str
            As in `Finding`.

        Returns
        -------
        Finding
            It names the rows by line.
        """
        rows = [self.lines[position] for position in where]
        expected = "; ".join(part for part in (expected, self._name_line(rows)) if part)
        return Finding(
            code, problem, self.file, tuple(rows[:ROWS_KEPT]), len(rows), len(self.lines), column, expected, remedy,
            severity, self.table, self.letters.get(column, ""),
        )  # fmt: skip

    def _name_line(self, rows: Sequence[int]) -> str:
        """Say in which file the first row stands, where rows are counted through several."""
        before = [(name, start) for name, start in self.parts if rows and start < rows[0]]
        if not before or not any(start for _, start in self.parts):
            return ""
        name, start = before[-1]
        return f"row {rows[0]} is line {rows[0] - start} of {name}"


class FindingsError(DataError):
    """The findings that stop a run, all of one pass together.

    Parameters
    ----------
    findings : sequence of Finding
        At least one.

    Attributes
    ----------
    findings : tuple of Finding
        Every one of them.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        head = f"the data have {count_noun(len(self.findings), 'problem')}"
        lines = "".join(f"\n  {finding}" for finding in self.findings)
        super().__init__(head, lines)
        self.args = (f"{head}:{lines}",)

    def __reduce__(self) -> tuple[type[FindingsError], tuple[tuple[Finding, ...]]]:  # type: ignore[override]
        """Rebuild from the findings."""
        return type(self), (self.findings,)


def refuse(code: str, name: str, problem: str, expected: str, remedy: str, row: int = 0) -> NoReturn:
    """Refuse a file as a whole.

    Parameters
    ----------
    code, name, problem, expected, remedy : str
        As in `Finding`.
    row : int
        Line of the file, 0 for none.

    Raises
    ------
    FindingsError
        Always.
    """
    rows = (row,) if row else ()
    raise FindingsError([Finding(code, problem, name, rows, len(rows), 0, "", expected, remedy)])


def _stop(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."
