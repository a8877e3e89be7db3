"""Numbers beyond a limit of detection, and numbers in another unit: read by the rule that a study declares."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from survmodel.data.columns import BELOW_LIMIT, Column, LimitRule
from survmodel.data.findings import Finding, Place
from survmodel.data.quantities import find_quantity
from survmodel.formatting import format_significant

_BEYOND = re.compile(r"([<>\u2264\u2265\uff1c\uff1e])\s?([0-9]{1,12}(?:[.,][0-9]{1,12})?)")
_BELOW = "<\u2264\uff1c"
_WORDS = {"half": "half the limit", "root": "the limit over the square root of 2", "limit": "the limit"}
#: Two ways to write one limit differ by no more.
ROUNDING = 1e-9

#: The sign of a cell, ``"<"`` or ``">"``, and the limit that follows it.
Limit = tuple[str, float]


def read_limit(text: str, rule: LimitRule, decimal: str) -> Limit | None:
    """Read a cell such as ``<0.5``.

    Parameters
    ----------
    text : str
        The cell, without blanks around it.
    rule : LimitRule
        What the study declares.
    decimal : {".", ","}
        Decimal mark of the file.

    Returns
    -------
    tuple of (str, float) or None
        Sign and limit; None where the cell is no such value, or the study has no rule for it.

    Examples
    --------
    >>> read_limit("<0.5", LimitRule(below="half"), ".")
    ('<', 0.5)
    >>> read_limit(">100", LimitRule(below="half"), ".") is None
    True
    """
    match = _BEYOND.fullmatch(text)
    if match is None or ("," if decimal == "." else ".") in match[2]:
        return None
    sign = "<" if match[1] in _BELOW else ">"
    if (rule.below if sign == "<" else rule.above) is None:
        return None
    return sign, float(match[2].replace(decimal, "."))


def stand_in(
    column: Column, numbers: npt.NDArray[np.float64], beyond: Mapping[int, Limit], place: Place
) -> list[Finding]:
    """Write the numbers that stand for values beyond a limit, and tell how many there are.

    Parameters
    ----------
    column : Column
        Its rule.
    numbers : numpy.ndarray, shape (n,)
        Changed in place.
    beyond : mapping of int to (str, float)
        Sign and limit of the cells that have them, by position.
    place : Place
        For messages.

    Returns
    -------
    list of Finding
        Notes with counts; errors where a cell names another limit than the declared one, or a number lies below it.
    """
    rule, findings = column.limits, []
    for sign, share, words in (
        (
            "<",
            BELOW_LIMIT.get(rule.below or "limit", 1.0),
            f"below a limit of detection, read as {_WORDS[rule.below or 'limit']}",
        ),
        (">", 1.0, "above a limit of measurement, read as the limit"),
    ):
        where = [i for i, (found, _) in beyond.items() if found == sign]
        for i in where:
            numbers[i] = share * beyond[i][1]
        if where:
            findings.append(place.find("D080", column.name, words, where, severity="note"))
    findings += _other_limits(column, numbers, beyond, place)
    return findings


def _other_limits(
    column: Column, numbers: npt.NDArray[np.float64], beyond: Mapping[int, Limit], place: Place
) -> list[Finding]:
    limit = column.limits.limit
    if limit is None:
        return []
    findings = []
    declared = f"a limit of detection of {format_significant(limit, 6)}"
    other = [i for i, (sign, named) in beyond.items() if sign == "<" and abs(named - limit) > ROUNDING * limit]
    if other:
        remedy = "correct the cells, or leave limit_of_detection out where laboratories differ"
        problem = "names another limit of detection than the study file"
        findings.append(place.find("D081", column.name, problem, other, expected=declared, remedy=remedy))
    measured = np.ones(len(numbers), dtype=bool)
    measured[list(beyond)] = False
    below = np.flatnonzero(measured & (numbers < limit * (1 - ROUNDING)))
    if below.size:
        remedy = "is it a number that stands for a value below the limit already, or another method?"
        problem = "a number below the declared limit of detection"
        findings.append(
            place.find("D082", column.name, problem, below, expected=declared, remedy=remedy, severity="warning")
        )
    return findings


def to_unit(column: Column, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Bring the numbers of a file into the unit of their column.

    Parameters
    ----------
    column : Column
        With a quantity and a unit in the file, or without.
    numbers : numpy.ndarray, shape (n,)
        As the file has them.

    Returns
    -------
    numpy.ndarray, shape (n,)
        The same numbers where nothing is to be converted.
    """
    if not column.quantity or not column.unit_in_file:
        return numbers
    return find_quantity(column.quantity).convert(numbers, column.unit_in_file, column.unit)
