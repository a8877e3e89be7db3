"""What is tried where a forest is tuned by what it says out of bag.

Each pair of columns tried at a split (`mtry`) and least rows of a leaf (`min_leaf`) is grown on the same rows with the
same seed, so that every pair draws the same rows for its trees, and Harrell's C of the out-of-bag index chooses. Equal
pairs go to the larger leaf, and then to the fewer columns: the simpler trees. The largest of several estimates leans
upward, so that the out-of-bag C of the chosen pair is optimistic; :func:`~survmodel.performance.validation.validate`
makes the choice anew in every resample. Rows that are copies of each other, as in a bootstrap sample, are one row out
of bag, without which the smallest leaves would win by knowing the copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from survmodel.errors import ConfigError

#: Leaves tried where none are named, as multiples of what the forest would take untuned; none below the least.
LEAF_STEPS, LEAST_LEAF = (0.5, 1.0, 2.0, 4.0), 3


@dataclass(frozen=True, slots=True)
class ForestTuning:
    """What is tried.

    Parameters
    ----------
    mtry : sequence of int, optional
        Columns tried at a split. Without it, of p columns: 1, the square root of p rounded up, p / 2 rounded up, and p.
    min_leaf : sequence of int, optional
        Least rows of a leaf. Without it half, once, twice and four times what the forest would take untuned (a
        twentieth of the rows between 3 and 15), at least 3 and at most a quarter of the rows.
    n_trees : int, optional
        Trees of each pair that is tried; those of the forest without it. The chosen pair is grown with the forest's own
        number.
    strata : str, optional
        Column within whose levels pairs of patients are compared.

    Examples
    --------
    >>> import pandas as pd
    >>> from survmodel import Outcome, RandomSurvivalForest
    >>> random = np.random.default_rng(2)
    >>> table = pd.DataFrame({"x": random.normal(size=80), "z": random.normal(size=80)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(80))
    >>> tuning = ForestTuning(mtry=(1, 2), min_leaf=(3, 10))
    >>> fit = RandomSurvivalForest("x + z", n_trees=30, tuning=tuning).fit(table, outcome)
    >>> fit.tuning_table()[["mtry", "min_leaf"]].to_numpy().tolist()
    [[1, 3], [1, 10], [2, 3], [2, 10]]
    """

    mtry: tuple[int, ...] | None = None
    min_leaf: tuple[int, ...] | None = None
    n_trees: int | None = None
    strata: str | None = None

    def __post_init__(self) -> None:
        for name in ("mtry", "min_leaf"):
            given = getattr(self, name)
            if given is None:
                continue
            if isinstance(given, str) or not isinstance(given, Iterable):
                raise ConfigError(f"{name} of a tuning is {given!r}", remedy="give several whole numbers")
            values = tuple(given)
            if not values or not all(map(_is_whole, values)):
                raise ConfigError(f"{name} of a tuning is {given!r}", remedy="give whole numbers of at least 1")
            object.__setattr__(self, name, tuple(sorted(set(values))))
        if self.n_trees is not None and not _is_whole(self.n_trees):
            raise ConfigError(f"n_trees of a tuning is {self.n_trees!r}", remedy="give a whole number of at least 1")
        if self.strata is not None and not isinstance(self.strata, str):
            raise ConfigError(f"strata of a tuning is {self.strata!r}", remedy="give the name of a column")

    def pairs(self, n: int, p: int, leaf: int) -> list[tuple[int, int]]:
        """List the pairs of mtry and leaf that are tried.

        Parameters
        ----------
        n, p : int
            Rows and columns.
        leaf : int
            Least rows of a leaf untuned.

        Returns
        -------
        list of (int, int)
            In ascending order.

        Examples
        --------
        >>> ForestTuning(min_leaf=(5,)).pairs(100, 9, 5)
        [(1, 5), (3, 5), (5, 5), (9, 5)]
        >>> ForestTuning(mtry=(2,)).pairs(100, 9, 5)
        [(2, 3), (2, 5), (2, 10), (2, 20)]
        """
        columns = self.mtry or (1, int(np.ceil(np.sqrt(p))), int(np.ceil(p / 2)), p)
        most = max(n // 4, LEAST_LEAF)
        leaves = self.min_leaf or tuple(min(max(round(step * leaf), LEAST_LEAF), most) for step in LEAF_STEPS)
        return sorted({(min(one, p), size) for one in columns for size in leaves})


@dataclass(frozen=True, slots=True)
class TriedPair:
    """One pair and its out-of-bag C; NaN where such a forest could not be grown."""

    mtry: int
    min_leaf: int
    n_trees: int
    concordance: float


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
