"""The sandwich covariance of a parametric model: for weights that are not whole, and for rows of one patient."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.models.parametric_laws import Law
from survmodel.models.parametric_likelihood import ParametricRows, loglik_terms, read_parameters, row_scores
from survmodel.models.parametric_maximum import ParametricMaximum

Floats = npt.NDArray[np.float64]


def robust_covariance(
    rows: ParametricRows, maximum: ParametricMaximum, law: Law, cluster: npt.NDArray[np.int64] | None
) -> Floats:
    """Compute the sandwich covariance of the parameters.

    Parameters
    ----------
    rows : ParametricRows
        Data.
    maximum : ParametricMaximum
        Of the weighted likelihood.
    law : Law
        The distribution.
    cluster : ndarray of int64, shape (n,), optional
        Which rows belong together; each stands alone without it, counts counted.

    Returns
    -------
    ndarray, shape (k, k)
        As R's ``survreg(robust = TRUE)``.
    """
    scores = row_scores(rows, loglik_terms(rows, read_parameters(maximum.theta, law), law), law)
    if cluster is None:
        weighted = scores * (rows.weight * np.sqrt(rows.count))[:, np.newaxis]
    else:
        weighted = np.zeros((int(cluster.max()) + 1, scores.shape[1]))
        np.add.at(weighted, cluster, scores * rows.multiplicity[:, np.newaxis])
    moved = weighted @ maximum.covariance
    return moved.T @ moved
