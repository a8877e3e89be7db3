"""What is written from the schema is written anew with the same bytes, and says what the schema says."""

import json
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from survmodel.cli import main
from survmodel.data.codebook import write_codebook
from survmodel.data.codebook_html import write_codebook_html
from survmodel.data.entry_workbook import write_entry_workbook
from survmodel.data.schema import Field, Schema, TableSchema, load_schema
from survmodel.data.schema_location import schema_folder
from survmodel.study.schema_files import STUDY_SCHEMA, schema_files, write_study_schema

ROOT = Path(__file__).parents[2]
STUDIES = [
    *sorted((ROOT / "notebooks" / "studies").glob("*/study.toml")),
    ROOT / "survmodel" / "study" / "example.toml",
    ROOT / "survmodel" / "study" / "new_study.toml",
]


class Cells(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found, self.scopes, self.tags = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag in {"th", "td"}:
            self.found.append("")
        if tag == "th":
            self.scopes.append(dict(attrs).get("scope"))

    def handle_data(self, data):
        if self.tags and self.tags[-1] in {"th", "td"}:
            self.found[-1] += data


def plain(value):
    """Dates of a study file as JSON would hold them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) else value.isoformat()


def test_the_schema_of_study_files_is_the_one_that_the_settings_write():
    assert (schema_folder() / STUDY_SCHEMA).read_text("utf-8") == write_study_schema()


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_editor_accepts_every_study_of_the_repository(path):
    jsonschema = pytest.importorskip("jsonschema")
    content = plain(tomllib.loads(path.read_text("utf-8")))
    jsonschema.validate(content, json.loads(write_study_schema()))


@pytest.mark.parametrize("change", [{"sed": 1}, {"schema": 2}, {"data": {}}, {"seed": -1}])
def test_an_editor_marks_what_is_wrong(change):
    jsonschema = pytest.importorskip("jsonschema")
    content = plain(tomllib.loads(STUDIES[0].read_text("utf-8"))) | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, json.loads(write_study_schema()))


def test_one_name_may_stand_for_an_array_of_one():
    jsonschema = pytest.importorskip("jsonschema")
    content = {"schema": 1, "title": "T", "data": {"patients": {"path": "a.csv"}}}
    jsonschema.validate(content | {"endpoint": {"os": {"events": "death"}}}, json.loads(write_study_schema()))


def test_the_page_has_a_scoped_heading_for_every_column_of_every_table():
    page = write_codebook_html(load_schema())
    cells = Cells(page)
    assert set(cells.scopes) == {"col", "row"}
    for table in load_schema().tables:
        for field in table.fields:
            assert field.name + ("*" if field.required else "") in cells.found
            assert any(field.title in cell for cell in cells.found)
    # Beside the tables: what columns are for, other names of levels, laboratory quantities.
    assert page.count("<caption>") == len(load_schema().tables) + 3
    assert "http:" not in page
    assert "https:" not in page


def test_what_a_schema_says_is_text_in_the_page():
    bad = "<script>alert(1)</script>"
    field = Field("a", bad, bad, "text", "baseline", unit=bad, aliases=(bad,))
    page = write_codebook_html(Schema((TableSchema("t", bad, bad, (field,)),)))
    assert "script" not in Cells(page).tags


def test_words_stay_whole_and_lists_of_codes_break_between_codes():
    page = write_codebook_html(load_schema())
    assert "anywhere" not in page
    assert "break-all" not in page
    assert '<span class="kept"><code>MZL</code>\u00a0marginal\u00a0zone\u00a0lymphoma</span>, <span' in page
    assert "<code>lymphoma</code>, <code>myeloma</code>, <code>leukemia</code>" in page
    assert "`" not in page


def test_every_table_of_columns_has_a_box_that_the_keyboard_scrolls():
    page = write_codebook_html(load_schema())
    for table in load_schema().tables:
        box = f'<div class="wide fields" role="region" aria-label="Columns of {table.name}" tabindex="0"><table'
        assert box in page


def test_backticks_of_a_schema_never_reach_over_an_element():
    field = Field("a`", "`<b>", "c`d", "text", "baseline", aliases=("`x<i>`",))
    page = write_codebook_html(Schema((TableSchema("t", "T", "`one", (field, field)),)))
    assert not {"b", "i"} & set(Cells(page).tags)
    for part in page.split("<code>")[1:]:
        assert "<" not in part.split("</code>")[0]


def test_schema_writes_every_file(tmp_path, capsys):
    out = tmp_path / "schema"
    assert main(["schema", str(out)]) == 0
    there = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert there == schema_files()
    assert there["data_dictionary.md"].decode() == write_codebook(load_schema())
    assert {f"templates/{table.name}.csv" for table in load_schema().tables} < set(there)
    assert there["templates/entry.xlsx"] == write_entry_workbook(load_schema())


def test_schema_writes_the_same_again_and_replaces_nothing_else(tmp_path, capsys):
    assert main(["schema", str(tmp_path)]) == 0
    assert main(["schema", str(tmp_path)]) == 0
    filled = tmp_path / "templates" / "reads.csv"
    filled.write_text(filled.read_text("utf-8") + "S1,reader_1,positive,,\n", "utf-8")
    before = filled.read_bytes()
    assert main(["schema", str(tmp_path)]) == 2
    assert "none of them is replaced: templates/reads.csv" in capsys.readouterr().err
    assert filled.read_bytes() == before
