r"""Rubin's rules: one answer from those of m completed tables.

With estimates :math:`Q_j` and their squared standard errors :math:`U_j` on a scale on which they are near normal,

.. math::
    \bar Q = \tfrac1m \sum Q_j, \quad \bar U = \tfrac1m \sum U_j, \quad B = \tfrac1{m-1} \sum (Q_j - \bar Q)^2, \quad
    T = \bar U + (1 + \tfrac1m) B, \quad r = (1 + \tfrac1m) B / \bar U .

Degrees of freedom are Rubin's for large samples, :math:`\nu = (m - 1)(1 + 1/r)^2`, so that complete data have normal
limits; with complete-data degrees of freedom :math:`\nu_c` they are those of Barnard and Rubin, :math:`1 / (1/\nu +
1/\nu_o)` with :math:`\nu_o = \nu_c\,\frac{\nu_c + 1}{\nu_c + 3} (1 - \lambda)` and :math:`\lambda = r / (1 + r)`. The
fraction of missing information is :math:`(r + 2 / (\nu + 3)) / (r + 1)`.

Statistics :math:`d_j`, chi-squared on *k* degrees of freedom, are pooled by D2 (Li et al. 1991):

.. math::
    r = (1 + \tfrac1m) \operatorname{var}(\sqrt{d_j}), \quad D_2 = \frac{\bar d / k - \frac{m+1}{m-1} r}{1 + r}, \quad
    D_2 \sim F_{k, v}, \quad v = k^{-3/m} (m - 1) (1 + 1/r)^2 .
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.distributions import chi_squared_p, normal_quantile, two_sided_p
from survmodel.errors import DataError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """Pooled estimates; arrays have shape (k,).

    Attributes
    ----------
    m : int
        Completed tables.
    estimate, within, between, total : ndarray
        Mean, mean squared standard error, variance between the tables, and total variance.
    riv, fmi, df : ndarray
        Relative increase in variance, fraction of missing information, degrees of freedom.
    """

    m: int
    estimate: Floats
    within: Floats
    between: Floats
    total: Floats
    riv: Floats
    fmi: Floats
    df: Floats

    @property
    def std_error(self) -> Floats:
        """Root of the total variance."""
        root: Floats = np.sqrt(self.total)
        return root

    def tests(self) -> tuple[Floats, Floats]:
        """Give the statistics of estimates of 0, and their p-values."""
        with np.errstate(invalid="ignore", divide="ignore"):
            statistic = self.estimate / self.std_error
        return statistic, t_tail(statistic, self.df)

    def limits(self, conf_level: float) -> tuple[Floats, Floats]:
        """Give limits on the scale of the estimates."""
        width = t_quantile(conf_level, self.df) * self.std_error
        return self.estimate - width, self.estimate + width


def combine(estimates: Floats, variances: Floats, freedom: float = np.inf) -> Combined:
    """Pool estimates by Rubin's rules.

    Parameters
    ----------
    estimates, variances : ndarray, shape (m, k)
        Estimates and squared standard errors of each completed table.
    freedom : float
        Degrees of freedom of complete data; infinite for large samples.

    Returns
    -------
    Combined
        Pooled estimates.

    Raises
    ------
    DataError
        For fewer than two tables.

    Examples
    --------
    >>> combine(np.array([[1.0], [2.0], [3.0]]), np.full((3, 1), 2.0)).total.round(4).tolist()
    [3.3333]
    """
    m = len(estimates)
    if m < 2:
        raise DataError("pooling needs at least 2 completed tables", f"found {m}")
    # Equal estimates have a mean that is exactly theirs, and no variance.
    middle = estimates[0] + (estimates - estimates[0]).mean(axis=0)
    within = variances[0] + (variances - variances[0]).mean(axis=0)
    between = ((estimates - middle) ** 2).sum(axis=0) / (m - 1)
    added = (1 + 1 / m) * between
    with np.errstate(invalid="ignore", divide="ignore"):
        riv = np.where(added == 0, 0.0, added / within)
        share = riv / (1 + riv)
        df = (m - 1) / share**2
        if np.isfinite(freedom):
            observed = (freedom + 1) / (freedom + 3) * freedom * (1 - share)
            df = np.where(np.isinf(df), observed, df * observed / (df + observed))
        fmi = np.where(added == 0, 0.0, (riv + 2 / (df + 3)) / (riv + 1))
    return Combined(m, middle, within, between, within + added, riv, fmi, df)


def t_tail(statistic: Floats, df: Floats) -> Floats:
    """Give two-sided p-values of t statistics; normal ones where degrees of freedom are infinite.

    Parameters
    ----------
    statistic, df : ndarray, shape (k,)
        Statistics and degrees of freedom.

    Returns
    -------
    ndarray, shape (k,)
        Probabilities.
    """
    from scipy.special import stdtr

    tails = two_sided_p(statistic)
    finite = np.isfinite(df) & np.isfinite(statistic)
    tails[finite] = 2 * stdtr(df[finite], -np.abs(statistic[finite]))
    return tails


def t_quantile(conf_level: float, df: Floats) -> Floats:
    """Give the quantile of two-sided limits; the normal one where degrees of freedom are infinite.

    Parameters
    ----------
    conf_level : float
        Coverage.
    df : ndarray, shape (k,)
        Degrees of freedom.

    Returns
    -------
    ndarray, shape (k,)
        Quantiles.
    """
    from scipy.special import stdtrit

    quantiles = np.full(df.shape, normal_quantile(conf_level))
    finite = np.isfinite(df)
    quantiles[finite] = stdtrit(df[finite], (1 + conf_level) / 2)
    return quantiles


@dataclass(frozen=True, slots=True)
class PooledStatistic:
    """A chi-squared statistic pooled by D2.

    Attributes
    ----------
    statistic : float
        D2; below 0 where the tables differ more than they tell.
    df : float
        Degrees of freedom of the numerator.
    df_below : float
        Those of the denominator; infinite where the statistics are equal.
    p_value : float
        Probability of a larger one.
    riv : float
        Relative increase in variance.
    """

    statistic: float
    df: float
    df_below: float
    p_value: float
    riv: float


def pool_statistics(statistics: npt.ArrayLike, df: float) -> PooledStatistic:
    """Pool chi-squared statistics by D2.

    Parameters
    ----------
    statistics : array_like, shape (m,)
        One of each completed table; a negative one, which rounding may leave, counts as 0.
    df : float
        Their degrees of freedom.

    Returns
    -------
    PooledStatistic
        D2 and its test; the chi-squared test where all statistics are equal.

    References
    ----------
    Li KH, Meng XL, Raghunathan TE, Rubin DB (1991). Stat Sinica 1:65-92.

    Examples
    --------
    >>> found = pool_statistics([4.0, 4.0, 4.0], 2)
    >>> found.statistic, round(found.p_value, 4), found.df_below
    (2.0, 0.1353, inf)
    """
    values = np.maximum(np.asarray(statistics, dtype=np.float64), 0.0)
    m = values.size
    if m < 2:
        raise DataError("pooling needs at least 2 completed tables", f"found {m}")
    if not df > 0:
        return PooledStatistic(np.nan, df, np.nan, np.nan, np.nan)
    if (values == values[0]).all():
        return PooledStatistic(float(values[0]) / df, df, np.inf, chi_squared_p(float(values[0]), df), 0.0)
    from scipy.special import fdtrc

    riv = (1 + 1 / m) * float(np.sqrt(values).var(ddof=1))
    found = float((values.mean() / df - (m + 1) / (m - 1) * riv) / (1 + riv))
    below = float(df ** (-3 / m) * (m - 1) * (1 + 1 / riv) ** 2)
    return PooledStatistic(found, df, below, float(fdtrc(df, below, max(found, 0.0))), riv)
