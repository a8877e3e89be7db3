"""Property 42 of calibration: what happens as predicted needs no correction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.generators import run

from survmodel import Outcome, brier_score, calibration


@run
@given(st.integers(0, 10_000), st.lists(st.integers(1, 9), min_size=2, max_size=6, unique=True), st.integers(1, 3))
def test_42_a_perfect_prediction_has_slope_1(seed: int, tenths: list[int], n_strata: int) -> None:
    """42. Where the share of events among patients of equal risk is that risk, slope 1, intercept 0, O/E 1."""
    random = np.random.default_rng(seed)
    happened = np.tile(np.concatenate([np.arange(10) < k for k in sorted(tenths)]), n_strata)
    risk = np.tile(np.repeat(sorted(tenths), 10) / 10, n_strata)
    strata = np.repeat(np.arange(n_strata), 10 * len(tenths))
    outcome = Outcome(np.where(happened, random.uniform(0.5, 4, happened.size), 6.0), happened)
    found = calibration(outcome, risk, 5, groups=2, repeats=0, strata=strata)
    assert found.o_e == pytest.approx(1, rel=1e-9)
    assert found.read("slope, weighted")[0] == pytest.approx(1, rel=1e-7)
    assert found.read("intercept, weighted")[0] == pytest.approx(0, abs=1e-8)


def test_42b_risks_of_0_and_1_that_come_true() -> None:
    """42b. They have a Brier score of 0 and O/E 1; a slope of them is not defined, and says so."""
    outcome = Outcome([1, 2, 3, 6, 7, 8], [1, 1, 1, 1, 0, 1])
    risk = np.array([1.0, 1, 1, 0, 0, 0])
    assert brier_score(outcome, risk, 5).estimate[0, 0] == 0
    found = calibration(outcome, risk, 5, groups=2, repeats=0)
    assert found.o_e == pytest.approx(1, rel=1e-12)
    assert np.isnan(found.read("slope")[0])
    assert any("0 or 1" in note for note in found.notes)
