r"""Scan all cuts of a marker by standardised log-rank scores, in the rows as they are, counted, or permuted.

Within stratum *s* of *n* rows the score of row *i* is that of Hothorn and Lausen,

.. math:: a_i = \delta_i - \sum_{j: t_j \le t_i} \frac{\delta_j}{n - \#\{k: t_k \le t_j\} + 1},

about its mean :math:`\bar a`. A cut *c* that leaves :math:`m_s(c)` rows at or below it in each stratum has

.. math::
    Z(c) = \frac{\sum_{i: x_i \le c} (a_i - \bar a)}{\sqrt{V(c)}}, \qquad
    V(c) = \sum_s \frac{m_s (n_s - m_s)}{n_s} \, \frac{\sum_{i \in s} (a_i - \bar a)^2}{n_s - 1},

*V* being the variance over all permutations of the scores within strata. A negative *Z* says that those above the cut
have their events earlier. Rows stand by stratum and time; ``by_marker`` lists them by marker.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.random_words import draw_below

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]


@kernel(allocates=False)
def score_rows(
    event: Bools, tie_end: Ints, bounds: Ints, counts: Floats, scores: Floats, spread: Floats, sizes: Floats
) -> None:
    """Compute the centred scores of counted rows and their variance in each stratum.

    Parameters
    ----------
    event : ndarray of bool, shape (n,)
        Events.
    tie_end : ndarray of int64, shape (n,)
        Where the rows of the same stratum and time end.
    bounds : ndarray of int64, shape (n_strata + 1,)
        Where each stratum begins and ends.
    counts : ndarray, shape (n,)
        How often each row counts.
    scores : ndarray, shape (n,)
        Written: scores about the mean of their stratum.
    spread : ndarray, shape (n_strata,)
        Written: variance of the scores of each stratum, 0 with fewer than two rows.
    sizes : ndarray, shape (n_strata,)
        Written: how many rows count in each stratum.
    """
    for stratum in range(bounds.shape[0] - 1):
        size = 0.0
        for row in range(bounds[stratum], bounds[stratum + 1]):
            size += counts[row]
        gone, hazard, total, squares = 0.0, 0.0, 0.0, 0.0
        row = bounds[stratum]
        while row < bounds[stratum + 1]:
            died = 0.0
            for tied in range(row, tie_end[row]):
                gone += counts[tied]
                if event[tied]:
                    died += counts[tied]
            if died > 0.0:
                hazard += died / (size - gone + 1.0)
            for tied in range(row, tie_end[row]):
                scores[tied] = (1.0 if event[tied] else 0.0) - hazard
                total += counts[tied] * scores[tied]
            row = tie_end[row]
        for row in range(bounds[stratum], bounds[stratum + 1]):
            scores[row] -= total / size if size > 0.0 else 0.0
            squares += counts[row] * scores[row] ** 2
        spread[stratum] = squares / (size - 1.0) if size > 1.0 else 0.0
        sizes[stratum] = size


@kernel(allocates=False)
def scan_cuts(
    scores: Floats,
    spread: Floats,
    sizes: Floats,
    event: Bools,
    stratum: Ints,
    counts: Floats,
    by_marker: Ints,
    ends_value: Bools,
    least_share: float,
    least_events: float,
    below: Floats,
    statistic: Floats,
    variance: Floats,
) -> int:
    """Standardise the sum of scores at or below every admissible cut.

    Parameters
    ----------
    scores, spread, sizes : ndarray
        As `score_rows` writes them.
    event, stratum, counts : ndarray
        Rows by stratum and time; `stratum` is that of each row.
    by_marker : ndarray of int64, shape (n,)
        Rows by marker.
    ends_value : ndarray of bool, shape (n,)
        Whether the next row by marker has a higher value, False for the last.
    least_share : float
        Share of the rows that each side must have: from the whole part of its product with their number on.
    least_events : float
        Events that each side must have.
    below : ndarray, shape (n_strata,)
        Room for the rows at or below the cut in each stratum.
    statistic, variance : ndarray, shape (n,)
        Written: Z and V of the cut behind each row by marker, both 0 where no cut is admissible.

    Returns
    -------
    int
        Where the largest absolute Z lies, the lowest cut of those that are equal; -1 without an admissible cut.
    """
    below[:] = 0.0
    size, events = 0.0, 0.0
    for row in range(event.shape[0]):
        size += counts[row]
        if event[row]:
            events += counts[row]
    fewest, most = np.floor(size * least_share), np.floor(size * (1.0 - least_share))
    n_below, n_event, total, best, best_at = 0.0, 0.0, 0.0, -1.0, -1
    for place in range(by_marker.shape[0]):
        row = by_marker[place]
        below[stratum[row]] += counts[row]
        n_below += counts[row]
        total += counts[row] * scores[row]
        if event[row]:
            n_event += counts[row]
        statistic[place] = 0.0
        variance[place] = 0.0
        if not ends_value[place] or n_below < max(fewest, 1.0) or n_below > min(most, size - 1.0):
            continue
        if n_event < least_events or events - n_event < least_events:
            continue
        for layer in range(spread.shape[0]):
            if sizes[layer] > 0.0:
                variance[place] += spread[layer] * below[layer] * (sizes[layer] - below[layer]) / sizes[layer]
        if variance[place] <= 0.0:
            continue
        statistic[place] = total / np.sqrt(variance[place])
        # sums in another order differ in their last digits: the lower of two equal cuts stays
        if abs(statistic[place]) > best * (1.0 + 1e-12):
            best = abs(statistic[place])
            best_at = place
    return best_at


@kernel(allocates=False)
def scan_draws(
    event: Bools,
    tie_end: Ints,
    stratum: Ints,
    bounds: Ints,
    counts: Floats,
    by_marker: Ints,
    ends_value: Bools,
    least_share: float,
    least_events: float,
    by_row: Floats,
    by_layer: Floats,
    found: Ints,
    best: Floats,
) -> None:
    """Find the best cut of each draw of counted rows.

    Parameters
    ----------
    event, tie_end, stratum, bounds, by_marker, ends_value, least_share, least_events
        As for `score_rows` and `scan_cuts`.
    counts : ndarray, shape (b, n)
        How often each row counts in each draw.
    by_row : ndarray, shape (3, n)
        Room.
    by_layer : ndarray, shape (3, n_strata)
        Room.
    found : ndarray of int64, shape (b,)
        Written: where the best cut lies among the rows by marker, -1 where there is none.
    best : ndarray, shape (b,)
        Written: Z there.
    """
    for draw in range(counts.shape[0]):
        score_rows(event, tie_end, bounds, counts[draw], by_row[0], by_layer[0], by_layer[1])
        found[draw] = scan_cuts(
            by_row[0], by_layer[0], by_layer[1], event, stratum, counts[draw], by_marker, ends_value, least_share,
            least_events, by_layer[2], by_row[1], by_row[2],
        )  # fmt: skip
        best[draw] = by_row[1, found[draw]] if found[draw] >= 0 else 0.0


@kernel(allocates=False)
def shuffle_within(state: np.uint64, scores: Floats, bounds: Ints, shuffled: Floats) -> None:
    """Permute the scores within strata.

    Parameters
    ----------
    state : uint64
        The same state permutes alike.
    scores, bounds
        As for `score_rows`.
    shuffled : ndarray, shape (n,)
        Written: the scores in their new places.
    """
    for row in range(scores.shape[0]):
        shuffled[row] = scores[row]
    for stratum in range(bounds.shape[0] - 1):
        begin = bounds[stratum]
        for last in range(bounds[stratum + 1] - 1, begin, -1):
            state, other = draw_below(state, last - begin + 1)
            kept = shuffled[last]
            shuffled[last] = shuffled[begin + other]
            shuffled[begin + other] = kept


@kernel(allocates=False)
def permute_maxima(
    states: Words,
    scores: Floats,
    bounds: Ints,
    by_marker: Ints,
    scale: Floats,
    chosen: Ints,
    shuffled: Floats,
    maxima: Floats,
    at_chosen: Floats,
) -> None:
    """Permute the scores within strata and find the largest absolute Z of each marker, all markers by the same draws.

    Parameters
    ----------
    states : ndarray of uint64, shape (b,)
        State of each draw.
    scores, bounds
        As for `score_rows`.
    by_marker : ndarray of int64, shape (k, n)
        Rows by each of k markers.
    scale : ndarray, shape (k, n)
        ``1 / sqrt(V)`` of the cut behind each row by marker, 0 where no cut is admissible.
    chosen : ndarray of int64, shape (k,)
        A cut of each marker that is fixed.
    shuffled : ndarray, shape (n,)
        Room.
    maxima, at_chosen : ndarray, shape (b, k)
        Written: largest absolute Z over all cuts, and that of the fixed cut.
    """
    for draw in range(states.shape[0]):
        shuffle_within(states[draw], scores, bounds, shuffled)
        for marker in range(by_marker.shape[0]):
            total, largest = 0.0, 0.0
            for place in range(by_marker.shape[1]):
                total += shuffled[by_marker[marker, place]]
                here = abs(total) * scale[marker, place]
                largest = max(largest, here)
                if place == chosen[marker]:
                    at_chosen[draw, marker] = here
            maxima[draw, marker] = largest


@kernel(allocates=False)
def permute_sums(states: Words, scores: Floats, bounds: Ints, weights: Floats, shuffled: Floats, sums: Floats) -> None:
    """Permute the scores within strata and add them up with the weights of each marker.

    Parameters
    ----------
    states, scores, bounds, shuffled
        As for `permute_maxima`; the same state permutes alike.
    weights : ndarray, shape (k, n)
        Weight of each row, of each marker.
    sums : ndarray, shape (b, k)
        Written: the sums.
    """
    for draw in range(states.shape[0]):
        shuffle_within(states[draw], scores, bounds, shuffled)
        for marker in range(weights.shape[0]):
            total = 0.0
            for row in range(weights.shape[1]):
                total += shuffled[row] * weights[marker, row]
            sums[draw, marker] = total
