"""Fixed times, restricted means, conditional survival and incidence rates: second routes and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import KaplanMeier, Outcome, compare_survival_at, incidence_rate, rmst_difference
from survmodel.errors import ConfigError, DataError, EndpointError, FitError


def cohort(n=60, seed=2, *, entry=False):
    random = np.random.default_rng(seed)
    time = np.ceil(random.exponential(20, n)) + 1
    start = np.maximum(0, time - 1 - random.integers(0, 30, n)) if entry else None
    by = pd.Series(random.choice(["a", "b", "c"], n), name="arm")
    return Outcome(time, random.random(n) < 0.7, entry=start, unit="months"), by


def test_two_groups_are_one_pair_and_one_test():
    outcome, by = cohort()
    rows = np.flatnonzero(by != "c")
    for result in (
        compare_survival_at(outcome.take(rows), by.to_numpy()[rows], 12),
        rmst_difference(outcome.take(rows), by.to_numpy()[rows], 25),
    ):
        row, whole = result.tidy().iloc[0], result.glance().iloc[0]
        assert (row["group"], row["reference"]) == ("b", "a")
        assert row["statistic"] ** 2 == pytest.approx(whole["statistic"], rel=1e-12)
        assert row["p_value"] == pytest.approx(whole["p_value"], rel=1e-10)
        assert np.sign(row["statistic"]) == np.sign(row["estimate"])


def test_differences_are_those_of_the_curves():
    outcome, by = cohort()
    km = KaplanMeier().fit(outcome, by=by)
    at = km.at(12).set_index("group")["estimate"]
    area = km.rmst(25).set_index("group")["estimate"]
    for result, single in ((compare_survival_at(outcome, by, 12), at), (rmst_difference(outcome, by, 25), area)):
        for row in result.tidy().to_dict("records"):
            assert row["estimate"] == pytest.approx(single[row["group"]] - single[row["reference"]], abs=1e-14)
        assert result.tidy()[["group", "reference"]].to_numpy().tolist() == [["b", "a"], ["c", "a"], ["c", "b"]]


def test_conditional_survival_is_the_curve_of_those_who_got_there():
    outcome, _ = cohort()
    there = np.flatnonzero(outcome.time > 10)
    rest = KaplanMeier().fit(outcome.take(there)).at([15, 20])
    given = KaplanMeier().fit(outcome).conditional(10, [15, 20])
    for name in ("estimate", "std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(given[name], rest[name], rtol=1e-12)
    assert (given["n_risk"] == there.size).all()
    again = KaplanMeier().fit(outcome).conditional(0, [15, 20])
    np.testing.assert_allclose(again["estimate"], KaplanMeier().fit(outcome).at([15, 20])["estimate"], rtol=1e-14)


def test_conditional_survival_of_late_entries_counts_those_who_came_before():
    outcome, _ = cohort(entry=True)
    km = KaplanMeier().fit(outcome)
    table = km.conditional(10, [10, 20])
    assert table["estimate"].tolist()[0] == 1.0
    assert table["n_risk"].tolist()[0] == ((outcome.entry <= 10) & (outcome.time > 10)).sum()
    ratio = km.at(20)["estimate"].iloc[0] / km.at(10)["estimate"].iloc[0]
    assert table["estimate"].tolist()[1] == pytest.approx(ratio, rel=1e-12)


def test_a_curve_at_one_has_no_test_and_says_so():
    outcome = Outcome([5, 6, 7, 8, 9, 1, 2, 3, 9, 9], [1, 1, 1, 1, 0, 1, 1, 1, 0, 0])
    result = compare_survival_at(outcome, list("aaaaabbbbb"), 4)
    row = result.tidy().iloc[0]
    assert row["estimate"] == pytest.approx(0.4 - 1)
    assert np.isnan(row["p_value"])
    assert np.isnan(result.glance()["p_value"].iloc[0])
    assert any("no test" in warning for warning in result.warnings)
    assert "chi-squared" not in repr(result)


def test_what_cannot_be_compared_is_refused():
    outcome, by = cohort()
    with pytest.raises(DataError, match="only one group"):
        compare_survival_at(outcome, ["a"] * 60, 12)
    with pytest.raises(FitError, match="ends before 1000"):
        compare_survival_at(outcome, by, 1000)
    with pytest.raises(EndpointError, match="horizon"):
        rmst_difference(outcome, by, 1000)
    with pytest.raises(EndpointError, match="lies before 10"):
        KaplanMeier().fit(outcome).conditional(10, [5])
    with pytest.raises(ConfigError, match="weights"):
        KaplanMeier().fit(outcome, weights=np.full(60, 0.5)).conditional(1, 2)


def test_null_p_values_of_fixed_times_hold_their_level():
    found = []
    for seed in range(500):
        random = np.random.default_rng(seed)
        outcome = Outcome(random.exponential(20, 60), random.random(60) < 0.8)
        found.append(compare_survival_at(outcome, np.arange(60) % 2, 10).glance()["p_value"].iloc[0])
    # 500 draws at 5 %: two standard errors are 1.9 points.
    assert 0.03 < np.mean(np.array(found) < 0.05) < 0.07


def test_rates_by_hand():
    outcome = Outcome([2, 4, 6, 8, 5, 5], [1, 0, 1, 0, 0, 2], causes={1: "relapse", 2: "death"}, unit="years")
    rates = incidence_rate(outcome, list("aaaabb"), per=100)
    table = rates.tidy()
    assert table["estimate"].tolist() == [10.0, 0.0]
    assert table["person_time"].tolist() == [20.0, 10.0]
    # Of no event in 10 years: the limit at which e^-m is 2.5 %.
    assert table["conf_low"].tolist()[1] == 0.0
    assert table["conf_high"].tolist()[1] == pytest.approx(100 * -np.log(0.025) / 10, rel=1e-12)
    ratio = rates.ratio().iloc[0]
    assert (ratio["group"], ratio["reference"], ratio["estimate"]) == ("b", "a", 0.0)
    # b has a third of the time: none, one and both of two events there have 4/9, 4/9 and 1/9.
    assert ratio["p_value"] == pytest.approx(1, rel=1e-12)
    assert rates.ratio("b").iloc[0]["estimate"] == np.inf
    # None of three events in b: 8/27, 12/27, 6/27 and 1/27, of which 8, 6 and 1 are no more likely than it.
    more = incidence_rate(Outcome([2, 4, 6, 8, 5, 5], [1, 1, 1, 0, 0, 0]), list("aaaabb")).ratio().iloc[0]
    assert more["p_value"] == pytest.approx(15 / 27, rel=1e-12)


def test_late_entry_counts_from_the_entry_on_and_units_scale():
    late = incidence_rate(Outcome([10, 12], [1, 0], entry=[4, 2])).tidy().iloc[0]
    assert (late["person_time"], late["estimate"]) == (16.0, 1 / 16)
    outcome, by = cohort()
    once, hundred = (incidence_rate(outcome, by, per=per).tidy() for per in (1, 100))
    for name in ("estimate", "conf_low", "conf_high"):
        np.testing.assert_allclose(100 * once[name], hundred[name], rtol=1e-14)


def test_rates_that_cannot_be():
    outcome, by = cohort()
    with pytest.raises(ConfigError, match="per is 0"):
        incidence_rate(outcome, per=0)
    with pytest.raises(ConfigError, match="no group 'z'"):
        incidence_rate(outcome, by).ratio("z")
