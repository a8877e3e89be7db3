"""Models that a study compares are validated together: the numbers of the report are those of `validate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, write_study
from study.test_validation_of_models import FOREST, MORE

import survmodel as sm
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.run import run_study

LOW = "[groups]\nmin_events = { hazard_ratio = 5, performance = 5, forest = 5 }\n"
SEX = '[model.sex]\nkind = "cox"\nendpoint = "os"\nformula = "sex"\nlabel = "sex alone"\n'


def study_text(compare: str, *, forest: bool = False, low: str = LOW) -> str:
    more = MORE.replace("repeats = 60", f"compare = {compare}\nrepeats = 60", 1)
    return STUDY + SEX + more + (FOREST if forest else "") + low


def test_the_report_holds_what_validate_gives(tmp_path: Path) -> None:
    study = write_study(tmp_path / "s", text=study_text('[["clinical", "sex"]]'))
    run = run_study(study, tmp_path / "out")
    assert run.status == "COMPLETE"
    records = pd.DataFrame(json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"])
    own = records[records["step"] == "comparison/clinical/sex"]
    settings = read_study(study).settings
    analysis = sm.build_cohort(read_study(study)).analysis("os")
    entry = settings.model["clinical"]
    specs = {
        "clinical": sm.CoxPH(entry.formula, strata=entry.strata or None, reference={"sex": "female"}),
        "sex": sm.CoxPH("sex", reference={"sex": "female"}),
    }
    strata = pd.Series("0 ", index=analysis.table.index)
    for name in entry.strata or ():
        strata = strata + analysis.table[name].astype(str)
    horizons = [time for time in settings.endpoint["os"].horizons if time < analysis.outcome.time.max()]
    expected = sm.validate(
        specs,
        analysis.table,
        analysis.outcome,
        repeats=60,
        folds=5,
        horizons=horizons,
        seed=settings.seed,
        strata=strata,
    )
    for row in expected.tidy().to_dict("records"):
        found = own[own["measure"] == f"{row['measure']}, {row['sample']}, {row['model']}"]
        if not np.isnan(row["horizon"]):
            found = found[found["horizon"] == row["horizon"]]
        assert found["estimate"].item() == pytest.approx(row["estimate"], abs=1e-12), row
    (difference,) = expected.differences().query("measure == 'Harrell C'").to_dict("records")
    found = own[own["measure"] == "Harrell C, corrected, clinical - sex"].iloc[0]
    for name in ("estimate", "conf_low", "conf_high"):
        assert found[name] == pytest.approx(difference[name], abs=1e-12)
    report = (run.out / "report.html").read_text(encoding="utf-8")
    assert "Comparison of models" in report
    assert "less sex alone" in report
    assert (run.out / "tables" / "performance_clinical_sex.csv").is_file()


def test_a_forest_brings_632_and_hides_what_is_apparent(tmp_path: Path) -> None:
    study = write_study(tmp_path / "s", text=study_text('[["clinical", "forest"]]', forest=True))
    run = run_study(study, tmp_path / "out")
    table = pd.read_csv(run.out / "tables" / "performance_clinical_forest.csv", header=None, dtype=str).fillna("")
    assert "Corrected: .632+" in (run.out / "report.html").read_text(encoding="utf-8")
    rows = table[table[0].str.strip() == "The forest"]
    assert len(rows) >= 2
    assert not any(character.isdigit() for cell in rows[1] for character in cell)


def test_too_few_events_print_nothing(tmp_path: Path) -> None:
    study = write_study(
        tmp_path / "s", text=study_text('[["clinical", "sex"]]', low="[groups]\nmin_events = { performance = 5000 }\n")
    )
    report = (run_study(study, tmp_path / "out").out / "report.html").read_text(encoding="utf-8")
    assert "not printed" in report
    assert "In other patients of this kind" not in report


def test_models_of_two_endpoints_are_refused(tmp_path: Path) -> None:
    other = '[endpoint.again]\ntime = "time"\nevent = "status"\nevent_value = 1\nunit = "years"\n'
    text = study_text('[["clinical", "sex"]]').replace(
        'endpoint = "os"\nformula = "sex"', 'endpoint = "again"\nformula = "sex"'
    )
    study = write_study(tmp_path / "s", text=text + other)
    with pytest.raises(StudyFileError) as caught:
        read_study(study)
    assert any("different endpoints" in one for one in caught.value.problems), caught.value.problems
