r"""Effects of several groups put together: what each group says, what they have in common, and what they share.

A group says :math:`L_j(\theta_j)`: a normal curve around its estimate, or, where events are few, the profile of its
penalised likelihood. The effects vary between groups, :math:`\theta_j \sim N(\mu, \tau^2)`, with a flat prior on
:math:`\mu` and a half-normal one on :math:`\tau`, whose posterior is

.. math::
    p(\mu, \tau) \propto p(\tau) \prod_j M_j(\mu, \tau), \quad
    M_j(\mu, \tau) = \int L_j(\theta)\, N(\theta; \mu, \tau^2)\, d\theta, \quad
    p(\theta_j) \propto L_j(\theta_j) \int\!\!\int N(\theta_j; \mu, \tau^2)\, p(\tau) \prod_{i \ne j} M_i(\mu, \tau)
    \, d\mu\, d\tau.

The integral over :math:`\tau` has 120 nodes (Gauss and Legendre, up to five scales of the prior), those over
:math:`\mu` and :math:`\theta` a fine even grid, on which blurring by a normal curve is a product of Fourier transforms.
Nothing is drawn at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from survmodel.distributions import chi_squared_p
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]

#: Nodes of the integral over the spread between groups, and how many scales of its prior they reach.
TAU_NODES, TAU_REACH = 120, 5.0
#: Steps of the grid to the smallest standard error, and how many points it may have.
STEPS, MOST_POINTS = 16, 2**14
#: How many standard errors the grid goes beyond the outermost estimates.
REACH = 8.0


class GroupLikelihood(Protocol):
    """What the data of a group say about its effect."""

    @property
    def estimate(self) -> float:
        """Where the likelihood is highest."""

    @property
    def std_error(self) -> float:
        """Its standard error."""

    def log_at(self, theta: Floats) -> Floats:
        """Give the log-likelihood at each effect, 0 at the estimate."""


@dataclass(frozen=True, slots=True)
class NormalLikelihood:
    """A normal curve around an estimate."""

    estimate: float
    std_error: float

    def log_at(self, theta: Floats) -> Floats:
        """Give the log-likelihood at each effect, 0 at the estimate."""
        found: Floats = -0.5 * np.square((theta - self.estimate) / self.std_error)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class ProfileLikelihood:
    """A profile of a log-likelihood, between the values at which it was followed a cubic spline, beyond them a line."""

    estimate: float
    std_error: float
    values: Floats
    logliks: Floats

    def log_at(self, theta: Floats) -> Floats:
        """Give the log-likelihood at each effect, 0 at the estimate."""
        # Scipy takes half a second to load.
        from scipy.interpolate import CubicSpline

        curve = CubicSpline(self.values, self.logliks)
        low, high = self.values[0], self.values[-1]
        inside = np.clip(theta, low, high)
        slope = np.where(theta < low, max(float(curve(low, 1)), 0.0), min(float(curve(high, 1)), 0.0))
        found: Floats = curve(inside) + slope * (theta - inside)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Effects that borrow from each other.

    Attributes
    ----------
    scale : float
        Of the half-normal prior on the spread between groups.
    mean : ndarray, shape (4,)
        Mean of the groups: posterior mean, standard deviation and limits.
    groups : ndarray, shape (k, 4)
        The same of the effect of each group.
    tau : float
        Posterior mean of the spread between groups.
    """

    scale: float
    mean: Floats
    groups: Floats
    tau: float


def shrink(groups: Sequence[GroupLikelihood], scale: float, conf_level: float = 0.95) -> Posterior:
    """Let the effects of groups borrow from each other.

    Parameters
    ----------
    groups : sequence of GroupLikelihood
        At least two.
    scale : float
        Of the half-normal prior on the spread between groups.
    conf_level : float
        Probability between the limits, equal tails outside.

    Returns
    -------
    Posterior
        Means, standard deviations and limits.

    References
    ----------
    Roever C (2020). J Stat Softw 93(6):1-51. Friede T, Roever C, Wandel S, Neuenschwander B (2017). Res Synth Methods
    8:79-91.

    Examples
    --------
    >>> posterior = shrink([NormalLikelihood(0.0, 0.3), NormalLikelihood(1.0, 0.3)], 0.5)
    >>> posterior.groups[:, 0].round(2).tolist(), round(float(posterior.mean[0]), 2)
    ([0.19, 0.81], 0.5)
    """
    nodes, weights = np.polynomial.legendre.leggauss(TAU_NODES)
    tau = TAU_REACH * scale * (nodes + 1) / 2
    prior = weights * np.exp(-0.5 * np.square(tau / scale))
    grid = _grid(groups, TAU_REACH * scale)
    marginal = np.array([_log_marginal(one, grid, tau) for one in groups])
    together = marginal.sum(axis=0)
    top = float(together.max())
    joint = prior[:, np.newaxis] * np.exp(together - top)
    shares = joint.sum(axis=1)
    effects = [
        one.log_at(grid)
        + _log(_blurred_sum(prior[:, np.newaxis] * np.exp(together - own - (together - own).max()), grid, tau))
        for one, own in zip(groups, marginal, strict=True)
    ]
    return Posterior(
        scale=scale,
        mean=frozen(_summarise(grid, joint.sum(axis=0), conf_level)),
        groups=frozen([_summarise(grid, np.exp(one - one.max()), conf_level) for one in effects]),
        tau=float(shares @ tau / shares.sum()),
    )


def _grid(groups: Sequence[GroupLikelihood], tau: float) -> Floats:
    """Lay out an even grid that reaches as far as anything is likely to be."""
    centre = np.array([one.estimate for one in groups])
    spread = np.array([one.std_error for one in groups])
    reach = 3 * tau
    low, high = float((centre - REACH * spread).min() - reach), float((centre + REACH * spread).max() + reach)
    points = int(min(np.ceil((high - low) / (spread.min() / STEPS)) + 1, MOST_POINTS))
    grid: Floats = np.linspace(low, high, points)
    return grid


def _log_marginal(group: GroupLikelihood, grid: Floats, tau: Floats) -> Floats:
    """Give log M at each spread and mean, shape (n_tau, n_grid), but for a constant."""
    if isinstance(group, NormalLikelihood):
        variance = (group.std_error**2 + np.square(tau))[:, np.newaxis]
        normal: Floats = -0.5 * (np.square(grid - group.estimate) / variance + np.log(variance))
        return normal
    likelihood = np.exp(group.log_at(grid))
    return _log(_blur(np.broadcast_to(likelihood, (tau.size, grid.size)), grid, tau))


def _blur(rows: Floats, grid: Floats, tau: Floats) -> Floats:
    """Blur each row by a normal curve with its own standard deviation."""
    # Beyond the grid stand zeros, so that nothing comes round from the other end.
    length = 2 ** int(np.ceil(np.log2(2 * grid.size)))
    frequency = 2 * np.pi * np.fft.rfftfreq(length, d=float(grid[1] - grid[0]))
    kernel = np.exp(-0.5 * np.square(tau[:, np.newaxis] * frequency))
    blurred: Floats = np.fft.irfft(np.fft.rfft(rows, length, axis=1) * kernel, length, axis=1)[:, : grid.size]
    return np.maximum(blurred, 0.0)


def _blurred_sum(rows: Floats, grid: Floats, tau: Floats) -> Floats:
    total: Floats = _blur(rows, grid, tau).sum(axis=0)
    return total


def _log(values: Floats) -> Floats:
    """Take logarithms; what the transforms cannot tell from nothing counts as very little."""
    found: Floats = np.log(np.maximum(values, 1e-17 * float(values.max())))
    return found


def _summarise(grid: Floats, density: Floats, conf_level: float) -> list[float]:
    """Give mean, standard deviation and limits of a density on an even grid."""
    # Scipy takes half a second to load.
    from scipy.interpolate import CubicSpline

    share = density / density.sum()
    mean = float(share @ grid)
    spread = float(np.sqrt(share @ np.square(grid - mean)))
    curve = CubicSpline(grid, share / (grid[1] - grid[0]))
    cumulative = curve.antiderivative()
    total, tail = float(cumulative(grid[-1])), (1 - conf_level) / 2
    return [mean, spread, *(_quantile(cumulative, grid, probability * total) for probability in (tail, 1 - tail))]


def _quantile(cumulative: object, grid: Floats, level: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda at: float(cumulative(at)) - level, grid[0], grid[-1], xtol=1e-12))  # type: ignore[operator]


def common_effect(groups: Sequence[GroupLikelihood]) -> tuple[float, float]:
    """Estimate the one effect of all groups: the maximum of the product of their likelihoods.

    Parameters
    ----------
    groups : sequence of GroupLikelihood
        At least one.

    Returns
    -------
    tuple[float, float]
        Estimate and standard error; of normal curves, the mean weighted by inverse variances.

    Examples
    --------
    >>> common_effect([NormalLikelihood(0.0, 1.0), NormalLikelihood(1.0, 1.0)])[0]
    0.5
    """
    estimate = np.array([one.estimate for one in groups])
    weight = np.array([1 / one.std_error**2 for one in groups])
    centre, error = float(weight @ estimate / weight.sum()), float(1 / np.sqrt(weight.sum()))
    if all(isinstance(one, NormalLikelihood) for one in groups):
        return centre, error
    from scipy.optimize import minimize_scalar

    def height(at: float) -> float:
        return sum(float(one.log_at(np.array([at]))[0]) for one in groups)

    low, high = float(estimate.min() - error), float(estimate.max() + error)
    found = minimize_scalar(lambda at: -height(at), bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    top, step = float(found.x), 0.05 * error
    bend = (2 * height(top) - height(top - step) - height(top + step)) / step**2
    return top, float(1 / np.sqrt(bend))


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """How far the estimates of groups lie apart.

    Attributes
    ----------
    q, df, p_value : float, int, float
        Cochran's Q with its degrees of freedom and tail probability.
    i_squared : float
        Share of the variation beyond chance, ``max(0, (Q - df) / Q)``.
    tau_squared : float
        Variance between groups by restricted maximum likelihood.
    """

    q: float
    df: int
    p_value: float
    i_squared: float
    tau_squared: float


def heterogeneity(estimate: Floats, std_error: Floats) -> Heterogeneity:
    """Measure how far the estimates of groups lie apart.

    Parameters
    ----------
    estimate, std_error : ndarray, shape (k,)
        Estimates with their standard errors.

    Returns
    -------
    Heterogeneity
        Q, I squared, and the variance between groups.

    References
    ----------
    Cochran WG (1954). Biometrics 10:101-129. Higgins JPT, Thompson SG (2002). Stat Med 21:1539-1558. Viechtbauer W
    (2005). J Educ Behav Stat 30:261-293.

    Examples
    --------
    >>> found = heterogeneity(np.array([0.0, 1.0, 2.0]), np.full(3, 0.5))
    >>> found.q, found.df, round(found.i_squared, 3), round(found.tau_squared, 3)
    (8.0, 2, 0.75, 0.75)
    """
    weight = 1 / np.square(std_error)
    q = float(weight @ np.square(estimate - weight @ estimate / weight.sum()))
    df = estimate.size - 1
    return Heterogeneity(
        q, df, chi_squared_p(q, df), max(0.0, (q - df) / q) if q > 0 else 0.0, _reml(estimate, std_error)
    )


def _reml(estimate: Floats, std_error: Floats) -> float:
    """Maximise the restricted likelihood by Fisher's scoring, from the moment estimate on; never below 0."""
    variance = np.square(std_error)
    tau_squared = max(0.0, float(estimate.var(ddof=1) - variance.mean()))
    for _ in range(1000):
        weight = 1 / (variance + tau_squared)
        projection = np.diag(weight) - np.outer(weight, weight) / weight.sum()
        residual = projection @ estimate
        step = float((residual @ residual - np.trace(projection)) / np.sum(np.square(projection)))
        new = max(0.0, tau_squared + step)
        if abs(new - tau_squared) < 1e-14 + 1e-12 * tau_squared:
            return new
        tau_squared = new
    return tau_squared
