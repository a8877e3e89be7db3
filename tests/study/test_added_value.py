"""The declared pair of models: the claim of the report is that of the public call, and what is declared is checked."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from study.study_folder import STUDY, write_study
from study.test_comparison_of_models import LOW, SEX
from study.test_validation_of_models import MORE

import survmodel as sm
from survmodel.study.added_value_steps import added_value_part
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.example import write_example
from survmodel.study.preparation import prepare
from survmodel.study.run import run_study
from survmodel.study.step_parts import begin_endpoint

ADDED = """
[added_value]
base = "sex"
full = "clinical"
marker_label = "age"
smallest_useful_hazard_ratio = 1.05
repeats = 60
"""


def study_text(added: str = ADDED) -> str:
    return STUDY + SEX + MORE + added + LOW


def test_the_report_says_what_the_call_says(tmp_path: Path) -> None:
    study = write_study(tmp_path / "s", text=study_text())
    run = run_study(study, tmp_path / "out")
    assert run.status == "COMPLETE"
    settings = read_study(study).settings
    analysis = sm.build_cohort(read_study(study)).analysis("os")
    entry = settings.model["clinical"]
    strata = pd.Series("0 ", index=analysis.table.index)
    for name in entry.strata or ():
        strata = strata + analysis.table[name].astype(str)
    specs = [
        sm.CoxPH(text, strata=entry.strata or None, reference={"sex": "female"}) for text in ("sex", entry.formula)
    ]
    expected = sm.added_value(
        *specs, analysis.table, analysis.outcome, repeats=60, seed=settings.seed, strata=strata, smallest_useful=1.05,
        horizons=[time for time in settings.endpoint["os"].horizons if time < analysis.outcome.time.max()],
        names=("sex alone", "age"), endpoint="overall survival",
    )  # fmt: skip
    report = (run.out / "report.html").read_text(encoding="utf-8")
    assert f"Level of the claim: {expected.claim.level}." in report
    assert expected.claim.sentence.split("(")[0].split(":")[0] in report
    records = pd.DataFrame(json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"])
    own = records[records["step"] == "added_value/sex/clinical"]
    (test,) = own[own["measure"] == "likelihood ratio, full - base"].to_dict("records")
    assert test["statistic"] == pytest.approx(expected.test.statistic)
    assert test["p_value"] == pytest.approx(expected.test.p_value)
    (claim,) = own[own["measure"] == "claim"].to_dict("records")
    assert claim["level"] == expected.claim.level
    table = pd.read_csv(run.out / "tables" / "added_value_sex_clinical.csv", header=None, dtype=str)
    assert table[0].str.contains("Likelihood ratio").any()


def test_the_pair_is_locked(tmp_path: Path) -> None:
    """Another pair is another question, with another hash."""
    marker = '[[marker]]\nname = "age"\nrole = "primary"\ntransform = "none"\nendpoint = "os"\n'
    hashes = []
    for base in ("sex", "null"):
        text = study_text(ADDED.replace('"sex"', f'"{base}"')) + marker
        text += '[model.null]\nkind = "cox"\nendpoint = "os"\nformula = "1"\nlabel = "nothing"\n'
        text = text.replace("[column.age]\n", '[column.age]\nrole = "marker"\n')
        study = write_study(tmp_path / base, text=text)
        lock = sm.build_cohort(read_study(study)).lock
        assert lock is not None
        assert lock.full
        hashes.append(lock.sha256)
    assert len(set(hashes)) == 2


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (("base = \"sex\"", "base = \"nobody\""), "added_value.base"),
        (("base = \"sex\"", "base = \"clinical\""), "the same model"),
        (("smallest_useful_hazard_ratio = 1.05", "smallest_useful_hazard_ratio = 1"), "no effect"),
        (("repeats = 60", "action = \"treat\""), "action, thresholds and horizon together"),
        (("repeats = 60", "thresholds = [0.3, 0.2]\naction = \"treat\"\nhorizon = 100"), "ascending"),
        (("repeats = 60", "threshold = 0.3"), "threshold"),
    ],
)  # fmt: skip
def test_what_is_declared_is_checked(tmp_path: Path, changed: tuple[str, str], told: str) -> None:
    study = write_study(tmp_path / "s", text=study_text(ADDED.replace(*changed)))
    with pytest.raises(StudyFileError, match=told):
        read_study(study)


def test_the_example_is_honest_about_so_few_events() -> None:
    """STATISTICS 38: with all 21 events of the trial-sized example the volume of CXCR4 is inconclusive."""
    analysis = sm.example_cohort().analysis("pfs", "prognostic")
    base, full = (sm.CoxPH(text, strata="entity") for text in ("age_years", "age_years + sqrt(cxcr4_mtv_41pct)"))
    result = sm.added_value(
        base, full, analysis.table, analysis.outcome, repeats=200, strata=analysis.table["entity"].astype(str),
        smallest_useful=1.1, names=("age", "CXCR4 volume"),
    )  # fmt: skip
    assert result.n_event >= 20
    assert result.claim.level == "inconclusive"


def test_the_trial_sized_realistic_example_is_inconclusive(tmp_path: Path) -> None:
    """The honest answer of 46 patients with 21 events: no useful value cannot be told from none."""
    study = write_example(tmp_path)
    text = study.read_text(encoding="utf-8").replace("repeats = 1000", "repeats = 100")
    study.write_text(text, encoding="utf-8")
    part = begin_endpoint("pfs", prepare(read_study(study)))
    answer = added_value_part(part)
    assert answer is not None
    found = answer.answer.result
    assert found is not None
    assert (found.n, found.n_event) == (46, 21)
    assert found.claim.level == "inconclusive"
    assert "this study cannot exclude a useful value" in found.claim.sentence
