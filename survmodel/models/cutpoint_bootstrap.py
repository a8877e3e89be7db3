"""How far a cut-point can be trusted: where it falls when the same search is made in other patients like these.

Patients are drawn with replacement within strata and the cut is searched anew. The distribution of a chosen cut has
several peaks and is wide; its percentiles are given as they are, and beside them how many patients keep their side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import FitError
from survmodel.formatting import count_noun, format_count, format_interval, format_number, format_percent
from survmodel.models.cutpoint_search import Admissible, CutSearch, read_marker
from survmodel.outcome.response import Outcome
from survmodel.resampling import MOST_FAILED, bootstrap_counts, read_units
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]

#: A cut that leaves fewer patients than this on their side says nothing of the next patient.
STABLE = 0.9


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BootstrapCutpoint(Result):
    """Cuts found in resamples.

    Attributes
    ----------
    term, cutpoint : str, float
        The marker, and the cut that all patients give.
    conf_low, conf_high, conf_level : float
        Percentiles of the cuts of the resamples.
    by_resample : ndarray, shape (repeats,)
        Cut of each resample; NaN where none was admissible.
    same_side : ndarray, shape (n,)
        Share of the resamples whose cut leaves each patient on the side of the cut of all, in the order of the rows
        that have the marker.
    same_direction : float
        Share of the resamples in which higher values lie on the same side of the better prognosis.
    n, n_event, n_missing : int
        Counts; patients without the marker were left out.
    warnings : tuple of str
        What the reader must know.
    """

    term: str
    cutpoint: float
    conf_low: float
    conf_high: float
    conf_level: float
    by_resample: Floats
    same_side: Floats
    same_direction: float
    n: int
    n_event: int
    n_missing: int
    warnings: tuple[str, ...] = ()

    @property
    def agreement(self) -> float:
        """Share of patients on the same side, the mean over resamples."""
        return float(self.same_side.mean())

    def tidy(self) -> pd.DataFrame:
        """Give the distribution of the cut, one row for each value found.

        Returns
        -------
        pandas.DataFrame
            Columns term, cutpoint, n (resamples that chose it), probability (their share).
        """
        found, times = np.unique(self.by_resample[np.isfinite(self.by_resample)], return_counts=True)
        columns = {"term": self.term, "cutpoint": found, "n": times, "probability": times / times.sum()}
        return pd.DataFrame(columns)

    def glance(self) -> pd.DataFrame:
        """Give cut, limits and stability in one row.

        Returns
        -------
        pandas.DataFrame
            Columns term, cutpoint, conf_low, conf_high, agreement, same_direction, n, n_event, n_missing, repeats,
            used, conventions.
        """
        names = ("term", "cutpoint", "conf_low", "conf_high", "agreement", "same_direction", "n", "n_event")
        row = {name: getattr(self, name) for name in (*names, "n_missing")}
        used = int(np.isfinite(self.by_resample).sum())
        row |= {"repeats": self.by_resample.size, "used": used, "conventions": "percentiles (type 7) of resampled cuts"}
        return pd.DataFrame([row])

    def _display(self) -> Display:
        limits = format_interval(self.conf_low, self.conf_high, 3)
        rows = [
            ["cut", format_number(self.cutpoint, 3)],
            [f"{format_percent(self.conf_level, 0)} of resampled cuts", limits],
            ["patients on the same side", format_percent(self.agreement)],
            ["resamples of the same direction", format_percent(self.same_direction)],
        ]
        used = int(np.isfinite(self.by_resample).sum())
        notes = (
            f"{count_noun(self.n, 'patient')}, {count_noun(self.n_event, 'event')}, "
            f"{format_count(used)} of {format_count(self.by_resample.size)} resamples",
        )
        return Display(f"Stability of the best cut of {self.term}", (Table(["", "value"], rows),), notes)


def bootstrap_cutpoint(
    outcome: Outcome,
    marker: object,
    *,
    strata: object = None,
    min_share: float = 0.1,
    min_events: int | None = None,
    repeats: int = 1000,
    seed: int = 0,
    conf_level: float = 0.95,
) -> BootstrapCutpoint:
    """Search the cut of :func:`~survmodel.models.cutpoint.maximally_selected_logrank` again in resamples of patients.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind, one row for each patient.
    marker : Series or array_like, shape (n,)
        Marker; patients without it are left out and counted.
    strata : Series or array_like, shape (n,), optional
        Patients are drawn, and scores formed, within strata.
    min_share, min_events
        As for the search.
    repeats, seed : int
        Resamples, and their seed.
    conf_level : float
        Share of the resampled cuts between the percentiles.

    Returns
    -------
    BootstrapCutpoint
        Distribution and stability.

    Raises
    ------
    FitError
        When no cut is admissible, in all patients or in more than one in five resamples.

    References
    ----------
    Efron B, Tibshirani RJ (1993). An Introduction to the Bootstrap. Chapman and Hall.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> suv = pd.Series(random.lognormal(2.0, 0.5, size=60), name="suvmax")
    >>> outcome = Outcome(random.exponential(10.0 / suv), np.ones(60))
    >>> result = bootstrap_cutpoint(outcome, suv, repeats=200)
    >>> result.conf_low <= result.cutpoint <= result.conf_high, result.agreement > 0.5
    (True, True)
    """
    values, name, layers = read_marker(outcome, marker, strata)
    search = CutSearch.of(outcome, values, layers, Admissible(min_share, min_events))
    statistic, _, best = search.profile()
    cut = float(search.marker[search.by_marker][best])
    counts = bootstrap_counts(read_units(search.n, None, search.stratum), repeats, seed)
    cuts, signs = search.best_cuts(counts)
    found = np.isfinite(cuts)
    if (~found).mean() > MOST_FAILED:
        raise FitError(
            f"{int((~found).sum())} of {repeats} resamples have no admissible cut",
            remedy="report the continuous effect, or a cut that was published",
        )
    tail = (1 - conf_level) / 2
    low, high = np.quantile(cuts[found], [tail, 1 - tail])
    same = ((search.marker > cuts[found, np.newaxis]) == (search.marker > cut)).mean(axis=0)
    in_table = np.argsort(search.place)
    direction = float((np.sign(signs[found]) == np.sign(statistic[best])).mean())
    told = []
    if same.mean() < STABLE:
        share = format_percent(float(same.mean()))
        told.append(f"the cut is unstable: on average {share} of the patients keep their side in a resample")
    if not found.all():
        told.append(f"{int((~found).sum())} of {repeats} resamples have no admissible cut")
    return BootstrapCutpoint(
        term=name,
        cutpoint=cut,
        conf_low=float(low),
        conf_high=float(high),
        conf_level=conf_level,
        by_resample=frozen(cuts),
        same_side=frozen(same[in_table]),
        same_direction=direction,
        n=search.n,
        n_event=int(search.event.sum()),
        n_missing=search.n_missing,
        warnings=join_warnings(outcome.warnings, told),
    )
