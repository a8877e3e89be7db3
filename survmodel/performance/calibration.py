r"""Calibration at a horizon: whether the predicted risk happens as often as predicted.

Patients are put into groups of equal size by their predicted risk, and the risk observed in each group is read from its
Kaplan-Meier curve (from its cumulative incidence where events compete), which takes account of those who were not
followed up to the horizon. Beside the groups stand

* the ratio O/E of the observed risk over the mean predicted one, with limits on the log scale from the standard error
  of the observed risk, :math:`\exp\{\log(O/E) \pm z\, se(O)/O\}`; within strata O is the mean of their observed risks
  weighted by their size;
* intercept and slope on the log hazard scale (:mod:`~survmodel.performance.recalibration`);
* a smooth curve, and ICI, E50, E90 and Emax (:mod:`~survmodel.performance.calibration_curve`).

Risks of the patients that a model was fitted to are calibrated by construction: pass risks predicted out of fold or in
other patients, and say which in `sample`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, EndpointError, FitError, closest
from survmodel.formatting import (
    MISSING,
    count_noun,
    format_count,
    format_estimate,
    format_interval,
    format_number,
    format_percent,
    format_significant,
)
from survmodel.models.limits import ConfType
from survmodel.outcome.response import Outcome
from survmodel.performance.calibration_curve import DISTANCES, Smoother, SmoothSettings
from survmodel.performance.calibration_measures import (
    APPARENT,
    INTERCEPT,
    SLOPE,
    calibration_by_group,
    calibration_by_stratum,
    read_followed_strata,
    sum_up,
)
from survmodel.performance.discrimination import read_index
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]

#: Groups of equal size where nothing else is asked for; fewer where these would be smaller than `SMALLEST_GROUP`.
MOST_GROUPS = 5
SMALLEST_GROUP = 20
#: Resamples for the limits of the smooth curve.
REPEATS = 500


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Calibration(Result):
    """Observed against predicted risk at one horizon.

    Attributes
    ----------
    groups : pandas.DataFrame
        What :meth:`tidy` gives.
    risk : ndarray, shape (n,)
        Predicted risks.
    happened : ndarray of bool, shape (n,)
        Whether the event is known to have happened by the horizon.
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
    measures : pandas.DataFrame
        Columns measure, estimate, std_error, conf_low, conf_high: observed/expected (its standard error on the log
        scale), intercept, slope, both weighted for censoring, ICI, E50, E90, Emax; NaN where not estimable.
    strata : pandas.DataFrame
        Columns group (the stratum), n, n_event, expected, observed, std_error.
    curve : pandas.DataFrame
        The smooth curve: columns expected (predicted risk), estimate (observed risk), conf_low, conf_high; without rows
        where there is none.
    smoothed : ndarray, shape (n,)
        Observed risk read from the curve (of the patient's stratum) at each predicted risk.
    smoother : str
        What smoothed it, "" where there is no curve.
    repeats, failed : int
        Resamples that limits of the curve and of the distances come from, and how many of them could not be fitted.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    groups: pd.DataFrame
    risk: Floats
    happened: npt.NDArray[np.bool_]
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
    measures: pd.DataFrame
    strata: pd.DataFrame
    curve: pd.DataFrame
    smoothed: Floats
    smoother: str
    repeats: int
    failed: int
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def read(self, measure: str) -> tuple[float, float, float]:
        """Read one of the measures.

        Parameters
        ----------
        measure : str
            For example "slope" or "ICI".

        Returns
        -------
        tuple of float
            Estimate and limits; NaN where they could not be estimated, which the notes explain.

        Raises
        ------
        ConfigError
            For another name.
        """
        known = self.measures["measure"].tolist()
        if measure not in known:
            raise ConfigError(f"{measure!r} is no measure of calibration", closest(measure, known))
        row = self.measures.iloc[known.index(measure)]
        return float(row["estimate"]), float(row["conf_low"]), float(row["conf_high"])

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
            "n_strata": len(self.strata),
            **self._measured(),
            "smoother": self.smoother,
            "repeats": self.repeats,
            "failed": self.failed,
            "conventions": "groups by type 7 quantiles; observed risk by curve; O/E limits on the log scale; intercept "
            "and slope of log(-log(1 - risk)) by the hazard up to the horizon, within strata; limits of the curve and "
            "its distances by the bootstrap of patients within strata, those of distances moved by their bias",
        }
        return pd.DataFrame([row])

    def _measured(self) -> dict[str, float]:
        """Name intercept, slope and distances with their limits as columns of one row."""
        row = {}
        for measure in (INTERCEPT, SLOPE, *DISTANCES):
            name = measure.lower()
            row[name], row[f"{name}_low"], row[f"{name}_high"] = self.read(measure)
        return row

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
        if self.repeats and self.smoother:
            limits += f"; of ICI, E50, E90 and Emax: by {count_noun(self.repeats - self.failed, 'resample')}"
        notes = [ratio, f"curve: {self.smoother}"] if self.smoother else [ratio]
        return Display(
            title, (Table(header, rows), self._summary()), (*notes, limits, *self.notes), "sm.draw_calibration(result)"
        )

    def _summary(self) -> Table:
        level = f"{100 * self.conf_level:g}% limits"
        rows = []
        for name in self.measures["measure"].iloc[1:]:
            estimate, low, high = self.read(name)
            digits = 3 if name in DISTANCES else 2
            limits = MISSING if np.isnan(low) else format_interval(low, high, digits)
            rows.append([name, MISSING if np.isnan(estimate) else format_number(estimate, digits), limits])
        return Table(["measure", "estimate", level], rows)


def calibration(  # noqa: PLR0913 - the settings of a calibration
    outcome: Outcome,
    risk: object,
    horizon: float,
    *,
    groups: int | None = None,
    sample: str = "",
    smoother: Smoother = "spline",
    knots: int = 3,
    strata: object = None,
    censoring: Outcome | None = None,
    later_events: bool = False,
    repeats: int = REPEATS,
    seed: int = 0,
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
        Whose predictions these are, for example "out of fold". Of "apparent" ones no intercept and no slope are given:
        they are 0 and 1 by construction.
    smoother : {"spline", "pseudo"}
        What smooths observed over predicted risk: a spline in Cox's or Fine and Gray's model, or local lines through
        pseudo-values, for 100 events and more.
    knots : int
        Knots of the spline, 3 or 4; fewer, or a straight line, where there are few events or few distinct risks.
    strata : Series or array_like, shape (n,), optional
        Observed and expected risk, slope and curve are estimated within strata and averaged by their size; groups of
        predicted risk are formed across them.
    censoring : Outcome, optional
        Rows from which the censoring distribution of the weighted intercept and slope is estimated (the training rows,
        say); the scored rows themselves, within strata, without it. No other measure needs one.
    later_events : bool
        Whether what happens after the horizon has a part in slope and spline, as in Austin's paper. The claim of a
        predicted risk ends at the horizon, and so do proportional hazards without it.
    repeats : int
        Resamples of patients within strata for the limits of the curve, ICI, E50, E90 and Emax; 0 for none.
    seed : int
        Of the resamples.
    conf_type : str
        Type of the limits of observed risks.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    Calibration
        By group and overall. What cannot be estimated is NaN, and its notes say why.

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
    Royston P (2014). Stata J 14:738-755. Debray TPA et al. (2017). BMJ 356:i6460. Austin PC, Harrell FE, van Klaveren D
    (2020). Stat Med 39:2714-2742. Crowson CS, Atkinson EJ, Therneau TM (2016). Stat Methods Med Res 25:1692-1706.

    Examples
    --------
    >>> outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 0, 1, 0, 1, 0], unit="years")
    >>> result = calibration(outcome, [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], horizon=4, groups=2)
    >>> result.tidy()["estimate"].round(3).tolist()
    [0.0, 0.75]
    """
    values = _read_risk(outcome, risk)
    settings = SmoothSettings(smoother, knots, later_events, repeats, seed, conf_level)
    if not 0 < horizon <= outcome.time.max():
        raise EndpointError(
            f"the horizon {format_significant(horizon)} is not within the follow-up",
            remedy=f"choose one above 0 and at most {format_significant(float(outcome.time.max()))}",
        )
    died = (outcome.event == 1) & (outcome.time <= horizon)
    if not died.any():
        raise FitError("no event happened up to the horizon", remedy="choose a later horizon")
    n_groups = max(min(MOST_GROUPS, outcome.n // SMALLEST_GROUP), 2) if groups is None else groups
    table = calibration_by_group(outcome, values, died, _group(values, n_groups), horizon, conf_type, conf_level)
    layers, told = read_followed_strata(outcome, strata, horizon)
    by_stratum = calibration_by_stratum(outcome, values, horizon, layers)
    apparent = sample.strip().lower().startswith(APPARENT)
    measures, smooth, notes = sum_up(
        outcome, values, horizon, layers, by_stratum, settings, censoring=censoring, apparent=apparent
    )
    o_e, o_e_low, o_e_high = measures[["estimate", "conf_low", "conf_high"]].to_numpy()[0].tolist()
    nowhere = pd.DataFrame(columns=["expected", "estimate", "conf_low", "conf_high"], dtype=np.float64)
    return Calibration(
        groups=table,
        risk=frozen(values),
        happened=frozen(died, np.bool_),
        horizon=float(horizon),
        unit=outcome.unit or "",
        endpoint=(outcome.causes or {}).get(1, outcome.endpoint),
        n=outcome.n,
        n_event=int(died.sum()),
        observed=float(np.average(by_stratum["observed"], weights=by_stratum["n"])),
        expected=float(values.mean()),
        o_e=o_e,
        o_e_low=o_e_low,
        o_e_high=o_e_high,
        sample=sample,
        conf_type=conf_type,
        conf_level=conf_level,
        measures=measures,
        strata=by_stratum,
        curve=nowhere if smooth is None else smooth.curve,
        smoothed=frozen(np.full(outcome.n, np.nan) if smooth is None else smooth.observed),
        smoother="" if smooth is None else smooth.label,
        repeats=repeats,
        failed=0 if smooth is None else smooth.failed,
        warnings=outcome.warnings,
        notes=join_warnings(told, notes),
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
