"""Paired uptake, counts and measurement error: against R, by enumeration, and what is refused."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from survmodel import ConfigError, DataError, FitError, attenuation, paired_counts, paired_uptake
from survmodel.performance.signed_ranks import signed_rank_test

R = json.loads(Path(__file__).with_name("paired_uptake.json").read_text("utf-8"))


def enumerate_signs(difference: np.ndarray) -> float:
    moved = difference[difference != 0]
    ranks = rankdata(np.abs(moved))
    found = ranks[moved > 0].sum()
    sums = np.array([ranks @ np.array(signs) for signs in product([0, 1], repeat=moved.size)])
    return min(1.0, 2 * min((sums <= found + 1e-9).mean(), (sums >= found - 1e-9).mean()))


class TestUptake:
    def test_differences_as_in_r(self) -> None:
        row = paired_uptake(R["a"], R["b"], log=False).tidy().iloc[1]
        found = row[["statistic", "p_value", "estimate", "conf_low", "conf_high"]].tolist()
        assert found == pytest.approx(R["wilcoxon"])

    def test_ratios_as_in_r(self) -> None:
        row = paired_uptake(R["a"], R["b"]).tidy().iloc[0]
        found = [row["statistic"], row["p_value"], *np.log([row["estimate"], row["conf_low"], row["conf_high"]])]
        assert found == pytest.approx(R["log_t"])
        assert row["df"] == 11

    @given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
    def test_ties_and_zeros_by_enumeration(self, values: list[int]) -> None:
        difference = np.array(values, dtype=float)
        assert signed_rank_test(difference).p_value == pytest.approx(enumerate_signs(difference))

    def test_large_samples_are_near_the_exact_test(self) -> None:
        difference = np.random.default_rng(1).normal(0.15, 1, 200)
        exact = signed_rank_test(difference)
        more = signed_rank_test(np.append(difference, [1e-9]))
        assert exact.exact
        assert not more.exact
        assert more.p_value == pytest.approx(exact.p_value, rel=0.05)
        assert more.conf_low == pytest.approx(exact.conf_low, abs=0.02)

    def test_exchanging_the_tracers_mirrors(self) -> None:
        one, other = (paired_uptake(*pair).tidy() for pair in ((R["a"], R["b"]), (R["b"], R["a"])))
        assert one["conf_low"].tolist() == pytest.approx((1 / other["conf_high"]).tolist())
        assert one["p_value"].tolist() == pytest.approx(other["p_value"].tolist())

    def test_few_patients_have_no_limits(self) -> None:
        assert np.isnan(paired_uptake([2, 3, 5, 4, 6], [1, 2, 3, 3, 2]).tidy()["conf_low"][1])
        assert "5 patients: too few" in paired_uptake([2, 3, 5, 4, 6], [1, 2, 3, 3, 2]).warnings[0]
        assert paired_uptake([2, 3, 5, 4, 6, 7], [1, 2, 3, 3, 2, 1]).warnings == ()

    def test_missing_and_refusals(self) -> None:
        result = paired_uptake([2, 3, None, 4], [1, 2, 3, 4])
        assert (result.n, result.n_zero, result.n_missing) == (3, 1, 1)
        assert "1 patient left out" in repr(result)
        with pytest.raises(DataError, match=r"not above 0.*row 2"):
            paired_uptake([2, 0], [1, 1])
        with pytest.raises(DataError, match="two patients"):
            paired_uptake([2], [1])
        with pytest.raises(DataError, match="infinite"):
            paired_uptake([2, np.inf], [1, 1])
        with pytest.raises(ConfigError, match="conf_level"):
            paired_uptake([2, 3], [1, 1], conf_level=95)


class TestCounts:
    def test_ratio_of_means(self) -> None:
        a, b = [4, 0, 7, 3, 10, 2], [2, 0, 5, 3, 2, 1]
        row = paired_counts(a, b).tidy().iloc[0]
        assert row["estimate"] == pytest.approx(26 / 13)
        assert 1 <= row["conf_low"] < 2 < row["conf_high"] <= 5
        assert paired_counts(a, b).tidy().iloc[1]["p_value"] == pytest.approx(enumerate_signs(np.subtract(a, b)))

    def test_the_same_ratio_in_everybody_has_no_width(self) -> None:
        row = paired_counts([2, 4, 6, 8], [1, 2, 3, 4]).tidy().iloc[0]
        assert [row["conf_low"], row["estimate"], row["conf_high"]] == [2, 2, 2]

    def test_seeds(self) -> None:
        a, b = [4, 0, 7, 3, 10, 2], [2, 0, 5, 3, 2, 1]
        assert paired_counts(a, b, seed=3).to_json() == paired_counts(a, b, seed=3).to_json()

    def test_refusals(self) -> None:
        with pytest.raises(DataError, match=r"'A' is no count.*row 1"):
            paired_counts([1.5, 2], [1, 1])
        with pytest.raises(DataError, match=r"'B' is no count.*row 2"):
            paired_counts([1, 2], [1, -1])
        with pytest.raises(FitError, match="B has none in 2 patients"):
            paired_counts([1, 2], [0, 0])
        with pytest.raises(ConfigError, match="100 resamples"):
            paired_counts([1, 2], [1, 1], repeats=10)


class TestAttenuation:
    def test_delta_method_by_differences(self) -> None:
        """The variance is that of beta / ICC by its slopes, taken numerically."""
        icc, beta, s, q = 0.7, 0.5, 0.12, 0.06
        step = 1e-6
        slopes = [
            ((beta + step) / icc - (beta - step) / icc) / (2 * step),
            (beta / (icc + step) - beta / (icc - step)) / (2 * step),
        ]
        found = attenuation(icc, beta, std_error=s, icc_std_error=q)
        assert found.corrected == (pytest.approx(beta / icc), pytest.approx(np.hypot(slopes[0] * s, slopes[1] * q)))
        assert found.tidy()["conf_low"][1] == pytest.approx(
            found.corrected[0] - 1.959964 * found.corrected[1], rel=1e-6
        )

    def test_no_error_changes_nothing(self) -> None:
        assert attenuation(1, 0.5, std_error=0.1).corrected == (0.5, 0.1)

    def test_warning_and_refusals(self) -> None:
        assert "Most of the variance" in attenuation(0.49, 0.5, std_error=0.1).warnings[0]
        assert attenuation(0.5, 0.5, std_error=0.1).warnings == ()
        assert "classical error" in repr(attenuation(0.5, 0.5, std_error=0.1))
        for icc in (0, 1.01, -0.2, np.nan):
            with pytest.raises(DataError, match="above 0 and at most 1"):
                attenuation(icc, 0.5, std_error=0.1)
        with pytest.raises(DataError, match="below 0"):
            attenuation(0.5, 0.5, std_error=-0.1)
        with pytest.raises(DataError, match="finite"):
            attenuation(0.5, np.inf, std_error=0.1)
