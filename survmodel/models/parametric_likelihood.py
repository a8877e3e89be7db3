r"""The log-likelihood of a parametric survival model, with its score and information, from censored rows.

With :math:`\mu_i = x_i'\beta` plus the offset, :math:`w(t) = (\log t - \mu_i) / \sigma` and L the log survival
probability of the law, a row that enters at *e* contributes

.. math::
    \text{event at } t &: \log f(w(t)) - \log\sigma - \log t - L(w(e)) \\
    \text{between } l \text{ and } u &: L(w(l)) + \log\bigl(1 - e^{L(w(u)) - L(w(l))}\bigr) - L(w(e))

where u is infinite for a censored row and l is 0 for an event before the first look. The density is that of the time
and not of its logarithm, as in R's ``survreg``. Parameters are the coefficients, :math:`\log\sigma` and the shape Q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.models.jets import Jet
from survmodel.models.parametric_laws import Law

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Point of a row: location, log scale, shape.
PARTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class ParametricRows:
    """What the likelihood is computed from; n rows, p columns.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        Design matrix without an intercept.
    offset, weight, count : ndarray, shape (n,)
        Offset of log time, case weight and frequency of each row.
    lower, upper : ndarray, shape (n,)
        The event is after `lower` and not after `upper`; equal = at that time, `upper` infinite = censored.
    entry : ndarray, shape (n,)
        Entry times, 0 where observation began at the origin.
    """

    x: Floats
    offset: Floats
    weight: Floats
    count: Floats
    lower: Floats
    upper: Floats
    entry: Floats

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.lower.size)

    @property
    def exact(self) -> Bools:
        """True for events whose time is known."""
        known: Bools = self.lower == self.upper
        return known

    @property
    def event(self) -> Bools:
        """True for events, their time known or not."""
        return np.isfinite(self.upper)

    @property
    def multiplicity(self) -> Floats:
        """How much each row counts."""
        return self.weight * self.count

    @property
    def weight_is_broken(self) -> bool:
        """Whether any case weight is not whole."""
        return bool((self.weight != np.round(self.weight)).any())

    @property
    def middle(self) -> Floats:
        """A time above 0 of each row, to begin with: of the event, the middle of its interval, or of censoring."""
        mean = (self.lower + np.where(self.event, self.upper, self.lower)) / 2
        middle: Floats = np.maximum(mean, mean[mean > 0].min())
        return middle

    def take(self, rows: npt.NDArray[np.int64], count: Floats) -> ParametricRows:
        """Select rows by position and count them anew.

        Parameters
        ----------
        rows : ndarray of int64, shape (m,)
            Positions.
        count : ndarray, shape (m,)
            Their counts.

        Returns
        -------
        ParametricRows
            The selected rows.
        """
        return ParametricRows(
            self.x[rows],
            self.offset[rows],
            self.weight[rows],
            count,
            self.lower[rows],
            self.upper[rows],
            self.entry[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class RowTerms:
    """Contribution of each row with derivatives by its location, the log scale and the shape.

    Attributes
    ----------
    value : ndarray, shape (n,)
        Log-likelihood.
    first : ndarray, shape (n, 3)
        First derivatives.
    second : ndarray, shape (n, 3, 3)
        Second derivatives.
    """

    value: Floats
    first: Floats
    second: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A point of the parameter space.

    Attributes
    ----------
    beta : ndarray, shape (1 + p,)
        Intercept and coefficients.
    log_scale, shape : float
        Logarithm of sigma, and Q.
    """

    beta: Floats
    log_scale: float
    shape: float


def read_parameters(theta: Floats, law: Law) -> Point:
    """Take apart the vector of estimated parameters.

    Parameters
    ----------
    theta : ndarray, shape (k,)
        Intercept, coefficients, log scale where the law has one, shape where it has one.
    law : Law
        The distribution.

    Returns
    -------
    Point
        With the log scale 0 and the shape 0 where the law has none.
    """
    n_more = int(law.has_scale) + int(law.has_shape)
    beta = theta[: theta.size - n_more]
    log_scale = float(theta[beta.size]) if law.has_scale else 0.0
    return Point(beta, log_scale, float(theta[-1]) if law.has_shape else 0.0)


def loglik_terms(rows: ParametricRows, point: Point, law: Law) -> RowTerms:
    """Compute the contribution of each row.

    Parameters
    ----------
    rows : ParametricRows
        Data.
    point : Point
        Where.
    law : Law
        The distribution.

    Returns
    -------
    RowTerms
        Case weights and counts not applied.
    """
    location = point.beta[0] + rows.x @ point.beta[1:] + rows.offset
    value, first, second = np.zeros(rows.n), np.zeros((rows.n, PARTS)), np.zeros((rows.n, PARTS, PARTS))
    with np.errstate(all="ignore"):
        exact = rows.exact
        if exact.any():
            one = _at(rows.lower[exact], location[exact], point, law, density=True)
            value[exact] = one.value - point.log_scale - np.log(rows.lower[exact])
            first[exact], second[exact] = one.first, one.second
            first[exact, 1] -= 1
        open_rows = ~exact
        if open_rows.any():
            low, high = rows.lower[open_rows], rows.upper[open_rows]
            one = _between(low, high, location[open_rows], point, law)
            value[open_rows], first[open_rows], second[open_rows] = one.value, one.first, one.second
        late = rows.entry > 0
        if late.any():
            one = _at(rows.entry[late], location[late], point, law)
            value[late] -= one.value
            first[late] -= one.first
            second[late] -= one.second
    return RowTerms(value, first, second)


def score_and_information(rows: ParametricRows, terms: RowTerms, law: Law) -> tuple[Floats, Floats]:
    """Add up score and observed information over the rows.

    Parameters
    ----------
    rows : ParametricRows
        Data.
    terms : RowTerms
        Of the same rows.
    law : Law
        The distribution.

    Returns
    -------
    score : ndarray, shape (k,)
        By intercept, coefficients, log scale and shape.
    information : ndarray, shape (k, k)
        Minus the second derivatives.
    """
    weight = rows.multiplicity
    with np.errstate(all="ignore"):
        score = row_scores(rows, terms, law).T @ weight
        x = np.column_stack([np.ones(rows.n), rows.x])
        parts = estimated_parts(law)
        second = terms.second * weight[:, np.newaxis, np.newaxis]
        p = x.shape[1]
        information = np.empty((p + len(parts), p + len(parts)))
        information[:p, :p] = -(x * second[:, :1, 0]).T @ x
        for i, part in enumerate(parts):
            information[:p, p + i] = information[p + i, :p] = -x.T @ second[:, 0, part]
            for j, other in enumerate(parts):
                information[p + i, p + j] = -second[:, part, other].sum()
    return score, information


def row_scores(rows: ParametricRows, terms: RowTerms, law: Law) -> Floats:
    """Give the score of each row, weights and counts not applied.

    Parameters
    ----------
    rows : ParametricRows
        Data.
    terms : RowTerms
        Of the same rows.
    law : Law
        The distribution.

    Returns
    -------
    ndarray, shape (n, k)
        By intercept, coefficients, log scale and shape.
    """
    x = np.column_stack([np.ones(rows.n), rows.x])
    return np.column_stack([x * terms.first[:, :1], terms.first[:, estimated_parts(law)]])


def estimated_parts(law: Law) -> list[int]:
    """List which of log scale (1) and shape (2) a law has.

    Parameters
    ----------
    law : Law
        The distribution.

    Returns
    -------
    list of int
        Positions among the parameters of a row.
    """
    return [part for part, has in ((1, law.has_scale), (2, law.has_shape)) if has]


def survival_terms(times: Floats, location: Floats, point: Point, law: Law) -> RowTerms:
    """Compute the log survival probability at a time above 0 for each location.

    Parameters
    ----------
    times, location : ndarray, shape (n,)
        Times, and locations of log time.
    point : Point
        Scale and shape.
    law : Law
        The distribution.

    Returns
    -------
    RowTerms
        With derivatives by location, log scale and shape.
    """
    with np.errstate(all="ignore"):
        return _at(times, location, point, law)


def _at(times: Floats, location: Floats, point: Point, law: Law, *, density: bool = False) -> RowTerms:
    """Compute log survival, or the log density of w, at a time, with derivatives by the parameters."""
    sigma = np.exp(point.log_scale)
    w = (np.log(times) - location) / sigma
    jet = (law.log_density if density else law.log_survival)(w, point.shape)
    return _by_parameters(jet, w, float(sigma))


def _by_parameters(jet: Jet, w: Floats, sigma: float) -> RowTerms:
    """Turn derivatives by w and Q into derivatives by location, log scale and Q."""
    first = np.column_stack([-jet.w / sigma, -w * jet.w, jet.q])
    second = np.empty((w.size, PARTS, PARTS))
    second[:, 0, 0] = jet.ww / sigma**2
    second[:, 0, 1] = second[:, 1, 0] = (w * jet.ww + jet.w) / sigma
    second[:, 1, 1] = w * (w * jet.ww + jet.w)
    second[:, 0, 2] = second[:, 2, 0] = -jet.wq / sigma
    second[:, 1, 2] = second[:, 2, 1] = -w * jet.wq
    second[:, 2, 2] = jet.qq
    return RowTerms(jet.value, first, second)


def _between(low: Floats, high: Floats, location: Floats, point: Point, law: Law) -> RowTerms:
    """Compute the log probability of an event after `low` and not after `high`."""
    start = _where_finite(low, low > 0, location, point, law)
    bounded = np.isfinite(high)
    end = _where_finite(high, bounded, location, point, law)
    gap = np.where(bounded, start.value - end.value, np.inf)
    gap_first, gap_second = start.first - end.first, start.second - end.second
    slope = np.where(bounded, 1 / np.expm1(gap), 0.0)
    curve = -slope * (1 + slope)
    outer = gap_first[:, :, np.newaxis] * gap_first[:, np.newaxis, :]
    value = start.value + np.where(bounded, np.log(-np.expm1(-gap)), 0.0)
    first = start.first + np.where(bounded[:, np.newaxis], slope[:, np.newaxis] * gap_first, 0.0)
    inside = slope[:, np.newaxis, np.newaxis] * gap_second + curve[:, np.newaxis, np.newaxis] * outer
    return RowTerms(value, first, start.second + np.where(bounded[:, np.newaxis, np.newaxis], inside, 0.0))


def _where_finite(times: Floats, known: Bools, location: Floats, point: Point, law: Law) -> RowTerms:
    """Compute log survival at the known times; 0 with its derivatives elsewhere."""
    value, first, second = np.zeros(times.size), np.zeros((times.size, PARTS)), np.zeros((times.size, PARTS, PARTS))
    if known.any():
        one = _at(times[known], location[known], point, law)
        value[known], first[known], second[known] = one.value, one.first, one.second
    return RowTerms(value, first, second)
