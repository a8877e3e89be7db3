"""Predicted risks and the times that they are scored at, as the measures of performance take them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from survmodel.errors import ConfigError, DataError, EndpointError, FitError, name_rows
from survmodel.formatting import count_noun, format_significant
from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]


def name_models(risk: object, beside: str = "") -> dict[str, object]:
    """Name the models whose risks are scored.

    Parameters
    ----------
    risk : array_like, or mapping of str to array_like
        Risks of one model, which is called "model", or of several.
    beside : str
        Name that is taken by something scored beside them.

    Returns
    -------
    dict of str to object
        Risks by name.

    Raises
    ------
    ConfigError
        Without a model, and for a name that is taken.

    Examples
    --------
    >>> name_models([0.1, 0.2])
    {'model': [0.1, 0.2]}
    """
    given = {str(name): one for name, one in risk.items()} if isinstance(risk, Mapping) else {"model": risk}
    if not given or beside in given:
        raise ConfigError("no risk is given" if not given else f"{beside!r} is the name of the model beside")
    return given


def read_risks(outcome: Outcome, risk: object, n_times: int, beside: str = "") -> dict[str, Floats]:
    """Read predicted probabilities of the event by each time.

    Parameters
    ----------
    outcome : Outcome
        Whose rows they belong to.
    risk : array_like, shape (n, n_times) or (n,), or mapping of str to such
        Of one or several models.
    n_times : int
        Times that they are predicted for.
    beside : str
        Name that is taken by something scored beside them.

    Returns
    -------
    dict of str to ndarray, shape (n, n_times)
        Risks by name of the model.

    Raises
    ------
    ConfigError
        Without a model, and for a name that is taken.
    DataError
        When rows differ from the outcome's, or risks are missing or no probabilities.
    """
    read = {name: read_columns(outcome, one, n_times, name) for name, one in name_models(risk, beside).items()}
    for name, values in read.items():
        if ((values < 0) | (values > 1)).any():
            raise DataError(f"a risk of {name} is no probability", remedy="pass predict_risk(table, times)")
    return read


def read_columns(outcome: Outcome, risk: object, n_times: int, name: str, *, one_for_all: bool = False) -> Floats:
    """Read the risks or indices of one model, a column for each time.

    Parameters
    ----------
    outcome : Outcome
        Whose rows they belong to.
    risk : array_like, shape (n,) or (n, n_columns)
        Numbers, higher = worse.
    n_times : int
        Columns that there are to be.
    name : str
        Name of the model, for messages.
    one_for_all : bool
        Whether one column may serve all times.

    Returns
    -------
    ndarray, shape (n, n_times) or (n, 1)
        The numbers.

    Raises
    ------
    DataError
        When rows or columns differ, or numbers are missing.

    Examples
    --------
    >>> read_columns(Outcome([1, 2], [1, 0]), [0.5, 0.25], 1, "model").tolist()
    [[0.5], [0.25]]
    """
    outcome.check_rows(risk, "risk")
    try:
        values = np.asarray(risk, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"the risk of {name} is not numeric") from None
    if values.ndim == 1:
        values = values[:, np.newaxis]
    allowed = {n_times, 1} if one_for_all else {n_times}
    if values.ndim != 2 or values.shape[0] != outcome.n or values.shape[1] not in allowed:
        raise DataError(
            f"the risk of {name} has the shape {values.shape}",
            f"{count_noun(outcome.n, 'row')} and {count_noun(n_times, 'time')}",
            "pass predict_risk(table, times)",
        )
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any():
        raise DataError(f"the risk of {name} is missing", f"in {name_rows(wrong)}", "score complete rows only")
    return values


def refuse_late_entry(outcome: Outcome, measure: str) -> None:
    """Refuse rows that were not followed from time 0 on.

    Parameters
    ----------
    outcome : Outcome
        Scored rows.
    measure : str
        What they were to be scored by, for the message.

    Raises
    ------
    FitError
        With late entry.
    """
    if outcome.entry is not None:
        raise FitError(f"{measure} knows no late entry", remedy="score rows that were followed from time 0 on")


def refuse_times(outcome: Outcome, asked: Floats, last: float) -> None:
    """Refuse times at which nothing can be scored.

    Parameters
    ----------
    outcome : Outcome
        Scored rows.
    asked : ndarray, shape (n_times,)
        Times.
    last : float
        The last of them, or a later one up to which is averaged.

    Raises
    ------
    EndpointError
        When there is none, or one is not within the follow-up.
    FitError
        When no event happened up to the last.
    """
    longest = float(outcome.time.max())
    if not asked.size or asked.min() <= 0 or max(last, asked.max()) > longest:
        raise EndpointError(
            "times are not within the follow-up",
            remedy=f"choose times above 0 and at most {format_significant(longest)}",
        )
    if not ((outcome.event == 1) & (outcome.time <= last)).any():
        raise FitError("no event happened up to the last time", remedy="choose a later one")
