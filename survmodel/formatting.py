"""The only number formatter: p-values, estimates with limits, counts, and what is missing.

Printed numbers never say ``p = 0.000``, ``inf``, ``nan`` or ``-0``. A number that does not exist prints as an em
dash, and the table that holds it says why in a footnote.
"""

from __future__ import annotations

import math
import numbers
from decimal import Decimal
from typing import Any

MISSING = "—"
NOT_REACHED = "not reached"


def _is_missing(value: object) -> bool:
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in {"NAType", "NaTType"}
    )


def format_number(value: float | None, digits: int = 2) -> str:
    """Format a number with a fixed number of decimals.

    Parameters
    ----------
    value : float or None
        The number; NaN and None are missing.
    digits : int
        Decimals.

    Returns
    -------
    str
        The number, an em dash when it is missing, ``∞`` when it is infinite.

    Examples
    --------
    >>> format_number(-0.001), format_number(None), format_number(3.14159, 3)
    ('0.00', '—', '3.142')
    """
    if _is_missing(value):
        return MISSING
    number = float(value)  # type: ignore[arg-type]
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    text = f"{number:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def format_significant(value: float | None, digits: int = 4) -> str:
    """Format a number with a fixed number of significant digits, as for a quantity of any scale.

    Parameters
    ----------
    value : float or None
        The number.
    digits : int
        Significant digits; whole digits before the point are never rounded away.

    Returns
    -------
    str
        The number without trailing zeros; scientific notation below 1e-4 and from 1e8.

    Examples
    --------
    >>> format_significant(1386.0), format_significant(0.0123456), format_significant(2e-9)
    ('1386', '0.01235', '2e-09')
    """
    if _is_missing(value):
        return MISSING
    number = float(value)  # type: ignore[arg-type]
    if math.isinf(number):
        return format_number(number)
    if number == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(number)))
    if magnitude < -4 or magnitude >= 8:
        return f"{number:.{digits - 1}e}".replace(".000e", "e")
    text = f"{number:.{max(digits - 1 - magnitude, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_count(value: float | None) -> str:
    """Format a count; a sum of weights that is not whole keeps one decimal.

    Parameters
    ----------
    value : float or None
        The count.

    Returns
    -------
    str
        The count.

    Examples
    --------
    >>> format_count(12.0), format_count(12.34)
    ('12', '12.3')
    """
    if _is_missing(value):
        return MISSING
    number = float(value)  # type: ignore[arg-type]
    if math.isinf(number):
        return format_number(number)
    return format_number(number, 0 if abs(number - round(number)) < 1e-9 else 1)


def format_p(value: float | None) -> str:
    """Format a p-value for a table cell: three decimals, ``<0.001`` and ``>0.999`` at the ends.

    Parameters
    ----------
    value : float or None
        A probability.

    Returns
    -------
    str
        The p-value without the letter p.

    Examples
    --------
    >>> format_p(2e-45), format_p(0.0456), format_p(0.9999)
    ('<0.001', '0.046', '>0.999')
    """
    if _is_missing(value):
        return MISSING
    number = float(value)  # type: ignore[arg-type]
    if number < 0.001:
        return "<0.001"
    return ">0.999" if number > 0.999 else f"{number:.3f}"


def format_p_equation(value: float | None) -> str:
    """Format a p-value for a sentence.

    Parameters
    ----------
    value : float or None
        A probability.

    Returns
    -------
    str
        The p-value with its relation sign.

    Examples
    --------
    >>> format_p_equation(2e-45), format_p_equation(0.0456)
    ('p < 0.001', 'p = 0.046')
    """
    text = format_p(value)
    return f"p {text[0]} {text[1:]}" if text[0] in "<>" else f"p = {text}"


def format_interval(low: float | None, high: float | None, digits: int = 2, missing: str = MISSING) -> str:
    """Format two limits.

    Parameters
    ----------
    low, high : float or None
        The limits.
    digits : int
        Decimals.
    missing : str
        What stands for a limit that does not exist, for example ``"not reached"``.

    Returns
    -------
    str
        The limits joined by "to".

    Examples
    --------
    >>> format_interval(0.5, 1.234), format_interval(-0.5, None, missing="not reached")
    ('0.50 to 1.23', '-0.50 to not reached')
    """
    low_text, high_text = format_number(low, digits), format_number(high, digits)
    if low_text == high_text == MISSING and missing == MISSING:
        return MISSING
    return f"{low_text.replace(MISSING, missing)} to {high_text.replace(MISSING, missing)}"


def format_estimate(
    value: float | None, low: float | None, high: float | None, digits: int = 2, missing: str = MISSING
) -> str:
    """Format an estimate followed by its limits in brackets.

    Parameters
    ----------
    value, low, high : float or None
        Estimate and limits.
    digits : int
        Decimals of all three.
    missing : str
        What stands for an estimate or limit that does not exist.

    Returns
    -------
    str
        For example ``"1.35 (1.10 to 1.66)"``.

    Examples
    --------
    >>> format_estimate(1.3512, 1.1, 1.66)
    '1.35 (1.10 to 1.66)'
    """
    text = format_number(value, digits).replace(MISSING, missing)
    return f"{text} ({format_interval(low, high, digits, missing)})"


def format_ratio(value: float | None, low: float | None, high: float | None, missing: str = MISSING) -> str:
    """Format a hazard ratio with its limits, with as many decimals (two to four) as tell the three apart.

    Parameters
    ----------
    value, low, high : float or None
        Ratio and limits.
    missing : str
        What stands for a ratio or limit that does not exist.

    Returns
    -------
    str
        For example ``"1.35 (1.10 to 1.66)"`` or ``"1.003 (1.002 to 1.004)"``.

    Examples
    --------
    >>> format_ratio(1.0031, 1.0022, 1.0039)
    '1.003 (1.002 to 1.004)'
    """
    digits = 2
    while digits < 4 and len({format_number(number, digits) for number in (value, low, high)}) < 3:
        digits += 1
    return format_estimate(value, low, high, digits, missing)


def format_percent(share: float | None, digits: int = 1) -> str:
    """Format a share between 0 and 1 as a percentage.

    Parameters
    ----------
    share : float or None
        The share.
    digits : int
        Decimals of the percentage.

    Returns
    -------
    str
        For example ``"12.5%"``.

    Examples
    --------
    >>> format_percent(0.125)
    '12.5%'
    """
    return MISSING if _is_missing(share) else format_number(100 * float(share), digits) + "%"  # type: ignore[arg-type]


def level_text(value: object) -> str:
    """Write the level of a factor, a group or a stratum, so that 2, 2.0 and "2" are the same and True is not 1.

    Parameters
    ----------
    value : object
        The level.

    Returns
    -------
    str
        Its text; whole numbers without a decimal point.

    Examples
    --------
    >>> level_text(2.0), level_text("II"), level_text(True)
    ('2', 'II', 'True')
    """
    number: Any = value
    if type(value).__name__ in {"bool", "bool_"} or not isinstance(value, numbers.Real | Decimal):
        return str(value)
    return str(int(number)) if math.isfinite(number) and number == int(number) else str(value)


def count_noun(count: float, noun: str, plural: str = "") -> str:
    """Write a count with its noun in the right number.

    Parameters
    ----------
    count : float
        The count.
    noun, plural : str
        The noun; its plural where an s does not do.

    Returns
    -------
    str
        For example ``"1 event"`` or ``"2 events"``.

    Examples
    --------
    >>> count_noun(1, "event"), count_noun(2, "event")
    ('1 event', '2 events')
    """
    return f"{format_count(count)} {noun if count == 1 else plural or noun + 's'}"
