r"""Maximally selected log-rank statistics: the best cut of a marker, and a test that knows it was searched.

The largest of many standardised statistics is not normal: its p-value has to know of the search. By default the scores
are permuted within strata. Two approximations stand beside it: with :math:`b` the largest statistic and a share
:math:`\varepsilon` of rows left out at each end,

.. math::
    p_{92} = 4 \varphi(b)/b + \varphi(b) (b - 1/b) \log \frac{(1 - \varepsilon)^2}{\varepsilon^2}, \qquad
    p_{94} = 2 (1 - \Phi(b)) + \sum_j \frac{e^{-b^2/2}}{\pi}
        \left(t_j - \left(\tfrac{b^2}{4} - 1\right) \frac{t_j^3}{6}\right),

:math:`t_j = \sqrt{1 - \rho_j^2}` coming from the correlation of neighbouring cuts. Each belongs to this statistic,
whose variance is that over permutations, and to no chi-squared of a log-rank test. What is found never stands alone:
the continuous effect, the shrunken and the cross-validated hazard ratio come with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from survmodel.distributions import two_sided_p
from survmodel.errors import ConfigError, closest
from survmodel.formatting import count_noun, format_count, format_number, format_p_equation, format_ratio
from survmodel.models.cutpoint_hazard import honest_hazard_ratios
from survmodel.models.cutpoint_search import Admissible, CutSearch, read_marker, share_at_least
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Method = Literal["permutation", "lausen92", "lausen94"]
METHODS = {
    "permutation": "permutation within strata",
    "lausen92": "Lausen and Schumacher 1992",
    "lausen94": "Lausen, Sauerbrei and Schumacher 1994",
}
#: Below so many events on one side a hazard ratio at the cut says little.
FEW_ON_A_SIDE = 10


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MaximallySelectedLogrank(Result):
    """The best cut of a marker with a p-value that knows of the search.

    Attributes
    ----------
    term : str
        The marker.
    cutpoint : float
        The highest value of the lower group: patients above it are the upper group.
    statistic : float
        Largest absolute standardised log-rank statistic.
    p_value, naive_p_value : float
        P-value that knows of the search, and that of the same statistic had the cut been fixed beforehand.
    method, permutations : str, int
        Where the p-value comes from, and by how many draws.
    critical : float
        Value that the statistic exceeds in one permutation of twenty; NaN without permutations.
    cuts, profile : ndarray, shape (k,)
        Admissible cuts, and the standardised statistic at each: positive where higher values are worse.
    n_below, n_event_below : ndarray, shape (k,)
        Patients and events at or below each cut.
    hazard_ratio : DataFrame
        Continuous effect and ratios at the cut (:mod:`survmodel.models.cutpoint_hazard`).
    shrinkage : float
        Factor by which the log hazard ratio at the cut is shrunk.
    n, n_event, n_strata, n_missing : int
        Counts; patients without the marker were left out.
    warnings : tuple of str
        What the reader must know.
    """

    term: str
    cutpoint: float
    statistic: float
    p_value: float
    naive_p_value: float
    method: Method
    permutations: int
    critical: float
    cuts: Floats
    profile: Floats
    n_below: Ints
    n_event_below: Ints
    hazard_ratio: pd.DataFrame
    shrinkage: float
    n: int
    n_event: int
    n_strata: int
    n_missing: int
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the whole profile, one row for each admissible cut.

        Returns
        -------
        pandas.DataFrame
            Columns term, cutpoint, n and n_event (at or below it), statistic (positive = higher values are worse).
        """
        columns = {
            "term": self.term,
            "cutpoint": self.cuts,
            "n": self.n_below,
            "n_event": self.n_event_below,
            "statistic": self.profile,
        }
        return pd.DataFrame(columns)

    def glance(self) -> pd.DataFrame:
        """Give the best cut and its test in one row.

        Returns
        -------
        pandas.DataFrame
            Columns term, cutpoint, statistic, p_value, naive_p_value, shrinkage, n, n_event, n_strata, n_missing,
            n_cut, permutations, conventions.
        """
        names = ("term", "cutpoint", "statistic", "p_value", "naive_p_value", "shrinkage")
        counts = ("n", "n_event", "n_strata", "n_missing")
        row = {name: getattr(self, name) for name in (*names, *counts)}
        row |= {"n_cut": self.cuts.size, "permutations": self.permutations, "conventions": self.conventions}
        return pd.DataFrame([row])

    def hazard_ratios(self) -> pd.DataFrame:
        """Give the continuous effect, and the ratio at the cut as found, shrunken and cross-validated.

        Returns
        -------
        pandas.DataFrame
            Columns term, measure, estimate, std_error (log scale), p_value, conf_low, conf_high. Above 1: higher values
            of the marker are worse. Only the continuous effect has a p-value; the limits at the cut as found ignore
            the search.
        """
        return self.hazard_ratio.copy()

    @property
    def conventions(self) -> str:
        """How statistic and p-value are defined."""
        draws = f", {format_count(self.permutations)} draws" if self.permutations else ""
        return f"log-rank scores with the variance over permutations; p by {METHODS[self.method]}{draws}"

    def _display(self) -> Display:
        shown = self.hazard_ratio.to_dict("records")
        rows = [[str(one["measure"]), _shown_ratio(one)] for one in shown]
        strata = f", {self.n_strata} strata" if self.n_strata > 1 else ""
        title = (
            f"Best cut of {self.term}: {format_number(self.cutpoint, 3)} "
            f"(statistic {format_number(self.statistic, 2)}, "
            f"{format_p_equation(self.p_value)} by {METHODS[self.method]}{strata})"
        )
        continuous = float(self.hazard_ratio.iloc[0]["p_value"])
        left_out = [f"{count_noun(self.n_missing, 'patient')} without the marker left out"] if self.n_missing else []
        notes = (
            f"{format_count(self.n)} patients, {count_noun(self.n_event, 'event')}, "
            f"{count_noun(self.cuts.size, 'cut')} searched",
            f"continuous effect {format_p_equation(continuous)}; limits at the cut as found ignore the search",
            *left_out,
        )
        return Display(title, (Table(["hazard ratio", "estimate (limits)"], rows),), notes, "sm.draw_cutpoint(result)")


def maximally_selected_logrank(
    outcome: Outcome,
    marker: object,
    *,
    strata: object = None,
    min_share: float = 0.1,
    min_events: int | None = None,
    p_value: Method = "permutation",
    permutations: int = 10_000,
    seed: int = 0,
    conf_level: float = 0.95,
) -> MaximallySelectedLogrank:
    """Find the cut of a marker with the largest log-rank statistic, and test it as what it is, the best of many.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind, one row for each patient.
    marker : Series or array_like, shape (n,)
        Marker; patients without it are left out and counted.
    strata : Series or array_like, shape (n,), optional
        Scores are formed, and permuted, within strata; the cut is one for all.
    min_share : float
        Share of the patients on each side of a cut, as R's maxstat counts it.
    min_events : int, optional
        Events on each side of a cut; without it any number, but at least 20 events in all.
    p_value : {"permutation", "lausen92", "lausen94"}
        Where the p-value comes from.
    permutations, seed : int
        Draws, and their seed, which also deals the folds of the cross-validated ratio.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    MaximallySelectedLogrank
        Cut, p-value, profile, hazard ratios.

    Raises
    ------
    DataError
        For a marker of fewer than four values, or unreadable ones.
    FitError
        When no cut is admissible, and with late entry.
    ConfigError
        For an unknown p-value, fewer than 99 permutations, or Lausen 1992 with strata.

    References
    ----------
    Lausen B, Schumacher M (1992). Biometrics 48:73-85. Lausen B, Sauerbrei W, Schumacher M (1994). In: Computational
    Statistics, 483-496. Hothorn T, Lausen B (2003). Comput Stat Data Anal 43:121-137.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> suv = pd.Series(random.lognormal(2.0, 0.5, size=60), name="suvmax")
    >>> outcome = Outcome(random.exponential(10.0 / suv), np.ones(60))
    >>> result = maximally_selected_logrank(outcome, suv, permutations=999)
    >>> result.p_value < 0.05, result.naive_p_value <= result.p_value, result.hazard_ratios()["measure"].iloc[0]
    (True, True, 'per standard deviation')
    """
    if p_value not in METHODS:
        raise ConfigError(f"p_value {p_value!r} is not known", remedy=closest(str(p_value), METHODS))
    values, name, layers = read_marker(outcome, marker, strata)
    search = CutSearch.of(outcome, values, layers, Admissible(min_share, min_events))
    statistic, variance, best = search.profile()
    largest = float(abs(statistic[best]))
    drawn, critical = 0, float("nan")
    if p_value == "permutation":
        maxima, fixed = search.permute(variance, best, permutations, seed)
        found, naive, drawn = share_at_least(maxima, largest), share_at_least(fixed, largest), permutations
        critical = float(np.quantile(maxima, 0.95, method="higher"))
    else:
        found = _lausen92(largest, search) if p_value == "lausen92" else lausen94(largest, search, variance)
        naive = float(two_sided_p(largest))
        found = min(max(found, naive), 1.0)
    cut = float(search.marker[search.by_marker][best])
    ratios, shrinkage = honest_hazard_ratios(search, outcome, cut, name, seed, conf_level)
    admissible = np.flatnonzero(variance > 0)
    died = np.cumsum(search.event[search.by_marker])
    return MaximallySelectedLogrank(
        term=name,
        cutpoint=cut,
        statistic=largest,
        p_value=found,
        naive_p_value=naive,
        method=p_value,
        permutations=drawn,
        critical=critical,
        cuts=frozen(search.marker[search.by_marker][admissible]),
        # the kernel sums the scores at or below the cut: early events above it make the sum negative
        profile=frozen(-statistic[admissible]),
        n_below=frozen(admissible + 1, np.int64),
        n_event_below=frozen(died[admissible], np.int64),
        hazard_ratio=ratios,
        shrinkage=shrinkage,
        n=search.n,
        n_event=int(search.event.sum()),
        n_strata=search.n_strata,
        n_missing=search.n_missing,
        warnings=join_warnings(outcome.warnings, _warn(int(died[best]), int(died[-1] - died[best]), ratios)),
    )


def _lausen92(b: float, search: CutSearch) -> float:
    """Approximate the p-value by a Brownian bridge between the shares that are left out."""
    if search.n_strata > 1:
        raise ConfigError(
            "the approximation of 1992 knows one stratum", remedy='use p_value="permutation" or "lausen94"'
        )
    if b < 1:
        return 1.0
    share = search.rules.min_share
    density = float(norm.pdf(b))
    p = 4 * density / b + density * (b - 1 / b) * 2 * float(np.log((1 - share) / share))
    return p if p > 0 else 1.0


def lausen94(b: float, search: CutSearch, variance: Floats) -> float:
    """Approximate the p-value by an improved Bonferroni bound, from the correlation of neighbouring group sizes.

    Parameters
    ----------
    b : float
        Largest absolute statistic.
    search : CutSearch
        Rows.
    variance : ndarray, shape (n,)
        Of the profile: 0 where no cut is admissible.

    Returns
    -------
    float
        P-value, at least that of a fixed cut.
    """
    sizes = np.bincount(search.stratum, minlength=search.n_strata).astype(np.float64)
    spread = search.scores()[1]
    # Rows of each stratum at or below each cut, shape (number of cuts, n_strata).
    below = np.cumsum(np.eye(search.n_strata)[search.stratum[search.by_marker]], axis=0)[variance > 0]
    shared = ((spread / sizes) * below[:-1] * (sizes - below[1:])).sum(axis=1)
    own = ((spread / sizes) * below * (sizes - below)).sum(axis=1)
    t = np.sqrt(np.maximum(1 - shared**2 / (own[:-1] * own[1:]), 0.0))
    steps = np.exp(-(b**2) / 2) / np.pi * (t - (b**2 / 4 - 1) * t**3 / 6)
    return float(two_sided_p(b)) + float(steps.sum())


def _shown_ratio(row: Mapping[Hashable, float]) -> str:
    if np.isnan(row["conf_low"]):
        return format_number(row["estimate"], 2)
    return format_ratio(row["estimate"], row["conf_low"], row["conf_high"])


def _warn(below: int, above: int, ratios: pd.DataFrame) -> list[str]:
    told = []
    if not min(below, above):
        told.append("at the cut one side has no events: its hazard ratio is Firth's penalised one")
    elif min(below, above) < FEW_ON_A_SIDE:
        told.append(f"at the cut one side has {count_noun(min(below, above), 'event')}")
    if ratios["estimate"].isna().any():
        missing = ", ".join(ratios.loc[ratios["estimate"].isna(), "measure"])
        told.append(f"hazard ratio not estimable: {missing}")
    return told
