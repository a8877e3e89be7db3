"""Refitting a parametric model with other counts of its rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.models.cox_likelihood import refuse_constant
from survmodel.models.parametric_fit import ParametricFit
from survmodel.models.parametric_likelihood import read_parameters
from survmodel.models.parametric_maximum import maximise

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ParametricResampler:
    """A parametric model on fixed rows that is refitted with other counts, each time from the fit of all rows.

    Attributes
    ----------
    fit : ParametricFit
        The fit in which every row counts once.
    """

    fit: ParametricFit

    def index(self, counts: Ints) -> Floats:
        """Refit with other counts and predict the index of every row.

        Parameters
        ----------
        counts : ndarray of int64, shape (n,)
            How often each analysed row counts.

        Returns
        -------
        ndarray, shape (n,)
            Prognostic index, higher = worse.

        Raises
        ------
        FitError
            When the drawn rows have no events, a constant or collinear column, or no maximum.
        """
        fit, names = self.fit, self.fit.design.names
        drawn = np.flatnonzero(np.asarray(counts) > 0)
        data = fit.data.take(drawn, np.asarray(counts, dtype=np.float64)[drawn])
        if not data.event.any():
            raise FitError("there are no events", "0 among the drawn rows")
        refuse_constant(data.x, names)
        theta = maximise(data, fit.spec.law, names, [fit.theta], first_climb=False).theta
        beta = read_parameters(theta, fit.spec.law).beta
        index: Floats = -(beta[0] + fit.data.x @ beta[1:] + fit.data.offset)
        return index
