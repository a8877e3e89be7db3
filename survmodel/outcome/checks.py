"""What an outcome is checked for: entry before exit, one patient's rows in line, and signs of miscoding."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, closest, name_rows
from survmodel.formatting import count_noun

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Fewer patients than this say nothing about coding.
ENOUGH_TO_JUDGE = 20
OUTLIER_FACTOR = 100


def check_columns(table: pd.DataFrame, names: Sequence[Hashable]) -> None:
    """Refuse columns that a table lacks or has twice.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    names : sequence
        Column names that are needed.

    Raises
    ------
    DataError
        With the closest names that exist.
    """
    for name in names:
        if name not in table.columns:
            raise DataError(f"the table has no column {name!r}", closest(str(name), map(str, table.columns)))
        if isinstance(table[name], pd.DataFrame):
            raise DataError(f"the table has more than one column {name!r}", remedy="rename one of them")


def check_entry(times: Floats, entries: Floats | None) -> None:
    """Refuse rows that enter at or after their exit.

    Parameters
    ----------
    times, entries : ndarray, shape (n,)
        Exit and entry times after joining ties; entries may be None.

    Raises
    ------
    DataError
        With the rows.
    """
    if entries is None:
        return
    wrong = entries >= times
    if wrong.any():
        raise DataError(
            "entry is at or after exit",
            f"in {name_rows(wrong)}",
            "a row is under observation from entry to exit: check the two columns, and leave empty intervals out",
        )


def look_at_times(times: Floats, codes: Ints, n_joined: int) -> tuple[list[str], list[str]]:
    """Look for signs that times or codes are not what they seem.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Exit times.
    codes : ndarray of int64, shape (n,)
        Event codes.
    n_joined : int
        Times moved by joining float ties.

    Returns
    -------
    warnings, notes : list of str
        Sentences.
    """
    warnings, notes = [], []
    events, n = codes > 0, times.size
    at_zero = times == 0
    if (at_zero & events).any():
        count = count_noun(int((at_zero & events).sum()), "event")
        warnings.append(f"{count} at time 0: kept, just after the origin; parametric models cannot use them")
    if (at_zero & ~events).any():
        rows = count_noun(int((at_zero & ~events).sum()), "row")
        notes.append(f"{rows} censored at time 0 count in n and add nothing else")
    if n_joined:
        notes.append(f"{count_noun(n_joined, 'time')} joined with a time equal but for float rounding")
    if not events.any():
        warnings.append("there are no events: no median and no comparison can be estimated")
    if n >= ENOUGH_TO_JUDGE:
        share = events.mean()
        if 0.9 < share < 1 and np.median(times[~events]) < np.median(times[events]):
            warnings.append(
                "more than 90 % of rows are events and the censored ones left earlier: check the coding of event"
            )
        if times.max() > OUTLIER_FACTOR * np.median(times) > 0:
            warnings.append(f"the longest time is more than {OUTLIER_FACTOR} times the median: check the unit of time")
    if n > 1 and times.min() == times.max():
        warnings.append("all times are equal")
    return warnings, notes


def check_patients(times: Floats, codes: Ints, entries: Floats | None, ids: Ints) -> list[str]:
    """Check the rows of each patient: no overlap, nothing after the event.

    Parameters
    ----------
    times, codes, entries, ids : ndarray, shape (n,)
        The outcome's columns; entries may be None.

    Returns
    -------
    list of str
        A warning when a patient's rows leave a gap.

    Raises
    ------
    DataError
        When a patient stands twice without entry times, or rows overlap, or rows follow an event.
    """
    counts = np.bincount(ids)
    if counts.max() == 1:
        return []
    if entries is None:
        repeated = counts[ids] > 1
        raise DataError(
            "the same id stands in more than one row, and there are no entry times",
            f"in {name_rows(repeated)}",
            "keep one row for each patient, or give the start of each interval as entry=",
        )
    order = np.lexsort((times, entries, ids))
    follows = ids[order][1:] == ids[order][:-1]
    before, after = order[:-1][follows], order[1:][follows]
    _refuse_pairs(entries[after] < times[before], before, after, ids.size, "rows of one id overlap in time")
    _refuse_pairs(codes[before] > 0, before, after, ids.size, "an id has rows after its event")
    gaps = int((entries[after] > times[before]).sum())
    return [f"rows of one id leave {count_noun(gaps, 'gap')} in which the patient is not at risk"] if gaps else []


def _refuse_pairs(wrong: npt.NDArray[np.bool_], before: Ints, after: Ints, n: int, problem: str) -> None:
    if wrong.any():
        mask = np.zeros(n, dtype=bool)
        mask[before[wrong]] = mask[after[wrong]] = True
        raise DataError(
            problem, f"in {name_rows(mask)}", "one patient is under observation once at a time, until the event"
        )


def continues(times: Floats, entries: Floats | None, ids: Ints | None) -> npt.NDArray[np.bool_]:
    """Mark rows that end where the next row of the same patient begins.

    Parameters
    ----------
    times, entries, ids : ndarray, shape (n,)
        The outcome's columns; entries and ids may be None.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where the end of the row is no end of observation.
    """
    mask = np.zeros(times.size, dtype=bool)
    if entries is None or ids is None:
        return mask
    order = np.lexsort((times, ids))
    before, after = order[:-1], order[1:]
    mask[before] = (ids[before] == ids[after]) & (times[before] == entries[after])
    return mask
