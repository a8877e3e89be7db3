"""Models of an endpoint fitted to its completed tables and pooled: hazard ratios, tests, C."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import FitError
from survmodel.models.contract import Model
from survmodel.models.cox import CoxPH
from survmodel.models.formula import parse_formula
from survmodel.models.imputation_fit import FittedImputation
from survmodel.models.pipeline import Pipeline
from survmodel.models.pooled_regression import PooledRegression
from survmodel.models.pooling import PooledEstimates, pooled
from survmodel.models.term_tests import splines_of
from survmodel.outcome.response import Outcome
from survmodel.performance.pooled_measures import pooled_concordance
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.report.imputation_contents import ImputationPart, PooledModel
from survmodel.study.imputation_plan import ImputationPlan, plan_imputation
from survmodel.study.step_parts import EndpointSteps, Rows, list_levels, too_few_events, withhold

NOT_IMPUTED = "the missing values could not be imputed"


@dataclass(frozen=True, slots=True, eq=False)
class Analysed:
    """The rows that a specification analyses.

    Attributes
    ----------
    rows : ndarray of int64
        Their positions among the patients of the endpoint.
    outcome : Outcome
        Their outcome.
    stratum : ndarray of int64, shape (n,)
        Stratum of each in the model.
    """

    rows: Rows
    outcome: Outcome
    stratum: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Imputed:
    """The completed tables of an endpoint.

    Attributes
    ----------
    plan : ImputationPlan
        How they were completed.
    answer : Answer of FittedImputation
        They, or why there are none.
    part : EndpointSteps
        The endpoint with the incomplete rows that specifications behind an imputation are fitted to.
    """

    plan: ImputationPlan
    answer: Answer[FittedImputation]
    part: EndpointSteps

    def behind(self, spec: Model) -> Pipeline:
        """Put a specification behind the imputation, so that resamples repeat both."""
        return Pipeline([self.plan.spec], spec)

    @property
    def shown(self) -> ImputationPart:
        """What a report says of it."""
        plan, n = self.plan, len(self.plan.table)
        within = self.part.group_label if plan.spec.within is not None else ""
        return ImputationPart(
            self.answer, n, plan.n_incomplete, plan.missing, plan.not_applicable, plan.derived, within,
            predictors=tuple(plan.spec.columns or ()),
        )  # fmt: skip


def impute(part: EndpointSteps) -> Imputed | None:
    """Impute the missing values of the models of an endpoint.

    Parameters
    ----------
    part : EndpointSteps
        The endpoint.

    Returns
    -------
    Imputed or None
        None where the study does not ask for it or nothing is missing.
    """
    prepared = part.prepared
    plan = plan_imputation(prepared.study, prepared.data, part.analysis, part.name)
    if plan is None:
        return None
    answer = part.attempt(f"imputation/{part.name}", partial(plan.spec.fit, plan.table, part.of_one))
    return Imputed(plan, answer, replace(part, analysis=replace(part.analysis, table=plan.table)))


def pool_model(name: str, formula: str, spec: CoxPH, imputed: Imputed) -> tuple[PooledModel, Analysed | None]:
    """Fit a Cox model to each completed table and pool.

    Parameters
    ----------
    name : str
        Name of the model.
    formula : str
        Its formula.
    spec : CoxPH
        The model.
    imputed : Imputed
        Completed tables.

    Returns
    -------
    PooledModel
        Terms together and alone, and C; withheld where too few events speak for them.
    Analysed or None
        The rows, where the model is printed.
    """
    part, least = imputed.part, imputed.part.least
    whole = pool_whole(f"pooled/{name}", spec, imputed)
    n_event = 0 if whole.result is None else int(whole.result.fits[0].n_event)
    fit = withhold(whole, too_few_events(n_event, least.hazard_ratio, "hazard_ratio"))
    terms = [atom.label for atom in parse_formula(formula).atoms]
    alone = tuple(
        (term, _pool_alone(name, term, spec, imputed)) for term in terms if len(terms) > 1 and fit.result is not None
    )
    done = fit.result
    if done is None:
        reason, withheld = (fit.reason, fit.withheld) if fit.withheld else (NOT_IMPUTED, False)
        return PooledModel(fit, alone, Answer(f"pooled_concordance/{name}", None, reason, withheld)), None
    few = too_few_events(n_event, least.performance, "performance")
    within = part.attempt(f"pooled_concordance/{name}", lambda: _concordance(done, imputed))
    groups = tuple(_by_group(name, done, imputed))
    first = done.fits[0]
    return PooledModel(fit, alone, withhold(within, few), groups), Analysed(first.rows, first.outcome,
                                                                            first.data.stratum)  # fmt: skip


def pool_whole(step: str, spec: CoxPH, imputed: Imputed) -> Answer[PooledRegression]:
    """Fit a model to each completed table, and pool its coefficients.

    Parameters
    ----------
    step : str
        Name of the step.
    spec : CoxPH
        The model.
    imputed : Imputed
        Completed tables.

    Returns
    -------
    Answer of PooledRegression
        Or why there is none.
    """
    found = imputed.answer.result
    if found is None:
        return Answer(step, None, NOT_IMPUTED)

    def compute() -> PooledRegression:
        result = pooled(spec, found, imputed.part.of_one)
        if not isinstance(result, PooledRegression):
            raise FitError("the model has no coefficients to pool")
        if any(not np.array_equal(fit.rows, result.fits[0].rows) for fit in result.fits):
            raise FitError("the completed tables do not give the model the same rows")
        knots = [[one.knots for one in splines_of(fit.design)] for fit in result.fits]
        if any(one != knots[0] for one in knots):
            # Its columns mean something else in each table.
            raise FitError(
                "the knots of a spline of imputed values differ between completed tables, and cannot be pooled",
                remedy="write the column linear or on the scale log2()",
            )
        return result

    return imputed.part.attempt(step, compute)


def _pool_alone(name: str, term: str, spec: CoxPH, imputed: Imputed) -> Answer[PooledRegression]:
    references = {key: level for key, level in (spec.reference or {}).items() if key in parse_formula(term).mains}
    answer = pool_whole(f"pooled/{name}/{term}", replace(spec, formula=term, reference=references or None), imputed)
    n_event = 0 if answer.result is None else int(answer.result.fits[0].n_event)
    return withhold(answer, too_few_events(n_event, imputed.part.least.hazard_ratio, "hazard_ratio"))


def _indices(model: PooledRegression, imputed: Imputed) -> list[npt.NDArray[np.float64]]:
    """Give the prognostic index of the analysed rows in each completed table."""
    tables = () if imputed.answer.result is None else imputed.answer.result.development
    return [fit.prognostic_index(table.iloc[fit.rows]) for fit, table in zip(model.fits, tables, strict=True)]


def _concordance(model: PooledRegression, imputed: Imputed) -> PooledEstimates:
    fit = model.fits[0]
    layers = imputed.part.layers(fit.rows, fit.data.stratum)
    return pooled_concordance(fit.outcome, _indices(model, imputed), strata=layers)


def _by_group(name: str, model: PooledRegression, imputed: Imputed) -> Iterator[GroupAnswer[PooledEstimates]]:
    part, fit = imputed.part, model.fits[0]
    group: pd.Series | None = part.group
    if group is None:
        return
    indices = _indices(model, imputed)
    for level, rows in list_levels(group.iloc[fit.rows]):
        own, step = fit.outcome.take(rows), f"pooled_concordance/{name}/{level}"
        reason = too_few_events(own.n_event, part.least.performance, "performance")
        if reason:
            yield GroupAnswer(level, own.n, own.n_event, Answer(step, None, reason, withheld=True))
            continue
        strata, inside = fit.data.stratum[rows], [index[rows] for index in indices]
        compute = partial(pooled_concordance, own, inside, strata=strata)
        yield GroupAnswer(level, own.n, own.n_event, part.attempt(step, compute))
