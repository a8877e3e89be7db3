r"""By how much do two measurements of the same patient differ? Limits of agreement by Bland and Altman.

With the mean :math:`\bar d` and standard deviation s of the differences, all but a share :math:`1 - c` of patients
lie within :math:`\bar d \pm z_{(1+c)/2}\, s`. Confidence limits of each of the two are exact for normal differences,
from the noncentral t distribution. On the log scale all of this is about the ratio of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from scipy.stats import nct, norm
from scipy.stats import t as student

from survmodel.errors import DataError, FitError
from survmodel.formatting import count_noun, format_interval, format_number, format_significant
from survmodel.performance.pairs_of_numbers import read_pairs
from survmodel.performance.proportions import check_level
from survmodel.result import Display, Result, frozen
from survmodel.table import Table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LimitsOfAgreement(Result):
    """Bias and limits of agreement of two measurements.

    Attributes
    ----------
    names : tuple of (str, str)
        The measurements; differences are first minus second, ratios first over second.
    estimates : ndarray, shape (3, 3)
        Rows bias, lower limit, upper limit; columns estimate and its confidence limits.
    log : bool
        Whether these are ratios.
    coverage, conf_level : float
        Share of patients between the limits of agreement, and coverage of confidence limits.
    slope : float
        Rank correlation of difference and mean (Spearman); far from 0 the limits do not hold for all sizes.
    n, n_missing : int
        Patients, and those left out.
    warnings : tuple of str
        What the reader must know.
    """

    names: tuple[str, str]
    estimates: np.ndarray
    log: bool
    coverage: float
    conf_level: float
    slope: float
    n: int
    n_missing: int
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give bias and limits of agreement.

        Returns
        -------
        pandas.DataFrame
            Columns measure, estimate, conf_low, conf_high, n.
        """
        table = pd.DataFrame(self.estimates, columns=["estimate", "conf_low", "conf_high"])
        table.insert(0, "measure", ["mean ratio" if self.log else "bias", "lower limit", "upper limit"])
        return table.assign(n=self.n)

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {"n": self.n, "n_missing": self.n_missing, "rank_correlation_with_size": self.slope}
        row |= {"coverage": self.coverage, "conf_level": self.conf_level}
        return pd.DataFrame([row | {"conventions": self._conventions()}])

    def _conventions(self) -> str:
        scale = "ratios, first over second" if self.log else "differences, first minus second"
        return f"{scale}; confidence limits exact for normal differences (noncentral t)"

    def _display(self) -> Display:
        rows = [
            [
                row["measure"],
                format_significant(row["estimate"]),
                format_interval(row["conf_low"], row["conf_high"]),
            ]
            for row in self.tidy().to_dict("records")
        ]
        relation = "over" if self.log else "minus"
        level = format_number(100 * self.conf_level, 0)
        notes = [f"{self.names[0]} {relation} {self.names[1]}; {count_noun(self.n, 'patient')}"]
        notes += [f"{count_noun(self.n_missing, 'patient')} left out for want of a value"] if self.n_missing else []
        title = f"Limits of agreement for {format_number(100 * self.coverage, 0)}% of patients"
        return Display(title, (Table(["", "estimate", f"{level}% limits"], rows),), tuple(notes))


def limits_of_agreement(
    a: object,
    b: object,
    *,
    log: bool = False,
    names: tuple[str, str] = ("A", "B"),
    coverage: float = 0.95,
    conf_level: float = 0.95,
) -> LimitsOfAgreement:
    """Tell by how much two measurements of the same patients differ.

    Parameters
    ----------
    a, b : Series or array_like, shape (n,)
        The measurements, in one unit. Patients who lack one are left out and counted.
    log : bool
        Whether to compare ratios, as for uptake, whose differences grow with its size.
    names : tuple of (str, str)
        The measurements.
    coverage : float
        Share of patients whom the limits of agreement shall hold.
    conf_level : float
        Coverage of confidence limits.

    Returns
    -------
    LimitsOfAgreement
        Bias (or mean ratio) and limits, each with confidence limits.

    Raises
    ------
    DataError
        For values that are no finite numbers, not above 0 for ratios, and fewer than three patients.
    ConfigError
        For a coverage outside (0, 1).
    FitError
        Where all differences are the same.

    References
    ----------
    Bland JM, Altman DG (1986). Lancet 327:307-310. Carkeet A (2015). Optom Vis Sci 92:e71-e80.

    Examples
    --------
    >>> result = limits_of_agreement([4.1, 5.0, 6.2, 7.1, 9.0], [4.0, 5.3, 6.0, 7.0, 8.5])
    >>> result.tidy()["estimate"].round(2).tolist()
    [0.12, -0.44, 0.68]
    """
    check_level(coverage)
    check_level(conf_level)
    first, second, missing = read_pairs(a, b, names, positive=log)
    if log:
        first, second = np.log(first), np.log(second)
    difference = first - second
    n = difference.size
    if n < 3:
        raise DataError("limits of agreement need three patients", f"found {n}")
    mean, spread = float(difference.mean()), float(difference.std(ddof=1))
    if spread <= 1e-12 * max(1.0, float(np.abs(first).max())):
        raise FitError("limits of agreement need differences that vary", "all differences are the same")
    z, tail = float(norm.ppf((1 + coverage) / 2)), (1 - conf_level) / 2
    reach = float(student.ppf(1 - tail, n - 1)) * spread / sqrt(n)
    ends = [float(nct.ppf(p, n - 1, z * sqrt(n))) * spread / sqrt(n) for p in (tail, 1 - tail)]
    estimates = np.array(
        [
            [mean, mean - reach, mean + reach],
            [mean - z * spread, mean - ends[1], mean - ends[0]],
            [mean + z * spread, mean + ends[0], mean + ends[1]],
        ]
    )
    slope = _rank_correlation(difference, first + second)
    return LimitsOfAgreement(
        names=names,
        estimates=frozen(np.exp(estimates) if log else estimates),
        log=log,
        coverage=coverage,
        conf_level=conf_level,
        slope=slope,
        n=n,
        n_missing=missing,
    )


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    ranks = [pd.Series(one).rank().to_numpy() for one in (first, second)]
    if any(one.std() == 0 for one in ranks):
        return float("nan")
    centred = [one - one.mean() for one in ranks]
    return float(centred[0] @ centred[1] / (np.linalg.norm(centred[0]) * np.linalg.norm(centred[1])))
