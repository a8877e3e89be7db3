"""Firth's penalised likelihood: its second routes and properties; the numbers of R are among the reference cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import CoxPH, Outcome, Ridge, likelihood_ratio_test, predict_out_of_fold, validate
from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, FitError

FIRTH = {"penalty": "firth"}


def cohort(n=40, seed=3, *, ties=True, entry=False):
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "x": random.normal(size=n),
            "z": random.integers(0, 2, n).astype(float),
            "stage": random.choice(["I", "II", "III"], n),
            "site": random.choice(["a", "b"], n),
        }
    )
    time = random.exponential(np.exp(-0.5 * table["x"])) * 10 + 0.2
    time = np.ceil(time) if ties else time
    start = np.maximum(0, time - random.exponential(8, n) - 0.5) if entry else None
    return table, Outcome(time, random.random(n) < 0.6, entry=start)


def half_log_determinant(fit):
    """Half the log determinant of the information that an ordinary fit stores at its estimate."""
    return 0.5 * np.linalg.slogdet(fit.maximum.information)[1]


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("options", [{}, {"entry": True}])
def test_no_step_betters_the_penalised_likelihood(ties, options):
    """The information comes from the unpenalised code at a fixed index: an offset, and no coefficient free to move."""
    table, outcome = cohort(**options)
    fit = CoxPH("x + z", strata="site", ties=ties, **FIRTH).fit(table, outcome)

    def objective(beta):
        # A ridge this heavy holds the coefficients of the columns at 0; the offset holds the index.
        moved = table.assign(o=table[["x", "z"]].to_numpy() @ beta)
        held = CoxPH("x + z + offset(o)", strata="site", ties=ties, penalty=Ridge(1e14)).fit(moved, outcome)
        return held.maximum.loglik_null + half_log_determinant(held)

    best = objective(fit.beta)
    assert best == pytest.approx(fit.maximum.loglik, rel=1e-9)
    for j in range(2):
        for side in (-1e-2, 1e-2):
            step = np.zeros(2)
            step[j] = side
            assert objective(fit.beta + step) < best


def test_limits_are_where_the_profile_of_the_likelihood_falls_by_the_quantile():
    """Without a penalty the profile is that of refits in which an offset holds the coefficient."""
    table, outcome = cohort()
    fit = CoxPH("x + z").fit(table, outcome)
    limits = fit.profile_limits().set_index("term")
    height = normal_quantile(0.95) ** 2
    for name, other in (("x", "z"), ("z", "x")):
        for end in ("conf_low", "conf_high"):
            held = table.assign(o=limits.loc[name, end] * table[name])
            refit = CoxPH(f"{other} + offset(o)").fit(held, outcome)
            assert 2 * (fit.maximum.loglik - refit.maximum.loglik) == pytest.approx(height, rel=1e-7)
        test = likelihood_ratio_test(CoxPH(other).fit(table, outcome), fit)
        assert limits.loc[name, "statistic"] ** 2 == pytest.approx(test.statistic, rel=1e-7)
        assert limits.loc[name, "p_value"] == pytest.approx(test.p_value, rel=1e-6)
    assert (limits["estimate"] == fit.tidy().set_index("term")["estimate"]).all()


def test_a_term_alone_is_tested_inside_the_penalty_of_the_whole_model():
    table, outcome = cohort()
    small, large = (CoxPH(formula, **FIRTH).fit(table, outcome) for formula in ("z", "z + x"))
    test = likelihood_ratio_test(small, large)
    row = large.tidy().set_index("term").loc["x"]
    assert test.statistic == pytest.approx(row["statistic"] ** 2, rel=1e-8)
    assert test.p_value == pytest.approx(row["p_value"], rel=1e-6)
    # The fit of the small model has a penalty of its own, and is no part of the test.
    assert abs(test.loglik_small - small.maximum.loglik) > 1e-3


def test_contrasts_have_profile_limits_whatever_their_direction():
    table, outcome = cohort()
    fit = CoxPH("stage + x", reference={"stage": "I"}, **FIRTH).fit(table, outcome)
    other = CoxPH("stage + x", reference={"stage": "II"}, **FIRTH).fit(table, outcome)
    here = fit.hazard_ratios({"stage": ("II", "III")}).iloc[0]
    there = other.hazard_ratios().set_index("level").loc["III"]
    for name in ("estimate", "conf_low", "conf_high", "p_value"):
        assert here[name] == pytest.approx(there[name], rel=1e-7)


def test_scale_shift_and_order_of_columns_change_nothing():
    table, outcome = cohort()
    fit = CoxPH("x + z", **FIRTH).fit(table, outcome)
    moved = CoxPH("z + x", **FIRTH).fit(table.assign(x=1e6 * table["x"] + 1e8), outcome)
    assert moved.coefficients["x"] * 1e6 == pytest.approx(fit.coefficients["x"], rel=1e-7)
    assert moved.coefficients["z"] == pytest.approx(fit.coefficients["z"], rel=1e-7)
    low = moved.tidy().set_index("term")["conf_low"]
    assert low["x"] * 1e6 == pytest.approx(fit.tidy().set_index("term").loc["x", "conf_low"], rel=1e-6)


def test_counts_are_rows():
    table, outcome = cohort(24)
    counts = np.random.default_rng(1).integers(0, 3, 24)
    whole = np.repeat(np.arange(24), counts)
    counted = CoxPH("x + z", **FIRTH).fit(table, outcome, freq=counts)
    replicated = CoxPH("x + z", **FIRTH).fit(table.iloc[whole].reset_index(drop=True), outcome.take(whole))
    np.testing.assert_allclose(counted.beta, replicated.beta, rtol=1e-8)
    resampled = CoxPH("x + z", **FIRTH).resampler(table, outcome).coefficients(counts)
    np.testing.assert_allclose(resampled, replicated.beta, rtol=1e-8)


def test_many_copies_bring_it_to_the_maximum_likelihood():
    table, outcome = cohort(ties=False)
    plain = CoxPH("x + z", ties="breslow").fit(table, outcome).beta
    apart = [
        np.abs(CoxPH("x + z", ties="breslow", **FIRTH).fit(table, outcome, freq=np.full(40, k)).beta - plain).max()
        for k in (1, 50)
    ]
    assert apart[1] == pytest.approx(apart[0] / 50, rel=0.1)


def test_a_group_without_events_has_a_finite_estimate_and_limits():
    table, outcome = cohort()
    table["spared"] = ((outcome.event == 0) & (np.arange(40) % 2 == 0)).astype(float)
    with pytest.raises(FitError, match=r'penalised likelihood, penalty="firth"'):
        CoxPH("x + spared").fit(table, outcome)
    row = CoxPH("x + spared", **FIRTH).fit(table, outcome).tidy().set_index("term").loc["spared"]
    assert np.isfinite(row[["estimate", "std_error", "conf_low", "conf_high"]].astype(float)).all()
    assert row["estimate"] < 0


def test_validated_like_any_fixed_model():
    table, outcome = cohort(60)
    result = validate(CoxPH("x + z", **FIRTH), table, outcome, repeats=50)
    assert result.method == "optimism"
    unseen = predict_out_of_fold(CoxPH("x + z", **FIRTH), table, outcome, folds=5)
    assert np.isfinite(unseen.index).all()


def test_the_bias_of_the_estimate_is_small_where_that_of_maximum_likelihood_is_not():
    """A hazard ratio of 3, 20 patients and 10 events: with 500 cohorts the standard error of a mean is 0.03."""
    found = []
    for seed in range(500):
        random = np.random.default_rng(seed)
        x = random.normal(size=20)
        table = pd.DataFrame({"x": x})
        outcome = Outcome(random.exponential(np.exp(-np.log(3) * x)), random.random(20) < 0.5)
        try:
            found.append([CoxPH("x", **options).fit(table, outcome).beta[0] for options in ({}, FIRTH)])
        except FitError:
            continue
    plain, firth = np.mean(found, axis=0) - np.log(3)
    assert len(found) > 490
    assert abs(firth) < 0.1
    assert plain > 0.1
    assert plain - firth > 0.06


def test_what_is_not_offered_is_refused():
    table, outcome = cohort()
    with pytest.raises(ConfigError, match="clusters"):
        CoxPH("x", cluster="site", **FIRTH)
    with pytest.raises(ConfigError, match='Use "firth", Ridge'):
        CoxPH("x", penalty="lasso")
    with pytest.raises(ConfigError, match="whole weights"):
        CoxPH("x", **FIRTH).fit(table, outcome, weights=np.full(40, 0.5))
    with pytest.raises(FitError, match="is constant"):
        CoxPH("c + x", **FIRTH).fit(table.assign(c=1.0), outcome)
    with pytest.raises(FitError, match="determined by"):
        CoxPH("x + y", **FIRTH).fit(table.assign(y=2 * table["x"]), outcome)
    with pytest.raises(FitError, match="under a ridge"):
        CoxPH("x", penalty=Ridge(1.0)).fit(table, outcome).profile_limits()
    with pytest.raises(FitError, match="robust"):
        CoxPH("x", cluster="site").fit(table, outcome).profile_limits()
    with pytest.raises(FitError, match="one of the two models"):
        likelihood_ratio_test(CoxPH("x").fit(table, outcome), CoxPH("x + z", **FIRTH).fit(table, outcome))
    other = CoxPH("log2(w)", **FIRTH).fit(table.assign(w=np.exp2(table["x"])), outcome)
    large = CoxPH("x + z", **FIRTH).fit(table, outcome)
    with pytest.raises(FitError, match="not nested"):
        likelihood_ratio_test(other, large)


def test_it_says_what_it_is():
    table, outcome = cohort()
    fit = CoxPH("x + z", **FIRTH).fit(table, outcome)
    row = fit.glance().iloc[0]
    assert "Firth" in row["conventions"]
    assert np.isnan(row["aic"])
    assert "Penalised likelihood ratio test" in repr(fit)
    assert fit.profile_limits().equals(fit.tidy())


def test_a_profile_with_several_summits_is_refused():
    """Six patients, five events, three columns: where the others climb to depends on where they begin."""
    table = pd.DataFrame(
        {
            "index": [0.347, 0.897, 0.897, 0.897, 0.347, 0.897],
            "fdg": [3.17, 3.617, 3.182, 3.873, 3.965, 2.677],
            "cxcr4": [2.683, 3.516, 4.697, 3.071, 2.528, 3.12],
        }
    )
    fit = CoxPH("index + fdg + cxcr4", **FIRTH).fit(table, Outcome([633, 179, 23, 97, 90, 539], [1, 1, 1, 1, 1, 0]))
    with pytest.raises(FitError, match="more than one summit"):
        fit.tidy()
