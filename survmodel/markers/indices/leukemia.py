"""Stages and indices of leukemia."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.markers.indices.contract import ClinicalIndex, Published
from survmodel.markers.indices.inputs import Floats, Number, YesNo, lab
from survmodel.markers.indices.points import Inputs, Points, Step, present
from survmodel.markers.indices.shared import AGE, B2_MICROGLOBULIN, HEMOGLOBIN, PLATELETS

Bools = npt.NDArray[np.bool_]
_CLL = ("CLL",)
_FROM_MEMORY = "The rule was written down from memory."
_PALPATION = "Nodes, spleen and liver count as the hand finds them; those seen on CT or PET only do not."

#: Adverse whatever else is found, but for core-binding factor leukemia.
_ADVERSE_CYTOGENETICS = {
    "t_6_9": "t(6;9)",
    "kmt2a_other": "a rearrangement of KMT2A other than t(9;11)",
    "t_9_22": "t(9;22)",
    "t_8_16": "t(8;16)",
    "inv_3": "inv(3) or t(3;3)",
    "mecom_other": "t(3q26.2;v)",
    "del_5": "loss of 5 or del(5q)",
    "monosomy_7": "loss of 7",
    "abn_17p": "loss of 17 or abn(17p)",
    "monosomal_karyotype": "a monosomal karyotype",
}
_MYELODYSPLASIA_GENES = ("asxl1", "bcor", "ezh2", "runx1", "sf3b1", "srsf2", "stag2", "u2af1", "zrsr2")


def _any(inputs: Inputs, names: tuple[str, ...]) -> Bools:
    return np.asarray(np.any([inputs[name] == 1 for name in names], axis=0), dtype=np.bool_)


def _eln_2022(inputs: Inputs) -> Floats:
    """Give 1 for favorable, 2 for intermediate, 3 for adverse."""
    core = _any(inputs, ("t_8_21", "inv_16"))
    favorable = core | _any(inputs, ("cebpa_bzip",)) | (_any(inputs, ("npm1",)) & ~_any(inputs, ("flt3_itd",)))
    t_9_11 = _any(inputs, ("t_9_11",))
    # A complex karyotype is one without a lesion that defines a class.
    cytogenetics = _any(inputs, tuple(_ADVERSE_CYTOGENETICS)) | (_any(inputs, ("complex_karyotype",)) & ~t_9_11)
    genes = _any(inputs, _MYELODYSPLASIA_GENES) & ~favorable & ~t_9_11
    adverse = (~core & (cytogenetics | _any(inputs, ("tp53",)))) | genes
    return np.where(adverse, 3.0, np.where(favorable, 1.0, 2.0))


def _rai(inputs: Inputs) -> Floats:
    """Give the stage; a later one stands whatever is true of the earlier ones."""
    organs, nodes = _any(inputs, ("spleen_or_liver_palpable",)), _any(inputs, ("nodes_palpable",))
    earlier = np.where(organs, 2.0, np.where(nodes, 1.0, 0.0))
    return np.where(inputs["platelets"] < 100, 4.0, np.where(inputs["hemoglobin"] < 11, 3.0, earlier))


def _binet(inputs: Inputs) -> Floats:
    last = (inputs["hemoglobin"] < 10) | (inputs["platelets"] < 100)
    return np.where(last, 3.0, np.where(inputs["binet_areas"] >= 3, 2.0, 1.0))


def _nci(inputs: Inputs) -> Floats:
    age = inputs["age_years"]
    return ((age >= 10) | (age < 1) | (inputs["wbc"] >= 50)).astype(np.float64)


cll_ipi = ClinicalIndex(
    key="cll_ipi",
    title="International Prognostic Index of Chronic Lymphocytic Leukemia",
    short="CLL-IPI",
    disease="leukemia",
    entities=_CLL,
    inputs=(
        YesNo("tp53_aberrant", "whether TP53 is deleted or mutated"),
        YesNo("ighv_unmutated", "whether IGHV is unmutated"),
        B2_MICROGLOBULIN,
        YesNo("rai_1_or_binet_b", "whether the stage is Rai I to IV, or Binet B or C"),
        AGE,
    ),
    rule=Points(
        present("tp53_aberrant", 4), present("ighv_unmutated", 2), Step("b2_microglobulin", ">", 3.5, 2),
        present("rai_1_or_binet_b"), Step("age_years", ">", 65),
    ),
    groups=("low", "intermediate", "high", "very high"),
    cuts=(2, 4, 7),
    citation="International CLL-IPI working group (2016). Lancet Oncol 17:779-790.",
    published=Published((0.932, 0.793, 0.633, 0.233), 5, "overall survival"),
)  # fmt: skip

rai = ClinicalIndex(
    key="rai",
    title="Rai stage",
    short="Rai stage",
    disease="leukemia",
    entities=_CLL,
    inputs=(
        YesNo("nodes_palpable", "whether lymph nodes are palpably enlarged"),
        YesNo("spleen_or_liver_palpable", "whether spleen or liver are palpably enlarged"),
        HEMOGLOBIN,
        PLATELETS,
    ),
    rule=_rai,
    groups=("low", "intermediate", "high"),
    cuts=(1, 3),
    citation="Rai KR et al. (1975). Blood 46:219-234.",
    measure="stage",
    verified=False,
    doubts=(_FROM_MEMORY, _PALPATION),
)

binet = ClinicalIndex(
    key="binet",
    title="Binet stage",
    short="Binet stage",
    disease="leukemia",
    entities=_CLL,
    inputs=(
        Number(
            "binet_areas", "number of areas palpable among neck, axilla, groin, spleen, liver", "", 0, 5, whole=True
        ),
        HEMOGLOBIN,
        PLATELETS,
    ),
    rule=_binet,
    groups=("A", "B", "C"),
    cuts=(2, 3),
    citation="Binet JL et al. (1981). Cancer 48:198-206.",
    measure="stage",
    verified=False,
    doubts=(_FROM_MEMORY, _PALPATION),
)

eln_2022 = ClinicalIndex(
    key="eln_2022",
    title="Risk of acute myeloid leukemia by the European LeukemiaNet, 2022",
    short="ELN 2022",
    disease="leukemia",
    entities=("AML",),
    inputs=(
        YesNo("t_8_21", "whether there is t(8;21)", favourable=True),
        YesNo("inv_16", "whether there is inv(16) or t(16;16)", favourable=True),
        YesNo("npm1", "whether NPM1 is mutated", favourable=True),
        YesNo("flt3_itd", "whether there is an FLT3 internal tandem duplication"),
        YesNo("cebpa_bzip", "whether CEBPA is mutated in frame in bZIP", favourable=True),
        YesNo("t_9_11", "whether there is t(9;11)", favourable=True),
        *(YesNo(name, f"whether there is {lesion}") for name, lesion in _ADVERSE_CYTOGENETICS.items()),
        YesNo("complex_karyotype", "whether the karyotype is complex"),
        *(YesNo(gene, f"whether {gene.upper()} is mutated") for gene in _MYELODYSPLASIA_GENES),
        YesNo("tp53", "whether TP53 is mutated in 10% of the reads or more"),
    ),
    rule=_eln_2022,
    groups=("favorable", "intermediate", "adverse"),
    cuts=(2, 3),
    citation="Döhner H et al. (2022). Blood 140:1345-1377.",
    measure="stage",
    doubts=(
        "What stands where lesions of several classes meet was not read: core-binding factor leukemia stays favorable, "
        "mutated NPM1 or CEBPA with adverse cytogenetics or TP53 is adverse, favorable lesions and t(9;11) beat genes "
        "of myelodysplasia, and NPM1 with FLT3-ITD does not.",
    ),
)

nci_all = ClinicalIndex(
    key="nci_all",
    title="Risk of acute lymphoblastic leukemia in children by the National Cancer Institute",
    short="NCI risk",
    disease="leukemia",
    entities=("ALL",),
    inputs=(Number("age_years", "age", "years", 0, 18, best_at=5, worst_at=10), lab("wbc")),
    rule=_nci,
    groups=("standard", "high"),
    cuts=(1,),
    citation="Smith M et al. (1996). J Clin Oncol 14:18-24.",
    measure="stage",
    verified=False,
    doubts=(_FROM_MEMORY,),
    adult=False,
)

INDICES = (cll_ipi, rai, binet, eln_2022, nci_all)
