"""The files of a study to canonical tables: every file is read, and all problems of all files are reported at once."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from survmodel.data.canonical import CanonicalTables, SourceFile
from survmodel.data.columns import Column, LimitRule
from survmodel.data.dates import DateRule
from survmodel.data.findings import Finding, FindingsError
from survmodel.data.privacy import look_at_extra_columns
from survmodel.data.readers.any_file import TableFile, scan_file
from survmodel.data.readers.lesion_exports import scan_lesion_exports
from survmodel.data.readers.reading import FileRead
from survmodel.data.schema import Schema, TableSchema, load_schema
from survmodel.data.waivers import Waiver, split_waived
from survmodel.errors import ConfigError

__all__ = ["CanonicalTables", "SourceFile", "TableFile", "read_tables", "scan_tables"]


def read_tables(
    files: Mapping[str, TableFile],
    *,
    schema: Schema | None = None,
    extra: Mapping[str, Sequence[Column]] | None = None,
    data_lock: datetime.date | None = None,
    waivers: Sequence[Waiver] = (),
    lab_limits: LimitRule | None = None,
) -> CanonicalTables:
    """Read the files of a study.

    Parameters
    ----------
    files : mapping of str to TableFile
        By name of the canonical table.
    schema : Schema, optional
        The one of this installation without it.
    extra : mapping of str to sequence of Column, optional
        Columns that the study declares beside those of the schema, by name of the table.
    data_lock : datetime.date, optional
        No date of the data may be later.
    waivers : sequence of Waiver
        Errors of cells that do not stop the reading; a cell that cannot be read is then missing. They stay among the
        findings, so that `apply_waivers` sees them together with those of the checks.
    lab_limits : LimitRule, optional
        What stands for laboratory values beyond a limit of detection; such cells are errors without it.

    Returns
    -------
    CanonicalTables
        The tables, and what is to be known about them.

    Raises
    ------
    ConfigError
        For an unknown table, an extra column that the schema has already, or a date format that is not understood.
    FindingsError
        With every problem of every file.
    OSError
        When a file cannot be opened.
    """
    tables = scan_tables(files, schema=schema, extra=extra, data_lock=data_lock, lab_limits=lab_limits)
    left, _, _ = split_waived(tables.findings, waivers)
    errors = [finding for finding in left if finding.severity == "error"]
    if errors:
        raise FindingsError(errors)
    return tables


def scan_tables(
    files: Mapping[str, TableFile],
    *,
    schema: Schema | None = None,
    extra: Mapping[str, Sequence[Column]] | None = None,
    data_lock: datetime.date | None = None,
    lab_limits: LimitRule | None = None,
) -> CanonicalTables:
    """Read the files of a study and keep the problems of cells as findings, so that some of them can be accepted.

    Parameters
    ----------
    files, schema, extra, data_lock, lab_limits
        As in `read_tables`.

    Returns
    -------
    CanonicalTables
        A cell that could not be read is missing, and an error among the findings says so.

    Raises
    ------
    ConfigError
        As in `read_tables`.
    FindingsError
        When a file as a whole cannot be read; the problems of the other files are reported with it.
    OSError
        When a file cannot be opened.
    """
    known, declared = schema or load_schema(), dict(extra or {})
    for name in (*files, *declared):
        known.table(name)
    read: dict[str, FileRead] = {}
    findings: list[Finding] = []
    unreadable: list[Finding] = []
    for table in known.tables:
        if table.name not in files:
            continue
        columns = _columns(table, declared.get(table.name, ()))
        if lab_limits is not None:
            limited = {field.name for field in table.fields if field.detection_limit}
            columns = tuple(replace(one, limits=lab_limits) if one.name in limited else one for one in columns)
        try:
            file = _scan(table.name, files[table.name], columns, data_lock, read.get("scans"))
        except FindingsError as error:
            unreadable += error.findings
            continue
        read[table.name] = file
        findings += file.findings
        findings += look_at_extra_columns(declared.get(table.name, ()), file.table, file.place)
    if unreadable:
        raise FindingsError([*unreadable, *(finding for finding in findings if finding.severity == "error")])
    return CanonicalTables(
        {name: file.table for name, file in read.items()},
        {name: file.place for name, file in read.items()},
        tuple(findings),
        tuple(source for name, file in read.items() for source in _sources(name, file)),
        known,
        {name: tuple(columns) for name, columns in declared.items()},
        data_lock,
        tuple(note for file in read.values() for note in file.notes),
    )


def _columns(table: TableSchema, extra: Sequence[Column]) -> tuple[Column, ...]:
    names = {field.name for field in table.fields}
    for column in extra:
        if column.name in names:
            raise ConfigError(
                f"column {column.name!r} is declared twice in table {table.name}",
                remedy="the data schema declares it already: leave the declaration out",
            )
        names.add(column.name)
    return (*table.columns, *extra)


def _sources(table: str, file: FileRead) -> Iterator[SourceFile]:
    for part in file.parts:
        yield SourceFile(table, part.name, part.sha256, part.size, part.n_rows, part.path)
    if not file.parts:
        yield SourceFile(table, file.name, file.sha256, file.size, len(file.table))


def _scan(
    table: str, file: TableFile, columns: Sequence[Column], lock: datetime.date | None, scans: FileRead | None
) -> FileRead:
    """Read one file; its findings carry the name of the table."""
    rule = DateRule(file.date_format, file.excel_dates, lock)
    if file.exports:
        if scans is None:
            problem = "lesions of an export are matched with the scans, which are not given or cannot be read"
            raise FindingsError([Finding("D192", problem, file.path.name, remedy="give the scans", table=table)])
        return scan_lesion_exports(file.exports, columns, scans.table, dates=rule, table=table)
    try:
        return scan_file(file, columns, rule, table)
    except FindingsError as error:
        raise FindingsError([replace(finding, table=table) for finding in error.findings]) from None
