"""Refitting a model on replicated rows: what any model can do, and what faster ways must agree with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import SurvmodelError
from survmodel.models.contract import Fit, Model, Refits, Resampler
from survmodel.outcome.response import Outcome
from survmodel.resampling import count_rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class RowResampler:
    """A model on a table of which rows are taken as often as they count.

    Attributes
    ----------
    spec : Model
        What is fitted.
    table : pandas.DataFrame
        Complete rows.
    outcome : Outcome
        Their outcome.
    """

    spec: Model
    table: pd.DataFrame
    outcome: Outcome

    def index(self, counts: Ints) -> Floats:
        """Refit on the counted rows and predict the index of every row.

        Parameters
        ----------
        counts : ndarray of int64, shape (n,)
            How often each row counts.

        Returns
        -------
        ndarray, shape (n,)
            Prognostic index, higher = worse.

        Raises
        ------
        SurvmodelError
            When the drawn rows cannot be fitted, or a row has a level that was not drawn.
        """
        return self._fit(counts).prognostic_index(self.table)

    def _fit(self, counts: Ints) -> Fit:
        drawn = count_rows(counts)
        return self.spec.fit(self.table.iloc[drawn], self.outcome.take(drawn))

    def refit(self, counts: Ints, times: Floats, wanted: Bools | None = None) -> Refits:
        """Refit on the counted rows of each draw and predict the others, or every row.

        Parameters
        ----------
        counts : ndarray of int64, shape (b, n)
            How often each row counts in each draw.
        times : ndarray, shape (n_times,)
            Times at which risks are predicted; none is asked for without them.
        wanted : ndarray of bool, shape (b, n), optional
            Rows that are predicted in each draw; all without it.

        Returns
        -------
        Refits
            A draw fails when it cannot be fitted, or a row has a level that was not drawn.
        """
        b, n = counts.shape
        index, risk, reasons = np.full((b, n), np.nan), np.full((b, n, times.size), np.nan), []
        for draw, count in enumerate(counts):
            try:
                fit = self._fit(count)
                rows = np.arange(n) if wanted is None else np.flatnonzero(wanted[draw])
                shown = self.table if wanted is None else self.table.iloc[rows]
                predicted = fit.prognostic_index(shown)
                if times.size:
                    risk[draw, rows] = fit.predict_risk(shown, times)
            except SurvmodelError as error:
                reasons.append(str(error))
                continue
            index[draw, rows] = predicted
            reasons.append("")
        return Refits(index, risk, tuple(reasons))


@dataclass(frozen=True, slots=True, eq=False)
class OneByOne:
    """A resampler of indices, asked for one draw after the other.

    Attributes
    ----------
    resampler : Resampler
        What refits.
    """

    resampler: Resampler

    def index(self, counts: Ints) -> Floats:
        """Refit with the counts of one draw, shape (n,), and predict the index of every row."""
        return self.resampler.index(counts)

    def refit(self, counts: Ints, times: Floats, wanted: Bools | None = None) -> Refits:  # noqa: ARG002 - all cost nothing
        """Refit on each draw and predict every row.

        Parameters
        ----------
        counts : ndarray of int64, shape (b, n)
            How often each row counts in each draw.
        times : ndarray, shape (0,)
            No times: risks are not known here.
        wanted : ndarray of bool, shape (b, n), optional
            Rows that are to be predicted; all are.

        Returns
        -------
        Refits
            Without risks.
        """
        assert not times.size
        index, reasons = np.full(counts.shape, np.nan), []
        for draw, count in enumerate(counts):
            try:
                index[draw] = self.resampler.index(count)
            except SurvmodelError as error:
                reasons.append(str(error))
            else:
                reasons.append("")
        return Refits(index, np.empty((*counts.shape, 0)), tuple(reasons))
