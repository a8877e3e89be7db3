"""What a study file says about clinical indices: the survival that was published for each of their groups."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from survmodel.errors import closest
from survmodel.formatting import format_significant
from survmodel.markers.indices import ALL, NOT_BUILT
from survmodel.outcome.endpoints import UNITS
from survmodel.study.settings_base import Names, Strict, Text

#: The column of the analysis table that is made of the declared indices.
CLINICAL_INDEX = "clinical_index"
#: Columns of the data schema: the group of the index where it stands ready-made, and which index it is of.
INDEX_GROUP, INDEX_NAME = "index_group", "index_name"


def _probability(value: float) -> float:
    if value > 1:
        raise ValueError(f"must be a probability, not a percentage, found {value:g}")
    if not 0 < value < 1:
        raise ValueError(f"must lie between 0 and 1, found {value:g}: its log(-log) does not exist at either end")
    return value


Probability = Annotated[float, Field(json_schema_extra={"exclusiveMinimum": 0, "exclusiveMaximum": 1}),
                        AfterValidator(_probability)]  # fmt: skip


def _levels(value: dict[str, float]) -> dict[str, float]:
    if len(value) == 1:
        raise ValueError("must give the survival of two levels or more, such as { low = 0.95, high = 0.55 }")
    return value


def _fill(given: Any) -> Any:  # noqa: ANN401 - whatever a file holds
    """Complete an index that is computed by what is published for it."""
    key = given.get("index") if isinstance(given, dict) else None
    if key is None:
        return given
    if str(key).casefold() in NOT_BUILT:
        raise ValueError(f"index: {NOT_BUILT[str(key).casefold()]}")
    if key not in ALL:
        raise ValueError(f"index: {key!r} is not known; {closest(str(key), ALL)}")
    found, index = dict(given), ALL[key]
    found.setdefault("column", group_name(key))
    published = index.published
    if "survival" not in found and published is not None and None not in published.survival:
        own = {"survival": dict(zip(index.groups, published.survival, strict=True)), "horizon": float(published.years)}
        own |= {"unit": "years", "source": f"{published.endpoint}, {index.citation}"}
        for name in ("horizon", "unit", "source"):
            if name in found:
                raise ValueError(f"{name}: belongs to survival, which is that of {index.citation}; leave it out")
        found |= own
    return found


class ClinicalIndexEntry(Strict):
    """``[clinical_index.GROUP]``: the clinical index of a disease group or entity, with the survival of its levels.

    ``column`` holds the level of each patient, or ``index = "mipi"`` computes an index of ``survmodel.indices`` for the
    patients of the group: its value is the column ``mipi``, its groups are ``mipi_group``. Inputs are columns of the
    study; ``columns = { wbc = "leukocytes" }`` names those that are called otherwise, ``without = ["nodal_areas"]``
    those that nobody has, so that patients have a group where the bounds of the index agree. ``stage`` is the column
    of the stage, ``stage_ct`` without the key; that of CXCR4 PET is refused. ``unverified = true`` uses an index whose
    rule is not verified.

    ``survival`` is the published probability of being alive (or free of the event) at ``horizon`` for each level,
    ``{ low = 0.95, intermediate = 0.80, high = 0.55 }``, and ``source`` says where it was published; an index that is
    computed brings them where they are on record. An entity with a table of its own takes no part in that of its
    disease group. Horizons must be the same in all of them. The column ``clinical_index`` of the analysis is made of
    these tables; ``published_risk(clinical_index)`` puts it into a formula.
    """

    column: Text = ""
    index: Text | None = None
    columns: dict[str, Text] = Field(default_factory=dict)
    without: Names = ()
    stage: Text | None = None
    unverified: bool = False
    horizon: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    unit: Literal["days", "months", "years"] = "months"
    survival: Annotated[dict[str, Probability], AfterValidator(_levels)] = Field(default_factory=dict)
    source: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:  # noqa: ANN401
        return _fill(given)

    @model_validator(mode="after")
    def _look_whole(self) -> ClinicalIndexEntry:
        if self.index is None:
            own = {"columns": self.columns, "without": self.without, "stage": self.stage, "unverified": self.unverified}
            for name, value in own.items():
                if value:
                    raise ValueError(f"{name}: belongs to an index that is computed; name it as index")
            if not self.column:
                raise ValueError("column: required and not given; name that of the levels, or an index to compute")
            if not self.survival:
                raise ValueError("survival: required and not given; it is that of each level as published")
        elif self.column != group_name(self.index):
            raise ValueError("column: the levels of a computed index have a column of their own; leave it out")
        for name, given in (("horizon", self.horizon > 0), ("source", self.source)):
            if self.survival and not given:
                raise ValueError(f"{name}: required and not given; survival is that of a time, published somewhere")
        return self

    @property
    def days(self) -> float:
        """The horizon in days."""
        return self.horizon * UNITS[self.unit]

    @property
    def at(self) -> str:
        """The horizon in words."""
        return f"{format_significant(self.horizon, 6)} {self.unit}"


def group_name(key: str) -> str:
    """Name the column of the groups of a computed index.

    Parameters
    ----------
    key : str
        Name of the index.

    Returns
    -------
    str
        Name of the column.
    """
    return f"{key}_group"
