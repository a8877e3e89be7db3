"""Two tests against a reference: by hand, against statsmodels, under simulation, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.generalized_estimating_equations import GEE

from survmodel import ConfigError, DataError, mcnemar_test, paired_accuracy, paired_positivity, wilson_limits
from survmodel.performance.clustered_difference import BOOTSTRAP, SANDWICH, clustered_difference
from survmodel.performance.difference_limits import tango_limits
from survmodel.performance.paired_accuracy import HEADLINE, PairedAccuracy
from survmodel.performance.predictive_values import compare_predictive_values

Columns = tuple[np.ndarray, np.ndarray, np.ndarray]


def patients(seed: int = 1, n: int = 80) -> Columns:
    random = np.random.default_rng(seed)
    truth = random.uniform(size=n) < 0.5
    return truth * 1, (random.uniform(size=n) < 0.2 + 0.6 * truth) * 1, (random.uniform(size=n) < 0.3 + 0.4 * truth) * 1


def row_of(result: PairedAccuracy, measure: str, **which: str) -> pd.Series:
    table = result.tidy()
    for column, value in ({"sample": HEADLINE} | which).items():
        table = table[table[column] == value]
    return table.set_index("measure").loc[measure]


class TestHeadline:
    def test_shares_and_mcnemar_within_the_diseased(self) -> None:
        truth, a, b = patients()
        result = paired_accuracy(truth, a, b)
        for measure, rows, first, second in (
            ("sensitivity", truth == 1, a, b),
            ("specificity", truth == 0, 1 - a, 1 - b),
        ):
            share = row_of(result, measure, model="A")
            assert share["estimate"] == first[rows].mean()
            limits = wilson_limits(int(first[rows].sum()), int(rows.sum()))
            assert (share["conf_low"], share["conf_high"]) == limits
            difference = row_of(result, measure, contrast="A - B")
            assert difference["estimate"] == pytest.approx(first[rows].mean() - second[rows].mean())
            assert difference["p_value"] == mcnemar_test(first[rows], second[rows]).p_value
        assert row_of(result, "PPV", model="B")["estimate"] == truth[b == 1].mean()

    def test_the_tests_of_tango_and_the_limits_agree(self) -> None:
        """At its limits the score statistic, written out anew, is the quantile."""
        b, c, n = 12, 3, 44
        for limit in tango_limits(b, c, n):
            grid = np.linspace(max(0, -limit), (1 - limit) / 2, 2_000_001)[1:-1]
            likelihood = b * np.log(grid + limit) + c * np.log(grid) + (n - b - c) * np.log(1 - 2 * grid - limit)
            q = grid[np.argmax(likelihood)]
            score = (b - c - n * limit) / np.sqrt(n * (2 * q + limit * (1 - limit)))
            assert abs(score) == pytest.approx(1.959964, abs=1e-5)

    @pytest.mark.parametrize(("b", "c", "low", "high"), [(0, 0, -1, 1), (20, 0, 0, 1)])
    def test_tango_at_the_ends(self, b: int, c: int, low: float, high: float) -> None:
        """With nobody told apart the limits are z^2 / (n + z^2)."""
        z2, found = 1.959963984540054**2, tango_limits(b, c, 20)
        edge = z2 / (20 + z2)
        assert found == ((pytest.approx(low * edge), pytest.approx(high * edge)) if b == 0 else (found[0], 1.0))
        assert found[0] > low - 1e-9

    def test_tango_covers(self) -> None:
        random = np.random.default_rng(5)
        cells = random.multinomial(30, [0.2, 0.05, 0.75], size=1500)
        hits = [low <= 0.15 <= high for low, high in (tango_limits(int(b), int(c), 30) for b, c, _ in cells)]
        assert abs(np.mean(hits) - 0.95) < 0.02

    def test_predictive_values_without_overlap_are_the_chi_squared_test(self) -> None:
        """Nobody is positive by both: the statistic is Pearson's of a table of 2 by 2."""
        right = np.array([1] * 9 + [0] * 3 + [1] * 4 + [0] * 8, dtype=bool)
        by_a = np.arange(24) < 12
        found = compare_predictive_values(right, by_a, ~by_a)
        assert found.statistic == pytest.approx(24 * (9 * 8 - 3 * 4) ** 2 / (12 * 12 * 13 * 11))
        # Independent samples: the standard error of the log of a risk ratio.
        error = np.sqrt(1 / 9 - 1 / 12 + 1 / 4 - 1 / 12)
        assert found.conf_high == pytest.approx(9 / 4 * np.exp(1.959964 * error), rel=1e-6)

    def test_equal_predictive_values_with_overlap(self) -> None:
        """Where both values are the pooled one, score test and log ratio have one variance, but for its square.

        Positive by A only 4 ill and 2 well, by B only 6 and 3, by both 8 and 4: both are 2/3 (12 of 18, 14 of 21).
        """
        ill, well = (4, 6, 8), (2, 3, 4)
        right = np.repeat([True, False], [sum(ill), sum(well)])
        groups = np.concatenate([np.repeat([0, 1, 2], ill), np.repeat([0, 1, 2], well)])
        found = compare_predictive_values(right, groups != 1, groups != 0)
        overlap = (8 * (1 / 3) ** 2 + 4 * (2 / 3) ** 2) / 39
        variance = (2 / 9 - 2 * overlap) * (1 / 18 + 1 / 21)
        assert found.statistic == pytest.approx(0, abs=1e-12)
        assert np.log(found.conf_high) / 1.959963984540054 == pytest.approx(np.sqrt(variance) * 3 / 2)

    def test_the_score_test_with_overlap_by_its_formula(self) -> None:
        """Positive by A only 9 ill and 1 well, by B only 3 and 6, by both 8 and 4."""
        right = np.repeat([True, False], [20, 11])
        groups = np.concatenate([np.repeat([0, 1, 2], (9, 3, 8)), np.repeat([0, 1, 2], (1, 6, 4))])
        found = compare_predictive_values(right, groups != 1, groups != 0)
        pooled = (17 + 11) / (22 + 21)
        overlap = (8 * (1 - pooled) ** 2 + 4 * pooled**2) / 43
        variance = (pooled * (1 - pooled) - 2 * overlap) * (1 / 22 + 1 / 21)
        assert found.statistic == pytest.approx((17 / 22 - 11 / 21) ** 2 / variance)

    def test_mid_p_unless_exact_is_asked_for(self) -> None:
        truth, a, b = patients(8)
        ill = truth == 1
        found = [paired_accuracy(truth, a, b, **how) for how in ({}, {"method": "exact"})]
        p_values = [row_of(one, "sensitivity", contrast="A - B")["p_value"] for one in found]
        expected = [mcnemar_test(a[ill], b[ill], method=method).p_value for method in ("mid-p", "exact")]
        assert p_values == expected
        assert p_values[0] < p_values[1]
        assert ["mid-p" in one.conventions for one in found] == [True, False]

    def test_the_size_of_the_test_of_predictive_values(self) -> None:
        random = np.random.default_rng(11)
        rejected = []
        for _ in range(600):
            truth = random.uniform(size=200) < 0.5
            shared = random.uniform(size=200) < 0.3
            a, b = (random.uniform(size=200) < np.where(truth, 0.7, 0.2) for _ in range(2))
            b = np.where(shared, a, b)
            rejected.append(compare_predictive_values(truth, a, b).p_value < 0.05)
        assert abs(np.mean(rejected) - 0.05) < 0.03

    def test_exchanging_the_tests_mirrors(self) -> None:
        truth, a, b = patients(2)
        one, other = paired_accuracy(truth, a, b), paired_accuracy(truth, b, a)
        for measure in ("sensitivity", "specificity", "accuracy"):
            first, second = (row_of(result, measure, contrast="A - B") for result in (one, other))
            assert first["conf_low"] == pytest.approx(-second["conf_high"])
            assert first["p_value"] == second["p_value"]
        ratios = [row_of(result, "PPV ratio", contrast="A / B") for result in (one, other)]
        assert ratios[0]["conf_low"] == pytest.approx(1 / ratios[1]["conf_high"])
        assert ratios[0]["statistic"] == pytest.approx(ratios[1]["statistic"])

    @given(st.permutations(range(12)))
    def test_the_order_of_rows_changes_nothing(self, order: list[int]) -> None:
        truth, a, b = (one[:12] for one in patients(4))
        turned = paired_accuracy(truth[order], a[order], b[order])
        pd.testing.assert_frame_equal(turned.tidy(), paired_accuracy(truth, a, b).tidy())


class TestThirdStateAndVerification:
    def test_best_and_worst_case(self) -> None:
        a = [1, 1, "indeterminate", 0, 0, "indeterminate"]
        result = paired_accuracy([1, 1, 1, 1, 0, 0], a, [1, 0, 1, 0, 0, 1])
        found = {
            sample: row_of(result, "sensitivity", sample=sample, model="A")["estimate"]
            for sample in (HEADLINE, "best case", "worst case")
        }
        assert found == {HEADLINE: 2 / 3, "best case": 3 / 4, "worst case": 2 / 4}
        assert row_of(result, "specificity", sample="worst case", model="A")["estimate"] == 1 / 2
        assert row_of(result, "sensitivity", sample="best for A", contrast="A - B")["estimate"] == 3 / 4 - 2 / 4
        assert row_of(result, "sensitivity", sample="best for B", contrast="A - B")["estimate"] == 0
        assert result.glance()["n_indeterminate"].tolist() == [2]
        states = [line.split() for line in repr(result).splitlines() if line.startswith(("A ", "B "))][1:]
        assert states[:3] == [
            ["A", "positive", "2", "0", "0"],
            ["A", "negative", "1", "1", "0"],
            ["A", "indeterminate", "1", "1", "0"],
        ]
        assert states[3] == ["B", "positive", "2", "1", "0"]

    def test_verification_by_results(self) -> None:
        result = paired_accuracy([1, None, 0, 1], [1, 1, 0, 1], [1, 1, 0, 0], names=("CXCR4", "FDG"))
        assert result.verification == 0.75
        table = result.verified_by_results().set_index("level")
        assert table.loc["CXCR4 +, FDG +", ["estimate", "n"]].tolist() == [0.5, 2]
        assert "1 row not verified" in result.warnings[0]

    def test_begg_and_greenes_by_hand(self) -> None:
        """Of 60 positive 40 are verified (30 ill), of 40 negative 10 (1 ill): 45 and 4 ill among all."""
        truth = [1] * 30 + [0] * 10 + [None] * 20 + [1] + [0] * 9 + [None] * 30
        test = [1] * 60 + [0] * 40
        result = paired_accuracy(truth, test, test)
        corrected = "corrected for verification"
        sensitivity = row_of(result, "sensitivity", sample=corrected, model="A")
        assert sensitivity["estimate"] == pytest.approx(45 / 49)
        assert row_of(result, "specificity", sample=corrected, model="A")["estimate"] == pytest.approx(36 / 51)
        # Begg and Greenes (1983): the variance of the logit of sensitivity.
        share, ppv, npv = 0.6, 0.75, 0.9
        logit = 1 / (100 * share * (1 - share)) + (1 - ppv) / (ppv * 40) + npv / ((1 - npv) * 10)
        error = np.sqrt(logit) * (45 / 49) * (4 / 49)
        assert sensitivity["conf_low"] == pytest.approx(45 / 49 - 1.959964 * error, rel=1e-5)

    def test_no_correction_where_nobody_stands_for_the_others(self) -> None:
        result = paired_accuracy([1, 0, None], [1, 0, 1], [1, 0, 0])
        assert "no correction is possible" in result.warnings[1]
        assert not (result.tidy()["sample"] == "corrected for verification").any()

    def test_without_disease_negatives(self) -> None:
        result = paired_accuracy([1, 1, 1], [1, 1, 0], [1, 0, 0])
        assert set(result.tidy()["measure"]) == {"sensitivity"}
        assert "specificity and predictive values do not exist" in result.warnings[0]
        none = paired_accuracy([0, 0, 0], [1, 1, 0], [1, 0, 0])
        assert set(none.tidy()["measure"]) == {"specificity"}


class TestClusters:
    def lesions(self, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        patient = np.repeat(np.arange(20), random.integers(1, 7, 20))
        ease = random.normal(size=20)[patient]
        a, b = (ease + random.normal(size=patient.size) > -level for level in (1.0, 0.2))
        return patient, a, b

    def test_statsmodels_has_the_same_sandwich(self) -> None:
        patient, a, b = self.lesions()
        every = np.ones(a.size, dtype=bool)
        found = clustered_difference((a, b), (every, every), patient)
        order = np.argsort(np.tile(patient, 2), kind="stable")
        design = np.column_stack([np.ones(2 * a.size), np.repeat([1.0, 0.0], a.size)])[order]
        outcome = np.concatenate([a, b]).astype(float)[order]
        fit = GEE(outcome, design, groups=np.tile(patient, 2)[order], cov_struct=Independence()).fit(
            cov_type="bias_reduced"
        )
        assert found.estimate == pytest.approx(fit.params[1])
        assert found.estimate / found.statistic == pytest.approx(fit.bse[1])
        assert (found.df, found.method) == (19, SANDWICH)

    def test_it_reaches_the_result(self) -> None:
        patient, a, b = self.lesions()
        truth = np.ones(a.size)
        result = paired_accuracy(truth, a, b, cluster=patient)
        row = row_of(result, "sensitivity", contrast="A - B")
        assert (row["used"], row["df"]) == (SANDWICH, 19)
        assert result.n_cluster == 20
        assert "bias-reduced" in result.conventions

    def test_a_test_that_finds_all(self) -> None:
        """The bootstrap draws patients: the ratio estimator of the other test alone moves."""
        patient, _, b = self.lesions()
        every = np.ones(b.size, dtype=bool)
        found = clustered_difference((every, b), (every, every), patient)
        assert found.method == BOOTSTRAP
        assert found.conf_low <= found.estimate <= found.conf_high
        assert np.isnan(found.p_value)
        again = clustered_difference((every, b), (every, every), patient)
        assert (again.conf_low, again.conf_high) == (found.conf_low, found.conf_high)
        both = clustered_difference((every, every), (every, every), patient)
        assert np.isnan([both.conf_low, both.conf_high]).all()

    def test_one_row_of_each_patient_twice_is_one(self) -> None:
        """Doubled rows add no patient: the limits stay."""
        _, a, b = patients(6, 40)
        every, number = np.ones(40, dtype=bool), np.arange(40)
        one = clustered_difference((a == 1, b == 1), (every, every), number)
        twice = clustered_difference(
            tuple(np.tile(x == 1, 2) for x in (a, b)), (np.tile(every, 2),) * 2, np.tile(number, 2)
        )
        assert (twice.conf_low, twice.p_value) == (pytest.approx(one.conf_low), pytest.approx(one.p_value))

    def test_limits_cover(self) -> None:
        """Lesions of one patient are alike; the differences of shares are about 0.25 on the average."""
        random = np.random.default_rng(9)
        low, high = [], []
        estimates = []
        for _ in range(500):
            patient = np.repeat(np.arange(25), random.integers(1, 7, 25))
            ease = random.uniform(size=25)[patient]
            # Found by A with probability 0.4 + 0.5 e, by B with 0.15 + 0.5 e: the difference is 0.25 for everybody.
            a, b = (random.uniform(size=patient.size) < base + 0.5 * ease for base in (0.4, 0.15))
            every = np.ones(a.size, dtype=bool)
            found = clustered_difference((a, b), (every, every), patient)
            low.append(found.conf_low)
            high.append(found.conf_high)
            estimates.append(found.estimate)
        assert np.mean(estimates) == pytest.approx(0.25, abs=0.015)
        assert abs(np.mean((np.array(low) <= 0.25) & (np.array(high) >= 0.25)) - 0.95) < 0.03


class TestRefusals:
    def test_readings(self) -> None:
        with pytest.raises(DataError, match=r"A has other values.*row 2"):
            paired_accuracy([1, 0], [1, 3], [1, 0])
        with pytest.raises(DataError, match="reference has other values than yes and no"):
            paired_accuracy([1, "indeterminate"], [1, 0], [1, 0])
        with pytest.raises(DataError, match="Use paired_positivity instead"):
            paired_accuracy([None, None], [1, 0], [1, 0])
        with pytest.raises(DataError, match="differ in length"):
            paired_accuracy([1, 0], [1], [1, 0])
        with pytest.raises(DataError, match="not the same"):
            paired_accuracy(pd.Series([1, 0]), pd.Series([1, 0], index=[1, 0]), [1, 0])
        with pytest.raises(DataError, match="read yes or no by both"):
            paired_accuracy([1, 0], ["indeterminate"] * 2, [1, 0])
        with pytest.raises(DataError, match="has no patient"):
            paired_accuracy([1, 0], [1, 0], [1, 0], cluster=["a", None])

    def test_options(self) -> None:
        with pytest.raises(ConfigError, match="one name"):
            paired_accuracy([1, 0], [1, 0], [1, 0], names=("A", "A"))
        with pytest.raises(ConfigError, match="'chi' is not known"):
            paired_accuracy([1, 0], [1, 0], [1, 0], method="chi")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="'wald' is not known"):
            paired_accuracy([1, 0], [1, 0], [1, 0], limits=("wilson", "wald"))  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="conf_level"):
            paired_accuracy([1, 0], [1, 0], [1, 0], conf_level=95)

    def test_missing_tests_are_counted(self) -> None:
        result = paired_accuracy([1, 0, 1], [1, 0, None], [1, 0, 1])
        assert result.n_missing == 1
        assert "1 row left out" in repr(result)


class TestPositivity:
    def test_it_never_says_sensitivity(self) -> None:
        _, a, b = patients(7)
        result = paired_positivity(a, b, names=("CXCR4", "FDG"))
        assert "ensitiv" not in repr(result) + result.to_json()
        assert "Positivity is not accuracy" in repr(result)

    def test_table_difference_and_p_value(self) -> None:
        _, a, b = patients(7)
        result = paired_positivity(a, b)
        first, second = int((a > b).sum()), int((b > a).sum())
        assert result.difference == ((first - second) / 80, *tango_limits(first, second, 80))
        assert result.test.p_value == mcnemar_test(a, b).p_value
        assert result.tidy()["estimate"].tolist() == pytest.approx([a.mean(), b.mean(), a.mean() - b.mean()])
        assert result.tidy().loc[0, ["conf_low", "conf_high"]].tolist() == list(wilson_limits(int(a.sum()), 80))

    def test_who_is_left_out(self) -> None:
        result = paired_positivity([1, 0, None, "indeterminate", 1], [1, 0, 1, 1, 0])
        assert (result.test.n, result.n_missing, result.n_indeterminate) == (3, 1, 1)
        assert "1 patient left out, indeterminate" in repr(result)

    def test_refusals(self) -> None:
        with pytest.raises(DataError, match=r"B has other values.*row 1"):
            paired_positivity([1], [7])
        with pytest.raises(DataError, match="differ in length"):
            paired_positivity([1], [1, 0])
        with pytest.raises(DataError, match="positive or negative by both"):
            paired_positivity([1], [None])
        with pytest.raises(DataError, match="not the same"):
            paired_positivity(pd.Series([1, 0]), pd.Series([1, 0], index=[1, 0]))
        with pytest.raises(ConfigError, match="one name"):
            paired_positivity([1], [1], names=("A", "A"))
