r"""Probabilities that a Cox model orders two patients rightly, summed over all pairs of each row within strata.

Of two rows with linear predictors x and y the one with the higher has the event first with probability

.. math:: k(x, y) = \frac1{1 + \exp(-|x - y|)},

1/2 where they are equal. Were the linear predictors stretched by b, the sum over pairs would rise by
:math:`\sum |x - y|\,k\,(1 - k)` for each unit of b at b = 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@kernel(allocates=False)
def sum_pair_probabilities(index: Floats, bounds: Ints, own: Floats) -> float:
    """Sum the probabilities of the pairs of each row.

    Parameters
    ----------
    index : ndarray, shape (n,)
        Linear predictors, the rows of a stratum side by side.
    bounds : ndarray of int64, shape (n_strata + 1,)
        Where each stratum begins, and the end.
    own : ndarray, shape (n,)
        Sums are added to it, in the order of `index`.

    Returns
    -------
    float
        Derivative of the sum over pairs, each counted once, by a slope of the index.
    """
    rise = 0.0
    for stratum in range(bounds.shape[0] - 1):
        for i in range(bounds[stratum], bounds[stratum + 1]):
            for j in range(i + 1, bounds[stratum + 1]):
                apart = abs(index[i] - index[j])
                odds = np.exp(-apart)
                right = 1.0 / (1.0 + odds)
                own[i] += right
                own[j] += right
                # 1 - k loses its digits where k is nearly 1; this does not
                rise += apart * right * (odds * right)
    return rise
