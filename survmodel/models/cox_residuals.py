r"""Residuals of a Cox model, each consistent with the ties method of the fit.

With the step sums of :mod:`survmodel.kernels.cox`, :math:`A(t) = \sum_{u \le t} a_1` and :math:`C(t) = \sum_{u \le t}
(a_2 S_1 - b_2 T_1)`, the score residual of a row that is censored is :math:`-e^{\eta}\{x (A(t) - A(e)) - (C(t) -
C(e))\}`. A row that dies at *u* has left the risk set in steps: its own time counts :math:`a_1 - b_1` and :math:`(a_2
- b_2) S_1 - (b_2 - c_2) T_1` instead, and :math:`x - \bar x(u)` is added, where :math:`\bar x(u) = (a_1 S_1 - b_1
T_1) / (m \bar w)` is the mean over the steps of the tie.

Score residuals and dfbetas are per row, not multiplied by the case weight; the robust variance weighs them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.models.cox_likelihood import AtEventTimes, CoxData, SortedData, at_event_times

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Residuals in the order of the table.

    Attributes
    ----------
    martingale : ndarray, shape (n,)
        Observed minus expected events of each row.
    score : ndarray, shape (n, p)
        Score residuals on the scale of the design matrix.
    schoenfeld : ndarray, shape (n_deaths, p)
        Covariates of each death minus their mean in the risk set, by stratum and time.
    death_rows : ndarray of int64, shape (n_deaths,)
        Table row of each death.
    """

    martingale: Floats
    score: Floats
    schoenfeld: Floats
    death_rows: Ints


def compute_residuals(data: CoxData, ordered: SortedData, beta: Floats) -> Residuals:
    """Compute martingale, score and Schoenfeld residuals.

    Parameters
    ----------
    data : CoxData
        Rows in table order.
    ordered : SortedData
        The same rows sorted.
    beta : ndarray, shape (p,)
        Coefficients on the scale of the design matrix.

    Returns
    -------
    Residuals
        In table order.
    """
    sums = at_event_times(data, ordered, beta)
    sets = ordered.risk_sets
    n, p = ordered.offset.size, ordered.features.shape[0]
    x = ordered.features.T
    a1, b1, a2, b2, c2 = sums.steps[:, :, np.newaxis]
    hazard = a1
    mean_hazard = a2 * sums.at_risk - b2 * sums.dying
    lived = _passed(data, ordered, np.hstack([hazard, mean_hazard]))
    death_time = _death_times(ordered)
    died = death_time >= 0
    own = np.hstack([b1, b2 * sums.at_risk - c2 * sums.dying])
    lived[died] -= own[death_time[died]]
    relative = _relative_risk(ordered, sums)
    expected = relative * lived[:, 0]
    score = -relative[:, np.newaxis] * (x * lived[:, :1] - lived[:, 1:])
    deaths, weight = np.zeros(sets.time.size), np.zeros(sets.time.size)
    np.add.at(deaths, death_time[died], ordered.count[died])
    np.add.at(weight, death_time[died], ordered.multiplicity[died])
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (a1 * sums.at_risk - b1 * sums.dying) / weight[:, np.newaxis]
    schoenfeld = x[died] - centre[death_time[died]]
    score[died] += schoenfeld
    martingale = died - expected
    back = np.empty(n, dtype=np.int64)
    back[sets.order] = np.arange(n)
    return Residuals(
        martingale=martingale[back],
        score=score[back].reshape(n, p) * ordered.scale,
        schoenfeld=schoenfeld * ordered.scale,
        death_rows=sets.order[died],
    )


def _relative_risk(ordered: SortedData, sums: AtEventTimes) -> Floats:
    """Return ``exp(eta - shift)`` of each sorted row, without its multiplicity."""
    with np.errstate(invalid="ignore", divide="ignore"):
        relative: Floats = np.where(ordered.multiplicity > 0, sums.risk / ordered.multiplicity, 0.0)
    return relative


def _passed(data: CoxData, ordered: SortedData, increments: Floats) -> Floats:
    """Sum increments, shape (U, k), over the event times that each sorted row was at risk at; shape (n, k)."""
    sets = ordered.risk_sets
    time = data.time[sets.order]
    entry = None if data.entry is None else data.entry[sets.order]
    total = np.empty((time.size, increments.shape[1]))
    for stratum in range(sets.row_bounds.size - 1):
        rows = slice(sets.row_bounds[stratum], sets.row_bounds[stratum + 1])
        times = slice(sets.time_bounds[stratum], sets.time_bounds[stratum + 1])
        running = np.vstack([np.zeros(increments.shape[1]), np.cumsum(increments[times], axis=0)])
        total[rows] = running[np.searchsorted(sets.time[times], time[rows], side="right")]
        if entry is not None:
            total[rows] -= running[np.searchsorted(sets.time[times], entry[rows], side="right")]
    return total


def _death_times(ordered: SortedData) -> Ints:
    """Give the event time at which each sorted row dies, -1 for the others."""
    sets = ordered.risk_sets
    place = np.full(ordered.offset.size, -1, dtype=np.int64)
    lengths = sets.after_deaths - sets.first_death
    starts = np.repeat(sets.first_death - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    place[starts + np.arange(lengths.sum())] = np.repeat(np.arange(sets.time.size), lengths)
    return place


def robust_covariance(residuals: Residuals, data: CoxData, covariance: Floats, cluster: Ints | None) -> Floats:
    """Sandwich covariance from dfbetas, summed within clusters.

    Parameters
    ----------
    residuals : Residuals
        Of the fit.
    data : CoxData
        Its rows; dfbetas are weighed by the case weight, a count stands for so many rows.
    covariance : ndarray, shape (p, p)
        Model-based covariance.
    cluster : ndarray of int64, shape (n,), or None
        Cluster codes; each row (each copy of it) alone without them.

    Returns
    -------
    ndarray, shape (p, p)
        ``sum over clusters of (sum of w_i dfbeta_i)(sum of w_i dfbeta_i)'``.

    References
    ----------
    Lin DY, Wei LJ (1989). J Am Stat Assoc 84:1074-1078.
    """
    influence = (residuals.score @ covariance) * data.weight[:, np.newaxis]
    if cluster is None:
        robust: Floats = (influence * data.count[:, np.newaxis]).T @ influence
        return robust
    summed = np.zeros((int(cluster.max()) + 1, influence.shape[1]))
    np.add.at(summed, cluster, influence * data.count[:, np.newaxis])
    robust = summed.T @ summed
    return robust


def deviance_residuals(martingale: Floats, event: npt.NDArray[np.bool_]) -> Floats:
    r"""Deviance residuals, :math:`\operatorname{sign}(M)\sqrt{-2\{M + \delta \log(\delta - M)\}}`.

    Parameters
    ----------
    martingale : ndarray, shape (n,)
        Martingale residuals.
    event : ndarray of bool, shape (n,)
        Events.

    Returns
    -------
    ndarray, shape (n,)
        More symmetric about 0 than the martingale residuals.
    """
    expected = np.where(event, event - martingale, 1.0)
    inner = martingale + np.where(event, np.log(np.maximum(expected, np.finfo(float).tiny)), 0.0)
    deviance: Floats = np.sign(martingale) * np.sqrt(np.maximum(-2 * inner, 0.0))
    return deviance
