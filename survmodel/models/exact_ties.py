"""Cox models of discrete times: the partial likelihood with the exact treatment of ties."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.kernels.exact_ties import exact_likelihood
from survmodel.kernels.risk_sets import build_risk_sets
from survmodel.models.cox_likelihood import CoxData, Maximum, SortedData, refuse_constant
from survmodel.models.newton import Evaluated, find_maximum

Floats = npt.NDArray[np.float64]

#: With more deaths than this at one time the sums over sets leave the range of floats.
MOST_DEATHS = 500
REMEDY = (
    "a group has no events, or a covariate orders the events perfectly: merge levels, leave the covariate out, or use "
    'Firth\'s penalised likelihood, ties="efron" and penalty="firth"'
)


def maximise_exact(data: CoxData, ordered: SortedData, names: tuple[str, ...]) -> Maximum:
    """Maximise the exact partial likelihood.

    Parameters
    ----------
    data, ordered : CoxData, SortedData
        Rows in table order and sorted. A count stands for as many rows.
    names : tuple of str
        Columns of the design matrix, for messages.

    Returns
    -------
    Maximum
        On the scale of the design matrix.

    Raises
    ------
    FitError
        For constant, collinear or uninformative columns, for more deaths at one time than can be computed, and when
        the likelihood has no maximum.

    References
    ----------
    Cox DR (1972). J R Stat Soc B 34:187-220. Gail MH, Lubin JH, Rubinstein LV (1981). Biometrika 68:703-707.
    """
    refuse_constant(data.x, names)
    rows = np.repeat(np.arange(data.time.size), data.count.astype(np.int64))
    entry = None if data.entry is None else data.entry[rows]
    sets = build_risk_sets(data.time[rows], data.event[rows], entry, data.stratum[rows])
    _refuse_many_deaths(int(np.max(sets.after_deaths - sets.first_death, initial=0)))
    rows = rows[sets.order]
    features = np.ascontiguousarray((data.x[rows] - ordered.centre) / ordered.scale)
    offset = data.offset[rows]

    def likelihood(beta: Floats) -> Evaluated:
        score, information = np.empty(beta.size), np.empty((beta.size, beta.size))
        loglik = exact_likelihood(features, features @ beta + offset, sets, score, information)
        return Evaluated(loglik, score, information)

    return find_maximum(likelihood, names, ordered.scale, REMEDY)


def _refuse_many_deaths(most: int) -> None:
    if most > MOST_DEATHS:
        raise FitError(
            f"{most} deaths at one time are too many for exact ties",
            f"at most {MOST_DEATHS} can be computed",
            'use ties="efron"',
        )
