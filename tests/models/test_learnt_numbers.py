"""Columns whose numbers are learnt from the rows: every resample learns them anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from survmodel import CoxPH, FineGray, Outcome, validate
from survmodel.models.formula import parse_formula
from survmodel.models.formula_coding import CODINGS, FUNCTIONS, DesignColumn, Transform
from survmodel.models.row_resampling import RowResampler


@dataclass(frozen=True)
class Deviation:
    """The square of the distance from the mean of the rows: another mean bends the index."""

    kind: ClassVar[str] = "deviation"
    learns_numbers: ClassVar[bool] = True
    variable: str
    mean: float

    @property
    def columns(self) -> tuple[DesignColumn, ...]:
        return (DesignColumn(f"deviation({self.variable})", self.variable),)

    def apply(self, table: pd.DataFrame) -> np.ndarray:
        return (table[[self.variable]].to_numpy(dtype=float) - self.mean) ** 2


class LearnDeviation(Transform):
    def learn(self, call: Any, table: pd.DataFrame, _declared: str | None) -> tuple[Deviation, tuple[str, ...]]:
        (column,) = call.columns
        return Deviation(column.name, float(table[column.name].mean())), ()


@pytest.fixture(autouse=True)
def deviation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUNCTIONS, "deviation", LearnDeviation("deviation", np.square, zero_allowed=True))
    monkeypatch.setitem(CODINGS, "deviation", Deviation)


def cohort(n: int = 80) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(4)
    table = pd.DataFrame({"x": random.exponential(size=n), "sex": random.choice(["f", "m"], n)})
    time = random.exponential(np.exp(-table["x"]))
    return table, Outcome(time, random.random(n) < 0.8, unit="years")


def test_a_design_says_whether_it_learns_numbers() -> None:
    table, _ = cohort()
    assert parse_formula("sex + deviation(x)").learn(table).learns_numbers
    assert not parse_formula("sex + log(x) + offset(x)").learn(table).learns_numbers


@pytest.mark.parametrize("model", [CoxPH, FineGray])
def test_such_a_model_has_no_fast_way(model: Any) -> None:
    table, outcome = cohort()
    assert model("deviation(x) + sex").resampler(table, outcome) is None
    assert model("x + sex").resampler(table, outcome) is not None


def test_validation_then_refits_replicated_rows() -> None:
    table, outcome = cohort()

    class Slow:
        spec = CoxPH("deviation(x) + sex", reference={"sex": "f"})

        def fit(self, table: pd.DataFrame, outcome: Outcome) -> object:
            return self.spec.fit(table, outcome)

        def resampler(self, table: pd.DataFrame, outcome: Outcome) -> RowResampler:
            return RowResampler(self.spec, table, outcome)

    both = validate({"own": Slow.spec, "slow": Slow()}, table, outcome, repeats=20, seed=3)
    assert both.method == "optimism"
    own, slow = both.scores["own"], both.scores["slow"]
    assert (own.apparent, own.optimism, own.corrected) == (slow.apparent, slow.optimism, slow.corrected)
