"""What every step is made with: an attempt that keeps its reason, and the patients and outcomes of one endpoint.

A number that fewer events than ``min_events`` speak for is computed and not printed: that is no failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.cohort import Analysis
from survmodel.errors import SurvmodelError
from survmodel.formatting import count_noun
from survmodel.outcome.response import Outcome
from survmodel.report.answers import Answer
from survmodel.result import Result
from survmodel.study.known_columns import group_columns
from survmodel.study.preparation import Prepared
from survmodel.study.settings_data import MinEvents

Answered = TypeVar("Answered", bound=Result)
Fitted = TypeVar("Fitted", bound=Result)
Rows = npt.NDArray[np.int64]
Progress = Callable[[str], None]

NOT_FITTED = "the model could not be fitted"


def silent(step: str) -> None:
    """Tell nobody which step begins.

    Parameters
    ----------
    step : str
        Its name.
    """


def attempt(step: str, compute: Callable[[], Answered], progress: Progress = silent) -> Answer[Answered]:
    """Run one step and keep its result, or the reason why there is none.

    Parameters
    ----------
    step : str
        Name of the step.
    compute : callable
        Computes the result.
    progress : callable
        Is told the name before the step begins.

    Returns
    -------
    Answer
        A refusal of survmodel becomes a reason; any other error is a fault and goes up.

    Examples
    --------
    >>> from survmodel import KaplanMeier, Outcome
    >>> attempt("curve", lambda: KaplanMeier().fit(Outcome([1], [1]), by=["a", "b"])).reason
    'the by does not have the rows of the outcome: found 2 rows against 1. Build both from the same table, and use
    outcome.take(rows) where you select rows.'
    """
    progress(step)
    try:
        return Answer(step, compute())
    except SurvmodelError as error:
        return Answer(step, None, str(error))


def attempt_possible(step: str, compute: Callable[[], Answered], progress: Progress = silent) -> Answer[Answered]:
    """Run a step that no study file asks for: what the data do not allow is no failure.

    Parameters
    ----------
    step : str
        Name of the step.
    compute : callable
        Computes the result.
    progress : callable
        Is told the name before the step begins.

    Returns
    -------
    Answer
        Withheld, with its reason, where it cannot be computed.

    Examples
    --------
    >>> from survmodel import paired_counts
    >>> attempt_possible("lesions", lambda: paired_counts([1, 2], [0, 0])).failed
    False
    """
    answer = attempt(step, compute, progress)
    return replace(answer, withheld=True) if answer.failed else answer


def too_few_events(n_event: int, least: int, key: str) -> str:
    """Say why a number is not printed.

    Parameters
    ----------
    n_event, least : int
        Events, and how many the study asks for.
    key : str
        Name of the threshold in the study file.

    Returns
    -------
    str
        "" when there are enough.

    Examples
    --------
    >>> too_few_events(6, 10, "hazard_ratio")
    '6 events, fewer than min_events.hazard_ratio = 10'
    """
    if n_event >= least:
        return ""
    return f"{count_noun(n_event, 'event')}, fewer than min_events.{key} = {least}"


def withhold(answer: Answer[Answered], reason: str) -> Answer[Answered]:
    """Keep a number back that too few events speak for.

    Parameters
    ----------
    answer : Answer
        What was computed.
    reason : str
        Why, "" to keep the answer.

    Returns
    -------
    Answer
        The same without a reason, or when there was no result.

    Examples
    --------
    >>> withhold(Answer("cox/marker", None, "no events"), "too few events").reason
    'no events'
    """
    return answer if answer.result is None or not reason else Answer(answer.step, None, reason, withheld=True)


def list_levels(groups: pd.Series) -> Iterator[tuple[str, Rows]]:
    """Walk through the groups that have patients.

    Parameters
    ----------
    groups : pandas.Series
        The group of each patient.

    Yields
    ------
    tuple of (str, ndarray of int64)
        Name of the group in level order, and positions of its patients.
    """
    order = groups.cat.categories if isinstance(groups.dtype, pd.CategoricalDtype) else sorted(groups.dropna().unique())
    for level in order:
        rows = np.flatnonzero((groups == level).to_numpy(dtype=bool, na_value=False))
        if rows.size:
            yield str(level), rows


def name_groups(groups: pd.Series) -> pd.Series:
    """Let patients without a group form one of their own.

    Parameters
    ----------
    groups : pandas.Series
        The group of each patient.

    Returns
    -------
    pandas.Series
        Without missing values.
    """
    if not groups.isna().any():
        return groups
    return groups.astype(object).where(groups.notna(), "not known")


def after(
    fit: Answer[Fitted], step: str, compute: Callable[[Fitted], Answered], part: EndpointSteps
) -> Answer[Answered]:
    """Run a step that needs a fit.

    Parameters
    ----------
    fit : Answer
        The fit, or why there is none.
    step : str
        Name of the step.
    compute : callable
        Computes the result from the fit.
    part : EndpointSteps
        The endpoint.

    Returns
    -------
    Answer
        Withheld with the fit; without a fit, the reason is that there is none.
    """
    done = fit.result
    if done is None:
        return Answer(step, None, fit.reason if fit.withheld else NOT_FITTED, fit.withheld)
    return part.attempt(step, lambda: compute(done))


@dataclass(frozen=True, slots=True, eq=False)
class EndpointSteps:
    """One endpoint of a study: its patients, and the outcomes of its curves and of its models."""

    name: str
    prepared: Prepared
    analysis: Analysis
    of_any: Outcome
    of_one: Outcome
    progress: Progress

    @property
    def least(self) -> MinEvents:
        """How many events a number needs."""
        return self.prepared.study.settings.groups.min_events

    @property
    def table(self) -> pd.DataFrame:
        """Columns of the patients."""
        return self.analysis.table

    @property
    def group(self) -> pd.Series | None:
        """Disease group of the patients, where the study has groups."""
        return self._column(group_columns(self.prepared.study.settings)[0])

    @property
    def group_label(self) -> str:
        """Label of the disease group, "" where the study has no groups."""
        name = group_columns(self.prepared.study.settings)[0]
        return "" if name is None or name not in self.table else self.prepared.study.labels[name]

    @property
    def horizons(self) -> tuple[float, ...]:
        """Times at which the endpoint is reported."""
        return self.prepared.study.settings.endpoint[self.name].horizons

    @property
    def entity(self) -> pd.Series | None:
        """Entity of the patients, where the study has entities."""
        return self._column(group_columns(self.prepared.study.settings)[1])

    def _column(self, name: str | None) -> pd.Series | None:
        return None if name is None or name not in self.table else self.table[name]

    def attempt(self, step: str, compute: Callable[[], Answered]) -> Answer[Answered]:
        """Run one step of the endpoint."""
        return attempt(step, compute, self.progress)

    def layers(self, rows: Rows, stratum: npt.NDArray[np.int64] | None = None) -> pd.Series:
        """Name the layer within which patients are compared and drawn: stratum of the model and disease group.

        Parameters
        ----------
        rows : ndarray of int64
            Positions of the patients.
        stratum : ndarray of int64, optional
            Stratum of each in the model.

        Returns
        -------
        pandas.Series
            One text for each patient.
        """
        index = self.table.index[rows]
        codes = np.zeros(rows.size, dtype=np.int64) if stratum is None else stratum
        layers = pd.Series(codes, index=index).astype(str)
        return layers if self.group is None else layers + " " + name_groups(self.group).iloc[rows].astype(str)


def begin_endpoint(name: str, prepared: Prepared, progress: Progress = silent) -> EndpointSteps:
    """Take the patients and outcomes of an endpoint.

    Parameters
    ----------
    name : str
        The endpoint.
    prepared : Prepared
        Data and settings.
    progress : callable
        Is told the name of each step before it begins.

    Returns
    -------
    EndpointSteps
        Curves are of any of its events, models of the cause-specific hazard of the event itself.
    """
    analysis = prepared.cohort.analysis(name, prepared.study.settings.set_of(name))
    declared = analysis.outcome
    # Censoring a competing event suits a hazard and not a curve: one minus the curve would overstate the risk.
    competes = declared.causes is not None
    of_any, of_one = (declared.any_event(), declared.cause_specific(1)) if competes else (declared, declared)
    return EndpointSteps(name, prepared, analysis, of_any, of_one, progress)
