"""The check of claims: how often added value is supported where there is none."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
from performance.test_added_value import BASE, FULL, cohort
from simulation.replicates import repeat
from simulation.rows import Row, share

from survmodel import added_value

Floats = npt.NDArray[np.float64]
KINDS = ("plain", "misspecified", "missing", "confounded")
MOST = 0.065


def null_claims(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """D21. At most 6.5 % of studies without added value are supported: n = 100, a quarter of the replicates a kind.

    Law: see ``cohort``: age tells, the marker is correlated with it; the risk bends with age, three in ten lack the
    marker, or entities differ in uptake and hazard in opposite directions.
    """
    each = max(replicates // len(KINDS), 1)
    found = {kind: repeat(f"D21{kind}", partial(_supported, kind), each, seed, workers) for kind in KINDS}
    rows = [
        share("D21", f"null studies supported, {kind}", values[:, 0], 0.05, (0.0, MOST))
        for kind, values in found.items()
    ]
    every = np.concatenate(list(found.values()))[:, 0]
    return [*rows, share("D21", "null studies supported, all kinds", every, 0.05, (0.0, MOST))]


def _supported(kind: str, random: np.random.Generator) -> Floats:
    table, outcome = cohort(kind, int(random.integers(2**31)))
    firth = [replace(spec, penalty="firth") for spec in (BASE, FULL)]
    found = added_value(
        *firth, table, outcome, repeats=60, strata=table["entity"], entity="entity", smallest_useful=1.25,
        simulations=199, seed=0,
    )  # fmt: skip
    return np.array([found.claim.level == "supported"], dtype=float)
