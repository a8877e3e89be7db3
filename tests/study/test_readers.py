"""Readers in a study: kappa and agreement counted by hand, ICC by another analysis of variance, DeLong by pairs."""

from __future__ import annotations

import itertools
import json
from math import exp, log2
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from study.imaging_study import FDG_SUVMAX, SUVMAX, made_tables, write_imaging_study

import survmodel as sm
from survmodel.study.config import read_study
from survmodel.study.imaging_steps import imaging_part
from survmodel.study.preparation import check_study, prepare
from survmodel.study.run import run_study
from survmodel.study.steps import run_steps


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_study(write_imaging_study(tmp_path_factory.mktemp("readers")), tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def records(run):
    return pd.DataFrame(json.loads((run.out / "results.json").read_text("utf-8"))["records"])


def part_of(path):
    prepared = prepare(read_study(path))
    found = imaging_part(prepared, run_steps(prepared))
    assert found is not None
    return found


def the(records, step, **where):
    found = records[records["step"] == step]
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1, found
    return found.iloc[0]


def test_kappa_and_agreement_of_the_readers_are_those_counted_by_hand(run, records):
    assert run.status == "COMPLETE"
    # CXCR4: 7 positive and 2 negative by both, one indeterminate against negative.
    # Agreement 9/10; by chance 0.7 * 0.7 + 0.2 * 0.3 = 0.55; kappa 0.35 / 0.45.
    kappa = the(records, "readers/kappa/cxcr4", measure="Cohen's kappa")
    assert kappa["estimate"] == pytest.approx(0.35 / 0.45)
    assert (kappa["observed"], kappa["n"]) == (pytest.approx(0.9), 10)
    assert kappa["expected"] == pytest.approx(0.55)
    cells = records[(records["step"] == "readers/kappa/cxcr4") & (records["measure"] == "scans")]
    counted = {(row["level"], row["reference"]): row["n"] for _, row in cells.iterrows() if row["n"]}
    assert counted == {
        ("positive", "positive"): 7, ("negative", "negative"): 2, ("indeterminate", "negative"): 1,
    }  # fmt: skip
    # FDG: six positive and one negative by both; three told apart; margins 0.8, 0.2 and 0.7, 0.2, 0.1.
    kappa = the(records, "readers/kappa/fdg", measure="Cohen's kappa")
    assert kappa["estimate"] == pytest.approx((0.7 - 0.6) / (1 - 0.6))
    share = the(records, "readers/agreement/cxcr4", measure="agreement")
    # Wilson's limits of 9 of 10, as Wilson (1927) gives them: (p + z2/2n +- z sqrt(pq/n + z2/4n2)) / (1 + z2/n)
    z = 1.959963984540054
    centre, reach = 0.9 + z**2 / 20, z * np.sqrt(0.09 / 10 + z**2 / 400)
    assert share["conf_low"] == pytest.approx((centre - reach) / (1 + z**2 / 10))
    assert share["conf_high"] == pytest.approx((centre + reach) / (1 + z**2 / 10))


def test_the_first_readers_lesions_are_analysed(tmp_path):
    study = write_imaging_study(tmp_path)
    cohort = sm.build_cohort(study)
    assert cohort.table["cxcr4_suvmax"].tolist()[:8] == list(SUVMAX["reader_1"])
    assert cohort.table["cxcr4_lesions"].tolist() == [1.0] * 8 + [0.0] * 2
    notes = prepare(read_study(study)).data.notes
    assert "8 scans segmented by two readers: the first one's lesions count" in notes


def test_a_scan_that_only_the_second_reader_segmented_has_his_lesions(tmp_path):
    tables = made_tables()
    lesions = [line for line in tables["lesions"] if not line.startswith("L1,C-3,spine,41pct,reader_1")]
    study = write_imaging_study(tmp_path, {"lesions": lesions})
    assert sm.build_cohort(study).table["cxcr4_suvmax"].tolist()[3] == SUVMAX["reader_2"][3]
    notes = prepare(read_study(study)).data.notes
    assert "1 scan segmented by the second reader only, whose lesions count" in notes


def test_the_icc_is_that_of_another_analysis_of_variance(records):
    values = pd.DataFrame(
        [(i, reader, log2(value)) for reader, several in SUVMAX.items() for i, value in enumerate(several)],
        columns=["patient", "reader", "value"],
    )
    table = anova_lm(ols("value ~ C(patient) + C(reader)", values).fit())
    squares = table["sum_sq"] / table["df"]
    msr, msc, mse = (squares[name] for name in ("C(patient)", "C(reader)", "Residual"))
    n, k = 8, 2
    expected = (msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n)
    found = the(records, "readers/icc/cxcr4_suvmax", measure="ICC(2,1)")
    assert found["estimate"] == pytest.approx(expected)
    assert (found["n"], found["level"]) == (8, "two readers")
    # volumes are the same by both readers: nothing but patients varies
    assert the(records, "readers/icc/cxcr4_mtv_41pct", measure="ICC(2,1)")["estimate"] == pytest.approx(1)
    assert not (records["step"] == "readers/icc/fdg_suvmax").any()


def test_the_hazard_ratio_is_corrected_by_the_icc(tmp_path, records):
    cohort = sm.build_cohort(write_imaging_study(tmp_path))
    analysis = cohort.analysis("os", "all")
    fit = sm.CoxPH("log2(cxcr4_suvmax)", strata="entity").fit(analysis.table, analysis.outcome)
    row = fit.tidy().iloc[0]
    icc = the(records, "readers/icc/cxcr4_suvmax", measure="ICC(2,1)")["estimate"]
    observed = the(records, "readers/attenuation", measure="log hazard ratio, observed")
    assert observed["estimate"] == pytest.approx(row["estimate"])
    corrected = the(records, "readers/attenuation", measure="log hazard ratio, corrected")
    assert corrected["estimate"] == pytest.approx(row["estimate"] / icc)
    assert corrected["std_error"] > row["std_error"] / icc
    ratio = the(records, "readers/attenuation", measure="hazard ratio, corrected")
    assert ratio["estimate"] == pytest.approx(exp(corrected["estimate"]))


def test_the_areas_count_pairs_and_a_scan_without_lesions_ranks_lowest(tmp_path):
    # A false positive of FDG: patient 8, without the disease, with SUVmax 5, equal to one patient and above two.
    tables = made_tables()
    tables["lesions"].append("L1,F-8,spine,41pct,,5,2.5,4")
    run = run_study(write_imaging_study(tmp_path / "s", tables), tmp_path / "out")
    records = pd.DataFrame(json.loads((run.out / "results.json").read_text("utf-8"))["records"])
    without = (5, -1)
    pairs = [(a > b) + (a == b) / 2 for a, b in itertools.product(FDG_SUVMAX, without)]
    assert the(records, "tracers/areas", model="FDG")["estimate"] == pytest.approx(np.mean(pairs))
    assert the(records, "tracers/areas", model="CXCR4")["estimate"] == 1
    assert the(records, "tracers/areas", measure="without the disease")["n"] == 2
    report = run.report.read_text("utf-8")
    assert "in 8 patients with and 2 without the disease" in report
    assert "A scan without lesions has no SUVmax and ranks below all others." in report


def test_without_patients_free_of_disease_there_is_no_area(tmp_path):
    tables = made_tables()
    tables["patients"] = [line.replace("yes,no,yes", "yes,yes,yes") for line in tables["patients"]]
    run = run_study(write_imaging_study(tmp_path / "s", tables), tmp_path / "out")
    assert "tracers/areas" not in (run.out / "results.json").read_text("utf-8")


def test_the_report_tells_how_many_were_verified(tmp_path):
    tables = made_tables()
    tables["patients"] = [
        line.replace("KEY-7,", "KEY-7,").replace("57,yes,yes", "57,yes,") for line in tables["patients"]
    ]
    run = run_study(write_imaging_study(tmp_path / "s", tables), tmp_path / "out")
    assert "Verified by the reference: 9 of 10 patients with both reads, 90.0%." in run.report.read_text("utf-8")
    records = pd.DataFrame(json.loads((run.out / "results.json").read_text("utf-8"))["records"])
    found = the(records, "tracers/accuracy", measure="verified by the reference")
    assert (found["estimate"], found["n"]) == (9, 10)


def test_readers_who_call_everything_positive_have_no_kappa_and_the_run_is_complete(tmp_path):
    tables = made_tables()
    tables["reads"] = [tables["reads"][0], *(line.rpartition(",")[0] + ",positive" for line in tables["reads"][1:])]
    run = run_study(write_imaging_study(tmp_path / "s", tables), tmp_path / "out")
    assert run.status == "COMPLETE"
    report = run.report.read_text("utf-8")
    assert "both readers gave one level to everybody" in report
    records = pd.DataFrame(json.loads((run.out / "results.json").read_text("utf-8"))["records"])
    assert the(records, "readers/agreement/cxcr4", measure="agreement")["estimate"] == 1


def test_rules_are_compared_where_lesions_are_drawn_by_several(tmp_path):
    tables = made_tables()
    for i in range(8):
        tables["lesions"].append(f"L1,C-{i},spine,fixed4,,{SUVMAX['reader_1'][i]},3,{2 * (10 + i)}")
    part = part_of(write_imaging_study(tmp_path, tables)).readers
    rules = {one.label: one for one in part.repeats if one.between.startswith("rules")}
    values = np.log2([[10 + i, 2 * (10 + i)] for i in range(8)])
    expected = sm.intraclass_correlation(values)
    found = rules["CXCR4 volume"].answer.result
    assert found.estimate == pytest.approx(expected.estimate)
    # twice the volume by one rule: all of the variance within a patient is the rule's, (1/2)^2 each on the log scale
    between = np.var(values[:, 0], ddof=1)
    assert found.estimate == pytest.approx(between / (between + 0.5))


def test_a_lesion_of_both_readers_is_none_that_stands_twice(tmp_path):
    assert check_study(write_imaging_study(tmp_path)).ok
    tables = made_tables()
    tables["lesions"].append("L1,C-0,spine,41pct,,4,2,10")
    found = check_study(write_imaging_study(tmp_path, tables)).findings
    assert [(one.code, one.rows) for one in found if one.severity == "error"] == [("D101", (2, len(tables["lesions"])))]


def test_one_reader_alone_makes_no_section(tmp_path):
    tables = made_tables()
    tables["reads"] = [line for line in tables["reads"] if "reader_2" not in line]
    tables["lesions"] = [line for line in tables["lesions"] if "reader_2" not in line]
    prepared = prepare(read_study(write_imaging_study(Path(tmp_path), tables)))
    found = imaging_part(prepared, run_steps(prepared))
    assert found is None or found.readers is None
