"""Times at which something was reached, such as a response: those that cannot be, named by line of the file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from survmodel.data.findings import Finding
from survmodel.formatting import format_significant
from survmodel.outcome.reading import LARGEST_TIME
from survmodel.outcome.response import TIE_TOLERANCE
from survmodel.study.config import Study
from survmodel.study.gathering import Gathered


def look_at_reached(study: Study, data: Gathered) -> Iterator[Finding]:
    """Look for times of something reached that cannot be.

    Parameters
    ----------
    study : Study
        What is declared.
    data : Gathered
        The patients.

    Yields
    ------
    Finding
        Negative and endless times, and times after the end of observation, where an endpoint of several events says
        when that is: errors.
    """
    for name in dict.fromkeys(one.source for one in study.reached):
        if name not in data.outcome_columns and name not in data.table:
            yield Finding("D033", "no value in any file, and a factor with reached_by needs it", column=name,
                          remedy="bring the file or the column that holds it")  # fmt: skip
            continue
        times = (data.outcome_columns if name in data.outcome_columns else data.table)[name].astype(float)
        yield from _look_at_size(data, name, times)
        for end in _ends(study, name):
            last = data.outcome_columns[end].astype(float)
            late = times > last + TIE_TOLERANCE * float(last.mean())
            remedy = f"correct {name} or {end}: nothing is seen of a patient after the end of observation"
            yield from _find(data, "D036", name, f"reached after the end of observation in {end}", late, remedy)


def _look_at_size(data: Gathered, name: str, times: pd.Series) -> Iterator[Finding]:
    problem = f"negative, smallest {format_significant(float(times.min()))}"
    yield from _find(data, "D041", name, problem, times < 0, "time counts from time zero: are two dates swapped?")
    problem = f"a time beyond any follow-up, largest {format_significant(float(times.max()))}"
    remedy = "correct the cells; leave the cell empty where it was never reached"
    yield from _find(data, "D047", name, problem, times > LARGEST_TIME, remedy)


def _ends(study: Study, source: str) -> list[str]:
    """Name the columns of the end of observation, which only endpoints of several events declare as such."""
    unit = study.columns[source].unit
    ends = [
        str(entry.time)
        for entry in study.settings.endpoint.values()
        if entry.first and entry.unit == unit and source not in entry.time_columns
    ]
    return list(dict.fromkeys(ends))


def _find(data: Gathered, code: str, column: str, problem: str, where: pd.Series, remedy: str) -> list[Finding]:
    patients = np.flatnonzero(where.to_numpy(dtype=bool, na_value=False))
    return data.places.find(code, column, problem, patients, remedy=remedy) if patients.size else []
