"""What a study file need not say about a standard endpoint, because its name says it."""

from __future__ import annotations

from typing import Any

from survmodel.errors import closest, list_values
from survmodel.outcome.standard_endpoints import STANDARD_ENDPOINTS, horizons_of

#: Keys that the kind of an endpoint decides.
DECIDED = ("events", "competing", "time", "event", "event_value", "first")
#: Unit of time where an endpoint names none.
MONTHS = "months"


def fill_standard(given: Any) -> Any:  # noqa: ANN401 - whatever a file holds
    """Complete an endpoint that is named by its kind.

    Parameters
    ----------
    given : object
        The table of an endpoint as the study file has it.

    Returns
    -------
    object
        The same without a kind, else with events, last date, label and horizon of the kind.

    Raises
    ------
    ValueError
        For an unknown kind, a missing origin, and keys that the kind decides.

    Examples
    --------
    >>> fill_standard({"kind": "ttp"})["competing"]
    ['death']
    """
    kind = given.get("kind") if isinstance(given, dict) else None
    if kind is None:
        return given
    if kind not in STANDARD_ENDPOINTS:
        raise ValueError(f"kind: {kind!r} is not known; {closest(str(kind), STANDARD_ENDPOINTS)}")
    both = [key for key in DECIDED if key in given]
    if both:
        remedy = "leave it out, or say what is decided otherwise by intercurrent"
        raise ValueError(f"{list_values(both)}: decided by kind = {kind!r}; {remedy}")
    found = STANDARD_ENDPOINTS[kind]
    if found.needs_origin and "origin" not in given:
        raise ValueError(f"origin: {found.label} begins at a response or remission; name the column of its date")
    filled = {"label": found.label, "censor": found.censor, **given}
    filled |= {"events": list(found.events), "competing": list(found.competing)}
    own = given.get("columns", {})
    filled["columns"] = {**(found.columns or {}), **own} if isinstance(own, dict) else own
    unit = given.get("unit", MONTHS)
    if unit in {"days", MONTHS, "years"}:
        filled.setdefault("horizons", list(horizons_of(found, unit)))
    return filled
