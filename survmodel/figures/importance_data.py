"""What an importance plot shows, as arrays: the columns of a forest in order of what is lost without each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, list_values
from survmodel.formatting import format_interval, format_number
from survmodel.result import Result, frozen, to_records

Floats = npt.NDArray[np.float64]

COLUMNS = ("variable", "estimate", "std_error", "conf_low", "conf_high")

NOT_ESTIMABLE = "not estimable"

#: The axis is at least this long, so that columns that all matter nothing do not look far apart.
SHORTEST_AXIS = 0.02

#: Limits stretch the axis by this many times the span of the estimates on each side at most.
LONGEST_LIMITS = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class ImportancePlotData:
    """What an importance plot shows, from the most important column.

    Attributes
    ----------
    table : pandas.DataFrame
        Rows of ``result.tidy()``, those without an estimate last.
    estimate, low, high : ndarray, shape (n_variables,)
        Decrease of C and its limits; NaN where they do not exist.
    start, end : float
        Ends of the axis, with 0 between them.
    conf_level : float
        Coverage of the limits, NaN where the result does not say.
    facts : dict of str to float
        Numbers that describe the result as a whole, for example n and repeats.
    """

    table: pd.DataFrame
    estimate: Floats
    low: Floats
    high: Floats
    start: float
    end: float
    conf_level: float
    facts: dict[str, float]

    @property
    def variables(self) -> list[str]:
        """Names of the columns."""
        return [str(name) for name in self.table["variable"]]

    @property
    def has_limits(self) -> bool:
        """Whether there are limits to draw."""
        return bool((~np.isnan(self.low)).any())

    @property
    def clipped(self) -> bool:
        """Whether limits reach beyond the axis."""
        return bool((self.low < self.start).any() or (self.high > self.end).any())

    def write(self, place: int, *, limits: bool) -> str:
        """Write the number of a row.

        Parameters
        ----------
        place : int
            Place of the row, from 0.
        limits : bool
            Whether its limits stand beside it, where they exist.

        Returns
        -------
        str
            Three decimals, four where no estimate reaches 0.01.
        """
        value, low, high = (float(part[place]) for part in (self.estimate, self.low, self.high))
        if math.isnan(value):
            return NOT_ESTIMABLE
        digits = 4 if np.nanmax(np.abs(self.estimate)) < 0.01 else 3
        text = format_number(value, digits)
        return text if not limits or math.isnan(low) else f"{text} ({format_interval(low, high, digits)})"


def importance_plot_data(result: Result) -> ImportancePlotData:
    """Take from the importance of columns what its plot shows.

    Parameters
    ----------
    result : Result
        One with a row for each column in ``tidy()``: variable, estimate, std_error, conf_low, conf_high.

    Returns
    -------
    ImportancePlotData
        Arrays that cannot be written to.

    Raises
    ------
    ConfigError
        For anything else, or without rows.

    Examples
    --------
    >>> from survmodel.models.forest_importance import ForestImportance
    >>> data = importance_plot_data(
    ...     ForestImportance(("age", "stage"), np.array([[0.01, 0.03], [0.1, 0.1]]), 0.7, 90, 40))
    >>> data.variables, data.estimate.round(3).tolist(), data.start < 0 < data.end
    (['stage', 'age'], [0.1, 0.02], True)
    """
    remedy = "pass sm.permutation_importance(fit, table, outcome)"
    if not isinstance(result, Result):
        raise ConfigError("draw_importance draws a result", f"found {type(result).__name__}", remedy)
    table = result.tidy()
    lacking = [name for name in COLUMNS if name not in table.columns]
    if lacking:
        raise ConfigError("the result lacks columns of an importance", list_values(lacking), remedy)
    if not len(table):
        raise ConfigError("the importance has no rows", remedy=remedy)
    table = table.sort_values("estimate", ascending=False, kind="stable", na_position="last", ignore_index=True)
    numbers = {name: table[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in COLUMNS[1:]}
    estimate = np.where(np.isfinite(numbers["estimate"]), numbers["estimate"], np.nan)
    limited = ~np.isnan(estimate) & ~np.isnan(numbers["conf_low"]) & ~np.isnan(numbers["conf_high"])
    low, high = (np.where(limited, numbers[name], np.nan) for name in ("conf_low", "conf_high"))
    start, end = _axis(estimate, low, high)
    described = to_records(result.glance())[0]
    facts = {name: float(value) for name, value in described.items() if isinstance(value, int | float)}
    return ImportancePlotData(
        table=table,
        estimate=frozen(estimate),
        low=frozen(low),
        high=frozen(high),
        start=start,
        end=end,
        conf_level=facts.get("conf_level", math.nan),
        facts=facts,
    )


def _axis(estimate: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Choose the ends of the axis: 0, all estimates, and limits that are not far from them."""
    drawn = np.concatenate([estimate[~np.isnan(estimate)], [0.0]])
    first, last = float(drawn.min()), float(drawn.max())
    reach = LONGEST_LIMITS * max(last - first, SHORTEST_AXIS)
    limits = np.concatenate([low, high])
    limits = np.clip(limits[~np.isnan(limits)], first - reach, last + reach)
    first, last = float(limits.min(initial=first)), float(limits.max(initial=last))
    lacking = max(SHORTEST_AXIS - (last - first), 0.0)
    margin = 0.05 * max(last - first, SHORTEST_AXIS)
    return first - margin - 0.25 * lacking, last + margin + 0.75 * lacking
