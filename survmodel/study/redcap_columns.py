"""Fields of a REDCap project as declarations of a study file: a start to be looked through, with nothing guessed.

Identifiers, free texts and files are left out, each with a line that says so.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from survmodel.data.privacy import is_personal
from survmodel.data.redcap_dictionary import RedcapDictionary
from survmodel.data.redcap_fields import RedcapField, plain_text
from survmodel.data.redcap_tags import type_of

#: Validations of texts that tell who or where a person is.
_PERSONAL = re.compile(r"email|phone.*|ssn|.*mrn.*|zipcode|postalcode.*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def write_columns(dictionary: RedcapDictionary) -> str:
    """Declare the fields of a project for a plain table: an export of raw data.

    Parameters
    ----------
    dictionary : RedcapDictionary
        Of the project.

    Returns
    -------
    str
        TOML, to be pasted into a study file.

    Examples
    --------
    >>> sex = RedcapField("sex", "visit", "radio", "Sex", (("1", "female"), ("2", "male")), branching="[age] > 17")
    >>> fields = (RedcapField("record_id", "visit", "text", "Record"), sex)
    >>> print(write_columns(RedcapDictionary(fields, None, {})), end="")
    # Form visit
    <BLANKLINE>
    [column.record_id]
    type = "identifier"
    label = "Record"
    <BLANKLINE>
    [column.sex]
    # Shown only if: [age] > 17
    type = "category"
    label = "Sex"
    levels = { "1" = "female", "2" = "male" }
    """
    lines: list[str] = []
    form = ""
    for field in dictionary.fields:
        if field.form != form:
            form = field.form
            lines += [*([""] if lines else []), f"# Form {plain_text(form)}"]
        reason = "" if field is dictionary.record_id else _reason_to_leave_out(field)
        if reason and field.type != "descriptive":
            lines += ["", f"# {plain_text(field.variable)} ({plain_text(field.label)}) is left out: {reason}."]
        elif not reason:
            for part in _declare(field, is_record_id=field is dictionary.record_id):
                lines += ["", *part]
    return "\n".join(lines) + "\n"


def _reason_to_leave_out(field: RedcapField) -> str:
    if field.identifier or _PERSONAL.fullmatch(field.validation) or is_personal(field.variable):
        return "it tells who a patient is"
    reasons = {
        "notes": "free text may tell who a patient is",
        "file": "it holds files",
        "descriptive": "it holds no data",
    }
    return reasons.get(field.type, "")


def _declare(field: RedcapField, *, is_record_id: bool) -> Iterator[list[str]]:
    remarks = _remarks(field)
    if is_record_id:
        yield _table(field.variable, remarks, {"type": "identifier", "label": field.label})
    elif field.type == "checkbox":
        for column, (_, choice) in zip(field.exported, field.choices, strict=True):
            yield _table(column, remarks, {"type": "boolean", "label": f"{field.label}: {choice}"})
    else:
        kind = type_of(field)
        facts = {"type": kind, "label": field.label}
        if kind == "date":
            remarks.append("A date is no predictor; an endpoint may name it")
            facts["role"] = "outcome"
        yield _table(field.variable, remarks, facts, _levels(field) or _range(field))


def _remarks(field: RedcapField) -> list[str]:
    found = []
    if field.branching:
        found.append(f"Shown only if: {field.branching}")
    if field.has_decimal_comma:
        found.append("Written with a decimal comma")
    if field.type == "calc":
        found.append(f"Calculated: {field.calculation}")
    if field.type == "sql":
        found.append("Choices come from a query")
    return found


def _table(name: str, remarks: list[str], facts: dict[str, str], last: str = "") -> list[str]:
    key = name if _BARE_KEY.fullmatch(name) else _quote(name)
    lines = [f"[column.{key}]", *(f"# {plain_text(remark)}" for remark in remarks)]
    lines += [f"{part} = {_quote(plain_text(text))}" for part, text in facts.items()]
    return [*lines, *([last] if last else [])]


def _levels(field: RedcapField) -> str:
    if type_of(field) != "category":
        return ""
    levels = [f"{_quote(code)} = {_quote(plain_text(label) or code)}" for code, label in field.choices]
    return f"levels = {{ {', '.join(levels)} }}"


def _range(field: RedcapField) -> str:
    if type_of(field) not in {"number", "integer"} or not (field.minimum or field.maximum):
        return ""
    try:
        low, high = float(field.minimum or "-inf"), float(field.maximum or "inf")
    except ValueError:
        # A limit may be another field of the project.
        return ""
    if math.isnan(low) or math.isnan(high) or not low < high:
        return ""
    return f"range = [{_limit(low)}, {_limit(high)}]"


def _limit(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _quote(text: str) -> str:
    # A JSON text is a TOML text but for one character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
