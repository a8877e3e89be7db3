"""Reading times and event codes from whatever a user passes, without guessing.

Text is read as a number only when every cell is one, written with digits and a decimal point. A code that could mean
two things is refused with the argument that settles it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, list_values, name_rows

NUMBER = re.compile(r"\s*[+-]?\d{1,300}(\.\d{0,300})?([eE][+-]?\d{1,4})?\s*")
COMMA = re.compile(r"\s*[+-]?\d{1,300}([.\s]\d{3})*,\d{1,300}\s*")
LARGEST_TIME = 1e15
LEVELS_SHOWN = 6


def read_times(values: object, name: str) -> npt.NDArray[np.float64]:
    """Read follow-up or entry times.

    Parameters
    ----------
    values : array_like, shape (n,)
        Numbers, or text that is all numbers.
    name : str
        What to call them in messages.

    Returns
    -------
    ndarray of float64, shape (n,)
        Finite and at least 0.

    Raises
    ------
    DataError
        For text that is no number, missing, infinite or negative values, and dates.
    """
    series = _one_dimension(values, name)
    if series.dtype.kind in "mM":
        raise DataError(
            f"{name} holds dates or time spans", remedy="compute the time from the dates first, in one unit"
        )
    if series.dtype.kind in "bc":
        raise DataError(f"{name} does not hold times", f"found values of type {series.dtype}")
    missing = series.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"{name} is missing",
            f"in {name_rows(missing)}",
            "leave those rows out on purpose, and report how many, or find the times",
        )
    if series.dtype.kind not in "iuf":
        series = _read_text(series, name)
    times = series.to_numpy(dtype=np.float64)
    infinite = ~(np.abs(times) <= LARGEST_TIME)
    if infinite.any():
        raise DataError(f"{name} is infinite or beyond any follow-up", f"in {name_rows(infinite)}")
    if (times < 0).any():
        raise DataError(
            f"{name} is negative, smallest {times.min():g}",
            f"in {name_rows(times < 0)}",
            "follow-up cannot be negative: are the two dates swapped?",
        )
    return times + 0.0


def read_codes(values: object, causes: Mapping[int, str] | None) -> npt.NDArray[np.int64]:
    """Read event codes: 0 censored, 1 event, above 1 the declared competing causes.

    Parameters
    ----------
    values : array_like, shape (n,)
        Codes, truth values, or text of digits.
    causes : mapping of int to str or None
        Declared causes.

    Returns
    -------
    ndarray of int64, shape (n,)
        The codes.

    Raises
    ------
    DataError
        For anything that could mean two things.
    """
    series = _one_dimension(values, "event")
    missing = series.isna().to_numpy()
    if missing.any():
        raise DataError(
            "event is missing",
            f"in {name_rows(missing)}",
            "an unknown outcome is neither an event nor censored: settle it or leave the row out on purpose",
        )
    if series.dtype.kind not in "biuf":
        series = _read_code_text(series)
    numbers = series.to_numpy(dtype=np.float64)
    wrong = ~((numbers >= 0) & (numbers == np.floor(numbers)) & (numbers < 1e6))
    if wrong.any():
        raise DataError(
            "event has codes that are not whole numbers from 0 up",
            f"found {_levels(numbers[wrong])} in {name_rows(wrong)}",
            "code 0 for censored and 1 for the event, or say which value is the event: event_value=",
        )
    codes = numbers.astype(np.int64)
    _check_codes(np.unique(codes), causes)
    return codes


def _check_codes(found: npt.NDArray[np.int64], causes: Mapping[int, str] | None) -> None:
    if causes is not None:
        known = sorted(causes)
        if known != list(range(1, len(known) + 1)):
            raise DataError("causes must be numbered 1, 2, ...", f"found {list_values(known)}")
        unknown = [code for code in found if code not in {0, *known}]
        if unknown:
            raise DataError(
                "event has codes that causes does not name", f"found {list_values(unknown)}", "name every code above 0"
            )
        return
    extra = [int(code) for code in found if code > 1]
    if not extra:
        return
    codes = list_values([int(code) for code in found])
    if 0 not in found:
        raise DataError(
            f"event has the values {codes}, which could mean two things",
            remedy="say which value is the event: Outcome.from_table(..., event_value=2), or pass event=(status == 2)",
        )
    raise DataError(
        f"event has the values {codes}: code {list_values(extra)} is neither censored nor the event",
        remedy="if it is a competing event, name the causes: causes={1: 'relapse', 2: 'death'}; else map it to 0 or 1",
    )


def read_event_value(
    values: pd.Series, event_value: object, censored_value: object, name: str
) -> npt.NDArray[np.int64] | pd.Series:
    """Turn a column into codes 0 and 1 by the value that means the event.

    Parameters
    ----------
    values : pandas.Series
        The column.
    event_value, censored_value : object or list
        The values that mean the event, and censored.
    name : str
        Column name for messages.

    Returns
    -------
    pandas.Series
        0 and 1, missing where the column is missing.

    Raises
    ------
    DataError
        When no value equals `event_value` and none is declared censored, or values are left over.
    """
    events = _as_list(event_value)
    is_event = values.isin(events)
    present = values[values.notna()]
    others = [value for value in pd.unique(present[~is_event[values.notna()]])]
    if censored_value is not None:
        censored = _as_list(censored_value)
        others = [value for value in others if value not in censored]
        if others:
            raise DataError(
                f"{name} has values that are neither the event nor censored",
                f"found {_levels(others)}",
                "add them to event_value or censored_value, or code competing events with causes=",
            )
    elif len(others) > 1:
        raise DataError(
            f"{name} has more than one value that is not the event",
            f"found {_levels(others)}",
            "say which of them mean censored: censored_value=[...]; competing events need codes and causes=",
        )
    elif not is_event.any():
        raise DataError(
            f"no row of {name} has the event value",
            f"found {_levels(pd.unique(present))}, asked for {list_values(events)}",
            "check event_value; if there really is no event, say so with censored_value=",
        )
    return is_event.astype(float).where(values.notna())


def _as_list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple | set | np.ndarray) else [value]


def _one_dimension(values: object, name: str) -> pd.Series:
    if isinstance(values, pd.DataFrame):
        raise DataError(f"{name} is a table", remedy="pass one column of it")
    try:
        series = values if isinstance(values, pd.Series) else pd.Series(np.asarray(values))
    except (ValueError, TypeError):
        raise DataError(f"{name} is not a list of single values", remedy="pass one value for each row") from None
    return series.astype(series.cat.categories.dtype) if isinstance(series.dtype, pd.CategoricalDtype) else series


def _read_text(series: pd.Series, name: str) -> pd.Series:
    text = series.map(str)
    wrong = ~text.map(lambda cell: NUMBER.fullmatch(cell) is not None).to_numpy(dtype=bool)
    if not wrong.any():
        return text.map(float)
    comma = text[wrong].map(lambda cell: COMMA.fullmatch(cell) is not None).any()
    raise DataError(
        f"{name} has cells that are not numbers",
        f"in {name_rows(wrong)}",
        "some look like numbers with a decimal comma: convert them first, nothing is guessed" if comma
        else "write digits with a decimal point, and leave unknown times out on purpose",
    )  # fmt: skip


def _read_code_text(series: pd.Series) -> pd.Series:
    text = series.map(str)
    if text.map(lambda cell: re.fullmatch(r"\s*\d{1,6}(\.0{0,3})?\s*", cell) is not None).all():
        return text.map(float)
    levels = list(pd.unique(text))
    example = f"event_value={levels[0]!r}" if len(levels) <= LEVELS_SHOWN else "event_value='...'"
    raise DataError(
        "event is text",
        f"found {_levels(levels)}",
        f"say which value is the event: Outcome.from_table(..., {example}), or pass event=(status == 'dead')",
    )


def _levels(values: object) -> str:
    """List distinct values, unless they are so many that they may be identifiers or dates."""
    distinct = list(pd.unique(pd.Series(np.asarray(values))))
    return list_values(distinct) if len(distinct) <= LEVELS_SHOWN else f"{len(distinct)} different values"
