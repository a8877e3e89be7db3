"""What a study of this size can show: events, smallest hazard ratios and the width of C, for all and for each group."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, DataError, FitError
from survmodel.formatting import MISSING, count_noun, format_count, format_number, format_significant
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome
from survmodel.performance.planning import (
    expected_events,
    read_potential,
    smallest_hazard_ratio,
    uninformative_concordance_error,
)
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table

EVENTS = "events"
EVENTS_EXPECTED = "events expected"
PER_SD = "smallest hazard ratio, per SD"
TWO_GROUPS = "smallest hazard ratio, two equal groups"
HALF_WIDTH = "half-width of C"
PER_PARAMETER = "events per parameter"

#: Heading and number format of each measure, in the order of the printed table.
_COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    EVENTS: ("events", format_count),
    EVENTS_EXPECTED: ("events expected", lambda value: format_number(value, 1)),
    PER_SD: ("smallest HR, per SD", format_number),
    TWO_GROUPS: ("smallest HR, two equal groups", format_number),
    HALF_WIDTH: ("half-width of C", lambda value: format_number(value, 3)),
}
_ORDER = (*_COLUMNS, PER_PARAMETER)
#: C lies between 0 and 1: limits this far from 1/2 hold every value that it can take.
WHOLE_SCALE = 0.5


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Precision(Result):
    """What a study can show, for all patients and for each group.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns group, measure, estimate, n, n_event; the group of all patients is "".
    reasons : mapping of (str, str) to str
        For each group and measure whose estimate is NaN, why it does not exist.
    power, alpha : float
        Power and two-sided level.
    n_parameters : int or None
        Parameters that the events are shared among.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    table: pd.DataFrame
    reasons: Mapping[tuple[str, str], str]
    power: float
    alpha: float
    n_parameters: int | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the numbers, one row for each group and measure.

        Returns
        -------
        pandas.DataFrame
            Columns group, measure, estimate, n, n_event.
        """
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            Columns n, n_event, power, alpha, conventions.
        """
        everybody = self.table.iloc[0]
        row = {
            "n": int(everybody["n"]),
            "n_event": int(everybody["n_event"]),
            "power": self.power,
            "alpha": self.alpha,
            "conventions": "hazard ratio per SD: Hsieh-Lavori; in two equal groups: Schoenfeld; two-sided test; "
            "half-width of the normal limits for C of an uninformative continuous index, pairs within strata",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        shown = [measure for measure in _COLUMNS if (self.table["measure"] == measure).any()]
        rows = []
        for label, part in self.table.groupby("group", sort=False):
            estimates = dict(zip(part["measure"], part["estimate"], strict=True))
            cells = [_COLUMNS[measure][1](estimates[measure]) for measure in shown]
            rows.append([str(label) or "all", format_count(part["n"].iloc[0]), *cells])
        header = ["group", "n", *(_COLUMNS[measure][0] for measure in shown)]
        missing = [
            f"{MISSING} {group or 'all'}, {_COLUMNS[measure][0]}: {why}"
            for (group, measure), why in self.reasons.items()
        ]
        return Display("Precision", (Table(header, rows, footnotes=missing),), (*self._sentences(), *self.notes))

    def _sentences(self) -> list[str]:
        power, alpha, level = (format_significant(100 * share) for share in (self.power, self.alpha, 1 - self.alpha))
        sentences = [
            f"smallest HR: hazard ratio above 1 that a two-sided test at {alpha}% finds with {power}% power "
            "(Hsieh-Lavori per SD, Schoenfeld for groups)",
            f"half-width of the {level}% limits that C of an uninformative continuous index has",
        ]
        widths = self.table.loc[self.table["measure"] == HALF_WIDTH, "estimate"]
        if (widths >= WHOLE_SCALE).any():
            sentences.append(f"a half-width of {format_significant(WHOLE_SCALE)} or more: these limits hold every C")
        each = self.table.loc[self.table["measure"] == PER_PARAMETER, "estimate"]
        if self.n_parameters is not None and len(each):
            shared = count_noun(self.n_parameters, "parameter")
            sentences.append(f"events per parameter: {format_number(each.iloc[0], 1)} ({shared})")
        return sentences


def precision(
    outcome: Outcome,
    by: object = None,
    *,
    strata: object = None,
    potential: object = None,
    n_parameters: int | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
) -> Precision:
    """Tell what a study of this size can show, for all patients and for each group.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind.
    by : Series or array_like, shape (n,), optional
        Groups that are told one by one after all patients; each has its own rate for the events expected.
    strata : Series or array_like, shape (n,), optional
        Pairs for C are formed within strata.
    potential : Series or array_like, shape (n,), optional
        Time from the origin to the data lock, as for :func:`expected_events`.
    n_parameters : int, optional
        Parameters of the largest model, for the events per parameter.
    power, alpha : float
        Power, and two-sided level of tests and limits.

    Returns
    -------
    Precision
        Events, smallest hazard ratios and the half-width of C; NaN where a number does not exist, with the reason.

    Raises
    ------
    ConfigError
        For power, alpha or n_parameters out of range.
    DataError
        When rows differ from the outcome's, or a row has no group.
    EndpointError
        For competing events.

    References
    ----------
    Hsieh FY, Lavori PW (2000). Control Clin Trials 21:552-560. Schoenfeld DA (1983). Biometrics 39:499-503.

    Examples
    --------
    >>> from survmodel import Outcome
    >>> from survmodel.performance.precision import precision
    >>> found = precision(Outcome([5, 8, 12, 20, 31, 40], [1, 0, 1, 1, 0, 1]), n_parameters=2)
    >>> found.tidy().set_index("measure")["estimate"].round(2).to_dict()  # doctest: +ELLIPSIS
    {'events': 4.0, 'smallest hazard ratio, per SD': 4.06, ..., 'events per parameter': 2.0}
    """
    if n_parameters is not None and not _is_count(n_parameters):
        raise ConfigError(f"n_parameters is {n_parameters}", remedy="give a whole number from 1 up")
    check_outcome(outcome)
    n_event = int(outcome.died.sum())
    groups, layers = read_groups(outcome, by), read_groups(outcome, strata, "strata")
    known = None if potential is None else read_potential(outcome, potential)
    rows, reasons = [], {}
    for label, inside in _parts(groups, named=by is not None):
        part = outcome.take(inside)
        asked = _measures(part, layers.codes[inside], power, alpha)
        if known is not None:
            asked[EVENTS_EXPECTED] = partial(expected_events, part, known[inside], groups.codes[inside])
        if n_parameters is not None and not label:
            asked[PER_PARAMETER] = partial(float, n_event / n_parameters)
        for measure in sorted(asked, key=_ORDER.index):
            try:
                estimate = asked[measure]()
            except FitError as error:
                estimate, reasons[label, measure] = math.nan, error.problem
            rows.append([label, measure, estimate, part.n, part.n_event])
    return Precision(
        table=pd.DataFrame(rows, columns=["group", "measure", "estimate", "n", "n_event"]),
        reasons=reasons,
        power=float(power),
        alpha=float(alpha),
        n_parameters=n_parameters,
        warnings=outcome.warnings,
        notes=join_warnings(groups.notes, layers.notes),
    )


def _measures(
    part: Outcome, strata: npt.NDArray[np.int64], power: float, alpha: float
) -> dict[str, Callable[[], float]]:
    return {
        EVENTS: partial(float, part.n_event),
        PER_SD: partial(smallest_hazard_ratio, part.n_event, power=power, alpha=alpha),
        TWO_GROUPS: partial(smallest_hazard_ratio, part.n_event, share=0.5, power=power, alpha=alpha),
        HALF_WIDTH: lambda: normal_quantile(1 - alpha) * uninformative_concordance_error(part, strata),
    }


def _parts(groups: Groups, *, named: bool) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """List all rows, and then the rows of each group when the groups have names."""
    parts: list[tuple[str, npt.NDArray[np.bool_]]] = [("", np.ones(groups.codes.size, dtype=bool))]
    if not named:
        return parts
    if "" in groups.labels:
        raise DataError("by has a level without a name", remedy="give it one: the empty name stands for all rows")
    return parts + [(label, groups.codes == code) for code, label in enumerate(groups.labels)]


def _is_count(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, numbers.Integral) and int(value) > 0
