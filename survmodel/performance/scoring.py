"""Scoring many predictions of the same patients, for any counts of their rows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.kernels.draw_scores import score_draws
from survmodel.kernels.risk_sets import RiskSets, build_risk_sets
from survmodel.outcome.response import Outcome
from survmodel.performance.discrimination import FEWEST_CENSORINGS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Up to so many rows all pairs are looked at one by one, which is quicker than putting them in order.
FEW_ROWS = 1500

HARRELL, SLOPE, AUC, BRIER, NULL_BRIER = "Harrell C", "calibration slope", "AUC", "Brier score", "null Brier score"


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that tells how good predictions are.

    Attributes
    ----------
    name : str
        What it is.
    horizon : float, optional
        Its time; None for one of the whole follow-up.
    """

    name: str
    horizon: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DrawScorer:
    """Measures of fixed rows, whose order and strata are found once; n rows, k times.

    Attributes
    ----------
    sets : RiskSets
        Rows in order of time, within strata.
    time : ndarray, shape (n,)
        Exit times in that order.
    event : ndarray of bool, shape (n,)
        Events in that order.
    by_time : ndarray of int64, shape (n,)
        Places in that order by time alone, deaths first.
    times : ndarray, shape (k,)
        Horizons.
    known : ndarray of bool, shape (k, n)
        Rows, in that order, that are scored at each horizon.
    cuts : ndarray of int64, shape (k, n_strata)
        Where in each stratum the rows begin that are followed beyond each horizon.
    """

    sets: RiskSets
    time: Floats
    event: Bools
    by_time: Ints
    times: Floats
    known: Bools
    cuts: Ints

    @classmethod
    def of(
        cls, outcome: Outcome, stratum: Ints, times: Sequence[float] | Floats = (), known: Bools | None = None
    ) -> DrawScorer:
        """Prepare rows for scoring.

        Parameters
        ----------
        outcome : Outcome
            Times and events of one kind.
        stratum : ndarray of int64, shape (n,)
            Pairs, censoring curves and null models are formed within strata.
        times : sequence of float
            Horizons, ascending.
        known : ndarray of bool, shape (n, k), optional
            Rows that are scored at each horizon; all without it.

        Returns
        -------
        DrawScorer
            Scores any predictions for these rows.

        Raises
        ------
        FitError
            For horizons with late entry.
        """
        asked = np.asarray(times, dtype=np.float64)
        if asked.size and outcome.entry is not None:
            raise FitError(
                "AUC and Brier score know no late entry",
                remedy="leave out the horizons, or score rows that were followed from time 0 on",
            )
        died = outcome.died
        sets = build_risk_sets(outcome.time, died, outcome.entry, stratum)
        time, event = outcome.time[sets.order], died[sets.order]
        scored = np.ones((asked.size, outcome.n), dtype=bool) if known is None else known[sets.order].T.copy()
        by_time = np.lexsort((~event, time)).astype(np.int64)
        bounds = list(itertools.pairwise(sets.row_bounds))
        cuts = [[first + np.searchsorted(time[first:last], at, "right") for first, last in bounds] for at in asked]
        return cls(
            sets, time, event, by_time, asked, scored, np.array(cuts, dtype=np.int64).reshape(asked.size, len(bounds))
        )

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What each column of :meth:`score` is."""
        timed = [Measure(name, float(time)) for time in self.times for name in (AUC, BRIER, NULL_BRIER)]
        return (Measure(HARRELL), Measure(SLOPE), *timed)

    def score(self, index: Floats, risk: Floats, learnt: npt.NDArray[np.generic], scored: npt.ArrayLike) -> Floats:
        """Score the predictions of every draw, shape (b, n_measures): :meth:`score_ways` with one way.

        Parameters
        ----------
        index, risk, learnt
            As there.
        scored : ndarray, shape (b, n)
            How often each row is scored.

        Returns
        -------
        ndarray, shape (b, n_measures)
            In the order of `measures`; NaN where there is none.
        """
        measures: Floats = self.score_ways(index, risk, learnt, (scored,))[0]
        return measures

    def score_ways(
        self, index: Floats, risk: Floats, learnt: npt.NDArray[np.generic], scored: Sequence[npt.ArrayLike]
    ) -> Floats:
        """Score the predictions of every draw on several choices of rows, which costs less than one after the other.

        Parameters
        ----------
        index : ndarray, shape (b, n)
            Prognostic indices, higher = worse.
        risk : ndarray, shape (b, n, k)
            Probabilities of the event by each horizon.
        learnt : ndarray, shape (b, n)
            How often each row was learnt from: censoring curves and null models are those of these rows.
        scored : sequence of ndarray, shape (b, n)
            One or two: how often each row is scored. Copies of one row form no pair.

        Returns
        -------
        ndarray, shape (n_ways, b, n_measures)
            In the order of `measures`; NaN where there is none.
        """
        order = self.sets.order
        sorted_index = np.take(index, order, axis=1)
        return score_draws(
            sorted_index,
            np.take(np.swapaxes(risk, 1, 2), order, axis=2),
            np.take(learnt, order, axis=1).astype(np.float64),
            np.stack([np.take(one, order, axis=1) for one in scored]).astype(np.float64),
            self.time,
            self.event,
            self.sets,
            self._orders(sorted_index),
            self.by_time,
            self.known,
            self.times,
            self.cuts,
            float(FEWEST_CENSORINGS),
        )

    def _orders(self, sorted_index: Floats) -> Ints:
        """Put the rows of each draw in order of stratum and index, where that is needed."""
        if sorted_index.shape[1] <= FEW_ROWS and not self.sets.entry_order.size:
            return np.empty((len(sorted_index), 0), dtype=np.int64)
        orders = np.empty(sorted_index.shape, dtype=np.int64)
        for first, last in itertools.pairwise(self.sets.row_bounds):
            orders[:, first:last] = first + np.argsort(sorted_index[:, first:last], axis=1)
        return orders
