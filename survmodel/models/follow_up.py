"""Median follow-up by the reverse Kaplan-Meier method: how long patients would have been followed had nobody died.

Deaths count as censored and censorings as the event; at a tied time the deaths leave first, so that nobody who died
on a day is at risk of being censored on it (R's prodlim; swapping the indicator in survfit does not do this).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.formatting import MISSING, format_significant
from survmodel.kernels.kaplan_meier import censoring_curve
from survmodel.models.kaplan_meier_fit import crossing_time
from survmodel.models.limits import survival_limits
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table

SHARES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FollowUp(Result):
    """Quartiles of follow-up.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns group, n, n_censor, probability, estimate, conf_low, conf_high.
    conf_level, unit : float, str
        Coverage and unit of time.
    warnings : tuple of str
        Groups whose follow-up cannot be estimated.
    """

    table: pd.DataFrame
    conf_level: float
    unit: str
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the quartiles, one row for each group and share.

        Returns
        -------
        pandas.DataFrame
            Columns group, n, n_censor, probability, estimate, conf_low, conf_high.
        """
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            Columns n, n_censor, unit, conf_level, conventions.
        """
        each = self.table.drop_duplicates("group")
        row = {
            "n": int(each["n"].sum()),
            "n_censor": int(each["n_censor"].sum()),
            "unit": self.unit,
            "conf_level": self.conf_level,
            "conventions": "reverse Kaplan-Meier, deaths leave before censorings; log-log limits",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = []
        for label, part in self.table.groupby("group", sort=False):
            quarter, half, three = part.to_dict("records")
            limits = _span(half["conf_low"], half["conf_high"])
            quartiles = _span(quarter["estimate"], three["estimate"])
            rows.append([str(label) or "all", str(half["n"]), format_significant(half["estimate"]), limits, quartiles])
        unit = f" ({self.unit})" if self.unit else ""
        header = ["group", "n", f"median follow-up{unit}", f"{100 * self.conf_level:g}% limits", "quartiles"]
        note = f"{100 * self.conf_level:g}% limits: log-log; deaths leave before censorings"
        return Display("Follow-up by the reverse Kaplan-Meier method", (Table(header, rows),), (note,))


def _span(low: float, high: float) -> str:
    if np.isnan(low) and np.isnan(high):
        return MISSING
    return f"{format_significant(low)} to {format_significant(high)}"


def follow_up(outcome: Outcome, by: object = None, *, conf_level: float = 0.95) -> FollowUp:
    """Estimate the quartiles of follow-up.

    Parameters
    ----------
    outcome : Outcome
        Times and events; every event, competing or not, ends the observation.
    by : Series or array_like, shape (n,), optional
        Groups.
    conf_level : float
        Coverage of the log-log limits.

    Returns
    -------
    FollowUp
        Median and quartiles with limits, NaN where the curve of censoring does not come down so far.

    References
    ----------
    Schemper M, Smith TL (1996). Control Clin Trials 17:343-346.

    Examples
    --------
    >>> from survmodel import Outcome, follow_up
    >>> follow_up(Outcome([5, 8, 12, 20], [1, 0, 0, 0])).tidy()["estimate"].tolist()
    [8.0, 12.0, 20.0]
    """
    groups = read_groups(outcome, by)
    ended = outcome.event > 0
    rows, warnings = [], []
    for code, label in enumerate(groups.labels):
        inside = groups.codes == code
        entry = None if outcome.entry is None else outcome.entry[inside]
        times, curve = censoring_curve(outcome.time[inside], ended[inside], entry)
        n, n_censor = int(inside.sum()), int((~ended[inside]).sum())
        if n_censor == 0:
            name = f"group {label!r}" if label else "the cohort"
            warnings.append(f"{name} has no censoring: follow-up is not estimable")
        with np.errstate(invalid="ignore"):
            error = curve.survival * np.sqrt(curve.greenwood)
        low, high = survival_limits(curve.survival, error, curve.n_risk, "log-log", conf_level)
        for share in SHARES:
            estimates = [crossing_time(times, level, share) for level in (curve.survival, low, high)]
            rows.append([label, n, n_censor, share, *(estimates if n_censor else [np.nan] * 3)])
    columns = ["group", "n", "n_censor", "probability", "estimate", "conf_low", "conf_high"]
    table = pd.DataFrame(rows, columns=columns)
    return FollowUp(table, conf_level, outcome.unit or "", join_warnings(warnings))
