"""Log-rank tests by permutation against all arrangements written out, and hazard ratios from their sums."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from reference.stored_cases import read_case

from survmodel import ConfigError, CoxPH, Outcome, logrank_test, pairwise_logrank
from survmodel.models.observed_expected import observed_expected_ratios


def small() -> tuple[Outcome, np.ndarray]:
    time = [2, 3, 3, 5, 6, 8, 9, 11, 12, 15]
    event = [1, 1, 0, 1, 1, 0, 1, 1, 0, 1]
    return Outcome(time, event), np.array(list("aaababbbba"))


def test_share_of_all_arrangements() -> None:
    """Five of ten: 252 arrangements, each tested; 20,000 draws come within three standard errors of their share."""
    outcome, by = small()
    observed = logrank_test(outcome, by, permutations=0).statistic
    large, total = 0, 0
    for chosen in itertools.combinations(range(10), 5):
        arranged = np.where(np.isin(np.arange(10), chosen), "a", "b")
        large += logrank_test(outcome, arranged, permutations=0).statistic >= observed * (1 - 1e-9)
        total += 1
    exact = large / total
    found = logrank_test(outcome, by, permutations=20_000).permutation_p_value
    assert found == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 20_000) + 1 / 20_000)


def test_given_below_twenty_events_and_on_request() -> None:
    rng = np.random.default_rng(1)
    time, by = rng.exponential(size=60), rng.integers(0, 2, 60)
    for n_event, asked in ((19, 10_000), (20, 0)):
        test = logrank_test(Outcome(time, np.arange(60) < n_event), by)
        assert test.permutations == asked
        assert np.isnan(test.permutation_p_value) == (asked == 0)
    many = logrank_test(Outcome(time, np.ones(60)), by, permutations=999)
    assert 0 < many.permutation_p_value <= 1
    assert "by 999 permutations" in str(many)
    assert many.p_value == logrank_test(Outcome(time, np.ones(60)), by).p_value
    assert logrank_test(Outcome(time, np.arange(60) < 5), by, permutations=0).permutations == 0
    with pytest.raises(ConfigError, match="permutations is -1"):
        logrank_test(Outcome(time, np.ones(60)), by, permutations=-1)


def test_rows_in_another_order_give_the_same_p() -> None:
    rng = np.random.default_rng(2)
    n = 40
    time, event, by, layer = (
        np.ceil(rng.exponential(9, n)),
        rng.random(n) < 0.4,
        rng.choice(list("abc"), n),
        rng.integers(0, 2, n),
    )
    entry = np.where(rng.random(n) < 0.3, 0.5, 0.0)
    order = rng.permutation(n)
    first = logrank_test(Outcome(time, event, entry=entry), by, strata=layer, permutations=500)
    again = logrank_test(
        Outcome(time[order], event[order], entry=entry[order]), by[order], strata=layer[order], permutations=500
    )
    assert first.permutation_p_value == again.permutation_p_value
    assert first.permutation_p_value != logrank_test(Outcome(time, event), by, permutations=500).permutation_p_value


def test_draws_stay_within_strata() -> None:
    """Where each stratum holds one group only there is one arrangement; mixed with a pair that can exchange, two."""
    outcome = Outcome([1, 2, 3, 4, 5, 6], [1] * 6)
    test = logrank_test(outcome, list("aabbab"), strata=[0, 0, 1, 1, 2, 2], permutations=99)
    assert test.permutation_p_value == 1.0


def test_right_size_where_groups_are_censored_differently() -> None:
    """Equal survival, one group followed half as long, about 15 events: 5 % of 300 cohorts within a band."""
    rng = np.random.default_rng(5)
    rejected = 0
    for _ in range(300):
        by = np.repeat([0, 1], [10, 20])
        time, censored = rng.exponential(size=30), rng.exponential(np.where(by == 0, 0.5, 2.0))
        outcome = Outcome(np.minimum(time, censored), time <= censored)
        rejected += logrank_test(outcome, by, permutations=299).permutation_p_value <= 0.05
    assert 5 <= rejected <= 27


def test_hazard_ratios_from_the_sums_of_survdiff() -> None:
    stored = read_case("logrank_lung_sex").values["survdiff_rho0"]["value"]
    o, e, v = np.array(stored["obs"], float), np.array(stored["exp"], float), np.array(stored["var"], float)
    found = observed_expected_ratios(("1", "2"), o, e, v).set_index("measure")
    assert found.loc["Pike", "estimate"] == pytest.approx(
        (53 / 73.41826097042721) / (112 / 91.5817390295728), rel=1e-12
    )
    assert found.loc["Pike", "std_error"] == pytest.approx(np.sqrt(1 / e[0] + 1 / e[1]), rel=1e-12)
    assert found.loc["Peto", "estimate"] == pytest.approx(np.exp(-20.418260970427202 / 40.37143397964263), rel=1e-9)
    assert found.loc["Peto", "std_error"] == pytest.approx(1 / np.sqrt(40.37143397964263), rel=1e-9)
    # Peto's statistic is that of the test: z squared is chi-squared.
    assert found.loc["Peto", "statistic"] ** 2 == pytest.approx(stored["chisq"], rel=1e-9)
    low, high = found.loc["Peto", ["conf_low", "conf_high"]]
    assert low < found.loc["Peto", "estimate"] < high < 1


def test_one_newton_step_of_a_cox_model() -> None:
    """Without ties Peto's log ratio is the score of the Cox model at 0 over its information."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"g": rng.integers(0, 2, 200)})
    outcome = Outcome(rng.exponential(np.where(table["g"] == 1, 0.6, 1.0)), np.ones(200))
    peto = logrank_test(outcome, table["g"]).hazard_ratios().set_index("measure").loc["Peto"]
    cox = CoxPH("g").fit(table, outcome)
    assert peto["statistic"] ** 2 == pytest.approx(cox.maximum.score_statistic, rel=1e-9)
    assert np.log(peto["estimate"]) == pytest.approx(cox.beta[0], abs=0.1)


def test_three_groups_and_a_reference() -> None:
    outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 1, 1, 1, 1, 1, 1, 0])
    test = logrank_test(outcome, list("abcabcabc"))
    ratios = test.hazard_ratios(reference="b")
    assert ratios["group"].tolist() == ["a", "c"]
    assert set(ratios["measure"]) == {"Pike"}
    assert set(ratios["reference"]) == {"b"}
    with pytest.raises(ConfigError, match="no group 'd'"):
        test.hazard_ratios(reference="d")
    with pytest.raises(ConfigError, match="weighted test"):
        logrank_test(outcome, list("abcabcabc"), rho=1).hazard_ratios()


def test_a_group_without_events_has_ratio_zero_and_no_limits() -> None:
    outcome = Outcome([2, 3, 4, 5, 6, 7], [1, 1, 1, 0, 0, 0])
    row = logrank_test(outcome, list("aaabbb")).hazard_ratios().set_index("measure").loc["Pike"]
    assert row["estimate"] == 0
    assert np.isnan([row["conf_low"], row["conf_high"], row["p_value"]]).all()


def test_pairs_are_not_permuted() -> None:
    outcome, by = small()
    assert pairwise_logrank(outcome, by).p_value[0] == logrank_test(outcome, by, permutations=0).p_value
