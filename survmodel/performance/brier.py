r"""Brier score: the mean squared distance between predicted risk and what happened, by a time or integrated over times.

.. math::
    BS(t) = \frac1n \sum_i \Bigl[ (1 - R_i(t))^2 \frac{1[T_i \le t,\ event]}{G(T_i-)}
            + R_i(t)^2 \frac{1[T_i \le t,\ competing]}{G(T_i-)} + R_i(t)^2 \frac{1[T_i > t]}{G(t)} \Bigr],

with the weights of :mod:`~survmodel.performance.censoring_weights`, as riskRegression's ``Score``. The integrated score
up to :math:`\tau` is the area under it as a step function, each value holding until the next time and 0 before the
first, divided by :math:`\tau`. It depends on the grid: all event times up to :math:`\tau` are the one meant here.

Beside every model stands the *null model*, which predicts the marginal risk of the same rows (of their stratum) for
everybody, and IPA, the index of prediction accuracy, :math:`1 - BS / BS_{null}`: 0 for a model that knows nothing,
below 0 for one that misleads.

Standard errors are those of the influence function, which counts that G was estimated; predicted risks are taken as
given. That of IPA treats the null model so too, which costs nothing in large samples, since the marginal risk is where
the score of a constant is least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError
from survmodel.formatting import count_noun, format_interval, format_number, format_significant
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.naming import begin, percent_level
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome
from survmodel.performance.censoring_weights import CensoringWeights
from survmodel.performance.paired_differences import NO_TEST_OF_NESTED_MODELS, PairedDifferences, spread
from survmodel.performance.predicted_risk import read_risks, refuse_late_entry, refuse_times
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]

#: Name of the model that predicts the marginal risk for everybody.
NULL = "null model"
BRIER, INTEGRATED = "Brier score", "integrated Brier score"
IPA = "IPA"
#: Numbers of influences held at once.
AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Brier(Result):
    """Brier scores of one or more models and of the null model.

    Attributes
    ----------
    measure : str
        "Brier score" or "integrated Brier score".
    models : tuple of str
        Names, the null model last.
    horizons : ndarray, shape (n_horizons,)
        Times; of the integrated score the one up to which it is integrated.
    estimate, std_error : ndarray, shape (n_models, n_horizons)
        Scores and their standard errors.
    ipa, ipa_std_error : ndarray, shape (n_models, n_horizons)
        Index of prediction accuracy; 0 for the null model.
    compared : PairedDifferences
        Score of each model less that of those before it, without the null model.
    n, n_event, n_strata : int
        Rows, events up to the last time, strata.
    grid : int
        Times that were averaged over; 1 where nothing was integrated.
    unit : str
        Unit of time.
    conf_level : float
        Coverage of the limits.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    measure: str
    models: tuple[str, ...]
    horizons: Floats
    estimate: Floats
    std_error: Floats
    ipa: Floats
    ipa_std_error: Floats
    compared: PairedDifferences
    n: int
    n_event: int
    n_strata: int
    grid: int
    unit: str
    conf_level: float
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give scores and IPA, one row for each model and time; the null model has no IPA.

        Returns
        -------
        pandas.DataFrame
            Columns model, measure, horizon, estimate, std_error, conf_low, conf_high; limits of a score within 0 and 1.
        """
        z = normal_quantile(self.conf_level)
        rows: list[list[object]] = []
        parts = ((self.measure, self.estimate, self.std_error, 0.0), (IPA, self.ipa, self.ipa_std_error, -np.inf))
        for place, model in enumerate(self.models):
            for measure, values, errors, least in parts if model != NULL else parts[:1]:
                for horizon, value, error in zip(self.horizons, values[place], errors[place], strict=True):
                    limits = [max(value - z * error, least), min(value + z * error, 1.0)]
                    rows.append([model, measure, float(horizon), float(value), float(error), *map(float, limits)])
        names = ["model", "measure", "horizon", "estimate", "std_error", "conf_low", "conf_high"]
        return pd.DataFrame(rows, columns=names)

    def differences(self) -> pd.DataFrame:
        """Give the differences of scores between the models, paired on the same rows.

        Returns
        -------
        pandas.DataFrame
            Columns model, reference (an earlier model), measure, horizon, estimate (model less reference: below 0 where
            the model is better), std_error, conf_low, conf_high, statistic, p_value. The p-value is no test of nested
            models fitted to these rows: use the likelihood ratio test.
        """
        return self.compared.table(self.measure, self.horizons, self.conf_level)

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        text = "weights 1/G(T-) of cases, 1/G(t) of those still followed; deaths leave before censorings; G and null "
        text += "model within strata; influence-function se, G estimated"
        if self.measure == INTEGRATED:
            tau = format_significant(float(self.horizons[0]))
            text += f"; averaged over {self.grid} times from 0 to tau = {tau}, each score holding until the next"
        text += f"; {NO_TEST_OF_NESTED_MODELS}" if self.compared.pairs else ""
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_strata": self.n_strata,
            "horizon": float(self.horizons[-1]),
            "grid": self.grid,
            "conf_level": self.conf_level,
            "conventions": text,
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        tidy = self.tidy()
        rows = []
        for (model, _), own in tidy.groupby(["model", "horizon"], sort=False):
            score = own.iloc[0]
            ipa = format_number(own.iloc[1]["estimate"], 3) if len(own) > 1 else ""
            limits = format_interval(score["conf_low"], score["conf_high"], 3)
            time = format_significant(float(score["horizon"]))
            rows.append([str(model), time, format_number(score["estimate"], 3), limits, ipa])
        until = "up to" if self.measure == INTEGRATED else "at"
        unit = f", {self.unit}" if self.unit else ""
        header = ["model", f"{until}{unit}", self.measure, f"{percent_level(self.conf_level)} limits", IPA]
        strata = f" within {self.n_strata} strata" if self.n_strata > 1 else ""
        title = f"{begin(self.measure)}{strata}: {count_noun(self.n, 'row')}, {count_noun(self.n_event, 'event')}"
        notes = ["lower is better; IPA = 1 - score / score of the null model, the marginal risk of the same rows"]
        if self.measure == INTEGRATED:
            notes.append(f"averaged over {count_noun(self.grid, 'time')} from 0 on, each score holding until the next")
        return Display(title, (Table(header, rows),), (*notes, *self.notes))


def brier_score(
    outcome: Outcome,
    risk: object,
    times: float | Sequence[float] | Floats,
    *,
    strata: object = None,
    censoring: Outcome | None = None,
    censoring_strata: object = None,
    conf_level: float = 0.95,
) -> Brier:
    """Score predicted risks at fixed times.

    Parameters
    ----------
    outcome : Outcome
        Times and events; with competing events the risk of the event itself (code 1) is meant. No late entry.
    risk : array_like, shape (n, n_times) or (n,), or mapping of str to such
        Predicted probability of the event by each time, of one or several models.
    times : float or sequence of float
        Times above 0 within the follow-up.
    strata : Series or array_like, shape (n,), optional
        Censoring and null model are estimated within strata.
    censoring : Outcome, optional
        Rows from which the censoring distribution is estimated (the training rows, say); the scored rows themselves,
        within strata, without it. Standard errors then take it as known.
    censoring_strata : Series or array_like, shape (n_censoring,), optional
        Strata of the rows of `censoring`, with the labels of `strata`, so that each stratum has its own curve; one for
        all without them. A stratum with few censorings there takes the pooled curve, and a note says so.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    Brier
        Scores of each model and of the null model.

    Raises
    ------
    DataError
        When rows differ from the outcome's, or risks are missing or no probabilities.
    EndpointError
        For times that are not within the follow-up.
    FitError
        With late entry, or without an event up to the last time.

    References
    ----------
    Graf E et al. (1999). Stat Med 18:2529-2545. Gerds TA, Schumacher M (2006). Biom J 48:1029-1040.

    Examples
    --------
    >>> outcome = Outcome([1, 2, 3, 4], [1, 1, 0, 1])
    >>> result = brier_score(outcome, [0.9, 0.6, 0.4, 0.2], 2.5)
    >>> result.tidy()["estimate"].round(4).tolist()
    [0.0925, 0.63, 0.25]
    """
    layers = read_groups(outcome, strata, "strata")
    return _score(outcome, risk, times, None, layers, (censoring, censoring_strata), conf_level)


def integrated_brier_score(
    outcome: Outcome,
    risk: object,
    times: Sequence[float] | Floats,
    *,
    horizon: float | None = None,
    strata: object = None,
    censoring: Outcome | None = None,
    censoring_strata: object = None,
    conf_level: float = 0.95,
) -> Brier:
    """Average the Brier score over the times from 0 to a horizon.

    Parameters
    ----------
    outcome : Outcome
        Times and events; with competing events the risk of the event itself (code 1) is meant. No late entry.
    risk : array_like, shape (n, n_times), or mapping of str to such
        Predicted probability of the event by each time, of one or several models.
    times : sequence of float
        Where the risks were predicted, ascending: all event times up to the horizon. A note says where some of them
        are missing.
    horizon : float, optional
        Time up to which the score is integrated, at least the last of `times`, which it is without it.
    strata, censoring, censoring_strata, conf_level
        As for :func:`brier_score`.

    Returns
    -------
    Brier
        Integrated scores of each model and of the null model.

    Raises
    ------
    SurvmodelError
        As for :func:`brier_score`.
    ConfigError
        For times that do not ascend, and a horizon before the last of them.

    Examples
    --------
    >>> outcome = Outcome([1, 2, 3, 4], [1, 1, 0, 1])
    >>> risk = np.array([[0.5, 0.9], [0.3, 0.6], [0.2, 0.4], [0.1, 0.2]])
    >>> result = integrated_brier_score(outcome, risk, [1, 2], horizon=3)
    >>> result.estimate[:, 0].round(4).tolist()
    [0.0633, 0.1458]
    """
    until, layers = times if horizon is None else horizon, read_groups(outcome, strata, "strata")
    return _score(outcome, risk, times, until, layers, (censoring, censoring_strata), conf_level)


def _score(
    outcome: Outcome,
    risk: object,
    times: float | Sequence[float] | Floats,
    horizon: float | Sequence[float] | Floats | None,
    layers: Groups,
    censoring: tuple[Outcome | None, object],
    conf_level: float,
) -> Brier:
    refuse_late_entry(outcome, "the Brier score")
    asked = check_times(np.atleast_1d(np.asarray(times, dtype=np.float64)))
    integrated = horizon is not None
    last = float(np.max(horizon if integrated else asked))  # type: ignore[arg-type]
    refuse_times(outcome, asked, last)
    if integrated and ((np.diff(asked) <= 0).any() or last < asked[-1]):
        raise ConfigError("the times of an integrated score ascend, and none is beyond the horizon")
    risks = {**read_risks(outcome, risk, asked.size, NULL), NULL: marginal_risk(outcome, asked, layers)}
    weights = CensoringWeights.learn(outcome, float(asked.max()), layers, *censoring)
    steps = np.diff(np.append(asked, last)) / last if integrated else None
    found = _estimate(weights, risks, asked, steps)
    case = outcome.event == 1
    notes = [*layers.notes, *weights.notes]
    left_out = np.setdiff1d(outcome.time[case & (outcome.time < last)], asked).size
    if integrated and left_out:
        notes.append(f"{count_noun(left_out, 'event time')} before the horizon not among the times")
    return Brier(
        measure=INTEGRATED if integrated else BRIER,
        models=tuple(risks),
        horizons=frozen([last] if integrated else asked),
        estimate=frozen(found.value),
        std_error=frozen(found.error),
        ipa=frozen(found.ipa),
        ipa_std_error=frozen(found.ipa_error),
        compared=found.compared,
        n=outcome.n,
        n_event=int((case & (outcome.time <= last)).sum()),
        n_strata=layers.n,
        grid=asked.size if integrated else 1,
        unit=outcome.unit or "",
        conf_level=conf_level,
        warnings=outcome.warnings,
        notes=join_warnings(notes),
    )


def marginal_risk(outcome: Outcome, times: Floats, strata: Groups) -> Floats:
    """Estimate the marginal risk of the event by each time: Kaplan-Meier, or Aalen-Johansen where events compete.

    Parameters
    ----------
    outcome : Outcome
        Rows without late entry.
    times : ndarray, shape (n_times,)
        Times.
    strata : Groups
        Estimated within each; beyond the follow-up of a stratum its last value stays.

    Returns
    -------
    ndarray, shape (n, n_times)
        The same for all rows of a stratum.
    """
    risk = np.empty((outcome.n, times.size))
    for code in range(strata.n):
        rows = np.flatnonzero(strata.codes == code)
        steps, place = np.unique(outcome.time[rows], return_inverse=True)
        any_event = np.bincount(place, outcome.event[rows] > 0)
        own = np.bincount(place, outcome.event[rows] == 1)
        at_risk = np.bincount(place)[::-1].cumsum()[::-1]
        survival = np.cumprod(1 - any_event / at_risk)
        incidence = np.cumsum(np.append(1.0, survival[:-1]) * own / at_risk)
        risk[rows] = np.append(0.0, incidence)[np.searchsorted(steps, times, side="right")]
    return np.clip(risk, 0.0, 1.0)


class _Estimates(NamedTuple):
    """Scores of each model, shape (n_models, n_times or 1), and what was derived from them."""

    value: Floats
    error: Floats
    ipa: Floats
    ipa_error: Floats
    compared: PairedDifferences


def _estimate(
    weights: CensoringWeights, risks: Mapping[str, Floats], times: Floats, steps: Floats | None
) -> _Estimates:
    """Score every model, the null model last."""
    n = weights.outcome.n
    width = max(1, AT_ONCE // n)
    parts = [slice(start, start + width) for start in range(0, times.size, width)]
    value = np.zeros((len(risks), times.size))
    share = np.zeros((len(risks), n, times.size if steps is None else 1))
    for part in parts:
        for place, risk in enumerate(risks.values()):
            value[place, part], own = _contribute(weights, risk[:, part], times[part])
            if steps is None:
                share[place, :, part] = own
            else:
                share[place, :, 0] += own @ steps[part]
    if steps is not None:
        value = (value @ steps)[:, np.newaxis]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = value / value[-1]
        of_ipa = (share - ratio[:, np.newaxis, :] * share[-1]) / value[-1]
    compared = PairedDifferences.of(tuple(risks)[:-1], value[:-1], share[:-1])
    return _Estimates(value, spread(share), 1 - ratio, spread(of_ipa), compared)


def brier_contributions(
    weights: CensoringWeights, strata: Groups, risk: Floats, times: Floats
) -> tuple[Floats, Floats]:
    """Give what each row contributes to the error of a Brier score and of its IPA.

    Parameters
    ----------
    weights : CensoringWeights
        Of the scored rows, up to the last time at least.
    strata : Groups
        Their strata, in which the null model is the marginal risk.
    risk : ndarray, shape (n, n_times)
        Risks.
    times : ndarray, shape (n_times,)
        Times.

    Returns
    -------
    of_score, of_ipa : ndarray, shape (n, n_times)
        Influences divided by n.
    """
    values, shares = [], []
    for one in (risk, marginal_risk(weights.outcome, times, strata)):
        value, share = _contribute(weights, one, times)
        values.append(value)
        shares.append(share)
    with np.errstate(invalid="ignore", divide="ignore"):
        return shares[0], (shares[0] - values[0] / values[1] * shares[1]) / values[1]


def _contribute(weights: CensoringWeights, risk: Floats, times: Floats) -> tuple[Floats, Floats]:
    """Give a score at each time, and what each row contributes to its error."""
    losses = _losses(weights, risk, times)
    value = losses.mean(axis=0)
    share: Floats = (losses - value + weights.influence(losses, times)) / weights.outcome.n
    return value, share


def _losses(weights: CensoringWeights, risk: Floats, times: Floats) -> Floats:
    """Weigh the squared distances of every row at each time."""
    outcome = weights.outcome
    past = outcome.time[:, np.newaxis] <= times
    happened = (outcome.event == 1)[:, np.newaxis]
    weight = np.where(past, weights.case_weights()[:, np.newaxis], weights.survivor_weights(times))
    losses: Floats = weight * (np.where(past & happened, 1.0, 0.0) - risk) ** 2
    return losses
