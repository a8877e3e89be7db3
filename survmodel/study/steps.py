"""The steps of a study, by name: each computes one result, and the failure of one leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from survmodel.errors import SurvmodelError
from survmodel.models.cox import CoxPH
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_tests import proportional_hazards_test
from survmodel.models.follow_up import follow_up
from survmodel.models.formula import parse_formula
from survmodel.models.kaplan_meier import KaplanMeier
from survmodel.models.logrank import logrank_test
from survmodel.outcome.response import Outcome
from survmodel.performance.discrimination import Concordance, concordance
from survmodel.report.contents import Answer, CurvePart, EndpointPart, ModelPart
from survmodel.result import Result
from survmodel.study.config import Study
from survmodel.study.settings import CurveEntry, ModelEntry

Answered = TypeVar("Answered", bound=Result)

#: What curves measure where events compete.
ANY_EVENT = "freedom from any event"


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """What the steps compute from.

    Parameters
    ----------
    study : Study
        What is asked for.
    table : pandas.DataFrame
        Checked columns without identifiers, factors added.
    outcomes : mapping of str to Outcome
        By name of the endpoint.
    """

    study: Study
    table: pd.DataFrame
    outcomes: Mapping[str, Outcome]


def attempt(step: str, compute: Callable[[], Answered]) -> Answer[Answered]:
    """Run one step and keep its result, or the reason why there is none.

    Parameters
    ----------
    step : str
        Name of the step.
    compute : callable
        Computes the result.

    Returns
    -------
    Answer
        A refusal of survmodel becomes a reason; any other error is a fault and goes up.

    Examples
    --------
    >>> from survmodel import KaplanMeier, Outcome
    >>> attempt("curve", lambda: KaplanMeier().fit(Outcome([1], [1]), by=["a", "b"])).reason
    'the by does not have the rows of the outcome: found 2 rows against 1. Build both from the same table, and use
    outcome.take(rows) where you select rows.'
    """
    try:
        return Answer(step, compute())
    except SurvmodelError as error:
        return Answer(step, None, str(error))


def run_steps(cohort: Cohort) -> tuple[EndpointPart, ...]:
    """Compute everything that the study asks for.

    Parameters
    ----------
    cohort : Cohort
        Data and settings.

    Returns
    -------
    tuple of EndpointPart
        In the order of the study file.
    """
    return tuple(_endpoint_part(name, cohort) for name in cohort.study.settings.endpoint)


def _endpoint_part(name: str, cohort: Cohort) -> EndpointPart:
    settings, declared = cohort.study.settings, cohort.outcomes[name]
    entry = settings.endpoint[name]
    # Censoring a competing event suits a hazard and not a curve: one minus the curve would overstate the risk.
    competes = declared.causes is not None
    of_any, of_one = (declared.any_event(), declared.cause_specific(1)) if competes else (declared, declared)
    causes = _count_causes(declared)
    return EndpointPart(
        name=name,
        title=entry.label or name,
        label=ANY_EVENT if competes else entry.label or name,
        event_label=declared.endpoint,
        horizons=entry.horizons,
        outcome=of_any,
        follow_up=attempt(f"follow_up/{name}", lambda: follow_up(of_any)),
        curves=tuple(_curve_part(curve, of_any, cohort) for curve in settings.curve if curve.endpoint == name),
        models=tuple(
            _model_part(key, model, of_one, cohort) for key, model in settings.model.items() if model.endpoint == name
        ),
        causes=causes,
        warnings=tuple(f"no patient had the competing event {label}" for label, count in causes[1:] if not count),
    )


def _count_causes(outcome: Outcome) -> tuple[tuple[str, int], ...]:
    return tuple((label, int((outcome.event == code).sum())) for code, label in (outcome.causes or {}).items())


def _curve_part(curve: CurveEntry, outcome: Outcome, cohort: Cohort) -> CurvePart:
    step = "/".join(word for word in (curve.endpoint, curve.by) if word)
    spec = KaplanMeier(conf_type=curve.conf_type)
    if curve.by is None:
        return CurvePart("", "", attempt(f"curve/{step}", lambda: spec.fit(outcome)), None)
    groups = cohort.table[curve.by]
    rows = np.flatnonzero(groups.notna())
    used, by = outcome.take(rows), groups.iloc[rows]
    return CurvePart(
        by=curve.by,
        label=cohort.study.labels[curve.by],
        fit=attempt(f"curve/{step}", lambda: spec.fit(used, by=by)),
        test=attempt(f"logrank/{step}", lambda: logrank_test(used, by)),
        n_left_out=len(groups) - rows.size,
    )


def _model_part(name: str, model: ModelEntry, outcome: Outcome, cohort: Cohort) -> ModelPart:
    fit = attempt(f"cox/{name}", lambda: _fit(model, outcome, cohort))
    return ModelPart(
        name=name,
        label=model.label or f"model {name}",
        formula=model.formula,
        ties=model.ties,
        strata=model.strata,
        fit=fit,
        proportional_hazards=_after(fit, f"proportional_hazards/{name}", proportional_hazards_test),
        concordance=_after(fit, f"concordance/{name}", lambda done: _concordance(done, cohort)),
    )


def _fit(model: ModelEntry, outcome: Outcome, cohort: Cohort) -> CoxFit:
    columns = cohort.study.settings.column
    used = parse_formula(model.formula).variables
    references = {name: columns[name].reference for name in used if columns[name].reference is not None}
    spec = CoxPH(model.formula, strata=model.strata or None, ties=model.ties, reference=references or None)
    return spec.fit(cohort.table, outcome)


def _after(fit: Answer[CoxFit], step: str, compute: Callable[[CoxFit], Answered]) -> Answer[Answered]:
    """Run a step that needs a fit."""
    done = fit.result
    if done is None:
        return Answer(step, None, "the model could not be fitted")
    return attempt(step, lambda: compute(done))


def _concordance(fit: CoxFit, cohort: Cohort) -> Concordance:
    analysed = cohort.table.iloc[fit.rows]
    return concordance(fit.outcome, fit.prognostic_index(analysed), strata=fit.data.stratum)
