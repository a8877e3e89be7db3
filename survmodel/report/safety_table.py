"""Adverse events by grade, within thirds of injected activity."""

from __future__ import annotations

from survmodel.performance.adverse_events import worst_grades
from survmodel.table import Table


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
    return worst_grades(grades, injected_mbq, conf_level=conf_level).to_table()
