r"""Importance of a column in a forest: how much worse the forest ranks its own patients when the column is shuffled.

For each tree the values of a column are exchanged among the rows that the tree did not draw, and the out-of-bag index
is computed again. The importance is :math:`C - C^{*}`, Harrell's C of the out-of-bag index less that after shuffling
(Breiman 2001; Ishwaran et al. 2008), both within strata where there are any. A factor moves as a whole. Near 0 means
that the forest does as well without the column, which is not the same as no relation with the outcome: a column that
tells the same as another is hardly missed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, DataError, FitError
from survmodel.formatting import count_noun, format_number
from survmodel.frame import as_frame
from survmodel.kernels.concordance import harrell
from survmodel.kernels.risk_sets import build_risk_sets
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ForestImportance(Result):
    """Out-of-bag permutation importance.

    Attributes
    ----------
    variables : tuple of str
        Columns of the formula.
    decreases : ndarray, shape (n_variables, repeats)
        Decrease of out-of-bag C in each repeat.
    concordance : float
        Out-of-bag C with nothing shuffled.
    n, n_event : int
        Rows and events.
    conf_level : float
        Coverage of the limits.
    warnings : tuple of str
        What the reader must know.
    """

    variables: tuple[str, ...]
    decreases: Floats
    concordance: float
    n: int
    n_event: int
    conf_level: float = 0.95
    warnings: tuple[str, ...] = ()

    @property
    def repeats(self) -> int:
        """How often each column was shuffled."""
        return int(self.decreases.shape[1])

    def tidy(self) -> pd.DataFrame:
        """Give the importance of each column, in the order of the formula.

        Returns
        -------
        pandas.DataFrame
            Columns variable, estimate (mean decrease of C), std_error (of the shuffling alone), conf_low, conf_high.
        """
        mean = self.decreases.mean(axis=1)
        spread = self.decreases.std(axis=1, ddof=1) if self.repeats > 1 else np.full(mean.size, np.nan)
        error = spread / np.sqrt(self.repeats)
        z = normal_quantile(self.conf_level)
        return pd.DataFrame({
            "variable": self.variables,
            "estimate": mean,
            "std_error": error,
            "conf_low": mean - z * error,
            "conf_high": mean + z * error,
        })  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "concordance": self.concordance,
            "repeats": self.repeats,
            "conf_level": self.conf_level,
            "conventions": "out of bag; shuffled within each tree; limits are of the shuffling, not of the patients",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [one["variable"], format_number(one["estimate"], 3), format_number(one["std_error"], 4)]
            for one in self.tidy().sort_values("estimate", ascending=False, kind="stable").to_dict("records")
        ]
        title = f"Permutation importance: decrease of out-of-bag C ({format_number(self.concordance, 3)})"
        notes = (
            f"{count_noun(self.n, 'row')}, {count_noun(self.n_event, 'event')}, shuffled {self.repeats} times; the "
            "error is that of the shuffling, not of drawing other patients",
        )
        return Display(
            title, (Table(["variable", "decrease of C", "error"], rows),), notes, "sm.draw_importance(result)"
        )


def permutation_importance(
    fit: SurvivalForestFit,
    table: pd.DataFrame,
    outcome: Outcome,
    *,
    strata: object = None,
    repeats: int = 10,
    seed: int = 0,
    conf_level: float = 0.95,
) -> ForestImportance:
    """Shuffle each column out of bag and see how much of the forest's C is lost.

    Parameters
    ----------
    fit : SurvivalForestFit
        A grown forest.
    table : pandas.DataFrame
        The table it was grown on.
    outcome : Outcome
        The outcome it was grown on.
    strata : Series or array_like, shape (n,), optional
        Pairs are formed within strata.
    repeats : int
        How often each column is shuffled.
    seed : int
        The same seed shuffles alike.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    ForestImportance
        Decrease of out-of-bag C for each column.

    Raises
    ------
    DataError
        When table and outcome are not those of the fit.
    FitError
        Without a usable pair.

    References
    ----------
    Breiman L (2001). Machine Learning 45:5-32. Ishwaran H et al. (2008). Ann Appl Stat 2:841-860.

    Examples
    --------
    >>> from survmodel.models.survival_forest import RandomSurvivalForest
    >>> random = np.random.default_rng(3)
    >>> table = pd.DataFrame({"signal": random.normal(size=80), "noise": random.normal(size=80)})
    >>> outcome = Outcome(random.exponential(np.exp(-2 * table["signal"])), np.ones(80), unit="years")
    >>> fit = RandomSurvivalForest("signal + noise", n_trees=50).fit(table, outcome)
    >>> importance = permutation_importance(fit, table, outcome).tidy().set_index("variable")["estimate"]
    >>> bool(importance["signal"] > 0.1 > importance["noise"])
    True
    """
    if repeats < 1:
        raise ConfigError(f"repeats is {repeats}", remedy="give a whole number of at least 1")
    table = as_frame(table)
    _check_same_rows(fit, table, outcome)
    codes = read_groups(outcome, strata, "strata").codes[fit.rows]
    seen, total = _shuffled_index(fit, repeats, seed)
    own = fit.outcome.take(seen)
    sets = build_risk_sets(own.time, own.died, own.entry, codes[seen])
    ones = np.ones(own.n)
    whole = harrell(fit.oob_index[seen], ones, sets, own.died)
    if not np.isfinite(whole):
        raise FitError("no two rows form a usable pair", remedy="an event must come before another row's time")
    variables = fit.design.formula.variables
    decreases = np.array([
        [whole - harrell(np.ascontiguousarray(total[v, r, seen]), ones, sets, own.died) for r in range(repeats)]
        for v in range(len(variables))
    ])  # fmt: skip
    return ForestImportance(variables, frozen(decreases), whole, fit.n, fit.n_event, conf_level, fit.warnings)


def _check_same_rows(fit: SurvivalForestFit, table: pd.DataFrame, outcome: Outcome) -> None:
    outcome.check_rows(table)
    same = outcome.n > int(fit.rows.max()) and np.array_equal(outcome.time[fit.rows], fit.outcome.time)
    if not same or not table.iloc[fit.rows][list(fit.columns.columns)].equals(fit.columns):
        raise DataError(
            "these are not the rows that the forest was grown on",
            remedy="pass the table and the outcome of the fit: importance is read out of bag",
        )


def _shuffled_index(fit: SurvivalForestFit, repeats: int, seed: int) -> tuple[Ints, Floats]:
    """Give the rows with an out-of-bag index, and it after shuffling: shape (n_variables, repeats, n)."""
    blocks = [
        [place for place, column in enumerate(fit.coding.columns) if name in column.variables]
        for name in fit.design.formula.variables
    ]
    in_their_order = fit.engine.shuffled_mortality(fit.covariates, blocks, repeats, seed)
    index = np.empty_like(in_their_order)
    index[:, :, fit.order] = in_their_order
    return np.flatnonzero(np.isfinite(fit.oob_index)), index
