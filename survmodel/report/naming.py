"""How columns, terms and units are called in a report."""

from __future__ import annotations

import re
from collections.abc import Mapping

from survmodel.formatting import format_significant

#: Stands before a level under the name of its factor; ordinary spaces would be joined in HTML.
INDENT = "\u2003"
#: Why the SUV of a scan does not exist.
NO_LESION = "No lesion on the scan"
_ONE = {"years": "year", "months": "month", "weeks": "week", "days": "day", "hours": "hour"}
_POWER = re.compile(r"\^(-?[0-9]+)")
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
#: A colon between terms, not one inside backticks or the brackets of a level.
_CROSSED = re.compile(r":(?=(?:[^`]*`[^`]*`)*[^`]*$)(?![^\[]*\])")
_LEVEL = re.compile(r"([^\[]+)\[(.*)\]")
_TRANSFORM = re.compile(r"(log2|log|sqrt)\((.*)\)")
_PER = {"log2": "{}, per doubling", "log": "{}, per unit of its logarithm", "sqrt": "{}, per unit of its square root"}


def label_of(name: str, labels: Mapping[str, str] | None) -> str:
    """Give the label of a column as it begins a line; its name where it has none.

    Parameters
    ----------
    name : str
        Column, with or without backticks.
    labels : mapping of str to str, optional
        Label of each column.

    Returns
    -------
    str
        The label.
    """
    bare = name.strip("`")
    return begin((labels or {}).get(bare) or bare)


def describe_term(
    term: str, variable: str, labels: Mapping[str, str] | None, units: Mapping[str, str] | None = None
) -> str:
    """Name a numeric term and the step that its hazard ratio belongs to.

    Parameters
    ----------
    term, variable : str
        Term of the model and column it is made of.
    labels, units : mapping of str to str, optional
        How columns are shown.

    Returns
    -------
    str
        For example ``"Age, per year"``.

    Examples
    --------
    >>> describe_term("log2(suv)", "suv", {"suv": "SUVmax"})
    'SUVmax, per doubling'
    """
    if not variable:
        return f"Interaction: {name_term(term, labels)}"
    found = _TRANSFORM.fullmatch(term)
    if found:
        return _PER[found.group(1)].format(label_of(variable, labels))
    unit = (units or {}).get(variable, "")
    return f"{label_of(variable, labels)}, per {_ONE.get(unit, show_unit(unit)) or 'unit'}"


def name_term(term: str, labels: Mapping[str, str] | None) -> str:
    """Name a term of a model by the labels of its columns.

    Parameters
    ----------
    term : str
        As the model names it.
    labels : mapping of str to str, optional
        How columns are shown.

    Returns
    -------
    str
        For example ``"Age × Sex (male)"``.

    Examples
    --------
    >>> name_term("log2(suv):sex[male]", {"suv": "SUVmax", "sex": "sex"})
    'log2 of SUVmax × Sex (male)'
    """
    parts = []
    for part in _CROSSED.split(term):
        level, function = _LEVEL.fullmatch(part), _TRANSFORM.fullmatch(part)
        if level:
            parts.append(f"{label_of(level.group(1), labels)} ({level.group(2)})")
        elif function:
            parts.append(f"{function.group(1)} of {label_of(function.group(2), labels)}")
        else:
            parts.append(label_of(part, labels))
    return " × ".join(parts)


def begin(text: str) -> str:
    """Write the first letter of a label large, unless a capital follows it, as in pH.

    Parameters
    ----------
    text : str
        A label or sentence.

    Returns
    -------
    str
        The text as it begins a line.

    Examples
    --------
    >>> begin("age"), begin("sIL-2R")
    ('Age', 'sIL-2R')
    """
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]


def show_unit(unit: str) -> str:
    """Write powers in a unit as raised figures.

    Parameters
    ----------
    unit : str
        For example ``"10^9/L"``.

    Returns
    -------
    str
        The unit as it is printed.

    Examples
    --------
    >>> show_unit("10^9/L")
    '10⁹/L'
    """
    return _POWER.sub(lambda found: found.group(1).translate(_RAISED), unit)


def percent_level(conf_level: float) -> str:
    """Write the level of limits.

    Parameters
    ----------
    conf_level : float
        For example 0.95.

    Returns
    -------
    str
        For example ``"95%"``.
    """
    return f"{format_significant(100 * conf_level)}%"
