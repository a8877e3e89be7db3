"""Models that were scored in a scanner, a site or another group that they had not seen, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from survmodel.performance.leave_group_out import GroupValidation
from survmodel.report.answers import Answer


@dataclass(frozen=True, slots=True)
class LeftOutPart:
    """Models of an endpoint with each group left out in turn.

    Parameters
    ----------
    column : str
        Label of the groups.
    labels : mapping of str to str
        Label of each model.
    answer : Answer of GroupValidation
        C in each group, of the models that were fitted to the others.
    n_unknown : int
        Patients of the endpoint without a group or with a missing value in one of the models.
    """

    column: str
    labels: Mapping[str, str]
    answer: Answer[GroupValidation]
    n_unknown: int = 0
