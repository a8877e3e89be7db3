"""What sums up a calibration: observed over expected, intercept, slope, and the distances from the smooth curve."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import SurvmodelError, list_values
from survmodel.formatting import count_noun
from survmodel.models.cumulative_incidence import CumulativeIncidence
from survmodel.models.kaplan_meier import KaplanMeier
from survmodel.models.limits import ConfType
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome
from survmodel.performance.calibration_curve import DISTANCES, SmoothCurve, SmoothSettings, smooth_calibration
from survmodel.performance.recalibration import (
    Estimate,
    hazard_intercept,
    hazard_slope,
    log_hazards,
    weighted_recalibration,
)

Floats = npt.NDArray[np.float64]
Found = TypeVar("Found")

RATIO, INTERCEPT, SLOPE = "observed/expected", "intercept", "slope"
WEIGHTED_INTERCEPT, WEIGHTED_SLOPE = "intercept, weighted", "slope, weighted"
MEASURES = (RATIO, INTERCEPT, SLOPE, WEIGHTED_INTERCEPT, WEIGHTED_SLOPE, *DISTANCES)
#: A slope in the patients that a model was fitted to is 1 by construction, and says nothing.
APPARENT = "apparent"


def observed_risk(
    outcome: Outcome, horizon: float, conf_type: ConfType, conf_level: float
) -> tuple[float, float, float, float]:
    """Estimate the risk by the horizon.

    Parameters
    ----------
    outcome : Outcome
        Times and events.
    horizon : float
        The horizon.
    conf_type : str
        Type of the limits.
    conf_level : float
        Their coverage.

    Returns
    -------
    tuple of float
        Risk, standard error and limits; NaN where nobody was followed so long.
    """
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


def read_followed_strata(outcome: Outcome, strata: object, horizon: float) -> tuple[Groups, tuple[str, ...]]:
    """Read the strata, and join those that were not followed up to the horizon.

    Parameters
    ----------
    outcome : Outcome
        Whose rows they are.
    strata : Series or array_like, shape (n,), or None
        Labels.
    horizon : float
        The horizon.

    Returns
    -------
    Groups
        Strata that were all followed up to the horizon: the others are one, or a part of the largest where even
        together they were not.
    tuple of str
        What was joined.
    """
    groups = read_groups(outcome, strata, "strata")
    longest = np.zeros(groups.n)
    np.maximum.at(longest, groups.codes, outcome.time)
    size = np.bincount(groups.codes, minlength=groups.n)
    short = np.flatnonzero((longest < horizon) | (size < 2))
    if groups.n == 1 or not short.size:
        return groups, groups.notes
    alone = longest[short].max() >= horizon and size[short].sum() > 1
    target = int(short[0]) if alone else int(np.argmax(np.where(np.isin(np.arange(groups.n), short), -1, size)))
    codes = np.where(np.isin(groups.codes, short), target, groups.codes)
    kept, dense = np.unique(codes, return_inverse=True)
    named = list_values([groups.labels[code] for code in short])
    where = "one stratum together" if alone else f"joined to {groups.labels[target]!r}"
    told = f"strata not followed up to the horizon, or of one patient, are {where}: {named}"
    joined = Groups(dense.ravel().astype(np.int64), tuple(groups.labels[code] for code in kept))
    return joined, (*groups.notes, *((told,) if short.size > 1 or not alone else ()))


def calibration_by_group(
    outcome: Outcome,
    risk: Floats,
    died: npt.NDArray[np.bool_],
    labels: pd.Categorical,
    horizon: float,
    conf_type: ConfType,
    conf_level: float,
) -> pd.DataFrame:
    """Compare predicted and observed risk in groups of predicted risk.

    Parameters
    ----------
    outcome : Outcome
        Times and events.
    risk : ndarray, shape (n,)
        Predicted risks.
    died : ndarray of bool, shape (n,)
        Events up to the horizon.
    labels : pandas.Categorical
        Group of each row.
    horizon : float
        The horizon.
    conf_type : str
        Type of the limits.
    conf_level : float
        Their coverage.

    Returns
    -------
    pandas.DataFrame
        Columns group, n, n_event, expected, estimate, std_error, conf_low, conf_high.
    """
    rows = []
    for label in labels.categories:
        inside = np.flatnonzero(labels == label)
        seen = observed_risk(outcome.take(inside), horizon, conf_type, conf_level)
        rows.append([str(label), inside.size, int(died[inside].sum()), float(risk[inside].mean()), *seen])
    names = ["group", "n", "n_event", "expected", "estimate", "std_error", "conf_low", "conf_high"]
    return pd.DataFrame(rows, columns=names)


def calibration_by_stratum(outcome: Outcome, risk: Floats, horizon: float, strata: Groups) -> pd.DataFrame:
    """Compare observed and expected risk in each stratum.

    Parameters
    ----------
    outcome : Outcome
        Times and events.
    risk : ndarray, shape (n,)
        Predicted risks.
    horizon : float
        The horizon.
    strata : Groups
        Each is followed up to the horizon.

    Returns
    -------
    pandas.DataFrame
        Columns group (the stratum), n, n_event (up to the horizon), expected, observed, std_error (of observed).
    """
    happened = (outcome.event == 1) & (outcome.time <= horizon)
    rows = []
    for code, label in enumerate(strata.labels):
        inside = np.flatnonzero(strata.codes == code)
        observed, error, _, _ = observed_risk(outcome.take(inside), horizon, "plain", 0.95)
        rows.append([label, inside.size, int(happened[inside].sum()), float(risk[inside].mean()), observed, error])
    return pd.DataFrame(rows, columns=["group", "n", "n_event", "expected", "observed", "std_error"])


def sum_up(
    outcome: Outcome,
    risk: Floats,
    horizon: float,
    strata: Groups,
    by_stratum: pd.DataFrame,
    settings: SmoothSettings,
    *,
    censoring: Outcome | None = None,
    apparent: bool = False,
) -> tuple[pd.DataFrame, SmoothCurve | None, tuple[str, ...]]:
    """Estimate all measures of a calibration, as far as the data allow.

    Parameters
    ----------
    outcome : Outcome
        Times and events.
    risk : ndarray, shape (n,)
        Predicted risks.
    horizon : float
        The horizon.
    strata : Groups
        Each is followed up to the horizon.
    by_stratum : pandas.DataFrame
        From :func:`calibration_by_stratum`.
    settings : SmoothSettings
        How the curve is made.
    censoring : Outcome, optional
        Rows from which the censoring distribution is estimated.
    apparent : bool
        Whether the model was fitted to these patients: intercept and slope are then left out.

    Returns
    -------
    measures : pandas.DataFrame
        Columns measure, estimate, std_error (of the ratio on the log scale), conf_low, conf_high; a row for each of
        `MEASURES`, NaN where it could not be estimated.
    smooth : SmoothCurve or None
        The curve.
    notes : tuple of str
        Why something could not be estimated.
    """
    notes: list[str] = []
    z = normal_quantile(settings.conf_level)
    rows = np.full((len(MEASURES), 4), np.nan)
    rows[0] = _ratio(by_stratum, z)
    if apparent:
        notes.append("intercept and slope are left out: 0 and 1 by construction in the patients of the model itself")
    else:
        found = _recalibrate(outcome, risk, horizon, strata, settings, censoring, notes)
        for place, (estimate, error) in enumerate(found, start=1):
            rows[place] = estimate, error, estimate - z * error, estimate + z * error
    smooth = _attempt("no smooth curve", notes, lambda: smooth_calibration(outcome, risk, horizon, strata, settings))
    if smooth is not None:
        rows[-len(DISTANCES) :] = smooth.distances
        notes += smooth.notes
    table = pd.DataFrame(rows, columns=["estimate", "std_error", "conf_low", "conf_high"])
    table.insert(0, "measure", list(MEASURES))
    return table, smooth, tuple(dict.fromkeys(notes))


def _ratio(by_stratum: pd.DataFrame, z: float) -> list[float]:
    share = (by_stratum["n"] / by_stratum["n"].sum()).to_numpy(dtype=np.float64)
    observed = float(share @ by_stratum["observed"].to_numpy())
    expected = float(share @ by_stratum["expected"].to_numpy())
    error = float(np.sqrt(share**2 @ by_stratum["std_error"].to_numpy() ** 2))
    if not (observed > 0 and expected > 0):
        return [observed / expected if expected > 0 else np.nan, np.nan, np.nan, np.nan]
    ratio, spread = observed / expected, float(np.exp(z * error / observed))
    return [ratio, error / observed, ratio / spread, ratio * spread]


def _recalibrate(
    outcome: Outcome,
    risk: Floats,
    horizon: float,
    strata: Groups,
    settings: SmoothSettings,
    censoring: Outcome | None,
    notes: list[str],
) -> list[Estimate]:
    """Give intercept and slope by the hazard, and weighted for censoring."""
    none = (np.nan, np.nan)
    read = _attempt("no intercept and no slope", notes, lambda: log_hazards(risk))
    if read is None:
        return [none] * 4
    index, moved = read
    if moved:
        told = "half of the smallest above 0, or as close to 1 as half of what the largest below it leaves"
        notes.append(f"{count_noun(moved, 'predicted risk')} of 0 or 1, in intercept, slope and curve taken as {told}")
    later = settings.later_events
    intercept = _attempt("no intercept", notes, lambda: hazard_intercept(outcome, index, horizon, strata))
    slope = _attempt("no slope", notes, lambda: hazard_slope(outcome, index, horizon, strata, later_events=later))
    weighted = _attempt(
        "no weighted intercept and slope",
        notes,
        lambda: weighted_recalibration(outcome, index, horizon, strata, censoring),
    )
    return [intercept or none, slope or none, *(weighted or (none, none))]


def _attempt(what: str, notes: list[str], compute: Callable[[], Found]) -> Found | None:
    """Compute what may not exist; the reason goes to the notes."""
    try:
        return compute()
    except SurvmodelError as error:
        notes.append(f"{what}: {error.problem}")
        return None
