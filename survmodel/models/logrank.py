"""Log-rank tests: two or more groups, strata, named weights, trend, and all pairs.

Conventions: hypergeometric variance; the degrees of freedom count the groups that could be told apart (a group
censored before the first event changes neither statistic nor degrees of freedom); ``rho`` uses the pooled
Kaplan-Meier curve just before each time, as R's survdiff.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import chi_squared_p
from survmodel.errors import ConfigError, DataError, FitError, closest
from survmodel.formatting import format_count, format_number, format_p, format_p_equation
from survmodel.kernels import logrank as kernel
from survmodel.kernels.risk_sets import build_risk_sets
from survmodel.models.logrank_permutation import FEW_EVENTS, permutation_p
from survmodel.models.observed_expected import observed_expected_ratios
from survmodel.models.strata import look_at_strata
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Weighting = Literal["tarone-ware", "gehan", "peto-peto", "modified-peto"]

_FAMILIES = {
    "gehan": kernel.GEHAN,
    "tarone-ware": kernel.TARONE_WARE,
    "peto-peto": kernel.PETO_PETO,
    "modified-peto": kernel.MODIFIED_PETO,
}
#: Directions in which the covariance is smaller than this share of its largest one carry no comparison.
RANK_TOLERANCE = 1e-10
PERMUTATIONS = 10_000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LogrankTest(Result):
    """A log-rank test.

    Attributes
    ----------
    groups : tuple of str
        Labels in order.
    n, observed, expected : ndarray, shape (n_groups,)
        Rows, and weighted observed and expected events, summed over strata.
    covariance : ndarray, shape (n_groups, n_groups)
        Covariance of observed minus expected.
    statistic, df, p_value : float, int, float
        Chi-squared statistic, its degrees of freedom, its tail probability.
    name, weights, n_strata : str, str, int
        What was tested, how the times were weighted, in how many strata.
    permutation_p_value, permutations : float, int
        P-value by permutation within strata and its number of draws; NaN and 0 where it was not asked for and there
        are events enough.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    groups: tuple[str, ...]
    n: npt.NDArray[np.int64]
    observed: Floats
    expected: Floats
    covariance: Floats
    statistic: float
    df: int
    p_value: float
    name: str
    weights: str
    n_strata: int
    permutation_p_value: float = float("nan")
    permutations: int = 0
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def hazard_ratios(self, reference: str | None = None, conf_level: float = 0.95) -> pd.DataFrame:
        """Give hazard ratios from observed and expected events (:mod:`survmodel.models.observed_expected`).

        Parameters
        ----------
        reference : str, optional
            Group to compare with, the first without it.
        conf_level : float
            Coverage of limits.

        Returns
        -------
        pandas.DataFrame
            Columns group, reference, measure ("Pike", with two groups also "Peto"), estimate, std_error (log scale),
            statistic, p_value, conf_low, conf_high.

        Raises
        ------
        ConfigError
            For a weighted test, whose sums are no events, and for an unknown reference.

        Examples
        --------
        >>> test = logrank_test(Outcome([3, 5, 7, 9], [1, 1, 0, 1]), by=["a", "a", "b", "b"])
        >>> test.hazard_ratios()["measure"].tolist()
        ['Pike', 'Peto']
        """
        if self.weights != "unweighted":
            raise ConfigError("a weighted test has no observed events", remedy="use logrank_test without weights")
        return observed_expected_ratios(
            self.groups, self.observed, self.expected, self.covariance, reference, conf_level
        )

    def tidy(self) -> pd.DataFrame:
        """Give the counts, one row for each group.

        Returns
        -------
        pandas.DataFrame
            Columns group, n, observed, expected.
        """
        columns = {"group": self.groups, "n": self.n, "observed": self.observed, "expected": self.expected}
        return pd.DataFrame(columns)

    def glance(self) -> pd.DataFrame:
        """Give the test in one row.

        Returns
        -------
        pandas.DataFrame
            Columns statistic, df, p_value, permutation_p_value, permutations, n, n_strata, test, weights, conventions.
        """
        row = {
            "statistic": self.statistic,
            "df": self.df,
            "p_value": self.p_value,
            "permutation_p_value": self.permutation_p_value,
            "permutations": self.permutations,
            "n": int(self.n.sum()),
            "n_strata": self.n_strata,
            "test": self.name,
            "weights": self.weights,
            "conventions": "hypergeometric variance; df from the rank of the covariance",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [label, format_count(n), format_number(o, 1), format_number(e, 2)]
            for label, n, o, e in zip(self.groups, self.n, self.observed, self.expected, strict=True)
        ]
        statistic = f"chi-squared {format_number(self.statistic, 2)} on {self.df} df, {format_p_equation(self.p_value)}"
        strata = f", {self.n_strata} strata" if self.n_strata > 1 else ""
        title = f"{self.name} ({self.weights}{strata}): {statistic}"
        if self.permutations:
            title += (
                f"; by {format_count(self.permutations)} permutations {format_p_equation(self.permutation_p_value)}"
            )
        return Display(title, (Table(["group", "n", "observed", "expected"], rows),), self.notes)


def logrank_test(
    outcome: Outcome,
    by: object,
    *,
    strata: object = None,
    rho: float = 0.0,
    gamma: float = 0.0,
    weighting: Weighting | None = None,
    scores: Sequence[float] | None = None,
    permutations: int | None = None,
    seed: int = 0,
) -> LogrankTest:
    """Test whether groups share one survival curve.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind.
    by : Series or array_like, shape (n,)
        Groups.
    strata : Series or array_like, shape (n,), optional
        Strata within which groups are compared.
    rho, gamma : float
        Fleming-Harrington weights ``S(t-)^rho (1 - S(t-))^gamma``: rho stresses early, gamma late differences.
    weighting : {"tarone-ware", "gehan", "peto-peto", "modified-peto"}, optional
        Another family of weights, instead of rho and gamma.
    scores : sequence of float, shape (n_groups,), optional
        Scores of the groups in their order: tests for trend with one degree of freedom.
    permutations : int, optional
        Draws of a permutation test within strata, given beside the chi-squared p-value: 10,000 below 20 events and
        none from there on, unless a number is asked for (0 for none).
    seed : int
        Seed of the permutations.

    Returns
    -------
    LogrankTest
        Statistic, degrees of freedom, p-values, and counts by group.

    Raises
    ------
    DataError
        With one group only, or a row without group or stratum.
    FitError
        Without events, or when no event time has two groups at risk.
    ConfigError
        For an unknown weighting, or scores that do not fit the groups.

    References
    ----------
    Fleming TR, Harrington DP (1991). Counting Processes and Survival Analysis. Wiley.

    Examples
    --------
    >>> from survmodel import Outcome, logrank_test
    >>> test = logrank_test(Outcome([3, 5, 7, 9], [1, 1, 0, 1]), by=["a", "a", "b", "b"])
    >>> round(test.statistic, 6), test.df
    (2.882353, 1)
    """
    check_outcome(outcome)
    died = outcome.died
    groups = read_groups(outcome, by)
    if groups.n < 2:
        raise DataError(
            "there is only one group", f"all {outcome.n} rows are in {groups.labels[0]!r}", "nothing to compare"
        )
    if not died.any():
        raise FitError("there are no events", f"0 of {outcome.n} rows", "a log-rank test needs at least one event")
    layers = read_groups(outcome, strata, "strata")
    family, weights = _family(rho, gamma, weighting)
    risk_sets = build_risk_sets(outcome.time, died, outcome.entry, layers.codes)
    codes = groups.codes[risk_sets.order]
    by_stratum, expected_by_stratum, covariance = kernel.logrank_sums(
        codes, groups.n, risk_sets, family, float(rho), float(gamma)
    )
    observed, expected = by_stratum.sum(axis=0), expected_by_stratum.sum(axis=0)
    score = None if scores is None else _read_scores(scores, groups)
    statistic, df = _chi_squared(observed - expected, covariance, score)
    if df == 0:
        raise FitError("no event time has two groups at risk", remedy="the groups cannot be compared on these data")
    if permutations is None:
        permutations = PERMUTATIONS if died.sum() < FEW_EVENTS else 0
    if permutations < 0:
        raise ConfigError(f"permutations is {permutations}", remedy="give a number of draws, or 0 for none")
    by_permutation = float("nan")
    if permutations:
        by_permutation = permutation_p(
            codes, groups.n, risk_sets, (family, float(rho), float(gamma)),
            lambda d, v: _chi_squared(d, v, score)[0], permutations, seed,
        )  # fmt: skip
    return LogrankTest(
        groups=groups.labels,
        n=frozen(np.bincount(groups.codes), np.int64),
        observed=frozen(observed),
        expected=frozen(expected),
        covariance=frozen(covariance),
        statistic=statistic,
        df=df,
        p_value=chi_squared_p(statistic, df),
        name="Log-rank test" if score is None else "Log-rank test for trend",
        weights=weights,
        n_strata=layers.n,
        permutation_p_value=by_permutation,
        permutations=permutations,
        warnings=join_warnings(outcome.warnings, look_at_strata(died, layers.codes, layers.n)),
        notes=join_warnings(groups.notes, layers.notes),
    )


def quadratic_form(difference: Floats, covariance: Floats) -> tuple[float, int]:
    """Compute ``d' V^- d`` and the rank of V.

    Parameters
    ----------
    difference : ndarray, shape (k,)
        Vector d.
    covariance : ndarray, shape (k, k)
        Matrix V, singular by construction when the components of d add up to 0.

    Returns
    -------
    statistic : float
        The quadratic form on the space that V spans.
    rank : int
        Its dimension.
    """
    values, vectors = np.linalg.eigh(covariance)
    used = values > RANK_TOLERANCE * max(values.max(initial=0.0), np.finfo(float).tiny)
    along = vectors[:, used].T @ difference
    return float(np.sum(along**2 / values[used])), int(used.sum())


def _family(rho: float, gamma: float, weighting: str | None) -> tuple[int, str]:
    if weighting is None:
        if rho == gamma == 0:
            return kernel.FLEMING_HARRINGTON, "unweighted"
        return kernel.FLEMING_HARRINGTON, f"Fleming-Harrington rho {rho:g}, gamma {gamma:g}"
    if weighting not in _FAMILIES:
        raise ConfigError(f"weighting {weighting!r} is not known", closest(str(weighting), _FAMILIES))
    if rho or gamma:
        raise ConfigError("weighting and rho or gamma exclude each other", remedy="choose one family of weights")
    return _FAMILIES[weighting], f"{weighting} weights"


def _chi_squared(difference: Floats, covariance: Floats, score: Floats | None) -> tuple[float, int]:
    """Compute the statistic and its degrees of freedom, for trend when there are scores."""
    if score is None:
        return quadratic_form(difference, covariance)
    variance = float(score @ covariance @ score)
    return (float(score @ difference) ** 2 / variance, 1) if variance > 0 else (0.0, 0)


def _read_scores(scores: Sequence[float], groups: Groups) -> Floats:
    values = np.asarray(scores, dtype=float)
    if values.shape != (groups.n,) or not np.isfinite(values).all() or np.ptp(values) == 0:
        raise ConfigError(
            "scores must be one finite number for each group, not all equal",
            f"groups in order: {', '.join(groups.labels)}",
        )
    return values


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PairwiseLogrank(Result):
    """Log-rank tests of all pairs of groups.

    Attributes
    ----------
    pairs : tuple of (str, str)
        Compared groups.
    statistic, p_value, p_adjusted : ndarray, shape (n_pairs,)
        Chi-squared statistic on one degree of freedom, raw and adjusted p-value; NaN where a pair cannot be compared.
    adjust : str
        Method of adjustment.
    warnings : tuple of str
        Pairs that could not be compared, and why.
    """

    pairs: tuple[tuple[str, str], ...]
    statistic: Floats
    p_value: Floats
    p_adjusted: Floats
    adjust: str
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the tests, one row for each pair.

        Returns
        -------
        pandas.DataFrame
            Columns group, reference, statistic, p_value, p_adjusted.
        """
        return pd.DataFrame(
            {
                "group": [pair[1] for pair in self.pairs],
                "reference": [pair[0] for pair in self.pairs],
                "statistic": self.statistic,
                "p_value": self.p_value,
                "p_adjusted": self.p_adjusted,
            }
        )

    def glance(self) -> pd.DataFrame:
        """Give the number of pairs and the adjustment in one row.

        Returns
        -------
        pandas.DataFrame
            Columns n_pair, adjust, conventions.
        """
        row = {
            "n_pair": len(self.pairs),
            "adjust": self.adjust,
            "conventions": "each pair alone, hypergeometric variance",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [f"{b} against {a}", format_number(s, 2), format_p(p), format_p(q)]
            for (a, b), s, p, q in zip(self.pairs, self.statistic, self.p_value, self.p_adjusted, strict=True)
        ]
        table = Table(["pair", "chi-squared", "p", f"p ({self.adjust})"], rows)
        return Display("Pairwise log-rank tests, each pair alone", (table,))


def pairwise_logrank(
    outcome: Outcome,
    by: object,
    *,
    adjust: Literal["holm", "bonferroni", "fdr", "none"] = "holm",
    strata: object = None,
    rho: float = 0.0,
    weighting: Weighting | None = None,
) -> PairwiseLogrank:
    """Compare all pairs of groups by log-rank tests, each pair on its own rows.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind.
    by : Series or array_like, shape (n,)
        Groups.
    adjust : {"holm", "bonferroni", "fdr", "none"}
        Adjustment of the p-values for the number of pairs that could be compared; fdr is Benjamini and Hochberg's.
    strata, rho, weighting
        As for :func:`logrank_test`.

    Returns
    -------
    PairwiseLogrank
        Statistics with raw and adjusted p-values.

    Raises
    ------
    ConfigError
        For an unknown adjustment.
    DataError
        With one group only.

    Examples
    --------
    >>> from survmodel import Outcome, pairwise_logrank
    >>> pairs = pairwise_logrank(Outcome([1, 2, 3, 4, 5, 6], [1] * 6), by=list("aabbcc"))
    >>> pairs.tidy()["group"].tolist()
    ['b', 'c', 'c']
    """
    methods = ("holm", "bonferroni", "fdr", "none")
    if adjust not in methods:
        raise ConfigError(f"adjust {adjust!r} is not known", closest(str(adjust), methods))
    groups = read_groups(outcome, by)
    if groups.n < 2:
        raise DataError("there is only one group", remedy="nothing to compare")
    layers = read_groups(outcome, strata, "strata")
    pairs, statistics, p_values, warnings = [], [], [], []
    for a, b in combinations(range(groups.n), 2):
        rows = np.flatnonzero((groups.codes == a) | (groups.codes == b))
        pairs.append((groups.labels[a], groups.labels[b]))
        try:
            test = logrank_test(
                outcome.take(rows), groups.codes[rows], strata=layers.codes[rows], rho=rho, weighting=weighting,
                permutations=0,
            )  # fmt: skip
        except FitError as error:
            warnings.append(f"{groups.labels[b]} against {groups.labels[a]} is not estimable: {error.problem}")
            statistics.append(np.nan)
            p_values.append(np.nan)
            continue
        statistics.append(test.statistic)
        p_values.append(test.p_value)
    raw = frozen(p_values)
    return PairwiseLogrank(
        pairs=tuple(pairs),
        statistic=frozen(statistics),
        p_value=raw,
        p_adjusted=frozen(adjust_p_values(raw, adjust)),
        adjust=adjust,
        warnings=join_warnings(outcome.warnings, warnings),
    )


def adjust_p_values(p_values: Floats, method: str) -> Floats:
    """Adjust p-values for their number; missing ones stay missing and do not count.

    Parameters
    ----------
    p_values : ndarray, shape (k,)
        Raw p-values.
    method : {"holm", "bonferroni", "fdr", "none"}
        Adjustment.

    Returns
    -------
    ndarray, shape (k,)
        Adjusted p-values.

    Examples
    --------
    >>> adjust_p_values(np.array([0.01, 0.04, 0.03]), "holm").tolist()
    [0.03, 0.06, 0.06]
    """
    adjusted = np.array(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(adjusted))
    m = known.size
    order = known[np.argsort(adjusted[known], kind="stable")]
    p, rank = adjusted[order], np.arange(1, m + 1)
    if method == "holm":
        adjusted[order] = np.minimum(1, np.maximum.accumulate((m - rank + 1) * p))
    elif method == "bonferroni":
        adjusted[order] = np.minimum(1, m * p)
    elif method == "fdr":
        adjusted[order] = np.minimum(1, np.minimum.accumulate((m / rank * p)[::-1])[::-1])
    return adjusted
