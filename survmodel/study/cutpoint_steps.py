"""Cut-points that the study asks to be searched in its own patients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from survmodel.models.cutpoint import maximally_selected_logrank
from survmodel.models.cutpoint_bootstrap import BootstrapCutpoint, bootstrap_cutpoint
from survmodel.report.answers import Answer
from survmodel.report.cutpoint_contents import CutpointPart
from survmodel.study.settings_added import CutpointEntry
from survmodel.study.step_parts import EndpointSteps


def cutpoint_parts(part: EndpointSteps) -> Iterator[CutpointPart]:
    """Search the cuts of an endpoint, within disease groups and entities.

    Parameters
    ----------
    part : EndpointSteps
        The endpoint.

    Yields
    ------
    CutpointPart
        The search and its stability, or why there are none.
    """
    for entry in part.prepared.study.settings.cutpoint:
        if entry.endpoint == part.name:
            yield _search(entry, part)


def _search(entry: CutpointEntry, part: EndpointSteps) -> CutpointPart:
    settings, step = part.prepared.study.settings, f"cutpoint/{part.name}/{entry.marker}"
    labels = part.prepared.study.labels | part.prepared.cohort.labels
    layers = part.layers(np.arange(len(part.table))).astype(str)
    if part.entity is not None:
        layers = layers + " " + part.entity.astype(str)
    marker = part.table[entry.marker]
    shared: dict[str, Any] = {
        "strata": layers, "min_share": entry.min_share, "min_events": entry.min_events, "seed": settings.seed
    }  # fmt: skip
    found = part.attempt(
        step, lambda: maximally_selected_logrank(part.of_one, marker, permutations=entry.permutations, **shared)
    )
    stable: Answer[BootstrapCutpoint] = Answer(f"{step}/resamples", None, found.reason)
    if found.result is not None:
        repeats = settings.validation.repeats
        stable = part.attempt(stable.step, lambda: bootstrap_cutpoint(part.of_one, marker, repeats=repeats, **shared))
    return CutpointPart(entry.marker, labels.get(entry.marker, entry.marker), found, stable)
