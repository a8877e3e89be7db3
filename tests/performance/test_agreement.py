"""Kappa, intraclass correlations and limits of agreement: published, from R, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa as kappa_of_statsmodels

from survmodel import ConfigError, DataError, FitError, cohens_kappa, intraclass_correlation, limits_of_agreement

R = json.loads(Path(__file__).with_name("agreement.json").read_text("utf-8"))
STAGES = np.array(R["stages"])
#: Six patients and four readers (Shrout and Fleiss 1979, table 2).
SHROUT = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def columns(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.indices(counts.shape)
    return tuple(np.repeat(one.ravel(), counts.ravel()) for one in (row, column))


class TestKappa:
    @pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
    def test_r_and_statsmodels(self, weights: str | None) -> None:
        result = cohens_kappa(*columns(STAGES), weights)
        assert [result.estimate, result.std_error] == pytest.approx(R["kappa"][weights or "plain"])
        other = kappa_of_statsmodels(STAGES, wt=weights)
        assert [result.estimate, result.std_error] == pytest.approx([other.kappa, other.std_kappa])
        assert [result.conf_low, result.conf_high] == pytest.approx([other.kappa_low, other.kappa_upp])

    def test_complete_agreement_has_no_limits(self) -> None:
        result = cohens_kappa(["a", "b", "b"], ["a", "b", "b"])
        assert result.estimate == 1
        assert np.isnan([result.std_error, result.conf_low, result.conf_high]).all()
        assert "no limits" in result.warnings[0]

    def test_missing_is_counted(self) -> None:
        result = cohens_kappa([1, 0, None, 1], [1, 1, 1, 0], names=("reader 1", "reader 2"))
        assert (result.table.n, result.table.n_missing) == (3, 1)
        assert "1 patient left out" in repr(result)

    def test_refusals(self) -> None:
        with pytest.raises(ConfigError, match="'square' are not known"):
            cohens_kappa([1, 0], [1, 0], "square")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="order of the levels"):
            cohens_kappa(["a", "b"], ["a", "b"], "linear")
        with pytest.raises(FitError, match="one level to everybody"):
            cohens_kappa([1, 1], [1, 1], levels=[0, 1])

    @given(st.lists(st.integers(0, 5), min_size=9, max_size=9))
    def test_exchanging_readers_changes_nothing(self, cells: list[int]) -> None:
        counts = np.array(cells).reshape(3, 3) + np.eye(3, dtype=int)
        one, other = (cohens_kappa(*columns(table), "linear") for table in (counts, counts.T))
        assert one.estimate == pytest.approx(other.estimate)
        assert one.std_error == pytest.approx(other.std_error, nan_ok=True)


class TestIntraclass:
    @pytest.mark.parametrize(
        ("kind", "published"),
        [("ICC(1,1)", 0.17), ("ICC(2,1)", 0.29), ("ICC(3,1)", 0.71)],
    )
    def test_shrout_and_fleiss(self, kind: str, published: float) -> None:
        assert intraclass_correlation(SHROUT, kind).estimate == pytest.approx(published, abs=0.005)  # type: ignore[arg-type]

    def test_mean_squares_of_r(self) -> None:
        squares = intraclass_correlation(SHROUT).mean_squares
        found = [squares[name] for name in ("between patients", "between readers", "residual")]
        assert found == pytest.approx(R["mean_squares"])

    @pytest.mark.parametrize("kind", ["ICC(1,1)", "ICC(2,1)", "ICC(3,1)"])
    def test_limits_cover(self, kind: str) -> None:
        """Patients, readers and errors have variances 4, 1 and 1 (no readers where each patient has his own).

        The limits of ICC(2,1) rest on Satterthwaite's approximation, which five readers let down a little.
        """
        random = np.random.default_rng(7)
        level = {"ICC(1,1)": 0.0, "ICC(2,1)": 1.0, "ICC(3,1)": 1.0}[kind]
        truth = 4 / 6 if kind == "ICC(2,1)" else 4 / 5
        hits = 0
        for _ in range(600):
            table = random.normal(0, 2, (25, 1)) + level * random.normal(size=(1, 5)) + random.normal(size=(25, 5))
            result = intraclass_correlation(table, kind)  # type: ignore[arg-type]
            hits += result.conf_low <= truth <= result.conf_high
        assert abs(hits / 600 - 0.95) < (0.05 if kind == "ICC(2,1)" else 0.03)

    def test_a_reader_who_reads_high_counts_in_agreement_only(self) -> None:
        high = np.array(SHROUT, dtype=float)
        high[:, 0] += 100
        assert intraclass_correlation(high, "ICC(3,1)").estimate == pytest.approx(
            intraclass_correlation(SHROUT, "ICC(3,1)").estimate
        )
        assert intraclass_correlation(high).estimate < 0.01

    def test_missing_and_refusals(self) -> None:
        table = np.array(SHROUT, dtype=float)
        table[2, 1] = np.nan
        result = intraclass_correlation(table)
        assert (result.n, result.n_readers, result.n_missing) == (5, 4, 1)
        assert "1 patient left out" in repr(result)
        with pytest.raises(DataError, match="two readers"):
            intraclass_correlation([[1], [2]])
        with pytest.raises(DataError, match="not numeric"):
            intraclass_correlation([["x", "y"]])
        with pytest.raises(DataError, match="no table"):
            intraclass_correlation([1, 2])
        with pytest.raises(DataError, match="infinite"):
            intraclass_correlation([[1, np.inf], [1, 2]])
        with pytest.raises(FitError, match="all readings are the same"):
            intraclass_correlation([[2, 2], [2, 2]])
        with pytest.raises(ConfigError, match="not known"):
            intraclass_correlation(SHROUT, "ICC(2,k)")  # type: ignore[arg-type]


class TestLimitsOfAgreement:
    def test_the_definition(self) -> None:
        a, b = np.array([1.0, 2, 4, 8]), np.array([2.0, 2, 3, 5])
        result = limits_of_agreement(a, b).tidy()
        spread = np.std(a - b, ddof=1)
        expected = np.mean(a - b) + np.array([0, -1, 1]) * 1.959963984540054 * spread
        assert result["estimate"].tolist() == pytest.approx(expected.tolist())

    def test_ratios_are_differences_of_logarithms(self) -> None:
        a, b = np.array([1.0, 2, 4, 8]), np.array([2.0, 2, 3, 5])
        ratio = limits_of_agreement(a, b, log=True).estimates
        assert np.log(ratio) == pytest.approx(limits_of_agreement(np.log(a), np.log(b)).estimates)

    def test_limits_cover(self) -> None:
        """The upper limit of agreement of a standard normal difference is 1.96."""
        random = np.random.default_rng(3)
        hits = np.zeros(2)
        for _ in range(600):
            _, lower, upper = limits_of_agreement(random.normal(size=12), np.zeros(12)).estimates
            hits += [lower[1] <= -1.959964 <= lower[2], upper[1] <= 1.959964 <= upper[2]]
        assert np.abs(hits / 600 - 0.95).max() < 0.03

    def test_exchanging_mirrors(self) -> None:
        a, b = [1.0, 2, 4, 8], [2.0, 2, 3, 5]
        one, other = limits_of_agreement(a, b).estimates, limits_of_agreement(b, a).estimates
        assert one[1] == pytest.approx(-other[2][[0, 2, 1]])

    def test_missing_and_refusals(self) -> None:
        assert limits_of_agreement([1, 2, None, 4], [2, 2, 2, 3]).n_missing == 1
        with pytest.raises(DataError, match=r"not above 0.*row 1"):
            limits_of_agreement([0, 1, 2], [1, 2, 3], log=True)
        with pytest.raises(DataError, match="three patients"):
            limits_of_agreement([1, 2], [2, 2])
        with pytest.raises(FitError, match="differences that vary"):
            limits_of_agreement([1, 2, 3], [2, 3, 4])
        with pytest.raises(ConfigError, match="one name"):
            limits_of_agreement([1, 2, 3], [2, 2, 4], names=("A", "A"))
