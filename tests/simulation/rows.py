"""What a check says: one row for each quantity, with a pass mark that knows how many replicates there were.

A share of *M* replicates is allowed to be off its target by three standard errors of a share of that size,
``3 sqrt(p (1 - p) / M)``. Where a mark is a range (limits cover in .93 to .97), the wider of that range and of three
standard errors about the nominal value counts, so that a fast version with few replicates asks no more than it can
know. A target that another program simulated has an error of its own, which is added. A mean that may lie anywhere in
a band (`inside`) is allowed three standard errors beyond each edge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
ERRORS = 3.0


@dataclass(frozen=True)
class Row:
    """One quantity of a check beside its pass mark; replicates in which it did not exist are counted apart."""

    check: str
    quantity: str
    estimate: float
    target: float
    low: float
    high: float
    replicates: int
    left_out: int

    @property
    def passes(self) -> bool:
        return bool(self.low <= self.estimate <= self.high)


def share(
    check: str,
    quantity: str,
    hits: npt.ArrayLike,
    target: float,
    band: tuple[float, float] | None = None,
    *,
    simulated: int = 0,
) -> Row:
    """Give the share of replicates with 1; NaN is left out. `simulated`: replicates behind the target, if it was."""
    values, left_out = _known(hits)
    m = max(values.size, 1)
    error = ERRORS * np.sqrt(target * (1 - target) * (1 / m + (1 / simulated if simulated else 0)))
    low, high = _wider(band, target, error)
    return Row(check, quantity, float(np.mean(values)), target, low, high, values.size, left_out)


def mean(
    check: str,
    quantity: str,
    values: npt.ArrayLike,
    target: float,
    band: tuple[float, float] | None = None,
    *,
    simulated: int = 0,
) -> Row:
    """Give the mean over replicates; its standard error is that of the values."""
    known, left_out = _known(values)
    spread = float(np.std(known, ddof=1)) if known.size > 1 else np.inf
    error = ERRORS * spread * np.sqrt(1 / max(known.size, 1) + (1 / simulated if simulated else 0))
    low, high = _wider(band, target, error)
    return Row(check, quantity, float(np.mean(known)), target, low, high, known.size, left_out)


def inside(check: str, quantity: str, values: npt.ArrayLike, band: tuple[float, float]) -> Row:
    """Give the mean over replicates where every value of a band will do, not one nominal value."""
    middle = mean(check, quantity, values, float("nan"))
    known, _ = _known(values)
    error = ERRORS * float(np.std(known, ddof=1)) / np.sqrt(known.size) if known.size > 1 else np.inf
    return replace(middle, low=band[0] - error, high=band[1] + error)


def read_off(check: str, quantity: str, value: float, band: tuple[float, float], replicates: int) -> Row:
    """Give a number that has its band already, as a ratio or a quantile."""
    return Row(check, quantity, float(value), float("nan"), *band, replicates, 0)


def _known(values: npt.ArrayLike) -> tuple[Floats, int]:
    every = np.asarray(values, dtype=float)
    known = every[~np.isnan(every)]
    return known, every.size - known.size


def _wider(band: tuple[float, float] | None, target: float, error: float) -> tuple[float, float]:
    low, high = band if band is not None else (target, target)
    return min(low, target - error), max(high, target + error)


def covers(low: npt.ArrayLike, high: npt.ArrayLike, truth: npt.ArrayLike) -> Floats:
    """Give 1 where limits hold the truth, 0 where not, NaN where there are none (both or the lower one missing)."""
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return np.where(np.isnan(low) | np.isnan(high), np.nan, (low <= truth) & (truth <= high))
