"""How good predictions out of fold are, and how much each patient says about it.

Each time the patients were dealt out gives every measure once, of the predictions by models that had not seen the
patient; the mean over the times is the cross-validated value. The influence of a patient is the mean of that patient's
influences; the sum of their squares is the variance. Fitted models are taken as given in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.outcome.response import Outcome
from survmodel.performance.discrimination import concordance
from survmodel.performance.out_of_fold import OutOfFold
from survmodel.performance.scoring import BRIER, HARRELL, NULL_BRIER, DrawScorer, Measure
from survmodel.performance.validation_scores import IPA

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class OutOfFoldScores:
    """Measures of predictions out of fold.

    Attributes
    ----------
    values : mapping of Measure to float
        Means over the repeats; NaN where a repeat has none.
    influences : mapping of Measure to ndarray, shape (n_patients,)
        Of each patient on the mean; absent for measures without.
    """

    values: Mapping[Measure, float]
    influences: Mapping[Measure, Floats]

    def error(self, measure: Measure) -> float:
        """Give the standard error of a measure; NaN where it has none."""
        own = self.influences.get(measure)
        return np.nan if own is None else float(np.sqrt(np.sum(own**2)))

    def error_of_difference(self, other: OutOfFoldScores, measure: Measure) -> float:
        """Give the standard error of the difference to another specification on the same folds; NaN without."""
        own, theirs = self.influences.get(measure), other.influences.get(measure)
        return np.nan if own is None or theirs is None else float(np.sqrt(np.sum((own - theirs) ** 2)))


def score_out_of_fold(unseen: OutOfFold, stratum: Ints, horizons: tuple[float, ...]) -> OutOfFoldScores:
    """Score predictions by models that had not seen the patient.

    Parameters
    ----------
    unseen : OutOfFold
        The predictions, with risks at the horizons.
    stratum : ndarray of int64, shape (n,)
        Stratum of each row.
    horizons : tuple of float
        Times, ascending; those at which a patient has no predicted risk leave that patient out.

    Returns
    -------
    OutOfFoldScores
        C, slope, AUC, Brier score and IPA.
    """
    outcome = unseen.outcome
    places = [int(np.flatnonzero(unseen.times == time)[0]) for time in horizons]
    found, influence = [], np.zeros(outcome.n)
    every = np.ones((1, outcome.n))
    for repeat, index in enumerate(unseen.index_by_repeat):
        risk = unseen.risk_by_repeat[repeat][:, places]
        known = np.isfinite(index)
        scorer = DrawScorer.of(outcome, stratum, horizons, np.isfinite(risk) & known[:, np.newaxis])
        shown, filled = np.where(known, index, 0.0), np.where(np.isfinite(risk), risk, 0.0)
        found.append(scorer.score(shown[np.newaxis], filled[np.newaxis], every, known[np.newaxis])[0])
        influence += _influence_on_c(outcome, index, stratum)
    measures = scorer.measures
    values = dict(zip(measures, np.mean(found, axis=0).tolist(), strict=True))
    for time in horizons:
        null = values.pop(Measure(NULL_BRIER, time))
        values[Measure(IPA, time)] = 1 - values[Measure(BRIER, time)] / null if null > 0 else np.nan
    patients = influence if outcome.id is None else np.bincount(outcome.id, weights=influence)
    return OutOfFoldScores(values, {Measure(HARRELL): patients / len(found)})


def _influence_on_c(outcome: Outcome, index: Floats, stratum: Ints) -> Floats:
    """Give the influence of every row on C; 0 for rows without an index."""
    known = np.flatnonzero(np.isfinite(index))
    entry = None if outcome.entry is None else outcome.entry[known]
    rows = Outcome(outcome.time[known], outcome.died[known].astype(np.int64), entry)
    influence = np.zeros(outcome.n)
    influence[known] = concordance(rows, index[known], strata=stratum[known]).influence
    return influence
