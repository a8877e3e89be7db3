"""The maximum of the pseudo-likelihood of Fine and Gray."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.models.cox_likelihood import Maximum, refuse_constant
from survmodel.models.fine_gray_likelihood import FineGrayData, risk_sums, score_and_information
from survmodel.models.newton import Evaluated, find_maximum

Floats = npt.NDArray[np.float64]

REMEDY = (
    "leave columns out, or merge levels; a Cox model of the cause, CoxPH on outcome.cause_specific, takes a penalty"
)


def maximise(data: FineGrayData, names: tuple[str, ...]) -> Maximum:
    """Maximise the pseudo-likelihood by Newton's method with step halving.

    Parameters
    ----------
    data : FineGrayData
        Sorted rows.
    names : tuple of str
        Columns of the design matrix, for messages.

    Returns
    -------
    Maximum
        On the scale of the design matrix; `covariance` is the inverse information, without the sandwich.

    Raises
    ------
    FitError
        For constant, collinear or uninformative columns, and when the likelihood has no maximum.
    """

    def likelihood(beta: Floats) -> Evaluated:
        sums = risk_sums(data, beta)
        return Evaluated(sums.loglik, *score_and_information(data, sums))

    refuse_constant(data.features, names)
    return find_maximum(likelihood, names, data.scale, REMEDY)
