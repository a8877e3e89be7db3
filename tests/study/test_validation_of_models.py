"""Corrected C, calibration, risk groups and forests of a study, computed again from its own analysis table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, made_table, write_study

import survmodel as sm
from survmodel.formatting import format_estimate
from survmodel.outcome.ordering import canonical_order
from survmodel.resampling import bootstrap_counts, count_rows, read_units
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.run import StudyRun, run_study

MORE = """
[validation]
repeats = 60
forest_repeats = 10
folds = 5
fold_repeats = 3
"""
FOREST = """
[model.forest]
kind = "random_survival_forest"
endpoint = "os"
formula = "age + sex"
n_trees = 40
min_leaf = 5
label = "the forest"
risk_groups = "median"
"""


def with_groups(groups: str, *, forest: bool = True, extra: str = "") -> str:
    text = STUDY.replace('formula = "age', f'risk_groups = {groups}\nformula = "age')
    return text + MORE + (FOREST if forest else "") + extra


def records_of(run: StudyRun) -> pd.DataFrame:
    return pd.DataFrame(json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyRun, pd.DataFrame, sm.Outcome, sm.CoxPH]:
    folder = tmp_path_factory.mktemp("validated")
    low = "[groups]\nmin_events = { hazard_ratio = 5, performance = 5, forest = 5 }\n"
    study = write_study(folder / "s", text=with_groups('"tertiles"', extra=low))
    run = run_study(study, folder / "out")
    analysis = sm.build_cohort(read_study(study)).analysis("os")
    entry = read_study(study).settings.model["clinical"]
    spec = sm.CoxPH(entry.formula, strata=entry.strata or None, reference={"sex": "female"})
    return run, analysis.table, analysis.outcome, spec


def test_the_run_is_complete(done: tuple[StudyRun, pd.DataFrame, sm.Outcome, sm.CoxPH]) -> None:
    assert done[0].status == "COMPLETE"


def test_corrected_c_by_a_second_route(done: tuple[StudyRun, pd.DataFrame, sm.Outcome, sm.CoxPH]) -> None:
    run, table, outcome, spec = done
    rows = spec.fit(table, outcome).rows
    rows = rows[canonical_order(table.iloc[rows], outcome.take(rows))]
    used, own = table.iloc[rows], outcome.take(rows)
    optimism = []
    for counts in bootstrap_counts(read_units(rows.size), 60, 7):
        drawn = count_rows(counts)
        fit = spec.fit(used.iloc[drawn], own.take(drawn))
        inside = sm.concordance(own.take(drawn), fit.prognostic_index(used.iloc[drawn])).estimate
        optimism.append(inside - sm.concordance(own, fit.prognostic_index(used)).estimate)
    apparent = sm.concordance(own, spec.fit(used, own).prognostic_index(used)).estimate
    records = records_of(run)
    printed = records[(records["step"] == "validation/clinical") & (records["measure"] == "Harrell C, corrected")]
    assert printed["estimate"].iloc[0] == pytest.approx(apparent - np.mean(optimism), abs=1e-9)


def test_every_measure_of_every_model_by_a_second_route(
    done: tuple[StudyRun, pd.DataFrame, sm.Outcome, sm.CoxPH],
) -> None:
    """Day 300 is beyond the follow-up: AUC, Brier score and IPA are those of day 100."""
    run, table, outcome, spec = done
    rows = spec.fit(table, outcome).rows
    used, own = table.iloc[rows], outcome.take(rows)
    cox = sm.validate(spec, used, own, horizons=[100.0], repeats=60, seed=7)
    forest = sm.RandomSurvivalForest("age + sex", n_trees=40, min_leaf=5, seed=7)
    # within it a Cox model is drawn and dealt alike, and changes no number of the forest
    alone = sm.validate(forest, used, own, horizons=[100.0], repeats=10, folds=5, seed=7)
    records = records_of(run)
    for name, expected, n_measures in (("clinical", cox, 5), ("forest", alone, 5)):
        assert len(expected.scores["model"].measures) == n_measures
        shown = records[records["step"] == f"validation/{name}"]
        for row in expected.tidy().to_dict("records"):
            found = shown[shown["measure"] == f"{row['measure']}, {row['sample']}"]
            if not np.isnan(row["horizon"]):
                found = found[found["horizon"] == row["horizon"]]
            for key in ("estimate", "conf_low", "conf_high"):
                assert found[key].item() == pytest.approx(row[key], abs=1e-12, nan_ok=True), (name, row)
    text = (run.out / "tables" / "validated_os.csv").read_text(encoding="utf-8")
    for measure in ("AUC", "Brier score", "IPA"):
        one = cox.scores["model"].find(measure, 100.0)
        assert f"{measure} at 100 days" in text
        assert format_estimate(one.corrected, one.conf_low, one.conf_high, 3) in text
    page = run.report.read_text(encoding="utf-8")
    assert "Performance in other patients" in page
    assert "AUC, Brier score and IPA were corrected for optimism by 60 bootstrap samples" in page


def test_competing_events_get_no_auc_and_no_brier_score(tmp_path: Path) -> None:
    """A cause-specific model gives no risk where events compete, and a forest that censors them neither."""
    table = made_table()
    table.loc[::5, "dead"] = 2
    low = "[groups]\nmin_events = { hazard_ratio = 5, performance = 5, forest = 5 }\n"
    text = with_groups('"tertiles"', extra=low).replace(
        'event = "dead"', 'event = "dead"\nevent_value = 1\ncompeting = { "2" = "death of another cause" }'
    )
    run = run_study(write_study(tmp_path / "s", table, text), tmp_path / "out")
    assert run.status == "COMPLETE"
    records = records_of(run)
    own = records[records["step"].str.startswith("validation/")]
    assert set(own["step"]) == {"validation/clinical", "validation/forest"}
    assert "Harrell C, corrected" in set(own["measure"])
    assert not own["measure"].str.contains("AUC|Brier|IPA").any()
    assert "by models that count competing events as censored" in run.report.read_text(encoding="utf-8")


def test_risk_groups_by_a_second_route(done: tuple[StudyRun, pd.DataFrame, sm.Outcome, sm.CoxPH]) -> None:
    run, table, outcome, spec = done
    rows = spec.fit(table, outcome).rows
    unseen = sm.predict_out_of_fold(spec, table.iloc[rows], outcome.take(rows), folds=5, repeats=3, seed=7)
    groups = unseen.assign(sm.RiskGroups()).groups
    records = records_of(run)
    own = records[(records["step"] == "risk_groups/clinical") & (records["measure"] == "patients and events")]
    for name, inside in groups.groupby(groups, observed=True):
        row = own[own["group"] == name].iloc[0]
        picked = outcome.take(rows[np.flatnonzero((groups == name).to_numpy())])
        assert (row["n"], row["n_event"]) == (len(inside), picked.n_event)
    read = records[(records["step"] == "risk_groups/clinical") & (records["measure"] == "survival")]
    again = sm.KaplanMeier().fit(outcome.take(rows), by=groups).at([100.0, 300.0])
    merged = read.merge(again, on=["group", "time"])
    assert len(merged) == 6
    # nobody is followed up to day 300
    assert merged["estimate_x"].to_numpy(dtype=float) == pytest.approx(
        merged["estimate_y"].to_numpy(), abs=1e-12, nan_ok=True
    )
    assert merged["estimate_x"].notna().sum() == 3


def test_calibration_and_forest_by_a_second_route(done: tuple[StudyRun, pd.DataFrame, sm.Outcome, sm.CoxPH]) -> None:
    run, table, outcome, spec = done
    records = records_of(run)
    rows = spec.fit(table, outcome).rows
    unseen = sm.predict_out_of_fold(
        spec, table.iloc[rows], outcome.take(rows), folds=5, repeats=3, seed=7, times=[100.0]
    )
    again = sm.calibration(outcome.take(rows), unseen.risk[100.0].to_numpy(), 100.0, seed=7)
    own = records[records["step"] == "calibration/clinical/100"].set_index("measure")
    for measure in ("observed/expected", "intercept", "slope", "ICI", "E50", "E90"):
        found = own.loc[measure, ["estimate", "conf_low", "conf_high"]].astype(float)
        assert tuple(found) == pytest.approx(again.read(measure), abs=1e-10), measure
    assert (own.loc["resamples asked for", "n"], own.loc["resamples used", "n"]) == (500, 500 - again.failed)
    forest = sm.RandomSurvivalForest("age + sex", n_trees=40, min_leaf=5, seed=7).fit(table, outcome)
    seen = np.isfinite(forest.oob_index)
    whole = sm.concordance(forest.outcome.take(np.flatnonzero(seen)), forest.oob_index[seen]).estimate
    own = records[(records["step"] == "concordance/forest") & (records["measure"] == "Harrell C, out of bag")]
    assert own["estimate"].iloc[0] == pytest.approx(whole, abs=1e-12)
    importance = sm.permutation_importance(forest, table, outcome, seed=7, limits=None).tidy()
    shown = records[records["step"] == "importance/forest"].dropna(subset=["variable"])
    assert shown.set_index("variable")["estimate"].to_dict() == pytest.approx(
        importance.set_index("variable")["estimate"].to_dict()
    )


def test_calibration_is_within_disease_groups(tmp_path: Path) -> None:
    extra = '[groups]\ncolumn = "sex"\nmin_events = { hazard_ratio = 5, performance = 5, forest = 5 }\n'
    text = with_groups('"tertiles"', forest=False, extra=extra).replace('"age + sex"', '"age"')
    study = write_study(tmp_path / "s", text=text)
    records = records_of(run_study(study, tmp_path / "out"))
    analysis = sm.build_cohort(read_study(study)).analysis("os")
    rows = sm.CoxPH("age").fit(analysis.table, analysis.outcome).rows
    table, outcome = analysis.table.iloc[rows], analysis.outcome.take(rows)
    groups = table["sex"].astype(str).to_numpy()
    unseen = sm.predict_out_of_fold(
        sm.CoxPH("age"), table, outcome, folds=5, repeats=3, seed=7, times=[100.0], strata=groups
    )
    risk, observed = unseen.risk[100.0].to_numpy(), 0.0
    for name in np.unique(groups):
        curve = sm.KaplanMeier().fit(outcome.take(np.flatnonzero(groups == name)))
        observed += np.mean(groups == name) * (1 - curve.at(100)["estimate"].iloc[0])
    own = records[records["step"] == "calibration/clinical/100"].set_index("measure")
    assert own.loc["observed/expected", "estimate"] == pytest.approx(observed / risk.mean(), rel=1e-10)
    index = pd.DataFrame({"index": np.log(-np.log1p(-risk)), "sex": groups})
    late = outcome.time > 100
    cut = sm.Outcome(np.where(late, 100, outcome.time), np.where(late, 0, outcome.event))
    slope = sm.CoxPH("index", strata="sex").fit(index, cut).coefficients["index"]
    assert own.loc["slope", "estimate"] == pytest.approx(slope, rel=1e-8)
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "slope and curve are estimated within disease groups or strata" in report
    assert f"slope {slope:.2f} (" in report


def test_brier_score_and_comparison_by_a_second_route(
    done: tuple[StudyRun, pd.DataFrame, sm.Outcome, sm.CoxPH],
) -> None:
    run, table, outcome, _ = done
    records = records_of(run)
    spec = sm.RandomSurvivalForest("age + sex", n_trees=40, min_leaf=5, seed=7)
    fit = spec.fit(table, outcome)
    whole = sm.oob_brier(fit).integrated
    own = records[records["step"] == "brier/forest"].set_index("measure")
    assert own.loc["integrated Brier score, out of bag", "estimate"] == pytest.approx(whole.estimate[0, 0], abs=1e-12)
    assert own.loc["integrated IPA, out of bag", "estimate"] == pytest.approx(whole.ipa[0, 0], abs=1e-12)
    null = own.loc["integrated Brier score of the null model, out of bag", "estimate"]
    assert null == pytest.approx(whole.estimate[1, 0], abs=1e-12)
    used, analysed = table.iloc[fit.rows], outcome.take(fit.rows)
    again = sm.compare_with_cox(spec, used, analysed, repeats=10, folds=5, seed=7)
    shown = records[records["step"] == "forest_against_cox/forest"].set_index("measure")
    outside = shown.loc["Harrell C, test, forest less Cox model"]
    expected = again.differences[0]
    for name in ("estimate", "conf_low", "conf_high"):
        assert outside[name] == pytest.approx(getattr(expected, name), abs=1e-12)
    assert shown.loc["answer", "level"] == again.answer
    report = run.report.read_text(encoding="utf-8")
    assert again.sentence[len("The forest") :].removesuffix(".")[-60:] in report
    assert "Integrated Brier" in report
    validated = records[records["step"] == "validation/forest"].set_index("measure")["estimate"]
    assert validated["Harrell C, test"] == pytest.approx(again.validation.scores["forest"].outside, abs=1e-12)


def test_a_tuned_forest_that_keeps_missing_values(tmp_path: Path) -> None:
    """The choice is told, and a Cox model of fewer patients does not take patients from the forest."""
    low = "[groups]\nmin_events = { hazard_ratio = 5, performance = 5, forest = 5 }\n"
    text = with_groups('"tertiles"', extra=low).replace(
        "min_leaf = 5",
        'tuning = { mtry = [1, 2], min_leaf = [5, 10], n_trees = 20 }\nmissing = "direction"\nmax_depth = 6\n'
        "min_events = 2\nrandom_cuts = 10",
    )
    folder = write_study(tmp_path / "s", text=text)
    run = run_study(folder, tmp_path / "out")
    assert run.status == "COMPLETE"
    records = records_of(run)
    grown = records[(records["step"] == "forest/forest") & (records["measure"] == "fit")].iloc[0]
    assert (grown["n"], grown["n_missing"]) == (60, 0)
    groups = records[(records["step"] == "risk_groups/forest") & (records["measure"] == "patients and events")]
    assert groups["n"].sum() == 60
    tried = records[records["measure"] == "tried, C out of bag"]
    assert len(tried) == 4
    assert tried["estimate"].notna().all()
    entry = read_study(folder).settings.model["forest"]
    spec = sm.RandomSurvivalForest(entry.formula, seed=7, **entry.forest_settings)
    assert (spec.max_depth, spec.min_events, spec.random_cuts, spec.missing) == (6, 2, 10, "direction")
    report = run.report.read_text(encoding="utf-8")
    assert "both chosen by out-of-bag C among 4 pairs, anew in each resample" in report
    assert "The forest keeps patients with missing values" in report


def test_nothing_is_tested_between_risk_groups(done: tuple[StudyRun, pd.DataFrame, sm.Outcome, sm.CoxPH]) -> None:
    run, *_ = done
    records = records_of(run)
    own = records[records["step"].str.startswith("risk_groups/")]
    assert own["p_value"].isna().all() if "p_value" in own else True
    report = run.report.read_text(encoding="utf-8")
    assert "No test compares these groups" in report
    assert "tertiles of the prognostic index" in report
    assert "models that had not seen that patient (5 folds, dealt out 3 times)" in report


def test_the_apparent_c_of_a_forest_is_nowhere(done: tuple[StudyRun, pd.DataFrame, sm.Outcome, sm.CoxPH]) -> None:
    run, *_ = done
    own = records_of(run)
    steps = ["validation/forest", "concordance/forest", "brier/forest", "forest_against_cox/forest"]
    own = own[own["step"].isin(steps)]
    assert not own["measure"].str.contains("apparent").any()


def test_figures_are_written(done: tuple[StudyRun, pd.DataFrame, sm.Outcome, sm.CoxPH]) -> None:
    run, *_ = done
    names = {path.stem for path in (run.out / "figures").glob("*.png")}
    expected = {"risk_groups_clinical", "risk_groups_forest", "hazard_ratios_clinical", "calibration_clinical",
                "calibration_forest", "importance_forest"}  # fmt: skip
    assert expected <= names
    for name in expected:
        assert {path.suffix for path in (run.out / "figures").glob(f"{name}.*")} == {".png", ".svg", ".pdf", ".csv"}


def test_few_events_withhold_and_are_no_failure(tmp_path: Path) -> None:
    few = "[groups]\nmin_events = { hazard_ratio = 5, performance = 500, forest = 600 }\n"
    run = run_study(write_study(tmp_path / "s", text=with_groups('"median"', extra=few)), tmp_path / "out")
    assert run.status == "COMPLETE"
    records = records_of(run)
    withheld = records[records["measure"] == "withheld"].set_index("step")["reason"]
    steps = ("validation/clinical", "validation/forest", "concordance/forest", "risk_groups/forest", "brier/forest",
             "forest_against_cox/forest")  # fmt: skip
    for step in steps:
        assert "fewer than min_events." in withheld[step]
    assert "patients and events" in records[records["step"] == "risk_groups/clinical"]["measure"].tolist()
    assert "exploratory" in run.report.read_text(encoding="utf-8")


def test_risk_at_a_horizon_with_published_cuts(tmp_path: Path) -> None:
    groups = '{ cuts = [0.3, 0.6], on = "risk", horizon = 200, source = "Smith 2020" }'
    run = run_study(write_study(tmp_path / "s", text=with_groups(groups, forest=False)), tmp_path / "out")
    assert run.status == "COMPLETE"
    assert "predicted risk at 200 days cut at 0.3, 0.6 (Smith 2020)" in run.report.read_text(encoding="utf-8")


def test_groups_that_cannot_be_formed_say_why_and_leave_the_rest(tmp_path: Path) -> None:
    """One factor of two levels has two values: tertiles of it leave a group empty."""
    text = STUDY[: STUDY.index("[model.clinical]")] + (
        '[model.clinical]\nkind = "cox"\nendpoint = "os"\nformula = "sex"\nrisk_groups = "tertiles"\n' + MORE
    )
    run = run_study(write_study(tmp_path / "s", text=text), tmp_path / "out")
    assert (run.status, run.exit_status) == ("FAILED", 4)
    report = run.report.read_text(encoding="utf-8")
    assert "not estimable: risk groups cannot be formed: the tertiles of the index leave a group empty" in report
    assert "cox/clinical" in set(records_of(run)["step"])


def run_changed(tmp_path: Path, text: str, table: pd.DataFrame | None = None) -> tuple[StudyRun, pd.DataFrame, str]:
    run = run_study(write_study(tmp_path / "s", table, text), tmp_path / "out")
    return run, records_of(run), run.report.read_text(encoding="utf-8")


def test_a_horizon_beyond_the_follow_up_says_so(tmp_path: Path) -> None:
    groups = '{ on = "risk", horizon = 99999 }'
    run, records, report = run_changed(tmp_path, with_groups(groups))
    assert run.exit_status == 4
    reasons = records[records["measure"] == "not estimable"].set_index("step")["reason"]
    assert "the horizon 99999 is beyond the longest follow-up of" in reasons["risk_groups/clinical"]
    assert "cox/clinical" in set(records["step"])
    assert "calibration/clinical/300" not in set(records["step"])
    assert "nan" not in report.lower().replace("finance", "")[report.index("<main>") :].split("<img")[0]


def test_nobody_dies(tmp_path: Path) -> None:
    table = made_table().assign(dead=0)
    text = with_groups('"tertiles"').replace('event = "dead"', 'event = "dead"\nevent_value = 1')
    run, records, report = run_changed(tmp_path, text, table)
    assert run.exit_status == 4
    reasons = records[records["measure"] == "not estimable"].set_index("step")["reason"]
    assert "there are no events" in reasons["cox/clinical"]
    assert "there are no events" in reasons["forest/forest"]
    assert "not estimable: there are no events" in report
    assert not [name for name in records["step"] if name.startswith(("validation/", "risk_groups/", "calibration/"))
                and name not in reasons]  # fmt: skip


def test_late_entry_stops_the_forest_and_nothing_else(tmp_path: Path) -> None:
    table = made_table().assign(late=0)
    table.loc[table["days"] > 5, "late"] = 2
    text = with_groups('"tertiles"').replace('event = "dead"', 'event = "dead"\nentry = "late"')
    text = text.replace(
        "[column.dead]", '[column.late]\ntype = "integer"\nunit = "days"\nrole = "outcome"\n\n[column.dead]'
    )
    run, records, _ = run_changed(tmp_path, text, table)
    assert run.exit_status == 4
    failed = records[records["measure"] == "not estimable"]
    assert failed[~failed["step"].str.endswith("/forest")].empty
    assert "cannot be grown on left-truncated rows" in failed.set_index("step")["reason"]["forest/forest"]
    assert "patients and events" in records[records["step"] == "risk_groups/clinical"]["measure"].tolist()


def test_the_same_bytes_twice(tmp_path: Path) -> None:
    study = write_study(tmp_path / "s", text=with_groups('"tertiles"'))
    first, second = (run_study(study, tmp_path / name) for name in ("one", "two"))
    assert (first.out / "results.json").read_bytes() == (second.out / "results.json").read_bytes()
    assert first.report.read_bytes() == second.report.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('risk_groups = "tertiles"', 'risk_groups = "thirds"', "must be one of"),
        ('risk_groups = "tertiles"', "risk_groups = { cuts = [0.5, 0.2] }", "ascending order"),
        ('risk_groups = "tertiles"', "risk_groups = { cuts = [0.5] }", "an index has no published scale"),
        ('risk_groups = "tertiles"', 'risk_groups = { on = "risk" }', "needs the horizon"),
        ('risk_groups = "tertiles"', "risk_groups = { horizon = 3 }", 'horizon belongs to on = "risk"'),
        ('risk_groups = "tertiles"', 'risk_groups = { source = "x" }', "quantiles come from these data"),
        ('risk_groups = "tertiles"', 'risk_groups = { labels = ["a", "a", "b"] }', "3 different names"),
        (
            'risk_groups = "tertiles"',
            'risk_groups = { cuts = [2.0], on = "risk", horizon = 3 }',
            "lie between 0 and 1",
        ),
        ("n_trees = 40", 'n_trees = 40\nstrata = "sex"', "strata is for Cox models"),
        ("n_trees = 40", "n_trees = 0", "model.forest.n_trees"),
        ("n_trees = 40", "max_depth = 0", "model.forest.max_depth"),
        ("n_trees = 40", "tuning = true", "min_leaf given and tuned"),
        ("n_trees = 40", "tuning = { mtry = [0] }", "model.forest.tuning"),
        ("n_trees = 40", "tuning = { trees = 5 }", "model.forest.tuning"),
        ("n_trees = 40", 'missing = "impute"', "model.forest.missing"),
        ('risk_groups = "tertiles"', 'risk_groups = "tertiles"\ntuning = true', "tuning is for forests"),
        ("repeats = 60", "repeats = 5", "validation.repeats: must be greater than or equal to 50"),
        ("repeats = 60", 'compare = [["clinical"]]', "at least two different models"),
        ("repeats = 60", 'compare = [["clinical", "clinical"]]', "at least two different models"),
        ("repeats = 60", 'compare = [["clinical", "clinicle"]]', "validation.compare[1]"),
        ('risk_groups = "tertiles"', 'risk_groups = "tertiles"\nn_trees = 5', "n_trees is for forests"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = with_groups('"tertiles"')
    assert old in text
    study = write_study(tmp_path / "s", text=text.replace(old, new, 1))
    with pytest.raises(StudyFileError) as caught:
        read_study(study)
    assert any(problem in one for one in caught.value.problems), caught.value.problems
