"""Elastic-net Cox models: the conditions of a maximum, their limits, the choice of the weight, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    CoxPH,
    ElasticNet,
    FitError,
    Outcome,
    Ridge,
    draw_hazard_ratios,
    hazard_ratio_table,
    likelihood_ratio_test,
    proportional_hazards_test,
)
from survmodel.models.elastic_net_choice import ChosenPath
from survmodel.models.elastic_net_fit import ElasticNetFit
from survmodel.performance.out_of_fold import predict_out_of_fold
from survmodel.performance.validation import validate

COLUMNS = [f"x{j}" for j in range(6)]
FORMULA = " + ".join(COLUMNS)


def make(n: int = 120, seed: int = 3, signal: float = 1.0) -> tuple[pd.DataFrame, Outcome]:
    """Six columns on different scales, of which the first matters; tied times."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(n, 6)) * [1, 10, 0.1, 1, 1, 1] + 5, columns=COLUMNS)
    time = np.ceil(20 * random.exponential(np.exp(-signal * (table["x0"] - 5))))
    return table, Outcome(time, random.random(n) < 0.7, unit="months")


def fit_net(table: pd.DataFrame, outcome: Outcome, **settings: object) -> ElasticNetFit:
    fit = CoxPH(FORMULA, penalty=ElasticNet(**settings)).fit(table, outcome)  # type: ignore[arg-type]
    assert isinstance(fit, ElasticNetFit)
    return fit


def slow_score(z: np.ndarray, outcome: Outcome, b: np.ndarray) -> np.ndarray:
    """Breslow's score, one death after the other."""
    risk = np.exp(z @ b)
    score = np.zeros(z.shape[1])
    for i in np.flatnonzero(outcome.died):
        at_risk = outcome.time >= outcome.time[i]
        score += z[i] - risk[at_risk] @ z[at_risk] / risk[at_risk].sum()
    return score


def test_the_conditions_of_a_maximum_hold_along_the_path() -> None:
    table, outcome = make()
    path = fit_net(table, outcome, l1_ratio=0.7, n_alphas=12).path()
    x = table.to_numpy()
    scale = x.std(axis=0)
    z = (x - x.mean(axis=0)) / scale
    for one in path.to_dict("records"):
        b = np.array([one[name] for name in COLUMNS]) * scale
        smooth = slow_score(z, outcome, b) / len(x) - one["alpha"] * 0.3 * b
        bound = one["alpha"] * 0.7
        assert np.abs(smooth - bound * np.sign(b))[b != 0] == pytest.approx(0, abs=1e-7)
        assert (np.abs(smooth) <= bound + 1e-7).all()


def test_the_path_begins_where_nothing_is_kept() -> None:
    path = fit_net(*make(), n_alphas=20).path()
    assert path["df"].iloc[0] == 0
    assert path["df"].iloc[1] > 0
    assert path["chosen"].sum() == 1


def test_a_weight_near_zero_gives_breslows_maximum() -> None:
    table, outcome = make()
    free = CoxPH(FORMULA, ties="breslow").fit(table, outcome)
    assert fit_net(table, outcome, alpha=1e-9).beta == pytest.approx(free.beta, rel=1e-4, abs=1e-6)


def test_without_a_lasso_it_is_a_ridge_of_n_alpha() -> None:
    table, outcome = make()
    table = (table - table.mean()) / table.std(ddof=0)
    ridge = CoxPH(FORMULA, ties="breslow", penalty=Ridge(len(table) * 0.05)).fit(table, outcome)
    assert fit_net(table, outcome, alpha=0.05, l1_ratio=1e-12).beta == pytest.approx(ridge.beta, abs=1e-8)


def test_rows_in_another_order_give_the_same() -> None:
    table, outcome = make()
    order = np.random.default_rng(1).permutation(len(table))
    a = fit_net(table, outcome)
    b = fit_net(table.iloc[order].reset_index(drop=True), outcome.take(order))
    assert (a.beta == b.beta).all()
    assert a.path().equals(b.path())


def test_counts_stand_for_rows() -> None:
    table, outcome = make(60)
    count = np.arange(60) % 3
    rows = np.repeat(np.arange(60), count)
    counted = CoxPH(FORMULA, penalty=ElasticNet(n_alphas=20)).fit(table, outcome, freq=count)
    replicated = fit_net(table.iloc[rows].reset_index(drop=True), outcome.take(rows), n_alphas=20)
    assert counted.beta == pytest.approx(replicated.beta, abs=1e-12)


def test_units_of_a_column_do_not_matter() -> None:
    table, outcome = make()
    a, b = fit_net(table, outcome), fit_net(table.assign(x1=table["x1"] / 1000), outcome)
    assert b.beta / [1, 1000, 1, 1, 1, 1] == pytest.approx(a.beta, abs=1e-7)


def test_noise_keeps_few_columns_and_a_signal_is_kept() -> None:
    kept = [
        len(fit_net(*make(100, seed, signal=0.0), n_alphas=25, choose="1se", l1_ratio=1.0).kept) for seed in range(8)
    ]
    assert np.mean(kept) < 1.0
    assert "x0" in fit_net(*make()).kept


def test_one_standard_error_penalises_at_least_as_much() -> None:
    data = make()
    assert fit_net(*data, choose="1se").alpha >= fit_net(*data).alpha


def test_cross_validation_by_hand() -> None:
    table, outcome = make(40)
    fit = fit_net(table, outcome, n_alphas=5, folds=40)
    # Every row is a fold of its own, so that folds need not be known.
    alpha = float(fit.path()["alpha"].iloc[2])
    total = 0.0
    for left in range(40):
        rows = np.delete(np.arange(40), left)
        beta = fit_net(table.iloc[rows], outcome.take(rows), alpha=alpha).beta
        if outcome.died[left]:
            total += slow_loglik(table, outcome, beta) - slow_loglik(table.iloc[rows], outcome.take(rows), beta)
    path: ChosenPath = fit.chosen_path
    assert path.cv_loglik[2] == pytest.approx(total, abs=1e-5)


def slow_loglik(table: pd.DataFrame, outcome: Outcome, beta: np.ndarray) -> float:
    eta = table.to_numpy() @ beta
    died = np.flatnonzero(outcome.died)
    return float(sum(eta[i] - np.log(np.exp(eta[outcome.time >= outcome.time[i]]).sum()) for i in died))


def test_no_standard_errors_after_selection() -> None:
    fit = fit_net(*make())
    ratios = fit.hazard_ratios()
    assert ratios[["std_error", "conf_low", "conf_high", "p_value"]].isna().all(axis=None)
    assert ratios["estimate"].notna().all()
    assert any("no standard errors" in note for note in fit.notes)
    assert any("unstable" in warning for warning in fit.warnings)
    assert "alpha" in str(fit)


def test_tests_and_limits_are_refused() -> None:
    table, outcome = make()
    fit = fit_net(table, outcome)
    for ask in (
        fit.term_tests,
        fit.profile_limits,
        lambda: fit.survival_limits(table, [5.0]),
        lambda: fit.residuals("dfbeta"),
        lambda: proportional_hazards_test(fit),
        lambda: likelihood_ratio_test(CoxPH("x0").fit(table, outcome), fit),
    ):
        with pytest.raises(FitError, match="elastic net"):
            ask()


def test_predictions_belong_to_breslows_baseline() -> None:
    table, outcome = make()
    free = CoxPH(FORMULA, ties="breslow").fit(table, outcome)
    net = fit_net(table, outcome, alpha=1e-9)
    assert net.predict_risk(table, [5, 20]) == pytest.approx(free.predict_risk(table, [5, 20]), abs=1e-5)
    assert net.baseline()["std_error"].isna().all()


@pytest.mark.parametrize(
    "settings",
    [{"l1_ratio": 0.0}, {"l1_ratio": 1.5}, {"alpha": 0.0}, {"folds": 1}, {"n_alphas": 1.5}, {"choose": "best"}],
)
def test_settings_that_say_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        ElasticNet(**settings)  # type: ignore[arg-type]


def test_what_the_engine_does_not_know_is_refused() -> None:
    table, outcome = make()
    for more in ({"strata": "x1"}, {"cluster": "x1"}, {"ties": "exact"}):
        with pytest.raises(ConfigError):
            CoxPH("x0", penalty=ElasticNet(), **more)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="offset"):
        CoxPH("x0 + offset(x1)", penalty=ElasticNet())
    late = Outcome(outcome.time + 1, outcome.event, entry=np.ones(outcome.n), unit="months")
    with pytest.raises(FitError, match="late entry"):
        fit_net(table, late)
    with pytest.raises(FitError, match="weights"):
        CoxPH(FORMULA, penalty=ElasticNet()).fit(table, outcome, weights=np.full(outcome.n, 2.0))


def test_too_few_events_for_folds() -> None:
    table, _ = make(20)
    outcome = Outcome(np.arange(1, 21), np.arange(20) < 4, unit="months")
    with pytest.raises(FitError, match="cannot tell how much to penalise"):
        fit_net(table, outcome)


def test_validation_is_not_by_optimism() -> None:
    table, outcome = make(60)
    spec = CoxPH(FORMULA, penalty=ElasticNet(n_alphas=8, folds=3))
    assert spec.resampler(table, outcome) is None
    assert validate(spec, table, outcome, repeats=5).method == ".632+"
    with pytest.raises(ConfigError, match="optimism"):
        validate(spec, table, outcome, repeats=5, method="optimism")
    found = predict_out_of_fold(spec, table, outcome, folds=3)
    assert found is not None


def test_a_table_tells_that_nothing_is_tested_and_a_figure_is_refused():
    rng = np.random.default_rng(6)
    table = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80)})
    outcome = Outcome(rng.exponential(np.exp(-table["a"])), np.ones(80))
    fit = CoxPH("a + b", penalty=ElasticNet(alpha=0.05)).fit(table, outcome)
    shown = " ".join(str(hazard_ratio_table(fit)).split())
    assert "Breslow ties; elastic net, no limits or tests after selection" in shown
    assert fit.ties == fit.glance()["ties"].iloc[0] == "breslow"
    with pytest.raises(FitError, match="no limits to draw"):
        draw_hazard_ratios(fit)
