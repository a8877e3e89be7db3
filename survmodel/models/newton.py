"""Newton's method for a log-likelihood that is concave, and what its maximum says; or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.models.cox_likelihood import (
    LOGLIK_TOLERANCE,
    MAX_ITERATIONS,
    SCORE_TOLERANCE,
    Maximum,
    invert_information,
    refuse_aliased,
    refuse_runaway,
)
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]

MAX_HALVINGS = 20


class Evaluated(NamedTuple):
    """A log-likelihood, its score (p,) and its information (p, p) at some coefficients."""

    loglik: float
    score: Floats
    information: Floats


Likelihood = Callable[[Floats], Evaluated]


def find_maximum(likelihood: Likelihood, names: tuple[str, ...], scale: Floats, remedy: str) -> Maximum:
    """Maximise a log-likelihood by Newton's method with step halving, from coefficients 0.

    Parameters
    ----------
    likelihood : callable
        From coefficients of standardised columns to an `Evaluated`.
    names : tuple of str
        Columns of the design matrix, for messages.
    scale : ndarray, shape (p,)
        What the columns were divided by.
    remedy : str
        What to do where there is no maximum.

    Returns
    -------
    Maximum
        On the scale of the design matrix; `covariance` is the inverse information.

    Raises
    ------
    FitError
        For collinear or uninformative columns, and when the likelihood has no maximum.
    """
    beta = np.zeros(len(names))
    converged, iterations, change = not names, 0, np.inf
    with np.errstate(all="ignore"):
        here = start = likelihood(beta)
        refuse_aliased(start.information, names)
        while not converged and iterations < MAX_ITERATIONS:
            found = _climb(likelihood, beta, here)
            if found is None:
                break
            beta, change = found[0], (found[1].loglik - here.loglik) / (abs(found[1].loglik) + 1e-300)
            here, iterations = found[1], iterations + 1
            converged = bool(_score_size(here) < SCORE_TOLERANCE and abs(change) < LOGLIK_TOLERANCE)
        _refuse_no_maximum(beta, here.information, start.information, names, remedy)
    if not converged:
        raise FitError(f"Newton's method did not converge in {iterations} steps", remedy=remedy)
    unscale = np.outer(1 / scale, 1 / scale)
    start_step = np.linalg.solve(start.information, start.score) if names else np.zeros(0)
    return Maximum(
        beta=frozen(beta / scale),
        covariance=frozen(invert_information(here.information) * unscale),
        information=frozen(here.information / unscale),
        loglik=here.loglik,
        loglik_null=start.loglik,
        score_statistic=float(start.score @ start_step),
        df=float(len(names)),
        iterations=iterations,
        score_size=_score_size(here),
    )


def _climb(likelihood: Likelihood, beta: Floats, here: Evaluated) -> tuple[Floats, Evaluated] | None:
    """Take a Newton step, halved until the likelihood does not fall; None where there is no such step."""
    try:
        step: Floats = np.asarray(np.linalg.solve(here.information, here.score), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    for _ in range(MAX_HALVINGS + 1):
        there = likelihood(beta + step)
        if (there.loglik - here.loglik) / (abs(there.loglik) + 1e-300) > -LOGLIK_TOLERANCE:
            return beta + step, there
        step = step / 2
    return None


def _score_size(at: Evaluated) -> float:
    spread = np.sqrt(np.maximum(np.diag(at.information), np.finfo(float).tiny))
    return float(np.max(np.abs(at.score) / spread, initial=0.0))


def _refuse_no_maximum(beta: Floats, information: Floats, start: Floats, names: tuple[str, ...], remedy: str) -> None:
    try:
        refuse_runaway(beta, information, start, names)
    except FitError as error:
        raise FitError(error.problem, error.found, remedy) from None
