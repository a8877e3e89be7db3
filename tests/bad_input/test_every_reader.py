"""One blemish, three kinds of file: CSV, workbook and Parquet give the same findings in the same rows."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from bad_input.study_files import CURVE, DATA, as_lines, completed, plain_rows, refused, the, write_plain
from openpyxl import Workbook
from openpyxl.utils import get_column_letter

Grid = list[list[str]]
BLANK = [""] * 6


def changed(column: str, cells: dict[int, str]) -> Callable[[], Grid]:
    """The plain table with cells of one column changed, by line."""

    def make() -> Grid:
        rows = plain_rows()
        for line, text in cells.items():
            rows[line - 1][rows[0].index(column)] = text
        return rows

    return make


def with_rows(*added: tuple[int, list[str]]) -> Callable[[], Grid]:
    def make() -> Grid:
        rows = plain_rows()
        for line, row in added:
            rows.insert(line - 1, row)
        return rows

    return make


def with_index() -> Grid:
    return [["Unnamed: 0" if line == 0 else str(line - 1), *row] for line, row in enumerate(plain_rows())]


def twice() -> Grid:
    rows = plain_rows()
    rows[0][1] = "age"
    return rows


def as_csv(rows: Grid) -> bytes:
    return ("\n".join(as_lines(rows)) + "\n").encode()


def as_workbook(rows: Grid) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append([typed(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_parquet(rows: Grid) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    header, *body = rows
    columns = [pyarrow.array([cell or None for cell in cells], pyarrow.string()) for cells in zip(*body, strict=True)]
    out = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_arrays(columns, names=header), out)
    return out.getvalue()


def typed(cell: str) -> object:
    """A cell as somebody types it into a spreadsheet whose texts stay texts."""
    return int(cell) if cell.isdecimal() else cell or None


KINDS = {"csv": as_csv, "xlsx": as_workbook, "parquet": as_parquet}


def write(folder, kind, rows, **study):
    """The study file beside one file of a kind."""
    name = f"patients.{kind}"
    path = write_plain(folder, data=DATA.replace("patients.csv", name), **study)
    (folder / "patients.csv").unlink()
    (folder / name).write_bytes(KINDS[kind](rows))
    return path


ROWS = plain_rows()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(changed("id", {9: ROWS[3][0]}), [("D031", "id", [4, 9])], id="50 the same identifier twice"),
        pytest.param(changed("id", {9: "1.23E+05"}), [("D103", "id", [9])], id="52 an identifier as a number"),
        pytest.param(changed("id", {9: "  ", 11: ""}), [("D030", "id", [9, 11])], id="50 no identifier"),
        pytest.param(twice, [("D010", "age", [1]), ("D007", "site", [])], id="61 the same heading twice"),
        pytest.param(changed("age", {1: "Age"}), [("D007", "age", [])], id="62 no such column"),
        pytest.param(with_rows((7, BLANK), (12, BLANK)), [("D011", "", [7, 12])], id="63 blank rows"),
        pytest.param(with_rows((42, ["Mean", "", "354", "0.6", "59", ""])), [("D017", "", [42])], id="63 totals"),
        pytest.param(with_rows((2, ROWS[0])), [("D015", "", [2])], id="64 two header rows"),
        pytest.param(with_rows((2, ["", "", "days", "", "years", ""])), [("D015", "", [2])], id="64 a row of units"),
        pytest.param(changed("age", {5: "NA", 8: "missing"}), [("D022", "age", [5, 8])], id="85 words for missing"),
        pytest.param(
            changed("age", {5: "<0.5", 8: "> 100"}), [("D025", "age", [5]), ("D025", "age", [8])],
            id="85 beyond a limit",
        ),
        pytest.param(changed("days", {5: "1,234.5"}), [("D026", "days", [5])], id="08 thousands"),
        pytest.param(changed("days", {5: "1'234", 6: "1 234"}), [("D026", "days", [5, 6])], id="08 other thousands"),
        pytest.param(changed("days", {5: "123,5"}), [("D020", "days", [5])], id="07 decimal comma"),
        pytest.param(changed("age", {5: "inf", 8: "-inf"}), [("D021", "age", [5, 8])], id="86 infinite"),
        pytest.param(changed("sex", {5: "x"}), [("D023", "sex", [5])], id="12 an unknown level"),
        pytest.param(changed("age", {5: "17", 8: "101"}), [("D024", "age", [5, 8])], id="84 out of range"),
    ],
)  # fmt: skip
def test_every_reader_refuses(kind, make, expected, tmp_path, capsys):
    rows = make()
    problems = refused(write(tmp_path / "study", kind, rows), capsys)
    assert [(one["code"], one["column"], one["rows"]) for one in problems] == expected
    assert all(one["file"].startswith(f"patients.{kind}") for one in problems)
    if kind == "xlsx":
        at = {name: get_column_letter(i + 1) for i, name in enumerate(rows[0])}
        for problem in problems:
            if problem["column"] and problem["rows"] and problem["code"] != "D010":
                assert problem["cells"] == [f"{at[problem['column']]}{row}" for row in problem["rows"]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("make", "code", "severity", "rows"),
    [
        pytest.param(changed("id", {9: ROWS[3][0] + " "}), "D102", "warning", [4, 9], id="51 a blank at the end"),
        pytest.param(changed("id", {9: ROWS[3][0].lower()}), "D102", "warning", [4, 9], id="51 another case"),
        pytest.param(with_index, "D014", "note", [1], id="68 row numbers"),
    ],
)
def test_every_reader_tells(kind, make, code, severity, rows, tmp_path, capsys):
    problem = the(completed(write(tmp_path / "study", kind, make(), more=CURVE), capsys).problems, code)
    assert (problem["severity"], problem["rows"]) == (severity, rows)
