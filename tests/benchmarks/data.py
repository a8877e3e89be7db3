"""Data of the benchmarks: a seeded cohort like those of PET studies, written once and read by Python and R alike.

A third of the columns is binary, a third lognormal as volumes are, the rest normal; they are correlated. Times are
whole days, so that many are tied, and 35 % of patients have the event.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

EVENT_SHARE = 0.35
#: Last rows of the cohort of a forest, which no forest is trained on.
HELD_OUT = 500


class Cohort(NamedTuple):
    """Columns as rows of x, times in days, events, and an index that orders patients imperfectly."""

    x: npt.NDArray[np.float64]
    time: npt.NDArray[np.float64]
    event: npt.NDArray[np.int32]
    index: npt.NDArray[np.float64]

    @property
    def n_bytes(self) -> int:
        """Size of what a fit is given."""
        return self.x.nbytes + self.time.nbytes + self.event.nbytes


def simulate(n: int, p: int, seed: int = 7) -> Cohort:
    """Draw a cohort of n patients with p columns."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(p, n)) + 0.5 * rng.normal(size=n)
    third = p // 3
    x[:third] = x[:third] > 0.4
    np.exp(0.6 * x[third : 2 * third], out=x[third : 2 * third])
    beta = 0.5 * (-1.0) ** np.arange(p) / np.sqrt(1 + np.arange(p))
    risk = beta @ x
    died = 1500 * (rng.exponential(size=n) * np.exp(risk.mean() - risk)) ** 0.8
    left = rng.random(n)
    # A patient is censored at left * end; the death comes first where end > died / left.
    end = np.quantile(died / left, EVENT_SHARE)
    event = died <= end * left
    time = np.ceil(np.where(event, died, end * left))
    return Cohort(x, time, event.astype(np.int32), risk + rng.normal(size=n))


def write(cohort: Cohort, folder: Path) -> None:
    """Write each array as bare numbers, column after column."""
    for name, values in cohort._asdict().items():
        values.tofile(folder / f"{name}.bin")


def read(folder: Path) -> Cohort:
    """Read what ``write`` wrote."""
    time = np.fromfile(folder / "time.bin")
    x = np.fromfile(folder / "x.bin").reshape(-1, time.size)
    return Cohort(x, time, np.fromfile(folder / "event.bin", np.int32), np.fromfile(folder / "index.bin"))


def one_thread() -> dict[str, str]:
    """Environment in which every library keeps to one thread."""
    names = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
    return {**os.environ, **{f"{name}_NUM_THREADS": "1" for name in names}}
