"""What a calibration plot shows, as arrays: risks of groups with limits, and how the predicted risks are spread."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError
from survmodel.formatting import MISSING, format_interval, format_number
from survmodel.performance.calibration import Calibration
from survmodel.result import frozen
from survmodel.table import one_line

Floats = npt.NDArray[np.float64]

#: Where the axes may end: at the first that holds all risks and limits.
ENDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)

NOT_ESTIMABLE = "not estimable"

#: Classes of the histogram of predicted risks.
CLASSES = 40

#: Columns of the smooth curve.
CURVE = ("expected", "estimate", "conf_low", "conf_high")


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationPlotData:
    """What a calibration plot shows.

    Attributes
    ----------
    group : tuple of str
        Groups, as the result orders them.
    n, n_event : ndarray, shape (n_groups,)
        Patients, and events up to the horizon.
    expected, observed : ndarray, shape (n_groups,)
        Mean predicted and observed risk; the observed one is NaN where it is not estimable.
    low, high : ndarray, shape (n_groups,)
        Limits of the observed risk; NaN where one of them or the risk does not exist.
    top : float
        Where both axes end; they begin at 0.
    edges : ndarray, shape (n_classes + 1,)
        Edges of the classes of predicted risk.
    counts, happened : ndarray, shape (n_classes,)
        Patients in each, and those who are known to have had the event by the horizon.
    at, smooth, smooth_low, smooth_high : ndarray, shape (n_places,)
        Predicted risks at which the smooth curve is read, the curve and its limits; empty where there is no curve.
    """

    group: tuple[str, ...]
    n: Floats
    n_event: Floats
    expected: Floats
    observed: Floats
    low: Floats
    high: Floats
    top: float
    edges: Floats
    counts: Floats
    happened: Floats
    at: Floats
    smooth: Floats
    smooth_low: Floats
    smooth_high: Floats

    @property
    def estimable(self) -> bool:
        """Whether there is an observed risk to draw."""
        return bool(np.isfinite(self.observed).any())

    @property
    def digits(self) -> int:
        """Decimals of risks in percent: small risks need more to be told apart."""
        return 2 if self.top <= 0.05 else 1

    def write_expected(self, place: int) -> str:
        """Write the mean predicted risk of a group in percent, without the sign."""
        return format_number(100 * float(self.expected[place]), self.digits)

    def write_observed(self, place: int) -> str:
        """Write the observed risk of a group with its limits in percent, without the sign."""
        risk, low, high = (100 * float(part[place]) for part in (self.observed, self.low, self.high))
        if math.isnan(risk):
            return NOT_ESTIMABLE
        limits = MISSING if math.isnan(low) else format_interval(low, high, self.digits)
        return f"{format_number(risk, self.digits)} ({limits})"


def calibration_plot_data(result: Calibration) -> CalibrationPlotData:
    """Take from a calibration what its plot shows.

    Parameters
    ----------
    result : Calibration
        As from :func:`survmodel.performance.calibration.calibration`.

    Returns
    -------
    CalibrationPlotData
        Arrays that cannot be written to.

    Raises
    ------
    ConfigError
        For anything else, or without groups.

    Examples
    --------
    >>> from survmodel.outcome.response import Outcome
    >>> from survmodel.performance.calibration import calibration
    >>> outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 0, 1, 0, 1, 0], unit="years")
    >>> data = calibration_plot_data(
    ...     calibration(outcome, [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], horizon=4, groups=2))
    >>> data.top, data.expected.round(2).tolist(), int(data.counts.sum())
    (1.0, [0.25, 0.65], 8)
    """
    if not isinstance(result, Calibration):
        raise ConfigError(
            "draw_calibration draws the calibration of one model",
            f"found {type(result).__name__}",
            "pass sm.calibration(outcome, risk, horizon)",
        )
    table = result.tidy()
    if not len(table):
        raise ConfigError("the calibration has no groups")
    numbers = {
        name: table[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in ("n", "n_event", "expected", "estimate", "conf_low", "conf_high")
    }
    observed = numbers["estimate"]
    limited = np.isfinite(observed) & np.isfinite(numbers["conf_low"]) & np.isfinite(numbers["conf_high"])
    high = np.where(limited, numbers["conf_high"], np.nan)
    curve = {name: result.curve[name].to_numpy(dtype=np.float64) for name in CURVE}
    every = np.concatenate([numbers["expected"], observed, high, result.risk, curve["estimate"]])
    most = float(np.max(every[np.isfinite(every)], initial=0.0))
    # Limits on the plain scale may pass 1: the axes end there all the same.
    top = next((end for end in ENDS if most <= end), 1.0)
    counts, edges = np.histogram(result.risk, bins=CLASSES, range=(0.0, top))
    happened, _ = np.histogram(result.risk[result.happened], bins=CLASSES, range=(0.0, top))
    return CalibrationPlotData(
        group=tuple(str(name) for name in table["group"]),
        n=frozen(numbers["n"]),
        n_event=frozen(numbers["n_event"]),
        expected=frozen(numbers["expected"]),
        observed=frozen(np.where(np.isfinite(observed), observed, np.nan)),
        low=frozen(np.where(limited, numbers["conf_low"], np.nan)),
        high=frozen(high),
        top=top,
        edges=frozen(edges),
        counts=frozen(counts),
        happened=frozen(happened),
        at=frozen(curve["expected"]),
        smooth=frozen(curve["estimate"]),
        smooth_low=frozen(curve["conf_low"]),
        smooth_high=frozen(curve["conf_high"]),
    )


def calibration_table(result: Calibration, data: CalibrationPlotData) -> pd.DataFrame:
    """Give every number that a calibration plot shows.

    Parameters
    ----------
    result : Calibration
        What is drawn.
    data : CalibrationPlotData
        Its arrays.

    Returns
    -------
    pandas.DataFrame
        Column measure ("group", "observed/expected" and the other measures, "smooth curve", or "predicted risks" for a
        class of the histogram); the columns of ``result.tidy()``; risk_low and risk_high, the edges of a class, with
        its patients and those with the event; horizon, endpoint and sample.
    """
    overall = {
        "measure": "observed/expected",
        "n": result.n,
        "n_event": result.n_event,
        "estimate": result.o_e,
        "conf_low": result.o_e_low,
        "conf_high": result.o_e_high,
    }
    classes = pd.DataFrame({
        "measure": "predicted risks",
        "n": data.counts.astype(np.int64),
        "n_event": data.happened.astype(np.int64),
        "risk_low": data.edges[:-1],
        "risk_high": data.edges[1:],
    })  # fmt: skip
    groups = result.tidy().assign(measure="group").to_dict("records")
    others = result.measures[result.measures["measure"] != overall["measure"]].to_dict("records")
    curve = result.curve.assign(measure="smooth curve").to_dict("records")
    table = pd.DataFrame([*groups, overall, *others, *curve, *classes.to_dict("records")])
    named = table.assign(horizon=result.horizon, endpoint=one_line(result.endpoint), sample=one_line(result.sample))
    return named[["measure", *(name for name in named.columns if name != "measure")]]
