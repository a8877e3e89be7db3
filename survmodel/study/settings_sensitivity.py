"""What a study file declares about sensitivity analyses: the question again, under another decision."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from survmodel.errors import list_values
from survmodel.outcome.intercurrent import Rule
from survmodel.study.settings_base import Names, Strict, Text

Reader = Literal["consensus", "reader_1", "reader_2"]
#: Keys of which an entry changes one or more.
CHANGES = ("filter", "leave_out", "origin", "censor", "censor_at", "intercurrent", "segmentation", "read")
#: Those that are about dates.
OF_DATES = ("origin", "censor", "censor_at", "intercurrent")


class ReadsEntry(Strict):
    """``[reads]``: whose read decides whether a scan is positive.

    The consensus, where there is none the first reader, else the second; or one reader alone.
    """

    decides: Reader = "consensus"


class SensitivityEntry(Strict):
    """``[[sensitivity]]``: the declared question once more, with something decided otherwise; one row in the report.

    ``filter`` keeps only the patients it selects, ``filter = "cxcr4_scanner == 'A'"``, and ``leave_out =
    "cxcr4_scanner"`` leaves each scanner out in turn, with a row for each. ``origin``, ``censor`` and ``censor_at``
    replace those of an endpoint of dates: ``censor_at = ["new_treatment_date"]``. ``intercurrent`` decides otherwise
    about events that come in between: ``intercurrent = { new_treatment = "composite" }``. ``segmentation`` takes the
    volumes and uptakes of the model under another rule, and ``read`` another reader's call. The model is that of
    ``[added_value]`` with the marker, else the one that ``model`` names.
    """

    name: Text
    model: Text | None = None
    filter: Text | None = None
    leave_out: Text | None = None
    origin: Text | None = None
    censor: Text | None = None
    censor_at: Names = ()
    intercurrent: dict[str, Rule] = Field(default_factory=dict)
    segmentation: Annotated[str, Field(min_length=1)] | None = None
    read: Reader | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> SensitivityEntry:
        if not self.changed:
            raise ValueError(f"changes nothing; give one of {list_values(list(CHANGES))}")
        return self

    @property
    def changed(self) -> tuple[str, ...]:
        """Keys that it gives."""
        return tuple(key for key in CHANGES if getattr(self, key))
