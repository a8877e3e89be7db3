"""Classes 32 to 36, 46 to 58, 69 to 79: rows and tables that contradict each other, each named by line of the file."""

import datetime

import pytest
from data.study_files import FILES, checked, read_study, shows_nothing, with_cell, with_row, without_row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survmodel.data.checks import CHECKS, check_tables
from survmodel.data.columns import Column
from survmodel.data.schema import load_schema
from survmodel.data.waivers import Exclusion, exclude_patients


def found(folder, *changes, **options):
    """The findings that the changed study has and the clean one has not."""
    return [(f.code, f.severity, f.table, f.column, f.rows) for f in checked(folder, *changes, **options)]


def test_the_clean_study_has_no_finding(tmp_path):
    assert checked(tmp_path) == ()


def volumes(factor):
    """The lesions of site south in another unit."""
    rows = [row.split(",") for row in FILES["lesions"]]
    more = [
        ["L3", "SCAN-3", "groin", "focal", "41pct", "9", "8", "7", "12"],
        ["L3", "SCAN-7", "groin", "focal", "41pct", "9", "8", "7", "10"],
    ]
    rows = [rows[0], *[[*row[:-1], str(float(row[-1]) * (factor if row[1] in {"SCAN-5", "SCAN-7"} else 1))]
                       for row in (*rows[1:], *more)]]  # fmt: skip
    return {"lesions": [",".join(row) for row in rows]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        # 32, 33, 34, 35, 36
        (with_cell("scans", 5, "scan_date", "2023-06-01"),
         [("D122", "error", "scans", "scan_date", (5,)), ("D131", "warning", "scans", "scan_date", (4, 5))]),
        (with_cell("follow_up", 3, "progression_date", "2023-06-01"),
         [("D126", "warning", "follow_up", "last_contact_date", (3,)),
          ("D127", "error", "follow_up", "progression_date", (3,))]),
        (with_cell("follow_up", 3, "last_contact_date", "2023-05-08"),
         [("D126", "warning", "follow_up", "last_contact_date", (3,))]),
        (with_cell("follow_up", 3, "vital_status", "alive"),
         [("D124", "error", "follow_up", "vital_status", (3,))]),
        (with_cell("follow_up", 3, "vital_status", "lost"),
         [("D124", "error", "follow_up", "vital_status", (3,))]),
        (with_cell("follow_up", 2, "vital_status", "dead"),
         [("D125", "error", "follow_up", "death_date", (2,))]),
        # 46, 48
        (with_cell("follow_up", 3, "progression_date", "2021-02-11"),
         [("D128", "warning", "follow_up", "progression_date", (3,))]),
        (with_cell("follow_up", 3, "progression_date", "2021-02-10"),
         [("D129", "error", "follow_up", "progression_date", (3,))]),
        # 47
        (with_cell("patients", 2, "diagnosis_date", "2021-01-12"),
         [("D121", "error", "patients", "diagnosis_date", (2,))]),
        ({"patients": [row.replace("2021-01-04,no", "2021-01-24,yes") for row in FILES["patients"]]},
         [("D121", "warning", "patients", "diagnosis_date", (2,))]),
        (with_cell("patients", 3, "birth_date", "2021-02-05"),
         [("D120", "error", "patients", "diagnosis_date", (3,))]),
        ({"patients": [row.replace("1961-02-03,2021-02-04", "2021-03-05,") for row in FILES["patients"]]},
         [("D120", "error", "patients", "birth_date", (3,))]),
        (with_cell("follow_up", 2, "last_contact_date", "2021-01-12"),
         [("D123", "error", "scans", "scan_date", (3,))]),
        (with_cell("therapy", 2, "therapy_date", "2021-01-10"),
         [("D130", "warning", "therapy", "therapy_date", (2,))]),
        (with_cell("scans", 3, "scan_date", "2021-01-26"),
         [("D131", "warning", "scans", "scan_date", (2, 3))]),
        (with_cell("scans", 3, "scan_date", "2021-01-25"), []),
        # 50, 55, 51
        (with_cell("lesions", 3, "lesion_id", "L1"),
         [("D101", "error", "lesions", "lesion_id", (2, 3))]),
        (with_row("patients", "KEY-A01,north,lymphoma,FL,,,,,,,,", "key‐a2 ,north,lymphoma,FL,,,,,,,,"),
         [("D102", "warning", "patients", "patient_id", (2, 3, 6, 7)),
          ("D106", "warning", "patients", "patient_id", (6, 7)),
           ("D106", "warning", "patients", "patient_id", (6, 7))]),
        # 52
        (with_row("patients", "1.23E+05,north,lymphoma,FL,,,,,,,,", "01-Mar,north,lymphoma,FL,,,,,,,,",
                  "2016-03-01 00:00:00,north,lymphoma,FL,,,,,,,,", "#REF!,north,lymphoma,FL,,,,,,,,"),
         [("D103", "error", "patients", "patient_id", (6, 7, 8, 9)),
          ("D106", "warning", "patients", "patient_id", (6, 7, 8, 9)),
          ("D106", "warning", "patients", "patient_id", (6, 7, 8, 9))]),
        # 53
        (with_cell("lesions", 3, "scan_id", "SCAN-99"),
         [("D104", "error", "lesions", "scan_id", (3,))]),
        (with_cell("therapy", 2, "patient_id", "key-a1"),
         [("D104", "error", "therapy", "patient_id", (2,))]),
        # 54
        (without_row("lesions", 4),
         [("D105", "warning", "patients", "patient_id", (3,))]),
        (without_row("follow_up", 4),
         [("D106", "warning", "patients", "patient_id", (4,))]),
        # 56, 58
        (with_cell("scans", 3, "tracer", "cxcr4"),
         [("D108", "error", "scans", "scan_role", (2, 3)), ("D109", "warning", "patients", "patient_id", (2,))]),
        (with_row("scans", "SCAN-9,KEY-A1,cxcr4,,2021-01-20,A,"),
         [("D108", "error", "scans", "scan_role", (2, 10))]),
        (with_row("scans", "SCAN-9,KEY-A1,cxcr4,interim,2021-04-20,A,"), []),
        (without_row("scans", 9),
         [("D109", "warning", "patients", "patient_id", (5,))]),
        # entity, 69
        (with_cell("patients", 2, "entity", "MM"),
         [("D110", "error", "patients", "entity", (2,))]),
        ({"patients": [row.replace("myeloma,MM,male", "leukemia,CLL,male") for row in FILES["patients"]]},
         [("D111", "warning", "patients", "disease_group", (4, 5))]),
        # 73
        (with_cell("lesions", 2, "region", "Neck "),
         [("D112", "warning", "lesions", "region", (2, 4))]),
        # 76, 78, 79
        (with_cell("lesions", 2, "suvmean", "12.6"),
         [("D140", "error", "lesions", "suvmean", (2,))]),
        (with_cell("lesions", 2, "suvpeak", "12.6"),
         [("D140", "error", "lesions", "suvpeak", (2,))]),
        (with_cell("lesions", 2, "suvmean", "0"),
         [("D141", "warning", "lesions", "suvmean", (2,))]),
        (with_cell("scans", 2, "liver_suvmean", "0"),
         [("D141", "warning", "scans", "liver_suvmean", (2,))]),
        (volumes(1000), [("D142", "warning", "lesions", "volume_ml", (5, 6, 7, 9))]),
        (volumes(10), []),
        (with_cell("lesions", 2, "volume_ml", "-1"),
         [("D143", "error", "lesions", "volume_ml", (2,))]),
    ],
)  # fmt: skip
def test_each_contradiction_has_its_code_and_place(tmp_path, change, expected):
    assert found(tmp_path, change) == expected


def test_activity_concentrations_are_no_suv(tmp_path):
    rows = [row.split(",") for row in FILES["lesions"]]
    rows = [rows[0], *[[*row[:5], *(str(float(x) * 1000) for x in row[5:8]), row[8]] for row in rows[1:]]]
    codes = found(tmp_path, {"lesions": [",".join(row) for row in rows]})
    assert [(code, column) for code, _, _, column, _ in codes] == [
        ("D144", "suvmax"), ("D144", "suvpeak"), ("D144", "suvmean"),
    ]  # fmt: skip


def test_a_reference_says_how_many_are_near(tmp_path):
    (finding,) = checked(tmp_path, with_cell("therapy", 2, "patient_id", "key-a01"))
    assert "1 would be found but for case, blanks, zeros or dashes" in str(finding)


def test_a_pair_is_counted(tmp_path):
    (finding,) = checked(tmp_path, without_row("scans", 9))
    assert "3 patients have both tracers" in str(finding)


def test_dates_after_a_lock_that_was_not_used_in_reading(tmp_path):
    tables = read_study(tmp_path)
    findings = check_tables(tables, datetime.date(2024, 1, 31))
    assert [(f.code, f.table, f.column, f.rows) for f in findings] == [("D055", "follow_up", "last_contact_date", (5,))]
    shows_nothing(str(findings[0]))


def test_identifiers_beside_the_schema_have_no_spellings(tmp_path):
    change = {
        "patients": [f"{row},{text}" for row, text in zip(FILES["patients"], ("key", "a", "A", "b", "c"), strict=True)]
    }
    key = Column("key", "identifier", role="identifier")
    assert check_tables(read_study(tmp_path, change, reading={"extra": {"patients": [key]}})) == ()


@pytest.mark.parametrize("table", FILES)
def test_checks_do_without_tables_that_were_not_brought(tmp_path, table):
    assert not [f for f in check_tables(read_study(tmp_path, tables=[table])) if f.severity == "error"]
    others = [name for name in FILES if name != table]
    assert not [f for f in check_tables(read_study(tmp_path, tables=others)) if f.severity == "error"]


def test_checks_stand_empty_tables(tmp_path):
    tables = read_study(tmp_path)
    gone, flow = exclude_patients(tables, [Exclusion(f"KEY-A{i}", "withdrawn") for i in range(1, 5)])
    assert check_tables(gone) == ()
    assert (flow[0].n_patients, flow[0].n_left) == (4, 0)
    assert gone.without_phi().tables["patients"].empty


def test_checks_stand_tables_with_required_columns_only(tmp_path):
    changes = []
    for name, rows in FILES.items():
        grid = [row.split(",") for row in rows]
        required = [i for i, field in enumerate(grid[0]) if load_schema().table(name).field(field).required]
        changes.append({name: [",".join(row[i] for i in required) for row in grid]})
    findings = checked(tmp_path, *changes)
    assert [(f.code, f.column, f.rows) for f in findings] == [("D125", "death_date", (3,))]


def test_no_check_changes_a_table(tmp_path):
    tables = read_study(tmp_path)
    before = {name: table.copy() for name, table in tables.tables.items()}
    check_tables(tables)
    assert all(table.equals(before[name]) for name, table in tables.tables.items())


def test_every_check_is_listed_once():
    functions = [check for check, _ in CHECKS]
    modules = {function.__module__ for function in functions}
    defined = {
        value
        for module in modules
        for name, value in vars(__import__(module, fromlist=["x"])).items()
        if name.startswith("check_")
    }
    assert len(functions) == len(set(functions))
    assert defined == set(functions)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_order_of_rows_changes_nothing_but_the_lines(tmp_path, data):
    change = with_cell("follow_up", 3, "progression_date", "2021-02-10")
    plain = sorted(f.code for f in checked(tmp_path, change, with_cell("lesions", 2, "suvmean", "12.6")))
    files = {**FILES, **change, **with_cell("lesions", 2, "suvmean", "12.6")}
    shuffled = {name: [rows[0], *data.draw(st.permutations(rows[1:]))] for name, rows in files.items()}
    findings = checked(tmp_path, shuffled)
    assert sorted(f.code for f in findings) == plain
    for finding in findings:
        (line,) = finding.rows
        assert shuffled[finding.table][line - 1] in files[finding.table]
        assert ("KEY-A2" in shuffled[finding.table][line - 1]) or finding.table == "lesions"
