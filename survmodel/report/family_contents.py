"""Markers of a study that measure the same, by name, and the models that hold several of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from survmodel.performance.marker_families import MarkerFamilies
from survmodel.report.answers import Answer


@dataclass(frozen=True, slots=True)
class FamilyPart:
    """Families of markers.

    Parameters
    ----------
    families : Answer of MarkerFamilies
        Which markers go up and down together in the patients of the study.
    labels : mapping of str to str
        Label of each marker.
    crowded : tuple of (str, tuple of str)
        Models that hold two markers or more of one family: label, and labels of those markers.
    """

    families: Answer[MarkerFamilies]
    labels: Mapping[str, str] = field(default_factory=dict)
    crowded: tuple[tuple[str, tuple[str, ...]], ...] = ()
