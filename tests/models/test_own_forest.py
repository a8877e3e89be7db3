"""Forests of our own engine: out of bag by a second route, the same bits in any thread, factors, gaps, refusals."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    DataError,
    FitError,
    Outcome,
    RandomSurvivalForest,
    concordance,
    load_model,
    save_model,
)
from survmodel.kernels.forest_reading import find_leaves
from survmodel.models import grown_trees
from survmodel.models.grown_trees import GrownTrees
from survmodel.models.survival_forest_fit import SurvivalForestFit

Case = tuple[pd.DataFrame, Outcome]


def cohort(n: int = 120, seed: int = 4) -> Case:
    random = np.random.default_rng(seed)
    table = pd.DataFrame({
        "marker": random.normal(size=n),
        "noise": random.normal(size=n),
        "site": random.choice(["bone", "node", "spleen", "liver"], size=n),
        "stage": pd.Categorical(random.choice(["I", "II", "III"], size=n), ["I", "II", "III"], ordered=True),
    })  # fmt: skip
    risk = np.exp(1.2 * table["marker"] + 0.8 * (table["site"] == "liver") + 0.5 * (table["stage"] == "III"))
    time, censor = np.ceil(random.exponential(20 / risk)), random.uniform(5, 40, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months", endpoint="death")


@pytest.fixture(scope="module")
def grown() -> tuple[pd.DataFrame, Outcome, SurvivalForestFit]:
    table, outcome = cohort()
    spec = RandomSurvivalForest("marker + noise + site + stage", n_trees=60, seed=2)
    return table, outcome, spec.fit(table, outcome)


def engine_of(fit: SurvivalForestFit) -> GrownTrees:
    assert isinstance(fit.engine, GrownTrees)
    return fit.engine


def same_trees(first: SurvivalForestFit, second: SurvivalForestFit) -> bool:
    pairs = zip(engine_of(first).trees, engine_of(second).trees, strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def test_leaves_are_curves_of_the_drawn_rows(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    """Survival and hazard of a row from the drawn rows of its leaves, tree by tree, out of bag and not."""
    _, _, fit = grown
    engine, values = engine_of(fit), fit.covariates
    leaves = find_leaves(engine.trees, values, engine.unordered, np.empty((0, fit.n), np.int32))
    drawn, own = engine.draws(), fit.outcome.take(fit.order)
    row, at = 17, 12.0
    hazards, curves, unseen = [], [], []
    for tree in range(60):
        inside = (leaves[tree] == leaves[tree, row]) & (drawn[tree] > 0)
        count, time, died = drawn[tree, inside], own.time[inside], own.event[inside] == 1
        hazard, alive = 0.0, 1.0
        for t in np.unique(time[died & (time <= at)]):
            step = count[died & (time == t)].sum() / count[time >= t].sum()
            hazard, alive = hazard + step, alive * (1 - step)
        hazards.append(hazard)
        curves.append(alive)
        unseen.append(drawn[tree, row] == 0)
    place = fit.order[row]
    one = fit.columns.iloc[[place]]
    assert fit.predict_cumulative_hazard(one, [at])[0, 0] == pytest.approx(np.mean(hazards), abs=1e-12)
    assert fit.predict_survival(one, [at])[0, 0] == pytest.approx(np.mean(curves), abs=1e-12)
    assert 10 < sum(unseen) < 40
    assert fit.oob_cumulative_hazard([at])[place, 0] == pytest.approx(np.mean(np.array(hazards)[unseen]), abs=1e-12)
    assert fit.oob_risk([at])[place, 0] == pytest.approx(1 - np.mean(np.array(curves)[unseen]), abs=1e-12)


def test_mortality_is_the_hazard_summed_over_event_times(
    grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit],
) -> None:
    table, _, fit = grown
    assert fit.prognostic_index(table) == pytest.approx(
        fit.predict_cumulative_hazard(table, engine_of(fit).event_times).sum(axis=1), rel=1e-12
    )
    assert fit.oob_index == pytest.approx(fit.oob_cumulative_hazard(engine_of(fit).event_times).sum(axis=1), rel=1e-12)


def test_curves(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    """They fall from 1, end with the follow-up, and are read in whatever order times are asked for."""
    table, outcome, fit = grown
    assert np.array_equal(fit.times, np.unique(outcome.time[outcome.died]))
    survival = fit.predict_survival(table)
    assert survival.shape == (120, fit.times.size)
    assert (np.diff(survival, axis=1) <= 0).all()
    assert (np.diff(fit.predict_cumulative_hazard(table), axis=1) >= 0).all()
    asked = np.array([12.0, 0.0, outcome.time.max() + 1, 5.0])
    several = fit.predict_risk(table, asked)
    assert (several[:, 1] == 0).all()
    assert np.isnan(several[:, 2]).all()
    for place, time in enumerate(asked):
        assert np.array_equal(several[:, place], fit.predict_risk(table, [time])[:, 0], equal_nan=True)


def test_threads_change_no_bit() -> None:
    table, outcome = cohort()
    fits = [
        RandomSurvivalForest("marker + noise + site", n_trees=30, n_jobs=n_jobs).fit(table, outcome)
        for n_jobs in (1, 2, 8)
    ]
    for other in fits[1:]:
        assert same_trees(fits[0], other)
        assert (fits[0].oob_index == other.oob_index).all()
        assert (fits[0].predict_survival(table) == other.predict_survival(table)).all()


def test_the_order_of_rows_changes_no_bit() -> None:
    table, outcome = cohort()
    table.loc[table.index % 7 == 0, "noise"] = np.nan
    spec = RandomSurvivalForest("marker + noise + site + stage", n_trees=20, missing="direction")
    weights = np.random.default_rng(5).random(120)
    shuffled = np.random.default_rng(1).permutation(120)
    first = spec.fit(table, outcome, weights)
    second = spec.fit(table.iloc[shuffled], outcome.take(shuffled), weights[shuffled])
    assert same_trees(first, second)
    assert (first.oob_index[shuffled] == second.oob_index).all()


def test_a_larger_forest_begins_with_the_smaller() -> None:
    table, outcome = cohort()
    small, large = (RandomSurvivalForest("marker + site", n_trees=n).fit(table, outcome) for n in (7, 20))
    n_nodes = engine_of(small).trees.feature.size
    assert np.array_equal(engine_of(large).trees.cut[:n_nodes], engine_of(small).trees.cut)
    assert np.array_equal(engine_of(large).draws()[:7], engine_of(small).draws())


def test_a_level_without_rows_in_a_node_follows_the_most(
    grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit],
) -> None:
    """Each split on the factor sends a level that is absent below it where most drawn rows went."""
    _, _, fit = grown
    engine, values = engine_of(fit), fit.covariates
    place = [column.name for column in fit.coding.columns].index("site")
    checked = 0
    for tree in range(60):
        drawn = engine.draws()[tree]
        root, end = engine.trees.node_bounds[tree], engine.trees.node_bounds[tree + 1]
        inside = {0: np.flatnonzero(drawn > 0)}
        for node in range(end - root):
            trees, rows = engine.trees, inside.pop(node)
            feature = trees.feature[root + node]
            if feature < 0:
                continue
            if fit.coding.columns[feature].kind == "unordered":
                left = (trees.left_levels[root + node] >> values[rows, feature].astype(np.uint64)) & np.uint64(1) == 1
                absent = set(range(4)) - set(values[rows, feature].astype(int))
                for level in absent if feature == place else ():
                    goes_left = bool((trees.left_levels[root + node] >> np.uint64(level)) & np.uint64(1))
                    assert goes_left == (2 * left.sum() >= rows.size)
                    checked += 1
            else:
                left = values[rows, feature] <= trees.cut[root + node]
            inside[int(trees.left[root + node])], inside[int(trees.left[root + node]) + 1] = rows[left], rows[~left]
    assert checked > 10


def test_rows_with_gaps_are_kept_on_request() -> None:
    """Values are missing where the marker is high: a forest that follows gaps ranks those rows, others are left out."""
    table, outcome = cohort(200)
    high = (table["marker"] > 0.8).to_numpy()
    table.loc[high, "marker"] = np.nan
    table.loc[3, "site"] = None
    kept = RandomSurvivalForest("marker + noise + site", n_trees=100, missing="direction").fit(table, outcome)
    assert (kept.n, kept.n_missing, kept.missing) == (200, 0, (("marker", int(high.sum())), ("site", 1)))
    assert kept.oob_index[high].mean() > 1.5 * kept.oob_index[~high].mean()
    assert np.isfinite(kept.prognostic_index(table)).all()
    left_out = RandomSurvivalForest("marker + noise + site", n_trees=20).fit(table, outcome)
    assert left_out.n == 200 - (high | (table.index == 3)).sum()
    with pytest.raises(DataError, match="missing"):
        left_out.prognostic_index(table)


def test_weights_are_chances_to_be_drawn() -> None:
    table, outcome = cohort()
    weights = np.where(np.arange(120) % 2, 1.0, 0.0)
    fit = RandomSurvivalForest("marker + site", n_trees=50).fit(table, outcome, weights)
    drawn = engine_of(fit).draws()
    by_row = np.empty(120)
    by_row[fit.order] = drawn.sum(axis=0)
    assert (by_row[weights == 0] == 0).all()
    assert (drawn.sum(axis=1) == 120).all()
    assert "by weight" in fit.glance()["conventions"][0]
    even = RandomSurvivalForest("marker + site", n_trees=50).fit(table, outcome, pd.Series(np.full(120, 2.0)))
    assert np.isfinite(even.oob_concordance)
    with pytest.raises(ConfigError, match="without replacement"):
        RandomSurvivalForest("marker", replace=False).fit(table, outcome, weights)
    with pytest.raises(ConfigError, match="draws all rows alike"):
        RandomSurvivalForest("marker", engine="scikit-survival").fit(table, outcome, weights)
    with pytest.raises(DataError, match="negative"):
        RandomSurvivalForest("marker").fit(table, outcome, -weights)


def test_without_replacement() -> None:
    table, outcome = cohort()
    fit = RandomSurvivalForest("marker + site", n_trees=20, replace=False).fit(table, outcome)
    assert (engine_of(fit).draws().sum(axis=1) == 76).all()
    assert engine_of(fit).draws().max() == 1
    half = RandomSurvivalForest("marker + site", n_trees=20, sample_fraction=0.5).fit(table, outcome)
    assert (engine_of(half).draws().sum(axis=1) == 60).all()
    assert "60 rows with replacement" in half.glance()["conventions"][0]


def test_copies_of_a_row_are_seen_together() -> None:
    """In a doubled cohort of noise a row whose copy was drawn is no stranger: C out of bag stays near 1/2."""
    seen = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        table = pd.DataFrame(random.normal(size=(60, 4)), columns=list("abcd"))
        outcome = Outcome(random.exponential(size=60), random.integers(0, 2, 60))
        twice = np.repeat(np.arange(60), 2)
        fit = RandomSurvivalForest("a + b + c + d", n_trees=60, min_leaf=3).fit(table.iloc[twice], outcome.take(twice))
        assert engine_of(fit).first_copy.size == 60
        assert np.array_equal(fit.oob_index[::2], fit.oob_index[1::2])
        seen.append(fit.oob_concordance)
    # Copies that count as strangers give more than .9; C of a cohort of 60 has a standard error near .06.
    assert abs(np.mean(seen) - 0.5) < 3 * 0.06 / np.sqrt(20)


def test_depth_and_random_cuts() -> None:
    table, outcome = cohort()
    stumps = RandomSurvivalForest("marker + site", n_trees=10, max_depth=1).fit(table, outcome)
    assert (np.diff(engine_of(stumps).trees.node_bounds) <= 3).all()
    random = RandomSurvivalForest("marker + noise + site + stage", n_trees=200, random_cuts=1).fit(table, outcome)
    exact = RandomSurvivalForest("marker + noise + site + stage", n_trees=200).fit(table, outcome)
    assert random.oob_concordance == pytest.approx(exact.oob_concordance, abs=0.04)
    assert "1 random cut" in random.glance()["conventions"][0]


def test_many_rows_are_binned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the bound values are binned and times put on a grid; the forest ranks rows as the exact one does."""
    random = np.random.default_rng(8)
    table = pd.DataFrame(random.normal(size=(1500, 3)), columns=list("abc"))
    time, censor = random.exponential(np.exp(-table["a"])), random.exponential(2, 1500)
    outcome = Outcome(np.minimum(time, censor), time <= censor)
    spec = RandomSurvivalForest("a + b + c", n_trees=150, seed=1)
    exact = spec.fit(table, outcome)
    for module in (grown_trees, __import__("survmodel.models.survival_forest", fromlist=["MANY_ROWS"])):
        monkeypatch.setattr(module, "MANY_ROWS", 1000)
    binned = spec.fit(table, outcome)
    assert engine_of(exact).event_times.size > 500
    assert engine_of(binned).event_times.size == 200
    assert binned.times[-1] == outcome.time[outcome.died].max()
    assert binned.oob_concordance == pytest.approx(exact.oob_concordance, abs=0.02)
    assert np.corrcoef(binned.oob_index, exact.oob_index)[0, 1] > 0.97


def test_a_stored_forest_predicts_the_same(
    grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit], tmp_path: Path
) -> None:
    table, _, fit = grown
    save_model(fit, tmp_path / "forest.npz")
    stored = load_model(tmp_path / "forest.npz")
    assert (stored.prognostic_index(table) == fit.prognostic_index(table)).all()
    assert np.array_equal(stored.predict_risk(table), fit.predict_risk(table))
    assert "reads marker + noise + site + stage; times in months" in repr(stored)
    assert stored.glance()["n_trees"][0] == 60
    assert stored.tidy()["kind"].tolist() == ["number", "number", "unordered", "ordered"]
    with pytest.raises(DataError, match="level"):
        stored.prognostic_index(table.assign(site="brain"))
    save_model(fit, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "forest.npz").read_bytes()


def test_a_stored_forest_holds_no_rows(tmp_path: Path) -> None:
    """Values of patients are nowhere in the file, and 500 trees are a few megabytes."""
    table, outcome = cohort(800)
    table.loc[5, "marker"], table.loc[6, "marker"] = 1234.5678, 4321.8765
    fit = RandomSurvivalForest("marker + noise + site + stage", n_trees=500, min_leaf=3).fit(table, outcome)
    save_model(fit, tmp_path / "forest.npz")
    assert (tmp_path / "forest.npz").stat().st_size < 20e6
    with zipfile.ZipFile(tmp_path / "forest.npz") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    for value in (1234.5678, 4321.8765, *table["noise"][:50]):
        assert np.float64(value).tobytes() not in content


def test_a_damaged_file_is_refused(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit], tmp_path: Path) -> None:
    _, _, fit = grown
    path = tmp_path / "forest.npz"
    save_model(fit, path)
    with np.load(path) as archive:
        whole = {name: archive[name] for name in archive.files}
    trees = engine_of(fit).trees
    inner = int(np.flatnonzero(trees.feature >= 0)[0])
    changes = {
        "left": (inner, 0),
        "feature": (inner, 4),
        "first_step": (0, 10**9),
        "node_bounds": (1, 10**9),
        "step_place": (0, -1),
    }
    for name, (place, value) in changes.items():
        damaged = {key: values.copy() for key, values in whole.items()}
        damaged[name][place] = value
        np.savez(path, **damaged)
        with pytest.raises(DataError, match="do not fit together"):
            load_model(path)
    np.savez(path, **{key: values for key, values in whole.items() if key != "cut"})
    with pytest.raises(DataError, match="stored forest"):
        load_model(path)
    np.savez(path, **{**whole, "text": np.array([{"a": 1}], dtype=object)}, allow_pickle=True)
    with pytest.raises(DataError, match="stored forest"):
        load_model(path)
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="stored forest"):
        load_model(path)
    with pytest.raises(DataError, match="stored forest"):
        load_model(tmp_path / "absent.npz")


def test_what_is_not_stored(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit], tmp_path: Path) -> None:
    table, outcome, fit = grown
    with pytest.raises(ConfigError, match=r"\.npz"):
        save_model(fit, tmp_path / "forest.json")
    other = RandomSurvivalForest("marker", n_trees=3, engine="scikit-survival").fit(table, outcome)
    with pytest.raises(ConfigError, match="not stored"):
        save_model(other, tmp_path / "forest.npz")


def test_refusals() -> None:
    table, outcome = cohort(40)
    with pytest.raises(FitError, match="cannot split 1"):
        RandomSurvivalForest("marker", min_leaf=1).fit(table.iloc[[0]], Outcome([3.0], [1]))
    with pytest.raises(DataError, match="infinite"):
        RandomSurvivalForest("marker").fit(table.assign(marker=np.where(table.index == 2, np.inf, 1.0)), outcome)
    with pytest.raises(FitError, match="no tree could be split"):
        RandomSurvivalForest("marker", min_events=30).fit(table, outcome)
    with pytest.raises(FitError, match="noise is constant"):
        RandomSurvivalForest("marker + noise").fit(table.assign(noise=2.0), outcome)
    with pytest.raises(DataError, match="single level"):
        RandomSurvivalForest("site").fit(table.assign(site="bone"), outcome)
    many = cohort(140)[0].assign(site=[f"site {row % 70}" for row in range(140)])
    with pytest.raises(FitError, match="site has 70 levels"):
        RandomSurvivalForest("site").fit(many, cohort(140)[1])
    with pytest.raises(DataError, match="no value"):
        RandomSurvivalForest("marker + noise", missing="direction").fit(table.assign(noise=np.nan), outcome)


def test_more_columns_than_rows() -> None:
    """Two hundred columns of noise and one that matters, in 60 rows: the forest grows, and finds it."""
    random = np.random.default_rng(2)
    table = pd.DataFrame(random.normal(size=(60, 200)), columns=[f"x{j}" for j in range(200)])
    outcome = Outcome(random.exponential(np.exp(-3 * table["x7"])), np.ones(60))
    fit = RandomSurvivalForest(list(table.columns), n_trees=200, mtry=60).fit(table, outcome)
    trees = engine_of(fit).trees
    used = np.bincount(trees.feature[trees.feature >= 0], minlength=200)
    assert used.argmax() == 7
    assert concordance(outcome, fit.oob_index).estimate > 0.6


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"min_events": -1}, "min_events"),
        ({"max_depth": 0}, "max_depth"),
        ({"random_cuts": 0}, "random_cuts"),
        ({"replace": 1}, "replace"),
        ({"sample_fraction": 1.5}, "sample_fraction"),
        ({"sample_fraction": True}, "sample_fraction"),
        ({"missing": "impute"}, "missing"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"engine": "scikit-survival", "max_depth": 3}, "knows no max_depth"),
    ],
)
def test_wrong_settings(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        RandomSurvivalForest("x", **arguments)  # type: ignore[arg-type]
