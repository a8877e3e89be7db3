"""The canonical tables: fields, units, ranges, roles and keys, read from the Table Schema files of ``data_schema/``.

The JSON files are the only source: the data dictionary is written from them, and every file of a study is read by them.
They follow Data Package 2.0; keys beginning with ``x-`` are survmodel's own.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from survmodel.data.columns import Column, FieldRole, FieldType
from survmodel.data.schema_location import schema_folder
from survmodel.errors import ConfigError, closest

#: Every key that a file may have. An unknown one is refused: it would be ignored in silence.
TABLE_KEYS = frozenset({
    "$schema", "name", "title", "description", "fieldsMatch", "missingValues", "fields", "primaryKey", "foreignKeys",
})  # fmt: skip
FIELD_KEYS = frozenset({
    "name", "title", "description", "type", "format", "constraints", "categories", "categoriesOrdered", "trueValues",
    "falseValues", "x-unit", "x-role", "x-aliases", "x-phi", "x-severity", "x-detection-limit",
})  # fmt: skip
CONSTRAINT_KEYS = frozenset({"required", "unique", "minimum", "maximum", "enum", "pattern"})
CATEGORY_KEYS = frozenset({"value", "label", "x-group", "x-aliases"})
PACKAGE = "datapackage.json"


@dataclass(frozen=True, slots=True)
class Category:
    """One level of a category.

    Parameters
    ----------
    value : str
        Code in files and tables.
    label : str
        How it is shown.
    group : str
        What it belongs to: the disease group of an entity.
    aliases : tuple of str
        Other names in files that mean this level, in any language.
    """

    value: str
    label: str
    group: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a canonical table.

    Parameters
    ----------
    name, title, description : str
        Heading in a file, how it is shown, what else is to be known.
    type : {"number", "integer", "category", "text", "identifier", "date", "boolean"}
        How its cells are read.
    role : {"identifier", "baseline", "marker", "outcome", "post_baseline", "acquisition"}
        What it is for.
    unit : str
        Unit of a number.
    required, unique : bool
        Whether every row needs a value; whether a value may occur only once.
    range : tuple of float, optional
        Smallest and largest value.
    range_severity : {"error", "warning"}
        What a value outside the range is.
    pattern : str
        Regular expression for texts.
    categories : tuple of Category
        Levels in order.
    boolean_codes : tuple of (str, str)
        Code in the file and "true" or "false".
    aliases : tuple of str
        Other headings that are understood.
    phi : bool
        Whether it tells who a patient is.
    missing : tuple of str
        Texts that mean "missing", beside the empty cell.
    detection_limit : bool
        Whether a cell may lie beyond a limit of detection, such as ``<0.5``.
    """

    name: str
    title: str
    description: str
    type: FieldType
    role: FieldRole
    unit: str = ""
    required: bool = False
    unique: bool = False
    range: tuple[float, float] | None = None
    range_severity: Literal["error", "warning"] = "error"
    pattern: str = ""
    categories: tuple[Category, ...] = ()
    boolean_codes: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
    phi: bool = False
    missing: tuple[str, ...] = ()
    detection_limit: bool = False

    @property
    def column(self) -> Column:
        """The declaration by which a file is read: tables hold the codes, labels are for showing."""
        codes = tuple((level.value, level.value) for level in self.categories)
        names = tuple((name, level.value) for level in self.categories for name in (level.label, *level.aliases))
        return Column(
            self.name, self.type, self.title, self.unit, self.role, self.missing, codes or self.boolean_codes,
            self.range, aliases=self.aliases, required=self.required, optional=not self.required, unique=self.unique,
            phi=self.phi, range_severity=self.range_severity, pattern=self.pattern, declared_in="schema",
            level_aliases=names,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A column whose values must occur in another table.

    Parameters
    ----------
    field : str
        Column of this table.
    table, reference : str
        The other table and its column.
    """

    field: str
    table: str
    reference: str


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One canonical table.

    Parameters
    ----------
    name, title, description : str
        Its name, how it is shown, what a row is.
    fields : tuple of Field
        Its columns, in order.
    primary_key : tuple of str
        Columns that name a row together.
    foreign_keys : tuple of ForeignKey
        Where it points.
    """

    name: str
    title: str
    description: str
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The declarations by which its file is read."""
        return tuple(field.column for field in self.fields)

    def field(self, name: str) -> Field:
        """Give one field.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        Field
            The field.

        Raises
        ------
        ConfigError
            When the table has no such field.
        """
        for field in self.fields:
            if field.name == name:
                return field
        known = closest(name, [field.name for field in self.fields])
        raise ConfigError(f"table {self.name} has no column {name!r}", remedy=known)


@dataclass(frozen=True, slots=True)
class Schema:
    """All canonical tables.

    Parameters
    ----------
    tables : tuple of TableSchema
        In order: what is pointed at comes before what points at it.
    version : str
        Version of the data package.

    Examples
    --------
    >>> [table.name for table in load_schema().tables][:3]
    ['patients', 'scans', 'lesions']
    >>> load_schema().table("lesions").field("volume_ml").unit
    'mL'
    """

    tables: tuple[TableSchema, ...]
    version: str = ""

    def table(self, name: str) -> TableSchema:
        """Give one table.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        TableSchema
            The table.

        Raises
        ------
        ConfigError
            When there is no such table.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise ConfigError(f"no table {name!r}", remedy=closest(name, [table.name for table in self.tables]))


@functools.cache
def load_schema() -> Schema:
    """Read the data schema of this installation, once.

    Returns
    -------
    Schema
        The canonical tables.
    """
    return read_schema(schema_folder())


def read_schema(folder: Path) -> Schema:
    """Read a folder of Table Schema files.

    Parameters
    ----------
    folder : pathlib.Path
        Holds ``datapackage.json`` and the files it names.

    Returns
    -------
    Schema
        The tables in the order of the data package.

    Raises
    ------
    ConfigError
        When a file has a key that survmodel would not heed.
    """
    package = _load(folder / PACKAGE)
    tables = tuple(_table(_load(folder / resource["schema"])) for resource in package["resources"])
    return Schema(tables, package["version"])


def _load(path: Path) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))


def _refuse_unknown(place: str, found: Mapping[str, Any], known: frozenset[str]) -> None:
    for key in found:
        if key not in known:
            raise ConfigError(f"{place}: unknown key {key!r}", remedy=closest(key, sorted(known)))


def _table(content: Mapping[str, Any]) -> TableSchema:
    name = content["name"]
    _refuse_unknown(name, content, TABLE_KEYS)
    missing = tuple(text for text in content.get("missingValues", ()) if text)
    keys = tuple(
        ForeignKey(key["fields"][0], key["reference"]["resource"], key["reference"]["fields"][0])
        for key in content.get("foreignKeys", ())
    )
    fields = tuple(_field(name, field, missing) for field in content["fields"])
    return TableSchema(
        name, content["title"], content["description"], fields, tuple(content.get("primaryKey", ())), keys
    )


def _field(table: str, content: Mapping[str, Any], missing: tuple[str, ...]) -> Field:
    place = f"{table}.{content['name']}"
    _refuse_unknown(place, content, FIELD_KEYS)
    limits = content.get("constraints", {})
    _refuse_unknown(f"{place}.constraints", limits, CONSTRAINT_KEYS)
    has_range = "minimum" in limits or "maximum" in limits
    categories = tuple(_category(place, level) for level in content.get("categories", ()))
    _refuse_ambiguous(place, categories)
    return Field(
        name=content["name"],
        title=content["title"],
        description=content.get("description", ""),
        type=_type(content),
        role=content["x-role"],
        unit=content.get("x-unit", ""),
        required=limits.get("required", False),
        unique=limits.get("unique", False),
        range=(limits.get("minimum", -float("inf")), limits.get("maximum", float("inf"))) if has_range else None,
        range_severity=content.get("x-severity", "error"),
        pattern=limits.get("pattern", ""),
        categories=categories,
        boolean_codes=(
            *((code, "true") for code in content.get("trueValues", ())),
            *((code, "false") for code in content.get("falseValues", ())),
        ),
        aliases=tuple(content.get("x-aliases", ())),
        phi=content.get("x-phi", False),
        missing=missing,
        detection_limit=content.get("x-detection-limit", False),
    )


def _category(place: str, content: Mapping[str, Any]) -> Category:
    _refuse_unknown(f"{place}.categories", content, CATEGORY_KEYS)
    aliases = tuple(content.get("x-aliases", ()))
    return Category(content["value"], content["label"], content.get("x-group", ""), aliases)


def _refuse_ambiguous(place: str, categories: tuple[Category, ...]) -> None:
    """Refuse a name that means two levels of a column."""
    meanings: dict[str, str] = {}
    for level in categories:
        for name in (level.value, level.label, *level.aliases):
            if meanings.setdefault(name.casefold(), level.value) != level.value:
                raise ConfigError(f"{place}: {name!r} means two levels")


def _type(content: Mapping[str, Any]) -> FieldType:
    """Name survmodel's type: Table Schema calls identifiers, categories and texts all strings."""
    if content["type"] != "string":
        return cast(FieldType, content["type"])
    if content["x-role"] == "identifier":
        return "identifier"
    return "category" if content.get("categories") else "text"
