r"""The observed risk by a horizon and what each row contributes to it.

The risk is that of Kaplan and Meier, of Aalen and Johansen where events compete. A row of weight :math:`w_i`
contributes its derivative, in the words of :mod:`~survmodel.kernels.aalen_johansen`, of rows that are followed from
time 0 on; the squares of all add up to the variance there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class ObservedRisk(NamedTuple):
    """Risk of some rows by a horizon.

    Attributes
    ----------
    risk : float
        Of the event of code 1; of rows that are not followed up to the horizon, that at their last time.
    influence : ndarray, shape (n_rows,)
        Derivatives of the risk by the weights of the rows; they add up to 0.
    """

    risk: float
    influence: Floats


def observe_risk(outcome: Outcome, rows: Ints, horizon: float) -> ObservedRisk:
    """Estimate the risk of some rows by a horizon.

    Parameters
    ----------
    outcome : Outcome
        Times and events, without late entry.
    rows : ndarray of int64
        Rows whose risk is meant; with none of them it is 0.
    horizon : float
        The time.

    Returns
    -------
    ObservedRisk
        Risk and influences.

    Examples
    --------
    >>> found = observe_risk(Outcome([1, 2, 3, 4], [1, 1, 0, 1]), np.arange(4), 2.5)
    >>> found.risk, found.influence.tolist()
    (0.5, [0.125, 0.125, -0.125, -0.125])
    """
    if not rows.size:
        return ObservedRisk(0.0, np.zeros(0))
    time, event = outcome.time[rows], outcome.event[rows]
    steps, place = np.unique(time, return_inverse=True)
    early = steps <= horizon
    at_risk = np.bincount(place)[::-1].cumsum()[::-1].astype(np.float64)
    gone = np.where(early, np.bincount(place, event > 0), 0.0)
    own = np.where(early, np.bincount(place, event == 1), 0.0)
    survival = np.cumprod(1 - gone / at_risk)
    before = np.append(1.0, survival[:-1])
    gain = before * own / at_risk
    risk = np.cumsum(gain)
    left = at_risk - gone
    # once nobody is left the risk stands still, and what was infinite has no part in it
    lost = np.where(left > 0, gone / (at_risk * np.where(left > 0, left, 1.0)), 0.0)
    sum_lost = np.cumsum(lost)
    lived = np.cumsum(gain * (np.append(0.0, sum_lost[:-1]) - 1 / at_risk))
    past = time <= horizon
    happened = past & (event > 0)
    stay = left[place]
    leaves = sum_lost[place] - np.where(happened & (stay > 0), 1 / np.where(stay > 0, stay, 1.0), 0.0)
    influence = lived[place] + (risk[-1] - risk[place]) * leaves
    influence += np.where(past & (event == 1), before[place] / at_risk[place], 0.0)
    return ObservedRisk(float(risk[-1]), influence)
