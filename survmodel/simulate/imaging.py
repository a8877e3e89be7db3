"""Scans, lesions and reads of the people, as rows of text.

The hottest lesion has the SUVmax of the person, moved by the scanner; the others are log-normal below it. A scan that
shows nothing has no lesion. Lesions of one place seen with both tracers have almost the same coordinates.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import numpy as np

from survmodel.formatting import format_number
from survmodel.simulate.cohort import Person, Uptake
from survmodel.simulate.streams import Floats, stream
from survmodel.simulate.truth import SCANNER_SHIFTS

Row = dict[str, str]

TRACERS = ("cxcr4", "fdg")
MOST_LESIONS = 25
VISIBLE_SHARE = 0.85
#: Reconstruction and EARL compliance of each scanner.
SCANNERS = {
    "scanner_A": ("PSF+TOF", "yes"), "scanner_B": ("OSEM", "no"), "scanner_C": ("PSF+TOF", "yes"),
    "scanner_D": ("OSEM+TOF", "no"),
}  # fmt: skip
#: Median SUVmean of liver, blood pool, spleen and marrow.
ORGANS = {"cxcr4": (1.5, 1.6, 5.5, 2.4), "fdg": (2.1, 1.5, 1.8, 1.3)}
RULE = "focal above surroundings, or diffuse marrow above liver"

#: Places of lesions and their centres in mm.
REGIONS = {
    "lymphoma": {
        "cervical_left": (45, 0, 700), "cervical_right": (-45, 0, 700), "axillary_left": (150, 10, 560),
        "axillary_right": (-150, 10, 560), "mediastinal": (0, 20, 520), "para_aortic": (5, 40, 300),
        "spleen": (95, 60, 380), "stomach": (50, -10, 370), "iliac_left": (60, 20, 120), "iliac_right": (-60, 20, 120),
        "inguinal_left": (80, -30, 40), "inguinal_right": (-80, -30, 40), "orbit": (30, -60, 830),
        "lung": (-80, 20, 500),
    },
    "myeloma": {
        "skull": (0, 20, 880), "cervical_spine": (0, 50, 700), "thoracic_spine": (0, 70, 520),
        "lumbar_spine": (0, 70, 280), "sternum": (0, -80, 520), "ribs_left": (110, 10, 460),
        "ribs_right": (-110, 10, 460), "pelvis_left": (90, 40, 120), "pelvis_right": (-90, 40, 120),
        "femur_left": (100, 10, -60), "femur_right": (-100, 10, -60),
        "humerus_left": (190, 20, 540), "humerus_right": (-190, 20, 540),
    },
    "leukemia": {
        "marrow_spine": (0, 70, 300), "marrow_pelvis": (0, 50, 120), "marrow_femora": (0, 10, -60),
        "spleen": (95, 60, 380), "cervical_nodes": (45, 0, 700), "skin": (120, -40, 300),
    },
}  # fmt: skip
#: Mean number of lesions beyond the first, by disease group.
FURTHER_LESIONS = {"lymphoma": 2.5, "myeloma": 4.0, "leukemia": 1.0}


class Imaging(NamedTuple):
    """Rows of the three tables of imaging."""

    scans: list[Row]
    lesions: list[Row]
    reads: list[Row]


def scan_id(person: Person, tracer: str) -> str:
    """Name the baseline scan of a tracer.

    Parameters
    ----------
    person : Person
        The patient.
    tracer : {"cxcr4", "fdg"}
        The tracer.

    Returns
    -------
    str
        For example ``"SYN-001-C1"``.
    """
    return f"{person.patient_id}-{tracer[0].upper()}1"


def uptake_of(person: Person, tracer: str) -> Uptake:
    """Give the uptake of a tracer.

    Parameters
    ----------
    person : Person
        The patient.
    tracer : {"cxcr4", "fdg"}
        The tracer.

    Returns
    -------
    Uptake
        Its uptake.
    """
    return person.cxcr4 if tracer == "cxcr4" else person.fdg


def draw_imaging(people: tuple[Person, ...], seed: int, indeterminate: int) -> Imaging:
    """Scan the people.

    Parameters
    ----------
    people : tuple of Person
        The people.
    seed : int
        Seed of the study.
    indeterminate : int
        Number of scans that stay indeterminate: those whose hottest lesion is the faintest of all.

    Returns
    -------
    Imaging
        Rows of scans, lesions and reads.
    """
    shown = [
        (measured(one, tracer), scan_id(one, tracer))
        for one in people
        for tracer in TRACERS
        if uptake_of(one, tracer).visible
    ]
    faint = {name for _, name in sorted(shown)[:indeterminate]}
    # One draw for each scan and quantity, so that the scans of one patient do not move those of another.
    body = stream(seed, "scans").standard_normal((len(people), len(TRACERS), 7))
    opinions = stream(seed, "reads").random((len(people), len(TRACERS), 2))
    imaging = Imaging([], [], [])
    for person in people:
        for number, tracer in enumerate(TRACERS):
            imaging.scans.append(_scan(person, tracer, body[person.number, number]))
            imaging.reads.extend(_reads(person, tracer, opinions[person.number, number], faint))
        imaging.lesions.extend(_lesions(person, stream(seed, f"lesions of {person.number}")))
    return imaging


def measured(person: Person, tracer: str) -> float:
    """Give the SUVmax of the hottest lesion as the scanner shows it.

    Parameters
    ----------
    person : Person
        The patient.
    tracer : {"cxcr4", "fdg"}
        The tracer.

    Returns
    -------
    float
        The SUVmax.
    """
    return float(2 ** (uptake_of(person, tracer).log2_suvmax + SCANNER_SHIFTS[person.scanner]))


def _scan(person: Person, tracer: str, draws: Floats) -> Row:
    reconstruction, earl = SCANNERS[person.scanner]
    shift = 2 ** SCANNER_SHIFTS[person.scanner]
    marrow = (
        1.5
        if person.confirmed and person.truth.disease_group != "lymphoma" and uptake_of(person, tracer).visible
        else 1.0
    )
    organs = [
        median * shift * float(np.exp(0.16 * draw)) * (marrow if place == 3 else 1.0)
        for place, (median, draw) in enumerate(zip(ORGANS[tracer], draws[:4], strict=True))
    ]
    # 1.85 to 3.71 MBq/kg of Pentixafor; about 3.7 MBq/kg of FDG.
    for_each_kg = (
        np.clip(2.8 + 0.5 * draws[4], 1.85, 3.71) if tracer == "cxcr4" else np.clip(3.7 + 0.3 * draws[4], 2.8, 4.6)
    )
    day = person.scan_day if tracer == "cxcr4" else person.fdg_day
    return {
        "scan_id": scan_id(person, tracer),
        "patient_id": person.patient_id,
        "tracer": tracer,
        "scan_role": "baseline",
        "scan_date": date.fromordinal(day).isoformat(),
        "scanner": person.scanner,
        "reconstruction": reconstruction,
        "earl": earl,
        "weight_kg": format_number(person.weight + 0.3 * float(draws[6]), 1),
        "height_cm": format_number(person.height, 0),
        "injected_mbq": format_number(float(for_each_kg) * person.weight, 0),
        "uptake_min": format_number(float(np.clip(61 + 6 * draws[5], 46, 89)), 0),
        "suv_type": "bw",
        "liver_suvmean": format_number(organs[0]),
        "blood_suvmean": format_number(organs[1]),
        "spleen_suvmean": format_number(organs[2]),
        "marrow_suvmean": format_number(organs[3]),
    }


def _reads(person: Person, tracer: str, draws: Floats, faint: Iterable[str]) -> list[Row]:
    name = scan_id(person, tracer)
    result = "positive" if uptake_of(person, tracer).visible else "negative"
    results = {"reader_1": result, "reader_2": result, "consensus": result}
    if name in faint:
        results = {"reader_1": "positive", "reader_2": "indeterminate", "consensus": "indeterminate"}
    else:
        other = "negative" if result == "positive" else "positive"
        for reader, draw in zip(("reader_1", "reader_2"), draws, strict=True):
            results[reader] = "indeterminate" if draw < 0.02 else other if draw < 0.06 else result
    return [
        {"scan_id": name, "reader": reader, "result": one, "rule": RULE, "rule_version": "1.0"}
        for reader, one in results.items()
    ]


def _lesions(person: Person, draws: np.random.Generator) -> list[Row]:
    """Place the lesions of a patient, then show each tracer the most of them."""
    group = person.truth.disease_group
    rate = FURTHER_LESIONS[group] * float(np.exp(0.5 * person.burden)) * float(draws.gamma(2.0, 0.5))
    count = 1 + min(int(draws.poisson(rate)), MOST_LESIONS - 1) if person.confirmed else 1
    regions = [str(name) for name in draws.choice(list(REGIONS[group]), count)]
    kinds = [_kind(person, region, float(draws.random())) for region in regions]
    centres = np.array([REGIONS[group][region] for region in regions]) + draws.normal(0, 12, (count, 3))
    volumes = np.exp(np.log(8) + 0.4 * person.burden + 0.9 * draws.standard_normal(count))
    volumes = np.clip(volumes * np.where(np.array(kinds) == "diffuse", 15, 1), 0.5, 3000)
    rows = []
    for tracer in TRACERS:
        kept = np.flatnonzero(draws.random(count) < VISIBLE_SHARE)
        kept = kept if kept.size else np.array([0])
        heat, shares = 0.5 * draws.standard_normal(count), draws.random((count, 4))
        moved = centres + draws.normal(0, 2, (count, 3))
        if not uptake_of(person, tracer).visible:
            continue
        suvmax = measured(person, tracer) * 2 ** (heat[kept] - heat[kept].max())
        for number, (lesion, hot) in enumerate(zip(kept, suvmax, strict=True), start=1):
            place = (regions[lesion], kinds[lesion])
            size = float(volumes[lesion]) * (0.8 + 0.4 * float(shares[lesion, 3]))
            rows.append(
                _lesion(
                    f"L{number:02d}", scan_id(person, tracer), place, float(hot), shares[lesion], size, moved[lesion]
                )
            )
    return rows


def _lesion(
    name: str, scan: str, place: tuple[str, str], hot: float, shares: Floats, volume: float, centre: Floats
) -> Row:
    mean = hot * (0.52 + 0.16 * float(shares[1]))
    return {
        "lesion_id": name,
        "scan_id": scan,
        "region": place[0],
        "lesion_type": place[1],
        "segmentation": "41pct",
        "suvmax": format_number(hot),
        "suvpeak": format_number(hot * (0.78 + 0.14 * float(shares[0]))),
        "suvmean": format_number(mean),
        "suv_sd": format_number(mean * (0.15 + 0.1 * float(shares[2]))),
        "volume_ml": format_number(volume, 1),
        "x_mm": format_number(float(centre[0]), 0),
        "y_mm": format_number(float(centre[1]), 0),
        "z_mm": format_number(float(centre[2]), 0),
    }


def _kind(person: Person, region: str, draw: float) -> str:
    group = person.truth.disease_group
    if not person.confirmed or group == "lymphoma":
        return "focal"
    if group == "leukemia":
        return "diffuse" if region.startswith("marrow") else "extramedullary"
    return "extramedullary" if draw < 0.06 else "diffuse" if draw < 0.16 else "focal"
