"""Checks m and n: tests of two readings and scores of the same patients, and lesions that come several to a patient."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from simulation.replicates import repeat
from simulation.rows import Row, covers, share

from survmodel import clustered_proportion, delong_test, mcnemar_test

Floats = npt.NDArray[np.float64]

LEVEL, N, Z = 0.05, 60, 1.959964
PATIENTS, SENSITIVITY, CORRELATION = 40, 0.8, 0.3


def paired_tests(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """m. Sizes at .05 in 60 patients, without a difference.

    Law: 24 of 60 have the condition; two scores, normal with variance 1 and correlation .5, are 1 higher there. Two
    readings are each positive in one half and differ in one of four.
    """
    found = repeat("m", _paired, replicates, seed, workers)
    return [
        share("m", "size of DeLong's test, n = 60", found[:, 0], LEVEL, (0.0, 0.065)),
        share("m", "size of McNemar's mid-p test, n = 60", found[:, 1], LEVEL, (0.03, 0.06)),
    ]


def _paired(random: np.random.Generator) -> Floats:
    truth = np.arange(N) < 24
    shared = random.normal(size=N)
    a, b = (truth + np.sqrt(0.5) * (shared + random.normal(size=N)) for _ in range(2))
    first = random.uniform(size=N) < 0.5
    second = np.where(random.uniform(size=N) < 0.25, ~first, first)
    return np.array([delong_test(truth, a, b).p_value < LEVEL, mcnemar_test(first, second).p_value < LEVEL])


def lesions(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """n. Limits of a sensitivity for lesions: those that count lesions cover too rarely, those by GEE do not.

    Law: 40 patients with 1 to 10 lesions; the sensitivity of a patient is beta with mean .8, so that two lesions of one
    patient have an intraclass correlation of .3.
    """
    found = repeat("n", _lesions, replicates, seed, workers)
    return [
        share("n", "coverage of Wilson limits that count lesions", found[:, 0], 0.85, (0.0, 0.9)),
        share("n", "coverage of limits by GEE", found[:, 1], 0.95, (0.93, 0.97)),
    ]


def _lesions(random: np.random.Generator) -> Floats:
    weight = (1 - CORRELATION) / CORRELATION
    patient = np.repeat(np.arange(PATIENTS), random.integers(1, 11, PATIENTS))
    own = random.beta(SENSITIVITY * weight, (1 - SENSITIVITY) * weight, PATIENTS)
    found = random.uniform(size=patient.size) < own[patient]
    p, n = found.mean(), found.size
    reach = Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    low, high = ((p + Z**2 / (2 * n) + step) / (1 + Z**2 / n) for step in (-reach, reach))
    result = clustered_proportion(found, patient)
    return np.array(
        [covers(low, high, SENSITIVITY), covers(result.conf_low, result.conf_high, SENSITIVITY)], dtype=float
    )
