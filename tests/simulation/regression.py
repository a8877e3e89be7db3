"""Checks c, j and p: Cox, Firth and Fine-Gray coefficients, and the test of proportional hazards."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from simulation.r_answers import answer, other_answers
from simulation.r_answers import replicates as r_replicates
from simulation.replicates import repeat, stream
from simulation.rows import Row, covers, mean, share

from survmodel import CoxPH, FineGray, Outcome, proportional_hazards_test

Floats = npt.NDArray[np.float64]

LEVEL, COVERAGE = 0.05, 0.95
SIZE_BAND, COVERAGE_BAND = (0.05 - 0.0145, 0.05 + 0.0145), (0.93, 0.97)
RATIO = np.log(2)
SUBDISTRIBUTION = 0.5
SHARE_OF_CAUSE_1 = 0.6
#: Cohorts behind the theory of Firth's bias.
DRAWN = 4000


def cox_coefficient(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """c. Coverage of Wald limits and bias of the log hazard ratio, hazard ratio 2 per standard deviation, n = 40, 100.

    Law: x ~ normal(0, 1), T ~ exponential with hazard 2^x, C ~ uniform(0, 3). Firth's bias must be below .01 in size.
    What Firth's penalty leaves is computed beside it: the first-order bias of a coefficient is (k21 + k3 / 2) / I^2,
    k21 the covariance of score and second derivative and k3 the mean third derivative (Cox and Snell 1968); the penalty
    takes k3 away, and k21 is 0 in an exponential family but not in a partial likelihood.
    """
    rows, told = [], r_replicates("cox_coverage")
    stored = answer("cox_wald_coverage_bias")
    for place, n in enumerate((40, 100)):
        found = repeat(f"c{n}", _CoefficientOf(n), replicates, seed, workers)
        rows += [
            share("c", f"coverage of Cox limits, n = {n}", found[:, 0], COVERAGE, (0.95 - 0.0145, 0.95 + 0.0145)),
            share("c", f"coverage of Cox limits, n = {n}, as R", found[:, 0], float(stored[0, place]), simulated=told),
            mean("c", f"bias of Cox log ratio, n = {n}, as R", found[:, 1], float(stored[1, place]), simulated=told),
            mean("c", f"bias of Firth log ratio, n = {n}", found[:, 2], 0.0, (-0.01, 0.01)),
            mean("c", f"bias of Firth log ratio, n = {n}, as theory", found[:, 2], _left_by_firth(n), simulated=DRAWN),
            share("c", f"coverage of Firth limits, n = {n}", found[:, 3], COVERAGE, COVERAGE_BAND),
        ]
    return rows


@cache
def _left_by_firth(n: int) -> float:
    """The part k21 / I^2 of the first-order bias, by simulation."""
    random = stream("c theory", n, 7)
    scores, information = np.array([_derivatives(random, n) for _ in range(DRAWN)]).T
    return float(-np.cov(scores, information)[0, 1] / information.mean() ** 2)


def _derivatives(random: np.random.Generator, n: int) -> tuple[float, float]:
    """Score and information of a partial likelihood without ties, at the true coefficient."""
    x = random.normal(size=n)
    time, end = random.exponential(np.exp(-RATIO * x)), random.uniform(0, 3, n)
    order = np.argsort(-np.minimum(time, end))
    x, died = x[order], (time <= end)[order]
    weight = np.exp(RATIO * x)
    total, first, second = (np.cumsum(weight * x**power) for power in range(3))
    centre = first / total
    return float((x - centre)[died].sum()), float((second / total - centre**2)[died].sum())


class _CoefficientOf:
    """One cohort of n: Cox coverage and error, Firth error and coverage."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self, random: np.random.Generator) -> Floats:
        x = random.normal(size=self.n)
        time, end = random.exponential(np.exp(-RATIO * x)), random.uniform(0, 3, self.n)
        outcome, table = Outcome(np.minimum(time, end), time <= end), pd.DataFrame({"x": x})
        plain, firth = (CoxPH("x", penalty=penalty).fit(table, outcome).tidy().iloc[0] for penalty in (None, "firth"))
        return np.array([
            covers(plain["conf_low"], plain["conf_high"], RATIO), plain["estimate"] - RATIO,
            firth["estimate"] - RATIO, covers(firth["conf_low"], firth["conf_high"], RATIO),
        ])  # fmt: skip


def fine_gray_coefficient(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """j. Coverage of Fine-Gray limits and bias under the model's own law, n = 200.

    Law (Fine and Gray 1999): P(T <= t, cause 1 | x) = 1 - (1 - .6 (1 - exp(-t)))^exp(.5 x), x ~ normal(0, 1); else
    cause 2, at an exponential time of rate exp(-.5 x); C ~ uniform(0, 3).
    """
    found = repeat("j", _fine_gray, replicates, seed, workers)
    return [
        share("j", "coverage of Fine-Gray limits, n = 200", found[:, 0], COVERAGE, COVERAGE_BAND),
        mean("j", "bias of the Fine-Gray log ratio, n = 200", found[:, 1], 0.0, (-0.02, 0.02)),
    ]


def _fine_gray(random: np.random.Generator, n: int = 200) -> Floats:
    x = random.normal(size=n)
    ratio = np.exp(SUBDISTRIBUTION * x)
    uniform, end = random.random(n), random.uniform(0, 3, n)
    ever = 1 - (1 - SHARE_OF_CAUSE_1) ** ratio
    first = uniform < ever
    # The inverse of the incidence where it is reached.
    inside = np.where(first, (1 - uniform) ** (1 / ratio), 1.0)
    time = np.where(first, -np.log1p(-(1 - inside) / SHARE_OF_CAUSE_1), random.exponential(ratio))
    event = np.where(time > end, 0, np.where(first, 1, 2))
    outcome = Outcome(np.minimum(time, end), event, causes={1: "relapse", 2: "death"})
    row = FineGray("x").fit(pd.DataFrame({"x": x}), outcome).tidy().iloc[0]
    hit = covers(row["conf_low"], row["conf_high"], SUBDISTRIBUTION)
    return np.array([hit, row["estimate"] - SUBDISTRIBUTION])


def proportional_hazards_size(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """p. Size of the test of proportional hazards, and its power where R's is 80 %; two groups, n = 100.

    Law: T ~ Weibull with scale 1 and shape 1 or exp(theta), theta = 0 or R's, so that the log hazard ratio is linear in
    log(t); C ~ uniform(0, 3). Time is transformed by Kaplan-Meier, as in R.
    """
    found = repeat("p", _proportional, replicates, seed, workers)
    stored = other_answers()
    told = int(stored["replicates"])
    return [
        share("p", "size of the test of proportional hazards, n = 100", found[:, 0], LEVEL, SIZE_BAND),
        share("p", "size of the test, n = 100, as R", found[:, 0], stored["size"], simulated=told),
        share("p", "power where R has 80%, n = 100", found[:, 1], 0.8, (0.75, 0.85)),
        share("p", "power, n = 100, as R", found[:, 1], stored["power"], simulated=told),
    ]


def _proportional(random: np.random.Generator) -> Floats:
    table = pd.DataFrame({"x": np.arange(100) % 2})
    rejected = []
    for theta in (0.0, other_answers()["theta"]):
        time = random.exponential(size=100) ** (1 / np.exp(theta * table["x"].to_numpy()))
        end = random.uniform(0, 3, 100)
        fit = CoxPH("x").fit(table, Outcome(np.minimum(time, end), time <= end))
        rejected.append(proportional_hazards_test(fit).tidy()["p_value"].iloc[0] <= LEVEL)
    return np.array(rejected)
