"""Answers about validation: optimism by the bootstrap, and calibration in groups of predicted risk."""

from __future__ import annotations

from functools import cache

from reference.answers.subjects import Subject
from reference.stored_cases import read_case

from survmodel import CoxPH, calibration, validate
from survmodel.performance.calibration import Calibration
from survmodel.performance.calibration_curve import DISTANCES
from survmodel.performance.validation import Validation

COLUMNS = "lbili + age + albumin + edema + protime + noise1 + noise2 + noise3"


@cache
def validated(case: str) -> Validation:
    subject = Subject(read_case(case))
    return validate(CoxPH(COLUMNS), subject.table, subject.outcome, repeats=1000, seed=11)


def estimate(subject: Subject, sample: str) -> float:
    table = validated(subject.case.id).tidy()
    return float(table[(table["measure"] == "Harrell C") & (table["sample"] == sample)]["estimate"].item())


def quintiles(subject: Subject) -> list[list[float]]:
    """R's limits there are of type log."""
    risk = subject.table["risk5"]
    result = calibration(subject.outcome, risk, subject.case.settings["t0"], groups=5, conf_type="log", repeats=0)
    names = ["n", "expected", "estimate", "std_error", "conf_low", "conf_high"]
    return result.tidy()[names].to_numpy().tolist()


@cache
def austin(case: str) -> Calibration:
    """Austin's paper fits the curve to the whole follow-up."""
    subject = Subject(read_case(case))
    risk = subject.table["risk5"]
    return calibration(subject.outcome, risk, subject.case.settings["t0"], groups=5, later_events=True, repeats=0)


VALIDATION = {
    "apparent_c": lambda subject: estimate(subject, "apparent"),
    "apparent_dxy": lambda subject: 2 * (estimate(subject, "apparent") - 0.5),
    "optimism_dxy": lambda subject: 2 * estimate(subject, "optimism"),
    "corrected_dxy": lambda subject: 2 * (estimate(subject, "corrected") - 0.5),
    "corrected_c": lambda subject: estimate(subject, "corrected"),
    "quintile_table": quintiles,
    "smooth_observed": lambda subject: austin(subject.case.id).smoothed.tolist(),
    "ici_e50_e90_emax": lambda subject: [austin(subject.case.id).read(name)[0] for name in DISTANCES],
}
