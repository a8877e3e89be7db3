"""What a study file says about how scans should have been made."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from survmodel.data.acquisition import WINDOWS, Window
from survmodel.study.settings_base import Strict, Times


class WindowEntry(Strict):
    """``[acquisition.cxcr4]`` or ``[acquisition.fdg]``: the windows of the protocol.

    ``uptake_min = [45, 75]`` minutes from injection to scan, ``activity_mbq_per_kg = [1.85, 3.71]``, and the highest
    glucose in mmol/L. An empty array looks at nothing. What is not named here is not looked at either.
    """

    uptake_min: Times = ()
    activity_mbq_per_kg: Times = ()
    glucose_max: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _two_ends(self) -> WindowEntry:
        for name in ("uptake_min", "activity_mbq_per_kg"):
            if len(getattr(self, name)) not in {0, 2}:
                raise ValueError(f"{name} has a low and a high end, such as [45, 75]")
        return self

    @property
    def window(self) -> Window:
        """The same without the words of a study file."""
        uptake, activity = (
            (ends[0], ends[1]) if ends else None for ends in (self.uptake_min, self.activity_mbq_per_kg)
        )
        return Window(uptake, activity, self.glucose_max)


class AcquisitionEntry(Strict):
    """``[acquisition]``: windows by tracer; without one of them the published windows hold for its tracer."""

    cxcr4: WindowEntry | None = None
    fdg: WindowEntry | None = None

    @property
    def windows(self) -> dict[str, Window]:
        """Windows by tracer."""
        given = {"cxcr4": self.cxcr4, "fdg": self.fdg}
        return {tracer: WINDOWS[tracer] if entry is None else entry.window for tracer, entry in given.items()}
