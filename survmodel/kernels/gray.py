r"""Sums of Gray's test of whether groups share one cumulative incidence of a cause.

In one stratum, group *k* has :math:`Y_k` rows at risk at time *u*, the event-free probability :math:`S_k` of Kaplan and
Meier (any event) and the incidence :math:`F_k` of the cause. With :math:`h_k = Y_k / S_k(u-)`, :math:`h = \sum_k h_k`
and :math:`R_k = h_k (1 - F_k(u-))`, the incidence that all groups would share is :math:`F = \sum_u d_1 / h`, and
with the weight :math:`W = (1 - F(u-))^\rho` the score of a group is

.. math:: z_k = \sum_u W \Bigl(d_{1k} - d_1 \frac{R_k}{\sum_j R_j}\Bigr).

Its covariance comes from the martingales of both kinds of event. Let :math:`a_{ik} = W h_i (1[i = k] - h_k / h)` and
:math:`c_{ik}(u) = \sum_{v \le u} a_{ik} d_1 / (h (1 - F(v-)))`. An event of the cause in group *k* enters with
:math:`b = 1 - (1 - F(u)) / S_k(u)` (1 where :math:`S_k = 0`) and variance :math:`S_k(u-) d_1 / (h Y_k)`, one of another
cause with :math:`b = -(1 - F(u)) / S_k(u)` and variance :math:`S_k(u-)^2 d_{2k} / Y_k^2`; each adds

.. math:: (a_{ik} 1[\text{the cause}] - b\, c_{ik}(u) + b\, c_{ik}(\infty))\;
          (a_{jk} 1[\text{the cause}] - b\, c_{jk}(u) + b\, c_{jk}(\infty))

times its variance. Tied events shrink the variances as in the hypergeometric distribution. Scores and covariances add
up over strata (Gray 1988).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class GraySums(NamedTuple):
    """Sums over event times and strata.

    Attributes
    ----------
    observed, expected : ndarray, shape (n_groups,)
        Weighted events of the cause, and how many one shared incidence makes of them.
    covariance : ndarray, shape (n_groups, n_groups)
        Covariance of observed minus expected.
    """

    observed: Floats
    expected: Floats
    covariance: Floats


@kernel()
def gray_sums(time: Floats, kind: Ints, group: Ints, row_bounds: Ints, n_groups: int, rho: float) -> GraySums:
    """Sum the scores of the groups and their covariance.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Exit times, ascending within each stratum.
    kind : ndarray of int64, shape (n,)
        0 censored, 1 the cause, 2 any other cause.
    group : ndarray of int64, shape (n,)
        Group codes 0 .. n_groups - 1.
    row_bounds : ndarray of int64, shape (n_strata + 1,)
        Positions where strata begin and end.
    n_groups : int
        Number of groups.
    rho : float
        Power of the weight.

    Returns
    -------
    GraySums
        Observed, expected, covariance.
    """
    observed, expected = np.zeros(n_groups), np.zeros(n_groups)
    covariance = np.zeros((n_groups, n_groups))
    counts = np.zeros((3, n_groups))
    a = np.zeros((n_groups, n_groups))
    for stratum in range(row_bounds.shape[0] - 1):
        begin, end = row_bounds[stratum], row_bounds[stratum + 1]
        at_risk = np.zeros(n_groups)
        for row in range(begin, end):
            at_risk[group[row]] += 1.0
        before, after = np.ones(n_groups), np.ones(n_groups)
        had, has = np.zeros(n_groups), np.zeros(n_groups)
        c = np.zeros((n_groups, n_groups))
        squares = np.zeros(n_groups)
        crossed = np.zeros((n_groups, n_groups))
        shared_before, shared = 0.0, 0.0
        row = begin
        while row < end:
            counts[:] = 0.0
            now = time[row]
            while row < end and time[row] == now:
                counts[kind[row], group[row]] += 1.0
                row += 1
            deaths, others = counts[1].sum(), counts[2].sum()
            if deaths + others > 0.0:
                total, free = 0.0, 0.0
                for k in range(n_groups):
                    if at_risk[k] > 0.0:
                        after[k] = before[k] * (at_risk[k] - counts[1, k] - counts[2, k]) / at_risk[k]
                        has[k] = had[k] + before[k] * counts[1, k] / at_risk[k]
                        total += at_risk[k] / before[k]
                        free += at_risk[k] * (1.0 - had[k]) / before[k]
                shared = shared_before + deaths / total
                weight = (1.0 - shared_before) ** rho
            if deaths > 0.0:
                for i in range(n_groups):
                    share = at_risk[i] / before[i] if at_risk[i] > 0.0 else 0.0
                    observed[i] += weight * counts[1, i]
                    expected[i] += weight * deaths * share * (1.0 - had[i]) / free
                    for k in range(n_groups):
                        other = at_risk[k] / before[k] if at_risk[k] > 0.0 else 0.0
                        a[i, k] = weight * share * ((1.0 if i == k else 0.0) - other / total)
                        c[i, k] += a[i, k] * deaths / (total * (1.0 - shared_before))
                for k in range(n_groups):
                    if at_risk[k] > 0.0:
                        b = 1.0 - (1.0 - shared) / after[k] if after[k] > 0.0 else 1.0
                        tied = 1.0 - (deaths - 1.0) / (total * before[k] - 1.0) if deaths > 1.0 else 1.0
                        spread = tied * before[k] * deaths / (total * at_risk[k])
                        squares[k] += b * b * spread
                        for i in range(n_groups):
                            left = a[i, k] - b * c[i, k]
                            crossed[i, k] += left * b * spread
                            for j in range(n_groups):
                                covariance[i, j] += left * (a[j, k] - b * c[j, k]) * spread
            if others > 0.0:
                for k in range(n_groups):
                    if counts[2, k] > 0.0 and after[k] > 0.0:
                        b = (1.0 - shared) / after[k]
                        tied = 1.0 - (counts[2, k] - 1.0) / (at_risk[k] - 1.0) if counts[2, k] > 1.0 else 1.0
                        spread = tied * before[k] ** 2 * counts[2, k] / at_risk[k] ** 2
                        squares[k] += b * b * spread
                        for i in range(n_groups):
                            crossed[i, k] -= b * b * c[i, k] * spread
                            for j in range(n_groups):
                                covariance[i, j] += b * b * c[i, k] * c[j, k] * spread
            shared_before = shared
            for k in range(n_groups):
                had[k], before[k] = has[k], after[k]
                at_risk[k] -= counts[0, k] + counts[1, k] + counts[2, k]
        # What the final sums c add to every event that came before.
        for i in range(n_groups):
            for j in range(n_groups):
                for k in range(n_groups):
                    covariance[i, j] += (
                        c[i, k] * c[j, k] * squares[k] + c[i, k] * crossed[j, k] + c[j, k] * crossed[i, k]
                    )
    return GraySums(observed, expected, covariance)
