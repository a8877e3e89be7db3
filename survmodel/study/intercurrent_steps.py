"""What came in between in the patients of an endpoint, and what the study decided about it."""

from __future__ import annotations

from survmodel.outcome.endpoints import EVENT_COLUMNS, UNITS
from survmodel.outcome.first_ending import in_words
from survmodel.outcome.intercurrent import BETWEEN, RULES, rule_of
from survmodel.report.contents import Between
from survmodel.study.endpoint_specs import dated_endpoint
from survmodel.study.step_parts import EndpointSteps

#: Dates are whole days, and times that were made of them may lie a rounding error away.
HALF_A_DAY = 0.5


def events_between(part: EndpointSteps) -> tuple[Between, ...]:
    """Count who had a new treatment, a transplant or another event that comes in between while under observation.

    Parameters
    ----------
    part : EndpointSteps
        The endpoint.

    Returns
    -------
    tuple of Between
        Events about which the study decides, and those that occurred; none for ready-made times.
    """
    settings, columns = part.prepared.study.settings, part.prepared.data.outcome_columns
    entry = settings.endpoint[part.name]
    if not entry.is_dated:
        return ()
    spec = dated_endpoint(part.name, entry, settings)
    known = {**EVENT_COLUMNS, **spec.columns}
    rows = part.table.index
    end = (part.analysis.outcome.time + (entry.landmark or 0)) * UNITS[spec.unit]
    found = []
    for event in dict.fromkeys((*BETWEEN, *entry.intercurrent)):
        column = known[event]
        if column not in columns or spec.origin not in columns:
            continue
        days = (columns.loc[rows, column] - columns.loc[rows, spec.origin]).dt.days.to_numpy(float)
        n = int(((days >= 0) & (days <= end + HALF_A_DAY)).sum())
        if n or event in entry.intercurrent:
            rule = rule_of(event, tuple(spec.events), tuple(spec.competing), censored=column in spec.censor_at)
            found.append(Between(in_words(event), RULES[rule], n))
    return tuple(found)
