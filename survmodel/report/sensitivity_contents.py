"""The declared question under other decisions, by name: what the table of sensitivity analyses is made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import pandas as pd

from survmodel.models.cox_fit import CoxFit
from survmodel.models.pooled_regression import PooledRegression
from survmodel.report.answers import Answer

AnyFit: TypeAlias = "Answer[CoxFit] | Answer[PooledRegression]"


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """One analysis.

    Parameters
    ----------
    name : str
        How the study calls it, "" for the declared analysis itself.
    change : str
        What was decided otherwise, in words.
    answer : Answer of CoxFit or PooledRegression
        The model, or why there is none.
    columns : tuple of str
        Columns of the model that hold the marker.
    """

    name: str
    change: str
    answer: AnyFit
    columns: tuple[str, ...]

    def ratios(self) -> pd.DataFrame:
        """Give the hazard ratios of the marker.

        Returns
        -------
        pandas.DataFrame
            Rows of ``hazard_ratios()``; none without a result.
        """
        if self.answer.result is None:
            return pd.DataFrame()
        table = self.answer.result.hazard_ratios()
        return table[table["variable"].isin(self.columns)]

    @property
    def counts(self) -> tuple[int, int]:
        """Patients and events of the model; zeros without a result."""
        found = self.answer.result
        if found is None:
            return 0, 0
        whole = found.glance().iloc[0]
        return int(whole["n"]), int(whole["n_event"])


@dataclass(frozen=True, slots=True)
class SensitivityPart:
    """One model of the question under other decisions.

    Parameters
    ----------
    model, label, marker : str
        The model in the study file, its label, and how the marker is called.
    rows : tuple of SensitivityRow
        The declared analysis first.
    """

    model: str
    label: str
    marker: str
    rows: tuple[SensitivityRow, ...]

    def answers(self) -> Iterator[AnyFit]:
        """Walk through its answers.

        Yields
        ------
        Answer
            Those under other decisions; the declared analysis stands among the models.
        """
        yield from (row.answer for row in self.rows if row.name)
