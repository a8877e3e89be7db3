"""The response: time, event and entry, validated once.

Everything below trusts an `Outcome`. It refuses codes that could mean two things, never guesses a unit or a format,
joins times that differ by float fuzz only, and remembers the row labels it came with, so that a table in another
order cannot be used with it by mistake. Identifiers are kept as codes: no name or number of a patient is stored.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, EndpointError, list_values, name_rows
from survmodel.formatting import count_noun, format_significant
from survmodel.frame import as_frame
from survmodel.outcome import checks
from survmodel.outcome.reading import read_codes, read_event_value, read_times
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Two times closer than this share of the mean time are one time (as R's timefix, whose tolerance it is).
TIE_TOLERANCE = 1.5e-8


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Outcome:
    """Times to an event, right-censored, with optional late entry and competing causes.

    Parameters
    ----------
    time : array_like, shape (n,)
        Follow-up time, at least 0, in `unit`. A Series keeps its index.
    event : array_like, shape (n,)
        0 or False = censored, 1 or True = event; 2 and above = competing events, only together with `causes`.
    entry : array_like, shape (n,), optional
        Time at which observation began; a row is at risk at t when ``entry < t <= time``.
    id : array_like, shape (n,), optional
        Which rows belong to one patient. Kept as codes only.
    unit : str, optional
        Unit of time, for example ``"months"``.
    endpoint : str
        What the event is, for example ``"death"``.
    causes : mapping of int to str, optional
        Name of each event code, ``{1: "relapse", 2: "death"}``; declares that codes above 1 compete.

    Attributes
    ----------
    n, n_event : int
        Rows, and events (code 1).
    index : pandas.Index or None
        Row labels of the Series that the outcome was built from.
    warnings, notes : tuple of str
        What was seen that a reader should know; fits repeat the warnings.
    n_joined : int
        Times moved by joining float ties.

    Raises
    ------
    DataError
        Negative, missing, infinite or unreadable times; event codes that could mean two things; missing codes; entry at
        or after exit; overlapping rows of one patient; lengths or row labels that differ.

    Examples
    --------
    >>> outcome = Outcome([5, 8, 12], [1, 0, 1], unit="months", endpoint="death")
    >>> outcome
    Outcome: 3 rows, 2 events (death), time in months, median 8, longest 12
    >>> outcome.take([0, 2]).n_event
    2
    """

    time: Floats
    event: Ints
    entry: Floats | None = None
    id: Ints | None = None
    unit: str | None = None
    endpoint: str = "event"
    causes: Mapping[int, str] | None = None
    index: pd.Index | None = None
    n_joined: int = 0
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __init__(
        self,
        time: object,
        event: object,
        entry: object = None,
        *,
        id: object = None,
        unit: str | None = None,
        endpoint: str = "event",
        causes: Mapping[int, str] | None = None,
    ) -> None:
        index = _shared_index({"time": time, "event": event, "entry": entry, "id": id})
        times = read_times(time, "time")
        codes = read_codes(event, causes)
        entries = None if entry is None else read_times(entry, "entry")
        ids = None if id is None else _read_ids(id)
        _check_lengths({"time": times, "event": codes, "entry": entries, "id": ids})
        times, entries, n_joined = _join_ties(times, entries)
        checks.check_entry(times, entries)
        warnings, notes = checks.look_at_times(times, codes, n_joined)
        if ids is not None:
            warnings += checks.check_patients(times, codes, entries, ids)
        values = {
            "time": frozen(times),
            "event": frozen(codes, np.int64),
            "entry": None if entries is None else frozen(entries),
            "id": None if ids is None else frozen(ids, np.int64),
            "unit": unit,
            "endpoint": endpoint,
            "causes": None if causes is None else dict(sorted(causes.items())),
            "index": index,
            "n_joined": n_joined,
            "warnings": tuple(warnings),
            "notes": tuple(notes),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_table(  # noqa: PLR0913 - the columns and codes of a response
        cls,
        table: pd.DataFrame,
        time: Hashable,
        event: Hashable,
        entry: Hashable | None = None,
        id: Hashable | None = None,
        *,
        event_value: object = None,
        censored_value: object = None,
        unit: str | None = None,
        endpoint: str = "event",
        causes: Mapping[int, str] | None = None,
    ) -> Outcome:
        """Build an outcome from columns of a table.

        Parameters
        ----------
        table : pandas.DataFrame, or a table of polars or pyarrow
            One row for each patient or interval.
        time, event, entry, id : column names
            Which columns hold what.
        event_value : object or list, optional
            The value of `event` that means the event, for columns coded 1/2, yes/no, dead/alive. One other value may
            occur, which is censored.
        censored_value : object or list, optional
            The value that means censored, when more than two occur.
        unit, endpoint, causes
            As for :class:`Outcome`.

        Returns
        -------
        Outcome
            With the row labels of the table.

        Raises
        ------
        DataError
            As for :class:`Outcome`, and for columns that the table does not have.

        Examples
        --------
        >>> table = pd.DataFrame({"days": [5, 8], "status": ["dead", "alive"]})
        >>> Outcome.from_table(table, time="days", event="status", event_value="dead").n_event
        1
        """
        table = as_frame(table)
        columns = {"time": time, "event": event, "entry": entry, "id": id}
        checks.check_columns(table, [name for name in columns.values() if name is not None])
        marks: object = table[event]
        if event_value is not None:
            marks = read_event_value(table[event], event_value, censored_value, str(event))
        return cls(
            table[time],
            marks,
            None if entry is None else table[entry],
            id=None if id is None else table[id],
            unit=unit,
            endpoint=endpoint,
            causes=causes,
        )

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        parts = [count_noun(self.n, "row"), f"{count_noun(self.n_event, 'event')} ({self.endpoint})"]
        if self.has_competing:
            parts.append(count_noun(int((self.event > 1).sum()), "competing event"))
        if self.entry is not None:
            parts.append(f"{int((self.entry > 0).sum())} entered late")
        unit = f"time in {self.unit}" if self.unit else "time without a unit"
        middle, longest = float(np.median(self.time)), float(self.time.max())
        parts += [unit, f"median {format_significant(middle)}", f"longest {format_significant(longest)}"]
        return "Outcome: " + ", ".join(parts)

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.time.shape[0])

    @property
    def n_event(self) -> int:
        """Number of events with code 1."""
        return int((self.event == 1).sum())

    @property
    def has_competing(self) -> bool:
        """Whether any row ends with a competing event."""
        return bool((self.event > 1).any())

    @property
    def died(self) -> npt.NDArray[np.bool_]:
        """True where the row ends with the event, shape (n,).

        Raises
        ------
        EndpointError
            When competing events are present: what they mean for the analysis must be said.
        """
        if self.has_competing:
            names = self.causes or {}
            others = [names.get(code, str(code)) for code in np.unique(self.event) if code > 1]
            raise EndpointError(
                "this analysis takes one kind of event and the outcome has competing events",
                f"found {list_values(others)} beside {names.get(1, 'the event')}",
                "use outcome.any_event() for the time to the first of them, or outcome.cause_specific(1) to censor the "
                "others, which estimates the cause-specific hazard and not the risk",
            )
        died: npt.NDArray[np.bool_] = self.event == 1
        return died

    def any_event(self, endpoint: str | None = None) -> Outcome:
        """Turn competing events into one composite event.

        Parameters
        ----------
        endpoint : str, optional
            Name of the composite; the causes joined by "or" without it.

        Returns
        -------
        Outcome
            Every code above 0 becomes 1.
        """
        name = endpoint or " or ".join((self.causes or {1: self.endpoint}).values())
        return self._with(event=frozen(self.event > 0, np.int64), causes=None, endpoint=name)

    def cause_specific(self, cause: int = 1) -> Outcome:
        """Keep one cause as the event and censor the others when they happen.

        Parameters
        ----------
        cause : int
            Code of the cause.

        Returns
        -------
        Outcome
            For cause-specific hazards. One minus its Kaplan-Meier curve is not the risk of the cause.
        """
        name = (self.causes or {}).get(cause, self.endpoint)
        return self._with(event=frozen(self.event == cause, np.int64), causes=None, endpoint=name)

    def remark(self, words: str) -> Outcome:
        """Add a remark to what the events are called, so that every result made from them carries it.

        Parameters
        ----------
        words : str
            For example "SYNTHETIC data".

        Returns
        -------
        Outcome
            The same numbers.

        Examples
        --------
        >>> Outcome([5, 8], [1, 0], endpoint="death").remark("SYNTHETIC data").endpoint
        'death (SYNTHETIC data)'
        """
        causes = None if self.causes is None else {code: f"{name} ({words})" for code, name in self.causes.items()}
        return self._with(endpoint=f"{self.endpoint} ({words})", causes=causes)

    def take(self, rows: npt.ArrayLike) -> Outcome:
        """Select rows by position or mask, in the order given; repeats are allowed.

        Parameters
        ----------
        rows : array_like of int or bool
            Positions, or a mask of length n.

        Returns
        -------
        Outcome
            The same times: nothing is validated or joined again.
        """
        chosen = np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        chosen = chosen.astype(np.int64)
        return self._with(
            time=frozen(self.time[chosen]),
            event=frozen(self.event[chosen], np.int64),
            entry=None if self.entry is None else frozen(self.entry[chosen]),
            id=None if self.id is None else frozen(self.id[chosen], np.int64),
            index=None if self.index is None else self.index[chosen],
        )

    def check_rows(self, other: object, name: str = "table") -> None:
        """Refuse a table, Series or array whose rows are not those of the outcome.

        Parameters
        ----------
        other : DataFrame, Series or array_like
            What is to be used with the outcome. Labels are compared when both sides have them, else lengths.
        name : str
            What to call it in the message.

        Raises
        ------
        DataError
            When lengths differ, or labels differ in value or order.
        """
        length = len(other)  # type: ignore[arg-type]
        if length != self.n:
            raise DataError(
                f"the {name} does not have the rows of the outcome",
                f"found {count_noun(length, 'row')} against {self.n}",
                "build both from the same table, and use outcome.take(rows) where you select rows",
            )
        labels = getattr(other, "index", None)
        if self.index is None or not isinstance(labels, pd.Index) or labels.equals(self.index):
            return
        same = sorted(map(str, labels)) == sorted(map(str, self.index))
        raise DataError(
            f"the row labels of the {name} are not those of the outcome",
            "the same labels stand in another order" if same else "some labels differ",
            "put the rows in one order first, for example table.loc[outcome.index]",
        )

    def _with(self, **changes: object) -> Outcome:
        copy = object.__new__(Outcome)
        for name in self.__dataclass_fields__:
            object.__setattr__(copy, name, changes.get(name, getattr(self, name)))
        return copy


def _shared_index(inputs: Mapping[str, object]) -> pd.Index | None:
    """Take the index of the Series among the inputs, which must agree."""
    found: tuple[str, pd.Index] | None = None
    for name, values in inputs.items():
        if not isinstance(values, pd.Series):
            continue
        if found is None:
            found = (name, values.index)
        elif not values.index.equals(found[1]):
            raise DataError(
                f"the row labels of {name} differ from those of {found[0]}",
                remedy="take both from the same table, or pass plain arrays to match by position",
            )
    return None if found is None else found[1]


def _read_ids(values: object) -> Ints:
    codes, _ = pd.factorize(pd.Series(np.asarray(values, dtype=object)))
    if (codes < 0).any():
        raise DataError("id is missing", f"in {name_rows(codes < 0)}", "give every row the id of its patient")
    return codes.astype(np.int64)


def _check_lengths(arrays: Mapping[str, npt.NDArray[np.generic] | None]) -> None:
    lengths = {name: array.shape[0] for name, array in arrays.items() if array is not None}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError("time, event, entry and id differ in length", f"found {found}", "give one value for each row")
    if lengths["time"] == 0:
        raise DataError("the outcome has no rows", remedy="check the filter that selected them")


def _join_ties(times: Floats, entries: Floats | None) -> tuple[Floats, Floats | None, int]:
    """Move times that differ by less than the tolerance to the smallest of their run."""
    stacked = times if entries is None else np.concatenate([times, entries])
    values = np.unique(stacked)
    if values.size < 2 or stacked.mean() == 0:
        return times, entries, 0
    fresh = np.concatenate([[True], np.diff(values) > TIE_TOLERANCE * stacked.mean()])
    if fresh.all():
        return times, entries, 0
    starts = values[fresh]
    joined = starts[np.searchsorted(starts, stacked, side="right") - 1]
    n_joined = int((joined != stacked).sum())
    if entries is None:
        return joined, None, n_joined
    return joined[: times.size], joined[times.size :], n_joined
