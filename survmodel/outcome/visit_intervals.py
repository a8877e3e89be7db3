"""From an endpoint of dates and the dates of visits to the intervals in which events lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from survmodel.errors import EndpointError, list_values
from survmodel.frame import as_frame
from survmodel.outcome.dates_audit import read_dates
from survmodel.outcome.endpoints import UNITS, Endpoint
from survmodel.outcome.first_ending import days_between
from survmodel.outcome.interval import IntervalOutcome

#: Events that are seen at visits; the others have a day of their own.
SEEN_AT_VISITS = ("progression", "relapse")


def visit_intervals(
    endpoint: Endpoint,
    table: pd.DataFrame,
    last_free: str,
    *,
    seen: Sequence[str] = SEEN_AT_VISITS,
    visit_interval: float | None = None,
) -> IntervalOutcome:
    """Put the events of an endpoint that are seen at visits between two visits.

    Parameters
    ----------
    endpoint : Endpoint
        An endpoint of dates without competing events.
    table : pandas.DataFrame, or a table of polars or pyarrow
        One row for each patient, with the columns of the endpoint.
    last_free : str
        Column with the date of the last visit without the event; missing where there was none after the origin.
    seen : sequence of str
        Which events of the endpoint are seen at visits. Any other, as a death, is taken to be on its day.
    visit_interval : float, optional
        Time between two planned visits, in the unit of the endpoint. With it, deaths more than two of them after the
        last visit are named in a warning.

    Returns
    -------
    IntervalOutcome
        With the labels of the rows that the endpoint keeps: fit models to ``table.loc[outcome.index]``. Rows without an
        event are censored as the endpoint says; its ``known`` is the outcome of exact times.

    Raises
    ------
    EndpointError
        When no event of the endpoint is seen at visits, and for what the endpoint refuses.
    DataError
        When a visit without the event is on the day of the event or later.

    Examples
    --------
    >>> dates = {
    ...     "cxcr4_scan_date": ["2020-01-01", "2020-01-01"], "progression_date": ["2020-04-30", None],
    ...     "death_date": [None, "2020-07-01"], "last_assessment_date": ["2020-04-30", "2020-06-20"],
    ...     "free": ["2020-03-01", "2020-06-20"],
    ... }
    >>> table = pd.DataFrame({name: pd.to_datetime(values) for name, values in dates.items()})
    >>> pfs = Endpoint(
    ...     "pfs", origin="cxcr4_scan_date", events=["progression", "death"], censor="last_assessment_date", unit="days"
    ... )
    >>> outcome = visit_intervals(pfs, table, "free")
    >>> outcome.lower.tolist(), outcome.upper.tolist()
    ([60.0, 182.0], [120.0, 182.0])
    """
    table = as_frame(table)
    result = endpoint.apply(table)
    columns = endpoint.event_columns
    at_visits = [column for name, column in columns.items() if name in seen]
    if not at_visits:
        raise EndpointError(
            f"no event of endpoint {endpoint.name!r} is seen at visits",
            f"its events are {list_values(list(columns))}",
            "say in seen= which are, for example seen=['progression']",
        )
    days, _ = read_dates(table, [endpoint.origin, last_free, *columns.values()])
    first = np.fmin.reduce([days[column] for column in columns.values()])
    first_seen = np.fmin.reduce([days[column] for column in at_visits])
    rows = result.rows
    # Who was free of the event before the origin was so at the origin.
    visit = np.fmax(days_between(days[endpoint.origin], days[last_free]), 0)[rows] / UNITS[endpoint.unit]
    labels = table.index[rows]
    return IntervalOutcome.from_visits(
        result.outcome,
        pd.Series(visit, index=labels),
        exact=pd.Series((first_seen != first)[rows], index=labels),
        visit_interval=visit_interval,
    )
