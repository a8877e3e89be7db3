"""Typed columns from text cells: a cell is text until its declared type reads it, and nothing is guessed.

Numbers are written with digits and the declared decimal mark; thousands separators are refused. Every cell that cannot
be read is found before anything is reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.columns import BOOLEAN_CODES, Column
from survmodel.data.dates import DateRule, read_dates
from survmodel.data.detection_limits import read_limit, stand_in, to_unit
from survmodel.data.findings import Finding, Place
from survmodel.errors import closest, list_values
from survmodel.formatting import format_significant

__all__ = ["Place", "read_column"]

Bools = npt.NDArray[np.bool_]

_NUMBER = {
    ".": re.compile(r"[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][+-]?[0-9]{1,4})?"),
    ",": re.compile(r"[+-]?(?:[0-9]{1,300}(?:,[0-9]{0,300})?|,[0-9]{1,300})(?:[eE][+-]?[0-9]{1,4})?"),
}
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[.,'\s][0-9]{3}){1,20}(?:[.,][0-9]{1,20})?")
#: What may be shown of a cell that is no number: digits and signs, or a usual word for missing.
_SHOWABLE = re.compile(
    r"[<>≤≥]?\s?[+-]?[0-9]{0,12}[.,]?[0-9]{1,12}%?|[+-]?[0-9]{1,3}(?:[.,'\s][0-9]{3}){1,4}(?:[.,][0-9]{1,6})?"
)
_SENTINELS = {
    "na", "n/a", "nan", "null", "none", "nd", "missing", "unknown", "-", "--", ".", "?", "#n/a", "#div/0!", "#value!",
}  # fmt: skip
_INFINITE = {"inf", "infinity", "\u221e"}
#: Words that stand in a column of events and name nobody.
_HAPPENED = {
    "yes", "y", "ja", "j", "oui", "si", "true", "t", "dead", "died", "death", "deceased", "tot", "verstorben",
    "gestorben", "event", "relapse", "relapsed", "progression", "progressed",
}  # fmt: skip
_DID_NOT_HAPPEN = {
    "no", "n", "nein", "non", "false", "f", "alive", "living", "lebend", "lebt", "censored", "lost", "none", "well",
}  # fmt: skip
_LONGEST_SHOWN = 40
#: A level that looks so may be an identifier, a date or an address in the wrong column.
_PERSONAL = re.compile(r"[0-9]{3}|[0-9][-/.][0-9]|@")
#: The largest whole number that a float holds exactly and an integer column takes.
_LARGEST_WHOLE = 10.0**15


def read_column(
    column: Column, cells: Sequence[str], place: Place, decimal: str, dates: DateRule | None = None
) -> tuple[pd.Series, list[Finding]]:
    """Read the cells of one column by its declared type.

    Parameters
    ----------
    column : Column
        The declaration.
    cells : sequence of str, shape (n,)
        Text of every row.
    place : Place
        For messages.
    decimal : {".", ","}
        Decimal mark of the file.
    dates : DateRule, optional
        How the dates of the file are written.

    Returns
    -------
    series : pandas.Series
        Floats, integers (floats when a value is missing), a categorical, nullable truth values, days, or text; missing
        where a cell cannot be read.
    findings : list of Finding
        Every problem of the column.
    """
    codes = {"", *column.missing}
    missing = np.array([cell.strip() in codes for cell in cells], dtype=bool)
    if column.is_identifier:
        return _read_identifier(column, cells, missing, place)
    if column.type == "date":
        series, findings = read_dates(column, cells, missing, place, dates or DateRule())
    elif column.type in {"category", "boolean"}:
        series, findings = _read_category(column, cells, missing, place)
    elif column.type == "text":
        series, findings = _read_text(column, cells, missing, place)
    else:
        series, findings = _read_numbers(column, cells, missing, place, decimal)
    if column.required and missing.any():
        where, remedy = np.flatnonzero(missing), "find the value, or leave the row out on purpose and report it"
        findings.append(place.find("D032", column.name, "missing, and every row needs it", where, remedy=remedy))
    return series, findings


def _read_identifier(
    column: Column, cells: Sequence[str], missing: Bools, place: Place
) -> tuple[pd.Series, list[Finding]]:
    findings = []
    series = pd.Series(np.array(list(cells), dtype=object), name=column.name, dtype=object)
    row = "patient" if column.declared_in == "study" else "row"
    if missing.any():
        remedy = f"give every {row} an identifier"
        where = np.flatnonzero(missing)
        findings.append(place.find("D030", column.name, "the identifier is missing", where, remedy=remedy))
    repeated = series.duplicated(keep=False).to_numpy() & ~missing
    if column.unique and repeated.any():
        findings.append(
            place.find("D031", column.name, "the identifier occurs more than once", np.flatnonzero(repeated),
                       expected="one row for each identifier" if row == "row" else "one row for each patient",
                       remedy="remove the copies, or correct the identifiers")
        )  # fmt: skip
    return series, findings


def _read_text(column: Column, cells: Sequence[str], missing: Bools, place: Place) -> tuple[pd.Series, list[Finding]]:
    values = np.array([None if gone else cell for cell, gone in zip(cells, missing, strict=True)], dtype=object)
    series = pd.Series(values, name=column.name, dtype=object)
    if not column.pattern:
        return series, []
    wrong = [i for i, value in enumerate(values) if value is not None and not re.fullmatch(column.pattern, value)]
    problem, expected = "not written as declared", f"the pattern {column.pattern}"
    return series, [place.find("D027", column.name, problem, wrong, expected=expected)] if wrong else []


def _read_category(
    column: Column, cells: Sequence[str], missing: Bools, place: Place
) -> tuple[pd.Series, list[Finding]]:
    labels = dict(column.levels or BOOLEAN_CODES)
    aliases = {name.casefold(): labels[code] for name, code in column.level_aliases}
    values = [None if gone else labels.get(cell) for cell, gone in zip(cells, missing, strict=True)]
    renamed = {
        i: name
        for i, (value, cell) in enumerate(zip(values, cells, strict=True))
        if value is None and not missing[i] and (name := cell.strip().casefold()) in aliases
    }
    for i, name in renamed.items():
        values[i] = aliases[name]
    if column.type == "boolean":
        truths = [None if value is None else value == "true" for value in values]
        series = pd.Series(pd.array(truths, dtype="boolean"), name=column.name)
    else:
        categories = list(dict.fromkeys(labels.values()))
        series = pd.Series(pd.Categorical(values, categories=categories), name=column.name)
    strange = [i for i, value in enumerate(values) if value is None and not missing[i]]
    findings = [_strange_levels(column, cells, strange, labels, place)] if strange else []
    if renamed:
        findings.append(_renamed_levels(column, renamed, place))
    return series, findings


def _renamed_levels(column: Column, renamed: Mapping[int, str], place: Place) -> Finding:
    """Tell which levels were read by another name; the names are taken from the declaration, never from the file."""
    used = set(renamed.values())
    told = [
        f"{code} in other letters" if name == code else f"{name} as {code}"
        for name, code in column.level_aliases
        if name.casefold() in used
    ]
    problem = f"read by another name of the level: {list_values(told, most=6)}"
    return place.find("D079", column.name, problem, renamed, severity="note")


def _strange_levels(
    column: Column, cells: Sequence[str], strange: Sequence[int], labels: dict[str, str], place: Place
) -> Finding:
    found = list(dict.fromkeys(cells[i] for i in strange))
    shown = [_shorten(value) for value in found if not column.is_private and not _PERSONAL.search(value)]
    listed = list_values(shown, most=5) if len(shown) == len(found) else "not shown, since they may name a person"
    near = _nearest(found[0], labels) if len(found) == 1 else ""
    remedy = f"add the level, or add the code to missing of [column.{column.name}]"
    if column.declared_in == "schema":
        remedy = "write one of the declared codes"
    return place.find(
        "D023", column.name, f"{'level' if len(found) == 1 else 'levels'} not declared: {listed}", strange,
        expected=f"declared: {list_values([repr(code) for code in labels], most=20)}",
        remedy=f"{remedy}; {near}".rstrip("; "),
    )  # fmt: skip


def _nearest(found: str, labels: dict[str, str]) -> str:
    """Suggest the code that differs by case, blanks and punctuation, or the nearest ones."""
    bare = re.sub(r"[\W_]", "", found).casefold()
    same = [code for code in labels if re.sub(r"[\W_]", "", code).casefold() == bare]
    near = f"did you mean {same[0]!r}?" if same else closest(found, labels)
    return near if "mean" in near else ""


def _read_numbers(
    column: Column, cells: Sequence[str], missing: Bools, place: Place, decimal: str
) -> tuple[pd.Series, list[Finding]]:
    pattern = _WHOLE if column.type == "integer" else _NUMBER[decimal]
    numbers = np.full(len(cells), np.nan)
    wrong, beyond = [], {}
    for i, cell in enumerate(cells):
        if missing[i]:
            continue
        text = cell.strip()
        # An integer column may come as 1.0 from a spreadsheet.
        if pattern.fullmatch(text) or (pattern is _WHOLE and _is_whole(text, decimal)):
            numbers[i] = float(text.replace(decimal, "."))
        elif (limit := read_limit(text, column.limits, decimal)) is not None:
            beyond[i] = limit
        else:
            wrong.append(i)
    infinite = np.flatnonzero(np.isinf(numbers))
    numbers[infinite] = np.nan
    findings = _unreadable(column, cells, sorted([*wrong, *infinite]), place, decimal)
    findings += stand_in(column, numbers, beyond, place)
    numbers = to_unit(column, numbers)
    findings += _outside(column, numbers, place)
    whole = column.type == "integer" and not np.isnan(numbers).any()
    return pd.Series(numbers.astype(np.int64) if whole else numbers, name=column.name), findings


def _is_whole(text: str, decimal: str) -> bool:
    if not _NUMBER[decimal].fullmatch(text):
        return False
    number = float(text.replace(decimal, "."))
    return number.is_integer() and abs(number) < _LARGEST_WHOLE


def _unreadable(
    column: Column, cells: Sequence[str], wrong: Sequence[int], place: Place, decimal: str
) -> list[Finding]:
    """Sort the cells that are no numbers by what to do about them."""
    kinds: dict[tuple[str, str, str], list[int]] = {}
    words = _words_of_an_event(column, cells, wrong)
    if words:
        return [_ask_for_levels(column, words, wrong, place)]
    for i in wrong:
        kinds.setdefault(_kind(column, cells[i].strip(), decimal), []).append(i)
    findings = []
    for (code, problem, remedy), where in kinds.items():
        found = list(dict.fromkeys(cells[i].strip() for i in where))
        shown = [repr(text) for text in found if _is_showable(text) and not column.is_private]
        tail = f", found {list_values(shown, most=5)}" if len(shown) == len(found) else ", found text"
        expected = "whole numbers" if column.type == "integer" else f"numbers with the decimal mark {decimal!r}"
        findings.append(place.find(code, column.name, problem + tail, where, expected=expected, remedy=remedy))
    return findings


def _is_showable(text: str) -> bool:
    return bool(_SHOWABLE.fullmatch(text)) or text.lower() in _SENTINELS or text.lower().lstrip("+-") in _INFINITE


def _words_of_an_event(column: Column, cells: Sequence[str], wrong: Sequence[int]) -> list[str]:
    """List the words of a column of events that has nothing but words such as yes and no; nothing for any other."""
    if column.type != "integer" or column.role != "outcome" or column.declared_in != "study" or not wrong:
        return []
    words = list(dict.fromkeys(cells[i].strip() for i in wrong))
    others = {cell.strip() for cell in cells} - {"", *column.missing, *words}
    known = all(word.lower() in _HAPPENED | _DID_NOT_HAPPEN for word in words)
    return sorted(words) if known and not others else []


def _ask_for_levels(column: Column, words: Sequence[str], wrong: Sequence[int], place: Place) -> Finding:
    levels = ", ".join(f'"{word}" = "{word}"' for word in words)
    happened = next((word for word in words if word.lower() in _HAPPENED), words[-1])
    return place.find(
        "D021", column.name, f"words where codes are declared: {list_values([repr(word) for word in words])}", wrong,
        expected="0 for censored, 1 for the event, or declared levels",
        remedy=f'in [column.{column.name}] set type = "category" and levels = {{ {levels} }}, and in the endpoint '
        f'event_value = "{happened}", if that is the event',
    )  # fmt: skip


def _kind(column: Column, text: str, decimal: str) -> tuple[str, str, str]:
    other = "," if decimal == "." else "."
    in_schema = column.declared_in == "schema"
    declared = f"[column.{column.name}]"
    if text.lower() in _SENTINELS:
        remedy = "leave missing cells empty" if in_schema else f"add it to missing of {declared}"
        return "D022", "a word for missing that is not declared", remedy
    if text[:1] in "<>≤≥":
        key = "below_limit" if text[0] in "<≤" else "above_limit"
        rule = "half" if text[0] in "<≤" else "limit"
        where = "[labs]" if in_schema else declared
        return "D025", "a value beyond a limit of detection", f'say what stands for it: {key} = "{rule}" in {where}'
    if text.lower().lstrip("+-") in _INFINITE:
        return "D021", "an infinite number", "correct the cells, or leave them empty where the number is not known"
    if column.type == "number" and _NUMBER[decimal].fullmatch(text):
        return "D021", "a number beyond all measure", "correct the cells"
    if _GROUPED.fullmatch(text) and not _NUMBER[other].fullmatch(text):
        return "D026", "a number with a thousands separator", "write numbers without separators"
    if _NUMBER[other].fullmatch(text):
        mark = "comma" if other == "," else "point"
        remedy = f'set decimal = "{other}" in [data], if the whole file is written so'
        return "D020", f"looks like a decimal {mark}", remedy
    if column.type == "integer" and _NUMBER[decimal].fullmatch(text):
        remedy = "" if in_schema else f', or set type = "number" in {declared}'
        return "D021", "not a whole number", f"correct the cells{remedy}"
    return "D021", "not a number", "correct the cells" + ("" if in_schema else ", or declare what they mean in missing")


def _outside(column: Column, numbers: npt.NDArray[np.float64], place: Place) -> list[Finding]:
    if column.range is None:
        return []
    low, high = column.range
    outside = (numbers < low) | (numbers > high)
    if not outside.any():
        return []
    values = numbers[outside]
    extremes = sorted({float(values.min()), float(values.max())})
    found = " to ".join(format_significant(value, 6) for value in extremes)
    problem = "out of range" + ("" if column.is_private else f", found {found}")
    in_schema = column.declared_in == "schema"
    remedy = "correct the cells, or their unit" if in_schema else "correct the cells, or the declared range or unit"
    where = np.flatnonzero(outside)
    return [
        place.find("D024", column.name, problem, where, expected=_allowed(low, high, column.unit),
                   remedy=remedy, severity=column.range_severity)
    ]  # fmt: skip


def _allowed(low: float, high: float, unit: str) -> str:
    tail = f" {unit}" if unit else ""
    if np.isinf(high):
        return f"{format_significant(low, 6)} or more{tail}"
    if np.isinf(low):
        return f"at most {format_significant(high, 6)}{tail}"
    return f"{format_significant(low, 6)} to {format_significant(high, 6)}{tail}"


def _shorten(text: Any) -> str:  # noqa: ANN401
    shown = repr(str(text))
    return shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "..."
