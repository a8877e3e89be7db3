"""The maximum of the pseudo-likelihood of Fine and Gray, and why it may not exist."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.models.cox_likelihood import (
    LOGLIK_TOLERANCE,
    MAX_ITERATIONS,
    SCORE_TOLERANCE,
    Maximum,
    refuse_aliased,
    refuse_constant,
    refuse_runaway,
)
from survmodel.models.fine_gray_likelihood import FineGrayData, RiskSums, risk_sums, score_and_information
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]

MAX_HALVINGS = 20
REMEDY = (
    "leave columns out, or merge levels; a Cox model of the cause, CoxPH on outcome.cause_specific, takes a penalty"
)


def maximise(data: FineGrayData, names: tuple[str, ...]) -> Maximum:
    """Maximise the pseudo-likelihood by Newton's method with step halving.

    Parameters
    ----------
    data : FineGrayData
        Sorted rows.
    names : tuple of str
        Columns of the design matrix, for messages.

    Returns
    -------
    Maximum
        On the scale of the design matrix; `covariance` is the inverse information, without the sandwich.

    Raises
    ------
    FitError
        For constant, collinear or uninformative columns, and when the likelihood has no maximum.
    """
    refuse_constant(data.features, names)
    beta = np.zeros(len(names))
    sums = start = risk_sums(data, beta)
    score, information = start_score, start_information = score_and_information(data, start)
    converged, iterations, change = not names, 0, np.inf
    with np.errstate(all="ignore"):
        refuse_aliased(start_information, names)
        while not converged and iterations < MAX_ITERATIONS:
            try:
                step: Floats = np.asarray(np.linalg.solve(information, score), dtype=np.float64)
            except np.linalg.LinAlgError:
                break
            found = _climb(data, beta, step, sums.loglik)
            if found is None:
                break
            beta, change = found[0], (found[1].loglik - sums.loglik) / (abs(found[1].loglik) + 1e-300)
            sums, iterations = found[1], iterations + 1
            score, information = score_and_information(data, sums)
            size = _score_size(score, information)
            converged = bool(size < SCORE_TOLERANCE and abs(change) < LOGLIK_TOLERANCE)
        _refuse_no_maximum(beta, information, start_information, names)
    if not converged:
        raise FitError(f"Newton's method did not converge in {iterations} steps", remedy=REMEDY)
    unscale = np.outer(1 / data.scale, 1 / data.scale)
    start_step = np.linalg.solve(start_information, start_score) if names else np.zeros(0)
    return Maximum(
        beta=frozen(beta / data.scale),
        covariance=frozen(_inverse(information) * unscale),
        information=frozen(information / unscale),
        loglik=sums.loglik,
        loglik_null=start.loglik,
        score_statistic=float(start_score @ start_step),
        df=float(len(names)),
        iterations=iterations,
        score_size=_score_size(score, information),
    )


def _climb(data: FineGrayData, beta: Floats, step: Floats, loglik: float) -> tuple[Floats, RiskSums] | None:
    """Take a Newton step, halved until the likelihood does not fall."""
    for _ in range(MAX_HALVINGS + 1):
        candidate = beta + step
        sums = risk_sums(data, candidate)
        if (sums.loglik - loglik) / (abs(sums.loglik) + 1e-300) > -LOGLIK_TOLERANCE:
            return candidate, sums
        step = step / 2
    return None


def _score_size(score: Floats, information: Floats) -> float:
    spread = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    return float(np.max(np.abs(score) / spread, initial=0.0))


def _refuse_no_maximum(beta: Floats, information: Floats, start: Floats, names: tuple[str, ...]) -> None:
    try:
        refuse_runaway(beta, information, start, names)
    except FitError as error:
        raise FitError(error.problem, error.found, REMEDY) from None


def _inverse(matrix: Floats) -> Floats:
    inverse: Floats = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    symmetric: Floats = (inverse + inverse.T) / 2
    return symmetric
