r"""Pseudo-values of the risk at a horizon: what each patient adds to the estimate, as if everybody had been followed.

.. math:: \theta_i = n \hat F(t) - (n - 1) \hat F^{(-i)}(t),

the jackknife of the incidence of the event (one minus Kaplan-Meier without competing events, Aalen-Johansen with them).
Among patients of equal risk their mean is the observed risk, whoever was censored, as long as censoring does not depend
on the risk; without censoring they are 1 for those with the event by *t* and 0 for the others.

Leaving a patient out lowers the number at risk by one up to his time and takes away his event: a product over the
times before his, his own, and the rest as it was, so that all are found in one pass.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.outcome.groups import Groups
from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def pseudo_risks(outcome: Outcome, horizon: float, strata: Groups) -> Floats:
    """Compute the pseudo-values of the risk of the event itself (code 1) by a horizon.

    Parameters
    ----------
    outcome : Outcome
        Times and events; nobody enters late.
    horizon : float
        The horizon.
    strata : Groups
        Pseudo-values are formed within strata.

    Returns
    -------
    ndarray, shape (n,)
        They may lie outside 0 to 1.

    Raises
    ------
    FitError
        With late entry, or a stratum of one patient.

    References
    ----------
    Andersen PK, Pohar Perme M (2010). Stat Methods Med Res 19:71-99.

    Examples
    --------
    >>> from survmodel.outcome.groups import read_groups
    >>> outcome = Outcome([1, 2, 3, 4], [1, 0, 1, 0])
    >>> pseudo_risks(outcome, 3, read_groups(outcome, None)).round(3).tolist()
    [1.0, 0.5, 1.5, -0.5]
    """
    if outcome.entry is not None:
        raise FitError("pseudo-values know no late entry")
    found = np.empty(outcome.n)
    for code in range(strata.n):
        rows = np.flatnonzero(strata.codes == code)
        if rows.size < 2:
            raise FitError("a stratum of one patient has no pseudo-values", remedy="leave it out, or merge strata")
        found[rows] = _within(outcome.time[rows], outcome.event[rows], horizon)
    return found


def _within(time: Floats, event: Ints, horizon: float) -> Floats:
    n = time.size
    event, time = np.where(time <= horizon, event, 0), np.minimum(time, horizon)
    _, place = np.unique(time, return_inverse=True)
    place = place.ravel()
    own, any_event = (np.bincount(place, here).astype(np.float64) for here in (event == 1, event > 0))
    at_risk = np.cumsum(np.bincount(place)[::-1])[::-1].astype(np.float64)
    whole, survival = _incidence(own, any_event, at_risk)
    fewer, still = _incidence(own, any_event, np.maximum(at_risk - 1, 1e-300))
    # Before a patient's own time with one fewer at risk ...
    before, alive = np.append(0.0, fewer)[place], np.append(1.0, still)[place]
    left = at_risk[place] - 1
    share = 1 / np.where(left > 0, left, 1.0)
    # ... at it without his event ...
    jump = alive * (own[place] - (event == 1)) * share
    alive = np.where(left > 0, alive * (1 - (any_event[place] - (event > 0)) * share), 0.0)
    # ... and after it as it was.
    here = survival[place]
    later = np.where(here > 0, (whole[-1] - whole[place]) / np.where(here > 0, here, 1.0), 0.0)
    without = before + np.where(left > 0, jump, 0.0) + alive * later
    return np.asarray(n * whole[-1] - (n - 1) * without, dtype=np.float64)


def _incidence(own: Floats, any_event: Floats, at_risk: Floats) -> tuple[Floats, Floats]:
    """Give incidence and event-free survival just after each time."""
    survival: Floats = np.cumprod(1 - any_event / at_risk).astype(np.float64)
    incidence: Floats = np.cumsum(np.append(1.0, survival[:-1]) * own / at_risk).astype(np.float64)
    return incidence, survival
