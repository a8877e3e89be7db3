"""Wilcoxon's signed-rank test, exact with ties, and the estimate of Hodges and Lehmann.

Differences of 0 say nothing about direction and are left out of the test; the others are ranked by size, equal sizes
with their mean rank. The p-value counts all ways of giving signs to these ranks, so that ties need no correction; above
200 differences the normal distribution with the variance of those ranks stands in. The estimate is the median of all
means of two differences; its limits are exact without ties, and careful with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

Floats = npt.NDArray[np.float64]
MOST = 200


@dataclass(frozen=True, slots=True)
class SignedRanks:
    """Signed-rank test and estimate.

    Attributes
    ----------
    statistic, p_value : float
        Sum of the ranks of differences above 0, and two-sided p-value.
    estimate, conf_low, conf_high : float
        Hodges-Lehmann estimate and limits; NaN where so few patients have none.
    n_zero : int
        Differences of 0.
    exact : bool
        Whether all signs were counted.
    """

    statistic: float
    p_value: float
    estimate: float
    conf_low: float
    conf_high: float
    n_zero: int
    exact: bool


def signed_rank_test(difference: Floats, conf_level: float = 0.95) -> SignedRanks:
    """Test whether differences are symmetric about 0.

    Parameters
    ----------
    difference : ndarray, shape (n,)
        One for each patient.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    SignedRanks
        Test and estimate.

    References
    ----------
    Hollander M, Wolfe DA, Chicken E (2014). Nonparametric Statistical Methods, 3rd ed. Wiley.

    Examples
    --------
    >>> signed_rank_test(np.array([1.0, 2.0, 3.0, 4.0, -0.5])).p_value
    0.125
    """
    moved = difference[difference != 0]
    ranks = rankdata(np.abs(moved))
    statistic = float(ranks[moved > 0].sum())
    exact = moved.size <= MOST
    if moved.size == 0:
        p_value = 1.0
    elif exact:
        doubled = np.rint(2 * ranks).astype(np.int64)
        ways = _distribution(doubled)
        below, above = ways[: int(2 * statistic) + 1].sum(), ways[int(2 * statistic) :].sum()
        p_value = float(min(1.0, 2 * min(below, above)))
    else:
        middle, spread = float(ranks.sum()) / 2, sqrt(float((ranks**2).sum()) / 4)
        p_value = float(2 * norm.sf(max(abs(statistic - middle) - 0.5, 0.0) / spread))
    estimate, low, high = _hodges_lehmann(difference, conf_level)
    return SignedRanks(statistic, min(1.0, p_value), estimate, low, high, int(difference.size - moved.size), exact)


def _distribution(weights: npt.NDArray[np.int64]) -> Floats:
    """Compute the probability of each sum of weights that are in or out with one half."""
    chance = np.zeros(int(weights.sum()) + 1)
    chance[0] = 1.0
    for weight in weights:
        moved = np.zeros_like(chance)
        moved[weight:] = chance[: chance.size - weight]
        chance = (chance + moved) / 2
    return chance


def _hodges_lehmann(difference: Floats, conf_level: float) -> tuple[float, float, float]:
    row, column = np.triu_indices(difference.size)
    means = np.sort((difference[row] + difference[column]) / 2)
    estimate, tail, n = float(np.median(means)), (1 - conf_level) / 2, difference.size
    if n <= MOST:
        total = np.cumsum(_distribution(np.arange(1, n + 1, dtype=np.int64)))
        skip = int(np.searchsorted(total, tail * (1 + 1e-12), side="left"))
        if total[0] > tail:
            return estimate, float("nan"), float("nan")
    else:
        middle, spread = n * (n + 1) / 4, sqrt(n * (n + 1) * (2 * n + 1) / 24)
        skip = int(np.floor(middle + float(norm.ppf(tail)) * spread))
    skip = max(skip, 1)
    return estimate, float(means[skip - 1]), float(means[means.size - skip])
