"""Answers about intercept, slope and smooth curves of calibration."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from reference.answers.subjects import Subject
from reference.stored_cases import read_case

from survmodel import calibration
from survmodel.outcome.groups import read_groups
from survmodel.performance.calibration import Calibration
from survmodel.performance.calibration_curve import DISTANCES, SPAN
from survmodel.performance.censoring_weights import CensoringWeights
from survmodel.performance.local_regression import local_lines
from survmodel.performance.pseudo_values import pseudo_risks


@cache
def calibrated(case: str, layered: bool, knots: int = 3, later_events: bool = False) -> Calibration:
    subject = Subject(read_case(case))
    settings = {"causes": 2} if case.endswith("melanoma") else {}
    outcome = Subject(read_case(case), settings).outcome
    strata = subject.table["stratum"] if layered else None
    return calibration(
        outcome, subject.table["risk"], subject.case.settings["t0"], groups=3, repeats=0, knots=knots,
        later_events=later_events, strata=strata,
    )  # fmt: skip


def with_error(subject: Subject, measure: str, layered: bool, later_events: bool = False) -> list[float]:
    table = calibrated(subject.case.id, layered, later_events=later_events).measures.set_index("measure")
    return table.loc[measure, ["estimate", "std_error"]].tolist()


def estimate(subject: Subject, measure: str) -> float:
    return calibrated(subject.case.id, True).read(measure)[0]


def weights(subject: Subject) -> list[float]:
    outcome, t0 = subject.outcome, float(subject.case.settings["t0"])
    found = CensoringWeights.learn(outcome, t0, read_groups(outcome, subject.table["stratum"]), None)
    late = found.survivor_weights(np.array([t0]))[:, 0]
    return np.where(outcome.time <= t0, found.case_weights(), late).tolist()


def pseudo(subject: Subject) -> np.ndarray:
    return pseudo_risks(subject.outcome, float(subject.case.settings["t0"]), read_groups(subject.outcome, None))


def lines(subject: Subject) -> list[float]:
    risk = subject.table["risk"].to_numpy()
    return np.clip(local_lines(risk, pseudo(subject), risk, np.ones(risk.size), SPAN), 0, 1).tolist()


def distances(subject: Subject, knots: int) -> list[float]:
    found = calibrated(subject.case.id, False, knots)
    return [found.read(name)[0] for name in DISTANCES]


RECALIBRATION = {
    "slope": lambda subject: with_error(subject, "slope", subject.case.id.endswith("lung")),
    "slope_all_follow_up": lambda subject: with_error(subject, "slope", False, True),
    "intercept": lambda subject: with_error(subject, "intercept", False),
    "ratio_within_strata": lambda subject: list(calibrated(subject.case.id, True).read("observed/expected")),
    "spline_3": lambda subject: calibrated(subject.case.id, False).smoothed.tolist(),
    "spline_4": lambda subject: calibrated(subject.case.id, False, 4).smoothed.tolist(),
    "distances_3": partial(distances, knots=3),
    "distances_4": partial(distances, knots=4),
    "weights": weights,
    "weighted_intercept": partial(estimate, measure="intercept, weighted"),
    "weighted_slope": partial(estimate, measure="slope, weighted"),
    "pseudo_values": pseudo,
    "local_lines": lines,
}
