r"""Tail probabilities and quantiles of the normal and the chi-squared distribution.

They come from the survival function, never from one minus the distribution function, so that a p-value of 1e-45 is
not 0. The normal tail is the complementary error function. The chi-squared tail with whole degrees of freedom is the
finite sum

.. math:: Q_{k+2}(x) = Q_k(x) + \frac{(x/2)^{k/2} e^{-x/2}}{\Gamma(k/2 + 1)}, \qquad
   Q_1(x) = \operatorname{erfc}\sqrt{x/2}, \quad Q_2(x) = e^{-x/2},

whose terms are all positive. Other degrees of freedom, those of penalised fits, go to scipy, which takes half a
second to load and is therefore not loaded for everybody.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_STANDARD_NORMAL = NormalDist()


def two_sided_p(z: npt.ArrayLike) -> Floats:
    """Give the two-sided p-values of normal statistics.

    Parameters
    ----------
    z : array_like
        Statistics.

    Returns
    -------
    ndarray, shape of z
        Probabilities; NaN stays NaN.

    Examples
    --------
    >>> two_sided_p([0.0, 1.959963984540054]).round(12).tolist()
    [1.0, 0.05]
    """
    values = np.asarray(z, dtype=np.float64)
    tails = [math.erfc(abs(value) / math.sqrt(2)) for value in values.ravel()]
    return np.array(tails, dtype=np.float64).reshape(values.shape)


def normal_quantile(conf_level: float) -> float:
    """Give the normal quantile of two-sided limits.

    Parameters
    ----------
    conf_level : float
        Coverage, between 0 and 1.

    Returns
    -------
    float
        For example 1.96 for 0.95.

    Examples
    --------
    >>> round(normal_quantile(0.95), 6)
    1.959964
    """
    return -_STANDARD_NORMAL.inv_cdf((1 - conf_level) / 2)


def chi_squared_p(statistic: float, df: float) -> float:
    """Give the probability that a chi-squared variable exceeds a statistic.

    Parameters
    ----------
    statistic : float
        The statistic; a negative one, which rounding may leave, counts as 0.
    df : float
        Degrees of freedom.

    Returns
    -------
    float
        The probability; NaN for a missing statistic or without degrees of freedom.

    Examples
    --------
    >>> round(chi_squared_p(3.841458820694124, 1), 12)
    0.05
    >>> chi_squared_p(200, 1) < 1e-44
    True
    """
    if math.isnan(statistic) or not df > 0:
        return math.nan
    x = max(statistic, 0.0)
    if df != int(df):
        from scipy.special import chdtrc

        return float(chdtrc(df, x))
    half = x / 2
    k, tail = (2, math.exp(-half)) if df % 2 == 0 else (1, math.erfc(math.sqrt(half)))
    while k < df:
        if half > 0:
            tail += math.exp(k / 2 * math.log(half) - half - math.lgamma(k / 2 + 1))
        k += 2
    return min(tail, 1.0)
