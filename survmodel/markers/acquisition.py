"""How the baseline scans of a patient were made: uptake time, activity, reconstruction, inside the windows or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from survmodel.data.acquisition import WINDOWS, Window, activity_per_kg, deviations
from survmodel.data.canonical import baseline_scans
from survmodel.markers.uptake import TRACERS


@dataclass(frozen=True, slots=True)
class AcquisitionFact:
    """What a column says of how a scan was made.

    Attributes
    ----------
    name, label, unit : str
        Column, how it is shown, its unit.
    source : str
        Column of the scans from which it comes; "" where it is computed.
    type : {"number", "text", "boolean"}
        Of the column.
    """

    name: str
    label: str
    unit: str
    source: str
    type: Literal["number", "text", "boolean"]

    @property
    def needs_therapy(self) -> bool:
        """Whether it comes from the table of treatments."""
        return self.name.endswith((TO_TREATMENT, BEFORE))


PER_KG, IN_WINDOW = "mbq_per_kg", "in_window"
FROM_DIAGNOSIS, TO_TREATMENT, BEFORE = "days_from_diagnosis", "days_to_treatment", "before_treatment"
_FACTS = (
    ("uptake_min", "uptake time", "min", "uptake_min", "number"),
    ("injected_mbq", "injected activity", "MBq", "injected_mbq", "number"),
    (PER_KG, "injected activity by weight", "MBq/kg", "", "number"),
    ("glucose", "glucose before injection", "mmol/L", "glucose", "number"),
    ("reconstruction", "reconstruction", "", "reconstruction", "text"),
    ("batch", "synthesis batch", "", "batch", "text"),
    ("earl", "accredited by EARL", "", "earl", "boolean"),
    ("contrast", "with contrast medium", "", "contrast", "boolean"),
    ("steroids", "under steroids", "", "steroids", "boolean"),
    ("gcsf", "after G-CSF", "", "gcsf", "boolean"),
    (IN_WINDOW, "inside the windows", "", "", "boolean"),
    (FROM_DIAGNOSIS, "time since diagnosis", "days", "", "number"),
    (TO_TREATMENT, "time to the first treatment", "days", "", "number"),
    (BEFORE, "before the first treatment", "", "", "boolean"),
)
#: Every column that `acquisition_facts` can make.
ACQUISITION_FACTS: tuple[AcquisitionFact, ...] = tuple(
    AcquisitionFact(f"{tracer}_{name}", f"{tracer.upper()} scan, {label}", unit, source, kind)  # type: ignore[arg-type]
    for tracer in TRACERS
    for name, label, unit, source, kind in _FACTS
)


def acquisition_facts(
    patients: pd.Index,
    scans: pd.DataFrame,
    windows: Mapping[str, Window] = WINDOWS,
    *,
    diagnosis: pd.Series | None = None,
    treatment: pd.Series | None = None,
) -> pd.DataFrame:
    """Collect how the baseline scans were made, for strata, filters and sensitivity analyses.

    Parameters
    ----------
    patients : pandas.Index
        Patient ids, one for each row of the result.
    scans : pandas.DataFrame
        The canonical table; one baseline scan for each patient and tracer.
    windows : mapping of str to Window
        By tracer.
    diagnosis, treatment : pandas.Series, optional
        Day of the diagnosis, and of the first treatment, by patient id. Where treatments are recorded at all, a patient
        without one was scanned before any.

    Returns
    -------
    pandas.DataFrame
        A column only where something is known. ``cxcr4_in_window`` is no where one part of the window is left, yes
        where every part of which the data tell something is kept, and missing where nothing is known of the scan.

    Examples
    --------
    >>> scans = pd.DataFrame({
    ...     "scan_id": ["s"], "patient_id": ["a"], "tracer": ["cxcr4"], "scan_role": ["baseline"], "uptake_min": [95.0],
    ...     "injected_mbq": [140.0], "weight_kg": [70.0],
    ... })
    >>> acquisition_facts(pd.Index(["a"]), scans).iloc[0].to_dict()
    {'cxcr4_uptake_min': 95.0, 'cxcr4_injected_mbq': 140.0, 'cxcr4_mbq_per_kg': 2.0, 'cxcr4_in_window': False}
    """
    base = baseline_scans(scans)
    sources = {fact.source for fact in ACQUISITION_FACTS if fact.source} | {"weight_kg"}
    base = base.reindex(columns=list(dict.fromkeys([*base.columns, *sorted(sources)])))
    computed = {PER_KG: activity_per_kg(base), IN_WINDOW: _in_window(base, windows)}
    computed |= _days(base, diagnosis, treatment)
    table = pd.DataFrame(index=patients)
    for fact in ACQUISITION_FACTS:
        tracer, _, name = fact.name.partition("_")
        own = (base["tracer"].astype(str) == tracer).to_numpy()
        values = base[fact.source] if fact.source else computed[name]
        values = values[own].set_axis(base.loc[own, "patient_id"])
        if values.notna().any():
            table[fact.name] = _of_type(values.reindex(patients), fact.type)
    return table


def _days(scans: pd.DataFrame, diagnosis: pd.Series | None, treatment: pd.Series | None) -> dict[str, pd.Series]:
    """Count days between diagnosis, scan and first treatment."""
    nothing = pd.Series(np.nan, index=scans.index)
    found: dict[str, pd.Series] = {FROM_DIAGNOSIS: nothing, TO_TREATMENT: nothing, BEFORE: nothing.astype("boolean")}
    if diagnosis is not None:
        found[FROM_DIAGNOSIS] = (scans["scan_date"] - scans["patient_id"].map(diagnosis)).dt.days.astype(float)
    if treatment is not None:
        to = (scans["patient_id"].map(treatment) - scans["scan_date"]).dt.days.astype(float)
        found |= {TO_TREATMENT: to, BEFORE: (~(to < 0)).astype("boolean")}
    return found


def _of_type(values: pd.Series, kind: str) -> pd.Series:
    if kind == "boolean":
        return values.astype("boolean")
    return values.astype(float) if kind == "number" else values


def _in_window(scans: pd.DataFrame, windows: Mapping[str, Window]) -> pd.Series:
    parts = list(deviations(scans, windows))
    known = pd.DataFrame({place: one.known for place, one in enumerate(parts)}, index=scans.index)
    outside = pd.DataFrame({place: one.outside for place, one in enumerate(parts)}, index=scans.index)
    inside = (~outside.any(axis=1)).astype("boolean")
    return inside.mask(~known.any(axis=1))


def names_of(table: pd.DataFrame) -> Iterator[AcquisitionFact]:
    """Name what the columns of a table say.

    Parameters
    ----------
    table : pandas.DataFrame
        As `acquisition_facts` makes it.

    Yields
    ------
    AcquisitionFact
        Those that the table has.

    Examples
    --------
    >>> [fact.label for fact in names_of(pd.DataFrame(columns=["cxcr4_uptake_min"]))]
    ['CXCR4 scan, uptake time']
    """
    yield from (fact for fact in ACQUISITION_FACTS if fact.name in table)
