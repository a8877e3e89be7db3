r"""Other ways from lesions to a patient: the largest lesion, the five largest, heterogeneity, and two-part coding.

================================  ====================================================================================
``cxcr4_suvmax_of_largest_41pct`` SUVmax of the lesion with the largest volume under the rule
``cxcr4_mtv_largest_41pct``       volume of that lesion; ``cxcr4_mtv_top5_41pct`` that of the five largest together
``cxcr4_suvmax_top5``             mean SUVmax of the five hottest lesions
``cxcr4_suvmax_sd``               standard deviation of SUVmax between lesions
``cxcr4_cov_41pct``               coefficient of variation inside lesions, :math:`\sum v_j s_j / m_j \big/ \sum v_j`
``cxcr4_suvmax_part``             log2 of SUVmax, 0 on a negative scan; also ``suvpeak``, ``mtv_RULE``, ``tlu_RULE``
================================  ====================================================================================

Between-lesion heterogeneity does not exist with one lesion: it is missing, not 0. A column ``..._part`` is the second
part of two: ``cxcr4_negative + cxcr4_suvmax_part`` keeps read-negative patients in a model, whose SUVmax is undefined,
with a coefficient of their own. A value of which any lesion lacks its share is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from survmodel.markers.uptake import TRACERS, Marker, Uptake

TOP = 5
#: Stands in the name of the second part of a two-part coding.
PART = "_part"
#: Metrics that have a second part, and those that have one for each segmentation rule.
PARTS = {"suvmax": "SUVmax", "suvpeak": "SUVpeak"}
PARTS_BY_RULE = {"mtv": "volume", "tlu": "total uptake"}
#: Those that are 0 and not undefined on a negative scan.
ZERO_WITHOUT_LESIONS = ("mtv_largest", "mtv_top5")


def possible_aggregates(rules: Sequence[str]) -> tuple[Marker, ...]:
    """List every column that `patient_aggregates` can make.

    Parameters
    ----------
    rules : sequence of str
        Segmentation rules that lesions may have been delineated by.

    Returns
    -------
    tuple of Marker
        By tracer.

    Examples
    --------
    >>> [marker.name for marker in possible_aggregates([]) if marker.tracer == "cxcr4"]
    ['cxcr4_suvmax_top5', 'cxcr4_suvmax_sd', 'cxcr4_suvmax_part', 'cxcr4_suvpeak_part']
    """
    return tuple(marker for tracer in TRACERS for marker in _possible(tracer, rules))


def _possible(tracer: str, rules: Sequence[str]) -> Iterator[Marker]:
    called = tracer.upper()
    yield Marker(f"{tracer}_suvmax_top5", f"{called} mean SUVmax of the {TOP} hottest lesions", "SUV", tracer)
    yield Marker(f"{tracer}_suvmax_sd", f"{called} SUVmax, standard deviation between lesions", "SUV", tracer)
    for rule in rules:
        yield Marker(f"{tracer}_suvmax_of_largest_{rule}", f"{called} SUVmax of the largest lesion ({rule})", "SUV",
                     tracer, rule)  # fmt: skip
        yield Marker(
            f"{tracer}_mtv_largest_{rule}", f"{called} volume of the largest lesion ({rule})", "mL", tracer, rule
        )
        together = f"{called} volume of the {TOP} largest lesions ({rule})"
        yield Marker(f"{tracer}_mtv_top5_{rule}", together, "mL", tracer, rule)
        yield Marker(f"{tracer}_cov_{rule}", f"{called} coefficient of variation inside lesions ({rule})", "", tracer,
                     rule)  # fmt: skip
    for metric, name in PARTS.items():
        yield _part(tracer, metric, name)
    for rule in rules:
        yield from (_part(tracer, metric, name, rule) for metric, name in PARTS_BY_RULE.items())


def _part(tracer: str, metric: str, name: str, rule: str = "") -> Marker:
    under = f" ({rule})" if rule else ""
    column = f"{tracer}_{metric}{PART}" + (f"_{rule}" if rule else "")
    return Marker(column, f"log2 of {tracer.upper()} {name}{under}, 0 on a negative scan", "", tracer, rule)


def patient_aggregates(uptake: pd.DataFrame, scans: pd.DataFrame, lesions: pd.DataFrame) -> Uptake:
    """Compute further aggregates of the lesions of each baseline scan.

    Parameters
    ----------
    uptake : pandas.DataFrame
        By patient: columns of :func:`~survmodel.markers.uptake.patient_uptake`.
    scans : pandas.DataFrame
        Baseline scans: scan_id, patient_id, tracer.
    lesions : pandas.DataFrame
        Columns scan_id, lesion_id, segmentation, suvmax and, where measured, suvmean, suv_sd, volume_ml.

    Returns
    -------
    Uptake
        Columns of the tracers that have scans.

    Examples
    --------
    >>> scans = pd.DataFrame({"scan_id": ["s"], "patient_id": ["a"], "tracer": ["cxcr4"]})
    >>> lesions = pd.DataFrame({"scan_id": ["s", "s"], "lesion_id": ["1", "2"], "segmentation": ["41pct"] * 2,
    ...                         "suvmax": [8.0, 5.0], "volume_ml": [10.0, 30.0]})
    >>> uptake = pd.DataFrame({"cxcr4_suvmax": [8.0], "cxcr4_negative": [0.0]}, index=["a"])
    >>> found = patient_aggregates(uptake, scans, lesions).table
    >>> found[["cxcr4_suvmax_of_largest_41pct", "cxcr4_mtv_top5_41pct", "cxcr4_suvmax_part"]].iloc[0].tolist()
    [5.0, 40.0, 3.0]
    """
    table, markers = pd.DataFrame(index=uptake.index), []
    for tracer in TRACERS:
        own = scans[scans["tracer"].astype(str) == tracer].set_index("patient_id")["scan_id"]
        if own.empty:
            continue
        inside = lesions[lesions["scan_id"].isin(own)]
        rules = sorted(str(one) for one in inside["segmentation"].astype(object).dropna().unique())
        known = {marker.name: marker for marker in _possible(tracer, rules)}
        by_patient = own.reindex(uptake.index)
        negative = uptake[f"{tracer}_negative"] == 1
        for name, by_scan in _by_scan(tracer, inside):
            zero = any(f"_{metric}_" in name for metric in ZERO_WITHOUT_LESIONS)
            table[name] = by_patient.map(by_scan.astype(float)).astype(float).mask(negative, 0.0 if zero else np.nan)
            markers.append(known[name])
        for name, values in _parts(tracer, uptake, negative, rules):
            table[name] = values
            markers.append(known[name])
    return Uptake(table, tuple(markers))


def _by_scan(tracer: str, lesions: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    hottest = lesions.groupby(["scan_id", "lesion_id"])["suvmax"].max()
    by_scan = hottest.groupby("scan_id")
    yield f"{tracer}_suvmax_top5", by_scan.agg(lambda one: one.nlargest(TOP).mean() if one.notna().all() else np.nan)
    yield f"{tracer}_suvmax_sd", by_scan.agg(lambda one: one.std(ddof=1) if one.notna().all() else np.nan)
    if "volume_ml" not in lesions:
        return
    for rule, inside in lesions.groupby(lesions["segmentation"].astype(object), sort=True):
        volumes = inside.groupby("scan_id")["volume_ml"]
        whole = volumes.agg(lambda one: bool(one.notna().all()))
        largest = inside.sort_values(["volume_ml", "suvmax"]).groupby("scan_id").tail(1).set_index("scan_id")
        yield f"{tracer}_suvmax_of_largest_{rule}", largest["suvmax"].where(whole)
        yield f"{tracer}_mtv_largest_{rule}", volumes.max().where(whole)
        yield f"{tracer}_mtv_top5_{rule}", volumes.agg(lambda one: one.nlargest(TOP).sum()).where(whole)
        if {"suvmean", "suv_sd"} <= set(inside.columns) and inside["suv_sd"].notna().any():
            variation = inside["suv_sd"] / inside["suvmean"].where(inside["suvmean"] > 0)
            weighted = (
                (variation * inside["volume_ml"]).groupby(inside["scan_id"]).agg(lambda one: one.sum(skipna=False))
            )
            total = volumes.sum()
            yield f"{tracer}_cov_{rule}", weighted / total.where(total > 0)


def _parts(
    tracer: str, uptake: pd.DataFrame, negative: pd.Series, rules: Sequence[str]
) -> Iterator[tuple[str, pd.Series]]:
    names = [(metric, f"{tracer}_{metric}", f"{tracer}_{metric}_part") for metric in PARTS]
    for rule in rules:
        names += [(metric, f"{tracer}_{metric}_{rule}", f"{tracer}_{metric}_part_{rule}") for metric in PARTS_BY_RULE]
    for _, source, name in names:
        # a metric that nobody measured has no second part, though that of a negative scan were known
        if source in uptake and (uptake[source] > 0).any():
            values = uptake[source].astype(float)
            logs = pd.Series(np.log2(values.where(values > 0).to_numpy()), index=values.index)
            yield name, logs.mask(negative, 0.0)
