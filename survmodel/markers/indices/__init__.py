"""Clinical indices as published: comparators that a marker has to beat.

Each takes a table with one row for each patient and gives value, group and bounds::

    import survmodel as sm

    result = sm.indices.ipi(table)
    table["ipi_group"] = result.group

======================= ================================================================================================
Aggressive B-cell       ``ipi``, ``aaipi`` (up to 60 years), ``nccn_ipi``, ``r_ipi`` (off)
Follicular              ``flipi``, ``flipi2``
Mantle cell             ``mipi``, ``s_mipi``, ``mipi_b``, ``mipi_c`` (off)
Marginal zone           ``malt_ipi``, ``revised_malt_ipi``, ``mzl_ipi``, ``smzl_iil``
T cell and NK/T cell    ``pit``, ``t_cell_score``, ``pink``, ``pink_e`` (both off)
Central nervous system  ``ielsg``, ``mskcc``, ``mskcc_50``
Macroglobulinemia       ``ipsswm``, ``ripsswm``, ``ripsswm_uln``
Myeloma                 ``durie_salmon``, ``ds_plus``, ``iss``, ``r_iss``, ``r2_iss``, ``rw_iss``, ``ims_2025`` (off)
Leukemia                ``cll_ipi``, ``eln_2022``, ``rai``, ``binet``, ``nci_all`` of children (all three off)
======================= ================================================================================================

An index that is off is not verified: its rule was not read in a source that can be trusted, and it is computed with
``unverified=True`` only. What is not certain about a rule that is on stands in its ``doubts`` and in every result as a
warning. A missing input bounds an index, and a patient has a group where the bounds agree. The International Metabolic
Prognostic Index is not here, because its coefficients were not read.

Columns are those of the data schema (``age_years``, ``ecog``, ``stage_ct``, ``hemoglobin`` in g/dL, ``ldh_uln``, the
multiple of the upper limit of normal); the others are in ``index.inputs``, with their units.

Examples
--------
>>> import pandas as pd
>>> patients = pd.DataFrame({
...     "age_years": [60.0, 71.2, 45.0], "ldh_uln": [1.0, 1.4, None], "ecog": [1, 2, 0],
...     "stage_ct": ["II", "IV", "II"], "extranodal_sites": [1, 2, 0],
... })
>>> ipi(patients).group.tolist()
['low', 'high', 'low']
>>> ipi(patients).tidy()[["value_min", "value_max", "n_missing"]].to_numpy().tolist()
[[0.0, 0.0, 0.0], [5.0, 5.0, 0.0], [0.0, 1.0, 1.0]]
"""

from __future__ import annotations

from survmodel.errors import ConfigError, list_values
from survmodel.markers.indices import (
    aggressive,
    cns_lymphoma,
    follicular_mantle,
    leukemia,
    macroglobulinemia,
    marginal_zone,
    myeloma,
    t_cell,
)  # fmt: skip
from survmodel.markers.indices.aggressive import aaipi, ipi, nccn_ipi, r_ipi
from survmodel.markers.indices.cns_lymphoma import ielsg, mskcc, mskcc_50
from survmodel.markers.indices.contract import ClinicalIndex, IndexResult, Published
from survmodel.markers.indices.follicular_mantle import flipi, flipi2, mipi, mipi_b, mipi_c, s_mipi
from survmodel.markers.indices.leukemia import binet, cll_ipi, eln_2022, nci_all, rai
from survmodel.markers.indices.macroglobulinemia import ipsswm, ripsswm, ripsswm_uln
from survmodel.markers.indices.marginal_zone import malt_ipi, mzl_ipi, revised_malt_ipi, smzl_iil
from survmodel.markers.indices.myeloma import ds_plus, durie_salmon, ims_2025, iss, r2_iss, r_iss, rw_iss
from survmodel.markers.indices.t_cell import pink, pink_e, pit, t_cell_score

__all__ = [
    "ALL", "NOT_BUILT", "ClinicalIndex", "IndexResult", "Published", "aaipi", "binet", "by_disease", "cll_ipi",
    "ds_plus", "durie_salmon", "eln_2022", "flipi", "flipi2", "ielsg", "ims_2025", "ipi", "ipsswm", "iss", "malt_ipi",
    "mipi", "mipi_b", "mipi_c", "mskcc", "mskcc_50", "mzl_ipi", "nccn_ipi", "nci_all", "pink", "pink_e", "pit",
    "r2_iss", "r_ipi", "r_iss", "rai", "revised_malt_ipi", "ripsswm", "ripsswm_uln", "rw_iss", "s_mipi", "smzl_iil",
    "t_cell_score",
]  # fmt: skip

_FAMILIES = (
    aggressive, follicular_mantle, marginal_zone, t_cell, cns_lymphoma, macroglobulinemia, myeloma, leukemia,
)  # fmt: skip
#: Published indices that are none here, and why.
NOT_BUILT = {
    "impi": "the coefficients of the International Metabolic Prognostic Index (Mikhaeel 2022, J Clin Oncol 40:2352) "
    "could not be checked at their source; compute it elsewhere, declare its group as a column, and name that column",
}
#: Every index, by its key.
ALL: dict[str, ClinicalIndex] = {one.key: one for family in _FAMILIES for one in family.INDICES}


def by_disease(disease: str) -> dict[str, ClinicalIndex]:
    """List the indices of a disease.

    Parameters
    ----------
    disease : str
        Disease group or entity of the data schema, such as "lymphoma" or "MCL".

    Returns
    -------
    dict of str to ClinicalIndex
        By key.

    Raises
    ------
    ConfigError
        For a disease without an index.

    Examples
    --------
    >>> list(by_disease("DLBCL"))[:2]
    ['ipi', 'aaipi']
    """
    found = {key: one for key, one in ALL.items() if disease == one.disease or disease in one.entities}
    if not found:
        known = sorted({name for one in ALL.values() for name in (one.disease, *one.entities)})
        raise ConfigError(f"there is no index of {disease!r}", remedy=f"there are some of {list_values(known, 20)}")
    return found
