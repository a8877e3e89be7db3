"""How far an answer depends on missing values being like observed ones: imputed values shifted over a grid.

Imputation takes patients with and without a value to be alike given what is known of them. That cannot be checked; what
can be told is how far they may differ before the answer changes (Resseguier et al. 2011). The shift is added in every
cycle of the chained equations, so that columns imputed from shifted ones follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from survmodel.errors import ConfigError
from survmodel.formatting import count_noun, format_number, format_p, format_ratio
from survmodel.models.imputation import MultipleImputation
from survmodel.models.pooled_regression import PooledRegression, pool_fits
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DeltaSensitivity(Result):
    """Pooled coefficients for each shift.

    Attributes
    ----------
    pooled : tuple of (str, float, PooledRegression)
        Column, what was added to its imputed values, and the pooled coefficients.
    warnings : tuple of str
        Of the fits.
    """

    pooled: tuple[tuple[str, float, PooledRegression], ...]
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the pooled coefficients of every shift.

        Returns
        -------
        pandas.DataFrame
            Columns group (the shifted column), delta, and those of :meth:`PooledRegression.tidy`.
        """
        parts = []
        for name, delta, found in self.pooled:
            table = found.tidy()
            table.insert(0, "delta", delta)
            table.insert(0, "group", name)
            parts.append(table)
        return pd.concat(parts, ignore_index=True)

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        first = self.pooled[0][2]
        row = {
            "n": int(first.fits[0].n),
            "n_event": int(first.fits[0].n_event),
            "m": first.m,
            "n_shift": len(self.pooled),
            "conventions": "imputed values shifted in every cycle, one column at a time; 0: missing at random",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = []
        for name, delta, found in self.pooled:
            for one in found.hazard_ratios().to_dict("records"):
                ratio = format_ratio(one["estimate"], one["conf_low"], one["conf_high"])
                rows.append([name, format_number(delta, 2), one["term"], ratio, format_p(one["p_value"])])
        percent = f"{100 * self.pooled[0][2].conf_level:g}% limits"
        table = Table(["shifted", "by", "term", f"ratio ({percent})", "p"], rows, left=3)
        notes = ("by 0: missing values taken to be like observed ones", "Rubin's rules")
        return Display(f"Sensitivity to missing values: {count_noun(len(self.pooled), 'shift')}", (table,), notes)


def delta_sensitivity(
    imputation: MultipleImputation,
    model: Any,  # noqa: ANN401 - any model whose fits have coefficients
    table: pd.DataFrame,
    outcome: Outcome,
    grid: Mapping[str, Sequence[float]],
) -> DeltaSensitivity:
    """Repeat imputation and model with imputed values shifted, one column at a time.

    Parameters
    ----------
    imputation : MultipleImputation
        How values are imputed; a delta of its own stays, but for the column that is shifted.
    model : CoxPH, FineGray
        What is fitted and pooled.
    table : pandas.DataFrame
        Rows with missing values.
    outcome : Outcome
        Their outcome.
    grid : mapping of str to sequence of float
        Shifts of each column: added to imputed numbers, or to the log odds of the second of two levels. 0 is always
        among them.

    Returns
    -------
    DeltaSensitivity
        Pooled coefficients of every shift.

    Raises
    ------
    ConfigError
        For an empty grid, shifts that are no numbers, and columns that cannot be shifted.
    FitError
        For a model without coefficients that can be pooled.

    References
    ----------
    Resseguier N, Giorgi R, Paoletti X (2011). Epidemiology 22:282-283.

    Examples
    --------
    >>> from survmodel import CoxPH
    >>> random = np.random.default_rng(4)
    >>> table = pd.DataFrame({"x": random.normal(size=60), "z": random.normal(size=60)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(60))
    >>> table.loc[::4, "x"] = np.nan
    >>> found = delta_sensitivity(MultipleImputation(m=5), CoxPH("x"), table, outcome, {"x": [-1, 1]})
    >>> found.tidy()["delta"].tolist()
    [-1.0, 0.0, 1.0]
    """
    if not grid:
        raise ConfigError("the grid names no column", remedy='for example grid={"ldh": [-50, 50]}')
    pooled = []
    for name, shifts in grid.items():
        values = sorted({float(shift) for shift in shifts} | {0.0})
        if not np.isfinite(values).all():
            raise ConfigError(f"a shift of {name} is no number", remedy="give finite shifts")
        for shift in values:
            spec = replace(imputation, delta={**(imputation.delta or {}), name: shift})
            tables = spec.fit(table, outcome).development
            known: dict[int, Any] = {}
            for one in tables:
                known[id(one)] = known.get(id(one)) or model.fit(one, outcome)
            pooled.append((name, shift, pool_fits([known[id(one)] for one in tables])))
    return DeltaSensitivity(tuple(pooled), join_warnings(*[found.warnings for _, _, found in pooled]))
