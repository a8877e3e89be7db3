"""Answers about curves: Kaplan-Meier, its limits, quantiles and restricted means, and follow-up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from reference.answers.subjects import Subject
from reference.stored_cases import SKIPPED

from survmodel import KaplanMeier, Outcome, follow_up
from survmodel.models.kaplan_meier import KaplanMeierFit

TYPES = {"log": "log", "loglog": "log-log", "plain": "plain", "logit": "logit", "arcsin": "arcsin"}
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


def fit(subject: Subject, conf_type: str = "log-log") -> KaplanMeierFit:
    return KaplanMeier(conf_type=conf_type).fit(
        subject.outcome, by=subject.column("by"), weights=subject.column("weights")
    )


def curve(subject: Subject) -> dict[str, object]:
    table = fit(subject).tidy()
    columns = {
        "time": table["time"], "n_risk": table["n_risk"], "n_event": table["n_event"], "n_censor": table["n_censor"],
        "surv": table["estimate"], "se_surv": table["std_error"],
    }  # fmt: skip
    answer: dict[str, object] = {name: column.tolist() for name, column in columns.items()}
    if "by" in subject.spec:
        answer["stratum"] = [f"{subject.spec['by']}={group}" for group in table["group"]]
    return answer


def se_log_surv(subject: Subject) -> list[float]:
    table = fit(subject).tidy()
    # R has an infinite standard error of log S once S = 0, where the package has none
    return [
        error / s if s > 0 else np.inf for error, s in zip(table["std_error"], table["estimate"], strict=True)
    ]  # fmt: skip


def cumhaz(subject: Subject, column: str) -> list[float]:
    return fit(subject).cumulative_hazard()[column].tolist()


def limit(subject: Subject, conf_type: str, column: str) -> list[object]:
    """Limits of every step; where S = 1 they are exact here and 1, or none, in R."""
    table = fit(subject, conf_type).tidy()
    return [SKIPPED if s == 1 else value for s, value in zip(table["estimate"], table[column], strict=True)]


def quantiles(subject: Subject, conf_type: str) -> dict[str, object]:
    table = fit(subject, conf_type).quantile(SHARES)
    n_groups = len(table) // len(SHARES)
    names = {"quantile": "estimate", "lower": "conf_low", "upper": "conf_high"}
    matrices = {name: table[column].to_numpy().reshape(n_groups, -1) for name, column in names.items()}
    return {name: matrix.tolist() if n_groups > 1 else matrix[0].tolist() for name, matrix in matrices.items()}


def median(subject: Subject, conf_type: str) -> list[object]:
    rows = fit(subject, conf_type).quantile(0.5)[["estimate", "conf_low", "conf_high"]].to_numpy().tolist()
    return rows if len(rows) > 1 else rows[0]


def _read(subject: Subject, conf_type: str) -> pd.DataFrame:
    return fit(subject, conf_type).at(subject.times, extend=True)


def _limits_at(table: pd.DataFrame) -> tuple[list[object], list[object]]:
    lower, upper = (
        [SKIPPED if s == 1 else value for s, value in zip(table["estimate"], table[column], strict=True)]
        for column in ("conf_low", "conf_high")
    )
    return lower, upper


def at(subject: Subject) -> dict[str, object]:
    table = _read(subject, "log-log")
    lower, upper = _limits_at(table)
    n_risk = table["n_risk"].tolist()
    if subject.outcome.entry is not None:
        # between two times of the curve R counts who has entered by the second
        known = set(subject.outcome.time)
        n_risk = [count if time in known else SKIPPED for count, time in zip(n_risk, table["time"], strict=True)]
    return {
        "surv": table["estimate"].tolist(), "se": table["std_error"].tolist(), "n_risk": n_risk,
        "lower": lower, "upper": upper,
    }  # fmt: skip


def at_times(subject: Subject) -> dict[str, object]:
    """The layout of the older cases: every group in turn, and events since the time before."""
    table = _read(subject, "log")
    lower, upper = _limits_at(table)
    events = table.groupby("group", sort=False)["n_event"].diff().fillna(table["n_event"])
    by = subject.spec.get("by")
    return {
        "times": table["time"].tolist(),
        "strata": None if by is None else [f"{by}={group}" for group in table["group"]],
        "surv": table["estimate"].tolist(),
        "se": table["std_error"].tolist(),
        "n_risk": table["n_risk"].tolist(),
        "lower_log": lower,
        "upper_log": upper,
        "n_event_in_interval": events.tolist(),
    }


def rmst(subject: Subject, horizon: float) -> dict[str, object]:
    table = fit(subject).rmst(horizon)
    return {"rmst": table["estimate"].tolist(), "se": table["std_error"].tolist()}


GENERIC: dict[str, Callable[[Subject], object]] = {
    "curve": curve,
    "se_log_surv": se_log_surv,
    "cumhaz": partial(cumhaz, column="estimate"),
    "se_cumhaz": partial(cumhaz, column="std_error"),
    "at": at,
    "at_times": at_times,
    "rmst_1095": partial(rmst, horizon=1095),
}
for tag, name in TYPES.items():
    GENERIC[f"ci_{tag}_lower"] = partial(limit, conf_type=name, column="conf_low")
    GENERIC[f"ci_{tag}_upper"] = partial(limit, conf_type=name, column="conf_high")
    GENERIC[f"quantiles_{tag}"] = partial(quantiles, conf_type=name)
    GENERIC[f"median_{tag}"] = partial(median, conf_type=name)


# ---- single cases ----------------------------------------------------------------------------------------------------


def _conditional_men(subject: Subject) -> dict[str, object]:
    """Men who reached 882 months: entering before it is entering at it."""
    men = subject.table[(subject.table["gender"] == 1) & (subject.table["exit"] > 882)]
    outcome = Outcome(men["exit"], men["event"], men["entry"].clip(lower=882))
    table = KaplanMeier().fit(outcome).tidy()
    return {"time": table["time"].tolist(), "surv": table["estimate"].tolist(), "n_risk": table["n_risk"].tolist()}


def _float_ties(subject: Subject, column: str) -> object:
    table = KaplanMeier().fit(subject.outcome).tidy()
    return len(table) if column == "n" else table[column].tolist()


def _weighted(subject: Subject, weights: str, column: str) -> list[float]:
    table = subject.table
    fitted = KaplanMeier().fit(subject.outcome, by=table["sex"], weights=table[weights])
    return fitted.tidy()[column].tolist()


def _swapped(subject: Subject, shares: tuple[float, ...]) -> list[float]:
    """The naive reverse curve: the event code swapped, deaths at risk of being censored on their day."""
    swapped = Outcome(subject.table["time"], 1 - subject.table["event"])
    table = KaplanMeier(conf_type="log").fit(swapped).quantile(shares)
    if len(shares) == 1:
        return table.loc[0, ["estimate", "conf_low", "conf_high"]].tolist()
    return table["estimate"].tolist()


def _follow_up_quantiles(subject: Subject) -> dict[str, object]:
    """prodlim counts shares that remain: its 0.25 is the time by which 75 % have left. Other limits: log-log here."""
    table = follow_up(subject.outcome).tidy().sort_values("probability", ascending=False)
    return {
        "q": [0, 0.25, 0.5, 0.75, 1],
        "quantile": [SKIPPED, *table["estimate"], SKIPPED],
        "lower": [SKIPPED] * 5,
        "upper": [SKIPPED] * 5,
    }


def _median_by_sex(subject: Subject) -> list[float]:
    swapped = Outcome(subject.table["time"], 1 - subject.table["event"])
    return KaplanMeier().fit(swapped, by=subject.table["sex"]).quantile(0.5)["estimate"].tolist()


SINGLE: dict[tuple[str, str], Callable[[Subject], object]] = {
    ("km_left_truncated_channing", "lower"): partial(limit, conf_type="log", column="conf_low"),
    ("km_left_truncated_channing", "upper"): partial(limit, conf_type="log", column="conf_high"),
    ("km_left_truncated_channing", "male_conditional_882"): _conditional_men,
    ("km_float_ties", "n_distinct_times_timefix"): partial(_float_ties, column="n"),
    ("km_float_ties", "time"): partial(_float_ties, column="time"),
    ("km_float_ties", "n_event"): partial(_float_ties, column="n_event"),
    ("km_float_ties", "surv"): partial(_float_ties, column="estimate"),
    ("km_weights", "freq_surv"): partial(_weighted, weights="w_int", column="estimate"),
    ("km_weights", "freq_time"): partial(_weighted, weights="w_int", column="time"),
    ("km_weights", "freq_se"): partial(_weighted, weights="w_int", column="std_error"),
    ("km_weights", "sampling_surv"): partial(_weighted, weights="w_frac", column="estimate"),
    ("km_weights", "sampling_time"): partial(_weighted, weights="w_frac", column="time"),
    ("km_weights", "sampling_se_log_robust"): partial(_weighted, weights="w_frac", column="std_error"),
    ("reverse_km_followup", "median_naive_swap"): partial(_swapped, shares=(0.5,)),
    ("reverse_km_followup", "q25_q75_naive_swap"): partial(_swapped, shares=(0.25, 0.75)),
    ("reverse_km_followup", "prodlim_quantiles"): _follow_up_quantiles,
    ("reverse_km_followup", "by_sex_median"): _median_by_sex,
    ("reverse_km_followup", "naive_median_all_subjects"): lambda subject: float(np.median(subject.outcome.time)),
    ("reverse_km_followup", "median_time_among_censored"): lambda subject: float(
        np.median(subject.outcome.time[subject.outcome.event == 0])
    ),
}
