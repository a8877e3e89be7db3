"""What ``survmodel plan`` says: one line for each question that can be answered from what was given."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.errors import ConfigError
from survmodel.formatting import count_noun, format_count, format_number, format_percent, format_significant
from survmodel.performance.mcnemar_power import mcnemar_power, mcnemar_sample_size
from survmodel.performance.planning import smallest_hazard_ratio, spread_of
from survmodel.performance.sample_size import affordable_parameters, concordance_half_width, events_for, marker_events

WAYS = (
    "--hazard-ratio 1.5 for the events it needs, --events 21 for what they show, --patients 50 with --event-share 0.4, "
    "--r2 0.15, or --first-only 0.25 --second-only 0.05"
)


def plan_lines(
    *,
    hazard_ratio: float | None = None,
    events: float | None = None,
    patients: int | None = None,
    event_share: float | None = None,
    r2: float | None = None,
    first_only: float | None = None,
    second_only: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
) -> tuple[str, ...]:
    """Answer what can be answered.

    Parameters
    ----------
    hazard_ratio : float, optional
        To be found.
    events : float, optional
        Events at hand.
    patients : int, optional
        Patients at hand.
    event_share : float, optional
        Share of them with an event.
    r2 : float, optional
        Expected Cox-Snell R2 of a model.
    first_only, second_only : float, optional
        Shares of the patients whom one test alone calls positive.
    power, alpha : float
        Power, and two-sided level.

    Returns
    -------
    tuple of str
        One sentence each.

    Raises
    ------
    ConfigError
        When nothing was asked, half of a question is missing, or a number is out of range.

    Examples
    --------
    >>> plan_lines(events=48)[0]
    'With 48 events, 80% power and a level of 5%, the smallest hazard ratio is 1.50 per standard deviation of a marker.'
    """
    lines: list[str] = []
    known = f"{format_percent(power, 0)} power and a level of {format_percent(alpha, 0)}"
    if hazard_ratio is not None:
        lines += _for_ratio(hazard_ratio, power, alpha, known)
    if events is not None:
        lines += _for_events(events, power, alpha, known)
    lines += _for_patients(patients, event_share, r2)
    lines += _paired(patients, first_only, second_only, power, alpha)
    if not lines:
        raise ConfigError("there is nothing to plan from", remedy=f"give {WAYS}")
    return tuple(lines)


def _for_ratio(ratio: float, power: float, alpha: float, known: str) -> Iterator[str]:
    one = marker_events(ratio, power=power, alpha=alpha)
    two = events_for(ratio, spread_of(0.5, 1.0), power=power, alpha=alpha)
    shown = format_significant(ratio)
    yield f"A hazard ratio of {shown} per standard deviation of a marker needs {count_noun(one, 'event')}: {known}."
    yield f"A hazard ratio of {shown} between two equal groups needs {count_noun(two, 'event')}."


def _for_events(events: float, power: float, alpha: float, known: str) -> Iterator[str]:
    one = smallest_hazard_ratio(events, power=power, alpha=alpha)
    two = smallest_hazard_ratio(events, share=0.5, power=power, alpha=alpha)
    given = f"With {count_noun(events, 'event')}, {known}"
    yield f"{given}, the smallest hazard ratio is {format_number(one)} per standard deviation of a marker."
    yield f"Between two equal groups it is {format_number(two)}."


def _for_patients(patients: int | None, event_share: float | None, r2: float | None) -> Iterator[str]:
    asked = {"--event-share": event_share, "--r2": r2}
    given = [name for name, value in asked.items() if value is not None]
    if given and patients is None:
        raise ConfigError(f"{given[0]} needs the number of patients", remedy="give --patients too")
    if patients is None:
        return
    number = count_noun(patients, "patient")
    if event_share is not None:
        width = format_number(concordance_half_width(patients, event_share), 3)
        share = format_percent(event_share, 0)
        yield f"{number} of whom {share} have an event: C within {width}, the half-width of its limits."
    if r2 is not None:
        count = format_number(affordable_parameters(patients, r2), 1)
        yield f"{number} carry {count} parameters at an R2 (Cox-Snell) of {format_significant(r2)}, with shrinkage 0.9."


def _paired(
    patients: int | None, first_only: float | None, second_only: float | None, power: float, alpha: float
) -> Iterator[str]:
    if (first_only is None) != (second_only is None):
        raise ConfigError("one share of a paired comparison is missing", remedy="give --first-only and --second-only")
    if first_only is None or second_only is None:
        return
    shares = f"{format_percent(first_only)} against {format_percent(second_only)} positive by one test alone"
    if patients is not None:
        reached = format_percent(mcnemar_power(patients, first_only, second_only, alpha=alpha), 0)
        yield f"{shares}: McNemar's mid-p test has {reached} power with {count_noun(patients, 'patient')}."
    needed = format_count(mcnemar_sample_size(first_only, second_only, power=power, alpha=alpha))
    yield f"{shares}: {needed} patients for {format_percent(power, 0)} power."
