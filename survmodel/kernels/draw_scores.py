r"""Scoring many predictions of the same patients: concordance, calibration slope, AUC(t) and Brier(t).

A draw says how often each row was *learnt from* and how often it is *scored*. Weights for censoring and the null model,
the Kaplan-Meier risk of the stratum, come from the rows learnt from. Within a stratum, with scored counts :math:`m_i`
and index or risk :math:`x_i`,

.. math::
    C = \frac{\sum_{i\ dies,\ j\ later} m_i m_j \{1[x_i > x_j] + \tfrac12 1[x_i = x_j]\}}{\sum m_i m_j}, \qquad
    AUC(t) = \frac{\sum_{T_i \le t < T_j} \frac{m_i m_j}{G(T_i-)} \{1[x_i > x_j] + \tfrac12 1[x_i = x_j]\}}
    {\sum_{T_i \le t < T_j} \frac{m_i m_j}{G(T_i-)}}, \qquad
    BS(t) = \frac{1}{\sum m_i} \sum_i m_i \Bigl[\frac{(1 - x_i)^2\, 1[T_i \le t,\ dies]}{G(T_i-)}
            + \frac{x_i^2\, 1[T_i > t]}{G(t)}\Bigr].

Pairs of C are added up over strata, AUC is averaged by patients, BS is a mean over all. The slope is the coefficient of
the index in a Cox model of the scored rows, stratified.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.concordance import concordance_pairs
from survmodel.kernels.cox import LARGE, SMALL
from survmodel.kernels.exponential import exponentials
from survmodel.kernels.refits import LAST_STEP
from survmodel.kernels.risk_sets import RiskSets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Steps and halvings at most for a slope, and a slope (of an index with standard deviation 1) that is none.
SLOPE_STEPS, LARGEST_SLOPE = 60, 30.0
#: Indices that vary by more than this are on no log hazard scale, and their slope is looked for from 0.
FARTHEST_START = 2.0
#: Places of the measures of a draw: C and slope, then AUC, Brier score and that of the null model at each time.
N_OVERALL, N_TIMED = 2, 3


@kernel(reorder_sums=True, allocates=False)
def _lower(own: float, index: Floats, weight: Floats) -> float:
    """Weigh the rows with a lower index, a tie as one half."""
    lower = 0.0
    for j in range(index.shape[0]):
        half = 0.5 * weight[j]
        lower += (half if index[j] < own else 0.0) + (half if index[j] <= own else 0.0)
    return lower


@kernel(allocates=False)
def _compare_all(index: Floats, scored: Floats, sets: RiskSets) -> tuple[float, float]:
    """Weigh the concordant and all usable pairs, one by one; nobody enters late."""
    concordant, pairs = 0.0, 0.0
    for stratum in range(sets.row_bounds.shape[0] - 1):
        end = reached = sets.row_bounds[stratum + 1]
        later = 0.0
        for u in range(sets.time_bounds[stratum + 1] - 1, sets.time_bounds[stratum] - 1, -1):
            after = sets.after_deaths[u]
            for i in range(after, reached):
                later += scored[i]
            dying = 0.0
            for i in range(sets.first_death[u], after):
                if scored[i] > 0.0:
                    concordant += scored[i] * _lower(index[i], index[after:end], scored[after:end])
                    dying += scored[i]
            pairs += dying * later
            later += dying
            reached = sets.first_death[u]
    return concordant, pairs


@kernel(reorder_sums=True, allocates=False)
def _lower_twice(own: float, index: Floats, weight: Floats, other: Floats) -> tuple[float, float]:
    """Weigh the rows with a lower index by two weights at once, a tie as one half."""
    first, second = 0.0, 0.0
    for j in range(index.shape[0]):
        share = (0.5 if index[j] < own else 0.0) + (0.5 if index[j] <= own else 0.0)
        first += share * weight[j]
        second += share * other[j]
    return first, second


@kernel(allocates=False)
def _compare_all_twice(
    index: Floats, scored: Floats, other: Floats, sets: RiskSets
) -> tuple[float, float, float, float]:
    """Weigh the concordant and all usable pairs by two weights at once: a comparison costs more than a sum."""
    concordant, pairs, concordant_2, pairs_2 = 0.0, 0.0, 0.0, 0.0
    for stratum in range(sets.row_bounds.shape[0] - 1):
        end = reached = sets.row_bounds[stratum + 1]
        later, later_2 = 0.0, 0.0
        for u in range(sets.time_bounds[stratum + 1] - 1, sets.time_bounds[stratum] - 1, -1):
            after = sets.after_deaths[u]
            for i in range(after, reached):
                later += scored[i]
                later_2 += other[i]
            dying, dying_2 = 0.0, 0.0
            for i in range(sets.first_death[u], after):
                if scored[i] > 0.0 or other[i] > 0.0:
                    lower, lower_2 = _lower_twice(index[i], index[after:end], scored[after:end], other[after:end])
                    concordant += scored[i] * lower
                    concordant_2 += other[i] * lower_2
                    dying += scored[i]
                    dying_2 += other[i]
            pairs += dying * later
            pairs_2 += dying_2 * later_2
            later += dying
            later_2 += dying_2
            reached = sets.first_death[u]
    return concordant, pairs, concordant_2, pairs_2


@kernel()
def _count_by_tree(
    index: Floats, order: Ints, scored: Floats, sets: RiskSets, event_weight: Floats
) -> tuple[float, float]:
    """Weigh the concordant and all usable pairs by a tree over the ranks."""
    rank = np.zeros(index.shape[0], np.int64)
    for stratum in range(sets.row_bounds.shape[0] - 1):
        for k in range(sets.row_bounds[stratum] + 1, sets.row_bounds[stratum + 1]):
            row, other = order[k], order[k - 1]
            rank[row] = rank[other] + (1 if index[row] > index[other] else 0)
    as_event, _ = concordance_pairs(rank, scored, event_weight, sets)
    concordant, pairs = 0.0, 0.0
    for i in range(index.shape[0]):
        concordant += scored[i] * (as_event[0, i] + 0.5 * as_event[2, i])
        pairs += scored[i] * (as_event[0, i] + as_event[1, i] + as_event[2, i])
    return concordant, pairs


@kernel(reorder_sums=True, allocates=False)
def _slope_step(slope: float, x: Floats, scored: Floats, sets: RiskSets, risk: Floats) -> tuple[float, float, float]:
    """Give the log partial likelihood of one covariate with Efron's ties, its score and its information."""
    loglik, score, information, product = 0.0, 0.0, 0.0, 1.0
    for stratum in range(sets.row_bounds.shape[0] - 1):
        reached = late = sets.row_bounds[stratum + 1]
        s0, s1, s2 = 0.0, 0.0, 0.0
        for u in range(sets.time_bounds[stratum + 1] - 1, sets.time_bounds[stratum] - 1, -1):
            for i in range(sets.after_deaths[u], reached):
                s0 += risk[i]
                s1 += risk[i] * x[i]
                s2 += risk[i] * x[i] * x[i]
            if sets.entry_order.shape[0] > 0:
                for place in range(sets.first_late[u], late):
                    i = sets.entry_order[place]
                    s0 -= risk[i]
                    s1 -= risk[i] * x[i]
                    s2 -= risk[i] * x[i] * x[i]
                late = sets.first_late[u]
            t0, t1, t2, deaths, sum_x = 0.0, 0.0, 0.0, 0.0, 0.0
            for i in range(sets.first_death[u], sets.after_deaths[u]):
                t0 += risk[i]
                t1 += risk[i] * x[i]
                t2 += risk[i] * x[i] * x[i]
                deaths += scored[i]
                sum_x += scored[i] * x[i]
            s0, s1, s2 = s0 + t0, s1 + t1, s2 + t2
            loglik += slope * sum_x
            score += sum_x
            for step in range(int(deaths + 0.5)):
                f = step / deaths
                left = 1.0 / (s0 - f * t0)
                mean = (s1 - f * t1) * left
                # One logarithm of a product costs less than many; that of a sum below 0 stays no number.
                if left > 0.0 and SMALL < product * left < LARGE:
                    product *= left
                else:
                    loglik += math.log(product)
                    product = left
                score -= mean
                information += (s2 - f * t2) * left - mean * mean
            reached = sets.first_death[u]
    return loglik + math.log(product), score, information


@kernel()
def slope_counted(index: Floats, scored: Floats, sets: RiskSets) -> float:
    """Give the coefficient of an index in a stratified Cox model of the scored rows, NaN where there is none.

    Parameters
    ----------
    index, scored : ndarray, shape (n,)
        Index in sorted order, and how often each row is scored.
    sets : RiskSets
        Of all rows.

    Returns
    -------
    float
        The slope, by Newton's method with step halving from 1, where those of log hazards are.
    """
    n = index.shape[0]
    m, total, spread = 0.0, 0.0, 0.0
    for i in range(n):
        m += scored[i]
        total += scored[i] * index[i]
    for i in range(n):
        spread += scored[i] * (index[i] - total / m) * (index[i] - total / m)
    if not spread > 0.0:
        return np.nan
    x, risk = np.empty(n), np.empty(n)
    scale = math.sqrt(spread / m)
    for i in range(n):
        x[i] = (index[i] - total / m) / scale
    start = scale if scale < FARTHEST_START else 0.0
    here, there, best, first = start, start, -np.inf, 0.0
    for step in range(SLOPE_STEPS):
        exponentials(there * x, 0.0, risk)
        for i in range(n):
            risk[i] *= scored[i]
        loglik, score, information = _slope_step(there, x, scored, sets, risk)
        if not math.isfinite(loglik) or not information > 0.0:
            return np.nan
        change = loglik - best
        if change < -1e-12 * abs(loglik):
            there = 0.5 * (here + there)
            continue
        here, best = there, loglik
        first = information if step == 0 else first
        there = here + score / information
        if abs(score) < LAST_STEP * math.sqrt(information):
            # as small as this it dies away with the slope going to infinity
            return there / scale if information > 1e-6 * first else np.nan
        if abs(there) > LARGEST_SLOPE:
            return np.nan
    return np.nan


@kernel(allocates=False)
def _walk_censoring(
    order: Ints, time: Floats, event: Bools, learnt: Floats, times: Floats, before: Floats, at_times: Floats
) -> float:
    """Write G(T-) of the rows and G(t); return how many are censored before the last time.

    Rows come by time, deaths first.
    """
    n = order.shape[0]
    left = 0.0
    for k in range(n):
        left += learnt[order[k]]
    g, early, place = 1.0, 0.0, 0
    k = 0
    while k < n:
        now = time[order[k]]
        while place < times.shape[0] and times[place] < now:
            at_times[place] = g
            place += 1
        deaths, censored = 0.0, 0.0
        while k < n and time[order[k]] == now:
            row = order[k]
            before[row] = g
            if event[row]:
                deaths += learnt[row]
            else:
                censored += learnt[row]
            k += 1
        if censored > 0.0:
            at_risk = left - deaths
            g *= (at_risk - censored) / at_risk
            if now < times[-1]:
                early += censored
        left -= deaths + censored
    while place < times.shape[0]:
        at_times[place] = g
        place += 1
    return early


@kernel(allocates=False)
def _walk_deaths(begin: int, end: int, time: Floats, event: Bools, learnt: Floats, times: Floats, null: Floats) -> None:
    """Write the Kaplan-Meier risk of a stratum at the times."""
    left = 0.0
    for row in range(begin, end):
        left += learnt[row]
    survival, place, row = 1.0, 0, begin
    while row < end:
        now = time[row]
        while place < times.shape[0] and times[place] < now:
            null[place] = 1.0 - survival
            place += 1
        deaths, gone = 0.0, 0.0
        while row < end and time[row] == now:
            if event[row]:
                deaths += learnt[row]
            gone += learnt[row]
            row += 1
        if deaths > 0.0:
            survival *= (left - deaths) / left
        left -= gone
    while place < times.shape[0]:
        null[place] = 1.0 - survival
        place += 1


@kernel(reorder_sums=True, allocates=False)
def _weigh(
    begin: int, cut: int, end: int, risk: Floats, known: Bools, scored: Floats, of_cases: Floats, case: Floats,
    control: Floats,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Write the weights of cases and controls of a stratum, the rows up to `cut` having left by the time.

    Returns the losses of cases, those of controls without their common weight, the weights of cases and controls, and
    the rows.
    """
    lost, kept, cases, controls, rows = 0.0, 0.0, 0.0, 0.0, 0.0
    for row in range(begin, cut):
        weight = scored[row] if known[row] else 0.0
        case[row] = weight * of_cases[row]
        control[row] = 0.0
        rows += weight
        cases += case[row]
        lost += case[row] * (1.0 - risk[row]) * (1.0 - risk[row]) if case[row] > 0.0 else 0.0
    for row in range(cut, end):
        weight = scored[row] if known[row] else 0.0
        case[row] = 0.0
        control[row] = weight
        controls += weight
        kept += weight * risk[row] * risk[row] if weight > 0.0 else 0.0
    return lost, kept, cases, controls, rows + controls


@kernel(allocates=False)
def _concordant_one_by_one(begin: int, cut: int, end: int, risk: Floats, case: Floats, control: Floats) -> float:
    """Weigh the concordant pairs of the cases up to `cut` and the controls beyond it."""
    concordant = 0.0
    for i in range(begin, cut):
        if case[i] > 0.0:
            concordant += case[i] * _lower(risk[i], risk[cut:end], control[cut:end])
    return concordant


@kernel(allocates=False)
def _concordant_in_order(order: Ints, risk: Floats, case: Floats, control: Floats) -> float:
    """Weigh the concordant pairs in one walk; below 0 where rows do not come by ascending risk."""
    concordant, controls = 0.0, 0.0
    value, tied_cases, tied_controls = -1.0, 0.0, 0.0
    for k in range(order.shape[0]):
        row = order[k]
        if risk[row] != value:
            if risk[row] < value:
                return -1.0
            concordant += tied_cases * (controls + 0.5 * tied_controls)
            controls += tied_controls
            value, tied_cases, tied_controls = risk[row], 0.0, 0.0
        tied_cases += case[row]
        tied_controls += control[row]
    return concordant + tied_cases * (controls + 0.5 * tied_controls)


@kernel()
def score_draws(
    index: Floats,
    risk: Floats,
    learnt: Floats,
    scored: Floats,
    time: Floats,
    event: Bools,
    sets: RiskSets,
    orders: Ints,
    by_time: Ints,
    known: Bools,
    times: Floats,
    cuts: Ints,
    fewest: float,
) -> Floats:
    """Score the predictions of every draw.

    Parameters
    ----------
    index : ndarray, shape (b, n)
        Prognostic indices, rows in sorted order.
    risk : ndarray, shape (b, k, n)
        Risks at the times.
    learnt : ndarray, shape (b, n)
        How often each row was learnt from.
    scored : ndarray, shape (s, b, n)
        How often each row is scored, in s ways, one or two.
    time : ndarray, shape (n,)
        Exit times in sorted order.
    event : ndarray of bool, shape (n,)
        Events in sorted order.
    sets : RiskSets
        Of all rows, by stratum.
    orders : ndarray of int64, shape (b, n) or (b, 0)
        Rows by stratum and ascending index; without them pairs are looked at one by one, which is quicker for few rows
        and knows no late entry.
    by_time : ndarray of int64, shape (n,)
        Sorted positions by time, deaths first, whatever the stratum.
    known : ndarray of bool, shape (k, n)
        Rows that are scored at each time.
    times : ndarray, shape (k,)
        Times, ascending; none with late entry.
    cuts : ndarray of int64, shape (k, n_strata)
        Where in each stratum the rows begin that are followed beyond each time.
    fewest : float
        A stratum with fewer censorings before the last time shares the censoring curve of all.

    Returns
    -------
    ndarray, shape (s, b, 2 + 3 k)
        C and slope, then AUC, Brier score and Brier score of the null model at each time; NaN where there is none.
    """
    b, n = index.shape
    k, n_strata = times.shape[0], sets.row_bounds.shape[0] - 1
    ways = scored.shape[0]
    measures = np.full((ways, b, N_OVERALL + N_TIMED * k), np.nan)
    dies, rows = event.astype(np.float64), np.arange(n)
    before, at_times, null = np.empty(n), np.empty((n_strata, k)), np.empty((n_strata, k))
    of_all, at_all = np.empty(n), np.empty(k)
    case, control = np.empty(n), np.empty(n)
    in_order = orders.shape[1] > 0
    for draw in range(b):
        own = index[draw]
        if not in_order and ways == 2:
            won, pairs, won_2, pairs_2 = _compare_all_twice(own, scored[0, draw], scored[1, draw], sets)
            measures[0, draw, 0] = won / pairs if pairs > 0.0 else np.nan
            measures[1, draw, 0] = won_2 / pairs_2 if pairs_2 > 0.0 else np.nan
        else:
            for way in range(ways):
                if in_order:
                    won, pairs = _count_by_tree(own, orders[draw], scored[way, draw], sets, dies)
                else:
                    won, pairs = _compare_all(own, scored[way, draw], sets)
                measures[way, draw, 0] = won / pairs if pairs > 0.0 else np.nan
        for way in range(ways):
            measures[way, draw, 1] = slope_counted(own, scored[way, draw], sets)
        if k == 0:
            continue
        pooled = False
        for stratum in range(n_strata):
            begin, end = sets.row_bounds[stratum], sets.row_bounds[stratum + 1]
            early = _walk_censoring(rows[begin:end], time, event, learnt[draw], times, before, at_times[stratum])
            _walk_deaths(begin, end, time, event, learnt[draw], times, null[stratum])
            if n_strata > 1 and (early < fewest or not at_times[stratum, k - 1] > 0.0):
                if not pooled:
                    _walk_censoring(by_time, time, event, learnt[draw], times, of_all, at_all)
                    pooled = True
                at_times[stratum] = at_all
                before[begin:end] = of_all[begin:end]
        for row in range(n):
            before[row] = 1.0 / before[row] if event[row] else 0.0
        for way in range(ways):
            for place in range(k):
                auc, weight, loss, null_loss, total = 0.0, 0.0, 0.0, 0.0, 0.0
                at_risk = risk[draw, place]
                for stratum in range(n_strata):
                    begin, end = sets.row_bounds[stratum], sets.row_bounds[stratum + 1]
                    cut = cuts[place, stratum]
                    lost, kept, cases, controls, n_rows = _weigh(
                        begin, cut, end, at_risk, known[place], scored[way, draw], before, case, control
                    )
                    g, marginal = at_times[stratum, place], null[stratum, place]
                    total += n_rows
                    won = -1.0
                    if in_order:
                        won = _concordant_in_order(orders[draw, begin:end], at_risk, case, control)
                    if won < 0.0:
                        won = _concordant_one_by_one(begin, cut, end, at_risk, case, control)
                    if controls > 0.0:
                        loss += kept / g
                        null_loss += controls * marginal * marginal / g
                    loss += lost
                    null_loss += cases * (1.0 - marginal) * (1.0 - marginal)
                    if cases > 0.0 and controls > 0.0:
                        auc += n_rows * won / (cases * controls)
                        weight += n_rows
                # a risk that is not known, or a time that nobody was followed beyond, makes the loss so
                if total > 0.0 and math.isfinite(loss):
                    first = N_OVERALL + N_TIMED * place
                    measures[way, draw, first] = auc / weight if weight > 0.0 else np.nan
                    measures[way, draw, first + 1] = loss / total
                    measures[way, draw, first + 2] = null_loss / total
    return measures
