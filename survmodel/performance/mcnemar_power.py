r"""Power of McNemar's test, exactly: the test that is planned is the test that will be made.

Of *n* patients *M* are read differently, binomial with the two discordant shares together; of these the first test
alone is positive in a binomial number. The test rejects by the same p-value as :func:`~survmodel.mcnemar_test`:

.. math:: \text{power}(n) = \sum_m P(M = m) \sum_b P(b \mid m)\, 1\{p(b, m - b) < \alpha\}

Power need not rise with every patient, since p-values are discrete: a sample size is the smallest from which the power
stays at or above what was asked for.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from survmodel.errors import ConfigError
from survmodel.performance.mcnemar import METHODS, Method
from survmodel.performance.planning import is_between
from survmodel.performance.sample_size import check_count

Floats = npt.NDArray[np.float64]
#: Most patients that a search looks at.
LARGEST = 20_000


def mcnemar_power(
    n: int, first_only: float, second_only: float, *, method: Method = "mid-p", alpha: float = 0.05
) -> float:
    """Compute the power of McNemar's test.

    Parameters
    ----------
    n : int
        Patients who are read by both.
    first_only, second_only : float
        Shares of the patients who are positive by the first test alone, and by the second alone.
    method : {"mid-p", "exact"}
        Which p-value.
    alpha : float
        Two-sided level.

    Returns
    -------
    float
        Chance that p is below alpha.

    Raises
    ------
    ConfigError
        For shares that are none, and numbers out of range.

    References
    ----------
    Fagerland MW, Lydersen S, Laake P (2013). BMC Med Res Methodol 13:91.

    Examples
    --------
    >>> [round(mcnemar_power(n, 0.25, 0.05), 2) for n in (15, 25, 50)]
    [0.18, 0.42, 0.77]
    """
    check_count(n, "n")
    discordant = _check_shares(first_only, second_only, method, alpha)
    return float(_powers(np.array([n]), discordant, first_only / discordant if discordant else 0.5, method, alpha)[0])


def mcnemar_sample_size(
    first_only: float, second_only: float, *, power: float = 0.8, method: Method = "mid-p", alpha: float = 0.05
) -> int:
    """Find the fewest patients from whom on the power of McNemar's test stays at what is asked for.

    Parameters
    ----------
    first_only, second_only : float
        Shares of the patients who are positive by the first test alone, and by the second alone; they differ.
    power : float
        Power.
    method : {"mid-p", "exact"}
        Which p-value.
    alpha : float
        Two-sided level.

    Returns
    -------
    int
        Patients.

    Raises
    ------
    ConfigError
        For shares that are equal or none, numbers out of range, and differences too small to be found with 20,000
        patients.

    References
    ----------
    Fagerland MW, Lydersen S, Laake P (2013). BMC Med Res Methodol 13:91.

    Examples
    --------
    >>> mcnemar_sample_size(0.225, 0.0)
    29
    """
    discordant = _check_shares(first_only, second_only, method, alpha)
    if first_only == second_only:
        raise ConfigError("the two shares are equal", remedy="a test finds a difference only")
    if not is_between(power, alpha, 1):
        raise ConfigError(f"power is {power}", remedy="give a share above alpha and below 1, for example 0.8")
    reach = 32
    while reach <= LARGEST:
        powers = _powers(np.arange(1, reach + 1), discordant, first_only / discordant, method, alpha)
        short = np.flatnonzero(powers < power)
        # the saw-tooth is short: half of what was looked at is far more than its period
        if not short.size or short[-1] + 1 <= reach // 2:
            return int(short[-1]) + 2 if short.size else 1
        reach *= 2
    raise ConfigError(f"more than {LARGEST:,} patients would be needed", remedy="plan for a larger difference")


def _powers(sizes: npt.NDArray[np.int64], discordant: float, first: float, method: Method, alpha: float) -> Floats:
    """Power at each size: the chance of a rejection among m discordant patients does not depend on the size."""
    most = int(sizes.max())
    spread = 8 * math.sqrt(most * discordant * (1 - discordant)) + 8
    last = min(most, math.ceil(most * discordant + spread))
    rejects = np.array([_rejection(m, first, method, alpha) for m in range(last + 1)])
    counts = np.arange(last + 1)
    return np.array([float(binom.pmf(counts, size, discordant) @ rejects) for size in sizes.tolist()])


def _rejection(m: int, first: float, method: Method, alpha: float) -> float:
    """Chance of a rejection among m discordant patients."""
    if m == 0:
        return 0.0
    b = np.arange(m + 1)
    below, point = binom.cdf(np.minimum(b, m - b), m, 0.5), binom.pmf(b, m, 0.5)
    p_value = np.minimum(2 * below, 1.0)
    if method == "mid-p":
        p_value = np.where(2 * b == m, 1 - point, 2 * below - point)
    return float(binom.pmf(b, m, first)[p_value < alpha].sum())


def _check_shares(first_only: float, second_only: float, method: str, alpha: float) -> float:
    for name, value in (("first_only", first_only), ("second_only", second_only)):
        if not (value == 0 or is_between(value, 0, 1)):
            raise ConfigError(f"{name} is {value}", remedy="give a share of the patients, 0 or more and below 1")
    if first_only + second_only > 1:
        raise ConfigError("the two shares add up to more than 1", remedy="they are shares of all patients")
    if method not in METHODS:
        raise ConfigError(f"there is no method {method!r}", remedy='it is "mid-p" or "exact"')
    if not is_between(alpha, 0, 1):
        raise ConfigError(f"alpha is {alpha}", remedy="give the level as a share, for example 0.05")
    return float(first_only + second_only)
