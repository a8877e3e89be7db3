"""What a study file says about clinical indices: the survival that was published for each of their groups."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from survmodel.formatting import format_significant
from survmodel.outcome.endpoints import UNITS
from survmodel.study.settings_base import Strict, Text

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
    if len(value) < 2:
        raise ValueError("must give the survival of two levels or more, such as { low = 0.95, high = 0.55 }")
    return value


class ClinicalIndexEntry(Strict):
    """``[clinical_index.GROUP]``: the clinical index of a disease group or entity, with the survival of its levels.

    ``column`` holds the level of each patient, ``survival`` the published probability of being alive (or free of the
    event) at ``horizon`` for each of them, ``{ low = 0.95, intermediate = 0.80, high = 0.55 }``, and ``source`` says
    where it was published. An entity with a table of its own takes no part in that of its disease group. Horizons must
    be the same in all of them. The column ``clinical_index`` of the analysis is made of these tables;
    ``published_risk(clinical_index)`` puts it into a formula.
    """

    column: Text
    horizon: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    unit: Literal["days", "months", "years"] = "months"
    survival: Annotated[dict[str, Probability], Field(json_schema_extra={"minProperties": 2}), AfterValidator(_levels)]
    source: Text

    @property
    def days(self) -> float:
        """The horizon in days."""
        return self.horizon * UNITS[self.unit]

    @property
    def at(self) -> str:
        """The horizon in words."""
        return f"{format_significant(self.horizon, 6)} {self.unit}"
