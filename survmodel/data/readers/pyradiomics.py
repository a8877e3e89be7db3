"""Features of PyRadiomics: one row for each region, intensities of the image as it was, volumes in mm3.

The table says nothing of the unit of the image, so that the study must confirm it, and has no column of its own for
patient and lesion: those of the input table of a batch are looked for by their usual names, else by a column map.

References
----------
van Griethuysen JJM, Fedorov A, Parmar C, et al. Computational radiomics system to decode the radiographic phenotype.
Cancer Res 2017;77:e104-e107.
"""

from __future__ import annotations

from survmodel.data.readers.lesion_layout import (
    COORDINATES,
    ExportReader,
    ExportText,
    Layout,
    Source,
    find_heading,
    need_heading,
    split_table,
)

PATIENTS = ("PatientID", "patient_id", "Patient ID", "Patient", "SubjectID", "Subject", "ID")
LESIONS = ("lesion_id", "Lesion", "ROI", "LabelName", "Mask")
DAYS = ("StudyDate", "scan_date")
INTENSITIES = {
    "suvmean": "original_firstorder_Mean",
    "suv_sd": "original_firstorder_StandardDeviation",
}
VOLUME, CENTRE = "original_shape_MeshVolume", "diagnostics_Mask-original_CenterOfMass"


def lay_out_pyradiomics(export: ExportText) -> Layout:
    """Find the columns of PyRadiomics.

    Parameters
    ----------
    export : ExportText
        The file.

    Returns
    -------
    Layout
        The uptake has no unit.

    Raises
    ------
    FindingsError
        For a header that is not of PyRadiomics.
    """
    columns = {"suvmax": Source(need_heading(export, "original_firstorder_Maximum"))}
    for name, heading in INTENSITIES.items():
        at = find_heading(export, heading)
        if at is not None:
            columns[name] = Source(at)
    volume, centre = find_heading(export, VOLUME), find_heading(export, CENTRE)
    if volume is not None:
        columns["volume_ml"] = Source(volume, "mm3")
    if centre is not None:
        columns |= {name: Source(centre, "mm", part) for part, name in enumerate(COORDINATES)}
    lesion = _find_one(export, LESIONS)
    if lesion is not None:
        columns["lesion_id"] = Source(lesion)
    return Layout(columns, _find_one(export, PATIENTS), _find_one(export, DAYS))


def _find_one(export: ExportText, names: tuple[str, ...]) -> int | None:
    return next((at for name in names if (at := find_heading(export, name)) is not None), None)


PYRADIOMICS = ExportReader(split_table, lay_out_pyradiomics)
