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
from survmodel.kernels import cox as kernel
from survmodel.kernels.risk_sets import RiskSets, build_risk_sets
from survmodel.models.newton import Evaluated

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Largest violation of the conditions of a maximum, in units of the score divided by n; in folds, whose deviance alone
#: is used, scikit-survival's answers are mostly good enough.
KKT_TOLERANCE, KKT_IN_FOLDS = 1e-9, 1e-6
ENGINE_TOLERANCE = 1e-14
#: scikit-survival's path has Breslow's ties.
EFRON = False
MAX_STEPS, MAX_SWEEPS, MAX_HALVINGS = 100, 1000, 40


@dataclass(frozen=True, slots=True, eq=False)
class BreslowRows:
    """Rows in risk-set order, for Breslow's partial likelihood.

    Attributes
    ----------
    features : ndarray, shape (p, n)
        Covariates, one a row.
    risk_sets : RiskSets
        Order and event times.
    """

    features: Floats
    risk_sets: RiskSets

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
        sets = build_risk_sets(time, event)
        return cls(np.ascontiguousarray(x[sets.order].T), sets)

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.features.shape[1])

    def loglik(self, beta: Floats) -> float:
        """Log partial likelihood.

        Parameters
        ----------
        beta : ndarray, shape (p,)
            Coefficients.

        Returns
        -------
        float
            Breslow's ties; minus infinity where hazards are beyond floats.
        """
        return self._sums(beta)[0]

    def evaluate(self, beta: Floats) -> Evaluated:
        """Compute log partial likelihood, score and information.

        Parameters
        ----------
        beta : ndarray, shape (p,)
            Coefficients.

        Returns
        -------
        Evaluated
            Of Breslow's partial likelihood.
        """
        loglik, risk, sums = self._sums(beta)
        p, ones, at_times = beta.size, np.ones(self.n), np.ones(self.risk_sets.time.size)
        hazard, died, score, information = np.empty(self.n), np.empty(self.n), np.empty(p), np.empty((p, p))
        kernel.lived_hazard(sums, at_times, self.risk_sets, hazard, died)
        kernel.score_and_information(
            self.features, risk, ones, sums, at_times, hazard, died, self.risk_sets, score, information
        )
        return Evaluated(loglik, score, information)

    def _sums(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Give the log-likelihood, the relative risks of the rows and the step sums of the event times."""
        ones, eta, risk, shift = np.ones(self.n), np.empty(self.n), np.empty(self.n), np.empty(1)
        sums = np.empty((5, self.risk_sets.time.size))
        kernel.linear_predictor(self.features, np.ascontiguousarray(beta), np.zeros(self.n), eta)
        kernel.relative_risk(eta, ones, self.risk_sets, risk, shift)
        loglik = kernel.step_sums(eta, risk, shift, ones, ones, self.risk_sets, EFRON, sums)
        return (loglik if np.isfinite(loglik) else -np.inf), risk, sums


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
    score = BreslowRows.of(z, time, event).evaluate(np.zeros(x.shape[1])).score
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


def _violation(score: Floats, beta: Floats, alpha: float, l1_ratio: float) -> tuple[Floats, float]:
    """Give the smooth part of the gradient from the score per row, and what is left of the conditions of a maximum."""
    smooth = score - alpha * (1 - l1_ratio) * beta
    bound = alpha * l1_ratio
    left = np.where(beta != 0, np.abs(smooth - bound * np.sign(beta)), np.maximum(np.abs(smooth) - bound, 0))
    return smooth, float(left.max())


def _climb(rows: BreslowRows, beta: Floats, alpha: float, l1_ratio: float, tolerance: float) -> tuple[Floats, float]:
    """Go on by proximal Newton steps until the conditions of a maximum hold."""
    n, p = rows.n, beta.size

    def loss(at: Floats) -> float:
        penalty = l1_ratio * np.abs(at).sum() + (1 - l1_ratio) / 2 * float(at @ at)
        return float(-rows.loglik(at) / n + alpha * penalty)

    for _ in range(MAX_STEPS):
        here = rows.evaluate(beta)
        smooth, left = _violation(here.score / n, beta, alpha, l1_ratio)
        if left <= tolerance:
            return beta, left
        hessian = here.information / n + (alpha * (1 - l1_ratio) + 1e-12) * np.eye(p)
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
