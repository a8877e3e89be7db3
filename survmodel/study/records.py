"""One long table of every number of a study, from which its tables and sentences are formatted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from survmodel.models.cox_fit import CoxFit
from survmodel.models.gray import GrayTest
from survmodel.models.term_tests import columns_of_splines, splines_of
from survmodel.report.answers import Answer
from survmodel.report.contents import CurvePart, EndpointPart, IncidencePart, ModelPart, StudyContents
from survmodel.report.family_contents import FamilyPart
from survmodel.report.response_contents import ResponsePart
from survmodel.study.imaging_records import of_imaging
from survmodel.study.imputation_records import of_imputation, of_pooled_model
from survmodel.study.record_parts import (
    Record,
    of_added_value,
    of_comparison_of_models,
    of_curves,
    of_cutpoint,
    of_forest,
    of_risk_groups,
    of_sensitivity,
    of_validated_model,
    tidy_records,
)
from survmodel.study.tracer_records import of_tracers

#: Columns of the long table: what a number is, then the number.
KEYS = ("step", "endpoint", "model", "by", "group", "term", "variable", "level", "reference", "measure", "probability")
KEYS_OF_TIME = ("time", "horizon")
NUMBERS = (
    "estimate", "std_error", "conf_low", "conf_high", "statistic", "df", "p_value", "n", "n_risk", "n_event",
    "n_censor", "n_missing", "observed", "expected", "loglik", "loglik_null", "aic", "bic", "df_below", "fmi", "riv",
)  # fmt: skip


def collect_records(contents: StudyContents) -> list[Record]:
    """Collect every number of a study.

    Parameters
    ----------
    contents : StudyContents
        The results.

    Returns
    -------
    list of dict
        Sorted by what the numbers are; keys that do not apply are left out; a missing number is None.
    """
    found: list[Record] = [{"step": "flow", "measure": "in the files", "n": contents.n}]
    if contents.description is not None and contents.description.result is not None:
        found += tidy_records(contents.description.result.tidy(), contents.description.step)
    for flow in contents.flows:
        for why, gone, left in flow.steps:
            found.append(
                {"step": f"flow/{flow.name}", "level": why, "measure": "leaving", "n": left, "n_missing": gone}
            )
    found += [] if contents.tracers is None else of_tracers(contents.tracers)
    found += [] if contents.imaging is None else of_imaging(contents.imaging)
    if contents.families is not None:
        found += _of_families(contents.families)
    for response in contents.responses:
        found += _of_response(response)
    for part in contents.endpoints:
        for record in _of_endpoint(part):
            found.append({"endpoint": part.name, **record})
    for answer in contents.answers():
        if answer.reason:
            what = "withheld" if answer.withheld else "not estimable"
            found.append({"step": answer.step, "measure": what, "reason": answer.reason})
    order = (*KEYS, *KEYS_OF_TIME, *NUMBERS, "reason")
    return sorted(({key: record[key] for key in order if key in record} for record in found), key=_place)


def _place(record: Record) -> tuple[object, ...]:
    texts = tuple(str(record.get(key, "")) for key in KEYS)
    return (*texts, *(float(str(record.get(key) or 0)) for key in KEYS_OF_TIME))


def _of_endpoint(part: EndpointPart) -> Iterator[Record]:
    yield from _of_counts(part)
    if part.precision is not None:
        yield from _of_answer(part.precision)
    yield from _of_answer(part.follow_up, measure="follow-up")
    for curve in part.curves:
        for record in _of_curve(curve, part.horizons):
            yield {"by": curve.by, **record}
    yield from _of_incidence(part)
    for marker in part.markers:
        for fit in (*marker.fits, *marker.by_entity):
            yield from _of_ratios(fit.answer, "hazard ratio", group=fit.group, n=fit.n, n_event=fit.n_event)
    if part.imputation is not None:
        yield from of_imputation(part.imputation)
    yield from _of_models(part)
    yield from _of_questions(part)


def _of_models(part: EndpointPart) -> Iterator[Record]:
    for model in part.models:
        for record in () if model.pooled is None else of_pooled_model(model.pooled):
            yield {"model": model.name, **record}
        groups = () if model.risk_groups is None else of_risk_groups(model.risk_groups, part.horizons)
        for record in (*_of_model(model), *of_validated_model(model), *groups):
            yield {"model": model.name, **record}
    for one in part.comparisons:
        yield from of_comparison_of_models(one)
    for left_out in part.left_out:
        yield from _of_answer(left_out.answer)
        yield {"step": left_out.answer.step, "measure": "left out", "n_missing": left_out.n_unknown}
    for forest in part.forests:
        groups = () if forest.risk_groups is None else of_risk_groups(forest.risk_groups, part.horizons)
        for record in (*of_forest(forest), *groups):
            yield {"model": forest.name, **record}


def _of_questions(part: EndpointPart) -> Iterator[Record]:
    """Give what the declared question has as answers, and the cuts that were searched."""
    if part.added_value is not None:
        yield from of_added_value(part.added_value)
    for cut in part.cutpoints:
        yield from of_cutpoint(cut)
    for asked in part.sensitivity:
        for record in of_sensitivity(asked):
            yield {"model": asked.model, **record}


def _of_counts(part: EndpointPart) -> Iterator[Record]:
    n, n_event = part.outcome.n, part.outcome.n_event
    yield {"step": "counts", "measure": "patients and events", "n": n, "n_event": n_event, "n_censor": n - n_event}
    for one in part.missing_by_group[1:]:
        for name, count in one.columns:
            yield {"step": "missing", "group": one.group, "variable": name, "measure": "n_missing", "n_missing": count}
    for one in part.missing_by_group:
        yield {
            "step": "missing",
            "group": one.group,
            "measure": "no value missing",
            "n": one.n,
            "estimate": one.n_complete,
        }
    for name, count in part.missing:
        yield {"step": "missing", "variable": name, "measure": "n_missing", "n": n, "n_missing": count}
    for label, count in part.causes:
        yield {"step": "counts", "group": label, "measure": "events by cause", "n_event": count}
    if part.outcome.entry is not None:
        yield {"step": "counts", "measure": "under observation only later", "n": n, "estimate": part.n_late}
    for event in part.between:
        yield {
            "step": "counts",
            "level": event.event,
            "group": event.rule,
            "measure": "events in between",
            "n": event.n,
        }
    if part.landmark is not None:
        yield {"step": "landmark", "measure": "patients at the landmark", "time": part.landmark.at, "n": n}
        for reason, count in part.landmark.lost:
            yield {"step": "landmark", "level": reason, "measure": "lost by the landmark", "n_missing": count}


def _of_response(part: ResponsePart) -> Iterator[Record]:
    found, step = part.answer.result, part.answer.step
    if found is None:
        return
    yield from tidy_records(found.odds_ratios(), step, "odds ratio")
    for level, count in zip(found.levels, found.counts, strict=True):
        yield {"step": step, "level": level, "measure": "patients", "n": count}
    statistic, df, p = found.likelihood_ratio
    yield {"step": step, "measure": "likelihood ratio test", "statistic": statistic, "df": df, "p_value": p}
    yield {"step": step, "measure": "assessed", "n": part.n_assessed, "n_missing": part.n_left}
    yield {"step": step, "measure": "in the model", "n": found.n, "n_missing": found.n_missing - part.n_left}


def _of_families(part: FamilyPart) -> Iterator[Record]:
    found = part.families.result
    if found is None:
        return
    yield from tidy_records(found.tidy(), part.families.step, "correlation with the representative")
    counts = {"markers": len(found.names), "families": len(found.representatives)}
    for measure, count in counts.items():
        yield {"step": part.families.step, "measure": measure, "n": count}
    yield {"step": part.families.step, "measure": "least correlation of a family", "estimate": found.least}


def _of_incidence(part: EndpointPart) -> Iterator[Record]:
    for one in part.incidence:
        if one.fit.result is not None and part.horizons:
            for record in tidy_records(
                one.fit.result.at(list(part.horizons)), one.fit.step, measure="cumulative incidence"
            ):
                yield {"by": one.by, **record}
        for answer in one.tests:
            for record in _of_gray_test(answer, one):
                yield {"by": one.by, **record}


def _of_gray_test(answer: Answer[GrayTest], part: IncidencePart) -> Iterator[Record]:
    test = answer.result
    if test is None:
        return
    for record in tidy_records(test.tidy(), answer.step, measure="events by group"):
        yield {**record, "level": test.cause}
    measure = f"test, within {part.strata_label}" if part.strata_label else "test"
    numbers = {"statistic": test.statistic, "df": test.df, "p_value": test.p_value}
    yield {"step": answer.step, "level": test.cause, "measure": measure, **numbers}


def _of_answer(answer: Answer[Any], measure: str = "") -> Iterator[Record]:
    if answer.result is not None:
        yield from tidy_records(answer.result.tidy(), answer.step, measure)


def _of_ratios(answer: Answer[CoxFit], measure: str, **counts: object) -> Iterator[Record]:
    if answer.result is not None:
        for record in tidy_records(answer.result.hazard_ratios(), answer.step, measure):
            yield {**counts, **record}


def _of_curve(curve: CurvePart, horizons: Sequence[float]) -> Iterator[Record]:
    yield from of_curves(curve.fit, horizons)
    if curve.test is not None and curve.test.result is not None:
        test = curve.test.result
        yield from tidy_records(test.tidy(), curve.test.step, measure="events by group")
        within = f", within {curve.strata_label}" if curve.strata_label else ""
        numbers = {"statistic": test.statistic, "df": test.df, "p_value": test.p_value}
        yield {"step": curve.test.step, "measure": f"test{within}", **numbers}
        if test.permutations:
            drawn = {"n": test.permutations, "p_value": test.permutation_p_value}
            yield {"step": curve.test.step, "measure": f"test by permutation{within}", **drawn}


def _of_model(model: ModelPart) -> Iterator[Record]:
    fit, step = model.fit.result, model.fit.step
    if fit is not None:
        yield from _of_fit(fit, step)
    for _, alone in model.univariable:
        found = alone.result
        counts = {} if found is None else {"n": found.n, "n_event": found.n_event}
        yield from _of_ratios(alone, "hazard ratio, alone", **counts)
    for one in model.counts:
        counts = {"n": one.n, "n_event": one.n_event}
        yield {"step": step, "measure": "patients and events", "variable": one.variable, "level": one.level, **counts}
    yield from _of_answer(model.proportional_hazards, "test")
    for group, within in (("", model.concordance), *((one.group, one.answer) for one in model.concordance_by_group)):
        for record in _of_answer(within):
            yield {"group": group, **record, "measure": f"{record['measure']}, apparent"}


def _of_fit(fit: CoxFit, step: str) -> Iterator[Record]:
    yield from tidy_records(fit.tidy(), step, measure="log hazard ratio")
    yield from tidy_records(fit.hazard_ratios(), step, measure="hazard ratio")
    if columns_of_splines(fit.design):
        for record in tidy_records(fit.term_tests(), step):
            yield {**record, "measure": f"test of the term, {record.pop('part')}"}
    for spline in splines_of(fit.design):
        for number, knot in enumerate(spline.knots, start=1):
            yield {"step": step, "variable": spline.variable, "measure": f"knot {number}", "estimate": knot}
    whole = fit.glance().iloc[0]
    names = ("n", "n_event", "n_missing", "loglik", "loglik_null", "aic", "bic")
    yield {"step": step, "measure": "fit", **{name: whole[name] for name in names}}
    test = {"statistic": whole["lr_statistic"], "df": whole["lr_df"], "p_value": whole["lr_p_value"]}
    yield {"step": step, "measure": "likelihood-ratio test", **test}
    for name, count in fit.missing:
        yield {"step": step, "variable": name, "measure": "n_missing", "n_missing": count}
