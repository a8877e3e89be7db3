"""Stages and indices of multiple myeloma."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.markers.indices.contract import ClinicalIndex, Published
from survmodel.markers.indices.inputs import Floats, Level, Number, YesNo, lab
from survmodel.markers.indices.points import Inputs, Points, Step, present
from survmodel.markers.indices.shared import AGE, ALBUMIN, B2_MICROGLOBULIN, ECOG, HEMOGLOBIN, HIGH_LDH, LDH

Bools = npt.NDArray[np.bool_]
_ENTITIES = ("MM",)
_STAGES = ("I", "II", "III")
_GRAMS = "give it in g/dL (10 g/L are 1 g/dL), or set it missing"
_CREATININE = lab("creatinine")
_DEL17P = YesNo("del17p", "whether there is del(17p)")
_T_4_14 = YesNo("t_4_14", "whether there is t(4;14)")
_T_14_16 = YesNo("t_14_16", "whether there is t(14;16)")
_GAIN_1Q = YesNo("gain_1q", "whether there are three or more copies of 1q")


def _is(inputs: Inputs, name: str) -> Bools:
    return np.asarray(inputs[name] == 1, dtype=np.bool_)


def _first_to_third(first: Bools, third: Bools) -> Floats:
    return np.where(third, 3.0, np.where(first, 1.0, 2.0))


def _iss(inputs: Inputs) -> Floats:
    b2 = inputs["b2_microglobulin"]
    return _first_to_third((b2 < 3.5) & (inputs["albumin"] >= 3.5), b2 >= 5.5)


def _r_iss(inputs: Inputs) -> Floats:
    """Give stage I without any risk, stage III with ISS III and one more; the parenthesis is the point of it."""
    stage, high_ldh = _iss(inputs), inputs["ldh_uln"] > 1
    risk = _is(inputs, "del17p") | _is(inputs, "t_4_14") | _is(inputs, "t_14_16") | high_ldh
    return _first_to_third((stage == 1) & ~risk, (stage == 3) & risk)


_R2 = Points(present("del17p"), HIGH_LDH, present("t_4_14"), present("gain_1q", 0.5))
_RW = Points(
    Step("age_years", ">", 70, 2), Step("ecog", ">=", 1), Step("ecog", ">", 1), present("t_14_16"),
    Step("ldh_uln", ">", 1, 0.5), present("del17p", 0.5),
)  # fmt: skip


def _points_of_iss(inputs: Inputs, second: float, third: float) -> Floats:
    stage = _iss(inputs)
    return np.where(stage == 3, third, np.where(stage == 2, second, 0.0))


def _r2_iss(inputs: Inputs) -> Floats:
    return _R2(inputs) + _points_of_iss(inputs, 1.0, 1.5)


def _rw_iss(inputs: Inputs) -> Floats:
    return _RW(inputs) + _points_of_iss(inputs, 0.5, 1.0)


def _durie_salmon(inputs: Inputs) -> Floats:
    """Give 1 for IA, 2 for IB, up to 6 for IIIB."""
    hb, ca, bone = inputs["hemoglobin"], inputs["calcium"], inputs["lytic_lesions"]
    igg, iga, light = inputs["igg"], inputs["iga"], inputs["bence_jones"]
    first = (hb > 10) & (ca <= 12) & (bone <= 1) & (igg < 5) & (iga < 3) & (light < 4)
    third = (hb < 8.5) | (ca > 12) | (bone > 3) | (igg > 7) | (iga > 5) | (light > 12)
    return 2 * _first_to_third(first, third) - 1 + (inputs["creatinine"] >= 2)


def _ds_plus(inputs: Inputs) -> Floats:
    """Give 1 for I, 2 for IIA, 3 for IIB, 4 for IIIA, 5 for IIIB."""
    lesions, diffuse = inputs["focal_lesions"], inputs["diffuse_pattern"]
    stage = _first_to_third((lesions < 5) & (diffuse <= 1), (lesions > 20) | (diffuse >= 3))
    worse = (inputs["creatinine"] >= 2) | _is(inputs, "extramedullary")
    return np.where(stage == 1, 1.0, 2 * stage - 2 + worse)


def _ims_2025(inputs: Inputs) -> Floats:
    gain, loss = _is(inputs, "gain_1q"), _is(inputs, "del1p32")
    moved = _is(inputs, "t_4_14") | _is(inputs, "t_14_16") | _is(inputs, "t_14_20")
    burden = (inputs["b2_microglobulin"] >= 5.5) & (inputs["creatinine"] < 1.2)
    high = (
        _is(inputs, "del17p_20") | _is(inputs, "tp53") | _is(inputs, "del1p32_biallelic") | (loss & gain)
        | (moved & (gain | loss)) | burden
    )  # fmt: skip
    return high.astype(np.float64)


durie_salmon = ClinicalIndex(
    key="durie_salmon",
    title="Durie-Salmon stage",
    short="Durie-Salmon stage",
    disease="myeloma",
    entities=_ENTITIES,
    inputs=(
        HEMOGLOBIN,
        lab("calcium"),
        Number("lytic_lesions", "number of lytic bone lesions", "", 0, 200, whole=True),
        Number("igg", "IgG", "g/dL", 0, 15, hint=_GRAMS, usual_median=(0.0, 8.0)),
        Number("iga", "IgA", "g/dL", 0, 15, hint=_GRAMS, usual_median=(0.0, 8.0)),
        Number("bence_jones", "light chains in urine", "g/24 h", 0, 60, hint="give it in g/24 h, or set it missing"),
        _CREATININE,
    ),
    rule=_durie_salmon,
    groups=("IA", "IB", "IIA", "IIB", "IIIA", "IIIB"),
    cuts=(2, 3, 4, 5, 6),
    citation="Durie BGM, Salmon SE (1975). Cancer 36:842-854.",
    measure="stage",
)

ds_plus = ClinicalIndex(
    key="ds_plus",
    title="Durie-Salmon PLUS stage of a scan",
    short="DS-PLUS",
    disease="myeloma",
    entities=_ENTITIES,
    inputs=(
        Number("focal_lesions", "number of focal lesions of 5 mm or more", "", 0, 500, whole=True),
        Level("diffuse_pattern", "the grade of diffuse disease", ("none", "mild", "moderate", "severe")),
        YesNo("extramedullary", "whether there is extramedullary disease"),
        _CREATININE,
    ),
    rule=_ds_plus,
    groups=("IB", "IIA", "IIB", "IIIA", "IIIB"),
    cuts=(2, 3, 4, 5),
    citation="Durie BGM (2006). Eur J Cancer 42:1539-1543.",
    measure="stage",
    doubts=(
        "A creatinine of exactly 2.0 mg/dL is in no subclass as printed; it is read as B.",
        "No grades of diffuse uptake are published for CXCR4 PET; compute the stage of each tracer apart.",
    ),
    imaging=True,
)

iss = ClinicalIndex(
    key="iss",
    title="International Staging System",
    short="ISS",
    disease="myeloma",
    entities=_ENTITIES,
    inputs=(B2_MICROGLOBULIN, ALBUMIN),
    rule=_iss,
    groups=_STAGES,
    cuts=(2, 3),
    citation="Greipp PR et al. (2005). J Clin Oncol 23:3412-3420.",
    measure="stage",
)

r_iss = ClinicalIndex(
    key="r_iss",
    title="Revised International Staging System",
    short="R-ISS",
    disease="myeloma",
    entities=_ENTITIES,
    inputs=(B2_MICROGLOBULIN, ALBUMIN, LDH, _DEL17P, _T_4_14, _T_14_16),
    rule=_r_iss,
    groups=_STAGES,
    cuts=(2, 3),
    citation="Palumbo A et al. (2015). J Clin Oncol 33:2863-2869.",
    measure="stage",
    published=Published((0.82, 0.62, 0.40), 5, "overall survival"),
)

r2_iss = ClinicalIndex(
    key="r2_iss",
    title="Second Revision of the International Staging System",
    short="R2-ISS",
    disease="myeloma",
    entities=_ENTITIES,
    inputs=(B2_MICROGLOBULIN, ALBUMIN, LDH, _DEL17P, _T_4_14, _GAIN_1Q),
    rule=_r2_iss,
    groups=("low", "low-intermediate", "intermediate-high", "high"),
    cuts=(0.5, 1.5, 3),
    citation="D'Agostino M et al. (2022). J Clin Oncol 40:3406-3418.",
)

rw_iss = ClinicalIndex(
    key="rw_iss",
    title="Real-World International Staging System",
    short="RW-ISS",
    disease="myeloma",
    entities=_ENTITIES,
    inputs=(AGE, ECOG, B2_MICROGLOBULIN, ALBUMIN, LDH, _DEL17P, _T_14_16),
    rule=_rw_iss,
    groups=("I", "II", "III", "IV"),
    cuts=(2.5, 3.5, 5),
    citation="Danish cohort (2025). Blood Cancer J, doi:10.1038/s41408-025-01268-y.",
)

ims_2025 = ClinicalIndex(
    key="ims_2025",
    title="High-risk myeloma of the International Myeloma Society and Working Group, 2025",
    short="IMS/IMWG 2025",
    disease="myeloma",
    entities=_ENTITIES,
    inputs=(
        YesNo("del17p_20", "whether there is del(17p) in 20% of plasma cells or more"),
        YesNo("tp53", "whether TP53 is mutated"),
        YesNo("del1p32", "whether there is del(1p32)"),
        YesNo("del1p32_biallelic", "whether del(1p32) is biallelic"),
        _GAIN_1Q,
        _T_4_14,
        _T_14_16,
        YesNo("t_14_20", "whether there is t(14;20)"),
        B2_MICROGLOBULIN,
        lab("creatinine", falling=True),
    ),
    rule=_ims_2025,
    groups=("standard", "high"),
    cuts=(1,),
    citation="Avet-Loiseau H et al. (2025). J Clin Oncol 43:2739-2751.",
    measure="stage",
    verified=False,
    doubts=("The definition was written down from memory.",),
)

INDICES = (durie_salmon, ds_plus, iss, r_iss, r2_iss, rw_iss, ims_2025)
