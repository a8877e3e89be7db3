"""What a study file may say: strict, frozen models, one for each table of the file.

A key whose engine does not exist yet is refused, never ignored.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from survmodel.data.columns import ColumnType, Role
from survmodel.errors import closest, list_values
from survmodel.models.limits import ConfType

Item = TypeVar("Item")

#: Tables and keys that the design knows and this version cannot compute yet.
NOT_YET = frozenset({
    "analysis_set", "baseline", "censor", "checklists", "clinical_index", "column_map", "data_lock", "events",
    "follow_up", "groups", "lesions", "marker", "missing", "origin", "reader", "scans", "sensitivity", "sheet",
    "style", "tracer", "validation", "waive",
})  # fmt: skip

ENCODINGS = Literal["utf-8", "utf-16", "cp1252", "cp1250", "iso-8859-1", "iso-8859-15"]


def _tuple(value: Any) -> Any:  # noqa: ANN401
    """Turn a TOML array into a tuple; strict models take no list for one."""
    return tuple(value) if isinstance(value, list) else value


def _names(value: Any) -> Any:  # noqa: ANN401
    """Let one name stand for an array of one."""
    return (value,) if isinstance(value, str) else _tuple(value)


def _codes(value: object) -> object:
    """Let one code stand for an array of one."""
    codes = tuple(value) if isinstance(value, list) else (value,)
    if not codes or any(isinstance(code, bool) or not isinstance(code, int | str) for code in codes):
        raise ValueError("must be a whole number or a text, or an array of these")
    if len(set(codes)) < len(codes):
        raise ValueError("a code stands twice")
    return codes


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if not values or any(b <= a for a, b in itertools.pairwise(values)):
        raise ValueError("must be numbers in ascending order, at least one")
    return values


def _positive(values: tuple[float, ...]) -> tuple[float, ...]:
    if any(value <= 0 for value in values):
        raise ValueError("must be above 0")
    return _ascending(values) if values else values


def _not_yet(value: object) -> object:
    raise ValueError(f"{value!r} is not available in this version; leave the key out")


Array = Annotated[tuple[Item, ...], BeforeValidator(_tuple)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Text = Annotated[str, Field(min_length=1, max_length=10_000)]


class Strict(BaseModel):
    """A frozen table of the study file that refuses unknown keys and wrong types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class FileEntry(Strict):
    """``patients = { path = "patients.csv" }``."""

    path: Text


class DataEntry(Strict):
    """``[data]``: the file and how it is written."""

    patients: FileEntry
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: ENCODINGS = "utf-8"
    decimal: Literal[".", ","] = "."

    @model_validator(mode="after")
    def _marks_differ(self) -> DataEntry:
        if self.delimiter == self.decimal:
            raise ValueError("delimiter and decimal are the same character")
        return self


class ColumnEntry(Strict):
    """``[column.NAME]``: a column of the file, or a factor cut from one with ``from``, ``cuts`` and ``labels``."""

    label: str = ""
    type: ColumnType | None = None
    unit: str = ""
    role: Role = "baseline"
    missing: Array[str] = ()
    levels: dict[str, Text] = {}
    range: Annotated[tuple[float, float] | None, BeforeValidator(_tuple)] = None
    reference: str | None = None
    source: Text | None = Field(default=None, alias="from")
    cuts: Annotated[tuple[float, ...], BeforeValidator(_tuple), AfterValidator(_ascending)] | None = None
    labels: Array[Text] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> ColumnEntry:
        problems = self._problems_of_cut() if self.source is not None else self._problems_of_column()
        names = self.level_labels
        if self.reference is not None and self.reference not in names:
            problems.append(f"reference {self.reference!r} is not a level; {closest(self.reference, names)}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def level_labels(self) -> tuple[str, ...]:
        """Labels of the levels in order, none for numbers and text."""
        return self.labels or () if self.source is not None else tuple(dict.fromkeys(self.levels.values()))

    def _problems_of_cut(self) -> list[str]:
        given = [key for key in ("type", "unit", "missing", "levels", "range") if key in self.model_fields_set]
        problems = [f"a factor cut from a number takes no {list_values(given)}"] if given else []
        if self.cuts is None or self.labels is None:
            return [*problems, "a factor cut from a number needs cuts and labels"]
        if len(self.labels) != len(self.cuts) + 1:
            problems.append(f"{len(self.cuts)} cuts make {len(self.cuts) + 1} groups and labels has {len(self.labels)}")
        if len(set(self.labels)) < len(self.labels):
            problems.append("two groups have the same label")
        return problems

    def _problems_of_column(self) -> list[str]:
        problems = []
        if self.cuts is not None or self.labels is not None:
            problems.append("cuts and labels need the key from")
        if self.type is None:
            problems.append("type is required: number, integer, category, text or identifier")
        if (self.type == "category") != bool(self.levels):
            problems.append('a category, and nothing else, needs levels, such as levels = { "0" = "no", "1" = "yes" }')
        if self.range is not None and self.type not in {"number", "integer"}:
            problems.append("range is for numbers")
        if self.range is not None and not self.range[0] < self.range[1]:
            problems.append("range must go from low to high")
        if (self.type == "identifier") != (self.role == "identifier") and "role" in self.model_fields_set:
            problems.append('type = "identifier" and role = "identifier" belong together')
        return problems


class EndpointEntry(Strict):
    """``[endpoint.NAME]``: ready-made times and events.

    ``event_value = [1, 2]`` makes one event of several codes; ``competing = { "2" = "death without relapse" }`` keeps
    them apart, by the code of the file and what it means.
    """

    time: Text
    event: Text
    event_value: Annotated[tuple[int | str, ...] | None, BeforeValidator(_codes)] = None
    event_label: str = ""
    competing: dict[str, Text] = {}
    unit: Text
    label: str = ""
    entry: Text | None = None
    horizons: Annotated[tuple[float, ...], BeforeValidator(_tuple), AfterValidator(_positive)] = ()

    @model_validator(mode="after")
    def _causes_differ(self) -> EndpointEntry:
        problems = []
        if self.competing and self.event_value is None:
            problems.append("competing events need event_value, which says what the event itself is")
        both = [str(code) for code in self.event_value or () if str(code) in self.competing]
        if both:
            problems.append(f"code {list_values(both)} is the event and competes with it")
        names = [name for name in (self.event_label, *self.competing.values()) if name]
        if len(set(names)) < len(names):
            problems.append("two events have the same label")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class CurveEntry(Strict):
    """``[[curve]]``: Kaplan-Meier curves by the levels of a factor."""

    endpoint: Text
    by: Text | None = None
    conf_type: ConfType = "log-log"


class ModelEntry(Strict):
    """``[model.NAME]``: a Cox model."""

    kind: Literal["cox"]
    endpoint: Text
    formula: Text
    strata: Names = ()
    ties: Literal["efron", "breslow"] = "efron"
    penalty: Annotated[None, BeforeValidator(_not_yet)] = None
    label: str = ""


class ReportEntry(Strict):
    """``[report]``: how the results are written."""

    title: str = ""
    formats: Array[Literal["html"]] = ("html",)


class StudySettings(Strict):
    """The whole study file."""

    schema_version: Literal[1] = Field(alias="schema")
    title: Text
    source: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    data: DataEntry
    column: dict[str, ColumnEntry]
    endpoint: Annotated[dict[str, EndpointEntry], Field(min_length=1)]
    curve: Array[CurveEntry] = ()
    model: dict[str, ModelEntry] = {}
    report: ReportEntry = ReportEntry()
