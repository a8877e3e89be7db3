"""Adverse events by grade, within thirds of injected activity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.errors import DataError, name_rows
from survmodel.formatting import count_noun, format_interval, format_percent, format_significant
from survmodel.performance.delong import read_together
from survmodel.performance.proportions import check_level, wilson_limits
from survmodel.table import Table

Bools = npt.NDArray[np.bool_]


def safety_table(grades: object, injected_mbq: object, *, conf_level: float = 0.95) -> Table:
    """Tabulate the worst adverse event of each patient by thirds of injected activity.

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
    Table
        Counts by grade for all and for each third, with shares of any event and of grade 3 or worse and their Wilson
        limits.

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
    >>> table = safety_table([0, 0, 1, 0, 2, 0], [80, 95, 110, 120, 140, 160])
    >>> table.rows[0]
    ('grade 0', '4', '2', '1', '1')
    """
    check_level(conf_level)
    columns = read_together({"grades": grades, "injected_mbq": injected_mbq})
    known = ~np.isnan(columns).any(axis=1)
    wrong = ~np.isin(columns[:, 0], range(6)) & ~np.isnan(columns[:, 0])
    if wrong.any():
        raise DataError("a grade is none of 0 to 5", f"in {name_rows(wrong)}", "give CTCAE grades, 0 for no event")
    dose = columns[:, 1]
    bad = (dose <= 0) | np.isinf(dose)
    if bad.any():
        raise DataError("an injected activity is not above 0", f"in {name_rows(bad)}", "give it in MBq")
    grade, dose = columns[known, 0], columns[known, 1]
    different = np.unique(dose).size
    if different < 3:
        raise DataError("thirds of injected activity need three different ones", f"found {different}")
    cuts = np.quantile(dose, [1 / 3, 2 / 3])
    third = np.searchsorted(cuts, dose, side="left")
    groups = [np.ones(dose.size, dtype=bool), *(third == k for k in range(3))]
    if not all(one.any() for one in groups):
        raise DataError("a third of injected activity is empty", "many activities are the same")
    low, high = (format_significant(cut) for cut in cuts)
    header = ["", "all", f"up to {low} MBq", f"to {high} MBq", f"above {high} MBq"]
    rows = [[f"grade {k}", *(str(int((grade[one] == k).sum())) for one in groups)] for k in range(6)]
    for label, event in (("any event", grade >= 1), ("grade 3 or worse", grade >= 3)):
        rows.append([label, *(_share(event[one], conf_level) for one in groups)])
    left_out = int((~known).sum())
    notes = ["Worst event of each patient; thirds by quantiles of type 7; limits: Wilson"]
    notes += [f"{count_noun(left_out, 'patient')} left out for want of a grade or an activity"] if left_out else []
    return Table(header, rows, caption="Adverse events by injected activity", footnotes=notes)


def _share(event: Bools, conf_level: float) -> str:
    yes, n = int(event.sum()), int(event.size)
    low, high = wilson_limits(yes, n, conf_level)
    return f"{yes} of {n}, {format_percent(yes / n)} ({format_interval(100 * low, 100 * high, 1)})"
