"""What may group patients, and from when on: nothing that was measured after the time from which they are followed.

Whoever reached a response or a transplant lived until then. Compared from time zero, those who reached it are credited
with the time that they had to live for it (Anderson, Cain and Gelber, J Clin Oncol 1983; 1:710-719). From a landmark
on, everything reached by then may group those who are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from survmodel.cohort import PREDICTOR_ROLES
from survmodel.data.columns import Column
from survmodel.data.row_filter import RowFilter
from survmodel.errors import ConfigError
from survmodel.formatting import count_noun, format_significant
from survmodel.markers.end_of_treatment import KNOWN_DATE, SCAN_DATE_AT_END
from survmodel.markers.end_of_treatment import LABELS as END_LABELS
from survmodel.outcome.endpoints import UNITS
from survmodel.study.endpoint_specs import DEFAULT_UNIT
from survmodel.study.known_columns import group_columns
from survmodel.study.settings import EndpointEntry, StudySettings

Columns = Mapping[str, Column]

#: Roles of what happens after time zero.
LATER_ROLES = ("outcome", "post_baseline")
#: What one scan tells on its own day, and what another scan tells within the days of ``[mrd]``.
READ_OF_THE_SCAN, OTHER_READ = "cxcr4_end_read", "fdg_end_read"


def problems_of_timing(
    key: str, name: str, endpoint: str, settings: StudySettings, columns: Columns, use: str = "be a predictor"
) -> Iterator[str]:
    """Check that a column is known when the time of an endpoint begins.

    Parameters
    ----------
    key : str
        Where the study file uses it.
    name, endpoint : str
        Column and endpoint; what is not declared is told elsewhere.
    settings : StudySettings
        The study.
    columns : mapping of str to Column
        What the study may name.
    use : str
        What the column is to do.

    Yields
    ------
    str
        One problem, beginning with its key.
    """
    column, entry = columns.get(name), settings.endpoint.get(endpoint)
    if column is None or entry is None or column.role in PREDICTOR_ROLES:
        return
    if name in END_LABELS and name not in settings.column:
        yield from _problems_of_end(f"{key}: column {name!r}", name, endpoint, entry, settings)
        return
    declared = settings.column.get(name)
    if declared is None or declared.reached_by is None:
        way_out = ""
        if column.role in LATER_ROLES:
            way_out = (
                "; what is known only after time zero groups patients from a landmark on: make a factor of its time, "
                "with from and reached_by, and give the endpoint a landmark"
            )
        yield f"{key}: column {name!r} has the role {column.role} and cannot {use}{way_out}"
        return
    unit = columns[str(declared.source)].unit if declared.source in columns else ""
    yield from _too_early(f"{key}: column {name!r}", declared.reached_by, unit, endpoint, entry)


def _too_early(what: str, reached_by: float, unit: str, endpoint: str, entry: EndpointEntry) -> Iterator[str]:
    """Refuse a factor of what was reached where time begins before it is known."""
    own = entry.unit or DEFAULT_UNIT
    at = f"{format_significant(reached_by, 6)} {unit}".strip()
    remedy = f"give [endpoint.{endpoint}] landmark = {format_significant(reached_by, 6)} or later"
    if entry.landmark is None:
        yield (
            f"{what} is known only at {at}, and the time of endpoint {endpoint!r} begins before: who reached it had to "
            f"live until then (Anderson 1983); {remedy}, or use an endpoint that has one"
        )
    elif unit != own:
        yield f"{what} counts in {unit or 'no unit'} and endpoint {endpoint!r} in {own}; they must be the same"
    elif entry.landmark < reached_by:
        landmark = format_significant(entry.landmark, 6)
        yield f"{what} is known only at {at}, after the landmark of endpoint {endpoint!r} at {landmark}; {remedy}"


def _problems_of_end(
    what: str, name: str, endpoint: str, entry: EndpointEntry, settings: StudySettings
) -> Iterator[str]:
    """Refuse what is known at the end of treatment where time begins before: who has it lived until then."""
    days = settings.mrd.days
    scan_is_enough = name == READ_OF_THE_SCAN
    if entry.origin == KNOWN_DATE and name != OTHER_READ:
        return
    if entry.origin == SCAN_DATE_AT_END:
        landmark = (entry.landmark or 0.0) * UNITS.get(entry.unit or DEFAULT_UNIT, 0.0)
        if scan_is_enough or landmark >= days:
            return
    origins = f"origin = {SCAN_DATE_AT_END!r}" if scan_is_enough else f"origin = {KNOWN_DATE!r}"
    later = f"origin = {SCAN_DATE_AT_END!r} with a landmark of {count_noun(days, 'day')} or later"
    remedy = origins if scan_is_enough else later if name == OTHER_READ else f"{origins}, or {later}"
    yield (
        f"{what} is known only after the end of treatment, and the time of endpoint {endpoint!r} begins before: who "
        f"has it had to live until then; give [endpoint.{endpoint}] {remedy}"
    )


def look_at_timing(settings: StudySettings, columns: Columns) -> Iterator[str]:
    """Look for groups that are known too late, and for factors of what was reached that are made of no such time.

    Parameters
    ----------
    settings : StudySettings
        The study.
    columns : mapping of str to Column
        What the study may name.

    Yields
    ------
    str
        One problem, beginning with its key. Formulas are looked at with their models.
    """
    for name, entry in settings.column.items():
        source = columns.get(entry.source or "")
        if entry.reached_by is not None and source is not None:
            yield from _problems_of_source(name, source)
    use = "group patients"
    for number, curve in enumerate(settings.curve, start=1):
        if curve.by is not None:
            yield from problems_of_timing(f"curve[{number}].by", curve.by, curve.endpoint, settings, columns, use)
    for name, model in settings.model.items():
        for stratum in model.strata or ():
            yield from problems_of_timing(f"model.{name}.strata", stratum, model.endpoint, settings, columns, use)
    for key, group in zip(("column", "entity"), group_columns(settings), strict=True):
        if group is not None:
            for endpoint in settings.endpoint:
                yield from problems_of_timing(f"groups.{key}", group, endpoint, settings, columns, use)
    yield from _look_at_sets(settings, columns)


def _problems_of_source(name: str, source: Column) -> Iterator[str]:
    if source.role not in LATER_ROLES:
        yield (
            f"column.{name}.from: column {source.name!r} has the role {source.role}; the time of something reached "
            f'after time zero needs role = "outcome" in [column.{source.name}]'
        )
    if not source.unit:
        yield f"column.{name}.from: column {source.name!r} needs a unit, in which reached_by counts"


def _look_at_sets(settings: StudySettings, columns: Columns) -> Iterator[str]:
    """Refuse sets of patients chosen by what they reached later than the time of their endpoints begins."""
    for name, chosen in settings.analysis_set.items():
        used = [endpoint for endpoint in settings.endpoint if settings.set_of(endpoint) == name]
        for text in chosen.include:
            for column in _columns_of_filter(text):
                reached = column in settings.column and settings.column[column].reached_by is not None
                reached = reached or (column in END_LABELS and column not in settings.column)
                for endpoint in used if reached else ():
                    key = f"analysis_set.{name}.include"
                    yield from problems_of_timing(key, column, endpoint, settings, columns, "choose patients")


def _columns_of_filter(text: str) -> tuple[str, ...]:
    """Name the columns of a filter; one that cannot be read is told elsewhere."""
    try:
        return tuple(RowFilter(text).columns)
    except ConfigError:
        return ()
