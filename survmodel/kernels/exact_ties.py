r"""Cox's partial likelihood for times that are truly discrete: the exact treatment of ties.

At an event time with *d* deaths among the rows at risk *R*, the deaths are compared with every set of *d* rows of the
risk set,

.. math::
    \ell(u) = \sum_{i \in D} \eta_i - \log e_d, \qquad e_d = \sum_{S \subset R, |S| = d} \prod_{i \in S} \theta_i,
    \qquad \theta_i = e^{\eta_i} .

The sum over sets is not written out: rows are taken in one after the other, and a set of *k* rows either holds the new
row or does not (Gail, Lubin and Rubinstein 1981),

.. math::
    e_k \leftarrow e_k + \theta_i e_{k-1}, \quad
    g_k \leftarrow g_k + \theta_i (g_{k-1} + x_i e_{k-1}), \quad
    h_k \leftarrow h_k + \theta_i (h_{k-1} + g_{k-1} x_i' + x_i g_{k-1}' + x_i x_i' e_{k-1}) ,

*g* and *h* being the first and second derivatives. The score gains :math:`\sum_D x_i - g_d / e_d`, the information
:math:`h_d / e_d - (g_d / e_d)(g_d / e_d)'`. Work grows with rows at risk times deaths at every event time. All
:math:`\theta_i` are divided by the *d*-th part of their sum, so that :math:`e_d` stays within floats.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.risk_sets import RiskSets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@kernel(reorder_sums=True)
def exact_likelihood(features: Floats, eta: Floats, sets: RiskSets, score: Floats, information: Floats) -> float:
    """Write score (p,) and information (p, p) of the exact partial likelihood; return its logarithm.

    Parameters
    ----------
    features : ndarray, shape (n, p)
        Covariates in sorted order, one row for each row.
    eta : ndarray, shape (n,)
        Linear predictor in sorted order.
    sets : ndarray of int64
        The layout of :class:`~survmodel.kernels.risk_sets.RiskSets`.
    score, information : ndarray
        Overwritten.

    Returns
    -------
    float
        Log partial likelihood.
    """
    n, p = features.shape
    score[:] = 0.0
    information[:] = 0.0
    place = np.empty(sets.entry_order.shape[0], np.int64)
    for k in range(sets.entry_order.shape[0]):
        place[sets.entry_order[k]] = k
    inside = np.ones(n, np.bool_)
    loglik = 0.0
    for stratum in range(sets.row_bounds.shape[0] - 1):
        end = sets.row_bounds[stratum + 1]
        for u in range(sets.time_bounds[stratum], sets.time_bounds[stratum + 1]):
            first, after = sets.first_death[u], sets.after_deaths[u]
            if place.shape[0] > 0:
                for i in range(first, end):
                    inside[i] = place[i] < sets.first_late[u]
            loglik += _one_time(features, eta, inside, first, after, end, score, information)
    for j in range(p):
        for k in range(j):
            information[k, j] = information[j, k]
    return loglik


@kernel(reorder_sums=True)
def _one_time(
    features: Floats,
    eta: Floats,
    inside: Bools,
    first: int,
    after: int,
    end: int,
    score: Floats,
    information: Floats,
) -> float:
    """Add one event time, its deaths the rows `first` to `after`, its risk set those marked up to `end`."""
    p, d = features.shape[1], after - first
    largest, total = -np.inf, 0.0
    for i in range(first, end):
        if inside[i]:
            largest = max(largest, eta[i])
    for i in range(first, end):
        if inside[i]:
            total += math.exp(eta[i] - largest)
    unit = total / d
    e, g, h = np.zeros(d + 1), np.zeros((d + 1, p)), np.zeros((d + 1, p, p))
    e[0] = 1.0
    taken = 0
    for i in range(first, end):
        if not inside[i]:
            continue
        theta = math.exp(eta[i] - largest) / unit
        x = features[i]
        taken += 1
        for k in range(min(taken, d), 0, -1):
            for j in range(p):
                mixed = theta * (g[k - 1, j] + x[j] * e[k - 1])
                for m in range(j + 1):
                    h[k, j, m] += theta * (h[k - 1, j, m] + g[k - 1, m] * x[j]) + mixed * x[m]
            for j in range(p):
                g[k, j] += theta * (g[k - 1, j] + x[j] * e[k - 1])
            e[k] += theta * e[k - 1]
    loglik = -math.log(e[d]) - d * (largest + math.log(unit))
    for i in range(first, after):
        loglik += eta[i]
        for j in range(p):
            score[j] += features[i, j]
    for j in range(p):
        mean = g[d, j] / e[d]
        score[j] -= mean
        for m in range(j + 1):
            information[j, m] += h[d, j, m] / e[d] - mean * g[d, m] / e[d]
    return loglik
