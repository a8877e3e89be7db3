"""Endpoints with competing events, and the follicular-lymphoma cohort, whose first event is relapse or death."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, made_table, write_study

import survmodel as sm
from survmodel.data.findings import FindingsError
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.run import run_study

FOLLICULAR = Path(__file__).parents[2] / "notebooks" / "studies" / "follicular_lymphoma"
COMPETING = 'event_value = 1\nevent_label = "relapse"\ncompeting = { "2" = "death" }\n'
EVENT = 'event = "dead"\n'
LEVELS = 'type = "category"\nlevels = { "0" = "well", "1" = "relapsed", "2" = "dead" }\n'


def made_with_codes(codes=(0, 1, 2)):
    table = made_table()
    table["dead"] = np.random.default_rng(5).choice(codes, len(table))
    return table


def competing_study(settings=COMPETING):
    return STUDY.replace(EVENT, EVENT + settings)


def category_study(settings):
    return competing_study(settings).replace('label = "death"\ntype = "integer"\n', f'label = "state"\n{LEVELS}')


def records(run, **wanted):
    found = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    return [record for record in found if all(record.get(key) == value for key, value in wanted.items())]


def contents_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("competing")
    return run_study(write_study(folder / "made", made_with_codes(), competing_study()), folder / "out")


@pytest.fixture(scope="module")
def follicular(tmp_path_factory):
    return run_study(FOLLICULAR / "study.toml", tmp_path_factory.mktemp("follicular") / "out")


@pytest.fixture(scope="module")
def patients():
    table = pd.read_csv(FOLLICULAR / "follicular_lymphoma.csv")
    for name, levels in (("fac_clinstg", {1: "stage I", 2: "stage II"}), ("fac_ch", {"N": "no", "Y": "yes"})):
        table[name] = pd.Categorical(table[name].map(levels), list(levels.values()))
    return table


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('competing = { "2" = "death" }\n', "endpoint.os: competing events need event_value"),
        ('event_value = [1, 2]\ncompeting = { "2" = "death" }\n', "endpoint.os: code 2 is the event and competes"),
        ("event_value = []\n", "endpoint.os.event_value: must be a whole number or a text, or an array of these"),
        ("event_value = [1, true]\n", "endpoint.os.event_value: must be a whole number or a text"),
        ("event_value = [1, 1]\n", "endpoint.os.event_value: a code stands twice"),
        ('event_value = "1"\n', "endpoint.os.event_value: column 'dead' holds whole numbers, found '1'"),
        (COMPETING.replace('"2"', '"two"'), "endpoint.os.competing: column 'dead' holds whole numbers, found 'two'"),
        (COMPETING.replace('"2"', '"02"'), "endpoint.os.competing: column 'dead' holds whole numbers, found '02'"),
        (COMPETING.replace('"2"', '"0"'), "endpoint.os.competing: 0 means censored where events compete"),
        (COMPETING.replace("= 1", "= 0"), "endpoint.os.event_value: 0 means censored where events compete"),
        (COMPETING.replace('"death"', '"relapse"'), "endpoint.os: two events have the same label"),
        (COMPETING.replace('"death"', '""'), "endpoint.os.competing: must say what each code means"),
        (COMPETING.replace("competing", "competeing"), "unknown key; did you mean 'competing'?"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_key(tmp_path, settings, words):
    with pytest.raises(StudyFileError) as caught:
        read_study(write_study(tmp_path / "s", text=competing_study(settings)))
    assert any(words in problem for problem in caught.value.problems), caught.value.problems


def test_codes_of_a_category_are_labels_of_its_levels(tmp_path):
    text = category_study('event_value = "relapse"\ncompeting = { "2" = "death" }\n')
    with pytest.raises(StudyFileError) as caught:
        read_study(write_study(tmp_path / "s", text=text))
    assert caught.value.problems == (
        "endpoint.os.event_value: 'relapse' is not the label of a level; did you mean 'relapsed'?",
        "endpoint.os.competing: '2' is not the label of a level; known: well, relapsed, dead",
    )


def test_an_event_cannot_be_cut_from_a_number(tmp_path):
    with pytest.raises(StudyFileError, match="'age_group' is cut from a number and cannot hold events"):
        read_study(write_study(tmp_path / "s", text=STUDY.replace(EVENT, 'event = "age_group"\n')))


@pytest.mark.parametrize(
    ("settings", "value", "code", "rows"),
    [
        (COMPETING, 3, "D042", [6]),
        (COMPETING, "", "D040", [6]),
        ("event_value = [1, 2]\n", 3, "D042", [6]),
        ("event_value = 7\n" + COMPETING.split("\n", 1)[1], 1, "D043", []),
    ],
)
def test_codes_that_are_not_declared_are_named_by_line(tmp_path, settings, value, code, rows):
    table = made_with_codes().astype(object)
    table.loc[4, "dead"] = value
    with pytest.raises(FindingsError) as caught:
        run_study(write_study(tmp_path / "s", table, competing_study(settings)), tmp_path / "out")
    (finding,) = [one.to_record() for one in caught.value.findings]
    assert (finding["code"], finding["column"], finding.get("rows", [])) == (code, "dead", rows)
    if code == "D042":
        assert "event codes 3, of which endpoint os says nothing" in finding["message"]
        assert "under event_value or under competing" in finding["message"]


def test_two_levels_that_are_no_event_are_refused_and_one_is_censored(tmp_path):
    text = category_study('event_value = "relapsed"\n')
    with pytest.raises(FindingsError, match="dead, well, of which endpoint os says nothing"):
        run_study(write_study(tmp_path / "s", made_with_codes(), text), tmp_path / "out")
    text = category_study('event_value = "relapsed"\nevent_label = "relapse"\ncompeting = { "dead" = "death" }\n')
    run = run_study(write_study(tmp_path / "t", made_with_codes(), text), tmp_path / "other")
    (counts,) = records(run, step="counts", measure="patients and events")
    codes = made_with_codes()["dead"]
    assert (counts["n_event"], counts["n_censor"]) == ((codes > 0).sum(), (codes == 0).sum())


def test_curves_are_of_any_event_and_models_of_the_cause(made, tmp_path):
    table = made_with_codes()
    table["age"] = pd.to_numeric(table["age"], errors="coerce")
    table["sex"] = pd.Categorical(table["sex"].map({"f": "female", "m": "male"}), ["female", "male"])
    groups = pd.cut(table["age"], [-np.inf, 50, 65, np.inf], right=False).cat.rename_categories(
        ["under 50", "50 to 64", "65 and over"]
    )
    outcome = sm.Outcome(table["days"], table["dead"], causes={1: "relapse", 2: "death"})
    rows = np.flatnonzero(groups.notna())
    of_any = outcome.any_event().take(rows)
    read = sm.KaplanMeier().fit(of_any, by=groups.iloc[rows]).at([100, 300]).set_index(["group", "time"])["estimate"]
    found = records(made, step="curve/os/age_group", measure="survival")
    shown = {(record["group"], record["time"]): record["estimate"] for record in found}
    assert shown == {key: None if np.isnan(value) else value for key, value in read.items()}
    (test,) = records(made, step="logrank/os/age_group", measure="test")
    assert test["statistic"] == sm.logrank_test(of_any, groups.iloc[rows]).statistic
    fit = sm.CoxPH("age + sex", reference={"sex": "female"}).fit(table, outcome.cause_specific(1))
    ratios = fit.hazard_ratios().set_index("term")["estimate"]
    found = records(made, step="cox/clinical", measure="hazard ratio")
    assert {record["term"]: record["estimate"] for record in found} == ratios.to_dict()
    (withheld,) = records(made, step="concordance/clinical")
    assert withheld["reason"] == f"{fit.n_event} events, fewer than min_events.performance = 25"
    few = run_study(
        write_study(tmp_path / "few", made_with_codes(), competing_study() + "[groups.min_events]\nperformance = 1\n"),
        tmp_path / "out",
    )
    (c,) = records(few, step="concordance/clinical")
    assert c["estimate"] == sm.concordance(fit.outcome, fit.prognostic_index(table.iloc[fit.rows])).estimate


def test_a_competing_event_that_nobody_had_is_a_warning(tmp_path):
    run = run_study(write_study(tmp_path / "s", made_with_codes((0, 1)), competing_study()), tmp_path / "out")
    assert run.status == "COMPLETE"
    problems = json.loads((run.out / "problems.json").read_text())
    assert any("no patient had the competing event death" in problem["message"] for problem in problems)


def test_the_file_of_the_follicular_study_is_the_one_of_its_provenance(patients):
    provenance = (FOLLICULAR / "PROVENANCE.md").read_text(encoding="utf-8")
    content = (FOLLICULAR / "follicular_lymphoma.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() in provenance
    assert all(f"`{name}`" in provenance for name in patients.columns)


def test_follicular_numbers_are_those_of_the_api(follicular, patients):
    assert follicular.status == "COMPLETE"
    state = sm.Outcome(patients["time"], patients["event"], unit="years", causes={1: "relapse", 2: "death"})
    spec = sm.CoxPH("num_age + num_hgb + fac_clinstg + fac_ch", reference={"fac_clinstg": "stage I", "fac_ch": "no"})
    for model, outcome, n_event in (("clinical", state.any_event(), 348), ("relapse", state.cause_specific(1), 272)):
        fit = spec.fit(patients, outcome)
        expected = fit.tidy().set_index("term")
        found = records(follicular, step=f"cox/{model}", measure="log hazard ratio")
        assert len(found) == 4
        for record in found:
            for key in ("estimate", "std_error", "p_value"):
                assert record[key] == expected.loc[record["term"], key]
        (whole,) = records(follicular, step=f"cox/{model}", measure="fit")
        assert (whole["n"], whole["n_event"]) == (541, n_event)
        tests = sm.proportional_hazards_test(fit).tidy().set_index("term")["p_value"]
        found = records(follicular, step=f"proportional_hazards/{model}")
        assert {record["term"]: record["p_value"] for record in found} == tests.to_dict()
        (c,) = records(follicular, step=f"concordance/{model}")
        assert c["estimate"] == sm.concordance(fit.outcome, fit.prognostic_index(patients)).estimate


def test_follicular_curves_and_follow_up_are_those_of_the_api(follicular, patients):
    outcome = sm.Outcome(patients["time"], patients["event"] > 0, unit="years")
    age = pd.Series(np.where(patients["num_age"] < 60, "under 60 years", "60 years and over"))
    for by, groups in (("fac_clinstg", patients["fac_clinstg"].astype(str)), ("age_group", age)):
        read = sm.KaplanMeier().fit(outcome, by=groups).at([2, 5, 10]).set_index(["group", "time"])["estimate"]
        found = records(follicular, step=f"curve/pfs/{by}", measure="survival")
        assert {(record["group"], record["time"]): record["estimate"] for record in found} == read.to_dict()
        (test,) = records(follicular, step=f"logrank/pfs/{by}", measure="test")
        assert test["p_value"] == pytest.approx(sm.logrank_test(outcome, groups).p_value, rel=1e-9)
    expected = sm.follow_up(outcome).tidy()["estimate"].tolist()
    for endpoint in ("pfs", "relapse"):
        assert [one["estimate"] for one in records(follicular, step=f"follow_up/{endpoint}")] == expected
        (counts,) = records(follicular, step="counts", endpoint=endpoint, measure="patients and events")
        assert (counts["n"], counts["n_event"], counts["n_censor"]) == (541, 348, 193)
    causes = records(follicular, step="counts", measure="events by cause")
    assert {(one["endpoint"], one["group"]): one["n_event"] for one in causes} == {
        ("relapse", "relapse"): 272,
        ("relapse", "death without relapse"): 76,
    }


def test_two_runs_of_the_follicular_study_give_the_same_bytes(follicular, tmp_path):
    again = run_study(FOLLICULAR / "study.toml", tmp_path / "out")
    first, second = contents_of(follicular.out), contents_of(again.out)
    assert set(first) == set(second)
    assert not [name for name in first if name != "manifest.json" and first[name] != second[name]]


def test_follicular_gray_tests_are_those_of_the_api(follicular, patients):
    state = sm.Outcome(patients["time"], patients["event"], causes={1: "relapse", 2: "death without relapse"})
    report = follicular.report.read_text(encoding="utf-8")
    for cause, name in state.causes.items():
        test = sm.gray_test(state, patients["fac_clinstg"], cause=cause)
        (found,) = records(follicular, step=f"gray/relapse/fac_clinstg/{cause}", measure="test")
        assert (found["level"], found["df"]) == (name, test.df)
        assert found["statistic"] == pytest.approx(test.statistic, rel=1e-9)
        assert found["p_value"] == pytest.approx(test.p_value, rel=1e-9)
        assert f"Gray&#x27;s test of equal cumulative incidence of {name} by clinical stage: " in report
    # Where no events compete the log-rank test is the test.
    assert not records(follicular, step="gray/pfs/fac_clinstg/1")
    assert "p: Gray&#x27;s test of relapse." in report


def test_gray_tests_are_left_to_r_only_where_it_has_cmprsk(follicular):
    script = (follicular.out / "check_in_R.R").read_text(encoding="utf-8")
    assert script.count('if (requireNamespace("cmprsk", quietly = TRUE)) {  # without this package') == 1
    assert "library(cmprsk)" not in script


def test_gray_tests_are_made_within_entities_and_not_of_events_that_nobody_had(tmp_path):
    table = made_with_codes((0, 1))
    table.loc[table.index[:3], "dead"] = 2
    text = competing_study() + '\n[groups]\nentity = "sex"\n'
    run = run_study(write_study(tmp_path / "s", table, text), tmp_path / "out")
    (test,) = records(run, step="gray/os/age_group/1", measure="test, within sex")
    ages = pd.to_numeric(table["age"], errors="coerce")
    groups = pd.cut(ages, [-np.inf, 50, 65, np.inf], right=False)
    rows = np.flatnonzero(groups.notna())
    outcome = sm.Outcome(table["days"], table["dead"], causes={1: "relapse", 2: "death"}).take(rows)
    expected = sm.gray_test(outcome, groups.iloc[rows], strata=table["sex"].iloc[rows])
    assert test["statistic"] == pytest.approx(expected.statistic, rel=1e-9)
    nobody = run_study(write_study(tmp_path / "t", made_with_codes((0, 1)), competing_study()), tmp_path / "other")
    assert records(nobody, step="gray/os/age_group/1", measure="test")
    assert not records(nobody, step="gray/os/age_group/2")


def test_with_late_entry_gray_tests_are_withheld_with_the_reason(tmp_path):
    table = made_with_codes()
    table["entry"] = table["days"] // 3
    text = competing_study().replace('unit = "days"\nlabel', 'entry = "entry"\nunit = "days"\nlabel')
    run = run_study(write_study(tmp_path / "s", table, text), tmp_path / "out")
    assert run.status == "COMPLETE"
    (found,) = records(run, step="gray/os/age_group/1")
    assert (found["measure"], found["reason"]) == (
        "withheld", "Gray's test does not allow for patients who enter late"
    )  # fmt: skip


def test_follicular_incidence_is_that_of_r(follicular):
    """R's survfit of the stored case competing_events, to 1e-8: both causes, both stages, three horizons."""
    case = Path(__file__).parents[1] / "reference" / "cases" / "competing_events" / "expected.json"
    r = json.loads(case.read_text(encoding="utf-8"))["values"]["by_stage.at"]["value"]
    rows = [(group, time) for group in r["groups"] for time in r["times"]]
    for (group, time), estimates, errors in zip(rows, r["estimate"], r["se"], strict=True):
        for cause, estimate, error in zip(("relapse", "death without relapse"), estimates, errors, strict=True):
            (found,) = records(
                follicular, step="incidence/relapse/fac_clinstg", level=cause, time=time,
                group={"1": "stage I", "2": "stage II"}[str(group)],
            )  # fmt: skip
            assert found["estimate"] == pytest.approx(estimate, rel=1e-8)
            assert found["std_error"] == pytest.approx(error, rel=1e-8)
    report = follicular.report.read_text(encoding="utf-8")
    assert "<h2>Cumulative incidence: relapse</h2>" in report
    assert "Aalen-Johansen estimate" in report
