r"""Risk sets: who is under observation when somebody dies.

A row is at risk at time *t* if and only if ``entry < t <= time``. Every curve, test and model counts by this one rule.

Rows are sorted by stratum, then time, and inside a tied time the deaths come first. The risk set of an event time is
then a suffix of its stratum, less the rows that have not entered yet:

.. math:: R(t) = \{i : t_i \ge t\} \setminus \{i : e_i \ge t\}

Rows are sorted by entry as well, so that both sets grow by whole runs when the event times are read from the last to
the first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]

#: Bits of a digit of the radix sort, and digits of a time.
DIGIT, N_DIGITS = 11, 6


class RiskSets(NamedTuple):
    """The order of rows and the event times of every stratum.

    Attributes
    ----------
    order : ndarray of int64, shape (n,)
        Input row at each sorted position.
    time : ndarray of float64, shape (n_times,)
        Distinct event times, ascending within each stratum.
    first_death, after_deaths : ndarray of int64, shape (n_times,)
        Deaths of an event time stand at sorted positions ``first_death <= i < after_deaths``; the risk set by exit time
        is ``first_death`` to the end of the stratum.
    row_bounds : ndarray of int64, shape (n_strata + 1,)
        Sorted positions where strata begin and end.
    time_bounds : ndarray of int64, shape (n_strata + 1,)
        Event times where strata begin and end.
    entry_order : ndarray of int64, shape (n,) or (0,)
        Sorted positions arranged by stratum and entry; empty when nobody enters late.
    first_late : ndarray of int64, shape (n_times,) or (0,)
        ``entry_order[first_late:end of stratum]`` are the rows with ``entry >= time``.
    """

    order: Ints
    time: Floats
    first_death: Ints
    after_deaths: Ints
    row_bounds: Ints
    time_bounds: Ints
    entry_order: Ints
    first_late: Ints


def build_risk_sets(
    time: Floats,
    event: npt.NDArray[np.bool_],
    entry: Floats | None = None,
    stratum: Ints | None = None,
) -> RiskSets:
    """Sort the rows and find the event times of each stratum.

    Parameters
    ----------
    time : ndarray of float64, shape (n,)
        Exit times.
    event : ndarray of bool, shape (n,)
        True where the exit is the event.
    entry : ndarray of float64, shape (n,), optional
        Entry times; nobody enters late without them.
    stratum : ndarray of int64, shape (n,), optional
        Stratum codes 0, 1, ...; one stratum without them.

    Returns
    -------
    RiskSets
        Positions and times; nothing is copied from the input but its order.
    """
    n = time.shape[0]
    codes = np.zeros(n, dtype=np.int64) if stratum is None else stratum
    n_strata = int(codes.max()) + 1 if n else 0
    order = risk_set_order(_bits(time), event, codes, n_strata)
    row_bounds = _bounds(codes[order], n_strata)
    sorted_time = np.ascontiguousarray(time[order])
    first, after, time_bounds = _event_times(sorted_time, np.ascontiguousarray(event[order]), row_bounds)
    times = sorted_time[first]
    entry_order = first_late = np.empty(0, dtype=np.int64)
    if entry is not None:
        sorted_entry = entry[order]
        # A stable sort of rows that are in order of stratum: deaths are not set apart.
        entry_order = risk_set_order(_bits(sorted_entry), np.zeros(n, dtype=bool), codes[order], n_strata)
        first_late = _first_late(sorted_entry[entry_order], times, row_bounds, time_bounds)
    return RiskSets(order, times, first, after, row_bounds, time_bounds, entry_order, first_late)


def _bits(times: Floats) -> Bits:
    """Give the bits of times, those of -0 as those of 0."""
    bits: Bits = (times + 0.0).view(np.uint64)
    return bits


def _bounds(sorted_codes: Ints, n_strata: int) -> Ints:
    return np.searchsorted(sorted_codes, np.arange(n_strata + 1)).astype(np.int64)


@kernel()
def risk_set_order(bits: Bits, event: npt.NDArray[np.bool_], codes: Ints, n_strata: int) -> Ints:
    """Sort rows by stratum, then time, deaths first inside a tie, and else as they stand.

    A radix sort: one stable walk for each digit in which times differ, the last digit first. The bits of times of 0 and
    more are whole numbers in the same order; those of whole days have few digits that differ.
    """
    n = bits.shape[0]
    keys = np.empty(n, np.uint64)
    sign = np.uint64(1) << np.uint64(63)
    counts = np.zeros((N_DIGITS, 1 << DIGIT), np.int64)
    for i in range(n):
        # In the order of the numbers: a negative one has its bits turned, a positive one its sign bit set.
        keys[i] = ~bits[i] if bits[i] & sign else bits[i] | sign
        for digit in range(N_DIGITS):
            counts[digit, _digit(keys[i], digit)] += 1
    order, other = np.empty(n, np.int64), np.empty(n, np.int64)
    place = 0
    for wanted in (True, False):
        for i in range(n):
            if event[i] == wanted:
                order[place] = i
                place += 1
    for digit in range(N_DIGITS):
        if n > 0 and counts[digit, _digit(keys[0], digit)] < n:
            _to_places(counts[digit])
            for i in range(n):
                row = order[i]
                value = _digit(keys[row], digit)
                other[counts[digit, value]] = row
                counts[digit, value] += 1
            order, other = other, order
    if n_strata > 1:
        rows = np.zeros(n_strata, np.int64)
        for row in range(n):
            rows[codes[row]] += 1
        _to_places(rows)
        for i in range(n):
            row = order[i]
            other[rows[codes[row]]] = row
            rows[codes[row]] += 1
        order = other
    return order


@kernel()
def _digit(key: np.uint64, digit: int) -> np.uint64:
    return (key >> np.uint64(DIGIT * digit)) & np.uint64((1 << DIGIT) - 1)


@kernel()
def _to_places(counts: Ints) -> None:
    """Turn how often each value occurs into the place where its first goes."""
    place = 0
    for value in range(counts.shape[0]):
        occurs = counts[value]
        counts[value] = place
        place += occurs


@kernel()
def _event_times(time: Floats, event: npt.NDArray[np.bool_], row_bounds: Ints) -> tuple[Ints, Ints, Ints]:
    """Find the runs of deaths at equal times; deaths stand first inside a tie."""
    n_strata = row_bounds.shape[0] - 1
    first = np.empty(time.shape[0], np.int64)
    after = np.empty(time.shape[0], np.int64)
    time_bounds = np.zeros(n_strata + 1, np.int64)
    n_times = 0
    for stratum in range(n_strata):
        row = row_bounds[stratum]
        end = row_bounds[stratum + 1]
        while row < end:
            tie_end = row
            while tie_end < end and time[tie_end] == time[row]:
                tie_end += 1
            deaths_end = row
            while deaths_end < tie_end and event[deaths_end]:
                deaths_end += 1
            if deaths_end > row:
                first[n_times] = row
                after[n_times] = deaths_end
                n_times += 1
            row = tie_end
        time_bounds[stratum + 1] = n_times
    return first[:n_times].copy(), after[:n_times].copy(), time_bounds


@kernel()
def _first_late(entry: Floats, times: Floats, row_bounds: Ints, time_bounds: Ints) -> Ints:
    """For each event time, the first place of the stratum's entry order with ``entry >= time``."""
    first_late = np.empty(times.shape[0], np.int64)
    for stratum in range(row_bounds.shape[0] - 1):
        place = row_bounds[stratum]
        for u in range(time_bounds[stratum], time_bounds[stratum + 1]):
            while place < row_bounds[stratum + 1] and entry[place] < times[u]:
                place += 1
            first_late[u] = place
    return first_late
