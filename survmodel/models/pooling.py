"""One answer from m completed tables: estimates of any kind, regressions, survival curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, closest, name_rows
from survmodel.formatting import format_estimate, format_number
from survmodel.models.contract import FittedStep
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.models.pooled_curves import PooledCurves, pool_curves
from survmodel.models.pooled_regression import Freedom, PooledRegression, pool_fits
from survmodel.models.rubin import Combined, combine
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Transform = Literal["logit", "log", "cloglog"]
#: Open intervals in which estimates of each transform lie.
RANGES = {None: (-np.inf, np.inf), "logit": (0.0, 1.0), "log": (0.0, np.inf), "cloglog": (0.0, 1.0)}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PooledEstimates(Result):
    """Estimates pooled by Rubin's rules.

    Attributes
    ----------
    names : tuple of str
        What is estimated.
    combined : Combined
        Pooled on the scale of the transform.
    transform : str, or None
        Scale on which they were pooled.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        What the reader must know.
    """

    names: tuple[str, ...]
    combined: Combined
    transform: str | None
    conf_level: float
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the estimates on their own scale.

        Returns
        -------
        pandas.DataFrame
            Columns term, estimate, std_error, statistic and p_value (of 0 on the scale of the transform: a ratio of 1,
            a probability of 1/2; missing for "cloglog", whose 0 means nothing), df, conf_low, conf_high, fmi, riv.
        """
        found = self.combined
        estimate, slope = back(found.estimate, self.transform)
        ends = [back(end, self.transform)[0] for end in found.limits(self.conf_level)]
        statistic, p_value = found.tests()
        if self.transform == "cloglog":
            statistic, p_value = np.full((2, statistic.size), np.nan)
        return pd.DataFrame({
            "term": list(self.names), "estimate": estimate, "std_error": found.std_error * slope,
            "statistic": statistic, "df": found.df, "p_value": p_value, "conf_low": np.minimum(*ends),
            "conf_high": np.maximum(*ends), "fmi": found.fmi, "riv": found.riv,
        })  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Give conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        scale = self.transform or "the scale of the estimates"
        row = {"m": self.combined.m, "conf_level": self.conf_level, "conventions": f"Rubin's rules on {scale}"}
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [
                one["term"],
                format_estimate(one["estimate"], one["conf_low"], one["conf_high"], 3),
                format_number(one["fmi"], 2),
            ]
            for one in self.tidy().to_dict("records")
        ]
        percent = f"{100 * self.conf_level:g}% limits"
        table = Table(["", f"estimate ({percent})", "missing information"], rows)
        scale = f", pooled on the scale {self.transform}" if self.transform else ""
        return Display(f"Pooled over {self.combined.m} completed tables", (table,), (f"Rubin's rules{scale}",))


def forward(values: Floats, transform: str | None) -> tuple[Floats, Floats]:
    """Transform estimates to the scale on which they are pooled.

    Parameters
    ----------
    values : ndarray
        Estimates.
    transform : str, optional
        Name of the scale.

    Returns
    -------
    transformed, slope : ndarray
        Values, and the size of the derivative.
    """
    if transform == "logit":
        return np.log(values / (1 - values)), 1 / (values * (1 - values))
    if transform == "log":
        return np.log(values), 1 / values
    if transform == "cloglog":
        return np.log(-np.log(values)), 1 / np.abs(values * np.log(values))
    return values, np.ones_like(values)


def back(values: Floats, transform: str | None) -> tuple[Floats, Floats]:
    """Transform pooled estimates back.

    Parameters
    ----------
    values : ndarray
        On the scale on which they were pooled.
    transform : str, optional
        Name of the scale.

    Returns
    -------
    estimates, slope : ndarray
        On their own scale, and the size of the derivative there.
    """
    if transform == "logit":
        share = 1 / (1 + np.exp(-values))
        return share, share * (1 - share)
    if transform == "log":
        return np.exp(values), np.exp(values)
    if transform == "cloglog":
        survival = np.exp(-np.exp(values))
        return survival, np.exp(values) * survival
    return values, np.ones_like(values)


def pool_estimates(
    estimates: npt.ArrayLike,
    std_errors: npt.ArrayLike,
    *,
    transform: Transform | None = None,
    df: Freedom = "large sample",
    n: int | None = None,
    names: Sequence[str] | None = None,
    conf_level: float = 0.95,
) -> PooledEstimates:
    """Pool estimates of m completed tables by Rubin's rules.

    Parameters
    ----------
    estimates, std_errors : array_like, shape (m,) or (m, k)
        Of each table, on the scale on which they are told.
    transform : {"logit", "log", "cloglog"}, optional
        Scale on which they are near normal and are pooled: logit for C and AUC, log for ratios, log(-log) for survival.
    df : {"large sample", "events-p", "n-p"}
        Degrees of freedom of complete data: infinite, so that complete data have normal limits, or `n` less the number
        of estimates.
    n : int, optional
        Events or rows, for the other two.
    names : sequence of str, optional
        What is estimated.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    PooledEstimates
        Estimates with limits, degrees of freedom and the fraction of missing information.

    Raises
    ------
    DataError
        For shapes that differ, missing or infinite values, errors below 0, and estimates outside their scale.
    ConfigError
        For an unknown transform or df, or a df without `n`.

    References
    ----------
    Rubin DB (1987). Multiple Imputation for Nonresponse in Surveys. Barnard J, Rubin DB (1999). Biometrika 86:948-955.

    Examples
    --------
    >>> found = pool_estimates([0.70, 0.72, 0.71], [0.03, 0.03, 0.03], transform="logit", names=["C"])
    >>> found.tidy().round(3)[["term", "estimate", "conf_low", "conf_high"]].values.tolist()
    [['C', 0.71, 0.643, 0.769]]
    """
    if transform not in RANGES:
        raise ConfigError(f"transform {transform!r} is not known", remedy=closest(str(transform), get_args(Transform)))
    if df not in get_args(Freedom):
        raise ConfigError(f"df {df!r} is not known", remedy=closest(str(df), get_args(Freedom)))
    values, errors = (np.asarray(one, dtype=np.float64) for one in (estimates, std_errors))
    if values.shape != errors.shape or values.ndim not in (1, 2):
        raise DataError("estimates and std_errors differ in shape", f"found {values.shape} and {errors.shape}")
    values, errors = values.reshape(len(values), -1), errors.reshape(len(errors), -1)
    wrong = ~np.isfinite(values) | ~np.isfinite(errors) | (errors < 0)
    if wrong.any():
        raise DataError("estimates or std_errors are missing or no numbers", f"in {name_rows(wrong.any(axis=1))}")
    lowest, highest = RANGES[transform]
    outside = (values <= lowest) | (values >= highest)
    if outside.any():
        raise DataError(
            f"estimates lie outside the scale {transform}", f"in {name_rows(outside.any(axis=1))}",
            "pool without a transform",
        )  # fmt: skip
    k = values.shape[1]
    if df != "large sample" and n is None:
        raise ConfigError(f"df {df!r} needs n", remedy="give the number of events, or of rows")
    freedom = np.inf if df == "large sample" or n is None else float(max(n - k, 1))
    moved, slope = forward(values, transform)
    labels = tuple(f"estimate {place + 1}" for place in range(k)) if names is None else tuple(map(str, names))
    if len(labels) != k:
        raise DataError("names and estimates differ in number", f"found {len(labels)} and {k}")
    return PooledEstimates(labels, combine(moved, (errors * slope) ** 2, freedom), transform, conf_level)


def pooled(
    spec: Any,  # noqa: ANN401 - any model whose fits have coefficients, or a Kaplan-Meier specification
    imputed: FittedStep | Sequence[pd.DataFrame],
    outcome: Outcome,
    *,
    by: str | None = None,
    df: Freedom = "large sample",
    conf_level: float | None = None,
) -> PooledRegression | PooledCurves:
    """Fit a specification to each completed table and pool the fits.

    Parameters
    ----------
    spec : CoxPH, FineGray, KaplanMeier
        What is fitted.
    imputed : FittedStep or sequence of DataFrame
        A fitted imputation, or completed tables.
    outcome : Outcome
        Of their rows.
    by : str, optional
        Column of the groups of curves, which may be imputed.
    df : {"large sample", "events-p", "n-p"}
        Degrees of freedom of complete data.
    conf_level : float, optional
        Coverage of limits; that of the specification without it.

    Returns
    -------
    PooledRegression or PooledCurves
        Pooled coefficients, or pooled curves.

    Raises
    ------
    FitError
        For a model without coefficients that can be pooled.

    Examples
    --------
    >>> from survmodel import CoxPH, MultipleImputation
    >>> random = np.random.default_rng(4)
    >>> table = pd.DataFrame({"x": random.normal(size=60), "z": random.normal(size=60)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(60))
    >>> table.loc[::4, "x"] = np.nan
    >>> found = pooled(CoxPH("x + z"), MultipleImputation(m=5).fit(table, outcome), outcome)
    >>> found.tidy()["term"].tolist(), found.m
    (['x', 'z'], 5)
    """
    check_outcome(outcome)
    tables = tuple(imputed.development if isinstance(imputed, FittedStep) else imputed)
    if len(tables) < 2:
        raise DataError("pooling needs at least 2 completed tables", f"found {len(tables)}")
    known: dict[int, Any] = {}
    for one in tables:
        outcome.check_rows(one)
        if id(one) not in known:
            known[id(one)] = spec.fit(outcome, by=one[by]) if by is not None else _fit(spec, one, outcome)
    fits = [known[id(one)] for one in tables]
    if isinstance(fits[0], KaplanMeierFit):
        return pool_curves(fits, np.unique(outcome.time))
    return pool_fits(fits, freedom=df, conf_level=conf_level)


def _fit(spec: Any, table: pd.DataFrame, outcome: Outcome) -> Any:  # noqa: ANN401
    """Fit a model to a table; curves need the outcome only."""
    from survmodel.models.kaplan_meier import KaplanMeier

    return spec.fit(outcome) if isinstance(spec, KaplanMeier) else spec.fit(table, outcome)
