"""Parametric survival models: second routes, invariances, coverage, what they refuse; R's numbers are in reference."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    CoxPH,
    DataError,
    EndpointError,
    FitError,
    Outcome,
    ParametricSurvival,
    concordance,
    predict_out_of_fold,
)
from survmodel.models import parametric_start
from survmodel.models.contract import Fit, FixedModel, Resampler
from survmodel.models.generalized_gamma import log_survival
from survmodel.models.parametric_fit import ParametricFit
from survmodel.models.parametric_laws import LAWS
from survmodel.models.parametric_likelihood import (
    ParametricRows,
    loglik_terms,
    read_parameters,
    score_and_information,
)
from survmodel.models.row_resampling import RowResampler

DISTRIBUTIONS = tuple(LAWS)
FREE = tuple(name for name in DISTRIBUTIONS if name != "exponential")
BETA = np.array([0.8, -0.5])


def cohort(seed: int = 1, n: int = 120, *, late: bool = False) -> tuple[pd.DataFrame, Outcome]:
    """Draw log times with intercept 2, coefficients 0.8 of x and -0.5 of m, scale 0.6, extreme-value errors."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"x": random.normal(size=n), "sex": random.choice(["f", "m"], n)})
    location = 2 + BETA[0] * table["x"] + BETA[1] * (table["sex"] == "m")
    time = np.exp(location.to_numpy() + 0.6 * np.log(random.exponential(size=n)))
    leaves = random.uniform(2, 40, n)
    entry = random.uniform(0, 0.5, n) * np.minimum(time, leaves) if late else None
    return table, Outcome(np.minimum(time, leaves), (time <= leaves).astype(int), entry, unit="months")


def fit(table: pd.DataFrame, outcome: Outcome, distribution: str = "weibull", **options: object) -> ParametricFit:
    spec = ParametricSurvival("x + sex", distribution, reference={"sex": "f"})  # type: ignore[arg-type]
    return spec.fit(table, outcome, **options)  # type: ignore[arg-type]


def same(one: ParametricFit, other: ParametricFit, rel: float = 1e-7) -> None:
    np.testing.assert_allclose(one.theta, other.theta, rtol=rel, atol=1e-9)
    np.testing.assert_allclose(one.theta_covariance, other.theta_covariance, rtol=rel, atol=1e-10)
    assert one.maximum.loglik == pytest.approx(other.maximum.loglik, rel=1e-10)


@pytest.fixture
def without_lifelines(monkeypatch):
    """Leave out the first climb, which changes nothing but the time that a fit takes."""
    monkeypatch.setattr(parametric_start, "climb_with_lifelines", lambda rows, law: None)


class TestLikelihood:
    @pytest.mark.parametrize("name", DISTRIBUTIONS)
    def test_score_and_information_are_the_derivatives(self, name):
        law, random, n = LAWS[name], np.random.default_rng(3), 40
        lower = random.uniform(0.5, 3, n)
        kind = random.integers(0, 4, n)
        # events at a time, between two times, before the first look, and censored
        upper = np.choose(kind, [lower, lower + random.uniform(0.1, 2, n), lower, np.full(n, np.inf)])
        lower = np.where(kind == 2, 0.0, lower)
        entry = np.where(random.random(n) < 0.5, 0.3 * lower, 0.0)
        one = np.ones(n)
        rows = ParametricRows(random.normal(size=(n, 2)), 0.1 * one, one, one, lower, upper, entry)
        theta = np.array([0.4, 0.3, -0.2, *([-0.1] if law.has_scale else []), *([0.7] if law.has_shape else [])])

        def value(point):
            return float(loglik_terms(rows, read_parameters(point, law), law).value.sum())

        def score(point):
            return score_and_information(rows, loglik_terms(rows, read_parameters(point, law), law), law)[0]

        here, information = score_and_information(rows, loglik_terms(rows, read_parameters(theta, law), law), law)
        steps = 1e-5 * np.eye(theta.size)
        by_difference = [(value(theta + step) - value(theta - step)) / 2e-5 for step in steps]
        np.testing.assert_allclose(here, by_difference, rtol=1e-6, atol=1e-7)
        second = [-(score(theta + step) - score(theta - step)) / 2e-5 for step in steps]
        np.testing.assert_allclose(information, second, rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("w", [-8.0, -1.0, 0.0, 0.7, 4.0])
    def test_the_generalized_gamma_has_weibull_and_lognormal_as_members(self, w):
        at = np.array([w])
        assert log_survival(at, 1.0).value[0] == pytest.approx(LAWS["weibull"].log_survival(at, 0).value[0], rel=1e-12)
        for q in (0.0, 1e-12):
            normal = LAWS["lognormal"].log_survival(at, 0)
            assert log_survival(at, q).value[0] == pytest.approx(normal.value[0], rel=1e-10)
            assert log_survival(at, q).ww[0] == pytest.approx(normal.ww[0], rel=1e-8, abs=1e-13)

    def test_the_generalized_gamma_is_at_least_as_likely_as_its_members(self):
        table, outcome = cohort()
        gamma = fit(table, outcome, "generalized_gamma")
        members = [fit(table, outcome, name) for name in ("weibull", "lognormal", "exponential")]
        assert all(gamma.maximum.loglik >= one.maximum.loglik for one in members)
        assert gamma.glance().loc[0, "shape"] == pytest.approx(gamma.theta[-1])
        assert gamma.tidy()["term"].tolist() == ["(Intercept)", "x", "sex[m]", "Log(scale)", "Q"]

    def test_times_of_the_generalized_gamma_are_gamma_times_to_a_power(self):
        # Weibull times have Q = 1; their inverses have Q = -1 and the coefficients change sign
        table, outcome = cohort()
        events = outcome.take(outcome.event == 1)
        rows = table[outcome.event == 1].reset_index(drop=True)
        straight = fit(rows, events, "generalized_gamma")
        turned = fit(rows, Outcome(1 / events.time, events.event), "generalized_gamma")
        np.testing.assert_allclose(turned.theta[[0, 1, 2, 4]], -straight.theta[[0, 1, 2, 4]], rtol=1e-7)
        assert turned.theta[3] == pytest.approx(straight.theta[3], rel=1e-7)


class TestMaximum:
    @pytest.mark.parametrize("name", DISTRIBUTIONS)
    def test_every_fit_ends_at_the_maximum(self, name):
        row = fit(*cohort(), name).glance().iloc[0]
        assert row.converged
        assert row.score_size < 1e-9
        assert abs(row.loglik_change) < 1e-12

    @pytest.mark.parametrize("name", DISTRIBUTIONS)
    def test_the_first_climb_changes_no_number(self, name, monkeypatch):
        table, outcome = cohort(2)
        climbed = fit(table, outcome, name)
        monkeypatch.setattr(parametric_start, "climb_with_lifelines", lambda rows, law: None)
        same(climbed, fit(table, outcome, name))

    @pytest.mark.parametrize("name", ["weibull", "lognormal", "loglogistic"])
    def test_lifelines_stops_at_or_below_the_maximum(self, name):
        import lifelines

        table, outcome = cohort(4)
        ours = fit(table, outcome, name)
        fitter = getattr(lifelines, {"weibull": "WeibullAFTFitter", "lognormal": "LogNormalAFTFitter"}.get(
            name, "LogLogisticAFTFitter"))()  # fmt: skip
        x = pd.DataFrame({"x": table["x"], "m": (table["sex"] == "m") * 1.0, "t": outcome.time, "e": outcome.event})
        theirs = fitter.fit(x, "t", "e")
        assert ours.maximum.loglik >= theirs.log_likelihood_ - 1e-9
        assert ours.maximum.loglik == pytest.approx(theirs.log_likelihood_, abs=1e-3)
        np.testing.assert_allclose(ours.theta[1:3], theirs.params_.iloc[[1, 0]], rtol=0.02, atol=2e-3)

    def test_units_of_covariates_and_time_change_nothing_else(self):
        table, outcome = cohort()
        fitted = fit(table, outcome, "loglogistic")
        moved = fit(table.assign(x=1e8 + 1e6 * table["x"]), outcome, "loglogistic")
        assert moved.theta[1] * 1e6 == pytest.approx(fitted.theta[1], rel=1e-7)
        assert moved.maximum.loglik == pytest.approx(fitted.maximum.loglik, rel=1e-10)
        days = fit(table, Outcome(30.4375 * outcome.time, outcome.event), "loglogistic")
        np.testing.assert_allclose(days.theta[1:], fitted.theta[1:], rtol=1e-8)
        assert days.theta[0] - fitted.theta[0] == pytest.approx(np.log(30.4375), rel=1e-8)

    @pytest.mark.parametrize("name", FREE)
    def test_counts_are_replicated_rows(self, name):
        table, outcome = cohort(6)
        counts = np.random.default_rng(0).integers(0, 4, outcome.n)
        counted = fit(table, outcome, name, freq=counts)
        rows = np.repeat(np.arange(outcome.n), counts)
        replicated = fit(table.iloc[rows].reset_index(drop=True), outcome.take(rows), name)
        same(counted, replicated)
        columns = ["n", "n_event", "aic", "bic"]
        pd.testing.assert_frame_equal(counted.glance()[columns], replicated.glance()[columns])

    def test_whole_weights_count_and_broken_weights_make_errors_robust(self):
        table, outcome = cohort(6)
        doubled = fit(table, outcome, weights=np.full(outcome.n, 2.0))
        plain = fit(table, outcome)
        np.testing.assert_allclose(doubled.theta, plain.theta, rtol=1e-8)
        np.testing.assert_allclose(2 * doubled.theta_covariance, plain.theta_covariance, rtol=1e-7)
        half, quarter = (fit(table, outcome, weights=np.full(outcome.n, w)) for w in (0.5, 0.25))
        np.testing.assert_allclose(half.theta_covariance, quarter.theta_covariance, rtol=1e-7)
        assert half.glance().loc[0, "std_error_type"] == "robust"

    @pytest.mark.parametrize("name", FREE)
    def test_the_resampler_refits_as_a_table_would(self, name):
        table, outcome = cohort(5)
        spec = ParametricSurvival("x + sex", name, reference={"sex": "f"})
        fast, general = spec.resampler(table, outcome), RowResampler(spec, table, outcome)
        assert isinstance(spec, FixedModel)
        assert isinstance(fast, Resampler)
        counts = np.random.default_rng(2).multinomial(outcome.n, np.full(outcome.n, 1 / outcome.n))
        np.testing.assert_allclose(fast.index(counts), general.index(counts), rtol=1e-7)


class TestLateEntry:
    def test_an_exponential_rate_is_events_over_person_time(self):
        table, outcome = cohort(late=True)
        fitted = ParametricSurvival("1", "exponential").fit(table, outcome)
        assert outcome.entry is not None
        rate = outcome.n_event / (outcome.time - outcome.entry).sum()
        assert np.exp(-fitted.theta[0]) == pytest.approx(rate, rel=1e-10)
        assert fitted.theta_covariance[0, 0] == pytest.approx(1 / outcome.n_event, rel=1e-9)
        assert fitted.residuals()["estimate"].sum() == pytest.approx(outcome.n_event, rel=1e-9)

    @pytest.mark.parametrize("name", FREE)
    def test_cutting_rows_in_two_changes_nothing(self, name):
        table, outcome = cohort(late=True)
        whole = fit(table, Outcome(outcome.time, outcome.event, outcome.entry, id=np.arange(outcome.n)), name)
        cut = (outcome.entry + outcome.time) / 2
        both = Outcome(
            np.concatenate([cut, outcome.time]),
            np.concatenate([np.zeros(outcome.n, dtype=int), outcome.event]),
            np.concatenate([outcome.entry, cut]),
            id=np.tile(np.arange(outcome.n), 2),
        )
        halves = fit(pd.concat([table, table], ignore_index=True), both, name)
        same(halves, whole)
        assert halves.glance().loc[0, "bic"] == pytest.approx(whole.glance().loc[0, "bic"])

    def test_who_enters_at_zero_does_not_enter_late(self):
        table, outcome = cohort()
        same(fit(table, Outcome(outcome.time, outcome.event, np.zeros(outcome.n))), fit(table, outcome))


class TestNumbers:
    def test_the_index_points_the_other_way_than_the_coefficients(self):
        table, outcome = cohort()
        fitted = fit(table, outcome)
        assert isinstance(fitted, Fit)
        assert fitted.coefficients["x"] > 0, "larger x, longer survival"
        assert np.corrcoef(fitted.prognostic_index(table), table["x"])[0, 1] < 0
        assert concordance(outcome, fitted.prognostic_index(table)).estimate > 0.6
        risk = fitted.predict_risk(table, [10.0])[:, 0]
        assert (np.diff(risk[np.argsort(fitted.prognostic_index(table))]) >= 0).all()
        ratios = fitted.time_ratios().set_index("term")["estimate"]
        assert ratios["x"] == pytest.approx(np.exp(fitted.coefficients["x"]))
        cox = CoxPH("x + sex", reference={"sex": "f"}).fit(table, outcome).coefficients
        np.testing.assert_allclose(np.log(fitted.hazard_ratios()["estimate"]), cox, atol=0.15)

    def test_hazard_ratios_are_those_of_the_predicted_hazards(self):
        table, outcome = cohort()
        fitted = fit(table, outcome)
        two = pd.DataFrame({"x": [0.2, 1.4], "sex": ["f", "f"]})
        hazards = -np.log(fitted.predict_survival(two, [5.0]))[:, 0]
        ratio = fitted.hazard_ratios({"x": (0.2, 1.4)}).iloc[0]
        assert ratio["estimate"] == pytest.approx(hazards[1] / hazards[0], rel=1e-10)

        # limits: the same model with the log hazard ratio as its parameter, by differences of the delta method
        def log_ratio(theta):
            return -theta[1] * 1.2 / np.exp(theta[3])

        steps = 1e-6 * np.eye(4)
        gradient = np.array([(log_ratio(fitted.theta + h) - log_ratio(fitted.theta - h)) / 2e-6 for h in steps])
        assert ratio["std_error"] == pytest.approx(np.sqrt(gradient @ fitted.theta_covariance @ gradient), rel=1e-7)
        assert ratio["conf_low"] < ratio["estimate"] < ratio["conf_high"]
        with pytest.raises(FitError, match="a lognormal model has no hazard ratio"):
            fit(table, outcome, "lognormal").hazard_ratios()

    @pytest.mark.parametrize("name", DISTRIBUTIONS)
    def test_quantiles_and_survival_are_inverse(self, name):
        table, outcome = cohort()
        fitted = fit(table, outcome, name)
        shares = [0.05, 0.5, 0.9]
        times = fitted.quantile(table.head(4), shares)
        survival = [
            fitted.predict_survival(table.iloc[[row - 1]], [time], extrapolate=True)[0, 0]
            for row, time in zip(times["row"], times["estimate"], strict=True)
        ]
        np.testing.assert_allclose(survival, np.tile(1 - np.array(shares), 4), rtol=1e-9)
        limits = fitted.survival_limits(table.head(1), times["estimate"][:1])
        assert limits.loc[0, "estimate"] == pytest.approx(0.95)
        # the error of a time at a share, and of the share at that time, are one error seen from two sides
        slope = np.gradient(fitted.predict_survival(table.head(1), times["estimate"][0] * np.array([1, 1.0001]))[0])
        density = -slope[0] / (times["estimate"][0] * 0.0001)
        assert limits.loc[0, "std_error"] == pytest.approx(times["std_error"][0] * density, rel=1e-3)

    def test_nothing_is_read_beyond_follow_up_unless_asked(self):
        table, outcome = cohort()
        fitted = fit(table, outcome)
        late = [outcome.time.max() + 1]
        assert np.isnan(fitted.predict_survival(table, late)).all()
        assert np.isfinite(fitted.predict_risk(table, late, extrapolate=True)).all()
        assert (fitted.predict_survival(table, [0.0]) == 1).all()
        tail = fitted.quantile(table.head(1), [0.01, 0.99999])
        assert tail["sample"].tolist() == ["observed", "extrapolated"]

    def test_an_offset_is_one_of_log_time(self):
        table, outcome = cohort()
        table["known"] = 0.3 * table["x"]
        spec = ParametricSurvival("x + sex + offset(known)", reference={"sex": "f"})
        moved, plain = spec.fit(table, outcome), fit(table, outcome)
        assert moved.coefficients["x"] == pytest.approx(plain.coefficients["x"] - 0.3, rel=1e-7)
        np.testing.assert_allclose(moved.prognostic_index(table), plain.prognostic_index(table), rtol=1e-7)

    def test_missing_values_are_counted(self):
        table, outcome = cohort()
        table.loc[[3, 8], "x"] = np.nan
        fitted = fit(table, outcome)
        assert (fitted.n, fitted.n_missing, fitted.missing) == (outcome.n - 2, 2, (("x", 2),))
        assert "2 rows left out for missing values" in repr(fitted)
        with pytest.raises(DataError, match="cannot be drawn again"):
            ParametricSurvival("x").resampler(table, outcome)

    def test_the_print_out_says_which_way(self):
        shown = repr(fit(*cohort(), "generalized_gamma"))
        assert "Generalized gamma model: 120 rows" in shown
        assert "A time ratio above 1 means longer survival" in shown

    def test_predictions_out_of_fold(self, without_lifelines):
        table, outcome = cohort(n=60)
        unseen = predict_out_of_fold(ParametricSurvival("x"), table, outcome, folds=5, repeats=1)
        assert concordance(outcome, unseen.index).estimate > 0.55


class TestTimeZero:
    def test_events_at_zero_are_left_out_and_named(self):
        table, outcome = cohort()
        time, event = outcome.time.copy(), outcome.event.copy()
        time[[2, 5]], event[[2, 5]] = 0, 1
        fitted = fit(table, Outcome(time, event))
        assert "2 events at time 0 left out: log time does not exist there" in fitted.warnings
        assert (fitted.n, fitted.n_time_zero) == (outcome.n - 2, 2)
        kept = np.setdiff1d(np.arange(outcome.n), [2, 5])
        same(fitted, fit(table.iloc[kept].reset_index(drop=True), outcome.take(kept)))
        with pytest.raises(DataError, match="rows with an event at time 0 cannot be drawn again: 2 events"):
            ParametricSurvival("x").resampler(table, Outcome(time, event))

    def test_rows_censored_at_zero_count_and_add_nothing(self):
        table, outcome = cohort()
        more = pd.concat([table, table.head(1)], ignore_index=True)
        fitted = fit(more, Outcome(np.append(outcome.time, 0), np.append(outcome.event, 0)))
        same(fitted, fit(table, outcome))
        assert fitted.n == outcome.n + 1


class TestRefusals:
    def test_settings(self):
        with pytest.raises(ConfigError, match="distribution 'weibul' is not known: did you mean 'weibull'"):
            ParametricSurvival("x", "weibul")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="conf_level is 95"):
            ParametricSurvival("x", conf_level=95)
        with pytest.raises(ConfigError, match="shares between 0 and 1"):
            fit(*cohort()).quantile(cohort()[0], [0.5, 1.0])

    def test_no_events_and_too_few(self):
        table, outcome = cohort(n=30)
        with pytest.raises(FitError, match="there are no events: 0 among 30 analysed rows"):
            fit(table, Outcome(outcome.time, np.zeros(30, dtype=int)))
        three = np.where(np.arange(30) < 3, 1, 0)
        with pytest.raises(FitError, match="2 coefficients cannot be estimated from 3 events"):
            fit(table, Outcome(outcome.time, three))

    def test_columns_that_say_nothing(self):
        table, outcome = cohort()
        with pytest.raises(FitError, match=r"one is constant, in all 120 analysed rows\. Leave it out"):
            ParametricSurvival("x + one").fit(table.assign(one=1.0), outcome)
        with pytest.raises(FitError, match="y is determined by x: the columns are collinear in the analysed rows"):
            ParametricSurvival("x + y").fit(table.assign(y=3 - 2 * table["x"]), outcome)

    @pytest.mark.parametrize("name", FREE)
    def test_separation_is_named(self, name, without_lifelines):
        table, outcome = cohort()
        never = table.assign(never=(np.arange(outcome.n) % 4 == 0) * 1.0)
        event = np.where(never["never"] == 1, 0, outcome.event)
        with pytest.raises(FitError, match=r"separation by never \(longer times\)"):
            ParametricSurvival("x + never", name).fit(never, Outcome(outcome.time, event))

    def test_events_at_one_time_have_no_scale(self):
        with pytest.raises(FitError, match="the scale goes to 0"):
            ParametricSurvival("1").fit(pd.DataFrame(index=range(8)), Outcome([5] * 8, [1] * 8))

    def test_competing_events_are_to_be_settled_first(self):
        table, outcome = cohort()
        two = Outcome(outcome.time, np.where(np.arange(outcome.n) % 5 == 0, 2, outcome.event), causes={1: "a", 2: "b"})
        with pytest.raises(EndpointError, match="takes one kind of event"):
            fit(table, two)


def test_lifelines_loads_with_the_first_fit_only():
    code = (
        "import sys, survmodel as sm; sm.ParametricSurvival('x', 'lognormal'); "
        "assert not {'lifelines', 'scipy.stats', 'autograd'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_limits_cover_the_truth_of_weibull_times(without_lifelines):
    """200 cohorts of 120: the 95 % limits hold each true value in 190 +- 3 standard errors of a count."""
    inside = np.zeros(4)
    truth = np.array([2, *BETA, np.log(0.6)])
    for seed in range(200):
        table = fit(*cohort(seed + 1000)).tidy()
        inside += (table["conf_low"] <= truth) & (truth <= table["conf_high"])
    assert (inside >= 180).all()
    assert (inside <= 199).all()
