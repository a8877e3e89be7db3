"""A response that is known as intervals: the event happened after one visit and not after the next.

Progression is seen at visits. It happened after the last visit without it and not after the visit that showed it, and a
model of exact times takes it for as late as it can be. An `IntervalOutcome` keeps both ends: (lower, upper], equal ends
for a time that is known, as of a death, and an infinite upper end for a row in which the event was not seen.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, name_rows
from survmodel.formatting import count_noun, format_significant
from survmodel.frame import as_frame
from survmodel.outcome.checks import check_columns
from survmodel.outcome.reading import read_times
from survmodel.outcome.response import TIE_TOLERANCE, Outcome
from survmodel.result import frozen, join_warnings

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: A death after so many missed visits may hide a progression.
MISSED_VISITS = 2


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IntervalOutcome:
    """Times to an event that are known as intervals (lower, upper].

    Parameters
    ----------
    lower : array_like, shape (n,)
        Last time at which the row was known to be free of the event; 0 when it was never seen after the origin.
    upper : array_like, shape (n,)
        Time by which the event had happened: the visit that showed it. Equal to `lower` for a time that is known;
        infinite when the event was not seen.
    entry : array_like, shape (n,), optional
        Time at which observation began.
    id : array_like, shape (n,), optional
        Which rows belong to one patient. Kept as codes only.
    unit : str, optional
        Unit of time.
    endpoint : str
        What the event is.

    Attributes
    ----------
    known : Outcome
        The same rows as if every event had happened at the end of its interval: what most analyses take.
    warnings, notes : tuple of str
        What was seen that a reader should know; fits repeat the warnings.

    Raises
    ------
    DataError
        For missing, negative or unreadable times, an upper end before the lower, lengths or row labels that differ.

    Examples
    --------
    >>> outcome = IntervalOutcome([2, 5, 8, 0], [4, 5, float("inf"), 3], unit="months", endpoint="progression")
    >>> outcome
    IntervalOutcome: 4 rows, 2 events between two times and 1 at a known time (progression), time in months
    """

    lower: Floats
    known: Outcome
    warnings: tuple[str, ...] = ()

    def __init__(
        self,
        lower: object,
        upper: object,
        entry: object = None,
        *,
        id: object = None,
        unit: str | None = None,
        endpoint: str = "event",
    ) -> None:
        start = read_times(lower, "lower")
        end, seen = _read_upper(upper)
        if start.size != end.size:
            raise DataError(
                "lower and upper differ in length",
                f"found lower {start.size}, upper {end.size}",
                "give one for each row",
            )
        time = np.where(seen, end, start)
        index = next((values.index for values in (lower, upper) if isinstance(values, pd.Series)), None)
        known = Outcome(
            time if index is None else pd.Series(time, index=index),
            seen.astype(int),
            entry,
            id=id,
            unit=unit,
            endpoint=endpoint,
        )
        known.check_rows(lower, "lower")
        known.check_rows(upper, "upper")
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "lower", frozen(_settle(start, known)))
        object.__setattr__(self, "warnings", known.warnings)

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        lower: Hashable,
        upper: Hashable,
        entry: Hashable | None = None,
        id: Hashable | None = None,
        *,
        unit: str | None = None,
        endpoint: str = "event",
    ) -> IntervalOutcome:
        """Build an outcome from columns of a table.

        Parameters
        ----------
        table : pandas.DataFrame, or a table of polars or pyarrow
            One row for each patient.
        lower, upper, entry, id : column names
            Which columns hold what.
        unit, endpoint
            As for :class:`IntervalOutcome`.

        Returns
        -------
        IntervalOutcome
            With the row labels of the table.

        Examples
        --------
        >>> table = pd.DataFrame({"free_until": [2, 5], "seen_at": [4, float("inf")]})
        >>> IntervalOutcome.from_table(table, "free_until", "seen_at").n_interval
        1
        """
        table = as_frame(table)
        check_columns(table, [name for name in (lower, upper, entry, id) if name is not None])
        return cls(
            table[lower],
            table[upper],
            None if entry is None else table[entry],
            id=None if id is None else table[id],
            unit=unit,
            endpoint=endpoint,
        )

    @classmethod
    def from_visits(
        cls, outcome: Outcome, last_free: object, *, exact: object = None, visit_interval: float | None = None
    ) -> IntervalOutcome:
        """Build an outcome from one with exact times and the last visit at which the event had not happened.

        Parameters
        ----------
        outcome : Outcome
            Times and events of one kind, an event at the visit that showed it. Censored rows stay as they are.
        last_free : Series or array_like, shape (n,)
            Time of the last visit without the event, from the same origin and in the same unit; missing where there was
            none, which puts the event anywhere since the origin.
        exact : Series or array_like of bool, shape (n,), optional
            True where the time of an event is known, as of a death: it stays as it is.
        visit_interval : float, optional
            Time between two planned visits. With it, events at a known time that come more than two intervals after the
            last visit are named in a warning: visits were missed, and a progression may have gone unseen.

        Returns
        -------
        IntervalOutcome
            With the labels, entries and ids of `outcome`.

        Raises
        ------
        DataError
            When a last visit without the event is at or after the event.

        Examples
        --------
        >>> seen = Outcome([6, 9, 7, 12], [1, 1, 0, 1], unit="months", endpoint="progression or death")
        >>> outcome = IntervalOutcome.from_visits(seen, [3, 6, 7, 3], exact=[0, 0, 0, 1], visit_interval=3)
        >>> outcome.lower.tolist(), outcome.upper.tolist()
        ([3.0, 6.0, 7.0, 12.0], [6.0, 9.0, inf, 12.0])
        >>> outcome.warnings[0][:68]
        '1 event at a known time comes more than 2 visits after the last one '
        """
        visit = _read_visits(outcome, last_free)
        known = _read_exact(outcome, exact)
        between = outcome.died & ~known
        wrong = between & (visit >= outcome.time) & (outcome.time > 0)
        if wrong.any():
            raise DataError(
                "the last visit without the event is at or after the event",
                f"in {name_rows(wrong)}",
                "give the last visit before the one that showed it, or mark a known time as exact",
            )
        made = object.__new__(cls)
        lower = np.where(between, np.minimum(visit, outcome.time), outcome.time)
        missed = _missed(visit, outcome, known, visit_interval)
        object.__setattr__(made, "known", outcome)
        object.__setattr__(made, "lower", frozen(_settle(lower, outcome)))
        object.__setattr__(made, "warnings", join_warnings(outcome.warnings, missed))
        return made

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        exact = f" and {self.n_event - self.n_interval} at a known time" if self.n_event > self.n_interval else ""
        unit = f"time in {self.unit}" if self.unit else "time without a unit"
        events = f"{count_noun(self.n_interval, 'event')} between two times{exact} ({self.known.endpoint})"
        return f"IntervalOutcome: {count_noun(self.n, 'row')}, {events}, {unit}"

    @property
    def upper(self) -> Floats:
        """Time by which the event had happened, infinite where it was not seen, shape (n,)."""
        return np.where(self.known.died, self.known.time, np.inf)

    @property
    def n(self) -> int:
        """Number of rows."""
        return self.known.n

    @property
    def n_event(self) -> int:
        """Number of events, their time known or not."""
        return self.known.n_event

    @property
    def n_interval(self) -> int:
        """Number of events of which two times are known, before and after."""
        return int((self.known.died & (self.lower < self.known.time)).sum())

    @property
    def entry(self) -> Floats | None:
        """Entry times, or None."""
        return self.known.entry

    @property
    def id(self) -> npt.NDArray[np.int64] | None:
        """Codes of the patients, or None."""
        return self.known.id

    @property
    def unit(self) -> str | None:
        """Unit of time."""
        return self.known.unit

    @property
    def index(self) -> pd.Index | None:
        """Row labels."""
        return self.known.index

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader may know."""
        return self.known.notes

    def take(self, rows: npt.ArrayLike) -> IntervalOutcome:
        """Select rows by position or mask, in the order given; repeats are allowed.

        Parameters
        ----------
        rows : array_like of int or bool
            Positions, or a mask of length n.

        Returns
        -------
        IntervalOutcome
            The same times.
        """
        made = object.__new__(IntervalOutcome)
        object.__setattr__(made, "known", self.known.take(rows))
        object.__setattr__(made, "lower", frozen(self.lower[np.asarray(rows)]))
        object.__setattr__(made, "warnings", self.warnings)
        return made

    def check_rows(self, other: object, name: str = "table") -> None:
        """Refuse a table, Series or array whose rows are not those of the outcome.

        Parameters
        ----------
        other : DataFrame, Series or array_like
            What is to be used with the outcome.
        name : str
            What to call it in the message.

        Raises
        ------
        DataError
            When lengths differ, or labels differ in value or order.
        """
        self.known.check_rows(other, name)


def _read_upper(values: object) -> tuple[Floats, Bools]:
    """Read upper ends: times and, apart, where there is one."""
    given = pd.Series(values).reset_index(drop=True)
    endless = (pd.to_numeric(given, errors="coerce") == np.inf).to_numpy()
    if given.isna().any():
        raise DataError(
            "upper is missing",
            f"in {name_rows(given.isna())}",
            "write inf (float('inf')) where the event was not seen",
        )
    times = read_times(given.mask(endless, 0) if endless.any() else given, "upper")
    return times, np.logical_not(endless)


def _settle(lower: Floats, known: Outcome) -> Floats:
    """Join a lower end with the upper where they differ by float fuzz only, and raise it to the entry."""
    fuzz = np.abs(lower - known.time) <= TIE_TOLERANCE * known.time.mean()
    lower = np.where(fuzz, known.time, lower)
    if (lower > known.time).any():
        raise DataError(
            "lower is after upper",
            f"in {name_rows(lower > known.time)}",
            "lower is the last time without the event, upper the first with it",
        )
    # Who came under observation later was free of the event then.
    return lower if known.entry is None else np.maximum(lower, known.entry)


def _read_visits(outcome: Outcome, last_free: object) -> Floats:
    outcome.check_rows(last_free, "last_free")
    series = pd.Series(last_free).reset_index(drop=True)
    return read_times(series.fillna(0) if series.isna().any() else series, "last_free")


def _read_exact(outcome: Outcome, exact: object) -> Bools:
    if exact is None:
        return np.zeros(outcome.n, dtype=bool)
    outcome.check_rows(exact, "exact")
    marks = pd.Series(exact).reset_index(drop=True)
    wrong = ~marks.isin([0, 1]).to_numpy()
    if wrong.any():
        raise DataError("exact is neither true nor false", f"in {name_rows(wrong)}")
    return outcome.died & marks.astype(bool).to_numpy()


def _missed(visit: Floats, outcome: Outcome, exact: Bools, interval: float | None) -> list[str]:
    """Name the events at a known time that come after missed visits."""
    if interval is None:
        return []
    if not 0 < interval < np.inf:
        raise DataError(f"visit_interval is {interval}", remedy="give the time between two planned visits")
    late = exact & (outcome.time - visit > MISSED_VISITS * interval * (1 + TIE_TOLERANCE))
    if not late.any():
        return []
    n = int(late.sum())
    unit = f"{format_significant(interval)} {outcome.unit or ''}".rstrip()
    return [
        f"{count_noun(n, 'event')} at a known time {'comes' if n == 1 else 'come'} more than {MISSED_VISITS} visits "
        f"after the last one (one every {unit}), in {name_rows(late)}: a progression may have gone unseen"
    ]
