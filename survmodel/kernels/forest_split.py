r"""The search for the best cut of one column in a node, by the exact log-rank statistic of :mod:`forest_node`.

Rows are taken in order of the column and moved to the left one after the other. *U* and the first sum of *V* grow by
the row's own terms. The second, :math:`\sum_k g_k (Y^L_k)^2`, grows by

.. math::
    c^2 G_\tau + 2 c\, P_\tau, \qquad P_k = \sum_{j \in L} c_j G_{\min(k, \tau_j)}, \qquad G_k = \sum_{l \le k} g_l,

since row *j* on the left shares the first :math:`\min(\tau, \tau_j)` times with it. In a node of some hundred event
times *P* is an array, brought up to date for four rows in one sweep that the processor does several numbers at a time;
what the rows that wait for it share is added one by one. In a larger node two Fenwick trees (1994), of the weights on
the left and of their :math:`c_j G_{\tau_j}`, give :math:`P_\tau` in steps that grow with the logarithm of the number of
times.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.forest_node import SWEEP, NodeRows, NodeTimes
from survmodel.kernels.random_words import Whole

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]

#: With more event times than this a node uses Fenwick trees.
FEW_TIMES = 500
#: Rows that wait for one sweep over the times.
WAITING = 4
#: With so few codes each cut is computed by itself, which needs no order of rows.
FEW_CODES = 4
#: Below so many rows plain insertion orders them fastest.
FEW_ROWS = 16
#: A variance at most this large is rounding error: the cut tells nothing.
NO_VARIANCE = 1e-9
#: The code of a missing value, which comes after all others.
MISSING = 65535


class SplitRoom(NamedTuple):
    """Arrays of the search, made once for a tree.

    Attributes
    ----------
    key, spare : ndarray of int64, shape (n_rows,)
        Code and row in one number, ordered and not.
    bucket : ndarray of int64, shape (n_rows + 1,)
        Where each bucket begins.
    shared : ndarray, shape (n_times + 1 + SWEEP,)
        P after 0, 1, ... times of the node.
    weight, shown : ndarray, shape (WAITING,)
        Rows on the left that P does not hold yet: how often each was drawn, and its G.
    weight_tree, shared_tree : ndarray, shape (n_times + 1,)
        Fenwick trees by number of times at risk.
    """

    key: Ints
    spare: Ints
    bucket: Ints
    shared: Floats
    weight: Floats
    shown: Floats
    weight_tree: Floats
    shared_tree: Floats


def room_for_split(n_rows: int, n_times: int) -> SplitRoom:
    """Make the arrays.

    Parameters
    ----------
    n_rows, n_times : int
        Most rows and event times of any node.

    Returns
    -------
    SplitRoom
        Without content.
    """
    return SplitRoom(
        np.empty(n_rows, dtype=np.int64),
        np.empty(n_rows, dtype=np.int64),
        np.empty(n_rows + 1, dtype=np.int64),
        np.empty(n_times + 1 + SWEEP),
        np.empty(WAITING),
        np.empty(WAITING),
        np.empty(n_times + 1),
        np.empty(n_times + 1),
    )


@kernel(allocates=False)
def _insert(key: Ints, m: Whole) -> None:
    """Order m keys that are nearly in order, or few."""
    for i in range(1, m):
        moved = key[i]
        j = i - 1
        while j >= 0 and key[j] > moved:
            key[j + 1] = key[j]
            j -= 1
        key[j + 1] = moved


@kernel(allocates=False)
def code_range(code: Ints32, m: Whole) -> tuple[Whole, Whole]:
    """Give the least and the largest of the first m codes."""
    lowest, highest = code[0], code[0]
    for i in range(m):
        lowest = min(lowest, code[i])
        highest = max(highest, code[i])
    return np.int64(lowest), np.int64(highest)


@kernel(allocates=False)
def next_code(code: Ints32, m: Whole, low: Whole, highest: Whole) -> Whole:
    """Give the least code above `low`; `highest` is the largest."""
    found = highest
    for i in range(m):
        if code[i] > low:
            found = min(found, np.int64(code[i]))
    return found


@kernel(allocates=False)
def order_by_code(code: Ints32, m: Whole, lowest: Whole, highest: Whole, room: SplitRoom) -> None:
    """Order the rows of a node by the code of a column; rows of one code stay in order of time.

    Parameters
    ----------
    code : ndarray of int32, shape (m,)
        Codes.
    m : int
        Rows of the node.
    lowest, highest : int
        Least and largest code.
    room : SplitRoom
        Written: ``key`` holds code * 2^32 + row in order.
    """
    if m <= FEW_ROWS:
        for i in range(m):
            room.key[i] = (np.int64(code[i]) << 32) | i
        _insert(room.key, m)
        return
    # Buckets of equal width, one for each code where these are no more than the rows, and insertion within them.
    span = highest - lowest + 1
    n_buckets = min(span, m)
    scale = np.float64(n_buckets) / np.float64(span)
    for k in range(n_buckets + 1):
        room.bucket[k] = 0
    for i in range(m):
        room.bucket[np.int64((code[i] - lowest) * scale) + 1] += 1
    for k in range(n_buckets):
        room.bucket[k + 1] += room.bucket[k]
    for i in range(m):
        own = np.int64((code[i] - lowest) * scale)
        room.key[room.bucket[own]] = (np.int64(code[i]) << 32) | i
        room.bucket[own] += 1
    if n_buckets < span:
        _insert(room.key, m)


@kernel(reorder_sums=True, allocates=False)
def _sweep(shared: Floats, curb_sum: Floats, count: Floats, shown: Floats) -> None:
    """Bring P up to date with the rows that wait: G rises, so that G at the smaller of two places is the smaller G."""
    count_0, count_1, count_2, count_3 = count[0], count[1], count[2], count[3]
    shown_0, shown_1, shown_2, shown_3 = shown[0], shown[1], shown[2], shown[3]
    for k in range(shared.shape[0]):
        here = curb_sum[k]
        shared[k] += (
            count_0 * min(here, shown_0)
            + count_1 * min(here, shown_1)
            + count_2 * min(here, shown_2)
            + count_3 * min(here, shown_3)
        )


@kernel(allocates=False)
def _share_with_waiting(room: SplitRoom, n_waiting: Whole, own: float) -> float:
    """Sum what a row shares with the rows that P does not hold yet."""
    total = 0.0
    for j in range(n_waiting):
        total += room.weight[j] * min(own, room.shown[j])
    return total


@kernel(allocates=False)
def _look_up(room: SplitRoom, shown: float, left: float, tau: Whole) -> float:
    """Give P after tau times from the trees; `left` is the weight on the left."""
    shorter, weighted = 0.0, 0.0
    while tau > 0:
        shorter += room.weight_tree[tau]
        weighted += room.shared_tree[tau]
        tau &= tau - 1
    return weighted + shown * (left - shorter)


@kernel(allocates=False)
def _plant(room: SplitRoom, n_times: Whole, tau: Whole, count: float, shown: float) -> None:
    """Bring the trees up to date with a row."""
    while tau <= n_times:
        room.weight_tree[tau] += count
        room.shared_tree[tau] += count * shown
        tau += tau & -tau


@kernel(allocates=False)
def best_cut(
    first_cut: Whole,
    m: Whole,
    rows: NodeRows,
    times: NodeTimes,
    n_times: Whole,
    totals: tuple[float, float],
    least: tuple[float, float],
    room: SplitRoom,
) -> tuple[float, Whole]:
    """Move the rows of a node to the left in the order of ``room.key``, and find the cut with the largest statistic.

    Parameters
    ----------
    first_cut : int
        Rows that stay together on the left: 0, or the number of missing values.
    m : int
        Rows of the node.
    rows, times, n_times
        The node.
    totals, least : tuple of float
        Drawn rows and events: of the node, and the least of each side.
    room : SplitRoom
        Its ``key`` is read.

    Returns
    -------
    statistic : float
        The largest U^2 / V; 0 where no cut is allowed.
    position : int
        How many rows of the order go left; 0 where no cut is allowed.
    """
    by_tree = n_times > FEW_TIMES
    whole_sweeps = (n_times // SWEEP + 1) * SWEEP
    shared, curb_sum = room.shared[:whole_sweeps], times.curb_sum[:whole_sweeps]
    if by_tree:
        room.weight_tree[: n_times + 1] = 0.0
        room.shared_tree[: n_times + 1] = 0.0
    else:
        shared[:] = 0.0
    # Rows that were at risk at no event time share none: `planted` is the weight of the others.
    score, variance, left, left_events, planted = 0.0, 0.0, 0.0, 0.0, 0.0
    n_waiting, best, position = 0, 0.0, 0
    for i in range(m - 1):
        row = room.key[i] & 0xFFFFFFFF
        count, tau = rows.drawn[row], np.int64(rows.tau[row])
        own = curb_sum[tau]
        if by_tree:
            with_left = _look_up(room, own, planted, tau)
            if tau > 0:
                _plant(room, n_times, tau, count, own)
                planted += count
        else:
            with_left = shared[tau] + _share_with_waiting(room, n_waiting, own)
            room.weight[n_waiting], room.shown[n_waiting] = count, own
            n_waiting += 1
            if n_waiting == WAITING:
                _sweep(shared, curb_sum, room.weight, room.shown)
                n_waiting = 0
        left += count
        left_events += count * rows.event[row]
        score += count * rows.residual[row]
        variance += count * times.spread[tau] - count * count * own - 2.0 * count * with_left
        if totals[0] - left < least[0] or totals[1] - left_events < least[1]:
            break
        ends = (room.key[i + 1] >> 32) != (room.key[i] >> 32) and i + 1 > first_cut
        allowed = ends and left >= least[0] and left_events >= least[1] and variance > NO_VARIANCE
        if allowed and score * score > best * variance:
            best, position = score * score / variance, i + 1
    return best, position


@kernel(allocates=False)
def cut_statistic(
    code: Ints32,
    cut: Whole,
    m: Whole,
    rows: NodeRows,
    times: NodeTimes,
    n_times: Whole,
    totals: tuple[float, float],
    least: tuple[float, float],
    room: SplitRoom,
) -> float:
    """Give the statistic of one cut: rows of a code up to `cut` go left.

    Parameters
    ----------
    code : ndarray of int32, shape (m,)
        Codes of the rows of the node.
    cut : int
        Largest code on the left.
    m, rows, times, n_times, totals, least
        As in :func:`best_cut`.
    room : SplitRoom
        Its ``shared`` is written: how many on the left were at risk at so many times.

    Returns
    -------
    float
        U^2 / V; 0 where the cut is not allowed.
    """
    last_at_risk = room.shared
    last_at_risk[: n_times + 1] = 0.0
    score, variance, left, left_events = 0.0, 0.0, 0.0, 0.0
    for i in range(m):
        if code[i] <= cut:
            left += rows.drawn[i]
            left_events += rows.drawn[i] * rows.event[i]
            score += rows.drawn[i] * rows.residual[i]
            variance += rows.drawn[i] * times.spread[rows.tau[i]]
            last_at_risk[rows.tau[i]] += rows.drawn[i]
    if min(left, totals[0] - left) < least[0] or min(left_events, totals[1] - left_events) < least[1]:
        return 0.0
    at_risk = 0.0
    for k in range(n_times, 0, -1):
        at_risk += last_at_risk[k]
        variance -= times.curb[k - 1] * at_risk * at_risk
    return score * score / variance if variance > NO_VARIANCE else 0.0
