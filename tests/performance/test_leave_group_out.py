"""Groups left out: scored by models fitted to all others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    CoxPH,
    DataError,
    FitError,
    Outcome,
    RandomSurvivalForest,
    brier_score,
    concordance,
    leave_group_out,
    time_dependent_auc,
    validate,
)


def cohort(n: int = 150, seed: int = 2) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"x": random.normal(size=n), "scanner": random.choice(["A", "B", "C"], n)})
    time, censor = random.exponential(20 * np.exp(-table["x"])), random.uniform(5, 60, n)
    return table, Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months")


def test_every_number_written_out() -> None:
    table, outcome = cohort()
    specs = {"cox": CoxPH("x"), "forest": RandomSurvivalForest("x", n_trees=20)}
    found = leave_group_out(specs, table, outcome, table["scanner"], horizons=[12.0]).tidy()
    for name, spec in specs.items():
        pairs, values = [], []
        for scanner in "ABC":
            new = np.flatnonzero(table["scanner"] == scanner)
            learn = np.flatnonzero(table["scanner"] != scanner)
            fit = spec.fit(table.iloc[learn], outcome.take(learn))
            seen, shown = outcome.take(new), table.iloc[new]
            index, risk = fit.prognostic_index(shown), fit.predict_risk(shown, [12.0])[:, 0]
            own = found[(found["model"] == name) & (found["group"] == scanner)].set_index("measure")
            c = concordance(seen, index)
            assert own.loc["Harrell C", "estimate"] == pytest.approx(c.estimate, abs=1e-12)
            assert own.loc["Harrell C", "conf_low"] == pytest.approx(c.estimate - 1.959964 * c.std_error, abs=1e-6)
            auc, brier = time_dependent_auc(seen, risk, 12.0), brier_score(seen, risk, 12.0)
            assert own.loc["AUC", "estimate"] == pytest.approx(auc.estimate[0, 0], abs=1e-12)
            assert own.loc["Brier score", "std_error"] == pytest.approx(brier.std_error[0, 0], abs=1e-12)
            assert own.loc["IPA", "estimate"] == pytest.approx(brier.ipa[0, 0], abs=1e-12)
            assert own.loc["AUC", "n"] == new.size
            pairs.append(c.concordant + c.discordant + c.tied_index)
            values.append(c.estimate)
        mean = found[(found["model"] == name) & (found["group"] == "average")].set_index("measure")
        assert mean.loc["Harrell C", "estimate"] == pytest.approx(np.average(values, weights=pairs), abs=1e-12)
        assert "calibration slope" not in mean.index


def test_a_group_without_a_baseline_has_c_and_no_risk() -> None:
    table, outcome = cohort()
    spec = CoxPH("x", strata="scanner")
    found = leave_group_out(spec, table, outcome, table["scanner"])
    assert found.tidy().query("measure == 'Harrell C'")["estimate"].between(0.5, 1).all()
    with pytest.raises(FitError, match="no baseline"):
        leave_group_out(spec, table, outcome, table["scanner"], horizons=[12.0])


def test_what_is_refused() -> None:
    table, outcome = cohort()
    with pytest.raises(ConfigError, match="one group"):
        leave_group_out(CoxPH("x"), table, outcome, np.repeat("A", 150))
    stop = np.tile([1.0, 2.0], 75)
    twice = Outcome(stop, np.tile([0, 1], 75), stop - 1, id=np.repeat(np.arange(75), 2))
    with pytest.raises(DataError, match="two groups"):
        leave_group_out(CoxPH("x"), table, twice, np.tile(["A", "B"], 75))


def test_a_group_that_cannot_be_scored_is_told() -> None:
    table, outcome = cohort()
    quiet = Outcome(outcome.time, np.where(table["scanner"] == "B", 0, outcome.event), unit="months")
    found = leave_group_out(CoxPH("x"), table, quiet, table["scanner"])
    assert found.tidy()["group"].unique().tolist() == ["A", "C", "average"]
    assert any("1 group" in one for one in found.warnings)
    assert "Leaving each of 3 groups out" in repr(found)


def test_validation_says_where_groups_are_left_out() -> None:
    table = pd.DataFrame({"x": np.arange(40.0)})
    with pytest.raises(ConfigError, match="a function of its own"):
        validate(CoxPH("x"), table, Outcome(np.arange(1.0, 41), np.ones(40)), method="leave-one-group-out")  # type: ignore[arg-type]
