r"""Refitting a Cox model on many resamples of the same rows.

A resample says how often each row counts. Rows that it left out are squeezed away, and with them the event times at
which nobody of it died. Newton's method climbs from where the influences :math:`D_i` of the rows on the coefficients of
all rows (dfbetas) foretell the new ones, :math:`\hat\beta + \sum_i (c_i - 1) D_i` for counts :math:`c_i`, as near as a
step of its own would come. Each resample is computed by itself, so that its answer does not depend on which others are
computed with it.

The cumulative hazard of a stratum at a time is :math:`H_s(t) = \sum_{u \le t} a_1(u)`, with the step sums of
:mod:`~survmodel.kernels.cox`, for a row whose features are all 0.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.cox import cholesky, linear_predictor, maximise, relative_risk, step_sums
from survmodel.kernels.risk_sets import RiskSets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: From where the score is so small beside its standard deviation a step of Newton's ends within 1e-8 standard errors.
LAST_STEP = 1e-4


@kernel()
def squeeze(counts: Floats, sets: RiskSets) -> tuple[Ints, RiskSets]:
    """Leave out rows that count 0 and event times without a death; nobody enters late.

    Parameters
    ----------
    counts : ndarray, shape (n,)
        How often each row counts, in sorted order.
    sets : RiskSets
        Of all rows.

    Returns
    -------
    kept : ndarray of int64, shape (m,)
        Sorted positions of the rows that count.
    squeezed : RiskSets
        Their risk sets, `order` being `kept`.
    """
    n, n_times = counts.shape[0], sets.first_death.shape[0]
    n_strata = sets.row_bounds.shape[0] - 1
    before, places = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64)
    m = 0
    # Nobody knows which rows were drawn: a branch would be guessed wrong all the time, a place written over costs less.
    for i in range(n):
        before[i] = m
        places[m] = i
        m += 1 if counts[i] > 0.0 else 0
    before[n] = m
    kept = places[:m].copy()
    time, first, after = np.empty(n_times + 1), np.empty(n_times + 1, np.int64), np.empty(n_times + 1, np.int64)
    row_bounds, time_bounds = np.empty(n_strata + 1, np.int64), np.zeros(n_strata + 1, np.int64)
    done = 0
    row_bounds[0] = 0
    for stratum in range(n_strata):
        for u in range(sets.time_bounds[stratum], sets.time_bounds[stratum + 1]):
            begin, end = before[sets.first_death[u]], before[sets.after_deaths[u]]
            time[done], first[done], after[done] = sets.time[u], begin, end
            done += 1 if end > begin else 0
        row_bounds[stratum + 1] = before[sets.row_bounds[stratum + 1]]
        time_bounds[stratum + 1] = done
    nobody = np.empty(0, np.int64)
    squeezed = RiskSets(
        kept, time[:done].copy(), first[:done].copy(), after[:done].copy(), row_bounds, time_bounds, nobody, nobody
    )
    return kept, squeezed


@kernel()
def refit_many(
    features: Floats,
    offset: Floats,
    counts: Floats,
    penalty: Floats,
    sets: RiskSets,
    efron: bool,
    start: Floats,
    influence: Floats,
    exits: Floats,
    times: Floats,
    max_iterations: int,
    score_tolerance: float,
    loglik_tolerance: float,
    largest_effect: float,
    alias_tolerance: float,
    least_information: Floats,
) -> tuple[Floats, Floats, Floats, Bools]:
    """Maximise the partial likelihood of every resample, and predict all rows.

    Parameters
    ----------
    features : ndarray, shape (p, n)
        Covariates in sorted order, one feature a row.
    offset : ndarray, shape (n,)
        Offsets in sorted order.
    counts : ndarray, shape (b, n)
        How often each row counts in each resample, in sorted order.
    penalty : ndarray, shape (p,)
        Ridge penalties, 0 for none.
    sets : RiskSets
        Of all rows; nobody enters late.
    efron : bool
        Efron's ties, else Breslow's.
    start : ndarray, shape (p,)
        Coefficients of all rows.
    influence : ndarray, shape (p, n)
        Influences of the rows on them, in sorted order.
    exits : ndarray, shape (n,)
        Exit times in sorted order.
    times : ndarray, shape (k,)
        Times at which cumulative hazards are wanted.
    max_iterations, score_tolerance, loglik_tolerance
        As for :func:`~survmodel.kernels.cox.maximise`.
    largest_effect : float
        An index with a larger standard deviation is not vouched for.
    alias_tolerance : float
        Nor is one of columns that are collinear to this tolerance.
    least_information : ndarray, shape (p,)
        Nor a coefficient with less information than this, which may be on its way to infinity.

    Returns
    -------
    beta : ndarray, shape (b, p)
        Coefficients.
    index : ndarray, shape (b, n)
        Indices of all rows in sorted order.
    hazard : ndarray, shape (b, n_strata, k)
        Cumulative hazards at features 0 and offset 0; a time after the last row of a stratum has NaN.
    sound : ndarray of bool, shape (b,)
        Whether the maximum is beyond doubt. Where it is not somebody has to find out whether it exists.
    """
    p, b = features.shape[0], counts.shape[0]
    n_strata, k = sets.row_bounds.shape[0] - 1, times.shape[0]
    beta, hazard = np.zeros((b, p)), np.zeros((b, n_strata, k))
    index, sound = np.empty((b, offset.shape[0])), np.zeros(b, np.bool_)
    factor, near = np.empty((p, p)), np.empty(p)
    for draw in range(b):
        kept, squeezed = squeeze(counts[draw], sets)
        m = kept.shape[0]
        drawn, shifts, count = np.empty((p, m)), np.empty(m), np.empty(m)
        for i in range(m):
            shifts[i], count[i] = offset[kept[i]], counts[draw, kept[i]]
        for j in range(p):
            source, target = features[j], drawn[j]
            for i in range(m):
                target[i] = source[np.uintp(kept[i])]
        _foretell(start, influence, counts[draw], near)
        found, _, information, _, _, loglik, _, converged = maximise(
            drawn, shifts, count, count, penalty, squeezed, efron, near, max_iterations, score_tolerance,
            loglik_tolerance, LAST_STEP,
        )  # fmt: skip
        beta[draw] = found
        linear_predictor(features, found, offset, index[draw])
        eta, risk, shift = np.empty(m), np.empty(m), np.empty(n_strata)
        mean, spread = 0.0, 0.0
        for i in range(m):
            eta[i] = index[draw, kept[i]]
            mean += eta[i] / m
        for i in range(m):
            spread += (eta[i] - mean) * (eta[i] - mean) / m
        full = cholesky(information, factor, alias_tolerance) == p
        for j in range(p):
            full = full and information[j, j] > least_information[j]
        sound[draw] = converged and full and math.sqrt(spread) <= largest_effect and math.isfinite(loglik)
        if k > 0 and sound[draw]:
            relative_risk(eta, count, squeezed, risk, shift)
            sums = np.empty((5, squeezed.first_death.shape[0]))
            step_sums(eta, risk, shift, count, count, squeezed, efron, sums)
            _hazards_at(times, exits, sums[0], shift, squeezed, hazard[draw])
    return beta, index, hazard, sound


@kernel(reorder_sums=True, allocates=False)
def _foretell(start: Floats, influence: Floats, counts: Floats, near: Floats) -> None:
    """Write the coefficients that the influences of the rows foretell."""
    for j in range(start.shape[0]):
        own, moved = influence[j], 0.0
        for i in range(counts.shape[0]):
            moved += (counts[i] - 1.0) * own[i]
        near[j] = start[j] + moved


@kernel(allocates=False)
def _hazards_at(times: Floats, exits: Floats, jumps: Floats, shift: Floats, sets: RiskSets, hazard: Floats) -> None:
    """Add up the jumps of each stratum up to each time; a time that nobody of it reached has NaN."""
    for stratum in range(sets.row_bounds.shape[0] - 1):
        end = sets.row_bounds[stratum + 1]
        if end == sets.row_bounds[stratum]:
            hazard[stratum] = np.nan
            continue
        scale = math.exp(-shift[stratum])
        for place in range(times.shape[0]):
            if times[place] > exits[sets.order[end - 1]]:
                hazard[stratum, place] = np.nan
                continue
            total = 0.0
            for u in range(sets.time_bounds[stratum], sets.time_bounds[stratum + 1]):
                if sets.time[u] > times[place]:
                    break
                total += jumps[u]
            hazard[stratum, place] = total * scale
