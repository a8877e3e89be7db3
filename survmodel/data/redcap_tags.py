"""What the headers of a REDCap dictionary cannot say of a column of the data schema: a tag in the field annotation.

A tag is ``@SURVMODEL={...}`` with sorted keys. It holds only what cannot be read from the other cells of its row, so
that reading the row and its tag gives the column back exactly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from survmodel.data.columns import FieldRole, FieldType
from survmodel.data.redcap_fields import TAG, RedcapField
from survmodel.data.schema import Category, Field, ForeignKey, TableSchema

#: A row that says nothing: by it the record id of the later forms, which has no row there, is described.
NOTHING = RedcapField("", "", "text", "")
_ROLES = frozenset({"identifier", "baseline", "marker", "outcome", "post_baseline", "acquisition"})
_PLAIN_WHOLE = 1e15


def write_tag(facts: Mapping[str, Any]) -> str:
    """Write a tag.

    Parameters
    ----------
    facts : mapping
        What it says.

    Returns
    -------
    str
        One line. The sign @ stands in it as an escape, since REDCap takes it for the beginning of an action.

    Examples
    --------
    >>> write_tag({"role": "baseline", "column": "patients.ecog"})
    '@SURVMODEL={"column":"patients.ecog","role":"baseline"}'
    """
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return TAG + text.replace("@", "\\u0040")


def read_tag(annotation: str) -> dict[str, Any] | None:
    """Read the tag of a field.

    Parameters
    ----------
    annotation : str
        May hold other tags and remarks.

    Returns
    -------
    dict, optional
        None without a tag.

    Raises
    ------
    ValueError
        When the tag is not written as `write_tag` does.

    Examples
    --------
    >>> read_tag('@HIDDEN @SURVMODEL={"table":"scans"} a remark')
    {'table': 'scans'}
    """
    at = annotation.find(TAG)
    if at < 0:
        return None
    facts, _ = json.JSONDecoder().raw_decode(annotation[at + len(TAG) :])
    if not isinstance(facts, dict) or not isinstance(facts.get("column", facts.get("table")), str):
        raise ValueError("the tag names neither a column nor a table")
    return facts


def describe_column(table: str, field: Field, shown: RedcapField, missing: Sequence[str]) -> dict[str, Any]:
    """Say of a column what its row does not say.

    Parameters
    ----------
    table : str
        Name of the canonical table.
    field : Field
        The column.
    shown : RedcapField
        Its row without a tag.
    missing : sequence of str
        Texts that mean "missing" in most columns of the table.

    Returns
    -------
    dict
        For `write_tag`.
    """
    said = {
        "title": (field.title, shown.label),
        "type": (field.type, type_of(shown)),
        "description": (field.description, ""),
        "unit": (field.unit, shown.note),
        "required": (field.required, shown.required),
        "unique": (field.unique, False),
        "phi": (field.phi, shown.identifier),
        "severity": (field.range_severity, "error"),
        "pattern": (field.pattern, ""),
        "detection_limit": (field.detection_limit, False),
        "codes": ([list(pair) for pair in field.boolean_codes], []),
        "aliases": (list(field.aliases), []),
        "missing": (list(field.missing), list(missing)),
        "range": (_write_range(field.range), _write_range(_range_of(shown))),
        "levels": (_describe_levels(field.categories, shown), {}),
    }
    facts = {key: value for key, (value, known) in said.items() if value != known}
    return {"column": f"{table}.{field.name}", "role": field.role, **facts}


def read_column(facts: Mapping[str, Any], shown: RedcapField, missing: Sequence[str]) -> Field:
    """Put a column together from its row and its tag.

    Parameters
    ----------
    facts : mapping
        What the tag says.
    shown : RedcapField
        The row.
    missing : sequence of str
        As in `describe_column`.

    Returns
    -------
    Field
        The column.

    Raises
    ------
    ValueError
        When the tag does not name a role, or holds something else than it should.
    """
    if facts.get("role") not in _ROLES:
        raise ValueError("the tag does not name the role of the column")
    try:
        return Field(
            name=facts["column"].partition(".")[2],
            title=facts.get("title", shown.label),
            description=facts.get("description", ""),
            type=cast(FieldType, facts.get("type", type_of(shown))),
            role=cast(FieldRole, facts["role"]),
            unit=facts.get("unit", shown.note),
            required=facts.get("required", shown.required),
            unique=facts.get("unique", False),
            range=_read_range(facts["range"]) if "range" in facts else _range_of(shown),
            range_severity=facts.get("severity", "error"),
            pattern=facts.get("pattern", ""),
            detection_limit=facts.get("detection_limit", False),
            categories=_read_levels(facts.get("levels", {}), shown),
            boolean_codes=tuple((code, meaning) for code, meaning in facts.get("codes", ())),
            aliases=tuple(facts.get("aliases", ())),
            phi=facts.get("phi", shown.identifier),
            missing=tuple(facts.get("missing", missing)),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"the tag does not hold what it should: {error}") from None


def describe_table(table: TableSchema, record_id: str, *, first: bool, version: str) -> dict[str, Any]:
    """Say of a table what its form does not say.

    Parameters
    ----------
    table : TableSchema
        The table.
    record_id : str
        Column that names the record in every form.
    first : bool
        Whether its form is the first, on which the record id has a row.
    version : str
        Of the data schema.

    Returns
    -------
    dict
        For `write_tag`.
    """
    missing = table.fields[0].missing if table.fields else ()
    facts: dict[str, Any] = {
        "table": table.name,
        "title": table.title,
        "description": table.description,
        "primary_key": list(table.primary_key),
        "foreign_keys": [[key.field, key.table, key.reference] for key in table.foreign_keys],
        "missing": list(missing),
    }
    for position, field in enumerate(table.fields):
        if field.name == record_id:
            facts["record_id_at"] = position
            if not first:
                facts["record_id"] = describe_column(table.name, field, NOTHING, missing)
    return facts | ({"version": version} if first else {})


def read_table(facts: Mapping[str, Any], fields: Sequence[Field]) -> TableSchema:
    """Put a table together from the tag of its form and its columns.

    Parameters
    ----------
    facts : mapping
        What the tag says.
    fields : sequence of Field
        Columns in order; that of the record id first where the form has a row for it.

    Returns
    -------
    TableSchema
        The table.

    Raises
    ------
    ValueError
        When the tag holds something else than it should.
    """
    found = list(fields)
    try:
        missing = tuple(facts["missing"])
        if "record_id" in facts:
            found.insert(0, read_column(facts["record_id"], NOTHING, missing))
        if facts.get("record_id_at", 0):
            found.insert(facts["record_id_at"], found.pop(0))
        keys = tuple(ForeignKey(*key) for key in facts["foreign_keys"])
        return TableSchema(
            facts["table"], facts["title"], facts["description"], tuple(found), tuple(facts["primary_key"]), keys
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"the tag does not hold what it should: {error}") from None


def type_of(shown: RedcapField) -> FieldType:
    """Say how the cells of a field are read, from what REDCap knows of it.

    Parameters
    ----------
    shown : RedcapField
        The field.

    Returns
    -------
    {"number", "integer", "category", "text", "date", "boolean"}
        Text where REDCap takes any text. One column of a checkbox holds whether it is ticked.

    Examples
    --------
    >>> type_of(RedcapField("ldh", "labs", "text", "LDH", validation="number_1dp"))
    'number'
    """
    if shown.type in {"radio", "dropdown"}:
        return "category"
    if shown.type in {"yesno", "truefalse", "checkbox"}:
        return "boolean"
    if shown.type in {"calc", "slider"} or (shown.type == "text" and shown.validation.startswith("number")):
        return "number"
    if shown.type == "text" and shown.validation == "integer":
        return "integer"
    return "date" if shown.is_date else "text"


def plain_number(number: float) -> str:
    """Write a limit with digits only, or not at all where it needs an exponent.

    Parameters
    ----------
    number : float
        The limit.

    Returns
    -------
    str
        Empty where REDCap could not read it.

    Examples
    --------
    >>> plain_number(110), plain_number(0.5), plain_number(float("inf"))
    ('110', '0.5', '')
    """
    number = float(number)
    if number.is_integer() and abs(number) < _PLAIN_WHOLE:
        return str(int(number))
    text = repr(number)
    return text if text.lstrip("-").replace(".", "", 1).isdigit() else ""


def limits_of(field: Field) -> tuple[str, str]:
    """Give the limits of a column as REDCap checks them.

    Parameters
    ----------
    field : Field
        The column.

    Returns
    -------
    tuple of (str, str)
        Smallest and largest value; empty where there is none, or where REDCap could not say it.
    """
    if field.range is None or field.type not in {"number", "integer"} or field.detection_limit:
        return "", ""
    low, high = (plain_number(limit) for limit in field.range)
    return (
        "" if field.type == "integer" and "." in low else low,
        "" if field.type == "integer" and "." in high else high,
    )


def _range_of(shown: RedcapField) -> tuple[float, float] | None:
    if not (shown.minimum or shown.maximum) or type_of(shown) not in {"number", "integer"}:
        return None
    try:
        return float(shown.minimum or "-inf"), float(shown.maximum or "inf")
    except ValueError:
        # A limit may be another field of the project.
        return None


def _write_range(limits: tuple[float, float] | None) -> list[float | str] | None:
    # JSON has no infinity.
    return None if limits is None else [str(limit) if abs(limit) == float("inf") else float(limit) for limit in limits]


def _read_range(limits: Sequence[float | str] | None) -> tuple[float, float] | None:
    return None if limits is None else (float(limits[0]), float(limits[1]))


def _describe_levels(levels: Sequence[Category], shown: RedcapField) -> dict[str, Any] | list[Any]:
    labels = dict(shown.choices)
    if type_of(shown) != "category":
        return [[one.value, one.label, one.group, list(one.aliases)] for one in levels] or {}
    found = {}
    for level in levels:
        facts: dict[str, Any] = {"group": level.group} if level.group else {}
        if level.aliases:
            facts["aliases"] = list(level.aliases)
        if level.label != labels[level.value]:
            facts["label"] = level.label
        if facts:
            found[level.value] = facts
    return found


def _read_levels(levels: Mapping[str, Any] | Sequence[Any], shown: RedcapField) -> tuple[Category, ...]:
    if isinstance(levels, list):
        return tuple(Category(value, label, group, tuple(aliases)) for value, label, group, aliases in levels)
    if type_of(shown) != "category":
        return ()
    known = cast(Mapping[str, Any], levels)
    plain = [(Category(code, label), known.get(code, {})) for code, label in shown.choices]
    return tuple(
        replace(
            level,
            label=facts.get("label", level.label),
            group=facts.get("group", ""),
            aliases=tuple(facts.get("aliases", ())),
        )
        for level, facts in plain
    )
