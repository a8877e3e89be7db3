"""Answers about the effect of a covariate in each group."""

from __future__ import annotations

from collections.abc import Callable

from reference.answers.subjects import Subject

from survmodel import CoxPH, group_effects
from survmodel.models.group_effects import GroupEffects


def effects(subject: Subject) -> GroupEffects:
    spec = CoxPH(subject.spec["formula"])
    return group_effects(spec, subject.table, subject.outcome, by=subject.spec["by"], marker=subject.spec["marker"])


def own(subject: Subject) -> dict[str, object]:
    table = effects(subject).tidy()
    mine = table[table["measure"] == "own"]
    return {name: mine[name].tolist() for name in ("estimate", "std_error")}


def glance(subject: Subject, *names: str) -> list[float]:
    return [float(effects(subject).glance()[name].iloc[0]) for name in names]


GROUP_EFFECTS: dict[str, Callable[[Subject], object]] = {
    "own": own,
    "common": lambda subject: list(effects(subject).common),
    "q": lambda subject: glance(subject, "q", "q_p_value"),
    "tau_squared": lambda subject: glance(subject, "tau_squared")[0],
    "interaction": lambda subject: glance(subject, "interaction_statistic")[0],
}
