"""Inputs that several indices take in, and the factors of the International Prognostic Index."""

from __future__ import annotations

from survmodel.markers.indices.inputs import Level, Number, YesNo, lab, times_limit
from survmodel.markers.indices.points import Step, level_from

#: Plausible ages of adults.
AGE = Number("age_years", "age", "years", 18, 110)
ECOG = Number("ecog", "ECOG performance status", "", 0, 4, whole=True)
STAGE = Level("stage", "the Ann Arbor stage", ("I", "II", "III", "IV"))
LDH = times_limit("ldh")
HEMOGLOBIN = lab("hemoglobin", falling=True)
ALBUMIN = lab("albumin", falling=True)
PLATELETS = lab("platelets", falling=True)
B2_MICROGLOBULIN = lab("b2_microglobulin")
MARROW = YesNo("bone_marrow_involved", "whether the bone marrow is involved")
#: What to do about cells that were counted per microlitre.
PER_LITRE = "give it in 10^9/L (1000 per microlitre are 1), or set it missing"

OVER_60 = Step("age_years", ">", 60)
STAGE_III = level_from("stage", 2)
ECOG_2 = Step("ecog", ">=", 2)
HIGH_LDH = Step("ldh_uln", ">", 1)
LOW_HEMOGLOBIN = Step("hemoglobin", "<", 12)
LOW_ALBUMIN = Step("albumin", "<", 3.5)
