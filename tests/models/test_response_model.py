"""Models of response: R's glm and lrm, a two-by-two table, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import ConfigError, DataError, FitError, response_model
from survmodel.models.response_model import _likelihood

R = json.loads(Path(__file__).with_name("response_model.json").read_text("utf-8"))
TABLE = pd.DataFrame(R["table"]).astype({"age": float, "suv": float})
FORMULA = "age + log2(suv) + sex"
LEVELS = ["PD", "SD", "PR", "CR"]


class TestAgainstR:
    def test_logistic(self) -> None:
        """glm(yes ~ age + log2(suv) + sex, binomial): the intercept is the threshold."""
        fit = response_model(FORMULA, TABLE, TABLE["yes"])
        expected = R["logistic"]
        assert fit.thresholds.tolist() == pytest.approx(expected["estimate"][:1], rel=1e-8)
        assert fit.tidy()["estimate"].tolist() == pytest.approx(expected["estimate"][1:], rel=1e-8)
        assert fit.tidy()["std_error"].tolist() == pytest.approx(expected["std_error"][1:], rel=1e-7)
        assert fit.likelihood_ratio[0] == pytest.approx(expected["statistic"], rel=1e-9)
        assert fit.maximum.loglik == pytest.approx(expected["loglik"], rel=1e-10)
        assert (fit.n, fit.n_missing, fit.levels) == (88, 2, ("no", "yes"))

    def test_proportional_odds(self) -> None:
        """lrm(response ~ age + log2(suv) + sex): y>=SD, y>=PR, y>=CR, then the columns."""
        fit = response_model(FORMULA, TABLE, TABLE["response"], levels=LEVELS)
        expected = R["ordinal"]
        assert fit.thresholds.tolist() == pytest.approx(expected["estimate"][:3], rel=1e-6)
        assert fit.tidy()["estimate"].tolist() == pytest.approx(expected["estimate"][3:], rel=1e-6)
        assert fit.tidy()["std_error"].tolist() == pytest.approx(expected["std_error"][3:], rel=1e-6)
        errors = np.sqrt(np.diag(fit.maximum.covariance))[:3]
        assert errors.tolist() == pytest.approx(expected["std_error"][:3], rel=1e-6)
        assert fit.likelihood_ratio[0] == pytest.approx(expected["statistic"], rel=1e-8)
        assert fit.is_ordinal


def test_a_two_by_two_table_by_hand() -> None:
    """12 of 20 and 5 of 20 respond: odds ratio (12 * 15) / (8 * 5), variance the sum of the reciprocals."""
    table = pd.DataFrame({"positive": [1] * 20 + [0] * 20})
    fit = response_model("positive", table, [1] * 12 + [0] * 8 + [1] * 5 + [0] * 15)
    own = fit.odds_ratios().iloc[0]
    assert own["estimate"] == pytest.approx(12 * 15 / (8 * 5))
    assert own["std_error"] == pytest.approx(np.sqrt(1 / 12 + 1 / 8 + 1 / 5 + 1 / 15))


def test_turning_the_levels_round_turns_the_sign() -> None:
    forth = response_model(FORMULA, TABLE, TABLE["response"], levels=LEVELS)
    back = response_model(FORMULA, TABLE, TABLE["response"], levels=LEVELS[::-1])
    assert back.coefficients.tolist() == pytest.approx((-forth.coefficients).tolist())
    assert back.maximum.loglik == pytest.approx(forth.maximum.loglik)
    assert back.thresholds.tolist() == pytest.approx((-forth.thresholds[::-1]).tolist())


def test_a_unit_of_a_column_changes_its_ratio_only() -> None:
    fit = response_model("age + log2(suv)", TABLE, TABLE["response"], levels=LEVELS)
    other = response_model("age + log2(suv)", TABLE.assign(age=TABLE["age"] * 12), TABLE["response"], levels=LEVELS)
    assert other.coefficients.iloc[0] * 12 == pytest.approx(fit.coefficients.iloc[0])
    assert other.coefficients.iloc[1] == pytest.approx(fit.coefficients.iloc[1])


def test_levels_that_nobody_has_are_left_out() -> None:
    more = ["PD", "SD", "MR", "PR", "VGPR", "CR"]
    fit = response_model(FORMULA, TABLE, TABLE["response"], levels=more)
    assert fit.levels == tuple(LEVELS)
    assert fit.maximum.loglik == pytest.approx(R["ordinal"]["loglik"], rel=1e-9)


def test_who_could_not_be_evaluated_is_counted() -> None:
    response = TABLE["response"].where(TABLE.index > 9)
    fit = response_model("age", TABLE, response, levels=LEVELS)
    assert (fit.n, fit.n_missing) == (80, 10)
    ordered = pd.Series(pd.Categorical(response, categories=LEVELS, ordered=True))
    assert response_model("age", TABLE, ordered).maximum.loglik == fit.maximum.loglik


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_score_and_information_are_derivatives(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), random.integers(0, k, 25)])
    x = random.normal(size=(y.size, 2))
    at_least = np.array([(y >= j).mean() for j in range(1, k)])
    null = np.log(at_least / (1 - at_least))
    theta = np.concatenate([np.zeros(k - 1), 0.3 * random.normal(size=2)])
    here, step = _likelihood(theta, null, x, y), 1e-5
    for place in range(theta.size):
        move = np.zeros(theta.size)
        move[place] = step
        up, down = _likelihood(theta + move, null, x, y), _likelihood(theta - move, null, x, y)
        assert here.score[place] == pytest.approx((up.loglik - down.loglik) / (2 * step), abs=1e-5)
        assert here.information[place] == pytest.approx(-(up.score - down.score) / (2 * step), abs=1e-4)


@pytest.mark.parametrize(
    ("formula", "response", "options", "error", "said"),
    [
        ("age", TABLE["response"], {}, DataError, "neither yes or no nor ordered"),
        ("age", TABLE["response"], {"levels": ["PD", "CR"]}, DataError, "is no level"),
        ("age", TABLE["response"], {"levels": ["CR"]}, DataError, "two or more"),
        ("age", TABLE["response"].astype("category"), {}, DataError, "without order"),
        ("age", TABLE["yes"].iloc[:9], {}, DataError, "differ in rows"),
        ("age", [1] * 90, {}, DataError, "one level only"),
        ("offset(age)", TABLE["yes"], {}, DataError, "no offset"),
        ("size", TABLE["yes"], {}, ConfigError, "size"),
        ("age", TABLE["yes"], {"conf_level": 1.5}, ConfigError, "conf_level"),
    ],
)
def test_refuses(formula: str, response: object, options: dict[str, object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        response_model(formula, TABLE, response, **options)  # type: ignore[arg-type]


def test_separation_and_collinear_columns_are_refused() -> None:
    table = pd.DataFrame({"x": np.arange(20.0), "twice": 2 * np.arange(20.0), "one": 1.0})
    with pytest.raises(FitError, match="tell the response exactly"):
        response_model("x", table, (table["x"] > 9).astype(int))
    noise = np.tile([0, 1], 10)
    with pytest.raises(FitError):
        response_model("x + twice", table, noise)
    with pytest.raises(FitError, match="the same in every patient"):
        response_model("x + one", table, noise)


def test_few_responses_are_warned_of() -> None:
    fit = response_model(FORMULA, TABLE.iloc[:30], TABLE["yes"].iloc[:30])
    assert "for each coefficient" in fit.warnings[0]
    assert not response_model("age", TABLE, TABLE["yes"]).warnings
