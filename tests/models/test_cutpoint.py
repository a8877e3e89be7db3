"""Cut-points: the search by its formula, by enumeration and by replication; honest hazard ratios; what is refused."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    CoxPH,
    DataDerivedCut,
    DataError,
    FitError,
    Outcome,
    Pipeline,
    bootstrap_cutpoint,
    maximally_selected_logrank,
    minimum_p_permutation,
    validate,
)
from survmodel.models.cutpoint_hazard import DEALS, FOLDS, cross_validate_cut
from survmodel.models.cutpoint_search import Admissible, CutSearch, read_marker
from survmodel.models.minimum_p import westfall_young
from survmodel.resampling import bootstrap_counts, draw_folds, read_units


def cohort(seed: int, n: int = 60, effect: float = 0.0, decimals: int = 1) -> tuple[pd.Series, Outcome, pd.Series]:
    """A marker, exponential times with ties, and two diseases of different hazard."""
    random = np.random.default_rng(seed)
    marker = pd.Series(np.round(random.normal(size=n), decimals), name="suvmax")
    disease = pd.Series(random.choice(["lymphoma", "myeloma"], n), name="disease")
    hazard = np.exp(effect * marker) * np.where(disease == "myeloma", 2.0, 0.7)
    time, censor = random.exponential(1 / hazard), random.uniform(0.2, 3, n)
    return marker, Outcome(np.ceil(10 * np.minimum(time, censor)) / 10, time <= censor), disease


def scores_by_formula(time: np.ndarray, event: np.ndarray) -> np.ndarray:
    n = time.size
    return np.array(
        [
            event[i] - sum(event[j] / (n - (time <= time[j]).sum() + 1) for j in range(n) if time[j] <= time[i])
            for i in range(n)
        ]
    )


def searched(outcome: Outcome, marker: object, strata: object = None, **rules: float) -> CutSearch:
    values, _, layers = read_marker(outcome, marker, strata)
    return CutSearch.of(outcome, values, layers, Admissible(**rules))  # type: ignore[arg-type]


@pytest.mark.parametrize("stratified", [False, True])
def test_the_profile_is_the_formula(stratified: bool) -> None:
    marker, outcome, disease = cohort(3)
    layers = disease.to_numpy() if stratified else np.zeros(60)
    result = maximally_selected_logrank(outcome, marker, strata=disease if stratified else None, permutations=99)
    centred, variance = np.empty(60), {}
    for layer in np.unique(layers):
        inside = layers == layer
        scores = scores_by_formula(outcome.time[inside], outcome.event[inside])
        centred[inside] = scores - scores.mean()
        variance[layer] = scores.var(ddof=1)
    profile = result.tidy()
    assert len(profile) > 10
    for cut, n, events, statistic in profile[["cutpoint", "n", "n_event", "statistic"]].to_numpy():
        below = marker.to_numpy() <= cut
        assert (n, events) == (below.sum(), outcome.event[below].sum())
        spread = sum(
            value * below[layers == layer].sum() * (~below[layers == layer]).sum() / (layers == layer).sum()
            for layer, value in variance.items()
        )
        assert statistic == pytest.approx(-centred[below].sum() / np.sqrt(spread), rel=1e-10, abs=1e-12)
    best = profile.loc[profile["statistic"].abs().idxmax()]
    assert (result.cutpoint, result.statistic) == (best["cutpoint"], pytest.approx(abs(best["statistic"])))


def test_variance_and_p_value_are_those_of_all_arrangements() -> None:
    """Seven patients: all 5,040 orders of the scores are counted, and the drawn p-value is theirs."""
    marker = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    outcome = Outcome([2, 8, 7, 4, 3, 2.5, 1], [1, 0, 1, 1, 1, 1, 1])
    search = searched(outcome, marker, min_events=0)
    statistic, variance, best = search.profile()
    scores = scores_by_formula(outcome.time, outcome.event)
    scores -= scores.mean()
    sums = np.array([np.cumsum(scores[list(order)]) for order in permutations(range(7))])
    assert variance[:-1] == pytest.approx(sums[:, :-1].var(axis=0))
    largest = np.abs(sums[:, :-1] / np.sqrt(variance[:-1])).max(axis=1)
    exact = (largest >= abs(statistic[best]) - 1e-9).mean()
    drawn = maximally_selected_logrank(outcome, marker, min_events=0, permutations=20_000)
    assert drawn.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000))


def test_strata_are_not_mixed_by_permutations() -> None:
    """A marker that only tells the disease is nothing within disease, and something without it."""
    _, outcome, disease = cohort(5, n=150)
    random = np.random.default_rng(1)
    marker = (disease == "myeloma") * 2.0 + random.normal(size=150)
    assert maximally_selected_logrank(outcome, marker, permutations=999).p_value < 0.01
    assert maximally_selected_logrank(outcome, marker, strata=disease, permutations=999).p_value > 0.05


def test_order_of_rows_and_scale_of_the_marker_change_nothing() -> None:
    marker, outcome, disease = cohort(7, effect=0.4)
    first = maximally_selected_logrank(outcome, marker, strata=disease, permutations=499)
    turned = np.random.default_rng(2).permutation(60)
    again = maximally_selected_logrank(
        outcome.take(turned), marker.iloc[turned], strata=disease.iloc[turned], permutations=499
    )
    assert first.to_json() == again.to_json()
    scaled = maximally_selected_logrank(outcome, np.exp(marker), strata=disease, permutations=499)
    assert (scaled.cutpoint, scaled.statistic, scaled.p_value) == (
        pytest.approx(np.exp(first.cutpoint)), pytest.approx(first.statistic), first.p_value,
    )  # fmt: skip
    assert scaled.shrinkage == pytest.approx(first.shrinkage)


def test_missing_markers_are_left_out_and_counted() -> None:
    marker, outcome, _ = cohort(8)
    gaps = marker.astype("Float64").copy()
    gaps.iloc[::6] = pd.NA
    kept = np.flatnonzero(gaps.notna())
    result = maximally_selected_logrank(outcome, gaps, permutations=199)
    assert (result.n, result.n_missing) == (50, 10)
    assert (
        result.cutpoint == maximally_selected_logrank(outcome.take(kept), marker.iloc[kept], permutations=199).cutpoint
    )
    assert "10 patients without the marker left out" in repr(result)


def test_counted_rows_are_replicated_rows() -> None:
    marker, outcome, disease = cohort(9, effect=0.3)
    search = searched(outcome, marker, disease)
    counts = bootstrap_counts(read_units(search.n, None, search.stratum), 40, seed=3)
    cuts, statistics = search.best_cuts(counts)
    for count, cut, statistic in zip(counts, cuts, statistics, strict=True):
        rows = search.place[np.repeat(np.arange(60), count)]
        replicated = searched(outcome.take(rows), marker.to_numpy()[rows], disease.to_numpy()[rows], min_events=0)
        profile, _, best = replicated.profile()
        assert cut == replicated.marker[replicated.by_marker][best]
        assert statistic == pytest.approx(profile[best], rel=1e-9)


def test_bootstrap_of_the_cut() -> None:
    marker, outcome, _ = cohort(10, effect=1.0)
    result = bootstrap_cutpoint(outcome, marker, repeats=300, seed=4)
    search = searched(outcome, marker)
    found, _ = search.best_cuts(bootstrap_counts(read_units(60, None, search.stratum), 300, seed=4))
    assert result.by_resample.tolist() == found.tolist()
    assert result.conf_low == np.quantile(found, 0.025)
    assert result.tidy()["n"].sum() == 300
    same = np.mean([(marker > cut) == (marker > result.cutpoint) for cut in found], axis=0)
    assert result.same_side == pytest.approx(same)
    assert result.agreement == pytest.approx(same.mean())
    noise = bootstrap_cutpoint(outcome, np.random.default_rng(0).normal(size=60), repeats=300)
    assert result.agreement > noise.agreement
    assert any("unstable" in told for told in noise.warnings)


def test_cross_validated_ratios_by_a_second_route() -> None:
    """Each fold's cut and ratio by the public search and Cox model on the other folds."""
    marker, outcome, disease = cohort(11, n=80, effect=0.5)
    search = searched(outcome, marker, disease)
    shrinkage, log_ratio = cross_validate_cut(search, seed=6)
    kept = outcome.take(search.place)
    table = pd.DataFrame({"marker": search.marker, "disease": search.stratum})
    slopes, ratios = [], []
    for deal in draw_folds(read_units(80, None, search.stratum), FOLDS, DEALS, 6, search.event):
        table["worse"], table["foretold"] = 0.0, 0.0
        for fold in np.unique(deal):
            inside, others = deal == fold, np.flatnonzero(deal != fold)
            found = maximally_selected_logrank(
                kept.take(others), table["marker"].to_numpy()[others], strata=table["disease"].to_numpy()[others],
                min_events=0, permutations=99,
            )  # fmt: skip
            side = (table["marker"] > found.cutpoint).astype(float)
            fit = CoxPH("side", strata="disease", penalty="firth").fit(
                table.assign(side=side).iloc[others].reset_index(drop=True), kept.take(others)
            )
            higher_is_worse = found.profile[found.cuts == found.cutpoint][0] > 0
            table.loc[inside, "worse"] = side[inside] if higher_is_worse else 1 - side[inside]
            table.loc[inside, "foretold"] = side[inside] * fit.coefficients["side"]
        for column, into in (("worse", ratios), ("foretold", slopes)):
            into.append(CoxPH(column, strata="disease", penalty="firth").fit(table, kept).coefficients[column])
    assert log_ratio == pytest.approx(np.mean(ratios), rel=1e-6)
    assert shrinkage == pytest.approx(np.clip(np.mean(slopes), 0, 1), rel=1e-6)


def test_without_effect_the_shrunken_ratio_is_one_and_the_naive_one_is_not() -> None:
    """RELIABILITY 6d: over 300 null cohorts of 100 the naive ratio has a median near 1.8, the shrunken 1.00 to 1.15."""
    naive, shrunken, crossed, uncorrected, corrected = [], [], [], [], []
    for seed in range(300):
        random = np.random.default_rng(seed)
        time, censor = random.exponential(size=100), random.uniform(0, 3, 100)
        outcome = Outcome(np.minimum(time, censor), time <= censor)
        found = maximally_selected_logrank(outcome, random.normal(size=100), p_value="lausen94", seed=seed)
        _, cut, shrunk, cross = found.hazard_ratios()["estimate"]
        naive.append(max(cut, 1 / cut))
        shrunken.append(max(shrunk, 1 / shrunk))
        crossed.append(np.log(cross) * np.sign(np.log(cut)))
        uncorrected.append(found.naive_p_value < 0.05)
        corrected.append(found.p_value < 0.05)
    assert 1.6 < np.median(naive) < 1.95
    assert 1.0 <= np.median(shrunken) <= 1.15
    assert np.median(crossed) < 0.14
    # R: .406 and .024; three standard errors of 300 cohorts
    assert np.mean(uncorrected) == pytest.approx(0.406, abs=0.09)
    assert np.mean(corrected) <= 0.06


def test_a_true_effect_is_not_shrunk_away() -> None:
    marker, outcome, _ = cohort(12, n=200, effect=1.2)
    ratios = maximally_selected_logrank(outcome, marker, permutations=199).hazard_ratios().set_index("measure")
    naive, shrunken = ratios["estimate"]["at the cut, as found"], ratios["estimate"]["at the cut, shrunken"]
    assert 1.5 < shrunken < naive
    table = pd.DataFrame({"z": (marker - marker.mean()) / marker.std()})
    continuous = CoxPH("z").fit(table, outcome)
    assert ratios["estimate"]["per standard deviation"] == pytest.approx(np.exp(continuous.coefficients["z"]))
    assert ratios["p_value"].notna().tolist() == [True, False, False, False]


def test_a_side_without_events_has_firths_ratio() -> None:
    marker = pd.Series(np.arange(40.0))
    outcome = Outcome(np.arange(40.0, 0, -1), np.r_[np.zeros(15), np.ones(25)])
    result = maximally_selected_logrank(outcome, marker, permutations=99)
    assert np.isfinite(result.hazard_ratios()["estimate"]).all()
    assert any("one side has no events" in told for told in result.warnings)


class TestMinimumP:
    def test_one_metric_is_the_search_alone(self) -> None:
        marker, outcome, disease = cohort(13, effect=0.3)
        alone = maximally_selected_logrank(outcome, marker, strata=disease, permutations=999, seed=3)
        together = minimum_p_permutation(outcome, marker.to_frame(), strata=disease, permutations=999, seed=3)
        assert together.p_values[0] == together.p_adjusted[0] == alone.p_value
        assert together.statistics[0] == pytest.approx(alone.statistic)

    def test_copies_cost_nothing_and_other_metrics_do(self) -> None:
        marker, outcome, _ = cohort(14, effect=0.3)
        copies = pd.DataFrame({"a": marker, "b": 2 * marker + 1})
        result = minimum_p_permutation(outcome, copies, permutations=999)
        assert result.p_adjusted.tolist() == result.p_values.tolist()
        more = copies.assign(c=np.random.default_rng(1).normal(size=60))
        assert minimum_p_permutation(outcome, more, permutations=999).p_adjusted[0] > result.p_adjusted[0]

    def test_linear_statistic_by_its_formula(self) -> None:
        marker, outcome, disease = cohort(15)
        result = minimum_p_permutation(outcome, marker.to_frame(), strata=disease, statistic="linear", permutations=99)
        total = variance = 0.0
        for layer in ("lymphoma", "myeloma"):
            inside = (disease == layer).to_numpy()
            scores = scores_by_formula(outcome.time[inside], outcome.event[inside])
            x = marker[inside] - marker[inside].mean()
            total += float((scores - scores.mean()) @ x)
            variance += float(scores.var(ddof=1) * (x**2).sum())
        assert result.statistics[0] == pytest.approx(abs(total) / np.sqrt(variance))

    def test_adjusted_p_values_by_hand(self) -> None:
        """Rows of draws: smallest p of each 1/4, 1/4, 1/2, 3/4 with the observed first."""
        p, adjusted = westfall_young(np.array([4.0, 1.0]), np.array([[1.0, 4.0], [3.0, 3.0], [2.0, 2.0]]))
        assert p.tolist() == [0.25, 1.0]
        assert adjusted.tolist() == [0.5, 1.0]

    def test_size_with_eight_correlated_metrics(self) -> None:
        """200 cohorts without effect: at most one in twenty, within three standard errors."""
        smallest, raw = [], []
        for seed in range(200):
            random = np.random.default_rng(seed)
            shared = random.normal(size=(50, 1))
            table = pd.DataFrame(np.sqrt(0.5) * (shared + random.normal(size=(50, 8))), columns=list("abcdefgh"))
            time, censor = random.exponential(size=50), random.uniform(0, 3, 50)
            outcome = Outcome(np.minimum(time, censor), time <= censor)
            result = minimum_p_permutation(outcome, table, permutations=199, min_events=0, seed=seed)
            smallest.append(result.p_adjusted.min() <= 0.05)
            raw.append(result.p_values.min() <= 0.05)
        assert np.mean(smallest) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
        assert np.mean(raw) > 0.15


class TestDataDerivedCut:
    def test_the_cut_is_found_and_kept_for_others(self) -> None:
        marker, outcome, disease = cohort(16, effect=0.8)
        table = pd.DataFrame({"suvmax": marker, "disease": disease})
        table.loc[0, "suvmax"] = np.nan
        fitted = DataDerivedCut("suvmax", strata="disease").fit(table, outcome)
        found = maximally_selected_logrank(
            outcome, table["suvmax"], strata=table["disease"], min_events=5, permutations=99
        )
        assert fitted.cutpoint == found.cutpoint
        (done,) = fitted.development
        assert np.isnan(done.loc[0, "suvmax_high"])
        assert done.loc[1:, "suvmax_high"].tolist() == (table.loc[1:, "suvmax"] > found.cutpoint).astype(float).tolist()
        (new,) = fitted.complete(pd.DataFrame({"suvmax": [found.cutpoint, found.cutpoint + 0.01]}))
        assert new["suvmax_high"].tolist() == [0.0, 1.0]
        assert "suvmax_high" not in table

    def test_validation_searches_again_and_refuses_the_optimism_bootstrap(self) -> None:
        marker, outcome, _ = cohort(17, n=80)
        table = pd.DataFrame({"suvmax": marker})
        spec = Pipeline([DataDerivedCut("suvmax")], CoxPH("suvmax_high"))
        assert validate(spec, table, outcome, repeats=20).method == ".632+"
        with pytest.raises(ConfigError, match="optimism bootstrap is not honest"):
            validate(spec, table, outcome, repeats=20, method="optimism")

    def test_refusals(self) -> None:
        marker, outcome, _ = cohort(18)
        table = pd.DataFrame({"suvmax": marker, "suvmax_high": 1.0})
        with pytest.raises(DataError, match="stands in the table"):
            DataDerivedCut("suvmax").fit(table, outcome)
        with pytest.raises(DataError, match="tbr"):
            DataDerivedCut("tbr").fit(table, outcome)
        with pytest.raises(FitError, match="no cut is admissible with"):
            DataDerivedCut("suvmax", name="side", min_events=30).fit(table, outcome)
        with pytest.raises(ConfigError, match="min_share"):
            DataDerivedCut("suvmax", min_share=0.6)


class TestRefusals:
    def test_too_few_events(self) -> None:
        """RELIABILITY 102."""
        outcome = Outcome(np.arange(1.0, 61), np.arange(60) < 15)
        with pytest.raises(FitError, match="no cut is admissible with 15 events"):
            maximally_selected_logrank(outcome, np.arange(60.0))
        with pytest.raises(FitError, match="none leaves"):
            maximally_selected_logrank(outcome, np.r_[np.zeros(57), 1.0, 2.0, 3.0], min_events=1)

    def test_two_or_three_values(self) -> None:
        """RELIABILITY 104."""
        marker, outcome, _ = cohort(19)
        with pytest.raises(DataError, match="3 distinct values"):
            maximally_selected_logrank(outcome, np.clip(np.round(marker), -1, 1))

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ({"p_value": "altman"}, "p_value 'altman' is not known"),
            ({"min_share": 0.5}, "min_share is 0.5"),
            ({"min_events": -1}, "min_events is -1"),
            ({"permutations": 10}, "permutations is 10"),
        ],
    )
    def test_settings(self, asked: dict[str, object], told: str) -> None:
        marker, outcome, _ = cohort(20)
        with pytest.raises(ConfigError, match=told):
            maximally_selected_logrank(outcome, marker, **asked)  # type: ignore[arg-type]

    def test_lausen_1992_knows_no_strata(self) -> None:
        marker, outcome, disease = cohort(21)
        with pytest.raises(ConfigError, match="1992"):
            maximally_selected_logrank(outcome, marker, strata=disease, p_value="lausen92")

    def test_late_entry_and_infinite_values(self) -> None:
        marker, outcome, _ = cohort(22)
        late = Outcome(outcome.time + 1, outcome.event, entry=np.full(60, 0.5))
        with pytest.raises(FitError, match="late entry"):
            maximally_selected_logrank(late, marker)
        with pytest.raises(DataError, match="infinite"):
            maximally_selected_logrank(outcome, marker.where(marker < 1, np.inf))
