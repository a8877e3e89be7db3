"""Points: what an index adds up, each point a number on one side of a cut."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from survmodel.markers.indices.inputs import Floats

#: Complete columns of an index, by the name of the input.
Inputs = Mapping[str, Floats]
Side = Literal[">", ">=", "<", "<="]
_SIDES = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


@dataclass(frozen=True, slots=True)
class Step:
    """Points for a number on one side of a cut.

    Several steps on one number make half-open intervals, so that the gaps between printed ranges (0.999 and 1.000) do
    not exist.

    Parameters
    ----------
    name : str
        Input.
    side : {">", ">=", "<", "<="}
        Which side of the cut has the points.
    cut : float
        In the unit of the input.
    points : float
        How many.

    Examples
    --------
    >>> Step("age_years", ">", 60).of({"age_years": np.array([60.0, 60.1])})
    array([0., 1.])
    """

    name: str
    side: Side
    cut: float
    points: float = 1.0

    def of(self, inputs: Inputs) -> Floats:
        """Give the points.

        Parameters
        ----------
        inputs : mapping of str to ndarray, shape (n,)
            Complete columns.

        Returns
        -------
        ndarray of float, shape (n,)
            Points, or 0.
        """
        return np.where(_SIDES[self.side](inputs[self.name], self.cut), self.points, 0.0)


@dataclass(frozen=True, slots=True)
class Points:
    """The sum of steps.

    Parameters
    ----------
    *steps : Step
        What is added up.

    Examples
    --------
    >>> ages = Points(Step("age_years", ">", 40), Step("age_years", ">", 60), Step("age_years", ">", 75))
    >>> ages({"age_years": np.array([40.0, 60.0, 75.0, 75.5])})
    array([0., 1., 2., 3.])
    """

    steps: tuple[Step, ...]

    def __init__(self, *steps: Step) -> None:
        object.__setattr__(self, "steps", steps)

    def __call__(self, inputs: Inputs) -> Floats:
        """Add up.

        Parameters
        ----------
        inputs : mapping of str to ndarray, shape (n,)
            Complete columns.

        Returns
        -------
        ndarray of float, shape (n,)
            The sum.
        """
        return np.asarray(sum(step.of(inputs) for step in self.steps), dtype=np.float64)


def present(name: str, points: float = 1.0) -> Step:
    """Give points for a finding that is present.

    Parameters
    ----------
    name : str
        Input.
    points : float
        How many.

    Returns
    -------
    Step
        The points.
    """
    return Step(name, ">=", 1, points)


def level_from(name: str, place: int, points: float = 1.0) -> Step:
    """Give points from a level on.

    Parameters
    ----------
    name : str
        Input.
    place : int
        Place of the level among those of the input, from 0.
    points : float
        How many.

    Returns
    -------
    Step
        The points.
    """
    return Step(name, ">=", place, points)
