"""What was imputed, by name: the imputation of an endpoint, and its models pooled over the completed tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from survmodel.models.imputation_fit import FittedImputation
from survmodel.models.pooled_regression import PooledRegression
from survmodel.models.pooling import PooledEstimates
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.report.document import FigureBlock


@dataclass(frozen=True, slots=True)
class ImputationPart:
    """The imputation that the models of an endpoint share.

    Parameters
    ----------
    fit : Answer of FittedImputation
        Completed tables and chains.
    n, n_incomplete : int
        Patients, and those of whom a value is imputed.
    missing : tuple of (str, int)
        Columns that are imputed, and how many values of each.
    not_applicable : tuple of (str, int)
        Columns that do not apply to some patients, and to how many.
    derived : tuple of str
        Columns that are computed anew from completed ones.
    within : str
        Label of the disease group within which values are imputed, "" without groups.
    predictors : tuple of str
        Columns of the imputation model.
    figures : tuple of FigureBlock
        The chains of each imputed column.
    """

    fit: Answer[FittedImputation]
    n: int
    n_incomplete: int
    missing: tuple[tuple[str, int], ...]
    not_applicable: tuple[tuple[str, int], ...] = ()
    derived: tuple[str, ...] = ()
    within: str = ""
    predictors: tuple[str, ...] = ()
    figures: tuple[FigureBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class PooledModel:
    """A Cox model pooled over completed tables.

    Parameters
    ----------
    fit : Answer of PooledRegression
        All terms together.
    univariable : tuple of (str, Answer of PooledRegression)
        Each term alone.
    concordance : Answer of PooledEstimates
        Apparent C.
    concordance_by_group : tuple of GroupAnswer
        Apparent C within each disease group.
    """

    fit: Answer[PooledRegression]
    univariable: tuple[tuple[str, Answer[PooledRegression]], ...]
    concordance: Answer[PooledEstimates]
    concordance_by_group: tuple[GroupAnswer[PooledEstimates], ...] = ()

    def answers(self) -> Iterator[Answer[Any]]:
        """Walk through its answers.

        Yields
        ------
        Answer
            The fit, its terms alone, C.
        """
        yield self.fit
        yield from (answer for _, answer in self.univariable)
        yield self.concordance
        yield from (one.answer for one in self.concordance_by_group)
