"""Properties of scores and of resampling: 41 and 45."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import (
    CoxPH,
    KaplanMeier,
    MultipleImputation,
    Outcome,
    Pipeline,
    RandomSurvivalForest,
    brier_score,
    integrated_brier_score,
    validate,
)

TIMES = (6.0, 18.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 60))
def test_41_brier_score_of_the_null_model(seed: int, n: int) -> None:
    """41. Uncensored, the null model has the Brier score S (1 - S); an integrated score lies between its values."""
    random = np.random.default_rng(seed)
    outcome = Outcome(np.ceil(random.exponential(20, n)), np.ones(n))
    times = np.unique(outcome.time)[:-1]
    if times.size < 2:
        return
    survival = KaplanMeier().fit(outcome).at(list(times))["estimate"].to_numpy()
    risk = random.uniform(size=(n, times.size))
    score = brier_score(outcome, risk, times)
    assert score.estimate[-1] == pytest.approx(survival * (1 - survival), abs=1e-12)
    whole = integrated_brier_score(outcome, risk, times)
    # before the first time the score is 0
    assert 0 <= whole.estimate[0, 0] <= score.estimate[0].max() + 1e-12


def cohort(n: int = 70) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(4)
    table = pd.DataFrame(random.normal(size=(n, 2)), columns=["marker", "age"])
    table["disease"] = random.choice(["lymphoma", "myeloma"], n)
    time, censor = random.exponential(20 * np.exp(-table["marker"])), random.uniform(5, 60, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months")


def with_gaps(table: pd.DataFrame) -> pd.DataFrame:
    gaps = table.copy()
    gaps.loc[::5, "age"] = np.nan
    return gaps


SPECS = {
    "cox": {"a": CoxPH("marker + age", strata="disease"), "b": CoxPH("age", strata="disease")},
    "forest": {"a": RandomSurvivalForest("marker + age", n_trees=10)},
    "pipeline": {"a": Pipeline([MultipleImputation(["marker", "age"], m=2, iterations=2)], CoxPH("marker + age"))},
}


def numbers(kind: str, n_jobs: int, repeats: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    table, outcome = cohort()
    table = with_gaps(table) if kind == "pipeline" else table
    found = validate(
        SPECS[kind], table, outcome, horizons=TIMES, repeats=repeats, fold_repeats=1, folds=4, seed=3, n_jobs=n_jobs,
        strata=table["disease"],
    )  # fmt: skip
    drawn = {str(measure): one.by_resample for measure, one in found.scores["a"].measures.items()}
    return found.tidy(), pd.DataFrame(drawn)


@pytest.mark.parametrize("kind", SPECS)
def test_45_workers_change_no_bit(kind: str) -> None:
    """45. The same bits for 1, 2 and 8 workers, in threads and in processes, and for a run that was cut short."""
    tidy, drawn = numbers(kind, 1)
    with joblib.parallel_config("threading"):
        others = [numbers(kind, 2), numbers(kind, 8)]
    if kind == "cox":
        with joblib.parallel_config("loky"):
            others.append(numbers(kind, 2))
    for other, by_resample in others:
        pd.testing.assert_frame_equal(other, tidy, check_exact=True)
        pd.testing.assert_frame_equal(by_resample, drawn, check_exact=True)
    _, short = numbers(kind, 1, repeats=10 if kind == "cox" else 6)
    pd.testing.assert_frame_equal(short, drawn.iloc[: len(short)], check_exact=True)


def test_45b_a_cluster_changes_no_bit() -> None:
    """45b. The same bits when the resamples are computed on a cluster of Dask."""
    from distributed import Client, LocalCluster

    expected, _ = numbers("forest", 1)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        joblib.parallel_config("dask"),
    ):
        tidy, _ = numbers("forest", 2)
        fast, _ = numbers("cox", 2)
    pd.testing.assert_frame_equal(tidy, expected, check_exact=True)
    pd.testing.assert_frame_equal(fast, numbers("cox", 1)[0], check_exact=True)
