"""Models of response: what predicts the response at the end of treatment, or residual disease."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from survmodel.cohort import ALL_PATIENTS
from survmodel.errors import list_values
from survmodel.models.response_model import response_model
from survmodel.report.response_contents import ResponsePart
from survmodel.study.folder import file_stem
from survmodel.study.preparation import Prepared
from survmodel.study.settings import PROGNOSTIC
from survmodel.study.settings_response import levels_of
from survmodel.study.step_parts import Progress, attempt, silent


def response_parts(prepared: Prepared, progress: Progress = silent) -> Iterator[ResponsePart]:
    """Fit the models of response that the study file declares.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    progress : callable
        Is told the name of each step before it begins.

    Yields
    ------
    ResponsePart
        One for each; complete cases among those who were assessed.
    """
    settings, cohort, labels = prepared.study.settings, prepared.cohort, prepared.study.labels
    for number, entry in enumerate(settings.response, start=1):
        chosen = entry.analysis_set or (PROGNOSTIC if PROGNOSTIC in settings.analysis_set else ALL_PATIENTS)
        table = cohort.table.loc[cohort.sets[chosen][0]] if chosen in cohort.sets else cohort.table
        name = file_stem(entry.outcome, str(number)) if len(settings.response) > 1 else file_stem(entry.outcome)
        outcome = labels.get(entry.outcome, entry.outcome)
        if entry.outcome not in table:
            response = pd.Series(np.nan, index=table.index, dtype=object)
        else:
            response = table[entry.outcome].astype(object)
        levels = levels_of(entry)
        known = response.where(response.isin(levels))
        assessed = int(known.notna().sum())
        if entry.at_least is not None:
            better = levels[levels.index(entry.at_least) :]
            outcome = f"{outcome}: {list_values(better)}"
            known = known.isin(better).astype(object).where(known.notna())
        fitted = attempt(
            f"response/{name}",
            lambda entry=entry, table=table, known=known, levels=levels: response_model(  # type: ignore[misc]
                entry.formula, table, known, levels=None if entry.at_least is not None else levels
            ),
            progress,
        )
        described = settings.analysis_set[chosen].label or chosen if chosen in settings.analysis_set else ""
        yield ResponsePart(name, entry.label, outcome, described, fitted, assessed, len(table) - assessed)
