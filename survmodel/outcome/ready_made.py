"""Endpoints whose times somebody computed before: a column of times, a column of events, and what its values mean.

Findings have the codes of :mod:`survmodel.outcome.dates_audit`, and these:

====  =======  ======================================================================
E003  note     censored at time 0
E015  warning  a declared value of the event, or of a competing event, does not occur
E018  warning  a time more than 100 times the median
====  =======  ======================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from survmodel.errors import list_values
from survmodel.frame import as_frame
from survmodel.outcome.checks import ENOUGH_TO_JUDGE, OUTLIER_FACTOR, check_columns
from survmodel.outcome.dates_audit import AuditFinding, Severity
from survmodel.outcome.endpoint_result import EndpointResult, OnError, problems_of_horizons, refuse
from survmodel.outcome.first_ending import CENSORED, Mask, in_words
from survmodel.outcome.reading import read_event_value
from survmodel.outcome.response import Outcome
from survmodel.result import frozen, join_warnings


@dataclass(frozen=True, slots=True)
class ReadyMadeEndpoint:
    """An endpoint whose times and events stand in the table.

    Parameters
    ----------
    name, label : str
        Short name, and how the endpoint is called in sentences.
    time, event : str
        Columns of the times and of the events.
    event_value : object or list, optional
        The value of `event` that means the event; required beside competing events.
    competing : mapping
        Value of `event` to the name of the competing event, ``{2: "death"}``.
    entry : str, optional
        Column of times at which observation began.
    unit : str, optional
        Unit of time.
    horizons : sequence of float
        Times at which the endpoint is reported.
    censored_value : object or list, optional
        The values that mean censored, when there is more than one.
    event_label : str
        What the event is; the name of the column without it.

    Examples
    --------
    >>> table = pd.DataFrame({"months": [5, 8, 9], "state": ["relapse", "dead", "well"]})
    >>> relapse = ReadyMadeEndpoint("cir", "", "months", "state", "relapse", {"dead": "death"}, unit="months")
    >>> relapse.apply(table).outcome.event.tolist()
    [1, 2, 0]
    """

    name: str
    label: str
    time: str
    event: str
    event_value: object = None
    competing: Mapping[object, str] = field(default_factory=dict, hash=False)
    entry: str | None = None
    unit: str | None = None
    horizons: Sequence[float] = ()
    censored_value: object = None
    event_label: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "horizons", tuple(self.horizons))
        object.__setattr__(self, "competing", dict(self.competing))
        problems = problems_of_horizons(self.horizons)
        if self.competing and self.event_value is None:
            problems.append("competing events need event_value, which says what the event itself is")
        refuse(self.name, problems)

    def apply(self, table: pd.DataFrame, on_error: OnError = "raise") -> EndpointResult:  # noqa: ARG002
        """Make the outcome of a table.

        Parameters
        ----------
        table : pandas.DataFrame
            One row for each patient.
        on_error : {"raise", "collect"}
            As for `Endpoint`; a ready-made time that cannot be read stops both.

        Returns
        -------
        EndpointResult
            All rows; ``dropped`` is empty.

        Raises
        ------
        DataError
            As for :meth:`Outcome.from_table`.
        """
        table = as_frame(table)
        check_columns(table, [name for name in (self.time, self.event, self.entry) if name is not None])
        marks, audit = self._codes(table[self.event])
        what = self.event_label or in_words(self.event)
        causes = {1: what} | {2 + k: name for k, name in enumerate(self.competing.values())}
        outcome = Outcome.from_table(
            table.assign(**{self.event: marks}),
            self.time,
            self.event,
            self.entry,
            unit=self.unit,
            endpoint=what,
            causes=causes if self.competing else None,
        )
        audit += look_at_times(outcome, self.time)
        counts = pd.DataFrame([
            count_row(causes[code] if code else CENSORED, code, int((outcome.event == code).sum()))
            for code in [*causes, 0]
        ])  # fmt: skip
        return EndpointResult(
            name=self.name,
            label=self.label or self.name,
            outcome=outcome,
            rows=frozen(np.arange(outcome.n), np.int64),
            dropped=(),
            audit=tuple(audit),
            counts=counts,
            horizons=tuple(self.horizons),
            conventions="times as they stand in the table",
            warnings=join_warnings([str(one) for one in audit if one.severity != "note"], outcome.warnings),
        )

    def _codes(self, column: pd.Series) -> tuple[pd.Series, list[AuditFinding]]:
        """Turn the column into 0, 1 and one code for each competing event."""
        if not self.competing:
            if self.event_value is None:
                return column, []
            return read_marks(column, self.event_value, self.censored_value, self.event)
        codes, audit = pd.Series(np.nan, index=column.index), list[AuditFinding]()
        values = column.to_numpy(dtype=object)
        competes = np.zeros(len(column), dtype=bool)
        for code, value in enumerate(self.competing, start=2):
            mine = column.isin([_as_stored(value, column)]).to_numpy()
            codes[mine] = float(code)
            competes |= mine
            if not mine.any():
                problem = f"no row has the competing value {value!r}"
                audit.append(AuditFinding("E015", "warning", self.event, problem, remedy="check how it is written"))
        if not competes.all():
            rest = pd.Series(values[~competes], index=column.index[~competes]).infer_objects()
            read, more = read_marks(rest, self.event_value, self.censored_value, self.event)
            codes[~competes] = np.asarray(read, dtype=np.float64)
            audit += more
        return codes, audit


def read_marks(
    column: pd.Series, event_value: object, censored_value: object, name: str
) -> tuple[pd.Series, list[AuditFinding]]:
    """Turn a column into 0 and 1; one other value than the event is censored, even where nobody has the event.

    Parameters
    ----------
    column : pandas.Series
        What stands in the table.
    event_value, censored_value : object or list
        The values that mean the event, and censored.
    name : str
        Name of the column.

    Returns
    -------
    marks : pandas.Series
        0 and 1, missing where the column is missing.
    audit : list of AuditFinding
        A declared value that nobody has.

    Raises
    ------
    DataError
        When values are left over that are neither.
    """
    declared = list(event_value) if isinstance(event_value, list | tuple) else [event_value]
    if censored_value is not None or column.isin(declared).any() or column.dropna().nunique() > 1:
        return pd.Series(read_event_value(column, event_value, censored_value, name)), []
    problem = f"nobody has the event value {list_values([repr(value) for value in declared])}"
    remedy = "the one other value counts as censored: check that it does"
    marks = pd.Series(0.0, index=column.index).where(column.notna())
    return marks, [AuditFinding("E015", "warning", name, problem, remedy=remedy)]


def look_at_times(outcome: Outcome, column: str) -> list[AuditFinding]:
    """Name the rows whose times a reader should look at.

    Parameters
    ----------
    outcome : Outcome
        Times and events.
    column : str
        Column of the times.

    Returns
    -------
    list of AuditFinding
        Events and censorings at time 0, and times far beyond the others.
    """
    time, event = outcome.time, outcome.event > 0
    middle = float(np.median(time))
    far = (time > OUTLIER_FACTOR * middle) & (outcome.n >= ENOUGH_TO_JUDGE) & (middle > 0)
    looks: tuple[tuple[Mask, str, Severity, str, str], ...] = (
        ((time == 0) & event, "E046", "warning", "an event at time 0; kept",
         "parametric models cannot use time 0: check the times"),
        (far, "E018", "warning", f"a time more than {OUTLIER_FACTOR} times the median",
         "check its unit, and the two dates that it was made from"),
        ((time == 0) & ~event, "E003", "note", "censored at time 0; counted as a patient, and adds nothing else",
         "check whether the patient was followed up at all"),
    )  # fmt: skip
    return [
        AuditFinding(code, severity, column, problem, tuple(map(int, np.flatnonzero(mask))), remedy, outcome.n)
        for mask, code, severity, problem, remedy in looks
        if mask.any()
    ]


def count_row(level: str, code: int, n: int, same_day: int = 0) -> dict[str, object]:
    """Make a row of the counts of an endpoint.

    Parameters
    ----------
    level : str
        Name of the event, or "censored".
    code : int
        Its code.
    n, same_day : int
        How many have it first, and how many of them another event at the same time.

    Returns
    -------
    dict
        The row.
    """
    role = (CENSORED, "event")[code] if code < 2 else "competing"
    return {"level": level, "role": role, "n": n, "same_day": same_day, "detail": ""}


def _as_stored(value: object, column: pd.Series) -> object:
    """Read digits as a number where the column holds numbers: the keys of a study file are text."""
    if isinstance(value, str) and value.isdecimal() and pd.api.types.is_numeric_dtype(column):
        return int(value)
    return value
