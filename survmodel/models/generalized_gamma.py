r"""The standard generalized gamma law on the log time scale, with derivatives by its shape Q that hold at Q = 0 too.

In the parametrisation of Prentice (1974), :math:`w = (\log t - \mu) / \sigma` has the log density

.. math::
    \log f(w; Q) = -\tfrac12 \log 2\pi - R(Q^{-2}) - w^2 \varphi(Qw), \qquad \varphi(z) = (e^z - 1 - z) / z^2,

with *R* the remainder of Stirling's formula for :math:`\log\Gamma`. Q = 1 is Weibull's law, Q = 0 the lognormal, Q = -1
the inverse Weibull. Written so, nothing cancels near Q = 0. Incomplete gamma functions have no closed derivative by
their shape; here the tail and its derivatives are integrals of the density, by Gauss-Legendre panels, to about 1e-13.

References
----------
Stacy EW (1962). Ann Math Stat 33:1187-1192. Prentice RL (1974). Biometrika 61:539-544.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammainccinv, gammaincinv, gammaln, ndtri, polygamma, psi

from survmodel.models.jets import Jet

Floats = npt.NDArray[np.float64]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
#: Above this shape 1/Q^2 of the gamma law Stirling's remainder is taken from its series.
_SERIES_FROM = 30.0
#: Coefficients of 1/k, 1/k^3, ... in Stirling's remainder.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
#: The density is left out where it is below exp(-DEPTH) of that at the edge of the tail.
_DEPTH = 42.0
#: Panels of the integral, as shares of the tail: narrow at the edge, where the density turns.
_PANELS = (0.0, 0.02, 0.1, 0.35, 1.0)
_NODES = 28


def log_density(w: Floats, q: float) -> Jet:
    """Compute the log density and its derivatives.

    Parameters
    ----------
    w : ndarray
        Standardised log times.
    q : float
        Shape.

    Returns
    -------
    Jet
        Of the shape of `w`.
    """
    z = q * w
    phi, slope, curve = _phi(z)
    remainder, r1, r2 = _remainder(q)
    ratio = _expm1_ratio(z)
    # d/dz of (e^z - 1) / z
    ratio_slope = phi + z * slope
    return Jet(
        value=-_HALF_LOG_2PI - remainder - w**2 * phi,
        w=-w * ratio,
        ww=-np.exp(z),
        q=-r1 - w**3 * slope,
        wq=-(w**2) * ratio_slope,
        qq=-r2 - w**4 * curve,
    )


def log_survival(w: Floats, q: float) -> Jet:
    """Compute the log survival probability and its derivatives.

    Parameters
    ----------
    w : ndarray, shape (n,)
        Standardised log times, finite.
    q : float
        Shape.

    Returns
    -------
    Jet
        Each entry of shape (n,).
    """
    density = log_density(w, q)
    upper = w >= 0
    size, first, second = _tail(w, q, np.where(upper, 1.0, -1.0), density.value)
    with np.errstate(all="ignore"):
        mass = np.exp(density.value) * size
        survival = np.where(upper, mass, 1 - mass)
        value = np.where(upper, density.value + np.log(size), np.log1p(-mass))
        # first, second: derivatives of the integral by Q, relative to the integral
        share = np.where(upper, 1.0, -mass / survival)
        by_q = share * first
        by_qq = share * second - by_q**2
        hazard = np.where(upper, 1 / size, np.exp(density.value) / survival)
    return Jet(
        value=value,
        w=-hazard,
        ww=-hazard * (density.w + hazard),
        q=by_q,
        wq=-hazard * (density.q - by_q),
        qq=by_qq,
    )


def quantile(p: Floats, q: float) -> Floats:
    """Find the standardised log time by which a share has had the event.

    Parameters
    ----------
    p : ndarray
        Shares between 0 and 1.
    q : float
        Shape.

    Returns
    -------
    ndarray
        Of the shape of `p`.
    """
    if abs(q) < 1e-6:
        normal: Floats = ndtri(p)
        return normal
    k = 1 / q**2
    gamma = gammaincinv(k, p) if q > 0 else gammainccinv(k, p)
    found: Floats = np.log(gamma / k) / q
    return found


@cache
def _grid() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    edges = np.array(_PANELS)
    width = np.diff(edges)[:, np.newaxis]
    places = edges[:-1, np.newaxis] + width * (nodes + 1) / 2
    return places.ravel(), (width * weights / 2).ravel()


def _tail(w: Floats, q: float, side: Floats, edge: Floats) -> tuple[Floats, Floats, Floats]:
    """Integrate the density beyond w, relative to that at w; with its derivatives by Q relative to the integral."""
    places, weights = _grid()
    depth = _reach(w, q, side, edge)
    x = w[:, np.newaxis] + (side * depth)[:, np.newaxis] * places
    inside = log_density(x, q)
    with np.errstate(all="ignore"):
        mass = np.exp(inside.value - edge[:, np.newaxis]) * weights
        total = mass.sum(axis=1)
        first = (mass * inside.q).sum(axis=1) / total
        second = (mass * (inside.qq + inside.q**2)).sum(axis=1) / total
    return total * depth, first, second


def _reach(w: Floats, q: float, side: Floats, edge: Floats) -> Floats:
    """Find how far beyond w the density is of any size: it falls there, ever faster."""
    far = np.ones_like(w)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(60):
            short = _drop(w + side * far, q, edge) < _DEPTH
            if not short.any():
                break
            far = np.where(short, 2 * far, far)
        for _ in range(60):
            long = _drop(w + side * far / 2, q, edge) >= _DEPTH
            if not long.any():
                break
            far = np.where(long, far / 2, far)
        near = far / 2
        for _ in range(6):
            middle = (near + far) / 2
            short = _drop(w + side * middle, q, edge) < _DEPTH
            near, far = np.where(short, middle, near), np.where(short, far, middle)
    return far


def _drop(x: Floats, q: float, edge: Floats) -> Floats:
    phi = _phi(q * x)[0]
    drop: Floats = edge + _HALF_LOG_2PI + _remainder(q)[0] + x**2 * phi
    return np.where(np.isfinite(drop), drop, np.inf)


def _phi(z: Floats) -> tuple[Floats, Floats, Floats]:
    """Compute (e^z - 1 - z) / z^2 and its two derivatives."""
    near = np.abs(z) < 2
    a = np.where(near, z, 0.0)
    value, slope, curve = np.zeros_like(z), np.zeros_like(z), np.zeros_like(z)
    for power in range(26, -1, -1):
        # Horner's scheme for the value and both derivatives at once
        curve = curve * a + 2 * slope
        slope = slope * a + value
        value = value * a + 1 / math.factorial(power + 2)
    b = np.where(near, 1.0, z)
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(b)
        far = (e - 1 - b) / b**2
        far_slope = (e - 1 - 2 * b * far) / b**2
        far_curve = (e - 2 * far - 4 * b * far_slope) / b**2
    return np.where(near, value, far), np.where(near, slope, far_slope), np.where(near, curve, far_curve)


def _expm1_ratio(z: Floats) -> Floats:
    safe = np.where(z == 0, 1.0, z)
    with np.errstate(over="ignore"):
        ratio: Floats = np.where(z == 0, 1.0, np.expm1(safe) / safe)
    return ratio


@cache
def _remainder(q: float) -> tuple[float, float, float]:
    """Compute Stirling's remainder of log Gamma(1/Q^2) and its two derivatives by Q."""
    if q**2 * _SERIES_FROM <= 1:
        # a power 2(2j+1) of Q for the power 2j+1 of 1/k
        powers = [(2 * (2 * j + 1), c) for j, c in enumerate(_STIRLING)]
        value = sum(c * q**m for m, c in powers)
        return (
            value,
            sum(c * m * q ** (m - 1) for m, c in powers),
            sum(c * m * (m - 1) * q ** (m - 2) for m, c in powers),
        )
    k = 1 / q**2
    value = float(gammaln(k)) - (k - 0.5) * math.log(k) + k - _HALF_LOG_2PI
    by_k = float(psi(k)) - math.log(k) + 0.5 / k
    by_kk = float(polygamma(1, k)) - 1 / k - 0.5 / k**2
    k_q, k_qq = -2 / q**3, 6 / q**4
    return value, by_k * k_q, by_kk * k_q**2 + by_k * k_qq
