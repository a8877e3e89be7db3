"""Late entry: what is said of a risk set that is small before it is full or empty for a while; numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest

from survmodel import CumulativeIncidence, KaplanMeier, Outcome


def cohort(*early, n=20, entry=50.0, unit="days"):
    """Rows of (entry, time, event), and `n` who enter late and leave one by one after that."""
    rows = [*early, *((entry, entry + 10.0 + k, k % 2) for k in range(n))]
    start, time, event = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return Outcome(time, event.astype(int), start, unit=unit)


def warnings_of(outcome, by=None):
    return [text for text in KaplanMeier().fit(outcome, by=by).warnings if "at risk" in text]


def test_an_event_among_few_before_the_others_come_is_told():
    (warning,) = warnings_of(cohort((0, 30, 1), (0, 40, 0), (0, 200, 0)))
    assert warning.startswith("the cohort has 1 event while fewer than 10 are at risk")
    assert "(smallest 3 at risk, at 30 days)" in warning
    # At 60 days the first of those who entered at 50 leaves: then 20 and the one to 200 are at risk.
    assert warning.endswith("condition on being free of the event at 60 days")


def test_the_smallest_risk_set_of_several_is_named():
    (warning,) = warnings_of(cohort((0, 30, 1), (0, 40, 1), (0, 200, 0)))
    assert "2 events" in warning
    assert "(smallest 2 at risk, at 40 days)" in warning


@pytest.mark.parametrize(
    "early",
    [
        [(0, 30, 0), (0, 40, 0), (0, 200, 0)],  # few, but no event among them
        [(0, 30, 1), *[(0, 200, 0)] * 9],  # ten at risk
    ],
)
def test_no_early_event_among_few_no_warning(early):
    assert warnings_of(cohort(*early)) == []


def test_few_at_the_end_of_follow_up_is_no_early_risk_set():
    assert warnings_of(cohort(*[(0, 100 + k, 1) for k in range(12)])) == []


def test_without_late_entry_nothing_is_said():
    assert warnings_of(Outcome([1, 2, 3], [1, 1, 1])) == []


def test_a_time_without_anybody_is_told():
    """One row to day 30, and the next ones from day 50: nothing is known of what lies between."""
    (warning,) = warnings_of(cohort((0, 30, 0)))
    assert warning.startswith("the cohort has nobody at risk from 30 to 50 days: nothing is known")


def test_a_time_without_anybody_at_the_start_is_told():
    outcome = cohort(entry=50.0)
    (warning,) = warnings_of(outcome)
    assert "nobody at risk from 0 to 50 days" in warning


def test_an_entry_on_the_day_of_the_last_exit_leaves_no_gap():
    assert warnings_of(cohort(*[(0, 50, 1)] * 12)) == []


def test_each_group_is_looked_at_and_named():
    outcome = cohort((0, 30, 1), *[(0, 200, 0)] * 30)
    by = np.array(["few"] + ["many"] * 30 + ["few"] * 20)
    (first, second) = warnings_of(outcome, by)
    assert first.startswith("group 'few' has 1 event")
    assert "nobody at risk from 30 to 50 days" in second


def test_incidences_are_looked_at_as_curves_are():
    outcome = cohort((0, 30, 1), (0, 40, 1), (0, 200, 0))
    causes = np.where(outcome.time == 40, 2, outcome.event)
    competing = Outcome(outcome.time, causes, outcome.entry, unit="days", causes={1: "relapse", 2: "death"})
    told = [text for text in CumulativeIncidence().fit(competing).warnings if "at risk" in text]
    assert told == warnings_of(outcome)


def test_at_time_zero_those_count_who_are_there_when_time_begins():
    outcome = cohort((0, 30, 1), (0, 40, 0), (0, 200, 0))
    read = KaplanMeier().fit(outcome).at([0, 1, 50, 51, 60])
    assert read["n_risk"].tolist() == [3, 3, 1, 21, 21]
    competing = Outcome(outcome.time, outcome.event, outcome.entry, causes={1: "relapse", 2: "death"})
    assert CumulativeIncidence().fit(competing).at([0, 1])["n_risk"].tolist() == [3, 3, 3, 3]
    assert KaplanMeier().fit(Outcome([0, 1], [0, 1])).at(0)["n_risk"].tolist() == [2]
