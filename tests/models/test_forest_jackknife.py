"""Limits of a forest's risk: the infinitesimal jackknife written out, its level by simulation, what it refuses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from survmodel import ConfigError, FitError, Outcome, RandomSurvivalForest, risk_limits
from survmodel.kernels.forest_trees import LEAF
from survmodel.models.survival_forest_fit import SurvivalForestFit

Floats = npt.NDArray[np.float64]


def cohort(seed: int, n: int = 60) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(n, 2)), columns=["x", "z"]).assign(weight=random.uniform(0.5, 2.0, n))
    time, censor = random.exponential(20 * np.exp(-table["x"])), random.uniform(5, 50, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months")


def risk_in_tree(fit: SurvivalForestFit, tree: int, row: Floats, time: float) -> float:
    """Walk down one tree of two numeric columns, and multiply the steps of the leaf up to a time."""
    trees, root = fit.engine.trees, fit.engine.trees.node_bounds[tree]
    node = root
    while trees.feature[node] != LEAF:
        goes_right = row[trees.feature[node]] > trees.cut[node]
        node = root + trees.left[node] + int(goes_right)
    steps = range(trees.first_step[node], trees.first_step[node] + trees.n_steps[node])
    inside = [step for step in steps if fit.engine.event_times[trees.step_place[step]] <= time]
    return 1 - float(np.prod([1 - trees.hazard_step[step] for step in inside]))


@pytest.mark.parametrize("options", [{}, {"sample_fraction": 0.5}, {"replace": False}, {"weights": True}], ids=str)
def test_the_formula_written_out(options: dict[str, object]) -> None:
    table, outcome = cohort(1)
    weights = table["weight"] if options == {"weights": True} else None
    asked = {} if options == {"weights": True} else options
    fit = RandomSurvivalForest("x + z", n_trees=40, seed=3, **asked).fit(table, outcome, weights)
    rows, times = table.iloc[[4, 9, 33]], [12.0, 3.0]
    result = risk_limits(fit, rows, times)
    drawn, n_trees, n = fit.engine.draws(), 40, 60
    s = int(drawn[0].sum())
    # Variance of how often a row is drawn, summed over rows: of binomial counts, or of a draw without replacement.
    share = np.full(n, 1 / n)
    if "weights" in options:
        share = table["weight"].to_numpy()[fit.order] / table["weight"].sum()
    spread = sum(s * p * (1 - p) for p in share)
    factor = 1.0
    if "replace" in options:
        spread, factor = n * (s / n) * (1 - s / n), (n - 1) / n * (n / (n - s)) ** 2
    for place, row in enumerate(rows[["x", "z"]].to_numpy()):
        for at, time in enumerate(times):
            risk = np.array([risk_in_tree(fit, tree, row, time) for tree in range(n_trees)])
            raw = 0.0
            for i in range(n):
                raw += np.mean((drawn[:, i] - drawn[:, i].mean()) * (risk - risk.mean())) ** 2
            added = spread / n_trees**2 * ((risk - risk.mean()) ** 2).sum()
            assert result.risk[place, at] == pytest.approx(risk.mean(), abs=1e-12)
            assert result.variance[place, at] == pytest.approx(factor * (raw - added), abs=1e-12)
            assert result.monte_carlo[place, at] == pytest.approx(factor * added, abs=1e-12)
    assert result.risk == pytest.approx(fit.predict_risk(rows, times), abs=1e-12)


@pytest.mark.parametrize("options", [{}, {"replace": False, "sample_fraction": 0.5}], ids=["with", "without"])
def test_the_variance_is_near_that_over_samples(options: dict[str, object]) -> None:
    """At two fixed rows and over 40 cohorts the mean estimate is between half and twice the variance of the risk.

    A variance from 40 cohorts has a relative error of sqrt(2 / 39), 0.23, so that a ratio of 1 stays within.
    """
    at = pd.DataFrame({"x": [0.0, 1.0], "z": [0.0, 0.0]})
    risks, variances = [], []
    for seed in range(40):
        spec = RandomSurvivalForest("x + z", n_trees=300, min_leaf=8, seed=seed, **options)
        found = risk_limits(spec.fit(*cohort(100 + seed, 80)), at, [10.0])
        risks.append(found.risk[:, 0])
        variances.append(found.variance[:, 0])
    ratio = np.mean(variances, axis=0) / np.var(risks, axis=0, ddof=1)
    assert ((ratio > 0.5) & (ratio < 2.0)).all()


@pytest.fixture(scope="module")
def grown() -> SurvivalForestFit:
    return RandomSurvivalForest("x + z", n_trees=1500, seed=3).fit(*cohort(1))


def test_limits_are_those_of_log_minus_log(grown: SurvivalForestFit) -> None:
    table, _ = cohort(2)
    result = risk_limits(grown, table.head(4), [3.0, 12.0], conf_level=0.9)
    tidy = result.tidy()
    assert tidy["row"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert tidy["time"].tolist() == [3.0, 12.0] * 4
    survival = 1 - tidy["estimate"]
    step = 1.6448536269514722 * tidy["std_error"] / (survival * -np.log(survival))
    assert tidy["conf_low"].to_numpy() == pytest.approx(1 - survival ** np.exp(-step), rel=1e-9)
    assert tidy["conf_high"].to_numpy() == pytest.approx(1 - survival ** np.exp(step), rel=1e-9)
    assert not result.warnings
    assert "not how far the forest is from the truth" in repr(result)


def test_before_the_first_event_and_beyond_the_follow_up_there_are_no_limits(grown: SurvivalForestFit) -> None:
    table, outcome = cohort(1)
    tidy = risk_limits(grown, table.head(1), [0.0, float(outcome.time.max()) + 1]).tidy()
    assert tidy["estimate"][0] == 0.0
    assert np.isnan(tidy["estimate"][1])
    assert tidy[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)


def test_too_few_trees_are_named() -> None:
    table, outcome = cohort(1)
    few = risk_limits(RandomSurvivalForest("x + z", n_trees=30).fit(table, outcome), table, [10.0])
    (warning,) = few.warnings
    assert "too few trees; grow about" in warning
    assert int(warning.split("grow about ")[1].split(" ")[0].replace(",", "")) >= 100
    lost = few.variance[:, 0] <= 0
    assert (few.tidy()["conf_low"].isna() == lost).all()
    assert few.glance()["monte_carlo"].iloc[0] > 0.5


def test_rows_are_read_in_parts_alike(grown: SurvivalForestFit, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = cohort(5)
    whole = risk_limits(grown, table, [5.0, 10.0])
    monkeypatch.setattr("survmodel.models.forest_jackknife.ROOM", 20_000)
    parts = risk_limits(grown, table, [5.0, 10.0])
    assert parts.variance == pytest.approx(whole.variance, rel=1e-9)


def test_refusals(grown: SurvivalForestFit) -> None:
    table, outcome = cohort(1)
    other = RandomSurvivalForest("x", n_trees=5, engine="scikit-survival").fit(table, outcome)
    with pytest.raises(ConfigError, match="own trees"):
        risk_limits(other, table, [5.0])
    with pytest.raises(ConfigError, match="conf_level"):
        risk_limits(grown, table, [5.0], conf_level=95)
    with pytest.raises(FitError, match="several trees"):
        risk_limits(RandomSurvivalForest("x", n_trees=1).fit(table, outcome), table, [5.0])
    whole = RandomSurvivalForest("x + z", n_trees=5, mtry=1, replace=False, sample_fraction=1.0).fit(table, outcome)
    with pytest.raises(FitError, match="on all rows"):
        risk_limits(whole, table, [5.0])
