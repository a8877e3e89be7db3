"""Robust standard errors where rows repeat patients, and Wald tests that do not exist."""

import numpy as np
import pandas as pd
import pytest

import survmodel as sm


def make_rows():
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"x": rng.normal(size=40), "z": rng.normal(size=40), "site": ["a", "b"] * 20})
    return table, rng.exponential(10, 40).round(1) + 0.1, rng.random(40) < 0.7


def test_weighted_rows_of_one_patient_are_one_cluster():
    table, time, event = make_rows()
    weights = np.linspace(0.5, 1.5, 40)
    whole = sm.CoxPH("x").fit(table, sm.Outcome(time, event), weights=weights)
    # Every patient is cut in two rows: the likelihood is the same, and so must the robust error be.
    twice = pd.concat([table, table], ignore_index=True)
    split = sm.Outcome(
        np.concatenate([time / 2, time]), np.concatenate([np.zeros(40, bool), event]),
        np.concatenate([np.zeros(40), time / 2]), id=np.tile(np.arange(40), 2),
    )  # fmt: skip
    parts = sm.CoxPH("x").fit(twice, split, weights=np.tile(weights, 2))
    assert parts.n_cluster == 40
    assert parts.tidy()["std_error"][0] == pytest.approx(whole.tidy()["std_error"][0], rel=1e-9)


def test_fewer_clusters_than_coefficients_have_no_wald_test():
    table, time, event = make_rows()
    fit = sm.CoxPH("x + z + x:z", cluster="site").fit(table, sm.Outcome(time, event))
    glance = fit.glance().iloc[0]
    assert np.isnan(glance["wald_statistic"])
    assert np.isnan(glance["wald_p_value"])
