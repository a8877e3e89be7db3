"""What a study file says about its data: files, columns, groups, analysis sets, markers, and what it accepts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, PlainValidator, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from survmodel.data.columns import BelowLimit, ColumnType, Role
from survmodel.data.readers.any_file import is_text
from survmodel.data.readers.redcap import MERGED
from survmodel.errors import closest, list_values
from survmodel.models.formula_grammar import Column as FormulaColumn
from survmodel.study.settings_base import Array, Ascending, Names, Pair, Strict, Text
from survmodel.study.settings_files import (
    OWN_DELIMITER,
    WRITING,
    DateFormat,
    Delimiter,
    Encoding,
    FileEntry,
    Lesions,
    LesionsEntry,
)
from survmodel.study.settings_labs import problems_of_units

#: Keys of a column of a file, which a factor made from one has from there.
NOT_FOR_FACTORS = (
    "type", "unit", "missing", "levels", "range", "table", "quantity", "unit_in_file", "below_limit", "above_limit",
    "limit_of_detection",
)  # fmt: skip
#: Keys of a number that a laboratory measured.
OF_MEASUREMENTS = ("quantity", "unit_in_file", "below_limit", "above_limit", "limit_of_detection")
#: The canonical tables; those of one row for each patient may be put together from several forms.
TABLES = (
    "patients", "scans", "lesions", "labs", "therapy", "reads", "region_reads", "assessments", "adverse_events",
    "follow_up",
)  # fmt: skip
Entry = TypeVar("Entry", bound=FileEntry)
LEAST_EVENTS_FOR_RATIO, LEAST_EVENTS_FOR_PERFORMANCE, LEAST_EVENTS_FOR_FOREST = 10, 25, 50


def _rules(value: object) -> object:
    """Read one filter, several, or filters with their reasons."""
    texts = [value] if isinstance(value, str) else value
    parts = [*texts.keys(), *texts.values()] if isinstance(texts, dict) else texts
    if not isinstance(parts, list) or not parts or not all(isinstance(text, str) and text for text in parts):
        raise ValueError('must be a filter such as "confirmed and untreated", or an array or table of filters')
    return tuple(texts) if isinstance(texts, list) else texts


class RedcapEntry(Strict):
    """``[data.redcap]``: canonical tables in the export of a REDCap project, raw or with labels.

    ``tables`` names the form of a table, or the forms of one with a row for each patient, where the names differ;
    ``columns`` the variable of a canonical column such as ``"scans.scan_date"``; ``levels`` what codes of its choices
    mean, where neither code nor label says it; ``missing`` the missing data codes of the project.
    """

    path: Text
    dictionary: Text
    missing: Array[Text] = ()
    tables: dict[str, Names] = Field(default_factory=dict)
    columns: dict[str, Text] = Field(default_factory=dict)
    levels: dict[str, dict[str, Text]] = Field(default_factory=dict)
    delimiter: Delimiter | None = None
    encoding: Encoding | None = None
    decimal: Literal[".", ","] | None = None

    @model_validator(mode="after")
    def _names_tables(self) -> RedcapEntry:
        problems = []
        columns = (*self.columns, *self.levels)
        for name in (*self.tables, *(key.partition(".")[0] for key in columns)):
            if name not in TABLES:
                problems.append(f"no table {name!r}; {closest(name, TABLES)}")
        problems += [f"{key!r} is not written as table.column" for key in columns if not key.partition(".")[2]]
        for name, forms in self.tables.items():
            if len(forms) != 1 and (name not in MERGED or not forms):
                problems.append(f"{name} needs one form; only {list_values(MERGED)} may be put together from several")
        if problems:
            raise ValueError("; ".join(dict.fromkeys(problems)))
        return self


class DataEntry(Strict):
    """``[data]``: a file for each table, or several of lesions, and how they are written where they say nothing else.

    With patients alone the file is a plain table, of which every column is declared under ``[column]``. Beside any
    other table it is the canonical one of the data schema. Canonical tables may also stand in a REDCap export, and the
    lesions in exports of PET programs.
    """

    # For editors: a validator is nothing that a JSON Schema sees.
    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["patients"]}, {"required": ["redcap"]}]})

    redcap: RedcapEntry | None = None
    patients: FileEntry | None = Field(default=None, validate_default=True)
    scans: FileEntry | None = None
    lesions: Lesions | None = None
    labs: FileEntry | None = None
    therapy: FileEntry | None = None
    reads: FileEntry | None = None
    region_reads: FileEntry | None = None
    assessments: FileEntry | None = None
    adverse_events: FileEntry | None = None
    follow_up: FileEntry | None = None
    delimiter: Delimiter = ","
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    date_format: DateFormat | None = None
    excel_dates: Literal[1900, 1904] | None = None

    @field_validator("patients")
    @classmethod
    def _has_patients(cls, file: FileEntry | None, info: ValidationInfo) -> FileEntry | None:
        if file is None and info.data.get("redcap", ...) is None:
            raise PydanticCustomError("missing", "required and not given")
        return file

    @model_validator(mode="after")
    def _one_place(self) -> DataEntry:
        twice = [name for name in (self.redcap.tables if self.redcap else ()) if getattr(self, name) is not None]
        if twice:
            raise ValueError(
                f"{list_values(twice)} stands in redcap.tables and has a file of its own; keep one of them"
            )
        return self

    @model_validator(mode="after")
    def _exports_go_together(self) -> DataEntry:
        if isinstance(self.lesions, tuple) and any(entry.reader is None for entry in self.lesions):
            raise ValueError("lesions in several files are exports, and each of them needs its reader")
        return self

    @model_validator(mode="after")
    def _marks_differ(self) -> DataEntry:
        files = [(table, file) for table, file in self.files.items() if table != "lesions" or self.lesions is None]
        files += [("lesions", file) for file in self.lesion_files if file.reader not in OWN_DELIMITER]
        for table, file in files:
            # REDCap puts numbers with a comma between quotation marks.
            in_export = self.redcap is not None and table in self.redcap.tables
            if not in_export and file.delimiter == file.decimal and is_text(file.path):
                raise ValueError(f"delimiter and decimal of {table} are the same character")
        return self

    @property
    def files(self) -> dict[str, FileEntry]:
        """The declared files with everything that is known about their writing."""
        named = {name: getattr(self, name) for name in TABLES}
        if self.lesions is not None:
            named["lesions"] = self.lesion_files[0]
        if self.redcap is not None:
            export = self.redcap
            entry = FileEntry(
                path=export.path, delimiter=export.delimiter, encoding=export.encoding, decimal=export.decimal
            )
            named |= dict.fromkeys(export.tables, entry)
        return {name: self._complete(entry) for name, entry in named.items() if isinstance(entry, FileEntry)}

    @property
    def lesion_files(self) -> tuple[LesionsEntry, ...]:
        """The files of the lesions, one or several exports, with everything that is known about their writing."""
        several = self.lesions if isinstance(self.lesions, tuple) else (self.lesions,)
        return tuple(self._complete(entry) for entry in several if entry is not None)

    def _complete(self, entry: Entry) -> Entry:
        return entry.model_copy(update={key: getattr(self, key) for key in WRITING if getattr(entry, key) is None})

    @property
    def is_plain(self) -> bool:
        """Whether the patients stand in a plain table of declared columns."""
        return self.redcap is None and len(self.files) == 1


class ColumnEntry(Strict):
    """``[column.NAME]``: a column of a file, or a factor cut from one with ``from``, ``cuts`` and ``labels``.

    ``cut_source`` says where the edges come from, for example a publication.

    With ``from``, ``reached_by`` and two ``labels`` it is a factor of what was reached by a time, for example
    ``from = "response_day"``, ``reached_by = 60``: first the label of those who reached it by then, then that of the
    others; a missing time means never. It groups patients from a landmark at or after that time on, and never from time
    zero.

    A number that a laboratory measured may name its ``quantity``: it is then checked to be plausible in its unit, and
    ``unit_in_file`` converts it. ``below_limit = "half"``, ``"root"`` or ``"limit"`` says what stands for cells such as
    ``<0.5``: half the limit, the limit over the square root of 2, or the limit. ``above_limit = "limit"`` reads
    ``>100`` as 100. ``limit_of_detection`` is the limit that cells below it must name.
    """

    label: str = ""
    type: ColumnType | None = None
    unit: str = ""
    role: Role = "baseline"
    table: Literal["patients", "follow_up"] = "patients"
    missing: Array[str] = ()
    levels: dict[str, Text] = Field(default_factory=dict)
    range: Pair | None = None
    reference: str | None = None
    source: Text | None = Field(default=None, alias="from")
    cuts: Ascending | None = None
    labels: Array[Text] | None = None
    cut_source: str = ""
    reached_by: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    quantity: Text | None = None
    unit_in_file: Text | None = None
    below_limit: BelowLimit | None = None
    above_limit: Literal["limit"] | None = None
    limit_of_detection: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> ColumnEntry:
        of_source = self._problems_of_cut if self.reached_by is None else self._problems_of_reached
        problems = of_source() if self.source is not None else self._problems_of_column()
        names = self.level_labels
        if self.reference is not None and self.reference not in names:
            problems.append(f"reference {self.reference!r} is not a level; {closest(self.reference, names)}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def level_labels(self) -> tuple[str, ...]:
        """Labels of the levels in order, none for numbers and text."""
        if self.source is not None:
            return self.labels or ()
        return tuple(dict.fromkeys(self.levels.values())) if self.type == "category" else ()

    def _problems_of_reached(self) -> list[str]:
        others = (*NOT_FOR_FACTORS, "cuts", "cut_source", "role")
        given = [key for key in others if key in self.model_fields_set]
        problems = [f"a factor of what was reached takes no {list_values(given)}"] if given else []
        if len(set(self.labels or ())) != 2:
            problems.append("labels must be two: of those who reached it by then, and of the others")
        return problems

    def _problems_of_cut(self) -> list[str]:
        given = [key for key in NOT_FOR_FACTORS if key in self.model_fields_set]
        problems = [f"a factor cut from a number takes no {list_values(given)}"] if given else []
        if self.cuts is None or self.labels is None:
            return [*problems, "a factor cut from a number needs cuts and labels, or reached_by and labels"]
        if len(self.labels) != len(self.cuts) + 1:
            problems.append(f"{len(self.cuts)} cuts make {len(self.cuts) + 1} groups and labels has {len(self.labels)}")
        if len(set(self.labels)) < len(self.labels):
            problems.append("two groups have the same label")
        return problems

    def _problems_of_column(self) -> list[str]:
        problems = []
        if self.cuts is not None or self.labels is not None or self.cut_source or self.reached_by is not None:
            problems.append("cuts, labels, cut_source and reached_by need the key from")
        if self.type is None:
            problems.append("type is required: number, integer, category, boolean, date, text or identifier")
        if self.type == "category" and not self.levels:
            problems.append('a category needs levels, such as levels = { "0" = "no", "1" = "yes" }')
        if self.levels and self.type not in {"category", "boolean"}:
            problems.append("levels are for a category, and nothing else has them")
        if self.type == "boolean" and not set(self.levels.values()) <= {"true", "false"}:
            problems.append('levels of a boolean mean "true" or "false", such as levels = { "J" = "true" }')
        if self.range is not None and self.type not in {"number", "integer"}:
            problems.append("range is for numbers")
        problems += self._problems_of_measurement()
        if self.range is not None and not self.range[0] < self.range[1]:
            problems.append("range must go from low to high")
        if (self.type == "identifier") != (self.role == "identifier") and "role" in self.model_fields_set:
            problems.append('type = "identifier" and role = "identifier" belong together')
        return problems

    def _problems_of_measurement(self) -> list[str]:
        given = [key for key in OF_MEASUREMENTS if getattr(self, key) is not None]
        if given and self.type not in {"number", "integer"}:
            return [f"{list_values(given)} is for numbers"]
        if self.type == "integer" and given:
            return [f'{list_values(given)} needs type = "number": what stands for a value is seldom whole']
        problems = (
            [] if self.below_limit or self.limit_of_detection is None else ["limit_of_detection needs below_limit"]
        )
        if self.unit_in_file is not None and self.quantity is None:
            problems.append('unit_in_file needs quantity, such as quantity = "hemoglobin"')
        if self.quantity is not None:
            problems += problems_of_units(self.quantity, [self.unit, self.unit_in_file or self.unit])
        return problems


class MinEvents(Strict):
    """``min_events``: fewer events than these, and the number is not printed."""

    hazard_ratio: Annotated[int, Field(ge=1)] = LEAST_EVENTS_FOR_RATIO
    performance: Annotated[int, Field(ge=1)] = LEAST_EVENTS_FOR_PERFORMANCE
    forest: Annotated[int, Field(ge=1)] = LEAST_EVENTS_FOR_FOREST


class GroupsEntry(Strict):
    """``[groups]``: columns of the disease group and the entity below it, and how many events a number needs."""

    column: Text | None = None
    entity: Text | None = None
    min_events: MinEvents = MinEvents()


class AnalysisSetEntry(Strict):
    """``[analysis_set.NAME]``: which patients, by filters on their columns.

    One filter, an array of filters, or filters with the reason for which a patient leaves:
    ``include = { "confirmed" = "disease not confirmed", "age_years >= 18" = "younger than 18 years" }``.
    """

    include: Annotated[Any, PlainValidator(_rules)]
    label: str = ""


class MarkerEntry(Strict):
    """``[[marker]]``: a marker that is analysed; the primary one is locked before outcomes are joined."""

    name: Text
    role: Literal["primary", "comparator", "exploratory"] = "exploratory"
    transform: Literal["log2", "log", "log1p", "sqrt", "none"] = "log2"
    endpoint: Text | None = None

    @model_validator(mode="after")
    def _primary_endpoint(self) -> MarkerEntry:
        if self.endpoint is not None and self.role != "primary":
            raise ValueError("endpoint belongs to the primary marker, whose question is locked")
        return self

    @property
    def term(self) -> str:
        """The marker as a term of a formula."""
        column = FormulaColumn(self.name).label
        return column if self.transform == "none" else f"{self.transform}({column})"


class WaiveEntry(Strict):
    """``[[waive]]``: a finding in the data that the study accepts, row by row."""

    code: Text
    rows: Array[Annotated[int, Field(ge=1)]] = ()
    reason: Text
    table: str | None = None


class ExcludeEntry(Strict):
    """``[[exclude]]``: a patient whom the study sets aside."""

    id: Text
    reason: Text
