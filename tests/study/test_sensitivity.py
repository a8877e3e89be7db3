"""Sensitivity analyses of a study: each row is the model that one fits by hand under the other decision."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import survmodel as sm
from survmodel.data.schema import load_schema
from survmodel.report.answers import Answer
from survmodel.study.config import Study, StudyFileError, read_study
from survmodel.study.example import write_example
from survmodel.study.preparation import prepare
from survmodel.study.run import run_study
from survmodel.study.sensitivity_steps import sensitivity_parts
from survmodel.study.sensitivity_variation import in_words, resegmented, vary
from survmodel.study.settings_sensitivity import SensitivityEntry
from survmodel.study.step_parts import begin_endpoint

FORMULA = "age_years + fdg_suvmax_part + cxcr4_suvmax_part"
LEAN = ("[model.forest]", "[missing]")


def study_with(folder: Path, blocks: str, *, lock: str = "multicentre", change: tuple[str, str] = ("", "")) -> Path:
    """Write the example with other sensitivity analyses, and without its forest."""
    study = write_example(folder, lock, "strong")  # type: ignore[arg-type]
    text = study.read_text(encoding="utf-8")
    head, rest = text.split("[model.forest]", 1)
    tail = "[missing]" + rest.split("[missing]", 1)[1]
    added = '[added_value]\nbase = "fdg"\nfull = "fdg_cxcr4"\nrepeats = 20\n'
    text = head + "[validation]\nrepeats = 50\n" + added + blocks + tail
    study.write_text(text.replace(*change) if change[0] else text, encoding="utf-8")
    return study


def block(**keys: object) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in {"name": "other", **keys}.items()]
    return "\n".join(["[[sensitivity]]", *lines, ""])


def rows_of(study: Study) -> list[dict[str, object]]:
    """Give each analysis with its hazard ratio, by the steps of the study."""
    prepared = prepare(study)
    part = begin_endpoint("pfs", prepared)
    fit = sm.CoxPH(FORMULA, strata="entity").fit(part.table, part.of_one)
    (found,) = sensitivity_parts(part, {"fdg_cxcr4": Answer("cox/fdg_cxcr4", fit)})
    rows = []
    for row in found.rows:
        ratios = row.ratios()
        values = ratios[["estimate", "conf_low", "conf_high"]].to_numpy()[0] if len(ratios) else None
        rows.append({"name": row.name, "values": values, "counts": row.counts, "reason": row.answer.reason})
    return rows


def ratio(
    table: pd.DataFrame, outcome: sm.Outcome, formula: str = FORMULA, marker: str = "cxcr4_suvmax_part"
) -> np.ndarray:
    fit = sm.CoxPH(formula, strata="entity").fit(table, outcome)
    own = fit.hazard_ratios()
    return own.loc[own["variable"] == marker, ["estimate", "conf_low", "conf_high"]].to_numpy()[0]


class TestRows:
    def test_filter_is_a_fit_to_the_selected(self, tmp_path: Path) -> None:
        study = read_study(study_with(tmp_path, block(filter="ecog <= 1 and cxcr4_scanner == 'scanner_A'")))
        analysis = sm.build_cohort(study).analysis("pfs")
        declared, other = rows_of(study)
        assert declared["values"] == pytest.approx(ratio(analysis.table, analysis.outcome))
        table = analysis.table
        inside = ((table["ecog"] <= 1) & (table["cxcr4_scanner"] == "scanner_A")).to_numpy(dtype=bool, na_value=False)
        assert 20 < inside.sum() < len(table)
        rows = np.flatnonzero(inside)
        assert other["values"] == pytest.approx(ratio(table.iloc[rows], analysis.outcome.take(rows)))

    def test_censoring_at_a_new_treatment(self, tmp_path: Path) -> None:
        """The same as an endpoint that declares it."""
        study = read_study(study_with(tmp_path / "a", block(censor_at=["new_treatment_date"])))
        own = 'censor = "last_assessment_date"'
        change = own, f'{own}\ncensor_at = ["new_treatment_date"]'
        declared_so = sm.build_cohort(study_with(tmp_path / "b", "", change=change)).analysis("pfs")
        as_declared = sm.build_cohort(study).analysis("pfs")
        assert (declared_so.outcome.time < as_declared.outcome.time).any(), "somebody was treated anew while observed"
        assert rows_of(study)[1]["values"] == pytest.approx(ratio(declared_so.table, declared_so.outcome))

    def test_time_from_diagnosis_begins_observation_at_the_scan(self, tmp_path: Path) -> None:
        """Without late entry nobody could die between diagnosis and scan."""
        study = read_study(study_with(tmp_path, block(origin="diagnosis_date")))
        varied = prepare(Study(study.name, study.folder, study.file, study.sha256,
                               vary(study.settings, study.settings.sensitivity[0])))  # fmt: skip
        outcome, declared = varied.cohort.outcome("pfs"), sm.build_cohort(study).outcome("pfs")
        assert outcome.entry is not None
        assert outcome.time - outcome.entry == pytest.approx(declared.time)
        assert (outcome.entry > 0).mean() > 0.9
        analysis = varied.cohort.analysis("pfs", "prognostic")
        assert rows_of(study)[1]["values"] == pytest.approx(ratio(analysis.table, analysis.outcome))

    def test_another_segmentation_rule(self, tmp_path: Path) -> None:
        """Lesions twice: under a second rule with 1.5 times the volume of every second lesion."""
        change = ('cxcr4_suvmax_part"\nstrata', 'sqrt(cxcr4_mtv_41pct)"\nstrata')
        text = 'name = "cxcr4_suvmax"', 'name = "cxcr4_mtv_41pct"'
        path = study_with(tmp_path, block(segmentation="liver"), change=change)
        declared = path.read_text(encoding="utf-8")
        with_table = re.sub(r"lesions = \[.*?\n\]", 'lesions = { path = "data/lesions.csv" }', declared, flags=re.S)
        path.write_text(with_table.replace(*text), encoding="utf-8")
        sm.simulate_study("multicentre", "strong").write(tmp_path / "data")
        lesions = pd.read_csv(tmp_path / "data" / "lesions.csv", dtype=str)
        second = lesions.assign(segmentation=rule_beside("41pct"))
        volume = second["volume_ml"].astype(float) * np.where(np.arange(len(second)) % 2, 1.5, 1.0)
        second["volume_ml"] = volume.round(3).astype(str)
        pd.concat([lesions, second]).to_csv(tmp_path / "data" / "lesions.csv", index=False)
        rule = rule_beside("41pct")
        path.write_text(path.read_text(encoding="utf-8").replace('"liver"', f'"{rule}"'), encoding="utf-8")
        study = read_study(path)
        prepared = prepare(study)
        part = begin_endpoint("pfs", prepared)
        name = f"cxcr4_mtv_{rule}"
        expected = ratio(part.table, part.of_one, f"age_years + fdg_suvmax_part + sqrt({name})", name)
        fit = sm.CoxPH("age_years + fdg_suvmax_part + sqrt(cxcr4_mtv_41pct)", strata="entity")
        first = Answer("cox/fdg_cxcr4", fit.fit(part.table, part.of_one))
        (found,) = sensitivity_parts(part, {"fdg_cxcr4": first})
        assert found.rows[1].columns == (name,)
        values = found.rows[1].ratios()[["estimate", "conf_low", "conf_high"]].to_numpy()[0]
        assert values == pytest.approx(expected)
        assert values[0] != pytest.approx(found.rows[0].ratios()["estimate"].iloc[0])

    def test_the_first_reader_decides(self, tmp_path: Path) -> None:
        study = read_study(study_with(tmp_path, block(read="reader_1")))
        varied = Study(study.name, study.folder, study.file, study.sha256,
                       vary(study.settings, study.settings.sensitivity[0]))  # fmt: skip
        tables = [sm.build_cohort(one).table for one in (study, varied)]
        reads = pd.read_csv(tmp_path / "data" / "reads.csv", dtype=str)
        scans = pd.read_csv(tmp_path / "data" / "scans.csv", dtype=str).set_index("scan_id")
        first = reads[reads["reader"] == "reader_1"].set_index("scan_id")["result"]
        own = first.groupby(
            scans.loc[first.index, "patient_id"].to_numpy() + scans.loc[first.index, "tracer"].to_numpy()
        )
        expected = own.first()
        got = tables[1]["cxcr4_read"].astype(object).dropna()
        assert got.tolist() == [expected[f"{patient}cxcr4"] for patient in got.index]
        assert (tables[0]["cxcr4_read"].astype(str) != tables[1]["cxcr4_read"].astype(str)).any()

    def test_what_cannot_be_made_says_why(self, tmp_path: Path) -> None:
        blocks = block(name="nobody", filter="age_years > 120") + block(name="few", filter="age_years < 35")
        _, nobody, few = rows_of(read_study(study_with(tmp_path, blocks)))
        assert "nobody is left in the analysis set" in str(nobody["reason"])
        assert "fewer than min_events.hazard_ratio = 10" in str(few["reason"])


def rule_beside(rule: str) -> str:
    rules = [level.value for level in load_schema().table("lesions").field("segmentation").categories]
    return next(one for one in rules if one != rule)


class TestStudyFile:
    @pytest.mark.parametrize(
        ("keys", "problem"),
        [
            ({}, "changes nothing"),
            ({"filter": "ecog <"}, "sensitivity[1]: analysis_set.sensitivity.include"),
            ({"filter": "vital_status == 'dead'"}, "no column"),
            ({"filter": "colour == 'red'"}, "colour"),
            ({"origin": "no_date"}, "sensitivity[1]: endpoint.pfs.origin: no column 'no_date'"),
            ({"censor_at": ["death_date"]}, "two parts to play"),
            ({"segmentation": "by eye"}, "sensitivity[1].segmentation: 'by eye' is not a rule"),
            ({"segmentation": "41pct"}, "depends on a rule, or it is the same"),
            ({"read": "reader_9"}, "read"),
            ({"filter": "ecog <= 1", "model": "none"}, "sensitivity[1].model: no model 'none'"),
            ({"filter": "ecog <= 1", "colour": "red"}, "colour"),
        ],
    )
    def test_refused(self, tmp_path: Path, keys: dict[str, object], problem: str) -> None:
        with pytest.raises(StudyFileError) as caught:
            read_study(study_with(tmp_path, block(**keys)))
        assert problem in str(caught.value)

    def test_two_of_one_name(self, tmp_path: Path) -> None:
        blocks = block(filter="ecog <= 1") + block(filter="ecog <= 2")
        with pytest.raises(StudyFileError, match="'other' is taken already"):
            read_study(study_with(tmp_path, blocks))

    def test_a_spline_has_no_single_ratio(self, tmp_path: Path) -> None:
        change = ('cxcr4_suvmax_part"\nstrata', 'rcs(cxcr4_suvmax, 3)"\nstrata')
        with pytest.raises(StudyFileError, match="has no single hazard ratio"):
            read_study(study_with(tmp_path, block(filter="ecog <= 1"), change=change))

    def test_variation_leaves_the_study_as_it_was(self, tmp_path: Path) -> None:
        settings = read_study(study_with(tmp_path, block(filter="ecog <= 1", censor="last_contact_date"))).settings
        before = settings.model_dump_json()
        varied = vary(settings, settings.sensitivity[0])
        assert settings.model_dump_json() == before
        assert varied.endpoint["pfs"].censor == "last_contact_date"
        assert list(varied.analysis_set["sensitivity"].include)[-1] == "ecog <= 1"
        assert varied.set_of("os") == settings.set_of("os"), "other endpoints stay"

    def test_words(self) -> None:
        entry = SensitivityEntry(name="x", origin="diagnosis_date", censor="last_contact_date", segmentation="suv4")
        assert in_words(entry, {"diagnosis_date": "date of diagnosis"}) == (
            "time zero: date of diagnosis, under observation from the scan; censored at: last_contact_date; "
            "segmentation suv4"
        )

    def test_names_of_columns_under_a_rule(self, tmp_path: Path) -> None:
        settings = read_study(study_with(tmp_path, "")).settings
        rule = rule_beside("41pct")
        entry = SensitivityEntry(name="x", segmentation=rule)
        assert resegmented("fdg_tlu_41pct", entry, settings) == f"fdg_tlu_{rule}"
        assert resegmented("fdg_suvmax", entry, settings) == "fdg_suvmax"


def test_report_and_records(tmp_path: Path) -> None:
    blocks = block(name="fit patients", filter="ecog <= 1") + block(name="few", filter="age_years < 35")
    run = run_study(study_with(tmp_path / "s", blocks), tmp_path / "out")
    assert run.status == "COMPLETE"
    table = pd.read_csv(run.out / "tables" / "sensitivity_fdg_cxcr4.csv", dtype=str, keep_default_na=False)
    assert table["Analysis"].tolist() == ["As declared", "fit patients", "few"]
    assert table["Decided otherwise"].tolist() == ["", "only ecog <= 1", "only age_years < 35"]
    assert table["Hazard ratio (95% CI)"].tolist()[2] == "—"
    records = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    own = {one["step"]: one for one in records if one["step"].startswith("sensitivity/") and "estimate" in one}
    fit = own["sensitivity/fit patients"]
    assert table["Events"].tolist()[1] == str(fit["n_event"])
    assert table["Hazard ratio (95% CI)"].tolist()[1].startswith(f"{fit['estimate']:.2f} ")
    report = (run.out / "report.html").read_text(encoding="utf-8")
    assert "The question was asked again under 2 other decisions" in report
    assert "as declared; 1 analysis could not be made or printed" in report
    cox = next(one for one in records if one["step"] == "cox/fdg_cxcr4" and one.get("variable") == "cxcr4_suvmax_part"
               and one["measure"] == "hazard ratio")  # fmt: skip
    assert own["sensitivity/"]["estimate"] == cox["estimate"]
