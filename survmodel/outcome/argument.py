"""What is passed where an outcome is wanted: a column, a table, or the two arguments exchanged."""

from __future__ import annotations

import pandas as pd

from survmodel.errors import DataError
from survmodel.frame import as_frame
from survmodel.outcome.interval import IntervalOutcome
from survmodel.outcome.response import Outcome

REMEDY = "make it first, as R's Surv(): outcome = Outcome.from_table(table, time=..., event=...)"


def check_outcome(given: object) -> None:
    """Refuse anything that is not an outcome, with the way to one.

    Parameters
    ----------
    given : object
        What was passed.

    Raises
    ------
    DataError
        When it is no outcome.

    Examples
    --------
    >>> check_outcome(Outcome([5, 8], [1, 0]))
    """
    if isinstance(given, Outcome):
        return
    if isinstance(given, IntervalOutcome):
        raise DataError(
            "the outcome is known as intervals, and this analysis takes exact times",
            remedy="use ParametricSurvival or TurnbullCurve; outcome.known puts every event at the end of its interval",
        )
    is_table = isinstance(given, pd.DataFrame)
    raise DataError(
        "the outcome is a table" if is_table else f"the outcome is a {type(given).__name__}, not an Outcome",
        remedy=f"{REMEDY}; a model takes the table first: fit(table, outcome)" if is_table else REMEDY,
    )


def read_table(given: object) -> pd.DataFrame:
    """Take a table, and refuse an outcome where the table is wanted.

    Parameters
    ----------
    given : pandas.DataFrame, polars.DataFrame or pyarrow.Table
        What was passed.

    Returns
    -------
    pandas.DataFrame
        The table.

    Raises
    ------
    DataError
        When it is no table.

    Examples
    --------
    >>> read_table(pd.DataFrame({"age": [60]})).shape
    (1, 1)
    """
    if isinstance(given, pd.DataFrame):
        return given
    if isinstance(given, Outcome | IntervalOutcome):
        raise DataError(
            "the table is an Outcome, not a DataFrame",
            remedy="pass the table first and then the outcome: fit(table, outcome)",
        )
    return as_frame(given)
