"""PET against residual disease in the marrow at the end of treatment: two-by-two tables and kappa."""

from __future__ import annotations

import pandas as pd

from survmodel.markers.end_of_treatment import MRD, MRD_PET, RESULTS, STATES
from survmodel.markers.uptake import TRACERS
from survmodel.performance.agreement import cohens_kappa
from survmodel.performance.paired_positivity import paired_positivity
from survmodel.report.imaging_contents import MrdOfTracer, MrdPart
from survmodel.study.preparation import Prepared
from survmodel.study.step_parts import Progress, attempt_possible, silent
from survmodel.study.tracer_steps import CODES


def mrd_part(prepared: Prepared, progress: Progress = silent) -> MrdPart | None:
    """Set PET beside residual disease, in all patients who have both.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    progress : callable
        Is told the name of each step before it begins.

    Returns
    -------
    MrdPart or None
        None where nobody has an end-of-treatment scan with residual disease looked for near it.
    """
    table = prepared.cohort.table
    if MRD not in table:
        return None
    found = tuple(_of_tracer(tracer, table, progress) for tracer in TRACERS if _both(table, f"{tracer}_end_read").any())
    if not found:
        return None
    states = table[MRD_PET].astype(object) if MRD_PET in table else pd.Series(dtype=object)
    counts = tuple((name, int((states == name).sum())) for name in STATES)
    return MrdPart(found, prepared.study.settings.mrd.days, counts if states.notna().any() else ())


def _both(table: pd.DataFrame, read: str) -> pd.Series:
    none = pd.Series(data=False, index=table.index)
    return table[read].notna() & table[MRD].notna() if read in table else none


def _of_tracer(tracer: str, table: pd.DataFrame, progress: Progress) -> MrdOfTracer:
    own = table.loc[_both(table, f"{tracer}_end_read")]
    pet, marrow = own[f"{tracer}_end_read"].astype(object), own[MRD].astype(object)
    names = (f"{tracer.upper()} PET", "MRD")
    clear = pet.isin(RESULTS)
    return MrdOfTracer(
        tracer.upper(),
        attempt_possible(
            f"mrd/{tracer}", lambda: paired_positivity(pet.map(CODES), marrow.map(CODES), names=names), progress
        ),
        attempt_possible(
            f"mrd/kappa/{tracer}",
            lambda: cohens_kappa(pet[clear], marrow[clear], levels=RESULTS, names=names),
            progress,
        ),
    )
