r"""Regressions that fill in missing values: estimates, draws of their coefficients, and draws of values.

Rows of *x* begin with 1. A **number** has a linear regression; with :math:`A = X'X = L L'`, residual sum of squares
*R*, a chi-squared draw *g* on :math:`\max(n - p, 1)` degrees of freedom and normal draws *z*,

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

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: A column of which a smaller share is left beside the columns before it is a combination of them.
SMALLEST_PIVOT = 1e-6
MOST_STEPS = 40
MOST_HALVINGS = 12
#: A Newton step that moves no coefficient further is the last one.
SMALLEST_STEP = 1e-7


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


@kernel()
def draw_linear(x: Floats, y: Floats, normals: Floats, chi_squared: float, estimate: Floats, drawn: Floats) -> None:
    """Write the least-squares estimate and a draw of the coefficients around it."""
    n, p = x.shape
    gram, low = np.zeros((p, p)), np.zeros((p, p))
    estimate[:] = 0.0
    for i in range(n):
        for j in range(p):
            estimate[j] += x[i, j] * y[i]
            for k in range(j + 1):
                gram[j, k] += x[i, j] * x[i, k]
    factor(gram, low)
    solve(low, estimate)
    rest = 0.0
    for i in range(n):
        fitted = 0.0
        for j in range(p):
            fitted += x[i, j] * estimate[j]
        rest += (y[i] - fitted) ** 2
    drawn[:] = normals
    solve_upper(low, drawn)
    spread = math.sqrt(rest / chi_squared)
    for j in range(p):
        drawn[j] = estimate[j] + spread * drawn[j]


@kernel(allocates=False)
def shares(x: Floats, coefficients: Floats, levels: int, out: Floats) -> None:
    """Write the probability of each level, by multinomial logits of which the first is 0."""
    p = x.shape[0]
    largest = 0.0
    out[0] = 0.0
    for k in range(1, levels):
        logit = 0.0
        for j in range(p):
            logit += x[j] * coefficients[(k - 1) * p + j]
        out[k] = logit
        largest = max(largest, logit)
    total = 0.0
    for k in range(levels):
        out[k] = math.exp(out[k] - largest)
        total += out[k]
    for k in range(levels):
        out[k] /= total


@kernel(allocates=False)
def multinomial_sums(
    x: Floats, y: Ints, weight: Floats, levels: int, at: Floats, share: Floats, score: Floats, information: Floats
) -> float:
    """Write score and information of multinomial logits, and return the log-likelihood."""
    n, p = x.shape
    loglik = 0.0
    score[:] = 0.0
    information[:, :] = 0.0
    for i in range(n):
        shares(x[i], at, levels, share)
        loglik += weight[i] * math.log(max(share[y[i]], 1e-300))
        for k in range(1, levels):
            left = weight[i] * ((1.0 if y[i] == k else 0.0) - share[k])
            for j in range(p):
                score[(k - 1) * p + j] += left * x[i, j]
            for other in range(1, k + 1):
                size = weight[i] * share[k] * ((1.0 if other == k else 0.0) - share[other])
                for j in range(p):
                    part = size * x[i, j]
                    for one in range(p):
                        information[(k - 1) * p + j, (other - 1) * p + one] += part * x[i, one]
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
    x: Floats, y: Ints, weight: Floats, levels: int, at: Floats, score: Floats, information: Floats
) -> float:
    """Write score and information of proportional odds, thresholds first; return the log-likelihood.

    Rows of *x* begin with 1, which proportional odds do not use: thresholds stand for it.
    """
    n, width = x.shape
    cuts, p = levels - 1, width - 1
    loglik = 0.0
    score[:] = 0.0
    information[:, :] = 0.0
    for i in range(n):
        eta = 0.0
        for j in range(p):
            eta += x[i, j + 1] * at[cuts + j]
        level = y[i]
        above, below, slope_a, slope_b, bend_a, bend_b = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
        if level < cuts:
            above = logistic(at[level] - eta)
            slope_a = above * (1.0 - above)
            bend_a = slope_a * (1.0 - 2.0 * above)
        if level > 0:
            below = logistic(at[level - 1] - eta)
            slope_b = below * (1.0 - below)
            bend_b = slope_b * (1.0 - 2.0 * below)
        share = max(above - below, 1e-300)
        w = weight[i]
        loglik += w * math.log(share)
        first, second = slope_a / share, -slope_b / share
        aa = w * (first * first - bend_a / share)
        bb = w * (second * second + bend_b / share)
        ab = w * first * second
        first *= w
        second *= w
        if level < cuts:
            score[level] += first
            information[level, level] += aa
        if level > 0:
            score[level - 1] += second
            information[level - 1, level - 1] += bb
        if 0 < level < cuts:
            information[level, level - 1] += ab
        both = aa + 2.0 * ab + bb
        for j in range(p):
            value = x[i, j + 1]
            score[cuts + j] -= (first + second) * value
            if level < cuts:
                information[cuts + j, level] -= (aa + ab) * value
            if level > 0:
                information[cuts + j, level - 1] -= (bb + ab) * value
            for one in range(j + 1):
                information[cuts + j, cuts + one] += both * value * x[i, one + 1]
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
    x: Floats, y: Ints, weight: Floats, levels: int, ordinal: bool, at: Floats, share: Floats, score: Floats,
    information: Floats,
) -> float:  # fmt: skip
    """Write score and information of a regression of levels, and return the log-likelihood."""
    if ordinal:
        return ordinal_sums(x, y, weight, levels, at, score, information)
    return multinomial_sums(x, y, weight, levels, at, share, score, information)


@kernel()
def draw_levels(
    x: Floats, y: Ints, weight: Floats, levels: int, ordinal: bool, normals: Floats, estimate: Floats, drawn: Floats
) -> None:
    """Maximise the likelihood of a regression of levels from ``estimate``, and draw coefficients around it."""
    p = estimate.shape[0]
    score, step, tried = np.empty(p), np.empty(p), np.empty(p)
    information, low, share = np.empty((p, p)), np.zeros((p, p)), np.empty(levels)
    cuts = levels - 1 if ordinal else 0
    loglik = level_sums(x, y, weight, levels, ordinal, estimate, share, score, information)
    for _ in range(MOST_STEPS):
        factor(information, low)
        step[:] = score
        solve(low, step)
        scale, better = 1.0, False
        for _ in range(MOST_HALVINGS):
            for j in range(p):
                tried[j] = estimate[j] + scale * step[j]
            if is_ordered(tried[:cuts]):
                found = level_sums(x, y, weight, levels, ordinal, tried, share, score, information)
                if found >= loglik - 1e-10 * (1.0 + abs(loglik)):
                    better = True
                    break
            scale *= 0.5
        if not better:
            level_sums(x, y, weight, levels, ordinal, estimate, share, score, information)
            break
        loglik = found
        furthest = 0.0
        for j in range(p):
            furthest = max(furthest, abs(tried[j] - estimate[j]))
            estimate[j] = tried[j]
        if furthest < SMALLEST_STEP:
            break
    factor(information, low)
    step[:] = normals
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
def pick_level(x: Floats, drawn: Floats, levels: int, ordinal: bool, shift: float, uniform: float) -> int:
    """Draw a level of a row: the first whose cumulative probability reaches the uniform draw.

    ``shift`` is added to the log odds of the second of two levels.
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
    largest = 0.0
    for k in range(1, levels):
        logit = shift if levels == 2 else 0.0
        for j in range(width):
            logit += x[j] * drawn[(k - 1) * width + j]
        largest = max(largest, logit)
    total = math.exp(-largest)
    reached = total
    for k in range(1, levels):
        logit = shift if levels == 2 else 0.0
        for j in range(width):
            logit += x[j] * drawn[(k - 1) * width + j]
        total += math.exp(logit - largest)
    if uniform * total < reached:
        return 0
    for k in range(1, levels):
        logit = shift if levels == 2 else 0.0
        for j in range(width):
            logit += x[j] * drawn[(k - 1) * width + j]
        reached += math.exp(logit - largest)
        if uniform * total < reached:
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
