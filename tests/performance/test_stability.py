"""Stability of predictions: the numbers by hand, what is refused, and that more patients make it better."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import ConfigError, CoxPH, DataError, FitError, Outcome, prediction_stability, stability_of
from survmodel.resampling import bootstrap_counts, count_rows, read_units

BY_HAND = np.tile([[0.1, 0.5, 0.9], [0.3, 0.5, 0.7]], (10, 1))


def test_band_and_error_by_hand() -> None:
    found = prediction_stability([0.2, 0.5, 0.9], BY_HAND, conf_level=0.9)
    np.testing.assert_allclose(found.error, [0.1, 0, 0.1], atol=1e-15)
    assert found.mape == pytest.approx(0.2 / 3)
    np.testing.assert_allclose(found.lower, [0.1, 0.5, 0.7])
    np.testing.assert_allclose(found.upper, [0.3, 0.5, 0.9])
    table = found.tidy()
    assert table["row"].tolist() == [1, 2, 3]
    assert table["used"].tolist() == [20, 20, 20]
    assert found.glance()["mape"].iloc[0] == found.mape
    assert "0.067" in repr(found)
    assert '"kind": "PredictionStability"' in found.to_json()


def test_resamples_that_failed_are_left_out_and_counted() -> None:
    holes = np.vstack([BY_HAND, np.full((2, 3), np.nan), [[np.nan, 0.5, 0.9]]])
    found = prediction_stability([0.2, 0.5, 0.9], holes)
    assert (found.asked, found.failed) == (23, 2)
    assert found.used.tolist() == [20, 21, 21]
    assert found.error[0] == pytest.approx(0.1)
    assert found.notes == ("2 of 23 resamples failed", "1 patient could not be predicted in all resamples")


def test_more_patients_make_predictions_stable() -> None:
    mape = []
    for n in (40, 400):
        random = np.random.default_rng(n)
        table = pd.DataFrame({"x": random.normal(size=n), "noise": random.normal(size=n)})
        time, end = random.exponential(np.exp(-table["x"].to_numpy())), random.uniform(0.5, 3, n)
        outcome = Outcome(np.minimum(time, end), time <= end)
        spec = CoxPH("x + noise")
        rows = [count_rows(counts) for counts in bootstrap_counts(read_units(n), 30, seed=1)]
        others = [spec.fit(table.iloc[k], outcome.take(k)).predict_risk(table, [0.5])[:, 0] for k in rows]
        own = spec.fit(table, outcome).predict_risk(table, [0.5])[:, 0]
        mape.append(prediction_stability(own, others).mape)
    assert mape[1] < 0.5 * mape[0]


@pytest.mark.parametrize(
    ("original", "others", "error", "match"),
    [
        ([0.2, 0.5], BY_HAND, DataError, "other patients"),
        ([0.2, 0.5, 1.9], BY_HAND, DataError, "no probability"),
        ([0.2, 0.5, np.nan], BY_HAND, DataError, "in row 3|in rows? "),
        ([0.2, 0.5, 0.9], BY_HAND[:10], FitError, "10 resamples"),
        ([0.2, 0.5, 0.9], BY_HAND[0], ConfigError, "1 dimension"),
        (["a"], [["b"]], DataError, "not numeric"),
    ],
)
def test_refusals(original: list[float], others: np.ndarray, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        prediction_stability(original, others)


def test_a_specification_is_refitted_on_replicated_rows() -> None:
    """The same risks by fits to the drawn rows, written out."""
    random = np.random.default_rng(8)
    table = pd.DataFrame({"x": random.normal(size=60), "group": random.choice(["a", "b"], 60)})
    outcome = Outcome(random.exponential(np.exp(-table["x"])), random.random(60) < 0.8, unit="years")
    spec = CoxPH("x", strata="group")
    found = stability_of(spec, table, outcome, 0.5, strata=table["group"], repeats=30, seed=4)
    counts = bootstrap_counts(read_units(60, strata=table["group"]), 30, 4)
    drawn = [np.repeat(np.arange(60), one) for one in counts]
    risks = np.array([
        spec.fit(table.iloc[rows], outcome.take(rows)).predict_risk(table, [0.5])[:, 0] for rows in drawn
    ])  # fmt: skip
    original = spec.fit(table, outcome).predict_risk(table, [0.5])[:, 0]
    assert found.mape == pytest.approx(np.abs(risks - original).mean(), abs=1e-8)
    assert found.lower == pytest.approx(np.quantile(risks, 0.025, axis=0), abs=1e-8)
    someone = np.flatnonzero(outcome.died)[np.argsort(outcome.time[outcome.died])[10]]
    rare = table.assign(rare=(np.arange(60) == someone).astype(float))
    with pytest.raises(FitError, match="resamples failed"):
        stability_of(CoxPH("x + rare"), rare, outcome, 0.5, repeats=30)
