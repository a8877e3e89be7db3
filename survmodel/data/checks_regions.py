"""Regions of a patient: the reference of one is the same, whichever tracer's scan it stands with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from survmodel.data.canonical import CanonicalTables, baseline_scans
from survmodel.data.findings import Finding


def check_region_references(tables: CanonicalTables) -> Iterator[Finding]:
    """Find regions of a patient whose reference is positive in one row and negative in another.

    Parameters
    ----------
    tables : CanonicalTables
        Scans and reads by region.

    Yields
    ------
    Finding
        One error, D210, for all rows. Only baseline scans are looked at: a region may be free of disease later.
    """
    base = baseline_scans(tables.tables["scans"]).drop_duplicates("scan_id").set_index("scan_id")["patient_id"]
    reads = tables.tables["region_reads"]
    patient = reads["scan_id"].map(base)
    reference = reads["reference"].astype(object)
    known = patient.notna() & reference.notna()
    kinds = reference[known].groupby([patient[known], reads.loc[known, "region"]]).transform("nunique")
    where = np.flatnonzero((kinds.reindex(reads.index) > 1).to_numpy(dtype=bool))
    if where.size:
        problem = "the reference of a region of the patient is positive in one row and negative in another"
        remedy = "the truth does not depend on the tracer: correct one, or leave both empty"
        yield tables.places["region_reads"].find("D210", "reference", problem, where, remedy=remedy)
