r"""The Aalen-Johansen estimator of cumulative incidence, with its infinitesimal-jackknife variance.

With :math:`d_k(u)` events of cause *k* among :math:`Y(u)` rows at risk and the event-free probability *S* of Kaplan and
Meier for events of any kind,

.. math:: F_k(t) = \sum_{u \le t} S(u-) \frac{d_k(u)}{Y(u)}, \qquad g(u) = S(u-)\frac{d_k(u)}{Y(u)}.

The variance is the sum over patients of the squared influence of their weight. With
:math:`Q(t) = \sum_{v \le t} d(v) / (Y(v)(Y(v) - d(v)))`, a row at risk on :math:`(e_i, t_i]` changes :math:`\log S(u-)`
by :math:`Q(u-) - Q(e_i)` while it is at risk, and by :math:`q_i = Q(t_i) - Q(e_i) - 1[i \text{ has any
event}]/(Y(t_i) - d(t_i))` afterwards, so that with :math:`m = t \wedge t_i`

.. math::
    \frac{\partial F_k(t)}{\partial w_i} = \sum_{e_i < u \le m} g(u)\,[Q(u-) - Q(e_i)] + [F_k(t) - F_k(m)]\,q_i
    + \frac{S(t_i-)}{Y(t_i)} 1[i \text{ has cause } k,\ t_i \le t] - \sum_{e_i < u \le m} \frac{g(u)}{Y(u)}.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Incidence(NamedTuple):
    """Cumulative incidence of one cause at the distinct exit times, all of shape (n_times,).

    Attributes
    ----------
    estimate : ndarray
        F_k(t) just after the time.
    variance : ndarray
        Infinitesimal-jackknife variance of F_k(t).
    """

    estimate: Floats
    variance: Floats


@kernel()
def aalen_johansen(
    at_risk: Floats, any_event: Floats, survival: Floats, cause_events: Floats, leaves: Ints, enters: Ints,
    has_event: npt.NDArray[np.bool_], has_cause: npt.NDArray[np.bool_], cluster: Ints,
) -> Incidence:  # fmt: skip
    """Estimate the cumulative incidence of one cause in one group.

    Parameters
    ----------
    at_risk, any_event, survival, cause_events : ndarray, shape (n_times,)
        At the distinct exit times, ascending: rows at risk just before, events of any kind, event-free probability just
        after, and events of the cause.
    leaves, enters : ndarray of int64, shape (n,)
        For each row, the place of its exit time, and the place of the last distinct time at or before its entry, -1
        when there is none. Rows of one cluster stand together.
    has_event, has_cause : ndarray of bool, shape (n,)
        Whether the row ends with an event of any kind, and with the cause.
    cluster : ndarray of int64, shape (n,)
        Patient of each row, ascending.

    Returns
    -------
    Incidence
        Estimate and variance.
    """
    n_times = at_risk.shape[0]
    increment = np.zeros(n_times)
    incidence = np.zeros(n_times)
    before_any = np.zeros(n_times)
    upto_q = np.zeros(n_times)
    with_q = np.zeros(n_times)
    over_risk = np.zeros(n_times)
    before, q, total, h, b = 1.0, 0.0, 0.0, 0.0, 0.0
    for j in range(n_times):
        before_any[j] = before
        increment[j] = before * cause_events[j] / at_risk[j]
        total += increment[j]
        h += increment[j] * q
        b += increment[j] / at_risk[j]
        left = at_risk[j] - any_event[j]
        if any_event[j] > 0.0 and left > 1e-12 * at_risk[j]:
            q += any_event[j] / (at_risk[j] * left)
        incidence[j], with_q[j], over_risk[j], upto_q[j] = total, h, b, q
        before = survival[j]
    variance = np.zeros(n_times)
    influence = np.zeros(n_times)
    n = leaves.shape[0]
    for i in range(n):
        first, last = enters[i], leaves[i]
        q0, f0, h0, b0 = 0.0, 0.0, 0.0, 0.0
        if first >= 0:
            q0, f0, h0, b0 = upto_q[first], incidence[first], with_q[first], over_risk[first]
        after = upto_q[last] - q0
        left = at_risk[last] - any_event[last]
        if has_event[i] and left > 1e-12 * at_risk[last]:
            after -= 1.0 / left
        jump = before_any[last] / at_risk[last] if has_cause[i] else 0.0
        for j in range(first + 1, n_times):
            m = min(j, last)
            value = with_q[m] - h0 - q0 * (incidence[m] - f0) - (over_risk[m] - b0)
            if j >= last:
                value += (incidence[j] - incidence[last]) * after + jump
            influence[j] += value
        if i == n - 1 or cluster[i + 1] != cluster[i]:
            for j in range(n_times):
                variance[j] += influence[j] * influence[j]
                influence[j] = 0.0
    return Incidence(incidence, variance)
