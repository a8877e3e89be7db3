"""The likelihood ratio of two nested Cox models against its distribution in simulated patients, not chi-squared.

With few events the statistic exceeds the quantiles of chi-squared too often. Patients with the covariates and strata of
the study are given event times from the smaller model (its Breslow baseline, straight between event times) and
censoring times from the curve of censoring of their stratum, and both models are fitted anew (Davison and Hinkley
1997). What a formula learnt, knots and means, is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError, SurvmodelError
from survmodel.kernels.kaplan_meier import censoring_curve
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_likelihood import CoxData, sort_data
from survmodel.models.cox_maximum import maximise_for
from survmodel.models.firth import hold_at_zero
from survmodel.resampling import MOST_FAILED

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """Hazard of the event and curve of censoring in one stratum."""

    rows: Ints
    time: Floats
    hazard: Floats
    censor_time: Floats
    censor_share: Floats
    last: float

    @classmethod
    def of(cls, fit: CoxFit, stratum: int) -> _Course:
        data = fit.data
        rows = np.flatnonzero(data.stratum == stratum)
        own = fit._baselines()[stratum]
        order = np.lexsort((~data.event[rows], data.time[rows]))
        time, event = data.time[rows][order], data.event[rows][order]
        curve_time, curve = censoring_curve(time, event)
        drop = -np.diff(np.append(1.0, curve.survival))
        return cls(rows, np.append(0.0, own.time), np.append(0.0, own.hazard), curve_time, drop, float(time[-1]))

    def draw(self, relative: Floats, random: np.random.Generator) -> tuple[Floats, Bools]:
        """Draw time and event of each row of the stratum."""
        wanted = random.exponential(size=self.rows.size) / relative[self.rows]
        time = np.interp(wanted, self.hazard, self.time, right=np.inf)
        # who leaves by no step of the curve is followed to its end
        cumulative = np.cumsum(self.censor_share)
        place = np.searchsorted(cumulative, random.uniform(size=self.rows.size), side="right")
        censored = np.append(self.censor_time, self.last)[np.minimum(place, self.censor_time.size)]
        return np.minimum(time, censored), time <= censored


def simulate_likelihood_ratio(small: CoxFit, large: CoxFit, statistic: float, repeats: int, seed: int) -> float:
    """Compute the p-value of a likelihood ratio from patients simulated by the smaller model.

    Parameters
    ----------
    small, large : CoxFit
        Nested models of the same rows, without late entry and weights, as
        :func:`~survmodel.models.cox_tests.likelihood_ratio_test` takes them.
    statistic : float
        The observed statistic.
    repeats : int
        Simulated cohorts.
    seed : int
        Their seed.

    Returns
    -------
    float
        Share of cohorts whose statistic is at least the observed one, which counts as one of them.

    Raises
    ------
    FitError
        With late entry, and when more than one in five cohorts cannot be fitted.

    References
    ----------
    Davison AC, Hinkley DV (1997). Bootstrap Methods and Their Application, chapter 4. Cambridge University Press.
    """
    if large.data.entry is not None:
        raise FitError("patients who entered late are not simulated", remedy="take the chi-squared p-value")
    n_strata = len(small.strata_labels)
    courses = [_Course.of(small, stratum) for stratum in range(n_strata)]
    # the baselines stand at the means of the covariates and of the offset
    offset = small.data.offset - small.data.offset.mean()
    relative = np.exp((small.data.x - small.ordered.centre) @ small.beta + offset)
    found = []
    for child in np.random.SeedSequence(seed).spawn(repeats):
        random = np.random.default_rng(child)
        time, event = np.empty(relative.size), np.empty(relative.size, dtype=bool)
        for one in courses:
            time[one.rows], event[one.rows] = one.draw(relative, random)
        try:
            found.append(_statistic(small, large, time, event))
        except SurvmodelError:
            continue
    if len(found) < (1 - MOST_FAILED) * repeats:
        raise FitError(f"{repeats - len(found)} of {repeats} simulated cohorts cannot be fitted")
    return float((1 + (np.array(found) >= statistic).sum()) / (1 + len(found)))


def _statistic(small: CoxFit, large: CoxFit, time: Floats, event: Bools) -> float:
    data = replace(large.data, time=time, event=event)
    ordered = sort_data(data)
    full = maximise_for(large.spec, data, ordered, large.design.names).loglik
    if large.spec.is_firth:
        zero = np.array([name not in small.design.names for name in large.design.names])
        return 2 * (full - hold_at_zero(data, ordered, zero))
    return 2 * (full - _loglik(small, replace(small.data, time=time, event=event)))


def _loglik(fit: CoxFit, data: CoxData) -> float:
    return maximise_for(fit.spec, data, sort_data(data), fit.design.names).loglik
