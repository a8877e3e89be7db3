"""What a study has beside markers and outcomes: readers, and what was measured twice."""

from __future__ import annotations

from collections.abc import Sequence

from survmodel.cohort import ALL_PATIENTS
from survmodel.data.checks_dates import DAYS_BETWEEN_TRACERS
from survmodel.markers.scans import INTERVAL
from survmodel.report.contents import EndpointPart
from survmodel.report.imaging_contents import ImagingPart
from survmodel.study.acquisition_steps import acquisition_part
from survmodel.study.care_steps import management_parts, safety_parts
from survmodel.study.mrd_steps import mrd_part
from survmodel.study.preparation import Prepared
from survmodel.study.reader_steps import reader_part
from survmodel.study.region_steps import region_part
from survmodel.study.step_parts import Progress, silent
from survmodel.study.tracer_steps import DIAGNOSTIC


def imaging_part(prepared: Prepared, parts: Sequence[EndpointPart], progress: Progress = silent) -> ImagingPart | None:
    """Compute everything about reads and regions that the tables of the study allow.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    parts : sequence of EndpointPart
        The endpoints.
    progress : callable
        Is told the name of each step before it begins.

    Returns
    -------
    ImagingPart or None
        None for a plain study, and where there is nothing to say.
    """
    if prepared.study.settings.data.is_plain:
        return None
    patients = compared_patients(prepared)
    found = ImagingPart(
        acquisition=acquisition_part(prepared, patients, progress),
        readers=reader_part(prepared, patients, parts, progress),
        regions=region_part(prepared, near_patients(prepared, patients), progress),
        mrd=mrd_part(prepared, progress),
        management=tuple(management_parts(prepared, patients, progress)),
        safety=tuple(safety_parts(prepared, progress)),
    )
    return found if any(found.answers()) else None


def compared_patients(prepared: Prepared) -> list[str]:
    """Name the patients in whom scans are compared: the diagnostic set where it is declared, else everybody.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.

    Returns
    -------
    list of str
        Their ids, for choosing rows and never for showing.
    """
    cohort = prepared.cohort
    name = DIAGNOSTIC if DIAGNOSTIC in prepared.study.settings.analysis_set else ALL_PATIENTS
    table = cohort.table
    inside = table.loc[cohort.sets[name][0]] if name in cohort.sets else table
    return [str(one) for one in inside.index]


def near_patients(prepared: Prepared, patients: Sequence[str]) -> list[str]:
    """Leave out patients whose scans lie too many days apart to be compared.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    patients : sequence of str
        Whose scans are compared.

    Returns
    -------
    list of str
        The others; patients with one scan stay.
    """
    table = prepared.cohort.table.loc[list(patients)]
    if INTERVAL not in table:
        return list(patients)
    return [str(one) for one in table.index[~(table[INTERVAL] > DAYS_BETWEEN_TRACERS).fillna(value=False).astype(bool)]]
