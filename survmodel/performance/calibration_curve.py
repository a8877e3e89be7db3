r"""The smooth calibration curve, and how far predicted risks lie from it: ICI, E50, E90, Emax.

Two smoothers of observed over predicted risk *R* at a horizon:

* ``"spline"``: the risk at the horizon by Cox's model, within strata, on a restricted cubic spline of
  :math:`\log\{-\log(1 - R)\}` (Austin, Harrell and van Klaveren 2020), that of Fine and Gray where events compete. It
  is the default since it has two parameters at 3 knots, which 20 to 100 events can carry, keeps risks between 0 and 1,
  goes on as a straight line where few patients are, and is the straight calibration line itself where the spline does
  not bend. With fewer than `EVENTS_FOR_BEND` events up to the horizon, or too few distinct risks for knots, it is that
  line.
* ``"pseudo"``: local straight lines through the pseudo-values of the observed risk
  (:mod:`~survmodel.performance.pseudo_values`, :mod:`~survmodel.performance.local_regression`). It assumes no
  proportional hazards and shows any shape, with the noise of a neighbourhood of patients: for 100 events and more.

With the observed risk :math:`\hat O_i` of each patient read from the curve (of his stratum) at his own predicted risk,
ICI is the mean of :math:`|R_i - \hat O_i|`, E50 and E90 its median and 90th percentile (type 7), and Emax the largest.
They are above 0 by chance also where every predicted risk is true.

Limits of the curve are percentiles of a bootstrap of patients within strata; knots stay where they are, and
pseudo-values are drawn with their patients. Those of the distances are the percentiles moved by what the median of the
resamples is above the estimate, and not below 0: a resample adds its own noise to every distance, so that the
percentiles themselves lie too high and may leave the estimate out. A resample whose curve cannot be fitted is counted
and left out.

References: Austin PC, Harrell FE, van Klaveren D (2020). Stat Med 39:2714-2742. Austin PC, Putter H, Giardiello D,
van Klaveren D (2022). Diagn Progn Res 6:2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, FitError, closest
from survmodel.formatting import count_noun
from survmodel.models.formula_splines import place_knots, spline_columns
from survmodel.outcome.groups import Groups
from survmodel.outcome.response import Outcome
from survmodel.performance.horizon_hazard import HorizonHazard
from survmodel.performance.local_regression import local_lines
from survmodel.performance.pseudo_values import pseudo_risks
from survmodel.performance.recalibration import log_hazards
from survmodel.resampling import MOST_FAILED, bootstrap_counts, read_units, run_replicates

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Smoother = Literal["spline", "pseudo"]
#: From counts of the rows to the observed risk at each row's predicted risk and at the places of the drawn curve.
Refit = Callable[[Ints], tuple[Floats, Floats]]

ICI, E50, E90, EMAX = "ICI", "E50", "E90", "Emax"
DISTANCES = (ICI, E50, E90, EMAX)
#: With fewer events up to the horizon the curve is a straight line on the log hazard scale.
EVENTS_FOR_BEND = 20
#: Places at which the drawn curve is read, from the smallest to the largest predicted risk.
PLACES = 61
#: Places at which local lines are fitted; between them the curve is straight.
MOST_PLACES = 201
#: Share of the patients in the neighbourhood of a local line.
SPAN = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class SmoothSettings:
    """How the curve is made.

    Attributes
    ----------
    smoother : {"spline", "pseudo"}
        Kind of smoother.
    knots : int
        Knots of a spline, 3 or 4.
    later_events : bool
        Whether what happens after the horizon has a part in the spline.
    repeats, seed : int
        Resamples, 0 for none, and their seed.
    conf_level : float
        Coverage of limits.
    """

    smoother: Smoother
    knots: int
    later_events: bool
    repeats: int
    seed: int
    conf_level: float

    def __post_init__(self) -> None:
        if self.smoother not in get_args(Smoother):
            raise ConfigError(
                f"smoother {self.smoother!r} is not known", closest(str(self.smoother), get_args(Smoother))
            )
        if self.knots not in (3, 4):
            raise ConfigError(f"{self.knots} knots", remedy="a calibration curve has 3 or 4")
        if self.repeats < 0:
            raise ConfigError(f"{self.repeats} resamples", remedy="ask for 0, which gives no limits, or more")


@dataclass(frozen=True, slots=True, eq=False)
class SmoothCurve:
    """A smooth calibration curve.

    Attributes
    ----------
    curve : pandas.DataFrame
        Columns expected (predicted risk), estimate (observed risk), conf_low, conf_high.
    observed : ndarray, shape (n,)
        Observed risk read from the curve at each patient's predicted risk.
    distances : ndarray, shape (4, 4)
        ICI, E50, E90 and Emax, each with standard error and limits.
    label : str
        What smoothed it.
    failed : int
        Resamples that could not be fitted.
    notes : tuple of str
        What the reader may know.
    """

    curve: pd.DataFrame
    observed: Floats
    distances: Floats
    label: str
    failed: int
    notes: tuple[str, ...]


def smooth_calibration(
    outcome: Outcome, risk: Floats, horizon: float, strata: Groups, settings: SmoothSettings
) -> SmoothCurve:
    """Smooth observed over predicted risk.

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
    settings : SmoothSettings
        How.

    Returns
    -------
    SmoothCurve
        Curve, distances and their limits.

    Raises
    ------
    FitError
        When there is no curve, such as where all risks are equal.
    """
    places = np.linspace(risk.min(), risk.max(), PLACES)
    notes: list[str] = []
    if settings.smoother == "spline":
        refit, label = _spline(outcome, risk, places, horizon, strata, settings, notes)
    else:
        refit, label = _pseudo(outcome, risk, places, horizon, strata)
    once = np.ones(outcome.n, dtype=np.int64)
    observed, curve = refit(once)
    distances = np.full((len(DISTANCES), 4), np.nan)
    distances[:, 0] = _distances(risk, observed, once)
    low, high, failed = np.full(PLACES, np.nan), np.full(PLACES, np.nan), 0
    if settings.repeats:
        failed, drawn = _draw(refit, risk, outcome, strata, settings)
        if failed > MOST_FAILED * settings.repeats:
            notes.append(f"no limits of the curve: {failed} of {count_noun(settings.repeats, 'resample')} failed")
        else:
            if failed:
                notes.append(f"{failed} of {count_noun(settings.repeats, 'resample')} of the curve could not be fitted")
            tails = [(1 - settings.conf_level) / 2, (1 + settings.conf_level) / 2]
            sums, curves = drawn[:, : len(DISTANCES)], drawn[:, len(DISTANCES) :]
            distances[:, 1] = sums.std(axis=0, ddof=1) if len(sums) > 1 else np.nan
            moved = distances[:, :1] - np.median(sums, axis=0)[:, np.newaxis]
            distances[:, 2:] = np.maximum(np.quantile(sums, tails, axis=0).T + moved, 0.0)
            low, high = np.quantile(curves, tails, axis=0)
    shown = pd.DataFrame({"expected": places, "estimate": curve, "conf_low": low, "conf_high": high})
    return SmoothCurve(shown, observed, distances, label, failed, tuple(notes))


def _draw(refit: Refit, risk: Floats, outcome: Outcome, strata: Groups, settings: SmoothSettings) -> tuple[int, Floats]:
    """Refit in resamples; gives how many failed, and a row of distances and curve for each of the others."""
    counts = bootstrap_counts(read_units(outcome.n, outcome.id, strata.codes), settings.repeats, settings.seed)

    def compute(drawn: Ints) -> Floats:
        observed, curve = refit(drawn)
        if not (np.isfinite(observed).all() and np.isfinite(curve).all()):
            raise FitError("the curve of a resample is not finite")
        return np.concatenate([_distances(risk, observed, drawn), curve])

    found = run_replicates(compute, counts)
    rows = found.done
    return settings.repeats - len(rows), np.array(rows) if rows else np.zeros((0, len(DISTANCES) + PLACES))


def _distances(risk: Floats, observed: Floats, counts: Ints) -> Floats:
    away = np.repeat(np.abs(risk - observed), counts)
    return np.array([away.mean(), *np.quantile(away, [0.5, 0.9]), away.max()])


def _spline(
    outcome: Outcome, risk: Floats, places: Floats, horizon: float, strata: Groups, settings: SmoothSettings,
    notes: list[str],
) -> tuple[Refit, str]:  # fmt: skip
    index, _ = log_hazards(risk)
    if np.ptp(index) == 0:
        raise FitError("all predicted risks are equal: there is no curve")
    ends = np.clip(places, np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).epsneg)
    at_places = np.clip(np.log(-np.log1p(-ends)), index.min(), index.max())
    events = int(((outcome.event == 1) & (outcome.time <= horizon)).sum())
    knots = _knots(index, events, settings.knots, notes)
    columns: Callable[[Floats], Floats] = (
        partial(spline_columns, knots=knots) if knots else lambda values: values[:, np.newaxis]
    )
    x, drawn_x = columns(index), columns(at_places)
    model = HorizonHazard.prepare(
        outcome, x, np.zeros(outcome.n), strata.codes, horizon, later_events=settings.later_events
    )
    share = np.bincount(strata.codes, minlength=strata.n) / outcome.n

    def refit(counts: Ints) -> tuple[Floats, Floats]:
        fit = model.fit(None if (counts == 1).all() else counts)
        curve = sum(part * fit.risk(drawn_x, np.full(PLACES, code, dtype=np.int64)) for code, part in enumerate(share))
        return fit.risk(x, strata.codes), np.asarray(curve)

    name = "Fine-Gray" if outcome.causes is not None else "Cox"
    shape = f"restricted cubic spline with {len(knots)} knots" if knots else "straight line"
    return refit, f"{name} model, {shape}"


def _knots(index: Floats, events: int, asked: int, notes: list[str]) -> tuple[float, ...]:
    """Place the knots; none where few events or few distinct risks make the curve a line."""
    if events < EVENTS_FOR_BEND:
        notes.append(f"{count_noun(events, 'event')} up to the horizon: the calibration curve is a straight line")
        return ()
    for n_knots in range(asked, 2, -1):
        try:
            return place_knots(index, n_knots, "predicted risk")
        except DataError:
            continue
    notes.append("few distinct predicted risks: the calibration curve is a straight line")
    return ()


def _pseudo(outcome: Outcome, risk: Floats, places: Floats, horizon: float, strata: Groups) -> tuple[Refit, str]:
    if np.ptp(risk) == 0:
        raise FitError("all predicted risks are equal: there is no curve")
    pseudo = pseudo_risks(outcome, horizon, strata)
    read = np.unique(risk)
    if read.size > MOST_PLACES:
        read = np.linspace(risk.min(), risk.max(), MOST_PLACES)

    def refit(counts: Ints) -> tuple[Floats, Floats]:
        curve = np.clip(local_lines(risk, pseudo, read, counts.astype(np.float64), SPAN), 0.0, 1.0)
        return np.interp(risk, read, curve), np.interp(places, read, curve)

    return refit, f"local lines (span {SPAN:g}) through pseudo-values"
