"""Endpoints that are the first of several ready-made events: what they make, and what is refused by line and by key."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, made_table, write_study

import survmodel as sm
from survmodel.data.findings import FindingsError
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.preparation import build_cohort
from survmodel.study.run import run_study

OS = 'time = "days"\nevent = "dead"\nunit = "days"\n'
RELAPSE = '{ time = "relapse_day", label = "relapse" }'
DEATH = '{ event = "dead", label = "death" }'
MARKED = '{ event = "relapsed", time = "relapse_day", label = "relapse" }'
COMPETING = '{ event = "dead", label = "death without relapse", competing = true }'


def study_of(*events, more="", text=STUDY):
    first = "".join(f"  {event},\n" for event in events)
    return text.replace(OS, f'time = "days"\nunit = "days"\n{more}first = [\n{first}]\n')


def relapsing(**cells):
    """Every third patient relapses halfway; the table of the file has empty cells where nothing happened."""
    table = made_table()
    table["relapse_day"] = np.where(np.arange(len(table)) % 3 == 0, table["days"] // 2, np.nan)
    table["relapse_day"] = table["relapse_day"].astype("Int64")
    table["relapsed"] = table["relapse_day"].notna().astype(int)
    for name, (row, value) in cells.items():
        table[name] = table[name].astype(object)
        table.loc[row, name] = value
    return table


def refused(folder, table, text):
    with pytest.raises(FindingsError) as caught:
        run_study(write_study(folder / "s", table, text), folder / "out")
    return [finding.to_record() for finding in caught.value.findings]


@pytest.mark.parametrize("relapse", [RELAPSE, MARKED])
def test_the_outcome_is_the_one_that_pandas_makes(tmp_path, relapse):
    table = relapsing()
    cohort = build_cohort(write_study(tmp_path / "s", table, study_of(relapse, COMPETING)))
    outcome = cohort.outcome("os")
    relapsed = table["relapse_day"].notna()
    assert outcome.time.tolist() == table["relapse_day"].fillna(table["days"]).tolist()
    assert outcome.event.tolist() == np.where(relapsed, 1, 2 * table["dead"]).tolist()
    assert outcome.causes == {1: "relapse", 2: "death without relapse"}


def test_a_composite_has_one_event_and_the_report_says_which(tmp_path):
    table = relapsing()
    run = run_study(write_study(tmp_path / "s", table, study_of(RELAPSE, DEATH)), tmp_path / "out")
    assert run.status == "COMPLETE"
    records = json.loads((run.out / "results.json").read_text())["records"]
    (counts,) = [one for one in records if one["step"] == "counts"]
    assert counts["n_event"] == (table["relapse_day"].notna() | (table["dead"] == 1)).sum()
    age = pd.to_numeric(table["age"], errors="coerce")
    rows = np.flatnonzero(age.notna())
    time = table["relapse_day"].fillna(table["days"]).astype(float)
    event = (table["relapse_day"].notna() | (table["dead"] == 1)).astype(int)
    fit = sm.CoxPH("age").fit(pd.DataFrame({"age": age.iloc[rows]}), sm.Outcome(time.iloc[rows], event.iloc[rows]))
    (alone,) = [one for one in records if one["step"] == "cox/clinical/age"]
    assert alone["estimate"] == fit.hazard_ratios()["estimate"].iloc[0]
    report = run.report.read_text()
    assert "until relapse or death, whichever came first; patients without any of these were censored" in report
    assert "Overall survival: time to relapse or death, in days" in report


def test_a_tie_of_two_kinds_is_noted_with_its_lines(tmp_path):
    table = relapsing()
    row = int(np.flatnonzero((table["dead"] == 1) & table["relapse_day"].notna())[0])
    table.loc[row, "relapse_day"] = table.loc[row, "days"]
    run = run_study(write_study(tmp_path / "s", table, study_of(RELAPSE, COMPETING)), tmp_path / "out")
    (note,) = [one for one in json.loads((run.out / "problems.json").read_text()) if one["code"] == "E019"]
    assert (note["severity"], note["rows"]) == ("note", [row + 2])
    assert "the one that the study file lists first counts" in run.report.read_text()


def test_an_event_that_nobody_had_leaves_the_others(tmp_path):
    table = relapsing().assign(relapse_day="")
    run = run_study(write_study(tmp_path / "s", table, study_of(RELAPSE, DEATH)), tmp_path / "out")
    assert run.status == "COMPLETE"
    (warning,) = [one for one in json.loads((run.out / "problems.json").read_text()) if one["code"] == "E015"]
    assert (warning["column"], warning["severity"]) == ("relapse_day", "warning")


@pytest.mark.parametrize(
    ("events", "cells", "code", "column", "words"),
    [
        ([RELAPSE, DEATH], {"relapse_day": (4, 10**6)}, "D034", "relapse_day", "relapse after the end of observation"),
        ([MARKED, DEATH], {"relapsed": (4, 1)}, "D035", "relapse_day", "relapsed says that relapse happened"),
        ([RELAPSE, DEATH], {"relapse_day": (4, -2)}, "D041", "relapse_day", "negative, smallest -2"),
        ([RELAPSE, DEATH], {"days": (4, "")}, "D040", "days", "missing, and needed by endpoint os"),
        ([RELAPSE, DEATH], {"dead": (4, "")}, "D040", "dead", "missing, and needed by endpoint os"),
        ([MARKED, DEATH], {"relapsed": (4, "")}, "D040", "relapsed", "missing, and needed by endpoint os"),
        ([RELAPSE, DEATH], {"dead": (4, 2)}, "D042", "dead", "in first[2] of [endpoint.os] what 2 is"),
    ],
)
def test_data_that_cannot_be_are_named_by_line(tmp_path, events, cells, code, column, words):
    (problem,) = refused(tmp_path, relapsing(**cells), study_of(*events))
    assert (problem["code"], problem["column"], problem["rows"]) == (code, column, [6])
    assert words in problem["message"]
    assert "competing" not in problem["message"]


def test_codes_are_those_that_are_declared(tmp_path):
    table = relapsing().replace({"relapsed": {0: "n", 1: "y"}})
    text = study_of(MARKED.replace('"relapsed"', '"relapsed", event_value = "y"'), DEATH)
    outcome = build_cohort(write_study(tmp_path / "s", table, text)).outcome("os")
    assert outcome.n_event == ((table["relapsed"] == "y") | (table["dead"] == 1)).sum()
    table.loc[5, "relapsed"] = "z"
    (problem,) = refused(tmp_path, table, text)
    assert problem["code"] == "D042"
    assert "Name them in first[1] of [endpoint.os] under event_value, or correct them" in problem["message"]


def test_an_event_before_the_entry_is_refused(tmp_path):
    table = relapsing()
    table["entry"] = 0
    table.loc[3, "entry"] = table.loc[3, "relapse_day"]
    (problem,) = refused(tmp_path, table, study_of(RELAPSE, DEATH, more='entry = "entry"\n'))
    assert (problem["code"], problem["column"], problem["rows"]) == ("D045", "entry", [5])


@pytest.mark.parametrize(
    ("events", "more", "words"),
    [
        ([COMPETING], "", "endpoint.os: every event is competing: one of them must be the event of interest"),
        ([RELAPSE, RELAPSE], "", "endpoint.os: two events have the same label"),
        ([DEATH, DEATH.replace('"death"', '"dying"')], "", "endpoint.os: column 'dead' tells of two events"),
        (['{ label = "relapse" }'], "", "endpoint.os.first[1]: needs event, or time"),
        (['{ time = "relapse_day" }'], "", "endpoint.os.first[1].label: required and not given"),
        (['{ time = "days", label = "death" }'], "", "endpoint.os: first[1] has the end of observation for its time"),
        (['{ time = "day", event_value = 1, label = "x" }'], "", "event_value needs event, whose code it is"),
        ([RELAPSE.replace("relapse_day", "sex")], "", "endpoint.os.first[1].time: column 'sex' is of type category"),
        ([DEATH.replace("dead", "age")], "", "endpoint.os.first[1].event: column 'age' is of type number"),
        ([DEATH.replace("label", "compete = true, label")], "", "first[1].compete: unknown key; did you mean"),
        ([DEATH], 'event = "dead"\n', "endpoint.os: event belongs to the events that first lists"),
        ([DEATH], 'competing = { "2" = "x" }\n', "endpoint.os: competing belongs to the events that first lists"),
        ([DEATH], 'events = ["death"]\n', "endpoint.os: time, first belongs to ready-made times"),
        ([DEATH.replace('"dead"', '"dead", event_value = "x"')], "", "first[1].event_value: column 'dead' holds whole"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_key(tmp_path, events, more, words):
    with pytest.raises(StudyFileError) as caught:
        read_study(write_study(tmp_path / "s", text=study_of(*events, more=more)))
    assert any(words in problem for problem in caught.value.problems), caught.value.problems


def test_the_end_of_observation_and_a_unit_are_needed(tmp_path):
    with pytest.raises(StudyFileError, match=r"endpoint\.os: needs time, unit beside first"):
        read_study(write_study(tmp_path / "s", text=STUDY.replace(OS, f"first = [{DEATH}]\n")))


def test_columns_of_the_events_are_no_predictors(tmp_path):
    text = study_of(MARKED, DEATH).replace('formula = "age + sex"', 'formula = "age + relapse_day"')
    with pytest.raises(StudyFileError, match="'relapse_day' has the role outcome and cannot be a predictor"):
        read_study(write_study(tmp_path / "s", text=text))
