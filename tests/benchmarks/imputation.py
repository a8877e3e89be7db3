"""What is timed of imputation: in each resample, chained equations, a Cox model for each completed table, pooling.

A quarter of the values of three columns is missing, by a rule that Python and R share: one column with two levels, one
lognormal, one normal. Twenty imputations of ten cycles; the imputation model holds the event and the Nelson-Aalen
hazard. The first of the resamples is the cohort itself, whose pooled coefficients are compared: they differ by the
draws of the imputations.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from benchmarks.data import Cohort

IMPUTATIONS, CYCLES, RESAMPLES = 20, 10, 5


def with_gaps(cohort: Cohort) -> pd.DataFrame:
    """Give the columns, of which three have gaps."""
    p, n = cohort.x.shape
    table = pd.DataFrame(cohort.x.T, columns=[f"x{j}" for j in range(p)])
    for column in (0, p // 3, p - 1):
        table.loc[(np.arange(n) * (2 * column + 3) + column) % 4 == 0, f"x{column}"] = np.nan
    return table


def survmodel_imputation(cohort: Cohort) -> tuple[Callable[[], object], int]:
    import survmodel as sm

    table, outcome = with_gaps(cohort), sm.Outcome(cohort.time, cohort.event.astype(bool))
    spec = sm.Pipeline([sm.MultipleImputation(m=IMPUTATIONS, iterations=CYCLES, seed=1)], sm.CoxPH(list(table.columns)))

    def run() -> list[float]:
        random, found = np.random.default_rng(1), []
        for resample in range(RESAMPLES):
            rows = np.arange(len(table)) if resample == 0 else random.integers(0, len(table), len(table))
            fit = spec.fit(table.iloc[rows], outcome.take(rows))
            found.append(fit.tidy()["estimate"].tolist())
        return found[0]

    return run, RESAMPLES
