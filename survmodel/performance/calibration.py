r"""Calibration at a horizon: whether the predicted risk happens as often as predicted.

Patients are put into groups of equal size by their predicted risk, and the risk observed in each group is read from its
Kaplan-Meier curve (from its cumulative incidence where events compete), which takes account of those who were not
followed up to the horizon. Overall, the observed risk over the mean predicted one is the ratio O/E, with limits on the
log scale from the standard error of the observed risk, :math:`\exp\{\log(O/E) \pm z\, se(O)/O\}`.

Risks of the patients that a model was fitted to are calibrated by construction: pass risks predicted out of fold or in
other patients, and say which in `sample`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, DataError, EndpointError, FitError
from survmodel.formatting import count_noun, format_count, format_estimate, format_percent, format_significant
from survmodel.models.cumulative_incidence import CumulativeIncidence
from survmodel.models.kaplan_meier import KaplanMeier
from survmodel.models.limits import ConfType
from survmodel.outcome.response import Outcome
from survmodel.performance.discrimination import read_index
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]

#: Groups of equal size where nothing else is asked for; fewer where these would be smaller than `SMALLEST_GROUP`.
MOST_GROUPS = 5
SMALLEST_GROUP = 20


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Calibration(Result):
    """Observed against predicted risk at one horizon.

    Attributes
    ----------
    groups : pandas.DataFrame
        What :meth:`tidy` gives.
    risk : ndarray, shape (n,)
        Predicted risks.
    horizon : float
        Time up to which risk is meant.
    unit, endpoint : str
        Unit of time and what the event is.
    n, n_event : int
        Patients, and events up to the horizon.
    observed, expected : float
        Observed risk and mean predicted risk of all patients.
    o_e, o_e_low, o_e_high : float
        Their ratio with limits; above 1 more happened than was predicted.
    sample : str
        Whose predictions these are, for example "out of fold".
    conf_type : str
        Type of the limits of observed risks.
    conf_level : float
        Coverage of the limits.
    warnings : tuple of str
        What the reader must know.
    """

    groups: pd.DataFrame
    risk: Floats
    horizon: float
    unit: str
    endpoint: str
    n: int
    n_event: int
    observed: float
    expected: float
    o_e: float
    o_e_low: float
    o_e_high: float
    sample: str
    conf_type: str
    conf_level: float
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give one row for each group of predicted risk, from the lowest.

        Returns
        -------
        pandas.DataFrame
            Columns group, n, n_event (up to the horizon), expected (mean predicted risk), estimate (observed risk),
            std_error, conf_low, conf_high; NaN where a group was not followed up to the horizon.
        """
        return self.groups.copy()

    def glance(self) -> pd.DataFrame:
        """Give the calibration of all patients together in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "horizon": self.horizon,
            "observed": self.observed,
            "expected": self.expected,
            "o_e": self.o_e,
            "o_e_low": self.o_e_low,
            "o_e_high": self.o_e_high,
            "sample": self.sample,
            "conf_type": self.conf_type,
            "conf_level": self.conf_level,
            "conventions": "groups by type 7 quantiles; observed risk by curve; O/E limits on the log scale",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [
                one["group"],
                format_count(one["n"]),
                format_count(one["n_event"]),
                format_percent(one["expected"]),
                format_percent(one["estimate"]),
                f"{format_percent(one['conf_low'])} to {format_percent(one['conf_high'])}",
            ]
            for one in self.groups.to_dict("records")
        ]
        header = ["group", "n", "events", "predicted", "observed", f"{100 * self.conf_level:g}% limits"]
        unit = f" {self.unit}" if self.unit else ""
        sample = f", {self.sample}" if self.sample else ""
        title = f"Calibration at {format_significant(self.horizon)}{unit}, {self.endpoint}{sample}"
        ratio = f"observed/expected {format_estimate(self.o_e, self.o_e_low, self.o_e_high, 2)}"
        limits = f"{100 * self.conf_level:g}% limits of observed risks: {self.conf_type}"
        return Display(title, (Table(header, rows),), (ratio, limits), "sm.draw_calibration(result)")


def calibration(
    outcome: Outcome,
    risk: object,
    horizon: float,
    *,
    groups: int | None = None,
    sample: str = "",
    conf_type: ConfType = "log-log",
    conf_level: float = 0.95,
) -> Calibration:
    """Compare predicted with observed risk at a horizon.

    Parameters
    ----------
    outcome : Outcome
        Times and events; with competing events the risk of the event itself (code 1) is meant.
    risk : Series or array_like, shape (n,)
        Predicted probability of the event by the horizon, 0 to 1.
    horizon : float
        The time, within the follow-up.
    groups : int, optional
        Groups of equal size; without it five, or fewer so that each has at least 20 patients, and two at least.
    sample : str
        Whose predictions these are, for example "out of fold".
    conf_type : str
        Type of the limits of observed risks.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    Calibration
        By group and overall.

    Raises
    ------
    DataError
        When rows differ from the outcome's, or risks are missing or no probabilities.
    EndpointError
        For a horizon beyond the follow-up.
    FitError
        Without events up to the horizon, or when too many risks are equal to form groups.

    References
    ----------
    Royston P (2014). Stata J 14:738-755. Debray TPA et al. (2017). BMJ 356:i6460.

    Examples
    --------
    >>> outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 0, 1, 0, 1, 0], unit="years")
    >>> result = calibration(outcome, [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], horizon=4, groups=2)
    >>> result.tidy()["estimate"].round(3).tolist()
    [0.0, 0.75]
    """
    values = _read_risk(outcome, risk)
    if not 0 < horizon <= outcome.time.max():
        raise EndpointError(
            f"the horizon {format_significant(horizon)} is not within the follow-up",
            remedy=f"choose one above 0 and at most {format_significant(float(outcome.time.max()))}",
        )
    died = (outcome.event == 1) & (outcome.time <= horizon)
    if not died.any():
        raise FitError("no event happened up to the horizon", remedy="choose a later horizon")
    n_groups = max(min(MOST_GROUPS, outcome.n // SMALLEST_GROUP), 2) if groups is None else groups
    labels = _group(values, n_groups)
    rows = []
    for label in labels.categories:
        inside = np.flatnonzero(labels == label)
        seen = _observed(outcome.take(inside), horizon, conf_type, conf_level)
        rows.append([str(label), inside.size, int(died[inside].sum()), float(values[inside].mean()), *seen])
    names = ["group", "n", "n_event", "expected", "estimate", "std_error", "conf_low", "conf_high"]
    observed, error, _, _ = _observed(outcome, horizon, conf_type, conf_level)
    expected = float(values.mean())
    spread = float(np.exp(normal_quantile(conf_level) * error / observed)) if observed > 0 else np.nan
    ratio = observed / expected if expected > 0 else np.nan
    return Calibration(
        groups=pd.DataFrame(rows, columns=names),
        risk=frozen(values),
        horizon=float(horizon),
        unit=outcome.unit or "",
        endpoint=(outcome.causes or {}).get(1, outcome.endpoint),
        n=outcome.n,
        n_event=int(died.sum()),
        observed=observed,
        expected=expected,
        o_e=ratio,
        o_e_low=ratio / spread,
        o_e_high=ratio * spread,
        sample=sample,
        conf_type=conf_type,
        conf_level=conf_level,
        warnings=outcome.warnings,
    )


def _read_risk(outcome: Outcome, risk: object) -> Floats:
    values = read_index(outcome, risk, "risk")
    outside = (values < 0) | (values > 1)
    if outside.any():
        raise DataError(
            "a predicted risk is no probability",
            f"{count_noun(int(outside.sum()), 'value')} outside 0 to 1",
            "pass predict_risk(table, [horizon])[:, 0], not the prognostic index",
        )
    return values


def _group(values: Floats, n_groups: int) -> pd.Categorical:
    """Cut risks at their quantiles, each group with its upper end."""
    if n_groups < 2:
        raise ConfigError(f"{n_groups} groups", remedy="ask for at least 2")
    edges = np.quantile(values, np.linspace(0, 1, n_groups + 1)[1:-1])
    codes = np.searchsorted(edges, values)
    if (np.bincount(codes, minlength=n_groups) == 0).any():
        raise FitError(
            f"the predicted risks do not form {n_groups} groups",
            f"{count_noun(int(np.unique(values).size), 'distinct value')}",
            "ask for fewer groups",
        )
    names = pd.Index([str(number) for number in range(1, n_groups + 1)])
    return pd.Categorical.from_codes(codes.tolist(), categories=names, ordered=True)


def _observed(
    outcome: Outcome, horizon: float, conf_type: ConfType, conf_level: float
) -> tuple[float, float, float, float]:
    """Give the observed risk by the horizon with standard error and limits; NaN where nobody was followed so long."""
    if outcome.causes is not None:
        fit = CumulativeIncidence(conf_type=conf_type, conf_level=conf_level).fit(outcome)
        read = fit.at([horizon]).iloc[0]
        return float(read["estimate"]), float(read["std_error"]), float(read["conf_low"]), float(read["conf_high"])
    read = KaplanMeier(conf_type=conf_type, conf_level=conf_level).fit(outcome).at([horizon]).iloc[0]
    return (
        1 - float(read["estimate"]),
        float(read["std_error"]),
        1 - float(read["conf_high"]),
        1 - float(read["conf_low"]),
    )
