r"""Weighted log-rank sums for any number of groups and strata.

At an event time *u* of a stratum with *d* deaths among *r* at risk, of whom :math:`d_g` and :math:`r_g` are in group
*g*, the deaths are a draw without replacement from the risk set, so that

.. math::
    O_g - E_g = \sum_u w(u) \Bigl(d_g - d\,\frac{r_g}{r}\Bigr), \qquad
    V_{gh} = \sum_u w(u)^2\, d\,\frac{r - d}{r - 1}\,\frac{r_g}{r}\Bigl(1[g = h] - \frac{r_h}{r}\Bigr).

Weights *w(u)* are functions of the pooled curve of the stratum, known just before *u* except for the two Peto forms:
``S(u-)^rho (1 - S(u-))^gamma`` (Fleming-Harrington; rho alone is R's survdiff), ``r`` (Gehan), ``sqrt(r)``
(Tarone-Ware), and ``S~(u)`` (Peto-Peto) with :math:`\tilde S(u) = \prod_{v \le u} (1 - d/(r+1))`, times ``r/(r+1)``
(modified Peto).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.risk_sets import RiskSets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FLEMING_HARRINGTON, GEHAN, TARONE_WARE, PETO_PETO, MODIFIED_PETO = range(5)


@kernel()
def logrank_sums(
    group: Ints,
    n_groups: int,
    sets: RiskSets,
    family: int,
    rho: float,
    gamma: float,
) -> tuple[Floats, Floats, Floats]:
    """Sum observed and expected events and their covariance over event times and strata.

    Parameters
    ----------
    group : ndarray of int64, shape (n,)
        Group codes 0 .. n_groups - 1 in sorted order.
    n_groups : int
        Number of groups.
    sets : ndarray of int64
        The layout of :class:`~survmodel.kernels.risk_sets.RiskSets`.
    family : int
        One of the weight families of this module.
    rho, gamma : float
        Powers of the Fleming-Harrington family.

    Returns
    -------
    observed, expected : ndarray, shape (n_strata, n_groups)
        Weighted counts.
    covariance : ndarray, shape (n_groups, n_groups)
        Covariance of observed minus expected, summed over strata.
    """
    n_strata = sets.row_bounds.shape[0] - 1
    observed = np.zeros((n_strata, n_groups))
    expected = np.zeros((n_strata, n_groups))
    covariance = np.zeros((n_groups, n_groups))
    deaths = np.zeros(n_groups)
    for stratum in range(n_strata):
        survival, peto = 1.0, 1.0
        at_risk = np.zeros(n_groups)
        for row in range(sets.row_bounds[stratum], sets.row_bounds[stratum + 1]):
            at_risk[group[row]] += 1.0
        gone = sets.row_bounds[stratum]
        late = sets.row_bounds[stratum]
        if sets.entry_order.shape[0] > 0:
            for place in range(sets.row_bounds[stratum], sets.row_bounds[stratum + 1]):
                at_risk[group[sets.entry_order[place]]] -= 1.0
        for u in range(sets.time_bounds[stratum], sets.time_bounds[stratum + 1]):
            if sets.entry_order.shape[0] > 0:
                while late < sets.first_late[u]:
                    at_risk[group[sets.entry_order[late]]] += 1.0
                    late += 1
            while gone < sets.first_death[u]:
                at_risk[group[gone]] -= 1.0
                gone += 1
            for g in range(n_groups):
                deaths[g] = 0.0
            for row in range(sets.first_death[u], sets.after_deaths[u]):
                deaths[group[row]] += 1.0
            r = 0.0
            for g in range(n_groups):
                r += at_risk[g]
            d = float(sets.after_deaths[u] - sets.first_death[u])
            peto *= 1.0 - d / (r + 1.0)
            if family == FLEMING_HARRINGTON:
                w = survival**rho * (1.0 - survival) ** gamma
            elif family == GEHAN:
                w = r
            elif family == TARONE_WARE:
                w = np.sqrt(r)
            elif family == PETO_PETO:
                w = peto
            else:
                w = peto * r / (r + 1.0)
            survival *= 1.0 - d / r
            spread = w * w * d * (r - d) / (r - 1.0) if r > 1.0 else 0.0
            for g in range(n_groups):
                share = at_risk[g] / r
                observed[stratum, g] += w * deaths[g]
                expected[stratum, g] += w * d * share
                covariance[g, g] += spread * share
                for h in range(n_groups):
                    covariance[g, h] -= spread * share * at_risk[h] / r
    return observed, expected, covariance


@kernel()
def permuted_sums(
    groups: Ints, n_groups: int, sets: RiskSets, family: int, rho: float, gamma: float
) -> tuple[Floats, Floats]:
    """Sum observed minus expected events and their covariance for many arrangements of the groups.

    Parameters
    ----------
    groups : ndarray of int64, shape (n_arrangements, n)
        Group codes in sorted order, one arrangement a row.
    n_groups, sets, family, rho, gamma
        As for `logrank_sums`.

    Returns
    -------
    difference : ndarray, shape (n_arrangements, n_groups)
        Observed minus expected, summed over strata.
    covariance : ndarray, shape (n_arrangements, n_groups, n_groups)
        Its covariance.
    """
    n = groups.shape[0]
    difference = np.zeros((n, n_groups))
    covariance = np.zeros((n, n_groups, n_groups))
    for row in range(n):
        observed, expected, spread = logrank_sums(groups[row], n_groups, sets, family, rho, gamma)
        covariance[row] = spread
        for stratum in range(observed.shape[0]):
            for g in range(n_groups):
                difference[row, g] += observed[stratum, g] - expected[stratum, g]
    return difference, covariance
