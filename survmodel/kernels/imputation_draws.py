r"""Regressions that fill in missing values: estimates, draws of their coefficients, and draws of values.

Features come one a row, the first of them all 1. A **number** has a linear regression; with :math:`A = X'X = L L'`,
residual sum of squares *R*, a chi-squared draw *g* on :math:`\max(n - p, 1)` degrees of freedom and normal draws *z*,

.. math:: \hat\beta = A^{-1} X'y, \qquad \beta^* = \hat\beta + \sqrt{R / g}\; L^{-T} z.

The value of the donor is filled in: one of the *k* observed rows whose :math:`x'\hat\beta` is nearest to
:math:`x'\beta^*` of the row without a value (type 1 matching of van Buuren). **Levels** have a multinomial logistic
regression, of which two levels are the ordinary one, **ordered levels** proportional odds,

.. math::
    \log \frac{P(y = k)}{P(y = 0)} = x'\beta_k, \qquad \operatorname{logit} P(y \le k) = \theta_k - x'\beta,

both by Newton's method, :math:`\beta^* = \hat\beta + L^{-T} z` with the information :math:`L L'`. Against separation
they hold the pseudo-rows of White, Daniel and Royston (2010) as R's mice does: for each predictor and level two rows,
at the mean of all predictors but half a standard deviation below or above it in one, all together of weight *p + 1*.

A column that is a combination of those before it is left out: its coefficient is 0.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel
from survmodel.kernels.exponential import exponentials

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: A column of which a smaller share is left beside the columns before it is a combination of them.
SMALLEST_PIVOT = 1e-6
MOST_STEPS = 60
#: A Newton step that moves no coefficient further is the last one: the next would move it by its square.
SMALLEST_STEP = 1e-5
#: Logits beyond it are certain.
LARGEST_LOGIT = 500.0


@kernel(allocates=False)
def factor(matrix: Floats, low: Floats) -> None:
    """Write the Cholesky factor of a matrix; a column that depends on those before it has a diagonal of 0."""
    p = matrix.shape[0]
    for j in range(p):
        left = matrix[j, j]
        for k in range(j):
            left -= low[j, k] * low[j, k]
        if not left > SMALLEST_PIVOT * matrix[j, j]:
            for i in range(p):
                low[i, j] = 0.0
            for k in range(j):
                low[j, k] = 0.0
            continue
        root = math.sqrt(left)
        low[j, j] = root
        for i in range(j + 1, p):
            rest = matrix[i, j]
            for k in range(j):
                rest -= low[i, k] * low[j, k]
            low[i, j] = rest / root


@kernel(allocates=False)
def solve_upper(low: Floats, vector: Floats) -> None:
    """Replace a vector by ``L^-T vector``; entries of columns left out become 0."""
    p = vector.shape[0]
    for j in range(p - 1, -1, -1):
        if low[j, j] == 0.0:
            vector[j] = 0.0
            continue
        rest = vector[j]
        for k in range(j + 1, p):
            rest -= low[k, j] * vector[k]
        vector[j] = rest / low[j, j]


@kernel(allocates=False)
def solve(low: Floats, vector: Floats) -> None:
    """Replace a vector by ``(L L')^-1 vector``; entries of columns left out become 0."""
    p = vector.shape[0]
    for j in range(p):
        if low[j, j] == 0.0:
            vector[j] = 0.0
            continue
        rest = vector[j]
        for k in range(j):
            rest -= low[j, k] * vector[k]
        vector[j] = rest / low[j, j]
    solve_upper(low, vector)


@kernel(reorder_sums=True, allocates=False)
def add_weighted(x: Floats, weight: Floats, scratch: Floats, whole: bool, out: Floats) -> None:
    """Write ``sum w x x'`` for features of shape (p, n): the lower triangle only unless the whole is asked for."""
    p, n = x.shape
    for j in range(p):
        for i in range(n):
            scratch[i] = weight[i] * x[j, i]
        for k in range(p if whole else j + 1):
            total = 0.0
            for i in range(n):
                total += scratch[i] * x[k, i]
            out[j, k] = total


@kernel(reorder_sums=True, allocates=False)
def project(x: Floats, values: Floats, out: Floats) -> None:
    """Write ``sum values x`` for features of shape (p, n)."""
    p, n = x.shape
    for j in range(p):
        total = 0.0
        for i in range(n):
            total += values[i] * x[j, i]
        out[j] = total


@kernel(allocates=False)
def predict(x: Floats, coefficients: Floats, out: Floats) -> None:
    """Write ``x' coefficients`` for features of shape (p, n)."""
    p, n = x.shape
    for i in range(n):
        out[i] = 0.0
    for j in range(p):
        for i in range(n):
            out[i] += coefficients[j] * x[j, i]


@kernel()
def draw_linear(
    x: Floats, y: Floats, normals: Floats, chi_squared: float, estimate: Floats, drawn: Floats, fitted: Floats
) -> None:
    """Write the least-squares estimate, the fitted values, and a draw of the coefficients around the estimate."""
    p, n = x.shape
    gram, low = np.zeros((p, p)), np.zeros((p, p))
    once = np.ones(n)
    add_weighted(x, once, fitted, False, gram)
    project(x, y, estimate)
    factor(gram, low)
    solve(low, estimate)
    predict(x, estimate, fitted)
    rest = 0.0
    for i in range(n):
        rest += (y[i] - fitted[i]) ** 2
    for j in range(p):
        drawn[j] = normals[j]
    solve_upper(low, drawn)
    spread = math.sqrt(rest / chi_squared)
    for j in range(p):
        drawn[j] = estimate[j] + spread * drawn[j]


@kernel(allocates=False)
def multinomial_sums(
    x: Floats, y: Ints, weight: Floats, levels: int, at: Floats, share: Floats, work: Floats, score: Floats,
    information: Floats,
) -> float:  # fmt: skip
    """Write score and lower triangle of the information of multinomial logits; return the log-likelihood."""
    p, n = x.shape
    for k in range(1, levels):
        predict(x, at[(k - 1) * p : k * p], share[k])
        for i in range(n):
            share[k, i] = min(max(share[k, i], -LARGEST_LOGIT), LARGEST_LOGIT)
    loglik = 0.0
    for i in range(n):
        share[0, i] = 1.0
        if y[i] > 0:
            loglik += weight[i] * share[y[i], i]
    for k in range(1, levels):
        exponentials(share[k], 0.0, work[0])
        for i in range(n):
            share[k, i] = work[0, i]
            share[0, i] += work[0, i]
    for i in range(n):
        total = share[0, i]
        loglik -= weight[i] * math.log(total)
        share[0, i] = 1.0 / total
    for k in range(1, levels):
        first = (k - 1) * p
        for i in range(n):
            share[k, i] *= share[0, i]
            work[0, i] = weight[i] * ((1.0 if y[i] == k else 0.0) - share[k, i])
        project(x, work[0], score[first : first + p])
        for other in range(1, k + 1):
            for i in range(n):
                work[0, i] = weight[i] * share[k, i] * ((1.0 if other == k else 0.0) - share[other, i])
            block = information[first : first + p, (other - 1) * p : other * p]
            add_weighted(x, work[0], work[1], other < k, block)
    return loglik


@kernel(allocates=False)
def logistic(value: float) -> float:
    """Give ``1 / (1 + exp(-value))`` without overflow."""
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    small = math.exp(value)
    return small / (1.0 + small)


@kernel(allocates=False)
def ordinal_sums(
    x: Floats, y: Ints, weight: Floats, levels: int, at: Floats, work: Floats, score: Floats, information: Floats
) -> float:
    """Write score and lower triangle of the information of proportional odds, thresholds first; return the likelihood.

    The first of the features is 1, which proportional odds do not use: thresholds stand for it.
    """
    n, cuts = x.shape[1], levels - 1
    rest = x[1:]
    loglik = 0.0
    for j in range(score.shape[0]):
        score[j] = 0.0
        for k in range(score.shape[0]):
            information[j, k] = 0.0
    eta, slope, both, at_above, at_below = work[0], work[1], work[2], work[3], work[4]
    predict(rest, at[cuts:], eta)
    for i in range(n):
        level, w = y[i], weight[i]
        above, below, slope_a, slope_b, bend_a, bend_b = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
        if level < cuts:
            above = logistic(at[level] - eta[i])
            slope_a = above * (1.0 - above)
            bend_a = slope_a * (1.0 - 2.0 * above)
        if level > 0:
            below = logistic(at[level - 1] - eta[i])
            slope_b = below * (1.0 - below)
            bend_b = slope_b * (1.0 - 2.0 * below)
        share = max(above - below, 1e-300)
        loglik += w * math.log(share)
        first, second = slope_a / share, -slope_b / share
        aa = w * (first * first - bend_a / share)
        bb = w * (second * second + bend_b / share)
        ab = w * first * second
        if level < cuts:
            score[level] += w * first
            information[level, level] += aa
        if level > 0:
            score[level - 1] += w * second
            information[level - 1, level - 1] += bb
        if 0 < level < cuts:
            information[level, level - 1] += ab
        slope[i], both[i] = -w * (first + second), aa + 2.0 * ab + bb
        at_above[i], at_below[i] = aa + ab, bb + ab
    project(rest, slope, score[cuts:])
    add_weighted(rest, both, eta, False, information[cuts:, cuts:])
    for k in range(cuts):
        for i in range(n):
            slope[i] = -at_above[i] if y[i] == k else (-at_below[i] if y[i] == k + 1 else 0.0)
        project(rest, slope, information[cuts:, k])
    return loglik


@kernel(allocates=False)
def is_ordered(cuts: Floats) -> bool:
    """Tell whether thresholds ascend."""
    ascends = True
    for k in range(1, cuts.shape[0]):
        ascends = ascends and cuts[k] > cuts[k - 1]
    return ascends


@kernel(allocates=False)
def level_sums(
    x: Floats, y: Ints, weight: Floats, levels: int, ordinal: bool, at: Floats, share: Floats, work: Floats,
    score: Floats, information: Floats,
) -> float:  # fmt: skip
    """Write score and information of a regression of levels, and return the log-likelihood."""
    if ordinal:
        return ordinal_sums(x, y, weight, levels, at, work, score, information)
    return multinomial_sums(x, y, weight, levels, at, share, work, score, information)


@kernel()
def draw_levels(
    x: Floats, y: Ints, weight: Floats, levels: int, ordinal: bool, normals: Floats, estimate: Floats, drawn: Floats
) -> None:
    """Maximise the likelihood of a regression of levels from ``estimate``, and draw coefficients around it."""
    p, n = estimate.shape[0], x.shape[1]
    score, step, tried = np.empty(p), np.empty(p), np.empty(p)
    information, low, share, work = np.zeros((p, p)), np.zeros((p, p)), np.empty((levels, n)), np.empty((5, n))
    cuts = levels - 1 if ordinal else 0
    loglik, scale = -np.inf, 1.0
    for j in range(p):
        tried[j], step[j] = estimate[j], 0.0
    for _ in range(MOST_STEPS):
        found = -np.inf
        if is_ordered(tried[:cuts]):
            found = level_sums(x, y, weight, levels, ordinal, tried, share, work, score, information)
        if found >= loglik - 1e-10 * (1.0 + abs(found)) and found > -np.inf:
            loglik, scale = found, 1.0
            factor(information, low)
            solve(low, score)
            furthest = 0.0
            for j in range(p):
                estimate[j], step[j] = tried[j], score[j]
                furthest = max(furthest, abs(step[j]))
            if furthest < SMALLEST_STEP:
                for j in range(p):
                    estimate[j] += step[j]
                break
        else:
            scale *= 0.5
        for j in range(p):
            tried[j] = estimate[j] + scale * step[j]
    for j in range(p):
        step[j] = normals[j]
    solve_upper(low, step)
    # Thresholds in disorder are no distribution: the draw comes nearer to the estimate until they ascend.
    for _ in range(MOST_STEPS):
        for j in range(p):
            drawn[j] = estimate[j] + step[j]
        if is_ordered(drawn[:cuts]):
            break
        for j in range(p):
            step[j] *= 0.5


@kernel(allocates=False)
def pick_level(x: Floats, drawn: Floats, levels: int, ordinal: bool, shift: float, uniform: float, room: Floats) -> int:
    """Draw a level of a row: the first whose cumulative probability reaches the uniform draw.

    ``shift`` is added to the log odds of the second of two levels; ``room`` has a place for each level.
    """
    width = x.shape[0]
    if ordinal:
        eta = 0.0
        for j in range(1, width):
            eta += x[j] * drawn[levels - 2 + j]
        for k in range(levels - 1):
            if uniform < logistic(drawn[k] - eta):
                return k
        return levels - 1
    room[0], largest, total = 0.0, 0.0, 0.0
    for k in range(1, levels):
        logit = shift if levels == 2 else 0.0
        for j in range(width):
            logit += x[j] * drawn[(k - 1) * width + j]
        room[k] = logit
        largest = max(largest, logit)
    for k in range(levels):
        total += math.exp(room[k] - largest)
        room[k] = total
    for k in range(levels - 1):
        if uniform * total < room[k]:
            return k
    return levels - 1


@kernel(allocates=False)
def pick_donor(fitted: Floats, target: float, donors: int, uniform: float) -> int:
    """Find one of the rows whose fitted values, in ascending order, are nearest to a target."""
    n = fitted.shape[0]
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if fitted[middle] < target:
            low = middle + 1
        else:
            high = middle
    left, right = low - 1, low
    last = min(int(uniform * min(donors, n)), n - 1)
    place = 0
    for _ in range(last + 1):
        if right >= n or (left >= 0 and target - fitted[left] <= fitted[right] - target):
            place = left
            left -= 1
        else:
            place = right
            right += 1
    return place
