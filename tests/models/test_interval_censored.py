"""Models and curves of events between visits: what they come down to, and the truth they find."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.generators import run

from survmodel import (
    DataError,
    EndpointError,
    FitError,
    IntervalOutcome,
    KaplanMeier,
    Outcome,
    ParametricSurvival,
    TurnbullCurve,
    interval_sensitivity,
)
from survmodel.models import parametric_start
from survmodel.models.parametric_laws import LAWS
from survmodel.models.turnbull_maximum import maximise_masses

INF = float("inf")
NAMES = tuple(LAWS)


def visits_of(time: np.ndarray, ends: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Look at every `width` until follow-up ends: the last visit without the event and the first with it."""
    last = np.floor(ends / width) * width
    lower = np.minimum(np.ceil(time / width) * width - width, last)
    upper = np.where(lower + width <= last, lower + width, INF)
    return lower, upper


def cohort(seed: int = 1, n: int = 150) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Draw Weibull times, log time 2 + 0.8 x with scale 0.6, and ends of follow-up."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"x": random.normal(size=n)})
    time = np.exp(2 + 0.8 * table["x"].to_numpy() + 0.6 * np.log(random.exponential(size=n)))
    return table, time, random.uniform(5, 40, n)


@pytest.fixture
def without_lifelines(monkeypatch):
    monkeypatch.setattr(parametric_start, "climb_with_lifelines", lambda rows, law: None)


class TestParametric:
    @pytest.mark.parametrize("name", NAMES)
    def test_intervals_without_width_are_exact_times(self, name):
        table, time, ends = cohort()
        exact = Outcome(np.minimum(time, ends), time <= ends)
        intervals = IntervalOutcome(exact.time, np.where(exact.died, exact.time, INF))
        one, other = (ParametricSurvival("x", name).fit(table, outcome) for outcome in (exact, intervals))
        np.testing.assert_allclose(one.theta, other.theta, rtol=1e-10)
        assert one.maximum.loglik == pytest.approx(other.maximum.loglik, rel=1e-12)

    @pytest.mark.parametrize("name", ["weibull", "lognormal", "loglogistic"])
    def test_narrow_intervals_come_near_to_exact_times(self, name, without_lifelines):
        table, time, ends = cohort()
        exact = Outcome(np.minimum(time, ends), time <= ends)
        width = 1e-4 * exact.time
        narrow = IntervalOutcome(exact.time - np.where(exact.died, width, 0), np.where(exact.died, exact.time, INF))
        one, other = (ParametricSurvival("x", name).fit(table, outcome) for outcome in (exact, narrow))
        np.testing.assert_allclose(one.theta, other.theta, atol=1e-3)
        np.testing.assert_allclose(one.theta_covariance, other.theta_covariance, rtol=1e-2, atol=1e-5)

    def test_intervals_from_the_origin_or_to_the_end_are_what_is_known(self, without_lifelines):
        # an exponential law, one look: events before it and after it, so that S(look) is their share
        outcome = IntervalOutcome([0] * 30 + [10] * 70, [10] * 30 + [INF] * 70)
        fit = ParametricSurvival("1", "exponential").fit(pd.DataFrame(index=range(100)), outcome)
        assert fit.predict_survival(pd.DataFrame(index=[0]), [10])[0, 0] == pytest.approx(0.7, rel=1e-10)
        assert fit.maximum.loglik == pytest.approx(30 * np.log(0.3) + 70 * np.log(0.7), rel=1e-10)

    @pytest.mark.parametrize("name", NAMES)
    def test_the_first_climb_changes_no_number(self, name, monkeypatch):
        table, time, ends = cohort(3)
        outcome = IntervalOutcome(*visits_of(time, ends, 3.0))
        climbed = ParametricSurvival("x", name).fit(table, outcome)
        monkeypatch.setattr(parametric_start, "climb_with_lifelines", lambda rows, law: None)
        again = ParametricSurvival("x", name).fit(table, outcome)
        np.testing.assert_allclose(climbed.theta, again.theta, rtol=1e-7, atol=1e-9)
        assert climbed.glance().loc[0, "score_size"] < 1e-9

    def test_late_entry_divides_by_what_was_survived(self, without_lifelines):
        # memoryless times: who enters at 2 is as one whose clock begins there
        table, time, ends = cohort()
        lower, upper = visits_of(time, ends, 3.0)
        late = IntervalOutcome(lower + 2, upper + 2, entry=np.full(len(table), 2.0))
        start = IntervalOutcome(lower, upper)
        spec = ParametricSurvival("1", "exponential")
        assert spec.fit(table, late).theta[0] == pytest.approx(spec.fit(table, start).theta[0], rel=1e-9)

    def test_counts_and_print_out(self):
        table, time, ends = cohort()
        outcome = IntervalOutcome(*visits_of(time, ends, 3.0), unit="months")
        fit = ParametricSurvival("x").fit(table, outcome)
        row = fit.glance().iloc[0]
        assert (row["n"], row["n_event"], row["n_interval"]) == (150, outcome.n_event, outcome.n_interval)
        assert f"{outcome.n_interval} events between two times" in repr(fit)
        with pytest.raises(FitError, match="no Cox-Snell residual"):
            fit.residuals()

    @pytest.mark.parametrize("name", ["weibull", "lognormal", "loglogistic", "generalized_gamma"])
    @pytest.mark.parametrize("climb", [True, False])
    @pytest.mark.parametrize(
        ("lower", "upper"),
        [
            # one time in every interval; one visit only; one interval, and the others free of the event at its end
            ([1, 2, 3, 0, 2] * 4, [9, 8, 7, 6, 5] * 4),
            ([0] * 12 + [10] * 8, [10] * 12 + [INF] * 8),
            ([9] * 12 + [12] * 8, [12] * 12 + [INF] * 8),
        ],
    )
    def test_intervals_that_do_not_tell_the_scale_are_refused(self, lower, upper, name, climb, monkeypatch):
        if not climb:
            monkeypatch.setattr(parametric_start, "climb_with_lifelines", lambda rows, law: None)
        with pytest.raises(FitError, match=r"the intervals do not tell the scale|the scale goes to 0"):
            ParametricSurvival("1", name).fit(pd.DataFrame(index=range(20)), IntervalOutcome(lower, upper))

    def test_limits_cover_the_truth_that_exact_times_miss(self, without_lifelines):
        """200 cohorts seen every 8 months: taking progression for the visit that showed it shifts the intercept."""
        truth = np.array([2, 0.8, np.log(0.6)])
        inside, naive = np.zeros(3), np.zeros(3)
        for seed in range(200):
            table, time, ends = cohort(seed + 500, 120)
            outcome = IntervalOutcome(*visits_of(time, ends, 8.0))
            spec = ParametricSurvival("x")
            for counts, one in ((inside, outcome), (naive, outcome.known)):
                limits = spec.fit(table, one).tidy()
                np.add(counts, (limits["conf_low"] <= truth) & (truth <= limits["conf_high"]), out=counts)
        # 190 expected, standard deviation 3
        assert (inside >= 180).all()
        assert naive[0] < 100


class TestSensitivity:
    def test_both_fits_stand_side_by_side(self, without_lifelines):
        table, time, ends = cohort()
        outcome = IntervalOutcome(*visits_of(time, ends, 4.0), unit="months")
        spec = ParametricSurvival("x")
        found = interval_sensitivity(spec, table, outcome)
        naive, honest = spec.fit(table, outcome.known), spec.fit(table, outcome)
        tidy = found.tidy().set_index(["model", "term"])["estimate"]
        assert tidy["exact times", "x"] == naive.coefficients["x"]
        assert tidy["intervals", "x"] == honest.coefficients["x"]
        moved = found.change().set_index("term")
        assert moved.loc["x", "estimate"] == pytest.approx(honest.coefficients["x"] - naive.coefficients["x"])
        # a visit every four months puts the times about two months too late
        assert moved.loc["(Intercept)", "estimate"] < 0
        assert found.glance().loc[0, "median_width"] == pytest.approx(4.0)
        shown = repr(found)
        assert f"{outcome.n_interval} of {outcome.n_event} events between two times" in shown
        assert "hazard ratio, exact times" in shown
        assert "Intervals are 4 months wide at the median" in shown
        assert "time ratio, intervals" in repr(
            interval_sensitivity(ParametricSurvival("x", "lognormal"), table, outcome)
        )

    def test_warnings_of_visits_are_repeated(self, without_lifelines):
        table, time, ends = cohort()
        seen = Outcome(np.minimum(time, ends) + 1, time <= ends, unit="months")
        exact = seen.died & (np.arange(seen.n) % 2 == 0)
        free = np.where(exact, np.maximum(seen.time - 30, 0), seen.time - 1)
        outcome = IntervalOutcome.from_visits(seen, free, exact=exact, visit_interval=3)
        found = interval_sensitivity(ParametricSurvival("x"), table, outcome)
        assert any("more than 2 visits after the last one" in warning for warning in found.warnings)

    def test_exact_times_are_refused(self):
        with pytest.raises(DataError, match=r"needs an IntervalOutcome.*from_visits"):
            interval_sensitivity(ParametricSurvival("x"), cohort()[0], Outcome([1] * 150, [1] * 150))  # type: ignore[arg-type]


class TestTurnbull:
    def test_known_times_give_the_curve_of_kaplan_and_meier(self):
        _, time, ends = cohort()
        exact = Outcome(np.round(np.minimum(time, ends)) + 1, time <= ends)
        curve = TurnbullCurve().fit(exact)
        times = [1, 3, 5.5, 8, 20]
        km = KaplanMeier().fit(exact).at(times)["estimate"]
        np.testing.assert_allclose(curve.at(times)["estimate"], km, rtol=1e-8)

    def test_an_example_by_hand(self):
        # Two may be at 2 and the third between 1 and 2: both at 2 and the third at 2 as well is likeliest.
        fit = TurnbullCurve().fit(IntervalOutcome([2, 1, 0, 3], [2, 2, 2, INF]))
        rows = fit.tidy()[["lower", "upper", "probability"]].to_numpy()
        np.testing.assert_allclose(rows, [[2, 2, 0.75], [3, INF, 0.25]], rtol=1e-12)
        read = fit.at([1.9, 2.0, 3.0, 9.0])
        np.testing.assert_allclose(read["estimate"], [1.0, 0.25, 0.25, np.nan], rtol=1e-12)
        np.testing.assert_allclose(read.loc[3, ["lower", "upper"]].astype(float), [0.0, 0.25], rtol=1e-12)

    def test_ends_at_one_time(self):
        # (1, 2] and (2, 3] do not touch; a death at 2 is in the first; who was censored at 2 has it later
        fit = TurnbullCurve().fit(IntervalOutcome([1, 2, 2, 2], [2, 3, 2, INF]))
        rows = fit.tidy()[["lower", "upper", "probability"]].to_numpy()
        np.testing.assert_allclose(rows, [[2, 2, 0.5], [2, 3, 0.5]], rtol=1e-12)

    def test_groups_weights_and_labels(self):
        table, time, ends = cohort()
        outcome = IntervalOutcome(*visits_of(time, ends, 3.0), unit="months")
        by = pd.Series(np.where(table["x"] > 0, "high", "low"))
        fit = TurnbullCurve().fit(outcome, by=by)
        assert fit.groups.labels == ("high", "low")
        one = TurnbullCurve().fit(outcome.take(np.flatnonzero(by == "low")))
        own = fit.tidy().query("group == 'low'")["probability"]
        np.testing.assert_allclose(own, one.tidy()["probability"], rtol=1e-9)
        weights = np.arange(outcome.n) % 3
        rows = np.repeat(np.arange(outcome.n), weights)
        counted, replicated = TurnbullCurve().fit(outcome, weights=weights), TurnbullCurve().fit(outcome.take(rows))
        np.testing.assert_allclose(counted.at([4, 7, 12])["upper"], replicated.at([4, 7, 12])["upper"], rtol=1e-7)
        assert "Turnbull's survival curve: 150 rows" in repr(fit)

    def test_late_entry_is_refused(self):
        with pytest.raises(EndpointError, match="takes no late entry"):
            TurnbullCurve().fit(IntervalOutcome([3, 4], [5, INF], entry=[1, 0]))

    def test_an_unnamed_column_of_groups_is_refused(self):
        with pytest.raises(DataError, match="by is the text 'sex'"):
            TurnbullCurve().fit(IntervalOutcome([3, 4], [5, INF]), by="sex")

    @run
    @given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.sampled_from([1.0, 2.0, 5.0]))
    def test_the_end_is_a_maximum_and_em_leaves_it_there(self, seed, n, width):
        random = np.random.default_rng(seed)
        time, ends = random.exponential(8, n) + 0.1, random.uniform(1, 30, n)
        lower, upper = visits_of(time, ends, width)
        known = random.random(n) < 0.2
        lower, upper = np.where(known, time, lower), np.where(known, time, upper)
        weight = random.integers(1, 4, n).astype(float)
        found = maximise_masses(lower, upper, weight)
        assert found.excess < 1e-8
        assert found.mass.sum() == pytest.approx(1)
        assert (found.mass > 0).all()
        # no small move of mass between two intervals of support is likelier
        holds = (found.lower >= lower[:, None]) & (found.upper <= upper[:, None])
        known_row, known_mass = (lower == upper)[:, None], found.lower == found.upper
        holds &= np.where(known_row, known_mass, (found.lower < found.upper) | (found.lower > lower[:, None]))
        mix = holds @ found.mass
        assert found.loglik == pytest.approx(weight @ np.log(mix))
        em = found.mass * ((weight / mix) @ holds) / weight.sum()
        np.testing.assert_allclose(em, found.mass, atol=1e-7)
