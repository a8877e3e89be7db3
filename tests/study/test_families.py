"""Markers that measure the same, in a study: the table, the models that hold two of them, and plain studies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from study.study_folder import write_study

from survmodel.performance.marker_families import marker_families
from survmodel.study.config import read_study
from survmodel.study.example import write_example
from survmodel.study.family_steps import family_part
from survmodel.study.preparation import prepare
from survmodel.study.run import run_study

CROWDED = 'formula = "age_years + cxcr4_suvmax_part + sqrt(cxcr4_mtv_41pct) + sqrt(cxcr4_tlu_41pct)"\n'


def lean(folder: Path, formula: str = "") -> Path:
    """Write the example without its forest and resampling, with one model more."""
    study = write_example(folder, "multicentre", "strong")
    head, rest = study.read_text(encoding="utf-8").split("[model.forest]", 1)
    more = f'[model.all]\nkind = "cox"\nendpoint = "pfs"\n{formula}\n' if formula else ""
    study.write_text(head + more + "[missing]" + rest.split("[missing]", 1)[1], encoding="utf-8")
    return study


def test_families_of_a_study_are_those_of_its_table(tmp_path: Path) -> None:
    prepared = prepare(read_study(lean(tmp_path, CROWDED)))
    part = family_part(prepared)
    assert part is not None
    assert part.families.result is not None
    found = part.families.result
    inside = prepared.cohort.analysis("pfs").table
    by_hand = marker_families(inside[list(found.names)].astype(float), prefer=["cxcr4_suvmax"])
    assert found.members == by_hand.members
    assert {"cxcr4_suvmax", "cxcr4_mtv_41pct", "cxcr4_tlu_41pct", "fdg_suvmax"} <= set(found.names)
    assert "cxcr4_negative" not in found.names
    assert "age_years" not in found.names
    family = next(own for own in found.members if "cxcr4_tlu_41pct" in own)
    assert "cxcr4_mtv_41pct" in family
    (model,) = part.crowded
    assert model[0] == "model all"
    assert model[1] == tuple(part.labels[name] for name in family if name in CROWDED or f"{name}_part" in CROWDED)


def test_the_report_says_which_model_holds_two(tmp_path: Path) -> None:
    run_study(lean(tmp_path / "a", CROWDED), tmp_path / "out")
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Markers that measure the same" in report
    assert "Model all holds" in report
    assert "Keep one of them" in report
    assert (tmp_path / "out" / "tables" / "marker_families.csv").is_file()
    records = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["records"]
    own = [one for one in records if one["step"] == "markers/families"]
    assert {one["measure"] for one in own} >= {"correlation with the representative", "markers", "families"}


def test_without_two_markers_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert family_part(prepare(read_study(write_study(tmp_path)))) is None


@pytest.mark.parametrize("formula", ["", 'formula = "age_years + fdg_suvmax_part + cxcr4_suvmax_part"\n'])
def test_no_model_is_blamed_where_each_marker_is_of_its_own(tmp_path: Path, formula: str) -> None:
    part = family_part(prepare(read_study(lean(tmp_path, formula))))
    assert part is not None
    assert part.crowded == ()
