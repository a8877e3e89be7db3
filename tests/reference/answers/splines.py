"""Answers about Cox models with a restricted cubic spline: knots, columns, tests of the term, effects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from reference.answers.subjects import Subject

from survmodel import CoxPH, DataError, likelihood_ratio_test
from survmodel.models.cox_fit import CoxFit
from survmodel.models.formula_splines import place_knots, spline_columns


def _fit(subject: Subject, *, linear: bool = False) -> CoxFit:
    settings = subject.case.settings
    term = settings["variable"] if linear else f"rcs({settings['variable']}, {settings['nk']})"
    return CoxPH([term, *settings["adjusters"]], ties=settings["ties"]).fit(subject.table, subject.outcome)


def _values(subject: Subject) -> np.ndarray:
    return subject.table[subject.case.settings["variable"]].to_numpy(dtype=float)


def _knots(subject: Subject) -> list[float]:
    """The knots that the fit stores, which must be those of its column."""
    settings = subject.case.settings
    stored: list[float] = _fit(subject).design.to_json()["codings"][0]["knots"]
    assert stored == list(place_knots(_values(subject), settings["nk"], settings["variable"]))
    return stored


def _basis(subject: Subject) -> np.ndarray:
    columns = subject.case.settings["nk"] - 1
    return _fit(subject).design.matrix(subject.table.head(5))[:, :columns]


def _term(subject: Subject, part: str) -> list[float]:
    tests = _fit(subject).term_tests()
    row = tests[(tests["term"].str.startswith("rcs")) & (tests["part"] == part)].iloc[0]
    return [row["statistic"], row["df"], row["p_value"]]


def _anova(subject: Subject) -> dict[str, list[Any]]:
    """rms names the line of the test of non-linearity with a blank before it, and tests all coefficients in the end."""
    fit, variable = _fit(subject), subject.case.settings["variable"]
    tests, whole = fit.term_tests(), fit.glance().iloc[0]
    names = [variable if term.startswith("rcs") else term for term in tests["term"]]
    names = [" Nonlinear" if part == "non-linear" else name for name, part in zip(names, tests["part"], strict=True)]
    return {
        "row": [*names, "TOTAL"],
        "chi2": [*tests["statistic"], whole["wald_statistic"]],
        "df": [*tests["df"], whole["lr_df"]],
        "p": [*tests["p_value"], whole["wald_p_value"]],
    }


def _likelihood_ratio(subject: Subject) -> list[float]:
    fit = _fit(subject)
    test = likelihood_ratio_test(_fit(subject, linear=True), fit)
    tests = fit.term_tests("likelihood-ratio")
    held = tests.loc[tests["part"] == "non-linear", "statistic"].iloc[0]
    assert abs(held - test.statistic) < 1e-8 * max(1, test.statistic)
    return [test.statistic, test.df, test.p_value]


def _effects(subject: Subject, column: str) -> np.ndarray:
    """Contrasts of the values of the grid with the reference, each by itself."""
    values, variable = subject.case.values, subject.case.settings["variable"]
    fit, reference = _fit(subject), values["ref"]["value"]
    rows = [fit.hazard_ratios({variable: (reference, to)}).iloc[0] for to in values["grid"]["value"]]
    numbers: np.ndarray = pd.DataFrame(rows)[column].to_numpy()
    return np.log(numbers) if column == "estimate" else numbers


def _grid(subject: Subject) -> np.ndarray:
    """Nine values between the 5% quantiles: what the case chose, by the same quantiles."""
    return np.linspace(*np.quantile(_values(subject), [0.05, 0.95]), 9)


def _contrast(subject: Subject) -> list[float]:
    start, end, *_ = subject.case.values["contrast"]["value"]
    row = _fit(subject).hazard_ratios({subject.case.settings["variable"]: (start, end)}).iloc[0]
    numbers = [row[name] for name in ("std_error", "estimate", "conf_low", "conf_high")]
    return [start, end, float(np.log(row["estimate"])), *numbers]


SPLINE: dict[str, Callable[[Subject], object]] = {
    "knots": _knots,
    "basis_first5": _basis,
    "coef": lambda subject: _fit(subject).coefficients.tolist(),
    "vcov": lambda subject: _fit(subject).covariance.to_numpy(),
    "loglik": lambda subject: _fit(subject).glance()[["loglik_null", "loglik"]].iloc[0].tolist(),
    "lr_vs_linear": _likelihood_ratio,
    "wald_overall": lambda subject: _term(subject, "overall"),
    "wald_nonlinear": lambda subject: _term(subject, "non-linear"),
    "anova_cph_table": _anova,
    "grid": _grid,
    "ref": lambda subject: float(np.median(_values(subject))),
    "loghr_vs_ref": lambda subject: _effects(subject, "estimate"),
    "loghr_se": lambda subject: _effects(subject, "std_error"),
    "contrast": _contrast,
}


def _observed(subject: Subject) -> np.ndarray:
    values = subject.table[subject.spec["column"]]
    return values[values.notna()].to_numpy(dtype=float)


def _place(subject: Subject) -> tuple[float, ...]:
    return place_knots(_observed(subject), subject.spec["n_knots"], subject.spec["column"])


def _columns(subject: Subject) -> dict[str, object]:
    """Columns at values between and beyond the knots, those of the case."""
    entry = subject.case.values[f"{subject.spec['column']}_{subject.spec['n_knots']}.columns"]
    x = np.array(entry["value"]["x"])
    return {"x": x, "columns": spline_columns(x, _place(subject))[:, 1:]}


def _refused(subject: Subject) -> list[str]:
    """Columns and numbers of knots for which there are none."""
    found = []
    for column in subject.table:
        for n_knots in range(3, 8):
            try:
                _place(Subject(subject.case, {"column": column, "n_knots": n_knots}))
            except DataError:
                found.append(f"{column}_{n_knots}")
    return found


KNOTS: dict[str, Callable[[Subject], object]] = {
    "knots": _place,
    "columns": _columns,
    "with_fewer_knots": _refused,
}
