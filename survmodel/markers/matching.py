r"""Which lesion of one tracer is which of the other: optimal one-to-one pairs inside a region, within a tolerance.

Within a patient and a region the pairs are those that are most in number and, among these, have the smallest sum of
distances between centroids; no pair is farther apart than the tolerance. The rule is symmetric in the tracers, and does
not depend on the order of the rows, as taking the nearest lesion one by one would.

Where coordinates are missing, the lesions of a region are matched *by region*: as many as the rarer tracer has count as
pairs, the others as those of one tracer only. With more than one lesion it is not known which is which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linear_sum_assignment

from survmodel.errors import ConfigError, DataError
from survmodel.formatting import count_noun, format_significant
from survmodel.markers.uptake import TRACERS

TOLERANCE_MM = 20.0
COORDINATES = ("x_mm", "y_mm", "z_mm")
BOTH, CXCR4_ONLY, FDG_ONLY = "both", "CXCR4 only", "FDG only"
#: More than any sum of distances of pairs in one region.
_FORBIDDEN = 1e9

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MatchedLesions:
    """Lesions of both tracers, side by side.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each pair or lesion without a partner: patient_id, region, cxcr4 and fdg (lesion ids, missing where
        there is none or it is not known which), distance_mm (missing without coordinates), finding ("both", "CXCR4
        only", "FDG only") and is_known, whether it is known which lesions these are.
    tolerance_mm : float
        Largest distance of a pair.
    notes : tuple of str
        Counts that the reader should know.
    """

    table: pd.DataFrame
    tolerance_mm: float
    notes: tuple[str, ...] = ()


def match_lesions(scans: pd.DataFrame, lesions: pd.DataFrame, *, tolerance_mm: float = TOLERANCE_MM) -> MatchedLesions:
    """Match the lesions of the baseline CXCR4 scan of each patient with those of the baseline FDG scan.

    Parameters
    ----------
    scans : pandas.DataFrame
        Baseline scans: columns scan_id, patient_id, tracer; at most one of each tracer for a patient.
    lesions : pandas.DataFrame
        Columns scan_id, lesion_id, region and, where measured, x_mm, y_mm, z_mm. A lesion that stands in several rows,
        one for each segmentation rule, is one lesion, at the mean of its centroids.
    tolerance_mm : float
        Largest distance between the centroids of a pair.

    Returns
    -------
    MatchedLesions
        Patients with both scans only; without a lesion on either they have no row.

    Raises
    ------
    ConfigError
        For a tolerance that is no positive number.
    DataError
        For two scans of one tracer in one patient.

    References
    ----------
    Kuhn HW (1955). Nav Res Logist Q 2:83-97.

    Examples
    --------
    >>> scans = pd.DataFrame({"scan_id": ["c", "f"], "patient_id": ["a", "a"], "tracer": ["cxcr4", "fdg"]})
    >>> lesions = pd.DataFrame({
    ...     "scan_id": ["c", "c", "f"], "lesion_id": ["1", "2", "1"], "region": ["pelvis"] * 3,
    ...     "x_mm": [0.0, 60.0, 4.0], "y_mm": [0.0] * 3, "z_mm": [0.0] * 3,
    ... })
    >>> match_lesions(scans, lesions).table[["cxcr4", "fdg", "distance_mm", "finding"]].to_dict("records")[0]
    {'cxcr4': '1', 'fdg': '1', 'distance_mm': 4.0, 'finding': 'both'}
    """
    if not 0 < tolerance_mm < np.inf:
        raise ConfigError(f"the tolerance is {tolerance_mm}", remedy="give a distance in mm, such as 20")
    own = scans[scans["tracer"].astype(str).isin(TRACERS)]
    twice = own.duplicated(["patient_id", "tracer"])
    if twice.any():
        raise DataError(f"{count_noun(int(twice.sum()), 'patient')} with two scans of one tracer",
                        remedy="give the baseline scans")  # fmt: skip
    paired = own.groupby("patient_id")["tracer"].transform("nunique") == len(TRACERS)
    known = own[paired].set_index("scan_id")[["patient_id", "tracer"]].astype(str)
    table = _one_row_each(lesions[lesions["scan_id"].isin(known.index)])
    table = table.join(known, on="scan_id")
    # arrays and no groups of rows: a study has thousands of regions with a lesion or two
    table = table.sort_values(["patient_id", "region", "tracer", "lesion_id"], ignore_index=True)
    places, ids = table[list(COORDINATES)].to_numpy(dtype=np.float64), table["lesion_id"].astype(str).to_numpy()
    is_first = (table["tracer"] == TRACERS[0]).to_numpy()
    rows: list[tuple[object, ...]] = []
    for _, inside in table.groupby(["patient_id", "region"], sort=True, dropna=False).indices.items():
        whose = table["patient_id"].iloc[inside[0]], table["region"].iloc[inside[0]]
        one, two = inside[is_first[inside]], inside[~is_first[inside]]
        rows += [(*whose, *match) for match in _pairs(ids[one].tolist(), ids[two].tolist(), places[one], places[two],
                                                      tolerance_mm)]  # fmt: skip
    columns = ["patient_id", "region", "cxcr4", "fdg", "distance_mm", "finding", "is_known"]
    notes = [f"lesions matched within regions and {format_significant(tolerance_mm)} mm between centroids"]
    n_open = sum(1 for row in rows if not row[-1])
    if n_open:
        what = count_noun(n_open, "pair or lesion", "pairs and lesions")
        notes.append(f"{what} matched by region, without coordinates: not known which is which")
    return MatchedLesions(pd.DataFrame(rows, columns=columns), float(tolerance_mm), tuple(notes))


def _one_row_each(lesions: pd.DataFrame) -> pd.DataFrame:
    """Give each lesion one row, at the mean of its centroids under several segmentation rules."""
    table = lesions.assign(**{name: np.nan for name in COORDINATES if name not in lesions})
    keys = ["scan_id", "lesion_id", "region"]
    table = table.assign(region=table["region"].astype(object))
    return table.groupby(keys, sort=True, dropna=False)[list(COORDINATES)].mean().reset_index()


Match = tuple[str | None, str | None, float, str, bool]


def _pairs(
    first: list[str], second: list[str], first_at: Floats, second_at: Floats, tolerance: float
) -> Iterator[Match]:
    """Walk through the pairs of a region, then through what is left over."""
    ids, places = [first, second], [first_at, second_at]
    if all(ids) and not all(np.isfinite(one).all() for one in places):
        yield from _by_region(ids[0], ids[1])
        return
    distances = np.linalg.norm(places[0][:, None, :] - places[1][None, :, :], axis=2)
    left = [set(range(len(one))) for one in ids]
    for i, j in _assign(distances, tolerance):
        left[0].discard(i)
        left[1].discard(j)
        yield ids[0][i], ids[1][j], float(distances[i, j]), BOTH, True
    yield from ((ids[0][i], None, np.nan, CXCR4_ONLY, True) for i in sorted(left[0]))
    yield from ((None, ids[1][j], np.nan, FDG_ONLY, True) for j in sorted(left[1]))


def _by_region(first: list[str], second: list[str]) -> Iterator[Match]:
    if len(first) == len(second) == 1:
        yield first[0], second[0], np.nan, BOTH, True
        return
    pairs, more = min(len(first), len(second)), len(first) - len(second)
    yield from ((None, None, np.nan, BOTH, False) for _ in range(pairs))
    yield from ((None, None, np.nan, CXCR4_ONLY if more > 0 else FDG_ONLY, False) for _ in range(abs(more)))


def _assign(distances: Floats, tolerance: float) -> Iterator[tuple[int, int]]:
    """Choose most pairs within the tolerance and, among these choices, the smallest sum of distances."""
    if not distances.size:
        return
    allowed = distances <= tolerance
    cost = np.where(allowed, distances, _FORBIDDEN)
    for i, j in zip(*linear_sum_assignment(cost), strict=True):
        if allowed[i, j]:
            yield int(i), int(j)
