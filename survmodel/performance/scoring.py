"""Scoring many indices of the same patients: Harrell's C within strata, for any counts of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.kernels.concordance import harrell
from survmodel.kernels.risk_sets import RiskSets, build_risk_sets
from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ConcordanceScorer:
    """Harrell's C of fixed rows, whose order and strata are found once.

    Attributes
    ----------
    sets : RiskSets
        Rows in order of time, within strata.
    event : ndarray of bool, shape (n,)
        Events.
    """

    sets: RiskSets
    event: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, outcome: Outcome, stratum: Ints) -> ConcordanceScorer:
        """Prepare rows for scoring.

        Parameters
        ----------
        outcome : Outcome
            Times and events of one kind.
        stratum : ndarray of int64, shape (n,)
            Pairs are formed within strata.

        Returns
        -------
        ConcordanceScorer
            Scores any index of these rows.
        """
        died = outcome.died
        return cls(build_risk_sets(outcome.time, died, outcome.entry, stratum), died)

    def score(self, index: Floats, counts: npt.NDArray[np.generic] | None = None) -> float:
        """Give C of an index.

        Parameters
        ----------
        index : ndarray, shape (n,)
            Higher = worse.
        counts : ndarray, shape (n,), optional
            How often each row counts; once without it. Copies of one row form no pair.

        Returns
        -------
        float
            C.

        Raises
        ------
        FitError
            Without a usable pair.
        """
        weight = np.ones(index.size) if counts is None else np.asarray(counts, dtype=np.float64)
        estimate = harrell(index, weight, self.sets, self.event)
        if np.isnan(estimate):
            raise FitError("no two rows form a usable pair")
        return estimate
