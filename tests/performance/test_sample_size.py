"""Planning: published numbers, inverses, hand algebra, and simulation where there is no closed form."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    ConfigError,
    CoxPH,
    Outcome,
    affordable_parameters,
    concordance_half_width,
    logrank_sample_size,
    marker_events,
    mcnemar_power,
    mcnemar_sample_size,
    mcnemar_test,
    riley_sample_size,
    simulate_power,
    smallest_hazard_ratio,
)
from survmodel.cli import main
from survmodel.performance.planning import uninformative_concordance_error
from survmodel.performance.power import draw_study
from survmodel.simulate.truth import Plan

SURE = {"rate": 0.15, "follow_up": 2.0, "horizon": 2.0}


class TestRiley:
    @pytest.mark.parametrize(("r2", "n"), [(0.10, 425), (0.15, 275), (0.20, 199), (0.30, 124)])
    def test_first_criterion(self, r2: float, n: int) -> None:
        """Five parameters, shrinkage .9: pmsampsize's first criterion."""
        assert riley_sample_size(5, r2_cs=r2, **SURE).tidy().set_index("measure").loc["shrinkage", "n"] == n

    @pytest.mark.parametrize(
        ("r2", "at_50", "at_100"), [(0.10, 0.6, 1.2), (0.15, 0.9, 1.8), (0.20, 1.3, 2.5), (0.30, 2.0, 4.1)]
    )
    def test_affordable_parameters(self, r2: float, at_50: float, at_100: float) -> None:
        assert round(affordable_parameters(50, r2), 1) == at_50
        assert round(affordable_parameters(100, r2), 1) == at_100

    def test_affordable_parameters_undo_the_first_criterion(self) -> None:
        for parameters in (1, 3, 10):
            n = int(riley_sample_size(parameters, r2_cs=0.2, **SURE).tidy()["n"].iloc[0])
            assert affordable_parameters(n - 1, 0.2) < parameters <= affordable_parameters(n, 0.2)

    @pytest.mark.parametrize(("share", "largest"), [(0.1, 0.48), (0.3, 0.73)])
    def test_largest_r2_bounds_what_is_asked(self, share: float, largest: float) -> None:
        sizes = {"rate": share, "follow_up": 1.0, "horizon": 1.0}
        riley_sample_size(3, r2_cs=largest - 0.01, **sizes)
        with pytest.raises(ConfigError, match="cannot be reached"):
            riley_sample_size(3, r2_cs=largest + 0.01, **sizes)

    def test_nagelkerke_is_a_share_of_the_largest(self) -> None:
        e = 0.3
        largest = 1 - math.exp(2 * (e * math.log(e) - e))
        one = riley_sample_size(5, r2_nagelkerke=0.15, **SURE)
        two = riley_sample_size(5, r2_cs=0.15 * largest, **SURE)
        assert one.tidy().equals(two.tidy())

    def test_second_criterion_by_hand(self) -> None:
        e = 0.3
        largest = 1 - math.exp(2 * (e * math.log(e) - e))
        shrinkage = 0.15 / (0.15 + 0.05 * largest)
        n = math.ceil(5 / ((shrinkage - 1) * math.log(1 - 0.15 / shrinkage)))
        assert riley_sample_size(5, r2_cs=0.15, **SURE).tidy().set_index("measure").loc["optimism of R2", "n"] == n

    def test_third_criterion_is_the_smallest_that_holds(self) -> None:
        n = riley_sample_size(1, r2_cs=0.3, **SURE).tidy().set_index("measure").loc["overall risk", "n"]

        def reach(size: float) -> float:
            error = 1.959963984540054 * math.sqrt(0.15 / (size * 2))
            risk, low, high = (1 - math.exp(-rate * 2) for rate in (0.15, 0.15 - error, 0.15 + error))
            return max(risk - low, high - risk)

        assert reach(n) <= 0.05 < reach(n - 1)

    def test_events_and_result(self) -> None:
        found = riley_sample_size(5, r2_cs=0.15, **SURE)
        table = found.tidy()
        assert found.n == table["n"].max()
        assert table["n_event"].tolist() == [math.ceil(n * 0.3) for n in table["n"]]
        assert "Patients for a model of 5 parameters" in repr(found)
        assert found.glance()["n"].tolist() == [found.n]

    @pytest.mark.parametrize(
        "change",
        [{"rate": 0.0}, {"follow_up": -1.0}, {"horizon": math.inf}, {"shrinkage": 1.0}, {"margin": 0.0}, {"r2_cs": 0.0},
         {"r2_cs": None}, {"r2_nagelkerke": 0.1}],
    )  # fmt: skip
    def test_refused(self, change: dict[str, float]) -> None:
        with pytest.raises(ConfigError):
            riley_sample_size(5, **{"r2_cs": 0.15, **SURE, **change})

    @pytest.mark.parametrize("count", [0, -1, 1.5, True])
    def test_parameters_are_counted(self, count: object) -> None:
        with pytest.raises(ConfigError, match="n_parameters"):
            riley_sample_size(count, r2_cs=0.15, **SURE)  # type: ignore[arg-type]


class TestMarkerAndGroups:
    @pytest.mark.parametrize(("ratio", "events"), [(1.3, 115), (1.5, 48), (2.0, 17)])
    def test_events_per_standard_deviation(self, ratio: float, events: int) -> None:
        assert marker_events(ratio) == marker_events(1 / ratio) == events

    @pytest.mark.parametrize(("ratio", "events"), [(2.0, 66), (3.0, 27)])
    def test_events_of_two_groups(self, ratio: float, events: int) -> None:
        assert logrank_sample_size(ratio, rate=0.1, accrual=0, follow_up=1).n_event == events

    def test_it_undoes_the_smallest_hazard_ratio(self) -> None:
        for sd, r_squared in ((1.0, 0.0), (0.9, 0.3)):
            events = marker_events(1.7, sd=sd, r_squared=r_squared)
            found = [smallest_hazard_ratio(d, sd=sd, r_squared=r_squared) for d in (events - 1, events)]
            assert found[0] > 1.7 >= found[1]

    def test_patients_by_hand(self) -> None:
        """Rates .1 and .2 over two years of accrual and two more: 66 events / .3527."""
        chances = [1 - math.exp(-2 * rate) * (1 - math.exp(-2 * rate)) / (2 * rate) for rate in (0.1, 0.2)]
        found = logrank_sample_size(2.0, rate=0.1, accrual=2, follow_up=2)
        assert found.n == math.ceil(66 / np.mean(chances))
        assert found.tidy()["estimate"].iloc[0] == pytest.approx(np.mean(chances))

    def test_accrual_of_no_time_is_the_limit_of_short_accrual(self) -> None:
        one, two = (logrank_sample_size(2.0, rate=0.1, accrual=a, follow_up=2).tidy()["estimate"][0] for a in (0, 1e-6))
        assert one == pytest.approx(two, rel=1e-5)

    def test_power_by_simulation(self) -> None:
        """A marker of SD 1 with hazard ratio 1.5 and 48 events: about 80 % of the studies find it."""
        random = np.random.default_rng(5)
        found = 0
        for _ in range(400):
            x = random.normal(size=120)
            time = random.exponential(np.exp(-math.log(1.5) * x))
            cut = np.sort(time)[47]
            outcome = Outcome(np.minimum(time, cut), time <= cut)
            fit = CoxPH("x").fit(pd.DataFrame({"x": x}), outcome)
            found += float(fit.tidy()["p_value"].iloc[0]) < 0.05
        assert 0.72 < found / 400 < 0.88

    @pytest.mark.parametrize("ratio", [1.0, 0.0, -1.0, math.inf, math.nan])
    def test_no_effect_needs_no_events(self, ratio: float) -> None:
        with pytest.raises(ConfigError, match="hazard ratio"):
            marker_events(ratio)


class TestMcNemar:
    @pytest.mark.parametrize(("n", "power"), [(15, 0.18), (17, 0.24), (25, 0.42), (40, 0.66), (50, 0.77)])
    def test_a_quarter_against_a_twentieth(self, n: int, power: float) -> None:
        assert round(mcnemar_power(n, 0.25, 0.05), 2) == power

    @pytest.mark.parametrize(("n", "power"), [(15, 0.23), (17, 0.33), (25, 0.69), (40, 0.96), (50, 0.99)])
    def test_nothing_on_the_other_side(self, n: int, power: float) -> None:
        assert round(mcnemar_power(n, 0.225, 0.0), 2) == power

    def test_it_is_the_power_of_the_test_that_is_made(self) -> None:
        """All tables of 7 patients, with the p-value of the public test."""
        n, first, second = 7, 0.3, 0.1
        total = 0.0
        for b in range(n + 1):
            for c in range(n + 1 - b):
                chance = math.factorial(n) / (math.factorial(b) * math.factorial(c) * math.factorial(n - b - c))
                chance *= first**b * second**c * (1 - first - second) ** (n - b - c)
                a_reads = [1] * b + [0] * c + [0] * (n - b - c)
                b_reads = [0] * b + [1] * c + [0] * (n - b - c)
                total += chance * (mcnemar_test(a_reads, b_reads).p_value < 0.05)
        assert mcnemar_power(n, first, second) == pytest.approx(total)

    def test_level_under_no_difference(self) -> None:
        assert mcnemar_power(60, 0.2, 0.2) < 0.055
        assert mcnemar_power(60, 0.2, 0.2, method="exact") < mcnemar_power(60, 0.2, 0.2)
        assert mcnemar_power(60, 0.0, 0.0) == 0

    def test_sides_are_alike(self) -> None:
        assert mcnemar_power(30, 0.3, 0.1) == pytest.approx(mcnemar_power(30, 0.1, 0.3))

    def test_power_stays_from_the_sample_size_on(self) -> None:
        n = mcnemar_sample_size(0.75, 0.25)
        powers = [mcnemar_power(size, 0.75, 0.25) for size in range(n - 1, n + 60)]
        assert powers[0] < 0.8 <= min(powers[1:])
        assert any(later < earlier for earlier, later in pairwise(powers)), "a saw-tooth: the test means something"

    @pytest.mark.parametrize(("first", "second"), [(0.2, 0.2), (-0.1, 0.2), (0.7, 0.6), (1.0, 0.0)])
    def test_refused(self, first: float, second: float) -> None:
        with pytest.raises(ConfigError):
            mcnemar_sample_size(first, second)


class TestConcordance:
    def test_without_censoring_it_is_kendalls(self) -> None:
        n = 40
        error = math.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1))) / 2
        assert concordance_half_width(n, 1.0) == pytest.approx(1.959963984540054 * error)

    @pytest.mark.parametrize(("n", "share"), [(50, 0.4), (100, 0.25)])
    def test_expectation_by_simulation(self, n: int, share: float) -> None:
        """The mean of the formula for observed outcomes, over cohorts of the same law."""
        random = np.random.default_rng(11)
        errors = []
        for _ in range(300):
            time, censor = random.exponential(1 / share, n), random.exponential(1 / (1 - share), n)
            outcome = Outcome(np.minimum(time, censor), time <= censor)
            errors.append(uninformative_concordance_error(outcome))
        assert concordance_half_width(n, share) / 1.959963984540054 == pytest.approx(np.mean(errors), rel=0.04)

    @pytest.mark.parametrize(("n", "share"), [(1, 0.5), (50, 0.0), (50, 1.1), (50.5, 0.4)])
    def test_refused(self, n: object, share: float) -> None:
        with pytest.raises(ConfigError):
            concordance_half_width(n, share)  # type: ignore[arg-type]


class TestSimulatedPower:
    BASE, FULL = (
        CoxPH("fdg_suvmax_part", strata="entity"),
        CoxPH("fdg_suvmax_part + cxcr4_suvmax_part", strata="entity"),
    )
    PATIENTS = {"MM": 40, "MZL": 30, "AML": 20}  # noqa: RUF012 - read only

    def test_without_effect_it_is_the_level(self) -> None:
        found = simulate_power(self.BASE, self.FULL, self.PATIENTS, hazard_ratio=1.0, repeats=400, seed=2)
        assert found.p_values.size == 400
        assert 0.025 < found.power < 0.085

    def test_power_rises_with_effect_and_patients(self) -> None:
        small, large = (
            simulate_power(self.BASE, self.FULL, self.PATIENTS, hazard_ratio=ratio, repeats=100, seed=3).power
            for ratio in (1.3, 2.5)
        )
        more = simulate_power(
            self.BASE, self.FULL, {"MM": 120, "MZL": 90, "AML": 60}, hazard_ratio=1.3, repeats=100, seed=3
        ).power
        assert small < large
        assert small < more

    def test_the_truth_is_estimated(self) -> None:
        found = simulate_power(
            CoxPH("fdg_suvmax_part + index_group", strata="entity"),
            CoxPH("fdg_suvmax_part + index_group + cxcr4_suvmax", strata="entity"),
            {"MCL": 300}, hazard_ratio=1.0, repeats=10,
        )  # fmt: skip
        assert np.isfinite(found.hazard_ratios).all()
        logs = simulate_power(
            CoxPH("index_group"), CoxPH("index_group + log2(cxcr4_suvmax)"), {"MCL": 400}, hazard_ratio=1.8, repeats=40,
            follow_up=4, seed=1,
        )  # fmt: skip
        row = logs.tidy().set_index("measure").loc["hazard ratio"]
        assert row["estimate"] == pytest.approx(1.8, rel=0.06)

    def test_the_same_for_any_number_of_workers(self) -> None:
        one, two = (
            simulate_power(self.BASE, self.FULL, self.PATIENTS, hazard_ratio=1.5, repeats=12, seed=4, n_jobs=jobs)
            for jobs in (1, 2)
        )
        np.testing.assert_array_equal(one.p_values, two.p_values)

    def test_missing_values_leave_fewer_events(self) -> None:
        whole, part = (
            simulate_power(self.BASE, self.FULL, self.PATIENTS, hazard_ratio=1.5, missing=share, repeats=20, seed=5)
            for share in (0.0, 0.5)
        )
        assert np.median(part.events) < 0.7 * np.median(whole.events)

    def test_censoring_is_what_was_declared(self) -> None:
        plan = Plan("p", {"MM": 200}, {}, {"site_1": 1.0}, {"site_1": ("scanner_A",)}, 0, 0, 0, 0, 0)
        _, outcome = draw_study(plan, (0.0, 0.0), (2.0, 1.5), 0.0, 7)
        censored = outcome.time[~outcome.died]
        assert censored.min() >= 1.5
        assert censored.max() <= 3.5

    def test_print_out(self) -> None:
        found = simulate_power(self.BASE, self.FULL, self.PATIENTS, hazard_ratio=1.5, repeats=20)
        assert "SYNTHETIC" in repr(found)
        assert found.glance()["used"].tolist() == [20]

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"patients": {"XX": 5}}, "no simulated entity"), ({"patients": {}}, "no patients"),
            ({"patients": {"MM": -1}}, "patients"), ({"hazard_ratio": 0}, "hazard_ratio"),
            ({"missing": 1.0}, "missing"), ({"accrual": -1}, "accrual"),
            ({"repeats": 3}, "repeats"), ({"alpha": 0}, "alpha"),
        ],
    )  # fmt: skip
    def test_refused(self, change: dict[str, object], problem: str) -> None:
        asked = {"patients": {"MM": 20}, "hazard_ratio": 1.5, **change}
        with pytest.raises(ConfigError, match=problem):
            simulate_power(self.BASE, self.FULL, **asked)  # type: ignore[arg-type]


class TestCommand:
    def test_answers(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["plan", "--hazard-ratio", "1.5"]) == 0
        assert "needs 48 events" in capsys.readouterr().out
        assert main(["plan", "--events", "48"]) == 0
        assert "1.50 per standard deviation" in capsys.readouterr().out
        assert main(["plan", "--patients", "50", "--r2", "0.15", "--first-only", ".25", "--second-only", ".05"]) == 0
        shown = capsys.readouterr().out
        assert "50 patients carry 0.9 parameters" in shown
        assert "77% power with 50 patients" in shown

    @pytest.mark.parametrize(
        "words", [[], ["--r2", "0.1"], ["--first-only", "0.2"], ["--events", "-3"], ["--hazard-ratio", "1"]]
    )
    def test_refused(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["plan", *words]) in {2, 3}
        assert capsys.readouterr().err.startswith("survmodel: ")
