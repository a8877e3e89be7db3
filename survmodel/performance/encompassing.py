"""Two markers against each other: what each adds to the model that holds the other, and paired differences.

Models with the one and with the other marker are not nested. The encompassing model holds both; it has one likelihood
ratio test against each of the two. Both significant: each says what the other does not. One significant: the other is
not needed beside it. None: the study cannot tell them apart, or neither says anything. Measures are compared on the
same resamples, with paired limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from survmodel.errors import ConfigError, DataError, list_values
from survmodel.formatting import format_interval, format_number, format_p, format_significant
from survmodel.models.cox import CoxPH
from survmodel.models.formula import parse_formula
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.ordering import canonical_order
from survmodel.outcome.response import Outcome
from survmodel.performance.claims import refuse_forbidden
from survmodel.performance.nested_test import NestedTest, compare_nested
from survmodel.performance.validation import validate
from survmodel.performance.validation_result import Validation
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Encompassing(Result):
    """Two models beside the one that holds both.

    Attributes
    ----------
    names : tuple of (str, str)
        The two models.
    formula : str
        Of the encompassing model.
    tests : tuple of (NestedTest, NestedTest)
        What the first adds to the second, and the second to the first.
    validation : Validation
        The two models on the same resamples.
    n, n_event, n_missing : int
        Rows that all models use, their events, rows left out.
    warnings : tuple of str
        What the reader must know.
    """

    names: tuple[str, str]
    formula: str
    tests: tuple[NestedTest, NestedTest]
    validation: Validation
    n: int
    n_event: int
    n_missing: int
    warnings: tuple[str, ...] = ()

    def differences(self) -> pd.DataFrame:
        """Give corrected differences, the first model less the second, with paired limits.

        Returns
        -------
        pandas.DataFrame
            Columns model, measure, horizon, sample, estimate, conf_low, conf_high.
        """
        return self.validation.differences()

    def tidy(self) -> pd.DataFrame:
        """Give the two tests, and the differences.

        Returns
        -------
        pandas.DataFrame
            Columns model, reference, measure, horizon, sample, estimate, conf_low, conf_high, statistic, df, p_value.
            A test has as model what is added, and as reference to what.
        """
        a, b = self.names
        rows = [
            {
                "model": added,
                "reference": to,
                "measure": "likelihood ratio",
                "statistic": test.statistic,
                "df": test.df,
                "p_value": test.p_value,
            }
            for (added, to), test in zip(((a, b), (b, a)), self.tests, strict=True)
        ]
        columns = ["model", "reference", "measure", "horizon", "sample", "estimate", "conf_low", "conf_high"]
        columns += ["statistic", "df", "p_value"]
        parts = [part.reindex(columns=columns).astype(object) for part in (pd.DataFrame(rows), self.differences())]
        table = pd.concat(parts, ignore_index=True)
        text = ["model", "reference", "measure", "sample"]
        table[text] = table[text].fillna("")
        return table.astype({name: np.float64 for name in columns if name not in text})

    def glance(self) -> pd.DataFrame:
        """Give both tests and counts in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        first, second = self.tests
        row = {
            "p_value_first": first.p_value,
            "p_value_second": second.p_value,
            "n": self.n,
            "n_event": self.n_event,
            "n_missing": self.n_missing,
            "conventions": "likelihood ratio tests within the model of both; differences on the same resamples",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        a, b = self.names
        rows = []
        for (added, to), test in zip(((a, b), (b, a)), self.tests, strict=True):
            shown = f"{format_number(test.statistic, 2)} on {test.df:g} df" if not test.reason else test.reason
            rows.append([f"{added} added to {to}", shown, format_p(test.p_value)])
        differences = self.differences()
        for one in differences[differences["sample"] == "corrected"].to_dict("records"):
            at = "" if np.isnan(one["horizon"]) else f" at {format_significant(one['horizon'])} {self.validation.unit}"
            limits = format_interval(one["conf_low"], one["conf_high"], 3)
            shown = f"{format_number(one['estimate'], 3)} ({limits})"
            rows.append([f"{one['measure']}{at.rstrip()}, {a} less {b}", shown, ""])
        title = f"{a} against {b}: {self.n} patients, {self.n_event} events"
        return Display(title, (Table(["", "value", "p"], rows),), (f"model with both: {self.formula}",))


def compare_markers(  # noqa: PLR0913 - two models, and how they are compared
    first: CoxPH,
    second: CoxPH,
    table: pd.DataFrame,
    outcome: Outcome,
    *,
    horizons: Sequence[float] = (),
    repeats: int = 1000,
    seed: int = 0,
    strata: object = None,
    simulations: int = 999,
    names: tuple[str, str] = ("first", "second"),
    n_jobs: int = 1,
    conf_level: float = 0.95,
) -> Encompassing:
    """Compare two Cox models of which neither holds the other, such as one with CXCR4 and one with FDG uptake.

    Parameters
    ----------
    first, second : CoxPH
        With the same strata, ties and penalty.
    table : pandas.DataFrame
        Columns of both; rows are those of the outcome. Rows that lack a value for either are left out.
    outcome : Outcome
        Times and events of one kind.
    horizons, repeats, seed, strata, n_jobs, conf_level
        As for :func:`~survmodel.performance.validation.validate`.
    simulations : int
        Simulated cohorts of the tests below 40 events; 0 for chi-squared p-values.
    names : tuple of (str, str)
        The two models.

    Returns
    -------
    Encompassing
        Both tests and paired differences.

    Raises
    ------
    ConfigError
        When one formula holds the other, or the models differ in more than their formulas.
    DataError
        When no row has all columns.

    References
    ----------
    Harrell FE (2015). Regression Modeling Strategies, 9.8.4. Springer. Davidson R, MacKinnon JG (1981). Econometrica
    49:781-793.

    Examples
    --------
    >>> random = np.random.default_rng(3)
    >>> table = pd.DataFrame({"cxcr4": random.normal(size=90), "fdg": random.normal(size=90)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["cxcr4"])), np.ones(90))
    >>> result = compare_markers(
    ...     CoxPH("cxcr4"), CoxPH("fdg"), table, outcome, repeats=50, names=("CXCR4", "FDG")
    ... )
    >>> result.formula, result.tests[0].p_value < 0.05
    ('cxcr4 + fdg', True)
    """
    for name in names:
        refuse_forbidden(name)
    both = _encompass(first, second)
    table = read_table(table)
    check_outcome(outcome)
    outcome.check_rows(table)
    rows = both.fit(table, outcome).rows
    rows = rows[canonical_order(table[list(both.variables)].iloc[rows], outcome.take(rows))]
    if not rows.size:
        raise DataError("no row has all columns of both models", remedy="look for missing values")
    used, kept = table.iloc[rows], outcome.take(rows)
    wide = both.fit(used, kept)
    narrow: list[Any] = [first.fit(used, kept), second.fit(used, kept)]
    # what the first adds is the test against the second alone, and the other way round
    tests = tuple(compare_nested(one, wide, kept, simulations, seed) for one in reversed(narrow))
    layers = None if strata is None else pd.Series(np.asarray(strata, dtype=object)[rows], index=used.index)
    validation = validate(
        dict(zip(names, (first, second), strict=True)), used, kept, horizons=horizons, repeats=repeats, strata=layers,
        seed=seed, n_jobs=n_jobs, conf_level=conf_level,
    )  # fmt: skip
    return Encompassing(
        names=names,
        formula=parse_formula(both.formula).text,
        tests=(tests[0], tests[1]),
        validation=validation,
        n=kept.n,
        n_event=kept.n_event,
        n_missing=outcome.n - kept.n,
        warnings=join_warnings(wide.warnings, validation.warnings),
    )


def _encompass(first: CoxPH, second: CoxPH) -> CoxPH:
    """Join the terms of two formulas."""
    if replace(first, formula=second.formula) != second:
        raise ConfigError(
            "the two models differ in more than their formulas", remedy="give both the same strata, ties and penalty"
        )
    terms = [[term.label for term in parse_formula(one.formula).terms] for one in (first, second)]
    offsets = [[call.label for call in parse_formula(one.formula).offsets] for one in (first, second)]
    if set(terms[0]) <= set(terms[1]) or set(terms[1]) <= set(terms[0]):
        raise ConfigError(
            "one of the two models holds the other",
            f"{list_values(terms[0])}; {list_values(terms[1])}",
            "compare nested models by added_value(base, full, ...)",
        )
    if offsets[0] != offsets[1]:
        raise ConfigError("the two models have different offsets", remedy="give both the same")
    return replace(first, formula=" + ".join(dict.fromkeys([*terms[0], *terms[1], *offsets[0]])))
