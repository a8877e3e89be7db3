r"""The sandwich covariance of Fine and Gray, which counts that the censoring curve is estimated.

With the residual of the score of each row, :math:`\bar x = S_1 / S_0` and :math:`d\Lambda = d / S_0`,

.. math:: \eta_i = 1[\text{cause}] (x_i - \bar x(t_i)) - e^{\eta_i} \sum_u w_i(u) (x_i - \bar x(u)) d\Lambda(u),

a censoring at *s* in censoring group *g* changes the weights of those of the group who left by another cause before
*s*, and with them the score, by

.. math:: q_g(s) = \sum_{u \ge s} \sum_{\substack{j \in g \text{, other cause} \\ t_j < s}}
          w_j(u) e^{\eta_j} (x_j - \bar x(u)) d\Lambda(u).

With :math:`Y_g` the rows of the group under observation, a row of it takes part in that by

.. math:: \psi_i = 1[\text{censored}] \frac{q_g(t_i)}{Y_g(t_i)}
          - \sum_{\substack{s \le t_i \\ \text{censored in } g}} \frac{q_g(s)}{Y_g(s)^2},

and the covariance is :math:`I^{-1} \sum_i c_i (\eta_i + \psi_i)(\eta_i + \psi_i)' I^{-1}` (Fine and Gray 1999), with
one censoring group that of ``cmprsk::crr`` to the digit, ties and all. With several groups crr (2.2-11) leaves out of
:math:`q_g` the times *u* at which the event happened in another group, although the weights count there too; here they
are counted, as the derivative of the score by the weight of a row wants it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.models.causes import CAUSE, CENSORED
from survmodel.models.fine_gray_likelihood import FineGrayData, RiskSums, lived, risk_sums, upto

Floats = npt.NDArray[np.float64]


def sandwich(data: FineGrayData, beta: Floats, inverse: Floats) -> Floats:
    """Compute the covariance of the coefficients.

    Parameters
    ----------
    data : FineGrayData
        Sorted rows.
    beta : ndarray, shape (p,)
        Coefficients on the scale of the design matrix.
    inverse : ndarray, shape (p, p)
        Inverse information on that scale.

    Returns
    -------
    ndarray, shape (p, p)
        On that scale.
    """
    sums = risk_sums(data, beta * data.scale)
    residual = (score_residuals(data, sums) + censoring_residuals(data, sums)) * data.scale
    middle = residual.T @ (data.count[:, np.newaxis] * residual)
    covariance: Floats = inverse @ middle @ inverse
    return (covariance + covariance.T) / 2


def score_residuals(data: FineGrayData, sums: RiskSums) -> Floats:
    """Compute what each row adds to the score, the censoring curve taken as known.

    Parameters
    ----------
    data : FineGrayData
        Sorted rows.
    sums : RiskSums
        At the coefficients.

    Returns
    -------
    ndarray, shape (n, p)
        Residuals of the features.
    """
    steps = np.column_stack([sums.hazard, sums.hazard[:, np.newaxis] * sums.mean])
    whole = lived(data, steps)
    residual = -sums.risk[:, np.newaxis] * (data.features * whole[:, :1] - whole[:, 1:])
    happened = np.flatnonzero(data.kind == CAUSE)
    place = np.searchsorted(data.event_time, data.time[happened])
    residual[happened] += data.features[happened] - sums.mean[place]
    return residual


def censoring_residuals(data: FineGrayData, sums: RiskSums) -> Floats:
    """Compute what each row adds to the score through the estimated censoring curve.

    Parameters
    ----------
    data : FineGrayData
        Sorted rows.
    sums : RiskSums
        At the coefficients.

    Returns
    -------
    ndarray, shape (n, p)
        Residuals of the features.
    """
    residual = np.zeros_like(data.features)
    times = np.unique(data.time[data.kind == CENSORED])
    for group in np.unique(data.group):
        change = _changes(data, sums, times, int(group))
        mine = np.flatnonzero(data.group == group)
        time, count = data.time[mine], data.count[mine]
        censored = data.kind[mine] == CENSORED
        at_risk = count.sum() - upto(count, np.searchsorted(time, times))
        place = np.searchsorted(times, time[censored])
        leaving = np.bincount(place, weights=count[censored], minlength=times.size)
        safe = np.where(at_risk > 0, at_risk, 1.0)
        drift = upto(change * (leaving / safe**2)[:, np.newaxis], np.searchsorted(times, time, side="right"))
        residual[mine] -= drift
        residual[mine[censored]] += change[place] / at_risk[place][:, np.newaxis]
    return residual


def _changes(data: FineGrayData, sums: RiskSums, times: Floats, group: int) -> Floats:
    """Compute q of a censoring group at the censoring times, shape (k, p)."""
    rows, events = np.searchsorted(data.time, times), np.searchsorted(data.event_time, times)
    share = np.where(data.left_by(group), data.count * sums.risk / np.where(data.own > 0, data.own, 1.0), 0.0)
    before = upto(share[:, np.newaxis] * np.column_stack([np.ones(share.size), data.features]), rows)
    thinned = (data.uncensored[group] * sums.hazard)[:, np.newaxis]
    steps = thinned * np.column_stack([np.ones(sums.hazard.size), sums.mean])
    after = steps.sum(axis=0) - upto(steps, events)
    changes: Floats = before[:, 1:] * after[:, :1] - before[:, :1] * after[:, 1:]
    return changes
