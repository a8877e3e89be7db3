"""Landmark endpoints of a study file: shifted times, the flow, the report, and R's own shift."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, made_table, write_study

import survmodel as sm
from survmodel.data.findings import FindingsError
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.example import write_example
from survmodel.study.run import run_study

UNIT = 'unit = "days"\nlabel'
AT = 40


def study_at(landmark):
    return STUDY.replace(UNIT, f'unit = "days"\nlandmark = {landmark}\nlabel')


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("landmark")
    return run_study(write_study(folder / "made", text=study_at(AT)), folder / "out")


def records(run, **wanted):
    found = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    return [record for record in found if all(record.get(key) == value for key, value in wanted.items())]


def times_for_r(run, number):
    text = (run.out / f"check_in_R_{number}.csv").read_text(encoding="utf-8")
    return sorted(float(row["time_"]) for row in csv.DictReader(io.StringIO(text)))


def words(run):
    return html.unescape(re.sub("<[^>]+>", "", run.report.read_text(encoding="utf-8")))


def test_those_beyond_the_landmark_are_counted_from_there(made):
    table = made_table()
    left = table["days"] > AT
    assert 0 < left.sum() < len(table)
    (counts,) = records(made, step="counts")
    assert (counts["n"], counts["n_event"]) == (left.sum(), table.loc[left, "dead"].sum())
    assert times_for_r(made, 1) == sorted(table.loc[left, "days"] - AT)
    outcome = sm.Outcome(table.loc[left, "days"] - AT, table.loc[left, "dead"])
    age = pd.to_numeric(table.loc[left, "age"], errors="coerce")
    groups = pd.cut(age, [-np.inf, 50, 65, np.inf], right=False, labels=["under 50", "50 to 64", "65 and over"])
    rows = np.flatnonzero(groups.notna())
    read = sm.KaplanMeier().fit(outcome.take(rows), by=groups.iloc[rows]).at(100)["estimate"]
    found = records(made, step="curve/os/age_group", measure="survival", time=100)
    assert sorted(one["estimate"] for one in found) == sorted(read)


def test_the_flow_and_the_results_say_who_was_lost_and_why(made):
    table = made_table()
    gone = table[table["days"] <= AT]
    died, ended = int(gone["dead"].sum()), int((gone["dead"] == 0).sum())
    assert died
    assert ended
    lost = {one["level"]: one["n_missing"] for one in records(made, measure="lost by the landmark")}
    assert lost == {"death": died, "observation ended": ended}
    flow = {one["level"]: one["n_missing"] for one in records(made, step="flow/os")}
    assert flow == {
        f"overall survival: death by {AT} days": died,
        f"overall survival: observation ended by {AT} days": ended,
    }
    text = words(made)
    assert f"lost by then: {died} by death and {ended} because observation ended" in text
    assert f"Overall survival: death by {AT} days" in text


def test_methods_and_opening_say_that_time_counts_from_the_landmark(made):
    text = words(made)
    assert f"Overall survival from the landmark at {AT} days: time from the landmark to death, in days" in text
    assert f"Overall survival from the landmark at {AT} days was measured in days from there until death" in text


@pytest.mark.parametrize(
    ("landmark", "said"),
    [("0", "endpoint.os.landmark: must be greater than 0"), ("-3", "must be greater than 0"), ('"60"', "valid number"),
     ("inf", "finite number")],
)  # fmt: skip
def test_a_landmark_is_a_number_above_0(tmp_path, landmark, said):
    with pytest.raises(StudyFileError, match=said):
        read_study(write_study(tmp_path / "s", text=study_at(landmark)))


def test_a_landmark_that_nobody_reaches_is_refused(tmp_path):
    with pytest.raises(FindingsError, match="D049: nobody is under observation") as caught:
        run_study(write_study(tmp_path / "s", text=study_at(10**6)), tmp_path / "out")
    assert "Choose an earlier landmark" in str(caught.value)


def test_a_landmark_of_dates_counts_in_months_from_the_scan(tmp_path):
    study = write_example(tmp_path / "s", "multicentre", "strong")
    plain = run_study(study, tmp_path / "plain")
    text = study.read_text(encoding="utf-8")
    assert text.count("[endpoint.os]\n") == 1
    study.write_text(text.replace("[endpoint.os]\n", "[endpoint.os]\nlandmark = 6\n"), encoding="utf-8")
    run = run_study(study, tmp_path / "out")
    at_start = {one["step"]: one for one in records(plain, endpoint="os", measure="patients and events")}["counts"]
    at_six = {one["step"]: one for one in records(run, endpoint="os", measure="patients and events")}["counts"]
    lost = sum(one["n_missing"] for one in records(run, endpoint="os", measure="lost by the landmark"))
    assert lost > 0
    assert at_six["n"] == at_start["n"] - lost
    expected = [time - 6 for time in times_for_r(plain, 2) if time > 6]
    np.testing.assert_allclose(times_for_r(run, 2), expected, rtol=0, atol=1e-9)
