"""What a report knows of a cut-point that was searched in its own patients."""

from __future__ import annotations

from dataclasses import dataclass

from survmodel.models.cutpoint import MaximallySelectedLogrank
from survmodel.models.cutpoint_bootstrap import BootstrapCutpoint
from survmodel.report.answers import Answer
from survmodel.report.document import FigureBlock


@dataclass(frozen=True, slots=True)
class CutpointPart:
    """The search for a cut of one marker.

    Parameters
    ----------
    marker, label : str
        Column, and how it is called.
    search : Answer of MaximallySelectedLogrank
        The best cut with its p-value and hazard ratios.
    stability : Answer of BootstrapCutpoint
        Where it falls in resamples.
    figure : FigureBlock, optional
        The profile.
    """

    marker: str
    label: str
    search: Answer[MaximallySelectedLogrank]
    stability: Answer[BootstrapCutpoint]
    figure: FigureBlock | None = None
