"""Many exponentials at once, in vector instructions, which the compiler has not for ``math.exp``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from survmodel.kernels import kernel

Floats = npt.NDArray[np.float64]

#: Below it exp(x) has no longer all of its digits.
LEAST_EXPONENT = -708.0
LOG2_E = 1.4426950408889634
#: The logarithm of 2 in two parts. The first has so few digits that its product with a whole number is exact.
LOG_2_HIGH, LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10


@intrinsic
def _float_of_bits(_context: Any, _bits: Any) -> Any:  # noqa: ANN401 - types of the compiler
    """Read 64 bits as a float; numba's view of an array would take seconds to compile."""
    signature = types.float64(types.int64)
    return signature, lambda target, builder, _, given: builder.bitcast(given[0], target.get_value_type(types.float64))


#: As it is called in a kernel, where the compiler supplies its context.
float_of_bits: Callable[[np.int64], float] = cast(Any, _float_of_bits)


@kernel()
def exponentials(values: Floats, largest: float, out: Floats) -> None:
    """Write ``exp(values - largest)``, where `largest` is the largest value or more.

    With ``x = k log 2 + r`` and ``|r| <= log(2) / 2`` it is 2^k, whose bits are known, times the series of exp(r),
    right to the last digit but one; what is out of range is left to ``math.exp``.
    """
    outside = 0
    for i in range(values.shape[0]):
        x = values[i] - largest
        outside += not x >= LEAST_EXPONENT
        k = math.floor(x * LOG2_E + 0.5)
        r = x - k * LOG_2_HIGH - k * LOG_2_LOW
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
        out[i] = (series * r + 1.0) * float_of_bits((np.int64(k) + 1023) << 52)
    if outside > 0:
        for i in range(values.shape[0]):
            out[i] = math.exp(values[i] - largest)
