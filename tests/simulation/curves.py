"""Checks a, b, i and l: Kaplan-Meier limits, log-rank and Gray's test, Aalen-Johansen limits, restricted means."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from simulation.r_answers import answer, other_answers
from simulation.r_answers import replicates as r_replicates
from simulation.replicates import repeat
from simulation.rows import Row, covers, mean, share

from survmodel import CumulativeIncidence, KaplanMeier, Outcome, gray_test, logrank_test, rmst_difference

Floats = npt.NDArray[np.float64]

LIMITS = ("log", "log-log", "plain")
SURVIVAL = (0.8, 0.5, 0.2)
SIZES = (25, 50)
#: Permutations behind one p-value of check b; (b + 1) / (B + 1) is exact for any number.
PERMUTATIONS = 199
LEVEL, COVERAGE = 0.05, 0.95
SIZE_BAND, COVERAGE_BAND = (0.05 - 0.0145, 0.05 + 0.0145), (0.93, 0.97)
RATES = (0.6, 0.4)
HORIZON = 1.0


def exponential(random: np.random.Generator, n: int) -> Outcome:
    """T ~ exponential(1), C ~ uniform(0, 3)."""
    time, end = random.exponential(size=n), random.uniform(0, 3, n)
    return Outcome(np.minimum(time, end), time <= end)


def kaplan_meier_limits(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """a. Coverage of 95 % limits of S and of the median, n = 25 and 50.

    Law: T ~ exponential(1), C ~ uniform(0, 3), at the times where S is .8, .5 and .2. Limits that do not exist (beyond
    the last follow-up, S = 0) are left out; R's answers hold the curve beyond the last follow-up at its last value, and
    so do the rows beside them. A median whose upper limit is not reached has none above.
    """
    rows, told = [], r_replicates("km_coverage")
    for n in SIZES:
        found = repeat(f"a{n}", _LimitsOf(n), replicates, seed, workers).reshape(replicates, len(LIMITS), 2, 4)
        stored = np.column_stack(
            [answer("km_pointwise_coverage", f"n{n}", part) for part in ("pointwise", "median")]
        )  # fmt: skip
        for kind, limits in enumerate(LIMITS):
            for place, at in enumerate((*(f"S = {s}" for s in SURVIVAL), "median")):
                name = f"coverage of {limits} limits, {at}, n = {n}"
                own, held = found[:, kind, 0, place], found[:, kind, 1, place]
                rows.append(share("a", f"{name}, as R", held, float(stored[kind, place]), simulated=told))
                if limits == "log-log":
                    rows.append(share("a", name, own, COVERAGE, (0.93, 1.0)))
    return rows


class _LimitsOf:
    """One cohort of n: whether each kind of limits holds the truth at three times and for the median.

    Twice: with nothing beyond the last follow-up, and with the curve held there.
    """

    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self, random: np.random.Generator) -> Floats:
        outcome, hits = exponential(random, self.n), []
        times, last = -np.log(SURVIVAL), outcome.time.max()
        for limits in LIMITS:
            fit = KaplanMeier(conf_type=limits).fit(outcome)
            at = fit.at(np.minimum(times, last))
            held = covers(at["conf_low"], at["conf_high"], SURVIVAL)
            median = fit.quantile(0.5).iloc[0]
            high = np.inf if np.isnan(median["conf_high"]) else median["conf_high"]
            hit = covers(median["conf_low"], high, np.log(2))
            # Before the first event R has no log-log limits, and others of width 0; here they are exact.
            as_r = np.where(at["estimate"] == 1, np.nan if limits == "log-log" else 0.0, held)
            hits += [*np.where(times > last, np.nan, held), hit, *as_r, hit]
        return np.array(hits)


def logrank_size(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """b. Size of the log-rank test at .05 with two equal groups, n = 30 and 100 in all, and of its permutation p.

    Law: T ~ exponential(1), C ~ uniform(0, 3), the same in both groups.
    """
    small = repeat("b30", _logrank_30, replicates, seed, workers)
    large = repeat("b100", _logrank_100, replicates, seed, workers)
    stored, told = answer("logrank_size_n30_n100"), r_replicates("logrank_size")
    return [
        share("b", "log-rank size, n = 30", small[:, 0], LEVEL, (0.0, 0.08)),
        share("b", "log-rank size, n = 30, as R", small[:, 0], float(stored[0]), simulated=told),
        share("b", "log-rank size, n = 100", large[:, 0], LEVEL, SIZE_BAND),
        share("b", "log-rank size, n = 100, as R", large[:, 0], float(stored[1]), simulated=told),
        share("b", "permutation log-rank size, n = 30", small[:, 1], LEVEL, SIZE_BAND),
    ]


def _logrank_30(random: np.random.Generator) -> Floats:
    outcome, group = exponential(random, 30), np.arange(30) % 2
    drawn = logrank_test(outcome, group, permutations=PERMUTATIONS, seed=int(random.integers(2**31)))
    return np.array([drawn.p_value <= LEVEL, drawn.permutation_p_value <= LEVEL])


def _logrank_100(random: np.random.Generator) -> Floats:
    return np.array([logrank_test(exponential(random, 100), np.arange(100) % 2).p_value <= LEVEL])


def competing(random: np.random.Generator, n: int) -> Outcome:
    """Two causes with constant hazards .6 and .4, C ~ uniform(0, 3)."""
    first, second = (random.exponential(1 / rate, n) for rate in RATES)
    end = random.uniform(0, 3, n)
    time = np.minimum(first, second)
    event = np.where(time > end, 0, np.where(first < second, 1, 2))
    return Outcome(np.minimum(time, end), event, causes={1: "relapse", 2: "death"})


def incidence_limits(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """i. Coverage of the Aalen-Johansen limits at three times, n = 50, and size of Gray's test, n = 60 and 100.

    Law: two causes with constant hazards .6 and .4, C ~ uniform(0, 3); the same in both groups.
    """
    found = repeat("i", _incidence, replicates, seed, workers)
    rows, stored = [], other_answers()
    for place, (cause, t) in enumerate((cause, t) for cause in (1, 2) for t in (0.25, 0.5, 1.0)):
        name, hits = f"coverage of incidence limits at {t}, cause {cause}, n = 50", found[:, place]
        rows += [
            share("i", name, hits, COVERAGE, COVERAGE_BAND),
            share("i", f"{name}, as R", hits, stored["incidence_coverage"][place], simulated=int(stored["replicates"])),
        ]
    sizes = repeat("i gray", _gray, replicates, seed, workers)
    return rows + [
        share("i", f"size of Gray's test, n = {n}", sizes[:, place], LEVEL, SIZE_BAND)
        for place, n in enumerate((60, 100))
    ]


def _incidence(random: np.random.Generator) -> Floats:
    times = np.array([0.25, 0.5, 1.0])
    at = CumulativeIncidence().fit(competing(random, 50)).at(times)
    hits = []
    for rate, level in zip(RATES, ("relapse", "death"), strict=True):
        rows = at[at["level"] == level]
        hits += [*covers(rows["conf_low"], rows["conf_high"], rate / sum(RATES) * (1 - np.exp(-sum(RATES) * times)))]
    return np.array(hits)


def _gray(random: np.random.Generator) -> Floats:
    return np.array([gray_test(competing(random, n), np.arange(n) % 2).p_value <= LEVEL for n in (60, 100)])


def restricted_means(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """l. Size and coverage of the difference of restricted means to 1, 50 in each group.

    Law: T ~ exponential(1) in both groups, or with rates 1 and .5; C ~ uniform(0, 3).
    """
    found = repeat("l", _restricted, replicates, seed, workers)
    return [
        share("l", "size of the test of restricted means, n = 100", found[:, 0], LEVEL, SIZE_BAND),
        share("l", "coverage of the difference of restricted means, n = 100", found[:, 1], COVERAGE, COVERAGE_BAND),
        mean("l", "bias of the difference of restricted means", found[:, 2], 0.0),
    ]


def _restricted(random: np.random.Generator) -> Floats:
    group = np.arange(100) % 2
    null = rmst_difference(exponential(random, 100), group, HORIZON).tidy().iloc[0]
    time, end = random.exponential(np.where(group == 1, 2.0, 1.0)), random.uniform(0, 3, 100)
    found = rmst_difference(Outcome(np.minimum(time, end), time <= end), group, HORIZON).tidy().iloc[0]
    truth = 2 * (1 - np.exp(-HORIZON / 2)) - (1 - np.exp(-HORIZON))
    hit = covers(found["conf_low"], found["conf_high"], truth)
    return np.array([null["p_value"] <= LEVEL, hit, found["estimate"] - truth])
