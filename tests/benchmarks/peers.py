"""What is timed in Python: for each kind of case and each peer, a function that prepares one call.

A call gives the check values, which the driver compares with those of survmodel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from benchmarks.data import Cohort
from benchmarks.imputation import survmodel_imputation

#: A call gives its check values; the number beside it is how many units of work it holds (resamples).
Call = tuple[Callable[[], object], int]
#: Resamples of one call to survmodel and to a loop over another library.
OUR_RESAMPLES, THEIR_RESAMPLES = 1000, 20
#: Horizons of AUC and Brier score, as quantiles of the times.
HORIZONS = np.linspace(0.15, 0.6, 10)


def as_table(cohort: Cohort) -> pd.DataFrame:
    """Give the columns as a frame of doubles, without a copy."""
    return pd.DataFrame(cohort.x.T, columns=[f"x{j}" for j in range(len(cohort.x))], copy=False)


def survmodel_cox(cohort: Cohort) -> Call:
    import survmodel as sm

    table, outcome = as_table(cohort), sm.Outcome(cohort.time, cohort.event.astype(bool))
    spec = sm.CoxPH(list(table.columns))
    return lambda: spec.fit(table, outcome).coefficients, 1


def kernel_cox(cohort: Cohort) -> Call:
    from survmodel.models.cox_likelihood import CoxData, maximise, sort_data

    n = cohort.time.size
    data = CoxData(
        x=cohort.x.T,
        offset=np.zeros(n),
        weight=np.ones(n),
        count=np.ones(n),
        time=cohort.time,
        entry=None,
        event=cohort.event.astype(bool),
        stratum=np.zeros(n, dtype=np.int64),
        efron=True,
    )
    names = tuple(f"x{j}" for j in range(len(cohort.x)))
    return lambda: maximise(data, sort_data(data), names).beta, 1


def lifelines_cox(cohort: Cohort) -> Call:
    from lifelines import CoxPHFitter

    table = as_table(cohort).assign(time=cohort.time, event=cohort.event)
    return lambda: CoxPHFitter().fit(table, "time", "event").params_, 1


def sksurv_cox(cohort: Cohort) -> Call:
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    x, y = np.ascontiguousarray(cohort.x.T), Surv.from_arrays(cohort.event.astype(bool), cohort.time)
    return lambda: CoxPHSurvivalAnalysis(ties="efron").fit(x, y).coef_, 1


def statsmodels_cox(cohort: Cohort) -> Call:
    from statsmodels.duration.hazard_regression import PHReg

    x = np.ascontiguousarray(cohort.x.T)
    return lambda: PHReg(cohort.time, x, status=cohort.event, ties="efron").fit(disp=0).params, 1


def survmodel_km(cohort: Cohort) -> Call:
    import survmodel as sm

    outcome = sm.Outcome(cohort.time, cohort.event.astype(bool))
    return lambda: sm.KaplanMeier().fit(outcome).curves[0].steps.survival[-1], 1


def lifelines_km(cohort: Cohort) -> Call:
    from lifelines import KaplanMeierFitter

    return lambda: KaplanMeierFitter().fit(cohort.time, cohort.event).survival_function_.to_numpy()[-1], 1


def survmodel_concordance(cohort: Cohort) -> Call:
    import survmodel as sm

    outcome = sm.Outcome(cohort.time, cohort.event.astype(bool))
    return lambda: sm.concordance(outcome, cohort.index).estimate, 1


def lifelines_concordance(cohort: Cohort) -> Call:
    from lifelines.utils import concordance_index

    return lambda: concordance_index(cohort.time, -cohort.index, cohort.event), 1


def sksurv_concordance(cohort: Cohort) -> Call:
    from sksurv.metrics import concordance_index_censored

    event = cohort.event.astype(bool)
    return lambda: concordance_index_censored(event, cohort.time, cohort.index)[0], 1


def survmodel_optimism(cohort: Cohort) -> Call:
    import survmodel as sm

    table, outcome = as_table(cohort), sm.Outcome(cohort.time, cohort.event.astype(bool))
    spec = sm.CoxPH(list(table.columns))

    def run() -> list[float]:
        done = sm.validate({"all": spec}, table, outcome, method="optimism", repeats=OUR_RESAMPLES, n_jobs=1)
        return [done.scores["all"].apparent, done.scores["all"].corrected]

    return run, OUR_RESAMPLES


def lifelines_optimism(cohort: Cohort) -> Call:
    from lifelines import CoxPHFitter
    from lifelines.utils import concordance_index

    table, columns = as_table(cohort), [f"x{j}" for j in range(len(cohort.x))]
    table = table.assign(time=cohort.time, event=cohort.event)

    def score(rows: pd.DataFrame, fit: CoxPHFitter) -> float:
        return concordance_index(rows["time"], -(rows[columns] @ fit.params_), rows["event"])

    def run() -> list[float]:
        rng, optimism = np.random.default_rng(1), []
        for _ in range(THEIR_RESAMPLES):
            drawn = table.iloc[rng.integers(0, len(table), len(table))]
            fit = CoxPHFitter().fit(drawn, "time", "event")
            optimism.append(score(drawn, fit) - score(table, fit))
        apparent = score(table, CoxPHFitter().fit(table, "time", "event"))
        return [apparent, apparent - float(np.mean(optimism))]

    return run, THEIR_RESAMPLES


def horizons_of(cohort: Cohort) -> np.ndarray:
    return np.quantile(cohort.time, HORIZONS)


def risk_of(cohort: Cohort) -> np.ndarray:
    """Any risk that rises with time, shape (n, k)."""
    hazard = horizons_of(cohort) / cohort.time.mean() * 0.4
    return 1 - np.exp(-hazard * np.exp(0.5 * cohort.index)[:, np.newaxis])


def survmodel_scores(cohort: Cohort) -> Call:
    """Score AUC and Brier score of many bootstrap samples, as validation does; the check is of all patients."""
    import survmodel as sm
    from survmodel.performance.scoring import DrawScorer
    from survmodel.resampling import bootstrap_counts, read_units

    outcome, n = sm.Outcome(cohort.time, cohort.event.astype(bool)), cohort.time.size
    scorer = DrawScorer.of(outcome, np.zeros(n, dtype=np.int64), horizons_of(cohort))
    counts = bootstrap_counts(read_units(n), OUR_RESAMPLES, 1)
    counts[0] = 1
    index = np.broadcast_to(cohort.index, counts.shape)
    risk = np.broadcast_to(risk_of(cohort), (*counts.shape, HORIZONS.size))
    timed = [place for place, one in enumerate(scorer.measures) if one.name in ("AUC", "Brier score")]

    def run() -> list[float]:
        return scorer.score(index, risk, counts, counts)[0, timed].tolist()

    return run, OUR_RESAMPLES


def sksurv_scores(cohort: Cohort) -> Call:
    from sksurv.metrics import brier_score, cumulative_dynamic_auc
    from sksurv.util import Surv

    y, times, risk = Surv.from_arrays(cohort.event.astype(bool), cohort.time), horizons_of(cohort), risk_of(cohort)

    def score(rows: np.ndarray) -> list[float]:
        auc, _ = cumulative_dynamic_auc(y[rows], y[rows], cohort.index[rows], times)
        _, brier = brier_score(y[rows], y[rows], 1 - risk[rows], times)
        return np.column_stack([auc, brier]).ravel().tolist()

    def run() -> list[float]:
        rng = np.random.default_rng(1)
        for _ in range(THEIR_RESAMPLES - 1):
            score(rng.integers(0, y.size, y.size))
        return score(np.arange(y.size))

    return run, THEIR_RESAMPLES


CALLS: dict[tuple[str, str], Callable[[Cohort], Call]] = {
    ("cox", "survmodel"): survmodel_cox,
    ("cox", "kernel"): kernel_cox,
    ("cox", "lifelines"): lifelines_cox,
    ("cox", "sksurv"): sksurv_cox,
    ("cox", "statsmodels"): statsmodels_cox,
    ("km", "survmodel"): survmodel_km,
    ("km", "lifelines"): lifelines_km,
    ("concordance", "survmodel"): survmodel_concordance,
    ("concordance", "lifelines"): lifelines_concordance,
    ("concordance", "sksurv"): sksurv_concordance,
    ("optimism", "survmodel"): survmodel_optimism,
    ("optimism", "lifelines"): lifelines_optimism,
    ("scores", "survmodel"): survmodel_scores,
    ("scores", "sksurv"): sksurv_scores,
    ("imputation", "survmodel"): survmodel_imputation,
}
