r"""Two scores of the same patients against a yes or no: areas under their ROC curves and the difference, by DeLong.

With :math:`m` patients who have the condition and :math:`n` who do not, each with condition has
:math:`V_i = \frac1n \sum_j \psi(x_i, y_j)` and each without :math:`W_j = \frac1m \sum_i \psi(x_i, y_j)`, :math:`\psi`
being 1 where the first is higher, one half at a tie. The area is their mean, and the covariance of two areas

.. math:: \frac{\operatorname{cov}(V^a, V^b)}{m} + \frac{\operatorname{cov}(W^a, W^b)}{n}.

Both are computed from midranks. Higher scores are read as more disease.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile, two_sided_p
from survmodel.errors import ConfigError, DataError, name_rows
from survmodel.formatting import count_noun, format_estimate, format_p_equation
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DeLongTest(Result):
    """Areas under two ROC curves of the same patients, and their difference.

    Attributes
    ----------
    names : tuple of (str, str)
        The scores.
    areas : ndarray, shape (2,)
        Areas under the curves.
    covariance : ndarray, shape (2, 2)
        Of the areas.
    n_positive, n_negative, n_missing : int
        Patients with and without the condition, and those left out because they lack the truth or a score.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        What the reader must know.
    """

    names: tuple[str, str]
    areas: Floats
    covariance: Floats
    n_positive: int
    n_negative: int
    n_missing: int
    conf_level: float
    warnings: tuple[str, ...] = ()

    @property
    def difference(self) -> tuple[float, float]:
        """The first area less the second, and its standard error."""
        variance = self.covariance[0, 0] + self.covariance[1, 1] - 2 * self.covariance[0, 1]
        return float(self.areas[0] - self.areas[1]), float(np.sqrt(max(variance, 0.0)))

    @property
    def statistic(self) -> float:
        """The difference by its standard error; NaN where the scores rank alike."""
        value, error = self.difference
        return value / error if error > 0 else float("nan")

    @property
    def p_value(self) -> float:
        """Two-sided; 1 where the scores rank alike."""
        return float(two_sided_p(self.statistic)) if np.isfinite(self.statistic) else 1.0

    def tidy(self) -> pd.DataFrame:
        """Give both areas and the difference.

        Returns
        -------
        pandas.DataFrame
            Columns model, measure, estimate, std_error, conf_low, conf_high (areas inside [0, 1]), statistic, p_value.
        """
        z = normal_quantile(self.conf_level)
        value, error = self.difference
        estimate = np.array([*self.areas, value])
        errors = np.array([*np.sqrt(np.diag(self.covariance)), error])
        low, high = estimate - z * errors, estimate + z * errors
        low[:2], high[:2] = np.maximum(low[:2], 0.0), np.minimum(high[:2], 1.0)
        return pd.DataFrame(
            {
                "model": [*self.names, f"{self.names[0]} - {self.names[1]}"],
                "measure": "AUC",
                "estimate": estimate,
                "std_error": errors,
                "conf_low": low,
                "conf_high": high,
                "statistic": [np.nan, np.nan, self.statistic],
                "p_value": [np.nan, np.nan, self.p_value],
            }
        )

    def glance(self) -> pd.DataFrame:
        """Give the test and counts in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "statistic": self.statistic,
            "p_value": self.p_value,
            "n": self.n_positive + self.n_negative,
            "n_positive": self.n_positive,
            "n_missing": self.n_missing,
            "conf_level": self.conf_level,
            "conventions": "paired; midranks, ties count one half; higher score = more disease; normal limits",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [str(one["model"]), format_estimate(one["estimate"], one["conf_low"], one["conf_high"], 3)]
            for one in self.tidy().to_dict("records")
        ]
        counts = f"{count_noun(self.n_positive, 'patient')} with and {self.n_negative} without the condition"
        notes = [counts, *([f"{count_noun(self.n_missing, 'patient')} left out"] if self.n_missing else [])]
        title = f"DeLong's test: {format_p_equation(self.p_value)}"
        return Display(title, (Table(["", "area under the curve (limits)"], rows),), tuple(notes))


def delong_test(
    truth: object,
    score_a: object,
    score_b: object,
    *,
    names: tuple[str, str] = ("A", "B"),
    conf_level: float = 0.95,
) -> DeLongTest:
    """Compare the areas under the ROC curves of two scores of the same patients.

    Parameters
    ----------
    truth : Series or array_like, shape (n,)
        True or 1 with the condition, False or 0 without; missing where it was not verified.
    score_a, score_b : Series or array_like, shape (n,)
        Higher = more disease. Patients who lack the truth or a score are left out and counted.
    names : tuple of (str, str)
        The scores.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    DeLongTest
        Areas, difference, test.

    Raises
    ------
    DataError
        For other values than yes and no, fewer than two patients of a kind, and rows that do not agree.
    ConfigError
        For two scores of the same name, and a coverage outside (0, 1).

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL (1988). Biometrics 44:837-845. Sun X, Xu W (2014). IEEE Signal Process Lett
    21:1389-1393.

    Examples
    --------
    >>> result = delong_test([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], [1, 5, 3, 4, 2, 6])
    >>> result.areas.round(3).tolist(), round(result.p_value, 3)
    ([1.0, 0.667], 0.221)
    """
    if names[0] == names[1]:
        raise ConfigError("the two scores have one name", remedy='give names=("CXCR4", "FDG")')
    if not 0 < conf_level < 1:
        raise ConfigError(f"conf_level is {conf_level}", remedy="give the coverage as a share, for example 0.95")
    columns = read_together({"truth": truth, names[0]: score_a, names[1]: score_b})
    known = ~np.isnan(columns).any(axis=1)
    positive = read_yes_no(columns[known, 0], "truth")
    if min(positive.sum(), (~positive).sum()) < 2:
        raise DataError(
            "a curve needs two patients of each kind",
            f"{int(positive.sum())} with and {int((~positive).sum())} without the condition",
        )
    with_it, without = zip(*(placements(columns[known, k], positive) for k in (1, 2)), strict=True)
    covariance = np.cov(np.array(with_it)) / positive.sum() + np.cov(np.array(without)) / (~positive).sum()
    return DeLongTest(
        names=names,
        areas=frozen([float(one.mean()) for one in with_it]),
        covariance=frozen(covariance),
        n_positive=int(positive.sum()),
        n_negative=int((~positive).sum()),
        n_missing=int((~known).sum()),
        conf_level=conf_level,
    )


def placements(score: Floats, positive: Bools) -> tuple[Floats, Floats]:
    """Tell of each patient which share of those of the other kind he is on the right side of, a tie as one half.

    Parameters
    ----------
    score : ndarray, shape (n,)
        Higher = more disease.
    positive : ndarray of bool, shape (n,)
        With the condition.

    Returns
    -------
    with_it, without : ndarray
        V of those with, and W of those without the condition.

    Examples
    --------
    >>> placements(np.array([1.0, 2.0, 2.0]), np.array([False, True, False]))[0].tolist()
    [0.75]
    """
    high, low = score[positive], score[~positive]
    below = (np.searchsorted(np.sort(low), high, "left") + np.searchsorted(np.sort(low), high, "right")) / 2
    above = (np.searchsorted(np.sort(high), low, "left") + np.searchsorted(np.sort(high), low, "right")) / 2
    return below / low.size, 1 - above / high.size


def read_together(columns: dict[str, object]) -> Floats:
    """Read columns of the same patients as numbers, NaN where missing.

    Parameters
    ----------
    columns : dict of str to Series or array_like, shape (n,)
        Series must carry the same labels in the same order.

    Returns
    -------
    ndarray, shape (n, k)
        The columns.

    Raises
    ------
    DataError
        For columns that differ in length or labels, or are no numbers.
    """
    found = []
    first = next(iter(columns.values()))
    for name, values in columns.items():
        series = values if isinstance(values, pd.Series) else pd.Series(np.asarray(values))
        if isinstance(values, pd.Series) and isinstance(first, pd.Series) and not values.index.equals(first.index):
            raise DataError(f"the rows of {name!r} are not those of the others", remedy="take all from one table")
        try:
            found.append(series.to_numpy(dtype=np.float64, na_value=np.nan))
        except (TypeError, ValueError):
            raise DataError(f"{name!r} is not numeric", remedy="code yes as 1 and no as 0") from None
        if found[-1].shape != found[0].shape:
            raise DataError("the columns differ in length", f"{found[0].size} and {found[-1].size} rows")
    return np.column_stack(found)


def read_yes_no(values: Floats, name: str) -> Bools:
    """Read numbers as yes and no.

    Parameters
    ----------
    values : ndarray, shape (n,)
        1 and 0.
    name : str
        What to call them in messages.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for 1.

    Raises
    ------
    DataError
        For other values.
    """
    wrong = (values != 0) & (values != 1)
    if wrong.any():
        raise DataError(f"{name} has other values than 0 and 1", f"in {name_rows(wrong)}", "code yes as 1 and no as 0")
    read: Bools = values == 1
    return read
