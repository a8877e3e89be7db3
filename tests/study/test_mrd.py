"""PET and residual disease at the end of treatment: what each patient has is written out."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from study.imaging_study import HEAD, made_tables, write_imaging_study

import survmodel as sm
from survmodel.markers.end_of_treatment import end_facts
from survmodel.study.config import read_study
from survmodel.study.file_errors import StudyFileError
from survmodel.study.run import run_study

#: End-of-treatment scan on 10 August 2021, its read, day of the marrow and its result.
END = (
    ("positive", "2021-08-12", "positive"), ("negative", "2021-08-01", "negative"),
    ("negative", "2021-09-09", "negative"), ("positive", "2021-08-10", "negative"),
    ("negative", "2021-07-11", "positive"), ("negative", "2021-08-20", "negative"),
    ("indeterminate", "2021-08-20", "positive"), ("positive", "2021-09-10", "positive"),
    ("negative", "2021-08-10", "not_done"),
)  # fmt: skip
CURVE = """
[endpoint.after]
label = "survival after treatment"
events = ["death"]
unit = "months"
{origin}

[[curve]]
endpoint = "after"
by = "{by}"
"""


def end_tables():
    tables = made_tables()
    scans = [f"E-{i},KEY-{i},cxcr4,end,2021-08-10,A,100" for i in range(len(END))]
    reads = [f"E-{i},consensus,{read}" for i, (read, _, _) in enumerate(END)]
    marrow = [f"KEY-{i},{day},IMWG 2016,CR,{mrd}" for i, (_, day, mrd) in enumerate(END)]
    tables["scans"] += scans
    tables["reads"] += reads
    return tables | {"assessments": ["patient_id,assessment_date,criteria,response,mrd", *marrow]}


def study_of(folder, origin="", by="mrd_pet", more="", tables=None):
    text = CURVE.format(origin=origin, by=by) if origin is not None else ""
    return write_imaging_study(folder, tables or end_tables(), more=text + more)


def the(records, step, **where):
    found = records[records["step"] == step]
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1, found
    return found.iloc[0]


def test_states_and_days_are_those_written_out(tmp_path):
    cohort = sm.build_cohort(study_of(tmp_path, None))
    # 30 days before and after are near, 31 are not; not done is no result
    assert cohort.table["mrd_pet"].astype(object).where(lambda c: c.notna(), None).tolist() == [
        "both positive", "double negative", "double negative", "PET only", "MRD only", "double negative", None, None,
        None, None,
    ]  # fmt: skip
    assert cohort.table["mrd_end"].isna().tolist() == [False] * 7 + [True] * 3
    assert cohort.table["cxcr4_end_read"].tolist()[6] == "indeterminate"
    roles = {one.name: one.role for one in cohort.fields}
    assert {roles[name] for name in ("mrd_end", "mrd_pet", "cxcr4_end_read")} == {"post_baseline"}


def test_the_two_by_two_table_and_kappa_are_counted_by_hand(tmp_path):
    run = run_study(study_of(tmp_path / "s", None), tmp_path / "out")
    assert run.status == "COMPLETE"
    records = pd.DataFrame(json.loads((run.out / "results.json").read_text("utf-8"))["records"])
    # six clear: PET positive 2, of whom one has residual disease; PET negative 4, of whom one has
    cells = {name: the(records, "mrd/cxcr4", measure=f"positive, {name}")["n"]
             for name in ("both", "first_only", "second_only", "neither")}  # fmt: skip
    assert cells == {"both": 1, "first_only": 1, "second_only": 1, "neither": 3}
    assert the(records, "mrd/cxcr4", model="CXCR4 PET")["estimate"] == pytest.approx(2 / 6)
    assert the(records, "mrd/cxcr4", measure="counted, n_indeterminate")["estimate"] == 1
    # agreement 4/6; by chance (2/6)^2 + (4/6)^2 = 5/9; kappa (2/3 - 5/9) / (4/9)
    assert the(records, "mrd/kappa/cxcr4", measure="Cohen's kappa")["estimate"] == pytest.approx(0.25)
    assert the(records, "mrd", level="double negative")["n"] == 3
    report = run.report.read_text("utf-8")
    assert "PET and residual disease at the end of treatment" in report
    assert "within 30 days of the end-of-treatment scan" in report
    assert "double negative 3, PET only 1, MRD only 1, both positive 1" in report
    assert "not analysed" not in report


def test_time_begins_on_the_day_on_which_both_are_known(tmp_path):
    cohort = sm.build_cohort(study_of(tmp_path, 'origin = "mrd_pet_date"'))
    outcome = cohort.analysis("after", "all").outcome
    # patient 0: the marrow came last, 12 August 2021, and the patient was seen on 1 August 2023
    expected = (pd.Timestamp("2023-08-01") - pd.Timestamp("2021-08-12")).days / 30.4375
    assert outcome.n == 6
    assert outcome.time[0] == pytest.approx(expected)
    # patient 1: the scan came last
    assert outcome.time[1] == pytest.approx((pd.Timestamp("2022-10-01") - pd.Timestamp("2021-08-10")).days / 30.4375)


@pytest.mark.parametrize(
    ("origin", "by", "expected"),
    [
        # groups of one patient are not drawn
        ('origin = "mrd_pet_date"', "mrd_pet", {"double negative": 3}),
        ('origin = "mrd_pet_date"', "mrd_end", {"negative": 4, "positive": 2}),
        ('origin = "cxcr4_end_scan_date"', "cxcr4_end_read", {"negative": 5, "positive": 3}),
        ('origin = "cxcr4_end_scan_date"\nlandmark = 1', "mrd_pet", {"double negative": 3}),
    ],
)
def test_groups_known_when_time_begins_are_drawn(tmp_path, origin, by, expected):
    run = run_study(study_of(tmp_path / "s", origin, by), tmp_path / "out")
    records = pd.DataFrame(json.loads((run.out / "results.json").read_text("utf-8"))["records"])
    drawn = records[(records["step"] == f"curve/after/{by}") & (records["measure"] == "patients and events")]
    assert dict(zip(drawn["group"], drawn["n"], strict=True)) == expected


@pytest.mark.parametrize(
    ("origin", "by", "said"),
    [
        ("", "mrd_pet", "known only after the end of treatment"),
        ('origin = "cxcr4_scan_date"\nlandmark = 12', "mrd_pet", "origin = 'mrd_pet_date'"),
        ('origin = "cxcr4_end_scan_date"', "mrd_pet", "a landmark of 30 days or later"),
        ('origin = "cxcr4_end_scan_date"\nlandmark = 0.9', "mrd_end", "a landmark of 30 days or later"),
        ("", "cxcr4_end_read", "origin = 'cxcr4_end_scan_date'"),
        ('origin = "mrd_pet_date"', "fdg_end_read", "a landmark of 30 days or later"),
    ],
)
def test_groups_known_later_than_time_begins_are_refused(tmp_path, origin, by, said):
    with pytest.raises(StudyFileError) as caught:
        read_study(study_of(tmp_path, origin, by))
    assert caught.value.exit_status == 2
    assert "curve[1].by" in str(caught.value)
    assert said in str(caught.value)


def test_a_set_chosen_by_what_is_known_later_is_refused(tmp_path):
    more = '\n[analysis_set.late]\ninclude = { "mrd_pet == \'double negative\'" = "not double negative" }\n'
    head = HEAD.replace('unit = "months"\n', 'unit = "months"\nanalysis_set = "late"\n')
    study = write_imaging_study(tmp_path, end_tables(), more=more, head=head)
    with pytest.raises(StudyFileError, match="known only after the end of treatment"):
        read_study(study)


def test_the_days_are_those_of_the_study(tmp_path):
    near = sm.build_cohort(study_of(tmp_path / "a", None, more="[mrd]\ndays = 2\n")).table["mrd_end"]
    assert near.notna().tolist() == [True, False, False, True] + [False] * 6
    far = sm.build_cohort(study_of(tmp_path / "b", None, more="[mrd]\ndays = 31\n")).table["mrd_pet"]
    assert far.tolist()[7] == "both positive"


def test_assessments_without_an_end_scan_say_so(tmp_path):
    tables = made_tables() | {"assessments": end_tables()["assessments"]}
    run = run_study(study_of(tmp_path / "s", None, tables=tables), tmp_path / "out")
    assert "no residual disease near an end-of-treatment scan" in run.report.read_text("utf-8")


def facts(scans, marrow, reads=None, days=30):
    table = pd.DataFrame(scans, columns=["scan_id", "patient_id", "tracer", "scan_role", "scan_date"])
    results = pd.DataFrame(marrow, columns=["patient_id", "assessment_date", "mrd"])
    calls = pd.DataFrame(reads or [], columns=["scan_id", "reader", "result"])
    table["scan_date"] = pd.to_datetime(table["scan_date"])
    results["assessment_date"] = pd.to_datetime(results["assessment_date"])
    return end_facts(["a"], table, calls, results, days=days)


SCAN = ("s", "a", "cxcr4", "end", "2024-05-10")


@pytest.mark.parametrize(
    ("marrow", "expected"),
    [
        ([("a", "2024-05-01", "positive"), ("a", "2024-05-12", "negative")], "negative"),  # the nearest
        ([("a", "2024-05-12", "negative"), ("a", "2024-05-08", "positive")], "positive"),  # as near: the earlier
        ([("a", "2024-05-12", "negative"), ("a", "2024-05-12", "positive")], "positive"),  # of one day: positive
        ([("a", "2024-05-10", "not_done"), ("a", "2024-05-30", "negative")], "negative"),
    ],
)
def test_one_result_of_the_marrow_counts(marrow, expected):
    for rows in (marrow, marrow[::-1]):
        assert facts([SCAN], rows).table.loc["a", "mrd_end"] == expected


def test_the_first_end_scan_counts_and_the_fdg_scan_nearest_to_it():
    scans = [
        ("late", "a", "cxcr4", "end", "2024-07-01"), SCAN, ("far", "a", "fdg", "end", "2024-04-01"),
        ("near", "a", "fdg", "end", "2024-05-12"), ("base", "a", "cxcr4", "baseline", "2024-01-01"),
    ]  # fmt: skip
    reads = [("late", "consensus", "negative"), ("s", "consensus", "positive"), ("far", "consensus", "positive"),
             ("near", "consensus", "negative"), ("base", "consensus", "negative")]  # fmt: skip
    found = facts(scans, [("a", "2024-05-12", "negative")], reads)
    assert found.table.loc["a", ["cxcr4_end_read", "fdg_end_read", "mrd_pet"]].tolist() == [
        "positive", "negative", "PET only",
    ]  # fmt: skip
    assert found.dates.loc["a"].dt.strftime("%m-%d").tolist() == ["05-10", "05-12"]
    assert {name: rows.tolist() for name, rows in found.scan_rows.items()} == {
        "cxcr4_end_scan_date": [1], "mrd_pet_date": [1],
    }  # fmt: skip


def test_an_fdg_scan_alone_has_its_own_table_and_no_date_of_cxcr4():
    found = facts([("f", "a", "fdg", "end", "2024-05-12")], [("a", "2024-05-01", "positive")],
                  [("f", "consensus", "positive")])  # fmt: skip
    assert found.table.loc["a", "mrd_end"] == "positive"
    assert "mrd_pet" not in found.table
    assert found.dates.empty
