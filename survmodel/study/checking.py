"""The check of a study without its analysis: findings for the terminal, as CSV, and as a page to hand on."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from survmodel.data.findings import Finding
from survmodel.errors import ConfigError, list_values
from survmodel.formatting import count_noun
from survmodel.report.document import Document, Paragraph, Section, TableBlock
from survmodel.report.writers.html import write_html
from survmodel.study.file_errors import StudyFileError
from survmodel.study.preparation import StudyCheck, check_study
from survmodel.table import Table, one_line
from survmodel.writing import harmless, write_whole

FINDINGS_TABLE, FINDINGS_PAGE = "findings.csv", "findings.html"
#: Severities, the worst first, with heading and caption of each.
HEADINGS = {"error": "Errors", "warning": "Warnings", "note": "Notes"}
CAPTIONS = {
    "error": "What stops the study until it is corrected or waived.",
    "warning": "What does not stop the study; look whether it is meant.",
    "note": "What is to be known.",
}
#: How many rows the page lists; the CSV file has up to a hundred.
ROWS_LISTED = 20


def write_check(study: str | Path, out: str | Path | None = None) -> StudyCheck:
    """Check a study file and its data, and write what was found.

    Parameters
    ----------
    study : str or pathlib.Path
        The study file.
    out : str or pathlib.Path, optional
        Folder of ``findings.csv`` and ``findings.html``; nothing is written without it.

    Returns
    -------
    StudyCheck
        Every finding, errors first.

    Raises
    ------
    StudyFileError
        When the study file itself is not understood; the two files say so too.
    ConfigError
        When the folder holds files of these names that no check wrote.
    OSError
        When a file cannot be read or written.

    Examples
    --------
    >>> import tempfile
    >>> from survmodel.study.example import write_example
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check = write_check(write_example(folder), f"{folder}/check")
    ...     sorted(path.name for path in Path(folder, "check").iterdir())
    ['findings.csv', 'findings.html']
    """
    place = Path(study)
    if out is not None:
        _refuse_foreign_files(Path(out))
    try:
        found = check_study(place)
    except StudyFileError as error:
        if out is not None:
            _write(Path(out), place, [Finding("", problem, error.file) for problem in error.problems])
        raise
    order = list(HEADINGS)
    check = replace(found, findings=tuple(sorted(found.findings, key=lambda one: order.index(one.severity))))
    if out is not None:
        _write(Path(out), place, check.findings)
    return check


def summarise(findings: Sequence[Finding]) -> str:
    """Count findings and say whether the study can be run.

    Parameters
    ----------
    findings : sequence of Finding
        Of a check.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> summarise([Finding("D002", "no rows"), Finding("D012", "another heading", severity="note")])
    '1 error, 1 note: the study cannot be run yet'
    """
    counts = {severity: sum(one.severity == severity for one in findings) for severity in HEADINGS}
    told = ", ".join(count_noun(number, severity) for severity, number in counts.items() if number)
    verdict = "the study cannot be run yet" if counts["error"] else "the study can be run"
    return f"{told or 'nothing found'}: {verdict}"


def write_findings_table(findings: Sequence[Finding]) -> str:
    """Write findings as CSV, one row each.

    Parameters
    ----------
    findings : sequence of Finding
        Of a check.

    Returns
    -------
    str
        The columns are the keys of `Finding.to_record`; text that a spreadsheet would run is made harmless.

    Examples
    --------
    >>> print(write_findings_table([Finding("D021", "not a number", "a.csv", (4, 7), 2, 9, "age")]).splitlines()[1])
    D021,error,a.csv,,age,4 7,,2,9,not a number,,,"D021 a.csv:age rows 4, 7 (2 of 9): not a number."
    """
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(_header())
    for finding in findings:
        cells = (_cell(value) for value in finding.to_record().values())
        writer.writerow([harmless(one_line(cell)) for cell in cells])
    return lines.getvalue()


def write_findings_page(study: str, findings: Sequence[Finding]) -> str:
    """Write findings as one HTML file.

    Parameters
    ----------
    study : str
        Name of the study file.
    findings : sequence of Finding
        Of a check.

    Returns
    -------
    str
        The file; every text is escaped.
    """
    sections = []
    for severity, heading in HEADINGS.items():
        rows = [_row(one) for one in findings if one.severity == severity]
        if rows:
            header = ("file and column", "rows", "what was found", "what to do", "code")
            table = Table(header, rows, CAPTIONS[severity], left=5)
            sections.append(Section(heading, (TableBlock(table, f"findings_{severity}"),)))
    reading = (
        "Rows are lines of the file; the header is line 1. No identifier and no date of a patient stands on this page. "
        "An error that is meant can be accepted row by row: see [[waive]] in the data dictionary."
    )
    verdict = Paragraph(f"{summarise(findings)}.".capitalize(), "warning" if _stops(findings) else "")
    return write_html(Document(f"Check of {study}", (verdict, Paragraph(reading)), tuple(sections)))


def _stops(findings: Sequence[Finding]) -> bool:
    return any(one.severity == "error" for one in findings)


def _row(finding: Finding) -> tuple[str, ...]:
    place = ":".join(part for part in (finding.file, finding.column) if part) or "the study"
    rows = list_values(finding.rows, ROWS_LISTED)
    if finding.n_rows and finding.of:
        rows += f" ({finding.n_rows} of {finding.of})"
    problem = "; ".join(part for part in (finding.problem, finding.expected) if part)
    return (place, rows, problem, finding.remedy or "see what was found", finding.code)


def _header() -> list[str]:
    return list(Finding("", "").to_record())


def _cell(value: object) -> str:
    return " ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _refuse_foreign_files(folder: Path) -> None:
    """Replace what an earlier check wrote and nothing else."""
    table, page = folder / FINDINGS_TABLE, folder / FINDINGS_PAGE
    starts = {table: ",".join(_header()), page: "<!DOCTYPE html>"}
    for path, start in starts.items():
        if path.exists() and not path.read_bytes().startswith(start.encode()):
            raise ConfigError(f"{path} is not the file of an earlier check", remedy="choose another folder with --out")


def _write(folder: Path, study: Path, findings: Sequence[Finding]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / FINDINGS_TABLE, write_findings_table(findings).encode())
    write_whole(folder / FINDINGS_PAGE, write_findings_page(study.name, findings).encode())
