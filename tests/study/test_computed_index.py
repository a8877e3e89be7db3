"""Clinical indices that a study computes: groups worked out by hand, bounds, units, refusals, imputation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from survmodel import CoxPH, Outcome, build_cohort, run_study
from survmodel.data.findings import FindingsError
from survmodel.study.config import read_study
from survmodel.study.file_errors import StudyFileError
from survmodel.study.imputation_plan import plan_imputation
from survmodel.study.preparation import prepare

NUMBERS = ("ldh_uln", "lymphocytes", "platelets", "b2_microglobulin", "albumin", "age_years", "suv")
STUDY = (
    """\
schema = 1
title = "Indices that are computed"
seed = 4

[data]
patients = { path = "patients.csv" }

[column.disease]
type = "category"
levels = { "L" = "lymphoma", "M" = "myeloma" }

[column.subtype]
type = "category"
levels = { "MZL" = "MZL", "MM" = "MM" }

[column.mzl_subtype]
type = "category"
levels = { "ENMZL" = "extranodal", "NMZL" = "nodal", "SMZL" = "splenic", "dMZL" = "disseminated" }

[column.hemoglobin]
type = "number"
quantity = "hemoglobin"
unit = "g/dL"

[column.del17p]
type = "boolean"
levels = { "0" = "false", "1" = "true" }

[column.t_4_14]
type = "boolean"
levels = { "0" = "false", "1" = "true" }

[column.t_14_16]
type = "boolean"
levels = { "0" = "false", "1" = "true" }
"""
    + "".join(f'\n[column.{name}]\ntype = "number"\n' for name in NUMBERS)
    + """
[groups]
column = "disease"
entity = "subtype"

[clinical_index.MZL]
index = "mzl_ipi"

[clinical_index.MM]
index = "r_iss"

[endpoint.os]
time = "months"
event = "dead"
unit = "months"
label = "overall survival"

[model.main]
kind = "cox"
endpoint = "os"
formula = "published_risk(clinical_index) + log2(suv)"
"""
)
#: MZL-IPI: LDH above normal, Hb below 12, lymphocytes below 1, platelets below 100, nodal or disseminated; 0, 1-2, 3-5.
#: R-ISS: I needs b2M < 3.5, albumin >= 3.5, standard cytogenetics and normal LDH; III needs b2M >= 5.5 and one of them.
BY_HAND = [
    ({"ldh_uln": 1.0, "hemoglobin": 12, "lymphocytes": 1, "platelets": 100, "mzl_subtype": "ENMZL"}, "low", 0.85),
    (
        {"ldh_uln": 1.01, "hemoglobin": 12, "lymphocytes": 1, "platelets": 100, "mzl_subtype": "NMZL"},
        "intermediate",
        0.66,
    ),
    ({"ldh_uln": 1.2, "hemoglobin": 11.9, "lymphocytes": 0.9, "platelets": 99, "mzl_subtype": "SMZL"}, "high", 0.37),
    # two points without the subtype, which could add one
    ({"ldh_uln": 1.2, "hemoglobin": 11.9, "lymphocytes": 1, "platelets": 100, "mzl_subtype": ""}, "", np.nan),
    # none, or one with the subtype: low or intermediate
    ({"ldh_uln": 1.0, "hemoglobin": 13, "lymphocytes": 2, "platelets": 200, "mzl_subtype": ""}, "", np.nan),
    # three already
    ({"ldh_uln": 1.2, "hemoglobin": 11.9, "lymphocytes": 0.5, "platelets": 100, "mzl_subtype": ""}, "high", 0.37),
    ({"b2_microglobulin": 3.4, "albumin": 35, "ldh_uln": 1.0, "del17p": 0, "t_4_14": 0, "t_14_16": 0}, "I", 0.82),
    ({"b2_microglobulin": 5.5, "albumin": 40, "ldh_uln": 1.0, "del17p": 0, "t_4_14": 0, "t_14_16": 1}, "III", 0.40),
    # ISS II is R-ISS II whatever cytogenetics would show
    ({"b2_microglobulin": 4.0, "albumin": 40, "ldh_uln": 3.0, "del17p": "", "t_4_14": "", "t_14_16": ""}, "II", 0.62),
    # ISS III with normal LDH and cytogenetics unknown: II or III
    ({"b2_microglobulin": 6.0, "albumin": 40, "ldh_uln": 1.0, "del17p": "", "t_4_14": "", "t_14_16": ""}, "", np.nan),
]


def made_table(copies: int = 8) -> pd.DataFrame:
    random = np.random.default_rng(5)
    rows = [one for _ in range(copies) for one, *_ in BY_HAND]
    table = pd.DataFrame(rows)
    n = len(table)
    table["disease"] = np.where(table["b2_microglobulin"].isna(), "L", "M")
    table["subtype"] = np.where(table["disease"] == "L", "MZL", "MM")
    table["age_years"] = random.uniform(40, 80, n).round(2)
    table["suv"] = np.exp(random.normal(2, 0.5, n)).round(2)
    table["months"] = random.exponential(30, n).round(2) + 0.1
    table["dead"] = (random.random(n) < 0.6).astype(int)
    return table


def write(folder: Path, table: pd.DataFrame, text: str = STUDY) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = text.replace('[column.albumin]\ntype = "number"\n', '[column.albumin]\ntype = "number"\nunit = "g/L"\n')
    quantity = 'quantity = "b2_microglobulin"\nunit = "mg/L"\n'
    text = text.replace(
        '[column.b2_microglobulin]\ntype = "number"\n', f'[column.b2_microglobulin]\ntype = "number"\n{quantity}'
    )
    table.to_csv(folder / "patients.csv", index=False)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder / "study.toml"


def test_groups_and_survival_by_hand(tmp_path: Path) -> None:
    table = build_cohort(write(tmp_path, made_table())).table
    for place, (_, group, survival) in enumerate(BY_HAND * 2):
        row = table.iloc[place]
        own, other = (
            ("r_iss_group", "mzl_ipi_group") if row["disease"] == "myeloma" else ("mzl_ipi_group", "r_iss_group")
        )
        assert (row[own] if group else pd.isna(row[own])) == (group or True)
        assert pd.isna(row[other])
        assert row["clinical_index"] == pytest.approx(survival, nan_ok=True)
    assert table["mzl_ipi"].tolist()[:3] == [0.0, 2.0, 4.0]
    assert table["mzl_ipi_group"].cat.ordered


def test_a_run_says_what_was_computed_and_agrees_with_a_fit_by_hand(tmp_path: Path) -> None:
    run_study(write(tmp_path, made_table()), tmp_path / "results")
    report = (tmp_path / "results" / "report.html").read_text()
    assert "MZL-IPI of 48 patients" in report
    assert (
        "16 without a group, because missing inputs leave it open; 8 with a group although an input is missing"
        in report
    )
    assert "5 years as published" in report
    data = made_table()
    survival = np.array([one[2] for one in BY_HAND] * 8)
    kept = ~np.isnan(survival)
    x = pd.DataFrame({"risk": np.log(-np.log(survival)), "log2_suv": np.log2(data["suv"]), "subtype": data["subtype"]})
    outcome = Outcome(data["months"][kept], data["dead"][kept])
    fit = CoxPH("risk + log2_suv", strata="subtype").fit(x[kept], outcome)
    records = pd.DataFrame(json.loads((tmp_path / "results" / "results.json").read_text())["records"])
    own = records[(records["step"] == "cox/main") & (records["measure"] == "fit")]
    assert own["loglik"].tolist() == pytest.approx(fit.glance()["loglik"].tolist(), abs=1e-7)
    assert own["n"].tolist() == [56]


def test_a_number_that_is_not_plausible_is_named_by_line_and_can_be_waived(tmp_path: Path) -> None:
    table = made_table()
    table.loc[1, "age_years"] = 12.0
    table.loc[2, "lymphocytes"] = 9000.0
    with pytest.raises(FindingsError) as error:
        build_cohort(write(tmp_path, table))
    found = [(one.code, one.column, one.rows, one.problem) for one in error.value.findings]
    implausible = "column 'lymphocytes' is not plausible as lymphocytes in 10^9/L (0 to 1000)"
    assert found == [
        ("D183", "mzl_ipi", (3,), "MZL-IPI is an index for adults, and there are children"),
        ("D183", "mzl_ipi", (4,), implausible),
    ]
    waiver = '[[waive]]\ncode = "D183"\nrows = [3]\nreason = "checked"\n'
    table.loc[2, "lymphocytes"] = 0.9
    cohort = build_cohort(write(tmp_path, table, f"{STUDY}\n{waiver}"))
    assert pd.isna(cohort.table["mzl_ipi_group"].iloc[1])
    assert cohort.table["mzl_ipi_group"].iloc[2] == "high"


MZL = 'index = "mzl_ipi"'
FROM = 'unit = "years"\nsource = "A"'
THREE = "survival = { low = 0.9, intermediate = 0.8, high = 0.5 }"
OWN = '[column.mzl_ipi_group]\ntype = "text"\n'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (MZL, 'index = "mzlipi"', "'mzlipi' is not known"),
        (MZL, 'index = "impi"', "could not be checked at their source"),
        (MZL, 'index = "r_ipi"', "off by default"),
        (MZL, 'index = "malt_ipi"', "needs the column 'stage_ct', its stage"),
        (MZL, 'index = "malt_ipi"\nstage = "stage_cxcr4"', "read from CXCR4 PET and cannot enter"),
        (MZL, 'index = "mzl_ipi"\nwithout = ["ki67"]', "has no input 'ki67'"),
        (MZL, 'index = "mzl_ipi"\nhorizon = 3', "horizon: belongs to survival"),
        (MZL, 'index = "mzl_ipi"\ncolumn = "disease"', "have a column of their own"),
        (MZL, 'column = "disease"\nwithout = ["ki67"]\nhorizon = 3', "belongs to an index that is computed"),
        (
            MZL,
            f"{MZL}\nsurvival = {{ low = 0.9, high = 0.5 }}\nhorizon = 5\n{FROM}",
            "must name the groups of the index",
        ),
        (MZL, f"{MZL}\n{THREE}\nhorizon = 3\n{FROM}", "survival at one horizon can be compared"),
        ("[column.mzl_subtype]", f"{OWN}\n[column.mzl_subtype]", "made by [clinical_index]"),
    ],
)
def test_declarations_that_do_not_fit_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = STUDY.replace(old, new)
    assert text != STUDY
    with pytest.raises(StudyFileError) as error:
        read_study(write(tmp_path, made_table(), text))
    assert said in str(error.value)


def test_an_index_without_published_survival_has_groups_all_the_same(tmp_path: Path) -> None:
    text = STUDY.replace('index = "r_iss"', 'index = "iss"').replace("published_risk(clinical_index) + ", "")
    table = build_cohort(write(tmp_path, made_table(), text)).table
    assert table["iss_group"].dropna().tolist() == ["I", "III", "II", "III"] * 8
    assert table["clinical_index"].notna().sum() == 4 * 8


def test_inputs_that_nobody_has_bound_the_index(tmp_path: Path) -> None:
    text = STUDY.replace('index = "r_iss"', 'index = "r_iss"\nwithout = ["del17p", "t_4_14", "t_14_16"]')
    table = build_cohort(write(tmp_path, made_table(), text)).table
    assert table["r_iss_group"].isna().tolist()[:10] == [True] * 8 + [False, True]


def test_inputs_are_imputed_and_the_index_is_computed_anew(tmp_path: Path) -> None:
    text = STUDY + '\n[missing]\nmethod = "multiple_imputation"\n'
    prepared = prepare(read_study(write(tmp_path, made_table(), text)))
    analysis = prepared.cohort.analysis("os", prepared.study.settings.set_of("os"))
    plan = plan_imputation(prepared.study, prepared.data, analysis, "os")
    assert plan.derived == ("mzl_ipi_group", "r_iss_group", "clinical_index")
    assert dict(plan.missing).keys() == {"mzl_subtype", "del17p", "t_4_14", "t_14_16"}
    done = plan.spec.fit(plan.table, analysis.outcome)
    for one in done.complete(plan.table):
        survival = one["clinical_index"].to_numpy()
        assert not np.isnan(survival).any()
        # two points without the subtype: high where it is drawn as nodal or disseminated, else intermediate
        adds = one["mzl_subtype"].astype(object).isin(["nodal", "disseminated"]).to_numpy()[3::10]
        assert survival[3::10] == pytest.approx(np.where(adds, 0.37, 0.66))
        assert survival[8::10] == pytest.approx(0.62)


def test_columns_derived_of_all_tables_at_once_are_those_of_each_alone(tmp_path: Path) -> None:
    text = STUDY + '\n[missing]\nmethod = "multiple_imputation"\n'
    prepared = prepare(read_study(write(tmp_path, made_table(), text)))
    analysis = prepared.cohort.analysis("os", prepared.study.settings.set_of("os"))
    spec = plan_imputation(prepared.study, prepared.data, analysis, "os").spec
    table = plan_imputation(prepared.study, prepared.data, analysis, "os").table
    alone = replace(spec, derive={name: one.compute for name, one in spec.derive.items()})
    for one, two in zip(*(each.fit(table, analysis.outcome).complete(table) for each in (spec, alone)), strict=True):
        pd.testing.assert_frame_equal(one, two)
