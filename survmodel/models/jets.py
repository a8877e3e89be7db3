"""A function of a standardised log time w and a shape Q, with its first and second derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Jet:
    """Value and derivatives, each an array of one shape.

    Attributes
    ----------
    value : ndarray
        The function.
    w, ww : ndarray
        First and second derivative by w.
    q, wq, qq : ndarray
        Derivatives by the shape, 0 for laws without one.
    """

    value: Floats
    w: Floats
    ww: Floats
    q: Floats
    wq: Floats
    qq: Floats


def without_shape(value: Floats, w: Floats, ww: Floats) -> Jet:
    """Make a jet of a law that has no shape.

    Parameters
    ----------
    value, w, ww : ndarray
        Function, first and second derivative by w.

    Returns
    -------
    Jet
        Its derivatives by the shape are 0.
    """
    zero = np.zeros_like(value)
    return Jet(value, w, ww, zero, zero, zero)
