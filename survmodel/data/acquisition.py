"""How scans should have been made: windows of uptake time, activity and glucose for each tracer.

The windows of CXCR4 PET are published for 68Ga-pentixafor: an uptake time of 45 to 75 minutes (a public configuration
of a read-out; 60 minutes are usual) and 1.85 to 3.71 MBq for each kg (protocol of a sibling trial). Those of FDG PET
are of the guideline of the European Association of Nuclear Medicine. A study names its own where its protocol differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.formatting import format_significant

#: MBq/kg. Activities and weights are written as whole numbers; a patient at the limit is inside.
ROUNDING = 0.05


@dataclass(frozen=True, slots=True)
class Window:
    """What a protocol allows for the scans of a tracer.

    Parameters
    ----------
    uptake_min : tuple of (float, float), optional
        Shortest and longest time from injection to scan, in minutes.
    activity_per_kg : tuple of (float, float), optional
        Least and most injected activity, in MBq for each kg of body weight.
    glucose_max : float, optional
        Highest blood glucose, in mmol/L.

    References
    ----------
    Boellaard R, et al. (2015). Eur J Nucl Med Mol Imaging 42:328-354.
    """

    uptake_min: tuple[float, float] | None = None
    activity_per_kg: tuple[float, float] | None = None
    glucose_max: float | None = None


#: Windows where a study names none.
WINDOWS: Mapping[str, Window] = {
    "cxcr4": Window((45.0, 75.0), (1.85, 3.71)),
    "fdg": Window((55.0, 75.0), None, 11.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Deviation:
    """Scans of a tracer that lie outside one part of its window.

    Attributes
    ----------
    tracer, column : str
        Tracer, and the column that tells.
    allowed : str
        The window in words.
    known, outside : pandas.Series of bool
        By row of the scans: whether it can be told, and whether the scan lies outside.
    """

    tracer: str
    column: str
    allowed: str
    known: pd.Series
    outside: pd.Series


def deviations(scans: pd.DataFrame, windows: Mapping[str, Window] = WINDOWS) -> Iterator[Deviation]:
    """Compare scans with the windows of their tracers.

    Parameters
    ----------
    scans : pandas.DataFrame
        The canonical table.
    windows : mapping of str to Window
        By tracer.

    Yields
    ------
    Deviation
        One for each tracer and part of its window, whether a scan lies outside or not.

    Examples
    --------
    >>> scans = pd.DataFrame({
    ...     "tracer": ["cxcr4", "cxcr4"], "uptake_min": [60.0, 95.0], "injected_mbq": [150.0, None],
    ...     "weight_kg": [70.0, 70.0], "glucose": [None, None],
    ... })
    >>> [(one.column, int(one.outside.sum()), int(one.known.sum())) for one in deviations(scans)]
    [('uptake_min', 1, 2), ('injected_mbq', 0, 1), ('uptake_min', 0, 0), ('glucose', 0, 0)]
    """
    for tracer, window in windows.items():
        own = scans["tracer"].astype(str) == tracer
        if window.uptake_min is not None:
            yield _between(tracer, "uptake_min", scans["uptake_min"].where(own), window.uptake_min, "minutes", 0.0)
        if window.activity_per_kg is not None:
            each = activity_per_kg(scans).where(own)
            yield _between(tracer, "injected_mbq", each, window.activity_per_kg, "MBq/kg", ROUNDING)
        if window.glucose_max is not None:
            glucose = _numbers(scans["glucose"]).where(own)
            allowed = f"at most {format_significant(window.glucose_max)} mmol/L"
            yield Deviation(tracer, "glucose", allowed, glucose.notna(), glucose > window.glucose_max)


def activity_per_kg(scans: pd.DataFrame) -> pd.Series:
    """Divide the injected activity by the body weight.

    Parameters
    ----------
    scans : pandas.DataFrame
        The canonical table.

    Returns
    -------
    pandas.Series
        MBq/kg; missing where one of the two is, or is not above 0.

    Examples
    --------
    >>> activity_per_kg(pd.DataFrame({"injected_mbq": [140.0], "weight_kg": [70.0]})).tolist()
    [2.0]
    """
    weight, activity = _numbers(scans["weight_kg"]), _numbers(scans["injected_mbq"])
    return activity.where(activity > 0) / weight.where(weight > 0)


def _numbers(column: pd.Series) -> pd.Series:
    return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)


def _between(
    tracer: str, column: str, values: pd.Series, limits: tuple[float, float], unit: str, rounding: float
) -> Deviation:
    low, high = limits
    numbers = _numbers(values)
    outside = (numbers < low - rounding) | (numbers > high + rounding)
    allowed = f"{format_significant(low)} to {format_significant(high)} {unit}"
    return Deviation(tracer, column, allowed, numbers.notna(), outside)
