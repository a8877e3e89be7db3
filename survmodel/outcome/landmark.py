"""Landmark analysis: who is under observation and free of the event at a fixed time, with time counted from there.

What is measured after time 0 (an interim scan, a response, a transplant) cannot group patients from time 0: to be
measured they had to live until then. From a landmark on, everything known by then may group them. A row stays when its
time is beyond the landmark; events and censorings on the landmark itself are lost, as the curve at that time has left
them behind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import EndpointError
from survmodel.formatting import count_noun, format_count, format_significant
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.response import TIE_TOLERANCE, Outcome
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Landmark(Result):
    """Those under observation and free of the event at a landmark.

    Attributes
    ----------
    table : pandas.DataFrame
        Their rows of the table, with their labels.
    outcome : Outcome
        Their outcome, time counted from the landmark.
    lost : pandas.DataFrame
        Patients lost before: columns reason (each kind of event, or "censored") and n.
    at : float
        The landmark, in the unit of the outcome.
    rows : ndarray of int64
        Positions of the rows kept.
    n_before, n : int
        Patients at the start and at the landmark.
    n_late : int
        Patients among those kept who come under observation after the landmark.
    warnings : tuple of str
        What a reader must know.
    """

    table: pd.DataFrame
    outcome: Outcome
    lost: pd.DataFrame
    at: float
    rows: npt.NDArray[np.int64]
    n_before: int
    n: int
    n_late: int = 0
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Count the patients from the start to the landmark.

        Returns
        -------
        pandas.DataFrame
            Columns level ("start", a reason of loss, "landmark"), n and time.
        """
        lost = self.lost.rename(columns={"reason": "level"})
        ends = pd.DataFrame({"level": ["start", "landmark"], "n": [self.n_before, self.n]})
        table = pd.concat([ends[:1], lost, ends[1:]], ignore_index=True)
        return table.assign(time=[0.0, *[self.at] * (len(table) - 1)])

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            Columns time, unit, endpoint, n, n_event, n_lost, n_late, conventions.
        """
        row = {
            "time": self.at,
            "unit": self.outcome.unit or "",
            "endpoint": self.outcome.endpoint,
            "n": self.n,
            "n_event": self.outcome.n_event,
            "n_lost": int(self.lost["n"].sum()),
            "n_late": self.n_late,
            "conventions": "kept when time > landmark; time counted from the landmark",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [["at the start", format_count(self.n_before)]]
        rows += [[f"lost: {one['reason']}", format_count(one["n"])] for one in self.lost.to_dict("records")]
        rows.append(["at the landmark", format_count(self.n)])
        late = f"{count_noun(self.n_late, 'patient')} of them under observation only later" if self.n_late else ""
        unit = f" {self.outcome.unit}" if self.outcome.unit else ""
        title = f"Landmark at {format_significant(self.at)}{unit}, {self.outcome.endpoint}, time counted from there"
        return Display(title, (Table(["patients", "n"], rows),), (late,) if late else ())


def landmark(table: pd.DataFrame, outcome: Outcome, at: float) -> Landmark:
    """Take those under observation and free of the event at a landmark, and count their time from there.

    Parameters
    ----------
    table : pandas.DataFrame, or a table of polars or pyarrow
        The rows of the outcome.
    outcome : Outcome
        Times and events; every event, competing or not, ends the observation. Rows of one patient that end before the
        landmark are left out, and a row that spans it is cut.
    at : float
        The landmark, above 0, in the unit of the outcome.

    Returns
    -------
    Landmark
        Table and outcome of those kept, and how many were lost and why. Patients who come under observation after the
        landmark keep their later entry.

    Raises
    ------
    EndpointError
        When the landmark is no number above 0, or nobody is left at it.
    DataError
        When the rows of the table are not those of the outcome.

    References
    ----------
    Anderson JR, Cain KC, Gelber RD (1983). J Clin Oncol 1:710-719.

    Examples
    --------
    >>> table = pd.DataFrame({"response": ["CR", "PR", "CR", "SD"]})
    >>> six = landmark(table, Outcome([3, 8, 12, 5], [1, 1, 0, 0], unit="months"), at=6)
    >>> six.outcome.time.tolist(), six.lost["n"].tolist()
    ([2.0, 6.0], [1, 1])
    """
    table = read_table(table)
    check_outcome(outcome)
    outcome.check_rows(table)
    cut = _read_landmark(at)
    # The tolerance that joined the times: a time equal to the landmark but for float fuzz is on it.
    fuzz = TIE_TOLERANCE * float(outcome.time.mean())
    keep = outcome.time - cut > fuzz
    if not keep.any():
        raise EndpointError(
            "nobody is under observation and free of the event at the landmark",
            f"landmark {format_significant(cut)}, longest time {format_significant(float(outcome.time.max()))}",
            "choose an earlier landmark",
        )
    rows = np.flatnonzero(keep)
    patients = np.arange(outcome.n) if outcome.id is None else outcome.id
    entries = None if outcome.entry is None else _shift(outcome.entry[rows], cut, fuzz)
    n_late = 0
    if entries is not None:
        first = pd.Series(entries).groupby(patients[rows]).min()
        n_late = int((first > 0).sum())
    return Landmark(
        table=table.iloc[rows].copy(),
        outcome=_outcome_from(outcome, rows, outcome.time[rows] - cut, entries),
        lost=_count_lost(outcome, patients, rows),
        at=cut,
        rows=frozen(rows, np.int64),
        n_before=int(np.unique(patients).size),
        n=int(np.unique(patients[rows]).size),
        n_late=n_late,
    )


def _read_landmark(at: object) -> float:
    number = isinstance(at, int | float | np.integer | np.floating) and not isinstance(at, bool)
    if not number or not 0 < float(at) < np.inf:  # type: ignore[arg-type]
        raise EndpointError(
            "the landmark is no number above 0",
            f"found {at!r}",
            "give the time in the unit of the outcome, for example at=6",
        )
    return float(at)  # type: ignore[arg-type]


def _shift(entries: Floats, cut: float, fuzz: float) -> Floats | None:
    """Count entries from the landmark; None when all are under observation there."""
    shifted = np.where(entries - cut > fuzz, entries - cut, 0.0)
    return shifted if shifted.any() else None


def _outcome_from(outcome: Outcome, rows: npt.NDArray[np.int64], times: Floats, entries: Floats | None) -> Outcome:
    labels = None if outcome.index is None else outcome.index[rows]
    return Outcome(
        times if labels is None else pd.Series(times, index=labels),
        outcome.event[rows],
        entries,
        id=None if outcome.id is None else outcome.id[rows],
        unit=outcome.unit,
        endpoint=outcome.endpoint,
        causes=outcome.causes,
    )


def _count_lost(outcome: Outcome, patients: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Count the patients without a row left by what their last row ends with."""
    gone = ~np.isin(patients, patients[rows])
    ends = pd.DataFrame({"patient": patients, "time": outcome.time, "code": outcome.event})[gone]
    last = ends.sort_values("time", kind="stable").drop_duplicates("patient", keep="last")["code"].to_numpy()
    reasons = {**(outcome.causes or {1: outcome.endpoint}), 0: "censored"}
    return pd.DataFrame({"reason": list(reasons.values()), "n": [int((last == code).sum()) for code in reasons]})
