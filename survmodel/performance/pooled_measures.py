"""Measures of performance of m completed tables, pooled by Rubin's rules on the logit scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from survmodel.errors import DataError
from survmodel.models.pooling import PooledEstimates, pool_estimates
from survmodel.outcome.response import Outcome
from survmodel.performance.discrimination import Method, concordance


def pooled_concordance(
    outcome: Outcome,
    indices: Sequence[npt.ArrayLike],
    *,
    method: Method = "harrell",
    horizon: float | None = None,
    strata: object = None,
    censoring: Outcome | None = None,
    conf_level: float = 0.95,
) -> PooledEstimates:
    """Pool the concordance of an index that was computed in each completed table.

    Parameters
    ----------
    outcome : Outcome
        Of the rows.
    indices : sequence of array_like, shape (n,)
        The index in each completed table, higher = worse.
    method, horizon, strata, censoring
        As for :func:`~survmodel.performance.discrimination.concordance`.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    PooledEstimates
        One estimate, pooled on the logit scale.

    Raises
    ------
    DataError
        For fewer than two indices, or a C of 0 or 1, which has no logit.

    Examples
    --------
    >>> outcome = Outcome([5, 8, 2, 9, 4], [1, 1, 1, 0, 1])
    >>> indices = [[3, 1, 4, 2, 5], [2, 1, 4, 3, 5]]
    >>> pooled_concordance(outcome, indices).tidy()["estimate"].round(3).tolist()
    [0.753]
    """
    found = [
        concordance(outcome, index, method=method, horizon=horizon, strata=strata, censoring=censoring)
        for index in indices
    ]
    if not found:
        raise DataError("there is no index", remedy="give the index of each completed table")
    values, errors = [one.estimate for one in found], [one.std_error for one in found]
    return pool_estimates(values, errors, transform="logit", names=[found[0].name], conf_level=conf_level)


def pooled_auc(
    estimates: npt.ArrayLike, std_errors: npt.ArrayLike, times: npt.ArrayLike, *, conf_level: float = 0.95
) -> PooledEstimates:
    """Pool areas under the curve at fixed times.

    Parameters
    ----------
    estimates, std_errors : array_like, shape (m, n_times)
        AUC of each completed table and its standard error.
    times : array_like, shape (n_times,)
        Times.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    PooledEstimates
        One estimate for each time, pooled on the logit scale.

    Raises
    ------
    DataError
        For shapes that differ, or an AUC of 0 or 1, which has no logit.

    Examples
    --------
    >>> pooled_auc([[0.7, 0.8], [0.72, 0.78]], [[0.05, 0.05], [0.05, 0.05]], [12, 24]).tidy()["term"].tolist()
    ['AUC at 12', 'AUC at 24']
    """
    names = [f"AUC at {time:g}" for time in np.atleast_1d(np.asarray(times, dtype=np.float64))]
    return pool_estimates(estimates, std_errors, transform="logit", names=names, conf_level=conf_level)
