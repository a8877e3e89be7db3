"""How scans were made, in a study: columns of patients, the table, scanners as strata and left out in turn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import survmodel as sm
from survmodel.markers.acquisition import acquisition_facts
from survmodel.report.answers import Answer
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.example import write_example
from survmodel.study.imaging_steps import imaging_part
from survmodel.study.left_out_steps import left_out_parts
from survmodel.study.preparation import prepare
from survmodel.study.run import run_study
from survmodel.study.sensitivity_steps import sensitivity_parts
from survmodel.study.step_parts import begin_endpoint

FORMULA = "age_years + fdg_suvmax_part + cxcr4_suvmax_part"
SCANNERS = ["scanner_A", "scanner_B", "scanner_C", "scanner_D"]


def lean(folder: Path, *blocks: str, compare: bool = False) -> Path:
    """Write the example without its forest and resampling."""
    study = write_example(folder, "multicentre", "strong")
    head, rest = study.read_text(encoding="utf-8").split("[model.forest]", 1)
    validation = '[validation]\nrepeats = 50\nleave_out = "cxcr4_scanner"\n'
    validation += 'compare = [["fdg_cxcr4", "fdg"]]\n' if compare else ""
    added = '[added_value]\nbase = "fdg"\nfull = "fdg_cxcr4"\nrepeats = 20\n\n'
    tail = "[missing]" + rest.split("[missing]", 1)[1]
    study.write_text("\n".join([head, validation, added, *blocks, tail]), encoding="utf-8")
    return study


class TestColumns:
    def test_patients_have_what_their_scans_say(self, tmp_path: Path) -> None:
        """A second route: the file, by patient."""
        table = sm.build_cohort(lean(tmp_path)).table
        scans = pd.read_csv(tmp_path / "data" / "scans.csv")
        own = scans[scans["tracer"] == "fdg"].set_index("patient_id").loc[table.index]
        assert table["fdg_uptake_min"].tolist() == own["uptake_min"].astype(float).tolist()
        assert table["fdg_mbq_per_kg"].tolist() == (own["injected_mbq"] / own["weight_kg"]).tolist()
        assert table["fdg_reconstruction"].tolist() == own["reconstruction"].tolist()
        assert table["fdg_earl"].tolist() == (own["earl"] == "yes").tolist()
        assert table["fdg_in_window"].tolist() == own["uptake_min"].between(55, 75).tolist()
        assert "fdg_glucose" not in table
        assert "fdg_batch" not in table

    @pytest.mark.parametrize(
        ("uptake", "activity", "inside"),
        [(60.0, 140.0, True), (60.0, 20.0, False), (80.0, 140.0, False), (None, 140.0, True), (None, 20.0, False),
         (60.0, None, True), (None, None, pd.NA)],
    )  # fmt: skip
    def test_what_is_not_known_is_no_deviation(self, uptake: float, activity: float, inside: object) -> None:
        scans = pd.DataFrame(
            {
                "scan_id": ["s"], "patient_id": ["a"], "tracer": ["cxcr4"], "scan_role": ["baseline"],
                "weight_kg": [70.0], "uptake_min": [uptake], "injected_mbq": [activity],
            }
        )  # fmt: skip
        table = acquisition_facts(pd.Index(["a"]), scans)
        if inside is pd.NA:
            assert "cxcr4_in_window" not in table
        else:
            assert table["cxcr4_in_window"].tolist() == [inside]

    def test_an_interim_scan_says_nothing_of_the_baseline_scan(self) -> None:
        scans = pd.DataFrame(
            {
                "scan_id": ["s", "t"], "patient_id": ["a", "a"], "tracer": ["cxcr4"] * 2,
                "scan_role": ["baseline", "interim"], "weight_kg": [70.0, 60.0], "uptake_min": [60.0, 99.0],
                "injected_mbq": [140.0, 150.0],
            }
        )  # fmt: skip
        table = acquisition_facts(pd.Index(["a"]), scans)
        assert table["cxcr4_uptake_min"].tolist() == [60.0]
        assert table["cxcr4_in_window"].tolist() == [True]


class TestDays:
    def test_diagnosis_scan_and_treatment(self, tmp_path: Path) -> None:
        """A second route: the files, by patient."""
        cohort = sm.build_cohort(lean(tmp_path))
        table = cohort.table
        patients = pd.read_csv(tmp_path / "data" / "patients.csv", parse_dates=["diagnosis_date"]).set_index(
            "patient_id"
        )
        scans = pd.read_csv(tmp_path / "data" / "scans.csv", parse_dates=["scan_date"])
        own = scans[scans["tracer"] == "cxcr4"].set_index("patient_id")["scan_date"].loc[table.index]
        days = (own - patients["diagnosis_date"].loc[table.index]).dt.days.astype(float)
        pd.testing.assert_series_equal(table["cxcr4_days_from_diagnosis"], days, check_names=False)
        therapy = pd.read_csv(tmp_path / "data" / "therapy.csv", parse_dates=["therapy_date"])
        first = therapy[therapy["kind"] != "watch_and_wait"].groupby("patient_id")["therapy_date"].min()
        to = (first.reindex(table.index) - own).dt.days.astype(float)
        pd.testing.assert_series_equal(table["cxcr4_days_to_treatment"], to, check_names=False)
        assert table["cxcr4_before_treatment"].tolist() == (~(to < 0)).tolist()
        roles = {one.name: one.role for one in cohort.fields}
        assert roles["cxcr4_days_to_treatment"] == "post_baseline"

    def test_a_scan_on_the_first_day_of_treatment_is_before_it(self) -> None:
        scans = pd.DataFrame(
            {
                "scan_id": list("stu"), "patient_id": list("abc"), "tracer": ["cxcr4"] * 3, "weight_kg": [70.0] * 3,
                "scan_role": ["baseline"] * 3, "uptake_min": [60.0] * 3, "injected_mbq": [140.0] * 3,
                "scan_date": pd.to_datetime(["2021-02-10"] * 3),
            }
        )  # fmt: skip
        treatment = pd.Series(pd.to_datetime(["2021-02-10", "2021-02-09"]), index=["a", "b"])
        table = acquisition_facts(pd.Index(list("abc")), scans, treatment=treatment)
        assert table["cxcr4_before_treatment"].tolist() == [True, False, True]
        assert table["cxcr4_days_to_treatment"].tolist()[:2] == [0.0, -1.0]
        assert "cxcr4_days_from_diagnosis" not in table
        assert "cxcr4_before_treatment" not in acquisition_facts(pd.Index(list("abc")), scans)

    def test_who_was_treated_before_the_scan_leaves_in_the_flow(self, tmp_path: Path) -> None:
        path = lean(tmp_path)
        rule = '"confirmed" = "disease not confirmed"\n"cxcr4_before_treatment" = "scanned after treatment began"\n'
        head, tail = path.read_text(encoding="utf-8").split("[analysis_set.prognostic.include]\n", 1)
        tail = tail.replace('"confirmed" = "disease not confirmed"\n', rule, 1)
        path.write_text(f"{head}[analysis_set.prognostic.include]\n{tail}", encoding="utf-8")
        file = tmp_path / "data" / "therapy.csv"
        therapy = pd.read_csv(file, dtype=str)
        scans = pd.read_csv(tmp_path / "data" / "scans.csv", dtype=str).set_index("patient_id")["scan_date"]
        patients = pd.read_csv(tmp_path / "data" / "patients.csv", dtype=str).set_index("patient_id")
        treated = therapy[(therapy["kind"] == "systemic") & (therapy["patient_id"].map(patients["confirmed"]) == "yes")]
        who = treated["patient_id"].drop_duplicates().iloc[:3]
        days = (pd.to_datetime(scans.groupby(level=0).min().loc[who]) - pd.Timedelta(days=5)).dt.strftime("%Y-%m-%d")
        rows = therapy.index[therapy["patient_id"].isin(who)]
        therapy.loc[rows, "therapy_date"] = therapy.loc[rows, "patient_id"].map(days)
        therapy.to_csv(file, index=False)
        steps = prepare(read_study(path)).cohort.sets["prognostic"][1]
        (found,) = (step for step in steps if step.reason == "scanned after treatment began")
        first = therapy[therapy["kind"] != "watch_and_wait"].groupby("patient_id")["therapy_date"].min()
        all_scans = pd.read_csv(tmp_path / "data" / "scans.csv", dtype=str)
        own = all_scans[all_scans["tracer"] == "cxcr4"].set_index("patient_id")["scan_date"]
        early = (first.reindex(own.index) < own) & (patients["confirmed"].reindex(own.index) == "yes")
        assert set(who) <= set(early.index[early])
        assert found.n_removed == int(early.sum())


class TestTable:
    def test_numbers_are_those_of_the_scans(self, tmp_path: Path) -> None:
        prepared = prepare(read_study(lean(tmp_path)))
        part = imaging_part(prepared, ())
        assert part is not None
        assert part.acquisition is not None
        assert part.acquisition.by_tracer.result is not None
        tidy = part.acquisition.by_tracer.result.tidy()
        scans = pd.read_csv(tmp_path / "data" / "scans.csv")
        for tracer in ("cxcr4", "fdg"):
            own = scans[scans["tracer"] == tracer]
            rows = tidy[(tidy["group"] == tracer.upper()) & (tidy["variable"] == "injected_mbq")].set_index("measure")
            assert rows.loc["median", "estimate"] == own["injected_mbq"].median()
            assert rows.loc["q3", "estimate"] == own["injected_mbq"].quantile(0.75)
            used = tidy[(tidy["group"] == tracer.upper()) & (tidy["variable"] == "scanner")].set_index("level")
            counts = own["scanner"].value_counts()
            assert all(used.loc[name, "estimate"] == counts[name] for name in SCANNERS)
        (cxcr4, answer), _ = part.acquisition.by_scanner
        assert cxcr4 == "CXCR4"
        assert answer.result is not None
        tidy = answer.result.tidy()
        late = scans[(scans["tracer"] == "cxcr4") & ~scans["uptake_min"].between(45, 75)]["scanner"].value_counts()
        outside = tidy[(tidy["variable"] == "outside_window") & (tidy["measure"] == "count")].set_index("group")
        assert {name: outside.loc[name, "estimate"] for name in SCANNERS} == {n: late.get(n, 0) for n in SCANNERS}


class TestScanners:
    def test_as_strata(self, tmp_path: Path) -> None:
        model = (
            f'[model.by_scanner]\nkind = "cox"\nendpoint = "pfs"\nformula = "{FORMULA}"\n'
            'strata = ["entity", "cxcr4_scanner"]\n'
        )
        run = run_study(lean(tmp_path / "s", model), tmp_path / "out")
        analysis = sm.build_cohort(tmp_path / "s" / "study.toml").analysis("pfs")
        fit = sm.CoxPH(FORMULA, strata=["entity", "cxcr4_scanner"]).fit(analysis.table, analysis.outcome)
        expected = fit.hazard_ratios().set_index("variable").loc["cxcr4_suvmax_part", "estimate"]
        records = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
        own = [
            one for one in records
            if one["step"] == "cox/by_scanner" and one.get("variable") == "cxcr4_suvmax_part"
            and one["measure"] == "hazard ratio"
        ]  # fmt: skip
        assert [one["estimate"] for one in own] == pytest.approx([expected])

    def test_left_out_of_the_question_in_turn(self, tmp_path: Path) -> None:
        block = '[[sensitivity]]\nname = "each scanner"\nleave_out = "cxcr4_scanner"\n'
        prepared = prepare(read_study(lean(tmp_path, block)))
        part = begin_endpoint("pfs", prepared)
        fit = sm.CoxPH(FORMULA, strata="entity").fit(part.table, part.of_one)
        (found,) = sensitivity_parts(part, {"fdg_cxcr4": Answer("cox/fdg_cxcr4", fit)})
        assert [row.name for row in found.rows[1:]] == [f"each scanner: without {name}" for name in SCANNERS]
        for row, name in zip(found.rows[1:], SCANNERS, strict=True):
            kept = np.flatnonzero(part.table["cxcr4_scanner"] != name)
            by_hand = sm.CoxPH(FORMULA, strata="entity").fit(part.table.iloc[kept], part.of_one.take(kept))
            own = by_hand.hazard_ratios().set_index("variable")
            columns = ["estimate", "conf_low", "conf_high"]
            assert row.ratios()[columns].to_numpy()[0] == pytest.approx(
                own.loc["cxcr4_suvmax_part", columns].to_numpy(float)
            )

    def test_with_a_filter_both_hold(self, tmp_path: Path) -> None:
        block = '[[sensitivity]]\nname = "fit"\nfilter = "ecog <= 1 or age_years < 60"\nleave_out = "cxcr4_scanner"\n'
        part = begin_endpoint("pfs", prepare(read_study(lean(tmp_path, block))))
        fit = sm.CoxPH(FORMULA, strata="entity").fit(part.table, part.of_one)
        (found,) = sensitivity_parts(part, {"fdg_cxcr4": Answer("cox/fdg_cxcr4", fit)})
        young = (part.table["ecog"] <= 1) | (part.table["age_years"] < 60)
        kept = young & (part.table["cxcr4_scanner"] != "scanner_A")
        complete = part.table[FORMULA.split(" + ")].notna().all(axis=1)
        assert found.rows[1].counts[0] == int((kept & complete).sum())

    @pytest.mark.parametrize("compare", [True, False])
    def test_models_in_a_scanner_that_they_had_not_seen(self, tmp_path: Path, compare: bool) -> None:
        part = begin_endpoint("pfs", prepare(read_study(lean(tmp_path, compare=compare))))
        parts = list(left_out_parts(part))
        assert [list(one.labels) for one in parts] == ([["fdg_cxcr4", "fdg"]] if compare else [["fdg"], ["fdg_cxcr4"]])
        result = parts[0].answer.result
        assert result is not None
        columns = FORMULA.split(" + ") if compare else FORMULA.split(" + ")[:2]
        rows = np.flatnonzero(part.table[[*columns, "entity", "cxcr4_scanner"]].notna().all(axis=1))
        table, outcome = part.table.iloc[rows], part.of_one.take(rows)
        new = np.flatnonzero(table["cxcr4_scanner"] == "scanner_B")
        learn = np.flatnonzero(table["cxcr4_scanner"] != "scanner_B")
        fit = sm.CoxPH(" + ".join(columns), strata="entity").fit(table.iloc[learn], outcome.take(learn))
        seen = table.iloc[new]
        c = sm.concordance(outcome.take(new), fit.prognostic_index(seen), strata=seen["entity"])
        own = result.tidy().query("measure == 'Harrell C'")
        own = own[own["model"] == ("fdg_cxcr4" if compare else "fdg")].set_index("group")
        assert own.loc["scanner_B", "estimate"] == pytest.approx(c.estimate)
        assert own.loc["scanner_B", "n"] == new.size
        assert parts[0].n_unknown == len(part.table) - rows.size

    def test_report_and_records(self, tmp_path: Path) -> None:
        run = run_study(lean(tmp_path / "s", compare=True), tmp_path / "out")
        assert run.status == "COMPLETE"
        report = (run.out / "report.html").read_text(encoding="utf-8")
        for words in ("How the scans were made", "Models in groups that they had not seen", "Outside a window"):
            assert words in report
        shown = pd.read_csv(run.out / "tables" / "left_out_pfs.csv", dtype=str)
        records = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
        own = [one for one in records if one["step"].startswith("left_out/") and one["measure"] == "Harrell C"]
        assert len(own) == len(shown) == 2 * (len(SCANNERS) + 1)
        first = next(one for one in own if one["group"] == "scanner_A" and one["model"] == "fdg")
        cell = shown[(shown.iloc[:, 0] == "scanner_A") & (shown["Model"] == "age and FDG")]["C (95% limits)"].item()
        assert cell.startswith(f"{first['estimate']:.3f} ({first['conf_low']:.3f}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('leave_out = "cxcr4_scanner"', 'leave_out = "scanner"'), "validation.leave_out: no column 'scanner'"),
        (('leave_out = "cxcr4_scanner"', 'leave_out = "age_years"'), "column 'age_years' is of type number"),
        (("[added_value]", '[[sensitivity]]\nname = "x"\nleave_out = "ages"\n[added_value]'), "leave_out: no column"),
    ],
)
def test_groups_that_cannot_be(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = lean(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(StudyFileError) as caught:
        read_study(path)
    assert said in str(caught.value)


def test_one_group_cannot_be_left_out(tmp_path: Path) -> None:
    """All scans of one scanner: the row of the sensitivity analysis and the table say why there is none."""
    path = lean(tmp_path, '[[sensitivity]]\nname = "each"\nleave_out = "cxcr4_scanner"\n')
    file = tmp_path / "data" / "scans.csv"
    scans = pd.read_csv(file, dtype=str)
    scans.assign(scanner="scanner_A").to_csv(file, index=False)
    part = begin_endpoint("pfs", prepare(read_study(path)))
    fit = sm.CoxPH(FORMULA, strata="entity").fit(part.table, part.of_one)
    (found,) = sensitivity_parts(part, {"fdg_cxcr4": Answer("cox/fdg_cxcr4", fit)})
    assert "2 to 12 of them" in found.rows[1].answer.reason
    assert all("one group only" in one.answer.reason for one in left_out_parts(part))
