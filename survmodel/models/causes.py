"""One cause among competing ones: which rows end with it, which with another, and what cannot be asked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.errors import ConfigError, EndpointError, list_values
from survmodel.formatting import count_noun
from survmodel.outcome.response import Outcome

Ints = npt.NDArray[np.int64]

CENSORED, CAUSE, OTHER = 0, 1, 2


def cause_names(outcome: Outcome) -> dict[int, str]:
    """Name every cause of an outcome by its code.

    Parameters
    ----------
    outcome : Outcome
        With or without competing events.

    Returns
    -------
    dict of int to str
        The declared causes, or the event alone.

    Examples
    --------
    >>> cause_names(Outcome([1, 2], [1, 0], endpoint="death"))
    {1: 'death'}
    """
    return dict(outcome.causes or {1: outcome.endpoint})


def read_cause(outcome: Outcome, cause: object) -> tuple[Ints, str]:
    """Tell the cause of interest from the others.

    Parameters
    ----------
    outcome : Outcome
        Times and events.
    cause : int
        Code of the cause of interest.

    Returns
    -------
    kind : ndarray of int64, shape (n,)
        0 censored, 1 the cause, 2 another.
    name : str
        What the cause is called.

    Raises
    ------
    ConfigError
        For a code that is none of the outcome's.

    Examples
    --------
    >>> outcome = Outcome([2, 4, 5], [1, 2, 0], causes={1: "relapse", 2: "death"})
    >>> read_cause(outcome, 2)
    (array([2, 1, 0]), 'death')
    """
    names = cause_names(outcome)
    if isinstance(cause, bool) or not isinstance(cause, int | np.integer) or int(cause) not in names:
        known = list_values([f"{code} ({name})" for code, name in names.items()])
        raise ConfigError(f"cause {cause!r} is no cause of the outcome", f"known: {known}", "give the code of a cause")
    kind = np.where(outcome.event == cause, CAUSE, np.where(outcome.event > 0, OTHER, CENSORED)).astype(np.int64)
    return kind, names[int(cause)]


def refuse_late_entry(outcome: Outcome, what: str) -> None:
    """Refuse rows under observation only from a later time on.

    Parameters
    ----------
    outcome : Outcome
        Times and events.
    what : str
        What cannot be computed, to begin the sentence with.

    Raises
    ------
    EndpointError
        When a row enters late.

    Examples
    --------
    >>> refuse_late_entry(Outcome([2, 4], [1, 0], [0, 0]), "Gray's test")
    """
    if outcome.entry is None or not (outcome.entry > 0).any():
        return
    raise EndpointError(
        f"{what} does not allow for late entry",
        f"{count_noun(int((outcome.entry > 0).sum()), 'row')} with a late entry",
        "compare cause-specific hazards, with logrank_test or CoxPH on outcome.cause_specific(1), which allow for it",
    )
