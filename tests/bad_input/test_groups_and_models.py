"""Groups, covariates and rows that a test or a model cannot use; numbers are those of the classes of bad input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from bad_input.refusals import N, make_outcome, make_table, refusal, warned

from survmodel import (
    ConfigError,
    CoxPH,
    DataError,
    FitError,
    KaplanMeier,
    Outcome,
    Ridge,
    concordance,
    concordance_difference,
    follow_up,
    likelihood_ratio_test,
    logrank_test,
    pairwise_logrank,
    proportional_hazards_test,
)

TABLE = make_table()
OUTCOME = make_outcome(TABLE)


def with_column(**columns: object) -> pd.DataFrame:
    return TABLE.assign(**columns)


class TestGroups:
    def test_70_one_group(self) -> None:
        for test in (logrank_test, pairwise_logrank):
            refusal(DataError, lambda test=test: test(OUTCOME, ["high"] * N), "only one group", "Nothing to compare")

    @pytest.mark.parametrize("missing", [None, np.nan])
    def test_71_group_missing(self, missing: object) -> None:
        group = TABLE["sex"].astype(object)
        group.iloc[[2, 40]] = missing
        for analysis in (
            lambda: logrank_test(OUTCOME, group),
            lambda: KaplanMeier().fit(OUTCOME, by=group),
            lambda: follow_up(OUTCOME, by=group),
        ):
            refusal(DataError, analysis, "by has rows without a group", "rows 3, 41 (2 of 60)", "fillna")
        refusal(DataError, lambda: logrank_test(OUTCOME, TABLE["sex"], strata=group), "strata", "rows 3, 41")

    def test_72_levels_of_one_patient(self) -> None:
        """Many levels are counted and not listed, for they may identify persons."""
        refusal(FitError, lambda: CoxPH("pid").fit(TABLE, OUTCOME), "coefficients cannot be estimated")

    def test_73_levels_alike(self) -> None:
        sex = TABLE["sex"].astype(object)
        sex.iloc[:20] = "Male"
        notes = CoxPH("sex + age").fit(with_column(sex=sex), OUTCOME).notes
        assert any("differ only in case or spaces" in note for note in notes)

    def test_74_unseen_level(self) -> None:
        fit = CoxPH("sex + age").fit(TABLE, OUTCOME)
        later = TABLE.astype({"sex": object})
        later.iloc[[6, 9], later.columns.get_loc("sex")] = "diverse"
        for predict in (fit.prognostic_index, lambda table: fit.predict_risk(table, [12.0])):
            refusal(
                DataError,
                lambda predict=predict: predict(later),
                "sex",
                "'diverse'",
                "rows 7, 10 (2 of 60)",
                "'female'",
            )

    def test_74_unseen_stratum(self) -> None:
        fit = CoxPH("age", strata="sex").fit(TABLE, OUTCOME)
        later = TABLE.astype({"sex": object})
        later.iloc[0, later.columns.get_loc("sex")] = "diverse"
        refusal(DataError, lambda: fit.predict_risk(later, [12.0]), "sex", "row 1 (1 of 60)")

    def test_75_stratum_without_events_in_a_test(self) -> None:
        site = np.where(np.arange(N) < 8, "a", "b")
        outcome = Outcome(TABLE["months"], TABLE["dead"].where(site == "b", 0))
        warned(logrank_test(outcome, TABLE["sex"], strata=site).warnings, "1 of 2 strata have no event")

    def test_75_stratum_without_events_in_a_model(self) -> None:
        site = np.where(np.arange(N) < 8, "a", "b")
        outcome = Outcome(TABLE["months"], TABLE["dead"].where(site == "b", 0))
        fit = CoxPH("age", strata="site").fit(with_column(site=site), outcome)
        alone = CoxPH("age").fit(TABLE[site == "b"], outcome.take(site == "b"))
        assert fit.beta[0] == pytest.approx(alone.beta[0], rel=1e-9)
        warned(fit.warnings, "1 of 2 strata", "no event")

    def test_name_instead_of_column(self) -> None:
        refusal(DataError, lambda: logrank_test(OUTCOME, "sex"), "text 'sex'", "by=table['sex']")


class TestCovariates:
    def test_86_infinite(self) -> None:
        age = TABLE["age"].where(np.arange(N) != 20, np.inf)
        refusal(
            DataError, lambda: CoxPH("age").fit(with_column(age=age), OUTCOME), "age", "infinite", "row 21 (1 of 60)"
        )

    def test_87_missing_is_counted(self) -> None:
        age = TABLE["age"].where(~np.isin(np.arange(N), [4, 5, 6]), np.nan)
        fit = CoxPH("age + suv").fit(with_column(age=age), OUTCOME)
        assert (fit.n, fit.n_missing, fit.missing) == (57, 3, (("age", 3),))
        assert "3 rows left out for missing values" in repr(fit)
        refusal(
            DataError, lambda: fit.prognostic_index(with_column(age=age)), "age", "missing", "rows 5, 6, 7 (3 of 60)"
        )

    def test_87_nothing_left(self) -> None:
        refusal(
            DataError, lambda: CoxPH("age").fit(with_column(age=np.nan), OUTCOME), "no complete row", "age (60 rows)"
        )

    def test_90_constant(self) -> None:
        table = with_column(dose=3.0, site="a")
        refusal(FitError, lambda: CoxPH("age + dose").fit(table, OUTCOME), "dose is constant", "60", "Leave it out")
        refusal(DataError, lambda: CoxPH("age + site").fit(table, OUTCOME), "site is constant", "Leave it out")

    def test_90_constant_within_strata(self) -> None:
        table = with_column(male=(TABLE["sex"] == "male").astype(int))
        refusal(FitError, lambda: CoxPH("age + male", strata="sex").fit(table, OUTCOME), "male", "strata")

    @pytest.mark.parametrize(
        ("formula", "named"),
        [("age + suv + double", ["double", "age"]), ("age + suv + total", ["total", "age", "suv"]),
         ("sex + male", ["male", "sex[female]"])],
    )  # fmt: skip
    def test_92_collinear(self, formula: str, named: list[str]) -> None:
        table = with_column(
            double=2 * TABLE["age"] + 7, total=TABLE["age"] + TABLE["suv"], male=(TABLE["sex"] == "male").astype(int)
        )
        refusal(FitError, lambda: CoxPH(formula).fit(table, OUTCOME), "determined by", "Leave one of them out", *named)

    def test_94_perfect_order(self) -> None:
        table = with_column(rank=-TABLE["months"])
        everybody = Outcome(TABLE["months"], np.ones(N, dtype=int))
        refusal(
            FitError,
            lambda: CoxPH("rank").fit(table, everybody),
            "no maximum",
            "rank (higher hazard)",
            'penalty="firth"',
        )

    @pytest.mark.parametrize("ties", ["efron", "breslow"])
    @pytest.mark.parametrize("seed", range(40))
    def test_95_group_without_events(self, seed: int, ties: str) -> None:
        """The estimate is infinite: refused, however early the score of the runaway coefficient falls to 0."""
        rng = np.random.default_rng(seed)
        n = int(rng.integers(10, 80))
        time, event, marker = rng.exponential(20, n).round(1) + 0.1, rng.integers(0, 2, n), rng.integers(0, 2, n)
        event[marker == 1] = 0
        event[marker.argmin()] = 1
        outcome = Outcome(time, event)
        late = time[event == 1].min() < time[marker == 1].max()
        if not late:
            return
        model = CoxPH("marker", ties=ties)
        refusal(
            FitError,
            lambda: model.fit(pd.DataFrame({"marker": marker}), outcome),
            "no maximum",
            "marker (lower hazard)",
        )
        penalised = CoxPH("marker", ties=ties, penalty=Ridge(1.0)).fit(pd.DataFrame({"marker": marker}), outcome)
        assert np.isfinite(penalised.beta).all()
        firth = CoxPH("marker", ties=ties, penalty="firth").fit(pd.DataFrame({"marker": marker}), outcome)
        assert np.isfinite(firth.beta).all()
        assert np.isfinite(firth.tidy()["conf_high"]).all()

    def test_95_in_a_larger_model(self) -> None:
        marker = ((TABLE["dead"] == 0) & (np.arange(N) % 3 == 0)).astype(int)
        table = with_column(marker=marker)
        refusal(
            FitError, lambda: CoxPH("age + suv + marker").fit(table, OUTCOME), "no maximum", "marker (lower hazard)"
        )

    def test_95_level_without_events(self) -> None:
        stage = np.where((TABLE["dead"] == 0) & (np.arange(N) % 3 == 0), "I", np.where(np.arange(N) % 2, "II", "III"))
        model = CoxPH("stage + age", reference={"stage": "III"})
        refusal(FitError, lambda: model.fit(with_column(stage=stage), OUTCOME), "no maximum", "stage[I] (lower hazard)")

    def test_96_more_columns_than_events(self) -> None:
        rng = np.random.default_rng(1)
        table = pd.DataFrame(rng.normal(size=(12, 14)), columns=[f"x{j}" for j in range(14)])
        outcome = Outcome(np.arange(1, 13), np.ones(12, dtype=int))
        formula = " + ".join(table)
        refusal(FitError, lambda: CoxPH(formula).fit(table, outcome), "14 coefficients", "12 events", "penalty=Ridge")
        assert np.isfinite(CoxPH(formula, penalty=Ridge(1.0)).fit(table, outcome).beta).all()

    @pytest.mark.parametrize("factor", [1e12, 1e-12])
    def test_97_scale(self, factor: float) -> None:
        plain = CoxPH("age + suv").fit(TABLE, OUTCOME)
        scaled = CoxPH("age + suv").fit(with_column(age=TABLE["age"] * factor), OUTCOME)
        np.testing.assert_allclose(scaled.beta * [factor, 1], plain.beta, rtol=1e-8)
        assert scaled.maximum.loglik == pytest.approx(plain.maximum.loglik, rel=1e-12)

    def test_76_logarithm_of_zero(self) -> None:
        suv = TABLE["suv"].where(np.arange(N) != 9, 0.0)
        refusal(
            DataError,
            lambda: CoxPH("log2(suv)").fit(with_column(suv=suv), OUTCOME),
            "log2(suv)",
            "row 10 (1 of 60)",
            "0",
        )

    def test_numbers_as_text(self) -> None:
        table = with_column(age=TABLE["age"].map(str))
        refusal(DataError, lambda: CoxPH("age").fit(table, OUTCOME), "age", "stored as text", "to_numeric")


class TestOtherRows:
    """What is used together has the same rows in the same order."""

    @pytest.mark.parametrize(
        "use",
        [
            lambda rows: CoxPH("age").fit(rows, OUTCOME),
            lambda rows: KaplanMeier().fit(OUTCOME, by=rows["sex"]),
            lambda rows: KaplanMeier().fit(OUTCOME, weights=rows["age"]),
            lambda rows: CoxPH("age").fit(TABLE, OUTCOME, weights=rows["age"]),
            lambda rows: CoxPH("age").fit(TABLE, OUTCOME, freq=rows["age"]),
            lambda rows: logrank_test(OUTCOME, rows["sex"]),
            lambda rows: logrank_test(OUTCOME, TABLE["sex"], strata=rows["sex"]),
            lambda rows: concordance(OUTCOME, rows["age"]),
            lambda rows: concordance(OUTCOME, TABLE["age"], strata=rows["sex"]),
            lambda rows: concordance_difference(OUTCOME, TABLE["age"], rows["suv"]),
            lambda rows: follow_up(OUTCOME, by=rows["sex"]),
        ],
    )
    def test_length_and_order(self, use: Callable[[pd.DataFrame], object]) -> None:
        refusal(DataError, lambda: use(TABLE.iloc[:-1]), "found 59 rows against 60", "outcome.take")
        refusal(DataError, lambda: use(TABLE.iloc[::-1]), "row labels", "another order", "table.loc[outcome.index]")
        other = TABLE.set_axis([f"x{i}" for i in range(N)])
        refusal(DataError, lambda: use(other), "row labels", "some labels differ")

    def test_nested_models_on_other_rows(self) -> None:
        table = with_column(age=TABLE["age"].where(np.arange(N) != 7, np.nan))
        small, large = (CoxPH(formula).fit(table, OUTCOME) for formula in ("suv", "suv + age"))
        refusal(DataError, lambda: likelihood_ratio_test(small, large), "different rows", "60 against 59", "complete")

    def test_models_that_are_not_nested(self) -> None:
        small, large = (CoxPH(formula).fit(TABLE, OUTCOME) for formula in ("suv", "age + sex"))
        refusal(FitError, lambda: likelihood_ratio_test(small, large), "not nested")
        refusal(FitError, lambda: likelihood_ratio_test(large, small), "not smaller")

    def test_index_missing(self) -> None:
        age = TABLE["age"].where(np.arange(N) != 7, np.nan)
        refusal(DataError, lambda: concordance(OUTCOME, age), "index", "row 8 (1 of 60)", "complete rows")

    @pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
    def test_weights(self, weight: float) -> None:
        weights = np.ones(N)
        weights[3] = weight
        refusal(DataError, lambda: CoxPH("age").fit(TABLE, OUTCOME, weights=weights), "weights", "row 4 (1 of 60)")
        refusal(DataError, lambda: KaplanMeier().fit(OUTCOME, weights=weights), "weights", "row 4 (1 of 60)")

    def test_counts(self) -> None:
        refusal(
            DataError, lambda: CoxPH("age").fit(TABLE, OUTCOME, freq=np.full(N, 0.5)), "freq is not whole", "weights="
        )


class TestOptions:
    def test_column_of_the_formula(self) -> None:
        refusal(
            ConfigError,
            lambda: CoxPH("suv + agee").fit(TABLE, OUTCOME),
            "'agee' at character 7",
            "did you mean 'age'".capitalize(),
        )

    @pytest.mark.parametrize(
        "formula",
        ["age - sex", "age +", "", "age ** 2", "__import__('os')", "exp(age)", "age; sex", "age:sex", "(age)"],
    )
    def test_no_formula(self, formula: str) -> None:
        refusal(ConfigError, lambda: CoxPH(formula))

    @pytest.mark.parametrize("column", ["strata", "cluster"])
    def test_absent_column(self, column: str) -> None:
        model = CoxPH("age", **{column: "sexx"})
        refusal(DataError, lambda: model.fit(TABLE, OUTCOME), "'sexx'", "did you mean 'sex'")

    def test_names_of_options(self) -> None:
        fit = CoxPH("age").fit(TABLE, OUTCOME)
        refusal(ConfigError, lambda: CoxPH("age", ties="discrete"), "'discrete'", "efron, breslow, exact")
        refusal(ConfigError, lambda: CoxPH("age", conf_level=95), "conf_level is 95", "0.95")
        refusal(ConfigError, lambda: CoxPH("age", penalty=1.0), "penalty", "Ridge")
        refusal(ConfigError, lambda: Ridge(-1), "theta", "above 0")
        refusal(ConfigError, lambda: fit.residuals("martingal"), "'martingal'", "did you mean 'martingale'")
        refusal(ConfigError, lambda: proportional_hazards_test(fit, "kmm"), "'kmm'", "'km'")
        refusal(ConfigError, lambda: concordance(OUTCOME, TABLE["age"], method="uni"), "'uni'", "'uno'")
        refusal(ConfigError, lambda: logrank_test(OUTCOME, TABLE["sex"], weighting="gehann"), "'gehann'", "'gehan'")
        refusal(
            ConfigError, lambda: logrank_test(OUTCOME, TABLE["sex"], weighting="gehan", rho=1), "exclude each other"
        )
        refusal(
            ConfigError, lambda: logrank_test(OUTCOME, TABLE["sex"], scores=[1]), "one finite number for each group"
        )
        refusal(ConfigError, lambda: fit.hazard_ratios(contrasts={"agee": (1, 2)}), "'agee'", "did you mean 'age'")
        refusal(ConfigError, lambda: fit.hazard_ratios(contrasts={"age": (1, 2, 3)}), "'age'", "two values")

    def test_contrast_within_an_interaction(self) -> None:
        fit = CoxPH("age * sex").fit(TABLE, OUTCOME)
        refusal(ConfigError, lambda: fit.hazard_ratios(contrasts={"age": (50, 60)}), "depends on sex", "at={'sex'")

    def test_reference_that_is_no_level(self) -> None:
        model = CoxPH("sex + age", reference={"sex": "diverse"})
        refusal(ConfigError, lambda: model.fit(TABLE, OUTCOME), "sex", "'diverse'", "'female', 'male'")
        model = CoxPH("sex + age", reference={"age": 60})
        refusal(ConfigError, lambda: model.fit(TABLE, OUTCOME), "'age'", "numeric")

    def test_nothing_to_test(self) -> None:
        refusal(FitError, lambda: proportional_hazards_test(CoxPH("1").fit(TABLE, OUTCOME)), "no columns")

    def test_likelihood_ratio_of_penalised_and_weighted_fits(self) -> None:
        small, large = (CoxPH(f, penalty=Ridge(1.0)).fit(TABLE, OUTCOME) for f in ("age", "age + suv"))
        refusal(FitError, lambda: likelihood_ratio_test(small, large), "ridge", "without it")
        weights = np.full(N, 0.5)
        small, large = (CoxPH(f).fit(TABLE, OUTCOME, weights=weights) for f in ("age", "age + suv"))
        refusal(FitError, lambda: likelihood_ratio_test(small, large), "robust Wald test")


def test_nothing_shows_an_identifier() -> None:
    """Print-outs and stored results of a cohort with ids and labelled rows hold none of them."""
    results = [
        KaplanMeier().fit(OUTCOME, by=TABLE["sex"]),
        logrank_test(OUTCOME, TABLE["sex"]),
        CoxPH("age + sex", cluster="pid").fit(TABLE, OUTCOME),
        concordance(OUTCOME, TABLE["age"]),
        follow_up(OUTCOME),
        proportional_hazards_test(CoxPH("age").fit(TABLE, OUTCOME)),
    ]
    for text in [repr(OUTCOME), *map(repr, results), *(result.to_json() for result in results)]:
        assert "SECRET" not in text
