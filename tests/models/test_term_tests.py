"""Tests of terms: each against a second route, the refitted model without the columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from survmodel import ConfigError, CoxPH, FineGray, FitError, Outcome, Ridge, likelihood_ratio_test
from survmodel.distributions import chi_squared_p


def cohort(n: int = 150) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(5)
    table = pd.DataFrame({
        "x": random.lognormal(1, 0.6, n),
        "age": random.normal(60, 10, n),
        "stage": random.choice(["I", "II", "III"], n),
        "site": random.choice(["a", "b", "c"], n),
        "weight": random.uniform(0.5, 2, n),
    })  # fmt: skip
    time = np.ceil(random.exponential(20 / np.exp(0.3 * table["x"]))) + 1
    return table, Outcome(time, random.random(n) < 0.7, unit="months")


FORMULA = "age + stage + rcs(x, 4)"


def by_part(tests: pd.DataFrame, column: str = "statistic") -> dict[tuple[str, str], float]:
    return {(row["term"], row["part"]): row[column] for row in tests.to_dict("records")}


def test_rows_and_degrees_of_freedom() -> None:
    fit = CoxPH(FORMULA).fit(*cohort())
    tests = fit.term_tests()
    assert tests.columns.tolist() == ["term", "part", "statistic", "df", "p_value"]
    assert by_part(tests, "df") == {
        ("age", "overall"): 1, ("stage", "overall"): 2, ("rcs(x, 4)", "overall"): 3, ("rcs(x, 4)", "non-linear"): 2,
    }  # fmt: skip
    expected = [chi_squared_p(one, df) for one, df in zip(tests["statistic"], tests["df"], strict=True)]
    assert tests["p_value"].tolist() == expected


def test_wald_is_the_quadratic_form_and_of_one_column_the_square_of_z() -> None:
    fit = CoxPH(FORMULA).fit(*cohort())
    found, tidy = by_part(fit.term_tests()), fit.tidy().set_index("term")
    assert found["age", "overall"] == pytest.approx(tidy.loc["age", "statistic"] ** 2, rel=1e-10)
    bent = ["x'", "x''"]
    beta, covariance = fit.coefficients[bent], fit.covariance.loc[bent, bent]
    assert found["rcs(x, 4)", "non-linear"] == pytest.approx(beta @ np.linalg.inv(covariance) @ beta, rel=1e-8)


@pytest.mark.parametrize("options", [{}, {"strata": "site"}, {"ties": "breslow"}, {"penalty": "firth"}])
def test_likelihood_ratio_is_that_of_nested_fits(options: dict[str, str]) -> None:
    table, outcome = cohort()
    full = CoxPH(FORMULA, **options).fit(table, outcome)
    found = by_part(full.term_tests("likelihood-ratio"))
    smaller = {
        ("age", "overall"): "stage + rcs(x, 4)", ("stage", "overall"): "age + rcs(x, 4)",
        ("rcs(x, 4)", "overall"): "age + stage", ("rcs(x, 4)", "non-linear"): "age + stage + x",
    }  # fmt: skip
    assert found.keys() == smaller.keys()
    for key, formula in smaller.items():
        small = CoxPH(formula, **options).fit(table, outcome)
        assert found[key] == pytest.approx(likelihood_ratio_test(small, full).statistic, abs=1e-7)


def test_firth_tests_by_its_own_likelihood() -> None:
    fit = CoxPH(FORMULA, penalty="firth").fit(*cohort())
    tests = fit.term_tests()
    assert_allclose(tests["statistic"], fit.term_tests("likelihood-ratio")["statistic"])
    age = by_part(tests, "p_value")["age", "overall"]
    assert age == pytest.approx(fit.tidy().set_index("term").loc["age", "p_value"], rel=1e-6)


def test_robust_and_penalised_fits_have_wald_tests_only() -> None:
    table, outcome = cohort()
    robust = CoxPH(FORMULA, cluster="site").fit(table, outcome)
    # Three clusters cannot say anything about three columns at once.
    assert np.isnan(by_part(robust.term_tests())["rcs(x, 4)", "overall"])
    weighted = CoxPH(FORMULA).fit(table, outcome, weights=table["weight"])
    assert np.isfinite(weighted.term_tests()["statistic"]).all()
    ridge = CoxPH(FORMULA, penalty=Ridge(1.0)).fit(table, outcome)
    for fit in (robust, weighted, ridge):
        with pytest.raises(FitError, match=r"no likelihood-ratio test.*method='wald'"):
            fit.term_tests("likelihood-ratio")
    with pytest.raises(ConfigError, match="'score' is not known"):
        ridge.term_tests("score")  # type: ignore[arg-type]


def test_interactions_are_terms_of_their_own() -> None:
    table, outcome = cohort()
    fit = CoxPH("stage*rcs(x, 3)", reference={"stage": "I"}).fit(table, outcome)
    tests = fit.term_tests("likelihood-ratio")
    label = "stage:rcs(x, 3)"
    assert by_part(tests, "df")[label, "overall"] == 4
    assert by_part(tests, "df")[label, "non-linear"] == 2
    without = CoxPH("stage*x + rcs(x, 3)", reference={"stage": "I"})
    with pytest.raises(ConfigError, match="two terms code the same column"):
        without.fit(table, outcome)
    small = CoxPH("stage + rcs(x, 3)", reference={"stage": "I"}).fit(table, outcome)
    assert by_part(tests)[label, "overall"] == pytest.approx(likelihood_ratio_test(small, fit).statistic, abs=1e-7)
    assert [name for name in fit.design.names if name.endswith("'")] == ["x'", "stage[II]:x'", "stage[III]:x'"]


def test_the_null_model_has_no_tests() -> None:
    assert len(CoxPH("1").fit(*cohort()).term_tests()) == 0


def test_fine_gray_tests_terms_by_its_sandwich() -> None:
    table, outcome = cohort()
    fit = FineGray(FORMULA).fit(table, outcome)
    bent = ["x'", "x''"]
    tidy = fit.tidy().set_index("term")
    names = tidy.index.tolist()
    covariance = fit.beta_covariance[np.ix_([names.index(one) for one in bent], [names.index(one) for one in bent])]
    beta = tidy.loc[bent, "estimate"]
    found = by_part(fit.term_tests())
    assert found["age", "overall"] == pytest.approx(tidy.loc["age", "statistic"] ** 2, rel=1e-10)
    assert found["rcs(x, 4)", "non-linear"] == pytest.approx(beta @ np.linalg.inv(covariance) @ beta, rel=1e-8)
    assert "rcs(x, 4), non-linear: p" in repr(fit)
