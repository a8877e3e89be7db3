r"""Intercept and slope of predicted risks at a horizon, on the log hazard scale, each by two routes.

With :math:`z_i = \log\{-\log(1 - R_i)\}` the risk after recalibration is :math:`1 - \exp\{-e^{a + b z_i}\}`. The
*slope* is b: below 1 risks are too far apart, high ones too high and low ones too low. The *intercept* is a where b is
held at 1, the log of observed over expected cumulative hazard: above 0 more happens than was predicted.

* By the hazard up to the horizon (the headline): b is the coefficient of z in Cox's model, within strata, and
  :math:`e^a` the cumulative baseline hazard at the horizon with z as offset (averaged over strata by their size), so
  that patients who were censored early take part up to then. Proportional hazards are assumed up to the horizon only:
  later events have no part unless asked for. Where events compete the hazard is that of Fine and Gray.
* By what is known at the horizon: whether the event happened by then, with weights of inverse probability of censoring
  (:mod:`~survmodel.performance.censoring_weights`), from the quasi-score of a binomial regression with complementary
  log-log link; b within strata has an intercept in each. No hazard is modelled. Standard errors count that the
  censoring distribution was estimated.

References: Cox DR (1958). Biometrika 45:562-565. Crowson CS, Atkinson EJ, Therneau TM (2016). Stat Methods Med Res
25:1692-1706. van Houwelingen HC (2000). Stat Med 19:3401-3415.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.outcome.groups import Groups
from survmodel.outcome.response import Outcome
from survmodel.performance.censoring_weights import CensoringWeights
from survmodel.performance.horizon_hazard import HorizonHazard

Floats = npt.NDArray[np.float64]
Estimate = tuple[float, float]

MAX_STEPS = 50
TOLERANCE = 1e-10


def log_hazards(risk: Floats) -> tuple[Floats, int]:
    """Bring risks to the scale of the log cumulative hazard.

    Parameters
    ----------
    risk : ndarray, shape (n,)
        Probabilities.

    Returns
    -------
    ndarray, shape (n,)
        ``log(-log(1 - risk))``; a risk of 0 is taken as half of the smallest above it, one of 1 as half as far from 1
        as the largest below it.
    int
        How many risks were 0 or 1.

    Raises
    ------
    FitError
        When all of them are.

    Examples
    --------
    >>> index, moved = log_hazards(np.array([0.0, 0.2, 0.5]))
    >>> (-np.expm1(-np.exp(index))).round(3).tolist(), moved
    ([0.1, 0.2, 0.5], 1)
    """
    inside = (risk > 0) & (risk < 1)
    if not inside.any():
        raise FitError("all predicted risks are 0 or 1, which are no hazards")
    survival = 1 - risk
    least, lowest = float(risk[inside].min()), float(survival[inside].min())
    moved, left = np.where(risk <= 0, least / 2, risk), np.where(survival <= 0, lowest / 2, survival)
    # Each from the side on which it is written exactly.
    hazard = np.where(moved < 0.5, -np.log1p(-np.minimum(moved, 0.5)), -np.log(left))
    index: Floats = np.log(hazard)
    return index, int((~inside).sum())


def hazard_intercept(outcome: Outcome, index: Floats, horizon: float, strata: Groups) -> Estimate:
    """Estimate the intercept by the cumulative hazard up to the horizon.

    Parameters
    ----------
    outcome : Outcome
        Times and events.
    index : ndarray, shape (n,)
        From :func:`log_hazards`.
    horizon : float
        The horizon.
    strata : Groups
        Each is followed up to the horizon.

    Returns
    -------
    tuple of float
        Log of observed over expected cumulative hazard, and its standard error.

    Raises
    ------
    FitError
        Without events.
    """
    nothing = np.zeros((outcome.n, 0))
    fit = HorizonHazard.prepare(outcome, nothing, index, strata.codes, horizon, later_events=False).fit()
    share = np.bincount(strata.codes, minlength=strata.n) / outcome.n
    ratio = float(share @ fit.hazard)
    return float(np.log(ratio)), float(np.sqrt(share**2 @ fit.variance)) / ratio


def hazard_slope(
    outcome: Outcome, index: Floats, horizon: float, strata: Groups, *, later_events: bool = False
) -> Estimate:
    """Estimate the slope by Cox's model of the hazard, or by that of Fine and Gray where events compete.

    Parameters
    ----------
    outcome, index, horizon, strata
        As for :func:`hazard_intercept`.
    later_events : bool
        Whether what happens after the horizon has a part in it.

    Returns
    -------
    tuple of float
        Slope and standard error.

    Raises
    ------
    FitError
        When there is none, such as with equal risks.
    """
    none = np.zeros(outcome.n)
    column = index[:, np.newaxis]
    fit = HorizonHazard.prepare(outcome, column, none, strata.codes, horizon, later_events=later_events).fit()
    return float(fit.beta[0]), float(np.sqrt(fit.covariance[0, 0]))


def weighted_recalibration(
    outcome: Outcome, index: Floats, horizon: float, strata: Groups, censoring: Outcome | None = None
) -> tuple[Estimate, Estimate]:
    """Estimate intercept and slope by what is known at the horizon, weighted for censoring.

    Parameters
    ----------
    outcome, index, horizon, strata
        As for :func:`hazard_intercept`; nobody enters late.
    censoring : Outcome, optional
        Rows from which the censoring distribution is estimated, then taken as known.

    Returns
    -------
    tuple of (float, float)
        Intercept with its standard error, and slope with its own.

    Raises
    ------
    EndpointError
        When nobody was followed beyond the horizon.
    FitError
        With late entry, or when there is no slope.
    """
    if outcome.entry is not None:
        raise FitError("weights for censoring know no late entry")
    weights = CensoringWeights.learn(outcome, horizon, strata, censoring)
    past = outcome.time <= horizon
    weight = np.where(past, weights.case_weights(), weights.survivor_weights(np.array([horizon]))[:, 0])
    happened = np.where(past & (outcome.event == 1), 1.0, 0.0)
    intercept = _solve(np.ones((outcome.n, 1)), index, happened, weight, weights, horizon)
    codes = strata.codes
    with_event = np.bincount(codes, weight * happened, minlength=strata.n) > 0
    without = np.bincount(codes, weight * (1 - happened), minlength=strata.n) > 0
    told = np.flatnonzero(with_event & without)
    if not told.size or np.ptp(index) == 0:
        raise FitError("the predicted risks are equal, or every patient of a stratum has the same outcome")
    # A stratum in which all or none have the event says nothing of the slope.
    inside = np.isin(codes, told)
    columns = (codes[:, np.newaxis] == told).astype(np.float64)
    design = np.column_stack([np.where(inside, index - index[inside].mean(), 0.0), columns])
    slope = _solve(design, np.zeros(outcome.n), happened, np.where(inside, weight, 0.0), weights, horizon)
    return intercept, slope


def _solve(
    design: Floats, offset: Floats, happened: Floats, weight: Floats, weights: CensoringWeights, horizon: float
) -> Estimate:
    """Solve the weighted quasi-score; gives the first coefficient and its standard error."""
    beta = np.zeros(design.shape[1])
    for _ in range(MAX_STEPS):
        score, expected, _ = _quasi_score(design, offset + design @ beta, happened, weight)
        try:
            step = np.linalg.solve(expected, score.sum(axis=0))
        except np.linalg.LinAlgError:
            break
        beta = beta + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < TOLERANCE:
            break
    else:
        raise FitError("the weighted regression on predicted risk did not converge")
    score, expected, slope = _quasi_score(design, offset + design @ beta, happened, weight)
    if not np.isfinite(slope).all() or np.linalg.cond(expected) > 1e12:
        raise FitError("the weighted regression on predicted risk has no solution")
    times = np.full(design.shape[1], horizon)
    influence = (score + weights.influence(score, times)) @ np.linalg.inv(slope).T
    n = design.shape[0]
    return float(beta[0]), float(np.sqrt((influence[:, 0] ** 2).sum() * n / max(n - 1, 1)))


def _quasi_score(design: Floats, eta: Floats, happened: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Give the score of each row (n, p), and minus its expected and observed derivatives (p, p)."""
    hazard = np.exp(np.clip(eta, -300.0, 5.0))
    risk = -np.expm1(-hazard)
    slope = hazard * np.exp(-hazard)
    link = hazard / risk
    bend = (hazard * risk - hazard * slope) / risk**2
    score: Floats = design * (weight * link * (happened - risk))[:, np.newaxis]
    expected: Floats = design.T @ (design * (weight * link * slope)[:, np.newaxis])
    observed: Floats = expected - design.T @ (design * (weight * bend * (happened - risk))[:, np.newaxis])
    return score, expected, observed
