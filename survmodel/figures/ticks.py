"""Ticks that read well: even ones, those of a quantity on a log scale, and those of a ratio around 1."""

from __future__ import annotations

import math
from collections.abc import Sequence

from survmodel.formatting import format_number, format_significant

#: A place on an axis and what is written there.
Tick = tuple[float, str]

#: Leading digits of ticks on a log scale, the sparsest first.
_LEADING = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0))

#: Ticks of ratios by how far from 1 the axis reaches; beyond the last, powers of 10.
_RATIOS = (
    (1.5, (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4)),
    (2.6, (0.4, 0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5)),
    (20.0, (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)),
)


def even_ticks(low: float, high: float, most: int = 6) -> list[Tick]:
    """Choose ticks at equal distances.

    Parameters
    ----------
    low, high : float
        Ends of the axis.
    most : int
        Largest number of ticks.

    Returns
    -------
    list of (float, str)
        Multiples of 1, 2 or 5 times a power of 10 between the ends.

    Examples
    --------
    >>> even_ticks(0, 0.31)
    [(0.0, '0.0'), (0.1, '0.1'), (0.2, '0.2'), (0.3, '0.3')]
    """
    span = high - low
    if not span > 0:
        return [(low, format_significant(low))]
    decade = math.floor(math.log10(span / most))
    for power, lead in ((decade + up, lead) for up in (0, 1, 2) for lead in (1, 2, 5)):
        step = lead * 10.0**power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            digits = max(-power, 0)
            ticks = [round(number * step, digits) for number in range(first, last + 1)]
            return [(tick, format_number(tick, digits)) for tick in ticks]
    return []


def log_ticks(low: float, high: float, most: int = 9) -> list[Tick]:
    """Choose ticks of an axis on a log scale.

    Parameters
    ----------
    low, high : float
        Ends of the axis, above 0.
    most : int
        Largest number of ticks.

    Returns
    -------
    list of (float, str)
        The set with the most ticks among powers of 10, those times 1 and 3, 1, 2 and 5, or more, that are not too many;
        even ticks where the axis is short.

    Examples
    --------
    >>> [text for _, text in log_ticks(0.8, 60)]
    ['1', '2', '5', '10', '20', '50']
    """
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    decades = [10.0**power for power in range(first, last + 1)]
    found: list[float] = []
    for leading in _LEADING:
        inside = [lead * decade for decade in decades for lead in leading if low <= lead * decade <= high]
        # Readers know 1, 2, 5: the densest set is for axes where these are too few.
        if not found or (len(inside) <= most and (leading != _LEADING[-1] or len(found) < 4)):
            found = inside
    if len(found) < 3:
        return even_ticks(low, high)
    every = math.ceil(len(found) / most)
    return [(tick, format_significant(tick)) for tick in found[::every]]


def ratio_ticks(low: float, high: float) -> list[Tick]:
    """Choose ticks of a log axis of ratios.

    Parameters
    ----------
    low, high : float
        Ends of the axis, on the two sides of 1.

    Returns
    -------
    list of (float, str)
        Among them 1.

    Examples
    --------
    >>> [text for _, text in ratio_ticks(0.2, 5)]
    ['0.25', '0.5', '1', '2', '4']
    """
    reach = max(high, 1 / low)
    values: Sequence[float] = next((ticks for end, ticks in _RATIOS if reach <= end), ())
    if not values:
        decades = math.log10(reach)
        step = math.ceil(decades / 4)
        values = [10.0**power for power in range(-4 * step, 4 * step + 1, step)]
    return [(tick, format_significant(tick)) for tick in values if low <= tick <= high]
