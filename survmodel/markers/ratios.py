r"""Uptake against a reference: tissue of the same scan, or the other tracer.

==================================  ==================================================================================
``cxcr4_liver_suvmean``             mean uptake of a reference tissue: liver, blood, spleen, marrow
``cxcr4_tbr_max_blood_mean``        SUVmax over the mean of the blood pool; ``max`` or ``peak`` over a tissue
``cxcr4_tbr_mean_liver_mean_41pct`` SUVmean under a segmentation rule over the mean of the liver
``cxcr4_spleen_liver``              spleen over liver; also ``marrow_liver``, ``marrow_blood``: diffuse disease
``cxcr4_fdg_suvmax``                CXCR4 over FDG; also ``suvpeak``, and ``mtv_RULE``, ``tlu_RULE``
==================================  ==================================================================================

The name says numerator, tissue and the statistic of the tissue; there is no *the* target-to-background ratio. One to
a reference of 0, and one whose numerator does not exist, does not exist either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from survmodel.markers.uptake import TRACERS, Marker, Uptake

TISSUES = ("liver", "blood", "spleen", "marrow")
#: Tissues that uptake of a lesion is divided by.
REFERENCES = ("liver", "blood", "spleen", "marrow")
#: Tissues whose own ratio tells of diffuse disease.
DIFFUSE = (("spleen", "liver"), ("marrow", "liver"), ("marrow", "blood"))
NUMERATORS = {"max": "suvmax", "peak": "suvpeak"}
ACROSS = ("suvmax", "suvpeak")
ACROSS_BY_RULE = ("mtv", "tlu")


def possible_ratios(rules: Sequence[str]) -> tuple[Marker, ...]:
    """List every column that `patient_ratios` can make.

    Parameters
    ----------
    rules : sequence of str
        Segmentation rules that lesions may have been delineated by.

    Returns
    -------
    tuple of Marker
        Tissues and ratios of each tracer, then ratios of the two.

    Examples
    --------
    >>> [marker.name for marker in possible_ratios(["41pct"]) if "fdg_" in marker.name][-2:]
    ['cxcr4_fdg_mtv_41pct', 'cxcr4_fdg_tlu_41pct']
    """
    return tuple(one.marker for one in _ratios(rules))


class _Ratio:
    """A ratio of two columns, or one column as it is."""

    __slots__ = ("above", "below", "marker")

    def __init__(self, marker: Marker, above: str, below: str = "") -> None:
        self.marker, self.above, self.below = marker, above, below


def _ratios(rules: Sequence[str]) -> Iterator[_Ratio]:
    for tracer in TRACERS:
        called = tracer.upper()
        for tissue in TISSUES:
            name = f"{tracer}_{tissue}_suvmean"
            yield _Ratio(Marker(name, f"{called} SUVmean of the {_tissue(tissue)}", "SUV", tracer), name)
        for tissue in REFERENCES:
            below = f"{tracer}_{tissue}_suvmean"
            for statistic, metric in NUMERATORS.items():
                label = f"{called} SUV{statistic} over {_tissue(tissue)} SUVmean"
                name = f"{tracer}_tbr_{statistic}_{tissue}_mean"
                yield _Ratio(Marker(name, label, "", tracer), f"{tracer}_{metric}", below)
            for rule in rules:
                label = f"{called} SUVmean over {_tissue(tissue)} SUVmean ({rule})"
                name = f"{tracer}_tbr_mean_{tissue}_mean_{rule}"
                yield _Ratio(Marker(name, label, "", tracer, rule), f"{tracer}_suvmean_{rule}", below)
        for first, second in DIFFUSE:
            label = f"{called} {_tissue(first)} over {_tissue(second)}, SUVmean"
            above, below = (f"{tracer}_{tissue}_suvmean" for tissue in (first, second))
            yield _Ratio(Marker(f"{tracer}_{first}_{second}", label, "", tracer), above, below)
    yield from _across(rules)


def _across(rules: Sequence[str]) -> Iterator[_Ratio]:
    for metric in ACROSS:
        marker = Marker(f"cxcr4_fdg_{metric}", f"CXCR4 over FDG, SUV{metric.removeprefix('suv')}", "", "")
        yield _Ratio(marker, f"cxcr4_{metric}", f"fdg_{metric}")
    for rule in rules:
        for metric, called in zip(ACROSS_BY_RULE, ("volume", "total uptake"), strict=True):
            marker = Marker(f"cxcr4_fdg_{metric}_{rule}", f"CXCR4 over FDG, {called} ({rule})", "", "", rule)
            yield _Ratio(marker, f"cxcr4_{metric}_{rule}", f"fdg_{metric}_{rule}")


def _tissue(name: str) -> str:
    return "blood pool" if name == "blood" else name


def patient_ratios(uptake: pd.DataFrame, scans: pd.DataFrame) -> Uptake:
    """Compute uptake of reference tissues, and uptake of lesions against it.

    Parameters
    ----------
    uptake : pandas.DataFrame
        By patient: columns of :func:`~survmodel.markers.uptake.patient_uptake`.
    scans : pandas.DataFrame
        Baseline scans: patient_id, tracer and, where measured, liver_suvmean, blood_suvmean, spleen_suvmean,
        marrow_suvmean.

    Returns
    -------
    Uptake
        Columns of which both parts were measured in somebody.

    Examples
    --------
    >>> uptake = pd.DataFrame({"cxcr4_suvmax": [8.0], "fdg_suvmax": [4.0]}, index=["a"])
    >>> scans = pd.DataFrame({"patient_id": ["a"], "tracer": ["cxcr4"], "blood_suvmean": [1.6]})
    >>> patient_ratios(uptake, scans).table.iloc[0].to_dict()
    {'cxcr4_blood_suvmean': 1.6, 'cxcr4_tbr_max_blood_mean': 5.0, 'cxcr4_fdg_suvmax': 2.0}
    """
    known: dict[str, pd.Series] = {str(name): uptake[name].astype(float) for name in uptake.columns}
    for tracer in TRACERS:
        own = scans[scans["tracer"].astype(str) == tracer].set_index("patient_id")
        for tissue in TISSUES:
            if f"{tissue}_suvmean" in own and own[f"{tissue}_suvmean"].notna().any():
                measured = own[f"{tissue}_suvmean"].astype(float)
                known[f"{tracer}_{tissue}_suvmean"] = measured.reindex(uptake.index)
    rules = dict.fromkeys(name.split("_mtv_")[1] for name in known if "_mtv_" in name)
    table, markers = pd.DataFrame(index=uptake.index), []
    for one in _ratios(list(rules)):
        if one.above not in known or (one.below and one.below not in known):
            continue
        values = known[one.above]
        if one.below:
            values = values / known[one.below].where(known[one.below] > 0)
        if values.notna().any():
            table[one.marker.name] = values.replace([np.inf, -np.inf], np.nan)
            markers.append(one.marker)
    return Uptake(table, tuple(markers))
