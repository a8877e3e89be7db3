"""Classes 50 to 71 that one file can carry, and the reading of all files together."""

import contextlib
import datetime
import io

import numpy as np
import pandas as pd
import pytest
from data.study_files import FILES, checked, read_study, refused, with_cell, with_row, write_study
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survmodel.data.columns import Column
from survmodel.data.findings import FindingsError
from survmodel.data.schema import load_schema
from survmodel.data.tables import TableFile, read_tables
from survmodel.data.waivers import Waiver
from survmodel.errors import ConfigError


def codes(findings):
    return [(finding.code, finding.file, finding.column, finding.rows) for finding in findings]


def header(table, old, new):
    first, *rows = FILES[table]
    return {table: [first.replace(old, new), *rows]}


def test_a_clean_study_is_read_without_a_finding(tmp_path):
    tables = read_study(tmp_path)
    assert tables.findings == ()
    assert list(tables.tables) == ["patients", "scans", "lesions", "therapy", "follow_up"]
    patients = tables.tables["patients"]
    assert list(patients.columns) == [field.name for field in load_schema().table("patients").fields]
    assert patients["patient_id"].tolist() == ["KEY-A1", "KEY-A2", "KEY-A3", "KEY-A4"]
    assert patients["diagnosis_date"].dtype == "datetime64[ns]"
    assert patients["untreated"].dtype == "boolean"
    assert patients["untreated"].tolist() == [True, True, False, True]
    assert patients["entity"].tolist() == ["MZL", "FL", "MM", "MM"]
    assert patients["stage_ct"].isna().tolist() == [False, False, True, True]
    assert patients["index_group"].isna().all()
    assert tables.places["lesions"].lines == (2, 3, 4, 5, 6, 7)
    first = tables.files[0]
    assert (first.table, first.name, first.n_rows) == ("patients", "patients.csv", 4)
    assert all(len(file.sha256) == 64 and file.size > 0 for file in tables.files)


def test_birth_dates_stay_behind(tmp_path):
    patients = read_study(tmp_path).without_phi().tables["patients"]
    assert "birth_date" not in patients
    days = (pd.Timestamp(2021, 1, 11) - pd.Timestamp(1951, 2, 3)).days
    assert patients["age_years"].iloc[0] == days / 365.25


@pytest.mark.parametrize(
    ("change", "code", "table", "column", "rows", "words"),
    [
        (with_cell("patients", 3, "patient_id", "KEY-A1"), "D031", "patients", "patient_id", (2, 3), "more than once"),
        (with_cell("follow_up", 3, "patient_id", "KEY-A1"), "D031", "follow_up", "patient_id", (2, 3), "once"),
        (with_cell("scans", 4, "patient_id", ""), "D030", "scans", "patient_id", (4,), "missing"),
        (with_cell("scans", 2, "tracer", "CXCR-4"), "D023", "scans", "tracer", (2,), "did you mean 'cxcr4'?"),
        (with_cell("scans", 2, "tracer", "FDG "), "D023", "scans", "tracer", (2,), "did you mean 'fdg'?"),
        (with_cell("scans", 2, "tracer", "Pentixafor"), "D023", "scans", "tracer", (2,), "'cxcr4', 'fdg'"),
        (with_cell("scans", 2, "tracer", ""), "D032", "scans", "tracer", (2,), "every row needs it"),
        (with_cell("scans", 2, "tracer", "KEY-A1 2021-01-11"), "D023", "scans", "tracer", (2,), "not shown"),
        (with_cell("patients", 2, "sex", "femal"), "D023", "patients", "sex", (2,), "did you mean 'female' or"),
        (with_cell("patients", 2, "untreated", "y"), "D023", "patients", "untreated", (2,), "'yes'"),
        (with_cell("patients", 2, "ecog", "5"), "D024", "patients", "ecog", (2,), "0 to 4"),
        (with_cell("patients", 2, "ecog", "1.5"), "D021", "patients", "ecog", (2,), "not a whole number"),
        (with_cell("patients", 2, "diagnosis_date", "04.01.2021"), "D051", "patients", "diagnosis_date", (2,), ""),
        (with_cell("scans", 2, "scan_date", "2021-02-30"), "D054", "scans", "scan_date", (2,), "calendar"),
        (with_cell("scans", 2, "scan_date", ""), "D032", "scans", "scan_date", (2,), "every row needs it"),
        (with_cell("lesions", 2, "suvmax", "12,5"), "D020", "lesions", "suvmax", (2,), "decimal comma"),
        (with_cell("lesions", 2, "suvmax", "<0.5"), "D025", "lesions", "suvmax", (2,), "limit of detection"),
        (with_cell("lesions", 2, "suvmax", "ND"), "D022", "lesions", "suvmax", (2,), "Leave missing cells empty"),
        ({"patients": b""}, "D001", "patients", "", (), "empty"),
        ({"patients": [FILES["patients"][0]]}, "D002", "patients", "", (), "no rows"),
        ({"patients": FILES["patients"][1:]}, "D007", "patients", "", (1,), "header line"),
        ({"patients": ["", *FILES["patients"]]}, "D007", "patients", "", (1,), "header line"),
        (header("scans", "scan_date", "day"), "D007", "scans", "scan_date", (), "no such column"),
        (header("lesions", "suvpeak", "suvmax"), "D010", "lesions", "suvmax", (1,), "2 times"),
        (header("lesions", "suvmax,suvpeak", "suv_max,SUVmax"), "D013", "lesions", "suvmax", (1,), "two headings"),
        (with_row("patients", "", "x,y"), "D011", "patients", "", (6,), "blank"),
        (with_row("lesions", "Mean,,,,,11.8,9.8,7.2,15.5"), "D017", "lesions", "", (8,), "totals"),
        (with_row("lesions", "Total:,,,,,,,,93", "SD,,,,,1,1,1,1"), "D017", "lesions", "", (8, 9), "totals"),
        ({"lesions": [FILES["lesions"][0], "Lesion,scan,Region,,,[SUV],(SUV),SUV,mL", *FILES["lesions"][1:]]},
         "D015", "lesions", "", (2,), "second header"),
        (header("lesions", "suvpeak,suvmean", "suvpeak,"), "D016", "lesions", "", (1,), "column 8"),
        (with_row("scans", "SCAN-9,KEY-A4,fdg"), "D008", "scans", "", (10,), "3 cells"),
        ({"scans": [row.replace(",", ";") for row in FILES["scans"]]}, "D006", "scans", "", (1,), "looks like ';'"),
        (with_row("scans", '"SCAN-9,KEY-A4,fdg,,2021-01-01,A,2'), "D005", "scans", "", (10,), "quotation mark"),
    ],
)  # fmt: skip
def test_each_class_has_its_code_place_and_words(tmp_path, change, code, table, column, rows, words):
    found = refused(tmp_path, change)
    named = [finding for finding in found if finding.code == code]
    assert codes(named) == [(code, f"{table}.csv", column, rows)]
    assert words in str(named[0])
    assert named[0].table == table
    assert named[0].severity == "error"


def test_all_problems_of_all_files_come_at_once(tmp_path):
    found = refused(
        tmp_path,
        with_cell("patients", 2, "ecog", "9"),
        with_cell("scans", 3, "tracer", "fgd"),
        {"lesions": b'"'},
        with_cell("follow_up", 2, "last_contact_date", "x"),
    )
    assert [(finding.table, finding.code) for finding in found] == [
        ("lesions", "D005"), ("patients", "D024"), ("scans", "D023"), ("follow_up", "D060"),
    ]  # fmt: skip


def test_a_heading_is_understood_by_alias_and_case_with_a_note(tmp_path):
    tables = read_study(tmp_path, header("lesions", "suvmax", " SUV_max "), header("patients", "patient_id", "Patient"))
    assert [(f.code, f.severity, f.table, f.column) for f in tables.findings] == [
        ("D012", "note", "patients", "patient_id"), ("D012", "note", "lesions", "suvmax"),
    ]  # fmt: skip
    assert "'suv_max'" in str(tables.findings[1])
    assert tables.tables["lesions"]["suvmax"].iloc[0] == 12.5


def test_a_column_of_row_numbers_is_dropped_with_a_note(tmp_path):
    for heading, first in (("Unnamed: 0", 0), ("", 1)):
        rows = [f"{i},{row}" for i, row in enumerate(FILES["patients"][1:], start=first)]
        tables = read_study(tmp_path, {"patients": [f"{heading},{FILES['patients'][0]}", *rows]})
        assert [(f.code, f.severity) for f in tables.findings] == [("D014", "note")]
    rows = [f"9,{row}" for row in FILES["patients"][1:]]
    assert codes(refused(tmp_path, {"patients": [f",{FILES['patients'][0]}", *rows]}))[0][0] == "D016"


def test_a_patient_may_be_called_n(tmp_path):
    change = with_cell("patients", 2, "site", "Total")
    assert read_study(tmp_path, change).findings == ()


def test_a_value_outside_the_range_of_a_marker_is_a_warning(tmp_path):
    tables = read_study(tmp_path, with_cell("lesions", 2, "suvmax", "130"))
    assert [(f.code, f.severity, f.rows) for f in tables.findings] == [("D024", "warning", (2,))]
    assert tables.tables["lesions"]["suvmax"].iloc[0] == 130


def test_files_have_their_own_dialect(tmp_path):
    rows = [row.replace(",", ";").replace(".", ",") for row in FILES["lesions"]]
    files = write_study(tmp_path) | write_study(
        tmp_path, {"lesions": rows}, tables=["lesions"], delimiter=";", decimal=","
    )
    assert read_tables(files).tables["lesions"]["suvmax"].iloc[0] == 12.5


def test_a_date_format_holds_for_its_file(tmp_path):
    row = [FILES["scans"][0], "SCAN-1,KEY-A1,cxcr4,baseline,11.01.2021,A,1.9"]
    files = write_study(tmp_path) | write_study(tmp_path, {"scans": row}, tables=["scans"], date_format="%d.%m.%Y")
    assert read_tables(files).tables["scans"]["scan_date"].tolist() == [pd.Timestamp(2021, 1, 11)]


def test_no_date_lies_after_the_data_lock(tmp_path):
    lock = datetime.date(2024, 1, 31)
    found = refused(tmp_path, reading={"data_lock": lock})
    assert codes(found) == [("D055", "follow_up.csv", "last_contact_date", (5,))]


def test_extra_columns_stand_beside_those_of_the_schema(tmp_path):
    change = {"patients": [f"{row},{text}" for row, text in zip(FILES["patients"], ("grade", *"1221"), strict=True)]}
    grade = Column("grade", "integer", role="baseline", range=(1, 3))
    tables = read_study(tmp_path, change, reading={"extra": {"patients": [grade]}})
    assert tables.tables["patients"]["grade"].tolist() == [1, 2, 2, 1]
    assert tables.columns("patients")[-1] is grade
    assert codes(refused(tmp_path, reading={"extra": {"patients": [grade]}})) == [("D007", "patients.csv", "grade", ())]
    with pytest.raises(ConfigError, match="twice"):
        read_study(tmp_path, reading={"extra": {"patients": [Column("ecog", "integer")]}})
    with pytest.raises(ConfigError, match="no table 'patient'"):
        read_study(tmp_path, reading={"extra": {"patient": [grade]}})


@pytest.mark.parametrize(
    "name",
    ["Name", "patient_name", "LastName", "MRN", "ssn", "Phone", "home phone", "e-mail", "email", "address", "zip5",
     "DOB", "StudyInstanceUID", "accession_number", "Nachname"],
)  # fmt: skip
def test_columns_that_name_a_person_are_refused_unless_identifiers(tmp_path, name):
    change = {"patients": [f"{row},{text}" for row, text in zip(FILES["patients"], (name, *"abcd"), strict=True)]}
    found = refused(tmp_path, change, reading={"extra": {"patients": [Column(name, "text")]}})
    assert codes(found) == [("D113", "patients.csv", name, ())]
    identifier = Column(name, "identifier", role="identifier")
    assert name in read_study(tmp_path, change, reading={"extra": {"patients": [identifier]}}).tables["patients"]
    assert read_study(tmp_path, change).tables["patients"].shape[1] == len(load_schema().table("patients").fields)


@pytest.mark.parametrize("name", ["scanner_name", "regimen", "grade", "emailed", "unit", "trial_name"])
def test_other_names_are_accepted(tmp_path, name):
    change = {"patients": [f"{row},{text}" for row, text in zip(FILES["patients"], (name, *"abcd"), strict=True)]}
    assert read_study(tmp_path, change, reading={"extra": {"patients": [Column(name, "text")]}}).findings == ()


@pytest.mark.parametrize("cell", ["erika@example.org", "1.2.840.10008.5.1.4.1", "123-45-6789", "+49 931 201-0000"])
def test_cells_that_look_like_a_person_are_refused(tmp_path, cell):
    change = {
        "patients": [f"{row},{text}" for row, text in zip(FILES["patients"], ("note", "a", cell, "", "b"), strict=True)]
    }
    found = refused(tmp_path, change, reading={"extra": {"patients": [Column("note", "text")]}})
    assert codes(found) == [("D114", "patients.csv", "note", (3,))]
    assert cell not in str(found[0])


def test_a_waived_error_of_a_cell_does_not_stop_the_reading(tmp_path):
    change = with_cell("patients", 2, "ecog", "x")
    tables = read_study(tmp_path, change, reading={"waivers": [Waiver("D021", (2,), "not recorded", "patients")]})
    assert np.isnan(tables.tables["patients"]["ecog"].iloc[0])
    assert codes(tables.findings) == [("D021", "patients.csv", "ecog", (2,))]
    refused(tmp_path, change, reading={"waivers": [Waiver("D021", (3,), "not recorded", "patients")]})


def test_unknown_tables_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no table 'lesion'"):
        read_tables({"lesion": TableFile(tmp_path / "lesions.csv")})


def test_the_tables_need_no_particular_order_or_company(tmp_path):
    tables = read_study(tmp_path, tables=["scans"])
    assert list(tables.tables) == ["scans"]
    assert "birth_date" not in read_study(tmp_path, tables=["patients"]).without_phi().tables["patients"]


GOOD = {name: ("\n".join(rows) + "\n").encode() for name, rows in FILES.items()}
slow = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_refuse(folder, change):
    """Anything but the error for data, a warning included, fails the test."""
    with contextlib.suppress(FindingsError):
        checked(folder, change)


@slow
@given(st.sampled_from(sorted(GOOD)), st.binary(max_size=300))
def test_random_bytes_are_refused_as_data(tmp_path, table, junk):
    read_or_refuse(tmp_path, {table: junk})


@slow
@given(st.sampled_from(sorted(GOOD)), st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=4)), max_size=5))
def test_damaged_files_are_refused_as_data_or_read(tmp_path, table, damage):
    content = GOOD[table]
    for place, piece in damage:
        at = place % len(content)
        content = content[:at] + piece + content[at + len(piece) :]
    read_or_refuse(tmp_path, {table: content})


def cell_for(field, data):
    if field.type == "category":
        return data.draw(st.sampled_from([level.value for level in field.categories]))
    if field.type == "boolean":
        return data.draw(st.booleans())
    if field.type == "date":
        return data.draw(st.dates(datetime.date(1901, 1, 1), datetime.date(2100, 1, 1)))
    if field.type in {"integer", "number"}:
        low, high = field.range or (0, 1000)
        high = min(high, 10_000)
        if field.type == "integer":
            return data.draw(st.integers(int(low), int(high)))
        return data.draw(st.floats(low, high, allow_nan=False))
    return data.draw(st.text(alphabet="aäβ,;\"'\n =+-x9", min_size=1, max_size=8).filter(lambda text: text.strip()))


@slow
@given(st.data(), st.sampled_from([table.name for table in load_schema().tables]), st.integers(1, 5))
def test_what_is_written_is_read(tmp_path, data, table, n):
    fields = load_schema().table(table).fields
    written = {}
    for field in fields:
        values = [cell_for(field, data) for _ in range(n)]
        if field.type == "identifier":
            values = [f"{field.name} {i}" for i in range(n)]
        elif not field.required:
            values = [value if data.draw(st.booleans()) else None for value in values]
        written[field.name] = values
    frame = pd.DataFrame(written, dtype=object)
    out = io.StringIO()
    frame.to_csv(out, index=False)
    read = read_study(tmp_path, {table: out.getvalue()}, tables=[table]).tables[table]
    for field in fields:
        for value, cell in zip(written[field.name], read[field.name], strict=True):
            if value is None:
                assert pd.isna(cell)
            elif field.type == "date":
                assert cell.date() == value
            else:
                assert cell == value
