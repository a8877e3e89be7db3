r"""The nonparametric maximum likelihood of events in intervals (l, r]: where mass can be, and how much.

Only innermost intervals can hold mass: those that begin with a left end and end with the next right end, no other end
between them (Peto 1973, Turnbull 1976). With A the matrix of which row holds which of them, the masses *p* maximise

.. math::
    \sum_i w_i \log (A p)_i, \qquad p \ge 0, \; \sum_j p_j = 1.

Each step solves the quadratic approximation by non-negative least squares and climbs along the line to its solution
(Wang 2007), which ends, unlike the EM steps of Turnbull. It is the end when the conditions of Kuhn and Tucker hold:
no derivative :math:`\sum_i w_i A_{ij} / (A p)_i` above :math:`\sum_i w_i`, and equality where there is mass (Gentleman
and Geyer 1994). The log-likelihood is then within the largest excess of its maximum. The masses are the only ones: some
row ends at each interval of support and holds no later one, so that the columns of A are independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from survmodel.errors import FitError
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]

MAX_STEPS = 500
MAX_HALVINGS = 40
#: Largest excess of a derivative over the sum of weights, relative to that sum.
TOLERANCE = 1e-9
#: Masses below this share are none.
NO_MASS = 1e-12
#: Places of an end among ends at the same time: a known time begins, an interval ends, an interval begins.
_KNOWN, _END, _BEGIN = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Masses:
    """Intervals of support and their masses.

    Attributes
    ----------
    lower, upper : ndarray, shape (m,)
        Ends of (lower, upper]; equal for a known time.
    mass : ndarray, shape (m,)
        Above 0, summing to 1.
    loglik : float
        Weighted log-likelihood.
    excess : float
        Largest derivative less the sum of weights, relative to it: 0 at the maximum.
    iterations : int
        Steps.
    """

    lower: Floats
    upper: Floats
    mass: Floats
    loglik: float
    excess: float
    iterations: int


def maximise_masses(lower: Floats, upper: Floats, weight: Floats) -> Masses:
    """Find the masses that make the rows most likely.

    Parameters
    ----------
    lower, upper : ndarray, shape (n,)
        The event of each row is in (lower, upper]; equal ends for a known time, an infinite upper end for a censored
        row.
    weight : ndarray, shape (n,)
        How much each row counts, above 0.

    Returns
    -------
    Masses
        The maximum.

    Raises
    ------
    FitError
        When the climb does not end.
    """
    left, right = _find_support(lower, upper)
    holds = _holds(lower, upper, left, right)
    rows, place = np.unique(holds, axis=0, return_inverse=True)
    total: Floats = np.bincount(place.ravel(), weights=weight).astype(np.float64)
    mass, iterations = _climb(rows.astype(np.float64), total)
    kept = mass > NO_MASS
    mass = np.where(kept, mass, 0)
    mass = mass / mass.sum()
    mix = rows @ mass
    derivative = (total / mix) @ rows
    return Masses(
        lower=frozen(left[kept, 0]),
        upper=frozen(right[kept, 0]),
        mass=frozen(mass[kept]),
        loglik=float(total @ np.log(mix)),
        excess=float(derivative.max() / total.sum() - 1),
        iterations=iterations,
    )


def _ends(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Give both ends of each row as (time, place among the ends at that time)."""
    begins = np.where(lower == upper, _KNOWN, _BEGIN)
    return np.column_stack([lower, begins]), np.column_stack([upper, np.full(upper.size, float(_END))])


def _find_support(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Find the innermost intervals: a left end followed at once by a right end."""
    left, right = _ends(lower, upper)
    ends = np.unique(np.vstack([left, right]), axis=0)
    inner = np.flatnonzero((ends[:-1, 1] != _END) & (ends[1:, 1] == _END))
    return ends[inner], ends[inner + 1]


def _holds(lower: Floats, upper: Floats, left: Floats, right: Floats) -> npt.NDArray[np.bool_]:
    """Mark which row holds which interval of support, shape (n, m)."""
    row_left, row_right = (ends[:, np.newaxis, :] for ends in _ends(lower, upper))
    begins = (row_left[..., 0] < left[:, 0]) | ((row_left[..., 0] == left[:, 0]) & (row_left[..., 1] <= left[:, 1]))
    held: npt.NDArray[np.bool_] = begins & (row_right[..., 0] >= right[:, 0])
    return held


def _climb(holds: Floats, weight: Floats) -> tuple[Floats, int]:
    total = float(weight.sum())
    mass = np.full(holds.shape[1], 1 / holds.shape[1])
    root = np.sqrt(weight / total)
    for step in range(MAX_STEPS):
        mix = holds @ mass
        derivative = (weight / mix) @ holds / total
        if derivative.max() - 1 < TOLERANCE and (mass @ np.abs(derivative - 1)) < TOLERANCE:
            return mass, step
        # On masses that sum to 1, A q / mix - 2 is (A / mix - 2) q. The row of ones below sets the size of the solution
        # and not its direction, which is that of the problem with the sum held at 1 (Dax 1990).
        away = (holds / mix[:, np.newaxis] - 2) * root[:, np.newaxis]
        solution = nnls(np.vstack([away, np.ones((1, mass.size))]), np.append(np.zeros(root.size), 1.0))[0]
        if solution.sum() <= 0:
            break
        mass = _towards(holds, weight, mass, solution / solution.sum(), derivative * total)
    raise FitError(
        f"the masses of the intervals did not settle in {MAX_STEPS} steps", remedy="look for extreme weights"
    )


def _towards(holds: Floats, weight: Floats, mass: Floats, solution: Floats, derivative: Floats) -> Floats:
    """Go towards the solution of the quadratic problem as far as the likelihood goes up; else take a step of EM."""
    here = float(weight @ np.log(holds @ mass))
    slope = float(derivative @ (solution - mass))
    share = 1.0
    with np.errstate(divide="ignore"):
        for _ in range(MAX_HALVINGS):
            there = mass + share * (solution - mass)
            # beyond rounding, near the end
            if float(weight @ np.log(holds @ there)) >= here + share * slope / 3 - 1e-14 * abs(here):
                return there
            share /= 2
    step: Floats = mass * derivative / weight.sum()
    return step
