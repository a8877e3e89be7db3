"""Clinical indices of several diseases on one scale: declared, looked up, refused where they would be pooled."""

from __future__ import annotations

import json
import shutil
import subprocess
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from survmodel import CoxPH, Outcome, build_cohort, check_study, run_study
from survmodel.data.findings import FindingsError
from survmodel.study.config import read_study
from survmodel.study.file_errors import StudyFileError

RSCRIPT = shutil.which("Rscript")
STUDY = """\
schema = 1
title = "Two diseases"
seed = 3

[data]
patients = { path = "patients.csv" }

[column.months]
type = "number"
unit = "months"
role = "outcome"

[column.dead]
type = "integer"
role = "outcome"

[column.disease]
type = "category"
levels = { "L" = "lymphoma", "M" = "myeloma" }
reference = "lymphoma"

[column.subtype]
type = "category"
levels = { "MZL" = "MZL", "MCL" = "MCL", "MM" = "MM" }

[column.ipi]
label = "IPI"
type = "category"
levels = { "1" = "low", "2" = "intermediate", "3" = "high" }
reference = "low"

[column.iss]
label = "R-ISS"
type = "integer"

[column.suv]
label = "SUVmax"
type = "number"
role = "marker"

[groups]
column = "disease"
entity = "subtype"

[clinical_index.lymphoma]
column = "ipi"
horizon = 24
survival = { low = 0.95, intermediate = 0.80, high = 0.55 }
source = "Made up 2020."

[clinical_index.myeloma]
column = "iss"
horizon = 2
unit = "years"
survival = { 1 = 0.9, 2 = 0.7, 3 = 0.4 }
source = "Made up 2021"

[endpoint.os]
time = "months"
event = "dead"
unit = "months"
label = "overall survival"
horizons = [12]

[model.main]
kind = "cox"
endpoint = "os"
formula = "published_risk(clinical_index) + within_entity_z(log2(suv), by=subtype)"
label = "index and SUVmax"

[model.within]
kind = "cox"
endpoint = "os"
formula = "within(log2(suv), disease)*ipi_or_iss"
strata = "subtype"
penalty = "firth"
"""
STUDY = STUDY.replace('disease)*ipi_or_iss"', 'disease) + published_risk(clinical_index)"')
SURVIVAL = {"L": {1: 0.95, 2: 0.80, 3: 0.55}, "M": {1: 0.9, 2: 0.7, 3: 0.4}}


def made_table(n: int = 150) -> pd.DataFrame:
    random = np.random.default_rng(8)
    disease = np.where(np.arange(n) % 3 == 2, "M", "L")
    index = random.integers(1, 4, n)
    suv = 8 * np.exp(random.normal(0, 0.5, n))
    risk = np.log(-np.log([SURVIVAL[one][two] for one, two in zip(disease, index, strict=True)]))
    time = random.exponential(25 * np.exp(-risk - 1 - 0.4 * (np.log2(suv) - 3)))
    return pd.DataFrame({
        "months": np.minimum(time, 60).round(2) + 0.01, "dead": (time <= 60).astype(int), "disease": disease,
        "subtype": np.where(disease == "M", "MM", np.where(random.random(n) < 0.5, "MZL", "MCL")),
        "ipi": np.where(disease == "L", index.astype(str), ""), "iss": np.where(disease == "M", index.astype(str), ""),
        "suv": suv.round(2),
    })  # fmt: skip


def write(folder: Path, table: pd.DataFrame | None = None, text: str = STUDY) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (made_table() if table is None else table).to_csv(folder / "patients.csv", index=False)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder / "study.toml"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("clinical_index")
    return run_study(write(folder / "made"), folder / "out")


def test_the_column_is_the_published_survival_of_each_patient(tmp_path: Path) -> None:
    cohort = build_cohort(write(tmp_path))
    table = made_table()
    index = np.where(table["disease"] == "L", table["ipi"], table["iss"]).astype(int)
    expected = [SURVIVAL[one][two] for one, two in zip(table["disease"], index, strict=True)]
    assert cohort.table["clinical_index"].tolist() == expected
    assert cohort.labels["clinical_index"] == "clinical index (published survival at 24 months)"


def test_the_model_of_a_run_is_a_fit_by_hand(run) -> None:
    table = made_table()
    index = np.where(table["disease"] == "L", table["ipi"], table["iss"]).astype(int)
    survival = [SURVIVAL[one][two] for one, two in zip(table["disease"], index, strict=True)]
    logs = np.log2(table["suv"])
    z = (logs - logs.groupby(table["subtype"]).transform("mean")) / logs.groupby(table["subtype"]).transform("std")
    by_hand = table.assign(risk=np.log(-np.log(survival)), z=z)
    outcome = Outcome(table["months"], table["dead"], unit="months")
    expected = CoxPH("risk + z", strata="subtype").fit(by_hand, outcome).tidy()
    records = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    found = [one for one in records if one["step"] == "cox/main" and one["measure"] == "log hazard ratio"]
    assert [one["term"] for one in found] == [
        "published_risk(clinical_index)",
        "within_entity_z(log2(suv), by=subtype)",
    ]
    for name in ("estimate", "std_error", "conf_low", "conf_high"):
        assert [one[name] for one in found] == pytest.approx(expected[name].tolist(), rel=1e-9)


def test_the_report_names_index_horizon_source_and_slopes(run) -> None:
    report = unescape((run.out / "report.html").read_text(encoding="utf-8"))
    assert (
        "Clinical index: survival at 24 months as published for the patient's index group: lymphoma, IPI (Made up "
        "2020: low 0.95, intermediate 0.8, high 0.55); myeloma, R-ISS (Made up 2021: 1 0.9, 2 0.7, 3 0.4)."
    ) in report
    assert "SUVmax (log2 scale) standardised within subtype" in report
    assert "SUVmax (log2 scale) with a slope of its own in each disease" in report
    assert "SUVmax in lymphoma, per doubling" in report
    assert "SUVmax in myeloma, per doubling" in report
    assert "SUVmax (log2 scale), per standard deviation within subtype" in report
    assert "per unit of log(-log S) as published" in report
    assert "with a baseline hazard of its own for each level of subtype" in report


@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
def test_r_agrees(run) -> None:
    done = subprocess.run(
        [str(RSCRIPT), "--vanilla", "check_in_R.R"], cwd=run.out, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    script = (run.out / "check_in_R.R").read_text(encoding="utf-8")
    assert 'check("cox/main", coef(f)' in script
    assert "as.matrix(m[, c(" in script


@pytest.mark.parametrize(
    ("formula", "key"),
    [
        ("clinical_index", "model.main.formula: clinical_index would be one slope"),
        ("suv + log(clinical_index)", "write published_risk(clinical_index) for one slope"),
        ("offset(clinical_index)", "clinical_index would be one slope"),
        ("within_entity_z(clinical_index, by=subtype)", "clinical_index would be one slope"),
        ("within(clinical_index, ipi)", "clinical_index would be one slope"),
    ],
)
def test_an_index_as_it_is_is_refused(tmp_path: Path, formula: str, key: str) -> None:
    text = STUDY.replace("published_risk(clinical_index) + within_entity_z(log2(suv), by=subtype)", formula)
    with pytest.raises(StudyFileError) as caught:
        read_study(write(tmp_path, text=text))
    assert key in str(caught.value)


def test_an_index_within_disease_is_taken(tmp_path: Path) -> None:
    text = STUDY.replace(
        "published_risk(clinical_index) + within_entity", "within(clinical_index, disease) + within_entity"
    )
    assert check_study(write(tmp_path, text=text)).ok


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('column = "ipi"', 'column = "ipy"', "clinical_index.lymphoma.column: no column 'ipy' is declared"),
        ('column = "ipi"', 'column = "suv"', "clinical_index.lymphoma.column: column 'suv' is of type number"),
        ("high = 0.55", "hihg = 0.55", "clinical_index.lymphoma.survival: 'hihg' is no level of 'ipi'"),
        ("high = 0.55", "high = 55", "must be a probability, not a percentage, found 55"),
        ("high = 0.55", "high = 0.0", "must lie between 0 and 1"),
        ("low = 0.95, intermediate = 0.80, ", "", "must give the survival of two levels or more"),
        (
            "[clinical_index.myeloma]",
            "[clinical_index.myelome]",
            "clinical_index.myelome: 'myelome' is no level of 'disease'",
        ),
        ("horizon = 2\n", "horizon = 5\n", "survival at one horizon can be compared, found 24 months, 5 years"),
        ('source = "Made up 2021"\n', "", "clinical_index.myeloma: source: required"),
        ("horizon = 24\n", "horizon = 24\nmodel = 1\n", "clinical_index.lymphoma.model"),
        (
            "[column.suv]",
            '[column.clinical_index]\ntype = "number"\n[column.suv]',
            "column.clinical_index: the name is",
        ),
        ('column = "disease"\n', "", "belongs to disease groups"),
    ],
)
def test_declarations_are_checked(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in STUDY
    with pytest.raises(StudyFileError) as caught:
        read_study(write(tmp_path, text=STUDY.replace(old, new, 1)))
    assert message in str(caught.value)


def test_levels_and_groups_without_published_survival_are_found(tmp_path: Path) -> None:
    table = made_table()
    table.loc[table.index[table["disease"] == "M"][:2], "iss"] = "4"
    with pytest.raises(FindingsError) as caught:
        build_cohort(write(tmp_path, table))
    (finding,) = caught.value.findings
    rows = (np.flatnonzero(table["iss"] == "4") + 2).tolist()
    assert (finding.code, finding.column, list(finding.rows)) == ("D180", "iss", rows)
    assert "add the level to survival of [clinical_index.myeloma]" in finding.remedy
    text = STUDY[: STUDY.index("[clinical_index.myeloma]")] + STUDY[STUDY.index("[endpoint.os]") :]
    with pytest.raises(FindingsError) as caught:
        build_cohort(write(tmp_path, text=text))
    (finding,) = caught.value.findings
    assert (finding.code, finding.column, len(finding.rows)) == ("D181", "disease", 50)
    assert "[clinical_index.myeloma]" in finding.remedy
    only = text.replace(
        "[endpoint.os]", "[analysis_set.lymphoma]\ninclude = \"disease == 'lymphoma'\"\n\n[endpoint.os]"
    )
    only = only.replace('label = "overall survival"', 'label = "overall survival"\nanalysis_set = "lymphoma"')
    assert build_cohort(write(tmp_path, text=only)).table["clinical_index"].notna().sum() == 100


def test_an_entity_may_have_a_table_of_its_own(tmp_path: Path) -> None:
    own = '[clinical_index.MCL]\ncolumn = "ipi"\nhorizon = 24\nsource = "x"\n'
    own += "survival = { low = 0.8, intermediate = 0.5, high = 0.3 }\n\n"
    table = made_table()
    cohort = build_cohort(write(tmp_path, text=STUDY.replace("[endpoint.os]", own + "[endpoint.os]")))
    found = cohort.table["clinical_index"]
    mcl = ((table["subtype"] == "MCL") & (table["ipi"] == "3")).to_numpy()
    mzl = ((table["subtype"] == "MZL") & (table["ipi"] == "3")).to_numpy()
    assert set(found[mcl]) == {0.3}
    assert set(found[mzl]) == {0.55}


def test_several_indices_under_one_survival_are_found(tmp_path: Path) -> None:
    from survmodel.study.example import write_example

    place = write_example(tmp_path)
    text = place.read_text(encoding="utf-8")
    each = "".join(
        f'[clinical_index.{name}]\ncolumn = "index_group"\nhorizon = 24\nsource = "made up"\n'
        "survival = { low = 0.95, intermediate = 0.8, high = 0.5 }\n\n"
        for name in ("lymphoma", "myeloma", "leukemia")
    )
    text = text.replace("[analysis_set.diagnostic]", each + "[analysis_set.diagnostic]")
    text = text.replace('formula = "age_years + fdg_suvmax_part"', 'formula = "published_risk(clinical_index)"')
    place.write_text(text, encoding="utf-8")
    codes = [finding.code for finding in check_study(place).findings if finding.severity == "error"]
    assert codes == ["D182", "D182"]
