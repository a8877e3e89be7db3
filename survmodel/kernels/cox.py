r"""Cox's partial likelihood with Efron's or Breslow's ties, maximised by Newton's method.

Row *i* counts :math:`c_i` times (frequency) with case weight :math:`w_i`; let :math:`v_i = c_i w_i`, :math:`\eta_i =
x_i'\beta + o_i`. At an event time *u* with deaths :math:`D_u` let :math:`m_u = \sum_{D_u} c_i`, :math:`\bar w_u =
\sum_{D_u} v_i / m_u`, and

.. math::
    S_0 = \sum_{R(u)} v_i e^{\eta_i}, \quad S_1 = \sum_{R(u)} v_i e^{\eta_i} x_i, \quad
    T_0 = \sum_{D_u} v_i e^{\eta_i}, \quad T_1 = \sum_{D_u} v_i e^{\eta_i} x_i .

Efron lets the tied deaths leave in :math:`m_u` steps; in step *l* a share :math:`f_l = l / m_u` of each has left
(Breslow: :math:`f_l = 0`). With :math:`s_l = S_0 - f_l T_0`, the log-likelihood, its score and its information are

.. math::
    \ell &= \sum_{\text{deaths}} v_i \eta_i - \sum_u \sum_l \bar w_u \log s_l \\ U &= \sum_{\text{deaths}} v_i x_i -
    \sum_u (a_1 S_1 - b_1 T_1) = \sum_i x_i v_i (\delta_i - e^{\eta_i} H_i) \\ I &= \sum_i v_i e^{\eta_i} H_i\, x_i
    x_i' - \sum_u \bigl(a_2 S_1 S_1' - b_2 (S_1 T_1' + T_1 S_1') + c_2 T_1 T_1'\bigr)

with the five *step sums* of each event time

.. math::
    a_1 = \sum_l \frac{\bar w}{s_l}, \quad b_1 = \sum_l \frac{\bar w f_l}{s_l}, \quad
    a_2 = \sum_l \frac{\bar w}{s_l^2}, \quad b_2 = \sum_l \frac{\bar w f_l}{s_l^2}, \quad
    c_2 = \sum_l \frac{\bar w f_l^2}{s_l^2}

and the hazard that a row has lived through, :math:`H_i = \sum_{u \in (e_i, t_i]} a_1(u) - b_1(t_i) 1[i \in D]`. A count
stands for tied deaths, so that counts equal replicated rows exactly; a case weight is averaged over the tie, as in R.

The second sum of the information is a Gram product :math:`M M'` with two columns for each event time,
:math:`\sqrt{a_2} S_1 - (b_2/\sqrt{a_2}) T_1` and :math:`\sqrt{c_2 - b_2^2/a_2}\; T_1`; features are stored as rows of a
(p, n) array, so that all long loops run through memory in order.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.exponential import exponentials
from survmodel.kernels.risk_sets import RiskSets

Floats = npt.NDArray[np.float64]

BLOCK = 256
#: A step from where hardly anything is known may be a billion times too long.
MAX_HALVINGS = 60
#: A product of risk-set sums is kept between these.
SMALL, LARGE = 1e-200, 1e200


@kernel(reorder_sums=True)
def mean_and_spread(column: Floats) -> tuple[float, float]:
    """Give the mean of a column and its standard deviation (divisor n), exactly 0 when all values are equal."""
    n = column.shape[0]
    first, total, squares = column[0], 0.0, 0.0
    for i in range(n):
        total += column[i] - first
    mean = first + total / n
    for i in range(n):
        squares += (column[i] - mean) * (column[i] - mean)
    return mean, math.sqrt(squares / n)


@kernel()
def standardise(column: Floats, order: npt.NDArray[np.int64], centre: float, scale: float, feature: Floats) -> None:
    """Write ``(column - centre) / scale`` in sorted order."""
    factor = 1.0 / scale
    for i in range(order.shape[0]):
        feature[i] = (column[np.uintp(order[i])] - centre) * factor


@kernel(reorder_sums=True, allocates=False)
def linear_predictor(features: Floats, beta: Floats, offset: Floats, eta: Floats) -> None:
    """Write ``eta = features' beta + offset`` for features of shape (p, n)."""
    p, n = features.shape
    for i in range(n):
        eta[i] = offset[i]
    # Four features in one walk over eta; what is left over goes one by one.
    for j in range(0, p - 3, 4):
        x0, x1, x2, x3 = features[j], features[j + 1], features[j + 2], features[j + 3]
        b0, b1, b2, b3 = beta[j], beta[j + 1], beta[j + 2], beta[j + 3]
        for i in range(n):
            eta[i] += b0 * x0[i] + b1 * x1[i] + b2 * x2[i] + b3 * x3[i]
    for j in range(p - p % 4, p):
        x, b = features[j], beta[j]
        for i in range(n):
            eta[i] += b * x[i]


@kernel()
def relative_risk(eta: Floats, multiplicity: Floats, sets: RiskSets, risk: Floats, shift: Floats) -> None:
    """Write ``v_i exp(eta_i - shift)``, the shift being the largest eta of the stratum so that nothing overflows."""
    for stratum in range(sets.row_bounds.shape[0] - 1):
        begin, end = sets.row_bounds[stratum], sets.row_bounds[stratum + 1]
        largest = -np.inf
        for i in range(begin, end):
            largest = max(largest, eta[i])
        shift[stratum] = largest
        for first in range(begin, end, BLOCK):
            last = min(first + BLOCK, end)
            exponentials(eta[first:last], largest, risk[first:last])
        for i in range(begin, end):
            risk[i] *= multiplicity[i]


@kernel()
def step_sums(
    eta: Floats,
    risk: Floats,
    shift: Floats,
    multiplicity: Floats,
    count: Floats,
    sets: RiskSets,
    efron: bool,
    sums: Floats,
) -> float:
    """Fill the step sums a1, b1, a2, b2, c2 of every event time, shape (5, n_times); return the log-likelihood.

    Sums are those of ``risk`` as it stands: with a shift, hazards come out multiplied by ``exp(shift)``.
    """
    loglik = 0.0
    for stratum in range(sets.row_bounds.shape[0] - 1):
        reached = late = sets.row_bounds[stratum + 1]
        total = 0.0
        for u in range(sets.time_bounds[stratum + 1] - 1, sets.time_bounds[stratum] - 1, -1):
            for i in range(sets.after_deaths[u], reached):
                total += risk[i]
            if sets.entry_order.shape[0] > 0:
                for place in range(sets.first_late[u], late):
                    total -= risk[sets.entry_order[place]]
                late = sets.first_late[u]
            dying, deaths, weight = 0.0, 0.0, 0.0
            for i in range(sets.first_death[u], sets.after_deaths[u]):
                dying += risk[i]
                deaths += count[i]
                weight += multiplicity[i]
                if multiplicity[i] > 0.0:
                    loglik += multiplicity[i] * (eta[i] - shift[stratum])
            total += dying
            reached = sets.first_death[u]
            a1, b1, a2, b2, c2 = 0.0, 0.0, 0.0, 0.0, 0.0
            steps = int(deaths + 0.5)
            if steps > 0 and weight > 0.0:
                mean_weight = weight / deaths
                product = 1.0
                for step in range(steps):
                    f = step / deaths if efron else 0.0
                    left = 1.0 / (total - f * dying)
                    q = mean_weight * left
                    a1 += q
                    b1 += f * q
                    a2 += q * left
                    b2 += f * q * left
                    c2 += f * f * q * left
                    # One logarithm of a product costs less than many; that of a sum below 0 stays no number.
                    if left > 0.0 and SMALL < product * left < LARGE:
                        product *= left
                    else:
                        loglik += mean_weight * math.log(product)
                        product = left
                loglik += mean_weight * math.log(product)
            sums[0, u] = a1
            sums[1, u] = b1
            sums[2, u] = a2
            sums[3, u] = b2
            sums[4, u] = c2
    return loglik


@kernel()
def lived_hazard(
    sums: Floats,
    time_weight: Floats,
    sets: RiskSets,
    hazard: Floats,
    died: Floats,
) -> None:
    """Write each row's H_i and its death mark delta_i, every event time u counted with `time_weight` (u)."""
    for stratum in range(sets.row_bounds.shape[0] - 1):
        begin, end = sets.row_bounds[stratum], sets.row_bounds[stratum + 1]
        cumulative = 0.0
        row = late = begin
        for u in range(sets.time_bounds[stratum], sets.time_bounds[stratum + 1]):
            while row < sets.first_death[u]:
                hazard[row] = cumulative
                died[row] = 0.0
                row += 1
            cumulative += time_weight[u] * sums[0, u]
            while row < sets.after_deaths[u]:
                hazard[row] = cumulative - time_weight[u] * sums[1, u]
                died[row] = time_weight[u]
                row += 1
        while row < end:
            hazard[row] = cumulative
            died[row] = 0.0
            row += 1
        if sets.entry_order.shape[0] > 0:
            # A second reading in order of entry: what had passed when the row came in was not lived through.
            cumulative = 0.0
            for u in range(sets.time_bounds[stratum], sets.time_bounds[stratum + 1]):
                while late < sets.first_late[u]:
                    hazard[sets.entry_order[late]] -= cumulative
                    late += 1
                cumulative += time_weight[u] * sums[0, u]
            while late < end:
                hazard[sets.entry_order[late]] -= cumulative
                late += 1


@kernel(reorder_sums=True, allocates=False)
def add_gram(left: Floats, right: Floats, start: int | np.int64, length: int, sign: float, out: Floats) -> None:
    """Add ``sign * left[:, :length] @ right[:, start:start + length]'` to the lower triangle of `out`.

    It is added in tiles of 4 by 2, whose sums stay in registers. A tile that goes beyond the p rows repeats the last
    one; `out` has room for it, shape (p + 3, p + 3).
    """
    last = left.shape[0] - 1
    for j in range(0, last + 1, 4):
        a0 = left[j][:length]
        a1 = left[min(j + 1, last)][:length]
        a2 = left[min(j + 2, last)][:length]
        a3 = left[min(j + 3, last)][:length]
        for k in range(0, min(j + 4, last + 1), 2):
            b0 = right[k][start : start + length]
            b1 = right[min(k + 1, last)][start : start + length]
            s00, s01, s10, s11, s20, s21, s30, s31 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for i in range(length):
                s00 += a0[i] * b0[i]
                s01 += a0[i] * b1[i]
                s10 += a1[i] * b0[i]
                s11 += a1[i] * b1[i]
                s20 += a2[i] * b0[i]
                s21 += a2[i] * b1[i]
                s30 += a3[i] * b0[i]
                s31 += a3[i] * b1[i]
            out[j, k] += sign * s00
            out[j, k + 1] += sign * s01
            out[j + 1, k] += sign * s10
            out[j + 1, k + 1] += sign * s11
            out[j + 2, k] += sign * s20
            out[j + 2, k + 1] += sign * s21
            out[j + 3, k] += sign * s30
            out[j + 3, k + 1] += sign * s31


class WorkSpace(NamedTuple):
    """Arrays in which the information of p features is put together, made once for many evaluations.

    Attributes
    ----------
    gram : ndarray, shape (p + 3, p + 3)
        Sums of the lower triangle.
    scaled, means : ndarray, shape (p, BLOCK + 8) and (p, 2 * BLOCK + 8)
        Features by the hazard that their rows have spent, and the columns of M, a block at a time.
    spent, residual, root, slope, rest : ndarray, shape (BLOCK,)
        Of the rows or event times of a block.
    running : ndarray, shape (p,)
        S_1 at the earliest event time looked at.
    """

    gram: Floats
    scaled: Floats
    means: Floats
    spent: Floats
    residual: Floats
    root: Floats
    slope: Floats
    rest: Floats
    running: Floats


@kernel()
def make_work_space(p: int) -> WorkSpace:
    """Make the arrays; rows as long as a page of memory would all lie in the same few lines of the cache."""
    rows = np.empty((5, BLOCK))
    return WorkSpace(
        np.empty((p + 3, p + 3)), np.empty((p, BLOCK + 8)), np.empty((p, 2 * BLOCK + 8)),
        rows[0], rows[1], rows[2], rows[3], rows[4], np.empty(p),
    )  # fmt: skip


@kernel(allocates=False)
def _spend(risk: Floats, multiplicity: Floats, hazard: Floats, died: Floats, spent: Floats, residual: Floats) -> None:
    """Write the hazard that each row has spent, and its martingale residual."""
    for i in range(risk.shape[0]):
        spent[i] = risk[i] * hazard[i]
        residual[i] = multiplicity[i] * died[i] - spent[i]


@kernel()
def score_and_information(
    features: Floats,
    risk: Floats,
    multiplicity: Floats,
    sums: Floats,
    time_weight: Floats,
    hazard: Floats,
    died: Floats,
    sets: RiskSets,
    score: Floats,
    information: Floats,
) -> None:
    """Write the score (p,) and the information (p, p), event times weighted (not negative)."""
    space = make_work_space(features.shape[0])
    differentiate(features, risk, multiplicity, sums, time_weight, hazard, died, sets, space, score, information)


@kernel(reorder_sums=True, allocates=False)
def differentiate(
    features: Floats,
    risk: Floats,
    multiplicity: Floats,
    sums: Floats,
    time_weight: Floats,
    hazard: Floats,
    died: Floats,
    sets: RiskSets,
    space: WorkSpace,
    score: Floats,
    information: Floats,
) -> None:
    """Write score and information as :func:`score_and_information` does, in arrays made before."""
    p, n = features.shape
    gram, scaled, spent, residual = space.gram, space.scaled, space.spent, space.residual
    for j in range(p):
        score[j] = 0.0
    for j in range(p + 3):
        for k in range(p + 3):
            gram[j, k] = 0.0
    for begin in range(0, n, BLOCK):
        length = min(BLOCK, n - begin)
        _spend(
            risk[begin : begin + length],
            multiplicity[begin : begin + length],
            hazard[begin : begin + length],
            died[begin : begin + length],
            spent,
            residual,
        )
        for j in range(p):
            x, product = features[j][begin : begin + length], scaled[j]
            total = 0.0
            for i in range(length):
                total += x[i] * residual[i]
                product[i] = x[i] * spent[i]
            score[j] += total
        add_gram(scaled, features, begin, length, 1.0, gram)
    means, running = space.means, space.running
    for stratum in range(sets.row_bounds.shape[0] - 1):
        for j in range(p):
            running[j] = 0.0
        reached = late = sets.row_bounds[stratum + 1]
        last = sets.time_bounds[stratum + 1]
        while last > sets.time_bounds[stratum]:
            first = max(sets.time_bounds[stratum], last - BLOCK)
            columns = _risk_set_columns(
                features,
                risk,
                sums,
                time_weight,
                sets,
                first,
                last,
                reached,
                late,
                space,
            )
            # Not a bare 0: the compiler would make a second add_gram for it.
            add_gram(means, means, np.int64(0), columns, -1.0, gram)
            reached = sets.first_death[first]
            if sets.entry_order.shape[0] > 0:
                late = sets.first_late[first]
            last = first
    for j in range(p):
        for k in range(j + 1):
            information[j, k] = information[k, j] = gram[j, k]


@kernel(allocates=False)
def _risk_set_columns(
    features: Floats,
    risk: Floats,
    sums: Floats,
    time_weight: Floats,
    sets: RiskSets,
    first: int,
    last: int,
    reached: int,
    late: int,
    space: WorkSpace,
) -> int:
    """Write the columns of M for event times `last` - 1 down to `first`, carrying S_1; return how many.

    The second column of an event time is 0, and left out, where one row died or ties are Breslow's.
    """
    p = features.shape[0]
    means, running, root, slope, rest = space.means, space.running, space.root, space.slope, space.rest
    for u in range(last - first):
        a2, b2, c2 = sums[2, first + u], sums[3, first + u], sums[4, first + u]
        weight = time_weight[first + u]
        root[u] = slope[u] = rest[u] = 0.0
        if weight * a2 != 0.0:
            root[u] = math.sqrt(weight * a2)
            slope[u] = weight * b2 / root[u]
            rest[u] = math.sqrt(max(weight * c2 - slope[u] * slope[u], 0.0))
    column = 0
    # Five features in one walk over the event times, for its branches cost more than the sums; the last may repeat.
    for j in range(0, p, 5):
        j1, j2, j3, j4 = min(j + 1, p - 1), min(j + 2, p - 1), min(j + 3, p - 1), min(j + 4, p - 1)
        x0, x1, x2, x3, x4 = features[j], features[j1], features[j2], features[j3], features[j4]
        mean0, mean1, mean2, mean3, mean4 = means[j], means[j1], means[j2], means[j3], means[j4]
        total0, total1, total2, total3, total4 = running[j], running[j1], running[j2], running[j3], running[j4]
        row_end, place_end = reached, late
        column = 0
        for back in range(last - first):
            u = last - 1 - back
            alive0, alive1, alive2, alive3, alive4 = 0.0, 0.0, 0.0, 0.0, 0.0
            # Unsigned: an index that could be negative would be tested for it at every use.
            for i in range(np.uintp(sets.after_deaths[u]), np.uintp(row_end)):
                alive0 += risk[i] * x0[i]
                alive1 += risk[i] * x1[i]
                alive2 += risk[i] * x2[i]
                alive3 += risk[i] * x3[i]
                alive4 += risk[i] * x4[i]
            if sets.entry_order.shape[0] > 0:
                for place in range(sets.first_late[u], place_end):
                    late_row = sets.entry_order[place]
                    total0 -= risk[late_row] * x0[late_row]
                    total1 -= risk[late_row] * x1[late_row]
                    total2 -= risk[late_row] * x2[late_row]
                    total3 -= risk[late_row] * x3[late_row]
                    total4 -= risk[late_row] * x4[late_row]
                place_end = sets.first_late[u]
            dying0, dying1, dying2, dying3, dying4 = 0.0, 0.0, 0.0, 0.0, 0.0
            for i in range(np.uintp(sets.first_death[u]), np.uintp(sets.after_deaths[u])):
                dying0 += risk[i] * x0[i]
                dying1 += risk[i] * x1[i]
                dying2 += risk[i] * x2[i]
                dying3 += risk[i] * x3[i]
                dying4 += risk[i] * x4[i]
            total0 += alive0 + dying0
            total1 += alive1 + dying1
            total2 += alive2 + dying2
            total3 += alive3 + dying3
            total4 += alive4 + dying4
            row_end = sets.first_death[u]
            of_total, of_dying = root[u - first], slope[u - first]
            mean0[column] = of_total * total0 - of_dying * dying0
            mean1[column] = of_total * total1 - of_dying * dying1
            mean2[column] = of_total * total2 - of_dying * dying2
            mean3[column] = of_total * total3 - of_dying * dying3
            mean4[column] = of_total * total4 - of_dying * dying4
            column += 1
            if rest[u - first] > 0.0:
                mean0[column] = rest[u - first] * dying0
                mean1[column] = rest[u - first] * dying1
                mean2[column] = rest[u - first] * dying2
                mean3[column] = rest[u - first] * dying3
                mean4[column] = rest[u - first] * dying4
                column += 1
        running[j], running[j1], running[j2], running[j3], running[j4] = total0, total1, total2, total3, total4
    return column


@kernel()
def cholesky(matrix: Floats, factor: Floats, tolerance: float) -> int:
    """Factor a symmetric matrix; a column that the earlier ones explain gets a zero pivot.

    Returns the rank. The tolerance is relative to the column's own diagonal element.
    """
    p = matrix.shape[0]
    rank = 0
    for j in range(p):
        for i in range(p):
            factor[i, j] = 0.0
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= factor[j, k] * factor[j, k]
        if not pivot > tolerance * matrix[j, j]:
            continue
        rank += 1
        root = math.sqrt(pivot)
        factor[j, j] = root
        for i in range(j + 1, p):
            rest = matrix[i, j]
            for k in range(j):
                rest -= factor[i, k] * factor[j, k]
            factor[i, j] = rest / root
    return rank


@kernel()
def solve_factored(factor: Floats, right: Floats, solution: Floats) -> None:
    """Solve ``L L' x = right``; columns with a zero pivot get 0."""
    p = factor.shape[0]
    for i in range(p):
        rest = right[i]
        for k in range(i):
            rest -= factor[i, k] * solution[k]
        solution[i] = rest / factor[i, i] if factor[i, i] > 0.0 else 0.0
    for i in range(p - 1, -1, -1):
        rest = solution[i]
        for k in range(i + 1, p):
            rest -= factor[k, i] * solution[k]
        solution[i] = rest / factor[i, i] if factor[i, i] > 0.0 else 0.0


@kernel()
def maximise(
    features: Floats,
    offset: Floats,
    multiplicity: Floats,
    count: Floats,
    penalty: Floats,
    sets: RiskSets,
    efron: bool,
    start: Floats,
    max_iterations: int,
    score_tolerance: float,
    loglik_tolerance: float,
    last_step: float,
) -> tuple[Floats, Floats, Floats, Floats, float, float, int, bool]:
    r"""Maximise ``loglik - sum(penalty * beta^2) / 2`` by Newton's method with step halving.

    Parameters
    ----------
    features : ndarray, shape (p, n)
        Covariates in sorted order, one feature a row.
    offset, multiplicity, count : ndarray, shape (n,)
        Offset, v = count x case weight, and count, in sorted order.
    penalty : ndarray, shape (p,)
        Ridge penalties, 0 for none.
    sets : ndarray of int64
        The layout of :class:`~survmodel.kernels.risk_sets.RiskSets`.
    efron : bool
        Efron's ties, else Breslow's.
    start : ndarray, shape (p,)
        Where to start.
    max_iterations : int
        Newton steps at most.
    score_tolerance : float
        Largest ``|score_j| / sqrt(information_jj)`` at the maximum.
    loglik_tolerance : float
        Largest relative change of the log-likelihood in the last step.
    last_step : float
        Where the score is smaller than this, a step ends as near the maximum as its square: it is taken without another
        look, and all but `beta` are those before it. 0 for never.

    Returns
    -------
    beta, score : ndarray, shape (p,)
        The maximum and the penalised score there.
    information : ndarray, shape (p, p)
        Information of the partial likelihood at the maximum, penalty left out.
    at_start : ndarray, shape (p + 1, p)
        Score (first row) and information at `start`, penalty left out.
    start_loglik, loglik : float
        Log partial likelihood at `start` and at the maximum, penalty left out.
    iterations : int
        Newton steps taken.
    converged : bool
        Whether both tolerances were met.
    """
    p, n = features.shape
    eta, risk, died = np.empty(n), np.empty(n), np.empty(n)
    # One vector in two parts: when the hazards are known the index has done its work.
    hazard = eta
    shift = np.empty(sets.row_bounds.shape[0] - 1)
    sums = np.empty((5, sets.first_death.shape[0]))
    ones = np.ones(sets.first_death.shape[0])
    score, information = np.zeros(p), np.zeros((p, p))
    penalised, factor, step = np.empty((p, p)), np.empty((p, p)), np.empty(p)
    space = make_work_space(p)
    at_start = np.zeros((p + 1, p))
    beta, candidate = start.copy(), start.copy()
    loglik, objective, start_loglik = 0.0, -np.inf, 0.0
    iterations, halvings = 0, 0
    converged = False
    while True:
        linear_predictor(features, candidate, offset, eta)
        relative_risk(eta, multiplicity, sets, risk, shift)
        new_loglik = step_sums(
            eta,
            risk,
            shift,
            multiplicity,
            count,
            sets,
            efron,
            sums,
        )
        new_objective = new_loglik
        for j in range(p):
            new_objective -= 0.5 * penalty[j] * candidate[j] * candidate[j]
        change = (new_objective - objective) / (abs(new_objective) + 1e-300)
        if iterations > 0 and not change > -loglik_tolerance:
            halvings += 1
            if halvings > MAX_HALVINGS:
                break
            for j in range(p):
                candidate[j] = 0.5 * (candidate[j] + beta[j])
            continue
        for j in range(p):
            beta[j] = candidate[j]
        loglik, objective, halvings = new_loglik, new_objective, 0
        lived_hazard(sums, ones, sets, hazard, died)
        differentiate(features, risk, multiplicity, sums, ones, hazard, died, sets, space, score, information)
        if iterations == 0:
            for j in range(p):
                at_start[0, j] = score[j]
                for k in range(p):
                    at_start[k + 1, j] = information[k, j]
            start_loglik = loglik
        worst = 0.0
        for j in range(p):
            score[j] -= penalty[j] * beta[j]
            spread = information[j, j] + penalty[j]
            worst = max(worst, abs(score[j]) / math.sqrt(spread) if spread > 0.0 else np.inf)
        if worst < score_tolerance and (iterations == 0 or abs(change) < loglik_tolerance):
            converged = True
            break
        converged = worst < last_step
        if iterations == max_iterations and not converged:
            break
        for j in range(p):
            for k in range(p):
                penalised[j, k] = information[j, k] + (penalty[j] if j == k else 0.0)
        cholesky(penalised, factor, 1e-12)
        solve_factored(factor, score, step)
        for j in range(p):
            candidate[j] = beta[j] + step[j]
        if converged:
            beta = candidate
            break
        iterations += 1
    return beta, score, information, at_start, start_loglik, loglik, iterations, converged


@kernel()
def risk_set_sums(
    features: Floats,
    risk: Floats,
    sets: RiskSets,
) -> tuple[Floats, Floats]:
    """Sum x over the risk set (S_1) and over the deaths (T_1) of every event time, both of shape (n_times, p)."""
    p = features.shape[0]
    at_risk = np.zeros((sets.first_death.shape[0], p))
    dying = np.zeros((sets.first_death.shape[0], p))
    for j in range(p):
        x = features[j]
        for stratum in range(sets.row_bounds.shape[0] - 1):
            total = 0.0
            reached = late = sets.row_bounds[stratum + 1]
            for u in range(sets.time_bounds[stratum + 1] - 1, sets.time_bounds[stratum] - 1, -1):
                for i in range(sets.after_deaths[u], reached):
                    total += risk[i] * x[i]
                if sets.entry_order.shape[0] > 0:
                    for place in range(sets.first_late[u], late):
                        i = sets.entry_order[place]
                        total -= risk[i] * x[i]
                    late = sets.first_late[u]
                for i in range(sets.first_death[u], sets.after_deaths[u]):
                    dying[u, j] += risk[i] * x[i]
                total += dying[u, j]
                at_risk[u, j] = total
                reached = sets.first_death[u]
    return at_risk, dying
