"""One canonical table from the export of a REDCap project.

A repeating form has a row for each instance, any other form one for each row of the export in which it has a value.
``patients`` and ``follow_up`` have one row for each record, put together from all of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from survmodel.data.columns import Column
from survmodel.data.dates import DateRule
from survmodel.data.findings import ROWS_KEPT, Finding, FindingsError, Place, refuse
from survmodel.data.readers.header import Grid, Heading
from survmodel.data.readers.reading import FileRead, read_cells
from survmodel.data.readers.redcap_cells import KnownCodes, convert_cells
from survmodel.data.readers.redcap_export import GROUP, OWN_COLUMNS, UNTICKED, RedcapExport, read_export
from survmodel.data.redcap_dictionary import RECORD_ID, read_redcap_dictionary
from survmodel.data.redcap_fields import RedcapField, heading_key
from survmodel.errors import closest
from survmodel.formatting import count_noun

#: Tables of one row for each record, and the one in which every record has a row.
MERGED, EVERYBODY = ("patients", "follow_up"), "patients"
#: More conflicts of a column than these are told together.
MOST_CONFLICTS = 10
COMPLETE = frozenset({"2", "complete"})


@dataclass(frozen=True, slots=True)
class RedcapSource:
    """Where a canonical table stands in an export.

    Parameters
    ----------
    dictionary : pathlib.Path
        Data dictionary of the project.
    forms : tuple of str
        Forms that hold the table; several only for a table of one row for each patient.
    variables : tuple of (str, str)
        Canonical column and the variable that holds it, where neither its name nor a tag says so.
    missing : tuple of str
        Missing data codes of the project.
    levels : tuple of (str, str, str)
        Canonical column, code of a choice, and the level that it means, where neither code nor label says so.
    is_first : bool
        Whether findings about the whole export are told with this table.
    """

    dictionary: Path
    forms: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    levels: tuple[tuple[str, str, str], ...] = ()
    is_first: bool = True


def scan_redcap(
    path: Path,
    source: RedcapSource,
    columns: Sequence[Column],
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    decimal: str = ".",
    dates: DateRule | None = None,
    table: str = "",
) -> FileRead:
    """Read the declared columns of a table from an export.

    Parameters
    ----------
    path : pathlib.Path
        The export, raw or with labels.
    source : RedcapSource
        Where the table stands in it.
    columns : sequence of Column
        What is declared.
    delimiter, encoding : str
        How the export and its dictionary are written.
    decimal : {".", ","}
        Decimal mark of calculated fields and of texts; a field that is validated as a number has its own.
    dates : DateRule, optional
        Its data lock is heeded; an export writes dates as year-month-day whatever the project shows.
    table : str
        Name of the canonical table.

    Returns
    -------
    FileRead
        Its rows are named by their lines in the export; a merged row by the first line that gave a value.

    Raises
    ------
    FindingsError
        For a file that is no export of the project, and for columns that cannot be found or merged.
    OSError
        When a file cannot be opened.
    """
    dictionary = read_redcap_dictionary(source.dictionary, encoding=encoding)
    export = read_export(path, dictionary, delimiter=delimiter, encoding=encoding)
    found, findings = find_variables(export, source, columns, table)
    groups, notes, told = _group_rows(export, source, table)
    findings += told
    if not groups:
        remedy = "leave the table out of [data.redcap], or enter the data"
        refuse("D002", export.name, f"the export has no row of {', '.join(source.forms)}", "", remedy)
    place = Place(export.name, tuple(export.lines[group[0]] for group in groups), table)
    cells: dict[str, list[str]] = {RECORD_ID: [export.rows[group[0]][0] for group in groups]}
    declared = {column.name: column for column in columns}
    for name, (variable, field) in found.items():
        texts, conflicts = _merge(export, groups, variable, field, source, place, name)
        findings += conflicts
        levels = {code: level for one, code, level in source.levels if one == name}
        known = KnownCodes(source.missing, levels, labelled=export.labelled, decimal=decimal)
        cells[name], wrong = convert_cells(field, declared[name], texts, known, place)
        findings += wrong
    rule = DateRule(lock=None if dates is None else dates.lock)
    grid = Grid(list(cells), [list(row) for row in zip(*cells.values(), strict=True)], place.lines)
    heading = Heading({name: i for i, name in enumerate(cells) if name in declared}, 0, ())
    private = [name for name, (_, field) in found.items() if field is not None and field.identifier]
    findings += [_refuse_identifier(export, declared[name], table) for name in private if _is_own_text(declared[name])]
    shown = [replace(column, phi=True) if column.name in private else column for column in columns]
    frame, missing, problems = read_cells(grid, heading, shown, ".", rule, place)
    findings = [*(export.findings if source.is_first else ()), *findings, *problems]
    return FileRead(export.name, frame, missing, 0, export.sha256, export.size, place, tuple(notes), tuple(findings))


def find_variables(
    export: RedcapExport, source: RedcapSource, columns: Sequence[Column], table: str
) -> tuple[dict[str, tuple[str, RedcapField | None]], list[Finding]]:
    """Find the variable of each column.

    Parameters
    ----------
    export : RedcapExport
        The export.
    source : RedcapSource
        Where the table stands in it.
    columns : sequence of Column
        What is declared.
    table : str
        Name of the canonical table.

    Returns
    -------
    found : dict of str to (str, RedcapField or None)
        Column of the export and its field, None for a column that REDCap adds; the record id is not among them.
    findings : list of Finding
        Notes on columns that were found by another name.

    Raises
    ------
    FindingsError
        With every column that cannot be found and must be, and every variable that does not exist.
    """
    fields = {name: field for form in source.forms for name, field in export.fields_of(form).items()}
    found: dict[str, tuple[str, RedcapField | None]] = {}
    findings: list[Finding] = []
    for column in columns:
        if column.name == RECORD_ID:
            continue
        names, by_alias = _names_of(column, source, fields, export, table)
        there = [name for name in names if name in export.positions and (name in fields or name in OWN_COLUMNS)]
        if len(there) == 1:
            found[column.name] = (there[0], fields.get(there[0]))
            if by_alias:
                findings.append(_note(export, "D012", column, f"read from the variable {there[0]!r}", table))
        elif table == EVERYBODY and column.name == "site" and not names and GROUP in export.positions:
            found[column.name] = (GROUP, None)
            findings.append(_note(export, "D099", column, "read from the data access group of the project", table))
        else:
            findings += _look_at_absent(column, names, there, export, fields, source, table)
    if any(finding.severity == "error" for finding in findings):
        raise FindingsError([finding for finding in findings if finding.severity == "error"])
    return found, findings


def _names_of(
    column: Column, source: RedcapSource, fields: dict[str, RedcapField], export: RedcapExport, table: str
) -> tuple[list[str], bool]:
    """List the variables that may hold a column, and whether they go by one of its other names."""
    declared = dict(source.variables).get(column.name)
    if declared is not None:
        return [declared], False
    if column.declared_in == "study":
        return [column.name] if column.name in fields else [], False
    tagged = export.dictionary.columns.get(f"{table}.{column.name}")
    if tagged in fields:
        return [tagged], False
    for name in (f"{table}_{column.name}", *(f"{form}_{column.name}" for form in source.forms), column.name):
        if name in fields:
            return [name], False
    others = {heading_key(name) for name in (column.name, *column.aliases)}
    names = [name for name, field in fields.items() if {name.casefold(), heading_key(field.label)} & others]
    return names, True


def _look_at_absent(
    column: Column,
    names: Sequence[str],
    there: Sequence[str],
    export: RedcapExport,
    fields: dict[str, RedcapField],
    source: RedcapSource,
    table: str,
) -> Iterator[Finding]:
    """Say why a column was not found, where that is wrong."""
    key = f'columns = {{ "{table}.{column.name}" = "variable" }} in [data.redcap]'
    declared = dict(source.variables).get(column.name)
    if len(there) > 1:
        problem = f"two variables mean this column: {there[0]!r} and {there[1]!r}"
        yield _error(export, "D013", column, problem, table, remedy=f"say which one with {key}")
    elif any(name in export.ambiguous for name in names):
        problem = "the heading of the column is a label that other columns have too"
        yield _error(export, "D096", column, problem, table, remedy="export the data with the names of variables")
    elif declared is not None and declared not in {*fields, *OWN_COLUMNS}:
        problem = f"no variable {declared!r} on the form {', '.join(source.forms)}"
        remedy = closest(declared, list(fields))
        yield Finding("D092", problem, source.dictionary.name, column=column.name, remedy=remedy, table=table)
    elif declared is not None or (names and not column.optional):
        code = "D092" if declared is not None else "D007"
        yield _error(export, code, column, f"the export has no column {names[0]!r}", table, remedy="export it too")
    elif not column.optional:
        near = closest(column.name, list(fields))
        remedy = f"say which variable holds it with {key}" + (f"; {near}" if "mean" in near else "")
        yield _error(export, "D007", column, "the project has no variable for this column", table, remedy=remedy)


def _is_own_text(column: Column) -> bool:
    return column.declared_in == "study" and column.type == "text"


def _refuse_identifier(export: RedcapExport, column: Column, table: str) -> Finding:
    problem = "the data dictionary of the project marks the variable as an identifier"
    return _error(export, "D113", column, problem, table, remedy="leave the column out")


def _error(export: RedcapExport, code: str, column: Column, problem: str, table: str, *, remedy: str) -> Finding:
    return Finding(code, problem, export.name, (1,), 1, 0, column.name, remedy=remedy, table=table)


def _note(export: RedcapExport, code: str, column: Column, problem: str, table: str) -> Finding:
    return Finding(code, problem, export.name, (1,), 1, 0, column.name, severity="note", table=table)


def _group_rows(
    export: RedcapExport, source: RedcapSource, table: str
) -> tuple[list[list[int]], list[str], list[Finding]]:
    """Find the rows of the export that make each row of the table, the first value first."""
    filled = sorted(set(chain.from_iterable(export.filled_rows(form) for form in source.forms)))
    findings = list(_look_at_status(export, source, filled, table))
    named = [i for i, form in enumerate(export.forms) if form and form in source.forms]
    empty = sorted(set(named) - set(filled))
    if empty:
        place = Place(export.name, export.lines, table)
        problem = "an instance without a value, left out"
        findings.append(place.find("D099", "", problem, empty, severity="note"))
    blank = sum(form == "" for form in export.forms) - sum(export.forms[i] == "" for i in filled)
    notes = []
    if blank and not named and table != EVERYBODY:
        rows = count_noun(blank, "row")
        notes.append(f"{rows} of {export.name} hold nothing of {table} and are no rows of it.")
    if table not in MERGED:
        return [[i] for i in filled], notes, findings
    records: dict[str, list[int]] = {}
    for i in filled:
        records.setdefault(export.rows[i][0], []).append(i)
    if table == EVERYBODY:
        first = {row[0]: i for i, row in reversed(list(enumerate(export.rows)))}
        records = {
            record: records.get(record, [first[record]]) for record in dict.fromkeys(row[0] for row in export.rows)
        }
    return list(records.values()), notes, findings


def _look_at_status(export: RedcapExport, source: RedcapSource, filled: Sequence[int], table: str) -> Iterator[Finding]:
    place = Place(export.name, export.lines, table)
    for form in source.forms:
        at = export.status.get(form)
        if at is None:
            continue
        mine = [i for i in filled if export.rows[i][at].strip().casefold() not in {*COMPLETE, ""}]
        if mine:
            problem = f"the form {form} is not marked complete"
            yield place.find("D098", f"{form}_complete", problem, mine, severity="note")


def _merge(
    export: RedcapExport,
    groups: Sequence[Sequence[int]],
    variable: str,
    field: RedcapField | None,
    source: RedcapSource,
    place: Place,
    column: str,
) -> tuple[list[str], list[Finding]]:
    """Take the one value that the rows of each group have; two values are a conflict."""
    at = export.positions[variable]
    nothing = UNTICKED if field is not None and field.type == "checkbox" else frozenset({""})
    texts, conflicts = [], list[tuple[int, int]]()
    for group in groups:
        cells = {i: export.rows[i][at] for i in group}
        filled = {i: cell for i, cell in cells.items() if cell.strip() and cell.strip() not in source.missing}
        told = {i: cell for i, cell in filled.items() if cell.strip().casefold() not in nothing} or filled
        first = next(iter(told), group[0])
        texts.append(cells[first])
        other = next((i for i, cell in told.items() if cell.strip() != cells[first].strip()), None)
        if other is not None:
            conflicts.append((export.lines[first], export.lines[other]))
    problem, remedy = (
        "two values of one patient",
        "keep one of them in the project, or leave out the form that is wrong",
    )
    pairs = [[pair] for pair in conflicts] if len(conflicts) <= MOST_CONFLICTS else [conflicts]
    return texts, [
        Finding(
            "D094", problem, place.file, tuple(line for pair in some for line in pair)[:ROWS_KEPT], 2 * len(some),
            len(export.lines), column, remedy=remedy, table=place.table,
        )
        for some in pairs
        if some
    ]  # fmt: skip
