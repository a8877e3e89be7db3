"""Two tests against one reference in the same patients: accuracy of each, and by how much they differ.

The headline stands on patients who are verified and whom both tests read yes or no. Indeterminate reads are a third
state: they are shown, and counted as right in a best case and as wrong in a worst case. Patients whom the reference
did not verify are counted by the results of the tests, and a labelled row estimates what full verification would have
shown. Without disease-negatives there is no specificity, and without a reference only positivity:
:func:`survmodel.paired_positivity`.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, closest
from survmodel.formatting import count_noun, format_estimate, format_p, format_percent
from survmodel.performance.accuracy_rows import Bools, Choices, Ints, Row, corrected_rows, difference_rows, share_rows
from survmodel.performance.difference_limits import DIFFERENCE_LIMITS, DifferenceLimits
from survmodel.performance.mcnemar import METHODS, Method
from survmodel.performance.proportions import LIMITS, Limits, check_level
from survmodel.performance.readings import INDETERMINATE, MISSING, NO, YES, read_clusters, read_readings
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

HEADLINE = "verified, determinate"
COLUMNS = (
    "sample", "model", "contrast", "measure", "estimate", "conf_low", "conf_high", "n", "statistic", "df", "p_value",
    "used",
)  # fmt: skip
_STATES = ("+", "-", "?")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PairedAccuracy(Result):
    """Accuracy of two tests in the same patients.

    Attributes
    ----------
    names : tuple of (str, str)
        The tests; differences are first minus second.
    rows : tuple of dict
        The numbers, one dict for each row of ``tidy()``.
    counts : ndarray of int, shape (3, 3, 3)
        Rows by reference (yes, no, not verified), first and second test (yes, no, indeterminate).
    n_missing : int
        Rows left out because they lack a test.
    n_cluster : int
        Patients, where rows are lesions or regions; 0 where rows are patients.
    conf_level : float
        Coverage of limits.
    conventions : str
        How the numbers were computed.
    warnings : tuple of str
        What the reader must know.
    """

    names: tuple[str, str]
    rows: tuple[Row, ...]
    counts: npt.NDArray[np.int64]
    n_missing: int
    n_cluster: int
    conf_level: float
    conventions: str
    warnings: tuple[str, ...] = ()

    @property
    def verification(self) -> float:
        """Share of rows with both tests that the reference verified."""
        return float(self.counts[:2].sum() / self.counts.sum())

    def tidy(self) -> pd.DataFrame:
        """Give shares, differences and ratios.

        Returns
        -------
        pandas.DataFrame
            Columns sample (which reads), model (one test) or contrast (two), measure, estimate, conf_low, conf_high,
            n, statistic, df, p_value, used (where limits of clustered rows come from).
        """
        return pd.DataFrame(list(self.rows), columns=list(COLUMNS))

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": int(self.counts.sum()),
            "n_analysed": int(self.counts[:2, :2, :2].sum()),
            "n_verified": int(self.counts[:2].sum()),
            "n_indeterminate": int(self.counts.sum() - self.counts[:, :2, :2].sum()),
            "n_missing": self.n_missing,
            "n_cluster": self.n_cluster,
            "conf_level": self.conf_level,
            "conventions": self.conventions,
        }
        return pd.DataFrame([row])

    def verified_by_results(self) -> pd.DataFrame:
        """Give the share that was verified for each pair of results.

        Returns
        -------
        pandas.DataFrame
            Columns level (both results), estimate (share verified), n (rows); pairs that nobody has are left out.
        """
        rows = []
        for i, first in enumerate(_STATES):
            for j, second in enumerate(_STATES):
                n, seen = int(self.counts[:, i, j].sum()), int(self.counts[:2, i, j].sum())
                if n:
                    level = f"{self.names[0]} {first}, {self.names[1]} {second}"
                    rows.append({"level": level, "estimate": seen / n, "n": n})
        return pd.DataFrame(rows)

    def _states(self) -> list[list[str]]:
        """Give the third state its place: each test's results by the reference."""
        rows = []
        for axis, name in ((2, self.names[0]), (1, self.names[1])):
            by_result = self.counts.sum(axis=axis)
            for state, label in enumerate(("positive", "negative", "indeterminate")):
                rows.append([f"{name} {label}", *map(str, by_result[:, state].tolist())])
        return rows

    def _display(self) -> Display:
        records = self.tidy().to_dict("records")
        one = [[r["sample"], r["model"], r["measure"], _numbers(r), str(r["n"])] for r in records if _text(r["model"])]
        two = [
            [r["sample"], r["contrast"], r["measure"], _numbers(r), format_p(r["p_value"])]
            for r in records
            if _text(r["contrast"])
        ]
        seen = [
            [r["level"], str(r["n"]), format_percent(r["estimate"])]
            for r in self.verified_by_results().to_dict("records")
        ]
        tables = (
            Table(["results", *(f"reference {name}" for name in ("yes", "no", "missing"))], self._states()),
            Table(["reads", "test", "measure", "estimate", "n"], one, left=3),
            Table(["reads", "contrast", "measure", "estimate", "p"], two, left=3),
            Table(["results (? indeterminate)", "n", "verified"], seen),
        )
        notes = [self.conventions, f"Verified: {format_percent(self.verification)}"]
        notes += [f"{count_noun(self.n_missing, 'row')} left out for want of a test"] if self.n_missing else []
        title = f"{self.names[0]} and {self.names[1]} against the reference, {int(self.counts.sum())} rows"
        return Display(title, tables, tuple(notes))


def _text(value: object) -> bool:
    return isinstance(value, str)


def _numbers(row: dict[Hashable, Any]) -> str:
    return format_estimate(row["estimate"], row["conf_low"], row["conf_high"], 3)


def paired_accuracy(
    reference: object,
    test_a: object,
    test_b: object,
    *,
    names: tuple[str, str] = ("A", "B"),
    cluster: object = None,
    method: Method = "mid-p",
    limits: tuple[Limits, DifferenceLimits] = ("wilson", "tango"),
    conf_level: float = 0.95,
    seed: int = 0,
) -> PairedAccuracy:
    """Compare the accuracy of two tests in the same patients, lesions or regions.

    Parameters
    ----------
    reference : Series or array_like, shape (n,)
        1, True or "yes" with the condition, 0 without, missing where not verified.
    test_a, test_b : Series or array_like, shape (n,)
        1 positive, 0 negative, "indeterminate"; rows that lack one are left out and counted.
    names : tuple of (str, str)
        The tests.
    cluster : Series or array_like, shape (n,), optional
        Patient of each row, where rows are lesions or regions.
    method : {"mid-p", "exact"}
        McNemar's p-value for sensitivity, specificity and accuracy.
    limits : tuple
        Limits of shares ("wilson" or "clopper-pearson") and of differences ("tango" or "newcombe").
    conf_level : float
        Coverage of limits.
    seed : int
        Start of the random numbers of a bootstrap of patients (clustered rows with a share of 0 or 1 only).

    Returns
    -------
    PairedAccuracy
        Accuracy of each test, differences, best and worst case, correction for verification.

    Raises
    ------
    DataError
        For other readings, rows that do not agree, no row that can be analysed, and no reference at all.
    ConfigError
        For unknown options.

    References
    ----------
    Fagerland MW, Lydersen S, Laake P (2013). BMC Med Res Methodol 13:91. Tango T (1998). Stat Med 17:891-908. Kosinski
    AS (2013). Stat Med 32:964-977. Begg CB, Greenes RA (1983). Biometrics 39:207-215.

    Examples
    --------
    >>> result = paired_accuracy([1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 1], names=("CXCR4", "FDG"))
    >>> result.tidy().query("model == 'CXCR4'")["estimate"].head(2).tolist()
    [0.75, 1.0]
    """
    _check_options(names, method, limits, conf_level)
    how = Choices(names, method, *limits, conf_level, seed)
    disease, a, b = _read(reference, test_a, test_b, names)
    patient = read_clusters(cluster, disease.size)
    known = (a != MISSING) & (b != MISSING)
    disease, a, b = disease[known], a[known], b[known]
    patient = None if patient is None else patient[known]
    verified = disease != MISSING
    if not verified.any():
        raise DataError(
            "accuracy needs a reference", f"0 of {disease.size} rows are verified", "use paired_positivity instead"
        )
    headline = verified & (a != INDETERMINATE) & (b != INDETERMINATE)
    if not headline.any():
        raise DataError("no row is verified and read yes or no by both tests", f"{disease.size} rows")
    rows = _both(HEADLINE, disease == YES, (a == YES, b == YES), headline, patient, how)
    if not (headline == verified).all():
        rows += _extreme_rows(disease, a, b, verified, patient, how)
    determinate = (a != INDETERMINATE) & (b != INDETERMINATE)
    notes: list[str] = []
    if not verified[determinate].all():
        notes.append(f"{count_noun(int((determinate & ~verified).sum()), 'row')} not verified: accuracy may be biased")
        if patient is None:
            corrected = corrected_rows(disease[determinate], (a[determinate] == YES, b[determinate] == YES), how)
            rows += corrected
            notes += [] if corrected else ["A pair of results has nobody verified: no correction is possible"]
    n_cluster = 0 if patient is None else int(np.unique(patient).size)
    counts = _count(disease, a, b)
    return PairedAccuracy(
        names=names,
        rows=tuple(rows),
        counts=counts,
        n_missing=int((~known).sum()),
        n_cluster=n_cluster,
        conf_level=conf_level,
        conventions=_conventions(how, clustered=patient is not None),
        warnings=tuple(_one_kind(disease[headline]) + notes),
    )


def _check_options(names: tuple[str, str], method: str, limits: tuple[str, str], conf_level: float) -> None:
    check_level(conf_level)
    if names[0] == names[1]:
        raise ConfigError("the two tests have one name", remedy='give names=("CXCR4", "FDG")')
    for name, value, allowed in (
        ("method", method, METHODS),
        ("limits", limits[0], tuple(LIMITS)),
        ("limits", limits[1], tuple(DIFFERENCE_LIMITS)),
    ):
        if value not in allowed:
            raise ConfigError(f"{name} {value!r} is not known", remedy=closest(str(value), allowed))


def _read(reference: object, test_a: object, test_b: object, names: tuple[str, str]) -> tuple[Ints, Ints, Ints]:
    given = [reference, test_a, test_b]
    indexes = [one.index for one in given if isinstance(one, pd.Series)]
    if any(not index.equals(indexes[0]) for index in indexes):
        raise DataError("the rows of reference and tests are not the same", remedy="take all from one table")
    disease = read_readings(reference, "reference", third_state=False)
    a, b = (read_readings(one, name) for one, name in zip(given[1:], names, strict=True))
    if not disease.size == a.size == b.size:
        raise DataError("reference and tests differ in length", f"{disease.size}, {a.size} and {b.size} rows")
    return disease, a, b


def _both(
    sample: str, disease: Bools, calls: tuple[Bools, Bools], which: Bools, patient: Ints | None, how: Choices
) -> list[Row]:
    """Compute shares and differences of some rows."""
    some = None if patient is None else patient[which]
    chosen = (calls[0][which], calls[1][which])
    return [
        *share_rows(sample, disease[which], chosen, some, how),
        *difference_rows(sample, disease[which], chosen, some, how),
    ]


def _extreme_rows(disease: Ints, a: Ints, b: Ints, verified: Bools, patient: Ints | None, how: Choices) -> list[Row]:
    """Count indeterminate reads as right and as wrong: of both tests for shares, against each other for differences."""
    ill = disease == YES
    right_a, right_b = (np.where(one == INDETERMINATE, ill, one == YES) for one in (a, b))
    wrong_a, wrong_b = (np.where(one == INDETERMINATE, ~ill, one == YES) for one in (a, b))
    some = None if patient is None else patient[verified]
    rows: list[Row] = []
    for sample, one, other in (("best case", right_a, right_b), ("worst case", wrong_a, wrong_b)):
        rows += share_rows(sample, ill[verified], (one[verified], other[verified]), some, how)
    for name, one, other in ((how.names[0], right_a, wrong_b), (how.names[1], wrong_a, right_b)):
        rows += difference_rows(f"best for {name}", ill[verified], (one[verified], other[verified]), some, how)
    return rows


def _count(disease: Ints, a: Ints, b: Ints) -> npt.NDArray[np.int64]:
    place = {YES: 0, NO: 1, INDETERMINATE: 2, MISSING: 2}
    counts = np.zeros((3, 3, 3), dtype=np.int64)
    for truth, first, second in zip(disease, a, b, strict=True):
        counts[place[int(truth)], place[int(first)], place[int(second)]] += 1
    found: npt.NDArray[np.int64] = frozen(counts, np.int64)
    return found


def _one_kind(disease: Ints) -> list[str]:
    if (disease == YES).all():
        return ["Nobody is without the condition by the reference: specificity and predictive values do not exist"]
    if (disease == NO).all():
        return ["Nobody has the condition by the reference: sensitivity and predictive values do not exist"]
    return []


def _conventions(how: Choices, *, clustered: bool) -> str:
    if clustered:
        return "rows within patients: GEE, independence, bias-reduced covariance, t; a share of 0 or 1: see used"
    return (
        f"limits: {LIMITS[how.limits]}; differences: {DIFFERENCE_LIMITS[how.difference_limits]}, McNemar {how.method}; "
        "predictive values: weighted generalised score test, ratio by Moskowitz and Pepe"
    )
