r"""Firth's penalised likelihood for Cox models, and limits and tests by the profile of a likelihood.

Half the log determinant of the information is added to the log-likelihood: the estimate then has a bias of smaller
order, and stays finite where a group has no events. Limits are where twice the fall of the profile reaches the quantile
of chi-squared, so that they need not be symmetric; a test holds the coefficient at 0 inside the full penalty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.distributions import chi_squared_p, normal_quantile
from survmodel.errors import FitError
from survmodel.kernels.firth import maximise_firth
from survmodel.models.cox_likelihood import (
    LOGLIK_TOLERANCE,
    SCORE_TOLERANCE,
    CoxData,
    Maximum,
    SortedData,
    invert_information,
    refuse_aliased,
    refuse_constant,
)
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MAX_ITERATIONS = 200
#: A limit further away than this many standard errors is none.
FARTHEST = 2000.0
LIMIT_TOLERANCE = 1e-10
#: Far out on a profile the information is nearly singular, and rounding keeps the score above what a fit is asked for.
#: The height is then off by half the square of the score, which is nothing to a limit.
PROFILE_SCORE = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class ProfileTests:
    """Limits and tests of coefficients by the profile of the likelihood.

    Attributes
    ----------
    low, high : ndarray, shape (k,)
        Limits; infinite where the profile never falls far enough.
    statistic : ndarray, shape (k,)
        Likelihood-ratio chi-squared of the coefficient being 0, on one degree of freedom.
    p_value : ndarray, shape (k,)
        Its tail probability.
    """

    low: Floats
    high: Floats
    statistic: Floats
    p_value: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Likelihood:
    """A log-likelihood of standardised coefficients, with or without Firth's penalty."""

    features: Floats
    ordered: SortedData
    efron: bool
    penalised: bool

    def maximise(self, start: Floats, free: Bools) -> tuple[Floats, Floats, Floats, float, int]:
        """Maximise over the free coefficients: coefficients, score, information, objective, steps.

        Raises
        ------
        FitError
            When there is no maximum.
        """
        beta, score, information, objective, iterations, converged = maximise_firth(
            self.features, self.ordered.offset, self.ordered.multiplicity, self.ordered.count, self.ordered.risk_sets,
            self.efron, start, free, self.penalised, MAX_ITERATIONS, SCORE_TOLERANCE, LOGLIK_TOLERANCE,
        )  # fmt: skip
        if not converged and not _is_level(score, information, objective, free):
            kind = "penalised likelihood" if self.penalised else "partial likelihood"
            raise FitError(
                f"the {kind} did not reach its maximum in {MAX_ITERATIONS} steps",
                remedy="look for covariates with extreme values, or use fewer columns",
            )
        return beta, score, information, float(objective), int(iterations)


def _is_level(score: Floats, information: Floats, objective: float, free: Bools) -> bool:
    """Tell whether a climb with some coefficients held ended as high as it can be told."""
    if free.all() or not np.isfinite(objective):
        return False
    spread = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    return bool(np.max(np.abs(score[free]) / spread[free], initial=0.0) < PROFILE_SCORE)


def maximise_penalised(data: CoxData, ordered: SortedData, names: tuple[str, ...]) -> Maximum:
    """Maximise Firth's penalised likelihood.

    Parameters
    ----------
    data : CoxData
        Rows in table order.
    ordered : SortedData
        The same rows sorted.
    names : tuple of str
        Columns of the design matrix, for messages.

    Returns
    -------
    Maximum
        Log-likelihoods with the penalty; the covariance is the inverse of the information without it.

    Raises
    ------
    FitError
        For columns that are constant, collinear, or say nothing: the information at 0 is then singular.
    """
    p = len(names)
    refuse_constant(data.x, names)
    likelihood = _Likelihood(ordered.features, ordered, data.efron, penalised=True)
    nothing, all_of_them = np.zeros(p), np.ones(p, dtype=bool)
    # With no free coefficient the values at 0 are given.
    _, _, at_zero, _, _ = _Likelihood(ordered.features, ordered, data.efron, penalised=False).maximise(
        nothing, ~all_of_them
    )
    refuse_aliased(at_zero, names)
    _, score_at_zero, _, null, _ = likelihood.maximise(nothing, ~all_of_them)
    beta, score, information, objective, iterations = likelihood.maximise(nothing, all_of_them)
    covariance = invert_information(information)
    unscale = 1 / ordered.scale
    # The determinant of the information is that of the columns as they stand.
    size = float(np.log(ordered.scale).sum())
    spread = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    return Maximum(
        beta=frozen(beta * unscale),
        covariance=frozen(covariance * np.outer(unscale, unscale)),
        information=frozen(information * np.outer(ordered.scale, ordered.scale)),
        loglik=objective + size,
        loglik_null=null + size,
        score_statistic=float(score_at_zero @ invert_information(at_zero) @ score_at_zero),
        df=float(p),
        iterations=iterations,
        score_size=float(np.max(np.abs(score) / spread, initial=0.0)),
    )


def hold_at_zero(data: CoxData, ordered: SortedData, zero: Bools) -> float:
    """Maximise Firth's penalised likelihood with some coefficients 0, the penalty that of all of them.

    Parameters
    ----------
    data, ordered : CoxData, SortedData
        Rows of the model with all columns.
    zero : ndarray of bool, shape (p,)
        Columns whose coefficients are 0.

    Returns
    -------
    float
        The penalised log-likelihood, on the scale of the design matrix.
    """
    likelihood = _Likelihood(ordered.features, ordered, data.efron, penalised=True)
    return likelihood.maximise(np.zeros(zero.size), ~zero)[3] + float(np.log(ordered.scale).sum())


def profile_tests(
    data: CoxData, ordered: SortedData, maximum: Maximum, steps: Floats, *, level: float, penalised: bool
) -> ProfileTests:
    """Find limits and tests of combinations of coefficients by the profile of the likelihood.

    Parameters
    ----------
    data, ordered : CoxData, SortedData
        Analysed rows.
    maximum : Maximum
        The fit on them.
    steps : ndarray, shape (k, p)
        One combination of coefficients in each row; the unit matrix for the coefficients themselves.
    level : float
        Coverage of the limits.
    penalised : bool
        Whether the fit has Firth's penalty.

    Returns
    -------
    ProfileTests
        One entry for each combination.

    Raises
    ------
    FitError
        When the profile cannot be followed.

    References
    ----------
    Heinze G, Schemper M (2001). Biometrics 57:114-119. Venzon DJ, Moolgavkar SH (1988). Appl Stat 37:87-94.
    """
    found = np.array([_profile_one(data, ordered, maximum, step, level, penalised=penalised) for step in steps])
    low, high, statistic = found.reshape(-1, 3).T
    return ProfileTests(
        frozen(low), frozen(high), frozen(statistic), frozen([chi_squared_p(float(one), 1) for one in statistic])
    )


def profile_curve(data: CoxData, ordered: SortedData, maximum: Maximum, place: int, values: Floats) -> Floats:
    """Follow the profile of Firth's penalised log-likelihood along one coefficient.

    Parameters
    ----------
    data, ordered : CoxData, SortedData
        Analysed rows.
    maximum : Maximum
        The penalised fit on them.
    place : int
        Which coefficient.
    values : ndarray, shape (k,)
        Values of the coefficient, rising.

    Returns
    -------
    ndarray, shape (k,)
        Maximum over the other coefficients at each value, minus that over all.

    Raises
    ------
    FitError
        When the profile cannot be followed.
    """
    likelihood = _Likelihood(ordered.features, ordered, data.efron, penalised=True)
    free = np.arange(maximum.beta.size) != place
    best = maximum.beta * ordered.scale
    top = likelihood.maximise(best, np.ones(best.size, dtype=bool))[3]
    found = np.empty(values.size)
    above = values >= maximum.beta[place]
    for side in (np.flatnonzero(above), np.flatnonzero(~above)[::-1]):
        # From the maximum outwards, each step begins where the last one ended.
        last = best.copy()
        for at in side:
            last[place] = values[at] * ordered.scale[place]
            last, _, _, objective, _ = likelihood.maximise(last.copy(), free)
            found[at] = objective - top
    return found


def _profile_one(
    data: CoxData, ordered: SortedData, maximum: Maximum, step: Floats, level: float, *, penalised: bool
) -> tuple[float, float, float]:
    """Follow the profile of one combination: its two limits, and the statistic of its being 0."""
    scaled = step / ordered.scale
    if not scaled.any():
        return 0.0, 0.0, 0.0
    # New coefficients: the combination in place of the one that weighs most in it, the others as they are.
    place = int(np.argmax(np.abs(scaled)))
    shares = scaled / scaled[place]
    features = ordered.features - shares[:, np.newaxis] * ordered.features[place]
    features[place] = ordered.features[place] / scaled[place]
    likelihood = _Likelihood(np.ascontiguousarray(features), ordered, data.efron, penalised)
    beta = maximum.beta * ordered.scale
    beta[place] = step @ maximum.beta
    free = np.ones(beta.size, dtype=bool)
    free[place] = False
    top = likelihood.maximise(beta, np.ones(beta.size, dtype=bool))[3]
    last = beta.copy()

    def fall(value: float) -> float:
        nonlocal last
        start = last.copy()
        start[place] = value
        last, _, _, objective, _ = likelihood.maximise(start, free)
        return 2 * (top - objective)

    error = float(np.sqrt(step @ maximum.covariance @ step))
    height = float(normal_quantile(level)) ** 2
    low = _find_crossing(fall, beta[place], -error, height)
    last = beta.copy()
    high = _find_crossing(fall, beta[place], error, height)
    last = beta.copy()
    return low, high, max(fall(0.0), 0.0)


def _find_crossing(fall: Callable[[float], float], centre: float, error: float, height: float) -> float:
    """Find where the fall of the profile reaches a height, on the side to which `error` points."""
    # A second of start-up that no other Cox model needs.
    from scipy.optimize import brentq

    inner, outer = 0.0, 2.0
    while fall(centre + outer * error) < height:
        inner, outer = outer, 2 * outer
        if outer > FARTHEST:
            return float(np.sign(error) * np.inf)
    try:
        crossing = brentq(
            lambda t: fall(centre + t * error) - height, inner, outer, xtol=LIMIT_TOLERANCE, rtol=LIMIT_TOLERANCE
        )
    except ValueError:
        # reached from another side, the rest of the coefficients climb to another summit
        raise FitError(
            "the profile of the likelihood has more than one summit, so that its limits are not determined",
            remedy="use fewer columns for so few events",
        ) from None
    return float(crossing * error + centre)
