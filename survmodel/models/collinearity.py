r"""Signs that columns of a model say the same: variance inflation by term, and the condition number.

Both are taken from the information of the fit, so that they concern the rows at risk, their hazards and strata, and not
the table. With :math:`R` the information scaled to a diagonal of 1, the variance of the coefficients of a term is
inflated by :math:`\det R_{\text{term}} \det R_{\text{others}} / \det R` (Fox and Monette), for one column the usual
:math:`(R^{-1})_{jj}`; it is compared per column, as its :math:`1 / df`-th power. The condition number is the ratio of
the largest to the smallest eigenvalue of :math:`R`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.errors import list_values
from survmodel.models.formula import Design

Floats = npt.NDArray[np.float64]

#: Above these a warning is due.
MOST_INFLATION = 10.0
MOST_CONDITION = 1e7


def condition_number(information: Floats) -> float:
    """Compute the condition number of an information matrix scaled to a diagonal of 1.

    Parameters
    ----------
    information : ndarray, shape (p, p)
        Of the fit.

    Returns
    -------
    float
        At least 1; NaN without columns or for a matrix that is none of an estimate.

    Examples
    --------
    >>> condition_number(np.array([[4.0, 1.0], [1.0, 1.0]]))
    3.0
    """
    scaled = _scaled(information)
    if scaled is None:
        return float("nan")
    values = np.linalg.eigvalsh(scaled)
    return float(values[-1] / values[0]) if values[0] > 0 else float("inf")


def variance_inflation(information: Floats, terms: tuple[tuple[str, tuple[int, ...]], ...]) -> dict[str, float]:
    """Compute how much the other terms inflate the variance of each term.

    Parameters
    ----------
    information : ndarray, shape (p, p)
        Of the fit.
    terms : tuple of (str, tuple of int)
        Labels and the positions of their columns.

    Returns
    -------
    dict of str to float
        By term, 1 where it is uncorrelated with the others; empty where it cannot be computed.

    References
    ----------
    Fox J, Monette G (1992). J Am Stat Assoc 87:178-183.

    Examples
    --------
    >>> variance_inflation(np.array([[4.0, 1.0], [1.0, 1.0]]), (("a", (0,)), ("b", (1,))))
    {'a': 1.3333333333333333, 'b': 1.3333333333333333}
    """
    scaled = _scaled(information)
    if scaled is None:
        return {}
    found = {}
    _, whole = np.linalg.slogdet(scaled)
    if not np.isfinite(whole):
        return {}
    inverse = np.diag(np.linalg.inv(scaled))
    for label, positions in terms:
        if len(positions) == 1:
            found[label] = float(inverse[positions[0]])
            continue
        own = np.array(positions)
        others = np.setdiff1d(np.arange(scaled.shape[0]), own)
        parts = sum(np.linalg.slogdet(scaled[np.ix_(some, some)])[1] for some in (own, others) if some.size)
        found[label] = float(np.exp((parts - whole) / own.size))
    return found


def look_at_collinearity(design: Design, information: Floats) -> list[str]:
    """Warn of terms that hardly differ from what the others say.

    Parameters
    ----------
    design : Design
        Of the fit.
    information : ndarray, shape (p, p)
        Its information at the estimate.

    Returns
    -------
    list of str
        At most two sentences. A formula with interactions has none about single terms, since a product always goes
        with its factors.
    """
    warnings = []
    condition = condition_number(information)
    if condition > MOST_CONDITION:
        warnings.append(
            f"the columns are nearly collinear (condition number {condition:.1e}): estimates depend on the last digits"
        )
    if all(len(term.factors) == 1 for term in design.formula.terms):
        high = {
            label: inflation
            for label, inflation in variance_inflation(information, design.terms).items()
            if inflation > MOST_INFLATION
        }
        if high:
            listed = list_values([f"{label} ({inflation:.0f}-fold)" for label, inflation in high.items()])
            warnings.append(
                f"the variance of {listed} is inflated by the other columns, which say nearly the same: "
                "keep one of them, or read none alone"
            )
    return warnings


def _scaled(information: Floats) -> Floats | None:
    diagonal = np.diag(information)
    if not diagonal.size or not np.isfinite(information).all() or not (diagonal > 0).all():
        return None
    root = np.sqrt(diagonal)
    scaled: Floats = information / np.outer(root, root)
    return scaled
