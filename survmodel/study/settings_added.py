"""What a study file declares about markers: the value that they add, and cut-points that are searched."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from survmodel.study.settings_base import Array, Strict, Text


class CutpointEntry(Strict):
    """``[[cutpoint]]``: a cut of a marker that is searched in these patients, exploratory by its nature.

    ``min_share`` of the patients and ``min_events`` events on each side; no model can use such a cut.
    """

    endpoint: Text
    marker: Text
    min_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    min_events: Annotated[int, Field(ge=1)] = 10
    permutations: Annotated[int, Field(ge=999, le=1_000_000)] = 10_000


class AddedValueEntry(Strict):
    """``[added_value]``: the pair of models that the question is judged by, locked before outcomes are joined.

    ``smallest_useful_hazard_ratio`` is for one unit of the added column as it stands in the formula: of
    ``log2(cxcr4_suvmax)`` for a doubling. Without it no result can be "no useful value". A decision curve needs an
    ``action`` with its ``thresholds`` of risk at a ``horizon``, all declared here. ``repeats`` resamples, else those of
    ``[validation]``.
    """

    base: Text
    full: Text
    marker_label: str = ""
    smallest_useful_hazard_ratio: Annotated[float, Field(gt=0)] | None = None
    action: str = ""
    thresholds: Array[Annotated[float, Field(gt=0, lt=1)]] = ()
    horizon: Annotated[float, Field(gt=0)] | None = None
    repeats: Annotated[int, Field(ge=10, le=100_000)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> AddedValueEntry:
        problems = []
        if self.base == self.full:
            problems.append("base and full are the same model")
        if self.smallest_useful_hazard_ratio == 1:
            problems.append("a smallest useful hazard ratio of 1 is no effect")
        declared = [bool(self.action.strip()), bool(self.thresholds), self.horizon is not None]
        if any(declared) and not all(declared):
            problems.append("a decision curve needs action, thresholds and horizon together")
        if any(b <= a for a, b in zip(self.thresholds, self.thresholds[1:], strict=False)):
            problems.append("thresholds must be in ascending order")
        if problems:
            raise ValueError("; ".join(problems))
        return self
