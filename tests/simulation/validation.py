"""Checks e, o, r, S4 and S8: corrected discrimination of models in small cohorts, against the truth."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from simulation.laws import diseases, noise, signal
from simulation.r_answers import answer
from simulation.r_answers import replicates as r_replicates
from simulation.replicates import repeat, stream
from simulation.rows import ERRORS, Row, inside, mean, read_off

from survmodel import CoxPH, DataDerivedCut, Outcome, Pipeline, RandomSurvivalForest, Ridge, concordance, validate

Floats = npt.NDArray[np.float64]

NOISE = "marker + a + b"
NOISE_SPECS = {
    "Cox": (CoxPH(NOISE), 100),
    "ridge": (CoxPH(NOISE, penalty=Ridge(2.0)), 100),
    "forest": (RandomSurvivalForest(NOISE, n_trees=25), 12),
    "cut": (Pipeline([DataDerivedCut("marker", min_events=1)], CoxPH("marker_high", penalty="firth")), 12),
}
#: Resamples of the optimism in R's answers.
RESAMPLES = 50
LARGEST_BIAS, SHARE_REMOVED = 0.03, 0.7
#: Tolerance of R's answers to check e.
SIMULATED_ELSEWHERE = 0.015
FOLLOW_UP = 1.4


def optimism(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """e. Apparent, corrected and true C of a Cox model, n = 80; at least 70 % of the optimism must be removed.

    Law: eight columns ~ normal(0, 1), log hazard ratio .5 for two of them, T ~ exponential, C ~ exponential with mean
    1.4. True: C in 4,000 other patients. The law behind R's answers is not stored; the mean of C was chosen so that
    apparent and true concordance are near R's, which are compared with the tolerance that is stored.
    """

    def near(target: float) -> tuple[float, float]:
        return target - SIMULATED_ELSEWHERE, target + SIMULATED_ELSEWHERE

    found = repeat("e", _optimism, replicates, seed, workers)
    apparent, corrected, true, slope, true_slope = found.T
    optimistic, bias = apparent - true, corrected - true
    r_optimism, r_bias = (float(answer("optimism", f"bias_{name}")) for name in ("apparent", "corrected"))
    r_true, told = float(answer("optimism", "true_c")), r_replicates("optimism")
    removed = np.mean(apparent - corrected) / np.mean(optimistic)
    room = ERRORS * np.std(bias) / np.sqrt(replicates) / np.mean(optimistic)
    return [
        mean("e", "optimism of the apparent C, as R", optimistic, r_optimism, near(r_optimism), simulated=told),
        mean("e", "true C, as R", true, r_true, near(r_true), simulated=told),
        mean("e", "bias of the corrected C", bias, 0.0, (-LARGEST_BIAS, LARGEST_BIAS)),
        mean("e", "bias of the corrected C, as R", bias, r_bias, near(r_bias), simulated=told),
        read_off("e", "share of the optimism removed", removed, (SHARE_REMOVED - room, 1.3 + room), replicates),
        mean("e", "bias of the corrected calibration slope", slope - true_slope, 0.0, (-0.06, 0.06)),
    ]


@cache
def _others() -> tuple[pd.DataFrame, Outcome]:
    return signal(stream("e truth", 0, 99), 4000, FOLLOW_UP)


def _optimism(random: np.random.Generator) -> Floats:
    large, outcome = _others()
    spec = CoxPH(list(large.columns))
    table, seen = signal(random, 80, FOLLOW_UP)
    scores = validate(spec, table, seen, repeats=RESAMPLES, fold_repeats=0, seed=int(random.integers(2**31))).scores
    one = scores["model"]
    index = spec.fit(table, seen).prognostic_index(large)
    slope = CoxPH("index").fit(pd.DataFrame({"index": index}), outcome).coefficients["index"]
    true = concordance(outcome, index).estimate
    return np.array([one.apparent, one.corrected, true, one.find("calibration slope").corrected, float(slope)])


def forest_on_noise(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """o. Out-of-bag C of a forest on noise, n = 100; the fit offers no other C of its own patients.

    Law: three columns ~ normal(0, 1) that tell nothing, T and C ~ exponential(1).
    """
    found = repeat("o", _forest, replicates, seed, workers)
    return [mean("o", "out-of-bag C of a forest on noise, n = 100", found[:, 0], 0.5, (0.47, 0.53))]


def _forest(random: np.random.Generator) -> Floats:
    table, outcome = noise(random, 100)
    fit = RandomSurvivalForest(NOISE, n_trees=100, seed=int(random.integers(2**31))).fit(table, outcome)
    return np.array([fit.oob_concordance])


def seeds(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """r. One seed gives the same bits twice, two seeds differ, and their difference has mean 0.

    Law: as e, n = 60; corrected C of a Cox model, and out-of-bag C of a forest.
    """
    found = repeat("r", _seeds, replicates, seed, workers)
    rows = []
    for name, part in (("corrected C of Cox", found[:, :3]), ("out-of-bag C of a forest", found[:, 3:])):
        rows += [
            read_off("r", f"{name}: same bits with the same seed", part[:, 0].mean(), (1, 1), replicates),
            read_off("r", f"{name}: differs with another seed", part[:, 1].mean(), (0.9, 1), replicates),
            mean("r", f"{name}: mean difference of two seeds", part[:, 2], 0.0),
        ]
    return rows


def _seeds(random: np.random.Generator) -> Floats:
    table, outcome = signal(random, 60)
    first, second = (int(one) for one in random.integers(2**31, size=2))
    spec = CoxPH(["x0", "x1", "x2"])

    def corrected(seed: int) -> float:
        found = validate(spec, table, outcome, repeats=20, fold_repeats=0, seed=seed)
        return float(found.scores["model"].corrected)

    def grown(seed: int) -> float:
        return float(RandomSurvivalForest("x0 + x1 + x2", n_trees=30, seed=seed).fit(table, outcome).oob_concordance)

    numbers = []
    for value in (corrected, grown):
        one, again, other = value(first), value(first), value(second)
        numbers += [one == again, one != other, one - other]
    return np.array(numbers, dtype=float)


def noise_is_noise(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """S8. Mean corrected C of Cox, ridge, forest and a data-derived cut on noise, n = 50, is .50 +- .04.

    Law: three columns ~ normal(0, 1) that tell nothing, T and C ~ exponential(1). The apparent C is far above.
    """
    rows = []
    for name, (spec, resamples) in NOISE_SPECS.items():
        found = repeat(f"S8 {name}", _Noise(spec, resamples), replicates, seed, workers)
        rows += [
            inside("S8", f"corrected C on noise, {name}, n = 50", found[:, 0], (0.46, 0.54)),
            read_off("S8", f"apparent C on noise, {name}, n = 50", found[:, 1].mean(), (0.57, 1), replicates),
        ]
        if name in ("forest", "cut"):
            # What .632+ is made of; it is never below 1/2 itself, which lifts its mean.
            rows.append(mean("S8", f"C outside the resamples on noise, {name}, n = 50", found[:, 2], 0.5))
    return rows


class _Noise:
    """One cohort of noise: corrected and apparent C of a spec, and C outside the resamples."""

    def __init__(self, spec: CoxPH | RandomSurvivalForest | Pipeline, resamples: int) -> None:
        self.spec, self.resamples = spec, resamples

    def __call__(self, random: np.random.Generator) -> Floats:
        table, outcome = noise(random)
        seed = int(random.integers(2**31))
        found = validate(self.spec, table, outcome, repeats=self.resamples, fold_repeats=0, seed=seed).scores["model"]
        return np.array([found.corrected, found.apparent, found.concordance.outside])


def diseases_only(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """S4. A marker that only tells the disease: headline C (within diseases) .50, pooled C above .6, n = 150.

    Law: two diseases, marker ~ normal(0 or 1.5, 1), T ~ exponential with mean 2 or .4, C ~ uniform(.5, 4).
    """
    found = repeat("S4", _diseases, replicates, seed, workers)
    return [
        mean("S4", "corrected C within diseases, n = 150", found[:, 0], 0.5, (0.48, 0.52)),
        read_off("S4", "pooled C, n = 150", found[:, 1].mean(), (0.6, 1), replicates),
    ]


def _diseases(random: np.random.Generator) -> Floats:
    table, outcome = diseases(random)
    spec, seed = CoxPH("marker"), int(random.integers(2**31))
    found = validate(spec, table, outcome, strata=table["disease"], repeats=30, fold_repeats=0, seed=seed)
    pooled = concordance(outcome, spec.fit(table, outcome).prognostic_index(table)).estimate
    return np.array([found.scores["model"].corrected, pooled])
