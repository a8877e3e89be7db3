"""Therneau's worked examples of the Cox model, by algebra in r = exp(beta).

The formulas follow the validation document of R's survival package; each is written out here, so that a failing line
says which formula is wrong.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from survmodel import CoxPH, Outcome
from survmodel.kernels import cox as kernel
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_likelihood import sort_data
from survmodel.models.cox_residuals import compute_residuals

# ---- example 1: six patients, one tied pair of a death and a censoring, one of two deaths ----------------------------
#
# time 1: death with x 1, censored with x 1; time 6: deaths with x 1 and x 0, censored with x 0 at 8, death at 9.

TIME_1, EVENT_1, X_1 = [1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1], [1, 1, 1, 0, 0, 0]


def fit_1(ties: str) -> CoxFit:
    return CoxPH("x", ties=ties).fit(pd.DataFrame({"x": X_1}), Outcome(TIME_1, EVENT_1))


def at_zero(fit: CoxFit) -> tuple[float, float, float]:
    """Log-likelihood, score and information at beta = 0, on the scale of x."""
    out = kernel_at_zero(fit)
    scale = float(fit.ordered.scale[0])
    return out[0], out[1] * scale, out[2] * scale**2


def kernel_at_zero(fit: CoxFit) -> tuple[float, float, float]:
    ordered = sort_data(fit.data)
    beta, score, information, start, loglik, _, _, _ = kernel.maximise(
        ordered.features, ordered.offset, ordered.multiplicity, ordered.count, np.zeros(1),
        ordered.risk_sets, fit.data.efron, np.zeros(1), 0, 1e-9, 1e-12, 0.0,
    )  # fmt: skip
    assert beta[0] == 0
    assert score.shape == (1,)
    assert information.shape == (1, 1)
    return float(loglik), float(start[0, 0]), float(start[1, 0])


class TestExampleOneBreslow:
    def loglik(self, b: float) -> float:
        r = math.exp(b)
        return 2 * b - math.log(3 * r + 3) - 2 * math.log(r + 3)

    def information(self, b: float) -> float:
        r = math.exp(b)
        return r / (r + 1) ** 2 + 6 * r / (r + 3) ** 2

    def score(self, b: float) -> float:
        r = math.exp(b)
        return 2 - r / (r + 1) - 2 * r / (r + 3)

    def test_at_zero(self) -> None:
        loglik, score, information = at_zero(fit_1("breslow"))
        assert loglik == pytest.approx(-(math.log(6) + 2 * math.log(4)), rel=1e-14)
        assert score == pytest.approx(1, rel=1e-14)
        assert information == pytest.approx(1 / 4 + 6 / 16, rel=1e-14)

    def test_newton_begins_with_eight_fifths(self) -> None:
        _, score, information = at_zero(fit_1("breslow"))
        assert score / information == pytest.approx(8 / 5, rel=1e-14)

    def test_at_the_maximum(self) -> None:
        fit = fit_1("breslow")
        b = math.log((3 + math.sqrt(33)) / 2)  # the root of r^2 - 3 r - 6
        assert fit.beta[0] == pytest.approx(b, rel=1e-12)
        assert abs(self.score(b)) < 1e-12
        assert fit.maximum.loglik == pytest.approx(self.loglik(b), rel=1e-13)
        assert fit.maximum.information[0, 0] == pytest.approx(self.information(b), rel=1e-12)
        assert fit.covariance.iloc[0, 0] == pytest.approx(1 / self.information(b), rel=1e-12)

    @pytest.mark.parametrize("at_start", [True, False])
    def test_residuals(self, at_start: bool) -> None:
        fit = fit_1("breslow")
        b = 0.0 if at_start else float(fit.beta[0])
        r = math.exp(b)
        got = compute_residuals(fit.data, fit.ordered, np.array([b]))
        first, second, third = 1 / (3 * r + 3), 2 / (r + 3), 1.0  # jumps of the hazard at 1, 6 and 9
        hazard = np.array([first, first, first + second, first + second, first + second, first + second + third])
        martingale = np.array(EVENT_1) - np.exp(b * np.array(X_1)) * hazard
        assert_allclose(got.martingale, martingale, rtol=1e-12, atol=1e-14)
        mean = {1: r / (r + 1), 6: r / (r + 3), 9: 0.0}
        schoenfeld = [1 - mean[1], 1 - mean[6], 0 - mean[6], 0 - mean[9]]
        assert_allclose(got.schoenfeld[:, 0], schoenfeld, rtol=1e-12, atol=1e-14)
        jump = {1: first, 6: second, 9: third}
        score = []
        for t, d, x in zip(TIME_1, EVENT_1, X_1, strict=True):
            lived = sum((x - mean[u]) * jump[u] for u in jump if u <= t)
            score.append((x - mean[t] if d else 0) - math.exp(b * x) * lived)
        assert_allclose(got.score[:, 0], score, rtol=1e-12, atol=1e-14)

    def test_published_residuals_at_zero(self) -> None:
        fit = fit_1("breslow")
        got = compute_residuals(fit.data, fit.ordered, np.zeros(1))
        assert_allclose(got.martingale, [5 / 6, -1 / 6, 1 / 3, 1 / 3, -2 / 3, -2 / 3], rtol=1e-13)
        assert_allclose(got.score[:, 0], [5 / 12, -1 / 12, 7 / 24, -1 / 24, 5 / 24, 5 / 24], rtol=1e-12)


class TestExampleOneEfron:
    def loglik(self, b: float) -> float:
        r = math.exp(b)
        return 2 * b - math.log(3 * r + 3) - math.log(r + 3) - math.log(r / 2 + 5 / 2)

    def test_at_zero(self) -> None:
        loglik, score, information = at_zero(fit_1("efron"))
        assert loglik == pytest.approx(-math.log(6 * 4 * 3), rel=1e-14)
        assert score == pytest.approx(2 - 1 / 2 - 1 / 4 - 1 / 6, rel=1e-13)
        # means of x over the risk set: 1/2, 1/4 and (1/2) / 3, each m (1 - m) as x is 0 or 1
        assert information == pytest.approx(1 / 4 + 3 / 16 + 5 / 36, rel=1e-13)

    def test_at_the_maximum(self) -> None:
        fit = fit_1("efron")
        r = max(np.roots([1, 0, -23, -30]).real)
        assert math.exp(fit.beta[0]) == pytest.approx(r, rel=1e-11)
        assert fit.maximum.loglik == pytest.approx(self.loglik(math.log(r)), rel=1e-13)
        means = [r / (r + 1), r / (r + 3), r / (r + 5)]
        assert fit.maximum.information[0, 0] == pytest.approx(sum(m * (1 - m) for m in means), rel=1e-11)

    def test_residuals(self) -> None:
        fit = fit_1("efron")
        r = math.exp(fit.beta[0])
        a, b, c = 1 / (3 * r + 3), 1 / (r + 3), 2 / (r + 5)  # the two deaths at 6 leave in two steps
        hazard = np.array([a, a, a + b + c / 2, a + b + c / 2, a + b + c, a + b + c + 1])
        martingale = np.array(EVENT_1) - np.exp(fit.beta[0] * np.array(X_1)) * hazard
        assert_allclose(fit.residuals("martingale")["estimate"], martingale, rtol=1e-11)
        m0, m1, m2 = r / (r + 1), r / (r + 3), r / (r + 5)
        schoenfeld = [1 - m0, 1 - (m1 + m2) / 2, -(m1 + m2) / 2, 0]
        assert_allclose(fit.residuals("schoenfeld")["x"], schoenfeld, rtol=1e-11, atol=1e-14)
        score = [
            (1 - m0) * (1 - r * a),
            -(1 - m0) * r * a,
            -(1 - m0) * r * a + (1 - (m1 + m2) / 2) - r * ((1 - m1) * b + (1 - m2) * c / 2),
            m0 * a - (m1 + m2) / 2 + m1 * b + m2 * c / 2,
            m0 * a + m1 * b + m2 * c,
            m0 * a + m1 * b + m2 * c,
        ]
        assert_allclose(fit.residuals("score")["x"], score, rtol=1e-10, atol=1e-13)
        assert_allclose(fit.residuals("dfbeta")["x"], np.array(score) * fit.maximum.covariance[0, 0], rtol=1e-10)
        assert_allclose(
            fit.residuals("dfbetas")["x"], np.array(score) * math.sqrt(fit.maximum.covariance[0, 0]), rtol=1e-10
        )
        scaled = np.array(schoenfeld) * fit.maximum.covariance[0, 0] * 4 + fit.beta[0]
        assert_allclose(fit.residuals("scaled_schoenfeld")["x"], scaled, rtol=1e-10)
        alive = np.array(EVENT_1) == 1
        inner = martingale + np.where(alive, np.log(np.where(alive, 1 - martingale, 1)), 0)
        deviance = np.sign(martingale) * np.sqrt(-2 * inner)
        assert_allclose(fit.residuals("deviance")["estimate"], deviance, rtol=1e-9)


# ---- example 2: ten intervals (start, stop] --------------------------------------------------------------------------

START_2, STOP_2 = [1, 2, 5, 2, 1, 7, 3, 4, 8, 8], [2, 3, 6, 7, 8, 9, 9, 9, 14, 17]
EVENT_2, X_2 = [1, 1, 1, 1, 1, 1, 1, 0, 0, 0], [1, 0, 0, 1, 0, 1, 1, 1, 0, 0]


def fit_2(ties: str) -> CoxFit:
    return CoxPH("x", ties=ties).fit(pd.DataFrame({"x": X_2}), Outcome(STOP_2, EVENT_2, START_2))


class TestExampleTwo:
    # Risk sets at the deaths of 2, 3, 6, 7, 8 as (number with x 1, number with x 0); two deaths with x 1 at 9.
    SETS = ((1, 1), (1, 2), (3, 2), (3, 1), (3, 1))
    DEATHS = (1, 0, 0, 1, 0)

    def loglik(self, b: float, ties: str) -> float:
        r = math.exp(b)
        total = sum(d * b - math.log(k * r + m) for (k, m), d in zip(self.SETS, self.DEATHS, strict=True))
        # at 9: three rows with x 1 and two with x 0
        second = (3 * r + 2) if ties == "breslow" else (2 * r + 2)
        return total + 2 * b - math.log(3 * r + 2) - math.log(second)

    def means(self, b: float, ties: str) -> list[float]:
        r = math.exp(b)
        out = [k * r / (k * r + m) for k, m in self.SETS]
        return [*out, 3 * r / (3 * r + 2), 3 * r / (3 * r + 2) if ties == "breslow" else 2 * r / (2 * r + 2)]

    @pytest.mark.parametrize("ties", ["breslow", "efron"])
    def test_at_zero(self, ties: str) -> None:
        loglik, score, information = at_zero(fit_2(ties))
        means = self.means(0, ties)
        assert loglik == pytest.approx(self.loglik(0, ties), rel=1e-13)
        assert score == pytest.approx(sum(self.DEATHS) + 2 - sum(means), rel=1e-10)
        assert information == pytest.approx(sum(m * (1 - m) for m in means), rel=1e-12)

    @pytest.mark.parametrize("ties", ["breslow", "efron"])
    def test_at_the_maximum(self, ties: str) -> None:
        fit = fit_2(ties)
        b = float(fit.beta[0])
        means = self.means(b, ties)
        assert abs(sum(self.DEATHS) + 2 - sum(means)) < 1e-9
        assert fit.maximum.loglik == pytest.approx(self.loglik(b, ties), rel=1e-13)
        assert fit.maximum.information[0, 0] == pytest.approx(sum(m * (1 - m) for m in means), rel=1e-10)
        early = np.array(self.DEATHS) - means[:5]
        late = 1 - (means[5] + means[6]) / 2
        assert_allclose(fit.residuals("schoenfeld")["x"], [*early, late, late], rtol=1e-10)

    @pytest.mark.parametrize("ties", ["breslow", "efron"])
    def test_martingale_and_score_residuals(self, ties: str) -> None:
        fit = fit_2(ties)
        b = float(fit.beta[0])
        r, means = math.exp(b), self.means(b, ties)
        jumps = [
            (t, 1 / (k * r + m), means[i]) for i, (t, (k, m)) in enumerate(zip((2, 3, 6, 7, 8), self.SETS, strict=True))
        ]
        jumps += [(9, 1 / (3 * r + 2), means[5]), (9, 1 / (3 * r + 2 if ties == "breslow" else 2 * r + 2), means[6])]
        martingale, score = [], []
        for start, stop, d, x in zip(START_2, STOP_2, EVENT_2, X_2, strict=True):
            lived = own = 0.0
            for number, (u, jump, mean) in enumerate(jumps):
                # in the second step of the tie at 9, one half of each of the two deaths has left
                share = 0.5 if ties == "efron" and number == 6 and d and stop == 9 else 1.0
                if start < u <= stop:
                    lived += share * jump
                    own += share * jump * (x - mean)
            centre = 0.0
            if d:
                centre = x - (np.mean(means[5:]) if stop == 9 else means[(2, 3, 6, 7, 8).index(stop)])
            martingale.append(d - math.exp(b * x) * lived)
            score.append(centre - math.exp(b * x) * own)
        assert_allclose(fit.residuals("martingale")["estimate"], martingale, rtol=1e-10)
        assert_allclose(fit.residuals("score")["x"], score, rtol=1e-9, atol=1e-12)


# ---- example 3: case weights -----------------------------------------------------------------------------------------

TIME_3, EVENT_3 = [1, 1, 2, 2, 2, 2, 3, 4, 5], [1, 0, 1, 1, 1, 0, 0, 1, 0]
X_3, W_3 = [2, 0, 1, 1, 0, 1, 0, 1, 0], [1, 2, 3, 4, 3, 2, 1, 2, 1]


def fit_3(ties: str, **options: object) -> CoxFit:
    return CoxPH("x", ties=ties).fit(
        pd.DataFrame({"x": X_3}), Outcome(TIME_3, EVENT_3), **(options or {"weights": W_3})
    )


class TestExampleThree:
    @staticmethod
    def sums(b: float, ties: str) -> list[tuple[float, float, float, float]]:
        """(weight, S0, S1, S2) of every death, tied deaths of mean weight 10/3 leaving in three steps."""
        r = math.exp(b)
        first = (1, r**2 + 11 * r + 7, 2 * r**2 + 11 * r, 4 * r**2 + 11 * r)
        steps = []
        for step in range(3):
            gone = step / 3 if ties == "efron" else 0.0
            s0, s1 = 11 * r + 5 - gone * (7 * r + 3), 11 * r - gone * 7 * r
            steps.append((10 / 3, s0, s1, s1))
        return [first, *steps, (2, 2 * r + 1, 2 * r, 2 * r)]

    @pytest.mark.parametrize("ties", ["breslow", "efron"])
    def test_likelihood(self, ties: str) -> None:
        fit = fit_3(ties)
        for b, got in ((0.0, fit.maximum.loglik_null), (float(fit.beta[0]), fit.maximum.loglik)):
            loglik = 11 * b - sum(w * math.log(s0) for w, s0, _, _ in self.sums(b, ties))
            assert got == pytest.approx(loglik, rel=1e-13)
        b = float(fit.beta[0])
        assert abs(11 - sum(w * s1 / s0 for w, s0, s1, _ in self.sums(b, ties))) < 1e-8
        information = sum(w * (s2 / s0 - (s1 / s0) ** 2) for w, s0, s1, s2 in self.sums(b, ties))
        assert fit.maximum.information[0, 0] == pytest.approx(information, rel=1e-12)

    def test_published_estimates(self) -> None:
        assert fit_3("efron").beta[0] == pytest.approx(0.87260425, abs=5e-9)
        assert fit_3("breslow").beta[0] == pytest.approx(0.85955744, abs=5e-9)

    def test_counts_are_not_weights_with_efron(self) -> None:
        replicated = np.repeat(np.arange(9), W_3)
        table = pd.DataFrame({"x": np.array(X_3)[replicated]})
        outcome = Outcome(np.array(TIME_3)[replicated], np.array(EVENT_3)[replicated])
        for ties in ("efron", "breslow"):
            rows = CoxPH("x", ties=ties).fit(table, outcome)
            assert fit_3(ties, freq=W_3).beta[0] == pytest.approx(rows.beta[0], rel=1e-11)
        assert fit_3("efron", freq=W_3).beta[0] == pytest.approx(0.9397874935552066, rel=1e-9)
        assert fit_3("breslow", freq=W_3).beta[0] == pytest.approx(fit_3("breslow").beta[0], rel=1e-10)

    def test_martingale_residuals_at_zero(self) -> None:
        fit = fit_3("breslow")
        got = compute_residuals(fit.data, fit.ordered, np.zeros(1)).martingale
        a, b, c = 1 / 19, 10 / 16, 2 / 3
        hazard = [a, a, *([a + b] * 4), a + b, a + b + c, a + b + c]
        assert_allclose(got, np.array(EVENT_3) - hazard, rtol=1e-12)
