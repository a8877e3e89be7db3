"""Two ratings of the same patients as a square table of levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, name_rows
from survmodel.formatting import level_text
from survmodel.result import frozen

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RatingTable:
    """How often each pair of levels was given.

    Attributes
    ----------
    levels : tuple of str
        Levels from low to high.
    counts : ndarray of int, shape (k, k)
        Patients by the level of the first (rows) and of the second rating (columns).
    n_missing : int
        Patients left out because they lack a rating.
    """

    levels: tuple[str, ...]
    counts: Ints
    n_missing: int

    @property
    def n(self) -> int:
        """Patients with both ratings."""
        return int(self.counts.sum())


def tabulate_ratings(
    first: object, second: object, names: tuple[str, str], levels: Sequence[object] | None, *, ordered: bool
) -> RatingTable:
    """Count pairs of levels.

    Parameters
    ----------
    first, second : Series or array_like, shape (n,)
        Levels; numbers, texts or ordered categories.
    names : tuple of (str, str)
        The ratings.
    levels : sequence or None
        Levels from low to high. None takes the categories, or numbers in their order.
    ordered : bool
        Whether the order of the levels matters; texts then need ``levels``.

    Returns
    -------
    RatingTable
        Counts.

    Raises
    ------
    DataError
        For ratings that do not agree in rows, unknown levels, and no patient with both.
    ConfigError
        For texts whose order matters and is not told, and repeated levels.

    Examples
    --------
    >>> tabulate_ratings([1, 2, 2], [1, 1, 2], ("A", "B"), None, ordered=True).counts.tolist()
    [[1, 0], [1, 1]]
    """
    if names[0] == names[1]:
        raise ConfigError("the two ratings have one name", remedy='give names=("CXCR4", "FDG")')
    columns = [one if isinstance(one, pd.Series) else pd.Series(_plain(one)) for one in (first, second)]
    if isinstance(first, pd.Series) and isinstance(second, pd.Series) and not first.index.equals(second.index):
        raise DataError("the rows of the two ratings are not the same", remedy="take both from one table")
    if columns[0].size != columns[1].size:
        raise DataError("the two ratings differ in length", f"{columns[0].size} and {columns[1].size} rows")
    known = (columns[0].notna().to_numpy()) & (columns[1].notna().to_numpy())
    if not known.any():
        raise DataError("no patient has both ratings", f"{known.size} rows")
    texts = _order(columns, levels, ordered=ordered)
    place = {text: number for number, text in enumerate(texts)}
    codes = [_codes(column, known, place, name) for column, name in zip(columns, names, strict=True)]
    counts = np.zeros((len(texts), len(texts)), dtype=np.int64)
    np.add.at(counts, (codes[0], codes[1]), 1)
    return RatingTable(texts, frozen(counts, np.int64), int((~known).sum()))


def _plain(values: object) -> npt.NDArray[np.object_]:
    return np.array(list(values), dtype=np.object_)  # type: ignore[call-overload]


def _order(columns: list[pd.Series], levels: Sequence[object] | None, *, ordered: bool) -> tuple[str, ...]:
    """Put the levels in order: as told, as the categories stand, or as numbers rise."""
    if levels is None:
        categories = [list(one.cat.categories) for one in columns if isinstance(one.dtype, pd.CategoricalDtype)]
        if len(categories) == len(columns) and categories[0] == categories[1]:
            levels = categories[0]
        else:
            found = list(pd.unique(pd.concat([one.dropna().astype(object) for one in columns])))
            numbers = all(isinstance(one, int | float | np.number | bool | np.bool_) for one in found)
            if ordered and not numbers:
                raise ConfigError(
                    "the order of the levels is not known",
                    "levels are texts",
                    'name them from low to high, for example levels=["I", "II", "III", "IV"]',
                )
            levels = sorted(found) if numbers else sorted(found, key=level_text)
    texts = tuple(level_text(one) for one in levels)
    if len(set(texts)) < len(texts):
        raise ConfigError("a level is named twice", f"{len(texts)} levels, {len(set(texts))} of them different")
    if len(texts) < 2:
        raise DataError("ratings with one level cannot be compared", remedy="name all levels with levels=")
    return texts


def _codes(column: pd.Series, known: npt.NDArray[np.bool_], place: dict[str, int], name: str) -> Ints:
    found = [place.get(level_text(value), -1) if here else 0 for value, here in zip(column, known, strict=True)]
    codes = np.array(found, dtype=np.int64)
    if (codes < 0).any():
        raise DataError(f"{name} has levels that are not among {', '.join(place)}", f"in {name_rows(codes < 0)}")
    return codes[known]
