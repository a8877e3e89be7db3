"""What the two tracers show in the same patients, by name: accuracy, stages, uptake, lesions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from survmodel.models.description import Description
from survmodel.performance.correlations import RankCorrelations, SizeDependence
from survmodel.performance.delong import DeLongTest
from survmodel.performance.paired_accuracy import PairedAccuracy
from survmodel.performance.paired_uptake import PairedValues
from survmodel.performance.stage_migration import StageMigration
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.report.document import FigureBlock


@dataclass(frozen=True, slots=True)
class EntityUptake:
    """Uptake of both tracers in an entity.

    Parameters
    ----------
    entity : str
        Its name.
    described : Answer of Description
        Median and quartiles of SUVmax on CXCR4 PET, then on FDG PET, each of the patients with a value.
    both : int
        Patients with both.
    ratio : Answer of PairedValues
        CXCR4 over FDG, withheld for few pairs.
    """

    entity: str
    described: Answer[Description]
    both: int
    ratio: Answer[PairedValues]


@dataclass(frozen=True, slots=True)
class TracerPart:
    """CXCR4 PET beside FDG PET.

    Parameters
    ----------
    label : str
        Label of the set of patients, "" for all.
    reference : str
        Label of the column that stands for the disease.
    accuracy : Answer of PairedAccuracy, optional
        Reads of both tracers against the reference.
    migrations : tuple of Answer of StageMigration
        From the stage of another method to that of CXCR4 PET, in patients with the disease.
    uptake : tuple of GroupAnswer of PairedValues
        SUVmax of the hottest lesion: all patients, then each disease group.
    lesions : Answer of PairedValues, optional
        Number of lesions.
    entities : tuple of EntityUptake
        SUVmax by entity.
    correlations : tuple of GroupAnswer of RankCorrelations
        Uptake against age, laboratory values and burden: all patients, then each disease group.
    sizes : tuple of (str, Answer of SizeDependence)
        Uptake of lesions against their volume, by tracer.
    figures : mapping of str to FigureBlock
        Figures by name.
    n : int
        Patients compared.
    n_apart : int
        Patients left out because their scans lie too far apart.
    patterns : tuple of (str, tuple of (str, int))
        Patients by pattern of the two tracers: all, then each disease group.
    areas : Answer of DeLongTest, optional
        SUVmax of both tracers against the reference, where the set holds patients without the disease.
    """

    label: str
    reference: str
    accuracy: Answer[PairedAccuracy] | None = None
    migrations: tuple[Answer[StageMigration], ...] = ()
    uptake: tuple[GroupAnswer[PairedValues], ...] = ()
    lesions: Answer[PairedValues] | None = None
    patterns: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()
    areas: Answer[DeLongTest] | None = None
    entities: tuple[EntityUptake, ...] = ()
    correlations: tuple[GroupAnswer[RankCorrelations], ...] = ()
    sizes: tuple[tuple[str, Answer[SizeDependence]], ...] = ()
    figures: Mapping[str, FigureBlock] = field(default_factory=dict)
    n: int = 0
    n_apart: int = 0

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            Accuracy, areas, stages, uptake, lesions.
        """
        yield from () if self.accuracy is None else (self.accuracy,)
        yield from () if self.areas is None else (self.areas,)
        yield from self.migrations
        yield from (one.answer for one in self.uptake)
        yield from () if self.lesions is None else (self.lesions,)
        for entity in self.entities:
            yield from (entity.described, entity.ratio)
        yield from (one.answer for one in self.correlations)
        yield from (answer for _, answer in self.sizes)
