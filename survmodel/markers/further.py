"""Every further column of uptake beside the plain ones: ratios, aggregates, dissemination, both tracers, change."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from survmodel.markers.aggregates import patient_aggregates, possible_aggregates
from survmodel.markers.change import patient_changes, possible_changes
from survmodel.markers.dissemination import patient_dissemination, possible_dissemination
from survmodel.markers.matching import match_lesions
from survmodel.markers.patterns import patient_patterns, possible_patterns
from survmodel.markers.ratios import patient_ratios, possible_ratios
from survmodel.markers.uptake import BASELINE, TRACERS, Marker, Uptake


def possible_further(rules: Sequence[str]) -> tuple[Marker, ...]:
    """List every column that `further_markers` can make of the baseline scans.

    Parameters
    ----------
    rules : sequence of str
        Segmentation rules that lesions may have been delineated by.

    Returns
    -------
    tuple of Marker
        Change to later scans is not among them: it is known only after baseline.
    """
    return (
        *possible_aggregates(rules), *possible_ratios(rules), *possible_dissemination(), *possible_patterns(rules),
    )  # fmt: skip


def possible_later(rules: Sequence[str]) -> tuple[Marker, ...]:
    """List every column that is known only after a later scan.

    Parameters
    ----------
    rules : sequence of str
        Segmentation rules.

    Returns
    -------
    tuple of Marker
        Change of uptake.
    """
    return possible_changes(rules)


def further_markers(
    uptake: pd.DataFrame, scans: pd.DataFrame, lesions: pd.DataFrame, reads: pd.DataFrame | None = None
) -> Uptake:
    """Compute every further column.

    Parameters
    ----------
    uptake : pandas.DataFrame
        By patient: columns of :func:`~survmodel.markers.uptake.patient_uptake`.
    scans, lesions, reads : pandas.DataFrame
        The canonical tables, later scans among them.

    Returns
    -------
    Uptake
        Columns that exist in somebody.
    """
    role = scans["scan_role"].astype(object) if "scan_role" in scans else pd.Series(BASELINE, index=scans.index)
    base = scans[role.isna() | (role == BASELINE)]
    inside = lesions[lesions["scan_id"].isin(base["scan_id"])]
    patients = [str(one) for one in uptake.index]
    parts = [
        patient_aggregates(uptake, base, inside),
        patient_ratios(uptake, base),
        patient_dissemination(patients, base, inside),
    ]
    if {f"{tracer}_negative" for tracer in TRACERS} <= set(uptake.columns) and "region" in inside:
        parts.append(patient_patterns(match_lesions(base, inside), uptake, base, inside))
    parts.append(patient_changes(uptake, scans, lesions, reads))
    table = pd.concat([part.table for part in parts], axis=1)
    markers = tuple(marker for part in parts for marker in part.markers)
    return Uptake(table, markers, tuple(note for part in parts for note in part.notes))
