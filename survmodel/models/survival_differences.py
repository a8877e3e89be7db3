r"""Groups compared at one time, or by the area under their curves.

Survival at a time is compared on the scale :math:`\log(-\log S)`, on which the difference of two estimates is near
normal in small groups (Klein and others 2007); the difference that is shown, of probabilities, has limits by its own
standard error. Restricted means are compared as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import chi_squared_p, normal_quantile, two_sided_p
from survmodel.errors import DataError, FitError
from survmodel.formatting import MISSING, format_number, format_p, format_p_equation, format_significant
from survmodel.models.kaplan_meier import KaplanMeier
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GroupDifferences(Result):
    """Differences between groups, all pairs of them, and one test of all groups.

    Attributes
    ----------
    name, measure, conventions : str
        What was compared, how it is called in a table, by which rules.
    groups : tuple of str
        Labels in order.
    estimates : ndarray, shape (n_groups, 2)
        Estimate and standard error of each group.
    pairs : tuple of (str, str)
        Group and reference.
    difference, std_error, z, p_value : ndarray, shape (n_pairs,)
        Group minus reference, its standard error, the statistic of the test and its tail probability; NaN where the
        test does not exist.
    statistic, df, p_value_all : float, int, float
        Chi-squared test that all groups are equal.
    at : float
        Time or horizon.
    conf_level, unit : float, str
        Coverage, unit of time.
    warnings : tuple of str
        Pairs that could not be tested, and why.
    """

    name: str
    measure: str
    conventions: str
    groups: tuple[str, ...]
    estimates: Floats
    pairs: tuple[tuple[str, str], ...]
    difference: Floats
    std_error: Floats
    z: Floats
    p_value: Floats
    statistic: float
    df: int
    p_value_all: float
    at: float
    conf_level: float
    unit: str
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the differences, one row for each pair of groups.

        Returns
        -------
        pandas.DataFrame
            Columns group, reference, time, estimate (group minus reference), std_error, statistic, p_value (not
            adjusted for the number of pairs), conf_low, conf_high.
        """
        width = normal_quantile(self.conf_level) * self.std_error
        return pd.DataFrame({
            "group": [pair[0] for pair in self.pairs],
            "reference": [pair[1] for pair in self.pairs],
            "time": self.at,
            "estimate": self.difference,
            "std_error": self.std_error,
            "statistic": self.z,
            "p_value": self.p_value,
            "conf_low": self.difference - width,
            "conf_high": self.difference + width,
        })  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Give the test of all groups in one row.

        Returns
        -------
        pandas.DataFrame
            Columns statistic, df, p_value, time, unit, conf_level, conventions.
        """
        row = {
            "statistic": self.statistic, "df": self.df, "p_value": self.p_value_all, "time": self.at,
            "unit": self.unit, "conf_level": self.conf_level, "conventions": self.conventions,
        }  # fmt: skip
        return pd.DataFrame([row])

    def _display(self) -> Display:
        each = [[group, _shown(estimate), _shown(error)] for group, (estimate, error) in zip(
            self.groups, self.estimates, strict=True)]  # fmt: skip
        rows = []
        for row in self.tidy().to_dict("records"):
            limits = f"{_shown(row['conf_low'])} to {_shown(row['conf_high'])}"
            pair = f"{row['group']} minus {row['reference']}"
            rows.append([pair, _shown(row["estimate"]), limits, format_p(row["p_value"])])
        limits = f"{100 * self.conf_level:g}% limits"
        tables = Table(["group", self.measure, "se"], each), Table(["pair", "difference", limits, "p"], rows)
        if np.isnan(self.statistic):
            return Display(self.name, tables, (self.conventions,))
        test = f"All groups equal: chi-squared {format_number(self.statistic, 2)} on {self.df} df, "
        return Display(self.name, tables, (test + format_p_equation(self.p_value_all), self.conventions))


def _shown(value: float) -> str:
    return MISSING if np.isnan(value) else format_significant(float(value), 3)


def compare_survival_at(
    outcome: Outcome, by: object, time: float, *, weights: object = None, conf_level: float = 0.95
) -> GroupDifferences:
    """Compare the survival of groups at a time that was chosen in advance.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind.
    by : Series or array_like, shape (n,)
        Groups.
    time : float
        The time, in the unit of the outcome; within the follow-up of every group.
    weights : Series or array_like, shape (n,), optional
        Case weights.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    GroupDifferences
        Differences of probabilities. A pair in which a curve is 1 or 0 has no test, and a warning says so.

    Raises
    ------
    DataError
        With one group only.
    FitError
        When a group is not followed as long.

    References
    ----------
    Klein JP, Logan B, Harhoff M, Andersen PK (2007). Stat Med 26:4505-4519.

    Examples
    --------
    >>> from survmodel import Outcome, compare_survival_at
    >>> outcome = Outcome([2, 4, 6, 8, 9, 3, 5, 7, 9, 10], [1, 1, 1, 0, 1, 1, 0, 1, 1, 0])
    >>> compare_survival_at(outcome, list("aaaaabbbbb"), 6).tidy()[["group", "reference", "estimate"]].values.tolist()
    [['b', 'a', 0.4]]
    """
    fit = _fit(outcome, by, weights, conf_level)
    read = fit.at(time)
    survival, error = (read[name].to_numpy(dtype=float) for name in ("estimate", "std_error"))
    gone = [group for group, value in zip(fit.groups, survival, strict=True) if np.isnan(value)]
    if gone:
        shortest = min(curve.last for curve in fit.curves)
        raise FitError(
            f"the curve of {', '.join(gone)} ends before {time:g}",
            remedy=f"choose a time of at most {format_significant(shortest, 6)}",
        )
    inside = (survival > 0) & (survival < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(inside, np.log(-np.log(survival)), np.nan)
        spread = np.where(inside, np.square(error / (survival * np.log(survival))), np.nan)
    unit = f" {fit.unit}" if fit.unit else ""
    return _compare(
        fit, f"Survival at {time:g}{unit}", "survival", "tests of log(-log S), limits by the error of the difference",
        np.column_stack([survival, error]), np.column_stack([scaled, spread]), float(time),
    )  # fmt: skip


def rmst_difference(
    outcome: Outcome, by: object, horizon: float, *, weights: object = None, conf_level: float = 0.95
) -> GroupDifferences:
    """Compare the restricted mean survival time of groups: the areas under their curves up to a horizon.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind.
    by : Series or array_like, shape (n,)
        Groups.
    horizon : float
        Upper end of the areas, chosen in advance, within the follow-up of every group unless its curve has reached 0.
    weights : Series or array_like, shape (n,), optional
        Case weights.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    GroupDifferences
        Differences in the unit of time: above 0 the group lives longer than its reference.

    Raises
    ------
    DataError
        With one group only.
    EndpointError
        When the horizon lies beyond the follow-up of a group.

    References
    ----------
    Royston P, Parmar MKB (2013). BMC Med Res Methodol 13:152.

    Examples
    --------
    >>> from survmodel import Outcome, rmst_difference
    >>> outcome = Outcome([2, 4, 6, 8, 9, 3, 5, 7, 9, 10], [1, 1, 1, 0, 1, 1, 0, 1, 1, 0])
    >>> round(float(rmst_difference(outcome, list("aaaaabbbbb"), 8).tidy()["estimate"].iloc[0]), 6)
    1.133333
    """
    fit = _fit(outcome, by, weights, conf_level)
    read = fit.rmst(horizon)
    estimates = read[["estimate", "std_error"]].to_numpy(dtype=float)
    spread = np.where(estimates[:, 1] > 0, np.square(estimates[:, 1]), np.nan)
    unit = f" {fit.unit}" if fit.unit else ""
    return _compare(
        fit, f"Restricted mean survival time up to {horizon:g}{unit}", "mean",
        "areas under Kaplan-Meier curves with the sampling error of the area",
        estimates, np.column_stack([estimates[:, 0], spread]), float(horizon),
    )  # fmt: skip


def _fit(outcome: Outcome, by: object, weights: object, conf_level: float) -> KaplanMeierFit:
    fit = KaplanMeier(conf_level=conf_level).fit(outcome, by=by, weights=weights)
    if len(fit.groups) < 2:
        raise DataError("there is only one group", remedy="nothing to compare")
    return fit


def _compare(
    fit: KaplanMeierFit, name: str, measure: str, conventions: str, shown: Floats, tested: Floats, at: float
) -> GroupDifferences:
    """Compare every pair, and all groups, on the scale of the test: estimates in its first column, variances after."""
    value, variance = tested.T
    places = list(combinations(range(len(fit.groups)), 2))
    z = np.array([(value[b] - value[a]) / np.sqrt(variance[a] + variance[b]) for a, b in places])
    # On the scale of the test more survival is less: its sign is that of the difference that is shown.
    difference = np.array([shown[b, 0] - shown[a, 0] for a, b in places])
    z = np.sign(difference) * np.abs(z)
    without = [group for group, one in zip(fit.groups, variance, strict=True) if np.isnan(one)]
    warnings = [f"{group}: no test, since its curve is 1 or 0 there" for group in without]
    statistic, df, p_value = np.nan, len(fit.groups) - 1, np.nan
    if not without:
        weight = 1 / variance
        statistic = float(np.sum(weight * np.square(value - np.sum(weight * value) / weight.sum())))
        p_value = chi_squared_p(statistic, df)
    return GroupDifferences(
        name=name,
        measure=measure,
        conventions=conventions,
        groups=fit.groups,
        estimates=frozen(shown),
        pairs=tuple((fit.groups[b], fit.groups[a]) for a, b in places),
        difference=frozen(difference),
        std_error=frozen([np.sqrt(shown[a, 1] ** 2 + shown[b, 1] ** 2) for a, b in places]),
        z=frozen(z),
        p_value=frozen(two_sided_p(z)),
        statistic=statistic,
        df=df,
        p_value_all=p_value,
        at=at,
        conf_level=fit.conf_level,
        unit=fit.unit,
        warnings=join_warnings(fit.warnings, warnings),
    )
