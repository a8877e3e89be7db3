"""Answers about competing risks beyond curves: Gray's test, Fine-Gray and cause-specific Cox models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
from reference.answers.subjects import Subject
from reference.stored_cases import SKIPPED

from survmodel import CauseSpecificCox, CoxPH, FineGray, Outcome, gray_test
from survmodel.models.cause_specific import CauseSpecificFit
from survmodel.models.cox_fit import CoxFit
from survmodel.models.fine_gray_fit import FineGrayFit
from survmodel.models.fine_gray_likelihood import censoring_curve


def gray(subject: Subject) -> dict[str, object]:
    tests = [
        gray_test(
            subject.outcome, subject.column("by"), cause=cause, strata=subject.column("strata"),
            rho=subject.spec.get("rho", 0.0),
        )
        for cause in (1, 2)
    ]  # fmt: skip
    return {
        "stat": [test.statistic for test in tests], "df": [test.df for test in tests],
        "p": [test.p_value for test in tests],
    }  # fmt: skip


def melanoma_gray(subject: Subject) -> dict[str, object]:
    return {"cause": ["1", "2"], **gray(subject)}


def fine_gray(subject: Subject, cause: int | None = None) -> FineGrayFit:
    spec = FineGray(
        subject.spec["formula"], cause=cause or subject.spec["cause"],
        censoring_groups=subject.spec.get("censoring_groups"),
    )  # fmt: skip
    return spec.fit(subject.table, subject.outcome)


def _logliks(subject: Subject) -> list[float]:
    glance = fine_gray(subject).glance().iloc[0]
    return [float(glance["loglik_null"]), float(glance["loglik"])]


def split_at_censorings(table: pd.DataFrame, outcome: Outcome, cause: int) -> tuple[pd.DataFrame, Outcome, np.ndarray]:
    """Give those who leave by another cause a row for each later time of the cause, weighted as R's finegray does."""
    kind = np.where(outcome.event == cause, 1, np.where(outcome.event > 0, 2, 0))
    order = np.argsort(outcome.time, kind="stable")
    times, after = censoring_curve(outcome.time[order], kind[order] == 0, np.ones(outcome.n))
    before = np.concatenate([[1.0], after])
    events = np.unique(outcome.time[kind == 1])
    rows, start, stop, event, weight = [], [], [], [], []
    for row in range(outcome.n):
        edges = [0.0, outcome.time[row]]
        if kind[row] == 2:
            edges += events[events > outcome.time[row]].tolist()
        own = before[np.searchsorted(times, outcome.time[row])]
        for number, (a, b) in enumerate(pairwise(edges)):
            rows.append(row)
            start.append(a)
            stop.append(b)
            event.append(kind[row] == 1)
            weight.append(1.0 if number == 0 else before[np.searchsorted(times, b)] / own)
    kept = np.array(weight) > 0
    split = table.iloc[np.array(rows)[kept]].reset_index(drop=True)
    long = Outcome(np.array(stop)[kept], np.array(event)[kept], np.array(start)[kept])
    return split, long, np.array(weight)[kept]


def split_fit(subject: Subject, cause: int, ties: str) -> CoxFit:
    table, outcome, weight = split_at_censorings(subject.table, subject.outcome, cause)
    return CoxPH(subject.spec["formula"], ties=ties).fit(table, outcome, weights=weight)


def melanoma_crr(subject: Subject, cause: int) -> dict[str, object]:
    fit = fine_gray(subject, cause)
    glance = fit.glance().iloc[0]
    return {
        "coef": fit.beta, "vcov": fit.covariance.to_numpy(), "se": fit.tidy()["std_error"].tolist(),
        "loglik": float(glance["loglik"]), "loglik_null": float(glance["loglik_null"]),
    }  # fmt: skip


def melanoma_prediction(subject: Subject, cause: int) -> dict[str, object]:
    asked = subject.case.values[f"crr_predict_cause{cause}"]["value"]
    new = pd.DataFrame(asked["newx"], columns=["sex", "age", "ulcer", "logthick"])
    risk = fine_gray(subject, cause).predict_risk(new, asked["times"])
    return {"newx": asked["newx"], "times": asked["times"], "cif": risk.T}


def melanoma_split(subject: Subject, cause: int) -> dict[str, object]:
    return {"coef": split_fit(subject, cause, "breslow").beta, "max_abs_diff_to_crr": SKIPPED}


def melanoma_hazard(subject: Subject, cause: int) -> dict[str, object]:
    fit = cause_specific(subject).fits[cause]
    table = fit.tidy()
    return {
        "coef": table["estimate"].tolist(), "se": table["std_error"].tolist(),
        "loglik": [fit.maximum.loglik_null, fit.maximum.loglik],
    }  # fmt: skip


def cause_specific(subject: Subject, *, product_limit: bool = True) -> CauseSpecificFit:
    formula = subject.spec["formula"]
    if isinstance(formula, dict):
        formula = {int(cause): text for cause, text in formula.items()}
    spec = CauseSpecificCox(formula, strata=subject.spec.get("strata"), product_limit=product_limit)
    return spec.fit(subject.table, subject.outcome)


def _risk(subject: Subject, cause: int, *, product_limit: bool) -> np.ndarray:
    fit = cause_specific(subject, product_limit=product_limit)
    return fit.predict_risk(subject.newdata, subject.times, cause)


GRAY: dict[str, Callable[[Subject], object]] = {"gray": gray}
FINE_GRAY: dict[str, Callable[[Subject], object]] = {
    "coef": lambda subject: fine_gray(subject).beta,
    "loglik": _logliks,
    "vcov": lambda subject: fine_gray(subject).covariance.to_numpy(),
    "risk": lambda subject: fine_gray(subject).predict_risk(subject.newdata, subject.times),
}
CAUSE_SPECIFIC: dict[str, Callable[[Subject], object]] = {
    "coef": lambda subject: [fit.beta for fit in cause_specific(subject).fits.values()],
    **{
        f"risk_{word}{cause}": partial(_risk, cause=cause, product_limit=not word)
        for word in ("", "exp_")
        for cause in (1, 2)
    },
}
SINGLE: dict[tuple[str, str], Callable[[Subject], object]] = {("cif_melanoma", "gray"): melanoma_gray}
for code in (1, 2):
    for name, answer in {
        f"crr_cause{code}": melanoma_crr,
        f"crr_predict_cause{code}": melanoma_prediction,
        f"finegray_breslow_cause{code}": melanoma_split,
        f"finegray_efron_cause{code}": lambda subject, cause: split_fit(subject, cause, "efron").beta,
        f"cause_specific_cause{code}": melanoma_hazard,
    }.items():
        SINGLE["finegray_melanoma", name] = partial(answer, cause=code)
