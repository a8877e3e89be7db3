"""Checks k and S10: limits after multiple imputation, and a marker that tells nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from simulation.laws import incomplete
from simulation.replicates import repeat
from simulation.rows import Row, covers, inside, mean, read_off, share

from survmodel import CoxPH, MultipleImputation, Outcome, Pipeline, concordance, pooled

Floats = npt.NDArray[np.float64]

TRUTH, M = 0.5, 20
COVERAGE, COVERAGE_BAND = 0.95, (0.93, 0.97)


def rubins_limits(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """k. Coverage of Rubin's limits with 30 % missing completely at random, m = 20, n = 200.

    Law: x, z ~ normal with correlation .5, log hazard ratios .5 and .3, C ~ uniform(.3, 3). Complete cases must be less
    efficient, and an imputation that does not know the outcome must bring the estimate towards 0.
    """
    found = repeat("k", _rubin, replicates, seed, workers)
    estimate, std_error, covered, alone, blind = found.T
    error_ratio, efficiency = np.mean(std_error) / np.std(estimate), np.std(estimate) / np.std(alone)
    return [
        share("k", "coverage of Rubin's limits, n = 200", covered, COVERAGE, COVERAGE_BAND),
        mean("k", "bias of the pooled estimate", estimate - TRUTH, 0.0, (-0.05, 0.05)),
        read_off("k", "standard error over spread of estimates", error_ratio, _room(replicates), replicates),
        read_off("k", "spread over that of complete cases", efficiency, (0.5, 1.0), replicates),
        inside("k", "bias of the estimate imputed without the outcome", blind - TRUTH, (-0.4, -0.1)),
    ]


def _room(replicates: int) -> tuple[float, float]:
    """10 % about 1, or three standard errors of an estimated spread."""
    room = max(0.1, 3 / np.sqrt(2 * replicates))
    return 1 - room, 1 + room


def _rubin(random: np.random.Generator) -> Floats:
    table, known = incomplete(random, TRUTH, 200)
    seed, spec = int(random.integers(2**31)), CoxPH("x + z")

    def estimate(*, outcome: bool) -> pd.Series:
        # One column is incomplete: one cycle of the chain is enough.
        step = MultipleImputation(m=M, iterations=1, seed=seed, outcome=outcome)
        return pooled(spec, step.fit(table, known), known).tidy().iloc[0]

    found, blind = estimate(outcome=True), estimate(outcome=False)
    alone = spec.fit(table, known).tidy().iloc[0]
    hit = covers(found["conf_low"], found["conf_high"], TRUTH)
    return np.array([found["estimate"], found["std_error"], hit, alone["estimate"], blind["estimate"]])


def null_marker(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """S10. C of a null marker in patients the model has not seen is .50 +- .015; imputed with their outcome, higher.

    Law: as k without any effect, n = 100, half to learn and half to score; .44 of the marker is missing.
    """
    found = repeat("S10", _null, replicates, seed, workers)
    return [
        mean("S10", "C of a null marker, scored without the outcome", found[:, 0], 0.5, (0.485, 0.515)),
        inside("S10", "what imputing it with the outcome adds", found[:, 1] - found[:, 0], (0.01, 0.1)),
    ]


def _null(random: np.random.Generator) -> Floats:
    table, outcome = incomplete(random, 0.0, 100)
    table.loc[random.random(100) < 0.2, "x"] = np.nan
    learn, new = np.arange(50), np.arange(50, 100)
    step, spec = MultipleImputation(m=3, iterations=1, seed=int(random.integers(2**31))), CoxPH("x + z")
    fit = Pipeline([step], spec).fit(table.iloc[learn], outcome.take(learn))
    honest = _score(outcome.take(new), fit.prognostic_index(table.iloc[new]))
    index = []
    for done in step.fit(table, outcome).development:
        one = spec.fit(done.iloc[learn], outcome.take(learn))
        index.append(one.prognostic_index(done.iloc[new]))
    return np.array([honest, _score(outcome.take(new), np.mean(index, axis=0))])


def _score(outcome: Outcome, index: object) -> float:
    return float(concordance(outcome, index).estimate)
