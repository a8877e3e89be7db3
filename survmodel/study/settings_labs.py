"""What a study file says about laboratory values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from survmodel.data.columns import BelowLimit, LimitRule
from survmodel.data.quantities import find_quantity, load_quantities
from survmodel.errors import ConfigError, closest
from survmodel.markers.labs import LabRule
from survmodel.study.settings_base import Strict, Text


def problems_of_units(name: str, units: Sequence[str]) -> list[str]:
    """Look for a quantity that is not known, and for units in which it does not come.

    Parameters
    ----------
    name : str
        Quantity.
    units : sequence of str
        Units that the study gives it.

    Returns
    -------
    list of str
        The first problem, or nothing.
    """
    try:
        quantity = find_quantity(name)
        for unit in units:
            quantity.factor(unit, quantity.unit)
    except ConfigError as error:
        return [f"{error.problem}; {error.remedy}".rstrip("; ")]
    return []


class LabsEntry(Strict):
    """``[labs]``: which sample of the laboratory table counts, its units, and values beyond a limit of detection.

    The last sample from ``days_before`` the baseline CXCR4 scan up to it counts, else the first one up to
    ``days_after`` it. ``units = { hemoglobin = "g/L" }`` is the unit of analysis where it is not that of the data
    schema.
    """

    days_before: Annotated[int, Field(ge=0, le=3650)] = 30
    days_after: Annotated[int, Field(ge=0, le=365)] = 0
    units: dict[str, Text] = Field(default_factory=dict)
    below_limit: BelowLimit | None = None
    above_limit: Literal["limit"] | None = None

    @model_validator(mode="after")
    def _known_units(self) -> LabsEntry:
        names = [one.name for one in load_quantities()]
        problems = [f"units: no test {name!r}; {closest(name, names)}" for name in self.units if name not in names]
        for name, unit in self.units.items():
            problems += problems_of_units(name, [unit]) if name in names else []
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def rule(self) -> LabRule:
        """Which sample counts, and in which unit."""
        return LabRule(self.days_before, self.days_after, self.units)

    @property
    def limits(self) -> LimitRule:
        """What stands for values beyond a limit."""
        return LimitRule(self.below_limit, self.above_limit)
