"""Corrected scores of risk where the truth is known; corrected concordance is in tests/simulation (e, S4, S8)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from simulation.laws import signal

from survmodel import CoxPH, Outcome, validate


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


def test_limits_that_do_not_hold_the_corrected_value_are_not_given() -> None:
    """Six columns of noise for 23 events: the resamples lie above twice their optimism, and a limit would exclude C."""
    random = np.random.default_rng(7)
    columns = [f"metric_{letter}" for letter in "abcdef"]
    table = pd.DataFrame(random.normal(size=(50, 6)), columns=columns)
    time, censor = random.exponential(30, size=50), random.uniform(5, 35, size=50)
    outcome = Outcome(np.minimum(time, censor), time <= censor)
    found = validate(CoxPH(" + ".join(columns), penalty="firth"), table, outcome, repeats=200)
    row = found.tidy().query("measure == 'Harrell C' and sample == 'corrected'").iloc[0]
    drawn = found.scores["model"].find("Harrell C").by_resample
    optimism = found.tidy().query("measure == 'Harrell C' and sample == 'optimism'")["estimate"].iloc[0]
    assert np.quantile(drawn, 0.025) - optimism > row["estimate"]
    assert np.isnan(row["conf_low"])
    assert np.isnan(row["conf_high"])
    assert any("too many columns for so few events" in text for text in found.warnings)
