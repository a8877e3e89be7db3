"""CXCR4 PET beside FDG PET in a study: the tables are those of the public calls on the eligible patients."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import survmodel as sm
from survmodel.report.tracer_contents import TracerPart
from survmodel.report.tracer_sections import tracer_blocks
from survmodel.study.config import read_study
from survmodel.study.example import write_example
from survmodel.study.preparation import prepare
from survmodel.study.records import collect_records
from survmodel.study.tracer_records import of_tracers
from survmodel.study.tracer_steps import tracer_part

CODES = {"positive": 1, "negative": 0, "indeterminate": "indeterminate"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example(tmp_path_factory.mktemp("tracers"), "multicentre", "strong")


@pytest.fixture(scope="module")
def part(study: Path) -> TracerPart:
    found = tracer_part(prepare(read_study(study)))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def eligible(study: Path) -> pd.DataFrame:
    cohort = sm.build_cohort(study)
    table = cohort.table.loc[cohort.sets["diagnostic"][0]]
    return table[~(table["scan_interval_days"] > 14)]


def test_pairs_too_far_apart_are_left_out(study: Path, part: TracerPart, eligible: pd.DataFrame) -> None:
    cohort = sm.build_cohort(study)
    inside = cohort.sets["diagnostic"][0].sum()
    assert part.n == len(eligible)
    assert part.n_apart == inside - len(eligible)
    assert part.n_apart > 0
    first = next(iter(tracer_blocks(part, "Disease group")))
    assert f"{part.n_apart} patients left out, whose scans lie too many days apart" in first.text  # type: ignore[union-attr]


def test_accuracy_is_that_of_the_public_call(part: TracerPart, eligible: pd.DataFrame) -> None:
    truth = eligible["confirmed"].astype(object).map({True: 1, False: 0})
    reads = [eligible[name].astype(object).map(CODES) for name in ("cxcr4_read", "fdg_read")]
    expected = sm.paired_accuracy(truth, *reads, names=("CXCR4", "FDG"))
    assert part.accuracy is not None
    assert part.accuracy.result is not None
    pd.testing.assert_frame_equal(part.accuracy.result.tidy(), expected.tidy())
    # by hand: verified patients with the disease, a yes or no on both
    yes = eligible[(truth == 1).to_numpy() & eligible["cxcr4_read"].isin(["positive", "negative"]).to_numpy()]
    yes = yes[yes["fdg_read"].isin(["positive", "negative"])]
    table = expected.tidy()
    row = table[(table["model"] == "CXCR4") & (table["measure"] == "sensitivity")].iloc[0]
    assert row["estimate"] == (yes["cxcr4_read"] == "positive").mean()
    assert row["n"] == len(yes)


def test_stages_are_of_patients_with_the_disease(part: TracerPart, eligible: pd.DataFrame) -> None:
    ill = eligible[eligible["confirmed"].astype(bool)]
    for answer, (other, column) in zip(part.migrations, (("FDG", "stage_fdg"), ("CT", "stage_ct")), strict=True):
        assert answer.step == f"tracers/stage/{other}"
        assert answer.result is not None
        expected = pd.crosstab(ill[column].astype(str), ill["stage_cxcr4"].astype(str))
        levels = list(answer.result.table.levels)
        expected = expected.reindex(index=levels, columns=levels, fill_value=0)
        assert answer.result.table.counts.tolist() == expected.to_numpy().tolist()


def test_uptake_and_lesions_by_group(part: TracerPart, eligible: pd.DataFrame) -> None:
    by_group = {one.group: one for one in part.uptake}
    assert list(by_group) == ["", "lymphoma", "myeloma", "leukemia"]
    for group, one in by_group.items():
        own = eligible if not group else eligible[eligible["disease_group"] == group]
        expected = sm.paired_uptake(own["cxcr4_suvmax"], own["fdg_suvmax"], names=("CXCR4", "FDG"))
        assert one.answer.result is not None
        pd.testing.assert_frame_equal(one.answer.result.tidy(), expected.tidy())
        assert one.n == own[["cxcr4_suvmax", "fdg_suvmax"]].notna().all(axis=1).sum()
    assert part.lesions is not None
    assert part.lesions.result is not None
    counts = sm.paired_counts(eligible["cxcr4_lesions"], eligible["fdg_lesions"], names=("CXCR4", "FDG"))
    pd.testing.assert_frame_equal(part.lesions.result.tidy(), counts.tidy())


def test_patterns_add_up(part: TracerPart, eligible: pd.DataFrame) -> None:
    everybody, *groups = part.patterns
    assert sum(count for _, count in everybody[1]) == eligible["tracer_pattern"].notna().sum()
    for place, (name, count) in enumerate(everybody[1]):
        assert count == (eligible["tracer_pattern"] == name).sum() == sum(one[1][place][1] for one in groups)


def test_records_hold_every_number(part: TracerPart) -> None:
    found = pd.DataFrame(of_tracers(part))
    assert set(found["step"]) >= {
        "tracers",
        "tracers/accuracy",
        "tracers/stage/FDG",
        "tracers/uptake",
        "tracers/patterns",
    }
    accuracy = found[found["step"] == "tracers/accuracy"]
    assert {"CXCR4", "FDG", "CXCR4 - FDG"} <= set(accuracy["model"])
    assert collect_records is not None


def test_without_reads_or_stages_there_is_less_and_no_failure(tmp_path: Path) -> None:
    study = write_example(tmp_path)
    text = study.read_text(encoding="utf-8").replace('reads = { path = "data/reads.csv" }\n', "")
    text = re.sub(r'\[\[curve\]\][^\n]*blinded consensus[^\n]*\nendpoint = "pfs"\nby = "cxcr4_read"\n', "", text)
    text = text.replace(' "cxcr4_read", "fdg_read",', "")
    study.write_text(text, encoding="utf-8")
    patients = pd.read_csv(tmp_path / "data" / "patients.csv", dtype=str, keep_default_na=False)
    patients.drop(columns="stage_cxcr4").to_csv(tmp_path / "data" / "patients.csv", index=False)
    found = tracer_part(prepare(read_study(study)))
    assert found is not None
    assert found.accuracy is None
    assert found.migrations == ()
    assert found.uptake


def test_positivity_is_never_called_sensitivity_without_a_reference(tmp_path: Path) -> None:
    from study.study_folder import write_study

    assert tracer_part(prepare(read_study(write_study(tmp_path)))) is None
    assert "sensitivity" not in json.dumps(sm.paired_positivity([1, 1, 0, 1], [1, 0, 0, 0]).tidy().to_dict("list"))
