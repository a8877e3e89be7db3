r"""Decision curves: what acting on a predicted risk would gain, in true positives for each patient.

A patient is treated whose predicted risk is at or above a threshold p, which says how many patients one would treat
in vain for one who has the event: :math:`(1 - p)/p`. The net benefit counts those who are rightly treated less those
who are not, weighed by these odds,

.. math:: NB(p) = \pi\,F(t) - \pi\,\{1 - F(t)\}\,\frac{p}{1 - p},

where :math:`\pi` is the share of patients at or above p, and F(t) their risk by the horizon, from the curve of
Kaplan and Meier, or of Aalen and Johansen where events compete (Vickers et al. 2008): patients who were censored
earlier are no non-events. Treating nobody has the net benefit 0; treating everybody that of :math:`\pi = 1`.

Within strata the net benefit is the mean of theirs, weighted by rows, each with curves of its own. Standard errors are
those of the influence of each row on the curve and on the share; predicted risks are taken as given. Curves of the
patients that a model was fitted to are too good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, list_values
from survmodel.formatting import (
    count_noun,
    format_count,
    format_interval,
    format_number,
    format_percent,
    format_significant,
)
from survmodel.naming import percent_level
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome
from survmodel.performance.observed_risk import ObservedRisk, observe_risk
from survmodel.performance.paired_differences import NO_TEST_OF_NESTED_MODELS, PairedDifferences, spread
from survmodel.performance.predicted_risk import read_risks, refuse_late_entry, refuse_times
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NET_BENEFIT = "net benefit"
TREAT_ALL, TREAT_NONE = "treat all", "treat none"
APPARENT = "apparent"
#: Thresholds of a print-out.
MOST_SHOWN = 6


class NetBenefit(NamedTuple):
    """Net benefits of all strategies, in all rows or in one stratum.

    Attributes
    ----------
    group : str
        Stratum, "" for all rows.
    n_treated : ndarray of int64, shape (n_strategies, n_thresholds)
        Rows at or above the threshold.
    estimate, std_error : ndarray, shape (n_strategies, n_thresholds)
        Net benefits and their standard errors.
    """

    group: str
    n_treated: Ints
    estimate: Floats
    std_error: Floats


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DecisionCurve(Result):
    """Net benefit of one or more models over thresholds of risk.

    Attributes
    ----------
    strategies : tuple of str
        "treat none", "treat all", and the names of the models.
    thresholds : ndarray, shape (n_thresholds,)
        Ascending.
    horizon : float
        Time by which risk is meant.
    parts : tuple of NetBenefit
        All rows first; with strata each of them after it.
    compared : PairedDifferences
        Of all rows: every model less treating all, and less the models before it.
    observed : float
        Risk of all rows by the horizon, within strata.
    sample : str
        Whose predictions these are, for example "out of fold".
    n, n_event, n_strata : int
        Rows, events up to the horizon, strata.
    unit, endpoint : str
        Unit of time and what the event is.
    conf_level : float
        Coverage of the limits.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    strategies: tuple[str, ...]
    thresholds: Floats
    horizon: float
    parts: tuple[NetBenefit, ...]
    compared: PairedDifferences
    observed: float
    sample: str
    n: int
    n_event: int
    n_strata: int
    unit: str
    endpoint: str
    conf_level: float
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def estimate(self) -> Floats:
        """Net benefit of each strategy at each threshold, of all rows; shape (n_strategies, n_thresholds)."""
        return self.parts[0].estimate

    @property
    def std_error(self) -> Floats:
        """Standard errors of the same shape."""
        return self.parts[0].std_error

    def tidy(self) -> pd.DataFrame:
        """Give the net benefits, those of all rows first and then, with strata, those of each.

        Returns
        -------
        pandas.DataFrame
            Columns model (or "treat none", "treat all"), measure, group (stratum, "" for all rows), threshold, horizon,
            n (rows at or above the threshold), estimate, std_error, conf_low, conf_high, sample.
        """
        z = normal_quantile(self.conf_level)
        tables = []
        for part in self.parts:
            estimate, error = part.estimate.ravel(), part.std_error.ravel()
            columns = {
                "model": np.repeat(np.array(self.strategies, dtype=object), self.thresholds.size),
                "measure": NET_BENEFIT,
                "group": part.group,
                "threshold": np.tile(self.thresholds, len(self.strategies)),
                "horizon": self.horizon,
                "n": part.n_treated.ravel(),
                "estimate": estimate,
                "std_error": error,
                "conf_low": estimate - z * error,
                "conf_high": estimate + z * error,
                "sample": self.sample,
            }
            tables.append(pd.DataFrame(columns))
        return pd.concat(tables, ignore_index=True)

    def differences(self) -> pd.DataFrame:
        """Give the differences between models, and between models and treating all, paired on the same rows.

        Returns
        -------
        pandas.DataFrame
            Columns model, reference ("treat all" or an earlier model), measure, threshold, estimate (model less
            reference), std_error, conf_low, conf_high, statistic, p_value. The p-value is no test of nested models
            fitted to these rows: use the likelihood ratio test.
        """
        table = self.compared.table(NET_BENEFIT, self.thresholds, self.conf_level)
        return table.rename(columns={"horizon": "threshold"})

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row; `observed` is the risk of all rows by the horizon.
        """
        text = "treated at or above the threshold; their risk from survival curves (Aalen-Johansen with competing "
        text += (
            "events) within strata, strata weighted by rows; influence-function se, predicted risks taken as given; "
        )
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_strata": self.n_strata,
            "horizon": self.horizon,
            "observed": self.observed,
            "sample": self.sample,
            "conf_level": self.conf_level,
            "conventions": text + NO_TEST_OF_NESTED_MODELS,
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        shown = np.unique(np.linspace(0, self.thresholds.size - 1, MOST_SHOWN).round().astype(int))
        z = normal_quantile(self.conf_level)
        header = ["strategy", "threshold", "treated", NET_BENEFIT, f"{percent_level(self.conf_level)} limits"]
        rows = []
        part = self.parts[0]
        for place, name in enumerate(self.strategies):
            for k in shown if name != TREAT_NONE else shown[:0]:
                value, error = float(part.estimate[place, k]), float(part.std_error[place, k])
                limits = format_interval(value - z * error, value + z * error, 3)
                treated = format_count(float(part.n_treated[place, k]))
                rows.append([name, format_percent(self.thresholds[k]), treated, format_number(value, 3), limits])
        unit = f" {self.unit}" if self.unit else ""
        sample = f", {self.sample}" if self.sample else ""
        strata = f" within {self.n_strata} strata" if self.n_strata > 1 else ""
        title = f"Decision curve at {format_significant(self.horizon)}{unit}, {self.endpoint}{sample}{strata}: "
        title += f"{count_noun(self.n, 'row')}, {count_noun(self.n_event, 'event')}"
        notes = [f"in true positives for each patient; treat none: 0; risk of all {format_percent(self.observed)}"]
        if shown.size < self.thresholds.size:
            notes.append(f"{shown.size} of {self.thresholds.size} thresholds; all in tidy()")
        return Display(title, (Table(header, rows),), (*notes, *self.notes), "sm.draw_decision_curve(result)")


def decision_curve(
    outcome: Outcome,
    risk: object,
    horizon: float,
    thresholds: float | Sequence[float] | Floats,
    *,
    strata: object = None,
    sample: str = "",
    conf_level: float = 0.95,
) -> DecisionCurve:
    """Estimate the net benefit of treating those whose predicted risk reaches a threshold.

    Parameters
    ----------
    outcome : Outcome
        Times and events; with competing events the risk of the event itself (code 1) is meant. No late entry.
    risk : array_like, shape (n,), or mapping of str to such
        Predicted probability of the event by the horizon, of one or several models.
    horizon : float
        The time, within the follow-up.
    thresholds : float or sequence of float
        Risks between 0 and 1 from which one would treat, those that a reasonable patient or physician might hold.
    strata : Series or array_like, shape (n,), optional
        Observed risks are those of each stratum; the net benefit of all is their mean, weighted by rows.
    sample : str
        Whose predictions these are: "out of fold" or "test"; "apparent" for the patients that the models were fitted
        to, whose curves are too good.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    DecisionCurve
        Net benefit of each model, of treating all and of treating none.

    Raises
    ------
    ConfigError
        For thresholds that are not between 0 and 1.
    DataError
        When rows differ from the outcome's, or risks are missing or no probabilities.
    EndpointError
        For a horizon beyond the follow-up.
    FitError
        With late entry, or without an event up to the horizon.

    References
    ----------
    Vickers AJ, Elkin EB (2006). Med Decis Making 26:565-574. Vickers AJ et al. (2008). BMC Med Inform Decis Mak 8:53.

    Examples
    --------
    >>> outcome = Outcome([1, 2, 3, 4, 5], [1, 1, 0, 1, 0])
    >>> result = decision_curve(outcome, [0.9, 0.6, 0.7, 0.2, 0.1], 3.5, 0.5, sample="test")
    >>> result.strategies, result.estimate[:, 0].round(3).tolist()
    (('treat none', 'treat all', 'model'), [0.0, -0.2, 0.2])
    """
    check_outcome(outcome)
    refuse_late_entry(outcome, "a decision curve")
    refuse_times(outcome, np.array([float(horizon)]), float(horizon))
    asked = _read_thresholds(thresholds)
    layers = read_groups(outcome, strata, "strata")
    risks = {name: values[:, 0] for name, values in read_risks(outcome, risk, 1, TREAT_ALL).items()}
    if TREAT_NONE in risks:
        raise ConfigError(f"{TREAT_NONE!r} is the name of the model beside")
    scorer = _Scorer(outcome, float(horizon), layers, asked)
    parts, compared = scorer.score(risks)
    died = (outcome.event == 1) & (outcome.time <= horizon)
    everybody = np.bincount(layers.codes, minlength=layers.n) / outcome.n
    said = "apparent decision curves are too good: pass risks predicted out of fold, or in other patients"
    silent = 'say in sample= whose predictions these are: "apparent" curves, of a model\'s own patients, are too good'
    return DecisionCurve(
        strategies=(TREAT_NONE, TREAT_ALL, *risks),
        thresholds=frozen(asked),
        horizon=float(horizon),
        parts=parts,
        compared=compared,
        observed=float(everybody @ [one.risk for one in scorer.everybody()]),
        sample=sample,
        n=outcome.n,
        n_event=int(died.sum()),
        n_strata=layers.n,
        unit=outcome.unit or "",
        endpoint=(outcome.causes or {}).get(1, outcome.endpoint),
        conf_level=conf_level,
        warnings=join_warnings(outcome.warnings, [said] if sample.strip().lower() == APPARENT else []),
        notes=join_warnings(
            layers.notes, scorer.notes({TREAT_ALL: np.ones(outcome.n), **risks}), [] if sample.strip() else [silent]
        ),
    )


def _read_thresholds(thresholds: float | Sequence[float] | Floats) -> Floats:
    try:
        asked = np.unique(np.asarray(thresholds, dtype=np.float64))
    except (TypeError, ValueError):
        raise ConfigError("the thresholds are not numbers") from None
    if not asked.size or not ((asked > 0) & (asked < 1)).all():
        wrong = [format_significant(float(one)) for one in asked if not 0 < one < 1]
        raise ConfigError(
            "thresholds of risk lie between 0 and 1",
            f"found {list_values(wrong)}" if wrong else "found none",
            "for example 0.1 to 0.5, np.linspace(0.1, 0.5, 41)",
        )
    return asked


@dataclass(frozen=True, slots=True, eq=False)
class _Scorer:
    """Net benefits of rows at a horizon."""

    outcome: Outcome
    horizon: float
    strata: Groups
    thresholds: Floats

    def everybody(self) -> list[ObservedRisk]:
        """Observe the risk of all rows of each stratum."""
        return [
            observe_risk(self.outcome, np.flatnonzero(self.strata.codes == code), self.horizon)
            for code in range(self.strata.n)
        ]

    def score(self, risks: dict[str, Floats]) -> tuple[tuple[NetBenefit, ...], PairedDifferences]:
        """Score treating none, treating all, and every model."""
        n, codes = self.outcome.n, self.strata.codes
        size = np.bincount(codes, minlength=self.strata.n)
        names = (TREAT_NONE, TREAT_ALL, *risks)
        shape = (len(names), self.thresholds.size)
        values = np.zeros((self.strata.n, *shape))
        treated = np.zeros((self.strata.n, *shape), dtype=np.int64)
        # what rows contribute to the net benefit of their stratum
        own = np.zeros((len(names), n, self.thresholds.size))
        for place, risk in enumerate((np.ones(n), *risks.values()), start=1):
            for code in range(self.strata.n):
                rows = np.flatnonzero(codes == code)
                found = self._in_stratum(rows, risk[rows])
                values[code, place], treated[code, place] = found[0], found[1]
                own[place][rows] = found[2]
        share = size / n
        mean = np.tensordot(share, values, axes=1)
        total = own * share[codes][:, np.newaxis] + np.moveaxis(values[codes] - mean, 0, 1) / n
        total[0] = 0.0
        parts = [NetBenefit("", treated.sum(axis=0), frozen(mean), frozen(spread(total)))]
        if self.strata.n > 1:
            errors = [spread(own[:, codes == code]) for code in range(self.strata.n)]
            parts += [
                NetBenefit(label, treated[code], frozen(values[code]), frozen(errors[code]))
                for code, label in enumerate(self.strata.labels)
            ]
        return tuple(parts), PairedDifferences.of(names[1:], mean[1:], total[1:])

    def _in_stratum(self, rows: Ints, risk: Floats) -> tuple[Floats, Ints, Floats]:
        """Give net benefit and treated rows at each threshold, and what each row contributes to the first."""
        n = rows.size
        value = np.zeros(self.thresholds.size)
        treated = np.zeros(self.thresholds.size, dtype=np.int64)
        contribution = np.zeros((n, self.thresholds.size))
        seen, found = -1, ObservedRisk(0.0, np.zeros(0))
        for k, threshold in enumerate(self.thresholds):
            high = np.flatnonzero(risk >= threshold)
            if high.size != seen:
                seen, found = high.size, observe_risk(self.outcome, rows[high], self.horizon)
            odds = threshold / (1 - threshold)
            gain = (1 + odds) * found.risk - odds
            value[k], treated[k] = high.size / n * gain, high.size
            contribution[high, k] = gain / n + high.size / n * (1 + odds) * found.influence
            contribution[:, k] -= value[k] / n
        return value, treated, contribution

    def notes(self, risks: dict[str, Floats]) -> list[str]:
        """Name the thresholds above which nobody was followed up to the horizon."""
        notes = []
        for name, risk in risks.items():
            short = [self._is_short(risk >= threshold) for threshold in self.thresholds]
            if any(short):
                first = format_percent(float(self.thresholds[int(np.argmax(short))]))
                notes.append(
                    f"{name}: from the threshold {first} on, not all groups of treated rows were followed up to the "
                    "horizon; their last observed risk stands for that at it"
                )
        return notes

    def _is_short(self, high: Bools) -> bool:
        """Whether the treated rows of a stratum were all censored before the horizon, some of them at the end."""
        for code in range(self.strata.n):
            rows = high & (self.strata.codes == code)
            time, event = self.outcome.time[rows], self.outcome.event[rows]
            if rows.any() and time.max() < self.horizon and (event[time == time.max()] == 0).any():
                return True
        return False
