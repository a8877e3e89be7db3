"""What a study file says about an endpoint that is the first of several ready-made events."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import model_validator

from survmodel.outcome.first_event import TimedEvent, problems_of_events
from survmodel.study.settings_base import Codes, Strict, Text


class FirstEventEntry(Strict):
    """``first = [{ event = "relapsed", time = "relapse_day", label = "relapse" }, ...]``: one of several events.

    With ``event`` and ``time`` it happened where ``event`` says so, at ``time``. With ``time`` alone a missing time
    means that it did not happen. With ``event`` alone it happened when the observation ended, as a death does.
    ``event_value`` is the code of ``event`` that means that it happened, 1 without it. With ``competing = true`` it is
    kept apart; those without are together the event of interest.
    """

    event: Text | None = None
    time: Text | None = None
    event_value: Codes | None = None
    label: Text
    competing: bool = False

    @model_validator(mode="after")
    def _has_a_column(self) -> FirstEventEntry:
        if self.event is None and self.time is None:
            raise ValueError("needs event, or time where a missing time means that it did not happen, or both")
        if self.event is None and self.event_value is not None:
            raise ValueError("event_value needs event, whose code it is")
        return self

    def to_event(self) -> TimedEvent:
        """Make the event of the spec."""
        value = None if self.event_value is None else list(self.event_value)
        return TimedEvent(self.label, self.time, self.event, value, self.competing)


def problems_of_first(first: Sequence[FirstEventEntry], end: str | None) -> list[str]:
    """Check that several events make one endpoint.

    Parameters
    ----------
    first : sequence of FirstEventEntry
        The events.
    end : str or None
        Column of the end of observation.

    Returns
    -------
    list of str
        Empty when they do.
    """
    problems = problems_of_events([event.to_event() for event in first])
    problems += [
        f"first[{number}] has the end of observation for its time, which every patient has: name the column of the "
        "event too"
        for number, event in enumerate(first, start=1)
        if event.event is None and event.time == end
    ]
    return problems
