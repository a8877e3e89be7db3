"""Exports of REDCap projects: the tables of the hand-written files, and every way in which an export is wrong."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from data.study_files import FILES

from survmodel.data.columns import Column
from survmodel.data.findings import FindingsError
from survmodel.data.readers.redcap import RedcapSource
from survmodel.data.schema_location import schema_folder
from survmodel.data.tables import TableFile, scan_tables

HERE = Path(__file__).parent / "redcap"
OWN = schema_folder() / "redcap_dictionary.csv"
CLINIC = HERE / "clinic_dictionary.csv"
FORMS = {"patients": ("demographics", "pathology"), "scans": ("pet_scan",), "follow_up": ("outcome",)}
VARIABLES = {
    "patients": (("sex", "gender"), ("birth_date", "dob"), ("disease_group", "dx_group")),
    "scans": (("scan_id", "pet_no"), ("tracer", "pet_tracer"), ("scan_date", "pet_dt"), ("liver_suvmean", "liver")),
    "follow_up": (("vital_status", "status"), ("last_contact_date", "seen_dt"), ("death_date", "dead_dt")),
}
EXTRA = {
    "patients": (
        Column("symptoms___1", "boolean", optional=True),
        Column("ldh", "number", unit="U/L", optional=True),
    )
}


def own_files(export, tables=FILES):
    return {name: TableFile(export, redcap=RedcapSource(OWN, (name,), is_first=name == "patients")) for name in tables}


def clinic_files(export, dictionary=CLINIC, tables=("patients", "scans", "follow_up"), **changes):
    return {
        name: TableFile(
            export,
            redcap=RedcapSource(
                dictionary, changes.get("forms", FORMS)[name], changes.get("variables", VARIABLES)[name], ("UNK", "9"),
                changes.get("levels", (("tracer", "1", "cxcr4"),)), is_first=name == "patients",
            ),
        )
        for name in tables
    }  # fmt: skip


def written(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, "utf-8", newline="")
    return path


def changed(tmp_path, source, *cells, drop=()):
    """A copy of an export with cells changed (line, heading, text) and columns left out."""
    rows = list(csv.reader(io.StringIO((HERE / source).read_text("utf-8"))))
    for line, heading, text in cells:
        at = heading if isinstance(heading, int) else rows[0].index(heading)
        rows[line - 1][at] = text
    keep = [i for i, heading in enumerate(rows[0]) if heading not in drop]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([row[i] for i in keep] for row in rows)
    return written(tmp_path, "export.csv", out.getvalue())


def findings_of(files, extra=None):
    try:
        return scan_tables(files, extra=extra).findings
    except FindingsError as error:
        return error.findings


def told(findings, code):
    return [(one.rows, one.column, one.table) for one in findings if one.code == code]


# Exports of a project that was made from the dictionary of survmodel


@pytest.mark.parametrize("export", ["own_raw.csv", "own_labels.csv"])
def test_raw_and_labelled_exports_give_the_tables_of_the_files(tmp_path, export):
    files = {name: TableFile(written(tmp_path, f"{name}.csv", "\n".join(lines))) for name, lines in FILES.items()}
    wanted, read = scan_tables(files), scan_tables(own_files(HERE / export))
    for name in FILES:
        pd.testing.assert_frame_equal(read.tables[name], wanted.tables[name])
    assert read.findings == ()
    assert read.places["lesions"].lines == (5, 6, 11, 15, 16, 21)
    assert read.places["follow_up"].lines == (2, 8, 12, 18)
    assert read.files[0].name == export


def test_findings_name_line_and_canonical_column(tmp_path):
    export = changed(tmp_path, "own_raw.csv", (5, "lesions_suvmax", "high"), (8, "last_contact_date", "09.05.2023"))
    findings = findings_of(own_files(export))
    assert told(findings, "D021") == [((5,), "suvmax", "lesions")]
    assert told(findings, "D051") == [((8,), "last_contact_date", "follow_up")]
    assert {one.file for one in findings} == {"export.csv"}


def test_raw_headings_with_labels_in_the_cells_are_read(tmp_path):
    export = changed(tmp_path, "own_raw.csv", *((line, "patients_sex", "Male") for line in (2, 8, 12, 18)))
    assert list(scan_tables(own_files(export)).tables["patients"]["sex"]) == ["male"] * 4


def test_a_required_column_that_the_export_lacks_is_found(tmp_path):
    export = changed(tmp_path, "own_raw.csv", drop=("scans_tracer",))
    assert told(findings_of(own_files(export)), "D007") == [((1,), "tracer", "scans")]


def test_forms_that_are_not_complete_are_noted(tmp_path):
    export = changed(tmp_path, "own_raw.csv", (3, "scans_complete", "0"), (9, "scans_complete", "1"))
    findings = findings_of(own_files(export))
    assert told(findings, "D098") == [((3, 9), "scans_complete", "scans")]
    assert {one.severity for one in findings} == {"note"}
    labels = changed(tmp_path, "own_labels.csv", (3, 21, "Incomplete"))
    assert told(findings_of(own_files(labels)), "D098") == [((3,), "scans_complete", "scans")]


def test_instances_without_a_value_are_left_out_with_a_note(tmp_path):
    cells = [(7, name, "") for name in ("therapy_therapy_date", "therapy_regimen", "therapy_kind", "therapy_line")]
    tables = scan_tables(own_files(changed(tmp_path, "own_raw.csv", *cells)))
    assert told(tables.findings, "D099") == [((7,), "", "therapy")]
    assert tables.places["therapy"].lines == (17,)


def test_an_unknown_instrument_is_found(tmp_path):
    export = changed(tmp_path, "own_raw.csv", (3, "redcap_repeat_instrument", "scan"))
    findings = findings_of(own_files(export, ["scans"]))
    assert [(one.code, one.rows) for one in findings] == [("D093", (3,))]
    assert "Did you mean 'scans'?" in str(findings[0])
    shifted = changed(tmp_path, "own_raw.csv", (3, "redcap_repeat_instrument", "Jane Roe"))
    assert "Roe" not in str(findings_of(own_files(shifted, ["scans"]))[0])


# A longitudinal project of somebody else


def test_a_project_with_other_names_gives_the_tables_of_the_files():
    read = scan_tables(clinic_files(HERE / "clinic_raw.csv"), extra=EXTRA)
    extra = {"patients": (Column("fever", "boolean"), Column("ldh", "number", optional=True))}
    wanted = scan_tables({name: TableFile(HERE / f"clinic_{name}.csv") for name in FORMS}, extra=extra)
    for name in FORMS:
        frame = wanted.tables[name].rename(columns={"fever": "symptoms___1"})
        pd.testing.assert_frame_equal(read.tables[name], frame)
    assert read.places["patients"].lines == (2, 6, 9)
    assert read.places["follow_up"].lines == (5, 8, 11)


def test_notes_of_the_project_are_told_once():
    findings = scan_tables(clinic_files(HERE / "clinic_raw.csv"), extra=EXTRA).findings
    assert told(findings, "D097") == [((1,), "", "")]
    assert told(findings, "D099") == [((1,), "site", "patients")]
    assert told(findings, "D098") == [((6,), "pathology_complete", "patients"), ((7,), "pet_scan_complete", "scans")]
    assert {one.severity for one in findings} == {"note"}


def test_labels_of_another_project_are_read_where_they_are_unique():
    tables = scan_tables(clinic_files(HERE / "clinic_labels.csv", tables=["patients"]), extra=EXTRA).tables
    row = tables["patients"].iloc[0]
    assert (row["sex"], row["entity"], row["site"]) == ("female", "MZL", "north")
    assert (bool(row["confirmed"]), bool(row["symptoms___1"]), row["ldh"]) == (True, True, 210.5)


def test_labels_that_are_not_unique_are_refused():
    findings = findings_of(clinic_files(HERE / "clinic_labels.csv", tables=["scans"]))
    assert told(findings, "D096") == [((1,), "scan_date", "scans")]
    assert "names of variables" in str(findings[0])


def test_two_values_of_one_patient_are_found(tmp_path):
    export = changed(tmp_path, "clinic_raw.csv", (5, "gender", "2"))
    assert told(findings_of(clinic_files(export), EXTRA), "D094") == [((2, 5), "sex", "patients")]


def test_the_same_value_twice_is_no_conflict(tmp_path):
    export = changed(tmp_path, "clinic_raw.csv", (5, "gender", "1"))
    assert told(findings_of(clinic_files(export), EXTRA), "D094") == []


def test_a_record_without_a_value_is_a_patient(tmp_path):
    text = (HERE / "clinic_raw.csv").read_text("utf-8") + "104,followup_arm_1,,,south" + "," * 23 + "\n"
    read = findings_of(clinic_files(written(tmp_path, "export.csv", text)), EXTRA)
    # Every patient needs a disease.
    assert told(read, "D032") == [((12,), "disease_group", "patients"), ((12,), "entity", "patients")]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([(3, "pet_tracer", "3")], "not one of the choices"),
        ([(3, "pet_tracer", "Pentixafor")], "codes and labels are mixed"),
    ],
)
def test_unknown_choices_and_mixtures_are_found(tmp_path, cells, words):
    findings = findings_of(clinic_files(changed(tmp_path, "clinic_raw.csv", *cells)), EXTRA)
    assert told(findings, "D095") == [((3,), "tracer", "scans")]
    assert words in next(str(one) for one in findings if one.code == "D095")


def test_levels_of_a_code_that_the_field_lacks_are_found():
    files = clinic_files(HERE / "clinic_raw.csv", levels=(("tracer", "1", "cxcr4"), ("tracer", "8", "fdg")))
    findings = findings_of(files, EXTRA)
    assert told(findings, "D092") == [((), "tracer", "scans")]


def test_an_event_may_say_what_a_scan_was():
    variables = VARIABLES | {"scans": (*VARIABLES["scans"], ("scan_role", "redcap_event_name"))}
    levels = (("tracer", "1", "cxcr4"), ("scan_role", "baseline_arm_1", "baseline"))
    read = scan_tables(clinic_files(HERE / "clinic_raw.csv", variables=variables, levels=levels), extra=EXTRA)
    assert read.tables["scans"]["scan_role"].tolist() == ["baseline"] * 4


def test_a_label_that_says_no_level_is_found_as_in_a_file():
    findings = findings_of(clinic_files(HERE / "clinic_raw.csv", levels=()), EXTRA)
    assert told(findings, "D023") == [((3, 7, 10), "tracer", "scans")]


def test_a_box_holds_nothing_but_ticks(tmp_path):
    findings = findings_of(clinic_files(changed(tmp_path, "clinic_raw.csv", (2, "symptoms___1", "2"))), EXTRA)
    assert told(findings, "D095") == [((2,), "symptoms___1", "patients")]


def test_a_code_that_is_one_level_and_has_the_label_of_another_is_found(tmp_path):
    text = CLINIC.read_text("utf-8").replace('"1, Female | 2, Male"', '"male, Female | 2, Male"')
    dictionary = written(tmp_path, "dictionary.csv", text)
    export = changed(tmp_path, "clinic_raw.csv", (2, "gender", "male"), (9, "gender", "2"))
    findings = findings_of(clinic_files(export, dictionary), EXTRA)
    assert told(findings, "D095") == [((2,), "sex", "patients")]


@pytest.mark.parametrize(
    ("rename", "words"),
    [
        ({"record_id": "id"}, "the record id is not in the export"),
        ({"record_id": "surname", "surname": "record_id"}, "not the first column"),
    ],
)
def test_the_record_id_stands_first(tmp_path, rename, words):
    rows = list(csv.reader(io.StringIO((HERE / "clinic_raw.csv").read_text("utf-8"))))
    rows[0] = [rename.get(heading, heading) for heading in rows[0]]
    text = "\n".join(",".join(row) for row in [[f'"{cell}"' for cell in row] for row in rows])
    findings = findings_of(clinic_files(written(tmp_path, "export.csv", text), tables=["patients"]), EXTRA)
    assert [one.code for one in findings] == ["D091"]
    assert words in str(findings[0])


def test_the_export_of_another_project_is_refused():
    findings = findings_of(clinic_files(HERE / "own_raw.csv", tables=["patients"]), EXTRA)
    assert [one.code for one in findings] == ["D091"]
    assert "no variable in common" in str(findings[0])


def test_nothing_in_common_but_the_record_id_is_refused_too(tmp_path):
    export = written(tmp_path, "export.csv", "record_id,age,arm\n1,61,2\n")
    assert [one.code for one in findings_of(clinic_files(export, tables=["patients"]), EXTRA)] == ["D091"]


def test_labels_of_boxes_in_older_exports_are_read(tmp_path):
    text = (HERE / "clinic_labels.csv").read_text("utf-8").replace("(choice=Fever)", "(choice='Fever')")
    export = written(tmp_path, "export.csv", text)
    table = scan_tables(clinic_files(export, tables=["patients"]), extra=EXTRA).tables["patients"]
    assert bool(table["symptoms___1"].iloc[0])


def test_a_text_that_the_project_marks_as_an_identifier_is_no_column():
    extra = {"patients": (Column("surname", "text", optional=True),)}
    findings = findings_of(clinic_files(HERE / "clinic_raw.csv", tables=["patients"]), extra)
    assert ((1,), "surname", "patients") in told(findings, "D113")


def test_cells_of_a_variable_that_is_an_identifier_are_not_shown(tmp_path):
    text = CLINIC.read_text("utf-8").replace("number_1dp_comma_decimal,0,5000,,", "number_1dp_comma_decimal,0,5000,y,")
    dictionary = written(tmp_path, "dictionary.csv", text)
    export = changed(tmp_path, "clinic_raw.csv", (2, "ldh", "<777"))
    findings = findings_of(clinic_files(export, dictionary, tables=["patients"]), EXTRA)
    assert told(findings, "D025") == [((2,), "ldh", "patients")]
    assert not any("777" in str(one) for one in findings)


@pytest.mark.parametrize(("decimal", "code"), [(",", None), (".", "D020")])
def test_calculated_numbers_follow_the_declared_decimal_mark(tmp_path, decimal, code):
    header = CLINIC.read_text("utf-8").splitlines()[0]
    dictionary = written(tmp_path, "dictionary.csv", "\n".join([header, *KINDS]) + "\n")
    row = "record_id,patients_disease_group,patients_entity,patients_age_years\n1,1,MZL,"
    export = written(tmp_path, "export.csv", row + '"61,5"\n')
    file = TableFile(export, decimal=decimal, redcap=RedcapSource(dictionary, ("visit",)))
    assert [one.code for one in findings_of({"patients": file})] == ([code] if code else [])
    if code is None:
        assert scan_tables({"patients": file}).tables["patients"]["age_years"].tolist() == [61.5]


def test_variables_that_do_not_exist_are_found_with_the_closest_name():
    variables = VARIABLES | {"patients": (("sex", "gendre"), ("disease_group", "dx_group"))}
    findings = findings_of(clinic_files(HERE / "clinic_raw.csv", variables=variables, tables=["patients"]), EXTRA)
    assert told(findings, "D092") == [((), "sex", "patients")]
    assert "gender" in str(findings[0])
    assert findings[0].file == "clinic_dictionary.csv"


def test_a_variable_of_another_form_is_no_column_of_the_table():
    variables = VARIABLES | {"scans": (*VARIABLES["scans"], ("scan_role", "status"))}
    findings = findings_of(clinic_files(HERE / "clinic_raw.csv", variables=variables, tables=["scans"]), EXTRA)
    assert told(findings, "D092") == [((), "scan_role", "scans")]
    assert "on the form pet_scan" in str(findings[0])


def test_rows_that_are_cut_and_records_without_a_name_are_found(tmp_path):
    text = (HERE / "clinic_raw.csv").read_text("utf-8")
    findings = findings_of(clinic_files(written(tmp_path, "a.csv", text + "105,x\n"), tables=["patients"]), EXTRA)
    assert [(one.code, one.rows) for one in findings] == [("D008", (12,))]
    findings = findings_of(
        clinic_files(changed(tmp_path, "clinic_raw.csv", (3, "record_id", " ")), tables=["patients"]), EXTRA
    )
    assert [(one.code, one.rows) for one in findings] == [("D030", (3,))]


def test_a_form_of_several_events_has_a_row_for_each(tmp_path):
    text = (HERE / "clinic_raw.csv").read_text("utf-8")
    # The scan stands on events, and not on instances of a repeating form.
    text = text.replace("101,baseline_arm_1,pet_scan,1,", "101,scan_one_arm_1,,,")
    text = text.replace("101,baseline_arm_1,pet_scan,2,", "101,scan_two_arm_1,,2,")
    read = scan_tables(clinic_files(written(tmp_path, "export.csv", text)), extra=EXTRA)
    wanted = scan_tables(clinic_files(HERE / "clinic_raw.csv"), extra=EXTRA)
    pd.testing.assert_frame_equal(read.tables["scans"], wanted.tables["scans"])
    assert read.places["scans"].lines == (3, 4, 7, 10)


def test_rows_that_do_not_belong_to_a_form_are_counted():
    notes = scan_tables(clinic_files(HERE / "clinic_raw.csv"), extra=EXTRA).notes
    assert "3 rows of clinic_raw.csv hold nothing of follow_up and are no rows of it." in notes


def test_an_export_with_a_byte_order_mark_and_other_line_ends_is_the_same(tmp_path):
    path = tmp_path / "own_raw.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (HERE / "own_raw.csv").read_bytes().replace(b"\n", b"\r\n"))
    read, wanted = (scan_tables(own_files(one)) for one in (path, HERE / "own_raw.csv"))
    pd.testing.assert_frame_equal(read.tables["patients"], wanted.tables["patients"])
    assert read.places["lesions"].lines == wanted.places["lesions"].lines


def test_another_delimiter_is_named(tmp_path):
    text = (HERE / "own_raw.csv").read_text("utf-8").replace(",", ";")
    findings = findings_of(own_files(written(tmp_path, "export.csv", text), ["patients"]))
    assert [one.code for one in findings] == ["D006"]


#: Fields of one form: what becomes of a choice depends on the type of the column.
KINDS = (
    "record_id,visit,,text,Record ID" + "," * 13,
    'patients_ecog,visit,,radio,ECOG,"0, 0 fully active | 1, 1 restricted | 9, not known"' + "," * 12,
    'patients_site,visit,,dropdown,Hospital,"7, Nordklinik | 8, Südklinik"' + "," * 12,
    'patients_disease_group,visit,,radio,Disease,"1, 淋巴瘤 | 2, MYELOMA"' + "," * 12,
    "patients_entity,visit,,text,Entity" + "," * 13,
    "patients_untreated,visit,,truefalse,Untreated" + "," * 13,
    'grade,visit,,radio,Grade,"1, <b>low</b> | 2, high"' + "," * 12,
    "patients_age_years,visit,,calc,Age,x" + "," * 12,
)
GRADE = {"patients": (Column("grade", "category", levels=(("1", "I"), ("2", "II")), optional=True),)}


@pytest.mark.parametrize(
    "rows",
    [
        [
            "record_id,patients_ecog,patients_site,patients_disease_group,patients_entity,patients_untreated,grade,"
            "patients_age_years",
            "1,0,7,1,MZL,1,1,61.5",
            "2,9,8,2,MM,0,2,",
        ],
        [
            "Record ID,ECOG,Hospital,Disease,Entity,Untreated,Grade,Age",
            "1,0 fully active,Nordklinik,淋巴瘤,MZL,True,low,61.5",
            "2,not known,Südklinik,MYELOMA,MM,False,high,",
        ],
    ],
)
def test_choices_become_what_their_column_holds(tmp_path, rows):
    header = CLINIC.read_text("utf-8").splitlines()[0]
    dictionary = written(tmp_path, "dictionary.csv", "\n".join([header, *KINDS]) + "\n")
    export = written(tmp_path, "export.csv", "\n".join(rows) + "\n")
    source = RedcapSource(dictionary, ("visit",), missing=("9",))
    table = scan_tables({"patients": TableFile(export, redcap=source)}, extra=GRADE).tables["patients"]
    assert table["ecog"].iloc[0] == 0
    assert table["ecog"].isna().tolist() == [False, True]
    assert table["site"].tolist() == ["Nordklinik", "Südklinik"]
    assert table["disease_group"].tolist() == ["lymphoma", "myeloma"]
    assert table["untreated"].tolist() == [True, False]
    assert table["grade"].tolist() == ["I", "II"]
    assert table["age_years"].tolist()[0] == 61.5


def test_a_declared_column_that_the_project_lacks_is_found():
    extra = {"patients": (Column("ki67", "number"),)}
    findings = findings_of(clinic_files(HERE / "clinic_raw.csv", tables=["patients"]), extra)
    assert told(findings, "D007") == [((1,), "ki67", "patients")]


def test_no_message_names_a_patient(tmp_path):
    private = ("Roe", "Doe", "Poe", "1951", "101", "X1")
    exports = [
        changed(tmp_path, "clinic_raw.csv", (5, "gender", "2"), (3, "pet_tracer", "7"), (2, "dob", "3 Feb 1951")),
        changed(tmp_path, "clinic_raw.csv", (5, "dob", "1951-02-04")),
    ]
    for export in exports:
        findings = findings_of(clinic_files(export), EXTRA)
        assert any(one.severity == "error" for one in findings)
        assert not any(word in str(one) for one in findings for word in private)


@pytest.mark.parametrize(
    "heading", ["record_id", "surname", "dob", "pet_no", "pet_dt", "seen_dt", "dead_dt", "redcap_repeat_instrument"]
)
@pytest.mark.parametrize("secret", ["Secret 77", "77.11.2020", "<77"])
def test_no_cell_of_an_identifier_or_a_date_is_shown(tmp_path, heading, secret):
    cells = [(line, heading, secret) for line in range(2, 12)]
    findings = findings_of(clinic_files(changed(tmp_path, "clinic_raw.csv", *cells)), EXTRA)
    assert not any("77" in str(one) for one in findings)
