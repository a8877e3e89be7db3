"""The International Prognostic Index and its descendants for aggressive B-cell lymphoma."""

from __future__ import annotations

from survmodel.markers.indices.contract import ClinicalIndex, Published
from survmodel.markers.indices.inputs import Number, YesNo
from survmodel.markers.indices.points import Points, Step, present
from survmodel.markers.indices.shared import AGE, ECOG, ECOG_2, HIGH_LDH, LDH, OVER_60, STAGE, STAGE_III

_ENTITIES = ("DLBCL",)
_SHIPP = "Shipp MA et al. (1993). N Engl J Med 329:987-994."
_SITES = Number("extranodal_sites", "number of extranodal sites", "", 0, 30, whole=True)
_MAJOR = YesNo("extranodal_major", "whether bone marrow, CNS, liver, gastrointestinal tract or lung is involved")
_FOUR = ("low", "low-intermediate", "high-intermediate", "high")
_IPI_INPUTS = (AGE, LDH, ECOG, STAGE, _SITES)
_IPI_RULE = Points(OVER_60, HIGH_LDH, ECOG_2, STAGE_III, Step("extranodal_sites", ">", 1))

ipi = ClinicalIndex(
    key="ipi",
    title="International Prognostic Index",
    short="IPI",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=_IPI_INPUTS,
    rule=_IPI_RULE,
    groups=_FOUR,
    cuts=(2, 3, 4),
    citation=_SHIPP,
)

aaipi = ClinicalIndex(
    key="aaipi",
    title="Age-adjusted International Prognostic Index",
    short="aaIPI",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(STAGE, LDH, ECOG),
    rule=Points(STAGE_III, HIGH_LDH, ECOG_2),
    groups=_FOUR,
    cuts=(1, 2, 3),
    citation=_SHIPP,
    oldest=60,
)

r_ipi = ClinicalIndex(
    key="r_ipi",
    title="Revised International Prognostic Index",
    short="R-IPI",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=_IPI_INPUTS,
    rule=_IPI_RULE,
    groups=("very good", "good", "poor"),
    cuts=(1, 3),
    citation="Sehn LH et al. (2007). Blood 109:1857-1861.",
    verified=False,
    doubts=("The groups of R-IPI were written down from memory; its factors are those of IPI.",),
)

nccn_ipi = ClinicalIndex(
    key="nccn_ipi",
    title="NCCN International Prognostic Index",
    short="NCCN-IPI",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(AGE, LDH, STAGE, ECOG, _MAJOR),
    rule=Points(
        Step("age_years", ">", 40), OVER_60, Step("age_years", ">", 75), HIGH_LDH, Step("ldh_uln", ">", 3),
        STAGE_III, ECOG_2, present("extranodal_major"),
    ),
    groups=_FOUR,
    cuts=(2, 4, 6),
    citation="Zhou Z et al. (2014). Blood 123:837-842.",
    # The survival of the middle groups was not read.
    published=Published((0.96, None, None, 0.33), 5, "overall survival"),
)  # fmt: skip

INDICES = (ipi, aaipi, r_ipi, nccn_ipi)
