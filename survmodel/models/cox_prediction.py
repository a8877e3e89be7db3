r"""Baseline hazard and predicted survival of a Cox model, consistent with its ties method.

The cumulative hazard of a person with covariates *x* in a stratum is :math:`H(t \mid x) = e^{(x - \bar x)'\beta}
\sum_{u \le t} a_1(u)`, and survival is :math:`e^{-H}` (not the product limit of Kalbfleisch and Prentice). Its
variance adds the jumps and the coefficients,

.. math::
    \operatorname{var} H(t \mid x) = e^{2 (x - \bar x)'\beta} \Bigl\{\sum_{u \le t} a_2(u) + q' V q\Bigr\}, \qquad
    q = (x - \bar x) \sum_{u \le t} a_1(u) - \sum_{u \le t} (a_2 S_1 - b_2 T_1)

(Tsiatis 1981), with the step sums of :mod:`survmodel.kernels.cox` about the means of the covariates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.models.cox_likelihood import CoxData, SortedData, at_event_times

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Cumulative hazard of one stratum at the means of the covariates; U event times, p columns.

    Attributes
    ----------
    time : ndarray, shape (U,)
        Event times.
    exits : ndarray, shape (n_exits,)
        Distinct exit times, events or not.
    hazard, variance : ndarray, shape (U,)
        Cumulative sums of a1 and a2.
    drift : ndarray, shape (U, p)
        Cumulative sum of a2 S1 - b2 T1, covariates centred.
    n_risk, n_event : ndarray, shape (n_exits,)
        Rows at risk and events at the exit times, counts counted.
    """

    time: Floats
    exits: Floats
    hazard: Floats
    variance: Floats
    drift: Floats
    n_risk: Floats
    n_event: Floats

    @property
    def last(self) -> float:
        """Longest follow-up of the stratum."""
        return float(self.exits[-1])


def compute_baselines(data: CoxData, ordered: SortedData, beta: Floats, offset_centre: float) -> tuple[Baseline, ...]:
    """Compute the baseline of every stratum at the means of the covariates.

    Parameters
    ----------
    data : CoxData
        Rows in table order.
    ordered : SortedData
        The same rows sorted.
    beta : ndarray, shape (p,)
        Coefficients on the scale of the design matrix.
    offset_centre : float
        Offset at which the baseline stands.

    Returns
    -------
    tuple of Baseline
        One for each stratum in code order.
    """
    sums = at_event_times(data, ordered, beta)
    sets = ordered.risk_sets
    # Hazards were summed with exp(eta - shift); taking the shift back refers them to the mean covariates.
    rescale = np.exp(offset_centre - sums.shift)[sums.stratum]
    a1, _, a2, b2, _ = sums.steps
    jump = a1 * rescale
    square = a2 * rescale**2
    step = (a2[:, np.newaxis] * sums.at_risk - b2[:, np.newaxis] * sums.dying) * rescale[:, np.newaxis] * ordered.scale
    baselines = []
    for stratum in range(sets.row_bounds.size - 1):
        times = slice(sets.time_bounds[stratum], sets.time_bounds[stratum + 1])
        inside = data.stratum == stratum
        exits = np.unique(data.time[inside])
        n_risk, n_event = _counts(data, inside, exits)
        baselines.append(
            Baseline(
                time=sets.time[times],
                exits=exits,
                hazard=np.cumsum(jump[times]),
                variance=np.cumsum(square[times]),
                drift=np.cumsum(step[times], axis=0),
                n_risk=n_risk,
                n_event=n_event,
            )
        )
    return tuple(baselines)


def _counts(data: CoxData, inside: npt.NDArray[np.bool_], exits: Floats) -> tuple[Floats, Floats]:
    place = np.searchsorted(exits, data.time[inside])
    leaving = np.bincount(place, weights=data.count[inside], minlength=exits.size)
    n_event = np.bincount(place, weights=(data.count * data.event)[inside], minlength=exits.size)
    n_risk: Floats = np.cumsum(leaving[::-1])[::-1].astype(np.float64)
    if data.entry is not None:
        # A row is not at risk at the exit times up to and including its entry.
        first = np.searchsorted(exits, data.entry[inside], side="right")
        late = np.bincount(first, weights=data.count[inside], minlength=exits.size + 1)[1:]
        n_risk = n_risk - np.cumsum(late[::-1])[::-1]
    return n_risk, n_event.astype(np.float64)


def hazard_at(baseline: Baseline, times: Floats) -> tuple[Floats, Floats, Floats]:
    """Read a baseline at times: cumulative hazard (k,), its variance (k,), its drift (k, p).

    Parameters
    ----------
    baseline : Baseline
        Of one stratum.
    times : ndarray, shape (k,)
        Times.

    Returns
    -------
    hazard, variance, drift : ndarray
        NaN beyond the longest follow-up.
    """
    place = np.searchsorted(baseline.time, times, side="right")
    beyond = times > baseline.last
    p = baseline.drift.shape[1]
    hazard = np.concatenate([[0.0], baseline.hazard])[place]
    variance = np.concatenate([[0.0], baseline.variance])[place]
    drift = np.vstack([np.zeros(p), baseline.drift])[place]
    hazard[beyond] = np.nan
    variance[beyond] = np.nan
    return hazard, variance, drift


def cumulative_hazard(
    baseline: Baseline, times: Floats, x: Floats, relative: Floats, covariance: Floats
) -> tuple[Floats, Floats]:
    """Cumulative hazard of persons of one stratum and its standard error.

    Parameters
    ----------
    baseline : Baseline
        Of their stratum.
    times : ndarray, shape (k,)
        Times.
    x : ndarray, shape (n, p)
        Covariates minus the means at which the baseline stands.
    relative : ndarray, shape (n,)
        ``exp`` of their prognostic index minus that of the baseline.
    covariance : ndarray, shape (p, p)
        Covariance of the coefficients.

    Returns
    -------
    hazard, std_error : ndarray, shape (n, k)
        NaN beyond the longest follow-up.
    """
    hazard, variance, drift = hazard_at(baseline, times)
    q = x[:, np.newaxis, :] * hazard[:, np.newaxis] - drift
    spread = variance + np.einsum("nkp,pq,nkq->nk", q, covariance, q)
    return relative[:, np.newaxis] * hazard, relative[:, np.newaxis] * np.sqrt(spread)
