r"""Rank correlations of markers with laboratory values, age and tumour burden, and of uptake with the size of lesions.

Spearman's :math:`\rho` with Student's t for its p-value, limits by Fisher's z with the variance of Bonett and Wright,
:math:`(1 + \rho^2 / 2) / (n - 3)`, and p-values adjusted by Benjamini and Hochberg over all pairs of one table.
Correlations describe; they are no sign of an effect on survival.

Lesions of a patient are alike: the correlation of uptake with size over lesions has limits by drawing patients. Small
lesions lose uptake by partial volume, so that a marker may be a measure of size.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atanh, sqrt, tanh

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import false_discovery_control, rankdata
from scipy.stats import t as student

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, DataError, list_values, name_rows
from survmodel.formatting import count_noun, format_estimate, format_number, format_p, format_percent
from survmodel.performance.delong import read_together
from survmodel.performance.proportions import check_level
from survmodel.resampling import bootstrap_counts, read_units
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]

#: A correlation of fewer patients is not given.
FEWEST = 5
#: Volume in mL of a sphere of 2 cm: below it partial volume lowers the uptake that PET shows.
SMALL_ML = 4.2


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RankCorrelations(Result):
    """Correlations of some columns with others.

    Attributes
    ----------
    rows : tuple of str
        First columns.
    columns : tuple of str
        Those with which each is correlated.
    table : pandas.DataFrame
        What ``tidy()`` gives.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        Pairs without a correlation.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    table: pd.DataFrame
    conf_level: float
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give one row for each pair.

        Returns
        -------
        pandas.DataFrame
            Columns variable, reference (the other column), estimate, conf_low, conf_high, n, p_value, p_adjusted; NaN
            where a correlation is not given.
        """
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        conventions = "Spearman, t; limits: Fisher z, Bonett-Wright; adjusted: Benjamini-Hochberg over all pairs"
        row = {"n_pairs": int(self.table["estimate"].notna().sum()), "conf_level": self.conf_level}
        return pd.DataFrame([row | {"conventions": conventions}])

    def _display(self) -> Display:
        rows = [
            [
                r["variable"], r["reference"], str(r["n"]),
                format_estimate(r["estimate"], r["conf_low"], r["conf_high"], 3), format_p(r["p_value"]),
                format_p(r["p_adjusted"]),
            ]
            for r in self.table[self.table["estimate"].notna()].to_dict("records")
        ]  # fmt: skip
        table = Table(["", "with", "n", "Spearman's rho (limits)", "p", "p adjusted"], rows, left=2)
        title = f"Rank correlations of {count_noun(len(self.rows), 'column')} with {len(self.columns)}"
        return Display(title, (table,), (self.glance()["conventions"].item(),))


def rank_correlations(table: pd.DataFrame, against: pd.DataFrame, *, conf_level: float = 0.95) -> RankCorrelations:
    """Correlate each column of one table with each of another.

    Parameters
    ----------
    table, against : pandas.DataFrame, shape (n, k) and (n, m)
        Numbers with the same row labels. A patient without one of two values is left out of that pair. A column is not
        correlated with itself, and two columns that stand in both tables are correlated once.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    RankCorrelations
        One row for each pair.

    Raises
    ------
    DataError
        For rows that differ, columns that are no numbers, infinite values, and no pair at all.
    ConfigError
        For a coverage outside (0, 1).

    References
    ----------
    Bonett DG, Wright TA (2000). Psychometrika 65:23-28. Benjamini Y, Hochberg Y (1995). J R Stat Soc B 57:289-300.

    Examples
    --------
    >>> markers = pd.DataFrame({"suv": [3.0, 5, 8, 4, 9, 7]})
    >>> labs = pd.DataFrame({"ldh": [1.0, 2, 4, 3, 6, 5], "age": [60.0, 50, 70, 40, 65, 55]})
    >>> rank_correlations(markers, labs).tidy()[["reference", "estimate", "n"]].round(3).to_dict("list")
    {'reference': ['ldh', 'age'], 'estimate': [0.886, 0.6], 'n': [6, 6]}
    """
    check_level(conf_level)
    if not table.index.equals(against.index):
        raise DataError("the two tables have other rows", remedy="take both from one table")
    pairs = _pairs(table, against)
    if not pairs:
        raise DataError("no two different columns to correlate", remedy="give columns of patients")
    numbers = {**_numbers(against), **_numbers(table)}
    rows, warnings = [], []
    for first, second in pairs:
        row = _correlate(numbers[first], numbers[second], conf_level)
        rows.append({"variable": first, "reference": second, **row})
        if np.isnan(row["estimate"]):
            why = "fewer than 5 patients with both" if row["n"] < FEWEST else "one value throughout"
            warnings.append(f"{first} and {second}: no correlation, {why}")
    found = pd.DataFrame(rows)
    known = found["p_value"].notna()
    found["p_adjusted"] = np.nan
    if known.any():
        found.loc[known, "p_adjusted"] = false_discovery_control(found.loc[known, "p_value"])
    columns = tuple(str(name) for name in against.columns)
    return RankCorrelations(tuple(map(str, table.columns)), columns, found, conf_level, tuple(warnings))


def _pairs(table: pd.DataFrame, against: pd.DataFrame) -> list[tuple[str, str]]:
    found: dict[frozenset[str], tuple[str, str]] = {}
    for first in map(str, table.columns):
        for second in map(str, against.columns):
            if first != second:
                found.setdefault(frozenset((first, second)), (first, second))
    return list(found.values())


def _numbers(table: pd.DataFrame) -> dict[str, Floats]:
    wrong = [str(name) for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if wrong:
        raise DataError("a column is no number", f"found {list_values(wrong)}")
    found = {str(name): table[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in table.columns}
    for name, values in found.items():
        if np.isinf(values).any():
            raise DataError(f"{name} is infinite", f"in {name_rows(np.isinf(values))}", "correct it, or leave it out")
    return found


def _correlate(first: Floats, second: Floats, conf_level: float) -> dict[str, float]:
    known = ~(np.isnan(first) | np.isnan(second))
    x, y, n = first[known], second[known], int(known.sum())
    nothing = {"estimate": np.nan, "conf_low": np.nan, "conf_high": np.nan, "n": n, "p_value": np.nan}
    if n < FEWEST or x.min() == x.max() or y.min() == y.max():
        return nothing
    rho = _spearman(x, y)
    if abs(rho) == 1:
        return nothing | {"estimate": rho, "conf_low": rho, "conf_high": rho, "p_value": 0.0}
    p_value = 2 * float(student.sf(abs(rho) * sqrt((n - 2) / (1 - rho**2)), n - 2))
    reach = normal_quantile(conf_level) * sqrt((1 + rho**2 / 2) / (n - 3))
    limits = {"conf_low": tanh(atanh(rho) - reach), "conf_high": tanh(atanh(rho) + reach)}
    return nothing | {"estimate": rho, **limits, "p_value": p_value}


def _spearman(x: Floats, y: Floats) -> float:
    a, b = rankdata(x) - (x.size + 1) / 2, rankdata(y) - (y.size + 1) / 2
    # rounding must not make a complete agreement more than complete
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SizeDependence(Result):
    """How far uptake of lesions goes with their size.

    Attributes
    ----------
    estimate, conf_low, conf_high : float
        Spearman's correlation of uptake with volume over lesions, with limits.
    n, n_cluster : int
        Lesions and patients.
    n_small : int
        Lesions below the volume at which partial volume matters.
    small : float
        That volume in mL.
    n_missing : int
        Lesions left out because they lack one of the two.
    repeats : int
        Draws of patients with a correlation.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        What the reader must know.
    """

    estimate: float
    conf_low: float
    conf_high: float
    n: int
    n_cluster: int
    n_small: int
    small: float
    n_missing: int
    repeats: int
    conf_level: float
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the correlation and the share of small lesions.

        Returns
        -------
        pandas.DataFrame
            Columns measure, estimate, conf_low, conf_high, n.
        """
        limits = {"conf_low": self.conf_low, "conf_high": self.conf_high}
        rows = [
            {"measure": "Spearman's rho, uptake and volume", "estimate": self.estimate, **limits, "n": self.n},
            {"measure": "share of small lesions", "estimate": self.n_small / self.n, "n": self.n},
        ]
        return pd.DataFrame(rows, columns=["measure", "estimate", "conf_low", "conf_high", "n"])

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {"n": self.n, "n_cluster": self.n_cluster, "n_missing": self.n_missing, "conf_level": self.conf_level}
        conventions = f"limits: percentiles of {self.repeats} draws of patients"
        return pd.DataFrame([row | {"conventions": conventions}])

    def _display(self) -> Display:
        limits = format_estimate(self.estimate, self.conf_low, self.conf_high, 3)
        share = format_percent(self.n_small / self.n)
        rows = [
            ["Spearman's rho of uptake with volume", limits],
            [f"lesions below {format_number(self.small, 1)} mL", share],
        ]
        title = f"{count_noun(self.n, 'lesion')} of {count_noun(self.n_cluster, 'patient')}"
        return Display(title, (Table(["", ""], rows),), (self.glance()["conventions"].item(),))


def size_dependence(
    uptake: object,
    volume: object,
    patient: object,
    *,
    small: float = SMALL_ML,
    repeats: int = 1000,
    conf_level: float = 0.95,
    seed: int = 0,
) -> SizeDependence:
    """Correlate the uptake of lesions with their volume.

    Parameters
    ----------
    uptake, volume : Series or array_like, shape (n,)
        SUVmax, say, and mL of each lesion.
    patient : Series or array_like, shape (n,)
        Patient of each lesion, who is drawn with all lesions.
    small : float
        Volume in mL below which partial volume lowers the uptake: a sphere of 2 cm without another choice.
    repeats : int
        Draws of patients, 100 at least.
    conf_level : float
        Coverage of limits.
    seed : int
        The same seed gives the same limits.

    Returns
    -------
    SizeDependence
        The correlation over lesions, and the share of small ones.

    Raises
    ------
    DataError
        For values that are no numbers, negative volumes, and fewer than 5 lesions or 2 patients.
    ConfigError
        For a coverage outside (0, 1), few repeats, and a volume that is not above 0.

    References
    ----------
    Soret M, Bacharach SL, Buvat I (2007). J Nucl Med 48:932-945.

    Examples
    --------
    >>> found = size_dependence([4, 9, 5, 8, 6, 7], [1, 30, 3, 22, 6, 14], list("aabbcc"))
    >>> found.estimate, found.n_small
    (1.0, 2)
    """
    check_level(conf_level)
    if repeats < 100:
        raise ConfigError(f"repeats is {repeats}", remedy="draw at least 100 resamples")
    if not small > 0:
        raise ConfigError("small must be above 0", f"found {small}")
    columns = read_together({"uptake": uptake, "volume": volume})
    whose = pd.Series(np.asarray(patient, dtype=np.object_))
    if whose.size != len(columns):
        raise DataError("patients and lesions differ in number", f"{whose.size} and {len(columns)} rows")
    bad = np.isinf(columns).any(axis=1) | (columns[:, 1] < 0)
    if bad.any():
        raise DataError("a lesion has an infinite value or a volume below 0", f"in {name_rows(bad)}", "correct it")
    known = ~np.isnan(columns).any(axis=1) & whose.notna().to_numpy()
    x, y, codes = columns[known, 0], columns[known, 1], pd.factorize(whose[known])[0]
    if x.size < FEWEST or np.unique(codes).size < 2:
        found = f"found {count_noun(int(x.size), 'lesion')} of {count_noun(int(np.unique(codes).size), 'patient')}"
        raise DataError("a correlation over lesions needs 5 of them, of 2 patients", found)
    if x.min() == x.max() or y.min() == y.max():
        raise DataError("uptake or volume is the same in every lesion")
    drawn = _draws(x, y, codes, repeats, seed)
    tail = (1 - conf_level) / 2
    low, high = (float(np.quantile(drawn, p, method="inverted_cdf")) for p in (tail, 1 - tail))
    few = np.unique(codes).size < 10
    return SizeDependence(
        _spearman(x, y), low, high, int(x.size), int(np.unique(codes).size), int((y < small).sum()), float(small),
        int((~known).sum()), int(drawn.size), conf_level,
        ("fewer than 10 patients: limits by drawing them are too narrow",) if few else (),
    )  # fmt: skip


def _order(x: Floats, y: Floats, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Order lesions by what their patients have: draws are to depend on neither the order of rows nor on names."""
    inside = np.lexsort((y, x, codes))
    rows: dict[int, list[int]] = {}
    for row in inside.tolist():
        rows.setdefault(int(codes[row]), []).append(row)
    by_values = sorted(rows.values(), key=lambda own: [(x[row], y[row]) for row in own])
    return np.array([row for own in by_values for row in own], dtype=np.int64)


def _draws(x: Floats, y: Floats, codes: npt.NDArray[np.int64], repeats: int, seed: int) -> Floats:
    order = _order(x, y, codes)
    counts = bootstrap_counts(read_units(x.size, patient=codes[order]), repeats, seed)
    found = []
    for row in counts:
        own = np.repeat(order, row)
        if np.ptp(x[own]) > 0 and np.ptp(y[own]) > 0:
            found.append(_spearman(x[own], y[own]))
    return np.asarray(found, dtype=np.float64)
