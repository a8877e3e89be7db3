r"""The path of an elastic net: scikit-survival's coefficients, brought to the maximum and checked there.

With columns divided by their standard deviations, :math:`g = \nabla \ell(b)/n - \alpha (1 - \rho) b` has
:math:`g_j = \alpha \rho \operatorname{sign} b_j` where a column is kept and :math:`|g_j| \le \alpha \rho` where it is
not (Karush, Kuhn and Tucker). What is left of these conditions is computed at every weight; where it is above the
tolerance, proximal Newton steps go on from scikit-survival's answer.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Largest violation of the conditions of a maximum, in units of the score divided by n; in folds, whose deviance alone
#: is used, scikit-survival's answers are mostly good enough.
KKT_TOLERANCE, KKT_IN_FOLDS = 1e-9, 1e-6
ENGINE_TOLERANCE = 1e-14
MAX_STEPS, MAX_SWEEPS, MAX_HALVINGS = 100, 1000, 40


@dataclass(frozen=True, slots=True, eq=False)
class BreslowRows:
    """Rows in descending order of time, for Breslow's partial likelihood.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        Covariates.
    event : ndarray of float64, shape (n,)
        1 for events.
    first, last : ndarray of int64, shape (n,)
        First and last row with the same time.
    """

    x: Floats
    event: Floats
    first: Ints
    last: Ints

    @classmethod
    def of(cls, x: Floats, time: Floats, event: Bools) -> BreslowRows:
        """Sort rows.

        Parameters
        ----------
        x : ndarray, shape (n, p)
            Covariates.
        time, event : ndarray, shape (n,)
            Times and events.

        Returns
        -------
        BreslowRows
            The same rows.
        """
        order = np.argsort(-time, kind="stable")
        down = -time[order]
        first = np.searchsorted(down, down, side="left")
        last = np.searchsorted(down, down, side="right") - 1
        return cls(x[order], event[order].astype(np.float64), first.astype(np.int64), last.astype(np.int64))

    def loglik(self, beta: Floats) -> float:
        """Log partial likelihood.

        Parameters
        ----------
        beta : ndarray, shape (p,)
            Coefficients.

        Returns
        -------
        float
            Breslow's ties.
        """
        eta, shift, _, at_risk = self._sums(beta)
        return float(self.event @ (eta - shift - np.log(at_risk)))

    def score(self, beta: Floats) -> Floats:
        """Gradient of the log partial likelihood, shape (p,).

        Parameters
        ----------
        beta : ndarray, shape (p,)
            Coefficients.

        Returns
        -------
        ndarray, shape (p,)
            Score.
        """
        _, _, risk, at_risk = self._sums(beta)
        score: Floats = self.x.T @ (self.event - risk * self._lived(at_risk))
        return score

    def information(self, beta: Floats) -> Floats:
        """Negative second derivatives of the log partial likelihood, shape (p, p).

        Parameters
        ----------
        beta : ndarray, shape (p,)
            Coefficients.

        Returns
        -------
        ndarray, shape (p, p)
            Information.
        """
        _, _, risk, at_risk = self._sums(beta)
        means = np.cumsum(risk[:, np.newaxis] * self.x, axis=0)[self.last] / at_risk[:, np.newaxis]
        square = (self.x * (risk * self._lived(at_risk))[:, np.newaxis]).T @ self.x
        information: Floats = square - (means * self.event[:, np.newaxis]).T @ means
        return information

    def _sums(self, beta: Floats) -> tuple[Floats, float, Floats, Floats]:
        eta = self.x @ beta
        shift = float(eta.max())
        risk = np.exp(eta - shift)
        return eta, shift, risk, np.maximum(np.cumsum(risk)[self.last], np.finfo(float).tiny)

    def _lived(self, at_risk: Floats) -> Floats:
        """Sum the hazard over the events up to the time of each row."""
        lived: Floats = np.cumsum((self.event / at_risk)[::-1])[::-1][self.first]
        return lived


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Coefficients along the weights of a penalty.

    Attributes
    ----------
    beta : ndarray, shape (n_alphas, p)
        On the scale of the columns.
    kkt : ndarray, shape (n_alphas,)
        Largest violation of the conditions of a maximum.
    """

    beta: Floats
    kkt: Floats


def standardise(x: Floats) -> tuple[Floats, Floats]:
    """Centre columns and divide them by their standard deviations.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Columns.

    Returns
    -------
    tuple of ndarray
        Columns and divisors; a constant column becomes 0, with divisor 1.
    """
    centre, spread = x.mean(axis=0), x.std(axis=0)
    flat = spread <= 1e-13 * np.abs(centre)
    scale = np.where(flat, 1.0, spread)
    z = np.where(flat, 0.0, (x - centre) / scale)
    return np.ascontiguousarray(z), scale


def largest_alpha(x: Floats, time: Floats, event: Bools, l1_ratio: float) -> float:
    """Find the least weight that keeps no column.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Columns.
    time, event : ndarray, shape (n,)
        Times and events.
    l1_ratio : float
        Share of the lasso.

    Returns
    -------
    float
        Weight.
    """
    z, _ = standardise(x)
    score = BreslowRows.of(z, time, event).score(np.zeros(x.shape[1]))
    return float(np.abs(score).max() / (time.size * l1_ratio))


def fit_path(
    x: Floats, time: Floats, event: Bools, alphas: Floats, l1_ratio: float, tolerance: float = KKT_TOLERANCE
) -> Path:
    """Fit all weights.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Columns as they stand.
    time, event : ndarray, shape (n,)
        Times and events.
    alphas : ndarray, shape (n_alphas,)
        Weights, descending.
    l1_ratio : float
        Share of the lasso.
    tolerance : float
        Largest violation of the conditions of a maximum.

    Returns
    -------
    Path
        At the maximum for every weight.

    Raises
    ------
    FitError
        When a maximum is not reached.
    """
    z, scale = standardise(x)
    rows = BreslowRows.of(z, time, event)
    start = _engine_path(z, time, event, alphas, l1_ratio)
    beta, kkt = np.zeros((alphas.size, x.shape[1])), np.zeros(alphas.size)
    for k, alpha in enumerate(alphas):
        begin = start[k] if k < len(start) else beta[max(k - 1, 0)]
        beta[k], kkt[k] = _climb(rows, begin, float(alpha), l1_ratio, tolerance)
    return Path(beta / scale, kkt)


def _engine_path(z: Floats, time: Floats, event: Bools, alphas: Floats, l1_ratio: float) -> Floats:
    """Ask scikit-survival for the path: the larger weights only where it stops early, none where its steps overflow."""
    from sksurv.linear_model import CoxnetSurvivalAnalysis
    from sksurv.util import Surv

    engine = CoxnetSurvivalAnalysis(alphas=alphas, l1_ratio=l1_ratio, tol=ENGINE_TOLERANCE)
    with warnings.catch_warnings():
        # It warns of what is computed here: no column kept, and a maximum that is not reached.
        warnings.simplefilter("ignore")
        try:
            engine.fit(z, Surv.from_arrays(event, time))
        except (ArithmeticError, AssertionError):
            return np.zeros((0, z.shape[1]))
    # It ends a path where the likelihood hardly grows any more.
    found: Floats = np.asarray(engine.coef_, dtype=np.float64).T
    return found


def _violation(rows: BreslowRows, beta: Floats, alpha: float, l1_ratio: float) -> tuple[Floats, float]:
    """Give the smooth part of the gradient, and what is left of the conditions of a maximum."""
    smooth = rows.score(beta) / rows.event.size - alpha * (1 - l1_ratio) * beta
    bound = alpha * l1_ratio
    left = np.where(beta != 0, np.abs(smooth - bound * np.sign(beta)), np.maximum(np.abs(smooth) - bound, 0))
    return smooth, float(left.max())


def _climb(rows: BreslowRows, beta: Floats, alpha: float, l1_ratio: float, tolerance: float) -> tuple[Floats, float]:
    """Go on by proximal Newton steps until the conditions of a maximum hold."""
    n, p = rows.x.shape

    def loss(at: Floats) -> float:
        penalty = l1_ratio * np.abs(at).sum() + (1 - l1_ratio) / 2 * float(at @ at)
        return float(-rows.loglik(at) / n + alpha * penalty)

    for _ in range(MAX_STEPS):
        smooth, left = _violation(rows, beta, alpha, l1_ratio)
        if left <= tolerance:
            return beta, left
        hessian = rows.information(beta) / n + (alpha * (1 - l1_ratio) + 1e-12) * np.eye(p)
        step = _descend(hessian, smooth, beta, alpha * l1_ratio) - beta
        now, share = loss(beta), 1.0
        for _ in range(MAX_HALVINGS):
            if loss(beta + share * step) <= now + 1e-15 * abs(now):
                break
            share /= 2
        beta = beta + share * step
    raise FitError(
        f"the elastic net did not reach its maximum in {MAX_STEPS} steps",
        f"at alpha {alpha:.3g} the conditions of a maximum are missed by {left:.2g}",
        "look for covariates with extreme values, or use a larger alpha",
    )


def _descend(hessian: Floats, smooth: Floats, beta: Floats, bound: float) -> Floats:
    """Minimise the quadratic about beta plus ``bound * sum(|b|)``, one coordinate after the other."""
    new = beta.copy()
    gradient = smooth.copy()
    for _ in range(MAX_SWEEPS):
        largest = 0.0
        for j in range(beta.size):
            pull = gradient[j] + hessian[j, j] * new[j]
            value = np.sign(pull) * max(abs(pull) - bound, 0.0) / hessian[j, j]
            move = value - new[j]
            if move:
                gradient -= hessian[:, j] * move
                new[j] = value
                largest = max(largest, abs(move))
        if largest <= 1e-13:
            break
    return new
