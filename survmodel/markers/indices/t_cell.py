"""Indices of peripheral T-cell lymphoma and of NK/T-cell lymphoma."""

from __future__ import annotations

from survmodel.markers.indices.contract import ClinicalIndex, Published
from survmodel.markers.indices.inputs import Number, YesNo
from survmodel.markers.indices.points import Points, Step, present
from survmodel.markers.indices.shared import (
    AGE,
    ALBUMIN,
    ECOG,
    ECOG_2,
    HIGH_LDH,
    LDH,
    LOW_ALBUMIN,
    MARROW,
    OVER_60,
    PER_LITRE,
    STAGE,
    STAGE_III,
)  # fmt: skip

_THREE = ("low", "intermediate", "high")
_KIM = "Kim SJ et al. (2016). Lancet Oncol 17:389-400."
_FROM_MEMORY = "The rule was written down from memory."
_NEUTROPHILS = Number("neutrophils", "neutrophils", "10^9/L", 0, 300, hint=PER_LITRE)
_PINK_INPUTS = (
    AGE,
    STAGE,
    YesNo("distant_nodes", "whether distant lymph nodes are involved"),
    YesNo("non_nasal", "whether the lymphoma is of the non-nasal type"),
)
_PINK = (OVER_60, STAGE_III, present("distant_nodes"), present("non_nasal"))

pit = ClinicalIndex(
    key="pit",
    title="Prognostic Index for peripheral T-cell lymphoma, not otherwise specified",
    short="PIT",
    disease="lymphoma",
    entities=("PTCL",),
    inputs=(AGE, ECOG, LDH, MARROW),
    rule=Points(OVER_60, ECOG_2, HIGH_LDH, present("bone_marrow_involved")),
    groups=("1", "2", "3", "4"),
    cuts=(1, 2, 3),
    citation="Gallamini A et al. (2004). Blood 103:2474-2479.",
    # The survival of groups 3 and 4 was not read.
    published=Published((0.623, 0.529, None, None), 5, "overall survival"),
)

t_cell_score = ClinicalIndex(
    key="t_cell_score",
    title="T cell score of peripheral T-cell lymphoma, not otherwise specified",
    short="T cell score",
    disease="lymphoma",
    entities=("PTCL",),
    inputs=(ALBUMIN, ECOG, STAGE, _NEUTROPHILS),
    rule=Points(LOW_ALBUMIN, Step("ecog", ">", 2), STAGE_III, Step("neutrophils", ">", 6.5)),
    groups=_THREE,
    cuts=(1, 3),
    citation="Federico M et al. (2018). Br J Haematol 181:760-769.",
    doubts=("The cuts (albumin below 3.5 g/dL, ECOG above 2, neutrophils above 6.5) were not read in the paper.",),
    published=Published((0.76, 0.43, 0.11), 3, "overall survival"),
)

pink = ClinicalIndex(
    key="pink",
    title="Prognostic Index of Natural Killer Lymphoma",
    short="PINK",
    disease="lymphoma",
    entities=("NKTCL",),
    inputs=_PINK_INPUTS,
    rule=Points(*_PINK),
    groups=_THREE,
    cuts=(1, 2),
    citation=_KIM,
    verified=False,
    doubts=(_FROM_MEMORY,),
)

pink_e = ClinicalIndex(
    key="pink_e",
    title="Prognostic Index of Natural Killer Lymphoma with Epstein-Barr virus DNA",
    short="PINK-E",
    disease="lymphoma",
    entities=("NKTCL",),
    inputs=(*_PINK_INPUTS, YesNo("ebv_dna", "whether Epstein-Barr virus DNA is found in blood")),
    rule=Points(*_PINK, present("ebv_dna")),
    groups=_THREE,
    cuts=(2, 3),
    citation=_KIM,
    verified=False,
    doubts=(_FROM_MEMORY,),
)

INDICES = (pit, t_cell_score, pink, pink_e)
