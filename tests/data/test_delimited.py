from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from survmodel.data.columns import Column, CutColumn
from survmodel.data.findings import Finding, FindingsError
from survmodel.data.readers.delimited import scan_delimited
from survmodel.errors import DataError

COLUMNS = (
    Column("id", "identifier", role="identifier"),
    Column("time", "integer", role="outcome"),
    Column("age", "number", unit="years", missing=("NA",), range=(0.0, 120.0)),
    Column("sex", "category", levels=(("0", "female"), ("1", "male"))),
)
GOOD = "id,time,age,sex\nKEY-1,5,61.5,0\nKEY-2,7,NA,1\nKEY-3,9,,0\n"


def read(tmp_path, content, columns=COLUMNS, **options):
    path = tmp_path / "patients.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    file = scan_delimited(path, columns, **options)
    errors = [finding for finding in file.findings if finding.severity == "error"]
    if errors:
        raise FindingsError(errors)
    return file


def findings(tmp_path, content, **options):
    with pytest.raises(FindingsError) as caught:
        read(tmp_path, content, **options)
    error = caught.value
    assert isinstance(error, DataError)
    assert error.exit_status == 3
    assert "KEY-" not in str(error)
    for finding in error.findings:
        assert finding.file == "patients.csv"
        assert f"{finding.code} patients.csv" in str(error)
    return error.findings


def test_declared_columns_come_with_their_types(tmp_path):
    file = read(tmp_path, GOOD)
    assert file.table["time"].dtype == np.int64
    assert file.table["age"].dtype == np.float64
    assert list(file.table["sex"].cat.categories) == ["female", "male"]
    assert list(file.table["sex"]) == ["female", "male", "female"]
    assert list(file.table["id"]) == ["KEY-1", "KEY-2", "KEY-3"]
    assert isinstance(file.table.index, pd.RangeIndex)
    assert dict(file.missing) == {"id": 0, "time": 0, "age": 2, "sex": 0}
    assert file.lines == (2, 3, 4)


def test_undeclared_columns_are_left_out_and_counted(tmp_path):
    file = read(tmp_path, "x,id,time,age,sex,\n9,a,1,2,0,\n")
    assert list(file.table.columns) == ["id", "time", "age", "sex"]
    assert file.notes == ("Left out: 2 columns of patients.csv that the study file does not declare.",)


def test_an_identifier_stays_text(tmp_path):
    assert list(read(tmp_path, "id,time,age,sex\n007,1,2,0\n7,1,2,0\n").table["id"]) == ["007", "7"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_handled(tmp_path, encoding):
    assert len(read(tmp_path, GOOD.encode(encoding)).table) == 3


def test_lines_are_counted_through_cells_of_several_lines(tmp_path):
    content = 'id,time,age,sex,note\na,1,50,0,"two\nlines"\nb,1,x,0,ok\n'
    (finding,) = findings(tmp_path, content)
    assert finding.rows == (4,)


def test_trailing_blank_lines_are_ignored(tmp_path):
    assert len(read(tmp_path, GOOD + "\n\n,,,\n").table) == 3


def test_semicolons_and_decimal_commas_are_read_when_declared(tmp_path):
    file = read(tmp_path, "id;time;age;sex\na;5;61,5;0\n", delimiter=";", decimal=",")
    assert file.table["age"].tolist() == [61.5]


def test_the_declared_encoding_is_used(tmp_path):
    columns = (Column("town", "text"), Column("x", "number"))
    assert (
        read(tmp_path, "town,x\nK\xf6ln,1\n".encode("cp1252"), columns, encoding="cp1252").table["town"][0] == "K\xf6ln"
    )


@pytest.mark.parametrize(
    ("content", "code", "column", "rows", "words"),
    [
        ("", "D001", "", (), "empty"),
        (" \n\n", "D001", "", (), "empty"),
        ("id,time,age,sex\n", "D002", "", (), "no rows"),
        (b"id,time,age,sex\nKEY-1,5,61,0\nKEY-2,5,6\xe4,0\n", "D003", "", (3,), "byte 0xE4 at line 3"),
        ("id,time,age,sex\nKEY-1,5,6\x001,0\n", "D004", "", (2,), "NUL"),
        ('id,time,age,sex\nKEY-1,5,61,0\n"KEY-2,5,61,0\nKEY-3,5,61,0\n', "D005", "", (3,), "quotation mark"),
        ('id,time,age,sex\n"KEY-1"x,5,61,0\n', "D005", "", (2,), "quotation mark"),
        ("id;time;age;sex\nKEY-1;5;61;0\n", "D006", "", (1,), "looks like ';'"),
        ("id\ttime\tage\tsex\nKEY-1\t5\t61\t0\n", "D006", "", (1,), "looks like a tab"),
        ("id,time,agee,sex\nKEY-1,5,61,0\n", "D007", "age", (), "Did you mean 'agee'"),
        ("KEY-0,5,61,0\nKEY-1,5,61,0\n", "D007", "", (1,), "none of the declared columns"),
        ("id,time,age,sex\nKEY-1,5,61,0\nKEY-2,5,61\n", "D008", "", (3,), "the row has 3 cells"),
        ("id,time,age,sex\nKEY-1,5,61,0,8\n", "D008", "", (2,), "4 cells, as in the header"),
        ("id,time,age,sex,age\nKEY-1,5,61,0,8\n", "D010", "age", (1,), "2 times"),
        ("id,time,age,sex\n\nKEY-1,5,61,0\n", "D011", "", (2,), "blank"),
        ('id,time,age,sex\nKEY-1,5,"61,5",0\n', "D020", "age", (2,), 'decimal = ","'),
        ("id,time,age,sex\nKEY-1,5,old,0\n", "D021", "age", (2,), "found text"),
        ("id,time,age,sex\nKEY-1,5.5,61,0\n", "D021", "time", (2,), "not a whole number"),
        ("id,time,age,sex\nKEY-1,5,1e999,0\n", "D021", "age", (2,), "beyond all measure"),
        ("id,time,age,sex\nKEY-1,5,nan,0\n", "D022", "age", (2,), "missing of [column.age]"),
        ("id,time,age,sex\nKEY-1,NA,61,0\n", "D022", "time", (2,), "not declared, found 'NA'"),
        ("id,time,age,sex\nKEY-1,5,61,2\n", "D023", "sex", (2,), "level not declared: '2'"),
        ("id,time,age,sex\nKEY-1,5,161,0\n", "D024", "age", (2,), "found 161. 0 to 120 years"),
        ("id,time,age,sex\nKEY-1,5,<60,0\n", "D025", "age", (2,), "limit of detection"),
        ('id,time,age,sex\nKEY-1,5,"1.234,5",0\n', "D026", "age", (2,), "thousands separator"),
        ("id,time,age,sex\n,5,61,0\n", "D030", "id", (2,), "missing"),
        ("id,time,age,sex\nKEY-1,5,61,0\nKEY-1,6,61,0\n", "D031", "id", (2, 3), "more than once"),
    ],
)  # fmt: skip
def test_every_problem_has_a_code_a_place_and_a_remedy(tmp_path, content, code, column, rows, words):
    (finding,) = findings(tmp_path, content)
    assert (finding.code, finding.column, finding.rows) == (code, column, rows)
    assert words in str(finding)
    assert finding.severity == "error"


def test_all_problems_of_all_columns_come_at_once(tmp_path):
    found = findings(tmp_path, "id,time,age,sex\nKEY-1,x,200,9\nKEY-1,1,NA,0\n")
    assert [finding.code for finding in found] == ["D031", "D021", "D024", "D023"]


def test_header_and_ragged_rows_come_together(tmp_path):
    found = findings(tmp_path, "id,tim,age,sex,id\nKEY-1,1\n")
    assert [finding.code for finding in found] == ["D010", "D007", "D008"]


def test_at_most_five_rows_are_listed_with_their_count(tmp_path):
    lines = "".join(f"KEY-{i},1,x,0\n" for i in range(9))
    (finding,) = findings(tmp_path, "id,time,age,sex\n" + lines)
    assert "rows 2, 3, 4, 5, 6, ... (9 of 9)" in str(finding)
    assert finding.n_rows == 9


def test_a_cell_that_may_name_a_person_or_a_date_is_not_shown(tmp_path):
    found = findings(tmp_path, "id,time,age,sex\nKEY-1,03.04.1960,Erika Muster,0\n")
    text = " ".join(map(str, found))
    assert "1960" not in text
    assert "Erika" not in text


def test_a_factor_is_cut_at_declared_edges(tmp_path):
    cut = CutColumn("group", "age", (50.0, 65.0), ("a", "b", "c"))
    made = cut.apply(pd.Series([49.0, 50.0, 64.9, 65.0, np.nan], index=[4, 5, 6, 7, 8]))
    assert made.tolist()[:4] == ["a", "b", "b", "c"]
    assert made.isna().tolist() == [False, False, False, False, True]
    assert made.index.tolist() == [4, 5, 6, 7, 8]
    assert made.cat.ordered


def test_the_error_survives_a_process_boundary():
    error = FindingsError([Finding("D001", "the file is empty", "a.csv")])
    assert pickle.loads(pickle.dumps(error)).findings == error.findings


@pytest.mark.parametrize(
    "junk", [b'"', b",,,\n", b"\xff\xfe", b"\xff\xfeab", b"a" * 200_000, b'"' + b"a" * 200_000, b"\r\r\r"]
)
def test_junk_is_refused_as_data(tmp_path, junk):
    with pytest.raises(FindingsError):
        read(tmp_path, junk)


@pytest.mark.parametrize("first", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_a_workbook_is_called_one(tmp_path, first):
    path = tmp_path / "patients.csv"
    path.write_bytes(first + bytes(range(256)))
    with pytest.raises(FindingsError, match=r"D003 patients\.csv: the file is a spreadsheet workbook") as caught:
        scan_delimited(path, [Column("id", "identifier")])
    assert "or save the sheet as CSV" in str(caught.value)
