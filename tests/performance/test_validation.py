"""Internal validation: optimism, .632+, out-of-fold groups, calibration; what noise must come to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    CoxPH,
    DataError,
    EndpointError,
    FitError,
    KaplanMeier,
    Outcome,
    RandomSurvivalForest,
    RiskGroups,
    calibration,
    concordance,
    logrank_test,
    predict_out_of_fold,
    validate,
)
from survmodel.models.row_resampling import RowResampler
from survmodel.outcome.ordering import canonical_order
from survmodel.performance.validation_scores import weigh_632
from survmodel.resampling import bootstrap_counts, count_rows, draw_folds, read_units


def cohort(n: int = 100, seed: int = 3, effect: float = 1.0) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(n, 3)), columns=["marker", "a", "b"])
    table["group"] = random.choice(["lymphoma", "myeloma"], n)
    time, censor = random.exponential(20 * np.exp(-effect * table["marker"])), random.uniform(5, 60, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months", endpoint="death")


def in_order(table: pd.DataFrame, outcome: Outcome) -> tuple[pd.DataFrame, Outcome]:
    """The rows in the order in which they are drawn."""
    order = canonical_order(table, outcome)
    return table.iloc[order], outcome.take(order)


class Slow:
    """A Cox model without the fast way."""

    def __init__(self, spec: CoxPH) -> None:
        self.spec = spec

    def fit(self, table: pd.DataFrame, outcome: Outcome) -> object:
        return self.spec.fit(table, outcome)

    def resampler(self, table: pd.DataFrame, outcome: Outcome) -> RowResampler:
        return RowResampler(self.spec, table, outcome)


def test_general_way_gives_the_same_numbers() -> None:
    table, outcome = cohort()
    spec = CoxPH("marker + a + b", strata="group")
    both = validate({"fast": spec, "slow": Slow(spec)}, table, outcome, repeats=40, strata=table["group"], seed=2)
    fast, slow = both.scores["fast"], both.scores["slow"]
    for name in ("apparent", "optimism", "corrected", "conf_low", "conf_high"):
        assert getattr(fast, name) == pytest.approx(getattr(slow, name), abs=1e-10)


def test_optimism_by_a_second_route() -> None:
    """The bootstrap written out with replicated rows and the public concordance."""
    table, outcome = in_order(*cohort(80))
    spec = CoxPH("marker + a + b")
    result = validate(spec, table, outcome, repeats=15, seed=6)
    differences = []
    for counts in bootstrap_counts(read_units(80), 15, 6):
        rows = count_rows(counts)
        fit = spec.fit(table.iloc[rows], outcome.take(rows))
        inside = concordance(outcome.take(rows), fit.prognostic_index(table.iloc[rows])).estimate
        differences.append(inside - concordance(outcome, fit.prognostic_index(table)).estimate)
    scores = result.scores["model"]
    assert scores.optimism == pytest.approx(np.mean(differences), abs=1e-9)
    whole = concordance(outcome, spec.fit(table, outcome).prognostic_index(table)).estimate
    assert scores.corrected == pytest.approx(whole - np.mean(differences), abs=1e-9)


def test_632_by_a_second_route() -> None:
    table, outcome = in_order(*cohort(70))
    spec = RandomSurvivalForest("marker + a", n_trees=15, seed=1)
    result = validate(spec, table, outcome, repeats=6, seed=4)
    assert result.method == ".632+"
    outside = []
    for counts in bootstrap_counts(read_units(70), 6, 4):
        rows, left = count_rows(counts), np.flatnonzero(counts == 0)
        fit = spec.fit(table.iloc[rows], outcome.take(rows))
        outside.append(concordance(outcome.take(left), fit.prognostic_index(table.iloc[left])).estimate)
    scores = result.scores["model"]
    assert scores.outside == pytest.approx(np.mean(outside), abs=1e-12)
    apparent = concordance(outcome, spec.fit(table, outcome).prognostic_index(table)).estimate
    assert scores.corrected == pytest.approx(weigh_632(apparent, scores.outside), abs=1e-12)
    assert "apparent" not in result.tidy()["sample"].tolist()
    assert f"{apparent:.3f}" not in repr(result)


def test_632_by_hand() -> None:
    # R = (.9 - .7) / (.9 - .5) = .5, w = .632 / (1 - .184) = .7745098
    assert weigh_632(0.9, 0.7) == pytest.approx(0.9 * (1 - 0.632 / 0.816) + 0.7 * 0.632 / 0.816)
    # outside as good as apparent: nothing to correct but the share of patients
    assert weigh_632(0.7, 0.8) == pytest.approx(0.368 * 0.7 + 0.632 * 0.8)
    assert weigh_632(0.9, 0.4) == pytest.approx(0.5)


def test_a_forest_brings_632_to_all() -> None:
    table, outcome = cohort(60)
    specs = {"cox": CoxPH("marker"), "forest": RandomSurvivalForest("marker", n_trees=10)}
    result = validate(specs, table, outcome, repeats=4)
    ranked = result.tidy()[result.tidy()["measure"] == "Harrell C"]
    assert ranked.groupby("model")["sample"].agg(list).to_dict() == {
        "cox": ["apparent", "test", "cross-validated", "corrected"],
        "forest": ["test", "cross-validated", "corrected"],
    }
    with pytest.raises(ConfigError, match="not honest"):
        validate(specs, table, outcome, method="optimism")


def test_cross_validation_by_a_second_route() -> None:
    """C of the indices that models without a patient's fold give, for each repeat, and their mean."""
    table, outcome = cohort(60)
    spec = CoxPH("marker + a")
    result = validate(spec, table, outcome, repeats=5, folds=6, fold_repeats=3, horizons=[12.0], seed=8)
    assert result.method == "optimism"
    unseen = predict_out_of_fold(spec, table, outcome, folds=6, repeats=3, times=[12.0], seed=8)
    assert (result.out_of_fold["model"].fold == unseen.fold).all()
    assert result.out_of_fold["model"].risk[12.0].to_numpy() == pytest.approx(unseen.risk[12.0].to_numpy())
    found = []
    for repeat in range(3):
        index = np.empty(60)
        for number in range(6):
            own = np.flatnonzero(unseen.fold[repeat] == number)
            learn = np.flatnonzero(unseen.fold[repeat] != number)
            fit = spec.fit(table.iloc[learn], outcome.take(learn))
            index[own] = fit.prognostic_index(table.iloc[own])
        found.append(concordance(outcome, index).estimate)
    assert result.scores["model"].cross_validated == pytest.approx(np.mean(found), abs=1e-12)
    assert not validate(spec, table, outcome, repeats=5).out_of_fold


def test_same_rows_for_all_and_same_draws_for_any_worker() -> None:
    import joblib

    table, outcome = cohort(60)
    table.loc[:4, "a"] = np.nan
    specs = {"one": CoxPH("marker"), "two": CoxPH("marker + a")}
    result = validate(specs, table, outcome, repeats=20, seed=9)
    assert (result.n, result.n_incomplete) == (55, 5)
    alone = validate(specs["one"], table.iloc[5:], outcome.take(np.arange(5, 60)), repeats=20, seed=9)
    both = [
        one[one["model"] == name].drop(columns="model")
        for one, name in ((alone.tidy(), "model"), (result.tidy(), "one"))
    ]
    pd.testing.assert_frame_equal(*(one.reset_index(drop=True) for one in both), check_exact=True)
    with joblib.parallel_config(backend="threading"):
        other = validate(specs, table, outcome, repeats=20, seed=9, n_jobs=2)
        pd.testing.assert_frame_equal(other.tidy(), result.tidy(), check_exact=True)


def test_the_order_of_rows_does_not_matter() -> None:
    table, outcome = cohort(60)
    shuffled = np.random.default_rng(2).permutation(60)
    moved, later = table.iloc[shuffled], outcome.take(shuffled)
    spec = CoxPH("marker + a", strata="group")
    one = validate(spec, table, outcome, repeats=20, strata=table["group"]).scores["model"]
    two = validate(spec, moved, later, repeats=20, strata=moved["group"]).scores["model"]
    assert one.corrected == pytest.approx(two.corrected, abs=1e-12)
    first = predict_out_of_fold(spec, table, outcome, strata=table["group"]).index
    second = predict_out_of_fold(spec, moved, later, strata=moved["group"]).index
    assert first.to_numpy()[shuffled] == pytest.approx(second.to_numpy(), abs=1e-9)


def test_a_refusal_names_rows_as_they_were_given() -> None:
    table, outcome = cohort(60)
    table.loc[7, "a"] = np.inf
    with pytest.raises(DataError, match=r"values of a are infinite: row 8 \(1 of 60\)"):
        validate(CoxPH("marker + a"), table, outcome, repeats=20)


def test_patients_with_several_rows_are_drawn_whole() -> None:
    patient = np.repeat(np.arange(30), 2)
    time = np.arange(1.0, 31.0)
    entry = np.column_stack([np.zeros(30), time / 2]).ravel()
    stop = np.column_stack([time / 2, time]).ravel()
    event = np.column_stack([np.zeros(30), np.arange(30) % 3 > 0]).ravel()
    table = pd.DataFrame({"x": np.random.default_rng(1).normal(size=30)[patient]})
    split = validate(CoxPH("x"), table, Outcome(stop, event, entry, id=patient), repeats=30, seed=5)
    whole_table = table.iloc[::2].reset_index(drop=True)
    whole = validate(CoxPH("x"), whole_table, Outcome(time, event[1::2]), repeats=30, seed=5)
    assert split.scores["model"].corrected == pytest.approx(whole.scores["model"].corrected, abs=1e-9)


def test_many_failures_are_refused() -> None:
    table, outcome = cohort(40)
    rare = table.assign(rare=(np.arange(40) == 0).astype(float))
    outcome = Outcome(np.arange(1.0, 41.0), np.r_[np.ones(12), np.zeros(28)])
    with pytest.raises(FitError, match="resamples failed|no maximum|grows without bound"):  # noqa: RUF043
        validate(CoxPH("marker + rare"), rare, outcome, repeats=30)


class TestOutOfFold:
    def test_predictions_by_a_second_route(self) -> None:
        table, outcome = in_order(*cohort(50))
        spec = CoxPH("marker + a")
        found = predict_out_of_fold(spec, table, outcome, folds=5, seed=3, times=[12.0])
        fold = draw_folds(read_units(50), 5, 1, 3, outcome.died)[0]
        for number in range(5):
            learn, new = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            fit = spec.fit(table.iloc[learn], outcome.take(learn))
            assert found.index.to_numpy()[new] == pytest.approx(fit.prognostic_index(table.iloc[new]), abs=1e-12)
            assert found.risk[12.0].to_numpy()[new] == pytest.approx(
                fit.predict_risk(table.iloc[new], [12.0])[:, 0], abs=1e-12
            )

    def test_groups_have_the_cuts_of_the_other_folds(self) -> None:
        table, outcome = cohort(60)
        spec = CoxPH("marker")
        found = predict_out_of_fold(spec, table, outcome, folds=4, seed=1, strata=table["group"])
        groups = found.assign(RiskGroups("median"), table["group"]).groups
        fold = found.fold[0]
        for number in range(4):
            for disease in ("lymphoma", "myeloma"):
                learn = np.flatnonzero((fold != number) & (table["group"] == disease))
                new = np.flatnonzero((fold == number) & (table["group"] == disease))
                index = found.index_by_model[0, number]
                expected = np.where(index[new] <= np.median(index[learn]), "low", "high")
                assert groups.iloc[new].tolist() == expected.tolist()

    def test_noise_groups_do_not_follow_the_model(self) -> None:
        """Tertiles of a model of noise: out of fold, the high group does worse no more often than chance has it.

        Folds leave a slight lean the other way (a patient's own event is missing from the model that places him), so
        that a two-sided test would not hold its level either: none is printed.
        """
        cohorts, apparent, unseen = 60, 0, 0
        for seed in range(cohorts):
            table, outcome = cohort(50, seed=seed, effect=0.0)
            spec = CoxPH("marker + a + b")
            fitted = spec.fit(table, outcome).prognostic_index(table)
            apparent += self.high_is_worse(outcome, RiskGroups().fit(fitted).assign(fitted))
            groups = predict_out_of_fold(spec, table, outcome, seed=seed).assign(RiskGroups()).groups
            unseen += self.high_is_worse(outcome, groups)
        assert apparent / cohorts > 0.2
        assert unseen / cohorts < 0.025 + 3 * np.sqrt(0.025 * 0.975 / cohorts)

    @staticmethod
    def high_is_worse(outcome: Outcome, groups: pd.Series | pd.Categorical) -> bool:
        """Tell whether a trend test finds the high group to do worse at the one-sided level of 0.025."""
        test = logrank_test(outcome, groups, scores=[0, 1, 2])
        last = test.tidy().iloc[-1]
        return bool(test.p_value < 0.05 and last["observed"] > last["expected"])

    def test_an_unseen_stratum_has_no_risk_and_leaves_the_others(self) -> None:
        table, outcome = cohort(40)
        table.loc[0, "group"] = "leukemia"
        spec = CoxPH("marker", strata="group")
        found = predict_out_of_fold(spec, table, outcome, folds=5, times=[10.0])
        assert np.isnan(found.risk[10.0].iloc[0])
        assert np.isfinite(found.index.iloc[0])
        assert found.risk[10.0].iloc[1:].notna().all()
        groups = found.assign(RiskGroups("median"), on="risk", horizon=10.0).groups
        assert pd.isna(groups.iloc[0])
        assert groups.iloc[1:].notna().all()
        with pytest.raises(ConfigError, match="no risk was predicted"):
            found.assign(RiskGroups(), on="risk", horizon=11.0)

    def test_one_class_disease_is_named_and_leaves_the_others(self) -> None:
        table, outcome = cohort(60)
        constant = table.assign(marker=table["marker"].where(table["group"] == "lymphoma", 0.0))
        found = predict_out_of_fold(CoxPH("marker"), constant, outcome, folds=5)
        assigned = found.assign(RiskGroups("median"), constant["group"])
        assert assigned.groups[constant["group"] == "myeloma"].isna().all()
        assert assigned.groups[constant["group"] == "lymphoma"].notna().all()
        assert assigned.reasons[0][0].startswith("myeloma: the median of the index leave a group empty")
        nearly = constant.assign(marker=(np.arange(60) % 9 == 1) * 1.0)
        with pytest.raises(FitError, match="cannot be formed"):
            predict_out_of_fold(CoxPH("marker"), nearly, outcome, folds=5).assign(RiskGroups())


class TestCalibration:
    def test_groups_and_ratio_by_hand(self) -> None:
        # four patients each: low risk none of 4 by time 4, high risk 3 of 4
        outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 0, 1, 0, 1, 0], unit="years", endpoint="death")
        result = calibration(outcome, [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], horizon=4, groups=2, sample="new")
        table = result.tidy()
        assert table["n"].tolist() == [4, 4]
        assert table["n_event"].tolist() == [0, 3]
        assert table["expected"].tolist() == pytest.approx([0.25, 0.65])
        assert table["estimate"].tolist() == pytest.approx([0.0, 0.75])
        assert result.o_e == pytest.approx((3 / 8) / 0.45)
        # Greenwood at 3 of 8: se = sqrt(p q / n)
        se = np.sqrt(3 / 8 * 5 / 8 / 8)
        assert result.o_e_high / result.o_e == pytest.approx(np.exp(1.959964 * se / (3 / 8)), rel=1e-6)
        assert "Calibration at 4 years, death, new" in repr(result)

    def test_competing_events_take_the_cumulative_incidence(self) -> None:
        outcome = Outcome([1, 2, 3, 4], [1, 2, 1, 0], causes={1: "relapse", 2: "death"})
        result = calibration(outcome, [0.9, 0.2, 0.6, 0.1], horizon=3, groups=2)
        assert result.observed == pytest.approx(0.5)
        assert result.endpoint == "relapse"

    def test_group_not_followed_up_is_missing(self) -> None:
        outcome = Outcome([1, 2, 2, 3, 8, 9, 10, 11], [1, 1, 0, 0, 1, 1, 0, 1])
        table = calibration(outcome, [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1], horizon=5, groups=2).tidy()
        assert np.isnan(table["estimate"].iloc[1])
        assert table["estimate"].iloc[0] == 0

    def test_truth_is_covered(self) -> None:
        """With true risks the limits of O/E hold 1 in 95 % of 200 cohorts, within 3 standard errors."""
        covered = 0
        for seed in range(200):
            random = np.random.default_rng(seed)
            rate = np.exp(random.normal(size=150)) / 20
            time, censor = random.exponential(1 / rate), random.uniform(5, 40, 150)
            outcome = Outcome(np.minimum(time, censor), time <= censor)
            result = calibration(outcome, 1 - np.exp(-rate * 12), horizon=12, repeats=0)
            covered += result.o_e_low <= 1 <= result.o_e_high
        assert abs(covered / 200 - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 200)

    @pytest.mark.parametrize(
        ("change", "error", "match"),
        [
            ({"risk": [1.2, 0.5, 0.2, 0.1]}, DataError, "no probability"),
            ({"risk": [np.nan, 0.5, 0.2, 0.1]}, DataError, "missing"),
            ({"horizon": 9.0}, EndpointError, "not within the follow-up"),
            ({"horizon": 0.5}, FitError, "no event happened"),
            ({"risk": [0.5, 0.5, 0.5, 0.5]}, FitError, "do not form"),
            ({"groups": 1}, ConfigError, "at least 2"),
        ],
    )
    def test_refusals(self, change: dict[str, object], error: type[Exception], match: str) -> None:
        given = {"risk": [0.8, 0.5, 0.2, 0.1], "horizon": 3.0, "groups": 2, **change}
        with pytest.raises(error, match=match):
            calibration(Outcome([1, 2, 3, 4], [1, 1, 0, 1]), **given)


def test_risk_groups_curves_are_drawn_from_assignments() -> None:
    table, outcome = cohort(80)
    groups = predict_out_of_fold(CoxPH("marker"), table, outcome, repeats=3).assign(RiskGroups()).groups
    fit = KaplanMeier().fit(outcome, by=groups)
    assert fit.groups == ("low", "intermediate", "high")
