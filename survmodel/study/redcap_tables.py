"""Which canonical tables a REDCap export holds: those that the study file, a tag or the name of a form names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from survmodel.data.findings import Finding, FindingsError
from survmodel.data.readers.redcap import MERGED, RedcapSource
from survmodel.data.readers.redcap_export import read_export
from survmodel.data.redcap_dictionary import RECORD_ID, RedcapDictionary, read_redcap_dictionary
from survmodel.data.schema import load_schema
from survmodel.errors import closest, list_values
from survmodel.study.file_errors import StudyFileError
from survmodel.study.references import look_at_path
from survmodel.study.settings import StudySettings
from survmodel.study.settings_data import TABLES, RedcapEntry

PATIENTS = "patients"


def find_redcap_tables(folder: Path, settings: StudySettings, file: str) -> StudySettings:
    """Complete the tables of the export, so that they count among the files of the study.

    Parameters
    ----------
    folder : pathlib.Path
        Where the study file lies.
    settings : StudySettings
        The study.
    file : str
        Name of the study file.

    Returns
    -------
    StudySettings
        With every table of the export and its forms. A table that the study file does not name is in it when its form
        has a row; a table with a file of its own is not.

    Raises
    ------
    StudyFileError
        When one of the two files does not exist, or a column is named that no table has.
    FindingsError
        When the export or its data dictionary cannot be read, or a form that is named does not exist.
    OSError
        When a file cannot be opened.
    """
    entry = settings.data.redcap
    if entry is None:
        return settings
    problems = [
        *look_at_path(folder, "data.redcap.path", entry.path),
        *look_at_path(folder, "data.redcap.dictionary", entry.dictionary),
        *_look_at_columns(entry, settings),
    ]
    if problems:
        raise StudyFileError(file, problems)
    encoding = entry.encoding or settings.data.encoding
    dictionary = read_redcap_dictionary(folder / entry.dictionary, encoding=encoding)
    delimiter = entry.delimiter or settings.data.delimiter
    export = read_export(folder / entry.path, dictionary, delimiter=delimiter, encoding=encoding)
    own = {name for name in TABLES if getattr(settings.data, name) is not None}
    tables = dict(entry.tables) | {
        name: forms
        for name, forms in _forms_of_tables(dictionary).items()
        if name not in {*entry.tables, *own} and (name == PATIENTS or any(export.filled_rows(form) for form in forms))
    }
    findings = list(_look_at_forms(tables, dictionary, Path(entry.dictionary).name))
    if PATIENTS not in {*tables, *own} or not tables:
        what = PATIENTS if PATIENTS not in own else "any table"
        remedy = (
            f'name the forms: tables = {{ {PATIENTS if what == PATIENTS else TABLES[1]} = "form" }} in [data.redcap]'
        )
        expected = f"forms: {list_values(dictionary.forms, most=12)}"
        problem = f"no form of the project has the name of {what}"
        findings.append(Finding("D092", problem, Path(entry.dictionary).name, expected=expected, remedy=remedy))
    if findings:
        raise FindingsError(findings)
    ordered = {name: tables[name] for name in TABLES if name in tables}
    data = settings.data.model_copy(update={"redcap": entry.model_copy(update={"tables": ordered})})
    return settings.model_copy(update={"data": data})


def redcap_source(folder: Path, settings: StudySettings, table: str) -> RedcapSource | None:
    """Say where a table stands in the export.

    Parameters
    ----------
    folder : pathlib.Path
        Where the study file lies.
    settings : StudySettings
        As `find_redcap_tables` gave them.
    table : str
        Name of the canonical table.

    Returns
    -------
    RedcapSource, optional
        None for a table that has a file of its own.
    """
    entry = settings.data.redcap
    if entry is None or table not in entry.tables:
        return None
    variables = [(key.removeprefix(f"{table}."), key, variable) for key, variable in entry.columns.items()]
    levels = [(key.removeprefix(f"{table}."), key, codes) for key, codes in entry.levels.items()]
    return RedcapSource(
        folder / entry.dictionary,
        entry.tables[table],
        tuple((column, variable) for column, key, variable in variables if column != key),
        entry.missing,
        tuple((column, code, level) for column, key, codes in levels if column != key for code, level in codes.items()),
        is_first=next(iter(entry.tables)) == table,
    )


def _forms_of_tables(dictionary: RedcapDictionary) -> dict[str, tuple[str, ...]]:
    """Find the forms of each table by its tags, else by its name; fields of a patient may have moved between forms."""
    forms = {field.variable: field.form for field in dictionary.fields[1:]}
    tagged: dict[str, list[str]] = {}
    for column, variable in dictionary.columns.items():
        if variable in forms:
            tagged.setdefault(column.partition(".")[0], []).append(forms[variable])
    found: dict[str, tuple[str, ...]] = {name: (name,) for name in TABLES if name in dictionary.forms}
    for name, places in tagged.items():
        found[name] = tuple(dict.fromkeys(places)) if name in MERGED else (max(places, key=places.count),)
    return found


def _look_at_forms(tables: Mapping[str, tuple[str, ...]], dictionary: RedcapDictionary, name: str) -> Iterator[Finding]:
    for table, forms in tables.items():
        for form in forms:
            if form not in dictionary.forms:
                problem = f"data.redcap.tables.{table} names the form {form!r}, which the project does not have"
                yield Finding("D092", problem, name, remedy=closest(form, dictionary.forms), table=table)


def _look_at_columns(entry: RedcapEntry, settings: StudySettings) -> Iterator[str]:
    schema = load_schema()
    for key in dict.fromkeys((*entry.columns, *entry.levels)):
        table, _, column = key.partition(".")
        known = [field.name for field in schema.table(table).fields]
        own = [name for name, one in settings.column.items() if one.table == table and one.source is None]
        if column == RECORD_ID:
            yield f"data.redcap: {key!r}: the record id of the project is the {RECORD_ID} always; leave it out"
        elif column not in {*known, *own}:
            near = closest(column, [*known, *own])
            yield f"data.redcap: {key!r}: table {table} has no column {column!r}; {near}"
        elif getattr(settings.data, table) is not None:
            yield f"data.redcap: {key!r}: table {table} has a file of its own"
