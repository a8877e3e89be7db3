"""One long table of every number of a study, from which its tables and sentences are formatted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from survmodel.report.contents import CurvePart, EndpointPart, ModelPart, StudyContents
from survmodel.result import to_records

#: Columns of the long table: what a number is, then the number.
KEYS = ("step", "endpoint", "model", "by", "group", "term", "variable", "level", "reference", "measure", "probability")
KEYS_OF_TIME = ("time", "horizon")
NUMBERS = (
    "estimate", "std_error", "conf_low", "conf_high", "statistic", "df", "p_value", "n", "n_risk", "n_event",
    "n_censor", "n_missing", "observed", "expected", "loglik", "loglik_null", "aic", "bic",
)  # fmt: skip

Record = dict[str, object]


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
    found = [{"step": "missing", "variable": name, "measure": "n_missing", "n": contents.n, "n_missing": count}
             for name, count in contents.missing]  # fmt: skip
    for part in contents.endpoints:
        for record in _of_endpoint(part):
            found.append({"endpoint": part.name, **record})
    for answer in contents.failed():
        found.append({"step": answer.step, "measure": "not estimable", "reason": answer.reason})
    order = (*KEYS, *KEYS_OF_TIME, *NUMBERS, "reason")
    return sorted(({key: record[key] for key in order if key in record} for record in found), key=_place)


def _place(record: Record) -> tuple[object, ...]:
    texts = tuple(str(record.get(key, "")) for key in KEYS)
    return (*texts, *(float(str(record.get(key) or 0)) for key in KEYS_OF_TIME))


def _of_endpoint(part: EndpointPart) -> Iterator[Record]:
    n, n_event = part.outcome.n, part.outcome.n_event
    yield {"step": "counts", "measure": "patients and events", "n": n, "n_event": n_event, "n_censor": n - n_event}
    for label, count in part.causes:
        yield {"step": "counts", "group": label, "measure": "events by cause", "n_event": count}
    if part.follow_up.result is not None:
        yield from _tidy(part.follow_up.result.tidy(), part.follow_up.step, measure="follow-up")
    for curve in part.curves:
        for record in _of_curve(curve, part.horizons):
            yield {"by": curve.by, **record}
    for model in part.models:
        for record in _of_model(model):
            yield {"model": model.name, **record}


def _of_curve(curve: CurvePart, horizons: Sequence[float]) -> Iterator[Record]:
    fit, step = curve.fit.result, curve.fit.step
    if fit is not None:
        for one in fit.curves:
            events = float(one.steps.n_event.sum())
            yield {"step": step, "group": one.group, "measure": "patients and events", "n": one.n, "n_event": events}
        yield from _tidy(fit.quantile(0.5), step, measure="quantile")
        if horizons:
            yield from _tidy(fit.at(list(horizons)), step, measure="survival")
    if curve.test is not None and curve.test.result is not None:
        test = curve.test.result
        yield from _tidy(test.tidy(), curve.test.step, measure="events by group")
        yield {
            "step": curve.test.step,
            "measure": "test",
            "statistic": test.statistic,
            "df": test.df,
            "p_value": test.p_value,
        }


def _of_model(model: ModelPart) -> Iterator[Record]:
    fit, step = model.fit.result, model.fit.step
    if fit is not None:
        yield from _tidy(fit.tidy(), step, measure="log hazard ratio")
        yield from _tidy(fit.hazard_ratios(), step, measure="hazard ratio")
        whole = fit.glance().iloc[0]
        names = ("n", "n_event", "n_missing", "loglik", "loglik_null", "aic", "bic")
        yield {"step": step, "measure": "fit", **{name: whole[name] for name in names}}
        test = {"statistic": whole["lr_statistic"], "df": whole["lr_df"], "p_value": whole["lr_p_value"]}
        yield {"step": step, "measure": "likelihood-ratio test", **test}
        for name, count in fit.missing:
            yield {"step": step, "variable": name, "measure": "n_missing", "n_missing": count}
    if model.proportional_hazards.result is not None:
        answer = model.proportional_hazards
        yield from _tidy(model.proportional_hazards.result.tidy(), answer.step, measure="test")
    if model.concordance.result is not None:
        for record in _tidy(model.concordance.result.tidy(), model.concordance.step):
            yield {**record, "measure": f"{record['measure']}, apparent"}


def _tidy(table: pd.DataFrame, step: str, measure: str = "") -> Iterator[Record]:
    for record in to_records(table):
        yield {"step": step, **({"measure": measure} if measure else {}), **record}
