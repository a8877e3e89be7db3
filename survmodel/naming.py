"""How columns, levels, terms and units are called wherever readers see them: in reports and in figures."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

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
_TRANSFORM = re.compile(r"(log2|log1p|log|sqrt)\((.*)\)")
#: Terms whose meaning depends on a group: as a column of a design, or as a call.
_IN_LEVEL = re.compile(r"(.+) within ([^\[]+)\[(.*)\]")
_IN_EACH = re.compile(r"within\((.+), ([^,]+)\)")
_STANDARDISED = re.compile(r"within_entity_z\((.+?)(?:, by=(.+))?\)")
_PUBLISHED = re.compile(r"published_risk\((.+?)(?:, survival=.*)?\)")
_SPLINE = re.compile(r"rcs\((.*?)(?:, ([0-9]+))?\)")
_PER = {
    "log2": "doubling",
    "log": "unit of its logarithm",
    "log1p": "unit of the logarithm of 1 + it",
    "sqrt": "unit of its square root",
}


def join_words(words: Sequence[str]) -> str:
    """Join words by commas and a last "and".

    Parameters
    ----------
    words : sequence of str
        At least one.

    Returns
    -------
    str
        The list as prose.

    Examples
    --------
    >>> join_words(["age", "sex", "stage"])
    'age, sex and stage'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def duration(value: float, unit: str | None) -> str:
    """Write a time with its unit, in the right number.

    Parameters
    ----------
    value : float
        The time.
    unit : str or None
        Its unit, in the plural.

    Returns
    -------
    str
        The number alone without a unit.

    Examples
    --------
    >>> duration(12.0, "months"), duration(1, "years"), duration(5, None)
    ('12 months', '1 year', '5')
    """
    name = unit or ""
    return f"{format_significant(value)} {_ONE.get(name, name) if value == 1 else name}".rstrip()


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
        The label, its first letter large unless a capital follows it, as in pH.

    Examples
    --------
    >>> label_of("`age`", None), label_of("ph", {"ph": "pH"})
    ('Age', 'pH')
    """
    bare = name.strip("`")
    return begin((labels or {}).get(bare) or bare)


def level_label(term: str, level: str, labels: Mapping[str, str] | None) -> str:
    """Give the label of a level: that of its term, else that of the level itself, else the level.

    Parameters
    ----------
    term, level : str
        Term of a model and the level it stands for.
    labels : mapping of str to str, optional
        Label of each term or level.

    Returns
    -------
    str
        The label.

    Examples
    --------
    >>> level_label("sex[1]", "1", {"sex[1]": "men"}), level_label("sex[m]", "m", {})
    ('men', 'm')
    """
    known = labels or {}
    own = known.get(term) if term.endswith("]") else None
    return own or known.get(level) or level


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


def describe_term_in_table(
    term: str, variable: str, labels: Mapping[str, str] | None, units: Mapping[str, str] | None = None
) -> str:
    """Name a term that is no level of a factor as the row of a table does, with the step of its hazard ratio.

    Labels are those of columns; a term without a column is an interaction and is called so.

    Parameters
    ----------
    term, variable : str
        Term of a model and column it is made of, "" for an interaction.
    labels, units : mapping of str to str, optional
        How columns are shown.

    Returns
    -------
    str
        What begins the row of the term.

    Examples
    --------
    >>> describe_term_in_table("log2(suv)", "suv", {"suv": "SUVmax"})
    'SUVmax, per doubling'
    >>> describe_term_in_table("rcs(log2(suv), 3)", "suv", {"suv": "SUVmax"})
    'SUVmax, spline of log2 with 3 knots'
    >>> describe_term_in_table("age:sex[male]", "", None)
    'Interaction: Age × Sex (male)'
    >>> describe_term_in_table("log2(suv) within disease[MCL]", "suv", {"suv": "SUVmax"})
    'SUVmax in MCL, per doubling'
    """
    if not variable:
        return f"Interaction: {name_term(term, labels)}"
    special = _describe_special(term, variable, labels, units)
    return special or f"{label_of(variable, labels)}, per {_step(term, variable, units)}"


def _describe_special(
    term: str, variable: str, labels: Mapping[str, str] | None, units: Mapping[str, str] | None
) -> str:
    """Name a spline, or a term of groups with the step of its hazard ratio; "" for any other."""
    name = label_of(variable, labels)
    if found := _SPLINE.fullmatch(term):
        inner = _TRANSFORM.fullmatch(found[1])
        knots = f" with {found[2]} knots" if found[2] else ""
        return f"{name}, spline{f' of {inner[1]}' if inner else ''}{knots}"
    if found := _IN_LEVEL.fullmatch(term):
        return f"{name} in {found[3]}, per {_step(found[1], variable, units)}"
    if found := _STANDARDISED.fullmatch(term):
        scale = _TRANSFORM.fullmatch(found[1])
        scaled = f"{name} ({scale[1]} scale)" if scale else name
        return f"{scaled}, per standard deviation within {_label_inside(found[2] or 'entity', labels)}"
    return f"{name}, per unit of log(-log S) as published" if _PUBLISHED.fullmatch(term) else ""


def describe_term_in_figure(
    term: str, variable: str, labels: Mapping[str, str] | None, units: Mapping[str, str] | None = None
) -> str:
    """Name a term that is no level of a factor as the row of a figure does, with the step of its hazard ratio.

    Other than in a table, a label may name a whole term or a level, and a term that is made of no known column in a
    known way goes by its own name.

    Parameters
    ----------
    term, variable : str
        Term of a model and column it is made of, those of an interaction joined by colons, "" when not known.
    labels : mapping of str to str, optional
        Labels of columns, levels or terms.
    units : mapping of str to str, optional
        Units of columns.

    Returns
    -------
    str
        What begins the row of the term.

    Examples
    --------
    >>> describe_term_in_figure("log2(suv)", "suv", {"suv": "SUVmax"})
    'SUVmax, per doubling'
    >>> describe_term_in_figure("age:sex[1]", "age:sex", {"1": "men"}), describe_term_in_figure("score", "", None)
    ('Age × Sex (men)', 'Score')
    """
    if labels and term != variable and term in labels:
        return labels[term]
    if is_interaction(term, variable):
        return name_term(term, labels, label_levels=True)
    if variable and (special := _describe_special(term, variable, labels, units)):
        return special
    known = _TRANSFORM.fullmatch(term) if variable else None
    if not known and term.strip("`") != variable:
        return label_of(term, labels)
    return f"{label_of(variable, labels)}, per {_step(term, variable, units)}"


def _step(term: str, variable: str, units: Mapping[str, str] | None) -> str:
    """Say what the hazard ratio of a numeric term is per."""
    found = _TRANSFORM.fullmatch(term)
    if found:
        return _PER[found.group(1)]
    unit = (units or {}).get(variable, "")
    return _ONE.get(unit, show_unit(unit)) or "unit"


def name_term(term: str, labels: Mapping[str, str] | None, *, label_levels: bool = False) -> str:
    """Name a term of a model by the labels of its columns.

    Parameters
    ----------
    term : str
        As the model names it.
    labels : mapping of str to str, optional
        How columns are shown.
    label_levels : bool
        Whether labels name levels too; a level is shown as it is without it.

    Returns
    -------
    str
        For example ``"Age × Sex (male)"``.

    Examples
    --------
    >>> name_term("log2(suv):sex[male]", {"suv": "SUVmax", "male": "men"})
    'log2 of SUVmax × Sex (male)'
    >>> name_term("log2(suv):sex[male]", {"suv": "SUVmax", "male": "men"}, label_levels=True)
    'log2 of SUVmax × Sex (men)'
    >>> name_term("within_entity_z(log2(suv))", {"suv": "SUVmax"}), name_term("within(suv, disease)", None)
    ('log2 of SUVmax within entity', 'Suv in each disease')
    >>> name_term("rcs(log2(suv), 3):sex[male]", {"suv": "SUVmax"})
    'Spline of log2 of SUVmax × Sex (male)'
    """
    return " × ".join(_name_part(part, labels, label_levels=label_levels) for part in _CROSSED.split(term))


def _name_part(part: str, labels: Mapping[str, str] | None, *, label_levels: bool = False) -> str:
    if special := _name_special(part, labels):
        return special
    level, function = _LEVEL.fullmatch(part), _TRANSFORM.fullmatch(part)
    if level:
        shown = level_label(part, level.group(2), labels) if label_levels else level.group(2)
        return f"{label_of(level.group(1), labels)} ({shown})"
    return f"{function.group(1)} of {label_of(function.group(2), labels)}" if function else label_of(part, labels)


def _name_special(part: str, labels: Mapping[str, str] | None) -> str:
    """Name a spline, or a part whose meaning depends on a group; "" for any other."""
    if found := _SPLINE.fullmatch(part):
        return f"Spline of {_name_part(found[1], labels)}"
    if found := _IN_LEVEL.fullmatch(part):
        return f"{_name_part(found[1], labels)} in {found[3]}"
    if found := _IN_EACH.fullmatch(part):
        return f"{_name_part(found[1], labels)} in each {_label_inside(found[2], labels)}"
    if found := _STANDARDISED.fullmatch(part):
        return f"{_name_part(found[1], labels)} within {_label_inside(found[2] or 'entity', labels)}"
    found = _PUBLISHED.fullmatch(part)
    return f"{label_of(found[1], labels)} as published risk" if found else ""


def _label_inside(name: str, labels: Mapping[str, str] | None) -> str:
    bare = name.strip("`")
    return (labels or {}).get(bare) or bare


def begin(text: str) -> str:
    """Write the first letter of a label large, unless a capital follows it, as in pH, or it is a symbol, as in β2.

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
    >>> begin("age"), begin("sIL-2R"), begin("β2-microglobulin")
    ('Age', 'sIL-2R', 'β2-microglobulin')
    """
    is_symbol = "GREEK" in unicodedata.name(text[:1] or " ", "")
    return text if is_symbol or text[1:2].isupper() else text[:1].upper() + text[1:]


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

    Examples
    --------
    >>> percent_level(0.95), percent_level(0.999)
    ('95%', '99.9%')
    """
    return f"{format_significant(100 * conf_level)}%"
