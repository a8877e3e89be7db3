"""How often two tests are positive in the same patients, where no reference tells who is right.

A test that is positive more often may find more disease or call more patients wrongly: without a reference this is
positivity, and nothing else. With one, :func:`survmodel.paired_accuracy` gives what the tests are worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError
from survmodel.formatting import count_noun, format_estimate, format_interval, format_p_equation, format_percent
from survmodel.performance.clustered_difference import clustered_difference
from survmodel.performance.clustered_proportion import clustered_proportion
from survmodel.performance.difference_limits import tango_limits
from survmodel.performance.mcnemar import McNemarTest, Method, mcnemar_test
from survmodel.performance.proportions import check_level, wilson_limits
from survmodel.performance.readings import INDETERMINATE, MISSING, YES, read_clusters, read_readings
from survmodel.result import Display, Result
from survmodel.table import Table

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PairedPositivity(Result):
    """Positivity of two tests in the same patients.

    Attributes
    ----------
    test : McNemarTest
        The table of both, with its p-value.
    shares : tuple of tuple of (float, float, float)
        Positivity of each test, with limits.
    difference : tuple of (float, float, float)
        Positivity of the first minus the second, with limits.
    p_value : float
        McNemar's, or that of the clustered difference; NaN where there is none.
    n_indeterminate : int
        Patients left out because a test is neither positive nor negative.
    n_missing : int
        Patients left out because they lack a test.
    n_cluster : int
        Patients, where rows are lesions or regions; 0 where rows are patients.
    conf_level : float
        Coverage of limits.
    conventions : str
        How the numbers were computed.
    warnings : tuple of str
        None.
    """

    test: McNemarTest
    shares: tuple[tuple[float, float, float], tuple[float, float, float]]
    difference: tuple[float, float, float]
    p_value: float
    n_indeterminate: int
    n_missing: int
    n_cluster: int
    conf_level: float
    conventions: str
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the positivity of each test and the difference.

        Returns
        -------
        pandas.DataFrame
            Columns model or contrast, measure, estimate, conf_low, conf_high, n, p_value.
        """
        found, rows = self.test, []
        for name, (share, low, high) in zip(found.names, self.shares, strict=True):
            rows.append({"model": name, "estimate": share, "conf_low": low, "conf_high": high, "n": found.n})
        estimate, low, high = self.difference
        rows.append(
            {
                "contrast": f"{found.names[0]} - {found.names[1]}",
                "estimate": estimate,
                "conf_low": low,
                "conf_high": high,
                "n": found.n,
                "p_value": self.p_value,
            }
        )
        columns = ["model", "contrast", "measure", "estimate", "conf_low", "conf_high", "n", "p_value"]
        return pd.DataFrame(rows, columns=columns).assign(measure="positivity")

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.test.n,
            "n_indeterminate": self.n_indeterminate,
            "n_missing": self.n_missing,
            "n_cluster": self.n_cluster,
            "p_value": self.p_value,
            "conf_level": self.conf_level,
            "conventions": self.conventions,
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        found = self.test
        rows = [
            [f"{found.names[0]} positive", str(found.both), str(found.first_only)],
            [f"{found.names[0]} negative", str(found.second_only), str(found.neither)],
        ]
        square = Table(["", f"{found.names[1]} positive", f"{found.names[1]} negative"], rows)
        shares = [
            [r["model"], format_percent(r["estimate"]), format_interval(100 * r["conf_low"], 100 * r["conf_high"], 1)]
            for r in self.tidy().iloc[:2].to_dict("records")
        ]
        notes = [
            f"Difference {format_estimate(*self.difference, 3)}, {format_p_equation(self.p_value)}",
            "Positivity is not accuracy: no reference tells who has the disease",
        ]
        noun = "row" if self.n_cluster else "patient"
        for count, why in ((self.n_indeterminate, "indeterminate"), (self.n_missing, "without both tests")):
            notes += [f"{count_noun(count, noun)} left out, {why}"] if count else []
        table = Table(["", "positive", "limits, %"], shares)
        whom = f" in {count_noun(self.n_cluster, 'patient')}" if self.n_cluster else ""
        return Display(f"Positivity of {count_noun(found.n, noun)}{whom}", (square, table), tuple(notes))


def paired_positivity(
    test_a: object,
    test_b: object,
    *,
    names: tuple[str, str] = ("A", "B"),
    cluster: object = None,
    method: Method = "mid-p",
    conf_level: float = 0.95,
    seed: int = 0,
) -> PairedPositivity:
    """Compare how often two tests are positive, such as residual disease by PET and in the marrow.

    Parameters
    ----------
    test_a, test_b : Series or array_like, shape (n,)
        1, True or "yes" positive; 0, False or "no" negative; "indeterminate"; missing. Patients with other than yes
        and no are left out and counted.
    names : tuple of (str, str)
        The tests.
    cluster : Series or array_like, shape (n,), optional
        Patient of each row, where rows are lesions or regions.
    method : {"mid-p", "exact"}
        McNemar's p-value, where rows are patients.
    conf_level : float
        Coverage of limits.
    seed : int
        Start of the random numbers of a bootstrap of patients (clustered rows with a share of 0 or 1 only).

    Returns
    -------
    PairedPositivity
        Table, positivity of each, difference.

    Raises
    ------
    DataError
        For other readings, rows that do not agree, no patient with both, and clustered rows of one patient.
    ConfigError
        For unknown options.

    References
    ----------
    Fagerland MW, Lydersen S, Laake P (2013). BMC Med Res Methodol 13:91. Tango T (1998). Stat Med 17:891-908. Mancl LA,
    DeRouen TA (2001). Biometrics 57:126-134.

    Examples
    --------
    >>> result = paired_positivity([1, 1, 1, 0, 1], [1, 0, 0, 0, "indeterminate"], names=("CXCR4", "FDG"))
    >>> result.difference[0], result.n_indeterminate
    (0.5, 1)
    """
    check_level(conf_level)
    if names[0] == names[1]:
        raise ConfigError("the two tests have one name", remedy='give names=("CXCR4", "FDG")')
    if isinstance(test_a, pd.Series) and isinstance(test_b, pd.Series) and not test_a.index.equals(test_b.index):
        raise DataError("the rows of the two tests are not the same", remedy="take both from one table")
    a, b = (read_readings(one, name) for one, name in zip((test_a, test_b), names, strict=True))
    if a.size != b.size:
        raise DataError("the two tests differ in length", f"{a.size} and {b.size} rows")
    missing = (a == MISSING) | (b == MISSING)
    neither = ~missing & ((a == INDETERMINATE) | (b == INDETERMINATE))
    known = ~missing & ~neither
    if not known.any():
        raise DataError("no patient is positive or negative by both tests", f"{known.size} rows")
    found = mcnemar_test(a[known] == YES, b[known] == YES, names=names, method=method)
    patient = read_clusters(cluster, a.size)
    calls = a[known] == YES, b[known] == YES
    numbers = _plain(found, conf_level) if patient is None else _clustered(calls, patient[known], conf_level, seed)
    return PairedPositivity(
        test=found,
        shares=numbers.shares,
        difference=numbers.difference,
        p_value=numbers.p_value,
        n_indeterminate=int(neither.sum()),
        n_missing=int(missing.sum()),
        n_cluster=0 if patient is None else int(np.unique(patient[known]).size),
        conf_level=conf_level,
        conventions=numbers.conventions,
    )


class _Numbers(NamedTuple):
    shares: tuple[tuple[float, float, float], tuple[float, float, float]]
    difference: tuple[float, float, float]
    p_value: float
    conventions: str


def _plain(found: McNemarTest, conf_level: float) -> _Numbers:
    only = found.first_only, found.second_only
    first, second = ((n / found.n, *wilson_limits(n, found.n, conf_level)) for n in (found.both + one for one in only))
    difference = ((only[0] - only[1]) / found.n, *tango_limits(*only, found.n, conf_level))
    conventions = f"limits: Wilson; difference: Tango, McNemar {found.method}"
    return _Numbers((first, second), difference, found.p_value, conventions)


def _clustered(calls: tuple[Bools, Bools], patient: Ints, conf_level: float, seed: int) -> _Numbers:
    """Give limits that know of patients; without a difference of rows McNemar's test would count them as patients."""
    both = [clustered_proportion(one, patient, conf_level=conf_level) for one in calls]
    first, second = ((one.estimate, one.conf_low, one.conf_high) for one in both)
    every = np.ones(patient.size, dtype=bool)
    found = clustered_difference(calls, (every, every), patient, conf_level, seed)
    conventions = f"rows within patients: {both[0].method}, {both[1].method}; difference: {found.method}"
    return _Numbers((first, second), (found.estimate, found.conf_low, found.conf_high), found.p_value, conventions)
