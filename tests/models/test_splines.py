"""Restricted cubic splines: knots, columns and what a formula makes of them; expected values are computed by hand."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from survmodel import ConfigError, CoxPH, DataError, FineGray, Outcome, RandomSurvivalForest, validate
from survmodel.models.formula import Design, learn_counted, parse_formula
from survmodel.models.formula_splines import place_knots, spline_columns


def learn(formula: str, **columns: object) -> Design:
    return parse_formula(formula).learn(pd.DataFrame(columns))


def cohort(n: int = 120, seed: int = 1) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"x": random.lognormal(1, 0.6, n), "sex": random.choice(["f", "m"], n)})
    hazard = np.exp(0.1 * (table["x"] - 4) ** 2 / (1 + table["x"]))
    time = np.ceil(random.exponential(24 / hazard)) + 1
    return table, Outcome(time, random.random(n) < 0.75, unit="months")


class TestColumns:
    """R's basis: in units of x, linear outside the outer knots."""

    def test_three_knots_by_hand(self) -> None:
        # Knots 0, 2, 6: x' = [(x)^3 - (x - 2)^3 * 6/4 + (x - 6)^3 * 2/4] / 36, each cube 0 below its knot.
        x = np.array([-5.0, 0.0, 1.0, 2.0, 4.0, 6.0, 10.0])
        bent = [0, 0, 1 / 36, 8 / 36, (64 - 12) / 36, (216 - 96) / 36, (1000 - 768 + 32) / 36]
        assert_allclose(spline_columns(x, (0.0, 2.0, 6.0)), np.column_stack([x, bent]), rtol=1e-15, atol=1e-15)

    def test_four_knots_by_hand(self) -> None:
        # Knots 0, 1, 2, 3: x'' = [(x - 1)^3 - (x - 2)^3 * 2 + (x - 3)^3] / 9.
        x = np.array([1.5, 2.5, 4.0])
        found = spline_columns(x, (0.0, 1.0, 2.0, 3.0))
        first = [(27 / 8) / 9, (125 / 8 - 3 / 8) / 9, (64 - 3 * 8 + 2) / 9]
        second = [(1 / 8) / 9, (27 / 8 - 2 / 8) / 9, (27 - 16 + 1) / 9]
        assert_allclose(found, np.column_stack([x, first, second]), rtol=1e-14)

    def test_large_numbers_keep_their_digits(self) -> None:
        x = np.linspace(0.0, 7.0, 50)
        plain, large = spline_columns(x, (1.0, 2.0, 6.0)), spline_columns(1e9 * x, (1e9, 2e9, 6e9))
        assert_allclose(large, 1e9 * plain, rtol=1e-12)


class TestKnots:
    """Harrell's positions, and Hmisc's rules about ends, ties and few values."""

    @pytest.mark.parametrize(
        ("n_knots", "knots"),
        [
            (3, (100, 500, 900)),
            (4, (50, 350, 650, 950)),
            (5, (50, 275, 500, 725, 950)),
            (6, (50, 230, 410, 590, 770, 950)),
            (7, (25, 25 + 950 / 6, 25 + 1900 / 6, 500, 25 + 3800 / 6, 25 + 4750 / 6, 975)),
        ],
    )
    def test_quantiles(self, n_knots: int, knots: tuple[float, ...]) -> None:
        assert_allclose(place_knots(np.arange(1001.0), n_knots, "x"), knots, rtol=1e-14)

    def test_below_100_rows_the_outer_knots_are_the_fifth_values(self) -> None:
        values = np.random.default_rng(0).permutation(np.arange(1.0, 41.0))
        assert place_knots(values, 3, "x") == (5.0, 20.5, 36.0)
        # Harrell's positions .05, .35, .65, .95 of 40 values are 2.95, 14.65, 26.35, 38.05.
        assert_allclose(place_knots(values, 4, "x"), (5, 14.65, 26.35, 36))

    def test_a_heavy_end_has_the_next_value_as_its_knot(self) -> None:
        # A fifth has the lowest value: the knot is the next one; the others come from what lies above it.
        values = np.concatenate([np.zeros(50), np.arange(1.0, 202.0)])
        above = np.arange(2.0, 202.0)
        assert place_knots(values, 3, "x") == (1.0, np.median(above), float(np.quantile(above, 0.9)))
        both = np.concatenate([np.zeros(50), np.arange(1.0, 202.0), np.full(50, 300.0)])
        assert place_knots(both, 3, "x") == (1.0, 101.0, 201.0)

    def test_as_many_values_inside_as_knots_are_the_knots(self) -> None:
        assert place_knots(np.array([1.0, 1, 2, 2, 4, 4, 7, 7, 9, 9]), 3, "x") == (2.0, 4.0, 7.0)

    @pytest.mark.parametrize(
        ("values", "n_knots", "message"),
        [
            ([1, 2, 3, 4] * 9, 3, "x has 4 distinct values, too few for a spline with 3 knots. Write x alone,"),
            ([1, 2, 3, 4, 5, 6] * 9, 5, "x has 6 distinct values, too few.* Write rcs.x, 3. or x alone"),
            ([*range(60), *[1] * 300], 3, "knots of the spline of x coincide.*2 different knots of 3.* Write x alone"),
            ([*range(60), *[30] * 300], 5, "knots of the spline of x coincide.*Write rcs.x, 3. or x alone, whose"),
            ([7] * 30, 3, "x has 1 distinct value, too few"),
        ],
    )
    def test_what_cannot_bend_is_refused(self, values: list[float], n_knots: int, message: str) -> None:
        with pytest.raises(DataError, match=message):
            place_knots(np.array(values, dtype=float), n_knots, "x")


class TestFormula:
    """The function in the language of formulas."""

    def test_columns_and_term(self) -> None:
        design = learn("sex + rcs(age, 4)", age=np.arange(200.0), sex=["f", "m"] * 100)
        assert design.names == ("sex[m]", "age", "age'", "age''")
        assert design.terms == (("sex", (0,)), ("rcs(age, 4)", (1, 2, 3)))
        assert design.learns_numbers
        assert {column.variable for column in design.columns[1:]} == {"age"}

    def test_a_transformed_column(self) -> None:
        design = learn("rcs(log2(`white cells`), 3)", **{"white cells": 2.0 ** np.arange(201)})
        assert design.names == ("log2(`white cells`)", "log2(`white cells`)'")
        assert design.to_json()["codings"][0]["knots"] == [20.0, 100.0, 180.0]
        assert_allclose(design.matrix(pd.DataFrame({"white cells": [2.0**20, 2.0**100]})), [[20, 0], [100, 20]])

    @pytest.mark.parametrize(("n", "columns"), [(29, 2), (30, 3), (1000, 3)])
    def test_default_number_of_knots(self, n: int, columns: int) -> None:
        assert len(learn("rcs(x)", x=np.arange(float(n))).names) == columns

    @pytest.mark.parametrize(
        ("formula", "message"),
        [
            ("rcs(x, 2)", "a spline has 3 to 7 knots"),
            ("rcs(x, 8)", "a spline has 3 to 7 knots"),
            ("rcs(x, 3.5)", "a spline has 3 to 7 knots"),
            ("rcs(x, 'three')", "a spline has 3 to 7 knots"),
            ("rcs(x, 3, 4)", "one numeric column"),
            ("rcs(x, knots=3)", "one numeric column"),
            ("rcs(factor(x))", "one numeric column"),
            ("rcs(rcs(x))", "one numeric column"),
            ("log(rcs(x))", "takes one column"),
            ("offset(rcs(x))", "one numeric column"),
        ],
    )
    def test_other_arguments_are_refused(self, formula: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            parse_formula(formula)

    def test_text_and_a_second_coding_are_refused(self) -> None:
        with pytest.raises(DataError, match="sex must be numeric"):
            learn("rcs(sex, 3)", sex=["f", "m"] * 20)
        with pytest.raises(DataError, match=r"log2\(x\) needs values above 0"):
            learn("rcs(log2(x), 3)", x=np.arange(40.0))
        with pytest.raises(ConfigError, match="two terms code the same column"):
            learn("x + rcs(x, 3)", x=np.arange(40.0))

    def test_interaction(self) -> None:
        design = learn("sex*rcs(x, 3)", x=np.arange(100.0), sex=["f", "m"] * 50)
        assert design.names[-2:] == ("sex[m]:x", "sex[m]:x'")

    def test_stored_knots_code_any_table(self) -> None:
        design = learn("rcs(sqrt(x), 5)", x=np.arange(300.0))
        stored = json.loads(json.dumps(design.to_json(), allow_nan=False))
        again = Design.from_json(stored)
        assert again.to_json() == stored
        few = pd.DataFrame({"x": [0.0, 3.0, 1e4]})
        assert_array_equal(again.matrix(few), design.matrix(few))

    @pytest.mark.parametrize(
        "knots", [[1, 2], [3, 2, 1, 0, -1], [1, 2, 2, 3, 4], [1, 2, float("nan"), 3, 4], "abc", None]
    )
    def test_damaged_knots_are_refused(self, knots: object) -> None:
        stored = learn("rcs(x, 5)", x=np.arange(300.0)).to_json()
        stored["codings"][0]["knots"] = knots
        with pytest.raises(ConfigError, match="stored design"):
            Design.from_json(stored)

    def test_counts_are_rows(self) -> None:
        table = pd.DataFrame({"x": np.arange(1.0, 81.0)})
        counts = np.where(table["x"] > 60, 4, 1)
        formula = parse_formula("rcs(x, 3)")
        copies = formula.learn(table.iloc[np.repeat(np.arange(80), counts)])
        assert (
            learn_counted(formula, table, None, counts.astype(float)).to_json()
            == copies.to_json()
            != formula.learn(table).to_json()
        )


class TestFit:
    """What models make of splines."""

    def test_every_model_takes_them(self) -> None:
        table, outcome = cohort()
        for spec in (CoxPH("rcs(x, 3)"), FineGray("rcs(x, 3)"), RandomSurvivalForest("rcs(x, 3)", n_trees=5)):
            assert spec.fit(table, outcome).prognostic_index(table).shape == (120,)

    def test_knots_come_from_the_analysed_rows(self) -> None:
        table, outcome = cohort()
        table.loc[table["x"] > 4, "sex"] = None
        fit = CoxPH("rcs(x, 3) + sex").fit(table, outcome)
        assert fit.design.to_json() == parse_formula("rcs(x, 3) + sex").learn(table.iloc[fit.rows]).to_json()
        assert fit.design.to_json()["codings"][0]["knots"][-1] < 4

    def test_counts_are_copies(self) -> None:
        table, outcome = cohort()
        counts = np.random.default_rng(3).integers(0, 4, 120)
        rows = np.repeat(np.arange(120), counts)
        for model in (CoxPH("rcs(x, 4) + sex", reference={"sex": "f"}), FineGray("rcs(x, 3)")):
            counted = model.fit(table, outcome, freq=counts)
            copied = model.fit(table.iloc[rows].reset_index(drop=True), outcome.take(rows))
            assert counted.design.to_json() == copied.design.to_json()
            assert_allclose(counted.coefficients, copied.coefficients, rtol=1e-6)

    def test_resamples_learn_their_own_knots(self) -> None:
        table, outcome = cohort()
        spec = CoxPH("rcs(x, 3)")
        assert spec.resampler(table, outcome) is None
        with pytest.raises(DataError, match="cannot be drawn again"):
            spec.resampler(table.assign(x=table["x"].where(table["x"] > 1)), outcome)
        result = validate({"spline": spec, "linear": CoxPH("x")}, table, outcome, repeats=20, seed=1)
        assert result.scores["spline"].used == 20

    def test_effects(self) -> None:
        table, outcome = cohort()
        fit = CoxPH("rcs(x, 3) + sex").fit(table, outcome)
        knots = tuple(fit.design.to_json()["codings"][0]["knots"])
        names = ["x", "x'"]
        step = np.diff(spline_columns(np.array([2.0, 5.0]), knots), axis=0)[0]
        log_ratio = step @ fit.coefficients[names]
        error = np.sqrt(step @ fit.covariance.loc[names, names] @ step)
        row = fit.hazard_ratios({"x": (2, 5)}).iloc[0]
        assert_allclose([row["estimate"], row["std_error"]], [np.exp(log_ratio), error], rtol=1e-12)
        curve = fit.effect_curve("x", 2.0, points=3)
        at_five = fit.effect_curve("x", 5.0, points=3)
        assert_allclose(curve["estimate"] / at_five["estimate"], np.exp(log_ratio), rtol=1e-12)
        assert (curve["conf_low"] <= curve["estimate"]).all()
        crossed = CoxPH("rcs(x, 3)*sex").fit(table, outcome)
        with pytest.raises(ConfigError, match="depends on sex"):
            crossed.hazard_ratios({"x": (2, 5)})
        assert crossed.hazard_ratios({"x": (2, 5)}, at={"sex": "m"})["estimate"].iloc[0] > 0

    def test_few_events_are_warned_of(self) -> None:
        table, outcome = cohort(60)
        assert int(outcome.event.sum()) == 44
        (warning,) = CoxPH("rcs(x, 3)").fit(table, outcome).warnings
        assert warning.startswith("44 events for a spline of x: below 60 its bends are mostly chance")
        assert not CoxPH("x").fit(table, outcome).warnings
        assert not CoxPH("rcs(x, 3)").fit(*cohort(120)).warnings

    def test_a_fit_tells_its_knots(self) -> None:
        table = pd.DataFrame({"x": np.arange(1.0, 61.0)})
        outcome = Outcome(np.arange(60.0, 0.0, -1.0) + np.resize([0.0, 30.0, 7.0], 60), np.ones(60, dtype=int))
        fit = CoxPH("rcs(x, 3)").fit(table, outcome)
        stored = json.loads(fit.to_json())
        assert stored["glance"]["conventions"].endswith("; spline of x, knots at 5.0, 30.5, 56.0")
        assert "rcs(x, 3): knots at 5, 30.5, 56" in repr(fit)
