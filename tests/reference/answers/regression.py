"""Answers about Cox models: estimates, tests, residuals, predictions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from reference.answers.subjects import Subject

from survmodel import CoxPH, Outcome, Ridge, concordance, likelihood_ratio_test, proportional_hazards_test
from survmodel.models.cox_fit import CoxFit

TYPES = {"log": "log", "loglog": "log-log", "plain": "plain"}
RESIDUALS = {
    "martingale": "martingale", "deviance": "deviance", "score": "score", "schoenfeld": "schoenfeld",
    "scaledsch": "scaled_schoenfeld", "dfbeta": "dfbeta", "dfbetas": "dfbetas",
}  # fmt: skip


def fit(subject: Subject, **changes: Any) -> CoxFit:
    spec = {**subject.spec, **changes}
    model = CoxPH(
        spec["formula"],
        strata=spec.get("strata"),
        cluster=spec.get("cluster"),
        ties=spec.get("ties", "efron"),
        penalty=Ridge(spec["theta"]) if "theta" in spec else spec.get("penalty"),
        reference=spec.get("reference"),
        time_varying=spec.get("time_varying"),
    )
    weights = None if "weights" not in spec else subject.table[spec["weights"]]
    return model.fit(subject.table, subject.outcome, weights=weights)


def _glance(subject: Subject, *columns: str) -> object:
    row = fit(subject).glance().iloc[0]
    values = [float(row[column]) for column in columns]
    return values[0] if len(values) == 1 else values


def _tidy(subject: Subject, column: str) -> list[float]:
    return fit(subject).tidy()[column].tolist()


def _ratio(subject: Subject, column: str) -> list[float]:
    return fit(subject).hazard_ratios()[column].tolist()


def _terms(subject: Subject) -> list[str]:
    return fit(subject).tidy()["term"].tolist()


def _naive_se(subject: Subject) -> np.ndarray:
    return np.sqrt(np.diag(fit(subject).maximum.covariance))


def _concordance(subject: Subject) -> list[float]:
    """R scores its own fit: within strata, weighted, and by cluster when there are some."""
    fitted = fit(subject)
    c = concordance(
        subject.outcome, fitted.prognostic_index(subject.table), strata=subject.column("strata"),
        weights=subject.column("weights"),
    )  # fmt: skip
    if "cluster" not in subject.spec:
        return [c.estimate, c.std_error]
    _, cluster = np.unique(subject.table[subject.spec["cluster"]], return_inverse=True)
    return [c.estimate, float(np.sqrt(np.sum(np.bincount(cluster, c.influence) ** 2)))]


def _zph(subject: Subject, transform: str) -> dict[str, object]:
    table = proportional_hazards_test(fit(subject), transform).tidy()
    columns = {"row": "term", "chisq": "statistic", "df": "df", "p": "p_value"}
    return {name: table[column].tolist() for name, column in columns.items()}


def _residuals(subject: Subject, kind: str, **changes: Any) -> object:
    table = fit(subject, **changes).residuals(kind)  # type: ignore[arg-type]
    values = table.drop(columns=[name for name in ("row", "group", "time") if name in table]).to_numpy()
    return values[:, 0] if values.shape[1] == 1 else values


def _baseline(subject: Subject) -> dict[str, object]:
    table = fit(subject).baseline()
    answer: dict[str, object] = {"time": table["time"].tolist(), "hazard": table["estimate"].tolist()}
    if "strata" in subject.spec:
        answer["strata"] = [f"{subject.spec['strata']}={label}" for label in table["group"]]
    return answer


def _prediction(subject: Subject, column: str, conf_type: str = "log-log", **changes: Any) -> np.ndarray:
    """One row for each time, one column for each patient."""
    fitted = fit(subject, **changes)
    limits = fitted.survival_limits(subject.newdata, subject.times, conf_type=conf_type)
    return limits[column].to_numpy().reshape(len(subject.newdata), -1).T


def _squared(subject: Subject) -> list[float]:
    return (fit(subject).tidy()["statistic"] ** 2).tolist()


def _constancy(subject: Subject) -> list[float]:
    row = fit(subject).constancy_tests().iloc[-1]  # type: ignore[attr-defined]
    return [float(row[column]) for column in ("statistic", "df", "p_value")]


COX: dict[str, Callable[[Subject], object]] = {
    "constancy": _constancy,
    "penalised_loglik": lambda subject: _glance(subject, "loglik"),
    "penalised_loglik_null": lambda subject: _glance(subject, "loglik_null"),
    "ci_profile_lower": partial(_tidy, column="conf_low"),
    "ci_profile_upper": partial(_tidy, column="conf_high"),
    "plr_chisq": _squared,
    "plr_p": partial(_tidy, column="p_value"),
    "ml_coef": lambda subject: fit(subject, penalty=None).tidy()["estimate"].tolist(),
    "n": lambda subject: fit(subject).n,
    "n_event": lambda subject: fit(subject).n_event,
    "terms": _terms,
    "coef": partial(_tidy, column="estimate"),
    "coef_default_control": partial(_tidy, column="estimate"),
    "se": partial(_tidy, column="std_error"),
    "z": partial(_tidy, column="statistic"),
    "p": partial(_tidy, column="p_value"),
    "naive_se": _naive_se,
    "vcov": lambda subject: fit(subject).covariance.to_numpy(),
    "hr": partial(_ratio, column="estimate"),
    "hr_lower95": partial(_ratio, column="conf_low"),
    "hr_upper95": partial(_ratio, column="conf_high"),
    "loglik_null": lambda subject: _glance(subject, "loglik_null"),
    "loglik": lambda subject: _glance(subject, "loglik"),
    "lr_test": lambda subject: _glance(subject, "lr_statistic", "lr_df", "lr_p_value"),
    "wald_test": lambda subject: _glance(subject, "wald_statistic", "lr_df", "wald_p_value"),
    "wald_stat_unrounded": lambda subject: _glance(subject, "wald_statistic"),
    "score_test": lambda subject: _glance(subject, "score_statistic", "lr_df", "score_p_value"),
    "df": lambda subject: _glance(subject, "lr_df"),
    "aic": lambda subject: _glance(subject, "aic"),
    "bic": lambda subject: _glance(subject, "bic"),
    "concordance": _concordance,
    "basehaz": _baseline,
    "basehaz_uncentered": _baseline,
    "pred_surv": partial(_prediction, column="estimate"),
    "pred_se": partial(_prediction, column="std_error"),
}
for transform in ("km", "identity", "rank", "log"):
    COX[f"zph_{transform}"] = partial(_zph, transform=transform)
for tag, kind in RESIDUALS.items():
    COX[f"resid_{tag}"] = partial(_residuals, kind=kind)
for tag, name in TYPES.items():
    COX[f"pred_{tag}_lower"] = partial(_prediction, column="conf_low", conf_type=name)
    COX[f"pred_{tag}_upper"] = partial(_prediction, column="conf_high", conf_type=name)


def _contrast(subject: Subject, column: str, pair: tuple[object, object], at: dict[str, object]) -> dict[str, float]:
    row = fit(subject).hazard_ratios(contrasts={column: pair}, at=at).iloc[0]
    return {"estimate": row["estimate"], "se": row["std_error"]}


COX["zph_statistics"] = lambda subject: _zph(subject, "identity")["chisq"]
COX["contrast_trt_at_age_60"] = partial(_contrast, column="trt", pair=(1, 2), at={"age": 60})
COX["contrast_age_at_trt_2"] = partial(_contrast, column="age", pair=(50, 65), at={"trt": 2})
COX["contrast_karno_in_squamous"] = partial(_contrast, column="karno", pair=(40, 70), at={"celltype": "squamous"})
COX["contrast_celltype_at_50"] = partial(_contrast, column="celltype", pair=("large", "smallcell"), at={"karno": 50})


def _likelihood_ratio(subject: Subject) -> dict[str, float]:
    models = [fit(subject, formula=subject.spec[size]) for size in ("small", "large")]
    test = likelihood_ratio_test(*models)
    return {"chisq": test.statistic, "df": test.df, "p": test.p_value}


NESTED: dict[str, Callable[[Subject], object]] = {"lr": _likelihood_ratio}


# ---- single cases ----------------------------------------------------------------------------------------------------


def _without_time_unit(subject: Subject) -> list[float]:
    table = subject.table
    months = Outcome(table["time"] / 30.4375, table["event"])
    return CoxPH("age + sex").fit(table, months).coefficients.tolist()


def _rescaled(subject: Subject) -> list[float]:
    table = subject.table.assign(age=subject.table["age"] * 1e6 + 1e8)
    return (CoxPH("age + sex").fit(table, subject.outcome).coefficients * [1e6, 1]).tolist()


def _doubled(subject: Subject) -> list[float]:
    outcome = subject.outcome.take(np.tile(np.arange(subject.case.n), 2))
    table = pd.concat([subject.table] * 2, ignore_index=True).set_axis(outcome.index)
    return CoxPH("age + sex", ties="breslow").fit(table, outcome).tidy()["std_error"].tolist()


def _lung_prediction(subject: Subject, ties: str, column: str, conf_type: str = "log-log") -> np.ndarray:
    return _prediction(subject, column, conf_type, ties=ties)


def _lung_hazard(subject: Subject, ties: str) -> np.ndarray:
    survival = fit(subject, ties=ties).predict_survival(subject.newdata, subject.times)
    return -np.log(survival).T


def _lung_baseline(subject: Subject, ties: str, *, centered: bool) -> object:
    table = fit(subject, ties=ties).baseline(centered=centered)
    table = table[table["n_event"] > 0]
    hazard = table["estimate"].tolist()
    return hazard if centered else {"time": table["time"].tolist(), "hazard": hazard}


def _centred_index(subject: Subject) -> np.ndarray:
    fitted = fit(subject)
    return fitted.prognostic_index(subject.newdata) - fitted.prognostic_index(subject.table).mean()


def _index_error(subject: Subject) -> np.ndarray:
    fitted = fit(subject)
    step = fitted.design.matrix(subject.newdata) - fitted.design.matrix(subject.table).mean(axis=0)
    return np.sqrt(np.einsum("ij,jk,ik->i", step, fitted.covariance.to_numpy(), step))


def _predicted_median(subject: Subject, column: str) -> list[float]:
    """Read where each patient's curve, or a limit of it, falls to one half; R takes log limits."""
    fitted = fit(subject)
    times = np.unique(subject.outcome.time)
    curves = fitted.survival_limits(subject.newdata, times, conf_type="log")[column].to_numpy().reshape(3, -1)
    return [float(times[curve <= 0.5][0]) if (curve <= 0.5).any() else np.nan for curve in curves]


def _expected(subject: Subject) -> np.ndarray:
    """Expected events of a row are its event minus its martingale residual."""
    return subject.outcome.event - fit(subject).residuals("martingale")["estimate"].to_numpy()


def _terms_of_newdata(subject: Subject) -> np.ndarray:
    fitted = fit(subject)
    step = fitted.design.matrix(subject.newdata) - fitted.design.matrix(subject.table).mean(axis=0)
    return step * fitted.coefficients.to_numpy()


def _means(subject: Subject) -> np.ndarray:
    return fit(subject).design.matrix(subject.table).mean(axis=0)


def _index(subject: Subject) -> np.ndarray:
    fitted = fit(subject)
    index = fitted.prognostic_index(subject.table)
    return index - index.mean()


def _ridge(subject: Subject, what: str) -> float:
    fitted = fit(subject)
    penalty = subject.spec["theta"] / 2 * float(np.sum(fitted.beta**2))
    loglik = float(fitted.glance()["loglik"].iloc[0])
    return {"penalty": subject.spec["theta"], "objective": loglik - penalty, "loglik": loglik, "value": penalty}[what]


SINGLE: dict[tuple[str, str], Callable[[Subject], object]] = {
    ("cox_cluster_lung", "robust_se"): COX["se"],
    ("cox_cluster_lung", "robust_vcov"): COX["vcov"],
    ("cox_cluster_lung", "n_clusters"): lambda subject: _glance(subject, "n_cluster"),
    ("cox_cluster_lung", "wald"): COX["wald_stat_unrounded"],
    ("cox_cluster_lung", "concordance_clustered"): _concordance,
    ("cox_invariance", "loglik"): lambda subject: _glance(subject, "loglik_null", "loglik"),
    ("cox_invariance", "coef_age_times_1e6_plus_1e8_rescaled"): _rescaled,
    ("cox_invariance", "coef_time_in_months"): _without_time_unit,
    ("cox_invariance", "se_doubled_data_breslow"): _doubled,
    ("cox_pbc_strata", "score_by_row_lp"): _index,
    ("cox_ridge_survival", "penalty"): partial(_ridge, what="penalty"),
    ("cox_ridge_survival", "loglik_at_solution"): partial(_ridge, what="loglik"),
    ("cox_ridge_survival", "unpenalised_at_solution"): partial(_ridge, what="loglik"),
    ("cox_ridge_survival", "objective"): partial(_ridge, what="objective"),
    ("cox_ridge_survival", "penalty_value"): partial(_ridge, what="value"),
    ("cox_prediction_lung", "lp_centered"): _centred_index,
    ("cox_prediction_lung", "lp_se"): _index_error,
    ("cox_prediction_lung", "lp_uncentered"): lambda subject: fit(subject).prognostic_index(subject.newdata),
    ("cox_prediction_lung", "risk"): lambda subject: np.exp(_centred_index(subject)),
    ("cox_prediction_lung", "expected_in_sample"): _expected,
    ("cox_prediction_lung", "terms"): _terms_of_newdata,
    ("cox_prediction_lung", "means"): _means,
    ("cox_prediction_lung", "median_pred"): partial(_predicted_median, column="estimate"),
    ("cox_prediction_lung", "median_pred_lower"): partial(_predicted_median, column="conf_low"),
    ("cox_prediction_lung", "median_pred_upper"): partial(_predicted_median, column="conf_high"),
    ("cox_residuals_lung", "schoenfeld_time"): lambda subject: fit(subject).residuals("schoenfeld")["time"].tolist(),
}
for transform in ("km", "identity", "rank", "log"):
    SINGLE["cox_zph_lung", transform] = partial(_zph, transform=transform)
for method in ("efron", "breslow"):
    SINGLE["cox_prediction_lung", f"{method}_surv"] = partial(_lung_prediction, ties=method, column="estimate")
    SINGLE["cox_prediction_lung", f"{method}_se"] = partial(_lung_prediction, ties=method, column="std_error")
    SINGLE["cox_prediction_lung", f"{method}_cumhaz"] = partial(_lung_hazard, ties=method)
    SINGLE["cox_prediction_lung", f"{method}_basehaz_x0"] = partial(_lung_baseline, ties=method, centered=False)
    SINGLE["cox_prediction_lung", f"{method}_basehaz_mean"] = partial(_lung_baseline, ties=method, centered=True)
    for tag, name in TYPES.items():
        for side, column in (("lower", "conf_low"), ("upper", "conf_high")):
            SINGLE["cox_prediction_lung", f"{method}_{tag}_{side}"] = partial(
                _lung_prediction, ties=method, column=column, conf_type=name
            )
