"""Reading case weights and counts.

A *case weight* says how much a row matters; a *count* says how many identical rows it stands for. The two give
different standard errors, and under Efron's ties different estimates, so they are never mixed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.errors import DataError, name_rows
from survmodel.outcome.interval import IntervalOutcome
from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]


def read_weights(outcome: Outcome | IntervalOutcome, weights: object, name: str = "weights") -> Floats:
    """Read case weights or counts.

    Parameters
    ----------
    outcome : Outcome or IntervalOutcome
        Whose rows they belong to.
    weights : Series or array_like, shape (n,), or None
        Numbers from 0 up; None gives ones.
    name : str
        What to call them in messages.

    Returns
    -------
    ndarray, shape (n,)
        The weights.

    Raises
    ------
    DataError
        For missing, negative or infinite weights, or when all are 0.
    """
    if weights is None:
        return np.ones(outcome.n)
    outcome.check_rows(weights, name)
    try:
        values = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} are not numbers") from None
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        raise DataError(f"{name} are missing, negative or infinite", f"in {name_rows(wrong)}")
    if not (values > 0).any():
        raise DataError(f"all {name} are 0")
    return values


def read_counts(outcome: Outcome | IntervalOutcome, freq: object) -> Floats:
    """Read frequencies: whole numbers from 0 up.

    Parameters
    ----------
    outcome : Outcome or IntervalOutcome
        Whose rows they belong to.
    freq : Series or array_like, shape (n,), or None
        Counts; None gives ones.

    Returns
    -------
    ndarray, shape (n,)
        The counts.

    Raises
    ------
    DataError
        For counts that are not whole.
    """
    counts = read_weights(outcome, freq, "freq")
    if freq is None:
        return counts
    broken = counts != np.round(counts)
    if broken.any():
        raise DataError(
            "freq is not whole", f"in {name_rows(broken)}", "counts are whole; pass case weights as weights="
        )
    return counts
