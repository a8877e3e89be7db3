"""Studies whose tables stand in the export of a REDCap project."""

import csv
import json
import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from data.study_files import FILES

import survmodel as sm
from survmodel.cli import main
from survmodel.data.findings import FindingsError
from survmodel.data.schema_location import schema_folder
from survmodel.errors import ConfigError
from survmodel.simulate import simulate_study
from survmodel.study.config import read_study
from survmodel.study.example import SEED, write_example
from survmodel.study.run import run_study
from survmodel.study.schema_files import write_study_schema

HERE = Path(__file__).parent.parent / "data" / "redcap"
OWN = schema_folder() / "redcap_dictionary.csv"
TABLES = ("patients", "scans", "lesions", "labs", "therapy", "reads", "assessments", "follow_up")
#: Variables of the project that survmodel makes which do not begin with the name of their table.
SHORT = {"assessment_date", "last_contact_date", "last_assessment_date", "new_treatment_date"}
SMALL = """
schema = 1
title = "A small study"
data_lock = 2024-12-31

[data.redcap]
path = "export.csv"
dictionary = "dictionary.csv"
{more}
[endpoint.os]
events = ["death"]
unit = "months"
horizons = [12]
"""
CLINIC = """
schema = 1
title = "A clinic"

[data.redcap]
path = "export.csv"
dictionary = "dictionary.csv"
missing = ["UNK", "9"]
tables = { patients = ["demographics", "pathology"], scans = "pet_scan", follow_up = "outcome" }
levels = { "scans.tracer" = { "1" = "cxcr4" } }

[data.redcap.columns]
"patients.sex" = "gender"
"patients.birth_date" = "dob"
"patients.disease_group" = "dx_group"
"scans.scan_id" = "pet_no"
"scans.tracer" = "pet_tracer"
"scans.scan_date" = "pet_dt"
"scans.liver_suvmean" = "liver"
"follow_up.vital_status" = "status"
"follow_up.last_contact_date" = "seen_dt"
"follow_up.death_date" = "dead_dt"

[column.ldh]
type = "number"
unit = "U/L"

[column.symptoms___1]
type = "boolean"
label = "fever"

[endpoint.os]
events = ["death"]
unit = "months"
horizons = [12]
"""


def study_of(folder, text, export="own_raw.csv", dictionary=OWN):
    folder.mkdir(exist_ok=True)
    shutil.copy(HERE / export, folder / "export.csv")
    shutil.copy(dictionary, folder / "dictionary.csv")
    (folder / "study.toml").write_text(text, "utf-8")
    return folder / "study.toml"


def rows_of(path):
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def export_of(data, target):
    """Write canonical files as REDCap exports them: a line for each instance, below the line of the patient."""
    tables = {name: rows_of(data / f"{name}.csv") for name in TABLES}
    owner = {row["scan_id"]: row["patient_id"] for row in tables["scans"]}
    truth = {"yes": "1", "no": "0"}
    lines = []
    for patient in tables["patients"]:
        record = patient["patient_id"]
        head = {"patient_id": record}
        for name in ("patients", "follow_up"):
            row = next((row for row in tables[name] if row["patient_id"] == record), {})
            head |= named(name, row, truth)
        lines.append(head)
        for name in ("scans", "lesions", "labs", "therapy", "reads", "assessments"):
            mine = [row for row in tables[name] if (row.get("patient_id") or owner[row["scan_id"]]) == record]
            for number, row in enumerate(mine, start=1):
                own = {"patient_id": record, "redcap_repeat_instrument": name, "redcap_repeat_instance": number}
                lines.append(own | named(name, row, truth))
    columns = ["patient_id", "redcap_repeat_instrument", "redcap_repeat_instance"]
    columns += sorted({column for line in lines for column in line} - set(columns))
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(lines)
    return lines


def named(table, row, truth):
    found = {}
    for column, cell in row.items():
        if column != "patient_id":
            name = column if column in SHORT else f"{table}_{column}"
            found[name] = truth.get(cell, cell)
    return found


@pytest.fixture
def twins(tmp_path):
    """The example study with all of its canonical tables, and the same study from an export."""
    files = write_example(tmp_path / "files")
    simulate_study(seed=SEED).write(files.parent / "data")
    text = files.read_text("utf-8")
    lesions = text[text.index("lesions = [") : text.index("reads = {")]
    files.write_text(text.replace(lesions, 'lesions = { path = "data/lesions.csv" }\n'), "utf-8")
    other = tmp_path / "export"
    (other / "data").mkdir(parents=True)
    lines = export_of(files.parent / "data", other / "data" / "export.csv")
    shutil.copy(files.parent / "data" / "SYNTHETIC.md", other / "data")
    shutil.copy(OWN, other / "data" / "dictionary.csv")
    text = files.read_text("utf-8")
    head, rest = text.split("[data]", 1)
    rest = rest[rest.index("[groups]") :]
    follow_up = rows_of(files.parent / "data" / "follow_up.csv")
    line = int(text.split("rows = [")[-1].split("]")[0])
    record = follow_up[line - 2]["patient_id"]
    new = next(i for i, one in enumerate(lines, start=2) if one["patient_id"] == record)
    data = '[data.redcap]\npath = "data/export.csv"\ndictionary = "data/dictionary.csv"\n\n'
    (other / "study.toml").write_text(head + data + rest.replace(f"rows = [{line}]", f"rows = [{new}]"), "utf-8")
    return files, other / "study.toml"


def test_the_example_from_an_export_is_the_example(twins):
    files, export = twins
    wanted, read = sm.build_cohort(files), sm.build_cohort(export)
    pd.testing.assert_frame_equal(read.table, wanted.table)
    for name in ("pfs", "os"):
        assert read.outcome(name) == wanted.outcome(name) or (
            list(read.outcome(name).time) == list(wanted.outcome(name).time)
            and list(read.outcome(name).event) == list(wanted.outcome(name).event)
        )
    assert list(read_study(export).files) == list(TABLES)


@pytest.mark.parametrize("export", ["own_raw.csv", "own_labels.csv"])
def test_check_accepts_an_export_and_knows_its_tables(tmp_path, capsys, export):
    study = study_of(tmp_path / "study", SMALL.format(more=""), export)
    assert main(["check", str(study)]) == 0
    assert set(read_study(study).files) == set(FILES)
    assert not any(name in capsys.readouterr().out for name in ("KEY-A", "SCAN-", "1951"))


def test_a_project_with_other_names_is_checked(tmp_path, capsys):
    study = study_of(tmp_path / "study", CLINIC, "clinic_raw.csv", HERE / "clinic_dictionary.csv")
    assert main(["check", str(study)]) == 0
    cohort = sm.build_cohort(study)
    assert list(cohort.table.index) == ["101", "102", "103"]
    assert cohort.table["ldh"].dropna().tolist() == [210.5, 198.0]
    assert cohort.labels["symptoms___1"] == "fever"
    out = capsys.readouterr().out
    assert "D099" in out
    assert not any(name in out for name in ("Roe", "Doe", "Poe", "1951"))


def test_a_run_writes_the_hashes_of_export_and_dictionary(tmp_path):
    study = study_of(tmp_path / "study", SMALL.format(more=""))
    run = run_study(study, tmp_path / "out")
    assert run.status == "COMPLETE"
    inputs = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))["inputs"]
    # 4 patients, 8 scans, 6 lesions, 2 treatments, 4 rows of follow-up.
    assert inputs["export.csv"]["rows"] == 24
    assert set(inputs) == {"study.toml", "export.csv", "dictionary.csv"}
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert page.count("Data file export.csv") == 1
    assert "KEY-A" not in page


def test_tables_of_an_export_and_of_files_are_mixed(tmp_path):
    text = SMALL.format(more='\n[data.lesions]\npath = "lesions.csv"\n')
    study = study_of(tmp_path / "study", text)
    (study.parent / "lesions.csv").write_text("\n".join(FILES["lesions"][:3]) + "\n", "utf-8")
    files = read_study(study).files
    assert files["lesions"].path.name == "lesions.csv"
    assert files["scans"].redcap is not None
    assert sm.build_cohort(study).table["cxcr4_lesions"].tolist()[0] == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('tables = { scans = "scans" }\n[data.scans]\npath = "export.csv"\n', "scans stands in redcap.tables"),
        ('tables = { scan = "scans" }\n', "no table 'scan'"),
        ('tables = { scans = ["a", "b"] }\n', "scans needs one form"),
        ('columns = { "scans.day" = "scans_scan_date" }\n', "table scans has no column 'day'"),
        ('columns = { "patients.patient_id" = "patients_site" }\n', "the record id of the project is the patient_id"),
        ('columns = { scan_date = "scans_scan_date" }\n', "not written as table.column"),
        ('form = "scans"\n', "data.redcap.form: unknown key"),
        (
            '[data.lesions]\npath = "export.csv"\nsheets = "a"\n',
            "data.lesions.sheets: unknown key; did you mean 'sheet'?",
        ),
    ],
)
def test_a_study_file_that_cannot_be_right_is_refused(tmp_path, more, words):
    with pytest.raises(ConfigError, match=r"study\.toml has") as caught:
        read_study(study_of(tmp_path / "study", SMALL.format(more=more)))
    assert words in str(caught.value)


def test_an_export_that_does_not_exist_is_named_by_its_key(tmp_path):
    study = study_of(tmp_path / "study", SMALL.format(more=""))
    (study.parent / "dictionary.csv").unlink()
    with pytest.raises(ConfigError, match=r"data\.redcap\.dictionary: no such file"):
        read_study(study)


def test_an_editor_takes_a_study_of_an_export():
    jsonschema = pytest.importorskip("jsonschema")
    for text in (SMALL.format(more=""), CLINIC):
        jsonschema.validate(json.loads(json.dumps(tomllib.loads(text), default=str)), json.loads(write_study_schema()))


def test_a_decimal_comma_between_quotation_marks_is_no_clash_of_marks(tmp_path):
    study = study_of(tmp_path / "study", SMALL.format(more='decimal = ","\n'))
    assert read_study(study).files["scans"].decimal == ","
    assert main(["check", str(study)]) == 0


def test_patients_are_still_needed_without_an_export(tmp_path):
    study = study_of(tmp_path / "study", 'schema = 1\ntitle = "x"\n[data]\n[endpoint.os]\ntime = "t"\nevent = "e"\n')
    with pytest.raises(ConfigError, match=r"data\.patients: required and not given"):
        read_study(study)


@pytest.mark.parametrize(
    ("more", "near"),
    [('tables = { scans = "scan" }', "scans"), ('tables = { patients = "patient" }', "patients")],
)
def test_a_form_that_does_not_exist_is_found_with_the_closest_name(tmp_path, more, near):
    study = study_of(tmp_path / "study", SMALL.format(more=more))
    with pytest.raises(FindingsError) as caught:
        read_study(study)
    assert [(one.code, one.file, one.table) for one in caught.value.findings] == [("D092", "dictionary.csv", near)]
    assert f"Did you mean '{near}'" in str(caught.value)
    assert main(["check", str(study)]) == 3


def test_a_project_without_patients_says_so(tmp_path):
    study = study_of(tmp_path / "study", SMALL.format(more=""), "clinic_raw.csv", HERE / "clinic_dictionary.csv")
    with pytest.raises(FindingsError) as caught:
        read_study(study)
    assert [one.code for one in caught.value.findings] == ["D092"]
    assert "demographics" in str(caught.value)


def test_tags_find_forms_that_were_renamed_and_fields_that_were_moved(tmp_path):
    study = study_of(tmp_path / "study", SMALL.format(more=""))
    for name in ("dictionary.csv", "export.csv"):
        path = study.parent / name
        rows = list(csv.reader(path.read_text("utf-8").splitlines()))
        if name == "dictionary.csv":
            for row in rows:
                row[1] = {"scans": "pet"}.get(row[1], row[1])
                row[1] = "clinic" if row[0] in {"patients_ecog", "patients_stage_ct"} else row[1]
        else:
            rows = [
                [{"scans": "pet", "scans_complete": "pet_complete"}.get(cell, cell) for cell in row] for row in rows
            ]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    assert main(["check", str(study)]) == 0
    tables = read_study(study).settings.data.redcap.tables
    assert (tables["scans"], tables["patients"]) == (("pet",), ("patients", "clinic"))
    assert sm.build_cohort(study).table["ecog"].tolist()[:2] == [0, 1]


def test_a_run_leaves_the_problems_of_an_export_behind(tmp_path):
    study = study_of(tmp_path / "study", SMALL.format(more=""), "clinic_raw.csv")
    with pytest.raises(FindingsError):
        run_study(study, tmp_path / "out")
    problems = json.loads((tmp_path / "out" / "problems.json").read_text("utf-8"))
    assert [one["code"] for one in problems] == ["D091"]
    assert (tmp_path / "out" / "STATUS").read_text("utf-8").strip() == "FAILED"


def test_an_export_of_which_nothing_is_used_is_refused(tmp_path):
    study = study_of(
        tmp_path / "study", SMALL.format(more='\n[data.patients]\npath = "patients.csv"\n'), "clinic_raw.csv",
        HERE / "clinic_dictionary.csv",
    )  # fmt: skip
    (study.parent / "patients.csv").write_text("\n".join(FILES["patients"]) + "\n", "utf-8")
    with pytest.raises(FindingsError, match="any table"):
        read_study(study)


def test_problems_of_an_export_as_a_whole_are_told_once(tmp_path):
    study = study_of(tmp_path / "study", SMALL.format(more=""), "clinic_raw.csv")
    check = sm.check_study(study)
    assert [finding.code for finding in check.findings] == ["D091"]
