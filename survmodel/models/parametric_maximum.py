"""The maximum of a parametric likelihood: where the climb begins, how it ends, and why it may not exist.

Columns and log times are centred and columns scaled before the climb, so that units change nothing. lifelines climbs
first; it stops when the log-likelihood hardly moves, which on real data has been 1e-4 of a coefficient too early.
Newton's method with the exact second derivatives goes on from there to the package's rule: a score of 1e-9 of its
standard deviation and a relative change of the log-likelihood below 1e-12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.models.cox_likelihood import LOGLIK_TOLERANCE, RUNAWAY, SCORE_TOLERANCE, list_columns, refuse_aliased
from survmodel.models.parametric_laws import LAWS, Law
from survmodel.models.parametric_likelihood import (
    ParametricRows,
    loglik_terms,
    read_parameters,
    score_and_information,
)
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]

MAX_ITERATIONS = 100
#: Damping of the steps beyond this is standing still.
MOST_DAMPING = 1e10
#: A scale this small means that the likelihood has no maximum: it puts all events at one time.
SMALLEST_LOG_SCALE = -8.0
#: Information about the log scale below this for each event: intervals tell nothing of it but that it is small.
LEAST_PER_EVENT = 1e-3
#: Smallest eigenvalue of the information, scaled to a diagonal of 1, that can be inverted.
SINGULAR = 1e-12
#: A shape this large means the same.
LARGEST_SHAPE = 12.0
REMEDY = "leave columns out, or merge levels; a Cox model takes a penalty"


@dataclass(frozen=True, slots=True, eq=False)
class ParametricMaximum:
    """The maximum on the scale of the design matrix and of time; k parameters.

    Attributes
    ----------
    theta : ndarray, shape (k,)
        Intercept, coefficients, log scale, shape.
    covariance, information : ndarray, shape (k, k)
        Inverse of the observed information, and the information.
    loglik, loglik_null : float
        Log-likelihood at the maximum, and at that of the model without columns.
    score_size : float
        Largest ``|score_j| / sqrt(information_jj)`` at the maximum, columns standardised.
    loglik_change : float
        Relative change of the log-likelihood in the last step.
    iterations : int
        Newton steps.
    """

    theta: Floats
    covariance: Floats
    information: Floats
    loglik: float
    loglik_null: float
    score_size: float
    loglik_change: float
    iterations: int


@dataclass(frozen=True, slots=True, eq=False)
class _Climb:
    """Where Newton's method stands."""

    theta: Floats
    loglik: float
    score: Floats
    information: Floats
    change: float = np.inf
    iterations: int = 0

    @property
    def score_size(self) -> float:
        spread = np.sqrt(np.maximum(np.diag(self.information), np.finfo(float).tiny))
        return float(np.max(np.abs(self.score) / spread, initial=0.0))

    @property
    def converged(self) -> bool:
        return self.score_size < SCORE_TOLERANCE and abs(self.change) < LOGLIK_TOLERANCE


def maximise(
    rows: ParametricRows, law: Law, names: tuple[str, ...], starts: Sequence[Floats] = (), *, first_climb: bool = True
) -> ParametricMaximum:
    """Maximise the log-likelihood.

    Parameters
    ----------
    rows : ParametricRows
        Data.
    law : Law
        The distribution.
    names : tuple of str
        Columns of the design matrix, for messages.
    starts : sequence of ndarray, shape (k,)
        Points to begin from, beside the maximum without columns.
    first_climb : bool
        Whether lifelines climbs first.

    Returns
    -------
    ParametricMaximum
        On the scale of the design matrix.

    Raises
    ------
    FitError
        For collinear columns, and when the likelihood has no maximum.
    """
    scaled, back = _standardise(rows)
    _refuse_collinear(scaled, names)
    null = _fit_null(scaled, law)
    at_null = np.concatenate([null.theta[:1], np.zeros(len(names)), null.theta[1:]])
    points = [at_null, *(np.linalg.solve(back.matrix(law), start - back.shift(law)) for start in starts)]
    if first_climb:
        from survmodel.models.parametric_start import climb_with_lifelines

        found = climb_with_lifelines(scaled, law)
        points += [] if found is None else [found]
    start = max((_stand(scaled, law, point) for point in points), key=lambda one: _height(one.loglik))
    end = _newton(scaled, law, start) if names or first_climb else null
    _refuse_no_scale(scaled, end, law)
    _refuse_no_maximum(end, _stand(scaled, law, at_null), law, names)
    matrix = back.matrix(law)
    covariance = matrix @ _inverse(end.information) @ matrix.T
    inverse = np.linalg.inv(matrix)
    return ParametricMaximum(
        theta=frozen(matrix @ end.theta + back.shift(law)),
        covariance=frozen((covariance + covariance.T) / 2),
        information=frozen(inverse.T @ end.information @ inverse),
        loglik=end.loglik - back.jacobian,
        loglik_null=null.loglik - back.jacobian,
        score_size=end.score_size,
        loglik_change=float(end.change),
        iterations=end.iterations,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Back:
    """The way back from standardised columns and centred log times."""

    centre: Floats
    scale: Floats
    level: float
    jacobian: float

    def matrix(self, law: Law) -> Floats:
        more = int(law.has_scale) + int(law.has_shape)
        p = self.centre.size
        matrix = np.eye(1 + p + more)
        matrix[0, 1 : 1 + p] = -self.centre / self.scale
        matrix[1 : 1 + p, 1 : 1 + p] = np.diag(1 / self.scale)
        return matrix

    def shift(self, law: Law) -> Floats:
        shift = np.zeros(1 + self.centre.size + int(law.has_scale) + int(law.has_shape))
        shift[0] = self.level
        return shift


def _standardise(rows: ParametricRows) -> tuple[ParametricRows, _Back]:
    """Centre and scale the columns, and divide the times by their geometric mean, offsets taken off."""
    centre = rows.x.mean(axis=0)
    centred = rows.x - centre
    spread = np.sqrt((centred**2).mean(axis=0))
    scale = np.where(spread > 1e-13 * np.abs(centre), spread, 1.0)
    level = float(np.average(np.log(rows.middle) - rows.offset, weights=rows.multiplicity))
    unit = np.exp(level)
    exact = float(rows.multiplicity[rows.exact].sum())
    scaled = replace(rows, x=centred / scale, lower=rows.lower / unit, upper=rows.upper / unit, entry=rows.entry / unit)
    return scaled, _Back(centre, scale, level, exact * level)


def _fit_null(rows: ParametricRows, law: Law) -> _Climb:
    """Fit the model without columns; the generalized gamma from its Weibull and lognormal members."""
    empty = replace(rows, x=rows.x[:, :0])
    away = np.log(rows.middle) - rows.offset
    spread = max(float(np.sqrt(np.average(away**2, weights=rows.multiplicity))), 0.05)
    begin = np.array([0.0, np.log(spread)])
    if not law.has_scale:
        return _newton(empty, law, _stand(empty, law, begin[:1]))
    if not law.has_shape:
        return _newton(empty, law, _stand(empty, law, begin))
    members = [(_newton(empty, LAWS[name], _stand(empty, LAWS[name], begin)), q) for name, q in MEMBERS]
    ends = [_newton(empty, law, _stand(empty, law, np.append(one.theta, q))) for one, q in members]
    return max(ends, key=lambda one: (one.converged, _height(one.loglik)))


#: Members of the generalized gamma family, by their shape.
MEMBERS = (("weibull", 1.0), ("lognormal", 0.0))


def _stand(rows: ParametricRows, law: Law, theta: Floats) -> _Climb:
    terms = loglik_terms(rows, read_parameters(theta, law), law)
    score, information = score_and_information(rows, terms, law)
    with np.errstate(all="ignore"):
        return _Climb(theta, float(rows.multiplicity @ terms.value), score, information)


def _height(loglik: float) -> float:
    return loglik if np.isfinite(loglik) else -np.inf


def _newton(rows: ParametricRows, law: Law, here: _Climb) -> _Climb:
    """Climb by damped Newton steps until the score is nothing, or no step goes up."""
    damping = 0.0
    while not here.converged and here.iterations < MAX_ITERATIONS:
        found = _step(rows, law, here, damping)
        if found is None:
            return here
        here, damping = found
        parameters = read_parameters(here.theta, law)
        if parameters.log_scale < SMALLEST_LOG_SCALE or abs(parameters.shape) > LARGEST_SHAPE:
            return here
    return here


def _step(rows: ParametricRows, law: Law, here: _Climb, damping: float) -> tuple[_Climb, float] | None:
    """Take the longest step that does not go down, more damping making it shorter and steeper."""
    size = np.abs(np.diag(here.information))
    size = np.maximum(size, 1e-3 * size.max())
    while damping < MOST_DAMPING:
        try:
            half = np.linalg.cholesky(here.information + damping * np.diag(size))
        except np.linalg.LinAlgError:
            damping = max(4 * damping, 1e-4)
            continue
        step = np.linalg.solve(half.T, np.linalg.solve(half, here.score))
        there = _stand(rows, law, here.theta + step)
        change = (there.loglik - here.loglik) / (abs(there.loglik) + 1e-300)
        if np.isfinite(change) and change > -LOGLIK_TOLERANCE and np.isfinite(there.information).all():
            moved = replace(there, change=change, iterations=here.iterations + 1)
            return moved, 0.0 if damping < 1e-6 else damping / 16
        damping = max(4 * damping, 1e-4)
    return None


def _refuse_collinear(rows: ParametricRows, names: tuple[str, ...]) -> None:
    try:
        refuse_aliased(rows.x.T @ rows.x, names)
    except FitError as error:
        raise FitError(error.problem, "the columns are collinear in the analysed rows", error.remedy) from None


def _refuse_no_scale(rows: ParametricRows, end: _Climb, law: Law) -> None:
    """Refuse a scale that goes to 0, as log times lie on a line, or of which intervals tell nothing but that."""
    if read_parameters(end.theta, law).log_scale < SMALLEST_LOG_SCALE:
        raise FitError(
            "the likelihood has no maximum: the scale goes to 0",
            remedy="the events lie at one time, or one time is in the interval of every event: use fewer columns, or "
            "the exponential law, which has no scale",
        )
    if not law.has_scale or rows.exact.any():
        return
    least = LEAST_PER_EVENT * float(rows.multiplicity[rows.event].sum())
    if not _about(end.information, rows.x.shape[1] + 1) > least:
        raise FitError(
            "the intervals do not tell the scale of log time",
            remedy="one time is in the interval of every event, or there was one visit only: use fewer columns, or the "
            "exponential law, which has no scale",
        )


def _about(information: Floats, place: int) -> float:
    """Give the information about one parameter when the others are estimated too; 0 where it has none."""
    others = np.delete(np.arange(len(information)), place)
    block, row = information[np.ix_(others, others)], information[others, place]
    with np.errstate(all="ignore"):
        try:
            rest = information[place, place] - row @ np.linalg.solve(block, row)
        except np.linalg.LinAlgError:
            return 0.0
    # What is left of a difference after rounding is none.
    return float(rest) if rest > SINGULAR * information[place, place] else 0.0


def _refuse_no_maximum(end: _Climb, start: _Climb, law: Law, names: tuple[str, ...]) -> None:
    """Refuse a shape or a coefficient that grows for ever, and a climb that did not end."""
    parameters = read_parameters(end.theta, law)
    if abs(parameters.shape) > LARGEST_SHAPE:
        raise FitError(
            "the likelihood has no maximum: the shape of the generalized gamma grows without bound",
            remedy="use a distribution without a shape, as weibull or lognormal",
        )
    lost = _lost_columns(end, start, len(names))
    if lost.any():
        columns = [
            f"{name} ({'shorter' if b < 0 else 'longer'} times)"
            for name, b, gone in zip(names, end.theta[1:], lost, strict=False)
            if gone
        ]
        raise FitError(
            "the likelihood has no maximum: a coefficient grows without bound",
            "separation by " + list_columns(columns),
            "a group has no events, or a covariate orders the events perfectly: merge levels, leave the covariate out, "
            'or use a Cox model with Firth\'s penalised likelihood, penalty="firth"',
        )
    if not end.converged:
        shape = "; use a distribution without a shape, as weibull or lognormal" if law.has_shape else ""
        raise FitError(f"Newton's method did not converge in {end.iterations} steps", remedy=REMEDY + shape)


def _lost_columns(end: _Climb, start: _Climb, p: int) -> npt.NDArray[np.bool_]:
    """Mark columns about which the data at the end say nothing any more, compared with the start."""
    nothing = np.zeros(p, dtype=bool)
    before, after = start.information[: 1 + p, : 1 + p], end.information[: 1 + p, : 1 + p]
    if p == 0 or not np.isfinite(after).all():
        return nothing
    try:
        half = np.linalg.cholesky(before)
    except np.linalg.LinAlgError:
        return nothing
    # information grows as the scale falls, for all columns alike
    left = np.linalg.solve(half, np.linalg.solve(half, after).T)
    shares, directions = np.linalg.eigh((left + left.T) / 2)
    gone = shares <= RUNAWAY * max(float(shares[-1]), 1.0)
    if not gone.any():
        return nothing
    size = np.abs(np.linalg.solve(half.T, directions[:, gone])).max(axis=1)[1:]
    marked: npt.NDArray[np.bool_] = size > 0.1 * size.max()
    return marked


def _inverse(information: Floats) -> Floats:
    """Invert the information, which is positive definite at a maximum."""
    spread = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    correlation = information / np.outer(spread, spread)
    if not np.isfinite(correlation).all() or np.linalg.eigvalsh(correlation)[0] < SINGULAR:
        raise FitError(
            "the likelihood is flat at its top: what it tells of one parameter hangs on another",
            remedy=f"{REMEDY}; a law with fewer parameters may do",
        )
    inverse: Floats = np.linalg.inv(correlation) / np.outer(spread, spread)
    return inverse
