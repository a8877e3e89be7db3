r"""The weighted partial likelihood of Fine and Gray: its sums over risk sets, score and information.

A patient who leaves by another cause at :math:`t_i` stays in the risk set of the cause of interest, with the weight
:math:`w_i(u) = G(u-) / G(t_i-)`: the chance of not being censored until *u*, given not until :math:`t_i`. *G* is the
Kaplan-Meier curve of censoring (those who leave otherwise at a time are at risk of being censored at it, as in R's
``cmprsk``), within censoring groups where they are given; after the last time of its group it is 0. With counts
:math:`c_i` and :math:`\eta_i = x_i'\beta + o_i`, the sums over the risk set at *u* are

.. math:: S_r(u) = \sum_{t_i \ge u} c_i e^{\eta_i} x_i^r
          + \sum_g G_g(u-) \sum_{\substack{i \in g \text{, other cause} \\ t_i < u}}
          \frac{c_i e^{\eta_i} x_i^r}{G_g(t_i-)},

one sum from the last row back and one from the first row on for each group, so that no matrix of rows by rows is
needed. Ties are Breslow's:

.. math::
    \ell = \sum_{\text{cause}} c_i \eta_i - \sum_u d(u) \log S_0(u), \qquad
    U = \sum_i c_i x_i (1[\text{cause}] - e^{\eta_i} H_i), \qquad
    I = \sum_i c_i e^{\eta_i} H_i x_i x_i' - \sum_u d \frac{S_1 S_1'}{S_0^2}

where :math:`H_i = \sum_u w_i(u) d(u) / S_0(u)` is the subdistribution hazard that a row lived through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.models.causes import CAUSE, CENSORED, OTHER

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class FineGrayRows:
    """Rows in table order; n rows, p columns.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        Design matrix as the formula gives it.
    offset, count, time : ndarray, shape (n,)
        Offset, frequency and exit time of each row.
    kind : ndarray of int64, shape (n,)
        0 censored, 1 the cause of interest, 2 another.
    group : ndarray of int64, shape (n,)
        Censoring group 0, 1, ...
    """

    x: Floats
    offset: Floats
    count: Floats
    time: Floats
    kind: Ints
    group: Ints


@dataclass(frozen=True, slots=True, eq=False)
class FineGrayData:
    """Rows by time, covariates centred and scaled; U times of the cause, m censoring groups.

    Attributes
    ----------
    features : ndarray, shape (n, p)
        ``(x - centre) / scale``.
    offset, count, time, kind, group : ndarray, shape (n,)
        As in :class:`FineGrayRows`.
    order : ndarray of int64, shape (n,)
        Position of each row in table order.
    centre, scale : ndarray, shape (p,)
        What was subtracted and divided by.
    event_time, deaths : ndarray, shape (U,)
        Times of the cause, ascending, and events of it, counts counted.
    first : ndarray of int64, shape (U,)
        First row whose time is not before the event time.
    uncensored : ndarray, shape (m, U)
        G(u-) of each censoring group at the event times.
    own : ndarray, shape (n,)
        G(t-) of each row at its own time.
    """

    features: Floats
    offset: Floats
    count: Floats
    time: Floats
    kind: Ints
    group: Ints
    order: Ints
    centre: Floats
    scale: Floats
    event_time: Floats
    deaths: Floats
    first: Ints
    uncensored: Floats
    own: Floats

    @property
    def n_groups(self) -> int:
        """Number of censoring groups."""
        return int(self.uncensored.shape[0])

    def left_by(self, group: int) -> npt.NDArray[np.bool_]:
        """Mark the rows of a censoring group that left by another cause."""
        left: npt.NDArray[np.bool_] = (self.kind == OTHER) & (self.group == group)
        return left


@dataclass(frozen=True, slots=True, eq=False)
class RiskSums:
    """Sums over risk sets at given coefficients; hazards are those of rows whose eta is `shift`.

    Attributes
    ----------
    risk : ndarray, shape (n,)
        ``exp(eta_i - shift)``, counts not counted.
    shift : float
        Largest eta.
    total : ndarray, shape (U,)
        S_0, divided by ``exp(shift)``.
    mean : ndarray, shape (U, p)
        S_1 / S_0.
    hazard : ndarray, shape (U,)
        Jumps of the subdistribution hazard, times ``exp(shift)``.
    loglik : float
        Log pseudo-likelihood.
    """

    risk: Floats
    shift: float
    total: Floats
    mean: Floats
    hazard: Floats
    loglik: float


def prepare(rows: FineGrayRows) -> FineGrayData:
    """Sort the rows by time, centre and scale the covariates, and estimate the censoring curves.

    Parameters
    ----------
    rows : FineGrayRows
        Complete rows.

    Returns
    -------
    FineGrayData
        Rows that count 0 are left out.
    """
    counted = np.flatnonzero(rows.count > 0)
    order = counted[np.argsort(rows.time[counted], kind="stable")]
    time, kind, group, count = rows.time[order], rows.kind[order], rows.group[order], rows.count[order]
    x = rows.x[order]
    centre = x.mean(axis=0)
    centred = x - centre
    spread = np.sqrt(np.mean(centred**2, axis=0))
    # What is left of a constant column after centring is rounding.
    scale = np.where(spread > 1e-13 * np.abs(centre), spread, 1.0)
    event_time, place = np.unique(time[kind == CAUSE], return_inverse=True)
    n_groups = int(rows.group.max()) + 1
    uncensored, own = np.zeros((n_groups, event_time.size)), np.ones(time.size)
    for number in np.unique(group):
        mine = group == number
        curve = censoring_curve(time[mine], kind[mine] == CENSORED, count[mine])
        uncensored[number], own[mine] = _just_before(curve, event_time), _just_before(curve, time[mine])
    return FineGrayData(
        features=centred / scale,
        offset=rows.offset[order],
        count=count,
        time=time,
        kind=kind,
        group=group,
        order=order.astype(np.int64),
        centre=centre,
        scale=scale,
        event_time=event_time,
        deaths=np.bincount(place.ravel(), weights=count[kind == CAUSE], minlength=event_time.size).astype(np.float64),
        first=np.searchsorted(time, event_time).astype(np.int64),
        uncensored=uncensored,
        own=own,
    )


def censoring_curve(time: Floats, censored: npt.NDArray[np.bool_], count: Floats) -> tuple[Floats, Floats]:
    """Estimate the chance of not being censored, all who are there at a time being at risk of it.

    Parameters
    ----------
    time, count : ndarray, shape (n,)
        Exit times, ascending, and frequencies.
    censored : ndarray of bool, shape (n,)
        True where the row is censored.

    Returns
    -------
    times, curve : ndarray, shape (k,)
        Distinct exit times and the chance just after each.

    Examples
    --------
    >>> times, curve = censoring_curve(np.array([1.0, 1, 2]), np.array([False, True, True]), np.ones(3))
    >>> curve.round(3).tolist()
    [0.667, 0.0]
    """
    times, place = np.unique(time, return_inverse=True)
    leaving = np.bincount(place.ravel(), weights=count)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    curve: Floats = np.cumprod(1.0 - np.bincount(place.ravel(), weights=count * censored) / at_risk).astype(np.float64)
    return times, curve


def _just_before(curve: tuple[Floats, Floats], asked: Floats) -> Floats:
    times, values = curve
    before: Floats = np.concatenate([[1.0], values])[np.searchsorted(times, asked)]
    return np.where(asked > times[-1], 0.0, before)


def risk_sums(data: FineGrayData, beta: Floats) -> RiskSums:
    """Sum over the risk sets at given coefficients.

    Parameters
    ----------
    data : FineGrayData
        Sorted rows.
    beta : ndarray, shape (p,)
        Coefficients of the features.

    Returns
    -------
    RiskSums
        What score, information, variance and baseline are made of.
    """
    eta = data.features @ beta + data.offset
    shift = float(eta.max())
    risk = np.exp(eta - shift)
    weighted = (data.count * risk)[:, np.newaxis] * np.column_stack([np.ones(eta.size), data.features])
    sums = np.cumsum(weighted[::-1], axis=0)[::-1][data.first]
    for group in range(data.n_groups):
        left = data.left_by(group)
        if left.any():
            share = np.where(left, 1 / np.where(left, data.own, 1.0), 0.0)
            sums += data.uncensored[group][:, np.newaxis] * upto(weighted * share[:, np.newaxis], data.first)
    happened = data.kind == CAUSE
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = sums[:, 0]
        loglik = float(data.count[happened] @ (eta[happened] - shift) - data.deaths @ np.log(total))
        return RiskSums(risk, shift, total, sums[:, 1:] / total[:, np.newaxis], data.deaths / total, loglik)


def upto(values: Floats, place: Ints) -> Floats:
    """Sum the first rows of an array, `place` of them.

    Parameters
    ----------
    values : ndarray, shape (n, ...)
        Rows in order.
    place : ndarray of int64, shape (k,)
        How many rows to sum.

    Returns
    -------
    ndarray, shape (k, ...)
        The sums.

    Examples
    --------
    >>> upto(np.array([1.0, 2, 3]), np.array([0, 2])).tolist()
    [0.0, 3.0]
    """
    none = np.zeros((1, *values.shape[1:]))
    sums: Floats = np.concatenate([none, np.cumsum(values, axis=0)])[place]
    return sums


def lived(data: FineGrayData, steps: Floats) -> Floats:
    """Sum what each row lives through: steps at the event times, weighted by its presence in the risk sets.

    Parameters
    ----------
    data : FineGrayData
        Sorted rows.
    steps : ndarray, shape (U, k)
        Steps at the event times.

    Returns
    -------
    ndarray, shape (n, k)
        ``sum_u w_i(u) steps(u)``.
    """
    place = np.searchsorted(data.event_time, data.time, side="right").astype(np.int64)
    whole = upto(steps, place)
    for group in range(data.n_groups):
        left = np.flatnonzero(data.left_by(group))
        if left.size:
            thinned = steps * data.uncensored[group][:, np.newaxis]
            later = thinned.sum(axis=0) - upto(thinned, place[left])
            whole[left] += later / data.own[left][:, np.newaxis]
    return whole


def score_and_information(data: FineGrayData, sums: RiskSums) -> tuple[Floats, Floats]:
    """Compute score and information from the sums over risk sets.

    Parameters
    ----------
    data : FineGrayData
        Sorted rows.
    sums : RiskSums
        At the coefficients.

    Returns
    -------
    score : ndarray, shape (p,)
        Gradient.
    information : ndarray, shape (p, p)
        Minus the second derivatives.
    """
    exposure = data.count * sums.risk * lived(data, sums.hazard[:, np.newaxis])[:, 0]
    score = data.features.T @ (data.count * (data.kind == CAUSE) - exposure)
    information = data.features.T @ (exposure[:, np.newaxis] * data.features)
    return score, information - sums.mean.T @ (data.deaths[:, np.newaxis] * sums.mean)
