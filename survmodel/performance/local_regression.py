r"""Local straight lines: the smoother that asks for no model.

At a place *a* the line is fitted to the share `span` of the rows nearest to it, with tricube weights
:math:`(1 - (|x_i - a| / h)^3)^3`, *h* the distance of the farthest of them (R's ``loess`` of degree 1 with
``surface = "direct"``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def local_lines(x: Floats, y: Floats, places: Floats, counts: Floats, span: float) -> Floats:
    """Smooth y over x.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        The rows.
    places : ndarray, shape (k,)
        Where the curve is read.
    counts : ndarray, shape (n,)
        How often each row counts.
    span : float
        Share of the rows in a neighbourhood, 0 to 1.

    Returns
    -------
    ndarray, shape (k,)
        The curve; the local mean where the neighbours lie at one place.

    References
    ----------
    Cleveland WS (1979). J Am Stat Assoc 74:829-836.

    Examples
    --------
    >>> x = np.arange(8.0)
    >>> local_lines(x, 2 * x + 1, np.array([0.5, 6.0]), np.ones(8), 0.75).round(6).tolist()
    [2.0, 13.0]
    """
    near = np.abs(x - places[:, np.newaxis])
    wanted = max(int(np.floor(span * counts.sum() + 1e-5)), 2)
    order = np.argsort(near, axis=1, kind="stable")
    reached = np.cumsum(counts[order], axis=1)
    farthest = np.argmax(reached >= wanted, axis=1)
    width = np.take_along_axis(near, np.take_along_axis(order, farthest[:, np.newaxis], axis=1), axis=1)
    # Where all neighbours lie at one place only they count.
    share = np.where(width > 0, near / np.where(width > 0, width, 1.0), np.where(near > 0, 1.0, 0.0))
    weight = counts * np.clip(1 - share**3, 0.0, 1.0) ** 3
    total = weight.sum(axis=1)
    middle = (weight @ x) / total
    level = (weight @ y) / total
    away = x - middle[:, np.newaxis]
    spread = (weight * away**2).sum(axis=1)
    tilt = (weight * away) @ y
    flat = spread <= 1e-12 * total * np.ptp(x) ** 2
    slope = np.where(flat, 0.0, tilt / np.where(flat, 1.0, spread))
    curve: Floats = level + slope * (places - middle)
    return curve
