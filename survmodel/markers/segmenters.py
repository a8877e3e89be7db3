"""Scans that were segmented twice: whose lesions are analysed, and what each segmentation makes of a patient.

Every analysis takes the lesions of the first reader, and those of the second where only the second segmented a scan.
Both together tell how far a marker depends on who drew the lesions, and on the rule by which they were drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.formatting import count_noun
from survmodel.markers.uptake import patient_uptake

#: Readers in the order in which their lesions are taken; an empty cell means the first.
SEGMENTERS = ("reader_1", "reader_2")
#: Metrics that depend on the segmentation rule.
BY_RULE = ("mtv", "tlu")


def segmenter_of(lesions: pd.DataFrame) -> pd.Series:
    """Tell who segmented each lesion.

    Parameters
    ----------
    lesions : pandas.DataFrame
        The canonical table, with or without a column ``reader``.

    Returns
    -------
    pandas.Series
        Reader of each row, the first one where nothing is said.

    Examples
    --------
    >>> segmenter_of(pd.DataFrame({"reader": ["reader_2", None]})).tolist()
    ['reader_2', 'reader_1']
    """
    if "reader" not in lesions:
        return pd.Series(SEGMENTERS[0], index=lesions.index, dtype=object)
    return lesions["reader"].astype(object).fillna(SEGMENTERS[0])


def first_segmentation(lesions: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Select the lesions that are analysed: those of the first reader who segmented the scan.

    Parameters
    ----------
    lesions : pandas.DataFrame
        The canonical table.

    Returns
    -------
    lesions : pandas.DataFrame
        Rows of one reader for each scan.
    notes : tuple of str
        How many scans were segmented twice, and how many by the second reader alone.

    Examples
    --------
    >>> lesions = pd.DataFrame({"scan_id": ["s", "s", "t"], "reader": ["reader_2", "reader_1", "reader_2"]})
    >>> first_segmentation(lesions)[0].index.tolist()
    [1, 2]
    """
    reader = segmenter_of(lesions)
    order = reader.map({name: place for place, name in enumerate(SEGMENTERS)})
    first = order.groupby(lesions["scan_id"]).transform("min")
    kept = lesions.loc[(order == first).to_numpy()]
    twice = int((reader.groupby(lesions["scan_id"]).nunique() > 1).sum())
    second = int((order.groupby(lesions["scan_id"]).min() > 0).sum())
    notes = [f"{count_noun(twice, 'scan')} segmented by two readers: the first one's lesions count"] if twice else []
    notes += (
        [f"{count_noun(second, 'scan')} segmented by the second reader only, whose lesions count"] if second else []
    )
    return kept, tuple(notes)


@dataclass(frozen=True, slots=True, eq=False)
class Repeats:
    """A metric of the same patients, measured more than once.

    Attributes
    ----------
    name : str
        Column of the patient that holds the metric, ``cxcr4_suvmax``; that of volumes without the rule where rules
        are compared, ``cxcr4_mtv``.
    tracer : str
        Tracer of the scans.
    between : {"readers", "rules"}
        What differs from one measurement to the next.
    values : pandas.DataFrame
        One row for each patient with all of them, one column for each reader or rule.
    """

    name: str
    tracer: str
    between: str
    values: pd.DataFrame


def repeats_of_readers(patients: pd.Series, scans: pd.DataFrame, lesions: pd.DataFrame) -> tuple[Repeats, ...]:
    """Compute the uptake of patients from the lesions of each reader, on scans that both segmented.

    Parameters
    ----------
    patients : pandas.Series
        Patient ids.
    scans, lesions : pandas.DataFrame
        Baseline scans and their lesions of all readers.

    Returns
    -------
    tuple of Repeats
        Every metric but counts; a scan on which a reader drew no lesion is none that both segmented.

    Examples
    --------
    >>> scans = pd.DataFrame({"scan_id": ["s"], "patient_id": ["a"], "tracer": ["cxcr4"]})
    >>> lesions = pd.DataFrame({
    ...     "scan_id": ["s", "s"], "lesion_id": ["1", "1"], "segmentation": ["41pct"] * 2,
    ...     "reader": ["reader_1", "reader_2"], "suvmax": [8.0, 9.0],
    ... })
    >>> repeats_of_readers(pd.Series(["a"]), scans, lesions)[0].values.loc["a"].tolist()
    [8.0, 9.0]
    """
    reader = segmenter_of(lesions)
    both = lesions["scan_id"].map(reader.groupby(lesions["scan_id"]).nunique()) == len(SEGMENTERS)
    inside, reader = lesions[both], reader[both]
    if inside.empty:
        return ()
    own = scans[scans["scan_id"].isin(inside["scan_id"])]
    made = {name: patient_uptake(patients, own, inside[reader == name]) for name in SEGMENTERS}
    markers = [one for one in made[SEGMENTERS[0]].markers if not one.name.endswith(("_lesions", "_negative"))]
    found = []
    for marker in markers:
        if all(marker.name in one.table for one in made.values()):
            values = pd.DataFrame({name: one.table[marker.name] for name, one in made.items()})
            found.append(Repeats(marker.name, marker.tracer, "readers", values.dropna()))
    return tuple(one for one in found if len(one.values))


def repeats_of_rules(uptake: pd.DataFrame, rules: tuple[str, ...], tracers: tuple[str, ...]) -> tuple[Repeats, ...]:
    """Set volumes and total uptakes under all segmentation rules side by side.

    Parameters
    ----------
    uptake : pandas.DataFrame
        Columns of the patient, such as ``cxcr4_mtv_41pct``.
    rules : tuple of str
        Segmentation rules that the data may have.
    tracers : tuple of str
        Tracers.

    Returns
    -------
    tuple of Repeats
        Metrics with two rules or more, of patients who have them all and above 0.

    Examples
    --------
    >>> uptake = pd.DataFrame({"cxcr4_mtv_41pct": [10.0, 0.0], "cxcr4_mtv_fixed4": [8.0, 0.0]})
    >>> repeats_of_rules(uptake, ("41pct", "fixed4"), ("cxcr4",))[0].values.to_numpy().tolist()
    [[10.0, 8.0]]
    """
    found = []
    for tracer in tracers:
        for metric in BY_RULE:
            columns = {rule: f"{tracer}_{metric}_{rule}" for rule in rules}
            there = {rule: uptake[name].astype(float) for rule, name in columns.items() if name in uptake}
            if len(there) < 2:
                continue
            values = pd.DataFrame(there).dropna()
            values = values.take(np.flatnonzero(np.asarray(values > 0).all(axis=1)))
            if len(values):
                found.append(Repeats(f"{tracer}_{metric}", tracer, "rules", values))
    return tuple(found)
