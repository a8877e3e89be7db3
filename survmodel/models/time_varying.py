r"""Cox models whose coefficients change over time, by steps or with the logarithm of time.

A row is cut into the stretches of its time at risk in which its columns are constant. With steps at :math:`c_1 < c_2 <
\dots` a column *x* becomes one column for each period, :math:`x\,1[c_{k-1} < t \le c_k]`, so that each coefficient is
the log hazard ratio of its period. With the logarithm of time it stays, and :math:`x \log t` is added: at time *t* the
log hazard ratio is :math:`\beta + \gamma \log t`. The hazard at an event time concerns the column's value at that time,
so that rows are cut at all event times, and stretches without an event are left out: they say nothing.
"""

# ruff: noqa: ARG002 - what is refused keeps its signature
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import chi_squared_p
from survmodel.errors import ConfigError, FitError, closest, list_values
from survmodel.formatting import format_number
from survmodel.models.coefficient_tests import wald_columns
from survmodel.models.cox_fit import CoxFit, ResidualKind
from survmodel.models.cox_likelihood import CoxData, sort_data
from survmodel.models.cox_maximum import maximise_for
from survmodel.models.cox_settings import Change
from survmodel.models.formula import Design
from survmodel.models.formula_coding import DesignColumn
from survmodel.models.term_tests import columns_of_splines
from survmodel.result import Display

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: More stretches than this are not built: the rows of a large table times its event times.
MOST_STRETCHES = 20_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows cut into stretches of time.

    Attributes
    ----------
    design : Design
        With the columns that change over time.
    data : CoxData
        One row for each stretch.
    origin : ndarray of int64, shape (n_stretches,)
        The analysed row of each stretch.
    whole : CoxData
        The rows before they were cut, with the columns that do not change.
    constant : Design
        Its design.
    changes : dict of str to "log" or tuple of float
        How each term that changes does so.
    """

    design: Design
    data: CoxData
    origin: Ints
    whole: CoxData
    constant: Design
    changes: dict[str, Change]


def split_rows(changes: Mapping[str, Change], design: Design, data: CoxData) -> Split:
    """Cut rows where a coefficient may change.

    Parameters
    ----------
    changes : mapping of str to "log" or tuple of float
        By term, or by column for all terms of that column alone.
    design, data : Design, CoxData
        The model in which nothing changes.

    Returns
    -------
    Split
        Whose likelihood is that of the model asked for.

    Raises
    ------
    ConfigError
        For a term that the formula lacks, or that has a spline.
    FitError
        For a period without events, events at time 0, and tables too large to cut.
    """
    by_term = _match_terms(changes, design)
    events = np.unique(data.time[data.event])
    if any(change == "log" for change in by_term.values()) and events.size and events[0] <= 0:
        raise FitError("an event happens at time 0, which has no logarithm", remedy="use steps, or move the origin")
    _refuse_empty_periods(by_term, events)
    origin, place = _stretches(data, events)
    stop = events[place]
    before = np.concatenate([[-np.inf], events])[place]
    columns: list[DesignColumn] = []
    values: list[Floats] = []
    terms: list[tuple[str, tuple[int, ...]]] = []
    for label, positions in design.terms:
        change = by_term.get(label)
        begun = len(columns)
        for position in positions:
            column, x = design.columns[position], data.x[origin, position]
            for name, factor in _factors(change, stop):
                columns.append(_name_column(column, name))
                values.append(x * factor)
        terms.append((label, tuple(range(begun, len(columns)))))
    cut_data = CoxData(
        x=np.asfortranarray(np.stack(values, axis=1)) if values else np.empty((origin.size, 0)),
        offset=data.offset[origin],
        weight=data.weight[origin],
        count=data.count[origin],
        time=stop,
        entry=before if data.entry is None else np.maximum(before, data.entry[origin]),
        event=data.event[origin] & (data.time[origin] == stop),
        stratum=data.stratum[origin],
        efron=data.efron,
    )
    changed = replace(design, columns=tuple(columns), terms=tuple(terms))
    return Split(changed, cut_data, origin, data, design, by_term)


def _name_column(column: DesignColumn, name: str) -> DesignColumn:
    """Name a column times a function of time as an interaction, so that no table takes it for the column itself."""
    if not name:
        return column
    level = ":".join(part for part in (column.level, name.removeprefix(":")) if part)
    return replace(column, term=column.term + name, variable=f"{column.variable}:time", level=level)


def _match_terms(changes: Mapping[str, Change], design: Design) -> dict[str, Change]:
    labels = [label for label, _ in design.terms]
    of_column: dict[str, list[str]] = {}
    for label, positions in design.terms:
        of_column.setdefault(design.columns[positions[0]].variable, []).append(label)
    found: dict[str, Change] = {}
    for name, change in changes.items():
        matched = [name] if name in labels else of_column.get(name, [])
        if not matched:
            raise ConfigError(f"time_varying names {name!r}, which is no term", closest(name, [*labels, *of_column]))
        found |= dict.fromkeys(matched, change)
    bent = [label for label in found if label in columns_of_splines(design).values()]
    if bent:
        raise ConfigError(
            f"the coefficients of a spline cannot change over time: {list_values(bent)}",
            remedy="let the column change as a line, as log2 of it or as a factor",
        )
    return found


def _refuse_empty_periods(changes: Mapping[str, Change], events: Floats) -> None:
    for label, change in changes.items():
        if change == "log":
            continue
        counts = np.histogram(events, [-np.inf, *np.nextafter(change, np.inf), np.inf])[0]
        for period, count in zip(_periods(change), counts, strict=True):
            if count == 0:
                raise FitError(
                    f"no event happens in the period {period!r} of {label}", remedy="choose steps with events between"
                )


def _periods(cuts: Sequence[float]) -> list[str]:
    """Name the periods between steps."""
    shown = [format_number(cut, 10).rstrip("0").rstrip(".") for cut in cuts]
    middle = [f"{a} to {b}" for a, b in pairwise(shown)]
    return [f"to {shown[0]}", *middle, f"after {shown[-1]}"]


def _factors(change: Change | None, stop: Floats) -> list[tuple[str, Floats]]:
    """Give what a column is multiplied by at each event time, with what is added to its name."""
    if change is None:
        return [("", np.ones(stop.size))]
    if change == "log":
        return [("", np.ones(stop.size)), (":log(time)", np.log(stop))]
    period = np.searchsorted(np.asarray(change), stop, side="left")
    return [(f":time[{name}]", (period == k).astype(np.float64)) for k, name in enumerate(_periods(change))]


def _stretches(data: CoxData, events: Floats) -> tuple[Ints, Ints]:
    """Pair every row with the event times at which it is at risk: row and position of the time."""
    entered = np.full(data.time.size, -np.inf) if data.entry is None else data.entry
    first = np.searchsorted(events, entered, side="right")
    last = np.searchsorted(events, data.time, side="right")
    lengths = np.maximum(last - first, 0)
    total = int(lengths.sum())
    if total > MOST_STRETCHES:
        raise FitError(
            f"coefficients that change need {total} stretches of time", f"at most {MOST_STRETCHES} are built",
            "round times to coarser units",
        )  # fmt: skip
    origin = np.repeat(np.arange(data.time.size), lengths)
    within = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return origin, first[origin] + within


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TimeVaryingFit(CoxFit):
    """A Cox model with coefficients that change over time: a :class:`CoxFit` without a single index.

    `data` and `ordered` hold stretches of time; `outcome`, `rows` and `columns` are those of the patients.

    Attributes
    ----------
    split : Split
        How the rows were cut.
    """

    split: Split | None = None

    @property
    def n(self) -> int:
        """Analysed rows before they were cut, counts counted."""
        return int(self._split.whole.count.sum())

    @property
    def counts(self) -> Floats:
        """How many rows each analysed row stands for, before they were cut."""
        return self._split.whole.count

    @property
    def _split(self) -> Split:
        if self.split is None:
            raise FitError("the fit does not say how its rows were cut")
        return self.split

    def hazard_ratio_at(self, column: str, times: npt.ArrayLike) -> pd.DataFrame:
        """Give the hazard ratio of a column of the constant design at times.

        Parameters
        ----------
        column : str
            Name of a column of the design, such as ``"age"`` or ``"sex[m]"``.
        times : array_like, shape (k,)
            Times above 0.

        Returns
        -------
        pandas.DataFrame
            Columns term, time, estimate (hazard ratio for one unit), std_error (log scale), statistic, p_value,
            conf_low, conf_high (Wald).

        Raises
        ------
        ConfigError
            For an unknown column, or times that are not above 0.
        """
        split, at = self._split, np.atleast_1d(np.asarray(times, dtype=np.float64))
        if column not in split.constant.names:
            raise ConfigError(f"{column!r} is no column of the design", closest(column, split.constant.names))
        if not (np.isfinite(at) & (at > 0)).all():
            raise ConfigError("times must be above 0", remedy="a hazard ratio is that of the time after the origin")
        position = split.constant.names.index(column)
        label = next(label for label, positions in split.constant.terms if position in positions)
        steps = np.zeros((at.size, self.beta.size))
        for name, factor in _factors(split.changes.get(label), at):
            steps[:, self.design.names.index(column + name)] = factor
        std_error = np.sqrt(np.einsum("kp,pq,kq->k", steps, self.beta_covariance, steps))
        found = wald_columns(steps @ self.beta, std_error, self.spec.conf_level)
        scaled = ["estimate", "conf_low", "conf_high"]
        found[scaled] = np.exp(found[scaled])
        return pd.concat([pd.DataFrame({"term": column, "time": at}), found], axis=1)

    def constancy_tests(self) -> pd.DataFrame:
        """Test for each term that changes whether it does: likelihood ratio against a constant coefficient.

        Returns
        -------
        pandas.DataFrame
            Columns term, statistic (chi-squared), df, p_value; "GLOBAL" last, against the model in which none changes.

        Raises
        ------
        FitError
            Under a penalty or with robust standard errors: there is no such test.
        """
        if self.spec.penalty is not None or self.robust:
            raise FitError("a penalty or robust standard errors leave no likelihood-ratio test of constancy")
        split = self._split
        rows = []
        for label in [*split.changes, "GLOBAL"]:
            others = {name: how for name, how in split.changes.items() if label not in (name, "GLOBAL")}
            smaller = split_rows(others, split.constant, split.whole)
            loglik = maximise_for(self.spec, smaller.data, sort_data(smaller.data), smaller.design.names).loglik
            statistic = max(2 * (self.maximum.loglik - loglik), 0.0)
            df = self.beta.size - len(smaller.design.names)
            rows.append({"term": label, "statistic": statistic, "df": df, "p_value": chi_squared_p(statistic, df)})
        return pd.DataFrame(rows)

    def _conventions(self) -> str:
        return f"{super(TimeVaryingFit, self)._conventions()}; {self._how()}"

    def _how(self) -> str:
        how = ", ".join(
            f"{label} by log time" if change == "log" else f"{label} by steps at {', '.join(f'{c:g}' for c in change)}"
            for label, change in self._split.changes.items()
        )
        return f"coefficients change over time: {how}"

    def _display(self) -> Display:
        shown = super(TimeVaryingFit, self)._display()
        return replace(shown, notes=(*shown.notes, self._how()))

    def _refuse(self, what: str) -> NoReturn:
        raise FitError(
            f"a model with coefficients that change over time has no {what}",
            remedy="read it by hazard_ratios(), hazard_ratio_at() and constancy_tests()",
        )

    def hazard_ratios(
        self, contrasts: Mapping[str, Sequence[object]] | None = None, at: Mapping[str, object] | None = None
    ) -> pd.DataFrame:
        """Give hazard ratios with limits, one row for each column of the design; contrasts are refused."""
        if contrasts is not None:
            self._refuse("contrasts, whose time would have to be said")
        return super(TimeVaryingFit, self).hazard_ratios(at=at)

    def prognostic_index(self, table: pd.DataFrame) -> Floats:
        """Refuse: the order of patients changes over time."""
        self._refuse("prognostic index")

    def baseline(self, *, centered: bool = False) -> pd.DataFrame:
        """Refuse: the baseline alone predicts nothing here."""
        self._refuse("baseline to predict from")

    def predict_risk(self, table: pd.DataFrame, times: npt.ArrayLike) -> Floats:
        """Refuse: not offered."""
        self._refuse("predicted risk")

    def predict_survival(self, table: pd.DataFrame, times: npt.ArrayLike) -> Floats:
        """Refuse: not offered."""
        self._refuse("predicted survival")

    def survival_limits(self, table: pd.DataFrame, times: npt.ArrayLike, *, conf_type: str = "log-log") -> pd.DataFrame:
        """Refuse: not offered."""
        self._refuse("predicted survival")

    def residuals(self, kind: ResidualKind = "martingale") -> pd.DataFrame:
        """Refuse: residuals would be those of stretches, not of patients."""
        self._refuse("residuals by patient")

    def effect_curve(
        self, column: str, reference: float | None = None, *, points: int = 101, at: Mapping[str, object] | None = None
    ) -> pd.DataFrame:
        """Refuse: there is one curve for each time."""
        self._refuse("single effect curve")
