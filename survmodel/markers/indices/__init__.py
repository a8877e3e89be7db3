"""Clinical indices as published: comparators that a marker has to beat.

Each takes a table with one row for each patient and gives value, group and bounds::

    import survmodel as sm

    result = sm.indices.ipi(table)
    table["ipi_group"] = result.group

======================= ============================================================================================
Aggressive B-cell       ``ipi``, ``aaipi``, ``nccn_ipi``, ``r_ipi`` (off)
======================= ============================================================================================

An index that is off is not verified: its rule was not read in a source that can be trusted, and it is computed with
``unverified=True`` only.

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
from survmodel.markers.indices.aggressive import aaipi, ipi, nccn_ipi, r_ipi
from survmodel.markers.indices.contract import ClinicalIndex as ClinicalIndex
from survmodel.markers.indices.contract import IndexResult as IndexResult

#: Every index, by its key.
ALL: dict[str, ClinicalIndex] = {one.key: one for one in (ipi, aaipi, r_ipi, nccn_ipi)}


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
