"""Variance inflation and condition number against least squares and algebra; the bound that separation has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.outliers_influence import variance_inflation_factor

from survmodel import CoxPH, FitError, Outcome
from survmodel.models.collinearity import condition_number, variance_inflation
from survmodel.models.cox_likelihood import LARGEST_EFFECT, refuse_runaway


def cohort(n: int = 200) -> tuple[pd.DataFrame, Outcome]:
    rng = np.random.default_rng(8)
    table = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "g": rng.choice(["r", "s", "t"], n)})
    table["near"] = table["a"] + rng.normal(0, 0.1, n)
    return table, Outcome(rng.exponential(size=n), np.ones(n))


def test_inflation_of_linear_regression() -> None:
    """With X'X of centred columns as information it is what statsmodels computes column by column."""
    table, _ = cohort()
    x = (table[["a", "b", "near"]] - table[["a", "b", "near"]].mean()).to_numpy()
    terms = tuple((name, (k,)) for k, name in enumerate("abn"))
    found = variance_inflation(x.T @ x, terms)
    expected = [variance_inflation_factor(x, k) for k in range(3)]
    assert list(found.values()) == pytest.approx(expected, rel=1e-9)


def test_inflation_of_a_factor_does_not_depend_on_its_reference() -> None:
    table, outcome = cohort()
    fits = [CoxPH("a + near + g", reference={"g": level}).fit(table, outcome) for level in "rst"]
    found = [variance_inflation(fit.maximum.information, fit.design.terms)["g"] for fit in fits]
    assert found == pytest.approx([found[0]] * 3, rel=1e-6)


def test_columns_that_say_nearly_the_same_are_named() -> None:
    table, outcome = cohort()
    warned = CoxPH("a + b + near").fit(table, outcome).warnings
    assert len([text for text in warned if "inflated" in text and "a (" in text and "near (" in text]) == 1
    assert not any("b (" in text for text in warned)
    assert CoxPH("a + b").fit(table, outcome).warnings == ()
    # A spline's columns belong together, and a product goes with its factors.
    for formula in ("rcs(a, 5) + b", "a * b"):
        assert not any("inflated" in text for text in CoxPH(formula).fit(table, outcome).warnings)


def test_condition_number() -> None:
    table, outcome = cohort()
    rho = 0.6
    assert condition_number(np.array([[9.0, 3 * rho], [3 * rho, 1.0]])) == pytest.approx((1 + rho) / (1 - rho))
    assert np.isnan(condition_number(np.empty((0, 0))))
    table["same"] = table["a"] + np.random.default_rng(1).normal(0, 2e-4, len(table))
    fit = CoxPH("a + same").fit(table, outcome)
    assert fit.glance()["condition_number"].iloc[0] > 1e7
    assert any("condition number" in text for text in fit.warnings)
    assert fit.glance()["events_per_parameter"].iloc[0] == 100


def test_an_estimate_beyond_the_bound_is_separation() -> None:
    information = np.diag([1.0, 1.0])
    refuse_runaway(np.array([LARGEST_EFFECT, 0.0]), information, information, ("x[yes]", "age"))
    with pytest.raises(FitError, match=r"separation by x\[yes\] \(lower hazard\)\.") as caught:
        refuse_runaway(np.array([-LARGEST_EFFECT - 0.1, 1.0]), information, information, ("x[yes]", "age"))
    assert 'penalty="firth"' in str(caught.value)


def test_large_coefficients_that_cancel_are_not_separation() -> None:
    correlated = np.array([[1.0, 1 - 1e-8], [1 - 1e-8, 1.0]])
    refuse_runaway(np.array([200.0, -199.0]), correlated, correlated, ("a", "b"))
