"""Reading a grouping variable: labels in a stated order, nobody without a group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, name_rows
from survmodel.formatting import level_text
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.response import Outcome


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Group of every row.

    Attributes
    ----------
    codes : ndarray of int64, shape (n,)
        Position of the row's group in `labels`.
    labels : tuple of str
        Group labels: in category order for a Categorical, by number for numbers, else in alphabetical order.
    notes : tuple of str
        Levels that have no rows and were left out.
    """

    codes: npt.NDArray[np.int64]
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of groups."""
        return len(self.labels)


def read_groups(outcome: Outcome, by: object, name: str = "by") -> Groups:
    """Read the group of every row.

    Parameters
    ----------
    outcome : Outcome
        Whose rows the groups belong to.
    by : Series or array_like, shape (n,)
        Group labels; a Categorical keeps its order. None puts all rows in one group labelled "".
    name : str
        What to call it in messages.

    Returns
    -------
    Groups
        Codes and labels.

    Raises
    ------
    DataError
        When rows differ from the outcome's or a label is missing.
    """
    check_outcome(outcome)
    if by is None:
        return Groups(np.zeros(outcome.n, dtype=np.int64), ("",))
    if isinstance(by, str):
        raise DataError(
            f"{name} is the text {by!r}", remedy=f"pass the column itself, for example {name}=table[{by!r}]"
        )
    if isinstance(by, pd.DataFrame):
        raise DataError(f"{name} is a table", remedy="pass one column of it")
    outcome.check_rows(by, name)
    series = by if isinstance(by, pd.Series) else pd.Series(by)
    missing = series.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"{name} has rows without a group",
            f"in {name_rows(missing)}",
            "leave them out on purpose, or give them a level of their own, for example fillna('unknown')",
        )
    if isinstance(series.dtype, pd.CategoricalDtype):
        used = series.cat.remove_unused_categories()
        empty = [str(level) for level in series.cat.categories if level not in used.cat.categories]
        notes = tuple(f"{name}: level {level!r} has no rows" for level in empty)
        return Groups(used.cat.codes.to_numpy().astype(np.int64), _labels(used.cat.categories), notes)
    codes, levels = pd.factorize(series, sort=False)
    order = _sorted_order(levels)
    rank = np.argsort(order).astype(np.int64)
    return Groups(rank[codes], _labels(levels[order]))


def _sorted_order(levels: pd.Index) -> npt.NDArray[np.int64]:
    try:
        return np.argsort(levels.to_numpy(), kind="stable").astype(np.int64)
    except TypeError:
        return np.argsort(levels.astype(str).to_numpy(), kind="stable").astype(np.int64)


def _labels(levels: pd.Index) -> tuple[str, ...]:
    whole = [level_text(level) for level in levels]
    if len(set(whole)) < len(whole):
        raise DataError("two groups have the same label once written as text", f"found {', '.join(whole[:6])}")
    return tuple(whole)
