"""The example study: from its files to a report, by a second route, and SYNTHETIC in plain sight everywhere."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from study.second_route import analysis_table

import survmodel as sm
from survmodel.cli import main
from survmodel.performance.planning import smallest_hazard_ratio
from survmodel.study.example import write_example
from survmodel.study.run import run_study

SCENARIOS = ("null", "realistic", "strong")


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def records(run, **wanted):
    found = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    return [record for record in found if all(record.get(key) == value for key, value in wanted.items())]


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial")
    study = write_example(folder / "study")
    return study, run_study(study, folder / "out")


@pytest.fixture(scope="module")
def multicentre(tmp_path_factory):
    folder = tmp_path_factory.mktemp("multicentre")
    study = write_example(folder / "study", "multicentre", "strong")
    return study, run_study(study, folder / "out")


def test_the_example_is_complete(trial):
    _, run = trial
    assert (run.status, run.exit_status) == ("COMPLETE", 0)
    found = set(files_of(run.out))
    assert {"STATUS", "manifest.json", "problems.json", "results.json", "report.html"} < found
    figures = {name for name in found if name.startswith("figures/")}
    names = {Path(name).stem for name in figures}
    assert names == {
        "added_value_fdg_fdg_cxcr4",
        "km_pfs_disease_group",
        "km_pfs_cxcr4_read",
        "km_os_disease_group",
        "risk_groups_fdg_cxcr4",
        "hazard_ratios_fdg",
        "hazard_ratios_fdg_cxcr4",
        "effect_pfs_cxcr4_suvmax",
        "importance_forest",
        "uptake_cxcr4_suvmax",
        "uptake_fdg_suvmax",
        *(f"tracer_{name}" for name in ("uptake", "agreement", "regions", "correlations", "stages_ct", "stages_fdg")),
    }
    assert len(figures) == 4 * len(names)
    assert {"tables/precision.csv", "tables/flow.csv", "tables/table_one.csv", "tables/markers_pfs.csv"} < found


def test_two_runs_give_the_same_bytes_but_for_the_clock(trial, tmp_path):
    study, run = trial
    again = run_study(study, tmp_path / "again")
    first, second = files_of(run.out), files_of(again.out)
    assert set(first) == set(second)
    assert [name for name in first if first[name].read_bytes() != second[name].read_bytes()] == ["manifest.json"]
    one, two = (json.loads(files["manifest.json"].read_text()) for files in (first, second))
    assert one.pop("clock") != {} != two.pop("clock")
    assert one["days_per_month"] == 30.4375
    assert one == two


@pytest.mark.parametrize("which", ["trial", "multicentre"])
def test_the_analysis_table_is_the_one_of_a_second_route(which, request):
    study, _ = request.getfixturevalue(which)
    rows = analysis_table(study.parent / "data")
    cohort = sm.build_cohort(study)
    analysis = cohort.analysis("pfs", "prognostic")
    assert list(analysis.table.index) == list(rows.index)
    for name in ("age_years", "cxcr4_suvmax", "fdg_suvmax", "cxcr4_suvmax_part", "fdg_suvmax_part"):
        np.testing.assert_allclose(analysis.table[name].to_numpy(float), rows[name].to_numpy(float), rtol=1e-12)
    assert list(analysis.table["cxcr4_read"].astype(str)) == list(rows["cxcr4_read"])
    for endpoint in ("pfs", "os"):
        outcome = cohort.analysis(endpoint, "prognostic").outcome
        np.testing.assert_allclose(outcome.time, rows[f"{endpoint}_months"], rtol=1e-12)
        np.testing.assert_array_equal(outcome.event, rows[endpoint])


@pytest.mark.parametrize("which", ["trial", "multicentre"])
def test_numbers_of_the_report_are_those_of_the_second_route(which, request):
    study, run = request.getfixturevalue(which)
    rows = analysis_table(study.parent / "data")
    outcome = sm.Outcome(rows["pfs_months"], rows["pfs"])
    formula = "age_years + fdg_suvmax_part + cxcr4_suvmax_part"
    fit = sm.CoxPH(formula, strata="entity").fit(rows, outcome)
    found = {one["term"]: one for one in records(run, step="cox/fdg_cxcr4", measure="hazard ratio")}
    for record in fit.hazard_ratios().to_dict("records"):
        for key in ("estimate", "conf_low", "conf_high", "p_value"):
            assert found[record["term"]][key] == pytest.approx(record[key], rel=1e-9)
    alone = sm.CoxPH("log2(cxcr4_suvmax)", strata="entity").fit(rows, outcome).hazard_ratios().iloc[0]
    (marker,) = records(run, step="marker/pfs/cxcr4_suvmax", measure="hazard ratio")
    assert marker["estimate"] == pytest.approx(alone["estimate"], rel=1e-9)
    part = sm.CoxPH("cxcr4_suvmax_part", strata="entity").fit(rows, outcome).hazard_ratios().iloc[0]
    (shown,) = records(run, step="cox/fdg_cxcr4/cxcr4_suvmax_part", measure="hazard ratio, alone")
    assert shown["estimate"] == pytest.approx(part["estimate"], rel=1e-9)
    test = sm.logrank_test(outcome, rows["disease_group"])
    (logrank,) = records(run, step="logrank/pfs/disease_group", measure="test")
    assert logrank["statistic"] == pytest.approx(test.statistic, rel=1e-9)
    (precise,) = records(run, step="precision/pfs", measure="smallest hazard ratio, per SD", group="")
    assert precise["estimate"] == pytest.approx(smallest_hazard_ratio(int(rows["pfs"].sum())), rel=1e-12)


def test_groups_of_several_diseases_are_compared_within_entities(multicentre):
    study, run = multicentre
    rows = analysis_table(study.parent / "data")
    outcome = sm.Outcome(rows["pfs_months"], rows["pfs"])
    test = sm.logrank_test(outcome, rows["cxcr4_read"], strata=rows["entity"])
    (shown,) = records(run, step="logrank/pfs/cxcr4_read", measure="test, within entity")
    assert shown["statistic"] == pytest.approx(test.statistic, rel=1e-9)
    assert shown["statistic"] != pytest.approx(sm.logrank_test(outcome, rows["cxcr4_read"]).statistic, rel=1e-3)


def test_a_marker_is_told_by_disease_group_and_by_entity(multicentre):
    study, run = multicentre
    rows = analysis_table(study.parent / "data")
    usable = rows[rows["cxcr4_suvmax"].notna()]
    events = usable.groupby("entity")["pfs"].sum()
    for entity in ("AML", "MZL"):
        own = usable[usable["entity"] == entity]
        shown = records(run, step=f"marker/pfs/cxcr4_suvmax/{entity}", measure="hazard ratio")
        assert bool(shown) == bool(events[entity] >= 10)
        if shown:
            fit = sm.CoxPH("log2(cxcr4_suvmax)").fit(own, sm.Outcome(own["pfs_months"], own["pfs"]))
            assert shown[0]["estimate"] == pytest.approx(fit.hazard_ratios()["estimate"].iloc[0], rel=1e-9)
    # Multiple myeloma is all of its group, and not told twice.
    assert not records(run, step="marker/pfs/cxcr4_suvmax/MM")
    report = run.report.read_text(encoding="utf-8")
    assert f"MZL {events['MZL']}" in report
    lymphoma = usable[usable["disease_group"] == "lymphoma"]
    fit = sm.CoxPH("log2(cxcr4_suvmax)", strata="entity").fit(
        lymphoma, sm.Outcome(lymphoma["pfs_months"], lymphoma["pfs"])
    )
    (shown,) = records(run, step="marker/pfs/cxcr4_suvmax/lymphoma", measure="hazard ratio")
    assert shown["estimate"] == pytest.approx(fit.hazard_ratios()["estimate"].iloc[0], rel=1e-9)


def test_concordance_compares_within_entities_only(multicentre):
    study, run = multicentre
    rows = analysis_table(study.parent / "data")
    outcome = sm.Outcome(rows["pfs_months"], rows["pfs"])
    fit = sm.CoxPH("age_years + fdg_suvmax_part", strata="entity").fit(rows, outcome)
    used = rows.iloc[fit.rows]
    index, entity = fit.prognostic_index(used), used["entity"].to_numpy()
    pairs = concordant = 0.0
    for i in np.flatnonzero(used["pfs"] == 1):
        time = used["pfs_months"].to_numpy()
        later = (time > time[i]) | ((time == time[i]) & (used["pfs"].to_numpy() == 0))
        later &= entity == entity[i]
        later[i] = False
        pairs += later.sum()
        concordant += (index[i] > index[later]).sum() + 0.5 * (index[i] == index[later]).sum()
    (c,) = records(run, step="concordance/fdg")
    assert c["estimate"] == pytest.approx(concordant / pairs, rel=1e-12)
    shown = {one["group"] for one in records(run, model="fdg") if one["step"].startswith("concordance/fdg/")}
    withheld = [one for one in records(run, measure="withheld") if one["step"].startswith("concordance/fdg/")]
    events = used.groupby("disease_group")["pfs"].sum()
    assert shown == set(events.index[events >= 25])
    assert {one["step"].rsplit("/", 1)[1] for one in withheld} == set(events.index[events < 25])
    assert shown
    assert withheld


def test_few_events_withhold_numbers_without_failing_the_run(trial):
    _, run = trial
    withheld = {one["step"]: one["reason"] for one in records(run, measure="withheld")}
    assert re.fullmatch(r"\d+ events, fewer than min_events.performance = 25", withheld["concordance/fdg"])
    assert "marker/pfs/cxcr4_suvmax/leukemia" in withheld
    assert not records(run, step="concordance/fdg", measure="harrell, apparent")
    report = run.report.read_text(encoding="utf-8")
    assert "s C: fewer than min_events.performance = 25 events, and therefore not printed." in report


def test_the_flow_adds_up(trial):
    study, run = trial
    steps = records(run, step="flow/prognostic", measure="leaving")
    assert sum(step["n_missing"] for step in steps) == 56 - min(step["n"] for step in steps)
    assert min(step["n"] for step in steps) == len(analysis_table(study.parent / "data"))
    report = run.report.read_text(encoding="utf-8")
    for words in ("Disease not confirmed", "Accepted: D126 follow_up.csv:last_contact_date row 37", "Nobody leaves"):
        assert words in report


def test_every_output_says_synthetic_in_plain_sight(trial):
    _, run = trial
    for name, path in files_of(run.out).items():
        if name.startswith("tables/") or (name.startswith("figures/") and name.endswith(".csv")):
            rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
            assert rows, name
            assert all(row["data"] == "SYNTHETIC data" for row in rows), name
        elif name.endswith((".svg", ".png", ".pdf")):
            # A PNG tells it in its description, an SVG and a PDF in description and drawing.
            assert b"SYNTHETIC data" in path.read_bytes() or name.endswith(".pdf"), name
    report = run.report.read_text(encoding="utf-8")
    assert "<h1>SYNTHETIC: " in report
    captions = re.findall(r"<caption>(.*?)</caption>", report)
    assert captions
    assert all("SYNTHETIC data. " in caption for caption in captions)
    assert all("SYNTHETIC data. " in alt for alt in re.findall(r'alt="(.*?)"', report))
    assert json.loads((run.out / "results.json").read_text())["data"] == "SYNTHETIC"
    assert all(one["data"] == "SYNTHETIC" for one in json.loads((run.out / "problems.json").read_text()))
    assert json.loads((run.out / "manifest.json").read_text())["synthetic"] is True


def test_the_drawing_itself_says_synthetic(trial):
    from matplotlib.figure import Figure

    from survmodel.figures.kaplan_meier import draw_km

    cohort = sm.example_cohort()
    analysis = cohort.analysis("pfs", "prognostic")
    figure = draw_km(sm.KaplanMeier().fit(analysis.outcome), title="SYNTHETIC data")
    assert isinstance(figure, Figure)
    assert "SYNTHETIC data" in [text.get_text() for text in figure.findobj(lambda one: hasattr(one, "get_text"))]


def test_no_output_holds_an_identifier_or_a_date(trial):
    study, run = trial
    data = study.parent / "data"
    dates = set(re.findall(r"\d{4}-\d{2}-\d{2}", "".join(path.read_text() for path in data.glob("*.csv"))))
    dates.discard("2025-01-31")  # the data lock is a setting
    for name, path in files_of(run.out).items():
        content = path.read_bytes()
        assert b"SYN-0" not in content, name
        if name.endswith((".json", ".csv", ".html")):
            assert not [date for date in dates if date.encode() in content], name


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("lock", ["trial", "multicentre"])
def test_every_example_can_be_built(lock, scenario):
    cohort = sm.example_cohort(scenario, lock)
    outcome = cohort.analysis("pfs", "prognostic").outcome
    assert outcome.endpoint == "progression or death (SYNTHETIC data)"
    assert "SYNTHETIC" in repr(outcome)
    assert "SYNTHETIC" in repr(sm.KaplanMeier().fit(outcome))
    assert cohort.lock is not None
    assert (cohort.lock.marker, cohort.lock.endpoint, cohort.lock.transform) == ("cxcr4_suvmax", "pfs", "log2")
    assert "cxcr4_suvmax" in cohort.predictors
    assert "confirmed" not in cohort.predictors


def test_a_cohort_shows_itself_without_its_patients():
    cohort = sm.example_cohort()
    shown = repr(cohort)
    assert "endpoint pfs: 46 patients, 21 events (progression or death (SYNTHETIC data))" in shown
    assert "set prognostic: 46 patients" in shown
    assert "primary marker cxcr4_suvmax, endpoint pfs, locked " in shown
    analysis = repr(cohort.analysis("pfs", "prognostic"))
    assert "disease not confirmed: 6 left, 50 stayed" in analysis
    assert "SYN-0" not in shown + analysis


def test_the_question_is_locked_and_printed(trial):
    study, run = trial
    lock = sm.build_cohort(study).lock
    assert lock.sha256 in run.report.read_text(encoding="utf-8")
    assert json.loads((run.out / "manifest.json").read_text())["lock"]["sha256"] == lock.sha256
    assert lock.full == "age_years + fdg_suvmax_part + cxcr4_suvmax_part"
    changed = study.read_text().replace('transform = "log2"\nendpoint', 'transform = "sqrt"\nendpoint')
    study.with_name("changed.toml").write_text(changed)
    assert sm.build_cohort(study.with_name("changed.toml")).lock.sha256 != lock.sha256


def test_the_demo_command_writes_study_and_results(tmp_path, capsys):
    assert main(["demo", str(tmp_path / "results" / "example"), "--scenario", "null"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        f"study: {tmp_path / 'results' / 'example_study' / 'study.toml'} (SYNTHETIC data)",
        f"complete: {tmp_path / 'results' / 'example' / 'report.html'}",
    ]
    assert (tmp_path / "results" / "example_study" / "data" / "SYNTHETIC.md").is_file()
    assert sm.check_study(tmp_path / "results" / "example_study" / "study.toml").ok


def test_the_example_is_not_written_over_real_data(tmp_path, capsys):
    data = tmp_path / "example_study" / "data"
    data.mkdir(parents=True)
    (data / "patients.csv").write_text("patient_id\n1\n")
    assert main(["demo", str(tmp_path / "example")]) == 3
    assert "not marked as synthetic" in capsys.readouterr().err
    assert (data / "patients.csv").read_text() == "patient_id\n1\n"
