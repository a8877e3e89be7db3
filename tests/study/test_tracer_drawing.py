"""Correlations and figures of two tracers in a study: the public calls on its table, and the files of a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from study.imaging_study import made_tables, write_imaging_study
from study.study_folder import write_study

import survmodel as sm
from survmodel.report.tracer_sections import tracer_blocks
from survmodel.study.config import read_study
from survmodel.study.example import write_example
from survmodel.study.preparation import Prepared, prepare
from survmodel.study.run import StudyRun, run_study
from survmodel.study.tracer_steps import compared_table, tracer_part

FIGURES = ("uptake", "agreement", "regions", "correlations", "stages_ct", "stages_fdg")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example without its forest and resampling."""
    path = write_example(tmp_path_factory.mktemp("tracers"), "multicentre", "strong")
    head, rest = path.read_text(encoding="utf-8").split("[model.forest]", 1)
    path.write_text(head + "[missing]" + rest.split("[missing]", 1)[1], encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def prepared(study: Path) -> Prepared:
    return prepare(read_study(study))


@pytest.fixture(scope="module")
def run(study: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyRun:
    return run_study(study, tmp_path_factory.mktemp("out") / "results")


def test_correlations_are_those_of_the_public_call(prepared: Prepared) -> None:
    part = tracer_part(prepared)
    assert part is not None
    table = compared_table(prepared)
    assert [one.group for one in part.correlations] == ["", "lymphoma", "myeloma", "leukemia"]
    for one in part.correlations:
        own = table if not one.group else table[table["disease_group"] == one.group]
        assert one.answer.result is not None
        found = one.answer.result
        names = list(found.rows), list(found.columns)
        expected = sm.rank_correlations(own[names[0]].astype(float), own[names[1]].astype(float)).tidy()
        pd.testing.assert_frame_equal(found.tidy(), expected)
    assert {"cxcr4_suvmax", "fdg_suvmax", "cxcr4_tlu_41pct"} <= set(part.correlations[0].answer.result.rows)
    assert {"age_years", "hemoglobin", "ldh_uln", "cxcr4_mtv_41pct"} <= set(part.correlations[0].answer.result.columns)


def test_size_is_that_of_the_lesions(prepared: Prepared) -> None:
    """A second route: lesions of compared patients, without the function of the study."""
    part = tracer_part(prepared)
    assert part is not None
    tables = prepared.data.tables
    (tracer, answer), _ = part.sizes
    assert tracer == "CXCR4"
    assert answer.result is not None
    scans = tables["scans"]
    own = scans[(scans["tracer"] == "cxcr4") & scans["patient_id"].isin(compared_table(prepared).index)]["scan_id"]
    lesions = tables["lesions"][tables["lesions"]["scan_id"].isin(own)]
    assert answer.result.estimate == pytest.approx(spearmanr(lesions["suvmax"], lesions["volume_ml"]).statistic)
    assert answer.result.n_small == int((lesions["volume_ml"] < 4.2).sum())


def test_figures_and_tables_of_a_run(run: StudyRun) -> None:
    names = {path.stem for path in (run.out / "figures").glob("tracer_*.png")}
    assert names == {f"tracer_{name}" for name in FIGURES}
    report = (run.out / "report.html").read_text(encoding="utf-8")
    for words in ("Regions by tracer, with a lesion", "limits of agreement", "Rank correlations of uptake"):
        assert words in report
    shown = pd.read_csv(run.out / "tables" / "tracer_correlations.csv", dtype=str)
    records = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    own = [one for one in records if one["step"] == "tracers/correlations"]
    assert len(own) == len(shown)


def test_regions_are_those_of_the_lesions(run: StudyRun, prepared: Prepared) -> None:
    shown = pd.read_csv(run.out / "figures" / "tracer_regions.csv").set_index("region")
    tables = prepared.data.tables
    scans = tables["scans"][tables["scans"]["patient_id"].isin(compared_table(prepared).index)]
    rows = tables["lesions"].merge(scans[["scan_id", "patient_id", "tracer"]], on="scan_id")
    pairs = {
        tracer: set(zip(own["patient_id"].astype(str), own["region"].astype(str), strict=True))
        for tracer, own in rows.groupby(rows["tracer"].astype(str))
    }
    for region in ("spleen", "sternum", "stomach"):
        cxcr4, fdg = ({who for who, where in pairs[tracer] if where == region} for tracer in ("cxcr4", "fdg"))
        expected = [len(cxcr4 & fdg), len(cxcr4 - fdg), len(fdg - cxcr4)]
        assert shown.loc[region, ["both", "CXCR4 only", "FDG only"]].tolist() == expected
    assert (shown.drop(columns="data").sum(axis=1) == len(compared_table(prepared))).all()


def test_pairs_of_the_figure_are_those_of_the_table(run: StudyRun, prepared: Prepared) -> None:
    shown = pd.read_csv(run.out / "figures" / "tracer_uptake.csv")
    table = compared_table(prepared)[["cxcr4_suvmax", "fdg_suvmax"]].dropna()
    assert sorted(shown["cxcr4_suvmax"]) == pytest.approx(sorted(table["cxcr4_suvmax"]))
    assert np.prod(shown["cxcr4_suvmax"] / shown["fdg_suvmax"]) == pytest.approx(
        np.prod(table["cxcr4_suvmax"] / table["fdg_suvmax"])
    )


def test_uptake_by_entity_is_that_of_the_table(run: StudyRun, prepared: Prepared) -> None:
    shown = pd.read_csv(run.out / "tables" / "tracer_entities.csv", dtype=str).set_index("Entity")
    table = compared_table(prepared)
    assert set(shown.index) == set(table.loc[table[["cxcr4_suvmax", "fdg_suvmax"]].notna().any(axis=1), "entity"])
    own = table[table["entity"] == "MZL"]
    assert shown.loc["MZL", "n"] == str(own["cxcr4_suvmax"].notna().sum())
    assert float(shown.loc["MZL", "CXCR4 SUVmax"].split(" ")[0]) == pytest.approx(
        own["cxcr4_suvmax"].median(), rel=0.005
    )
    found = sm.paired_uptake(own["cxcr4_suvmax"], own["fdg_suvmax"]).tidy()
    assert shown.loc["MZL", "Ratio (95% limits)"].startswith(f"{found['estimate'].iloc[0]:.2f} (")
    assert shown.loc["MZL", "Pairs"] == str(found["n"].iloc[0])


def test_changes_to_a_later_scan_are_drawn(tmp_path: Path) -> None:
    """Four patients scanned again: falls of 50, 25 and 0 %, and a rise of 50 %."""
    tables = made_tables()
    later = {0: 2.0, 1: 4.5, 2: 8.0, 3: 15.0}
    scans = [f"D-{i},KEY-{i},cxcr4,interim,2021-04-{10 + i:02d},A,120" for i in later]
    lesions = [f"L1,D-{i},spine,41pct,reader_1,{suv},{suv / 2},10" for i, suv in later.items()]
    path = write_imaging_study(
        tmp_path / "s", {"scans": [*tables["scans"], *scans], "lesions": [*tables["lesions"], *lesions]}
    )
    run = run_study(path, tmp_path / "out")
    shown = pd.read_csv(run.out / "figures" / "tracer_change_cxcr4_suvmax_change_interim.csv")
    assert shown["change_percent"].tolist() == pytest.approx([50.0, 0.0, -25.0, -50.0])
    assert shown["category"].tolist() == ["PMD", "SMD", "SMD", "PMR"]
    report = next(run.out.glob("report*.html")).read_text(encoding="utf-8")
    assert "Change of CXCR4 SUVmax to the interim scan" in report


def test_a_part_without_figures_has_tables_all_the_same(prepared: Prepared) -> None:
    part = tracer_part(prepared)
    assert part is not None
    kinds = [type(block).__name__ for block in tracer_blocks(part, "Disease group")]
    assert "FigureBlock" not in kinds
    assert kinds.count("TableBlock") >= 5


def test_a_plain_study_has_no_tracers(tmp_path: Path) -> None:
    run = run_study(write_study(tmp_path / "plain"), tmp_path / "out")
    assert not list((run.out / "figures").glob("tracer_*"))
