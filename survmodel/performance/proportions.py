r"""A share of patients and its limits, Wilson's by default and the exact ones of Clopper and Pearson by option.

Wilson's limits are the shares :math:`p` that the score test does not reject,
:math:`|\hat p - p| \le z\sqrt{p(1 - p)/n}`: they stay between 0 and 1, and cover near what they promise where patients
are few. They hold for patients who stand for themselves; lesions of one patient need
:func:`survmodel.clustered_proportion`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import pandas as pd
from scipy.stats import beta, norm

from survmodel.errors import ConfigError, DataError, closest
from survmodel.formatting import format_interval, format_number, format_percent
from survmodel.result import Display, Result
from survmodel.table import Table

Limits = Literal["wilson", "clopper-pearson"]
#: How limits of a share are computed, and what they are called.
LIMITS = {"wilson": "Wilson", "clopper-pearson": "Clopper-Pearson (exact)"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Proportion(Result):
    """A share with its limits.

    Attributes
    ----------
    n_yes, n : int
        Patients who are yes, and all.
    estimate, conf_low, conf_high, conf_level : float
        The share and its limits.
    limits : str
        Which limits.
    label : str
        What is counted.
    warnings : tuple of str
        None.
    """

    n_yes: int
    n: int
    estimate: float
    conf_low: float
    conf_high: float
    conf_level: float
    limits: Limits
    label: str
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the share.

        Returns
        -------
        pandas.DataFrame
            Columns measure, estimate, conf_low, conf_high, n.
        """
        row = {"measure": self.label}
        return pd.DataFrame([row | {name: getattr(self, name) for name in ("estimate", "conf_low", "conf_high", "n")}])

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {"n": self.n, "n_yes": self.n_yes, "conf_level": self.conf_level}
        return pd.DataFrame([row | {"conventions": f"limits: {LIMITS[self.limits]}"}])

    def _display(self) -> Display:
        limits = format_interval(100 * self.conf_low, 100 * self.conf_high, 1)
        rows = [[self.label, f"{self.n_yes} of {self.n}", format_percent(self.estimate), limits]]
        level = format_number(100 * self.conf_level, 0)
        table = Table(["", "patients", "share", f"{level}% limits, %"], rows)
        return Display("Share of patients", (table,), (f"Limits: {LIMITS[self.limits]}",))


def proportion(
    successes: int, n: int, *, label: str = "yes", limits: Limits = "wilson", conf_level: float = 0.95
) -> Proportion:
    """Give a share of patients with its limits, such as that of changed treatments.

    Parameters
    ----------
    successes, n : int
        Patients who are yes, and all patients asked.
    label : str
        What is counted.
    limits : {"wilson", "clopper-pearson"}
        Which limits.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    Proportion
        Share and limits.

    Raises
    ------
    DataError
        For counts that are no counts.
    ConfigError
        For unknown limits, and a coverage outside (0, 1).

    References
    ----------
    Wilson EB (1927). J Am Stat Assoc 22:209-212. Clopper CJ, Pearson ES (1934). Biometrika 26:404-413.

    Examples
    --------
    >>> result = proportion(8, 22, label="treatment changed")
    >>> round(result.conf_low, 3), round(result.conf_high, 3)
    (0.197, 0.57)
    """
    low, high = share_limits(successes, n, limits, conf_level)
    return Proportion(int(successes), int(n), successes / n, low, high, conf_level, limits, label)


def wilson_limits(successes: int, n: int, conf_level: float = 0.95) -> tuple[float, float]:
    """Compute Wilson's limits of a share.

    Parameters
    ----------
    successes, n : int
        Patients who are yes, and all patients.
    conf_level : float
        Coverage.

    Returns
    -------
    tuple of (float, float)
        Lower and upper limit, exactly 0 and 1 at the ends.

    Raises
    ------
    DataError
        For counts that are no counts.
    ConfigError
        For a coverage outside (0, 1).

    References
    ----------
    Wilson EB (1927). J Am Stat Assoc 22:209-212.

    Examples
    --------
    >>> tuple(round(limit, 4) for limit in wilson_limits(0, 10))
    (0.0, 0.2775)
    """
    _check(successes, n, conf_level)
    z = float(norm.ppf((1 + conf_level) / 2))
    centre = (successes + z * z / 2) / (n + z * z)
    reach = z * sqrt(successes * (n - successes) / n + z * z / 4) / (n + z * z)
    return 0.0 if successes == 0 else centre - reach, 1.0 if successes == n else centre + reach


def share_limits(successes: int, n: int, limits: Limits, conf_level: float) -> tuple[float, float]:
    """Compute limits of a share of either kind.

    Parameters
    ----------
    successes, n : int
        Patients who are yes, and all patients.
    limits : {"wilson", "clopper-pearson"}
        Which limits.
    conf_level : float
        Coverage.

    Returns
    -------
    tuple of (float, float)
        Lower and upper limit.

    Raises
    ------
    DataError
        For counts that are no counts.
    ConfigError
        For unknown limits, and a coverage outside (0, 1).

    Examples
    --------
    >>> tuple(round(limit, 4) for limit in share_limits(0, 10, "clopper-pearson", 0.95))
    (0.0, 0.3085)
    """
    if limits not in LIMITS:
        raise ConfigError(f"limits {limits!r} are not known", remedy=closest(str(limits), LIMITS))
    if limits == "wilson":
        return wilson_limits(successes, n, conf_level)
    _check(successes, n, conf_level)
    tail = (1 - conf_level) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, n - successes + 1))
    high = 1.0 if successes == n else float(beta.ppf(1 - tail, successes + 1, n - successes))
    return low, high


def check_level(conf_level: float) -> None:
    """Refuse a coverage that is no share.

    Parameters
    ----------
    conf_level : float
        Coverage of limits.

    Raises
    ------
    ConfigError
        For a coverage outside (0, 1).

    Examples
    --------
    >>> check_level(0.95)
    """
    if not 0 < conf_level < 1:
        raise ConfigError(f"conf_level is {conf_level}", remedy="give the coverage as a share, for example 0.95")


def _check(successes: int, n: int, conf_level: float) -> None:
    check_level(conf_level)
    if n < 1 or not 0 <= successes <= n or int(successes) != successes or int(n) != n:
        raise DataError(
            "a share needs a whole number of patients of whom it is one", f"{successes} of {n}", "count patients"
        )
