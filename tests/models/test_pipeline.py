"""Steps and a model as one specification: fitted, predicted and validated whole."""

from __future__ import annotations

from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
import pytest

import survmodel as sm
from survmodel.errors import ConfigError, DataError
from survmodel.models.contract import FittedStep, FixedModel, Step


def _cohort(n: int = 120, seed: int = 2) -> tuple[pd.DataFrame, sm.Outcome]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(n, 3)), columns=["x", "z", "w"])
    time = random.exponential(np.exp(-table["x"]))
    table = table.mask(random.random(table.shape) < 0.15)
    return table, sm.Outcome(time, random.random(n) < 0.7)


@dataclass(frozen=True)
class Centred:
    """A column less its mean in the training rows."""

    column: str
    mean: float
    development: tuple[pd.DataFrame, ...]

    def complete(self, table: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
        return (table.assign(**{self.column: table[self.column] - self.mean}),)


@dataclass(frozen=True)
class Centre:
    column: str
    selects: bool = False

    def fit(self, table: pd.DataFrame, outcome: sm.Outcome) -> Centred:
        mean = float(table[self.column].mean())
        return Centred(self.column, mean, (table.assign(**{self.column: table[self.column] - mean}),))


IMPUTATION = sm.MultipleImputation(m=3, iterations=2)
COX = sm.CoxPH("x + z + w")


def test_the_contracts_are_kept():
    table, outcome = _cohort()
    assert isinstance(IMPUTATION, Step)
    assert isinstance(IMPUTATION.fit(table, outcome), FittedStep)
    assert isinstance(sm.Pipeline([IMPUTATION], COX), FixedModel)


def test_a_pipeline_without_steps_is_its_model():
    table, outcome = _cohort()
    table = table.fillna(0.0)
    plain, piped = COX.fit(table, outcome), sm.Pipeline([], COX).fit(table, outcome)
    np.testing.assert_array_equal(piped.prognostic_index(table), plain.prognostic_index(table))
    np.testing.assert_array_equal(piped.rows, plain.rows)


def test_predictions_are_means_over_completed_tables():
    table, outcome = _cohort()
    fit = sm.Pipeline([IMPUTATION], COX).fit(table, outcome)
    imputed = IMPUTATION.fit(table, outcome)
    fits = [COX.fit(done, outcome) for done in imputed.development]
    completed = imputed.complete(table)
    by_hand = [one.prognostic_index(done) for one, done in zip(fits, completed, strict=True)]
    np.testing.assert_array_equal(fit.prognostic_index(table), np.mean(by_hand, axis=0))
    risk = [one.predict_risk(done, [0.3, 0.6]) for one, done in zip(fits, completed, strict=True)]
    np.testing.assert_allclose(fit.predict_risk(table, [0.3, 0.6]), np.mean(risk, axis=0), rtol=1e-12)
    assert fit.rows.tolist() == list(range(len(table)))
    assert fit.glance()["m"].item() == 3


def test_a_step_behind_an_imputation_is_fitted_to_each_table():
    table, outcome = _cohort()
    fit = sm.Pipeline([IMPUTATION, Centre("x"), IMPUTATION], COX).fit(table, outcome)
    assert [len(stage) for stage in fit.steps] == [1, 3, 3]
    assert len(fit.fits) == 9
    means = [step.mean for step in fit.steps[1]]
    assert len(set(means)) == 3
    for done, mean, again in zip(fit.steps[0][0].complete(table), means, fit.complete(table)[::3], strict=True):
        np.testing.assert_array_equal(again["x"], done["x"] - mean)


def test_what_is_equal_is_fitted_once():
    table, outcome = _cohort()
    fit = sm.Pipeline([IMPUTATION, Centre("x")], COX).fit(table.fillna(0.0), outcome)
    assert fit.fits[0] is fit.fits[2]
    assert fit.steps[1][0] is fit.steps[1][1]


def test_a_step_that_selects_makes_the_pipeline_tuned():
    assert not sm.Pipeline([IMPUTATION], COX).is_tuned
    assert sm.Pipeline([IMPUTATION, Centre("x", selects=True)], COX).is_tuned
    assert sm.Pipeline([IMPUTATION], sm.RandomSurvivalForest("x + z")).is_tuned
    assert sm.Pipeline([IMPUTATION], sm.CoxPH("x + z", penalty=sm.ElasticNet())).is_tuned
    assert sm.Pipeline([IMPUTATION], sm.FineGray("x")).takes_competing
    assert not sm.Pipeline([IMPUTATION], COX).takes_competing


def test_validation_scores_every_row_and_repeats_the_imputation():
    table, outcome = _cohort()
    found = sm.validate(sm.Pipeline([IMPUTATION], COX), table, outcome, repeats=8)
    assert (found.n, found.n_incomplete, found.method) == (len(table), 0, "optimism")
    assert found.scores["model"].used == 8
    loose = sm.Pipeline([IMPUTATION, Centre("x", selects=True)], COX)
    assert sm.validate(loose, table, outcome, repeats=8, folds=3).method == ".632+"
    alone = sm.validate(COX, table, outcome, repeats=8)
    assert alone.n == len(table.dropna())


def test_validation_does_not_depend_on_the_order_of_rows_or_on_workers():
    table, outcome = _cohort()
    spec = sm.Pipeline([IMPUTATION], COX)
    order = np.random.default_rng(5).permutation(len(table))
    plain = sm.validate(spec, table, outcome, repeats=5)
    shuffled = sm.validate(spec, table.iloc[order].reset_index(drop=True), outcome.take(order), repeats=5)
    with joblib.parallel_config("threading"):
        shared = sm.validate(spec, table, outcome, repeats=5, n_jobs=2)
    assert plain.tidy().equals(shared.tidy())
    np.testing.assert_allclose(plain.tidy()["estimate"], shuffled.tidy()["estimate"], rtol=1e-12)


def test_out_of_fold_predicts_rows_with_gaps():
    table, outcome = _cohort()
    found = sm.predict_out_of_fold(sm.Pipeline([IMPUTATION], COX), table, outcome, times=[0.5], folds=4)
    assert found.index.notna().all()
    assert found.risk[0.5].between(0, 1).all()


def test_out_of_fold_completes_a_row_alone_as_beside_others():
    table, outcome = _cohort()
    table["level"] = np.where(np.arange(len(table)) == 0, "rare", np.where(np.arange(len(table)) % 2, "a", "b"))
    spec = sm.Pipeline([IMPUTATION], sm.CoxPH("x + z"))
    found = sm.predict_out_of_fold(spec, table, outcome, folds=3)
    # The only row of its level has no prediction; those that share its fold have theirs, one by one.
    assert np.flatnonzero(found.index.isna()).tolist() == [0]


def test_rows_that_no_step_completes_are_left_out():
    table, outcome = _cohort()
    part = sm.MultipleImputation(["x", "z"], m=2, iterations=2)
    fit = sm.Pipeline([part], COX).fit(table, outcome)
    assert fit.rows.tolist() == np.flatnonzero(table["w"].notna()).tolist()
    with pytest.raises(DataError, match="w are missing"):
        fit.prognostic_index(table)


def test_a_forest_has_no_coefficients_to_pool():
    table, outcome = _cohort()
    fit = sm.Pipeline([IMPUTATION], sm.RandomSurvivalForest("x + z + w", n_trees=20, min_events=0)).fit(table, outcome)
    assert list(fit.tidy().columns) == ["model", "n"]
    assert "Pipeline: 120 rows, 3 fits" in repr(fit)
    with pytest.raises(sm.FitError, match="no coefficients"):
        fit.pooled()


def test_steps_and_model_exchanged_are_refused():
    with pytest.raises(ConfigError, match="CoxPH is no step"):
        sm.Pipeline([COX], COX)
    with pytest.raises(ConfigError, match="list is no model"):
        sm.Pipeline([IMPUTATION], [COX])
