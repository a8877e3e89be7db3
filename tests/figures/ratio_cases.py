"""Patients, models and tables of hazard ratios that the tests of their figure draw."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from figures.drawn import HOSTILE

from survmodel.models.cox import CoxPH
from survmodel.models.cox_fit import CoxFit
from survmodel.outcome.response import Outcome

LABELS = {"age": "Age", "sex": "Sex", "stage": "Ann Arbor stage", "suv": "CXCR4 SUVmax of the hottest lesion"}
UNITS = {"age": "years", "wbc": "10^9/L"}


def patients(n: int = 240, seed: int = 3) -> tuple[pd.DataFrame, Outcome]:
    draw = np.random.default_rng(seed)
    table = pd.DataFrame({
        "age": draw.normal(60, 10, n).round(),
        "sex": np.where(draw.random(n) < 0.5, "male", "female"),
        "stage": pd.Categorical(np.array(["I", "II", "III", "IV"])[draw.integers(0, 4, n)], ordered=True),
        "suv": np.exp(draw.normal(2, 0.6, n)).round(1),
        "wbc": draw.normal(8, 2, n).round(1),
        "bulky": draw.random(n) < 0.2,
    })  # fmt: skip
    index = 0.03 * (table["age"] - 60) + 0.5 * (table["sex"] == "male") + 0.5 * np.log2(table["suv"])
    death = draw.exponential(40 * np.exp(index.mean() - index))
    censored = draw.uniform(6, 80, n)
    return table, Outcome(np.minimum(death, censored), death < censored, unit="months", endpoint="death")


TABLE, OUTCOME = patients()
TERMS = ["age", "sex", "stage", "log2(suv)", "wbc", "bulky"]


def fitted(formula: object = None, **options) -> CoxFit:
    return CoxPH(TERMS if formula is None else formula, **options).fit(TABLE, OUTCOME)


FULL = fitted()
ALONE = [fitted(term) for term in TERMS]


def ratio_table(*rows: tuple, **columns) -> pd.DataFrame:
    """Hazard ratios as (term, estimate, low, high)."""
    return pd.DataFrame(list(rows), columns=["term", "estimate", "conf_low", "conf_high"]).assign(**columns)


NASTY = ratio_table(
    (HOSTILE[0], 1.2, 0.2, math.inf),
    (HOSTILE[1], math.nan, math.nan, math.nan),
    (HOSTILE[2], 35.0, 0.01, 5e7),
    (HOSTILE[3], 1e-4, 1e-9, 0.2),
    (HOSTILE[4], 1e6, 3.0, math.inf),
    (HOSTILE[5], math.inf, 0.0, math.inf),
    (HOSTILE[6], 0.0, 0.0, math.inf),
    (HOSTILE[7], 2.0, math.nan, math.nan),
    ("lymphoma of the marginal zone, of any site", -1.0, 0.5, 2.0),
    p_value=[0.5, math.nan, 1e-9, 0.99999, 0.04, 0.5, math.nan, 0.3, 0.2],
    n=[10, 0, 30, 123456, 5, 1, 2, 40, math.nan],
    n_event=[3, 0, 12, 34567, 5, 0, 1, 20, math.nan],
)

#: More rows than are read out.
FORTY = ratio_table(*((f"term {k}", 1.1**k, 1.1**k / 3, 1.1**k * 3) for k in range(-20, 20)))

MODELS = {"Alone": ALONE, "Together": FULL}


def few_rows() -> CoxFit:
    return CoxPH("age").fit(TABLE[:100], OUTCOME.take(np.arange(100)))
