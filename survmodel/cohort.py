"""The cohort: markers joined with outcomes, roles of the columns, analysis sets, and the flow of patients.

The primary marker, its endpoint and the pair of models it is judged by are locked with a hash before any outcome is
joined; what is asked for afterwards can be compared with the lock. Every patient who does not reach an analysis stands
in its flow, with the reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.row_filter import RowFilter
from survmodel.errors import ConfigError, DataError, closest, list_values
from survmodel.formatting import count_noun
from survmodel.outcome.endpoint_result import EndpointResult, OnError
from survmodel.outcome.response import Outcome
from survmodel.result import frozen

Role = Literal["identifier", "baseline", "marker", "outcome", "post_baseline", "acquisition"]
#: Roles whose columns may enter a model at time zero.
PREDICTOR_ROLES = ("baseline", "marker", "acquisition")
ALL_PATIENTS = "all"
SetRules: TypeAlias = "str | Sequence[str] | Mapping[str, str]"


class EndpointSpec(Protocol):
    """What makes an outcome of a table: an `Endpoint` of dates or a `ReadyMadeEndpoint` of times."""

    def apply(self, table: pd.DataFrame, on_error: OnError = "raise") -> EndpointResult:
        """Make the outcome."""
        ...


@dataclass(frozen=True, slots=True)
class Field:
    """What a column of the cohort is.

    Parameters
    ----------
    name : str
        Column.
    role : str
        What it is for; only baseline, marker and acquisition columns may enter a model.
    label, unit : str
        How it is shown.
    """

    name: str
    role: Role = "baseline"
    label: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class MarkerLock:
    """The question, fixed before the outcomes are seen.

    Parameters
    ----------
    marker, endpoint : str
        Primary marker and endpoint.
    base, full : str
        Formulas of the two models that are compared.
    transform : str
        Transformation of the marker.

    Examples
    --------
    >>> lock = MarkerLock("cxcr4_suvmax", "pfs", "age", "age + log2(cxcr4_suvmax)")
    >>> lock.sha256 == MarkerLock("cxcr4_suvmax", "os", "age", "age + log2(cxcr4_suvmax)").sha256
    False
    """

    marker: str
    endpoint: str
    base: str = ""
    full: str = ""
    transform: str = ""

    @property
    def sha256(self) -> str:
        """Hash of the question."""
        question = [self.marker, self.transform, self.endpoint, self.base, self.full]
        return hashlib.sha256(json.dumps(question, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FlowStep:
    """A step at which patients leave.

    Parameters
    ----------
    reason : str
        Why.
    n_removed, n_left : int
        How many left, how many stay.
    """

    reason: str
    n_removed: int
    n_left: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Analysis:
    """One endpoint in one analysis set, rows of table and outcome alike.

    Attributes
    ----------
    table : pandas.DataFrame
        Patients of the analysis; index is the study pseudonym.
    outcome : Outcome
        Their outcome.
    flow : tuple of FlowStep
        From all patients to these.
    """

    table: pd.DataFrame
    outcome: Outcome
    flow: tuple[FlowStep, ...]

    def __repr__(self) -> str:
        lines = [f"Analysis of {count_noun(len(self.table), 'patient')}", f"  {self.outcome!r}"]
        lines += [f"  {step.reason}: {step.n_removed} left, {step.n_left} stayed" for step in self.flow]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Cohort:
    """Patients with their markers, covariates and outcomes.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each patient; index is the study pseudonym.
    fields : tuple of Field
        What the columns are.
    endpoints : mapping of str to EndpointResult
        Outcomes by name.
    sets : mapping of str to (ndarray of bool, tuple of FlowStep)
        Patients of each analysis set, and how the others left.
    lock : MarkerLock or None
        The question, fixed before the outcomes were joined.
    notes : tuple of str
        What the reader may want to know.
    """

    table: pd.DataFrame
    fields: tuple[Field, ...]
    endpoints: Mapping[str, EndpointResult]
    sets: Mapping[str, tuple[npt.NDArray[np.bool_], tuple[FlowStep, ...]]]
    lock: MarkerLock | None = None
    notes: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        lines = [f"Cohort of {count_noun(len(self.table), 'patient')}, {count_noun(len(self.fields), 'column')}"]
        for name, result in self.endpoints.items():
            counts = f"{count_noun(result.outcome.n, 'patient')}, {count_noun(result.outcome.n_event, 'event')}"
            lines.append(f"  endpoint {name}: {counts} ({result.outcome.endpoint})")
        lines += [
            f"  set {name}: {count_noun(int(inside.sum()), 'patient')}" for name, (inside, _) in self.sets.items()
        ]
        if self.lock is not None:
            lines.append(
                f"  primary marker {self.lock.marker}, endpoint {self.lock.endpoint}, locked {self.lock.sha256[:12]}"
            )
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    @property
    def labels(self) -> dict[str, str]:
        """Label of every column, its name where it has none."""
        return {one.name: one.label or one.name for one in self.fields}

    @property
    def predictors(self) -> tuple[str, ...]:
        """Columns that may enter a model: nothing measured after time zero, no outcome, no identifier."""
        return tuple(one.name for one in self.fields if one.role in PREDICTOR_ROLES)

    def outcome(self, endpoint: str) -> Outcome:
        """Give the outcome of everybody who has the endpoint.

        Parameters
        ----------
        endpoint : str
            Its name.

        Returns
        -------
        Outcome
            Row labels are study pseudonyms.

        Raises
        ------
        ConfigError
            When there is no such endpoint.
        """
        return self._endpoint(endpoint).outcome

    def analysis(self, endpoint: str, analysis_set: str = ALL_PATIENTS) -> Analysis:
        """Give table and outcome of one endpoint in one analysis set, with the flow of patients.

        Parameters
        ----------
        endpoint, analysis_set : str
            Their names; the set "all" holds everybody.

        Returns
        -------
        Analysis
            Equal rows in table and outcome.

        Raises
        ------
        ConfigError
            When there is no such endpoint or set.
        DataError
            When nobody is left.
        """
        result = self._endpoint(endpoint)
        if analysis_set not in self.sets:
            raise ConfigError(f"no analysis set {analysis_set!r}", closest(analysis_set, self.sets))
        inside, steps = self.sets[analysis_set]
        flow = list(steps)
        followed = np.zeros(len(self.table), dtype=bool)
        followed[result.rows] = True
        for _, positions in result.dropped:
            followed[list(positions)] = True
        left = int(inside.sum())
        outside = int((inside & ~followed).sum())
        if outside:
            left -= outside
            flow.append(FlowStep("not followed up for outcomes", outside, left))
        for reason, positions in result.dropped:
            gone = int(inside[list(positions)].sum())
            left -= gone
            if gone:
                flow.append(FlowStep(f"{result.label}: {reason}", gone, left))
        kept = np.flatnonzero(inside[result.rows])
        if not kept.size:
            raise DataError(f"nobody is left for endpoint {endpoint!r} in the set {analysis_set!r}")
        return Analysis(self.table.iloc[result.rows[kept]], result.outcome.take(kept), tuple(flow))

    def groups(self, column: str = "disease_group") -> pd.Series:
        """Give the disease group (or another column) of every patient.

        Parameters
        ----------
        column : str
            A column of the table.

        Returns
        -------
        pandas.Series
            Labelled by study pseudonym.

        Raises
        ------
        ConfigError
            When there is no such column.
        """
        if column not in self.table:
            raise ConfigError(f"the cohort has no column {column!r}", closest(column, map(str, self.table.columns)))
        return self.table[column]

    def _endpoint(self, name: str) -> EndpointResult:
        if name not in self.endpoints:
            raise ConfigError(f"no endpoint {name!r}", closest(name, self.endpoints))
        return self.endpoints[name]


def assemble(  # noqa: PLR0913 - a cohort is joined from many things
    table: pd.DataFrame,
    fields: Sequence[Field],
    endpoints: Mapping[str, EndpointSpec],
    *,
    outcome_columns: pd.DataFrame | None = None,
    sets: Mapping[str, SetRules] | None = None,
    follow_up_set: str | Mapping[str, str] = ALL_PATIENTS,
    excluded: Sequence[FlowStep] = (),
    lock: MarkerLock | None = None,
    notes: Sequence[str] = (),
    on_error: OnError = "raise",
) -> Cohort:
    """Join markers and covariates with outcomes.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each patient, index the study pseudonym, without outcome columns.
    fields : sequence of Field
        What its columns are; columns without a field are left out.
    endpoints : mapping of str to Endpoint
        What makes the outcomes.
    outcome_columns : pandas.DataFrame, optional
        Dates, or ready-made times and events, with the rows of `table`; only endpoints see them.
    sets : mapping of str to str, sequence of str, or mapping, optional
        Analysis sets, each a filter on columns of `table`, several that hold one after the other, or filters with the
        reason for which a patient leaves; the set "all" is always there.
    follow_up_set : str, or mapping of str to str
        Set whose patients are followed up for the endpoints, for example the confirmed ones, or one set for each
        endpoint; the others have no outcome, and their dates are not asked for.
    excluded : sequence of FlowStep
        Patients set aside before, with reasons.
    lock : MarkerLock, optional
        The question. It is checked against the table before an endpoint is applied.
    notes : sequence of str
        Kept with the cohort.
    on_error : {"raise", "collect"}
        What errors of the dates do, as in `Endpoint.apply`.

    Returns
    -------
    Cohort
        The cohort.

    Raises
    ------
    DataError
        When pseudonyms repeat, or the rows of the two tables differ.
    ConfigError
        When a field, a filter or the lock names what does not exist.

    Examples
    --------
    >>> from survmodel.outcome.ready_made import ReadyMadeEndpoint
    >>> table = pd.DataFrame({"age": [60, 71], "confirmed": [True, False]}, index=["P1", "P2"])
    >>> times = pd.DataFrame({"days": [100, 200], "dead": [1, 0]}, index=["P1", "P2"])
    >>> os = ReadyMadeEndpoint("os", "overall survival", time="days", event="dead", unit="days")
    >>> cohort = assemble(table, [Field("age"), Field("confirmed")], {"os": os}, outcome_columns=times,
    ...                   sets={"prognostic": "confirmed"})
    >>> cohort.analysis("os", "prognostic").flow
    (FlowStep(reason='not in the set: confirmed', n_removed=1, n_left=1),)
    """
    if not table.index.is_unique:
        raise DataError("a patient stands in more than one row of the cohort")
    known = [one.name for one in fields]
    absent = [name for name in known if name not in table]
    if absent:
        raise ConfigError(
            f"fields without a column: {list_values(absent)}", closest(absent[0], map(str, table.columns))
        )
    own = table[known]
    if lock is not None and lock.marker not in own:
        raise ConfigError(f"the primary marker {lock.marker!r} is no column", closest(lock.marker, known))
    if lock is not None and lock.endpoint not in endpoints:
        raise ConfigError(f"the primary endpoint {lock.endpoint!r} is not declared", closest(lock.endpoint, endpoints))
    chosen = {ALL_PATIENTS: (np.ones(len(own), dtype=bool), tuple(excluded))}
    for name, text in (sets or {}).items():
        chosen[name] = select_patients(own, text, excluded)
    # Only now, with markers, sets and the question fixed, do outcomes enter.
    source = own if outcome_columns is None else outcome_columns
    if not source.index.equals(own.index):
        raise DataError("the outcome columns do not have the rows of the cohort", remedy="bring both into one order")
    set_of = dict.fromkeys(endpoints, follow_up_set) if isinstance(follow_up_set, str) else follow_up_set
    for name in set_of.values():
        if name not in chosen:
            raise ConfigError(f"no analysis set {name!r}", closest(name, chosen))
    followed = {name: np.flatnonzero(chosen[set_of[name]][0]) for name in endpoints}
    results = {name: _apply(one, source, followed[name], on_error) for name, one in endpoints.items()}
    return Cohort(own, tuple(fields), results, chosen, lock, tuple(notes))


def _apply(
    endpoint: EndpointSpec, source: pd.DataFrame, followed: npt.NDArray[np.int64], on_error: OnError
) -> EndpointResult:
    """Apply an endpoint to the patients who are followed up; positions in the result are those of all patients."""
    result = endpoint.apply(source.iloc[followed], on_error)
    dropped = tuple((reason, _among(followed, rows)) for reason, rows in result.dropped)
    audit = tuple(
        replace(finding, positions=_among(followed, finding.positions), of=len(source)) for finding in result.audit
    )
    return replace(result, rows=frozen(followed[result.rows], np.int64), dropped=dropped, audit=audit)


def _among(followed: npt.NDArray[np.int64], rows: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(followed[row]) for row in rows)


def select_patients(
    table: pd.DataFrame, rules: SetRules, excluded: Sequence[FlowStep]
) -> tuple[npt.NDArray[np.bool_], tuple[FlowStep, ...]]:
    """Apply the rules of an analysis set one after the other, and count who leaves at each.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each patient.
    rules : str, sequence of str, or mapping of str to str
        As for `set_rules`.
    excluded : sequence of FlowStep
        Steps before the first rule.

    Returns
    -------
    inside : ndarray of bool
        Who stays.
    steps : tuple of FlowStep
        Those before, then one for each reason for which somebody leaves.

    Raises
    ------
    ConfigError
        When a rule is not understood, or names a column that the table lacks.
    """
    inside, steps = np.ones(len(table), dtype=bool), list(excluded)
    for text, reason in set_rules(rules).items():
        selected = RowFilter(text).select(table)
        for why, gone in (
            (f"undecided, a value is missing: {text}", inside & selected.undecided),
            (reason, inside & ~selected.rows & ~selected.undecided),
        ):
            inside = inside & ~gone
            if gone.any():
                steps.append(FlowStep(why, int(gone.sum()), int(inside.sum())))
    return inside, tuple(steps)


def set_rules(rules: SetRules) -> dict[str, str]:
    """Give every rule of an analysis set the reason for which patients leave at it.

    Parameters
    ----------
    rules : str, sequence of str, or mapping of str to str
        One filter, several, or filters with their reasons.

    Returns
    -------
    dict of str to str
        Filter and reason.

    Examples
    --------
    >>> set_rules(["confirmed", "age >= 18"])
    {'confirmed': 'not in the set: confirmed', 'age >= 18': 'not in the set: age >= 18'}
    """
    if isinstance(rules, Mapping):
        return dict(rules)
    return {text: f"not in the set: {text}" for text in ([rules] if isinstance(rules, str) else rules)}
