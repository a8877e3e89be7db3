"""An endpoint from a landmark on: what an endpoint makes of a table, in those whom the landmark leaves.

Who had an event by the landmark, or was observed no longer than to it, stands among the rows left out with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.formatting import format_significant
from survmodel.frame import as_frame
from survmodel.outcome.endpoint_result import EndpointResult, OnError
from survmodel.outcome.first_ending import CENSORED
from survmodel.outcome.landmark import landmark
from survmodel.outcome.ready_made import count_row
from survmodel.outcome.response import Outcome
from survmodel.result import frozen, join_warnings

#: How those who left without an event are told of.
OBSERVED_NO_LONGER = "observation ended"


class Applicable(Protocol):
    """An endpoint of dates or of ready-made times."""

    def apply(self, table: pd.DataFrame, on_error: OnError = "raise") -> EndpointResult:
        """Make the outcome."""
        ...


@dataclass(frozen=True, slots=True)
class LandmarkEndpoint:
    """An endpoint in those under observation and free of its events at a landmark, with time counted from there.

    Parameters
    ----------
    endpoint : Endpoint, FirstEventEndpoint or ReadyMadeEndpoint
        What is measured from time 0 on; its horizons count from the landmark.
    at : float
        The landmark, in the unit of the endpoint.

    References
    ----------
    Anderson JR, Cain KC, Gelber RD (1983). J Clin Oncol 1:710-719.

    Examples
    --------
    >>> from survmodel.outcome.ready_made import ReadyMadeEndpoint
    >>> table = pd.DataFrame({"days": [30, 90, 40, 70], "dead": [1, 1, 0, 0]})
    >>> result = LandmarkEndpoint(ReadyMadeEndpoint("os", "survival", "days", "dead", unit="days"), at=60).apply(table)
    >>> result.outcome.time.tolist(), result.dropped
    ([30.0, 10.0], (('dead by 60 days', (0,)), ('observation ended by 60 days', (2,))))
    """

    endpoint: Applicable
    at: float

    def apply(self, table: pd.DataFrame, on_error: OnError = "raise") -> EndpointResult:
        """Make the outcome of a table.

        Parameters
        ----------
        table : pandas.DataFrame
            One row for each patient.
        on_error : {"raise", "collect"}
            As for the endpoint itself.

        Returns
        -------
        EndpointResult
            Those whom the landmark leaves; the others are among ``dropped``.

        Raises
        ------
        EndpointError
            When nobody is left at the landmark.
        DataError
            As for the endpoint itself.
        """
        table = as_frame(table)
        whole = self.endpoint.apply(table, on_error)
        kept = landmark(table.iloc[whole.rows], whole.outcome, self.at)
        lost = np.setdiff1d(np.arange(whole.outcome.n), kept.rows)
        place = by_landmark(self.at, whole.outcome.unit or "")
        dropped = tuple(
            (f"{reason} {place}", tuple(map(int, whole.rows[rows]))) for reason, rows in _reasons(whole.outcome, lost)
        )
        return replace(
            whole,
            outcome=kept.outcome,
            rows=frozen(whole.rows[kept.rows], np.int64),
            dropped=(*whole.dropped, *dropped),
            counts=_count_again(whole, kept.outcome),
            conventions=f"{whole.conventions}; kept when time > landmark, time counted from the landmark",
            warnings=join_warnings([str(one) for one in whole.audit if one.severity != "note"], kept.outcome.warnings),
        )


def by_landmark(at: float, unit: str) -> str:
    """Say until when.

    Parameters
    ----------
    at : float
        The landmark.
    unit : str
        Its unit.

    Returns
    -------
    str
        For example "by 60 days".
    """
    one = unit.removesuffix("s") if at == 1 else unit
    return f"by {format_significant(at, 6)} {one}".rstrip()


def _reasons(outcome: Outcome, lost: npt.NDArray[np.int64]) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """Walk through the kinds of loss that there are: each event, and the end of observation."""
    names = {**(outcome.causes or {1: outcome.endpoint}), 0: OBSERVED_NO_LONGER}
    for code, name in names.items():
        rows = lost[outcome.event[lost] == code]
        if rows.size:
            yield name, rows


def _count_again(whole: EndpointResult, kept: Outcome) -> pd.DataFrame:
    """Count what ends the observation of those who are left."""
    names = {**(kept.causes or {1: kept.endpoint}), 0: CENSORED}
    rows = [count_row(name, code, int((kept.event == code).sum())) for code, name in names.items()]
    return pd.DataFrame(rows)[list(whole.counts.columns)]
