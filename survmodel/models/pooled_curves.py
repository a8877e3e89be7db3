"""Survival curves of m completed tables, pooled by Rubin's rules on the complementary log-log scale.

The limits of a pooled curve are those of a Kaplan-Meier curve with log-log limits where the tables do not differ. Where
a curve is still 1 in every table, the limits are its own exact ones; where it is 1 or 0 in some tables only, or 0 in
all, the estimate is the mean and there are no limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import FitError, list_values
from survmodel.formatting import count_noun, format_count, format_number
from survmodel.models.kaplan_meier_fit import KaplanMeierFit, check_times
from survmodel.models.rubin import combine, t_quantile
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PooledCurves(Result):
    """Pooled survival curves.

    Attributes
    ----------
    fits : tuple of KaplanMeierFit
        Curves of each completed table.
    times : ndarray
        Distinct exit times.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        What the reader must know.
    """

    fits: tuple[KaplanMeierFit, ...]
    times: Floats
    conf_level: float
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the curves at all exit times up to the shortest follow-up that a group has in any table.

        Returns
        -------
        pandas.DataFrame
            As :meth:`at`.
        """
        table = self.at(self.times)
        return table[table["estimate"].notna()].reset_index(drop=True)

    def at(self, times: float | Sequence[float] | Floats) -> pd.DataFrame:
        """Read the pooled curves at fixed times.

        Parameters
        ----------
        times : float or sequence of float
            Times, at least 0.

        Returns
        -------
        pandas.DataFrame
            Columns group, time, n_risk (mean over the tables), estimate, std_error, conf_low, conf_high, fmi; missing
            beyond the follow-up that a group has in any table.
        """
        asked = check_times(times)
        known = {id(fit): fit.at(asked.tolist()) for fit in self.fits}
        read = [known[id(fit)] for fit in self.fits]
        columns = {name: np.array([one[name] for one in read]) for name in ("n_risk", "estimate", "std_error")}
        survival, error = columns["estimate"], columns["std_error"]
        usable = ((survival > 0) & (survival < 1)).all(axis=0)
        estimate = survival[0] + (survival - survival[0]).mean(axis=0)
        spread, low, high, fmi = np.full((4, estimate.size), np.nan)
        s, e = survival[:, usable], error[:, usable]
        found = combine(np.log(-np.log(s)), (e / (s * np.log(s))) ** 2)
        width = t_quantile(self.conf_level, found.df) * found.std_error
        pooled = np.exp(-np.exp(found.estimate))
        estimate[usable], spread[usable] = pooled, found.std_error * np.abs(pooled * np.log(pooled))
        low[usable], high[usable] = pooled ** np.exp(width), pooled ** np.exp(-width)
        fmi[usable] = found.fmi
        untouched = (survival == 1).all(axis=0)
        spread[untouched], fmi[untouched] = 0.0, 0.0
        low[untouched] = np.min([one["conf_low"] for one in read], axis=0)[untouched]
        high[untouched] = 1.0
        return pd.DataFrame({
            "group": read[0]["group"], "time": read[0]["time"], "n_risk": columns["n_risk"].mean(axis=0),
            "estimate": estimate, "std_error": spread, "conf_low": low, "conf_high": high, "fmi": fmi,
        })  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.fits[0].n,
            "n_event": self.fits[0].n_event,
            "n_group": len(self.fits[0].curves),
            "m": len(self.fits),
            "conf_level": self.conf_level,
            "conventions": "Rubin's rules on log(-log S)",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        last = self.tidy().groupby("group", sort=False).tail(1)
        rows = [
            [
                one["group"],
                format_number(one["time"], 2),
                format_number(one["estimate"], 3),
                format_number(one["fmi"], 2),
            ]
            for one in last.to_dict("records")
        ]
        table = Table(["group", "last time", "survival", "missing information"], rows)
        fit = self.fits[0]
        title = f"Curves pooled over {len(self.fits)} completed tables: {count_noun(fit.n, 'row')}, "
        title += f"{format_count(fit.n_event)} events"
        return Display(title, (table,), ("Rubin's rules on log(-log S)",))


def pool_curves(fits: Sequence[KaplanMeierFit], times: Floats) -> PooledCurves:
    """Pool survival curves of completed tables.

    Parameters
    ----------
    fits : sequence of KaplanMeierFit
        Curves of each table.
    times : ndarray
        Distinct exit times.

    Returns
    -------
    PooledCurves
        Pooled curves.

    Raises
    ------
    FitError
        When a group has no rows in one of the tables.
    """
    groups = fits[0].groups
    other = {group for fit in fits for group in fit.groups} ^ set(groups)
    other |= {group for fit in fits for group in groups if group not in fit.groups}
    if other:
        raise FitError("a group has no rows in some completed tables", list_values(sorted(other)), "merge groups")
    warnings = tuple(dict.fromkeys(said for fit in fits for said in fit.warnings))
    return PooledCurves(tuple(fits), times, fits[0].conf_level, warnings)
