r"""Importance of a column in a forest: how much worse the forest ranks its own patients when the column is shuffled.

For each tree the values of a column are exchanged among the rows that the tree did not draw, and the out-of-bag index
is computed again. The importance is :math:`C - C^{*}`, Harrell's C of the out-of-bag index less that after shuffling
(Breiman 2001; Ishwaran et al. 2008), both within strata where there are any. A factor moves as a whole, and so does a
named group of columns. Near 0 means that the forest does as well without the column, which is not the same as no
relation with the outcome: a column that tells the same as another is hardly missed unless both are shuffled together.

Limits are those of drawing other patients; :mod:`survmodel.models.forest_subsampling` tells how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, DataError, FitError, closest, list_values
from survmodel.formatting import count_noun, format_interval, format_number, format_significant
from survmodel.frame import as_frame
from survmodel.kernels.concordance import harrell
from survmodel.kernels.risk_sets import build_risk_sets
from survmodel.models.forest_subsampling import SubsampledErrors, subsampled_errors
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Fewer subsamples tell nothing of a spread.
LEAST_SUBSAMPLES = 10
#: A subsample is shuffled no more often: its shuffling error is small beside that of drawing it.
FEW_REPEATS = 3
#: Columns that are shuffled together, by the name of their row.
Shuffled = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ForestImportance(Result):
    """Out-of-bag permutation importance.

    Attributes
    ----------
    variables : tuple of str
        Columns of the formula, then groups of them.
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
    subsampled : SubsampledErrors, optional
        Errors of drawing other patients; without them there are no limits.
    groups : tuple of (str, tuple of str)
        Columns of each group.
    """

    variables: tuple[str, ...]
    decreases: Floats
    concordance: float
    n: int
    n_event: int
    conf_level: float = 0.95
    warnings: tuple[str, ...] = ()
    subsampled: SubsampledErrors | None = None
    groups: Shuffled = ()

    @property
    def repeats(self) -> int:
        """How often each column was shuffled."""
        return int(self.decreases.shape[1])

    @property
    def subsamples(self) -> int:
        """Subsamples from which the limits come; 0 without limits."""
        return 0 if self.subsampled is None else self.subsampled.used

    def tidy(self) -> pd.DataFrame:
        """Give the importance of each column, in the order of the formula, then of each group.

        Returns
        -------
        pandas.DataFrame
            Columns variable, estimate (mean decrease of C), std_error, conf_low, conf_high (of drawing other patients;
            NaN without subsamples), shuffling_error (of the shuffling alone).
        """
        mean = self.decreases.mean(axis=1)
        spread = self.decreases.std(axis=1, ddof=1) if self.repeats > 1 else np.full(mean.size, np.nan)
        error = np.full(mean.size, np.nan) if self.subsampled is None else self.subsampled.std_error
        z = normal_quantile(self.conf_level)
        return pd.DataFrame({
            "variable": self.variables,
            "estimate": mean,
            "std_error": error,
            "conf_low": mean - z * error,
            "conf_high": mean + z * error,
            "shuffling_error": spread / np.sqrt(self.repeats),
        })  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        drawn = self.subsampled
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "concordance": self.concordance,
            "repeats": self.repeats,
            "conf_level": self.conf_level,
            "subsamples": self.subsamples,
            "subsamples_failed": 0 if drawn is None else drawn.asked - drawn.used,
            "subsample_size": 0 if drawn is None else drawn.size,
            "subsample_trees": 0 if drawn is None else drawn.n_trees,
            "conventions": f"out of bag; shuffled within each tree; {self._kind_of_limits}",
        }
        return pd.DataFrame([row])

    @property
    def _kind_of_limits(self) -> str:
        return "no limits" if self.subsampled is None else "limits of drawing other patients by the delete-d jackknife"

    def _display(self) -> Display:
        rows = [
            [
                one["variable"],
                format_number(one["estimate"], 3),
                format_interval(one["conf_low"], one["conf_high"], 3),
                format_number(one["shuffling_error"], 4),
            ]
            for one in self.tidy().sort_values("estimate", ascending=False, kind="stable").to_dict("records")
        ]
        title = f"Permutation importance: decrease of out-of-bag C ({format_number(self.concordance, 3)})"
        counts = f"{count_noun(self.n, 'row')}, {count_noun(self.n_event, 'event')}, shuffled {self.repeats} times"
        groups = tuple(f"{name}: {list_values(columns)} together" for name, columns in self.groups)
        header = ["column", "decrease of C", f"{format_significant(100 * self.conf_level)}% limits", "shuffling error"]
        return Display(title, (Table(header, rows),), (counts, *groups, self.limits_note), "sm.draw_importance(result)")

    @property
    def limits_note(self) -> str:
        """What the limits mean, in one sentence."""
        drawn = self.subsampled
        if drawn is None:
            return "No limits: the shuffling error is that of the shuffling alone, not of drawing other patients."
        failed = drawn.asked - drawn.used
        lost = f"; {count_noun(failed, 'more subsample')} failed" if failed else ""
        return (
            "Limits are those of drawing other patients, by the delete-d jackknife: the forest was grown anew on "
            f"{count_noun(drawn.used, 'draw')} of {drawn.size} of the {self.n} patients, with "
            f"{count_noun(drawn.n_trees, 'tree')} each{lost}; they are rather too wide than too narrow."
        )


def permutation_importance(  # noqa: PLR0913 - options by name
    fit: SurvivalForestFit,
    table: pd.DataFrame,
    outcome: Outcome,
    *,
    strata: object = None,
    repeats: int = 10,
    seed: int = 0,
    conf_level: float = 0.95,
    groups: Mapping[str, Sequence[str]] | None = None,
    limits: Literal["subsampling"] | None = "subsampling",
    subsamples: int = 100,
    n_jobs: int = 1,
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
        The same seed shuffles and draws alike.
    conf_level : float
        Coverage of the limits.
    groups : mapping of str to sequence of str, optional
        Columns of the formula that are also shuffled together, by the name of their row.
    limits : {"subsampling", None}
        Limits that mean drawing other patients: the forest is grown anew on subsamples of half the patients, with as
        many trees as it has, up to 100. None gives no limits, at a hundredth of the cost.
    subsamples : int
        How many, drawn within strata and events; at least 10.
    n_jobs : int
        Workers that grow forests on subsamples.

    Returns
    -------
    ForestImportance
        Decrease of out-of-bag C for each column and each group.

    Raises
    ------
    ConfigError
        For a group whose columns are not in the formula or whose name is taken, and for limits of a forest of
        scikit-survival's engine, which takes too long.
    DataError
        When table and outcome are not those of the fit.
    FitError
        Without a usable pair, or when more than one subsample in five fails.

    References
    ----------
    Breiman L (2001). Machine Learning 45:5-32. Ishwaran H et al. (2008). Ann Appl Stat 2:841-860. Ishwaran H, Lu M
    (2019). Stat Med 38:558-582. Shao J, Wu CFJ (1989). Ann Stat 17:1176-1197.

    Examples
    --------
    >>> from survmodel.models.survival_forest import RandomSurvivalForest
    >>> random = np.random.default_rng(3)
    >>> table = pd.DataFrame({"signal": random.normal(size=80), "noise": random.normal(size=80)})
    >>> outcome = Outcome(random.exponential(np.exp(-2 * table["signal"])), np.ones(80), unit="years")
    >>> fit = RandomSurvivalForest("signal + noise", n_trees=50).fit(table, outcome)
    >>> importance = permutation_importance(fit, table, outcome, subsamples=20).tidy().set_index("variable")
    >>> bool(importance["conf_low"]["signal"] > 0.1), bool(importance["conf_low"]["noise"] < 0)
    (True, True)
    """
    _check_request(fit, repeats, limits, subsamples)
    shuffled = _read_groups_of_columns(fit, groups)
    table = as_frame(table)
    _check_same_rows(fit, table, outcome)
    codes = read_groups(outcome, strata, "strata").codes[fit.rows]
    whole, decreases = _decreases(fit, codes, shuffled, repeats, seed)
    drawn = None
    if limits is not None:
        drawn = subsampled_errors(
            fit, table.iloc[fit.rows], codes, decreases.mean(axis=1),
            partial(_mean_decrease, shuffled=shuffled, repeats=min(repeats, FEW_REPEATS), seed=seed),
            subsamples=subsamples, seed=seed, n_jobs=n_jobs,
        )  # fmt: skip
    lost = (
        []
        if drawn is None or drawn.used == drawn.asked
        else [f"{drawn.asked - drawn.used} of {drawn.asked} subsamples failed, most often: {drawn.failures[0][0]}"]
    )
    names = tuple(name for name, _ in shuffled)
    return ForestImportance(
        names, frozen(decreases), whole, fit.n, fit.n_event, conf_level, join_warnings(fit.warnings, lost), drawn,
        shuffled[len(fit.design.formula.variables) :],
    )  # fmt: skip


def _check_request(fit: SurvivalForestFit, repeats: int, limits: str | None, subsamples: int) -> None:
    if repeats < 1:
        raise ConfigError(f"repeats is {repeats}", remedy="give a whole number of at least 1")
    if limits is None:
        return
    if limits != "subsampling":
        raise ConfigError(f"limits {limits!r} are not available", closest(str(limits), ["subsampling"]), "or None")
    if subsamples < LEAST_SUBSAMPLES:
        raise ConfigError(f"subsamples is {subsamples}", remedy=f"give a whole number of at least {LEAST_SUBSAMPLES}")
    if fit.spec.engine != "survmodel":
        raise ConfigError(
            "limits of importance need the forest to be grown many times",
            f"{fit.spec.engine} takes too long",
            'use limits=None, or engine="survmodel"',
        )


def _read_groups_of_columns(fit: SurvivalForestFit, groups: Mapping[str, Sequence[str]] | None) -> Shuffled:
    """List what is shuffled: each column of the formula, then each group."""
    variables = fit.design.formula.variables
    listed: list[tuple[str, tuple[str, ...]]] = [(name, (name,)) for name in variables]
    for name, columns in (groups or {}).items():
        if name in variables:
            raise ConfigError(f"a group is named as the column {name}", remedy="give it another name")
        if isinstance(columns, str) or not len(columns):
            raise ConfigError(f"the group {name} is no list of columns", remedy='write groups={"name": ["a", "b"]}')
        for column in columns:
            if column not in variables:
                raise ConfigError(f"{column} of the group {name} is not in the formula", closest(column, variables))
        listed.append((str(name), tuple(dict.fromkeys(columns))))
    return tuple(listed)


def _decreases(
    fit: SurvivalForestFit, codes: Ints, shuffled: Shuffled, repeats: int, seed: int
) -> tuple[float, Floats]:
    """Give out-of-bag C, and what is lost of it, shape (n_shuffled, repeats)."""
    seen, total = _shuffled_index(fit, shuffled, repeats, seed)
    own = fit.outcome.take(seen)
    sets = build_risk_sets(own.time, own.died, own.entry, codes[seen])
    ones = np.ones(own.n)
    whole = harrell(fit.oob_index[seen], ones, sets, own.died)
    if not np.isfinite(whole):
        raise FitError("no two rows form a usable pair", remedy="an event must come before another row's time")
    after = [
        [harrell(np.ascontiguousarray(index[seen]), ones, sets, own.died) for index in of_block] for of_block in total
    ]
    return whole, whole - np.array(after)


def _mean_decrease(fit: SurvivalForestFit, codes: Ints, shuffled: Shuffled, repeats: int, seed: int) -> Floats:
    """Average over the repeats: what a subsample is asked for."""
    mean: Floats = _decreases(fit, codes, shuffled, repeats, seed)[1].mean(axis=1)
    return mean


def _check_same_rows(fit: SurvivalForestFit, table: pd.DataFrame, outcome: Outcome) -> None:
    outcome.check_rows(table)
    same = outcome.n > int(fit.rows.max()) and np.array_equal(outcome.time[fit.rows], fit.outcome.time)
    if not same or not table.iloc[fit.rows][list(fit.columns.columns)].equals(fit.columns):
        raise DataError(
            "these are not the rows that the forest was grown on",
            remedy="pass the table and the outcome of the fit: importance is read out of bag",
        )


def _shuffled_index(fit: SurvivalForestFit, shuffled: Shuffled, repeats: int, seed: int) -> tuple[Ints, Floats]:
    """Give the rows with an out-of-bag index, and it after shuffling: shape (n_shuffled, repeats, n)."""
    blocks = [
        [place for place, column in enumerate(fit.coding.columns) if not set(names).isdisjoint(column.variables)]
        for _, names in shuffled
    ]
    in_their_order = fit.engine.shuffled_mortality(fit.covariates, blocks, repeats, seed)
    index = np.empty_like(in_their_order)
    index[:, :, fit.order] = in_their_order
    return np.flatnonzero(np.isfinite(fit.oob_index)), index
