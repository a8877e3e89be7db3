"""Checks of tables that were read: across rows and across tables, each a small function from tables to findings.

No check changes a table, and none guesses: it names rows by line of the file and says what to do.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from survmodel.data import (
    checks_acquisition,
    checks_covariates,
    checks_dates,
    checks_events,
    checks_identity,
    checks_regions,
    checks_units,
    checks_values,
)
from survmodel.data.acquisition import WINDOWS, Window
from survmodel.data.canonical import CanonicalTables
from survmodel.data.columns import Column
from survmodel.data.findings import Finding, Place

Check = Callable[[CanonicalTables], Iterator[Finding]]

#: Every check with the tables it needs; it is left out when one of them was not brought.
CHECKS: tuple[tuple[Check, tuple[str, ...]], ...] = (
    (checks_identity.check_keys, ()),
    (checks_identity.check_near_identifiers, ()),
    (checks_identity.check_mangled_identifiers, ()),
    (checks_identity.check_references, ()),
    (checks_identity.check_entities, ("patients",)),
    (checks_identity.check_single_patients, ("patients",)),
    (checks_identity.check_patients_without_rows, ("patients",)),
    (checks_identity.check_patients_without_lesions, ("patients", "scans", "lesions")),
    (checks_identity.check_baseline_scans, ("scans",)),
    (checks_identity.check_tracers, ("patients", "scans")),
    (checks_dates.check_birth_and_diagnosis, ("patients",)),
    (checks_dates.check_diagnosis_before_scan, ("patients", "scans")),
    (checks_dates.check_scans_in_follow_up, ("scans", "follow_up")),
    (checks_dates.check_vital_status, ("follow_up",)),
    (checks_dates.check_last_contact, ("follow_up",)),
    (checks_dates.check_death_after_progression, ("follow_up",)),
    (checks_dates.check_progression_after_scan, ("scans", "follow_up")),
    (checks_dates.check_untreated, ("patients", "scans", "therapy")),
    (checks_dates.check_interval_between_tracers, ("scans",)),
    (checks_acquisition.check_acquisition_units, ("scans",)),
    (checks_acquisition.check_reconstructions, ("scans",)),
    (checks_regions.check_region_references, ("scans", "region_reads")),
    (checks_events.check_terms, ("adverse_events",)),
    (checks_events.check_days_of_events, ("scans", "adverse_events")),
    (checks_values.check_suv_order, ("lesions",)),
    (checks_values.check_suv_positive, ()),
    (checks_values.check_suv_scale, ("lesions",)),
    (checks_values.check_ratios, ("scans", "lesions")),
    (checks_values.check_volumes, ("lesions",)),
    (checks_values.check_volume_units, ("lesions", "scans")),
    (checks_values.check_time_units, ("patients",)),
    (checks_covariates.check_covariates, ()),
    (checks_values.check_declared_texts, ()),
    (checks_values.check_spellings, ()),
    (checks_units.check_labs, ("labs",)),
    (checks_units.check_units_of_columns, ()),
)


def check_tables(
    tables: CanonicalTables,
    data_lock: datetime.date | None = None,
    windows: Mapping[str, Window] = WINDOWS,
) -> tuple[Finding, ...]:
    """Run every check that the tables allow.

    Parameters
    ----------
    tables : CanonicalTables
        What was read.
    data_lock : datetime.date, optional
        No date may be later; not needed when the tables were read with it.
    windows : mapping of str to Window
        How scans of each tracer should have been made.

    Returns
    -------
    tuple of Finding
        Errors, warnings and notes, in a fixed order.
    """
    findings: list[Finding] = []
    for check, needed in CHECKS:
        if all(name in tables.tables for name in needed):
            findings += check(tables)
    if "scans" in tables.tables:
        findings += checks_acquisition.find_outside(tables, windows)
    if data_lock is not None and data_lock != tables.data_lock:
        findings += _late_dates(tables, data_lock)
    return tuple(findings)


#: Headings of the column that says where a patient of a plain table was treated.
SITE_NAMES = frozenset({"site", "centre", "center", "hospital", "clinic", "institution"})


def check_plain(columns: Sequence[Column], table: pd.DataFrame, place: Place) -> Iterator[Finding]:
    """Check a plain table of declared columns: who is who, what tells it, strange numbers, spellings, units of times.

    Parameters
    ----------
    columns : sequence of Column
        What is declared.
    table : pandas.DataFrame
        What was read.
    place : Place
        Where it stands.

    Yields
    ------
    Finding
        Errors and warnings.
    """
    for column in columns:
        if column.is_identifier:
            yield from checks_identity.find_near(table[column.name], column.name, place)
            yield from checks_identity.find_mangled(table[column.name], column.name, place)
    yield from checks_covariates.find_strange_numbers(columns, table, place)
    yield from checks_values.find_telling_texts(columns, table, place)
    yield from checks_values.find_spellings(columns, table, place)
    yield from checks_units.find_implausible(columns, table, place)
    for column in columns:
        if column.name.casefold() in SITE_NAMES and column.type in {"category", "text"}:
            yield from checks_values.find_other_units(columns, table, table[column.name], place)


def _late_dates(tables: CanonicalTables, lock: datetime.date) -> Iterator[Finding]:
    for name, table in tables.tables.items():
        for column in table.select_dtypes("datetime").columns:
            late = np.flatnonzero((table[column] > np.datetime64(lock)).to_numpy())
            if late.size:
                remedy = "correct the cells, or data_lock"
                yield tables.places[name].find("D055", str(column), "a date after the data lock", late, remedy=remedy)
