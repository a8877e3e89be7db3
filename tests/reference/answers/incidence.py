"""Answers about competing events: cumulative incidence by Aalen and Johansen."""

from __future__ import annotations

import pandas as pd
from reference.answers.subjects import Subject
from reference.stored_cases import SKIPPED

from survmodel import CumulativeIncidence, KaplanMeier


def read(subject: Subject, times: list[float], conf_type: str = "log") -> pd.DataFrame:
    by = subject.column("by")
    fit = CumulativeIncidence(conf_type=conf_type).fit(subject.outcome, by=None if by is None else by.astype(str))
    return fit.at(times)


def aalen_johansen(subject: Subject) -> dict[str, object]:
    """R lists the event-free probability first; it belongs to the Kaplan-Meier estimator of events of any kind."""
    value = subject.case.values["aj"]["value"]
    times = list(dict.fromkeys(value["times"]))
    table = read(subject, times)
    by = subject.column("by").astype(str)
    free = KaplanMeier().fit(subject.outcome.any_event(), by=by).at(times)
    shown = {name: [] for name in ("pstate", "se_ij", "lower_log", "upper_log")}
    for _, row in free.iterrows():
        own = table[(table["group"] == row["group"]) & (table["time"] == row["time"])]
        none = (own["estimate"] == 0).to_numpy()
        shown["pstate"].append([row["estimate"], *own["estimate"]])
        shown["se_ij"].append([SKIPPED, *own["std_error"]])
        for name, column in (("lower_log", "conf_low"), ("upper_log", "conf_high")):
            limits = [SKIPPED if nothing else limit for nothing, limit in zip(none, own[column], strict=True)]
            shown[name].append([SKIPPED, *limits])
    groups = [f"{subject.spec['by']}={group:.0f}" for group in subject.column("by").drop_duplicates().sort_values()]
    return {"times": times * len(groups), "strata": [g for g in groups for _ in times], **shown}


def cuminc(subject: Subject) -> dict[str, object]:
    value = subject.case.values["cuminc_est"]["value"]
    table = read(subject, value["times"])
    rows = table.groupby(["level", "group"], sort=True)["estimate"].agg(list)
    return {"rows": value["rows"], "times": value["times"], "est": rows.tolist()}


def one_minus_km(subject: Subject) -> list[float]:
    """The wrong answer: competing events censored."""
    value = subject.case.values["aj"]["value"]
    times = list(dict.fromkeys(value["times"]))
    fit = KaplanMeier().fit(subject.outcome.cause_specific(1), by=subject.column("by").astype(str))
    return (1 - fit.at(times)["estimate"]).tolist()


def at(subject: Subject) -> dict[str, object]:
    """Fixed times by group; where nobody had the event limits are exact here, and R has none."""
    asked = subject_value(subject, "at")
    by = subject.column("by")
    labels = [str(group) for group in asked["groups"]]
    fit = CumulativeIncidence(conf_type="log").fit(subject.outcome, by=by.map(lambda level: f"{level:g}"))
    table = fit.at(asked["times"])
    shown: dict[str, object] = {"times": asked["times"], "groups": labels}
    columns = {"estimate": "estimate", "se": "std_error", "lower": "conf_low", "upper": "conf_high"}
    for name, column in columns.items():
        wide = table.pivot(index=["group", "time"], columns="level", values=column)
        shown[name] = wide.to_numpy().tolist()
    return shown


def curve(subject: Subject) -> dict[str, object]:
    """Every step of a case with late entry."""
    table = CumulativeIncidence().fit(subject.outcome).tidy()
    wide = {name: table.pivot(index="time", columns="level", values=name) for name in ("estimate", "std_error")}
    first = table[table["level"] == table["level"].iloc[0]]
    return {
        "time": first["time"].tolist(), "n_risk": first["n_risk"].tolist(),
        "estimate": wide["estimate"].to_numpy().tolist(), "se": wide["std_error"].to_numpy().tolist(),
    }  # fmt: skip


def subject_value(subject: Subject, quantity: str) -> dict[str, list[float]]:
    """Give the stored value that a quantity of this analysis answers, for the times it was asked at."""
    (found,) = [entry["value"] for name, entry in subject.case.values.items() if name.endswith(f".{quantity}")]
    return found


INCIDENCE = {
    "aj": aalen_johansen, "cuminc_est": cuminc, "one_minus_km_cause1": one_minus_km, "at": at, "curve": curve,
}  # fmt: skip
