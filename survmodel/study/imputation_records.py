"""Numbers of an imputation and of models that are pooled over its completed tables, for the long table."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.models.pooled_regression import PooledRegression
from survmodel.report.answers import Answer
from survmodel.report.imputation_contents import ImputationPart, PooledModel
from survmodel.study.record_parts import Record, tidy_records


def of_imputation(part: ImputationPart) -> Iterator[Record]:
    """Give what was imputed, how often, and whether the chains met.

    Parameters
    ----------
    part : ImputationPart
        The imputation.

    Yields
    ------
    dict
        None where nothing could be imputed.
    """
    found, step = part.fit.result, part.fit.step
    if found is None:
        return
    yield {"step": step, "measure": "imputations", "n": found.m}
    yield {"step": step, "measure": "cycles", "n": found.settings.iterations}
    yield {"step": step, "measure": "patients with an imputed value", "n": part.n, "n_missing": part.n_incomplete}
    for name, count in part.missing:
        yield {"step": step, "variable": name, "measure": "values imputed", "n": part.n, "n_missing": count}
    for name, count in part.not_applicable:
        yield {"step": step, "variable": name, "measure": "does not apply", "n": part.n, "n_missing": count}
    for column, factor in found.r_hat.items():
        yield {"step": step, "variable": str(column), "measure": "R-hat", "estimate": float(factor)}


def of_pooled_model(model: PooledModel) -> Iterator[Record]:
    """Give pooled hazard ratios, the pooled test and C.

    Parameters
    ----------
    model : PooledModel
        The model.

    Yields
    ------
    dict
        Records.
    """
    found, step = model.fit.result, model.fit.step
    if found is not None:
        yield from tidy_records(found.tidy(), step, measure="log hazard ratio, pooled")
        yield from tidy_records(found.hazard_ratios(), step, measure="hazard ratio, pooled")
        whole = found.glance().iloc[0]
        counts = {"n": int(whole["n"]), "n_event": int(whole["n_event"])}
        yield {"step": step, "measure": "patients and events", **counts}
        yield {"step": step, "measure": "imputations", "n": found.m}
        test = found.likelihood_ratio()
        numbers = {"statistic": test.statistic, "df": test.df, "df_below": test.df_below, "p_value": test.p_value}
        yield {"step": step, "measure": "likelihood-ratio test, pooled by D2", **numbers}
    for _, answer in model.univariable:
        yield from _of_alone(answer)
    for group, within in (("", model.concordance), *((one.group, one.answer) for one in model.concordance_by_group)):
        if within.result is not None:
            for record in tidy_records(within.result.tidy(), within.step, "Harrell C, apparent, pooled"):
                yield {"group": group, **{key: value for key, value in record.items() if key != "p_value"}}
    for one in model.concordance_by_group:
        yield {
            "step": one.answer.step,
            "group": one.group,
            "measure": "patients and events",
            "n": one.n,
            "n_event": one.n_event,
        }


def _of_alone(answer: Answer[PooledRegression]) -> Iterator[Record]:
    found = answer.result
    if found is not None:
        counts = {"n": int(found.fits[0].n), "n_event": int(found.fits[0].n_event)}
        for record in tidy_records(found.hazard_ratios(), answer.step, "hazard ratio, alone, pooled"):
            yield {**counts, **record}
