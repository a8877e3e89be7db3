"""What a model would do in other patients: corrected C, calibration and risk groups, by models that saw others only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import FitError, SurvmodelError
from survmodel.formatting import count_noun, format_significant
from survmodel.models.contract import Model
from survmodel.models.cumulative_incidence import CumulativeIncidence
from survmodel.models.kaplan_meier import KaplanMeier
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.outcome.response import Outcome
from survmodel.performance.calibration import Calibration, calibration
from survmodel.performance.out_of_fold import AssignedGroups, OutOfFold, predict_out_of_fold
from survmodel.performance.stability import PredictionStability, stability_of
from survmodel.performance.validation import validate
from survmodel.performance.validation_result import Validation
from survmodel.report.answers import Answer
from survmodel.report.validation_contents import RiskGroupPart
from survmodel.study.imputation_steps import Analysed
from survmodel.study.settings_models import ModelEntry, RiskGroupsEntry
from survmodel.study.step_parts import EndpointSteps, Rows, name_groups, too_few_events

OUT_OF_FOLD = "out of fold"
#: Bootstrap samples that tell how much predictions depend on who was in the study.
REFITS = 200


@dataclass(frozen=True, slots=True)
class ValidatedModel:
    """What is known of a Cox model beyond its own patients."""

    optimism: Answer[Validation]
    calibrations: tuple[Answer[Calibration], ...]
    risk_groups: RiskGroupPart | None
    stability: Answer[PredictionStability] | None = None


def validate_cox(
    name: str, model: ModelEntry, spec: Model, fit: Analysed, part: EndpointSteps, repeats: int, refits: int = REFITS
) -> ValidatedModel:
    """Correct C of a Cox model for optimism, and predict each patient by models without him.

    Parameters
    ----------
    name : str
        Name of the model.
    model : ModelEntry
        Its risk groups.
    spec : Model
        What was fitted: a Cox model, or one behind an imputation.
    fit : Analysed
        The patients whom it analyses.
    part : EndpointSteps
        The endpoint.
    repeats, refits : int
        Bootstrap samples that correct its measures, and that tell how stable its predictions are.

    Returns
    -------
    ValidatedModel
        C and calibration are not computed where too few events speak for them.
    """
    settings, seed = part.prepared.study.settings.validation, part.prepared.study.settings.seed
    layers = part.layers(fit.rows, fit.stratum)
    table, outcome = part.table.iloc[fit.rows], fit.outcome
    few = too_few_events(int(outcome.n_event), part.least.performance, "performance")
    step = f"validation/{name}"
    if few:
        optimism: Answer[Validation] = Answer(step, None, few, withheld=True)
    else:
        compute = partial(
            validate, spec, table, outcome, horizons=scored_horizons(part, outcome), repeats=repeats,
            strata=layers, seed=seed,
        )  # fmt: skip
        optimism = part.attempt(step, compute)
    horizons = () if few or part.analysis.outcome.causes is not None else within_follow_up(part, fit)
    stability = _stability(name, spec, fit, part, layers, horizons, refits)
    asked = model.risk_groups
    times = times_of(part, outcome, asked)
    if not times and asked is None:
        return ValidatedModel(optimism, (), None, stability)
    predict = partial(
        predict_out_of_fold, spec, table, outcome, times=times, folds=settings.folds, repeats=settings.fold_repeats,
        strata=layers, seed=seed,
    )  # fmt: skip
    unseen = part.attempt(f"out_of_fold/{name}", predict)
    diseases, _ = disease_of(fit.rows, part, fit.stratum)
    calibrations = tuple(calibrate_unseen(name, time, unseen, diseases, part) for time in horizons)
    groups = None
    if asked is not None:
        groups = group_unseen(name, asked, unseen, fit, fit.stratum, settings.fold_repeats, part)
    return ValidatedModel(optimism, calibrations, groups, stability)


def _stability(
    name: str,
    spec: Model,
    fit: Analysed,
    part: EndpointSteps,
    layers: pd.Series,
    horizons: Sequence[float],
    refits: int,
) -> Answer[PredictionStability] | None:
    """Tell how much the risks at the last horizon depend on who was in the study."""
    before = [time for time in horizons if time < fit.outcome.time.max()]
    if not before:
        return None
    compute = partial(
        stability_of, spec, part.table.iloc[fit.rows], fit.outcome, before[-1], strata=layers, repeats=refits,
        seed=part.prepared.study.settings.seed,
    )  # fmt: skip
    return part.attempt(f"stability/{name}", compute)


def within_follow_up(part: EndpointSteps, fit: Analysed | SurvivalForestFit) -> tuple[float, ...]:
    """Give the horizons of the endpoint that the patients of a fit were followed up to.

    Parameters
    ----------
    part : EndpointSteps
        The endpoint.
    fit : Analysed or SurvivalForestFit
        The fit, or whom it analyses.

    Returns
    -------
    tuple of float
        Horizons.
    """
    return tuple(time for time in part.horizons if time <= fit.outcome.time.max())


def scored_horizons(part: EndpointSteps, outcome: Outcome) -> tuple[float, ...]:
    """Give the horizons at which AUC and Brier score can be computed.

    Parameters
    ----------
    part : EndpointSteps
        The endpoint.
    outcome : Outcome
        Of the analysed patients.

    Returns
    -------
    tuple of float
        Those before the end of follow-up. None where events compete, as a cause-specific model gives no risk there, and
        none with late entry, which these measures do not know.
    """
    if part.analysis.outcome.causes is not None or outcome.entry is not None:
        return ()
    return tuple(time for time in part.horizons if time < outcome.time.max())


def times_of(part: EndpointSteps, outcome: Outcome, asked: RiskGroupsEntry | None) -> list[float]:
    """Give the times at which risks are predicted: the horizons, and that of the risk groups.

    Parameters
    ----------
    part : EndpointSteps
        The endpoint.
    outcome : Outcome
        Of the analysed patients.
    asked : RiskGroupsEntry, optional
        Risk groups.

    Returns
    -------
    list of float
        In order; none where events compete, as a model that censors them gives no risk.
    """
    if part.analysis.outcome.causes is not None:
        return []
    own = () if asked is None or asked.horizon is None else (asked.horizon,)
    last = outcome.time.max()
    return sorted({time for time in (*part.horizons, *own) if time <= last})


def calibrate_unseen(
    name: str, time: float, unseen: Answer[OutOfFold], strata: pd.Series | None, part: EndpointSteps
) -> Answer[Calibration]:
    """Calibrate the risks that models predicted for patients they had not seen.

    Parameters
    ----------
    name : str
        Name of the model.
    time : float
        The horizon.
    unseen : Answer of OutOfFold
        The predictions.
    strata : pandas.Series, optional
        Disease group of each patient, else his stratum in the model, within which risks are calibrated.
    part : EndpointSteps
        The endpoint.

    Returns
    -------
    Answer of Calibration
        Observed against predicted risk.
    """
    step = f"calibration/{name}/{format_significant(time)}"
    if unseen.result is None:
        return Answer(step, None, unseen.reason, unseen.withheld)
    found, seed = unseen.result, part.prepared.study.settings.seed
    layers = None if strata is None else strata.to_numpy()

    def compute() -> Calibration:
        risk = found.risk[time].to_numpy()
        return calibrate_known(found.outcome, risk, time, OUT_OF_FOLD, strata=layers, seed=seed)

    return part.attempt(step, compute)


def calibrate_known(
    outcome: Outcome,
    risk: npt.NDArray[np.float64],
    time: float,
    sample: str,
    *,
    strata: npt.NDArray[np.object_] | None = None,
    seed: int = 0,
) -> Calibration:
    """Calibrate the risks that could be predicted.

    Parameters
    ----------
    outcome : Outcome
        Of all patients.
    risk : ndarray, shape (n,)
        Their risk; NaN for those who have none, such as the only patient of a stratum.
    time : float
        The horizon.
    sample : str
        Whose predictions these are.
    strata : ndarray, shape (n,), optional
        Strata within which risks are calibrated.
    seed : int
        Of the resamples.

    Returns
    -------
    Calibration
        Of the patients with a risk.

    Raises
    ------
    FitError
        When nobody has one.
    """
    known = np.flatnonzero(np.isfinite(risk))
    if not known.size:
        raise FitError("nobody has a predicted risk at the horizon", remedy="choose an earlier horizon")
    layers = None if strata is None else strata[known]
    found = calibration(outcome.take(known), risk[known], time, sample=sample, strata=layers, seed=seed)
    left = outcome.n - known.size
    if not left:
        return found
    told = (
        f"calibration leaves out {count_noun(left, 'patient')} without a predicted risk at {format_significant(time)}"
    )
    unit = f" {outcome.unit}" if outcome.unit else ""
    return replace(found, warnings=(*found.warnings, f"{told}{unit}: nobody of their stratum was followed so long"))


def group_unseen(
    name: str,
    asked: RiskGroupsEntry,
    unseen: Answer[OutOfFold],
    fit: Analysed | SurvivalForestFit,
    stratum: npt.NDArray[np.int64] | None,
    repeats: int,
    part: EndpointSteps,
) -> RiskGroupPart:
    """Form risk groups of predictions for patients whom the models had not seen.

    Parameters
    ----------
    name : str
        Name of the model.
    asked : RiskGroupsEntry
        What the study file says.
    unseen : Answer of OutOfFold
        The predictions.
    fit : Analysed or SurvivalForestFit
        The fit, whose patients these are.
    stratum : ndarray of int64, optional
        Stratum of each in the model.
    repeats : int
        How often patients were dealt out to folds.
    part : EndpointSteps
        The endpoint.

    Returns
    -------
    RiskGroupPart
        The groups with their curves.
    """
    within, inside = disease_of(fit.rows, part, stratum)
    n_folds = part.prepared.study.settings.validation.folds
    folds = f"{n_folds} folds, dealt out {count_noun(repeats, 'time')}"

    def assign() -> AssignedGroups:
        if unseen.result is None:
            raise FitError(unseen.reason)
        refuse_risk(asked, fit.outcome, part)
        layers = None if asked.on == "risk" else within
        return unseen.result.assign(asked.spec, layers, on=asked.on, horizon=asked.horizon)

    origin = describe_cuts(asked, inside, part.analysis.outcome.unit)
    assigned_by = f"models that had not seen that patient ({folds})"
    found = risk_group_part(name, fit.rows, assign, origin, assigned_by, part)
    return replace(found, folds=(n_folds, repeats))


def refuse_risk(asked: RiskGroupsEntry, outcome: Outcome, part: EndpointSteps) -> None:
    """Refuse risk groups on a risk that the model does not give.

    Parameters
    ----------
    asked : RiskGroupsEntry
        What the study file says.
    outcome : Outcome
        Outcome of the patients of the model.
    part : EndpointSteps
        The endpoint.

    Raises
    ------
    FitError
        Where events compete, and for a horizon beyond the longest follow-up.
    """
    if asked.on != "risk":
        return
    remedy = 'form the groups on the index: risk_groups = "tertiles"'
    if part.analysis.outcome.causes is not None:
        raise FitError("a cause-specific model gives no risk where events compete", remedy=remedy)
    if asked.horizon is not None and asked.horizon > outcome.time.max():
        longest = format_significant(float(outcome.time.max()))
        raise FitError(
            f"the horizon {format_significant(asked.horizon)} is beyond the longest follow-up of {longest}",
            remedy=f"choose an earlier horizon, or {remedy}",
        )


def disease_of(
    rows: Rows, part: EndpointSteps, stratum: npt.NDArray[np.int64] | None = None
) -> tuple[pd.Series | None, str]:
    """Say within what an index is cut: the disease group, else the strata of the model, else nothing.

    Parameters
    ----------
    rows : ndarray of int64
        Positions of the patients.
    part : EndpointSteps
        The endpoint.
    stratum : ndarray of int64, optional
        Stratum of each in the model.

    Returns
    -------
    tuple of (pandas.Series or None, str)
        Layer of each patient, and what the layers are.
    """
    if part.group is not None:
        return name_groups(part.group).iloc[rows].astype(str), part.group_label
    if stratum is not None and np.unique(stratum).size > 1:
        return pd.Series(stratum, index=part.table.index[rows]).astype(str), "stratum of the model"
    return None, ""


def describe_cuts(asked: RiskGroupsEntry, inside: str, unit: str | None) -> str:
    """Say what is cut, where, and where the cuts come from.

    Parameters
    ----------
    asked : RiskGroupsEntry
        What the study file says.
    inside : str
        Within what an index is cut, "" for nothing.
    unit : str or None
        Unit of time.

    Returns
    -------
    str
        For example "tertiles of the prognostic index within disease group".
    """
    if asked.on == "index":
        return f"{asked.spec.origin} of the prognostic index" + (f" within {inside}" if inside else "")
    at = f"{format_significant(asked.horizon or 0)} {unit or ''}".strip()
    if isinstance(asked.cuts, str):
        return f"{asked.spec.origin} of the predicted risk at {at}"
    return f"predicted risk at {at} cut at {asked.spec.origin}"


def risk_group_part(
    name: str, rows: Rows, assign: Callable[[], AssignedGroups], origin: str, assigned_by: str, part: EndpointSteps
) -> RiskGroupPart:
    """Estimate the curves of risk groups.

    Parameters
    ----------
    name : str
        Name of the model.
    rows : ndarray of int64
        Positions of the patients that it analysed.
    assign : callable
        Assigns them to groups.
    origin, assigned_by : str
        Where the cuts come from, and how patients were assigned.
    part : EndpointSteps
        The endpoint.

    Returns
    -------
    RiskGroupPart
        No test and no hazard ratio between the groups: they come from the same patients' outcomes.
    """
    step = f"risk_groups/{name}"
    part.progress(step)
    try:
        found = assign()
    except SurvmodelError as error:
        return RiskGroupPart(origin, assigned_by, Answer(step, None, str(error)))
    known = np.flatnonzero(found.groups.notna().to_numpy())
    groups = found.groups.iloc[known]
    of_any = part.of_any.take(rows[known])

    def fit() -> KaplanMeierFit:
        return KaplanMeier().fit(of_any, by=groups)

    incidence = None
    if part.analysis.outcome.causes is not None:
        declared = part.analysis.outcome.take(rows[known])
        incidence = part.attempt(
            f"risk_groups/{name}/incidence", lambda: CumulativeIncidence().fit(declared, by=groups)
        )
    return RiskGroupPart(
        origin=origin,
        assigned_by=assigned_by,
        fit=part.attempt(step, fit),
        incidence=incidence,
        n_left_out=int(rows.size - known.size),
        reasons=tuple(_list_reasons(found)),
    )


def _list_reasons(found: AssignedGroups) -> Iterator[str]:
    for reason, count in found.reasons:
        yield f"{reason} ({count_noun(count, 'model')})"
