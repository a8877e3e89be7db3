"""Answers about AUC(t) and its differences."""

from __future__ import annotations

from reference.answers.subjects import Subject

from survmodel import Outcome, time_dependent_auc
from survmodel.performance.time_dependent_auc import AUC, TimeDependentAUC


def found(subject: Subject, *, known: bool = False, strata: bool = False) -> TimeDependentAUC:
    """A curve of censoring that is taken as known has no part in the error."""
    settings = subject.case.settings
    times = [float(time) for time in settings["times"]]
    risks = {name: subject.table[name] for name in ("first", "second")}
    censoring: Outcome | None = subject.outcome if known else None
    by = subject.table[settings["by"]] if strata else None
    return time_dependent_auc(subject.outcome, risks, times, strata=by, censoring=censoring)


def scores(subject: Subject, model: str, *, known: bool = False, group: str = "") -> dict[str, list[float]]:
    tidy = found(subject, known=known, strata=bool(group)).tidy()
    own = tidy[(tidy["model"] == model) & (tidy["measure"] == AUC) & (tidy["group"] == group)]
    named = {"AUC": "estimate", "se": "std_error", "lower": "conf_low", "upper": "conf_high"}
    return {name: own[column].tolist() for name, column in named.items()}


def pick(values: dict[str, list[float]], *names: str) -> dict[str, list[float]]:
    return {name: values[name] for name in names}


def differences(subject: Subject, *names: str, known: bool = False) -> dict[str, list[float]]:
    table = found(subject, known=known).differences()
    named = {"delta.AUC": "estimate", "se": "std_error", "lower": "conf_low", "upper": "conf_high", "p": "p_value"}
    return {name: table[named[name]].tolist() for name in names}


ERROR = ("se", "lower", "upper")
AUC_AT = {
    **{f"auc_{name}": lambda s, name=name: pick(scores(s, name), "AUC") for name in ("first", "second")},
    **{f"error_{name}": lambda s, name=name: pick(scores(s, name), *ERROR) for name in ("first", "second")},
    **{
        f"conservative_{name}": lambda s, name=name: pick(scores(s, name, known=True), "se")
        for name in ("first", "second")
    },
    "difference": lambda s: differences(s, "delta.AUC"),
    "difference_error": lambda s: differences(s, *ERROR, "p"),
    "difference_conservative": lambda s: differences(s, *ERROR, "p", known=True),
    **{f"stratum_{k}": lambda s, k=k: pick(scores(s, "first", group=k), "AUC", "se") for k in ("1", "2")},
    "within": lambda s: {"AUC": found(s, strata=True).estimate[0].tolist()},
}
