"""Corrected scores of risk where the truth is known; corrected concordance is in tests/simulation (e, S4, S8)."""

from __future__ import annotations

import numpy as np
import pytest
from simulation.laws import signal

from survmodel import CoxPH, validate


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
