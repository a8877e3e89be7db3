"""A forest beside a Cox model: shared draws, paired limits, and the sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import ConfigError, CoxPH, Outcome, RandomSurvivalForest, compare_with_cox, concordance, validate
from survmodel.performance.forest_against_cox import Difference, _answer


def cohort(n: int, seed: int, shape: str) -> tuple[pd.DataFrame, Outcome]:
    """Linear effects, or one that a line does not see."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(n, 2)), columns=["x", "z"])
    risk = table["x"] if shape == "line" else 2.5 * (table["x"].abs() > 0.7)
    time, censor = random.exponential(10 * np.exp(-risk)), random.uniform(2, 40, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months")


def test_draws_and_folds_are_shared() -> None:
    table, outcome = cohort(70, 1, "line")
    forest = RandomSurvivalForest("x + z", n_trees=15)
    found = compare_with_cox(forest, table, outcome, repeats=8, seed=3)
    alone = validate(forest, table, outcome, repeats=8, seed=3).scores["model"]
    assert found.validation.scores["forest"].outside == alone.outside
    assert found.validation.scores["forest"].cross_validated == alone.cross_validated
    first, second = (np.array(found.validation.scores[name].outside_by_resample) for name in ("forest", "cox"))
    outside = found.differences[0]
    assert outside.estimate == pytest.approx(np.mean(first - second), rel=1e-12)
    assert [outside.conf_low, outside.conf_high] == pytest.approx(np.quantile(first - second, [0.025, 0.975]))
    assert (
        outside.cox
        == validate(CoxPH("x + z"), table, outcome, method=".632+", repeats=8, seed=3).scores["model"].outside
    )
    assert found.validation.rows == tuple(range(70))


def test_the_cross_validated_difference_is_paired() -> None:
    table, outcome = cohort(60, 2, "line")
    found = compare_with_cox(RandomSurvivalForest("x + z", n_trees=15), table, outcome, repeats=5, fold_repeats=1)
    first, second = (found.validation.out_of_fold[name].index_by_repeat[0] for name in ("forest", "cox"))
    one, other = concordance(outcome, first), concordance(outcome, second)
    folds = found.differences[1]
    assert folds.estimate == pytest.approx(one.estimate - other.estimate, rel=1e-12)
    width = 1.959963984540054 * np.sqrt(np.sum((one.influence - other.influence) ** 2))
    assert [folds.conf_low, folds.conf_high] == pytest.approx([folds.estimate - width, folds.estimate + width])


def test_where_effects_are_lines_the_forest_adds_nothing() -> None:
    found = compare_with_cox(RandomSurvivalForest("x + z", n_trees=30), *cohort(150, 5, "line"), repeats=10)
    assert found.answer == "adds nothing"
    assert found.sentence.startswith(
        "The forest adds nothing to the Cox model of the same columns: C in patients outside"
    )
    assert found.tidy()["model"].tolist() == ["forest", "cox", "difference"] * 3
    assert "only describes" in repr(found)


def test_where_a_line_sees_nothing_the_forest_ranks_better() -> None:
    found = compare_with_cox(RandomSurvivalForest("x + z", n_trees=30), *cohort(200, 6, "well"), repeats=10)
    assert found.answer == "ranks better"
    assert found.sentence.startswith("The forest ranks patients better than the Cox model")


def test_a_cox_model_that_cannot_be_fitted() -> None:
    table, outcome = cohort(60, 1, "line")
    table["same"] = table["x"]
    found = compare_with_cox(RandomSurvivalForest("x + same", n_trees=10), table, outcome, repeats=4)
    assert (found.answer, found.differences) == ("no Cox model", ())
    assert found.sentence.startswith("The forest could not be compared with a Cox model: ")
    assert list(found.validation.scores) == ["forest"]
    assert found.tidy().empty
    assert "could not be compared" in repr(found)


def test_the_rule() -> None:
    def answer(forest: float, cox: float, low: float, own_low: float = 0.6) -> str:
        folds = Difference("cross-validated", 1, 1, 0, low, forest_low=own_low)
        return _answer((Difference("test", forest, cox, forest - cox), folds))

    assert answer(0.705, 0.70, 0.1) == answer(0.5, 0.7, 0.1) == "adds nothing"
    assert answer(0.505, 0.4, 0.1) == "adds nothing"  # less wrong than a Cox model of noise
    assert answer(0.72, 0.70, 0.001) == "ranks better"
    assert answer(0.72, 0.70, -0.001) == answer(0.72, 0.70, 0.001, 0.49) == "not settled"
    assert _answer((Difference("test", 0.7, 0.6, 0.1),)) == "not settled"


def test_of_noise_neither_ranks_better() -> None:
    """Out of sample a Cox model of noise has C below 1/2, and a forest less so: at most one cohort in twelve."""
    answers = []
    for seed in range(12):
        random = np.random.default_rng(seed + 1000)
        table = pd.DataFrame(random.normal(size=(100, 3)), columns=list("abc"))
        outcome = Outcome(random.exponential(size=100), random.random(100) < 0.8)
        forest = RandomSurvivalForest("a + b + c", n_trees=30, seed=seed)
        answers.append(compare_with_cox(forest, table, outcome, repeats=10, fold_repeats=1).answer)
    assert answers.count("ranks better") <= 1
    assert answers.count("adds nothing") >= 7


def test_a_forest_is_needed() -> None:
    with pytest.raises(ConfigError, match="no forest"):
        compare_with_cox(CoxPH("x"), *cohort(40, 1, "line"))  # type: ignore[arg-type]
