"""Random numbers by the name of the step that draws them.

A step has a stream of its own, found by its name and the seed of the study. Adding a step, or drawing more in one,
changes no other: the scenarios of one seed have the same patients and scans and differ in what becomes of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def stream(seed: int, step: str) -> np.random.Generator:
    """Begin the stream of a step.

    Parameters
    ----------
    seed : int
        Seed of the study.
    step : str
        Name of the step.

    Returns
    -------
    numpy.random.Generator
        Its random numbers, from the beginning.

    Examples
    --------
    >>> bool(stream(1, "sex").random() == stream(1, "sex").random())
    True
    >>> bool(stream(1, "sex").random() == stream(1, "age").random())
    False
    """
    words = np.frombuffer(hashlib.sha256(step.encode()).digest(), dtype="<u4")
    sequence = np.random.SeedSequence(seed, spawn_key=tuple(int(word) for word in words))
    return np.random.Generator(np.random.PCG64(sequence))


def even_uniforms(seed: int, step: str, n: int) -> Floats:
    """Draw one number from each of n equal parts of (0, 1), in random order.

    A small study then holds about the number of events that it was planned for. Which patient has which number is
    random, so that nothing depends on anything.

    Parameters
    ----------
    seed : int
        Seed of the study.
    step : str
        Name of the step.
    n : int
        How many.

    Returns
    -------
    ndarray of float, shape (n,)
        The numbers.
    """
    generator = stream(seed, step)
    return np.asarray((generator.permutation(n) + generator.uniform(1e-9, 1 - 1e-9, n)) / n)


def pick(
    seed: int, step: str, among: Sequence[int] | Ints, count: int, weights: Floats | None = None
) -> frozenset[int]:
    """Pick some of several positions without putting any back.

    Parameters
    ----------
    seed : int
        Seed of the study.
    step : str
        Name of the step.
    among : sequence of int
        The positions.
    count : int
        How many to pick, at most as many as there are.
    weights : ndarray of float, optional
        How likely each is, relative to the others.

    Returns
    -------
    frozenset of int
        The positions picked.
    """
    positions = np.asarray(among, dtype=np.int64)
    chance = None if weights is None else weights / weights.sum()
    picked = stream(seed, step).choice(positions, min(count, positions.size), replace=False, p=chance)
    return frozenset(int(one) for one in picked)
