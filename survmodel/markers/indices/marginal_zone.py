"""Indices of marginal zone lymphoma."""

from __future__ import annotations

from survmodel.markers.indices.contract import ClinicalIndex, Published
from survmodel.markers.indices.inputs import Level, Number, YesNo
from survmodel.markers.indices.points import Points, Step, level_from, present
from survmodel.markers.indices.shared import (
    AGE,
    ALBUMIN,
    HEMOGLOBIN,
    HIGH_LDH,
    LDH,
    LOW_ALBUMIN,
    LOW_HEMOGLOBIN,
    OVER_60,
    PER_LITRE,
    PLATELETS,
    STAGE,
    STAGE_III,
)  # fmt: skip

_THREE = ("low", "intermediate", "high")
_ENTITIES = ("MZL",)
_MUCOSAL = YesNo("multiple_mucosal_sites", "whether two or more extranodal sites beside spleen and marrow are involved")
_SUBTYPE = Level("mzl_subtype", "the subtype of marginal zone lymphoma",
                 ("extranodal", "splenic", "nodal", "disseminated"))  # fmt: skip
_LYMPHOCYTES = Number("lymphocytes", "lymphocytes", "10^9/L", 0, 1000, falling=True, hint=PER_LITRE)

malt_ipi = ClinicalIndex(
    key="malt_ipi",
    title="MALT Lymphoma International Prognostic Index",
    short="MALT-IPI",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(AGE, STAGE, LDH),
    rule=Points(Step("age_years", ">=", 70), STAGE_III, HIGH_LDH),
    groups=_THREE,
    cuts=(1, 2),
    citation="Thieblemont C et al. (2017). Blood 130:1409-1417.",
    published=Published((0.70, 0.56, 0.29), 5, "event-free survival"),
)

revised_malt_ipi = ClinicalIndex(
    key="revised_malt_ipi",
    title="Revised MALT Lymphoma International Prognostic Index",
    short="revised MALT-IPI",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(AGE, LDH, STAGE, _MUCOSAL),
    rule=Points(OVER_60, HIGH_LDH, STAGE_III, present("multiple_mucosal_sites", 2)),
    groups=("low", "low-medium", "medium-high", "high"),
    cuts=(1, 2, 3),
    citation="Alderuccio JP et al. (2022). Am J Hematol 97:1529-1537.",
)

mzl_ipi = ClinicalIndex(
    key="mzl_ipi",
    title="Marginal Zone Lymphoma International Prognostic Index",
    short="MZL-IPI",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(LDH, HEMOGLOBIN, _LYMPHOCYTES, PLATELETS, _SUBTYPE),
    rule=Points(
        HIGH_LDH, LOW_HEMOGLOBIN, Step("lymphocytes", "<", 1), Step("platelets", "<", 100), level_from("mzl_subtype", 2)
    ),
    groups=_THREE,
    cuts=(1, 3),
    citation="Arcaini L et al. (2024). EClinicalMedicine 72:102592.",
    doubts=("MZL-IPI was made for patients at the start of a systemic treatment.",),
    published=Published((0.85, 0.66, 0.37), 5, "progression-free survival"),
)

smzl_iil = ClinicalIndex(
    key="smzl_iil",
    title="Index of the Integruppo Italiano Linfomi for splenic marginal zone lymphoma",
    short="IIL score",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(HEMOGLOBIN, LDH, ALBUMIN),
    rule=Points(LOW_HEMOGLOBIN, HIGH_LDH, LOW_ALBUMIN),
    groups=_THREE,
    cuts=(1, 2),
    citation="Arcaini L et al. (2006). Blood 107:4643-4649.",
    published=Published((0.88, 0.73, 0.50), 5, "cause-specific survival"),
)

INDICES = (malt_ipi, revised_malt_ipi, mzl_ipi, smzl_iil)
