"""Studies whose data stand in a Parquet file."""

import datetime
import json
import sys
from decimal import Decimal

import pytest
from bad_input.study_files import MODEL, completed, plain_rows, refused, run, write_plain

from survmodel.data.columns import Column
from survmodel.data.dates import DateRule
from survmodel.data.readers.parquet import scan_parquet

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

DATA = '[data]\npatients = { path = "patients.parquet" }\n'


def typed_columns():
    header, *rows = plain_rows()
    columns = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))
    for name in ("days", "dead", "age"):
        columns[name] = [int(cell) for cell in columns[name]]
    columns["age"] = [float(age) for age in columns["age"]]
    return columns


def write_parquet(folder, columns=None, **study):
    path = write_plain(folder, data=DATA, **study)
    (folder / "patients.csv").unlink()
    parquet.write_table(pyarrow.table(columns or typed_columns()), folder / "patients.parquet")
    return path


def scan(folder, columns, data, **options):
    parquet.write_table(pyarrow.table(data), folder / "a.parquet")
    return scan_parquet(folder / "a.parquet", columns, **options)


def test_a_parquet_file_gives_what_the_csv_file_gives(tmp_path, capsys):
    for name in ("text", "typed"):
        (tmp_path / name).mkdir()
    studies = (write_plain(tmp_path / "text", more=MODEL), write_parquet(tmp_path / "typed", more=MODEL))
    records = []
    for study in studies:
        completed(study, capsys)
        records.append(json.loads((study.parent / "results" / "results.json").read_text())["records"])
    assert records[0] == records[1]
    assert records[0]


def test_findings_name_the_row_and_the_column(tmp_path, capsys):
    columns = typed_columns()
    columns["age"][5] = 130.0
    problems = refused(write_parquet(tmp_path, columns), capsys)
    assert [(one["code"], one["file"], one["column"], one["rows"]) for one in problems] == [
        ("D024", "patients.parquet", "age", [7])
    ]


def test_types_are_respected(tmp_path):
    columns = [
        Column("id", "identifier"),
        Column("n", "integer"),
        Column("x", "number"),
        Column("d", "number"),
        Column("b", "boolean"),
        Column("c", "category", levels=(("f", "female"), ("m", "male"))),
        Column("seen", "date"),
        Column("stamp", "date"),
    ]
    data = {
        "id": ["007", "7"],
        "n": pyarrow.array([1, None], pyarrow.int32()),
        "x": [0.1, 1e-12],
        "d": [Decimal("1.50"), None],
        "b": [True, None],
        "c": pyarrow.array(["f", "m"]).dictionary_encode(),
        "seen": [datetime.date(2021, 3, 4), None],
        "stamp": pyarrow.array([datetime.datetime(2021, 3, 4), None], pyarrow.timestamp("ns")),
        "nested": [[1], [2]],
    }
    read = scan(tmp_path, columns, data, decimal=",", dates=DateRule("%d.%m.%Y"))
    assert (read.findings, read.n_undeclared) == ((), 1)
    table = read.table
    assert table["id"].tolist() == ["007", "7"]
    assert table["n"].tolist()[0] == 1
    assert table["x"].tolist() == [0.1, 1e-12]
    assert table["d"].tolist()[0] == 1.5
    assert table["b"].tolist()[0] is True
    assert table["c"].tolist() == ["female", "male"]
    assert [str(day)[:10] for day in table["seen"]] == ["2021-03-04", "NaT"]
    assert [str(day)[:10] for day in table["stamp"]] == ["2021-03-04", "NaT"]
    assert table.isna().sum().sum() == 5


def test_an_identifier_of_whole_numbers_is_their_text(tmp_path):
    assert scan(tmp_path, [Column("id", "identifier")], {"id": [7.0, 70.0]}).table["id"].tolist() == ["7", "70"]


def test_a_column_of_lists_is_refused(tmp_path, capsys):
    columns = typed_columns()
    columns["age"] = [[age] for age in columns["age"]]
    (problem,) = refused(write_parquet(tmp_path, columns), capsys)
    assert (problem["code"], problem["column"]) == ("D078", "age")


ODD = {
    "a time zone that is not known": pyarrow.array([1] * 40, pyarrow.timestamp("us", "Mars/Phobos")),
    "a time beyond the calendar": pyarrow.array([2**60] * 40, pyarrow.timestamp("us")),
    "a day beyond the calendar": pyarrow.array([2**30] * 40, pyarrow.int32()).cast(pyarrow.date32()),
    "bytes": pyarrow.array([b"\xff"] * 40),
    "a record": pyarrow.array([{"a": 1}] * 40),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_has_no_text_matters_only_where_it_is_declared(tmp_path, capsys, odd):
    completed(write_parquet(tmp_path / "other", typed_columns() | {"other": ODD[odd]}), capsys)
    (problem,) = refused(write_parquet(tmp_path / "age", typed_columns() | {"age": ODD[odd]}), capsys)
    assert (problem["code"], problem["column"]) == ("D078", "age")


@pytest.mark.parametrize("content", [b"id,age\nKEY-0001,50\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_file_is_refused(tmp_path, capsys, content):
    study = write_parquet(tmp_path)
    (tmp_path / "patients.parquet").write_bytes(content)
    (problem,) = refused(study, capsys)
    assert problem["code"] == "D070"


def test_without_pyarrow_the_extra_is_named(tmp_path, capsys, monkeypatch):
    study = write_parquet(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = run(study, capsys)
    assert done.status == 2
    assert "patients.parquet is a Parquet file, and pyarrow is not installed" in done.said
    assert "survmodel[parquet]" in done.said
