"""People and their courses as the canonical tables, every cell the text that an export would hold.

Dates are ISO text, yes and no stand for booleans, an empty cell is missing. Rows are in random order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import numpy as np
import pandas as pd

from survmodel.formatting import format_number
from survmodel.simulate.cohort import Person
from survmodel.simulate.course import Course
from survmodel.simulate.imaging import Row, draw_imaging
from survmodel.simulate.streams import Floats, pick, stream
from survmodel.simulate.truth import Plan

#: Columns of each table, in the order of the schema.
COLUMNS = {
    "patients": (
        "patient_id", "site", "disease_group", "entity", "sex", "age_years", "diagnosis_date", "suspected", "confirmed",
        "untreated", "ecog", "stage_ct", "stage_fdg", "stage_cxcr4", "b_symptoms", "index_group", "index_name",
    ),
    "scans": (
        "scan_id", "patient_id", "tracer", "scan_role", "scan_date", "scanner", "reconstruction", "earl", "weight_kg",
        "height_cm", "injected_mbq", "uptake_min", "suv_type", "liver_suvmean", "blood_suvmean", "spleen_suvmean",
        "marrow_suvmean",
    ),
    "lesions": (
        "lesion_id", "scan_id", "region", "lesion_type", "segmentation", "suvmax", "suvpeak", "suvmean", "suv_sd",
        "volume_ml", "x_mm", "y_mm", "z_mm",
    ),
    "labs": ("patient_id", "lab_date", "test", "value", "unit", "uln"),
    "therapy": ("patient_id", "therapy_date", "regimen", "kind", "line"),
    "reads": ("scan_id", "reader", "result", "rule", "rule_version"),
    "assessments": ("patient_id", "assessment_date", "criteria", "response", "mrd"),
    "follow_up": (
        "patient_id", "vital_status", "last_contact_date", "death_date", "death_cause", "progression_date",
        "last_assessment_date", "new_treatment_date", "transplant_date",
    ),
}  # fmt: skip

STAGES = ("I", "II", "III", "IV")
#: Criteria of response, and what may be reached beside progression, by disease group.
CRITERIA = {
    "lymphoma": ("Lugano 2014", ("CR", "PR", "SD")),
    "myeloma": ("IMWG 2016", ("CR", "VGPR", "PR", "MR", "SD")),
    "leukemia": ("", ("CR", "PR", "SD")),
}
LEUKEMIA_CRITERIA = {"CLL": "iwCLL 2018", "AML": "ELN 2022"}
REGIMENS = {
    "MZL": "R-bendamustine", "MCL": "R-bendamustine", "DLBCL": "R-CHOP", "FL": "R-bendamustine", "MM": "VRd",
    "CLL": "zanubrutinib", "AML": "cytarabine + daunorubicin",
}  # fmt: skip
#: Days of slack before the progression by which the mis-dated last contact lies.
MISDATED_BY = 12


@dataclass(frozen=True, slots=True)
class Blemishes:
    """Patients with something that a clean table would not have.

    Attributes
    ----------
    no_index_group, no_limit, no_b2 : frozenset of int
        Without the group of the index, without the upper limit of LDH, without beta-2 microglobulin.
    misdated : int
        The patient whose last contact lies before the progression.
    """

    no_index_group: frozenset[int]
    no_limit: frozenset[int]
    no_b2: frozenset[int]
    misdated: int


def choose_blemishes(people: tuple[Person, ...], courses: tuple[Course, ...], plan: Plan, seed: int) -> Blemishes:
    """Choose who lacks what; what is missing depends on what is seen (era, age), not on what is missing.

    Parameters
    ----------
    people : tuple of Person
        The people.
    courses : tuple of Course
        Their courses.
    plan : Plan
        The lock.
    seed : int
        Seed of the study.

    Returns
    -------
    Blemishes
        The patients, by their numbers.
    """
    sick = [one.number for one in people if one.confirmed]
    weights = np.array([(3.0 if one.early else 1.0) * (1.5 if one.age > 70 else 1.0) for one in people])[sick]
    progressed = [i for i in sick if courses[i].progression is not None]
    alive = [i for i in progressed if courses[i].death is None and not courses[i].lost]
    return Blemishes(
        no_index_group=pick(seed, "no index group", sick, round(0.04 * len(sick)), weights),
        no_limit=pick(seed, "no limit of LDH", sick, plan.no_limit),
        no_b2=pick(seed, "no beta-2 microglobulin", sick, round(0.15 * len(sick)), weights),
        misdated=min(pick(seed, "mis-dated", alive or progressed, 1)),
    )


def make_tables(
    people: tuple[Person, ...], courses: tuple[Course, ...], blemishes: Blemishes, plan: Plan, seed: int
) -> dict[str, pd.DataFrame]:
    """Write the canonical tables.

    Parameters
    ----------
    people : tuple of Person
        The people.
    courses : tuple of Course
        Their courses.
    blemishes : Blemishes
        Who lacks what.
    plan : Plan
        The lock.
    seed : int
        Seed of the study.

    Returns
    -------
    dict of str to pandas.DataFrame
        Tables by name, every cell text.
    """
    imaging = draw_imaging(people, seed, plan.indeterminate)
    rows: dict[str, list[Row]] = {
        "patients": _patients(people, blemishes, seed),
        "scans": imaging.scans,
        "lesions": imaging.lesions,
        "labs": _labs(people, blemishes, seed),
        "therapy": [row for one, course in zip(people, courses, strict=True) for row in _therapy(one, course)],
        "reads": imaging.reads,
        "assessments": [
            row for one, course in zip(people, courses, strict=True) for row in _assessments(one, course, seed)
        ],
        "follow_up": [
            _follow_up(one, course, seed, misdated=one.number == blemishes.misdated)
            for one, course in zip(people, courses, strict=True)
        ],
    }
    return {name: _shuffled(name, several, seed) for name, several in rows.items()}


def _shuffled(name: str, rows: list[Row], seed: int) -> pd.DataFrame:
    order = stream(seed, f"rows of {name}").permutation(len(rows))
    return pd.DataFrame([rows[place] for place in order], columns=list(COLUMNS[name]), dtype=object).fillna("")


def _day(day: int | None) -> str:
    return "" if day is None else date.fromordinal(day).isoformat()


def _yes(fact: bool) -> str:  # noqa: FBT001 - a fact in words
    return "yes" if fact else "no"


def _patients(people: tuple[Person, ...], blemishes: Blemishes, seed: int) -> list[Row]:
    draws = stream(seed, "clinical findings").random((len(people), 4))
    return [_patient(one, draws[one.number], has_group=one.number not in blemishes.no_index_group) for one in people]


def _patient(person: Person, draws: Floats, *, has_group: bool) -> Row:
    truth, sick = person.truth, person.confirmed
    row = {
        "patient_id": person.patient_id,
        "site": person.site,
        "disease_group": truth.disease_group,
        "entity": truth.entity,
        "sex": "female" if person.female else "male",
        "age_years": format_number(person.age, 1),
        "diagnosis_date": _day(person.diagnosis_day) if sick else "",
        "suspected": "yes",
        "confirmed": _yes(sick),
        "untreated": _yes(not person.pretreated),
        "ecog": str(int(np.clip(round(0.6 + 0.6 * person.liability + 0.8 * (float(draws[0]) - 0.5)), 0, 4))),
        "index_group": person.index_group if sick and has_group else "",
        "index_name": truth.index_name if sick else "",
    }
    if sick and truth.disease_group == "lymphoma":
        level = 0.6 * NormalDist().cdf(person.burden) + 0.4 * float(draws[1])
        stage = sum(level > cut for cut in (0.2, 0.4, 0.6))
        row["stage_ct"] = STAGES[stage]
        row["stage_cxcr4"] = STAGES[_moved(stage, float(draws[2]), up=0.20, down=0.07)]
        row["stage_fdg"] = STAGES[_moved(stage, float(draws[3]), up=0.12, down=0.10)]
        row["b_symptoms"] = _yes(float(draws[3]) + 0.2 * person.burden > 0.75)
    return row


def _moved(stage: int, draw: float, *, up: float, down: float) -> int:
    step = 1 if draw < up else -1 if draw > 1 - down else 0
    return int(np.clip(stage + step, 0, len(STAGES) - 1))


def _labs(people: tuple[Person, ...], blemishes: Blemishes, seed: int) -> list[Row]:
    draws = stream(seed, "labs").standard_normal((len(people), 9))
    delays = stream(seed, "days of labs").integers(0, 8, len(people))
    absent = stream(seed, "single labs missing").random((len(people), 9))
    rows = []
    for person in people:
        i = person.number
        day = _day(person.first_scan_day - int(delays[i]))
        for place, (test, value, digits, unit, uln) in enumerate(_lab_values(person, draws[i])):
            gone = i in blemishes.no_b2 if test == "b2_microglobulin" else test != "ldh" and absent[i, place] < 0.03
            if gone:
                continue
            limit = "" if test == "ldh" and i in blemishes.no_limit else uln
            written = format_number(value, digits)
            rows.append(
                {
                    "patient_id": person.patient_id,
                    "lab_date": day,
                    "test": test,
                    "value": written,
                    "unit": unit,
                    "uln": limit,
                }
            )
    return rows


def _lab_values(person: Person, z: Floats) -> Iterator[tuple[str, float, int, str, str]]:
    """Give test, value, decimals, unit and upper limit; the worse the liability, the worse the values."""
    bad = person.liability if person.confirmed else -0.8
    entity = person.truth.entity if person.confirmed else ""
    low_blood = {"MM": 1.4, "AML": 3.0, "CLL": 0.6}.get(entity, 0.0)
    white = {"CLL": 55.0, "AML": 14.0}.get(entity, 7.0)
    ldh_limit = {"site_2": 225, "site_4": 240}.get(person.site, 250)
    bound = np.clip
    yield "hemoglobin", float(bound(13.4 - low_blood - 0.8 * bad + 1.0 * z[0], 5.5, 17.5)), 1, "g/dL", ""
    yield "ldh", float(bound(210 * np.exp(0.22 * bad + 0.25 * z[1]), 90, 2500)), 0, "U/L", str(ldh_limit)
    yield "b2_microglobulin", float(bound(2.6 * np.exp(0.30 * bad + 0.25 * z[2]), 0.9, 25)), 1, "mg/L", "2.4"
    yield "albumin", float(bound(4.0 - 0.25 * bad + 0.3 * z[3], 1.8, 5.3)), 1, "g/dL", ""
    yield "creatinine", float(bound(0.95 * np.exp(0.10 * bad + 0.20 * z[4]), 0.4, 6)), 2, "mg/dL", "1.2"
    yield "calcium", float(bound(9.4 + 0.15 * bad + 0.4 * z[5], 7.5, 14)), 1, "mg/dL", "10.2"
    yield "wbc", float(bound(white * np.exp(0.15 * bad + 0.40 * z[6]), 0.8, 250)), 1, "10^9/L", ""
    yield (
        "platelets",
        float(bound((90 if entity == "AML" else 220) * np.exp(-0.15 * bad + 0.25 * z[7]), 8, 650)),
        0,
        "10^9/L",
        "",
    )
    if entity == "MZL":
        yield "igm", float(bound(1.6 * np.exp(0.2 * bad + 0.7 * z[8]), 0.2, 40)), 1, "g/L", "2.3"


def _therapy(person: Person, course: Course) -> Iterator[Row]:
    def row(day: int, regimen: str, kind: str, line: int) -> Row:
        line_text = "" if kind == "watch_and_wait" else str(line)
        return {
            "patient_id": person.patient_id,
            "therapy_date": _day(day),
            "regimen": regimen,
            "kind": kind,
            "line": line_text,
        }

    entity, line = person.truth.entity, 1
    if person.pretreated:
        yield row(person.first_scan_day - 60, REGIMENS[entity], "systemic", 1)
        line = 2
    if course.first_treatment is not None:
        if course.watched:
            yield row(course.first_treatment, "", "watch_and_wait", 0)
        else:
            local = entity == "MZL" and person.burden < -0.8
            regimen, kind = ("involved site 24 Gy", "radiotherapy") if local else (REGIMENS[entity], "systemic")
            yield row(course.first_treatment, regimen, kind, line)
            line += 1
    if course.transplant is not None:
        regimen = "melphalan, autologous" if entity == "MM" else "allogeneic"
        yield row(course.transplant, regimen, "transplant", max(line - 1, 1))
    if course.new_treatment is not None:
        # The hottest myelomas are offered the radioligand after progression.
        hot = entity == "MM" and course.progression is not None and person.cxcr4.doublings > 0.7
        yield row(
            course.new_treatment,
            "177Lu-CXCR4 ligand" if hot else "second line",
            "radioligand" if hot else "systemic",
            line,
        )


def _assessments(person: Person, course: Course, seed: int) -> Iterator[Row]:
    if not person.confirmed:
        return
    draws = stream(seed, f"responses of {person.number}").random(4)
    group = person.truth.disease_group
    criteria, levels = CRITERIA[group]
    # Watched patients stay as they are; the others reach a response at the first or second visit and keep it.
    best = "SD" if course.watched else levels[min(int(draws[0] ** 1.6 * len(levels)), len(levels) - 1)]
    for number, day in enumerate(course.visits):
        response = "PR" if number == 0 and draws[1] < 0.5 and best != "SD" else best
        if day == course.progression:
            response = "PD"
        elif number == 5 and draws[3] < 0.1:
            response = "not_evaluable"
        # Residual disease is looked for in the marrow at about nine and eighteen months.
        mrd = _mrd(best, float(draws[2])) if group == "myeloma" and number in {2, 5} and response != "PD" else ""
        yield {
            "patient_id": person.patient_id,
            "assessment_date": _day(day),
            "criteria": criteria or LEUKEMIA_CRITERIA[person.truth.entity],
            "response": response,
            "mrd": mrd,
        }


def _mrd(best: str, draw: float) -> str:
    if best not in {"CR", "VGPR"} or draw < 0.15:
        return "not_done"
    return "negative" if draw < (0.75 if best == "CR" else 0.45) else "positive"


def _follow_up(person: Person, course: Course, seed: int, *, misdated: bool) -> Row:
    cause = ""
    if course.death is not None:
        draw = float(stream(seed, f"cause of death of {person.number}").random())
        cause = (
            "disease"
            if course.progression is not None
            else "infection"
            if draw < 0.6
            else "cardiac"
            if draw < 0.85
            else ""
        )
    last = course.last_contact
    if misdated and course.progression is not None:
        last = course.progression - MISDATED_BY
    return {
        "patient_id": person.patient_id,
        "vital_status": "dead" if course.death is not None else "lost" if course.lost else "alive",
        "last_contact_date": _day(last),
        "death_date": _day(course.death),
        "death_cause": cause,
        "progression_date": _day(course.progression),
        "last_assessment_date": _day(course.visits[-1] if course.visits else None),
        "new_treatment_date": _day(course.new_treatment),
        "transplant_date": _day(course.transplant),
    }
