"""Answers about Therneau's three worked examples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from reference.answers.regression import RESIDUALS
from reference.answers.subjects import Subject

from survmodel import CoxPH
from survmodel.models.cox_fit import CoxFit


def fit(subject: Subject, ties: str, *, weighted: bool = True, replicated: bool = False) -> CoxFit:
    table = subject.table
    if replicated:
        return CoxPH("x", ties=ties).fit(table, subject.outcome, freq=table["wt"])
    weights = table["wt"] if "wt" in table and weighted else None
    return CoxPH("x", ties=ties).fit(table, subject.outcome, weights=weights)


def _beta(subject: Subject, ties: str, *, replicated: bool = False) -> float:
    return float(fit(subject, ties, replicated=replicated).beta[0])


def _logliks(subject: Subject, ties: str) -> list[float]:
    maximum = fit(subject, ties).maximum
    return [maximum.loglik_null, maximum.loglik]


def _maximum(subject: Subject, ties: str, what: str) -> float:
    return float(np.ravel(getattr(fit(subject, ties).maximum, what))[0])


def _residuals(subject: Subject, ties: str, kind: str) -> np.ndarray:
    return fit(subject, ties).residuals(kind).iloc[:, -1].to_numpy()  # type: ignore[arg-type]


def _curve(subject: Subject, ties: str, x: float) -> dict[str, object]:
    fitted = fit(subject, ties)
    times = np.unique(subject.outcome.time)
    table = fitted.survival_limits(pd.DataFrame({"x": [x]}), times)
    survival = table["estimate"].to_numpy()
    return {
        "time": times, "cumhaz": -np.log(survival), "se_cumhaz": table["std_error"].to_numpy() / survival,
        "surv": survival,
    }  # fmt: skip


SINGLE: dict[tuple[str, str], Callable[[Subject], object]] = {
    ("cox_therneau_test1", "loglik0_breslow"): partial(_maximum, ties="breslow", what="loglik_null"),
    ("cox_therneau_test1", "loglik_breslow"): partial(_maximum, ties="breslow", what="loglik"),
    ("cox_therneau_test1", "info_breslow"): partial(_maximum, ties="breslow", what="information"),
    ("cox_therneau_test1", "info_efron"): partial(_maximum, ties="efron", what="information"),
    ("cox_therneau_test1", "loglik_efron"): partial(_logliks, ties="efron"),
    ("cox_therneau_test1", "surv_x0_breslow"): partial(_curve, ties="breslow", x=0.0),
    ("cox_therneau_test1", "surv_x0_efron"): partial(_curve, ties="efron", x=0.0),
    ("cox_therneau_test1", "surv_x1_efron"): partial(_curve, ties="efron", x=1.0),
    ("cox_therneau_test2", "surv_x0_breslow"): partial(_curve, ties="breslow", x=0.0),
    ("cox_therneau_test2", "surv_x0_efron"): partial(_curve, ties="efron", x=0.0),
    ("cox_therneau_test3", "beta_breslow_replicated"): partial(_beta, ties="breslow", replicated=True),
    ("cox_therneau_test3", "beta_efron_replicated"): partial(_beta, ties="efron", replicated=True),
    ("cox_therneau_test3", "beta_efron_weighted"): partial(_beta, ties="efron"),
    ("cox_therneau_test3", "loglik_efron_weighted"): partial(_logliks, ties="efron"),
    ("cox_therneau_test3", "info_efron_weighted"): partial(_maximum, ties="efron", what="information"),
    ("cox_therneau_test3", "var_breslow"): partial(_maximum, ties="breslow", what="covariance"),
}
for ties in ("breslow", "efron"):
    SINGLE["cox_therneau_test2", f"loglik_{ties}"] = partial(_logliks, ties=ties)
    SINGLE["cox_therneau_test2", f"var_{ties}"] = partial(_maximum, ties=ties, what="covariance")
    for number in (1, 2, 3):
        SINGLE[f"cox_therneau_test{number}", f"beta_{ties}"] = partial(_beta, ties=ties)
        for tag, kind in RESIDUALS.items():
            SINGLE[f"cox_therneau_test{number}", f"{ties}_resid_{tag}"] = partial(_residuals, ties=ties, kind=kind)
SINGLE["cox_therneau_test3", "loglik_breslow"] = partial(_logliks, ties="breslow")
