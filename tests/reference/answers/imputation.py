"""Answers about analyses of completed tables, pooled."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from reference.answers.subjects import Subject

from survmodel import CoxPH, KaplanMeier, Outcome
from survmodel.models.pooled_regression import Freedom, PooledRegression, pooled_likelihood_ratio
from survmodel.models.pooling import pooled
from survmodel.models.rubin import PooledStatistic
from survmodel.performance.pooled_measures import pooled_concordance


def tables(subject: Subject) -> list[pd.DataFrame]:
    return [rows.reset_index(drop=True) for _, rows in subject.table.groupby("imputation")]


def outcome(subject: Subject) -> Outcome:
    return Outcome.from_table(tables(subject)[0], time="time", event="status")


def regression(subject: Subject, formula: str = "formula", df: Freedom = "events-p") -> PooledRegression:
    found = pooled(CoxPH(subject.spec[formula]), tables(subject), outcome(subject), df=df)
    assert isinstance(found, PooledRegression)
    return found


def statistic(found: PooledStatistic) -> list[float]:
    return [found.statistic, found.df, found.df_below, found.p_value, found.riv]


def nested(subject: Subject) -> list[float]:
    return statistic(pooled_likelihood_ratio(regression(subject, "small"), regression(subject)))


def concordance(subject: Subject) -> list[float]:
    fits = regression(subject).fits
    indices = [fit.prognostic_index(table) for fit, table in zip(fits, tables(subject), strict=True)]
    found = pooled_concordance(outcome(subject), indices)
    row, spread = found.tidy().iloc[0], float(found.combined.std_error[0])
    return [row.estimate, spread, row.df, row.fmi]


def curve(subject: Subject, group: str) -> list[list[float]]:
    marked = [table.assign(high=table["meal.cal"] > 900) for table in tables(subject)]
    found = pooled(KaplanMeier(), marked, outcome(subject), by="high").at([100, 250, 500])
    one = found[found["group"] == group]
    return one[["estimate", "conf_low", "conf_high", "fmi"]].to_numpy().tolist()


def column(name: str) -> Callable[[Subject], object]:
    return lambda subject: regression(subject).tidy()[name].tolist()


POOLED: dict[str, Callable[[Subject], object]] = {
    "estimate": column("estimate"),
    "std_error": column("std_error"),
    "statistic": column("statistic"),
    "df": column("df"),
    "p_value": column("p_value"),
    "fmi": column("fmi"),
    "riv": column("riv"),
    "df_large_sample": lambda subject: regression(subject, df="large sample").tidy()["df"].tolist(),
    "total": lambda subject: regression(subject).combined.total.tolist(),
    "lr_null": lambda subject: statistic(regression(subject).likelihood_ratio()),
    "lr_nested": nested,
    "concordance": concordance,
    "curve_low": lambda subject: curve(subject, "False"),
    "curve_high": lambda subject: curve(subject, "True"),
}
