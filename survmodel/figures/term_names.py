"""How the terms of a model are called in a figure: labels of columns, what a hazard ratio is per, interactions."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ONE = {"years": "year", "months": "month", "weeks": "week", "days": "day", "hours": "hour"}
_POWER = re.compile(r"\^(-?[0-9]+)")
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

#: A colon between terms, not one inside backticks or the brackets of a level.
_CROSSED = re.compile(r":(?=(?:[^`]*`[^`]*`)*[^`]*$)(?![^\[]*\])")
_LEVEL = re.compile(r"([^\[]+)\[(.*)\]")
_TRANSFORM = re.compile(r"(log2|log|sqrt)\((.*)\)")
_PER = {"log2": "doubling", "log": "unit of its logarithm", "sqrt": "unit of its square root"}


def column_label(name: str, known: Mapping[str, str]) -> str:
    """Give the label of a column as it begins a line; its name where it has none.

    Parameters
    ----------
    name : str
        Column, with or without backticks.
    known : mapping of str to str
        Labels.

    Returns
    -------
    str
        The label, its first letter large unless a capital follows it, as in pH.

    Examples
    --------
    >>> column_label("`age`", {}), column_label("ph", {"ph": "pH"})
    ('Age', 'pH')
    """
    bare = name.strip("`")
    text = known.get(bare) or bare
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]


def is_interaction(term: str, variable: str) -> bool:
    """Tell whether a term is a product of others.

    Parameters
    ----------
    term, variable : str
        Term of a model and the columns it is made of.

    Returns
    -------
    bool
        True when both are joined by colons.

    Examples
    --------
    >>> is_interaction("age:sex[male]", "age:sex"), is_interaction("ratio[1:2]", "ratio")
    (True, False)
    """
    return ":" in variable and len(_CROSSED.split(term)) > 1


def level_label(term: str, level: str, known: Mapping[str, str]) -> str:
    """Give the label of a level: that of its term, else that of the level itself, else the level.

    Parameters
    ----------
    term, level : str
        Term of a model and the level it stands for.
    known : mapping of str to str
        Labels.

    Returns
    -------
    str
        The label.

    Examples
    --------
    >>> level_label("sex[1]", "1", {"sex[1]": "men"}), level_label("sex[m]", "m", {})
    ('men', 'm')
    """
    own = known.get(term) if term.endswith("]") else None
    return own or known.get(level) or level


def describe_term(term: str, variable: str, known: Mapping[str, str], units: Mapping[str, str] | None = None) -> str:
    """Name a term that is no level of a factor, and the step that its hazard ratio belongs to.

    Parameters
    ----------
    term, variable : str
        Term of a model and column it is made of, "" when that is not known.
    known : mapping of str to str
        Labels of columns or of terms.
    units : mapping of str to str, optional
        Units of columns.

    Returns
    -------
    str
        What begins the row of the term.

    Examples
    --------
    >>> describe_term("log2(suv)", "suv", {"suv": "SUVmax"}), describe_term("age", "age", {}, {"age": "years"})
    ('SUVmax, per doubling', 'Age, per year')
    >>> describe_term("age:sex[male]", "age:sex", {})
    'Age × Sex (male)'
    """
    if term != variable and term in known:
        return known[term]
    if is_interaction(term, variable):
        return " × ".join(_name_part(part, known) for part in _CROSSED.split(term))
    found = _TRANSFORM.fullmatch(term)
    if found and variable:
        return f"{column_label(variable, known)}, per {_PER[found.group(1)]}"
    if term.strip("`") != variable:
        return column_label(term, known)
    unit = (units or {}).get(variable, "")
    shown = _POWER.sub(lambda power: power.group(1).translate(_RAISED), unit)
    return f"{column_label(variable, known)}, per {_ONE.get(unit, shown) or 'unit'}"


def _name_part(part: str, known: Mapping[str, str]) -> str:
    level, function = _LEVEL.fullmatch(part), _TRANSFORM.fullmatch(part)
    if level:
        return f"{column_label(level.group(1), known)} ({level_label(part, level.group(2), known)})"
    if function:
        return f"{function.group(1)} of {column_label(function.group(2), known)}"
    return column_label(part, known)
