"""What stands behind the reads and markers of a study, by name: readers, and repeated measurement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from survmodel.performance.agreement import Kappa
from survmodel.performance.attenuation import Attenuation
from survmodel.performance.intraclass import IntraclassCorrelation
from survmodel.performance.proportions import Proportion
from survmodel.report.answers import Answer


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
class ImagingPart:
    """Everything about reads, regions and what follows a scan.

    Parameters
    ----------
    readers : ReaderPart, optional
        Agreement of readers, and of repeated measurement.
    """

    readers: ReaderPart | None = None

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            In the order of the report.
        """
        yield from () if self.readers is None else self.readers.answers()
