r"""Cox's partial likelihood with Firth's penalty, half the logarithm of the determinant of the information.

Firth's estimate maximises :math:`\ell^*(\beta) = \ell(\beta) + \tfrac12 \log |I(\beta)|`. Its score is

.. math::
    U^*_l = U_l + \tfrac12 \operatorname{tr}\bigl(I^{-1} \partial I / \partial \beta_l\bigr), \qquad
    \operatorname{tr}\bigl(I^{-1} \partial I / \partial \beta_l\bigr) = \sum_u \sum_{\text{steps}} \bar w\,
    E\bigl[q\,(x_l - m_l)\bigr], \qquad q = (x - m)' I^{-1} (x - m),

where :math:`E` averages over the risk set of a step of an event time, each row with its relative risk in that step
(see :mod:`survmodel.kernels.cox` for steps, weights and Efron's ties), and :math:`m` is the mean of :math:`x` there.
With :math:`I = L L'` and :math:`z = L^{-1} x` it is :math:`q = |z - m_z|^2`, so that

.. math::
    g_k = E\bigl[q\,(z_k - m_{z,k})\bigr] = E[|z|^2 z_k] - E|z|^2\, m_{z,k} - 2 \sum_j m_{z,j} E[z_j z_k]
    + 2 |m_z|^2 m_{z,k}

needs running sums of :math:`1, z, z z'` and :math:`|z|^2 z` only, and the trace is :math:`\sum_k L_{lk} g_k`. Some
coefficients may be held fixed; the penalty is always that of the whole information.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.cox import (
    MAX_HALVINGS,
    cholesky,
    linear_predictor,
    lived_hazard,
    relative_risk,
    score_and_information,
    solve_factored,
    step_sums,
)
from survmodel.kernels.risk_sets import RiskSets

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: A Newton step moves no standardised coefficient further: far from the maximum the information says little.
LONGEST_STEP = 2.0


@kernel()
def add_row(z: Floats, weight: float, first: Floats, second: Floats, third: Floats) -> None:
    """Add ``weight`` times z, z z' and ``|z|^2 z`` to running sums."""
    p = z.shape[0]
    length = 0.0
    for j in range(p):
        length += z[j] * z[j]
    for j in range(p):
        first[j] += weight * z[j]
        third[j] += weight * length * z[j]
        for k in range(p):
            second[j, k] += weight * z[j] * z[k]


@kernel()
def penalty_score(
    features: Floats,
    risk: Floats,
    multiplicity: Floats,
    count: Floats,
    sets: RiskSets,
    efron: bool,
    factor: Floats,
    out: Floats,
) -> None:
    """Write ``tr(I^-1 dI/dbeta_l)`` for every coefficient, the information factored as ``factor factor'``."""
    p, n = features.shape
    z = np.empty((n, p))
    for i in range(n):
        for j in range(p):
            rest = features[j, i]
            for k in range(j):
                rest -= factor[j, k] * z[i, k]
            z[i, j] = rest / factor[j, j]
    g = np.zeros(p)
    first, second, third = np.empty(p), np.empty((p, p)), np.empty(p)
    first_dying, second_dying, third_dying = np.empty(p), np.empty((p, p)), np.empty(p)
    mean = np.empty(p)
    for stratum in range(sets.row_bounds.shape[0] - 1):
        reached = late = sets.row_bounds[stratum + 1]
        total = 0.0
        first[:] = 0.0
        second[:, :] = 0.0
        third[:] = 0.0
        for u in range(sets.time_bounds[stratum + 1] - 1, sets.time_bounds[stratum] - 1, -1):
            for i in range(sets.after_deaths[u], reached):
                total += risk[i]
                add_row(z[i], risk[i], first, second, third)
            if sets.entry_order.shape[0] > 0:
                for place in range(sets.first_late[u], late):
                    i = sets.entry_order[place]
                    total -= risk[i]
                    add_row(z[i], -risk[i], first, second, third)
                late = sets.first_late[u]
            dying, deaths, weight = 0.0, 0.0, 0.0
            first_dying[:] = 0.0
            second_dying[:, :] = 0.0
            third_dying[:] = 0.0
            for i in range(sets.first_death[u], sets.after_deaths[u]):
                dying += risk[i]
                deaths += count[i]
                weight += multiplicity[i]
                add_row(z[i], risk[i], first_dying, second_dying, third_dying)
            total += dying
            for j in range(p):
                first[j] += first_dying[j]
                third[j] += third_dying[j]
                for k in range(p):
                    second[j, k] += second_dying[j, k]
            reached = sets.first_death[u]
            steps = int(deaths + 0.5)
            if steps == 0 or not weight > 0.0:
                continue
            mean_weight = weight / deaths
            for step in range(steps):
                f = step / deaths if efron else 0.0
                left = 1.0 / (total - f * dying)
                length, of_mean = 0.0, 0.0
                for j in range(p):
                    mean[j] = (first[j] - f * first_dying[j]) * left
                    of_mean += mean[j] * mean[j]
                    length += (second[j, j] - f * second_dying[j, j]) * left
                for k in range(p):
                    cross = 0.0
                    for j in range(p):
                        cross += mean[j] * (second[j, k] - f * second_dying[j, k]) * left
                    cubed = (third[k] - f * third_dying[k]) * left
                    g[k] += mean_weight * (cubed - length * mean[k] - 2.0 * cross + 2.0 * of_mean * mean[k])
    for j in range(p):
        out[j] = 0.0
        for k in range(j + 1):
            out[j] += factor[j, k] * g[k]


@kernel()
def newton_step(curvature: Floats, score: Floats, free: Bools, step: Floats) -> bool:
    """Solve for the step of the free coefficients, 0 for the others; False where the curvature is singular."""
    p = score.shape[0]
    places = np.flatnonzero(free)
    m = places.shape[0]
    block, factor = np.empty((m, m)), np.empty((m, m))
    right, solution = np.empty(m), np.empty(m)
    for a in range(m):
        right[a] = score[places[a]]
        for b in range(m):
            block[a, b] = curvature[places[a], places[b]]
    if cholesky(block, factor, 1e-14) < m:
        return False
    solve_factored(factor, right, solution)
    longest = 0.0
    for a in range(m):
        longest = max(longest, abs(solution[a]))
    shrink = LONGEST_STEP / longest if longest > LONGEST_STEP else 1.0
    for j in range(p):
        step[j] = 0.0
    for a in range(m):
        step[places[a]] = shrink * solution[a]
    return True


@kernel()
def learn_curvature(curvature: Floats, moved: Floats, fallen: Floats) -> None:
    """Correct the curvature by how far the score fell over the last step (BFGS), where it did fall.

    The information is the curvature of the likelihood alone: without the penalty, steps may go to and fro for ever.
    """
    p = moved.shape[0]
    along, across = 0.0, 0.0
    turned = np.zeros(p)
    for j in range(p):
        along += moved[j] * fallen[j]
        for k in range(p):
            turned[j] += curvature[j, k] * moved[k]
    for j in range(p):
        across += moved[j] * turned[j]
    if not (along > 1e-8 * across and across > 0.0):
        return
    for j in range(p):
        for k in range(p):
            curvature[j, k] += fallen[j] * fallen[k] / along - turned[j] * turned[k] / across


@kernel()
def maximise_firth(
    features: Floats,
    offset: Floats,
    multiplicity: Floats,
    count: Floats,
    sets: RiskSets,
    efron: bool,
    start: Floats,
    free: Bools,
    penalised: bool,
    max_iterations: int,
    score_tolerance: float,
    loglik_tolerance: float,
) -> tuple[Floats, Floats, Floats, float, int, bool]:
    r"""Maximise the log-likelihood, with or without Firth's penalty, over the free coefficients.

    Parameters
    ----------
    features : ndarray, shape (p, n)
        Covariates in sorted order, one feature a row.
    offset, multiplicity, count : ndarray, shape (n,)
        Offset, v = count x case weight, and count, in sorted order.
    sets : ndarray of int64
        The layout of :class:`~survmodel.kernels.risk_sets.RiskSets`.
    efron : bool
        Efron's ties, else Breslow's.
    start : ndarray, shape (p,)
        Where to start; coefficients that are not free stay there.
    free : ndarray of bool, shape (p,)
        Coefficients to maximise over.
    penalised : bool
        Whether half the log determinant of the information of all coefficients is added.
    max_iterations : int
        Steps at most.
    score_tolerance : float
        Largest ``|score_j| / sqrt(information_jj)`` of a free coefficient at the maximum.
    loglik_tolerance : float
        Largest relative change of the objective in the last step.

    Returns
    -------
    beta, score : ndarray, shape (p,)
        The maximum and the score there, penalty included.
    information : ndarray, shape (p, p)
        Information of the partial likelihood at the maximum.
    objective : float
        What was maximised.
    iterations : int
        Steps taken; with none asked for the values are those at `start`.
    converged : bool
        Whether both tolerances were met.
    """
    p, n = features.shape
    eta, risk, hazard, died = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    shift = np.empty(sets.row_bounds.shape[0] - 1)
    sums = np.empty((5, sets.first_death.shape[0]))
    ones = np.ones(sets.first_death.shape[0])
    score, information, trace = np.zeros(p), np.zeros((p, p)), np.zeros(p)
    new_information, new_score = np.zeros((p, p)), np.zeros(p)
    factor, step, curvature = np.empty((p, p)), np.zeros(p), np.zeros((p, p))
    moved, fallen = np.zeros(p), np.zeros(p)
    beta, candidate = start.copy(), start.copy()
    objective = -np.inf
    iterations, halvings = 0, 0
    converged = False
    while True:
        linear_predictor(features, candidate, offset, eta)
        relative_risk(eta, multiplicity, sets, risk, shift)
        new_objective = step_sums(eta, risk, shift, multiplicity, count, sets, efron, sums)
        lived_hazard(sums, ones, sets, hazard, died)
        score_and_information(features, risk, multiplicity, sums, ones, hazard, died, sets, new_score, new_information)
        if penalised:
            if cholesky(new_information, factor, 1e-14) < p:
                new_objective = -np.inf
            else:
                for j in range(p):
                    new_objective += math.log(factor[j, j])
        change = (new_objective - objective) / (abs(new_objective) + 1e-300)
        if iterations > 0 and not change > -loglik_tolerance:
            halvings += 1
            if halvings > MAX_HALVINGS:
                break
            for j in range(p):
                candidate[j] = 0.5 * (candidate[j] + beta[j])
            continue
        if new_objective == -np.inf:
            break
        if penalised:
            penalty_score(features, risk, multiplicity, count, sets, efron, factor, trace)
        for j in range(p):
            new_score[j] += 0.5 * trace[j]
            moved[j] = candidate[j] - beta[j]
            fallen[j] = score[j] - new_score[j] if free[j] else 0.0
            beta[j] = candidate[j]
            score[j] = new_score[j]
            for k in range(p):
                information[j, k] = new_information[j, k]
                if iterations == 0 or not penalised:
                    curvature[j, k] = information[j, k]
        if iterations > 0 and penalised:
            learn_curvature(curvature, moved, fallen)
        objective, halvings = new_objective, 0
        worst = 0.0
        for j in range(p):
            if free[j]:
                spread = information[j, j]
                worst = max(worst, abs(score[j]) / math.sqrt(spread) if spread > 0.0 else np.inf)
        if worst < score_tolerance and (iterations == 0 or abs(change) < loglik_tolerance):
            converged = True
            break
        if iterations == max_iterations or not newton_step(curvature, score, free, step):
            break
        for j in range(p):
            candidate[j] = beta[j] + step[j]
        iterations += 1
    return beta, score, information, objective, iterations, converged
