"""The endpoints of haematological trials, by name: events, competing events, last date, and usual variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from survmodel.errors import ConfigError, closest
from survmodel.outcome.endpoints import DAYS_PER_MONTH, EVENT_COLUMNS, TWO_VISITS, UNITS, Endpoint, Unit
from survmodel.outcome.intercurrent import Rule, rearrange

CONTACT, VISIT = "last_contact_date", "last_assessment_date"
SCAN = "cxcr4_scan_date"
Variant = tuple[str, Mapping[str, Rule]]

CENSORED_AT_TREATMENT: Variant = ("censored at new treatment", {"new_treatment": "hypothetical"})
TREATMENT_IS_EVENT: Variant = ("new treatment is an event", {"new_treatment": "composite"})
TREATMENT_IGNORED: Variant = ("followed on after new treatment", {"new_treatment": "treatment_policy"})


@dataclass(frozen=True, slots=True)
class StandardEndpoint:
    """An endpoint as trials define it.

    Parameters
    ----------
    key, label : str
        Short and whole name.
    events, competing : tuple of str
        Events that count, and those that compete.
    censor : str
        Column of the last date of patients without any of them.
    variants : tuple of (str, mapping of str to str)
        Usual sensitivity analyses: name, and rule of each event that comes in between.
    needs_origin : bool
        Whether time counts from a response or remission, whose date the study has to name.
    horizon_months : float, optional
        The time at which the endpoint is read, of one that is yes or no. Patients censored before it are weighted, not
        left out.
    columns : mapping of str to str
        Columns of events beside those of every endpoint.
    """

    key: str
    label: str
    events: tuple[str, ...]
    competing: tuple[str, ...] = ()
    censor: str = VISIT
    variants: tuple[Variant, ...] = ()
    needs_origin: bool = False
    horizon_months: float | None = None
    columns: Mapping[str, str] | None = None


def _list_endpoints() -> dict[str, StandardEndpoint]:
    progress, relapse = ("progression", "death"), ("relapse", "death")
    first = {"first_treatment": "first_treatment_date"}
    both = (CENSORED_AT_TREATMENT, TREATMENT_IS_EVENT)
    one = (CENSORED_AT_TREATMENT,)
    treated = ("progression", "new_treatment", "death")
    ignored = (TREATMENT_IGNORED,)
    months = 24.0
    found = [
        StandardEndpoint("os", "overall survival", ("death",), censor=CONTACT),
        StandardEndpoint("pfs", "progression-free survival", progress, variants=both),
        StandardEndpoint("ttp", "time to progression", ("progression",), ("death",), variants=one),
        StandardEndpoint("efs", "event-free survival", treated, variants=ignored),
        StandardEndpoint("rfs", "relapse-free survival", relapse, variants=both, needs_origin=True),
        StandardEndpoint("dor", "duration of response", relapse, variants=both, needs_origin=True),
        StandardEndpoint("ttft", "time to first treatment", ("first_treatment",), ("death",), CONTACT, columns=first),
        StandardEndpoint("ttnt", "time to next treatment", ("new_treatment",), ("death",), CONTACT),
        StandardEndpoint("cir", "cumulative incidence of relapse", ("relapse",), ("death",), needs_origin=True),
        StandardEndpoint("nrm", "non-relapse mortality", ("death",), ("relapse",), needs_origin=True),
        StandardEndpoint(
            "pfs24", "progression-free survival to 24 months", progress, variants=both, horizon_months=months
        ),
        StandardEndpoint("efs24", "event-free survival to 24 months", treated, variants=ignored, horizon_months=months),
        StandardEndpoint(
            "pod24", "progression within 24 months", ("progression",), ("death",), variants=one, horizon_months=months
        ),
    ]
    return {endpoint.key: endpoint for endpoint in found}


#: Every standard endpoint, by its key.
STANDARD_ENDPOINTS: dict[str, StandardEndpoint] = _list_endpoints()


def standard_endpoint(
    kind: str,
    *,
    name: str | None = None,
    origin: str | None = None,
    unit: Unit = "months",
    horizons: Sequence[float] = (),
    entry: str | None = None,
    data_lock: date | None = None,
    intercurrent: Mapping[str, str] | None = None,
) -> Endpoint:
    """Make a standard endpoint of dates.

    ======== ================================================ =============== ====================
    kind     events                                           competing       last date
    ======== ================================================ =============== ====================
    os       death                                            none            last contact
    pfs      progression, death                               none            last assessment
    ttp      progression                                      death           last assessment
    efs      progression, new treatment, death                none            last assessment
    rfs, dor relapse, death (from the response)               none            last assessment
    ttft     first treatment                                  death           last contact
    ttnt     new treatment                                    death           last contact
    cir      relapse (from the remission)                     death           last assessment
    nrm      death without relapse (from the remission)       relapse         last assessment
    pfs24    as pfs, read at 24 months; efs24, pod24 likewise                 last assessment
    ======== ================================================ =============== ====================

    Parameters
    ----------
    kind : str
        One of these.
    name : str, optional
        Name of the endpoint; its kind without it.
    origin : str, optional
        Column of the dates at which time is 0: the CXCR4 scan without it. An endpoint that begins at a response needs
        one; patients without a date in it are not in the endpoint.
    unit, horizons, entry, data_lock
        As for `Endpoint`. Endpoints of 24 months have that horizon.
    intercurrent : mapping of str to str, optional
        What is decided about events that come in between, such as ``{"new_treatment": "hypothetical"}``:
        "treatment_policy" follows on regardless, "hypothetical" censors at the event, "composite" counts it,
        "competing" lets it compete. Without a rule a new treatment and a transplant are followed on regardless, where
        they are no event of the endpoint.

    Returns
    -------
    Endpoint
        The endpoint.

    Raises
    ------
    ConfigError
        For an unknown kind or rule, where the origin is missing, and for settings that contradict each other: overall
        survival is not censored at a new treatment.

    References
    ----------
    ICH E9(R1). Addendum on estimands and sensitivity analysis in clinical trials. 2019.

    Examples
    --------
    >>> standard_endpoint("ttp").competing
    ('death',)
    >>> standard_endpoint("pfs", intercurrent={"new_treatment": "hypothetical"}).censor_at
    ('new_treatment_date',)
    """
    if kind not in STANDARD_ENDPOINTS:
        raise ConfigError(f"the endpoint {kind!r} is not known", remedy=closest(kind, STANDARD_ENDPOINTS))
    found = STANDARD_ENDPOINTS[kind]
    if found.needs_origin and origin is None:
        raise ConfigError(f"{found.label} begins at a response or remission", remedy="name the column of it as origin")
    own = dict(found.columns or {})
    events, competing, censor_at = rearrange(
        found.events, found.competing, (), intercurrent or {}, {**EVENT_COLUMNS, **own}
    )
    given = tuple(horizons) or horizons_of(found, unit)
    gap = None if found.censor == CONTACT else TWO_VISITS
    return Endpoint(
        name or kind, found.label, origin or SCAN, events, competing, found.censor, censor_at, unit, given, entry,
        data_lock, own, gap,
    )  # fmt: skip


def horizons_of(endpoint: StandardEndpoint, unit: str) -> tuple[float, ...]:
    """Give the time at which an endpoint that is yes or no is read.

    Parameters
    ----------
    endpoint : StandardEndpoint
        The endpoint.
    unit : str
        Unit of time.

    Returns
    -------
    tuple of float
        One time, none for the other endpoints.

    Examples
    --------
    >>> horizons_of(STANDARD_ENDPOINTS["pod24"], "years")
    (2.0,)
    """
    if endpoint.horizon_months is None:
        return ()
    return (endpoint.horizon_months * DAYS_PER_MONTH / UNITS[unit],)
