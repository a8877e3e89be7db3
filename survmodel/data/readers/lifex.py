"""Exports of LIFEx: one row for each region of interest.

From version 7 on the headings follow the Image Biomarker Standardisation Initiative and carry code and unit, such as
``MORPHOLOGICAL_Volume(IBSI:RNU0)[mm3]``; until version 6 they are ``CONVENTIONAL_SUVbwmax``, whose unit is part of the
name, and ``SHAPE_Volume(mL)``. The same program exports CT: intensities in Hounsfield units are refused.

References
----------
Nioche C, Orlhac F, Boughdad S, et al. LIFEx: a freeware for radiomic feature calculation in multimodality imaging to
accelerate advances in the characterization of tumor heterogeneity. Cancer Res 2018;78:4786-4789.
"""

from __future__ import annotations

import re

from survmodel.data.readers.lesion_layout import (
    COORDINATES,
    ExportReader,
    ExportText,
    Layout,
    Source,
    need_heading,
    refuse_header,
    split_table,
)

PATIENT, REGION = "INFO_PatientName", "INFO_NameOfRoi"
#: Feature of version 7 and later by canonical column, without code and unit.
FEATURES = {
    "suvmax": "intensity-based_maximumintensity",
    "suvmean": "intensity-based_meanintensity",
    "suv_sd": "intensity-based_standarddeviation",
    "suvpeak": "local_intensity_based_globalintensitypeak",
    "volume_ml": "morphological_volume",
}
CENTROID, TOTAL, VOXEL_VOLUME = (
    "morphological_centroid", "intensity-based_totallesionglycolysis", "morphological_approximatevolume",
)  # fmt: skip
#: Feature of version 6 and earlier, where the normalisation stands before the statistic.
_OLD_UPTAKE = re.compile(r"conventional_(?P<unit>suvbw|suvlbm|suvbsa|suv|hu|bqml)(?P<what>max|mean|std|peak.{0,60})")
_OLD_COLUMNS = {"max": "suvmax", "mean": "suvmean", "std": "suv_sd"}
_OLD_VOLUME = re.compile(r"shape_volume(?:\((?P<unit>ml|mm3)\).{0,40})?")
_NEW = re.compile(r"(?P<feature>[^(\[\]]{1,80})(?:\((?P<code>[^)]{0,40})\))?(?:\[(?P<unit>[^\]]{0,20})\])?")


def lay_out_lifex(export: ExportText) -> Layout:
    """Find the columns of LIFEx.

    Parameters
    ----------
    export : ExportText
        The file.

    Returns
    -------
    Layout
        Units as the headings name them.

    Raises
    ------
    FindingsError
        For a header that is not of LIFEx.
    """
    patient, columns = need_heading(export, PATIENT), {"lesion_id": Source(need_heading(export, REGION))}
    found, extra = _find_new(export) if _is_new(export) else _find_old(export)
    if "suvmax" not in found:
        problem = "the header names no maximum of the uptake: neither version 7 and later nor version 6 wrote it"
        remedy = "export with conventional (version 6) or intensity-based (version 7) features, or use a column map"
        refuse_header(export, "D190", problem, remedy)
    columns |= found
    notes: tuple[str, ...] = ()
    centroid = extra.get(CENTROID)
    if centroid is not None and centroid.unit.casefold() == "mm":
        columns |= {name: Source(centroid.at, "mm", part) for part, name in enumerate(COORDINATES)}
    elif centroid is not None:
        notes = ("centroids are in voxels, not in mm, and are left out",)
    return Layout(
        columns, patient, total=extra.get(TOTAL), total_volume=extra.get(VOXEL_VOLUME), notes=notes
    )  # fmt: skip


def _is_new(export: ExportText) -> bool:
    return any("(IBSI:" in heading for heading in export.header)


def _find_new(export: ExportText) -> tuple[dict[str, Source], dict[str, Source]]:
    """Find the features of version 7 and later, and what is not a column of the schema."""
    wanted = {feature: name for name, feature in FEATURES.items()}
    found: dict[str, Source] = {}
    extra: dict[str, Source] = {}
    for i, heading in enumerate(export.header):
        parts = _NEW.fullmatch(heading.strip())
        if parts is None:
            continue
        feature, source = parts["feature"].strip().casefold(), Source(i, parts["unit"] or "")
        if feature in wanted:
            _put(export, found, wanted[feature], source)
        elif feature in {CENTROID, TOTAL, VOXEL_VOLUME}:
            _put(export, extra, feature, source)
    return found, extra


def _find_old(export: ExportText) -> tuple[dict[str, Source], dict[str, Source]]:
    """Find the features of version 6 and earlier; the name of an uptake holds its unit."""
    found: dict[str, Source] = {}
    extra: dict[str, Source] = {}
    for i, heading in enumerate(export.header):
        bare = "".join(heading.split()).casefold()
        uptake, volume = _OLD_UPTAKE.fullmatch(bare), _OLD_VOLUME.fullmatch(bare)
        if uptake is not None and uptake["what"] in _OLD_COLUMNS:
            _put(export, found, _OLD_COLUMNS[uptake["what"]], Source(i, uptake["unit"]))
        elif uptake is not None and "1ml" in uptake["what"]:
            _put(export, found, "suvpeak", Source(i, uptake["unit"]))
        elif volume is not None:
            _put(export, found, "volume_ml", Source(i, volume["unit"] or ""))
        elif bare.startswith("conventional_tlg"):
            _put(export, extra, TOTAL, Source(i))
    return found, extra


def _put(export: ExportText, found: dict[str, Source], name: str, source: Source) -> None:
    if name in found:
        problem = "two headings of the export mean this column"
        refuse_header(export, "D013", problem, "export the features once", export.header[source.at].strip())
    found[name] = source


LIFEX = ExportReader(split_table, lay_out_lifex)
