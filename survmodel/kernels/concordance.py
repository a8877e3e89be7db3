r"""Harrell's concordance and its kin, with case weights, in O(n log n).

A pair is usable when the earlier of its two times is an event and the other row was under observation then. A
censoring at the time of an event counts as later; two events at one time make no usable pair. A usable pair is
concordant when the earlier event has the higher index (higher = worse), and half concordant when the indices tie:

.. math:: C = \frac{\sum_{(i,j)} w_i w_j \tau_i \{1[x_i > x_j] + \tfrac12 1[x_i = x_j]\}}{\sum_{(i,j)} w_i w_j \tau_i}

:math:`\tau_i` weighs the pairs of an event: 1 for Harrell, :math:`1/G(t_i-)^2` for Uno, 0 beyond the horizon. Counting
trees over the ranks of the index hold the later rows (read from the last time to the first) and then the earlier events
(read forwards), so that each row learns the weight of its own concordant, discordant and tied pairs. The influence of a
row is the derivative of C by its weight,

.. math:: D_i = w_i\,\frac{c_i + \tfrac12 t_i - C\,p_i}{\sum_{(i,j)} w_i w_j \tau_i},

and :math:`\sum_i D_i^2` is the infinitesimal-jackknife variance (as in R's survival, where G counts as known).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.risk_sets import RiskSets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CONCORDANT, DISCORDANT, TIED_INDEX = range(3)


@kernel()
def _add(tree: Floats, rank: int, amount: float) -> None:
    """Add to one rank of a counting tree (Fenwick 1994)."""
    place = rank + 1
    while place < tree.shape[0]:
        tree[place] += amount
        place += place & -place


@kernel()
def _below(tree: Floats, rank: int) -> float:
    """Sum of the amounts at ranks smaller than `rank`."""
    total = 0.0
    place = rank
    while place > 0:
        total += tree[place]
        place -= place & -place
    return total


@kernel()
def _count(pairs: Floats, row: int, tree: Floats, rank: int, factor: float, later: bool) -> None:
    """Add to one row's pairs those with the rows in the tree, `factor` times their weight.

    `later` says that the tree holds rows with later times; a lower index there is concordant. Otherwise it holds
    earlier events, and a higher index is.
    """
    below = _below(tree, rank)
    upto = _below(tree, rank + 1)
    above = _below(tree, tree.shape[0] - 1) - upto
    pairs[CONCORDANT, row] += factor * (below if later else above)
    pairs[DISCORDANT, row] += factor * (above if later else below)
    pairs[TIED_INDEX, row] += factor * (upto - below)


@kernel()
def concordance_pairs(
    rank: Ints,
    weight: Floats,
    event_weight: Floats,
    sets: RiskSets,
) -> tuple[Floats, Floats]:
    """Weigh the usable pairs of every row, within strata.

    Parameters
    ----------
    rank : ndarray of int64, shape (n,)
        Dense ranks 0, 1, ... of the index in sorted order; equal ranks are tied.
    weight : ndarray, shape (n,)
        Case weights in sorted order.
    event_weight : ndarray, shape (n,)
        Weight tau of the pairs in which the row is the earlier event; 0 leaves them out.
    sets : ndarray of int64
        The layout of :class:`~survmodel.kernels.risk_sets.RiskSets`.

    Returns
    -------
    as_event : ndarray, shape (3, n)
        Weight of the concordant, discordant and tied pairs in which the row is the earlier event, without its own case
        weight.
    as_later : ndarray, shape (3, n)
        The same for the pairs in which it is the later row.
    """
    n = rank.shape[0]
    late_entry = sets.entry_order.shape[0] > 0
    size = 1
    for i in range(n):
        size = max(size, rank[i] + 2)
    tree = np.empty(size)
    as_event = np.zeros((3, n))
    as_later = np.zeros((3, n))
    for stratum in range(sets.row_bounds.shape[0] - 1):
        begin, end = sets.row_bounds[stratum], sets.row_bounds[stratum + 1]
        for k in range(size):
            tree[k] = 0.0
        reached, late = end, end
        for u in range(sets.time_bounds[stratum + 1] - 1, sets.time_bounds[stratum] - 1, -1):
            for row in range(sets.after_deaths[u], reached):
                _add(tree, rank[row], weight[row])
            if late_entry:
                for place in range(sets.first_late[u], late):
                    _add(tree, rank[sets.entry_order[place]], -weight[sets.entry_order[place]])
                late = sets.first_late[u]
            for row in range(sets.first_death[u], sets.after_deaths[u]):
                _count(as_event, row, tree, rank[row], event_weight[row], True)
            for row in range(sets.first_death[u], sets.after_deaths[u]):
                _add(tree, rank[row], weight[row])
            reached = sets.first_death[u]
        for k in range(size):
            tree[k] = 0.0
        row, late = begin, begin
        for u in range(sets.time_bounds[stratum], sets.time_bounds[stratum + 1]):
            while row < sets.after_deaths[u]:
                _count(as_later, row, tree, rank[row], 1.0, False)
                row += 1
            if late_entry:
                # A row that enters at this time or before saw none of the events counted so far.
                while late < sets.first_late[u]:
                    other = sets.entry_order[late]
                    _count(as_later, other, tree, rank[other], -1.0, False)
                    late += 1
            for death in range(sets.first_death[u], sets.after_deaths[u]):
                _add(tree, rank[death], weight[death] * event_weight[death])
        while row < end:
            _count(as_later, row, tree, rank[row], 1.0, False)
            row += 1
        if late_entry:
            while late < end:
                other = sets.entry_order[late]
                _count(as_later, other, tree, rank[other], -1.0, False)
                late += 1
    return as_event, as_later


def harrell(index: Floats, weight: Floats, sets: RiskSets, event: npt.NDArray[np.bool_]) -> float:
    """Give Harrell's C with case weights; a weight of 2 equals a row that stands twice.

    Parameters
    ----------
    index : ndarray, shape (n,)
        Prognostic index in the order of the rows, higher = worse.
    weight : ndarray, shape (n,)
        Weights; 0 leaves a row out.
    sets : RiskSets
        Of the same rows.
    event : ndarray of bool, shape (n,)
        Events.

    Returns
    -------
    float
        C within the strata of the risk sets; NaN without a usable pair.
    """
    order = sets.order
    _, rank = np.unique(index[order], return_inverse=True)
    sorted_weight = weight[order]
    as_event, _ = concordance_pairs(rank.astype(np.int64), sorted_weight, event[order].astype(np.float64), sets)
    totals = as_event @ sorted_weight
    pairs = float(totals.sum())
    return float((totals[CONCORDANT] + totals[TIED_INDEX] / 2) / pairs) if pairs > 0 else float("nan")
