"""What was validated, by name: risk groups of a model, and forests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from survmodel.models.cumulative_incidence import CumulativeIncidenceFit
from survmodel.models.forest_importance import ForestImportance
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.performance.calibration import Calibration
from survmodel.performance.discrimination import Concordance
from survmodel.performance.forest_against_cox import ForestAgainstCox
from survmodel.performance.forest_brier import OutOfBagBrier
from survmodel.performance.validation_result import Validation
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.report.document import FigureBlock


@dataclass(frozen=True, slots=True)
class RiskGroupPart:
    """Risk groups of a model, every patient assigned by models that have not seen him.

    Parameters
    ----------
    origin : str
        Where the cuts come from, in words.
    assigned_by : str
        What assigned each patient, in words.
    fit : Answer of KaplanMeierFit
        Curves of the groups.
    incidence : Answer of CumulativeIncidenceFit, optional
        Incidence of each event in the groups, where events compete.
    n_left_out : int
        Patients who could not be assigned.
    reasons : tuple of str
        Why not.
    folds : tuple of (int, int), optional
        Folds, and how often patients were dealt out to them.
    figure : FigureBlock, optional
        The drawn curves, of cumulative incidence where events compete.
    """

    origin: str
    assigned_by: str
    fit: Answer[KaplanMeierFit]
    incidence: Answer[CumulativeIncidenceFit] | None = None
    n_left_out: int = 0
    reasons: tuple[str, ...] = ()
    folds: tuple[int, int] | None = None
    figure: FigureBlock | None = None

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            Curves, and incidence where events compete.
        """
        yield self.fit
        if self.incidence is not None:
            yield self.incidence


@dataclass(frozen=True, slots=True)
class ComparisonPart:
    """Models that were validated together, on the same patients and resamples.

    Parameters
    ----------
    names, labels : tuple of str
        Of the models.
    validation : Answer of Validation
        Their measures and paired differences.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    validation: Answer[Validation]


@dataclass(frozen=True, slots=True)
class ForestPart:
    """A random survival forest.

    Parameters
    ----------
    name, label, formula : str
        Name in the study file, label, formula.
    fit : Answer of SurvivalForestFit
        The forest.
    concordance : Answer of Concordance
        Out-of-bag C, within disease groups.
    concordance_by_group : tuple of GroupAnswer
        Out-of-bag C within each disease group.
    importance : Answer of ForestImportance
        How much of it is lost when a column is shuffled.
    validation : Answer of Validation
        .632+ estimate of C.
    brier : Answer of OutOfBagBrier
        Out-of-bag Brier score at the horizons and integrated.
    against_cox : Answer of ForestAgainstCox
        Whether it adds anything to a Cox model of the same columns.
    calibrations : tuple of Answer of Calibration
        Observed against out-of-bag risk at each horizon.
    risk_groups : RiskGroupPart, optional
        Groups of patients by the forest, where the study asks for them.
    exploratory : str
        Why it is exploratory, "" when it is not.
    figures : tuple of FigureBlock
        Importance, and calibration.
    """

    name: str
    label: str
    formula: str
    fit: Answer[SurvivalForestFit]
    concordance: Answer[Concordance]
    importance: Answer[ForestImportance]
    validation: Answer[Validation]
    brier: Answer[OutOfBagBrier]
    against_cox: Answer[ForestAgainstCox]
    concordance_by_group: tuple[GroupAnswer[Concordance], ...] = ()
    calibrations: tuple[Answer[Calibration], ...] = ()
    risk_groups: RiskGroupPart | None = None
    exploratory: str = ""
    figures: tuple[FigureBlock, ...] = ()

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            The forest, C, importance, and what was validated.
        """
        yield self.fit
        yield self.concordance
        yield from (one.answer for one in self.concordance_by_group)
        yield self.importance
        yield self.validation
        yield self.brier
        yield self.against_cox
        yield from self.calibrations
        if self.risk_groups is not None:
            yield from self.risk_groups.answers()
