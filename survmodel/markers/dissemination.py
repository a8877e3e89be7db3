r"""How far disease has spread: the largest distance between two lesions, alone and by body surface.

.. math:: D_{max} = \max_{i,j} \lVert c_i - c_j \rVert, \qquad SD_{max} = D_{max} / \mathrm{BSA}, \qquad
   \mathrm{BSA} = 0.007184\, w^{0.425}\, h^{0.725}

with centroids *c* [m], weight *w* [kg] and height *h* [cm] (Du Bois and Du Bois 1916; Cottereau 2020). Both are 0 with
one lesion, since it is its own farthest neighbour, and do not exist without lesions. A lesion without coordinates makes
the distance of its scan missing: it might be the farthest one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.markers.matching import COORDINATES
from survmodel.markers.uptake import TRACERS, Marker, Uptake

MM_PER_METRE = 1000.0


def possible_dissemination() -> tuple[Marker, ...]:
    """List every column that `patient_dissemination` can make.

    Returns
    -------
    tuple of Marker
        By tracer.

    Examples
    --------
    >>> [marker.name for marker in possible_dissemination()]
    ['cxcr4_dmax', 'cxcr4_sdmax', 'fdg_dmax', 'fdg_sdmax']
    """
    return tuple(
        marker
        for tracer in TRACERS
        for marker in (
            Marker(f"{tracer}_dmax", f"{tracer.upper()} largest distance between lesions", "m", tracer),
            Marker(f"{tracer}_sdmax", f"{tracer.upper()} largest distance by body surface", "1/m", tracer),
        )
    )


def body_surface(weight_kg: npt.ArrayLike, height_cm: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Estimate the body surface.

    Parameters
    ----------
    weight_kg, height_cm : array_like
        Weight and height.

    Returns
    -------
    ndarray of float64
        Square metres, by Du Bois and Du Bois.

    References
    ----------
    Du Bois D, Du Bois EF (1916). Arch Intern Med 17:863-871.

    Examples
    --------
    >>> float(body_surface(70, 170).round(3))
    1.81
    """
    weight, height = np.asarray(weight_kg, dtype=np.float64), np.asarray(height_cm, dtype=np.float64)
    return np.asarray(0.007184 * weight**0.425 * height**0.725)


def patient_dissemination(patients: Sequence[str], scans: pd.DataFrame, lesions: pd.DataFrame) -> Uptake:
    """Compute how far the lesions of each baseline scan lie apart.

    Parameters
    ----------
    patients : sequence of str
        Patient ids, one for each row of the result.
    scans : pandas.DataFrame
        Baseline scans: scan_id, patient_id, tracer and, where measured, weight_kg and height_cm.
    lesions : pandas.DataFrame
        Columns scan_id, lesion_id, x_mm, y_mm, z_mm.

    Returns
    -------
    Uptake
        Columns of the tracers that have scans; none where lesions have no coordinates at all.

    References
    ----------
    Cottereau AS et al. (2020). J Nucl Med 61:40-45.

    Examples
    --------
    >>> scans = pd.DataFrame({"scan_id": ["s"], "patient_id": ["a"], "tracer": ["cxcr4"], "weight_kg": [70.0],
    ...                       "height_cm": [170.0]})
    >>> lesions = pd.DataFrame({"scan_id": ["s", "s"], "lesion_id": ["1", "2"], "x_mm": [0.0, 300.0],
    ...                         "y_mm": [0.0, 400.0], "z_mm": [0.0, 0.0]})
    >>> patient_dissemination(["a"], scans, lesions).table.round(3).iloc[0].to_dict()
    {'cxcr4_dmax': 0.5, 'cxcr4_sdmax': 0.276}
    """
    table = pd.DataFrame(index=pd.Index([str(one) for one in patients], name="patient_id"))
    if not set(COORDINATES) <= set(lesions.columns) or lesions[list(COORDINATES)].isna().all(axis=None):
        return Uptake(table, ())
    farthest = lesions.groupby("scan_id")[list(COORDINATES)].apply(_farthest)
    markers: list[Marker] = []
    for tracer in TRACERS:
        own = scans[scans["tracer"].astype(str) == tracer].set_index("patient_id")
        if own.empty:
            continue
        distance = own["scan_id"].map(farthest).astype(float).reindex(table.index)
        size = [own[name].astype(float) if name in own else np.nan for name in ("weight_kg", "height_cm")]
        surface = pd.Series(body_surface(size[0], size[1]), index=own.index).reindex(table.index)
        table[f"{tracer}_dmax"], table[f"{tracer}_sdmax"] = distance, distance / surface
        markers += [marker for marker in possible_dissemination() if marker.tracer == tracer]
    return Uptake(table, tuple(markers))


def _farthest(places: pd.DataFrame) -> float:
    """Largest distance between two of the centroids, in metres."""
    values = places.to_numpy(dtype=np.float64)
    if np.isnan(values).any():
        return np.nan
    apart = np.linalg.norm(values[:, None, :] - values[None, :, :], axis=2)
    return float(apart.max()) / MM_PER_METRE
