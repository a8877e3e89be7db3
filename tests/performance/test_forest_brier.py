"""The out-of-bag Brier score of a forest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import FitError, Outcome, RandomSurvivalForest, brier_score, integrated_brier_score, oob_brier


def cohort(n: int = 120, seed: int = 2, effect: float = 1.2) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"x": random.normal(size=n), "site": random.choice(["a", "b"], n)})
    time, censor = random.exponential(10 * np.exp(-effect * table["x"])), random.uniform(2, 30, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months")


def test_out_of_bag_risks_are_scored() -> None:
    table, outcome = cohort()
    fit = RandomSurvivalForest("x", n_trees=60).fit(table, outcome)
    found = oob_brier(fit, [6, 12], strata=table["site"])
    by_hand = brier_score(outcome, fit.oob_risk([6, 12]), [6, 12], strata=table["site"])
    assert found.at_times is not None
    assert (found.at_times.estimate == by_hand.estimate).all()
    events = np.unique(outcome.time[outcome.event == 1])
    tau = max(time for time in events if (outcome.time > time).sum() >= 10)
    assert found.horizon == tau
    grid = events[events <= tau]
    whole = integrated_brier_score(outcome, fit.oob_risk(grid), grid, strata=table["site"])
    assert found.integrated.estimate == pytest.approx(whole.estimate, rel=1e-12)
    assert found.integrated.ipa[0, 0] > 0.1
    assert set(found.tidy()["sample"]) == {"out of bag"}
    assert "last event after which 10 are followed" in repr(found)


def test_noise_is_no_better_than_the_null_model() -> None:
    ipa = []
    for seed in range(10):
        table, outcome = cohort(seed=seed, effect=0)
        ipa.append(oob_brier(RandomSurvivalForest("x", n_trees=40).fit(table, outcome)).integrated.ipa[0, 0])
    assert np.mean(ipa) < 0


def test_rows_without_an_index_are_left_out() -> None:
    table, outcome = cohort(60)
    fit = RandomSurvivalForest("x", n_trees=3).fit(table, outcome)
    found = oob_brier(fit)
    assert found.n_unseen == np.isnan(fit.oob_index).sum() > 0
    assert found.integrated.n == 60 - found.n_unseen
    assert "drawn by every tree left out" in repr(found)


def test_few_rows() -> None:
    table, outcome = cohort(9)
    fit = RandomSurvivalForest("x", n_trees=60, min_leaf=2).fit(table, outcome)
    with pytest.raises(FitError, match="fewer than 10 rows"):
        oob_brier(fit)
