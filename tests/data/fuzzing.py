"""What the fuzz tests share: damaged copies of good files, and what may come of reading one."""

from __future__ import annotations

import functools
import io
import os
import re
import zipfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from survmodel.data.columns import Column
from survmodel.data.findings import FindingsError

#: How many times as many examples as in an ordinary test run; `make fuzz` sets it, and then draws new ones each time.
FACTOR = int(os.environ.get("SURVMODEL_FUZZ", "1"))
LISTED = set(
    re.findall(r"\b[DES][0-9]{3}\b", (Path(__file__).parents[2] / "data_schema" / "head.md").read_text("utf-8"))
)
COLUMNS = (
    Column("id", "identifier", role="identifier"),
    Column("time", "integer", role="outcome"),
    Column("age", "number", unit="years", missing=("NA",), range=(0.0, 120.0)),
    Column("sex", "category", levels=(("0", "female"), ("1", "male"))),
    Column("ill", "boolean", optional=True),
    Column("seen", "date", optional=True),
    Column("remark", "text", aliases=("comment",), optional=True),
)
HEADER = [column.name for column in COLUMNS]
ROWS = [
    ["§KEY-1", "5", "61.5", "0", "yes", "1987-02-03", "a"],
    ["§KEY-2", "7", "NA", "1", "no", "1987-03-04", 'b "c"'],
    ["§KEY-3", "9", "", "0", "", "", "d, e"],
]


#: Their remedies list headings or sheets of the file, which damage may turn into anything.
SHOW_HEADINGS = {"D007", "D010", "D071"}


def fuzz(examples):
    """Settings of a fuzz test: the same examples in every run, and as many new ones as `make fuzz` asks for."""
    return settings(
        deadline=None,
        derandomize=FACTOR == 1,
        database=None,
        max_examples=examples * FACTOR,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def damaged(draw, sources):
    """One of the sources with bytes flipped, deleted, inserted, cut off or repeated."""
    data = bytearray(draw(st.sampled_from(sources)))
    for _ in range(draw(st.integers(1, 4))):
        # Not only at the beginning, where small numbers lie.
        start = int(draw(st.floats(0, 1)) * len(data))
        stop = min(len(data), start + draw(st.integers(1, 40)))
        kind = draw(st.sampled_from(["flip", "delete", "insert", "cut", "repeat", "words"]))
        if kind == "flip" and start < len(data):
            data[start] ^= draw(st.integers(1, 255))
        elif kind == "delete":
            del data[start:stop]
        elif kind == "insert":
            data[start:start] = draw(st.binary(max_size=8))
        elif kind == "cut":
            del data[start + (len(data) - start) * 3 // 4 :]
        elif kind == "repeat":
            data[stop:stop] = data[start:stop] * draw(st.integers(1, 3))
        elif kind == "words":
            data[start:start] = draw(st.sampled_from(WORDS))
    return bytes(data)


#: Pieces that mean something to one format or another.
WORDS = (
    b'"', b'""', b"\r", b"\n\n", b",,,", b";", b"\t", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\xed\xa0\x80",
    b"NaN", b"inf", b"1e999", b"-1", b"99999999999999999999", b"<0.5", b"1.234,5", b"#N/A", b"=1+1",
    b"9" * 5000, b"<", b"</", b"&a;", b"&#55296;", b"<!DOCTYPE a>", b"<![CDATA[",
    b"<c/>", b"<row/>", b'r="A0"', b'r="ZZZ9"',
    b't="e"', b't="s"', b"<v>1e400</v>", b"<f/>", b"[", b"]", b"[[", b"{", b"'''", b"\\u0000", b"true", b"1979-05-27",
)  # fmt: skip


def looked_at(read, *, lines=None):
    """Read; what comes is a file whose findings are in order, or nothing but an error of findings that are."""
    try:
        found = read()
        findings = found.findings
        assert len(found.table) == len(found.lines)
    except FindingsError as error:
        found, findings = None, error.findings
        assert findings
    for finding in findings:
        text = str(finding)
        assert finding.code in LISTED, text
        assert finding.severity in {"error", "warning", "note"}
        assert finding.severity != "error" or finding.problem
        assert all(1 <= row <= (lines or 10**9) for row in finding.rows), text
        assert len(finding.rows) <= finding.n_rows
        if finding.code not in SHOW_HEADINGS:
            assert "§" not in text, text
            # A number may be 1987 by chance, and is shown.
            assert "1987" not in text or finding.column not in {"seen", ""}, text
    return found


@functools.cache
def archive_parts(content):
    """The parts of a zipped file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()
