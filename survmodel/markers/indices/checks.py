"""For whom an index was made, and where its columns may come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from survmodel.errors import DataError, closest, list_values, name_rows
from survmodel.formatting import count_noun
from survmodel.markers.indices.inputs import Floats, Number

AGE = "age_years"
ENTITY = "entity"
#: From this age on an index of adults counts.
ADULT = 18.0
#: Fewest ages whose being whole is no accident.
AGES_FOR_ROUNDING = 10
#: A column with this in its name was read from CXCR4 PET.
MARKER_NAMES = ("cxcr4", "pentixa")


def is_marker(column: str) -> bool:
    """Tell whether a column was read from CXCR4 PET.

    Parameters
    ----------
    column : str
        Its name.

    Returns
    -------
    bool
        True where the name says so.

    Examples
    --------
    >>> is_marker("stage_cxcr4"), is_marker("stage_fdg")
    (True, False)
    """
    return any(name in column.lower() for name in MARKER_NAMES)


def pick(frame: pd.DataFrame, column: str, index: str) -> pd.Series:
    """Take a column out of a table.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row for each patient.
    column, index : str
        Its name, and the index that needs it.

    Returns
    -------
    pandas.Series
        The column.

    Raises
    ------
    DataError
        For a column that is missing, or stands twice.
    """
    times = list(frame.columns).count(column)
    if times == 0:
        near = closest(column, [str(name) for name in frame.columns])
        remedy = f"name it in columns=, or add it without values to get bounds; {near}"
        raise DataError(f"{index} needs the column {column!r}, which the table does not have", remedy=remedy)
    if times > 1:
        raise DataError(f"the table has column {column!r} twice", remedy="keep one")
    return frame[column]


def check_ages(frame: pd.DataFrame, column: str, index: str, *, adult: bool, oldest: float | None) -> None:
    """Refuse patients of an age that an index was not made for, whether or not age is an input.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row for each patient.
    column, index : str
        Column of the age, which the table need not have, and the index.
    adult : bool
        Whether the index is for adults; for children otherwise.
    oldest : float, optional
        Greatest age that it is for.

    Raises
    ------
    DataError
        Naming rows.
    """
    if column not in frame:
        return
    ages = Number(AGE, "age", "years", 0, 120).read(pick(frame, column, index))
    wrong, who = (ages < ADULT, "children") if adult else (ages >= ADULT, "adults")
    if wrong.any():
        remedy = f"set {who} aside before the index is computed"
        whom = "adults" if adult else "children"
        raise DataError(f"{index} is an index for {whom}, and there are {who}", name_rows(wrong), remedy)
    if oldest is not None and (ages > oldest).any():
        problem = f"{index} is for patients up to {oldest:g} years, and some are older"
        raise DataError(problem, name_rows(ages > oldest), "set them aside, or use the index for all ages")


def doubts_of_ages(ages: Floats) -> Iterator[str]:
    """Point out ages that were rounded.

    Parameters
    ----------
    ages : ndarray of float, shape (n,)
        Ages in years.

    Yields
    ------
    str
        A sentence, where every age is whole.
    """
    known = ages[~np.isnan(ages)]
    if known.size >= AGES_FOR_ROUNDING and (known == np.round(known)).all():
        yield "Every age is a whole number; the cuts are about exact ages, and 60.5 years are more than 60"


def doubts_of_entities(frame: pd.DataFrame, entities: Sequence[str], index: str) -> Iterator[str]:
    """Point out patients of entities that an index was not made for.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row for each patient; it may have the column entity.
    entities : sequence of str
        Those that the index was made for.
    index : str
        The index.

    Yields
    ------
    str
        A sentence, where there are some.
    """
    if ENTITY not in frame:
        return
    found = pick(frame, ENTITY, index)
    other = int((found.notna() & ~found.isin(list(entities))).sum())
    if other:
        whom = f"{count_noun(other, 'patient has', 'patients have')} another entity"
        yield f"{index} was made for {list_values(list(entities))}; {whom}"
