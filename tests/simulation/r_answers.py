"""What R simulated: targets of the case simulation_targets, with the number of replicates behind each.

The laws are those of the case; numbers of replicates stand in its data. The test of proportional hazards and incidences
have answers of their own, by tests/reference/simulation.R.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from reference.stored_cases import read_case

CASE = "simulation_targets"
#: Values that no check compares, each with its reason.
LEFT_OUT = {"cutpoint_altman_size": "Altman's correction of a searched cut is not offered"}


def answer(name: str, *place: str) -> npt.NDArray[np.float64]:
    """Read one stored value, or a part of it."""
    value = read_case(CASE).values[name]["value"]
    for step in place:
        value = value[step]
    return np.asarray(value, dtype=float)


@cache
def replicates(scenario: str) -> int:
    """Read how often R repeated a scenario."""
    columns = read_case(CASE).columns
    return int(columns["replicates"][list(columns["scenario"]).index(scenario)])


@cache
def other_answers() -> dict[str, object]:
    """Read what tests/reference/simulation.R found: theta, size, power, coverage of incidences, replicates."""
    path = Path(__file__).parents[1] / "reference" / "simulation.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))
