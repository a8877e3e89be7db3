"""Random survival forest: trees grown on bootstrap samples, read only on patients that a tree has not seen.

Conventions: log-rank splits; every tree is grown on as many rows as there are, drawn with replacement; the prognostic
index is *ensemble mortality*, the cumulative hazard summed over the event times and averaged over the trees (Ishwaran
et al. 2008), higher = worse. What the forest shows of its own rows is out of bag: a row's index then comes from the
trees that did not draw it. The apparent (in-bag) performance of a forest says nothing and is given nowhere.

The engine is scikit-survival's; factors enter as the columns of our design matrix. Its trees know no entry times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, FitError, list_values
from survmodel.formatting import count_noun
from survmodel.models.forest_engine import grow, out_of_bag_index
from survmodel.models.forest_settings import ForestSettings
from survmodel.models.formula import Formula, parse_formula
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.checks import check_columns
from survmodel.outcome.response import Outcome
from survmodel.result import frozen, join_warnings

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
        Columns of the design matrix tried at each split; the square root of their number, rounded up, without it.
    min_leaf : int, optional
        Least rows in a leaf; a twentieth of the rows without it, at least 3 and at most 15.
    seed : int
        The same seed gives the same forest, whatever the order of rows.
    engine : {"scikit-survival"}
        What grows the trees.

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

    def fit(self, table: pd.DataFrame, outcome: Outcome) -> SurvivalForestFit:
        """Grow the forest on complete rows.

        Parameters
        ----------
        table : pandas.DataFrame, or a table of polars or pyarrow
            Columns of the formula; rows are those of the outcome.
        outcome : Outcome
            Times and events of one kind, without late entry.

        Returns
        -------
        SurvivalForestFit
            Predictions and out-of-bag results. Rows with a missing value are left out and counted.

        Raises
        ------
        DataError
            When rows differ from the outcome's, values cannot be coded, or no complete row is left.
        FitError
            Without events, with late entry, with a constant column, or with too few rows for two leaves.
        """
        table = read_table(table)
        check_outcome(outcome)
        died = outcome.died
        outcome.check_rows(table)
        if outcome.entry is not None:
            raise FitError(
                "a forest cannot be grown on left-truncated rows",
                f"{count_noun(int((outcome.entry > 0).sum()), 'row')} with a late entry",
                "use a Cox model, which counts a row as at risk from its entry",
            )
        formula = parse_formula(self.formula)
        absent = self._missing(formula, table)
        rows = np.flatnonzero(~absent.to_numpy(dtype=bool).any(axis=1))
        missing = tuple((str(name), int(absent[name].sum())) for name in absent.columns if absent[name].any())
        if rows.size == 0:
            raise DataError("no complete row is left", remedy="fill in, impute, or leave columns out")
        used, analysed = table.iloc[rows], outcome.take(rows)
        if not died[rows].any():
            raise FitError("there are no events", f"0 among {rows.size} analysed rows", "a forest needs events")
        design = formula.learn(used)
        x = np.ascontiguousarray(design.matrix(used), dtype=np.float32)
        _refuse_constant(x, design.names)
        leaf = self._leaf_size(rows.size)
        mtry = int(np.ceil(np.sqrt(x.shape[1]))) if self.mtry is None else min(self.mtry, x.shape[1])
        # Rows are grown in an order of their own, so that the forest does not depend on how the file was sorted.
        order = np.lexsort((*x.T[::-1], analysed.event, analysed.time)).astype(np.int64)
        engine = grow(x[order], analysed.take(order), n_trees=self.n_trees, mtry=mtry, min_leaf=leaf, seed=self.seed)
        oob_index = np.empty(rows.size)
        oob_index[order] = out_of_bag_index(engine, x[order])
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
            design=design,
            engine=engine,
            order=frozen(order, np.int64),
            mtry=mtry,
            min_leaf=leaf,
            oob_index=frozen(oob_index),
            outcome=analysed,
            rows=frozen(rows, np.int64),
            columns=used[list(formula.variables)],
            missing=missing,
            n_missing=int(len(table) - rows.size),
            warnings=join_warnings(warnings),
            notes=join_warnings(design.notes, outcome.notes),
        )

    def _missing(self, formula: Formula, table: pd.DataFrame) -> pd.DataFrame:
        formula.check_columns(map(str, table.columns))
        check_columns(table, list(formula.variables))
        return formula.missing(table)

    def _leaf_size(self, n: int) -> int:
        """Give the least rows of a leaf: a root that cannot be split predicts the same for everybody."""
        least = self.min_leaf or min(max(n // LEAF_SHARE, LEAF_BOUNDS[0]), LEAF_BOUNDS[1])
        if 2 * least > n:
            raise FitError(f"leaves of {least} rows cannot split {n}", remedy="use a smaller min_leaf, or more rows")
        return least


def _refuse_constant(x: npt.NDArray[np.float32], names: Sequence[str]) -> None:
    constant = [name for name, column in zip(names, x.T, strict=True) if column.min() == column.max()]
    if constant:
        raise FitError(
            f"{list_values(constant)} {'is' if len(constant) == 1 else 'are'} constant",
            f"in all {x.shape[0]} analysed rows",
            "leave it out of the formula",
        )
