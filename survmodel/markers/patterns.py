"""What the two tracers show together in a patient: which of them shows more, and how much only CXCR4 PET shows.

==========================  ==========================================================================================
``tracer_pattern``          *concordant* (the same lesions), *CXCR4 dominant* (lesions that only CXCR4 shows, none that
                            only FDG shows), *FDG dominant*, *discordant* (both kinds), *double negative*
``lesions_both``            lesions of both tracers; ``lesions_cxcr4_only`` and ``lesions_fdg_only`` the others
``cxcr4_only_share_RULE``   volume of lesions that only CXCR4 shows, over the CXCR4 volume, under a segmentation rule
==========================  ==========================================================================================

Patients of whom a scan is missing or not read have no pattern. A share of a volume of 0 does not exist, nor one where
it is not known which lesions FDG PET shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from survmodel.markers.matching import BOTH, CXCR4_ONLY, FDG_ONLY, MatchedLesions
from survmodel.markers.uptake import Marker, Uptake

CONCORDANT, CXCR4_DOMINANT, FDG_DOMINANT, DISCORDANT, NEGATIVE = (
    "concordant", "CXCR4 dominant", "FDG dominant", "discordant", "double negative",
)  # fmt: skip
PATTERNS = (NEGATIVE, CONCORDANT, CXCR4_DOMINANT, FDG_DOMINANT, DISCORDANT)
PATTERN = "tracer_pattern"
_COUNTS = {BOTH: "lesions_both", CXCR4_ONLY: "lesions_cxcr4_only", FDG_ONLY: "lesions_fdg_only"}
_LABELS = {
    "lesions_both": "lesions on both scans",
    "lesions_cxcr4_only": "lesions on CXCR4 PET only",
    "lesions_fdg_only": "lesions on FDG PET only",
}


def possible_patterns(rules: Sequence[str]) -> tuple[Marker, ...]:
    """List every column that `patient_patterns` can make.

    Parameters
    ----------
    rules : sequence of str
        Segmentation rules that lesions may have been delineated by.

    Returns
    -------
    tuple of Marker
        The pattern first.

    Examples
    --------
    >>> [marker.name for marker in possible_patterns(["41pct"])][-2:]
    ['lesions_fdg_only', 'cxcr4_only_share_41pct']
    """
    markers = [Marker(PATTERN, "pattern of the two tracers", "", "")]
    markers += [Marker(name, label, "", "") for name, label in _LABELS.items()]
    return (*markers, *(_share(rule) for rule in rules))


def _share(rule: str) -> Marker:
    label = f"share of the CXCR4 volume that FDG does not show ({rule})"
    return Marker(f"cxcr4_only_share_{rule}", label, "", "cxcr4", rule)


def patient_patterns(
    matched: MatchedLesions, uptake: pd.DataFrame, scans: pd.DataFrame, lesions: pd.DataFrame
) -> Uptake:
    """Tell what both tracers show in each patient.

    Parameters
    ----------
    matched : MatchedLesions
        Lesions of both tracers side by side.
    uptake : pandas.DataFrame
        By patient: ``cxcr4_negative`` and ``fdg_negative``, 1 for a scan that was read and holds no lesion, missing
        where none was made or read.
    scans, lesions : pandas.DataFrame
        Baseline scans and their lesions, as `match_lesions` takes them; for the volumes also segmentation and
        volume_ml.

    Returns
    -------
    Uptake
        One row for each patient, in the order of `uptake`.
    """
    read = uptake["cxcr4_negative"].notna() & uptake["fdg_negative"].notna()
    counts = pd.crosstab(matched.table["patient_id"], matched.table["finding"])
    counts = counts.reindex(index=uptake.index, columns=list(_COUNTS), fill_value=0)
    table = pd.DataFrame(index=uptake.index)
    only, other = (counts[CXCR4_ONLY] > 0).to_numpy(), (counts[FDG_ONLY] > 0).to_numpy()
    nothing = ((uptake["cxcr4_negative"] == 1) & (uptake["fdg_negative"] == 1)).to_numpy()
    choices = [~read.to_numpy(), nothing, only & other, only, other]
    codes = np.select(choices, [-1, *map(PATTERNS.index, (NEGATIVE, DISCORDANT, CXCR4_DOMINANT, FDG_DOMINANT))],
                      default=PATTERNS.index(CONCORDANT))  # fmt: skip
    table[PATTERN] = pd.Categorical.from_codes(codes.tolist(), categories=pd.Index(PATTERNS))
    for finding, name in _COUNTS.items():
        table[name] = counts[finding].astype(float).where(read)
    markers = list(possible_patterns(()))
    for rule, share in _shares(matched.table, uptake, scans, lesions):
        table[f"cxcr4_only_share_{rule}"] = share.where(read)
        markers.append(_share(rule))
    return Uptake(table, tuple(markers), matched.notes)


def _shares(
    table: pd.DataFrame, uptake: pd.DataFrame, scans: pd.DataFrame, lesions: pd.DataFrame
) -> list[tuple[str, pd.Series]]:
    if not {"volume_ml", "segmentation"} <= set(lesions.columns):
        return []
    own = scans[scans["tracer"].astype(str) == "cxcr4"].set_index("scan_id")["patient_id"].astype(str)
    inside = lesions[lesions["scan_id"].isin(own.index)]
    inside = inside.assign(patient_id=inside["scan_id"].map(own), lesion_id=inside["lesion_id"].astype(str))
    alone = table.loc[(table["finding"] == CXCR4_ONLY) & table["is_known"], ["patient_id", "cxcr4"]].assign(alone=True)
    unclear = set(table.loc[(table["finding"] == CXCR4_ONLY) & ~table["is_known"].astype(bool), "patient_id"])
    inside = inside.merge(alone, how="left", left_on=["patient_id", "lesion_id"], right_on=["patient_id", "cxcr4"])
    found = []
    for rule, part in inside.groupby(inside["segmentation"].astype(str), sort=True):
        volumes = part.groupby("patient_id")["volume_ml"].agg(lambda one: one.sum(skipna=False))
        lone = part[part["alone"].notna()].groupby("patient_id")["volume_ml"].agg(lambda one: one.sum(skipna=False))
        share = lone.reindex(volumes.index, fill_value=0.0) / volumes.where(volumes > 0)
        found.append((str(rule), share.mask(share.index.isin(unclear)).reindex(uptake.index)))
    return found
