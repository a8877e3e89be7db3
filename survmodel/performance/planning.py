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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, DataError, FitError, name_rows
from survmodel.formatting import MISSING, count_noun, format_count, format_number, format_significant
from survmodel.kernels.concordance import TIED_INDEX, concordance_pairs
from survmodel.kernels.risk_sets import build_risk_sets
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]

EVENTS = "events"
EVENTS_EXPECTED = "events expected"
PER_SD = "smallest hazard ratio, per SD"
TWO_GROUPS = "smallest hazard ratio, two equal groups"
HALF_WIDTH = "half-width of C"
PER_PARAMETER = "events per parameter"

#: Heading and number format of each measure, in the order of the printed table.
_COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    EVENTS: ("events", format_count),
    EVENTS_EXPECTED: ("events expected", lambda value: format_number(value, 1)),
    PER_SD: ("smallest HR, per SD", format_number),
    TWO_GROUPS: ("smallest HR, two equal groups", format_number),
    HALF_WIDTH: ("half-width of C", lambda value: format_number(value, 3)),
}
_ORDER = (*_COLUMNS, PER_PARAMETER)
#: C lies between 0 and 1: limits this far from 1/2 hold every value that it can take.
WHOLE_SCALE = 0.5


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Precision(Result):
    """What a study can show, for all patients and for each group.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns group, measure, estimate, n, n_event; the group of all patients is "".
    reasons : mapping of (str, str) to str
        For each group and measure whose estimate is NaN, why it does not exist.
    power, alpha : float
        Power and two-sided level.
    n_parameters : int or None
        Parameters that the events are shared among.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    table: pd.DataFrame
    reasons: Mapping[tuple[str, str], str]
    power: float
    alpha: float
    n_parameters: int | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the numbers, one row for each group and measure.

        Returns
        -------
        pandas.DataFrame
            Columns group, measure, estimate, n, n_event.
        """
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            Columns n, n_event, power, alpha, conventions.
        """
        everybody = self.table.iloc[0]
        row = {
            "n": int(everybody["n"]),
            "n_event": int(everybody["n_event"]),
            "power": self.power,
            "alpha": self.alpha,
            "conventions": "hazard ratio per SD: Hsieh-Lavori; in two equal groups: Schoenfeld; two-sided test; "
            "half-width of the normal limits for C of an uninformative continuous index, pairs within strata",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        shown = [measure for measure in _COLUMNS if (self.table["measure"] == measure).any()]
        rows = []
        for label, part in self.table.groupby("group", sort=False):
            estimates = dict(zip(part["measure"], part["estimate"], strict=True))
            cells = [_COLUMNS[measure][1](estimates[measure]) for measure in shown]
            rows.append([str(label) or "all", format_count(part["n"].iloc[0]), *cells])
        header = ["group", "n", *(_COLUMNS[measure][0] for measure in shown)]
        missing = [
            f"{MISSING} {group or 'all'}, {_COLUMNS[measure][0]}: {why}"
            for (group, measure), why in self.reasons.items()
        ]
        return Display("Precision", (Table(header, rows, footnotes=missing),), (*self._sentences(), *self.notes))

    def _sentences(self) -> list[str]:
        power, alpha, level = (format_significant(100 * share) for share in (self.power, self.alpha, 1 - self.alpha))
        sentences = [
            f"smallest HR: hazard ratio above 1 that a two-sided test at {alpha}% finds with {power}% power "
            "(Hsieh-Lavori per SD, Schoenfeld for groups)",
            f"half-width of the {level}% limits that C of an uninformative continuous index has",
        ]
        widths = self.table.loc[self.table["measure"] == HALF_WIDTH, "estimate"]
        if (widths >= WHOLE_SCALE).any():
            sentences.append(f"a half-width of {format_significant(WHOLE_SCALE)} or more: these limits hold every C")
        each = self.table.loc[self.table["measure"] == PER_PARAMETER, "estimate"]
        if self.n_parameters is not None and len(each):
            shared = count_noun(self.n_parameters, "parameter")
            sentences.append(f"events per parameter: {format_number(each.iloc[0], 1)} ({shared})")
        return sentences


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
    spread = _spread(share, sd)
    if not (r_squared == 0 or _is_between(r_squared, 0, 1)):
        raise ConfigError(f"r_squared is {r_squared}", remedy="give a share from 0 up to, not including, 1")
    quantiles = _sum_of_quantiles(power, alpha)
    if not (n_event == 0 or _is_between(n_event, 0, math.inf)):
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
    known = _read_potential(outcome, potential)
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


def precision(
    outcome: Outcome,
    by: object = None,
    *,
    strata: object = None,
    potential: object = None,
    n_parameters: int | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
) -> Precision:
    """Tell what a study of this size can show, for all patients and for each group.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind.
    by : Series or array_like, shape (n,), optional
        Groups that are told one by one after all patients; each has its own rate for the events expected.
    strata : Series or array_like, shape (n,), optional
        Pairs for C are formed within strata.
    potential : Series or array_like, shape (n,), optional
        Time from the origin to the data lock, as for :func:`expected_events`.
    n_parameters : int, optional
        Parameters of the largest model, for the events per parameter.
    power, alpha : float
        Power, and two-sided level of tests and limits.

    Returns
    -------
    Precision
        Events, smallest hazard ratios and the half-width of C; NaN where a number does not exist, with the reason.

    Raises
    ------
    ConfigError
        For power, alpha or n_parameters out of range.
    DataError
        When rows differ from the outcome's, or a row has no group.
    EndpointError
        For competing events.

    References
    ----------
    Hsieh FY, Lavori PW (2000). Control Clin Trials 21:552-560. Schoenfeld DA (1983). Biometrics 39:499-503.

    Examples
    --------
    >>> from survmodel import Outcome
    >>> from survmodel.performance.planning import precision
    >>> found = precision(Outcome([5, 8, 12, 20, 31, 40], [1, 0, 1, 1, 0, 1]), n_parameters=2)
    >>> found.tidy().set_index("measure")["estimate"].round(2).to_dict()  # doctest: +ELLIPSIS
    {'events': 4.0, 'smallest hazard ratio, per SD': 4.06, ..., 'events per parameter': 2.0}
    """
    if n_parameters is not None and not _is_count(n_parameters):
        raise ConfigError(f"n_parameters is {n_parameters}", remedy="give a whole number from 1 up")
    n_event = int(outcome.died.sum())
    groups, layers = read_groups(outcome, by), read_groups(outcome, strata, "strata")
    known = None if potential is None else _read_potential(outcome, potential)
    rows, reasons = [], {}
    for label, inside in _parts(groups, named=by is not None):
        part = outcome.take(inside)
        asked = _measures(part, layers.codes[inside], power, alpha)
        if known is not None:
            asked[EVENTS_EXPECTED] = partial(expected_events, part, known[inside], groups.codes[inside])
        if n_parameters is not None and not label:
            asked[PER_PARAMETER] = partial(float, n_event / n_parameters)
        for measure in sorted(asked, key=_ORDER.index):
            try:
                estimate = asked[measure]()
            except FitError as error:
                estimate, reasons[label, measure] = math.nan, error.problem
            rows.append([label, measure, estimate, part.n, part.n_event])
    return Precision(
        table=pd.DataFrame(rows, columns=["group", "measure", "estimate", "n", "n_event"]),
        reasons=reasons,
        power=float(power),
        alpha=float(alpha),
        n_parameters=n_parameters,
        warnings=outcome.warnings,
        notes=join_warnings(groups.notes, layers.notes),
    )


def _measures(
    part: Outcome, strata: npt.NDArray[np.int64], power: float, alpha: float
) -> dict[str, Callable[[], float]]:
    return {
        EVENTS: partial(float, part.n_event),
        PER_SD: partial(smallest_hazard_ratio, part.n_event, power=power, alpha=alpha),
        TWO_GROUPS: partial(smallest_hazard_ratio, part.n_event, share=0.5, power=power, alpha=alpha),
        HALF_WIDTH: lambda: normal_quantile(1 - alpha) * uninformative_concordance_error(part, strata),
    }


def _parts(groups: Groups, *, named: bool) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """List all rows, and then the rows of each group when the groups have names."""
    parts: list[tuple[str, npt.NDArray[np.bool_]]] = [("", np.ones(groups.codes.size, dtype=bool))]
    if not named:
        return parts
    if "" in groups.labels:
        raise DataError("by has a level without a name", remedy="give it one: the empty name stands for all rows")
    return parts + [(label, groups.codes == code) for code, label in enumerate(groups.labels)]


def _is_open(outcome: Outcome) -> npt.NDArray[np.bool_]:
    """Mark the rows at whose end a patient was censored, which only the last row of a patient can be."""
    is_open: npt.NDArray[np.bool_] = outcome.event == 0
    if outcome.id is not None:
        last = np.zeros(int(outcome.id.max()) + 1)
        np.maximum.at(last, outcome.id, outcome.time)
        is_open &= outcome.time == last[outcome.id]
    return is_open


def _read_potential(outcome: Outcome, potential: object) -> Floats:
    """Read times to the lock; missing ones stay missing."""
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


def _spread(share: float | None, sd: float) -> float:
    """Give the standard deviation of the covariate: of a marker, or of membership in one of two groups."""
    if not _is_between(sd, 0, math.inf):
        raise ConfigError(f"sd is {sd}", remedy="give a finite number above 0")
    if share is None:
        return float(sd)
    if not _is_between(share, 0, 1):
        raise ConfigError(f"share is {share}", remedy="give the share of the patients in one group, between 0 and 1")
    if sd != 1:
        raise ConfigError("share and sd exclude each other", remedy="two groups have no unit")
    return math.sqrt(share * (1 - share))


def _sum_of_quantiles(power: float, alpha: float) -> float:
    """Add the normal quantiles of the level and the power."""
    # The second condition keeps the quantile of a level that one minus it cannot tell from 0.
    if not (_is_between(alpha, 0, 1) and 1 - alpha < 1):
        raise ConfigError(f"alpha is {alpha}", remedy="give the level as a share, for example 0.05")
    if not _is_between(power, alpha, 1):
        raise ConfigError(f"power is {power}", remedy="give a share above alpha and below 1, for example 0.8")
    return normal_quantile(1 - alpha) + normal_quantile(2 * power - 1)


def _is_between(value: object, low: float, high: float) -> bool:
    """Tell whether a value is a number strictly between two others."""
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and low < float(value) < high


def _is_count(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, numbers.Integral) and int(value) > 0
