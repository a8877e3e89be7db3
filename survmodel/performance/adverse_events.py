"""Adverse events by grade, counted within thirds of injected activity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, name_rows
from survmodel.formatting import count_noun, format_interval, format_percent, format_significant
from survmodel.performance.delong import read_together
from survmodel.performance.proportions import check_level, wilson_limits
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

GRADES = range(6)
#: What is told of the grades, and from which grade on.
EVENTS = (("any event", 1), ("grade 3 or worse", 3))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WorstGrades(Result):
    """The worst adverse event of each patient, in all and in thirds of injected activity.

    Attributes
    ----------
    counts : ndarray of int, shape (6, 4)
        Patients by grade 0 to 5 (rows): all, then the lowest, middle and highest third (columns).
    cuts : tuple of (float, float)
        Activities in MBq between the thirds; a value at a cut is below it.
    n_missing : int
        Patients left out because they lack a grade or an activity.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        None.
    """

    counts: npt.NDArray[np.int64]
    cuts: tuple[float, float]
    n_missing: int
    conf_level: float
    warnings: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the columns: all, then the thirds by their cuts."""
        low, high = (format_significant(cut) for cut in self.cuts)
        return "all", f"up to {low} MBq", f"to {high} MBq", f"above {high} MBq"

    def shares(self, least: int) -> tuple[tuple[int, int, float, float], ...]:
        """Give the patients whose grade is so high or higher, in each column.

        Parameters
        ----------
        least : int
            Lowest grade that counts.

        Returns
        -------
        tuple of (int, int, float, float)
            Those patients, all patients, and Wilson's limits of their share.
        """
        found = []
        for column in self.counts.T:
            yes, n = int(column[least:].sum()), int(column.sum())
            found.append((yes, n, *wilson_limits(yes, n, self.conf_level)))
        return tuple(found)

    def tidy(self) -> pd.DataFrame:
        """Give counts by grade, and shares.

        Returns
        -------
        pandas.DataFrame
            Columns group, level (grade), measure, estimate, conf_low, conf_high, n, lower, upper (cuts of a third).
        """
        rows: list[dict[str, object]] = []
        edges = [float("nan"), *self.cuts, float("nan")]
        for place, group in enumerate(self.groups):
            ends = {"lower": edges[place - 1], "upper": edges[place]} if place else {}
            for grade in GRADES:
                count = int(self.counts[grade, place])
                rows.append({"group": group, "level": f"grade {grade}", "measure": "patients", "n": count, **ends})
            for measure, least in EVENTS:
                yes, n, low, high = self.shares(least)[place]
                limits = {"estimate": yes / n, "conf_low": low, "conf_high": high}
                rows.append({"group": group, "measure": measure, **limits, "n": n, **ends})
        columns = ["group", "level", "measure", "estimate", "conf_low", "conf_high", "n", "lower", "upper"]
        return pd.DataFrame(rows, columns=columns)

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {"n": int(self.counts[:, 0].sum()), "n_missing": self.n_missing, "conf_level": self.conf_level}
        conventions = "worst event of each patient; thirds by quantiles of type 7; limits: Wilson"
        return pd.DataFrame([row | {"conventions": conventions}])

    def to_table(self) -> Table:
        """Lay the counts out.

        Returns
        -------
        Table
            Grades, then any event and grade 3 or worse, in all and in each third.
        """
        rows = [[f"grade {grade}", *map(str, self.counts[grade].tolist())] for grade in GRADES]
        for label, least in EVENTS:
            rows.append([label, *map(_share, self.shares(least))])
        notes = ["Worst event of each patient; thirds by quantiles of type 7; limits: Wilson"]
        if self.n_missing:
            notes.append(f"{count_noun(self.n_missing, 'patient')} left out for want of a grade or an activity")
        return Table(["", *self.groups], rows, caption="Adverse events by injected activity", footnotes=notes)

    def _display(self) -> Display:
        title = f"Adverse events of {count_noun(int(self.counts[:, 0].sum()), 'patient')}"
        return Display(title, (self.to_table(),))


def _share(numbers: tuple[int, int, float, float]) -> str:
    yes, n, low, high = numbers
    return f"{yes} of {n}, {format_percent(yes / n)} ({format_interval(100 * low, 100 * high, 1)})"


def worst_grades(grades: object, injected_mbq: object, *, conf_level: float = 0.95) -> WorstGrades:
    """Count the worst adverse event of each patient by thirds of injected activity.

    Parameters
    ----------
    grades : Series or array_like, shape (n,)
        Worst grade (CTCAE) of each patient, 0 for none to 5.
    injected_mbq : Series or array_like, shape (n,)
        Injected activity in MBq. Patients who lack either are left out and counted.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    WorstGrades
        Counts, and shares of any event and of grade 3 or worse.

    Raises
    ------
    DataError
        For grades other than 0 to 5, activities that are not above 0 or too few to make thirds of.
    ConfigError
        For a coverage outside (0, 1).

    References
    ----------
    Common Terminology Criteria for Adverse Events, version 5.0 (2017). National Cancer Institute.

    Examples
    --------
    >>> worst_grades([0, 0, 1, 0, 2, 0], [80, 95, 110, 120, 140, 160]).counts[0].tolist()
    [4, 2, 1, 1]
    """
    check_level(conf_level)
    columns = read_together({"grades": grades, "injected_mbq": injected_mbq})
    known = ~np.isnan(columns).any(axis=1)
    wrong = ~np.isin(columns[:, 0], GRADES) & ~np.isnan(columns[:, 0])
    if wrong.any():
        raise DataError("a grade is none of 0 to 5", f"in {name_rows(wrong)}", "give CTCAE grades, 0 for no event")
    dose = columns[:, 1]
    bad = (dose <= 0) | np.isinf(dose)
    if bad.any():
        raise DataError("an injected activity is not above 0", f"in {name_rows(bad)}", "give it in MBq")
    grade, dose = columns[known, 0].astype(np.int64), columns[known, 1]
    different = np.unique(dose).size
    if different < 3:
        raise DataError("thirds of injected activity need three different ones", f"found {different}")
    cuts = np.quantile(dose, [1 / 3, 2 / 3])
    third = np.searchsorted(cuts, dose, side="left")
    groups = [np.ones(dose.size, dtype=bool), *(third == k for k in range(3))]
    if not all(one.any() for one in groups):
        raise DataError("a third of injected activity is empty", "many activities are the same")
    counts = np.column_stack([np.bincount(grade[one], minlength=len(GRADES)) for one in groups])
    return WorstGrades(
        frozen(counts, np.int64), (float(cuts[0]), float(cuts[1])), int((~known).sum()), float(conf_level)
    )
