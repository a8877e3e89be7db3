"""Parts of the long table of numbers: curves, what was validated, forests, risk groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.performance.brier import NULL
from survmodel.performance.calibration import Calibration
from survmodel.performance.forest_against_cox import ForestAgainstCox
from survmodel.performance.forest_brier import OutOfBagBrier
from survmodel.performance.validation_result import Validation
from survmodel.report.added_value_contents import AddedValuePart
from survmodel.report.answers import Answer
from survmodel.report.contents import ModelPart
from survmodel.report.cutpoint_contents import CutpointPart
from survmodel.report.sensitivity_contents import SensitivityPart
from survmodel.report.validation_contents import ComparisonPart, ForestPart, RiskGroupPart
from survmodel.result import plain_value, to_records

Record = dict[str, object]


def tidy_records(table: pd.DataFrame, step: str, measure: str = "") -> Iterator[Record]:
    """Turn a tidy table into records.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    step : str
        Step that computed it.
    measure : str
        What its numbers are, where the table does not say.

    Yields
    ------
    dict
        One for each row.
    """
    for record in to_records(table):
        yield {"step": step, **({"measure": measure} if measure else {}), **record}


def of_curves(answer: Answer[KaplanMeierFit], horizons: Sequence[float]) -> Iterator[Record]:
    """Give counts, medians and survival at horizons of curves.

    Parameters
    ----------
    answer : Answer of KaplanMeierFit
        The curves.
    horizons : sequence of float
        Times at which they are read.

    Yields
    ------
    dict
        None without curves.
    """
    fit, step = answer.result, answer.step
    if fit is None:
        return
    for one in fit.curves:
        events = float(one.steps.n_event.sum())
        yield {"step": step, "group": one.group, "measure": "patients and events", "n": one.n, "n_event": events}
    yield from tidy_records(fit.quantile(0.5), step, measure="quantile")
    if horizons:
        yield from tidy_records(fit.at(list(horizons)), step, measure="survival")


def of_validated_model(model: ModelPart) -> Iterator[Record]:
    """Give corrected C and calibration of a Cox model.

    Parameters
    ----------
    model : ModelPart
        The model.

    Yields
    ------
    dict
        Records.
    """
    if model.validation is not None:
        yield from _of_validation(model.validation)
    for answer in model.calibrations:
        yield from _of_calibration(answer)
    if model.stability is not None and model.stability.result is not None:
        yield {
            "step": model.stability.step,
            "measure": "mean distance of risks",
            "estimate": model.stability.result.mape,
        }


def of_forest(forest: ForestPart) -> Iterator[Record]:
    """Give settings, C, Brier scores, importance and calibration of a forest.

    Parameters
    ----------
    forest : ForestPart
        The forest.

    Yields
    ------
    dict
        Records.
    """
    fit, step = forest.fit.result, forest.fit.step
    if fit is not None:
        whole = fit.glance().iloc[0]
        yield {"step": step, "measure": "fit", **{name: int(whole[name]) for name in ("n", "n_event", "n_missing")}}
        for name in ("n_trees", "mtry", "min_leaf"):
            yield {"step": step, "measure": name, "n": int(whole[name])}
        for name, count in fit.missing:
            yield {"step": step, "variable": name, "measure": "n_missing", "n_missing": count}
        for one in fit.tried:
            level = f"mtry {one.mtry}, min_leaf {one.min_leaf}"
            yield {
                "step": step,
                "level": level,
                "measure": "tried, C out of bag",
                "estimate": plain_value(one.concordance),
            }
    answers = (("", forest.concordance), *((one.group, one.answer) for one in forest.concordance_by_group))
    for group, answer in answers:
        if answer.result is not None:
            for record in tidy_records(answer.result.tidy(), answer.step):
                yield {"group": group, **record, "measure": f"{record['measure']}, out of bag"}
    if forest.importance.result is not None:
        yield from tidy_records(forest.importance.result.tidy(), forest.importance.step, "decrease of C")
        yield {"step": forest.importance.step, "measure": "repeats", "n": forest.importance.result.repeats}
        yield {"step": forest.importance.step, "measure": "subsamples", "n": forest.importance.result.subsamples}
    yield from _of_validation(forest.validation)
    yield from _of_brier(forest.brier)
    yield from _of_comparison(forest.against_cox)
    for calibrated in forest.calibrations:
        yield from _of_calibration(calibrated)


def _of_brier(answer: Answer[OutOfBagBrier]) -> Iterator[Record]:
    if answer.result is None:
        return
    for record in tidy_records(answer.result.tidy(), answer.step):
        sample, model = record.pop("sample"), record.pop("model")
        whose = f" of the {NULL}" if model == NULL else ""
        yield {**record, "measure": f"{record['measure']}{whose}, {sample}"}
    whole = answer.result.integrated
    yield {"step": answer.step, "measure": "patients and events", "n": whole.n, "n_event": whole.n_event}


def _of_comparison(answer: Answer[ForestAgainstCox]) -> Iterator[Record]:
    found = answer.result
    if found is None:
        return
    names = {"forest": "forest", "cox": "Cox model", "difference": "forest less Cox model"}
    for record in tidy_records(found.tidy(), answer.step):
        sample, model = record.pop("sample"), str(record.pop("model"))
        yield {**record, "measure": f"{record['measure']}, {sample}, {names[model]}"}
    yield {"step": answer.step, "measure": "answer", "level": found.answer}


def of_comparison_of_models(part: ComparisonPart) -> Iterator[Record]:
    """Give the measures of models that were validated together, and their differences.

    Parameters
    ----------
    part : ComparisonPart
        The comparison.

    Yields
    ------
    dict
        Records.
    """
    found = part.validation.result
    if found is None:
        return
    for table in (found.tidy(), found.differences()):
        for record in tidy_records(table, part.validation.step):
            sample, model = record.pop("sample"), str(record.pop("model"))
            yield {**record, "measure": f"{record['measure']}, {sample}, {model}"}
    whole = found.glance().iloc[0]
    counts = {"n": found.n, "n_event": found.n_event}
    yield {"step": part.validation.step, "measure": "patients and events", **counts}
    yield {"step": part.validation.step, "measure": "resamples used", "n": int(whole["used"])}


def of_cutpoint(part: CutpointPart) -> Iterator[Record]:
    """Give a searched cut, its p-value, hazard ratios and stability.

    Parameters
    ----------
    part : CutpointPart
        The search.

    Yields
    ------
    dict
        Records.
    """
    found, stable, step = part.search.result, part.stability.result, part.search.step
    if found is None:
        return
    whole = {"n": found.n, "n_event": found.n_event, "n_missing": found.n_missing}
    test = {"statistic": found.statistic, "p_value": found.p_value, "estimate": found.cutpoint}
    yield {"step": step, "variable": part.marker, "measure": "best cut", **test, **whole}
    yield {"step": step, "variable": part.marker, "measure": "cuts searched", "n": int(found.cuts.size)}
    yield {"step": step, "variable": part.marker, "measure": "shrinkage", "estimate": plain_value(found.shrinkage)}
    yield {"step": step, "variable": part.marker, "measure": "permutations", "n": found.permutations}
    for record in tidy_records(found.hazard_ratios(), step):
        yield {**record, "measure": f"hazard ratio, {record['measure']}"}
    if stable is not None:
        limits = {"conf_low": stable.conf_low, "conf_high": stable.conf_high, "n": int(stable.by_resample.size)}
        yield {"step": step, "variable": part.marker, "measure": "cuts of resamples", **limits}
        for measure, value in (("same side", stable.agreement), ("same direction", stable.same_direction)):
            yield {"step": step, "variable": part.marker, "measure": measure, "estimate": value}


def of_added_value(part: AddedValuePart) -> Iterator[Record]:
    """Give the test, shares of information, hazard ratios, changes and the level of the claim.

    Parameters
    ----------
    part : AddedValuePart
        The comparison.

    Yields
    ------
    dict
        Records.
    """
    found, step = part.answer.result, part.answer.step
    if found is None:
        return
    for record in tidy_records(found.tidy(), step):
        sample, model = str(record.pop("sample")), str(record.pop("model"))
        whose = ", ".join(word for word in (str(record["measure"]), sample, model) if word)
        yield {**record, "measure": whose}
    yield {"step": step, "measure": "claim", "level": found.claim.level, "n": found.n, "n_event": found.n_event}
    for which, value in (("smaller", found.test.lr_base), ("larger", found.test.lr_full)):
        yield {"step": step, "measure": f"likelihood ratio of the {which} model", "statistic": plain_value(value)}
    yield {"step": step, "measure": "incomplete", "n_missing": found.n_missing}
    yield {"step": step, "measure": "resamples used", "n": int(found.validation.glance().iloc[0]["used"])}
    if found.decision is not None:
        for record in tidy_records(found.decision.tidy(), step):
            model, threshold = str(record.pop("model")), float(str(record.pop("threshold")))
            yield {**record, "level": f"threshold {threshold:g}", "measure": f"net benefit, {model}"}


def _of_validation(answer: Answer[Validation]) -> Iterator[Record]:
    if answer.result is None:
        return
    found = answer.result
    whole = found.glance().iloc[0]
    for record in tidy_records(found.tidy(), answer.step):
        sample = record.pop("sample")
        record.pop("model")
        yield {**record, "measure": f"{record['measure']}, {sample}"}
    yield {"step": answer.step, "measure": "resamples asked for", "n": int(whole["asked"])}
    yield {"step": answer.step, "measure": "resamples used", "n": int(whole["used"])}
    yield {"step": answer.step, "measure": "patients and events", "n": found.n, "n_event": found.n_event}
    yield {"step": answer.step, "measure": "strata", "n": found.n_strata}
    for folded in found.out_of_fold.values():
        repeats, folds = folded.index_by_model.shape[:2]
        yield {"step": answer.step, "measure": "folds", "n": folds}
        yield {"step": answer.step, "measure": "folds dealt out", "n": repeats}


def _of_calibration(answer: Answer[Calibration]) -> Iterator[Record]:
    if answer.result is None:
        return
    one = answer.result
    for record in tidy_records(one.tidy(), answer.step, "observed risk"):
        yield {**record, "horizon": one.horizon}
    for record in tidy_records(one.measures.dropna(subset=["estimate"]), answer.step):
        yield {**record, "horizon": one.horizon, "n": one.n, "n_event": one.n_event}
    yield {"step": answer.step, "measure": "resamples asked for", "horizon": one.horizon, "n": one.repeats}
    yield {"step": answer.step, "measure": "resamples used", "horizon": one.horizon, "n": one.repeats - one.failed}
    if one.failed:
        yield {"step": answer.step, "measure": "resamples that failed", "horizon": one.horizon, "n": one.failed}


def of_risk_groups(part: RiskGroupPart, horizons: Sequence[float]) -> Iterator[Record]:
    """Give curves and incidence of risk groups.

    Parameters
    ----------
    part : RiskGroupPart
        The groups.
    horizons : sequence of float
        Times at which they are read.

    Yields
    ------
    dict
        Records.
    """
    for record in of_curves(part.fit, horizons):
        yield {"by": "risk group", **record}
    yield {"step": part.fit.step, "by": "risk group", "measure": "without a group", "n_missing": part.n_left_out}
    if part.folds is not None:
        yield {"step": part.fit.step, "measure": "folds", "n": part.folds[0]}
        yield {"step": part.fit.step, "measure": "folds dealt out", "n": part.folds[1]}
    if part.incidence is not None and part.incidence.result is not None and horizons:
        read = part.incidence.result.at(list(horizons))
        for record in tidy_records(read, part.incidence.step, "cumulative incidence"):
            yield {"by": "risk group", **record}


def of_sensitivity(part: SensitivityPart) -> Iterator[Record]:
    """Give the hazard ratios of the question under other decisions.

    Parameters
    ----------
    part : SensitivityPart
        The analyses.

    Yields
    ------
    dict
        Patients and events beside each ratio.
    """
    for row in part.rows:
        n, n_event = row.counts
        for record in tidy_records(row.ratios(), f"sensitivity/{row.name}", "hazard ratio"):
            yield {**record, "n": n, "n_event": n_event}
    others = [row for row in part.rows if row.name]
    lacking = sum(1 for row in others if row.answer.result is None)
    yield {"step": "sensitivity", "measure": "analyses", "n": len(others), "n_missing": lacking}
