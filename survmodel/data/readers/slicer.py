"""The table that the SUV module of 3D Slicer writes: one row for each label of a scan, appended on every run.

A second run of the module leaves the same rows twice, and a second run after a correction two values of one lesion: the
first are left out and counted, the second are an error. The table has no volumes.

References
----------
Fedorov A, Beichel R, Kalpathy-Cramer J, et al. 3D Slicer as an image computing platform for the Quantitative Imaging
Network. Magn Reson Imaging 2012;30:1323-1341.
"""

from __future__ import annotations

from survmodel.data.readers.lesion_layout import (
    ExportReader,
    ExportText,
    Layout,
    Source,
    find_heading,
    need_heading,
    split_table,
)

#: The module divides by the injected activity for each gram of body weight.
UNIT = "SUVbw"


def lay_out_slicer(export: ExportText) -> Layout:
    """Find the columns of 3D Slicer.

    Parameters
    ----------
    export : ExportText
        The file.

    Returns
    -------
    Layout
        Without volumes.

    Raises
    ------
    FindingsError
        For a header that is not of 3D Slicer.
    """
    columns = {
        "lesion_id": Source(need_heading(export, "labelID")),
        "suvmax": Source(need_heading(export, "suvmax"), UNIT),
        "suvmean": Source(need_heading(export, "suvmean"), UNIT),
    }
    return Layout(
        columns,
        need_heading(export, "patientID"),
        need_heading(export, "studyDate"),
        find_heading(export, "labelName"),
        drop_repeated=True,
        notes=("the table of 3D Slicer has no volumes, so that there is no volume and total uptake",),
    )


SLICER = ExportReader(split_table, lay_out_slicer)
