"""Events for each unit of time at risk, with exact limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import beta, binom, chi2

from survmodel.errors import ConfigError, DataError
from survmodel.formatting import format_count, format_p, format_ratio, format_significant
from survmodel.models.limits import check_limits
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
#: Two probabilities this close, relative to each other, are equal: as R's binom.test decides.
ROUNDING = 1e-7


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IncidenceRate(Result):
    """Incidence rates by group.

    Attributes
    ----------
    groups : tuple of str
        Labels in order.
    n_event, person_time : ndarray, shape (n_groups,)
        Events, and time at risk in the unit of the outcome.
    per, conf_level, unit, endpoint : float, float, str, str
        Units of time that a rate is of, coverage, unit, event.
    warnings : tuple of str
        Warnings of the outcome.
    """

    groups: tuple[str, ...]
    n_event: Floats
    person_time: Floats
    per: float
    conf_level: float
    unit: str
    endpoint: str
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the rates, one row for each group.

        Returns
        -------
        pandas.DataFrame
            Columns group, n_event, person_time, estimate, conf_low, conf_high (exact, of Garwood).
        """
        tail = (1 - self.conf_level) / 2
        with np.errstate(invalid="ignore"):
            low = np.where(self.n_event > 0, chi2.ppf(tail, 2 * self.n_event) / 2, 0.0)
        high = chi2.ppf(1 - tail, 2 * self.n_event + 2) / 2
        scale = self.per / self.person_time
        return pd.DataFrame({
            "group": list(self.groups),
            "n_event": self.n_event,
            "person_time": self.person_time,
            "estimate": self.n_event * scale,
            "conf_low": low * scale,
            "conf_high": high * scale,
        })  # fmt: skip

    def ratio(self, reference: str | None = None) -> pd.DataFrame:
        """Give rate ratios with exact limits and tests.

        Parameters
        ----------
        reference : str, optional
            Label of the group in the denominator; the first one without it.

        Returns
        -------
        pandas.DataFrame
            Columns group, reference, estimate, p_value, conf_low, conf_high: given the events of two groups together,
            those of one are binomial (R's poisson.test). Infinite where the reference has no event; NaN where neither
            has.

        Raises
        ------
        ConfigError
            For a group that does not exist.
        """
        chosen = self.groups[0] if reference is None else reference
        if chosen not in self.groups:
            raise ConfigError(f"no group {chosen!r}", remedy=f"groups: {', '.join(self.groups)}")
        base = self.groups.index(chosen)
        rows = []
        for place, group in enumerate(self.groups):
            if place != base:
                pair = [place, base]
                rows.append([group, chosen, *_ratio(self.n_event[pair], self.person_time[pair], self.conf_level)])
        return pd.DataFrame(rows, columns=["group", "reference", "estimate", "p_value", "conf_low", "conf_high"])

    def glance(self) -> pd.DataFrame:
        """Give totals and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            Columns n_event, person_time, per, unit, conf_level, conventions.
        """
        row = {
            "n_event": float(self.n_event.sum()), "person_time": float(self.person_time.sum()), "per": self.per,
            "unit": self.unit, "conf_level": self.conf_level, "conventions": "exact Poisson limits; constant rates",
        }  # fmt: skip
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = []
        for row in self.tidy().to_dict("records"):
            rate, low, high = (format_significant(row[name], 3) for name in ("estimate", "conf_low", "conf_high"))
            counts = [format_count(row["n_event"]), format_significant(row["person_time"], 4)]
            rows.append([row["group"] or "all", *counts, f"{rate} ({low} to {high})"])
        unit = f" {self.unit}" if self.unit else ""
        of = f"{self.per:g}{unit}"
        tables = [Table(["group", "events", f"time at risk{unit and f' ({self.unit})'}", f"rate per {of}"], rows)]
        if len(self.groups) > 1:
            ratios = [
                [f"{row['group']} against {row['reference']}",
                 format_ratio(row["estimate"], row["conf_low"], row["conf_high"]), format_p(row["p_value"])]
                for row in self.ratio().to_dict("records")
            ]  # fmt: skip
            tables.append(Table(["pair", "rate ratio", "p"], ratios))
        limits = f"exact {100 * self.conf_level:g}% limits; a rate describes the data where it is constant over time"
        return Display(f"Incidence rate of {self.endpoint}", tuple(tables), (limits,))


def incidence_rate(outcome: Outcome, by: object = None, *, per: float = 1.0, conf_level: float = 0.95) -> IncidenceRate:
    """Count events for each unit of time at risk.

    Parameters
    ----------
    outcome : Outcome
        Times and events; competing events end the time at risk. Rows that enter late are at risk from their entry on.
    by : Series or array_like, shape (n,), optional
        Groups.
    per : float
        Units of time that a rate is of, for example 100 person-years.
    conf_level : float
        Coverage.

    Returns
    -------
    IncidenceRate
        Rates and their ratios.

    Raises
    ------
    ConfigError
        When `per` is not above 0, or for a coverage outside (0, 1).
    DataError
        When a group has no time at risk.

    References
    ----------
    Garwood F (1936). Biometrika 28:437-442.

    Examples
    --------
    >>> from survmodel import Outcome, incidence_rate
    >>> incidence_rate(Outcome([2, 4, 6, 8], [1, 0, 1, 0]), per=100).tidy()["estimate"].tolist()
    [10.0]
    """
    check_limits("plain", conf_level)
    if not 0 < per < np.inf:
        raise ConfigError(f"per is {per}", remedy="give a number above 0")
    groups = read_groups(outcome, by)
    time = outcome.time - (0 if outcome.entry is None else outcome.entry)
    person_time = np.bincount(groups.codes, weights=time, minlength=groups.n)
    nothing = [label or "all" for label, one in zip(groups.labels, person_time, strict=True) if not one > 0]
    if nothing:
        raise DataError(f"no time at risk in {', '.join(nothing)}", remedy="leave the group out")
    n_event = np.bincount(groups.codes, weights=(outcome.event == 1).astype(float), minlength=groups.n)
    return IncidenceRate(
        groups.labels, frozen(n_event), frozen(person_time), float(per), conf_level, outcome.unit or "",
        outcome.endpoint, outcome.warnings,
    )  # fmt: skip


def _ratio(events: Floats, times: Floats, conf_level: float) -> tuple[float, float, float, float]:
    """Compare two rates: ratio, p, limits."""
    x, n = float(events[0]), float(events.sum())
    odds = float(times[1] / times[0])
    if n == 0:
        return np.nan, np.nan, np.nan, np.nan
    tail = (1 - conf_level) / 2
    low = 0.0 if x == 0 else float(beta.ppf(tail, x, n - x + 1))
    high = 1.0 if x == n else float(beta.ppf(1 - tail, x + 1, n - x))
    ratio = np.inf if x == n else x / (n - x) * odds
    limits = [np.inf if share == 1 else share / (1 - share) * odds for share in (low, high)]
    return float(ratio), _binomial_p(x, n, float(times[0] / times.sum())), limits[0], limits[1]


def _binomial_p(x: float, n: float, share: float) -> float:
    """Add the probabilities of all counts that are no more likely than the observed one."""
    counts = np.arange(n + 1)
    chances = binom.pmf(counts, n, share)
    return float(min(1.0, chances[chances <= chances[int(x)] * (1 + ROUNDING)].sum()))
