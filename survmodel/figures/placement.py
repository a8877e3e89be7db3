"""Finding an empty place in a figure, so that a key or a p-value covers no curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Corners in order of preference (x, y, handicap): survival curves leave the upper right free, then the lower left.
CORNERS = ((1.0, 1.0, 0.0), (0.0, 0.0, 0.1), (1.0, 0.0, 0.2), (0.0, 1.0, 0.3))

#: Places tried along each axis.
PLACES = 31


def free_place(size: tuple[float, float], taken: Floats, margin: tuple[float, float]) -> tuple[float, float] | None:
    """Find the place nearest to a corner where a box covers nothing.

    Parameters
    ----------
    size : tuple of float
        Width and height of the box, as shares of the axes.
    taken : ndarray, shape (n_boxes, 4)
        Boxes in use: left, lower, right, upper edge, as shares of the axes.
    margin : tuple of float
        Distance to keep on each side, as shares of the width and height of the axes.

    Returns
    -------
    tuple of float or None
        Left and lower edge of the box; None when there is no such place.

    Examples
    --------
    >>> free_place((0.3, 0.2), np.array([[0.0, 0.5, 1.0, 1.0]]), (0.0, 0.0))
    (0.0, 0.0)
    """
    xs = np.linspace(margin[0], 1 - margin[0] - size[0], PLACES)
    ys = np.linspace(margin[1], 1 - margin[1] - size[1], PLACES)
    if xs[-1] < xs[0] or ys[-1] < ys[0]:
        return None
    places = [(_distance(i / (PLACES - 1), j / (PLACES - 1)), x, y) for i, x in enumerate(xs) for j, y in enumerate(ys)]
    for _, x, y in sorted(places):
        apart = (
            (taken[:, 0] >= x + size[0] + margin[0])
            | (taken[:, 2] <= x - margin[0])
            | (taken[:, 1] >= y + size[1] + margin[1])
            | (taken[:, 3] <= y - margin[1])
        )
        if apart.all():
            return float(x), float(y)
    return None


def _distance(x: float, y: float) -> float:
    return min(float(np.hypot(x - corner_x, y - corner_y)) + late for corner_x, corner_y, late in CORNERS)


def keep_apart(positions: Sequence[float], widths: Sequence[float], gap: float) -> list[int]:
    """Choose from a row of texts, from the left, those that do not run into each other.

    Parameters
    ----------
    positions : sequence of float
        Middles, ascending.
    widths : sequence of float
        Widths, in the same unit.
    gap : float
        Distance to keep between two texts.

    Returns
    -------
    list of int
        Which texts are kept.

    Examples
    --------
    >>> keep_apart([0, 5, 20], [8, 8, 8], 2)
    [0, 2]
    """
    kept: list[int] = []
    end = -np.inf
    for place, (middle, width) in enumerate(zip(positions, widths, strict=True)):
        if not kept or middle - width / 2 >= end + gap:
            kept.append(place)
            end = middle + width / 2
    return kept
