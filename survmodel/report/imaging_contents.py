"""What stands behind the reads and markers of a study, by name: readers, and repeated measurement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from survmodel.models.description import Description
from survmodel.performance.adverse_events import WorstGrades
from survmodel.performance.agreement import Kappa
from survmodel.performance.attenuation import Attenuation
from survmodel.performance.intraclass import IntraclassCorrelation
from survmodel.performance.paired_accuracy import PairedAccuracy
from survmodel.performance.paired_positivity import PairedPositivity
from survmodel.performance.paired_uptake import PairedValues
from survmodel.performance.proportions import Proportion
from survmodel.report.answers import Answer


@dataclass(frozen=True, slots=True)
class AcquisitionPart:
    """How scans were made.

    Parameters
    ----------
    by_tracer : Answer of Description
        All baseline scans, by tracer.
    by_scanner : tuple of (str, Answer of Description)
        Those of each tracer by scanner, where several were used.
    labels : mapping of str to (str, str)
        Label and unit of what is described.
    """

    by_tracer: Answer[Description]
    by_scanner: tuple[tuple[str, Answer[Description]], ...]
    labels: Mapping[str, tuple[str, str]]

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            By tracer, then by scanner.
        """
        yield self.by_tracer
        yield from (answer for _, answer in self.by_scanner)


@dataclass(frozen=True, slots=True)
class ReadersOfTracer:
    """Two readers of the scans of one tracer.

    Parameters
    ----------
    tracer : str
        "CXCR4" or "FDG".
    kappa : Answer of Kappa
        Agreement beyond chance; indeterminate is a level of its own.
    agreement : Answer of Proportion
        Share of scans that both read alike.
    """

    tracer: str
    kappa: Answer[Kappa]
    agreement: Answer[Proportion]


@dataclass(frozen=True, slots=True)
class RepeatedMeasure:
    """A metric that was measured more than once in the same patients.

    Parameters
    ----------
    label : str
        The metric.
    between : str
        What differs: the readers, or the segmentation rules by name.
    scale : str
        "log2", or the transformation of the primary marker; "" for none.
    answer : Answer of IntraclassCorrelation
        Share of the variance that is between patients.
    """

    label: str
    between: str
    scale: str
    answer: Answer[IntraclassCorrelation]


@dataclass(frozen=True, slots=True)
class ReaderPart:
    """How far reads and measurements can be repeated.

    Parameters
    ----------
    reads : tuple of ReadersOfTracer
        Both readers, by tracer.
    repeats : tuple of RepeatedMeasure
        Metrics by reader, then by segmentation rule.
    marker : str
        Label of the primary marker, "" where it was not measured twice.
    attenuation : Answer of Attenuation, optional
        Its hazard ratio alone, as observed and corrected for measurement error.
    """

    reads: tuple[ReadersOfTracer, ...] = ()
    repeats: tuple[RepeatedMeasure, ...] = ()
    marker: str = ""
    attenuation: Answer[Attenuation] | None = None

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            Kappa and agreement, intraclass correlations, attenuation.
        """
        for one in self.reads:
            yield from (one.kappa, one.agreement)
        yield from (one.answer for one in self.repeats)
        yield from () if self.attenuation is None else (self.attenuation,)


@dataclass(frozen=True, slots=True)
class LesionsOfGroup:
    """Lesions of one group that both tracers show, or only one.

    Parameters
    ----------
    group : str
        Disease group, "" for all patients.
    n : int
        Patients whose lesions were matched.
    both, cxcr4_only, fdg_only : int
        Lesions.
    share : Answer of PairedValues
        Share of all lesions that only CXCR4 PET shows.
    """

    group: str
    n: int
    both: int
    cxcr4_only: int
    fdg_only: int
    share: Answer[PairedValues]


@dataclass(frozen=True, slots=True)
class RegionPart:
    """Both tracers region by region, and lesion by lesion.

    Parameters
    ----------
    accuracy : Answer of PairedAccuracy, optional
        Regions against their reference, within patients; None where no region has one.
    positivity : Answer of PairedPositivity, optional
        Regions without any reference.
    lesions : tuple of LesionsOfGroup
        All patients first, then each disease group.
    n_regions, n_patients : int
        Regions with a read, and their patients.
    """

    accuracy: Answer[PairedAccuracy] | None = None
    positivity: Answer[PairedPositivity] | None = None
    lesions: tuple[LesionsOfGroup, ...] = ()
    n_regions: int = 0
    n_patients: int = 0

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            Regions, then lesions.
        """
        yield from (one for one in (self.accuracy, self.positivity) if one is not None)
        yield from (one.share for one in self.lesions)


@dataclass(frozen=True, slots=True)
class MrdOfTracer:
    """PET of one tracer beside residual disease in the marrow.

    Parameters
    ----------
    tracer : str
        "CXCR4" or "FDG".
    positivity : Answer of PairedPositivity
        Two-by-two table, PET first.
    kappa : Answer of Kappa
        Agreement beyond chance of reads that are positive or negative.
    """

    tracer: str
    positivity: Answer[PairedPositivity]
    kappa: Answer[Kappa]


@dataclass(frozen=True, slots=True)
class MrdPart:
    """PET and residual disease at the end of treatment.

    Parameters
    ----------
    tracers : tuple of MrdOfTracer
        By tracer.
    days : int
        Most days between scan and marrow.
    states : tuple of (str, int)
        Patients by what CXCR4 PET and marrow say together.
    """

    tracers: tuple[MrdOfTracer, ...]
    days: int
    states: tuple[tuple[str, int], ...] = ()

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            By tracer.
        """
        for one in self.tracers:
            yield from (one.positivity, one.kappa)


@dataclass(frozen=True, slots=True)
class ManagementOfGroup:
    """Changes of management in one group.

    Parameters
    ----------
    group : str
        Disease group, "" for all patients.
    n, n_missing : int
        Patients of whom it is known, and the others.
    shares : tuple of Answer of Proportion
        Any change, then each kind.
    """

    group: str
    n: int
    n_missing: int
    shares: tuple[Answer[Proportion], ...]


@dataclass(frozen=True, slots=True)
class TermCount:
    """One adverse event by its grade.

    Parameters
    ----------
    name : str
        Preferred term.
    counts : tuple of int
        Scans by worst grade, 1 to 5.
    n_related : int
        Scans after which it was called related to the tracer.
    """

    name: str
    counts: tuple[int, ...]
    n_related: int


@dataclass(frozen=True, slots=True)
class SafetyOfTracer:
    """Adverse events after the baseline scans of one tracer.

    Parameters
    ----------
    tracer : str
        "CXCR4" or "FDG".
    worst : Answer of WorstGrades
        Worst grade of each patient by thirds of injected activity.
    terms : tuple of TermCount
        Terms by alphabet.
    n_scans : int
        Baseline scans, with an event or without.
    n_later : int
        Events after other scans, which are not counted.
    """

    tracer: str
    worst: Answer[WorstGrades]
    terms: tuple[TermCount, ...]
    n_scans: int
    n_later: int = 0


@dataclass(frozen=True, slots=True)
class ImagingPart:
    """Everything about reads, regions and what follows a scan.

    Parameters
    ----------
    acquisition : AcquisitionPart, optional
        How the scans were made.
    readers : ReaderPart, optional
        Agreement of readers, and of repeated measurement.
    regions : RegionPart, optional
        Both tracers by region and by lesion.
    mrd : MrdPart, optional
        PET and residual disease at the end of treatment.
    management : tuple of ManagementOfGroup
        Changes of management: all patients first, then each disease group.
    safety : tuple of SafetyOfTracer
        Adverse events by tracer.
    """

    acquisition: AcquisitionPart | None = None
    readers: ReaderPart | None = None
    regions: RegionPart | None = None
    mrd: MrdPart | None = None
    management: tuple[ManagementOfGroup, ...] = ()
    safety: tuple[SafetyOfTracer, ...] = ()

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            In the order of the report.
        """
        for part in (self.acquisition, self.readers, self.regions, self.mrd):
            yield from () if part is None else part.answers()
        for group in self.management:
            yield from group.shares
        yield from (one.worst for one in self.safety)
