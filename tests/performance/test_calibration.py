"""Intercept, slope, smooth curve and its distances: second routes, truths, refusals, and the coverage of limits."""

from __future__ import annotations

import numpy as np
import pytest
from simulation.laws import HORIZON, true_risks

from survmodel import ConfigError, DataError, Outcome, calibration
from survmodel.models.cumulative_incidence import CumulativeIncidence
from survmodel.models.formula_splines import place_knots, spline_columns
from survmodel.models.kaplan_meier import KaplanMeier
from survmodel.outcome.groups import Groups, read_groups
from survmodel.performance.calibration_curve import EVENTS_FOR_BEND
from survmodel.performance.calibration_measures import MEASURES
from survmodel.performance.horizon_hazard import HorizonHazard
from survmodel.performance.local_regression import local_lines
from survmodel.performance.pseudo_values import pseudo_risks
from survmodel.performance.recalibration import hazard_intercept, log_hazards, weighted_recalibration


def cohort(n: int = 150, seed: int = 0, *, competing: bool = False) -> tuple[Outcome, np.ndarray]:
    """Patients whose true risks are known, of the law that the simulation checks use."""
    return true_risks(np.random.default_rng(seed), n, competing=competing)


def nobody(outcome: Outcome) -> Groups:
    return read_groups(outcome, None)


class TestPseudoValues:
    @pytest.mark.parametrize("competing", [False, True])
    @pytest.mark.parametrize("tied", [False, True])
    def test_they_are_the_jackknife(self, competing: bool, tied: bool) -> None:
        outcome, _ = cohort(40, 3, competing=competing)
        time = np.ceil(outcome.time / 3) if tied else outcome.time
        outcome = Outcome(time, outcome.event, causes=outcome.causes)
        horizon = 4.0 if tied else HORIZON

        def risk(rows: np.ndarray) -> float:
            left = outcome.take(rows)
            if competing:
                return float(CumulativeIncidence().fit(left).at([horizon])["estimate"].iloc[0])
            return 1 - float(KaplanMeier().fit(left).at([horizon])["estimate"].iloc[0])

        everybody = np.arange(40)
        whole = risk(everybody)
        expected = [40 * whole - 39 * risk(np.delete(everybody, i)) for i in everybody]
        np.testing.assert_allclose(pseudo_risks(outcome, horizon, nobody(outcome)), expected, rtol=0, atol=1e-12)

    def test_without_censoring_they_are_what_happened_and_strata_stand_alone(self) -> None:
        outcome = Outcome([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 1])
        found = pseudo_risks(outcome, 3.5, read_groups(outcome, list("abaabb")))
        np.testing.assert_allclose(found, [1, 1, 1, 0, 0, 0], atol=1e-12)
        some, risk = cohort(60, 2)
        strata = np.where(risk > 0.4, "high", "low")
        apart = pseudo_risks(some, HORIZON, read_groups(some, strata))
        for name in ("high", "low"):
            rows = np.flatnonzero(strata == name)
            alone = some.take(rows)
            np.testing.assert_array_equal(apart[rows], pseudo_risks(alone, HORIZON, nobody(alone)))


def test_local_lines_are_weighted_least_squares() -> None:
    random = np.random.default_rng(1)
    x, y, counts = np.round(random.uniform(size=50), 2), random.normal(size=50), random.integers(0, 3, 50)
    rows = np.repeat(np.arange(50), counts)
    places = np.array([0.0, 0.33, 0.9])
    for place, found in zip(places, local_lines(x, y, places, counts.astype(float), 0.4), strict=True):
        away = np.abs(x[rows] - place)
        width = np.sort(away)[int(0.4 * rows.size + 1e-5) - 1]
        weight = np.sqrt(np.clip(1 - (away / width) ** 3, 0, None) ** 3)
        design = np.column_stack([np.ones(rows.size), x[rows] - place])
        line = np.linalg.lstsq(design * weight[:, None], y[rows] * weight, rcond=None)[0]
        assert found == pytest.approx(line[0], rel=1e-9)


class TestHazardUpToTheHorizon:
    @pytest.mark.parametrize("competing", [False, True])
    def test_counts_are_replicated_rows(self, competing: bool) -> None:
        outcome, risk = cohort(80, 5, competing=competing)
        index, _ = log_hazards(risk)
        x = spline_columns(index, place_knots(index, 3, "risk"))
        strata = np.arange(80) % 2
        counts = np.bincount(np.random.default_rng(0).integers(0, 80, 80), minlength=80)
        rows = np.repeat(np.arange(80), counts)
        settings = {"horizon": HORIZON, "later_events": False}
        model = HorizonHazard.prepare(outcome, x, np.zeros(80), strata, **settings)
        again = HorizonHazard.prepare(outcome.take(rows), x[rows], np.zeros(rows.size), strata[rows], **settings).fit()
        fit = model.fit(counts)
        np.testing.assert_allclose(fit.beta, again.beta, rtol=1e-8)
        np.testing.assert_allclose(fit.risk(x, strata), again.risk(x, strata), rtol=1e-8)

    def test_without_competing_events_both_models_agree(self) -> None:
        """Breslow's and Efron's ties are the same where there are none, and so are their baselines."""
        outcome, risk = cohort(90, 6)
        index, _ = log_hazards(risk)
        labelled = Outcome(outcome.time, outcome.event, causes={1: "death"})
        strata = np.arange(90) % 3
        cox, gray = (
            HorizonHazard.prepare(one, index[:, None], np.zeros(90), strata, HORIZON, later_events=False).fit()
            for one in (outcome, labelled)
        )
        np.testing.assert_allclose(cox.beta, gray.beta, rtol=1e-8)
        np.testing.assert_allclose(cox.hazard, gray.hazard, rtol=1e-8)

    def test_nothing_after_the_horizon_counts_unless_asked_for(self) -> None:
        outcome, risk = cohort(120, 7)
        later = outcome.time > HORIZON
        changed = Outcome(np.where(later, HORIZON + 5, outcome.time), np.where(later, 0, outcome.event))
        one, other = (calibration(of, risk, HORIZON, repeats=0).read("slope") for of in (outcome, changed))
        assert one == other
        assert calibration(outcome, risk, HORIZON, repeats=0, later_events=True).read("slope") != one

    @pytest.mark.parametrize("competing", [False, True])
    def test_error_of_the_intercept_is_that_of_the_jackknife(self, competing: bool) -> None:
        outcome, risk = cohort(250, 8, competing=competing)
        index, _ = log_hazards(risk)
        _, error = hazard_intercept(outcome, index, HORIZON, nobody(outcome))
        everybody = np.arange(250)
        left = [np.delete(everybody, i) for i in everybody]
        found = [hazard_intercept(outcome.take(k), index[k], HORIZON, nobody(outcome.take(k)))[0] for k in left]
        jackknife = np.sqrt(249 * np.var(found))
        assert error == pytest.approx(jackknife, rel=0.02 if competing else 0.12)


class TestWeightedRecalibration:
    def test_errors_are_those_of_the_jackknife(self) -> None:
        outcome, risk = cohort(250, 9, competing=True)
        index, _ = log_hazards(risk)
        strata = read_groups(outcome, np.arange(250) % 2)

        def estimate(rows: np.ndarray) -> list[float]:
            inside = Groups(strata.codes[rows], strata.labels)
            return [one for one, _ in weighted_recalibration(outcome.take(rows), index[rows], HORIZON, inside)]

        everybody = np.arange(250)
        found = np.array([estimate(np.delete(everybody, i)) for i in everybody])
        jackknife = np.sqrt(249 * found.var(axis=0))
        errors = [error for _, error in weighted_recalibration(outcome, index, HORIZON, strata)]
        np.testing.assert_allclose(errors, jackknife, rtol=0.04)

    def test_censoring_of_others_is_taken_as_known(self) -> None:
        outcome, risk = cohort(100, 10)
        own = calibration(outcome, risk, HORIZON, repeats=0)
        same = calibration(outcome, risk, HORIZON, repeats=0, censoring=outcome)
        other = calibration(outcome, risk, HORIZON, repeats=0, censoring=cohort(100, 11)[0])
        name = "slope, weighted"
        assert same.read(name)[0] == pytest.approx(own.read(name)[0], rel=1e-12)
        assert same.read(name)[1] != own.read(name)[1]
        assert other.read(name)[0] != own.read(name)[0]
        assert other.read("slope") == own.read("slope")


class TestTruth:
    def test_perfect_predictions_have_intercept_0_and_slope_1(self) -> None:
        """Where of 20 patients of risk .05 one has the event, of .25 five, and so on, nothing is to be corrected."""
        share = np.repeat([0.05, 0.25, 0.5, 0.8], 20)
        happened = np.concatenate([np.arange(20) < 20 * risk for risk in (0.05, 0.25, 0.5, 0.8)])
        random = np.random.default_rng(0)
        outcome = Outcome(np.where(happened, random.uniform(1, 4, 80), 6.0), happened)
        found = calibration(outcome, share, 5, groups=4, repeats=0)
        assert found.read("intercept, weighted")[0] == pytest.approx(0, abs=1e-9)
        assert found.read("slope, weighted")[0] == pytest.approx(1, abs=1e-9)
        assert found.o_e == pytest.approx(1, abs=1e-12)

    @pytest.mark.parametrize("competing", [False, True])
    def test_a_large_cohort_shows_the_truth_and_what_is_wrong(self, competing: bool) -> None:
        outcome, risk = cohort(6000, 12, competing=competing)
        found = calibration(outcome, risk, HORIZON, repeats=0)
        bands = {"slope": 0.1, "slope, weighted": 0.1, "intercept": 0.1, "intercept, weighted": 0.1}
        for name, band in bands.items():
            assert found.read(name)[0] == pytest.approx(1.0 if "slope" in name else 0.0, abs=band), name
        assert found.read("ICI")[0] < 0.02
        # Indices half as far apart, and all hazards 1.5 times as high.
        index, _ = log_hazards(risk)
        closer = 1 - np.exp(-np.exp(index / 2))
        assert calibration(outcome, closer, HORIZON, repeats=0).read("slope")[0] == pytest.approx(
            found.read("slope")[0] * 2, rel=1e-6
        )
        raised = 1 - np.exp(-np.exp(index + np.log(1.5)))
        moved = calibration(outcome, raised, HORIZON, repeats=0)
        assert moved.read("intercept")[0] == pytest.approx(found.read("intercept")[0] - np.log(1.5), rel=1e-9)
        assert moved.read("slope")[0] == pytest.approx(found.read("slope")[0], rel=1e-6)

    def test_curve_is_the_truth_where_risks_are_distorted(self) -> None:
        """Predicted odds-like distortion of the true risk: both curves find the true risk again."""
        outcome, risk = cohort(3000, 13)
        wrong = risk**1.7
        for smoother in ("spline", "pseudo"):
            found = calibration(outcome, wrong, HORIZON, repeats=0, smoother=smoother, knots=4)
            inside = np.abs(wrong - 0.4) < 0.3
            assert np.abs(found.smoothed - risk)[inside].mean() < 0.025, smoother

    def test_coverage_of_slope_intercept_and_ratio_within_strata(self) -> None:
        """Predicted risks that are true: limits hold 1, 0 and 1 in 93 to 97 % of 300 cohorts, within 3 errors."""
        held = np.zeros(5)
        poisson = []
        n = 300
        for seed in range(n):
            outcome, risk = cohort(120, seed)
            strata = np.where(np.random.default_rng(seed).random(120) < 0.4, "a", "b")
            found = calibration(outcome, risk, HORIZON, groups=2, repeats=0, strata=strata)
            for place, name in enumerate(MEASURES[:5]):
                _, low, high = found.read(name)
                held[place] += low <= (0 if name.startswith("intercept") else 1) <= high
            # Crowson's route: events over the cumulative hazard that was predicted for each patient's follow-up.
            hazard = -np.log1p(-risk) * np.minimum(outcome.time, HORIZON) / HORIZON
            poisson.append(np.log(found.n_event / hazard.sum()) - found.read("intercept")[0])
        band = 3 * np.sqrt(0.95 * 0.05 / n)
        assert ((held / n > 0.93 - 0.02) & (np.abs(held / n - 0.95) < band)).all(), held / n
        # The two routes estimate the same: 0 in the mean, and closer to each other than either is to the truth.
        assert abs(np.mean(poisson)) < 3 * np.std(poisson) / np.sqrt(n) + 0.01
        assert np.std(poisson) < 0.08


class TestStrata:
    def test_ratio_is_the_mean_of_strata_weighted_by_size(self) -> None:
        outcome, risk = cohort(150, 14)
        strata = np.where(np.arange(150) % 3 == 0, "few", "many")
        found = calibration(outcome, risk, HORIZON, repeats=0, strata=strata)
        share, observed, error = [], [], []
        for name in ("few", "many"):
            rows = np.flatnonzero(strata == name)
            read = KaplanMeier().fit(outcome.take(rows)).at([HORIZON]).iloc[0]
            share.append(rows.size / 150)
            observed.append(1 - read["estimate"])
            error.append(read["std_error"])
        risk_seen = np.dot(share, observed)
        assert found.observed == pytest.approx(risk_seen, rel=1e-12)
        spread = np.exp(1.959963984540054 * np.sqrt(np.dot(np.square(share), np.square(error))) / risk_seen)
        assert found.o_e_high == pytest.approx(risk_seen / risk.mean() * spread, rel=1e-9)
        assert found.strata["n"].tolist() == [50, 100]

    def test_one_stratum_is_none(self) -> None:
        outcome, risk = cohort(90, 15)
        one, none = (calibration(outcome, risk, HORIZON, repeats=20, strata=given) for given in (["a"] * 90, None))
        np.testing.assert_array_equal(one.measures.iloc[:, 1:], none.measures.iloc[:, 1:])

    def test_a_stratum_of_its_own_level_is_calibrated_within(self) -> None:
        """Where one disease does worse than its risks say, the slope within diseases does not know it."""
        outcome, risk = cohort(3000, 16)
        worse = np.arange(3000) % 2 == 1
        index, _ = log_hazards(risk)
        low = 1 - np.exp(-np.exp(np.where(worse, index - 1.5, index)))
        inside = calibration(outcome, low, HORIZON, repeats=0, strata=worse)
        pooled = calibration(outcome, low, HORIZON, repeats=0)
        assert inside.read("slope")[0] == pytest.approx(1, abs=0.1)
        assert pooled.read("slope")[0] < 0.75

    def test_strata_not_followed_up_are_joined_and_named(self) -> None:
        outcome, risk = cohort(100, 17)
        short = outcome.time < HORIZON
        strata = np.where(short & (np.arange(100) % 4 == 0), "short", "long")
        found = calibration(outcome, risk, HORIZON, repeats=0, strata=strata)
        assert found.strata["group"].tolist() == ["long"]
        assert "joined to 'long': short" in " ".join(found.notes)
        assert np.isfinite(found.o_e)


class TestCurve:
    def test_limits_hold_the_curve_and_are_the_same_again(self) -> None:
        outcome, risk = cohort(120, 18)
        one, again = (calibration(outcome, risk, HORIZON, repeats=60, seed=3) for _ in range(2))
        np.testing.assert_array_equal(one.curve, again.curve)
        assert one.repeats == 60
        assert one.failed == 0
        inside = one.curve[
            (one.curve["conf_low"] <= one.curve["estimate"]) & (one.curve["estimate"] <= one.curve["conf_high"])
        ]
        assert len(inside) > 0.9 * len(one.curve)
        assert not calibration(outcome, risk, HORIZON, repeats=60, seed=4).curve.equals(one.curve)
        none = calibration(outcome, risk, HORIZON, repeats=0)
        np.testing.assert_array_equal(none.curve[["expected", "estimate"]], one.curve[["expected", "estimate"]])
        assert none.curve["conf_low"].isna().all()

    def test_limits_of_distances_hold_the_estimate_and_the_truth(self) -> None:
        """Predictions too close together by half: limits of ICI hold that of 20 000 patients in 95 % of cohorts."""

        def halved(risk: np.ndarray) -> np.ndarray:
            return 1 - np.exp(-np.exp(log_hazards(risk)[0] / 2 - 0.3))

        true = cohort(20_000, 999)[1]
        truth, held, n = np.abs(halved(true) - true).mean(), 0, 80
        for seed in range(n):
            outcome, risk = cohort(120, seed)
            found = calibration(outcome, halved(risk), HORIZON, groups=2, repeats=60, seed=seed)
            for name in ("ICI", "E50", "E90", "Emax"):
                estimate, low, high = found.read(name)
                assert 0 <= low <= estimate <= high
            _, low, high = found.read("ICI")
            held += low <= truth <= high
        assert abs(held / n - 0.95) < 3 * np.sqrt(0.95 * 0.05 / n), held

    @pytest.mark.parametrize("smoother", ["spline", "pseudo"])
    def test_distances_are_those_of_the_curve(self, smoother: str) -> None:
        outcome, risk = cohort(120, 19, competing=True)
        found = calibration(outcome, risk, HORIZON, repeats=10, smoother=smoother)
        away = np.sort(np.abs(risk - found.smoothed))
        expected = [away.mean(), np.quantile(away, 0.5), np.quantile(away, 0.9), away[-1]]
        for name, value in zip(("ICI", "E50", "E90", "Emax"), expected, strict=True):
            assert found.read(name)[0] == pytest.approx(value, rel=1e-12)
        np.testing.assert_allclose(
            np.interp(risk, found.curve["expected"], found.curve["estimate"]), found.smoothed, atol=0.02
        )

    def test_resamples_that_fail_are_counted_or_take_the_limits_away(self) -> None:
        """With few events some resamples have none: too many such, and no limits are given."""
        time, risk = np.arange(1.0, 41), np.random.default_rng(5).permutation(np.linspace(0.05, 0.5, 40))
        some, none = (
            calibration(Outcome(time, np.isin(time, died)), risk, 20, groups=2, repeats=200)
            for died in ([3, 6, 9, 11], [6])
        )
        assert 0 < some.failed <= 40
        assert f"{some.failed} of 200 resamples of the curve could not be fitted" in some.notes
        assert np.isfinite(some.read("ICI")).all()
        assert none.failed > 40
        assert any(note.startswith("no limits of the curve") for note in none.notes)
        assert np.isnan(none.read("ICI")[1])
        assert np.isfinite(none.read("ICI")[0])

    def test_few_events_or_values_make_a_line(self) -> None:
        outcome, risk = cohort(60, 20)
        died = np.flatnonzero((outcome.event == 1) & (outcome.time <= HORIZON))
        kept = np.setdiff1d(np.arange(60), died[EVENTS_FOR_BEND - 5 :])
        found = calibration(outcome.take(kept), risk[kept], HORIZON, repeats=0)
        assert found.n_event == EVENTS_FOR_BEND - 5
        assert "straight line" in found.smoother
        bend = np.polyfit(np.log(-np.log1p(-risk[kept])), np.log(-np.log1p(-found.smoothed)), 2)
        assert bend[0] == pytest.approx(0, abs=1e-9)
        assert bend[1] == pytest.approx(found.read("slope")[0], rel=1e-9)
        grouped = calibration(*(cohort(100, 21)[0], np.repeat([0.2, 0.4, 0.6, 0.7], 25)), HORIZON, groups=2, repeats=0)
        assert any("few distinct" in note for note in grouped.notes)


class TestWhatIsSaid:
    def test_an_apparent_slope_is_never_shown(self) -> None:
        outcome, risk = cohort(100, 22)
        found = calibration(outcome, risk, HORIZON, repeats=0, sample="apparent")
        for name in MEASURES[1:5]:
            assert np.isnan(found.read(name)[0])
        assert "by construction" in repr(found)
        assert np.isfinite(found.read("ICI")[0])

    def test_risks_of_0_and_1_are_moved_and_counted(self) -> None:
        outcome, risk = cohort(100, 23)
        risk = np.where(risk < 0.15, 0.0, risk)
        found = calibration(outcome, risk, HORIZON, repeats=0)
        assert any(note.startswith(f"{(risk == 0).sum()} predicted risks of 0 or 1") for note in found.notes)
        assert np.isfinite(found.read("slope")[0])
        certain = calibration(outcome, (risk > 0.4) * 1.0, HORIZON, groups=2, repeats=0)
        assert np.isnan(certain.read("slope")[0])
        assert any("all predicted risks are 0 or 1" in note for note in certain.notes)

    def test_what_cannot_be_estimated_has_a_reason(self) -> None:
        outcome = Outcome([1, 2, 3, 4], [1, 1, 0, 1], entry=[0, 0, 1, 1])
        found = calibration(outcome, [0.8, 0.5, 0.2, 0.1], 3, groups=2, repeats=10)
        assert np.isnan(found.read("slope, weighted")[0])
        assert any("late entry" in note for note in found.notes)
        assert "—" in repr(found)

    def test_the_row_and_the_print_out_have_the_measures(self) -> None:
        outcome, risk = cohort(100, 24)
        found = calibration(outcome, risk, HORIZON, repeats=20, sample="new patients")
        row = found.glance().iloc[0]
        assert (row["slope"], row["slope_low"], row["slope_high"]) == found.read("slope")
        assert (row["ici"], row["ici_low"], row["ici_high"]) == found.read("ICI")
        assert "slope, weighted" in repr(found)
        assert "Emax: by 20 resamples" in repr(found)

    @pytest.mark.parametrize(
        ("change", "error", "match"),
        [
            ({"smoother": "loess"}, ConfigError, "not known"),
            ({"knots": 7}, ConfigError, "7 knots"),
            ({"repeats": -1}, ConfigError, "-1 resamples"),
            ({"strata": ["a"] * 3}, DataError, "strata"),
        ],
    )
    def test_refusals(self, change: dict[str, object], error: type[Exception], match: str) -> None:
        outcome, risk = cohort(50, 25)
        with pytest.raises(error, match=match):
            calibration(outcome, risk, HORIZON, **change)
        with pytest.raises(ConfigError, match="no measure"):
            calibration(outcome, risk, HORIZON, repeats=0).read("slop")
