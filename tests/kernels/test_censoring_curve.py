"""The curve of censoring against prodlim's reverse estimate, in which deaths leave before censorings."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from survmodel.kernels.kaplan_meier import censoring_curve

CASE = Path(__file__).parents[1] / "reference" / "cases" / "reverse_km_followup"


def test_the_curve_is_that_of_prodlim():
    data = pd.read_csv(CASE / "data.csv")
    values = json.loads((CASE / "expected.json").read_text())["values"]
    times, curve = censoring_curve(data["time"].to_numpy(float), data["event"].to_numpy() == 1)
    asked = np.array(values["prodlim_time"]["value"], dtype=float)
    read = np.concatenate([[1.0], curve.survival])[np.searchsorted(times, asked, side="right")]
    assert read == pytest.approx(np.array(values["prodlim_reverse_surv"]["value"], dtype=float), rel=1e-12, abs=1e-12)


def test_a_death_and_a_censoring_at_one_time_by_hand():
    # Times 1 (death), 1 (censored), 2 (censored): the death leaves first, so G(1) = 1 - 1/2 and G(2) = 0.
    times, curve = censoring_curve(np.array([1.0, 1.0, 2.0]), np.array([True, False, False]))
    assert times.tolist() == [1, 2]
    assert curve.survival.tolist() == [0.5, 0.0]


def test_late_entries_are_at_risk_of_censoring_from_their_entry_on():
    # The third row enters at 1, after the death and the censoring at 1: at risk of censoring at 1 is one row alone.
    times, curve = censoring_curve(np.array([1.0, 1.0, 3.0]), np.array([True, False, False]), np.array([0.0, 0.0, 1.0]))
    assert times.tolist() == [1, 3]
    assert curve.n_risk.tolist() == [1, 1]
    assert curve.survival.tolist() == [0.0, 0.0]
