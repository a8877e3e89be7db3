"""A waiver takes away only the rows that it names; an excluded patient leaves every table."""

import pytest
from data.study_files import read_study, with_cell
from hypothesis import given
from hypothesis import strategies as st

from survmodel.data.checks import check_tables
from survmodel.data.findings import Finding, FindingsError
from survmodel.data.waivers import Exclusion, FlowRow, Waiver, apply_waivers, exclude_patients
from survmodel.errors import ConfigError

LATE = Finding("D126", "last contact before death", "follow_up.csv", (4, 9), 2, 50, "x", table="follow_up")
WHOLE = Finding("D113", "a name", "patients.csv", column="name", table="patients")


def test_only_named_rows_are_waived():
    remaining, waived = apply_waivers([LATE, WHOLE], [Waiver("D126", (9,), "by telephone")])
    assert [(f.code, f.rows, f.n_rows) for f in remaining] == [("D126", (4,), 1), ("D113", (), 0)]
    assert [(item.finding.rows, item.finding.n_rows, item.reason) for item in waived] == [((9,), 1, "by telephone")]
    remaining, waived = apply_waivers([LATE], [Waiver("D126", (4,), "a"), Waiver("D126", (9,), "b")])
    assert remaining == ()
    assert [item.reason for item in waived] == ["a", "b"]


def test_a_finding_without_rows_is_waived_without_rows():
    assert apply_waivers([WHOLE], [Waiver("D113", (), "a study name")])[0] == ()
    remaining, _ = apply_waivers([LATE], [Waiver("D126", (), "all")])
    assert [f.code for f in remaining] == ["D126", "D150"]


@pytest.mark.parametrize(
    ("waiver", "rows"),
    [
        (Waiver("D126", (4, 5), "a"), (5,)),
        (Waiver("D127", (4,), "a"), (4,)),
        (Waiver("D126", (4,), "a", "scans"), (4,)),
        (Waiver("D113", (), "a", "scans"), ()),
    ],
)
def test_an_unused_waiver_is_an_error(waiver, rows):
    remaining, _ = apply_waivers([LATE, WHOLE], [waiver])
    assert [(f.code, f.rows, f.severity) for f in remaining if f.code == "D150"] == [("D150", rows, "error")]
    assert f"a waiver of {waiver.code}" in str(remaining[-1])


def test_a_waiver_of_a_table_leaves_the_others():
    other = Finding("D126", "last contact before death", "b.csv", (4,), 1, 50, table="scans")
    remaining, _ = apply_waivers([LATE, other], [Waiver("D126", (4, 9), "a", "follow_up")])
    assert remaining == (other,)


@given(st.sets(st.integers(2, 30), min_size=1), st.sets(st.integers(2, 30), min_size=1))
def test_rows_are_neither_lost_nor_made(found, named):
    finding = Finding("D126", "p", "a.csv", tuple(sorted(found)), len(found), 100)
    remaining, waived = apply_waivers([finding], [Waiver("D126", tuple(sorted(named)), "r")])
    left = {row for f in remaining if f.code == "D126" for row in f.rows}
    idle = {row for f in remaining if f.code == "D150" for row in f.rows}
    taken = {row for item in waived for row in item.finding.rows}
    assert (left, taken, idle) == (found - named, found & named, named - found)


@pytest.mark.parametrize("make", [lambda: Waiver("D126", (4,), " "), lambda: Exclusion("KEY-A1", "")])
def test_a_reason_is_required(make):
    with pytest.raises(ConfigError, match="reason"):
        make()


def test_a_waived_flaw_of_one_patient_does_not_block_the_others(tmp_path):
    tables = read_study(tmp_path, with_cell("follow_up", 3, "progression_date", "2021-02-10"))
    findings = check_tables(tables)
    assert [f.severity for f in findings] == ["error"]
    remaining, waived = apply_waivers(findings, [Waiver("D129", (3,), "confirmed by the hospital")])
    assert (remaining, len(waived)) == ((), 1)


def test_an_excluded_patient_leaves_every_table(tmp_path):
    tables = read_study(tmp_path, with_cell("follow_up", 3, "progression_date", "2021-02-10"))
    kept, flow = exclude_patients(
        tables,
        [Exclusion("KEY-A2", "consent withdrawn"), Exclusion("KEY-A4", "mis-dated"), Exclusion("KEY-A1", "mis-dated")],
    )
    assert {name: len(table) for name, table in kept.tables.items()} == {
        "patients": 1, "scans": 2, "lesions": 2, "therapy": 1, "follow_up": 1,
    }  # fmt: skip
    assert kept.places["lesions"].lines == (5, 6)
    assert kept.places["scans"].table == "scans"
    assert list(kept.tables["scans"].index) == [0, 1]
    assert flow == (FlowRow("consent withdrawn", 1, 3), FlowRow("mis-dated", 2, 1))
    assert len(tables.tables["patients"]) == 4
    assert not [f for f in check_tables(kept) if f.severity == "error"]


@pytest.mark.parametrize("name", ["KEY-A9", "key-a2", "KEY-A2 ", ""])
def test_an_exclusion_that_names_nobody_shows_no_identifier(tmp_path, name):
    with pytest.raises(FindingsError) as caught:
        exclude_patients(read_study(tmp_path), [Exclusion("KEY-A1", "a"), Exclusion(name, "wrong scan")])
    (finding,) = caught.value.findings
    assert finding.code == "D151"
    assert "exclusion 2 (wrong scan)" in str(finding)
    assert "KEY" not in str(caught.value).upper()
    assert "KEY" not in repr(Exclusion("KEY-A1", "a"))


def test_a_patient_is_excluded_once(tmp_path):
    with pytest.raises(FindingsError, match="excluded already"):
        exclude_patients(read_study(tmp_path), [Exclusion("KEY-A1", "a"), Exclusion("KEY-A1", "b")])
