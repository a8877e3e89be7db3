from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from study.study_folder import CANARY, STUDY, made_table, write_study

import survmodel as sm
from survmodel.data.findings import FindingsError
from survmodel.errors import ConfigError
from survmodel.study.lock import one_run
from survmodel.study.run import run_study

OUTPUTS = {
    "STATUS", "check_in_R.R", "check_in_R_1.csv", "manifest.json", "patients.json", "problems.json", "report.html",
    "results.json", "sentences.json",
    *(f"figures/{name}_clinical.{ending}" for name in ("hazard_ratios", "calibration", "stability")
      for ending in ("csv", "pdf", "png", "svg")), "tables/calibration_os.csv", "tables/missing_os.csv",
    "figures/km_os_age_group.csv", "figures/km_os_age_group.pdf", "figures/km_os_age_group.png",
    "figures/km_os_age_group.svg", "tables/concordance_os.csv", "tables/counts_os.csv", "tables/cox_clinical.csv",
    "tables/median_os_age_group.csv", "tables/precision.csv", "tables/proportional_hazards_clinical.csv",
    "tables/survival_os_age_group.csv", "tables/table_one.csv", "tables/validated_os.csv",
}  # fmt: skip


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def run_fails(tmp_path, table=None, text=STUDY):
    study = write_study(tmp_path / "study", table, text)
    with pytest.raises(FindingsError) as caught:
        run_study(study, tmp_path / "out")
    assert set(files_of(tmp_path / "out")) == {"STATUS", "problems.json"}
    assert (tmp_path / "out" / "STATUS").read_text() == "FAILED\n"
    assert caught.value.exit_status == 3
    assert CANARY not in str(caught.value)
    problems = json.loads((tmp_path / "out" / "problems.json").read_text())
    assert [problem["message"] for problem in problems] == [str(finding) for finding in caught.value.findings]
    return problems


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    run = run_study(write_study(folder / "made"), folder / "out")
    return run


def records(run, **wanted):
    found = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    return [record for record in found if all(record.get(key) == value for key, value in wanted.items())]


def cohort():
    table = made_table()
    table["age"] = pd.to_numeric(table["age"], errors="coerce")
    table["sex"] = pd.Categorical(table["sex"].map({"f": "female", "m": "male"}), ["female", "male"])
    groups = pd.cut(
        table["age"], [-np.inf, 50, 65, np.inf], right=False, labels=["under 50", "50 to 64", "65 and over"]
    )
    outcome = sm.Outcome.from_table(table, time="days", event="dead", unit="days", endpoint="death")
    return table, outcome, groups


def test_every_file_is_there_and_the_status_is_complete(done):
    assert set(files_of(done.out)) == OUTPUTS
    assert (done.out / "STATUS").read_text() == "COMPLETE\n"
    assert (done.status, done.exit_status) == ("COMPLETE", 0)


def test_two_runs_give_the_same_bytes_but_for_the_clock(done, tmp_path):
    again = run_study(write_study(tmp_path / "made"), tmp_path / "elsewhere")
    first, second = files_of(done.out), files_of(again.out)
    assert set(first) == set(second)
    for name in set(first) - {"manifest.json"}:
        assert first[name].read_bytes() == second[name].read_bytes(), name
    manifests = [json.loads(files["manifest.json"].read_text()) for files in (first, second)]
    assert all(manifest.pop("clock") for manifest in manifests)
    assert manifests[0] == manifests[1]


def test_a_run_replaces_the_results_before_it_and_nothing_else(tmp_path):
    study = write_study(tmp_path / "made")
    run_study(study, tmp_path / "out")
    (tmp_path / "out" / "figures" / "mine.txt").write_text("kept")
    study.write_text(STUDY.replace('[[curve]]\nendpoint = "os"\nby = "age_group"\n', ""))
    run_study(study, tmp_path / "out")
    left = {name for name in files_of(tmp_path / "out") if "age_group" in name or "mine" in name}
    assert left == {"figures/mine.txt"}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert "figures/mine.txt" not in manifest["outputs"]


def test_a_folder_with_other_files_is_not_written_to(tmp_path):
    study = write_study(tmp_path / "made")
    with pytest.raises(ConfigError, match="holds files that are not results"):
        run_study(study, tmp_path / "made")
    assert set(files_of(tmp_path / "made")) == {"patients.csv", "study.toml"}


def test_no_output_holds_an_identifier(done):
    for path in files_of(done.out).values():
        assert CANARY.encode() not in path.read_bytes(), path.name


def test_the_manifest_has_hashes_versions_and_settings_but_no_place(done):
    text = (done.out / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    assert str(done.out.parent) not in text
    assert manifest["seed"] == 7
    assert manifest["settings"]["model"]["clinical"]["ties"] == "efron"
    assert set(manifest["inputs"]) == {"study.toml", "patients.csv"}
    assert set(manifest["outputs"]) == OUTPUTS - {"STATUS", "manifest.json"}
    assert re.fullmatch("[0-9a-f]{64}", manifest["outputs"]["report.html"]["sha256"])
    assert set(manifest["steps"].values()) == {"done"}


def test_cox_numbers_are_those_of_the_api(done):
    table, outcome, _ = cohort()
    fit = sm.CoxPH("age + sex", reference={"sex": "female"}).fit(table, outcome)
    expected = fit.hazard_ratios().set_index("term")
    found = records(done, step="cox/clinical", measure="hazard ratio")
    assert {record["term"] for record in found} == {"age", "sex[male]"}
    for record in found:
        for key in ("estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value"):
            assert record[key] == expected.loc[record["term"], key]
    (whole,) = records(done, step="cox/clinical", measure="fit")
    assert (whole["n"], whole["n_event"], whole["n_missing"]) == (58, fit.n_event, 2)
    (missing,) = records(done, step="cox/clinical", measure="n_missing")
    assert (missing["variable"], missing["n_missing"]) == ("age", 2)
    tests = sm.proportional_hazards_test(fit).tidy().set_index("term")
    for record in records(done, step="proportional_hazards/clinical"):
        assert record["statistic"] == tests.loc[record["term"], "statistic"]
    c = sm.concordance(fit.outcome, fit.prognostic_index(table.iloc[fit.rows]))
    (record,) = records(done, step="concordance/clinical")
    assert (record["estimate"], record["std_error"]) == (c.estimate, c.std_error)
    assert record["measure"] == "Harrell C, apparent"


def test_curve_numbers_are_those_of_the_api(done):
    _, outcome, groups = cohort()
    rows = np.flatnonzero(groups.notna())
    fit = sm.KaplanMeier().fit(outcome.take(rows), by=groups.iloc[rows])
    test = sm.logrank_test(outcome.take(rows), groups.iloc[rows])
    expected = fit.at([100, 300]).set_index(["group", "time"])
    found = records(done, step="curve/os/age_group", measure="survival")
    assert len(found) == 6
    for record in found:
        row = expected.loc[(record["group"], record["time"])]
        for key in ("n_risk", "n_event", "estimate", "std_error", "conf_low", "conf_high"):
            assert record[key] == row[key] or (record[key] is None and np.isnan(row[key]))
    (record,) = records(done, step="logrank/os/age_group", measure="test")
    assert (record["statistic"], record["df"], record["p_value"]) == (test.statistic, test.df, test.p_value)
    quartiles = sm.follow_up(outcome).tidy()["estimate"].tolist()
    found = [record["estimate"] for record in records(done, measure="follow-up")]
    assert found == [None if np.isnan(time) else time for time in quartiles]


def test_records_are_sorted_and_hold_every_digit(done):
    text = (done.out / "results.json").read_text(encoding="utf-8")
    found = json.loads(text)["records"]
    assert [record["step"] for record in found] == sorted(record["step"] for record in found)
    assert "NaN" not in text
    assert max(len(digits) for digits in re.findall(r"\.(\d+)", text)) >= 15


def test_a_step_that_fails_leaves_its_reason_and_the_others_go_on(tmp_path):
    table = made_table()
    table["sex"] = "f"
    run = run_study(write_study(tmp_path / "made", table), tmp_path / "out")
    assert (run.status, run.exit_status) == ("FAILED", 4)
    assert (run.out / "STATUS").read_text() == "FAILED\n"
    assert run.report == run.out / "report.INCOMPLETE.html"
    assert not (run.out / "report.html").exists()
    report = run.report.read_text(encoding="utf-8")
    assert "<title>INCOMPLETE: " in report
    assert "Clinical model: not estimable: " in report
    assert "Incomplete: 4 statistics could not be estimated" in report
    assert "Log-rank test of equal survival" in report
    codes = [problem["code"] for problem in json.loads((run.out / "problems.json").read_text())]
    assert codes.count("S001") == 4
    manifest = json.loads((run.out / "manifest.json").read_text())
    assert manifest["steps"]["curve/os/age_group"] == "done"
    assert manifest["steps"]["cox/clinical"] != "done"
    assert len(records(run, measure="not estimable")) == 4


def test_warnings_stand_in_the_report_and_in_problems(tmp_path):
    run = run_study(write_study(tmp_path / "made", made_table(25)), tmp_path / "out")
    problems = json.loads((run.out / "problems.json").read_text())
    warned = [problem for problem in problems if problem["severity"] == "warning"]
    assert warned
    assert "<h2>Warnings</h2>" in (run.out / "report.html").read_text()


@pytest.mark.parametrize(
    ("column", "value", "code", "words"),
    [
        ("days", "", "D040", "needed by endpoint os"),
        ("days", "-3", "D041", "are the two dates swapped?"),
        ("dead", "", "D040", "missing"),
        ("dead", "2", "D042", "and competing = "),
        ("age", "200", "D024", "18 to 100 years"),
    ],
)
def test_wrong_data_leave_problems_and_a_status_only(tmp_path, column, value, code, words):
    table = made_table().astype(object)
    table.loc[4, column] = value
    (problem,) = run_fails(tmp_path, table)
    assert (problem["code"], problem["column"], problem["rows"]) == (code, column, [6])
    assert words in problem["message"]


def test_wrong_data_leave_no_report_of_the_run_before(tmp_path):
    run_study(write_study(tmp_path / "study"), tmp_path / "out")
    table = made_table()
    table.loc[0, "sex"] = "x"
    run_fails(tmp_path, table)


def test_an_event_value_that_does_not_occur_is_refused(tmp_path):
    text = STUDY.replace('event = "dead"', 'event = "dead"\nevent_value = 5')
    (problem,) = run_fails(tmp_path, text=text)
    assert problem["code"] == "D043"


def test_an_entry_after_the_end_is_refused_by_line(tmp_path):
    table = made_table()
    table["entry"] = 0
    table.loc[2, "entry"] = 10**6
    text = STUDY.replace('event = "dead"', 'event = "dead"\nentry = "entry"')
    text += '\n[column.entry]\ntype = "integer"\nrole = "outcome"\n'
    (problem,) = run_fails(tmp_path, table, text)
    assert (problem["code"], problem["rows"]) == ("D045", [4])


def test_an_interrupted_run_says_so(tmp_path, monkeypatch):
    from survmodel.study import run

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_steps", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_study(write_study(tmp_path / "study"), tmp_path / "out")
    assert (tmp_path / "out" / "STATUS").read_text() == "INTERRUPTED\n"


def test_a_complete_run_takes_the_place_of_an_incomplete_one(tmp_path):
    table = made_table()
    run_study(write_study(tmp_path / "a", table.assign(sex="f")), tmp_path / "out")
    run = run_study(write_study(tmp_path / "b", table), tmp_path / "out")
    assert run.report.name == "report.html"
    assert not (run.out / "report.INCOMPLETE.html").exists()


def test_two_runs_in_one_folder_are_refused(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    study = write_study(tmp_path / "study")
    with one_run(out), pytest.raises(BlockingIOError, match="another run is writing to"):
        run_study(study, out)
    assert run_study(study, out).status == "COMPLETE"
    assert not (out / ".lock").exists()


def test_a_lock_that_a_killed_run_left_behind_does_not_hold(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    lines = [
        "import os, pathlib",
        "from survmodel.study.lock import one_run",
        f"with one_run(pathlib.Path({str(out)!r})):",
        "    os._exit(9)",
    ]
    code = "\n".join(lines)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert (out / ".lock").exists()
    assert run_study(write_study(tmp_path / "study"), out).status == "COMPLETE"


def test_a_run_shows_itself(done):
    assert repr(done).startswith("COMPLETE: ")
    assert "report.html" in done._repr_html_()


def test_no_curve_column_and_strata_and_several_models(tmp_path):
    text = STUDY.replace('by = "age_group"\n', "") + (
        '\n[model.stratified]\nkind = "cox"\nendpoint = "os"\nformula = "age"\nstrata = "sex"\nties = "breslow"\n'
    )
    run = run_study(write_study(tmp_path / "study", text=text), tmp_path / "out")
    assert run.status == "COMPLETE"
    report = (run.out / "report.html").read_text()
    assert "a baseline hazard of its own for each level of sex" in report
    assert (run.out / "figures" / "km_os.svg").is_file()
    assert (run.out / "tables" / "cox_stratified.csv").is_file()
