"""Concordance: how often the patient with the higher index has the event first.

Conventions: higher index = worse; pairs tied in time with both events are left out; a censoring at the time of an
event is later; tied indices count one half. Harrell's C weighs all usable pairs alike; Uno's weighs the pairs of an
event at *t* by :math:`1 / G(t-)^2`, G being the curve of censoring in which deaths leave before censorings, and needs
a horizon to be stated. Standard errors are infinitesimal-jackknife ones, as in R's survival.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile, two_sided_p
from survmodel.errors import ConfigError, DataError, EndpointError, FitError, closest, list_values, name_rows
from survmodel.formatting import format_count, format_estimate, format_number, format_p_equation
from survmodel.kernels.concordance import CONCORDANT, DISCORDANT, TIED_INDEX, concordance_pairs
from survmodel.kernels.kaplan_meier import censoring_curve
from survmodel.kernels.risk_sets import RiskSets, build_risk_sets
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome
from survmodel.outcome.weights import read_weights
from survmodel.performance.censoring_strata import read_censoring_strata
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Method = Literal["harrell", "uno"]

#: Censorings before the horizon below which a stratum's own G is too rough, and all strata share one.
FEWEST_CENSORINGS = 5


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Concordance(Result):
    """A concordance with its standard error.

    Attributes
    ----------
    estimate, std_error, conf_low, conf_high : float
        C, its standard error, its normal limits kept inside [0, 1].
    concordant, discordant, tied_index, tied_time, tied_both : float
        Weight of the pairs of each kind; the last two are not usable.
    influence : ndarray, shape (n,) or (n_patients,)
        Influence of each row, or of each patient where ids were given, on C; their squares add up to the variance.
    method, horizon, n, n_event, n_strata, conf_level : str, float or None, int, int, int, float
        Conventions and counts.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    concordant: float
    discordant: float
    tied_index: float
    tied_time: float
    tied_both: float
    influence: Floats
    method: str
    horizon: float | None
    n: int
    n_event: int
    n_strata: int
    conf_level: float
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the concordance in one row.

        Returns
        -------
        pandas.DataFrame
            Columns measure, horizon, estimate, std_error, conf_low, conf_high.
        """
        names = ["measure", "horizon", "estimate", "std_error", "conf_low", "conf_high"]
        horizon = np.nan if self.horizon is None else self.horizon
        values = [self.name, horizon, self.estimate, self.std_error, self.conf_low, self.conf_high]
        return pd.DataFrame([values], columns=names)

    def glance(self) -> pd.DataFrame:
        """Give the pair counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_strata": self.n_strata,
            "concordant": self.concordant,
            "discordant": self.discordant,
            "tied_index": self.tied_index,
            "tied_time": self.tied_time,
            "tied_both": self.tied_both,
            "method": self.method,
            "conf_level": self.conf_level,
            "conventions": self._conventions(),
        }
        return pd.DataFrame([row])

    def _conventions(self) -> str:
        text = "higher index = worse; tied indices 1/2; two events at one time are no pair; a censoring at the time of "
        text += "an event is later; pairs within strata; infinitesimal-jackknife se"
        if self.horizon is not None:
            text += f"; events up to {self.horizon:g}"
        if self.method == "uno":
            text += "; weights 1/G(t-)^2, deaths leave before censorings"
        return text

    @property
    def name(self) -> str:
        """Name of the measure."""
        return f"{self.method.capitalize()} C"

    def _display(self) -> Display:
        percent = f"{100 * self.conf_level:g}% limits"
        c = format_estimate(self.estimate, self.conf_low, self.conf_high, 3)
        kinds = ["concordant", "discordant", "tied index", "tied time", "tied both"]
        counts = [self.concordant, self.discordant, self.tied_index, self.tied_time, self.tied_both]
        table = Table(kinds, [[format_count(value) for value in counts]], left=0)
        strata = f", within {self.n_strata} strata" if self.n_strata > 1 else ""
        horizon = "" if self.horizon is None else f", events up to {self.horizon:g}"
        title = f"{self.name} {c}, se {format_number(self.std_error, 4)}{strata}{horizon}"
        notes = (f"{percent}; higher index = worse; pairs of {self.n} rows and {self.n_event} events", *self.notes)
        return Display(title, (table,), notes)


def concordance(
    outcome: Outcome,
    index: object,
    *,
    method: Method = "harrell",
    horizon: float | None = None,
    strata: object = None,
    censoring: Outcome | None = None,
    censoring_strata: object = None,
    weights: object = None,
    conf_level: float = 0.95,
) -> Concordance:
    """Estimate how well an index orders the patients by time to the event.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind. Rows of one patient (equal ids) share one influence.
    index : Series or array_like, shape (n,)
        Prognostic index or risk; higher = worse.
    method : {"harrell", "uno"}
        Weights of the pairs.
    horizon : float, optional
        Only pairs whose earlier time is an event at or before it. Uno's C takes the last event time without one, and
        says so.
    strata : Series or array_like, shape (n,), optional
        Pairs are formed within strata, and added up.
    censoring : Outcome, optional
        Rows from which G is estimated for Uno's C; the scored rows themselves, within strata, without it.
    censoring_strata : Series or array_like, shape (n_censoring,), optional
        Strata of the rows of `censoring`, with the labels of `strata`, so that each stratum has its own G; one curve
        for all without them. A stratum with few censorings there takes the pooled one, and a note says so.
    weights : Series or array_like, shape (n,), optional
        Case weights.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    Concordance
        C with standard error, limits and pair counts.

    Raises
    ------
    DataError
        When rows differ from the outcome's or an index is missing or infinite.
    EndpointError
        For a horizon beyond the follow-up, of the scored rows or of those that G comes from.
    FitError
        Without a usable pair.

    References
    ----------
    Harrell FE et al. (1982). JAMA 247:2543-2546. Uno H et al. (2011). Stat Med 30:1105-1117.

    Examples
    --------
    >>> from survmodel import Outcome, concordance
    >>> round(concordance(Outcome([1, 2, 3, 4], [1, 1, 0, 1]), [4, 2, 3, 1]).estimate, 3)
    0.8
    """
    if method not in ("harrell", "uno"):
        raise ConfigError(f"method {method!r} is not known", closest(str(method), ["harrell", "uno"]))
    check_outcome(outcome)
    died = outcome.died
    scores = read_index(outcome, index)
    layers = read_groups(outcome, strata, "strata")
    weight = read_weights(outcome, weights)
    if horizon is not None and not 0 < horizon <= outcome.time.max():
        raise EndpointError(
            f"the horizon {horizon:g} is not within the follow-up",
            remedy=f"choose one above 0 and at most {outcome.time.max():g}",
        )
    usable = died if horizon is None else died & (outcome.time <= horizon)
    tau = usable.astype(float)
    notes: list[str] = []
    if method == "uno":
        horizon = float(outcome.time[died].max(initial=0.0)) if horizon is None else horizon
        survival, notes = censoring_survival(outcome, horizon, layers, censoring, censoring_strata)
        tau[usable] = 1 / survival[usable] ** 2
    sets = build_risk_sets(outcome.time, died, outcome.entry, layers.codes)
    as_event, as_later = _pairs(sets, scores, weight, tau)
    gained = weight * as_event
    totals = gained.sum(axis=1)
    pairs = float(totals.sum())
    if not pairs > 0:
        raise FitError(
            "no two rows form a usable pair", remedy="an event must come before another row's time, within strata"
        )
    estimate = float((totals[CONCORDANT] + totals[TIED_INDEX] / 2) / pairs)
    own = as_event + as_later
    influence = weight * (own[CONCORDANT] + own[TIED_INDEX] / 2 - estimate * own.sum(axis=0)) / pairs
    if outcome.id is not None:
        influence = np.bincount(outcome.id, weights=influence)
    std_error = float(np.sqrt(np.sum(influence**2)))
    tied_time, tied_both = _tied_times(outcome, usable, layers, scores, weight * tau, weight)
    z = normal_quantile(conf_level)
    return Concordance(
        estimate=estimate,
        std_error=std_error,
        conf_low=max(estimate - z * std_error, 0.0),
        conf_high=min(estimate + z * std_error, 1.0),
        concordant=float(totals[CONCORDANT]),
        discordant=float(totals[DISCORDANT]),
        tied_index=float(totals[TIED_INDEX]),
        tied_time=tied_time,
        tied_both=tied_both,
        influence=frozen(influence),
        method=method,
        horizon=horizon,
        n=outcome.n,
        n_event=int(usable.sum()),
        n_strata=layers.n,
        conf_level=conf_level,
        warnings=outcome.warnings,
        notes=join_warnings(layers.notes, notes),
    )


def read_index(outcome: Outcome, index: object, name: str = "index") -> Floats:
    """Read a prognostic index or a risk.

    Parameters
    ----------
    outcome : Outcome
        Whose rows it belongs to.
    index : Series or array_like, shape (n,)
        Finite numbers.
    name : str
        What to call it in messages.

    Returns
    -------
    ndarray, shape (n,)
        The index.

    Raises
    ------
    DataError
        For missing, infinite or unreadable values, and other rows.
    """
    outcome.check_rows(index, name)
    try:
        values = np.asarray(index, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"the {name} is not numeric") from None
    if values.ndim != 1:
        raise DataError(f"the {name} is not one number for each row", f"shape {values.shape}")
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise DataError(f"the {name} is missing or infinite", f"in {name_rows(wrong)}", "score complete rows only")
    return values


def _pairs(sets: RiskSets, scores: Floats, weight: Floats, tau: Floats) -> tuple[Floats, Floats]:
    """Weigh the usable pairs of every row, in the order of the rows; shapes (3, n)."""
    _, rank = np.unique(scores[sets.order], return_inverse=True)
    as_event, as_later = concordance_pairs(rank.astype(np.int64), weight[sets.order], tau[sets.order], sets)
    back = np.argsort(sets.order)
    return as_event[:, back], as_later[:, back]


def _tied_times(
    outcome: Outcome, usable: npt.NDArray[np.bool_], strata: Groups, scores: Floats, outer: Floats, weight: Floats
) -> tuple[float, float]:
    """Weigh the pairs of usable events at one time of one stratum: with different, and with equal index."""
    keys = np.column_stack([strata.codes, outcome.time])[usable]
    both = np.column_stack([keys, scores[usable]])
    at_time = _pair_weight(keys, outer[usable], weight[usable])
    same_index = _pair_weight(both, outer[usable], weight[usable])
    return at_time - same_index, same_index


def _pair_weight(keys: Floats, outer: Floats, weight: Floats) -> float:
    """Sum ``outer_i * weight_j`` over the unordered pairs of rows with equal keys; outer / weight is equal in a tie."""
    if keys.shape[0] == 0:
        return 0.0
    order = np.lexsort(keys.T)
    starts = np.concatenate([[0], np.any(np.diff(keys[order], axis=0) != 0, axis=1)])
    group = np.empty(order.size, dtype=np.int64)
    group[order] = np.cumsum(starts)
    products = np.bincount(group, outer) * np.bincount(group, weight) - np.bincount(group, outer * weight)
    return float(products.sum() / 2)


def censoring_survival(
    outcome: Outcome,
    horizon: float,
    strata: Groups,
    censoring: Outcome | None = None,
    censoring_strata: object = None,
) -> tuple[Floats, list[str]]:
    """Estimate G(t-), the probability of being uncensored just before each row's time.

    Parameters
    ----------
    outcome : Outcome
        Scored rows.
    horizon : float
        Last time at which G is needed.
    strata : Groups
        Strata of the scored rows; a stratum with few censorings before the horizon takes the pooled G.
    censoring : Outcome, optional
        Rows that G is estimated from instead, without strata unless theirs are given.
    censoring_strata : Series or array_like, shape (n_censoring,), optional
        Strata of the rows of `censoring`, with the labels of `strata`.

    Returns
    -------
    survival : ndarray, shape (n,)
        G(t-) at the time of each row.
    notes : list of str
        Strata that share the pooled G.

    Raises
    ------
    ConfigError
        For `censoring_strata` without `censoring` or without strata.
    EndpointError
        When `censoring` was not followed up to the horizon.
    """
    source = outcome if censoring is None else censoring
    if censoring is not None and censoring.time.max() < horizon:
        raise EndpointError(
            "the rows that the censoring distribution comes from were not followed up to the horizon",
            f"longest time {censoring.time.max():g}, horizon {horizon:g}",
        )
    codes = read_censoring_strata(strata, censoring, censoring_strata)
    codes = strata.codes if censoring is None else codes
    survival = _read_before(source, np.ones(source.n, dtype=bool), outcome.time)
    if codes is None or (censoring is None and strata.n == 1):
        return survival, []
    pooled = []
    for code, label in enumerate(strata.labels):
        scored, inside = strata.codes == code, codes == code
        early = inside & (source.event == 0) & (source.time < horizon)
        followed = censoring is None or source.time[inside].max(initial=0.0) >= horizon
        if early.sum() < FEWEST_CENSORINGS or not followed:
            pooled.append(label)
        else:
            survival[scored] = _read_before(source, inside, outcome.time[scored])
    few = f"fewer than {FEWEST_CENSORINGS} censorings before the horizon, "
    few += "or not followed up to it; " if censoring is not None else ""
    few += "pooled censoring distribution: "
    return survival, [few + list_values(pooled)] if pooled else []


def _read_before(source: Outcome, rows: npt.NDArray[np.bool_], times: Floats) -> Floats:
    entry = None if source.entry is None else source.entry[rows]
    steps, curve = censoring_curve(source.time[rows], source.event[rows] > 0, entry)
    before: Floats = np.concatenate([[1.0], curve.survival])[np.searchsorted(steps, times)]
    return before


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConcordanceDifference(Result):
    """Difference of two concordances on the same rows.

    Attributes
    ----------
    first, second : Concordance
        The two concordances.
    estimate, std_error, conf_low, conf_high, statistic, p_value : float
        First minus second, with its paired standard error, limits, z and two-sided p-value.
    warnings : tuple of str
        Warnings of both.
    """

    first: Concordance
    second: Concordance
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    statistic: float
    p_value: float
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give both concordances and their difference, one row each.

        Returns
        -------
        pandas.DataFrame
            Columns measure, horizon, estimate, std_error, conf_low, conf_high, statistic, p_value.
        """
        rows = pd.concat([self.first.tidy(), self.second.tidy(), self.first.tidy()], ignore_index=True)
        rows["measure"] = [f"{self.first.name}, first", f"{self.second.name}, second", "difference"]
        rows["statistic"] = [np.nan, np.nan, self.statistic]
        rows["p_value"] = [np.nan, np.nan, self.p_value]
        values = [self.estimate, self.std_error, self.conf_low, self.conf_high]
        rows.loc[2, ["estimate", "std_error", "conf_low", "conf_high"]] = values
        return rows

    def glance(self) -> pd.DataFrame:
        """Give the difference in one row.

        Returns
        -------
        pandas.DataFrame
            Columns estimate, std_error, statistic, p_value, n, conventions.
        """
        row = {
            "estimate": self.estimate,
            "std_error": self.std_error,
            "statistic": self.statistic,
            "p_value": self.p_value,
            "n": self.first.n,
            "conventions": "first minus second, paired; for nested models use the likelihood ratio test",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        difference = format_estimate(self.estimate, self.conf_low, self.conf_high, 3)
        title = f"Difference of {self.first.name}: {difference}, {format_p_equation(self.p_value)}"
        rows = [
            [name, format_number(one.estimate, 3), format_number(one.std_error, 4)]
            for name, one in (("first", self.first), ("second", self.second))
        ]
        return Display(title, (Table(["index", "C", "se"], rows),), ("paired on the same rows",))


def concordance_difference(
    outcome: Outcome,
    index_a: object,
    index_b: object,
    *,
    method: Method = "harrell",
    horizon: float | None = None,
    strata: object = None,
    censoring: Outcome | None = None,
    censoring_strata: object = None,
    conf_level: float = 0.95,
) -> ConcordanceDifference:
    """Compare the concordances of two indices on the same patients.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind.
    index_a, index_b : Series or array_like, shape (n,)
        The indices, higher = worse.
    method, horizon, strata, censoring, censoring_strata, conf_level
        As for :func:`concordance`.

    Returns
    -------
    ConcordanceDifference
        First minus second. Its p-value is not a test of nested models fitted to these rows: use the likelihood ratio
        test.

    Raises
    ------
    SurvmodelError
        As for :func:`concordance`.

    Examples
    --------
    >>> from survmodel import Outcome, concordance_difference
    >>> outcome = Outcome([1, 2, 3, 4, 5], [1, 1, 0, 1, 1])
    >>> round(concordance_difference(outcome, [5, 4, 3, 2, 1], [5, 3, 4, 1, 2]).estimate, 3)
    0.25
    """
    first, second = (
        concordance(
            outcome, index, method=method, horizon=horizon, strata=strata, censoring=censoring,
            censoring_strata=censoring_strata, conf_level=conf_level,
        )
        for index in (index_a, index_b)
    )  # fmt: skip
    estimate = first.estimate - second.estimate
    std_error = float(np.sqrt(np.sum((first.influence - second.influence) ** 2)))
    z = normal_quantile(conf_level)
    statistic = estimate / std_error if std_error > 0 else np.nan
    return ConcordanceDifference(
        first=first,
        second=second,
        estimate=estimate,
        std_error=std_error,
        conf_low=estimate - z * std_error,
        conf_high=estimate + z * std_error,
        statistic=statistic,
        p_value=float(two_sided_p(statistic)),
        warnings=join_warnings(first.warnings, second.warnings),
    )
