"""A study that imputes: pooled numbers computed again by the public functions and by Rubin's formula."""

from __future__ import annotations

import json
import shutil
import subprocess
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, made_table, write_study
from study.test_numbers_of_the_report import CONSTANTS, is_there, numbers_of, values_of

import survmodel as sm
from survmodel.cli import main
from survmodel.data.findings import FindingsError
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.imputation_plan import plan_imputation
from survmodel.study.preparation import prepare
from survmodel.study.run import StudyRun, run_study

RSCRIPT = shutil.which("Rscript")
LDH = '\n[column.ldh]\nlabel = "LDH"\ntype = "number"\nunit = "U/L"\nmissing = ["NA"]\n'
IMPUTE = '\n[missing]\nmethod = "multiple_imputation"\n'
FEW = "\n[validation]\nimputed_repeats = 25\nfolds = 2\nfold_repeats = 1\n"
LOW = "\n[groups]\nmin_events = { hazard_ratio = 5, performance = 5 }\n"
GROUPED = '\n[model.grouped]\nkind = "cox"\nendpoint = "os"\nformula = "age_group + ldh"\nlabel = "grouped model"\n'


def with_labs(n: int = 60, every: int = 6) -> pd.DataFrame:
    """The made table with LDH, of which each sixth value is missing."""
    table = made_table(n)
    ldh = (200 + np.random.default_rng(2).integers(0, 200, n)).astype(str)
    ldh[::every] = "NA"
    return table.assign(ldh=ldh)


def study_text(more: str = "", missing: str = IMPUTE) -> str:
    text = STUDY.replace('formula = "age + sex"', 'formula = "age + sex + log2(ldh)"')
    return text + LDH + GROUPED + missing + FEW + LOW + more


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> StudyRun:
    folder = tmp_path_factory.mktemp("imputed")
    return run_study(write_study(folder / "s", with_labs(), study_text()), folder / "out")


@pytest.fixture(scope="module")
def records(done: StudyRun) -> pd.DataFrame:
    return pd.DataFrame(json.loads((done.out / "results.json").read_text(encoding="utf-8"))["records"])


def cut_age(table: pd.DataFrame) -> pd.Series:
    """The factor of the study file, cut by hand."""
    return pd.cut(table["age"].astype(float), [0, 50, 65, 200], right=False,
                  labels=["under 50", "50 to 64", "65 and over"])  # fmt: skip


@pytest.fixture(scope="module")
def route(done: StudyRun) -> tuple[pd.DataFrame, sm.Outcome, sm.MultipleImputation]:
    """The rows, their outcome and the imputation, written by hand."""
    analysis = sm.build_cohort(done.out.parent / "s" / "study.toml").analysis("os")
    table = analysis.table[["age", "sex", "ldh", "age_group"]]
    spec = sm.MultipleImputation(columns=["age", "sex", "ldh"], m=20, derive={"age_group": cut_age}, seed=7)
    return table, analysis.outcome, spec


def test_the_run_is_complete_and_imputes_who_lacks_a_value(done: StudyRun, records: pd.DataFrame) -> None:
    """Rows 3 and 17 lack age, ten lack LDH, none both: 12 of 60 patients, 20 imputations."""
    assert done.status == "COMPLETE"
    own = records[records["step"] == "imputation/os"].fillna({"variable": ""}).set_index(["measure", "variable"])
    assert own.loc[("imputations", ""), "n"].item() == 20
    assert own.loc[("values imputed", "age"), "n_missing"].item() == 2
    assert own.loc[("values imputed", "ldh"), "n_missing"].item() == 10
    assert own.loc[("patients with an imputed value", ""), "n_missing"].item() == 12
    counts = records[(records["step"] == "pooled/clinical") & (records["measure"] == "patients and events")]
    assert counts["n"].item() == 60


def test_pooled_hazard_ratios_by_a_second_route(
    records: pd.DataFrame, route: tuple[pd.DataFrame, sm.Outcome, sm.MultipleImputation]
) -> None:
    """Rubin's rules, written out over fits to the completed tables."""
    table, outcome, imputation = route
    tables = imputation.fit(table, outcome).development
    assert not any(one.isna().to_numpy().any() for one in tables)
    for name, formula in (("clinical", "age + sex + log2(ldh)"), ("grouped", "age_group + ldh")):
        reference = {"sex": "female"} if name == "clinical" else None
        fits = [sm.CoxPH(formula, reference=reference).fit(one, outcome) for one in tables]
        beta = np.array([fit.coefficients for fit in fits])
        within = np.mean([np.diag(fit.covariance) for fit in fits], axis=0)
        between = beta.var(axis=0, ddof=1)
        total = within + (1 + 1 / 20) * between
        own = records[(records["step"] == f"pooled/{name}") & (records["measure"] == "log hazard ratio, pooled")]
        own = own.set_index("term").loc[list(fits[0].coefficients.index)]
        assert own["estimate"].to_numpy(float) == pytest.approx(beta.mean(axis=0), abs=1e-10)
        assert own["std_error"].to_numpy(float) == pytest.approx(np.sqrt(total), abs=1e-10)
        # fraction of missing information, with its correction for few imputations
        riv = (1 + 1 / 20) * between / within
        freedom = 19 * (1 + 1 / riv) ** 2
        assert own["fmi"].to_numpy(float) == pytest.approx((riv + 2 / (freedom + 3)) / (riv + 1), rel=1e-8)
        logits = []
        for fit, one in zip(fits, tables, strict=True):
            logits.append(sm.concordance(outcome, fit.prognostic_index(one)).estimate)
        pooled = 1 / (1 + np.exp(-np.mean(np.log(np.array(logits) / (1 - np.array(logits))))))
        shown = records[records["step"] == f"pooled_concordance/{name}"]["estimate"].item()
        assert shown == pytest.approx(pooled, abs=1e-10)


def test_validation_repeats_the_imputation(
    records: pd.DataFrame, route: tuple[pd.DataFrame, sm.Outcome, sm.MultipleImputation]
) -> None:
    table, outcome, imputation = route
    spec = sm.Pipeline([imputation], sm.CoxPH("age + sex + log2(ldh)", reference={"sex": "female"}))
    expected = sm.validate(spec, table, outcome, repeats=25, horizons=[100.0], seed=7)
    own = records[records["step"] == "validation/clinical"]
    for row in expected.tidy().to_dict("records"):
        found = own[own["measure"] == f"{row['measure']}, {row['sample']}"]["estimate"].item()
        assert found == pytest.approx(row["estimate"], abs=1e-10, nan_ok=True), row
    unseen = sm.predict_out_of_fold(spec, table, outcome, folds=2, repeats=1, seed=7, times=[100.0])
    again = sm.calibration(outcome, unseen.risk[100.0].to_numpy(), 100.0, seed=7)
    shown = records[(records["step"] == "calibration/clinical/100") & (records["measure"] == "observed/expected")]
    assert shown["estimate"].item() == pytest.approx(again.read("observed/expected")[0], abs=1e-10)


def test_the_report_says_what_was_done(done: StudyRun) -> None:
    page = unescape(done.report.read_text(encoding="utf-8"))
    for words in (
        "imputed 20 times by chained equations (10 cycles), from age, sex and LDH",
        "times and events themselves were never imputed",
        "pooled by Rubin's rules",
        "patients were drawn first and imputed then",
        "Missing information",
        "Clinical model, complete cases: hazard ratios for death (48 patients",
        "pooled over 20 completed tables (60 patients",
        "Computed anew from completed columns: age group.",
        "Convergence of the imputation of LDH",
        "Only the Cox models stand on imputed values",
    ):
        assert words in page, words
    assert "Missing values are not imputed" not in page
    names = {path.name for path in (done.out / "tables").iterdir()}
    assert {"cox_clinical.csv", "cox_clinical_complete_cases.csv", "imputed_os.csv"} <= names
    figures = {path.name for path in (done.out / "figures").iterdir()}
    assert {"imputation_os_age.svg", "imputation_os_ldh.pdf", "hazard_ratios_clinical.csv"} <= figures


def test_each_number_of_the_report_is_in_the_results(done: StudyRun) -> None:
    report = done.report.read_text(encoding="utf-8")
    report = report[: report.index("<h2>Warnings</h2>")].replace("50 to 64", "")
    found = [(text, cell) for text, cell in numbers_of(f"{report}<footer>") if text not in CONSTANTS]
    values = values_of(done)
    assert not [(text, cell[:80]) for text, cell in found if not is_there(text, values)]


def test_r_is_told_that_it_sees_complete_cases(done: StudyRun) -> None:
    script = (done.out / "check_in_R.R").read_text(encoding="utf-8")
    assert "# Cox models below are those of complete cases" in script
    if RSCRIPT is not None:
        ran = subprocess.run([RSCRIPT, "check_in_R.R"], cwd=done.out, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        assert "numbers of this run agree with R" in ran.stdout


def test_too_few_events_are_withheld(tmp_path: Path) -> None:
    text = study_text().replace("hazard_ratio = 5, performance = 5", "hazard_ratio = 500, performance = 500")
    run = run_study(write_study(tmp_path / "s", with_labs(), text), tmp_path / "out")
    assert run.status == "COMPLETE"
    page = run.report.read_text(encoding="utf-8")
    assert "Clinical model: not printed: " in page
    assert not (run.out / "tables" / "cox_clinical.csv").exists()


def test_nothing_is_imputed_where_nothing_is_missing(tmp_path: Path) -> None:
    table = with_labs()
    table["age"] = table["age"].where(table["age"] != "NA", "60")
    table["ldh"] = table["ldh"].where(table["ldh"] != "NA", "250")
    text = study_text().replace("imputed_repeats", "repeats = 50\nimputed_repeats")
    run = run_study(write_study(tmp_path / "s", table, text), tmp_path / "out")
    assert run.status == "COMPLETE"
    assert not (run.out / "tables" / "imputed_os.csv").exists()


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ('method = "multiple_imputation"\nm = 5', "missing.m: must be greater than or equal to 20"),
        ("m = 20", 'm needs method = "multiple_imputation"'),
        ('method = "multiple_imputation"\nm = 20.5', "missing.m"),
        ('method = "multiple_imputation"\nmm = 20', "missing.mm"),
        ('method = "multiple_imputation"\niterations = 1', "missing.iterations"),
        ('method = "multiple_imputation"\ncolumns = ["ldhh"]', "missing.columns[1]: no column 'ldhh' is declared"),
        (
            'method = "multiple_imputation"\ncolumns = ["dead"]',
            "missing.columns[1]: column 'dead' has the role outcome",
        ),
        ('method = "mean"', "missing.method: must be 'complete_case' or 'multiple_imputation'"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, missing: str, words: str) -> None:
    study = write_study(tmp_path / "s", with_labs(), study_text(missing=f"\n[missing]\n{missing}\n"))
    with pytest.raises(StudyFileError) as caught:
        read_study(study)
    assert any(words in one for one in caught.value.problems), caught.value.problems
    assert main(["check", str(study)]) == 2


def test_fewer_imputations_than_incomplete_patients_are_refused(tmp_path: Path) -> None:
    """30 patients lack LDH and two lack age, one of them (row 3) age only: 31 or 32 of 60."""
    table = with_labs(every=2)
    gone = int(((table["ldh"] == "NA") | (table["age"] == "NA")).sum())
    needed = int(np.ceil(100 * gone / 60))
    study = write_study(tmp_path / "s", table, study_text(missing=IMPUTE + "m = 40\n"))
    with pytest.raises(FindingsError) as caught:
        prepare(read_study(study))
    (finding,) = [one for one in caught.value.findings if one.code == "D165"]
    assert f"{gone} of 60 patients" in finding.problem
    assert f"m = {needed}" in finding.remedy
    assert main(["check", str(study)]) == 3
    prepare(read_study(write_study(tmp_path / "t", table, study_text(missing=IMPUTE + f"m = {needed}\n"))))


def test_much_missing_is_warned_of(tmp_path: Path) -> None:
    study = write_study(tmp_path / "s", with_labs(every=2), study_text())
    found = [one for one in prepare(read_study(study)).findings if one.code == "D155"]
    assert [one.column for one in found] == ["ldh"]
    assert found[0].severity == "warning"
    assert "most of what the model says of it is imputed" in found[0].remedy


TWO_DISEASES = """
[column.disease]
type = "category"
levels = { "L" = "lymphoma", "M" = "myeloma" }

[column.ipi]
label = "IPI"
type = "category"
levels = { "1" = "low", "2" = "high" }
missing = ["NA"]

[column.iss]
label = "R-ISS"
type = "category"
levels = { "1" = "I", "2" = "II" }
missing = ["NA"]

[groups]
column = "disease"

[clinical_index.lymphoma]
column = "ipi"
horizon = 24
survival = { low = 0.9, high = 0.5 }
source = "Made up 2020."

[clinical_index.myeloma]
column = "iss"
horizon = 24
survival = { I = 0.8, II = 0.4 }
source = "Made up 2021"
"""


def test_the_clinical_index_is_computed_anew_and_what_does_not_apply_is_not_imputed(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    table = with_labs(120, every=5)
    myeloma = np.arange(120) % 2 == 0
    table["disease"] = np.where(myeloma, "M", "L")
    table["ipi"] = np.where(myeloma, "NA", random.choice(["1", "2"], 120))
    table["iss"] = np.where(myeloma, random.choice(["1", "2"], 120), "NA")
    # LDH is never measured in myeloma, four patients of each disease lack their index
    table.loc[myeloma, "ldh"] = "NA"
    table.loc[[1, 11, 21, 31], "ipi"] = "NA"
    table.loc[[0, 10, 20, 30], "iss"] = "NA"
    text = STUDY.replace('formula = "age + sex"', 'formula = "age + published_risk(clinical_index)"')
    text += LDH + TWO_DISEASES + IMPUTE + 'columns = ["ldh", "age_group"]\n'
    prepared = prepare(read_study(write_study(tmp_path / "s", table, text)))
    analysis = prepared.cohort.analysis("os", "all")
    plan = plan_imputation(prepared.study, prepared.data, analysis, "os")
    assert plan is not None
    lymphoma_without = int((~myeloma & (with_labs(120, every=5)["ldh"] == "NA")).sum())
    assert dict(plan.missing) == {"age": 2, "ipi": 4, "iss": 4, "ldh": lymphoma_without}
    assert dict(plan.not_applicable) == {"ipi": 60, "iss": 60, "ldh": 60}
    assert set(plan.derived) == {"clinical_index", "age_group"}
    for done in plan.spec.fit(plan.table, analysis.outcome).development[:5]:
        expected = np.where(myeloma, done["iss"].map({"I": 0.8, "II": 0.4}).astype(float),
                            done["ipi"].map({"low": 0.9, "high": 0.5}).astype(float))  # fmt: skip
        assert done["clinical_index"].to_numpy() == pytest.approx(expected)
        assert done["ipi"].isna().to_numpy().tolist() == myeloma.tolist()
        assert done["iss"].isna().to_numpy().tolist() == (~myeloma).tolist()
        assert done["ldh"].isna().to_numpy().tolist() == myeloma.tolist()
        assert done["age_group"].astype(str).tolist() == cut_age(done).astype(str).tolist()


def test_a_scan_without_lesions_has_no_suv_to_impute(tmp_path: Path) -> None:
    """The made trial: SUVmax of a negative scan does not exist, whatever else is imputed."""
    from survmodel.study.example import write_example

    study = write_example(tmp_path / "s", "trial", "strong")
    text = study.read_text(encoding="utf-8").replace("age_years + fdg_suvmax_part", "hemoglobin + log2(fdg_suvmax)")
    text = text.replace("+ cxcr4_suvmax_part", "+ log2(cxcr4_suvmax)")
    assert 'method = "complete_case"' in text
    study.write_text(text.replace('method = "complete_case"', 'method = "multiple_imputation"'), encoding="utf-8")
    labs = study.parent / "data" / "labs.csv"
    lines = labs.read_text(encoding="utf-8").splitlines()
    measured = [line for line in lines if ",hemoglobin," in line]
    labs.write_text("\n".join(line for line in lines if line not in measured[::3]) + "\n", encoding="utf-8")
    prepared = prepare(read_study(study))
    name = next(iter(prepared.study.settings.endpoint))
    analysis = prepared.cohort.analysis(name, prepared.study.settings.set_of(name))
    plan = plan_imputation(prepared.study, prepared.data, analysis, name)
    assert plan is not None
    assert [column for column, _ in plan.missing] == ["hemoglobin"]
    completed = plan.spec.fit(plan.table, analysis.outcome).development
    seen = 0
    for column in ("fdg_suvmax", "cxcr4_suvmax"):
        negative = prepared.data.undefined[column].loc[completed[0].index].to_numpy()
        seen += int(negative.sum())
        for one in completed:
            assert one[column].isna().to_numpy().tolist() == negative.tolist()
            assert one["hemoglobin"].notna().all()
    assert seen > 0
    assert sum(count for _, count in plan.not_applicable) == seen
