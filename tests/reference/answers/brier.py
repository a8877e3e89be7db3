"""Answers about Brier scores, at times and integrated."""

from __future__ import annotations

import numpy as np
from reference.answers.subjects import Subject
from reference.stored_cases import SKIPPED, read_case

from survmodel import brier_score, integrated_brier_score
from survmodel.performance.brier import NULL, Brier

MODELS = {"first": "first", "second": "second", "null": NULL}


def risks_at(subject: Subject, times: list[float]) -> dict[str, np.ndarray]:
    grid = subject.case.settings["grid"]
    places = [grid.index(time) + 1 for time in times]
    return {name: subject.table[[f"{name}_{k}" for k in places]].to_numpy() for name in ("first", "second")}


def at_times(subject: Subject) -> Brier:
    times = [float(time) for time in subject.case.settings["times"]]
    return brier_score(subject.outcome, risks_at(subject, times), times)


def scores(subject: Subject, model: str) -> dict[str, list[float]]:
    found = at_times(subject)
    place = found.models.index(MODELS[model])
    return {"Brier": found.estimate[place].tolist(), "IPA": found.ipa[place].tolist()}


def errors(subject: Subject, model: str) -> dict[str, list[float]]:
    tidy = at_times(subject).tidy()
    own = tidy[(tidy["model"] == MODELS[model]) & (tidy["measure"] == "Brier score")]
    return {"se": own["std_error"].tolist(), "lower": own["conf_low"].tolist(), "upper": own["conf_high"].tolist()}


def known_censoring(subject: Subject, model: str) -> dict[str, list[float]]:
    """A curve of censoring that is taken as known has no part in the error."""
    times = [float(time) for time in subject.case.settings["times"]]
    found = brier_score(subject.outcome, risks_at(subject, times), times, censoring=subject.outcome)
    return {"se": found.std_error[found.models.index(MODELS[model])].tolist()}


def integrated(subject: Subject, model: str) -> float:
    tau = float(subject.case.settings["tau"])
    event, time = subject.table["event"], subject.table["time"]
    grid = np.unique(time[(event == 1) & (time <= tau)]).tolist()
    stored = [one for one in subject.case.settings["grid"] if np.isclose(one, grid, rtol=1e-12).any()]
    found = integrated_brier_score(subject.outcome, risks_at(subject, stored), grid, horizon=tau)
    return float(found.estimate[found.models.index(MODELS[model]), 0])


BRIER = {
    **{f"score_{name}": lambda subject, name=name: scores(subject, name) for name in MODELS},
    **{f"error_{name}": lambda subject, name=name: errors(subject, name) for name in MODELS},
    **{f"conservative_{name}": lambda subject, name=name: known_censoring(subject, name) for name in MODELS},
    **{f"integrated_{name}": lambda subject, name=name: integrated(subject, name) for name in MODELS},
}


def grid_of(subject: Subject) -> list[float]:
    return [float(time) for time in subject.case.values["times"]["value"]]


def marginal(subject: Subject) -> list[float]:
    times = grid_of(subject)
    return brier_score(subject.outcome, np.zeros((subject.outcome.n, len(times))), times).estimate[-1].tolist()


def averaged(subject: Subject) -> list[float]:
    """On the stored grid, up to each of its times."""
    times, none = grid_of(subject), np.zeros(subject.outcome.n)
    found = []
    for k in range(1, len(times) + 1):
        risk = np.tile(none, (k, 1)).T
        found.append(float(integrated_brier_score(subject.outcome, risk, times[:k]).estimate[-1, 0]))
    return found


def full(subject: Subject) -> list[object]:
    """Risks at 5 years stand in another case of the same patients."""
    other = read_case("calibration_gbsg").columns
    assert (other["pid"] == subject.table["pid"]).all()
    at_five = float(brier_score(subject.outcome, other["risk5"], 5).estimate[0, 0])
    return [at_five if time == 5 else SKIPPED for time in grid_of(subject)]


BRIER_GBSG = {
    "times": grid_of,
    "brier_null": marginal,
    "brier_full": full,
    "ibs_null_riskregression": averaged,
}
