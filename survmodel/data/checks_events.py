"""Adverse events after a scan: a term that a report may print, and a date that is not before the scan."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from survmodel.data.canonical import CanonicalTables
from survmodel.data.findings import Finding

#: No preferred term is longer, and none holds a number of two digits.
LONGEST_TERM = 80
_NUMBER = re.compile(r"[0-9]{2}")


def check_terms(tables: CanonicalTables) -> Iterator[Finding]:
    """Find terms that are reports of a patient rather than names of an event: the report prints terms.

    Parameters
    ----------
    tables : CanonicalTables
        With adverse events.

    Yields
    ------
    Finding
        One error, D211, for all rows.
    """
    terms = tables.tables["adverse_events"]["term"].astype(str)
    where = np.flatnonzero((terms.str.contains(_NUMBER) | (terms.str.len() > LONGEST_TERM)).to_numpy(dtype=bool))
    if where.size:
        problem = f"not the name of an adverse event: it holds a number, or more than {LONGEST_TERM} characters"
        remedy = "write the preferred term of CTCAE, such as nausea: the report prints it"
        yield tables.places["adverse_events"].find("D211", "term", problem, where, remedy=remedy)


def check_days_of_events(tables: CanonicalTables) -> Iterator[Finding]:
    """Find adverse events before the scan that they are said to follow.

    Parameters
    ----------
    tables : CanonicalTables
        Scans and adverse events.

    Yields
    ------
    Finding
        One error, D212, for all rows.
    """
    days = tables.tables["scans"].drop_duplicates("scan_id").set_index("scan_id")["scan_date"]
    events = tables.tables["adverse_events"]
    where = np.flatnonzero((events["event_date"] < events["scan_id"].map(days)).to_numpy(dtype=bool))
    if where.size:
        problem, remedy = "the adverse event lies before its scan", "correct one of the dates, or name another scan"
        yield tables.places["adverse_events"].find("D212", "event_date", problem, where, remedy=remedy)
