r"""What a node of a survival tree knows of its rows: event times, hazard, and the parts of a log-rank statistic.

Rows stand in order of time and count as often as they were drawn, :math:`c_i`. At the *k*-th event time of the node
:math:`d_k` of :math:`Y_k` rows have the event. Row *i* was at risk at the first :math:`\tau_i` of these times.

The Nelson-Aalen hazard of the node is :math:`H_k = \sum_{l \le k} d_l / Y_l`. The log-rank statistic of a set *L* of
rows, :math:`U^2 / V`, with :math:`Y^L_k` of its rows at risk, is a sum over its rows and one over times:

.. math::
    U = \sum_{i \in L} c_i (\delta_i - H_{\tau_i}), \qquad
    V = \sum_k v_k \frac{Y^L_k}{Y_k} \Bigl(1 - \frac{Y^L_k}{Y_k}\Bigr)
      = \sum_{i \in L} c_i A_{\tau_i} - \sum_k g_k (Y^L_k)^2,

where :math:`v_k = d_k (Y_k - d_k) / (Y_k - 1)` is the variance of a draw without replacement,
:math:`A_k = \sum_{l \le k} v_l / Y_l` and :math:`g_k = v_k / Y_k^2`. The summand of *U* is the row's martingale
residual within the node.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.random_words import Whole

Floats = npt.NDArray[np.float64]
Ints32 = npt.NDArray[np.int32]

#: Arrays over the times of a node are swept so many at a time; behind the last time there is room for one sweep.
SWEEP = 16


class NodeTimes(NamedTuple):
    """Event times of a node; arrays are made once for a tree, the first ``n_times`` entries hold.

    Attributes
    ----------
    place : ndarray of int32, shape (n_times,)
        Place of each among the event times of the cohort.
    hazard_step : ndarray, shape (n_times,)
        d / Y.
    hazard : ndarray, shape (n_times + 1,)
        H after the first 0, 1, ... times.
    spread : ndarray, shape (n_times + 1,)
        A after the first 0, 1, ... times.
    curb : ndarray, shape (n_times,)
        g.
    curb_sum : ndarray, shape (n_times + 1 + SWEEP,)
        Sum of g over the first 0, 1, ... times; the total stands behind the last.
    """

    place: Ints32
    hazard_step: Floats
    hazard: Floats
    spread: Floats
    curb: Floats
    curb_sum: Floats


class NodeRows(NamedTuple):
    """Rows of a node in order of time; arrays are made once for a tree, the first entries hold.

    Attributes
    ----------
    drawn : ndarray, shape (n_rows,)
        How often each was drawn.
    event : ndarray, shape (n_rows,)
        1 with the event.
    tau : ndarray of int32, shape (n_rows,)
        Event times of the node at which each was at risk.
    residual : ndarray, shape (n_rows,)
        Martingale residual.
    """

    drawn: Floats
    event: Floats
    tau: Ints32
    residual: Floats


def room_for_node(n_rows: int, n_times: int) -> tuple[NodeRows, NodeTimes]:
    """Make the arrays.

    Parameters
    ----------
    n_rows, n_times : int
        Most rows and event times of any node.

    Returns
    -------
    NodeRows, NodeTimes
        Without content.
    """
    rows = NodeRows(np.empty(n_rows), np.empty(n_rows), np.empty(n_rows, dtype=np.int32), np.empty(n_rows))
    times = NodeTimes(
        np.empty(n_times, dtype=np.int32),
        np.empty(n_times),
        np.empty(n_times + 1),
        np.empty(n_times + 1),
        np.empty(n_times),
        np.empty(n_times + 1 + SWEEP),
    )
    return rows, times


@kernel(allocates=False)
def describe_node(
    members: Ints32, place: Ints32, event: Floats, drawn: Ints32, rows: NodeRows, times: NodeTimes
) -> tuple[float, float, Whole]:
    """Find the event times of a node and where each of its rows stands among them.

    Parameters
    ----------
    members : ndarray of int32, shape (n_rows,)
        Rows of the node, in order of time.
    place : ndarray of int32, shape (n,)
        Place of each row's time among the event times of the cohort: that of an event is its own, that of another row
        is the last at which it was at risk, -1 where there is none.
    event : ndarray, shape (n,)
        1 with the event.
    drawn : ndarray of int32, shape (n,)
        How often each row was drawn.
    rows, times
        Written.

    Returns
    -------
    n, n_event : float
        Drawn rows and their events.
    n_times : int
        Event times of the node.
    """
    m = members.shape[0]
    n, n_event = 0.0, 0.0
    for i in range(m):
        rows.drawn[i] = drawn[members[i]]
        rows.event[i] = event[members[i]]
        n += rows.drawn[i]
        n_event += rows.drawn[i] * rows.event[i]
    at_risk, hazard, spread, curbs = n, 0.0, 0.0, 0.0
    times.hazard[0], times.spread[0], times.curb_sum[0] = 0.0, 0.0, 0.0
    k, first = 0, 0
    while first < m:
        here = place[members[first]]
        deaths, leaving, last = 0.0, 0.0, first
        while last < m and place[members[last]] == here:
            leaving += rows.drawn[last]
            deaths += rows.drawn[last] * rows.event[last]
            last += 1
        if deaths > 0.0:
            variance = deaths * (at_risk - deaths) / (at_risk - 1.0) if at_risk > 1.0 else 0.0
            step, curb = deaths / at_risk, variance / (at_risk * at_risk)
            hazard += step
            spread += variance / at_risk
            curbs += curb
            times.place[k], times.hazard_step[k], times.curb[k] = here, step, curb
            k += 1
            times.hazard[k], times.spread[k], times.curb_sum[k] = hazard, spread, curbs
        for i in range(first, last):
            rows.tau[i] = k
            rows.residual[i] = rows.event[i] - hazard
        at_risk -= leaving
        first = last
    for behind in range(SWEEP):
        times.curb_sum[k + 1 + behind] = curbs
    return n, n_event, k
