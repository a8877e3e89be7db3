r"""The product-limit estimator of Kaplan and Meier with Greenwood's variance.

With :math:`d(u)` events among :math:`Y(u)` rows at risk (weights counted),

.. math::
    S(t) = \prod_{u \le t} \Bigl(1 - \frac{d(u)}{Y(u)}\Bigr), \qquad
    Q(t) = \sum_{u \le t} \frac{d(u)}{Y(u)\,(Y(u) - d(u))}, \qquad
    \operatorname{se} S(t) = S(t)\sqrt{Q(t)}.

Sampling weights have no Greenwood variance; theirs is the infinitesimal jackknife,
:math:`\sum_i w_i^2 (\partial \log S(t) / \partial w_i)^2`, where

.. math:: \frac{\partial \log S(t)}{\partial w_i} = Q(t \wedge t_i) - Q(t \wedge e_i) - \frac{1[t_i \le t,\ i \text{
dies}]}{Y(t_i) - d(t_i)}.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel

Floats = npt.NDArray[np.float64]


class ProductLimit(NamedTuple):
    """One curve, a row for each distinct exit time, all of shape (n_times,).

    Attributes
    ----------
    time : ndarray
        Distinct exit times, ascending.
    n_risk, n_event, n_censor : ndarray
        Sums of weights: at risk just before the time, events at it, censorings at it.
    survival : ndarray
        S(t) just after the time.
    greenwood : ndarray
        Q(t), the variance of log S(t); infinite once S(t) = 0.
    hazard, hazard_variance : ndarray
        Nelson-Aalen sum of d/Y and its variance, the sum of d/Y squared.
    """

    time: Floats
    n_risk: Floats
    n_event: Floats
    n_censor: Floats
    survival: Floats
    greenwood: Floats
    hazard: Floats
    hazard_variance: Floats


@kernel()
def product_limit(
    time: Floats, event: npt.NDArray[np.bool_], weight: Floats, entry: Floats, entry_weight: Floats
) -> ProductLimit:
    """Estimate the survival curve of one group.

    Parameters
    ----------
    time, event, weight : ndarray, shape (n,)
        Exit times in ascending order, event marks and weights in the same order.
    entry, entry_weight : ndarray, shape (n,) or (0,)
        Entry times in ascending order of their own, with the weights of those rows; empty when nobody enters late.

    Returns
    -------
    ProductLimit
        The curve at its distinct exit times.
    """
    n = time.shape[0]
    columns = np.zeros((8, n))
    not_left = weight.sum()
    not_entered = entry_weight.sum()
    survival, greenwood, hazard, variance = 1.0, 0.0, 0.0, 0.0
    row, entered, k = 0, 0, 0
    while row < n:
        now = time[row]
        while entered < entry.shape[0] and entry[entered] < now:
            not_entered -= entry_weight[entered]
            entered += 1
        if entered == entry.shape[0]:
            not_entered = 0.0
        at_risk = not_left - not_entered
        deaths, censored = 0.0, 0.0
        while row < n and time[row] == now:
            if event[row]:
                deaths += weight[row]
            else:
                censored += weight[row]
            row += 1
        if deaths > 0.0:
            survivors = max(at_risk - deaths, 0.0) if at_risk - deaths > 1e-12 * at_risk else 0.0
            survival *= survivors / at_risk
            greenwood += deaths / (at_risk * survivors)
            hazard += deaths / at_risk
            variance += deaths / (at_risk * at_risk)
        columns[0, k] = now
        columns[1, k] = at_risk
        columns[2, k] = deaths
        columns[3, k] = censored
        columns[4, k] = survival
        columns[5, k] = greenwood
        columns[6, k] = hazard
        columns[7, k] = variance
        k += 1
        not_left -= deaths + censored
    c = columns[:, :k].copy()
    return ProductLimit(c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7])


@kernel()
def jackknife_variance(
    curve: ProductLimit, time: Floats, event: npt.NDArray[np.bool_], weight: Floats, entry: Floats
) -> Floats:
    """Infinitesimal-jackknife variance of log S(t) at the times of a curve.

    Parameters
    ----------
    curve : ProductLimit
        The curve of these rows.
    time, event, weight, entry : ndarray, shape (n,)
        Exit times, event marks, weights and entry times of the rows, in any order; entry is minus infinity for a row
        under observation from the start.

    Returns
    -------
    ndarray, shape (n_times,)
        Sum over rows of squared weighted influences.
    """
    n_times = curve.time.shape[0]
    # A row under observation adds w^2 (Q(t) - q)^2 with q = Q(entry): a quadratic in Q(t), kept as three running sums
    # that change where a row enters and leaves. A row that has left adds a constant.
    changes = np.zeros((4, n_times + 1))
    for i in range(time.shape[0]):
        enters = np.searchsorted(curve.time, entry[i], side="right")
        leaves = np.searchsorted(curve.time, time[i])
        q = curve.greenwood[enters - 1] if enters > 0 else 0.0
        square = weight[i] * weight[i]
        for power in range(3):
            part = square * q**power
            changes[power, enters] += part
            changes[power, leaves] -= part
        own = 1.0 / (curve.n_risk[leaves] - curve.n_event[leaves]) if event[i] else 0.0
        changes[3, leaves] += square * (curve.greenwood[leaves] - q - own) ** 2
    variance = np.empty(n_times)
    total = np.zeros(4)
    for k in range(n_times):
        for part in range(4):
            total[part] += changes[part, k]
        q = curve.greenwood[k]
        variance[k] = total[3] + total[0] * q * q - 2.0 * total[1] * q + total[2]
    return variance


def censoring_curve(
    time: Floats, event: npt.NDArray[np.bool_], entry: Floats | None = None
) -> tuple[Floats, ProductLimit]:
    """Estimate the curve of censoring, G, in which deaths leave before the censorings of the same time.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Exit times in any order.
    event : ndarray of bool, shape (n,)
        True for events, which censor the censoring.
    entry : ndarray, shape (n,), optional
        Entry times.

    Returns
    -------
    times : ndarray, shape (n_times,)
        Distinct times at which somebody is censored.
    curve : ProductLimit
        G at those times, its ``time`` column being positions and not times.
    """
    values = np.unique(time)
    # Positions 2k for the deaths and 2k + 1 for the censorings of the k-th time put the deaths first.
    place = np.asarray(2 * np.searchsorted(values, time) + ~event, dtype=np.float64)
    order = np.argsort(place, kind="stable")
    starts = np.empty(0)
    if entry is not None:
        starts = np.sort(2.0 * np.searchsorted(values, entry, side="right") - 0.5)
    curve = product_limit(place[order], ~event[order], np.ones(time.size), starts, np.ones(starts.size))
    kept = curve.time % 2 == 1
    times = values[(curve.time[kept] // 2).astype(np.int64)]
    return times, ProductLimit(*(column[kept] for column in curve))
