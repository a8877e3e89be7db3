"""Slope, AUC, Brier score and IPA under resampling: every one by a second route, on the same draws."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    CoxPH,
    EndpointError,
    FitError,
    Outcome,
    RandomSurvivalForest,
    Ridge,
    brier_score,
    concordance,
    predict_out_of_fold,
    time_dependent_auc,
    validate,
)
from survmodel.models.row_resampling import RowResampler
from survmodel.outcome.groups import read_groups
from survmodel.outcome.ordering import canonical_order
from survmodel.performance.censoring_weights import CensoringWeights
from survmodel.performance.scoring import DrawScorer, Measure
from survmodel.performance.validation_scores import weigh_632
from survmodel.resampling import bootstrap_counts, count_rows, read_units

TIMES = [6.0, 12.0]


def cohort(n: int = 120, seed: int = 3, *, whole: bool = True) -> tuple[pd.DataFrame, Outcome]:
    """Two diseases; times in whole months, so that events and censorings tie."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(n, 2)), columns=["marker", "age"])
    table["disease"] = random.choice(["lymphoma", "myeloma"], n)
    time, censor = random.exponential(20 * np.exp(-table["marker"])), random.uniform(5, 60, n)
    seen = np.minimum(time, censor)
    return table, Outcome(np.ceil(seen) if whole else seen, (time <= censor).astype(int), unit="months")


def ordered(table: pd.DataFrame, outcome: Outcome, spec: CoxPH) -> tuple[pd.DataFrame, Outcome]:
    """The rows in the order in which they are drawn."""
    codes = read_groups(outcome, table["disease"], "strata").codes
    order = canonical_order(table[list(spec.variables)], outcome, codes)
    return table.iloc[order], outcome.take(order)


def auc_by_pairs(outcome: Outcome, risk: np.ndarray, time: float, weight: np.ndarray) -> float:
    """AUC of one stratum by looking at every pair; `weight` is that of cases."""
    cases = np.flatnonzero((outcome.time <= time) & (outcome.event == 1))
    controls = np.flatnonzero(outcome.time > time)
    won = total = 0.0
    for i, j in itertools.product(cases, controls):
        won += weight[i] * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
        total += weight[i]
    return won / total


def learnt_from(source: Outcome, own: pd.Series, level: str) -> Outcome:
    """Rows that the censoring curve of a stratum comes from: its own, or all where fewer than 5 were censored."""
    rows = np.flatnonzero(own == level)
    early = ((source.event[rows] == 0) & (source.time[rows] < TIMES[1])).sum()
    return source.take(rows) if early >= 5 and source.time[rows].max() > TIMES[1] else source


def auc_within(
    outcome: Outcome, risk: np.ndarray, time: float, strata: pd.Series, source: Outcome, own: pd.Series
) -> float:
    """AUC within strata, weighted by patients; G of the rows learnt from, within strata."""
    parts, sizes = [], []
    for level in sorted(set(strata)):
        rows = np.flatnonzero(strata == level)
        here = outcome.take(rows)
        weights = CensoringWeights.learn(here, time, read_groups(here, None, "strata"), learnt_from(source, own, level))
        if not (here.time > time).any():
            continue
        parts.append(auc_by_pairs(here, risk[rows], time, weights.case_weights()))
        sizes.append(rows.size)
    return float(np.average(parts, weights=sizes))


def brier_within(outcome: Outcome, risk: np.ndarray, strata: pd.Series, source: Outcome, own: pd.Series) -> np.ndarray:
    """Brier scores by the public function, stratum by stratum."""
    total = np.zeros(len(TIMES))
    for level in sorted(set(strata)):
        rows = np.flatnonzero(strata == level)
        one = brier_score(outcome.take(rows), risk[rows], TIMES, censoring=learnt_from(source, own, level))
        total += rows.size * one.estimate[0]
    return total / outcome.n


@pytest.mark.parametrize("penalty", [None, Ridge(1.0)])
def test_optimism_of_every_measure_written_out(penalty: Ridge | None) -> None:
    spec = CoxPH("marker + age", strata="disease", penalty=penalty)
    table, outcome = ordered(*cohort(), spec)
    strata = table["disease"]
    found = validate(spec, table, outcome, horizons=TIMES, repeats=8, strata=strata, seed=6).scores["model"]
    gained: dict[str, list[float]] = {"Harrell C": [], "calibration slope": [], "AUC": [], "Brier score": []}
    for counts in bootstrap_counts(read_units(outcome.n, strata=strata), 8, 6):
        rows = count_rows(counts)
        drawn, seen, layer = table.iloc[rows], outcome.take(rows), strata.iloc[rows]
        fit = spec.fit(drawn, seen)
        values: dict[str, list[float]] = {name: [] for name in gained}
        for some, result in ((drawn, seen), (table, outcome)):
            index, risk = fit.prognostic_index(some), fit.predict_risk(some, TIMES)
            mine = some["disease"]
            values["Harrell C"].append(concordance(result, index, strata=mine).estimate)
            slope = CoxPH("index", strata="disease").fit(
                pd.DataFrame({"index": index, "disease": mine.to_numpy()}), result
            )
            values["calibration slope"].append(float(slope.coefficients["index"]))
            values["AUC"].append(auc_within(result, risk[:, 1], TIMES[1], mine, seen, layer))
            values["Brier score"].append(float(brier_within(result, risk, mine, seen, layer)[1]))
        for name, (inside, original) in values.items():
            gained[name].append(inside - original)
    for name, differences in gained.items():
        horizon = None if name in ("Harrell C", "calibration slope") else TIMES[1]
        one = found.find(name, horizon)
        assert one.optimism == pytest.approx(np.mean(differences), abs=1e-8), name
        assert one.corrected == pytest.approx(one.apparent - np.mean(differences), abs=1e-8), name
    if penalty is None:
        assert found.find("calibration slope").apparent == pytest.approx(1, abs=1e-8)


def test_ipa_is_the_ratio_of_corrected_scores() -> None:
    table, outcome = cohort()
    result = validate(CoxPH("marker"), table, outcome, horizons=TIMES, repeats=30, seed=2)
    scores = result.scores["model"]
    apparent = brier_score(outcome, CoxPH("marker").fit(table, outcome).predict_risk(table, TIMES), TIMES)
    for place, time in enumerate(TIMES):
        assert scores.find("Brier score", time).apparent == pytest.approx(apparent.estimate[0, place], abs=1e-12)
        assert scores.find("IPA", time).apparent == pytest.approx(apparent.ipa[0, place], abs=1e-12)
        low, high = scores.find("IPA", time).conf_low, scores.find("IPA", time).conf_high
        assert low < scores.find("IPA", time).corrected < high
    assert "corrected" in result.tidy().query("measure == 'calibration slope'")["sample"].tolist()
    assert "apparent" not in result.tidy().query("measure == 'calibration slope'")["sample"].tolist()


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("strata", [None, "disease"])
def test_counts_and_rows_give_the_same_predictions(strata: str | None, late: bool) -> None:
    table, outcome = cohort(90)
    if late:
        entry = np.floor(outcome.time / 3) * np.tile([0, 1, 1], 30)
        outcome = Outcome(outcome.time, outcome.event, entry, unit="months")
    spec = CoxPH("marker + age", strata=strata)
    fast, general = spec.resampler(table, outcome), RowResampler(spec, table, outcome)
    assert fast is not None
    counts = bootstrap_counts(read_units(outcome.n, strata=table["disease"]), 25, 8)
    times = np.array([6.0, 24.0, 59.0])
    one, other = fast.refit(counts, times), general.refit(counts, times)
    assert one.index == pytest.approx(other.index, abs=1e-8)
    np.testing.assert_allclose(one.risk, other.risk, atol=1e-9)
    assert np.isnan(one.risk[:, :, 2]).any(), "the last patients are not in every draw"
    alone = fast.refit(counts[7:8], times)
    assert (alone.index == one.index[7]).all()
    assert np.array_equal(alone.risk[0], one.risk[7], equal_nan=True)


def test_doubtful_draws_are_refused_as_a_whole_fit_refuses_them() -> None:
    table, outcome = cohort(60)
    table["rare"] = (np.arange(60) < 3).astype(float)
    spec = CoxPH("marker + rare")
    fast, general = spec.resampler(table, outcome), RowResampler(spec, table, outcome)
    assert fast is not None
    counts = bootstrap_counts(read_units(60), 200, 1)
    one, other = fast.refit(counts, np.empty(0)), general.refit(counts, np.empty(0))
    refused = [bool(reason) for reason in other.reasons]
    assert [bool(reason) for reason in one.reasons] == refused
    assert 0 < sum(refused) < 100
    assert one.index == pytest.approx(other.index, abs=1e-6, nan_ok=True)


def test_632_of_the_brier_score_written_out() -> None:
    table, outcome = cohort(80)
    spec = RandomSurvivalForest("marker + age", n_trees=15, seed=1)
    rows = canonical_order(table[list(spec.variables)], outcome, np.zeros(80, dtype=np.int64))
    table, outcome = table.iloc[rows], outcome.take(rows)
    result = validate(spec, table, outcome, horizons=TIMES, repeats=6, seed=4)
    outside = []
    for counts in bootstrap_counts(read_units(80), 6, 4):
        drawn, left = count_rows(counts), np.flatnonzero(counts == 0)
        fit = spec.fit(table.iloc[drawn], outcome.take(drawn))
        risk = fit.predict_risk(table.iloc[left], TIMES)
        outside.append(brier_score(outcome.take(left), risk, TIMES, censoring=outcome.take(drawn)).estimate[0, 1])
    one = result.scores["model"].find("Brier score", TIMES[1])
    assert one.outside == pytest.approx(np.mean(outside), abs=1e-12)
    risk = spec.fit(table, outcome).predict_risk(table, TIMES)[:, 1]
    apparent = brier_score(outcome, risk, TIMES[1]).estimate[0, 0]
    # every outcome against every risk
    weights = CensoringWeights.learn(outcome, TIMES[1], read_groups(outcome, None, "strata"), None)
    case = np.where(outcome.time <= TIMES[1], weights.case_weights(), 0.0)
    other = np.where(outcome.time > TIMES[1], weights.survivor_weights(np.array(TIMES[1:]))[:, 0], 0.0)
    blind = np.mean([case[i] * (1 - r) ** 2 + other[i] * r**2 for i in range(80) for r in risk])
    assert one.corrected == pytest.approx(weigh_632(apparent, one.outside, blind, higher_is_better=False), abs=1e-10)
    assert np.isnan(result.scores["model"].find("calibration slope").corrected)
    assert np.isfinite(result.scores["model"].find("calibration slope").cross_validated)


def test_differences_are_paired() -> None:
    table, outcome = cohort()
    specs = {"both": CoxPH("marker + age"), "same": CoxPH("age + marker"), "age": CoxPH("age")}
    for method in ("optimism", ".632+", "cross-validation"):
        result = validate(specs, table, outcome, horizons=TIMES, method=method, repeats=25, seed=3)
        found = result.differences().query("measure == 'Harrell C' and sample == 'corrected'").set_index("model")
        same, other = found.loc["both - same"], found.loc["both - age"]
        assert abs(same["estimate"]) < 1e-9
        assert same["conf_high"] - same["conf_low"] < 1e-9
        scores = result.scores
        assert other["estimate"] == pytest.approx(scores["both"].corrected - scores["age"].corrected, abs=1e-12)
        assert 0 < other["conf_low"] < other["estimate"] < other["conf_high"]


def test_limits_out_of_fold_are_those_of_the_influences() -> None:
    table, outcome = cohort()
    result = validate(CoxPH("marker + age"), table, outcome, method="cross-validation", fold_repeats=3, seed=5)
    unseen = predict_out_of_fold(CoxPH("marker + age"), table, outcome, repeats=3, seed=5)
    parts = [concordance(outcome, index) for index in unseen.index_by_repeat]
    one = result.scores["model"].concordance
    assert one.corrected == pytest.approx(np.mean([part.estimate for part in parts]), abs=1e-12)
    influence = np.mean([part.influence for part in parts], axis=0)
    assert one.std_error == pytest.approx(np.sqrt((influence**2).sum()), abs=1e-12)
    assert one.conf_high == pytest.approx(one.corrected + 1.959964 * one.std_error, abs=1e-6)


def test_a_longer_run_begins_with_a_shorter_one() -> None:
    table, outcome = cohort()
    runs = [validate(CoxPH("marker"), table, outcome, horizons=TIMES, repeats=b, seed=1) for b in (10, 25)]
    short, long = (run.scores["model"].find("Brier score", TIMES[0]).by_resample for run in runs)
    assert (short == long[:10]).all()


def test_a_column_that_no_model_uses_changes_nothing() -> None:
    table, outcome = cohort()
    more = table.assign(other=np.random.default_rng(1).normal(size=len(table)))
    one, two = (validate(CoxPH("marker"), some, outcome, repeats=10).tidy() for some in (table, more))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_scores_do_not_depend_on_which_way_pairs_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 1,500 rows a tree counts the pairs: the same C as pair by pair, in halves of such a cohort."""
    table, outcome = cohort(3000)
    index = np.round(table["marker"].to_numpy(), 1)
    ones = np.ones((1, 3000))
    whole = DrawScorer.of(outcome, np.zeros(3000, dtype=np.int64)).score(
        index[np.newaxis], np.empty((1, 3000, 0)), ones, ones
    )
    assert whole[0, 0] == pytest.approx(concordance(outcome, index).estimate, abs=1e-12)
    half = np.arange(1400)
    few = DrawScorer.of(outcome.take(half), np.zeros(1400, dtype=np.int64))
    counted = few.score(index[np.newaxis, half], np.empty((1, 1400, 0)), ones[:, half], ones[:, half])
    assert counted[0, 0] == pytest.approx(concordance(outcome.take(half), index[half]).estimate, abs=1e-12)


def test_risk_that_is_not_in_the_order_of_the_index() -> None:
    """AUC goes by the risk at its time."""
    outcome = Outcome([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 1, 1])
    risk = np.array([[0.9, 0.1], [0.2, 0.3], [0.5, 0.5], [0.5, 0.4], [0.3, 0.8], [0.1, 0.9]])
    scorer = DrawScorer.of(outcome, np.zeros(6, dtype=np.int64), [2.5, 4.5])
    ones = np.ones((1, 6))
    values = dict(
        zip(scorer.measures, scorer.score(np.arange(6.0)[np.newaxis], risk[np.newaxis], ones, ones)[0], strict=True)
    )
    # at 2.5: cases .9 and .2 against .5, .5, .3, .1: 4 and 1 of 4 pairs
    assert values[Measure("AUC", 2.5)] == pytest.approx(5 / 8)
    # at 4.5: cases .1, .3, .5 against .8 and .9
    assert values[Measure("AUC", 4.5)] == 0.0


def test_refusals() -> None:
    table, outcome = cohort()
    for wrong in (0.0, float(outcome.time.max()) + 1, 400.0):
        with pytest.raises(EndpointError):
            validate(CoxPH("marker"), table, outcome, horizons=[wrong], repeats=5)
    with pytest.raises(ConfigError, match="0 repeats"):
        validate(CoxPH("marker"), table, outcome, method="cross-validation", fold_repeats=0)
    late = Outcome(outcome.time + 1, outcome.event, np.tile([0.0, 0.5], 60), unit="months")
    with pytest.raises(FitError, match="late entry"):
        validate(CoxPH("marker"), table, late, horizons=[12.0], repeats=5)
    assert np.isfinite(validate(CoxPH("marker"), table, late, repeats=5).scores["model"].corrected)


def test_a_stratum_that_was_not_followed_to_the_horizon_is_left_out_there() -> None:
    table, outcome = cohort(whole=False)
    lymphoma = (table["disease"] == "lymphoma").to_numpy()
    short = Outcome(
        np.where(lymphoma, np.minimum(outcome.time, 8), outcome.time),
        np.where(lymphoma & (outcome.time > 8), 0, outcome.event), unit="months",
    )  # fmt: skip
    result = validate(
        CoxPH("marker", strata="disease"), table, short, horizons=TIMES, repeats=20, strata=table["disease"]
    )
    told = f"{int(lymphoma.sum())} patients without a predicted risk at 12 months"
    assert any(told in note for note in result.notes)
    kept = np.flatnonzero(~lymphoma)
    alone = validate(
        CoxPH("marker", strata="disease"), table, short, horizons=TIMES, repeats=20, strata=table["disease"]
    )
    assert alone.scores["model"].find("Brier score", 6.0).used == 20
    fit = CoxPH("marker", strata="disease").fit(table, short)
    risk = fit.predict_risk(table.iloc[kept], [12.0])
    expected = brier_score(short.take(kept), risk, 12.0).estimate[0, 0]
    assert result.scores["model"].find("Brier score", 12.0).apparent == pytest.approx(expected, abs=1e-12)


def test_limits_of_auc_and_brier_out_of_fold_are_those_of_the_public_functions() -> None:
    table, outcome = cohort()
    specs = {"both": CoxPH("marker + age"), "age": CoxPH("age")}
    strata = table["disease"]
    result = validate(
        specs, table, outcome, method="cross-validation", fold_repeats=1, horizons=TIMES, strata=strata, seed=5
    )
    risks = {name: unseen.risk.to_numpy() for name, unseen in result.out_of_fold.items()}
    auc = time_dependent_auc(outcome, risks, TIMES, strata=strata)
    brier = brier_score(outcome, risks, TIMES, strata=strata)
    root = np.sqrt(outcome.n / (outcome.n - 1))
    found = result.differences().set_index(["measure", "horizon", "sample"])
    for place, time in enumerate(TIMES):
        for row, name in enumerate(specs):
            one = result.scores[name]
            assert one.find("AUC", time).corrected == pytest.approx(auc.estimate[row, place], abs=1e-12)
            assert one.find("AUC", time).std_error * root == pytest.approx(auc.std_error[row, place], abs=1e-12)
            assert one.find("Brier score", time).corrected == pytest.approx(brier.estimate[row, place], abs=1e-12)
            assert one.find("Brier score", time).std_error * root == pytest.approx(
                brier.std_error[row, place], abs=1e-12
            )
            assert one.find("IPA", time).corrected == pytest.approx(brier.ipa[row, place], abs=1e-12)
            assert one.find("IPA", time).std_error * root == pytest.approx(brier.ipa_std_error[row, place], abs=1e-12)
        for measure, public in (("AUC", auc), ("Brier score", brier)):
            theirs = public.differences().query("horizon == @time").iloc[0]
            ours = found.loc[(measure, time, "corrected")]
            assert ours["estimate"] == pytest.approx(-theirs["estimate"], abs=1e-12)
            half = (ours["conf_high"] - ours["conf_low"]) / 2
            assert half * root == pytest.approx((theirs["conf_high"] - theirs["conf_low"]) / 2, abs=1e-12)
