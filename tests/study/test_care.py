"""What follows a scan: changes of management and adverse events, counted by hand."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from study.imaging_study import made_tables, write_imaging_study

import survmodel as sm
from survmodel.study.preparation import check_study
from survmodel.study.run import run_study

#: Of patients 0 to 9; the first six have a lymphoma.
CHANGES = ("none", "intensified", "intensified", "reduced", "none", "", "other", "none", "intensified", "none")
EVENTS = [
    "C-0,nausea,1,yes,2021-02-10", "C-0,Nausea,2,no,2021-02-11", "C-5,headache,3,no,2021-02-16",
    "C-9,flushing,1,,", "F-2,pain,2,no,2021-02-12", "I-0,nausea,4,yes,2021-05-01",
]  # fmt: skip
HEADER = "scan_id,term,grade,related,event_date"
Z = 1.959963984540054


def wilson(yes, n):
    """Limits of a share as Wilson (1927) gives them."""
    p = yes / n
    centre, reach = p + Z**2 / (2 * n), Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return (centre - reach) / (1 + Z**2 / n), (centre + reach) / (1 + Z**2 / n)


def tables_with(events=EVENTS, changes=CHANGES):
    tables = made_tables()
    tables["patients"] = [
        f"{line},{cell}" for line, cell in zip(tables["patients"], ("management_change", *changes), strict=True)
    ]
    tables["scans"].append("I-0,KEY-0,cxcr4,interim,2021-04-30,A,150")
    return tables | {"adverse_events": [HEADER, *events]}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    study = write_imaging_study(tmp_path_factory.mktemp("care"), tables_with())
    return run_study(study, tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def records(run):
    return pd.DataFrame(json.loads((run.out / "results.json").read_text("utf-8"))["records"])


def the(records, step, **where):
    found = records[records["step"] == step]
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1, found
    return found.iloc[0]


@pytest.mark.parametrize(
    ("step", "yes", "n"),
    [
        ("management/any change", 5, 9),
        ("management/treatment intensified", 3, 9),
        ("management/treatment reduced", 1, 9),
        ("management/other change", 1, 9),
        ("management/no change", 4, 9),
        ("management/lymphoma/any change", 3, 5),
        ("management/myeloma/any change", 2, 4),
        ("management/myeloma/treatment reduced", 0, 4),
    ],
)
def test_changes_of_management_have_wilsons_limits(run, records, step, yes, n):
    assert run.status == "COMPLETE"
    found = the(records, step, measure=step.rpartition("/")[2])
    low, high = wilson(yes, n)
    assert (found["estimate"], found["n"]) == (pytest.approx(yes / n), n)
    assert (found["conf_low"], found["conf_high"]) == pytest.approx((low, high), abs=1e-12)


def test_the_report_counts_those_of_whom_nothing_is_said(run):
    report = run.report.read_text("utf-8")
    assert "Change of management" in report
    assert "1 patient left out, for whom nothing is said." in report


def test_a_change_is_known_later_and_predicts_nothing(tmp_path):
    model = '[model.m]\nkind = "cox"\nendpoint = "os"\nformula = "management_change"\nstrata = []\n'
    with pytest.raises(sm.ConfigError, match="role post_baseline and cannot be a predictor"):
        check_study(write_imaging_study(tmp_path, tables_with(), more=model))


def test_worst_grades_by_thirds_of_activity_are_counted_by_hand(records):
    # 100, 110, ..., 190 MBq: cuts of type 7 lie at 130 and 160; four, three and three patients
    groups = ("all", "up to 130 MBq", "to 160 MBq", "above 160 MBq")
    expected = {
        "grade 0": (7, 3, 2, 2), "grade 1": (1, 0, 0, 1), "grade 2": (1, 1, 0, 0), "grade 3": (1, 0, 1, 0),
        "grade 4": (0, 0, 0, 0), "grade 5": (0, 0, 0, 0),
    }  # fmt: skip
    for grade, counts in expected.items():
        for group, count in zip(groups, counts, strict=True):
            assert the(records, "safety/cxcr4", group=group, level=grade)["n"] == count
    share = the(records, "safety/cxcr4", group="all", measure="any event")
    assert (share["conf_low"], share["conf_high"]) == pytest.approx(wilson(3, 10))
    assert the(records, "safety/cxcr4", measure="events after later scans")["n"] == 1


def test_terms_count_scans_by_their_worst_grade_and_spellings_are_one(records, run):
    # nausea twice after one scan, in two spellings: once at grade 2, related once
    terms = records[(records["step"] == "safety/cxcr4") & records["term"].notna() & (records["n"] > 0)]
    assert {(row["term"].casefold(), row["level"]): row["n"] for _, row in terms.iterrows()} == {
        ("nausea", "grade 2"): 1, ("nausea", "related"): 1, ("headache", "grade 3"): 1, ("flushing", "grade 1"): 1,
    }  # fmt: skip
    report = run.report.read_text("utf-8")
    assert "Not among them: 1 event after later scans." in report
    assert report.index("<h2>Appendix</h2>") < report.index("Adverse events after 10 baseline scans with CXCR4")


def test_one_activity_for_all_still_lists_the_terms(tmp_path):
    tables = tables_with()
    tables["scans"] = [tables["scans"][0], *(line.rpartition(",")[0] + ",150" for line in tables["scans"][1:])]
    run = run_study(write_imaging_study(tmp_path / "s", tables), tmp_path / "out")
    assert run.status == "COMPLETE"
    report = run.report.read_text("utf-8")
    assert "thirds of injected activity need three different ones" in report
    assert "Headache" in report


def test_a_tracer_without_events_says_so(tmp_path):
    run = run_study(write_imaging_study(tmp_path / "s", tables_with(EVENTS[:1])), tmp_path / "out")
    assert "No adverse event was reported after 10 baseline scans with FDG." in run.report.read_text("utf-8")


def test_without_the_tables_there_are_no_sections(tmp_path):
    run = run_study(write_imaging_study(tmp_path / "s"), tmp_path / "out")
    report = run.report.read_text("utf-8")
    assert "Change of management" not in report
    assert "dverse event" not in report


@pytest.mark.parametrize(
    ("event", "code", "column"),
    [
        ("C-1,patient born 1951 fell,2,no,", "D211", "term"),
        (f"C-1,{'a' * 81},2,no,", "D211", "term"),
        ("C-1,nausea,2,no,2021-02-10", "D212", "event_date"),
        ("C-99,nausea,2,no,", "D104", "scan_id"),
        ("C-1,nausea,6,no,", "D024", "grade"),
        ("C-1,nausea,0,no,", "D024", "grade"),
        ("C-1,nausea,1.5,no,", "D021", "grade"),
        ("C-1,,1,no,", "D032", "term"),
    ],
)
def test_events_that_cannot_be_are_errors(tmp_path, event, code, column):
    # the event is the second line of the file; the scan of patient 1 was on 11 February
    study = write_imaging_study(tmp_path, tables_with([event]))
    found = [one for one in check_study(study).findings if one.severity == "error"]
    assert [(one.code, one.column, one.rows) for one in found] == [(code, column, (2,))]


@pytest.mark.parametrize("event", [f"C-1,{'a' * 80},2,no,", "C-1,CD4 lymphocytes decreased,5,no,2021-02-11"])
def test_events_at_the_edge_are_read(tmp_path, event):
    assert check_study(write_imaging_study(tmp_path, tables_with([event]))).ok
