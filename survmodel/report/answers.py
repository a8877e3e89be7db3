"""A result or the reason why there is none: what every part of a report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from survmodel.result import Result

Answered = TypeVar("Answered", bound=Result)


@dataclass(frozen=True, slots=True)
class Answer(Generic[Answered]):
    """A result, or why there is none.

    Parameters
    ----------
    step : str
        Name of the step that computed it, for example ``"cox/clinical"``.
    result : Result or None
        The result.
    reason : str
        Why it could not be estimated, or is not printed; "" when it is there.
    withheld : bool
        Whether it could be estimated and too few events speak for printing it: that is no failure.
    """

    step: str
    result: Answered | None = None
    reason: str = ""
    withheld: bool = False

    @property
    def failed(self) -> bool:
        """Whether it could not be estimated."""
        return bool(self.reason) and not self.withheld


@dataclass(frozen=True, slots=True)
class GroupAnswer(Generic[Answered]):
    """A result of the patients of one group.

    Parameters
    ----------
    group : str
        Its name, "" for all patients.
    n, n_event : int
        Patients and events.
    answer : Answer
        The result.
    """

    group: str
    n: int
    n_event: int
    answer: Answer[Answered]
