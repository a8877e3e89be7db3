"""The entry workbook says what the Table Schema files say, guards what is typed, and is read as it is."""

import datetime
import hashlib
import io
import json
import math
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from data.study_files import FILES
from openpyxl import load_workbook

from survmodel.data.checks import check_tables
from survmodel.data.entry_workbook import write_entry_workbook
from survmodel.data.findings import FindingsError
from survmodel.data.schema import Category, Field, Schema, TableSchema, load_schema
from survmodel.data.schema_location import schema_folder
from survmodel.data.tables import TableFile, read_tables

SCHEMA = load_schema()
CONTENT = write_entry_workbook(SCHEMA)
BOOK = load_workbook(io.BytesIO(CONTENT))
#: Read from the files, so that nothing of the package stands between schema and workbook.
TABLES = {
    name: json.loads((schema_folder() / f"{name}.schema.json").read_text("utf-8"))
    for name in (
        "patients",
        "scans",
        "lesions",
        "labs",
        "therapy",
        "reads",
        "region_reads",
        "assessments",
        "adverse_events",
        "follow_up",
    )
}
FIELDS = [(table, field["name"]) for table, content in TABLES.items() for field in content["fields"]]


def content_of(table, name):
    return next(field for field in TABLES[table]["fields"] if field["name"] == name)


def letter_of(sheet, name):
    return next(cell.column_letter for cell in sheet[1] if cell.value == name)


def rule_of(book, table, name):
    """The only rule of a column, which reaches from the second row to the last."""
    sheet = book[table]
    letter = letter_of(sheet, name)
    found = [rule for rule in sheet.data_validations.dataValidation if f"{letter}2" in rule.sqref]
    assert len(found) <= 1
    if not found:
        return None
    assert str(found[0].sqref) == f"{letter}2:{letter}1048576"
    return found[0]


def items(book, rule):
    """What the drop-down offers, wherever the list stands."""
    if rule.formula1.startswith('"'):
        assert len(rule.formula1) - 2 <= 255
        return rule.formula1.strip('"').split(",")
    sheet, span = rule.formula1.split("!")
    return [cell.value for (cell,) in book[sheet][span.replace("$", "")]]


def one_field(**keys):
    """A workbook of one table with one column."""
    field = Field(**{"name": "a", "title": "the column", "description": "", "type": "text", "role": "baseline"} | keys)
    return load_workbook(io.BytesIO(write_entry_workbook(Schema((TableSchema("t", "T", "One row.", (field,)),)))))


# What the sheets hold


def test_sheets_are_the_tables_between_instructions_and_codes():
    package = json.loads((schema_folder() / "datapackage.json").read_text("utf-8"))
    assert BOOK.sheetnames == ["read me", *(resource["name"] for resource in package["resources"]), "codes"]
    assert BOOK.active.title == "read me"


@pytest.mark.parametrize("table", TABLES)
def test_the_headings_are_the_fields_in_order_and_no_cell_stands_below(table):
    sheet = BOOK[table]
    assert [cell.value for cell in sheet[1]] == [field["name"] for field in TABLES[table]["fields"]]
    assert (sheet.max_row, sheet.freeze_panes, sheet.auto_filter.ref) == (1, "B2", None)


@pytest.mark.parametrize(("table", "name"), FIELDS)
def test_a_heading_shows_what_every_row_needs_and_explains_itself(table, name):
    field, sheet = content_of(table, name), BOOK[table]
    cell = sheet[f"{letter_of(sheet, name)}1"]
    required = field.get("constraints", {}).get("required", False)
    other = next(cell for cell in BOOK["patients"][1] if cell.value == "site")
    assert cell.font.bold is required
    assert (cell.fill.fgColor.rgb != other.fill.fgColor.rgb) is required
    text = cell.comment.text
    assert field["title"].casefold() in text.casefold()
    assert field.get("x-unit", "") in text
    assert field.get("description", "").rstrip(".").casefold() in text.casefold()
    assert ("Every row needs a value." in text) is required
    for limit in ("minimum", "maximum"):
        if limit in field.get("constraints", {}):
            assert f"{field['constraints'][limit]:g}" in text


@pytest.mark.parametrize(("table", "name"), FIELDS)
def test_a_column_is_formatted_by_its_type(table, name):
    sheet = BOOK[table]
    form = sheet.column_dimensions[letter_of(sheet, name)].number_format
    expected = {"date": "yyyy-mm-dd", "number": "General", "integer": "General", "string": "@", "boolean": "@"}
    assert form == expected[content_of(table, name)["type"]]


def test_the_instructions_name_every_sheet_and_how_the_study_file_names_it():
    lines = [cell.value for row in BOOK["read me"] for cell in row if cell.value]
    for name, content in TABLES.items():
        assert name in lines
        assert content["description"] in lines
        assert f'{name} = {{ path = "entry.xlsx", sheet = "{name}" }}' in lines
    said = " ".join(lines)
    for words in ("2024-01-31", "pseudonyms, never names", "every row needs a value", "Leave any other cell empty"):
        assert words in said


def test_the_codes_are_those_of_the_schema_in_order():
    header, *rows = BOOK["codes"].iter_rows(values_only=True)
    assert header == ("table", "column", "code", "meaning", "group")
    expected = []
    for table, name in FIELDS:
        field = content_of(table, name)
        levels = [(level["value"], level["label"], level.get("x-group")) for level in field.get("categories", [])]
        if field["type"] == "boolean":
            levels = [("yes", "yes", None), ("no", "no", None)]
        expected += [(table, name, *level) for level in levels]
    assert rows == expected


# What the cells take


@pytest.mark.parametrize(("table", "name"), FIELDS)
def test_the_rule_of_a_column_is_that_of_the_schema(table, name):
    field, rule = content_of(table, name), rule_of(BOOK, table, name)
    limits = field.get("constraints", {})
    if "categories" in field:
        assert (rule.type, rule.errorStyle) == ("list", "stop")
        assert items(BOOK, rule) == [level["value"] for level in field["categories"]]
    elif field["type"] == "boolean":
        yes, no = items(BOOK, rule)
        assert yes in field["trueValues"]
        assert no in field["falseValues"]
    elif field.get("x-detection-limit"):
        cell = f"{letter_of(BOOK[table], name)}2"
        number = f"AND(ISNUMBER({cell}),{cell}>={limits['minimum']})"
        assert (rule.type, rule.errorStyle) == ("custom", "stop")
        assert rule.formula1 == f'OR({number},LEFT({cell},1)="<",LEFT({cell},1)=">")'
    elif field["type"] in {"number", "integer"}:
        assert rule.type == {"number": "decimal", "integer": "whole"}[field["type"]]
        assert rule.errorStyle == {"warning": "warning", "error": "stop"}[field["x-severity"]]
        operator = "between" if {"minimum", "maximum"} <= set(limits) else "greaterThanOrEqual"
        assert (rule.operator or "between") == operator
        assert float(rule.formula1) == limits["minimum"]
        assert (None if rule.formula2 is None else float(rule.formula2)) == limits.get("maximum")
    elif field["type"] == "date":
        assert (rule.type, rule.operator or "between", rule.errorStyle) == ("date", "between", "stop")
        # A year typed alone is the serial number of a day of 1905 or 1906.
        assert (rule.formula1, rule.formula2) == ("DATE(1910,1,1)", "DATE(2199,12,31)")
    elif limits.get("unique"):
        letter = letter_of(BOOK[table], name)
        assert (rule.type, rule.errorStyle) == ("custom", "stop")
        assert rule.formula1 == f"COUNTIF(${letter}$2:${letter}$1048576,{letter}2)=1"
    else:
        assert rule is None


def test_messages_fit_into_what_a_spreadsheet_shows():
    rules = [rule for table in TABLES for rule in BOOK[table].data_validations.dataValidation]
    assert all(0 < len(rule.errorTitle) <= 32 and 0 < len(rule.error) <= 255 for rule in rules)
    assert all(rule.showErrorMessage and rule.allowBlank for rule in rules)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((0, 110), ("decimal", "between", "0", "110")),
        ((0.25, 1e20), ("decimal", "between", "0.25", "100000000000000000000")),
        ((-5, math.inf), ("decimal", "greaterThanOrEqual", "-5", None)),
        ((-math.inf, 2.5), ("decimal", "lessThanOrEqual", "2.5", None)),
        (None, ("custom", None, "ISNUMBER(A2)", None)),
    ],
)
def test_limits_of_every_kind(limits, expected):
    rule = rule_of(one_field(type="number", range=limits), "t", "a")
    operator = "between" if rule.type == "decimal" and rule.operator is None else rule.operator
    assert (rule.type, operator, rule.formula1, rule.formula2) == expected


def test_a_changed_range_changes_the_rule_and_what_is_said():
    table = SCHEMA.table("patients")
    age = replace(table.field("age_years"), range=(18, 99), range_severity="warning")
    fields = tuple(age if field.name == age.name else field for field in table.fields)
    book = load_workbook(io.BytesIO(write_entry_workbook(Schema((replace(table, fields=fields),)))))
    rule = rule_of(book, "patients", "age_years")
    assert (rule.formula1, rule.formula2, rule.errorStyle) == ("18", "99", "warning")
    assert "18 to 99 years" in rule.error
    assert "18 to 99 years" in book["patients"]["G1"].comment.text


@pytest.mark.parametrize(
    "codes",
    [
        [f"level_number_{i:02d}" for i in range(40)],
        ["a, b", "c"],
        ['"quoted"', "c"],
        [" blank", "c"],
        ["=1+1", "+c", "-d", "@e"],
        ["1", "0"],
    ],
)
def test_lists_of_every_kind_offer_the_codes_as_they_are(codes):
    levels = tuple(Category(code, code) for code in codes)
    book = one_field(type="category", categories=levels)
    assert items(book, rule_of(book, "t", "a")) == codes
    assert [cell.value for cell in book["codes"]["C"][1:]] == codes
    assert len(rule_of(book, "t", "a").error) <= 255


def test_a_boolean_without_yes_offers_its_first_codes():
    book = one_field(type="boolean", boolean_codes=(("ja", "true"), ("1", "true"), ("nein", "false")))
    assert items(book, rule_of(book, "t", "a")) == ["ja", "nein"]
    book = one_field(type="boolean")
    assert items(book, rule_of(book, "t", "a")) == ["yes", "no"]


def test_long_texts_are_cut_to_what_a_rule_may_hold():
    rule = rule_of(one_field(name="n" * 60, title="t" * 400, type="number", range=(0, 1)), "t", "n" * 60)
    assert (len(rule.errorTitle), len(rule.error)) == (32, 255)


def test_no_text_becomes_a_formula():
    levels = (Category("=1+1", "=2+2", "=3"), Category("@a", "+b", "-c"))
    field = Field("=a()", '=HYPERLINK("x")', "=1", "category", "baseline", categories=levels, required=True)
    content = write_entry_workbook(Schema((TableSchema("t", "=T", "=1+1", (field,)),)))
    archive = zipfile.ZipFile(io.BytesIO(content))
    sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) == 3
    assert not [name for name in sheets if b"<f>" in archive.read(name)]
    book = load_workbook(io.BytesIO(content))
    assert (book["t"]["A1"].value, book["t"]["A1"].data_type, book["t"]["A1"].quotePrefix) == ("=a()", "s", True)
    assert all(cell.data_type in {"s", "n"} for sheet in book for row in sheet for cell in row)


# The bytes


def test_two_processes_write_the_same_bytes():
    ask = (
        "import hashlib; from survmodel.data.schema import load_schema; "
        "from survmodel.data.entry_workbook import write_entry_workbook; "
        "print(hashlib.sha256(write_entry_workbook(load_schema())).hexdigest())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", ask], capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone},
        ).stdout.strip()
        for seed, zone in (("1", "UTC"), ("2", "Asia/Shanghai"))
    }  # fmt: skip
    assert said == {hashlib.sha256(CONTENT).hexdigest()}


def test_nothing_in_the_archive_tells_when_or_where_it_was_made():
    archive = zipfile.ZipFile(io.BytesIO(CONTENT))
    assert archive.testzip() is None
    for entry in archive.infolist():
        assert (entry.date_time, entry.create_system, entry.compress_type) == ((1980, 1, 1, 0, 0, 0), 3, 0)
        # Libraries write the same XML in several ways, of which one is canonical.
        part = archive.read(entry).decode()
        assert ElementTree.canonicalize(part) == part
    assert BOOK.properties.created == BOOK.properties.modified == datetime.datetime(1980, 1, 1)


# Filled by a person, and read


def typed(name, text):
    """A cell as a person enters it: a date, a number, or text."""
    kind = next((field["type"] for table in TABLES for field in TABLES[table]["fields"] if field["name"] == name), "")
    if not text:
        return None
    if kind == "date":
        return datetime.date.fromisoformat(text)
    return float(text) if kind in {"number", "integer"} else text


def fill(folder, cells=()):
    """Type the small study into the workbook, cell by cell under the headings."""
    book = load_workbook(io.BytesIO(CONTENT))
    for table, (header, *lines) in FILES.items():
        sheet = book[table]
        for row, line in enumerate(lines, start=2):
            for name, text in zip(header.split(","), line.split(","), strict=True):
                sheet[f"{letter_of(sheet, name)}{row}"] = typed(name, text)
    for table, name, row, value in cells:
        book[table][f"{letter_of(book[table], name)}{row}"] = value
    path = folder / "entry.xlsx"
    book.save(path)
    return {table: TableFile(path, sheet=table) for table in FILES}


def test_a_filled_workbook_is_read_like_the_same_study_in_text_files(tmp_path):
    tables = read_tables(fill(tmp_path))
    assert tables.findings == ()
    assert [finding for finding in check_tables(tables) if finding.severity == "error"] == []
    patients, scans = tables.tables["patients"], tables.tables["scans"]
    assert patients["patient_id"].tolist() == ["KEY-A1", "KEY-A2", "KEY-A3", "KEY-A4"]
    assert patients["untreated"].tolist() == [True, True, False, True]
    assert patients["ecog"].tolist()[:2] == [0, 1]
    assert scans["scan_date"].dt.strftime("%Y-%m-%d").tolist()[:2] == ["2021-01-11", "2021-01-13"]
    assert scans["liver_suvmean"].tolist()[:2] == [1.9, 2.1]


def test_a_number_in_a_column_of_identifiers_is_its_digits(tmp_path):
    numbers = [("patients", "patient_id", 2, 7), ("follow_up", "patient_id", 2, 7.0), ("therapy", "patient_id", 2, "7")]
    numbers += [("scans", "patient_id", row, 7) for row in (2, 3)]
    tables = read_tables(fill(tmp_path, numbers))
    assert tables.findings == ()
    assert tables.tables["patients"]["patient_id"].tolist()[0] == "7"
    (tmp_path / "zeros").mkdir()
    with_zeros = [*numbers[1:], ("patients", "patient_id", 2, "007")]
    findings = check_tables(read_tables(fill(tmp_path / "zeros", with_zeros)))
    assert "D104" in {finding.code for finding in findings if finding.severity == "error"}


def test_a_sheet_that_nobody_filled_is_named_when_the_study_wants_it(tmp_path):
    files = fill(tmp_path)
    with pytest.raises(FindingsError) as caught:
        read_tables(files | {"labs": replace(files["patients"], sheet="labs")})
    (finding,) = caught.value.findings
    assert (finding.code, finding.file) == ("D002", "entry.xlsx[labs]")


def test_cells_that_were_only_formatted_are_no_rows(tmp_path):
    files = fill(tmp_path)
    path = files["patients"].path
    book = load_workbook(path)
    for table in FILES:
        for row in (*range(10, 1002), 1_048_576):
            book[table][f"A{row}"].number_format = "@"
    book.save(path)
    tables = read_tables(files)
    assert tables.findings == ()
    assert len(tables.tables["patients"]) == 4
