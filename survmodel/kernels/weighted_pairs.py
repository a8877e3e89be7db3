r"""Weights of pairs of a case and a control, within strata, for every row and time.

With weights :math:`a_i` as a case and :math:`c_j` as a control at a time, and risks x, a row learns

.. math::
    b_i = \sum_j c_j\,\{1[x_j < x_i] + \tfrac12 1[x_j = x_i]\}, \qquad
    h_j = \sum_i a_i\,\{1[x_i > x_j] + \tfrac12 1[x_i = x_j]\}

over the rows of its stratum, by one walk up and one down the sorted risks. :math:`\sum_i a_i b_i = \sum_j c_j h_j` is
the weight of the pairs in the right order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@kernel(allocates=False)
def weigh_pairs(
    order: Ints, risk: Floats, stratum: Ints, case: Floats, control: Floats, below: Floats, above: Floats
) -> None:
    """Sum the weights of the controls with lower and of the cases with higher risk than each row.

    Parameters
    ----------
    order : ndarray of int64, shape (n, n_columns)
        Rows by stratum and then by risk, ascending; one column for all times or one for each.
    risk : ndarray, shape (n, n_columns)
        Risks in the order of the rows.
    stratum : ndarray of int64, shape (n,)
        Strata in the order of the rows.
    case, control : ndarray, shape (n, n_times)
        Weights as a case and as a control.
    below, above : ndarray, shape (n, n_times)
        Filled with the sums; tied risks count one half.
    """
    n, n_times = case.shape
    for k in range(n_times):
        m = k if order.shape[1] > 1 else 0
        begin = 0
        while begin < n:
            here = stratum[order[begin, m]]
            passed = 0.0
            row = begin
            while row < n and stratum[order[row, m]] == here:
                value = risk[order[row, m], m]
                tied = 0.0
                last = row
                while last < n and stratum[order[last, m]] == here and risk[order[last, m], m] == value:
                    tied += control[order[last, m], k]
                    last += 1
                for place in range(row, last):
                    below[order[place, m], k] = passed + tied / 2
                passed += tied
                row = last
            end = row
            passed = 0.0
            while row > begin:
                value = risk[order[row - 1, m], m]
                tied = 0.0
                first = row
                while first > begin and risk[order[first - 1, m], m] == value:
                    first -= 1
                    tied += case[order[first, m], k]
                for place in range(first, row):
                    above[order[place, m], k] = passed + tied / 2
                passed += tied
                row = first
            begin = end
