r"""Do two readers say the same? Cohen's kappa of levels, plain or weighted.

Kappa sets the weighted agreement :math:`p_o` against that of chance, :math:`p_e`, which has the readers' own margins:
:math:`\kappa = (p_o - p_e) / (1 - p_e)`. Weights count near levels as partly agreed: :math:`1 - |i-j|/(k-1)` (linear)
or :math:`1 - (i-j)^2/(k-1)^2` (quadratic). The standard error is that of large samples where kappa is not 0 (Fleiss,
Cohen and Everitt); limits beyond 1 or -1 are cut there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from survmodel.errors import ConfigError, FitError, closest
from survmodel.formatting import count_noun, format_estimate, format_percent
from survmodel.performance.proportions import check_level
from survmodel.performance.rating_table import RatingTable, tabulate_ratings
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Weights = Literal["linear", "quadratic"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Kappa(Result):
    """Agreement of two readers beyond chance.

    Attributes
    ----------
    names : tuple of (str, str)
        The readers.
    table : RatingTable
        Patients by level of the first (rows) and of the second (columns).
    estimate, std_error, conf_low, conf_high, conf_level : float
        Kappa, its standard error and limits; these are NaN where all agree.
    observed, expected : float
        Weighted agreement, and that of chance.
    weights : str or None
        How near levels count.
    warnings : tuple of str
        What the reader must know.
    """

    names: tuple[str, str]
    table: RatingTable
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    conf_level: float
    observed: float
    expected: float
    weights: Weights | None
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give kappa.

        Returns
        -------
        pandas.DataFrame
            Columns measure, estimate, std_error, conf_low, conf_high, observed, expected, n.
        """
        names = ("estimate", "std_error", "conf_low", "conf_high", "observed", "expected")
        row = {"measure": self._label(), **{name: getattr(self, name) for name in names}, "n": self.table.n}
        return pd.DataFrame([row])

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {"n": self.table.n, "n_missing": self.table.n_missing, "conf_level": self.conf_level}
        return pd.DataFrame([row | {"conventions": f"{self._label()}, standard error of Fleiss, Cohen, Everitt 1969"}])

    def _label(self) -> str:
        return f"{self.weights} weighted kappa" if self.weights else "Cohen's kappa"

    def _display(self) -> Display:
        levels = self.table.levels
        square = Table(
            [f"{self.names[0]} \\ {self.names[1]}", *levels],
            [[level, *map(str, row)] for level, row in zip(levels, self.table.counts.tolist(), strict=True)],
        )
        notes = [f"Agreement {format_percent(self.observed)}, by chance {format_percent(self.expected)}"]
        missing = self.table.n_missing
        notes += [f"{count_noun(missing, 'patient')} left out for want of a rating"] if missing else []
        value = format_estimate(self.estimate, self.conf_low, self.conf_high)
        title = f"{self._label()} of {count_noun(self.table.n, 'patient')}: {value}"
        return Display(title, (square,), tuple(notes))


def cohens_kappa(
    a: object,
    b: object,
    weights: Weights | None = None,
    *,
    levels: Sequence[object] | None = None,
    names: tuple[str, str] = ("A", "B"),
    conf_level: float = 0.95,
) -> Kappa:
    """Measure how far two readers agree beyond chance.

    Parameters
    ----------
    a, b : Series or array_like, shape (n,)
        Levels that each reader gave. Patients who lack one are left out and counted.
    weights : {"linear", "quadratic"}, optional
        How near levels count; only the same level counts without.
    levels : sequence, optional
        All levels, from low to high; needed for weighted kappa of texts.
    names : tuple of (str, str)
        The readers.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    Kappa
        Kappa, standard error, limits.

    Raises
    ------
    DataError
        For unknown levels, rows that do not agree, one level only, and no patient with both.
    ConfigError
        For unknown weights, texts without ``levels`` when weighted, and a coverage outside (0, 1).
    FitError
        Where both readers gave one level to everybody.

    References
    ----------
    Cohen J (1960). Educ Psychol Meas 20:37-46. Fleiss JL, Cohen J, Everitt BS (1969). Psychol Bull 72:323-327.

    Examples
    --------
    >>> round(cohens_kappa([1, 1, 0, 0, 1, 0], [1, 1, 0, 1, 1, 0]).estimate, 3)
    0.667
    """
    check_level(conf_level)
    if weights not in (None, "linear", "quadratic"):
        raise ConfigError(f"weights {weights!r} are not known", remedy=closest(str(weights), ["linear", "quadratic"]))
    table = tabulate_ratings(a, b, names, levels, ordered=weights is not None)
    estimate, error, observed, expected = compute_kappa(table.counts, weights)
    reach = float(norm.ppf((1 + conf_level) / 2)) * error
    agreed = observed == 1
    return Kappa(
        names=names,
        table=table,
        estimate=estimate,
        std_error=float("nan") if agreed else error,
        conf_low=float("nan") if agreed else max(-1.0, estimate - reach),
        conf_high=float("nan") if agreed else min(1.0, estimate + reach),
        conf_level=conf_level,
        observed=observed,
        expected=expected,
        weights=weights,
        warnings=("All ratings agree: kappa is 1, and large samples have no limits for it",) if agreed else (),
    )


def compute_kappa(counts: npt.NDArray[np.int64], weights: Weights | None) -> tuple[float, float, float, float]:
    """Compute kappa from a square table.

    Parameters
    ----------
    counts : ndarray of int, shape (k, k)
        Patients.
    weights : {"linear", "quadratic"} or None
        How near levels count.

    Returns
    -------
    estimate, std_error, observed, expected : float
        Kappa, its standard error, weighted agreement and that of chance.

    Raises
    ------
    FitError
        Where chance alone agrees fully.

    Examples
    --------
    >>> compute_kappa(np.array([[2, 1], [0, 3]]), None)[2:]
    (0.8333333333333334, 0.5)
    """
    k, n = counts.shape[0], int(counts.sum())
    step = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / (k - 1)
    weight: Floats = {None: (step == 0).astype(float), "linear": 1 - step, "quadratic": 1 - step**2}[weights]
    share = counts / n
    row, column = share.sum(axis=1), share.sum(axis=0)
    off = counts * (1 - weight)
    observed = 1 - float(off.sum()) / n
    expected = float(row @ weight @ column)
    if np.count_nonzero(counts.sum(axis=1) + counts.sum(axis=0)) < 2:
        raise FitError("kappa is not defined", "both readers gave one level to everybody", "report the agreement")
    kappa = (observed - expected) / (1 - expected)
    by_pair = weight - (1 - kappa) * np.add.outer(weight @ column, row @ weight)
    spread = float((share * by_pair**2).sum()) - (kappa - expected * (1 - kappa)) ** 2
    return kappa, sqrt(max(spread, 0.0) / n) / (1 - expected), observed, expected
