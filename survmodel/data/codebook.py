"""The data dictionary: ``data_schema/README.md``, written from the Table Schema files after a part written by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

from survmodel.data.quantities import Quantity, load_quantities
from survmodel.data.schema import Field, Schema, TableSchema
from survmodel.data.schema_location import schema_folder
from survmodel.formatting import format_significant
from survmodel.naming import join_words

#: The part written by hand, beside the schema.
HEAD = "head.md"
LEVEL_NAMES_TEXT = (
    "Levels are read from their code, letter for letter, and from their label or one of these, whatever its case."
)
QUANTITIES_TEXT = (
    "Every value comes with the unit that the laboratory wrote; case and blanks do not matter. A number times the "
    "factor is the number in the unit of analysis. A test with an upper limit may also come in multiples of it, "
    "`xULN`. Implausible numbers that another unit explains stop a run."
)
ROLES = {
    "identifier": "names a patient, a scan or a lesion; never shown",
    "baseline": "known before or at the baseline scan; may be a predictor",
    "marker": "measured on a scan; may be a predictor",
    "acquisition": "how a scan was made or read",
    "post_baseline": "known only after the baseline scan; no predictor",
    "outcome": "what is predicted; no predictor",
}


def write_codebook(schema: Schema) -> str:
    """Write the data dictionary as Markdown.

    Parameters
    ----------
    schema : Schema
        The canonical tables.

    Returns
    -------
    str
        The part written by hand, then one section for each table.

    Examples
    --------
    >>> from survmodel.data.schema import load_schema
    >>> "### `lesions`: Lesions" in write_codebook(load_schema())
    True
    """
    head = (schema_folder() / HEAD).read_text(encoding="utf-8").rstrip()
    roles = "\n".join(f"| {role} | {meaning} |" for role, meaning in ROLES.items())
    tables = "\n\n".join(_write_table(table) for table in schema.tables)
    more = f"{_write_level_names(schema)}\n\n{_write_quantities()}"
    return f"{head}\n\n| role | meaning |\n|---|---|\n{roles}\n\n{tables}\n\n{more}\n"


def _write_level_names(schema: Schema) -> str:
    lines = ["### Other names of levels", "", LEVEL_NAMES_TEXT, ""]
    lines += ["| column | code | also read from |", "|---|---|---|"]
    lines += [_write_row(row) for row in list_level_names(schema)]
    return "\n".join(lines)


def list_level_names(schema: Schema) -> list[tuple[str, str, str]]:
    """List the names beside code and label that levels have in files.

    Parameters
    ----------
    schema : Schema
        The canonical tables.

    Returns
    -------
    list of tuple of str
        Columns, code and names; columns whose levels have the same names stand together.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for table in schema.tables:
        for field in table.fields:
            for level in field.categories:
                if level.aliases:
                    columns = found.setdefault((_code(level.value), ", ".join(level.aliases)), [])
                    columns.append(_code(field.name))
    return [(", ".join(dict.fromkeys(columns)), code, names) for (code, names), columns in found.items()]


def _write_quantities() -> str:
    lines = ["### Laboratory quantities", "", QUANTITIES_TEXT, ""]
    lines += ["| test | unit | also in | plausible | upper limit |", "|---|---|---|---|---|"]
    lines += [_write_row(describe_quantity(one)) for one in load_quantities()]
    return "\n".join(lines)


def describe_quantity(quantity: Quantity) -> tuple[str, str, str, str, str]:
    """Say in which units a laboratory quantity comes and which numbers are plausible.

    Parameters
    ----------
    quantity : Quantity
        Of the data schema.

    Returns
    -------
    tuple of str
        Name, unit of analysis, other units with their factors, plausible numbers, usual upper limits of normal.
    """
    others = [f"{_code(one.name)} × {format_significant(one.factor, 5)}" for one in quantity.units[1:]]
    limits = "" if quantity.upper_limit is None else _from_to(quantity.upper_limit)
    return _code(quantity.name), _code(quantity.unit), ", ".join(others), _from_to(quantity.plausible), limits


def _from_to(limits: tuple[float, float]) -> str:
    return f"{format_significant(limits[0], 6)} to {format_significant(limits[1], 6)}"


def _write_table(table: TableSchema) -> str:
    lines = [f"### `{table.name}`: {table.title}", "", introduce_table(table), ""]
    lines += ["| column | type | role | values | meaning |", "|---|---|---|---|---|"]
    lines += [_write_row(describe_field(field)) for field in table.fields]
    return "\n".join(lines)


def introduce_table(table: TableSchema) -> str:
    """Say what a row of a table is, what names it and where it points.

    Parameters
    ----------
    table : TableSchema
        A canonical table.

    Returns
    -------
    str
        Sentences; names of columns stand between backticks.
    """
    sentences = [table.description]
    if table.primary_key:
        sentences.append(f"Key: {join_words([_code(name) for name in table.primary_key])}.")
    sentences += [f"{_code(key.field)} must occur in {_code(key.table)}." for key in table.foreign_keys]
    return " ".join(sentences)


def _write_row(cells: Sequence[str]) -> str:
    name = cells[0].replace("*", "\\*")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (name, *cells[1:])) + " |"


def describe_field(field: Field) -> tuple[str, str, str, str, str]:
    """Say what a column holds.

    Parameters
    ----------
    field : Field
        Of a canonical table.

    Returns
    -------
    tuple of str
        Name, type, role, values and meaning; an asterisk follows the name of a column that every file needs, and names
        and codes stand between backticks.
    """
    name = _code(field.name) + ("*" if field.required else "")
    meaning = field.title + (f". {field.description}" if field.description else "")
    if field.aliases:
        meaning = meaning.rstrip(".") + f". Also read from {', '.join(_code(alias) for alias in field.aliases)}."
    if field.phi:
        meaning = meaning.rstrip(".") + ". Tells who a patient is."
    return (name, field.type, field.role, _write_values(field), meaning)


def _write_values(field: Field) -> str:
    if field.categories:
        return ", ".join(
            _code(level.value) + (f" {level.label}" if level.label != level.value else "") for level in field.categories
        )
    if field.boolean_codes:
        return " or ".join(
            "/".join(_code(code) for code, meaning in field.boolean_codes if meaning == truth)
            for truth in ("true", "false")
        )
    outside = " (a warning outside)" if field.range is not None and field.range_severity == "warning" else ""
    return describe_range(field) + outside


def describe_range(field: Field) -> str:
    """Say between which limits the numbers of a column lie, and in what unit.

    Parameters
    ----------
    field : Field
        Of a canonical table.

    Returns
    -------
    str
        The unit alone where there are no limits; "" without either.

    Examples
    --------
    >>> from survmodel.data.schema import load_schema
    >>> describe_range(load_schema().table("scans").field("weight_kg"))
    '2 to 350 kg'
    """
    low, high = field.range or (-math.inf, math.inf)
    limits = f"{format_significant(low, 6)} to {format_significant(high, 6)}"
    if math.isinf(high):
        limits = "" if math.isinf(low) else f"{format_significant(low, 6)} or more"
    elif math.isinf(low):
        limits = f"at most {format_significant(high, 6)}"
    return f"{limits} {field.unit}".strip()


def _code(text: str) -> str:
    return f"`{text}`"
