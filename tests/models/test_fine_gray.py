"""Fine-Gray models: second routes, invariances, coverage, what they refuse; R's numbers stand in tests/reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from reference.answers.competing import split_at_censorings

from survmodel import (
    CauseSpecificCox,
    ConfigError,
    CoxPH,
    DataError,
    EndpointError,
    FineGray,
    FitError,
    Outcome,
    calibration,
    predict_out_of_fold,
)
from survmodel.models.contract import Fit, FixedModel, Resampler
from survmodel.models.fine_gray_fit import FineGrayFit
from survmodel.models.fine_gray_likelihood import prepare, risk_sums, score_and_information
from survmodel.models.fine_gray_variance import censoring_residuals, score_residuals
from survmodel.models.row_resampling import RowResampler
from survmodel.resampling import bootstrap_counts, read_units

CAUSES = {1: "relapse", 2: "death"}
BETA = 0.6


def cohort(seed: int = 1, n: int = 150, *, censored: bool = True, whole: bool = True) -> tuple[pd.DataFrame, Outcome]:
    """Draw from a Fine-Gray model of relapse with coefficient 0.6 of x; whole months make ties of all kinds."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({
        "x": random.normal(size=n), "sex": random.choice(["f", "m"], n), "site": random.choice(["A", "B"], n),
    })  # fmt: skip
    relative, share = np.exp(BETA * table["x"].to_numpy()), 0.5
    relapses = random.random(n) < 1 - (1 - share) ** relative
    u = random.random(n)
    # the time of a relapse given that there is one, by inversion of its distribution
    reached = 1 - (1 - u * (1 - (1 - share) ** relative)) ** (1 / relative)
    time = np.where(relapses, -np.log(1 - reached / share), random.exponential(1.0, n))
    cause = np.where(relapses, 1, 2)
    leaves = random.uniform(0.2, np.where(table["site"] == "A", 2.0, 5.0)) if censored else np.full(n, np.inf)
    cause, time = np.where(leaves < time, 0, cause), np.minimum(leaves, time)
    if whole:
        time = np.ceil(8 * time)
    return table, Outcome(time, cause, unit="months", causes=CAUSES)


def same(one: FineGrayFit, other: FineGrayFit, rel: float = 1e-8) -> None:
    np.testing.assert_allclose(one.beta, other.beta, rtol=rel)
    np.testing.assert_allclose(one.beta_covariance, other.beta_covariance, rtol=rel)
    assert one.maximum.loglik == pytest.approx(other.maximum.loglik, rel=1e-10)


@pytest.mark.parametrize("cause", [1, 2])
def test_without_censoring_it_is_a_cox_model_in_which_the_others_stay_to_the_end(cause):
    table, outcome = cohort(censored=False)
    stays = outcome.event != cause
    late = Outcome(np.where(stays, outcome.time.max() + 1, outcome.time), ~stays)
    fit = FineGray("x + sex", cause=cause, reference={"sex": "f"}).fit(table, outcome)
    cox = CoxPH("x + sex", ties="breslow", reference={"sex": "f"}).fit(table, late)
    np.testing.assert_allclose(fit.beta, cox.beta, rtol=1e-8)
    assert fit.maximum.loglik == pytest.approx(cox.maximum.loglik, rel=1e-12)
    assert fit.maximum.score_statistic == pytest.approx(cox.maximum.score_statistic, rel=1e-8)
    times = [2, 9, 30]
    np.testing.assert_allclose(fit.predict_risk(table, times), cox.predict_risk(table, times), rtol=1e-8)


def test_without_competing_events_it_is_the_robust_cox_model_of_breslow():
    table, outcome = cohort()
    single = outcome.any_event()
    fit = FineGray("x + sex").fit(table, single)
    table["row"] = np.arange(len(table))
    cox = CoxPH("x + sex", ties="breslow", cluster="row").fit(table, single)
    np.testing.assert_allclose(fit.beta, cox.beta, rtol=1e-8)
    np.testing.assert_allclose(fit.beta_covariance, cox.beta_covariance, rtol=1e-7)
    np.testing.assert_allclose(fit.predict_risk(table, [5, 15]), cox.predict_risk(table, [5, 15]), rtol=1e-8)
    assert "no competing event: the model is Cox's with Breslow's ties" in fit.notes


@pytest.mark.parametrize("cause", [1, 2])
def test_the_data_split_at_censorings_give_a_weighted_cox_model_with_the_same_coefficients(cause):
    table, outcome = cohort(3)
    long, split, weight = split_at_censorings(table, outcome, cause)
    cox = CoxPH("x + sex", ties="breslow", reference={"sex": "f"}).fit(long, split, weights=weight)
    fit = FineGray("x + sex", cause=cause, reference={"sex": "f"}).fit(table, outcome)
    np.testing.assert_allclose(fit.beta, cox.beta, rtol=1e-7)
    assert fit.maximum.loglik == pytest.approx(cox.maximum.loglik, rel=1e-9)


@pytest.mark.parametrize("groups", [None, "site"])
def test_counts_are_replicated_rows(groups):
    table, outcome = cohort(4)
    counts = np.random.default_rng(0).integers(0, 4, outcome.n)
    spec = FineGray("x + sex", censoring_groups=groups, reference={"sex": "f"})
    counted = spec.fit(table, outcome, freq=counts)
    rows = np.repeat(np.arange(outcome.n), counts)
    replicated = spec.fit(table.iloc[rows].reset_index(drop=True), outcome.take(rows))
    same(counted, replicated)
    assert (counted.n, counted.n_event, counted.n_competing) == (
        replicated.n,
        replicated.n_event,
        replicated.n_competing,
    )
    np.testing.assert_allclose(counted.predict_risk(table, [6]), replicated.predict_risk(table, [6]), rtol=1e-9)


@pytest.mark.parametrize("groups", [None, "site"])
def test_the_resampler_refits_as_a_table_would(groups):
    table, outcome = cohort(5)
    spec = FineGray("x + sex", censoring_groups=groups, reference={"sex": "f"})
    fast, general = spec.resampler(table, outcome), RowResampler(spec, table, outcome)
    assert isinstance(spec, FixedModel)
    assert isinstance(fast, Resampler)
    for counts in bootstrap_counts(read_units(outcome.n), 5, 8):
        np.testing.assert_allclose(fast.index(counts), general.index(counts), atol=1e-8)
    with pytest.raises(FitError, match="there are no events"):
        fast.index(np.where(outcome.event == 1, 0, 1))
    with pytest.raises(FitError, match="constant"):
        fast.index(np.where(table["sex"] == "f", 1, 0))
    table.loc[0, "x"] = np.nan
    with pytest.raises(DataError, match=r"cannot be drawn again.*x \(1 rows\)"):
        spec.resampler(table, outcome)


def test_order_of_rows_unit_of_time_and_scale_of_covariates_change_nothing():
    table, outcome = cohort(6)
    spec = FineGray("x + sex", reference={"sex": "f"})
    fit = spec.fit(table, outcome)
    order = np.random.default_rng(1).permutation(outcome.n)
    same(fit, spec.fit(table.iloc[order].reset_index(drop=True), outcome.take(order)))
    days = Outcome(outcome.time * 30.4375, outcome.event, causes=CAUSES)
    same(fit, spec.fit(table, days))
    far = spec.fit(table.assign(x=1e6 * table["x"] + 1e8), outcome)
    assert far.beta[0] * 1e6 == pytest.approx(fit.beta[0], rel=1e-6)
    one_site = FineGray("x + sex", reference={"sex": "f"}, censoring_groups="one").fit(table.assign(one="A"), outcome)
    same(fit, one_site, 1e-12)


@pytest.mark.parametrize("groups", [None, "site"])
def test_the_sandwich_is_the_influence_of_each_row_by_brute_force(groups):
    """The score at the estimate changes with the weight of a row, the censoring curves re-estimated.

    The formula takes a censoring as small beside those at risk, the derivative does not: they meet in large cohorts.
    """
    table, outcome = cohort(7, 1200, whole=False)
    fit = FineGray("x", censoring_groups=groups).fit(table, outcome)
    step, influence = 1e-4, np.empty(outcome.n)
    for row in range(outcome.n):
        score = []
        for change in (step, -step):
            count = fit.data.count.copy()
            count[row] += change
            data = prepare(replace(fit.data, count=count))
            beta = fit.beta * data.scale
            score.append(score_and_information(data, risk_sums(data, beta))[0][0] * data.scale[0])
        influence[row] = (score[0] - score[1]) / (2 * step)
    expected = np.sum(influence**2) * fit.maximum.covariance[0, 0] ** 2
    assert fit.beta_covariance[0, 0] == pytest.approx(expected, rel=2e-3)
    data = fit.ordered
    sums = risk_sums(data, fit.beta * data.scale)
    known = (score_residuals(data, sums) * data.scale)[:, 0]
    through_censoring = (censoring_residuals(data, sums) * data.scale)[:, 0]
    # The term is small in the sum of squares: it is compared row by row.
    apart = np.abs(influence[data.order] - known - through_censoring)
    assert apart.mean() < 0.03 * np.abs(through_censoring).mean()


def test_predictions():
    table, outcome = cohort(8)
    fit = FineGray("x + sex").fit(table, outcome)
    assert isinstance(fit, Fit)
    times = np.arange(0.0, outcome.time.max() + 1)
    risk = fit.predict_risk(table, times)
    assert risk.shape == (outcome.n, times.size)
    assert (risk[:, 0] == 0).all()
    assert (np.diff(risk, axis=1) >= 0).all()
    assert risk.max() < 1
    assert np.isnan(fit.predict_risk(table, [outcome.time.max() + 0.1])).all()
    index = fit.prognostic_index(table)
    np.testing.assert_array_equal(np.argsort(index), np.argsort(risk[:, -1]))
    steps = fit.baseline()
    expected = 1 - np.exp(-np.exp(index[:, np.newaxis]) * steps["estimate"].to_numpy())
    np.testing.assert_allclose(fit.predict_risk(table, steps["time"]), expected, rtol=1e-9)
    assert steps["n_event"].sum() == fit.n_event


@pytest.mark.parametrize("spec", [FineGray("x"), CauseSpecificCox("x")])
def test_out_of_fold_each_patient_is_predicted_by_the_others(spec):
    table, outcome = cohort(13, 120)
    found = predict_out_of_fold(spec, table, outcome, times=[6], folds=5, seed=3)
    for fold in range(5):
        learn, new = np.flatnonzero(found.fold[0] != fold), np.flatnonzero(found.fold[0] == fold)
        fit = spec.fit(table.iloc[learn], outcome.take(learn))
        np.testing.assert_allclose(found.risk.iloc[new, 0], fit.predict_risk(table.iloc[new], [6])[:, 0], rtol=1e-9)
        # folds have equal shares of the event of interest
        assert abs((outcome.event[new] == 1).sum() - (outcome.event == 1).sum() / 5) < 1
    # risks of the cause are compared with its cumulative incidence
    assert calibration(outcome, found.risk[6.0], 6.0).tidy()["estimate"].notna().any()
    with pytest.raises(EndpointError, match="one kind of event"):
        predict_out_of_fold(CoxPH("x"), table, outcome)


def test_what_is_shown():
    table, outcome = cohort(9)
    table.loc[[2, 5], "x"] = np.nan
    fit = FineGray("x + sex", reference={"sex": "f"}).fit(table, outcome)
    assert fit.tidy()["term"].tolist() == ["x", "sex[m]"]
    ratios = fit.hazard_ratios()
    np.testing.assert_allclose(ratios["estimate"], np.exp(fit.beta))
    twice = fit.hazard_ratios({"x": (0, 2)})
    assert twice["estimate"].iloc[0] == pytest.approx(np.exp(2 * fit.beta[0]))
    glance = fit.glance().iloc[0]
    complete = np.setdiff1d(np.arange(outcome.n), [2, 5])
    assert (glance["n"], glance["n_missing"], glance["cause"]) == (outcome.n - 2, 2, "relapse")
    assert glance["n_competing"] == (outcome.event[complete] == 2).sum()
    assert glance["lr_statistic"] == pytest.approx(2 * (glance["loglik"] - glance["loglik_null"]))
    assert "sandwich" in glance["conventions"]
    assert fit.rows.tolist() == complete.tolist()
    assert repr(fit).startswith("Fine-Gray model of relapse: 148 rows, ")
    assert '"kind": "FineGrayFit"' in fit.to_json()


def test_an_offset_alone_is_a_model():
    table, outcome = cohort(14)
    fit = FineGray("offset(x)").fit(table, outcome)
    assert fit.maximum.loglik == fit.maximum.loglik_null
    np.testing.assert_array_equal(fit.prognostic_index(table), table["x"])
    risk = fit.predict_risk(table, [6.0])[:, 0]
    np.testing.assert_allclose(np.log(-np.log1p(-risk)) - table["x"], np.log(-np.log1p(-risk[0])) - table["x"][0])
    assert fit.tidy().empty
    assert "Wald" not in repr(fit)


def test_warnings():
    table, outcome = cohort(10, 40)
    few = FineGray("x + sex + site").fit(table, outcome)
    assert any("coefficients: estimates tend to be too large" in warning for warning in few.warnings)
    short = np.where((table["site"] == "A") & (outcome.time > 4), 0, outcome.event)
    time = np.where(table["site"] == "A", np.minimum(outcome.time, 4), outcome.time)
    fit = FineGray("x", censoring_groups="site").fit(table, Outcome(time, short, causes=CAUSES))
    assert any("censoring group 'A' is followed until 4, before the last event" in one for one in fit.warnings)


def test_what_cannot_be_fitted_is_refused():
    table, outcome = cohort(12)
    with pytest.raises(EndpointError, match="the Fine-Gray model does not allow for late entry"):
        FineGray("x").fit(table, Outcome(outcome.time + 1, outcome.event, np.ones(outcome.n), causes=CAUSES))
    with pytest.raises(ConfigError, match="cause 3 is no cause of the outcome"):
        FineGray("x", cause=3).fit(table, outcome)
    with pytest.raises(FitError, match=r"there are no events.*events of the cause"):
        FineGray("x").fit(table, Outcome(outcome.time, np.where(outcome.event == 1, 0, outcome.event), causes=CAUSES))
    with pytest.raises(FitError, match="one is constant"):
        FineGray("one").fit(table.assign(one=1.0), outcome)
    with pytest.raises(FitError, match="twice is determined by x"):
        FineGray("x + twice").fit(table.assign(twice=2 * table["x"]), outcome)
    with pytest.raises(FitError, match=r"has no maximum.*a Cox model of the cause"):
        FineGray("apart").fit(table.assign(apart=(outcome.event == 1).astype(float)), outcome)
    few = np.where(np.cumsum(outcome.event == 1) <= 3, outcome.event, 0)
    with pytest.raises(FitError, match=r"coefficients cannot be estimated from 3 events.*takes a penalty"):
        FineGray("x + sex").fit(table, Outcome(outcome.time, few, causes=CAUSES))
    with pytest.raises(ConfigError, match="censoring_groups is a column, not its name"):
        FineGray("x", censoring_groups=table["site"])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="conf_level"):
        FineGray("x", conf_level=95)
    with pytest.raises(DataError, match="no complete row is left"):
        FineGray("x").fit(table.assign(x=np.nan), outcome)
    with pytest.raises(DataError, match="does not have the rows"):
        FineGray("x").fit(table.head(5), outcome)


def test_limits_cover_the_truth_under_its_own_model():
    """500 cohorts of 150: 95 % limits of the coefficient cover 0.6 in .95 +- .02; p-values of sex are uniform."""
    covered, p_values = 0, []
    for seed in range(500):
        table, outcome = cohort(1000 + seed, whole=False)
        row = FineGray("x + sex", reference={"sex": "f"}).fit(table, outcome).tidy()
        covered += row["conf_low"][0] <= BETA <= row["conf_high"][0]
        p_values.append(row["p_value"][1])
    assert abs(covered / 500 - 0.95) <= 0.02
    p = np.sort(p_values)
    assert np.abs(p - (np.arange(500) + 0.5) / 500).max() < 0.073  # Kolmogorov's distance at the 1 % level
