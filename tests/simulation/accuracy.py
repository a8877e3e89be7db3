"""Checks f, g, h and q: external calibration, AUC(t), Brier score and concordance, against the truth."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from simulation.laws import HORIZON, true_risks
from simulation.replicates import repeat, stream
from simulation.rows import Row, covers, inside, mean, share

from survmodel import Outcome, brier_score, calibration, concordance, time_dependent_auc
from survmodel.performance.calibration_measures import MEASURES

Floats = npt.NDArray[np.float64]

COVERAGE, COVERAGE_BAND = 0.95, (0.93, 0.97)
#: Check g: prediction horizon, and effect of the marker.
TIME, EFFECT = 4.0, 0.8
#: Check h: shares that are censored, when the hazard ratio changes, and up to when Uno's C is taken.
CENSORED, CHANGE, UNO_HORIZON = (0.2, 0.5, 0.7), 0.3, 0.6


def external_slope(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """f. Coverage of calibration ratio, intercepts and slopes in other patients, n = 120, where the truth is known.

    Law: hazards exp(.8 x) / 20 with x ~ normal(0, 1), C ~ uniform(4, 30); predictions are the true risks at 12, alone
    or beside a competing event of rate 1 / 30. Their slopes are 1.
    """
    rows = []
    for label, draw in (("", _slope), (", competing events", _competing_slope)):
        found = repeat(f"f{label}", draw, replicates, seed, workers)
        rows += [
            share("f", f"coverage of {name}{label}, n = 120", found[:, place], COVERAGE, COVERAGE_BAND)
            for place, name in enumerate(MEASURES[:5])
        ]
    return rows


def _slope(random: np.random.Generator, *, competing: bool = False) -> Floats:
    outcome, risk = true_risks(random, 120, competing=competing)
    found = calibration(outcome, risk, HORIZON, groups=2, repeats=0)
    truth = {name: 0.0 if name.startswith("intercept") else 1.0 for name in MEASURES[:5]}
    return np.array([covers(*found.read(name)[1:], truth[name]) for name in truth])


def _competing_slope(random: np.random.Generator) -> Floats:
    return _slope(random, competing=True)


def calibration_of_the_truth(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """q. Where the predicted risks are true: limits of O/E hold 1, and the ICI is small and falls with the patients.

    Law: as f, n = 120 and 1,000.
    """
    found = repeat("q", _truth, replicates, seed, workers)
    return [
        share("q", "coverage of O/E, n = 120", found[:, 0], COVERAGE, COVERAGE_BAND),
        share("q", "coverage of O/E, n = 1,000", found[:, 1], COVERAGE, COVERAGE_BAND),
        mean("q", "bias of log O/E, n = 1,000", found[:, 2], 0.0, (-0.01, 0.01)),
        inside("q", "ICI, n = 120", found[:, 3], (0.0, 0.06)),
        inside("q", "ICI, n = 1,000", found[:, 4], (0.0, 0.025)),
    ]


def _truth(random: np.random.Generator) -> Floats:
    small, large = (calibration(*true_risks(random, n), HORIZON, groups=2, repeats=0) for n in (120, 1000))
    hits = [covers(found.o_e_low, found.o_e_high, 1) for found in (small, large)]
    return np.array([*hits, np.log(large.o_e), small.read("ICI")[0], large.read("ICI")[0]])


def _times(random: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """T ~ exponential with mean 6 exp(-.8 x), x ~ normal(0, 1)."""
    x = random.normal(size=n)
    return random.exponential(6 * np.exp(-EFFECT * x)), x


def _risk(x: Floats) -> Floats:
    return 1 - np.exp(-TIME / 6 * np.exp(EFFECT * x))


@cache
def _true_scores() -> tuple[float, float, float]:
    """AUC of the marker and of a noisy one at the horizon, and the Brier score: 400,000 patients, nobody censored."""
    random = stream("g truth", 0, 7)
    time, x = _times(random, 400_000)
    case, areas = time <= TIME, []
    for index in (x, x + random.normal(size=x.size)):
        rank = np.argsort(np.argsort(index)) + 1.0
        areas.append(float((rank[case].mean() - (case.sum() + 1) / 2) / (~case).sum()))
    return areas[0], areas[1], float(np.mean((case - _risk(x)) ** 2))


def accuracy_at_a_time(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """g. Coverage of the limits of AUC(t), of a difference of two and of the Brier score, n = 300.

    Law: x ~ normal(0, 1), T ~ exponential with mean 6 exp(-.8 x), C ~ uniform(1, 12), t = 4; the other marker is x +
    normal(0, 1). The truth is that of 400,000 patients without censoring.
    """
    found = repeat("g", _accuracy, replicates, seed, workers)
    names = ("AUC(t)", "AUC(t) of a noisy marker", "the difference of two AUC(t)", "the Brier score")
    rows = [
        share("g", f"coverage of {name}, n = 300", found[:, place], COVERAGE, COVERAGE_BAND)
        for place, name in enumerate(names)
    ]
    return [
        *rows,
        mean("g", "bias of AUC(t)", found[:, 4], 0.0, (-0.005, 0.005)),
        mean("g", "bias of the Brier score", found[:, 5], 0.0, (-0.005, 0.005)),
    ]


def _accuracy(random: np.random.Generator) -> Floats:
    time, x = _times(random, 300)
    end = random.uniform(1, 12, 300)
    outcome, risk = Outcome(np.minimum(time, end), time <= end), _risk(x)
    first, second, score = _true_scores()
    both = time_dependent_auc(outcome, {"x": risk, "noisy": _risk(x + random.normal(size=300))}, [TIME])
    one, two = (row for _, row in both.tidy().iterrows())
    difference, brier = both.differences().iloc[0], brier_score(outcome, risk, [TIME]).tidy().iloc[0]
    truths = ((one, first), (two, second), (difference, second - first), (brier, score))
    hits = [covers(row["conf_low"], row["conf_high"], truth) for row, truth in truths]
    return np.array([*hits, one["estimate"] - first, brier["estimate"] - score])


@cache
def _end_of(censored: float) -> float:
    """Mean of exponential ends of follow-up at which so many are censored, by bisection on 40,000 patients."""
    time, _ = _late_effect(stream("h censoring", 0, 7), 40_000)
    low, high = -5.0, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        share_of = np.mean(1 - np.exp(-time / np.exp(middle)))
        low, high = (middle, high) if share_of > censored else (low, middle)
    return float(np.exp(low))


def _late_effect(random: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Hazard exp(1.2 x) up to time .3, and 1 after it."""
    x = random.normal(size=n)
    hazard, cumulative = np.exp(1.2 * x), random.exponential(size=n)
    early = cumulative <= CHANGE * hazard
    return np.where(early, cumulative / hazard, CHANGE + cumulative - CHANGE * hazard), x


def censoring_and_concordance(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """h. Mean of Uno's C under 20, 50 and 70 % censoring: moves less than .01, while Harrell's drifts; n = 300.

    Law: x ~ normal(0, 1), hazard exp(1.2 x) up to time .3 and 1 after it, so that late pairs tell little; C ~
    exponential. Uno's C up to time .6; Harrell's over all of the follow-up, as it is mostly given.
    """
    found = repeat("h", _concordance, replicates, seed, workers)
    uno, harrell = np.split(found, 2, axis=1)
    rows = []
    for place, censored in ((1, 0.5), (2, 0.7)):
        moved = f"moves from 20% to {censored:.0%} censoring"
        rows += [
            mean("h", f"Uno's C {moved}", uno[:, place] - uno[:, 0], 0.0, (-0.01, 0.01)),
            inside("h", f"Harrell's C {moved}", harrell[:, place] - harrell[:, 0], (0.01, 0.2)),
        ]
    return rows


def _concordance(random: np.random.Generator) -> Floats:
    time, x = _late_effect(random, 300)
    uno, harrell = [], []
    for censored in CENSORED:
        end = random.exponential(_end_of(censored), 300)
        outcome = Outcome(np.minimum(time, end), time <= end)
        uno.append(concordance(outcome, x, method="uno", horizon=UNO_HORIZON).estimate)
        harrell.append(concordance(outcome, x).estimate)
    return np.array([*uno, *harrell])
