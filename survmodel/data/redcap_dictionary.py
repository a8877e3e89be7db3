"""The data schema as a REDCap data dictionary, and any REDCap data dictionary as a list of its fields.

Every canonical table is a form. The record id is ``patient_id``, the first field of the first form. Forms other than
those of one row for each patient must be set as repeating instruments by hand, since a dictionary cannot say it; the
text at the beginning of each form says which.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from survmodel.data.codebook import introduce_table
from survmodel.data.findings import Finding, FindingsError
from survmodel.data.redcap_fields import (
    API_HEADERS,
    CHOICE_TYPES,
    CODE,
    FEWEST_HEADERS,
    FIELD_TYPES,
    FIXED_CHOICES,
    HEADERS,
    LONGEST_VARIABLE,
    RECOMMENDED_VARIABLE,
    VARIABLE,
    RedcapField,
    heading_key,
    read_choices,
    read_label,
    tidy_text,
    to_cells,
    write_label,
)
from survmodel.data.redcap_tags import (
    describe_column,
    describe_table,
    limits_of,
    read_column,
    read_table,
    read_tag,
    write_tag,
)
from survmodel.data.schema import Field, Schema, TableSchema
from survmodel.data.text_rows import decode_text, split_rows
from survmodel.errors import ConfigError, closest

RECORD_ID = "patient_id"
#: More levels than this are chosen from a list.
MOST_BUTTONS = 4
#: Headings that REDCap itself writes in an export of labels.
OWN_HEADINGS = (
    "Event Name", "Repeat Instrument", "Repeat Instance", "Data Access Group", "Survey Identifier", "Complete?",
    "Survey Timestamp",
)  # fmt: skip
_VALIDATION = {"number": "number", "integer": "integer", "date": "date_ymd"}
_REMEDY = "download the data dictionary from the project again, and do not save it with another program"


@dataclass(frozen=True, slots=True)
class RedcapDictionary:
    """The fields of a project.

    Attributes
    ----------
    fields : tuple of RedcapField
        In order; the first one is the record id.
    schema : Schema, optional
        What the tags say, None without them.
    columns : mapping of str to str
        Variable of each canonical column that a tag names, such as ``{"scans.scan_date": "scans_scan_date"}``.
    """

    fields: tuple[RedcapField, ...]
    schema: Schema | None
    columns: dict[str, str]

    @property
    def forms(self) -> tuple[str, ...]:
        """Names of the forms in order."""
        return tuple(dict.fromkeys(field.form for field in self.fields))

    @property
    def record_id(self) -> RedcapField:
        """The field that names a record."""
        return self.fields[0]


def write_redcap_dictionary(schema: Schema) -> str:
    """Write the data schema as a REDCap data dictionary.

    Parameters
    ----------
    schema : Schema
        The canonical tables.

    Returns
    -------
    str
        CSV with the 18 headers of REDCap, to be written as UTF-8.

    Raises
    ------
    ConfigError
        With everything that REDCap cannot carry: names, codes, a first table without patients.

    Examples
    --------
    >>> from survmodel.data.schema import load_schema
    >>> text = write_redcap_dictionary(load_schema())
    >>> read_redcap_dictionary(text).schema == load_schema()
    True
    """
    names = _name_variables(schema)
    problems = [problem for table in schema.tables for problem in _problems_of(table)]
    if not schema.tables or RECORD_ID not in {field.name for field in schema.tables[0].fields}:
        problems.append(f"the first table has no column {RECORD_ID!r}, which is the record id")
    if problems:
        raise ConfigError("REDCap cannot carry the data schema: " + "; ".join(problems))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADERS)
    labels = _label_fields(schema, names)
    for number, table in enumerate(schema.tables):
        for field in _rows_of(table, names, labels, first=number == 0, version=schema.version):
            writer.writerow(to_cells(field))
    return text.getvalue()


def _rows_of(
    table: TableSchema, names: dict[tuple[str, str], str], labels: dict[str, str], *, first: bool, version: str
) -> Iterator[RedcapField]:
    about = describe_table(table, RECORD_ID, first=first, version=version)
    opening = RedcapField(_about(table.name), table.name, "descriptive", _introduce(table), annotation=write_tag(about))
    if first:
        record = next(field for field in table.fields if field.name == RECORD_ID)
        yield _row_of(table.name, record, RECORD_ID, labels[RECORD_ID], about["missing"])
    yield opening
    for field in table.fields:
        if field.name != RECORD_ID:
            variable = names[table.name, field.name]
            yield _row_of(table.name, field, variable, labels[variable], about["missing"])


def _row_of(table: str, field: Field, variable: str, label: str, missing: Sequence[str]) -> RedcapField:
    low, high = limits_of(field)
    unit = tidy_text(field.unit)
    # REDCap takes <0.5 in a text without validation only.
    validation = "" if field.detection_limit else _VALIDATION.get(field.type, "")
    shown = RedcapField(
        variable, table, "text", label, note=unit, validation=validation, minimum=low,
        maximum=high, identifier=field.phi, required=field.required,
    )  # fmt: skip
    if field.type == "boolean":
        shown = replace(shown, type="yesno", choices=FIXED_CHOICES["yesno"])
    elif field.type == "category":
        kind = "radio" if len(field.categories) <= MOST_BUTTONS else "dropdown"
        # The labels as they come back, so that the tag holds those that do not.
        choices = tuple((one.value, read_label(write_label(one.label))) for one in field.categories)
        shown = replace(shown, type=kind, choices=choices)
    return replace(shown, annotation=write_tag(describe_column(table, field, shown, missing)))


def _introduce(table: TableSchema) -> str:
    """Tell the person who enters data what a row is and whether the form repeats."""
    if table.primary_key == (RECORD_ID,):
        repeats = "This form does not repeat."
    else:
        repeats = "To be set as a repeating instrument in the project: one instance for each row."
    return tidy_text(f"{table.title}: {introduce_table(table)} {repeats}".replace("`", ""))


def _about(table: str) -> str:
    return f"{table}_about"


def is_variable(name: str) -> bool:
    """Tell whether REDCap takes a name for a variable or a form, and keeps it as it is.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    bool
        Small letters, digits and single low lines, the first one a letter, at most a hundred of them.

    Examples
    --------
    >>> is_variable("scan_date"), is_variable("Scan date"), is_variable("scan__date")
    (True, False, False)
    """
    return bool(VARIABLE.fullmatch(name)) and len(name) <= LONGEST_VARIABLE and not name.startswith("redcap_")


def _problems_of(table: TableSchema) -> Iterator[str]:
    letters = "small letters, digits and single _, the first one a letter, at most 100"
    if not is_variable(table.name):
        yield f"{table.name!r} is no name of a form ({letters})"
    fields = [field.name for field in table.fields]
    for field in table.fields:
        place = f"{table.name}.{field.name}"
        if not is_variable(field.name) or fields.count(field.name) > 1:
            yield f"{place} is no name of a variable ({letters}, no two alike)"
        codes = [level.value for level in field.categories]
        wrong = [code for code in codes if not CODE.fullmatch(code)]
        if wrong and field.type == "category":
            yield f"{place}: the code {wrong[0]!r} has other signs than letters, digits and . _ -"
        if len(set(codes)) < len(codes):
            yield f"{place}: two levels have one code"
        if field.type == "category" and not codes:
            yield f"{place}: a category without levels"
        if field.range is not None and any(limit != limit for limit in field.range):
            yield f"{place}: a limit of the range is not a number"


def _name_variables(schema: Schema) -> dict[tuple[str, str], str]:
    """Name every variable: with its table in front, or alone where that would be long and it is the only one."""
    keys = [(table.name, field.name) for table in schema.tables for field in table.fields if field.name != RECORD_ID]
    full = [f"{table}_{field}" for table, field in keys]
    bare = [field for _, field in keys]
    taken = {RECORD_ID, *(_about(table.name) for table in schema.tables)}
    taken |= {f"{table.name}_{own}" for table in schema.tables for own in ("complete", "timestamp", "return_code")}
    names, problems = {}, []
    for key, long in zip(keys, full, strict=True):
        usable = is_variable(long) and long not in taken and full.count(long) == 1
        alone = bare.count(key[1]) == 1 and is_variable(key[1]) and key[1] not in {*taken, *full}
        if usable and (len(long) <= RECOMMENDED_VARIABLE or not alone):
            names[key] = long
        elif alone:
            names[key] = key[1]
        elif is_variable(key[0]) and is_variable(key[1]):
            problems.append(f"{key[0]}.{key[1]}: no name for the variable is short enough and free")
        else:
            names[key] = long
    if problems:
        raise ConfigError("REDCap cannot carry the data schema: " + "; ".join(problems))
    return names


def _label_fields(schema: Schema, names: dict[tuple[str, str], str]) -> dict[str, str]:
    """Give every variable a label that no other has: an export of labels has nothing else as its headings."""
    rows = [(RECORD_ID, tidy_text(schema.tables[0].field(RECORD_ID).title), schema.tables[0])]
    for table in schema.tables:
        fields = [field for field in table.fields if field.name != RECORD_ID]
        rows += [(names[table.name, field.name], tidy_text(field.title), table) for field in fields]
    keys = [heading_key(title) for _, title, _ in rows]
    used = {heading_key(heading) for heading in OWN_HEADINGS} | {""}
    repeated = {key for key in keys if keys.count(key) > 1}
    labels = {}
    for (variable, title, table), key in zip(rows, keys, strict=True):
        choices = [
            f"{title} ({tidy_text(table.title)})",
            f"{title} ({variable})",
            variable,
            f"{variable} ({table.name})",
        ]
        choices = [title, *choices] if key not in repeated else choices
        others = used | (set(keys) - {key})
        free = [text for text in choices[0 if key else -2 :] if heading_key(text) not in others]
        if not free:
            raise ConfigError(f"REDCap cannot carry the data schema: no label for {variable} is free")
        labels[variable] = free[0]
        used.add(heading_key(free[0]))
    return labels


def read_redcap_dictionary(source: str | Path, *, encoding: str = "utf-8") -> RedcapDictionary:
    r"""Read a REDCap data dictionary.

    Parameters
    ----------
    source : str or pathlib.Path
        The text of the dictionary, or the path of its file.
    encoding : str
        Of the file; a byte-order mark overrides it.

    Returns
    -------
    RedcapDictionary
        Every field; and the data schema, where the dictionary is one that survmodel wrote.

    Raises
    ------
    FindingsError
        With every problem of the dictionary.
    OSError
        When the file cannot be opened.

    Examples
    --------
    >>> lines = [",".join(f'"{header}"' for header in HEADERS), "record_id,visit,,text,Record ID" + "," * 13]
    >>> read_redcap_dictionary("\n".join(lines)).record_id.label
    'Record ID'
    """
    name = source.name if isinstance(source, Path) else "dictionary.csv"
    text = decode_text(source.read_bytes(), name, encoding, []) if isinstance(source, Path) else source
    rows, lines = split_rows(text.removeprefix("\ufeff"), name, ",")
    _check_headers(rows[0], name)
    fields, findings = list[RedcapField](), list[Finding]()
    for row, line in zip(rows[1:], lines[1:], strict=True):
        if not any(cell.strip() for cell in row):
            continue
        field, problems = _read_row(row, len(rows[0]), line)
        findings += [
            Finding("D090", problem, name, (line,), 1, 0, column, remedy=_REMEDY) for column, problem in problems
        ]
        if field is not None and field.variable in {known.variable for known in fields}:
            remedy = "give one of the two another name in the project"
            problem = "a variable of this name stands above already"
            findings.append(Finding("D090", problem, name, (line,), 1, 0, HEADERS[0], remedy=remedy))
        elif field is not None:
            fields.append(field)
    if not fields and not findings:
        findings.append(Finding("D090", "the dictionary has no fields", name, remedy=_REMEDY))
    schema, columns = _read_tags(fields, name, findings)
    if findings:
        raise FindingsError(findings)
    return RedcapDictionary(tuple(fields), schema, columns)


def _check_headers(header: list[str], name: str) -> None:
    found = [heading.strip() for heading in header]
    while found and not found[-1]:
        found.pop()
    for known in (HEADERS, API_HEADERS):
        if len(found) >= FEWEST_HEADERS and tuple(found) == known[: len(found)]:
            return
    expected = f"the headers of a data dictionary of REDCap, of which the first is {HEADERS[0]!r}"
    pairs = zip(found, HEADERS, strict=False)
    wrong = next((i for i, (one, other) in enumerate(pairs, start=1) if one != other), len(found) + 1)
    problem = f"the first line is not that of a data dictionary: heading {wrong} differs"
    raise FindingsError([Finding("D090", problem, name, (1,), 1, 0, expected=expected, remedy=_REMEDY)])


def _read_row(row: list[str], width: int, line: int) -> tuple[RedcapField | None, list[tuple[str, str]]]:
    if len(row) != width:
        return None, [("", f"the row has {len(row)} cells and the header {width}")]
    cells = dict(zip(HEADERS, (cell.strip() for cell in row), strict=False))
    variable, form, kind = (cells[header] for header in (HEADERS[0], HEADERS[1], HEADERS[3]))
    problems = []
    if not variable or not form:
        problems.append((HEADERS[0 if not variable else 1], "the cell is empty"))
    if kind not in FIELD_TYPES:
        problems.append((HEADERS[3], f"no type of a field; {closest(kind, sorted(FIELD_TYPES))}"))
    choices: tuple[tuple[str, str], ...] = FIXED_CHOICES.get(kind, ())
    listed = cells[HEADERS[5]]
    if kind in CHOICE_TYPES or kind == "checkbox":
        choices, wrong = read_choices(listed)
        problems += [(HEADERS[5], problem) for problem in wrong]
    field = RedcapField(
        variable, form, kind, cells[HEADERS[4]], choices, listed if kind in {"calc", "slider", "sql"} else "",
        cells[HEADERS[6]], cells[HEADERS[7]], cells[HEADERS[8]], cells[HEADERS[9]], _is_yes(cells["Identifier?"]),
        _is_yes(cells["Required Field?"]), cells[HEADERS[11]], cells[HEADERS[2]], cells.get("Field Annotation", ""),
        line,
    )  # fmt: skip
    return (None if problems else field), problems


def _is_yes(cell: str) -> bool:
    return cell.casefold() in {"y", "yes", "1", "true"}


def _read_tags(
    fields: Sequence[RedcapField], name: str, findings: list[Finding]
) -> tuple[Schema | None, dict[str, str]]:
    """Put the data schema together from the tags; problems of tags are added to the findings."""
    tags: list[tuple[RedcapField, dict[str, Any]]] = []
    tables, columns, version = [], dict[str, str](), ""
    try:
        for field in fields:
            line = field.line
            tag = read_tag(field.annotation)
            if tag is not None:
                tags.append((field, tag))
                columns |= {tag["column"]: field.variable} if "column" in tag else {}
        for about, facts in [(field, tag) for field, tag in tags if "table" in tag]:
            line = about.line
            mine = [one for one in tags if one[1].get("column", "").partition(".")[0] == facts["table"]]
            found = []
            for field, tag in mine:
                line = field.line
                found.append(read_column(tag, field, facts.get("missing", ())))
            tables.append(read_table(facts, found))
            version = facts.get("version", version)
    except ValueError as error:
        problem = f"the annotation of the field is damaged: {error}"
        findings.append(Finding("D090", problem, name, (line,), 1, 0, HEADERS[-1], remedy=_REMEDY))
    return (Schema(tuple(tables), version) if tables else None), columns
