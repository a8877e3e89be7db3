"""Refitting a model on replicated rows: what any model can do, and what faster ways must agree with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.models.contract import Model
from survmodel.outcome.response import Outcome
from survmodel.resampling import count_rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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
        drawn = count_rows(counts)
        fit = self.spec.fit(self.table.iloc[drawn], self.outcome.take(drawn))
        return fit.prognostic_index(self.table)
