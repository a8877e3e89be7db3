"""Parametric models of random cohorts: a fit ends at a maximum or says why there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.generators import Cohort, cohorts, regression_cohorts, run

from survmodel import FitError, IntervalOutcome, Outcome, ParametricSurvival
from survmodel.models import parametric_start

NAMES = ("weibull", "exponential", "lognormal", "loglogistic")
FORMULAS = ("1", "age", "age + suv", "age + male + offset(lp)", "log2(suv) * male")


@pytest.fixture(autouse=True, scope="module")
def without_lifelines():
    """Leave out the first climb, which changes no number: tests/models compares."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parametric_start, "climb_with_lifelines", lambda rows, law: None)
        yield


def intervals(cohort: Cohort) -> IntervalOutcome:
    outcome = cohort.outcome
    width = 3 * (cohort.random.random(cohort.n) < 0.7)
    lower = np.where(outcome.died, np.maximum(outcome.time - width, 0), outcome.time)
    return IntervalOutcome(lower, np.where(outcome.died, outcome.time, np.inf), cohort.entry)


@run
@given(cohorts(), st.sampled_from(NAMES), st.sampled_from(FORMULAS), st.booleans())
def test_a_fit_is_a_maximum_or_a_reason(cohort, name, formula, seen_at_visits):
    outcome = intervals(cohort) if seen_at_visits else cohort.outcome
    try:
        fit = ParametricSurvival(formula, name).fit(cohort.table, outcome)
    except FitError:
        return
    assert fit.glance().loc[0, "score_size"] < 1e-9
    assert np.linalg.eigvalsh(fit.theta_covariance)[0] > 0
    survival = fit.predict_survival(cohort.table, [0.0, 1.0, 5.0, 20.0], extrapolate=True)
    assert ((survival >= 0) & (survival <= 1)).all()
    assert (np.diff(survival, axis=1) <= 0).all()
    assert fit.maximum.loglik >= fit.maximum.loglik_null - 1e-9


@run
@given(regression_cohorts(), st.sampled_from(NAMES), st.floats(0.01, 100))
def test_the_unit_of_time_moves_the_intercept_only(cohort, name, unit):
    spec = ParametricSurvival("age + male", name)
    one = spec.fit(cohort.table, cohort.outcome)
    entry = None if cohort.entry is None else unit * cohort.entry
    other = spec.fit(cohort.table, Outcome(unit * cohort.time, cohort.event, entry))
    np.testing.assert_allclose(other.theta[1:], one.theta[1:], rtol=1e-6, atol=1e-8)
    assert other.theta[0] - one.theta[0] == pytest.approx(np.log(unit), abs=1e-6)
    exact = one.n_event * np.log(unit)
    assert other.maximum.loglik + exact == pytest.approx(one.maximum.loglik, rel=1e-8)


@run
@given(regression_cohorts(late=False), st.sampled_from(NAMES))
def test_intervals_without_width_are_exact_times(cohort, name):
    spec, outcome = ParametricSurvival("age + suv", name), cohort.outcome
    same = IntervalOutcome(outcome.time, np.where(outcome.died, outcome.time, np.inf))
    np.testing.assert_allclose(
        spec.fit(cohort.table, outcome).theta, spec.fit(cohort.table, same).theta, rtol=1e-8, atol=1e-10
    )


@run
@given(regression_cohorts(late=True), st.sampled_from(NAMES))
def test_cutting_rows_in_two_changes_nothing(cohort, name):
    spec = ParametricSurvival("age", name)
    start = np.zeros(cohort.n) if cohort.entry is None else cohort.entry
    cut = start + (cohort.time - start) * cohort.random.uniform(0.2, 0.8, cohort.n)
    halves = Outcome(
        np.concatenate([cut, cohort.time]),
        np.concatenate([np.zeros(cohort.n, dtype=int), cohort.event]),
        np.concatenate([start, cut]),
        id=np.tile(np.arange(cohort.n), 2),
    )
    rows = cohort.table.iloc[np.tile(np.arange(cohort.n), 2)].reset_index(drop=True)
    one, two = spec.fit(cohort.table, cohort.outcome), spec.fit(rows, halves)
    np.testing.assert_allclose(two.theta, one.theta, rtol=1e-6, atol=1e-8)
    assert two.maximum.loglik == pytest.approx(one.maximum.loglik, rel=1e-9)
