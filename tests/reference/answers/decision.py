"""Answers about net benefit under censoring."""

from __future__ import annotations

from reference.answers.subjects import Subject

from survmodel import decision_curve
from survmodel.performance.decision_curve import TREAT_ALL, DecisionCurve

STRATEGIES = {"all": TREAT_ALL, "first": "first", "second": "second"}


def found(subject: Subject, *, within: bool = False) -> DecisionCurve:
    settings = subject.case.settings
    risks = {name: subject.table[name] for name in ("first", "second")}
    strata = subject.table[settings["by"]] if within else None
    return decision_curve(
        subject.outcome, risks, settings["horizon"], settings["thresholds"], strata=strata, sample="test"
    )


def row(subject: Subject, name: str, *, error: bool = False) -> list[float]:
    result = found(subject)
    values = result.std_error if error else result.estimate
    return values[result.strategies.index(STRATEGIES[name])].tolist()


def differences(subject: Subject) -> dict[str, list[float]]:
    table = found(subject).differences().set_index(["model", "reference"]).sort_index()["std_error"]
    return {
        "first_all": table["first", TREAT_ALL].tolist(),
        "second_first": table["second", "first"].tolist(),
    }


DECISION = {
    **{f"benefit_{name}": lambda subject, name=name: row(subject, name) for name in STRATEGIES},
    **{f"error_{name}": lambda subject, name=name: row(subject, name, error=True) for name in STRATEGIES},
    "difference_error": differences,
    "within": lambda subject: found(subject, within=True).estimate[2].tolist(),
}
