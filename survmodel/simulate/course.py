"""What becomes of the people: visits, progression, death, treatment, and when observation ends.

Progression happens on some day and is seen at the next visit, about every three months; death is known to the day. A
patient who dies before that visit has died without a progression that anybody saw. Observation ends at the data lock or
when the patient is lost. The scenario enters through the log hazard ratio of the uptake, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from survmodel.simulate.cohort import Person
from survmodel.simulate.streams import Floats, even_uniforms, pick, stream
from survmodel.simulate.truth import DATA_LOCK, Truth

LOCK_DAY = date.fromisoformat(DATA_LOCK).toordinal()
DAYS_PER_YEAR = 365.25
VISIT_DAYS = 91.3
#: Nobody has an event before this many days, so that both scans lie before it.
FIRST_EVENT_DAY = 8
#: Nobody is lost before this many days, so that every patient has a visit.
FIRST_LOSS_DAY = 120
LOSSES_PER_YEAR = 0.03
INDOLENT = ("MZL", "FL", "CLL")
TRANSPLANT_AGE = {"MM": 70, "AML": 65}


@dataclass(frozen=True, slots=True)
class Course:
    """What happened to one person; days are ordinals of the calendar, None when it did not happen or was not seen.

    Attributes
    ----------
    visits : tuple of int
        Days of the assessments; the last one shows the progression, if there is one.
    progression, death, transplant, new_treatment, first_treatment : int or None
        Days.
    last_contact : int
        Last day on which the patient was known to be alive, or the day of death.
    lost : bool
        Whether the patient was lost before the lock.
    watched : bool
        Whether nothing was given at first.
    """

    visits: tuple[int, ...]
    progression: int | None
    death: int | None
    transplant: int | None
    new_treatment: int | None
    first_treatment: int | None
    last_contact: int
    lost: bool
    watched: bool


class _Draws(NamedTuple):
    """Random numbers of all people, drawn before anything happens, so that no draw depends on a course."""

    onset: Floats
    death_first: Floats
    after: Floats
    loss: Floats
    jitter: Floats
    delays: Floats
    watched: frozenset[int]
    transplanted: frozenset[int]


def draw_courses(people: tuple[Person, ...], truth: Truth) -> tuple[Course, ...]:
    """Let time pass until the data lock.

    Parameters
    ----------
    people : tuple of Person
        The people, in the order of their enrolment.
    truth : Truth
        The effects.

    Returns
    -------
    tuple of Course
        Their courses.
    """
    draws = _draw(people, truth.seed)
    events = [_event(person, truth, draws) if person.confirmed else None for person in people]
    days = [(event[0], i) for i, event in enumerate(events) if event is not None]
    if not any(event and event[1] and people[i].scan_day + event[0] <= LOCK_DAY for i, event in enumerate(events)):
        # A study of this size without a single death before progression would not show what it is to show.
        first_day, first = min(days)
        events[first] = (first_day, True)
    return tuple(
        _benign(person, draws) if event is None else _follow(person, event, draws)
        for person, event in zip(people, events, strict=True)
    )


def _draw(people: tuple[Person, ...], seed: int) -> _Draws:
    n = len(people)
    sick = [person for person in people if person.confirmed]
    onset = np.full(n, 0.5)
    onset[[person.number for person in sick]] = even_uniforms(seed, "time to event", len(sick))
    calm = [
        one.number for one in sick if one.truth.entity in INDOLENT and one.index_group != "high" and not one.pretreated
    ]
    fit = [one.number for one in sick if one.age < TRANSPLANT_AGE.get(one.truth.entity, 0)]
    return _Draws(
        onset=onset,
        death_first=even_uniforms(seed, "kind of event", n),
        after=stream(seed, "death after progression").exponential(size=n),
        loss=stream(seed, "loss to follow-up").exponential(size=n),
        jitter=stream(seed, "days of visits").uniform(-10, 10, (n, 24)),
        delays=stream(seed, "delays").random((n, 6)),
        watched=pick(seed, "watch and wait", calm, max(1, round(0.4 * len(calm)))),
        transplanted=pick(seed, "transplant", fit, max(1, round(0.5 * len(fit)))),
    )


def _event(person: Person, truth: Truth, draws: _Draws) -> tuple[int, bool]:
    """Give the day of progression or death, counted from the scan, and whether it is death."""
    log_ratio = truth.log_hr_cxcr4 * person.cxcr4.doublings + truth.log_hr_fdg * person.fdg.doublings
    hazard = -float(np.log(draws.onset[person.number]))
    years = person.truth.years_to_event(hazard, person.index_group, log_ratio)
    # The cap keeps ordinals in the calendar; nobody is followed for so long.
    days = min(max(int(np.ceil(years * DAYS_PER_YEAR)), FIRST_EVENT_DAY), 20_000)
    return days, bool(draws.death_first[person.number] < person.truth.death_share)


def _follow(person: Person, event: tuple[int, bool], draws: _Draws) -> Course:
    i, origin = person.number, person.scan_day
    days, is_death = event
    wait = 0 if is_death else int(np.ceil(draws.after[i] / person.truth.rate_after_progression * DAYS_PER_YEAR))
    dies = origin + days + wait
    lost_day = origin + FIRST_LOSS_DAY + int(draws.loss[i] / LOSSES_PER_YEAR * DAYS_PER_YEAR)
    lost = lost_day < min(LOCK_DAY, dies)
    end = min(LOCK_DAY, lost_day)
    death = dies if dies <= end else None
    planned = [origin + round(VISIT_DAYS * (j + 1) + draws.jitter[i, j]) for j in range(draws.jitter.shape[1])]
    kept = [day for day in planned if day <= end and day < dies]
    seen = [] if is_death else [day for day in kept if day >= origin + days]
    progression = seen[0] if seen else None
    visits = tuple(day for day in kept if progression is None or day <= progression)
    last_visit = max(kept, default=origin)
    # Patients who live are called in the two months before the lock.
    called = lost_day if lost else max(LOCK_DAY - int(60 * draws.delays[i, 0]), last_visit)
    last_contact = called if death is None else death
    return Course(
        visits=visits,
        progression=progression,
        death=death,
        transplant=_transplant(person, progression, last_contact, draws),
        new_treatment=_new_treatment(person, progression, last_contact, draws),
        first_treatment=_before(person.last_scan_day + 2 + int(16 * draws.delays[i, 1]), last_contact),
        last_contact=last_contact,
        lost=lost,
        watched=i in draws.watched,
    )


def _transplant(person: Person, progression: int | None, end: int, draws: _Draws) -> int | None:
    if person.number not in draws.transplanted:
        return None
    first, last = (150, 240) if person.truth.entity == "MM" else (110, 190)
    day = person.scan_day + first + int((last - first) * draws.delays[person.number, 2])
    return _before(day, end if progression is None else progression)


def _new_treatment(person: Person, progression: int | None, end: int, draws: _Draws) -> int | None:
    chance, wait = draws.delays[person.number, 3], draws.delays[person.number, 4]
    if progression is not None:
        return _before(progression + 7 + int(40 * wait), end) if chance < 0.85 else None
    # Few change treatment without progression: it was not tolerated, or the scan asked for more.
    return _before(person.scan_day + 200 + int(400 * wait), end) if chance < 0.04 else None


def _before(day: int, end: int) -> int | None:
    return day if day < end else None


def _benign(person: Person, draws: _Draws) -> Course:
    """Follow a patient without the disease for about a year."""
    seen = min(person.last_scan_day + 180 + int(240 * draws.delays[person.number, 0]), LOCK_DAY)
    return Course((), None, None, None, None, None, seen, lost=False, watched=False)
