"""Coefficients of one regression fitted to m completed tables, pooled by Rubin's rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, FitError, closest, list_values
from survmodel.formatting import count_noun, format_number, format_p, format_p_equation, format_ratio
from survmodel.models.coefficient_tests import label_terms
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_tests import likelihood_ratio_test
from survmodel.models.rubin import Combined, PooledStatistic, combine, pool_statistics
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Freedom = Literal["large sample", "events-p", "n-p"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PooledRegression(Result):
    """Pooled coefficients.

    Attributes
    ----------
    fits : tuple
        Fits to the completed tables.
    combined : Combined
        Pooled coefficients.
    beta_covariance : ndarray, shape (p, p)
        Their total covariance.
    freedom : {"large sample", "events-p", "n-p"}
        What complete data would leave: normal limits, or degrees of freedom.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        Of the fits.
    """

    fits: tuple[Any, ...]
    combined: Combined
    beta_covariance: Floats
    freedom: str
    conf_level: float
    warnings: tuple[str, ...] = ()

    @property
    def m(self) -> int:
        """Completed tables."""
        return self.combined.m

    @property
    def names(self) -> tuple[str, ...]:
        """Terms."""
        names: tuple[str, ...] = self.fits[0].design.names
        return names

    @property
    def coefficients(self) -> pd.Series:
        """Pooled coefficients by term."""
        return pd.Series(self.combined.estimate, index=list(self.names), name="estimate")

    @property
    def covariance(self) -> pd.DataFrame:
        """Total covariance of the coefficients."""
        return pd.DataFrame(self.beta_covariance, index=list(self.names), columns=list(self.names))

    def tidy(self) -> pd.DataFrame:
        """Give the coefficients on the log scale.

        Returns
        -------
        pandas.DataFrame
            Columns term, variable, level, reference, estimate, std_error, statistic (t), df, p_value, conf_low,
            conf_high, fmi (fraction of missing information), riv (relative increase in variance).
        """
        statistic, p_value = self.combined.tests()
        low, high = self.combined.limits(self.conf_level)
        columns = {
            "estimate": self.combined.estimate,
            "std_error": self.combined.std_error,
            "statistic": statistic,
            "df": self.combined.df,
            "p_value": p_value,
            "conf_low": low,
            "conf_high": high,
            "fmi": self.combined.fmi,
            "riv": self.combined.riv,
        }
        return pd.concat([label_terms(self.fits[0].design), pd.DataFrame(columns)], axis=1)

    def hazard_ratios(self) -> pd.DataFrame:
        """Give hazard ratios, or other ratios of the model, with limits.

        Returns
        -------
        pandas.DataFrame
            As :meth:`tidy`, estimate and limits exponentiated; std_error stays on the log scale.
        """
        table = self.tidy()
        columns = ["estimate", "conf_low", "conf_high"]
        return table.assign(**{name: np.exp(table[name]) for name in columns})

    def likelihood_ratio(self) -> PooledStatistic:
        """Pool the likelihood ratio tests of all coefficients 0, by D2.

        Returns
        -------
        PooledStatistic
            NaN where the fits have none.
        """
        if not all(isinstance(fit, CoxFit) for fit in self.fits):
            return PooledStatistic(np.nan, np.nan, np.nan, np.nan, np.nan)
        found = {id(fit): fit.glance().iloc[0] for fit in self.fits}
        rows = [found[id(fit)] for fit in self.fits]
        return pool_statistics([one.lr_statistic for one in rows], float(rows[0].lr_df))

    def glance(self) -> pd.DataFrame:
        """Give counts, the pooled likelihood ratio test and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            lr_statistic is D2, on lr_df and lr_df_below degrees of freedom of an F distribution.
        """
        test = self.likelihood_ratio()
        row = {
            "n": int(self.fits[0].n),
            "n_event": int(self.fits[0].n_event),
            "m": self.m,
            "fmi": float(self.combined.fmi.max()) if self.combined.fmi.size else np.nan,
            "lr_statistic": test.statistic,
            "lr_df": test.df,
            "lr_df_below": test.df_below,
            "lr_p_value": test.p_value,
            "df_type": self.freedom,
            "conf_level": self.conf_level,
            "conventions": "Rubin's rules; likelihood ratio tests pooled by D2",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = []
        for one, estimate in zip(self.hazard_ratios().to_dict("records"), self.combined.estimate, strict=True):
            ratio = format_ratio(one["estimate"], one["conf_low"], one["conf_high"])
            cells = [format_number(float(estimate), 4), format_number(one["std_error"], 4), ratio]
            rows.append([one["term"], *cells, format_p(one["p_value"]), format_number(one["fmi"], 2)])
        percent = f"{100 * self.conf_level:g}% limits"
        table = Table(["term", "coef", "se", f"ratio ({percent})", "p", "missing information"], rows)
        fit = self.fits[0]
        title = f"Pooled over {self.m} completed tables: {count_noun(fit.n, 'row')}, {count_noun(fit.n_event, 'event')}"
        test, notes = self.likelihood_ratio(), ["Rubin's rules"]
        if np.isfinite(test.statistic):
            notes.append(
                f"likelihood ratio tests pooled by D2: {format_number(test.statistic, 2)}, "
                f"{format_p_equation(test.p_value)}"
            )
        return Display(title, (table,), tuple(notes))


def can_pool(fits: Sequence[Any]) -> bool:
    """Tell whether fits have coefficients with a covariance, the same in all.

    Parameters
    ----------
    fits : sequence of Fit
        Fits of one model.

    Returns
    -------
    bool
        False too for one fit only, and for a model that selects its columns.
    """
    if len(fits) < 2 or not all(hasattr(fit, "beta_covariance") for fit in fits):
        return False
    names = fits[0].design.names
    if not names or getattr(fits[0].spec, "is_tuned", False):
        return False
    return all(fit.design.names == names for fit in fits)


def pool_fits(
    fits: Sequence[Any], *, freedom: Freedom = "large sample", conf_level: float | None = None
) -> PooledRegression:
    """Pool the coefficients of fits of one regression.

    Parameters
    ----------
    fits : sequence of Fit
        Fits to completed tables of the same rows.
    freedom : {"large sample", "events-p", "n-p"}
        Degrees of freedom of complete data: infinite, or events or rows less coefficients. R's mice 3.15 takes
        "events-p" for Cox models.
    conf_level : float, optional
        Coverage of limits; that of the fits without it.

    Returns
    -------
    PooledRegression
        Pooled coefficients.

    Raises
    ------
    FitError
        For fits without standard errors, or whose columns differ.
    ConfigError
        For unknown degrees of freedom.
    """
    if freedom not in get_args(Freedom):
        raise ConfigError(f"df {freedom!r} is not known", remedy=closest(str(freedom), get_args(Freedom)))
    if not can_pool(fits):
        _refuse_pooling(fits)
    p = fits[0].beta.size
    left = {"large sample": np.inf, "events-p": max(fits[0].n_event - p, 1), "n-p": max(fits[0].n - p, 1)}[freedom]
    estimates = np.array([fit.beta for fit in fits])
    covariances = np.array([fit.beta_covariance for fit in fits])
    combined = combine(estimates, np.diagonal(covariances, axis1=1, axis2=2), float(left))
    away = estimates - combined.estimate
    within = covariances[0] + (covariances - covariances[0]).mean(axis=0)
    total = within + (1 + 1 / combined.m) * (away.T @ away) / (combined.m - 1)
    level = float(fits[0].spec.conf_level) if conf_level is None else conf_level
    said = join_warnings(*[fit.warnings for fit in fits])
    return PooledRegression(tuple(fits), combined, total, freedom, level, said)


def _refuse_pooling(fits: Sequence[Any]) -> None:
    if len(fits) < 2:
        raise FitError("pooling needs at least 2 fits", f"found {len(fits)}")
    designs = [getattr(fit, "design", None) for fit in fits]
    if all(design is not None for design in designs):
        different = {name for one in designs for name in one.names} - set(designs[0].names)  # type: ignore[union-attr]
        if different:
            raise FitError(
                "the columns of the fits differ",
                f"found {list_values(sorted(different))} in some",
                "give factors a reference level, reference={...}",
            )
    raise FitError("the model has no coefficients with standard errors", remedy="use its predictions, or a regression")


def pooled_likelihood_ratio(small: PooledRegression, large: PooledRegression) -> PooledStatistic:
    """Compare two nested models fitted to the same completed tables.

    Parameters
    ----------
    small, large : PooledRegression
        Cox models without and with the additional columns.

    Returns
    -------
    PooledStatistic
        D2 of the likelihood ratio tests.

    Raises
    ------
    FitError
        When the models are not nested or not pooled over the same tables.

    References
    ----------
    Li KH, Meng XL, Raghunathan TE, Rubin DB (1991). Stat Sinica 1:65-92.

    Examples
    --------
    >>> from survmodel import CoxPH, MultipleImputation, Outcome, pooled
    >>> random = np.random.default_rng(4)
    >>> table = pd.DataFrame({"x": random.normal(size=60), "z": random.normal(size=60)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(60))
    >>> table.loc[::4, "x"] = np.nan
    >>> imputed = MultipleImputation(m=5).fit(table, outcome)
    >>> small, large = (pooled(CoxPH(formula), imputed, outcome) for formula in ("z", "x + z"))
    >>> pooled_likelihood_ratio(small, large).df
    1
    """
    if small.m != large.m:
        raise FitError("the models are not pooled over the same tables", f"found {small.m} and {large.m}")
    tests = [likelihood_ratio_test(one, other) for one, other in zip(small.fits, large.fits, strict=True)]
    return pool_statistics([test.statistic for test in tests], tests[0].df)
