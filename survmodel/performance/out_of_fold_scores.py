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

from survmodel.outcome.groups import Groups
from survmodel.outcome.response import Outcome
from survmodel.performance.brier import brier_contributions
from survmodel.performance.censoring_weights import CensoringWeights
from survmodel.performance.discrimination import concordance
from survmodel.performance.out_of_fold import OutOfFold
from survmodel.performance.scoring import AUC, BRIER, HARRELL, NULL_BRIER, DrawScorer, Measure
from survmodel.performance.time_dependent_auc import auc_contributions
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
    found = []
    influences: dict[Measure, Floats] = {Measure(HARRELL): np.zeros(outcome.n)}
    every = np.ones((1, outcome.n))
    for repeat, index in enumerate(unseen.index_by_repeat):
        risk = unseen.risk_by_repeat[repeat][:, places]
        known = np.isfinite(index)
        scorer = DrawScorer.of(outcome, stratum, horizons, np.isfinite(risk) & known[:, np.newaxis])
        shown, filled = np.where(known, index, 0.0), np.where(np.isfinite(risk), risk, 0.0)
        found.append(scorer.score(shown[np.newaxis], filled[np.newaxis], every, known[np.newaxis])[0])
        influences[Measure(HARRELL)] += _influence_on_c(outcome, index, stratum)
        for time, column in zip(horizons, risk.T, strict=True):
            at_time = _influences_at(outcome, column, stratum, time, horizons[-1])
            influences |= {one: influences.get(one, 0.0) + own for one, own in at_time.items()}
    measures = scorer.measures
    values = dict(zip(measures, np.mean(found, axis=0).tolist(), strict=True))
    for time in horizons:
        null = values.pop(Measure(NULL_BRIER, time))
        values[Measure(IPA, time)] = 1 - values[Measure(BRIER, time)] / null if null > 0 else np.nan
    if outcome.id is not None:
        influences = {one: np.bincount(outcome.id, weights=own).astype(np.float64) for one, own in influences.items()}
    return OutOfFoldScores(values, {one: own / len(found) for one, own in influences.items()})


def _influence_on_c(outcome: Outcome, index: Floats, stratum: Ints) -> Floats:
    """Give the influence of every row on C; 0 for rows without an index."""
    known = np.flatnonzero(np.isfinite(index))
    entry = None if outcome.entry is None else outcome.entry[known]
    rows = Outcome(outcome.time[known], outcome.died[known].astype(np.int64), entry)
    influence = np.zeros(outcome.n)
    influence[known] = concordance(rows, index[known], strata=stratum[known]).influence
    return influence


def _influences_at(outcome: Outcome, risk: Floats, stratum: Ints, time: float, last: float) -> dict[Measure, Floats]:
    """Give the influence of every row on AUC, Brier score and IPA at a time; 0 for rows without a risk."""
    known = np.flatnonzero(np.isfinite(risk))
    rows, at = outcome.take(known), np.array([time])
    labels, codes = np.unique(stratum[known], return_inverse=True)
    strata = Groups(codes.astype(np.int64), tuple(map(str, labels)))
    weights = CensoringWeights.learn(rows, last, strata, None)
    shown = risk[known, np.newaxis]
    parts = (auc_contributions(weights, strata, shown, at), *brier_contributions(weights, strata, shown, at))
    found = {}
    for name, own in zip((AUC, BRIER, IPA), parts, strict=True):
        found[Measure(name, time)] = np.zeros(outcome.n)
        found[Measure(name, time)][known] = own[:, 0]
    return found
