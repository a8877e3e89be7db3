"""Indices of follicular and of mantle cell lymphoma."""

from __future__ import annotations

import numpy as np

from survmodel.markers.indices.contract import ClinicalIndex
from survmodel.markers.indices.inputs import Floats, Number, lab, times_limit
from survmodel.markers.indices.points import Inputs, Points, Step, present
from survmodel.markers.indices.shared import (
    AGE,
    ECOG,
    HEMOGLOBIN,
    HIGH_LDH,
    LDH,
    LOW_HEMOGLOBIN,
    MARROW,
    OVER_60,
    STAGE,
    STAGE_III,
)  # fmt: skip

_THREE = ("low", "intermediate", "high")
_HOSTER = "Hoster E et al. (2008). Blood 111:558-565."
_AREAS = Number("nodal_areas", "number of nodal areas", "", 0, 30, whole=True)
_NODE = Number("longest_node_cm", "longest diameter of the largest node", "cm", 0, 40,
               hint="give it in cm, or set it missing")  # fmt: skip
_WBC = lab("wbc")
_KI67 = Number("ki67_percent", "Ki-67", "%", 0, 100)
#: Cells in a microlitre, of 10^9 cells in a litre.
_PER_MICROLITRE = 1000.0

flipi = ClinicalIndex(
    key="flipi",
    title="Follicular Lymphoma International Prognostic Index",
    short="FLIPI",
    disease="lymphoma",
    entities=("FL",),
    inputs=(AGE, STAGE, HEMOGLOBIN, _AREAS, LDH),
    rule=Points(OVER_60, STAGE_III, LOW_HEMOGLOBIN, Step("nodal_areas", ">", 4), HIGH_LDH),
    groups=_THREE,
    cuts=(2, 3),
    citation="Solal-Céligny P et al. (2004). Blood 104:1258-1265.",
    doubts=("Nodal areas are counted on the map of FLIPI, which is not that of Ann Arbor.",),
)

flipi2 = ClinicalIndex(
    key="flipi2",
    title="Follicular Lymphoma International Prognostic Index 2",
    short="FLIPI2",
    disease="lymphoma",
    entities=("FL",),
    inputs=(times_limit("b2_microglobulin"), _NODE, MARROW, HEMOGLOBIN, AGE),
    rule=Points(
        Step("b2_microglobulin_uln", ">", 1), Step("longest_node_cm", ">", 6), present("bone_marrow_involved"),
        LOW_HEMOGLOBIN, OVER_60,
    ),
    groups=_THREE,
    cuts=(1, 3),
    citation="Federico M et al. (2009). J Clin Oncol 27:4555-4562.",
)  # fmt: skip


def _mipi(inputs: Inputs) -> Floats:
    """Add up the linear score; white cells count per microlitre."""
    return (
        0.03535 * inputs["age_years"]
        + 0.6978 * (inputs["ecog"] >= 2)
        + 1.367 * np.log10(inputs["ldh_uln"])
        + 0.9393 * np.log10(_PER_MICROLITRE * inputs["wbc"])
    )


def _mipi_b(inputs: Inputs) -> Floats:
    return _mipi(inputs) + 0.02142 * inputs["ki67_percent"]


def _mipi_c(inputs: Inputs) -> Floats:
    return np.where(inputs["ki67_percent"] >= 30, 1.0, 0.0) + mipi.place(_mipi(inputs))


_MIPI_INPUTS = (AGE, ECOG, LDH, _WBC)

mipi = ClinicalIndex(
    key="mipi",
    title="Mantle Cell Lymphoma International Prognostic Index",
    short="MIPI",
    disease="lymphoma",
    entities=("MCL",),
    inputs=_MIPI_INPUTS,
    rule=_mipi,
    groups=_THREE,
    cuts=(5.7, 6.2),
    citation=_HOSTER,
    measure="score",
)

s_mipi = ClinicalIndex(
    key="s_mipi",
    title="Simplified Mantle Cell Lymphoma International Prognostic Index",
    short="s-MIPI",
    disease="lymphoma",
    entities=("MCL",),
    inputs=_MIPI_INPUTS,
    rule=Points(
        Step("age_years", ">=", 50), Step("age_years", ">=", 60), Step("age_years", ">=", 70), Step("ecog", ">=", 2, 2),
        Step("ldh_uln", ">=", 0.67), Step("ldh_uln", ">=", 1), Step("ldh_uln", ">=", 1.5),
        Step("wbc", ">=", 6.7), Step("wbc", ">=", 10), Step("wbc", ">=", 15),
    ),
    groups=_THREE,
    cuts=(4, 6),
    citation=_HOSTER,
    doubts=("The border between intermediate and high risk (6 points) was written down from memory.",),
)  # fmt: skip

mipi_b = ClinicalIndex(
    key="mipi_b",
    title="Biologic Mantle Cell Lymphoma International Prognostic Index",
    short="MIPI-b",
    disease="lymphoma",
    entities=("MCL",),
    inputs=(*_MIPI_INPUTS, _KI67),
    rule=_mipi_b,
    groups=_THREE,
    cuts=(5.7, 6.5),
    citation=_HOSTER,
    measure="score",
    doubts=("The borders of the groups (5.7 and 6.5) were not read in a source that can be trusted.",),
)

mipi_c = ClinicalIndex(
    key="mipi_c",
    title="Combined Mantle Cell Lymphoma International Prognostic Index",
    short="MIPI-c",
    disease="lymphoma",
    entities=("MCL",),
    inputs=(*_MIPI_INPUTS, _KI67),
    rule=_mipi_c,
    groups=("low", "low-intermediate", "high-intermediate", "high"),
    cuts=(1, 2, 3),
    citation="Hoster E et al. (2016). J Clin Oncol 34:1386-1394.",
    verified=False,
    doubts=("The sum of the MIPI group and Ki-67 of 30% or more was written down from memory.",),
)

INDICES = (flipi, flipi2, mipi, s_mipi, mipi_b, mipi_c)
