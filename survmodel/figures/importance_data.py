"""What an importance plot shows, as arrays: the columns of a forest in order of what is lost without each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.errors import ConfigError, list_values
from survmodel.figures.zero_rows_data import ZeroRows, limit_axis
from survmodel.result import Result, frozen, to_records

COLUMNS = ("variable", "estimate", "std_error", "conf_low", "conf_high")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ImportancePlotData(ZeroRows):
    """What an importance plot shows, from the most important column.

    Attributes
    ----------
    table : pandas.DataFrame
        Rows of ``result.tidy()``, those without an estimate last.
    facts : dict of str to float
        Numbers that describe the result as a whole, for example n and repeats.
    """

    table: pd.DataFrame
    facts: dict[str, float]

    @property
    def variables(self) -> list[str]:
        """Names of the columns."""
        return [str(name) for name in self.table["variable"]]


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
    start, end = limit_axis(estimate, low, high)
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
