"""Studies of several files: dates, waivers by line, exclusions, sets, per-file writing, and what cannot be."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, made_table, write_study

import survmodel as sm
from survmodel.cli import main
from survmodel.data.findings import FindingsError
from survmodel.errors import ConfigError
from survmodel.study.config import read_study
from survmodel.study.example import write_example
from survmodel.study.preparation import prepare
from survmodel.study.run import run_study


@pytest.fixture
def example(tmp_path):
    return write_example(tmp_path / "study")


def change(study, old, new):
    text = study.read_text(encoding="utf-8")
    assert old in text
    study.write_text(text.replace(old, new), encoding="utf-8")


def table(study, name):
    return pd.read_csv(study.parent / "data" / f"{name}.csv", dtype=str, keep_default_na=False)


def write(study, name, rows, **options):
    rows.to_csv(study.parent / "data" / f"{name}.csv", index=False, **options)


def damage(study, name, patient, column, value):
    rows = table(study, name)
    place = rows.index[rows["patient_id"] == patient][0]
    rows.loc[place, column] = value
    write(study, name, rows)
    return int(place) + 2


def eligible(study):
    return list(sm.build_cohort(study).analysis("pfs", "prognostic").table.index)


def alive(study):
    rows = table(study, "follow_up").set_index("patient_id")
    return [name for name in eligible(study) if rows.loc[name, "vital_status"] == "alive"]


def findings_of(study):
    with pytest.raises(FindingsError) as caught:
        prepare(read_study(study))
    return caught.value.findings


def test_an_endpoint_that_cannot_be_is_named_by_file_and_line(example):
    # The last assessment of a censored patient is emptied: neither an event nor a censoring date.
    patient = next(name for name in alive(example) if not table(example, "follow_up").set_index("patient_id").loc[
        name, "progression_date"])  # fmt: skip
    line = damage(example, "follow_up", patient, "last_assessment_date", "")
    (finding,) = [one for one in findings_of(example) if one.severity == "error"]
    assert (finding.code, finding.file, finding.rows) == ("E004", "follow_up.csv", (line,))
    assert patient not in str(finding)


def test_a_waived_error_takes_the_patient_out_of_the_endpoint_only(example):
    patient = next(name for name in alive(example) if not table(example, "follow_up").set_index("patient_id").loc[
        name, "progression_date"])  # fmt: skip
    before = len(eligible(example))
    line = damage(example, "follow_up", patient, "last_assessment_date", "")
    with example.open("a") as file:
        file.write(f'[[waive]]\ncode = "E004"\nrows = [{line}]\nreason = "never seen again"\n')
    cohort = sm.build_cohort(example)
    assert patient not in cohort.analysis("pfs", "prognostic").table.index
    assert patient in cohort.analysis("os", "prognostic").table.index
    last = cohort.analysis("pfs", "prognostic").flow[-1]
    assert (last.n_removed, last.n_left) == (1, before - 1)
    run = run_study(example, example.parent / "out")
    report = run.report.read_text(encoding="utf-8")
    assert "Reason: never seen again." in report
    assert "Progression-free survival, of those in the set prognostic" in report


def test_a_waiver_of_a_file_finding_covers_the_endpoint_that_says_the_same(example):
    prepared = prepare(read_study(example))
    codes = [one.finding.code for one in prepared.waived]
    assert codes == ["D126"]
    told = [one for one in prepared.findings if one.code == "E034" and one.severity == "warning"]
    assert not told


def test_an_idle_waiver_is_an_error(example):
    with example.open("a") as file:
        file.write('[[waive]]\ncode = "E033"\nrows = [2]\nreason = "no need"\n')
    (finding,) = [one for one in findings_of(example) if one.severity == "error"]
    assert finding.code == "D150"


def test_an_excluded_patient_stands_in_flow_and_precision_and_blocks_nobody(example):
    patient = eligible(example)[0]
    damage(example, "patients", patient, "age_years", "seventy")
    assert {one.code for one in findings_of(example)} == {"D021"}
    with example.open("a") as file:
        file.write(f'[[exclude]]\nid = "{patient}"\nreason = "consent withdrawn"\n')
    run = run_study(example, example.parent / "out")
    assert run.status == "COMPLETE"
    report = run.report.read_text(encoding="utf-8")
    assert report.count("Set aside: consent withdrawn (1 patient).") == 2
    flow = (run.out / "tables" / "flow.csv").read_text(encoding="utf-8")
    assert "Set aside: consent withdrawn,1,55" in flow
    assert "In the files,,56" in flow
    for path in run.out.rglob("*"):
        assert not path.is_file() or patient.encode() not in path.read_bytes(), path.name


def test_an_exclusion_of_nobody_is_an_error(example):
    with example.open("a") as file:
        file.write('[[exclude]]\nid = "NOBODY"\nreason = "consent withdrawn"\n')
    (finding,) = findings_of(example)
    assert finding.code == "D151"
    assert "NOBODY" not in str(finding)


def test_each_file_may_be_written_in_its_own_way(example):
    before = sm.build_cohort(example).analysis("pfs", "prognostic")
    rows = table(example, "labs")
    for name in ("value", "uln"):
        rows[name] = rows[name].str.replace(".", ",")
    write(example, "labs", rows, sep=";")
    lesions = table(example, "lifex_cxcr4")
    for name in lesions.columns[2:]:
        lesions[name] = lesions[name].str.replace(".", ",")
    write(example, "lifex_cxcr4", lesions, sep=";")
    scans = table(example, "scans")
    scans["scan_date"] = pd.to_datetime(scans["scan_date"]).dt.strftime("%d.%m.%Y")
    write(example, "scans", scans)
    assert {one.code for one in findings_of(example)} >= {"D006"}
    change(example, '"data/labs.csv" }', '"data/labs.csv", delimiter = ";", decimal = "," }')
    change(example, '"data/lifex_cxcr4.csv", ', '"data/lifex_cxcr4.csv", delimiter = ";", decimal = ",", ')
    change(example, '"data/scans.csv" }', '"data/scans.csv", date_format = "%d.%m.%Y" }')
    after = sm.build_cohort(example).analysis("pfs", "prognostic")
    pd.testing.assert_frame_equal(before.table, after.table)
    np.testing.assert_array_equal(before.outcome.time, after.outcome.time)


def test_the_order_of_rows_and_files_changes_no_number(example, tmp_path):
    first = run_study(example, tmp_path / "one")
    for name in ("patients", "scans", "lifex_cxcr4", "reads", "follow_up"):
        rows = table(example, name)
        if name != "follow_up":  # the waiver names a line of it
            write(example, name, rows.sample(frac=1, random_state=5))
    second = run_study(example, tmp_path / "two")
    one, two = (
        json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"] for run in (first, second)
    )
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        assert a.keys() == b.keys()
        for key, value in a.items():
            assert b[key] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), a


def test_an_extra_column_is_declared_once_and_enters_a_model(example):
    patients = table(example, "patients")
    patients["ldh_ratio"] = np.round(np.random.default_rng(1).lognormal(0, 0.4, len(patients)), 2).astype(str)
    write(example, "patients", patients)
    change(example, "[groups] ", '[column.ldh_ratio]\nlabel = "LDH ratio"\ntype = "number"\n\n[groups] ')
    change(example, 'formula = "age_years + fdg_suvmax_part"', 'formula = "age_years + log2(ldh_ratio)"')
    run = run_study(example, example.parent / "out")
    assert "LDH ratio, per doubling" in run.report.read_text(encoding="utf-8")
    change(example, "[column.ldh_ratio]", "[column.age_years]")
    with pytest.raises(ConfigError, match=r"column\.age_years: the data schema declares it already"):
        read_study(example)


def test_entities_are_strata_unless_the_study_says_otherwise(example):
    first = sm.run_study(example, example.parent / "out").out / "results.json"
    declared = first.read_bytes()
    change(example, 'strata = "entity"\n', "")
    assert (sm.run_study(example, example.parent / "out").out / "results.json").read_bytes() == declared
    change(example, 'label = "age and FDG"', 'strata = []\nlabel = "age and FDG"')
    other = json.loads((sm.run_study(example, example.parent / "out").out / "results.json").read_text())["records"]
    (fit,) = [one for one in other if one.get("step") == "cox/fdg" and one.get("measure") == "fit"]
    (before,) = [
        one for one in json.loads(declared)["records"] if one.get("step") == "cox/fdg" and one.get("measure") == "fit"
    ]
    assert fit["n"] == before["n"]
    assert fit["loglik"] != before["loglik"]


def test_a_bare_index_over_several_diseases_is_refused(example, capsys):
    change(example, 'formula = "age_years + fdg_suvmax_part"', 'formula = "age_years + index_group"')
    out = example.parent / "out"
    assert main(["run", str(example), "--out", str(out)]) == 2
    message = capsys.readouterr().err
    assert "model.fdg.formula: index_group would be one slope for" in message
    assert "published_risk(clinical_index)" in message


def test_a_post_baseline_column_is_no_predictor(example):
    change(example, 'formula = "age_years + fdg_suvmax_part"', 'formula = "age_years + confirmed"')
    with pytest.raises(ConfigError, match="'confirmed' has the role post_baseline and cannot be a predictor"):
        read_study(example)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "cxcr4_suvmax"', 'name = "cxcr4_suvmx"', "marker[1].name: no column 'cxcr4_suvmx' is declared"),
        ('name = "cxcr4_suvmax"', 'name = "age_years"', "marker[1].name: column 'age_years' has the role baseline"),
        ('role = "comparator"', 'role = "primary"', "marker: 2 markers are primary; a study has one question"),
        ('events = ["progression", "death"]', 'events = ["progress"]', "no column dates the event 'progress'"),
        ('origin = "cxcr4_scan_date"', 'origin = "scan_date"', "endpoint.pfs.origin: no column 'scan_date'"),
        ('origin = "cxcr4_scan_date"', 'time = "x"', "endpoint.pfs: time belongs to ready-made times"),
        ('unit = "months"\nhorizons', 'unit = "weeks"\nhorizons', "endpoint.pfs: unit must be one of days, months"),
        ('"confirmed" = ', '"confirmd" = ', "analysis_set.prognostic.include: "),
        ('"confirmed" = ', '"death_date" = ', "analysis_set.prognostic.include: "),
        ('by = "cxcr4_read"', 'by = "cxcr4_suvmax"', "curve[2].by: column 'cxcr4_suvmax' is of type number"),
        ('method = "complete_case"', 'method = "mean"', "missing.method: must be 'complete_case' or"),
        ('kind = "cox"', 'kind = "tree"', "model.fdg.kind: must be 'cox' or 'random_survival_forest'"),
        ('strata = "entity"', 'strata = "entity"\npenalty = "lasso"', "model.fdg.penalty: must be 'firth'"),
        ('column = "disease_group"', 'column = "disease"', "groups.column: no column 'disease' is declared"),
        ('path = "data/pmod_fdg.csv"', 'path = "data/pmod.csv"', "data.lesions[2].path: no such file"),
        ('scans = { path = "data/scans.csv" }\n', "", "data.lesions: its rows belong to scans, of which no file"),
        ('patients.csv" }', 'patients.csv", reader = "lifex" }', "data.patients.reader: unknown key"),
        ("data_lock = 2025-01-31", 'data_lock = "2025-01-31"', "data_lock: "),
        ('table = "follow_up"', 'table = "follow"', "waive[1].table: no table 'follow' is declared"),
        ('code = "D126"', 'code = "late"', "waive[1].code: 'late' is no code of a finding"),
        ("[missing]", '[baseline]\npick = "closest"\n[missing]', "baseline: this key is not available"),
    ],
)
def test_what_cannot_be_is_named_by_its_key(example, capsys, old, new, words):
    change(example, old, new)
    out = example.parent / "out"
    assert main(["run", str(example), "--out", str(out)]) == 2
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_a_marker_that_no_lesion_was_measured_for_is_missed_by_name(example):
    change(example, 'name = "fdg_suvmax"', 'name = "fdg_mtv_liver"')
    (finding,) = findings_of(example)
    assert (finding.code, finding.column) == ("D033", "fdg_mtv_liver")


def test_an_empty_set_names_the_last_rule(example):
    change(example, '"age_years >= 18"', '"age_years >= 118"')
    found = findings_of(example)
    assert [one.code for one in found] == ["D046"]
    assert "nobody is left in the analysis set prognostic; the last left: younger than 18 years" in str(found[0])


def test_time_to_progression_lets_death_compete(example):
    text = '\n[endpoint.ttp]\nlabel = "time to progression"\nevents = ["progression"]\ncompeting = ["death"]\n'
    change(example, "\n[[marker]]                           #", f"{text}\n[[marker]]                           #")
    outcome = sm.build_cohort(example).analysis("ttp", "prognostic").outcome
    follow_up = table(example, "follow_up").set_index("patient_id").loc[eligible(example)]
    progressed = follow_up["progression_date"] != ""
    died = (follow_up["death_date"] != "") & ~progressed
    assert list(outcome.event) == list(np.where(progressed, 1, np.where(died, 2, 0)))


def test_a_check_writes_nothing_and_says_whether_it_can_be_run(example):
    before = sorted(example.parent.rglob("*"))
    check = sm.check_study(example)
    assert check.ok
    assert "warning: D131" in repr(check)
    damage(example, "patients", eligible(example)[0], "age_years", "seventy")
    check = sm.check_study(example)
    assert not check.ok
    assert repr(check).startswith("the study cannot be run\nerror: D021")
    assert sorted(example.parent.rglob("*")) == before


PLAIN_DATES = """\
schema = 1
title = "Dates in a plain table"
data_lock = 2020-12-31
data = { patients = { path = "patients.csv" } }

[column.id]
type = "identifier"
[column.scan]
type = "date"
[column.dead_on]
type = "date"
[column.seen_on]
type = "date"

[endpoint.os]
origin = "scan"
events = ["death"]
columns = { death = "dead_on" }
censor = "seen_on"
unit = "days"
"""


def test_a_plain_table_may_hold_dates(tmp_path):
    rows = pd.DataFrame({
        "id": ["a", "b", "c"], "scan": ["2016-02-29"] * 3, "dead_on": ["2017-02-28", "", ""],
        "seen_on": ["2017-02-28", "2016-03-01", "2018-02-28"],
    })  # fmt: skip
    study = write_study(tmp_path / "made", rows, PLAIN_DATES)
    outcome = sm.build_cohort(study).outcome("os")
    assert list(outcome.time) == [365, 1, 730]
    assert list(outcome.event) == [1, 0, 0]
    rows.loc[1, "scan"] = "2016-04-01"
    write_study(tmp_path / "made", rows, PLAIN_DATES)
    (finding,) = [one for one in findings_of(study) if one.severity == "error"]
    assert (finding.code, finding.file, finding.rows, finding.column) == ("E047", "patients.csv", (3,), "seen_on")


def test_times_of_an_endpoint_need_no_declaration(tmp_path):
    text = 'schema = 1\ntitle = "t"\ndata = { patients = { path = "patients.csv" } }\n'
    text += '[endpoint.os]\ntime = "days"\nevent = "state"\nevent_value = "dead"\nunit = "days"\n'
    rows = made_table().assign(state=lambda t: t["dead"].map({1: "dead", 0: "alive"}))
    run = run_study(write_study(tmp_path / "made", rows, text), tmp_path / "out")
    assert run.status == "COMPLETE"
    found = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    (counts,) = [one for one in found if one["step"] == "counts"]
    assert counts["n_event"] == rows["dead"].sum()
    study = write_study(tmp_path / "wrong", rows, text.replace('"days"\nevent', '"day"\nevent'))
    (finding,) = findings_of(study)
    assert finding.code == "D007"


def test_sets_and_groups_of_a_plain_study(tmp_path):
    text = STUDY + '\n[groups]\ncolumn = "sex"\n[analysis_set.prognostic]\ninclude = "age >= 50"\n'
    run = run_study(write_study(tmp_path / "made", text=text), tmp_path / "out")
    ages = pd.to_numeric(made_table()["age"], errors="coerce")
    found = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    (counts,) = [one for one in found if one["step"] == "counts"]
    assert counts["n"] == int((ages >= 50).sum())
    leaving = [one for one in found if one["step"] == "flow/prognostic"]
    assert sum(one["n_missing"] for one in leaving) == int((~(ages >= 50)).sum())
    assert {one.get("group") for one in found if one["step"] == "precision/os"} == {"", "female", "male"}


def test_an_incomplete_run_says_so_on_every_table_and_figure(tmp_path):
    rows = made_table()
    rows["sex"] = "f"
    run = run_study(write_study(tmp_path / "made", rows), tmp_path / "out")
    assert run.exit_status == 4
    for path in (run.out / "tables").iterdir():
        assert all(line.endswith((",data", ",INCOMPLETE")) for line in path.read_text("utf-8").splitlines()), path.name
    assert b"INCOMPLETE" in (run.out / "figures" / "km_os_age_group.svg").read_bytes()
    assert b"INCOMPLETE" in (run.out / "figures" / "km_os_age_group.png").read_bytes()


def test_progress_is_one_line_on_a_terminal_and_silence_in_a_pipe(tmp_path, monkeypatch, capsys):
    study = write_study(tmp_path / "made")
    main(["run", str(study), "--out", str(tmp_path / "piped")])
    assert "\r" not in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    main(["run", str(study), "--out", str(tmp_path / "shown")])
    shown = capsys.readouterr().err
    assert "\rcox/clinical" in shown
    assert "\n" not in shown.split("survmodel:")[0]


def test_a_declared_column_without_a_value_is_said_to_be_left_out(tmp_path):
    text = STUDY.replace("[endpoint.os]", '[column.empty]\ntype = "number"\n\n[endpoint.os]')
    run = run_study(write_study(tmp_path / "made", made_table().assign(empty=""), text), tmp_path / "out")
    assert run.status == "COMPLETE"
    assert "Column empty has no value and is left out." in run.report.read_text(encoding="utf-8")


def test_a_group_of_one_patient_is_in_no_curve_and_no_incidence(tmp_path):
    rows = made_table()
    rows.loc[0, "age"] = "40"
    rows["dead"] = np.arange(len(rows)) % 3
    rows.loc[1:, "age"] = (50 + np.arange(len(rows) - 1) % 30).astype(str)
    text = STUDY.replace('event = "dead"\n', 'event = "dead"\nevent_value = 1\ncompeting = { "2" = "other" }\n')
    run = run_study(write_study(tmp_path / "made", rows, text), tmp_path / "out")
    found = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    for step in ("curve/os/age_group", "incidence/os/age_group"):
        assert {one["group"] for one in found if one["step"] == step and "group" in one} == {"50 to 64", "65 and over"}
    assert "under 50: one patient, who is neither drawn nor tested" in run.report.read_text(encoding="utf-8")


def test_one_finding_may_be_a_note_for_one_endpoint_and_a_warning_for_another(tmp_path):
    rows = pd.DataFrame({
        "id": ["a", "b"], "scan": ["2016-02-01"] * 2, "dead_on": ["2017-02-11", ""], "worse_on": ["", ""],
        "seen_on": ["2017-02-01", "2018-02-01"],
    })  # fmt: skip
    text = PLAIN_DATES.replace("[endpoint.os]", '[column.worse_on]\ntype = "date"\n\n[endpoint.pfs]')
    text = text.replace('["death"]', '["progression", "death"]').replace("{ death", '{ progression = "worse_on", death')
    text += '\n[endpoint.os]\norigin = "scan"\nevents = ["death"]\ncolumns = { death = "dead_on" }\n'
    text += 'censor = "seen_on"\nunit = "days"\n'
    found = prepare(read_study(write_study(tmp_path / "made", rows, text))).findings
    assert [one.severity for one in found if one.code == "E034"] == ["note", "warning"]
