"""Elastic-net Cox models against R's glmnet: coefficients, and the cross-validated deviance in folds of glmnet's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from survmodel import ElasticNet
from survmodel.models import elastic_net_choice
from survmodel.models.elastic_net_path import fit_path

CASE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "reference" / "elastic_net.json").read_text())
X, TIME, EVENT = np.array(CASE["x"], float), np.array(CASE["time"], float), np.array(CASE["event"]) == 1
ALPHAS = np.array(CASE["alphas"])


@pytest.mark.parametrize("answer", CASE["answers"], ids=lambda one: str(one["l1_ratio"]))
def test_coefficients_are_those_of_glmnet(answer: dict[str, Any]) -> None:
    path = fit_path(X, TIME, EVENT, ALPHAS, answer["l1_ratio"])
    assert path.beta * X.std(axis=0) == pytest.approx(np.array(answer["beta"]) * X.std(axis=0), abs=2e-6)


@pytest.mark.parametrize("answer", CASE["answers"], ids=lambda one: str(one["l1_ratio"]))
def test_deviance_is_that_of_glmnet(answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    order = np.lexsort((*X.T[::-1], EVENT, TIME))
    monkeypatch.setattr(elastic_net_choice, "draw_folds", lambda *_: np.array(CASE["fold"])[order][np.newaxis])
    monkeypatch.setattr(elastic_net_choice, "_weights", lambda *_: ALPHAS)
    for choose in ("min", "1se"):
        penalty = ElasticNet(answer["l1_ratio"], folds=5, choose=choose)  # type: ignore[arg-type]
        path = elastic_net_choice.choose_on_path(penalty, X, TIME, EVENT, None)
        assert path.deviance + tied_part() == pytest.approx(np.array(answer["deviance"]), rel=1e-6)
        assert path.alpha == answer[f"alpha_{choose}"]


def tied_part() -> float:
    """Give what glmnet adds to a deviance: that of a saturated model, in which d deaths at a time leave -d log d.

    It differs between folds, so that glmnet's standard error is not ours where times are tied.
    """
    fold = np.array(CASE["fold"])

    def saturated(rows: np.ndarray) -> float:
        deaths = np.unique(TIME[rows & EVENT], return_counts=True)[1]
        return -float(deaths @ np.log(deaths))

    everybody = saturated(np.ones(TIME.size, dtype=bool))
    return sum(2 * (everybody - saturated(fold != k)) for k in range(5)) / EVENT.sum()
