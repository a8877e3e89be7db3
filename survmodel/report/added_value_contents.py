"""What a report knows of the value that a marker adds."""

from __future__ import annotations

from dataclasses import dataclass

from survmodel.performance.added_value import AddedValue
from survmodel.report.answers import Answer
from survmodel.report.document import FigureBlock


@dataclass(frozen=True, slots=True)
class AddedValuePart:
    """The declared pair of models.

    Parameters
    ----------
    names, labels : tuple of (str, str)
        The smaller and the larger model, by their names in the study file and as they are called.
    marker : str
        How the added marker is called.
    answer : Answer of AddedValue
        The comparison with its claim.
    figures : tuple of FigureBlock
        Corrected changes, and net benefit where an action was declared.
    """

    names: tuple[str, str]
    labels: tuple[str, str]
    marker: str
    answer: Answer[AddedValue]
    figures: tuple[FigureBlock, ...] = ()
