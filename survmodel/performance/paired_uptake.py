"""Uptake, or counts of lesions, by two tracers in the same patients: by how much one exceeds the other.

Uptake is compared as a ratio (differences grow with its size): the ratio of geometric means with Student's limits on
the log scale, beside Wilcoxon's signed-rank test and the estimate of Hodges and Lehmann, which need no normal
distribution. Counts have many zeros and no logarithm: their means are compared as a ratio, with patients drawn with
replacement for its limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from scipy.stats import t as student

from survmodel.errors import ConfigError, DataError, FitError
from survmodel.formatting import count_noun, format_interval, format_p, format_significant
from survmodel.performance.pairs_of_numbers import read_pairs
from survmodel.performance.proportions import check_level
from survmodel.performance.signed_ranks import SignedRanks, signed_rank_test
from survmodel.resampling import bootstrap_counts, read_units
from survmodel.result import Display, Result
from survmodel.table import Table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PairedValues(Result):
    """Two values of each patient compared.

    Attributes
    ----------
    names : tuple of (str, str)
        First and second; differences are first minus second, ratios first over second.
    rows : tuple of dict
        The numbers, one dict for each row of ``tidy()``.
    n, n_zero, n_missing : int
        Patients, those without a difference, those left out.
    conf_level : float
        Coverage of limits.
    conventions : str
        How the numbers were computed.
    warnings : tuple of str
        What the reader must know.
    """

    names: tuple[str, str]
    rows: tuple[dict[str, object], ...]
    n: int
    n_zero: int
    n_missing: int
    conf_level: float
    conventions: str
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give estimates and tests.

        Returns
        -------
        pandas.DataFrame
            Columns measure, estimate, conf_low, conf_high, statistic, df, p_value, n.
        """
        columns = ["measure", "estimate", "conf_low", "conf_high", "statistic", "df", "p_value"]
        return pd.DataFrame(list(self.rows), columns=columns).assign(n=self.n)

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        names = ("n", "n_zero", "n_missing", "conf_level", "conventions")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def _display(self) -> Display:
        rows = [
            [
                r["measure"],
                format_significant(r["estimate"]),
                format_interval(r["conf_low"], r["conf_high"]),
                format_p(r["p_value"]),
            ]
            for r in self.tidy().to_dict("records")
        ]
        notes = [self.conventions]
        notes += [f"{count_noun(self.n_missing, 'patient')} left out for want of a value"] if self.n_missing else []
        title = f"{self.names[0]} against {self.names[1]}, {count_noun(self.n, 'patient')}"
        return Display(title, (Table(["", "estimate", "limits", "p"], rows),), tuple(notes))


def paired_uptake(
    a: object, b: object, *, log: bool = True, names: tuple[str, str] = ("A", "B"), conf_level: float = 0.95
) -> PairedValues:
    """Compare the uptake of two tracers in the same patients.

    Parameters
    ----------
    a, b : Series or array_like, shape (n,)
        Uptake. Patients who lack one are left out and counted.
    log : bool
        Whether to compare ratios, which needs values above 0; differences otherwise.
    names : tuple of (str, str)
        The tracers.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    PairedValues
        Mean and Hodges-Lehmann ratio (or difference) with limits; t and signed-rank test.

    Raises
    ------
    DataError
        For values that are no finite numbers, not above 0 for ratios, and fewer than two patients.
    ConfigError
        For a coverage outside (0, 1).

    References
    ----------
    Hollander M, Wolfe DA, Chicken E (2014). Nonparametric Statistical Methods, 3rd ed. Wiley.

    Examples
    --------
    >>> result = paired_uptake([8.0, 6.0, 4.0, 9.0], [4.0, 3.0, 2.0, 3.0])
    >>> result.tidy()["estimate"].round(3).tolist()
    [2.213, 2.0]
    """
    check_level(conf_level)
    first, second, missing = read_pairs(a, b, names, positive=log)
    difference = np.log(first) - np.log(second) if log else first - second
    n = difference.size
    if n < 2:
        raise DataError("a paired comparison needs two patients", f"found {n}")
    # Equal uptake must leave a difference of exactly 0, and ties must stay ties.
    difference = np.where(first == second, 0.0, np.round(difference, 12))
    ranks = signed_rank_test(difference, conf_level)
    mean, error = float(difference.mean()), float(difference.std(ddof=1)) / sqrt(n)
    reach = float(student.ppf((1 + conf_level) / 2, n - 1)) * error
    statistic = mean / error if error else float("nan")
    t_row = [mean, mean - reach, mean + reach]
    w_row = [ranks.estimate, ranks.conf_low, ranks.conf_high]
    if log:
        t_row, w_row = np.exp(t_row).tolist(), np.exp(w_row).tolist()
    labels = ("ratio of geometric means", "ratio, Hodges-Lehmann") if log else ("mean difference", "Hodges-Lehmann")
    p_value = float(2 * student.sf(abs(statistic), n - 1))
    rows = (
        _row(labels[0], t_row, statistic=statistic, df=n - 1, p_value=p_value),
        _row(labels[1], w_row, statistic=ranks.statistic, p_value=ranks.p_value),
    )
    relation = "first over second, t on the log scale" if log else "first minus second, t"
    conventions = f"{relation}; {_ranks_text(ranks)}"
    return PairedValues(names, rows, n, ranks.n_zero, missing, conf_level, conventions, _few(ranks, n))


def paired_counts(
    a: object,
    b: object,
    *,
    names: tuple[str, str] = ("A", "B"),
    repeats: int = 2000,
    seed: int = 0,
    conf_level: float = 0.95,
) -> PairedValues:
    """Compare counts of lesions by two tracers in the same patients.

    Parameters
    ----------
    a, b : Series or array_like, shape (n,)
        Counts. Patients who lack one are left out and counted.
    names : tuple of (str, str)
        The tracers.
    repeats, seed : int
        Resamples of patients, and the start of their random numbers.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    PairedValues
        Ratio of means with percentile limits; Hodges-Lehmann difference and signed-rank test.

    Raises
    ------
    DataError
        For values that are no counts, and fewer than two patients.
    ConfigError
        For fewer than 100 repeats, and a coverage outside (0, 1).
    FitError
        Where the second has no lesion at all.

    References
    ----------
    Efron B, Tibshirani RJ (1993). An Introduction to the Bootstrap. Chapman and Hall.

    Examples
    --------
    >>> result = paired_counts([4, 0, 7, 3, 10], [2, 0, 5, 3, 2])
    >>> result.tidy()["estimate"].tolist()
    [2.0, 2.0]
    """
    check_level(conf_level)
    if repeats < 100:
        raise ConfigError(f"repeats is {repeats}", remedy="draw at least 100 resamples")
    first, second, missing = read_pairs(a, b, names, counts=True)
    n = first.size
    if n < 2:
        raise DataError("a paired comparison needs two patients", f"found {n}")
    if not second.any():
        raise FitError("a ratio of means needs lesions", f"{names[1]} has none in {count_noun(n, 'patient')}")
    # draws are to depend on patients and not on the order of rows
    order = np.lexsort((second, first))
    drawn = bootstrap_counts(read_units(n), repeats, seed).astype(np.float64)
    top, bottom = drawn @ first[order], drawn @ second[order]
    usable = (top > 0) | (bottom > 0)
    with np.errstate(divide="ignore"):
        ratios = top[usable] / bottom[usable]
    tail = (1 - conf_level) / 2
    low, high = (float(np.quantile(ratios, p, method="inverted_cdf")) for p in (tail, 1 - tail))
    ranks = signed_rank_test(first - second, conf_level)
    rows = (
        _row("ratio of means", [float(first.sum() / second.sum()), low, high]),
        _row(
            "difference, Hodges-Lehmann",
            [ranks.estimate, ranks.conf_low, ranks.conf_high],
            statistic=ranks.statistic,
            p_value=ranks.p_value,
        ),
    )
    conventions = f"ratio of means: percentiles of {repeats} draws of patients; {_ranks_text(ranks)}"
    return PairedValues(names, rows, n, ranks.n_zero, missing, conf_level, conventions, _few(ranks, n))


def _row(measure: str, limits: list[float], **test: float) -> dict[str, object]:
    return {"measure": measure, "estimate": limits[0], "conf_low": limits[1], "conf_high": limits[2], **test}


def _ranks_text(ranks: SignedRanks) -> str:
    return f"signed-rank test {'exact' if ranks.exact else 'by the normal distribution'}, differences of 0 left out"


def _few(ranks: SignedRanks, n: int) -> tuple[str, ...]:
    few = np.isnan(ranks.conf_low)
    return (f"{count_noun(n, 'patient')}: too few for limits of Hodges and Lehmann",) if few else ()
