"""What a cell of the entry workbook takes: lists of codes, limits of numbers and days, identifiers that occur once.

A rule is a field of the data schema in the words of a spreadsheet. It guards typing and no more: cells that are pasted
over lose their rules, so that the reader checks everything again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from survmodel.data.codebook import describe_range
from survmodel.data.columns import BOOLEAN_CODES
from survmodel.data.dates import LAST_YEAR
from survmodel.data.schema import Category, Field

#: Rules reach to the last row of a sheet: a table that grows is guarded all the way, and no cell is made by it.
FIRST_ROW, LAST_ROW = 2, 1_048_576
#: Longest list that may stand inside a rule, longest title and longest message of one.
LONGEST_LIST, LONGEST_TITLE, LONGEST_MESSAGE = 255, 32, 255
#: A year that is typed alone, such as 2021, is taken by a spreadsheet for a day of 1905: days begin later than that.
FIRST_ENTRY_YEAR = 1910
CODES_SHEET = "codes"
#: Codes that stay text when they are typed: a spreadsheet makes true and 1 into something else.
_YES_NO = {"true": "yes", "false": "no"}


@dataclass(frozen=True, slots=True)
class EntryRule:
    """What the cells of a column take.

    Parameters
    ----------
    kind : {"list", "decimal", "whole", "date", "custom"}
        As a workbook calls it.
    first, second : str
        Formulas: the list, the limits, or what must be true.
    operator : str
        How the limits are meant; "" for lists and formulas.
    severity : {"stop", "warning"}
        Whether another value can be kept.
    title, message : str
        What the person who types another value reads.
    """

    kind: Literal["list", "decimal", "whole", "date", "custom"]
    first: str
    second: str = ""
    operator: str = ""
    severity: Literal["stop", "warning"] = "stop"
    title: str = ""
    message: str = ""


def code_choices(field: Field) -> tuple[Category, ...]:
    """List the codes that a column offers.

    Parameters
    ----------
    field : Field
        Of a canonical table.

    Returns
    -------
    tuple of Category
        The levels of a category, or one code for true and one for false; nothing for any other field.

    Examples
    --------
    >>> from survmodel.data.schema import load_schema
    >>> [level.value for level in code_choices(load_schema().table("patients").field("untreated"))]
    ['yes', 'no']
    """
    if field.type != "boolean":
        return field.categories
    codes = field.boolean_codes or BOOLEAN_CODES
    return tuple(Category(_code_for(truth, codes), word) for truth, word in _YES_NO.items())


def _code_for(truth: str, codes: tuple[tuple[str, str], ...]) -> str:
    meant = [code for code, meaning in codes if meaning == truth]
    return _YES_NO[truth] if _YES_NO[truth] in meant else meant[0]


def entry_rule(field: Field, letter: str, first_code: int) -> EntryRule | None:
    """Say what the cells of a column take.

    Parameters
    ----------
    field : Field
        Of a canonical table.
    letter : str
        Of the column on its sheet.
    first_code : int
        Row of its first code on the sheet of codes; of no meaning for a column without codes.

    Returns
    -------
    EntryRule or None
        None where any text will do.

    Examples
    --------
    >>> from survmodel.data.schema import load_schema
    >>> age = entry_rule(load_schema().table("patients").field("age_years"), "G", 0)
    >>> age.kind, age.operator, age.first, age.second, age.message
    ('decimal', 'between', '0', '110', 'age: a number is expected, 0 to 110 years.')
    """
    title = field.name[:LONGEST_TITLE]
    if field.type in {"category", "boolean"}:
        return EntryRule("list", _list(field, first_code), title=title, message=_write_choice(field))
    if field.detection_limit:
        return _number_or_limit(field, letter, title)
    if field.type in {"number", "integer"}:
        return _limits(field, letter, title)
    if field.type == "date":
        message = f"{field.title}: a day from {FIRST_ENTRY_YEAR} on is expected, such as 2024-01-31, in full."
        first, last = f"DATE({FIRST_ENTRY_YEAR},1,1)", f"DATE({LAST_YEAR},12,31)"
        return EntryRule("date", first, last, "between", title=title, message=_shorten(message))
    if field.type == "identifier" and field.unique:
        column = f"${letter}${FIRST_ROW}:${letter}${LAST_ROW}"
        # A spreadsheet counts texts that differ by capitals or leading zeros as the same.
        message = f"{field.title}: another row has this identifier, or one that differs by capitals or zeros only."
        rule = f"COUNTIF({column},{letter}{FIRST_ROW})=1"
        return EntryRule("custom", rule, title=title, message=_shorten(message))
    return None


def _number_or_limit(field: Field, letter: str, title: str) -> EntryRule:
    """Take numbers within the limits, and texts such as <0.5: the reader looks at what follows the sign."""
    cell = f"{letter}{FIRST_ROW}"
    low, high = field.range or (-math.inf, math.inf)
    parts = [f"ISNUMBER({cell})"]
    parts += [] if math.isinf(low) else [f"{cell}>={_number(low)}"]
    parts += [] if math.isinf(high) else [f"{cell}<={_number(high)}"]
    rule = f'OR(AND({",".join(parts)}),LEFT({cell},1)="<",LEFT({cell},1)=">")'
    allowed = describe_range(field)
    message = f"{field.title}: a number is expected{f', {allowed}' if allowed else ''}, or a limit such as <0.5."
    return EntryRule("custom", rule, title=title, message=_shorten(message))


def _limits(field: Field, letter: str, title: str) -> EntryRule:
    integer = field.type == "integer"
    kind: Literal["whole", "decimal"] = "whole" if integer else "decimal"
    what = "a whole number" if integer else "a number"
    low, high = field.range or (-math.inf, math.inf)
    allowed = describe_range(field)
    message = f"{field.title}: {what} is expected{f', {allowed}' if allowed else ''}."
    severity: Literal["stop", "warning"] = "stop"
    if field.range_severity == "warning":
        severity, message = "warning", f"{message} Keep the value only if you have looked at the source."
    told = (severity, title, _shorten(message))
    if math.isinf(low) and math.isinf(high):
        cell = f"{letter}{FIRST_ROW}"
        return EntryRule("custom", f"INT({cell})={cell}" if integer else f"ISNUMBER({cell})", "", "", *told)
    if math.isinf(high):
        return EntryRule(kind, _number(low), "", "greaterThanOrEqual", *told)
    if math.isinf(low):
        return EntryRule(kind, _number(high), "", "lessThanOrEqual", *told)
    return EntryRule(kind, _number(low), _number(high), "between", *told)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _list(field: Field, first_code: int) -> str:
    """Write the codes into the rule, or point at the sheet of codes where they do not go into it."""
    codes = [level.value for level in code_choices(field)]
    joined = ",".join(codes)
    # A comma parts the codes, blanks around one are lost, and a quotation mark ends the list.
    plain = all(code and code == code.strip() and not set(code) & set(',"') for code in codes)
    if plain and len(joined) <= LONGEST_LIST:
        return f'"{joined}"'
    return f"{CODES_SHEET}!$C${first_code}:$C${first_code + len(codes) - 1}"


def _write_choice(field: Field) -> str:
    codes = [level.value for level in code_choices(field)]
    start = f"{field.title}: choose a code from the list"
    end = f"; the sheet {CODES_SHEET} says what each one means."
    named = f"{start}, {', '.join(codes)}{end}"
    return named if len(named) <= LONGEST_MESSAGE else _shorten(start + end)


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 3] + "..."
