r"""Families of markers that measure the same: one of each belongs into a model.

Volume, mean uptake and total uptake are bound by :math:`\log TLU = \log MTV + \log SUV_{mean}`, and uptakes of one
scan go up and down together. Markers are grouped by complete linkage of :math:`1 - |\rho|`, so that every pair of a
family has at least the correlation asked for. Neither the families nor their representatives are chosen by outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import spearmanr

from survmodel.errors import ConfigError, DataError, list_values
from survmodel.formatting import count_noun, format_count, format_number
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: A correlation of fewer patients is not computed, and binds no markers.
FEWEST = 5
LEAST_CORRELATION = 0.8


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MarkerFamilies(Result):
    """Which markers measure the same.

    Attributes
    ----------
    names : tuple of str
        Markers, in the order of the table.
    correlations : ndarray, shape (k, k)
        Spearman's correlation of each pair; NaN where it is not computed.
    n_pairs : ndarray of int, shape (k, k)
        Patients with both.
    family : tuple of int
        Number of the family of each marker, from 1 on in the order of the table.
    representatives : tuple of str
        One marker for each family.
    least : float
        Smallest absolute correlation within a family.
    warnings : tuple of str
        Pairs whose correlation could not be computed.
    """

    names: tuple[str, ...]
    correlations: Floats
    n_pairs: Ints
    family: tuple[int, ...]
    representatives: tuple[str, ...]
    least: float
    warnings: tuple[str, ...] = ()

    @property
    def members(self) -> tuple[tuple[str, ...], ...]:
        """Markers of each family."""
        numbers = range(1, len(self.representatives) + 1)
        return tuple(
            tuple(name for name, own in zip(self.names, self.family, strict=True) if own == number)
            for number in numbers
        )

    def together(self, columns: Iterable[str]) -> tuple[tuple[str, ...], ...]:
        """Find the columns of a model that are of one family.

        Parameters
        ----------
        columns : iterable of str
            Columns of the model; those that are no marker are passed over.

        Returns
        -------
        tuple of tuple of str
            Two markers or more for each family that the model holds more than once.

        Examples
        --------
        >>> table = pd.DataFrame({"mtv": [1, 2, 3, 4, 5, 6], "tlu": [2, 3, 5, 7, 11, 13], "age": [5, 1, 6, 2, 4, 3]})
        >>> marker_families(table).together(["age", "mtv", "tlu"])
        (('mtv', 'tlu'),)
        """
        held = set(columns)
        found = (tuple(name for name in family if name in held) for family in self.members)
        return tuple(family for family in found if len(family) > 1)

    def tidy(self) -> pd.DataFrame:
        """Give each marker with its family.

        Returns
        -------
        pandas.DataFrame
            Columns group (family), variable, reference (its representative), estimate (Spearman's correlation of the
            two) and n (patients with both).
        """
        rows = []
        for place, (name, number) in enumerate(zip(self.names, self.family, strict=True)):
            reference = self.representatives[number - 1]
            other = self.names.index(reference)
            rows.append(
                {
                    "group": f"family {number}",
                    "variable": name,
                    "reference": reference,
                    "estimate": float(self.correlations[place, other]),
                    "n": int(self.n_pairs[place, other]),
                }
            )
        return pd.DataFrame(rows)

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        conventions = "Spearman, complete linkage of 1 - |rho|; representatives without outcomes"
        row = {"n_markers": len(self.names), "n_families": len(self.representatives), "least": self.least}
        return pd.DataFrame([row | {"conventions": conventions}])

    def _display(self) -> Display:
        rows = [
            [r["group"], r["variable"], r["reference"], format_number(r["estimate"], 3), format_count(r["n"])]
            for r in self.tidy().sort_values("group", kind="stable").to_dict("records")
        ]
        table = Table(["", "marker", "representative", "Spearman's rho", "patients"], rows, left=3)
        title = (
            f"{count_noun(len(self.names), 'marker')} in {count_noun(len(self.representatives), 'family', 'families')}"
        )
        note = f"Every pair of a family has an absolute correlation of {format_number(self.least)} or more"
        return Display(title, (table,), (note,))


def marker_families(
    table: pd.DataFrame, *, least: float = LEAST_CORRELATION, prefer: Sequence[str] = ()
) -> MarkerFamilies:
    """Group markers that go up and down together, and name one of each group for use in a model.

    Parameters
    ----------
    table : pandas.DataFrame, shape (n, k)
        Markers as numbers, one row for each patient; a missing value leaves the patient out of that pair.
    least : float
        Smallest absolute Spearman correlation of two markers of a family, in (0, 1].
    prefer : sequence of str
        Markers that represent their family, the first of them where a family holds several: the primary marker, say.
        Without one it is the marker that most patients have, then the one that is closest to the others.

    Returns
    -------
    MarkerFamilies
        Families in the order of the table.

    Raises
    ------
    DataError
        For fewer than two markers, columns that are no numbers, and infinite values.
    ConfigError
        For a correlation outside (0, 1].

    References
    ----------
    Harrell FE (2015). Regression Modeling Strategies, 2nd ed., section 4.7. Springer.

    Examples
    --------
    >>> table = pd.DataFrame({"mtv": [1, 2, 3, 4, 5, 6], "tlu": [2, 3, 5, 7, 11, 13], "dmax": [5, 1, 6, 2, 4, 3]})
    >>> marker_families(table, prefer=["tlu"]).members
    (('mtv', 'tlu'), ('dmax',))
    """
    if not 0 < least <= 1:
        raise ConfigError("least must be above 0 and at most 1", f"found {least}")
    values = _read(table)
    names = tuple(str(name) for name in table.columns)
    rho, n_pairs = _correlate(values)
    apart = [(i, j) for i in range(len(names)) for j in range(i) if np.isnan(rho[i, j])]
    distance = 1 - np.abs(np.nan_to_num(rho))
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="complete")
    # cut just above the height: a pair with exactly this correlation is of one family
    family = _number(fcluster(tree, 1 - least + 1e-12, criterion="distance"))
    known = (~np.isnan(values)).sum(axis=0)
    representatives = tuple(
        _represent(np.flatnonzero(family == number), names, known, rho, tuple(prefer))
        for number in range(1, int(family.max()) + 1)
    )
    warnings = [
        f"{names[j]} and {names[i]}: no correlation, {count_noun(int(n_pairs[i, j]), 'patient')} with both or one "
        "value throughout"
        for i, j in apart
    ]
    return MarkerFamilies(
        names, frozen(rho, np.float64), frozen(n_pairs, np.int64), tuple(family.tolist()), representatives,
        float(least), tuple(warnings),
    )  # fmt: skip


def _read(table: pd.DataFrame) -> Floats:
    if table.shape[1] < 2:
        raise DataError("families need two markers or more", f"found {count_noun(table.shape[1], 'column')}")
    wrong = [str(name) for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if wrong:
        raise DataError("a marker is no number", f"found {list_values(wrong)}")
    values = table.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(values).any():
        raise DataError("a marker is infinite", remedy="leave the value missing, or correct it")
    return values


def _correlate(values: Floats) -> tuple[Floats, Ints]:
    k = values.shape[1]
    rho, n_pairs = np.full((k, k), np.nan), np.zeros((k, k), dtype=np.int64)
    for i in range(k):
        for j in range(i + 1):
            both = values[~np.isnan(values[:, [i, j]]).any(axis=1)][:, [i, j]]
            n_pairs[i, j] = n_pairs[j, i] = len(both)
            varies = len(both) >= FEWEST and (both.min(axis=0) < both.max(axis=0)).all()
            if i == j:
                rho[i, j] = 1.0
            elif varies:
                rho[i, j] = rho[j, i] = float(spearmanr(both[:, 0], both[:, 1]).statistic)
    return rho, n_pairs


def _number(family: npt.NDArray[np.int32]) -> Ints:
    order = {own: place for place, own in enumerate(dict.fromkeys(family.tolist()), start=1)}
    return np.array([order[own] for own in family.tolist()], dtype=np.int64)


def _represent(rows: Ints, names: tuple[str, ...], known: Ints, rho: Floats, prefer: tuple[str, ...]) -> str:
    own: list[str] = [names[place] for place in rows]
    chosen = next((name for name in prefer if name in own), None)
    if chosen is not None:
        return chosen
    closeness = np.nansum(np.abs(rho[np.ix_(rows, rows)]), axis=1)
    best = max(range(len(own)), key=lambda place: (int(known[rows[place]]), float(closeness[place]), -place))
    return own[best]
