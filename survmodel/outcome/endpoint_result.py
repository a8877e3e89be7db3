"""What an endpoint makes of a table: its outcome, the rows left out, what was found, and what came first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError
from survmodel.formatting import format_count
from survmodel.outcome.dates_audit import AuditFinding
from survmodel.outcome.first_ending import in_words
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result
from survmodel.table import Table

OnError = Literal["raise", "collect"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EndpointResult(Result):
    """The outcome that an endpoint makes of a table, and what was seen on the way.

    Attributes
    ----------
    name, label : str
        Name of the endpoint, and how it is called in sentences.
    outcome : Outcome
        Times and events of the rows kept, with the row labels of the table.
    rows : ndarray of int64, shape (n,)
        Positions of those rows in the table.
    dropped : tuple of (str, tuple of int)
        Reason and positions of the rows left out; no row stands twice.
    audit : tuple of AuditFinding
        Findings of the dates, errors first.
    counts : pandas.DataFrame
        What came first: columns level, role, n, same_day and detail.
    horizons : tuple of float
        Times at which the endpoint is reported, in its unit.
    conventions : str
        How times were made.
    warnings : tuple of str
        Findings that are warnings or errors, and the warnings of the outcome.
    """

    name: str
    label: str
    outcome: Outcome
    rows: npt.NDArray[np.int64]
    dropped: tuple[tuple[str, tuple[int, ...]], ...]
    audit: tuple[AuditFinding, ...]
    counts: pd.DataFrame
    horizons: tuple[float, ...] = ()
    conventions: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[AuditFinding, ...]:
        """The findings that are errors."""
        return tuple(finding for finding in self.audit if finding.severity == "error")

    def tidy(self) -> pd.DataFrame:
        """Give the number of rows by what came first.

        Returns
        -------
        pandas.DataFrame
            Columns level and n.
        """
        return self.counts[["level", "n"]].copy()

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            Columns endpoint, label, n, n_event, n_competing, n_censor, n_dropped, unit, conventions.
        """
        event = self.outcome.event
        row = {
            "endpoint": self.name,
            "label": self.label,
            "n": self.outcome.n,
            "n_event": self.outcome.n_event,
            "n_competing": int((event > 1).sum()),
            "n_censor": int((event == 0).sum()),
            "n_dropped": sum(len(positions) for _, positions in self.dropped),
            "unit": self.outcome.unit or "",
            "conventions": self.conventions,
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [in_words(one["level"]), one["detail"], format_count(one["n"])] for one in self.counts.to_dict("records")
        ]
        rows += [["left out", reason, format_count(len(positions))] for reason, positions in self.dropped]
        notes = [str(finding) for finding in self.audit if finding.severity == "note"]
        unit = f", time in {self.outcome.unit}" if self.outcome.unit else ""
        title = f"Endpoint {self.label} ({self.outcome.endpoint}){unit}"
        return Display(title, (Table(["first", "of them", "n"], rows, left=2),), (*notes, *self.outcome.notes))


def refuse(name: str, problems: Sequence[str]) -> None:
    """Refuse an endpoint whose settings cannot be.

    Parameters
    ----------
    name : str
        Name of the endpoint.
    problems : sequence of str
        What is wrong, nothing when it is empty.

    Raises
    ------
    ConfigError
        With all problems.
    """
    if problems:
        raise ConfigError(f"endpoint {name!r} cannot be computed", "; ".join(problems))


def problems_of_horizons(horizons: Sequence[float]) -> list[str]:
    """Check the times at which an endpoint is reported.

    Parameters
    ----------
    horizons : sequence of float
        The times.

    Returns
    -------
    list of str
        Empty when they are numbers above 0 in ascending order.
    """
    numbers = all(isinstance(time, int | float | np.number) and np.isfinite(time) for time in horizons)
    if numbers and all(time > 0 for time in horizons) and all(a < b for a, b in pairwise(horizons)):
        return []
    return ["horizons must be numbers above 0 in ascending order"]
