"""What a study has computed, by name: the results that tables, sentences and figures are made from.

A statistic that could not be estimated stands here too, as an `Answer` with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from survmodel.formatting import count_noun
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_tests import ProportionalHazardsTest
from survmodel.models.cumulative_incidence import CumulativeIncidenceFit
from survmodel.models.description import Description
from survmodel.models.follow_up import FollowUp
from survmodel.models.gray import GrayTest
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.models.logrank import LogrankTest
from survmodel.outcome.response import Outcome
from survmodel.performance.calibration import Calibration
from survmodel.performance.discrimination import Concordance
from survmodel.performance.precision import Precision
from survmodel.performance.stability import PredictionStability
from survmodel.performance.validation_result import Validation
from survmodel.report.added_value_contents import AddedValuePart
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.report.cutpoint_contents import CutpointPart
from survmodel.report.document import FigureBlock
from survmodel.report.family_contents import FamilyPart
from survmodel.report.imaging_contents import ImagingPart
from survmodel.report.imputation_contents import ImputationPart, PooledModel
from survmodel.report.left_out_contents import LeftOutPart
from survmodel.report.response_contents import ResponsePart
from survmodel.report.sensitivity_contents import SensitivityPart
from survmodel.report.tracer_contents import TracerPart
from survmodel.report.validation_contents import ComparisonPart, ForestPart, RiskGroupPart
from survmodel.result import Result


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
    alone : tuple of str
        Groups of one patient, who is neither drawn nor tested.
    strata_label : str
        Label of the column within which the test compares, "" without strata.
    figure : FigureBlock, optional
        The drawn curves.
    """

    by: str
    label: str
    fit: Answer[KaplanMeierFit]
    test: Answer[LogrankTest] | None
    n_left_out: int = 0
    alone: tuple[str, ...] = ()
    strata_label: str = ""
    figure: FigureBlock | None = None


@dataclass(frozen=True, slots=True)
class IncidencePart:
    """Cumulative incidence of competing events by one factor.

    Parameters
    ----------
    by, label : str
        Column that forms the groups, "" for all patients, and its label.
    fit : Answer of CumulativeIncidenceFit
        The incidence of each cause.
    figure : FigureBlock, optional
        The drawn incidence.
    tests : tuple of Answer of GrayTest
        Gray's test between the groups, of each event that somebody had; none without groups.
    strata_label : str
        Label of the column within which the tests compare, "" without strata.
    """

    by: str
    label: str
    fit: Answer[CumulativeIncidenceFit]
    figure: FigureBlock | None = None
    tests: tuple[Answer[GrayTest], ...] = ()
    strata_label: str = ""


@dataclass(frozen=True, slots=True)
class LevelCount:
    """Patients and events of a term, or of one level of a factor, among those a model analysed.

    Parameters
    ----------
    variable, level : str
        Column, and level of a factor; "" for a number.
    n, n_event : int
        Patients and events.
    """

    variable: str
    level: str
    n: int
    n_event: int


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
        The fit, the test of its assumption, and C on the patients it was fitted to, within strata and disease groups.
    univariable : tuple of (str, Answer of CoxFit)
        Each column of the formula alone, with the same strata.
    counts : tuple of LevelCount
        Patients and events of each term.
    concordance_by_group : tuple of GroupAnswer
        C within each disease group.
    undefined : tuple of (str, int)
        Columns whose value does not exist in some patients, because the scan shows no lesion, and in how many of those
        that are left out.
    validation : Answer of Validation, optional
        C corrected for optimism.
    calibrations : tuple of Answer of Calibration
        Observed against out-of-fold risk at each horizon.
    risk_groups : RiskGroupPart, optional
        Groups of patients by the model, where the study asks for them.
    stability : Answer of PredictionStability, optional
        How much risks depend on who was in the study.
    figures : tuple of FigureBlock
        Hazard ratios, calibration and stability.
    penalty : str
        ``"firth"``, or "" without a penalty.
    """

    name: str
    label: str
    formula: str
    ties: str
    strata: tuple[str, ...]
    fit: Answer[CoxFit]
    proportional_hazards: Answer[ProportionalHazardsTest]
    concordance: Answer[Concordance]
    univariable: tuple[tuple[str, Answer[CoxFit]], ...] = ()
    counts: tuple[LevelCount, ...] = ()
    concordance_by_group: tuple[GroupAnswer[Concordance], ...] = ()
    undefined: tuple[tuple[str, int], ...] = ()
    validation: Answer[Validation] | None = None
    calibrations: tuple[Answer[Calibration], ...] = ()
    risk_groups: RiskGroupPart | None = None
    stability: Answer[PredictionStability] | None = None
    figures: tuple[FigureBlock, ...] = ()
    penalty: str = ""
    pooled: PooledModel | None = None

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            Terms alone, the fit, its test, C, and what was validated.
        """
        yield from (answer for _, answer in self.univariable)
        yield from (self.fit, self.proportional_hazards, self.concordance)
        yield from (one.answer for one in self.concordance_by_group)
        if self.pooled is not None:
            yield from self.pooled.answers()
        if self.validation is not None:
            yield self.validation
        yield from self.calibrations
        if self.stability is not None:
            yield self.stability
        if self.risk_groups is not None:
            yield from self.risk_groups.answers()


@dataclass(frozen=True, slots=True)
class MissingPart:
    """Missing values among some patients.

    Parameters
    ----------
    group : str
        Disease group, "" for all patients.
    n, n_complete : int
        Patients, and those who have a value in every column that the analyses use.
    columns : tuple of (str, int)
        Missing values of each column; a value that cannot exist, since a scan shows no lesion, is not missing.
    """

    group: str
    n: int
    n_complete: int
    columns: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class MarkerPart:
    """A marker alone, in all patients and in each disease group.

    Parameters
    ----------
    name, role, term : str
        Column, what it is in the study, and how it enters.
    fits : tuple of GroupAnswer
        All patients first, with strata; then each group.
    by_entity : tuple of GroupAnswer
        Each entity, but those that are all that their disease group holds.
    figure : FigureBlock, optional
        Its effect over the observed range.
    """

    name: str
    role: str
    term: str
    fits: tuple[GroupAnswer[CoxFit], ...]
    by_entity: tuple[GroupAnswer[CoxFit], ...] = ()
    figure: FigureBlock | None = None


@dataclass(frozen=True, slots=True)
class FlowPart:
    """How patients reach an analysis.

    Parameters
    ----------
    name, label : str
        Set or endpoint, and how it is called.
    n_start : int
        Patients in the files.
    steps : tuple of (str, int, int)
        Reason, how many left, how many stayed.
    is_declared : bool
        Whether the study declares the set, so that it is shown even when nobody leaves.
    """

    name: str
    label: str
    n_start: int
    steps: tuple[tuple[str, int, int], ...]
    is_declared: bool = False

    @property
    def n_end(self) -> int:
        """Patients who reach the analysis."""
        return self.steps[-1][2] if self.steps else self.n_start


@dataclass(frozen=True, slots=True)
class Question:
    """What the study asks, fixed before its outcomes were joined.

    Parameters
    ----------
    marker, endpoint : str
        Primary marker with its transformation, and endpoint.
    models : tuple of str
        Formulas of the two models that are compared, when there are two.
    sha256 : str
        Hash of these.
    locked_on : tuple of str
        Days on which the question was locked in a file of its own; none where it never was.
    changes : tuple of str
        What was changed after a lock.
    is_late : bool
        Whether the first of these days is later than the data lock.
    """

    marker: str
    endpoint: str
    models: tuple[str, ...]
    sha256: str
    locked_on: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class LandmarkPart:
    """The landmark from which the time of an endpoint counts.

    Parameters
    ----------
    at : float
        The landmark, counted from time zero.
    unit : str
        Its unit.
    lost : tuple of (str, int)
        Patients lost by then: the event, or that observation ended, and how many.
    """

    at: float
    unit: str
    lost: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Between:
    """An event that may come in between time zero and the event of an endpoint.

    Parameters
    ----------
    event, rule : str
        What it is, and what was decided about it.
    n : int
        Patients who had it while they were under observation.
    """

    event: str
    rule: str
    n: int


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
    forests : tuple of ForestPart
        Random survival forests.
    comparisons : tuple of ComparisonPart
        Models that were validated together.
    added_value : AddedValuePart, optional
        What the marker adds, for the endpoint of the declared pair of models.
    cutpoints : tuple of CutpointPart
        Cuts that were searched in these patients.
    sensitivity : tuple of SensitivityPart
        The question under other decisions, by model.
    causes : tuple of (str, int)
        Label and number of each event, the event itself first; empty unless events compete.
    warnings : tuple of str
        What the reader must know about the events.
    incidence : tuple of IncidencePart
        Cumulative incidence of each event, where events compete.
    precision : Answer of Precision, optional
        What so many events can show.
    markers : tuple of MarkerPart
        Each marker alone.
    missing : tuple of (str, int)
        Missing values of each column among the patients of the endpoint.
    missing_by_group : tuple of MissingPart
        All patients first, then each disease group.
    undefined : tuple of (str, int)
        Columns whose value does not exist in some patients, because the scan shows no lesion, and in how many.
    analysis_set : str
        Label of the set of patients, "" for all.
    time_zero, censored_at : str
        When time begins and where it ends without an event, "" for ready-made times.
    first_of : tuple of str
        The events of which the first counts, as the study lists them; empty unless it does.
    landmark : LandmarkPart, optional
        The landmark from which time counts; None where it counts from time zero.
    imputation : ImputationPart, optional
        The imputation behind its Cox models; None where they are of complete cases.
    left_out : tuple of LeftOutPart
        Its models in scanners or other groups that they had not seen.
    between : tuple of Between
        Events that came in between, and what was decided about them.
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
    forests: tuple[ForestPart, ...] = ()
    comparisons: tuple[ComparisonPart, ...] = ()
    added_value: AddedValuePart | None = None
    cutpoints: tuple[CutpointPart, ...] = ()
    sensitivity: tuple[SensitivityPart, ...] = ()
    causes: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = ()
    incidence: tuple[IncidencePart, ...] = ()
    precision: Answer[Precision] | None = None
    markers: tuple[MarkerPart, ...] = ()
    missing: tuple[tuple[str, int], ...] = ()
    missing_by_group: tuple[MissingPart, ...] = ()
    undefined: tuple[tuple[str, int], ...] = ()
    analysis_set: str = ""
    time_zero: str = ""
    censored_at: str = ""
    first_of: tuple[str, ...] = ()
    landmark: LandmarkPart | None = None
    imputation: ImputationPart | None = None
    left_out: tuple[LeftOutPart, ...] = ()
    between: tuple[Between, ...] = ()

    @property
    def n_late(self) -> int:
        """Patients who come under observation after the time from which time counts."""
        entry = self.outcome.entry
        return 0 if entry is None else int((entry > 0).sum())

    def answers(self) -> Iterator[Answer[Result]]:
        """Walk through every answer.

        Yields
        ------
        Answer
            Precision and follow-up, then curves, markers, models and forests.
        """
        found: list[Answer[Any]] = [self.follow_up] if self.precision is None else [self.precision, self.follow_up]
        for curve in self.curves:
            found.append(curve.fit)
            if curve.test is not None:
                found.append(curve.test)
        for one in self.incidence:
            found += [one.fit, *one.tests]
        for marker in self.markers:
            found += [one.answer for one in (*marker.fits, *marker.by_entity)]
        if self.imputation is not None:
            found.append(self.imputation.fit)
        for model in self.models:
            found += model.answers()
        for forest in self.forests:
            found += forest.answers()
        found += [] if self.added_value is None else [self.added_value.answer]
        for cut in self.cutpoints:
            found += [cut.search, cut.stability]
        for asked in self.sensitivity:
            found += asked.answers()
        found += [one.answer for one in self.left_out]
        yield from (*found, *(one.validation for one in self.comparisons))


@dataclass(frozen=True, slots=True)
class StudyContents:
    """Everything that a report says.

    Parameters
    ----------
    title, source : str
        What the study is called and where its data come from.
    n : int
        Patients.
    endpoints : tuple of EndpointPart
        The results.
    labels, units : mapping of str to str
        How columns are shown.
    group_label : str
        Label of the disease group, "" without groups.
    flows : tuple of FlowPart
        How patients reach each analysis.
    description : Answer of Description, optional
        Who the patients are, by disease group.
    described : str
        Label of the set of patients that is described, "" for all.
    uptake : tuple of FigureBlock
        Uptake of each marker by disease group.
    question : Question, optional
        Primary marker and endpoint.
    waived : tuple of (str, str)
        Findings in the data that the study accepts, and why.
    findings : tuple of (str, str)
        Other findings in the data: severity and sentence.
    cut_sources : tuple of (str, str)
        Label of each factor that was cut from a number, and where its edges come from.
    clinical_index : str
        Which clinical indices stand behind published risk, at which horizon and from where; "" without them.
    synthetic : bool
        Whether nobody in the data exists.
    notes : tuple of str
        What the reader may want to know about the data.
    footer : tuple of str
        Software and hashes.
    tracers : TracerPart, optional
        CXCR4 PET beside FDG PET.
    imaging : ImagingPart, optional
        Readers, regions, and what follows a scan.
    families : FamilyPart, optional
        Markers that measure the same.
    responses : tuple of ResponsePart
        Models of response.
    """

    title: str
    source: str
    n: int
    endpoints: tuple[EndpointPart, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    group_label: str = ""
    flows: tuple[FlowPart, ...] = ()
    description: Answer[Description] | None = None
    described: str = ""
    uptake: tuple[FigureBlock, ...] = ()
    question: Question | None = None
    waived: tuple[tuple[str, str], ...] = ()
    findings: tuple[tuple[str, str], ...] = ()
    cut_sources: tuple[tuple[str, str], ...] = ()
    clinical_index: str = ""
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    tracers: TracerPart | None = None
    imaging: ImagingPart | None = None
    families: FamilyPart | None = None
    responses: tuple[ResponsePart, ...] = ()

    def answers(self) -> Iterator[Answer[Result]]:
        """Walk through every answer.

        Yields
        ------
        Answer
            The description, then those of each endpoint.
        """
        found: list[Answer[Any]] = [] if self.description is None else [self.description]
        found += [] if self.tracers is None else self.tracers.answers()
        found += [] if self.imaging is None else self.imaging.answers()
        found += [] if self.families is None else [self.families.families]
        found += [one.answer for one in self.responses]
        yield from found
        for part in self.endpoints:
            yield from part.answers()

    def failed(self) -> tuple[Answer[Result], ...]:
        """Collect what could not be estimated."""
        return tuple(answer for answer in self.answers() if answer.failed)

    @property
    def stamp(self) -> str:
        """What every table and figure says in plain sight: that the data are synthetic, that the run is incomplete."""
        return ", ".join([*(["SYNTHETIC data"] if self.synthetic else []), *(["INCOMPLETE"] if self.failed() else [])])

    def warnings(self) -> tuple[tuple[str, str], ...]:
        """Collect the warnings of all results, each once, with the step that gave it first."""
        found: dict[str, str] = {}
        for part in self.endpoints:
            lonely = [
                f"{curve.label}, {group}: one patient, who is neither drawn nor tested"
                for curve in part.curves
                for group in curve.alone
            ]
            lonely += [
                f"{curve.label}: {count_noun(curve.n_left_out, 'patient')} without a group, in no curve and no test"
                for curve in part.curves
                if curve.n_left_out
            ]
            for warning in (*part.outcome.warnings, *part.warnings, *lonely):
                found.setdefault(warning, f"outcome/{part.name}")
        for answer in self.answers():
            for warning in () if answer.result is None else answer.result.warnings:
                found.setdefault(warning, answer.step)
        return tuple((step, warning) for warning, step in found.items())
