"""Conventions 14 to 26, 28 and 34 to 41: Cox models, ranking, factors, missing values, printing."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from conventions.said import says
from reference.answers.registry import find_answer
from reference.answers.subjects import Subject
from reference.stored_cases import read_case

from survmodel import (
    CoxPH,
    FineGray,
    KaplanMeier,
    Outcome,
    RandomSurvivalForest,
    Ridge,
    RiskGroups,
    brier_score,
    calibration,
    concordance,
    decision_curve,
    describe,
    gonen_heller,
    integrated_brier_score,
    logrank_test,
    maximally_selected_logrank,
    mcnemar_test,
    proportional_hazards_test,
    time_dependent_auc,
    validate,
)
from survmodel.data import canonical
from survmodel.outcome import endpoints
from survmodel.simulate import course

#: Therneau's first example: two deaths at 6 are tied.
TIES = (pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]}), Outcome([1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1]))
#: Therneau's third example, with case weights.
WEIGHTED = (
    pd.DataFrame({"x": [2, 0, 1, 1, 0, 1, 0, 1, 0]}),
    Outcome([1, 1, 2, 2, 2, 2, 3, 4, 5], [1, 0, 1, 1, 1, 0, 0, 1, 0]),
)
WEIGHTS = np.array([1, 2, 3, 4, 3, 2, 1, 2, 1])


def test_14_efron_unless_breslow_is_asked_for() -> None:
    """By hand: exp(beta) solves r^3 - 23 r - 30 = 0 with Efron's ties, r^2 - 3 r - 6 = 0 with Breslow's."""
    efron, breslow = CoxPH("x").fit(*TIES), CoxPH("x", ties="breslow").fit(*TIES)
    assert math.exp(efron.beta[0]) == pytest.approx(max(np.roots([1, 0, -23, -30]).real), rel=1e-10)
    assert math.exp(breslow.beta[0]) == pytest.approx((3 + math.sqrt(33)) / 2, rel=1e-10)
    says(efron, "efron", column="ties")
    says(breslow, "breslow", column="ties")


def test_15_convergence_is_told() -> None:
    fit = CoxPH("x").fit(*TIES)
    glance = fit.glance().iloc[0]
    assert glance["score_size"] < 1e-9
    assert glance["iterations"] > 1
    says(fit, "scaled score < 1e-09", "relative change of the log-likelihood < 1e-12")


def test_16_case_weights_are_not_counts() -> None:
    """Published for this example: .8726 with the mean weight of tied deaths, .9398 for as many rows."""
    weighted = CoxPH("x").fit(*WEIGHTED, weights=WEIGHTS)
    counted = CoxPH("x").fit(*WEIGHTED, freq=WEIGHTS)
    assert round(float(weighted.beta[0]), 4) == 0.8726
    assert round(float(counted.beta[0]), 4) == 0.9398
    says(weighted, "tied events by their mean case weight")
    assert "case weight" not in counted.glance()["conventions"][0]
    assert (weighted.n, counted.n) == (9, 19)
    broken = CoxPH("x").fit(*WEIGHTED, weights=WEIGHTS / 2)
    for fit, kind in ((weighted, "model-based"), (counted, "model-based"), (broken, "robust")):
        says(fit, kind, column="std_error_type")


def test_17_robust_errors_have_the_ties_of_the_fit() -> None:
    """The robust variance is the sum of squared dfbetas: score residuals over the information, each with its ties."""
    table = TIES[0].assign(row=range(6))
    efron, breslow = (CoxPH("x", ties=ties, cluster="row").fit(table, TIES[1]) for ties in ("efron", "breslow"))
    r = math.exp(efron.beta[0])
    a, b, c = 1 / (3 * r + 3), 1 / (r + 3), 2 / (r + 5)  # the two deaths at 6 leave in two steps
    m = [r / (r + 1), r / (r + 3), r / (r + 5)]
    score = [
        (1 - m[0]) * (1 - r * a),
        -(1 - m[0]) * r * a,
        -(1 - m[0]) * r * a + (1 - (m[1] + m[2]) / 2) - r * ((1 - m[1]) * b + (1 - m[2]) * c / 2),
        m[0] * a - (m[1] + m[2]) / 2 + m[1] * b + m[2] * c / 2,
        *[m[0] * a + m[1] * b + m[2] * c] * 2,
    ]
    information = sum(one * (1 - one) for one in m)
    assert efron.tidy()["std_error"][0] == pytest.approx(np.linalg.norm(score) / information, rel=1e-9)
    r = math.exp(breslow.beta[0])
    a, b, m = 1 / (3 * r + 3), 2 / (r + 3), [r / (r + 1), r / (r + 3)]
    score = [
        (1 - m[0]) * (1 - r * a),
        -(1 - m[0]) * r * a,
        -(1 - m[0]) * r * a + (1 - m[1]) * (1 - r * b),
        m[0] * a - m[1] * (1 - b),
        *[m[0] * a + m[1] * b] * 2,
    ]
    information = m[0] * (1 - m[0]) + 2 * m[1] * (1 - m[1])
    assert breslow.tidy()["std_error"][0] == pytest.approx(np.linalg.norm(score) / information, rel=1e-9)
    says(efron, "robust se from dfbeta with Efron ties")
    says(breslow, "robust se from dfbeta with Breslow ties")
    says(efron, "robust", column="std_error_type")


def test_18_the_baseline_has_the_ties_of_the_fit() -> None:
    """At 6 two of four die, one of them with x = 1: by Efron 1/(r+3) + 1/(r/2+5/2), by Breslow 2/(r+3)."""
    for ties, at_six in (
        ("efron", lambda r: 1 / (r + 3) + 2 / (r + 5)),
        ("breslow", lambda r: 2 / (r + 3)),
    ):
        fit = CoxPH("x", ties=ties).fit(*TIES)
        r = math.exp(fit.beta[0])
        hazard = fit.baseline().set_index("time")["estimate"]
        assert hazard[6] == pytest.approx(1 / (3 * r + 3) + at_six(r), rel=1e-9)
        assert fit.residuals("martingale")["estimate"].sum() == pytest.approx(0, abs=1e-12)
        says(fit, f"{ties.capitalize()} ties and baseline")


def test_19_the_test_of_proportional_hazards_is_the_score_test() -> None:
    case = read_case("cox_zph_lung")
    subject = Subject(case)
    fit = CoxPH("age + sex + `ph.ecog`").fit(subject.table, subject.outcome)
    for transform in ("km", "identity", "rank", "log"):
        test = proportional_hazards_test(fit, transform=transform)
        stored = case.values[transform]["value"]
        assert test.statistic.tolist() == pytest.approx(stored["chisq"], rel=1e-6)
        assert (test.terms[-1], test.df.tolist()) == ("GLOBAL", stored["df"])
        says(test, "score test (survival 3 and later)")
        says(test, transform, column="transform")
    says(proportional_hazards_test(fit), "km", column="transform")
    # The approximation of 1994 is another number.
    assert test.statistic[0] != pytest.approx(case.values["old_approx_log"]["value"][0], rel=0.01)


def test_20_bic_counts_events() -> None:
    fit = CoxPH("x").fit(*TIES)
    row = fit.glance().iloc[0]
    assert row["bic"] == pytest.approx(-2 * fit.maximum.loglik + math.log(4), rel=1e-12)
    says(fit, "BIC by number of events")


def test_21_the_objective_of_a_ridge() -> None:
    """At the maximum the score of the likelihood is theta times beta, on the scale of the columns."""
    table = TIES[0].assign(x=10.0 * TIES[0]["x"])
    fit = CoxPH("x", ties="breslow", penalty=Ridge(3.0)).fit(table, TIES[1])
    r = math.exp(10 * fit.beta[0])
    assert 10 * (2 - r / (r + 1) - 2 * r / (r + 3)) == pytest.approx(3 * fit.beta[0], rel=1e-8)
    says(fit, "ridge theta 3: log-likelihood - theta / 2 * sum(beta^2), columns as they stand")
    assert "loglik - theta / 2 * sum(beta^2)" in Ridge.__doc__


def test_22_harrell() -> None:
    """The two events at 2 are no pair; the censoring at 4 is later than the event at 4; equal indices count 1/2."""
    outcome, index = Outcome([2, 2, 4, 4, 5], [1, 1, 1, 0, 0]), [3, 1, 2, 2, 1]
    found = concordance(outcome, index)
    # 3 against 2, 2, 1 right; 1 against 2, 2 wrong and against 1 tied; 2 against 2 tied and against 1 right
    assert (found.concordant, found.discordant, found.tied_index, found.tied_time) == (4, 2, 2, 1)
    assert found.estimate == pytest.approx(5 / 8)
    says(found, "higher index = worse", "tied indices 1/2", "two events at one time are no pair")
    says(found, "a censoring at the time of an event is later")
    assert "higher index = worse" in repr(found)
    case = read_case("concordance_lung")
    stored = case.values["lp_n"]["value"]["concordance"]
    subject = Subject(case)
    for sign, expected in ((1, stored), (-1, 1 - stored)):
        assert concordance(subject.outcome, sign * subject.table["lp"]).estimate == pytest.approx(expected, rel=1e-12)


def test_23_uno() -> None:
    """A death and a censoring at 2: the death leaves first, so G falls to 2/3 there, and weighs pairs after 2 only."""
    outcome = Outcome([1, 2, 2, 3, 4], [1, 1, 0, 1, 1])
    found = concordance(outcome, [5, 3, 4, 1, 2], method="uno", horizon=3)
    w = (3 / 2) ** 2
    # from 1: four pairs right; from 2: wrong against the censoring at 2, right against two; from 3: wrong
    assert (found.concordant, found.discordant) == (pytest.approx(6), pytest.approx(1 + w))
    says(found, "weights 1/G(t-)^2", "deaths leave before censorings", "events up to 3")
    assert "events up to 3" in repr(found)


def test_24_the_censoring_of_other_rows() -> None:
    """G comes from the rows that are named: without a censoring among them Uno's C is Harrell's."""
    outcome, index = Outcome([1, 2, 3, 4], [1, 0, 1, 1]), [4, 1, 2, 3]
    complete = Outcome([1, 2, 3, 4], [1, 1, 1, 1])
    there = concordance(outcome, index, method="uno", horizon=4, censoring=complete)
    assert there.estimate == pytest.approx(concordance(outcome, index).estimate, rel=1e-12)
    # of its own rows: 1/3 of those left at 2 are censored
    own = concordance(outcome, index, method="uno", horizon=4)
    assert own.estimate == pytest.approx(3 / (3 + (3 / 2) ** 2), rel=1e-12)
    # within groups each group has its own G: the censoring in one of them weighs no pair of the other
    both = Outcome([*outcome.time] * 2, [1, 0, 1, 1, 1, 1, 1, 1])
    assert concordance(both, index * 2, method="uno", horizon=4, strata=list("aaaabbbb")).n_strata == 2


def test_25_weights_of_the_brier_score() -> None:
    """By hand: G is 1 up to the death at 2, 3/4 from the censoring at 2 on and 3/8 from that at 4 on.

    At 4.5 the deaths at 2 and 3 weigh 1/G(2-) = 1 and 1/G(3-) = 4/3, the row that is followed on 1/G(4.5) = 8/3.
    """
    outcome = Outcome([2, 2, 3, 4, 5], [1, 0, 1, 0, 1])
    result = brier_score(outcome, [0.5, 0.5, 0.25, 0.5, 0.25], 4.5)
    expected = (0.5**2 + 0.75**2 * 4 / 3 + 0.25**2 * 8 / 3) / 5
    assert result.estimate[0, 0] == pytest.approx(expected, rel=1e-12)
    says(result, "weights 1/G(T-) of cases, 1/G(t) of those still followed", "deaths leave before censorings")


def test_25_weights_of_the_auc() -> None:
    """By hand, with the same G: the deaths at 2 and 3 weigh 1 and 4/3 as cases, the row that is followed on 8/3.

    At 3.5 the deaths weigh 1 and 4/3, and the rows followed to 4 and 5 weigh 1/G(3.5) = 4/3 each. The first death has
    the highest risk; the second ties with one control and is above the other.
    """
    outcome = Outcome([2, 2, 3, 4, 5], [1, 0, 1, 0, 1])
    result = time_dependent_auc(outcome, [0.9, 0.1, 0.5, 0.5, 0.2], [3.5, 4.5])
    assert result.estimate[0, 0] == pytest.approx((2 + 4 / 3 * 1.5) / (2 * (1 + 4 / 3)), rel=1e-12)
    assert result.estimate[0, 1] == pytest.approx(1, rel=1e-12)
    says(result, "cases 1/G(T-), controls followed on 1/G(t)", "deaths leave before censorings", "tied risks 1/2")
    # one who had a competing event at 3 is a control that weighs 1/G(3-) = 4/3
    causes = {1: "relapse", 2: "death"}
    competing = time_dependent_auc(Outcome([2, 2, 3, 4, 5], [1, 0, 2, 0, 1], causes=causes), [5, 1, 6, 2, 3], 4.5)
    assert competing.estimate[0, 0] == pytest.approx((8 / 3) / (8 / 3 + 4 / 3), rel=1e-12)
    says(competing, "those with a competing event 1/G(T-)")


def test_26_each_score_holds_until_the_next_time() -> None:
    """By hand: 0 up to 1, .0975 from 1 to 2, .0925 from 2 to 3, over 3."""
    outcome = Outcome([1, 2, 3, 4], [1, 1, 0, 1])
    risk = np.array([[0.5, 0.9], [0.3, 0.6], [0.2, 0.4], [0.1, 0.2]])
    result = integrated_brier_score(outcome, risk, [1, 2], horizon=3)
    assert result.estimate[0, 0] == pytest.approx((0.0975 + 0.0925) / 3, rel=1e-12)
    says(result, "averaged over 2 times from 0 to tau = 3", "each score holding until the next")
    coarse = integrated_brier_score(outcome, risk[:, 1:], [2], horizon=3)
    assert "1 event time before the horizon not among the times" in coarse.notes


def test_28_the_sandwich_counts_the_censoring_curve() -> None:
    case = read_case("finegray_melanoma")
    expected = np.array(case.values["crr_cause1"]["value"]["vcov"])
    answer, subject = find_answer("finegray_melanoma", "crr_cause1")
    assert np.array(answer(subject)["vcov"]) == pytest.approx(expected, rel=1e-6)
    causes = {1: "relapse", 2: "death"}
    outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 0, 1, 1, 0, 2, 1], causes=causes)
    fit = FineGray("x", cause=1).fit(pd.DataFrame({"x": [1.0, 0, 2, 1, 0, 3, 1, 2]}), outcome)
    says(fit, "sandwich se with the censoring term")
    says(fit, "sandwich", column="std_error_type")


def test_30_the_p_value_of_a_searched_cut_is_its_own() -> None:
    """The cut with the largest log-rank chi-squared is another one, and its own p-value is never the searched one's."""
    case = read_case("maxstat_dlbcl")
    outcome = Outcome(case.columns["time"], case.columns["event"])
    found = maximally_selected_logrank(outcome, case.columns["MGE"], permutations=999)
    scanned = case.values["best_by_logrank"]["value"]
    assert scanned["cut"] == pytest.approx(0.1506, abs=1e-4)
    assert found.cutpoint == pytest.approx(0.1861, abs=1e-4)
    assert found.p_value > found.naive_p_value
    says(found, "variance over permutations", "permutation within strata", "999")


def test_31_quantiles_are_of_type_7() -> None:
    """Of 1, 2, 4, 8 the first quartile lies three quarters of the way from 1 to 2, the third a quarter from 4 to 8."""
    result = describe(pd.DataFrame({"x": [1.0, 2.0, 4.0, 8.0]}))
    found = result.tidy().set_index("measure")["estimate"]
    assert found[["q1", "median", "q3"]].tolist() == [1.75, 3.0, 5.0]
    says(result, "type 7")
    groups = RiskGroups(cuts="median").fit([1.0, 2.0, 4.0, 8.0])
    assert groups.tidy()["estimate"].tolist() == [3.0]
    assert "3.000" in repr(groups)


def test_33_mid_p_unless_exact_is_asked_for() -> None:
    """4 against 5: the stored mid-p is .754 and the exact p 1."""
    a, b = [1] * 4 + [0] * 5, [0] * 4 + [1] * 5
    assert mcnemar_test(a, b).p_value == 0.75390625
    assert mcnemar_test(a, b, method="exact").p_value == 1
    says(mcnemar_test(a, b), "mid-p", "Fagerland")


def test_34_references_are_told() -> None:
    """Text: the most frequent level, with a note. An ordered category: its first level. Declared: what was declared."""
    table = TIES[0].assign(site=list("bbbbaa"), stage=pd.Categorical(list("IJIJJJ"), list("IJ"), ordered=True))
    fit = CoxPH("site + stage", penalty=Ridge(1.0)).fit(table, TIES[1])
    assert fit.tidy()["reference"].tolist() == ["b", "I"]
    assert any("reference 'b' (most frequent)" in note for note in fit.notes)
    assert not any("stage: reference" in note for note in fit.notes)
    assert "site: reference 'b' (most frequent)" in repr(fit)
    declared = CoxPH("site", reference={"site": "a"}, penalty=Ridge(1.0)).fit(table, TIES[1])
    assert declared.tidy()["reference"].tolist() == ["a"]


def test_35_missing_values_are_counted() -> None:
    table = pd.DataFrame({"x": [1.0, None, 1, 0, 0, 0], "z": [1.0, None, None, 2, 5, 4], "arm": list("aaabbb")})
    fit = CoxPH("x + z", penalty=Ridge(1.0)).fit(table, TIES[1])
    assert (fit.n, int(fit.glance()["n_missing"][0]), fit.missing) == (4, 2, (("x", 1), ("z", 2)))
    assert "2 rows left out for missing values" in repr(fit)
    counts = describe(table, "arm").tidy().query("variable == 'z' and measure == 'missing'")
    assert counts.set_index("group")["estimate"].to_dict() == {"": 2, "a": 2, "b": 0}


def test_37_one_length_of_a_month() -> None:
    assert endpoints.DAYS_PER_MONTH == 30.4375
    assert endpoints.DAYS_PER_YEAR == canonical.DAYS_PER_YEAR == course.DAYS_PER_YEAR == 365.25


def test_38_p_values_far_out_keep_their_digits() -> None:
    """Two groups of 400 that do not overlap: one minus a distribution function would be 0."""
    time = np.r_[np.arange(1, 401), np.arange(1001, 1401)]
    test = logrank_test(Outcome(time, np.ones(800)), ["early"] * 400 + ["late"] * 400)
    assert 0 < test.p_value < 1e-50
    assert "p < 0.001" in repr(test)
    assert json.loads(test.to_json())["glance"]["p_value"] == test.p_value


def test_39_equal_indices_count_one_half() -> None:
    """By hand: of three pairs two are log 3 apart, 1/(1 + 1/3) = 3/4 each, and one is tied, 1/2."""
    outcome = Outcome([1, 2, 3], [1, 1, 1])
    found = gonen_heller(outcome, [math.log(3), 0, math.log(3)])
    assert found.estimate == pytest.approx((3 / 4 + 3 / 4 + 1 / 2) / 3, rel=1e-12)
    says(found, "tied indices 1/2", "log hazard")


def test_40_an_apparent_slope_is_left_out() -> None:
    """In the patients of the fit itself the slope of Breslow's risks is 1 without a look at the model."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": random.normal(size=80)})
    time, end = random.exponential(np.exp(-table["x"])), random.uniform(0.3, 2, 80)
    outcome = Outcome(np.minimum(time, end), time <= end)
    risk = CoxPH("x").fit(table, outcome).predict_risk(table, [1.0])[:, 0]
    unsaid = calibration(outcome, risk, 1, repeats=0, later_events=True)
    assert unsaid.read("slope")[0] == pytest.approx(1, rel=1e-8)
    said = calibration(outcome, risk, 1, repeats=0, sample="apparent")
    assert np.isnan(said.read("slope")).all()
    assert np.isnan(said.glance()["slope"].iloc[0])
    assert "0 and 1 by construction" in repr(said)


def test_41_optimism_is_for_fixed_models() -> None:
    random = np.random.default_rng(2)
    table = pd.DataFrame({"x": random.normal(size=60)})
    outcome = Outcome(random.exponential(np.exp(-table["x"])), random.random(60) < 0.8)
    for spec in (CoxPH("x"), CoxPH("x", penalty="firth"), CoxPH("x", penalty=Ridge(1.0))):
        result = validate(spec, table, outcome, repeats=10, seed=1)
        says(result, "optimism", column="method")
        says(result, "whole specification refitted")
        assert result.glance()[["asked", "used"]].to_numpy().tolist() == [[10, 10]]
        assert "10 of 10" in repr(result)
    says(validate(RandomSurvivalForest("x", n_trees=5), table, outcome, repeats=4, seed=1), ".632+", column="method")


def test_06_predictions_stop_where_follow_up_stops() -> None:
    """Of a Cox model."""
    fit = CoxPH("x").fit(*TIES)
    survival = fit.predict_survival(TIES[0][:1], [9, 9.5])
    assert np.isnan(survival[0]).tolist() == [False, True]
    assert KaplanMeier().fit(TIES[1]).at(9.5)["estimate"].isna().all()


def test_42_the_censored_are_no_non_events() -> None:
    """By hand: of four treated one dies at 1, one is censored at 2 and one of the other two dies at 3.

    Their risk by 3 is 1 - 3/4 * 1/2 = 5/8; of six rows 4/6 are treated, at the threshold 1/3 with odds 1/2. Were the
    censored row a non-event the risk would be 1/2.
    """
    outcome = Outcome([1, 2, 3, 5, 4, 5], [1, 0, 1, 0, 1, 0])
    result = decision_curve(outcome, [0.9, 0.8, 1 / 3, 0.5, 0.2, 0.1], 3, 1 / 3, sample="test")
    assert result.estimate[2, 0] == pytest.approx(4 / 6 * (5 / 8 - 3 / 8 / 2), rel=1e-12)
    assert abs(result.estimate[2, 0] - 4 / 6 * (1 / 2 - 1 / 2 / 2)) > 0.1
    says(result, "their risk from survival curves", "Aalen-Johansen with competing events", "at or above the threshold")
