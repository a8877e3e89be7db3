r"""McNemar's test of two yes or no readings of the same patients.

Of the patients whom the readings tell apart, *b* are positive by the first only and *c* by the second only; without a
difference *b* is binomial with one half of :math:`n = b + c`. The mid-p value counts half of the probability of what
was observed,

.. math:: p_{mid} = 2\,P(X \le \min(b, c)) - P(X = \min(b, c)), \qquad p_{mid} = 1 - P(X = b)\ \text{where}\ b = c,

and keeps the size of the test nearly where it belongs, which the exact p-value falls short of.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Literal

import numpy as np
import pandas as pd

from survmodel.errors import ConfigError, closest
from survmodel.formatting import count_noun, format_p_equation
from survmodel.performance.delong import read_together, read_yes_no
from survmodel.result import Display, Result
from survmodel.table import Table

Method = Literal["mid-p", "exact"]
METHODS = ("mid-p", "exact")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class McNemarTest(Result):
    """A test of two paired readings.

    Attributes
    ----------
    names : tuple of (str, str)
        The readings.
    both, first_only, second_only, neither : int
        Patients who are positive by both, one or none.
    p_value, method : float, str
        The p-value and which it is.
    n_missing : int
        Patients left out because they lack a reading.
    warnings : tuple of str
        None.
    """

    names: tuple[str, str]
    both: int
    first_only: int
    second_only: int
    neither: int
    p_value: float
    method: Method
    n_missing: int
    warnings: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Patients with both readings."""
        return self.both + self.first_only + self.second_only + self.neither

    def tidy(self) -> pd.DataFrame:
        """Give the four counts.

        Returns
        -------
        pandas.DataFrame
            Columns level ("both", the name of one, "neither") and n.
        """
        levels = ["both", f"{self.names[0]} only", f"{self.names[1]} only", "neither"]
        return pd.DataFrame({"level": levels, "n": [self.both, self.first_only, self.second_only, self.neither]})

    def glance(self) -> pd.DataFrame:
        """Give the test in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "p_value": self.p_value,
            "n": self.n,
            "n_missing": self.n_missing,
            "conventions": f"McNemar, {self.method} (Fagerland 2013)",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [f"{self.names[0]} positive", str(self.both), str(self.first_only)],
            [f"{self.names[0]} negative", str(self.second_only), str(self.neither)],
        ]
        title = f"McNemar's test ({self.method}): {format_p_equation(self.p_value)}"
        left_out = (f"{count_noun(self.n_missing, 'patient')} left out",) if self.n_missing else ()
        header = ["", f"{self.names[1]} positive", f"{self.names[1]} negative"]
        return Display(title, (Table(header, rows),), left_out)


def mcnemar_test(
    test_a: object, test_b: object, *, names: tuple[str, str] = ("A", "B"), method: Method = "mid-p"
) -> McNemarTest:
    """Test whether two readings of the same patients are positive equally often.

    Parameters
    ----------
    test_a, test_b : Series or array_like, shape (n,)
        1 or True for positive, 0 or False for negative. Patients who lack one are left out and counted.
    names : tuple of (str, str)
        The readings.
    method : {"mid-p", "exact"}
        Which p-value.

    Returns
    -------
    McNemarTest
        Counts and p-value; 1 where no patient is told apart.

    Raises
    ------
    DataError
        For other values than yes and no, and rows that do not agree.
    ConfigError
        For an unknown method.

    References
    ----------
    Fagerland MW, Lydersen S, Laake P (2013). BMC Med Res Methodol 13:91.

    Examples
    --------
    >>> result = mcnemar_test([1, 1, 1, 1, 1, 0], [1, 0, 0, 0, 0, 0])
    >>> result.first_only, result.second_only, result.p_value
    (4, 0, 0.0625)
    """
    if method not in METHODS:
        raise ConfigError(f"method {method!r} is not known", remedy=closest(str(method), METHODS))
    columns = read_together({names[0]: test_a, names[1]: test_b})
    known = ~np.isnan(columns).any(axis=1)
    a, b = (read_yes_no(columns[known, k], names[k]) for k in (0, 1))
    first, second = int((a & ~b).sum()), int((b & ~a).sum())
    return McNemarTest(
        names=names,
        both=int((a & b).sum()),
        first_only=first,
        second_only=second,
        neither=int((~a & ~b).sum()),
        p_value=discordant_p(first, second, method),
        method=method,
        n_missing=int((~known).sum()),
    )


def discordant_p(first: int, second: int, method: Method = "mid-p") -> float:
    """Compute the p-value from the patients whom two readings tell apart.

    Parameters
    ----------
    first, second : int
        Positive by the one only, and by the other only.
    method : {"mid-p", "exact"}
        Which p-value.

    Returns
    -------
    float
        Two-sided, at most 1.

    Examples
    --------
    >>> discordant_p(4, 5), discordant_p(0, 0)
    (0.75390625, 1.0)
    """
    n, fewer = first + second, min(first, second)
    if n == 0:
        return 1.0
    # whole numbers as long as possible: the p-value is the same on every machine
    ways, every = [comb(n, k) for k in range(fewer + 1)], 1 << n
    if method == "exact":
        return min(1.0, 2 * sum(ways) / every)
    return (every - ways[-1]) / every if first == second else (2 * sum(ways) - ways[-1]) / every
