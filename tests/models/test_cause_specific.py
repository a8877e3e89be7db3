"""Cause-specific Cox models and absolute risks: second routes and refusals; R's numbers stand in tests/reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    CauseSpecificCox,
    ConfigError,
    CoxPH,
    CumulativeIncidence,
    DataError,
    FitError,
    KaplanMeier,
    Outcome,
)
from survmodel.models.contract import Fit

CAUSES = {1: "relapse", 2: "death"}


def cohort(seed: int = 1, n: int = 120, *, late: bool = False) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"x": random.normal(size=n), "sex": random.choice(["f", "m"], n)})
    relapse = random.exponential(10 / np.exp(0.7 * table["x"]))
    death = random.exponential(15 * np.exp(0.5 * table["x"]))
    censored = random.uniform(2, 25, n)
    time = np.ceil(np.minimum(np.minimum(relapse, death), censored)) + 1
    event = np.select([censored < np.minimum(relapse, death), relapse < death], [0, 1], 2)
    entry = random.integers(0, 2, n).astype(float) if late else None
    return table, Outcome(time, event, entry, unit="months", causes=CAUSES)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("strata", [None, "sex"])
def test_each_cause_has_its_cox_model(late, strata):
    table, outcome = cohort(late=late)
    fit = CauseSpecificCox({1: "x", 2: "x"}, strata=strata).fit(table, outcome)
    tables = []
    for code, name in CAUSES.items():
        own = CoxPH("x", strata=strata).fit(table, outcome.cause_specific(code)).tidy()
        own.insert(0, "cause", name)
        tables.append(own)
    pd.testing.assert_frame_equal(fit.tidy(), pd.concat(tables, ignore_index=True))


@pytest.mark.parametrize("product_limit", [True, False])
@pytest.mark.parametrize("late", [False, True])
def test_risks_by_brute_force(product_limit, late):
    """Straight from the definition, from the baselines of the two Cox models at covariates 0."""
    table, outcome = cohort(2, late=late)
    fit = CauseSpecificCox("x", strata="sex", product_limit=product_limit).fit(table, outcome)
    times = [3.0, 7.0, 12.0]
    found = {cause: fit.predict_risk(table, times, cause) for cause in CAUSES}
    steps = {cause: one.baseline().groupby("group") for cause, one in fit.fits.items()}
    for row in range(0, outcome.n, 11):
        sex, x = table.loc[row, ["sex", "x"]]
        hazard = {}
        for cause, one in fit.fits.items():
            own = steps[cause].get_group(sex)
            jumps = np.diff(own["estimate"], prepend=0.0) * np.exp(one.beta[0] * x)
            hazard[cause] = dict(zip(own["time"], jumps, strict=True))
        for place, asked in enumerate(times):
            free, risk, lived = 1.0, dict.fromkeys(CAUSES, 0.0), 0.0
            for now in sorted(hazard[1]):
                if now > asked:
                    break
                total = sum(one[now] for one in hazard.values())
                shrink = max(total, 1.0) if product_limit else 1.0
                for cause, one in hazard.items():
                    risk[cause] += free * one[now] / shrink
                lived += total
                free = free * (1 - total / shrink) if product_limit else np.exp(-lived)
            for cause in CAUSES:
                expected = np.nan if asked > max(hazard[1]) else risk[cause]
                assert found[cause][row, place] == pytest.approx(expected, rel=1e-10, nan_ok=True)


def test_without_effects_the_risks_are_those_of_aalen_and_johansen():
    """Each patient twice, with opposite covariates: coefficients 0, hazards d/Y, and the product limit."""
    table, outcome = cohort(3)
    rows = np.tile(np.arange(outcome.n), 2)
    both = pd.DataFrame({"x": np.concatenate([table["x"], -table["x"]])})
    fit = CauseSpecificCox("x", ties="breslow").fit(both, outcome.take(rows))
    np.testing.assert_allclose(fit.tidy()["estimate"], 0, atol=1e-10)
    times = [3, 8, 15]
    curves = CumulativeIncidence().fit(outcome).at(times)
    free = KaplanMeier().fit(outcome.any_event()).at(times)["estimate"]
    total = np.zeros(3)
    for cause, name in CAUSES.items():
        risk = fit.predict_risk(both.head(1), times, cause)[0]
        np.testing.assert_allclose(risk, curves.loc[curves["level"] == name, "estimate"], rtol=1e-9)
        total += risk
    np.testing.assert_allclose(total + free, 1.0, atol=1e-9)


def test_predictions_are_risks():
    table, outcome = cohort(4)
    fit = CauseSpecificCox({1: "x + sex", 2: "x"}, reference={"sex": "f"}).fit(table, outcome)
    assert isinstance(fit, Fit)
    times = np.arange(0.0, outcome.time.max() + 1)
    far = pd.concat([table, pd.DataFrame({"x": [-9.0, 9.0], "sex": ["f", "m"]})], ignore_index=True)
    risks = [fit.predict_risk(far, times, cause) for cause in CAUSES]
    for risk in risks:
        assert (risk[:, 0] == 0).all()
        assert (np.diff(risk, axis=1) >= 0).all()
    # Hazards far from the data have jumps above 1: the risks still do not add up to more than 1.
    assert sum(risks).max() <= 1 + 1e-12
    assert np.isnan(fit.predict_risk(table, [outcome.time.max() + 1])).all()
    one = fit.fits[2]
    np.testing.assert_array_equal(fit.prognostic_index(table, 2), one.prognostic_index(table))
    rows = np.r_[0:1200] % outcome.n
    many = fit.predict_risk(table.iloc[rows], [9.0])
    np.testing.assert_array_equal(many, fit.predict_risk(table, [9.0])[rows])


def test_with_one_cause_the_risk_is_that_of_the_product_limit():
    table, outcome = cohort(5)
    fit = CauseSpecificCox("x").fit(table, outcome.any_event())
    cox = fit.fits[1]
    jumps = np.diff(cox.baseline()["estimate"], prepend=0.0)
    expected = 1 - np.prod(1 - np.outer(np.exp(cox.prognostic_index(table)), jumps[:6]), axis=1)
    np.testing.assert_allclose(fit.predict_risk(table, cox.baseline()["time"][5:6])[:, 0], expected, rtol=1e-9)


def test_rows_with_a_missing_value_are_left_out_of_all_causes():
    table, outcome = cohort(6)
    table.loc[[1, 4], "x"] = np.nan
    fit = CauseSpecificCox({1: "x", 2: "sex"}, reference={"sex": "f"}).fit(table, outcome)
    assert [one.n for one in fit.fits.values()] == [outcome.n - 2] * 2
    assert (fit.n_missing, fit.missing) == (2, (("x", 2),))
    assert fit.rows.tolist() == np.setdiff1d(np.arange(outcome.n), [1, 4]).tolist()
    assert fit.tidy()["term"].tolist() == ["x", "sex[m]"]
    ratios = fit.hazard_ratios({"x": (0, 1)})
    assert ratios["cause"].tolist() == ["relapse"]
    glance = fit.glance().iloc[0]
    assert glance["n_event"] == (fit.outcome.event > 0).sum()
    assert repr(fit).startswith("Cause-specific Cox models: 118 rows, ")
    with pytest.raises(ConfigError, match="no cause has age"):
        fit.hazard_ratios({"age": (0, 1)})


def test_what_cannot_be_fitted_is_refused():
    table, outcome = cohort(7)
    with pytest.raises(
        ConfigError, match=r"formulas are given for causes 1: the outcome has 1 \(relapse\), 2 \(death\)"
    ):
        CauseSpecificCox({1: "x"}).fit(table, outcome)
    with pytest.raises(ConfigError, match="no cause has a formula"):
        CauseSpecificCox({})
    with pytest.raises(ConfigError, match="a reference is declared for sx, in no formula"):
        CauseSpecificCox({1: "x", 2: "sex"}, reference={"sx": "f"})
    with pytest.raises(ConfigError, match="ties"):
        CauseSpecificCox("x", ties="exact")  # type: ignore[arg-type]
    few = np.where((outcome.event == 2) & (np.cumsum(outcome.event == 2) > 3), 0, outcome.event)
    rare = Outcome(outcome.time, few, causes=CAUSES)
    with pytest.raises(FitError, match=r"cause death: 2 coefficients cannot be estimated from 3 events.*of its own"):
        CauseSpecificCox("x + sex").fit(table, rare)
    fit = CauseSpecificCox("x").fit(table, Outcome(outcome.time, np.where(few == 2, 0, few), causes=CAUSES))
    assert "no event of cause 'death': it has no model" in fit.warnings
    with pytest.raises(ConfigError, match=r"cause 2 has no model: known: 1 \(relapse\)"):
        fit.predict_risk(table, [3], cause=2)
    with pytest.raises(FitError, match="there are no events"):
        CauseSpecificCox("x").fit(table, Outcome(outcome.time, np.zeros(outcome.n, int), causes=CAUSES))
    with pytest.raises(DataError, match="no complete row is left"):
        CauseSpecificCox("x").fit(table.assign(x=np.nan), outcome)
    with pytest.raises(DataError, match="strata that the model has not seen"):
        CauseSpecificCox("x", strata="sex").fit(table, outcome).predict_risk(table.assign(sex="other"), [3])
