"""What a study has computed, by name: the results that tables, sentences and figures are made from.

A statistic that could not be estimated stands here too, as an `Answer` with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_tests import ProportionalHazardsTest
from survmodel.models.follow_up import FollowUp
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.models.logrank import LogrankTest
from survmodel.outcome.response import Outcome
from survmodel.performance.discrimination import Concordance
from survmodel.report.document import FigureBlock
from survmodel.result import Result

Answered = TypeVar("Answered", bound=Result)


@dataclass(frozen=True, slots=True)
class Answer(Generic[Answered]):
    """A result, or why there is none.

    Parameters
    ----------
    step : str
        Name of the step that computed it, for example ``"cox/clinical"``.
    result : Result or None
        The result.
    reason : str
        Why it could not be estimated; "" when it could.
    """

    step: str
    result: Answered | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CurvePart:
    """Kaplan-Meier curves by one factor.

    Parameters
    ----------
    by, label : str
        Column that forms the groups, "" for one curve of all, and its label.
    fit : Answer of KaplanMeierFit
        The curves.
    test : Answer of LogrankTest, optional
        Log-rank test between the groups; None without groups.
    n_left_out : int
        Patients without a group.
    figure : FigureBlock, optional
        The drawn curves.
    """

    by: str
    label: str
    fit: Answer[KaplanMeierFit]
    test: Answer[LogrankTest] | None
    n_left_out: int = 0
    figure: FigureBlock | None = None


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A Cox model with its checks.

    Parameters
    ----------
    name, label, formula : str
        Name in the study file, label, formula.
    ties : str
        Treatment of ties.
    strata : tuple of str
        Columns that form strata.
    fit, proportional_hazards, concordance : Answer
        The fit, the test of its assumption, and C on the patients it was fitted to.
    """

    name: str
    label: str
    formula: str
    ties: str
    strata: tuple[str, ...]
    fit: Answer[CoxFit]
    proportional_hazards: Answer[ProportionalHazardsTest]
    concordance: Answer[Concordance]


@dataclass(frozen=True, slots=True)
class EndpointPart:
    """Everything about one endpoint.

    Where events compete, curves and follow-up are of any of them, and models are of the cause-specific hazard of the
    event itself.

    Parameters
    ----------
    name, title, label, event_label : str
        Name in the study file, how the endpoint is called, what its curves measure ("overall survival", the same as
        the title unless events compete), what the event is ("death").
    horizons : tuple of float
        Times at which survival is read.
    outcome : Outcome
        Times and events of curves and follow-up: the composite of all events where they compete.
    follow_up : Answer of FollowUp
        Median follow-up.
    curves : tuple of CurvePart
        Kaplan-Meier curves.
    models : tuple of ModelPart
        Cox models.
    causes : tuple of (str, int)
        Label and number of each event, the event itself first; empty unless events compete.
    warnings : tuple of str
        What the reader must know about the events.
    """

    name: str
    title: str
    label: str
    event_label: str
    horizons: tuple[float, ...]
    outcome: Outcome
    follow_up: Answer[FollowUp]
    curves: tuple[CurvePart, ...] = ()
    models: tuple[ModelPart, ...] = ()
    causes: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = ()

    def answers(self) -> Iterator[Answer[Result]]:
        """Walk through every answer.

        Yields
        ------
        Answer
            Follow-up, then curves, then models.
        """
        yield self.follow_up  # type: ignore[misc]
        for curve in self.curves:
            yield curve.fit  # type: ignore[misc]
            if curve.test is not None:
                yield curve.test  # type: ignore[misc]
        for model in self.models:
            yield model.fit  # type: ignore[misc]
            yield model.proportional_hazards  # type: ignore[misc]
            yield model.concordance  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class StudyContents:
    """Everything that a report says.

    Parameters
    ----------
    title, source : str
        What the study is called and where its data come from.
    n : int
        Patients.
    missing : tuple of (str, int)
        Missing values of each column that is analysed.
    labels, units : mapping of str to str
        How columns are shown.
    endpoints : tuple of EndpointPart
        The results.
    notes : tuple of str
        What the reader may want to know about the data.
    footer : tuple of str
        Software and hashes.
    """

    title: str
    source: str
    n: int
    missing: tuple[tuple[str, int], ...]
    endpoints: tuple[EndpointPart, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()

    def failed(self) -> tuple[Answer[Result], ...]:
        """Collect what could not be estimated."""
        return tuple(answer for part in self.endpoints for answer in part.answers() if answer.reason)

    def warnings(self) -> tuple[tuple[str, str], ...]:
        """Collect the warnings of all results, each once, with the step that gave it first."""
        found: dict[str, str] = {}
        for part in self.endpoints:
            for warning in (*part.outcome.warnings, *part.warnings):
                found.setdefault(warning, f"outcome/{part.name}")
            for answer in part.answers():
                for warning in () if answer.result is None else answer.result.warnings:
                    found.setdefault(warning, answer.step)
        return tuple((step, warning) for warning, step in found.items())
