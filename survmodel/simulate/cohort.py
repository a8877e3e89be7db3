"""The people of a simulated study: entity, site, dates of the scans, latent burden, index group and uptake.

A person keeps what nobody would know of a patient, such as the uptake before the shift of the scanner. Nothing here
depends on the scenario.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from survmodel.simulate.streams import Floats, Ints, pick, stream
from survmodel.simulate.truth import ACCRUAL, ENTITIES, INDEX_GROUPS, LOADINGS, UPTAKE_SD, EntityTruth, Plan

Mask = npt.NDArray[np.bool_]

#: No lesion is hotter than this, so that no SUV leaves the range of the schema.
HOTTEST = 80.0
#: Scans before this day belong to the first era, in which more values are missing.
SECOND_ERA = date(2021, 9, 1).toordinal()
#: Median SUVmax of what is seen in a patient without disease.
BENIGN_MEDIAN = 4.0


@dataclass(frozen=True, slots=True)
class Uptake:
    """Uptake of one tracer in one person.

    Attributes
    ----------
    log2_suvmax : float
        Of the hottest lesion, before the shift of the scanner; below what can be seen when `visible` is False.
    doublings : float
        Doublings above the median of the entity.
    visible : bool
        Whether the scan shows anything.
    """

    log2_suvmax: float
    doublings: float
    visible: bool


@dataclass(frozen=True, slots=True)
class Person:
    """One simulated person; days are ordinals of the calendar.

    Attributes
    ----------
    number : int
        Position in the order of enrolment, from 0.
    truth : EntityTruth
        Of the entity that the patient has, or was suspected to have.
    confirmed, pretreated, child, female : bool
        Disease confirmed; treated before the scan; younger than 18; sex.
    site, scanner : str
        Where the scans were done.
    scan_day, fdg_day, diagnosis_day : int
        Days of the scans and of the diagnosis.
    age, weight, height : float
        In years, kg and cm.
    burden, liability : float
        Latent burden of disease, and what the clinical index sees of the patient; both standard normal.
    index_group : str
        Group of the clinical index.
    cxcr4, fdg : Uptake
        Uptake of the tracers.
    """

    number: int
    truth: EntityTruth
    confirmed: bool
    pretreated: bool
    child: bool
    female: bool
    site: str
    scanner: str
    scan_day: int
    fdg_day: int
    diagnosis_day: int
    age: float
    weight: float
    height: float
    burden: float
    liability: float
    index_group: str
    cxcr4: Uptake
    fdg: Uptake

    @property
    def patient_id(self) -> str:
        """Pseudonym in the tables."""
        return f"SYN-{self.number + 1:03d}"

    @property
    def early(self) -> bool:
        """Whether the patient was scanned in the first era."""
        return self.scan_day < SECOND_ERA

    @property
    def first_scan_day(self) -> int:
        """Day of the earlier scan."""
        return min(self.scan_day, self.fdg_day)

    @property
    def last_scan_day(self) -> int:
        """Day of the later scan."""
        return max(self.scan_day, self.fdg_day)


def draw_cohort(plan: Plan, seed: int) -> tuple[Person, ...]:
    """Draw the people of a lock, in the order of their enrolment.

    Parameters
    ----------
    plan : Plan
        The lock.
    seed : int
        Seed of the study.

    Returns
    -------
    tuple of Person
        The people.
    """
    slots = [(entity, True) for entity, count in plan.confirmed.items() for _ in range(count)]
    slots += [(entity, False) for entity, count in plan.benign.items() for _ in range(count)]
    n = len(slots)
    slots = [slots[int(place)] for place in stream(seed, "order of enrolment").permutation(n)]
    confirmed = np.array([sure for _, sure in slots])
    truths = [ENTITIES[entity] for entity, _ in slots]
    children, pretreated, apart = _special(plan, slots, seed)
    scan_days, fdg_days, diagnosis_days = _days(n, apart, pretreated, seed)
    female = stream(seed, "sex").random(n) < 0.45
    age = _ages(truths, children, seed)
    size = stream(seed, "body size").standard_normal((2, n))
    burden, liability, scores = _latent(n, seed)
    uptakes = _uptakes(truths, confirmed, scores, seed)
    sites, scanners = _places(plan, n, seed)
    people = []
    for i, truth in enumerate(truths):
        child = i in children
        height = (148.0 if child else 163.0 if female[i] else 174.0) + 6.5 * size[0, i]
        people.append(
            Person(
                number=i, truth=truth, confirmed=bool(confirmed[i]), pretreated=i in pretreated, child=child,
                female=bool(female[i]), site=sites[i], scanner=scanners[i],
                scan_day=int(scan_days[i]), fdg_day=int(fdg_days[i]), diagnosis_day=int(diagnosis_days[i]),
                age=float(age[i]), height=float(height),
                weight=float((height / 100) ** 2 * (18.5 if child else 24.5) * np.exp(0.13 * size[1, i])),
                burden=float(burden[i]), liability=float(liability[i]),
                index_group=_index_group(truth, float(liability[i])),
                cxcr4=uptakes["cxcr4"][i], fdg=uptakes["fdg"][i],
            )
        )  # fmt: skip
    return tuple(people)


def _special(
    plan: Plan, slots: list[tuple[str, bool]], seed: int
) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    """Choose children, those treated before, and those whose scans lie far apart; nobody is two of these."""
    aml = [i for i, slot in enumerate(slots) if slot == ("AML", True)]
    children = pick(seed, "children", aml, plan.paediatric)
    free = [i for i, (_, sure) in enumerate(slots) if sure and i not in children]
    chosen = pick(seed, "treated before", free, plan.pretreated)
    apart = pick(seed, "who is scanned far apart", [i for i in free if i not in chosen], plan.far_apart)
    return children, chosen, apart


def _days(n: int, apart: frozenset[int], pretreated: frozenset[int], seed: int) -> tuple[Ints, Ints, Ints]:
    """Draw the days of the CXCR4 scan, in order of enrolment, of the FDG scan and of the diagnosis."""
    first, last = (date.fromisoformat(day).toordinal() for day in ACCRUAL)
    scans = np.sort(stream(seed, "accrual").integers(first, last + 1, n))
    gaps = np.where(
        np.isin(np.arange(n), list(apart)),
        -stream(seed, "scans far apart").integers(16, 26, n),
        stream(seed, "days from CXCR4 to FDG scan").integers(-12, 4, n),
    )
    delays = stream(seed, "days from diagnosis to scan").integers(1, 31, n)
    delays[list(pretreated)] += 120
    return scans, scans + gaps, np.minimum(scans, scans + gaps) - delays


def _ages(truths: list[EntityTruth], children: frozenset[int], seed: int) -> Floats:
    draws = stream(seed, "age").standard_normal(len(truths))
    young = stream(seed, "age of children").uniform(6, 16, len(truths))
    ages = [np.clip(one.age_mean + one.age_sd * draw, 19, 92) for one, draw in zip(truths, draws, strict=True)]
    return np.array([young[i] if i in children else age for i, age in enumerate(ages)])


def _latent(n: int, seed: int) -> tuple[Floats, Floats, dict[str, Floats]]:
    """Draw the burden, the liability to a bad index, and the standardised uptake of both tracers."""
    burden = stream(seed, "burden").standard_normal(n)

    def loaded(name: str) -> Floats:
        own = stream(seed, f"{name} apart from burden").standard_normal(n)
        return np.asarray(LOADINGS[name] * burden + np.sqrt(1 - LOADINGS[name] ** 2) * own)

    return burden, loaded("index"), {tracer: loaded(tracer) for tracer in ("cxcr4", "fdg")}


def _false_positives(confirmed: Mask, seed: int) -> dict[str, frozenset[int]]:
    """Choose the benign in whom a scan shows something: a sixth with CXCR4, a third with FDG."""
    benign: Ints = np.flatnonzero(~confirmed)
    return {
        tracer: pick(seed, f"benign and {tracer} positive", benign, round(benign.size * share))
        for tracer, share in (("cxcr4", 1 / 6), ("fdg", 1 / 3))
    }


def _places(plan: Plan, n: int, seed: int) -> tuple[list[str], list[str]]:
    names = list(plan.sites)
    sites = [str(name) for name in stream(seed, "site").choice(names, n, p=list(plan.sites.values()))]
    draws = stream(seed, "scanner").random(n)
    several = [plan.scanners[site] for site in sites]
    # The second scanner of a site takes 40 % of its patients.
    return sites, [owned[-1] if draw < 0.4 else owned[0] for owned, draw in zip(several, draws, strict=True)]


def _index_group(truth: EntityTruth, liability: float) -> str:
    low, intermediate, _ = truth.index_shares
    position = NormalDist().cdf(liability)
    return INDEX_GROUPS[int(position > low) + int(position > low + intermediate)]


def _uptakes(
    truths: list[EntityTruth], confirmed: Mask, scores: dict[str, Floats], seed: int
) -> dict[str, list[Uptake]]:
    shown = _false_positives(confirmed, seed)
    anchors = {
        "cxcr4": [(one.cxcr4_median, one.cxcr4_negative) for one in truths],
        "fdg": [(one.fdg_median, one.fdg_negative) for one in truths],
    }
    return {
        tracer: [
            _uptake(*anchor, float(scores[tracer][i]))
            if confirmed[i]
            else _benign(float(scores[tracer][i]), i in shown[tracer])
            for i, anchor in enumerate(several)
        ]
        for tracer, several in anchors.items()
    }


def _uptake(median: float, negative: float, score: float) -> Uptake:
    middle = float(np.log2(median))
    log2_suvmax = min(middle + UPTAKE_SD * score, float(np.log2(HOTTEST)))
    return Uptake(log2_suvmax, log2_suvmax - middle, NormalDist().cdf(score) >= negative)


def _benign(score: float, shown: bool) -> Uptake:  # noqa: FBT001 - whether the scan shows it
    return Uptake(float(np.log2(BENIGN_MEDIAN)) + 0.4 * score, 0.0, shown)
