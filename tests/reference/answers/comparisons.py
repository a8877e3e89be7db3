"""Answers about log-rank tests and concordance."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from reference.answers.subjects import Subject
from reference.stored_cases import SKIPPED

from survmodel import (
    CoxPH,
    KaplanMeier,
    Outcome,
    compare_survival_at,
    concordance,
    concordance_difference,
    incidence_rate,
    logrank_test,
    pairwise_logrank,
    rmst_difference,
)
from survmodel.models.logrank import LogrankTest
from survmodel.models.survival_differences import GroupDifferences
from survmodel.performance.discrimination import Concordance

FAMILIES: dict[str, dict[str, Any]] = {
    "logrank": {},
    "gehan_breslow": {"weighting": "gehan"},
    "tarone_ware": {"weighting": "tarone-ware"},
    "peto_peto": {"weighting": "peto-peto"},
    "modified_peto": {"weighting": "modified-peto"},
    "fh_1_0": {"rho": 1},
    "fh_0_1": {"gamma": 1},
    "fh_1_1": {"rho": 1, "gamma": 1},
    "fh_05_05": {"rho": 0.5, "gamma": 0.5},
}


def run(subject: Subject, **options: Any) -> LogrankTest:
    options = {
        name: subject.spec[name] for name in ("rho", "gamma", "weighting", "scores") if name in subject.spec
    } | options
    return logrank_test(subject.outcome, subject.column("by"), strata=subject.column("strata"), **options)


def survdiff(subject: Subject, **options: Any) -> dict[str, object]:
    test = run(subject, **options)
    return {
        "n": test.n, "obs": test.observed, "exp": test.expected, "var": test.covariance,
        "chisq": test.statistic, "df": test.df, "p": test.p_value,
    }  # fmt: skip


def weighted(subject: Subject, **options: Any) -> dict[str, object]:
    test = run(subject, **options)
    answer = {"chisq": test.statistic, "df": test.df, "p": test.p_value, "U": test.observed - test.expected}
    return answer | {"var": test.covariance}


def trend(subject: Subject) -> dict[str, object]:
    test = run(subject)
    return {"chisq": test.statistic, "df": test.df, "p": test.p_value}


LOGRANK: dict[str, Callable[[Subject], object]] = {"survdiff": survdiff, "weighted": weighted, "trend": trend}


def _family(subject: Subject, name: str) -> dict[str, object]:
    answer = weighted(subject, **FAMILIES[name])
    wanted = subject.case.values[name]["value"]
    return {key: value for key, value in answer.items() if key in wanted}


def _stratified(subject: Subject, strata: str | None, rho: float = 0.0) -> dict[str, object]:
    spec = {"by": "sex", "strata": strata} if strata else {"by": "sex"}
    return survdiff(Subject(subject.case, spec), rho=rho)


def _pairs(subject: Subject) -> dict[str, object]:
    table = {}
    for adjust, name in (("holm", "p_holm"), ("bonferroni", "p_bonferroni"), ("fdr", "p_BH")):
        table[name] = pairwise_logrank(subject.outcome, subject.table["stage"], adjust=adjust).tidy()
    holm = table["p_holm"]
    # R lists the pairs by the second group
    order = holm.assign(second=holm["group"], first=holm["reference"]).sort_values(["second", "first"]).index
    answer = {
        "a": holm["reference"][order].tolist(), "b": holm["group"][order].tolist(),
        "chisq": holm["statistic"][order].tolist(), "p": holm["p_value"][order].tolist(),
    }  # fmt: skip
    answer |= {name: one["p_adjusted"][order].tolist() for name, one in table.items()}
    others = set(subject.case.values["pairs"]["value"]) - set(answer)
    return answer | {name: [SKIPPED] * len(order) for name in others}


# ---- concordance -----------------------------------------------------------------------------------------------------


def c_index(subject: Subject, **options: Any) -> Concordance:
    return concordance(
        subject.outcome, subject.column("index"), strata=subject.column("strata"), weights=subject.column("weights"),
        **options,
    )  # fmt: skip


def describe(c: Concordance) -> dict[str, object]:
    counts = {
        "concordant": c.concordant, "discordant": c.discordant, "tied.x": c.tied_index, "tied.y": c.tied_time,
        "tied.xy": c.tied_both,
    }  # fmt: skip
    return {"concordance": c.estimate, "se": c.std_error, "counts": counts}


def _clustered(subject: Subject) -> list[float]:
    """The influences of a cluster add up before they are squared."""
    c = c_index(subject)
    _, cluster = np.unique(subject.table[subject.spec["cluster"]], return_inverse=True)
    return [c.estimate, float(np.sqrt(np.sum(np.bincount(cluster, c.influence) ** 2)))]


def _difference(subject: Subject) -> dict[str, object]:
    table = subject.table
    one = concordance_difference(subject.outcome, table[subject.spec["first"]], table[subject.spec["second"]])
    return {
        "c1": one.first.estimate, "c2": one.second.estimate, "se1": one.first.std_error, "se2": one.second.std_error,
        "se": one.std_error,
    }  # fmt: skip


def _named_index(subject: Subject, index: str, **options: Any) -> dict[str, object]:
    return describe(c_index(Subject(subject.case, {"index": index}), **options))


def _two_models(subject: Subject) -> dict[str, object]:
    """Paired comparison of the indices of two fits."""
    index = CoxPH("age + sex").fit(subject.table, subject.outcome).prognostic_index(subject.table)
    pair = concordance_difference(subject.outcome, subject.table["lp"], index)
    influence = np.stack([pair.first.influence, pair.second.influence])
    return {
        "c1": pair.first.estimate, "c2": pair.second.estimate, "vcov": influence @ influence.T, "diff": pair.estimate,
        "se": pair.std_error, "z": pair.statistic, "p": pair.p_value,
    }  # fmt: skip


CONCORDANCE: dict[str, Callable[[Subject], object]] = {
    "concordance": lambda subject: describe(c_index(subject)),
    "clustered": _clustered,
}
TWO_INDICES: dict[str, Callable[[Subject], object]] = {"difference": _difference}


def _differences(result: GroupDifferences) -> dict[str, object]:
    tidy, all_groups = result.tidy(), result.glance().iloc[0]
    return {
        "difference": tidy["estimate"].tolist(), "se": tidy["std_error"].tolist(), "p": tidy["p_value"].tolist(),
        "chisq": float(all_groups["statistic"]), "p_all": float(all_groups["p_value"]),
    }  # fmt: skip


def _survival_at(subject: Subject, time: float) -> dict[str, object]:
    return _differences(compare_survival_at(subject.outcome, subject.column("by"), time))


def _rmst(subject: Subject, horizon: float) -> dict[str, object]:
    return _differences(rmst_difference(subject.outcome, subject.column("by"), horizon))


def _conditional(subject: Subject, given: float, times: list[float]) -> dict[str, object]:
    table = KaplanMeier().fit(subject.outcome, by=subject.column("by")).conditional(given, times)
    names = {"estimate": "estimate", "se": "std_error", "lower": "conf_low", "upper": "conf_high"}
    return {name: table[column].tolist() for name, column in names.items()}


def _rate(subject: Subject, sex: int) -> list[float]:
    outcome = Outcome.from_table(subject.table, time="py", event="event", unit="years")
    row = incidence_rate(outcome, subject.table["sex"]).tidy().iloc[sex - 1]
    return [float(row[name]) for name in ("n_event", "person_time", "estimate", "conf_low", "conf_high")]


def _rate_ratio(subject: Subject) -> list[float]:
    outcome = Outcome.from_table(subject.table, time="py", event="event", unit="years")
    row = incidence_rate(outcome, subject.table["sex"]).ratio(reference="2").iloc[0]
    return [float(row[name]) for name in ("estimate", "conf_low", "conf_high", "p_value")]


DIFFERENCES: dict[str, Callable[[Subject], object]] = {
    "survival_at_90": partial(_survival_at, time=90),
    "rmst_150": partial(_rmst, horizon=150),
    "rmst_300": partial(_rmst, horizon=300),
    "conditional_60": partial(_conditional, given=60, times=[90, 180, 270]),
}
SINGLE: dict[tuple[str, str], Callable[[Subject], object]] = {
    ("incidence_rate_lung", "male"): partial(_rate, sex=1),
    ("incidence_rate_lung", "female"): partial(_rate, sex=2),
    ("incidence_rate_lung", "rate_ratio"): _rate_ratio,
    ("logrank_lung_sex", "survdiff_rho0"): survdiff,
    ("logrank_lung_sex", "survdiff_rho1"): partial(survdiff, rho=1),
    ("logrank_lung_sex", "survdiff_rho05"): partial(survdiff, rho=0.5),
    ("logrank_ksample_veteran", "survdiff_rho0"): survdiff,
    ("logrank_ksample_veteran", "survdiff_rho1"): partial(survdiff, rho=1),
    ("logrank_pairwise_larynx", "pairs"): _pairs,
    ("logrank_stratified_lung", "strata_inst"): partial(_stratified, strata="inst"),
    ("logrank_stratified_lung", "strata_ecog"): partial(_stratified, strata="ph.ecog"),
    ("logrank_stratified_lung", "rho1_strata_ecog"): partial(_stratified, strata="ph.ecog", rho=1),
    ("logrank_stratified_lung", "unstratified"): partial(_stratified, strata=None),
    ("concordance_lung", "uno_survival_730"): partial(_named_index, index="lp", method="uno", horizon=730),
    ("concordance_lung", "compare_two_models"): _two_models,
    ("concordance_lung", "somers_dxy"): lambda subject: (
        2 * concordance(subject.outcome, subject.table["lp"]).estimate - 1
    ),
}
for case_id in ("logrank_lung_sex", "logrank_ksample_veteran"):
    for name in FAMILIES:
        SINGLE[case_id, name] = partial(_family, name=name)
for name in ("lp", "lp3", "ph.ecog"):
    SINGLE["concordance_lung", f"{name}_n"] = partial(_named_index, index=name)
    SINGLE["concordance_lung", f"{name}_n_G2"] = partial(_named_index, index=name, method="uno")
    SINGLE["concordance_lung", f"{name}_ymax365"] = partial(_named_index, index=name, horizon=365)
    SINGLE["concordance_lung", f"{name}_uno_ymax365"] = partial(_named_index, index=name, method="uno", horizon=365)
