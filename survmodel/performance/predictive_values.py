r"""Predictive values of two tests in the same patients: the weighted generalised score test, and limits of their ratio.

The two values stand on different, overlapping patients: those whom each test calls positive (for the positive value).
With the pooled value p, n and m patients of each test, and the overlap's
:math:`C = (s(1-p)^2 + r p^2)/(n + m)` from its s patients with and r without the condition, the statistic is
:math:`(p_A - p_B)^2 / [(p(1-p) - 2C)(1/n + 1/m)]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, norm

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PredictiveValues:
    """Two predictive values compared.

    Attributes
    ----------
    values : tuple of (float, float)
        Of each test.
    statistic, p_value : float
        Weighted generalised score test, one degree of freedom; NaN where it has no variance.
    ratio, conf_low, conf_high : float
        Ratio of the values, first over second, and its limits; NaN where one is 0.
    """

    values: tuple[float, float]
    statistic: float
    p_value: float
    ratio: float
    conf_low: float
    conf_high: float


def compare_predictive_values(right: Bools, by_a: Bools, by_b: Bools, conf_level: float = 0.95) -> PredictiveValues:
    """Compare two predictive values.

    Parameters
    ----------
    right : ndarray of bool, shape (n,)
        With the condition for positive values, without it for negative ones.
    by_a, by_b : ndarray of bool, shape (n,)
        Whom each test calls so; each calls somebody so.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    PredictiveValues
        Values, test, ratio with limits.

    References
    ----------
    Kosinski AS (2013). Stat Med 32:964-977. Moskowitz CS, Pepe MS (2006). Clin Trials 3:272-279.

    Examples
    --------
    >>> right = np.array([1, 1, 1, 0, 1, 0, 0, 0], dtype=bool)
    >>> a, b = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]], dtype=bool)
    >>> compare_predictive_values(right, a, b).statistic
    2.0
    """
    n, m = int(by_a.sum()), int(by_b.sum())
    hits_a, hits_b = int((right & by_a).sum()), int((right & by_b).sum())
    value_a, value_b, pooled = hits_a / n, hits_b / m, (hits_a + hits_b) / (n + m)
    both = by_a & by_b
    overlap = ((right & both).sum() * (1 - pooled) ** 2 + (~right & both).sum() * pooled**2) / (n + m)
    variance = float(pooled * (1 - pooled) - 2 * overlap) * (1 / n + 1 / m)
    statistic = (value_a - value_b) ** 2 / variance if variance > 1e-12 else float("nan")
    ratio, low, high = float("nan"), float("nan"), float("nan")
    if hits_a and hits_b:
        ratio = value_a / value_b
        influence = by_a * (right - value_a) / hits_a - by_b * (right - value_b) / hits_b
        reach = float(norm.ppf((1 + conf_level) / 2)) * sqrt(float((influence**2).sum()))
        low, high = exp(log(ratio) - reach), exp(log(ratio) + reach)
    return PredictiveValues((value_a, value_b), statistic, float(chi2.sf(statistic, 1)), ratio, low, high)
