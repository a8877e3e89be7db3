"""Limits and tests of coefficients: by their standard errors (Wald), or by the profile of a likelihood."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile, two_sided_p
from survmodel.models.firth import ProfileTests
from survmodel.models.formula import Design

Floats = npt.NDArray[np.float64]


def label_terms(design: Design) -> pd.DataFrame:
    """Say what each coefficient belongs to.

    Parameters
    ----------
    design : Design
        Of a fit.

    Returns
    -------
    pandas.DataFrame
        Columns term, variable, level, reference; a row for each column of the design.
    """
    return pd.DataFrame({
        "term": design.names,
        "variable": [column.variable for column in design.columns],
        "level": [column.level for column in design.columns],
        "reference": [column.reference for column in design.columns],
    }, dtype=object)  # fmt: skip


def wald_statistic(estimate: Floats, covariance: Floats) -> float:
    """Compute the Wald statistic of all estimates 0.

    Parameters
    ----------
    estimate : ndarray, shape (p,)
        Estimates.
    covariance : ndarray, shape (p, p)
        Their covariance.

    Returns
    -------
    float
        NaN where the covariance is singular, as that of fewer clusters than estimates is; 0 without estimates.
    """
    if not estimate.size:
        return 0.0
    std_error = np.sqrt(np.diag(covariance))
    if not (std_error > 0).all():
        return float("nan")
    correlation = covariance / np.outer(std_error, std_error)
    if np.linalg.matrix_rank(correlation, tol=1e-10, hermitian=True) < estimate.size:
        return float("nan")
    z = estimate / std_error
    return float(z @ np.linalg.solve(correlation, z))


def profile_columns(wald: pd.DataFrame, profile: ProfileTests) -> pd.DataFrame:
    """Put limits and tests of a profile in the place of Wald's.

    Parameters
    ----------
    wald : pandas.DataFrame
        As `wald_columns` gives it.
    profile : ProfileTests
        One entry for each row.

    Returns
    -------
    pandas.DataFrame
        A new table.
    """
    root = np.sign(wald["estimate"].to_numpy()) * np.sqrt(np.maximum(profile.statistic, 0))
    changed = {"statistic": root, "p_value": profile.p_value, "conf_low": profile.low, "conf_high": profile.high}
    return wald.assign(**changed)


def wald_columns(estimate: Floats, std_error: Floats, conf_level: float) -> pd.DataFrame:
    """Give estimates with Wald statistics and limits.

    Parameters
    ----------
    estimate, std_error : ndarray, shape (k,)
        Estimates on a scale on which they are near normal.
    conf_level : float
        Coverage.

    Returns
    -------
    pandas.DataFrame
        Columns estimate, std_error, statistic, p_value, conf_low, conf_high.
    """
    z = normal_quantile(conf_level)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = estimate / std_error
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": std_error,
            "statistic": statistic,
            "p_value": two_sided_p(statistic),
            "conf_low": estimate - z * std_error,
            "conf_high": estimate + z * std_error,
        }
    )
