r"""The hazard ratio at a cut that was chosen by the same patients, and what is left of it in others.

The ratio at the best of many cuts is too far from 1: with no effect at all its median is near 2. Two honest values
stand beside it. Patients are dealt out to folds within strata, and the cut and the log ratio :math:`\hat\beta` are
found anew without each fold:

cross-validated
    the ratio between those on the worse and those on the better side *as the others tell it*: of the cut found without
    them, and of the direction found there. Below 1 (above 1 where higher values are better) nothing was foretold;
shrunken
    :math:`\exp(c \hat\beta)`, where *c*, between 0 and 1, is the slope of a Cox model on
    :math:`\hat\beta_{-k} \, [x_i > c_{-k}]`, the effect foretold for each patient by the others (Schumacher et al.
    1997).

Both are averaged (on the log scale; *c* itself) over several deals. Ratios that are fitted inside use Firth's penalty,
so that a fold without events on one side has one. The continuous effect, which no cut can choose, stands first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import FitError
from survmodel.kernels.firth import maximise_firth
from survmodel.kernels.risk_sets import RiskSets, build_risk_sets
from survmodel.models.cox import CoxPH
from survmodel.models.cox_likelihood import LOGLIK_TOLERANCE, SCORE_TOLERANCE
from survmodel.models.cutpoint_search import CutSearch
from survmodel.models.firth import MAX_ITERATIONS
from survmodel.outcome.response import Outcome
from survmodel.resampling import draw_folds, read_units

Floats = npt.NDArray[np.float64]

FOLDS, DEALS = 10, 5
EFRON = PENALISED = True
CONTINUOUS, NAIVE = "per standard deviation", "at the cut, as found"
SHRUNKEN, CROSS_VALIDATED = "at the cut, shrunken", "at the cut, cross-validated"


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """A Cox model with one covariate on the rows of a search, Firth's penalty, one baseline for each stratum."""

    sets: RiskSets

    def log_ratio(self, covariate: Floats, counts: Floats) -> float:
        """Estimate the coefficient; NaN where the counted rows have one value, no events or no maximum."""
        used = covariate[counts > 0]
        spread = float(np.ptp(used)) if used.size else 0.0
        if spread <= 0:
            return float("nan")
        features = np.ascontiguousarray((covariate - used.mean()) / spread)[self.sets.order][np.newaxis]
        counted = counts[self.sets.order]
        beta, _, information, _, _, converged = maximise_firth(
            features, np.zeros(counted.size), counted, counted, self.sets, EFRON, np.zeros(1), np.ones(1, dtype=bool),
            PENALISED, MAX_ITERATIONS, SCORE_TOLERANCE, LOGLIK_TOLERANCE,
        )  # fmt: skip
        return float(beta[0]) / spread if converged and information[0, 0] > 0 else float("nan")


def honest_hazard_ratios(
    search: CutSearch, outcome: Outcome, cut: float, name: str, seed: int, conf_level: float
) -> tuple[pd.DataFrame, float]:
    """Estimate the continuous effect and the ratio at a cut: as found, shrunken, and cross-validated.

    Parameters
    ----------
    search : CutSearch
        Rows.
    outcome : Outcome
        Their outcome before they were put in order.
    cut : float
        The best cut of all rows.
    name : str
        The marker.
    seed : int
        Of the folds.
    conf_level : float
        Coverage of limits, which the first two have; those of the second take no account of the choice.

    Returns
    -------
    ratios : pandas.DataFrame
        Columns term, measure, estimate (higher values of the marker against lower ones), std_error (log scale),
        p_value (of the continuous effect alone, by the likelihood ratio), conf_low, conf_high.
    shrinkage : float
        The factor *c*.

    References
    ----------
    Schumacher M, Hollander N, Sauerbrei W (1997). Stat Med 16:2813-2827. Hollander N, Sauerbrei W, Schumacher M (2004).
    Stat Med 23:1701-1713.
    """
    kept = outcome.take(search.place)
    table = pd.DataFrame({"marker": search.marker, "stratum": search.stratum}, index=kept.index)
    table["above"] = (search.marker > cut).astype(float)
    table["marker"] = (search.marker - search.marker.mean()) / search.marker.std(ddof=1)
    continuous, _ = _fit(table, kept, "marker", search.n_strata, conf_level)
    naive, log_naive = _fit(table, kept, "above", search.n_strata, conf_level)
    shrinkage, crossed = cross_validate_cut(search, seed)
    crossed *= 1.0 if log_naive >= 0 else -1.0
    rows = pd.DataFrame(
        [
            {"measure": CONTINUOUS, **continuous},
            {"measure": NAIVE, **naive, "p_value": np.nan},
            {"measure": SHRUNKEN, "estimate": np.exp(shrinkage * log_naive)},
            {"measure": CROSS_VALIDATED, "estimate": np.exp(crossed)},
        ],
        columns=["measure", "estimate", "std_error", "p_value", "conf_low", "conf_high"],
    )
    rows.insert(0, "term", name)
    return rows, shrinkage


def cross_validate_cut(search: CutSearch, seed: int) -> tuple[float, float]:
    """Find the cut without each fold and score it there.

    Parameters
    ----------
    search : CutSearch
        Rows.
    seed : int
        Of the folds.

    Returns
    -------
    shrinkage, log_ratio : float
        The factor *c*, inside [0, 1], and the cross-validated log hazard ratio of the worse side; NaN where no deal
        gives them.
    """
    units = read_units(search.n, None, search.stratum)
    deals = draw_folds(units, min(FOLDS, search.n), DEALS, seed, search.event)
    sides = _Sides(build_risk_sets(search.time, search.event, None, search.stratum))
    every = np.ones(search.n)
    slopes, ratios = [], []
    for deal in deals:
        foretold, worse = np.full(search.n, np.nan), np.full(search.n, np.nan)
        folds = np.unique(deal)
        training = (deal != folds[:, np.newaxis]).astype(np.float64)
        cuts, statistics = search.best_cuts(training)
        for fold, counts, cut, statistic in zip(folds, training, cuts, statistics, strict=True):
            side = (search.marker > cut).astype(np.float64)
            ratio = 0.0 if np.isnan(cut) else sides.log_ratio(side, counts)
            inside = deal == fold
            # a negative statistic: those above the cut have their events earlier
            worse[inside] = side[inside] if statistic < 0 else 1 - side[inside]
            foretold[inside] = side[inside] * ratio
        known = np.where(np.isnan(foretold), 0.0, every)
        ratios.append(sides.log_ratio(worse, known))
        slopes.append(sides.log_ratio(np.nan_to_num(foretold), known))
    slope = float(np.nanmean(slopes)) if np.isfinite(slopes).any() else float("nan")
    ratio = float(np.nanmean(ratios)) if np.isfinite(ratios).any() else float("nan")
    return float(np.clip(slope, 0.0, 1.0)), ratio


def _fit(
    table: pd.DataFrame, outcome: Outcome, column: str, n_strata: int, conf_level: float
) -> tuple[dict[str, float], float]:
    """Fit a Cox model with one column, with Firth's penalty where it has no estimate else: its ratio, and its log."""
    spec = CoxPH(column, strata="stratum" if n_strata > 1 else None, conf_level=conf_level)
    try:
        fit = spec.fit(table, outcome)
    except FitError:
        fit = replace(spec, penalty="firth").fit(table, outcome)
    row = fit.hazard_ratios().iloc[0]
    found = {key: float(row[key]) for key in ("estimate", "std_error", "conf_low", "conf_high")}
    return {**found, "p_value": float(fit.glance().iloc[0]["lr_p_value"])}, float(np.log(row["estimate"]))
