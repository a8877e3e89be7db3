"""Cumulative incidence: identities, brute force, and what it refuses; R's numbers stand in tests/reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import CumulativeIncidence, DataError, EndpointError, KaplanMeier, Outcome

CAUSES = {1: "relapse", 2: "death"}
run = settings(deadline=None, max_examples=60)


@st.composite
def competing(draw, late=False):
    n = draw(st.integers(2, 25))
    time = np.array(draw(st.lists(st.integers(1, 12), min_size=n, max_size=n)), dtype=float)
    event = np.array(draw(st.lists(st.sampled_from([0, 1, 2]), min_size=n, max_size=n)))
    entry = None
    if late:
        share = np.array(draw(st.lists(st.sampled_from([0.0, 0.3, 0.6]), min_size=n, max_size=n)))
        entry = np.floor(time * share)
    return Outcome(time, event, entry, causes=CAUSES)


def weighted_incidence(time, event, entry, weight, cause):
    """The estimator with weights, straight from its definition."""
    survival, incidence, values = 1.0, 0.0, []
    for now in np.unique(time):
        at_risk = weight[(entry < now) & (time >= now)].sum()
        deaths = weight[(time == now) & (event > 0)].sum()
        incidence += survival * weight[(time == now) & (event == cause)].sum() / at_risk
        survival *= 1 - deaths / at_risk
        values.append(incidence)
    return np.array(values)


@run
@given(competing(late=True))
def test_risks_of_all_causes_and_the_chance_of_none_add_up_to_one(outcome):
    table = CumulativeIncidence().fit(outcome).tidy()
    total = table.groupby("time")["estimate"].sum()
    survival = KaplanMeier().fit(outcome.any_event()).tidy().set_index("time")["estimate"]
    np.testing.assert_allclose(total + survival, 1.0, atol=1e-12)
    for _, part in table.groupby("level"):
        assert (np.diff(part["estimate"]) >= -1e-15).all()
        inside = part[part["conf_low"].notna() & part["conf_high"].notna()]
        assert (inside["conf_low"] <= inside["estimate"] + 1e-12).all()
        assert (inside["estimate"] <= inside["conf_high"] + 1e-12).all()


@run
@given(competing())
def test_a_cause_is_never_above_one_minus_the_curve_that_censors_the_others(outcome):
    table = CumulativeIncidence().fit(outcome).tidy()
    wrong = 1 - KaplanMeier().fit(outcome.cause_specific(1)).tidy()["estimate"].to_numpy()
    assert (table.loc[table["level"] == "relapse", "estimate"].to_numpy() <= wrong + 1e-12).all()


@run
@given(competing(late=True))
def test_one_cause_is_one_minus_kaplan_meier(outcome):
    table = CumulativeIncidence().fit(outcome.any_event()).tidy()
    survival = KaplanMeier().fit(outcome.any_event()).tidy()
    np.testing.assert_allclose(table["estimate"], 1 - survival["estimate"], atol=1e-12)
    # Without late entry the jackknife of one curve is Greenwood's standard error.
    if outcome.entry is None or not outcome.entry.any():
        known = survival["estimate"] > 0
        np.testing.assert_allclose(table["std_error"][known], survival["std_error"][known], rtol=1e-9, atol=1e-12)


@run
@given(competing(late=True), st.sampled_from([1, 2]))
def test_the_standard_error_is_the_jackknife_of_the_definition(outcome, cause):
    entry = np.full(outcome.n, -1.0) if outcome.entry is None else outcome.entry
    step, one = 1e-5, np.ones(outcome.n)
    parts = []
    for i in range(outcome.n):
        up, down = one.copy(), one.copy()
        up[i] += step
        down[i] -= step
        change = [weighted_incidence(outcome.time, outcome.event, entry, w, cause) for w in (up, down)]
        parts.append((change[0] - change[1]) / (2 * step))
    expected = np.sqrt((np.array(parts) ** 2).sum(axis=0))
    table = CumulativeIncidence().fit(outcome).tidy()
    found = table.loc[table["level"] == CAUSES[cause], "std_error"].to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


@run
@given(competing(late=True), st.randoms())
def test_the_order_of_rows_changes_nothing(outcome, random):
    rows = list(range(outcome.n))
    random.shuffle(rows)
    first = CumulativeIncidence().fit(outcome).tidy()
    second = CumulativeIncidence().fit(outcome.take(rows)).tidy()
    pd.testing.assert_frame_equal(first, second, rtol=1e-12)


def test_a_patient_cut_in_two_rows_counts_as_one():
    time, event = [3.0, 5.0, 6.0, 8.0, 9.0], [1, 2, 0, 1, 0]
    whole = CumulativeIncidence().fit(Outcome(time, event, causes=CAUSES)).at([4, 8])
    cut = Outcome(
        [3.0, 2.0, 5.0, 6.0, 4.0, 8.0, 9.0], [1, 0, 2, 0, 0, 1, 0], [0.0, 0.0, 2.0, 0.0, 0.0, 4.0, 0.0],
        id=["a", "b", "b", "c", "d", "d", "e"], causes=CAUSES,
    )  # fmt: skip
    pd.testing.assert_frame_equal(whole, CumulativeIncidence().fit(cut).at([4, 8]), rtol=1e-12)


def test_a_worked_example():
    """Five patients by hand: 1/5 at 2; death takes (4/5)(1/4) at 4; after one is censored, (3/5)(1/2) at 7."""
    outcome = Outcome([2, 4, 5, 7, 9], [1, 2, 0, 1, 0], causes=CAUSES)
    table = CumulativeIncidence().fit(outcome).tidy()
    relapse = table[table["level"] == "relapse"].set_index("time")["estimate"]
    assert relapse.to_dict() == pytest.approx({2: 0.2, 4: 0.2, 5: 0.2, 7: 0.5, 9: 0.5})
    assert table[table["level"] == "death"]["estimate"].iloc[-1] == pytest.approx(0.2)


def test_limits_before_the_first_event_are_exact_and_missing_below_five():
    outcome = Outcome([1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 2, 0, 0, 1], causes=CAUSES)
    early = CumulativeIncidence().fit(outcome).at([0.5, 3, 4])
    relapse = early[early["level"] == "relapse"]
    assert relapse["conf_low"].iloc[0] == 0
    assert relapse["conf_high"].iloc[0] == pytest.approx(1 - 0.025 ** (1 / 7))
    assert relapse["conf_high"].iloc[1] == pytest.approx(1 - 0.025 ** (1 / 5))
    assert np.isnan(relapse["conf_high"].iloc[2])


def test_nothing_is_read_beyond_the_last_follow_up():
    outcome = Outcome([1, 2, 3], [1, 2, 0], causes=CAUSES)
    assert CumulativeIncidence().fit(outcome).at([3, 3.5])["estimate"].isna().tolist() == [False, True] * 2


def test_a_cause_without_events_is_a_warning():
    fit = CumulativeIncidence().fit(Outcome([1, 2, 3], [1, 0, 1], causes=CAUSES))
    assert any("no event of cause 'death'" in warning for warning in fit.warnings)
    assert fit.tidy().loc[lambda t: t["level"] == "death", "estimate"].eq(0).all()


def test_what_cannot_be_is_refused():
    outcome = Outcome([1, 2, 3], [1, 2, 0], causes=CAUSES)
    with pytest.raises(DataError):
        CumulativeIncidence().fit(outcome, by=["a", "b"])
    with pytest.raises(EndpointError):
        CumulativeIncidence().fit(outcome).at([-1])
