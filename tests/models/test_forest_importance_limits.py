"""Importance of groups of columns, and limits that mean drawing other patients."""

from __future__ import annotations

from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest

from survmodel import ConfigError, FitError, Outcome, RandomSurvivalForest, concordance, permutation_importance
from survmodel.models import forest_subsampling
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.resampling import draw_subsamples, read_units

FORMULA = "signal + copy + noise"


def cohort(seed: int, n: int = 120) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    signal = random.normal(size=n)
    table = pd.DataFrame({
        "signal": signal,
        "copy": signal + 0.1 * random.normal(size=n),
        "noise": random.normal(size=n),
        "site": random.choice(["A", "B"], size=n),
        "weight": random.uniform(0.5, 2.0, n),
    })  # fmt: skip
    time, censor = random.exponential(20 * np.exp(-signal)), random.uniform(5, 50, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months")


@pytest.fixture(scope="module")
def grown() -> tuple[pd.DataFrame, Outcome, SurvivalForestFit]:
    table, outcome = cohort(1)
    return table, outcome, RandomSurvivalForest(FORMULA, n_trees=60, seed=2).fit(table, outcome)


def test_a_group_is_missed_more_than_its_columns(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    """Of two columns that tell the same neither is missed as much as both."""
    table, outcome, fit = grown
    result = permutation_importance(fit, table, outcome, groups={"uptake": ["signal", "copy"]}, limits=None)
    found = result.tidy().set_index("variable")["estimate"]
    assert list(found.index) == ["signal", "copy", "noise", "uptake"]
    assert found["uptake"] > 1.5 * max(found["signal"], found["copy"])
    assert "uptake: signal, copy together" in repr(result)


def test_a_group_of_all_columns_leaves_nothing_to_rank_by(
    grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit],
) -> None:
    """C falls to that of an index that knows nothing: within 3 of its standard errors, near 0.04, of 1/2."""
    table, outcome, fit = grown
    result = permutation_importance(fit, table, outcome, groups={"all": FORMULA.split(" + ")}, limits=None)
    left = result.concordance - result.tidy()["estimate"].iloc[-1]
    assert abs(left - 0.5) < 0.12


def test_columns_do_not_change_when_groups_are_asked_for(
    grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit],
) -> None:
    table, outcome, fit = grown
    alone = permutation_importance(fit, table, outcome, limits=None).tidy()
    joined = permutation_importance(fit, table, outcome, limits=None, groups={"a": ["signal"]}).tidy()
    assert joined["estimate"][:3].to_numpy() == pytest.approx(alone["estimate"].to_numpy(), abs=0.02)


@pytest.mark.parametrize(
    ("groups", "match"),
    [
        ({"uptake": ["signal", "copi"]}, "did you mean 'copy'"),
        ({"noise": ["signal", "copy"]}, "named as the column noise"),
        ({"uptake": "signal"}, "no list of columns"),
        ({"uptake": []}, "no list of columns"),
    ],
)
def test_wrong_groups(
    groups: dict[str, list[str]], match: str, grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]
) -> None:
    table, outcome, fit = grown
    with pytest.raises(ConfigError, match=match):
        permutation_importance(fit, table, outcome, groups=groups, limits=None)


def test_errors_are_the_delete_d_jackknife(
    grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Subsamples grown again here by hand: b / (n - b) times the mean square about the importance from all."""
    table, outcome, fit = grown
    monkeypatch.setattr(forest_subsampling, "MOST_TREES", 20)
    result = permutation_importance(fit, table, outcome, repeats=2, subsamples=10, seed=4)
    order = fit.order
    draws = draw_subsamples(read_units(120, strata=outcome.died[order]), 0.5, 10, 4)
    deviations = []
    for number, draw in enumerate(draws, start=1):
        rows = np.sort(order[draw > 0])
        forest = replace(fit.spec, n_trees=20, seed=2 + number).fit(table.iloc[rows], outcome.take(rows))
        again = permutation_importance(
            forest, table.iloc[rows], outcome.take(rows), repeats=2, seed=4, limits=None
        ).tidy()  # fmt: skip
        deviations.append(again["estimate"] - result.tidy()["estimate"])
    b = draws[0].sum()
    expected = np.sqrt(b / (120 - b) * np.mean(np.square(deviations), axis=0))
    assert result.tidy()["std_error"].to_numpy() == pytest.approx(expected, rel=1e-12)
    shown = result.glance().iloc[0]
    assert (shown["subsamples"], shown["subsamples_failed"], shown["subsample_size"]) == (10, 0, b)
    assert shown["subsample_trees"] == 20
    assert f"10 draws of {b} of the 120 patients" in repr(result)


def test_limits_of_noise_cover_nothing_and_those_of_a_signal_do_not() -> None:
    """In 20 cohorts: the limits of a column of noise miss 0 in at most 3 (5 % of 20 is 1), those of a signal cover 0
    in at most 3."""
    missed, covered = 0, 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        table = pd.DataFrame(random.normal(size=(150, 2)), columns=["signal", "noise"])
        time, censor = random.exponential(20 * np.exp(-table["signal"])), random.uniform(5, 50, 150)
        outcome = Outcome(np.minimum(time, censor), (time <= censor).astype(int))
        fit = RandomSurvivalForest("signal + noise", n_trees=60, seed=seed).fit(table, outcome)
        found = permutation_importance(fit, table, outcome, repeats=2, subsamples=20).tidy()
        inside = (found["conf_low"] < 0) & (found["conf_high"] > 0)
        missed, covered = missed + (not inside[1]), covered + inside[0]
    assert missed <= 3
    assert covered <= 3


def test_without_limits(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    table, outcome, fit = grown
    result = permutation_importance(fit, table, outcome, limits=None)
    assert result.tidy()[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    assert (result.tidy()["shuffling_error"] > 0).all()
    assert "No limits: the shuffling error" in repr(result)
    assert result.glance()["conventions"].iloc[0].endswith("no limits")


def test_any_specification_and_workers(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    """Case weights, missing values with a direction and strata are those of every subsample too."""
    table, outcome, _ = grown
    table = table.assign(noise=table["noise"].where(table["noise"] < 1.2))
    spec = RandomSurvivalForest(FORMULA, n_trees=30, missing="direction")
    fit = spec.fit(table, outcome, table["weight"])
    asked = {"strata": table["site"], "repeats": 1, "subsamples": 10}
    result = permutation_importance(fit, table, outcome, **asked)
    assert result.concordance == pytest.approx(concordance(outcome, fit.oob_index, strata=table["site"]).estimate)
    assert (result.tidy()["std_error"] > 0).all()
    with joblib.parallel_config("threading"):
        again = permutation_importance(fit, table, outcome, **asked, n_jobs=2)
    pd.testing.assert_frame_equal(result.tidy(), again.tidy(), check_exact=True)


def test_failed_subsamples_are_counted_or_refused() -> None:
    """A column in which one patient differs is constant in half of the subsamples."""
    table, outcome = cohort(3)
    fit = RandomSurvivalForest("signal + odd", n_trees=20).fit(table.assign(odd=np.arange(120) == 7), outcome)
    with pytest.raises(FitError, match="importance in subsamples"):
        permutation_importance(fit, table.assign(odd=np.arange(120) == 7), outcome, subsamples=20)
    few = table.assign(odd=np.isin(np.arange(120), [3, 30, 60, 90]))
    fit = RandomSurvivalForest("signal + odd", n_trees=20).fit(few, outcome)
    result = permutation_importance(fit, few, outcome, repeats=1, subsamples=60)
    failed = result.glance()["subsamples_failed"].iloc[0]
    assert 0 < failed < 12
    assert any(f"{failed} of 60 subsamples failed" in warning for warning in result.warnings)


def test_refusals(grown: tuple[pd.DataFrame, Outcome, SurvivalForestFit]) -> None:
    table, outcome, fit = grown
    other = RandomSurvivalForest(FORMULA, n_trees=5, engine="scikit-survival").fit(table, outcome)
    with pytest.raises(ConfigError, match="takes too long"):
        permutation_importance(other, table, outcome)
    assert np.isnan(permutation_importance(other, table, outcome, limits=None).tidy()["conf_low"]).all()
    with pytest.raises(ConfigError, match="did you mean 'subsampling'"):
        permutation_importance(fit, table, outcome, limits="subsample")
    with pytest.raises(ConfigError, match="subsamples is 3"):
        permutation_importance(fit, table, outcome, subsamples=3)


def test_subsamples_are_drawn_within_strata() -> None:
    """Half of each stratum, and of a stratum of one the one."""
    units = read_units(21, strata=[0] * 12 + [1] * 8 + [2])
    counts = draw_subsamples(units, 0.5, 50, seed=1)
    assert set(counts[:, :12].sum(axis=1)) == {6}
    assert set(counts[:, 12:20].sum(axis=1)) == {4}
    assert set(counts[:, 20]) == {1}
    assert (counts == draw_subsamples(units, 0.5, 60, seed=1)[:50]).all()
    with pytest.raises(ConfigError, match="share of a subsample"):
        draw_subsamples(units, 1.0, 5)
