r"""Minimal depth: how near the root the trees of a forest first split on a column.

The depth of the root is 0. The *minimal depth* of a column in a tree is the depth of its first split, the one nearest
the root (Ishwaran et al. 2010); a tree that never splits on the column has its own depth instead, that of its deepest
leaf, one more than any split can have. Columns that matter are split on early.

With no effect of any column a split falls on each of the *p* columns alike. In a tree of depth *D* that has
:math:`L_d` splits at depths up to *d* the mean of the minimal depth is then

.. math::
    \sum_{d=0}^{D-1} (1 - 1/p)^{L_d} ,

which is the mean of the distribution that Ishwaran et al. give, with what is left of it at *D*. The threshold is the
average of it over the trees, each with its own splits. It is a rule of thumb: a column with many values has more cuts
to win by than a factor of two levels, and a tree has more splits at a depth when columns do matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError
from survmodel.formatting import count_noun, format_count, format_number
from survmodel.kernels.forest_trees import LEAF, Trees
from survmodel.models.grown_trees import GrownTrees
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MinimalDepth(Result):
    """Minimal depth of the columns of a forest.

    Attributes
    ----------
    variables : tuple of str
        Columns that a split may use.
    depth : ndarray, shape (n_variables, n_trees)
        Minimal depth of each column in each tree, that of the tree where it is not used.
    splits : ndarray of int64, shape (n_variables, n_trees)
        Splits on each column in each tree.
    expected : ndarray, shape (n_trees,)
        Mean minimal depth of a column in each tree with no effect of any.
    tree_depth : ndarray of int64, shape (n_trees,)
        Depth of the deepest leaf of each tree.
    n, n_event : int
        Rows and events.
    warnings : tuple of str
        What the reader must know.
    """

    variables: tuple[str, ...]
    depth: Floats
    splits: Ints
    expected: Floats
    tree_depth: Ints
    n: int
    n_event: int
    warnings: tuple[str, ...] = ()

    @property
    def threshold(self) -> float:
        """Mean minimal depth with no effect of any column."""
        return float(self.expected.mean())

    def tidy(self) -> pd.DataFrame:
        """Give the minimal depth of each column, in the order of the formula.

        Returns
        -------
        pandas.DataFrame
            Columns variable, estimate (mean minimal depth), used (share of trees that split on it), root (share in
            which it splits the root), splits (their number in all trees), below (whether below the threshold).
        """
        mean = self.depth.mean(axis=1)
        return pd.DataFrame({
            "variable": self.variables,
            "estimate": mean,
            "used": (self.splits > 0).mean(axis=1),
            "root": ((self.depth == 0) & (self.splits > 0)).mean(axis=1),
            "splits": self.splits.sum(axis=1),
            "below": mean < self.threshold,
        })  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Give counts, the threshold and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_trees": self.expected.size,
            "threshold": self.threshold,
            "tree_depth": float(self.tree_depth.mean()),
            "conventions": "root 0; unused: depth of the tree; threshold: mean with no effect, by the splits of each "
            "tree",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [
                str(one["variable"]),
                format_number(one["estimate"], 2),
                "yes" if one["below"] else "no",
                format_number(100 * one["used"], 0),
                format_number(100 * one["root"], 0),
                format_count(int(one["splits"])),
            ]
            for one in self.tidy().sort_values("estimate", kind="stable").to_dict("records")
        ]
        header = ["column", "minimal depth", "below threshold", "used, % of trees", "at the root, %", "splits"]
        title = (
            f"Minimal depth in {format_count(self.expected.size)} trees, threshold {format_number(self.threshold, 2)}"
        )
        notes = (
            f"{count_noun(self.n, 'row')}, {count_noun(self.n_event, 'event')}; trees are "
            f"{format_number(self.tree_depth.mean(), 1)} deep on average",
            "mean depth of the first split on a column, root 0, the depth of the tree where it is never used; "
            "threshold: the mean with no effect of any column, a rule of thumb that favours columns of many values",
        )
        return Display(title, (Table(header, rows),), notes)


def minimal_depth(fit: SurvivalForestFit) -> MinimalDepth:
    """See how near the root the trees of a forest split on each column.

    Parameters
    ----------
    fit : SurvivalForestFit
        A forest of our own engine.

    Returns
    -------
    MinimalDepth
        Mean depth of the first split on each column, and how often it is used.

    Raises
    ------
    ConfigError
        For a forest of another engine.

    References
    ----------
    Ishwaran H, Kogalur UB, Gorodeski EZ, Minn AJ, Lauer MS (2010). High-dimensional variable selection for survival
    data. J Am Stat Assoc 105:205-217.

    Examples
    --------
    >>> from survmodel import Outcome, RandomSurvivalForest
    >>> random = np.random.default_rng(3)
    >>> table = pd.DataFrame({"signal": random.normal(size=80), "noise": random.normal(size=80)})
    >>> outcome = Outcome(random.exponential(np.exp(-2 * table["signal"])), np.ones(80), unit="years")
    >>> fit = RandomSurvivalForest("signal + noise", n_trees=50).fit(table, outcome)
    >>> minimal_depth(fit).tidy().set_index("variable")["below"].to_dict()
    {'signal': True, 'noise': False}
    """
    engine = fit.engine
    if not isinstance(engine, GrownTrees):
        raise ConfigError("minimal depth reads our own trees", fit.spec.engine, 'use engine="survmodel"')
    names = tuple(column.name for column in fit.coding.columns)
    first, splits, expected, deepest = _read_depths(engine.trees, len(names))
    return MinimalDepth(
        variables=names,
        depth=frozen(first),
        splits=frozen(splits, np.int64),
        expected=frozen(expected),
        tree_depth=frozen(deepest, np.int64),
        n=fit.n,
        n_event=fit.n_event,
        warnings=fit.warnings,
    )


def _node_depths(trees: Trees) -> Ints:
    """Give the depth of every node; children stand behind their parent, so that all trees go down together."""
    roots = trees.node_bounds[:-1]
    depth = np.zeros(trees.feature.size, dtype=np.int64)
    root_of = np.repeat(roots, np.diff(trees.node_bounds))
    level = roots
    while level.size:
        inner = level[trees.feature[level] != LEAF]
        left = root_of[inner] + trees.left[inner]
        level = np.concatenate([left, left + 1])
        depth[left], depth[left + 1] = depth[inner] + 1, depth[inner] + 1
    return depth


def _read_depths(trees: Trees, p: int) -> tuple[Floats, Ints, Floats, Ints]:
    """Give minimal depth and splits of each column, mean minimal depth with no effect, and depth, tree by tree."""
    n_trees = trees.node_bounds.size - 1
    depth = _node_depths(trees)
    tree = np.repeat(np.arange(n_trees), np.diff(trees.node_bounds))
    deepest = np.maximum.reduceat(depth, trees.node_bounds[:-1])
    first = np.tile(deepest.astype(np.float64), (p, 1))
    splits = np.zeros((p, n_trees), dtype=np.int64)
    inner = np.flatnonzero(trees.feature != LEAF)
    np.minimum.at(first, (trees.feature[inner], tree[inner]), depth[inner])
    np.add.at(splits, (trees.feature[inner], tree[inner]), 1)
    at_depth = np.zeros((n_trees, int(deepest.max(initial=0)) + 1))
    np.add.at(at_depth, (tree[inner], depth[inner]), 1)
    below = np.arange(at_depth.shape[1]) < deepest[:, np.newaxis]
    expected = np.where(below, (1 - 1 / p) ** np.cumsum(at_depth, axis=1), 0.0).sum(axis=1)
    return first, splits, expected, deepest
