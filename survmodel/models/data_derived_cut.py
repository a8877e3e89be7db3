"""A cut that is chosen by the outcome, as a step of a pipeline: the only way such a cut enters a model.

As part of the specification it is searched anew wherever the specification is fitted, in every resample and in every
fold. A column of sides that was made beforehand hides the search from validation, and its hazard ratio is too large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.errors import DataError, FitError
from survmodel.formatting import format_significant
from survmodel.models.cutpoint_search import Admissible, CutSearch, read_marker
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.checks import check_columns
from survmodel.outcome.response import Outcome


@dataclass(frozen=True, slots=True)
class DataDerivedCut:
    """The cut of a marker with the largest log-rank statistic, as a column of sides.

    Parameters
    ----------
    marker : str
        Column of the marker.
    name : str, optional
        Column that is made: 1 above the cut, 0 at or below it, missing where the marker is; ``<marker>_high`` without
        it.
    strata : str, optional
        Column of strata within which scores are formed.
    min_share : float
        Share of the patients on each side.
    min_events : int
        Events on each side, so that a model of the sides has an estimate in resamples too; 0 for any number.

    Examples
    --------
    >>> from survmodel import CoxPH, Outcome, Pipeline
    >>> random = np.random.default_rng(1)
    >>> table = pd.DataFrame({"suvmax": random.lognormal(2.0, 0.5, size=60)})
    >>> outcome = Outcome(random.exponential(10.0 / table["suvmax"]), np.ones(60))
    >>> spec = Pipeline([DataDerivedCut("suvmax")], CoxPH("suvmax_high"))
    >>> spec.fit(table, outcome).fits[0].tidy()["term"].tolist(), spec.is_tuned
    (['suvmax_high'], True)
    """

    marker: str
    name: str = ""
    strata: str | None = None
    min_share: float = 0.1
    min_events: int = 5

    def __post_init__(self) -> None:
        Admissible(self.min_share, self.min_events)
        object.__setattr__(self, "name", self.name or f"{self.marker}_high")

    @property
    def selects(self) -> bool:
        """It chooses by the outcome."""
        return True

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns that it reads."""
        return (self.marker,) if self.strata is None else (self.marker, self.strata)

    @property
    def makes(self) -> tuple[str, ...]:
        """Columns that it adds."""
        return (self.name,)

    def fit(self, table: pd.DataFrame, outcome: Outcome) -> FittedCut:
        """Search the cut.

        Parameters
        ----------
        table : pandas.DataFrame
            Holds the marker and the strata.
        outcome : Outcome
            Times and events of one kind.

        Returns
        -------
        FittedCut
            Knows the cut.

        Raises
        ------
        DataError
            When the column to be made stands in the table.
        FitError
            When no cut is admissible.
        """
        table = read_table(table)
        check_outcome(outcome)
        check_columns(table, self.variables)
        if self.name in table:
            raise DataError(f"the column {self.name!r} stands in the table", remedy="give the cut another name=")
        values, _, layers = read_marker(
            outcome, table[self.marker], None if self.strata is None else table[self.strata]
        )
        search = CutSearch.of(outcome, values, layers, Admissible(self.min_share, self.min_events))
        cuts, _ = search.best_cuts(np.ones((1, search.n)))
        if np.isnan(cuts[0]):
            raise FitError(f"no cut of {self.marker!r} is admissible", remedy="model the marker as continuous")
        return FittedCut(self, float(cuts[0]), self._add(table, float(cuts[0])))

    def _add(self, table: pd.DataFrame, cut: float) -> pd.DataFrame:
        values = table[self.marker].to_numpy(dtype=np.float64, na_value=np.nan)
        return table.assign(**{self.name: np.where(np.isnan(values), np.nan, (values > cut).astype(np.float64))})


@dataclass(frozen=True, slots=True, eq=False)
class FittedCut:
    """A cut that was found.

    Attributes
    ----------
    spec : DataDerivedCut
        What was searched.
    cutpoint : float
        Highest value of the lower side.
    table : pandas.DataFrame
        Rows it was found in, with their side.
    """

    spec: DataDerivedCut
    cutpoint: float
    table: pd.DataFrame

    @property
    def development(self) -> tuple[pd.DataFrame, ...]:
        """The rows it was found in."""
        return (self.table,)

    @property
    def warnings(self) -> tuple[str, ...]:
        """That the model's p-values do not know of the search."""
        cut = format_significant(self.cutpoint)
        told = f"{self.spec.marker} was cut at {cut} by the outcome of the same patients"
        return (f"{told}: hazard ratio and p-value at the cut ignore the search, validation repeats it",)

    def complete(self, table: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
        """Put rows on their sides.

        Parameters
        ----------
        table : pandas.DataFrame
            Holds the marker.

        Returns
        -------
        tuple of pandas.DataFrame
            One table.

        Raises
        ------
        DataError
            When the marker is absent.
        """
        check_columns(table, (self.spec.marker,))
        return (self.spec._add(table, self.cutpoint),)
