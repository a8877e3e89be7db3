"""Cells of whole studies changed at random: reading, checking and joining give findings, and nothing else escapes."""

from __future__ import annotations

import csv

import pytest
from bad_input.study_files import (
    CANONICAL_FILES,
    CURVE,
    MODEL,
    OS,
    PFS,
    as_lines,
    plain_rows,
    write_canonical,
    write_plain,
)
from data.fuzzing import LISTED, fuzz
from hypothesis import given
from hypothesis import strategies as st

from survmodel.study.preparation import check_study

TABLES = {name: [list(row) for row in csv.reader(rows)] for name, rows in CANONICAL_FILES.items()}
MARKERS = """
[[marker]]
name = "cxcr4_suvmax"
role = "primary"
endpoint = "pfs"

[model.uptake]
kind = "cox"
endpoint = "pfs"
formula = "log2(cxcr4_suvmax) + sex"
"""
#: What people write into cells, and what programs do.
CELLS = st.one_of(
    st.sampled_from(
        ("| |NA|0|1|2|-1|-9|99|999|1e308|1e-308|-0.0|nan|inf|<0.5|1,5|yes|no|female|male|f|m|dead|alive|lost|cxcr4|fdg|"
         "baseline|interim|lymphoma|myeloma|leukemia|MM|FL|CLL|other|north|41pct|SCAN-1|SCAN-9|KEY-A1|KEY-A9|KEY-0003|"
         "L1|2021-01-11|2021-01-10|1951-02-03|2023-05-09|2024-06-30|2031-01-01|1900-01-01|2021|01/02/2021|44240|"
         "2021-02-30|2021-03-01T10:00|positive|negative|\u202e|" + "x" * 300).split("|")
    ),
    st.integers().map(str), st.floats().map(repr), st.dates().map(str),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)  # fmt: skip


def found(study):
    """The findings of a check, each with a code of the dictionary and a place in its file."""
    findings = check_study(study).findings
    for finding in findings:
        assert finding.code in LISTED, finding
        assert str(finding)
        if finding.file:
            lines = len((study.parent / finding.file).read_bytes().splitlines())
            assert all(1 <= row <= lines + 600 for row in finding.rows), finding
    return findings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


@st.composite
def changed(draw, tables):
    """The tables with a few cells changed, most of them to what another row of the column holds, or a row repeated."""
    copy = {name: [list(row) for row in rows] for name, rows in tables.items()}
    for _ in range(draw(st.integers(1, 4))):
        rows = copy[draw(st.sampled_from(sorted(copy)))]
        line, column = draw(st.integers(1, len(rows) - 1)), draw(st.integers(0, len(rows[0]) - 1))
        kind = draw(st.sampled_from(["other", "other", "empty", "any", "any", "repeat", "remove", "heading", "whole"]))
        if kind == "other":
            rows[line][column] = rows[draw(st.integers(1, len(rows) - 1))][column]
        elif kind == "repeat":
            rows.append(list(rows[line]))
        elif kind == "remove" and len(rows) > 2:
            del rows[line]
        elif kind == "heading":
            rows[0][column] = draw(CELLS)
        elif kind == "whole":
            cell = draw(CELLS)
            for row in rows[1:]:
                row[column] = cell
        else:
            rows[line][column] = "" if kind == "empty" else draw(CELLS)
    return {name: as_lines(rows) for name, rows in copy.items()}


@fuzz(60)
@given(tables=changed(TABLES), endpoint=st.sampled_from([PFS, OS]))
def test_cells_of_canonical_tables(folder, tables, endpoint):
    found(write_canonical(folder / "canonical", tables, endpoint=endpoint, more=MARKERS if endpoint is PFS else ""))


@fuzz(60)
@given(tables=changed({"patients": plain_rows()}))
def test_cells_of_a_plain_table(folder, tables):
    more = MODEL.replace('"age"', '"log2(age) + sex + site"') + CURVE
    found(write_plain(folder / "plain", tables["patients"], more=more))
