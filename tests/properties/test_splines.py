"""Properties of models with restricted cubic splines."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from properties.generators import Cohort, fit_cox, regression_cohorts, run

from survmodel import CoxPH, DataError
from survmodel.models.cox_fit import CoxFit
from survmodel.models.formula_splines import place_knots, spline_columns

COHORTS = regression_cohorts()
KNOTS = st.integers(3, 5)


def fit_spline(cohort: Cohort, n_knots: int, table: pd.DataFrame | None = None) -> CoxFit | None:
    return fit_cox(CoxPH(f"rcs(suv, {n_knots}) + male"), cohort.table if table is None else table, cohort.outcome)


@run
@given(COHORTS, KNOTS)
def test_38_linear_outside_the_end_knots(cohort: Cohort, n_knots: int) -> None:
    """38. Beyond the outer knots equal steps of the covariate change the index equally."""
    fit = fit_spline(cohort, n_knots)
    if fit is None:
        return
    low, *_, high = fit.design.to_json()["codings"][0]["knots"]
    for end, side in ((low, -1.0), (high, 1.0)):
        steps = end + side * (high - low) * np.arange(6.0)
        index = fit.prognostic_index(pd.DataFrame({"suv": steps, "male": 0}))
        size = np.abs(spline_columns(steps, (*fit.design.to_json()["codings"][0]["knots"],)) * fit.beta[:-1]).max()
        assert_allclose(np.diff(index, 2), 0, atol=1e-9 * max(size, 1))


@run
@given(COHORTS, KNOTS)
def test_38_without_its_bends_a_spline_is_the_line(cohort: Cohort, n_knots: int) -> None:
    """38. With the coefficients of the bends held at 0 the likelihood is that of the linear model."""
    fit = fit_spline(cohort, n_knots)
    line = fit_cox(CoxPH("suv + male"), cohort.table, cohort.outcome)
    if fit is None or line is None:
        return
    assert_allclose(fit.design.matrix(cohort.table)[:, 0], line.design.matrix(cohort.table)[:, 0])
    tests = fit.term_tests("likelihood-ratio")
    bends = tests[tests["part"] == "non-linear"].iloc[0]
    assert bends["df"] == n_knots - 2
    assert_allclose(bends["statistic"], 2 * (fit.maximum.loglik - line.maximum.loglik), rtol=1e-6, atol=1e-8)


@run
@given(COHORTS, KNOTS, st.sampled_from([(1e4, 0.0), (1e-4, 5.0), (3.0, -40.0), (1.0, 1e5)]))
def test_24_shift_and_scale(cohort: Cohort, n_knots: int, change: tuple[float, float]) -> None:
    """24. A shifted and scaled covariate moves the knots with it and leaves likelihood, effects and tests."""
    factor, shift = change
    moved = cohort.table.assign(suv=cohort.table["suv"] * factor + shift)
    a, b = fit_spline(cohort, n_knots), fit_spline(cohort, n_knots, moved)
    assert (a is None) == (b is None)
    if a is None or b is None:
        return
    knots = [np.array(fit.design.to_json()["codings"][0]["knots"]) for fit in (a, b)]
    assert_allclose(knots[1], knots[0] * factor + shift, rtol=1e-9)
    assert_allclose(b.maximum.loglik, a.maximum.loglik, rtol=1e-9)
    values = np.quantile(cohort.table["suv"], [0.2, 0.8])
    effects = [
        fit.hazard_ratios({"suv": tuple(pair)}).iloc[0][["estimate", "std_error"]].to_numpy(dtype=float)
        for fit, pair in ((a, values), (b, values * factor + shift))
    ]
    assert_allclose(effects[1], effects[0], rtol=1e-4, atol=1e-6)


@run
@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=150, unique=True), st.integers(3, 7))
def test_knots_are_inside_ascending_and_blind_to_order(values: list[float], n_knots: int) -> None:
    numbers = np.array(values)
    try:
        knots = place_knots(numbers, n_knots, "x")
    except DataError:
        return
    assert len(knots) == n_knots
    assert (np.diff(knots) > 0).all()
    assert numbers.min() <= knots[0]
    assert knots[-1] <= numbers.max()
    assert place_knots(numbers[::-1], n_knots, "x") == knots
