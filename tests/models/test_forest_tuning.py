"""Tuning by what a forest says out of bag: the choice, its ties, and that it is made anew in resamples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from survmodel import ConfigError, ForestTuning, Outcome, RandomSurvivalForest, concordance, validate
from survmodel.models import tuned_forest

TUNING = ForestTuning(mtry=(1, 3), min_leaf=(3, 12))


def cohort(n: int = 90, seed: int = 4, effect: float = 1.0) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(n, 3)), columns=list("abc"))
    table["site"] = random.choice(["x", "y"], n)
    time, censor = random.exponential(20 * np.exp(-effect * table["a"])), random.uniform(5, 60, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int))


def test_the_best_pair_is_kept() -> None:
    """Every pair grown by hand with the same seed."""
    table, outcome = cohort()
    spec = RandomSurvivalForest("a + b + c", n_trees=25, seed=3, tuning=TUNING)
    fit = spec.fit(table, outcome)
    by_hand = {
        (mtry, leaf): replace(spec, tuning=None, mtry=mtry, min_leaf=leaf).fit(table, outcome).oob_concordance
        for mtry in (1, 3)
        for leaf in (3, 12)
    }
    tried = fit.tuning_table()
    assert dict(zip(zip(tried["mtry"], tried["min_leaf"], strict=True), tried["estimate"], strict=True)) == by_hand
    assert by_hand[fit.mtry, fit.min_leaf] == max(by_hand.values()) == fit.oob_concordance
    assert tried["chosen"].sum() == 1
    assert fit.spec is spec
    assert spec.is_tuned
    assert "optimistic by the choice" in repr(fit)


def test_pairs_of_patients_within_strata() -> None:
    table, outcome = cohort()
    fit = RandomSurvivalForest("a + b", n_trees=25, tuning=ForestTuning((1,), (3, 12), strata="site")).fit(
        table, outcome
    )
    expected = concordance(outcome, fit.oob_index, strata=table["site"]).estimate
    assert fit.tuning_table().query("chosen")["estimate"].item() == pytest.approx(expected, rel=1e-12)


def test_equal_pairs_go_to_the_simpler_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned_forest, "EQUAL", 1.0)
    table, outcome = cohort()
    fit = RandomSurvivalForest("a + b + c", n_trees=10, tuning=TUNING).fit(table, outcome)
    assert (fit.min_leaf, fit.mtry) == (12, 1)


def test_fewer_trees_to_choose_than_to_keep() -> None:
    table, outcome = cohort()
    fit = RandomSurvivalForest("a + b", n_trees=40, tuning=ForestTuning((1, 2), (3,), n_trees=10)).fit(table, outcome)
    assert set(fit.tuning_table()["n_trees"]) == {10}
    assert fit.engine.draws().shape[0] == 40
    assert fit.engine.draws().shape[0] == fit.glance()["n_trees"][0]


def test_pairs_that_cannot_be_grown_are_told() -> None:
    table, outcome = cohort(40)
    fit = RandomSurvivalForest("a", n_trees=10, tuning=ForestTuning(min_leaf=(3, 30))).fit(table, outcome)
    assert fit.tuning_table()["estimate"].isna().tolist() == [False, True]
    assert fit.min_leaf == 3


class Spy:
    """Notes which pair each fit chose."""

    def __init__(self, spec: RandomSurvivalForest) -> None:
        self.spec, self.chosen = spec, []

    def fit(self, table: pd.DataFrame, outcome: Outcome) -> object:
        fit = self.spec.fit(table, outcome)
        self.chosen.append((fit.mtry, fit.min_leaf))
        return fit


def test_the_choice_is_made_anew_in_resamples() -> None:
    table, outcome = cohort(80, effect=0.5)
    spy = Spy(RandomSurvivalForest("a + b + c", n_trees=10, tuning=TUNING))
    result = validate(spy, table, outcome, repeats=12, fold_repeats=0, seed=1)
    assert result.method == ".632+"
    assert len(spy.chosen) == 1 + 12
    assert len(set(spy.chosen[1:])) > 1
    with pytest.raises(ConfigError, match="not honest"):
        validate(spy.spec, table, outcome, method="optimism")


def test_copies_do_not_leak() -> None:
    """In bootstrap samples of noise C out of bag is near 1/2, whatever the leaf, and the smallest does not win by it.

    The mean of 15 samples of 150 lies within 3 standard errors of 1/2, one of them being about .05.
    """
    seen, tuned = [], []
    for seed in range(15):
        random = np.random.default_rng(seed)
        table, outcome = cohort(150, seed=seed, effect=0.0)
        rows = random.integers(0, 150, 150)
        table, outcome = table.iloc[rows].reset_index(drop=True), Outcome(outcome.time[rows], outcome.event[rows])
        one = RandomSurvivalForest("a + b + c", n_trees=40, min_leaf=3).fit(table, outcome)
        seen.append(one.oob_concordance)
        tuned.append(RandomSurvivalForest("a + b + c", n_trees=40, tuning=TUNING).fit(table, outcome).oob_concordance)
    assert abs(np.mean(seen) - 0.5) < 3 * 0.05 / np.sqrt(15)
    assert 0.5 - 3 * 0.05 / np.sqrt(15) < np.mean(tuned) < 0.58


@pytest.mark.parametrize(
    ("given", "match"),
    [({"mtry": ()}, "mtry"), ({"min_leaf": (0,)}, "min_leaf"), ({"mtry": "all"}, "mtry"), ({"n_trees": 0}, "n_trees"),
     ({"strata": 3}, "strata")],
)  # fmt: skip
def test_wrong_tunings(given: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        ForestTuning(**given)


def test_what_is_tuned_is_not_given() -> None:
    with pytest.raises(ConfigError, match="given and tuned"):
        RandomSurvivalForest("x", mtry=2, tuning=TUNING)
    with pytest.raises(ConfigError, match="ForestTuning"):
        RandomSurvivalForest("x", tuning=True)
