"""Importance in a study: with limits, and without them where half of the patients cannot bear the forest."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import survmodel as sm
from survmodel.report.validation_tables import importance_table
from survmodel.study.forest_steps import _importance


@pytest.mark.parametrize(("min_leaf", "subsamples"), [(4, 30), (20, 0)])
def test_limits_are_given_where_they_can_be(min_leaf: int, subsamples: int) -> None:
    random = np.random.default_rng(2)
    table = pd.DataFrame(random.normal(size=(60, 2)), columns=["x", "z"])
    outcome = sm.Outcome(random.exponential(np.exp(-table["x"])), np.ones(60))
    fit = sm.RandomSurvivalForest("x + z", n_trees=30, min_leaf=min_leaf).fit(table, outcome)
    part = SimpleNamespace(table=table, of_one=outcome, layers=lambda rows: pd.Series(np.zeros(rows.size)))
    found = _importance(fit, part, seed=1)
    assert found.subsamples == subsamples
    assert found.tidy()["estimate"].notna().all()
    assert found.tidy()["conf_low"].notna().all() == bool(subsamples)
    refused = [warning for warning in found.warnings if "leaves of 20 rows cannot split 30" in warning]
    assert len(refused) == (0 if subsamples else 1)
    note = importance_table(found, {}, "Importance").to_text()
    assert ("limits are those of drawing other patients" if subsamples else "no limits:") in note.lower()
