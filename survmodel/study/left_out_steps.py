"""Models scored in each scanner, site or other group that they had not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from survmodel.models.complete_rows import find_complete_rows
from survmodel.models.contract import Model
from survmodel.models.formula import parse_formula
from survmodel.performance.leave_group_out import GroupValidation, leave_group_out
from survmodel.report.answers import Answer
from survmodel.report.left_out_contents import LeftOutPart
from survmodel.study.comparison_steps import name_layers
from survmodel.study.known_columns import model_strata
from survmodel.study.model_steps import cox_spec
from survmodel.study.step_parts import EndpointSteps, too_few_events, withhold


def left_out_parts(part: EndpointSteps) -> Iterator[LeftOutPart]:
    """Score the Cox models of an endpoint in groups that they had not seen.

    Parameters
    ----------
    part : EndpointSteps
        The endpoint.

    Yields
    ------
    LeftOutPart
        One for each set of compared models, on the same patients; without any, one for each model. Complete cases.
    """
    settings = part.prepared.study.settings
    column = settings.validation.leave_out
    if column is None:
        return
    own = {name: model for name, model in settings.model.items() if model.endpoint == part.name and not model.is_forest}
    compared = [tuple(name for name in names if name in own) for names in settings.validation.compare]
    sets = [names for names in compared if names] or [(name,) for name in own]
    labels = part.prepared.study.labels
    for names in dict.fromkeys(sets):
        step = f"left_out/{column}/{'/'.join(names)}"
        specs: dict[str, Model] = {name: cox_spec(own[name].formula, own[name], part) for name in names}
        formulas = [parse_formula(own[name].formula) for name in names]
        strata = dict.fromkeys(one for name in names for one in model_strata(own[name], settings))
        kept, _ = find_complete_rows(formulas, (*strata, column), part.table)
        rows = np.flatnonzero(kept)
        answer: Answer[GroupValidation] = part.attempt(
            step,
            lambda specs=specs, rows=rows: _score(specs, rows, column, part),  # type: ignore[misc]
        )
        n_event = 0 if answer.result is None else answer.result.n_event
        few = too_few_events(n_event, part.least.performance, "performance") if answer.result is not None else ""
        shown = {name: own[name].label or f"model {name}" for name in names}
        yield LeftOutPart(labels.get(column, column), shown, withhold(answer, few), len(part.table) - rows.size)


def _score(specs: Mapping[str, Model], rows: np.ndarray, column: str, part: EndpointSteps) -> GroupValidation:
    table = part.table.iloc[rows]
    layers = name_layers(specs, part).iloc[rows]
    return leave_group_out(specs, table, part.of_one.take(rows), table[column].astype(str), strata=layers)
