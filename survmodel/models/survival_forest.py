"""Random survival forest: trees grown on drawn rows, read only on patients that a tree has not seen.

Conventions: splits have the largest log-rank statistic among the cuts tried; every tree is grown on as many rows as
there are, drawn with replacement; the prognostic index is *ensemble mortality*, the cumulative hazard summed over the
event times and averaged over the trees (Ishwaran et al. 2008), higher = worse. What the forest shows of its own rows is
out of bag: a row's index then comes from the trees that did not draw it. The apparent (in-bag) performance of a forest
says nothing and is given nowhere.

The engine is our own; scikit-survival's is an alternative to check it by. Trees know no entry times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, FitError
from survmodel.formatting import count_noun
from survmodel.kernels.forest_trees import GrowthRules
from survmodel.models.forest_columns import ForestColumns, learn_columns, refuse_constant
from survmodel.models.forest_engine import ForestEngine, choose_grid
from survmodel.models.forest_scikit_survival import grow_scikit
from survmodel.models.forest_settings import ForestSettings
from survmodel.models.formula import Formula, parse_formula
from survmodel.models.grown_trees import (
    MANY_BINS,
    MANY_ROWS,
    MOST_CODES,
    GrownTrees,
    Sampling,
    code_column,
    code_level,
    grow,
    place_times,
)
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.models.tuned_forest import tune
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.checks import check_columns
from survmodel.outcome.response import Outcome
from survmodel.outcome.weights import read_weights
from survmodel.result import frozen, join_warnings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: With fewer events than this a forest is stamped exploratory (STATISTICS of the study may say otherwise).
ENOUGH_EVENTS = 50
#: Least rows of a leaf where nothing else is asked for: a twentieth of the rows, within these bounds. Large leaves in a
#: small cohort make out-of-bag predictions lean against a patient's own outcome (C below 1/2 on noise).
LEAF_SHARE, LEAF_BOUNDS = 20, (3, 15)


@dataclass(frozen=True, slots=True)
class RandomSurvivalForest(ForestSettings):
    """Random survival forest.

    Parameters
    ----------
    formula : str or sequence of str
        Right-hand side in the formula language, without offsets. Entities and scanners enter as columns: a forest has
        no strata.
    n_trees : int
        Number of trees.
    mtry : int, optional
        Columns tried at each split, a factor being one; the square root of their number, rounded up, without it. More
        are tried while all are constant in the node.
    min_leaf : int, optional
        Least rows in a leaf, each counted as often as it was drawn; a twentieth of the rows without it, at least 3 and
        at most 15.
    seed : int
        The same seed gives the same forest, whatever the order of rows and the number of threads.
    engine : {"survmodel", "scikit-survival"}
        What grows the trees. scikit-survival knows the parameters above; factors enter it as 0/1 columns, which are
        tried one by one, and its leaves count a row once.
    min_events : int
        Least events in a leaf.
    max_depth : int, optional
        Most splits above a leaf.
    random_cuts : int, optional
        Cuts of a column that are tried at a split, drawn from the values in the node; all without it.
    replace : bool
        Whether a tree may draw a row again.
    sample_fraction : float, optional
        Rows drawn for a tree as a share of all; 1 with and .632 without replacement unless given.
    missing : {"leave out", "direction"}
        What becomes of rows with a missing value. "leave out" leaves them out and counts them, and refuses to predict
        for them. "direction" keeps them: at each split missing values are tried on both sides and stay on the better
        one; where the node had none, they later follow the most rows.
    n_jobs : int
        Threads that grow trees.
    tuning : ForestTuning, optional
        Grids of `mtry` and `min_leaf`, which are then left out here; the out-of-bag C chooses.

    Notes
    -----
    Levels of an ordered category are cut in their order, those of any other factor in the order of their observed over
    expected events in the node; a level that a node has not seen follows the most rows. Cuts of numbers lie halfway
    between neighbours in the node. Up to 100,000 rows every value and every event time counts; above, values are put in
    255 bins and event times on a grid of 200.

    References
    ----------
    Ishwaran H et al. (2008). Random survival forests. Ann Appl Stat 2:841-860.

    Examples
    --------
    >>> import numpy as np
    >>> from survmodel import Outcome
    >>> table = pd.DataFrame({"x": np.arange(60.0)})
    >>> outcome = Outcome(61.0 - table["x"], np.ones(60), unit="months")
    >>> fit = RandomSurvivalForest("x", n_trees=50).fit(table, outcome)
    >>> bool(fit.oob_index[-1] > fit.oob_index[0])
    True
    """

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns that the forest uses."""
        strata = () if self.tuning is None or self.tuning.strata is None else (self.tuning.strata,)
        return tuple(dict.fromkeys([*parse_formula(self.formula).variables, *strata]))

    def fit(self, table: pd.DataFrame, outcome: Outcome, weights: object = None) -> SurvivalForestFit:
        """Grow the forest.

        Parameters
        ----------
        table : pandas.DataFrame, or a table of polars or pyarrow
            Columns of the formula; rows are those of the outcome.
        outcome : Outcome
            Times and events of one kind, without late entry.
        weights : Series or array_like, shape (n,), optional
            Case weights: rows are drawn with probabilities in proportion to them.

        Returns
        -------
        SurvivalForestFit
            Predictions and out-of-bag results. Rows that are left out are counted.

        Raises
        ------
        DataError
            When rows differ from the outcome's, values cannot be coded, weights are negative, or no complete row is
            left.
        ConfigError
            For weights where rows are drawn without replacement, or by another engine.
        FitError
            Without events, with late entry, with a constant column, with too few rows for two leaves, or when no tree
            has a split.
        """
        table = read_table(table)
        check_outcome(outcome)
        died = outcome.died
        outcome.check_rows(table)
        if self.tuning is not None:
            return tune(self, table, outcome, weights)
        _refuse_late_entry(outcome)
        self._refuse_weights(weights)
        formula = parse_formula(self.formula)
        rows, missing = self._rows(formula, table)
        used, analysed = (table if rows.size == len(table) else table.iloc[rows]), outcome.take(rows)
        if not died[rows].any():
            raise FitError("there are no events", f"0 among {rows.size} analysed rows", "a forest needs events")
        leaf, own = self._leaf_size(rows.size), self.engine == "survmodel"
        coding = learn_columns(formula, used, gaps=self.missing == "direction", whole_factors=own)
        values = coding.values(used)
        refuse_constant(coding, values)
        mtry = int(np.ceil(np.sqrt(values.shape[1]))) if self.mtry is None else min(self.mtry, values.shape[1])
        share = None if weights is None else read_weights(outcome, weights)[rows]
        event_times, place = place_times(analysed.time, analysed.died)
        order = _order_of_trees(place, values, analysed, share)
        values, in_order = values[order], analysed.take(order)
        engine: ForestEngine
        if own:
            cumulative = np.empty(0) if share is None else np.cumsum(share[order])
            engine = self._grow(coding, values, in_order, event_times, place[order], cumulative, mtry, leaf)
        else:
            engine = grow_scikit(values, in_order, n_trees=self.n_trees, mtry=mtry, min_leaf=leaf, seed=self.seed)
        oob_index = np.empty(rows.size)
        oob_index[order] = engine.mortality(values, unseen=True)
        unseen = int(np.isnan(oob_index).sum())
        warnings = [*outcome.warnings]
        if unseen:
            warnings.append(f"{count_noun(unseen, 'row')} drawn by every tree, without an out-of-bag index; grow more")
        if analysed.n_event < ENOUGH_EVENTS:
            warnings.append(
                f"exploratory: a forest of {count_noun(analysed.n_event, 'event')}, fewer than {ENOUGH_EVENTS}"
            )
        return SurvivalForestFit(
            spec=self,
            coding=coding,
            engine=engine,
            order=frozen(order, np.int64),
            mtry=mtry,
            min_leaf=leaf,
            oob_index=frozen(oob_index),
            times=frozen(choose_grid(engine.event_times)),
            outcome=analysed,
            rows=frozen(rows, np.int64),
            columns=used[list(formula.variables)],
            weights=None if share is None else frozen(share),
            missing=missing,
            n_missing=int(len(table) - rows.size),
            warnings=join_warnings(warnings),
            notes=join_warnings(coding.design.notes, outcome.notes),
        )

    def _rows(self, formula: Formula, table: pd.DataFrame) -> tuple[Ints, tuple[tuple[str, int], ...]]:
        """Choose the rows to be analysed, and count the missing values of each column."""
        formula.check_columns(map(str, table.columns))
        check_columns(table, list(formula.variables))
        absent = formula.missing(table)
        missing = tuple((str(name), int(absent[name].sum())) for name in absent.columns if absent[name].any())
        if self.missing == "direction":
            return np.arange(len(table)), missing
        rows = np.flatnonzero(~absent.to_numpy(dtype=bool).any(axis=1))
        if rows.size == 0:
            raise DataError("no complete row is left", remedy="fill in, impute, or leave columns out")
        return rows, missing

    def _refuse_weights(self, weights: object) -> None:
        if weights is not None and not self.replace:
            raise ConfigError("rows cannot be drawn by weight without replacement", remedy="leave out replace=False")
        if weights is not None and self.engine != "survmodel":
            raise ConfigError(f"{self.engine} draws all rows alike", remedy='leave out weights, or engine="survmodel"')

    def _leaf_size(self, n: int) -> int:
        """Give the least rows of a leaf: a root that cannot be split predicts the same for everybody."""
        least = self.min_leaf or min(max(n // LEAF_SHARE, LEAF_BOUNDS[0]), LEAF_BOUNDS[1])
        if 2 * least > n:
            raise FitError(f"leaves of {least} rows cannot split {n}", remedy="use a smaller min_leaf, or more rows")
        return least

    def _grow(
        self,
        coding: ForestColumns,
        values: Floats,
        outcome: Outcome,
        event_times: Floats,
        place: npt.NDArray[np.int32],
        cumulative: Floats,
        mtry: int,
        leaf: int,
    ) -> GrownTrees:
        """Grow our own trees on rows in their order."""
        most = MANY_BINS if outcome.n > MANY_ROWS else MOST_CODES
        columns = (
            code_column(own, most) if column.kind == "number" else code_level(own, len(column.levels))
            for column, own in zip(coding.columns, values.T, strict=True)
        )
        n_draws = self.n_draws(outcome.n)
        rules = GrowthRules(
            mtry=mtry,
            least_rows=leaf,
            least_events=self.min_events,
            most_depth=self.max_depth or n_draws,
            random_cuts=self.random_cuts or 0,
            n_draws=n_draws,
            replace=self.replace,
        )
        states = np.asarray(np.random.SeedSequence(self.seed).generate_state(self.n_trees, np.uint64), dtype=np.uint64)
        trees = grow(
            columns, coding.unordered, place, outcome.died, event_times.size,
            rules=rules, cumulative=cumulative, states=states, n_jobs=self.n_jobs,
        )  # fmt: skip
        return GrownTrees(
            trees=trees,
            event_times=event_times,
            last_time=float(outcome.time.max()),
            unordered=coding.unordered,
            states=states,
            sampling=Sampling(n_draws, self.replace, cumulative),
            first_copy=_first_copies(values, outcome),
            n_rows=outcome.n,
        )


def _refuse_late_entry(outcome: Outcome) -> None:
    if outcome.entry is not None:
        raise FitError(
            "a forest cannot be grown on left-truncated rows",
            f"{count_noun(int((outcome.entry > 0).sum()), 'row')} with a late entry",
            "use a Cox model, which counts a row as at risk from its entry",
        )


def _order_of_trees(place: npt.NDArray[np.int32], values: Floats, outcome: Outcome, weights: Floats | None) -> Ints:
    """Order rows by time and by what they hold, so that the forest does not depend on how the file was sorted."""
    last = [] if weights is None else [weights]
    return np.lexsort((*last, *values.T[::-1], outcome.event, outcome.time, place)).astype(np.int64)


def _first_copies(values: Floats, outcome: Outcome) -> Ints:
    """Find the first of each set of rows that hold the same and stand side by side, as in a bootstrap sample."""
    same = (outcome.time[1:] == outcome.time[:-1]) & (outcome.event[1:] == outcome.event[:-1])
    for own in values.T:
        same &= (own[1:] == own[:-1]) | (np.isnan(own[1:]) & np.isnan(own[:-1]))
    return np.flatnonzero(np.append(True, ~same))
