"""Specifications inside scikit-learn: cloned, split, scored, put into pipelines; the numbers are those outside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored
from sksurv.util import Surv

from survmodel import CoxPH, Outcome, RandomSurvivalForest, Ridge, SurvivalEstimator
from survmodel.errors import ConfigError, DataError, FitError


@pytest.fixture
def cohort():
    random = np.random.default_rng(11)
    table = pd.DataFrame({"x": random.normal(size=120), "z": random.normal(size=120)}, index=np.arange(120)[::-1])
    time, event = random.exponential(np.exp(-table["x"].to_numpy())), random.random(120) < 0.7
    return table, time, event, Surv.from_arrays(event, time)


def test_it_is_the_fit_of_the_model(cohort):
    table, time, event, y = cohort
    estimator = SurvivalEstimator(CoxPH("x + z")).fit(table, y)
    fit = CoxPH("x + z").fit(table.reset_index(drop=True), Outcome(time, event.astype(int)))
    np.testing.assert_array_equal(estimator.predict(table), fit.prognostic_index(table))
    curves = estimator.predict_survival_function(table, return_array=True)
    np.testing.assert_allclose(curves, fit.predict_survival(table, np.unique(time[event])), atol=1e-15)
    hazard = estimator.predict_cumulative_hazard_function(table, return_array=True)
    np.testing.assert_allclose(np.exp(-hazard), curves, rtol=1e-12)
    assert estimator.feature_names_in_.tolist() == ["x", "z"]


def test_it_predicts_like_the_cox_model_of_scikit_survival(cohort):
    table, _, _, y = cohort
    ours = SurvivalEstimator(CoxPH("x + z", ties="breslow")).fit(table, y)
    theirs = CoxPHSurvivalAnalysis().fit(table, y)
    np.testing.assert_allclose(ours.fit_.beta, theirs.coef_, rtol=1e-5)
    steps, others = ours.predict_survival_function(table[:5]), theirs.predict_survival_function(table[:5])
    for one, other in zip(steps, others, strict=True):
        at = ours.unique_times_
        np.testing.assert_allclose(one(at), other(at), rtol=1e-5, atol=1e-12)


def test_the_score_is_that_of_scikit_survival(cohort):
    table, time, event, y = cohort
    estimator = SurvivalEstimator(CoxPH("x")).fit(table, y)
    expected = concordance_index_censored(event, time, estimator.predict(table))[0]
    assert estimator.score(table, y) == pytest.approx(expected, rel=1e-12)
    assert estimator.score(table, Outcome(time, event.astype(int))) == pytest.approx(expected, rel=1e-12)


def test_a_clone_is_another_estimator_of_the_same_model(cohort):
    table, _, _, y = cohort
    estimator = SurvivalEstimator(CoxPH("x + z", penalty=Ridge(2.0))).fit(table, y)
    other = clone(estimator)
    assert other is not estimator
    assert not hasattr(other, "fit_")
    assert other.get_params()["model"] == estimator.model
    np.testing.assert_array_equal(other.fit(table, y).predict(table), estimator.predict(table))


@pytest.mark.parametrize("model", [CoxPH("x + z"), CoxPH("x", penalty="firth"), RandomSurvivalForest("x", n_trees=5)])
def test_cross_validation_scores_what_each_fold_has_not_seen(cohort, model):
    table, time, event, y = cohort
    folds = KFold(4)
    scores = cross_val_score(SurvivalEstimator(model), table, y, cv=folds)
    expected = []
    for train, test in folds.split(table):
        part = table.iloc[train].reset_index(drop=True)
        fit = model.fit(part, Outcome(time[train], event[train].astype(int)))
        expected.append(concordance_index_censored(event[test], time[test], fit.prognostic_index(table.iloc[test]))[0])
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


def test_in_a_pipeline_and_a_search(cohort):
    table, _, _, y = cohort
    pipeline = make_pipeline(FunctionTransformer(lambda x: x.assign(w=x["x"] ** 2)), SurvivalEstimator(CoxPH("x + w")))
    assert np.isfinite(pipeline.fit(table, y).predict(table)).all()
    models = [CoxPH("z"), CoxPH("x")]
    search = GridSearchCV(SurvivalEstimator(models[0]), {"model": models}, cv=3).fit(table, y)
    assert search.best_params_["model"] == models[1]


def test_what_is_no_model_no_table_or_no_outcome_is_refused(cohort):
    table, time, event, y = cohort
    with pytest.raises(ConfigError, match="no model"):
        SurvivalEstimator("x + z").fit(table, y)
    with pytest.raises(DataError, match="structured array"):
        SurvivalEstimator(CoxPH("x")).fit(table, np.column_stack([event, time]))
    with pytest.raises(DataError, match="structured array"):
        SurvivalEstimator(CoxPH("x")).fit(table, np.array([(1.0, 2.0)], dtype=[("time", "f8"), ("event", "f8")]))
    with pytest.raises(DataError, match="dimensions"):
        SurvivalEstimator(CoxPH("x0")).fit(np.zeros(120), y)
    with pytest.raises(FitError, match="not fitted"):
        SurvivalEstimator(CoxPH("x")).predict(table)
