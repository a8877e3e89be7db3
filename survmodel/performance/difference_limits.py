r"""Limits of the difference of two shares of the same patients: Tango's by default, Newcombe's by option.

Of n patients, *b* are yes by the first reading only and *c* by the second only. Tango's limits are the differences
that the score test does not reject, with the share of c estimated under each of them; Newcombe's (method 10) join
the Wilson limits of the two shares, with their correlation corrected for continuity.
"""

from __future__ import annotations

from math import sqrt
from typing import Literal

from scipy.optimize import brentq
from scipy.stats import norm

from survmodel.performance.proportions import wilson_limits

DifferenceLimits = Literal["tango", "newcombe"]
#: How limits of a difference are computed, and what they are called.
DIFFERENCE_LIMITS = {"tango": "Tango", "newcombe": "Newcombe, method 10"}


def tango_limits(first: int, second: int, n: int, conf_level: float = 0.95) -> tuple[float, float]:
    """Compute Tango's score limits of a difference of paired shares.

    Parameters
    ----------
    first, second, n : int
        Patients who are yes by the first only, by the second only, and all.
    conf_level : float
        Coverage.

    Returns
    -------
    tuple of (float, float)
        Lower and upper limit of first minus second.

    References
    ----------
    Tango T (1998). Stat Med 17:891-908.

    Examples
    --------
    >>> tuple(round(limit, 4) for limit in tango_limits(4, 5, 41))
    (-0.1813, 0.1315)
    """
    z = float(norm.ppf((1 + conf_level) / 2))
    return -_upper_limit(second, first, n, z), _upper_limit(first, second, n, z)


def _upper_limit(first: int, second: int, n: int, z: float) -> float:
    """Find the largest difference that the score test does not reject."""
    estimate = (first - second) / n

    def beyond(delta: float) -> float:
        middle = (2 * n - first + second) * delta - first - second
        root = sqrt(max(middle**2 + 8 * n * second * delta * (1 - delta), 0.0))
        variance = n * (2 * (root - middle) / (4 * n) + delta * (1 - delta))
        return n * (delta - estimate) - z * sqrt(max(variance, 0.0))

    # At the estimate itself the variance may be 0, which would pass for a limit.
    start = estimate + 1e-10
    return 1.0 if start >= 1 else float(brentq(beyond, start, 1.0, xtol=1e-13))


def newcombe_limits(both: int, first: int, second: int, n: int, conf_level: float = 0.95) -> tuple[float, float]:
    """Compute Newcombe's limits of a difference of paired shares.

    Parameters
    ----------
    both, first, second, n : int
        Patients who are yes by both, by the first only, by the second only, and all.
    conf_level : float
        Coverage.

    Returns
    -------
    tuple of (float, float)
        Lower and upper limit of first minus second.

    References
    ----------
    Newcombe RG (1998). Stat Med 17:2635-2650.

    Examples
    --------
    >>> tuple(round(limit, 4) for limit in newcombe_limits(22, 4, 5, 41))
    (-0.1701, 0.123)
    """
    neither = n - both - first - second
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    together = both * neither - first * second
    together_corrected = max(together - n / 2, 0.0) if together > 0 else float(together)
    phi = together_corrected / sqrt(margins) if margins else 0.0
    share_a, share_b = (both + first) / n, (both + second) / n
    (low_a, high_a), (low_b, high_b) = (wilson_limits(both + one, n, conf_level) for one in (first, second))

    def reach(of_a: float, of_b: float) -> float:
        return sqrt(max(of_a**2 - 2 * phi * of_a * of_b + of_b**2, 0.0))

    difference = share_a - share_b
    return difference - reach(share_a - low_a, high_b - share_b), difference + reach(high_a - share_a, share_b - low_b)
