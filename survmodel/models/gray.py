"""Gray's test of whether groups share one cumulative incidence of a cause, where other causes compete.

Conventions: numbers of R's ``cmprsk::cuminc``; strata add up; the degrees of freedom count the groups that could be
told apart. A log-rank test of the cause-specific hazard asks another question: a group may have the higher hazard of
a cause and the lower risk of it, when more of its patients leave by other causes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import chi_squared_p
from survmodel.errors import ConfigError, DataError, FitError
from survmodel.formatting import format_count, format_number, format_p_equation
from survmodel.kernels.gray import GraySums, gray_sums
from survmodel.models.causes import CAUSE, OTHER, read_cause, refuse_late_entry
from survmodel.models.logrank import quadratic_form
from survmodel.models.strata import look_at_strata
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GrayTest(Result):
    """Gray's test.

    Attributes
    ----------
    groups : tuple of str
        Labels in order.
    cause : str
        The cause of interest.
    n, n_event : ndarray, shape (n_groups,)
        Rows and events of the cause.
    observed, expected : ndarray, shape (n_groups,)
        Weighted events of the cause, and how many one shared incidence makes of them, summed over strata.
    covariance : ndarray, shape (n_groups, n_groups)
        Covariance of observed minus expected.
    statistic, df, p_value : float, int, float
        Chi-squared statistic, its degrees of freedom, its tail probability.
    rho : float
        Power of the weight.
    n_competing, n_strata : int
        Competing events; strata.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    groups: tuple[str, ...]
    cause: str
    n: Ints
    n_event: Ints
    observed: Floats
    expected: Floats
    covariance: Floats
    statistic: float
    df: int
    p_value: float
    rho: float
    n_competing: int
    n_strata: int
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the counts, one row for each group.

        Returns
        -------
        pandas.DataFrame
            Columns group, n, n_event, observed, expected.
        """
        columns = ("n", "n_event", "observed", "expected")
        return pd.DataFrame({"group": self.groups, **{name: getattr(self, name) for name in columns}})

    def glance(self) -> pd.DataFrame:
        """Give the test in one row.

        Returns
        -------
        pandas.DataFrame
            Columns statistic, df, p_value, n, n_event, n_competing, n_strata, cause, rho, test, conventions.
        """
        row = {
            "statistic": self.statistic,
            "df": self.df,
            "p_value": self.p_value,
            "n": int(self.n.sum()),
            "n_event": int(self.n_event.sum()),
            "n_competing": self.n_competing,
            "n_strata": self.n_strata,
            "cause": self.cause,
            "rho": self.rho,
            "test": "Gray's test",
            "conventions": "Gray 1988 as R's cmprsk; df from the rank of the covariance",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [label, format_count(n), format_count(d), format_number(o, 1), format_number(e, 2)]
            for label, n, d, o, e in zip(self.groups, self.n, self.n_event, self.observed, self.expected, strict=True)
        ]
        statistic = f"chi-squared {format_number(self.statistic, 2)} on {self.df} df, {format_p_equation(self.p_value)}"
        parts = [self.cause]
        parts += [f"rho {self.rho:g}"] if self.rho else []
        parts += [f"{self.n_strata} strata"] if self.n_strata > 1 else []
        title = f"Gray's test ({', '.join(parts)}): {statistic}"
        return Display(title, (Table(["group", "n", "events", "observed", "expected"], rows),), self.notes)


def gray_test(outcome: Outcome, by: object, *, cause: int = 1, strata: object = None, rho: float = 0.0) -> GrayTest:
    """Test whether groups share one cumulative incidence of a cause.

    Parameters
    ----------
    outcome : Outcome
        Times and events, with or without competing causes; nobody enters late.
    by : Series or array_like, shape (n,)
        Groups.
    cause : int
        Code of the cause of interest.
    strata : Series or array_like, shape (n,), optional
        Strata within which groups are compared.
    rho : float
        Weights ``(1 - F(t-))^rho`` of the incidence *F* that all groups would share: above 0 stresses early
        differences.

    Returns
    -------
    GrayTest
        Statistic, degrees of freedom, p-value, and counts by group.

    Raises
    ------
    ConfigError
        For a cause that the outcome does not have, or a rho that is no finite number.
    DataError
        With one group only, or a row without group or stratum.
    EndpointError
        With late entry.
    FitError
        Without events of the cause, or when no event time has two groups at risk.

    References
    ----------
    Gray RJ (1988). Ann Stat 16:1141-1154.

    Examples
    --------
    >>> from survmodel import Outcome, gray_test
    >>> outcome = Outcome([3, 5, 7, 9, 11, 12], [1, 2, 1, 0, 2, 1], causes={1: "relapse", 2: "death"})
    >>> test = gray_test(outcome, by=["a", "a", "a", "b", "b", "b"])
    >>> test.df, test.tidy()["n_event"].tolist()
    (1, [2, 1])
    """
    check_outcome(outcome)
    kind, name = read_cause(outcome, cause)
    if not np.isfinite(rho):
        raise ConfigError(f"rho is {rho}", remedy="give a finite number, 0 for no weights")
    groups = read_groups(outcome, by)
    if groups.n < 2:
        raise DataError(
            "there is only one group", f"all {outcome.n} rows are in {groups.labels[0]!r}", "nothing to compare"
        )
    happened = kind == CAUSE
    if not happened.any():
        raise FitError("there are no events", f"0 of {outcome.n} rows", "Gray's test needs an event of the cause")
    refuse_late_entry(outcome, "Gray's test")
    layers = read_groups(outcome, strata, "strata")
    sums = _sums(outcome, kind, groups, layers, rho)
    statistic, df = quadratic_form(sums.observed - sums.expected, sums.covariance)
    if df == 0:
        raise FitError("no event time has two groups at risk", remedy="the groups cannot be compared on these data")
    return GrayTest(
        groups=groups.labels,
        cause=name,
        n=frozen(np.bincount(groups.codes), np.int64),
        n_event=frozen(np.bincount(groups.codes, weights=happened), np.int64),
        observed=frozen(sums.observed),
        expected=frozen(sums.expected),
        covariance=frozen(sums.covariance),
        statistic=statistic,
        df=df,
        p_value=chi_squared_p(statistic, df),
        rho=float(rho),
        n_competing=int((kind == OTHER).sum()),
        n_strata=layers.n,
        warnings=join_warnings(outcome.warnings, look_at_strata(happened, layers.codes, layers.n)),
        notes=join_warnings(groups.notes, layers.notes),
    )


def _sums(outcome: Outcome, kind: Ints, groups: Groups, strata: Groups, rho: float) -> GraySums:
    order = np.lexsort((outcome.time, strata.codes))
    bounds = np.searchsorted(strata.codes[order], np.arange(strata.n + 1)).astype(np.int64)
    return gray_sums(
        np.ascontiguousarray(outcome.time[order]), kind[order], groups.codes[order], bounds, groups.n, float(rho)
    )
