"""A grown forest: its predictions for anybody, and what it says out of bag about its own rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import FitError
from survmodel.formatting import count_noun, format_count, format_number
from survmodel.kernels.concordance import harrell
from survmodel.kernels.risk_sets import build_risk_sets
from survmodel.models.forest_columns import ForestColumns
from survmodel.models.forest_engine import ForestEngine
from survmodel.models.forest_predictions import ForestPredictions
from survmodel.models.forest_settings import ForestSettings
from survmodel.models.forest_tuning import TriedPair
from survmodel.models.formula import Design
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SurvivalForestFit(ForestPredictions, Result):
    """A grown random survival forest.

    Attributes
    ----------
    spec : ForestSettings
        What was asked for.
    coding : ForestColumns
        Columns and levels learnt from the analysed rows.
    engine : ForestEngine
        The trees.
    order : ndarray of int64, shape (n,)
        Analysed rows in the order in which the trees know them.
    mtry, min_leaf : int
        Columns tried at a split and least rows of a leaf that were used.
    oob_index : ndarray, shape (n,)
        Out-of-bag ensemble mortality of the analysed rows, higher = worse; NaN for a row that every tree drew.
    times : ndarray, shape (n_times,)
        Where curves are given unless other times are asked for: all event times up to 200, else 200 of them.
    outcome : Outcome
        Outcome of the analysed rows.
    rows : ndarray of int64
        Their positions in the table.
    columns : pandas.DataFrame
        Columns of the formula in the analysed rows.
    weights : ndarray, shape (n,), optional
        Case weights of the analysed rows, by which they were drawn.
    n_missing : int
        Rows left out for missing values.
    missing : tuple of (str, int)
        Missing values of each column that has some.
    tried : tuple of TriedPair
        What a tuning tried; empty without one.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    spec: ForestSettings
    coding: ForestColumns
    engine: ForestEngine
    order: Ints
    mtry: int
    min_leaf: int
    oob_index: Floats
    times: Floats
    outcome: Outcome
    rows: Ints
    columns: pd.DataFrame
    weights: Floats | None = None
    n_missing: int = 0
    missing: tuple[tuple[str, int], ...] = ()
    tried: tuple[TriedPair, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def design(self) -> Design:
        """What the formula learnt from the analysed rows."""
        return self.coding.design

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

    def oob_cumulative_hazard(self, times: npt.ArrayLike | None = None) -> Floats:
        """Predict the cumulative hazard of the analysed rows from the trees that did not draw them.

        Parameters
        ----------
        times : array_like, shape (n_times,), optional
            Times, at least 0; :attr:`times` without it.

        Returns
        -------
        ndarray, shape (n, n_times)
            NaN beyond the longest follow-up and for a row that every tree drew.
        """
        return self._unseen(self.engine.curves(self.covariates, self._asked(times), unseen=True)[0])

    def oob_survival(self, times: npt.ArrayLike | None = None) -> Floats:
        """Predict the survival of the analysed rows from the trees that did not draw them.

        Parameters
        ----------
        times : array_like, shape (n_times,), optional
            Times, at least 0; :attr:`times` without it.

        Returns
        -------
        ndarray, shape (n, n_times)
            NaN beyond the longest follow-up and for a row that every tree drew.
        """
        return self._unseen(self.engine.curves(self.covariates, self._asked(times), unseen=True)[1])

    def oob_risk(self, times: npt.ArrayLike | None = None) -> Floats:
        """Predict the risk of the analysed rows from the trees that did not draw them.

        Parameters
        ----------
        times : array_like, shape (n_times,), optional
            Times, at least 0; :attr:`times` without it.

        Returns
        -------
        ndarray, shape (n, n_times)
            NaN beyond the longest follow-up and for a row that every tree drew.
        """
        risk: Floats = 1 - self.oob_survival(times)
        return risk

    @property
    def covariates(self) -> Floats:
        """The analysed rows as the trees read them, and in their order, shape (n, p)."""
        return self.coding.values(self.columns)[self.order]

    def _unseen(self, in_their_order: Floats) -> Floats:
        """Put rows of the trees back in the order of the analysed rows."""
        curves = np.empty_like(in_their_order)
        curves[self.order] = in_their_order
        return curves

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
            "n_times": self.times.size,
            "conventions": self._conventions,
        }
        return pd.DataFrame([row])

    def tuning_table(self) -> pd.DataFrame:
        """Give the pairs that a tuning tried.

        Returns
        -------
        pandas.DataFrame
            Columns mtry, min_leaf, n_trees, estimate (out-of-bag C, NaN where no forest could be grown), chosen; no
            rows without a tuning.
        """
        rows = [
            [
                one.mtry,
                one.min_leaf,
                one.n_trees,
                one.concordance,
                (one.mtry, one.min_leaf) == (self.mtry, self.min_leaf),
            ]
            for one in self.tried
        ]
        return pd.DataFrame(rows, columns=["mtry", "min_leaf", "n_trees", "estimate", "chosen"])

    @property
    def _conventions(self) -> str:
        spec = self.spec
        drawn = f"{spec.n_draws(self.n)} rows {'with' if spec.replace else 'without'} replacement"
        weighted = "" if self.weights is None else ", by weight"
        cuts = "all cuts" if spec.random_cuts is None else count_noun(spec.random_cuts, "random cut")
        return (
            f"log-rank splits, {cuts}; {drawn}{weighted} for each tree; curves are means of leaves; "
            "index = ensemble mortality; own rows out of bag only"
        )

    def _display(self) -> Display:
        rows = [["Harrell C, out of bag", format_number(self.oob_concordance, 3)]]
        title = (
            f"Random survival forest, {self.outcome.endpoint}: {count_noun(self.n, 'row')}, "
            f"{count_noun(self.n_event, 'event')}, {format_count(self.spec.n_trees)} trees"
        )
        settings = f"{count_noun(self.mtry, 'column')} tried at a split, leaves of at least {self.min_leaf} drawn rows"
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
