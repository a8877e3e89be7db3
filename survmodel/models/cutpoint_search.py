"""The search for a cut-point: rows put in order once, then scanned as they are, resampled or permuted.

What is searched is in :mod:`survmodel.kernels.cutpoint_scan`. Patients who lack the marker are left out and counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, FitError, name_rows
from survmodel.formatting import count_noun, format_percent
from survmodel.kernels.cutpoint_scan import permute_maxima, scan_cuts, scan_draws, score_rows
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Events in all below which no cut leaves ten on each side, and a search finds little but chance.
FEWEST_EVENTS = 20
FEWEST_VALUES = 4
#: Tells the words of permutations from those of resamples.
PERMUTATIONS_KEY = 22


@dataclass(frozen=True, slots=True)
class Admissible:
    """Which cuts are searched.

    Attributes
    ----------
    min_share : float
        Share of the rows on each side; as in R's maxstat the whole part of its product with their number is enough.
    min_events : int or None
        Events on each side; None: any, but 20 in all.
    """

    min_share: float = 0.1
    min_events: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.min_share < 0.5:
            raise ConfigError(
                f"min_share is {self.min_share}", remedy="give a share above 0 and below 0.5, such as 0.1"
            )
        if self.min_events is not None and not self.min_events >= 0:
            raise ConfigError(f"min_events is {self.min_events}", remedy="give a number of events, such as 10")

    @property
    def events(self) -> float:
        """Events that each side must have."""
        return float(self.min_events or 0)

    def check(self, n_event: int) -> None:
        """Refuse rows with fewer events than a search needs.

        Parameters
        ----------
        n_event : int
            Events.

        Raises
        ------
        FitError
            Below 20 events, or twice those asked for on each side.
        """
        needed = FEWEST_EVENTS if self.min_events is None else 2 * self.min_events
        if n_event < max(needed, 1):
            raise FitError(
                f"no cut is admissible with {count_noun(n_event, 'event')}",
                f"{needed} are needed, half of them on each side",
                "report the continuous effect, or a cut that was published; min_events= lowers the bound",
            )


@dataclass(frozen=True, slots=True, eq=False)
class CutSearch:
    """Rows by stratum, time, event and marker, ready to be scanned.

    Attributes
    ----------
    place : ndarray of int64, shape (n,)
        Position of each row in the outcome.
    time : ndarray, shape (n,)
        Times.
    event : ndarray of bool, shape (n,)
        Events.
    marker : ndarray, shape (n,)
        Marker.
    stratum, bounds, tie_end, by_marker : ndarray of int64
        Stratum of each row, where strata begin and end, where ties end, rows by marker.
    ends_value : ndarray of bool, shape (n,)
        Whether the next row by marker has a higher value.
    rules : Admissible
        Which cuts are searched.
    n_missing : int
        Rows left out because they lack the marker.
    """

    place: Ints
    time: Floats
    event: Bools
    marker: Floats
    stratum: Ints
    bounds: Ints
    tie_end: Ints
    by_marker: Ints
    ends_value: Bools
    rules: Admissible
    n_missing: int

    @classmethod
    def of(cls, outcome: Outcome, marker: Floats, strata: Groups, rules: Admissible) -> CutSearch:
        """Put the rows that have the marker in order.

        Parameters
        ----------
        outcome : Outcome
            Times and events of one kind, without late entry.
        marker : ndarray, shape (n,)
            Marker; NaN where it is missing.
        strata : Groups
            Strata.
        rules : Admissible
            Which cuts are searched.

        Returns
        -------
        CutSearch
            Knows the rows.

        Raises
        ------
        DataError
            For a marker of fewer than four values.
        FitError
            With late entry, or too few events.
        """
        if outcome.entry is not None:
            raise FitError("log-rank scores do not know late entry", remedy="model the marker as continuous")
        kept = np.flatnonzero(~np.isnan(marker))
        n_values = np.unique(marker[kept]).size
        if n_values < FEWEST_VALUES:
            raise DataError(
                f"the marker has {count_noun(n_values, 'distinct value')}",
                remedy=f"a cut is searched from {FEWEST_VALUES} on; take the values as groups",
            )
        died = outcome.died
        rules.check(int(died[kept].sum()))
        keys = (marker[kept], ~died[kept], outcome.time[kept], strata.codes[kept])
        place = kept[np.lexsort(keys)]
        present, stratum = np.unique(strata.codes[place], return_inverse=True)
        time, stratum = outcome.time[place], stratum.astype(np.int64)
        by_marker = np.argsort(marker[place], kind="stable")
        ends = np.append(np.diff(marker[place][by_marker]) > 0, False)
        starts = np.flatnonzero(np.append(True, (np.diff(time) != 0) | (np.diff(stratum) != 0)))
        sizes = np.diff(np.append(starts, place.size))
        return cls(
            place=place.astype(np.int64), time=time, event=died[place], marker=marker[place], stratum=stratum,
            bounds=np.searchsorted(stratum, np.arange(present.size + 1)).astype(np.int64),
            tie_end=np.repeat(starts + sizes, sizes).astype(np.int64), by_marker=by_marker.astype(np.int64),
            ends_value=ends, rules=rules, n_missing=outcome.n - place.size,
        )  # fmt: skip

    @property
    def n(self) -> int:
        """Rows that have the marker."""
        return int(self.place.size)

    @property
    def n_strata(self) -> int:
        """Strata among them."""
        return int(self.bounds.size) - 1

    def scores(self) -> tuple[Floats, Floats, Floats]:
        """Compute the centred scores (n,), their variance and the rows in each stratum (n_strata,)."""
        scores, spread, sizes = np.empty(self.n), np.empty(self.n_strata), np.empty(self.n_strata)
        score_rows(self.event, self.tie_end, self.bounds, np.ones(self.n), scores, spread, sizes)
        return scores, spread, sizes

    def profile(self) -> tuple[Floats, Floats, int]:
        """Standardise every admissible cut.

        Returns
        -------
        statistic, variance : ndarray, shape (n,)
            Z and V of the cut behind each row by marker; V is 0 where no cut is admissible.
        best : int
            Where the largest absolute Z lies.

        Raises
        ------
        FitError
            When no cut is admissible.
        """
        scores, spread, sizes = self.scores()
        statistic, variance = np.empty(self.n), np.empty(self.n)
        best = scan_cuts(
            scores, spread, sizes, self.event, self.stratum, np.ones(self.n), self.by_marker, self.ends_value,
            self.rules.min_share, self.rules.events, np.empty(self.n_strata), statistic, variance,
        )  # fmt: skip
        if best < 0:
            asked = f"{format_percent(self.rules.min_share)} of the patients"
            asked += f" and {count_noun(int(self.rules.events), 'event')}" if self.rules.events else ""
            raise FitError("no cut is admissible", f"none leaves {asked} on each side", "report the continuous effect")
        return statistic, variance, int(best)

    def best_cuts(self, counts: npt.NDArray[np.generic]) -> tuple[Floats, Floats]:
        """Find the best cut of each draw of counted rows.

        Parameters
        ----------
        counts : ndarray, shape (b, n)
            How often each row counts, in the order of `place`.

        Returns
        -------
        cuts, statistic : ndarray, shape (b,)
            The highest value at or below the cut, and Z there; NaN where no cut is admissible.
        """
        counted = np.ascontiguousarray(counts, dtype=np.float64)
        found, best = np.empty(len(counted), dtype=np.int64), np.empty(len(counted))
        scan_draws(
            self.event, self.tie_end, self.stratum, self.bounds, counted, self.by_marker, self.ends_value,
            self.rules.min_share, self.rules.events, np.empty((3, self.n)), np.empty((3, self.n_strata)), found, best,
        )  # fmt: skip
        none = found < 0
        cuts = self.marker[self.by_marker][np.where(none, 0, found)]
        return np.where(none, np.nan, cuts), np.where(none, np.nan, best)

    def permute(self, variance: Floats, chosen: int, permutations: int, seed: int) -> tuple[Floats, Floats]:
        """Permute the scores within strata.

        Parameters
        ----------
        variance : ndarray, shape (n,)
            Of the profile.
        chosen : int
            A cut that is fixed.
        permutations, seed : int
            Draws.

        Returns
        -------
        maxima, at_chosen : ndarray, shape (permutations,)
            Largest absolute Z over all cuts, and that of the fixed cut.
        """
        maxima, fixed = permute_together([self], [variance], np.array([chosen]), permutations, seed)
        return maxima[:, 0], fixed[:, 0]


def permute_together(
    searches: list[CutSearch], variances: list[Floats], chosen: Ints, permutations: int, seed: int
) -> tuple[Floats, Floats]:
    """Permute the scores of the same rows for several markers at once.

    Parameters
    ----------
    searches : list of CutSearch
        Of the same outcome and strata; none may lack a marker that another has.
    variances : list of ndarray
        Of their profiles.
    chosen : ndarray of int64, shape (k,)
        A cut of each marker that is fixed.
    permutations, seed : int
        Draws.

    Returns
    -------
    maxima, at_chosen : ndarray, shape (permutations, k)
        Largest absolute Z of each marker over all cuts, and that of the fixed cut.
    """
    first = searches[0]
    # Rows stand in one order for all markers; those tied in time and event have the same score, whichever comes first.
    number = np.empty(int(first.place.max()) + 1, dtype=np.int64)
    number[first.place] = np.arange(first.n)
    by_marker = np.array([number[one.place[one.by_marker]] for one in searches])
    with np.errstate(divide="ignore"):
        scale = np.array([np.where(one > 0, 1 / np.sqrt(one), 0.0) for one in variances])
    maxima, fixed = np.empty((permutations, len(searches))), np.empty((permutations, len(searches)))
    permute_maxima(
        permutation_words(permutations, seed), first.scores()[0], first.bounds, by_marker, scale,
        np.asarray(chosen, dtype=np.int64), np.empty(first.n), maxima, fixed,
    )  # fmt: skip
    return maxima, fixed


def permutation_words(permutations: int, seed: int) -> npt.NDArray[np.uint64]:
    """Give each permutation the word that it is drawn by; a longer run begins with a shorter one.

    Parameters
    ----------
    permutations : int
        Draws, at least 99.
    seed : int
        The same seed draws alike.

    Returns
    -------
    ndarray of uint64, shape (permutations,)
        Words.

    Raises
    ------
    ConfigError
        For fewer than 99 permutations.
    """
    if permutations < 99:
        raise ConfigError(f"permutations is {permutations}", remedy="give at least 99, such as 10,000")
    # a key of its own: the same seed draws resamples elsewhere, and those are to be independent of these
    sequence = np.random.SeedSequence(seed, spawn_key=(PERMUTATIONS_KEY,))
    return np.asarray(sequence.generate_state(permutations, np.uint64), dtype=np.uint64)


def share_at_least(drawn: Floats, observed: float) -> float:
    """Compute a permutation p-value: the observed arrangement counts as one of the draws.

    Parameters
    ----------
    drawn : ndarray, shape (b,)
        Statistics of the draws.
    observed : float
        The observed one.

    Returns
    -------
    float
        Above 0 and at most 1.

    References
    ----------
    Phipson B, Smyth GK (2010). Stat Appl Genet Mol Biol 9:39.
    """
    # equal arrangements may differ by rounding
    return float((1 + (drawn >= observed * (1 - 1e-9)).sum()) / (1 + drawn.size))


def read_marker(outcome: Outcome, marker: object, strata: object) -> tuple[Floats, str, Groups]:
    """Read a marker, its name and the strata.

    Parameters
    ----------
    outcome : Outcome
        Whose rows they belong to.
    marker : Series or array_like, shape (n,)
        Numbers, NaN where missing.
    strata : Series or array_like, shape (n,), optional
        Strata.

    Returns
    -------
    values : ndarray, shape (n,)
        Marker.
    name : str
        Name of the Series, else "marker".
    layers : Groups
        Strata.

    Raises
    ------
    DataError
        For infinite or unreadable values, and other rows.
    """
    check_outcome(outcome)
    if isinstance(marker, str):
        raise DataError(f"marker is the text {marker!r}", remedy=f"pass the column itself, table[{marker!r}]")
    outcome.check_rows(marker, "marker")
    try:
        series = marker if isinstance(marker, pd.Series) else pd.Series(np.asarray(marker))
        values = series.to_numpy(dtype=np.float64, na_value=np.nan).copy()
    except (TypeError, ValueError):
        raise DataError("the marker is not numeric") from None
    if np.isinf(values).any():
        raise DataError("the marker is infinite", f"in {name_rows(np.isinf(values))}", "correct or leave them out")
    named = getattr(marker, "name", None)
    return values, str(named) if named is not None else "marker", read_groups(outcome, strata, "strata")
