r"""Stages by two methods in the same patients: who moves up, who down, and whether that is chance.

Three questions are asked of one square table with counts :math:`n_{ij}`. Bowker: do moves from i to j balance those
from j to i? :math:`\sum_{i<j} (n_{ij} - n_{ji})^2 / (n_{ij} + n_{ji})`, with one degree of freedom for each pair of
levels between which somebody moved. Stuart and Maxwell: are the stages as frequent by the one as by the other?
:math:`d' V^{-} d` with the differences d of the marginal counts and the covariance V under no difference, a generalised
inverse standing in where a level is empty; the degrees of freedom are the rank of V. Sign test: does one method stage
higher more often than lower?
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import chi2

from survmodel.formatting import count_noun, format_interval, format_p, format_percent, format_significant
from survmodel.performance.mcnemar import discordant_p
from survmodel.performance.proportions import check_level, wilson_limits
from survmodel.performance.rating_table import Ints, RatingTable, tabulate_ratings
from survmodel.result import Display, Result
from survmodel.table import Table

CONVENTIONS = "limits: Wilson; Bowker on pairs of levels with a move; Stuart-Maxwell by rank; sign test exact"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StageMigration(Result):
    """Moves between the stages of two methods.

    Attributes
    ----------
    names : tuple of (str, str)
        The methods; a patient moves up who is higher by the second than by the first.
    table : RatingTable
        Patients by stage of the first (rows) and of the second (columns).
    bowker, stuart_maxwell : tuple of (float, int, float)
        Statistic, degrees of freedom, p-value.
    sign_p : float
        Exact p-value of up against down.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        Few moves.
    """

    names: tuple[str, str]
    table: RatingTable
    bowker: tuple[float, int, float]
    stuart_maxwell: tuple[float, int, float]
    sign_p: float
    conf_level: float
    warnings: tuple[str, ...] = ()

    @property
    def n_up(self) -> int:
        """Patients who are higher by the second method."""
        return int(np.triu(self.table.counts, 1).sum())

    @property
    def n_down(self) -> int:
        """Patients who are lower by the second method."""
        return int(np.tril(self.table.counts, -1).sum())

    @property
    def n_same(self) -> int:
        """Patients whom both stage alike."""
        return int(np.trace(self.table.counts))

    def tidy(self) -> pd.DataFrame:
        """Give shares of moves, then tests.

        Returns
        -------
        pandas.DataFrame
            Columns measure, estimate, conf_low, conf_high, n, statistic, df, p_value.
        """
        moves = {"up": self.n_up, "down": self.n_down, "same": self.n_same, "changed": self.n_up + self.n_down}
        rows: list[dict[str, object]] = []
        for name, count in moves.items():
            low, high = wilson_limits(count, self.table.n, self.conf_level)
            share = count / self.table.n
            rows.append({"measure": name, "estimate": share, "conf_low": low, "conf_high": high, "n": count})
        for name, (statistic, df, p_value) in (("Bowker", self.bowker), ("Stuart-Maxwell", self.stuart_maxwell)):
            rows.append({"measure": name, "statistic": statistic, "df": df, "p_value": p_value})
        rows.append({"measure": "sign test", "p_value": self.sign_p})
        columns = ["measure", "estimate", "conf_low", "conf_high", "n", "statistic", "df", "p_value"]
        return pd.DataFrame(rows, columns=columns)

    def glance(self) -> pd.DataFrame:
        """Give counts and p-values in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.table.n,
            "n_missing": self.table.n_missing,
            "n_up": self.n_up,
            "n_down": self.n_down,
            "bowker_p": self.bowker[2],
            "stuart_maxwell_p": self.stuart_maxwell[2],
            "sign_p": self.sign_p,
            "conf_level": self.conf_level,
            "conventions": CONVENTIONS,
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        first, second = self.names
        levels = self.table.levels
        square = Table(
            [f"{first} \\ {second}", *levels],
            [[level, *map(str, row)] for level, row in zip(levels, self.table.counts.tolist(), strict=True)],
        )
        tidy = self.tidy()
        shares = [
            [row["measure"], str(int(row["n"])), format_percent(row["estimate"]), _percent_limits(row)]
            for row in tidy.iloc[:4].to_dict("records")
        ]
        tests = [
            [
                row["measure"],
                format_significant(row["statistic"]),
                format_significant(row["df"]),
                format_p(row["p_value"]),
            ]
            for row in tidy.iloc[4:].to_dict("records")
        ]
        notes = [f"Up: higher by {second} than by {first}. {CONVENTIONS}"]
        missing = self.table.n_missing
        notes += [f"{count_noun(missing, 'patient')} left out for want of a stage"] if missing else []
        tables = (
            square,
            Table(["", "n", "share", "limits, %"], shares),
            Table(["test", "statistic", "df", "p"], tests),
        )
        return Display(f"Stages of {self.table.n} patients by {first} and {second}", tables, tuple(notes))


def _percent_limits(row: dict[Hashable, Any]) -> str:
    return format_interval(100 * row["conf_low"], 100 * row["conf_high"], 1)


def stage_migration(
    stage_a: object,
    stage_b: object,
    *,
    levels: Sequence[object] | None = None,
    names: tuple[str, str] = ("A", "B"),
    conf_level: float = 0.95,
) -> StageMigration:
    """Compare the stages of the same patients by two methods.

    Parameters
    ----------
    stage_a, stage_b : Series or array_like, shape (n,)
        Stage of each patient: numbers, ordered categories, or texts with ``levels``. Patients who lack one are left
        out and counted.
    levels : sequence, optional
        Stages from low to high.
    names : tuple of (str, str)
        The methods. A patient moves up who is higher by the second.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    StageMigration
        Table, shares of moves, tests.

    Raises
    ------
    DataError
        For unknown levels, rows that do not agree, and no patient with both.
    ConfigError
        For texts without ``levels``, repeated levels, and a coverage outside (0, 1).

    References
    ----------
    Bowker AH (1948). J Am Stat Assoc 43:572-574. Stuart A (1955). Biometrika 42:412-416. Maxwell AE (1970). Br J
    Psychiatry 116:651-655.

    Examples
    --------
    >>> result = stage_migration([1, 1, 2, 2, 3, 3], [1, 2, 3, 2, 3, 4])
    >>> result.n_up, result.n_down, result.sign_p
    (3, 0, 0.25)
    """
    check_level(conf_level)
    table = tabulate_ratings(stage_a, stage_b, names, levels, ordered=True)
    up, down = int(np.triu(table.counts, 1).sum()), int(np.tril(table.counts, -1).sum())
    few = 0 < up + down < 10
    return StageMigration(
        names=names,
        table=table,
        bowker=bowker_test(table.counts),
        stuart_maxwell=stuart_maxwell_test(table.counts),
        sign_p=discordant_p(up, down, "exact"),
        conf_level=conf_level,
        warnings=(f"{count_noun(up + down, 'patient')} moved: Bowker and Stuart-Maxwell are of large samples",)
        if few
        else (),
    )


def bowker_test(counts: Ints) -> tuple[float, int, float]:
    """Test by Bowker whether a square table is symmetric.

    Parameters
    ----------
    counts : ndarray of int, shape (k, k)
        Patients.

    Returns
    -------
    tuple of (float, int, float)
        Statistic, degrees of freedom, p-value; 1 where nobody moved.

    Examples
    --------
    >>> bowker_test(np.array([[5, 9, 0], [1, 5, 0], [0, 0, 5]]))[:2]
    (6.4, 1)
    """
    row, column = np.triu_indices(counts.shape[0], 1)
    there, back = counts[row, column], counts[column, row]
    moved = there + back > 0
    statistic = float(((there - back)[moved] ** 2 / (there + back)[moved]).sum())
    df = int(moved.sum())
    return statistic, df, float(chi2.sf(statistic, df)) if df else 1.0


def stuart_maxwell_test(counts: Ints) -> tuple[float, int, float]:
    """Test by Stuart and Maxwell whether the margins of a square table are the same.

    Parameters
    ----------
    counts : ndarray of int, shape (k, k)
        Patients.

    Returns
    -------
    tuple of (float, int, float)
        Statistic, degrees of freedom, p-value; 1 where nobody moved.

    Examples
    --------
    >>> statistic, df, p_value = stuart_maxwell_test(np.array([[5, 9], [1, 5]]))
    >>> round(statistic, 6), df
    (6.4, 1)
    """
    moves = (counts + counts.T).astype(np.float64)
    np.fill_diagonal(moves, 0)
    covariance = np.diag(moves.sum(axis=1)) - moves
    # The covariance is the Laplacian of the graph of moves: its rank is a count, not a matter of rounding.
    parts = int(connected_components(csr_array(moves), directed=False, return_labels=False))
    df = counts.shape[0] - parts
    difference = (counts.sum(axis=1) - counts.sum(axis=0)).astype(np.float64)
    statistic = float(difference @ np.linalg.pinv(covariance, hermitian=True) @ difference) if df else 0.0
    return statistic, df, float(chi2.sf(statistic, df)) if df else 1.0
