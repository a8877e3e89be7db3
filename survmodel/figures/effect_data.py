"""What an effect plot shows, as arrays: hazard ratios over the range of a covariate, their limits, observed values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, list_values
from survmodel.formatting import count_noun
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]

NUMBERS = ("level", "reference", "estimate", "std_error", "conf_low", "conf_high")
COLUMNS = ("variable", *NUMBERS)

#: The axis of ratios reaches at least this far from 1, so that no effect looks like a large one.
SHORTEST_REACH = 1.25

#: Beyond this ratio limits do not stretch the axis, unless hazard ratios do.
LONGEST_REACH = 16.0

#: An axis is not symmetric about 1 where one side has less than this share of the other's length.
ONE_SIDED = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class EffectPlotData:
    """What an effect plot shows.

    Attributes
    ----------
    variable : str
        Name of the covariate.
    reference : float
        Its value at which the hazard ratio is 1.
    level : ndarray, shape (n,)
        Values of the covariate, ascending.
    ratio : ndarray, shape (n,)
        Hazard ratios; NaN where there is none above 0 and below infinity.
    low, high : ndarray, shape (n,)
        Limits from 0 to infinity; NaN where one of them or the ratio does not exist.
    observed : ndarray
        Observed values, ascending, those missing left out.
    start, end : float
        Ends of the axis of the covariate, before any margin.
    bottom, top : float
        Ends of the log axis of the hazard ratio.
    conf_level : float
        Coverage of the limits, read from their distance; NaN where it cannot be.
    """

    variable: str
    reference: float
    level: Floats
    ratio: Floats
    low: Floats
    high: Floats
    observed: Floats
    start: float
    end: float
    bottom: float
    top: float
    conf_level: float

    @property
    def estimable(self) -> bool:
        """Whether there is a hazard ratio to draw."""
        return bool(np.isfinite(self.ratio).any())

    @property
    def has_band(self) -> bool:
        """Whether there are limits to draw."""
        return bool(np.isfinite(self.low).any())

    @property
    def lone_ratios(self) -> npt.NDArray[np.bool_]:
        """Which hazard ratios have none beside them, so that no curve shows them."""
        return _without_neighbour(self.ratio)

    @property
    def lone_limits(self) -> npt.NDArray[np.bool_]:
        """Which limits have none beside them, so that no band shows them."""
        return _without_neighbour(self.low)

    @property
    def clipped(self) -> bool:
        """Whether limits reach beyond the axis."""
        return bool((self.low < self.bottom).any() or (self.high > self.top).any())

    @property
    def shows_reference(self) -> bool:
        """Whether the reference lies within the range of the covariate that is shown."""
        return self.start <= self.reference <= self.end

    def band(self) -> tuple[Floats, Floats]:
        """Give the limits for drawing.

        Returns
        -------
        tuple of ndarray
            Lower and upper limits, those far beyond the axis (0 and infinity among them) cut a million times beyond it.
        """
        ends = self.bottom / 1e6, self.top * 1e6
        return np.clip(self.low, *ends), np.clip(self.high, *ends)

    def table(self) -> pd.DataFrame:
        """Give every number that is drawn.

        Returns
        -------
        pandas.DataFrame
            Columns measure ("curve", or "observed" for one patient's value), variable, level, reference, estimate,
            conf_low, conf_high.
        """
        curve = pd.DataFrame({
            "measure": "curve",
            "variable": self.variable,
            "level": self.level,
            "reference": self.reference,
            "estimate": self.ratio,
            "conf_low": self.low,
            "conf_high": self.high,
        })  # fmt: skip
        seen = pd.DataFrame({"measure": "observed", "variable": self.variable, "level": self.observed})
        return pd.concat([curve, seen], ignore_index=True) if self.observed.size else curve


def effect_plot_data(curve: pd.DataFrame, observed: object = None) -> EffectPlotData:
    """Take from the hazard ratios of a covariate what their plot shows.

    Parameters
    ----------
    curve : pandas.DataFrame
        As from :meth:`survmodel.models.cox_fit.CoxFit.effect_curve`, in any order of rows.
    observed : Series or array_like, optional
        Observed values of the covariate.

    Returns
    -------
    EffectPlotData
        Arrays that cannot be written to.

    Raises
    ------
    ConfigError
        When `curve` is no such table.
    DataError
        When `observed` holds anything but numbers.

    Examples
    --------
    >>> table = pd.DataFrame({"variable": "age", "level": [50.0, 60.0, 70.0], "reference": 60.0,
    ...     "estimate": [0.5, 1.0, 2.0], "std_error": [0.1, 0.0, 0.1],
    ...     "conf_low": [0.41, 1.0, 1.64], "conf_high": [0.61, 1.0, 2.43]})
    >>> data = effect_plot_data(table)
    >>> round(data.bottom * data.top, 9), data.ratio.tolist()
    (1.0, [0.5, 1.0, 2.0])
    """
    variable, numbers = _read_curve(curve)
    ratio = numbers["estimate"]
    drawn = np.where(np.isfinite(ratio) & (ratio > 0), ratio, np.nan)
    low, high = numbers["conf_low"], numbers["conf_high"]
    banded = ~np.isnan(drawn) & (low >= 0) & (high > 0)
    low, high = np.where(banded, low, np.nan), np.where(banded, high, np.nan)
    seen = _read_observed(observed)
    level = numbers["level"]
    every = np.concatenate([level, seen])
    bottom, top = _ratio_axis(drawn, low, high)
    return EffectPlotData(
        variable=variable,
        reference=float(numbers["reference"][0]),
        level=frozen(level),
        ratio=frozen(drawn),
        low=frozen(low),
        high=frozen(high),
        observed=frozen(seen),
        start=float(every.min()),
        end=float(every.max()),
        bottom=bottom,
        top=top,
        conf_level=_coverage(drawn, high, numbers["std_error"]),
    )


def _without_neighbour(values: Floats) -> npt.NDArray[np.bool_]:
    there = np.isfinite(values)
    beside = np.concatenate([[False], there, [False]])
    return np.asarray(there & ~beside[:-2] & ~beside[2:], dtype=np.bool_)


def _read_curve(curve: object) -> tuple[str, dict[str, Floats]]:
    """Check the table of a curve and put its rows in order of the covariate."""
    remedy = "pass fit.effect_curve(column), with fit = sm.CoxPH(formula).fit(table, outcome)"
    if not isinstance(curve, pd.DataFrame):
        raise ConfigError("draw_effect draws a table of hazard ratios", f"found {type(curve).__name__}", remedy)
    lacking = [name for name in COLUMNS if name not in curve.columns]
    if lacking:
        raise ConfigError("the table lacks columns of an effect curve", list_values(lacking), remedy)
    if not len(curve):
        raise ConfigError("the table has no rows", remedy=remedy)
    try:
        numbers = {name: curve[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in NUMBERS}
    except (TypeError, ValueError) as error:
        raise ConfigError("an effect curve holds numbers only", "found text among them", remedy) from error
    variables, references = curve["variable"].unique(), np.unique(numbers["reference"])
    if len(variables) > 1 or references.size > 1:
        found = f"{count_noun(len(variables), 'variable')}, {count_noun(references.size, 'reference')}"
        raise ConfigError("draw_effect draws one covariate against one reference", found, "select the rows of one")
    if not np.isfinite([*numbers["level"], *references]).all():
        raise ConfigError("a value of the covariate or its reference is missing or infinite", remedy=remedy)
    order = np.argsort(numbers["level"], kind="stable")
    return str(variables[0]), {name: values[order] for name, values in numbers.items()}


def _read_observed(observed: object) -> Floats:
    if observed is None:
        return np.empty(0)
    try:
        values = pd.Series(observed).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        remedy = "pass the column of the covariate, for example observed=table['age']"
        raise DataError("observed holds values that are no numbers", remedy=remedy) from error
    if np.isinf(values).any():
        raise DataError("observed holds infinite values", f"{int(np.isinf(values).sum())}", "make them missing")
    return np.asarray(np.sort(values[~np.isnan(values)]), dtype=np.float64)


def _ratio_axis(ratio: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Choose the ends of the axis: all ratios and, up to 16, their limits; symmetric unless one side is bare."""
    drawn = np.log(ratio[~np.isnan(ratio)])
    if not drawn.size:
        return 0.25, 4.0
    most = max(math.log(LONGEST_REACH), 2.0 * float(np.abs(drawn).max()))
    with np.errstate(divide="ignore"):
        limits = np.clip(np.log(np.concatenate([low, high])), -most, most)
    every = np.concatenate([drawn, limits[~np.isnan(limits)], [0.0]])
    down, up = -float(every.min()), float(every.max())
    reach = max(1.06 * max(down, up), math.log(SHORTEST_REACH))
    bare = ONE_SIDED * reach
    if min(down, up) > bare or max(down, up) <= bare:
        return math.exp(-reach), math.exp(reach)
    return (math.exp(-bare), math.exp(reach)) if down < up else (math.exp(-reach), math.exp(bare))


def _coverage(ratio: Floats, high: Floats, std_error: Floats) -> float:
    """Read the coverage of limits from the widest: their distance is a normal quantile of standard errors."""
    usable = np.isfinite(ratio) & np.isfinite(high) & np.isfinite(std_error) & (std_error > 1e-8)
    if not usable.any():
        return math.nan
    widest = np.argmax(np.where(usable, std_error, -1.0))
    quantile = math.log(high[widest] / ratio[widest]) / std_error[widest]
    coverage = round(math.erf(quantile / math.sqrt(2)), 4)
    return coverage if 0.5 <= coverage < 1 else math.nan
