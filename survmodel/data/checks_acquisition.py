"""Scans outside the windows of their tracer, numbers in another unit, and reconstructions that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from survmodel.data.acquisition import Window, deviations
from survmodel.data.canonical import CanonicalTables, baseline_scans
from survmodel.data.findings import Finding
from survmodel.formatting import format_significant

CODES = {"uptake_min": ("D200", "uptake time"), "injected_mbq": ("D201", "activity"), "glucose": ("D202", "glucose")}
#: Medians that only another unit explains: column, bound, whether it is the highest of its kind, and what it may be.
OTHER_UNITS = (
    ("uptake_min", 5.0, True, "hours: multiply by 60"),
    ("uptake_min", 1000.0, False, "seconds: divide by 60"),
    ("injected_mbq", 10.0, True, "mCi: multiply by 37"),
    ("injected_mbq", 5000.0, False, "kBq or Bq: divide by 1,000 or 1,000,000"),
    ("glucose", 40.0, False, "mg/dL: divide by 18.02"),
)


def check_acquisition_units(tables: CanonicalTables) -> Iterator[Finding]:
    """Find uptake times, activities and glucose that only another unit explains.

    Parameters
    ----------
    tables : CanonicalTables
        With scans.

    Yields
    ------
    Finding
        An error, D203, for each tracer and column.
    """
    scans, place = tables.tables["scans"], tables.places["scans"]
    for tracer in scans["tracer"].astype(str).unique():
        own = scans["tracer"].astype(str) == tracer
        for column, bound, is_below, unit in OTHER_UNITS:
            values = scans.loc[own, column].dropna()
            median = float(values.median()) if len(values) else bound
            if (median >= bound) if is_below else (median <= bound):
                continue
            where = np.flatnonzero(own & scans[column].notna())
            problem = f"the median of the {tracer.upper()} scans is {format_significant(median)}"
            yield place.find("D203", column, problem, where, remedy=f"are the values in {unit}?")


def find_outside(tables: CanonicalTables, windows: Mapping[str, Window]) -> Iterator[Finding]:
    """Find baseline scans outside the windows of their tracer, and those of which it cannot be told.

    Parameters
    ----------
    tables : CanonicalTables
        With scans.
    windows : mapping of str to Window
        By tracer.

    Yields
    ------
    Finding
        Warnings D200 to D202 with the scans outside, and notes D204 with those without a value where others have one.
    """
    scans, place = tables.tables["scans"], tables.places["scans"]
    base = scans.index.isin(baseline_scans(scans).index)
    for one in deviations(scans, windows):
        code, what = CODES[one.column]
        outside = np.flatnonzero(one.outside.to_numpy(dtype=bool) & base)
        if outside.size:
            problem = f"{one.tracer.upper()} scans whose {what} is not {one.allowed}"
            remedy = "adjust for it, or leave them out in a sensitivity analysis; [acquisition] names other windows"
            yield place.find(code, one.column, problem, outside, remedy=remedy, severity="warning")
        own = (scans["tracer"].astype(str) == one.tracer).to_numpy() & base
        unknown = np.flatnonzero(own & ~one.known.to_numpy(dtype=bool))
        if 0 < unknown.size < own.sum():
            problem = f"{one.tracer.upper()} scans of which nobody can tell whether the {what} is {one.allowed}"
            yield place.find("D204", one.column, problem, unknown, severity="note")


def check_reconstructions(tables: CanonicalTables) -> Iterator[Finding]:
    """Find tracers whose baseline scans were reconstructed in several ways: their uptakes are not on one scale.

    Parameters
    ----------
    tables : CanonicalTables
        With scans.

    Yields
    ------
    Finding
        A note, D205, for each tracer and for each of reconstruction and accreditation by EARL.
    """
    scans, place = tables.tables["scans"], tables.places["scans"]
    base = baseline_scans(scans)
    for tracer in base["tracer"].dropna().astype(str).unique():
        own = base[base["tracer"].astype(str) == tracer]
        for column, what in (("reconstruction", "reconstructions"), ("earl", "states of accreditation by EARL")):
            counts = own[column].value_counts()
            if len(counts) < 2:
                continue
            rarer = own.index[own[column].notna() & (own[column] != counts.index[0])]
            problem = f"the {tracer.upper()} scans have {len(counts)} {what}; these scans do not have the usual one"
            remedy = "their SUVs are not on one scale: compare ratios, make scanners strata, leave each out in turn"
            yield place.find(
                "D205", column, problem, np.flatnonzero(scans.index.isin(rarer)), remedy=remedy, severity="note"
            )
