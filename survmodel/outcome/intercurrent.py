"""What happens to an endpoint when something comes in between: a new treatment, a transplant.

The strategies are those of the addendum on estimands to the guideline ICH E9 (R1, 2019), as far as dates can carry
them out. Each is a decision about the question, not about the data, and changes what a hazard ratio means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from survmodel.errors import ConfigError, closest
from survmodel.outcome.first_ending import DEATH, in_words

Rule = Literal["treatment_policy", "hypothetical", "composite", "competing"]

#: What each rule does, as a report says it.
RULES: dict[str, str] = {
    "treatment_policy": "followed on regardless (treatment policy)",
    "hypothetical": "censored at it (hypothetical strategy)",
    "composite": "counted as an event (composite strategy)",
    "competing": "counted as a competing event",
}
#: Events that may come in between where an endpoint says nothing of them; they are followed on regardless.
BETWEEN = ("new_treatment", "transplant")

Parts = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def rearrange(
    events: tuple[str, ...],
    competing: tuple[str, ...],
    censor_at: tuple[str, ...],
    rules: Mapping[str, str],
    columns: Mapping[str, str],
) -> Parts:
    """Rearrange the events of an endpoint by what is decided about those that come in between.

    Parameters
    ----------
    events, competing, censor_at : tuple of str
        Events that count, those that compete, and columns of dates at which observation ends.
    rules : mapping of str to str
        Rule of each event that may come in between.
    columns : mapping of str to str
        Column that dates each event.

    Returns
    -------
    tuple of three tuples of str
        Events, competing events, and columns at which observation ends.

    Raises
    ------
    ConfigError
        For an event that no column dates, a rule that does not exist, and an endpoint that is left without an event.

    Examples
    --------
    >>> dates = {"new_treatment": "new_treatment_date"}
    >>> rearrange(("progression", "death"), (), (), {"new_treatment": "composite"}, dates)
    (('progression', 'new_treatment', 'death'), (), ())
    >>> rearrange(("progression", "death"), (), (), {"new_treatment": "hypothetical"}, dates)
    (('progression', 'death'), (), ('new_treatment_date',))
    """
    for event, rule in rules.items():
        if event not in columns:
            raise ConfigError(f"no column dates {event!r}", remedy=closest(event, columns))
        if event == DEATH:
            raise ConfigError("death is no event that comes in between", remedy="name it in events or competing")
        if rule not in RULES:
            raise ConfigError(f"{rule!r} is no rule of {in_words(event)}", remedy=closest(rule, RULES))
        events = tuple(one for one in events if one != event)
        competing = tuple(one for one in competing if one != event)
        censor_at = tuple(one for one in censor_at if one != columns[event])
        if rule == "composite":
            events = _before_death(events, event)
        elif rule == "competing":
            competing = _before_death(competing, event)
        elif rule == "hypothetical":
            censor_at = (*censor_at, columns[event])
    if not events:
        raise ConfigError("the rules leave no event", f"found {dict(rules)}", "leave one of the events as it is")
    return events, competing, censor_at


def _before_death(events: tuple[str, ...], event: str) -> tuple[str, ...]:
    rest = tuple(one for one in events if one != DEATH)
    return (*rest, event, DEATH) if DEATH in events else (*rest, event)


def rule_of(event: str, events: tuple[str, ...], competing: tuple[str, ...], *, censored: bool) -> str:
    """Name the rule that an endpoint follows for an event.

    Parameters
    ----------
    event : str
        The event.
    events, competing : tuple of str
        Events that count, and those that compete.
    censored : bool
        Whether observation ends at it.

    Returns
    -------
    str
        One of `RULES`.

    Examples
    --------
    >>> rule_of("new_treatment", ("progression", "death"), (), censored=False)
    'treatment_policy'
    """
    if event in events:
        return "composite"
    if event in competing:
        return "competing"
    return "hypothetical" if censored else "treatment_policy"
