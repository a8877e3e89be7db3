"""A grown forest: its predictions for anybody, and what it says out of bag about its own rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import FitError
from survmodel.formatting import count_noun, format_count, format_number
from survmodel.frame import as_frame
from survmodel.kernels.concordance import harrell
from survmodel.kernels.risk_sets import build_risk_sets
from survmodel.models.forest_engine import Covariates, index_of, out_of_bag_survival, survival_of
from survmodel.models.forest_settings import ForestSettings
from survmodel.models.formula import Design
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SurvivalForestFit(Result):
    """A grown random survival forest.

    Attributes
    ----------
    spec : ForestSettings
        What was asked for.
    design : Design
        Columns and levels learnt from the analysed rows.
    engine : object
        The trees.
    order : ndarray of int64, shape (n,)
        Analysed rows in the order in which the trees know them.
    mtry, min_leaf : int
        Columns tried at a split and least rows of a leaf that were used.
    oob_index : ndarray, shape (n,)
        Out-of-bag ensemble mortality of the analysed rows, higher = worse; NaN for a row that every tree drew.
    outcome : Outcome
        Outcome of the analysed rows.
    rows : ndarray of int64
        Their positions in the table.
    columns : pandas.DataFrame
        Columns of the formula in the analysed rows.
    n_missing : int
        Rows left out for missing values.
    missing : tuple of (str, int)
        Missing values of each column that has some.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    spec: ForestSettings
    design: Design
    engine: Any
    order: Ints
    mtry: int
    min_leaf: int
    oob_index: Floats
    outcome: Outcome
    rows: Ints
    columns: pd.DataFrame
    n_missing: int = 0
    missing: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Analysed rows."""
        return self.outcome.n

    @property
    def n_event(self) -> int:
        """Events among them."""
        return self.outcome.n_event

    @property
    def oob_concordance(self) -> float:
        """Harrell's C of the out-of-bag index over all pairs of analysed rows.

        Raises
        ------
        FitError
            Without a usable pair among rows that have an out-of-bag index.
        """
        seen = np.flatnonzero(np.isfinite(self.oob_index))
        estimate = concordance_of(self.outcome.take(seen), self.oob_index[seen]) if seen.size else np.nan
        if not np.isfinite(estimate):
            raise FitError("no two rows form a usable pair", remedy="grow more trees, or bring more events")
        return estimate

    def prognostic_index(self, table: pd.DataFrame) -> Floats:
        """Predict ensemble mortality; for rows of the fit itself use :attr:`oob_index`.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula, in any order.

        Returns
        -------
        ndarray, shape (n,)
            Higher = worse.

        Raises
        ------
        DataError
            For absent columns, missing values, unseen levels.
        """
        return index_of(self.engine, self._covariates(table))

    def predict_survival(self, table: pd.DataFrame, times: npt.ArrayLike) -> Floats:
        """Predict the probability of being free of the event: the mean Kaplan-Meier curve of a row's leaves.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula.
        times : array_like, shape (n_times,)
            Times, at least 0.

        Returns
        -------
        ndarray, shape (n, n_times)
            NaN beyond the longest follow-up.

        Raises
        ------
        DataError
            For absent columns, missing values, unseen levels.
        EndpointError
            For negative or missing times.
        """
        return survival_of(self.engine, self._covariates(table), check_times(times))  # type: ignore[arg-type]

    def predict_risk(self, table: pd.DataFrame, times: npt.ArrayLike) -> Floats:
        """Predict the probability of the event by each time: one minus :meth:`predict_survival`.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula.
        times : array_like, shape (n_times,)
            Times, at least 0.

        Returns
        -------
        ndarray, shape (n, n_times)
            NaN beyond the longest follow-up.
        """
        risk: Floats = 1 - self.predict_survival(table, times)
        return risk

    def oob_risk(self, times: npt.ArrayLike) -> Floats:
        """Predict the risk of the analysed rows from the trees that did not draw them.

        Parameters
        ----------
        times : array_like, shape (n_times,)
            Times, at least 0.

        Returns
        -------
        ndarray, shape (n, n_times)
            NaN beyond the longest follow-up and for a row that every tree drew.
        """
        asked = check_times(times)  # type: ignore[arg-type]
        risk: Floats = np.empty((self.n, asked.size))
        risk[self.order] = 1 - out_of_bag_survival(self.engine, self.covariates, asked)
        return risk

    @property
    def covariates(self) -> Covariates:
        """Design matrix of the analysed rows in the order of the trees, shape (n, p)."""
        return self._covariates(self.columns)[self.order]

    def _covariates(self, table: pd.DataFrame) -> Covariates:
        return np.ascontiguousarray(self.design.matrix(as_frame(table)), dtype=np.float32)

    def tidy(self) -> pd.DataFrame:
        """Give what the forest says of its own rows.

        Returns
        -------
        pandas.DataFrame
            One row: measure, sample ("out of bag"), estimate, n, n_event. Limits come from
            ``concordance(fit.outcome, fit.oob_index)``.
        """
        values = ["Harrell C", "out of bag", self.oob_concordance, self.n, self.n_event]
        return pd.DataFrame([values], columns=["measure", "sample", "estimate", "n", "n_event"])

    def glance(self) -> pd.DataFrame:
        """Give counts, settings and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_missing": self.n_missing,
            "n_trees": self.spec.n_trees,
            "mtry": self.mtry,
            "min_leaf": self.min_leaf,
            "seed": self.spec.seed,
            "engine": self.spec.engine,
            "conventions": "log-rank splits; bootstrap rows; index = ensemble mortality; own rows out of bag only",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [["Harrell C, out of bag", format_number(self.oob_concordance, 3)]]
        title = (
            f"Random survival forest, {self.outcome.endpoint}: {count_noun(self.n, 'row')}, "
            f"{count_noun(self.n_event, 'event')}, {format_count(self.spec.n_trees)} trees"
        )
        settings = f"{count_noun(self.mtry, 'column')} tried at a split, leaves of at least {self.min_leaf} rows"
        left = (f"{count_noun(self.n_missing, 'row')} with missing values left out",) if self.n_missing else ()
        return Display(title, (Table(["measure", "estimate"], rows),), (settings, *left, *self.notes))


def concordance_of(outcome: Outcome, index: Floats) -> float:
    """Give Harrell's C over all pairs; NaN without a usable one.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind.
    index : ndarray, shape (n,)
        Higher = worse.

    Returns
    -------
    float
        C.
    """
    died = outcome.died
    return harrell(index, np.ones(outcome.n), build_risk_sets(outcome.time, died, outcome.entry), died)
