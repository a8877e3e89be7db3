"""Many exponentials at once, in vector instructions, which the compiler has not for ``math.exp``."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from survmodel.kernels import kernel

Floats = npt.NDArray[np.float64]

#: Below it exp(x) has no longer all of its digits.
LEAST_EXPONENT = -708.0
LOG2_E = 1.4426950408889634
#: The logarithm of 2 in two parts. The first has so few digits that its product with a whole number is exact.
LOG_2_HIGH, LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10


@kernel()
def exponentials(values: Floats, largest: float, out: Floats, powers: npt.NDArray[np.int64]) -> None:
    """Write ``exp(values - largest)``, where `largest` is the largest value or more.

    With ``x = k log 2 + r`` and ``|r| <= log(2) / 2`` it is 2^k, whose bits are known, times the series of exp(r),
    right to the last digit but one; what is out of range is left to ``math.exp``. `powers` is as long as
    the values or longer and is overwritten.
    """
    outside = 0
    for i in range(values.shape[0]):
        x = values[i] - largest
        outside += not x >= LEAST_EXPONENT
        k = math.floor(x * LOG2_E + 0.5)
        r = x - k * LOG_2_HIGH - k * LOG_2_LOW
        powers[i] = (np.int64(k) + 1023) << 52
        series = 1.0 / 6227020800.0
        series = series * r + 1.0 / 479001600.0
        series = series * r + 1.0 / 39916800.0
        series = series * r + 1.0 / 3628800.0
        series = series * r + 1.0 / 362880.0
        series = series * r + 1.0 / 40320.0
        series = series * r + 1.0 / 5040.0
        series = series * r + 1.0 / 720.0
        series = series * r + 1.0 / 120.0
        series = series * r + 1.0 / 24.0
        series = series * r + 1.0 / 6.0
        series = series * r + 0.5
        series = series * r + 1.0
        out[i] = series * r + 1.0
    as_floats = powers.view(np.float64)
    for i in range(values.shape[0]):
        out[i] *= as_floats[i]
    if outside > 0:
        for i in range(values.shape[0]):
            out[i] = math.exp(values[i] - largest)
