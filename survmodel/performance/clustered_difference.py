r"""A difference of two shares of lesions or regions that come several to a patient.

The two shares may stand on different rows, as predictive values do. Generalised estimating equations with independent
working correlation give the plain difference; its covariance is the bias-reduced sandwich (Mancl and DeRouen), the
limits are Student's with one degree of freedom less than patients. Where a share is 0 or 1 that sandwich has lost a
term: patients are then drawn with replacement, and the limits are percentiles of the ratio estimator (all rows that
are yes over all rows), with no p-value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from survmodel.resampling import bootstrap_counts, read_units

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
SANDWICH = "GEE, independence, bias-reduced covariance, t"
BOOTSTRAP = "patient bootstrap of the ratio estimator"
REPEATS = 2000


@dataclass(frozen=True, slots=True)
class ClusteredDifference:
    """A difference with limits that know of clusters.

    Attributes
    ----------
    estimate, conf_low, conf_high : float
        First minus second, and limits; NaN where they cannot be computed.
    statistic, df, p_value : float
        Of the test of no difference; NaN with the bootstrap.
    method : str
        Where the limits come from.
    """

    estimate: float
    conf_low: float
    conf_high: float
    statistic: float
    df: float
    p_value: float
    method: str


def clustered_difference(
    yes: tuple[Bools, Bools], among: tuple[Bools, Bools], patient: Ints, conf_level: float = 0.95, seed: int = 0
) -> ClusteredDifference:
    """Estimate the difference of two shares of rows within patients.

    Parameters
    ----------
    yes, among : tuple of ndarray of bool, shape (n,)
        For each share: rows that are yes, and rows that it is a share of.
    patient : ndarray of int, shape (n,)
        Patient of each row.
    conf_level : float
        Coverage of limits.
    seed : int
        Start of the random numbers of the bootstrap.

    Returns
    -------
    ClusteredDifference
        Difference, limits, test.

    References
    ----------
    Mancl LA, DeRouen TA (2001). Biometrics 57:126-134. Genders TSS et al. (2012). Radiology 265:910-916.

    Examples
    --------
    >>> a, b = np.array([[1, 1, 0, 1, 1, 0], [0, 1, 0, 1, 0, 0]], dtype=bool)
    >>> every = np.ones(6, dtype=bool)
    >>> round(clustered_difference((a, b), (every, every), np.array([1, 1, 2, 2, 3, 3])).estimate, 3)
    0.333
    """
    codes = np.unique(patient[among[0] | among[1]], return_inverse=True)
    position = np.full(patient.size, 0, dtype=np.int64)
    position[among[0] | among[1]] = codes[1]
    n_patient = codes[0].size
    hits = [
        np.bincount(position, weights=one & rows, minlength=n_patient).astype(np.float64)
        for one, rows in zip(yes, among, strict=True)
    ]
    sizes: list[Floats] = [
        np.bincount(position, weights=rows, minlength=n_patient).astype(np.float64) for rows in among
    ]
    shares = [float(one.sum() / size.sum()) for one, size in zip(hits, sizes, strict=True)]
    estimate, tail, nan = shares[0] - shares[1], (1 - conf_level) / 2, float("nan")
    if n_patient < 2:
        return ClusteredDifference(estimate, nan, nan, nan, nan, nan, "one patient: no limits")
    ends = [share in (0.0, 1.0) for share in shares]
    if all(ends):
        return ClusteredDifference(estimate, nan, nan, nan, nan, nan, "both shares are 0 or 1: no limits")
    if any(ends):
        counts = bootstrap_counts(read_units(n_patient), REPEATS, seed).astype(np.float64)
        with np.errstate(invalid="ignore"):
            first, second = ((counts @ one) / (counts @ size) for one, size in zip(hits, sizes, strict=True))
        drawn = (first - second)[np.isfinite(first - second)]
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return ClusteredDifference(estimate, float(low), float(high), nan, nan, nan, BOOTSTRAP)
    error = float(np.sqrt((_influence(hits, sizes, shares) ** 2).sum()))
    df = n_patient - 1
    if error <= 1e-12:
        same = abs(estimate) <= 1e-12
        method = "no patient is told apart" if same else "all patients differ alike: no limits"
        return ClusteredDifference(estimate, nan, nan, nan, df, 1.0 if same else nan, method)
    statistic = estimate / error
    reach = float(student.ppf(1 - tail, df)) * error
    p_value = float(2 * student.sf(abs(statistic), df))
    return ClusteredDifference(estimate, estimate - reach, estimate + reach, statistic, df, p_value, SANDWICH)


def _influence(hits: list[Floats], sizes: list[Floats], shares: list[float]) -> Floats:
    """Compute what each patient adds to the difference, magnified by the leverage that hides it."""
    parts = []
    for one, size, share in zip(hits, sizes, shares, strict=True):
        residual, leverage = one - share * size, size / size.sum()
        # A patient with all rows has leverage 1 and residual 0.
        rest = np.where(leverage < 1, 1 - leverage, 1.0)
        parts.append(residual / rest / size.sum())
    total: Floats = parts[0] - parts[1]
    return total
