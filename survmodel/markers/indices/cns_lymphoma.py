"""Indices of primary lymphoma of the central nervous system."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.markers.indices.contract import ClinicalIndex, Published
from survmodel.markers.indices.inputs import Floats, Number, YesNo
from survmodel.markers.indices.points import Inputs, Points, Step, present
from survmodel.markers.indices.shared import AGE, ECOG, HIGH_LDH, LDH, OVER_60

_ENTITIES = ("PCNSL",)
_ABREY = "Abrey LE et al. (2006). J Clin Oncol 24:5711-5715."
_CLASSES = ("1", "2", "3")
_KPS = Number("karnofsky", "Karnofsky performance status", "%", 0, 100, falling=True, whole=True)
_CSF = Number("csf_protein", "protein in cerebrospinal fluid", "mg/dL", 5, 2000,
              hint="give it in mg/dL (1 g/L is 100 mg/dL), or set it missing")  # fmt: skip
_DEEP = YesNo("deep_brain", "whether deep brain is involved (periventricular, basal ganglia, brainstem, cerebellum)")
_POINTS = Points(OVER_60, Step("ecog", ">", 1), HIGH_LDH, present("deep_brain"))


def _ielsg(inputs: Inputs) -> Floats:
    """Add up; what is raised protein depends on age."""
    limit = np.where(inputs["age_years"] > 60, 60.0, 45.0)
    return _POINTS(inputs) + (inputs["csf_protein"] > limit)


def _classes(young: npt.NDArray[np.bool_], inputs: Inputs) -> Floats:
    return np.where(young, 1.0, np.where(inputs["karnofsky"] >= 70, 2.0, 3.0))


def _mskcc(inputs: Inputs) -> Floats:
    return _classes(inputs["age_years"] < 50, inputs)


def _mskcc_50(inputs: Inputs) -> Floats:
    return _classes(inputs["age_years"] <= 50, inputs)


ielsg = ClinicalIndex(
    key="ielsg",
    title="Index of the International Extranodal Lymphoma Study Group",
    short="IELSG score",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(AGE, ECOG, LDH, _CSF, _DEEP),
    rule=_ielsg,
    groups=("low", "intermediate", "high"),
    cuts=(2, 4),
    citation="Ferreri AJM et al. (2003). J Clin Oncol 21:266-272.",
    doubts=(
        "The limit of protein in cerebrospinal fluid (45 mg/dL up to 60 years, 60 above) was not read in the paper.",
        "Deep brain is periventricular, basal ganglia, brainstem and cerebellum; ESMO lists the corpus callosum too.",
    ),
    published=Published((0.80, 0.48, 0.15), 2, "overall survival"),
)

mskcc = ClinicalIndex(
    key="mskcc",
    title="Index of Memorial Sloan Kettering Cancer Center for primary CNS lymphoma",
    short="MSKCC score",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(AGE, _KPS),
    rule=_mskcc,
    groups=_CLASSES,
    cuts=(2, 3),
    citation=_ABREY,
    measure="stage",
    doubts=("The paper does not say where 50 years belong: class 1 here is below 50, that of mskcc_50 up to 50.",),
)

mskcc_50 = ClinicalIndex(
    key="mskcc_50",
    title="Index of Memorial Sloan Kettering Cancer Center for primary CNS lymphoma, class 1 up to 50 years",
    short="MSKCC score (up to 50)",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(AGE, _KPS),
    rule=_mskcc_50,
    groups=_CLASSES,
    cuts=(2, 3),
    citation=_ABREY,
    measure="stage",
    doubts=("The paper does not say where 50 years belong: class 1 here is up to 50, that of mskcc below 50.",),
)

INDICES = (ielsg, mskcc, mskcc_50)
