r"""The precision that a study of this size has: what its events can and cannot show.

*Smallest hazard ratio.* A two-sided Wald or score test of level :math:`\alpha` has power :math:`1 - \beta` when

.. math:: \log\mathrm{HR} = \frac{z_{1-\alpha/2} + z_{1-\beta}}{\sigma \sqrt{D (1 - R^2)}}

with *D* events, :math:`\sigma` the standard deviation of the covariate and :math:`R^2` the share of its variance that
the other covariates explain (Hsieh and Lavori 2000); :math:`\sigma^2 = p(1 - p)` for two groups (Schoenfeld 1983).

*C of an uninformative continuous index.* Let *U* add up, over the *P* usable pairs, +1 when the patient whose event
comes first has the higher index and -1 otherwise, so that :math:`C = \tfrac12 + U / (2P)`. When the index is a random
permutation, the product of the signs of two pairs has mean 1 for a pair with itself, 1/3 for two pairs that share a
patient in one role (both times first, or both times later), -1/3 in opposite roles, and 0 without a common patient.
With :math:`d_i` the pairs in which patient *i* is first less those in which *i* is later, and :math:`m_i` all pairs of
*i* (their sum is :math:`2P`),

.. math:: \operatorname{Var} U = P + \tfrac13 \sum_i (d_i^2 - m_i) = \tfrac13 \Bigl(P + \sum_i d_i^2\Bigr), \qquad
   \operatorname{SE} C = \sqrt{\frac{P + \sum_i d_i^2}{12 P^2}}

Without censoring and ties this is Kendall's :math:`\operatorname{Var}\tau = 2(2n + 5) / (9n(n - 1))`.
"""

from __future__ import annotations

import math
import numbers

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, DataError, FitError, name_rows
from survmodel.kernels.concordance import TIED_INDEX, concordance_pairs
from survmodel.kernels.risk_sets import build_risk_sets
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]


def smallest_hazard_ratio(
    n_event: float,
    *,
    share: float | None = None,
    sd: float = 1.0,
    r_squared: float = 0.0,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """Give the smallest hazard ratio above 1 that a two-sided test finds with the given power.

    The formula takes the effect to be small. Where most patients have the event, the power is some points lower than
    asked for, because those with a high marker leave the risk sets early.

    Parameters
    ----------
    n_event : float
        Events, observed or expected.
    share : float, optional
        Share of the patients in one of two groups, whose hazard ratio is asked for; without it the marker is
        continuous.
    sd : float
        Standard deviation of a continuous marker, in the unit in which its hazard ratio is told; 1 tells it per
        standard deviation.
    r_squared : float
        Share of the variance of the marker or group that the other covariates of the model explain.
    power, alpha : float
        Power, and two-sided level of the test.

    Returns
    -------
    float
        The hazard ratio; its inverse is found with the same power. Infinite when it is too large for a number.

    Raises
    ------
    ConfigError
        For a share, sd, r_squared, power or alpha outside its range.
    DataError
        For a number of events that is missing, negative or infinite.
    FitError
        Without events.

    References
    ----------
    Hsieh FY, Lavori PW (2000). Control Clin Trials 21:552-560. Schoenfeld DA (1983). Biometrics 39:499-503.

    Examples
    --------
    >>> from survmodel.performance.planning import smallest_hazard_ratio
    >>> round(smallest_hazard_ratio(48), 2), round(smallest_hazard_ratio(66, share=0.5), 2)
    (1.5, 1.99)
    """
    spread = spread_of(share, sd)
    if not (r_squared == 0 or is_between(r_squared, 0, 1)):
        raise ConfigError(f"r_squared is {r_squared}", remedy="give a share from 0 up to, not including, 1")
    quantiles = sum_of_quantiles(power, alpha)
    if not (n_event == 0 or is_between(n_event, 0, math.inf)):
        raise DataError(f"the number of events is {n_event}", remedy="give a number from 0 up")
    if n_event == 0:
        raise FitError("there are no events", remedy="without events no hazard ratio can be found")
    with np.errstate(over="ignore", divide="ignore"):
        return float(np.exp(np.divide(quantiles, spread * math.sqrt(n_event * (1 - r_squared)))))


def uninformative_concordance_error(outcome: Outcome, strata: object = None) -> float:
    """Give the standard error that Harrell's C has in these patients when the index tells nothing.

    The closed form holds for an index without ties whose order is a random permutation; its derivation stands at the
    head of this module: pairs that share a patient in one role correlate by 1/3, in opposite roles by -1/3, others not.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind. Rows of one patient (equal ids) share one value of the index.
    strata : Series or array_like, shape (n,), optional
        Pairs are formed within strata, and added up.

    Returns
    -------
    float
        Standard error of C around 1/2.

    Raises
    ------
    FitError
        Without a usable pair.

    References
    ----------
    Kendall MG (1938). Biometrika 30:81-93, for times without censoring.

    Examples
    --------
    >>> from survmodel import Outcome
    >>> from survmodel.performance.planning import uninformative_concordance_error
    >>> round(uninformative_concordance_error(Outcome([1, 2, 3, 4], [1, 1, 0, 1])), 4)
    0.2769
    """
    died = outcome.died
    layers = read_groups(outcome, strata, "strata")
    sets = build_risk_sets(outcome.time, died, outcome.entry, layers.codes)
    # With one rank for all, the counting of Harrell's C finds each usable pair, and calls it tied.
    same = np.zeros(outcome.n, dtype=np.int64)
    usable = died[sets.order].astype(np.float64)
    as_event, as_later = concordance_pairs(same, np.ones(outcome.n), usable, sets)
    pairs = float(as_event[TIED_INDEX].sum())
    if not pairs > 0:
        raise FitError(
            "no two rows form a usable pair", remedy="an event must come before another row's time, within strata"
        )
    difference = as_event[TIED_INDEX] - as_later[TIED_INDEX]
    if outcome.id is not None:
        difference = np.bincount(outcome.id[sets.order], weights=difference)
    return math.sqrt((pairs + float(np.sum(difference**2))) / 12) / pairs


def expected_events(outcome: Outcome, potential: npt.ArrayLike, by: object = None) -> float:
    """Give the events to be expected once everybody who was censored has been followed to the data lock.

    The rate of events is taken to be constant within each group: events over time under observation.

    Parameters
    ----------
    outcome : Outcome
        Times and events; events of any kind count. In an outcome made by ``cause_specific`` the patients with another
        event look censored and are followed on: give them a missing `potential`.
    potential : Series or array_like, shape (n,)
        Time from the origin to the lock, in the unit of the outcome. A missing one, or one that is not after the end of
        the row, adds nothing. Of several rows of one patient the last one counts.
    by : Series or array_like, shape (n,), optional
        Groups with a rate of their own. A group without events has rate 0.

    Returns
    -------
    float
        Observed events plus the chances of an event among the censored.

    Raises
    ------
    DataError
        For a potential time that is no number or infinite, and for other rows than the outcome's.
    FitError
        When a group that waits for the lock has no time under observation.

    References
    ----------
    Bagiella E, Heitjan DF (2001). Stat Med 20:2055-2063.

    Examples
    --------
    >>> from survmodel import Outcome
    >>> from survmodel.performance.planning import expected_events
    >>> round(expected_events(Outcome([10, 10, 20], [1, 0, 1]), [20, 20, 20]), 4)
    2.3935
    """
    known = read_potential(outcome, potential)
    groups = read_groups(outcome, by)
    happened = outcome.event > 0
    remaining = np.where(_is_open(outcome), np.nan_to_num(known - outcome.time, nan=0.0), 0.0).clip(min=0)
    observed = outcome.time if outcome.entry is None else outcome.time - outcome.entry
    events, exposure, waiting = (
        np.bincount(groups.codes, weights=values, minlength=groups.n) for values in (happened, observed, remaining)
    )
    unknown = (waiting > 0) & ~(exposure > 0)
    if unknown.any():
        raise FitError(
            "the rate of events is unknown: no time under observation", f"in {name_rows(unknown[groups.codes])}"
        )
    rate = np.divide(events, exposure, out=np.zeros(groups.n), where=exposure > 0)
    return float(happened.sum() - np.expm1(-rate[groups.codes] * remaining).sum())


def _is_open(outcome: Outcome) -> npt.NDArray[np.bool_]:
    """Mark the rows at whose end a patient was censored, which only the last row of a patient can be."""
    is_open: npt.NDArray[np.bool_] = outcome.event == 0
    if outcome.id is not None:
        last = np.zeros(int(outcome.id.max()) + 1)
        np.maximum.at(last, outcome.id, outcome.time)
        is_open &= outcome.time == last[outcome.id]
    return is_open


def read_potential(outcome: Outcome, potential: object) -> Floats:
    """Read times to the data lock.

    Parameters
    ----------
    outcome : Outcome
        Whose rows they belong to.
    potential : Series or array_like, shape (n,)
        Times from the origin to the lock.

    Returns
    -------
    ndarray of float64
        Missing ones stay NaN.

    Raises
    ------
    DataError
        For a time that is no number or infinite, and for other rows than the outcome's.
    """
    try:
        series = potential if isinstance(potential, pd.Series) else pd.Series(np.asarray(potential))
        if np.ndim(potential) != 1 or series.dtype.kind in "mMbc":  # type: ignore[arg-type]
            raise TypeError
        values: Floats = series.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise DataError(
            "potential is not one number for each row",
            remedy="give the time from each origin to the lock, in the unit of the outcome",
        ) from None
    outcome.check_rows(potential, "potential")
    if np.isinf(values).any():
        raise DataError("potential is infinite", f"in {name_rows(np.isinf(values))}", "leave an unknown one missing")
    return values


def spread_of(share: float | None, sd: float) -> float:
    """Give the standard deviation of the covariate: of a marker, or of membership in one of two groups.

    Parameters
    ----------
    share : float or None
        Share of the patients in one of two groups; None for a continuous marker.
    sd : float
        Standard deviation of the marker.

    Returns
    -------
    float
        The standard deviation.

    Raises
    ------
    ConfigError
        For numbers out of range, and when both are given.
    """
    if not is_between(sd, 0, math.inf):
        raise ConfigError(f"sd is {sd}", remedy="give a finite number above 0")
    if share is None:
        return float(sd)
    if not is_between(share, 0, 1):
        raise ConfigError(f"share is {share}", remedy="give the share of the patients in one group, between 0 and 1")
    if sd != 1:
        raise ConfigError("share and sd exclude each other", remedy="two groups have no unit")
    return math.sqrt(share * (1 - share))


def sum_of_quantiles(power: float, alpha: float) -> float:
    """Add the normal quantiles of the level and the power.

    Parameters
    ----------
    power, alpha : float
        Power, and two-sided level.

    Returns
    -------
    float
        The sum.

    Raises
    ------
    ConfigError
        For numbers out of range.
    """
    # The second condition keeps the quantile of a level that one minus it cannot tell from 0.
    if not (is_between(alpha, 0, 1) and 1 - alpha < 1):
        raise ConfigError(f"alpha is {alpha}", remedy="give the level as a share, for example 0.05")
    if not is_between(power, alpha, 1):
        raise ConfigError(f"power is {power}", remedy="give a share above alpha and below 1, for example 0.8")
    return normal_quantile(1 - alpha) + normal_quantile(2 * power - 1)


def is_between(value: object, low: float, high: float) -> bool:
    """Tell whether a value is a number strictly between two others.

    Parameters
    ----------
    value : object
        Any value.
    low, high : float
        The others.

    Returns
    -------
    bool
        False for what is no number.

    Examples
    --------
    >>> is_between(0.5, 0, 1), is_between("0.5", 0, 1), is_between(True, 0, 2)
    (True, False, False)
    """
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and low < float(value) < high
