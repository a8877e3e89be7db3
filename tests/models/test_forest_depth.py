"""Minimal depth: two trees written by hand, the threshold by enumeration, a forest, refusals."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from survmodel import ConfigError, Outcome, RandomSurvivalForest, minimal_depth
from survmodel.kernels.forest_trees import LEAF, Trees
from survmodel.models.forest_depth import MinimalDepth, _read_depths


def trees_of(features: list[list[int]], lefts: list[list[int]]) -> Trees:
    """Write trees of splits and leaves; nothing else of them is read."""
    bounds = np.cumsum([0, *map(len, features)]).astype(np.int64)
    n = int(bounds[-1])
    return Trees(
        node_bounds=bounds,
        feature=np.concatenate(features).astype(np.int32),
        cut=np.zeros(n),
        left_levels=np.empty(0, dtype=np.uint64),
        left=np.concatenate(lefts).astype(np.int32),
        missing_left=np.zeros(n, dtype=bool),
        mortality=np.zeros(n),
        first_step=np.zeros(n, dtype=np.int64),
        n_steps=np.zeros(n, dtype=np.int32),
        step_place=np.empty(0, dtype=np.int32),
        hazard_step=np.empty(0),
    )


#: The first tree splits the root on column 0, its right child on 1, and the left child of that on 1 again; its deepest
#: leaf is at 3. The second tree splits the root on column 1 and nothing else. Column 2 is never used.
BY_HAND = trees_of(
    [[0, LEAF, 1, 1, LEAF, LEAF, LEAF], [1, LEAF, LEAF]],
    [[1, 0, 3, 5, 0, 0, 0], [1, 0, 0]],
)


def test_two_trees_by_hand() -> None:
    first, splits, expected, deepest = _read_depths(BY_HAND, 3)
    assert deepest.tolist() == [3, 1]
    assert first.tolist() == [[0, 1], [1, 0], [3, 1]]
    assert splits.tolist() == [[1, 0], [2, 1], [0, 0]]
    # One split at each of the depths 0, 1, 2: 2/3 + 4/9 + 8/27; one at depth 0: 2/3.
    assert expected.tolist() == pytest.approx([38 / 27, 2 / 3])


def test_a_result_by_hand() -> None:
    first, splits, expected, deepest = _read_depths(BY_HAND, 3)
    result = MinimalDepth(("a", "b", "c"), first, splits, expected, deepest, n=40, n_event=20)
    table = result.tidy().set_index("variable")
    assert table["estimate"].to_dict() == {"a": 0.5, "b": 0.5, "c": 2.0}
    assert table["used"].to_dict() == {"a": 0.5, "b": 1.0, "c": 0.0}
    assert table["root"].to_dict() == {"a": 0.5, "b": 0.5, "c": 0.0}
    assert table["splits"].to_dict() == {"a": 1, "b": 3, "c": 0}
    assert result.threshold == pytest.approx((38 / 27 + 2 / 3) / 2)
    assert table["below"].to_dict() == {"a": True, "b": True, "c": False}
    assert "threshold 1.04" in repr(result)
    assert "rule of thumb" in repr(result)


def test_a_tree_without_a_split_says_nothing() -> None:
    first, splits, expected, deepest = _read_depths(trees_of([[LEAF]], [[0]]), 2)
    assert (first.tolist(), splits.tolist(), expected.tolist(), deepest.tolist()) == ([[0], [0]], [[0], [0]], [0], [0])


def test_the_threshold_is_the_mean_over_all_ways_to_choose_columns() -> None:
    """Every split of a tree of four splits is put on each of three columns: the mean of the minimal depth."""
    depth_of_splits, depth = [0, 1, 1, 2], 3
    lefts = [1, 3, 5, 7, 0, 0, 0, 0, 0]
    seen = []
    for columns in product(range(3), repeat=4):
        tree = trees_of([[*columns, *[LEAF] * 5]], [lefts])
        first, _, expected, deepest = _read_depths(tree, 3)
        assert deepest[0] == depth
        on_first = [at for at, column in zip(depth_of_splits, columns, strict=True) if column == 0]
        assert first[0, 0] == min(on_first, default=depth)
        seen.append(first[0, 0])
    assert expected[0] == pytest.approx(np.mean(seen))


@pytest.fixture(scope="module")
def cohort() -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(8)
    table = pd.DataFrame(random.normal(size=(150, 3)), columns=["signal", "first", "second"])
    table["stage"] = random.choice(["I", "II", "III"], size=150)
    time, censor = random.exponential(20 * np.exp(-table["signal"])), random.uniform(5, 50, 150)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months")


def test_a_signal_is_split_on_early(cohort: tuple[pd.DataFrame, Outcome]) -> None:
    fit = RandomSurvivalForest("signal + first + second + stage", n_trees=100).fit(*cohort)
    result = minimal_depth(fit)
    table = result.tidy().set_index("variable")
    assert list(table.index) == ["signal", "first", "second", "stage"]
    assert table["estimate"].idxmin() == "signal"
    assert table["below"]["signal"]
    assert not table["below"]["stage"]
    assert table["root"].sum() == pytest.approx(1.0)
    engine = fit.engine
    assert table["splits"].sum() == (engine.trees.feature != LEAF).sum()
    assert result.glance()["n_trees"].iloc[0] == 100


def test_in_noise_the_threshold_is_near_the_mean_of_all_columns() -> None:
    """Columns of equal kind and no effect differ from it by less than a tenth on average."""
    random = np.random.default_rng(2)
    table = pd.DataFrame(random.normal(size=(200, 4)), columns=list("abcd"))
    outcome = Outcome(random.exponential(size=200), np.ones(200))
    result = minimal_depth(RandomSurvivalForest("a + b + c + d", n_trees=200).fit(table, outcome))
    assert result.tidy()["estimate"].mean() == pytest.approx(result.threshold, rel=0.1)


def test_another_engine_is_refused(cohort: tuple[pd.DataFrame, Outcome]) -> None:
    fit = RandomSurvivalForest("signal", n_trees=5, engine="scikit-survival").fit(*cohort)
    with pytest.raises(ConfigError, match="own trees"):
        minimal_depth(fit)
