"""What survmodel says when it refuses: the problem, what was found, and the way out.

Four kinds of error cover the package. Each is a ``ValueError``, carries its three parts as attributes, and knows the
exit status of the command line. Messages name rows by position (the first row is row 1) and columns by name; they never
show the value of an identifier or a date.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

ROWS_SHOWN = 5


class SurvmodelError(ValueError):
    """Base of every error that survmodel raises on purpose.

    Parameters
    ----------
    problem : str
        What is wrong, in one sentence without a full stop.
    found : str, optional
        What was found: rows, levels, counts.
    remedy : str, optional
        What to do about it.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, problem: str, found: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.found = found
        self.remedy = remedy
        super().__init__(_sentences(problem, found, remedy))

    def __reduce__(self) -> tuple[type[SurvmodelError], tuple[str, str, str]]:
        """Rebuild from the three parts, so that a worker process can hand the error back whole."""
        return type(self), (self.problem, self.found, self.remedy)


class DataError(SurvmodelError):
    """The data cannot be what they claim to be."""

    exit_status: ClassVar[int] = 3


class EndpointError(SurvmodelError):
    """The outcome does not support the question: a wrong horizon, a competing cause left open."""

    exit_status: ClassVar[int] = 3


class FitError(SurvmodelError):
    """A statistic cannot be estimated from these data."""

    exit_status: ClassVar[int] = 4


class ConfigError(SurvmodelError):
    """A study file, a formula or an option is not understood."""

    exit_status: ClassVar[int] = 2


def _sentences(problem: str, found: str, remedy: str) -> str:
    link = ", " if found.startswith("in ") else ": "
    first = problem.rstrip(".") + (link + found.rstrip(".") if found else "")
    second = remedy[:1].upper() + remedy[1:]
    return " ".join(part if part.endswith((".", "?")) else f"{part}." for part in (first, second) if part)


def name_rows(where: npt.ArrayLike) -> str:
    """Name the rows that a mask selects, at most five of them, with their count.

    Parameters
    ----------
    where : array_like of bool, shape (n,)
        True for the rows to name.

    Returns
    -------
    str
        For example ``"rows 4, 17, 31 (3 of 125)"``; the first row is row 1.

    Examples
    --------
    >>> name_rows([False, True, False, True])
    'rows 2, 4 (2 of 4)'
    """
    mask = np.asarray(where, dtype=bool)
    rows = np.flatnonzero(mask) + 1
    shown = ", ".join(str(row) for row in rows[:ROWS_SHOWN])
    dots = ", ..." if rows.size > ROWS_SHOWN else ""
    return f"{'row' if rows.size == 1 else 'rows'} {shown}{dots} ({rows.size} of {mask.size})"


def closest(name: str, known: Iterable[str]) -> str:
    """Suggest the known names nearest to a misspelt one, as the end of a sentence.

    Parameters
    ----------
    name : str
        The name that was not found.
    known : iterable of str
        The names that exist.

    Returns
    -------
    str
        ``"did you mean 'a' or 'b'?"``, or the list of what exists when nothing is near.

    Examples
    --------
    >>> closest("agee", ["age", "sex"])
    "did you mean 'age'?"
    """
    names = [str(item) for item in known]
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(item) for item in near) + "?"
    return "known: " + list_values(names)


def list_values(values: Sequence[object], most: int = 12) -> str:
    """List values for a message, cut after `most` of them.

    Parameters
    ----------
    values : sequence
        What to list, in order.
    most : int
        How many to show.

    Returns
    -------
    str
        The values joined by commas, with the number left out.

    Examples
    --------
    >>> list_values(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    shown = ", ".join(str(value) for value in values[:most])
    return shown + (f" and {len(values) - most} more" if len(values) > most else "")
