"""Uptake of both tracers by entity: medians with quartiles, and by how much one exceeds the other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from survmodel.models.description import Description, describe
from survmodel.performance.paired_uptake import PairedValues, paired_uptake
from survmodel.report.answers import Answer
from survmodel.report.tracer_contents import EntityUptake
from survmodel.study.step_parts import Progress, attempt_possible, list_levels

#: Fewer pairs than this say nothing of a ratio.
FEWEST = 5


def entity_uptake(
    table: pd.DataFrame, entity: str | None, columns: tuple[str, str], names: tuple[str, str], progress: Progress
) -> Iterator[EntityUptake]:
    """Describe the uptake of both tracers in each entity.

    Parameters
    ----------
    table : pandas.DataFrame
        Patients who are compared.
    entity : str or None
        Column of the entity.
    columns, names : tuple of (str, str)
        Uptake of the two tracers, and how the tracers are called.
    progress : callable
        Is told the name of each step before it begins.

    Yields
    ------
    EntityUptake
        One for each entity with a value; nothing without both columns.
    """
    if entity is None or entity not in table or not set(columns) <= set(table.columns):
        return
    for label, rows in list_levels(table[entity]):
        own = table.iloc[rows][list(columns)].astype(float)
        if own.isna().all(axis=None):
            continue
        both = int(own.notna().all(axis=1).sum())
        step = f"tracers/entities/{label}"
        described: Answer[Description] = attempt_possible(step, partial(describe, own), progress)
        ratio: Answer[PairedValues] = Answer(f"{step}/ratio", None, f"{both} pairs", withheld=True)
        if both >= FEWEST:
            compute = partial(paired_uptake, own[columns[0]], own[columns[1]], names=names)
            ratio = attempt_possible(f"{step}/ratio", compute, progress)
        yield EntityUptake(label, described, both, ratio)
