"""Landmarks: who stays, who is lost and why, and that survival from there is conditional survival."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from survmodel import DataError, EndpointError, KaplanMeier, Outcome
from survmodel.outcome.landmark import landmark

run = settings(
    deadline=None, derandomize=True, database=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow]
)

TABLE = pd.DataFrame({"x": range(6)}, index=list("abcdef"))
TIMES, EVENTS = [2.0, 6, 6, 7, 9, 5], [1, 1, 0, 1, 0, 0]


def make_outcome(**options: object) -> Outcome:
    return Outcome(pd.Series(TIMES, index=TABLE.index), EVENTS, unit="months", endpoint="death", **options)


class TestWhoStays:
    """Time beyond the landmark; events and censorings on it are lost."""

    def test_hand_example(self):
        result = landmark(TABLE, make_outcome(), at=6)
        assert list(result.table.index) == ["d", "e"]
        assert list(result.outcome.index) == ["d", "e"]
        assert result.outcome.time.tolist() == [1, 3]
        assert result.outcome.event.tolist() == [1, 0]
        assert result.rows.tolist() == [3, 4]
        assert result.lost.to_dict("list") == {"reason": ["death", "censored"], "n": [2, 2]}
        assert (result.n_before, result.n, result.at) == (6, 2, 6)
        assert (result.outcome.unit, result.outcome.endpoint) == ("months", "death")

    def test_before_the_first_end_nobody_is_lost(self):
        result = landmark(TABLE, make_outcome(), at=1)
        assert result.n == 6
        assert result.lost["n"].tolist() == [0, 0]
        assert result.outcome.time.tolist() == [time - 1 for time in TIMES]

    def test_competing_events_are_lost_by_name(self):
        causes = {1: "relapse", 2: "death"}
        outcome = Outcome(TIMES, [1, 2, 0, 1, 2, 0], causes=causes)
        result = landmark(TABLE, outcome, at=6)
        assert result.lost.to_dict("list") == {"reason": ["relapse", "death", "censored"], "n": [1, 1, 2]}
        assert result.outcome.causes == causes
        assert result.outcome.event.tolist() == [1, 2]

    def test_a_time_equal_but_for_float_rounding_is_on_the_landmark(self):
        outcome = Outcome([0.1 + 0.2, 0.7], [1, 1])
        assert landmark(pd.DataFrame({"x": [1, 2]}), outcome, at=0.3).n == 1
        below = Outcome([1.1 - 0.8, 0.7], [1, 1])
        assert landmark(pd.DataFrame({"x": [1, 2]}), below, at=0.3).n == 1

    def test_arrays_match_by_position(self):
        result = landmark(TABLE, Outcome(TIMES, EVENTS), at=6)
        assert result.outcome.index is None
        assert list(result.table.index) == ["d", "e"]

    def test_nothing_given_is_changed(self):
        outcome, table = make_outcome(), TABLE.copy()
        result = landmark(table, outcome, at=6)
        result.table["x"] = 0
        assert_array_equal(outcome.time, TIMES)
        pd.testing.assert_frame_equal(table, TABLE)


class TestEntry:
    """Late entry and several rows of one patient."""

    def test_entries_count_from_the_landmark(self):
        outcome = Outcome([5, 8, 9, 12], [1, 1, 0, 1], entry=[0, 2, 4, 7])
        result = landmark(TABLE.iloc[:4], outcome, at=4)
        assert result.outcome.time.tolist() == [1, 4, 5, 8]
        assert result.outcome.entry.tolist() == [0, 0, 0, 3]
        assert result.n_late == 1
        assert "1 patient of them under observation only later" in repr(result)

    def test_entries_that_are_all_over_are_dropped(self):
        outcome = Outcome([5, 8, 9, 12], [1, 1, 0, 1], entry=[0, 2, 4, 7])
        result = landmark(TABLE.iloc[:4], outcome, at=7)
        assert result.outcome.entry is None
        assert result.n_late == 0

    def test_rows_of_one_patient(self):
        ids = ["p", "p", "q", "q", "r", "s"]
        entry, time = [0, 4, 0, 8, 0, 0], [4, 10, 8, 9, 3, 4]
        outcome = Outcome(time, [0, 1, 0, 0, 1, 0], entry, id=ids)
        result = landmark(TABLE, outcome, at=5)
        assert result.rows.tolist() == [1, 2, 3]
        assert result.outcome.entry.tolist() == [0, 0, 3]
        assert result.outcome.time.tolist() == [5, 3, 4]
        assert len(set(result.outcome.id)) == 2
        assert (result.n_before, result.n, result.n_late) == (4, 2, 0)
        assert result.lost.to_dict("list") == {"reason": ["event", "censored"], "n": [1, 1]}

    def test_a_patient_is_lost_by_the_last_row_in_any_row_order(self):
        outcome = Outcome([5, 3, 20], [1, 0, 0], [3, 0, 0], id=["p", "p", "q"])
        assert landmark(TABLE.iloc[:3], outcome, at=6).lost["n"].tolist() == [1, 0]

    def test_one_row_each_is_left_when_entries_are_dropped(self):
        outcome = Outcome([4, 10, 8], [0, 1, 1], [0, 4, 0], id=["p", "p", "q"])
        result = landmark(TABLE.iloc[:3], outcome, at=5)
        assert result.outcome.entry is None
        assert result.outcome.time.tolist() == [5, 3]


class TestRefusals:
    """Landmarks that cannot be."""

    @pytest.mark.parametrize("at", [0, -1, float("nan"), float("inf"), "6", None, True, [6]])
    def test_no_number_above_0(self, at):
        with pytest.raises(EndpointError, match="the landmark is no number above 0"):
            landmark(TABLE, make_outcome(), at=at)

    @pytest.mark.parametrize("at", [9, 9.5, 100])
    def test_nobody_is_left(self, at):
        with pytest.raises(EndpointError, match=r"nobody is under observation.*longest time 9.*earlier landmark"):
            landmark(TABLE, make_outcome(), at=at)

    def test_rows_that_are_not_those_of_the_outcome(self):
        with pytest.raises(DataError, match="same labels stand in another order"):
            landmark(TABLE.iloc[::-1], make_outcome(), at=6)
        with pytest.raises(DataError, match="5 rows against 6"):
            landmark(TABLE.iloc[:5], make_outcome(), at=6)


class TestResult:
    """The result prints, tabulates and serialises."""

    def test_tables(self):
        result = landmark(TABLE, make_outcome(), at=6)
        tidy = result.tidy()
        assert tidy["level"].tolist() == ["start", "death", "censored", "landmark"]
        assert tidy["n"].tolist() == [6, 2, 2, 2]
        assert tidy["time"].tolist() == [0, 6, 6, 6]
        row = result.glance().iloc[0]
        assert row[["time", "n", "n_event", "n_lost"]].tolist() == [6, 2, 1, 4]
        assert json.loads(result.to_json())["kind"] == "Landmark"

    def test_text(self):
        text = repr(landmark(TABLE, make_outcome(), at=6))
        assert text.startswith("Landmark at 6 months, death, time counted from there")
        assert "lost: censored" in text
        assert "lost: censored" in landmark(TABLE, make_outcome(), at=6)._repr_html_()

    def test_what_is_left_is_judged_anew(self):
        outcome = Outcome([0, 5, 8], [1, 0, 0])
        assert any("time 0" in warning for warning in outcome.warnings)
        assert landmark(TABLE.iloc[:3], outcome, at=2).outcome.warnings == (
            "there are no events: no median and no comparison can be estimated",
        )

    def test_is_frozen(self):
        result = landmark(TABLE, make_outcome(), at=6)
        with pytest.raises(AttributeError):
            result.at = 5.0
        with pytest.raises(ValueError, match="read-only"):
            result.rows[0] = 1


def make_random(seed: int, n: int, *, late: bool, whole: bool, several: bool) -> Outcome:
    rng = np.random.default_rng([seed, n])
    time = rng.exponential(20, n) + 0.5
    time = np.ceil(time) + 1 if whole else time
    event = (rng.uniform(size=n) < 0.6).astype(int)
    entry = np.where(rng.uniform(size=n) < 0.5, 0.9 * rng.uniform(size=n) * time, 0.0)
    entry = np.floor(entry) if whole else entry
    if not several:
        return Outcome(time, event, entry if late else None)
    cut = entry + (time - entry) * 0.5  # two rows a patient, one after the other
    return Outcome(
        np.concatenate([cut, time]), np.concatenate([0 * event, event]), np.concatenate([entry, cut]),
        id=np.concatenate([np.arange(n)] * 2),
    )  # fmt: skip


@run
@given(
    st.integers(0, 2**32 - 1), st.integers(2, 60), st.booleans(), st.booleans(), st.booleans(), st.floats(0.02, 0.98)
)
def test_survival_from_a_landmark_is_conditional_survival(seed, n, late, whole, several, share):
    """S(u | T > t) = S(u) / S(t), on the landmark and beside it, with late entry and start-stop rows."""
    outcome = make_random(seed, n, late=late, whole=whole, several=several)
    at = share * float(outcome.time.max())
    at = max(np.floor(at), 1.0) if whole else at
    full = KaplanMeier().fit(outcome)
    survival = full.at(at)["estimate"].iloc[0]
    result = landmark(pd.DataFrame(index=range(outcome.n)), outcome, at)
    assert len(result.table) == result.outcome.n == result.rows.size
    assert result.n_before - result.lost["n"].sum() == result.n
    if not survival > 0:
        return
    tail = full.tidy().query("time > @at * (1 + 1e-9)")
    tail = tail[tail["n_event"] > 0]
    there = KaplanMeier().fit(result.outcome).at(tail["time"].to_numpy() - at)
    assert_allclose(there["estimate"], tail["estimate"] / survival, rtol=1e-9, atol=1e-12)
    steps = KaplanMeier().fit(result.outcome).tidy().query("n_event > 0")
    assert_array_equal(steps["n_risk"], tail["n_risk"])


@run
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.booleans(), st.floats(0.05, 0.5), st.floats(0.05, 0.4))
def test_a_landmark_of_a_landmark_is_a_later_landmark(seed, n, late, first, second):
    outcome = make_random(seed, n, late=late, whole=False, several=False)
    longest = float(outcome.time.max())
    table = pd.DataFrame({"row": range(outcome.n)})
    once = landmark(table, outcome, (first + second) * longest)
    step = landmark(table, outcome, first * longest)
    twice = landmark(step.table, step.outcome, second * longest)
    assert twice.table["row"].tolist() == once.table["row"].tolist()
    assert_allclose(twice.outcome.time, once.outcome.time, rtol=1e-9)
    assert_array_equal(twice.outcome.event, once.outcome.event)


@run
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(0.05, 0.9), st.sampled_from([30.4375, 1 / 30.4375, 7]))
def test_the_unit_of_time_changes_nothing(seed, n, share, factor):
    outcome = make_random(seed, n, late=True, whole=True, several=False)
    at = float(np.ceil(share * outcome.time.max())) - 0.5
    here = landmark(pd.DataFrame(index=range(n)), outcome, at)
    other = Outcome(outcome.time * factor, outcome.event, outcome.entry * factor)
    there = landmark(pd.DataFrame(index=range(n)), other, at * factor)
    assert_array_equal(here.rows, there.rows)
    assert_allclose(there.outcome.time, here.outcome.time * factor, rtol=1e-9)
