"""Regions and lesions in a study: shares counted by hand, limits by another route, and never sensitivity by itself."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from study.imaging_study import made_tables, write_imaging_study

import survmodel as sm
from survmodel.study.config import read_study
from survmodel.study.imaging_steps import imaging_part
from survmodel.study.preparation import check_study, prepare
from survmodel.study.run import run_study
from survmodel.study.steps import run_steps

REGIONS = ("neck", "spine", "pelvis")
#: Truth and both reads of three regions of eight patients: + positive, - negative, ? not verified or indeterminate.
TRUTH = ("++-", "+--", "++-", "--+", "+-+", "--?", "++-", "+-?")
CXCR4 = ("++-", "+--", "+--", "+-+", "+-+", "--+", "++-", "+--")
FDG = ("+--", "---", "++-", "--+", "--+", "+-+", "+?-", "+-+")
WORDS = {"+": "positive", "-": "negative", "?": "indeterminate"}


def region_reads(reference=TRUTH):
    lines = ["scan_id,region,result,reference"]
    for letter, reads in (("C", CXCR4), ("F", FDG)):
        for i, calls in enumerate(reads):
            for place, region in enumerate(REGIONS):
                # the reference stands with the first tracer's scan only, which is enough
                truth = reference[i][place] if letter == "C" else "?"
                lines.append(f"{letter}-{i},{region},{WORDS[calls[place]]},{'' if truth == '?' else WORDS[truth]}")
    return lines


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    tables = made_tables() | {"region_reads": region_reads()}
    return run_study(write_imaging_study(tmp_path_factory.mktemp("regions"), tables), tmp_path_factory.mktemp("out"))


def records_of(run):
    return pd.DataFrame(json.loads((run.out / "results.json").read_text("utf-8"))["records"])


def the(records, step, **where):
    found = records[records["step"] == step]
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1, found
    return found.iloc[0]


def rows(reference=TRUTH):
    """Verified regions with a yes or no by both: patient, truth, CXCR4, FDG."""
    found = [
        (i, truth, one, two)
        for i in range(8)
        for truth, one, two in zip(reference[i], CXCR4[i], FDG[i], strict=True)
        if "?" not in (truth, one, two)
    ]
    return pd.DataFrame(found, columns=["patient", "truth", "cxcr4", "fdg"])


def test_accuracy_by_region_is_counted_by_hand(run):
    assert run.status == "COMPLETE"
    table, records = rows(), records_of(run)
    # 24 regions, two not verified, and one FDG read of a verified region indeterminate.
    assert len(table) == 21
    ill = table[table["truth"] == "+"]
    assert len(ill) == 10
    head = "verified, determinate"
    # positive: 0 neck spine, 1 neck, 2 neck spine, 3 pelvis, 4 neck pelvis, 6 neck, 7 neck; CXCR4 misses 2 spine
    assert the(records, "regions/accuracy", model="CXCR4", measure=f"sensitivity, {head}")["estimate"] == 0.9
    # FDG misses 0 spine, 1 neck, 4 neck
    assert the(records, "regions/accuracy", model="FDG", measure=f"sensitivity, {head}")["estimate"] == 0.7
    # negative: 11 regions; each tracer calls one positive: 3 neck by CXCR4, 5 neck by FDG
    assert the(records, "regions/accuracy", model="CXCR4", measure=f"specificity, {head}")["estimate"] == 10 / 11
    assert the(records, "regions/accuracy", model="FDG", measure=f"specificity, {head}")["estimate"] == 10 / 11
    assert the(records, "regions/accuracy", model="CXCR4", measure=f"PPV, {head}")["estimate"] == 0.9
    assert the(records, "regions/accuracy", model="FDG", measure=f"PPV, {head}")["estimate"] == 7 / 8
    assert the(records, "regions", measure="regions with a read")["n"] == 24
    assert the(records, "regions", measure="patients")["n"] == 8
    assert the(records, "regions/accuracy", measure="counted, n_verified")["estimate"] == 22


def test_limits_by_region_know_of_patients(run):
    table = rows()
    ill = table[table["truth"] == "+"]
    expected = sm.clustered_proportion(ill["cxcr4"] == "+", ill["patient"])
    found = the(records_of(run), "regions/accuracy", model="CXCR4", measure="sensitivity, verified, determinate")
    assert (found["conf_low"], found["conf_high"]) == pytest.approx((expected.conf_low, expected.conf_high))
    # by hand: the sandwich of Mancl and DeRouen for a mean is the sum of squared residual sums over (1 - leverage)
    sizes = ill.groupby("patient").size()
    residual = (ill["cxcr4"] == "+").astype(float).groupby(ill["patient"]).sum() - 0.9 * sizes
    error = np.sqrt((((residual / (1 - sizes / 10)) ** 2).sum()) / 10**2)
    assert expected.std_error == pytest.approx(error / (0.9 * 0.1))


def test_regions_without_any_reference_are_positivity_and_never_sensitivity(tmp_path):
    tables = made_tables() | {"region_reads": region_reads(("???",) * 8)}
    # no reference of the patients either, so that no accuracy stands anywhere
    tables["patients"] = [
        ",".join(cell for place, cell in enumerate(line.split(",")) if place != 7) for line in tables["patients"]
    ]
    run = run_study(write_imaging_study(tmp_path / "s", tables), tmp_path / "out")
    assert run.status == "COMPLETE"
    records = records_of(run)
    # 24 regions less one that FDG PET leaves open; CXCR4: 2 + 1 + 1 + 2 + 2 + 1 + 1 + 1, FDG: 1 + 2 + 1 + 1 + 2 + 1 + 2
    assert the(records, "regions/positivity", model="CXCR4")["estimate"] == pytest.approx(11 / 23)
    assert the(records, "regions/positivity", model="FDG")["estimate"] == pytest.approx(10 / 23)
    report = run.report.read_text("utf-8")
    assert "this is positivity, and says nothing of who is right" in report
    assert "ensitivity" not in report.replace("Sensitivity analyses", "")
    assert "1 region left out, indeterminate." in report


def test_regions_that_nobody_verified_on_the_other_scan_count_once(tmp_path):
    both = region_reads()
    twice = [line + "positive" if line.startswith("F-0,neck") else line for line in both]
    plain, other = (
        sm.build_cohort(write_imaging_study(tmp_path / name, made_tables() | {"region_reads": lines}))
        for name, lines in (("one", both), ("two", twice))
    )
    assert plain.table.equals(other.table)
    parts = []
    for name in ("one", "two"):
        prepared = prepare(read_study(tmp_path / name / "study.toml"))
        parts.append(imaging_part(prepared, run_steps(prepared)).regions.accuracy.result.tidy())
    pd.testing.assert_frame_equal(*parts)


def test_references_that_contradict_each_other_are_an_error(tmp_path):
    lines = [
        line + "negative" if line.startswith("F-0,neck") else line for line in region_reads()
    ]  # of CXCR4 it is positive
    study = write_imaging_study(tmp_path, made_tables() | {"region_reads": lines})
    found = [one for one in check_study(study).findings if one.severity == "error"]
    assert [(one.code, one.column, one.rows) for one in found] == [("D210", "reference", (2, 26))]


def test_the_other_patient_or_region_may_have_another_reference(tmp_path):
    lines = [line + "negative" if line.startswith("F-0,pelvis") else line for line in region_reads()]
    assert check_study(write_imaging_study(tmp_path, made_tables() | {"region_reads": lines})).ok


def test_lesions_of_both_tracers_are_counted_and_their_share_is_drawn_by_patient(tmp_path):
    tables = made_tables()
    # two more lesions of CXCR4 alone in patient 0, one of FDG alone in patient 6
    tables["lesions"] += [
        "L2,C-0,neck,41pct,reader_1,5,3,2", "L3,C-0,pelvis,41pct,reader_1,5,3,2", "L2,F-6,neck,41pct,,5,3,2",
    ]  # fmt: skip
    run = run_study(write_imaging_study(tmp_path / "s", tables), tmp_path / "out")
    records = records_of(run)
    # eight pairs in the spine
    for group, both, alone, fdg in ((None, 8, 2, 1), ("lymphoma", 6, 2, 0), ("myeloma", 2, 0, 1)):
        step = "regions/lesions" if group is None else f"regions/lesions/{group}"
        counts = [the(records, step, measure=f"lesions, {name}")["n"] for name in ("both", "cxcr4_only", "fdg_only")]
        assert counts == [both, alone, fdg]
        share = the(records, step, measure="share on CXCR4 PET only")
        assert share["estimate"] == pytest.approx(alone / (both + alone + fdg))
    share = the(records, "regions/lesions", measure="share on CXCR4 PET only")
    # patients 8 and 9 have no lesion; another bootstrap of the ten, by multinomial draws
    only, every = np.array([2] + [0] * 9), np.array([3, 1, 1, 1, 1, 1, 2, 1, 0, 0])
    drawn = np.random.default_rng(5).multinomial(10, np.full(10, 0.1), size=40_000)
    ratios = (drawn @ only) / (drawn @ every)
    assert share["conf_low"] == pytest.approx(np.quantile(ratios, 0.025), abs=0.01)
    assert share["conf_high"] == pytest.approx(np.quantile(ratios, 0.975), abs=0.03)
    assert "Lesions that both tracers show, or only one." in run.report.read_text("utf-8")


def test_scans_too_far_apart_are_in_no_region(tmp_path):
    tables = made_tables() | {"region_reads": region_reads()}
    # 15 days between the scans of patient 0, 14 between those of patient 1
    tables["scans"] = [
        line.replace("F-0,KEY-0,fdg,baseline,2021-02-10", "F-0,KEY-0,fdg,baseline,2021-02-25").replace(
            "F-1,KEY-1,fdg,baseline,2021-02-11", "F-1,KEY-1,fdg,baseline,2021-02-25"
        )
        for line in tables["scans"]
    ]
    run = run_study(write_imaging_study(tmp_path / "s", tables), tmp_path / "out")
    assert the(records_of(run), "regions", measure="patients")["n"] == 7
