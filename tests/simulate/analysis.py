"""The analysis of a simulated study, as a user would make it from the files."""

from __future__ import annotations

import numpy as np
import pandas as pd

from survmodel.simulate import SimulatedStudy
from survmodel.simulate.cohort import Person
from survmodel.simulate.course import LOCK_DAY, Course
from survmodel.simulate.truth import Truth

DATES = ["last_contact_date", "death_date", "progression_date", "last_assessment_date"]


def from_tables(study: SimulatedStudy) -> pd.DataFrame:
    """One row for each confirmed patient with uptake of the hottest lesions, index and progression-free survival."""
    tables = study.tables
    patients = tables["patients"].set_index("patient_id").query("confirmed == 'yes'").sort_index()
    follow_up = tables["follow_up"].set_index("patient_id").loc[patients.index]
    dates = follow_up[DATES].apply(pd.to_datetime)
    hottest = tables["lesions"].assign(suvmax=lambda t: t["suvmax"].astype(float)).groupby("scan_id")["suvmax"].max()
    rows = pd.DataFrame(index=patients.index)
    for tracer in ("cxcr4", "fdg"):
        scans = tables["scans"].query("tracer == @tracer").set_index("patient_id").loc[patients.index]
        rows[tracer] = np.log2(scans["scan_id"].map(hottest))
        if tracer == "cxcr4":
            origin = pd.to_datetime(scans["scan_date"])
    first = dates["progression_date"].fillna(dates["death_date"])
    rows["entity"] = patients["entity"]
    rows["index"] = [
        study.truth.index_log_hazard(entity, group) if group else np.nan
        for entity, group in zip(patients["entity"], patients["index_group"], strict=True)
    ]
    rows["event"] = first.notna().astype(int)
    rows["days"] = (first.fillna(dates["last_assessment_date"]) - origin).dt.days
    return rows


def from_people(people: tuple[Person, ...], courses: tuple[Course, ...], truth: Truth) -> pd.DataFrame:
    """The same without the way through the tables: nothing is missing, and no scanner shifts anything."""
    rows = []
    for person, course in zip(people, courses, strict=True):
        if not person.confirmed:
            continue
        first = course.progression or course.death
        assert first is None or first <= LOCK_DAY
        rows.append(
            {
                "patient_id": person.patient_id,
                "cxcr4": person.cxcr4.log2_suvmax if person.cxcr4.visible else np.nan,
                "fdg": person.fdg.log2_suvmax if person.fdg.visible else np.nan,
                "entity": person.truth.entity,
                "index": truth.index_log_hazard(person.truth.entity, person.index_group),
                "event": int(first is not None),
                "days": (first or course.visits[-1]) - person.scan_day,
            }
        )
    return pd.DataFrame(rows).set_index("patient_id").sort_index()
