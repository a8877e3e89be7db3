"""Replicates of a simulation: each has a stream of its own, so that blocks and workers change no number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

Floats = npt.NDArray[np.float64]
#: One replicate: numbers from a stream.
Draw = Callable[[np.random.Generator], Floats]
#: Replicates that one worker does in one piece.
BLOCK = 50


def stream(name: str, replicate: int, seed: int) -> np.random.Generator:
    """Give the stream of one replicate of one part of a check."""
    key = (*name.encode("utf-8"), replicate)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def repeat(name: str, draw: Draw, replicates: int, seed: int, workers: int = 1) -> Floats:
    """Give the numbers of every replicate, one row each."""
    starts = range(0, replicates, BLOCK)
    jobs = (delayed(_block)(name, draw, start, min(start + BLOCK, replicates), seed) for start in starts)
    return np.concatenate(Parallel(n_jobs=workers)(jobs))


def _block(name: str, draw: Draw, start: int, end: int, seed: int) -> Floats:
    return np.array([draw(stream(name, replicate, seed)) for replicate in range(start, end)], dtype=float)
