"""A fitted imputation: completed tables, how the chains went, and the completion of rows to be scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.formatting import count_noun, format_count, format_number
from survmodel.frame import as_frame
from survmodel.models.imputation_chain import Chains, ChainSettings, ScoringEquations
from survmodel.models.imputation_equations import CodedRows
from survmodel.models.imputation_table import ColumnReader, Derive, fill_tables
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]

#: Chains further apart than this have not run long enough.
LARGEST_R_HAT = 1.2


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FittedImputation(Result):
    """Multiple imputation of the rows of one table.

    Attributes
    ----------
    settings : ChainSettings
        Imputations, cycles, donors, seed.
    reader : ColumnReader
        What the columns hold.
    rows : CodedRows
        The rows as numbers, with their holes.
    development : tuple of pandas.DataFrame
        Completed tables, one for each imputation, with the rows and labels of the table.
    chains : Chains
        Imputed values of every cycle.
    scoring : ScoringEquations
        Equations for rows to be scored; learnt when first used.
    derive : mapping of str to callable
        Columns computed from completed tables.
    with_outcome : bool
        Whether the outcome predicted.
    warnings : tuple of str
        What the reader must know.
    """

    settings: ChainSettings
    reader: ColumnReader
    rows: CodedRows
    development: tuple[pd.DataFrame, ...]
    chains: Chains
    scoring: ScoringEquations
    derive: Mapping[str, Derive]
    with_outcome: bool
    warnings: tuple[str, ...] = ()

    @property
    def m(self) -> int:
        """Number of imputations."""
        return self.settings.m

    def complete(self, table: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
        """Complete rows that are to be scored, by equations learnt from the training rows without their outcome.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the imputation model and any others; no outcome is read.

        Returns
        -------
        tuple of pandas.DataFrame
            One table for each imputation. A row is completed alike whatever rows stand beside it.

        Raises
        ------
        DataError
            For absent columns, infinite values, and levels or diseases that the training rows do not have.
        """
        table = as_frame(table)
        rows, _ = self.reader.read(table)
        states = self.scoring.complete(rows) if rows.holes.any() else [rows.state] * self.m
        return fill_tables(table, rows, states, self.derive)

    @property
    def chain(self) -> pd.DataFrame:
        """Mean and standard deviation of the imputed values in each cycle: chains should mix and show no trend.

        Columns column, iteration, imputation (both from 1), mean, sd; places of levels where a column has levels.
        """
        parts, m, cycles = [], self.m, self.settings.iterations
        number, cycle = np.divmod(np.arange(m * cycles), cycles)
        for name, values in self.imputed_values().items():
            # One imputed value has no spread.
            spread = values.std(axis=2, ddof=1) if values.shape[2] > 1 else np.full(values.shape[:2], np.nan)
            columns = {"column": name, "iteration": cycle + 1, "imputation": number + 1}
            parts.append(pd.DataFrame({**columns, "mean": values.mean(axis=2).ravel(), "sd": spread.ravel()}))
        if not parts:
            return pd.DataFrame(columns=["column", "iteration", "imputation", "mean", "sd"])
        return pd.concat(parts, ignore_index=True)

    def imputed_values(self) -> dict[str, Floats]:
        """Give imputed numbers, or places of levels, by column: arrays of shape (m, iterations, holes)."""
        place, found = 0, {}
        by_column: dict[int, list[Floats]] = {}
        for one in self.chains.equations:
            values = self.chains.imputed[:, :, place : place + one.holes.size]
            by_column.setdefault(one.target, []).append(values)
            place += one.holes.size
        for column, parts in by_column.items():
            found[self.rows.variables[column].name] = np.concatenate(parts, axis=2)
        return found

    @property
    def r_hat(self) -> pd.Series:
        """Gelman and Rubin's factor of the means in all cycles but the first, by column; near 1 when mixed."""
        factors = {}
        for name, values in self.imputed_values().items():
            means = values[:, 1:].mean(axis=2) if values.shape[1] > 2 else np.zeros((len(values), 2))
            length = means.shape[1]
            inside, between = means.var(axis=1, ddof=1).mean(), means.mean(axis=1).var(ddof=1)
            factors[name] = float(np.sqrt((length - 1) / length + between / inside)) if inside > 0 else np.nan
        return pd.Series(factors, name="r_hat", dtype=np.float64)

    def tidy(self) -> pd.DataFrame:
        """Count missing values by column and disease.

        Returns
        -------
        pandas.DataFrame
            Columns variable, group (disease), n (rows to which the column applies), n_missing, measure (how they are
            imputed); columns without missing values are left out.
        """
        found, holes = [], self.rows.holes
        for column in np.flatnonzero(holes.any(axis=0)):
            variable = self.rows.variables[column]
            for code, label in enumerate(self.rows.labels):
                inside = self.rows.group == code
                applies = int(self.rows.applies[inside, column].sum())
                found.append((variable.name, label, applies, int(holes[inside, column].sum()), variable.method))
        return pd.DataFrame(found, columns=["variable", "group", "n", "n_missing", "measure"])

    @property
    def notes(self) -> tuple[str, ...]:
        """What was imputed from all diseases for want of rows in one."""
        said = []
        for one in self.chains.equations:
            if one.pooled and one.holes.size and len(self.rows.labels) > 1:
                names = ", ".join(self.rows.labels[group] for group in one.groups)
                said.append(f"{self.rows.variables[one.target].name} in {names}: too few values, imputed from all")
        return tuple(said)

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        factors = self.r_hat
        row = {
            "n": len(self.rows.state),
            "n_missing": int(self.rows.holes.any(axis=1).sum()),
            "m": self.m,
            "iterations": self.settings.iterations,
            "donors": self.settings.donors,
            "r_hat": float(factors.max()) if len(factors) else np.nan,
            "seed": self.settings.seed,
            "conventions": "chained equations; outcome "
            + ("and cumulative hazard predict" if self.with_outcome else "left out")
            + " in rows that are learnt from; rows to be scored completed without it",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        factors, rows = self.r_hat, []
        for one in self.tidy().to_dict("records"):
            cells = [one["variable"], one["group"], format_count(one["n_missing"]), format_count(one["n"])]
            rows.append([*cells, one["measure"], format_number(factors[one["variable"]], 2)])
        table = Table(["column", "group", "missing", "of", "imputed by", "R-hat"], rows)
        glance = self.glance().iloc[0]
        title = f"Multiple imputation: {count_noun(self.m, 'imputation')}, {glance.n_missing} of {glance.n} rows "
        title += "incomplete"
        notes = [f"{count_noun(self.settings.iterations, 'cycle')}, seed {self.settings.seed}", *self.notes]
        if (factors > LARGEST_R_HAT).any():
            notes.append(f"R-hat above {LARGEST_R_HAT}: look at the chains, and take more iterations")
        draw = "sm.draw_imputation(imputed, column)" if rows else ""
        return Display(title, (table,) if rows else (), tuple(notes), draw)
