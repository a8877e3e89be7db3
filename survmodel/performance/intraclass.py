r"""How much of the variance of a measurement is between patients: intraclass correlations of readers.

The names are those of Shrout and Fleiss. ICC(1,1): each patient has readers of his own. ICC(2,1): the same readers,
drawn from many, so that a reader who always reads high counts as disagreement. ICC(3,1): these readers only, whose
levels do not matter. All are of a single reading, from the mean squares of an analysis of variance, with limits from
F distributions; those of ICC(2,1) are approximate (Satterthwaite), and cover a little too rarely with few readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import f as fisher

from survmodel.errors import ConfigError, DataError, FitError, closest
from survmodel.formatting import count_noun, format_estimate, format_significant
from survmodel.performance.proportions import check_level
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Kind = Literal["ICC(1,1)", "ICC(2,1)", "ICC(3,1)"]
#: What each kind answers.
KINDS = {
    "ICC(1,1)": "each patient has readers of his own",
    "ICC(2,1)": "readers drawn from many, absolute agreement",
    "ICC(3,1)": "these readers only, consistency",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IntraclassCorrelation(Result):
    """Share of variance that is between patients.

    Attributes
    ----------
    kind_of_icc : str
        Which intraclass correlation.
    estimate, conf_low, conf_high, conf_level : float
        The correlation and its limits.
    mean_squares : dict of str to float
        Between patients, within patients, between readers, residual.
    n, n_readers, n_missing : int
        Patients, readers, patients left out.
    warnings : tuple of str
        What the reader must know.
    """

    kind_of_icc: Kind
    estimate: float
    conf_low: float
    conf_high: float
    conf_level: float
    mean_squares: dict[str, float]
    n: int
    n_readers: int
    n_missing: int
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the correlation.

        Returns
        -------
        pandas.DataFrame
            Columns measure, estimate, conf_low, conf_high, n.
        """
        row = {"measure": self.kind_of_icc}
        return pd.DataFrame([row | {name: getattr(self, name) for name in ("estimate", "conf_low", "conf_high", "n")}])

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {name: getattr(self, name) for name in ("n", "n_readers", "n_missing", "conf_level")}
        conventions = f"{self.kind_of_icc}: {KINDS[self.kind_of_icc]}; limits from F (Shrout, Fleiss 1979)"
        return pd.DataFrame([row | {"conventions": conventions}])

    def _display(self) -> Display:
        rows = [[name, format_significant(value)] for name, value in self.mean_squares.items()]
        value = format_estimate(self.estimate, self.conf_low, self.conf_high)
        readers = f"{count_noun(self.n, 'patient')}, {count_noun(self.n_readers, 'reader')}"
        notes = [f"{KINDS[self.kind_of_icc].capitalize()}; limits from F distributions"]
        notes += [f"{count_noun(self.n_missing, 'patient')} left out for want of a reading"] if self.n_missing else []
        title = f"{self.kind_of_icc} of {readers}: {value}"
        return Display(title, (Table(["mean square", "value"], rows),), tuple(notes))


def intraclass_correlation(
    table: object, kind: Kind = "ICC(2,1)", *, conf_level: float = 0.95
) -> IntraclassCorrelation:
    """Measure how far readings of the same patients agree.

    Parameters
    ----------
    table : DataFrame or array_like, shape (n, k)
        One row for each patient, one column for each reader (or segmentation). Rows with a gap are left out and
        counted.
    kind : {"ICC(2,1)", "ICC(1,1)", "ICC(3,1)"}
        Which intraclass correlation.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    IntraclassCorrelation
        Correlation and limits.

    Raises
    ------
    DataError
        For values that are no finite numbers, and fewer than two readers or patients.
    ConfigError
        For an unknown kind, and a coverage outside (0, 1).
    FitError
        Where nothing varies.

    References
    ----------
    Shrout PE, Fleiss JL (1979). Psychol Bull 86:420-428.

    Examples
    --------
    >>> table = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> round(intraclass_correlation(table).estimate, 2)
    0.29
    """
    check_level(conf_level)
    if kind not in KINDS:
        raise ConfigError(f"kind {kind!r} is not known", remedy=closest(str(kind), KINDS))
    values = _read(table)
    known = ~np.isnan(values).any(axis=1)
    values = values[known]
    n, k = values.shape
    if min(n, k) < 2:
        raise DataError("an intraclass correlation needs two readers and two patients", f"{k} and {n} without gaps")
    squares = _mean_squares(values)
    tail = (1 - conf_level) / 2
    compute = {"ICC(1,1)": _one_way, "ICC(2,1)": _two_way, "ICC(3,1)": _consistency}[kind]
    estimate, low, high = compute(squares, n, k, tail)
    return IntraclassCorrelation(
        kind_of_icc=kind,
        estimate=estimate,
        conf_low=low,
        conf_high=high,
        conf_level=conf_level,
        mean_squares=squares,
        n=n,
        n_readers=k,
        n_missing=int((~known).sum()),
        warnings=("The estimate is below 0: patients differ less than their readings do",) if estimate < 0 else (),
    )


def _read(table: object) -> Floats:
    try:
        values = np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("readings are not numeric", remedy="give one column of numbers for each reader") from None
    if values.ndim != 2:
        raise DataError("readings are no table", f"{values.ndim} dimensions", "give one row for each patient")
    if np.isinf(values).any():
        raise DataError("a reading is infinite", remedy="leave it missing, or correct it")
    return values


def _mean_squares(values: Floats) -> dict[str, float]:
    """Split the variance into patients, readers and the rest."""
    n, k = values.shape
    centred = values - values.mean()
    by_patient, by_reader = centred.mean(axis=1), centred.mean(axis=0)
    rest = centred - by_patient[:, None] - by_reader
    within = centred - by_patient[:, None]
    # Sums of squares this small against the readings are float rounding.
    noise = 1e-24 * max(1.0, float(np.abs(values).max()) ** 2) * values.size
    sums = [k * (by_patient**2).sum(), (within**2).sum(), n * (by_reader**2).sum(), (rest**2).sum()]
    between, inside, readers, residual = (0.0 if one < noise else float(one) for one in sums)
    if between == 0 and inside == 0:
        raise FitError("an intraclass correlation needs readings that differ", "all readings are the same")
    return {
        "between patients": between / (n - 1),
        "within patients": inside / (n * (k - 1)),
        "between readers": readers / (k - 1),
        "residual": residual / ((n - 1) * (k - 1)),
    }


def _from_ratio(between: float, error: float, k: int, df: tuple[int, int], tail: float) -> tuple[float, float, float]:
    """Compute an intraclass correlation from one ratio of mean squares, and its limits."""
    if error == 0:
        return 1.0, 1.0, 1.0
    ratio = between / error
    low, high = ratio / fisher.ppf(1 - tail, *df), ratio * fisher.ppf(1 - tail, *df[::-1])
    return (ratio - 1) / (ratio + k - 1), float((low - 1) / (low + k - 1)), float((high - 1) / (high + k - 1))


def _one_way(squares: dict[str, float], n: int, k: int, tail: float) -> tuple[float, float, float]:
    return _from_ratio(squares["between patients"], squares["within patients"], k, (n - 1, n * (k - 1)), tail)


def _consistency(squares: dict[str, float], n: int, k: int, tail: float) -> tuple[float, float, float]:
    return _from_ratio(squares["between patients"], squares["residual"], k, (n - 1, (n - 1) * (k - 1)), tail)


def _two_way(squares: dict[str, float], n: int, k: int, tail: float) -> tuple[float, float, float]:
    """Compute ICC(2,1), its limits with degrees of freedom by Satterthwaite."""
    between, readers, error = squares["between patients"], squares["between readers"], squares["residual"]
    if error == 0 and readers == 0:
        return 1.0, 1.0, 1.0
    estimate = (between - error) / (between + (k - 1) * error + k * (readers - error) / n)
    own, rest = k * estimate, n * (1 + (k - 1) * estimate) - k * estimate
    top = (k - 1) * (n - 1) * (own * readers + rest * error) ** 2
    df = top / ((n - 1) * (own * readers) ** 2 + (rest * error) ** 2)
    above, below = float(fisher.ppf(1 - tail, n - 1, df)), float(fisher.ppf(1 - tail, df, n - 1))
    spread = k * readers + (k * n - k - n) * error
    low = n * (between - above * error) / (above * spread + n * between)
    return estimate, low, n * (below * between - error) / (spread + n * below * between)
