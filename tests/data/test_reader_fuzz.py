"""Whatever bytes a file holds, a reader gives values or findings, and nothing else escapes."""

from __future__ import annotations

import contextlib
import csv
import datetime
import functools
import io
import json
import tomllib

import pandas as pd
import pytest
from data.fuzzing import COLUMNS, HEADER, ROWS, archive_parts, damaged, fuzz, looked_at, zipped
from hypothesis import assume, given
from hypothesis import strategies as st
from openpyxl import Workbook

from survmodel.data.dates import DateRule
from survmodel.data.readers.delimited import scan_delimited
from survmodel.data.readers.excel import scan_workbook
from survmodel.errors import ConfigError
from survmodel.study.config import read_study
from survmodel.study.example import write_example

ENCODINGS = ("utf-8", "utf-16", "cp1252", "cp1250", "iso-8859-1", "iso-8859-15", "gbk", "gb18030")
RULES = (DateRule(), DateRule("%d.%m.%Y"), DateRule(excel=1900), DateRule(lock=datetime.date(2024, 1, 1)))


def as_text(delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([HEADER, *ROWS])
    return out.getvalue()


TEXTS = [
    *(as_text(mark).encode(encoding) for mark in ",;" for encoding in ("utf-8-sig", "utf-16", "gb18030")),
    as_text().encode(),
    as_text("\t").replace("61.5", "61,5").replace("\n", "\r\n").encode(),
    as_text().replace("\n", "\r").encode("utf-16-le"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


@fuzz(300)
@given(
    content=st.binary(max_size=400) | damaged(TEXTS),
    encoding=st.sampled_from(ENCODINGS),
    delimiter=st.sampled_from(",;\t|, é"),
    decimal=st.sampled_from(".,"),
    dates=st.sampled_from(RULES),
)
def test_bytes_as_delimited_text(folder, content, encoding, delimiter, decimal, dates):
    path = written(folder, "a.csv", content)
    looked_at(
        lambda: scan_delimited(
            path, COLUMNS, encoding=encoding, delimiter=delimiter, decimal=decimal, dates=dates, table="patients"
        )
    )


#: Cells of any kind: those that mean something, and any text of any category of characters.
CELLS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0§"), max_size=12),
    st.sampled_from([
        "", " ", "NA", "n/a", "#N/A", "<0.5", ">100", "1.234,5", "1 234", "1e400", "-0", "inf", "٣", "²", "½", "0", "1",
        "yes", "ja", "true", "TRUE", "01.02.2016", "2016-02-30", "2016", "42370", "9999-12-31", "1.23E+05", "=1+1",
        "\u202egnp.exe", "a\rb", "a\nb", "\ufeff", "mean", "total", "e", "E5", "+", "-", ".", ",", "0x1F", "1_000",
    ]),
    st.floats().map(repr),
    st.integers().map(str),
    st.dates().map(str),
    st.datetimes().map(str),
)  # fmt: skip
PRIVATE = {"id": "§{}", "seen": "1987{}"}


@st.composite
def grids(draw):
    """Rows of cells under the header; whatever stands in an identifier or a date has a mark."""
    rows = draw(st.lists(st.tuples(*([CELLS] * len(HEADER))), min_size=1, max_size=6))
    return [
        [PRIVATE.get(name, "{}").format(cell) for name, cell in zip(HEADER, row, strict=True)]
        for row in rows
    ]  # fmt: skip


@fuzz(250)
@given(rows=grids(), decimal=st.sampled_from(".,"), dates=st.sampled_from(RULES))
def test_cells_of_every_kind_under_every_type(folder, rows, decimal, dates):
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\n").writerows([HEADER, *rows])
    path = written(folder, "a.csv", out.getvalue().encode())
    lines = out.getvalue().count("\n") + out.getvalue().count("\r")
    file = looked_at(lambda: scan_delimited(path, COLUMNS, delimiter=";", decimal=decimal, dates=dates), lines=lines)
    if file is None:
        return
    assert list(file.table["id"]) == [row[0] for row in rows[: len(file.table)]]
    problems = {(one.column, row) for one in file.findings for row in one.rows}
    for name, i in zip(HEADER, range(len(HEADER)), strict=True):
        for line, row, value in zip(file.lines, rows, file.table[name], strict=False):
            gone = row[i].strip() in {"", *next(one for one in COLUMNS if one.name == name).missing}
            # A cell that is not missing is a value, or there is a finding about it.
            assert not pd.isna(value) or gone or (name, line) in problems, (name, row[i])
            assert not gone or pd.isna(value) or name == "id"


@functools.cache
def workbook():
    """A workbook with numbers, texts, dates, truth values, a formula, merged cells and two sheets."""
    book = Workbook()
    sheet = book.active
    sheet.title = "one"
    sheet.append(HEADER)
    sheet.append(["§KEY-1", 5, 61.5, 0, True, datetime.date(1987, 2, 3), "a"])
    sheet.append(["§KEY-2", 7, "NA", 1, False, datetime.datetime(1987, 2, 3, 4, 5), "=1+1"])
    sheet.append(["§KEY-3", 9, None, "0", None, "1987-02-04", "#N/A"])
    sheet.merge_cells("I1:J2")
    book.create_sheet("two").append(["x"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_workbook(folder, content, sheet="one"):
    path = written(folder, "a.xlsx", content)
    return looked_at(lambda: scan_workbook(path, COLUMNS, sheet=sheet, table="patients"))


@fuzz(250)
@given(content=st.binary(max_size=200) | damaged([workbook()]), sheet=st.sampled_from(["one", None, "two", "é"]))
def test_bytes_as_a_workbook(folder, content, sheet):
    read_workbook(folder, content, sheet)


@fuzz(250)
@given(data=st.data())
def test_xml_of_a_workbook(folder, data):
    parts = archive_parts(workbook())
    names = [name for name in parts if "docProps" not in name and "theme" not in name]
    name = data.draw(st.sampled_from([*names, *["xl/worksheets/sheet1.xml"] * 5]))
    part = data.draw(damaged([parts[name]]) | st.none())
    kept = {other: content for other, content in parts.items() if other != name or part is not None}
    read_workbook(folder, zipped(kept | ({name: part} if part is not None else {})))


FORMATS = ("General", "yyyy-mm-dd", "hh:mm", "[h]:mm:ss", "dd/mm/yyyy hh:mm", "0%", "@", "#,##0", "mmm-yy", "0;[Red]-0")
TYPED = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**18), 10**18), st.floats(allow_nan=False), st.dates(), st.datetimes(),
    st.times(), st.timedeltas(datetime.timedelta(0), datetime.timedelta(10**6)), st.floats(-1e5, 1e7),
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="§\ufffe\uffff"), max_size=9),
)  # fmt: skip


@fuzz(60)
@given(
    rows=st.lists(st.lists(st.tuples(TYPED, st.sampled_from(FORMATS)), min_size=7, max_size=7), min_size=1, max_size=3)
)
def test_typed_cells_of_a_workbook(folder, rows):
    book = Workbook()
    book.active.title = "one"
    book.active.append(HEADER)
    for i, row in enumerate(rows, start=2):
        for j, (value, form) in enumerate(row, start=1):
            cell = book.active.cell(i, j)
            cell.value, cell.number_format = value, form
    out = io.BytesIO()
    try:
        book.save(out)
    except (OverflowError, ValueError):
        # A date before the first one of a spreadsheet cannot be written.
        assume(False)
    read_workbook(folder, out.getvalue())


@functools.cache
def parquet_files():
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pd.DataFrame(dict(zip(HEADER, zip(*ROWS, strict=True), strict=True)))
    typed = table.assign(
        time=[5, 7, 9], age=[61.5, None, 2.0], ill=[True, False, None], seen=pd.to_datetime(table["seen"])
    )
    zoned = typed.assign(seen=typed["seen"].dt.tz_localize("Europe/Vienna"))
    found = []
    for frame in (table, typed, zoned):
        for compression in ("none", "snappy", "zstd"):
            out = io.BytesIO()
            parquet.write_table(pyarrow.Table.from_pandas(frame), out, compression=compression)
            found.append(out.getvalue())
    return found


@fuzz(300)
@given(data=st.data())
def test_bytes_as_a_parquet_file(folder, data):
    pytest.importorskip("pyarrow")
    from survmodel.data.readers.parquet import scan_parquet

    content = data.draw(st.binary(max_size=100).map(lambda some: b"PAR1" + some + b"PAR1") | damaged(parquet_files()))
    path = written(folder, "a.parquet", content)
    looked_at(lambda: scan_parquet(path, COLUMNS, table="patients"))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = write_example(tmp_path_factory.mktemp("example"))
    return path, path.read_bytes()


def opened(path, content):
    """Read a study file whose data files stand beside it; only what its author can mend may escape."""
    other = path.with_name("other.toml")
    other.write_bytes(content)
    with contextlib.suppress(ConfigError):
        read_study(other)


@fuzz(200)
@given(data=st.data())
def test_bytes_as_a_study_file(study, data):
    path, good = study
    opened(path, data.draw(damaged([good]) | st.binary(max_size=100) | st.text(max_size=100).map(str.encode)))


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.times(), st.just(""), st.just("os"),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text("ab1", max_size=3), inside),
    max_leaves=4,
)


def as_toml(value):
    """Write a value as TOML; a key that is None is left out."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key)} = {as_toml(one)}" for key, one in value.items() if one is not None]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_toml(one) for one in value if one is not None) + "]"
    if isinstance(value, str):
        # Written letter for letter but for what TOML forbids: JSON would write pairs of surrogates.
        return '"' + "".join(f"\\u{ord(c):04x}" if c < " " or c in '"\\\x7f' else c for c in value) + '"'
    return (
        json.dumps(value) if isinstance(value, bool | int) else repr(value) if isinstance(value, float) else str(value)
    )


def branches(value, path=()):
    """Walk through every place of a tree of tables and arrays."""
    for key, inside in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(inside, dict | list):
            yield from branches(inside, (*path, key))


@fuzz(250)
@given(data=st.data())
def test_settings_of_other_types(study, data):
    path, good = study
    settings = tomllib.loads(good.decode())
    for _ in range(data.draw(st.integers(1, 3))):
        *above, last = data.draw(st.sampled_from(sorted(branches(settings), key=str)))
        place = functools.reduce(lambda inside, key: inside[key], above, settings)
        if isinstance(place, dict) and data.draw(st.booleans()):
            place[data.draw(st.sampled_from([str(last) + "x", "é", "cuts", "path", "levels", "first", "kind"]))] = (
                place[last]
            )
        place[last] = data.draw(VALUES)
    opened(path, "\n".join(f"{key} = {as_toml(one)}" for key, one in settings.items() if one is not None).encode())
