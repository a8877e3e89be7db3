"""Precision of a small study: closed forms against algebra, every permutation, simulation and hand counts."""

from __future__ import annotations

import json
import math
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from survmodel import ConfigError, DataError, EndpointError, FitError, Outcome, concordance
from survmodel.performance.planning import expected_events, smallest_hazard_ratio, uninformative_concordance_error
from survmodel.performance.precision import Precision, precision
from survmodel.result import VOCABULARY

PER_SD = "smallest hazard ratio, per SD"
TWO_GROUPS = "smallest hazard ratio, two equal groups"
HALF_WIDTH = "half-width of C"


# Smallest hazard ratio -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "events", "share"), [(1.3, 115, None), (1.5, 48, None), (2, 17, None), (2, 66, 0.5), (3, 27, 0.5)]
)
def test_published_numbers_of_events_are_the_first_that_do(ratio, events, share):
    assert smallest_hazard_ratio(events, share=share) <= ratio < smallest_hazard_ratio(events - 1, share=share)


@pytest.mark.parametrize(("power", "alpha"), [(0.8, 0.05), (0.9, 0.01), (0.3, 0.1), (0.5, 0.05)])
def test_events_from_the_hazard_ratio_and_back(power, alpha):
    quantiles = norm.isf(alpha / 2) + norm.ppf(power)
    for ratio in (1.2, 2.5):
        for sd, r_squared in ((1, 0), (0.4, 0.3)):
            events = quantiles**2 / (sd**2 * math.log(ratio) ** 2 * (1 - r_squared))
            assert_allclose(
                smallest_hazard_ratio(events, sd=sd, r_squared=r_squared, power=power, alpha=alpha), ratio, rtol=1e-12
            )


def test_groups_are_a_covariate_with_their_own_variance():
    assert_allclose(smallest_hazard_ratio(30, share=0.2), smallest_hazard_ratio(30, sd=0.4), rtol=1e-12)
    assert smallest_hazard_ratio(30, share=0.2) == pytest.approx(smallest_hazard_ratio(30, share=0.8), rel=1e-12)
    # Three quarters of the variance explained elsewhere: four times the events.
    assert_allclose(
        smallest_hazard_ratio(80, share=0.5, r_squared=0.75), smallest_hazard_ratio(20, share=0.5), rtol=1e-12
    )


def test_a_ratio_beyond_all_numbers_is_infinite():
    assert smallest_hazard_ratio(1, sd=1e-6) == math.inf


@pytest.mark.parametrize(
    "options",
    [
        {"share": 0},
        {"share": 1},
        {"share": math.nan},
        {"share": 0.5, "sd": 2},
        {"sd": 0},
        {"sd": -1},
        {"sd": math.inf},
        {"sd": "1"},
        {"r_squared": 1},
        {"r_squared": -0.1},
        {"r_squared": math.nan},
        {"power": 0.05},
        {"power": 1},
        {"power": math.nan},
        {"alpha": 0},
        {"alpha": 1e-20},
        {"alpha": 1},
        {"alpha": True},
    ],
)
def test_options_out_of_range_are_refused_even_without_events(options):
    for n_event in (10, 0):
        with pytest.raises(ConfigError, match=next(iter(options))):
            smallest_hazard_ratio(n_event, **options)


@pytest.mark.parametrize("n_event", [-1, math.nan, math.inf, "ten", None])
def test_impossible_numbers_of_events_are_refused(n_event):
    with pytest.raises(DataError, match="number of events"):
        smallest_hazard_ratio(n_event)


def test_no_events_no_hazard_ratio():
    with pytest.raises(FitError, match="no events"):
        smallest_hazard_ratio(0)


# Concordance of an uninformative index -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 5, 10, 47])
def test_without_censoring_it_is_kendalls_variance(n):
    """C = (tau + 1) / 2, so its standard error is half that of tau."""
    rng = np.random.default_rng(n)
    outcome = Outcome(rng.permutation(n) + 1.0, np.ones(n))
    kendall = 2 * (2 * n + 5) / (9 * n * (n - 1))
    assert_allclose(uninformative_concordance_error(outcome), math.sqrt(kendall) / 2, rtol=1e-13)


CASES = {
    "no censoring": ([1, 2, 3, 4, 5], [1, 1, 1, 1, 1], None, None),
    "censoring": ([1, 2, 3, 4, 5, 6], [1, 0, 1, 1, 0, 1], None, None),
    "tied times": ([2, 2, 2, 3, 3, 4], [1, 1, 0, 1, 1, 0], None, None),
    "all in one tie but one": ([1, 1, 1, 1, 2], [1, 1, 0, 0, 0], None, None),
    "strata": ([1, 2, 3, 4, 2, 3], [1, 0, 1, 1, 1, 1], None, list("aababb")),
    "a silent stratum": ([1, 2, 3, 4, 2, 3], [1, 1, 1, 1, 0, 0], None, list("aaaabb")),
    "late entry": ([2, 3, 4, 5, 6, 6], [1, 1, 0, 1, 1, 1], [0, 2, 1, 3, 4, 5], None),
    "late entry, ties and strata": ([2, 3, 3, 5, 5, 3], [1, 1, 0, 1, 0, 1], [0, 2, 1, 3, 3, 0], list("aabaab")),
}


@pytest.mark.parametrize("name", CASES)
def test_every_permutation_of_the_index(name):
    time, event, entry, strata = CASES[name]
    outcome = Outcome(time, event, entry)
    values = np.array([concordance(outcome, index, strata=strata).estimate for index in permutations(range(len(time)))])
    assert_allclose(values.mean(), 0.5, rtol=1e-12)
    assert_allclose(uninformative_concordance_error(outcome, strata), values.std(), rtol=1e-12)


def test_rows_of_one_patient_share_one_index():
    """Two patients have a second row that begins after the event of another."""
    time, event, entry, patient = [4, 5, 3, 3.5, 6, 7], [0, 1, 1, 0, 1, 0], [0, 4, 0, 0, 3.5, 0], [0, 0, 1, 2, 2, 3]
    outcome = Outcome(time, event, entry, id=patient)
    values = [concordance(outcome, np.array(index)[patient]).estimate for index in permutations(range(4))]
    assert_allclose(uninformative_concordance_error(outcome), np.std(values), rtol=1e-12)
    one_row_each = Outcome([5, 3, 6, 7], [1, 1, 1, 0])
    assert_allclose(uninformative_concordance_error(one_row_each), np.std(values), rtol=1e-12)


def random_study(seed, n):
    rng = np.random.default_rng(seed)
    time = rng.integers(3, 20, n).astype(float)
    entry = np.minimum(rng.integers(0, 8, n), time - 1)
    return time, rng.random(n) < 0.5, entry, rng.integers(0, 3, n)


@pytest.mark.parametrize("seed", range(5))
def test_many_rows_against_a_look_at_every_pair(seed):
    time, died, entry, stratum = random_study(seed, 80)
    first = died[:, None] & ((time[:, None] < time) | ((time[:, None] == time) & ~died))
    first &= (entry < time[:, None]) & (stratum[:, None] == stratum)
    pairs, difference = first.sum(), first.sum(axis=1) - first.sum(axis=0)
    expected = math.sqrt((pairs + (difference**2).sum()) / (12 * pairs**2))
    assert_allclose(uninformative_concordance_error(Outcome(time, died, entry), stratum), expected, rtol=1e-12)


def test_the_spread_of_c_in_simulated_null_studies():
    """2,000 random indices in 60 patients: standard deviation within 3 of its errors, 3 / sqrt(4000) = 4.7 %."""
    rng = np.random.default_rng(20250131)
    time, limit = rng.exponential(12, 60), rng.uniform(4, 30, 60)
    outcome = Outcome(np.minimum(time, limit), time <= limit)
    values = np.array([concordance(outcome, rng.normal(size=60)).estimate for _ in range(2000)])
    error = uninformative_concordance_error(outcome)
    assert abs(values.std() / error - 1) < 3 / math.sqrt(4000)
    assert abs(values.mean() - 0.5) < 3 * error / math.sqrt(2000)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("time", "event", "strata"), [([1, 2], [0, 0], None), ([1, 1], [1, 1], None), ([1, 2], [1, 1], ["a", "b"])]
)
def test_no_usable_pair(time, event, strata):
    with pytest.raises(FitError, match="usable pair"):
        uninformative_concordance_error(Outcome(time, event), strata)


def test_competing_events_must_be_settled_first():
    outcome = Outcome([1, 2, 3], [1, 2, 0], causes={1: "relapse", 2: "death"})
    for asked in (uninformative_concordance_error, precision):
        with pytest.raises(EndpointError, match="competing"):
            asked(outcome)


# Events expected -----------------------------------------------------------------------------------------------------


def test_one_rate_by_hand():
    """2 events in 40 months: rate .05; the two censored rows wait 10 and 0 months."""
    outcome = Outcome([5, 5, 10, 20], [1, 1, 0, 0], unit="months")
    assert_allclose(expected_events(outcome, [99, 99, 20, 20]), 2 + 1 - math.exp(-0.5), rtol=1e-14)


def test_a_rate_for_each_group():
    """Group a: 1 event in 10 months; group b: none in 30."""
    outcome = Outcome([4, 6, 30], [1, 0, 0])
    assert_allclose(expected_events(outcome, [50, 16, 60], list("aab")), 2 - math.exp(-1), rtol=1e-14)
    both = expected_events(outcome, [50, 16, 60])
    assert_allclose(both, 1 + 2 - math.exp(-10 / 40) - math.exp(-30 / 40), rtol=1e-14)


def test_missing_and_early_locks_add_nothing():
    outcome = Outcome([4, 6, 30], [1, 0, 0])
    for potential in ([9, math.nan, 30], [math.nan, 2, -5], pd.Series([9, None, 30], dtype="Float64"), [1, None, 1]):
        assert expected_events(outcome, potential) == 1


def test_time_before_entry_is_not_under_observation():
    """1 event in 2 + 3 months; the censored row waits 5."""
    outcome = Outcome([4, 6], [1, 0], entry=[2, 3])
    assert_allclose(expected_events(outcome, [4, 11]), 2 - math.exp(-1), rtol=1e-14)


def test_events_of_any_kind_count():
    outcome = Outcome([2, 3, 5], [1, 2, 0], causes={1: "relapse", 2: "death"})
    assert_allclose(expected_events(outcome, [9, 9, 10]), 3 - math.exp(-1), rtol=1e-14)


def test_only_the_last_row_of_a_patient_waits():
    split = Outcome([3, 6, 2, 4], [0, 0, 0, 1], entry=[0, 3, 0, 2], id=[1, 1, 2, 2])
    whole = Outcome([6, 4], [0, 1])
    assert_allclose(expected_events(split, [16, 16, 16, 16]), expected_events(whole, [16, 16]), rtol=1e-14)


@pytest.mark.filterwarnings("ignore")
def test_without_events_none_is_expected_and_without_time_nothing_is_known():
    assert expected_events(Outcome([4, 6], [0, 0]), [50, 50]) == 0
    outcome = Outcome([0, 0, 5], [0, 0, 1])
    assert expected_events(outcome, [0, 0, 9], list("aab")) == 1
    with pytest.raises(FitError, match=r"no time under observation, in rows 1, 2 \(2 of 3\)"):
        expected_events(outcome, [9, 9, 9], list("aab"))


@pytest.mark.parametrize(
    "potential",
    [
        7,
        [1, 2],
        [1, 2, math.inf],
        ["a", "b", "c"],
        [True, True, True],
        pd.to_datetime(["2024-01-01"] * 3),
        pd.Series(pd.to_datetime(["2024-01-01"] * 3)),
        pd.to_timedelta([1, 2, 3], unit="D"),
        [[1, 2], [3, 4], [5, 6]],
        [[1, 2], [3], [4]],
        "now",
        None,
    ],
)
def test_potential_times_that_are_none_are_refused(potential):
    with pytest.raises(DataError, match="potential"):
        expected_events(Outcome([1, 2, 3], [1, 0, 1]), potential)


def test_potential_times_of_other_rows_are_refused():
    outcome = Outcome(pd.Series([1, 2], index=["p", "q"]), [1, 0])
    with pytest.raises(DataError, match="another order"):
        expected_events(outcome, pd.Series([5, 5], index=["q", "p"]))


# The whole page ------------------------------------------------------------------------------------------------------


def study():
    time, died, _, stratum = random_study(7, 60)
    group = np.where(np.arange(60) % 3 == 0, "myeloma", "lymphoma")
    return Outcome(time, died, unit="months"), group, stratum


def by_measure(found, group=""):
    table = found.tidy()
    return table[table["group"] == group].set_index("measure")["estimate"].to_dict()


def test_all_patients_and_then_each_group():
    outcome, group, stratum = study()
    found = precision(outcome, group, strata=stratum, potential=outcome.time + 6, n_parameters=4)
    assert isinstance(found, Precision)
    table = found.tidy()
    assert list(table["group"].unique()) == ["", "lymphoma", "myeloma"]
    measures = ["events", "events expected", PER_SD, TWO_GROUPS, HALF_WIDTH]
    assert list(table.loc[table["group"] == "", "measure"]) == [*measures, "events per parameter"]
    assert list(table.loc[table["group"] == "myeloma", "measure"]) == measures
    assert set(table.columns) <= set(VOCABULARY)
    for label in ("", "lymphoma", "myeloma"):
        inside = np.ones(60, bool) if not label else group == label
        part = outcome.take(inside)
        numbers = by_measure(found, label)
        assert numbers["events"] == part.n_event
        assert numbers[PER_SD] == smallest_hazard_ratio(part.n_event)
        assert numbers[TWO_GROUPS] == smallest_hazard_ratio(part.n_event, share=0.5)
        error = uninformative_concordance_error(part, stratum[inside])
        assert_allclose(numbers[HALF_WIDTH], norm.ppf(0.975) * error, rtol=1e-12)
        counts = table.loc[table["group"] == label, ["n", "n_event"]].drop_duplicates()
        assert counts.values.tolist() == [[part.n, part.n_event]]
    assert by_measure(found)["events per parameter"] == outcome.n_event / 4
    expected = [by_measure(found, label)["events expected"] for label in ("", "lymphoma", "myeloma")]
    assert_allclose(expected[0], expected[1] + expected[2], rtol=1e-12)
    assert_allclose(expected[0], expected_events(outcome, outcome.time + 6, group), rtol=1e-12)
    assert found.reasons == {}


def test_what_is_not_asked_for_is_not_there():
    outcome, _, _ = study()
    assert list(by_measure(precision(outcome))) == ["events", PER_SD, TWO_GROUPS, HALF_WIDTH]


def test_power_and_level_reach_every_number():
    outcome, _, _ = study()
    found = precision(outcome, power=0.9, alpha=0.1)
    numbers = by_measure(found)
    assert numbers[PER_SD] == smallest_hazard_ratio(outcome.n_event, power=0.9, alpha=0.1)
    assert numbers[TWO_GROUPS] == smallest_hazard_ratio(outcome.n_event, share=0.5, power=0.9, alpha=0.1)
    assert_allclose(numbers[HALF_WIDTH], norm.ppf(0.95) * uninformative_concordance_error(outcome), rtol=1e-12)
    assert "two-sided test at 10% finds with 90% power" in repr(found)
    assert "half-width of the 90% limits" in repr(found)
    row = found.glance().iloc[0]
    assert row[["n", "n_event", "power", "alpha"]].tolist() == [60, outcome.n_event, 0.9, 0.1]
    for name in ("Hsieh-Lavori", "Schoenfeld", "C of an uninformative continuous index"):
        assert name in row["conventions"]


def test_numbers_that_do_not_exist_are_missing_with_their_reason():
    outcome = Outcome([1, 2, 3, 0, 0, 9], [1, 1, 0, 0, 0, 1])
    group = ["a", "a", "a", "b", "b", "c"]
    found = precision(outcome, group, potential=[9] * 6, n_parameters=3)
    assert by_measure(found, "b")["events"] == 0
    assert by_measure(found, "c")["events expected"] == 1
    missing = found.tidy()
    missing = missing[missing["estimate"].isna()]
    assert set(zip(missing["group"], missing["measure"], strict=True)) == set(found.reasons)
    unknown_rate = "the rate of events is unknown: no time under observation"
    assert found.reasons == {
        ("", "events expected"): unknown_rate,
        ("b", "events expected"): unknown_rate,
        ("b", PER_SD): "there are no events",
        ("b", TWO_GROUPS): "there are no events",
        ("b", HALF_WIDTH): "no two rows form a usable pair",
        ("c", HALF_WIDTH): "no two rows form a usable pair",
    }
    text = repr(found)
    assert "— b, half-width of C: no two rows form a usable pair" in text
    assert "these limits hold every C" in text
    assert "nan" not in text
    assert json.loads(found.to_json())["tidy"][-1]["estimate"] is None


@pytest.mark.filterwarnings("ignore")
def test_a_study_without_events_still_has_a_first_page():
    found = precision(Outcome([1, 2, 3], [0, 0, 0]), n_parameters=2)
    assert by_measure(found)["events per parameter"] == 0
    assert len(found.reasons) == 3
    assert any("no events" in warning for warning in found.warnings)


def test_text_and_html_show_the_same_numbers():
    outcome, group, _ = study()
    found = precision(outcome, group, potential=outcome.time + 6, n_parameters=4)
    shown = found._display().tables[0]
    assert [row[0] for row in shown.rows] == ["all", "lymphoma", "myeloma"]
    for row in shown.rows:
        for cell in row:
            assert cell in repr(found)
            assert cell in found._repr_html_()
    assert f"events per parameter: {outcome.n_event / 4:.1f} (4 parameters)" in repr(found)


def test_the_result_is_frozen_and_hands_out_copies():
    found = precision(study()[0])
    with pytest.raises(AttributeError):
        found.power = 0.9
    table = found.tidy()
    table["estimate"] = -1.0
    assert (found.tidy()["estimate"] > 0).all()


def test_empty_levels_are_told_and_left_out():
    outcome, group, _ = study()
    found = precision(outcome, pd.Categorical(group, categories=["myeloma", "leukemia", "lymphoma"]))
    assert list(found.tidy()["group"].unique()) == ["", "myeloma", "lymphoma"]
    assert "by: level 'leukemia' has no rows" in repr(found)


@pytest.mark.parametrize("n_parameters", [0, -2, 2.5, math.nan, True, "3"])
def test_parameters_are_counted_in_whole_numbers(n_parameters):
    with pytest.raises(ConfigError, match="n_parameters"):
        precision(study()[0], n_parameters=n_parameters)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("options", [{"power": 0}, {"power": 1.2}, {"alpha": 0}, {"alpha": 5}])
def test_power_and_level_are_checked_even_without_events(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        precision(Outcome([1, 2], [0, 0]), **options)


def test_groups_that_cannot_be_told_apart_are_refused():
    outcome = Outcome([1, 2, 3], [1, 0, 1])
    with pytest.raises(DataError, match="without a name"):
        precision(outcome, ["", "a", "a"])
    with pytest.raises(DataError, match="rows of the outcome"):
        precision(outcome, ["a", "b"])
    with pytest.raises(DataError, match="strata"):
        precision(outcome, strata=["a", None, "b"])
