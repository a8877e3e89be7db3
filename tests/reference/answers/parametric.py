"""Answers about parametric survival models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from reference.answers.subjects import Subject

from survmodel import IntervalOutcome, Outcome, ParametricSurvival, TurnbullCurve
from survmodel.models.parametric_fit import ParametricFit
from survmodel.models.parametric_laws import LAWS
from survmodel.models.turnbull import TurnbullFit

#: Of a lung case with numbers only.
LUNG = "age + sex + `ph.ecog`"


#: Fits by subject: each answers many values.
_FITS: dict[int, ParametricFit] = {}


def fit(subject: Subject) -> ParametricFit:
    if id(subject) not in _FITS:
        _FITS[id(subject)] = _fit(subject)
    return _FITS[id(subject)]


def _fit(subject: Subject) -> ParametricFit:
    spec = subject.spec
    model = ParametricSurvival(spec["formula"], spec["distribution"], reference=spec.get("reference"))
    weights = None if "weights" not in spec else subject.table[spec["weights"]]
    outcome = intervals(subject) if "intervals" in spec else subject.outcome
    return model.fit(subject.table, outcome, weights=weights)


def intervals(subject: Subject) -> IntervalOutcome:
    return IntervalOutcome(subject.table["lower"], subject.table["upper"].fillna(np.inf))


def _glance(subject: Subject, *columns: str) -> object:
    row = fit(subject).glance().iloc[0]
    values = [float(row[column]) for column in columns]
    return values[0] if len(values) == 1 else values


def _quantiles(fitted: ParametricFit, new: pd.DataFrame, shares: list[float], column: str) -> np.ndarray:
    return fitted.quantile(new, shares)[column].to_numpy().reshape(len(new), -1)


def lp_error(fitted: ParametricFit, new: pd.DataFrame) -> np.ndarray:
    """Standard error of the linear predictor: that of any quantile of a law with scale and shape held."""
    x = np.column_stack([np.ones(len(new)), fitted.design.matrix(new)])
    part = fitted.covariance.to_numpy()[: x.shape[1], : x.shape[1]]
    return np.sqrt(np.einsum("np,pq,nq->n", x, part, x))


def _asked(subject: Subject, column: str) -> np.ndarray:
    return _quantiles(fit(subject), subject.newdata, subject.spec["probability"], column)


def _law(subject: Subject) -> dict[str, list[float]]:
    law, grid = LAWS["generalized_gamma"], pd.DataFrame(subject.spec["grid"])
    points = [(np.array([w]), float(q)) for w, q in zip(grid["w"], grid["Q"], strict=True)]
    return {
        "log_survival": [float(law.log_survival(w, q).value[0]) for w, q in points],
        "log_density": [float(law.log_density(w, q).value[0]) for w, q in points],
    }


PARAMETRIC: dict[str, Callable[[Subject], object]] = {
    "theta": lambda subject: fit(subject).tidy()["estimate"].tolist(),
    "vcov": lambda subject: fit(subject).covariance.to_numpy(),
    "loglik": lambda subject: _glance(subject, "loglik_null", "loglik"),
    "loglik_maximum": lambda subject: _glance(subject, "loglik"),
    "n_event": lambda subject: fit(subject).n_event,
    "aic": lambda subject: _glance(subject, "aic"),
    "bic": lambda subject: _glance(subject, "bic"),
    "z": lambda subject: fit(subject).tidy()["statistic"].tolist(),
    "lp": lambda subject: -fit(subject).prognostic_index(subject.newdata),
    "lp_se": lambda subject: lp_error(fit(subject), subject.newdata),
    "quantiles": partial(_asked, column="estimate"),
    "quantiles_se": partial(_asked, column="std_error"),
    "survival": lambda subject: fit(subject).predict_survival(subject.newdata, subject.times),
    "law": _law,
}


def curve(subject: Subject) -> TurnbullFit:
    outcome = intervals(subject)
    kept = np.flatnonzero(subject.table["sex"].isin([subject.spec.get("sex", 1), subject.spec.get("sex", 2)]))
    weights = subject.table["weight"].iloc[kept] if "weights" in subject.spec else None
    return TurnbullCurve().fit(outcome.take(kept), weights=weights)


def _bounds(subject: Subject) -> dict[str, list[float]]:
    read = curve(subject).at(subject.times)
    return {"low": read["lower"].tolist(), "high": read["upper"].tolist()}


def _survfit(subject: Subject) -> dict[str, list[float]]:
    analysis = next(name for name, spec in subject.case.settings["analyses"].items() if spec is subject.spec)
    times = subject.case.values[f"{analysis}.survfit"]["value"]["time"]
    return {"time": times, "surv": curve(subject).at(times)["upper"].tolist()}


TURNBULL: dict[str, Callable[[Subject], object]] = {
    "loglik": lambda subject: float(curve(subject).glance().loc[0, "loglik"]),
    "bounds": _bounds,
    "survfit": _survfit,
}


def _lung(subject: Subject, distribution: str, formula: str = LUNG) -> ParametricFit:
    model = ParametricSurvival(formula, distribution)  # type: ignore[arg-type]
    return model.fit(subject.table, Outcome.from_table(subject.table, time="time", event="event"))


def lung_model(subject: Subject, distribution: str) -> dict[str, Any]:
    fitted = _lung(subject, distribution)
    row, new = fitted.glance().iloc[0], pd.DataFrame(subject.case.settings["newdata"])
    return {
        "coef": fitted.coefficients.to_numpy(),
        "scale": fitted.scale,
        "vcov": fitted.covariance.to_numpy(),
        "loglik": [float(row["loglik_null"]), float(row["loglik"])],
        "aic": float(row["aic"]),
        "bic": float(row["bic"]),
        "quantiles_10_50_90": _quantiles(fitted, new, [0.1, 0.5, 0.9], "estimate"),
        "quantiles_se": _quantiles(fitted, new, [0.1, 0.5, 0.9], "std_error"),
        "surv_at_180_365_730": fitted.predict_survival(new, [180, 365, 730]),
        "lp": -fitted.prognostic_index(new),
        "lp_se": lp_error(fitted, new),
        "cox_snell_sum": float(fitted.residuals()["estimate"].sum()),
    }


def lung_null(subject: Subject) -> dict[str, float]:
    fitted = _lung(subject, "weibull", "1")
    intercept = float(fitted.coefficients.iloc[0])
    return {
        "coef": intercept, "scale": fitted.scale, "loglik": float(fitted.maximum.loglik), "shape": 1 / fitted.scale,
        "scale_lifelines_lambda": float(np.exp(intercept)),
    }  # fmt: skip


SINGLE: dict[tuple[str, str], Callable[[Subject], object]] = {
    ("aft_lung", name): partial(lung_model, distribution=name)
    for name in ("exponential", "weibull", "lognormal", "loglogistic")
} | {
    ("aft_lung", "weibull_null"): lung_null,
    ("aft_lung", "weibull_as_ph_loghr"): lambda subject: np.log(
        _lung(subject, "weibull").hazard_ratios()["estimate"]
    ).tolist(),
}
