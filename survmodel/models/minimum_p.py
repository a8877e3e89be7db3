r"""One test for many metrics: how often chance makes the best of them as good.

Eight correlated uptake metrics with no effect, each cut where it looks best, give a "significant" one in nearly every
small study. The scores of the patients are permuted within strata, the same permutation for all metrics, so that the
metrics keep their correlation. In each draw every metric has its permutation p-value, and the smallest one is noted;
the adjusted p-value of a metric is the share of draws whose smallest is no larger (Westfall and Young, single step).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, FitError, closest
from survmodel.formatting import count_noun, format_count, format_number, format_p
from survmodel.frame import as_frame
from survmodel.kernels.cutpoint_scan import permute_sums
from survmodel.models.cutpoint_search import (
    Admissible,
    CutSearch,
    permutation_words,
    permute_together,
    read_marker,
)
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.groups import Groups
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Statistic = Literal["maximally selected", "linear"]
STATISTICS = ("maximally selected", "linear")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MinimumP(Result):
    """P-values of several metrics, each alone and adjusted for all.

    Attributes
    ----------
    terms : tuple of str
        Metrics.
    statistics, p_values, p_adjusted : ndarray, shape (k,)
        Absolute standardised statistic, permutation p-value, and the one that knows of all metrics.
    statistic, permutations : str, int
        What was computed of each metric, and the draws.
    n, n_event, n_missing : int
        Counts; patients who lack any of the metrics were left out.
    warnings : tuple of str
        None.
    """

    terms: tuple[str, ...]
    statistics: Floats
    p_values: Floats
    p_adjusted: Floats
    statistic: Statistic
    permutations: int
    n: int
    n_event: int
    n_missing: int
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the tests, one row for each metric.

        Returns
        -------
        pandas.DataFrame
            Columns term, statistic, p_value, p_adjusted.
        """
        columns = {"statistic": self.statistics, "p_value": self.p_values, "p_adjusted": self.p_adjusted}
        return pd.DataFrame({"term": self.terms, **columns})

    def glance(self) -> pd.DataFrame:
        """Give the test of all metrics together in one row.

        Returns
        -------
        pandas.DataFrame
            Columns p_value (the smallest adjusted one), n, n_event, n_missing, permutations, conventions.
        """
        row = {
            "p_value": float(self.p_adjusted.min()),
            "n": self.n,
            "n_event": self.n_event,
            "n_missing": self.n_missing,
            "permutations": self.permutations,
            "conventions": f"{self.statistic} log-rank statistic; single-step minimum p by permutation within strata",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [term, format_number(statistic, 2), format_p(p), format_p(adjusted)]
            for term, statistic, p, adjusted in zip(
                self.terms, self.statistics, self.p_values, self.p_adjusted, strict=True
            )
        ]
        left_out = [f"{count_noun(self.n_missing, 'patient')} without all metrics left out"] if self.n_missing else []
        notes = (f"{count_noun(self.n, 'patient')}, {count_noun(self.n_event, 'event')}", *left_out)
        draws = f"{format_count(self.permutations)} permutations"
        title = f"{count_noun(len(self.terms), 'metric')} tested together ({self.statistic}, {draws})"
        return Display(title, (Table(["metric", "statistic", "p", "p adjusted"], rows),), notes)


def minimum_p_permutation(
    outcome: Outcome,
    markers: pd.DataFrame,
    *,
    strata: object = None,
    statistic: Statistic = "maximally selected",
    min_share: float = 0.1,
    min_events: int | None = None,
    permutations: int = 10_000,
    seed: int = 0,
) -> MinimumP:
    """Test several metrics of the same patients and adjust for having looked at all of them.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind, one row for each patient.
    markers : pandas.DataFrame
        One column for each metric; patients who lack any of them are left out and counted.
    strata : Series or array_like, shape (n,), optional
        Scores are formed, and permuted, within strata.
    statistic : {"maximally selected", "linear"}
        The best cut of each metric, or its linear trend (the score test of a Cox model but for the variance).
    min_share, min_events
        Of the cuts, as for :func:`~survmodel.models.cutpoint.maximally_selected_logrank`.
    permutations, seed : int
        Draws and their seed.

    Returns
    -------
    MinimumP
        P-values.

    Raises
    ------
    DataError
        For a metric that is constant, unreadable or infinite.
    FitError
        When a metric has no admissible cut.

    References
    ----------
    Westfall PH, Young SS (1993). Resampling-Based Multiple Testing. Wiley.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> table = pd.DataFrame(random.normal(size=(60, 3)), columns=["suvmax", "mtv", "tlg"])
    >>> outcome = Outcome(random.exponential(size=60), np.ones(60))
    >>> result = minimum_p_permutation(outcome, table, permutations=999)
    >>> bool((result.p_adjusted >= result.p_values).all())
    True
    """
    if statistic not in STATISTICS:
        raise ConfigError(f"statistic {statistic!r} is not known", remedy=closest(str(statistic), STATISTICS))
    check_outcome(outcome)
    outcome.check_rows(markers, "markers")
    table = as_frame(markers)
    if not table.shape[1]:
        raise DataError("there is no metric", remedy="give a table with one column for each")
    read = {str(name): read_marker(outcome, table[name], strata) for name in table.columns}
    layers = next(iter(read.values()))[2]
    values = np.array([one[0] for one in read.values()])
    complete = np.flatnonzero(~np.isnan(values).any(axis=0))
    kept, strata_kept = outcome.take(complete), Groups(layers.codes[complete], layers.labels)
    rules = Admissible(min_share, min_events)
    searches = []
    for name, row in zip(read, values, strict=True):
        try:
            searches.append(CutSearch.of(kept, row[complete], strata_kept, rules))
        except (DataError, FitError) as error:
            raise type(error)(f"{name}: {error}") from None
    compute = _maximally_selected if statistic == "maximally selected" else _linear
    observed, drawn = compute(searches, permutations, seed)
    p_values, adjusted = westfall_young(observed, drawn)
    return MinimumP(
        terms=tuple(read),
        statistics=frozen(observed),
        p_values=frozen(p_values),
        p_adjusted=frozen(adjusted),
        statistic=statistic,
        permutations=permutations,
        n=kept.n,
        n_event=kept.n_event,
        n_missing=outcome.n - kept.n,
        warnings=outcome.warnings,
    )


def westfall_young(observed: Floats, drawn: Floats) -> tuple[Floats, Floats]:
    """Compute permutation p-values, each alone and adjusted by the smallest of each draw.

    Parameters
    ----------
    observed : ndarray, shape (k,)
        Statistics, larger = more extreme.
    drawn : ndarray, shape (b, k)
        The same in each draw.

    Returns
    -------
    p_values, p_adjusted : ndarray, shape (k,)
        The observed arrangement counts as one of the draws.

    Examples
    --------
    >>> p, adjusted = westfall_young(np.array([3.0, 1.0]), np.array([[1.0, 2.0], [2.0, 0.5], [0.1, 0.2]]))
    >>> p.tolist(), adjusted.tolist()
    ([0.25, 0.5], [0.5, 0.75])
    """
    every = np.vstack([observed, drawn])
    # equal arrangements may differ by rounding
    every = np.round(every, 9)
    n = len(every)
    ordered = np.sort(every, axis=0)
    p = np.column_stack(
        [(n - np.searchsorted(ordered[:, k], every[:, k], side="left")) / n for k in range(every.shape[1])]
    )
    smallest = np.sort(p.min(axis=1))
    adjusted = np.searchsorted(smallest, p[0], side="right") / n
    return p[0], adjusted


def _maximally_selected(searches: list[CutSearch], permutations: int, seed: int) -> tuple[Floats, Floats]:
    profiles = [one.profile() for one in searches]
    chosen = np.array([best for _, _, best in profiles])
    observed = np.array([abs(statistic[best]) for statistic, _, best in profiles])
    drawn, _ = permute_together(searches, [variance for _, variance, _ in profiles], chosen, permutations, seed)
    return observed, drawn


def _linear(searches: list[CutSearch], permutations: int, seed: int) -> tuple[Floats, Floats]:
    """Standardise the sum of score times marker, the marker centred within strata."""
    first = searches[0]
    scores, spread, _ = first.scores()
    number = np.empty(int(first.place.max()) + 1, dtype=np.int64)
    number[first.place] = np.arange(first.n)
    weights = np.empty((len(searches), first.n))
    for k, one in enumerate(searches):
        weights[k, number[one.place]] = one.marker
    for begin, end in zip(first.bounds[:-1], first.bounds[1:], strict=True):
        weights[:, begin:end] -= weights[:, begin:end].mean(axis=1, keepdims=True)
    error = np.sqrt((weights**2 * spread[first.stratum]).sum(axis=1))
    sums = np.empty((permutations, len(searches)))
    words = permutation_words(permutations, seed)
    permute_sums(words, scores, first.bounds, weights / error[:, np.newaxis], np.empty(first.n), sums)
    return np.abs(weights @ scores) / error, np.abs(sums)
