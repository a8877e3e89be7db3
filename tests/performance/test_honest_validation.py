"""What validation must come to where the truth is known: noise, optimism, and differences between diseases only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import CoxPH, Outcome, RandomSurvivalForest, Ridge, concordance, validate

NOISE = "marker + a + b"


def noise(seed: int, n: int = 50) -> tuple[pd.DataFrame, Outcome]:
    """Three columns that tell nothing; about half the times are events."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(n, 3)), columns=["marker", "a", "b"])
    time, censor = random.exponential(size=n), random.exponential(size=n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="years")


@pytest.mark.parametrize(
    ("spec", "repeats"),
    [
        (CoxPH(NOISE), 100),
        (CoxPH(NOISE, penalty=Ridge(2.0)), 100),
        (RandomSurvivalForest(NOISE, n_trees=25), 12),
    ],
    ids=["cox", "ridge", "forest"],
)
def test_noise_has_a_corrected_c_of_one_half(spec: CoxPH | RandomSurvivalForest, repeats: int) -> None:
    """STATISTICS 8: over 100 seeds the mean is within .04 of 1/2, though the apparent C is far above."""
    found = [
        validate(spec, *noise(seed), repeats=repeats, fold_repeats=0, seed=seed).scores["model"] for seed in range(100)
    ]
    assert np.mean([one.corrected for one in found]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([one.apparent for one in found]) > 0.58


def signal(random: np.random.Generator, n: int) -> tuple[pd.DataFrame, Outcome]:
    """Eight columns, two of which tell, hazard ratios 1.65 per standard deviation; a third is censored."""
    x = random.normal(size=(n, 8))
    time = random.exponential(np.exp(-0.5 * x[:, 0] - 0.5 * x[:, 1]))
    censor = random.exponential(2.0, n)
    table = pd.DataFrame(x, columns=[f"x{j}" for j in range(8)])
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="years")


def test_the_optimism_bootstrap_removes_the_optimism() -> None:
    """RELIABILITY 6e: n = 80, corrected C at most .03 above the true one, at least 70 % of the optimism removed."""
    large, outcome = signal(np.random.default_rng(99), 4000)
    spec = CoxPH(list(large.columns))
    apparent, corrected, true, slopes, own_slopes = [], [], [], [], []
    for seed in range(120):
        table, seen = signal(np.random.default_rng(seed), 80)
        scores = validate(spec, table, seen, repeats=60, seed=seed).scores["model"]
        index = spec.fit(table, seen).prognostic_index(large)
        apparent.append(scores.apparent)
        corrected.append(scores.corrected)
        true.append(concordance(outcome, index).estimate)
        slopes.append(scores.find("calibration slope").corrected)
        slope = CoxPH("index").fit(pd.DataFrame({"index": index}), outcome)
        own_slopes.append(float(slope.coefficients["index"]))
    bias, optimism = np.mean(corrected) - np.mean(true), np.mean(apparent) - np.mean(true)
    assert optimism > 0.03
    assert -0.03 <= bias <= 0.03
    assert bias <= 0.3 * optimism
    # the slope shrinks by about as much as it should
    assert np.mean(slopes) == pytest.approx(np.mean(own_slopes), abs=0.06)


def test_corrected_scores_of_risk_are_those_of_other_patients() -> None:
    """Brier score and AUC at a horizon, corrected for optimism and by .632+, against a large sample of the same law."""
    large, outcome = signal(np.random.default_rng(98), 4000)
    spec, time = CoxPH(list(large.columns)), 0.7
    gained: dict[str, list[float]] = {"AUC": [], "Brier score": []}
    happened = outcome.time <= time
    known = happened & outcome.died | (outcome.time > time)
    weight = np.where(happened, np.exp(outcome.time / 2), np.exp(time / 2)) * known
    for seed in range(40):
        table, seen = signal(np.random.default_rng(1000 + seed), 80)
        fit = spec.fit(table, seen)
        risk = fit.predict_risk(large, [time])[:, 0]
        cases, controls = risk[happened & known], risk[known & ~happened]
        order = np.sort(controls)
        w = weight[happened & known]
        auc = float(w @ (np.searchsorted(order, cases) / order.size) / w.sum())
        brier = float(weight @ (happened - risk) ** 2 / outcome.n)
        for method in ("optimism", ".632+"):
            scores = validate(spec, table, seen, method=method, horizons=[time], repeats=40, fold_repeats=0, seed=seed)
            found = scores.scores["model"]
            gained["AUC"].append(found.find("AUC", time).corrected - auc)
            gained["Brier score"].append(found.find("Brier score", time).corrected - brier)
    assert np.mean(gained["AUC"]) == pytest.approx(0, abs=0.03)
    assert np.mean(gained["Brier score"]) == pytest.approx(0, abs=0.015)


def test_differences_between_diseases_are_no_discrimination() -> None:
    """STATISTICS 4: a marker that only tells the disease has C of 1/2 within diseases, and above .6 over all."""
    within, pooled = [], []
    for seed in range(30):
        random = np.random.default_rng(seed)
        disease = random.choice(["indolent", "aggressive"], 150)
        bad = disease == "aggressive"
        table = pd.DataFrame({"marker": random.normal(size=150) + 1.5 * bad, "disease": disease})
        time, censor = random.exponential(np.where(bad, 0.4, 2.0)), random.uniform(0.5, 4, 150)
        outcome = Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="years")
        spec = CoxPH("marker")
        within.append(
            validate(spec, table, outcome, strata=table["disease"], repeats=30, seed=seed).scores["model"].corrected
        )
        pooled.append(concordance(outcome, spec.fit(table, outcome).prognostic_index(table)).estimate)
    assert np.mean(within) == pytest.approx(0.5, abs=0.02)
    assert np.mean(pooled) > 0.6
