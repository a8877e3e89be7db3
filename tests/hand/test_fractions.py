"""Curves and tests small enough to work out in fractions."""

from __future__ import annotations

import math
from fractions import Fraction as F

import numpy as np
import pytest
from numpy.testing import assert_allclose

from survmodel import KaplanMeier, Outcome, concordance, follow_up, logrank_test

# Six patients: deaths at 2, 4, 4, 9; censored at 4 and 7. At risk: 6, 5, 2 (at 7), 1.
SIX = Outcome([2, 4, 4, 4, 7, 9], [1, 1, 1, 0, 0, 1])


class TestKaplanMeierOfSix:
    CURVE = (F(5, 6), F(5, 6) * F(3, 5), F(5, 6) * F(3, 5), F(0))

    def test_curve(self) -> None:
        table = KaplanMeier().fit(SIX).tidy()
        assert table["time"].tolist() == [2, 4, 7, 9]
        assert table["n_risk"].tolist() == [6, 5, 2, 1]
        assert table["n_event"].tolist() == [1, 2, 0, 1]
        assert table["n_censor"].tolist() == [0, 1, 1, 0]
        assert_allclose(table["estimate"], [float(s) for s in self.CURVE], rtol=1e-15)

    def test_greenwood(self) -> None:
        q = [F(1, 6 * 5), F(1, 6 * 5) + F(2, 5 * 3)]
        error = [float(s) * math.sqrt(v) for s, v in zip(self.CURVE, (q[0], q[1], q[1]), strict=False)]
        table = KaplanMeier().fit(SIX).tidy()
        assert_allclose(table["std_error"][:3], error, rtol=1e-14)
        assert np.isnan(table["std_error"][3])

    def test_nelson_aalen(self) -> None:
        table = KaplanMeier().fit(SIX).cumulative_hazard()
        assert_allclose(table["estimate"], [float(h) for h in (F(1, 6), F(17, 30), F(17, 30), F(47, 30))], rtol=1e-14)
        variance = (F(1, 36), F(1, 36) + F(2, 25), F(1, 36) + F(2, 25), F(1, 36) + F(2, 25) + 1)
        assert_allclose(table["std_error"], np.sqrt([float(v) for v in variance]), rtol=1e-14)

    def test_median_is_the_middle_of_the_flat(self) -> None:
        # S is exactly 1/2 from 4 on, until 9
        assert KaplanMeier().fit(SIX).quantile(0.5)["estimate"][0] == (4 + 9) / 2

    def test_restricted_mean(self) -> None:
        # 1 until 2, 5/6 until 4, 1/2 until 8
        table = KaplanMeier().fit(SIX).rmst(8)
        assert table["estimate"][0] == pytest.approx(2 + 2 * 5 / 6 + 4 / 2, rel=1e-15)
        after_2, after_4 = 2 * 5 / 6 + 4 / 2, 4 / 2
        assert table["std_error"][0] == pytest.approx(math.sqrt(after_2**2 / 30 + after_4**2 * 2 / 15), rel=1e-14)

    def test_log_log_limits(self) -> None:
        z, s, q = 1.959963984540054, 5 / 6, 1 / 30
        width = z * math.sqrt(q) / math.log(s)
        table = KaplanMeier().fit(SIX).tidy()
        assert table["conf_low"][0] == pytest.approx(s ** math.exp(-width), rel=1e-13)
        assert table["conf_high"][0] == pytest.approx(s ** math.exp(width), rel=1e-13)

    def test_exact_limit_before_the_first_event(self) -> None:
        table = KaplanMeier().fit(SIX).at(1)
        assert table["conf_low"][0] == pytest.approx(0.025 ** (1 / 6), rel=1e-14)
        assert table["conf_high"][0] == 1

    def test_late_entry(self) -> None:
        # at risk at 2: one; at 4: the rows that entered before 4
        outcome = Outcome([2, 4, 6, 6], [1, 1, 1, 0], entry=[0, 0, 3, 4])
        table = KaplanMeier().fit(outcome).tidy()
        assert table["n_risk"].tolist() == [2, 2, 2]
        assert_allclose(table["estimate"], [1 / 2, 1 / 4, 1 / 8], rtol=1e-15)

    def test_weights(self) -> None:
        table = KaplanMeier().fit(Outcome([1, 2, 3], [1, 0, 1]), weights=[0.5, 1.0, 1.5]).tidy()
        assert_allclose(table["estimate"], [5 / 6, 5 / 6, 0], rtol=1e-14, atol=1e-16)
        # slopes of log S(1) = log(w2 + w3) - log(w1 + w2 + w3)
        slopes = np.array([-1 / 3, 1 / 2.5 - 1 / 3, 1 / 2.5 - 1 / 3])
        error = 5 / 6 * math.sqrt(np.sum((slopes * [0.5, 1.0, 1.5]) ** 2))
        assert table["std_error"][0] == pytest.approx(error, rel=1e-12)

    def test_reverse_curve(self) -> None:
        # censored at 4 (two left then, the deaths at 4 have gone: 3 at risk) and at 7 (2 at risk)
        table = follow_up(SIX).tidy().set_index("probability")
        assert table["estimate"][0.5] == 7  # G: 2/3 from 4 on, 1/3 from 7 on
        assert table["estimate"][0.25] == 4


class TestLogRankTwoGroups:
    """Tables of 2 x 2 at each death, added up."""

    TIME = (1, 2, 3, 3, 4, 5, 6)
    EVENT = (1, 1, 1, 1, 0, 1, 1)
    GROUP = ("a", "b", "a", "b", "a", "b", "b")
    # (deaths, at risk, at risk in a): of each event time
    TABLES = ((1, 7, 3), (1, 6, 2), (2, 5, 2), (1, 2, 0), (1, 1, 0))

    def test_expected_and_variance(self) -> None:
        test = logrank_test(Outcome(self.TIME, self.EVENT), list(self.GROUP))
        expected = sum(F(d * a, n) for d, n, a in self.TABLES)
        variance = sum(F(d * (n - d) * a * (n - a), n * n * (n - 1)) for d, n, a in self.TABLES if n > 1)
        assert test.observed.tolist() == [2, 4]
        assert test.expected[0] == pytest.approx(float(expected), rel=1e-14)
        assert test.covariance[0, 0] == pytest.approx(float(variance), rel=1e-14)
        assert test.statistic == pytest.approx(float((2 - expected) ** 2 / variance), rel=1e-13)
        assert test.df == 1

    def test_tables_are_hypergeometric(self) -> None:
        test = logrank_test(Outcome(self.TIME, self.EVENT), list(self.GROUP))
        mean = variance = F(0)
        for d, n, a in self.TABLES:
            law = {k: F(math.comb(a, k) * math.comb(n - a, d - k), math.comb(n, d)) for k in range(d + 1)}
            centre = sum(k * share for k, share in law.items())
            mean += centre
            variance += sum((k - centre) ** 2 * share for k, share in law.items())
        assert test.expected[0] == pytest.approx(float(mean), rel=1e-13)
        assert test.covariance[0, 0] == pytest.approx(float(variance), rel=1e-13)

    @pytest.mark.parametrize(
        ("options", "weights"),
        [
            ({"weighting": "gehan"}, [F(7), F(6), F(5), F(2), F(1)]),
            ({"rho": 1}, [F(1), F(6, 7), F(5, 7), F(3, 7), F(3, 14)]),
            ({"gamma": 1}, [F(0), F(1, 7), F(2, 7), F(4, 7), F(11, 14)]),
            ({"weighting": "peto-peto"}, [F(7, 8), F(6, 8), F(1, 2), F(1, 3), F(1, 6)]),
        ],
    )
    def test_weights(self, options: dict[str, object], weights: list[F]) -> None:
        test = logrank_test(Outcome(self.TIME, self.EVENT), list(self.GROUP), **options)
        in_a = (1, 0, 1, 0, 0)
        u = sum(w * (o - F(d * a, n)) for w, o, (d, n, a) in zip(weights, in_a, self.TABLES, strict=True))
        parts = zip(weights, self.TABLES, strict=True)
        v = sum(w * w * F(d * (n - d) * a * (n - a), n * n * (n - 1)) for w, (d, n, a) in parts if n > 1)
        assert test.observed[0] - test.expected[0] == pytest.approx(float(u), rel=1e-12, abs=1e-14)
        assert test.statistic == pytest.approx(float(u * u / v), rel=1e-12)


def test_concordance_of_four() -> None:
    # pairs (event first): 1-2 right, 1-3 right, 1-4 right, 2-3 wrong, 2-4 tied; 3 is censored and begins no pair
    c = concordance(Outcome([1, 2, 3, 4], [1, 1, 0, 1]), [5, 2, 3, 2])
    assert (c.concordant, c.discordant, c.tied_index) == (3, 1, 1)
    assert c.estimate == pytest.approx(3.5 / 5, rel=1e-15)


def test_uno_weights_of_five() -> None:
    # censored at 2 (3 at risk of it): G(t-) is 1 until 2, 3/4 after it, as the death at 1 has left
    outcome = Outcome([1, 2, 3, 4, 5], [1, 0, 1, 1, 1])
    c = concordance(outcome, [5, 1, 2, 4, 3], method="uno", horizon=5)
    w = (4 / 3) ** 2
    assert c.concordant == pytest.approx(4 + w * 1, rel=1e-14)
    assert c.discordant == pytest.approx(w * 2, rel=1e-14)
