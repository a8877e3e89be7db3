"""Reads by region, second segmentations and adverse events that are not what they claim, run by the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from bad_input.study_files import (
    CANONICAL_FILES,
    OS,
    PFS,
    Rows,
    completed,
    places,
    refused,
    refused_settings,
    write_canonical,
)

REGIONS, EVENTS = "region_reads.csv", "adverse_events.csv"
REGION_HEAD, EVENT_HEAD = "scan_id,region,result,reference", "scan_id,term,grade,related,event_date"
GOOD_REGIONS = [
    "SCAN-1,neck,positive,positive", "SCAN-2,neck,negative,", "SCAN-3,neck,negative,negative",
    "SCAN-4,neck,indeterminate,negative", "SCAN-5,spine,positive,positive", "SCAN-6,spine,positive,",
]  # fmt: skip
GOOD_EVENTS = ["SCAN-1,nausea,1,yes,2021-01-11", "SCAN-5,flushing,2,no,"]


def with_table(folder: Path, table: str, lines: Sequence[str], **options: str) -> Path:
    files = {**CANONICAL_FILES, table: list(lines)}
    return write_canonical(folder, {table: list(lines)}, only=tuple(files), **options)


@pytest.mark.parametrize(
    ("row", "expected", "said"),
    [
        ("SCAN-2,axilla,positive,negative\nSCAN-1,axilla,positive,positive",
         [("D210", REGIONS, "reference", (8, 9))], ["positive in one row and negative in another", "leave both empty"]),
        ("SCAN-99,neck,positive,", [("D104", REGIONS, "scan_id", (8,))], ["belongs to no row of scans"]),
        ("SCAN-1,neck,negative,positive", [("D101", REGIONS, "region", (2, 8))], ["the same scan_id and region"]),
        ("SCAN-1,axilla,maybe,", [("D023", REGIONS, "result", (8,))], ["level not declared: 'maybe'"]),
        ("SCAN-1,axilla,positive,unknown", [("D023", REGIONS, "reference", (8,))], ["level not declared: 'unknown'"]),
        ("SCAN-1,,positive,", [("D032", REGIONS, "region", (8,))], ["every row needs it"]),
        ("SCAN-1,axilla,,", [("D032", REGIONS, "result", (8,))], ["every row needs it"]),
    ],
)  # fmt: skip
def test_a_region_that_cannot_be_is_refused(tmp_path, capsys, row, expected, said):
    lines = [REGION_HEAD, *GOOD_REGIONS, *row.split("\n")]
    problems = refused(with_table(tmp_path, "region_reads", lines), capsys)
    assert places(problems) == expected
    for words in said:
        assert words.casefold() in str(problems).casefold()


@pytest.mark.parametrize(
    ("row", "expected", "said"),
    [
        ("SCAN-99,nausea,1,yes,", [("D104", EVENTS, "scan_id", (4,))], "belongs to no row of scans"),
        ("SCAN-1,nausea,6,yes,", [("D024", EVENTS, "grade", (4,))], "5"),
        ("SCAN-1,nausea,mild,yes,", [("D021", EVENTS, "grade", (4,))], "number"),
        ("SCAN-1,nausea,1,perhaps,", [("D023", EVENTS, "related", (4,))], "perhaps"),
        ("SCAN-1,nausea,1,yes,2021-01-10", [("D212", EVENTS, "event_date", (4,))], "before its scan"),
        ("SCAN-1,nausea,1,yes,2030-01-10", [("D055", EVENTS, "event_date", (4,))], "data lock"),
        ("SCAN-1,fell on ward 12,1,yes,", [("D211", EVENTS, "term", (4,))], "preferred term"),
    ],
)
def test_an_adverse_event_that_cannot_be_is_refused(tmp_path, capsys, row, expected, said):
    problems = refused(with_table(tmp_path, "adverse_events", [EVENT_HEAD, *GOOD_EVENTS, row]), capsys)
    assert places(problems) == expected
    assert said in str(problems)


def test_good_regions_and_events_run(tmp_path, capsys):
    files = {"region_reads": [REGION_HEAD, *GOOD_REGIONS], "adverse_events": [EVENT_HEAD, *GOOD_EVENTS]}
    study = write_canonical(tmp_path, files, only=(*CANONICAL_FILES, *files), endpoint=PFS)
    done = completed(study, capsys)
    assert "Regions and lesions of both tracers" in done.report
    assert "Adverse events after 4 baseline scans with CXCR4" in done.report


def test_a_second_segmentation_with_an_unknown_reader_is_refused(tmp_path, capsys):
    head, *rows = CANONICAL_FILES["lesions"]
    lesions: Rows = [f"{head},reader", *(f"{row},consensus" for row in rows)]
    problems = refused(write_canonical(tmp_path, {"lesions": lesions}), capsys)
    assert [(one["code"], one["column"]) for one in problems] == [("D023", "reader")]
    assert problems[0]["rows"] == [2, 3, 4, 5, 6, 7]


def test_a_lesion_that_stands_twice_for_one_reader_is_refused(tmp_path, capsys):
    head, *rows = CANONICAL_FILES["lesions"]
    # the empty cell means the first reader
    twice: Rows = [f"{head},reader", *(f"{row},reader_2" for row in rows), f"{rows[0]},", f"{rows[0]},reader_1"]
    problems = refused(write_canonical(tmp_path, {"lesions": twice}), capsys)
    assert places(problems) == [("D101", "lesions.csv", "lesion_id", (8, 9))]


def test_a_management_that_is_not_declared_is_refused(tmp_path, capsys):
    head, *rows = CANONICAL_FILES["patients"]
    words = ("none", "more", "none", "none")
    lines: Rows = [f"{head},management_change", *(f"{row},{word}" for row, word in zip(rows, words, strict=True))]
    problems = refused(write_canonical(tmp_path, {"patients": lines}), capsys)
    assert places(problems) == [("D023", "patients.csv", "management_change", (3,))]


def test_a_curve_by_residual_disease_from_baseline_is_refused(tmp_path, capsys):
    files = {
        "reads": ["scan_id,reader,result", "SCAN-1,consensus,positive"],
        "assessments": ["patient_id,assessment_date,mrd", "KEY-A3,2021-09-01,negative"],
    }
    curve = '[[curve]]\nendpoint = "os"\nby = "mrd_pet"\n'
    study = write_canonical(tmp_path, files, only=(*CANONICAL_FILES, *files), endpoint=OS, more=curve)
    said = refused_settings(study, capsys)
    assert "curve[1].by" in said
    assert "known only after the end of treatment" in said


@pytest.mark.parametrize("days", ["-1", "366", "1.5", '"30"'])
def test_days_of_residual_disease_that_cannot_be_are_refused(tmp_path, capsys, days):
    said = refused_settings(write_canonical(tmp_path, more=f"[mrd]\ndays = {days}\n"), capsys)
    assert "mrd.days" in said
