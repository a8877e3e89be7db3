"""Columns whose meaning differs between diseases: slopes within groups, standardised markers, published risk."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    CoxPH,
    DataError,
    FineGray,
    FitError,
    Outcome,
    RandomSurvivalForest,
    permutation_importance,
    validate,
)
from survmodel.models.formula import Design, parse_formula
from survmodel.models.row_resampling import RowResampler
from survmodel.resampling import bootstrap_counts, read_units

Z = "within_entity_z(log2(suv))"


def cohort(n: int = 120, seed: int = 2) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    entity = np.array(["MZL", "MCL", "PTCL"])[np.arange(n) % 3]
    level = pd.Series(entity).map({"MZL": 14.0, "MCL": 9.0, "PTCL": 4.0}).to_numpy()
    table = pd.DataFrame({
        "suv": level * np.exp(random.normal(0, 0.5, n)),
        "age": random.normal(60, 10, n),
        "sex": random.choice(["f", "m"], n),
        "entity": entity,
        "group": np.where(entity == "PTCL", "T", "B"),
        "risk": pd.Categorical(random.choice(["low", "mid", "high"], n), ["low", "mid", "high"], ordered=True),
    })  # fmt: skip
    time = random.exponential(20 / np.exp(0.5 * (np.log2(table["suv"]) - 3)))
    return table, Outcome(np.ceil(time) + 1, random.random(n) < 0.7, unit="months")


def learn(formula: str, columns: Mapping[str, object]) -> Design:
    return parse_formula(formula).learn(pd.DataFrame(columns))


# within(x, group)


def test_within_gives_each_group_a_column() -> None:
    design = learn("within(log2(suv), entity)", {"suv": [1, 2, 4, 8, 16], "entity": ["b", "a", "b", "a", "b"]})
    assert design.names == ("log2(suv) within entity[a]", "log2(suv) within entity[b]")
    table = pd.DataFrame({"suv": [2, 8], "entity": ["b", "a"]})
    assert design.matrix(table).tolist() == [[0, 1], [3, 0]]
    again = Design.from_json(json.loads(json.dumps(design.to_json())))
    assert again.matrix(table).tolist() == [[0, 1], [3, 0]]


def test_slopes_within_strata_are_those_of_each_group_alone() -> None:
    table, outcome = cohort()
    fit = CoxPH("within(log2(suv), entity)", strata="entity").fit(table, outcome)
    assert not [text for text in fit.warnings if "baseline hazard" in text]
    for level, row in zip(["MCL", "MZL", "PTCL"], fit.tidy().to_dict("records"), strict=True):
        inside = np.flatnonzero(table["entity"] == level)
        alone = CoxPH("log2(suv)").fit(table.iloc[inside], outcome.take(inside)).tidy().iloc[0]
        assert row["estimate"] == pytest.approx(alone["estimate"], abs=1e-9)
        assert row["std_error"] == pytest.approx(alone["std_error"], rel=1e-8)


def test_within_keeps_the_order_of_categories_and_stands_in_interactions() -> None:
    table, _ = cohort()
    table["entity"] = pd.Categorical(table["entity"], ["PTCL", "MZL", "none", "MCL"])
    design = parse_formula("within(suv, entity)*sex").learn(table, {"sex": "f"})
    assert [name for name in design.names if "sex" not in name] == [
        f"suv within entity[{level}]" for level in ("PTCL", "MZL", "MCL")
    ]
    assert "suv within entity[MZL]:sex[m]" in design.names
    row = pd.DataFrame({"suv": [3.0], "entity": ["MZL"], "sex": ["m"]})
    assert design.matrix(row).tolist() == [[0, 3, 0, 1, 0, 3, 0]]


def test_groups_that_share_a_baseline_hazard_are_warned_of() -> None:
    table, outcome = cohort()
    for spec in (CoxPH("within(suv, entity)"), FineGray("within(suv, entity)")):
        assert any("share a baseline hazard" in text for text in spec.fit(table, outcome).warnings)
    for spec in (CoxPH("within(suv, entity) + factor(entity)"), CoxPH("within(suv, entity) + entity")):
        assert not any("share a baseline hazard" in text for text in spec.fit(table, outcome).warnings)
    # an entity belongs to one group, so that strata of entities keep groups apart
    nested = CoxPH("within(suv, group)", strata="entity").fit(table, outcome)
    assert not any("share a baseline hazard" in text for text in nested.warnings)
    crossed = CoxPH("within(suv, group)", strata="sex").fit(table, outcome)
    assert any("share a baseline hazard" in text for text in crossed.warnings)


def test_a_slope_that_cannot_be_estimated_names_group_and_column() -> None:
    table, outcome = cohort()
    flat = table.assign(suv=table["suv"].where(table["entity"] != "MCL", 7.0))
    with pytest.raises(DataError, match=r"suv is constant within entity 'MCL'.*[Mm]erge"):
        CoxPH("within(log2(suv), entity)", strata="entity").fit(flat, outcome)
    alive = Outcome(outcome.time, outcome.died & (table["entity"] != "MZL").to_numpy(), unit="months")
    for penalty in (None, "firth"):
        with pytest.raises(FitError, match=r"suv within entity 'MZL'.*no events.*[Mm]erge"):
            CoxPH("within(log2(suv), entity)", strata="entity", penalty=penalty).fit(table, alive)


def test_unknown_groups_and_factors_are_refused() -> None:
    table, _ = cohort()
    design = parse_formula("within(suv, entity)").learn(table)
    with pytest.raises(DataError, match="entity has levels that the model does not know: 'ALCL'"):
        design.matrix(pd.DataFrame({"suv": [1.0], "entity": ["ALCL"]}))
    with pytest.raises(DataError, match=r"factor\(risk\) \+ factor\(entity\) \+ factor\(risk\):factor\(entity\)"):
        parse_formula("within(risk, entity)").learn(table)


# within_entity_z(x)


def test_standardised_by_hand() -> None:
    # log2: 0 to 4, mean 2, sd (n - 1) sqrt(2.5); and 2, 2, 2, 2, 7: mean 3, sd sqrt(5)
    suv = [1, 2, 4, 8, 16, 4, 4, 4, 4, 128]
    design = learn(Z, {"suv": suv, "entity": ["a"] * 5 + ["b"] * 5})
    assert design.names == ("within_entity_z(log2(suv))",)
    table = pd.DataFrame({"suv": [4, 8, 4], "entity": ["a", "a", "b"]})
    expected = [0, 1 / math.sqrt(2.5), -1 / math.sqrt(5)]
    assert design.matrix(table)[:, 0] == pytest.approx(expected, abs=1e-14)
    again = Design.from_json(json.loads(json.dumps(design.to_json())))
    assert again.matrix(table)[:, 0] == pytest.approx(expected, abs=1e-14)


def test_the_column_of_entities_is_a_column_of_the_formula() -> None:
    formula = parse_formula(Z)
    assert formula.variables == ("suv", "entity")
    assert formula.text == "within_entity_z(log2(suv), by=entity)"
    assert parse_formula(formula.text) == formula
    assert parse_formula("within_entity_z(suv, by=`a b`)").variables == ("suv", "a b")
    with pytest.raises(ConfigError, match="'entity'"):
        formula.check_columns(["suv", "age"])
    table, outcome = cohort()
    table.loc[3, "entity"] = None
    assert CoxPH(Z).fit(table, outcome).missing == (("entity", 1),)


def test_small_and_constant_entities_are_refused_with_their_counts() -> None:
    entity = ["a"] * 6 + ["b"] * 4 + ["c"] * 1
    with pytest.raises(DataError, match=r"fewer than 5 rows.*'b' \(4 rows\), 'c' \(1 row\).*by="):
        learn(Z, {"suv": np.arange(1.0, 12.0), "entity": entity})
    with pytest.raises(DataError, match=r"all values of a level are equal.*'b' \(5 rows\)"):
        learn(Z, {"suv": [1, 2, 3, 4, 5, 0.1, 0.1, 0.1, 0.1, 0.1], "entity": ["a"] * 5 + ["b"] * 5})
    table, _ = cohort()
    with pytest.raises(DataError, match="does not know: 'ALCL'"):
        parse_formula(Z).learn(table).matrix(pd.DataFrame({"suv": [1.0], "entity": ["ALCL"]}))


def test_effects_need_an_entity() -> None:
    table, outcome = cohort()
    fit = CoxPH(Z, strata="entity").fit(table, outcome)
    for call in (
        lambda: fit.hazard_ratios(contrasts={"suv": (5, 10)}),
        lambda: fit.effect_curve("suv"),
        lambda: fit.hazard_ratios(contrasts={"entity": ("MZL", "MCL")}),
    ):
        with pytest.raises(ConfigError, match=r"depends on .*at=\{"):
            call()
    own = np.log2(table["suv"][table["entity"] == "MZL"])
    expected = math.exp(float(fit.beta[0]) / own.std(ddof=1))
    ratio = fit.hazard_ratios(contrasts={"suv": (5, 10)}, at={"entity": "MZL"})
    assert ratio["estimate"].iloc[0] == pytest.approx(expected, rel=1e-12)
    curve = fit.effect_curve("suv", 5.0, points=3, at={"entity": "MZL"})
    assert curve["estimate"].iloc[-1] == pytest.approx(expected ** math.log2(table["suv"].max() / 5), rel=1e-10)
    with pytest.raises(ConfigError, match="not a column"):
        fit.effect_curve("suv", at={"entity": "MZL", "centre": 1})
    assert CoxPH("suv*sex").fit(table, outcome).effect_curve("suv", at={"sex": "f"})["estimate"].notna().all()


def test_counts_are_replicated_rows_to_the_last_figures() -> None:
    table, outcome = cohort()
    counts = np.random.default_rng(7).integers(0, 4, outcome.n)
    rows = np.repeat(np.arange(outcome.n), counts)
    for spec in (CoxPH(f"{Z} + age", strata="entity"), FineGray(f"{Z} + age")):
        counted = spec.fit(table, outcome, freq=counts)
        replicated = spec.fit(table.iloc[rows].reset_index(drop=True), outcome.take(rows))
        expected = replicated.prognostic_index(table)
        np.testing.assert_allclose(counted.prognostic_index(table), expected, rtol=0, atol=1e-10)
        assert spec.resampler(table, outcome) is None
        np.testing.assert_allclose(RowResampler(spec, table, outcome).index(counts), expected, rtol=0, atol=1e-10)


def test_validation_learns_means_in_each_resample() -> None:
    """The optimism bootstrap written out by hand: standardise the drawn rows, fit, standardise all rows alike."""
    table, outcome = cohort(90)

    class ByHand:
        variables = ("suv", "entity")

        def fit(self, table: pd.DataFrame, outcome: Outcome) -> object:
            values = np.log2(table["suv"])
            grouped = values.groupby(table["entity"])
            mean, sd = grouped.mean(), grouped.std(ddof=1)
            fit = CoxPH("z", strata="entity").fit(self.coded(table, mean, sd), outcome)

            class Fitted:
                rows = fit.rows

                @staticmethod
                def prognostic_index(new: pd.DataFrame) -> np.ndarray:
                    return fit.prognostic_index(ByHand.coded(new, mean, sd))

                @staticmethod
                def predict_risk(new: pd.DataFrame, times: object) -> np.ndarray:
                    return fit.predict_risk(ByHand.coded(new, mean, sd), times)

            return Fitted()

        @staticmethod
        def coded(table: pd.DataFrame, mean: pd.Series, sd: pd.Series) -> pd.DataFrame:
            entity = table["entity"]
            return table.assign(z=(np.log2(table["suv"]) - entity.map(mean)) / entity.map(sd))

        def resampler(self, _table: pd.DataFrame, _outcome: Outcome) -> None:
            return None

    specs = {"own": CoxPH(Z, strata="entity"), "hand": ByHand()}
    found = validate(specs, table, outcome, repeats=25, fold_repeats=1, strata=table["entity"], seed=5)
    own, hand = found.scores["own"], found.scores["hand"]
    for name in ("apparent", "optimism", "corrected", "cross_validated"):
        assert getattr(own, name) == pytest.approx(getattr(hand, name), abs=1e-10)
    assert own.used == 25


def test_a_forest_takes_it_and_shuffles_entities_with_it() -> None:
    table, outcome = cohort()
    fit = RandomSurvivalForest(Z, n_trees=20, seed=1).fit(table, outcome)
    importance = permutation_importance(fit, table, outcome, repeats=2, seed=1, limits=None)
    assert set(importance.tidy()["variable"]) == {"suv", "entity"}


# published_risk(x)


def test_published_risk_by_hand() -> None:
    table = pd.DataFrame({"s": [0.95, 0.8, 0.55]})
    design = parse_formula("published_risk(s)").learn(table)
    expected = [math.log(-math.log(value)) for value in (0.95, 0.8, 0.55)]
    assert design.names == ("published_risk(s)",)
    assert design.matrix(table)[:, 0] == pytest.approx(expected, abs=1e-15)
    assert expected == sorted(expected)  # higher = worse


def test_published_risk_of_levels_in_order() -> None:
    table, _ = cohort()
    design = parse_formula("published_risk(risk, survival=[.95, .80, .55])").learn(table)
    assert "risk: published survival low=0.95, mid=0.8, high=0.55" in design.notes
    assert design.names == ("published_risk(risk)",)
    again = Design.from_json(json.loads(json.dumps(design.to_json())))
    row = pd.DataFrame({"risk": ["high", "low"]})
    assert again.matrix(row)[:, 0] == pytest.approx([math.log(-math.log(0.55)), math.log(-math.log(0.95))], abs=1e-15)
    with pytest.raises(DataError, match="does not know: 'very high'"):
        design.matrix(pd.DataFrame({"risk": ["very high"]}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.9, 80.0], r"[Gg]ive probabilities, not percentages"),
        ([0.9, 1.0], "between 0 and 1.*exactly 0 or 1"),
        ([0.9, 0.0], "between 0 and 1.*exactly 0 or 1"),
        ([0.9, -0.1], "between 0 and 1"),
        (pd.Categorical(["low", "high"]), "published survival is not given"),
        (["low", "high"], "must be numeric"),
    ],
)
def test_columns_that_hold_no_survival_are_refused(values: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        learn("published_risk(s)", {"s": values})


def test_survival_must_fit_the_levels() -> None:
    table, _ = cohort()
    with pytest.raises(DataError, match=r"3 levels and survival has 2.*'low', 'mid', 'high'"):
        parse_formula("published_risk(risk, survival=[.9, .5])").learn(table)
    with pytest.raises(DataError, match="no declared order"):
        parse_formula("published_risk(sex, survival=[.9, .5])").learn(table)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("within(x)", "the column of its groups"),
        ("within(x, 'g')", "the column of its groups"),
        ("within(x, g, h)", "the column of its groups"),
        ("within(x, g, by=h)", "the column of its groups"),
        ("within(x, x)", "two different columns"),
        ("within(factor(x), g)", "takes a numeric column"),
        ("within_entity_z(factor(x))", "takes one numeric column"),
        ("within_entity_z(x, g)", "takes one numeric column"),
        ("within_entity_z(x, to=g)", "has no keyword to"),
        ("within_entity_z(x, by='g')", "without quotes"),
        ("within_entity_z(x, by=x)", "two different columns"),
        ("published_risk(log(x))", "takes one column"),
        ("published_risk(x, 3)", "takes one column"),
        ("published_risk(x, at=3)", "has no keyword at"),
        ("published_risk(x, survival=.9)", "list of probabilities"),
        ("published_risk(x, survival=[.9])", "list of probabilities"),
        ("published_risk(x, survival=[95, 80])", "not percentages"),
        ("published_risk(x, survival=[1, .8])", "between 0 and 1"),
        ("published_risk(x, survival=[.5, .8])", "must fall"),
        ("published_risk(x, survival=[.8, .8])", "must fall"),
    ],
)
def test_calls_are_checked_as_they_are_read(formula: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_formula(formula)


@pytest.mark.parametrize(
    "formula",
    [
        "within( log2(x),g ) + x",
        "within_entity_z(x) + within_entity_z(x, by=entity)",
        "within_entity_z(sqrt(x), by=`a b`):sex + sex + within_entity_z(sqrt(x), by=`a b`)",
        "published_risk(i, survival=[.95, .8, .55]) + published_risk(s)",
    ],
)
def test_normal_form_reads_as_itself(formula: str) -> None:
    parsed = parse_formula(formula)
    again = parse_formula(parsed.text)
    assert again == parsed
    assert again.text == parsed.text


def test_fast_resampling_stays_where_nothing_is_learnt() -> None:
    table, outcome = cohort()
    spec = CoxPH("within(log2(suv), entity) + published_risk(risk, survival=[.95, .8, .55])", strata="entity")
    fast, general = spec.resampler(table, outcome), RowResampler(spec, table, outcome)
    assert fast is not None
    for counts in bootstrap_counts(read_units(outcome.n, strata=table["entity"]), 3, 8):
        np.testing.assert_allclose(fast.index(counts), general.index(counts), rtol=0, atol=1e-8)
