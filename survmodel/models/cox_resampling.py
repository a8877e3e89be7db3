"""Refitting a Cox model with other counts, without building its table again.

Risk sets, design matrix and scaling do not change when rows count twice or not at all: only the counts that enter the
likelihood do. A count stands for tied rows, so that the estimates equal those of the replicated rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_likelihood import refuse_constant, refuse_few_events
from survmodel.models.cox_maximum import maximise_for

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CoxResampler:
    """A Cox model on fixed rows.

    Attributes
    ----------
    fit : CoxFit
        The fit in which every row counts once.
    """

    fit: CoxFit

    def index(self, counts: Ints) -> Floats:
        """Refit with other counts and predict the index of every row.

        Parameters
        ----------
        counts : ndarray of int64, shape (n,)
            How often each analysed row counts.

        Returns
        -------
        ndarray, shape (n,)
            Prognostic index, higher = worse; not centred.

        Raises
        ------
        FitError
            When the drawn rows have no events, a constant or collinear column, or no maximum.
        """
        return self.fit.data.x @ self.coefficients(counts) + self.fit.data.offset

    def coefficients(self, counts: Ints) -> Floats:
        """Estimate the coefficients with other counts.

        Parameters
        ----------
        counts : ndarray of int64, shape (n,)
            How often each analysed row counts.

        Returns
        -------
        ndarray, shape (p,)
            Log hazard ratios.
        """
        fit, data = self.fit, self.fit.data
        names = fit.design.names
        drawn = counts > 0
        spec = fit.spec
        refuse_few_events(float(counts[data.event].sum()), int(counts.sum()), names, spec.penalty)
        if spec.theta == 0:
            refuse_constant(data.x[drawn], names)
        order = fit.ordered.risk_sets.order
        count = np.ascontiguousarray(counts[order], dtype=np.float64)
        ordered = replace(fit.ordered, count=count, multiplicity=count)
        return maximise_for(spec, replace(data, count=counts.astype(np.float64)), ordered, names).beta
