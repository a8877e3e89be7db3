"""Conventions of pooling over completed tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import CoxPH, Outcome, pooled


def test_32_pooled_degrees_of_freedom_are_those_of_large_samples() -> None:
    """Complete data give the z of the single fit; R's mice would give t on events less coefficients."""
    random = np.random.default_rng(6)
    table = pd.DataFrame({"x": random.normal(size=40)})
    outcome = Outcome(random.exponential(np.exp(-table["x"])), random.random(40) < 0.6)
    single = CoxPH("x").fit(table, outcome)
    complete = pooled(CoxPH("x"), [table] * 5, outcome)
    assert complete.tidy()["df"].tolist() == [np.inf]
    assert complete.tidy()["p_value"].tolist() == single.tidy()["p_value"].tolist()
    as_mice = pooled(CoxPH("x"), [table] * 5, outcome, df="events-p").tidy()
    left = single.n_event - 1
    assert as_mice["df"].item() == pytest.approx((left + 1) / (left + 3) * left, rel=1e-12)
    assert as_mice["p_value"].item() > single.tidy()["p_value"].item()
    other = table.assign(x=table["x"] + 0.1 * random.normal(size=40))
    found = pooled(CoxPH("x"), [table, other, table], outcome).tidy()
    assert found["df"].item() == pytest.approx(2 * (1 + 1 / found["riv"].item()) ** 2, rel=1e-12)
