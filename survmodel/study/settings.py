"""What a study file may say: strict, frozen models, one for each table of the file.

A key whose engine does not exist yet is refused, never ignored.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, model_validator

from survmodel.errors import list_values
from survmodel.markers.labs import LabRule
from survmodel.models.limits import ConfType
from survmodel.outcome.endpoints import UNITS
from survmodel.outcome.intercurrent import Rule
from survmodel.outcome.standard_endpoints import STANDARD_ENDPOINTS
from survmodel.study.settings_acquisition import AcquisitionEntry
from survmodel.study.settings_added import AddedValueEntry, CutpointEntry
from survmodel.study.settings_base import Array, Codes, Names, Strict, Text, Times
from survmodel.study.settings_data import (
    AnalysisSetEntry,
    ColumnEntry,
    DataEntry,
    ExcludeEntry,
    GroupsEntry,
    MarkerEntry,
    WaiveEntry,
)
from survmodel.study.settings_first import FirstEventEntry, problems_of_first
from survmodel.study.settings_index import ClinicalIndexEntry
from survmodel.study.settings_labs import LabsEntry
from survmodel.study.settings_models import ModelEntry, ValidationEntry
from survmodel.study.settings_mrd import MrdEntry
from survmodel.study.settings_response import ResponseEntry
from survmodel.study.settings_sensitivity import ReadsEntry, SensitivityEntry
from survmodel.study.settings_standard import fill_standard

#: Tables and keys that the design knows and this version cannot compute yet.
NOT_YET = frozenset({"baseline", "checklists", "style"})
#: Set of patients that endpoints are analysed in, when it is declared and they say nothing else.
PROGNOSTIC = "prognostic"
#: Where time begins, unless an endpoint of dates says something else.
SCAN_DATE = "cxcr4_scan_date"
#: An origin before it: patients come under observation at the scan, and are not counted as at risk before it.
DIAGNOSIS = "diagnosis_date"


def _competing(value: object) -> object:
    """Read codes with what they mean, or names of events that are dated."""
    names = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(
            'must say what each code means, competing = { "2" = "death" }, or name dated events, competing = ["death"]'
        )
    return value if isinstance(value, dict) else tuple(names)


class EndpointEntry(Strict):
    """``[endpoint.NAME]``: made of dates, or of ready-made times and events.

    Of ready-made times, ``event_value = [1, 2]`` makes one event of several codes, and
    ``competing = { "2" = "death without relapse" }`` keeps them apart, by the code of the file and what it means. Of
    dates, ``events`` and ``competing`` name events, and ``columns`` the column of an event that is not one of the data
    schema.

    Ready-made times may be those of several events: ``first`` lists them, and ``time`` is then the end of observation
    of each patient. The earliest event counts; of events at one time the one that is listed first.

    ``landmark = 60`` analyses those who are under observation and free of the events at that time, in the unit of the
    endpoint. Time and horizons count from there, and the report adds to the label that they do.

    ``kind = "pfs"`` is a standard endpoint of dates, whose events are known: os, pfs, ttp, efs, rfs, dor, ttft, ttnt,
    cir, nrm, pfs24, efs24 and pod24. Those that begin at a response need an ``origin``. ``variants = true`` adds its
    usual sensitivity analyses. ``intercurrent = { new_treatment = "hypothetical" }`` decides about events that come in
    between: ``treatment_policy`` follows on regardless, as without the key, ``hypothetical`` censors at the event,
    ``composite`` counts it and ``competing`` lets it compete.
    """

    kind: Text | None = None
    intercurrent: dict[str, Rule] = Field(default_factory=dict)
    variants: bool = False
    time: Text | None = None
    event: Text | None = None
    event_value: Codes | None = None
    event_label: str = ""
    first: Array[FirstEventEntry] = ()
    entry: Text | None = None
    origin: Text | None = None
    events: Names = ()
    censor: Text | None = None
    censor_at: Names = ()
    columns: dict[str, Text] = Field(default_factory=dict)
    competing: Annotated[Any, PlainValidator(_competing)] = Field(default_factory=dict)
    unit: Text | None = None
    label: str = ""
    horizons: Times = ()
    landmark: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    analysis_set: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a file holds
        return fill_standard(given)

    @model_validator(mode="after")
    def _one_kind(self) -> EndpointEntry:
        look = self._problems_of_first if self.first else self._problems_of_times
        problems = self._problems_of_dates() if self.is_dated else look()
        if self.variants and (self.kind is None or not STANDARD_ENDPOINTS[self.kind].variants):
            problems.append("variants belongs to a standard endpoint that has some, such as kind = 'pfs'")
        if self.intercurrent and not self.is_dated:
            problems.append("intercurrent belongs to an endpoint of dates")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def is_dated(self) -> bool:
        """Whether it is made of dates."""
        return bool(self.events or self.origin or self.censor or self.censor_at or self.columns)

    @property
    def competing_codes(self) -> dict[str, str]:
        """Code and label of each competing event of ready-made times."""
        return self.competing if isinstance(self.competing, dict) else {}

    def _problems_of_dates(self) -> list[str]:
        given = [key for key in ("time", "event", "event_value", "first") if getattr(self, key)]
        problems = [f"{list_values(given)} belongs to ready-made times, and events to dates"] if given else []
        if not self.events:
            problems.append('events is required, such as events = ["progression", "death"]')
        if self.competing and isinstance(self.competing, dict):
            problems.append('competing events of dates are names: competing = ["death"]')
        if self.unit is not None and self.unit not in UNITS:
            problems.append(f"unit must be one of {list_values(list(UNITS))}")
        return problems

    @property
    def time_columns(self) -> tuple[str, ...]:
        """Columns of ready-made times: the end of observation, and the time of each event that has one."""
        own = (self.time, *(event.time for event in self.first))
        return tuple(dict.fromkeys(name for name in own if name is not None))

    @property
    def event_columns(self) -> dict[str, Codes | None]:
        """Columns of ready-made events, each with the codes that mean one."""
        own = {self.event: self.event_value} | {event.event: event.event_value for event in self.first}
        return {name: codes for name, codes in own.items() if name is not None}

    def _problems_of_first(self) -> list[str]:
        lacking = [key for key in ("time", "unit") if getattr(self, key) is None]
        problems = [f"needs {list_values(lacking)} beside first"] if lacking else []
        given = [key for key in ("event", "event_value", "event_label", "competing") if getattr(self, key)]
        if given:
            problems.append(f"{list_values(given)} belongs to the events that first lists")
        return problems + problems_of_first(self.first, self.time)

    def _problems_of_times(self) -> list[str]:
        lacking = [key for key in ("time", "event", "unit") if getattr(self, key) is None]
        if lacking:
            return [f"needs {list_values(lacking)}, or events and their dates"]
        problems = []
        if isinstance(self.competing, tuple) and self.competing:
            problems.append('competing events of ready-made times have codes: competing = { "2" = "death" }')
        codes = self.competing_codes
        if codes and self.event_value is None:
            problems.append("competing events need event_value, which says what the event itself is")
        both = [str(code) for code in self.event_value or () if str(code) in codes]
        if both:
            problems.append(f"code {list_values(both)} is the event and competes with it")
        names = [name for name in (self.event_label, *codes.values()) if name]
        if len(set(names)) < len(names):
            problems.append("two events have the same label")
        return problems


class CurveEntry(Strict):
    """``[[curve]]``: Kaplan-Meier curves by the levels of a factor."""

    endpoint: Text
    by: Text | None = None
    conf_type: ConfType = "log-log"


class MissingEntry(Strict):
    """``[missing]``: what is done about missing values.

    Under ``complete_case`` each model leaves out patients who lack a value of it. Under ``multiple_imputation`` Cox
    models are fitted to ``m`` completed tables and pooled, and validation imputes anew in each resample. Values are
    imputed within disease, from the columns of the models of an endpoint and from ``columns``, which help to predict
    what is missing. Without ``m`` there are 20 imputations, or as many as the percentage of incomplete patients where
    that is more; fewer are refused.
    """

    method: Literal["complete_case", "multiple_imputation"] = "complete_case"
    m: Annotated[int, Field(ge=20, le=1000)] | None = None
    iterations: Annotated[int, Field(ge=5, le=1000)] = 10
    columns: Names = ()

    @model_validator(mode="after")
    def _belongs_to_imputation(self) -> MissingEntry:
        given = [key for key in ("m", "iterations", "columns") if key in self.model_fields_set]
        if given and self.method == "complete_case":
            raise ValueError(f'{list_values(given)} needs method = "multiple_imputation"')
        return self


class ReportEntry(Strict):
    """``[report]``: how the results are written."""

    title: str = ""
    table_one: Array[Text] = ()
    formats: Array[Literal["html"]] = ("html",)


class StudySettings(Strict):
    """The whole study file."""

    schema_version: Literal[1] = Field(alias="schema")
    title: Text
    source: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    data_lock: datetime.date | None = None
    synthetic: bool = False
    data: DataEntry
    column: dict[str, ColumnEntry] = Field(default_factory=dict)
    groups: GroupsEntry = GroupsEntry()
    clinical_index: dict[str, ClinicalIndexEntry] = Field(default_factory=dict)
    analysis_set: dict[str, AnalysisSetEntry] = Field(default_factory=dict)
    endpoint: Annotated[dict[str, EndpointEntry], Field(min_length=1)]
    marker: Array[MarkerEntry] = ()
    curve: Array[CurveEntry] = ()
    model: dict[str, ModelEntry] = Field(default_factory=dict)
    validation: ValidationEntry = ValidationEntry()
    added_value: AddedValueEntry | None = None
    cutpoint: Array[CutpointEntry] = ()
    sensitivity: Array[SensitivityEntry] = ()
    reads: ReadsEntry = ReadsEntry()
    labs: LabsEntry | None = None
    acquisition: AcquisitionEntry = AcquisitionEntry()
    mrd: MrdEntry = MrdEntry()
    response: Array[ResponseEntry] = ()
    missing: MissingEntry = MissingEntry()
    waive: Array[WaiveEntry] = ()
    exclude: Array[ExcludeEntry] = ()
    report: ReportEntry = ReportEntry()

    def set_of(self, endpoint: str) -> str:
        """Name the analysis set of an endpoint: its own, else the prognostic one where it is declared, else all."""
        named = self.endpoint[endpoint].analysis_set
        return named or (PROGNOSTIC if PROGNOSTIC in self.analysis_set else "all")

    @property
    def lab_rule(self) -> LabRule:
        """Which laboratory samples count, and in which units they are analysed."""
        return LabRule() if self.labs is None else self.labs.rule

    @property
    def primary_marker(self) -> MarkerEntry | None:
        """The primary marker, when one is declared."""
        return next((marker for marker in self.marker if marker.role == "primary"), None)
