"""Coefficients that change over time against rows split by hand, replicated rows, and what must be refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    CoxPH,
    FitError,
    Outcome,
    Ridge,
    draw_hazard_ratios,
    hazard_ratio_table,
    likelihood_ratio_test,
    proportional_hazards_test,
)
from survmodel.models.time_varying import TimeVaryingFit

N = 90


def cohort() -> tuple[pd.DataFrame, Outcome]:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"x": rng.normal(size=N), "sex": rng.choice(["f", "m"], N), "site": rng.integers(0, 3, N)})
    time = np.ceil(rng.exponential(20, N))
    return table, Outcome(time, rng.random(N) < 0.7)


def fit(spec: CoxPH, **weights: object) -> TimeVaryingFit:
    table, outcome = cohort()
    found = spec.fit(table, outcome, **weights)
    assert isinstance(found, TimeVaryingFit)
    return found


def test_steps_are_rows_split_by_hand() -> None:
    table, outcome = cohort()
    parts = []
    for low, high in ((0, 8), (8, 25), (25, np.inf)):
        inside = outcome.time > low
        part = table[inside].assign(entry=low, time=np.minimum(outcome.time[inside], high))
        part["died"] = outcome.died[inside] & (outcome.time[inside] <= high)
        part["period"] = f"p{low}"
        parts.append(part)
    rows = pd.concat(parts, ignore_index=True)
    for name in ("p0", "p8", "p25"):
        rows[name] = rows["x"] * (rows["period"] == name)
    by_hand = CoxPH("p0 + p8 + p25 + sex").fit(rows, Outcome(rows["time"], rows["died"], entry=rows["entry"]))
    steps = fit(CoxPH("x + sex", time_varying={"x": [8, 25]}))
    assert steps.beta == pytest.approx(by_hand.beta, rel=1e-10)
    assert steps.beta_covariance == pytest.approx(by_hand.beta_covariance, rel=1e-9)
    assert steps.maximum.loglik == pytest.approx(by_hand.maximum.loglik, rel=1e-12)
    assert steps.n == N
    assert steps.design.names == ("x:time[to 8]", "x:time[8 to 25]", "x:time[after 25]", "sex[m]")


def test_a_spline_may_stand_beside_a_changing_column() -> None:
    found = fit(CoxPH("sex + rcs(x, 3)", time_varying={"sex": 8}))
    assert found.design.names == ("sex[m]:time[to 8]", "sex[m]:time[after 8]", "x", "x'")
    bent = found.term_tests().set_index(["term", "part"]).loc[("rcs(x, 3)", "non-linear"), "statistic"]
    assert bent == pytest.approx(found.beta[3] ** 2 / found.beta_covariance[3, 3], rel=1e-9)


def test_hazard_ratio_at_times() -> None:
    steps = fit(CoxPH("x + sex", time_varying={"x": 8}))
    at = steps.hazard_ratio_at("x", [3, 8, 8.5])
    early, late = np.exp(steps.beta[:2])
    assert at["estimate"].to_numpy() == pytest.approx([early, early, late], rel=1e-12)
    slope = fit(CoxPH("x + sex", time_varying={"x": "log"}))
    b, g = slope.beta[:2]
    v = slope.beta_covariance
    found = slope.hazard_ratio_at("x", [12]).iloc[0]
    assert found["estimate"] == pytest.approx(np.exp(b + g * np.log(12)), rel=1e-12)
    variance = v[0, 0] + 2 * np.log(12) * v[0, 1] + np.log(12) ** 2 * v[1, 1]
    assert found["std_error"] == pytest.approx(np.sqrt(variance), rel=1e-12)
    constant = slope.hazard_ratio_at("sex[m]", [1, 40])["estimate"]
    assert constant.tolist() == pytest.approx([np.exp(slope.beta[2])] * 2, rel=1e-12)


def test_constancy_is_tested_against_the_model_that_does_not_change() -> None:
    table, outcome = cohort()
    both = fit(CoxPH("x + sex", time_varying={"x": "log", "sex": 10}))
    constant = CoxPH("x + sex").fit(table, outcome).maximum.loglik
    only_sex = fit(CoxPH("x + sex", time_varying={"sex": 10})).maximum.loglik
    tests = both.constancy_tests().set_index("term")
    assert tests.index.tolist() == ["x", "sex", "GLOBAL"]
    assert tests["df"].tolist() == [1, 1, 2]
    assert tests.loc["GLOBAL", "statistic"] == pytest.approx(2 * (both.maximum.loglik - constant), rel=1e-8)
    assert tests.loc["x", "statistic"] == pytest.approx(2 * (both.maximum.loglik - only_sex), rel=1e-8)


def test_counts_clusters_and_a_ridge() -> None:
    table, outcome = cohort()
    freq = np.random.default_rng(4).integers(0, 3, N)
    rows = np.repeat(np.arange(N), freq)
    spec = CoxPH("x + sex", strata="site", time_varying={"x": "log"})
    counted = spec.fit(table, outcome, freq=freq)
    repeated = spec.fit(table.iloc[rows].reset_index(drop=True), outcome.take(rows))
    assert counted.beta == pytest.approx(repeated.beta, rel=1e-9)
    assert counted.n == repeated.n == freq.sum()
    patient = table.assign(patient=np.arange(N))
    clustered = CoxPH("x", cluster="patient", time_varying={"x": 8}).fit(patient, outcome)
    assert clustered.n_cluster == N
    # Stretches of one patient are one cluster: with a step that nobody reaches, the errors are those of whole rows.
    whole = CoxPH("x", cluster="patient").fit(patient, outcome)
    both = CoxPH("x + sex", cluster="patient", time_varying={"sex": 8}).fit(patient, outcome)
    assert whole.n_cluster == both.n_cluster == N
    assert np.abs(fit(CoxPH("x", penalty=Ridge(1e6), time_varying={"x": 8})).beta).max() < 1e-3


def test_a_real_change_is_found_and_none_is_not() -> None:
    """Hazard ratio e^1.5 up to time 1 and 1 after it; without a change p is uniform: a band over 200 cohorts."""
    rng = np.random.default_rng(11)
    x = rng.integers(0, 2, 600).astype(float)
    early = rng.exponential(1 / np.exp(1.5 * x))
    time = np.where(early <= 1, early, 1 + rng.exponential(1, 600))
    table = pd.DataFrame({"x": x})
    found = CoxPH("x", time_varying={"x": 1}).fit(table, Outcome(time, np.ones(600)))
    low, high = found.tidy()["conf_low"], found.tidy()["conf_high"]
    assert low[0] < 1.5 < high[0]
    assert low[1] < 0 < high[1]
    assert found.constancy_tests()["p_value"].iloc[-1] < 0.05
    rejected = 0
    for _ in range(200):
        z = pd.DataFrame({"x": rng.normal(size=60)})
        null = CoxPH("x", time_varying={"x": "log"}).fit(z, Outcome(rng.exponential(size=60), np.ones(60)))
        rejected += null.constancy_tests()["p_value"].iloc[0] < 0.05
    assert 2 <= rejected <= 22


REFUSED: list[tuple[str, Callable[[TimeVaryingFit, pd.DataFrame], object]]] = [
    ("prognostic index", lambda fit, table: fit.prognostic_index(table)),
    ("baseline", lambda fit, _: fit.baseline()),
    ("predicted risk", lambda fit, table: fit.predict_risk(table, [5])),
    ("predicted survival", lambda fit, table: fit.predict_survival(table, [5])),
    ("predicted survival", lambda fit, table: fit.survival_limits(table, [5])),
    ("residuals", lambda fit, _: fit.residuals()),
    ("single effect curve", lambda fit, _: fit.effect_curve("x")),
    ("contrasts", lambda fit, _: fit.hazard_ratios(contrasts={"x": (0, 1)})),
    ("over time already", lambda fit, _: proportional_hazards_test(fit)),
]


@pytest.mark.parametrize(("what", "call"), REFUSED, ids=[f"{k}-{what}" for k, (what, _) in enumerate(REFUSED)])
def test_what_has_no_meaning_is_refused(what: str, call: Callable[[TimeVaryingFit, pd.DataFrame], object]) -> None:
    with pytest.raises(FitError, match=what):
        call(fit(CoxPH("x", time_varying={"x": "log"})), cohort()[0])


def test_bad_requests() -> None:
    table, outcome = cohort()
    for change in ("lgo", 0, -3, [5, 5], [9, 3], [], None, np.inf, "step"):
        with pytest.raises(ConfigError, match="time_varying of 'x'"):
            CoxPH("x", time_varying={"x": change})
    with pytest.raises(ConfigError, match="names 'y', which is no term"):
        CoxPH("x", time_varying={"y": "log"}).fit(table, outcome)
    with pytest.raises(ConfigError, match=r"spline cannot change over time: rcs\(x, 3\)"):
        CoxPH("rcs(x, 3)", time_varying={"x": "log"}).fit(table, outcome)
    with pytest.raises(FitError, match="no event happens in the period 'after 500' of x"):
        CoxPH("x", time_varying={"x": 500}).fit(table, outcome)
    with pytest.raises(FitError, match="time 0, which has no logarithm"):
        CoxPH("x", time_varying={"x": "log"}).fit(table, Outcome(outcome.time - outcome.time.min(), np.ones(N)))
    with pytest.raises(FitError, match="has no index"):
        CoxPH("x", time_varying={"x": 8}).resampler(table, outcome)
    with pytest.raises(FitError, match="no likelihood-ratio test of constancy"):
        fit(CoxPH("x", time_varying={"x": 8}, penalty=Ridge(1.0))).constancy_tests()
    changing = fit(CoxPH("x", time_varying={"x": 8}))
    with pytest.raises(ConfigError, match="no column of the design"):
        changing.hazard_ratio_at("y", [5])
    with pytest.raises(ConfigError, match="above 0"):
        changing.hazard_ratio_at("x", [0])
    with pytest.raises(Exception, match="different rows"):
        likelihood_ratio_test(CoxPH("sex").fit(table, outcome), changing)


def test_conventions_are_said() -> None:
    assert "coefficients change over time: x by log time" in str(fit(CoxPH("x", time_varying={"x": "log"})))
    row = fit(CoxPH("x + sex", time_varying={"x": "log", "sex": [8, 20]})).glance().iloc[0]
    assert row["conventions"].endswith("coefficients change over time: x by log time, sex by steps at 8, 20")


def test_tables_and_figures_tell_the_periods_apart() -> None:
    found = fit(CoxPH("x + sex", time_varying={"x": "log", "sex": 10}))
    shown = str(hazard_ratio_table(found))
    for label in ("X × log of Time", "Sex (m) × Time (to 10)", "Sex (m) × Time (after 10)"):
        assert shown.count(label) == 1, shown
    # A factor that does not change has its level counted in patients, not in stretches of time.
    table, outcome = cohort()
    rows = draw_hazard_ratios(fit(CoxPH("x + sex", time_varying={"x": "log"}))).source_data
    men = rows[rows["level"] == "m"].iloc[0]
    assert men["n"] == (table["sex"] == "m").sum()
    assert men["n_event"] == outcome.died[table["sex"] == "m"].sum()
