"""Stages by two methods: against R, statsmodels, the formula by hand, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import SquareTable

from survmodel import ConfigError, DataError, proportion, stage_migration, wilson_limits
from survmodel.performance.mcnemar import discordant_p
from survmodel.performance.stage_migration import StageMigration

R = json.loads(Path(__file__).with_name("agreement.json").read_text("utf-8"))


def spread(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Write a table as two columns of stages from 1."""
    row, column = np.indices(counts.shape)
    return tuple(np.repeat(one.ravel() + 1, counts.ravel()) for one in (row, column))


def migrate(counts: object) -> StageMigration:
    table = np.array(counts)
    return stage_migration(*spread(table), levels=range(1, table.shape[0] + 1))


class TestAgainstOthers:
    def test_bowker_and_sign_test_of_r(self) -> None:
        result = migrate(R["stages"])
        assert result.bowker == pytest.approx(R["bowker"])
        assert result.sign_p == pytest.approx(R["sign_p"])
        assert result.table.counts.tolist() == R["stages"]

    def test_statsmodels_has_both_tests(self) -> None:
        result, other = migrate(R["stages"]), SquareTable(np.array(R["stages"]), shift_zeros=False)
        assert result.bowker[0] == pytest.approx(other.symmetry().statistic)
        margins = other.homogeneity("stuart_maxwell")
        assert result.stuart_maxwell == pytest.approx((margins.statistic, margins.df, margins.pvalue))

    def test_stuart_maxwell_of_three_levels_by_fleiss_and_everitt(self) -> None:
        """For three levels: a weighted sum of squared differences of margins (Fleiss and Everitt 1971)."""
        n = np.array([[20, 10, 5], [3, 30, 15], [0, 5, 40]])
        d = n.sum(axis=1) - n.sum(axis=0)
        m = (n + n.T) / 2
        top = m[1, 2] * d[0] ** 2 + m[0, 2] * d[1] ** 2 + m[0, 1] * d[2] ** 2
        expected = top / (2 * (m[0, 1] * m[0, 2] + m[0, 1] * m[1, 2] + m[0, 2] * m[1, 2]))
        assert migrate(n).stuart_maxwell[:2] == (pytest.approx(expected), 2)

    def test_wilson_and_exact_limits_of_r(self) -> None:
        assert wilson_limits(8, 22) == pytest.approx(R["wilson"])
        assert wilson_limits(3, 41, 0.9) == pytest.approx(R["wilson_90"])
        exact = proportion(8, 22, limits="clopper-pearson")
        assert (exact.conf_low, exact.conf_high) == pytest.approx(R["exact"])


class TestByHand:
    def test_two_levels_are_mcnemar(self) -> None:
        result = migrate([[5, 9], [1, 5]])
        assert result.bowker[:2] == (pytest.approx(6.4), 1)
        assert result.stuart_maxwell == pytest.approx(result.bowker)
        assert result.sign_p == discordant_p(9, 1, "exact")

    def test_an_empty_level_costs_no_degree_of_freedom(self) -> None:
        three, two = migrate([[5, 9, 0], [1, 5, 0], [0, 0, 0]]), migrate([[5, 9], [1, 5]])
        assert three.stuart_maxwell == pytest.approx(two.stuart_maxwell)
        assert three.bowker == pytest.approx(two.bowker)

    def test_nobody_moves(self) -> None:
        result = migrate([[5, 0], [0, 4]])
        assert result.bowker == result.stuart_maxwell == (0, 0, 1)
        assert result.sign_p == 1

    def test_counts_and_shares(self) -> None:
        result = migrate([[2, 3, 1], [1, 2, 0], [0, 0, 1]])
        tidy = result.tidy().set_index("measure")
        assert tidy.loc[["up", "down", "same", "changed"], "n"].tolist() == [4, 1, 5, 5]
        assert tidy.loc["changed", ["conf_low", "conf_high"]].tolist() == pytest.approx(wilson_limits(5, 10))
        assert "5 patients moved" in result.warnings[0]
        assert migrate(R["stages"]).warnings == ()

    def test_texts_categories_and_missing(self) -> None:
        order = ["I", "II", "III", "IV"]
        first, second = pd.Series(["I", "IV", None, "II"]), pd.Series(["II", "III", "I", "II"])
        named = stage_migration(first, second, levels=order, names=("FDG", "CXCR4"))
        assert (named.n_up, named.n_down, named.n_same, named.table.n_missing) == (1, 1, 1, 1)
        assert "1 patient left out" in repr(named)
        assert "higher by CXCR4 than by FDG" in repr(named)
        kind = pd.CategoricalDtype(order, ordered=True)
        again = stage_migration(first.astype(kind), second.astype(kind))
        assert again.table.counts.tolist() == named.table.counts.tolist()

    def test_limits_at_the_ends(self) -> None:
        z2 = 1.959963984540054**2
        assert wilson_limits(0, 10) == (0, pytest.approx(z2 / (10 + z2)))
        assert wilson_limits(10, 10) == (pytest.approx(10 / (10 + z2)), 1)


@given(st.lists(st.integers(0, 6), min_size=9, max_size=9).filter(any))
def test_exchanging_the_methods_mirrors_the_result(cells: list[int]) -> None:
    counts = np.array(cells).reshape(3, 3)
    result, mirrored = migrate(counts), migrate(counts.T)
    assert (result.n_up, result.n_down) == (mirrored.n_down, mirrored.n_up)
    assert result.bowker == pytest.approx(mirrored.bowker)
    assert result.stuart_maxwell == pytest.approx(mirrored.stuart_maxwell)


@given(st.permutations(range(8)))
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    first, second = np.array([1, 1, 2, 3, 3, 2, 1, 2]), np.array([2, 1, 3, 3, 1, 2, 3, 3])
    result = stage_migration(first[order], second[order])
    assert result.to_json() == stage_migration(first, second).to_json()


class TestRefusals:
    def test_the_order_of_texts(self) -> None:
        with pytest.raises(ConfigError, match="order of the levels is not known"):
            stage_migration(["I", "II"], ["II", "II"])
        with pytest.raises(ConfigError, match="named twice"):
            stage_migration(["I"], ["I"], levels=["I", "I"])

    def test_rows(self) -> None:
        with pytest.raises(DataError, match=r"levels that are not among I, II.*row 2"):
            stage_migration(["I", "V"], ["I", "I"], levels=["I", "II"])
        with pytest.raises(DataError, match="differ in length"):
            stage_migration([1, 2], [1])
        with pytest.raises(DataError, match="no patient has both"):
            stage_migration([1, None], [None, 2])
        with pytest.raises(DataError, match="rows of the two ratings"):
            stage_migration(pd.Series([1, 2]), pd.Series([1, 2], index=[1, 0]))
        with pytest.raises(DataError, match="one level"):
            stage_migration([1, 1], [1, 1])

    def test_shares(self) -> None:
        with pytest.raises(DataError, match="11 of 10"):
            wilson_limits(11, 10)
        with pytest.raises(DataError, match="0 of 0"):
            proportion(0, 0)
        with pytest.raises(ConfigError, match="conf_level"):
            stage_migration([1, 2], [1, 2], conf_level=95)
        with pytest.raises(ConfigError, match="not known"):
            proportion(1, 2, limits="wald")  # type: ignore[arg-type]
