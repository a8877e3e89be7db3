"""DeLong's and McNemar's tests and shares within patients: by definition, by enumeration, and what is refused."""

from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta
from statsmodels.stats.contingency_tables import mcnemar

from survmodel import ConfigError, DataError, clustered_proportion, delong_test, mcnemar_test
from survmodel.performance.mcnemar import discordant_p


def patients(seed: int = 1, n: int = 70) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.uniform(size=n) < 0.4
    a = np.round(truth + random.normal(size=n), 1)
    return truth.astype(float), a, np.round(0.5 * a + 0.5 * truth + random.normal(size=n), 1)


class TestDeLong:
    def test_areas_and_covariance_pair_by_pair(self) -> None:
        truth, a, b = patients()
        yes, no = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
        psi = np.array([[[(s[i] > s[j]) + 0.5 * (s[i] == s[j]) for j in no] for i in yes] for s in (a, b)], dtype=float)
        with_it, without = psi.mean(axis=2), psi.mean(axis=1)
        covariance = np.cov(with_it) / yes.size + np.cov(without) / no.size
        result = delong_test(truth, a, b)
        assert result.areas == pytest.approx(psi.mean(axis=(1, 2)))
        assert result.covariance == pytest.approx(covariance)
        value, error = result.difference
        assert error == pytest.approx(np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
        assert result.statistic == pytest.approx(value / error)

    def test_order_scale_and_names_change_nothing(self) -> None:
        truth, a, b = patients(2)
        first = delong_test(truth, a, b)
        turned = np.random.default_rng(3).permutation(truth.size)
        again = delong_test(truth[turned], np.exp(a[turned]), b[turned] * 3 - 7)
        assert again.p_value == pytest.approx(first.p_value)
        swapped = delong_test(truth, b, a)
        assert (swapped.statistic, swapped.p_value) == (pytest.approx(-first.statistic), pytest.approx(first.p_value))

    def test_the_same_score_twice_has_no_difference(self) -> None:
        truth, a, _ = patients(4)
        result = delong_test(truth, a, a)
        assert result.p_value == 1
        assert np.isnan(result.statistic)

    def test_missing_values_are_counted(self) -> None:
        truth, a, b = patients(5)
        unknown, score = pd.Series(truth), pd.Series(a)
        unknown.iloc[:3], score.iloc[2:6] = np.nan, np.nan
        result = delong_test(unknown, score, pd.Series(b), names=("CXCR4", "FDG"))
        assert result.n_missing == 6
        assert result.p_value == delong_test(truth[6:], a[6:], b[6:]).p_value
        assert "6 patients left out" in repr(result)

    def test_refusals(self) -> None:
        truth, a, b = patients(6)
        with pytest.raises(DataError, match="other values than 0 and 1"):
            delong_test(truth + 1, a, b)
        with pytest.raises(DataError, match="two patients of each kind"):
            delong_test(np.zeros(70), a, b)
        with pytest.raises(DataError, match="differ in length"):
            delong_test(truth, a[:5], b)
        with pytest.raises(DataError, match="not numeric"):
            delong_test(truth, ["x"] * 70, b)
        with pytest.raises(DataError, match="not those of the others"):
            delong_test(pd.Series(truth), pd.Series(a)[::-1], pd.Series(b))
        with pytest.raises(ConfigError, match="one name"):
            delong_test(truth, a, b, names=("A", "A"))
        with pytest.raises(ConfigError, match="conf_level"):
            delong_test(truth, a, b, conf_level=95)


class TestMcNemar:
    @pytest.mark.parametrize(("b", "c"), [(0, 0), (0, 5), (4, 5), (7, 7), (1, 12), (20, 33)])
    def test_p_values_by_enumeration(self, b: int, c: int) -> None:
        n = b + c
        chance = [comb(n, k) / 2**n for k in range(n + 1)]
        at_least = sum(p for k, p in enumerate(chance) if abs(k - n / 2) >= abs(b - n / 2) - 1e-12)
        assert discordant_p(b, c, "exact") == pytest.approx(at_least)
        as_far = sum(p for k, p in enumerate(chance) if abs(abs(k - n / 2) - abs(b - n / 2)) < 1e-12)
        assert discordant_p(b, c) == pytest.approx(at_least - as_far / 2 if b != c else 1 - chance[b] * (n > 0))

    def test_statsmodels_has_the_exact_one(self) -> None:
        random = np.random.default_rng(1)
        a, b = random.uniform(size=(2, 90)) < 0.4
        result = mcnemar_test(a, b, method="exact")
        table = [[result.both, result.first_only], [result.second_only, result.neither]]
        assert result.p_value == pytest.approx(mcnemar(table, exact=True).pvalue)
        assert result.n == 90

    def test_counts_missing_and_refusals(self) -> None:
        result = mcnemar_test([1, 0, np.nan, 1], [0, 0, 1, 1], names=("CXCR4", "FDG"))
        assert (result.both, result.first_only, result.second_only, result.neither) == (1, 1, 0, 1)
        assert result.n_missing == 1
        assert result.tidy()["level"].tolist() == ["both", "CXCR4 only", "FDG only", "neither"]
        with pytest.raises(ConfigError, match="'chi' is not known"):
            mcnemar_test([1], [0], method="chi")  # type: ignore[arg-type]
        with pytest.raises(DataError, match="other values"):
            mcnemar_test([2, 1], [0, 1])


class TestClusteredProportion:
    def test_the_bias_reduced_sandwich_by_its_formula(self) -> None:
        """One intercept: B = sum over patients of (r_i / (1 - h_i))^2, h_i being the share of the rows of patient i."""
        random = np.random.default_rng(2)
        patient = np.repeat(np.arange(25), random.integers(1, 8, 25))
        yes = random.uniform(size=patient.size) < np.where(patient % 2, 0.9, 0.5)
        share = yes.mean()
        sums = np.bincount(patient, weights=yes - share)
        sizes = np.bincount(patient)
        leverage = sizes / sizes.sum()
        total = np.sum((sums / (1 - leverage)) ** 2)
        error = np.sqrt(total) / (yes.size * share * (1 - share))
        result = clustered_proportion(yes, patient)
        assert result.estimate == pytest.approx(share)
        assert result.std_error == pytest.approx(error, rel=1e-6)
        assert result.n_cluster == 25

    def test_where_all_agree_patients_are_the_units(self) -> None:
        patient = np.repeat(np.arange(6), 3)
        result = clustered_proportion(np.ones(18), patient)
        assert (result.conf_low, result.conf_high) == (pytest.approx(beta.ppf(0.025, 6, 1)), 1.0)
        none = clustered_proportion(np.zeros(18), patient)
        assert (none.conf_low, none.conf_high) == (0.0, pytest.approx(beta.ppf(0.975, 1, 6)))

    def test_lesions_of_one_patient_widen_the_limits(self) -> None:
        yes = np.tile([1, 1, 1, 0], 12)
        alone = clustered_proportion(yes, np.arange(48))
        alike = clustered_proportion(np.sort(yes), np.repeat(np.arange(12), 4))
        assert alike.conf_high - alike.conf_low > 1.5 * (alone.conf_high - alone.conf_low)

    def test_missing_and_refusals(self) -> None:
        assert clustered_proportion([1, 0, np.nan, 1], ["a", "a", "b", "b"]).n_missing == 1
        with pytest.raises(DataError, match="has no patient"):
            clustered_proportion([1, 0], ["a", None])
        with pytest.raises(DataError, match="two of them"):
            clustered_proportion([1, 0], ["a", "a"])
        with pytest.raises(ConfigError, match="conf_level"):
            clustered_proportion([1, 0], ["a", "b"], conf_level=1)
