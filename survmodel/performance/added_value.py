r"""What a larger model adds to a smaller one: one test, shares of information, corrected differences, and a claim.

The likelihood ratio of the nested models on the same rows is the test; below 40 events its distribution is simulated
(:mod:`survmodel.performance.simulated_test`). With :math:`LR` the chi-squared of a model against none of its columns,

.. math:: \text{adequacy of the smaller model} = LR_{base} / LR_{full}, \qquad
    \text{fraction of new information} = 1 - LR_{base} / LR_{full},

not estimable unless both exceed their degrees of freedom. Under Firth's penalty all of these hold coefficients at 0
inside the penalty of the larger model. Differences of C, AUC, Brier score and IPA are corrected on the same resamples
of patients with paired limits, and have no p-value: for nested models there is none. Net benefit is compared where an
action and its thresholds were declared, by predictions out of fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, SurvmodelError, list_values
from survmodel.formatting import (
    count_noun,
    format_interval,
    format_number,
    format_p_equation,
    format_percent,
    format_significant,
)
from survmodel.models.contract import Model
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_tests import proportional_hazards_test
from survmodel.models.formula import parse_formula
from survmodel.models.group_effects import group_effects
from survmodel.models.group_fits import EVENTS_FOR_NORMAL
from survmodel.models.pipeline import Pipeline, PipelineFit
from survmodel.models.pooled_regression import can_pool
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.ordering import canonical_order
from survmodel.outcome.response import Outcome
from survmodel.performance.claims import Claim, Evidence, check_fdg, judge
from survmodel.performance.decision_curve import DecisionCurve, decision_curve
from survmodel.performance.nested_test import NestedTest, compare_nested
from survmodel.performance.out_of_fold import OutOfFold
from survmodel.performance.scoring import HARRELL
from survmodel.performance.validation import validate, variables_of
from survmodel.performance.validation_result import Validation
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]

BASE, FULL = "base", "full"
#: Out-of-fold predictions for a decision curve: how often patients are dealt out.
DEALS = 2


@dataclass(frozen=True, slots=True)
class Decision:
    """What would be done with a predicted risk, declared before the data are seen.

    Parameters
    ----------
    action : str
        What patients at or above the threshold would get.
    thresholds : sequence of float
        Risks from which it would be done, each between 0 and 1.
    horizon : float
        Time of the risk.

    Raises
    ------
    ConfigError
        Without an action or thresholds.

    Examples
    --------
    >>> Decision("PET after two cycles", [0.2, 0.3], horizon=24.0).thresholds
    [0.2, 0.3]
    """

    action: str
    thresholds: Sequence[float]
    horizon: float

    def __post_init__(self) -> None:
        if not self.action.strip():
            raise ConfigError("a decision curve without an action", remedy='say what would be done: action="..."')
        if not tuple(self.thresholds):
            raise ConfigError("a decision curve without thresholds", remedy="declare them, such as [0.2, 0.3]")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AddedValue(Result):
    """What the larger model adds.

    Attributes
    ----------
    test : NestedTest
        Of the added columns.
    effect : DataFrame
        Hazard ratios of the added columns in the larger model.
    validation : Validation
        Both models on the same resamples.
    claim : Claim
        Level, sentence and reasons.
    evidence : Evidence
        What the claim is judged by.
    decision : DecisionCurve or None
        Net benefit out of fold; None without a declared action.
    action : str
        The declared action, "" without one.
    n, n_event, n_missing : int
        Rows that both models use, their events, rows left out.
    conf_level : float
        Coverage of limits.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    test: NestedTest
    effect: pd.DataFrame
    validation: Validation
    claim: Claim
    evidence: Evidence
    decision: DecisionCurve | None
    action: str
    n: int
    n_event: int
    n_missing: int
    conf_level: float
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def adequacy(self) -> float:
        """Adequacy index of the smaller model; NaN where it is not estimable."""
        return self.test.adequacy

    @property
    def new_information(self) -> float:
        """Fraction of new information, 1 - adequacy."""
        return 1 - self.test.adequacy

    def differences(self) -> pd.DataFrame:
        """Give the corrected differences, the larger model less the smaller, with paired limits and without p-values.

        Returns
        -------
        pandas.DataFrame
            Columns model ("full - base"), measure, horizon, sample, estimate, conf_low, conf_high.
        """
        return self.validation.differences()

    def tidy(self) -> pd.DataFrame:
        """Give everything as rows: the test, shares of information, hazard ratios, measures and their differences.

        Returns
        -------
        pandas.DataFrame
            Columns model, measure, term, horizon, sample, estimate, conf_low, conf_high, statistic, df, p_value.
        """
        test = self.test
        rows: list[dict[str, object]] = [
            {"measure": "likelihood ratio", "statistic": test.statistic, "df": test.df, "p_value": test.p_value},
            {"measure": "adequacy index", "estimate": self.adequacy},
            {"measure": "fraction of new information", "estimate": self.new_information},
        ]
        shown = ["term", "estimate", "conf_low", "conf_high"]
        ratios = self.effect.reindex(columns=shown).assign(measure="hazard ratio", model=FULL)
        columns = ["model", "measure", "term", "horizon", "sample"]
        columns += ["estimate", "conf_low", "conf_high", "statistic", "df", "p_value"]
        parts = [pd.DataFrame(rows).assign(model=f"{FULL} - {BASE}"), ratios, self.validation.tidy()]
        parts = [part.reindex(columns=columns).astype(object) for part in (*parts, self.differences())]
        table = pd.concat(parts, ignore_index=True)
        text = ["model", "measure", "term", "sample"]
        table[text] = table[text].fillna("")
        numbers = [name for name in columns if name not in text]
        return table.astype(dict.fromkeys(numbers, np.float64))

    def glance(self) -> pd.DataFrame:
        """Give the claim, the test and counts in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "claim": self.claim.level,
            "statistic": self.test.statistic,
            "df": self.test.df,
            "p_value": self.test.p_value,
            "p_from": self.test.method,
            "adequacy": self.adequacy,
            "n": self.n,
            "n_event": self.n_event,
            "n_missing": self.n_missing,
            "conf_level": self.conf_level,
            "conventions": "models nested, on the same rows; differences corrected on the same resamples, without p",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        test = self.test
        shown = f"not estimable: {test.reason}"
        if not test.reason:
            shown = f"{format_number(test.statistic, 2)} on {test.df:g} df, {format_p_equation(test.p_value)}"
        rows = [["likelihood ratio", shown]]
        share = format_percent(self.new_information) if np.isfinite(self.adequacy) else "not estimable"
        rows.append(["fraction of new information", share])
        for one in self.effect.to_dict("records"):
            limits = format_interval(one["conf_low"], one["conf_high"])
            rows.append([f"hazard ratio, {one['term']}", f"{format_number(one['estimate'])} ({limits})"])
        differences = self.differences()
        for one in differences[differences["sample"] == "corrected"].to_dict("records"):
            at = f" at {format_significant(one['horizon'])} {self.validation.unit}".rstrip()
            name = f"change of {one['measure']}" + ("" if np.isnan(one["horizon"]) else at)
            limits = format_interval(one["conf_low"], one["conf_high"], 3)
            rows.append([name, f"{format_number(one['estimate'], 3)} ({limits})"])
        title = f"Added value: {self.claim.level}"
        notes = (self.claim.sentence, f"p: {test.method}" if test.method else "", *self.notes)
        return Display(title, (Table(["", "value"], rows),), tuple(note for note in notes if note))


def added_value(  # noqa: PLR0913 - two models, what is compared, and what was declared beforehand
    base: Model,
    full: Model,
    table: pd.DataFrame,
    outcome: Outcome,
    *,
    horizons: Sequence[float] = (),
    repeats: int = 1000,
    seed: int = 0,
    strata: object = None,
    entity: str | None = None,
    smallest_useful: float | None = None,
    decision: Decision | None = None,
    simulations: int = 999,
    names: tuple[str, str] | None = None,
    endpoint: str = "",
    n_jobs: int = 1,
    conf_level: float = 0.95,
) -> AddedValue:
    """Compare a model with one that holds more: test, new information, corrected differences, claim.

    Parameters
    ----------
    base, full : Model
        The smaller and the larger specification: Cox models, or pipelines that end in one. A forest has no likelihood;
        its differences are given, and no more can be said than that it is inconclusive.
    table : pandas.DataFrame
        Columns of both; rows are those of the outcome. Rows that lack a value for either are left out for both.
    outcome : Outcome
        Times and events of one kind.
    horizons : sequence of float
        Times at which AUC, Brier score and IPA are compared.
    repeats, seed, n_jobs
        Resamples, their seed, workers.
    strata : Series or array_like, shape (n,), optional
        Patients are drawn, and pairs formed, within strata.
    entity : str, optional
        Column of entities in which the direction of the added marker is compared.
    smallest_useful : float, optional
        Smallest useful hazard ratio of the added column, for one unit of it as it stands in the formula, declared
        beforehand: above 1 where higher values are worse.
    decision : Decision, optional
        Declared action and thresholds; no decision curve without it.
    simulations : int
        Simulated cohorts of the test below 40 events; 0 for the chi-squared p-value.
    names : tuple of (str, str), optional
        How the claim calls the smaller model and the added marker; their columns without it.
    endpoint : str
        How the claim calls the endpoint; the outcome's own word without it.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    AddedValue
        With ``claim``.

    Raises
    ------
    DataError
        When no row has all columns.
    FitError
        When the models are not nested, differ in strata or penalty, or cannot be fitted.
    ConfigError
        For a smallest useful hazard ratio of 1 or no positive number, and names that claim what was not compared.

    References
    ----------
    Harrell FE (2015). Regression Modeling Strategies, 9.8.4. Springer. Simon R, Altman DG (1994). Br J Cancer
    69:979-985.

    Examples
    --------
    >>> from survmodel import CoxPH
    >>> random = np.random.default_rng(1)
    >>> table = pd.DataFrame({"age": random.normal(size=90), "cxcr4": random.normal(size=90)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["cxcr4"])), np.ones(90), endpoint="death")
    >>> result = added_value(CoxPH("age"), CoxPH("age + cxcr4"), table, outcome, repeats=50)
    >>> result.claim.level, result.test.df
    ('supported', 1.0)
    """
    if smallest_useful is not None and not (0 < smallest_useful < np.inf and smallest_useful != 1):
        raise ConfigError(f"the smallest useful hazard ratio is {smallest_useful}", remedy="give one such as 1.25")
    table = read_table(table)
    check_outcome(outcome)
    outcome.check_rows(table)
    rows = _common_rows(base, full, table, outcome)
    named = variables_of({BASE: base, FULL: full})
    shown = table if named is None else table[list(named)]
    # simulated cohorts, as draws, are to depend on patients and not on the order of rows
    rows = rows[canonical_order(shown.iloc[rows], outcome.take(rows))]
    used, kept = table.iloc[rows], outcome.take(rows)
    fits = base.fit(used, kept), full.fit(used, kept)
    test = compare_nested(*fits, kept, simulations, seed)
    effect = _added_effects(*fits)
    layers = None if strata is None else pd.Series(np.asarray(strata, dtype=object)[rows], index=used.index)
    validation = validate(
        {FULL: full, BASE: base}, used, kept, horizons=horizons, repeats=repeats, strata=layers, seed=seed,
        n_jobs=n_jobs, conf_level=conf_level, fold_repeats=None if decision is None else DEALS,
    )  # fmt: skip
    told: list[str] = []
    evidence = _gather(
        fits, test, effect, validation, smallest_useful, _conflict(full, effect, used, kept, entity, told)
    )
    columns = list(_columns(base))
    called = names or (list_values(columns) or "no other column", list_values(list(effect["term"])) or FULL)
    check_fdg([called[0]], columns)
    return AddedValue(
        test=test,
        effect=effect,
        validation=validation,
        claim=judge(evidence, marker=called[1], base=called[0], endpoint=endpoint or outcome.endpoint),
        evidence=evidence,
        decision=None if decision is None else _decide(decision, validation, kept, layers, told),
        action="" if decision is None else decision.action,
        n=kept.n,
        n_event=kept.n_event,
        n_missing=outcome.n - kept.n,
        conf_level=conf_level,
        warnings=join_warnings(getattr(fits[1], "warnings", ()), validation.warnings),
        notes=join_warnings(told, validation.notes),
    )


def _common_rows(base: Model, full: Model, table: pd.DataFrame, outcome: Outcome) -> npt.NDArray[np.int64]:
    rows = np.intersect1d(full.fit(table, outcome).rows, base.fit(table, outcome).rows)
    if not rows.size:
        raise DataError("no row has all columns of both models", remedy="look for missing values")
    return rows


def _added_effects(small: Any, large: Any) -> pd.DataFrame:  # noqa: ANN401 - any fit
    """Give the hazard ratios of the added columns; no rows for a model without them."""
    pair = [fit.pooled() if isinstance(fit, PipelineFit) and can_pool(fit.fits) else fit for fit in (small, large)]
    if not all(hasattr(fit, "hazard_ratios") for fit in pair):
        return pd.DataFrame(columns=["term", "estimate", "std_error", "conf_low", "conf_high"])
    own, wide = (fit.hazard_ratios() for fit in pair)
    added = wide[~wide["term"].isin(own["term"])]
    return added[["term", "estimate", "std_error", "conf_low", "conf_high"]].reset_index(drop=True)


def _gather(
    fits: tuple[Any, Any], test: NestedTest, effect: pd.DataFrame, validation: Validation, useful: float | None,
    conflict: str,
) -> Evidence:  # fmt: skip
    ratio, low, high = np.nan, np.nan, np.nan
    if len(effect) == 1:
        ratio, low, high = effect[["estimate", "conf_low", "conf_high"]].to_numpy(dtype=np.float64)[0]
    changes = validation.differences()
    asked = changes[(changes["measure"] == HARRELL) & (changes["sample"] == "corrected")]
    return Evidence(
        n_event=validation.n_event,
        p_value=test.p_value,
        ratio=float(ratio),
        conf_low=float(low),
        conf_high=float(high),
        concordance_change=float(asked["estimate"].iloc[0]) if len(asked) else np.nan,
        smallest_useful=useful,
        proportional_p=_proportional_p(fits[1], list(effect["term"])),
        conflict=conflict,
        missing_test=test.reason,
    )


def _proportional_p(fit: Any, terms: Sequence[str]) -> float:  # noqa: ANN401 - any fit
    """Test proportional hazards of the added columns: Bonferroni over columns, the median over completed tables."""
    fits = fit.fits if isinstance(fit, PipelineFit) else (fit,)
    found = []
    for one in {id(own): own for own in fits}.values():
        if not isinstance(one, CoxFit):
            return float("nan")
        try:
            tests = proportional_hazards_test(one).tidy()
        except SurvmodelError:
            continue
        own_p = tests.loc[tests["term"].isin(terms), "p_value"]
        if len(own_p):
            found.append(min(1.0, float(own_p.min()) * len(own_p)))
    return float(np.median(found)) if found else float("nan")


def _conflict(
    full: Model, effect: pd.DataFrame, table: pd.DataFrame, outcome: Outcome, entity: str | None, told: list[str]
) -> str:
    """Name entities of opposite directions: with events enough, and opposite after they informed each other."""
    if entity is None or len(effect) != 1:
        return ""
    spec = full.model if isinstance(full, Pipeline) else full
    try:
        found = group_effects(spec, table, outcome, by=entity, marker=str(effect.loc[0, "term"]))  # type: ignore[arg-type]
    except (SurvmodelError, AttributeError) as error:
        told.append(f"directions in {entity} not compared: {error}")
        return ""
    effects = found.tidy()
    enough = effects["n_event"] >= EVENTS_FOR_NORMAL
    shrunken = effects[(effects["measure"] == "shrunken") & enough].set_index("group")["estimate"].dropna()
    up, down = shrunken.index[shrunken > 0], shrunken.index[shrunken < 0]
    return f"{list_values(list(up))} and {list_values(list(down))}" if len(up) and len(down) else ""


def _columns(spec: Model) -> tuple[str, ...]:
    """Name the columns of a formula, without those that are strata only."""
    inner = spec.model if isinstance(spec, Pipeline) else spec
    formula = getattr(inner, "formula", None)
    return () if formula is None else parse_formula(formula).variables


def _decide(
    decision: Decision, validation: Validation, outcome: Outcome, layers: pd.Series | None, told: list[str]
) -> DecisionCurve:
    """Compare net benefit by the mean of the predictions out of fold."""
    unseen: dict[str, OutOfFold] = dict(validation.out_of_fold)
    rows = np.asarray(validation.rows, dtype=np.int64)
    if decision.horizon not in validation.horizons:
        raise ConfigError(
            f"the decision is about {format_significant(decision.horizon)}, which is no horizon",
            remedy="add it to horizons=",
        )
    place = validation.horizons.index(decision.horizon)
    risks = {name: unseen[name].risk.to_numpy()[:, place] for name in (BASE, FULL)}
    known = np.logical_and(*(np.isfinite(risk) for risk in risks.values()))
    if not known.all():
        left = count_noun(int((~known).sum()), "patient")
        told.append(f"net benefit without {left} for whom a fold predicts no risk at the horizon")
    rows = rows[known]
    return decision_curve(
        outcome.take(rows), {name: risk[known] for name, risk in risks.items()}, decision.horizon,
        list(decision.thresholds),
        strata=None if layers is None else layers.iloc[rows].to_numpy(), sample="out of fold",
    )  # fmt: skip
