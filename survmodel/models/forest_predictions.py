"""What a forest predicts for anybody: the methods that a grown forest shares with one read from a file."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.models.forest_columns import ForestColumns
from survmodel.models.forest_engine import ForestEngine
from survmodel.models.kaplan_meier_fit import check_times

Floats = npt.NDArray[np.float64]


class ForestPredictions(Protocol):
    """Predictions of a forest.

    Attributes
    ----------
    coding : ForestColumns
        How a table is read.
    engine : ForestEngine
        The trees.
    times : ndarray, shape (n_times,)
        Where curves are given unless other times are asked for.
    """

    coding: ForestColumns
    engine: ForestEngine
    times: Floats

    def prognostic_index(self, table: pd.DataFrame) -> Floats:
        """Predict ensemble mortality; for rows that the forest was grown on use its out-of-bag index.

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
        return self.engine.mortality(self.coding.values(table))

    def predict_cumulative_hazard(self, table: pd.DataFrame, times: npt.ArrayLike | None = None) -> Floats:
        """Predict the cumulative hazard: the mean Nelson-Aalen hazard of a row's leaves.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula.
        times : array_like, shape (n_times,), optional
            Times, at least 0; :attr:`times` without it.

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
        return self.engine.curves(self.coding.values(table), self._asked(times))[0]

    def predict_survival(self, table: pd.DataFrame, times: npt.ArrayLike | None = None) -> Floats:
        """Predict the probability of being free of the event: the mean Kaplan-Meier curve of a row's leaves.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula.
        times : array_like, shape (n_times,), optional
            Times, at least 0; :attr:`times` without it.

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
        return self.engine.curves(self.coding.values(table), self._asked(times))[1]

    def predict_risk(self, table: pd.DataFrame, times: npt.ArrayLike | None = None) -> Floats:
        """Predict the probability of the event by each time: one minus :meth:`predict_survival`.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula.
        times : array_like, shape (n_times,), optional
            Times, at least 0; :attr:`times` without it.

        Returns
        -------
        ndarray, shape (n, n_times)
            NaN beyond the longest follow-up.
        """
        risk: Floats = 1 - self.predict_survival(table, times)
        return risk

    def _asked(self, times: npt.ArrayLike | None) -> Floats:
        return self.times if times is None else check_times(times)  # type: ignore[arg-type]
