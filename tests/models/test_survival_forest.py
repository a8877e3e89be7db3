"""The forest behind the contract: out-of-bag results by a second route, importance, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import ConfigError, CoxPH, DataError, FitError, Outcome, RandomSurvivalForest, concordance
from survmodel import permutation_importance as importance
from survmodel.models.contract import Fit, FixedModel, Model
from survmodel.models.survival_forest_fit import SurvivalForestFit

TREES = 60


def cohort(n: int = 120, seed: int = 4) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame({
        "marker": random.normal(size=n),
        "noise": random.normal(size=n),
        "stage": random.choice(["I", "II", "III"], size=n),
    })  # fmt: skip
    risk = np.exp(1.2 * table["marker"] + 0.8 * (table["stage"] == "III"))
    time, censor = random.exponential(20 / risk), random.uniform(5, 40, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months", endpoint="death")


@pytest.fixture(scope="module")
def grown() -> tuple[pd.DataFrame, Outcome, SurvivalForestFit]:
    table, outcome = cohort()
    return table, outcome, RandomSurvivalForest("marker + noise + stage", n_trees=TREES, seed=2).fit(table, outcome)


@pytest.fixture(scope="module")
def alternative() -> tuple[pd.DataFrame, Outcome, SurvivalForestFit]:
    table, outcome = cohort()
    spec = RandomSurvivalForest("marker + noise + stage", n_trees=TREES, seed=2, engine="scikit-survival")
    return table, outcome, spec.fit(table, outcome)


def test_contract(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    _, _, fit = grown
    assert isinstance(fit, Fit)
    assert isinstance(fit.spec, Model)
    assert not isinstance(fit.spec, FixedModel)
    assert isinstance(CoxPH("x"), FixedModel)


def test_index_and_survival_are_those_of_the_library(
    alternative: tuple[pd.DataFrame, Outcome, SurvivalForestFit],
) -> None:
    """Our reading of the trees equals scikit-survival's own predictions, which read them otherwise."""
    table, _, fit = alternative
    x = fit.design.matrix(table).astype(np.float32)
    assert fit.prognostic_index(table) == pytest.approx(fit.engine.forest.predict(x), rel=1e-12)
    steps = fit.engine.forest.predict_survival_function(x)
    times = np.array([0.5, 3.0, 12.0, 24.0])
    expected = np.array([[step(time) if time >= step.x[0] else 1.0 for time in times] for step in steps])
    assert fit.predict_survival(table, times) == pytest.approx(expected, abs=1e-12)
    assert fit.predict_risk(table, times) == pytest.approx(1 - expected, abs=1e-12)


def test_out_of_bag_is_the_librarys(alternative: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    _table, outcome, fit = alternative
    from sksurv.ensemble import RandomSurvivalForest as Engine
    from sksurv.util import Surv

    engine = Engine(n_estimators=TREES, max_features=2, min_samples_leaf=6, min_samples_split=12, random_state=2,
                    oob_score=True)  # fmt: skip
    own = fit.outcome.take(fit.order)
    engine.fit(fit.covariates.astype(np.float32), Surv.from_arrays(own.event == 1, own.time))
    assert fit.oob_index[fit.order] == pytest.approx(engine.oob_prediction_, rel=1e-12)
    assert fit.oob_concordance == pytest.approx(engine.oob_score_, abs=1e-12)
    assert fit.oob_concordance == pytest.approx(concordance(outcome, fit.oob_index).estimate, abs=1e-12)


def test_out_of_bag_row_by_row(alternative: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    """A row's out-of-bag risk is the mean over exactly the trees whose drawn rows do not hold it."""
    _table, _, fit = alternative
    x = fit.covariates.astype(np.float32)
    row, time = 17, 12.0
    read = []
    for tree, drawn in zip(fit.engine.forest.estimators_, fit.engine.forest.estimators_samples_, strict=True):
        if row not in drawn:
            read.append(1 - float(tree.predict_survival_function(x[[row]])[0](time)))
    assert 5 < len(read) < TREES
    assert fit.oob_risk([time])[fit.order[row], 0] == pytest.approx(np.mean(read), abs=1e-12)


def test_beyond_the_follow_up_nothing_is_predicted(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    table, outcome, fit = grown
    assert np.isnan(fit.predict_risk(table, [outcome.time.max() + 1])).all()
    assert (fit.predict_survival(table, [0.0]) == 1).all()


def test_the_order_of_rows_does_not_matter() -> None:
    table, outcome = cohort(60)
    shuffled = np.random.default_rng(1).permutation(60)
    spec = RandomSurvivalForest("marker + stage", n_trees=20)
    first, second = spec.fit(table, outcome), spec.fit(table.iloc[shuffled], outcome.take(shuffled))
    assert (first.oob_index[shuffled] == second.oob_index).all()
    moved = importance(second, table.iloc[shuffled], outcome.take(shuffled), repeats=2, subsamples=10)
    stayed = importance(first, table, outcome, repeats=2, subsamples=10)
    pd.testing.assert_frame_equal(moved.tidy(), stayed.tidy(), check_exact=True)


def test_same_seed_same_forest() -> None:
    table, outcome = cohort(60)
    fits = [RandomSurvivalForest("marker", n_trees=20, seed=seed).fit(table, outcome) for seed in (1, 1, 2)]
    assert (fits[0].oob_index == fits[1].oob_index).all()
    assert (fits[0].oob_index != fits[2].oob_index).any()


def test_importance_finds_what_matters(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    table, outcome, fit = grown
    result = importance(fit, table, outcome, repeats=5, limits=None)
    found = result.tidy().set_index("variable")["estimate"]
    assert list(found.index) == ["marker", "noise", "stage"]
    assert found["marker"] > 0.1
    assert abs(found["noise"]) < 0.03
    assert result.concordance == pytest.approx(fit.oob_concordance)
    assert "not of drawing other patients" in repr(result)


def test_importance_by_a_second_route(alternative: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    """One repeat drawn again here, tree by tree, through the library's own prediction of a tree."""
    table, outcome, fit = alternative
    x = fit.covariates.astype(np.float32)
    result = importance(fit, table, outcome, repeats=1, seed=9, limits=None)
    random = np.random.default_rng(9)
    blocks = [[0], [1], [2, 3]]
    total, trees = np.zeros((3, len(table))), np.zeros(len(table))
    for tree, drawn in zip(fit.engine.forest.estimators_, fit.engine.forest.estimators_samples_, strict=True):
        outside = np.setdiff1d(np.arange(len(table)), drawn)
        trees[outside] += 1
        for place, columns in enumerate(blocks):
            order = random.permutation(outside.size)
            moved = x[outside].copy()
            moved[:, columns] = x[outside][order][:, columns]
            total[place, outside] += tree.predict(moved, check_input=False)
    after = [concordance(outcome.take(fit.order), index / trees).estimate for index in total]
    assert result.tidy()["estimate"].to_numpy() == pytest.approx(fit.oob_concordance - np.array(after), abs=1e-12)


def test_importance_within_strata_and_of_other_rows(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    table, outcome, fit = grown
    inside = importance(fit, table, outcome, strata=table["stage"], repeats=2, limits=None)
    assert inside.concordance == pytest.approx(concordance(outcome, fit.oob_index, strata=table["stage"]).estimate)
    with pytest.raises(DataError, match="not the rows"):
        importance(fit, table.assign(marker=0.0), outcome)


def test_noise_is_worth_nothing() -> None:
    """Out of bag, a forest of noise has C near 1/2: the mean of 20 cohorts lies within 3 of its standard errors.

    C of one cohort of 150 with 75 events has a standard error near 0.04.
    """
    seen = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        table = pd.DataFrame(random.normal(size=(150, 4)), columns=list("abcd"))
        outcome = Outcome(random.exponential(size=150), random.integers(0, 2, 150))
        seen.append(RandomSurvivalForest("a + b + c + d", n_trees=40, seed=seed).fit(table, outcome).oob_concordance)
    assert abs(np.mean(seen) - 0.5) < 3 * 0.04 / np.sqrt(20)


def test_missing_rows_are_left_out_and_counted() -> None:
    table, outcome = cohort(80)
    table.loc[[3, 5], "marker"] = np.nan
    fit = RandomSurvivalForest("marker + noise", n_trees=20).fit(table, outcome)
    assert (fit.n, fit.n_missing, fit.missing) == (78, 2, (("marker", 2),))
    assert fit.oob_index.shape == (78,)
    assert "2 rows with missing values" in repr(fit)


def test_few_events_are_exploratory() -> None:
    table, outcome = cohort(60)
    assert outcome.n_event < 50
    fit = RandomSurvivalForest("marker", n_trees=20).fit(table, outcome)
    assert any("exploratory" in warning for warning in fit.warnings)


def test_refusals() -> None:
    table, outcome = cohort(40)
    late = Outcome(outcome.time + 1, outcome.event, np.full(40, 0.5))
    with pytest.raises(FitError, match="left-truncated"):
        RandomSurvivalForest("marker").fit(table, late)
    with pytest.raises(FitError, match="no events"):
        RandomSurvivalForest("marker").fit(table, Outcome(outcome.time, np.zeros(40)))
    with pytest.raises(FitError, match="constant"):
        RandomSurvivalForest("marker").fit(table.assign(marker=1.0), outcome)
    with pytest.raises(FitError, match="leaves of 30 rows"):
        RandomSurvivalForest("marker", min_leaf=30).fit(table, outcome)
    with pytest.raises(DataError, match="no complete row"):
        RandomSurvivalForest("marker").fit(table.assign(marker=np.nan), outcome)
    grown = RandomSurvivalForest("stage", n_trees=5).fit(table, outcome)
    with pytest.raises(DataError, match="level"):
        grown.prognostic_index(pd.DataFrame({"stage": ["IV"]}))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"formula": "x", "n_trees": 0}, "n_trees"),
        ({"formula": "x", "mtry": True}, "mtry"),
        ({"formula": "x", "engine": "ranger"}, "engine"),
        ({"formula": "x + offset(z)"}, "no offset"),
        ({"formula": "1"}, "needs columns"),
    ],
)
def test_wrong_settings(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        RandomSurvivalForest(**arguments)
