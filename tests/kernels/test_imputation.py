"""The regressions of the imputation against statsmodels, and the draws around them."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.miscmodels.ordinal_model import OrderedModel

from survmodel.kernels.imputation import sort_together
from survmodel.kernels.imputation_draws import draw_levels, draw_linear, factor, pick_donor, pick_level, solve


def _data(n: int = 200, p: int = 3) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    random = np.random.default_rng(11)
    x = np.column_stack([np.ones(n), random.normal(size=(n, p))])
    return x, x[:, 1:] @ np.array([0.8, -0.5, 0.3]), random


def _levels(x: np.ndarray, y: np.ndarray, k: int, *, ordinal: bool, normals: float = 0.0) -> tuple:
    p = x.shape[1]
    size = k - 2 + p if ordinal else (k - 1) * p
    estimate, drawn = np.zeros(size), np.empty(size)
    if ordinal:
        reached = np.cumsum(np.bincount(y) / y.size)[:-1]
        estimate[: k - 1] = np.log(reached / (1 - reached))
    weight = np.ones(y.size)
    draw_levels(
        np.ascontiguousarray(x.T), y.astype(np.int64), weight, k, ordinal, np.full(size, normals), estimate, drawn
    )
    return estimate, drawn


def test_linear_estimates_are_those_of_least_squares():
    x, signal, random = _data()
    y = signal + random.normal(size=len(x))
    estimate, drawn = np.empty(4), np.empty(4)
    fit = sm.OLS(y, x).fit()
    draw_linear(np.ascontiguousarray(x.T), y, np.zeros(4), 1.0, estimate, drawn, np.empty(len(x)))
    np.testing.assert_allclose(estimate, fit.params, rtol=1e-10)
    np.testing.assert_array_equal(drawn, estimate)


def test_drawn_coefficients_have_the_covariance_of_the_estimates():
    x, signal, random = _data(60)
    y = signal + random.normal(size=60)
    estimate, drawn, rows, features = np.empty(4), np.empty(4), [], np.ascontiguousarray(x.T)
    fit = sm.OLS(y, x).fit()
    for _ in range(4000):
        # a chi-squared draw at its degrees of freedom leaves the residual variance at its estimate
        draw_linear(features, y, random.standard_normal(4), fit.df_resid, estimate, drawn, np.empty(60))
        rows.append(drawn.copy())
    np.testing.assert_allclose(
        np.cov(np.array(rows).T), fit.cov_params(), atol=4 * 0.02 * np.diag(fit.cov_params()).max()
    )


def test_a_column_that_depends_on_others_is_left_out():
    x, signal, random = _data()
    y = signal + random.normal(size=len(x))
    twice = np.column_stack([x, x[:, 1] - 2 * x[:, 2], np.zeros(len(x))])
    estimate, drawn = np.empty(6), np.empty(6)
    draw_linear(np.ascontiguousarray(twice.T), y, np.ones(6), 1.0, estimate, drawn, np.empty(len(x)))
    np.testing.assert_allclose(estimate[:4], sm.OLS(y, x).fit().params, rtol=1e-10)
    assert estimate[4:].tolist() == drawn[4:].tolist() == [0.0, 0.0]


def test_factor_solves_a_full_system():
    matrix = np.array([[4.0, 1.0], [1.0, 3.0]])
    low, vector = np.zeros((2, 2)), np.array([1.0, 2.0])
    factor(matrix, low)
    solve(low, vector)
    np.testing.assert_allclose(matrix @ vector, [1.0, 2.0], rtol=1e-12)


def test_logistic_and_multinomial_estimates_are_those_of_statsmodels():
    x, signal, random = _data()
    two = (signal + random.logistic(size=len(x)) > 0).astype(int)
    np.testing.assert_allclose(_levels(x, two, 2, ordinal=False)[0], sm.Logit(two, x).fit(disp=0).params, atol=1e-6)
    three = np.digitize(signal + random.logistic(size=len(x)), [-0.5, 0.9])
    three = np.where(three == 1, 2, np.where(three == 2, 1, 0))
    fit = sm.MNLogit(three, x).fit(disp=0)
    np.testing.assert_allclose(_levels(x, three, 3, ordinal=False)[0], fit.params.T.ravel(), atol=1e-5)


def test_ordinal_estimates_are_those_of_statsmodels():
    x, signal, random = _data()
    y = np.digitize(signal + random.logistic(size=len(x)), [-1.0, 0.4, 1.5])
    fit = OrderedModel(y, x[:, 1:], distr="logit").fit(method="bfgs", disp=0, gtol=1e-8)
    cuts = fit.model.transform_threshold_params(fit.params)[1:-1]
    np.testing.assert_allclose(_levels(x, y, 4, ordinal=True)[0], [*cuts, *fit.params[:3]], atol=1e-4)


def test_drawn_levels_lie_around_the_estimate_by_the_information():
    x, signal, random = _data()
    two = (signal + random.logistic(size=len(x)) > 0).astype(int)
    fit = sm.Logit(two, x).fit(disp=0)
    estimate, drawn = _levels(x, two, 2, ordinal=False, normals=1.0)
    away = drawn - estimate
    # L' (beta* - beta) = z, so that the quadratic form is z'z
    assert away @ np.linalg.solve(fit.cov_params(), away) == pytest.approx(4.0, rel=1e-5)


def test_drawn_thresholds_ascend():
    x, signal, random = _data(25)
    y = np.digitize(signal + random.logistic(size=25), [-0.3, 0.3])
    for size in (-6.0, 6.0):
        _, drawn = _levels(x, y, 3, ordinal=True, normals=size)
        assert drawn[0] < drawn[1]


@pytest.mark.parametrize("ordinal", [False, True])
def test_levels_are_drawn_with_their_probabilities(ordinal):
    x = np.array([1.0, 0.5])
    drawn = np.array([-0.5, 1.0, 0.8]) if ordinal else np.array([0.2, 0.4, -0.3, 1.0])
    if ordinal:
        below = 1 / (1 + np.exp(-(drawn[:2] - 0.4)))
        expected = np.diff([0.0, *below, 1.0])
    else:
        size = np.exp([0.0, 0.4, 0.2])
        expected = size / size.sum()
    uniforms = (np.arange(20_000) + 0.5) / 20_000
    found = np.bincount([pick_level(x, drawn, 3, ordinal, 0.0, u, np.empty(3)) for u in uniforms]) / uniforms.size
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_shift_is_one_of_the_log_odds():
    uniforms = (np.arange(20_000) + 0.5) / 20_000
    share = np.mean([pick_level(np.ones(1), np.array([0.3]), 2, False, 0.7, u, np.empty(2)) for u in uniforms])
    assert np.log(share / (1 - share)) == pytest.approx(1.0, abs=1e-3)


def test_keys_are_sorted_and_values_go_with_them():
    random = np.random.default_rng(4)
    for n in (1, 2, 3, 17, 64, 100):
        keys = random.integers(0, 9, n).astype(float)
        values, order = np.arange(n, dtype=float), np.argsort(keys, kind="stable")
        expected = keys[order]
        sort_together(keys, values, np.empty(n), np.empty(n))
        assert keys.tolist() == expected.tolist()
        assert values.tolist() == order.tolist()


def test_donors_are_the_nearest():
    fitted = np.array([0.0, 1.0, 2.0, 4.0, 8.0, 16.0])
    for target in (-3.0, 0.4, 1.5, 3.1, 9.0, 99.0):
        nearest = set(np.argsort(np.abs(fitted - target), kind="stable")[:3].tolist())
        assert {pick_donor(fitted, target, 3, u) for u in (0.0, 0.34, 0.99)} == nearest
    assert {pick_donor(fitted[:2], 5.0, 5, u) for u in (0.0, 0.99)} == {0, 1}
