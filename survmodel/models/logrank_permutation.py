"""The log-rank test by permutation: for so few events that its chi-squared distribution cannot be trusted.

Groups are drawn anew among the patients of each stratum, and the whole statistic, its variance included, is computed
for each draw. The statistic then has the right size also where groups are censored differently (Neuhaus 1993). The
observed arrangement counts as one of the draws, so that p is never 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from survmodel.kernels.logrank import permuted_sums
from survmodel.kernels.risk_sets import RiskSets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Statistic = Callable[[Floats, Floats], float]

#: Below so many events a permutation p-value is given beside that of the chi-squared distribution.
FEW_EVENTS = 20
#: Draws that are held in memory together.
DRAWS_AT_ONCE = 1000


def permutation_p(
    codes: Ints,
    n_groups: int,
    sets: RiskSets,
    weights: tuple[int, float, float],
    statistic: Statistic,
    permutations: int,
    seed: int,
) -> float:
    """Compute the share of draws whose statistic is at least the observed one.

    Parameters
    ----------
    codes : ndarray of int64, shape (n,)
        Groups in sorted order.
    n_groups : int
        Their number.
    sets : RiskSets
        Order, event times and strata.
    weights : tuple of int, float, float
        Family and powers of the weights.
    statistic : callable
        From observed minus expected (k,) and its covariance (k, k) to chi-squared.
    permutations : int
        Draws.
    seed : int
        Seed of the draws; they do not depend on how the rows were sorted.

    Returns
    -------
    float
        Above 0 and at most 1.

    References
    ----------
    Neuhaus G (1993). Ann Stat 21:1760-1779. Phipson B, Smyth GK (2010). Stat Appl Genet Mol Biol 9:39.
    """
    rng = np.random.default_rng(seed)
    # Groups of a stratum in one order, whatever that of the rows: the draws are then the same.
    start = codes.copy()
    bounds = list(zip(sets.row_bounds[:-1], sets.row_bounds[1:], strict=True))
    for begin, end in bounds:
        start[begin:end].sort()
    family, rho, gamma = weights
    difference, covariance = permuted_sums(codes[np.newaxis], n_groups, sets, family, rho, gamma)
    observed = statistic(difference[0], covariance[0])
    as_large = 0
    for done in range(0, permutations, DRAWS_AT_ONCE):
        drawn = np.tile(start, (min(DRAWS_AT_ONCE, permutations - done), 1))
        for begin, end in bounds:
            drawn[:, begin:end] = rng.permuted(drawn[:, begin:end], axis=1)
        difference, covariance = permuted_sums(drawn, n_groups, sets, family, rho, gamma)
        found = np.array([statistic(d, v) for d, v in zip(difference, covariance, strict=True)])
        # Equal arrangements may differ by rounding.
        as_large += int((found >= observed * (1 - 1e-9)).sum())
    return (1 + as_large) / (1 + permutations)
