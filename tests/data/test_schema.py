"""The Table Schema files say what they may, agree with each other, and the data dictionary says the same."""

import json
import re

import pytest

from survmodel.data.codebook import ROLES, write_codebook
from survmodel.data.schema import (
    CONSTRAINT_KEYS,
    FIELD_KEYS,
    PACKAGE,
    TABLE_KEYS,
    load_schema,
    read_schema,
)
from survmodel.data.schema_location import schema_folder
from survmodel.errors import ConfigError

FOLDER = schema_folder()
SCHEMA = load_schema()
#: The schema of study files, generated, lies beside those of the tables.
FILES = [path for path in sorted(FOLDER.glob("*.schema.json")) if path.name != "study.schema.json"]
CONTENTS = {path.name.split(".")[0]: json.loads(path.read_text("utf-8")) for path in FILES}
TABLES = [
    "patients", "scans", "lesions", "labs", "therapy", "reads", "region_reads", "assessments", "adverse_events",
    "follow_up",
]  # fmt: skip
FIELDS = [(table, field["name"]) for table, content in CONTENTS.items() for field in content["fields"]]


def content_of(table, field):
    return next(item for item in CONTENTS[table]["fields"] if item["name"] == field)


def test_the_package_lists_every_file():
    package = json.loads((FOLDER / PACKAGE).read_text("utf-8"))
    assert [resource["name"] for resource in package["resources"]] == TABLES == [table.name for table in SCHEMA.tables]
    assert {resource["schema"] for resource in package["resources"]} == {f"{name}.schema.json" for name in CONTENTS}
    assert all(set(resource) == {"name", "type", "path", "schema"} for resource in package["resources"])


@pytest.mark.parametrize("table", TABLES)
def test_a_file_is_a_table_schema(table):
    content = CONTENTS[table]
    assert content["name"] == table
    assert set(content) <= TABLE_KEYS
    assert content["title"]
    assert content["description"].endswith(".")
    names = [field["name"] for field in content["fields"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert set(content.get("primaryKey", [])) <= set(names)
    required = {field["name"] for field in content["fields"] if field.get("constraints", {}).get("required")}
    assert set(content.get("primaryKey", [])) <= required
    for key in content.get("foreignKeys", []):
        other = CONTENTS[key["reference"]["resource"]]
        assert set(key["fields"]) <= set(names)
        assert key["reference"]["fields"] == other["primaryKey"]
        assert TABLES.index(other["name"]) < TABLES.index(table)


@pytest.mark.parametrize(("table", "name"), FIELDS)
def test_a_field_says_what_it_may(table, name):
    field = content_of(table, name)
    limits = field.get("constraints", {})
    assert set(field) <= FIELD_KEYS
    assert set(limits) <= CONSTRAINT_KEYS
    assert field["type"] in {"string", "number", "integer", "date", "boolean"}
    assert field["x-role"] in ROLES
    assert field["title"]
    assert ("minimum" in limits or "maximum" in limits) == ("x-severity" in field)
    assert field.get("x-severity", "error") in {"error", "warning"}
    if "minimum" in limits and "maximum" in limits:
        assert limits["minimum"] < limits["maximum"]
    if "categories" in field:
        assert limits["enum"] == [level["value"] for level in field["categories"]]
        assert len(set(limits["enum"])) == len(limits["enum"])
    if field["type"] == "boolean":
        assert not set(field["trueValues"]) & set(field["falseValues"])
    if field["type"] == "date":
        assert field["format"] == "%Y-%m-%d"
    if limits.get("unique"):
        assert CONTENTS[table]["primaryKey"] == [name]


@pytest.mark.parametrize("table", TABLES)
def test_no_two_headings_of_a_table_clash(table):
    headings = [
        heading.casefold()
        for field in CONTENTS[table]["fields"]
        for heading in (field["name"], *field.get("x-aliases", []))
    ]
    assert len(set(headings)) == len(headings)


def test_each_entity_belongs_to_one_disease_group():
    patients = SCHEMA.table("patients")
    groups = {level.value for level in patients.field("disease_group").categories}
    assert {level.group for level in patients.field("entity").categories} == groups
    assert {level.value for level in patients.field("entity").categories if level.group == "myeloma"} == {
        "MM", "plasmacytoma", "AL",
    }  # fmt: skip


def test_outcomes_stand_in_follow_up_only():
    for table in SCHEMA.tables:
        outcomes = {field.name for field in table.fields if field.role == "outcome"}
        assert bool(outcomes) == (table.name == "follow_up")


def test_fields_become_columns():
    column = SCHEMA.table("lesions").field("volume_ml").column
    assert (column.type, column.unit, column.range, column.range_severity) == ("number", "mL", (0, 20000), "warning")
    assert column.optional
    assert not column.required
    assert SCHEMA.table("lesions").field("scan_id").column.unique is False
    assert SCHEMA.table("scans").field("scan_id").column.unique is True
    assert SCHEMA.table("patients").field("birth_date").column.is_private


def test_names_that_do_not_exist_are_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'patients'"):
        SCHEMA.table("patient")
    with pytest.raises(ConfigError, match="Did you mean 'suvmax'"):
        SCHEMA.table("lesions").field("suv_max")


@pytest.mark.parametrize("place", ["table", "field", "constraints"])
def test_a_key_that_would_be_ignored_is_refused(tmp_path, place):
    field = {"name": "a", "title": "a", "type": "string", "x-role": "baseline", "constraints": {}}
    table = {"name": "t", "title": "T", "description": "D.", "fields": [field]}
    {"table": table, "field": field, "constraints": field["constraints"]}[place]["minLength"] = 1
    (tmp_path / "t.schema.json").write_text(json.dumps(table))
    package = {"version": "1", "resources": [{"name": "t", "schema": "t.schema.json"}]}
    (tmp_path / PACKAGE).write_text(json.dumps(package))
    with pytest.raises(ConfigError, match="unknown key 'minLength'"):
        read_schema(tmp_path)


def test_the_data_dictionary_is_the_one_that_the_schema_writes():
    assert (FOLDER / "README.md").read_text("utf-8") == write_codebook(SCHEMA)


def test_the_data_dictionary_lists_every_code():
    package = FOLDER.parent / "survmodel"
    sources = [path for folder in ("data", "study") for path in (package / folder).rglob("*.py")]
    used = {code for path in sources for code in re.findall(r'"(D[0-9]{3})"', path.read_text("utf-8"))}
    listed = set(re.findall(r"D[0-9]{3}", (FOLDER / "README.md").read_text("utf-8")))
    assert used == listed
