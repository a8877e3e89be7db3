"""Rubin's rules by hand, on every scale, and what cannot be pooled."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import survmodel as sm
from survmodel.errors import ConfigError, DataError, FitError
from survmodel.models.rubin import pool_statistics
from survmodel.result import VOCABULARY


def _tables(m: int = 4, n: int = 80) -> tuple[list[pd.DataFrame], sm.Outcome]:
    random = np.random.default_rng(9)
    table = pd.DataFrame({"x": random.normal(size=n), "z": random.normal(size=n), "g": np.arange(n) % 2})
    outcome = sm.Outcome(random.exponential(np.exp(-table["x"])), random.random(n) < 0.8)
    holes = np.arange(n) % 4 == 0
    return [table.assign(x=np.where(holes, random.normal(size=n), table["x"])) for _ in range(m)], outcome


def test_a_hand_example():
    """Estimates 1, 2, 3 with errors 1: Q = 2, U = 1, B = 1, T = 7/3, r = 4/3, df = 2 (7/4)^2 = 6.125."""
    row = sm.pool_estimates([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], names=["a"]).tidy().iloc[0]
    assert row["estimate"] == 2.0
    assert row["std_error"] == pytest.approx(np.sqrt(7 / 3), rel=1e-15)
    assert row["riv"] == pytest.approx(4 / 3, rel=1e-14)
    assert row["df"] == pytest.approx(6.125, rel=1e-14)
    assert row["fmi"] == pytest.approx((4 / 3 + 2 / 9.125) / (7 / 3), rel=1e-14)
    width = stats.t.ppf(0.975, 6.125) * np.sqrt(7 / 3)
    assert [row["conf_low"], row["conf_high"]] == pytest.approx([2 - width, 2 + width], rel=1e-12)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(2 / np.sqrt(7 / 3), 6.125), rel=1e-12)


def test_barnard_and_rubin_by_hand():
    """With 20 rows and one estimate: lambda = 4/7, observed df 20/22 * 19 * 3/7."""
    row = sm.pool_estimates([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], df="n-p", n=20).tidy().iloc[0]
    observed = 20 / 22 * 19 * 3 / 7
    assert row["df"] == pytest.approx(1 / (1 / 6.125 + 1 / observed), rel=1e-13)


@pytest.mark.parametrize("transform", ["logit", "log", "cloglog"])
def test_transforms_pool_on_their_scale(transform):
    values, errors = np.array([0.6, 0.7, 0.75]), np.array([0.04, 0.05, 0.06])
    scale = {"logit": lambda p: np.log(p / (1 - p)), "log": np.log, "cloglog": lambda p: np.log(-np.log(p))}[transform]
    moved = scale(values)
    slope = np.abs((scale(values + 1e-6) - scale(values - 1e-6)) / 2e-6)
    total = np.mean((errors * slope) ** 2) + 4 / 3 * moved.var(ddof=1)
    row = sm.pool_estimates(values, errors, transform=transform).tidy().iloc[0]
    assert scale(row["estimate"]) == pytest.approx(moved.mean(), rel=1e-9)
    df = 2 * (1 + 1 / (4 / 3 * moved.var(ddof=1) / np.mean((errors * slope) ** 2))) ** 2
    ends = moved.mean() + np.array([-1, 1]) * stats.t.ppf(0.975, df) * np.sqrt(total)
    assert sorted(scale(row[["conf_low", "conf_high"]].to_numpy(dtype=float))) == pytest.approx(sorted(ends), rel=1e-6)
    assert row["conf_low"] < row["estimate"] < row["conf_high"]
    assert np.isnan(row["p_value"]) == (transform == "cloglog")


def test_d2_by_hand():
    """Statistics 4 and 9 on 2 df: r = 3/2 * 1/2, D2 = (6.5/2 - 3 r) / (1 + r)."""
    found = pool_statistics([4.0, 9.0], 2)
    assert found.riv == pytest.approx(0.75, rel=1e-14)
    assert found.statistic == pytest.approx((3.25 - 2.25) / 1.75, rel=1e-14)
    assert found.df_below == pytest.approx(2**-1.5 * (1 + 1 / 0.75) ** 2, rel=1e-14)
    assert found.p_value == pytest.approx(stats.f.sf(found.statistic, 2, found.df_below), rel=1e-12)
    assert pool_statistics([0.0, 100.0], 1).p_value == 1.0


def test_pooled_coefficients_are_rubins_of_the_fits():
    tables, outcome = _tables()
    spec = sm.CoxPH("x + z")
    found = sm.pooled(spec, tables, outcome)
    fits = [spec.fit(table, outcome) for table in tables]
    beta = np.array([fit.beta for fit in fits])
    total = np.mean([fit.beta_covariance for fit in fits], axis=0) + 1.25 * np.cov(beta.T)
    np.testing.assert_allclose(found.coefficients, beta.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, total, rtol=1e-12)
    np.testing.assert_allclose(np.sqrt(np.diag(total)), found.tidy()["std_error"], rtol=1e-12)
    ratios = found.hazard_ratios()
    np.testing.assert_allclose(ratios["estimate"], np.exp(found.coefficients), rtol=1e-12)
    assert found.tidy()["fmi"][0] > found.tidy()["fmi"][1]
    assert "Pooled over 4 completed tables" in repr(found)
    assert json.loads(found.to_json())["glance"]["m"] == 4


def test_nested_models_are_compared_by_d2():
    tables, outcome = _tables()
    small, large = (sm.pooled(sm.CoxPH(formula), tables, outcome) for formula in ("z", "x + z"))
    tests = [sm.likelihood_ratio_test(one, two).statistic for one, two in zip(small.fits, large.fits, strict=True)]
    found = sm.pooled_likelihood_ratio(small, large)
    assert (found.statistic, found.df) == (pool_statistics(tests, 1).statistic, 1)
    assert found.p_value < 0.01
    fewer = sm.pooled(sm.CoxPH("x + z"), tables[:2], outcome)
    with pytest.raises(FitError, match="not pooled over the same tables"):
        sm.pooled_likelihood_ratio(small, fewer)


def test_other_regressions_pool_too():
    tables, outcome = _tables()
    found = sm.pooled(sm.CoxPH("x + z", penalty="firth"), tables, outcome)
    assert found.tidy()["estimate"].notna().all()
    causes = sm.Outcome(outcome.time, outcome.event * (1 + np.arange(80) % 2), causes={1: "relapse", 2: "death"})
    found = sm.pooled(sm.FineGray("x + z"), tables, causes)
    assert list(found.tidy()["term"]) == ["x", "z"]
    assert np.isnan(found.glance()["lr_statistic"].item())


def test_curves_by_an_imputed_column():
    tables, outcome = _tables()
    marked = [table.assign(high=table["x"] > 0) for table in tables]
    found = sm.pooled(sm.KaplanMeier(), marked, outcome, by="high")
    times = [0.2, 0.8]
    read = [sm.KaplanMeier().fit(outcome, by=table["high"]).at(times) for table in marked]
    survival = np.array([one["estimate"] for one in read])
    scale = np.log(-np.log(survival))
    table = found.at(times)
    np.testing.assert_allclose(table["estimate"], np.exp(-np.exp(scale.mean(axis=0))), rtol=1e-12)
    assert (table["fmi"] > 0).all()
    assert ((table["conf_low"] < table["estimate"]) & (table["estimate"] < table["conf_high"])).all()
    assert found.at(0.0)["estimate"].tolist() == [1.0, 1.0]
    assert found.at(1e9)["estimate"].isna().all()
    assert "Curves pooled over 4" in repr(found)
    one_level = [table.assign(high=place == 0) if place else table.assign(high=table["x"] > 0)
                 for place, table in enumerate(tables)]  # fmt: skip
    with pytest.raises(FitError, match="no rows in some completed tables"):
        sm.pooled(sm.KaplanMeier(), one_level, outcome, by="high")


def test_concordance_is_pooled_on_the_logit_scale():
    tables, outcome = _tables()
    indices = [table["x"].to_numpy() for table in tables]
    each = [sm.concordance(outcome, index) for index in indices]
    found = sm.pooled_concordance(outcome, indices).tidy().iloc[0]
    logit = [np.log(one.estimate / (1 - one.estimate)) for one in each]
    assert np.log(found["estimate"] / (1 - found["estimate"])) == pytest.approx(np.mean(logit), rel=1e-12)
    areas = sm.pooled_auc([[0.7, 0.8], [0.72, 0.78]], np.full((2, 2), 0.05), [12, 24]).tidy()
    assert areas["estimate"].between(0.7, 0.8).all()
    with pytest.raises(DataError, match="outside the scale logit"):
        sm.pooled_auc([[1.0], [0.9]], [[0.1], [0.1]], [12])


def test_columns_are_in_the_vocabulary():
    tables, outcome = _tables()
    for found in (
        sm.pooled(sm.CoxPH("x"), tables, outcome), sm.pooled(sm.KaplanMeier(), tables, outcome),
        sm.pool_estimates([1.0, 2.0], [1.0, 1.0]),
        sm.MultipleImputation(m=2).fit(tables[0].mask(tables[0] > 1), outcome),
    ):  # fmt: skip
        assert set(found.tidy().columns) <= set(VOCABULARY)
        assert len(found.glance()) == 1


BAD = {
    "one table": (([1.0], [1.0]), {}, DataError, "at least 2"),
    "shapes": (([1.0, 2.0], [1.0]), {}, DataError, "differ in shape"),
    "missing": (([1.0, np.nan], [1.0, 1.0]), {}, DataError, "row 2"),
    "negative error": (([1.0, 2.0], [1.0, -1.0]), {}, DataError, "row 2"),
    "outside": (([0.5, 1.0], [0.1, 0.1]), {"transform": "logit"}, DataError, "outside the scale"),
    "transform": (([0.5, 0.6], [0.1, 0.1]), {"transform": "probit"}, ConfigError, "not known"),
    "df": (([0.5, 0.6], [0.1, 0.1]), {"df": "n"}, ConfigError, "not known"),
    "df without n": (([0.5, 0.6], [0.1, 0.1]), {"df": "events-p"}, ConfigError, "needs n"),
    "names": (([0.5, 0.6], [0.1, 0.1]), {"names": ["a", "b"]}, DataError, "differ in number"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_estimates_are_refused(name):
    values, settings, error, message = BAD[name]
    with pytest.raises(error, match=message):
        sm.pool_estimates(*values, **settings)


def test_models_that_cannot_be_pooled_are_refused():
    tables, outcome = _tables()
    with pytest.raises(FitError, match="no coefficients"):
        sm.pooled(sm.CoxPH("x + z", penalty=sm.ElasticNet()), tables, outcome)
    with pytest.raises(DataError, match="at least 2 completed tables"):
        sm.pooled(sm.CoxPH("x"), tables[:1], outcome)
    levels = [table.assign(c=np.where(np.arange(80) < 30 + 20 * (place % 2), "a", "b")) for place, table in
              enumerate(tables)]  # fmt: skip
    with pytest.raises(FitError, match="reference level"):
        sm.pooled(sm.CoxPH("c"), levels, outcome)


def test_delta_sensitivity_repeats_the_analysis_for_each_shift():
    tables, outcome = _tables()
    table = tables[0].mask(np.arange(80)[:, np.newaxis] % 4 == np.array([0, 1, 9]))
    imputation, model = sm.MultipleImputation(m=4, iterations=2, delta={"z": 0.2}), sm.CoxPH("x + z")
    found = sm.delta_sensitivity(imputation, model, table, outcome, {"x": [1.0, -1.0], "z": [0.5]})
    rows = found.tidy()
    assert rows[["group", "delta"]].drop_duplicates().to_numpy().tolist() == [
        ["x", -1.0], ["x", 0.0], ["x", 1.0], ["z", 0.0], ["z", 0.5],
    ]  # fmt: skip
    by_hand = sm.MultipleImputation(m=4, iterations=2, delta={"z": 0.2, "x": 1.0}).fit(table, outcome)
    expected = sm.pooled(model, by_hand, outcome).tidy()["estimate"]
    shifted = rows[(rows["group"] == "x") & (rows["delta"] == 1.0)]
    assert shifted["estimate"].tolist() == expected.tolist()
    assert set(rows.columns) <= set(VOCABULARY)
    assert "5 shifts" in repr(found)
    for grid, message in (({}, "names no column"), ({"x": [np.nan]}, "no number"), ({"y": [1.0]}, "delta names 'y'")):
        with pytest.raises(ConfigError, match=message):
            sm.delta_sensitivity(imputation, model, table, outcome, grid)
