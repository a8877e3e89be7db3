"""Partial effects: by hand on a Cox model, through derived columns, of forests, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import ConfigError, CoxPH, DataError, FineGray, Outcome, RandomSurvivalForest, partial_effect
from survmodel.result import VOCABULARY


def cohort(n: int = 120) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(4)
    table = pd.DataFrame({
        "marker": random.lognormal(size=n),
        "grade": random.integers(1, 5, n),
        "stage": pd.Categorical(random.choice(["I", "II", "III"], size=n), ["I", "II", "III"], ordered=True),
        "sex": random.choice(["f", "m"], size=n),
    })  # fmt: skip
    time, censor = random.exponential(20 / table["marker"]), random.uniform(5, 50, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months")


TABLE, OUTCOME = cohort()


def test_a_cox_model_by_hand() -> None:
    """The mean of 1 - S0(t)^exp(index), the index written with the coefficients and the column set."""
    fit = CoxPH("log2(marker) + sex").fit(TABLE, OUTCOME)
    result = partial_effect(fit, TABLE, "marker", [6.0, 18.0], values=[1.0, 4.0], individual=True)
    base = fit.predict_survival(TABLE.head(1), [6.0, 18.0])[0]
    beta = fit.tidy().set_index("term")["estimate"]
    male = np.flatnonzero(TABLE["sex"] == fit.tidy()["level"].dropna().iloc[-1])
    of_sex = np.zeros(len(TABLE))
    of_sex[male] = beta.iloc[1]
    first = beta.iloc[0] * np.log2(TABLE["marker"].iloc[0]) + of_sex[0]
    for place, value in enumerate((1.0, 4.0)):
        shift = beta.iloc[0] * np.log2(value) + of_sex - first
        risk = 1 - base[np.newaxis] ** np.exp(shift)[:, np.newaxis]
        assert result.individual[place] == pytest.approx(risk, rel=1e-9)
        assert result.risk[place] == pytest.approx(risk.mean(axis=0), rel=1e-9)
        assert result.lower[place] == pytest.approx(np.quantile(risk, 0.25, axis=0), rel=1e-9)


def test_a_tidy_table() -> None:
    fit = RandomSurvivalForest("marker + stage + sex", n_trees=30).fit(TABLE, OUTCOME)
    result = partial_effect(fit, TABLE, "stage", [6.0, 18.0])
    tidy = result.tidy()
    assert set(tidy.columns) <= set(VOCABULARY)
    assert result.values == ("I", "II", "III")
    assert len(tidy) == 3 * 2 * 2
    wide = tidy.set_index(["measure", "level", "time"])
    assert (wide.loc["risk", "estimate"] + wide.loc["survival", "estimate"]).to_numpy() == pytest.approx(np.ones(6))
    assert (tidy["lower"] <= tidy["upper"]).all()
    changed = TABLE.assign(stage=pd.Categorical(["II"] * 120, TABLE["stage"].cat.categories, ordered=True))
    again = fit.predict_risk(changed, [6.0]).mean()
    assert wide.loc[("risk", "II", 6.0), "estimate"] == pytest.approx(again, abs=1e-15)
    assert "not what would happen" in repr(result)
    assert "time (months)" in repr(result)


def test_a_marker_that_kills_raises_the_risk() -> None:
    fit = RandomSurvivalForest("marker + sex", n_trees=60).fit(TABLE, OUTCOME)
    result = partial_effect(fit, TABLE, "marker", [12.0])
    assert result.values == pytest.approx(np.quantile(TABLE["marker"], np.arange(1, 10) / 10))
    assert result.risk[-1, 0] > result.risk[0, 0] + 0.2


def test_values_that_are_few_are_all_taken() -> None:
    fit = RandomSurvivalForest("marker + factor(grade)", n_trees=10).fit(TABLE, OUTCOME)
    assert partial_effect(fit, TABLE, "grade", [6.0]).values == (1, 2, 3, 4)


def test_individual_curves_and_their_centre() -> None:
    fit = RandomSurvivalForest("marker + sex", n_trees=10).fit(TABLE, OUTCOME)
    result = partial_effect(fit, TABLE, "sex", [6.0, 12.0], individual=True)
    assert result.individual.shape == (2, 120, 2)
    assert result.individual.mean(axis=1) == pytest.approx(result.risk)
    assert (result.centred()[0] == 0).all()
    assert (result.centred("m")[1] == 0).all()
    assert result.centred("m")[0] == pytest.approx(-result.centred()[1])
    with pytest.raises(ConfigError, match="not among the values"):
        result.centred("x")
    with pytest.raises(ConfigError, match="individual=True"):
        partial_effect(fit, TABLE, "sex", [6.0]).centred()


def test_missing_values_of_other_columns_leave_a_row_out() -> None:
    """A value of the column itself may be missing, as it is set; a forest with directions needs none."""
    table = TABLE.assign(marker=TABLE["marker"].mask(np.arange(120) < 7), sex=TABLE["sex"].mask(np.arange(120) == 50))
    fit = RandomSurvivalForest("marker + sex", n_trees=10).fit(table, OUTCOME)
    assert (partial_effect(fit, table, "marker", [6.0]).n, partial_effect(fit, table, "sex", [6.0]).n) == (119, 113)
    assert "1 row with missing values left out" in repr(partial_effect(fit, table, "marker", [6.0]))
    whole = RandomSurvivalForest("marker + sex", n_trees=10, missing="direction").fit(table, OUTCOME)
    assert partial_effect(whole, table, "marker", [6.0]).n == 120


def test_beyond_the_follow_up_nothing_is_said() -> None:
    fit = RandomSurvivalForest("marker", n_trees=10).fit(TABLE, OUTCOME)
    result = partial_effect(fit, TABLE, "marker", [999.0], values=[1.0])
    assert result.tidy()["estimate"].isna().all()
    assert "nan" not in repr(result)


def test_the_risk_of_one_cause_is_no_survival() -> None:
    random = np.random.default_rng(1)
    outcome = Outcome(OUTCOME.time, random.integers(0, 3, 120), causes={1: "relapse", 2: "death"})
    result = partial_effect(FineGray("marker").fit(TABLE, outcome), TABLE, "marker", [6.0])
    assert set(result.tidy()["measure"]) == {"risk"}
    assert result.risk.shape == (9, 1)


def test_refusals() -> None:
    fit = RandomSurvivalForest("marker + sex", n_trees=5).fit(TABLE, OUTCOME)
    with pytest.raises(ConfigError, match="did you mean 'marker'"):
        partial_effect(fit, TABLE, "market", [6.0])
    with pytest.raises(DataError, match="marker"):
        partial_effect(fit, TABLE.drop(columns="marker"), "marker", [6.0])
    with pytest.raises(ConfigError, match="needs values"):
        partial_effect(fit, TABLE, "marker", [6.0], values=[])
    with pytest.raises(ConfigError, match="needs values"):
        partial_effect(fit, TABLE, "marker", [6.0], values=[1.0, np.nan])
    with pytest.raises(DataError, match="level"):
        partial_effect(fit, TABLE, "sex", [6.0], values=["x"])
    with pytest.raises(DataError, match="no complete row"):
        partial_effect(fit, TABLE.assign(sex=None), "marker", [6.0])
    with pytest.raises(DataError, match="no value"):
        partial_effect(fit, TABLE.assign(marker=np.nan), "marker", [6.0])
