"""What is timed of forests: fitting one, and shuffling its columns once.

The last rows of a cohort are not trained on: what a forest predicts for them goes to the driver, which computes
Harrell's C of all programs with one function. Settings are the same for all: rows drawn with replacement, as many
columns tried at a split as the root of their number, rounded up, at least 3 rows in a leaf, no split of fewer than 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from benchmarks.data import HELD_OUT, Cohort

MIN_LEAF, SEED = 3, 1


class Prepared(NamedTuple):
    """A call that is timed, and what is read of its answer afterwards: the numbers that the driver compares."""

    call: Callable[[], Any]
    read: Callable[[Any], object]


def tried(cohort: Cohort) -> int:
    """Give the columns tried at a split."""
    return int(np.ceil(np.sqrt(len(cohort.x))))


def tables(cohort: Cohort) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the columns of training and held-out rows."""
    table = pd.DataFrame(cohort.x.T, columns=[f"x{j}" for j in range(len(cohort.x))], copy=False)
    return table.iloc[:-HELD_OUT], table.iloc[-HELD_OUT:]


def survmodel_forest(cohort: Cohort, trees: int) -> Prepared:
    import survmodel as sm

    table, new = tables(cohort)
    outcome = sm.Outcome(cohort.time[:-HELD_OUT], cohort.event[:-HELD_OUT].astype(bool))
    columns = list(table.columns)
    spec = sm.RandomSurvivalForest(
        columns, n_trees=trees, mtry=tried(cohort), min_leaf=MIN_LEAF, min_events=0, seed=SEED
    )
    return Prepared(lambda: spec.fit(table, outcome), lambda fit: fit.prognostic_index(new))


def survmodel_importance(cohort: Cohort, trees: int) -> Prepared:
    """Time what importance costs beyond the forest; its out-of-bag C is compared."""
    import survmodel as sm

    fit = survmodel_forest(cohort, trees).call()
    table, _ = tables(cohort)
    outcome = sm.Outcome(cohort.time[:-HELD_OUT], cohort.event[:-HELD_OUT].astype(bool))
    return Prepared(
        lambda: sm.permutation_importance(fit, table, outcome, repeats=1, seed=SEED, limits=None),
        lambda done: done.concordance,
    )


def sksurv_forest(cohort: Cohort, trees: int) -> Prepared:
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.util import Surv

    x, new = (np.ascontiguousarray(table) for table in tables(cohort))
    y = Surv.from_arrays(cohort.event[:-HELD_OUT].astype(bool), cohort.time[:-HELD_OUT])

    def fit() -> Any:
        return RandomSurvivalForest(
            trees,
            min_samples_split=2 * MIN_LEAF,
            min_samples_leaf=MIN_LEAF,
            max_features=tried(cohort),
            n_jobs=1,
            random_state=SEED,
        ).fit(x, y)

    return Prepared(fit, lambda forest: forest.predict(new))


def comprisk_forest(cohort: Cohort, trees: int) -> Prepared:
    from comprisk import CompetingRiskForest, Surv

    x, new = (np.ascontiguousarray(table) for table in tables(cohort))
    y = Surv.from_arrays(event=cohort.event[:-HELD_OUT], time=cohort.time[:-HELD_OUT])

    def fit(trees: int, rows: int) -> Any:
        return CompetingRiskForest(
            trees,
            max_depth=64,
            min_samples_split=2 * MIN_LEAF,
            min_samples_leaf=MIN_LEAF,
            max_features=tried(cohort),
            samptype="swr",
            random_state=SEED,
            n_jobs=1,
            splitrule="logrank",
            device="cpu",
        ).fit(x[:rows], y[:rows])

    # It is compiled on first use, which is none of the work that is timed.
    fit(2, 100).predict_risk(new[:5])
    return Prepared(lambda: fit(trees, len(x)), lambda forest: forest.predict_risk(new))


FORESTS: dict[tuple[str, str], Callable[[Cohort, int], Prepared]] = {
    ("forest", "survmodel"): survmodel_forest,
    ("forest", "sksurv"): sksurv_forest,
    ("forest", "comprisk"): comprisk_forest,
    ("importance", "survmodel"): survmodel_importance,
}
